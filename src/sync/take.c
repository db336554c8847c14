#include "davy/sync/take.h"

#include "davy/sync/incarnation.h"
#include "sync_priv.h"

#include <string.h>

#define FEED_AUTHORS_MAX 96

// ---- Walking: everything is hashed before anything is written ----

// A chain of another author as a frame moves it on.
struct walked_chain {
    struct chain_id id;
    struct chain_head head;
    uint64_t held; // the store's head
    bool cuts;     // the log shows another branch from cut_after on
    uint64_t cut_after;
};
struct feed_walk {
    const struct log_reader *reader;
    struct chain_id log;
    struct chain_head head;
    uint64_t held; // the store's head of the log's chain
    struct walked_chain authors[FEED_AUTHORS_MAX];
    uint32_t author_count;
    uint32_t rank;              // of the log's incarnation
    bool opens;                 // it was not known before this frame
    struct incarnation opening; // then
    bool verify_only;
    bool differs; // the store holds another branch of the log
    uint64_t differs_after;
};

static enum rc walk_author(struct feed_walk *walk, struct chain_id id,
                           struct walked_chain **out_chain) {
    for (uint32_t i = 0; i < walk->author_count; i++) {
        if (chain_id_equal(walk->authors[i].id, id)) {
            *out_chain = &walk->authors[i];
            return RC_OK;
        }
    }
    if (walk->author_count == FEED_AUTHORS_MAX) {
        return RC_TOO_LARGE;
    }
    struct store_chain chain;
    enum rc rc = store_chain_get(walk->reader->store, id, &chain);
    if (rc == RC_OK) {
        walk->authors[walk->author_count] =
            (struct walked_chain){.id = id, .head = chain.head, .held = chain.head.seq};
        *out_chain = &walk->authors[walk->author_count++];
    }
    return rc;
}

// A record at a place that the store holds already: the same one, or one of another branch.
static enum rc walk_held_record(struct feed_walk *walk, struct walked_chain *chain, uint64_t seq,
                                const struct feed_item *item, struct hash32 *out_hash) {
    struct store *store = walk->reader->store;
    struct chain_head head = {.seq = seq - 1};
    enum rc rc = store_chain_hash(store, chain->id, seq, out_hash);
    if (rc == RC_OK) {
        rc = store_chain_hash(store, chain->id, head.seq, &head.hash);
    }
    if (rc != RC_OK) {
        return rc;
    }
    chain_add_record(&head, item->content, item->has_sig ? &item->sig : NULL);
    if (hash32_equal(&head.hash, out_hash)) {
        return RC_OK;
    }
    bool judged = false;
    rc = store_chain_is_judged(store, chain->id, seq - 1, &judged);
    if (rc != RC_OK) {
        return rc;
    }
    if (judged || author_equal(chain->id.author, walk->reader->own) || walk->reader->mine) {
        return RC_FORK;
    }
    chain->cuts = true;
    chain->cut_after = seq - 1;
    chain->head = head;
    *out_hash = head.hash;
    return RC_OK;
}

// The chain hash of an admitted record.
static enum rc walk_record_hash(struct feed_walk *walk, const struct feed_item *item,
                                const struct admit *admit, struct hash32 *out_hash) {
    if (author_equal(admit->place.chain.author, walk->log.author)) {
        // The hub's own record stands before its admit: just before, or earlier if it was judged
        // again.
        if (admit->place.seq == walk->head.seq) {
            *out_hash = walk->head.hash;
            return RC_OK;
        }
        return admit->place.seq <= walk->held
                   ? store_chain_hash(walk->reader->store, admit->place.chain, admit->place.seq,
                                      out_hash)
                   : RC_INVALID;
    }
    if (item->type == FEED_ADMIT_HELD) {
        return store_chain_hash(walk->reader->store, admit->place.chain, admit->place.seq,
                                out_hash);
    }
    struct walked_chain *chain;
    enum rc rc = walk_author(walk, admit->place.chain, &chain);
    if (rc != RC_OK) {
        return rc;
    }
    uint64_t seq = admit->place.seq;
    if (seq <= chain->held && (!chain->cuts || seq <= chain->cut_after)) {
        return walk_held_record(walk, chain, seq, item, out_hash);
    }
    if (seq != chain->head.seq + 1) {
        return RC_GAP;
    }
    chain_add_record(&chain->head, item->content, item->has_sig ? &item->sig : NULL);
    *out_hash = chain->head.hash;
    return RC_OK;
}

// Lane 0 must have reached what a verdict was made with, in this incarnation and all before it.
static bool roster_is_here(const struct feed_walk *walk, uint64_t version) {
    struct store *store = walk->reader->store;
    struct store_chain control;
    struct chain_id id = {.author = walk->log.author};
    if (store_chain_get(store, id, &control) != RC_OK || control.head.seq < version) {
        return false;
    }
    for (uint32_t rank = walk->rank; rank > 1; rank--) {
        struct author_id hub;
        struct store_opening opening;
        struct hash32 hash;
        if (store_hub_at(store, rank, &hub) != RC_OK ||
            store_opening_get(store, hub, &opening) != RC_OK) {
            return false;
        }
        struct chain_head head = store_opening_head(&opening, LANE_CONTROL, AUDIENCE_SITE);
        id.author = opening.previous;
        if (head.seq > 0 && (store_chain_hash(store, id, head.seq, &hash) != RC_OK ||
                             !hash32_equal(&hash, &head.hash))) {
            return false;
        }
    }
    return true;
}

static enum rc walk_item(struct feed_walk *walk, const struct feed_item *item) {
    struct admit admit;
    struct hash32 record;
    switch (item->type) {
    case FEED_OWN:
        chain_add_record(&walk->head, item->content, item->has_sig ? &item->sig : NULL);
        return RC_OK;
    case FEED_AUTHOR_SEAL:
        return RC_OK;
    case FEED_ADMIT:
    case FEED_ADMIT_HELD: {
        enum rc rc = admit_decode(item->admit, &admit);
        if (rc != RC_OK) {
            return rc;
        }
        if (admit.place.chain.lane != walk->log.lane ||
            admit.place.chain.audience != walk->log.audience) {
            return RC_INVALID;
        }
        if (walk->log.lane != LANE_CONTROL && !walk->verify_only &&
            !roster_is_here(walk, admit.roster_version)) {
            return RC_GAP;
        }
        rc = walk_record_hash(walk, item, &admit, &record);
        if (rc == RC_OK) {
            chain_add_admit(&walk->head, item->admit, &record);
        }
        return rc;
    }
    }
    return RC_INVALID;
}

// Notes where the store's own copy of the log begins to differ.
static enum rc walk_compare(struct feed_walk *walk) {
    struct hash32 mine;
    if (walk->head.seq > walk->held || walk->differs) {
        return RC_OK;
    }
    enum rc rc = store_chain_hash(walk->reader->store, walk->log, walk->head.seq, &mine);
    if (rc == RC_OK && !hash32_equal(&mine, &walk->head.hash)) {
        walk->differs = true;
        walk->differs_after = walk->head.seq - 1;
    }
    return rc;
}

static enum rc walk_feed(struct feed_walk *walk, const struct feed *feed) {
    struct store *store = walk->reader->store;
    enum rc rc = RC_OK;
    struct reader items = reader_of(feed->items);
    for (uint32_t i = 0; i < feed->count && rc == RC_OK; i++) {
        struct feed_item item;
        rc = feed_next(&items, &item);
        if (rc == RC_OK) {
            rc = walk_item(walk, &item);
        }
        if (rc == RC_OK && item.type != FEED_AUTHOR_SEAL) {
            rc = walk_compare(walk);
        }
    }
    if (rc == RC_OK && !seal_verify(walk->reader->scheme, store_site(store), walk->log, &walk->head,
                                    &walk->reader->seal_key, &feed->seal)) {
        rc = RC_BAD_SIGNATURE;
    }
    return rc;
}

// An incarnation that is not known here must open with this frame, under the key that seals the
// log, and continue one that is known. RC_GAP: one before it must come first.
static enum rc walk_opening(struct feed_walk *walk, const struct feed *feed) {
    struct reader items = reader_of(feed->items);
    struct store *store = walk->reader->store;
    struct feed_item item;
    struct content content;
    if (feed->lane != LANE_CONTROL || feed->audience != AUDIENCE_SITE || feed->first_seq != 1) {
        return RC_GAP;
    }
    if (feed_next(&items, &item) != RC_OK || item.type != FEED_OWN ||
        content_decode(item.content, &content) != RC_OK ||
        !incarnation_read(&content, feed->hub, &walk->opening) ||
        memcmp(walk->opening.device_key.b, walk->reader->seal_key.b, PUBLIC_KEY_BYTES) != 0) {
        return RC_INVALID;
    }
    walk->opens = true;
    walk->rank = 1;
    if (!id16_is_zero(walk->opening.before.previous.id)) {
        uint32_t rank = store_hub_rank(store, walk->opening.before.previous);
        walk->rank = rank + 1;
        return rank == 0 ? RC_GAP : RC_OK;
    }
    return RC_OK;
}

// ---- Taking ----

// What a frame is taken with, once it verified.
struct take {
    const struct log_reader *reader;
    struct buf *scratch;
    struct chain_id log;
    uint32_t not_verified;
    uint64_t voided;
};

// A device's opening statement names the key that seals its chains; the author id proves it.
static enum rc learn_author(struct store *store, const struct place *place,
                            const struct content *content) {
    struct incarnation opening;
    if (!incarnation_read(content, place->chain.author, &opening)) {
        return RC_OK;
    }
    struct store_author author = {.author = place->chain.author, .device_key = opening.device_key};
    enum rc rc = store_author_put(store, &author);
    rc = rc == RC_EXISTS ? RC_OK : rc;
    if (rc == RC_OK && !id16_is_zero(opening.before.previous.id)) {
        rc = store_opening_put(store, author.author, &opening.before);
        rc = rc == RC_EXISTS ? RC_OK : rc;
    }
    return rc;
}

// Whatever the verdict, what does not verify here is not folded as accepted.
static enum verdict own_check(struct take *take, const struct signature *sig, enum verdict verdict,
                              uint16_t *rule) {
    const struct log_reader *reader = take->reader;
    struct slice bytes = buf_slice(take->scratch);
    struct content content;
    struct public_key key;
    if (verdict != VERDICT_ACCEPTED || content_decode(bytes, &content) != RC_OK) {
        return verdict;
    }
    if (!sig && id16_is_zero(content.key.id)) {
        return verdict; // carried by its author's seal
    }
    if (sig && reader->key_of(reader->ctx, &content, &key) &&
        keys_verify(reader->scheme, &key, bytes, sig)) {
        return verdict;
    }
    take->not_verified++;
    *rule = REFUSAL_SIGNATURE;
    return VERDICT_HELD;
}

static enum rc take_record(struct take *take, const struct place *place,
                           const struct feed_item *item, bool stray) {
    struct store *store = take->reader->store;
    struct store_chain chain;
    enum rc rc = store_chain_get(store, place->chain, &chain);
    if (rc != RC_OK || place->seq <= chain.head.seq) {
        return rc;
    }
    struct content content;
    rc = content_decode(item->content, &content);
    if (rc != RC_OK) {
        return rc;
    }
    struct signed_record record = {.content = item->content,
                                   .has_sig = item->has_sig,
                                   .sig = item->sig,
                                   .rid = content_rid(item->content)};
    uint64_t seq = 0;
    bool first = true;
    rc = learn_author(store, place, &content);
    if (rc == RC_OK && stray) {
        rc = store_append_stray(store, place->chain, &record, &seq);
    } else if (rc == RC_OK) {
        rc = store_append_record(store, place->chain, &record, &seq, &first);
    }
    return rc;
}

static enum rc take_admit(struct take *take, const struct feed_item *item) {
    struct store *store = take->reader->store;
    struct admit admit;
    enum rc rc = admit_decode(item->admit, &admit);
    if (rc == RC_OK && item->type == FEED_ADMIT) {
        rc = take_record(take, &admit.place, item, store_is_stray(admit.verdict, admit.rule));
    }
    if (rc != RC_OK) {
        return rc;
    }
    struct store_log log = {.hub = take->log.author,
                            .n = admit.n,
                            .place = admit.place,
                            .verdict = admit.verdict,
                            .rule = admit.rule,
                            .hub_time = admit.hub_time,
                            .roster_version = admit.roster_version};
    bool has_sig = false;
    struct signature sig;
    buf_reset(take->scratch);
    rc = store_entry_get(store, &admit.place, take->scratch, &has_sig, &sig);
    if (rc != RC_OK) {
        return rc;
    }
    log.verdict = own_check(take, has_sig ? &sig : NULL, log.verdict, &log.rule);
    log.admit_place.chain = take->log;
    rc = store_append_admit(store, take->log, &admit, &log.admit_place.seq);
    if (MUTANT(take->reader, log_skipped) && admit.n % 5 == 0) {
        return rc;
    }
    return rc == RC_OK ? store_log_put(store, &log) : rc;
}

static enum rc take_author_seal(struct take *take, const struct feed_item *item) {
    struct store *store = take->reader->store;
    struct store_author author;
    struct chain_head head = {.seq = item->sealed.seq};
    enum rc rc = store_author_get(store, item->sealed.chain.author, &author);
    if (rc == RC_OK) {
        rc = store_chain_hash(store, item->sealed.chain, head.seq, &head.hash);
    }
    if (rc == RC_NOT_FOUND) {
        return RC_OK;
    }
    if (rc != RC_OK) {
        return rc;
    }
    if (!seal_verify(take->reader->scheme, store_site(store), item->sealed.chain, &head,
                     &author.device_key, &item->sig)) {
        take->not_verified++;
        return RC_OK;
    }
    rc = store_seal_put(store, item->sealed.chain, head.seq, &item->sig);
    return rc == RC_EXISTS ? RC_OK : rc;
}

static enum rc void_after(struct take *take, struct chain_id chain, uint64_t seq) {
    uint64_t count = 0;
    enum rc rc = store_log_void(take->reader->store, chain, seq, &count);
    take->voided += count;
    return rc;
}

// Every verdict of an incarnation beyond what its successor adopted.
static enum rc void_incarnation(struct take *take, struct author_id hub,
                                const struct store_opening *adopted) {
    enum rc rc = RC_OK;
    for (uint8_t i = 0; i < FRAME_CHAINS_MAX && rc == RC_OK; i++) {
        struct chain_id id = chain_of(hub, i);
        struct chain_head head = {0};
        if (adopted) {
            head = store_opening_head(adopted, id.lane, id.audience);
        }
        rc = void_after(take, id, head.seq);
    }
    return rc;
}

// Another incarnation of that rank, and all after it, were opened by a hub that did not know of
// this one: the hub that lives now says which stands.
static enum rc drop_ranks(struct take *take, uint32_t rank) {
    struct store *store = take->reader->store;
    enum rc rc = RC_OK;
    for (uint32_t last = store_hub_last(store); last >= rank && rc == RC_OK; last--) {
        struct author_id hub;
        rc = store_hub_at(store, last, &hub);
        if (rc == RC_OK) {
            rc = void_incarnation(take, hub, NULL);
        }
        if (rc == RC_OK) {
            rc = store_hub_drop(store, hub);
        }
    }
    return rc;
}

static enum rc take_opening(struct take *take, const struct feed_walk *walk) {
    struct store *store = take->reader->store;
    const struct incarnation *opening = &walk->opening;
    struct store_author author = {.author = opening->own.author,
                                  .device_key = opening->device_key,
                                  .own = take->reader->mine};
    enum rc rc = drop_ranks(take, walk->rank);
    if (rc == RC_OK) {
        rc = store_author_put(store, &author);
        rc = rc == RC_EXISTS ? RC_OK : rc;
    }
    if (rc == RC_OK) {
        rc = store_hub_put(store, author.author, walk->rank);
    }
    if (rc == RC_OK && walk->rank > 1) {
        rc = store_opening_put(store, author.author, &opening->before);
        rc = rc == RC_EXISTS ? RC_OK : rc;
    }
    if (rc == RC_OK && walk->rank > 1 && !MUTANT(take->reader, no_void)) {
        rc = void_incarnation(take, opening->before.previous, &opening->before);
    }
    return rc;
}

// Branches that the log does not know give way.
static enum rc take_cuts(struct take *take, const struct feed_walk *walk) {
    struct store *store = take->reader->store;
    enum rc rc = RC_OK;
    for (uint32_t i = 0; i < walk->author_count && rc == RC_OK; i++) {
        if (walk->authors[i].cuts) {
            rc = store_chain_cut(store, walk->authors[i].id, walk->authors[i].cut_after);
        }
    }
    if (rc == RC_OK && walk->differs) {
        rc = void_after(take, walk->log, walk->differs_after);
        if (rc == RC_OK) {
            rc = store_chain_cut(store, walk->log, walk->differs_after);
        }
    }
    return rc;
}

// Stores the entries of a verified frame that are not held yet.
static enum rc take_items(struct take *take, const struct feed *feed, uint64_t held) {
    struct reader items = reader_of(feed->items);
    uint64_t seq = feed->first_seq;
    enum rc rc = RC_OK;
    for (uint32_t i = 0; i < feed->count && rc == RC_OK; i++) {
        struct feed_item item;
        rc = feed_next(&items, &item);
        if (rc != RC_OK) {
            return rc;
        }
        if (item.type == FEED_AUTHOR_SEAL) {
            rc = take_author_seal(take, &item);
            continue;
        }
        struct place place = {.chain = take->log, .seq = seq++};
        if (place.seq <= held) {
            continue;
        }
        rc = item.type == FEED_OWN ? take_record(take, &place, &item, false)
                                   : take_admit(take, &item);
    }
    if (rc == RC_OK) {
        rc = store_seal_put(take->reader->store, take->log, feed->last_seq, &feed->seal);
    }
    return rc == RC_EXISTS ? RC_OK : rc;
}

static bool is_store_fault(enum rc rc) {
    return rc == RC_IO || rc == RC_FULL || rc == RC_CORRUPT || rc == RC_NO_MEMORY;
}

// May another branch of the log take the place of mine? Only of an incarnation that ended, and only
// what its successor adopted.
static bool branch_was_adopted(const struct feed_walk *walk, const struct feed *feed) {
    struct store *store = walk->reader->store;
    struct author_id next;
    struct store_opening opening;
    return !walk->reader->mine && store_hub_at(store, walk->rank + 1, &next) == RC_OK &&
           store_opening_get(store, next, &opening) == RC_OK &&
           feed->last_seq <= store_opening_head(&opening, feed->lane, feed->audience).seq;
}

// Is it worth a look although its end is held? Yes if my copy is another branch than the one that
// was adopted.
static bool is_in_doubt(const struct feed_walk *walk) {
    return walk->reader->mine ||
           (walk->rank > 0 && walk->rank < store_hub_last(walk->reader->store) &&
            !log_is_complete(walk->reader->store, walk->rank));
}

static enum rc begin_walk(struct feed_walk *walk, const struct feed *feed,
                          struct take_result *result) {
    struct store *store = walk->reader->store;
    struct store_chain chain;
    enum rc rc = store_chain_get(store, walk->log, &chain);
    if (rc != RC_OK) {
        return rc;
    }
    walk->held = chain.head.seq;
    walk->rank = store_hub_rank(store, feed->hub);
    result->taken = TAKEN_NEW;
    if (feed->first_seq > walk->held + 1) {
        result->taken = TAKEN_GAP;
    } else if (feed->last_seq <= walk->held && !is_in_doubt(walk)) {
        result->taken = TAKEN_KNOWN;
    }
    if (result->taken != TAKEN_NEW) {
        return RC_OK;
    }
    walk->head.seq = feed->first_seq - 1;
    rc = store_chain_hash(store, walk->log, walk->head.seq, &walk->head.hash);
    if (rc == RC_OK && memcmp(walk->head.hash.b, feed->before, SEEN_HASH_BYTES) != 0) {
        result->taken = TAKEN_ELSEWHERE;
    } else if (rc == RC_OK && walk->rank == 0) {
        rc = walk_opening(walk, feed);
    }
    return rc;
}

static enum rc take_all(const struct log_reader *reader, const struct feed *feed,
                        const struct feed_walk *walk, struct buf *scratch,
                        struct take_result *result) {
    struct take take = {.reader = reader, .scratch = scratch, .log = walk->log};
    enum rc rc = walk->opens ? take_opening(&take, walk) : RC_OK;
    if (rc == RC_OK) {
        rc = take_cuts(&take, walk);
    }
    if (rc == RC_OK) {
        rc = take_items(&take, feed, walk->differs ? walk->differs_after : walk->held);
    }
    result->not_verified = take.not_verified;
    result->voided = take.voided;
    return rc;
}

bool log_verify(const struct log_reader *reader, const struct feed *feed, struct chain_head *head) {
    struct feed_walk walk = {
        .reader = reader,
        .verify_only = true,
        .log = {.author = feed->hub, .lane = feed->lane, .audience = feed->audience},
        .head = *head};
    if (memcmp(head->hash.b, feed->before, SEEN_HASH_BYTES) != 0 ||
        walk_feed(&walk, feed) != RC_OK) {
        return false;
    }
    *head = walk.head;
    return true;
}

enum rc log_take(const struct log_reader *reader, const struct feed *feed, struct buf *scratch,
                 struct take_result *out_result) {
    struct take_result result = {0};
    struct feed_walk walk = {
        .reader = reader,
        .log = {.author = feed->hub, .lane = feed->lane, .audience = feed->audience}};
    enum rc rc = begin_walk(&walk, feed, &result);
    if (rc == RC_OK && result.taken == TAKEN_NEW) {
        rc = walk_feed(&walk, feed);
    }
    struct author_id other;
    if (rc != RC_OK) {
        if (is_store_fault(rc)) {
            return rc;
        }
        result.taken = rc == RC_GAP || rc == RC_NOT_FOUND ? TAKEN_GAP : TAKEN_BAD;
        result.why = rc;
    } else if (result.taken == TAKEN_NEW &&
               ((walk.differs && !branch_was_adopted(&walk, feed)) ||
                (walk.opens && reader->mine &&
                 store_hub_at(reader->store, walk.rank, &other) == RC_OK))) {
        result.taken = TAKEN_FORK;
        result.head = walk.head;
    } else if (result.taken == TAKEN_NEW && feed->last_seq <= walk.held && !walk.differs) {
        result.taken = TAKEN_KNOWN;
    } else if (result.taken == TAKEN_NEW) {
        // Past this point a refusal can only mean that the store's own check disagrees: undo all.
        rc = take_all(reader, feed, &walk, scratch, &result);
        if (rc != RC_OK) {
            return rc;
        }
    }
    *out_result = result;
    return RC_OK;
}
