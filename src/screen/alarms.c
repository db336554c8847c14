#include "screen_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The list of alarms, in app's order: unacknowledged first, then priority, then newest.
enum {
    ACT_ACK = SCREEN_ACT(SCREEN_ALARMS, 1),
    ACT_OPEN,
    ACT_FILTER,
    ACT_COMMENT,
    ACT_RECORDS,
    ACT_ONLY_UNACKED,
    ACT_PRIORITY,
    ACT_AREA,
    ACT_CLOSED
};
enum { ASK_FILTER = ASK_SCREEN, ASK_AREA };
enum { COL_MARK, COL_STATE, COL_TIME, COL_TAG, COL_NAME, COL_LIMIT, COL_VALUE, COL_AGE, COL_AREA };
#define WIDE_LIST_COLS 92

struct alarms {
    struct tui_table *table;
    struct alarm_list list;
    struct alarm_filter filter; // area points at `area`
    char area[LIMIT_TAG_BYTES + 1];
    uint32_t hidden_p1; // unacknowledged ones of priority 1 that the filter hides
    struct painted painted;
    int detail_scroll;
    struct id16 detail_of;
};

static const struct screen_action actions[] = {
    {{ACT_ACK, "alarm.ack", 'a', 8, N_("Ack"),
      N_("Acknowledge the marked alarms, or the one under the cursor, with my signature."),
      SCREEN_BIT(SCREEN_ALARMS), false},
     true},
    {{ACT_OPEN, "alarm.open", TUI_KEY_ENTER, 0, N_("Detail"),
      N_("Value, limit, consequence, what to do, trend."), SCREEN_BIT(SCREEN_ALARMS), false},
     false},
    {{ACT_FILTER, "alarm.filter", '\\', 4, N_("Filter"), N_("What the list shows."),
      SCREEN_BIT(SCREEN_ALARMS), false},
     false},
    {{ACT_COMMENT, "alarm.comment", 'c', 0, N_("Comment"), N_("Write a signed comment."),
      SCREEN_BIT(SCREEN_ALARMS), true},
     true},
    {{ACT_RECORDS, "alarm.log", 'l', 0, N_("Records"), N_("Who did what to this alarm, and when."),
      SCREEN_BIT(SCREEN_ALARMS), true},
     false},
    {{ACT_ONLY_UNACKED, "filter.unacked", 'U', 0, N_("Unacked"),
      N_("Only unacknowledged alarms, or all."), SCREEN_BIT(SCREEN_ALARMS), true},
     false},
    {{ACT_PRIORITY, "filter.priority", 'P', 0, N_("Priority"),
      N_("Only priority 1, 1 and 2, 1 to 3, or all."), SCREEN_BIT(SCREEN_ALARMS), true},
     false},
    {{ACT_AREA, "filter.area", 'A', 0, N_("Area"), N_("Only one area, or all."),
      SCREEN_BIT(SCREEN_ALARMS), true},
     false},
    {{ACT_CLOSED, "filter.closed", 'C', 0, N_("Closed"),
      N_("Closed alarms too, or open ones only."), SCREEN_BIT(SCREEN_ALARMS), true},
     false},
};

static const struct tui_column columns[] = {
    [COL_MARK] = {"", 3, 0, TUI_LEFT, false, 0},
    [COL_STATE] = {"", 2, 0, TUI_LEFT, false, 0},
    [COL_TIME] = {N_("Time"), 8, 3, TUI_LEFT, false, 1},
    [COL_TAG] = {N_("Tag"), 9, 0, TUI_LEFT, false, 0},
    [COL_NAME] = {N_("Name"), 10, 0, TUI_LEFT, true, 0},
    [COL_LIMIT] = {"", 2, 1, TUI_LEFT, false, 1},
    [COL_VALUE] = {N_("Value"), 13, 2, TUI_RIGHT, false, 1},
    [COL_AGE] = {N_("Age"), 8, 4, TUI_RIGHT, false, 1},
    [COL_AREA] = {N_("Area"), 8, 5, TUI_LEFT, false, -1},
};

static struct alarms *state_of(const struct screen *screen) {
    return screen_state(screen, SCREEN_ALARMS);
}

static size_t row_count(void *context) {
    return state_of(context)->list.count;
}

static struct id16 row_id(void *context, size_t row) {
    return state_of(context)->list.rows[row].subject.id;
}

static void value_cell(const struct alarm_state *state, struct tui_cell *out_cell) {
    char value[WORD_BYTES];
    if (state->limit != ALARM_STALE) {
        tui_cell_set(out_cell, TUI_TEXT, "%s %s",
                     word_value(state->value, &state->limit_value, value), state->unit);
    }
}

static void row_cell(void *context, size_t row, size_t column, struct tui_cell *out_cell) {
    const struct screen *screen = context;
    const struct alarm_state *state = &state_of(screen)->list.rows[row].state;
    switch (column) {
    case COL_MARK:
        (void)word_mark(state->priority, !state->acked, out_cell->buf);
        out_cell->style =
            alarm_letter(state) == '-' ? TUI_DIM : word_mark_style(state->priority, !state->acked);
        break;
    case COL_STATE:
        (void)word_state(state, out_cell->buf);
        out_cell->style = state->acked_pending ? TUI_PENDING : TUI_TEXT;
        break;
    case COL_TIME:
        out_cell->text = word_time(screen, state->raised_time, out_cell->buf);
        break;
    case COL_TAG:
        tui_cell_set(out_cell, TUI_TEXT, "%s", state->tag);
        break;
    case COL_NAME:
        tui_cell_set(out_cell, TUI_TEXT, "%s", state->name);
        break;
    case COL_LIMIT:
        tui_cell_set(out_cell, TUI_TEXT, "%s",
                     state->limit == ALARM_STALE ? "?" : alarm_limit_name(state->limit));
        break;
    case COL_VALUE:
        value_cell(state, out_cell);
        break;
    case COL_AGE:
        out_cell->text =
            word_age(screen->now.utc.v + screen->status.clock_offset_ms - state->raised_time.v,
                     out_cell->buf);
        break;
    default:
        tui_cell_set(out_cell, TUI_TEXT, "%s", state->area);
        break;
    }
}

static enum rc init(struct screen *screen) {
    struct tui_table_spec spec = {
        .columns = columns,
        .column_count = sizeof columns / sizeof columns[0],
        .source = {.context = screen, .count = row_count, .id = row_id, .cell = row_cell},
        .two_lines = true,
    };
    state_of(screen)->table = tui_table_new(&spec);
    return state_of(screen)->table != NULL ? RC_OK : RC_NO_MEMORY;
}

static void fini(struct screen *screen) {
    tui_table_free(state_of(screen)->table);
    alarm_list_free(&state_of(screen)->list);
}

static void refresh(struct screen *screen) {
    struct alarms *alarms = state_of(screen);
    alarms->filter.area = alarms->area[0] != '\0' ? alarms->area : NULL;
    if (!alarm_list_load(&alarms->list, screen->app, &alarms->filter)) {
        screen_short(screen);
    }
    uint32_t shown = 0;
    for (uint32_t i = 0; i < alarms->list.count; i++) {
        const struct alarm_state *state = &alarms->list.rows[i].state;
        shown += state->priority == 1 && !state->acked ? 1 : 0;
    }
    alarms->hidden_p1 = screen->counts.unacked[1] > shown ? screen->counts.unacked[1] - shown : 0;
}

// "unacked, p1-2, area 100, !1 hidden: 2"; false: nothing is filtered.
static bool filter_text(const struct screen *screen, char *out, size_t out_bytes) {
    const struct alarms *alarms = state_of(screen);
    struct buf text;
    buf_init(&text, 512);
    if (alarms->hidden_p1 > 0) {
        buf_printf(&text, " ");
        buf_printf(&text, _("!1 HIDDEN: %u"), alarms->hidden_p1);
    }
    if (alarms->filter.unacked_only) {
        buf_printf(&text, " %s", _("unacknowledged"));
    }
    if (alarms->filter.priority_max > 0) {
        buf_printf(&text, alarms->filter.priority_max > 1 ? " !1-%u" : " !%u",
                   alarms->filter.priority_max);
    }
    if (alarms->area[0] != '\0') {
        buf_printf(&text, " %s", area_name(screen, alarms->area));
    }
    if (alarms->filter.include_closed) {
        buf_printf(&text, " %s", _("with closed"));
    }
    bool any = text.len > 0;
    (void)snprintf(out, out_bytes, "%s", any ? buf_cstr(&text) + 1 : "");
    buf_fini(&text);
    return any;
}

// Rows are acknowledged as they were painted: this frame is remembered.
static void remember(struct screen *screen) {
    struct alarms *alarms = state_of(screen);
    const struct id16 *ids;
    size_t count = tui_table_painted(alarms->table, &ids);
    for (size_t i = 0; i < count; i++) {
        const struct alarm_row *row = alarm_list_find(&alarms->list, ids[i]);
        if (row != NULL) {
            painted_note(&alarms->painted, row->subject, row->state.changed_n);
        }
    }
}

// An empty list must not be read as a quiet plant when the picture is not live.
static void draw_nothing(struct screen *screen, struct tui_rect rect, bool filtered) {
    const char *text = screen->status.stale ? _("No alarm known here, and the picture is not live.")
                       : filtered           ? _("No alarm passes the filter.")
                                            : _("No alarm.");
    enum tui_style style = screen->status.stale ? TUI_OFFLINE : TUI_DIM;
    (void)tui_rect_top(&rect, screen->layout.size > TUI_COMPACT ? 2 : 1);
    if (rect.rows > 0) {
        (void)tui_put_wrapped(screen->canvas, rect, (struct tui_wrap){style, 0}, text);
    }
}

static void draw_beside(struct screen *screen, struct tui_rect rect) {
    struct alarms *alarms = state_of(screen);
    struct id16 id;
    tui_vline(screen->canvas, tui_rect_left(&rect, 1), TUI_DIM);
    (void)tui_rect_left(&rect, 1);
    if (!tui_table_selected(alarms->table, &id)) {
        return;
    }
    if (!id16_equal(id, alarms->detail_of)) {
        alarms->detail_of = id;
        alarms->detail_scroll = 0;
    }
    alarm_draw(screen, rect, (struct rid){id}, &alarms->detail_scroll);
}

static void draw(struct screen *screen, struct tui_rect body) {
    struct alarms *alarms = state_of(screen);
    struct tui_rect whole = body;
    struct tui_rect beside = {0, 0, 0, 0};
    char filter[256];
    bool filtered = filter_text(screen, filter, sizeof filter);
    if (screen->layout.size == TUI_WIDE) {
        beside = body;
        body = tui_rect_left(&beside, WIDE_LIST_COLS);
    }
    size_t total = screen->counts.unacked[0] + screen->counts.standing[0];
    struct tui_table_frame frame = {
        body, screen->layout.size, {_("Alarms"), filtered ? filter : NULL, total}, true};
    tui_table_draw(alarms->table, screen->canvas, &frame);
    if (alarms->list.count == 0) {
        draw_nothing(screen, body, filtered);
    }
    remember(screen);
    int row = 0;
    int col = 0;
    bool visible = false;
    bool placed = tui_canvas_cursor(screen->canvas, &row, &col, &visible);
    if (beside.cols > 0) {
        draw_tabs(screen, tui_rect_top(&beside, 1));
        draw_beside(screen, beside);
    } else {
        draw_tabs(screen, whole);
    }
    if (placed) {
        tui_cursor(screen->canvas, row, col, visible);
    }
}

static struct tui_table *table(struct screen *screen) {
    return state_of(screen)->table;
}

static bool is_in(const struct id16 *ids, size_t count, struct id16 id) {
    for (size_t i = 0; i < count; i++) {
        if (id16_equal(ids[i], id)) {
            return true;
        }
    }
    return false;
}

// After the acknowledgement the cursor stays where it was: on the row that moves up to it.
static void choose_next(struct screen *screen, const struct id16 *ids, size_t count) {
    struct alarms *alarms = state_of(screen);
    const struct alarm_list *list = &alarms->list;
    struct id16 at;
    screen->ack.has_next = false;
    screen->ack.list = alarms->table;
    bool here = false;
    if (!tui_table_selected(alarms->table, &at)) {
        return;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        here = here || id16_equal(list->rows[i].subject.id, at);
        if (here && !is_in(ids, count, list->rows[i].subject.id)) {
            screen->ack.next = list->rows[i].subject.id;
            screen->ack.has_next = true;
            return;
        }
    }
}

static void acknowledge(struct screen *screen) {
    struct alarms *alarms = state_of(screen);
    struct id16 ids[TUI_TABLE_MARKS];
    const struct alarm_row *rows[TUI_TABLE_MARKS];
    size_t found = 0;
    if (tui_table_mark_count(alarms->table) == 0 && tui_table_slipped(alarms->table)) {
        screen_note(
            screen, TUI_REFUSED,
            _("The row under the cursor went away. Look, move the cursor, then acknowledge."));
        return;
    }
    size_t count = tui_table_targets(alarms->table, ids, TUI_TABLE_MARKS);
    for (size_t i = 0; i < count; i++) {
        const struct alarm_row *row = alarm_list_find(&alarms->list, ids[i]);
        if (row != NULL) {
            rows[found++] = row;
        }
    }
    choose_next(screen, ids, count);
    ack_begin(screen, &alarms->painted, rows, found);
}

static void ask_filter(struct screen *screen) {
    const struct alarms *alarms = state_of(screen);
    static const char *const priorities[] = {N_("every priority"), N_("priority 1 only"),
                                             N_("priorities 1 and 2"), N_("priorities 1 to 3")};
    uint8_t most = alarms->filter.priority_max;
    char priority[128];
    char area[LIMIT_NAME_BYTES + 64];
    (void)snprintf(priority, sizeof priority, "P  %s", gettext(priorities[most <= 3 ? most : 0]));
    (void)snprintf(area, sizeof area, "A  %s",
                   alarms->area[0] != '\0' ? area_name(screen, alarms->area) : _("every area"));
    const char *items[] = {
        _("Show all open alarms"),
        alarms->filter.unacked_only ? _("U  unacknowledged only") : _("U  acknowledged ones too"),
        priority,
        area,
        alarms->filter.include_closed ? _("C  closed ones too") : _("C  open ones only"),
    };
    struct tui_menu menu = {_("Filter"), items, sizeof items / sizeof items[0], 0};
    tui_modal_menu(screen->modal, ASK_FILTER, &menu);
}

static void ask_area(struct screen *screen) {
    const char *items[TUI_MENU_ITEMS];
    size_t count = 0;
    items[count++] = _("every area");
    for (uint32_t i = 0; i < screen->area_count && count < TUI_MENU_ITEMS; i++) {
        items[count++] = area_name(screen, screen->areas[i].code);
    }
    struct tui_menu menu = {_("Area"), items, count, 0};
    tui_modal_menu(screen->modal, ASK_AREA, &menu);
}

static void filter_act(struct screen *screen, int action) {
    struct alarms *alarms = state_of(screen);
    switch (action) {
    case ACT_ONLY_UNACKED:
        alarms->filter.unacked_only = !alarms->filter.unacked_only;
        break;
    case ACT_PRIORITY:
        alarms->filter.priority_max = (uint8_t)((alarms->filter.priority_max + 1) % 4);
        break;
    case ACT_CLOSED:
        alarms->filter.include_closed = !alarms->filter.include_closed;
        break;
    default:
        break;
    }
    refresh(screen);
}

static void act(struct screen *screen, int action) {
    struct alarms *alarms = state_of(screen);
    struct id16 id;
    bool selected = tui_table_selected(alarms->table, &id);
    if (action == ACT_ACK) {
        acknowledge(screen);
    } else if (action == ACT_OPEN && selected) {
        alarm_show(screen, (struct rid){id});
    } else if (action == ACT_COMMENT && selected) {
        alarm_comment(screen, (struct rid){id});
    } else if (action == ACT_RECORDS && selected) {
        const struct alarm_row *row = alarm_list_find(&alarms->list, id);
        log_show(screen, (struct rid){id}, row != NULL ? row->state.tag : "");
    } else if (action == ACT_FILTER) {
        ask_filter(screen);
    } else if (action == ACT_AREA) {
        ask_area(screen);
    } else {
        filter_act(screen, action);
    }
}

static void show_all(struct screen *screen) {
    struct alarms *alarms = state_of(screen);
    alarms->filter = (struct alarm_filter){.area = NULL};
    alarms->area[0] = '\0';
    refresh(screen);
}

static void answer(struct screen *screen, const struct tui_answer *given) {
    static const int chosen[] = {0, ACT_ONLY_UNACKED, ACT_PRIORITY, ACT_AREA, ACT_CLOSED};
    struct alarms *alarms = state_of(screen);
    if (given->kind != TUI_ANSWER_PICKED) {
        return;
    }
    if (given->tag == ASK_AREA) {
        bool all = given->index == 0 || given->index > screen->area_count;
        (void)snprintf(alarms->area, sizeof alarms->area, "%s",
                       all ? "" : screen->areas[given->index - 1].code);
        refresh(screen);
    } else if (given->index == 0) {
        show_all(screen);
    } else if (given->index < sizeof chosen / sizeof chosen[0]) {
        act(screen, chosen[given->index]);
    }
}

void alarms_show(struct screen *screen, const char *area) {
    struct alarms *alarms = state_of(screen);
    (void)snprintf(alarms->area, sizeof alarms->area, "%s", area != NULL ? area : "");
    screen_go(screen, SCREEN_ALARMS);
}

const struct screen_ops alarms_screen = {
    .name = "alarms",
    .title = N_("Alarms"),
    .actions = actions,
    .action_count = sizeof actions / sizeof actions[0],
    .state_bytes = sizeof(struct alarms),
    .init = init,
    .fini = fini,
    .refresh = refresh,
    .draw = draw,
    .act = act,
    .answer = answer,
    .table = table,
};
