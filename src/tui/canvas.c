#include "davy/tui/canvas.h"

#include "canvas_priv.h"
#include "davy/base/ensure.h"
#include "davy/base/text.h"
#include "tui_priv.h"

#include <stdlib.h>
#include <string.h>

#define CELL_POINTS 5 // a base and the four combining marks that text_clean() lets pass

struct cell {
    uint32_t point[CELL_POINTS]; // 0-terminated unless full
    uint8_t style;
    uint8_t cols; // 1, 2; 0: right half of the cell before
};

struct tui_canvas {
    struct tui_look look;
    int rows, cols;
    struct cell *cells;
    struct tui_rect clip;
    int cursor_row, cursor_col; // -1: none
    bool cursor_visible;
};

static const struct cell blank = {{' '}, TUI_TEXT, 1};

struct tui_look tui_look_of(const struct tui_theme *theme, enum tui_charset charset) {
    struct tui_look look = {.charset = charset};
    look.plot_set = charset == TUI_UTF8 ? TUI_PLOT_BLOCK : TUI_PLOT_ASCII;
    memcpy(look.glyph, theme->glyph[charset], sizeof look.glyph);
    return look;
}

static int clamp_size(int size) {
    return at_least(at_most(size, TUI_CANVAS_MAX), 1);
}

struct tui_canvas *tui_canvas_new(int rows, int cols, const struct tui_look *look) {
    struct tui_canvas *canvas = calloc(1, sizeof *canvas);
    if (canvas == NULL) {
        return NULL;
    }
    canvas->look = *look;
    if (tui_canvas_resize(canvas, rows, cols) != RC_OK) {
        free(canvas);
        return NULL;
    }
    return canvas;
}

void tui_canvas_free(struct tui_canvas *canvas) {
    if (canvas != NULL) {
        free(canvas->cells);
        free(canvas);
    }
}

enum rc tui_canvas_resize(struct tui_canvas *canvas, int rows, int cols) {
    rows = clamp_size(rows);
    cols = clamp_size(cols);
    struct cell *cells = calloc((size_t)rows * (size_t)cols, sizeof *cells);
    if (cells == NULL) {
        return RC_NO_MEMORY;
    }
    free(canvas->cells);
    canvas->cells = cells;
    canvas->rows = rows;
    canvas->cols = cols;
    tui_canvas_clear(canvas);
    return RC_OK;
}

const struct tui_look *tui_canvas_look(const struct tui_canvas *canvas) {
    return &canvas->look;
}

void tui_canvas_set_look(struct tui_canvas *canvas, const struct tui_look *look) {
    canvas->look = *look;
}

struct tui_rect tui_canvas_rect(const struct tui_canvas *canvas) {
    return (struct tui_rect){0, 0, canvas->rows, canvas->cols};
}

void tui_canvas_clear(struct tui_canvas *canvas) {
    canvas->clip = tui_canvas_rect(canvas);
    for (int i = 0; i < canvas->rows * canvas->cols; i++) {
        canvas->cells[i] = blank;
    }
    canvas->cursor_row = -1;
    canvas->cursor_col = -1;
    canvas->cursor_visible = false;
}

static struct tui_rect intersect(struct tui_rect a, struct tui_rect b) {
    int row = at_least(a.row, b.row);
    int col = at_least(a.col, b.col);
    int row_end = at_most(a.row + a.rows, b.row + b.rows);
    int col_end = at_most(a.col + a.cols, b.col + b.cols);
    return (struct tui_rect){row, col, at_least(row_end - row, 0), at_least(col_end - col, 0)};
}

struct tui_rect tui_canvas_clip(struct tui_canvas *canvas, struct tui_rect rect) {
    struct tui_rect before = canvas->clip;
    canvas->clip = intersect(rect, tui_canvas_rect(canvas));
    return before;
}

static struct cell *cell_at(const struct tui_canvas *canvas, int row, int col) {
    return &canvas->cells[(size_t)row * (size_t)canvas->cols + (size_t)col];
}

static bool clip_has(const struct tui_canvas *canvas, int row, int col) {
    const struct tui_rect *clip = &canvas->clip;
    return row >= clip->row && row < clip->row + clip->rows && col >= clip->col &&
           col < clip->col + clip->cols;
}

// Whatever covers half of a hanzi blanks its other half, also outside the clip.
static void cut_hanzi(struct tui_canvas *canvas, int row, int col) {
    struct cell *cell = cell_at(canvas, row, col);
    if (cell->cols == 0 && col > 0) {
        cell[-1] = (struct cell){{' '}, cell[-1].style, 1};
    }
    if (cell->cols == 2 && col + 1 < canvas->cols) {
        cell[1] = (struct cell){{' '}, cell[1].style, 1};
    }
    cell->cols = 1;
}

static void set_narrow(struct tui_canvas *canvas, int row, int col, struct cell cell) {
    if (clip_has(canvas, row, col)) {
        cut_hanzi(canvas, row, col);
        *cell_at(canvas, row, col) = cell;
    }
}

// Draws one character of 1 or 2 columns. A hanzi of which the clip shows one half is a space there.
static void set_cell(struct tui_canvas *canvas, int row, int col, struct cell cell) {
    if (cell.cols == 1) {
        set_narrow(canvas, row, col, cell);
        return;
    }
    if (!clip_has(canvas, row, col) || !clip_has(canvas, row, col + 1)) {
        struct cell space = {{' '}, cell.style, 1};
        set_narrow(canvas, row, col, space);
        set_narrow(canvas, row, col + 1, space);
        return;
    }
    cut_hanzi(canvas, row, col);
    cut_hanzi(canvas, row, col + 1);
    *cell_at(canvas, row, col) = cell;
    *cell_at(canvas, row, col + 1) = (struct cell){{0}, cell.style, 0};
}

int tui_put_shown(struct tui_canvas *canvas, struct tui_span span, enum tui_style style,
                  const char *shown) {
    const char *end = shown + strlen(shown);
    int used = 0;
    int last = -1; // column of the last base, for combining marks
    for (uint32_t point = text_next(&shown, end); point != 0; point = text_next(&shown, end)) {
        int cols = point_width(point);
        if (cols == 0) {
            struct cell *base = last >= 0 && clip_has(canvas, span.row, last)
                                    ? cell_at(canvas, span.row, last)
                                    : NULL;
            for (int i = 1; base != NULL && i < CELL_POINTS; i++) {
                if (base->point[i] == 0) {
                    base->point[i] = point;
                    break;
                }
            }
            continue;
        }
        if (used + cols > span.cols) {
            break;
        }
        last = span.col + used;
        set_cell(canvas, span.row, last, (struct cell){{point}, (uint8_t)style, (uint8_t)cols});
        used += cols;
    }
    return used;
}

void tui_pad(struct tui_canvas *canvas, struct tui_span span, enum tui_style style) {
    for (int i = 0; i < span.cols; i++) {
        set_cell(canvas, span.row, span.col + i, (struct cell){{' '}, (uint8_t)style, 1});
    }
}

void tui_fill(struct tui_canvas *canvas, struct tui_rect rect, enum tui_style style) {
    for (int row = 0; row < rect.rows; row++) {
        tui_pad(canvas, tui_span(rect.row + row, rect.col, rect.cols), style);
    }
}

void tui_restyle(struct tui_canvas *canvas, struct tui_rect rect, enum tui_style style) {
    struct tui_rect inside = intersect(rect, canvas->clip);
    for (int row = inside.row; row < inside.row + inside.rows; row++) {
        for (int col = inside.col; col < inside.col + inside.cols; col++) {
            cell_at(canvas, row, col)->style = (uint8_t)style;
        }
    }
}

void tui_restyle_plain(struct tui_canvas *canvas, struct tui_span span, enum tui_style style) {
    struct tui_rect rect = {span.row, span.col, 1, span.cols};
    struct tui_rect inside = intersect(rect, canvas->clip);
    for (int col = inside.col; inside.rows > 0 && col < inside.col + inside.cols; col++) {
        struct cell *cell = cell_at(canvas, inside.row, col);
        if (cell->style == TUI_TEXT || cell->style == TUI_DIM) {
            cell->style = (uint8_t)style;
        }
    }
}

void tui_cursor(struct tui_canvas *canvas, int row, int col, bool visible) {
    canvas->cursor_row = at_least(at_most(row, canvas->rows - 1), 0);
    canvas->cursor_col = at_least(at_most(col, canvas->cols - 1), 0);
    canvas->cursor_visible = visible;
}

bool tui_canvas_cursor(const struct tui_canvas *canvas, int *out_row, int *out_col,
                       bool *out_visible) {
    if (canvas->cursor_row < 0) {
        return false;
    }
    *out_row = canvas->cursor_row;
    *out_col = canvas->cursor_col;
    *out_visible = canvas->cursor_visible;
    return true;
}

struct tui_cell_view tui_canvas_cell(const struct tui_canvas *canvas, int row, int col) {
    struct tui_cell_view view = {"", TUI_TEXT, 1};
    ENSURE(row >= 0 && row < canvas->rows && col >= 0 && col < canvas->cols);
    const struct cell *cell = cell_at(canvas, row, col);
    size_t len = 0;
    for (int i = 0; i < CELL_POINTS && cell->point[i] != 0; i++) {
        len += text_put(cell->point[i], view.text + len);
    }
    view.text[len] = '\0';
    view.style = (enum tui_style)cell->style;
    view.cols = cell->cols;
    return view;
}

static void dump_text_row(const struct tui_canvas *canvas, int row, struct buf *out) {
    int end = canvas->cols;
    while (end > 0 && cell_at(canvas, row, end - 1)->point[0] == ' ') {
        end--;
    }
    for (int col = 0; col < end; col++) {
        struct tui_cell_view view = tui_canvas_cell(canvas, row, col);
        buf_put(out, view.text, strlen(view.text));
    }
    buf_put_u8(out, '\n');
}

static void dump_style_row(const struct tui_canvas *canvas, int row, struct buf *out) {
    int end = canvas->cols;
    while (end > 0 && cell_at(canvas, row, end - 1)->style == TUI_TEXT) {
        end--;
    }
    for (int col = 0; col < end; col++) {
        uint8_t style = cell_at(canvas, row, col)->style;
        buf_put_u8(out, (uint8_t)tui_style_letter((enum tui_style)style));
    }
    buf_put_u8(out, '\n');
}

void tui_canvas_dump(const struct tui_canvas *canvas, struct buf *out) {
    for (int row = 0; row < canvas->rows; row++) {
        dump_text_row(canvas, row, out);
    }
    buf_put(out, "--\n", 3);
    for (int row = 0; row < canvas->rows; row++) {
        dump_style_row(canvas, row, out);
    }
    buf_printf(out, "-- cursor %d %d %s\n", canvas->cursor_row, canvas->cursor_col,
               canvas->cursor_visible ? "shown" : "hidden");
}
