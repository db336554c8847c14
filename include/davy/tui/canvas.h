// A grid of character cells in memory: where every widget draws.
//
// A cell holds one character (with its combining marks) and a style token; a hanzi takes two cells.
// Columns are terminal columns. Drawing outside the clip rectangle is cut, never an error. Text is
// cut to the columns given; a cut that would split a hanzi ends one column early and pads. Whatever
// covers half of a hanzi blanks its other half. All text, own or foreign, goes through one function
// that shows nothing unsafe: controls become spaces, zero-width and bidi marks vanish, and what the
// terminal cannot show becomes '?'.
//
// The canvas is pure memory, so screens can be tested without any terminal: tui_canvas_new(),
// draw, tui_canvas_dump().
#ifndef DAVY_TUI_CANVAS_H
#define DAVY_TUI_CANVAS_H

#include "davy/base/bytes.h"
#include "davy/tui/theme.h"

struct tui_rect {
    int row, col, rows, cols;
};
// A part of one row.
struct tui_span {
    int row, col, cols;
};

enum tui_align { TUI_LEFT = 0, TUI_RIGHT, TUI_CENTER };
enum tui_plot_set { TUI_PLOT_ASCII = 0, TUI_PLOT_BLOCK, TUI_PLOT_BRAILLE };

// What a terminal can show and what its line can bear; decided once (term.h).
struct tui_look {
    enum tui_charset charset;
    enum tui_plot_set plot_set;
    bool ambiguous_wide; // signs like U+2460 are spelt in ASCII
    bool slow;           // a thin line: gutter cursor instead of a reversed row
    char glyph[TUI_GLYPH_COUNT][TUI_GLYPH_BYTES];
};

struct tui_canvas;

struct tui_look tui_look_of(const struct tui_theme *theme, enum tui_charset charset);

// Sizes are at least 1x1 and at most TUI_CANVAS_MAX each way. NULL without memory.
#define TUI_CANVAS_MAX 1000
struct tui_canvas *tui_canvas_new(int rows, int cols, const struct tui_look *look);
void tui_canvas_free(struct tui_canvas *canvas);
// Blank and of the new size afterwards. On RC_NO_MEMORY the old size stays.
DAVY_MUST_USE enum rc tui_canvas_resize(struct tui_canvas *canvas, int rows, int cols);
const struct tui_look *tui_canvas_look(const struct tui_canvas *canvas);
struct tui_rect tui_canvas_rect(const struct tui_canvas *canvas);

// Blanks everything, removes the clip, forgets the cursor. Begins a frame.
void tui_canvas_clear(struct tui_canvas *canvas);
// Everything that follows is cut to rect; returns the clip before it, to be set back.
struct tui_rect tui_canvas_clip(struct tui_canvas *canvas, struct tui_rect rect);

static inline struct tui_span tui_span(int row, int col, int cols) {
    return (struct tui_span){row, col, cols};
}

// Text in exactly span.cols columns: cut (with the "more" glyph at the end) or padded.
void tui_put(struct tui_canvas *canvas, struct tui_span span, enum tui_style style,
             const char *text);
void tui_put_aligned(struct tui_canvas *canvas, struct tui_span span, enum tui_style style,
                     enum tui_align align, const char *text);
// Text cut to span.cols without padding; returns the columns used.
int tui_add(struct tui_canvas *canvas, struct tui_span span, enum tui_style style,
            const char *text);
int tui_addf(struct tui_canvas *canvas, struct tui_span span, enum tui_style style,
             const char *format, ...) DAVY_PRINTF(4, 5);

// A row built piece by piece: each piece continues where the last one ended, cut at the end.
//     struct tui_pen pen = tui_pen(canvas, tui_span(0, 0, cols));
//     tui_pen_put(&pen, TUI_P1, "!1:2"); tui_pen_put(&pen, TUI_TEXT, " "); ...
struct tui_pen {
    struct tui_canvas *canvas;
    int row, col, end;
};
struct tui_pen tui_pen(struct tui_canvas *canvas, struct tui_span span);
void tui_pen_put(struct tui_pen *pen, enum tui_style style, const char *text);
void tui_pen_putf(struct tui_pen *pen, enum tui_style style, const char *format, ...)
    DAVY_PRINTF(3, 4);
// Text at the right end of what is left, which becomes shorter by it. Nothing if it does not fit.
void tui_pen_right(struct tui_pen *pen, enum tui_style style, const char *text);
int tui_pen_left(const struct tui_pen *pen);

// Text wrapped into rect, hanzi anywhere, Latin words at spaces, closing punctuation never at the
// start of a line, '\n' breaks. The first `skip` lines are not drawn. Returns the number of lines
// that the whole text takes at this width. canvas may be NULL: only counts.
struct tui_wrap {
    enum tui_style style;
    int skip;
};
int tui_put_wrapped(struct tui_canvas *canvas, struct tui_rect rect, struct tui_wrap wrap,
                    const char *text);

void tui_fill(struct tui_canvas *canvas, struct tui_rect rect, enum tui_style style);
// Changes the style of what is there already.
void tui_restyle(struct tui_canvas *canvas, struct tui_rect rect, enum tui_style style);
void tui_glyph(struct tui_canvas *canvas, int row, int col, enum tui_style style,
               enum tui_glyph glyph);
void tui_hline(struct tui_canvas *canvas, struct tui_span span, enum tui_style style);
void tui_vline(struct tui_canvas *canvas, struct tui_rect rect, enum tui_style style);
// Border, blank inside, title (shown as it comes; NULL: none) in the top line. Returns the inside.
struct tui_rect tui_box(struct tui_canvas *canvas, struct tui_rect rect, enum tui_style style,
                        const char *title);

// Where the terminal's cursor goes when the frame is painted: the caret, or the first cell of the
// selected row. The last call of a frame wins. visible: shown (forms) or only placed (lists).
void tui_cursor(struct tui_canvas *canvas, int row, int col, bool visible);

// Rectangles: cut a part off; *inout_rect becomes the rest (never negative).
struct tui_rect tui_rect_top(struct tui_rect *inout_rect, int rows);
struct tui_rect tui_rect_bottom(struct tui_rect *inout_rect, int rows);
struct tui_rect tui_rect_left(struct tui_rect *inout_rect, int cols);
struct tui_rect tui_rect_right(struct tui_rect *inout_rect, int cols);
// A rectangle of at most rows x cols in the middle of outer.
struct tui_rect tui_rect_center(struct tui_rect outer, int rows, int cols);

// Cells for painting and tests. text has up to 20 bytes and NUL; "" is the right half of a hanzi.
#define TUI_CELL_TEXT_BYTES 24
struct tui_cell_view {
    char text[TUI_CELL_TEXT_BYTES];
    enum tui_style style;
    int cols; // 1, 2, or 0 for a right half
};
struct tui_cell_view tui_canvas_cell(const struct tui_canvas *canvas, int row, int col);
bool tui_canvas_cursor(const struct tui_canvas *canvas, int *out_row, int *out_col,
                       bool *out_visible);
// The golden form of a frame: the rows of text (trailing spaces cut), a line "--", the rows of
// style letters ('.' is text; trailing '.' cut), a line "-- cursor ROW COL shown|hidden".
void tui_canvas_dump(const struct tui_canvas *canvas, struct buf *out);

#endif
