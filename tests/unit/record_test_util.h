// What the record tests share: a registry with a field of every type, a content with everything.
#ifndef DAVY_RECORD_TEST_UTIL_H
#define DAVY_RECORD_TEST_UTIL_H

#include "davy/base/ensure.h"
#include "davy/record/export.h"
#include "test_util.h"

enum {
    TEST_OPEN = 10,
    TEST_ALL = 11,
    TEST_SEALED = 12,
    TEST_HELLO = 13,
    TEST_FOUND = 14,
};
enum {
    ALL_COUNT = 1,
    ALL_DELTA = 2,
    ALL_COLOUR = 3,
    ALL_WHEN = 4,
    ALL_SHARE = 5,
    ALL_LEVEL = 6,
    ALL_NOTE = 7,
    ALL_BLOB = 8,
    ALL_LINK = 9,
    ALL_PART = 10,
    ALL_MUST = 11,
};

static const char *const test_colours[] = {NULL, "red", NULL, "blue"};

// clang-format off
static const struct field test_fields[] = {
    {ALL_COUNT,  "count",  FIELD_UINT,    FIELD_REQUIRED, 1, 100, NULL},
    {ALL_DELTA,  "delta",  FIELD_INT,     0, -5, 5, NULL},
    {ALL_COLOUR, "colour", FIELD_ENUM,    0, 1, 3, test_colours},
    {ALL_WHEN,   "when",   FIELD_TIME,    0, 0, 0, NULL},
    {ALL_SHARE,  "share",  FIELD_DECIMAL, 0, 0, 100, NULL},
    {ALL_LEVEL,  "level",  FIELD_DECIMAL, 0, 0, 0, NULL},
    {ALL_NOTE,   "note",   FIELD_TEXT,    0, 1, 20, NULL},
    {ALL_BLOB,   "blob",   FIELD_BYTES,   0, 2, 4, NULL},
    {ALL_LINK,   "link",   FIELD_ID,      0, 16, 16, NULL},
    {ALL_PART,   "part",   FIELD_UINT,    FIELD_REPEATED, 0, 9, NULL},
    {ALL_MUST,   "must",   FIELD_TEXT,    FIELD_CRITICAL, 0, 20, NULL},
};
static const struct kind test_kinds[] = {
    {TEST_OPEN,   "test.open",   EFFECT_CHANGE,   1, KIND_OPENS, 8, NULL, 0},
    {TEST_ALL,    "test.all",    EFFECT_FACT,     1, KIND_MANY, 8, test_fields, ALL_MUST},
    {TEST_SEALED, "test.sealed", EFFECT_FACT,     2, KIND_SEALED, 0, NULL, 0},
    {TEST_HELLO,  "test.hello",  EFFECT_FACT,     0, KIND_SEALED | KIND_NO_SUBJECT, 0, NULL, 0},
    {TEST_FOUND,  "test.found",  EFFECT_RESTRICT, 0, KIND_OPENS | KIND_FOUNDS, 1, NULL, 0},
};
static const struct field other_fields[] = {
    {1, "text", FIELD_TEXT, 0, 0, 900, NULL},
};
static const struct kind other_kinds[] = {
    {20, "other.say", EFFECT_FACT, 3, 0, 8, other_fields, 1},
    {22, "other.end", EFFECT_ALLOW, 3, 0, 8, NULL, 0},
};
// clang-format on
static const struct module test_module = {
    .name = "test",
    .kinds = test_kinds,
    .kind_count = COUNT_OF(test_kinds),
};
static const struct module other_module = {
    .name = "other",
    .kinds = other_kinds,
    .kind_count = COUNT_OF(other_kinds),
};
static const struct module *const test_modules[] = {&other_module, &test_module};
static const struct registry test_registry = {test_modules, COUNT_OF(test_modules)};

static inline struct id16 test_id(uint8_t first) {
    struct id16 id;
    for (size_t i = 0; i < ID_BYTES; i++) {
        id.b[i] = (uint8_t)(first + i);
    }
    return id;
}

static inline struct rid test_rid(uint8_t first) {
    return (struct rid){test_id(first)};
}

static const struct rid test_subjects[] = {
    {{{0x10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}}},
    {{{0x20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}}},
};
static const struct rid test_refs[] = {
    {{{0x30, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}}},
};
static const uint8_t test_body[] = {ALL_COUNT << 3, 7};

// A signed fact about two subjects, with seen, refs and a body.
static inline struct content test_content(void) {
    struct content content = {
        .suite = KEYS_SUITE_ED25519,
        .site = {test_id(0x40)},
        .kind = TEST_ALL,
        .subjects = test_subjects,
        .subject_count = COUNT_OF(test_subjects),
        .audience = AUDIENCE_NONE,
        .person = test_rid(0x50),
        .key = {test_id(0x60)},
        .device = test_rid(0x70),
        .session = 300,
        .time = {1795537800123},
        .time_error_ms = 250,
        .boot_id = 0x0123456789ABCDEF,
        .mono = {86400000},
        .seen = {.hub = {test_id(0x80)},
                 .count = 2,
                 .marks = {{0, 0, 12, {1, 2, 3, 4, 5, 6, 7, 8}},
                           {1, 0, 4711, {8, 7, 6, 5, 4, 3, 2, 1}}}},
        .refs = test_refs,
        .ref_count = COUNT_OF(test_refs),
        .nonce = {9, 8, 7, 6, 5, 4, 3, 2},
        .body = {test_body, sizeof(test_body)},
    };
    return content;
}

// Names the row of a table that fails.
static inline void test_rc(const char *what, enum rc got, enum rc expected) {
    if (got != expected) {
        fail_msg("%s: %s, expected %s", what, rc_name(got), rc_name(expected));
    }
}

static inline void test_keys_start(void) {
    assert_int_equal(keys_init(), RC_OK);
}

static inline void test_seed(uint8_t first, uint8_t out_seed[SEED_BYTES]) {
    for (size_t i = 0; i < SEED_BYTES; i++) {
        out_seed[i] = (uint8_t)(first + i);
    }
}

static inline struct keypair *test_keypair(uint8_t first) {
    uint8_t seed[SEED_BYTES];
    test_seed(first, seed);
    struct keypair *pair = NULL;
    assert_int_equal(keypair_from_seed(keys_ed25519(), seed, &pair), RC_OK);
    return pair;
}

#endif
