// Blobs of a store: photos and documents, named by the BLAKE2b-256 of their bytes.
//
// A record names a blob by a field "blob" of 32 bytes; the record comes first, the bytes when the
// link has time. They come in pieces, in any order and more than once; what is held of a blob
// survives a restart. A blob is shown only when its whole hash matches: nobody reads a part. Bytes
// that turn out wrong are dropped with all others of that blob. Names of files are never kept.
//
// Sizes are counted in units of BLOB_UNIT_BYTES, so that a transfer can go on over a link that
// takes smaller or larger messages; the last unit of a blob may be shorter.
// LIMITS (limits.h) hold for a blob, for all of one origin, for those that are not whole, and for
// the store. Who fetches blobs from a hub that holds them (`cache`) drops the oldest ones instead.
// Writes need an open transaction, as in store.h.
#ifndef DAVY_STORE_BLOB_H
#define DAVY_STORE_BLOB_H

#include "davy/store/store.h"

#define BLOB_FIELD "blob" // name of a FIELD_BYTES field of HASH_BYTES that names a blob
#define BLOB_UNIT_BYTES 256
#define BLOB_UNITS_MAX (LIMIT_BLOB_BYTES / BLOB_UNIT_BYTES)
#define BLOB_MAP_BYTES (BLOB_UNITS_MAX / 8)

enum blob_media { // told by the first bytes; never renumbered
    BLOB_UNKNOWN = 0,
    BLOB_JPEG = 1,
    BLOB_PNG = 2,
    BLOB_PDF = 3,
    BLOB_TEXT = 4,
    BLOB_MEDIA_COUNT
};
const char *blob_media_name(enum blob_media media); // "jpeg"; "unknown"
uint32_t blob_units(uint32_t size);
// Only hash, size, media, origin and time of what is said of a blob before its bytes are there.
struct blob_spec {
    struct hash32 hash;
    uint32_t size;
    enum blob_media media;
    struct rid origin; // the device it came from; zero: put here
    bool cache;
    struct utc_ms now;
};

struct store_blob {
    int64_t row; // grows with time
    struct hash32 hash;
    uint32_t size; // 0: not known yet
    enum blob_media media;
    struct rid origin;
    uint32_t held;    // bytes
    bool whole;       // the hash matches
    bool wanted;      // to be asked for
    bool at_hub;      // the hub said that it holds the whole
    bool named;       // a record held here names it
    uint16_t refused; // enum refusal_code: why the hub, or this store, does not take it; 0: nothing
    struct utc_ms time; // of the last change
};
DAVY_MUST_USE enum rc store_blob_get(struct store *store, const struct hash32 *hash,
                                     struct store_blob *out_blob); // RC_NOT_FOUND
// By row. `named` blobs that no bytes are here of are not among them.
DAVY_MUST_USE enum rc store_blob_each(struct store *store,
                                      enum rc (*visit)(void *ctx, const struct store_blob *blob),
                                      void *ctx);
// A record held here names it.
bool store_blob_is_named(struct store *store, const struct hash32 *hash);
// A hash from its first hex digits (8 at least), held or named. RC_NOT_FOUND, RC_INVALID
// (malformed, or more than one).
DAVY_MUST_USE enum rc store_blob_find(struct store *store, const char *hex,
                                      struct hash32 *out_hash);
// Records that name it, in no order.
DAVY_MUST_USE enum rc store_blob_records(struct store *store, const struct hash32 *hash,
                                         enum rc (*visit)(void *ctx, struct rid record), void *ctx);

// Would it be taken? RC_OK, RC_EXISTS (held whole), RC_FORK (begun with another size), RC_REFUSED
// (TOO_LARGE, BLOB_FULL, FORM). Reads only.
DAVY_MUST_USE enum rc store_blob_room(struct store *store, const struct blob_spec *spec,
                                      struct refusal *out_refusal);
// The same, and makes its row. One begun with another size and left for LIMIT_BLOB_OFFER_MS gives
// way.
DAVY_MUST_USE enum rc store_blob_expect(struct store *store, const struct blob_spec *spec,
                                        struct refusal *out_refusal);
enum blob_taken {
    BLOB_TAKEN, // kept, or held before
    BLOB_WHOLE, // nothing is missing and the hash matches
    BLOB_WRONG, // nothing is missing and the hash does not match: all bytes were dropped
};
// Bytes from a unit on, whole units or up to the blob's end. RC_NOT_FOUND without a row,
// RC_INVALID if they do not lie in it.
DAVY_MUST_USE enum rc store_blob_put(struct store *store, const struct hash32 *hash, uint32_t unit,
                                     struct slice bytes, struct utc_ms now,
                                     enum blob_taken *out_taken);
// Which units are held, one bit each (unit 0: lowest bit of the first byte).
DAVY_MUST_USE enum rc store_blob_map(struct store *store, const struct hash32 *hash,
                                     uint8_t out_map[static BLOB_MAP_BYTES]);
// Appends bytes of a whole blob. RC_NOT_FOUND if it is not whole or ends before, RC_CORRUPT.
DAVY_MUST_USE enum rc store_blob_read(struct store *store, const struct hash32 *hash,
                                      uint32_t offset, uint32_t len, struct buf *out);
// To be asked for. RC_EXISTS if it is held whole.
DAVY_MUST_USE enum rc store_blob_want(struct store *store, const struct hash32 *hash,
                                      struct utc_ms now);
// What the hub said: it holds it (REFUSAL_NONE), or why it does not take it. Also why this store
// does not take what it wanted.
DAVY_MUST_USE enum rc store_blob_said(struct store *store, const struct hash32 *hash,
                                      enum refusal_code code);
// A new session: refused ones are offered and asked for again; with another log, all.
DAVY_MUST_USE enum rc store_blob_ask_again(struct store *store, bool other_hub);
// The next one after a row that is to be offered: put here, named, not known to be at the hub and
// not refused. RC_NOT_FOUND.
DAVY_MUST_USE enum rc store_blob_next_offer(struct store *store, int64_t after,
                                            struct store_blob *out_blob);
DAVY_MUST_USE enum rc store_blob_next_wanted(struct store *store, int64_t after,
                                             struct store_blob *out_blob);
// Takes a blob and its bytes away. RC_NOT_FOUND.
DAVY_MUST_USE enum rc store_blob_drop(struct store *store, const struct hash32 *hash);
// Reads every whole blob again. RC_CORRUPT with the first that does not match.
DAVY_MUST_USE enum rc store_blob_verify(struct store *store, uint64_t *out_count,
                                        struct hash32 *out_broken);

#endif
