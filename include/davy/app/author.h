// The incarnation under which a folder writes, and its opening statement (author.open).
//
// device.ini names the first one; the store is the authority from then on, because a new one begins
// in the transaction that needs it. After author_load the configuration names the current one.
#ifndef DAVY_APP_AUTHOR_H
#define DAVY_APP_AUTHOR_H

#include "davy/app/device.h"
#include "davy/store/store.h"

// Takes the current incarnation from the store, if it knows one, into the configuration. RC_CORRUPT
// if the store's is not this device's.
DAVY_MUST_USE enum rc author_load(struct store *store, const struct public_key *device_key,
                                  struct device_config *config);
// Lets the store know the configuration's incarnation as its own. In an open transaction.
DAVY_MUST_USE enum rc author_keep(struct store *store, const struct device_config *config);

struct author_open {
    const struct device_config *config; // site and device
    struct public_key device_key;
    struct store_own own;                // the incarnation that opens
    const struct store_opening *opening; // what it continues; NULL: the first
    struct moment now;
    uint8_t nonce[NONCE_BYTES];
};
// Builds the sealed statement. The record borrows `content`; both buffers are reset.
DAVY_MUST_USE enum rc author_open_make(const struct author_open *open, struct buf *body,
                                       struct buf *content, struct signed_record *out_record);

#endif
