#include "store/store_priv.h"

#define SECRETS_MAX 1024      // the ones that expire first give way
#define SAMPLE_BYTES_MAX 4096 // of one quarantined message

// ---- Meta ----

enum rc store_meta_get(struct store *store, const char *key, struct buf *out_value) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_META_GET, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    rc = db_row(store, statement);
    if (rc == RC_OK) {
        struct slice value = column_slice(statement, 0);
        buf_put(out_value, value.data, value.len);
        rc = buf_rc(out_value);
    }
    db_give(store, STATEMENT_META_GET, statement);
    return db_short(store, rc);
}

enum rc store_meta_set(struct store *store, const char *key, struct slice value) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_ready(store);
    if (rc == RC_OK) {
        rc = db_take(store, STATEMENT_META_SET, &statement);
    }
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
    bind_bytes(statement, 2, value.data, value.len);
    rc = db_run(store, statement);
    db_give(store, STATEMENT_META_SET, statement);
    return rc;
}

// ---- Secrets ----

enum rc store_secret_put(struct store *store, const struct hash32 *hash, struct utc_ms expires,
                         struct slice payload) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_ready(store);
    if (rc == RC_OK) {
        rc = db_take(store, STATEMENT_SECRET_PUT, &statement);
    }
    if (rc != RC_OK) {
        return rc;
    }
    bind_bytes(statement, 1, hash->b, HASH_BYTES);
    sqlite3_bind_int64(statement, 2, expires.v);
    bind_bytes(statement, 3, payload.data, payload.len);
    rc = db_run(store, statement);
    db_give(store, STATEMENT_SECRET_PUT, statement);
    if (rc == RC_OK) {
        rc = db_take(store, STATEMENT_SECRET_TRIM, &statement);
    }
    if (rc == RC_OK) {
        sqlite3_bind_int(statement, 1, SECRETS_MAX);
        rc = db_run(store, statement);
        db_give(store, STATEMENT_SECRET_TRIM, statement);
    }
    return rc;
}

enum rc store_secret_get(struct store *store, const struct hash32 *hash, struct utc_ms now,
                         struct buf *out_payload) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_SECRET_GET, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    bind_bytes(statement, 1, hash->b, HASH_BYTES);
    sqlite3_bind_int64(statement, 2, now.v);
    rc = db_row(store, statement);
    if (rc == RC_OK) {
        struct slice payload = column_slice(statement, 0);
        buf_put(out_payload, payload.data, payload.len);
        rc = buf_rc(out_payload);
    }
    db_give(store, STATEMENT_SECRET_GET, statement);
    return db_short(store, rc);
}

enum rc store_secret_drop(struct store *store, const struct hash32 *hash) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_ready(store);
    if (rc == RC_OK) {
        rc = db_take(store, STATEMENT_SECRET_DROP, &statement);
    }
    if (rc == RC_OK) {
        bind_bytes(statement, 1, hash->b, HASH_BYTES);
        rc = db_run(store, statement);
        db_give(store, STATEMENT_SECRET_DROP, statement);
    }
    return rc;
}

// ---- Quarantine ----

enum rc store_quarantine_put(struct store *store, const char *source, enum rc why,
                             struct slice sample, struct utc_ms time) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_ready(store);
    if (rc == RC_OK) {
        rc = db_take(store, STATEMENT_QUARANTINE_PUT, &statement);
    }
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_text(statement, 1, source, -1, SQLITE_STATIC);
    sqlite3_bind_int(statement, 2, (int)why);
    sqlite3_bind_int64(statement, 3, time.v);
    bind_bytes(statement, 4, sample.data,
               sample.len > SAMPLE_BYTES_MAX ? SAMPLE_BYTES_MAX : sample.len);
    rc = db_run(store, statement);
    db_give(store, STATEMENT_QUARANTINE_PUT, statement);
    int64_t newest = sqlite3_last_insert_rowid(store->db);
    if (rc == RC_OK && newest > LIMIT_QUARANTINE_ROWS) {
        rc = db_take(store, STATEMENT_QUARANTINE_TRIM, &statement);
        if (rc == RC_OK) {
            sqlite3_bind_int64(statement, 1, newest - LIMIT_QUARANTINE_ROWS);
            rc = db_run(store, statement);
            db_give(store, STATEMENT_QUARANTINE_TRIM, statement);
        }
    }
    return rc;
}

uint64_t store_quarantine_count(struct store *store) {
    sqlite3_stmt *statement = NULL;
    uint64_t count = 0;
    if (db_take(store, STATEMENT_QUARANTINE_COUNT, &statement) == RC_OK) {
        if (db_row(store, statement) == RC_OK) {
            count = (uint64_t)sqlite3_column_int64(statement, 0);
        }
        db_give(store, STATEMENT_QUARANTINE_COUNT, statement);
    }
    return count;
}
