// Authority: withdrawing devices and keys, reviewing what they left, second signatures, root keys,
// and workers whom a shift leader signs in.
//
// Acts like those of app.h: built, signed, judged and committed; a refusal leaves nothing behind.
// Who signs is the active person, or whoever app_sign_once or app_sign_root put in front.
#ifndef DAVY_APP_AUTHORITY_H
#define DAVY_APP_AUTHORITY_H

#include "davy/app/app.h"

// ---- Who signs ----

// Badge and PIN of any enrolled person sign the next act alone, also on a locked device; the
// sessions of all others stay as they are. The key is closed after that act, whether it was taken
// or refused, or by app_sign_end. Codes as app_sign_in.
DAVY_MUST_USE enum rc app_sign_once(struct app *app, const char *number, const char *pin,
                                    struct moment now, struct refusal *out_refusal);
// A root key's file signs all acts until app_sign_end. RC_BAD_SIGNATURE: wrong PIN; RC_NOT_FOUND,
// RC_CORRUPT, RC_DENIED.
DAVY_MUST_USE enum rc app_sign_root(struct app *app, const char *path, const char *pin);
void app_sign_end(struct app *app);

// ---- Roles ----
struct role_spec {
    enum role role;
    const char *area;    // NULL or "": all
    struct utc_ms from;  // 0: since ever
    struct utc_ms until; // 0: for ever
};
// Asks for as many signers as the site needs (roster_needs): then it is a proposal.
DAVY_MUST_USE enum rc app_role_give(struct app *app, struct rid person,
                                    const struct role_spec *spec, struct moment now,
                                    struct refusal *out_refusal);
DAVY_MUST_USE enum rc app_role_take(struct app *app, struct rid person, enum role role,
                                    const char *area, struct moment now,
                                    struct refusal *out_refusal);
// Seconds a proposal: `subject` is the person, device or site that it is about.
DAVY_MUST_USE enum rc app_second(struct app *app, struct rid subject, struct rid proposal,
                                 struct moment now, struct refusal *out_refusal);

// ---- Withdrawing ----
struct revoke_spec {
    const char *reason;
    // The last good record of each chain is the last one that the log held at that time. 0: what
    // the hub holds when it admits the revocation.
    struct utc_ms since;
};
DAVY_MUST_USE enum rc app_device_revoke(struct app *app, struct rid device,
                                        const struct revoke_spec *spec, struct moment now,
                                        struct refusal *out_refusal);
DAVY_MUST_USE enum rc app_key_revoke(struct app *app, struct rid person, struct key_id key,
                                     const struct revoke_spec *spec, struct moment now,
                                     struct refusal *out_refusal);

// ---- Review ----
struct review_row {
    struct rid rid;
    uint16_t kind;
    struct utc_ms time;
    struct rid person, device;
    bool disputed; // the log had accepted it; otherwise it is held
    uint16_t rule; // why it is held
};
// What waits for a review, oldest first: held records of withdrawn devices and keys, and disputed
// ones. Looks at the newest LIMIT_QUERY_ROWS records. Returns how many were written.
uint32_t app_reviews(struct app *app, struct review_row *out_rows, uint32_t max);
struct review_act {
    const struct rid *records; // at most ROSTER_REVIEW_RECORDS_MAX
    uint32_t count;
    enum review_decision decision;
    const char *reason;
};
DAVY_MUST_USE enum rc app_review(struct app *app, const struct review_act *review,
                                 struct moment now, struct refusal *out_refusal);

// ---- Root keys ---- Proposed by the root key in hand (app_sign_root); in force when the
// thresholds of old and new roots have signed (app_second on the site).
DAVY_MUST_USE enum rc app_roots_change(struct app *app, const struct roster_roots *roots,
                                       struct moment now, struct rid *out_proposal,
                                       struct refusal *out_refusal);

// ---- Workers of a job ----
struct witness_spec {
    const char *name;
    const char *number;
    const char *employer; // NULL: none
    const char *job;
    enum role role;
    const char *const *areas;
    uint16_t area_count;
    struct utc_ms from;
    struct utc_ms until;
};
// A shift leader signs a worker in on this device without a link: the worker's key is made here
// under `pin`. The worker acts at once; the hub holds those acts until an admin seconds the
// witness.
DAVY_MUST_USE enum rc app_witness(struct app *app, const struct witness_spec *spec, const char *pin,
                                  struct moment now, struct rid *out_person,
                                  struct refusal *out_refusal);

// How long ago the hub last confirmed this device's copy of the roster; 0 at the hub, -1: never. No
// clock that is turned back makes it younger.
int64_t app_roster_age_ms(const struct app *app, struct moment now);

#endif
