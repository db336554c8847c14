// records.db: the journal of chains, the hub's log, and views folded by the modules.
//
// One process owns a store: it holds a lock on `davy.lock`, writes and checkpoints. All else opens
// it read-only. WAL, synchronous=FULL; a commit that returned RC_OK is on the disk. RC_FULL leaves
// everything as it was; RC_IO from a commit means that the process must end and recover from the
// file (fsync errors are never retried): every later store_begin returns RC_IO. One transaction a
// loop round: store_begin … store_commit. Every write below needs an open transaction (ENSUREd).
// Once a write failed for the disk's or memory's sake, or a read for memory's sake, all other
// writes of the transaction and the commit return the same, and the commit rolls back. Reads see
// the open transaction.
//
// TABLES (STRICT). entry, seal and log are append-only by trigger.
//   site; author (site, id); chain (author, lane, audience): what is below is keyed by site through
//                                                             these
//   entry   (chain, seq) -> type, bytes, signature, hash      the chain as it is hashed
//   seal    (chain, seq) -> signature
//   record  (site, rid) -> place                              its first one; others in `again`
//   subject (subject, place)                                  what speaks of a subject
//   log     (rank, n) -> place of record and admit, verdict, rule, hub time, roster version
//   hub     author -> rank          incarnations of the hub in their order
//   opening author -> previous, heads                          what an incarnation continues
//   cut, void                       entries and verdicts that were taken back, kept as evidence
//   view_<module> (site, subject) -> state, index columns     folded from the log only
//   meta, secret, quarantine                                  of this device
//
// "Pending" is computed: records of own authors that have no verdict, folded on top when read. A
// subject is folded in the order of (rank, n) whatever the order in which verdicts arrive, so that
// every copy of a log has the same views. Nothing leaves entry, seal or log but into cut or void.
//
// Visits: RC_OK goes on, RC_FULL ends the walk without error, any other code ends it with that
// code. A visit may read the store, but neither commit nor roll back.
#ifndef DAVY_STORE_STORE_H
#define DAVY_STORE_STORE_H

#include "davy/record/module.h"

struct store;
struct sqlite3;

struct store_options {
    const char
        *folder;     // holds records.db and davy.lock; "" with `vfs` set: ":memory:"-like, no lock
    const char *vfs; // SQLite VFS name, NULL = default (simulation injects faults here)
    const struct registry *registry;
    bool read_only; // no lock, no migration, no rebuild
    bool create;    // make a new store if there is none; otherwise RC_NOT_FOUND
};
// RC_BUSY (STORE_BUSY), RC_UNSUPPORTED (STORE_NEWER), RC_CORRUPT (STORE_CORRUPT/STORE_FOREIGN),
// RC_IO, RC_FULL, RC_NOT_FOUND. Runs migrations, and rebuilds views whose fold version, size or
// columns changed. A foreign, newer or damaged file stays as it was.
DAVY_MUST_USE enum rc store_open(const struct store_options *options, struct store **out_store,
                                 struct refusal *out_refusal);
void store_close(struct store *store);             // NULL is fine
struct sqlite3 *store_sqlite(struct store *store); // for tests and bench

DAVY_MUST_USE enum rc store_begin(struct store *store);
DAVY_MUST_USE enum rc store_commit(struct store *store);
void store_rollback(struct store *store); // also undoes in-memory heads
bool store_in_transaction(const struct store *store);

// The store's site: set once; another one is RC_WRONG_SITE. Zero until set.
struct site_id store_site(const struct store *store);
DAVY_MUST_USE enum rc store_site_set(struct store *store, struct site_id site);

// Small values of this device (not records): counters, settings, cursors. Keys are code constants.
DAVY_MUST_USE enum rc store_meta_get(struct store *store, const char *key,
                                     struct buf *out_value); // RC_NOT_FOUND
DAVY_MUST_USE enum rc store_meta_set(struct store *store, const char *key, struct slice value);
// One-time secrets (invites, enrolment codes), kept as hashes with an expiry and a payload.
DAVY_MUST_USE enum rc store_secret_put(struct store *store, const struct hash32 *hash,
                                       struct utc_ms expires, struct slice payload);
DAVY_MUST_USE enum rc store_secret_get(struct store *store, const struct hash32 *hash,
                                       struct utc_ms now,
                                       struct buf *out_payload); // RC_NOT_FOUND also when expired
DAVY_MUST_USE enum rc store_secret_drop(struct store *store, const struct hash32 *hash);

// Authors known here (from their author.open), with the device key that seals their chains.
struct store_author {
    struct author_id author;
    struct public_key device_key;
    bool own; // this store's own incarnation, now or earlier
};
DAVY_MUST_USE enum rc
store_author_put(struct store *store,
                 const struct store_author *author); // RC_EXISTS is fine: untouched
DAVY_MUST_USE enum rc store_author_get(struct store *store, struct author_id author,
                                       struct store_author *out_author);

// ---- Incarnations ----
// The one that this store writes under now. The first is named by the device's files; after that
// the store is the authority, because a new one begins in the transaction that needs it.
struct store_own {
    struct author_id author;
    uint8_t random[AUTHOR_RANDOM_BYTES];
};
DAVY_MUST_USE enum rc store_own_get(struct store *store,
                                    struct store_own *out_own); // RC_NOT_FOUND
DAVY_MUST_USE enum rc store_own_set(struct store *store, const struct store_own *own);
// Incarnations of the site's hub have ranks 1, 2, … A rank stands for good: RC_EXISTS if the author
// has this one, RC_FORK if the author has another or the rank is another's.
DAVY_MUST_USE enum rc store_hub_put(struct store *store, struct author_id hub, uint32_t rank);
// Forgets a rank whose verdicts are all void; the author's chains stay. RC_DENIED if some stand.
DAVY_MUST_USE enum rc store_hub_drop(struct store *store, struct author_id hub);
// 0: not known as a hub.
uint32_t store_hub_rank(struct store *store, struct author_id hub);
DAVY_MUST_USE enum rc store_hub_at(struct store *store, uint32_t rank,
                                   struct author_id *out_hub); // RC_NOT_FOUND
// The highest rank known, 0: none.
uint32_t store_hub_last(struct store *store);

// What an author's opening statement continues: the incarnation before it and that one's heads.
struct store_opening {
    struct author_id previous;
    uint8_t head_count;
    struct {
        uint8_t lane, audience;
        struct chain_head head;
    } heads[LANE_COUNT * AUDIENCE_COUNT];
};
DAVY_MUST_USE enum rc store_opening_put(struct store *store, struct author_id author,
                                        const struct store_opening *opening); // RC_EXISTS
DAVY_MUST_USE enum rc store_opening_get(struct store *store, struct author_id author,
                                        struct store_opening *out_opening); // RC_NOT_FOUND
// The head that the opening names for a chain; seq 0 if it names none.
struct chain_head store_opening_head(const struct store_opening *opening, uint8_t lane,
                                     uint8_t audience);

// A chain as held here.
struct store_chain {
    struct chain_id id;
    struct chain_head head;   // the last entry held
    struct chain_head sealed; // the last entry covered by a verified seal (own: by a seal made)
    uint64_t logged_seq;      // my copy of the hub's log holds verdicts up to here
    uint64_t acked_seq;       // what the hub last said that it holds (may go backwards)
};
// A chain that is not there yet gives its start and RC_OK.
DAVY_MUST_USE enum rc store_chain_get(struct store *store, struct chain_id id,
                                      struct store_chain *out_chain);
DAVY_MUST_USE enum rc store_chain_set_acked(struct store *store, struct chain_id id,
                                            uint64_t acked_seq);
// Every chain held.
DAVY_MUST_USE enum rc store_chains(struct store *store,
                                   enum rc (*visit)(void *ctx, const struct store_chain *chain),
                                   void *ctx);
// The chain hash at a seq that is held (seq 0: the start). RC_NOT_FOUND.
DAVY_MUST_USE enum rc store_chain_hash(struct store *store, struct chain_id id, uint64_t seq,
                                       struct hash32 *out_hash);

struct store_entry {
    struct place place;
    enum entry_type type;
    struct slice bytes;          // content or admit
    const struct signature *sig; // NULL if none
    struct rid rid;              // of a record; zero for an admit
};
// Appends a record at head + 1 and moves the head; indexes its rid and subjects. out_first is false
// if the rid stood elsewhere already (a repeat). RC_INVALID if the bytes are no record or have
// another rid, RC_WRONG_SITE.
DAVY_MUST_USE enum rc store_append_record(struct store *store, struct chain_id chain,
                                          const struct signed_record *record, uint64_t *out_seq,
                                          bool *out_first);
// The same for a record that is no copy of its rid, because it stands in another device's chain or
// does not verify: nothing finds it by its rid or its subjects.
DAVY_MUST_USE enum rc store_append_stray(struct store *store, struct chain_id chain,
                                         const struct signed_record *record, uint64_t *out_seq);
// A verdict that makes a record such a stray. It is never folded.
bool store_is_stray(enum verdict verdict, uint16_t rule);
// Appends an admit (hub's chain) of a record that is held here; RC_NOT_FOUND otherwise.
DAVY_MUST_USE enum rc store_append_admit(struct store *store, struct chain_id chain,
                                         const struct admit *admit, uint64_t *out_seq);
// Keeps a seal that the caller verified (or made) and moves `sealed` on. RC_NOT_FOUND beyond the
// head, RC_EXISTS if that seq has one.
DAVY_MUST_USE enum rc store_seal_put(struct store *store, struct chain_id chain, uint64_t seq,
                                     const struct signature *seal);
// The first seal at or above seq. RC_NOT_FOUND.
DAVY_MUST_USE enum rc store_seal_get(struct store *store, struct chain_id chain, uint64_t seq,
                                     uint64_t *out_seq, struct signature *out_seal);
// Entries from seq on, in order.
DAVY_MUST_USE enum rc store_entries(struct store *store, struct chain_id chain, uint64_t from_seq,
                                    enum rc (*visit)(void *ctx, const struct store_entry *entry),
                                    void *ctx);
DAVY_MUST_USE enum rc store_entry_get(struct store *store, const struct place *place,
                                      struct buf *out_bytes, bool *out_has_sig,
                                      struct signature *out_sig);
// First place of a rid. RC_NOT_FOUND.
DAVY_MUST_USE enum rc store_record_place(struct store *store, struct rid rid,
                                         struct place *out_place);

// The log: states that a record has its verdict, and folds it into the views (also refusals). The
// hub calls it in the transaction that appends the admit; a replica when the admit verified.
struct store_log {
    struct author_id hub;
    uint64_t n;
    struct place place;       // of the record
    struct place admit_place; // of the admit; equal to `place` for the hub's own record
    enum verdict verdict;
    uint16_t rule;
    struct utc_ms hub_time;
    uint64_t roster_version;
};
// A held record may get another verdict later, at a new n; every other verdict is final: RC_EXISTS.
// RC_FORK if the hub's n already speaks of something else, RC_NOT_FOUND if record or admit is not
// held.
DAVY_MUST_USE enum rc store_log_put(struct store *store, const struct store_log *log);
DAVY_MUST_USE enum rc store_log_of(struct store *store, const struct place *record,
                                   struct store_log *out_log); // RC_NOT_FOUND
// The newest verdict about a record at any of its places. RC_NOT_FOUND.
DAVY_MUST_USE enum rc store_log_of_rid(struct store *store, struct rid rid,
                                       struct store_log *out_log);
// Records whose newest verdict is held, in log order, after a row of the log (zeroed: from the
// start).
DAVY_MUST_USE enum rc store_held_each(struct store *store, struct store_log after,
                                      enum rc (*visit)(void *ctx, const struct store_log *log),
                                      void *ctx);
uint64_t store_log_last_n(struct store *store, struct author_id hub);

// Takes back what a chain of a hub states beyond a seq: the verdicts move to `void`, their records
// are unjudged again, their subjects are folded anew. `out_count` verdicts were void. on_fold is
// not called: the caller reads the views again.
DAVY_MUST_USE enum rc store_log_void(struct store *store, struct chain_id chain, uint64_t after_seq,
                                     uint64_t *out_count);
// Has any entry beyond a seq a verdict?
DAVY_MUST_USE enum rc store_chain_is_judged(struct store *store, struct chain_id chain,
                                            uint64_t after_seq, bool *out_judged);
// Moves the entries beyond a seq, with their seals, from a chain to `cut`, so that another branch
// can take their place. RC_DENIED if one of them has a verdict.
DAVY_MUST_USE enum rc store_chain_cut(struct store *store, struct chain_id chain,
                                      uint64_t after_seq);

// Called after each fold with the new state (the roster's lookup lives on it), also by a rebuild.
// After a rollback states that were shown may not stand any more. Must not write.
void store_on_fold(struct store *store,
                   void (*on_fold)(void *ctx, const struct module *module, struct rid subject,
                                   const void *state),
                   void *ctx);

// Views. `state` has module->state_bytes. With pending folded on top (a replica) or without.
DAVY_MUST_USE enum rc store_view_get(struct store *store, const struct module *module,
                                     struct rid subject, bool with_pending,
                                     void *out_state); // RC_NOT_FOUND
struct view_filter {
    const char *column; // an index column of the module
    char op;            // '=' '<' '>' '!' (not equal)
    struct index_value value;
};
struct view_query {
    const struct view_filter *filters;
    uint8_t filter_count;
    const char *order; // index columns, e.g. "priority, raised_ms DESC"; a constant of the code
    uint32_t limit;    // 0: LIMIT_QUERY_ROWS
    uint32_t offset;
    bool with_pending; // own pending records folded on top (filters apply to the logged state)
};
DAVY_MUST_USE enum rc
store_view_each(struct store *store, const struct module *module, const struct view_query *query,
                enum rc (*visit)(void *ctx, struct rid subject, const void *state), void *ctx);
DAVY_MUST_USE enum rc store_view_count(struct store *store, const struct module *module,
                                       const struct view_query *query, uint64_t *out_count);
// Subjects of a module that own pending records speak of.
DAVY_MUST_USE enum rc store_pending_each(struct store *store, const struct module *module,
                                         enum rc (*visit)(void *ctx, struct rid subject),
                                         void *ctx);

// Everything that speaks of a subject, in log order, own pending last.
struct store_item {
    struct store_entry entry;
    struct content content;
    bool logged;
    struct store_log log;
    bool sealed; // covered by a verified seal
};
DAVY_MUST_USE enum rc store_subject_each(struct store *store, struct rid subject,
                                         enum rc (*visit)(void *ctx, const struct store_item *item),
                                         void *ctx);
// The newest records of all subjects, newest first, at most `limit`.
DAVY_MUST_USE enum rc store_recent_each(struct store *store, uint32_t limit,
                                        enum rc (*visit)(void *ctx, const struct store_item *item),
                                        void *ctx);
// Own records that the log does not hold yet, in order, oldest first.
DAVY_MUST_USE enum rc store_outbox_each(struct store *store,
                                        enum rc (*visit)(void *ctx, const struct store_item *item),
                                        void *ctx);

// A bounded sample of what did not verify: the newest LIMIT_QUARANTINE_ROWS, cut to 4 KB each.
DAVY_MUST_USE enum rc store_quarantine_put(struct store *store, const char *source, enum rc why,
                                           struct slice sample, struct utc_ms time);
uint64_t store_quarantine_count(struct store *store);

// Drops all views and folds the log again, in one transaction of its own. `progress` may be NULL.
DAVY_MUST_USE enum rc store_rebuild(struct store *store,
                                    void (*progress)(void *ctx, uint64_t done, uint64_t total),
                                    void *ctx);
// Re-hashes every chain, verifies every seal and signature, compares the views with a fresh fold
// and runs SQLite's integrity check. The first break is named. key_of: public key of a key id.
struct store_verify_report {
    uint64_t entries, signatures, seals, chains;
    char what[96]; // "" if nothing is broken: "chain hash", "signature", "seal", "log", "view …"
    struct place broken; // where; seq 0 if that has no place ("sqlite: …")
};
DAVY_MUST_USE enum rc store_verify(struct store *store, const struct keys_scheme *scheme,
                                   bool (*key_of)(void *ctx, const struct content *content,
                                                  struct public_key *out_key),
                                   void *ctx, struct store_verify_report *out_report);
// How far store_verify() of this store has come, once a percent or so; NULL: nobody asks. Entries
// are counted once, log rows twice (read, folded).
void store_verify_watch(struct store *store,
                        void (*progress)(void *ctx, uint64_t done, uint64_t total), void *ctx);
// Checkpoints the WAL when idle (TRUNCATE). Never inside a transaction.
void store_checkpoint(struct store *store);

#endif
