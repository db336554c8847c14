// An invite's door: where the device will knock, under which account, with which secret.
#include "cli/cli_priv.h"

#include "davy/cli/broker.h"
#include "davy/link/os.h"

#include <string.h>

// The pre-shared key where the broker has such a door; otherwise a password for this machine.
static enum rc give_secret(const struct broker_book *book, struct broker_account *account,
                           struct cli_door *out_door) {
    pki_psk_make(out_door->password);
    if (book->doors.psk[0] != '\0') {
        (void)snprintf(out_door->broker, sizeof out_door->broker, "psk:%.60s", book->doors.psk);
        memcpy(account->psk, out_door->password, sizeof account->psk);
        return RC_OK;
    }
    (void)snprintf(out_door->broker, sizeof out_door->broker, "%.64s", book->doors.loopback);
    return pki_password_hash(out_door->password, account->hash);
}

static int make_account(struct session *session, const char *folder, struct broker_book *book,
                        struct cli_door *out_door) {
    struct cli *cli = session->cli;
    struct rid device;
    const struct broker_account *known = broker_account_find(book, out_door->account);
    if (roster_device_by_account(app_roster(session->app), out_door->account, &device) ||
        (known && known->kind != BROKER_DEVICE)) {
        return cli_fail(cli, _("the account %s is taken"), out_door->account);
    }
    struct broker_account *account = broker_account_add(book, out_door->account);
    if (!account) {
        return cli_fail(cli, "%s", _("no more accounts fit"));
    }
    enum rc rc = give_secret(book, account, out_door);
    if (rc == RC_OK) {
        rc = broker_save(folder, book);
    }
    return rc == RC_OK ? cli_broker_refresh(session, folder, book, false)
                       : cli_fail(cli, _("%s cannot be written: %s"), folder, say_rc(rc));
}

int cli_broker_invite(struct cli *cli, struct cli_door *out_door) {
    struct session session;
    struct broker_book book = {0};
    char folder[PATH_MAX];
    int lock = -1;
    if (cli->value[OPT_ACCOUNT]) {
        (void)snprintf(out_door->account, sizeof out_door->account, "%s", cli->value[OPT_ACCOUNT]);
    } else {
        uint32_t random;
        keys_random(&random, sizeof random);
        (void)snprintf(out_door->account, sizeof out_door->account, "d-%08x", random);
    }
    cli_broker_folder(cli, NULL, folder, sizeof folder);
    int code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK) {
        enum rc rc = broker_read(folder, &book);
        broker_book_fini(&book);
        rc = rc == RC_OK ? broker_open(folder, &lock, &book) : rc;
        code = rc == RC_OK ? make_account(&session, folder, &book, out_door)
                           : cli_fail_usage(cli, "%s",
                                            _("--broker, --account and --password-file are needed, "
                                              "or broker's files: davy broker write"));
    }
    broker_book_fini(&book);
    broker_close(lock);
    session_close(&session);
    return code;
}
