#include "cli/cli_priv.h"

#include "davy/cli/broker.h"
#include "davy/link/mqtt.h"
#include "davy/link/os.h"

#include <string.h>

#define LOOPBACK_DEFAULT "127.0.0.1:1883"

// The folder of the broker's files: the argument, or below the hub's folder.
void cli_broker_folder(const struct cli *cli, const char *given, char *out, size_t out_bytes) {
    if (given) {
        (void)snprintf(out, out_bytes, "%s", given);
    } else {
        (void)snprintf(out, out_bytes, "%s/" BROKER_FOLDER, cli->dir);
    }
}

static int take_door(struct cli *cli, enum cli_opt option, char *out_door, bool *inout_changed) {
    struct mqtt_address address;
    const char *given = cli->value[option];
    if (!given) {
        return CLI_OK;
    }
    bool none = option != OPT_LOOPBACK && strcmp(given, "none") == 0;
    bool good = none || (strlen(given) < BROKER_ADDRESS_BYTES &&
                         mqtt_address_parse(given, &address) && address.door == MQTT_LOOPBACK);
    if (!good) {
        return cli_fail_usage(cli, _("--%s takes HOST:PORT with a numeric address"),
                              cli_options[option].name);
    }
    if (option == OPT_LOOPBACK && !mqtt_address_is_safe(&address)) {
        return cli_fail_usage(cli, "%s",
                              _("--loopback takes an address of this machine, such as "
                                "127.0.0.1:1883"));
    }
    const char *door = none ? "" : given;
    *inout_changed |= strcmp(out_door, door) != 0;
    (void)snprintf(out_door, BROKER_ADDRESS_BYTES, "%s", door);
    return CLI_OK;
}

// davyd's own account, and its password in a file beside.
static enum rc make_hub_account(const char *folder, struct broker_book *book) {
    char path[PATH_MAX + 32];
    char password[PKI_PSK_BYTES];
    if (broker_account_find(book, BROKER_HUB_ACCOUNT)) {
        return RC_OK;
    }
    struct broker_account *account = broker_account_add(book, BROKER_HUB_ACCOUNT);
    if (!account) {
        return RC_NO_MEMORY;
    }
    account->kind = BROKER_HUB;
    pki_psk_make(password);
    enum rc rc = pki_password_hash(password, account->hash);
    if (rc == RC_OK) {
        (void)snprintf(path, sizeof path, "%s/" BROKER_PASSWORD_FILE, folder);
        rc = os_file_write(path, slice_text(password), 0600);
    }
    keys_wipe(password, sizeof password);
    return rc;
}

int cli_broker_refresh(struct session *session, const char *folder, const struct broker_book *book,
                       bool doors_changed) {
    bool changed = false;
    struct broker_site site = {.folder = folder,
                               .hub_folder = session->cli->dir,
                               .roster = app_roster(session->app),
                               .site = store_site(app_store(session->app)),
                               .now = os_now().utc,
                               .doors_changed = doors_changed};
    enum rc rc = broker_refresh_book(&site, book, &changed);
    return rc == RC_OK ? CLI_OK
                       : cli_fail(session->cli, _("%s cannot be written: %s"), folder, say_rc(rc));
}

static const struct cli_column columns[] = {{"folder", N_("Folder"), false},
                                            {"loopback", N_("On this machine"), false},
                                            {"tls", N_("By certificate"), false},
                                            {"psk", N_("By pre-shared key"), false},
                                            {"accounts", N_("Accounts"), false}};

static int report(struct cli *cli, const char *folder, const struct broker_book *book) {
    struct cli_list list;
    list_start(&list, cli, columns, COUNT_OF(columns));
    list_text(&list, folder);
    list_text(&list, book->doors.loopback);
    list_text(&list, book->doors.tls);
    list_text(&list, book->doors.psk);
    list_uint(&list, book->count);
    list_row(&list);
    int code = list_finish_form(&list);
    cli_say(cli, _("start it with: mosquitto -c %s/mosquitto.conf"), folder);
    cli_say(cli, _("davyd.conf: [broker] folder = %s"), folder);
    return code;
}

static int write_files(struct session *session, const char *folder, struct broker_book *book) {
    struct cli *cli = session->cli;
    bool doors_changed = book->doors.loopback[0] == '\0';
    if (doors_changed) {
        (void)snprintf(book->doors.loopback, sizeof book->doors.loopback, LOOPBACK_DEFAULT);
    }
    int code = take_door(cli, OPT_LOOPBACK, book->doors.loopback, &doors_changed);
    if (code == CLI_OK) {
        code = take_door(cli, OPT_TLS, book->doors.tls, &doors_changed);
    }
    if (code == CLI_OK) {
        code = take_door(cli, OPT_PSK, book->doors.psk, &doors_changed);
    }
    if (code != CLI_OK) {
        return code;
    }
    enum rc rc = make_hub_account(folder, book);
    if (rc == RC_OK) {
        rc = broker_save(folder, book);
    }
    if (rc != RC_OK) {
        return cli_fail(cli, _("%s cannot be written: %s"), folder, say_rc(rc));
    }
    code = cli_broker_refresh(session, folder, book, doors_changed);
    return code == CLI_OK ? report(cli, folder, book) : code;
}

int cmd_broker_write(struct cli *cli) {
    struct session session;
    struct broker_book book = {0};
    char folder[PATH_MAX];
    int lock = -1;
    cli_broker_folder(cli, cli->arg_count > 0 ? cli->args[0] : NULL, folder, sizeof folder);
    int code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK && !session_is_hub(&session)) {
        code = cli_fail(cli, _("this is not the hub's folder: run it on the hub"));
    }
    if (code == CLI_OK) {
        enum rc rc = broker_open(folder, &lock, &book);
        code = rc == RC_OK ? write_files(&session, folder, &book)
                           : cli_fail(cli, _("%s cannot be read: %s"), folder, say_rc(rc));
    }
    broker_book_fini(&book);
    broker_close(lock);
    session_close(&session);
    return code;
}
