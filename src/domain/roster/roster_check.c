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

static uint32_t body_count(struct slice body, uint16_t tag) {
    struct body_reader reader = body_read(body);
    struct field_value value;
    uint32_t count = 0;
    while (body_next(&reader, &value)) {
        count += value.tag == tag ? 1 : 0;
    }
    return count;
}

static enum verdict check_genesis(const struct check_input *input, struct refusal *out) {
    struct slice body = input->content->body;
    struct public_key roots[ROSTER_ROOTS_MAX];
    uint32_t count = roster_body_roots(body, roots);
    uint64_t threshold = 0;
    (void)body_uint(body, GENESIS_THRESHOLD, &threshold);
    if (count == 0 || count > ROSTER_ROOTS_MAX || count != body_count(body, GENESIS_ROOT_KEY) ||
        !roots_are_distinct(roots, count)) {
        return refuse(input, out, REFUSAL_FIELD_RANGE, "root_key");
    }
    if (threshold == 0 || threshold > count) {
        return refuse(input, out, REFUSAL_FIELD_RANGE, "threshold");
    }
    if (!rid_is_zero(input->content->person)) {
        return refuse(input, out, REFUSAL_FORM, "person");
    }
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

static enum verdict check_nothing(const struct check_input *input, struct refusal *out) {
    (void)input;
    (void)out;
    return VERDICT_ACCEPTED;
}

static const struct {
    uint16_t kind;
    enum verdict (*check)(const struct check_input *input, struct refusal *out);
} checks[] = {
    {KIND_AUTHOR_OPEN, check_author},  {KIND_SITE_GENESIS, check_genesis},
    {KIND_PERSON_ADD, check_nothing},  {KIND_DEVICE_ADD, check_device},
    {KIND_ROLE_GRANT, check_grant},    {KIND_ROLE_REVOKE, check_revoke},
    {KIND_KEY_CERTIFY, check_certify},
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
