#include "screen_priv.h"

#include <stdio.h>
#include <string.h>

// Acknowledging: what was pointed at, as it was painted, after a question where one is due.
#define BOUNCE_MS 300 // a key that bounces must not acknowledge the next row too

void painted_note(struct painted *painted, struct rid subject, uint64_t changed_n) {
    for (uint32_t i = 0; i < painted->count; i++) {
        if (rid_equal(painted->rows[i].subject, subject)) {
            memmove(&painted->rows[i], &painted->rows[i + 1],
                    (painted->count - i - 1) * sizeof painted->rows[0]);
            painted->count--;
            break;
        }
    }
    if (painted->count == PAINTED_MAX) {
        memmove(painted->rows, painted->rows + 1, (PAINTED_MAX - 1) * sizeof painted->rows[0]);
        painted->count--;
    }
    painted->rows[painted->count++] = (struct painted_row){subject, changed_n};
}

static const struct painted_row *painted_find(const struct painted *painted, struct rid subject) {
    for (uint32_t i = 0; i < painted->count; i++) {
        if (rid_equal(painted->rows[i].subject, subject)) {
            return &painted->rows[i];
        }
    }
    return NULL;
}

static void report(struct screen *screen, uint32_t taken, uint32_t left_out) {
    char text[256];
    const char *way = screen->status.sync.phase == SYNC_LIVE && !screen->status.stale
                          ? _("Signed and sent.")
                          : _("Signed and kept; sent when the link is back.");
    if (left_out == 0) {
        (void)snprintf(text, sizeof text, _("%u acknowledged. %s"), taken, way);
    } else {
        (void)snprintf(text, sizeof text,
                       _("%u acknowledged; %u left out, changed or never shown. %s"), taken,
                       left_out, way);
    }
    screen_note(screen, TUI_TEXT, text);
}

static void acknowledge(struct screen *screen) {
    struct ack_act *ack = &screen->ack;
    struct refusal refusal = {.code = REFUSAL_NONE};
    uint32_t taken = 0;
    enum rc rc =
        app_alarm_ack(screen->app, ack->rows, ack->count, "", screen->now, &taken, &refusal);
    if (rc != RC_OK) {
        screen_refused(screen, rc, &refusal);
        screen_reload(screen);
        return;
    }
    ack->done = true;
    ack->done_ms = screen->now.mono.v;
    if (ack->list != NULL) {
        tui_table_unmark_all(ack->list);
        if (ack->has_next) {
            tui_table_select(ack->list, ack->next);
        }
    }
    report(screen, taken, ack->count - taken + ack->left_out);
    screen_reload(screen);
}

static void ask(struct screen *screen, const struct alarm_row *worst) {
    const struct ack_act *ack = &screen->ack;
    const struct alarm_state *state = &worst->state;
    struct app_person person = {.active = false};
    char title[96];
    char text[1024];
    char mark[WORD_BYTES];
    (void)app_active(screen->app, &person);
    (void)snprintf(title, sizeof title, _("Acknowledge %u, highest priority %u?"), ack->count,
                   state->priority);
    (void)snprintf(text, sizeof text, _("%s %s %s, %s%s\nSigned by %s. The alarm stays active."),
                   word_mark(state->priority, true, mark), state->tag, state->name,
                   word_limit(state->limit), ack->count > 1 ? _(" and others") : "", person.name);
    tui_modal_confirm(screen->modal, ASK_ACK, title, text);
}

void ack_begin(struct screen *screen, const struct painted *painted,
               const struct alarm_row *const *rows, size_t count) {
    struct ack_act *ack = &screen->ack;
    const struct alarm_row *worst = NULL;
    int64_t since = screen->now.mono.v - ack->done_ms;
    ack->count = 0;
    ack->left_out = 0;
    if (ack->done && since >= 0 && since < BOUNCE_MS) {
        return;
    }
    for (size_t i = 0; i < count; i++) {
        const struct painted_row *seen = painted_find(painted, rows[i]->subject);
        if (rows[i]->state.acked) {
            continue;
        }
        if (seen == NULL || ack->count == LIMIT_RECORD_SUBJECTS) {
            ack->left_out++;
            continue;
        }
        ack->rows[ack->count++] = *seen;
        worst = worst == NULL || rows[i]->state.priority < worst->state.priority ? rows[i] : worst;
    }
    if (worst == NULL) {
        screen_note(screen, TUI_TEXT,
                    ack->left_out > 0 ? _("Not shown yet: look at the alarm first.")
                                      : _("Nothing here is unacknowledged."));
    } else if (ack->count > 1 || worst->state.priority <= 1) {
        ask(screen, worst);
    } else {
        acknowledge(screen);
    }
}

static void comment(struct screen *screen, const char *text) {
    struct refusal refusal = {.code = REFUSAL_NONE};
    if (text[0] == '\0') {
        return;
    }
    enum rc rc =
        app_alarm_comment(screen->app, screen->ack.comment_on, text, screen->now, &refusal);
    if (rc != RC_OK) {
        screen_refused(screen, rc, &refusal);
    } else {
        screen_note(screen, TUI_TEXT, _("Comment signed."));
    }
    screen_reload(screen);
}

void alarm_comment(struct screen *screen, struct rid subject) {
    struct tui_prompt prompt = {_("Comment:"), "", LIMIT_COMMENT_BYTES, false};
    screen->ack.comment_on = subject;
    tui_modal_prompt(screen->modal, ASK_COMMENT, &prompt);
}

bool ack_answer(struct screen *screen, const struct tui_answer *answer) {
    if (answer->tag == ASK_ACK && answer->kind == TUI_ANSWER_YES) {
        acknowledge(screen);
    } else if (answer->tag == ASK_COMMENT && answer->kind == TUI_ANSWER_TEXT) {
        comment(screen, answer->text);
    }
    return answer->tag == ASK_ACK || answer->tag == ASK_COMMENT;
}
