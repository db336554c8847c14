#include "cli/cli_priv.h"

#include "davy/link/os.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_MAX 1000

static const struct cli_column columns[] = {
    {"rid", N_("Record"), false}, {"time", N_("Time"), false},     {"kind", N_("What"), false},
    {"person", N_("Who"), false}, {"device", N_("Device"), false}, {"state", N_("State"), false}};

static void put_row(struct cli_list *list, const struct roster *roster,
                    const struct review_row *row) {
    const struct kind *kind = registry_kind(app_registry(), row->kind, NULL);
    const struct roster_person *person = roster_person(roster, row->person);
    const struct roster_device *device = roster_device(roster, row->device);
    list_id(list, row->rid.id);
    list_time(list, row->time);
    list_word(list, kind ? kind->name : "?", say_kind(row->kind));
    list_text(list, person ? person->name : "");
    list_text(list, device ? device->name : "");
    list_word(list, row->disputed ? "disputed" : "held",
              row->disputed ? _("disputed") : say_rule(row->rule));
    list_row(list);
}

int cmd_review_list(struct cli *cli) {
    struct session session;
    struct review_row *rows = calloc(ROWS_MAX, sizeof *rows);
    int code =
        rows ? session_open(cli, SESSION_READ, &session) : cli_fail_rc(cli, RC_NO_MEMORY, NULL);
    if (code == CLI_OK) {
        struct cli_list list;
        uint32_t count = app_reviews(session.app, rows, ROWS_MAX);
        list_start(&list, cli, columns, COUNT_OF(columns));
        for (uint32_t i = 0; i < count; i++) {
            put_row(&list, app_roster(session.app), &rows[i]);
        }
        code = list_finish(&list);
        if (count == 0) {
            cli_say(cli, "%s", _("nothing waits for a review"));
        }
    }
    if (rows) {
        session_close(&session);
    }
    free(rows);
    return code;
}

static int find(struct session *session, const struct review_row *rows, uint32_t count,
                const char *text, struct rid *out_rid) {
    uint32_t found = 0;
    size_t len = strlen(text);
    for (uint32_t i = 0; i < count; i++) {
        char hex[ID_HEX_BYTES];
        id16_hex(rows[i].rid.id, hex);
        if (len >= 8 && strncmp(hex, text, len) == 0) {
            *out_rid = rows[i].rid;
            found++;
        }
    }
    return found == 1
               ? CLI_OK
               : cli_fail(session->cli,
                          _("%s names no record that waits; davy review list shows them"), text);
}

static int decide(struct session *session, enum review_decision decision, const char *reason) {
    struct cli *cli = session->cli;
    struct rid records[ROSTER_REVIEW_RECORDS_MAX];
    if (cli->arg_count > ROSTER_REVIEW_RECORDS_MAX) {
        return cli_fail_usage(cli, _("at most %d records at once"), ROSTER_REVIEW_RECORDS_MAX);
    }
    struct review_row *rows = calloc(ROWS_MAX, sizeof *rows);
    if (!rows) {
        return cli_fail_rc(cli, RC_NO_MEMORY, NULL);
    }
    uint32_t count = app_reviews(session->app, rows, ROWS_MAX);
    int code = CLI_OK;
    for (int i = 0; i < cli->arg_count && code == CLI_OK; i++) {
        code = find(session, rows, count, cli->args[i], &records[i]);
    }
    free(rows);
    if (code == CLI_OK) {
        code = session_sign_in(session, true);
    }
    if (code == CLI_OK) {
        struct review_act act = {.records = records,
                                 .count = (uint32_t)cli->arg_count,
                                 .decision = decision,
                                 .reason = reason};
        enum rc rc = app_review(session->app, &act, os_now(), &session->refusal);
        code = rc == RC_OK ? CLI_OK : cli_fail_rc(cli, rc, &session->refusal);
    }
    return code;
}

int cmd_review_decide(struct cli *cli) {
    struct session session;
    const char *word = cli->value[OPT_DECISION];
    const char *reason = NULL;
    bool release = word && strcmp(word, "release") == 0;
    if (!release && (!word || strcmp(word, "reject") != 0)) {
        return cli_fail_usage(cli, "%s", _("--decision takes release or reject"));
    }
    int code = cli_reason(cli, &reason);
    if (code != CLI_OK) {
        return code;
    }
    code = session_open(cli, SESSION_ACT, &session);
    if (code == CLI_OK) {
        code = decide(&session, release ? REVIEW_RELEASE : REVIEW_REJECT, reason);
    }
    session_close(&session);
    return code;
}
