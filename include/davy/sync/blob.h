// Blobs over a session: photos and documents beside the records, in the lowest lane.
//
// One engine for both sides, one for each session. It gives what the other side lacks and takes
// what this side lacks, both at once, one blob at a time each way. The record that names a blob
// comes first; a hub takes only what a record held here names (an offer waits LIMIT_BLOB_OFFER_MS
// for its record). A device offers its own blobs and asks for those that somebody wants to see; a
// hub answers. What is held is stated by NEED, after the commit: a cut line costs nothing but what
// was in flight.
//
//   giver                          taker
//   OFFER hash, size, media  -->
//                            <--   NEED what is missing    (size 0: "offer me this")
//   CHUNK prefix, unit, bytes -->
//                            <--   NEED ... until nothing is
//                            <--   STATE whole, or why not
//
// BULK WAITS. In flight are at most max(2 * rate * round trip, 2 KB), at most what the line takes
// in a round trip and a second, and less as soon as a queue builds up: an alarm never waits behind
// more (pace_priv.h).
// Pure: messages and time in, messages out. sync_blob_receive may write and needs an open
// transaction; sync_blob_send only reads. Bodies of messages are encoded here, too.
#ifndef DAVY_SYNC_BLOB_H
#define DAVY_SYNC_BLOB_H

#include "davy/store/blob.h"

#define BLOB_RANGES_MAX 24
#define BLOB_PREFIX_BYTES 8

enum blob_message { // types of frames
    BLOB_OFFER = 16,
    BLOB_NEED = 17,
    BLOB_CHUNK = 18,
    BLOB_STATE = 19,
};
static inline bool is_blob_message(unsigned type) {
    return type >= BLOB_OFFER && type <= BLOB_STATE;
}

struct blob_offer {
    struct hash32 hash;
    uint32_t size;
    enum blob_media media;
};
struct blob_need {
    struct hash32 hash;
    uint32_t size;   // 0: asks for an offer; then nothing follows
    uint32_t serial; // the highest of the chunks that came; 0: none
    bool more;       // beyond the last range more may be missing
    uint8_t count;   // of ranges, ascending, never empty, never touching
    struct blob_range {
        uint32_t first, end; // units
    } ranges[BLOB_RANGES_MAX];
};
struct blob_chunk {
    uint8_t prefix[BLOB_PREFIX_BYTES]; // of the hash
    uint32_t serial;                   // counts up in a session
    uint32_t unit;
    struct slice bytes;
};
enum blob_answer {
    BLOB_IS_WHOLE = 0,
    BLOB_NOT_HELD = 1, // asked for, not here
    BLOB_UNNAMED = 2,  // no record here names it: offer it again later
    BLOB_NO_ROOM = 3,
    BLOB_OTHER_SIZE = 4, // somebody else gives it with another size
    BLOB_BAD = 5,        // the bytes were wrong again and again
    BLOB_ANSWER_COUNT
};
struct blob_state {
    struct hash32 hash;
    enum blob_answer answer;
};
DAVY_MUST_USE enum rc blob_offer_encode(const struct blob_offer *offer, struct buf *out);
DAVY_MUST_USE enum rc blob_offer_decode(struct slice body, struct blob_offer *out_offer);
DAVY_MUST_USE enum rc blob_need_encode(const struct blob_need *need, struct buf *out);
DAVY_MUST_USE enum rc blob_need_decode(struct slice body, struct blob_need *out_need);
DAVY_MUST_USE enum rc blob_chunk_encode(const struct blob_chunk *chunk, struct buf *out);
DAVY_MUST_USE enum rc blob_chunk_decode(struct slice body, struct blob_chunk *out_chunk);
DAVY_MUST_USE enum rc blob_state_encode(const struct blob_state *state, struct buf *out);
DAVY_MUST_USE enum rc blob_state_decode(struct slice body, struct blob_state *out_state);

struct sync_blob;
struct sync_blob_options {
    struct store *store;        // borrowed
    struct buf *body;           // borrowed: where bodies are made
    bool hub;                   // takes what is offered; a device takes what it wants
    uint32_t message_bytes_max; // the smaller one of both sides
    struct rid peer;            // of a hub: whose room the bytes take
    void *ctx;
    // Queues the body as a frame of the session in the lowest lane. False: not now.
    bool (*emit)(void *ctx, enum blob_message type);
};
struct sync_blob_status {
    bool giving, taking;
    struct hash32 give, take;
    uint32_t give_size, give_held;     // as the other side states it
    uint32_t take_size, take_held;     // bytes
    uint64_t given_bytes, again_bytes; // of chunks since the start; sent again
    uint64_t taken_bytes, twice_bytes; // new ones; held before
    uint64_t bad;                      // messages that did not fit
    uint64_t wrong;                    // blobs whose hash did not match
    uint32_t rate;                     // bytes a second
    uint32_t rtt_ms;
    uint32_t window_bytes, in_flight_bytes;
};
// For a session that has just begun.
DAVY_MUST_USE enum rc sync_blob_new(const struct sync_blob_options *options,
                                    struct sync_blob **out_blob);
void sync_blob_free(struct sync_blob *blob); // NULL is fine
// One body that was proven. Bad ones are counted and dropped; RC_OK unless the store failed.
DAVY_MUST_USE enum rc sync_blob_receive(struct sync_blob *blob, enum blob_message type,
                                        struct slice body, struct moment now);
// Hands out what is due, after the commit or in a transaction whose frames leave after it. Lowers
// *inout_next to when it wants to be called again.
DAVY_MUST_USE enum rc sync_blob_send(struct sync_blob *blob, struct moment now,
                                     struct mono_ms *inout_next);
// After a rollback: what was taken since the last commit is not there.
void sync_blob_aborted(struct sync_blob *blob);
void sync_blob_status(const struct sync_blob *blob, struct sync_blob_status *out_status);

#endif
