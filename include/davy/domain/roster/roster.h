// The roster: site, people, devices, keys and roles, folded from lane 0.
//
// A subject is a site (its genesis), a person, a device or the review of one record; each has a
// plain state. `struct roster` is the lookup over all of them, kept in memory and fed with each
// subject's state after a fold.
//
// kind (number)       effect    signed by                     body
// author.open     (1) fact      device's seal; no subject     1 random, 2 device_key, 3 previous
//                                                             author, 4 its heads (repeated)
// site.genesis    (2) change    root key (opens; lane 0)      1 name, 2 root_key (repeated),
//                                                             3 threshold, 4 demo (0/1)
// person.add      (3) change    root or admin (opens)         1 name, 2 number (badge), 3 employer,
//                                                             4 job, 5 needs
// device.add      (4) change    root or admin (opens)         1 name, 2 device_kind, 3 key,
//                                                             4 account, 5 needs; of another
//                                                             tier: 6 site, 7 audience, 8
//                                                             order_kind
// role.grant      (5) change    root or admin; on a person    1 role, 2 area ("" = all), 3 from,
//                                                             4 until, 5 needs
// role.revoke     (6) restrict  root or admin; on a person    1 role, 2 area, 5 needs
// key.certify     (7) fact      hub's seal; on a person       1 key, 2 device (id)
// device.revoke   (8) restrict  root or admin; on a device    1 reason, 2 good (repeated), 5 needs
// key.revoke      (9) restrict  root or admin; on a person    1 reason, 2 good, 3 key (id), 5 needs
// review.decide  (10) fact      admin or safety; on the       1 record (repeated), 2 decision,
//                               reviews of those records      3 reason
// roster.second  (11) change    root or admin; on the         nothing; the proposal is its ref
//                               proposal's subject
// roots.change   (12) change    root; on the site             1 root_key (repeated), 2 threshold
// person.witness (13) change    shift leader (opens)          1 name, 2 number, 3 employer, 4 job,
//                                                             6 key, 7 role, 8 area (repeated),
//                                                             9 from, 10 until
// revoke.heads   (14) fact      hub's seal; on a device or    2 good (repeated), 3 key (id)
//                               a person
// author.fork    (16) fact      hub's seal; on a device       1 author, 2 lane, 3 audience, 4 seq,
//                                                             5 hash, 6 seal (of the branch that
//                                                             lost)
// A head in author.open is u8 lane, u8 audience, u64 seq, 32-byte chain hash. Keys once certified
// stay known, because what they signed must verify for ever. A grant of the same role and area
// replaces the earlier one.
//
// SEVERAL SIGNERS. An act that needs more than one says so itself (`needs`): the record is then a
// proposal, kept in its subject's state; each roster.second by somebody else adds a signer, and the
// state changes at the last one. People count as persons, root keys as keys. What must be asked
// for: a root act, the site's threshold of root keys; the grant of a signing role
// (roster_role_is_signing) by an admin, a second admin, or, on a site with one admin alone, any
// root key. A demonstration site asks for nobody else. roots.change takes effect when the old
// threshold of the old roots and the new threshold of the new ones have signed; the roots before it
// are retired: what they signed verifies, and nothing new by them is taken.
//
// REVOCATION. A `good` is the last good place of one chain: 16 author, u8 lane, u8 audience, u64
// seq. With a list, every chain that is not in it has no good place. An act that names none means
// "what the hub holds when it admits the revocation": the hub states that list beside it
// (revoke.heads), in the same commit; until then nothing later is good. Several lists of one device
// or key leave what all of them call good. What was signed on the device, or with the key, after
// its last good place is held if it comes now (DEVICE_REVOKED, KEY_REVOKED), and disputed if the
// log had accepted it; review.decide settles either, by the record's rid, and the first decision
// stands.
//
// WITNESS. Where there is no link a shift leader signs a worker in (person.witness), with the key
// made on that device by the worker's PIN. Until an admin seconds it the person is proposed: acts
// are judged like everybody's and then held (WITNESSED).
//
// Only root keys and admins may enrol; a root key signs with person zero. The genesis is signed by
// a root key that its own body names and is valid only as the site's id.
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
    KIND_DEVICE_REVOKE = 8,
    KIND_KEY_REVOKE = 9,
    KIND_REVIEW_DECIDE = 10,
    KIND_ROSTER_SECOND = 11,
    KIND_ROOTS_CHANGE = 12,
    KIND_PERSON_WITNESS = 13,
    KIND_REVOKE_HEADS = 14,
    KIND_AUTHOR_FORK = 16,
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
    PERSON_EMPLOYER = 3,
    PERSON_JOB = 4,
    ROSTER_NEEDS = 5, // of every kind that may be a proposal
    DEVICE_NAME = 1,
    DEVICE_KIND = 2,
    DEVICE_KEY = 3,
    DEVICE_ACCOUNT = 4,
    DEVICE_SITE = 6,     // child: its genesis
    DEVICE_AUDIENCE = 7, // parent: from this audience on it reads
    DEVICE_ORDERS = 8,   // parent: a kind that it may order (repeated)
    ROLE_ROLE = 1,
    ROLE_AREA = 2,
    ROLE_FROM = 3,
    ROLE_UNTIL = 4,
    CERTIFY_KEY = 1,
    CERTIFY_DEVICE = 2,
    REVOKE_REASON = 1,
    REVOKE_GOOD = 2,
    REVOKE_KEY = 3,
    REVIEW_RECORD = 1,
    REVIEW_DECISION = 2,
    REVIEW_REASON = 3,
    ROOTS_KEY = 1,
    ROOTS_THRESHOLD = 2,
    WITNESS_KEY = 6, // name, number, employer and job as in person.add
    WITNESS_ROLE = 7,
    WITNESS_AREA = 8,
    WITNESS_FROM = 9,
    WITNESS_UNTIL = 10,
    FORK_AUTHOR = 1,
    FORK_LANE = 2,
    FORK_AUDIENCE = 3,
    FORK_SEQ = 4,
    FORK_HASH = 5,
    FORK_SEAL = 6,
};
#define AUTHOR_HEAD_BYTES (1 + 1 + 8 + HASH_BYTES)
#define ROSTER_GOOD_BYTES (ID_BYTES + 1 + 1 + 8)
enum device_kind {
    DEVICE_HUB = 1,
    DEVICE_CONSOLE = 2,
    DEVICE_HANDHELD = 3,
    DEVICE_CHILD = 4,  // a lower hub, enrolled at its parent
    DEVICE_PARENT = 5, // an upper hub, in its child's roster
    DEVICE_KIND_LAST = DEVICE_PARENT,
};
enum roster_what {
    ROSTER_NOTHING = 0,
    ROSTER_SITE = 1,
    ROSTER_PERSON = 2,
    ROSTER_DEVICE = 3,
    ROSTER_REVIEW = 4,
};
enum review_decision { REVIEW_NONE = 0, REVIEW_RELEASE = 1, REVIEW_REJECT = 2 };

#define ROSTER_ROOTS_MAX 8
#define ROSTER_ROOTS_RETIRED_MAX 32 // four rotations of all roots
#define ROSTER_PERSON_ROLES_MAX 24
#define ROSTER_PERSON_KEYS_MAX 24
#define ROSTER_SIGNERS_MAX 8
#define ROSTER_PROPOSALS_MAX 8 // of one subject at a time
#define ROSTER_ORDERS_MAX 16
#define ROSTER_GOODS_MAX 60 // chains of a device, or of a person's revoked keys
#define ROSTER_REVIEW_RECORDS_MAX 56

struct roster_role {
    uint8_t role; // enum role
    char area[LIMIT_TAG_BYTES + 1];
    struct utc_ms from;  // 0: since ever
    struct utc_ms until; // 0: for ever
};
struct roster_key {
    struct public_key key;
    struct rid device;
    bool revoked;
    bool listed;   // a list of good places came; without one none is
    bool replaced; // a newer key of this person on that device was certified
};
struct roster_good {
    struct author_id author;
    uint64_t seq;
    uint8_t lane;
    uint8_t audience;
    uint8_t of; // index of the key; 0 on a device
};
struct roster_goods {
    struct roster_good good[ROSTER_GOODS_MAX];
    uint8_t count;
};
// A record that waits for more signers.
struct roster_proposal {
    struct rid rid;
    struct id16 signers[ROSTER_SIGNERS_MAX]; // persons, or ids of root keys
    uint16_t kind;
    uint8_t needs;
    uint8_t signer_count;
    bool by_root;
    struct roster_role role; // of a grant or revoke
    struct key_id key;       // of a key.revoke
};
struct roster_roots {
    struct public_key keys[ROSTER_ROOTS_MAX];
    uint8_t count;
    uint8_t threshold;
};
struct roster_site {
    char name[LIMIT_NAME_BYTES + 1];
    struct public_key roots[ROSTER_ROOTS_MAX];
    uint8_t root_count;
    uint8_t threshold;
    bool demo;
    uint8_t retired_count;
    struct public_key retired[ROSTER_ROOTS_RETIRED_MAX];
    // The proposed change of roots, if next_rid is not zero, and who signed it.
    struct rid next_rid;
    struct roster_roots next;
    struct id16 next_signers[2 * ROSTER_SIGNERS_MAX];
    uint8_t next_signer_count;
};
struct roster_person {
    char name[LIMIT_NAME_BYTES + 1];
    char number[LIMIT_TAG_BYTES + 1];
    char employer[LIMIT_NAME_BYTES + 1];
    char job[LIMIT_NAME_BYTES + 1];
    struct roster_role roles[ROSTER_PERSON_ROLES_MAX];
    uint8_t role_count;
    struct roster_key keys[ROSTER_PERSON_KEYS_MAX];
    uint8_t key_count;
    bool witnessed; // opened by a shift leader without a link
    struct roster_goods goods;
};
struct roster_device {
    char name[LIMIT_NAME_BYTES + 1];
    char account[LIMIT_TAG_BYTES + 1];
    uint8_t kind; // enum device_kind
    bool revoked;
    bool listed;
    uint8_t forks; // authors of this device that sealed two branches; 255 and more
    struct public_key key;
    // Of another tier's hub.
    struct site_id site; // child: its genesis
    uint8_t audience;    // parent: from this audience on it reads
    uint8_t order_count; // parent: kinds that it may order
    uint16_t orders[ROSTER_ORDERS_MAX];
    struct roster_goods goods;
};
struct roster_review {
    uint8_t decision; // enum review_decision
    struct rid person;
    struct utc_ms time;
};
struct roster_state {
    uint8_t what; // enum roster_what
    bool needs_newer;
    bool proposed; // the opening itself waits for more signers
    uint8_t proposal_count;
    struct roster_proposal proposals[ROSTER_PROPOSALS_MAX];
    union {
        struct roster_site site;
        struct roster_person person;
        struct roster_device device;
        struct roster_review review;
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

// Waits for more signers: a witnessed worker, or an enrolment by a part of the root keys.
bool roster_person_is_proposed(const struct roster *roster, struct rid person);
// The proposals of a person or device. Returns how many; *out_rows is borrowed.
uint8_t roster_proposals(const struct roster *roster, struct rid subject,
                         const struct roster_proposal **out_rows);

// Whose key is it? A root key gives a zero person and device.
enum roster_root { ROOT_NONE, ROOT_NOW, ROOT_NEXT, ROOT_RETIRED };
struct roster_key_owner {
    struct rid person;
    struct rid device;
    struct public_key key;
    bool root;
    enum roster_root which; // ROOT_NEXT: of a change that is proposed
    bool revoked;           // the key, not its device
};
bool roster_key(const struct roster *roster, struct key_id key, struct roster_key_owner *out_owner);

// Does the person hold one of the roles (ROLE_BITs) at that time? area NULL: in any area; otherwise
// in that area or in all areas.
bool roster_holds(const struct roster *roster, struct rid person, uint32_t roles, const char *area,
                  struct utc_ms time);

// ---- Revocation ----

bool roster_device_revoked(const struct roster *roster, struct rid device);
// Was it written after the last good place of its device or key? The codes: DEVICE_REVOKED,
// KEY_REVOKED; REFUSAL_NONE if neither is revoked or the place is good.
enum refusal_code roster_after_good(const struct roster *roster, const struct content *content,
                                    const struct place *place);
// One good place of a revocation's body.
void roster_good_put(struct body *body, const struct chain_id *chain, uint64_t seq);
// The subject under which the review of a record stands.
struct rid roster_review_subject(struct rid record);

// ---- Several signers ----

// Roles whose grant needs two admins: their holders sign for the safety of others.
bool roster_role_is_signing(enum role role);
// How many signers an act must ask for when a root key, or an admin, makes it. `role`: of a grant.
uint8_t roster_needs(const struct roster *roster, uint16_t kind, enum role role, bool by_root);
// People who hold the role admin at that time.
uint32_t roster_admin_count(const struct roster *roster, struct utc_ms time);
// What a roster record must hold against the whole roster, after its module's check: enough signers
// asked for, a second who may be one, a number and key that nobody has. TWO_PERSONS (kind, how
// many), RIGHT_MISSING, SUBJECT_EXISTS (kind, what).
DAVY_MUST_USE enum verdict roster_check_facts(const struct roster *roster,
                                              const struct check_input *input,
                                              struct refusal *out_refusal);

// Who may write this record: known device (the author's), known key of that person on
// that device, role of the kind's row in the subject's area. `area` is "" or NULL where the kind is
// not by area. Roles are judged at the record's time. The signature, and that the device is the
// author's, are verified by the caller. RC_REFUSED names the rule: NOT_SIGNED, DEVICE_UNKNOWN,
// DEVICE_MISMATCH, KEY_UNKNOWN, PERSON_UNKNOWN (arguments kind, short id), RIGHT_MISSING (kind,
// name), ROLE_AREA (kind, name, area), NEEDS_NEWER (kind, name), KEY_REVOKED (a retired
// root key), WRONG_SITE (a second genesis). Revocation is not judged here (roster_after_good).
DAVY_MUST_USE enum rc roster_check_right(const struct roster *roster, const struct kind *kind,
                                         const struct content *content, const char *area,
                                         struct refusal *out_refusal);

#endif
