#include "sync_priv.h"

#include <string.h>

bool number_window_take(struct number_window *window, uint32_t number) {
    if (number > window->highest) {
        uint32_t shift = number - window->highest;
        window->seen = shift >= 64 ? 0 : window->seen << shift;
        window->seen |= 1;
        window->highest = number;
        return true;
    }
    uint32_t behind = window->highest - number;
    if (behind >= 64 || (window->seen >> behind & 1)) {
        return false;
    }
    window->seen |= UINT64_C(1) << behind;
    return true;
}

uint64_t sync_random_next(struct sync_random *random) {
    uint64_t x = random->state ? random->state : UINT64_C(0x9E3779B97F4A7C15);
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    random->state = x;
    return x * UINT64_C(0x2545F4914F6CDD1D);
}

void sync_random_fill(struct sync_random *random, void *out, size_t len) {
    uint8_t *at = out;
    for (size_t i = 0; i < len; i++) {
        at[i] = (uint8_t)(sync_random_next(random) >> 32);
    }
}

void chain_mark(struct chain_id id, const struct chain_head *head, struct frame_chain *out_chain) {
    out_chain->id = id;
    out_chain->seq = head->seq;
    memcpy(out_chain->hash, head->hash.b, SEEN_HASH_BYTES);
}

enum rc chains_held(struct store *store, struct author_id author, bool sealed_only,
                    struct frame_chain *out_chains, uint8_t *out_count) {
    uint8_t count = 0;
    for (uint8_t i = 0; i < FRAME_CHAINS_MAX; i++) {
        struct store_chain chain;
        enum rc rc = store_chain_get(store, chain_of(author, i), &chain);
        if (rc != RC_OK) {
            return rc;
        }
        const struct chain_head *head = sealed_only ? &chain.sealed : &chain.head;
        if (head->seq > 0) {
            chain_mark(chain.id, head, &out_chains[count++]);
        }
    }
    *out_count = count;
    return RC_OK;
}

static enum rc seen_add(struct store *store, struct author_id hub, uint8_t lane, uint8_t audience,
                        struct seen *seen) {
    struct store_chain chain;
    struct chain_id id = {.author = hub, .lane = lane, .audience = audience};
    enum rc rc = store_chain_get(store, id, &chain);
    if (rc != RC_OK || chain.sealed.seq == 0) {
        return rc;
    }
    struct seen_mark *mark = &seen->marks[seen->count++];
    mark->lane = lane;
    mark->audience = audience;
    mark->seq = chain.sealed.seq;
    memcpy(mark->hash, chain.sealed.hash.b, SEEN_HASH_BYTES);
    return RC_OK;
}

enum rc seen_of(struct store *store, struct author_id hub, uint8_t lane, struct seen *out_seen) {
    struct seen seen = {.hub = hub};
    enum rc rc = seen_add(store, hub, LANE_CONTROL, AUDIENCE_SITE, &seen);
    for (uint8_t audience = 0; audience < AUDIENCE_COUNT && lane != LANE_CONTROL && rc == RC_OK;
         audience++) {
        rc = seen_add(store, hub, lane, audience, &seen);
    }
    *out_seen = seen;
    return rc;
}
