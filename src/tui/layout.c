#include "davy/tui/layout.h"

#include "tui_priv.h"

#include <stdio.h>

#define COMPACT_COLS 60
#define COMPACT_ROWS 20
#define WIDE_COLS 120
#define HIDE_ROWS 16

static enum tui_class class_of(struct tui_rect screen) {
    if (screen.cols < TUI_COLS_MIN || screen.rows < TUI_ROWS_MIN) {
        return TUI_TINY;
    }
    if (screen.cols < COMPACT_COLS || screen.rows < COMPACT_ROWS) {
        return TUI_COMPACT;
    }
    return screen.cols >= WIDE_COLS ? TUI_WIDE : TUI_NORMAL;
}

struct tui_layout tui_layout_of(struct tui_rect screen, bool hide_hints) {
    struct tui_layout layout = {.size = class_of(screen)};
    bool hidden = hide_hints && screen.rows <= HIDE_ROWS;
    layout.status = tui_rect_top(&screen, 1);
    layout.hints = tui_rect_bottom(&screen, hidden ? 0 : 1);
    layout.message = tui_rect_bottom(&screen, 1);
    layout.body = screen;
    return layout;
}

void tui_layout_draw_tiny(struct tui_canvas *canvas) {
    struct tui_rect screen = tui_canvas_rect(canvas);
    char text[96];
    (void)snprintf(text, sizeof text, _("too small, need %dx%d"), TUI_COLS_MIN, TUI_ROWS_MIN);
    (void)tui_put_wrapped(canvas, screen, (struct tui_wrap){TUI_TEXT, 0}, text);
}
