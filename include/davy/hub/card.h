// The two texts by which two hubs come to know each other, carried by hand between their admins:
// a message, a printed page, a code on a screen.
//
// CARD  "DAVYC-" of the lower hub: who it is. The upper site's admin enrols it as a child.
// PASS  "DAVYP-" for it, in return: who the upper hub is, and where and as whom to knock. It holds
//       the account's password and is good for this child alone.
// Base 32 of u8 version | the fields | 4 bytes of their hash, so that a slip of the hand is seen.
// What they say is believed because an admin took them; each site pins the other's genesis and hub
// key.
#ifndef DAVY_HUB_CARD_H
#define DAVY_HUB_CARD_H

#include "davy/base/bytes.h"
#include "davy/base/limits.h"
#include "davy/base/refusal.h"
#include "davy/keys/keys.h"

#define TIER_CARD_PREFIX "DAVYC-"
#define TIER_PASS_PREFIX "DAVYP-"

struct tier_card {
    struct site_id site;
    struct public_key hub_key;
    char name[LIMIT_NAME_BYTES + 1]; // of the site
};
struct tier_pass {
    struct tier_card parent;
    struct site_id child;             // whom it is for
    struct rid device;                // the child, in the parent's roster
    char broker[LIMIT_TAG_BYTES + 1]; // an address as in device.ini
    char account[LIMIT_TAG_BYTES + 1];
    char password[LIMIT_TAG_BYTES + 1];
};
DAVY_MUST_USE enum rc tier_card_encode(const struct tier_card *card, struct buf *out_text);
DAVY_MUST_USE enum rc tier_pass_encode(const struct tier_pass *pass, struct buf *out_text);
// RC_REFUSED: CARD (letters missing or wrong), CARD_OTHER (a text of another kind), NEEDS_NEWER.
DAVY_MUST_USE enum rc tier_card_decode(const char *text, struct tier_card *out_card,
                                       struct refusal *out_refusal);
DAVY_MUST_USE enum rc tier_pass_decode(const char *text, struct tier_pass *out_pass,
                                       struct refusal *out_refusal);

#endif
