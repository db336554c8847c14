#include "screen_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The records of one subject, or the newest of the site: who, when, signature, seal, verdict.
enum { ACT_OPEN = SCREEN_ACT(SCREEN_LOG, 1) };
enum { COL_TIME, COL_KIND, COL_WHO, COL_DEVICE, COL_PROOF, COL_VERDICT, COL_N };
#define ROWS_MAX 500

struct log_view {
    struct tui_table *table;
    struct log_row *rows;
    uint32_t count;
    struct rid subject; // zero: the newest records
    char title[LIMIT_TAG_BYTES + 1];
};

static const struct screen_action actions[] = {
    {{ACT_OPEN, "log.open", TUI_KEY_ENTER, 0, N_("Record"), N_("The record, word for word."),
      SCREEN_BIT(SCREEN_LOG), false},
     false},
};

static const struct tui_column columns[] = {
    [COL_TIME] = {N_("Time"), 8, 0, TUI_LEFT, false, 0},
    [COL_KIND] = {N_("Record"), 10, 0, TUI_LEFT, true, 0},
    [COL_WHO] = {N_("Who"), 10, 0, TUI_LEFT, false, 0},
    [COL_DEVICE] = {N_("Device"), 12, 3, TUI_LEFT, false, 1},
    [COL_PROOF] = {N_("Proof"), 13, 2, TUI_LEFT, false, 1},
    [COL_VERDICT] = {N_("Verdict"), 10, 1, TUI_LEFT, false, 1},
    [COL_N] = {"n", 8, 4, TUI_RIGHT, false, -1},
};

static struct log_view *state_of(const struct screen *screen) {
    return screen_state(screen, SCREEN_LOG);
}

// A subject's story is read from its beginning; of the site the newest comes first.
static const struct log_row *row_at(void *context, size_t row) {
    const struct log_view *view = state_of(context);
    return rid_is_zero(view->subject) ? &view->rows[view->count - 1 - row] : &view->rows[row];
}

static size_t row_count(void *context) {
    return state_of(context)->count;
}

static struct id16 row_id(void *context, size_t row) {
    return row_at(context, row)->rid.id;
}

static void verdict_cell(const struct log_row *row, struct tui_cell *out_cell) {
    if (!row->logged) {
        tui_cell_set(out_cell, TUI_PENDING, "%s", _("not in log"));
    } else if (row->verdict == VERDICT_REFUSED || row->verdict == VERDICT_HELD) {
        tui_cell_set(out_cell, TUI_REFUSED, "%s %s", say_verdict(row->verdict),
                     row->rule != 0 ? say_rule(row->rule) : "");
    } else {
        tui_cell_set(out_cell, TUI_TEXT, "%s", say_verdict(row->verdict));
    }
}

static void row_cell(void *context, size_t at, size_t column, struct tui_cell *out_cell) {
    const struct screen *screen = context;
    const struct log_row *row = row_at(context, at);
    switch (column) {
    case COL_TIME:
        out_cell->text = word_time(screen, row->time, out_cell->buf);
        break;
    case COL_KIND:
        tui_cell_set(out_cell, TUI_TEXT, "%s", say_kind(row->kind));
        break;
    case COL_WHO:
        tui_cell_set(out_cell, TUI_TEXT, "%s", row->person[0] != '\0' ? row->person : row->device);
        break;
    case COL_DEVICE:
        tui_cell_set(out_cell, TUI_TEXT, "%s", row->device);
        break;
    case COL_PROOF:
        tui_cell_set(out_cell, row->sealed ? TUI_SIGNED : TUI_PENDING, "%s%s%s",
                     row->signed_by_person ? _("signed") : "",
                     row->signed_by_person && row->sealed ? "+" : "",
                     row->sealed ? _("sealed") : "");
        break;
    case COL_VERDICT:
        verdict_cell(row, out_cell);
        break;
    default:
        if (row->n > 0) {
            tui_cell_set(out_cell, TUI_TEXT, "%llu", (unsigned long long)row->n);
        }
        break;
    }
}

static enum rc init(struct screen *screen) {
    struct tui_table_spec spec = {
        .columns = columns,
        .column_count = sizeof columns / sizeof columns[0],
        .source = {.context = screen, .count = row_count, .id = row_id, .cell = row_cell},
        .two_lines = true,
        .empty = N_("No records."),
    };
    state_of(screen)->table = tui_table_new(&spec);
    return state_of(screen)->table != NULL ? RC_OK : RC_NO_MEMORY;
}

static void leave(struct screen *screen) {
    struct log_view *view = state_of(screen);
    free(view->rows);
    view->rows = NULL;
    view->count = 0;
}

static void fini(struct screen *screen) {
    leave(screen);
    tui_table_free(state_of(screen)->table);
}

static void refresh(struct screen *screen) {
    struct log_view *view = state_of(screen);
    if (view->rows == NULL) {
        view->rows = malloc(ROWS_MAX * sizeof *view->rows);
    }
    if (view->rows == NULL) {
        screen_short(screen);
    }
    view->count =
        view->rows != NULL ? app_log(screen->app, view->subject, view->rows, ROWS_MAX) : 0;
}

static void draw(struct screen *screen, struct tui_rect body) {
    struct log_view *view = state_of(screen);
    char title[160];
    if (rid_is_zero(view->subject)) {
        (void)snprintf(title, sizeof title, "%s", _("Newest records"));
    } else {
        char code[ID_SHORT_BYTES];
        (void)snprintf(title, sizeof title, _("Records of %s %s"), view->title,
                       word_short(view->subject, code));
    }
    struct tui_table_frame frame = {body, screen->layout.size, {title, NULL, 0}, true};
    tui_table_draw(view->table, screen->canvas, &frame);
    draw_tabs(screen, body);
}

static struct tui_table *table(struct screen *screen) {
    return state_of(screen)->table;
}

static void act(struct screen *screen, int action) {
    struct id16 id;
    if (action == ACT_OPEN && tui_table_selected(state_of(screen)->table, &id)) {
        record_show(screen, (struct rid){id});
    }
}

void log_show(struct screen *screen, struct rid subject, const char *title) {
    struct log_view *view = state_of(screen);
    view->subject = subject;
    (void)snprintf(view->title, sizeof view->title, "%s", title);
    screen_go(screen, SCREEN_LOG);
}

const struct screen_ops log_screen = {
    .name = "log",
    .title = N_("Log"),
    .actions = actions,
    .action_count = sizeof actions / sizeof actions[0],
    .state_bytes = sizeof(struct log_view),
    .init = init,
    .fini = fini,
    .leave = leave,
    .refresh = refresh,
    .draw = draw,
    .act = act,
    .table = table,
};
