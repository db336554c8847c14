// What a domain module is: record kinds with their fields and effects, fold, check, index columns.
//
// Store, sync and hub read these descriptors and know no module by name. A module's state for one
// subject is a plain struct without pointers (a cache in the store: dropped and rebuilt when
// fold_version or its size changes). All tables are static const.
//
// BODY: fields in ascending tag order; a field is
//   varint (tag << 3 | critical << 2 | wire), then the value: wire 0 = varint, 1 = signed varint,
//   2 = length and bytes, 3 = decimal (signed mantissa, signed exponent; canonical)
// Tags are 1..65535. A repeated field repeats its tag. An unknown tag is kept and relayed; with the
// critical bit it makes the subject show "needs a newer Davy" and take only restricts.
#ifndef DAVY_RECORD_MODULE_H
#define DAVY_RECORD_MODULE_H

#include "davy/base/decimal.h"
#include "davy/base/refusal.h"
#include "davy/record/record.h"

// What a kind does decides how late and concurrent acts are treated (never renumbered).
enum effect {
    EFFECT_FACT,     // an authentic fact is never refused, only flagged
    EFFECT_RESTRICT, // accepted in every state that is not final, in any order
    EFFECT_CHANGE,   // must cover every accepted change, restrict and allow of the subject
    EFFECT_ALLOW, // must cover every accepted change and restrict of subject and area; guards hold
};

enum field_type {
    FIELD_UINT,    // varint; min..max
    FIELD_INT,     // signed varint; min..max
    FIELD_ENUM,    // varint; a name of `names`
    FIELD_TIME,    // signed varint, utc ms; 0..RECORD_TIME_MAX_MS, min and max unused
    FIELD_DECIMAL, // decimal; min..max if min < max, else any
    FIELD_TEXT,    // clean UTF-8, min..max bytes
    FIELD_BYTES,   // min..max bytes
    FIELD_ID,      // 16 bytes
};
#define RECORD_TIME_MAX_MS INT64_C(253402300799999) // the end of the year 9999
#define FIELD_REQUIRED 1u
#define FIELD_REPEATED 2u
#define FIELD_CRITICAL 4u

struct field {
    uint16_t tag;
    const char *name; // for JSON and text, snake_case
    enum field_type type;
    uint8_t flags;
    int64_t min; // of the value, or of its bytes
    int64_t max;
    const char *const *names; // FIELD_ENUM: max + 1 names by value; NULL: no such value
};

// Roles, by area. Bits of a kind's `roles` say who may sign it (never renumbered).
enum role {
    ROLE_ROOT = 0, // the genesis keys
    ROLE_ADMIN = 1,
    ROLE_SHIFT_LEADER = 2,
    ROLE_OPERATOR = 3,
    ROLE_SAFETY = 4,
    ROLE_INSPECTOR = 5,
    ROLE_GUARDIAN = 6,
    ROLE_APPROVER = 7,
    ROLE_VIEWER = 8,
    ROLE_COUNT = 9,
};
#define ROLE_BIT(role) (1u << (role))
const char *role_name(enum role role); // "shift_leader"
DAVY_MUST_USE enum rc role_parse(const char *name, enum role *out_role);

#define KIND_OPENS 1u       // an opening record: its rid is the subject
#define KIND_SEALED 2u      // no signature: the device's seal carries it
#define KIND_MANY 4u        // may name several subjects
#define KIND_HUB 8u         // only a hub of the site may write it
#define KIND_BY_AREA 16u    // the signer's role must hold in the subject's area
#define KIND_NO_SUBJECT 32u // speaks of no subject (an author's opening statement)
#define KIND_FOUNDS 64u     // founds a site: the one kind whose content carries a zero site
#define KIND_NAMED 128u     // its subject is the hash of a name: the first fact about it makes it

struct kind {
    uint16_t number;
    const char *name; // "alarm.ack"
    enum effect effect;
    uint8_t lane;
    uint8_t flags;
    uint32_t roles; // ROLE_BITs; 0 if sealed
    const struct field *fields;
    uint16_t field_count;
};

// One record as the log gives it to a fold.
struct fold_entry {
    const struct content *content;
    struct rid rid;
    struct place place;
    enum verdict verdict;   // VERDICT_NONE while pending
    uint16_t rule;          // why it was refused or held
    uint64_t n;             // 0 while pending
    struct utc_ms hub_time; // 0 while pending
    bool pending;           // my own record, not yet in my copy of the log
};

// What a check may know besides the act (filled by app/facts).
struct check_input {
    const struct content *content;
    struct rid rid;
    struct rid subject; // the one judged now
    const void *state;  // the module's state of that subject; NULL if there is none
    const void *facts;  // reserved for facts of other modules (domain/facts.h); may be NULL
    struct moment now;
};

enum index_type { INDEX_INT, INDEX_TEXT };
struct index_column {
    const char *name;
    enum index_type type;
};
struct index_value {
    int64_t number;
    const char *text; // borrowed from the state
};
#define MODULE_INDEX_MAX 8

struct module {
    const char *name; // also the view's name: [a-z_]+
    uint16_t fold_version;
    const struct kind *kinds; // ascending by number
    uint16_t kind_count;
    uint32_t state_bytes;
    // Pure: same entries in the same order give the same state. A zeroed state is "nothing known".
    // Called for every verdict; only an accepted (or own pending) record may change more than
    // marks.
    void (*fold)(void *state, struct rid subject, const struct fold_entry *entry);
    // NULL: nothing beyond the general rules. Otherwise accepted, or refused/held with a refusal.
    enum verdict (*check)(const struct check_input *input, struct refusal *out_refusal);
    const struct index_column *columns;
    uint8_t column_count;
    void (*index)(const void *state, struct index_value *out_values);
    // The area of a subject, "" if none; for KIND_BY_AREA.
    const char *(*area)(const void *state);
};

// The modules of a program, by kind. Borrowed arrays.
struct registry {
    const struct module *const *modules;
    uint16_t count;
};
// NULL if unknown. out_module may be NULL.
const struct kind *registry_kind(const struct registry *registry, uint16_t number,
                                 const struct module **out_module);
const struct kind *registry_kind_named(const struct registry *registry, const char *name);

// Body writer: fields must be put in ascending tag order, as the kind's table types them (ENSUREd).
// Ids go through body_put_bytes.
struct body {
    struct buf *out;
    const struct kind *kind;
    uint16_t last_tag;
};
struct body body_start(const struct kind *kind, struct buf *out);
void body_put_uint(struct body *body, uint16_t tag, uint64_t value);
void body_put_int(struct body *body, uint16_t tag, int64_t value);
void body_put_decimal(struct body *body, uint16_t tag, struct decimal value);
void body_put_text(struct body *body, uint16_t tag, const char *text);
void body_put_bytes(struct body *body, uint16_t tag, const void *data, size_t len);

// One field of a body as it stands.
struct field_value {
    uint16_t tag;
    bool critical;
    uint8_t wire;
    uint64_t number;        // wire 0
    int64_t integer;        // wire 1
    struct slice bytes;     // wire 2
    struct decimal decimal; // wire 3
};
struct body_reader {
    struct reader reader;
    uint16_t last_tag;
};
struct body_reader body_read(struct slice body);
// False at the end or on an error (then body_reader.reader.rc says which).
bool body_next(struct body_reader *reader, struct field_value *out_value);
// The first field of a tag, by type; false (and out untouched) if absent.
bool body_uint(struct slice body, uint16_t tag, uint64_t *out_value);
bool body_int(struct slice body, uint16_t tag, int64_t *out_value);
bool body_decimal(struct slice body, uint16_t tag, struct decimal *out_value);
bool body_bytes(struct slice body, uint16_t tag, struct slice *out_value);
// Copies clean text, cut to out_bytes; "" if absent.
void body_text(struct slice body, uint16_t tag, char *out, size_t out_bytes);

// True if the body has a critical tag that the kind's table does not know: a fold then marks the
// subject "needs a newer Davy" and takes nothing else from the record.
bool body_needs_newer(const struct kind *kind, struct slice body);

// The form of a record against its kind's tables: lane, audience, subjects, site, key, refs, time,
// and in the body required fields, ranges, texts, order of tags. RC_REFUSED with arguments kind,
// field and, where there is one, the limit that is broken; RC_UNSUPPORTED if the kind is unknown
// (KIND_UNKNOWN, argument number) or a critical tag is (FIELD_CRITICAL, arguments kind, "tag",
// number). out_refusal may be NULL.
DAVY_MUST_USE enum rc content_check_form(const struct registry *registry,
                                         const struct content *content, uint8_t lane,
                                         struct refusal *out_refusal);

// Encodes the content at the end of buf, computes its rid and, with a signer, the signature.
// RC_INVALID unless content.key is the signer's key, or zero without one (sealed only). The result
// borrows the buffer: it is good until the next put.
struct signed_record {
    struct slice content; // borrowed from the buffer given
    bool has_sig;
    struct signature sig;
    struct rid rid;
};
DAVY_MUST_USE enum rc record_make(const struct content *content, const struct keypair *signer,
                                  struct buf *buf, struct signed_record *out_record);

#endif
