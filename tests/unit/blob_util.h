// What the tests of blobs share: a module whose records name blobs, stores, bytes of a seed.
#ifndef DAVY_BLOB_UTIL_H
#define DAVY_BLOB_UTIL_H

#include "test_util.h"

#include "davy/store/blob.h"

#include <sqlite3.h>

enum { PICTURE_KIND = 910, PICTURE_BLOB = 1 };

static void picture_fold(void *state, struct rid subject, const struct fold_entry *entry) {
    (void)state;
    (void)subject;
    (void)entry;
}
static const struct field picture_fields[] = {
    {PICTURE_BLOB, BLOB_FIELD, FIELD_BYTES, FIELD_REPEATED, HASH_BYTES, HASH_BYTES, NULL}};
static const struct kind picture_kinds[] = {{PICTURE_KIND, "picture.add", EFFECT_FACT, LANE_DANGER,
                                             KIND_OPENS | KIND_SEALED, 0, picture_fields, 1}};
static const struct module picture_module = {.name = "picture",
                                             .fold_version = 1,
                                             .kinds = picture_kinds,
                                             .kind_count = 1,
                                             .state_bytes = 8,
                                             .fold = picture_fold};
static const struct module *const picture_modules[] = {&picture_module};
static const struct registry picture_registry = {picture_modules, 1};

struct blob_store {
    char folder[TEST_PATH_BYTES];
    struct store *store;
    uint8_t number;
    uint64_t nonce;
    struct author_id author;
};

static inline void blob_store_reopen(struct blob_store *s) {
    const struct store_options options = {
        .folder = s->folder, .registry = &picture_registry, .create = true};
    store_close(s->store);
    assert_int_equal(store_open(&options, &s->store, NULL), RC_OK);
    // Thousands of commits, none of which must outlive the machine.
    assert_int_equal(
        sqlite3_exec(store_sqlite(s->store), "PRAGMA synchronous = OFF", NULL, NULL, NULL),
        SQLITE_OK);
}

static inline void blob_store_open(struct blob_store *s, uint8_t number) {
    struct site_id site = {{{0x5A}}};
    memset(s, 0, sizeof *s);
    s->number = number;
    s->author.id.b[0] = number;
    assert_int_equal(keys_init(), RC_OK);
    test_folder_make(s->folder);
    blob_store_reopen(s);
    struct store_author author = {.author = s->author, .own = true};
    assert_int_equal(store_begin(s->store), RC_OK);
    assert_int_equal(store_site_set(s->store, site), RC_OK);
    assert_int_equal(store_author_put(s->store, &author), RC_OK);
    assert_int_equal(store_commit(s->store), RC_OK);
}

static inline void blob_store_close(struct blob_store *s) {
    store_close(s->store);
    test_folder_remove(s->folder);
}

// Bytes that begin like a JPEG and do not compress.
static inline uint8_t *blob_bytes(uint64_t seed, uint32_t size, struct hash32 *out_hash) {
    uint8_t *bytes = malloc(size ? size : 1);
    assert_non_null(bytes);
    for (uint32_t i = 0; i < size; i++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        bytes[i] = (uint8_t)(seed >> 56);
    }
    static const uint8_t jpeg[] = {0xFF, 0xD8, 0xFF, 0xE0};
    memcpy(bytes, jpeg, size < sizeof jpeg ? size : sizeof jpeg);
    struct slice part = slice_of(bytes, size);
    hash_parts(&part, 1, out_hash);
    return bytes;
}

static inline struct blob_spec blob_spec_of(const struct hash32 *hash, uint32_t size,
                                            uint8_t origin, int64_t now) {
    struct blob_spec spec = {.hash = *hash, .size = size, .media = BLOB_JPEG, .now = {now}};
    spec.origin.id.b[0] = origin;
    return spec;
}

// A record of this store's own that names the hashes.
static inline struct rid blob_name(struct blob_store *s, const struct hash32 *hashes, int count) {
    struct buf body_bytes, content_bytes;
    struct signed_record record;
    uint64_t seq;
    bool first;
    buf_init(&body_bytes, 4096);
    buf_init(&content_bytes, 8192);
    struct body body = body_start(&picture_kinds[0], &body_bytes);
    for (int i = 0; i < count; i++) {
        body_put_bytes(&body, PICTURE_BLOB, hashes[i].b, HASH_BYTES);
    }
    struct content content = {.suite = KEYS_SUITE_ED25519,
                              .site = store_site(s->store),
                              .kind = PICTURE_KIND,
                              .audience = AUDIENCE_SITE,
                              .time = {1700000000000},
                              .body = buf_slice(&body_bytes)};
    content.device.id.b[0] = s->number;
    s->nonce++;
    memcpy(content.nonce, &s->nonce, sizeof s->nonce);
    content.nonce[7] = s->number;
    assert_int_equal(record_make(&content, NULL, &content_bytes, &record), RC_OK);
    struct chain_id chain = {.author = s->author, .lane = LANE_DANGER};
    bool mine = !store_in_transaction(s->store);
    if (mine) {
        assert_int_equal(store_begin(s->store), RC_OK);
    }
    assert_int_equal(store_append_record(s->store, chain, &record, &seq, &first), RC_OK);
    if (mine) {
        assert_int_equal(store_commit(s->store), RC_OK);
    }
    buf_fini(&body_bytes);
    buf_fini(&content_bytes);
    return record.rid;
}

// Puts a whole blob here, as a person's own.
static inline void blob_put_own(struct blob_store *s, const uint8_t *bytes, uint32_t size,
                                const struct hash32 *hash) {
    struct blob_spec spec = blob_spec_of(hash, size, 0, 1);
    enum blob_taken taken = BLOB_TAKEN;
    assert_int_equal(store_begin(s->store), RC_OK);
    assert_int_equal(store_blob_expect(s->store, &spec, NULL), RC_OK);
    for (uint32_t at = 0; at < size; at += LIMIT_BLOB_CHUNK_BYTES) {
        uint32_t len = size - at < LIMIT_BLOB_CHUNK_BYTES ? size - at : LIMIT_BLOB_CHUNK_BYTES;
        assert_int_equal(store_blob_put(s->store, hash, at / BLOB_UNIT_BYTES,
                                        slice_of(bytes + at, len), spec.now, &taken),
                         RC_OK);
    }
    assert_int_equal(taken, BLOB_WHOLE);
    assert_int_equal(store_commit(s->store), RC_OK);
}

static inline void blob_assert_whole(struct store *store, const struct hash32 *hash,
                                     const uint8_t *bytes, uint32_t size) {
    struct store_blob blob;
    struct buf read;
    buf_init(&read, LIMIT_BLOB_BYTES);
    assert_int_equal(store_blob_get(store, hash, &blob), RC_OK);
    assert_true(blob.whole);
    assert_int_equal(store_blob_read(store, hash, 0, size, &read), RC_OK);
    assert_true(slice_equal(buf_slice(&read), slice_of(bytes, size)));
    buf_fini(&read);
}

#endif
