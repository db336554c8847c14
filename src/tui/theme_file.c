#include "davy/tui/theme.h"

#include "davy/base/bytes.h"
#include "davy/base/ensure.h"
#include "davy/base/limits.h"
#include "davy/base/text.h"
#include "tui_priv.h"

#include <ini.h>
#include <stdio.h>
#include <string.h>

// What one reading of a file carries along. libinih gives no line numbers to its handler and cuts
// long lines in silence, so lines are read and counted here.
struct theme_reading {
    FILE *file;
    int line;
    struct tui_theme *theme;
    struct tui_theme_report *report;
};

static void fault(struct theme_reading *reading, enum tui_theme_fault kind, const char *name) {
    struct tui_theme_report *report = reading->report;
    report->count++;
    bool first = report->fault == TUI_THEME_GOOD;
    bool warned = report->fault == TUI_THEME_ALARM_COLOUR && kind != TUI_THEME_ALARM_COLOUR;
    bool earlier = reading->line > 0 && reading->line < report->line;
    if (first || warned || earlier) {
        report->fault = kind;
        report->line = reading->line;
        text_clean(slice_text(name), report->name, sizeof report->name);
    }
}

// Reads one line; the rest of a line that is too long is skipped, and the line counts as empty.
static char *read_line(char *out_line, int out_bytes, void *stream) {
    struct theme_reading *reading = stream;
    int len = 0;
    int c = getc(reading->file);
    if (c == EOF) {
        return NULL;
    }
    reading->line++;
    bool too_long = false;
    for (; c != EOF && c != '\n'; c = getc(reading->file)) {
        if (len >= LIMIT_CONFIG_LINE_BYTES || len >= out_bytes - 2) {
            too_long = true;
        } else if (c != '\0') {
            out_line[len++] = (char)c;
        }
    }
    if (too_long) {
        fault(reading, TUI_THEME_LINE_TOO_LONG, "");
        len = 0;
    }
    out_line[len++] = '\n';
    out_line[len] = '\0';
    return out_line;
}

static bool set_paint(struct theme_reading *reading, enum tui_depth depth, const char *name,
                      const char *value) {
    for (int style = 0; style < TUI_STYLE_COUNT; style++) {
        if (strcmp(name, tui_style_name((enum tui_style)style)) == 0) {
            if (tui_paint_parse(value, depth, &reading->theme->paint[depth][style]) != RC_OK) {
                fault(reading, TUI_THEME_VALUE, name);
            }
            return true;
        }
    }
    return false;
}

static bool glyph_is_usable(enum tui_charset set, const char *value) {
    size_t len = strlen(value);
    if (len == 0 || len >= TUI_GLYPH_BYTES || text_check(slice_text(value), len) != RC_OK) {
        return false;
    }
    if (set == TUI_ASCII) {
        return len == 1 && value[0] > ' ' && value[0] < 0x7f;
    }
    const char *at = value;
    return text_cols(value) == 1 && text_next(&at, value + len) != 0 && *at == '\0';
}

static bool set_glyph(struct theme_reading *reading, enum tui_charset set, const char *name,
                      const char *value) {
    for (int glyph = 0; glyph < TUI_GLYPH_COUNT; glyph++) {
        if (strcmp(name, tui_glyph_name((enum tui_glyph)glyph)) == 0) {
            if (glyph_is_usable(set, value)) {
                memcpy(reading->theme->glyph[set][glyph], value, strlen(value) + 1);
            } else {
                fault(reading, TUI_THEME_VALUE, name);
            }
            return true;
        }
    }
    return false;
}

static const struct {
    const char *name;
    bool is_paint;
    enum tui_depth depth;
    enum tui_charset set;
} sections[] = {
    {"colors-256", true, TUI_COLORS_256, TUI_UTF8},
    {"colors-8", true, TUI_COLORS_8, TUI_UTF8},
    {"mono", true, TUI_MONO, TUI_UTF8},
    {"glyphs-utf8", false, TUI_MONO, TUI_UTF8},
    {"glyphs-ascii", false, TUI_MONO, TUI_ASCII},
};

// libinih's handler: 1 goes on without an error of its own; faults are noted here with their line.
static int take_entry(void *user, const char *section, const char *name, const char *value) {
    struct theme_reading *reading = user;
    for (size_t i = 0; i < COUNT_OF(sections); i++) {
        if (strcmp(section, sections[i].name) == 0) {
            bool known = sections[i].is_paint ? set_paint(reading, sections[i].depth, name, value)
                                              : set_glyph(reading, sections[i].set, name, value);
            if (!known) {
                fault(reading, TUI_THEME_NAME, name);
            }
            return 1;
        }
    }
    fault(reading, TUI_THEME_SECTION, section[0] != '\0' ? section : name);
    return 1;
}

static void warn_alarm_like(struct theme_reading *reading) {
    reading->line = 0;
    for (int depth = 0; depth < TUI_DEPTH_COUNT; depth++) {
        enum tui_style style = tui_theme_alarm_like(reading->theme, (enum tui_depth)depth);
        if (style != TUI_STYLE_COUNT) {
            fault(reading, TUI_THEME_ALARM_COLOUR, tui_style_name(style));
        }
    }
}

enum rc tui_theme_load(const char *path, struct tui_theme *out_theme,
                       struct tui_theme_report *out_report) {
    memset(out_report, 0, sizeof *out_report);
    tui_theme_builtin(out_theme);
    struct theme_reading reading = {fopen(path, "re"), 0, out_theme, out_report};
    if (reading.file == NULL) {
        fault(&reading, TUI_THEME_UNREADABLE, path);
        return RC_IO;
    }
    int bad_line = ini_parse_stream(read_line, &reading, take_entry, &reading);
    bool unreadable = ferror(reading.file) != 0;
    (void)fclose(reading.file); // only read from
    if (unreadable) {
        reading.line = 0;
        fault(&reading, TUI_THEME_UNREADABLE, path);
        return RC_IO;
    }
    if (bad_line > 0) {
        reading.line = bad_line;
        fault(&reading, TUI_THEME_SYNTAX, "");
    }
    warn_alarm_like(&reading);
    bool bad = out_report->fault != TUI_THEME_GOOD && out_report->fault != TUI_THEME_ALARM_COLOUR;
    return bad ? RC_INVALID : RC_OK;
}

static const char *const fault_texts[] = {
    [TUI_THEME_GOOD] = N_("no fault"),
    [TUI_THEME_UNREADABLE] = N_("cannot be read"),
    [TUI_THEME_LINE_TOO_LONG] = N_("line too long"),
    [TUI_THEME_SYNTAX] = N_("neither a section nor name = value"),
    [TUI_THEME_SECTION] = N_("no such section"),
    [TUI_THEME_NAME] = N_("no such name"),
    [TUI_THEME_VALUE] = N_("value cannot be used"),
    [TUI_THEME_ALARM_COLOUR] = N_("looks like an alarm"),
};

void tui_theme_report_text(const struct tui_theme_report *report, char *out, size_t out_bytes) {
    char place[40] = "";
    if (report->line > 0) {
        (void)snprintf(place, sizeof place, _("line %d"), report->line);
    }
    (void)snprintf(out, out_bytes, "%s%s%s%s%s", place, place[0] != '\0' ? ": " : "", report->name,
                   report->name[0] != '\0' ? ": " : "", tr(fault_texts[report->fault]));
}
