#include "davy/keys/keys.h"

#include "davy/base/ensure.h"
#include "test_util.h"

struct vector {
    const char *seed;
    const char *key;
    const char *message;
    const char *sig;
};

// RFC 8032, section 7.1, tests 1 to 3.
static const struct vector rfc8032[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9"
     "b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f1"
     "1d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984d"
     "c6594a7c15e9716ed28dc027beceea1ec40a"},
};

static const struct keys_scheme *const *all_schemes(size_t *out_count) {
    static const struct keys_scheme *schemes[2];
    schemes[0] = keys_ed25519();
    schemes[1] = keys_stub();
    *out_count = COUNT_OF(schemes);
    return schemes;
}

static struct keypair *pair_made(const struct keys_scheme *scheme, uint8_t first) {
    uint8_t seed[SEED_BYTES] = {first};
    struct keypair *pair = NULL;
    assert_int_equal(keypair_from_seed(scheme, seed, &pair), RC_OK);
    return pair;
}

static void ed25519_agrees_with_the_rfc(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rfc8032); i++) {
        uint8_t seed[SEED_BYTES];
        test_unhex(rfc8032[i].seed, seed, sizeof(seed));
        struct keypair *pair = NULL;
        assert_int_equal(keypair_from_seed(keys_ed25519(), seed, &pair), RC_OK);
        char hex[2 * SIGNATURE_BYTES + 1];
        test_hex(keypair_public(pair)->b, PUBLIC_KEY_BYTES, hex);
        assert_string_equal(hex, rfc8032[i].key);
        uint8_t message[2];
        size_t len = test_unhex(rfc8032[i].message, message, sizeof(message));
        struct signature sig;
        keypair_sign(pair, slice_of(message, len), &sig);
        test_hex(sig.b, SIGNATURE_BYTES, hex);
        assert_string_equal(hex, rfc8032[i].sig);
        assert_true(
            keys_verify(keys_ed25519(), keypair_public(pair), slice_of(message, len), &sig));
        keypair_free(pair);
    }
    keypair_free(NULL);
}

// Any bit of signature, message or key that changes makes the signature fail, in both schemes.
static void nothing_can_be_changed(void **state) {
    (void)state;
    size_t count = 0;
    const struct keys_scheme *const *schemes = all_schemes(&count);
    for (size_t s = 0; s < count; s++) {
        struct keypair *pair = pair_made(schemes[s], 1);
        uint8_t message[] = "stop R-101";
        struct slice slice = slice_of(message, sizeof(message));
        struct signature sig;
        keypair_sign(pair, slice, &sig);
        struct public_key key = *keypair_public(pair);
        assert_true(keys_verify(schemes[s], &key, slice, &sig));
        for (size_t bit = 0; bit < 8 * SIGNATURE_BYTES; bit += 3) {
            sig.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_false(keys_verify(schemes[s], &key, slice, &sig));
            sig.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (size_t i = 0; i < sizeof(message); i++) {
            message[i] ^= 0x20;
            assert_false(keys_verify(schemes[s], &key, slice, &sig));
            message[i] ^= 0x20;
        }
        assert_false(keys_verify(schemes[s], &key, slice_of(message, sizeof(message) - 1), &sig));
        key.b[3] ^= 1;
        assert_false(keys_verify(schemes[s], &key, slice, &sig));
        struct keypair *other = pair_made(schemes[s], 2);
        assert_false(keys_verify(schemes[s], keypair_public(other), slice, &sig));
        keypair_free(other);
        keypair_free(pair);
    }
}

static void schemes_do_not_mix(void **state) {
    (void)state;
    struct keypair *real = pair_made(keys_ed25519(), 1);
    struct keypair *stub = pair_made(keys_stub(), 1);
    struct slice message = slice_text("x");
    struct signature sig;
    keypair_sign(stub, message, &sig);
    assert_false(keys_verify(keys_ed25519(), keypair_public(stub), message, &sig));
    assert_false(keys_verify(keys_ed25519(), keypair_public(real), message, &sig));
    keypair_sign(real, message, &sig);
    assert_false(keys_verify(keys_stub(), keypair_public(real), message, &sig));
    keypair_free(real);
    keypair_free(stub);
}

#define FREE_R_S                                                                                   \
    "7767a3242dc9b58bbc68488c1265cc6cc5f26c6f3c88a5d55e901b0734dca572d20a1feb8ca954ab000000000000" \
    "000000000000000000000000000000000000"
#define HONEST_KEY "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
#define FF26 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

struct forgery {
    const char *what;
    const char *key;
    const char *message;
    const char *sig;
};

// Each satisfies the curve equation, so that a verifier without these checks accepts it; nobody
// holds the secret key. The messages were chosen so that the hash is a multiple of the key's order.
static const struct forgery forgeries[] = {
    {"A of order 1", "0100000000000000000000000000000000000000000000000000000000000000", "00",
     FREE_R_S},
    {"A of order 1, sign of zero",
     "0100000000000000000000000000000000000000000000000000000000000080", "00", FREE_R_S},
    {"A of order 1, y + p", "ee" FF26 "7f", "00", FREE_R_S},
    {"A of order 1, y + p, sign of zero", "ee" FF26 "ff", "00", FREE_R_S},
    {"A of order 2", "ec" FF26 "7f", "00", FREE_R_S},
    {"A of order 2, sign of zero", "ec" FF26 "ff", "02", FREE_R_S},
    {"A of order 4", "0000000000000000000000000000000000000000000000000000000000000080", "02",
     FREE_R_S},
    {"A of order 4", "0000000000000000000000000000000000000000000000000000000000000000", "02",
     FREE_R_S},
    {"A of order 4, y + p", "ed" FF26 "ff", "01", FREE_R_S},
    {"A of order 4, y + p", "ed" FF26 "7f", "03", FREE_R_S},
    {"A of order 8", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", "0a",
     FREE_R_S},
    {"A of order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "0d",
     FREE_R_S},
    {"A of order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", "01",
     FREE_R_S},
    {"A of order 8", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", "03",
     FREE_R_S},
    {"R of order 1", HONEST_KEY, "01",
     "01000000000000000000000000000000000000000000000000000000000000005d693b55f74bb5055c965c9d1df9"
     "d93379539fa46abeedf686e7f4f4d9c70202"},
    {"R of order 1, sign of zero", HONEST_KEY, "01",
     "010000000000000000000000000000000000000000000000000000000000008096346be9bc8e4895b1157c9b07a7"
     "be63296550321c7de860e83e3effad1eb502"},
    {"R of order 1, y + p", HONEST_KEY, "01",
     "ee" FF26 "7f523b69c834b8c285527a9aa869f305dd995ef71b03ecf0b51ebf342c5f8b1705"},
    {"R of order 1, y + p, sign of zero", HONEST_KEY, "01",
     "ee" FF26 "ff8860e9f1ef43d8de35ffe49ac1578db99727b13a43cddf5419cd30bb4fbfba05"},
};

static void small_order_points_are_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(forgeries); i++) {
        struct public_key key;
        struct signature sig;
        uint8_t message[1];
        assert_int_equal(test_unhex(forgeries[i].key, key.b, sizeof(key.b)), PUBLIC_KEY_BYTES);
        assert_int_equal(test_unhex(forgeries[i].sig, sig.b, sizeof(sig.b)), SIGNATURE_BYTES);
        size_t len = test_unhex(forgeries[i].message, message, sizeof(message));
        if (keys_verify(keys_ed25519(), &key, slice_of(message, len), &sig)) {
            fail_msg("accepted: %s", forgeries[i].what);
        }
    }
}

// S + L, S + 2L, … satisfy the equation too; only the smallest S counts.
static void second_form_of_a_signature_is_refused(void **state) {
    (void)state;
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                      0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
    struct keypair *pair = pair_made(keys_ed25519(), 5);
    struct slice message = slice_text("issue permit");
    struct signature sig;
    keypair_sign(pair, message, &sig);
    for (int multiple = 1; multiple <= 14; multiple++) {
        unsigned carry = 0;
        for (size_t i = 0; i < 32; i++) {
            carry += sig.b[32 + i] + order[i];
            sig.b[32 + i] = (uint8_t)carry;
            carry >>= 8;
        }
        assert_int_equal(carry, 0);
        assert_false(keys_verify(keys_ed25519(), keypair_public(pair), message, &sig));
    }
    keypair_free(pair);
}

static void stub_is_deterministic(void **state) {
    (void)state;
    struct keypair *a = pair_made(keys_stub(), 9);
    struct keypair *b = pair_made(keys_stub(), 9);
    struct signature first;
    struct signature second;
    keypair_sign(a, slice_text("m"), &first);
    keypair_sign(b, slice_text("m"), &second);
    assert_memory_equal(first.b, second.b, SIGNATURE_BYTES);
    assert_memory_equal(keypair_public(a), keypair_public(b), PUBLIC_KEY_BYTES);
    assert_true(memcmp(first.b, first.b + 32, 32) != 0);
    keypair_free(a);
    keypair_free(b);
}

static void hashes_agree_with_blake2b(void **state) {
    (void)state;
    char hex[2 * HASH_BYTES + 1];
    struct hash32 hash;
    hash_parts(NULL, 0, &hash);
    test_hex(hash.b, HASH_BYTES, hex);
    assert_string_equal(hex, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    struct slice parts[] = {slice_text("a"), {0}, slice_text("bc")};
    hash_parts(parts, COUNT_OF(parts), &hash);
    test_hex(hash.b, HASH_BYTES, hex);
    assert_string_equal(hex, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
    uint8_t key[SESSION_KEY_BYTES];
    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] = (uint8_t)i;
    }
    uint8_t tag[KEYED_HASH_BYTES];
    keyed_hash(key, parts, COUNT_OF(parts), tag);
    test_hex(tag, sizeof(tag), hex);
    assert_string_equal(hex, "1a64be47e4729d951c302ee543f97cf3");
    uint8_t other[KEYED_HASH_BYTES];
    key[31] ^= 1;
    keyed_hash(key, parts, COUNT_OF(parts), other);
    assert_false(keyed_hash_equal(tag, other));
    assert_true(keyed_hash_equal(tag, tag));
    struct public_key public_key;
    test_unhex(rfc8032[0].key, public_key.b, sizeof(public_key.b));
    id16_hex(key_id_of(&public_key).id, hex);
    assert_string_equal(hex, "7849ac3049680be1ef762efe0d36e017");
}

static void pieces_hash_like_the_whole(void **state) {
    (void)state;
    uint8_t data[1000];
    for (size_t i = 0; i < sizeof(data); i++) {
        data[i] = (uint8_t)(i * 7);
    }
    struct slice whole = slice_of(data, sizeof(data));
    struct hash32 expected;
    hash_parts(&whole, 1, &expected);
    for (size_t piece = 1; piece < 300; piece += 37) {
        struct hasher hasher;
        hasher_init(&hasher);
        for (size_t at = 0; at < sizeof(data); at += piece) {
            hasher_add(&hasher, data + at, sizeof(data) - at < piece ? sizeof(data) - at : piece);
        }
        struct hash32 hash;
        hasher_done(&hasher, &hash);
        assert_true(hash32_equal(&hash, &expected));
    }
}

static void both_ends_of_a_session_agree(void **state) {
    (void)state;
    uint8_t seed[SEED_BYTES] = {1};
    struct kx_pair device;
    struct kx_pair hub;
    kx_from_seed(seed, &device);
    seed[0] = 2;
    kx_from_seed(seed, &hub);
    uint8_t keys[4][SESSION_KEY_BYTES];
    assert_int_equal(kx_device(&device, hub.public_part, keys[0], keys[1]), RC_OK);
    assert_int_equal(kx_hub(&hub, device.public_part, keys[2], keys[3]), RC_OK);
    assert_memory_equal(keys[0], keys[2], SESSION_KEY_BYTES);
    assert_memory_equal(keys[1], keys[3], SESSION_KEY_BYTES);
    assert_memory_not_equal(keys[0], keys[1], SESSION_KEY_BYTES);
    struct kx_pair again;
    kx_from_seed(seed, &again);
    assert_memory_equal(&again, &hub, sizeof(hub));
}

static void degenerate_peer_is_refused(void **state) {
    (void)state;
    uint8_t seed[SEED_BYTES] = {1};
    struct kx_pair mine;
    kx_from_seed(seed, &mine);
    uint8_t zero[32] = {0};
    uint8_t up[SESSION_KEY_BYTES] = {7};
    uint8_t down[SESSION_KEY_BYTES] = {7};
    assert_int_equal(kx_device(&mine, zero, up, down), RC_BAD_SIGNATURE);
    assert_int_equal(kx_hub(&mine, zero, up, down), RC_BAD_SIGNATURE);
    assert_int_equal(up[0] + down[0], 14);
}

static void randomness_differs_and_wiping_wipes(void **state) {
    (void)state;
    uint8_t a[32] = {0};
    uint8_t b[32] = {0};
    keys_random(a, sizeof(a));
    keys_random(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    keys_wipe(a, sizeof(a));
    static const uint8_t zero[32];
    assert_memory_equal(a, zero, sizeof(a));
}

static int start(void **state) {
    (void)state;
    return keys_init() != RC_OK || keys_init() != RC_OK;
}

// Whatever the number and wherever the bad ones stand, the answers are those of one by one.
static void many_are_verified_as_one_by_one(void **state) {
    (void)state;
    enum { MANY = 100 };
    static struct keys_claim claims[MANY];
    static uint8_t messages[MANY][40];
    const struct keys_scheme *schemes[] = {keys_ed25519(), keys_stub()};
    for (size_t s = 0; s < 2; s++) {
        struct keypair *pair = NULL;
        uint8_t seed[SEED_BYTES] = {3};
        assert_int_equal(keypair_from_seed(schemes[s], seed, &pair), RC_OK);
        for (size_t count = 0; count <= MANY; count = count * 2 + 1) {
            for (size_t i = 0; i < count; i++) {
                messages[i][0] = (uint8_t)i;
                claims[i] = (struct keys_claim){.key = *keypair_public(pair),
                                                .message = slice_of(messages[i], 40),
                                                .good = i % 3 == 0};
                keypair_sign(pair, claims[i].message, &claims[i].sig);
                claims[i].sig.b[7] ^= i % 5 == 2 ? 1 : 0;
            }
            keys_verify_all(schemes[s], claims, count);
            for (size_t i = 0; i < count; i++) {
                assert_int_equal(claims[i].good, i % 5 != 2);
            }
        }
        keypair_free(pair);
    }
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(ed25519_agrees_with_the_rfc),
        cmocka_unit_test(nothing_can_be_changed),
        cmocka_unit_test(schemes_do_not_mix),
        cmocka_unit_test(many_are_verified_as_one_by_one),
        cmocka_unit_test(small_order_points_are_refused),
        cmocka_unit_test(second_form_of_a_signature_is_refused),
        cmocka_unit_test(stub_is_deterministic),
        cmocka_unit_test(hashes_agree_with_blake2b),
        cmocka_unit_test(pieces_hash_like_the_whole),
        cmocka_unit_test(both_ends_of_a_session_agree),
        cmocka_unit_test(degenerate_peer_is_refused),
        cmocka_unit_test(randomness_differs_and_wiping_wipes),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
