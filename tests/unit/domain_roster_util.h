// What the roster tests share: bodies of its kinds, folding, and a roster of a small site.
#ifndef DAVY_DOMAIN_ROSTER_UTIL_H
#define DAVY_DOMAIN_ROSTER_UTIL_H

#include "davy/base/ensure.h"
#include "davy/domain/roster/roster.h"
#include "test_util.h"

static const struct module *const roster_modules[] = {&roster_module};
static const struct registry roster_registry = {roster_modules, 1};

static inline struct rid rid_of(uint8_t first) {
    return (struct rid){{{first, 0xEE}}};
}

static inline struct public_key key_of(uint8_t first) {
    return (struct public_key){{first, 0xCC}};
}

struct body_test {
    struct buf buf;
    struct body body;
};

static inline void body_begin(struct body_test *test, uint16_t kind) {
    buf_init(&test->buf, LIMIT_RECORD_BODY_BYTES);
    test->body = body_start(registry_kind(&roster_registry, kind, NULL), &test->buf);
}

static inline void fold_slice(struct roster_state *state, uint16_t kind, struct slice body,
                              enum verdict verdict) {
    const struct content content = {.kind = kind, .body = body};
    const struct fold_entry entry = {
        .content = &content,
        .verdict = verdict,
        .n = 1,
        .pending = verdict == VERDICT_NONE,
    };
    roster_module.fold(state, rid_of(1), &entry);
}

static inline void fold_done(struct body_test *test, struct roster_state *state, uint16_t kind,
                             enum verdict verdict) {
    fold_slice(state, kind, buf_slice(&test->buf), verdict);
    buf_fini(&test->buf);
}

static inline void put_genesis(struct body_test *test, uint8_t roots, uint8_t threshold) {
    body_begin(test, KIND_SITE_GENESIS);
    body_put_text(&test->body, GENESIS_NAME, "示范站");
    for (uint8_t i = 0; i < roots; i++) {
        struct public_key key = key_of((uint8_t)(0xF0 + i));
        body_put_bytes(&test->body, GENESIS_ROOT_KEY, key.b, PUBLIC_KEY_BYTES);
    }
    body_put_uint(&test->body, GENESIS_THRESHOLD, threshold);
    body_put_uint(&test->body, GENESIS_DEMO, 1);
}

static inline void put_person(struct body_test *test, const char *name, const char *number) {
    body_begin(test, KIND_PERSON_ADD);
    body_put_text(&test->body, PERSON_NAME, name);
    body_put_text(&test->body, PERSON_NUMBER, number);
}

static inline void put_device(struct body_test *test, const char *name, enum device_kind kind,
                              struct public_key key) {
    body_begin(test, KIND_DEVICE_ADD);
    body_put_text(&test->body, DEVICE_NAME, name);
    body_put_uint(&test->body, DEVICE_KIND, kind);
    body_put_bytes(&test->body, DEVICE_KEY, key.b, PUBLIC_KEY_BYTES);
    body_put_text(&test->body, DEVICE_ACCOUNT, name);
}

static inline void put_role(struct body_test *test, uint16_t kind, enum role role,
                            const char *area) {
    body_begin(test, kind);
    body_put_uint(&test->body, ROLE_ROLE, role);
    body_put_text(&test->body, ROLE_AREA, area);
}

static inline void put_certify(struct body_test *test, struct public_key key, struct rid device) {
    body_begin(test, KIND_KEY_CERTIFY);
    body_put_bytes(&test->body, CERTIFY_KEY, key.b, PUBLIC_KEY_BYTES);
    body_put_bytes(&test->body, CERTIFY_DEVICE, device.id.b, ID_BYTES);
}

static inline struct roster_state *state_new(void) {
    struct roster_state *state = calloc(1, sizeof(*state));
    assert_non_null(state);
    return state;
}

static inline struct roster_state *person_state(const char *name, const char *number) {
    struct roster_state *state = state_new();
    struct body_test test;
    put_person(&test, name, number);
    fold_done(&test, state, KIND_PERSON_ADD, VERDICT_ACCEPTED);
    return state;
}

static inline void grant(struct roster_state *state, enum role role, const char *area) {
    struct body_test test;
    put_role(&test, KIND_ROLE_GRANT, role, area);
    fold_done(&test, state, KIND_ROLE_GRANT, VERDICT_ACCEPTED);
}

static inline void certify(struct roster_state *state, struct public_key key, struct rid device) {
    struct body_test test;
    put_certify(&test, key, device);
    fold_done(&test, state, KIND_KEY_CERTIFY, VERDICT_ACCEPTED);
}

static inline void set_free(struct roster *roster, struct rid subject, struct roster_state *state) {
    assert_int_equal(roster_set(roster, subject, state), RC_OK);
    free(state);
}

static inline void set_device(struct roster *roster, struct rid subject, const char *name,
                              enum device_kind kind, struct public_key key) {
    struct roster_state *state = state_new();
    struct body_test test;
    put_device(&test, name, kind, key);
    fold_done(&test, state, KIND_DEVICE_ADD, VERDICT_ACCEPTED);
    set_free(roster, subject, state);
}

static inline void set_site(struct roster *roster, uint8_t roots, uint8_t threshold) {
    struct roster_state *state = state_new();
    struct body_test test;
    put_genesis(&test, roots, threshold);
    fold_done(&test, state, KIND_SITE_GENESIS, VERDICT_ACCEPTED);
    set_free(roster, rid_of(0x51), state);
}

#endif
