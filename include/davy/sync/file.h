// What comes by file instead of over a session: a device's records for the hub, the log for a
// device. The same code as for the wire, with the session's proof replaced by the file's.
#ifndef DAVY_SYNC_FILE_H
#define DAVY_SYNC_FILE_H

#include "davy/sync/hub.h"

// Whose BATCH body it is: an enrolled device's incarnation, by a file that its key signed.
struct sync_file_author {
    struct rid device;
    struct public_key key;
    struct author_id author;
};
// As if it had come over a session: stored up to its verified seal, judged, admitted. ACK_OK: held
// (out_new: some of it was not before); ACK_GAP with out_held, the last place held; the others say
// what does not verify, and leave nothing behind but a sample in the quarantine. Needs an open
// transaction; RC_INVALID if the body is no batch, other codes if the store failed.
DAVY_MUST_USE enum rc sync_hub_import(struct sync_hub *hub, const struct sync_file_author *author,
                                      struct slice body, struct moment now,
                                      enum ack_reason *out_reason, bool *out_new,
                                      uint64_t *out_held);

#endif
