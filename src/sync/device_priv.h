// The device's side of sync, between its files:
//   device.c      greeting, sending what is the device's own, small messages
//   device_greet.c   greetings
//   device_author.c  a chain that lost: a new incarnation
//   device_give.c    the hub's log given back
//   device_blob.c    blobs
//   device_log.c  the hub's log, through the one reader of logs (take.h)
#ifndef DAVY_SYNC_DEVICE_PRIV_H
#define DAVY_SYNC_DEVICE_PRIV_H

#include "davy/sync/blob.h"
#include "davy/sync/device.h"
#include "davy/sync/take.h"
#include "sync_priv.h"

#define OUTBOX_MAX 256
#define HELLO_EVERY_MS 1000 // a START asks for a greeting, but never faster
#define HUB_SILENT_MS 30000 // then greet anew
#define KEEPALIVE_MS 20000
#define ENROL_TRIES 5

struct own_chain {
    uint64_t sent;
    struct mono_ms sent_at;
    uint32_t retry_ms;
    uint32_t in_flight_bytes;
    uint64_t gap_first, gap_last; // asked for again by the hub; 0: nothing
    struct mono_ms gap_at;
    struct mono_ms not_before; // the hub asked to wait
};

struct outgoing {
    uint8_t lane;
    uint8_t own; // chain index + 1 of a batch, 0 otherwise
    struct buf frame;
};

struct sync_device {
    struct sync_device_options options;
    struct frame_codec *codec;
    struct sync_random random;
    enum sync_phase phase;
    struct author_id author; // my incarnation now
    uint8_t author_random[AUTHOR_RANDOM_BYTES];
    bool lost; // the hub holds another branch of a chain of mine, at lost_seq
    uint64_t lost_seq[FRAME_CHAINS_MAX];
    struct hello hello; // the greeting in flight
    struct kx_pair kx;
    struct mono_ms hello_at;
    uint32_t hello_retry_ms;
    bool hello_due;
    bool start_due; // a START came right after a greeting: greet again if nobody answers it
    bool forks_due, give_due; // once a session
    uint32_t session;
    uint8_t up[SESSION_KEY_BYTES], down[SESSION_KEY_BYTES];
    uint32_t number;
    struct number_window window;
    uint64_t digest_number;
    uint64_t hub_heads[FRAME_CHAINS_MAX]; // of the hub's log, as last told
    struct own_chain own[FRAME_CHAINS_MAX];
    bool fack_due;
    struct mono_ms fack_at;
    struct enrol enrol;
    uint8_t enrol_tries; // 0: none waits
    struct mono_ms enrol_at;
    struct outgoing outbox[OUTBOX_MAX];
    size_t outbox_count;
    struct buf body, frame, items, record;
    struct sync_blob *blob; // NULL: none in this session yet
    uint32_t blob_session;
    struct sync_device_status status;
};

// device.c
bool sync_device_in_session(const struct sync_device *device);
// Takes device->frame over into the queue that the next flush sends.
bool sync_device_queue(struct sync_device *device, uint8_t lane, uint8_t own);
// The same for device->body, as a keyed frame.
bool sync_device_queue_keyed(struct sync_device *device, enum frame_type type, uint8_t lane,
                             uint8_t own);
void sync_device_trouble(struct sync_device *device, const char *what);
// Compares my copy of the log with the hub's heads.
void sync_device_update_live(struct sync_device *device);
// The hub told that one of its chains goes on to there.
void sync_device_hub_head(struct sync_device *device, uint8_t lane, uint8_t audience, uint64_t seq);

// device_greet.c
void sync_device_greet(struct sync_device *device);
DAVY_MUST_USE enum rc sync_device_send_hello(struct sync_device *device, struct moment now);
bool sync_device_from_hub(const struct sync_device *device, struct slice bytes,
                          const struct frame *frame);
DAVY_MUST_USE enum rc sync_device_on_welcome(struct sync_device *device, struct slice bytes,
                                             struct frame *frame, struct moment now);
void sync_device_on_start(struct sync_device *device, struct slice bytes, struct frame *frame,
                          struct moment now);

// device_author.c
void sync_device_author_load(struct sync_device *device);
// What the hub holds of one of my chains, as it says now; it may be less than before. Another
// branch makes the chain a lost one.
DAVY_MUST_USE enum rc sync_device_take_held(struct sync_device *device, struct chain_id id,
                                            uint64_t seq, const uint8_t *hash);
// Begins a new incarnation if a chain is lost.
DAVY_MUST_USE enum rc sync_device_reauthor(struct sync_device *device, struct moment now);
void sync_device_send_forks(struct sync_device *device);
DAVY_MUST_USE enum rc sync_device_fork_known(struct sync_device *device, const struct frame *frame);

// device_give.c
DAVY_MUST_USE enum rc sync_device_on_pull(struct sync_device *device, const struct frame *frame);
// What stands beyond the heads that a hub's later incarnation adopted and has no verdict.
DAVY_MUST_USE enum rc sync_device_give_surplus(struct sync_device *device);

// device_blob.c
DAVY_MUST_USE enum rc sync_device_take_blob(struct sync_device *device, const struct frame *frame,
                                            struct moment now);
// Last of all that a tick sends.
DAVY_MUST_USE enum rc sync_device_send_blobs(struct sync_device *device, struct moment now,
                                             struct mono_ms *inout_next);

// device_log.c
DAVY_MUST_USE enum rc sync_device_take_feed(struct sync_device *device, const struct frame *frame,
                                            struct moment now);

#endif
