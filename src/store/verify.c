#include "store/store_priv.h"

#include "davy/base/ensure.h"

#include <stdio.h>
#include <string.h>

// Every step returns RC_OK also when it finds a break: that is in the report. Other codes mean that
// the check itself could not go on.
struct verify {
    struct store *store;
    const struct keys_scheme *scheme;
    bool (*key_of)(void *ctx, const struct content *content, struct public_key *out_key);
    void *ctx;
    struct store_verify_report report;
    uint64_t done, total, told; // for store_verify_watch
};

static bool broken(const struct verify *verify) {
    return verify->report.what[0] != '\0';
}

// What these codes say lies in the file; all others (memory, disk) say nothing about it.
static bool is_break(enum rc rc) {
    return rc == RC_NOT_FOUND || rc == RC_CORRUPT || rc == RC_INVALID || rc == RC_TRUNCATED ||
           rc == RC_TOO_LARGE || rc == RC_UNSUPPORTED;
}

static enum rc breaks(struct verify *verify, const struct place *place, const char *what) {
    if (!broken(verify)) {
        snprintf(verify->report.what, sizeof(verify->report.what), "%s", what);
        if (place != NULL) {
            verify->report.broken = *place;
        }
    }
    return RC_OK;
}

// ---- How far ----

void store_verify_watch(struct store *store,
                        void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx) {
    store->on_verify = progress;
    store->on_verify_ctx = ctx;
}

static void count_all(struct verify *verify) {
    int64_t total = 0;
    if (verify->store->on_verify != NULL &&
        db_integer(verify->store->db,
                   "SELECT (SELECT count(*) FROM entry) + 2 * (SELECT count(*) FROM log)",
                   &total) == RC_OK) {
        verify->total = (uint64_t)total;
    }
}

static void tell(struct verify *verify, uint64_t done) {
    if (verify->total == 0 || done > verify->total) {
        return;
    }
    if (done == verify->total || (done - verify->told) * 100 >= verify->total) {
        verify->told = done;
        verify->store->on_verify(verify->store->on_verify_ctx, done, verify->total);
    }
}

static void one_more(struct verify *verify) {
    tell(verify, ++verify->done);
}

static void folded(void *ctx, uint64_t done, uint64_t total) {
    struct verify *verify = ctx;
    (void)total;
    tell(verify, verify->done + done);
}

// ---- The file ----

// SQLite calls a page that it found no memory for a break of the file: a finding must come twice.
static enum rc verify_file(struct verify *verify) {
    char text[64] = "";
    char what[96];
    enum rc rc = RC_OK;
    for (int i = 0; i < 2; i++) {
        rc = db_text(verify->store->db, "PRAGMA integrity_check(1)", text, sizeof(text));
        if (rc == RC_OK && strcmp(text, "ok") == 0) {
            return RC_OK;
        }
    }
    if (rc != RC_OK && rc != RC_CORRUPT) {
        return rc;
    }
    snprintf(what, sizeof(what), "sqlite: %s", rc == RC_OK ? text : "the file is damaged");
    for (char *at = what; *at != '\0'; at++) {
        *at = *at == '\n' ? ' ' : *at;
    }
    return breaks(verify, NULL, what);
}

// ---- Records ----

// A record that the hub refused may well be forged; it is kept as evidence, and its signature
// proves nothing. What was accepted, or is my own and waits, must verify.
static enum rc must_verify(struct verify *verify, const struct loaded *loaded,
                           const struct chain_row *chain, bool *out_must) {
    struct log_row row;
    enum rc rc = log_find_rid(verify->store, loaded->place, loaded->rid, &row);
    if (rc == RC_OK) {
        *out_must = row.verdict == VERDICT_ACCEPTED;
    } else if (rc == RC_NOT_FOUND) {
        *out_must = chain->author->author.own;
        rc = RC_OK;
    }
    return rc;
}

static enum rc verify_signature(struct verify *verify, const struct loaded *loaded,
                                const struct chain_row *chain, const struct place *place) {
    bool must = false;
    enum rc rc = must_verify(verify, loaded, chain, &must);
    bool claims = loaded->has_sig || !id16_is_zero(loaded->content.key.id);
    if (rc != RC_OK || !must || !claims) {
        return rc;
    }
    struct public_key key;
    if (!loaded->has_sig || !verify->key_of(verify->ctx, &loaded->content, &key)) {
        return breaks(verify, place,
                      loaded->has_sig ? "signature: unknown key" : "signature missing");
    }
    verify->report.signatures++;
    if (!keys_verify(verify->scheme, &key, buf_slice(&loaded->bytes), &loaded->sig)) {
        return breaks(verify, place, "signature");
    }
    return RC_OK;
}

struct find_place {
    int64_t place;
    bool found;
};

static bool is_that_place(void *ctx, int64_t place) {
    struct find_place *find = ctx;
    find->found = place == find->place;
    return !find->found;
}

static enum rc has_subject(struct store *store, struct rid subject, int64_t place) {
    sqlite3_stmt *statement = NULL;
    int64_t number = 0;
    enum rc rc = subject_number(store, subject, false, &number);
    if (rc == RC_OK) {
        rc = db_take(store, STATEMENT_SUBJECT_HAS, &statement);
    }
    if (rc == RC_OK) {
        sqlite3_bind_int64(statement, 1, number);
        sqlite3_bind_int64(statement, 2, place);
        rc = db_row(store, statement);
        db_give(store, STATEMENT_SUBJECT_HAS, statement);
    }
    return rc;
}

static enum rc verify_indexes(struct verify *verify, const struct loaded *loaded,
                              const struct place *place) {
    struct store *store = verify->store;
    struct find_place find = {.place = loaded->place};
    int64_t first = 0;
    enum rc rc = record_places(store, loaded->rid, is_that_place, &find);
    if (rc != RC_OK) {
        return rc;
    }
    if (!find.found) {
        struct log_row row;
        rc = log_find(store, loaded->place, &row);
        bool stray = rc == RC_OK && store_is_stray(row.verdict, row.rule);
        rc = rc == RC_NOT_FOUND ? RC_OK : rc;
        return rc != RC_OK || stray ? rc : breaks(verify, place, "index of records");
    }
    rc = record_first(store, loaded->rid, &first);
    for (uint16_t i = 0; first == loaded->place && i < loaded->content.subject_count && rc == RC_OK;
         i++) {
        rc = has_subject(store, loaded->content.subjects[i], loaded->place);
    }
    return rc == RC_NOT_FOUND ? breaks(verify, place, "index of subjects") : rc;
}

// ---- Chains ----

static enum rc admit_hash(struct verify *verify, const struct loaded *loaded,
                          struct chain_head *head) {
    struct admit admit;
    struct hash32 record_hash;
    int64_t record_place = 0;
    enum rc rc = admit_decode(buf_slice(&loaded->bytes), &admit);
    if (rc == RC_OK) {
        rc = place_find(verify->store, &admit.place, &record_place);
    }
    if (rc == RC_OK) {
        rc = entry_hash(verify->store, record_place, &record_hash);
    }
    if (rc == RC_OK) {
        chain_add_admit(head, buf_slice(&loaded->bytes), &record_hash);
    }
    return rc;
}

static enum rc verify_entry(struct verify *verify, const struct chain_row *chain,
                            struct loaded *loaded, struct chain_head *head) {
    struct place place = {chain->chain.id, head->seq + 1};
    loaded->place = 0;
    enum rc rc = entry_load(verify->store, place_pack(chain->id, place.seq), loaded);
    if (rc == RC_NOT_FOUND || rc == RC_CORRUPT) {
        return breaks(verify, &place, rc == RC_NOT_FOUND ? "entry missing" : "entry");
    }
    if (rc != RC_OK) {
        return rc;
    }
    if (loaded->type == ENTRY_RECORD) {
        chain_add_record(head, buf_slice(&loaded->bytes), loaded->has_sig ? &loaded->sig : NULL);
    } else {
        rc = admit_hash(verify, loaded, head);
    }
    if (is_break(rc) || (rc == RC_OK && !hash32_equal(&head->hash, &loaded->hash))) {
        return breaks(verify, &place, "chain hash");
    }
    if (rc != RC_OK) {
        return rc;
    }
    verify->report.entries++;
    one_more(verify);
    if (loaded->type == ENTRY_RECORD) {
        rc = verify_signature(verify, loaded, chain, &place);
        if (rc == RC_OK) {
            rc = verify_indexes(verify, loaded, &place);
        }
    }
    return rc;
}

// The hash at each seal was compared with the computed one before.
static enum rc verify_seals(struct verify *verify, const struct chain_row *chain) {
    struct store *store = verify->store;
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_SEALS, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    uint64_t last = 0;
    sqlite3_bind_int64(statement, 1, place_pack(chain->id, 0));
    sqlite3_bind_int64(statement, 2, place_pack(chain->id, STORE_SEQ_MAX));
    while (!broken(verify) && (rc = db_row(store, statement)) == RC_OK) {
        int64_t at = sqlite3_column_int64(statement, 0);
        struct place place = {chain->chain.id, place_seq(at)};
        struct chain_head head = {.seq = place.seq};
        struct signature seal;
        bool good = chain->author->has_key && place.seq <= chain->chain.head.seq &&
                    column_copy(statement, 1, seal.b, SIGNATURE_BYTES);
        rc = good ? entry_hash(store, at, &head.hash) : RC_OK;
        if (rc != RC_OK && !is_break(rc)) {
            break;
        }
        good = good && rc == RC_OK &&
               seal_verify(verify->scheme, store->site, place.chain, &head,
                           &chain->author->author.device_key, &seal);
        rc = good ? RC_OK : breaks(verify, &place, "seal");
        verify->report.seals++;
        last = place.seq;
    }
    db_give(store, STATEMENT_SEALS, statement);
    if (rc != RC_OK && rc != RC_NOT_FOUND) {
        return rc;
    }
    if (!broken(verify) && last != chain->chain.sealed.seq) {
        struct place place = {chain->chain.id, chain->chain.sealed.seq};
        return breaks(verify, &place, "seal missing");
    }
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc verify_chain(struct verify *verify, const struct chain_row *chain) {
    struct loaded loaded;
    struct chain_head head;
    loaded_init(&loaded);
    chain_start(verify->store->site, chain->chain.id, &head);
    enum rc rc = RC_OK;
    while (rc == RC_OK && !broken(verify) && head.seq < chain->chain.head.seq) {
        rc = verify_entry(verify, chain, &loaded, &head);
        if (rc == RC_OK && head.seq == chain->chain.sealed.seq && !broken(verify) &&
            !hash32_equal(&head.hash, &chain->chain.sealed.hash)) {
            struct place place = {chain->chain.id, head.seq};
            rc = breaks(verify, &place, "sealed head");
        }
    }
    loaded_fini(&loaded);
    if (rc == RC_OK && !broken(verify) && !hash32_equal(&head.hash, &chain->chain.head.hash)) {
        struct place place = {chain->chain.id, head.seq};
        rc = breaks(verify, &place, "chain head");
    }
    if (rc == RC_OK && !broken(verify)) {
        rc = verify_seals(verify, chain);
    }
    verify->report.chains++;
    return rc;
}

static enum rc verify_chains(struct verify *verify) {
    struct store *store = verify->store;
    int64_t row_id = 0;
    enum rc rc = RC_OK;
    while (rc == RC_OK && !broken(verify)) {
        struct chain_row *chain = NULL;
        rc = chain_next(store, row_id, &row_id);
        if (rc == RC_NOT_FOUND) {
            return RC_OK;
        }
        if (rc == RC_OK) {
            rc = chain_by_row(store, row_id, &chain);
        }
        if (rc == RC_CORRUPT || rc == RC_NOT_FOUND) {
            return breaks(verify, NULL, "chain");
        }
        if (rc == RC_OK) {
            rc = verify_chain(verify, chain);
        }
    }
    return rc;
}

// ---- The log ----

static bool admit_matches(const struct admit *admit, const struct store_log *log) {
    return admit->verdict == log->verdict && admit->rule == log->rule && admit->n == log->n &&
           admit->hub_time.v == log->hub_time.v && admit->roster_version == log->roster_version &&
           admit->place.seq == log->place.seq &&
           chain_id_equal(admit->place.chain, log->place.chain);
}

static enum rc verify_log_row(struct verify *verify, const struct log_row *row,
                              struct loaded *loaded) {
    struct store_log log;
    struct admit admit;
    enum rc rc = log_unpack(verify->store, row, &log);
    if (rc != RC_OK) {
        return rc == RC_CORRUPT ? breaks(verify, NULL, "log") : rc;
    }
    if (row->admit == row->place) {
        bool own = author_equal(log.hub, log.place.chain.author) && log.verdict == VERDICT_ACCEPTED;
        return own ? RC_OK : breaks(verify, &log.place, "log");
    }
    rc = entry_load(verify->store, row->admit, loaded);
    bool good = rc == RC_OK && loaded->type == ENTRY_ADMIT &&
                author_equal(log.hub, log.admit_place.chain.author) &&
                admit_decode(buf_slice(&loaded->bytes), &admit) == RC_OK &&
                admit_matches(&admit, &log);
    if (rc != RC_OK && rc != RC_NOT_FOUND && rc != RC_CORRUPT) {
        return rc;
    }
    return good ? RC_OK : breaks(verify, &log.place, "log");
}

static enum rc verify_log(struct verify *verify) {
    struct store *store = verify->store;
    sqlite3_stmt *statement = NULL;
    struct loaded loaded;
    loaded_init(&loaded);
    enum rc rc = db_take(store, STATEMENT_LOG_ALL, &statement);
    while (rc == RC_OK && !broken(verify) && (rc = db_row(store, statement)) == RC_OK) {
        struct log_row row;
        log_row_read(statement, &row);
        rc = verify_log_row(verify, &row, &loaded);
        one_more(verify);
    }
    db_give(store, STATEMENT_LOG_ALL, statement);
    loaded_fini(&loaded);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

// ---- Views ----

// A row of one table that the other lacks; its last folded verdict leads to a place.
static enum rc view_differs(struct verify *verify, const struct module *module, const char *left,
                            const char *right) {
    struct store *store = verify->store;
    struct buf sql;
    struct buf columns;
    int64_t folded = 0;
    buf_init(&sql, STORE_SQL_BYTES);
    buf_init(&columns, STORE_SQL_BYTES);
    buf_printf(&columns, "folded, site, subject, state");
    for (uint8_t i = 0; i < module->column_count; i++) {
        buf_printf(&columns, ", \"%s\"", module->columns[i].name);
    }
    buf_printf(&sql, "SELECT %s FROM %s.view_%s EXCEPT ", buf_cstr(&columns), left, module->name);
    buf_printf(&sql, "SELECT %s FROM %s.view_%s LIMIT 1", buf_cstr(&columns), right, module->name);
    const char *text = buf_cstr(&sql);
    enum rc rc = buf_rc(&columns) != RC_OK ? buf_rc(&columns) : buf_rc(&sql);
    if (rc == RC_OK) {
        rc = db_integer(store->db, text, &folded);
    }
    buf_fini(&columns);
    buf_fini(&sql);
    if (rc != RC_OK) {
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    }
    struct log_row row;
    struct place place;
    char what[96];
    snprintf(what, sizeof(what), "view %s", module->name);
    bool known =
        log_get(store, folded, &row) == RC_OK && place_unpack(store, row.place, &place) == RC_OK;
    return breaks(verify, known ? &place : NULL, what);
}

// Temporary tables of the same names hide the stored ones, so that the same fold fills them.
static enum rc views_shadow(struct verify *verify) {
    struct store *store = verify->store;
    enum rc rc = RC_OK;
    for (uint16_t i = 0; i < store->registry->count && rc == RC_OK; i++) {
        struct buf sql;
        buf_init(&sql, STORE_SQL_BYTES);
        view_finalize(&store->views[i]);
        view_sql(store->views[i].module, "CREATE TEMP TABLE", &sql);
        const char *text = buf_cstr(&sql);
        rc = buf_rc(&sql);
        if (rc == RC_OK) {
            rc = db_rc(store->db, sqlite3_exec(store->db, text, NULL, NULL, NULL));
        }
        buf_fini(&sql);
    }
    if (rc == RC_OK) {
        store->on_fold_off = true;
        rc = fold_all(store, verify->total > 0 ? folded : NULL, verify);
        store->on_fold_off = false;
    }
    return rc;
}

static enum rc verify_views(struct verify *verify) {
    struct store *store = verify->store;
    enum rc rc = db_rc(store->db, sqlite3_exec(store->db, "BEGIN", NULL, NULL, NULL));
    if (rc != RC_OK) {
        return rc;
    }
    rc = views_shadow(verify);
    for (uint16_t i = 0; i < store->registry->count && rc == RC_OK && !broken(verify); i++) {
        rc = view_differs(verify, store->views[i].module, "main", "temp");
        if (rc == RC_OK && !broken(verify)) {
            rc = view_differs(verify, store->views[i].module, "temp", "main");
        }
    }
    for (uint16_t i = 0; i < store->registry->count; i++) {
        view_finalize(&store->views[i]);
    }
    enum rc tidied = db_tidy(store);
    if (rc == RC_OK && tidied != RC_OK) {
        return tidied;
    }
    return rc == RC_CORRUPT ? breaks(verify, NULL, "view") : rc;
}

enum rc store_verify(struct store *store, const struct keys_scheme *scheme,
                     bool (*key_of)(void *ctx, const struct content *content,
                                    struct public_key *out_key),
                     void *ctx, struct store_verify_report *out_report) {
    ENSURE(!store->in_transaction);
    static enum rc (*const steps[])(struct verify * verify) = {verify_file, verify_chains,
                                                               verify_log, verify_views};
    struct verify verify = {.store = store, .scheme = scheme, .key_of = key_of, .ctx = ctx};
    store_refresh(store);
    // What is in memory would hide what is in the file.
    store_forget(store);
    enum rc rc = db_tidy(store);
    store->walks++;
    count_all(&verify);
    for (size_t i = 0; i < COUNT_OF(steps) && rc == RC_OK && !broken(&verify); i++) {
        rc = steps[i](&verify);
    }
    store->walks--;
    if (rc == RC_OK) {
        *out_report = verify.report;
    }
    return rc;
}
