// Private to src/store: history's files, buffers and journal.
//
// ROWS    Every commit with readings adds one journal row; rows count up for ever (the newest one
//         is never dropped). Month files keep for each tag `flushed`: readings of that tag and
//         month up to this row are in blocks. Replay passes them over, so that a crash between
//         writing blocks and dropping journal rows neither loses nor doubles a reading.
// POS     Bytes of journal rows since the beginning; the journal's length is `pos` minus the
//         smallest first_pos of a buffer. A slow tag would keep it long, so old buffers are
//         flushed, too.
// READERS A reader keeps the row of each buffered reading and passes over those that a month file
//         says are in its blocks, because the owner may flush between two of its reads.
#ifndef DAVY_STORE_HISTORY_PRIV_H
#define DAVY_STORE_HISTORY_PRIV_H

#include "davy/store/block.h"
#include "davy/store/history.h"
#include "store/store_priv.h"

#define HISTORY_APPLICATION_ID 0x44617648 // "DavH"
#define MONTH_APPLICATION_ID 0x4461764D   // "DavM"
#define HISTORY_TIME_MAX_MS INT64_C(253402300799999)
#define HISTORY_BUFFER_READINGS 1000000
#define HISTORY_FULL_AT (LIMIT_HISTORY_BLOCK_READINGS - LIMIT_HISTORY_BLOCK_READINGS / 8)
#define HISTORY_FLUSH_TAGS 64        // buffers turned into blocks after one commit
#define HISTORY_FLUSH_TAGS_MIN 16    // fewer full ones wait for company,
#define HISTORY_FLUSH_COMMITS_MAX 64 // but not longer than this
#define HISTORY_JOURNAL_BYTES_MAX (48 * 1024 * 1024)
#define HISTORY_STATE_BYTES_MAX (1024 * 1024)
#define HISTORY_KEY_BYTES_MAX (LIMIT_TAG_BYTES + 8)
#define HISTORY_NO_ROW UINT64_MAX

// One buffered reading in 16 bytes: time << 8 | quality. Times fit in 48 bits.
struct sample {
    int64_t packed;
    double value;
};
static inline struct sample sample_of(const struct history_reading *reading) {
    return (struct sample){(int64_t)((uint64_t)reading->time.v << 8) | reading->quality,
                           reading->value};
}
static inline int64_t sample_time(struct sample sample) {
    return sample.packed >> 8;
}
static inline uint8_t sample_quality(struct sample sample) {
    return (uint8_t)sample.packed;
}

struct history_tag {
    char *name;
    struct sample *samples;
    uint64_t *rows; // readers only: the journal row of each sample
    uint32_t count;
    uint32_t cap;
    bool queued; // among the full ones
    bool has_last;
    uint64_t first_row; // of the oldest sample; HISTORY_NO_ROW: none
    uint64_t first_pos;
    struct history_reading last; // the newest by time
};

// A month is year * 100 + month.
struct month {
    int month; // 0: free
    sqlite3 *db;
    bool in_transaction;
    uint64_t used; // for the least recently used one
    int wal_pages;
    sqlite3_stmt *put_block;
    sqlite3_stmt *put_tag;
    sqlite3_stmt *get_tag;
    sqlite3_stmt *ascending;
    sqlite3_stmt *descending;
    sqlite3_stmt *get_bytes;
};

struct history_state {
    char key[HISTORY_KEY_BYTES_MAX + 1];
    struct buf value;
};

enum history_statement {
    HISTORY_BEGIN,
    HISTORY_COMMIT,
    HISTORY_ROLLBACK,
    HISTORY_TAG_PUT,
    HISTORY_JOURNAL_PUT,
    HISTORY_JOURNAL_DROP,
    HISTORY_STATE_SET,
    HISTORY_STATE_DROP,
    HISTORY_STATE_GET,
    HISTORY_MONTH_PUT,
    HISTORY_STATEMENT_COUNT
};

struct history {
    sqlite3 *db;
    char *folder;
    char *vfs; // NULL: default
    bool read_only;
    bool failed;          // an I/O error of a write: end the process
    bool reload;          // memory is not what the files say: history_tidy before anything else
    bool month_committed; // since the round of flushing began
    int wal_pages;
    int64_t data_version; // readers
    sqlite3_stmt *statements[HISTORY_STATEMENT_COUNT];
    struct block_codec *codec;
    struct buf block;

    struct history_tag *tags; // by number - 1
    uint32_t tag_count;
    uint32_t tag_cap;
    uint32_t tags_durable;
    struct map *tag_map;

    struct buf batch; // the next journal row
    uint32_t batch_count;
    int64_t batch_time;
    struct history_state *states; // since the last commit
    uint32_t state_count;
    uint32_t state_cap;
    uint32_t state_made; // whose buffers were initialised
    size_t state_bytes;

    uint64_t row; // of the next commit
    uint64_t pos;
    uint64_t dropped_row; // the oldest journal row
    uint64_t buffered;
    uint64_t buffered_max;
    uint32_t *full; // tags by index, in order; a ring would be the same, but this empties often
    uint32_t full_count;
    uint32_t full_cap;
    uint32_t cursor; // where the last round of flushing old buffers ended
    uint32_t quiet_commits;
    bool flushed; // the journal may have become shorter

    struct month months[HISTORY_MONTHS_OPEN];
    uint64_t month_clock;
    int *month_list; // that have a file, ascending
    uint32_t month_count;
    int64_t month_first; // months before it are dropped and not taken any more; 0: none
    struct history_status status;
};

extern const struct schema history_schema;
extern const struct schema month_schema;

// Tags, months and journal as committed now (readers).
DAVY_MUST_USE enum rc history_reload(struct history *history);
// Does anew what could not be finished for want of memory (months, journal). Nothing waits for a
// commit then, because nothing is put before this has succeeded.
DAVY_MUST_USE enum rc history_tidy(struct history *history);
enum rc history_trouble(struct history *history, enum rc rc);

// ---- history_journal.c ----
// Appends one reading to a journal row; previous_ms is the time of the one before (0 at first).
void journal_put(struct buf *out, uint32_t tag, const struct history_reading *reading,
                 int64_t previous_ms);
// Strict: RC_CORRUPT for anything that journal_put does not write. Tags are 1 .. tag_count.
DAVY_MUST_USE enum rc journal_decode(struct slice bytes, uint32_t tag_count,
                                     enum rc (*visit)(void *ctx, uint32_t tag,
                                                      const struct history_reading *reading),
                                     void *ctx);
DAVY_MUST_USE enum rc journal_replay(struct history *history);

// ---- history_buffer.c ----
DAVY_MUST_USE enum rc buffer_add(struct history *history, uint32_t tag,
                                 const struct history_reading *reading, uint64_t row);
void buffers_clear(struct history *history);
void tag_saw(struct history_tag *tag, const struct history_reading *reading);
// Turns buffers into blocks: all, or those whose turn it is. Only after a commit.
DAVY_MUST_USE enum rc buffers_flush(struct history *history, bool all);
// The oldest journal row that some buffer needs.
uint64_t buffers_first_row(const struct history *history);

// ---- history_month.c ----
int month_of(int64_t time_ms);
DAVY_MUST_USE enum rc months_load(struct history *history);
// Opens a month's file. RC_NOT_FOUND if it has none and `make` is not set.
DAVY_MUST_USE enum rc month_get(struct history *history, int month, bool make,
                                struct month **out_month);
DAVY_MUST_USE enum rc month_begin(struct history *history, struct month *month);
// Commits what is open in all months; or rolls it back.
DAVY_MUST_USE enum rc months_commit(struct history *history);
void months_rollback(struct history *history);
void months_close(struct history *history);

struct month_block {
    uint32_t tag;
    uint64_t serial;
    struct block_summary summary;
};
DAVY_MUST_USE enum rc month_put_block(struct month *month, const struct month_block *block,
                                      struct slice bytes);
// What a month's file knows of a tag.
struct month_tag {
    uint64_t flushed;
    int64_t span_ms_max; // longest block
    struct history_reading last;
};
DAVY_MUST_USE enum rc month_get_tag(struct month *month, uint32_t tag,
                                    struct month_tag *out_tag); // RC_NOT_FOUND
DAVY_MUST_USE enum rc
month_each_tag(struct month *month,
               enum rc (*visit)(void *ctx, uint32_t tag, const struct month_tag *known), void *ctx);
DAVY_MUST_USE enum rc month_put_tag(struct month *month, uint32_t tag, const char *name,
                                    const struct month_tag *values);
struct month_walk {
    uint32_t tag;
    int64_t first_ms; // blocks that begin in first_ms .. last_ms
    int64_t last_ms;
    bool descending;
    enum rc (*visit)(void *ctx, struct month *month, const struct month_block *block);
    void *ctx;
};
// A visit that returns RC_FULL ends the walk without error.
DAVY_MUST_USE enum rc month_each_block(struct month *month, const struct month_walk *walk);
DAVY_MUST_USE enum rc month_block_bytes(struct month *month, const struct month_block *block,
                                        struct buf *out);

#endif
