// Style tokens, glyphs and the theme that gives them a look.
//
// Code names a token, never a colour. A theme says for three depths (256 colours, 8 colours, mono)
// how each token looks, and for two character sets how each glyph is drawn. No token may be told
// from another by colour alone: the letter, digit or sign beside it carries the meaning.
//
// A theme file is INI with the sections [colors-256] [colors-8] [mono] [glyphs-utf8]
// [glyphs-ascii]. Colour values read "FOREGROUND on BACKGROUND attribute...": colours are default,
// black, red, green, yellow, blue, magenta, cyan, white or a number (0-255, 0-7); attributes are
// bold, underline, reverse, dim; everything may be left out. Glyphs are one column wide. What a
// file does not name keeps its built-in look. A wrong line is reported with its number and skipped;
// no file is fatal.
#ifndef DAVY_TUI_THEME_H
#define DAVY_TUI_THEME_H

#include "davy/base/rc.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum tui_style {
    TUI_TEXT = 0,
    TUI_DIM,
    TUI_FOCUS,
    TUI_MARK,
    TUI_TITLE,
    TUI_HINT_KEY,
    TUI_HINT_TEXT,
    TUI_FIELD,
    TUI_FIELD_BAD,
    TUI_P1,
    TUI_P1_ACKED,
    TUI_P2,
    TUI_P3,
    TUI_P4,
    TUI_UNACK,
    TUI_STALE,
    TUI_OFFLINE,
    TUI_SIGNED,
    TUI_TREND,
    TUI_LIMIT,
    TUI_PENDING,
    TUI_REFUSED,
    TUI_STYLE_COUNT
};

enum tui_glyph {
    TUI_GLYPH_HLINE = 0,
    TUI_GLYPH_VLINE,
    TUI_GLYPH_TOP_LEFT,
    TUI_GLYPH_TOP_RIGHT,
    TUI_GLYPH_BOTTOM_LEFT,
    TUI_GLYPH_BOTTOM_RIGHT,
    TUI_GLYPH_CURSOR, // before the selected row
    TUI_GLYPH_MARK,   // before a marked row
    TUI_GLYPH_MORE,   // text was cut
    TUI_GLYPH_UP,     // more above; ascending
    TUI_GLYPH_DOWN,   // more below; descending
    TUI_GLYPH_LIMIT,  // a limit line in a plot
    TUI_GLYPH_GAP,    // no good value in a plot
    TUI_GLYPH_HIDDEN, // one character of a masked field
    TUI_GLYPH_COUNT
};

enum tui_depth { TUI_MONO = 0, TUI_COLORS_8, TUI_COLORS_256, TUI_DEPTH_COUNT };
enum tui_charset { TUI_UTF8 = 0, TUI_ASCII, TUI_CHARSET_COUNT };

#define TUI_ATTR_BOLD 1u
#define TUI_ATTR_UNDERLINE 2u
#define TUI_ATTR_REVERSE 4u
#define TUI_ATTR_DIM 8u
#define TUI_GLYPH_BYTES 8

struct tui_paint {
    int16_t foreground; // -1: the terminal's own
    int16_t background;
    uint16_t attrs;
};

// A value: copy freely.
struct tui_theme {
    struct tui_paint paint[TUI_DEPTH_COUNT][TUI_STYLE_COUNT];
    char glyph[TUI_CHARSET_COUNT][TUI_GLYPH_COUNT][TUI_GLYPH_BYTES];
};

enum tui_theme_fault {
    TUI_THEME_GOOD = 0,
    TUI_THEME_UNREADABLE,    // the file cannot be opened or read
    TUI_THEME_LINE_TOO_LONG, // more than LIMIT_CONFIG_LINE_BYTES
    TUI_THEME_SYNTAX,        // neither a section nor "name = value"
    TUI_THEME_SECTION,       // no such section
    TUI_THEME_NAME,          // no such token or glyph
    TUI_THEME_VALUE,         // a colour, attribute or glyph that cannot be used
    TUI_THEME_ALARM_COLOUR,  // warning: text, dim, title or a hint would look like p1 or p2
};

// What was wrong with a file: the first fault, and how many there were.
struct tui_theme_report {
    enum tui_theme_fault fault;
    int line;      // from 1; 0: the whole file
    char name[64]; // section, token or glyph, cleaned
    int count;
};

// The calm theme, compiled in.
void tui_theme_builtin(struct tui_theme *out_theme);
// Reads a theme file over the built-in one. *out_theme is always usable, and *out_report always
// says what was wrong. RC_OK with no fault or a mere warning, RC_INVALID with faults, RC_IO.
enum rc tui_theme_load(const char *path, struct tui_theme *out_theme,
                       struct tui_theme_report *out_report);
// One line for people in their language: "line 12: p1: unknown colour or attribute".
void tui_theme_report_text(const struct tui_theme_report *report, char *out, size_t out_bytes);

// The token's name as in theme files ("hint.key"); its letter in screen dumps.
const char *tui_style_name(enum tui_style style);
char tui_style_letter(enum tui_style style);
const char *tui_glyph_name(enum tui_glyph glyph);
// TUI_P1 for 1 ... TUI_P4 for 4 and more; TUI_P1_ACKED for an acknowledged 1.
enum tui_style tui_style_priority(int priority, bool acknowledged);

#endif
