#include "davy/tui/theme.h"

#include "davy/base/ensure.h"
#include "tui_priv.h"

#include <stdlib.h>
#include <string.h>

struct style_row {
    const char *name;
    char letter;
    const char *paint[TUI_DEPTH_COUNT]; // mono, 8 colours, 256 colours
};

// The calm theme: colour only for the abnormal. Red, amber, violet and cyan differ in lightness and
// along the blue axis, so that red-green-blind eyes tell them apart. Bright black and A_DIM are
// never the only carrier: some consoles show neither.
static const struct style_row style_rows[TUI_STYLE_COUNT] = {
    [TUI_TEXT] = {"text", '.', {"", "", ""}},
    [TUI_DIM] = {"dim", 'd', {"", "", "245"}},
    [TUI_FOCUS] = {"focus", 'f', {"reverse", "reverse", "reverse"}},
    [TUI_MARK] = {"mark", 'm', {"bold", "bold", "bold"}},
    [TUI_TITLE] = {"title", 't', {"bold", "bold", "bold"}},
    [TUI_HINT_KEY] = {"hint.key", 'k', {"bold", "bold", "bold"}},
    [TUI_HINT_TEXT] = {"hint.text", 'h', {"", "", ""}},
    [TUI_FIELD] = {"field", 'i', {"underline", "underline", "underline"}},
    [TUI_FIELD_BAD] = {"field.bad", 'b', {"reverse", "reverse", "reverse"}},
    [TUI_P1] = {"p1", '1', {"reverse bold", "white on red bold", "white on 160 bold"}},
    [TUI_P1_ACKED] = {"p1.acked", 'a', {"bold", "red bold", "160"}},
    [TUI_P2] = {"p2", '2', {"underline bold", "yellow bold", "214"}},
    [TUI_P3] = {"p3", '3', {"underline", "magenta underline", "134"}},
    [TUI_P4] = {"p4", '4', {"", "cyan", "37"}},
    [TUI_UNACK] = {"unack", 'u', {"bold", "bold", "bold"}},
    [TUI_STALE] = {"stale", 's', {"", "", "245"}},
    [TUI_OFFLINE] = {"offline", 'o', {"bold", "bold", "bold"}},
    [TUI_SIGNED] = {"signed", 'g', {"", "", ""}},
    [TUI_TREND] = {"trend", 'r', {"", "", "110"}},
    [TUI_LIMIT] = {"limit", 'l', {"", "", "245"}},
    [TUI_PENDING] = {"pending", 'p', {"underline", "underline", "underline"}},
    [TUI_REFUSED] = {"refused", 'x', {"reverse", "reverse", "reverse"}},
};

struct glyph_row {
    const char *name;
    const char *shape[TUI_CHARSET_COUNT]; // UTF-8, ASCII
};

static const struct glyph_row glyph_rows[TUI_GLYPH_COUNT] = {
    [TUI_GLYPH_HLINE] = {"hline", {"─", "-"}},
    [TUI_GLYPH_VLINE] = {"vline", {"│", "|"}},
    [TUI_GLYPH_TOP_LEFT] = {"top.left", {"┌", "+"}},
    [TUI_GLYPH_TOP_RIGHT] = {"top.right", {"┐", "+"}},
    [TUI_GLYPH_BOTTOM_LEFT] = {"bottom.left", {"└", "+"}},
    [TUI_GLYPH_BOTTOM_RIGHT] = {"bottom.right", {"┘", "+"}},
    [TUI_GLYPH_CURSOR] = {"cursor", {">", ">"}},
    [TUI_GLYPH_MARK] = {"mark", {"+", "+"}},
    [TUI_GLYPH_MORE] = {"more", {"…", "~"}},
    [TUI_GLYPH_UP] = {"up", {"↑", "^"}},
    [TUI_GLYPH_DOWN] = {"down", {"↓", "v"}},
    [TUI_GLYPH_LIMIT] = {"limit", {"┄", "-"}},
    [TUI_GLYPH_GAP] = {"gap", {"?", "?"}},
    [TUI_GLYPH_HIDDEN] = {"hidden", {"*", "*"}},
};

static const char *const color_names[] = {"black", "red",     "green", "yellow",
                                          "blue",  "magenta", "cyan",  "white"};

static const struct {
    const char *name;
    uint16_t attr;
} attr_names[] = {
    {"bold", TUI_ATTR_BOLD},
    {"underline", TUI_ATTR_UNDERLINE},
    {"reverse", TUI_ATTR_REVERSE},
    {"dim", TUI_ATTR_DIM},
};

// Colours of a depth; numbers at and above are refused.
static const int color_counts[TUI_DEPTH_COUNT] = {0, 8, 256};

const char *tui_style_name(enum tui_style style) {
    return style_rows[style].name;
}

char tui_style_letter(enum tui_style style) {
    return style_rows[style].letter;
}

const char *tui_glyph_name(enum tui_glyph glyph) {
    return glyph_rows[glyph].name;
}

enum tui_style tui_style_priority(int priority, bool acknowledged) {
    switch (priority) {
    case 1:
        return acknowledged ? TUI_P1_ACKED : TUI_P1;
    case 2:
        return TUI_P2;
    case 3:
        return TUI_P3;
    default:
        return TUI_P4;
    }
}

static bool color_parse(const char *word, enum tui_depth depth, int16_t *out_color) {
    if (strcmp(word, "default") == 0) {
        *out_color = -1;
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(color_names); i++) {
        if (strcmp(word, color_names[i]) == 0) {
            *out_color = (int16_t)i;
            return depth != TUI_MONO;
        }
    }
    char *end;
    long number = strtol(word, &end, 10);
    if (word[0] < '0' || word[0] > '9' || *end != '\0' || number >= color_counts[depth]) {
        return false;
    }
    *out_color = (int16_t)number;
    return true;
}

static bool attr_parse(const char *word, uint16_t *inout_attrs) {
    for (size_t i = 0; i < COUNT_OF(attr_names); i++) {
        if (strcmp(word, attr_names[i].name) == 0) {
            *inout_attrs = (uint16_t)(*inout_attrs | attr_names[i].attr);
            return true;
        }
    }
    return false;
}

// Copies the next word of *inout_at into out; false at the end or when it does not fit.
static bool next_word(const char **inout_at, char *out, size_t out_bytes) {
    const char *word = *inout_at + strspn(*inout_at, " \t");
    size_t len = strcspn(word, " \t");
    if (len == 0 || len >= out_bytes) {
        return false;
    }
    memcpy(out, word, len);
    out[len] = '\0';
    *inout_at = word + len;
    return true;
}

enum rc tui_paint_parse(const char *text, enum tui_depth depth, struct tui_paint *out_paint) {
    struct tui_paint paint = {-1, -1, 0};
    bool background = false;
    char word[16];
    while (next_word(&text, word, sizeof word)) {
        if (strcmp(word, "on") == 0 && !background) {
            background = true;
        } else if (!attr_parse(word, &paint.attrs) &&
                   !color_parse(word, depth, background ? &paint.background : &paint.foreground)) {
            return RC_INVALID;
        }
    }
    if (text[strspn(text, " \t")] != '\0') {
        return RC_INVALID;
    }
    *out_paint = paint;
    return RC_OK;
}

void tui_theme_builtin(struct tui_theme *out_theme) {
    memset(out_theme, 0, sizeof *out_theme);
    for (int depth = 0; depth < TUI_DEPTH_COUNT; depth++) {
        for (int style = 0; style < TUI_STYLE_COUNT; style++) {
            ENSURE(tui_paint_parse(style_rows[style].paint[depth], (enum tui_depth)depth,
                                   &out_theme->paint[depth][style]) == RC_OK);
        }
    }
    for (int set = 0; set < TUI_CHARSET_COUNT; set++) {
        for (int glyph = 0; glyph < TUI_GLYPH_COUNT; glyph++) {
            const char *shape = glyph_rows[glyph].shape[set];
            ENSURE(strlen(shape) < TUI_GLYPH_BYTES);
            memcpy(out_theme->glyph[set][glyph], shape, strlen(shape) + 1);
        }
    }
}

// Tokens of a calm screen, which must not look like an alarm.
static const enum tui_style calm_styles[] = {TUI_TEXT,     TUI_DIM,       TUI_TITLE,
                                             TUI_HINT_KEY, TUI_HINT_TEXT, TUI_FIELD};

static bool shares_color(const struct tui_paint *a, const struct tui_paint *alarm) {
    int16_t colors[2] = {alarm->foreground, alarm->background};
    // Only the colour that makes the alarm: its background if it has one.
    int16_t loud = colors[1] >= 0 ? colors[1] : colors[0];
    return loud >= 0 && (a->foreground == loud || a->background == loud);
}

enum tui_style tui_theme_alarm_like(const struct tui_theme *theme, enum tui_depth depth) {
    const struct tui_paint *paints = theme->paint[depth];
    for (size_t i = 0; i < COUNT_OF(calm_styles); i++) {
        const struct tui_paint *calm = &paints[calm_styles[i]];
        if (shares_color(calm, &paints[TUI_P1]) || shares_color(calm, &paints[TUI_P1_ACKED]) ||
            shares_color(calm, &paints[TUI_P2])) {
            return calm_styles[i];
        }
    }
    return TUI_STYLE_COUNT;
}
