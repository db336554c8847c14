// A device whose chain lost against what the hub holds: it was rolled back, or cloned. It goes on
// as a new incarnation that says the same acts again.
#include "device_priv.h"

#include "davy/sync/incarnation.h"

#include <string.h>

#define META_FORKS "sync.forks"
#define SEALS_LOOKED_AT 1000 // how far back a seal is looked for that proves a fork

void sync_device_author_load(struct sync_device *device) {
    struct store_own own;
    device->author = device->options.author;
    memcpy(device->author_random, device->options.author_random, AUTHOR_RANDOM_BYTES);
    if (store_own_get(device->options.store, &own) == RC_OK) {
        device->author = own.author;
        memcpy(device->author_random, own.random, AUTHOR_RANDOM_BYTES);
    }
}

enum rc sync_device_take_held(struct sync_device *device, struct chain_id id, uint64_t seq,
                              const uint8_t *hash) {
    struct hash32 mine;
    enum rc rc = store_chain_hash(device->options.store, id, seq, &mine);
    if (rc == RC_NOT_FOUND || (rc == RC_OK && memcmp(mine.b, hash, SEEN_HASH_BYTES) != 0)) {
        sync_device_trouble(device, "the hub holds another branch of this device's chain");
        device->lost_seq[chain_index(id.lane, id.audience)] = seq;
        device->lost = true;
        return RC_OK;
    }
    return rc == RC_OK ? store_chain_set_acked(device->options.store, id, seq) : rc;
}

// ---- Proof of a fork ----

// My last seal at or below a seq that the hub holds.
static bool last_seal(struct store *store, struct chain_id id, uint64_t not_above,
                      struct fork *out_fork) {
    uint64_t from = not_above > SEALS_LOOKED_AT ? not_above - SEALS_LOOKED_AT : 1;
    bool found = false;
    struct fork fork = {.chain = id};
    struct signature seal;
    uint64_t at = 0;
    while (from <= not_above && store_seal_get(store, id, from, &at, &seal) == RC_OK &&
           at <= not_above) {
        fork.seq = at;
        fork.seal = seal;
        found = true;
        from = at + 1;
    }
    if (found && store_chain_hash(store, id, fork.seq, &fork.hash) == RC_OK) {
        *out_fork = fork;
        return true;
    }
    return false;
}

// The seals are kept until the hub has said that it knows of them.
static enum rc keep_forks(struct sync_device *device) {
    struct buf forks;
    buf_init(&forks, 4096);
    enum rc rc = store_meta_get(device->options.store, META_FORKS, &forks);
    rc = rc == RC_NOT_FOUND ? RC_OK : rc;
    for (uint8_t i = 0; i < FRAME_CHAINS_MAX && rc == RC_OK; i++) {
        struct fork fork;
        if (device->lost_seq[i] > 0 &&
            last_seal(device->options.store, chain_of(device->author, i), device->lost_seq[i],
                      &fork) &&
            forks.len < 2048) {
            rc = fork_encode(&fork, &forks);
        }
    }
    if (rc == RC_OK && forks.len > 0) {
        rc = store_meta_set(device->options.store, META_FORKS, buf_slice(&forks));
    }
    buf_fini(&forks);
    return rc;
}

#define FORK_BYTES_MIN (ID_BYTES + 2 + 1 + HASH_BYTES + SIGNATURE_BYTES)

// One fork from the front of the kept bytes; its length depends on its seq.
static bool next_fork(struct slice *bytes, struct fork *out_fork, struct slice *out_one) {
    for (size_t len = FORK_BYTES_MIN; len <= bytes->len && len < FORK_BYTES_MIN + 10; len++) {
        *out_one = slice_of(bytes->data, len);
        if (fork_decode(*out_one, out_fork) == RC_OK) {
            *bytes = slice_of(bytes->data + len, bytes->len - len);
            return true;
        }
    }
    return false;
}

void sync_device_send_forks(struct sync_device *device) {
    struct buf forks;
    struct fork fork;
    struct slice one;
    buf_init(&forks, 4096);
    if (store_meta_get(device->options.store, META_FORKS, &forks) == RC_OK) {
        struct slice left = buf_slice(&forks);
        while (next_fork(&left, &fork, &one)) {
            buf_reset(&device->body);
            buf_put(&device->body, one.data, one.len);
            (void)sync_device_queue_keyed(device, FRAME_FORK, LANE_CONTROL, 0);
        }
    }
    buf_fini(&forks);
}

enum rc sync_device_fork_known(struct sync_device *device, const struct frame *frame) {
    struct buf forks, rest;
    struct fork fork;
    struct slice one;
    buf_init(&forks, 4096);
    buf_init(&rest, 4096);
    enum rc rc = store_meta_get(device->options.store, META_FORKS, &forks);
    if (rc == RC_OK) {
        struct slice left = buf_slice(&forks);
        while (next_fork(&left, &fork, &one)) {
            if (!slice_equal(one, frame->body)) {
                buf_put(&rest, one.data, one.len);
            }
        }
        rc = store_meta_set(device->options.store, META_FORKS, buf_slice(&rest));
    }
    buf_fini(&forks);
    buf_fini(&rest);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

// ---- The new incarnation ----

// What has no verdict is said again: the same bytes, the same rid.
static enum rc carry_one(struct sync_device *device, const struct place *place) {
    struct store *store = device->options.store;
    struct signed_record record = {0};
    struct content content;
    struct store_log log;
    buf_reset(&device->items);
    enum rc rc = store_entry_get(store, place, &device->items, &record.has_sig, &record.sig);
    if (rc == RC_OK) {
        rc = content_decode(buf_slice(&device->items), &content);
    }
    if (rc != RC_OK) {
        return rc;
    }
    record.content = buf_slice(&device->items);
    record.rid = content_rid(record.content);
    if (content.kind == RECORD_KIND_AUTHOR_OPEN ||
        store_log_of_rid(store, record.rid, &log) == RC_OK) {
        return RC_OK;
    }
    struct chain_id to = place->chain;
    uint64_t seq = 0;
    bool first = false;
    to.author = device->author;
    return store_append_record(store, to, &record, &seq, &first);
}

static enum rc carry(struct sync_device *device, struct author_id previous) {
    for (uint8_t i = 0; i < FRAME_CHAINS_MAX; i++) {
        struct store_chain chain;
        struct place place = {.chain = chain_of(previous, i)};
        enum rc rc = store_chain_get(device->options.store, place.chain, &chain);
        for (place.seq = chain.logged_seq + 1; rc == RC_OK && place.seq <= chain.head.seq;
             place.seq++) {
            rc = carry_one(device, &place);
        }
        if (rc != RC_OK) {
            return rc;
        }
    }
    return RC_OK;
}

static enum rc state_author(struct sync_device *device, const struct incarnation *next,
                            struct moment now) {
    struct signed_record record;
    struct chain_id id = {.author = next->own.author};
    uint64_t seq = 0;
    bool first = false;
    enum rc rc = device->options.incarnate(device->options.ctx, next, now, &record);
    return rc == RC_OK ? store_append_record(device->options.store, id, &record, &seq, &first) : rc;
}

enum rc sync_device_reauthor(struct sync_device *device, struct moment now) {
    struct author_id previous = device->author;
    struct incarnation next;
    uint8_t random[AUTHOR_RANDOM_BYTES];
    bool lost = device->lost;
    device->lost = false;
    if (!lost || !device->options.incarnate || MUTANT(&device->options, no_reauthor)) {
        return RC_OK;
    }
    device->options.random(device->options.ctx, random, sizeof random);
    enum rc rc = keep_forks(device);
    if (rc == RC_OK) {
        rc = incarnation_begin(device->options.store, keypair_public(device->options.device),
                               previous, random, &next);
    }
    if (rc == RC_OK) {
        rc = state_author(device, &next, now);
    }
    if (rc != RC_OK) {
        return rc;
    }
    device->author = next.own.author;
    memcpy(device->author_random, next.own.random, AUTHOR_RANDOM_BYTES);
    memset(device->lost_seq, 0, sizeof device->lost_seq);
    for (uint8_t i = 0; i < FRAME_CHAINS_MAX; i++) {
        device->own[i] = (struct own_chain){0};
    }
    device->status.reauthored++;
    sync_device_greet(device);
    return MUTANT(&device->options, no_carry) ? RC_OK : carry(device, previous);
}
