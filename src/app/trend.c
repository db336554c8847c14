// What was heard of a tag, point by point. Every tag keeps a few points, so that a sparkline and
// the trend of a new alarm have a past; many are kept only of what somebody looks at.
#include "app_priv.h"

#include <stdlib.h>
#include <string.h>

#define TIME_BITS 30
#define TIME_MASK ((UINT32_C(1) << TIME_BITS) - 1) // 12 days: what is further apart is no trend
#define QUALITY_BITS 2
#define POINT_BYTES (sizeof(double) + sizeof(uint32_t))

static uint32_t *marks_of(const struct trend *trend) {
    return (uint32_t *)(void *)(trend->values + trend->cap);
}

// The i-th of the newest `count` points, oldest first.
static uint16_t slot_of(const struct trend *trend, uint32_t count, uint32_t i) {
    return (uint16_t)((trend->next + trend->cap - count + i) % trend->cap);
}

static bool trend_resize(struct trend *trend, uint16_t cap) {
    struct trend sized = {.newest = trend->newest, .cap = cap};
    sized.values = malloc(cap * POINT_BYTES);
    if (!sized.values) {
        return false;
    }
    sized.count = trend->count < cap ? trend->count : cap;
    sized.next = sized.count % cap;
    for (uint16_t i = 0; i < sized.count; i++) {
        uint16_t slot = slot_of(trend, sized.count, i);
        sized.values[i] = trend->values[slot];
        marks_of(&sized)[i] = marks_of(trend)[slot];
    }
    free(trend->values);
    *trend = sized;
    return true;
}

void trend_put(struct trend *trend, const struct trend_point *point) {
    if (!trend->values && !trend_resize(trend, TREND_POINTS_MIN)) {
        return;
    }
    if (trend->count > 0 && point->time.v - trend->newest > (int64_t)TIME_MASK) {
        trend->count = 0;
    }
    trend->newest = point->time.v;
    trend->values[trend->next] = point->value;
    marks_of(trend)[trend->next] = (uint32_t)point->time.v << QUALITY_BITS | point->quality;
    trend->next = (uint16_t)((trend->next + 1) % trend->cap);
    trend->count = trend->count < trend->cap ? (uint16_t)(trend->count + 1) : trend->cap;
}

void trend_lengthen(struct app *app, const struct tag_entry *tag) {
    uint32_t place = (uint32_t)(tag - app->tags);
    uint32_t *list = app->trend_long;
    uint32_t at = 0;
    while (at < app->trend_long_count && list[at] != place) {
        at++;
    }
    if (at == app->trend_long_count) {
        bool full = at == TREND_LONG_MAX;
        at -= full;
        if ((full && !trend_resize(&app->tags[list[at]].trend, TREND_POINTS_MIN)) ||
            !trend_resize(&app->tags[place].trend, TREND_POINTS_MAX)) {
            return;
        }
        app->trend_long_count = at + 1;
    }
    memmove(list + 1, list, at * sizeof *list);
    list[0] = place;
}

uint32_t app_trend(struct app *app, const char *tag, struct trend_point *out_points, uint32_t max) {
    const struct tag_entry *entry = tag_find(app, tag);
    if (!entry || entry->trend.count == 0) {
        return 0;
    }
    if (max > TREND_POINTS_MIN) {
        trend_lengthen(app, entry);
    }
    const struct trend *trend = &entry->trend;
    uint32_t count = trend->count < max ? trend->count : max;
    int64_t time = trend->newest;
    for (uint32_t i = count; i-- > 0;) {
        uint16_t slot = slot_of(trend, count, i);
        uint32_t mark = marks_of(trend)[slot];
        time -= ((uint32_t)time - (mark >> QUALITY_BITS)) & TIME_MASK;
        out_points[i] = (struct trend_point){.time = {time},
                                             .value = trend->values[slot],
                                             .quality = mark & ((1u << QUALITY_BITS) - 1)};
    }
    return count;
}
