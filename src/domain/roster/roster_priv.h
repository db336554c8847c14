// Private to src/domain/roster: the kind tables, and what fold, check and rights share.
#ifndef DAVY_DOMAIN_ROSTER_ROSTER_PRIV_H
#define DAVY_DOMAIN_ROSTER_ROSTER_PRIV_H

#include "davy/domain/roster/roster.h"

#define ROSTER_KIND_COUNT 7

extern const struct kind roster_kinds[ROSTER_KIND_COUNT];

// NULL for a kind of another module.
const struct kind *roster_kind_row(uint16_t number);
enum verdict roster_check(const struct check_input *input, struct refusal *out_refusal);
// A public key field of exactly 32 bytes; false if absent, of another length or all zero.
bool roster_body_key(struct slice body, uint16_t tag, struct public_key *out_key);
// The root keys of a genesis, at most ROSTER_ROOTS_MAX; returns how many the body has.
uint32_t roster_body_roots(struct slice body, struct public_key out_roots[ROSTER_ROOTS_MAX]);
bool public_key_equal(const struct public_key *a, const struct public_key *b);

#endif
