#include "device_priv.h"

#include "davy/base/ensure.h"

#include <string.h>

// ---- The hub's log ----

// A chain of another author as a frame moves it on, before anything is stored.
struct walked_chain {
    struct chain_id id;
    struct chain_head head;
};
struct feed_walk {
    struct sync_device *device;
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
    enum rc rc = store_chain_get(walk->device->options.store, id, &chain);
    if (rc == RC_OK) {
        walk->authors[walk->author_count] = (struct walked_chain){.id = id, .head = chain.head};
        *out_head = &walk->authors[walk->author_count++].head;
    }
    return rc;
}

// The chain hash of an admitted record.
static enum rc walk_record_hash(struct feed_walk *walk, const struct feed_item *item,
                                const struct admit *admit, struct hash32 *out_hash) {
    struct store *store = walk->device->options.store;
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
static enum rc walk_feed(struct sync_device *device, const struct feed *feed,
                         struct feed_walk *walk) {
    struct store *store = device->options.store;
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
    if (rc == RC_OK && !seal_verify(device->options.scheme, store_site(store), walk->log,
                                    &walk->head, &device->options.hub_key, &feed->seal)) {
        rc = RC_BAD_SIGNATURE;
    }
    return rc;
}

// A device's opening statement names the key that seals its chains; the author id proves it.
static enum rc learn_author(struct sync_device *device, const struct place *place,
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
    enum rc rc = store_author_put(device->options.store, &author);
    return rc == RC_EXISTS ? RC_OK : rc;
}

// Whatever the verdict, what does not verify here is not folded as accepted.
static enum verdict own_check(struct sync_device *device, struct slice bytes,
                              const struct signature *sig, enum verdict verdict, uint16_t *rule) {
    struct content content;
    struct public_key key;
    if (verdict != VERDICT_ACCEPTED || content_decode(bytes, &content) != RC_OK) {
        return verdict;
    }
    if (!sig && id16_is_zero(content.key.id)) {
        return verdict; // carried by its author's seal
    }
    if (sig && device->options.key_of(device->options.ctx, &content, &key) &&
        keys_verify(device->options.scheme, &key, bytes, sig)) {
        return verdict;
    }
    device->status.not_verified++;
    sync_device_trouble(device, "a record of the log does not verify");
    *rule = REFUSAL_SIGNATURE;
    return VERDICT_HELD;
}

static enum rc take_record(struct sync_device *device, const struct place *place,
                           const struct feed_item *item) {
    struct store_chain chain;
    enum rc rc = store_chain_get(device->options.store, place->chain, &chain);
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
    rc = learn_author(device, place, &content);
    if (rc == RC_OK) {
        rc = store_append_record(device->options.store, place->chain, &record, &seq, &first);
    }
    return rc;
}

static enum rc take_admit(struct sync_device *device, struct chain_id log_chain,
                          const struct feed_item *item) {
    struct store *store = device->options.store;
    struct admit admit;
    enum rc rc = admit_decode(item->admit, &admit);
    if (rc == RC_OK && item->type == FEED_ADMIT) {
        rc = take_record(device, &admit.place, item);
    }
    if (rc != RC_OK) {
        return rc;
    }
    struct store_log log = {.hub = log_chain.author,
                            .n = admit.n,
                            .place = admit.place,
                            .verdict = admit.verdict,
                            .rule = admit.rule,
                            .hub_time = admit.hub_time,
                            .roster_version = admit.roster_version};
    bool has_sig = false;
    struct signature sig;
    buf_reset(&device->items);
    rc = store_entry_get(store, &admit.place, &device->items, &has_sig, &sig);
    if (rc != RC_OK) {
        return rc;
    }
    log.verdict =
        own_check(device, buf_slice(&device->items), has_sig ? &sig : NULL, log.verdict, &log.rule);
    log.admit_place.chain = log_chain;
    rc = store_append_admit(store, log_chain, &admit, &log.admit_place.seq);
    return rc == RC_OK ? store_log_put(store, &log) : rc;
}

static enum rc take_author_seal(struct sync_device *device, const struct feed_item *item) {
    struct store *store = device->options.store;
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
    if (!seal_verify(device->options.scheme, store_site(store), item->sealed.chain, &head,
                     &author.device_key, &item->sig)) {
        device->status.not_verified++;
        return RC_OK;
    }
    rc = store_seal_put(store, item->sealed.chain, head.seq, &item->sig);
    return rc == RC_EXISTS ? RC_OK : rc;
}

// Stores the entries of a verified frame that are not held yet.
static enum rc take_feed(struct sync_device *device, const struct feed *feed,
                         struct chain_id log_chain, uint64_t held) {
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
            rc = take_author_seal(device, &item);
            continue;
        }
        bool known = seq <= held;
        struct place place = {.chain = log_chain, .seq = seq++};
        if (known) {
            continue;
        }
        if (item.type == FEED_OWN) {
            rc = take_record(device, &place, &item);
        } else {
            rc = take_admit(device, log_chain, &item);
        }
    }
    return rc == RC_OK
               ? store_seal_put(device->options.store, log_chain, feed->last_seq, &feed->seal)
               : rc;
}

// Faults of the peer are counted and answered; faults of the store end the round.
static enum rc feed_fault(struct sync_device *device, enum rc rc, const struct feed *feed,
                          struct moment now) {
    if (rc == RC_OK || rc == RC_IO || rc == RC_FULL || rc == RC_CORRUPT || rc == RC_NO_MEMORY) {
        return rc;
    }
    if (rc == RC_GAP || rc == RC_NOT_FOUND) {
        return RC_OK; // something before it is missing; the hub hears how far I am
    }
    device->status.not_verified++;
    sync_device_trouble(device, rc == RC_FORK ? "the hub's log differs from my copy of it"
                                              : "a part of the hub's log does not verify");
    return store_quarantine_put(device->options.store, "feed", rc, feed->items, now.utc);
}

enum rc sync_device_take_feed(struct sync_device *device, const struct frame *frame,
                              struct moment now) {
    struct feed feed;
    if (feed_decode(frame->body, &feed) != RC_OK) {
        device->status.not_verified++;
        return RC_OK;
    }
    device->fack_due = true;
    struct feed_walk walk = {
        .device = device,
        .log = {.author = device->status.hub, .lane = feed.lane, .audience = feed.audience}};
    struct store_chain chain;
    enum rc rc = store_chain_get(device->options.store, walk.log, &chain);
    if (rc != RC_OK) {
        return rc;
    }
    if (feed.audience == AUDIENCE_SITE && feed.head_seq > device->status.hub_log_seq[feed.lane]) {
        device->status.hub_log_seq[feed.lane] = feed.head_seq;
    }
    if (feed.last_seq <= chain.head.seq || feed.first_seq > chain.head.seq + 1) {
        return RC_OK;
    }
    rc = walk_feed(device, &feed, &walk);
    if (rc == RC_OK) {
        // Past this point a refusal can only mean that the store's own check disagrees: undo all.
        rc = take_feed(device, &feed, walk.log, chain.head.seq);
        if (rc != RC_OK) {
            return rc;
        }
        sync_device_update_live(device);
        return RC_OK;
    }
    return feed_fault(device, rc, &feed, now);
}
