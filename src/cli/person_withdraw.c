#include "cli/cli_priv.h"

#include "davy/link/os.h"

static int withdraw(struct session *session, struct rid person, enum role role) {
    struct cli *cli = session->cli;
    const char *area = cli->value[OPT_AREA] ? cli->value[OPT_AREA] : "";
    enum rc rc = app_role_take(session->app, person, role, area, os_now(), &session->refusal);
    if (rc != RC_OK) {
        return cli_fail_rc(cli, rc, &session->refusal);
    }
    cli_say(cli, _("number %s is no longer %s (%s)"), cli->args[0], say_role(role),
            area[0] != '\0' ? area : _("all areas"));
    return CLI_OK;
}

int cmd_person_withdraw(struct cli *cli) {
    struct session session;
    struct rid person;
    enum role role;
    int code = person_role(cli, cli->args[1], &role);
    if (code != CLI_OK) {
        return code;
    }
    code = session_open(cli, SESSION_ACT, &session);
    if (code == CLI_OK) {
        code = cli_person(&session, cli->args[0], &person);
    }
    if (code == CLI_OK) {
        code = session_sign_in_root(&session);
    }
    if (code == CLI_OK) {
        code = withdraw(&session, person, role);
    }
    session_close(&session);
    return code;
}
