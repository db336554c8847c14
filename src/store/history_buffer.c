#include "store/history_priv.h"

#include "davy/base/ensure.h"

#include <stdlib.h>
#include <string.h>

#define SAMPLES_FIRST 8

// ---- Filling ----

void tag_saw(struct history_tag *tag, const struct history_reading *reading) {
    if (!tag->has_last || reading->time.v >= tag->last.time.v) {
        tag->has_last = true;
        tag->last = *reading;
    }
}

static enum rc buffer_grow(struct history *history, struct history_tag *tag) {
    uint32_t cap = tag->cap == 0 ? SAMPLES_FIRST : tag->cap + tag->cap / 2;
    struct sample *samples = realloc(tag->samples, cap * sizeof(*samples));
    if (samples == NULL) {
        return RC_NO_MEMORY;
    }
    tag->samples = samples;
    if (history->read_only) {
        uint64_t *rows = realloc(tag->rows, cap * sizeof(*rows));
        if (rows == NULL) {
            return RC_NO_MEMORY;
        }
        tag->rows = rows;
    }
    tag->cap = cap;
    return RC_OK;
}

static enum rc queue_full(struct history *history, uint32_t index) {
    if (history->full_count == history->full_cap) {
        uint32_t cap = history->full_cap == 0 ? 64 : history->full_cap * 2;
        uint32_t *full = realloc(history->full, cap * sizeof(*full));
        if (full == NULL) {
            return RC_NO_MEMORY;
        }
        history->full = full;
        history->full_cap = cap;
    }
    history->full[history->full_count++] = index;
    history->tags[index].queued = true;
    return RC_OK;
}

enum rc buffer_add(struct history *history, uint32_t tag_number,
                   const struct history_reading *reading, uint64_t row) {
    struct history_tag *tag = &history->tags[tag_number - 1];
    if (tag->count == tag->cap) {
        enum rc rc = buffer_grow(history, tag);
        if (rc != RC_OK) {
            return rc;
        }
    }
    if (tag->count + 1 >= HISTORY_FULL_AT && !tag->queued && !history->read_only) {
        enum rc rc = queue_full(history, tag_number - 1);
        if (rc != RC_OK) {
            return rc;
        }
    }
    if (tag->count == 0) {
        tag->first_row = row;
        tag->first_pos = history->pos;
    }
    if (tag->rows != NULL) {
        tag->rows[tag->count] = row;
    }
    tag->samples[tag->count++] = sample_of(reading);
    history->buffered++;
    return RC_OK;
}

static void buffer_empty(struct history *history, struct history_tag *tag) {
    history->buffered -= tag->count;
    tag->count = 0;
    tag->first_row = HISTORY_NO_ROW;
    tag->first_pos = 0;
    if (tag->cap > 2 * LIMIT_HISTORY_BLOCK_READINGS) {
        free(tag->samples);
        tag->samples = NULL;
        tag->cap = 0;
    }
}

void buffers_clear(struct history *history) {
    for (uint32_t i = 0; i < history->tag_count; i++) {
        buffer_empty(history, &history->tags[i]);
        history->tags[i].queued = false;
    }
    history->full_count = 0;
    history->buffered = 0;
}

uint64_t buffers_first_row(const struct history *history) {
    uint64_t first = history->row;
    for (uint32_t i = 0; i < history->tag_count; i++) {
        const struct history_tag *tag = &history->tags[i];
        if (tag->count > 0 && tag->first_row < first) {
            first = tag->first_row;
        }
    }
    return first;
}

// ---- Blocks ----

static int compare_samples(const void *a, const void *b) {
    int64_t left = sample_time(*(const struct sample *)a);
    int64_t right = sample_time(*(const struct sample *)b);
    return (left > right) - (left < right);
}

static bool is_sorted(const struct sample *samples, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        if (sample_time(samples[i]) < sample_time(samples[i - 1])) {
            return false;
        }
    }
    return true;
}

// Sorted by time; of two readings with one time the order of arrival stays.
static enum rc sorted_copy(const struct history_tag *tag, struct sample **out_samples) {
    struct sample *samples = malloc(tag->count * sizeof(*samples));
    struct sample *spare = malloc(tag->count * sizeof(*samples));
    if (samples == NULL || spare == NULL) {
        free(samples);
        free(spare);
        return RC_NO_MEMORY;
    }
    memcpy(samples, tag->samples, tag->count * sizeof(*samples));
    for (uint32_t width = 1; width < tag->count; width *= 2) {
        for (uint32_t from = 0; from < tag->count; from += 2 * width) {
            uint32_t middle = from + width < tag->count ? from + width : tag->count;
            uint32_t end = from + 2 * width < tag->count ? from + 2 * width : tag->count;
            uint32_t left = from;
            uint32_t right = middle;
            for (uint32_t i = from; i < end; i++) {
                bool take_left =
                    left < middle &&
                    (right == end || compare_samples(&samples[left], &samples[right]) <= 0);
                spare[i] = take_left ? samples[left++] : samples[right++];
            }
        }
        struct sample *swap = samples;
        samples = spare;
        spare = swap;
    }
    free(spare);
    *out_samples = samples;
    return RC_OK;
}

struct columns {
    int64_t times[LIMIT_HISTORY_BLOCK_READINGS];
    double values[LIMIT_HISTORY_BLOCK_READINGS];
    uint8_t qualities[LIMIT_HISTORY_BLOCK_READINGS];
};

struct flush {
    struct history *history;
    uint32_t tag;   // index
    uint64_t row;   // everything up to this journal row is in the buffers
    uint32_t parts; // blocks of this tag so far: makes serials differ
};

static enum rc put_block(struct flush *flush, struct month *month, const struct sample *samples,
                         uint32_t count, struct month_tag *known) {
    struct history *history = flush->history;
    struct columns columns;
    for (uint32_t i = 0; i < count; i++) {
        columns.times[i] = sample_time(samples[i]);
        columns.values[i] = samples[i].value;
        columns.qualities[i] = sample_quality(samples[i]);
    }
    const struct block_columns in = {columns.times, columns.values, columns.qualities, count};
    struct month_block block = {.tag = flush->tag + 1,
                                .serial = flush->row << 16 | (flush->parts++ & 0xFFFF)};
    buf_reset(&history->block);
    enum rc rc = block_encode(history->codec, &in, &history->block, &block.summary);
    if (rc == RC_OK) {
        rc = month_put_block(month, &block, buf_slice(&history->block));
    }
    if (rc != RC_OK) {
        return rc;
    }
    int64_t span = block.summary.last_ms - block.summary.first_ms;
    known->span_ms_max = span > known->span_ms_max ? span : known->span_ms_max;
    if (block.summary.last_ms >= known->last.time.v) {
        known->last = (struct history_reading){
            {block.summary.last_ms}, block.summary.last, block.summary.last_quality};
    }
    history->status.blocks_written++;
    history->status.block_readings += count;
    history->status.block_bytes += history->block.len;
    return RC_OK;
}

// Blocks of equal length, so that no small one is left over.
static enum rc put_month(struct flush *flush, const struct sample *samples, uint32_t count) {
    struct history *history = flush->history;
    struct month *month = NULL;
    struct month_tag known = {.last = {.time = {INT64_MIN}}};
    enum rc rc = month_get(history, month_of(sample_time(samples[0])), true, &month);
    if (rc == RC_OK) {
        rc = month_begin(history, month);
    }
    if (rc == RC_OK) {
        rc = month_get_tag(month, flush->tag + 1, &known);
        rc = rc == RC_NOT_FOUND ? RC_OK : rc;
    }
    uint32_t parts = (count + LIMIT_HISTORY_BLOCK_READINGS - 1) / LIMIT_HISTORY_BLOCK_READINGS;
    uint32_t done = 0;
    for (uint32_t i = 0; i < parts && rc == RC_OK; i++) {
        uint32_t len = (count - done) / (parts - i);
        rc = put_block(flush, month, samples + done, len, &known);
        done += len;
    }
    if (rc == RC_OK) {
        known.flushed = flush->row;
        rc = month_put_tag(month, flush->tag + 1, history->tags[flush->tag].name, &known);
    }
    return rc;
}

static enum rc put_tag(struct history *history, uint32_t index) {
    struct flush flush = {.history = history, .tag = index, .row = history->row - 1};
    const struct history_tag *tag = &history->tags[index];
    struct sample *copy = NULL;
    enum rc rc = RC_OK;
    if (!is_sorted(tag->samples, tag->count)) {
        rc = sorted_copy(tag, &copy);
    }
    const struct sample *samples = copy != NULL ? copy : tag->samples;
    for (uint32_t from = 0; from < tag->count && rc == RC_OK;) {
        uint32_t end = from + 1;
        int month = month_of(sample_time(samples[from]));
        while (end < tag->count && month_of(sample_time(samples[end])) == month) {
            end++;
        }
        rc = put_month(&flush, samples + from, end - from);
        from = end;
    }
    free(copy);
    return rc;
}

// ---- Whose turn it is ----

struct round {
    uint32_t *tags;
    uint32_t count;
    uint32_t max;
};

static void round_take(struct history *history, struct round *round, uint32_t index) {
    if (history->tags[index].count > 0) {
        round->tags[round->count++] = index;
    }
}

static void take_full(struct history *history, struct round *round) {
    uint32_t taken = 0;
    while (taken < history->full_count && round->count < round->max) {
        round_take(history, round, history->full[taken++]);
    }
}

// Goes round all tags, so that each gets its turn.
static void take_old(struct history *history, struct round *round, uint64_t before_pos) {
    uint64_t left = history->buffered;
    bool crowded = left > history->buffered_max;
    for (uint32_t seen = 0; seen < history->tag_count && round->count < round->max; seen++) {
        uint32_t index = history->cursor % history->tag_count;
        const struct history_tag *tag = &history->tags[index];
        crowded = crowded && left > history->buffered_max - history->buffered_max / 16;
        if (!crowded && before_pos == 0) {
            return;
        }
        if (tag->count > 0 && !tag->queued && (crowded || tag->first_pos < before_pos)) {
            round_take(history, round, index);
            left -= tag->count;
        }
        history->cursor = index + 1;
    }
}

static uint64_t old_pos(const struct history *history) {
    uint64_t oldest = history->pos;
    for (uint32_t i = 0; i < history->tag_count; i++) {
        const struct history_tag *tag = &history->tags[i];
        if (tag->count > 0 && tag->first_pos < oldest) {
            oldest = tag->first_pos;
        }
    }
    bool is_long = history->pos - oldest > HISTORY_JOURNAL_BYTES_MAX;
    return is_long ? history->pos - HISTORY_JOURNAL_BYTES_MAX / 2 : 0;
}

static void take_turn(struct history *history, struct round *round) {
    bool waited = history->quiet_commits >= HISTORY_FLUSH_COMMITS_MAX;
    if (history->full_count >= HISTORY_FLUSH_TAGS_MIN || (waited && history->full_count > 0)) {
        take_full(history, round);
    }
    // Looking for old buffers walks over all tags, so it is done now and then.
    uint64_t before_pos = history->row % 64 == 0 ? old_pos(history) : 0;
    if (before_pos > 0 || history->buffered > history->buffered_max) {
        take_old(history, round, before_pos);
    }
}

static void round_done(struct history *history, const struct round *round) {
    for (uint32_t i = 0; i < round->count; i++) {
        struct history_tag *tag = &history->tags[round->tags[i]];
        buffer_empty(history, tag);
        tag->queued = false;
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < history->full_count; i++) {
        if (history->tags[history->full[i]].queued) {
            history->full[kept++] = history->full[i];
        }
    }
    history->full_count = kept;
    history->quiet_commits = 0;
    history->flushed = true;
}

static enum rc round_write(struct history *history, const struct round *round) {
    enum rc rc = RC_OK;
    history->month_committed = false;
    for (uint32_t i = 0; i < round->count && rc == RC_OK; i++) {
        rc = put_tag(history, round->tags[i]);
    }
    if (rc == RC_OK) {
        rc = months_commit(history);
    }
    if (rc != RC_OK) {
        // A month that was committed before the failure holds readings that buffers hold, too.
        months_rollback(history);
        if (history->month_committed) {
            history->reload = true;
            (void)!history_tidy(history);
        }
    }
    return rc;
}

enum rc buffers_flush(struct history *history, bool all) {
    ENSURE(history->batch_count == 0);
    enum rc rc = history_tidy(history);
    if (rc != RC_OK) {
        return rc;
    }
    history->quiet_commits++;
    struct round round = {.max = all ? history->tag_count : HISTORY_FLUSH_TAGS};
    round.tags = calloc(round.max + 1, sizeof(*round.tags));
    if (round.tags == NULL) {
        return RC_NO_MEMORY;
    }
    if (all) {
        for (uint32_t i = 0; i < history->tag_count; i++) {
            round_take(history, &round, i);
        }
    } else {
        take_turn(history, &round);
    }
    if (round.count > 0) {
        rc = round_write(history, &round);
        if (rc == RC_OK) {
            round_done(history, &round);
        }
    }
    free(round.tags);
    return rc;
}
