// The one reader of a hub's log: takes the body of a FEED into a store.
//
// Used by a device, by a hub that takes its own bytes back, by an upper hub's replica of a child's
// log, and for frames that came by file. It walks the whole frame against what the store holds,
// checks the hub's seal and writes nothing before that; then it stores entries, admitted records
// and authors' seals and puts the verdicts into the log. A record whose signature does not verify
// here is never folded as accepted, whatever the hub says; a seal of another author that does not
// verify is left out.
//
// A frame that opens an incarnation of the hub (its first entry is the hub's author.open, under the
// same key) teaches the store its rank; verdicts of the incarnation before it beyond the heads that
// it adopted become void. A branch of an author's chain that has no verdict, or of an old
// incarnation's chain that its successor did not adopt, is cut where the log shows another one.
// Bad input changes nothing and is told by the result; only faults of the store
// come back as an error, and then the caller rolls back.
#ifndef DAVY_SYNC_TAKE_H
#define DAVY_SYNC_TAKE_H

#include "davy/store/store.h"
#include "davy/sync/frame.h"
#include "davy/sync/mutant.h"

struct log_reader {
    struct store *store; // borrowed; an open transaction
    const struct keys_scheme *scheme;
    struct public_key seal_key; // verifies the log's seals
    struct author_id own; // the reader's own incarnation: its records come without their content
                          // (FEED_ADMIT_HELD), and its chains are never cut; zero: none
    bool mine; // the log is this store's own: an incarnation is learned, but takes no other's rank,
               // and nothing is cut
    const struct sync_mutants *mutants; // NULL but in the simulation
    void *ctx;
    // As in sync/device.h: the public key that should verify `content`; false if unknown.
    bool (*key_of)(void *ctx, const struct content *content, struct public_key *out_key);
};

enum taken {
    TAKEN_NEW,       // entries were stored
    TAKEN_KNOWN,     // all of it was held
    TAKEN_GAP,       // something before it is missing: the hub hears how far the reader is
    TAKEN_ELSEWHERE, // it follows another entry than the one held there: nothing is proven
    TAKEN_FORK,      // sealed by the log's key, and yet not what is held: nothing was stored
    TAKEN_BAD,       // it does not verify (see `why`)
};
struct take_result {
    enum taken taken;
    enum rc why;            // of TAKEN_BAD
    uint32_t not_verified;  // records and author seals in it that do not verify
    uint64_t voided;        // verdicts that are void now: views went back
    struct chain_head head; // of TAKEN_FORK: the sealed head that disagrees
};
// Only checks that a frame is sealed by the log's key behind a given entry; the head moves on if
// so.
bool log_verify(const struct log_reader *reader, const struct feed *feed, struct chain_head *head);
// RC_OK with the result, or a fault of the store. `scratch` is reset.
DAVY_MUST_USE enum rc log_take(const struct log_reader *reader, const struct feed *feed,
                               struct buf *scratch, struct take_result *out_result);

#endif
