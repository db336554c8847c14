#include "davy/record/record.h"

#include "record_test_util.h"

static struct chain_id sample_chain(void) {
    return (struct chain_id){{test_id(0x11)}, LANE_SAFETY, AUDIENCE_SITE};
}

static void an_author_is_made_of_key_and_chance(void **state) {
    (void)state;
    struct public_key key = {{1}};
    uint8_t random[AUTHOR_RANDOM_BYTES] = {2};
    struct author_id author = author_of(&key, random);
    random[15] = 1;
    assert_false(author_equal(author, author_of(&key, random)));
    random[15] = 0;
    key.b[31] = 1;
    assert_false(author_equal(author, author_of(&key, random)));
    key.b[31] = 0;
    assert_true(author_equal(author, author_of(&key, random)));
}

static void every_chain_starts_elsewhere(void **state) {
    (void)state;
    struct site_id sites[] = {{test_id(1)}, {test_id(2)}};
    struct chain_head heads[2 * LANE_COUNT * AUDIENCE_COUNT * 2];
    size_t count = 0;
    for (size_t site = 0; site < 2; site++) {
        for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
            for (uint8_t audience = 0; audience < AUDIENCE_COUNT; audience++) {
                for (uint8_t author = 0; author < 2; author++) {
                    struct chain_id id = {{test_id(author)}, lane, audience};
                    chain_start(sites[site], id, &heads[count]);
                    assert_true(heads[count].seq == 0);
                    count++;
                }
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_false(hash32_equal(&heads[i].hash, &heads[k].hash));
        }
    }
}

static void a_chain_takes_in_everything(void **state) {
    (void)state;
    struct chain_head start;
    chain_start((struct site_id){test_id(1)}, sample_chain(), &start);
    const struct signature sig = {{7}};
    const struct signature other_sig = {{8}};
    const struct hash32 hash = {{7}};
    const struct hash32 other_hash = {{8}};
    struct chain_head heads[] = {start, start, start, start, start, start, start, start};
    chain_add_record(&heads[0], slice_text("content"), NULL);
    chain_add_record(&heads[1], slice_text("content"), &sig);
    chain_add_record(&heads[2], slice_text("content"), &other_sig);
    chain_add_record(&heads[3], slice_text("Content"), &sig);
    chain_add_admit(&heads[4], slice_text("content"), &hash);
    chain_add_admit(&heads[5], slice_text("content"), &other_hash);
    chain_add_admit(&heads[6], slice_text("Content"), &hash);
    chain_add_record(&heads[7], slice_text("content"), NULL);
    chain_add_record(&heads[7], slice_text("content"), NULL);
    for (size_t i = 0; i < COUNT_OF(heads); i++) {
        assert_true(heads[i].seq == (i == 7 ? 2 : 1));
        for (size_t k = 0; k < i; k++) {
            assert_false(hash32_equal(&heads[i].hash, &heads[k].hash));
        }
    }
}

// Where one entry ends and the next begins cannot be moved: the length is hashed in.
static void signature_bytes_are_no_content(void **state) {
    (void)state;
    struct chain_head start;
    chain_start((struct site_id){test_id(1)}, sample_chain(), &start);
    uint8_t bytes[10 + SIGNATURE_BYTES] = {0};
    const struct signature zero = {{0}};
    struct chain_head a = start;
    struct chain_head b = start;
    chain_add_record(&a, slice_of(bytes, 10), &zero);
    chain_add_record(&b, slice_of(bytes, sizeof(bytes)), NULL);
    assert_false(hash32_equal(&a.hash, &b.hash));
}

static void a_seal_holds_for_its_place_alone(void **state) {
    (void)state;
    struct keypair *device = test_keypair(1);
    struct keypair *stranger = test_keypair(2);
    struct site_id site = {test_id(1)};
    struct chain_id chain = sample_chain();
    struct chain_head head = {42, {{1, 2, 3}}};
    struct signature seal;
    seal_sign(site, chain, &head, device, &seal);
    const struct public_key *key = keypair_public(device);
    assert_true(seal_verify(keys_ed25519(), site, chain, &head, key, &seal));
    assert_false(seal_verify(keys_ed25519(), site, chain, &head, keypair_public(stranger), &seal));
    struct site_id other_site = {test_id(2)};
    assert_false(seal_verify(keys_ed25519(), other_site, chain, &head, key, &seal));
    struct chain_id other = chain;
    other.author = (struct author_id){test_id(0x12)};
    assert_false(seal_verify(keys_ed25519(), site, other, &head, key, &seal));
    other = chain;
    other.lane = LANE_CONTROL;
    assert_false(seal_verify(keys_ed25519(), site, other, &head, key, &seal));
    other = chain;
    other.audience = AUDIENCE_PARK;
    assert_false(seal_verify(keys_ed25519(), site, other, &head, key, &seal));
    struct chain_head moved = head;
    moved.seq = 43;
    assert_false(seal_verify(keys_ed25519(), site, chain, &moved, key, &seal));
    moved = head;
    moved.hash.b[31] = 1;
    assert_false(seal_verify(keys_ed25519(), site, chain, &moved, key, &seal));
    seal.b[0] ^= 1;
    assert_false(seal_verify(keys_ed25519(), site, chain, &head, key, &seal));
    keypair_free(device);
    keypair_free(stranger);
}

static void chains_are_told_apart(void **state) {
    (void)state;
    struct chain_id a = sample_chain();
    assert_true(chain_id_equal(a, sample_chain()));
    struct chain_id b = a;
    b.lane++;
    assert_false(chain_id_equal(a, b));
    b = a;
    b.audience++;
    assert_false(chain_id_equal(a, b));
    b = a;
    b.author.id.b[0]++;
    assert_false(chain_id_equal(a, b));
}

// ---- Admits ----

static struct admit sample_admit(void) {
    return (struct admit){
        .place = {{{test_id(0x21)}, LANE_DANGER, AUDIENCE_CITY}, 300},
        .verdict = VERDICT_REFUSED,
        .rule = 63,
        .hub_time = {1795537800123},
        .roster_version = 9,
        .rules_version = 1,
        .n = 100000,
    };
}

static struct buf encoded(const struct admit *admit) {
    struct buf buf;
    buf_init(&buf, 256);
    assert_int_equal(admit_encode(admit, &buf), RC_OK);
    return buf;
}

static void an_admit_comes_back(void **state) {
    (void)state;
    struct admit in = sample_admit();
    struct buf buf = encoded(&in);
    char hex[256];
    test_hex(buf.data, buf.len, hex);
    assert_string_equal(hex, "2122232425262728292a2b2c2d2e2f30"
                             "0202ac02023ff6aea4e6c1680901a08d06");
    struct admit out;
    assert_int_equal(admit_decode(buf_slice(&buf), &out), RC_OK);
    assert_true(chain_id_equal(in.place.chain, out.place.chain));
    assert_true(out.place.seq == 300 && out.verdict == VERDICT_REFUSED && out.rule == 63);
    assert_true(out.hub_time.v == in.hub_time.v && out.roster_version == 9);
    assert_true(out.rules_version == 1 && out.n == 100000);
    buf_fini(&buf);
}

static void an_admit_has_one_form(void **state) {
    (void)state;
    struct admit admit = sample_admit();
    struct buf buf = encoded(&admit);
    for (size_t len = 0; len < buf.len; len++) {
        assert_int_equal(admit_decode(slice_of(buf.data, len), &admit), RC_TRUNCATED);
    }
    for (size_t bit = 0; bit < buf.len * 8; bit++) {
        buf.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct admit out;
        if (admit_decode(buf_slice(&buf), &out) == RC_OK) {
            struct buf again = encoded(&out);
            assert_true(slice_equal(buf_slice(&again), buf_slice(&buf)));
            buf_fini(&again);
        }
        buf.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    buf_put_u8(&buf, 0);
    assert_int_equal(admit_decode(buf_slice(&buf), &admit), RC_INVALID);
    buf_fini(&buf);
}

struct bad_admit {
    const char *what;
    void (*spoil)(struct admit *admit);
    size_t at; // the byte to spoil the same way
    uint8_t value;
};
static void spoil_author(struct admit *admit) {
    memset(&admit->place.chain.author, 0, sizeof(admit->place.chain.author));
}
static void spoil_lane(struct admit *admit) {
    admit->place.chain.lane = LANE_COUNT;
}
static void spoil_audience(struct admit *admit) {
    admit->place.chain.audience = AUDIENCE_NONE;
}
static void spoil_seq(struct admit *admit) {
    admit->place.seq = 0;
}
static void spoil_verdict_low(struct admit *admit) {
    admit->verdict = VERDICT_NONE;
}
static void spoil_verdict_high(struct admit *admit) {
    admit->verdict = (enum verdict)(VERDICT_HELD + 1);
}
static void spoil_n(struct admit *admit) {
    admit->n = 0;
}
static const struct bad_admit bad_admits[] = {
    {"author", spoil_author, 0, 0},
    {"lane", spoil_lane, 16, LANE_COUNT},
    {"audience", spoil_audience, 17, AUDIENCE_NONE},
    {"seq", spoil_seq, 18, 0},
    {"verdict 0", spoil_verdict_low, 20, VERDICT_NONE},
    {"verdict 5", spoil_verdict_high, 20, VERDICT_HELD + 1},
    {"n", spoil_n, 0, 0},
};

static void bad_admits_are_refused(void **state) {
    (void)state;
    struct admit good = sample_admit();
    struct buf bytes = encoded(&good);
    for (size_t i = 0; i < COUNT_OF(bad_admits); i++) {
        struct admit admit = good;
        bad_admits[i].spoil(&admit);
        struct buf buf;
        buf_init(&buf, 256);
        test_rc(bad_admits[i].what, admit_encode(&admit, &buf), RC_INVALID);
        assert_int_equal(buf.len, 0);
        buf_fini(&buf);
        if (bad_admits[i].at > 0) {
            uint8_t kept = bytes.data[bad_admits[i].at];
            bytes.data[bad_admits[i].at] = bad_admits[i].value;
            test_rc(bad_admits[i].what, admit_decode(buf_slice(&bytes), &admit), RC_INVALID);
            bytes.data[bad_admits[i].at] = kept;
        }
    }
    // A rule of more than 16 bits cannot be encoded; it must not be cut either.
    struct buf wide;
    buf_init(&wide, 256);
    buf_put(&wide, bytes.data, 21);
    buf_put_varint(&wide, 65536);
    buf_put(&wide, bytes.data + 22, bytes.len - 22);
    assert_int_equal(admit_decode(buf_slice(&wide), &good), RC_INVALID);
    buf_fini(&wide);
    buf_fini(&bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_author_is_made_of_key_and_chance),
        cmocka_unit_test(every_chain_starts_elsewhere),
        cmocka_unit_test(a_chain_takes_in_everything),
        cmocka_unit_test(signature_bytes_are_no_content),
        cmocka_unit_test(a_seal_holds_for_its_place_alone),
        cmocka_unit_test(chains_are_told_apart),
        cmocka_unit_test(an_admit_comes_back),
        cmocka_unit_test(an_admit_has_one_form),
        cmocka_unit_test(bad_admits_are_refused),
    };
    test_keys_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
