// Key files: a device's own key, and a person's key wrapped by PIN and device secret.
//
// A folder `keys/` (mode 0700) holds:
//   device.key          the device's seed and a 32-byte device secret, mode 0600
//   <key id>.person     a person's seed, wrapped with XChaCha20-Poly1305 under Argon2id(PIN, salt)
//                       mixed with the device secret; the Argon2id cost stands beside the salt
//   <key id>.tries      the lock-out counter: written and synced before a PIN is checked, never
//                       lowered by a clock or a restart; a good PIN resets it; a missing or damaged
//                       counter counts as locked
//   A root key's file stands where the caller says, wrapped by its PIN alone, so that it can leave
//   the machine; it has no counter, and its PIN should be long.
// Files are written to a temporary name, synced, renamed, and the folder is synced. Every call
// locks the folder for as long as it runs. A copied folder with the device secret can be searched
// offline: 8 digits are about 120 CPU-days at the default cost. A key never leaves its device.
#ifndef DAVY_KEYS_KEYFILE_H
#define DAVY_KEYS_KEYFILE_H

#include "davy/base/refusal.h"
#include "davy/keys/keys.h"

struct keyfile_device {
    struct keypair *pair;
    uint8_t secret[32];
};

struct pin_cost {
    uint64_t ops;
    uint64_t mem_bytes;
};
extern const struct pin_cost pin_cost_default; // 64 MiB, 2 passes
extern const struct pin_cost pin_cost_test;    // the least libsodium takes, for unit tests
// False: costs below 19 MiB and 2 passes are refused. A test program, and no other, links its own
// function of this name that returns true.
bool keyfile_test_costs(void);

// Creates device.key with a fresh seed, and the folder if it is missing. RC_EXISTS if there is one.
DAVY_MUST_USE enum rc keyfile_device_create(const char *folder, struct keyfile_device *out_device);
// RC_NOT_FOUND, RC_CORRUPT, RC_IO; RC_DENIED: others may read the file or write into the folder.
DAVY_MUST_USE enum rc keyfile_device_load(const char *folder, struct keyfile_device *out_device);
void keyfile_device_fini(struct keyfile_device *device);

// Wraps a fresh person key under the PIN and writes it. RC_INVALID for a PIN that is not 6 to 32
// digits and for a cost that is too low; RC_FULL, RC_IO, RC_NO_MEMORY.
DAVY_MUST_USE enum rc keyfile_person_create(const char *folder, const struct keyfile_device *device,
                                            const char *pin, struct pin_cost cost,
                                            struct public_key *out_public);
// Opens a person's key. A try at a locked key is counted, and at LIMIT_PIN_TRIES_WIPE the key is
// wiped (PIN_WIPED). `now` is the boot clock and id: waits run on it, and a reboot starts the
// current wait anew. RC_REFUSED with PIN_WRONG (args: tries left), PIN_WAIT (seconds) or
// PIN_LOCKED. RC_NOT_FOUND, RC_CORRUPT (damaged, or of another device); RC_FULL, RC_IO,
// RC_NO_MEMORY: the PIN was not checked.
DAVY_MUST_USE enum rc keyfile_person_open(const char *folder, const struct keyfile_device *device,
                                          struct key_id key, const char *pin, struct moment now,
                                          struct keypair **out_pair, struct refusal *out_refusal);
// RC_NOT_FOUND if this device holds no key of that id.
DAVY_MUST_USE enum rc keyfile_person_exists(const char *folder, struct key_id key);
// An admin's unlock: sets the counter of a key back to zero, also a missing or damaged one. Needs
// the folder's device.key.
DAVY_MUST_USE enum rc keyfile_person_unlock(const char *folder, struct key_id key);

// Wipes a person's key. RC_OK also if there is none.
DAVY_MUST_USE enum rc keyfile_person_wipe(const char *folder, struct key_id key);

// Makes a root key's file `name` in the folder, which is made if it is missing. RC_EXISTS,
// RC_INVALID as above.
DAVY_MUST_USE enum rc keyfile_root_create(const char *folder, const char *name, const char *pin,
                                          struct pin_cost cost, struct public_key *out_public);
// RC_BAD_SIGNATURE for a wrong PIN; RC_NOT_FOUND, RC_CORRUPT, RC_DENIED (others may read it).
DAVY_MUST_USE enum rc keyfile_root_open(const char *folder, const char *name, const char *pin,
                                        struct keypair **out_pair);

#endif
