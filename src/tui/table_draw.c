#include "davy/tui/table.h"

#include "canvas_priv.h"
#include "davy/base/text.h"
#include "table_priv.h"
#include "tui_priv.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define GAP_COLS 1 // between columns
#define INDENT_COLS 4

// Columns of one line of a row, as they fit: cols 0 means dropped.
struct fit {
    int cols[TUI_TABLE_COLUMNS];
};

static bool in_line(const struct tui_table *table, size_t column, int line) {
    return line < 0 || table->spec.columns[column].line == line;
}

static int fit_total(const struct tui_table *table, const struct fit *fit) {
    int total = 0;
    for (size_t i = 0; i < table->spec.column_count; i++) {
        total += fit->cols[i] > 0 ? fit->cols[i] + (total > 0 ? GAP_COLS : 0) : 0;
    }
    return total;
}

// Drops the least important column that may be dropped.
static bool drop_one(const struct tui_table *table, struct fit *fit) {
    size_t worst = table->spec.column_count;
    int priority = 0;
    for (size_t i = 0; i < table->spec.column_count; i++) {
        const struct tui_column *column = &table->spec.columns[i];
        if (fit->cols[i] > 0 && column->priority > 0 && column->priority >= priority) {
            worst = i;
            priority = column->priority;
        }
    }
    if (worst == table->spec.column_count) {
        return false;
    }
    fit->cols[worst] = 0;
    return true;
}

// line -1: every column in one line.
static struct fit fit_columns(const struct tui_table *table, int line, int cols) {
    struct fit fit = {{0}};
    for (size_t i = 0; i < table->spec.column_count; i++) {
        if (in_line(table, i, line)) {
            fit.cols[i] = at_least(table->spec.columns[i].cols, 1);
        }
    }
    while (fit_total(table, &fit) > cols && drop_one(table, &fit)) {
    }
    int spare = cols - fit_total(table, &fit);
    for (size_t i = 0; i < table->spec.column_count; i++) {
        if (fit.cols[i] > 0 && table->spec.columns[i].text) {
            fit.cols[i] = at_least(fit.cols[i] + spare, 1);
            break;
        }
    }
    return fit;
}

static int draw_title(const struct tui_table *table, struct tui_canvas *canvas,
                      const struct tui_table_frame *frame) {
    if (frame->title.title == NULL || frame->rect.rows < 1) {
        return 0;
    }
    size_t count = tui_table_count(table);
    struct tui_pen pen =
        tui_pen(canvas, tui_span(frame->rect.row, frame->rect.col, frame->rect.cols));
    tui_pen_put(&pen, TUI_TITLE, frame->title.title);
    if (frame->title.total > count) {
        char text[80];
        (void)snprintf(text, sizeof text, _("%zu of %zu"), count, frame->title.total);
        tui_pen_putf(&pen, TUI_TITLE, "  %s", text);
    } else {
        tui_pen_putf(&pen, TUI_TITLE, "  %zu", count);
    }
    if (table->mark_count > 0) {
        tui_pen_putf(&pen, TUI_MARK, "  %s%zu", tui_canvas_look(canvas)->glyph[TUI_GLYPH_MARK],
                     table->mark_count);
    }
    if (frame->title.filter != NULL) {
        tui_pen_putf(&pen, TUI_TITLE, "  \\%s", frame->title.filter);
    }
    return 1;
}

static int draw_header(const struct tui_table *table, struct tui_canvas *canvas,
                       struct tui_rect rect, enum tui_class size) {
    if (size < TUI_NORMAL || rect.rows < 3) {
        return 0;
    }
    struct fit fit = fit_columns(table, -1, rect.cols - TABLE_GUTTER_COLS);
    int col = rect.col + TABLE_GUTTER_COLS;
    for (size_t i = 0; i < table->spec.column_count; i++) {
        if (fit.cols[i] > 0) {
            const struct tui_column *column = &table->spec.columns[i];
            tui_put_aligned(canvas, tui_span(rect.row, col, fit.cols[i]), TUI_DIM, column->align,
                            tr(column->title));
            col += fit.cols[i] + GAP_COLS;
        }
    }
    return 1;
}

static void ask_cell(const struct tui_table *table, size_t row, size_t column,
                     struct tui_cell *out_cell) {
    out_cell->buf[0] = '\0';
    out_cell->text = out_cell->buf;
    out_cell->style = TUI_TEXT;
    table->spec.source.cell(table->spec.source.context, row, column, out_cell);
}

// A row goes from the left to the right, so that no hanzi is left half covered.
static void draw_cells(const struct tui_table *table, struct tui_canvas *canvas,
                       struct tui_span span, size_t row, const struct fit *fit) {
    struct tui_rect clip =
        tui_canvas_clip(canvas, (struct tui_rect){span.row, span.col, 1, span.cols});
    int col = span.col;
    for (size_t i = 0; i < table->spec.column_count; i++) {
        if (fit->cols[i] > 0) {
            struct tui_cell cell;
            ask_cell(table, row, i, &cell);
            tui_put_aligned(canvas, tui_span(span.row, col, fit->cols[i]), cell.style,
                            table->spec.columns[i].align, cell.text);
            col += fit->cols[i] + GAP_COLS;
        }
    }
    (void)tui_canvas_clip(canvas, clip);
}

// at: the row with its gutter.
static void draw_gutter(const struct tui_table *table, struct tui_canvas *canvas,
                        const struct tui_table_frame *frame, size_t row, struct tui_rect at) {
    bool slow = tui_canvas_look(canvas)->slow;
    bool here = table->has_selected && row == table->at;
    if (here) {
        enum tui_style style = slow || !frame->focused ? TUI_TEXT : TUI_FOCUS;
        tui_glyph(canvas, at.row, at.col, style, TUI_GLYPH_CURSOR);
    }
    if (tui_table_is_marked(table, tui_table_id(table, row))) {
        tui_glyph(canvas, at.row, at.col + 1, TUI_MARK, TUI_GLYPH_MARK);
    }
    if (here && frame->focused) {
        tui_cursor(canvas, at.row, at.col, false);
        for (int line = 0; line < at.rows && !slow; line++) {
            tui_restyle_plain(canvas, tui_span(at.row + line, at.col, at.cols), TUI_FOCUS);
        }
    }
}

// Where one line would leave out what the two can show.
static bool uses_two_lines(const struct tui_table *table, const struct tui_table_frame *frame) {
    if (!table->spec.two_lines || frame->size > TUI_COMPACT) {
        return false;
    }
    struct fit fit = fit_columns(table, -1, at_least(frame->rect.cols - TABLE_GUTTER_COLS, 0));
    for (size_t i = 0; i < table->spec.column_count; i++) {
        if (fit.cols[i] == 0 && table->spec.columns[i].line >= 0) {
            return true;
        }
    }
    return false;
}

static void draw_row(const struct tui_table *table, struct tui_canvas *canvas,
                     const struct tui_table_frame *frame, size_t row, int screen_row) {
    int lines = uses_two_lines(table, frame) ? 2 : 1;
    int cols = at_least(frame->rect.cols - TABLE_GUTTER_COLS, 0);
    int col = frame->rect.col + TABLE_GUTTER_COLS;
    for (int line = 0; line < lines; line++) {
        struct fit fit = fit_columns(table, lines == 1 ? -1 : line, cols);
        // The second line stands in, if there is room, so that rows are told apart.
        int in = line == 0 ? 0 : at_most(INDENT_COLS, cols - fit_total(table, &fit));
        draw_cells(table, canvas, tui_span(screen_row + line, col + in, cols - in), row, &fit);
    }
    draw_gutter(table, canvas, frame, row,
                (struct tui_rect){screen_row, frame->rect.col, lines, frame->rect.cols});
}

// Keeps the selected row in sight and fills the page.
static void scroll(struct tui_table *table, size_t count, size_t page) {
    if (table->at < table->top) {
        table->top = table->at;
    }
    if (table->at >= table->top + page) {
        table->top = table->at - page + 1;
    }
    if (table->top + page > count) {
        table->top = count > page ? count - page : 0;
    }
}

void tui_table_draw(struct tui_table *table, struct tui_canvas *canvas,
                    const struct tui_table_frame *frame) {
    struct tui_rect clip = tui_canvas_clip(canvas, frame->rect);
    struct tui_rect rows = frame->rect;
    tui_table_resolve(table);
    (void)tui_rect_top(&rows, draw_title(table, canvas, frame));
    (void)tui_rect_top(&rows, draw_header(table, canvas, rows, frame->size));
    int lines = uses_two_lines(table, frame) ? 2 : 1;
    size_t count = tui_table_count(table);
    table->page = (size_t)at_least(rows.rows / lines, 1);
    scroll(table, count, table->page);
    table->painted_count = 0;
    for (size_t i = 0; i < table->page && table->top + i < count && rows.rows > 0; i++) {
        draw_row(table, canvas, frame, table->top + i, rows.row + (int)i * lines);
        if (table->painted_count < TUI_TABLE_PAINTED) {
            table->painted[table->painted_count++] = tui_table_id(table, table->top + i);
        }
    }
    if (count == 0 && rows.rows > 0) {
        tui_put(canvas, tui_span(rows.row, rows.col, rows.cols), TUI_DIM, tr(table->spec.empty));
        if (frame->focused) {
            tui_cursor(canvas, rows.row, rows.col, false);
        }
    }
    (void)tui_canvas_clip(canvas, clip);
}

static bool matches(const struct tui_table *table, size_t row, const char *text) {
    const struct tui_source *source = &table->spec.source;
    if (source->match != NULL) {
        return source->match(source->context, row, text);
    }
    for (size_t i = 0; i < table->spec.column_count; i++) {
        struct tui_cell cell;
        ask_cell(table, row, i, &cell);
        if (strcasestr(cell.text, text) != NULL) {
            return true;
        }
    }
    return false;
}

bool tui_table_find(struct tui_table *table, const char *text, int step) {
    size_t count = tui_table_count(table);
    size_t row = table->at < count ? table->at : 0;
    for (size_t tried = 0; tried < count && text[0] != '\0'; tried++) {
        bool move = step != 0 || tried > 0;
        row = !move ? row : step < 0 ? (row + count - 1) % count : (row + 1) % count;
        if (matches(table, row, text)) {
            tui_table_go(table, row);
            return true;
        }
    }
    return false;
}
