#include "store/store_priv.h"

#include "davy/base/ensure.h"

static bool verdict_is_final(enum verdict verdict) {
    return verdict == VERDICT_ACCEPTED || verdict == VERDICT_REFUSED || verdict == VERDICT_REPEAT;
}

void log_row_read(sqlite3_stmt *statement, struct log_row *out_row) {
    *out_row = (struct log_row){
        .id = sqlite3_column_int64(statement, 0),
        .place = sqlite3_column_int64(statement, 1),
        .admit = sqlite3_column_int64(statement, 2),
        .verdict = (enum verdict)sqlite3_column_int(statement, 3),
        .rule = (uint16_t)sqlite3_column_int(statement, 4),
        .hub_time = {sqlite3_column_int64(statement, 5)},
        .roster_version = (uint64_t)sqlite3_column_int64(statement, 6),
    };
}

static enum rc log_one(struct store *store, enum statement which, int64_t key,
                       struct log_row *out_row) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, which, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, key);
    rc = db_row(store, statement);
    if (rc == RC_OK) {
        log_row_read(statement, out_row);
    }
    db_give(store, which, statement);
    return rc;
}

enum rc log_get(struct store *store, int64_t id, struct log_row *out_row) {
    return log_one(store, STATEMENT_LOG_GET, id, out_row);
}

enum rc log_find(struct store *store, int64_t place, struct log_row *out_row) {
    return log_one(store, STATEMENT_LOG_OF, place, out_row);
}

struct rid_search {
    struct store *store;
    struct log_row *row;
    enum rc rc;
};

static bool rid_search_place(void *ctx, int64_t place) {
    struct rid_search *search = ctx;
    search->rc = log_find(search->store, place, search->row);
    return search->rc == RC_NOT_FOUND;
}

enum rc log_find_rid(struct store *store, int64_t place, struct rid rid, struct log_row *out_row) {
    struct log_row row;
    enum rc rc = log_find(store, place, &row);
    if (rc == RC_NOT_FOUND && store->has_again) {
        struct rid_search search = {store, &row, RC_NOT_FOUND};
        rc = record_places(store, rid, rid_search_place, &search);
        if (rc == RC_OK) {
            rc = search.rc;
        }
    }
    if (rc == RC_OK) {
        *out_row = row;
    }
    return rc;
}

enum rc log_unpack(struct store *store, const struct log_row *row, struct store_log *out_log) {
    struct store_log log = {
        .n = place_seq(row->id),
        .verdict = row->verdict,
        .rule = row->rule,
        .hub_time = row->hub_time,
        .roster_version = row->roster_version,
    };
    enum rc rc = hub_by_rank(store, place_chain(row->id), &log.hub);
    if (rc == RC_OK) {
        rc = place_unpack(store, row->place, &log.place);
    }
    if (rc == RC_OK) {
        rc = place_unpack(store, row->admit, &log.admit_place);
    }
    if (rc == RC_OK) {
        *out_log = log;
    }
    return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
}

struct judged_search {
    struct store *store;
    const struct log_row *row;
    bool judged; // another place of the rid has an earlier final verdict
    enum rc rc;
};

static bool judged_elsewhere(void *ctx, int64_t place) {
    struct judged_search *search = ctx;
    if (place == search->row->place) {
        return true;
    }
    sqlite3_stmt *statement = NULL;
    search->rc = db_take(search->store, STATEMENT_LOG_OF, &statement);
    if (search->rc != RC_OK) {
        return false;
    }
    sqlite3_bind_int64(statement, 1, place);
    while (!search->judged && (search->rc = db_row(search->store, statement)) == RC_OK) {
        struct log_row other;
        log_row_read(statement, &other);
        search->judged = other.id < search->row->id && verdict_is_final(other.verdict) &&
                         other.verdict != VERDICT_REPEAT;
    }
    db_give(search->store, STATEMENT_LOG_OF, statement);
    if (search->rc == RC_NOT_FOUND) {
        search->rc = RC_OK;
    }
    return search->rc == RC_OK && !search->judged;
}

enum rc log_folds(struct store *store, const struct log_row *row, struct rid rid, bool *out_folds) {
    struct judged_search search = {.store = store, .row = row, .rc = RC_OK};
    if (row->verdict == VERDICT_REPEAT || store_is_stray(row->verdict, row->rule)) {
        *out_folds = false;
        return RC_OK;
    }
    if (store->has_again) {
        enum rc rc = record_places(store, rid, judged_elsewhere, &search);
        if (rc != RC_OK || search.rc != RC_OK) {
            return rc != RC_OK ? rc : search.rc;
        }
    }
    *out_folds = !search.judged;
    return RC_OK;
}

// ---- Putting ----

static enum rc log_insert(struct store *store, const struct log_row *row) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_LOG_PUT, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, row->id);
    sqlite3_bind_int64(statement, 2, row->place);
    sqlite3_bind_int64(statement, 3, row->admit);
    sqlite3_bind_int(statement, 4, (int)row->verdict);
    sqlite3_bind_int(statement, 5, row->rule);
    sqlite3_bind_int64(statement, 6, row->hub_time.v);
    bind_uint(statement, 7, row->roster_version);
    rc = db_run(store, statement);
    db_give(store, STATEMENT_LOG_PUT, statement);
    if (rc == RC_EXISTS) {
        struct log_row held;
        rc = log_get(store, row->id, &held);
        if (rc == RC_OK) {
            rc = held.place == row->place && held.verdict == row->verdict ? RC_EXISTS : RC_FORK;
        }
    }
    return rc;
}

// Does the entry need no verdict any more: an admit, or a record that has one?
static enum rc is_settled(struct store *store, int64_t place, bool *out_settled) {
    struct log_row row;
    enum rc rc = log_find(store, place, &row);
    if (rc == RC_OK) {
        *out_settled = true;
    }
    if (rc != RC_NOT_FOUND) {
        return rc;
    }
    sqlite3_stmt *statement = NULL;
    rc = db_take(store, STATEMENT_ENTRY_TYPE, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, place);
    rc = db_row(store, statement);
    if (rc == RC_OK) {
        *out_settled = sqlite3_column_int(statement, 0) == ENTRY_ADMIT;
    }
    db_give(store, STATEMENT_ENTRY_TYPE, statement);
    return rc;
}

// Moves logged_seq over what has its verdict. Verdicts come in order nearly always, and then
// nothing is looked up.
static enum rc logged_move(struct store *store, struct chain_row *chain, uint64_t seq) {
    if (seq > chain->log_high) {
        chain->log_high = seq;
    }
    if (seq != chain->chain.logged_seq + 1) {
        return RC_OK;
    }
    chain->chain.logged_seq = seq;
    chain->dirty = true;
    while (chain->chain.logged_seq < chain->log_high) {
        bool settled = false;
        uint64_t next = chain->chain.logged_seq + 1;
        enum rc rc = is_settled(store, place_pack(chain->id, next), &settled);
        if (rc != RC_OK || !settled) {
            return rc;
        }
        chain->chain.logged_seq = next;
    }
    return RC_OK;
}

static enum rc log_row_of(struct store *store, const struct store_log *log,
                          struct log_row *out_row) {
    struct log_row row = {.verdict = log->verdict,
                          .rule = log->rule,
                          .hub_time = log->hub_time,
                          .roster_version = log->roster_version};
    if (log->verdict == VERDICT_NONE || log->verdict > VERDICT_HELD || log->n == 0) {
        return RC_INVALID;
    }
    if (log->n > STORE_SEQ_MAX) {
        return RC_TOO_LARGE;
    }
    struct author_row *hub = NULL;
    enum rc rc = place_find(store, &log->place, &row.place);
    if (rc == RC_OK) {
        rc = place_find(store, &log->admit_place, &row.admit);
    }
    if (rc == RC_OK) {
        rc = author_find(store, log->hub, &hub);
    }
    // A hub that nobody ranked is the site's first.
    if (rc == RC_OK && hub->rank == 0) {
        rc = store_hub_put(store, log->hub, 1);
    }
    if (rc == RC_OK) {
        row.id = place_pack(hub->rank, log->n);
        *out_row = row;
    }
    return rc;
}

enum rc store_log_put(struct store *store, const struct store_log *log) {
    enum rc rc = db_ready(store);
    struct log_row row;
    struct log_row before;
    struct chain_row *chain = NULL;
    struct loaded *loaded = &store->last;
    if (rc == RC_OK) {
        rc = log_row_of(store, log, &row);
    }
    if (rc == RC_OK) {
        rc = chain_by_row(store, place_chain(row.place), &chain);
    }
    if (rc == RC_OK) {
        rc = entry_load(store, row.place, loaded);
    }
    if (rc == RC_OK && loaded->type != ENTRY_RECORD) {
        rc = RC_INVALID;
    }
    if (rc == RC_OK && place_seq(row.place) <= chain->log_high) {
        rc = log_find(store, row.place, &before);
        if (rc == RC_OK && verdict_is_final(before.verdict)) {
            rc = RC_EXISTS;
        }
        rc = rc == RC_NOT_FOUND ? RC_OK : rc;
    }
    if (rc == RC_OK) {
        rc = log_insert(store, &row);
    }
    if (rc == RC_OK) {
        rc = db_trouble(store, logged_move(store, chain, place_seq(row.place)));
    }
    if (rc == RC_OK) {
        rc = db_trouble(store, fold_entry(store, &row, loaded));
    }
    return rc;
}

// ---- Queries ----

enum rc store_log_of(struct store *store, const struct place *record, struct store_log *out_log) {
    store_refresh(store);
    struct log_row row;
    int64_t place = 0;
    enum rc rc = place_find(store, record, &place);
    if (rc == RC_OK) {
        rc = log_find(store, place, &row);
    }
    return rc == RC_OK ? log_unpack(store, &row, out_log) : rc;
}

enum rc store_log_of_rid(struct store *store, struct rid rid, struct store_log *out_log) {
    store_refresh(store);
    struct log_row row;
    int64_t place = 0;
    enum rc rc = record_first(store, rid, &place);
    if (rc == RC_OK) {
        rc = log_find_rid(store, place, rid, &row);
    }
    return rc == RC_OK ? log_unpack(store, &row, out_log) : rc;
}

enum rc store_held_each(struct store *store, struct store_log after,
                        enum rc (*visit)(void *ctx, const struct store_log *log), void *ctx) {
    store_refresh(store);
    sqlite3_stmt *statement = NULL;
    uint32_t rank = after.n > 0 ? store_hub_rank(store, after.hub) : 0;
    enum rc rc = db_take(store, STATEMENT_LOG_HELD, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, rank > 0 ? place_pack(rank, after.n) : 0);
    store->walks++;
    while ((rc = db_row(store, statement)) == RC_OK) {
        struct log_row row;
        struct store_log log;
        log_row_read(statement, &row);
        rc = log_unpack(store, &row, &log);
        if (rc == RC_OK) {
            rc = visit(ctx, &log);
        }
        if (rc != RC_OK) {
            break;
        }
    }
    store->walks--;
    db_give(store, STATEMENT_LOG_HELD, statement);
    return rc == RC_NOT_FOUND || rc == RC_FULL ? RC_OK : rc;
}

uint64_t store_log_last_n(struct store *store, struct author_id hub) {
    store_refresh(store);
    struct author_row *row = NULL;
    sqlite3_stmt *statement = NULL;
    uint64_t n = 0;
    if (author_find(store, hub, &row) != RC_OK || row->rank == 0 ||
        db_take(store, STATEMENT_LOG_LAST, &statement) != RC_OK) {
        return 0;
    }
    sqlite3_bind_int64(statement, 1, place_pack(row->rank, 0));
    sqlite3_bind_int64(statement, 2, place_pack(row->rank, STORE_SEQ_MAX));
    if (db_row(store, statement) == RC_OK) {
        n = place_seq(sqlite3_column_int64(statement, 0));
    }
    db_give(store, STATEMENT_LOG_LAST, statement);
    return n;
}
