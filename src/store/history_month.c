#include "store/history_priv.h"

#include "davy/base/ensure.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)
#define MONTH_WAL_PAGES_MAX 2048

// Small columns first: min, max and last of a block are read without its bytes.
static const struct migration month_migrations[] = {
    {"blocks",
     "CREATE TABLE tag(id INTEGER PRIMARY KEY, name TEXT NOT NULL, flushed INTEGER NOT NULL,"
     " span INTEGER NOT NULL, last_ms INTEGER NOT NULL, last REAL NOT NULL,"
     " last_quality INTEGER NOT NULL) STRICT;"
     "CREATE TABLE block(tag INTEGER NOT NULL, first_ms INTEGER NOT NULL, serial INTEGER NOT NULL,"
     " last_ms INTEGER NOT NULL, readings INTEGER NOT NULL, usable INTEGER NOT NULL,"
     " min REAL NOT NULL, max REAL NOT NULL, last REAL NOT NULL, last_quality INTEGER NOT NULL,"
     " bytes BLOB NOT NULL, PRIMARY KEY(tag, first_ms, serial)) STRICT, WITHOUT ROWID;"},
};
const struct schema month_schema = {MONTH_APPLICATION_ID, month_migrations,
                                    COUNT_OF(month_migrations)};

#define BLOCK_COLUMNS "serial, first_ms, last_ms, readings, usable, min, max, last, last_quality"

static const char put_block_sql[] = "INSERT INTO block(tag, " BLOCK_COLUMNS ", bytes) "
                                    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
static const char put_tag_sql[] =
    "INSERT INTO tag(id, name, flushed, span, last_ms, last, last_quality) "
    "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(id) DO UPDATE SET flushed = excluded.flushed, "
    "span = excluded.span, last_ms = excluded.last_ms, last = excluded.last, "
    "last_quality = excluded.last_quality";
static const char get_tag_sql[] =
    "SELECT flushed, span, last_ms, last, last_quality FROM tag WHERE id = ?1";
static const char each_tag_sql[] =
    "SELECT flushed, span, last_ms, last, last_quality, id FROM tag WHERE id > 0";
static const char ascending_sql[] = "SELECT " BLOCK_COLUMNS " FROM block WHERE tag = ?1 AND "
                                    "first_ms >= ?2 AND first_ms <= ?3 ORDER BY first_ms, serial";
static const char descending_sql[] =
    "SELECT " BLOCK_COLUMNS " FROM block WHERE tag = ?1 AND "
    "first_ms >= ?2 AND first_ms <= ?3 ORDER BY first_ms DESC, serial DESC";
static const char get_bytes_sql[] =
    "SELECT bytes FROM block WHERE tag = ?1 AND first_ms = ?2 AND serial = ?3";

// ---- Calendar ----

// Days since 1970 to a civil date (proleptic Gregorian, UTC); years run from March.
int month_of(int64_t time_ms) {
    ENSURE(time_ms >= 0 && time_ms <= HISTORY_TIME_MAX_MS);
    int64_t days = time_ms / DAY_MS + 719468;
    int64_t era = days / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * day_of_year + 2) / 153; // 0 is March
    int64_t month = shifted < 10 ? shifted + 3 : shifted - 9;
    int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
    return (int)(year * 100 + month);
}

// ---- Which months there are ----

static bool month_is_listed(const struct history *history, int month) {
    for (uint32_t i = 0; i < history->month_count; i++) {
        if (history->month_list[i] == month) {
            return true;
        }
    }
    return false;
}

static enum rc list_add(struct history *history, int month) {
    size_t bytes = (history->month_count + 1) * sizeof(*history->month_list);
    int *list = realloc(history->month_list, bytes);
    if (list == NULL) {
        return RC_NO_MEMORY;
    }
    uint32_t at = history->month_count++;
    while (at > 0 && list[at - 1] > month) {
        list[at] = list[at - 1];
        at--;
    }
    list[at] = month;
    history->month_list = list;
    return RC_OK;
}

enum rc months_load(struct history *history) {
    sqlite3_stmt *statement = NULL;
    history->month_count = 0;
    int code = sqlite3_prepare_v2(history->db, "SELECT month FROM month", -1, &statement, NULL);
    enum rc rc = db_rc(history->db, code);
    while (rc == RC_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        rc = list_add(history, sqlite3_column_int(statement, 0));
    }
    if (rc == RC_OK) {
        rc = db_rc(history->db, code);
    }
    sqlite3_finalize(statement);
    return rc;
}

// ---- Files ----

static void month_close(struct month *month) {
    sqlite3_stmt *statements[] = {month->put_block, month->put_tag,    month->get_tag,
                                  month->ascending, month->descending, month->get_bytes};
    for (size_t i = 0; i < COUNT_OF(statements); i++) {
        sqlite3_finalize(statements[i]);
    }
    sqlite3_close(month->db);
    *month = (struct month){0};
}

// Without memory even for a rollback the file is closed: that takes back what is open, too.
static void month_undo(struct month *month) {
    month->in_transaction = false;
    if (sqlite3_get_autocommit(month->db) == 0 &&
        sqlite3_exec(month->db, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK) {
        month_close(month);
    }
}

static enum rc month_commit(struct history *history, struct month *month) {
    int code = sqlite3_exec(month->db, "COMMIT", NULL, NULL, NULL);
    enum rc rc = history_trouble(history, db_rc(month->db, code));
    if (rc != RC_OK) {
        month_undo(month);
        return rc;
    }
    month->in_transaction = false;
    history->month_committed = true;
    if (month->wal_pages > MONTH_WAL_PAGES_MAX) {
        code = sqlite3_wal_checkpoint_v2(month->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        (void)history_trouble(history, db_rc(month->db, code));
    }
    return RC_OK;
}

// A free handle, or the one that was not used for longest; what is open in that is committed.
static enum rc month_slot(struct history *history, struct month **out_month) {
    struct month *oldest = &history->months[0];
    for (size_t i = 0; i < HISTORY_MONTHS_OPEN; i++) {
        struct month *month = &history->months[i];
        if (month->month == 0) {
            *out_month = month;
            return RC_OK;
        }
        oldest = month->used < oldest->used ? month : oldest;
    }
    if (oldest->in_transaction) {
        enum rc rc = month_commit(history, oldest);
        if (rc != RC_OK) {
            return rc;
        }
    }
    month_close(oldest);
    *out_month = oldest;
    return RC_OK;
}

static int on_month_wal(void *ctx, sqlite3 *db, const char *name, int pages) {
    (void)db;
    (void)name;
    *(int *)ctx = pages;
    return SQLITE_OK;
}

static enum rc month_prepare(struct month *month, bool read_only) {
    const struct {
        const char *sql;
        sqlite3_stmt **statement;
        bool writes;
    } rows[] = {
        {put_block_sql, &month->put_block, true},    {put_tag_sql, &month->put_tag, true},
        {get_tag_sql, &month->get_tag, false},       {ascending_sql, &month->ascending, false},
        {descending_sql, &month->descending, false}, {get_bytes_sql, &month->get_bytes, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].writes && read_only) {
            continue;
        }
        int code = sqlite3_prepare_v3(month->db, rows[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
                                      rows[i].statement, NULL);
        if (code != SQLITE_OK) {
            return db_rc(month->db, code);
        }
    }
    return RC_OK;
}

// The list knows a month before its file is made, so that no file is forgotten.
static enum rc month_list_put(struct history *history, int month) {
    sqlite3_stmt *statement = history->statements[HISTORY_MONTH_PUT];
    sqlite3_bind_int(statement, 1, month);
    int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    enum rc rc = history_trouble(history, db_rc(history->db, code));
    return rc == RC_OK ? list_add(history, month) : rc;
}

static enum rc month_open(struct history *history, int number, bool make, struct month *month) {
    char name[32];
    char path[PATH_MAX];
    struct refusal refusal = {0};
    snprintf(name, sizeof(name), "history-%06d.db", number);
    enum rc rc = schema_path(history->folder, name, path, sizeof(path));
    struct schema_file file = {.schema = &month_schema,
                               .path = path,
                               .vfs = history->vfs,
                               .read_only = history->read_only,
                               .create = make};
    if (rc == RC_OK) {
        rc = schema_open_file(&file, &month->db, &refusal);
    }
    if (rc == RC_OK) {
        month->month = number;
        sqlite3_wal_hook(month->db, on_month_wal, &month->wal_pages);
        rc = month_prepare(month, history->read_only);
    }
    if (rc != RC_OK) {
        month_close(month);
    }
    return rc;
}

enum rc month_get(struct history *history, int number, bool make, struct month **out_month) {
    for (size_t i = 0; i < HISTORY_MONTHS_OPEN; i++) {
        if (history->months[i].month == number) {
            history->months[i].used = ++history->month_clock;
            *out_month = &history->months[i];
            return RC_OK;
        }
    }
    bool listed = month_is_listed(history, number);
    if (!listed && !make) {
        return RC_NOT_FOUND;
    }
    struct month *month = NULL;
    enum rc rc = month_slot(history, &month);
    if (rc == RC_OK && !listed) {
        rc = month_list_put(history, number);
    }
    if (rc == RC_OK) {
        rc = month_open(history, number, make, month);
    }
    if (rc == RC_OK) {
        month->used = ++history->month_clock;
        *out_month = month;
    }
    return rc;
}

enum rc month_begin(struct history *history, struct month *month) {
    if (month->in_transaction) {
        return RC_OK;
    }
    int code = sqlite3_exec(month->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    enum rc rc = history_trouble(history, db_rc(month->db, code));
    month->in_transaction = rc == RC_OK;
    return rc;
}

enum rc months_commit(struct history *history) {
    enum rc rc = RC_OK;
    for (size_t i = 0; i < HISTORY_MONTHS_OPEN && rc == RC_OK; i++) {
        if (history->months[i].in_transaction) {
            rc = month_commit(history, &history->months[i]);
        }
    }
    return rc;
}

void months_rollback(struct history *history) {
    for (size_t i = 0; i < HISTORY_MONTHS_OPEN; i++) {
        struct month *month = &history->months[i];
        if (month->in_transaction) {
            month_undo(month);
        }
    }
}

void months_close(struct history *history) {
    months_rollback(history);
    for (size_t i = 0; i < HISTORY_MONTHS_OPEN; i++) {
        if (history->months[i].month != 0) {
            month_close(&history->months[i]);
        }
    }
}

// ---- Rows ----

enum rc month_put_block(struct month *month, const struct month_block *block, struct slice bytes) {
    sqlite3_stmt *statement = month->put_block;
    const struct block_summary *summary = &block->summary;
    sqlite3_bind_int64(statement, 1, block->tag);
    bind_uint(statement, 2, block->serial);
    sqlite3_bind_int64(statement, 3, summary->first_ms);
    sqlite3_bind_int64(statement, 4, summary->last_ms);
    sqlite3_bind_int64(statement, 5, summary->count);
    sqlite3_bind_int64(statement, 6, summary->usable_count);
    sqlite3_bind_double(statement, 7, summary->min);
    sqlite3_bind_double(statement, 8, summary->max);
    sqlite3_bind_double(statement, 9, summary->last);
    sqlite3_bind_int(statement, 10, summary->last_quality);
    bind_bytes(statement, 11, bytes.data, bytes.len);
    int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    return db_rc(month->db, code);
}

enum rc month_put_tag(struct month *month, uint32_t tag, const char *name,
                      const struct month_tag *values) {
    sqlite3_stmt *statement = month->put_tag;
    sqlite3_bind_int64(statement, 1, tag);
    sqlite3_bind_text(statement, 2, name, -1, SQLITE_STATIC);
    bind_uint(statement, 3, values->flushed);
    sqlite3_bind_int64(statement, 4, values->span_ms_max);
    sqlite3_bind_int64(statement, 5, values->last.time.v);
    sqlite3_bind_double(statement, 6, values->last.value);
    sqlite3_bind_int(statement, 7, values->last.quality);
    int code = sqlite3_step(statement);
    sqlite3_reset(statement);
    return db_rc(month->db, code);
}

static struct month_tag tag_columns_read(sqlite3_stmt *statement) {
    return (struct month_tag){
        .flushed = (uint64_t)sqlite3_column_int64(statement, 0),
        .span_ms_max = sqlite3_column_int64(statement, 1),
        .last = {{sqlite3_column_int64(statement, 2)},
                 sqlite3_column_double(statement, 3),
                 (uint8_t)sqlite3_column_int(statement, 4)},
    };
}

enum rc month_get_tag(struct month *month, uint32_t tag, struct month_tag *out_tag) {
    sqlite3_stmt *statement = month->get_tag;
    sqlite3_bind_int64(statement, 1, tag);
    int code = sqlite3_step(statement);
    enum rc rc = code == SQLITE_DONE ? RC_NOT_FOUND : db_rc(month->db, code);
    if (code == SQLITE_ROW) {
        *out_tag = tag_columns_read(statement);
    }
    sqlite3_reset(statement);
    return rc;
}

enum rc month_each_tag(struct month *month,
                       enum rc (*visit)(void *ctx, uint32_t tag, const struct month_tag *known),
                       void *ctx) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(month->db, each_tag_sql, -1, &statement, NULL);
    enum rc rc = db_rc(month->db, code);
    while (rc == RC_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        const struct month_tag known = tag_columns_read(statement);
        rc = visit(ctx, (uint32_t)sqlite3_column_int64(statement, 5), &known);
    }
    if (rc == RC_OK) {
        rc = db_rc(month->db, code);
    }
    sqlite3_finalize(statement);
    return rc;
}

static struct month_block block_columns_read(sqlite3_stmt *statement, uint32_t tag) {
    return (struct month_block){
        .tag = tag,
        .serial = (uint64_t)sqlite3_column_int64(statement, 0),
        .summary = {.first_ms = sqlite3_column_int64(statement, 1),
                    .last_ms = sqlite3_column_int64(statement, 2),
                    .count = (uint32_t)sqlite3_column_int64(statement, 3),
                    .usable_count = (uint32_t)sqlite3_column_int64(statement, 4),
                    .min = sqlite3_column_double(statement, 5),
                    .max = sqlite3_column_double(statement, 6),
                    .last = sqlite3_column_double(statement, 7),
                    .last_quality = (uint8_t)sqlite3_column_int(statement, 8)},
    };
}

enum rc month_each_block(struct month *month, const struct month_walk *walk) {
    sqlite3_stmt *statement = walk->descending ? month->descending : month->ascending;
    sqlite3_bind_int64(statement, 1, walk->tag);
    sqlite3_bind_int64(statement, 2, walk->first_ms);
    sqlite3_bind_int64(statement, 3, walk->last_ms);
    enum rc rc = RC_OK;
    int code = SQLITE_OK;
    while (rc == RC_OK && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct month_block block = block_columns_read(statement, walk->tag);
        rc = walk->visit(walk->ctx, month, &block);
    }
    sqlite3_reset(statement);
    if (rc == RC_OK) {
        rc = db_rc(month->db, code);
    }
    return rc == RC_FULL ? RC_OK : rc;
}

enum rc month_block_bytes(struct month *month, const struct month_block *block, struct buf *out) {
    sqlite3_stmt *statement = month->get_bytes;
    sqlite3_bind_int64(statement, 1, block->tag);
    sqlite3_bind_int64(statement, 2, block->summary.first_ms);
    bind_uint(statement, 3, block->serial);
    int code = sqlite3_step(statement);
    enum rc rc = code == SQLITE_DONE ? RC_CORRUPT : db_rc(month->db, code);
    if (code == SQLITE_ROW) {
        struct slice bytes = column_slice(statement, 0);
        buf_reset(out);
        buf_put(out, bytes.data, bytes.len);
        rc = buf_rc(out);
    }
    sqlite3_reset(statement);
    return rc;
}
