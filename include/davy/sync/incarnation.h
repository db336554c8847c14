// Incarnations as sync sees them: what an author.open says, and how far a copy of the hub's log has
// come through the hub's incarnations.
//
// A hub's incarnations have ranks 1, 2, …; each opens with the heads of the one before it that it
// adopted. What stands beyond those heads is void. A copy is complete with a rank once it holds
// every adopted head; then it goes on with the next.
#ifndef DAVY_SYNC_INCARNATION_H
#define DAVY_SYNC_INCARNATION_H

#include "davy/store/store.h"

struct incarnation {
    struct store_own own;
    struct store_opening before; // previous zero: the first
    struct public_key device_key;
};
// Reads an opening statement; false unless it is one, and key and random prove the author's id.
bool incarnation_read(const struct content *content, struct author_id author,
                      struct incarnation *out);
// Makes a new incarnation of a device that continues all heads of `previous`, in the store: author,
// opening, own. The caller states it.
DAVY_MUST_USE enum rc incarnation_begin(struct store *store, const struct public_key *device_key,
                                        struct author_id previous,
                                        const uint8_t random[AUTHOR_RANDOM_BYTES],
                                        struct incarnation *out);
// Which chains of the log this store reads, bit by lane * AUDIENCE_COUNT + audience; others count
// as complete. Not set: all. In a transaction.
DAVY_MUST_USE enum rc log_readable_set(struct store *store, uint16_t readable);
// Does the store hold what rank + 1 adopted of this rank? False for the last rank known.
bool log_is_complete(struct store *store, uint32_t rank);
// The incarnation whose log is to be read now: the first incomplete one, or the last. Zero: none.
struct author_id log_reading(struct store *store);
// The same, and whether the store could tell.
DAVY_MUST_USE enum rc log_reading_find(struct store *store, struct author_id *out_hub);

#endif
