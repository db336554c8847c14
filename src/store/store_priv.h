// Private to src/store: the open store, its statements and what it keeps in memory.
//
// PLACES  A place is packed into one integer, chain row id << 40 | seq, which is the rowid of entry
//         and seal: a chain lies together and in order, and every index holds 8 bytes instead of
//         40. A log row's id is rank of the hub << 40 | n in the same way: rowid order is fold
//         order, whatever the order in which this store learned of the hubs.
// SUBJECTS A subject is numbered by the place of the record with its id, or, if that record was not
//         here when the subject was first named, by minus its row in stranger. Numbers follow time,
//         ids are random: a page of rows keyed by number is written once, keyed by id once a row.
// MEMORY  Heads of chains and authors are cached; the cache is dropped on rollback, because then it
//         may say more than the file. Chain rows are written back once a commit.
// ERRORS  The first failure of a write that the disk or memory causes stays (`trouble`): the rest
//         of the transaction refuses, and store_commit rolls back and returns it. After RC_IO the
//         store is `failed` and never writes again.
#ifndef DAVY_STORE_STORE_PRIV_H
#define DAVY_STORE_STORE_PRIV_H

#include "davy/base/map.h"
#include "davy/store/store.h"

#include <sqlite3.h>

#define STORE_APPLICATION_ID 0x44617679 // "Davy"
#define STORE_PLACE_BITS 40
#define STORE_SEQ_MAX ((UINT64_C(1) << STORE_PLACE_BITS) - 1)
#define STORE_ROW_MAX ((INT64_C(1) << 22) - 1) // row ids of chains and authors that can be packed
#define STORE_CHAINS_MAX (1u << 20)
#define STORE_AUTHORS_MAX (1u << 18)
#define STORE_WAL_BYTES_MAX (16 * 1024 * 1024) // a commit beyond it checkpoints
#define STORE_SQL_BYTES 4096
#define VIEW_SUM_BYTES 4

// Of one blob, as blob.c reads them.
#define BLOB_COLUMNS                                                                               \
    "id, hash, size, media, origin, wanted, whole, hub, refused, held, time, "                     \
    "EXISTS(SELECT 1 FROM blob_named AS m WHERE m.site = blob.site AND m.hash = blob.hash)"
// X(name, SQL)
#define STORE_STATEMENTS(X)                                                                        \
    X(BEGIN, "BEGIN IMMEDIATE")                                                                    \
    X(COMMIT, "COMMIT")                                                                            \
    X(ROLLBACK, "ROLLBACK")                                                                        \
    X(DATA_VERSION, "PRAGMA data_version")                                                         \
    X(SITE_GET, "SELECT id, site FROM site ORDER BY id LIMIT 1")                                   \
    X(SITE_PUT, "INSERT INTO site(site) VALUES(?1)")                                               \
    X(AUTHOR_GET, "SELECT id, device_key, own FROM author WHERE site = ?1 AND author = ?2")        \
    X(AUTHOR_BY_ID, "SELECT author FROM author WHERE id = ?1")                                     \
    X(AUTHOR_PUT, "INSERT INTO author(site, author, device_key, own) VALUES(?1, ?2, ?3, ?4)")      \
    X(AUTHOR_KEY, "UPDATE author SET device_key = ?2, own = ?3 WHERE id = ?1")                     \
    X(AUTHORS_OWN, "SELECT author FROM author WHERE site = ?1 AND own = 1 ORDER BY id")            \
    X(HUB_RANK, "SELECT rank FROM hub WHERE author = ?1")                                          \
    X(HUB_AT, "SELECT author FROM hub WHERE rank = ?1")                                            \
    X(HUB_LAST, "SELECT max(rank) FROM hub")                                                       \
    X(HUB_PUT, "INSERT INTO hub(author, rank) VALUES(?1, ?2)")                                     \
    X(HUB_DROP, "DELETE FROM hub WHERE author = ?1")                                               \
    X(OPENING_PUT, "INSERT INTO opening(author, previous, heads) VALUES(?1, ?2, ?3) "              \
                   "ON CONFLICT DO NOTHING")                                                       \
    X(OPENING_GET, "SELECT previous, heads FROM opening WHERE author = ?1")                        \
    X(CHAIN_GET, "SELECT id, head_seq, head_hash, sealed_seq, sealed_hash, logged_seq, acked_seq " \
                 "FROM chain WHERE author = ?1 AND lane = ?2 AND audience = ?3")                   \
    X(CHAIN_BY_ID, "SELECT author, lane, audience FROM chain WHERE id = ?1")                       \
    X(CHAIN_PUT, "INSERT INTO chain(author, lane, audience, head_seq, head_hash, sealed_seq, "     \
                 "sealed_hash, logged_seq, acked_seq) VALUES(?1, ?2, ?3, 0, ?4, 0, ?4, 0, 0)")     \
    X(CHAIN_SET, "UPDATE chain SET head_seq = ?2, head_hash = ?3, sealed_seq = ?4, "               \
                 "sealed_hash = ?5, logged_seq = ?6, acked_seq = ?7 WHERE id = ?1")                \
    X(CHAINS, "SELECT id FROM chain WHERE id > ?1 ORDER BY id LIMIT 1")                            \
    X(CHAINS_OF, "SELECT lane, audience FROM chain WHERE author = ?1 ORDER BY lane, audience")     \
    X(ENTRY_PUT, "INSERT INTO entry(place, type, hash, sig, bytes) VALUES(?1, ?2, ?3, ?4, ?5)")    \
    X(ENTRY_GET, "SELECT type, hash, sig, bytes FROM entry WHERE place = ?1")                      \
    X(ENTRY_HASH, "SELECT hash FROM entry WHERE place = ?1")                                       \
    X(ENTRY_TYPE, "SELECT type FROM entry WHERE place = ?1")                                       \
    X(ENTRY_NEXT, "SELECT place, type, hash, sig, bytes FROM entry WHERE place >= ?1 AND "         \
                  "place <= ?2 ORDER BY place")                                                    \
    X(ENTRY_LAST_ADMIT, "SELECT max(place) FROM entry WHERE place > ?1 AND place <= ?2 "           \
                        "AND type = 1")                                                            \
    X(RECORD_PUT, "INSERT INTO record(site, rid, place) VALUES(?1, ?2, ?3) "                       \
                  "ON CONFLICT DO NOTHING")                                                        \
    X(RECORD_GET, "SELECT place FROM record WHERE site = ?1 AND rid = ?2")                         \
    X(AGAIN_PUT, "INSERT INTO again(site, rid, place) VALUES(?1, ?2, ?3)")                         \
    X(AGAIN_GET, "SELECT place FROM again WHERE site = ?1 AND rid = ?2 ORDER BY place")            \
    X(AGAIN_ANY, "SELECT EXISTS(SELECT 1 FROM again)")                                             \
    X(STRANGER_PUT, "INSERT INTO stranger(site, subject) VALUES(?1, ?2)")                          \
    X(STRANGER_GET, "SELECT id FROM stranger WHERE site = ?1 AND subject = ?2")                    \
    X(STRANGER_ANY, "SELECT EXISTS(SELECT 1 FROM stranger)")                                       \
    X(SUBJECT_PUT, "INSERT INTO subject(subject, place) VALUES(?1, ?2) ON CONFLICT DO NOTHING")    \
    X(SUBJECT_GET, "SELECT place FROM subject WHERE subject = ?1")                                 \
    X(SEAL_PUT, "INSERT INTO seal(place, sig) VALUES(?1, ?2) ON CONFLICT DO NOTHING")              \
    X(SEAL_GET, "SELECT place, sig FROM seal WHERE place >= ?1 AND place <= ?2 "                   \
                "ORDER BY place LIMIT 1")                                                          \
    X(CUT_PUT, "INSERT INTO cut(place, type, hash, sig, bytes, seal) SELECT entry.place, type, "   \
               "hash, entry.sig, bytes, seal.sig FROM entry LEFT JOIN seal "                       \
               "ON seal.place = entry.place WHERE entry.place > ?1 AND entry.place <= ?2")         \
    X(CUT_SEALS, "DELETE FROM seal WHERE place > ?1 AND place <= ?2")                              \
    X(CUT_ENTRIES, "DELETE FROM entry WHERE place > ?1 AND place <= ?2")                           \
    X(CUT_LOGGED, "SELECT 1 FROM log WHERE place > ?1 AND place <= ?2 LIMIT 1")                    \
    X(SEAL_LAST, "SELECT max(place) FROM seal WHERE place > ?1 AND place <= ?2")                   \
    X(RECORD_MOVE, "UPDATE record SET place = ?3 WHERE site = ?1 AND rid = ?2")                    \
    X(RECORD_DROP, "DELETE FROM record WHERE site = ?1 AND rid = ?2")                              \
    X(AGAIN_DROP, "DELETE FROM again WHERE site = ?1 AND rid = ?2 AND place = ?3")                 \
    X(SUBJECT_DROP, "DELETE FROM subject WHERE subject = ?1 AND place = ?2")                       \
    X(SUBJECT_RENUMBER, "UPDATE subject SET subject = ?2 WHERE subject = ?1")                      \
    X(VOID_PUT, "INSERT INTO void(log, place, admit, verdict, rule, hub_time, roster) "            \
                "SELECT id, place, admit, verdict, rule, hub_time, roster FROM log "               \
                "WHERE id = ?1")                                                                   \
    X(VOID_LOG, "DELETE FROM log WHERE id = ?1")                                                   \
    X(LOG_PUT, "INSERT INTO log(id, place, admit, verdict, rule, hub_time, roster) "               \
               "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)")                                               \
    X(LOG_GET, "SELECT id, place, admit, verdict, rule, hub_time, roster FROM log "                \
               "WHERE id = ?1")                                                                    \
    X(LOG_OF, "SELECT id, place, admit, verdict, rule, hub_time, roster FROM log "                 \
              "WHERE place = ?1 ORDER BY id DESC")                                                 \
    X(LOG_LAST, "SELECT max(id) FROM log WHERE id >= ?1 AND id <= ?2")                             \
    X(LOG_HIGH, "SELECT max(place) FROM log WHERE place >= ?1 AND place <= ?2")                    \
    X(LOG_ALL, "SELECT id, place, admit, verdict, rule, hub_time, roster FROM log ORDER BY id")    \
    X(LOG_HELD, "SELECT id, place, admit, verdict, rule, hub_time, roster FROM log AS held "       \
                "WHERE verdict = 4 AND id > ?1 AND NOT EXISTS (SELECT 1 FROM log WHERE "           \
                "log.place = held.place AND log.id > held.id) ORDER BY id")                        \
    X(LOG_RECENT, "SELECT id, place FROM log WHERE id < ?1 ORDER BY id DESC LIMIT 1")              \
    X(META_GET, "SELECT value FROM meta WHERE key = ?1")                                           \
    X(META_SET, "INSERT INTO meta(key, value) VALUES(?1, ?2) "                                     \
                "ON CONFLICT(key) DO UPDATE SET value = excluded.value")                           \
    X(SECRET_PUT, "INSERT INTO secret(hash, expires, payload) VALUES(?1, ?2, ?3) "                 \
                  "ON CONFLICT(hash) DO UPDATE SET expires = excluded.expires, "                   \
                  "payload = excluded.payload")                                                    \
    X(SECRET_TRIM, "DELETE FROM secret WHERE hash IN "                                             \
                   "(SELECT hash FROM secret ORDER BY expires DESC LIMIT -1 OFFSET ?1)")           \
    X(SECRET_GET, "SELECT payload FROM secret WHERE hash = ?1 AND expires > ?2")                   \
    X(SECRET_DROP, "DELETE FROM secret WHERE hash = ?1")                                           \
    X(QUARANTINE_PUT, "INSERT INTO quarantine(source, why, time, sample) VALUES(?1, ?2, ?3, ?4)")  \
    X(QUARANTINE_TRIM, "DELETE FROM quarantine WHERE id <= ?1")                                    \
    X(QUARANTINE_COUNT, "SELECT count(*) FROM quarantine")                                         \
    X(VIEW_VERSION, "SELECT fold_version, state_bytes, sql FROM view WHERE module = ?1")           \
    X(VIEW_VERSION_SET, "INSERT INTO view(module, fold_version, state_bytes, sql) "                \
                        "VALUES(?1, ?2, ?3, ?4) ON CONFLICT(module) DO UPDATE SET "                \
                        "fold_version = excluded.fold_version, "                                   \
                        "state_bytes = excluded.state_bytes, sql = excluded.sql")                  \
    X(SUBJECT_HAS, "SELECT 1 FROM subject WHERE subject = ?1 AND place = ?2")                      \
    X(SEALS, "SELECT place, sig FROM seal WHERE place >= ?1 AND place <= ?2 ORDER BY place")       \
    X(BLOB_GET, "SELECT " BLOB_COLUMNS " FROM blob WHERE site = ?1 AND hash = ?2")                 \
    X(BLOB_NEXT, "SELECT " BLOB_COLUMNS " FROM blob WHERE site = ?1 AND id > ?2 ORDER BY id "      \
                 "LIMIT 1")                                                                        \
    X(BLOB_NEXT_OFFER, "SELECT " BLOB_COLUMNS " FROM blob WHERE site = ?1 AND id > ?2 AND hub = "  \
                       "0 AND whole = 1 AND refused = 0 AND origin = zeroblob(16) AND "            \
                       "EXISTS(SELECT 1 FROM blob_named AS n WHERE n.site = blob.site AND "        \
                       "n.hash = blob.hash) ORDER BY id LIMIT 1")                                  \
    X(BLOB_NEXT_WANTED, "SELECT " BLOB_COLUMNS " FROM blob WHERE site = ?1 AND id > ?2 AND "       \
                        "wanted = 1 AND whole = 0 AND refused = 0 ORDER BY id LIMIT 1")            \
    X(BLOB_MAKE, "INSERT INTO blob(site, hash, size, media, origin, wanted, whole, hub, "          \
                 "refused, held, time) VALUES(?1, ?2, ?3, ?4, ?5, ?6, 0, 0, 0, 0, ?7)")            \
    X(BLOB_BEGIN, "UPDATE blob SET size = ?2, media = ?3, origin = ?4, time = ?5, held = 0, "      \
                  "refused = 0 WHERE id = ?1")                                                     \
    X(BLOB_HELD, "UPDATE blob SET held = ?2, whole = ?3, time = ?4 WHERE id = ?1")                 \
    X(BLOB_WANT, "UPDATE blob SET wanted = 1, refused = 0, time = ?2 WHERE id = ?1")               \
    X(BLOB_SAID, "UPDATE blob SET hub = ?2, refused = ?3 WHERE id = ?1")                           \
    X(BLOB_AGAIN, "UPDATE blob SET refused = 0, hub = hub * ?1 WHERE refused <> 0 OR hub <> "      \
                  "hub * ?1")                                                                      \
    X(BLOB_SUM, "SELECT coalesce(sum(size), 0), coalesce(sum(whole = 0 AND size > 0), 0) FROM "    \
                "blob WHERE origin = ?1 AND id <> ?2")                                             \
    X(BLOB_SUM_ALL, "SELECT coalesce(sum(size), 0) FROM blob WHERE id <> ?1")                      \
    X(BLOB_OLDEST, "SELECT hash FROM blob WHERE origin = ?1 AND whole = 1 ORDER BY time LIMIT "    \
                   "1")                                                                            \
    X(BLOB_LEFT, "SELECT hash FROM blob WHERE origin = ?1 AND whole = 0 AND size > 0 AND "         \
                 "wanted = 0 AND time < ?2 LIMIT 1")                                               \
    X(BLOB_FIND, "SELECT hash FROM blob WHERE site = ?1 AND hash >= ?2 AND hash <= ?3 UNION "      \
                 "SELECT hash FROM blob_named WHERE site = ?1 AND hash >= ?2 AND hash <= ?3 "      \
                 "LIMIT 2")                                                                        \
    X(BLOB_DROP, "DELETE FROM blob WHERE id = ?1")                                                 \
    X(CHUNK_PUT, "INSERT INTO blob_chunk(id, units, bytes) VALUES(?1, ?2, ?3)")                    \
    X(CHUNK_BEFORE, "SELECT id, units FROM blob_chunk WHERE id >= ?1 AND id <= ?2 ORDER BY id "    \
                    "DESC LIMIT 1")                                                                \
    X(CHUNK_AFTER, "SELECT id, units FROM blob_chunk WHERE id >= ?1 AND id <= ?2 ORDER BY id "     \
                   "LIMIT 1")                                                                      \
    X(CHUNKS, "SELECT id, units, bytes FROM blob_chunk WHERE id >= ?1 AND id <= ?2 ORDER BY id")   \
    X(CHUNK_DROP, "DELETE FROM blob_chunk WHERE id >= ?1 AND id <= ?2")                            \
    X(BLOB_NAMED_PUT, "INSERT INTO blob_named(site, hash, rid) VALUES(?1, ?2, ?3) ON CONFLICT "    \
                      "DO NOTHING")                                                                \
    X(BLOB_NAMED, "SELECT rid FROM blob_named WHERE site = ?1 AND hash = ?2 AND rid > ?3 "         \
                  "ORDER BY rid LIMIT 1")

enum statement {
#define STORE_STATEMENT_ENUM(name, sql) STATEMENT_##name,
    STORE_STATEMENTS(STORE_STATEMENT_ENUM)
#undef STORE_STATEMENT_ENUM
        STATEMENT_COUNT
};

struct author_row {
    int64_t id; // 0: not in the table
    bool has_key;
    uint32_t rank; // of a hub; 0: none
    struct store_author author;
};

struct chain_row {
    int64_t id; // 0: not in the table
    struct author_row *author;
    struct store_chain chain;
    // Above this seq nothing has a verdict or is an admit. Spares most look-ups for out-of-order
    // verdicts.
    uint64_t log_high;
    bool dirty;
};

struct log_row {
    int64_t id;
    int64_t place;
    int64_t admit;
    enum verdict verdict;
    uint16_t rule;
    struct utc_ms hub_time;
    uint64_t roster_version;
};

// One entry read back or just appended; owns the bytes that entry and content borrow.
struct loaded {
    int64_t place; // 0: nothing loaded
    enum entry_type type;
    struct hash32 hash;
    bool has_sig;
    struct signature sig;
    struct buf bytes;
    struct rid rid;         // of a record
    struct content content; // of a record
};

enum view_statement { VIEW_GET, VIEW_INSERT, VIEW_UPDATE, VIEW_STATEMENT_COUNT };

struct view {
    const struct module *module;
    sqlite3_stmt *statements[VIEW_STATEMENT_COUNT];
    uint8_t *scratch; // one state and its checksum
    bool stale;       // to be folded anew
};

struct pending_item {
    int64_t place;
    int64_t time;                // of the content
    const struct module *module; // NULL: the kind is unknown or speaks of no subject
    struct rid subject;
    struct rid rid;
    uint32_t next;     // of the same subject; UINT32_MAX: none
    uint32_t last;     // of the same subject, kept in the first; UINT32_MAX elsewhere
    bool opens_record; // the first item of its record
};

struct pending {
    bool built;
    struct pending_item *items;
    uint32_t count;
    uint32_t built_count; // items when it was built
    uint32_t cap;
    struct map *heads; // subject -> first item
    struct map *rids;  // -> first item of the record
};

struct store {
    sqlite3 *db;
    int lock_fd; // -1: none
    bool read_only;
    bool in_transaction;
    bool failed;     // an I/O error of a write: end the process
    enum rc trouble; // first failure of this transaction
    int wal_pages;   // of the last commit
    int page_bytes;
    int64_t data_version; // read-only: what the caches were read at
    const struct registry *registry;

    sqlite3_stmt *statements[STATEMENT_COUNT];
    bool taken[STATEMENT_COUNT]; // in use by a walk

    int64_t site_row; // 0: no site yet
    struct site_id site;

    struct author_row **authors;
    uint32_t author_count;
    struct map *author_map; // author id -> index
    struct chain_row **chains;
    uint32_t chain_count;
    struct map *chain_map; // author, lane, audience -> index
    struct map *chain_ids; // row id -> index
    bool has_again;        // some rid may stand at more than one place
    bool has_strangers;    // some subject may be numbered by stranger
    bool site_is_new;      // set in this transaction
    int walks;             // visits under way: cached rows must stay

    struct loaded last; // the newest entry appended or folded
    struct view *views; // one a module
    struct pending pending;
    void (*on_fold)(void *ctx, const struct module *module, struct rid subject, const void *state);
    void *on_fold_ctx;
    bool on_fold_off; // verifying
    void (*on_verify)(void *ctx, uint64_t done, uint64_t total);
    void *on_verify_ctx;
    bool stale_only; // fold into stale views only
};

// ---- db.c: statements and errors ----
enum rc db_rc(sqlite3 *db, int code);
// RC_OK and a reset statement without bindings; of a walk's statement a second copy. Give it back.
DAVY_MUST_USE enum rc db_take(struct store *store, enum statement which,
                              sqlite3_stmt **out_statement);
void db_give(struct store *store, enum statement which, sqlite3_stmt *statement);
// RC_OK: a row; RC_NOT_FOUND: no more.
DAVY_MUST_USE enum rc db_row(struct store *store, sqlite3_stmt *statement);
// Runs a statement that gives no row and is a write: failures become the transaction's trouble.
DAVY_MUST_USE enum rc db_run(struct store *store, sqlite3_stmt *statement);
enum rc db_trouble(struct store *store, enum rc rc);
// A read that found no memory spoils the transaction, so that nothing is decided on half of what
// the store knows. Returns rc.
DAVY_MUST_USE enum rc db_short(struct store *store, enum rc rc);
DAVY_MUST_USE enum rc db_exec(struct store *store, const char *sql);
// The same with the buffer's failure: an empty text would be executed and succeed.
DAVY_MUST_USE enum rc db_exec_buf(struct store *store, struct buf *sql);
// Ends a transaction of SQLite that a rollback without memory left open.
DAVY_MUST_USE enum rc db_tidy(struct store *store);
DAVY_MUST_USE enum rc db_integer(sqlite3 *db, const char *sql, int64_t *out_value);
DAVY_MUST_USE enum rc db_text(sqlite3 *db, const char *sql, char *out_text, size_t out_bytes);
void db_finalize_all(struct store *store);
// The rest of a transaction goes on only while this is RC_OK.
DAVY_MUST_USE enum rc db_ready(struct store *store);
// Read-only: forgets what was cached if the owner has committed since.
void store_refresh(struct store *store);
void store_forget(struct store *store);
DAVY_MUST_USE enum rc store_load(struct store *store);
DAVY_MUST_USE enum rc store_flush_chains(struct store *store);

// Bound memory must live until the statement is stepped; every parameter is bound anew at each use.
void bind_bytes(sqlite3_stmt *statement, int index, const void *data, size_t bytes);
void bind_uint(sqlite3_stmt *statement, int index, uint64_t value);
// False if the column is not a blob of exactly that size.
bool column_copy(sqlite3_stmt *statement, int index, void *out, size_t bytes);
struct slice column_slice(sqlite3_stmt *statement, int index);
// Why a column gave no text: RC_NO_MEMORY, or RC_CORRUPT because none is there.
DAVY_MUST_USE enum rc column_rc(sqlite3 *db);

// ---- schema.c ----
struct migration {
    const char *name;
    const char *sql;
};
struct schema {
    int application_id;
    const struct migration *migrations;
    int count;
};
extern const struct schema store_schema;
// Limits, PRAGMAs (read back), application id, migrations up to `count` (at most the schema's).
struct schema_open {
    const struct schema *schema;
    int count;
    bool read_only;
    bool exclusive; // a VFS without shared memory
};
DAVY_MUST_USE enum rc schema_prepare(sqlite3 *db, const struct schema_open *open,
                                     struct refusal *out_refusal);
// Opens (or with `create` makes) one SQLite file of a schema; refuses foreign and newer ones
// untouched. out_refusal must be cleared by the caller and is not NULL.
struct schema_file {
    const struct schema *schema;
    const char *path;
    const char *vfs;
    bool read_only;
    bool create;
};
DAVY_MUST_USE enum rc schema_open_file(const struct schema_file *file, sqlite3 **out_db,
                                       struct refusal *out_refusal);
// The path of a file in a folder: absolute and without links, or the bare name for folder "".
DAVY_MUST_USE enum rc schema_path(const char *folder, const char *name, char *out_path,
                                  size_t out_bytes);

// ---- chain.c ----
int64_t place_pack(int64_t chain, uint64_t seq);
static inline uint64_t place_seq(int64_t place) {
    return (uint64_t)place & STORE_SEQ_MAX;
}
static inline int64_t place_chain(int64_t place) {
    return place >> STORE_PLACE_BITS;
}
DAVY_MUST_USE enum rc author_find(struct store *store, struct author_id id,
                                  struct author_row **out_row);
DAVY_MUST_USE enum rc author_make(struct store *store, struct author_row *row);
DAVY_MUST_USE enum rc author_by_row(struct store *store, int64_t row_id,
                                    struct author_id *out_author);
DAVY_MUST_USE enum rc chain_find(struct store *store, struct chain_id id,
                                 struct chain_row **out_row);
DAVY_MUST_USE enum rc chain_make(struct store *store, struct chain_row *row);
// The chain row after this one. RC_NOT_FOUND.
DAVY_MUST_USE enum rc chain_next(struct store *store, int64_t after, int64_t *out_row_id);
DAVY_MUST_USE enum rc chain_by_row(struct store *store, int64_t row_id, struct chain_row **out_row);
// RC_NOT_FOUND if the chain has no row or the seq is beyond its head.
DAVY_MUST_USE enum rc place_find(struct store *store, const struct place *place,
                                 int64_t *out_place);
DAVY_MUST_USE enum rc place_unpack(struct store *store, int64_t place, struct place *out_place);

// ---- incarnation.c ----
DAVY_MUST_USE enum rc author_rank_read(struct store *store, struct author_row *row);
DAVY_MUST_USE enum rc hub_by_rank(struct store *store, int64_t rank, struct author_id *out_hub);

// ---- entry.c ----
void loaded_init(struct loaded *loaded);
void loaded_fini(struct loaded *loaded);
DAVY_MUST_USE enum rc entry_hash(struct store *store, int64_t place, struct hash32 *out_hash);
DAVY_MUST_USE enum rc entry_load(struct store *store, int64_t place, struct loaded *loaded);
DAVY_MUST_USE enum rc record_first(struct store *store, struct rid rid, int64_t *out_place);
// The subject's number; RC_NOT_FOUND if nothing speaks of it. With `make` it gets one.
DAVY_MUST_USE enum rc subject_number(struct store *store, struct rid subject, bool make,
                                     int64_t *out_number);
// Every place of a rid, the first one first; a visit that returns false ends the walk.
DAVY_MUST_USE enum rc record_places(struct store *store, struct rid rid,
                                    bool (*visit)(void *ctx, int64_t place), void *ctx);

// ---- log.c ----
void log_row_read(sqlite3_stmt *statement, struct log_row *out_row);
DAVY_MUST_USE enum rc log_get(struct store *store, int64_t id, struct log_row *out_row);
// The newest verdict about a place. RC_NOT_FOUND.
DAVY_MUST_USE enum rc log_find(struct store *store, int64_t place, struct log_row *out_row);
// The same about any place of the rid, that place first.
DAVY_MUST_USE enum rc log_find_rid(struct store *store, int64_t place, struct rid rid,
                                   struct log_row *out_row);
DAVY_MUST_USE enum rc log_unpack(struct store *store, const struct log_row *row,
                                 struct store_log *out_log);
// Does this row reach the folds? Not if it states a repeat or a stray, or another place of the rid
// was judged before.
DAVY_MUST_USE enum rc log_folds(struct store *store, const struct log_row *row, struct rid rid,
                                bool *out_folds);

// ---- view.c ----
DAVY_MUST_USE enum rc views_open(struct store *store, struct refusal *out_refusal);
void views_close(struct store *store);
void view_finalize(struct view *view);
struct view *view_of(struct store *store, const struct module *module);
// SQL of a module's table and, where it has a column `open`, of its index.
void view_sql(const struct module *module, const char *create, struct buf *out);
// Makes the tables of stale views anew and folds the log into them. Inside a transaction.
DAVY_MUST_USE enum rc views_rebuild(struct store *store,
                                    void (*progress)(void *ctx, uint64_t done, uint64_t total),
                                    void *ctx);
// RC_NOT_FOUND (and a zeroed state) if it is empty, RC_CORRUPT if its checksum is wrong.
DAVY_MUST_USE enum rc state_unpack(const struct module *module, struct slice packed,
                                   void *out_state);
DAVY_MUST_USE enum rc view_load(struct store *store, struct view *view, struct rid subject,
                                void *out_state); // RC_NOT_FOUND
DAVY_MUST_USE enum rc fold_entry(struct store *store, const struct log_row *row,
                                 const struct loaded *loaded);
DAVY_MUST_USE enum rc fold_all(struct store *store,
                               void (*progress)(void *ctx, uint64_t done, uint64_t total),
                               void *ctx);
// Folds a subject anew in every view that has it; a view that nothing reaches any more loses its
// row.
DAVY_MUST_USE enum rc subject_refold(struct store *store, struct rid subject);
// The subject's views go by another number.
DAVY_MUST_USE enum rc views_renumber(struct store *store, int64_t number, int64_t other);
struct place_list {
    int64_t *places;
    uint32_t count;
    uint32_t cap;
};
void place_list_free(struct place_list *list);
DAVY_MUST_USE enum rc place_list_add(struct place_list *list, int64_t place);
// First places of all records that speak of a subject, in no order.
DAVY_MUST_USE enum rc subject_places(struct store *store, struct rid subject,
                                     struct place_list *list);

// ---- blob.c ----
// Notes which blobs a record names.
DAVY_MUST_USE enum rc blob_index(struct store *store, const struct content *content,
                                 struct rid rid);

// ---- pending.c ----
void pending_forget(struct store *store);
void pending_free(struct store *store);
void pending_added(struct store *store, const struct chain_row *chain, const struct loaded *loaded);
// Folds own pending records of the subject onto a state; out_any: there was one.
DAVY_MUST_USE enum rc pending_fold(struct store *store, const struct module *module,
                                   struct rid subject, void *state, bool *out_any);
// Places of own records that the log does not hold, by time.
DAVY_MUST_USE enum rc pending_places(struct store *store, struct place_list *list);

#endif
