// The lock-out counter of one person's key on one device.
//
// A try is counted, and the count is on the disk, before the PIN is checked: pulling the battery in
// between gains nothing. The file carries a keyed hash by the device secret; a counter that is
// missing or does not verify counts as locked, never as zero. Waits run on the boot clock; after a
// reboot, or when that clock goes backwards, the current wait starts anew in full.
//
//   tries so far  0-4: the next is free   5-9: wait 30 s, 60 s, … 15 min first   10: locked, tries
//   go on counting   20: the key is wiped
#ifndef DAVY_KEYS_TRIES_PRIV_H
#define DAVY_KEYS_TRIES_PRIV_H

#include "davy/base/refusal.h"
#include "davy/keys/keyfile.h"

struct pin_tries {
    uint32_t wrong;
    uint32_t wait_ms; // before the next try; 0 for none
    uint64_t boot_id; // the wait runs on this boot's clock
    int64_t start_ms; // since then
};

// What `pin_tries_begin` needs to find the counter.
struct pin_counter {
    int folder; // open and locked
    const uint8_t *device_secret;
    struct key_id key;
};

// Counts a try. RC_OK: it may be made, and `out_before` holds the counter as it was. RC_REFUSED
// with PIN_WAIT (not counted), PIN_LOCKED or PIN_WIPED (counted): it may not. RC_FULL, RC_IO: it
// may not.
DAVY_MUST_USE enum rc pin_tries_begin(const struct pin_counter *counter, struct moment now,
                                      struct pin_tries *out_before, struct refusal *out_refusal);
// Says what follows from a wrong PIN after `before`: PIN_WRONG with the tries left, or PIN_LOCKED.
// Always RC_REFUSED.
enum rc pin_tries_wrong(struct pin_tries before, struct refusal *out_refusal);
DAVY_MUST_USE enum rc pin_tries_write(const struct pin_counter *counter, struct pin_tries tries);

// Tries counted so far; a counter that says nothing counts as locked.
uint32_t pin_tries_counted(const struct pin_counter *counter);
// Never lowers a counter: sets it to `least` if it counts fewer.
DAVY_MUST_USE enum rc pin_tries_raise(const struct pin_counter *counter, uint32_t least);

// "<key id>.tries", "<key id>.person".
#define KEYFILE_NAME_BYTES (ID_HEX_BYTES + 8)
void keyfile_name(struct key_id key, const char *suffix, char out_name[static KEYFILE_NAME_BYTES]);
// BLAKE2b of a file's bytes keyed by the device secret.
void keyfile_check(const uint8_t *device_secret, const void *data, size_t len,
                   uint8_t out_check[32]);
void keyfile_put(uint8_t *out, uint64_t value, size_t bytes);
uint64_t keyfile_get(const uint8_t *data, size_t bytes);

#endif
