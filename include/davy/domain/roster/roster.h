// The roster: site, people, devices, keys and roles, folded from lane 0.
//
// A subject is a site (its genesis), a person or a device; each has a plain state. `struct roster`
// is the lookup over all of them, kept in memory and fed with each subject's state after a fold.
//
// kind (number)       effect    signed by                     body
// author.open     (1) fact      device's seal; no subject     1 random, 2 device_key, 3 previous
//                                                             author, 4 its heads (repeated)
// site.genesis    (2) change    root key (opens; lane 0)      1 name, 2 root_key (repeated),
//                                                             3 threshold, 4 demo (0/1)
// person.add      (3) change    root or admin (opens)         1 name, 2 number (badge)
// device.add      (4) change    root or admin (opens)         1 name, 2 device_kind, 3 key,
//                                                             4 account
// role.grant      (5) change    root or admin; on a person    1 role, 2 area ("" = all), 3 from,
//                                                             4 until
// role.revoke     (6) restrict  root or admin; on a person    1 role, 2 area
// key.certify     (7) fact      hub's seal; on a person       1 key, 2 device (id)
// A head in author.open is u8 lane, u8 audience, u64 seq, 32-byte chain hash. Keys once certified
// stay known, because what they signed must verify for ever. A grant of the same role and area
// replaces the earlier one.
// Only the genesis' root key and admins may enrol; a root key signs with person zero. The genesis
// is signed by a root key that its own body names and is valid only as the site's id.
// Records of revocation have numbers 8 to 15 kept free.
#ifndef DAVY_DOMAIN_ROSTER_ROSTER_H
#define DAVY_DOMAIN_ROSTER_ROSTER_H

#include "davy/record/module.h"

enum roster_kind {
    KIND_AUTHOR_OPEN = 1,
    KIND_SITE_GENESIS = 2,
    KIND_PERSON_ADD = 3,
    KIND_DEVICE_ADD = 4,
    KIND_ROLE_GRANT = 5,
    KIND_ROLE_REVOKE = 6,
    KIND_KEY_CERTIFY = 7,
};
// Body tags, named KIND_FIELD.
enum {
    AUTHOR_OPEN_RANDOM = 1,
    AUTHOR_OPEN_DEVICE_KEY = 2,
    AUTHOR_OPEN_PREVIOUS = 3,
    AUTHOR_OPEN_HEAD = 4,
    GENESIS_NAME = 1,
    GENESIS_ROOT_KEY = 2,
    GENESIS_THRESHOLD = 3,
    GENESIS_DEMO = 4,
    PERSON_NAME = 1,
    PERSON_NUMBER = 2,
    DEVICE_NAME = 1,
    DEVICE_KIND = 2,
    DEVICE_KEY = 3,
    DEVICE_ACCOUNT = 4,
    ROLE_ROLE = 1,
    ROLE_AREA = 2,
    ROLE_FROM = 3,
    ROLE_UNTIL = 4,
    CERTIFY_KEY = 1,
    CERTIFY_DEVICE = 2,
};
#define AUTHOR_HEAD_BYTES (1 + 1 + 8 + HASH_BYTES)
enum device_kind { DEVICE_HUB = 1, DEVICE_CONSOLE = 2, DEVICE_HANDHELD = 3 };
enum roster_what { ROSTER_NOTHING = 0, ROSTER_SITE = 1, ROSTER_PERSON = 2, ROSTER_DEVICE = 3 };

#define ROSTER_ROOTS_MAX 8
#define ROSTER_PERSON_ROLES_MAX 24
#define ROSTER_PERSON_KEYS_MAX 24

struct roster_role {
    uint8_t role; // enum role
    char area[LIMIT_TAG_BYTES + 1];
    struct utc_ms from;  // 0: since ever
    struct utc_ms until; // 0: for ever
};
struct roster_key {
    struct public_key key;
    struct rid device;
};
struct roster_site {
    char name[LIMIT_NAME_BYTES + 1];
    struct public_key roots[ROSTER_ROOTS_MAX];
    uint8_t root_count;
    uint8_t threshold;
    bool demo;
};
struct roster_person {
    char name[LIMIT_NAME_BYTES + 1];
    char number[LIMIT_TAG_BYTES + 1];
    struct roster_role roles[ROSTER_PERSON_ROLES_MAX];
    uint8_t role_count;
    struct roster_key keys[ROSTER_PERSON_KEYS_MAX];
    uint8_t key_count;
};
struct roster_device {
    char name[LIMIT_NAME_BYTES + 1];
    char account[LIMIT_TAG_BYTES + 1];
    uint8_t kind; // enum device_kind
    struct public_key key;
};
struct roster_state {
    uint8_t what; // enum roster_what
    bool needs_newer;
    union {
        struct roster_site site;
        struct roster_person person;
        struct roster_device device;
    } as;
};

extern const struct module roster_module;

struct roster;
// Owns its memory: 3.5 KB a person, grown as used. RC_NO_MEMORY.
DAVY_MUST_USE enum rc roster_new(struct roster **out_roster);
void roster_free(struct roster *roster);
// Takes over one subject's state (copied), in any order of subjects. RC_FULL beyond the limits,
// RC_WRONG_SITE for a second site; these change nothing. Where two people or devices claim one
// number, account or key, the lower id has it. After RC_NO_MEMORY the roster must be built anew.
DAVY_MUST_USE enum rc roster_set(struct roster *roster, struct rid subject,
                                 const struct roster_state *state);

// Lookups; NULL or false if unknown. Pointers are valid until the next roster_set.
const struct roster_site *roster_site(const struct roster *roster);
const struct roster_person *roster_person(const struct roster *roster, struct rid person);
// The person's state holds a record that only a newer Davy understands: no right counts.
bool roster_needs_newer(const struct roster *roster, struct rid person);
const struct roster_device *roster_device(const struct roster *roster, struct rid device);
bool roster_person_by_number(const struct roster *roster, const char *number,
                             struct rid *out_person);
bool roster_device_by_key(const struct roster *roster, const struct public_key *key,
                          struct rid *out_device);
bool roster_device_by_account(const struct roster *roster, const char *account,
                              struct rid *out_device);
uint32_t roster_person_count(const struct roster *roster);
bool roster_person_at(const struct roster *roster, uint32_t index, struct rid *out_person);
uint32_t roster_device_count(const struct roster *roster);
bool roster_device_at(const struct roster *roster, uint32_t index, struct rid *out_device);

// Whose key is it? A root key gives a zero person and device.
struct roster_key_owner {
    struct rid person;
    struct rid device;
    struct public_key key;
    bool root;
};
bool roster_key(const struct roster *roster, struct key_id key, struct roster_key_owner *out_owner);

// Does the person hold one of the roles (ROLE_BITs) at that time? area NULL: in any area; otherwise
// in that area or in all areas.
bool roster_holds(const struct roster *roster, struct rid person, uint32_t roles, const char *area,
                  struct utc_ms time);

// Who may write this record: known device (the author's), known unrevoked key of that person on
// that device, role of the kind's row in the subject's area. `area` is "" or NULL where the kind is
// not by area. Roles are judged at the record's time. The signature, and that the device is the
// author's, are verified by the caller. RC_REFUSED names the rule: NOT_SIGNED, DEVICE_UNKNOWN,
// DEVICE_MISMATCH, KEY_UNKNOWN, PERSON_UNKNOWN (arguments kind, short id), RIGHT_MISSING (kind,
// name), ROLE_AREA (kind, name, area), NEEDS_NEWER (kind, name), TWO_PERSONS (a root key alone
// where the threshold asks for more), WRONG_SITE (a second genesis).
DAVY_MUST_USE enum rc roster_check_right(const struct roster *roster, const struct kind *kind,
                                         const struct content *content, const char *area,
                                         struct refusal *out_refusal);

#endif
