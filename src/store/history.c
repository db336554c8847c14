#include "davy/store/history.h"

#include "davy/base/ensure.h"
#include "store/history_priv.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HISTORY_FILE "history.db"
#define HISTORY_TAGS_MAX (2 * LIMIT_SITE_TAGS)

static const char journal_sql[] =
    "CREATE TABLE tag(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE journal(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;"
    "CREATE TABLE state(key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE month(month INTEGER PRIMARY KEY) STRICT;"
    "CREATE TABLE retention(id INTEGER PRIMARY KEY CHECK(id = 1), month INTEGER NOT NULL) STRICT;"
    "INSERT INTO retention VALUES(1, 0);";
static const struct migration history_migrations[] = {{"journal", journal_sql}};
const struct schema history_schema = {HISTORY_APPLICATION_ID, history_migrations,
                                      COUNT_OF(history_migrations)};

static const char *const statement_sql[HISTORY_STATEMENT_COUNT] = {
    [HISTORY_BEGIN] = "BEGIN IMMEDIATE",
    [HISTORY_COMMIT] = "COMMIT",
    [HISTORY_ROLLBACK] = "ROLLBACK",
    [HISTORY_TAG_PUT] = "INSERT INTO tag(id, name) VALUES(?1, ?2)",
    [HISTORY_JOURNAL_PUT] = "INSERT INTO journal(id, bytes) VALUES(?1, ?2)",
    [HISTORY_JOURNAL_DROP] = "DELETE FROM journal WHERE id < ?1",
    [HISTORY_STATE_SET] = ("INSERT INTO state(key, value) VALUES(?1, ?2) "
                           "ON CONFLICT(key) DO UPDATE SET value = excluded.value"),
    [HISTORY_STATE_DROP] = "DELETE FROM state WHERE key = ?1",
    [HISTORY_STATE_GET] = "SELECT value FROM state WHERE key = ?1",
    [HISTORY_MONTH_PUT] = "INSERT INTO month(month) VALUES(?1) ON CONFLICT DO NOTHING",
};

enum rc history_trouble(struct history *history, enum rc rc) {
    history->failed = history->failed || rc == RC_IO;
    return rc;
}

// ---- Opening ----

static int on_history_wal(void *ctx, sqlite3 *db, const char *name, int pages) {
    (void)db;
    (void)name;
    ((struct history *)ctx)->wal_pages = pages;
    return SQLITE_OK;
}

static enum rc history_prepare(struct history *history) {
    for (size_t i = 0; i < HISTORY_STATEMENT_COUNT; i++) {
        if (history->read_only && i != HISTORY_STATE_GET) {
            continue;
        }
        int code = sqlite3_prepare_v3(history->db, statement_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                                      &history->statements[i], NULL);
        if (code != SQLITE_OK) {
            return db_rc(history->db, code);
        }
    }
    return RC_OK;
}

static enum rc history_open_file(struct history *history, const struct history_options *options,
                                 struct refusal *out_refusal) {
    char path[PATH_MAX];
    enum rc rc = schema_path(options->folder, HISTORY_FILE, path, sizeof(path));
    struct schema_file file = {.schema = &history_schema,
                               .path = path,
                               .vfs = options->vfs,
                               .read_only = options->read_only,
                               .create = options->create};
    if (rc == RC_OK) {
        rc = schema_open_file(&file, &history->db, out_refusal);
    }
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_wal_hook(history->db, on_history_wal, history);
    // Journal rows are dropped all the time, and hold nothing that blocks do not hold for years.
    int code = sqlite3_exec(history->db, "PRAGMA secure_delete = OFF", NULL, NULL, NULL);
    rc = db_rc(history->db, code);
    return rc == RC_OK ? history_prepare(history) : rc;
}

static enum rc tag_enter(struct history *history, const char *name) {
    if (history->tag_count == history->tag_cap) {
        uint32_t cap = history->tag_cap == 0 ? 64 : history->tag_cap * 2;
        struct history_tag *tags = realloc(history->tags, cap * sizeof(*tags));
        if (tags == NULL) {
            return RC_NO_MEMORY;
        }
        history->tags = tags;
        history->tag_cap = cap;
    }
    struct history_tag tag = {.name = strdup(name), .first_row = HISTORY_NO_ROW};
    if (tag.name == NULL) {
        return RC_NO_MEMORY;
    }
    enum rc rc = map_put(history->tag_map, slice_text(name), history->tag_count);
    if (rc != RC_OK) {
        free(tag.name);
        return rc;
    }
    history->tags[history->tag_count++] = tag;
    return RC_OK;
}

static enum rc tags_load(struct history *history) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(history->db, "SELECT id, name FROM tag WHERE id > ?1 ORDER BY id",
                                  -1, &statement, NULL);
    enum rc rc = db_rc(history->db, code);
    if (rc == RC_OK) {
        sqlite3_bind_int64(statement, 1, history->tag_count);
    }
    while (rc == RC_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        const unsigned char *name = sqlite3_column_text(statement, 1);
        bool next = sqlite3_column_int64(statement, 0) == (int64_t)history->tag_count + 1;
        rc = next && name != NULL ? tag_enter(history, (const char *)name) : column_rc(history->db);
        rc = rc == RC_EXISTS ? RC_CORRUPT : rc;
    }
    if (rc == RC_OK) {
        rc = db_rc(history->db, code);
    }
    sqlite3_finalize(statement);
    history->tags_durable = history->tag_count;
    return rc;
}

static enum rc last_seen(void *ctx, uint32_t tag, const struct month_tag *known) {
    struct history *history = ctx;
    if (tag <= history->tag_count) {
        tag_saw(&history->tags[tag - 1], &known->last);
    }
    return RC_OK;
}

// What blocks know as the newest readings; the journal then adds its own.
static enum rc last_load(struct history *history) {
    uint32_t count = history->month_count;
    uint32_t from = count > HISTORY_MONTHS_OPEN ? count - HISTORY_MONTHS_OPEN : 0;
    for (uint32_t i = from; i < count; i++) {
        struct month *month = NULL;
        enum rc rc = month_get(history, history->month_list[i], false, &month);
        if (rc == RC_OK) {
            rc = month_each_tag(month, last_seen, history);
        }
        if (rc != RC_OK && rc != RC_NOT_FOUND) {
            return rc;
        }
    }
    return RC_OK;
}

enum rc history_reload(struct history *history) {
    enum rc rc = tags_load(history);
    if (rc == RC_OK) {
        rc = db_integer(history->db, "SELECT month FROM retention", &history->month_first);
    }
    if (rc == RC_OK) {
        rc = months_load(history);
    }
    if (rc == RC_OK) {
        rc = last_load(history);
    }
    return rc == RC_OK ? journal_replay(history) : rc;
}

enum rc history_tidy(struct history *history) {
    if (!history->reload) {
        return RC_OK;
    }
    enum rc rc = months_load(history);
    if (rc == RC_OK) {
        rc = journal_replay(history);
    }
    history->reload = rc != RC_OK;
    return rc;
}

static enum rc history_load(struct history *history) {
    enum rc rc = db_integer(history->db, "PRAGMA data_version", &history->data_version);
    if (rc == RC_OK) {
        rc = history_reload(history);
    }
    uint64_t before = history->buffered + 1;
    while (rc == RC_OK && !history->read_only && history->buffered > history->buffered_max &&
           history->buffered < before) {
        before = history->buffered;
        rc = buffers_flush(history, false);
    }
    return rc == RC_FULL ? RC_OK : rc;
}

static enum rc history_parts(struct history *history, const struct history_options *options) {
    history->folder = strdup(options->folder);
    history->vfs = options->vfs != NULL ? strdup(options->vfs) : NULL;
    if (history->folder == NULL || (options->vfs != NULL && history->vfs == NULL)) {
        return RC_NO_MEMORY;
    }
    enum rc rc = map_new(HISTORY_TAGS_MAX, 5, &history->tag_map);
    return rc == RC_OK ? block_codec_new(&history->codec) : rc;
}

enum rc history_open(const struct history_options *options, struct history **out_history,
                     struct refusal *out_refusal) {
    ENSURE(options->folder[0] != '\0' || options->vfs != NULL);
    struct refusal refusal = {0};
    struct history *history = calloc(1, sizeof(*history));
    if (history == NULL) {
        return RC_NO_MEMORY;
    }
    history->read_only = options->read_only;
    history->row = 1;
    history->dropped_row = 1;
    history->buffered_max =
        options->buffer_readings_max > 0 ? options->buffer_readings_max : HISTORY_BUFFER_READINGS;
    buf_init(&history->batch, LIMIT_HISTORY_BATCH_BYTES);
    buf_init(&history->block, BLOCK_BYTES_MAX);
    enum rc rc = history_parts(history, options);
    if (rc == RC_OK) {
        rc = history_open_file(history, options, &refusal);
    }
    if (rc == RC_OK) {
        rc = history_load(history);
    }
    if (rc != RC_OK) {
        history_close(history);
        if (refusal.code == REFUSAL_NONE && rc == RC_CORRUPT) {
            (void)!REFUSE(&refusal, REFUSAL_STORE_CORRUPT, HISTORY_FILE);
        }
        if (out_refusal != NULL) {
            *out_refusal = refusal;
        }
        return rc;
    }
    *out_history = history;
    return RC_OK;
}

void history_close(struct history *history) {
    if (history == NULL) {
        return;
    }
    months_close(history);
    for (size_t i = 0; i < HISTORY_STATEMENT_COUNT; i++) {
        sqlite3_finalize(history->statements[i]);
    }
    sqlite3_close(history->db);
    for (uint32_t i = 0; i < history->tag_count; i++) {
        free(history->tags[i].name);
        free(history->tags[i].samples);
        free(history->tags[i].rows);
    }
    for (uint32_t i = 0; i < history->state_made; i++) {
        buf_fini(&history->states[i].value);
    }
    buf_fini(&history->batch);
    buf_fini(&history->block);
    block_codec_free(history->codec);
    map_free(history->tag_map);
    free(history->tags);
    free(history->states);
    free(history->full);
    free(history->month_list);
    free(history->folder);
    free(history->vfs);
    free(history);
}

// ---- Tags ----

enum rc history_tag_find(struct history *history, const char *name, uint32_t *out_tag) {
    uint32_t index = 0;
    if (!map_get(history->tag_map, slice_text(name), &index)) {
        return RC_NOT_FOUND;
    }
    *out_tag = index + 1;
    return RC_OK;
}

enum rc history_tag(struct history *history, const char *name, uint32_t *out_tag) {
    ENSURE(!history->read_only);
    size_t len = strlen(name);
    if (history_tag_find(history, name, out_tag) == RC_OK) {
        return RC_OK;
    }
    if (len == 0 || len > LIMIT_TAG_BYTES) {
        return len == 0 ? RC_INVALID : RC_TOO_LARGE;
    }
    if (history->tag_count >= HISTORY_TAGS_MAX) {
        return RC_FULL;
    }
    enum rc rc = tag_enter(history, name);
    if (rc == RC_OK) {
        *out_tag = history->tag_count;
    }
    return rc;
}

const char *history_tag_name(const struct history *history, uint32_t tag) {
    return tag >= 1 && tag <= history->tag_count ? history->tags[tag - 1].name : NULL;
}

uint32_t history_tag_count(const struct history *history) {
    return history->tag_count;
}

// ---- Putting ----

enum rc history_put(struct history *history, uint32_t tag, const struct history_reading *reading) {
    ENSURE(!history->read_only);
    if (tag == 0 || tag > history->tag_count) {
        return RC_NOT_FOUND;
    }
    if (reading->time.v < 0 || reading->time.v > HISTORY_TIME_MAX_MS || !isfinite(reading->value)) {
        return RC_INVALID;
    }
    if (history->failed) {
        return RC_IO;
    }
    if (history->month_first > 0 && month_of(reading->time.v) < history->month_first) {
        return RC_STALE;
    }
    // Beyond this nothing was written for so long that memory must not grow any more.
    if (history->batch.len + 64 > LIMIT_HISTORY_BATCH_BYTES ||
        history->buffered >= 2 * history->buffered_max) {
        return RC_FULL;
    }
    enum rc rc = history_tidy(history);
    if (rc != RC_OK) {
        return rc;
    }
    size_t before = history->batch.len;
    journal_put(&history->batch, tag, reading, history->batch_time);
    rc = buf_rc(&history->batch);
    if (rc == RC_OK) {
        rc = buffer_add(history, tag, reading, history->row);
    }
    if (rc != RC_OK) {
        history->batch.len = before;
        history->batch.rc = RC_OK;
        return rc;
    }
    history->batch_time = reading->time.v;
    history->batch_count++;
    tag_saw(&history->tags[tag - 1], reading);
    return RC_OK;
}

// Of two values for one key the later one is written later.
static struct history_state *state_slot(struct history *history) {
    if (history->state_count == history->state_cap) {
        uint32_t cap = history->state_cap == 0 ? 16 : history->state_cap * 2;
        struct history_state *states = realloc(history->states, cap * sizeof(*states));
        if (states == NULL) {
            return NULL;
        }
        history->states = states;
        history->state_cap = cap;
    }
    struct history_state *state = &history->states[history->state_count++];
    if (history->state_count > history->state_made) {
        history->state_made = history->state_count;
        buf_init(&state->value, HISTORY_STATE_BYTES_MAX);
    }
    return state;
}

enum rc history_state_set(struct history *history, const char *key, struct slice value) {
    ENSURE(!history->read_only);
    if (strlen(key) > HISTORY_KEY_BYTES_MAX || value.len > HISTORY_STATE_BYTES_MAX) {
        return RC_TOO_LARGE;
    }
    if (history->failed) {
        return RC_IO;
    }
    if (history->state_bytes + value.len > LIMIT_HISTORY_BATCH_BYTES) {
        return RC_FULL;
    }
    struct history_state *state = state_slot(history);
    if (state == NULL) {
        return RC_NO_MEMORY;
    }
    snprintf(state->key, sizeof(state->key), "%s", key);
    buf_reset(&state->value);
    buf_put(&state->value, value.data, value.len);
    enum rc rc = buf_rc(&state->value);
    if (rc != RC_OK) {
        history->state_count--;
        return rc;
    }
    history->state_bytes += value.len;
    return RC_OK;
}

enum rc history_state_get(struct history *history, const char *key, struct buf *out_value) {
    sqlite3_stmt *statement = history->statements[HISTORY_STATE_GET];
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    int code = sqlite3_step(statement);
    enum rc rc = code == SQLITE_DONE ? RC_NOT_FOUND : db_rc(history->db, code);
    if (code == SQLITE_ROW) {
        struct slice value = column_slice(statement, 0);
        buf_put(out_value, value.data, value.len);
        rc = buf_rc(out_value);
    }
    sqlite3_reset(statement);
    return rc;
}

enum rc history_state_each(struct history *history,
                           enum rc (*visit)(void *ctx, const char *key, struct slice value),
                           void *ctx) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(history->db, "SELECT key, value FROM state ORDER BY key", -1,
                                  &statement, NULL);
    enum rc rc = db_rc(history->db, code);
    while (rc == RC_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        const unsigned char *key = sqlite3_column_text(statement, 0);
        rc = key != NULL ? visit(ctx, (const char *)key, column_slice(statement, 1))
                         : column_rc(history->db);
    }
    if (rc == RC_OK) {
        rc = db_rc(history->db, code);
    }
    sqlite3_finalize(statement);
    return rc == RC_FULL ? RC_OK : rc;
}

// ---- Commit ----

static enum rc run(struct history *history, enum history_statement which) {
    sqlite3_stmt *statement = history->statements[which];
    int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    return history_trouble(history, db_rc(history->db, code));
}

static enum rc tags_write(struct history *history) {
    enum rc rc = RC_OK;
    for (uint32_t i = history->tags_durable; i < history->tag_count && rc == RC_OK; i++) {
        sqlite3_stmt *statement = history->statements[HISTORY_TAG_PUT];
        sqlite3_bind_int64(statement, 1, (int64_t)i + 1);
        sqlite3_bind_text(statement, 2, history->tags[i].name, -1, SQLITE_STATIC);
        rc = run(history, HISTORY_TAG_PUT);
    }
    return rc;
}

static enum rc states_write(struct history *history) {
    enum rc rc = RC_OK;
    for (uint32_t i = 0; i < history->state_count && rc == RC_OK; i++) {
        const struct history_state *state = &history->states[i];
        enum history_statement which =
            state->value.len > 0 ? HISTORY_STATE_SET : HISTORY_STATE_DROP;
        sqlite3_stmt *statement = history->statements[which];
        sqlite3_bind_text(statement, 1, state->key, -1, SQLITE_STATIC);
        if (which == HISTORY_STATE_SET) {
            bind_bytes(statement, 2, state->value.data, state->value.len);
        }
        rc = run(history, which);
    }
    return rc;
}

static enum rc journal_write(struct history *history) {
    sqlite3_stmt *statement = history->statements[HISTORY_JOURNAL_PUT];
    if (history->batch_count == 0) {
        return RC_OK;
    }
    bind_uint(statement, 1, history->row);
    bind_bytes(statement, 2, history->batch.data, history->batch.len);
    return run(history, HISTORY_JOURNAL_PUT);
}

// The newest row always stays: rows count on from it after a restart.
static enum rc journal_drop(struct history *history, uint64_t *out_first) {
    uint64_t newest = history->batch_count > 0 ? history->row : history->row - 1;
    uint64_t first = buffers_first_row(history);
    first = first < newest ? first : newest;
    if (!history->flushed || first <= history->dropped_row) {
        return RC_OK;
    }
    bind_uint(history->statements[HISTORY_JOURNAL_DROP], 1, first);
    enum rc rc = run(history, HISTORY_JOURNAL_DROP);
    *out_first = first;
    return rc;
}

static void batch_done(struct history *history) {
    if (history->batch_count > 0) {
        history->pos += history->batch.len;
        history->row++;
    }
    history->batch_count = 0;
    history->batch_time = 0;
    buf_reset(&history->batch);
    history->state_count = 0;
    history->state_bytes = 0;
    history->tags_durable = history->tag_count;
    history->flushed = false;
}

static enum rc commit_now(struct history *history) {
    uint64_t dropped = history->dropped_row;
    enum rc rc = run(history, HISTORY_BEGIN);
    if (rc != RC_OK) {
        return rc;
    }
    rc = tags_write(history);
    if (rc == RC_OK) {
        rc = journal_write(history);
    }
    if (rc == RC_OK) {
        rc = states_write(history);
    }
    if (rc == RC_OK) {
        rc = journal_drop(history, &dropped);
    }
    if (rc == RC_OK) {
        rc = run(history, HISTORY_COMMIT);
    }
    if (rc != RC_OK) {
        if (sqlite3_get_autocommit(history->db) == 0) {
            (void)!run(history, HISTORY_ROLLBACK);
        }
        return rc;
    }
    history->dropped_row = dropped;
    batch_done(history);
    return RC_OK;
}

static void checkpoint(struct history *history, int mode) {
    int code = sqlite3_wal_checkpoint_v2(history->db, NULL, mode, NULL, NULL);
    (void)history_trouble(history, db_rc(history->db, code));
    if (code == SQLITE_OK) {
        history->wal_pages = 0;
    }
}

enum rc history_commit(struct history *history) {
    ENSURE(!history->read_only);
    if (history->failed) {
        return RC_IO;
    }
    enum rc rc = history_tidy(history);
    if (rc != RC_OK) {
        return rc;
    }
    bool idle = history->batch_count == 0 && history->state_count == 0 &&
                history->tags_durable == history->tag_count && !history->flushed;
    // More is buffered than there should be only after a disk was full: then a commit makes room.
    if (idle && history->buffered <= history->buffered_max) {
        return RC_OK;
    }
    rc = idle ? RC_OK : commit_now(history);
    if (rc != RC_OK) {
        return rc;
    }
    if ((int64_t)history->wal_pages * 4096 > STORE_WAL_BYTES_MAX) {
        checkpoint(history, SQLITE_CHECKPOINT_PASSIVE);
    }
    // What was put is durable. If there is no room for blocks, on the disk or in memory, the
    // journal keeps it until there is.
    rc = buffers_flush(history, false);
    return rc == RC_FULL || rc == RC_BUSY || rc == RC_NO_MEMORY ? RC_OK : rc;
}

enum rc history_flush(struct history *history) {
    ENSURE(!history->read_only && history->batch_count == 0);
    if (history->failed) {
        return RC_IO;
    }
    enum rc rc = buffers_flush(history, true);
    return rc == RC_OK && history->flushed ? commit_now(history) : rc;
}

void history_checkpoint(struct history *history) {
    if (history->read_only || history->failed) {
        return;
    }
    if (history->wal_pages > 0) {
        checkpoint(history, SQLITE_CHECKPOINT_TRUNCATE);
    }
    for (size_t i = 0; i < HISTORY_MONTHS_OPEN; i++) {
        struct month *month = &history->months[i];
        if (month->month != 0 && month->wal_pages > 0) {
            int code =
                sqlite3_wal_checkpoint_v2(month->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
            (void)history_trouble(history, db_rc(month->db, code));
            month->wal_pages = 0;
        }
    }
}

void history_status(const struct history *history, struct history_status *out_status) {
    *out_status = history->status;
    out_status->buffered = history->buffered;
    out_status->waiting = history->batch_count;
    out_status->journal_rows = history->row - history->dropped_row;
}

// ---- Retention ----

static enum rc month_delete(struct history *history, int month) {
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char name[32];
    char path[PATH_MAX];
    sqlite3_vfs *vfs = sqlite3_vfs_find(history->vfs);
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        snprintf(name, sizeof(name), "history-%06d.db%s", month, suffixes[i]);
        enum rc rc = schema_path(history->folder, name, path, sizeof(path));
        if (rc != RC_OK) {
            return rc;
        }
        int code = vfs->xDelete(vfs, path, 1);
        if (code != SQLITE_OK && code != SQLITE_IOERR_DELETE_NOENT) {
            return RC_IO;
        }
    }
    return RC_OK;
}

static enum rc run_month(struct history *history, const char *sql, int month) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(history->db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        sqlite3_bind_int(statement, 1, month);
        code = sqlite3_step(statement);
    }
    enum rc rc = history_trouble(history, db_rc(history->db, code));
    sqlite3_finalize(statement);
    return rc;
}

// First what may come in is cut, then the files go, then the list forgets them: a crash at any
// point leaves something that the next call finishes.
enum rc history_drop_before(struct history *history, int year, int month) {
    ENSURE(!history->read_only && history->batch_count == 0);
    int first = year * 100 + month;
    if (history->failed) {
        return RC_IO;
    }
    if (first <= history->month_first) {
        first = (int)history->month_first;
    }
    months_close(history);
    enum rc rc = run_month(history, "UPDATE retention SET month = ?1", first);
    if (rc == RC_OK) {
        history->month_first = first;
    }
    for (uint32_t i = 0; i < history->month_count && rc == RC_OK; i++) {
        if (history->month_list[i] < first) {
            rc = month_delete(history, history->month_list[i]);
        }
    }
    if (rc == RC_OK) {
        rc = run_month(history, "DELETE FROM month WHERE month < ?1", first);
    }
    // Buffers may hold readings of those months.
    history->reload = true;
    return rc == RC_OK ? history_tidy(history) : rc;
}
