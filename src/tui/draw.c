#include "davy/tui/canvas.h"

#include "canvas_priv.h"
#include "tui_priv.h"

void tui_glyph(struct tui_canvas *canvas, int row, int col, enum tui_style style,
               enum tui_glyph glyph) {
    tui_put_shown(canvas, tui_span(row, col, 1), style, tui_canvas_look(canvas)->glyph[glyph]);
}

void tui_hline(struct tui_canvas *canvas, struct tui_span span, enum tui_style style) {
    for (int i = 0; i < span.cols; i++) {
        tui_glyph(canvas, span.row, span.col + i, style, TUI_GLYPH_HLINE);
    }
}

void tui_vline(struct tui_canvas *canvas, struct tui_rect rect, enum tui_style style) {
    for (int i = 0; i < rect.rows; i++) {
        tui_glyph(canvas, rect.row + i, rect.col, style, TUI_GLYPH_VLINE);
    }
}

struct tui_rect tui_box(struct tui_canvas *canvas, struct tui_rect rect, enum tui_style style,
                        const char *title) {
    if (rect.rows < 2 || rect.cols < 2) {
        return (struct tui_rect){rect.row, rect.col, 0, 0};
    }
    int bottom = rect.row + rect.rows - 1;
    int right = rect.col + rect.cols - 1;
    tui_fill(canvas, rect, TUI_TEXT);
    tui_hline(canvas, tui_span(rect.row, rect.col, rect.cols), style);
    tui_hline(canvas, tui_span(bottom, rect.col, rect.cols), style);
    tui_vline(canvas, (struct tui_rect){rect.row, rect.col, rect.rows, 1}, style);
    tui_vline(canvas, (struct tui_rect){rect.row, right, rect.rows, 1}, style);
    tui_glyph(canvas, rect.row, rect.col, style, TUI_GLYPH_TOP_LEFT);
    tui_glyph(canvas, rect.row, right, style, TUI_GLYPH_TOP_RIGHT);
    tui_glyph(canvas, bottom, rect.col, style, TUI_GLYPH_BOTTOM_LEFT);
    tui_glyph(canvas, bottom, right, style, TUI_GLYPH_BOTTOM_RIGHT);
    if (title != NULL && title[0] != '\0' && rect.cols > 6) {
        struct tui_pen pen = tui_pen(canvas, tui_span(rect.row, rect.col + 2, rect.cols - 4));
        tui_pen_put(&pen, TUI_TITLE, " ");
        pen.end--;
        tui_pen_put(&pen, TUI_TITLE, title);
        pen.end++;
        tui_pen_put(&pen, TUI_TITLE, " ");
    }
    return (struct tui_rect){rect.row + 1, rect.col + 1, rect.rows - 2, rect.cols - 2};
}

struct tui_rect tui_rect_top(struct tui_rect *inout_rect, int rows) {
    rows = at_least(at_most(rows, inout_rect->rows), 0);
    struct tui_rect part = {inout_rect->row, inout_rect->col, rows, inout_rect->cols};
    inout_rect->row += rows;
    inout_rect->rows -= rows;
    return part;
}

struct tui_rect tui_rect_bottom(struct tui_rect *inout_rect, int rows) {
    rows = at_least(at_most(rows, inout_rect->rows), 0);
    inout_rect->rows -= rows;
    return (struct tui_rect){inout_rect->row + inout_rect->rows, inout_rect->col, rows,
                             inout_rect->cols};
}

struct tui_rect tui_rect_left(struct tui_rect *inout_rect, int cols) {
    cols = at_least(at_most(cols, inout_rect->cols), 0);
    struct tui_rect part = {inout_rect->row, inout_rect->col, inout_rect->rows, cols};
    inout_rect->col += cols;
    inout_rect->cols -= cols;
    return part;
}

struct tui_rect tui_rect_right(struct tui_rect *inout_rect, int cols) {
    cols = at_least(at_most(cols, inout_rect->cols), 0);
    inout_rect->cols -= cols;
    return (struct tui_rect){inout_rect->row, inout_rect->col + inout_rect->cols, inout_rect->rows,
                             cols};
}

struct tui_rect tui_rect_center(struct tui_rect outer, int rows, int cols) {
    rows = at_least(at_most(rows, outer.rows), 0);
    cols = at_least(at_most(cols, outer.cols), 0);
    return (struct tui_rect){outer.row + (outer.rows - rows) / 2,
                             outer.col + (outer.cols - cols) / 2, rows, cols};
}
