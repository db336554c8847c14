// Attachments: a file becomes a blob of the store, and a blob becomes a file.
//
// Only plain files of a known type go in, whole and unchanged while they were read; of a file's
// name and place nothing is kept. A blob that is written out never takes an existing file's place
// and follows no link. Another process hands a file to the store's owner in parts (control.h).
#ifndef DAVY_APP_BLOB_H
#define DAVY_APP_BLOB_H

#include "davy/app/app.h"
#include "davy/store/blob.h"

#define BLOB_PART_BYTES 30720 // fits into a control message, whole units

struct blob_file {
    struct hash32 hash;
    uint32_t size;
    enum blob_media media;
    struct buf bytes;
};
// What the first bytes, or all of a text, say. BLOB_UNKNOWN: not to be attached.
enum blob_media blob_media_of(struct slice bytes);
// Reads a file. RC_NOT_FOUND, RC_DENIED, RC_IO, RC_NO_MEMORY, RC_REFUSED: BLOB_FILE (a link, no
// plain file, empty, changed meanwhile), TOO_LARGE, BLOB_MEDIA. Free it in any case.
DAVY_MUST_USE enum rc blob_file_read(const char *path, struct blob_file *out_file,
                                     struct refusal *out_refusal);
void blob_file_free(struct blob_file *file);
// Puts all of it, in one transaction of its own. RC_OK also if it is held already.
DAVY_MUST_USE enum rc blob_file_put(struct store *store, const struct blob_file *file,
                                    struct moment now, struct refusal *out_refusal);
// The part from `offset` on as the payload of a CONTROL_BLOB_PUT; moves the offset on.
void blob_part_encode(const struct blob_file *file, uint32_t *inout_offset,
                      struct buf *out_payload);
// The owner's side: takes a part, in a transaction of its own.
DAVY_MUST_USE enum rc blob_part_take(struct store *store, struct slice payload, struct moment now,
                                     struct refusal *out_refusal);
// The owner's side of CONTROL_BLOB_WANT: 32 bytes of hash.
DAVY_MUST_USE enum rc blob_want_take(struct store *store, struct slice payload, struct moment now);
// Writes a whole blob into a new file. RC_NOT_FOUND (not whole here), RC_EXISTS, RC_FULL, RC_IO,
// RC_DENIED, RC_CORRUPT: nothing is left behind.
DAVY_MUST_USE enum rc blob_save(struct store *store, const struct hash32 *hash, const char *path);

#endif
