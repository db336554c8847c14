// Private to src/domain/roster: the kind tables, and what fold, check and rights share.
#ifndef DAVY_DOMAIN_ROSTER_ROSTER_PRIV_H
#define DAVY_DOMAIN_ROSTER_ROSTER_PRIV_H

#include "davy/domain/roster/roster.h"

#define ROSTER_KIND_COUNT 15

extern const struct kind roster_kinds[ROSTER_KIND_COUNT];

// NULL for a kind of another module.
const struct kind *roster_kind_row(uint16_t number);
enum verdict roster_check(const struct check_input *input, struct refusal *out_refusal);
// A public key field of exactly 32 bytes; false if absent, of another length or all zero.
bool roster_body_key(struct slice body, uint16_t tag, struct public_key *out_key);
// The root keys of a body, at most ROSTER_ROOTS_MAX; returns how many it has.
uint32_t roster_body_roots(struct slice body, uint16_t tag,
                           struct public_key out_roots[ROSTER_ROOTS_MAX]);
uint32_t roster_body_count(struct slice body, uint16_t tag);
bool roster_body_id(struct slice body, uint16_t tag, struct id16 *out_id);
// How many signers the record itself asks for: 1 if it says nothing.
uint8_t roster_body_needs(struct slice body);
bool roster_good_read(struct slice bytes, struct roster_good *out_good);

// roster_role.c: what is done once enough have signed.
struct role_of {
    uint64_t role;
    char area[LIMIT_TAG_BYTES + 1];
};
// Root is a key of the genesis: no grant gives it, whatever a hub let pass.
bool roster_role_read(struct slice body, struct role_of *out_role);
void roster_role_grant(struct roster_person *person, const struct roster_role *role);
void roster_role_revoke(struct roster_state *state, const struct roster_role *role);

// roster_revoke.c
void roster_fold_device_revoke(struct roster_state *state, const struct fold_entry *entry);
void roster_fold_key_revoke(struct roster_state *state, const struct fold_entry *entry);
void roster_fold_heads(struct roster_state *state, const struct fold_entry *entry);
void roster_key_revoke(struct roster_person *person, struct key_id key);
bool roster_place_is_good(const struct roster_goods *goods, uint8_t of, const struct place *place);

// roster_propose.c
// Keeps a record that asks for more signers as a proposal. False: it is done by its one signer.
bool roster_propose(struct roster_state *state, const struct fold_entry *entry);
void roster_fold_second(struct roster_state *state, const struct fold_entry *entry);
void roster_fold_roots(struct roster_state *state, const struct fold_entry *entry);
// The proposal that a roster.second names in its refs; NULL if there is none.
const struct roster_proposal *roster_proposal_of(const struct roster_state *state,
                                                 const struct content *content);
bool roster_seconds_roots(const struct roster_site *site, const struct content *content);
struct id16 roster_signer(const struct content *content);
bool roster_signed_already(const struct id16 *signers, uint8_t count, struct id16 signer);
bool public_key_equal(const struct public_key *a, const struct public_key *b);

#endif
