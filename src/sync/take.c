#include "davy/sync/take.h"

#include "sync_priv.h"

#include <string.h>

#define FEED_AUTHORS_MAX 96

// A chain of another author as a frame moves it on, before anything is stored.
struct walked_chain {
    struct chain_id id;
    struct chain_head head;
};
struct feed_walk {
    const struct log_reader *reader;
    struct chain_id log;
    struct chain_head head;
    struct walked_chain authors[FEED_AUTHORS_MAX];
    uint32_t author_count;
    uint64_t roster_seq; // how far my lane 0 goes
};

static enum rc walk_author(struct feed_walk *walk, struct chain_id id,
                           struct chain_head **out_head) {
    for (uint32_t i = 0; i < walk->author_count; i++) {
        if (chain_id_equal(walk->authors[i].id, id)) {
            *out_head = &walk->authors[i].head;
            return RC_OK;
        }
    }
    if (walk->author_count == FEED_AUTHORS_MAX) {
        return RC_TOO_LARGE;
    }
    struct store_chain chain;
    enum rc rc = store_chain_get(walk->reader->store, id, &chain);
    if (rc == RC_OK) {
        walk->authors[walk->author_count] = (struct walked_chain){.id = id, .head = chain.head};
        *out_head = &walk->authors[walk->author_count++].head;
    }
    return rc;
}

// The chain hash of an admitted record.
static enum rc walk_record_hash(struct feed_walk *walk, const struct feed_item *item,
                                const struct admit *admit, struct hash32 *out_hash) {
    struct store *store = walk->reader->store;
    if (author_equal(admit->place.chain.author, walk->log.author)) {
        // The hub's own record stands just before its admit.
        if (admit->place.seq != walk->head.seq) {
            return RC_INVALID;
        }
        *out_hash = walk->head.hash;
        return RC_OK;
    }
    if (item->type == FEED_ADMIT_HELD) {
        return store_chain_hash(store, admit->place.chain, admit->place.seq, out_hash);
    }
    struct chain_head *head;
    enum rc rc = walk_author(walk, admit->place.chain, &head);
    if (rc != RC_OK) {
        return rc;
    }
    if (admit->place.seq <= head->seq) {
        return store_chain_hash(store, admit->place.chain, admit->place.seq, out_hash);
    }
    if (admit->place.seq != head->seq + 1) {
        return RC_GAP;
    }
    chain_add_record(head, item->content, item->has_sig ? &item->sig : NULL);
    *out_hash = head->hash;
    return RC_OK;
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
        // The verdict was made with a roster that I do not hold yet: wait for lane 0.
        if (walk->log.lane != LANE_CONTROL && admit.roster_version > walk->roster_seq) {
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

// Hashes the whole frame against what is held, and checks the hub's seal. Nothing is written.
static enum rc walk_feed(struct feed_walk *walk, const struct feed *feed) {
    struct store *store = walk->reader->store;
    walk->head.seq = feed->first_seq - 1;
    enum rc rc = store_chain_hash(store, walk->log, walk->head.seq, &walk->head.hash);
    if (rc != RC_OK) {
        return rc;
    }
    if (memcmp(walk->head.hash.b, feed->before, SEEN_HASH_BYTES) != 0) {
        return RC_FORK;
    }
    struct store_chain roster;
    struct chain_id control = {.author = walk->log.author};
    rc = store_chain_get(store, control, &roster);
    if (rc != RC_OK) {
        return rc;
    }
    walk->roster_seq = roster.head.seq;
    struct reader items = reader_of(feed->items);
    for (uint32_t i = 0; i < feed->count && rc == RC_OK; i++) {
        struct feed_item item;
        rc = feed_next(&items, &item);
        if (rc == RC_OK) {
            rc = walk_item(walk, &item);
        }
    }
    if (rc == RC_OK && !seal_verify(walk->reader->scheme, store_site(store), walk->log, &walk->head,
                                    &walk->reader->seal_key, &feed->seal)) {
        rc = RC_BAD_SIGNATURE;
    }
    return rc;
}

// What a frame is taken with, once it verified.
struct take {
    const struct log_reader *reader;
    struct buf *scratch;
    struct chain_id log;
    uint32_t not_verified;
};

// A device's opening statement names the key that seals its chains; the author id proves it.
static enum rc learn_author(struct store *store, const struct place *place,
                            const struct content *content) {
    struct slice random;
    struct slice key;
    if (content->kind != RECORD_KIND_AUTHOR_OPEN ||
        !body_bytes(content->body, RECORD_AUTHOR_OPEN_RANDOM, &random) ||
        !body_bytes(content->body, RECORD_AUTHOR_OPEN_KEY, &key) ||
        random.len != AUTHOR_RANDOM_BYTES || key.len != PUBLIC_KEY_BYTES) {
        return RC_OK;
    }
    struct store_author author = {.author = place->chain.author};
    memcpy(author.device_key.b, key.data, PUBLIC_KEY_BYTES);
    if (!author_equal(author_of(&author.device_key, random.data), author.author)) {
        return RC_OK;
    }
    enum rc rc = store_author_put(store, &author);
    return rc == RC_EXISTS ? RC_OK : rc;
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
                           const struct feed_item *item) {
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
    if (rc == RC_OK) {
        rc = store_append_record(store, place->chain, &record, &seq, &first);
    }
    return rc;
}

static enum rc take_admit(struct take *take, const struct feed_item *item) {
    struct store *store = take->reader->store;
    struct admit admit;
    enum rc rc = admit_decode(item->admit, &admit);
    if (rc == RC_OK && item->type == FEED_ADMIT) {
        rc = take_record(take, &admit.place, item);
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
        rc = item.type == FEED_OWN ? take_record(take, &place, &item) : take_admit(take, &item);
    }
    return rc == RC_OK ? store_seal_put(take->reader->store, take->log, feed->last_seq, &feed->seal)
                       : rc;
}

static bool is_store_fault(enum rc rc) {
    return rc == RC_IO || rc == RC_FULL || rc == RC_CORRUPT || rc == RC_NO_MEMORY;
}

enum rc log_take(const struct log_reader *reader, const struct feed *feed, struct buf *scratch,
                 struct take_result *out_result) {
    struct take_result result = {.taken = TAKEN_KNOWN};
    struct feed_walk walk = {
        .reader = reader,
        .log = {.author = reader->hub, .lane = feed->lane, .audience = feed->audience}};
    struct store_chain chain;
    enum rc rc = store_chain_get(reader->store, walk.log, &chain);
    if (rc != RC_OK) {
        return rc;
    }
    if (feed->first_seq > chain.head.seq + 1) {
        result.taken = TAKEN_GAP;
    }
    if (feed->last_seq <= chain.head.seq || result.taken == TAKEN_GAP) {
        *out_result = result;
        return RC_OK;
    }
    rc = walk_feed(&walk, feed);
    if (rc == RC_OK) {
        // Past this point a refusal can only mean that the store's own check disagrees: undo all.
        struct take take = {.reader = reader, .scratch = scratch, .log = walk.log};
        rc = take_items(&take, feed, chain.head.seq);
        if (rc != RC_OK) {
            return rc;
        }
        result.taken = TAKEN_NEW;
        result.not_verified = take.not_verified;
    } else if (is_store_fault(rc)) {
        return rc;
    } else {
        result.taken = rc == RC_GAP || rc == RC_NOT_FOUND ? TAKEN_GAP : TAKEN_BAD;
        result.why = rc;
    }
    *out_result = result;
    return RC_OK;
}
