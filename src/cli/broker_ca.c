#include "cli/cli_priv.h"

#include "davy/cli/broker.h"

static const struct cli_column columns[] = {{"certificate", N_("Certificate"), false},
                                            {"sha256", N_("SHA-256"), false}};

int cmd_broker_ca(struct cli *cli) {
    struct session session;
    struct broker_authority authority;
    char keys[PATH_MAX + 16];
    char file[PATH_MAX + 32];
    char site[ID_SHORT_BYTES];
    char fingerprint[PKI_FINGERPRINT_BYTES];
    int code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK && !session_is_hub(&session)) {
        code = cli_fail(cli, _("this is not the hub's folder: run it on the hub"));
    }
    if (code == CLI_OK) {
        (void)snprintf(keys, sizeof keys, "%s/keys", cli->dir);
        (void)snprintf(file, sizeof file, "%s/site-ca.crt", keys);
        id16_short(store_site(app_store(session.app)).id, site);
        enum rc rc = broker_authority_open(keys, site, &authority);
        if (rc == RC_OK) {
            rc = pki_fingerprint(buf_slice(&authority.certificate), fingerprint);
            broker_authority_close(&authority);
        }
        code = rc == RC_OK ? CLI_OK : cli_fail_rc(cli, rc, NULL);
    }
    if (code == CLI_OK) {
        struct cli_list list;
        list_start(&list, cli, columns, COUNT_OF(columns));
        list_text(&list, file);
        list_text(&list, fingerprint);
        list_row(&list);
        code = list_finish_form(&list);
    }
    session_close(&session);
    return code;
}
