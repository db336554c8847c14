// The device's side of sync: messages and time in, messages out. Pure: no clock, no network.
//
// It sends what its own chains hold beyond what the hub says that it holds (the ACK may go
// backwards),
// cut at seals, lane 0 and 1 first, at most LIMIT_WINDOW_BYTES unacknowledged per lane; takes the
// hub's
// log as FEED frames, verifies chain, seals and signatures, and logs them in the store.
// A session begins with HELLO and WELCOME, signed over each other's nonces and carrying fresh
// key-exchange keys; every later frame carries a 16-byte keyed hash over session, direction,
// number and
// all frame bytes. What is not authenticated is never believed.
// All calls that may write need an open store transaction; frames are handed to `send` only by
// sync_device_flush, which the caller calls after the commit.
#ifndef DAVY_SYNC_DEVICE_H
#define DAVY_SYNC_DEVICE_H

#include "davy/store/store.h"
#include "davy/sync/frame.h"
#include "davy/sync/incarnation.h"
#include "davy/sync/mutant.h"

struct sync_device;

struct sync_device_options {
    struct store *store; // borrowed
    const struct keys_scheme *scheme;
    const struct keypair *device; // borrowed
    struct rid device_rid;
    struct public_key peer_key; // proves the hub's frames: pinned by the invite
    struct public_key seal_key; // seals the log that is read; another one only behind a relay
    struct author_id author;    // my first incarnation; a later one is the store's (store_own)
    uint8_t author_random[AUTHOR_RANDOM_BYTES];
    uint32_t message_bytes_max;         // LIMIT_MESSAGE_BYTES or less on a narrow link
    uint64_t seed;                      // jitter and nonces
    const struct sync_mutants *mutants; // NULL but in the simulation
    void *ctx;
    // Whose signature? The public key that should verify `content`; false if unknown. (From the
    // roster;
    // a genesis is verified by its own body.)
    bool (*key_of)(void *ctx, const struct content *content, struct public_key *out_key);
    // States a new incarnation: builds its sealed opening statement, which is appended at once, and
    // notes that own records stand in its chains from now on (if the transaction commits). NULL: a
    // chain that lost stays as it is.
    enum rc (*incarnate)(void *ctx, const struct incarnation *next, struct moment now,
                         struct signed_record *out_record);
    // Secret randomness (key exchange, nonces).
    void (*random)(void *ctx, void *out, size_t len);
    // Hands a finished frame to the link. RC_OFFLINE, RC_FULL: kept back, sent again later.
    enum rc (*send)(void *ctx, uint8_t lane, struct slice frame);
    // A verified digest of live values (frame.h); borrowed during the call.
    void (*digest)(void *ctx, const struct digest *digest);
    // The hub's answer to an enrolment (code REFUSAL_NONE = certified).
    void (*enrolled)(void *ctx, struct key_id key, enum refusal_code code);
};

enum sync_phase {
    SYNC_OFFLINE,     // no link to the broker
    SYNC_GREETING,    // HELLO sent, no WELCOME yet
    SYNC_CATCHING_UP, // the log is behind the hub's heads
    SYNC_LIVE,
};

struct sync_device_status {
    enum sync_phase phase;
    bool hub_starting;                   // the hub asks around before it serves
    struct author_id hub;                // zero: never met
    struct mono_ms heard;                // last authenticated message; 0: never in this run
    struct utc_ms hub_time;              // the hub's clock at `heard`
    uint64_t log_seq[LANE_COUNT];        // my copy of the hub's log, audience site
    uint64_t hub_log_seq[LANE_COUNT];    // the hub's heads as last told
    uint64_t behind;                     // entries of the hub's log, of all audiences, not here yet
    uint64_t sent_bytes, received_bytes; // frame bytes since start
    uint64_t resent_bytes;
    uint32_t rtt_ms;
    uint64_t reauthored;   // new incarnations begun in this run
    uint64_t voided;       // verdicts taken back: what was read from views must be read again
    uint64_t not_verified; // messages dropped because they did not verify
    char trouble[96];      // last reason in English for the log, "" if none
};

DAVY_MUST_USE enum rc sync_device_new(const struct sync_device_options *options,
                                      struct sync_device **out_device);
void sync_device_free(struct sync_device *device);
// The link came up or went down.
void sync_device_link(struct sync_device *device, bool up, struct moment now);
// One message from the hub, whole. Bad input is counted and dropped; RC_OK unless the store failed.
DAVY_MUST_USE enum rc sync_device_receive(struct sync_device *device, struct slice frame,
                                          struct moment now);
// Retries, greetings, batches to send. out_next: when to call again at the latest.
DAVY_MUST_USE enum rc sync_device_tick(struct sync_device *device, struct moment now,
                                       struct mono_ms *out_next);
// Sends what is ready. After the commit.
void sync_device_flush(struct sync_device *device, struct moment now);
// After a rollback: forgets what was prepared.
void sync_device_aborted(struct sync_device *device);
// Asks the hub to certify a person's key on this device, proven by the one-time code.
DAVY_MUST_USE enum rc sync_device_enrol(struct sync_device *device, struct rid person,
                                        const struct public_key *key, const char *code,
                                        struct moment now);
void sync_device_status(const struct sync_device *device, struct sync_device_status *out_status);
// How far an own entry got: the highest seq handed to the link in this session.
uint64_t sync_device_sent_seq(const struct sync_device *device, uint8_t lane, uint8_t audience);
// My copy of the hub's log as a *seen* for records of a lane: lane 0 and the audience chains of
// that lane.
enum rc sync_device_seen(struct sync_device *device, uint8_t lane, struct seen *out_seen);

// The same from a store alone: what it holds of a hub's log. A zero hub gives none. If the store
// fails, marks are missing from *out_seen, and an act must not be signed over it.
enum rc sync_seen(struct store *store, struct author_id hub, uint8_t lane, struct seen *out_seen);
// The incarnation of the hub whose log the store reads now. Zero: none.
struct author_id sync_hub_of(struct store *store);
// The same, and whether the store could tell.
DAVY_MUST_USE enum rc sync_hub_find(struct store *store, struct author_id *out_hub);

#endif
