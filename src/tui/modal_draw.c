#include "modal_priv.h"

#include "canvas_priv.h"
#include "davy/base/text.h"
#include "tui_priv.h"

#include <string.h>

#define BOX_COLS 72
#define KEYS_COLS 9
#define TEXT_COLS_MIN 16

// A box may cover everything but the status line: link and age of the picture stay in sight.
static struct tui_rect room_of(const struct tui_canvas *canvas, const struct tui_layout *layout) {
    struct tui_rect room = tui_canvas_rect(canvas);
    (void)tui_rect_top(&room, layout->status.rows);
    return room;
}

static int box_cols(const struct tui_layout *layout, struct tui_rect screen) {
    return layout->size <= TUI_COMPACT ? screen.cols : at_most(BOX_COLS, screen.cols - 4);
}

// Text of at most as many rows as there are; what is above and below is told by arrows on the
// border.
static void draw_text(struct tui_modal *modal, struct tui_canvas *canvas, struct tui_rect rect) {
    int lines = tui_put_wrapped(NULL, rect, (struct tui_wrap){TUI_TEXT, 0}, modal->text);
    modal->scroll_most = at_least(lines - rect.rows, 0);
    modal->scroll = at_most(modal->scroll, modal->scroll_most);
    (void)tui_put_wrapped(canvas, rect, (struct tui_wrap){TUI_TEXT, modal->scroll}, modal->text);
    int border = rect.col + rect.cols + 1;
    if (modal->scroll > 0) {
        tui_glyph(canvas, rect.row, border, TUI_HINT_KEY, TUI_GLYPH_UP);
    }
    if (modal->scroll < modal->scroll_most) {
        tui_glyph(canvas, rect.row + rect.rows - 1, border, TUI_HINT_KEY, TUI_GLYPH_DOWN);
    }
}

static void draw_buttons(const struct tui_modal *modal, struct tui_canvas *canvas,
                         struct tui_span span) {
    struct tui_pen pen = tui_pen(canvas, span);
    int no_at = pen.col;
    tui_pen_putf(&pen, modal->yes ? TUI_TEXT : TUI_FOCUS, "%s %s ", modal->yes ? " " : ">",
                 _("No (n)"));
    tui_pen_put(&pen, TUI_TEXT, "  ");
    int yes_at = pen.col;
    tui_pen_putf(&pen, modal->yes ? TUI_FOCUS : TUI_TEXT, "%s %s ", modal->yes ? ">" : " ",
                 _("Yes (y)"));
    tui_cursor(canvas, span.row, modal->yes ? yes_at : no_at, true);
}

static void draw_bottom(struct tui_modal *modal, struct tui_canvas *canvas, struct tui_rect rect) {
    struct tui_span span = tui_span(rect.row, rect.col, rect.cols);
    if (modal->kind == MODAL_CONFIRM) {
        draw_buttons(modal, canvas, span);
    } else if (modal->kind == MODAL_PIN) {
        int used = tui_add(canvas, span, TUI_TITLE, _("PIN: "));
        int cols = at_least(at_most(span.cols - used, LIMIT_PIN_DIGITS_MAX + 1), 1);
        tui_line_draw(&modal->line, canvas, tui_span(span.row, span.col + used, cols), true);
    } else {
        tui_put(canvas, span, TUI_DIM, _("Enter: close"));
        tui_cursor(canvas, span.row, span.col, false);
    }
}

static void draw_dialog(struct tui_modal *modal, struct tui_canvas *canvas,
                        const struct tui_layout *layout) {
    struct tui_rect screen = room_of(canvas, layout);
    int cols = box_cols(layout, screen);
    struct tui_rect measure = {0, 0, 0, at_least(cols - 4, 1)};
    int lines = tui_put_wrapped(NULL, measure, (struct tui_wrap){TUI_TEXT, 0}, modal->text);
    bool tight = screen.rows < 11;
    int rows = lines + (tight || lines == 0 ? 3 : 4);
    struct tui_rect box = tui_rect_center(screen, rows, cols);
    struct tui_rect inside = tui_box(canvas, box, TUI_TEXT, modal->title);
    (void)tui_rect_left(&inside, 1);
    (void)tui_rect_right(&inside, 1);
    draw_bottom(modal, canvas, tui_rect_bottom(&inside, 1));
    if (!tight && lines > 0) {
        (void)tui_rect_bottom(&inside, 1);
    }
    if (inside.rows > 0) {
        draw_text(modal, canvas, inside);
    }
}

static void draw_prompt(struct tui_modal *modal, struct tui_canvas *canvas,
                        const struct tui_layout *layout) {
    struct tui_rect rect = layout->message;
    tui_fill(canvas, rect, TUI_TEXT);
    int most = at_least(rect.cols - TEXT_COLS_MIN, 0);
    int used = tui_add(canvas, tui_span(rect.row, rect.col, most), TUI_TITLE, modal->title);
    used += used > 0 ? 1 : 0;
    tui_line_draw(&modal->line, canvas,
                  tui_span(rect.row, rect.col + used, at_least(rect.cols - used, 1)), true);
}

// Number, keys, label, help: what fits, from the left.
static void draw_item(const struct tui_modal *modal, struct tui_canvas *canvas,
                      struct tui_span span, size_t index) {
    struct tui_pen pen = tui_pen(canvas, span);
    bool numbered = modal->kind == MODAL_MENU || modal->kind == MODAL_ACTIONS;
    bool here = index == modal->selected;
    tui_pen_put(&pen, TUI_TEXT, here ? tui_canvas_look(canvas)->glyph[TUI_GLYPH_CURSOR] : " ");
    if (numbered && index < 9) {
        tui_pen_putf(&pen, TUI_HINT_KEY, "%zu ", index + 1);
    } else if (numbered) {
        tui_pen_put(&pen, TUI_TEXT, "  ");
    }
    if (modal->kind == MODAL_MENU) {
        tui_pen_put(&pen, TUI_TEXT, modal->items[index]);
        return;
    }
    const struct tui_action *action = modal->hits[index];
    char keys[TUI_ACTION_KEYS_BYTES];
    tui_action_keys(action, keys);
    tui_put(canvas, tui_span(pen.row, pen.col, at_most(KEYS_COLS, tui_pen_left(&pen))),
            TUI_HINT_KEY, keys);
    pen.col += at_most(KEYS_COLS + 1, tui_pen_left(&pen));
    tui_put(canvas, tui_span(pen.row, pen.col, at_most(TUI_LABEL_COLS, tui_pen_left(&pen))),
            TUI_TEXT, tr(action->label));
    pen.col += at_most(TUI_LABEL_COLS + 1, tui_pen_left(&pen));
    tui_put(canvas, tui_span(pen.row, pen.col, tui_pen_left(&pen)), TUI_DIM, tr(action->help));
}

static void draw_items(struct tui_modal *modal, struct tui_canvas *canvas, struct tui_rect rect) {
    size_t count = tui_modal_count(modal);
    modal->page = (size_t)at_least(rect.rows, 1);
    if (modal->selected < modal->top) {
        modal->top = modal->selected;
    }
    if (modal->selected >= modal->top + modal->page) {
        modal->top = modal->selected - modal->page + 1;
    }
    for (int i = 0; i < rect.rows && modal->top + (size_t)i < count; i++) {
        size_t index = modal->top + (size_t)i;
        draw_item(modal, canvas, tui_span(rect.row + i, rect.col, rect.cols), index);
        if (index == modal->selected) {
            if (!tui_canvas_look(canvas)->slow) {
                tui_restyle_plain(canvas, tui_span(rect.row + i, rect.col, rect.cols), TUI_FOCUS);
            }
            tui_cursor(canvas, rect.row + i, rect.col, false);
        }
    }
    int border = rect.col + rect.cols;
    if (modal->top > 0 && rect.rows > 0) {
        tui_glyph(canvas, rect.row, border, TUI_HINT_KEY, TUI_GLYPH_UP);
    }
    if (modal->top + modal->page < count && rect.rows > 0) {
        tui_glyph(canvas, rect.row + rect.rows - 1, border, TUI_HINT_KEY, TUI_GLYPH_DOWN);
    }
}

static void draw_list(struct tui_modal *modal, struct tui_canvas *canvas,
                      const struct tui_layout *layout) {
    struct tui_rect screen = room_of(canvas, layout);
    bool searched = modal->kind == MODAL_PALETTE || modal->kind == MODAL_HELP;
    // While typing the box keeps its size.
    size_t most = searched ? modal->actions.count : tui_modal_count(modal);
    int rows = (int)most + 2 + (searched ? 1 : 0);
    struct tui_rect box = tui_rect_center(screen, rows, box_cols(layout, screen));
    struct tui_rect inside = tui_box(canvas, box, TUI_TEXT, modal->title);
    struct tui_rect search = tui_rect_top(&inside, searched ? 1 : 0);
    draw_items(modal, canvas, inside);
    if (search.rows > 0) {
        tui_put(canvas, tui_span(search.row, search.col, 1), TUI_HINT_KEY,
                modal->kind == MODAL_PALETTE ? ":" : "/");
        tui_line_draw(&modal->line, canvas,
                      tui_span(search.row, search.col + 1, at_least(search.cols - 1, 1)), true);
    }
}

void tui_modal_draw(struct tui_modal *modal, struct tui_canvas *canvas,
                    const struct tui_layout *layout) {
    modal->hidden = layout->size == TUI_TINY;
    if (modal->hidden) {
        return;
    }
    switch (modal->kind) {
    case MODAL_MESSAGE:
    case MODAL_CONFIRM:
    case MODAL_PIN:
        draw_dialog(modal, canvas, layout);
        break;
    case MODAL_PROMPT:
        draw_prompt(modal, canvas, layout);
        break;
    case MODAL_MENU:
    case MODAL_ACTIONS:
    case MODAL_PALETTE:
    case MODAL_HELP:
        draw_list(modal, canvas, layout);
        break;
    case MODAL_NONE:
    case MODAL_KIND_COUNT:
        break;
    }
}
