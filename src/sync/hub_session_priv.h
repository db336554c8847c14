// The hub's side of sync, between its files:
//   hub.c       sessions, greetings, acknowledgements, the outbox
//   hub_log.c   the hub's log: its own records, admission of batches, seals
//   hub_feed.c  the log as FEED frames for a session
#ifndef DAVY_SYNC_HUB_SESSION_PRIV_H
#define DAVY_SYNC_HUB_SESSION_PRIV_H

#include "davy/sync/hub.h"
#include "sync_priv.h"

#define OUTBOX_MAX 4096
#define ADMIT_BYTES 64 // an encoded admit and its framing, at most
#define START_EVERY_MS 300
#define SESSION_SILENT_MS 120000 // six missed signs of life
#define META_SERVED "sync.served"

// An out-of-order batch that waits for the ones before it.
struct waiting_batch {
    struct waiting_batch *next;
    uint8_t chain;
    uint64_t first, last;
    size_t len;
    uint8_t body[];
};

struct feed_state {
    uint64_t sent;  // highest entry handed to the link
    uint64_t acked; // highest entry that the reader holds
    struct mono_ms sent_at;
    uint32_t retry_ms;
    uint32_t in_flight_bytes;
};

struct session {
    uint32_t id;
    bool live; // a keyed frame came back: the peer holds the session's keys
    char account[LIMIT_TAG_BYTES + 1];
    struct rid device;
    struct public_key device_key;
    bool tier;         // a hub of another tier: it only reads
    uint16_t readable; // bit by chain index: what it may read of the log
    struct author_id author;
    uint8_t up[SESSION_KEY_BYTES], down[SESSION_KEY_BYTES];
    struct number_window window;
    uint32_t number;
    struct mono_ms heard;
    uint16_t ack_due; // bit by chain index
    uint8_t ack_reason[FRAME_CHAINS_MAX];
    struct feed_state feeds[FRAME_CHAINS_MAX];
    struct waiting_batch *waiting;
    size_t waiting_bytes;
};

// A frame that leaves with the next flush.
struct outgoing {
    bool broadcast;
    char account[LIMIT_TAG_BYTES + 1];
    uint8_t lane;
    struct buf frame;
};

struct sync_hub {
    struct sync_hub_options options;
    struct frame_codec *codec;
    struct sync_random random;
    struct session *sessions[LIMIT_SESSION_COUNT];
    uint32_t session_count;
    uint32_t session_next;
    enum hub_phase phase;
    bool started;                         // START was broadcast
    bool served;                          // some reader holds a part of this log
    uint32_t ungrouped[FRAME_CHAINS_MAX]; // bytes of entries since the last seal
    uint64_t digest_number;
    struct mono_ms start_sent;
    struct outgoing *outbox;
    size_t outbox_count;
    struct buf body;
    struct buf frame;
    struct buf items;
    struct buf record;
    struct sync_hub_status status;
};

// hub.c
// Says what is held of a chain now. Queued for the next flush.
void session_send_ack(struct sync_hub *hub, struct session *session, uint8_t index,
                      struct moment now);
// Queues hub->body as a keyed frame.
void session_send_keyed(struct sync_hub *hub, struct session *session, enum frame_type type,
                        uint8_t lane);
void sync_hub_flush_outbox(struct sync_hub *hub);

// hub_log.c
DAVY_MUST_USE enum rc session_take_batch(struct sync_hub *hub, struct session *session,
                                         const struct frame *frame, struct moment now);
void session_ack_later(struct session *session, uint8_t index, enum ack_reason reason);

// hub_feed.c
// Queues what the reader lacks of one chain, as far as its window goes.
void session_feed(struct sync_hub *hub, struct session *session, uint8_t index, struct moment now);

#endif
