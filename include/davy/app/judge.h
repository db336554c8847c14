// May this record stand? One judgement for console (before signing is offered), hub (admission) and
// replica (its own check): form, author's device, key, signature, role and area, effect, module
// check.
//
// Order: form and lane; site; device; key, person and role; signature; subjects and the rule of the
// effect (record/module.h); the module's own check. The first that fails gives the refusal.
// A fact that is authentic is never refused for its state: unknown subjects hold it, nothing else.
// Seals are not judged here: the caller verified the author's chain.
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

#endif
