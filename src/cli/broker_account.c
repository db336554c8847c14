#include "cli/cli_priv.h"

#include "davy/cli/broker.h"

#include <string.h>

static const struct cli_column columns[] = {{"account", N_("Account"), false},
                                            {"password", N_("Password"), false},
                                            {"psk", N_("Pre-shared key"), false}};

// Told once: only the password's hash is kept.
static int report(struct cli *cli, const struct broker_account *account, const char *password) {
    struct cli_list list;
    list_start(&list, cli, columns, COUNT_OF(columns));
    list_text(&list, account->name);
    list_text(&list, password);
    list_text(&list, account->psk);
    list_row(&list);
    return list_finish_form(&list);
}

static int take_password(struct cli *cli, char *out_password, size_t out_bytes) {
    if (cli->value[OPT_PASSWORD_FILE]) {
        return ask_file_line(cli, cli->value[OPT_PASSWORD_FILE], 0, out_password, out_bytes);
    }
    pki_psk_make(out_password);
    return CLI_OK;
}

static int write_account(struct session *session, const char *folder, struct broker_book *book) {
    struct cli *cli = session->cli;
    char password[PKI_PASSWORD_BYTES];
    const struct broker_account *known = broker_account_find(book, cli->args[0]);
    if (known && known->kind != BROKER_GATEWAY) {
        return cli_fail(cli, _("%s is the account of a device or of the hub"), cli->args[0]);
    }
    int code = take_password(cli, password, sizeof password);
    if (code != CLI_OK) {
        return code;
    }
    struct broker_account *account = broker_account_add(book, cli->args[0]);
    if (!account) {
        return cli_fail(cli, "%s", _("no more accounts fit"));
    }
    account->kind = BROKER_GATEWAY;
    (void)snprintf(account->topics, sizeof account->topics, "%s", cli->value[OPT_TOPICS]);
    pki_psk_make(account->psk);
    enum rc rc = pki_password_hash(password, account->hash);
    if (rc == RC_OK) {
        rc = broker_save(folder, book);
    }
    code = rc == RC_OK ? cli_broker_refresh(session, folder, book, false)
                       : cli_fail(cli, _("%s cannot be written: %s"), folder, say_rc(rc));
    if (code == CLI_OK) {
        code = report(cli, account, cli->value[OPT_PASSWORD_FILE] ? "" : password);
    }
    keys_wipe(password, sizeof password);
    return code;
}

int cmd_broker_account(struct cli *cli) {
    struct session session;
    struct broker_book book = {0};
    char folder[PATH_MAX];
    int lock = -1;
    if (!cli_is_code(cli->args[0])) {
        return cli_fail_usage(cli, "%s", _("an account has letters, digits, - and _"));
    }
    if (!cli->value[OPT_TOPICS] || !broker_topics_are_good(cli->value[OPT_TOPICS])) {
        return cli_fail_usage(cli, "%s",
                              _("--topics takes what the gateway may write, such as plant/#; not "
                                "davy/, and no wildcard at the beginning"));
    }
    cli_broker_folder(cli, cli->arg_count > 1 ? cli->args[1] : NULL, folder, sizeof folder);
    int code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK) {
        enum rc rc = broker_open(folder, &lock, &book);
        if (rc == RC_OK && book.doors.loopback[0] == '\0') {
            rc = RC_NOT_FOUND;
        }
        code = rc == RC_OK
                   ? write_account(&session, folder, &book)
                   : cli_fail(cli, _("%s holds no broker's files: davy broker write"), folder);
    }
    broker_book_fini(&book);
    broker_close(lock);
    session_close(&session);
    return code;
}
