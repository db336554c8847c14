#include "screen_priv.h"

#include <stdio.h>
#include <string.h>

// One alarm: what it is, what it means, what to do, who has seen it. When wide, beside the list.
enum {
    ACT_ACK = SCREEN_ACT(SCREEN_ALARM, 1),
    ACT_COMMENT,
    ACT_RECORDS,
    ACT_TREND,
};
#define PAIRS_MAX 12
#define TEXT_BYTES 768
#define TREND_ROWS_MIN 5
#define TREND_ROWS_MAX 12

struct alarm_view {
    struct rid subject;
    struct painted painted;
    int scroll;
};

static const struct screen_action actions[] = {
    {{ACT_ACK, "this.ack", 'a', 8, N_("Ack"), N_("Acknowledge this alarm with my signature."),
      SCREEN_BIT(SCREEN_ALARM), false},
     true},
    {{ACT_COMMENT, "this.comment", 'c', 0, N_("Comment"), N_("Write a signed comment."),
      SCREEN_BIT(SCREEN_ALARM), false},
     true},
    {{ACT_RECORDS, "this.log", 'l', 0, N_("Records"), N_("Who did what to this alarm, and when."),
      SCREEN_BIT(SCREEN_ALARM), false},
     false},
    {{ACT_TREND, "this.trend", 't', 0, N_("Trend"), N_("The tag's values over time."),
      SCREEN_BIT(SCREEN_ALARM), false},
     false},
};

// The pairs of a detail with the texts they point at.
struct detail_text {
    struct pair pairs[PAIRS_MAX];
    char text[PAIRS_MAX][TEXT_BYTES];
    size_t count;
};

static char *add(struct detail_text *out, const char *label, enum tui_style style) {
    struct pair *pair = &out->pairs[out->count];
    char *text = out->text[out->count++];
    text[0] = '\0';
    *pair = (struct pair){label, text, style};
    return text;
}

static void add_values(const struct alarm_state *state, const struct tag_row *tag,
                       struct detail_text *out) {
    char value[WORD_BYTES];
    char limit[WORD_BYTES];
    char age[WORD_BYTES];
    if (tag != NULL && tag->has_value) {
        char *now = add(out, _("Now"), tag->stale ? TUI_STALE : TUI_TITLE);
        (void)snprintf(now, TEXT_BYTES, _("%s  (%s old)%s"), word_live(tag, value),
                       word_age(tag->age_ms, age), tag->stale ? _("  not live") : "");
    } else {
        (void)snprintf(add(out, _("Now"), TUI_STALE), TEXT_BYTES, "%s", _("? no value heard"));
    }
    char *at = add(out, _("At alarm"), TUI_TEXT);
    if (state->limit == ALARM_STALE) {
        (void)snprintf(at, TEXT_BYTES, "%s", _("the source fell silent"));
    } else {
        (void)snprintf(at, TEXT_BYTES, _("%s %s, %s (%s) %s"),
                       word_value(state->value, &state->limit_value, value), state->unit,
                       word_limit(state->limit), alarm_limit_name(state->limit),
                       word_value(state->limit_value, NULL, limit));
    }
}

static void add_respond(const struct screen *screen, const struct alarm_detail *detail,
                        struct detail_text *out) {
    const struct alarm_state *state = &detail->row.state;
    char all[WORD_BYTES];
    char rest[WORD_BYTES];
    if (detail->respond_s == 0) {
        return;
    }
    int64_t now = screen->now.utc.v + screen->status.clock_offset_ms;
    int64_t left = state->raised_time.v + (int64_t)detail->respond_s * 1000 - now;
    char *text = add(out, _("Respond"), state->active && left < 0 ? TUI_UNACK : TUI_TEXT);
    (void)word_age((int64_t)detail->respond_s * 1000, all);
    if (!state->active) {
        (void)snprintf(text, TEXT_BYTES, _("within %s"), all);
    } else if (left >= 0) {
        (void)snprintf(text, TEXT_BYTES, _("within %s, %s left"), all, word_age(left, rest));
    } else {
        (void)snprintf(text, TEXT_BYTES, _("within %s, OVERDUE by %s"), all, word_age(-left, rest));
    }
}

static void add_people(const struct screen *screen, const struct alarm_detail *detail,
                       struct detail_text *out) {
    const struct alarm_state *state = &detail->row.state;
    char time[WORD_BYTES];
    char *text = add(out, _("Acked by"), state->acked ? TUI_TEXT : TUI_UNACK);
    if (!state->acked) {
        (void)snprintf(text, TEXT_BYTES, "%s", _("nobody yet"));
    } else {
        (void)snprintf(text, TEXT_BYTES, "%s  %s%s", detail->acked_by,
                       word_full_time(screen, state->acked_time, time),
                       state->acked_pending ? _("  (not yet accepted by the hub)") : "");
    }
    if (state->comment_count > 0) {
        (void)snprintf(add(out, _("Comments"), TUI_TEXT), TEXT_BYTES, _("%u (l: read)"),
                       state->comment_count);
    }
}

static void add_times(const struct screen *screen, const struct alarm_state *state,
                      struct detail_text *out) {
    char time[WORD_BYTES];
    char age[WORD_BYTES];
    int64_t now = screen->now.utc.v + screen->status.clock_offset_ms;
    (void)snprintf(add(out, _("Since"), TUI_TEXT), TEXT_BYTES, _("%s, %s ago"),
                   word_full_time(screen, state->raised_time, time),
                   word_age(now - state->raised_time.v, age));
    if (!state->active) {
        (void)snprintf(add(out, _("Returned"), TUI_TEXT), TEXT_BYTES, "%s",
                       word_full_time(screen, state->returned_time, time));
    }
}

static void fill(const struct screen *screen, const struct alarm_detail *detail,
                 const struct tag_row *tag, struct detail_text *out) {
    const struct alarm_state *state = &detail->row.state;
    (void)snprintf(add(out, _("State"), state->acked ? TUI_TEXT : TUI_UNACK), TEXT_BYTES, "%s",
                   word_state_long(state));
    add_values(state, tag, out);
    add_respond(screen, detail, out);
    if (detail->action[0] != '\0') {
        (void)snprintf(add(out, _("Do"), TUI_TITLE), TEXT_BYTES, "%s", detail->action);
    }
    if (detail->consequence[0] != '\0') {
        (void)snprintf(add(out, _("Or else"), TUI_TEXT), TEXT_BYTES, "%s", detail->consequence);
    }
    add_times(screen, state, out);
    add_people(screen, detail, out);
    (void)snprintf(add(out, _("Where"), TUI_TEXT), TEXT_BYTES, "%s %s",
                   area_name(screen, state->area), detail->equipment);
}

static void draw_head(struct screen *screen, struct tui_rect row, const struct alarm_state *state) {
    char text[WORD_BYTES];
    if (row.rows == 0) {
        return;
    }
    struct tui_pen pen = tui_pen(screen->canvas, tui_span(row.row, row.col, row.cols));
    tui_pen_put(&pen, word_mark_style(state->priority, !state->acked),
                word_mark(state->priority, !state->acked, text));
    tui_pen_putf(&pen, TUI_TITLE, " %s %s  %s", word_state(state, text), state->tag, state->name);
}

// The trend stands under a text of so many lines; if the text is long it keeps a fair share at the
// bottom, and on a small screen one row.
static struct tui_rect trend_place(struct tui_rect *inout_rect, int lines) {
    int rows = inout_rect->rows;
    int left = rows - lines - 1;
    if (rows < 16) {
        return tui_rect_bottom(inout_rect, 1);
    }
    if (left < TREND_ROWS_MIN) {
        return tui_rect_bottom(inout_rect, TREND_ROWS_MIN);
    }
    struct tui_rect text = tui_rect_top(inout_rect, lines);
    struct tui_rect trend = *inout_rect;
    (void)tui_rect_top(&trend, 1);
    trend.rows = left > TREND_ROWS_MAX ? TREND_ROWS_MAX : left;
    *inout_rect = text;
    return trend;
}

void alarm_draw(struct screen *screen, struct tui_rect rect, struct rid subject,
                int *inout_scroll) {
    struct alarm_detail detail;
    struct detail_text text = {.count = 0};
    struct tag_row tag;
    if (app_alarm_detail(screen->app, subject, &detail) != RC_OK) {
        tui_put(screen->canvas, tui_span(rect.row, rect.col, rect.cols), TUI_DIM,
                _("This alarm is not known here."));
        return;
    }
    bool has_tag = app_tag(screen->app, detail.row.state.tag, screen->now, &tag);
    fill(screen, &detail, has_tag ? &tag : NULL, &text);
    draw_head(screen, tui_rect_top(&rect, 1), &detail.row.state);
    struct pair_view view = {pairs_label_cols(text.pairs, text.count, rect.cols), 0};
    int lines = pairs_draw(NULL, rect, view, text.pairs, text.count);
    struct tui_rect trend = trend_place(&rect, lines);
    int most = lines > rect.rows ? lines - rect.rows : 0;
    *inout_scroll = *inout_scroll > most ? most : *inout_scroll < 0 ? 0 : *inout_scroll;
    view.skip = *inout_scroll;
    (void)pairs_draw(screen->canvas, rect, view, text.pairs, text.count);
    if (view.skip < most && rect.rows > 0) {
        tui_glyph(screen->canvas, rect.row + rect.rows - 1, rect.col + rect.cols - 1, TUI_HINT_KEY,
                  TUI_GLYPH_DOWN);
    }
    if (has_tag && trend.rows > 1) {
        trend_draw(screen, trend, &tag);
    } else if (has_tag && trend.rows == 1) {
        trend_spark(screen, tui_span(trend.row, trend.col, trend.cols), &tag);
    }
}

static struct alarm_view *state_of(const struct screen *screen) {
    return screen_state(screen, SCREEN_ALARM);
}

static void draw(struct screen *screen, struct tui_rect body) {
    struct alarm_view *view = state_of(screen);
    struct alarm_detail detail;
    alarm_draw(screen, body, view->subject, &view->scroll);
    if (app_alarm_detail(screen->app, view->subject, &detail) == RC_OK) {
        painted_note(&view->painted, view->subject, detail.row.state.changed_n);
    }
    tui_cursor(screen->canvas, body.row, body.col, false);
}

static void act(struct screen *screen, int action) {
    struct alarm_view *view = state_of(screen);
    struct alarm_detail detail;
    if (app_alarm_detail(screen->app, view->subject, &detail) != RC_OK) {
        return;
    }
    const struct alarm_row *row = &detail.row;
    switch (action) {
    case ACT_ACK:
        screen->ack.list = NULL;
        screen->ack.has_next = false;
        ack_begin(screen, &view->painted, &row, 1);
        break;
    case ACT_COMMENT:
        alarm_comment(screen, view->subject);
        break;
    case ACT_RECORDS:
        log_show(screen, view->subject, detail.row.state.tag);
        break;
    case ACT_TREND:
        tag_show(screen, detail.row.state.tag);
        break;
    default:
        break;
    }
}

static enum tui_result move(struct screen *screen, const struct tui_event *event) {
    return scroll_move(event, &state_of(screen)->scroll) ? TUI_HANDLED : TUI_IGNORED;
}

void alarm_show(struct screen *screen, struct rid subject) {
    struct alarm_view *view = state_of(screen);
    view->subject = subject;
    view->scroll = 0;
    view->painted.count = 0;
    screen_go(screen, SCREEN_ALARM);
}

const struct screen_ops alarm_screen = {
    .name = "alarm",
    .title = N_("Alarm"),
    .actions = actions,
    .action_count = sizeof actions / sizeof actions[0],
    .state_bytes = sizeof(struct alarm_view),
    .draw = draw,
    .move = move,
    .act = act,
};
