#include "store/history_priv.h"

#include "davy/base/ensure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define JOURNAL_VERSION 1
#define ITEM_BYTES_MAX (5 + 10 + 8 + 1) // tag, time difference, value, quality

// A row: u8 version, then for each reading varint tag, signed ms since the reading before, f64
// value, u8 quality.

static uint8_t *put_varint(uint8_t *at, uint64_t value) {
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

void journal_put(struct buf *out, uint32_t tag, const struct history_reading *reading,
                 int64_t previous_ms) {
    uint8_t item[ITEM_BYTES_MAX];
    uint64_t bits = 0;
    int64_t step = reading->time.v - previous_ms;
    if (out->len == 0) {
        buf_put_u8(out, JOURNAL_VERSION);
    }
    uint8_t *at = put_varint(item, tag);
    at = put_varint(at, (uint64_t)step << 1 ^ (uint64_t)(step >> 63));
    memcpy(&bits, &reading->value, sizeof(bits));
    for (int shift = 0; shift < 64; shift += 8) {
        *at++ = (uint8_t)(bits >> shift);
    }
    *at++ = reading->quality;
    buf_put(out, item, (size_t)(at - item));
}

static bool item_read(struct reader *reader, uint32_t tag_count, uint32_t *out_tag,
                      struct history_reading *inout_reading) {
    uint64_t tag = reader_varint(reader);
    int64_t step = reader_signed(reader);
    uint64_t bits = reader_u64(reader);
    uint8_t quality = reader_u8(reader);
    int64_t time = 0;
    struct history_reading reading = {.quality = quality};
    memcpy(&reading.value, &bits, sizeof(bits));
    if (reader->rc != RC_OK || tag == 0 || tag > tag_count || !isfinite(reading.value) ||
        __builtin_add_overflow(inout_reading->time.v, step, &time) || time < 0 ||
        time > HISTORY_TIME_MAX_MS) {
        return false;
    }
    reading.time.v = time;
    *out_tag = (uint32_t)tag;
    *inout_reading = reading;
    return true;
}

enum rc journal_decode(struct slice bytes, uint32_t tag_count,
                       enum rc (*visit)(void *ctx, uint32_t tag,
                                        const struct history_reading *reading),
                       void *ctx) {
    struct reader reader = reader_of(bytes);
    struct history_reading reading = {.time = {0}};
    if (reader_u8(&reader) != JOURNAL_VERSION || reader_left(&reader) == 0) {
        return RC_CORRUPT;
    }
    while (reader_left(&reader) > 0) {
        uint32_t tag = 0;
        if (!item_read(&reader, tag_count, &tag, &reading)) {
            return RC_CORRUPT;
        }
        enum rc rc = visit(ctx, tag, &reading);
        if (rc != RC_OK) {
            return rc;
        }
    }
    return RC_OK;
}

// ---- Replay ----

// Up to which row a month's blocks reach, by tag.
struct reach {
    int month;
    uint64_t *rows; // of tag - 1; NULL: the month has no file
};

struct replay {
    struct history *history;
    uint64_t row;
    struct reach *reaches;
    uint32_t reach_count;
    uint32_t reach_at; // the newest one looked up
};

struct reach_load {
    uint64_t *rows;
    uint32_t count;
};

static enum rc reach_tag(void *ctx, uint32_t tag, const struct month_tag *known) {
    struct reach_load *load = ctx;
    if (tag <= load->count) {
        load->rows[tag - 1] = known->flushed;
    }
    return RC_OK;
}

static enum rc reach_add(struct replay *replay, int number) {
    struct history *history = replay->history;
    size_t bytes = (replay->reach_count + 1) * sizeof(*replay->reaches);
    struct reach *reaches = realloc(replay->reaches, bytes);
    struct month *month = NULL;
    if (reaches == NULL) {
        return RC_NO_MEMORY;
    }
    replay->reaches = reaches;
    struct reach_load load = {NULL, history->tag_count};
    enum rc rc = month_get(history, number, false, &month);
    if (rc == RC_OK) {
        load.rows = calloc(load.count, sizeof(*load.rows));
        rc = load.rows == NULL ? RC_NO_MEMORY : month_each_tag(month, reach_tag, &load);
    }
    if (rc != RC_OK && rc != RC_NOT_FOUND) {
        free(load.rows);
        return rc;
    }
    replay->reach_at = replay->reach_count;
    reaches[replay->reach_count++] = (struct reach){number, load.rows};
    return RC_OK;
}

// Is the reading in a block already? Readers ask that at each query instead.
static enum rc is_in_block(struct replay *replay, uint32_t tag, int64_t time, bool *out_in) {
    int number = month_of(time);
    if (replay->reach_count == 0 || replay->reaches[replay->reach_at].month != number) {
        uint32_t at = 0;
        while (at < replay->reach_count && replay->reaches[at].month != number) {
            at++;
        }
        replay->reach_at = at;
        enum rc rc = at == replay->reach_count ? reach_add(replay, number) : RC_OK;
        if (rc != RC_OK) {
            return rc;
        }
    }
    const struct reach *reach = &replay->reaches[replay->reach_at];
    *out_in = reach->rows != NULL && reach->rows[tag - 1] >= replay->row;
    return RC_OK;
}

static enum rc replay_reading(void *ctx, uint32_t tag, const struct history_reading *reading) {
    struct replay *replay = ctx;
    bool in_block = false;
    if (replay->history->month_first > 0 &&
        month_of(reading->time.v) < replay->history->month_first) {
        return RC_OK;
    }
    tag_saw(&replay->history->tags[tag - 1], reading);
    if (!replay->history->read_only) {
        enum rc rc = is_in_block(replay, tag, reading->time.v, &in_block);
        if (rc != RC_OK) {
            return rc;
        }
    }
    return in_block ? RC_OK : buffer_add(replay->history, tag, reading, replay->row);
}

static enum rc replay_row(struct replay *replay, sqlite3_stmt *statement) {
    struct history *history = replay->history;
    struct slice bytes = column_slice(statement, 1);
    replay->row = (uint64_t)sqlite3_column_int64(statement, 0);
    if (history->pos == 0) {
        history->dropped_row = replay->row;
    }
    enum rc rc = journal_decode(bytes, history->tag_count, replay_reading, replay);
    history->pos += bytes.len;
    history->row = replay->row + 1;
    return rc;
}

enum rc journal_replay(struct history *history) {
    sqlite3_stmt *statement = NULL;
    struct replay replay = {.history = history};
    buffers_clear(history);
    history->pos = 0;
    int code = sqlite3_prepare_v2(history->db, "SELECT id, bytes FROM journal ORDER BY id", -1,
                                  &statement, NULL);
    enum rc rc = db_rc(history->db, code);
    while (rc == RC_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        rc = replay_row(&replay, statement);
    }
    if (rc == RC_OK) {
        rc = db_rc(history->db, code);
    }
    sqlite3_finalize(statement);
    for (uint32_t i = 0; i < replay.reach_count; i++) {
        free(replay.reaches[i].rows);
    }
    free(replay.reaches);
    return rc;
}
