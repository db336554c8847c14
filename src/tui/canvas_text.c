#include "davy/tui/canvas.h"

#include "canvas_priv.h"
#include "davy/base/ensure.h"
#include "davy/base/text.h"
#include "tui_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// Signs that some Chinese terminals draw two columns wide, and how they are spelt where that would
// break the columns or where there is only ASCII. In order of code point.
static const struct {
    uint32_t first, last;
    const char *text; // "%" stands for the number of the sign in its range, from 1
} spellings[] = {
    {0x00A7, 0x00A7, "S"},   {0x00B0, 0x00B0, "deg"},  {0x00B1, 0x00B1, "+/-"},
    {0x00B2, 0x00B2, "2"},   {0x00B3, 0x00B3, "3"},    {0x00B5, 0x00B5, "u"},
    {0x00B7, 0x00B7, "."},   {0x00D7, 0x00D7, "x"},    {0x00F7, 0x00F7, "/"},
    {0x0394, 0x0394, "D"},   {0x03A9, 0x03A9, "Ohm"},  {0x03B1, 0x03B1, "a"},
    {0x03B2, 0x03B2, "b"},   {0x03B3, 0x03B3, "g"},    {0x03BC, 0x03BC, "u"},
    {0x2010, 0x2013, "-"},   {0x2014, 0x2015, "--"},   {0x2018, 0x2019, "'"},
    {0x201C, 0x201D, "\""},  {0x2022, 0x2022, "*"},    {0x2025, 0x2025, ".."},
    {0x2026, 0x2026, "..."}, {0x2030, 0x2030, "o/oo"}, {0x2103, 0x2103, "C"},
    {0x2109, 0x2109, "F"},   {0x2116, 0x2116, "No."},  {0x2126, 0x2126, "Ohm"},
    {0x2160, 0x2160, "I"},   {0x2161, 0x2161, "II"},   {0x2162, 0x2162, "III"},
    {0x2163, 0x2163, "IV"},  {0x2164, 0x2164, "V"},    {0x2190, 0x2190, "<-"},
    {0x2191, 0x2191, "^"},   {0x2192, 0x2192, "->"},   {0x2193, 0x2193, "v"},
    {0x2264, 0x2264, "<="},  {0x2265, 0x2265, ">="},   {0x2460, 0x2473, "(%)"},
    {0x2500, 0x2501, "-"},   {0x2502, 0x2503, "|"},    {0x2504, 0x2505, "-"},
    {0x25A0, 0x25A1, "*"},   {0x25B2, 0x25B3, "^"},    {0x25BC, 0x25BD, "v"},
    {0x25CB, 0x25CB, "o"},   {0x25CF, 0x25CF, "*"},    {0xFFFD, 0xFFFD, "?"},
};

static const char *spell(uint32_t point, char out_number[static 8]) {
    for (size_t i = 0; i < COUNT_OF(spellings); i++) {
        if (point < spellings[i].first || point > spellings[i].last) {
            continue;
        }
        if (strchr(spellings[i].text, '%') == NULL) {
            return spellings[i].text;
        }
        (void)snprintf(out_number, 8, "(%u)", (unsigned)(point - spellings[i].first + 1) % 100);
        return out_number;
    }
    return NULL;
}

// Spells what the terminal cannot show. Without a spelling, ASCII shows '?' in the same columns.
static void spell_text(bool ascii, const char *text, char out[static TUI_SHOWN_BYTES]) {
    const char *end = text + strlen(text);
    size_t len = 0;
    while (text < end && len + 8 < TUI_SHOWN_BYTES) {
        const char *from = text;
        uint32_t point = text_next(&text, end);
        char number[8];
        const char *piece = point < 0x80 ? NULL : spell(point, number);
        size_t piece_len = piece != NULL ? strlen(piece) : (size_t)(text - from);
        if (piece == NULL && ascii && point >= 0x80) {
            piece = "??";
            piece_len = (size_t)point_width(point);
        }
        memcpy(out + len, piece != NULL ? piece : from, piece_len);
        len += piece_len;
    }
    out[len] = '\0';
}

int tui_shown(const struct tui_look *look, const char *text, char out[static TUI_SHOWN_BYTES]) {
    bool ascii = look->charset == TUI_ASCII;
    if (!ascii && !look->ambiguous_wide) {
        text_clean(slice_text(text), out, TUI_SHOWN_BYTES);
    } else {
        char clean[TUI_SHOWN_BYTES];
        text_clean(slice_text(text), clean, sizeof clean);
        spell_text(ascii, clean, out);
    }
    return text_cols(out);
}

void tui_put_aligned(struct tui_canvas *canvas, struct tui_span span, enum tui_style style,
                     enum tui_align align, const char *text) {
    char shown[TUI_SHOWN_BYTES];
    int cols = tui_shown(tui_canvas_look(canvas), text, shown);
    int spare = span.cols - cols;
    if (spare < 0) {
        int used = tui_put_shown(canvas, tui_span(span.row, span.col, at_least(span.cols - 1, 0)),
                                 style, shown);
        tui_pad(canvas, tui_span(span.row, span.col + used, span.cols - used), style);
        if (span.cols > 0) {
            tui_glyph(canvas, span.row, span.col + used, style, TUI_GLYPH_MORE);
        }
        return;
    }
    int before = align == TUI_RIGHT ? spare : align == TUI_CENTER ? spare / 2 : 0;
    tui_pad(canvas, tui_span(span.row, span.col, before), style);
    tui_put_shown(canvas, tui_span(span.row, span.col + before, cols), style, shown);
    tui_pad(canvas, tui_span(span.row, span.col + before + cols, spare - before), style);
}

void tui_put(struct tui_canvas *canvas, struct tui_span span, enum tui_style style,
             const char *text) {
    tui_put_aligned(canvas, span, style, TUI_LEFT, text);
}

int tui_add(struct tui_canvas *canvas, struct tui_span span, enum tui_style style,
            const char *text) {
    char shown[TUI_SHOWN_BYTES];
    tui_shown(tui_canvas_look(canvas), text, shown);
    return tui_put_shown(canvas, span, style, shown);
}

int tui_addf(struct tui_canvas *canvas, struct tui_span span, enum tui_style style,
             const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return tui_add(canvas, span, style, text);
}

struct tui_pen tui_pen(struct tui_canvas *canvas, struct tui_span span) {
    return (struct tui_pen){canvas, span.row, span.col, span.col + at_least(span.cols, 0)};
}

int tui_pen_left(const struct tui_pen *pen) {
    return pen->end - pen->col;
}

void tui_pen_put(struct tui_pen *pen, enum tui_style style, const char *text) {
    pen->col += tui_add(pen->canvas, tui_span(pen->row, pen->col, tui_pen_left(pen)), style, text);
}

void tui_pen_putf(struct tui_pen *pen, enum tui_style style, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    tui_pen_put(pen, style, text);
}

void tui_pen_right(struct tui_pen *pen, enum tui_style style, const char *text) {
    char shown[TUI_SHOWN_BYTES];
    int cols = tui_shown(tui_canvas_look(pen->canvas), text, shown);
    if (cols <= tui_pen_left(pen)) {
        pen->end -= cols;
        tui_put_shown(pen->canvas, tui_span(pen->row, pen->end, cols), style, shown);
    }
}

// Punctuation that never begins a line.
static bool closes(uint32_t point) {
    static const uint32_t points[] = {',',    '.',    ';',    ':',    '!',    '?',    ')',
                                      ']',    '}',    '%',    0x2019, 0x201D, 0x3001, 0x3002,
                                      0x300B, 0x300D, 0x300F, 0x3011, 0x3015, 0xFF01, 0xFF09,
                                      0xFF0C, 0xFF1A, 0xFF1B, 0xFF1F, 0xFF05, 0x2026, 0x2014};
    for (size_t i = 0; i < COUNT_OF(points); i++) {
        if (points[i] == point) {
            return true;
        }
    }
    return false;
}

// Bytes of the first line of a paragraph: up to the last place before cols where it may break.
static size_t line_bytes(const char *text, const char *end, int cols) {
    const char *at = text;
    const char *fits = text;   // end of the last character that fits
    const char *breaks = NULL; // last place for a break
    uint32_t before = 0;
    int used = 0;
    while (at < end) {
        const char *from = at;
        uint32_t point = text_next(&at, end);
        used += point_width(point);
        bool wide = point >= 0x2E80 || before >= 0x2E80;
        if (from > text && !closes(point) && (before == ' ' || wide) && point != ' ') {
            breaks = from;
        }
        if (used > cols && point != ' ') {
            size_t len = (size_t)((breaks != NULL ? breaks : fits) - text);
            return len > 0 ? len : (size_t)(at - text);
        }
        fits = at;
        before = point;
    }
    return (size_t)(end - text);
}

static void put_line(struct tui_canvas *canvas, struct tui_span span, enum tui_style style,
                     struct slice line) {
    char piece[TUI_SHOWN_BYTES];
    size_t len = line.len;
    while (len > 0 && line.data[len - 1] == ' ') {
        len--;
    }
    memcpy(piece, line.data, len);
    piece[len] = '\0';
    tui_put_shown(canvas, span, style, piece);
}

static int wrap_paragraph(struct tui_canvas *canvas, struct tui_rect rect, struct tui_wrap wrap,
                          const char *shown) {
    const char *end = shown + strlen(shown);
    int line = 0;
    do {
        size_t len = line_bytes(shown, end, rect.cols);
        int row = line - wrap.skip;
        if (canvas != NULL && row >= 0 && row < rect.rows) {
            put_line(canvas, tui_span(rect.row + row, rect.col, rect.cols), wrap.style,
                     slice_of(shown, len));
        }
        shown += len;
        shown += strspn(shown, " ");
        line++;
    } while (shown < end);
    return line;
}

int tui_put_wrapped(struct tui_canvas *canvas, struct tui_rect rect, struct tui_wrap wrap,
                    const char *text) {
    static const struct tui_look plain = {.charset = TUI_UTF8};
    int lines = 0;
    rect.cols = at_least(rect.cols, 1);
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        char paragraph[TUI_SHOWN_BYTES];
        char shown[TUI_SHOWN_BYTES];
        size_t cut = len < sizeof paragraph - 1 ? len : sizeof paragraph - 1;
        memcpy(paragraph, text, cut);
        paragraph[cut] = '\0';
        tui_shown(canvas != NULL ? tui_canvas_look(canvas) : &plain, paragraph, shown);
        struct tui_wrap rest = {wrap.style, wrap.skip - lines};
        lines += wrap_paragraph(canvas, rect, rest, shown);
        text += len + (text[len] == '\n');
    }
    return lines;
}
