#include "roster_priv.h"

#include "davy/base/ensure.h"

#include <string.h>

static enum verdict refuse(const struct check_input *input, struct refusal *out,
                           enum refusal_code code, const char *field) {
    const struct kind *kind = roster_kind_row(input->content->kind);
    (void)REFUSE(out, code, kind->name, field);
    if (out != NULL) {
        out->subject = input->subject;
    }
    return VERDICT_REFUSED;
}

static enum verdict hold(const struct check_input *input, struct refusal *out,
                         enum refusal_code code) {
    (void)refuse(input, out, code, "");
    return VERDICT_HELD;
}

static bool roots_are_distinct(const struct public_key *roots, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (public_key_equal(&roots[i], &roots[k])) {
                return false;
            }
        }
    }
    return true;
}

static bool key_is_among(struct key_id key, const struct public_key *keys, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (id16_equal(key.id, key_id_of(&keys[i]).id)) {
            return true;
        }
    }
    return false;
}

// A set of root keys and how many of them must sign.
static enum verdict check_roots(const struct check_input *input, uint16_t key_tag,
                                uint16_t threshold_tag, struct refusal *out) {
    struct slice body = input->content->body;
    struct public_key roots[ROSTER_ROOTS_MAX];
    uint32_t count = roster_body_roots(body, key_tag, roots);
    uint64_t threshold = 0;
    (void)body_uint(body, threshold_tag, &threshold);
    if (count == 0 || count > ROSTER_ROOTS_MAX || count != roster_body_count(body, key_tag) ||
        !roots_are_distinct(roots, count)) {
        return refuse(input, out, REFUSAL_FIELD_RANGE, "root_key");
    }
    if (threshold == 0 || threshold > count) {
        return refuse(input, out, REFUSAL_FIELD_RANGE, "threshold");
    }
    if (!rid_is_zero(input->content->person)) {
        return refuse(input, out, REFUSAL_FORM, "person");
    }
    return VERDICT_ACCEPTED;
}

static enum verdict check_genesis(const struct check_input *input, struct refusal *out) {
    struct public_key roots[ROSTER_ROOTS_MAX];
    enum verdict verdict = check_roots(input, GENESIS_ROOT_KEY, GENESIS_THRESHOLD, out);
    if (verdict != VERDICT_ACCEPTED) {
        return verdict;
    }
    uint32_t count = roster_body_roots(input->content->body, GENESIS_ROOT_KEY, roots);
    if (!key_is_among(input->content->key, roots, count)) {
        return refuse(input, out, REFUSAL_KEY_UNKNOWN, "key");
    }
    return VERDICT_ACCEPTED;
}

static enum verdict check_device(const struct check_input *input, struct refusal *out) {
    struct public_key key;
    if (!roster_body_key(input->content->body, DEVICE_KEY, &key)) {
        return refuse(input, out, REFUSAL_FIELD_RANGE, "key");
    }
    // A child is pinned by its genesis, and by nothing else.
    uint64_t kind = 0;
    struct slice site;
    (void)body_uint(input->content->body, DEVICE_KIND, &kind);
    if ((kind == DEVICE_CHILD) != body_bytes(input->content->body, DEVICE_SITE, &site)) {
        return refuse(input, out, REFUSAL_FIELD_MISSING, "site");
    }
    if (kind == DEVICE_CHILD &&
        (site.len != ID_BYTES || memcmp(input->content->site.id.b, site.data, ID_BYTES) == 0)) {
        return refuse(input, out, REFUSAL_FIELD_RANGE, "site");
    }
    return VERDICT_ACCEPTED;
}

static enum verdict check_author(const struct check_input *input, struct refusal *out) {
    struct public_key key;
    if (!roster_body_key(input->content->body, AUTHOR_OPEN_DEVICE_KEY, &key)) {
        return refuse(input, out, REFUSAL_FIELD_RANGE, "device_key");
    }
    return VERDICT_ACCEPTED;
}

static const struct roster_person *input_person(const struct check_input *input) {
    const struct roster_state *state = input->state;
    return state != NULL && state->what == ROSTER_PERSON ? &state->as.person : NULL;
}

static const struct roster_device *input_device(const struct check_input *input) {
    const struct roster_state *state = input->state;
    return state != NULL && state->what == ROSTER_DEVICE ? &state->as.device : NULL;
}

// Room for one more proposal; one about the same matter takes the place of the other anyway.
static bool proposal_has_slot(const struct check_input *input) {
    const struct roster_state *state = input->state;
    return roster_body_needs(input->content->body) <= 1 || state == NULL ||
           state->proposal_count < ROSTER_PROPOSALS_MAX;
}

static bool role_has_slot(const struct roster_person *person, struct slice body) {
    if (person->role_count < ROSTER_PERSON_ROLES_MAX) {
        return true;
    }
    uint64_t role = 0;
    char area[LIMIT_TAG_BYTES + 1];
    (void)body_uint(body, ROLE_ROLE, &role);
    body_text(body, ROLE_AREA, area, sizeof(area));
    for (uint8_t i = 0; i < person->role_count; i++) {
        if (person->roles[i].role == role && strcmp(person->roles[i].area, area) == 0) {
            return true;
        }
    }
    return false;
}

static enum verdict check_grant(const struct check_input *input, struct refusal *out) {
    const struct roster_person *person = input_person(input);
    struct slice body = input->content->body;
    int64_t from = 0;
    int64_t until = 0;
    if (person == NULL) {
        return refuse(input, out, REFUSAL_SUBJECT_UNKNOWN, "subjects");
    }
    (void)body_int(body, ROLE_FROM, &from);
    (void)body_int(body, ROLE_UNTIL, &until);
    if (until != 0 && until <= from) {
        return refuse(input, out, REFUSAL_FIELD_RANGE, "until");
    }
    if (!role_has_slot(person, body)) {
        return refuse(input, out, REFUSAL_TOO_LARGE, "role");
    }
    if (!proposal_has_slot(input)) {
        return refuse(input, out, REFUSAL_TOO_LARGE, "proposals");
    }
    return VERDICT_ACCEPTED;
}

static enum verdict check_revoke(const struct check_input *input, struct refusal *out) {
    if (input_person(input) == NULL) {
        return refuse(input, out, REFUSAL_SUBJECT_UNKNOWN, "subjects");
    }
    return VERDICT_ACCEPTED;
}

static enum verdict check_certify(const struct check_input *input, struct refusal *out) {
    const struct roster_person *person = input_person(input);
    struct public_key key;
    if (!roster_body_key(input->content->body, CERTIFY_KEY, &key)) {
        return refuse(input, out, REFUSAL_FIELD_RANGE, "key");
    }
    if (person == NULL) {
        return hold(input, out, REFUSAL_SUBJECT_UNKNOWN);
    }
    if (person->key_count == ROSTER_PERSON_KEYS_MAX) {
        return refuse(input, out, REFUSAL_TOO_LARGE, "key");
    }
    return VERDICT_ACCEPTED;
}

static bool goods_are_wellformed(struct slice body) {
    struct body_reader reader = body_read(body);
    struct field_value value;
    while (body_next(&reader, &value)) {
        struct roster_good good;
        if (value.tag == REVOKE_GOOD && !roster_good_read(value.bytes, &good)) {
            return false;
        }
    }
    return true;
}

// A list of good places belongs to an act that is done by its one signer.
static enum verdict check_goods(const struct check_input *input, struct refusal *out) {
    struct slice body = input->content->body;
    bool listed = roster_body_count(body, REVOKE_GOOD) > 0;
    if (!goods_are_wellformed(body) || (listed && roster_body_needs(body) > 1)) {
        return refuse(input, out, REFUSAL_FIELD_RANGE, "good");
    }
    if (!proposal_has_slot(input)) {
        return refuse(input, out, REFUSAL_TOO_LARGE, "proposals");
    }
    return VERDICT_ACCEPTED;
}

// A hub is replaced by another incarnation or another machine; its log cannot be taken back.
static enum verdict check_device_revoke(const struct check_input *input, struct refusal *out) {
    const struct roster_device *device = input_device(input);
    if (device == NULL) {
        return refuse(input, out, REFUSAL_SUBJECT_UNKNOWN, "subjects");
    }
    if (device->kind == DEVICE_HUB) {
        return refuse(input, out, REFUSAL_STATE, "hub");
    }
    return check_goods(input, out);
}

static bool person_has_key(const struct roster_person *person, struct key_id key) {
    for (uint8_t i = 0; i < person->key_count; i++) {
        if (id16_equal(key_id_of(&person->keys[i].key).id, key.id)) {
            return true;
        }
    }
    return false;
}

static enum verdict check_key_revoke(const struct check_input *input, struct refusal *out) {
    const struct roster_person *person = input_person(input);
    struct key_id key;
    if (person == NULL) {
        return refuse(input, out, REFUSAL_SUBJECT_UNKNOWN, "subjects");
    }
    if (!roster_body_id(input->content->body, REVOKE_KEY, &key.id) ||
        !person_has_key(person, key)) {
        return refuse(input, out, REFUSAL_KEY_UNKNOWN, "key");
    }
    return check_goods(input, out);
}

static enum verdict check_heads(const struct check_input *input, struct refusal *out) {
    if (input_person(input) == NULL && input_device(input) == NULL) {
        return hold(input, out, REFUSAL_SUBJECT_UNKNOWN);
    }
    return check_goods(input, out);
}

// The reviews named as subjects are those of the records, one by one.
static enum verdict check_review(const struct check_input *input, struct refusal *out) {
    const struct content *content = input->content;
    struct body_reader reader = body_read(content->body);
    struct field_value value;
    uint16_t at = 0;
    while (body_next(&reader, &value)) {
        struct rid record;
        if (value.tag != REVIEW_RECORD) {
            continue;
        }
        if (at >= content->subject_count || value.bytes.len != ID_BYTES) {
            return refuse(input, out, REFUSAL_SUBJECT_COUNT, "record");
        }
        memcpy(record.id.b, value.bytes.data, ID_BYTES);
        if (!rid_equal(roster_review_subject(record), content->subjects[at++])) {
            return refuse(input, out, REFUSAL_SUBJECT_COUNT, "record");
        }
    }
    return at == content->subject_count ? VERDICT_ACCEPTED
                                        : refuse(input, out, REFUSAL_SUBJECT_COUNT, "record");
}

static enum verdict check_second(const struct check_input *input, struct refusal *out) {
    const struct roster_state *state = input->state;
    const struct content *content = input->content;
    struct id16 signer = roster_signer(content);
    if (state == NULL) {
        return refuse(input, out, REFUSAL_SUBJECT_UNKNOWN, "subjects");
    }
    if (state->what == ROSTER_SITE) {
        const struct roster_site *site = &state->as.site;
        if (!roster_seconds_roots(site, content)) {
            return refuse(input, out, REFUSAL_REF_UNKNOWN, "refs");
        }
        return roster_signed_already(site->next_signers, site->next_signer_count, signer)
                   ? refuse(input, out, REFUSAL_TWO_PERSONS, "")
                   : VERDICT_ACCEPTED;
    }
    const struct roster_proposal *row = roster_proposal_of(state, content);
    if (row == NULL) {
        return refuse(input, out, REFUSAL_REF_UNKNOWN, "refs");
    }
    return roster_signed_already(row->signers, row->signer_count, signer)
               ? refuse(input, out, REFUSAL_TWO_PERSONS, "")
               : VERDICT_ACCEPTED;
}

static enum verdict check_roots_change(const struct check_input *input, struct refusal *out) {
    const struct roster_state *state = input->state;
    if (state == NULL || state->what != ROSTER_SITE) {
        return refuse(input, out, REFUSAL_SUBJECT_UNKNOWN, "subjects");
    }
    const struct roster_site *site = &state->as.site;
    if (site->retired_count + site->root_count > ROSTER_ROOTS_RETIRED_MAX) {
        return refuse(input, out, REFUSAL_TOO_LARGE, "root_key");
    }
    return check_roots(input, ROOTS_KEY, ROOTS_THRESHOLD, out);
}

static enum verdict check_witness(const struct check_input *input, struct refusal *out) {
    struct slice body = input->content->body;
    struct public_key key;
    int64_t from = 0;
    int64_t until = 0;
    uint64_t role = 0;
    (void)body_int(body, WITNESS_FROM, &from);
    (void)body_int(body, WITNESS_UNTIL, &until);
    (void)body_uint(body, WITNESS_ROLE, &role);
    if (!roster_body_key(body, WITNESS_KEY, &key)) {
        return refuse(input, out, REFUSAL_FIELD_RANGE, "key");
    }
    if (roster_role_is_signing((enum role)role)) {
        return refuse(input, out, REFUSAL_FIELD_RANGE, "role");
    }
    if (until <= from || until - from > LIMIT_WITNESS_MS) {
        return refuse(input, out, REFUSAL_FIELD_RANGE, "until");
    }
    if (roster_body_count(body, WITNESS_AREA) > ROSTER_PERSON_ROLES_MAX) {
        return refuse(input, out, REFUSAL_TOO_LARGE, "area");
    }
    return VERDICT_ACCEPTED;
}

static enum verdict check_nothing(const struct check_input *input, struct refusal *out) {
    (void)input;
    (void)out;
    return VERDICT_ACCEPTED;
}

static const struct {
    uint16_t kind;
    enum verdict (*check)(const struct check_input *input, struct refusal *out);
} checks[] = {
    {KIND_AUTHOR_OPEN, check_author},     {KIND_SITE_GENESIS, check_genesis},
    {KIND_PERSON_ADD, check_nothing},     {KIND_DEVICE_ADD, check_device},
    {KIND_ROLE_GRANT, check_grant},       {KIND_ROLE_REVOKE, check_revoke},
    {KIND_KEY_CERTIFY, check_certify},    {KIND_DEVICE_REVOKE, check_device_revoke},
    {KIND_KEY_REVOKE, check_key_revoke},  {KIND_REVIEW_DECIDE, check_review},
    {KIND_ROSTER_SECOND, check_second},   {KIND_ROOTS_CHANGE, check_roots_change},
    {KIND_PERSON_WITNESS, check_witness}, {KIND_REVOKE_HEADS, check_heads},
    {KIND_AUTHOR_FORK, check_nothing},
};

enum verdict roster_check(const struct check_input *input, struct refusal *out_refusal) {
    const struct roster_state *state = input->state;
    const struct kind *kind = roster_kind_row(input->content->kind);
    if (kind == NULL) {
        (void)REFUSE(out_refusal, REFUSAL_KIND_UNKNOWN, "");
        return VERDICT_REFUSED;
    }
    if ((kind->flags & KIND_OPENS) != 0 && state != NULL && state->what != ROSTER_NOTHING) {
        return refuse(input, out_refusal, REFUSAL_SUBJECT_EXISTS, "");
    }
    if (kind->effect == EFFECT_CHANGE && state != NULL && state->needs_newer) {
        return hold(input, out_refusal, REFUSAL_NEEDS_NEWER);
    }
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        if (checks[i].kind == kind->number) {
            return checks[i].check(input, out_refusal);
        }
    }
    return VERDICT_REFUSED;
}
