#include "screen_priv.h"

#include <stdio.h>
#include <string.h>

// A locked console: it shows and rings, it can be silenced, it signs nothing.
enum { ACT_UNLOCK = SCREEN_ACT(SCREEN_LOCK, 1), ACT_BADGE };
#define SIGNED_IN_MAX LIMIT_SIGNED_IN

struct lock {
    struct app_person people[SIGNED_IN_MAX];
    uint32_t count;
};

static const struct screen_action actions[] = {
    {{ACT_UNLOCK, "lock.open", TUI_KEY_ENTER, 0, N_("Unlock"),
      N_("Unlock with the PIN; digits choose among those who are signed in."),
      SCREEN_BIT(SCREEN_LOCK), false},
     false},
    {{ACT_BADGE, "lock.badge", 'b', 8, N_("Badge"), N_("Unlock as somebody else."),
      SCREEN_BIT(SCREEN_LOCK), false},
     false},
};

static struct lock *state_of(const struct screen *screen) {
    return screen_state(screen, SCREEN_LOCK);
}

// Those who are signed in, who acted last first.
static void refresh(struct screen *screen) {
    struct lock *lock = state_of(screen);
    struct app_person people[64];
    uint32_t count = app_people(screen->app, people, 64);
    lock->count = 0;
    for (int wanted = 1; wanted >= 0; wanted--) {
        for (uint32_t i = 0; i < count && lock->count < SIGNED_IN_MAX; i++) {
            if (people[i].signed_in && people[i].active == (wanted == 1)) {
                lock->people[lock->count++] = people[i];
            }
        }
    }
}

static void draw_people(struct screen *screen, struct tui_rect *inout_body) {
    const struct lock *lock = state_of(screen);
    for (uint32_t i = 0; i < lock->count; i++) {
        struct tui_rect row = tui_rect_top(inout_body, 1);
        if (row.rows == 0) {
            return;
        }
        struct tui_pen pen = tui_pen(screen->canvas, tui_span(row.row, row.col, row.cols));
        tui_pen_putf(&pen, TUI_HINT_KEY, " %u ", i + 1);
        tui_pen_putf(&pen, TUI_TEXT, "%s  %s", lock->people[i].name, lock->people[i].number);
        if (i == 0) {
            tui_cursor(screen->canvas, row.row, row.col + 1, false);
        }
    }
}

static void draw_alarm(struct screen *screen, struct tui_span span, const struct alarm_row *row) {
    char text[WORD_BYTES];
    const struct alarm_state *state = &row->state;
    struct tui_pen pen = tui_pen(screen->canvas, span);
    tui_pen_put(&pen, word_mark_style(state->priority, !state->acked),
                word_mark(state->priority, !state->acked, text));
    tui_pen_putf(&pen, TUI_TEXT, " %s ", word_state(state, text));
    tui_pen_putf(&pen, TUI_TEXT, "%s ", word_minute(screen, state->raised_time, text));
    tui_pen_putf(&pen, TUI_TEXT, "%s %s", state->tag, state->name);
}

static void draw(struct screen *screen, struct tui_rect body) {
    char text[3 * LIMIT_NAME_BYTES];
    (void)snprintf(text, sizeof text, "%s   %s   %s", _("LOCKED"), screen->status.site_name,
                   screen->status.device_name);
    draw_title(screen, &body, text);
    draw_people(screen, &body);
    (void)tui_rect_top(&body, screen->layout.size > TUI_COMPACT ? 1 : 0);
    (void)snprintf(text, sizeof text, "%s  %u", _("Unacknowledged alarms"), screen->unacked.total);
    draw_title(screen, &body, text);
    for (uint32_t i = 0; i < screen->unacked.count && body.rows > 0; i++) {
        struct tui_rect row = tui_rect_top(&body, 1);
        struct tui_span span = tui_span(row.row, row.col + 1, row.cols - 1);
        if (body.rows == 0 && i + 1 < screen->unacked.total) {
            (void)tui_addf(screen->canvas, span, TUI_TEXT, _("%u more"), screen->unacked.total - i);
        } else {
            draw_alarm(screen, span, &screen->unacked.rows[i]);
        }
    }
}

static void unlock(struct screen *screen, uint32_t index) {
    struct lock *lock = state_of(screen);
    if (index < lock->count) {
        char number[LIMIT_TAG_BYTES + 1];
        memcpy(number, lock->people[index].number, sizeof number);
        people_pick(screen, number);
    } else {
        people_ask_badge(screen);
    }
}

static void act(struct screen *screen, int action) {
    if (action == ACT_UNLOCK) {
        unlock(screen, 0);
    } else if (action == ACT_BADGE) {
        people_ask_badge(screen);
    }
}

static enum tui_result move(struct screen *screen, const struct tui_event *event) {
    uint32_t count = state_of(screen)->count;
    if (event->key >= '1' && event->key <= '9' && event->key - '1' < count) {
        unlock(screen, event->key - '1');
        return TUI_HANDLED;
    }
    return TUI_IGNORED;
}

const struct screen_ops lock_screen = {
    .name = "lock",
    .title = N_("Locked"),
    .actions = actions,
    .action_count = sizeof actions / sizeof actions[0],
    .state_bytes = sizeof(struct lock),
    .refresh = refresh,
    .draw = draw,
    .move = move,
    .act = act,
    .answer = people_answer,
};
