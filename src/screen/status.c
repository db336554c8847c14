#include "screen_priv.h"

#include "davy/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// Row 0: what must always be seen. On a narrow line the parts of the highest rank go first.
#define PARTS_MAX 14
#define RANK_FIRST_OUT 11 // goes before anything is shortened

struct part {
    char text[WORD_BYTES];
    char brief[WORD_BYTES]; // used when the line is too narrow for the text; "" if there is none
    enum tui_style style;
    int rank;
};
struct parts {
    struct part part[PARTS_MAX];
    size_t count;
};

static void add(struct parts *parts, int rank, enum tui_style style, const char *format, ...)
    DAVY_PRINTF(4, 5);
static void add(struct parts *parts, int rank, enum tui_style style, const char *format, ...) {
    struct part *part = &parts->part[parts->count++];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(part->text, sizeof part->text, format, args);
    va_end(args);
    part->brief[0] = '\0';
    part->rank = rank;
    part->style = style;
}

// The same in fewer columns, for the part added last.
static void brief(struct parts *parts, const char *format, ...) DAVY_PRINTF(2, 3);
static void brief(struct parts *parts, const char *format, ...) {
    struct part *part = &parts->part[parts->count - 1];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(part->brief, sizeof part->brief, format, args);
    va_end(args);
}

static void use_briefs(struct parts *parts) {
    for (size_t i = 0; i < parts->count; i++) {
        if (parts->part[i].brief[0] != '\0') {
            memcpy(parts->part[i].text, parts->part[i].brief, sizeof parts->part[i].text);
        }
    }
}

// "12m": one number and one letter.
static const char *brief_age(int64_t age_ms, char out[static WORD_BYTES]) {
    static const struct {
        int64_t ms;
        char letter;
    } units[] = {{86400000, 'd'}, {3600000, 'h'}, {60000, 'm'}, {1000, 's'}};
    out[0] = '\0';
    for (size_t i = 0; i < sizeof units / sizeof units[0] && age_ms >= 0; i++) {
        if (age_ms >= units[i].ms || units[i].ms == 1000) {
            (void)snprintf(out, WORD_BYTES, "%lld%c", (long long)(age_ms / units[i].ms),
                           units[i].letter);
            break;
        }
    }
    return out;
}

static void add_counts(const struct screen *screen, struct parts *parts) {
    const struct screen_counts *counts = &screen->counts;
    static const int ranks[5] = {0, 0, 1, 8, 10};
    const char *doubt = screen->status.picture_age_ms < 0 ? "?" : ""; // nothing was heard yet
    for (int p = 1; p <= 4; p++) {
        uint32_t open = counts->unacked[p] + counts->standing[p];
        bool unacked = counts->unacked[p] > 0;
        enum tui_style style = open == 0 ? TUI_DIM : word_mark_style((uint8_t)p, unacked);
        add(parts, ranks[p], style, "%s%d:%u%s%s", p < 4 ? "!" : "", p, open, unacked ? "*" : "",
            doubt);
    }
    add(parts, 2, counts->unacked[0] > 0 ? TUI_UNACK : TUI_DIM, _("unack %u"), counts->unacked[0]);
    brief(parts, _("unack%u"), counts->unacked[0]);
}

static void add_link(const struct screen *screen, struct parts *parts) {
    const struct app_status *status = &screen->status;
    char age[WORD_BYTES];
    const char *old = status->picture_age_ms < 0 ? "" : word_age(status->picture_age_ms, age);
    const char *space = old[0] != '\0' ? " " : "";
    const char *word = _("live");
    bool live = false;
    if (!status->linked || status->sync.phase == SYNC_OFFLINE) {
        word = _("CUT OFF");
    } else if (status->sync.phase == SYNC_GREETING) {
        word = _("GREETING");
    } else if (status->sync.phase == SYNC_CATCHING_UP) {
        word = _("CATCHING UP");
    } else if (status->stale) {
        word = _("STALE");
    } else {
        live = true;
    }
    add(parts, 0, live ? TUI_TEXT : TUI_OFFLINE, "%s%s%s", word, space, old);
    brief(parts, "%s %s", word, brief_age(status->picture_age_ms, age));
}

static void add_rest(const struct screen *screen, struct parts *parts) {
    const struct app_status *status = &screen->status;
    struct app_person person;
    if (status->waiting + status->sent > 0) {
        add(parts, 3, TUI_PENDING, _("unsent %u"), status->waiting + status->sent);
        brief(parts, _("out%u"), status->waiting + status->sent);
    }
    if (status->refused > 0) {
        add(parts, 4, TUI_REFUSED, _("refused %u"), status->refused);
    }
    add_link(screen, parts);
    if (screen->bell.has_silence && !screen->bell.due_alarms) {
        add(parts, 5, TUI_TEXT, "%s", _("silenced"));
    }
    if (screen->observe) {
        add(parts, 6, TUI_TEXT, "%s", _("observing"));
    }
    if (app_active(screen->app, &person)) {
        uint32_t others = app_signed_in_count(screen->app);
        char more[16] = "";
        if (others > 1) {
            (void)snprintf(more, sizeof more, " +%u", others - 1);
        }
        add(parts, 7, TUI_TEXT, "%.40s%s", person.name, more);
    }
    if (status->demo) {
        add(parts, RANK_FIRST_OUT, TUI_DIM, "%s", _("DEMO"));
    }
}

static int total_cols(const struct parts *parts) {
    int cols = 0;
    for (size_t i = 0; i < parts->count; i++) {
        cols += text_cols(parts->part[i].text) + 1;
    }
    return cols;
}

// Takes the part of the highest rank out. False: all that are left rank below `least`.
static bool drop_one(struct parts *parts, int least) {
    size_t worst = 0;
    for (size_t i = 1; i < parts->count; i++) {
        worst = parts->part[i].rank >= parts->part[worst].rank ? i : worst;
    }
    if (parts->count == 0 || parts->part[worst].rank < least) {
        return false;
    }
    memmove(&parts->part[worst], &parts->part[worst + 1],
            (parts->count - worst - 1) * sizeof parts->part[0]);
    parts->count--;
    return true;
}

void screen_draw_status(struct screen *screen, struct tui_rect rect) {
    struct parts parts = {.count = 0};
    char clock[WORD_BYTES];
    (void)word_minute(screen, screen->now.utc, clock);
    add_counts(screen, &parts);
    add_rest(screen, &parts);
    int room = rect.cols >= TUI_COLS_MIN ? rect.cols - 5 : rect.cols + 1;
    while (total_cols(&parts) > room && drop_one(&parts, RANK_FIRST_OUT)) {
    }
    if (total_cols(&parts) > room) {
        use_briefs(&parts);
    }
    while (total_cols(&parts) > room && drop_one(&parts, 1)) {
    }
    tui_fill(screen->canvas, rect, TUI_TEXT);
    struct tui_pen pen = tui_pen(screen->canvas, tui_span(rect.row, rect.col, rect.cols));
    if (rect.cols >= TUI_COLS_MIN) {
        tui_pen_right(&pen, TUI_TEXT, clock);
    }
    for (size_t i = 0; i < parts.count; i++) {
        tui_pen_put(&pen, TUI_TEXT, i > 0 ? " " : "");
        tui_pen_put(&pen, parts.part[i].style, parts.part[i].text);
    }
}
