// Identities and signatures: hashing, Ed25519 key pairs, signing, sealing, keyed hashes.
//
// The only folder that touches libsodium's signing. `struct keys_scheme` is the one seam: the
// product uses keys_ed25519(); the simulation may use keys_stub(), whose "signatures" are keyed
// hashes (fast, deterministic, and still failing for any other message or key).
// A key pair owns locked memory; free it with keypair_free, which wipes it.
// Everything that is signed starts with a domain string of its own (see record/record.h).
#ifndef DAVY_KEYS_KEYS_H
#define DAVY_KEYS_KEYS_H

#include "davy/base/bytes.h"
#include "davy/base/id.h"

#define KEYS_SUITE_ED25519 1 // Ed25519 + BLAKE2b-256
#define KEYED_HASH_BYTES 16
#define SESSION_KEY_BYTES 32
#define SEED_BYTES 32

struct keypair; // opaque: secret in locked memory

struct keys_scheme {
    const char *name;
    // sig over the message by the 64-byte expanded secret key.
    void (*sign)(const uint8_t *secret, struct slice message, struct signature *out_sig);
    bool (*verify)(const struct public_key *key, struct slice message, const struct signature *sig);
    void (*from_seed)(const uint8_t seed[SEED_BYTES], struct public_key *out_key,
                      uint8_t *out_secret);
};

const struct keys_scheme *keys_ed25519(void);
const struct keys_scheme *keys_stub(void);

// Must be called once before anything else; RC_IO if libsodium cannot start.
DAVY_MUST_USE enum rc keys_init(void);
// Random bytes from the operating system. (Simulated programs get theirs from their seed instead.)
void keys_random(void *out, size_t len);

DAVY_MUST_USE enum rc keypair_from_seed(const struct keys_scheme *scheme,
                                        const uint8_t seed[SEED_BYTES], struct keypair **out_pair);
void keypair_free(struct keypair *pair);
const struct public_key *keypair_public(const struct keypair *pair);
void keypair_sign(const struct keypair *pair, struct slice message, struct signature *out_sig);
// Constant-time where it matters; rejects small-order and non-canonical keys and signatures.
bool keys_verify(const struct keys_scheme *scheme, const struct public_key *key,
                 struct slice message, const struct signature *sig);

// A signature among many that stand together.
struct keys_claim {
    struct public_key key;
    struct slice message; // borrowed
    struct signature sig;
    bool good; // the answer
};
#define KEYS_CORES_MAX 4
// As keys_verify for each, on several cores at once where that pays: the answers are the same, only
// sooner. Returns when all are answered; no thread is left.
void keys_verify_all(const struct keys_scheme *scheme, struct keys_claim *claims, size_t count);

struct key_id key_id_of(const struct public_key *key);

// BLAKE2b-256 over the parts one after another (each prefixed by nothing: callers delimit).
void hash_parts(const struct slice *parts, size_t count, struct hash32 *out_hash);
// Incremental form.
struct hasher {
    _Alignas(64) uint8_t state[384];
};
void hasher_init(struct hasher *hasher);
void hasher_add(struct hasher *hasher, const void *data, size_t len);
void hasher_done(struct hasher *hasher, struct hash32 *out_hash);

// 16-byte BLAKE2b keyed hash over the parts.
void keyed_hash(const uint8_t key[SESSION_KEY_BYTES], const struct slice *parts, size_t count,
                uint8_t out_tag[KEYED_HASH_BYTES]);
bool keyed_hash_equal(const uint8_t a[KEYED_HASH_BYTES], const uint8_t b[KEYED_HASH_BYTES]);

// One session's key exchange (crypto_kx). The seed makes it replayable in simulation.
struct kx_pair {
    uint8_t public_part[32];
    uint8_t secret_part[32];
};
void kx_from_seed(const uint8_t seed[SEED_BYTES], struct kx_pair *out_pair);
// up = device to hub, down = hub to device. RC_BAD_SIGNATURE for a degenerate peer key.
DAVY_MUST_USE enum rc kx_device(const struct kx_pair *mine, const uint8_t hub_public[32],
                                uint8_t out_up[SESSION_KEY_BYTES],
                                uint8_t out_down[SESSION_KEY_BYTES]);
DAVY_MUST_USE enum rc kx_hub(const struct kx_pair *mine, const uint8_t device_public[32],
                             uint8_t out_up[SESSION_KEY_BYTES],
                             uint8_t out_down[SESSION_KEY_BYTES]);
void keys_wipe(void *data, size_t len);

#endif
