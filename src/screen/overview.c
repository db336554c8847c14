#include "screen_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The site at a glance: areas with their worst alarm, the link, what waits to be sent; in the wide
// layout also the newest alarms that nobody has acknowledged.
enum { ACT_OPEN = SCREEN_ACT(SCREEN_OVERVIEW, 1), ACT_PANE };
enum {
    COL_MARK,
    COL_LETTER,
    COL_NAME,
    COL_UNACKED,
    COL_RETURNED,
    COL_P1,
    COL_P2,
    COL_P3,
    COL_P4,
    COL_UNKNOWN,
    COL_TAGS
};
enum { NEW_MARK, NEW_STATE, NEW_TIME, NEW_TAG, NEW_NAME, NEW_AREA };
#define NEWEST_MAX 200
#define WIDE_AREA_COLS 80
#define LINK_PAIRS 4

struct overview {
    struct tui_table *areas;
    struct tui_table *alarms;
    bool on_alarms;              // which of the two has the cursor
    uint32_t newest[NEWEST_MAX]; // indexes into screen->unacked, newest first
    uint32_t newest_count;
};

static const struct screen_action actions[] = {
    {{ACT_OPEN, "overview.open", TUI_KEY_ENTER, 0, N_("Open"),
      N_("The alarms of the area, or the alarm under the cursor."), SCREEN_BIT(SCREEN_OVERVIEW),
      false},
     false},
    {{ACT_PANE, "overview.pane", TUI_KEY_TAB, 0, N_("Pane"),
      N_("Between areas and newest alarms, where both are shown."), SCREEN_BIT(SCREEN_OVERVIEW),
      true},
     false},
};

static const struct tui_column area_columns[] = {
    [COL_MARK] = {"", 3, 0, TUI_LEFT, false, 0},
    [COL_LETTER] = {"", 1, 0, TUI_LEFT, false, 0},
    [COL_NAME] = {N_("Area"), 10, 0, TUI_LEFT, true, 0},
    [COL_UNACKED] = {N_("unack"), 6, 0, TUI_RIGHT, false, 0},
    [COL_RETURNED] = {N_("ret."), 4, 2, TUI_RIGHT, false, 0},
    [COL_P1] = {"!1", 4, 3, TUI_RIGHT, false, 0},
    [COL_P2] = {"!2", 4, 4, TUI_RIGHT, false, 0},
    [COL_P3] = {"!3", 4, 5, TUI_RIGHT, false, 0},
    [COL_P4] = {"4", 4, 6, TUI_RIGHT, false, 0},
    [COL_UNKNOWN] = {N_("tags ?"), 6, 1, TUI_RIGHT, false, 0},
    [COL_TAGS] = {N_("tags"), 5, 7, TUI_RIGHT, false, 0},
};

static const struct tui_column alarm_columns[] = {
    [NEW_MARK] = {"", 3, 0, TUI_LEFT, false, 0},
    [NEW_STATE] = {"", 1, 0, TUI_LEFT, false, 0},
    [NEW_TIME] = {N_("Time"), 8, 1, TUI_LEFT, false, 0},
    [NEW_TAG] = {N_("Tag"), 12, 0, TUI_LEFT, false, 0},
    [NEW_NAME] = {N_("Name"), 12, 0, TUI_LEFT, true, 0},
    [NEW_AREA] = {N_("Area"), 8, 2, TUI_LEFT, false, 0},
};

static struct overview *state_of(const struct screen *screen) {
    return screen_state(screen, SCREEN_OVERVIEW);
}

static const struct area_row *areas_of(void *context) {
    return ((struct screen *)context)->areas;
}

static size_t area_count(void *context) {
    return ((struct screen *)context)->area_count;
}

static struct id16 area_id(void *context, size_t row) {
    return id_of_name(areas_of(context)[row].code);
}

static void priority_cell(const struct area_row *area, int priority, struct tui_cell *out_cell) {
    uint32_t open = area->unacked[priority] + area->standing[priority];
    bool unacked = area->unacked[priority] > 0;
    if (open > 0) {
        tui_cell_set(out_cell, word_mark_style((uint8_t)priority, unacked), "%u%s", open,
                     unacked ? "*" : " ");
    }
}

// A number with a sign before or behind it; nothing for none.
static void count_cell(const char *before, uint32_t count, const char *behind, enum tui_style style,
                       struct tui_cell *out_cell) {
    if (count > 0) {
        tui_cell_set(out_cell, style, "%s%u%s", before, count, behind);
    }
}

static void area_cell(void *context, size_t row, size_t column, struct tui_cell *out_cell) {
    const struct screen *screen = context;
    const struct area_row *area = &areas_of(context)[row];
    bool unacked = area->letter == 'U' || area->letter == 'R';
    bool brief = screen->layout.size <= TUI_COMPACT; // no header says what a number is
    switch (column) {
    case COL_MARK:
        if (area->worst > 0) {
            (void)word_mark(area->worst, unacked, out_cell->buf);
            out_cell->style = word_mark_style(area->worst, unacked);
        }
        break;
    case COL_LETTER:
        tui_cell_set(out_cell, TUI_TEXT, "%c", area->worst > 0 ? area->letter : ' ');
        break;
    case COL_NAME:
        tui_cell_set(out_cell, TUI_TEXT, "%s", area_name(screen, area->code));
        break;
    case COL_UNACKED:
        count_cell("", area->unacked[0], brief ? "*" : "", TUI_UNACK, out_cell);
        break;
    case COL_RETURNED:
        count_cell(brief ? "R" : "", area->returned, "", TUI_TEXT, out_cell);
        break;
    case COL_UNKNOWN:
        count_cell("?", area->tags_unknown, "", TUI_STALE, out_cell);
        break;
    case COL_TAGS:
        count_cell("", area->tags, "", TUI_DIM, out_cell);
        break;
    default:
        priority_cell(area, (int)column - COL_P1 + 1, out_cell);
        break;
    }
}

static const struct alarm_row *newest_row(void *context, size_t row) {
    const struct screen *screen = context;
    return &screen->unacked.rows[state_of(screen)->newest[row]];
}

static size_t newest_count(void *context) {
    return state_of(context)->newest_count;
}

static struct id16 newest_id(void *context, size_t row) {
    return newest_row(context, row)->subject.id;
}

static void newest_cell(void *context, size_t row, size_t column, struct tui_cell *out_cell) {
    const struct screen *screen = context;
    const struct alarm_state *state = &newest_row(context, row)->state;
    switch (column) {
    case NEW_MARK:
        (void)word_mark(state->priority, true, out_cell->buf);
        out_cell->style = word_mark_style(state->priority, true);
        break;
    case NEW_STATE:
        (void)word_state(state, out_cell->buf);
        break;
    case NEW_TIME:
        out_cell->text = word_time(screen, state->raised_time, out_cell->buf);
        break;
    case NEW_TAG:
        tui_cell_set(out_cell, TUI_TEXT, "%s", state->tag);
        break;
    case NEW_NAME:
        tui_cell_set(out_cell, TUI_TEXT, "%s", state->name);
        break;
    default:
        tui_cell_set(out_cell, TUI_TEXT, "%s", state->area);
        break;
    }
}

static enum rc init(struct screen *screen) {
    struct overview *overview = state_of(screen);
    struct tui_table_spec areas = {
        .columns = area_columns,
        .column_count = sizeof area_columns / sizeof area_columns[0],
        .source = {.context = screen, .count = area_count, .id = area_id, .cell = area_cell},
        .empty = N_("No areas are known yet: they come with the hub's log."),
    };
    struct tui_table_spec alarms = {
        .columns = alarm_columns,
        .column_count = sizeof alarm_columns / sizeof alarm_columns[0],
        .source = {.context = screen, .count = newest_count, .id = newest_id, .cell = newest_cell},
    };
    overview->areas = tui_table_new(&areas);
    overview->alarms = tui_table_new(&alarms);
    return overview->areas != NULL && overview->alarms != NULL ? RC_OK : RC_NO_MEMORY;
}

static void fini(struct screen *screen) {
    tui_table_free(state_of(screen)->areas);
    tui_table_free(state_of(screen)->alarms);
}

static int compare_newest(const void *a, const void *b, void *context) {
    const struct alarm_row *rows = context;
    const struct alarm_row *left = &rows[*(const uint32_t *)a];
    const struct alarm_row *right = &rows[*(const uint32_t *)b];
    if (left->state.raised_time.v != right->state.raised_time.v) {
        return left->state.raised_time.v > right->state.raised_time.v ? -1 : 1;
    }
    return id16_compare(left->subject.id, right->subject.id);
}

static void refresh(struct screen *screen) {
    struct overview *overview = state_of(screen);
    uint32_t count = screen->unacked.count;
    uint32_t *order = malloc((count > 0 ? count : 1) * sizeof *order);
    overview->newest_count = 0;
    if (order == NULL) {
        screen_short(screen);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        order[i] = i;
    }
    qsort_r(order, count, sizeof *order, compare_newest, screen->unacked.rows);
    overview->newest_count = count < NEWEST_MAX ? count : NEWEST_MAX;
    memcpy(overview->newest, order, overview->newest_count * sizeof *order);
    free(order);
}

static const char *phase_word(enum sync_phase phase) {
    switch (phase) {
    case SYNC_GREETING:
        return _("greeting the hub");
    case SYNC_CATCHING_UP:
        return _("catching up with the log");
    case SYNC_LIVE:
        return _("live");
    case SYNC_OFFLINE:
    default:
        return _("cut off");
    }
}

const char *link_word(const struct screen *screen) {
    const struct app_status *status = &screen->status;
    if (!status->linked) {
        return _("cut off: no connection to the broker");
    }
    if (status->sync.hub_starting) {
        return _("the hub is starting and asks around first");
    }
    return status->sync.phase == SYNC_LIVE && status->stale ? _("connected, but nothing is heard")
                                                            : phase_word(status->sync.phase);
}

// How many of my acts stand where, and how long the oldest has waited for the hub.
static void queue_text(const struct screen *screen, bool brief, char *out, size_t out_bytes) {
    const struct app_status *status = &screen->status;
    char oldest[WORD_BYTES];
    if (brief) {
        (void)snprintf(out, out_bytes, _("waiting %u, sent %u, refused %u"), status->waiting,
                       status->sent, status->refused);
    } else {
        (void)snprintf(out, out_bytes, _("waiting %u, sent %u, at hub %u, refused %u; oldest %s"),
                       status->waiting, status->sent, status->at_hub, status->refused,
                       word_age(status->oldest_age_ms, oldest));
    }
}

// Link, queue and values in a few lines under the areas.
static void draw_link(struct screen *screen, struct tui_rect rect) {
    const struct app_status *status = &screen->status;
    char age[WORD_BYTES];
    char link[256];
    char queue[256];
    char tags[128];
    if (status->picture_age_ms < 0) {
        (void)snprintf(link, sizeof link, _("%s; no picture yet"), link_word(screen));
    } else {
        (void)snprintf(link, sizeof link, _("%s; picture %s old"), link_word(screen),
                       word_age(status->picture_age_ms, age));
    }
    queue_text(screen, screen->layout.size <= TUI_COMPACT, queue, sizeof queue);
    (void)snprintf(tags, sizeof tags, _("%u, unknown %u"), screen->counts.tags,
                   screen->counts.tags_unknown);
    bool queued = status->waiting + status->sent > 0;
    const struct pair pairs[] = {
        {_("Link"), link, status->stale ? TUI_OFFLINE : TUI_TEXT},
        {_("My acts"), queue,
         status->refused > 0 ? TUI_REFUSED
         : queued            ? TUI_PENDING
                             : TUI_TEXT},
        {_("Tags"), tags, TUI_TEXT},
    };
    struct pair_view view = {pairs_label_cols(pairs, 3, rect.cols), 0};
    (void)pairs_draw(screen->canvas, rect, view, pairs, 3);
}

static void draw_areas(struct screen *screen, struct tui_rect rect, bool focused) {
    bool compact = screen->layout.size <= TUI_COMPACT;
    int rows = compact ? (rect.rows >= 10 ? 2 : 0) : LINK_PAIRS;
    struct tui_rect link = tui_rect_bottom(&rect, rows);
    if (!compact && link.rows > 0) {
        tui_hline(screen->canvas, tui_span(link.row, link.col, link.cols), TUI_DIM);
        (void)tui_rect_top(&link, 1);
    }
    char title[2 * LIMIT_NAME_BYTES + 32];
    (void)snprintf(title, sizeof title, "%s  %s  %s", _("Overview"), screen->status.site_name,
                   screen->status.device_name);
    draw_title(screen, &rect, title);
    struct tui_table_frame frame = {rect, screen->layout.size, {NULL, NULL, 0}, focused};
    tui_table_draw(state_of(screen)->areas, screen->canvas, &frame);
    draw_link(screen, link);
}

static void draw(struct screen *screen, struct tui_rect body) {
    struct overview *overview = state_of(screen);
    struct tui_rect whole = body;
    if (screen->layout.size == TUI_WIDE) {
        struct tui_rect left = tui_rect_left(&body, WIDE_AREA_COLS);
        tui_vline(screen->canvas, tui_rect_left(&body, 1), TUI_DIM);
        (void)tui_rect_left(&body, 1);
        struct tui_table_frame frame = {body,
                                        TUI_WIDE,
                                        {_("Newest unacknowledged"), NULL, screen->unacked.total},
                                        overview->on_alarms};
        tui_table_draw(overview->alarms, screen->canvas, &frame);
        if (overview->newest_count == 0) {
            tui_put(screen->canvas, tui_span(body.row + 2, body.col + 1, body.cols - 1),
                    screen->status.stale ? TUI_OFFLINE : TUI_DIM,
                    screen->status.stale ? _("None known here, and the picture is not live.")
                                         : _("Nothing is unacknowledged."));
        }
        draw_areas(screen, left, !overview->on_alarms);
    } else {
        overview->on_alarms = false;
        draw_areas(screen, body, true);
    }
    draw_tabs(screen, whole);
}

static struct tui_table *table(struct screen *screen) {
    struct overview *overview = state_of(screen);
    return overview->on_alarms ? overview->alarms : overview->areas;
}

static void open(struct screen *screen) {
    struct overview *overview = state_of(screen);
    struct id16 id;
    if (overview->on_alarms) {
        if (tui_table_selected(overview->alarms, &id)) {
            alarm_show(screen, (struct rid){id});
        }
        return;
    }
    for (uint32_t i = 0; tui_table_selected(overview->areas, &id) && i < screen->area_count; i++) {
        if (id16_equal(area_id(screen, i), id)) {
            alarms_show(screen, screen->areas[i].code);
            return;
        }
    }
}

static void act(struct screen *screen, int action) {
    if (action == ACT_OPEN) {
        open(screen);
    } else if (action == ACT_PANE && screen->layout.size == TUI_WIDE) {
        state_of(screen)->on_alarms = !state_of(screen)->on_alarms;
    }
}

const struct screen_ops overview_screen = {
    .name = "overview",
    .title = N_("Overview"),
    .actions = actions,
    .action_count = sizeof actions / sizeof actions[0],
    .state_bytes = sizeof(struct overview),
    .init = init,
    .fini = fini,
    .refresh = refresh,
    .draw = draw,
    .act = act,
    .table = table,
};
