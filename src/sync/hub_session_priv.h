// The hub's side of sync, between its files:
//   hub.c       sessions, greetings, acknowledgements, the outbox
//   hub_log.c   the hub's log: its own records, admission of batches, seals
//   hub_feed.c  the log as FEED frames for a session
//   hub_behind.c   claims of readers, taking back, the next incarnation
//   hub_salvage.c  records that nobody adopted
//   hub_again.c    held records
//   hub_blob.c     blobs of a session
#ifndef DAVY_SYNC_HUB_SESSION_PRIV_H
#define DAVY_SYNC_HUB_SESSION_PRIV_H

#include "davy/sync/blob.h"
#include "davy/sync/hub.h"
#include "sync_priv.h"

#define OUTBOX_MAX 4096
#define ADMIT_BYTES 64 // an encoded admit and its framing, at most
#define START_EVERY_MS 300
#define SESSION_SILENT_MS 120000 // six missed signs of life
#define META_SERVED "sync.served"
#define META_RESTORED "sync.restored" // set by a restore; empty or absent: not restored

// An out-of-order batch that waits for the ones before it.
struct waiting_batch {
    struct waiting_batch *next;
    uint8_t chain;
    uint64_t first, last;
    size_t len;
    uint8_t body[];
};

struct feed_state {
    uint64_t sent;          // highest entry handed to the link
    uint64_t acked;         // highest entry that the reader holds
    uint64_t probe;         // where two branches were looked for last
    struct mono_ms sent_at; // or the last progress
    uint32_t retry_ms;
    uint32_t in_flight_bytes;
    uint32_t window_bytes; // grows while round trips stay short, 0: not begun
    uint64_t mark;         // an entry on its way whose round trip is measured; 0: none
    struct mono_ms marked_at;
};

// A reader holds more of a chain of my log than I do, it says.
struct claim {
    struct author_id author;
    uint64_t seq;  // 0: none
    uint64_t from; // ask from here on: nearer to where two branches part; 0: behind what I hold
    struct mono_ms asked;
    uint8_t tries;
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
    struct author_id feed_hub; // the incarnation whose log is fed now
    struct feed_state feeds[FRAME_CHAINS_MAX];
    uint32_t rtt_ms, base_ms; // of its feeds: as measured lately, the shortest; 0: never
    bool tell_next;           // the reader must know of the next incarnation before it can go on
    struct mono_ms told_at;
    struct claim claims[FRAME_CHAINS_MAX];
    bool claims_refused;
    bool unknown_log; // it reads an incarnation that I do not know
    struct author_id surplus_hub;
    struct chain_head surplus[FRAME_CHAINS_MAX]; // of surplus_hub, as far as it was verified
    struct waiting_batch *waiting;
    size_t waiting_bytes;
    struct sync_hub *hub;   // of blob
    struct sync_blob *blob; // NULL: no word about blobs came yet
    uint32_t message_bytes_max;
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
    struct author_id author; // the incarnation that writes now
    bool restored, confirmed, answered;
    bool behind; // proven: something was lost
    struct mono_ms news_at, tick_at;
    bool held_dirty; // something may decide a held record
    struct mono_ms again_at;
    struct store_log again_from;
    bool started;                         // START was broadcast
    bool served;                          // some reader holds a part of this log
    uint32_t ungrouped[FRAME_CHAINS_MAX]; // bytes of entries since the last seal
    uint32_t feed_rtt_ms;                 // of the session that was measured last
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

// hub_blob.c
DAVY_MUST_USE enum rc session_take_blob(struct sync_hub *hub, struct session *session,
                                        const struct frame *frame, struct moment now);
void session_send_blobs(struct sync_hub *hub, struct session *session, struct moment now,
                        struct mono_ms *inout_next);

// hub_log.c
DAVY_MUST_USE enum rc session_take_batch(struct sync_hub *hub, struct session *session,
                                         const struct frame *frame, struct moment now);
void session_ack_later(struct session *session, uint8_t index, enum ack_reason reason);

// States a verdict: an admit in the hub's chain of the record's lane, and the log's row.
DAVY_MUST_USE enum rc hub_append_admit(struct sync_hub *hub, struct admit *admit,
                                       struct moment now);
// The same, with its bytes counted for the next seal: a verdict that comes without its record.
DAVY_MUST_USE enum rc hub_append_verdict(struct sync_hub *hub, struct admit *admit,
                                         struct moment now);
// Appends a record to its author's chain with the verdict that it gets.
DAVY_MUST_USE enum rc hub_admit_record(struct sync_hub *hub, const struct place *place,
                                       const struct content *content, struct signed_record *record,
                                       struct moment now);
// The same for a record of an earlier incarnation of this hub, in its chain of today.
DAVY_MUST_USE enum rc hub_append_judged(struct sync_hub *hub, uint8_t lane, uint8_t audience,
                                        const struct signed_record *record, struct moment now);
// A device sealed two branches; `fork` is the one that lost. Verified by the caller.
DAVY_MUST_USE enum rc hub_note_fork(struct sync_hub *hub, struct session *session,
                                    const struct fork *fork, struct moment now);
DAVY_MUST_USE enum rc session_on_fork(struct sync_hub *hub, struct session *session,
                                      const struct frame *frame, struct moment now);

// hub_behind.c
// Notes what a reader holds and I do not. True if there is such.
bool session_claims(struct sync_hub *hub, struct session *session, const struct fack *fack);
DAVY_MUST_USE enum rc session_on_give(struct sync_hub *hub, struct session *session,
                                      const struct frame *frame, struct moment now);
DAVY_MUST_USE enum rc sync_hub_open_rank(struct sync_hub *hub, struct moment now);
void sync_hub_author_load(struct sync_hub *hub);

// hub_salvage.c: takes the records of a verified frame that have no verdict.
DAVY_MUST_USE enum rc session_salvage(struct sync_hub *hub, struct session *session,
                                      const struct feed *feed, struct moment now);

// hub_again.c
bool hub_again_due(const struct sync_hub *hub, struct moment now);
DAVY_MUST_USE enum rc hub_again_tick(struct sync_hub *hub, struct moment now);

// hub_feed.c
// Which incarnation's log the reader is fed, and from where.
void session_feed_from(struct sync_hub *hub, struct session *session, struct author_id hub_author,
                       const struct frame_chain *cursors, uint8_t count);
// Queues what the reader lacks of one chain, as far as its window goes.
void session_feed(struct sync_hub *hub, struct session *session, uint8_t index, struct moment now);

#endif
