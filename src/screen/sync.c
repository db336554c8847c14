#include "screen_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// What has reached the hub and what has not: the link, how far the log came, my own acts by stage.
enum { ACT_OPEN = SCREEN_ACT(SCREEN_SYNC, 1), ACT_RECORD };
enum { COL_STAGE, COL_TIME, COL_KIND, COL_WHY, COL_SUBJECT, COL_BYTES };
#define ROWS_MAX 2000
#define PAIRS_MAX 7
#define TEXT_BYTES 256
#define BAR_COLS 10
#define CLOCK_SAME_MS 2000 // clocks nearer than this are the same to a person

struct sync_view {
    struct tui_table *table;
    struct outbox_row *rows;
    uint32_t count;
    uint32_t stage[STAGE_HELD + 1];
};

static const struct screen_action actions[] = {
    {{ACT_OPEN, "sync.subject", TUI_KEY_ENTER, 0, N_("Subject"),
      N_("Everything about what this act speaks of."), SCREEN_BIT(SCREEN_SYNC), false},
     false},
    {{ACT_RECORD, "sync.record", 'R', 0, N_("Record"), N_("This act, word for word."),
      SCREEN_BIT(SCREEN_SYNC), false},
     false},
};

static const struct tui_column columns[] = {
    [COL_STAGE] = {N_("Stage"), 8, 0, TUI_LEFT, false, 0},
    [COL_TIME] = {N_("Time"), 8, 1, TUI_LEFT, false, 0},
    [COL_KIND] = {N_("Act"), 12, 0, TUI_LEFT, true, 0},
    [COL_WHY] = {N_("Why"), 16, 2, TUI_LEFT, false, 0},
    [COL_SUBJECT] = {N_("Subject"), 12, 3, TUI_LEFT, false, 0},
    [COL_BYTES] = {N_("Bytes"), 6, 4, TUI_RIGHT, false, 0},
};

static struct sync_view *state_of(const struct screen *screen) {
    return screen_state(screen, SCREEN_SYNC);
}

static size_t row_count(void *context) {
    return state_of(context)->count;
}

static struct id16 row_id(void *context, size_t row) {
    return state_of(context)->rows[row].rid.id;
}

static enum tui_style stage_style(enum act_stage stage) {
    switch (stage) {
    case STAGE_REFUSED:
    case STAGE_HELD:
        return TUI_REFUSED;
    case STAGE_DRAFT:
    case STAGE_WAITING:
    case STAGE_SENT:
        return TUI_PENDING;
    case STAGE_AT_HUB:
    case STAGE_ACCEPTED:
    default:
        return TUI_TEXT;
    }
}

static void row_cell(void *context, size_t row, size_t column, struct tui_cell *out_cell) {
    const struct screen *screen = context;
    const struct outbox_row *act = &state_of(screen)->rows[row];
    char code[ID_SHORT_BYTES];
    switch (column) {
    case COL_STAGE:
        tui_cell_set(out_cell, stage_style(act->stage), "%s", say_stage(act->stage));
        break;
    case COL_TIME:
        out_cell->text = word_time(screen, act->time, out_cell->buf);
        break;
    case COL_KIND:
        // Without a column of its own the reason stands here.
        if (act->rule != 0 && screen->layout.size <= TUI_COMPACT) {
            tui_cell_set(out_cell, TUI_TEXT, "%s: %s", say_kind(act->kind), say_rule(act->rule));
        } else {
            tui_cell_set(out_cell, TUI_TEXT, "%s", say_kind(act->kind));
        }
        break;
    case COL_WHY:
        tui_cell_set(out_cell, TUI_TEXT, "%s", act->rule != 0 ? say_rule(act->rule) : "");
        break;
    case COL_SUBJECT:
        if (act->subject_count > 1) {
            tui_cell_set(out_cell, TUI_TEXT, "%s +%u", word_short(act->subject, code),
                         act->subject_count - 1);
        } else if (act->subject_count == 1) {
            tui_cell_set(out_cell, TUI_TEXT, "%s", word_short(act->subject, code));
        }
        break;
    default:
        tui_cell_set(out_cell, TUI_TEXT, "%u", act->bytes);
        break;
    }
}

static enum rc init(struct screen *screen) {
    struct tui_table_spec spec = {
        .columns = columns,
        .column_count = sizeof columns / sizeof columns[0],
        .source = {.context = screen, .count = row_count, .id = row_id, .cell = row_cell},
        .empty = N_("Nothing was signed here yet."),
    };
    state_of(screen)->table = tui_table_new(&spec);
    return state_of(screen)->table != NULL ? RC_OK : RC_NO_MEMORY;
}

static void leave(struct screen *screen) {
    struct sync_view *view = state_of(screen);
    free(view->rows);
    view->rows = NULL;
    view->count = 0;
}

static void fini(struct screen *screen) {
    leave(screen);
    tui_table_free(state_of(screen)->table);
}

static void refresh(struct screen *screen) {
    struct sync_view *view = state_of(screen);
    if (view->rows == NULL) {
        view->rows = malloc(ROWS_MAX * sizeof *view->rows);
    }
    if (view->rows == NULL) {
        screen_short(screen);
    }
    view->count = view->rows != NULL ? app_outbox(screen->app, view->rows, ROWS_MAX) : 0;
    memset(view->stage, 0, sizeof view->stage);
    for (uint32_t i = 0; i < view->count; i++) {
        if (view->rows[i].stage <= STAGE_HELD) {
            view->stage[view->rows[i].stage]++;
        }
    }
}

// "12000 of 15000  [#########...........] 80%", or "complete".
static void log_text(const struct screen *screen, char *out, size_t out_bytes) {
    const struct sync_device_status *sync = &screen->status.sync;
    uint64_t have = 0;
    uint64_t all = 0;
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        uint64_t mine = sync->log_seq[lane];
        uint64_t hub = sync->hub_log_seq[lane] > mine ? sync->hub_log_seq[lane] : mine;
        have += mine;
        all += hub;
    }
    if (all == 0) {
        (void)snprintf(out, out_bytes, "%s", _("nothing of the hub's log yet"));
    } else if (have == all) {
        (void)snprintf(out, out_bytes, _("complete, %llu entries"), (unsigned long long)all);
    } else {
        char bar[BAR_COLS + 1];
        size_t full = (size_t)(have * BAR_COLS / all);
        memset(bar, '.', BAR_COLS);
        memset(bar, '#', full);
        bar[BAR_COLS] = '\0';
        (void)snprintf(out, out_bytes, _("%llu of %llu [%s] %u%%"), (unsigned long long)have,
                       (unsigned long long)all, bar, (unsigned)(have * 100 / all));
    }
}

struct sync_text {
    struct pair pairs[PAIRS_MAX];
    char text[PAIRS_MAX][TEXT_BYTES];
    size_t count;
};

static char *add(struct sync_text *out, const char *label, enum tui_style style) {
    char *text = out->text[out->count];
    out->pairs[out->count++] = (struct pair){label, text, style};
    text[0] = '\0';
    return text;
}

static void add_link(const struct screen *screen, struct sync_text *out) {
    const struct app_status *status = &screen->status;
    enum tui_style style = status->stale ? TUI_OFFLINE : TUI_TEXT;
    char age[WORD_BYTES];
    char offset[WORD_BYTES];
    char *link = add(out, _("Link"), style);
    if (status->linked && status->sync.phase == SYNC_LIVE && !status->stale) {
        (void)snprintf(link, TEXT_BYTES, _("%s, round trip %u ms"), link_word(screen),
                       status->sync.rtt_ms);
    } else {
        (void)snprintf(link, TEXT_BYTES, "%s", link_word(screen));
    }
    int64_t off = status->clock_offset_ms;
    (void)word_age(off < 0 ? -off : off, offset);
    (void)word_age(status->picture_age_ms, age);
    char *picture = add(out, _("Picture"), style);
    if (status->picture_age_ms < 0) {
        (void)snprintf(picture, TEXT_BYTES, "%s", _("none yet"));
    } else if (off > -CLOCK_SAME_MS && off < CLOCK_SAME_MS) {
        (void)snprintf(picture, TEXT_BYTES, _("%s old"), age);
    } else {
        (void)snprintf(picture, TEXT_BYTES,
                       off < 0 ? _("%s old; the hub's clock is %s behind mine")
                               : _("%s old; the hub's clock is %s ahead of mine"),
                       age, offset);
    }
    log_text(screen, add(out, _("Log"), TUI_TEXT), TEXT_BYTES);
}

// "waiting 2, sent 0, ..."; brief: only stages that hold something.
static void stages_text(const struct screen *screen, bool brief, char *out, size_t out_bytes) {
    const struct app_status *status = &screen->status;
    const struct sync_view *view = state_of(screen);
    const struct {
        enum act_stage stage;
        uint32_t count;
    } rows[] = {
        {STAGE_DRAFT, view->stage[STAGE_DRAFT]},
        {STAGE_WAITING, status->waiting},
        {STAGE_SENT, status->sent},
        {STAGE_AT_HUB, status->at_hub},
        {STAGE_ACCEPTED, view->stage[STAGE_ACCEPTED]},
        {STAGE_REFUSED, view->stage[STAGE_REFUSED]},
        {STAGE_HELD, view->stage[STAGE_HELD]},
    };
    struct buf text;
    buf_init(&text, 512);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].count > 0 || !brief) {
            buf_printf(&text, "%s%s %u", text.len > 0 ? ", " : "", say_stage(rows[i].stage),
                       rows[i].count);
        }
    }
    (void)snprintf(out, out_bytes, "%s", text.len > 0 ? buf_cstr(&text) : "-");
    buf_fini(&text);
}

static void add_acts(const struct screen *screen, struct sync_text *out) {
    const struct app_status *status = &screen->status;
    char age[WORD_BYTES];
    char bytes[WORD_BYTES];
    stages_text(screen, screen->layout.size <= TUI_COMPACT, add(out, _("My acts"), TUI_TEXT),
                TEXT_BYTES);
    char *unsent = add(out, _("Unsent"), status->unsent_bytes > 0 ? TUI_PENDING : TUI_TEXT);
    if (status->oldest_age_ms < 0) {
        (void)snprintf(unsent, TEXT_BYTES, "%s", _("nothing"));
    } else {
        (void)snprintf(unsent, TEXT_BYTES, _("oldest %s, %s"), word_age(status->oldest_age_ms, age),
                       word_bytes(status->unsent_bytes, bytes));
    }
}

static void add_traffic(const struct screen *screen, struct sync_text *out) {
    const struct sync_device_status *sync = &screen->status.sync;
    char sent[WORD_BYTES];
    char received[WORD_BYTES];
    char resent[WORD_BYTES];
    (void)snprintf(add(out, _("Traffic"), TUI_TEXT), TEXT_BYTES,
                   _("sent %s (again %s), received %s"), word_bytes(sync->sent_bytes, sent),
                   word_bytes(sync->resent_bytes, resent),
                   word_bytes(sync->received_bytes, received));
    if (sync->not_verified > 0) {
        (void)snprintf(add(out, _("Dropped"), TUI_REFUSED), TEXT_BYTES,
                       _("%llu messages did not verify: %s"),
                       (unsigned long long)sync->not_verified, sync->trouble);
    }
}

static void draw(struct screen *screen, struct tui_rect body) {
    struct sync_view *view = state_of(screen);
    struct tui_rect whole = body;
    struct sync_text text = {.count = 0};
    bool compact = screen->layout.size <= TUI_COMPACT;
    add_link(screen, &text);
    add_acts(screen, &text);
    if (!compact) {
        add_traffic(screen, &text);
    }
    draw_title(screen, &body, _("Sync"));
    struct pair_view shape = {pairs_label_cols(text.pairs, text.count, body.cols), 0};
    int lines = pairs_draw(NULL, body, shape, text.pairs, text.count);
    int most = body.rows - (compact ? 4 : 6);
    lines = lines > most ? most : lines;
    (void)pairs_draw(screen->canvas, tui_rect_top(&body, lines), shape, text.pairs, text.count);
    if (!compact) {
        (void)tui_rect_top(&body, 1);
    }
    struct tui_table_frame frame = {body, screen->layout.size, {_("My acts"), NULL, 0}, true};
    tui_table_draw(view->table, screen->canvas, &frame);
    draw_tabs(screen, whole);
}

static struct tui_table *table(struct screen *screen) {
    return state_of(screen)->table;
}

static void act(struct screen *screen, int action) {
    struct sync_view *view = state_of(screen);
    struct id16 id;
    for (uint32_t i = 0; tui_table_selected(view->table, &id) && i < view->count; i++) {
        const struct outbox_row *row = &view->rows[i];
        if (!id16_equal(row->rid.id, id)) {
            continue;
        }
        if (action == ACT_RECORD || row->subject_count == 0) {
            record_show(screen, row->rid);
        } else {
            struct rid subject = row->subject;
            log_show(screen, subject, "");
        }
        return;
    }
}

const struct screen_ops sync_screen = {
    .name = "sync",
    .title = N_("Sync"),
    .actions = actions,
    .action_count = sizeof actions / sizeof actions[0],
    .state_bytes = sizeof(struct sync_view),
    .init = init,
    .fini = fini,
    .leave = leave,
    .refresh = refresh,
    .draw = draw,
    .act = act,
    .table = table,
};
