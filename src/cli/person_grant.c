#include "cli/cli_priv.h"

#include "davy/link/os.h"

static const struct cli_column columns[] = {
    {"person", NULL, false}, {"role", NULL, false}, {"area", NULL, false}};

static int grant(struct session *session, struct rid person, enum role role) {
    struct cli *cli = session->cli;
    struct cli_list list;
    const char *area = cli->value[OPT_AREA] ? cli->value[OPT_AREA] : "";
    struct role_spec spec = {.role = role, .area = area};
    int code = cli_when(cli, OPT_FROM, false, &spec.from);
    if (code == CLI_OK) {
        code = cli_when(cli, OPT_UNTIL, true, &spec.until);
    }
    if (code != CLI_OK) {
        return code;
    }
    const struct roster *roster = app_roster(session->app);
    bool proposed = roster_needs(roster, KIND_ROLE_GRANT, role, session->root != NULL) > 1;
    enum rc rc = app_role_give(session->app, person, &spec, os_now(), &session->refusal);
    if (rc != RC_OK) {
        return cli_fail_rc(cli, rc, &session->refusal);
    }
    list_start(&list, cli, columns, COUNT_OF(columns));
    list_id(&list, person.id);
    list_text(&list, role_name(role));
    list_text(&list, area);
    list_row(&list);
    cli_say(cli,
            proposed ? _("number %s is proposed as %s (%s); a second admin signs with davy "
                         "person second")
                     : _("number %s is now %s (%s)"),
            cli->args[0], say_role(role), area[0] != '\0' ? area : _("all areas"));
    return list_finish(&list);
}

int cmd_person_grant(struct cli *cli) {
    struct session session;
    struct rid person;
    enum role role;
    int code = person_role(cli, cli->args[1], &role);
    if (code != CLI_OK) {
        return code;
    }
    code = session_open(cli, SESSION_ACT, &session);
    if (code == CLI_OK &&
        !roster_person_by_number(app_roster(session.app), cli->args[0], &person)) {
        code = cli_fail(cli, _("nobody has the badge number %s; davy person list shows them"),
                        cli->args[0]);
    }
    if (code == CLI_OK && cli->value[OPT_AREA]) {
        code = session_area(&session, cli->value[OPT_AREA]);
    }
    if (code == CLI_OK) {
        code = session_sign_in_root(&session);
    }
    if (code == CLI_OK) {
        code = grant(&session, person, role);
    }
    session_close(&session);
    return code;
}
