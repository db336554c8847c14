// May this record stand? One judgement for console (before signing is offered), hub (admission) and
// replica (its own check): form, author's device, key, signature, role and area, effect, module
// check.
//
// Order: revocation, by the content's device and key wherever the record sits; form and lane; site;
// device; key, person and role; signature; subjects, the module's own check and, for the roster's
// records, what the whole roster says; age of the roster; the rule of the effect (record/module.h).
// The first that fails gives the refusal. What came after the last good place of a withdrawn device
// or key is held until it is reviewed; released, it is judged like everything else. What the log
// had accepted of it is disputed, and locks its subjects to facts and restricts. An act of a worker
// who is only witnessed is held, if it would be accepted. A fact that is authentic is never refused
// for its state: unknown subjects hold it, nothing else. Seals are not judged here: the caller
// verified the author's chain.
#ifndef DAVY_APP_JUDGE_H
#define DAVY_APP_JUDGE_H

#include "davy/domain/roster/roster.h"
#include "davy/store/store.h"

struct judge {
    struct store *store;
    const struct registry *registry;
    const struct keys_scheme *scheme;
    const struct roster *roster;
    struct rid author_device; // the device whose chain holds the record
    bool author_is_hub;       // that device is a hub of the site
    bool check_signature;     // false only where the caller has just made it
    // Signatures that were verified together: of exactly these bytes, by this key. NULL: none.
    const struct keys_claim *claims;
    uint32_t claim_count;
    // How long ago the hub last confirmed the roster that judges; 0 at the hub itself. Beyond
    // LIMIT_ROSTER_AGE_MS no allow act stands.
    int64_t roster_age_ms;
    struct moment now;
};
// RC_OK with the verdict (accepted, refused, held) and its refusal; other codes only if the store
// failed.
DAVY_MUST_USE enum rc judge_record(const struct judge *judge, const struct content *content,
                                   const struct place *place, const struct signed_record *record,
                                   enum verdict *out_verdict, struct refusal *out_refusal);
// The public key that should verify a content (root keys of a genesis come from its own body).
bool judge_key_of(const struct roster *roster, const struct content *content,
                  struct public_key *out_key);

// Is an accepted record disputed, and what did its review decide (REVIEW_NONE: nobody reviewed it)?
DAVY_MUST_USE enum rc judge_disputed(struct store *store, const struct roster *roster,
                                     const struct store_item *item, bool *out_disputed,
                                     enum review_decision *out_review);

#endif
