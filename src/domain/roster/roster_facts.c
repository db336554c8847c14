#include "roster_priv.h"

#include "davy/base/ensure.h"

#include <stdio.h>

#define NEEDS_TWO 2

// Acts that a part of the root keys may only propose.
static const uint16_t by_threshold[] = {KIND_PERSON_ADD,  KIND_DEVICE_ADD,    KIND_ROLE_GRANT,
                                        KIND_ROLE_REVOKE, KIND_DEVICE_REVOKE, KIND_KEY_REVOKE};

uint32_t roster_admin_count(const struct roster *roster, struct utc_ms time) {
    uint32_t count = 0;
    struct rid person;
    for (uint32_t i = 0; roster_person_at(roster, i, &person); i++) {
        count += roster_holds(roster, person, ROLE_BIT(ROLE_ADMIN), NULL, time);
    }
    return count;
}

uint8_t roster_needs(const struct roster *roster, uint16_t kind, enum role role, bool by_root) {
    const struct roster_site *site = roster_site(roster);
    if (site == NULL) {
        return 1;
    }
    if (!by_root) {
        bool two = kind == KIND_ROLE_GRANT && roster_role_is_signing(role) && !site->demo;
        return two ? NEEDS_TWO : 1;
    }
    for (size_t i = 0; i < COUNT_OF(by_threshold); i++) {
        if (by_threshold[i] == kind) {
            return site->threshold;
        }
    }
    return 1;
}

static enum verdict refuse(const struct check_input *input, struct refusal *out,
                           enum refusal_code code, const char *what) {
    const struct kind *kind = roster_kind_row(input->content->kind);
    (void)REFUSE(out, code, kind->name, what);
    if (out != NULL) {
        out->subject = input->subject;
    }
    return VERDICT_REFUSED;
}

static enum verdict check_needs(const struct roster *roster, const struct check_input *input,
                                struct refusal *out) {
    const struct content *content = input->content;
    uint64_t role = 0;
    if (content->kind == KIND_ROLE_GRANT) {
        (void)body_uint(content->body, ROLE_ROLE, &role);
    }
    uint8_t needs =
        roster_needs(roster, content->kind, (enum role)role, rid_is_zero(content->person));
    if (roster_body_needs(content->body) >= needs) {
        return VERDICT_ACCEPTED;
    }
    char count[8];
    (void)snprintf(count, sizeof(count), "%u", needs);
    return refuse(input, out, REFUSAL_TWO_PERSONS, count);
}

// A root act is seconded by root keys, an admin's by another admin; the one admin of a site by any
// root key.
static enum verdict check_second(const struct roster *roster, const struct check_input *input,
                                 struct refusal *out) {
    const struct roster_state *state = input->state;
    const struct content *content = input->content;
    bool root = rid_is_zero(content->person);
    if (state == NULL || state->what == ROSTER_SITE) {
        return root ? VERDICT_ACCEPTED : refuse(input, out, REFUSAL_RIGHT_MISSING, "root");
    }
    const struct roster_proposal *row = roster_proposal_of(state, content);
    if (row == NULL) {
        return refuse(input, out, REFUSAL_REF_UNKNOWN, "refs");
    }
    struct roster_key_owner owner;
    if (root && (!roster_key(roster, content->key, &owner) || owner.which != ROOT_NOW)) {
        return refuse(input, out, REFUSAL_KEY_UNKNOWN, "root");
    }
    if (row->by_root) {
        return root ? VERDICT_ACCEPTED : refuse(input, out, REFUSAL_RIGHT_MISSING, "root");
    }
    return root && roster_admin_count(roster, content->time) > 1
               ? refuse(input, out, REFUSAL_TWO_PERSONS, role_name(ROLE_ADMIN))
               : VERDICT_ACCEPTED;
}

static enum verdict check_roots(const struct roster *roster, const struct check_input *input,
                                struct refusal *out) {
    struct roster_key_owner owner;
    return roster_key(roster, input->content->key, &owner) && owner.which == ROOT_NOW
               ? VERDICT_ACCEPTED
               : refuse(input, out, REFUSAL_KEY_UNKNOWN, "root");
}

// A key belongs to one person; whoever brought another's would take its acts away.
static enum verdict check_key_free(const struct roster *roster, const struct check_input *input,
                                   uint16_t tag, struct refusal *out) {
    struct roster_key_owner owner;
    struct public_key key;
    if (!roster_body_key(input->content->body, tag, &key) ||
        !roster_key(roster, key_id_of(&key), &owner) ||
        (!owner.root && rid_equal(owner.person, input->subject))) {
        return VERDICT_ACCEPTED;
    }
    return refuse(input, out, REFUSAL_SUBJECT_EXISTS, "key");
}

enum verdict roster_check_facts(const struct roster *roster, const struct check_input *input,
                                struct refusal *out_refusal) {
    switch (input->content->kind) {
    case KIND_PERSON_ADD:
    case KIND_DEVICE_ADD:
    case KIND_ROLE_GRANT:
    case KIND_ROLE_REVOKE:
    case KIND_DEVICE_REVOKE:
    case KIND_KEY_REVOKE:
        return check_needs(roster, input, out_refusal);
    case KIND_ROSTER_SECOND:
        return check_second(roster, input, out_refusal);
    case KIND_ROOTS_CHANGE:
        return check_roots(roster, input, out_refusal);
    case KIND_PERSON_WITNESS:
        return check_key_free(roster, input, WITNESS_KEY, out_refusal);
    case KIND_KEY_CERTIFY:
        return check_key_free(roster, input, CERTIFY_KEY, out_refusal);
    default:
        return VERDICT_ACCEPTED;
    }
}
