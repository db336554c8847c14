// Readings of a hub's tags: durable at each commit, a few bytes a reading at rest.
//
// history.db         journal (one row of raw readings a commit), saved state, names of tags
// history-YYYYMM.db  column blocks of one month (by the reading's time, UTC); retention deletes a
// file
//
// A reading goes into its tag's buffer in memory and into the commit's journal row. A full buffer
// (LIMIT_HISTORY_BLOCK_READINGS), or the oldest ones once all buffers together reach their maximum,
// become blocks; the journal rows that nobody needs any more are dropped. After a crash the journal
// refills the buffers; a month's file says for each tag up to which journal row its blocks reach,
// so that no reading is lost or stored twice. At most HISTORY_MONTHS_OPEN month files are open at
// once.
//
// history_commit is one transaction of history.db with one sync: when it returns RC_OK, all
// readings and states put before it are on the disk together. RC_FULL: nothing is lost, the batch
// stays and the next commit tries again; once LIMIT_HISTORY_BATCH_BYTES wait, history_put returns
// RC_FULL, too. RC_IO means that the process must end and recover from the files.
//
// One process owns the folder (the lock of store.h); others open read_only and see what is
// committed. Times from 1970 to the end of the year 9999, in any order; values must be finite.
#ifndef DAVY_STORE_HISTORY_H
#define DAVY_STORE_HISTORY_H

#include "davy/base/bytes.h"
#include "davy/base/id.h"
#include "davy/base/limits.h"
#include "davy/base/refusal.h"

#define HISTORY_MONTHS_OPEN 3
#define LIMIT_HISTORY_BATCH_BYTES (8 * 1024 * 1024) // raw readings waiting for one commit

struct history;

struct history_options {
    const char *folder;           // "" with `vfs` set: the root of the simulated disk
    const char *vfs;              // SQLite VFS name, NULL = default
    uint32_t buffer_readings_max; // in memory, all tags together; 0: a million (16 to 30 MB)
    bool read_only;
    bool create; // make history.db if there is none; otherwise RC_NOT_FOUND
};
// RC_NOT_FOUND, RC_BUSY, RC_UNSUPPORTED (STORE_NEWER), RC_CORRUPT (STORE_CORRUPT, STORE_FOREIGN),
// RC_IO, RC_FULL. Replays the journal.
DAVY_MUST_USE enum rc history_open(const struct history_options *options,
                                   struct history **out_history, struct refusal *out_refusal);
// Drops what was put since the last commit. NULL is fine.
void history_close(struct history *history);

// Quality as in block.h: the low two bits are good, uncertain, bad; the rest is the source's class.
struct history_reading {
    struct utc_ms time;
    double value;
    uint8_t quality;
};

// The number of a tag in this folder, made if the name is new (durable with the next commit).
// Numbers count from 1 and stay. RC_INVALID or RC_TOO_LARGE for a name that is empty or over
// LIMIT_TAG_BYTES, RC_FULL beyond twice LIMIT_SITE_TAGS (renamed tags keep their numbers).
DAVY_MUST_USE enum rc history_tag(struct history *history, const char *name, uint32_t *out_tag);
// RC_NOT_FOUND.
DAVY_MUST_USE enum rc history_tag_find(struct history *history, const char *name,
                                       uint32_t *out_tag);
const char *history_tag_name(const struct history *history, uint32_t tag); // NULL if unknown
uint32_t history_tag_count(const struct history *history);                 // numbers 1 .. count

// RC_INVALID for a time out of range or a value that is not finite; RC_NOT_FOUND for an unknown
// tag.
DAVY_MUST_USE enum rc history_put(struct history *history, uint32_t tag,
                                  const struct history_reading *reading);

// State that belongs to the readings (the alarm evaluator's): saved by the commit that saves them.
// An empty value deletes the key. Keys are at most LIMIT_TAG_BYTES + 8 bytes, values at most 1 MB.
DAVY_MUST_USE enum rc history_state_set(struct history *history, const char *key,
                                        struct slice value);
// As committed. RC_NOT_FOUND.
DAVY_MUST_USE enum rc history_state_get(struct history *history, const char *key,
                                        struct buf *out_value);
DAVY_MUST_USE enum rc
history_state_each(struct history *history,
                   enum rc (*visit)(void *ctx, const char *key, struct slice value), void *ctx);

// Makes everything put so far durable, then turns a bounded number of full buffers into blocks.
// With nothing put it does no I/O.
DAVY_MUST_USE enum rc history_commit(struct history *history);
// Turns every buffer into blocks (before a backup, in tests). Nothing may wait for a commit.
DAVY_MUST_USE enum rc history_flush(struct history *history);
// Checkpoints when idle.
void history_checkpoint(struct history *history);

// from <= time < to.
struct history_range {
    uint32_t tag;
    struct utc_ms from;
    struct utc_ms to;
};
// One of equal parts of a range. min and max are of usable readings (not bad).
struct history_bucket {
    uint32_t count;
    uint32_t usable_count;
    double min;
    double max;
    struct utc_ms last_time; // of the newest reading, bad ones included
    double last;
    uint8_t last_quality;
};
// Fills count buckets (1 .. LIMIT_QUERY_ROWS); a block that lies inside one bucket is not read.
DAVY_MUST_USE enum rc history_buckets(struct history *history, const struct history_range *range,
                                      uint32_t count, struct history_bucket *out_buckets);
// The readings of a range in order of time, at most max: the oldest ones, or with `newest` the
// newest.
struct history_select {
    struct history_range range;
    uint32_t max; // 1 .. LIMIT_QUERY_ROWS
    bool newest;
};
DAVY_MUST_USE enum rc history_readings(struct history *history, const struct history_select *select,
                                       struct history_reading *out_readings, uint32_t *out_count);
// The newest reading of a tag that memory, the journal or the last HISTORY_MONTHS_OPEN months hold.
DAVY_MUST_USE enum rc history_last(struct history *history, uint32_t tag,
                                   struct history_reading *out_reading); // RC_NOT_FOUND

// Deletes the files of months before this one (year 1970 .., month 1 .. 12). Readings of these
// months are not taken any more: history_put returns RC_STALE. Nothing may wait for a commit.
DAVY_MUST_USE enum rc history_drop_before(struct history *history, int year, int month);

struct history_status {
    uint64_t buffered; // readings in memory
    uint64_t waiting;  // of them not yet committed
    uint64_t blocks_written;
    uint64_t block_readings; // in blocks_written
    uint64_t block_bytes;
    uint64_t journal_rows;
};
void history_status(const struct history *history, struct history_status *out_status);

#endif
