#include "screen_priv.h"

#include "davy/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TREND_POINTS 1200
#define SPARK_POINTS 240

bool alarm_list_load(struct alarm_list *list, struct app *app, const struct alarm_filter *filter) {
    uint32_t total = 0;
    for (uint32_t want = list->room > 0 ? list->room : 64;;) {
        if (want > list->room) {
            struct alarm_row *grown = realloc(list->rows, want * sizeof *grown);
            if (grown == NULL && list->rows == NULL) {
                return false;
            }
            if (grown != NULL) {
                list->rows = grown;
                list->room = want;
            }
        }
        list->count = app_alarm_list(app, filter, list->rows, list->room, &total);
        list->total = total;
        bool whole = total <= list->count || list->room >= LIMIT_ALARMS_LISTED;
        if (whole || want > list->room) {
            return true;
        }
        want = total + total / 4 < LIMIT_ALARMS_LISTED ? total + total / 4 : LIMIT_ALARMS_LISTED;
        if (want <= list->room) {
            return true;
        }
    }
}

void alarm_list_free(struct alarm_list *list) {
    free(list->rows);
    *list = (struct alarm_list){0};
}

const struct alarm_row *alarm_list_find(const struct alarm_list *list, struct id16 id) {
    for (uint32_t i = 0; i < list->count; i++) {
        if (id16_equal(list->rows[i].subject.id, id)) {
            return &list->rows[i];
        }
    }
    return NULL;
}

int pairs_label_cols(const struct pair *pairs, size_t count, int cols) {
    int most = 0;
    for (size_t i = 0; i < count; i++) {
        int label = text_cols(pairs[i].label);
        most = label > most ? label : most;
    }
    return most < cols / 3 ? most : cols / 3;
}

int pairs_draw(struct tui_canvas *canvas, struct tui_rect rect, struct pair_view view,
               const struct pair *pairs, size_t count) {
    int top = 0;
    struct tui_rect clip = {0};
    if (canvas != NULL) {
        clip = tui_canvas_clip(canvas, rect);
    }
    for (size_t i = 0; i < count; i++) {
        int row = rect.row + top - view.skip;
        struct tui_rect value = {row, rect.col + view.label_cols + 1, rect.row + rect.rows - row,
                                 rect.cols - view.label_cols - 1};
        if (pairs[i].label[0] == '\0') {
            value.col = rect.col;
            value.cols = rect.cols;
        }
        int lines =
            tui_put_wrapped(NULL, value, (struct tui_wrap){pairs[i].style, 0}, pairs[i].value);
        lines = lines > 0 ? lines : 1;
        if (canvas != NULL && row + lines > rect.row && row < rect.row + rect.rows) {
            int hidden = row < rect.row ? rect.row - row : 0;
            if (hidden == 0) {
                tui_put(canvas, tui_span(row, rect.col, view.label_cols), TUI_DIM, pairs[i].label);
            }
            value.row += hidden;
            value.rows -= hidden;
            (void)tui_put_wrapped(canvas, value, (struct tui_wrap){pairs[i].style, hidden},
                                  pairs[i].value);
        }
        top += lines;
    }
    if (canvas != NULL) {
        (void)tui_canvas_clip(canvas, clip);
    }
    return top;
}

bool scroll_move(const struct tui_event *event, int *inout_scroll) {
    static const struct {
        uint32_t key;
        int step;
    } rows[] = {
        {TUI_KEY_UP, -1},       {'k', -1}, {TUI_KEY_DOWN, 1},       {'j', 1},
        {TUI_KEY_PAGE_UP, -10}, {' ', 10}, {TUI_KEY_PAGE_DOWN, 10}, {TUI_KEY_HOME, -10000},
        {TUI_KEY_END, 10000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].key == event->key) {
            *inout_scroll += rows[i].step;
            return true;
        }
    }
    return false;
}

void draw_title(struct screen *screen, struct tui_rect *inout_body, const char *title) {
    struct tui_rect row = tui_rect_top(inout_body, 1);
    if (row.rows > 0) {
        (void)tui_add(screen->canvas, tui_span(row.row, row.col, row.cols), TUI_TITLE, title);
    }
}

static const struct {
    char key;
    enum screen_id id;
    enum screen_id part; // a screen that belongs to it
} tabs[] = {
    {'1', SCREEN_OVERVIEW, SCREEN_OVERVIEW}, {'2', SCREEN_ALARMS, SCREEN_ALARM},
    {'3', SCREEN_TAGS, SCREEN_TAG},          {'4', SCREEN_SYNC, SCREEN_SYNC},
    {'5', SCREEN_LOG, SCREEN_RECORD},
};

static bool row_is_free(const struct screen *screen, struct tui_span span) {
    for (int col = span.col; col < span.col + span.cols; col++) {
        struct tui_cell_view cell = tui_canvas_cell(screen->canvas, span.row, col);
        if (strcmp(cell.text, " ") != 0) {
            return false;
        }
    }
    return true;
}

void draw_tabs(struct screen *screen, struct tui_rect body) {
    int cols = 0;
    for (size_t i = 0; i < sizeof tabs / sizeof tabs[0]; i++) {
        cols += 2 + text_cols(gettext(screen_table[tabs[i].id]->title)) + (i > 0 ? 2 : 0);
    }
    struct tui_span span = tui_span(body.row, body.col + body.cols - cols, cols);
    if (body.rows < 1 || span.col < body.col + 2 ||
        !row_is_free(screen, tui_span(span.row, span.col - 2, cols + 2))) {
        return;
    }
    struct tui_pen pen = tui_pen(screen->canvas, span);
    for (size_t i = 0; i < sizeof tabs / sizeof tabs[0]; i++) {
        bool here = screen->at == tabs[i].id || screen->at == tabs[i].part;
        tui_pen_putf(&pen, here ? TUI_TITLE : TUI_DIM, "%s%c %s", i > 0 ? "  " : "", tabs[i].key,
                     gettext(screen_table[tabs[i].id]->title));
    }
}

// The limits that a tag has, highest first.
static size_t limits_of(const struct tag_row *tag, struct tui_limit out_limits[4]) {
    static const struct {
        uint8_t bit;
        const char *label;
    } rows[4] = {
        {DEFINE_HAS_HH, "HH"}, {DEFINE_HAS_H, "H"}, {DEFINE_HAS_L, "L"}, {DEFINE_HAS_LL, "LL"}};
    size_t count = 0;
    for (size_t i = 0; i < 4; i++) {
        if ((tag->def.has & rows[i].bit) != 0) {
            out_limits[count++] =
                (struct tui_limit){decimal_to_double(tag->def.limits[i]), rows[i].label};
        }
    }
    return count;
}

static size_t samples_of(struct screen *screen, const char *tag, struct tui_sample *out_samples,
                         uint32_t max) {
    struct trend_point *points = malloc(max * sizeof *points);
    if (points == NULL) {
        return 0;
    }
    uint32_t count = app_trend(screen->app, tag, points, max);
    for (uint32_t i = 0; i < count; i++) {
        out_samples[i] =
            (struct tui_sample){points[i].time.v, points[i].value, points[i].quality < 2};
    }
    free(points);
    return count;
}

void trend_draw(struct screen *screen, struct tui_rect rect, const struct tag_row *tag) {
    struct tui_sample *samples = malloc(TREND_POINTS * sizeof *samples);
    if (samples == NULL || rect.rows < 2) {
        free(samples);
        return;
    }
    struct tui_limit limits[4];
    struct tui_plot plot = {.samples = samples,
                            .count = samples_of(screen, tag->def.code, samples, TREND_POINTS),
                            .limits = limits,
                            .limit_count = limits_of(tag, limits),
                            .unit = tag->def.unit};
    if (plot.count == 0) {
        tui_put(screen->canvas, tui_span(rect.row, rect.col, rect.cols), TUI_DIM,
                _("No values heard since this console started."));
    } else {
        tui_plot_draw(&plot, screen->canvas, rect);
    }
    free(samples);
}

void trend_spark(struct screen *screen, struct tui_span span, const struct tag_row *tag) {
    struct tui_sample samples[SPARK_POINTS];
    uint32_t most =
        span.cols < SPARK_POINTS ? (uint32_t)(span.cols > 0 ? span.cols : 0) : SPARK_POINTS;
    struct tui_limit limits[4];
    struct tui_plot plot = {
        .samples = samples, .limits = limits, .limit_count = limits_of(tag, limits), .unit = ""};
    if (plot.limit_count < 2 && (tag->def.has & DEFINE_HAS_RANGE) != 0) {
        plot.low = decimal_to_double(tag->def.low);
        plot.high = decimal_to_double(tag->def.high);
    }
    plot.count = most > 0 ? samples_of(screen, tag->def.code, samples, most) : 0;
    if (plot.count > 1) {
        tui_plot_spark(&plot, screen->canvas, span);
    }
}
