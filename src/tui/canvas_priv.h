// Between the files of the canvas, and for the terminal.
#ifndef DAVY_TUI_CANVAS_PRIV_H
#define DAVY_TUI_CANVAS_PRIV_H

#include "davy/base/text.h"
#include "davy/tui/canvas.h"

// Columns of one code point.
static inline int point_width(uint32_t point) {
    char text[5] = "";
    if (point < 0x7f) {
        return 1;
    }
    (void)text_put(point, text);
    return text_cols(text);
}

void tui_canvas_set_look(struct tui_canvas *canvas, const struct tui_look *look);

#define TUI_SHOWN_BYTES 8192 // one piece of text as it is shown; longer text is cut

// Makes text showable: clean, and spelt in what the terminal can show. The only way from foreign
// text to the screen. Returns its columns.
int tui_shown(const struct tui_look *look, const char *text, char out[static TUI_SHOWN_BYTES]);
// Draws text that tui_shown() made, cut to the span. Returns the columns used.
int tui_put_shown(struct tui_canvas *canvas, struct tui_span span, enum tui_style style,
                  const char *shown);
void tui_pad(struct tui_canvas *canvas, struct tui_span span, enum tui_style style);
// Restyles only what is plain text, so that a state keeps its colour in the selected row.
void tui_restyle_plain(struct tui_canvas *canvas, struct tui_span span, enum tui_style style);

#endif
