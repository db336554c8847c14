#include "roster_priv.h"

#include "davy/base/ensure.h"

#include <string.h>

#define ENROLS (ROLE_BIT(ROLE_ROOT) | ROLE_BIT(ROLE_ADMIN))
#define REVIEWS (ROLE_BIT(ROLE_ADMIN) | ROLE_BIT(ROLE_SAFETY))

static const char *const device_kinds[] = {
    [DEVICE_HUB] = "hub",     [DEVICE_CONSOLE] = "console", [DEVICE_HANDHELD] = "handheld",
    [DEVICE_CHILD] = "child", [DEVICE_PARENT] = "parent",
};
static const char *const decisions[] = {
    [REVIEW_RELEASE] = "release",
    [REVIEW_REJECT] = "reject",
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
// A reader that does not know this must not take a proposal for the thing done.
#define NEEDS                                                                                      \
    { ROSTER_NEEDS, "needs", FIELD_UINT, FIELD_CRITICAL, 2, ROSTER_SIGNERS_MAX, NULL }

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
    {PERSON_NAME,     "name",     FIELD_TEXT, REQ, 1, LIMIT_NAME_BYTES, NULL},
    {PERSON_NUMBER,   "number",   FIELD_TEXT, REQ, 1, LIMIT_TAG_BYTES, NULL},
    {PERSON_EMPLOYER, "employer", FIELD_TEXT, 0, 0, LIMIT_NAME_BYTES, NULL},
    {PERSON_JOB, "job", FIELD_TEXT, 0, 0, LIMIT_NAME_BYTES, NULL},
    NEEDS,
};
static const struct field device_add_fields[] = {
    {DEVICE_NAME,    "name",        FIELD_TEXT,  REQ, 1, LIMIT_NAME_BYTES, NULL},
    {DEVICE_KIND,    "device_kind", FIELD_ENUM,  REQ, DEVICE_HUB, DEVICE_KIND_LAST, device_kinds},
    {DEVICE_KEY,     "key",         FIELD_BYTES, REQ, SIZE(PUBLIC_KEY_BYTES), NULL},
    {DEVICE_ACCOUNT, "account",     FIELD_TEXT,  0,   0, LIMIT_TAG_BYTES, NULL},
    NEEDS,
    {DEVICE_SITE,     "site",       FIELD_ID,    CRIT, SIZE(ID_BYTES), NULL},
    {DEVICE_AUDIENCE, "audience",   FIELD_UINT,  CRIT, AUDIENCE_PARK, AUDIENCE_CITY, NULL},
    {DEVICE_ORDERS,   "order_kind", FIELD_UINT,  REP | CRIT, 1, UINT16_MAX, NULL},
};
// A reader that does not know an end or an area must not take the role for more than it is.
static const struct field role_grant_fields[] = {
    {ROLE_ROLE,  "role",  FIELD_ENUM, REQ | CRIT, ROLE_ADMIN, ROLE_VIEWER, grant_names},
    {ROLE_AREA,  "area",  FIELD_TEXT, REQ | CRIT, 0, LIMIT_TAG_BYTES, NULL},
    {ROLE_FROM,  "from",  FIELD_TIME, CRIT, 0, 0, NULL},
    {ROLE_UNTIL, "until", FIELD_TIME, CRIT, 0, 0, NULL},
    NEEDS,
};
static const struct field role_revoke_fields[] = {
    {ROLE_ROLE, "role", FIELD_ENUM, REQ | CRIT, ROLE_ADMIN, ROLE_VIEWER, grant_names},
    {ROLE_AREA, "area", FIELD_TEXT, REQ | CRIT, 0, LIMIT_TAG_BYTES, NULL},
    NEEDS,
};
static const struct field key_certify_fields[] = {
    {CERTIFY_KEY,    "key",    FIELD_BYTES, REQ, SIZE(PUBLIC_KEY_BYTES), NULL},
    {CERTIFY_DEVICE, "device", FIELD_ID,    REQ, SIZE(ID_BYTES), NULL},
};
static const struct field device_revoke_fields[] = {
    {REVOKE_REASON, "reason", FIELD_TEXT,  REQ, 1, LIMIT_COMMENT_BYTES, NULL},
    {REVOKE_GOOD,   "good",   FIELD_BYTES, REP | CRIT, SIZE(ROSTER_GOOD_BYTES), NULL},
    NEEDS,
};
static const struct field key_revoke_fields[] = {
    {REVOKE_REASON, "reason", FIELD_TEXT,  REQ, 1, LIMIT_COMMENT_BYTES, NULL},
    {REVOKE_GOOD,   "good",   FIELD_BYTES, REP | CRIT, SIZE(ROSTER_GOOD_BYTES), NULL},
    {REVOKE_KEY,    "key",    FIELD_ID,    REQ | CRIT, SIZE(ID_BYTES), NULL},
    NEEDS,
};
static const struct field review_decide_fields[] = {
    {REVIEW_RECORD,   "record",   FIELD_ID,   REQ | REP | CRIT, SIZE(ID_BYTES), NULL},
    {REVIEW_DECISION, "decision", FIELD_ENUM, REQ | CRIT, REVIEW_RELEASE, REVIEW_REJECT, decisions},
    {REVIEW_REASON,   "reason",   FIELD_TEXT, REQ, 1, LIMIT_COMMENT_BYTES, NULL},
};
static const struct field roots_change_fields[] = {
    {ROOTS_KEY,       "root_key",  FIELD_BYTES, REQ | REP | CRIT, SIZE(PUBLIC_KEY_BYTES), NULL},
    {ROOTS_THRESHOLD, "threshold", FIELD_UINT,  REQ | CRIT, 1, ROSTER_ROOTS_MAX, NULL},
};
// A worker signed in without a link can hold no role that needs two admins.
static const struct field person_witness_fields[] = {
    {PERSON_NAME,     "name",     FIELD_TEXT,  REQ, 1, LIMIT_NAME_BYTES, NULL},
    {PERSON_NUMBER,   "number",   FIELD_TEXT,  REQ, 1, LIMIT_TAG_BYTES, NULL},
    {PERSON_EMPLOYER, "employer", FIELD_TEXT,  0, 0, LIMIT_NAME_BYTES, NULL},
    {PERSON_JOB,      "job",      FIELD_TEXT,  0, 0, LIMIT_NAME_BYTES, NULL},
    {WITNESS_KEY,     "key",      FIELD_BYTES, REQ | CRIT, SIZE(PUBLIC_KEY_BYTES), NULL},
    {WITNESS_ROLE,    "role",     FIELD_ENUM,  REQ | CRIT, ROLE_ADMIN, ROLE_VIEWER, grant_names},
    {WITNESS_AREA,    "area",     FIELD_TEXT,  REQ | REP | CRIT, 0, LIMIT_TAG_BYTES, NULL},
    {WITNESS_FROM,    "from",     FIELD_TIME,  REQ | CRIT, 0, 0, NULL},
    {WITNESS_UNTIL,   "until",    FIELD_TIME,  REQ | CRIT, 0, 0, NULL},
};
static const struct field revoke_heads_fields[] = {
    {REVOKE_GOOD, "good", FIELD_BYTES, REP | CRIT, SIZE(ROSTER_GOOD_BYTES), NULL},
    {REVOKE_KEY,  "key",  FIELD_ID,    CRIT, SIZE(ID_BYTES), NULL},
};

static const struct field author_fork_fields[] = {
    {FORK_AUTHOR,   "author",   FIELD_ID,    REQ, SIZE(ID_BYTES), NULL},
    {FORK_LANE,     "lane",     FIELD_UINT,  REQ, 0, LANE_COUNT - 1, NULL},
    {FORK_AUDIENCE, "audience", FIELD_UINT,  REQ, 0, AUDIENCE_COUNT - 1, NULL},
    {FORK_SEQ,      "seq",      FIELD_UINT,  REQ, 1, INT64_MAX, NULL},
    {FORK_HASH,     "hash",     FIELD_BYTES, REQ, SIZE(HASH_BYTES), NULL},
    {FORK_SEAL,     "seal",     FIELD_BYTES, REQ, SIZE(SIGNATURE_BYTES), NULL},
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
    {KIND_DEVICE_REVOKE, "device.revoke", EFFECT_RESTRICT, LANE_CONTROL,
     0, ENROLS, FIELDS(device_revoke_fields)},
    {KIND_KEY_REVOKE, "key.revoke", EFFECT_RESTRICT, LANE_CONTROL,
     0, ENROLS, FIELDS(key_revoke_fields)},
    {KIND_REVIEW_DECIDE, "review.decide", EFFECT_FACT, LANE_CONTROL,
     KIND_MANY | KIND_NAMED, REVIEWS, FIELDS(review_decide_fields)},
    {KIND_ROSTER_SECOND, "roster.second", EFFECT_CHANGE, LANE_CONTROL,
     0, ENROLS, NULL, 0},
    {KIND_ROOTS_CHANGE, "roots.change", EFFECT_CHANGE, LANE_CONTROL,
     0, ROLE_BIT(ROLE_ROOT), FIELDS(roots_change_fields)},
    {KIND_PERSON_WITNESS, "person.witness", EFFECT_CHANGE, LANE_CONTROL,
     KIND_OPENS, ROLE_BIT(ROLE_SHIFT_LEADER), FIELDS(person_witness_fields)},
    {KIND_REVOKE_HEADS, "revoke.heads", EFFECT_FACT, LANE_CONTROL,
     KIND_SEALED | KIND_HUB, 0, FIELDS(revoke_heads_fields)},
    {KIND_AUTHOR_FORK, "author.fork", EFFECT_FACT, LANE_CONTROL,
     KIND_SEALED | KIND_HUB, 0, FIELDS(author_fork_fields)},
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

// Roles whose holders sign for the safety of others.
static const uint32_t signing_roles = ROLE_BIT(ROLE_ADMIN) | ROLE_BIT(ROLE_SHIFT_LEADER) |
                                      ROLE_BIT(ROLE_SAFETY) | ROLE_BIT(ROLE_GUARDIAN) |
                                      ROLE_BIT(ROLE_APPROVER);

bool roster_role_is_signing(enum role role) {
    return (signing_roles & ROLE_BIT(role)) != 0;
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

uint32_t roster_body_roots(struct slice body, uint16_t tag,
                           struct public_key out_roots[ROSTER_ROOTS_MAX]) {
    struct body_reader reader = body_read(body);
    struct field_value value;
    uint32_t count = 0;
    while (body_next(&reader, &value)) {
        struct public_key key;
        if (value.tag == tag && key_take(value.bytes, &key)) {
            if (count < ROSTER_ROOTS_MAX) {
                out_roots[count] = key;
            }
            count++;
        }
    }
    return count;
}

uint32_t roster_body_count(struct slice body, uint16_t tag) {
    struct body_reader reader = body_read(body);
    struct field_value value;
    uint32_t count = 0;
    while (body_next(&reader, &value)) {
        count += value.tag == tag ? 1 : 0;
    }
    return count;
}

bool roster_body_id(struct slice body, uint16_t tag, struct id16 *out_id) {
    struct slice bytes;
    if (!body_bytes(body, tag, &bytes) || bytes.len != ID_BYTES) {
        return false;
    }
    memcpy(out_id->b, bytes.data, ID_BYTES);
    return true;
}

uint8_t roster_body_needs(struct slice body) {
    uint64_t needs = 1;
    (void)body_uint(body, ROSTER_NEEDS, &needs);
    return (uint8_t)(needs < ROSTER_SIGNERS_MAX ? needs : ROSTER_SIGNERS_MAX);
}

bool roster_good_read(struct slice bytes, struct roster_good *out_good) {
    struct reader reader = reader_of(bytes);
    struct roster_good good = {.of = 0};
    reader_copy(&reader, good.author.id.b, ID_BYTES);
    good.lane = reader_u8(&reader);
    good.audience = reader_u8(&reader);
    good.seq = reader_u64(&reader);
    if (reader_done(&reader) != RC_OK || good.lane >= LANE_COUNT ||
        good.audience >= AUDIENCE_COUNT) {
        return false;
    }
    *out_good = good;
    return true;
}

void roster_good_put(struct body *body, const struct chain_id *chain, uint64_t seq) {
    struct buf bytes;
    buf_init(&bytes, ROSTER_GOOD_BYTES);
    buf_put(&bytes, chain->author.id.b, ID_BYTES);
    buf_put_u8(&bytes, chain->lane);
    buf_put_u8(&bytes, chain->audience);
    buf_put_u64(&bytes, seq);
    body_put_bytes(body, REVOKE_GOOD, bytes.data, bytes.len);
    buf_fini(&bytes);
}

#define REVIEW_DOMAIN "davy/review/1"

struct rid roster_review_subject(struct rid record) {
    struct slice parts[] = {slice_text(REVIEW_DOMAIN), slice_of(record.id.b, ID_BYTES)};
    struct hash32 hash;
    struct rid subject;
    hash_parts(parts, COUNT_OF(parts), &hash);
    memcpy(subject.id.b, hash.b, ID_BYTES);
    return subject;
}
