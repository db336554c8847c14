// A small trend of one value over time, and a one-row sparkline.
//
// Each column shows the lowest and highest good value of its share of time; a column without a good
// value is a gap, never a line drawn through. Limits are rows of marks with their letters. Three
// glyph tables (braille, block, ASCII); which one is the terminal's look.
#ifndef DAVY_TUI_PLOT_H
#define DAVY_TUI_PLOT_H

#include "davy/tui/canvas.h"

struct tui_sample {
    int64_t at_ms;
    double value;
    bool good; // false: unknown or bad, drawn as a gap
};

struct tui_limit {
    double value;
    const char *label; // short, shown at the right: "HH"
};

struct tui_plot {
    const struct tui_sample *samples; // ascending in time
    size_t count;
    int64_t from_ms, to_ms; // the time shown; equal: from the first to the last sample
    double low, high;       // the values shown; equal: from the samples and limits
    const struct tui_limit *limits;
    size_t limit_count;
    const char *unit; // "" for none
    // A sample counts until the next one, at most this long (0: until the next one).
    int64_t hold_ms;
};

// Scale at the left (highest above, lowest below, with unit), limits at the right.
void tui_plot_draw(const struct tui_plot *plot, struct tui_canvas *canvas, struct tui_rect rect);
void tui_plot_spark(const struct tui_plot *plot, struct tui_canvas *canvas, struct tui_span span);
// A number as short as its size allows: "8.20", "1250", "-0.013".
#define TUI_NUMBER_BYTES 24
void tui_number(double value, char out_text[static TUI_NUMBER_BYTES]);

#endif
