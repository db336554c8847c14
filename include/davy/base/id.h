// Identifiers, hashes and times as one-member structs, so that one kind cannot be passed as
// another.
//
// All are values: copied freely, compared with the functions here, printed in lower-case hex.
#ifndef DAVY_BASE_ID_H
#define DAVY_BASE_ID_H

#include "davy/base/rc.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ID_BYTES 16
#define HASH_BYTES 32
#define PUBLIC_KEY_BYTES 32
#define SIGNATURE_BYTES 64
#define ID_HEX_BYTES (2 * ID_BYTES + 1)
#define ID_SHORT_BYTES 9 // 8 hex digits and NUL: the short code shown to people

struct id16 {
    uint8_t b[ID_BYTES];
};
// A record's id: the first 16 bytes of BLAKE2b over its content (computed, never sent).
// A subject's id is the rid of its opening record; persons and devices are subjects.
struct rid {
    struct id16 id;
};
// A site is the rid of its genesis record.
struct site_id {
    struct id16 id;
};
// One incarnation of a device or hub: H(device key, random).
struct author_id {
    struct id16 id;
};
// The first 16 bytes of BLAKE2b over a public key.
struct key_id {
    struct id16 id;
};
struct hash32 {
    uint8_t b[HASH_BYTES];
};
struct public_key {
    uint8_t b[PUBLIC_KEY_BYTES];
};
struct signature {
    uint8_t b[SIGNATURE_BYTES];
};
// Wall time, milliseconds since 1970-01-01 UTC.
struct utc_ms {
    int64_t v;
};
// Boot clock (runs on in suspend), milliseconds since boot. Comparable only within one boot id.
struct mono_ms {
    int64_t v;
};
// What "now" means to a pure function: both clocks, and how far the wall clock may be wrong.
struct moment {
    struct utc_ms utc;
    struct mono_ms mono;
    uint32_t utc_error_ms; // UINT32_MAX: the wall clock is not trusted
    uint64_t boot_id;      // changes at every boot
};

bool id16_is_zero(struct id16 id);
bool id16_equal(struct id16 a, struct id16 b);
int id16_compare(struct id16 a, struct id16 b);
// Writes 32 hex digits and NUL.
void id16_hex(struct id16 id, char out_hex[static ID_HEX_BYTES]);
// Writes the first 8 hex digits and NUL.
void id16_short(struct id16 id, char out_hex[static ID_SHORT_BYTES]);
// RC_INVALID unless text is exactly 32 hex digits.
DAVY_MUST_USE enum rc id16_parse(const char *text, struct id16 *out_id);

bool hash32_equal(const struct hash32 *a, const struct hash32 *b);
bool rid_equal(struct rid a, struct rid b);
bool rid_is_zero(struct rid rid);
bool author_equal(struct author_id a, struct author_id b);

#endif
