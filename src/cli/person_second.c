#include "cli/cli_priv.h"

#include "davy/link/os.h"

#include <string.h>

static const struct cli_column columns[] = {
    {"person", N_("Person"), false}, {"kind", N_("Act"), false},     {"role", N_("Role"), false},
    {"area", N_("Area"), false},     {"signed", N_("Signed"), true}, {"needs", N_("Needs"), true}};

// A copy: what the roster holds changes with each second.
static uint8_t proposals_of(struct session *session, struct rid person,
                            struct roster_proposal out[ROSTER_PROPOSALS_MAX]) {
    const struct roster_proposal *rows = NULL;
    uint8_t count = roster_proposals(app_roster(session->app), person, &rows);
    if (count > 0) {
        memcpy(out, rows, count * sizeof *out);
    }
    return count;
}

static void put(struct cli_list *list, const char *number, const struct roster_proposal *row) {
    bool role = row->role.role != 0;
    const struct kind *kind = registry_kind(app_registry(), row->kind, NULL);
    list_text(list, number);
    list_word(list, kind ? kind->name : "?", say_kind(row->kind));
    list_text(list, role ? role_name((enum role)row->role.role) : "");
    list_text(list, row->role.area);
    list_uint(list, row->signer_count + 1u);
    list_uint(list, row->needs);
    list_row(list);
}

static int second(struct session *session, struct rid person) {
    struct cli *cli = session->cli;
    struct roster_proposal rows[ROSTER_PROPOSALS_MAX];
    uint8_t count = proposals_of(session, person, rows);
    struct cli_list list;
    if (count == 0) {
        return cli_fail(cli, _("nothing is proposed for number %s"), cli->args[0]);
    }
    list_start(&list, cli, columns, COUNT_OF(columns));
    int code = CLI_OK;
    for (uint8_t i = 0; i < count && code == CLI_OK; i++) {
        enum rc rc = app_second(session->app, person, rows[i].rid, os_now(), &session->refusal);
        code = rc == RC_OK ? CLI_OK : cli_fail_rc(cli, rc, &session->refusal);
        if (code == CLI_OK) {
            put(&list, cli->args[0], &rows[i]);
        }
        if (code == CLI_OK && i + 1 < count) {
            code = session_again(session);
        }
    }
    int shown = list_finish(&list);
    return code == CLI_OK ? shown : code;
}

int cmd_person_second(struct cli *cli) {
    struct session session;
    struct rid person;
    int code = session_open(cli, SESSION_ACT, &session);
    if (code == CLI_OK) {
        code = cli_person(&session, cli->args[0], &person);
    }
    if (code == CLI_OK) {
        code = session_sign_in_root(&session);
    }
    if (code == CLI_OK) {
        code = second(&session, person);
    }
    session_close(&session);
    return code;
}
