#include "cli/cli_priv.h"

#include <stdlib.h>

#define ROWS_DEFAULT 1000

static const struct cli_column columns[] = {
    {"id", N_("Id"), false},       {"state", N_("State"), false},
    {"priority", N_("Pri"), true}, {"raised", N_("Raised"), false},
    {"tag", N_("Tag"), false},     {"limit", N_("Limit"), false},
    {"value", N_("Value"), true},  {"limit_value", N_("Set at"), true},
    {"unit", N_("Unit"), false},   {"area", N_("Area"), false},
    {"name", N_("Name"), false},   {"active", NULL, false},
    {"acked", NULL, false},        {"acked_time", NULL, false},
    {"returned", NULL, false},     {"comments", NULL, false},
    {"changed_n", NULL, false},
};

static void put_row(struct cli_list *list, const struct alarm_row *row) {
    const struct alarm_state *state = &row->state;
    char letter[2] = {alarm_letter(state), '\0'};
    list_id(list, row->subject.id);
    list_text(list, letter);
    list_uint(list, state->priority);
    list_time(list, state->raised_time);
    list_text(list, state->tag);
    list_text(list, alarm_limit_name((enum alarm_limit)state->limit));
    list_decimal(list, state->value);
    list_decimal(list, state->limit_value);
    list_text(list, state->unit);
    list_text(list, state->area);
    list_text(list, state->name);
    list_bool(list, state->active, "");
    list_bool(list, state->acked, "");
    list_time(list, state->acked_time);
    list_time(list, state->returned_time);
    list_uint(list, state->comment_count);
    list_uint(list, state->changed_n);
    list_row(list);
}

static int print(struct cli *cli, struct session *session, const struct alarm_filter *filter,
                 uint32_t max) {
    struct alarm_row *rows = calloc(max, sizeof *rows);
    if (!rows) {
        return cli_fail_rc(cli, RC_NO_MEMORY, NULL);
    }
    struct cli_list list;
    uint32_t total = 0;
    uint32_t count = app_alarm_list(session->app, filter, rows, max, &total);
    if (app_incomplete(session->app) != RC_OK) {
        free(rows);
        return cli_fail_rc(cli, app_incomplete(session->app), NULL);
    }
    list_start(&list, cli, columns, COUNT_OF(columns));
    for (uint32_t i = 0; i < count; i++) {
        put_row(&list, &rows[i]);
    }
    int code = list_finish(&list);
    if (count == 0) {
        cli_say(cli, "%s", _("no alarms"));
    } else if (total > count) {
        cli_say(cli, _("%u of %u alarms; --limit shows more"), count, total);
    } else {
        cli_say(cli, "%s", _("U unacknowledged, A acknowledged, R returned unacknowledged"));
    }
    free(rows);
    return code;
}

int cmd_alarm_list(struct cli *cli) {
    struct session session;
    uint64_t priority = 0;
    uint64_t max = ROWS_DEFAULT;
    int code = cli_option_uint(cli, OPT_PRIORITY, 1, 4, &priority);
    if (code == CLI_OK) {
        code = cli_option_uint(cli, OPT_LIMIT, 1, LIMIT_ALARMS_LISTED, &max);
    }
    if (code != CLI_OK) {
        return code;
    }
    struct alarm_filter filter = {.area = cli->value[OPT_AREA],
                                  .priority_max = (uint8_t)priority,
                                  .unacked_only = cli->value[OPT_UNACKED] != NULL,
                                  .include_closed = cli->value[OPT_ALL] != NULL};
    code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK) {
        code = print(cli, &session, &filter, (uint32_t)max);
    }
    session_close(&session);
    return code;
}
