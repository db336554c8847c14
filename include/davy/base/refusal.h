// A refusal that a person must understand: which rule, about what, with which arguments.
//
// The core fills it; app/say.h turns it into one sentence in the reader's language, at the edge.
// Codes are stored in admits and therefore never renumbered.
#ifndef DAVY_BASE_REFUSAL_H
#define DAVY_BASE_REFUSAL_H

#include "davy/base/id.h"
#include "davy/base/limits.h"

#define REFUSAL_ARG_BYTES 96

// X(code, number, short name). The number goes into records.
#define REFUSAL_TABLE(X)                                                                           \
    X(REFUSAL_NONE, 0, "none")                                                                     \
    /* form: the bytes or fields are wrong */                                                      \
    X(REFUSAL_FORM, 1, "form")                                                                     \
    X(REFUSAL_FIELD_MISSING, 2, "field-missing")                                                   \
    X(REFUSAL_FIELD_RANGE, 3, "field-range")                                                       \
    X(REFUSAL_FIELD_TEXT, 4, "field-text")                                                         \
    X(REFUSAL_KIND_UNKNOWN, 5, "kind-unknown")                                                     \
    X(REFUSAL_FIELD_CRITICAL, 6, "field-critical")                                                 \
    X(REFUSAL_TOO_LARGE, 7, "too-large")                                                           \
    /* identity and authority */                                                                   \
    X(REFUSAL_SIGNATURE, 20, "signature")                                                          \
    X(REFUSAL_WRONG_SITE, 21, "wrong-site")                                                        \
    X(REFUSAL_DEVICE_UNKNOWN, 22, "device-unknown")                                                \
    X(REFUSAL_DEVICE_REVOKED, 23, "device-revoked")                                                \
    X(REFUSAL_KEY_UNKNOWN, 24, "key-unknown")                                                      \
    X(REFUSAL_KEY_REVOKED, 25, "key-revoked")                                                      \
    X(REFUSAL_PERSON_UNKNOWN, 26, "person-unknown")                                                \
    X(REFUSAL_RIGHT_MISSING, 27, "right-missing")                                                  \
    X(REFUSAL_ROLE_AREA, 28, "role-area")                                                          \
    X(REFUSAL_NOT_SIGNED, 29, "not-signed")                                                        \
    X(REFUSAL_DEVICE_MISMATCH, 30, "device-mismatch")                                              \
    X(REFUSAL_TWO_PERSONS, 31, "two-persons")                                                      \
    X(REFUSAL_PIN_WRONG, 32, "pin-wrong")                                                          \
    X(REFUSAL_PIN_WAIT, 33, "pin-wait")                                                            \
    X(REFUSAL_PIN_LOCKED, 34, "pin-locked")                                                        \
    X(REFUSAL_PIN_SHORT, 35, "pin-short")                                                          \
    X(REFUSAL_PIN_DEMO, 36, "pin-demo")                                                            \
    X(REFUSAL_NOT_SIGNED_IN, 37, "not-signed-in")                                                  \
    X(REFUSAL_LOCKED, 38, "locked")                                                                \
    X(REFUSAL_CODE_MISMATCH, 39, "code-mismatch")                                                  \
    X(REFUSAL_INVITE, 40, "invite")                                                                \
    X(REFUSAL_DISPUTED, 41, "disputed")                                                            \
    X(REFUSAL_REJECTED, 42, "rejected")                                                            \
    X(REFUSAL_WITNESSED, 43, "witnessed")                                                          \
    X(REFUSAL_PIN_WIPED, 44, "pin-wiped")                                                          \
    /* order and state */                                                                          \
    X(REFUSAL_SUBJECT_UNKNOWN, 60, "subject-unknown")                                              \
    X(REFUSAL_SUBJECT_EXISTS, 61, "subject-exists")                                                \
    X(REFUSAL_SUBJECT_COUNT, 62, "subject-count")                                                  \
    X(REFUSAL_NOT_COVERED, 63, "not-covered")                                                      \
    X(REFUSAL_LANE, 64, "lane")                                                                    \
    X(REFUSAL_AUDIENCE, 65, "audience")                                                            \
    X(REFUSAL_REF_UNKNOWN, 66, "ref-unknown")                                                      \
    X(REFUSAL_STATE, 67, "state")                                                                  \
    X(REFUSAL_CLOCK, 68, "clock")                                                                  \
    X(REFUSAL_ROSTER_OLD, 69, "roster-old")                                                        \
    X(REFUSAL_NEEDS_NEWER, 70, "needs-newer")                                                      \
    X(REFUSAL_NOT_ALARM, 71, "not-alarm")                                                          \
    X(REFUSAL_NOT_SHOWN, 72, "not-shown")                                                          \
    X(REFUSAL_NOTHING, 73, "nothing")                                                              \
    X(REFUSAL_AUTHOR_CLOSED, 74, "author-closed")                                                  \
    /* tiers */                                                                                    \
    X(REFUSAL_CARD, 80, "card")                                                                    \
    X(REFUSAL_TIER_OWN, 81, "tier-own")                                                            \
    X(REFUSAL_TIER_KNOWN, 82, "tier-known")                                                        \
    X(REFUSAL_CARD_OTHER, 83, "card-other")                                                        \
    X(REFUSAL_ORDER_KIND, 84, "order-kind")                                                        \
    /* configuration and telemetry */                                                              \
    X(REFUSAL_FILE_LINE, 90, "file-line")                                                          \
    X(REFUSAL_TAG_UNKNOWN, 91, "tag-unknown")                                                      \
    X(REFUSAL_VALUE_RANGE, 92, "value-range")                                                      \
    X(REFUSAL_TIME_RANGE, 93, "time-range")                                                        \
    X(REFUSAL_JSON, 94, "json")                                                                    \
    /* storage and link */                                                                         \
    X(REFUSAL_DISK_FULL, 110, "disk-full")                                                         \
    X(REFUSAL_STORE_FOREIGN, 111, "store-foreign")                                                 \
    X(REFUSAL_STORE_BUSY, 112, "store-busy")                                                       \
    X(REFUSAL_STORE_NEWER, 113, "store-newer")                                                     \
    X(REFUSAL_STORE_CORRUPT, 114, "store-corrupt")                                                 \
    X(REFUSAL_OFFLINE, 115, "offline")                                                             \
    X(REFUSAL_USAGE, 116, "usage")                                                                 \
    X(REFUSAL_BUNDLE, 117, "bundle")                                                               \
    X(REFUSAL_BUNDLE_SIGNER, 118, "bundle-signer")                                                 \
    X(REFUSAL_BUNDLE_GAP, 119, "bundle-gap")                                                       \
    X(REFUSAL_BACKUP_FORM, 120, "backup-form")                                                     \
    X(REFUSAL_BACKUP_KEY, 121, "backup-key")                                                       \
    X(REFUSAL_BACKUP_PLACE, 122, "backup-place")                                                   \
    X(REFUSAL_BACKUP_FOREIGN, 123, "backup-foreign")                                               \
    X(REFUSAL_PLAIN, 124, "plain")                                                                 \
    X(REFUSAL_TLS, 125, "tls")                                                                     \
    X(REFUSAL_BLOB_FULL, 127, "blob-full")                                                         \
    X(REFUSAL_BLOB_MEDIA, 128, "blob-media")                                                       \
    X(REFUSAL_BLOB_FILE, 129, "blob-file")

enum refusal_code {
#define REFUSAL_ENUM(code, number, name) code = number,
    REFUSAL_TABLE(REFUSAL_ENUM)
#undef REFUSAL_ENUM
};

struct refusal {
    enum refusal_code code;
    struct rid subject;                               // zero if none
    char args[LIMIT_REFUSAL_ARGS][REFUSAL_ARG_BYTES]; // clean text, cut to fit
};

// "right-missing"; "unknown" for a number that is not in the table (a newer Davy wrote it).
const char *refusal_name(enum refusal_code code);
// Clears and sets code and up to LIMIT_REFUSAL_ARGS arguments (NULL = end). `out` may be NULL.
// Always returns RC_REFUSED, so that a check can end in `return refusal_set(…)`.
enum rc refusal_set(struct refusal *out, enum refusal_code code, const char *const args[]);
// REFUSE(out, code, "arg", …): at least one argument; pass "" for none.
#define REFUSE(out, code, ...) refusal_set((out), (code), (const char *const[]){__VA_ARGS__, NULL})

#endif
