// What both sides of sync share: numbering of chains, the window of frame numbers, small helpers.
#ifndef DAVY_SYNC_SYNC_PRIV_H
#define DAVY_SYNC_SYNC_PRIV_H

#include "davy/store/store.h"
#include "davy/sync/frame.h"

// Raw bytes of entries in one BATCH or FEED: with headers, seals and signatures still one message.
#define SYNC_GROUP_BYTES 13000
// A reader resends or asks again after this, doubling.
#define SYNC_RETRY_MS_MIN 2000
#define SYNC_RETRY_MS_MAX 60000

static inline uint8_t chain_index(uint8_t lane, uint8_t audience) {
    return (uint8_t)(lane * AUDIENCE_COUNT + audience);
}
static inline struct chain_id chain_of(struct author_id author, uint8_t index) {
    return (struct chain_id){.author = author,
                             .lane = (uint8_t)(index / AUDIENCE_COUNT),
                             .audience = (uint8_t)(index % AUDIENCE_COUNT)};
}

// Takes each number once; numbers more than 63 behind the highest are taken as seen.
struct number_window {
    uint32_t highest;
    uint64_t seen; // bit i: highest - i
};
bool number_window_take(struct number_window *window, uint32_t number);

// xorshift64*: jitter and nonces of a pure engine; not for secrets.
struct sync_random {
    uint64_t state;
};
uint64_t sync_random_next(struct sync_random *random);
void sync_random_fill(struct sync_random *random, void *out, size_t len);

// What is held of an author's chains, by (lane, audience), empty ones left out.
DAVY_MUST_USE enum rc chains_held(struct store *store, struct author_id author, bool sealed_only,
                                  struct frame_chain *out_chains, uint8_t *out_count);
// How far a copy of a hub's log is: its sealed heads, and of an incarnation that ended nothing
// beyond what its successor adopted.
DAVY_MUST_USE enum rc log_cursors(struct store *store, struct author_id hub,
                                  struct frame_chain *out_chains, uint8_t *out_count);
void chain_mark(struct chain_id id, const struct chain_head *head, struct frame_chain *out_chain);
// The log of a hub as a *seen* for records of a lane.
enum rc seen_of(struct store *store, struct author_id hub, uint8_t lane, struct seen *out_seen);
#endif
