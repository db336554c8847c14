// Blobs in a store: pieces in any order make a whole, wrong bytes are dropped, room has limits.
#include "blob_util.h"

#define NOW INT64_C(1700000000000)
#define DAY_MS INT64_C(86400000)

static int setup(void **state) {
    struct blob_store *s = calloc(1, sizeof *s);
    assert_non_null(s);
    blob_store_open(s, 1);
    *state = s;
    return 0;
}

static int teardown(void **state) {
    blob_store_close(*state);
    free(*state);
    return 0;
}

static enum blob_taken put(struct blob_store *s, const struct hash32 *hash, uint32_t unit,
                           struct slice bytes) {
    enum blob_taken taken = BLOB_TAKEN;
    assert_int_equal(store_blob_put(s->store, hash, unit, bytes, (struct utc_ms){NOW}, &taken),
                     RC_OK);
    return taken;
}

static enum rc expect(struct blob_store *s, const struct hash32 *hash, uint32_t size,
                      uint8_t origin, int64_t now) {
    struct blob_spec spec = blob_spec_of(hash, size, origin, now);
    return store_blob_expect(s->store, &spec, NULL);
}

// Every size around the borders of units, pieces of several lengths that overlap, shuffled, twice.
static void pieces_in_any_order_make_a_whole(void **state) {
    struct blob_store *s = *state;
    static const uint32_t sizes[] = {1, 255, 256, 257, 1024, 20000, 65537};
    uint64_t dice = 7;
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        struct hash32 hash;
        uint32_t size = sizes[k], units = blob_units(size);
        uint8_t *bytes = blob_bytes(k, size, &hash);
        assert_int_equal(store_begin(s->store), RC_OK);
        assert_int_equal(expect(s, &hash, size, 5, NOW), RC_OK);
        enum blob_taken taken = BLOB_TAKEN;
        uint32_t rounds = 0;
        while (taken != BLOB_WHOLE) {
            struct store_blob blob;
            dice = dice * UINT64_C(6364136223846793005) + 1;
            uint32_t unit = (uint32_t)(dice >> 33) % units;
            uint32_t len = (1 + (uint32_t)(dice >> 60)) * BLOB_UNIT_BYTES;
            uint32_t at = unit * BLOB_UNIT_BYTES;
            len = len < size - at ? len : size - at;
            taken = put(s, &hash, unit, slice_of(bytes + at, len));
            assert_int_equal(store_blob_get(s->store, &hash, &blob), RC_OK);
            assert_int_equal(blob.whole, taken == BLOB_WHOLE);
            assert_true(blob.held <= size && (blob.held == size) == blob.whole);
            assert_true(++rounds < 20000);
        }
        assert_int_equal(put(s, &hash, 0, slice_of(bytes, size)), BLOB_WHOLE);
        assert_int_equal(store_commit(s->store), RC_OK);
        blob_assert_whole(s->store, &hash, bytes, size);
        struct buf part;
        buf_init(&part, size);
        assert_int_equal(store_blob_read(s->store, &hash, size / 2, size - size / 2, &part), RC_OK);
        assert_memory_equal(part.data, bytes + size / 2, part.len);
        assert_int_equal(store_blob_read(s->store, &hash, 1, size, &part), RC_NOT_FOUND);
        buf_fini(&part);
        free(bytes);
    }
    uint64_t count;
    struct hash32 broken;
    assert_int_equal(store_blob_verify(s->store, &count, &broken), RC_OK);
    assert_int_equal(count, 7);
}

static void a_part_is_kept_and_never_shown(void **state) {
    struct blob_store *s = *state;
    struct hash32 hash;
    uint8_t map[BLOB_MAP_BYTES];
    uint8_t *bytes = blob_bytes(1, 3000, &hash);
    assert_int_equal(store_begin(s->store), RC_OK);
    assert_int_equal(expect(s, &hash, 3000, 5, NOW), RC_OK);
    put(s, &hash, 2, slice_of(bytes + 512, 512));
    put(s, &hash, 11, slice_of(bytes + 2816, 184));
    assert_int_equal(store_commit(s->store), RC_OK);
    blob_store_reopen(s);
    struct buf out;
    buf_init(&out, 4096);
    assert_int_equal(store_blob_read(s->store, &hash, 512, 256, &out), RC_NOT_FOUND);
    assert_int_equal(store_blob_map(s->store, &hash, map), RC_OK);
    assert_int_equal(map[0], 0x0C);
    assert_int_equal(map[1], 0x08);
    assert_int_equal(map[2], 0);
    // What was begun is not begun again by a second offer of the same.
    assert_int_equal(store_begin(s->store), RC_OK);
    assert_int_equal(expect(s, &hash, 3000, 6, NOW), RC_OK);
    assert_int_equal(put(s, &hash, 0, slice_of(bytes, 3000)), BLOB_WHOLE);
    assert_int_equal(store_commit(s->store), RC_OK);
    blob_assert_whole(s->store, &hash, bytes, 3000);
    buf_fini(&out);
    free(bytes);
}

static void wrong_bytes_are_dropped(void **state) {
    struct blob_store *s = *state;
    struct hash32 hash;
    struct store_blob blob;
    uint8_t *bytes = blob_bytes(2, 2000, &hash);
    assert_int_equal(store_begin(s->store), RC_OK);
    assert_int_equal(expect(s, &hash, 2000, 5, NOW), RC_OK);
    bytes[1999] ^= 1;
    assert_int_equal(put(s, &hash, 0, slice_of(bytes, 2000)), BLOB_WRONG);
    assert_int_equal(store_blob_get(s->store, &hash, &blob), RC_NOT_FOUND);
    // What is wanted stays wanted.
    assert_int_equal(store_blob_want(s->store, &hash, (struct utc_ms){NOW}), RC_OK);
    assert_int_equal(expect(s, &hash, 2000, 5, NOW), RC_OK);
    assert_int_equal(put(s, &hash, 0, slice_of(bytes, 2000)), BLOB_WRONG);
    assert_int_equal(store_blob_get(s->store, &hash, &blob), RC_OK);
    assert_true(blob.wanted && !blob.whole && blob.size == 0 && blob.held == 0);
    bytes[1999] ^= 1;
    assert_int_equal(expect(s, &hash, 2000, 5, NOW), RC_OK);
    assert_int_equal(put(s, &hash, 0, slice_of(bytes, 2000)), BLOB_WHOLE);
    assert_int_equal(store_blob_want(s->store, &hash, (struct utc_ms){NOW}), RC_EXISTS);
    assert_int_equal(store_commit(s->store), RC_OK);
    free(bytes);
}

static void bytes_outside_are_refused(void **state) {
    struct blob_store *s = *state;
    struct hash32 hash, other = {{9}};
    static const uint8_t zeros[4096];
    static const struct {
        uint32_t unit, len;
    } bad[] = {{0, 0},   {0, 1},    {0, 300},        {4, 256}, {3, 233},
               {3, 256}, {0, 1001}, {0, 4096},       {3, 231}, {UINT32_MAX, 256},
               {2, 512}, {1, 1000}, {UINT32_MAX, 1}, {4, 1}};
    uint8_t *bytes = blob_bytes(3, 1000, &hash);
    enum blob_taken taken;
    assert_int_equal(store_begin(s->store), RC_OK);
    assert_int_equal(expect(s, &hash, 1000, 5, NOW), RC_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(store_blob_put(s->store, &hash, bad[i].unit, slice_of(zeros, bad[i].len),
                                        (struct utc_ms){NOW}, &taken),
                         RC_INVALID);
    }
    assert_int_equal(
        store_blob_put(s->store, &other, 0, slice_of(zeros, 256), (struct utc_ms){NOW}, &taken),
        RC_NOT_FOUND);
    assert_int_equal(put(s, &hash, 0, slice_of(bytes, 1000)), BLOB_WHOLE);
    assert_int_equal(store_commit(s->store), RC_OK);
    free(bytes);
}

static void room_has_limits(void **state) {
    struct blob_store *s = *state;
    struct refusal refusal;
    struct hash32 hash = {{0}};
    struct blob_spec spec = blob_spec_of(&hash, 0, 5, NOW);
    static const struct {
        uint32_t size;
        enum blob_media media;
        enum refusal_code code;
    } bad[] = {{0, BLOB_JPEG, REFUSAL_FORM},
               {1, BLOB_UNKNOWN, REFUSAL_FORM},
               {1, BLOB_MEDIA_COUNT, REFUSAL_FORM},
               {LIMIT_BLOB_BYTES + 1, BLOB_JPEG, REFUSAL_TOO_LARGE}};
    assert_int_equal(store_begin(s->store), RC_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        spec.size = bad[i].size;
        spec.media = bad[i].media;
        assert_int_equal(store_blob_expect(s->store, &spec, &refusal), RC_REFUSED);
        assert_int_equal(refusal.code, bad[i].code);
    }
    // Begun ones, of one origin.
    spec.media = BLOB_JPEG;
    spec.size = 1000;
    for (int i = 0; i < LIMIT_BLOBS_PENDING; i++) {
        spec.hash.b[0] = (uint8_t)i;
        assert_int_equal(store_blob_expect(s->store, &spec, NULL), RC_OK);
    }
    spec.hash.b[0] = 200;
    assert_int_equal(store_blob_room(s->store, &spec, &refusal), RC_REFUSED);
    assert_int_equal(store_blob_expect(s->store, &spec, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_BLOB_FULL);
    spec.origin.id.b[0] = 6;
    assert_int_equal(store_blob_room(s->store, &spec, NULL), RC_OK); // another one's room
    // A week later those that nobody went on with make room.
    spec.origin.id.b[0] = 5;
    spec.now.v += 8 * DAY_MS;
    assert_int_equal(store_blob_expect(s->store, &spec, NULL), RC_OK);
    struct store_blob blob;
    hash.b[0] = 1;
    assert_int_equal(store_blob_get(s->store, &hash, &blob), RC_NOT_FOUND);
    assert_int_equal(store_commit(s->store), RC_OK);
}

// The bytes of one origin; who only caches drops the oldest.
static void a_full_device_is_refused_and_a_cache_turns_over(void **state) {
    struct blob_store *s = *state;
    struct refusal refusal;
    struct hash32 hash, first;
    struct store_blob blob;
    uint8_t *bytes = blob_bytes(4, 500, &first);
    assert_int_equal(store_begin(s->store), RC_OK);
    assert_int_equal(expect(s, &first, 500, 5, NOW), RC_OK);
    assert_int_equal(put(s, &first, 0, slice_of(bytes, 500)), BLOB_WHOLE);
    // Whole ones of the largest size, without their bytes.
    for (uint8_t i = 0; i < 31; i++) {
        memset(hash.b, i, HASH_BYTES);
        assert_int_equal(expect(s, &hash, LIMIT_BLOB_BYTES, 5, NOW + 1 + i), RC_OK);
    }
    assert_int_equal(
        sqlite3_exec(store_sqlite(s->store), "UPDATE blob SET whole = 1", NULL, NULL, NULL),
        SQLITE_OK);
    memset(hash.b, 77, HASH_BYTES);
    struct blob_spec spec = blob_spec_of(&hash, LIMIT_BLOB_BYTES, 5, NOW + 100);
    assert_int_equal(store_blob_expect(s->store, &spec, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_BLOB_FULL);
    assert_string_equal(refusal.args[0], "256 MB");
    spec.cache = true;
    assert_int_equal(store_blob_expect(s->store, &spec, NULL), RC_OK);
    assert_int_equal(store_blob_get(s->store, &first, &blob), RC_NOT_FOUND);
    memset(hash.b, 0, HASH_BYTES);
    assert_int_equal(store_blob_get(s->store, &hash, &blob), RC_OK); // one was enough
    assert_int_equal(store_commit(s->store), RC_OK);
    free(bytes);
}

static void another_size_waits_for_the_first(void **state) {
    struct blob_store *s = *state;
    struct hash32 hash;
    struct store_blob blob;
    uint8_t *bytes = blob_bytes(5, 1000, &hash);
    assert_int_equal(store_begin(s->store), RC_OK);
    assert_int_equal(expect(s, &hash, 2000, 5, NOW), RC_OK); // a lie
    put(s, &hash, 0, slice_of(bytes, 512));
    assert_int_equal(expect(s, &hash, 1000, 6, NOW + 1000), RC_FORK);
    assert_int_equal(expect(s, &hash, 1000, 6, NOW + LIMIT_BLOB_OFFER_MS), RC_OK);
    assert_int_equal(store_blob_get(s->store, &hash, &blob), RC_OK);
    assert_true(blob.size == 1000 && blob.held == 0 && blob.origin.id.b[0] == 6);
    assert_int_equal(put(s, &hash, 0, slice_of(bytes, 1000)), BLOB_WHOLE);
    assert_int_equal(expect(s, &hash, 2000, 5, NOW + DAY_MS), RC_EXISTS);
    assert_int_equal(store_commit(s->store), RC_OK);
    free(bytes);
}

static enum rc count_rid(void *ctx, struct rid record) {
    (void)record;
    ++*(int *)ctx;
    return RC_OK;
}

static void records_name_blobs(void **state) {
    struct blob_store *s = *state;
    struct hash32 hashes[3], found;
    struct store_blob blob;
    uint8_t *bytes[3];
    for (uint32_t i = 0; i < 3; i++) {
        bytes[i] = blob_bytes(i, 600 + i, &hashes[i]);
    }
    blob_put_own(s, bytes[0], 600, &hashes[0]);
    blob_put_own(s, bytes[1], 601, &hashes[1]);
    assert_false(store_blob_is_named(s->store, &hashes[0]));
    assert_int_equal(store_blob_next_offer(s->store, 0, &blob), RC_NOT_FOUND);
    blob_name(s, hashes, 2);
    struct rid record = blob_name(s, &hashes[2], 1);
    assert_false(rid_is_zero(record));
    blob_name(s, &hashes[2], 1);
    int count = 0;
    assert_int_equal(store_blob_records(s->store, &hashes[2], count_rid, &count), RC_OK);
    assert_int_equal(count, 2);
    assert_true(store_blob_is_named(s->store, &hashes[2]));
    // Offered in their order until the hub says what it thinks of them.
    assert_int_equal(store_begin(s->store), RC_OK);
    assert_int_equal(store_blob_next_offer(s->store, 0, &blob), RC_OK);
    assert_true(hash32_equal(&blob.hash, &hashes[0]) && blob.named);
    assert_int_equal(store_blob_said(s->store, &hashes[0], REFUSAL_NONE), RC_OK);
    assert_int_equal(store_blob_next_offer(s->store, 0, &blob), RC_OK);
    assert_true(hash32_equal(&blob.hash, &hashes[1]));
    assert_int_equal(store_blob_said(s->store, &hashes[1], REFUSAL_BLOB_FULL), RC_OK);
    assert_int_equal(store_blob_next_offer(s->store, 0, &blob), RC_NOT_FOUND);
    assert_int_equal(store_blob_get(s->store, &hashes[1], &blob), RC_OK);
    assert_int_equal(blob.refused, REFUSAL_BLOB_FULL);
    assert_int_equal(store_blob_ask_again(s->store, false), RC_OK);
    assert_int_equal(store_blob_next_offer(s->store, 0, &blob), RC_OK);
    assert_true(hash32_equal(&blob.hash, &hashes[1]));
    assert_int_equal(store_blob_ask_again(s->store, true), RC_OK);
    assert_int_equal(store_blob_next_offer(s->store, 0, &blob), RC_OK);
    assert_true(hash32_equal(&blob.hash, &hashes[0]));
    assert_int_equal(store_commit(s->store), RC_OK);
    // By their first digits, also one that only a record names.
    char hex[2 * HASH_BYTES + 1];
    for (uint32_t i = 0; i < 3; i++) {
        test_hex(hashes[i].b, HASH_BYTES, hex);
        assert_int_equal(store_blob_find(s->store, hex, &found), RC_OK);
        assert_true(hash32_equal(&found, &hashes[i]));
        hex[9] = '\0';
        assert_int_equal(store_blob_find(s->store, hex, &found), RC_OK);
        hex[7] = '\0';
        assert_int_equal(store_blob_find(s->store, hex, &found), RC_INVALID);
        free(bytes[i]);
    }
    assert_int_equal(store_blob_find(s->store, "../../etc/passwd", &found), RC_INVALID);
    assert_int_equal(store_blob_find(s->store, "0123456789", &found), RC_NOT_FOUND);
}

static void a_rollback_leaves_nothing(void **state) {
    struct blob_store *s = *state;
    struct hash32 hash;
    struct store_blob blob;
    uint8_t *bytes = blob_bytes(8, 1000, &hash);
    assert_int_equal(store_begin(s->store), RC_OK);
    assert_int_equal(expect(s, &hash, 1000, 5, NOW), RC_OK);
    put(s, &hash, 0, slice_of(bytes, 256));
    store_rollback(s->store);
    assert_int_equal(store_blob_get(s->store, &hash, &blob), RC_NOT_FOUND);
    free(bytes);
}

static void a_damaged_blob_is_found(void **state) {
    struct blob_store *s = *state;
    struct hash32 hash, broken = {{0}};
    uint64_t count;
    struct buf out;
    uint8_t *bytes = blob_bytes(9, 30000, &hash);
    blob_put_own(s, bytes, 30000, &hash);
    buf_init(&out, 65536);
    assert_int_equal(sqlite3_exec(store_sqlite(s->store),
                                  "UPDATE blob_chunk SET bytes = zeroblob(length(bytes))", NULL,
                                  NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(store_blob_verify(s->store, &count, &broken), RC_CORRUPT);
    assert_true(hash32_equal(&broken, &hash));
    assert_int_equal(sqlite3_exec(store_sqlite(s->store),
                                  "DELETE FROM blob_chunk WHERE (id & 65535) = 48", NULL, NULL,
                                  NULL),
                     SQLITE_OK);
    assert_int_equal(store_blob_read(s->store, &hash, 0, 30000, &out), RC_CORRUPT);
    assert_int_equal(out.len, 0);
    assert_int_equal(store_blob_verify(s->store, &count, &broken), RC_CORRUPT);
    buf_fini(&out);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pieces_in_any_order_make_a_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(a_part_is_kept_and_never_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_bytes_are_dropped, setup, teardown),
        cmocka_unit_test_setup_teardown(bytes_outside_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(room_has_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_device_is_refused_and_a_cache_turns_over, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(another_size_waits_for_the_first, setup, teardown),
        cmocka_unit_test_setup_teardown(records_name_blobs, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rollback_leaves_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_blob_is_found, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
