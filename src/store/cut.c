// What is taken back: verdicts beyond the heads that a hub's next incarnation adopted, and entries
// of a branch that lost. Both are moved aside, never dropped, and the indexes follow.
#include "store/store_priv.h"

#include "davy/base/ensure.h"

#include <stdlib.h>
#include <string.h>

// ---- Verdicts ----

struct voiding {
    struct store *store;
    struct rid *subjects;
    uint32_t count, cap;
    uint64_t rows;
};

static enum rc voiding_add(struct voiding *voiding, struct rid subject) {
    if (voiding->count == voiding->cap) {
        uint32_t cap = voiding->cap == 0 ? 64 : voiding->cap * 2;
        struct rid *subjects = realloc(voiding->subjects, cap * sizeof(*subjects));
        if (subjects == NULL) {
            return RC_NO_MEMORY;
        }
        voiding->subjects = subjects;
        voiding->cap = cap;
    }
    voiding->subjects[voiding->count++] = subject;
    return RC_OK;
}

static enum rc run_one(struct store *store, enum statement which, int64_t key) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, which, &statement);
    if (rc == RC_OK) {
        sqlite3_bind_int64(statement, 1, key);
        rc = db_run(store, statement);
        db_give(store, which, statement);
    }
    return rc;
}

static enum rc run_range(struct store *store, enum statement which, int64_t after, int64_t last) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, which, &statement);
    if (rc == RC_OK) {
        sqlite3_bind_int64(statement, 1, after);
        sqlite3_bind_int64(statement, 2, last);
        rc = db_run(store, statement);
        db_give(store, which, statement);
    }
    return rc;
}

static enum rc void_row(struct voiding *voiding, const struct log_row *row) {
    struct store *store = voiding->store;
    struct chain_row *chain = NULL;
    struct loaded loaded;
    loaded_init(&loaded);
    enum rc rc = run_one(store, STATEMENT_VOID_PUT, row->id);
    if (rc == RC_OK) {
        rc = run_one(store, STATEMENT_VOID_LOG, row->id);
    }
    if (rc == RC_OK) {
        rc = chain_by_row(store, place_chain(row->place), &chain);
    }
    if (rc == RC_OK) {
        rc = entry_load(store, row->place, &loaded);
    }
    struct log_row other;
    bool judged = rc == RC_OK && log_find(store, row->place, &other) == RC_OK;
    uint64_t seq = place_seq(row->place);
    if (rc == RC_OK && !judged && chain->chain.logged_seq >= seq) {
        chain->chain.logged_seq = seq - 1;
        chain->dirty = true;
    }
    uint16_t count = rc == RC_OK ? content_subject_count(&loaded.content) : 0;
    for (uint16_t i = 0; i < count && rc == RC_OK; i++) {
        rc = voiding_add(voiding, content_subject(&loaded.content, loaded.rid, i));
    }
    voiding->rows += rc == RC_OK;
    loaded_fini(&loaded);
    return rc;
}

// The log row that an entry of a hub's chain makes: of the record that an admit names, or of the
// hub's own record, if that one has its verdict by standing there.
static enum rc void_entry(struct voiding *voiding, const struct chain_row *chain,
                          const struct loaded *entry) {
    struct log_row row;
    enum rc rc = RC_OK;
    if (entry->type == ENTRY_ADMIT) {
        struct admit admit;
        rc = admit_decode(buf_slice(&entry->bytes), &admit);
        if (rc == RC_OK) {
            rc = log_get(voiding->store, place_pack(chain->author->rank, admit.n), &row);
        }
    } else {
        rc = log_find(voiding->store, entry->place, &row);
    }
    bool stated_here = rc == RC_OK && row.admit == entry->place;
    if (stated_here) {
        return void_row(voiding, &row);
    }
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static int compare_subjects(const void *a, const void *b) {
    return id16_compare(((const struct rid *)a)->id, ((const struct rid *)b)->id);
}

static enum rc voiding_refold(struct voiding *voiding) {
    enum rc rc = RC_OK;
    if (voiding->count > 1) {
        qsort(voiding->subjects, voiding->count, sizeof(*voiding->subjects), compare_subjects);
    }
    for (uint32_t i = 0; i < voiding->count && rc == RC_OK; i++) {
        if (i == 0 || !rid_equal(voiding->subjects[i], voiding->subjects[i - 1])) {
            rc = subject_refold(voiding->store, voiding->subjects[i]);
        }
    }
    return rc;
}

enum rc store_log_void(struct store *store, struct chain_id chain_id, uint64_t after_seq,
                       uint64_t *out_count) {
    enum rc rc = db_ready(store);
    struct chain_row *chain = NULL;
    struct voiding voiding = {.store = store};
    struct loaded entry;
    loaded_init(&entry);
    if (rc == RC_OK) {
        rc = chain_find(store, chain_id, &chain);
    }
    bool any = rc == RC_OK && chain->id != 0 && chain->author->rank != 0;
    for (uint64_t seq = after_seq + 1; any && seq <= chain->chain.head.seq && rc == RC_OK; seq++) {
        rc = entry_load(store, place_pack(chain->id, seq), &entry);
        if (rc == RC_OK) {
            rc = void_entry(&voiding, chain, &entry);
        }
    }
    if (rc == RC_OK) {
        rc = voiding_refold(&voiding);
    }
    if (rc == RC_OK && voiding.rows > 0) {
        store->last.place = 0;
        pending_forget(store);
    }
    if (rc == RC_OK) {
        *out_count = voiding.rows;
    }
    loaded_fini(&entry);
    free(voiding.subjects);
    return db_trouble(store, rc == RC_NOT_FOUND ? RC_CORRUPT : rc);
}

// ---- Entries ----

struct another_place {
    int64_t not_this;
    int64_t place; // 0: none
};

static bool another(void *ctx, int64_t place) {
    struct another_place *search = ctx;
    if (place != search->not_this) {
        search->place = place;
    }
    return search->place == 0;
}

// Binds site, rid and a place (where the statement has one).
static enum rc run_rid(struct store *store, enum statement which, struct rid rid, int64_t place) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, which, &statement);
    if (rc == RC_OK) {
        sqlite3_bind_int64(statement, 1, store->site_row);
        bind_bytes(statement, 2, rid.id.b, ID_BYTES);
        if (sqlite3_bind_parameter_count(statement) > 2) {
            sqlite3_bind_int64(statement, 3, place);
        }
        rc = db_run(store, statement);
        db_give(store, which, statement);
    }
    return rc;
}

static enum rc run_pair(struct store *store, enum statement which, int64_t a, int64_t b) {
    return run_range(store, which, a, b);
}

// Whatever was numbered by the place of this record gets another number.
static enum rc number_moves(struct store *store, struct rid rid, int64_t from, int64_t to) {
    int64_t number = to;
    enum rc rc = RC_OK;
    if (to == 0) {
        rc = subject_number(store, rid, true, &number);
    }
    if (rc == RC_OK && number != from) {
        rc = run_pair(store, STATEMENT_SUBJECT_RENUMBER, from, number);
        if (rc == RC_OK) {
            rc = views_renumber(store, from, number);
        }
    }
    return rc;
}

// The subjects of a record are found at its other place, or not at all.
static enum rc subjects_move(struct store *store, const struct loaded *record, int64_t to) {
    enum rc rc = RC_OK;
    for (uint16_t i = 0; i < record->content.subject_count && rc == RC_OK; i++) {
        int64_t number = 0;
        rc = subject_number(store, record->content.subjects[i], false, &number);
        if (rc == RC_OK) {
            rc = run_pair(store, STATEMENT_SUBJECT_DROP, number, record->place);
        }
        if (rc == RC_OK && to != 0) {
            rc = run_pair(store, STATEMENT_SUBJECT_PUT, number, to);
        }
        rc = rc == RC_NOT_FOUND ? RC_OK : rc;
    }
    return rc;
}

// Takes a record's place out of the indexes.
static enum rc record_unindex(struct store *store, const struct loaded *record) {
    int64_t first = 0;
    struct another_place search = {.not_this = record->place};
    enum rc rc = record_first(store, record->rid, &first);
    if (rc != RC_OK || first != record->place) {
        rc = rc == RC_NOT_FOUND ? RC_OK : rc;
        return rc == RC_OK ? run_rid(store, STATEMENT_AGAIN_DROP, record->rid, record->place) : rc;
    }
    rc = record_places(store, record->rid, another, &search);
    if (rc == RC_OK) {
        rc = subjects_move(store, record, search.place);
    }
    if (rc == RC_OK && search.place != 0) {
        rc = run_rid(store, STATEMENT_AGAIN_DROP, record->rid, search.place);
        if (rc == RC_OK) {
            rc = run_rid(store, STATEMENT_RECORD_MOVE, record->rid, search.place);
        }
    } else if (rc == RC_OK) {
        rc = run_rid(store, STATEMENT_RECORD_DROP, record->rid, 0);
    }
    store->last.place = 0;
    return rc == RC_OK ? number_moves(store, record->rid, record->place, search.place) : rc;
}

static enum rc range_is_logged(struct store *store, int64_t after, int64_t last) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_CUT_LOGGED, &statement);
    if (rc == RC_OK) {
        sqlite3_bind_int64(statement, 1, after);
        sqlite3_bind_int64(statement, 2, last);
        rc = db_row(store, statement);
        db_give(store, STATEMENT_CUT_LOGGED, statement);
    }
    return rc == RC_OK ? RC_DENIED : rc == RC_NOT_FOUND ? RC_OK : rc;
}

// The chain ends at after_seq now; its seal is the last one left.
static enum rc chain_shorten(struct store *store, struct chain_row *row, uint64_t after_seq) {
    struct chain_head head = {.seq = after_seq};
    enum rc rc = store_chain_hash(store, row->chain.id, after_seq, &head.hash);
    if (rc != RC_OK) {
        return rc;
    }
    struct store_chain *chain = &row->chain;
    chain->head = head;
    chain->logged_seq = chain->logged_seq > after_seq ? after_seq : chain->logged_seq;
    chain->acked_seq = chain->acked_seq > after_seq ? after_seq : chain->acked_seq;
    row->log_high = row->log_high > after_seq ? after_seq : row->log_high;
    row->dirty = true;
    if (chain->sealed.seq <= after_seq) {
        return RC_OK;
    }
    sqlite3_stmt *statement = NULL;
    rc = db_take(store, STATEMENT_SEAL_LAST, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    struct chain_head sealed = {0};
    sqlite3_bind_int64(statement, 1, place_pack(row->id, 0));
    sqlite3_bind_int64(statement, 2, place_pack(row->id, after_seq));
    rc = db_row(store, statement);
    if (rc == RC_OK && sqlite3_column_type(statement, 0) != SQLITE_NULL) {
        sealed.seq = place_seq(sqlite3_column_int64(statement, 0));
    }
    db_give(store, STATEMENT_SEAL_LAST, statement);
    chain->sealed.seq = 0; // so that the hash is looked up and not taken from here
    if (rc == RC_OK) {
        rc = store_chain_hash(store, chain->id, sealed.seq, &sealed.hash);
    }
    if (rc == RC_OK) {
        chain->sealed = sealed;
    }
    return rc;
}

enum rc store_chain_is_judged(struct store *store, struct chain_id chain, uint64_t after_seq,
                              bool *out_judged) {
    struct chain_row *row = NULL;
    store_refresh(store);
    enum rc rc = chain_find(store, chain, &row);
    *out_judged = false;
    if (rc != RC_OK || row->id == 0 || row->chain.head.seq <= after_seq) {
        return rc;
    }
    rc = range_is_logged(store, place_pack(row->id, after_seq),
                         place_pack(row->id, row->chain.head.seq));
    *out_judged = rc == RC_DENIED;
    return rc == RC_DENIED ? RC_OK : rc;
}

enum rc store_chain_cut(struct store *store, struct chain_id chain_id, uint64_t after_seq) {
    enum rc rc = db_ready(store);
    struct chain_row *row = NULL;
    struct loaded entry;
    if (rc == RC_OK) {
        rc = chain_find(store, chain_id, &row);
    }
    if (rc != RC_OK || row->id == 0 || row->chain.head.seq <= after_seq) {
        return rc;
    }
    int64_t after = place_pack(row->id, after_seq);
    int64_t last = place_pack(row->id, row->chain.head.seq);
    loaded_init(&entry);
    rc = range_is_logged(store, after, last);
    for (int64_t at = after + 1; at <= last && rc == RC_OK; at++) {
        rc = entry_load(store, at, &entry);
        if (rc == RC_OK && entry.type == ENTRY_RECORD) {
            rc = record_unindex(store, &entry);
        }
    }
    loaded_fini(&entry);
    if (rc == RC_OK) {
        rc = run_range(store, STATEMENT_CUT_PUT, after, last);
    }
    if (rc == RC_OK) {
        rc = run_range(store, STATEMENT_CUT_SEALS, after, last);
    }
    if (rc == RC_OK) {
        rc = run_range(store, STATEMENT_CUT_ENTRIES, after, last);
    }
    if (rc == RC_OK) {
        rc = chain_shorten(store, row, after_seq);
    }
    store->last.place = 0;
    pending_forget(store);
    return rc == RC_DENIED ? rc : db_trouble(store, rc);
}
