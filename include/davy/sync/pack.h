// A hub's log as FEED bodies: the counterpart of take.h. Used by the hub for its readers, by a
// reader that gives a hub its own log back, and for export into files.
#ifndef DAVY_SYNC_PACK_H
#define DAVY_SYNC_PACK_H

#include "davy/store/store.h"
#include "davy/sync/frame.h"

struct log_packer {
    struct store *store;
    struct author_id reader;    // its records are named without their content; zero: none
    struct buf *items, *record; // scratch
};
// The body of a FEED of one chain from a seq on, up to the last seal that fits one message;
// out_body is reset. RC_NOT_FOUND if there is no sealed entry from there on.
DAVY_MUST_USE enum rc log_pack(const struct log_packer *packer, const struct store_chain *chain,
                               uint64_t from, struct buf *out_body, uint64_t *out_last);

#endif
