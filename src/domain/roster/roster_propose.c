#include "roster_priv.h"

#include "davy/base/ensure.h"

#include <string.h>

struct id16 roster_signer(const struct content *content) {
    return rid_is_zero(content->person) ? content->key.id : content->person.id;
}

bool roster_signed_already(const struct id16 *signers, uint8_t count, struct id16 signer) {
    for (uint8_t i = 0; i < count; i++) {
        if (id16_equal(signers[i], signer)) {
            return true;
        }
    }
    return false;
}

static void drop(struct roster_state *state, uint8_t at) {
    struct roster_proposal *slot = &state->proposals[at];
    state->proposal_count--;
    memmove(slot, slot + 1, (size_t)(state->proposal_count - at) * sizeof(*slot));
    memset(&state->proposals[state->proposal_count], 0, sizeof(*slot));
}

static bool same_matter(const struct roster_proposal *a, const struct roster_proposal *b) {
    return a->kind == b->kind && a->role.role == b->role.role &&
           strcmp(a->role.area, b->role.area) == 0 && id16_equal(a->key.id, b->key.id);
}

static void fill(struct roster_proposal *row, const struct fold_entry *entry, uint8_t needs) {
    struct slice body = entry->content->body;
    struct role_of role;
    row->rid = entry->rid;
    row->kind = entry->content->kind;
    row->needs = needs;
    row->by_root = rid_is_zero(entry->content->person);
    row->signers[0] = roster_signer(entry->content);
    row->signer_count = 1;
    if ((row->kind == KIND_ROLE_GRANT || row->kind == KIND_ROLE_REVOKE) &&
        roster_role_read(body, &role)) {
        row->role.role = (uint8_t)role.role;
        memcpy(row->role.area, role.area, strlen(role.area));
        (void)body_int(body, ROLE_FROM, &row->role.from.v);
        (void)body_int(body, ROLE_UNTIL, &row->role.until.v);
    } else if (row->kind == KIND_KEY_REVOKE) {
        (void)roster_body_id(body, REVOKE_KEY, &row->key.id);
    }
}

bool roster_propose(struct roster_state *state, const struct fold_entry *entry) {
    bool witness = entry->content->kind == KIND_PERSON_WITNESS;
    uint8_t needs = witness ? 2 : roster_body_needs(entry->content->body);
    if (needs <= 1) {
        return false;
    }
    struct roster_proposal row;
    memset(&row, 0, sizeof(row));
    fill(&row, entry, needs);
    // The same matter proposed again takes the place of the earlier proposal and its signers.
    for (uint8_t i = 0; i < state->proposal_count; i++) {
        if (same_matter(&state->proposals[i], &row)) {
            drop(state, i);
            break;
        }
    }
    if (state->proposal_count < ROSTER_PROPOSALS_MAX) {
        memmove(&state->proposals[state->proposal_count++], &row, sizeof(row));
    }
    return true;
}

static void apply(struct roster_state *state, const struct roster_proposal *row) {
    switch (row->kind) {
    case KIND_PERSON_ADD:
    case KIND_DEVICE_ADD:
    case KIND_PERSON_WITNESS:
        state->proposed = false;
        break;
    case KIND_ROLE_GRANT:
        roster_role_grant(&state->as.person, &row->role);
        break;
    case KIND_ROLE_REVOKE:
        roster_role_revoke(state, &row->role);
        break;
    case KIND_DEVICE_REVOKE:
        state->as.device.revoked = true;
        break;
    case KIND_KEY_REVOKE:
        roster_key_revoke(&state->as.person, row->key);
        break;
    default:
        break;
    }
}

const struct roster_proposal *roster_proposal_of(const struct roster_state *state,
                                                 const struct content *content) {
    for (uint16_t r = 0; r < content->ref_count; r++) {
        for (uint8_t i = 0; i < state->proposal_count; i++) {
            if (rid_equal(state->proposals[i].rid, content->refs[r])) {
                return &state->proposals[i];
            }
        }
    }
    return NULL;
}

// ---- Roots ----

static uint8_t signed_of(const struct roster_site *site, const struct public_key *roots,
                         uint8_t count) {
    uint8_t signers = 0;
    for (uint8_t i = 0; i < count; i++) {
        signers += roster_signed_already(site->next_signers, site->next_signer_count,
                                         key_id_of(&roots[i]).id);
    }
    return signers;
}

static void retire(struct roster_site *site, const struct public_key *key) {
    for (uint8_t i = 0; i < site->next.count; i++) {
        if (public_key_equal(&site->next.keys[i], key)) {
            return; // it goes on
        }
    }
    if (site->retired_count < ROSTER_ROOTS_RETIRED_MAX) {
        site->retired[site->retired_count++] = *key;
    }
}

// The old threshold of the old roots and the new threshold of the new ones.
static void roots_try(struct roster_site *site) {
    if (signed_of(site, site->roots, site->root_count) < site->threshold ||
        signed_of(site, site->next.keys, site->next.count) < site->next.threshold) {
        return;
    }
    for (uint8_t i = 0; i < site->root_count; i++) {
        retire(site, &site->roots[i]);
    }
    memset(site->roots, 0, sizeof(site->roots));
    memcpy(site->roots, site->next.keys, sizeof(site->roots));
    site->root_count = site->next.count;
    site->threshold = site->next.threshold;
    memset(&site->next_rid, 0, sizeof(site->next_rid));
    memset(&site->next, 0, sizeof(site->next));
    memset(site->next_signers, 0, sizeof(site->next_signers));
    site->next_signer_count = 0;
}

static void roots_sign(struct roster_site *site, struct id16 signer) {
    if (site->next_signer_count < COUNT_OF(site->next_signers) &&
        !roster_signed_already(site->next_signers, site->next_signer_count, signer)) {
        site->next_signers[site->next_signer_count++] = signer;
    }
    roots_try(site);
}

void roster_fold_roots(struct roster_state *state, const struct fold_entry *entry) {
    struct roster_site *site = &state->as.site;
    uint64_t threshold = 0;
    if (state->what != ROSTER_SITE) {
        return;
    }
    memset(&site->next, 0, sizeof(site->next));
    memset(site->next_signers, 0, sizeof(site->next_signers));
    site->next_signer_count = 0;
    uint32_t count = roster_body_roots(entry->content->body, ROOTS_KEY, site->next.keys);
    (void)body_uint(entry->content->body, ROOTS_THRESHOLD, &threshold);
    site->next.count = (uint8_t)(count < ROSTER_ROOTS_MAX ? count : ROSTER_ROOTS_MAX);
    site->next.threshold = (uint8_t)(threshold < ROSTER_ROOTS_MAX ? threshold : ROSTER_ROOTS_MAX);
    site->next_rid = entry->rid;
    roots_sign(site, roster_signer(entry->content));
}

bool roster_seconds_roots(const struct roster_site *site, const struct content *content) {
    for (uint16_t r = 0; r < content->ref_count; r++) {
        if (!rid_is_zero(site->next_rid) && rid_equal(site->next_rid, content->refs[r])) {
            return true;
        }
    }
    return false;
}

void roster_fold_second(struct roster_state *state, const struct fold_entry *entry) {
    const struct content *content = entry->content;
    struct id16 signer = roster_signer(content);
    if (state->what == ROSTER_SITE) {
        if (roster_seconds_roots(&state->as.site, content)) {
            roots_sign(&state->as.site, signer);
        }
        return;
    }
    const struct roster_proposal *found = roster_proposal_of(state, content);
    if (found == NULL || roster_signed_already(found->signers, found->signer_count, signer)) {
        return;
    }
    uint8_t at = (uint8_t)(found - state->proposals);
    struct roster_proposal *row = &state->proposals[at];
    if (row->signer_count < ROSTER_SIGNERS_MAX) {
        row->signers[row->signer_count++] = signer;
    }
    if (row->signer_count >= row->needs) {
        struct roster_proposal done;
        memmove(&done, row, sizeof(done));
        drop(state, at);
        apply(state, &done);
    }
}
