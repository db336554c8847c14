#include "roster_priv.h"

#include <string.h>

bool roster_role_read(struct slice body, struct role_of *out_role) {
    body_text(body, ROLE_AREA, out_role->area, sizeof(out_role->area));
    return body_uint(body, ROLE_ROLE, &out_role->role) && out_role->role > ROLE_ROOT &&
           out_role->role < ROLE_COUNT;
}

static bool same(const struct roster_role *a, const struct roster_role *b) {
    return a->role == b->role && strcmp(a->area, b->area) == 0;
}

static uint8_t find(const struct roster_person *person, const struct roster_role *role) {
    uint8_t i = 0;
    while (i < person->role_count && !same(&person->roles[i], role)) {
        i++;
    }
    return i;
}

// A grant of the same role and area takes the place of the earlier one.
void roster_role_grant(struct roster_person *person, const struct roster_role *role) {
    uint8_t at = find(person, role);
    if (at == ROSTER_PERSON_ROLES_MAX) {
        return;
    }
    if (at == person->role_count) {
        person->role_count++;
    }
    memmove(&person->roles[at], role, sizeof(*role));
}

// Also what was only proposed of it ends.
void roster_role_revoke(struct roster_state *state, const struct roster_role *role) {
    struct roster_person *person = &state->as.person;
    uint8_t at = find(person, role);
    if (at < person->role_count) {
        person->role_count--;
        struct roster_role *slot = &person->roles[at];
        memmove(slot, slot + 1, (size_t)(person->role_count - at) * sizeof(*slot));
        memset(&person->roles[person->role_count], 0, sizeof(*slot));
    }
    for (uint8_t i = state->proposal_count; i-- > 0;) {
        struct roster_proposal *row = &state->proposals[i];
        if (row->kind == KIND_ROLE_GRANT && same(&row->role, role)) {
            state->proposal_count--;
            memmove(row, row + 1, (size_t)(state->proposal_count - i) * sizeof(*row));
            memset(&state->proposals[state->proposal_count], 0, sizeof(*row));
        }
    }
}
