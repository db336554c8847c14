#include "store/store_priv.h"

#include "davy/base/ensure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATEMENT_SQL(name, sql) [STATEMENT_##name] = sql,
static const char *const statement_sql[STATEMENT_COUNT] = {STORE_STATEMENTS(STATEMENT_SQL)};
#undef STATEMENT_SQL

static enum rc io_rc(sqlite3 *db, int code) {
    if (code == SQLITE_IOERR_NOMEM) {
        return RC_NO_MEMORY;
    }
    // A failed sync is never taken for a full disk: after it, nobody knows what the disk holds.
    bool sync = code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC;
    int error = sqlite3_system_errno(db);
    return !sync && (error == ENOSPC || error == EDQUOT) ? RC_FULL : RC_IO;
}

enum rc db_rc(sqlite3 *db, int code) {
    switch (code & 0xFF) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return RC_OK;
    case SQLITE_FULL:
        return RC_FULL;
    case SQLITE_IOERR:
        return io_rc(db, code);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: // our statements are constants: the tables are not what they should be
    case SQLITE_SCHEMA:
    case SQLITE_MISMATCH:
        return RC_CORRUPT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
    case SQLITE_INTERRUPT:
        return RC_BUSY;
    case SQLITE_NOMEM:
        return RC_NO_MEMORY;
    case SQLITE_TOOBIG:
        return RC_TOO_LARGE;
    case SQLITE_CONSTRAINT:
        return RC_EXISTS;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return RC_DENIED;
    default:
        return RC_IO;
    }
}

enum rc db_trouble(struct store *store, enum rc rc) {
    bool lasting = rc == RC_FULL || rc == RC_IO || rc == RC_CORRUPT || rc == RC_NO_MEMORY ||
                   rc == RC_BUSY || rc == RC_TOO_LARGE;
    if (lasting && store->trouble == RC_OK) {
        store->trouble = rc;
    }
    store->failed = store->failed || rc == RC_IO;
    return rc;
}

enum rc db_short(struct store *store, enum rc rc) {
    bool spoils = rc == RC_NO_MEMORY && store->in_transaction;
    return spoils ? db_trouble(store, rc) : rc;
}

enum rc db_ready(struct store *store) {
    ENSURE(store->in_transaction);
    return store->trouble;
}

static enum rc db_prepare(struct store *store, enum statement which, sqlite3_stmt **out_statement) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v3(store->db, statement_sql[which], -1, SQLITE_PREPARE_PERSISTENT,
                                  &statement, NULL);
    if (code == SQLITE_OK) {
        *out_statement = statement;
    }
    return db_short(store, db_rc(store->db, code));
}

enum rc db_take(struct store *store, enum statement which, sqlite3_stmt **out_statement) {
    if (store->taken[which]) {
        return db_prepare(store, which, out_statement);
    }
    if (store->statements[which] == NULL) {
        enum rc rc = db_prepare(store, which, &store->statements[which]);
        if (rc != RC_OK) {
            return rc;
        }
    }
    store->taken[which] = true;
    *out_statement = store->statements[which];
    return RC_OK;
}

void db_give(struct store *store, enum statement which, sqlite3_stmt *statement) {
    if (statement == NULL) {
        return;
    }
    if (statement == store->statements[which]) {
        sqlite3_reset(statement);
        store->taken[which] = false;
    } else {
        sqlite3_finalize(statement);
    }
}

enum rc db_row(struct store *store, sqlite3_stmt *statement) {
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) {
        return RC_OK;
    }
    return code == SQLITE_DONE ? RC_NOT_FOUND : db_short(store, db_rc(store->db, code));
}

enum rc db_run(struct store *store, sqlite3_stmt *statement) {
    int code = sqlite3_step(statement);
    if (code == SQLITE_DONE || code == SQLITE_ROW) {
        return RC_OK;
    }
    return db_trouble(store, db_rc(store->db, code));
}

enum rc db_exec(struct store *store, const char *sql) {
    return db_trouble(store, db_rc(store->db, sqlite3_exec(store->db, sql, NULL, NULL, NULL)));
}

enum rc db_exec_buf(struct store *store, struct buf *sql) {
    const char *text = buf_cstr(sql);
    enum rc rc = buf_rc(sql);
    return rc == RC_OK ? db_exec(store, text) : db_trouble(store, rc);
}

enum rc db_integer(sqlite3 *db, const char *sql, int64_t *out_value) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    enum rc rc = db_rc(db, code);
    if (code == SQLITE_ROW) {
        *out_value = sqlite3_column_int64(statement, 0);
    } else if (rc == RC_OK) {
        rc = RC_NOT_FOUND;
    }
    sqlite3_finalize(statement);
    return rc;
}

enum rc db_text(sqlite3 *db, const char *sql, char *out_text, size_t out_bytes) {
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);
    if (code == SQLITE_OK) {
        code = sqlite3_step(statement);
    }
    enum rc rc = db_rc(db, code);
    if (code == SQLITE_ROW) {
        const unsigned char *text = sqlite3_column_text(statement, 0);
        if (text == NULL && column_rc(db) == RC_NO_MEMORY) {
            rc = RC_NO_MEMORY;
        } else {
            snprintf(out_text, out_bytes, "%s", text != NULL ? (const char *)text : "");
        }
    } else if (rc == RC_OK) {
        rc = RC_NOT_FOUND;
    }
    sqlite3_finalize(statement);
    return rc;
}

void db_finalize_all(struct store *store) {
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(store->statements[i]);
        store->statements[i] = NULL;
    }
}

void bind_bytes(sqlite3_stmt *statement, int index, const void *data, size_t bytes) {
    // A NULL pointer would bind SQL NULL where an empty blob is meant.
    const void *at = bytes > 0 ? data : "";
    int code = sqlite3_bind_blob64(statement, index, at, bytes, SQLITE_STATIC);
    ENSURE(code == SQLITE_OK || code == SQLITE_TOOBIG);
}

void bind_uint(sqlite3_stmt *statement, int index, uint64_t value) {
    sqlite3_bind_int64(statement, index, (sqlite3_int64)value);
}

bool column_copy(sqlite3_stmt *statement, int index, void *out, size_t bytes) {
    const void *data = sqlite3_column_blob(statement, index);
    if (data == NULL || (size_t)sqlite3_column_bytes(statement, index) != bytes) {
        return false;
    }
    memcpy(out, data, bytes);
    return true;
}

struct slice column_slice(sqlite3_stmt *statement, int index) {
    const void *data = sqlite3_column_blob(statement, index);
    return slice_of(data, data != NULL ? (size_t)sqlite3_column_bytes(statement, index) : 0);
}

enum rc column_rc(sqlite3 *db) {
    return sqlite3_errcode(db) == SQLITE_NOMEM ? RC_NO_MEMORY : RC_CORRUPT;
}

// ---- Transactions ----

static enum rc run_plain(struct store *store, enum statement which) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, which, &statement);
    if (rc == RC_OK) {
        int code = sqlite3_step(statement);
        rc = db_rc(store->db, code);
        db_give(store, which, statement);
    }
    return rc;
}

enum rc db_tidy(struct store *store) {
    bool idle = store->in_transaction || sqlite3_get_autocommit(store->db) != 0;
    return idle ? RC_OK : run_plain(store, STATEMENT_ROLLBACK);
}

enum rc store_begin(struct store *store) {
    ENSURE(!store->in_transaction);
    if (store->failed) {
        return RC_IO;
    }
    if (store->read_only) {
        return RC_DENIED;
    }
    enum rc rc = db_tidy(store);
    if (rc == RC_OK) {
        rc = run_plain(store, STATEMENT_BEGIN);
    }
    if (rc == RC_OK) {
        store->in_transaction = true;
        store->trouble = RC_OK;
    }
    return rc;
}

void store_rollback(struct store *store) {
    if (!store->in_transaction) {
        return;
    }
    store->in_transaction = false;
    // SQLite may have rolled back by itself when the disk filled up. Only after a change of tables
    // does this need memory; what is left open then, the next transaction ends first.
    enum rc rc = db_tidy(store);
    store->failed = store->failed || (rc != RC_OK && rc != RC_NO_MEMORY);
    store->trouble = RC_OK;
    store_forget(store);
}

static void checkpoint(struct store *store, int mode) {
    int code = sqlite3_wal_checkpoint_v2(store->db, NULL, mode, NULL, NULL);
    // Busy or full only means that the file stays long; an I/O error may hide a lost sync.
    store->failed = store->failed || db_rc(store->db, code) == RC_IO;
    if (code == SQLITE_OK) {
        store->wal_pages = 0;
    }
}

enum rc store_commit(struct store *store) {
    ENSURE(store->in_transaction);
    enum rc rc = store->trouble != RC_OK ? store->trouble : store_flush_chains(store);
    if (rc == RC_OK) {
        rc = run_plain(store, STATEMENT_COMMIT);
    }
    if (rc != RC_OK) {
        store->failed = store->failed || rc == RC_IO;
        store_rollback(store);
        return rc;
    }
    store->in_transaction = false;
    store->site_is_new = false;
    if ((int64_t)store->wal_pages * store->page_bytes > STORE_WAL_BYTES_MAX) {
        checkpoint(store, SQLITE_CHECKPOINT_PASSIVE);
    }
    return RC_OK;
}

bool store_in_transaction(const struct store *store) {
    return store->in_transaction;
}

void store_checkpoint(struct store *store) {
    ENSURE(!store->in_transaction);
    if (!store->read_only && !store->failed && store->wal_pages > 0) {
        checkpoint(store, SQLITE_CHECKPOINT_TRUNCATE);
    }
}

// ---- Cache ----

void store_forget(struct store *store) {
    map_clear(store->author_map);
    map_clear(store->chain_map);
    map_clear(store->chain_ids);
    for (uint32_t i = 0; i < store->author_count; i++) {
        free(store->authors[i]);
    }
    for (uint32_t i = 0; i < store->chain_count; i++) {
        free(store->chains[i]);
    }
    store->author_count = 0;
    store->chain_count = 0;
    store->last.place = 0;
    pending_forget(store);
    if (store->site_is_new) {
        store->site_is_new = false;
        store->site_row = 0;
        store->site = (struct site_id){0};
    }
}

enum rc store_load(struct store *store) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_SITE_GET, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    rc = db_row(store, statement);
    if (rc == RC_OK) {
        store->site_row = sqlite3_column_int64(statement, 0);
        rc = column_copy(statement, 1, store->site.id.b, ID_BYTES) ? RC_OK : RC_CORRUPT;
    } else if (rc == RC_NOT_FOUND) {
        rc = RC_OK;
    }
    db_give(store, STATEMENT_SITE_GET, statement);
    int64_t again = 0;
    if (rc == RC_OK) {
        rc = db_integer(store->db, statement_sql[STATEMENT_AGAIN_ANY], &again);
        store->has_again = again != 0;
    }
    int64_t strangers = 0;
    if (rc == RC_OK) {
        rc = db_integer(store->db, statement_sql[STATEMENT_STRANGER_ANY], &strangers);
        store->has_strangers = strangers != 0;
    }
    return rc;
}

void store_refresh(struct store *store) {
    if (store->walks == 0) {
        // Nothing that was taken back is read. If this fails, so does the read.
        (void)!db_tidy(store);
    }
    if (!store->read_only || store->walks > 0) {
        return;
    }
    sqlite3_stmt *statement = NULL;
    if (db_take(store, STATEMENT_DATA_VERSION, &statement) != RC_OK) {
        return;
    }
    int64_t version = db_row(store, statement) == RC_OK ? sqlite3_column_int64(statement, 0) : -1;
    db_give(store, STATEMENT_DATA_VERSION, statement);
    if (version != store->data_version) {
        store_forget(store);
        // If this fails, the next read tries again.
        store->data_version = store_load(store) == RC_OK ? version : -1;
    }
}
