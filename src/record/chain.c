#include "davy/record/record.h"

#include "davy/base/ensure.h"
#include "record/record_priv.h"

#include <string.h>

#define VARINT_BYTES_MAX 10
#define SEAL_MESSAGE_BYTES                                                                         \
    (DOMAIN_BYTES(SEAL_DOMAIN) + 1 + ID_BYTES + ID_BYTES + 1 + 1 + sizeof(uint64_t) + HASH_BYTES)

struct author_id author_of(const struct public_key *device_key,
                           const uint8_t random[AUTHOR_RANDOM_BYTES]) {
    static const uint8_t suite = KEYS_SUITE_ED25519;
    const struct slice parts[] = {
        slice_text(AUTHOR_DOMAIN),
        slice_of(&suite, 1),
        slice_of(device_key->b, PUBLIC_KEY_BYTES),
        slice_of(random, AUTHOR_RANDOM_BYTES),
    };
    struct hash32 hash;
    hash_parts(parts, COUNT_OF(parts), &hash);
    struct author_id author;
    memcpy(author.id.b, hash.b, ID_BYTES);
    return author;
}

bool chain_id_equal(struct chain_id a, struct chain_id b) {
    return a.lane == b.lane && a.audience == b.audience && author_equal(a.author, b.author);
}

void chain_start(struct site_id site, struct chain_id chain, struct chain_head *out_head) {
    static const uint8_t suite = KEYS_SUITE_ED25519;
    const struct slice parts[] = {
        slice_text(CHAIN_DOMAIN),      slice_of(&suite, 1),
        slice_of(site.id.b, ID_BYTES), slice_of(chain.author.id.b, ID_BYTES),
        slice_of(&chain.lane, 1),      slice_of(&chain.audience, 1),
    };
    out_head->seq = 0;
    hash_parts(parts, COUNT_OF(parts), &out_head->hash);
}

static size_t varint_write(uint64_t value, uint8_t out[VARINT_BYTES_MAX]) {
    size_t len = 0;
    while (value >= 0x80) {
        out[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    out[len++] = (uint8_t)value;
    return len;
}

// `proof` is what vouches for the bytes: a signature, an admitted record's chain hash, or nothing.
static void chain_add(struct chain_head *head, enum entry_type type, struct slice bytes,
                      struct slice proof) {
    ENSURE(bytes.len > 0 && head->seq < UINT64_MAX);
    uint8_t prefix[1 + VARINT_BYTES_MAX];
    prefix[0] = (uint8_t)type;
    size_t prefix_len = 1 + varint_write(bytes.len, prefix + 1);
    struct hasher hasher;
    hasher_init(&hasher);
    hasher_add(&hasher, head->hash.b, HASH_BYTES);
    hasher_add(&hasher, prefix, prefix_len);
    hasher_add(&hasher, bytes.data, bytes.len);
    if (proof.len > 0) {
        hasher_add(&hasher, proof.data, proof.len);
    }
    hasher_done(&hasher, &head->hash);
    head->seq++;
}

void chain_add_record(struct chain_head *head, struct slice content, const struct signature *sig) {
    struct slice proof = sig != NULL ? slice_of(sig->b, SIGNATURE_BYTES) : slice_of(NULL, 0);
    chain_add(head, ENTRY_RECORD, content, proof);
}

void chain_add_admit(struct chain_head *head, struct slice admit,
                     const struct hash32 *record_hash) {
    chain_add(head, ENTRY_ADMIT, admit, slice_of(record_hash->b, HASH_BYTES));
}

static uint8_t *put_bytes(uint8_t *at, const void *data, size_t len) {
    memcpy(at, data, len);
    return at + len;
}

static void seal_message(struct site_id site, struct chain_id chain, const struct chain_head *head,
                         uint8_t out[static SEAL_MESSAGE_BYTES]) {
    uint8_t *at = put_bytes(out, SEAL_DOMAIN, DOMAIN_BYTES(SEAL_DOMAIN));
    *at++ = KEYS_SUITE_ED25519;
    at = put_bytes(at, site.id.b, ID_BYTES);
    at = put_bytes(at, chain.author.id.b, ID_BYTES);
    *at++ = chain.lane;
    *at++ = chain.audience;
    for (int shift = 0; shift < 64; shift += 8) {
        *at++ = (uint8_t)(head->seq >> shift);
    }
    at = put_bytes(at, head->hash.b, HASH_BYTES);
    ENSURE(at == out + SEAL_MESSAGE_BYTES);
}

void seal_sign(struct site_id site, struct chain_id chain, const struct chain_head *head,
               const struct keypair *device, struct signature *out_seal) {
    uint8_t message[SEAL_MESSAGE_BYTES];
    seal_message(site, chain, head, message);
    keypair_sign(device, slice_of(message, sizeof(message)), out_seal);
}

bool seal_verify( // tidy: allow parameters, because a seal covers all of these
    const struct keys_scheme *scheme, struct site_id site, struct chain_id chain,
    const struct chain_head *head, const struct public_key *device, const struct signature *seal) {
    uint8_t message[SEAL_MESSAGE_BYTES];
    seal_message(site, chain, head, message);
    return keys_verify(scheme, device, slice_of(message, sizeof(message)), seal);
}
