#include "store/history_priv.h"

#include "davy/base/ensure.h"

#include <stdlib.h>
#include <string.h>

// A reading found, with what orders it among others of the same time: blocks by serial, then
// buffers.
struct found {
    struct history_reading reading;
    uint64_t serial;
    uint32_t index;
};

struct query {
    struct history *history;
    struct history_range range;
    struct block_columns columns; // of the block at hand
    int64_t *times;
    double *values;
    uint8_t *qualities;
    struct buf bytes;
};

// ---- Readers follow the owner ----

// The journal changed: buffers are read anew. Months are looked at after the journal, so that what
// the owner flushed meanwhile is seen in a block, and passed over in the buffer.
static enum rc history_refresh(struct history *history) {
    int64_t version = 0;
    if (!history->read_only) {
        return history_tidy(history);
    }
    enum rc rc = db_integer(history->db, "PRAGMA data_version", &version);
    if (rc != RC_OK || version == history->data_version) {
        return rc;
    }
    rc = history_reload(history);
    history->data_version = rc == RC_OK ? version : -1;
    return rc;
}

static enum rc query_init(struct query *query, struct history *history,
                          const struct history_range *range) {
    *query = (struct query){.history = history, .range = *range};
    buf_init(&query->bytes, BLOCK_BYTES_MAX);
    query->times = malloc(LIMIT_HISTORY_BLOCK_READINGS * sizeof(*query->times));
    query->values = malloc(LIMIT_HISTORY_BLOCK_READINGS * sizeof(*query->values));
    query->qualities = malloc(LIMIT_HISTORY_BLOCK_READINGS);
    if (query->times == NULL || query->values == NULL || query->qualities == NULL) {
        return RC_NO_MEMORY;
    }
    enum rc rc = history_refresh(history);
    bool known = range->tag >= 1 && range->tag <= history->tag_count;
    return rc == RC_OK && !known ? RC_NOT_FOUND : rc;
}

static void query_fini(struct query *query) {
    buf_fini(&query->bytes);
    free(query->times);
    free(query->values);
    free(query->qualities);
}

static bool range_is_good(const struct history_range *range) {
    return range->from.v >= 0 && range->to.v <= HISTORY_TIME_MAX_MS + 1 &&
           range->from.v <= range->to.v;
}

static bool in_range(const struct query *query, int64_t time) {
    return time >= query->range.from.v && time < query->range.to.v;
}

static enum rc block_read(struct query *query, struct month *month,
                          const struct month_block *block) {
    uint32_t count = 0;
    enum rc rc = month_block_bytes(month, block, &query->bytes);
    if (rc == RC_OK) {
        rc = block_decode(query->history->codec, buf_slice(&query->bytes), query->times,
                          query->values, query->qualities, LIMIT_HISTORY_BLOCK_READINGS, &count);
    }
    if (rc == RC_OK) {
        query->columns =
            (struct block_columns){query->times, query->values, query->qualities, count};
    }
    return rc == RC_INVALID || rc == RC_TOO_LARGE ? RC_CORRUPT : rc;
}

// Months of the range that have a file, in order; visits each with what it knows of the tag.
struct month_visit {
    struct query *query;
    bool descending;
    enum rc (*visit)(void *ctx, struct month *month, const struct month_tag *known);
    void *ctx;
};

static enum rc visit_month(const struct month_visit *visit, int number) {
    struct month *month = NULL;
    struct month_tag known;
    enum rc rc = month_get(visit->query->history, number, false, &month);
    if (rc == RC_OK) {
        rc = month_get_tag(month, visit->query->range.tag, &known);
    }
    if (rc == RC_OK) {
        rc = visit->visit(visit->ctx, month, &known);
    }
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc each_month(const struct month_visit *visit) {
    const struct history *history = visit->query->history;
    const struct history_range *range = &visit->query->range;
    if (range->from.v == range->to.v) {
        return RC_OK;
    }
    int first = month_of(range->from.v);
    int last = month_of(range->to.v - 1);
    enum rc rc = RC_OK;
    for (uint32_t i = 0; i < history->month_count && rc == RC_OK; i++) {
        uint32_t at = visit->descending ? history->month_count - 1 - i : i;
        int number = history->month_list[at];
        if (number >= first && number <= last) {
            rc = visit_month(visit, number);
        }
    }
    return rc;
}

// The buffer's readings in range that no block holds.
static enum rc each_buffered(struct query *query,
                             enum rc (*visit)(void *ctx, const struct history_reading *reading,
                                              uint32_t index),
                             void *ctx) {
    struct history *history = query->history;
    const struct history_tag *tag = &history->tags[query->range.tag - 1];
    int number = 0;
    uint64_t flushed = 0;
    enum rc rc = RC_OK;
    for (uint32_t i = 0; i < tag->count && rc == RC_OK; i++) {
        const struct sample *sample = &tag->samples[i];
        int64_t time = sample_time(*sample);
        if (!in_range(query, time)) {
            continue;
        }
        if (tag->rows != NULL && month_of(time) != number) {
            struct month *month = NULL;
            struct month_tag known = {0};
            number = month_of(time);
            rc = month_get(history, number, false, &month);
            if (rc == RC_OK) {
                rc = month_get_tag(month, query->range.tag, &known);
            }
            flushed = known.flushed;
            rc = rc == RC_NOT_FOUND ? RC_OK : rc;
        }
        if (rc == RC_OK && (tag->rows == NULL || tag->rows[i] > flushed)) {
            const struct history_reading reading = {{time}, sample->value, sample_quality(*sample)};
            rc = visit(ctx, &reading, i);
        }
    }
    return rc;
}

// ---- Buckets ----

struct bucket_query {
    struct query query;
    struct history_bucket *buckets;
    uint32_t count;
};

static struct history_bucket *bucket_at(struct bucket_query *buckets, int64_t time) {
    const struct history_range *range = &buckets->query.range;
    // At most 9999 years of milliseconds times 10,000 fit in 63 bits.
    int64_t index = (time - range->from.v) * buckets->count / (range->to.v - range->from.v);
    return &buckets->buckets[index];
}

static void bucket_last(struct history_bucket *bucket, const struct history_reading *reading) {
    if (bucket->count == 0 || reading->time.v >= bucket->last_time.v) {
        bucket->last_time = reading->time;
        bucket->last = reading->value;
        bucket->last_quality = reading->quality;
    }
}

static void bucket_span(struct history_bucket *bucket, double min, double max) {
    if (bucket->usable_count == 0 || min < bucket->min) {
        bucket->min = min;
    }
    if (bucket->usable_count == 0 || max > bucket->max) {
        bucket->max = max;
    }
}

static enum rc bucket_reading(void *ctx, const struct history_reading *reading, uint32_t index) {
    struct history_bucket *bucket = bucket_at(ctx, reading->time.v);
    (void)index;
    bucket_last(bucket, reading);
    bucket->count++;
    if ((reading->quality & BLOCK_QUALITY_MASK) < BLOCK_BAD) {
        bucket_span(bucket, reading->value, reading->value);
        bucket->usable_count++;
    }
    return RC_OK;
}

static void bucket_block(struct history_bucket *bucket, const struct block_summary *summary) {
    const struct history_reading last = {{summary->last_ms}, summary->last, summary->last_quality};
    bucket_last(bucket, &last);
    bucket->count += summary->count;
    if (summary->usable_count > 0) {
        bucket_span(bucket, summary->min, summary->max);
        bucket->usable_count += summary->usable_count;
    }
}

static enum rc bucket_visit_block(void *ctx, struct month *month, const struct month_block *block) {
    struct bucket_query *buckets = ctx;
    struct query *query = &buckets->query;
    const struct block_summary *summary = &block->summary;
    if (summary->last_ms < query->range.from.v) {
        return RC_OK;
    }
    bool inside = in_range(query, summary->first_ms) && in_range(query, summary->last_ms);
    if (inside && bucket_at(buckets, summary->first_ms) == bucket_at(buckets, summary->last_ms)) {
        bucket_block(bucket_at(buckets, summary->first_ms), summary);
        return RC_OK;
    }
    enum rc rc = block_read(query, month, block);
    for (uint32_t i = 0; rc == RC_OK && i < query->columns.count; i++) {
        const struct history_reading reading = {
            {query->times[i]}, query->values[i], query->qualities[i]};
        if (in_range(query, reading.time.v)) {
            rc = bucket_reading(buckets, &reading, i);
        }
    }
    return rc;
}

static enum rc bucket_visit_month(void *ctx, struct month *month, const struct month_tag *known) {
    struct bucket_query *buckets = ctx;
    const struct history_range *range = &buckets->query.range;
    const struct month_walk walk = {.tag = range->tag,
                                    .first_ms = range->from.v - known->span_ms_max,
                                    .last_ms = range->to.v - 1,
                                    .visit = bucket_visit_block,
                                    .ctx = buckets};
    return month_each_block(month, &walk);
}

enum rc history_buckets(struct history *history, const struct history_range *range, uint32_t count,
                        struct history_bucket *out_buckets) {
    if (!range_is_good(range) || range->from.v == range->to.v || count == 0) {
        return RC_INVALID;
    }
    if (count > LIMIT_QUERY_ROWS) {
        return RC_TOO_LARGE;
    }
    struct bucket_query buckets = {.count = count};
    enum rc rc = query_init(&buckets.query, history, range);
    buckets.buckets = calloc(count, sizeof(*buckets.buckets));
    if (rc == RC_OK && buckets.buckets == NULL) {
        rc = RC_NO_MEMORY;
    }
    const struct month_visit months = {
        .query = &buckets.query, .visit = bucket_visit_month, .ctx = &buckets};
    if (rc == RC_OK) {
        rc = each_month(&months);
    }
    if (rc == RC_OK) {
        rc = each_buffered(&buckets.query, bucket_reading, &buckets);
    }
    if (rc == RC_OK) {
        memcpy(out_buckets, buckets.buckets, count * sizeof(*out_buckets));
    }
    free(buckets.buckets);
    query_fini(&buckets.query);
    return rc;
}

// ---- Readings ----

struct reading_query {
    struct query query;
    struct found *found;
    uint32_t count;
    uint32_t cap;
    uint32_t max;
    bool newest;
    bool full;           // max are found: only what lies on this side of `edge_ms` may still enter
    int64_t edge_ms;     // time of the worst one found so far
    uint64_t serial;     // of the block at hand
    int64_t span_ms_max; // of the month at hand
};

static int compare_found(const void *a, const void *b) {
    const struct found *left = a;
    const struct found *right = b;
    if (left->reading.time.v != right->reading.time.v) {
        return left->reading.time.v < right->reading.time.v ? -1 : 1;
    }
    if (left->serial != right->serial) {
        return left->serial < right->serial ? -1 : 1;
    }
    return (left->index > right->index) - (left->index < right->index);
}

// Keeps the best `max`, in order of time.
static void found_cut(struct reading_query *readings) {
    qsort(readings->found, readings->count, sizeof(*readings->found), compare_found);
    if (readings->count >= readings->max) {
        uint32_t extra = readings->count - readings->max;
        if (readings->newest && extra > 0) {
            memmove(readings->found, readings->found + extra,
                    readings->max * sizeof(*readings->found));
        }
        readings->count = readings->max;
        readings->full = true;
        readings->edge_ms = readings->newest ? readings->found[0].reading.time.v
                                             : readings->found[readings->max - 1].reading.time.v;
    }
}

static bool found_may_enter(const struct reading_query *readings, int64_t time) {
    if (!readings->full) {
        return true;
    }
    return readings->newest ? time >= readings->edge_ms : time <= readings->edge_ms;
}

static enum rc found_add(void *ctx, const struct history_reading *reading, uint32_t index) {
    struct reading_query *readings = ctx;
    if (!found_may_enter(readings, reading->time.v)) {
        return RC_OK;
    }
    if (readings->count == readings->cap) {
        found_cut(readings);
    }
    readings->found[readings->count++] = (struct found){*reading, readings->serial, index};
    return RC_OK;
}

static enum rc readings_visit_block(void *ctx, struct month *month,
                                    const struct month_block *block) {
    struct reading_query *readings = ctx;
    struct query *query = &readings->query;
    const struct block_summary *summary = &block->summary;
    if (!found_may_enter(readings, readings->newest ? summary->first_ms + readings->span_ms_max
                                                    : summary->first_ms)) {
        return RC_FULL; // nor can any block after it
    }
    if (summary->last_ms < query->range.from.v ||
        (readings->newest && !found_may_enter(readings, summary->last_ms))) {
        return RC_OK;
    }
    enum rc rc = block_read(query, month, block);
    readings->serial = block->serial;
    for (uint32_t i = 0; rc == RC_OK && i < query->columns.count; i++) {
        const struct history_reading reading = {
            {query->times[i]}, query->values[i], query->qualities[i]};
        if (in_range(query, reading.time.v)) {
            rc = found_add(readings, &reading, i);
        }
    }
    if (rc == RC_OK && readings->count >= readings->max) {
        found_cut(readings);
    }
    return rc;
}

static enum rc readings_visit_month(void *ctx, struct month *month, const struct month_tag *known) {
    struct reading_query *readings = ctx;
    const struct history_range *range = &readings->query.range;
    const struct month_walk walk = {.tag = range->tag,
                                    .first_ms = range->from.v - known->span_ms_max,
                                    .last_ms = range->to.v - 1,
                                    .descending = readings->newest,
                                    .visit = readings_visit_block,
                                    .ctx = readings};
    readings->span_ms_max = known->span_ms_max;
    return month_each_block(month, &walk);
}

enum rc history_readings(struct history *history, const struct history_select *select,
                         struct history_reading *out_readings, uint32_t *out_count) {
    if (!range_is_good(&select->range) || select->max == 0) {
        return RC_INVALID;
    }
    if (select->max > LIMIT_QUERY_ROWS) {
        return RC_TOO_LARGE;
    }
    struct reading_query readings = {.max = select->max,
                                     .newest = select->newest,
                                     .cap = 2 * select->max + LIMIT_HISTORY_BLOCK_READINGS,
                                     .serial = UINT64_MAX};
    enum rc rc = query_init(&readings.query, history, &select->range);
    readings.found = malloc(readings.cap * sizeof(*readings.found));
    if (rc == RC_OK && readings.found == NULL) {
        rc = RC_NO_MEMORY;
    }
    const struct month_visit months = {.query = &readings.query,
                                       .descending = select->newest,
                                       .visit = readings_visit_month,
                                       .ctx = &readings};
    if (rc == RC_OK) {
        rc = each_buffered(&readings.query, found_add, &readings);
    }
    if (rc == RC_OK) {
        found_cut(&readings);
        rc = each_month(&months);
    }
    if (rc == RC_OK) {
        found_cut(&readings);
        for (uint32_t i = 0; i < readings.count; i++) {
            out_readings[i] = readings.found[i].reading;
        }
        *out_count = readings.count;
    }
    free(readings.found);
    query_fini(&readings.query);
    return rc;
}

enum rc history_last(struct history *history, uint32_t tag, struct history_reading *out_reading) {
    enum rc rc = history_refresh(history);
    if (rc != RC_OK) {
        return rc;
    }
    if (tag == 0 || tag > history->tag_count || !history->tags[tag - 1].has_last) {
        return RC_NOT_FOUND;
    }
    *out_reading = history->tags[tag - 1].last;
    return RC_OK;
}
