// The frame of every screen, by size and not by device.
//
// Row 0 is the status line; the last row the hints of the context; the row above it the message.
// The rest is the body. At 16 rows and fewer the hints may be hidden. Below 20x5 there is one line
// that says so, and the program runs on.
#ifndef DAVY_TUI_LAYOUT_H
#define DAVY_TUI_LAYOUT_H

#include "davy/tui/canvas.h"

#define TUI_COLS_MIN 20
#define TUI_ROWS_MIN 5

enum tui_class {
    TUI_TINY = 0, // below 20x5: tui_layout_draw_tiny() and nothing else
    TUI_COMPACT,  // below 60 columns or 20 rows
    TUI_NORMAL,
    TUI_WIDE, // 120 columns and more
};

struct tui_layout {
    enum tui_class size;
    struct tui_rect status;
    struct tui_rect body;
    struct tui_rect message;
    struct tui_rect hints; // no rows when hidden
};

// hide_hints is obeyed only at 16 rows and fewer.
struct tui_layout tui_layout_of(struct tui_rect screen, bool hide_hints);
// "too small, need 20x5", or what fits of it.
void tui_layout_draw_tiny(struct tui_canvas *canvas);

#endif
