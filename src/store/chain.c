#include "store/store_priv.h"

#include "davy/base/ensure.h"

#include <stdlib.h>
#include <string.h>

#define CHAIN_KEY_BYTES (ID_BYTES + 2)

int64_t place_pack(int64_t chain, uint64_t seq) {
    ENSURE(chain > 0 && chain <= STORE_ROW_MAX && seq <= STORE_SEQ_MAX);
    return chain << STORE_PLACE_BITS | (int64_t)seq;
}

// An array of pointers with room for one more; it doubles at every power of two. NULL: no memory.
static void *grown(void *array, uint32_t count) {
    if (count > 0 && (count & (count - 1)) != 0) {
        return array;
    }
    return realloc(array, (count == 0 ? 1 : (size_t)count * 2) * sizeof(void *));
}

// ---- Authors ----

static enum rc author_read(struct store *store, struct author_row *row) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_AUTHOR_GET, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, store->site_row);
    bind_bytes(statement, 2, row->author.author.id.b, ID_BYTES);
    rc = db_row(store, statement);
    if (rc == RC_OK) {
        row->id = sqlite3_column_int64(statement, 0);
        row->has_key = column_copy(statement, 1, row->author.device_key.b, PUBLIC_KEY_BYTES);
        row->author.own = sqlite3_column_int(statement, 2) != 0;
        rc = row->id > 0 && row->id <= STORE_ROW_MAX ? author_rank_read(store, row) : RC_CORRUPT;
    } else if (rc == RC_NOT_FOUND) {
        rc = RC_OK;
    }
    db_give(store, STATEMENT_AUTHOR_GET, statement);
    return rc;
}

enum rc author_find(struct store *store, struct author_id id, struct author_row **out_row) {
    uint32_t index = 0;
    struct slice key = slice_of(id.id.b, ID_BYTES);
    if (map_get(store->author_map, key, &index)) {
        *out_row = store->authors[index];
        return RC_OK;
    }
    struct author_row **authors = grown(store->authors, store->author_count);
    if (authors == NULL) {
        return db_short(store, RC_NO_MEMORY);
    }
    store->authors = authors;
    struct author_row *row = calloc(1, sizeof(*row));
    if (row == NULL) {
        return db_short(store, RC_NO_MEMORY);
    }
    row->author.author = id;
    enum rc rc = author_read(store, row);
    if (rc == RC_OK) {
        rc = map_put(store->author_map, key, store->author_count);
    }
    if (rc != RC_OK) {
        free(row);
        return db_short(store, rc);
    }
    store->authors[store->author_count++] = row;
    *out_row = row;
    return RC_OK;
}

enum rc author_make(struct store *store, struct author_row *row) {
    if (row->id != 0) {
        return RC_OK;
    }
    if (store->site_row == 0) {
        return RC_WRONG_SITE;
    }
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_AUTHOR_PUT, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, store->site_row);
    bind_bytes(statement, 2, row->author.author.id.b, ID_BYTES);
    if (row->has_key) {
        bind_bytes(statement, 3, row->author.device_key.b, PUBLIC_KEY_BYTES);
    } else {
        sqlite3_bind_null(statement, 3);
    }
    sqlite3_bind_int(statement, 4, row->author.own);
    rc = db_run(store, statement);
    db_give(store, STATEMENT_AUTHOR_PUT, statement);
    if (rc == RC_OK) {
        row->id = sqlite3_last_insert_rowid(store->db);
    }
    return rc;
}

static enum rc author_update(struct store *store, struct author_row *row) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_AUTHOR_KEY, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, row->id);
    bind_bytes(statement, 2, row->author.device_key.b, PUBLIC_KEY_BYTES);
    sqlite3_bind_int(statement, 3, row->author.own);
    rc = db_run(store, statement);
    db_give(store, STATEMENT_AUTHOR_KEY, statement);
    return rc;
}

enum rc store_author_put(struct store *store, const struct store_author *author) {
    enum rc rc = db_ready(store);
    struct author_row *row = NULL;
    if (rc == RC_OK) {
        rc = author_find(store, author->author, &row);
    }
    if (rc != RC_OK) {
        return rc;
    }
    if (row->has_key) {
        return RC_EXISTS;
    }
    row->has_key = true;
    row->author = *author;
    pending_forget(store);
    return row->id == 0 ? author_make(store, row) : author_update(store, row);
}

enum rc store_author_get(struct store *store, struct author_id author,
                         struct store_author *out_author) {
    store_refresh(store);
    struct author_row *row = NULL;
    enum rc rc = author_find(store, author, &row);
    if (rc != RC_OK) {
        return rc;
    }
    if (!row->has_key) {
        return RC_NOT_FOUND;
    }
    *out_author = row->author;
    return RC_OK;
}

enum rc author_by_row(struct store *store, int64_t row_id, struct author_id *out_author) {
    for (uint32_t i = 0; i < store->author_count; i++) {
        if (store->authors[i]->id == row_id) {
            *out_author = store->authors[i]->author.author;
            return RC_OK;
        }
    }
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_AUTHOR_BY_ID, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, row_id);
    rc = db_row(store, statement);
    if (rc == RC_OK && !column_copy(statement, 0, out_author->id.b, ID_BYTES)) {
        rc = RC_CORRUPT;
    }
    db_give(store, STATEMENT_AUTHOR_BY_ID, statement);
    return rc;
}

// ---- Chains ----

static void chain_key(struct chain_id id, uint8_t out[static CHAIN_KEY_BYTES]) {
    memcpy(out, id.author.id.b, ID_BYTES);
    out[ID_BYTES] = id.lane;
    out[ID_BYTES + 1] = id.audience;
}

static bool chain_columns(sqlite3_stmt *statement, struct chain_row *row) {
    struct store_chain *chain = &row->chain;
    row->id = sqlite3_column_int64(statement, 0);
    chain->head.seq = (uint64_t)sqlite3_column_int64(statement, 1);
    chain->sealed.seq = (uint64_t)sqlite3_column_int64(statement, 3);
    chain->logged_seq = (uint64_t)sqlite3_column_int64(statement, 5);
    chain->acked_seq = (uint64_t)sqlite3_column_int64(statement, 6);
    return row->id > 0 && row->id <= STORE_ROW_MAX && chain->head.seq <= STORE_SEQ_MAX &&
           chain->sealed.seq <= chain->head.seq && chain->logged_seq <= chain->head.seq &&
           column_copy(statement, 2, chain->head.hash.b, HASH_BYTES) &&
           column_copy(statement, 4, chain->sealed.hash.b, HASH_BYTES);
}

static enum rc max_place(struct store *store, enum statement which, const struct chain_row *row,
                         uint64_t *out_seq) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, which, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, place_pack(row->id, row->chain.logged_seq));
    sqlite3_bind_int64(statement, 2, place_pack(row->id, row->chain.head.seq));
    rc = db_row(store, statement);
    if (rc == RC_OK) {
        *out_seq = place_seq(sqlite3_column_int64(statement, 0));
    }
    db_give(store, which, statement);
    return rc;
}

// The head must be the last entry: a file that lost or grew one behind our back is not believed.
static enum rc chain_check(struct store *store, struct chain_row *row) {
    struct hash32 hash = row->chain.head.hash;
    enum rc rc = RC_OK;
    if (row->chain.head.seq > 0) {
        rc = entry_hash(store, place_pack(row->id, row->chain.head.seq), &hash);
    }
    if (rc == RC_NOT_FOUND || (rc == RC_OK && !hash32_equal(&hash, &row->chain.head.hash))) {
        return RC_CORRUPT;
    }
    if (rc != RC_OK) {
        return rc;
    }
    uint64_t verdict_seq = 0;
    uint64_t admit_seq = 0;
    rc = max_place(store, STATEMENT_LOG_HIGH, row, &verdict_seq);
    if (rc == RC_OK && row->chain.logged_seq < row->chain.head.seq) {
        rc = max_place(store, STATEMENT_ENTRY_LAST_ADMIT, row, &admit_seq);
    }
    row->log_high = verdict_seq > admit_seq ? verdict_seq : admit_seq;
    if (row->log_high < row->chain.logged_seq) {
        row->log_high = row->chain.logged_seq;
    }
    return rc;
}

static enum rc chain_read(struct store *store, struct chain_row *row) {
    chain_start(store->site, row->chain.id, &row->chain.head);
    row->chain.sealed = row->chain.head;
    if (row->author->id == 0) {
        return RC_OK;
    }
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_CHAIN_GET, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, row->author->id);
    sqlite3_bind_int(statement, 2, row->chain.id.lane);
    sqlite3_bind_int(statement, 3, row->chain.id.audience);
    rc = db_row(store, statement);
    if (rc == RC_OK && !chain_columns(statement, row)) {
        rc = RC_CORRUPT;
    }
    db_give(store, STATEMENT_CHAIN_GET, statement);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc chain_enter(struct store *store, struct chain_row *row) {
    uint8_t key[CHAIN_KEY_BYTES];
    chain_key(row->chain.id, key);
    struct chain_row **chains = grown(store->chains, store->chain_count);
    if (chains == NULL) {
        return RC_NO_MEMORY;
    }
    store->chains = chains;
    enum rc rc = map_put(store->chain_map, slice_of(key, sizeof(key)), store->chain_count);
    if (rc == RC_OK && row->id != 0) {
        rc = map_put(store->chain_ids, slice_of(&row->id, sizeof(row->id)), store->chain_count);
        if (rc != RC_OK) {
            map_remove(store->chain_map, slice_of(key, sizeof(key)));
        }
    }
    if (rc == RC_OK) {
        store->chains[store->chain_count++] = row;
    }
    return rc;
}

enum rc chain_find(struct store *store, struct chain_id id, struct chain_row **out_row) {
    uint8_t key[CHAIN_KEY_BYTES];
    uint32_t index = 0;
    if (id.lane >= LANE_COUNT || id.audience >= AUDIENCE_COUNT || id16_is_zero(id.author.id)) {
        return RC_INVALID;
    }
    chain_key(id, key);
    if (map_get(store->chain_map, slice_of(key, sizeof(key)), &index)) {
        *out_row = store->chains[index];
        return RC_OK;
    }
    struct author_row *author = NULL;
    enum rc rc = author_find(store, id.author, &author);
    struct chain_row *row = calloc(1, sizeof(*row));
    if (rc == RC_OK && row == NULL) {
        rc = db_short(store, RC_NO_MEMORY);
    }
    if (rc != RC_OK) {
        free(row);
        return rc;
    }
    row->author = author;
    row->chain.id = id;
    rc = chain_read(store, row);
    if (rc == RC_OK && row->id != 0) {
        rc = chain_check(store, row);
    }
    if (rc == RC_OK) {
        rc = chain_enter(store, row);
    }
    if (rc != RC_OK) {
        free(row);
        return db_short(store, rc);
    }
    *out_row = row;
    return RC_OK;
}

enum rc chain_by_row(struct store *store, int64_t row_id, struct chain_row **out_row) {
    uint32_t index = 0;
    if (map_get(store->chain_ids, slice_of(&row_id, sizeof(row_id)), &index)) {
        *out_row = store->chains[index];
        return RC_OK;
    }
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_CHAIN_BY_ID, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    struct chain_id id = {0};
    int64_t author_row = 0;
    sqlite3_bind_int64(statement, 1, row_id);
    rc = db_row(store, statement);
    if (rc == RC_OK) {
        author_row = sqlite3_column_int64(statement, 0);
        id.lane = (uint8_t)sqlite3_column_int(statement, 1);
        id.audience = (uint8_t)sqlite3_column_int(statement, 2);
    }
    db_give(store, STATEMENT_CHAIN_BY_ID, statement);
    if (rc == RC_OK) {
        rc = author_by_row(store, author_row, &id.author);
    }
    return rc == RC_OK ? chain_find(store, id, out_row) : rc;
}

enum rc chain_make(struct store *store, struct chain_row *row) {
    if (row->id != 0) {
        return RC_OK;
    }
    sqlite3_stmt *statement = NULL;
    enum rc rc = author_make(store, row->author);
    if (rc == RC_OK) {
        rc = db_take(store, STATEMENT_CHAIN_PUT, &statement);
    }
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, row->author->id);
    sqlite3_bind_int(statement, 2, row->chain.id.lane);
    sqlite3_bind_int(statement, 3, row->chain.id.audience);
    bind_bytes(statement, 4, row->chain.head.hash.b, HASH_BYTES);
    rc = db_run(store, statement);
    db_give(store, STATEMENT_CHAIN_PUT, statement);
    if (rc != RC_OK) {
        return rc;
    }
    row->id = sqlite3_last_insert_rowid(store->db);
    uint8_t key[CHAIN_KEY_BYTES];
    uint32_t index = 0;
    chain_key(row->chain.id, key);
    bool known = map_get(store->chain_map, slice_of(key, sizeof(key)), &index);
    ENSURE(known && store->chains[index] == row);
    return db_trouble(store, map_put(store->chain_ids, slice_of(&row->id, sizeof(row->id)), index));
}

static enum rc chain_write(struct store *store, struct chain_row *row) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_CHAIN_SET, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    const struct store_chain *chain = &row->chain;
    sqlite3_bind_int64(statement, 1, row->id);
    bind_uint(statement, 2, chain->head.seq);
    bind_bytes(statement, 3, chain->head.hash.b, HASH_BYTES);
    bind_uint(statement, 4, chain->sealed.seq);
    bind_bytes(statement, 5, chain->sealed.hash.b, HASH_BYTES);
    bind_uint(statement, 6, chain->logged_seq);
    bind_uint(statement, 7, chain->acked_seq);
    rc = db_run(store, statement);
    db_give(store, STATEMENT_CHAIN_SET, statement);
    if (rc == RC_OK) {
        row->dirty = false;
    }
    return rc;
}

enum rc store_flush_chains(struct store *store) {
    enum rc rc = RC_OK;
    for (uint32_t i = 0; i < store->chain_count && rc == RC_OK; i++) {
        if (store->chains[i]->dirty) {
            rc = chain_write(store, store->chains[i]);
        }
    }
    return rc;
}

// ---- Queries ----

enum rc store_chain_get(struct store *store, struct chain_id id, struct store_chain *out_chain) {
    store_refresh(store);
    struct chain_row *row = NULL;
    enum rc rc = chain_find(store, id, &row);
    if (rc == RC_OK) {
        *out_chain = row->chain;
    }
    return rc;
}

enum rc store_chain_set_acked(struct store *store, struct chain_id id, uint64_t acked_seq) {
    enum rc rc = db_ready(store);
    struct chain_row *row = NULL;
    if (rc == RC_OK) {
        rc = chain_find(store, id, &row);
    }
    if (rc == RC_OK && acked_seq > STORE_SEQ_MAX) {
        rc = RC_INVALID;
    }
    if (rc == RC_OK && row->chain.acked_seq != acked_seq) {
        rc = chain_make(store, row);
        if (rc == RC_OK) {
            row->chain.acked_seq = acked_seq;
            row->dirty = true;
        }
    }
    return rc;
}

enum rc chain_next(struct store *store, int64_t after, int64_t *out_row_id) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_CHAINS, &statement);
    if (rc == RC_OK) {
        sqlite3_bind_int64(statement, 1, after);
        rc = db_row(store, statement);
        if (rc == RC_OK) {
            *out_row_id = sqlite3_column_int64(statement, 0);
        }
        db_give(store, STATEMENT_CHAINS, statement);
    }
    return rc;
}

enum rc store_chains(struct store *store,
                     enum rc (*visit)(void *ctx, const struct store_chain *chain), void *ctx) {
    store_refresh(store);
    int64_t row_id = 0;
    for (;;) {
        struct chain_row *row = NULL;
        enum rc rc = chain_next(store, row_id, &row_id);
        if (rc == RC_NOT_FOUND) {
            return RC_OK;
        }
        if (rc == RC_OK) {
            rc = chain_by_row(store, row_id, &row);
        }
        if (rc == RC_OK) {
            struct store_chain chain = row->chain;
            rc = visit(ctx, &chain);
        }
        if (rc != RC_OK) {
            return rc == RC_FULL ? RC_OK : rc;
        }
    }
}

enum rc place_find(struct store *store, const struct place *place, int64_t *out_place) {
    struct chain_row *row = NULL;
    enum rc rc = chain_find(store, place->chain, &row);
    if (rc != RC_OK) {
        return rc;
    }
    if (row->id == 0 || place->seq == 0 || place->seq > row->chain.head.seq) {
        return RC_NOT_FOUND;
    }
    *out_place = place_pack(row->id, place->seq);
    return RC_OK;
}

enum rc place_unpack(struct store *store, int64_t place, struct place *out_place) {
    struct chain_row *row = NULL;
    enum rc rc = chain_by_row(store, place_chain(place), &row);
    if (rc == RC_OK) {
        *out_place = (struct place){row->chain.id, place_seq(place)};
    }
    return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
}
