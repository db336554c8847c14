// The device's side of sync, between its files:
//   device.c      greeting, sending what is the device's own, small messages
//   device_log.c  the hub's log, through the one reader of logs (take.h)
#ifndef DAVY_SYNC_DEVICE_PRIV_H
#define DAVY_SYNC_DEVICE_PRIV_H

#include "davy/sync/device.h"
#include "davy/sync/take.h"
#include "sync_priv.h"

#define META_HUB "sync.hub"
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
    struct hello hello; // the greeting in flight
    struct kx_pair kx;
    struct mono_ms hello_at;
    uint32_t hello_retry_ms;
    bool hello_due;
    uint32_t session;
    uint8_t up[SESSION_KEY_BYTES], down[SESSION_KEY_BYTES];
    uint32_t number;
    struct number_window window;
    uint64_t digest_number;
    struct own_chain own[FRAME_CHAINS_MAX];
    bool fack_due;
    struct mono_ms fack_at;
    struct enrol enrol;
    uint8_t enrol_tries; // 0: none waits
    struct mono_ms enrol_at;
    struct outgoing outbox[OUTBOX_MAX];
    size_t outbox_count;
    struct buf body, frame, items;
    struct sync_device_status status;
};

// device.c
void sync_device_trouble(struct sync_device *device, const char *what);
// Compares my copy of the log with the hub's heads.
void sync_device_update_live(struct sync_device *device);

// device_log.c
DAVY_MUST_USE enum rc sync_device_take_feed(struct sync_device *device, const struct frame *frame,
                                            struct moment now);

#endif
