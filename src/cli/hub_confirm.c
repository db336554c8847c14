#include "cli/cli_priv.h"

int cmd_hub_confirm(struct cli *cli) {
    struct session session;
    struct buf answer;
    struct slice text;
    buf_init(&answer, LIMIT_CONTROL_MESSAGE_BYTES);
    int code = session_open(cli, SESSION_HUB, &session);
    if (code == CLI_OK && !session.owned) {
        code = cli_fail(cli, "%s", _("no davyd runs here: start davyd, then repeat"));
    }
    if (code == CLI_OK) {
        code = session_ask(&session, CONTROL_CONFIRM, slice_of(NULL, 0), &answer, &text);
    }
    if (code == CLI_OK) {
        cli_say(cli, "%s", _("the hub serves; what its devices hold beyond it is not taken back"));
    }
    buf_fini(&answer);
    session_close(&session);
    return code;
}
