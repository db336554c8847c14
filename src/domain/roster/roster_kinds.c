#include "roster_priv.h"

#include "davy/base/ensure.h"

#include <string.h>

#define ENROLS (ROLE_BIT(ROLE_ROOT) | ROLE_BIT(ROLE_ADMIN))

static const char *const device_kinds[] = {
    [DEVICE_HUB] = "hub",
    [DEVICE_CONSOLE] = "console",
    [DEVICE_HANDHELD] = "handheld",
};
// What can be granted: root is a key of the genesis and no grant.
static const char *const grant_names[ROLE_COUNT] = {
    [ROLE_ADMIN] = "admin",         [ROLE_SHIFT_LEADER] = "shift_leader",
    [ROLE_OPERATOR] = "operator",   [ROLE_SAFETY] = "safety",
    [ROLE_INSPECTOR] = "inspector", [ROLE_GUARDIAN] = "guardian",
    [ROLE_APPROVER] = "approver",   [ROLE_VIEWER] = "viewer",
};

#define REQ FIELD_REQUIRED
#define REP FIELD_REPEATED
#define CRIT FIELD_CRITICAL
#define SIZE(bytes) (bytes), (bytes)

// clang-format off
static const struct field author_open_fields[] = {
    {AUTHOR_OPEN_RANDOM,     "random",     FIELD_BYTES, REQ, SIZE(AUTHOR_RANDOM_BYTES), NULL},
    {AUTHOR_OPEN_DEVICE_KEY, "device_key", FIELD_BYTES, REQ, SIZE(PUBLIC_KEY_BYTES), NULL},
    {AUTHOR_OPEN_PREVIOUS,   "previous",   FIELD_ID,    0,   SIZE(ID_BYTES), NULL},
    {AUTHOR_OPEN_HEAD,       "head",       FIELD_BYTES, REP, SIZE(AUTHOR_HEAD_BYTES), NULL},
};
static const struct field genesis_fields[] = {
    {GENESIS_NAME,      "name",      FIELD_TEXT,  REQ, 1, LIMIT_NAME_BYTES, NULL},
    {GENESIS_ROOT_KEY,  "root_key",  FIELD_BYTES, REQ | REP | CRIT, SIZE(PUBLIC_KEY_BYTES), NULL},
    {GENESIS_THRESHOLD, "threshold", FIELD_UINT,  REQ | CRIT, 1, ROSTER_ROOTS_MAX, NULL},
    {GENESIS_DEMO,      "demo",      FIELD_UINT,  0, 0, 1, NULL},
};
static const struct field person_add_fields[] = {
    {PERSON_NAME,   "name",   FIELD_TEXT, REQ, 1, LIMIT_NAME_BYTES, NULL},
    {PERSON_NUMBER, "number", FIELD_TEXT, REQ, 1, LIMIT_TAG_BYTES, NULL},
};
static const struct field device_add_fields[] = {
    {DEVICE_NAME,    "name",        FIELD_TEXT,  REQ, 1, LIMIT_NAME_BYTES, NULL},
    {DEVICE_KIND,    "device_kind", FIELD_ENUM,  REQ, DEVICE_HUB, DEVICE_HANDHELD, device_kinds},
    {DEVICE_KEY,     "key",         FIELD_BYTES, REQ, SIZE(PUBLIC_KEY_BYTES), NULL},
    {DEVICE_ACCOUNT, "account",     FIELD_TEXT,  0,   0, LIMIT_TAG_BYTES, NULL},
};
// A reader that does not know an end or an area must not take the role for more than it is.
static const struct field role_grant_fields[] = {
    {ROLE_ROLE,  "role",  FIELD_ENUM, REQ | CRIT, ROLE_ADMIN, ROLE_VIEWER, grant_names},
    {ROLE_AREA,  "area",  FIELD_TEXT, REQ | CRIT, 0, LIMIT_TAG_BYTES, NULL},
    {ROLE_FROM,  "from",  FIELD_TIME, CRIT, 0, 0, NULL},
    {ROLE_UNTIL, "until", FIELD_TIME, CRIT, 0, 0, NULL},
};
static const struct field role_revoke_fields[] = {
    {ROLE_ROLE, "role", FIELD_ENUM, REQ | CRIT, ROLE_ADMIN, ROLE_VIEWER, grant_names},
    {ROLE_AREA, "area", FIELD_TEXT, REQ | CRIT, 0, LIMIT_TAG_BYTES, NULL},
};
static const struct field key_certify_fields[] = {
    {CERTIFY_KEY,    "key",    FIELD_BYTES, REQ, SIZE(PUBLIC_KEY_BYTES), NULL},
    {CERTIFY_DEVICE, "device", FIELD_ID,    REQ, SIZE(ID_BYTES), NULL},
};

#define FIELDS(rows) rows, COUNT_OF(rows)
const struct kind roster_kinds[ROSTER_KIND_COUNT] = {
    {KIND_AUTHOR_OPEN, "author.open", EFFECT_FACT, LANE_CONTROL,
     KIND_SEALED | KIND_NO_SUBJECT, 0, FIELDS(author_open_fields)},
    {KIND_SITE_GENESIS, "site.genesis", EFFECT_CHANGE, LANE_CONTROL,
     KIND_OPENS | KIND_FOUNDS, ROLE_BIT(ROLE_ROOT), FIELDS(genesis_fields)},
    {KIND_PERSON_ADD, "person.add", EFFECT_CHANGE, LANE_CONTROL,
     KIND_OPENS, ENROLS, FIELDS(person_add_fields)},
    {KIND_DEVICE_ADD, "device.add", EFFECT_CHANGE, LANE_CONTROL,
     KIND_OPENS, ENROLS, FIELDS(device_add_fields)},
    {KIND_ROLE_GRANT, "role.grant", EFFECT_CHANGE, LANE_CONTROL,
     0, ENROLS, FIELDS(role_grant_fields)},
    {KIND_ROLE_REVOKE, "role.revoke", EFFECT_RESTRICT, LANE_CONTROL,
     0, ENROLS, FIELDS(role_revoke_fields)},
    {KIND_KEY_CERTIFY, "key.certify", EFFECT_FACT, LANE_CONTROL,
     KIND_SEALED | KIND_HUB, 0, FIELDS(key_certify_fields)},
};
// clang-format on

const struct kind *roster_kind_row(uint16_t number) {
    for (size_t i = 0; i < COUNT_OF(roster_kinds); i++) {
        if (roster_kinds[i].number == number) {
            return &roster_kinds[i];
        }
    }
    return NULL;
}

bool public_key_equal(const struct public_key *a, const struct public_key *b) {
    return memcmp(a->b, b->b, PUBLIC_KEY_BYTES) == 0;
}

static bool key_take(struct slice bytes, struct public_key *out_key) {
    static const struct public_key zero = {0};
    if (bytes.len != PUBLIC_KEY_BYTES || memcmp(bytes.data, zero.b, PUBLIC_KEY_BYTES) == 0) {
        return false;
    }
    memcpy(out_key->b, bytes.data, PUBLIC_KEY_BYTES);
    return true;
}

bool roster_body_key(struct slice body, uint16_t tag, struct public_key *out_key) {
    struct slice bytes;
    return body_bytes(body, tag, &bytes) && key_take(bytes, out_key);
}

uint32_t roster_body_roots(struct slice body, struct public_key out_roots[ROSTER_ROOTS_MAX]) {
    struct body_reader reader = body_read(body);
    struct field_value value;
    uint32_t count = 0;
    while (body_next(&reader, &value)) {
        struct public_key key;
        if (value.tag == GENESIS_ROOT_KEY && key_take(value.bytes, &key)) {
            if (count < ROSTER_ROOTS_MAX) {
                out_roots[count] = key;
            }
            count++;
        }
    }
    return count;
}
