#include "cli/cli_priv.h"

#include "davy/link/os.h"

static const struct cli_column columns[] = {
    {"device", NULL, false}, {"account", NULL, false}, {"name", NULL, false}};

static int revoke_device(struct session *session, struct rid device,
                         const struct revoke_spec *spec) {
    struct cli *cli = session->cli;
    struct cli_list list;
    enum rc rc = app_device_revoke(session->app, device, spec, os_now(), &session->refusal);
    if (rc != RC_OK) {
        return cli_fail_rc(cli, rc, &session->refusal);
    }
    const struct roster_device *row = roster_device(app_roster(session->app), device);
    list_start(&list, cli, columns, COUNT_OF(columns));
    list_id(&list, device.id);
    list_text(&list, cli->args[0]);
    list_text(&list, row ? row->name : "");
    list_row(&list);
    cli_say(cli,
            _("%s is withdrawn; what it still sends is held, and davy review list shows what waits "
              "for a review"),
            cli->args[0]);
    return list_finish(&list);
}

int cmd_device_revoke(struct cli *cli) {
    struct session session;
    struct rid device;
    struct revoke_spec spec = {.reason = NULL};
    int code = cli_reason(cli, &spec.reason);
    if (code == CLI_OK) {
        code = cli_when(cli, OPT_SINCE, false, &spec.since);
    }
    if (code != CLI_OK) {
        return code;
    }
    code = session_open(cli, SESSION_ACT, &session);
    if (code == CLI_OK) {
        code = cli_device(&session, cli->args[0], &device);
    }
    if (code == CLI_OK) {
        code = session_sign_in_root(&session);
    }
    if (code == CLI_OK) {
        code = revoke_device(&session, device, &spec);
    }
    session_close(&session);
    return code;
}
