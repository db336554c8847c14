#include "store/store_priv.h"

#include "davy/base/ensure.h"

#include <string.h>

void loaded_init(struct loaded *loaded) {
    *loaded = (struct loaded){0};
    buf_init(&loaded->bytes, LIMIT_RECORD_CONTENT_BYTES);
}

void loaded_fini(struct loaded *loaded) {
    buf_fini(&loaded->bytes);
    *loaded = (struct loaded){0};
}

// ---- Reading ----

static enum rc loaded_decode(struct loaded *loaded) {
    enum rc rc = buf_rc(&loaded->bytes);
    if (rc == RC_OK && loaded->type == ENTRY_RECORD) {
        loaded->rid = content_rid(buf_slice(&loaded->bytes));
        rc = content_decode(buf_slice(&loaded->bytes), &loaded->content);
    }
    return rc;
}

// Columns from `first` on: type, hash, sig, bytes.
static enum rc loaded_columns(sqlite3_stmt *statement, int first, struct loaded *loaded) {
    int type = sqlite3_column_int(statement, first);
    if ((type != ENTRY_RECORD && type != ENTRY_ADMIT) ||
        !column_copy(statement, first + 1, loaded->hash.b, HASH_BYTES)) {
        return RC_CORRUPT;
    }
    loaded->type = (enum entry_type)type;
    loaded->has_sig = sqlite3_column_type(statement, first + 2) != SQLITE_NULL;
    if (loaded->has_sig && !column_copy(statement, first + 2, loaded->sig.b, SIGNATURE_BYTES)) {
        return RC_CORRUPT;
    }
    struct slice bytes = column_slice(statement, first + 3);
    buf_reset(&loaded->bytes);
    buf_put(&loaded->bytes, bytes.data, bytes.len);
    enum rc rc = loaded_decode(loaded);
    return rc == RC_OK || rc == RC_NO_MEMORY ? rc : RC_CORRUPT;
}

enum rc entry_load(struct store *store, int64_t place, struct loaded *loaded) {
    if (loaded->place == place) {
        return RC_OK;
    }
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_ENTRY_GET, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    loaded->place = 0;
    sqlite3_bind_int64(statement, 1, place);
    rc = db_row(store, statement);
    if (rc == RC_OK) {
        rc = loaded_columns(statement, 0, loaded);
    }
    if (rc == RC_OK) {
        loaded->place = place;
    }
    db_give(store, STATEMENT_ENTRY_GET, statement);
    return db_short(store, rc);
}

enum rc entry_hash(struct store *store, int64_t place, struct hash32 *out_hash) {
    if (store->last.place == place) {
        *out_hash = store->last.hash;
        return RC_OK;
    }
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_ENTRY_HASH, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, place);
    rc = db_row(store, statement);
    if (rc == RC_OK && !column_copy(statement, 0, out_hash->b, HASH_BYTES)) {
        rc = RC_CORRUPT;
    }
    db_give(store, STATEMENT_ENTRY_HASH, statement);
    return rc;
}

enum rc store_chain_hash(struct store *store, struct chain_id id, uint64_t seq,
                         struct hash32 *out_hash) {
    store_refresh(store);
    struct chain_row *row = NULL;
    enum rc rc = chain_find(store, id, &row);
    if (rc != RC_OK) {
        return rc;
    }
    const struct store_chain *chain = &row->chain;
    if (seq == chain->head.seq) {
        *out_hash = chain->head.hash;
        return RC_OK;
    }
    if (seq == 0) {
        struct chain_head start;
        chain_start(store->site, id, &start);
        *out_hash = start.hash;
        return RC_OK;
    }
    if (seq == chain->sealed.seq) {
        *out_hash = chain->sealed.hash;
        return RC_OK;
    }
    return seq > chain->head.seq ? RC_NOT_FOUND
                                 : entry_hash(store, place_pack(row->id, seq), out_hash);
}

struct entry_walk {
    struct store *store;
    enum rc (*visit)(void *ctx, const struct store_entry *entry);
    void *ctx;
    struct chain_id chain;
};

static enum rc entry_visit(const struct entry_walk *walk, sqlite3_stmt *statement) {
    struct store_entry entry = {
        .place = {walk->chain, place_seq(sqlite3_column_int64(statement, 0))},
        .type = (enum entry_type)sqlite3_column_int(statement, 1),
        .bytes = column_slice(statement, 4),
    };
    struct signature sig;
    if (sqlite3_column_type(statement, 3) != SQLITE_NULL) {
        if (!column_copy(statement, 3, sig.b, SIGNATURE_BYTES)) {
            return RC_CORRUPT;
        }
        entry.sig = &sig;
    }
    if (entry.type == ENTRY_RECORD) {
        entry.rid = content_rid(entry.bytes);
    }
    return walk->visit(walk->ctx, &entry);
}

enum rc store_entries(struct store *store, struct chain_id chain, uint64_t from_seq,
                      enum rc (*visit)(void *ctx, const struct store_entry *entry), void *ctx) {
    store_refresh(store);
    struct chain_row *row = NULL;
    enum rc rc = chain_find(store, chain, &row);
    if (rc != RC_OK || row->id == 0 || from_seq > row->chain.head.seq) {
        return rc;
    }
    sqlite3_stmt *statement = NULL;
    rc = db_take(store, STATEMENT_ENTRY_NEXT, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    const struct entry_walk walk = {store, visit, ctx, chain};
    sqlite3_bind_int64(statement, 1, place_pack(row->id, from_seq));
    sqlite3_bind_int64(statement, 2, place_pack(row->id, row->chain.head.seq));
    store->walks++;
    while ((rc = db_row(store, statement)) == RC_OK) {
        rc = entry_visit(&walk, statement);
        if (rc != RC_OK) {
            break;
        }
    }
    store->walks--;
    db_give(store, STATEMENT_ENTRY_NEXT, statement);
    return rc == RC_NOT_FOUND || rc == RC_FULL ? RC_OK : rc;
}

enum rc store_entry_get(struct store *store, const struct place *place, struct buf *out_bytes,
                        bool *out_has_sig, struct signature *out_sig) {
    store_refresh(store);
    int64_t packed = 0;
    enum rc rc = place_find(store, place, &packed);
    struct loaded loaded;
    loaded_init(&loaded);
    if (rc == RC_OK) {
        rc = entry_load(store, packed, &loaded);
    }
    if (rc == RC_OK) {
        buf_put(out_bytes, loaded.bytes.data, loaded.bytes.len);
        rc = buf_rc(out_bytes);
    }
    if (rc == RC_OK) {
        *out_has_sig = loaded.has_sig;
        *out_sig = loaded.sig;
    }
    loaded_fini(&loaded);
    return rc;
}

enum rc record_first(struct store *store, struct rid rid, int64_t *out_place) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_RECORD_GET, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, store->site_row);
    bind_bytes(statement, 2, rid.id.b, ID_BYTES);
    rc = db_row(store, statement);
    if (rc == RC_OK) {
        *out_place = sqlite3_column_int64(statement, 0);
    }
    db_give(store, STATEMENT_RECORD_GET, statement);
    return rc;
}

static enum rc stranger_find(struct store *store, struct rid subject, int64_t *out_number) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_STRANGER_GET, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, store->site_row);
    bind_bytes(statement, 2, subject.id.b, ID_BYTES);
    rc = db_row(store, statement);
    if (rc == RC_OK) {
        *out_number = -sqlite3_column_int64(statement, 0);
    }
    db_give(store, STATEMENT_STRANGER_GET, statement);
    return rc;
}

static enum rc stranger_make(struct store *store, struct rid subject, int64_t *out_number) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_STRANGER_PUT, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, store->site_row);
    bind_bytes(statement, 2, subject.id.b, ID_BYTES);
    rc = db_run(store, statement);
    db_give(store, STATEMENT_STRANGER_PUT, statement);
    if (rc == RC_OK) {
        store->has_strangers = true;
        *out_number = -sqlite3_last_insert_rowid(store->db);
    }
    return rc;
}

enum rc subject_number(struct store *store, struct rid subject, bool make, int64_t *out_number) {
    enum rc rc = RC_NOT_FOUND;
    if (store->has_strangers) {
        rc = stranger_find(store, subject, out_number);
    } else if (!store->has_again && store->last.place != 0 && store->last.type == ENTRY_RECORD &&
               rid_equal(store->last.rid, subject)) {
        *out_number = store->last.place;
        return RC_OK;
    }
    if (rc == RC_NOT_FOUND) {
        rc = record_first(store, subject, out_number);
    }
    return rc == RC_NOT_FOUND && make ? stranger_make(store, subject, out_number) : rc;
}

enum rc record_places(struct store *store, struct rid rid, bool (*visit)(void *ctx, int64_t place),
                      void *ctx) {
    int64_t first = 0;
    enum rc rc = record_first(store, rid, &first);
    if (rc == RC_NOT_FOUND || (rc == RC_OK && !visit(ctx, first))) {
        return RC_OK;
    }
    sqlite3_stmt *statement = NULL;
    if (rc == RC_OK) {
        rc = db_take(store, STATEMENT_AGAIN_GET, &statement);
    }
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, store->site_row);
    bind_bytes(statement, 2, rid.id.b, ID_BYTES);
    while ((rc = db_row(store, statement)) == RC_OK) {
        if (!visit(ctx, sqlite3_column_int64(statement, 0))) {
            break;
        }
    }
    db_give(store, STATEMENT_AGAIN_GET, statement);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc store_record_place(struct store *store, struct rid rid, struct place *out_place) {
    store_refresh(store);
    int64_t place = 0;
    enum rc rc = record_first(store, rid, &place);
    return rc == RC_OK ? place_unpack(store, place, out_place) : rc;
}

// ---- Appending ----

static enum rc entry_put(struct store *store, const struct loaded *loaded) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_ENTRY_PUT, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, loaded->place);
    sqlite3_bind_int(statement, 2, (int)loaded->type);
    bind_bytes(statement, 3, loaded->hash.b, HASH_BYTES);
    if (loaded->has_sig) {
        bind_bytes(statement, 4, loaded->sig.b, SIGNATURE_BYTES);
    } else {
        sqlite3_bind_null(statement, 4);
    }
    bind_bytes(statement, 5, loaded->bytes.data, loaded->bytes.len);
    rc = db_run(store, statement);
    db_give(store, STATEMENT_ENTRY_PUT, statement);
    return rc;
}

// RECORD_PUT and AGAIN_PUT have the same parameters.
static enum rc index_put(struct store *store, enum statement which, struct rid rid, int64_t place) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, which, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, store->site_row);
    bind_bytes(statement, 2, rid.id.b, ID_BYTES);
    sqlite3_bind_int64(statement, 3, place);
    rc = db_run(store, statement);
    db_give(store, which, statement);
    return rc;
}

static enum rc subject_put(struct store *store, struct rid subject, int64_t place) {
    sqlite3_stmt *statement = NULL;
    int64_t number = 0;
    enum rc rc = subject_number(store, subject, true, &number);
    if (rc == RC_OK) {
        rc = db_take(store, STATEMENT_SUBJECT_PUT, &statement);
    }
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, number);
    sqlite3_bind_int64(statement, 2, place);
    rc = db_run(store, statement);
    db_give(store, STATEMENT_SUBJECT_PUT, statement);
    return rc;
}

// A record that opens a subject is found by its own rid and needs no row in subject.
static enum rc record_index(struct store *store, const struct loaded *loaded, bool *out_first) {
    enum rc rc = index_put(store, STATEMENT_RECORD_PUT, loaded->rid, loaded->place);
    if (rc != RC_OK) {
        return rc;
    }
    bool first = sqlite3_changes(store->db) > 0;
    if (!first) {
        store->has_again = true;
        rc = index_put(store, STATEMENT_AGAIN_PUT, loaded->rid, loaded->place);
    }
    for (uint16_t i = 0; first && i < loaded->content.subject_count && rc == RC_OK; i++) {
        rc = subject_put(store, loaded->content.subjects[i], loaded->place);
    }
    if (first && rc == RC_OK) {
        rc = blob_index(store, &loaded->content, loaded->rid);
    }
    *out_first = first;
    return rc;
}

// A record of another site means nothing here. The one that founds a site carries none: it is its
// rid.
static bool record_is_here(const struct store *store, const struct loaded *loaded) {
    struct id16 site = loaded->content.site.id;
    if (id16_is_zero(site)) {
        site = loaded->rid.id;
    }
    return store->site_row != 0 && id16_equal(site, store->site.id);
}

static enum rc record_take(struct store *store, const struct signed_record *record,
                           struct loaded *loaded) {
    loaded->place = 0;
    loaded->type = ENTRY_RECORD;
    loaded->has_sig = record->has_sig;
    loaded->sig = record->sig;
    buf_reset(&loaded->bytes);
    buf_put(&loaded->bytes, record->content.data, record->content.len);
    enum rc rc = loaded_decode(loaded);
    if (rc == RC_OK && !rid_equal(loaded->rid, record->rid)) {
        rc = RC_INVALID;
    }
    return rc == RC_OK && !record_is_here(store, loaded) ? RC_WRONG_SITE : rc;
}

static enum rc append_record(struct store *store, struct chain_id chain,
                             const struct signed_record *record, uint64_t *out_seq,
                             bool *out_first) {
    enum rc rc = db_ready(store);
    struct loaded *loaded = &store->last;
    struct chain_row *row = NULL;
    if (rc == RC_OK) {
        rc = record_take(store, record, loaded);
    }
    if (rc == RC_OK) {
        rc = chain_find(store, chain, &row);
    }
    if (rc == RC_OK && row->chain.head.seq >= STORE_SEQ_MAX) {
        rc = RC_TOO_LARGE;
    }
    if (rc == RC_OK) {
        rc = chain_make(store, row);
    }
    if (rc != RC_OK) {
        return rc;
    }
    struct chain_head head = row->chain.head;
    chain_add_record(&head, buf_slice(&loaded->bytes), loaded->has_sig ? &loaded->sig : NULL);
    loaded->hash = head.hash;
    loaded->place = place_pack(row->id, head.seq);
    bool first = false;
    rc = entry_put(store, loaded);
    if (rc == RC_OK && out_first) {
        rc = record_index(store, loaded, &first);
    }
    if (rc == RC_OK) {
        row->chain.head = head;
        row->dirty = true;
        pending_added(store, row, loaded);
    }
    if (rc != RC_OK) {
        loaded->place = 0;
        return db_trouble(store, rc);
    }
    *out_seq = head.seq;
    if (out_first) {
        *out_first = first;
    }
    return RC_OK;
}

enum rc store_append_record(struct store *store, struct chain_id chain,
                            const struct signed_record *record, uint64_t *out_seq,
                            bool *out_first) {
    return append_record(store, chain, record, out_seq, out_first);
}

enum rc store_append_stray(struct store *store, struct chain_id chain,
                           const struct signed_record *record, uint64_t *out_seq) {
    return append_record(store, chain, record, out_seq, NULL);
}

bool store_is_stray(enum verdict verdict, uint16_t rule) {
    return verdict == VERDICT_REFUSED && (rule == REFUSAL_DEVICE_MISMATCH ||
                                          rule == REFUSAL_SIGNATURE || rule == REFUSAL_NOT_SIGNED);
}

// What the hub states in its own chain is in the log by being there.
static void admit_is_logged(struct chain_row *row, uint64_t seq) {
    if (row->chain.logged_seq == seq - 1) {
        row->chain.logged_seq = seq;
    }
    if (row->log_high < seq) {
        row->log_high = seq;
    }
}

enum rc store_append_admit(struct store *store, struct chain_id chain, const struct admit *admit,
                           uint64_t *out_seq) {
    enum rc rc = db_ready(store);
    struct loaded entry;
    struct chain_row *row = NULL;
    struct hash32 record_hash;
    int64_t record_place = 0;
    loaded_init(&entry);
    if (rc == RC_OK) {
        rc = place_find(store, &admit->place, &record_place);
    }
    if (rc == RC_OK) {
        rc = entry_hash(store, record_place, &record_hash);
    }
    if (rc == RC_OK) {
        rc = admit_encode(admit, &entry.bytes);
    }
    if (rc == RC_OK) {
        rc = chain_find(store, chain, &row);
    }
    if (rc == RC_OK && row->chain.head.seq >= STORE_SEQ_MAX) {
        rc = RC_TOO_LARGE;
    }
    if (rc == RC_OK) {
        rc = chain_make(store, row);
    }
    if (rc == RC_OK) {
        struct chain_head head = row->chain.head;
        chain_add_admit(&head, buf_slice(&entry.bytes), &record_hash);
        entry.type = ENTRY_ADMIT;
        entry.hash = head.hash;
        entry.place = place_pack(row->id, head.seq);
        rc = entry_put(store, &entry);
        if (rc == RC_OK) {
            row->chain.head = head;
            row->dirty = true;
            admit_is_logged(row, head.seq);
            *out_seq = head.seq;
        }
    }
    loaded_fini(&entry);
    return rc;
}

// ---- Seals ----

enum rc store_seal_put(struct store *store, struct chain_id chain, uint64_t seq,
                       const struct signature *seal) {
    enum rc rc = db_ready(store);
    struct chain_row *row = NULL;
    struct hash32 hash;
    sqlite3_stmt *statement = NULL;
    if (rc == RC_OK) {
        rc = chain_find(store, chain, &row);
    }
    if (rc == RC_OK && (row->id == 0 || seq == 0)) {
        rc = RC_NOT_FOUND;
    }
    if (rc == RC_OK) {
        rc = store_chain_hash(store, chain, seq, &hash);
    }
    if (rc == RC_OK) {
        rc = db_take(store, STATEMENT_SEAL_PUT, &statement);
    }
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, place_pack(row->id, seq));
    bind_bytes(statement, 2, seal->b, SIGNATURE_BYTES);
    rc = db_run(store, statement);
    db_give(store, STATEMENT_SEAL_PUT, statement);
    if (rc == RC_OK && sqlite3_changes(store->db) == 0) {
        rc = RC_EXISTS;
    }
    if (rc == RC_OK && seq > row->chain.sealed.seq) {
        row->chain.sealed = (struct chain_head){seq, hash};
        row->dirty = true;
    }
    return rc;
}

enum rc store_seal_get(struct store *store, struct chain_id chain, uint64_t seq, uint64_t *out_seq,
                       struct signature *out_seal) {
    store_refresh(store);
    struct chain_row *row = NULL;
    enum rc rc = chain_find(store, chain, &row);
    if (rc == RC_OK && (row->id == 0 || seq > row->chain.sealed.seq)) {
        rc = RC_NOT_FOUND;
    }
    sqlite3_stmt *statement = NULL;
    if (rc == RC_OK) {
        rc = db_take(store, STATEMENT_SEAL_GET, &statement);
    }
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, place_pack(row->id, seq));
    sqlite3_bind_int64(statement, 2, place_pack(row->id, row->chain.sealed.seq));
    rc = db_row(store, statement);
    if (rc == RC_OK) {
        struct signature seal;
        uint64_t at = place_seq(sqlite3_column_int64(statement, 0));
        rc = column_copy(statement, 1, seal.b, SIGNATURE_BYTES) ? RC_OK : RC_CORRUPT;
        if (rc == RC_OK) {
            *out_seq = at;
            *out_seal = seal;
        }
    }
    db_give(store, STATEMENT_SEAL_GET, statement);
    return rc;
}
