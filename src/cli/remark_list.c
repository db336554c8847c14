#include "cli/cli_priv.h"

#include "davy/app/remark.h"

#include <stdlib.h>

#define ROWS_DEFAULT 100
#define ROWS_MAX 5000

static const struct cli_column columns[] = {
    {"time", N_("Time"), false},   {"stage", N_("Stage"), false},
    {"rule", N_("Rule"), false},   {"audience", N_("Audience"), false},
    {"person", N_("Who"), false},  {"device", N_("Device"), false},
    {"text", N_("Text"), false},   {"place", N_("Where"), false},
    {"equipment", NULL, false},    {"area", NULL, false},
    {"about", N_("About"), false}, {"id", N_("Record"), false},
    {"own", NULL, false},
};

static const char *const stage_names[] = {
    [STAGE_DRAFT] = "draft",   [STAGE_WAITING] = "waiting",   [STAGE_SENT] = "sent",
    [STAGE_AT_HUB] = "at-hub", [STAGE_ACCEPTED] = "accepted", [STAGE_REFUSED] = "refused",
    [STAGE_HELD] = "held",
};

// Place, equipment and area in one cell for people.
static void put_where(struct cli_list *list, const struct remark_state *state) {
    struct buf json;
    struct buf shown;
    const char *parts[] = {state->place, state->equipment, state->area};
    buf_init(&json, LIMIT_NAME_BYTES * 8);
    buf_init(&shown, LIMIT_NAME_BYTES * 4);
    json_put_text(&json, slice_text(state->place));
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        if (parts[i][0] != '\0') {
            buf_printf(&shown, "%s%s", shown.len > 0 ? " " : "", parts[i]);
        }
    }
    list_put_bufs(list, &json, &shown);
}

static void put_row(struct cli_list *list, const struct remark_row *row) {
    const struct remark_state *state = &row->state;
    struct id16 about;
    list_time(list, state->time);
    list_word(list, stage_names[row->stage], say_stage(row->stage));
    if (row->rule) {
        list_word(list, refusal_name((enum refusal_code)row->rule), say_rule(row->rule));
    } else {
        list_put(list, NULL, "");
    }
    list_text(list, audience_name(state->audience));
    list_text(list, row->person);
    list_text(list, row->device);
    list_text(list, state->text);
    put_where(list, state);
    list_text(list, state->equipment);
    list_text(list, state->area);
    if (id16_parse(state->about, &about) == RC_OK) {
        list_id(list, about);
    } else {
        list_put(list, NULL, "");
    }
    list_id(list, row->remark.id);
    list_bool(list, row->own, "");
    list_row(list);
}

int cmd_remark_list(struct cli *cli) {
    struct session session;
    uint64_t max = ROWS_DEFAULT;
    int code = cli_option_uint(cli, OPT_LIMIT, 1, ROWS_MAX, &max);
    if (code != CLI_OK) {
        return code;
    }
    code = session_open(cli, SESSION_READ, &session);
    struct remark_row *rows = code == CLI_OK ? calloc(max, sizeof *rows) : NULL;
    if (code == CLI_OK && !rows) {
        code = cli_fail_rc(cli, RC_NO_MEMORY, NULL);
    }
    if (code == CLI_OK) {
        struct cli_list list;
        uint32_t count = app_remark_list(session.app, rows, (uint32_t)max);
        list_start(&list, cli, columns, COUNT_OF(columns));
        for (uint32_t i = 0; i < count; i++) {
            put_row(&list, &rows[i]);
        }
        code = list_finish(&list);
        if (count == 0) {
            cli_say(cli, "%s", _("no remarks"));
        }
    }
    free(rows);
    session_close(&session);
    return code;
}
