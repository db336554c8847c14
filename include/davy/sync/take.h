// The one reader of a hub's log: takes the body of a FEED into a store.
//
// Used by a device, by a hub that takes its own bytes back, by an upper hub's replica of a child's
// log, and for frames that came by file. It walks the whole frame against what the store holds,
// checks the hub's seal and writes nothing before that; then it stores entries, admitted records
// and authors' seals and puts the verdicts into the log. A record whose signature does not verify
// here is never folded as accepted, whatever the hub says; a seal of another author that does not
// verify is left out. Bad input changes nothing and is told by the result; only faults of the store
// come back as an error, and then the caller rolls back.
#ifndef DAVY_SYNC_TAKE_H
#define DAVY_SYNC_TAKE_H

#include "davy/store/store.h"
#include "davy/sync/frame.h"

struct log_reader {
    struct store *store; // borrowed; an open transaction
    const struct keys_scheme *scheme;
    struct author_id hub;       // whose log
    struct public_key seal_key; // verifies the log's seals
    struct author_id own; // the reader's own incarnation: its records come without their content
                          // (FEED_ADMIT_HELD); zero: none
    void *ctx;
    // As in sync/device.h: the public key that should verify `content`; false if unknown.
    bool (*key_of)(void *ctx, const struct content *content, struct public_key *out_key);
};

enum taken {
    TAKEN_NEW,   // entries were stored
    TAKEN_KNOWN, // all of it was held
    TAKEN_GAP,   // something before it is missing: the hub hears how far the reader is
    TAKEN_BAD,   // it does not verify, or differs from what is held (see `why`)
};
struct take_result {
    enum taken taken;
    enum rc why;           // of TAKEN_BAD: RC_FORK if my copy of the log differs
    uint32_t not_verified; // records and author seals in it that do not verify
};
// RC_OK with the result, or a fault of the store. `scratch` is reset.
DAVY_MUST_USE enum rc log_take(const struct log_reader *reader, const struct feed *feed,
                               struct buf *scratch, struct take_result *out_result);

#endif
