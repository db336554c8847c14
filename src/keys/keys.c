#include "davy/keys/keys.h"

#include "davy/base/ensure.h"

#include <sodium.h>
#include <string.h>

#define SECRET_BYTES 64

_Static_assert(PUBLIC_KEY_BYTES == crypto_sign_PUBLICKEYBYTES, "Ed25519 public key");
_Static_assert(SIGNATURE_BYTES == crypto_sign_BYTES, "Ed25519 signature");
_Static_assert(SECRET_BYTES == crypto_sign_SECRETKEYBYTES, "Ed25519 expanded secret key");
_Static_assert(SEED_BYTES == crypto_sign_SEEDBYTES, "Ed25519 seed");
_Static_assert(SEED_BYTES == crypto_kx_SEEDBYTES, "key-exchange seed");
_Static_assert(SESSION_KEY_BYTES == crypto_kx_SESSIONKEYBYTES, "session key");
_Static_assert(sizeof(crypto_generichash_state) <= sizeof(((struct hasher *)0)->state),
               "state fits");
_Static_assert(_Alignof(crypto_generichash_state) <= _Alignof(struct hasher), "state is aligned");

struct keypair {
    const struct keys_scheme *scheme;
    struct public_key public_key;
    uint8_t secret[SECRET_BYTES];
};

static void ed25519_sign(const uint8_t *secret, struct slice message, struct signature *out_sig) {
    ENSURE(crypto_sign_detached(out_sig->b, NULL, message.data, message.len, secret) == 0);
}

static bool ed25519_verify(const struct public_key *key, struct slice message,
                           const struct signature *sig) {
    return crypto_sign_verify_detached(sig->b, message.data, message.len, key->b) == 0;
}

static void ed25519_from_seed(const uint8_t seed[SEED_BYTES], struct public_key *out_key,
                              uint8_t *out_secret) {
    ENSURE(crypto_sign_seed_keypair(out_key->b, out_secret, seed) == 0);
}

static const struct keys_scheme scheme_ed25519 = {
    .name = "ed25519",
    .sign = ed25519_sign,
    .verify = ed25519_verify,
    .from_seed = ed25519_from_seed,
};

// The stub's signature is a hash keyed by the public key: anyone could make it, which is why it
// serves simulation only.
static void stub_tag(const uint8_t *key, struct slice message, struct signature *out_sig) {
    ENSURE(crypto_generichash(out_sig->b, SIGNATURE_BYTES, message.data, message.len, key,
                              PUBLIC_KEY_BYTES) == 0);
}

static void stub_sign(const uint8_t *secret, struct slice message, struct signature *out_sig) {
    stub_tag(secret, message, out_sig);
}

static bool stub_verify(const struct public_key *key, struct slice message,
                        const struct signature *sig) {
    struct signature expected;
    stub_tag(key->b, message, &expected);
    return sodium_memcmp(expected.b, sig->b, SIGNATURE_BYTES) == 0;
}

static void stub_from_seed(const uint8_t seed[SEED_BYTES], struct public_key *out_key,
                           uint8_t *out_secret) {
    struct slice parts[] = {slice_text("davy/stub-key/1"), slice_of(seed, SEED_BYTES)};
    struct hash32 hash;
    hash_parts(parts, COUNT_OF(parts), &hash);
    memcpy(out_key->b, hash.b, PUBLIC_KEY_BYTES);
    memset(out_secret, 0, SECRET_BYTES);
    memcpy(out_secret, hash.b, PUBLIC_KEY_BYTES);
}

static const struct keys_scheme scheme_stub = {
    .name = "stub",
    .sign = stub_sign,
    .verify = stub_verify,
    .from_seed = stub_from_seed,
};

const struct keys_scheme *keys_ed25519(void) {
    return &scheme_ed25519;
}

const struct keys_scheme *keys_stub(void) {
    return &scheme_stub;
}

enum rc keys_init(void) {
    return sodium_init() < 0 ? RC_IO : RC_OK;
}

void keys_random(void *out, size_t len) {
    randombytes_buf(out, len);
}

void keys_wipe(void *data, size_t len) {
    sodium_memzero(data, len);
}

enum rc keypair_from_seed(const struct keys_scheme *scheme, const uint8_t seed[SEED_BYTES],
                          struct keypair **out_pair) {
    struct keypair *pair = sodium_malloc(sizeof(*pair));
    if (pair == NULL) {
        return RC_NO_MEMORY;
    }
    memset(pair, 0, sizeof(*pair));
    pair->scheme = scheme;
    scheme->from_seed(seed, &pair->public_key, pair->secret);
    // A stray write can no longer change the key.
    (void)sodium_mprotect_readonly(pair);
    *out_pair = pair;
    return RC_OK;
}

void keypair_free(struct keypair *pair) {
    sodium_free(pair);
}

const struct public_key *keypair_public(const struct keypair *pair) {
    return &pair->public_key;
}

void keypair_sign(const struct keypair *pair, struct slice message, struct signature *out_sig) {
    pair->scheme->sign(pair->secret, message, out_sig);
}

bool keys_verify(const struct keys_scheme *scheme, const struct public_key *key,
                 struct slice message, const struct signature *sig) {
    return scheme->verify(key, message, sig);
}

struct key_id key_id_of(const struct public_key *key) {
    struct slice part = slice_of(key->b, PUBLIC_KEY_BYTES);
    struct hash32 hash;
    hash_parts(&part, 1, &hash);
    struct key_id id;
    memcpy(id.id.b, hash.b, ID_BYTES);
    return id;
}

static crypto_generichash_state *hasher_state(struct hasher *hasher) {
    return (crypto_generichash_state *)(void *)hasher->state;
}

void hasher_init(struct hasher *hasher) {
    ENSURE(crypto_generichash_init(hasher_state(hasher), NULL, 0, HASH_BYTES) == 0);
}

void hasher_add(struct hasher *hasher, const void *data, size_t len) {
    if (len > 0) {
        ENSURE(crypto_generichash_update(hasher_state(hasher), data, len) == 0);
    }
}

void hasher_done(struct hasher *hasher, struct hash32 *out_hash) {
    ENSURE(crypto_generichash_final(hasher_state(hasher), out_hash->b, HASH_BYTES) == 0);
}

void hash_parts(const struct slice *parts, size_t count, struct hash32 *out_hash) {
    struct hasher hasher;
    hasher_init(&hasher);
    for (size_t i = 0; i < count; i++) {
        hasher_add(&hasher, parts[i].data, parts[i].len);
    }
    hasher_done(&hasher, out_hash);
}

void keyed_hash(const uint8_t key[SESSION_KEY_BYTES], const struct slice *parts, size_t count,
                uint8_t out_tag[KEYED_HASH_BYTES]) {
    struct hasher hasher;
    crypto_generichash_state *state = hasher_state(&hasher);
    ENSURE(crypto_generichash_init(state, key, SESSION_KEY_BYTES, KEYED_HASH_BYTES) == 0);
    for (size_t i = 0; i < count; i++) {
        hasher_add(&hasher, parts[i].data, parts[i].len);
    }
    ENSURE(crypto_generichash_final(state, out_tag, KEYED_HASH_BYTES) == 0);
    sodium_memzero(&hasher, sizeof(hasher));
}

bool keyed_hash_equal(const uint8_t a[KEYED_HASH_BYTES], const uint8_t b[KEYED_HASH_BYTES]) {
    return sodium_memcmp(a, b, KEYED_HASH_BYTES) == 0;
}

void kx_from_seed(const uint8_t seed[SEED_BYTES], struct kx_pair *out_pair) {
    ENSURE(crypto_kx_seed_keypair(out_pair->public_part, out_pair->secret_part, seed) == 0);
}

// Both directions' keys, handed over only when both sides of the exchange were sound.
static enum rc kx_close(int result, const uint8_t up[SESSION_KEY_BYTES],
                        const uint8_t down[SESSION_KEY_BYTES], uint8_t *out_up, uint8_t *out_down) {
    if (result != 0) {
        return RC_BAD_SIGNATURE;
    }
    memcpy(out_up, up, SESSION_KEY_BYTES);
    memcpy(out_down, down, SESSION_KEY_BYTES);
    return RC_OK;
}

enum rc kx_device(const struct kx_pair *mine, const uint8_t hub_public[32],
                  uint8_t out_up[SESSION_KEY_BYTES], uint8_t out_down[SESSION_KEY_BYTES]) {
    uint8_t up[SESSION_KEY_BYTES];
    uint8_t down[SESSION_KEY_BYTES];
    int result =
        crypto_kx_client_session_keys(down, up, mine->public_part, mine->secret_part, hub_public);
    enum rc rc = kx_close(result, up, down, out_up, out_down);
    sodium_memzero(up, sizeof(up));
    sodium_memzero(down, sizeof(down));
    return rc;
}

enum rc kx_hub(const struct kx_pair *mine, const uint8_t device_public[32],
               uint8_t out_up[SESSION_KEY_BYTES], uint8_t out_down[SESSION_KEY_BYTES]) {
    uint8_t up[SESSION_KEY_BYTES];
    uint8_t down[SESSION_KEY_BYTES];
    int result = crypto_kx_server_session_keys(up, down, mine->public_part, mine->secret_part,
                                               device_public);
    enum rc rc = kx_close(result, up, down, out_up, out_down);
    sodium_memzero(up, sizeof(up));
    sodium_memzero(down, sizeof(down));
    return rc;
}
