#include "screen_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DAY_MS 86400000

const char *word_mark(uint8_t priority, bool unacked, char out[static WORD_BYTES]) {
    (void)snprintf(out, WORD_BYTES, "%c%c%c", priority < 4 ? '!' : ' ',
                   priority >= 1 && priority <= 4 ? '0' + priority : '?', unacked ? '*' : ' ');
    return out;
}

enum tui_style word_mark_style(uint8_t priority, bool unacked) {
    return tui_style_priority(priority, !unacked);
}

const char *word_state(const struct alarm_state *state, char out[static WORD_BYTES]) {
    (void)snprintf(out, WORD_BYTES, "%c%s", alarm_letter(state), state->acked_pending ? "~" : "");
    return out;
}

const char *word_state_long(const struct alarm_state *state) {
    if (state->needs_newer) {
        return _("needs a newer Davy");
    }
    switch (alarm_letter(state)) {
    case 'U':
        return _("active, unacknowledged");
    case 'A':
        return state->acked_pending ? _("active, acknowledged here, not yet accepted")
                                    : _("active, acknowledged");
    case 'R':
        return _("returned to normal, unacknowledged");
    default:
        return state->acked_pending ? _("returned, acknowledged here, not yet accepted")
                                    : _("closed");
    }
}

const char *word_limit(uint8_t limit) {
    switch (limit) {
    case ALARM_HH:
        return _("high high");
    case ALARM_H:
        return _("high");
    case ALARM_L:
        return _("low");
    case ALARM_LL:
        return _("low low");
    case ALARM_STALE:
        return _("no data");
    default:
        return "?";
    }
}

const char *word_value(struct decimal value, const struct decimal *limit,
                       char out[static WORD_BYTES]) {
    char number[TUI_NUMBER_BYTES];
    double real = decimal_to_double(value);
    tui_number(real, number);
    if (limit != NULL && decimal_compare(value, *limit) != 0) {
        char other[TUI_NUMBER_BYTES];
        tui_number(decimal_to_double(*limit), other);
        for (int digits = 5; strcmp(number, other) == 0 && digits <= 12; digits++) {
            (void)snprintf(number, sizeof number, "%.*g", digits, real);
            (void)snprintf(other, sizeof other, "%.*g", digits, decimal_to_double(*limit));
        }
    }
    (void)snprintf(out, WORD_BYTES, "%s", number);
    return out;
}

static const char *no_word(char out[static WORD_BYTES]) {
    (void)snprintf(out, WORD_BYTES, "-");
    return out;
}

static int64_t local_day(const struct screen *screen, struct utc_ms time) {
    int64_t local = time.v + (int64_t)screen->env.utc_offset_min * 60000;
    return local >= 0 ? local / DAY_MS : (local - DAY_MS + 1) / DAY_MS;
}

const char *word_time(const struct screen *screen, struct utc_ms time,
                      char out[static WORD_BYTES]) {
    if (time.v <= 0) {
        return no_word(out);
    }
    if (local_day(screen, time) == local_day(screen, screen->now.utc)) {
        return say_clock(time, screen->env.utc_offset_min, out, WORD_BYTES);
    }
    (void)say_date(time, screen->env.utc_offset_min, out, WORD_BYTES);
    out[strcspn(out, " ")] = '\0';
    return out;
}

const char *word_minute(const struct screen *screen, struct utc_ms time,
                        char out[static WORD_BYTES]) {
    (void)word_time(screen, time, out);
    if (strlen(out) == 8 && out[2] == ':') {
        out[5] = '\0';
    }
    return out;
}

const char *word_full_time(const struct screen *screen, struct utc_ms time,
                           char out[static WORD_BYTES]) {
    char day[WORD_BYTES];
    char clock[WORD_BYTES];
    if (time.v <= 0) {
        return no_word(out);
    }
    (void)say_date(time, screen->env.utc_offset_min, day, sizeof day);
    day[strcspn(day, " ")] = '\0';
    (void)say_clock(time, screen->env.utc_offset_min, clock, sizeof clock);
    (void)snprintf(out, WORD_BYTES, "%.20s %.20s", day, clock);
    return out;
}

const char *word_age(int64_t age_ms, char out[static WORD_BYTES]) {
    if (age_ms < 0) {
        return no_word(out);
    }
    return say_age(age_ms, out, WORD_BYTES);
}

const char *word_bytes(uint64_t bytes, char out[static WORD_BYTES]) {
    if (bytes < 10000) {
        (void)snprintf(out, WORD_BYTES, "%llu B", (unsigned long long)bytes);
    } else if (bytes < 10000000) {
        (void)snprintf(out, WORD_BYTES, "%llu kB", (unsigned long long)(bytes / 1000));
    } else {
        (void)snprintf(out, WORD_BYTES, "%llu MB", (unsigned long long)(bytes / 1000000));
    }
    return out;
}

const char *word_short(struct rid rid, char out[static ID_SHORT_BYTES]) {
    id16_short(rid.id, out);
    return out;
}

const char *word_live(const struct tag_row *tag, char out[static WORD_BYTES]) {
    char number[TUI_NUMBER_BYTES];
    if (!tag->has_value) {
        (void)snprintf(out, WORD_BYTES, "?");
        return out;
    }
    tui_number(tag->value, number);
    (void)snprintf(out, WORD_BYTES, "%s%s %.24s", tag->stale || tag->quality == 2 ? "?" : "",
                   number, tag->def.unit);
    return out;
}

const char *area_name(const struct screen *screen, const char *code) {
    for (uint32_t i = 0; i < screen->area_count; i++) {
        if (strcmp(screen->areas[i].code, code) == 0 && screen->areas[i].name[0] != '\0') {
            return screen->areas[i].name;
        }
    }
    return code[0] != '\0' ? code : _("(no area)");
}

// FNV-1a twice with different starts: names of one site do not meet.
struct id16 id_of_name(const char *name) {
    uint64_t halves[2] = {UINT64_C(0xcbf29ce484222325), UINT64_C(0x84222325cbf29ce4)};
    struct id16 id;
    for (const char *at = name; *at != '\0'; at++) {
        for (int i = 0; i < 2; i++) {
            halves[i] = (halves[i] ^ (uint8_t)*at) * UINT64_C(0x100000001b3);
        }
    }
    memcpy(id.b, halves, sizeof id.b);
    return id;
}
