#include "davy/tui/plot.h"

#include "canvas_priv.h"
#include "davy/base/text.h"
#include "tui_priv.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SLICES_MAX (2 * TUI_CANVAS_MAX) // braille has two columns of dots a cell
#define SCALE_COLS_MIN 24               // narrower plots have no scale

// The share of time of one column of dots.
struct slice_range {
    double low, high;
    bool good; // low and high hold
    bool bad;  // a bad value fell into it
};

struct plot_area {
    struct tui_rect rect;
    double low, high;
    int dots_x, dots_y; // per cell
    int slices;
    struct slice_range range[SLICES_MAX];
};

static const char *const block_levels[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
static const char *const ascii_levels[] = {".", ":", "-", "=", "+", "*", "#", "@"};
#define LEVELS 8

void tui_number(double value, char out_text[static TUI_NUMBER_BYTES]) {
    double size = fabs(value);
    int digits = size >= 1000 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3;
    if (!isfinite(value)) {
        memcpy(out_text, "?", 2);
    } else if (size >= 1e7 || (size > 0 && size < 1e-3)) {
        (void)snprintf(out_text, TUI_NUMBER_BYTES, "%.2e", value);
    } else {
        (void)snprintf(out_text, TUI_NUMBER_BYTES, "%.*f", digits, value);
    }
}

static bool is_good(const struct tui_sample *sample) {
    return sample->good && isfinite(sample->value);
}

static void include(struct slice_range *range, const struct tui_sample *sample) {
    if (!is_good(sample)) {
        range->bad = true;
        return;
    }
    range->low = range->good ? fmin(range->low, sample->value) : sample->value;
    range->high = range->good ? fmax(range->high, sample->value) : sample->value;
    range->good = true;
}

struct time_range {
    int64_t from, to;
};

static struct time_range time_of(const struct tui_plot *plot) {
    struct time_range time = {plot->from_ms, plot->to_ms};
    if (time.from == time.to && plot->count > 0) {
        time.from = plot->samples[0].at_ms;
        time.to = plot->samples[plot->count - 1].at_ms + 1;
    }
    return time;
}

// When a sample ceases to count. The last one counts to the end of what is shown.
static int64_t end_of(const struct tui_plot *plot, size_t index, int64_t to) {
    int64_t at = plot->samples[index].at_ms;
    int64_t end = index + 1 < plot->count ? plot->samples[index + 1].at_ms : to;
    bool held = plot->hold_ms > 0 && (double)end - (double)at > (double)plot->hold_ms;
    return held ? at + plot->hold_ms : end;
}

static void fill_slices(const struct tui_plot *plot, struct plot_area *area) {
    struct time_range time = time_of(plot);
    memset(area->range, 0, sizeof area->range);
    if (time.to <= time.from) {
        return;
    }
    double per_slice = ((double)time.to - (double)time.from) / area->slices;
    for (size_t i = 0; i < plot->count; i++) {
        int64_t begin = plot->samples[i].at_ms;
        int64_t end = end_of(plot, i, time.to);
        if (end < time.from || begin >= time.to) {
            continue;
        }
        double first = fmax(((double)begin - (double)time.from) / per_slice, 0);
        double last = ceil(((double)end - (double)time.from) / per_slice) - 1;
        last = fmin(fmax(last, first), area->slices - 1);
        for (int s = (int)first; s <= (int)last; s++) {
            include(&area->range[s], &plot->samples[i]);
        }
    }
}

static void widen(double *low, double *high, double value) {
    if (isfinite(value)) {
        *low = fmin(*low, value);
        *high = fmax(*high, value);
    }
}

static void scale(const struct tui_plot *plot, struct plot_area *area) {
    struct time_range time = time_of(plot);
    double low = INFINITY;
    double high = -INFINITY;
    for (size_t i = 0; i < plot->count; i++) {
        bool shown = plot->samples[i].at_ms < time.to && end_of(plot, i, time.to) >= time.from;
        if (is_good(&plot->samples[i]) && shown) {
            widen(&low, &high, plot->samples[i].value);
        }
    }
    for (size_t i = 0; i < plot->limit_count; i++) {
        widen(&low, &high, plot->limits[i].value);
    }
    if (plot->low < plot->high) {
        low = plot->low;
        high = plot->high;
    }
    if (low > high) {
        low = 0;
        high = 1;
    }
    if (low == high) {
        double margin = low == 0 ? 1 : fabs(low) * 0.05;
        low -= margin;
        high += margin;
    }
    area->low = low;
    area->high = high;
}

// The dot row of a value, 0 at the bottom; values outside stick to the edge.
static int dot_of(const struct plot_area *area, double value) {
    int dots = area->rect.rows * area->dots_y;
    double share = (value - area->low) / (area->high - area->low);
    double dot = share * dots;
    return dot >= dots ? dots - 1 : dot > 0 ? (int)dot : 0;
}

static int row_of_dot(const struct plot_area *area, int dot) {
    return area->rect.row + area->rect.rows - 1 - dot / area->dots_y;
}

static void draw_limits(const struct tui_plot *plot, const struct plot_area *area,
                        struct tui_canvas *canvas, int label_col) {
    for (size_t i = 0; i < plot->limit_count; i++) {
        double value = plot->limits[i].value;
        if (!(value >= area->low && value <= area->high)) {
            continue;
        }
        int row = row_of_dot(area, dot_of(area, value));
        for (int col = 0; col < area->rect.cols; col++) {
            tui_glyph(canvas, row, area->rect.col + col, TUI_LIMIT, TUI_GLYPH_LIMIT);
        }
        (void)tui_add(canvas, tui_span(row, label_col, 4), TUI_LIMIT, plot->limits[i].label);
    }
}

// The dots of a slice, drawn on to the slice before so that a steep line has no holes.
struct dots {
    int low, high;
    bool any;
};

static struct dots dots_of(const struct plot_area *area, int slice) {
    const struct slice_range *range = &area->range[slice];
    struct dots dots = {0, 0, range->good};
    if (!range->good) {
        return dots;
    }
    dots.low = dot_of(area, range->low);
    dots.high = dot_of(area, range->high);
    if (slice > 0 && range[-1].good) {
        int before_low = dot_of(area, range[-1].low);
        int before_high = dot_of(area, range[-1].high);
        dots.low = before_high < dots.low ? before_high + 1 : dots.low;
        dots.high = before_low > dots.high ? before_low - 1 : dots.high;
    }
    return dots;
}

// Bits of the dots of a braille cell, from the bottom, left and right column.
static const uint8_t braille_bits[2][4] = {{0x40, 0x04, 0x02, 0x01}, {0x80, 0x20, 0x10, 0x08}};

static void put_point(struct tui_canvas *canvas, int row, int col, uint32_t point) {
    char text[5] = "";
    (void)text_put(point, text);
    (void)tui_put_shown(canvas, tui_span(row, col, 1), TUI_TREND, text);
}

static void draw_braille(const struct plot_area *area, struct tui_canvas *canvas, int col) {
    struct dots dots[2] = {dots_of(area, 2 * col), dots_of(area, 2 * col + 1)};
    for (int row = 0; row < area->rect.rows; row++) {
        uint8_t bits = 0;
        for (int x = 0; x < 2; x++) {
            for (int y = 0; y < 4; y++) {
                int dot = row * 4 + y;
                bool on = dots[x].any && dot >= dots[x].low && dot <= dots[x].high;
                bits |= on ? braille_bits[x][y] : 0;
            }
        }
        if (bits != 0) {
            put_point(canvas, area->rect.row + area->rect.rows - 1 - row, area->rect.col + col,
                      0x2800u + bits);
        }
    }
}

static void draw_block(const struct plot_area *area, struct tui_canvas *canvas, int col) {
    struct dots dots = dots_of(area, col);
    for (int row = 0; dots.any && row < area->rect.rows; row++) {
        int base = row * LEVELS;
        if (dots.high < base || dots.low >= base + LEVELS) {
            continue;
        }
        int level = at_most(dots.high - base, LEVELS - 1);
        (void)tui_put_shown(
            canvas, tui_span(area->rect.row + area->rect.rows - 1 - row, area->rect.col + col, 1),
            TUI_TREND, block_levels[level]);
    }
}

static void draw_ascii(const struct plot_area *area, struct tui_canvas *canvas, int col) {
    struct dots dots = dots_of(area, col);
    for (int dot = dots.low; dots.any && dot <= dots.high; dot++) {
        bool end = dot == dots.low || dot == dots.high;
        put_point(canvas, row_of_dot(area, dot), area->rect.col + col, end ? '*' : '|');
    }
}

static void draw_gap(const struct plot_area *area, struct tui_canvas *canvas, int col) {
    bool good = false;
    bool bad = false;
    for (int i = 0; i < area->dots_x; i++) {
        good = good || area->range[col * area->dots_x + i].good;
        bad = bad || area->range[col * area->dots_x + i].bad;
    }
    if (bad && !good) {
        tui_glyph(canvas, area->rect.row + area->rect.rows - 1, area->rect.col + col, TUI_STALE,
                  TUI_GLYPH_GAP);
    }
}

// Takes the columns of the scale off the left and writes its ends.
static void draw_scale(const struct tui_plot *plot, const struct plot_area *area,
                       struct tui_canvas *canvas, struct tui_rect place) {
    char number[TUI_NUMBER_BYTES];
    int bottom = place.row + place.rows - 1;
    tui_number(area->high, number);
    tui_put_aligned(canvas, tui_span(place.row, place.col, place.cols - 1), TUI_DIM, TUI_RIGHT,
                    number);
    tui_number(area->low, number);
    tui_put_aligned(canvas, tui_span(bottom, place.col, place.cols - 1), TUI_DIM, TUI_RIGHT,
                    number);
    if (place.rows > 2 && plot->unit != NULL) {
        tui_put_aligned(canvas, tui_span(place.row + 1, place.col, place.cols - 1), TUI_DIM,
                        TUI_RIGHT, plot->unit);
    }
}

static int scale_cols(const struct tui_plot *plot, const struct plot_area *area) {
    char low[TUI_NUMBER_BYTES];
    char high[TUI_NUMBER_BYTES];
    tui_number(area->low, low);
    tui_number(area->high, high);
    int unit = plot->unit != NULL ? text_cols(plot->unit) : 0;
    return at_least(at_least(text_cols(low), text_cols(high)), at_most(unit, 8)) + 1;
}

typedef void column_drawer(const struct plot_area *area, struct tui_canvas *canvas, int col);

static const struct {
    int dots_x, dots_y;
    column_drawer *draw;
} plot_sets[] = {
    [TUI_PLOT_ASCII] = {1, 1, draw_ascii},
    [TUI_PLOT_BLOCK] = {1, LEVELS, draw_block},
    [TUI_PLOT_BRAILLE] = {2, 4, draw_braille},
};

void tui_plot_draw(const struct tui_plot *plot, struct tui_canvas *canvas, struct tui_rect rect) {
    enum tui_plot_set set = tui_canvas_look(canvas)->plot_set;
    if (rect.rows < 1 || rect.cols < 1) {
        return;
    }
    struct plot_area area = {.dots_x = plot_sets[set].dots_x, .dots_y = plot_sets[set].dots_y};
    scale(plot, &area);
    if (rect.cols >= SCALE_COLS_MIN) {
        draw_scale(plot, &area, canvas, tui_rect_left(&rect, scale_cols(plot, &area)));
    }
    struct tui_rect labels = tui_rect_right(&rect, plot->limit_count > 0 ? 3 : 0);
    area.rect = rect;
    area.slices = at_most(rect.cols, TUI_CANVAS_MAX) * area.dots_x;
    fill_slices(plot, &area);
    draw_limits(plot, &area, canvas, labels.col + (labels.cols > 1 ? 1 : 0));
    for (int col = 0; col < rect.cols; col++) {
        plot_sets[set].draw(&area, canvas, col);
        draw_gap(&area, canvas, col);
    }
}

void tui_plot_spark(const struct tui_plot *plot, struct tui_canvas *canvas, struct tui_span span) {
    bool ascii = tui_canvas_look(canvas)->plot_set == TUI_PLOT_ASCII;
    if (span.cols < 1) {
        return;
    }
    struct plot_area area = {.dots_x = 1, .dots_y = LEVELS};
    area.rect = (struct tui_rect){span.row, span.col, 1, at_most(span.cols, TUI_CANVAS_MAX)};
    area.slices = area.rect.cols;
    scale(plot, &area);
    fill_slices(plot, &area);
    for (int col = 0; col < area.slices; col++) {
        if (area.range[col].good) {
            int level = dot_of(&area, area.range[col].high);
            (void)tui_put_shown(canvas, tui_span(span.row, span.col + col, 1), TUI_TREND,
                                ascii ? ascii_levels[level] : block_levels[level]);
        } else {
            draw_gap(&area, canvas, col);
        }
    }
}
