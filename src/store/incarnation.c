// Incarnations: which one this store writes under, the ranks of the site's hubs, and what an
// opening statement continues.
#include "store/store_priv.h"

#include "davy/base/ensure.h"

#include <string.h>

#define OWN_KEY "author"
#define HEAD_BYTES (2 + 8 + HASH_BYTES)

enum rc store_own_get(struct store *store, struct store_own *out_own) {
    struct buf value;
    struct store_own own;
    buf_init(&value, sizeof own);
    store_refresh(store);
    enum rc rc = store_meta_get(store, OWN_KEY, &value);
    if (rc == RC_OK) {
        struct reader in = reader_of(buf_slice(&value));
        reader_copy(&in, own.author.id.b, ID_BYTES);
        reader_copy(&in, own.random, AUTHOR_RANDOM_BYTES);
        rc = reader_done(&in) == RC_OK ? RC_OK : RC_CORRUPT;
    }
    if (rc == RC_OK) {
        *out_own = own;
    }
    buf_fini(&value);
    return rc;
}

enum rc store_own_set(struct store *store, const struct store_own *own) {
    uint8_t value[ID_BYTES + AUTHOR_RANDOM_BYTES];
    memcpy(value, own->author.id.b, ID_BYTES);
    memcpy(value + ID_BYTES, own->random, AUTHOR_RANDOM_BYTES);
    return store_meta_set(store, OWN_KEY, slice_of(value, sizeof value));
}

// ---- Ranks ----

enum rc author_rank_read(struct store *store, struct author_row *row) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_HUB_RANK, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, row->id);
    rc = db_row(store, statement);
    if (rc == RC_OK) {
        int64_t rank = sqlite3_column_int64(statement, 0);
        row->rank = (uint32_t)rank;
        rc = rank > 0 && rank <= STORE_ROW_MAX ? RC_OK : RC_CORRUPT;
    }
    db_give(store, STATEMENT_HUB_RANK, statement);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc hub_by_rank(struct store *store, int64_t rank, struct author_id *out_hub) {
    for (uint32_t i = 0; i < store->author_count; i++) {
        if (store->authors[i]->rank == rank) {
            *out_hub = store->authors[i]->author.author;
            return RC_OK;
        }
    }
    sqlite3_stmt *statement = NULL;
    int64_t row_id = 0;
    enum rc rc = db_take(store, STATEMENT_HUB_AT, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, rank);
    rc = db_row(store, statement);
    if (rc == RC_OK) {
        row_id = sqlite3_column_int64(statement, 0);
    }
    db_give(store, STATEMENT_HUB_AT, statement);
    return rc == RC_OK ? author_by_row(store, row_id, out_hub) : rc;
}

enum rc store_hub_at(struct store *store, uint32_t rank, struct author_id *out_hub) {
    store_refresh(store);
    return rank == 0 ? RC_NOT_FOUND : hub_by_rank(store, rank, out_hub);
}

uint32_t store_hub_rank(struct store *store, struct author_id hub) {
    struct author_row *row = NULL;
    store_refresh(store);
    return author_find(store, hub, &row) == RC_OK ? row->rank : 0;
}

uint32_t store_hub_last(struct store *store) {
    sqlite3_stmt *statement = NULL;
    uint32_t rank = 0;
    if (db_take(store, STATEMENT_HUB_LAST, &statement) == RC_OK) {
        if (db_row(store, statement) == RC_OK) {
            rank = (uint32_t)sqlite3_column_int64(statement, 0);
        }
        db_give(store, STATEMENT_HUB_LAST, statement);
    }
    return rank;
}

enum rc store_hub_put(struct store *store, struct author_id hub, uint32_t rank) {
    enum rc rc = db_ready(store);
    struct author_row *row = NULL;
    struct author_id other;
    if (rc == RC_OK && (rank == 0 || rank > STORE_ROW_MAX)) {
        rc = RC_INVALID;
    }
    if (rc == RC_OK) {
        rc = author_find(store, hub, &row);
    }
    if (rc == RC_OK && row->rank != 0) {
        return row->rank == rank ? RC_EXISTS : RC_FORK;
    }
    if (rc == RC_OK) {
        rc = hub_by_rank(store, rank, &other);
        rc = rc == RC_OK ? RC_FORK : rc == RC_NOT_FOUND ? RC_OK : rc;
    }
    if (rc == RC_OK) {
        rc = author_make(store, row);
    }
    sqlite3_stmt *statement = NULL;
    if (rc == RC_OK) {
        rc = db_take(store, STATEMENT_HUB_PUT, &statement);
    }
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, row->id);
    sqlite3_bind_int64(statement, 2, rank);
    rc = db_run(store, statement);
    db_give(store, STATEMENT_HUB_PUT, statement);
    if (rc == RC_OK) {
        row->rank = rank;
    }
    return rc;
}

enum rc store_hub_drop(struct store *store, struct author_id hub) {
    enum rc rc = db_ready(store);
    struct author_row *row = NULL;
    sqlite3_stmt *statement = NULL;
    if (rc == RC_OK) {
        rc = author_find(store, hub, &row);
    }
    if (rc == RC_OK && row->rank != 0 && store_log_last_n(store, hub) > 0) {
        rc = RC_DENIED;
    }
    if (rc == RC_OK) {
        rc = db_take(store, STATEMENT_HUB_DROP, &statement);
    }
    if (rc == RC_OK) {
        sqlite3_bind_int64(statement, 1, row->id);
        rc = db_run(store, statement);
        db_give(store, STATEMENT_HUB_DROP, statement);
    }
    if (rc == RC_OK) {
        row->rank = 0;
    }
    return rc;
}

// ---- Openings ----

static void heads_encode(const struct store_opening *opening, struct buf *out) {
    for (uint8_t i = 0; i < opening->head_count; i++) {
        buf_put_u8(out, opening->heads[i].lane);
        buf_put_u8(out, opening->heads[i].audience);
        buf_put_u64(out, opening->heads[i].head.seq);
        buf_put(out, opening->heads[i].head.hash.b, HASH_BYTES);
    }
}

static enum rc heads_decode(struct slice bytes, struct store_opening *opening) {
    struct reader in = reader_of(bytes);
    while (reader_left(&in) > 0 && in.rc == RC_OK) {
        if (opening->head_count == COUNT_OF(opening->heads)) {
            return RC_CORRUPT;
        }
        uint8_t at = opening->head_count++;
        opening->heads[at].lane = reader_u8(&in);
        opening->heads[at].audience = reader_u8(&in);
        opening->heads[at].head.seq = reader_u64(&in);
        reader_copy(&in, opening->heads[at].head.hash.b, HASH_BYTES);
    }
    return in.rc == RC_OK ? RC_OK : RC_CORRUPT;
}

enum rc store_opening_put(struct store *store, struct author_id author,
                          const struct store_opening *opening) {
    enum rc rc = db_ready(store);
    struct author_row *row = NULL;
    sqlite3_stmt *statement = NULL;
    struct buf heads;
    buf_init(&heads, COUNT_OF(opening->heads) * HEAD_BYTES);
    heads_encode(opening, &heads);
    if (rc == RC_OK) {
        rc = buf_rc(&heads);
    }
    if (rc == RC_OK) {
        rc = author_find(store, author, &row);
    }
    if (rc == RC_OK) {
        rc = author_make(store, row);
    }
    if (rc == RC_OK) {
        rc = db_take(store, STATEMENT_OPENING_PUT, &statement);
    }
    if (rc == RC_OK) {
        sqlite3_bind_int64(statement, 1, row->id);
        bind_bytes(statement, 2, opening->previous.id.b, ID_BYTES);
        bind_bytes(statement, 3, heads.data, heads.len);
        rc = db_run(store, statement);
        db_give(store, STATEMENT_OPENING_PUT, statement);
    }
    if (rc == RC_OK && sqlite3_changes(store->db) == 0) {
        rc = RC_EXISTS;
    }
    buf_fini(&heads);
    return rc;
}

enum rc store_opening_get(struct store *store, struct author_id author,
                          struct store_opening *out_opening) {
    struct author_row *row = NULL;
    struct store_opening opening = {0};
    sqlite3_stmt *statement = NULL;
    store_refresh(store);
    enum rc rc = author_find(store, author, &row);
    if (rc == RC_OK && row->id == 0) {
        rc = RC_NOT_FOUND;
    }
    if (rc == RC_OK) {
        rc = db_take(store, STATEMENT_OPENING_GET, &statement);
    }
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, row->id);
    rc = db_row(store, statement);
    if (rc == RC_OK && !column_copy(statement, 0, opening.previous.id.b, ID_BYTES)) {
        rc = RC_CORRUPT;
    }
    if (rc == RC_OK) {
        rc = heads_decode(column_slice(statement, 1), &opening);
    }
    db_give(store, STATEMENT_OPENING_GET, statement);
    if (rc == RC_OK) {
        *out_opening = opening;
    }
    return rc;
}

struct chain_head store_opening_head(const struct store_opening *opening, uint8_t lane,
                                     uint8_t audience) {
    for (uint8_t i = 0; i < opening->head_count; i++) {
        if (opening->heads[i].lane == lane && opening->heads[i].audience == audience) {
            return opening->heads[i].head;
        }
    }
    return (struct chain_head){0};
}
