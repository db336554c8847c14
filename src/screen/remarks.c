#include "screen_priv.h"

#include "davy/app/remark.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What people said, newest first, with how far each remark got; and saying one.
enum { ACT_OPEN = SCREEN_ACT(SCREEN_REMARKS, 1), ACT_SAY, ACT_AUDIENCE };
enum { ASK_TEXT = ASK_SCREEN };
enum { COL_TIME, COL_STAGE, COL_TEXT, COL_WHO, COL_AUDIENCE, COL_WHERE };
#define ROWS_MAX 200

struct remarks {
    struct tui_table *table;
    struct remark_row *rows;
    uint32_t count;
    uint8_t audience; // of the next one
};

static const struct screen_action actions[] = {
    {{ACT_OPEN, "remark.open", TUI_KEY_ENTER, 0, N_("Record"), N_("The record, word for word."),
      SCREEN_BIT(SCREEN_REMARKS), false},
     false},
    {{ACT_SAY, "remark.say", 'c', 6, N_("Say"), N_("Say what you saw, with a signature."),
      SCREEN_BIT(SCREEN_REMARKS), false},
     true},
    {{ACT_AUDIENCE, "remark.audience", 'v', 4, N_("For whom"),
      N_("Who gets the next remark: this site, the park, the city."), SCREEN_BIT(SCREEN_REMARKS),
      false},
     false},
};

static const struct tui_column columns[] = {
    [COL_TIME] = {N_("Time"), 8, 0, TUI_LEFT, false, 0},
    [COL_STAGE] = {N_("Stage"), 10, 0, TUI_LEFT, false, 1},
    [COL_TEXT] = {N_("Remark"), 16, 0, TUI_LEFT, true, 0},
    [COL_WHO] = {N_("Who"), 10, 1, TUI_LEFT, false, 1},
    [COL_AUDIENCE] = {N_("For"), 6, 3, TUI_LEFT, false, -1},
    [COL_WHERE] = {N_("Where"), 14, 4, TUI_LEFT, false, -1},
};

static struct remarks *state_of(const struct screen *screen) {
    return screen_state(screen, SCREEN_REMARKS);
}

static const char *audience_word(uint8_t audience) {
    static const char *const words[AUDIENCE_COUNT] = {
        [AUDIENCE_SITE] = N_("site"), [AUDIENCE_PARK] = N_("park"), [AUDIENCE_CITY] = N_("city")};
    return audience < AUDIENCE_COUNT ? _(words[audience]) : "";
}

static size_t row_count(void *context) {
    return state_of(context)->count;
}

static struct id16 row_id(void *context, size_t row) {
    return state_of(context)->rows[row].remark.id;
}

static void stage_cell(const struct remark_row *row, struct tui_cell *out_cell) {
    enum tui_style style = TUI_PENDING;
    if (row->stage == STAGE_REFUSED || row->stage == STAGE_HELD) {
        style = TUI_REFUSED;
    } else if (row->stage == STAGE_ACCEPTED) {
        style = TUI_SIGNED;
    }
    tui_cell_set(out_cell, style, "%s", say_stage(row->stage));
}

static void text_cell(const struct remark_row *row, struct tui_cell *out_cell) {
    if (row->state.known) {
        out_cell->text = row->state.text;
    } else if (row->state.needs_newer) {
        tui_cell_set(out_cell, TUI_REFUSED, "%s", _("needs a newer Davy"));
    } else {
        tui_cell_set(out_cell, TUI_REFUSED, "%s", say_rule(row->rule));
    }
}

static void row_cell(void *context, size_t at, size_t column, struct tui_cell *out_cell) {
    const struct screen *screen = context;
    const struct remark_row *row = &state_of(screen)->rows[at];
    const struct remark_state *remark = &row->state;
    switch (column) {
    case COL_TIME:
        out_cell->text = word_time(screen, remark->time, out_cell->buf);
        break;
    case COL_STAGE:
        stage_cell(row, out_cell);
        break;
    case COL_TEXT:
        text_cell(row, out_cell);
        break;
    case COL_WHO:
        tui_cell_set(out_cell, TUI_TEXT, "%s", row->person);
        break;
    case COL_AUDIENCE:
        out_cell->text = audience_word(remark->audience);
        break;
    default:
        tui_cell_set(out_cell, TUI_TEXT, "%s%s%s", remark->place,
                     remark->place[0] != '\0' && remark->equipment[0] != '\0' ? " " : "",
                     remark->equipment);
        break;
    }
}

static enum rc init(struct screen *screen) {
    struct tui_table_spec spec = {
        .columns = columns,
        .column_count = sizeof columns / sizeof columns[0],
        .source = {.context = screen, .count = row_count, .id = row_id, .cell = row_cell},
        .two_lines = true,
        .empty = N_("Nobody has said anything yet."),
    };
    state_of(screen)->table = tui_table_new(&spec);
    return state_of(screen)->table != NULL ? RC_OK : RC_NO_MEMORY;
}

static void leave(struct screen *screen) {
    struct remarks *view = state_of(screen);
    free(view->rows);
    view->rows = NULL;
    view->count = 0;
}

static void fini(struct screen *screen) {
    leave(screen);
    tui_table_free(state_of(screen)->table);
}

static void refresh(struct screen *screen) {
    struct remarks *view = state_of(screen);
    if (view->rows == NULL) {
        view->rows = malloc(ROWS_MAX * sizeof *view->rows);
    }
    view->count = view->rows != NULL ? app_remark_list(screen->app, view->rows, ROWS_MAX) : 0;
}

static void draw(struct screen *screen, struct tui_rect body) {
    struct remarks *view = state_of(screen);
    char title[96];
    (void)snprintf(title, sizeof title, _("Remarks; the next one is for: %s"),
                   audience_word(view->audience));
    struct tui_table_frame frame = {body, screen->layout.size, {title, NULL, 0}, true};
    tui_table_draw(view->table, screen->canvas, &frame);
    draw_tabs(screen, body);
}

static struct tui_table *table(struct screen *screen) {
    return state_of(screen)->table;
}

static void act(struct screen *screen, int action) {
    struct remarks *view = state_of(screen);
    struct id16 id;
    if (action == ACT_OPEN && tui_table_selected(view->table, &id)) {
        record_show(screen, (struct rid){id});
    } else if (action == ACT_AUDIENCE) {
        view->audience = (uint8_t)((view->audience + 1) % AUDIENCE_COUNT);
        screen_touch(screen);
    } else if (action == ACT_SAY && screen_may_sign(screen)) {
        struct tui_prompt prompt = {_("What did you see?"), "", LIMIT_COMMENT_BYTES, false};
        tui_modal_prompt(screen->modal, ASK_TEXT, &prompt);
    }
}

static void answer(struct screen *screen, const struct tui_answer *said) {
    struct remark_spec spec = {.audience = state_of(screen)->audience};
    struct refusal refusal = {.code = REFUSAL_NONE};
    struct rid remark;
    if (said->tag != ASK_TEXT || said->kind != TUI_ANSWER_TEXT || said->text[0] == '\0') {
        return;
    }
    spec.text = said->text;
    enum rc rc = app_remark_add(screen->app, &spec, screen->now, &remark, &refusal);
    if (rc != RC_OK) {
        screen_refused(screen, rc, &refusal);
    } else {
        screen_note(screen, TUI_TEXT, _("Remark signed."));
        tui_table_select(state_of(screen)->table, remark.id);
    }
    screen_reload(screen);
}

const struct screen_ops remarks_screen = {
    .name = "remarks",
    .title = N_("Remarks"),
    .actions = actions,
    .action_count = sizeof actions / sizeof actions[0],
    .state_bytes = sizeof(struct remarks),
    .init = init,
    .fini = fini,
    .leave = leave,
    .refresh = refresh,
    .draw = draw,
    .act = act,
    .answer = answer,
    .table = table,
};
