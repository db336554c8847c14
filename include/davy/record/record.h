// The record: one act of a person or one statement of a machine, in canonical binary.
//
// CONTENT, in this order, is what is signed; its exact bytes are kept and relayed:
//   text   "davy/record/1"            13 bytes, not length-prefixed
//   u8     suite                      1 = Ed25519 + BLAKE2b-256
//   16     site                       rid of the genesis record; zero in the genesis itself
//   varint kind                       1..65535, see module.h
//   varint count, 16 each             subjects (none in an opening: its own rid is the subject)
//   u8     audience                   0 site, 1 park, 2 city in an opening; 255 otherwise
//   16     person                     rid of the person's opening record; zero if no person acts
//   16     key                        key_id of the signing key; zero if only sealed
//   16     device                     rid of the device's opening record; zero before it exists
//   varint session                    the PIN session, 0 if none
//   signed time                       utc ms; varint time error ms (UINT32_MAX: clock not trusted)
//   u64    boot id; varint mono ms    boot clock (mono below 2^63)
//   u8     seen flag                  0: none. 1: then 16 hub author (not zero), varint count, and
//                                     for each mark u8 lane 0..3, u8 audience 0..2, varint seq
//                                     (from 1), the first 8 bytes of the chain hash at that seq;
//                                     strictly ascending by (lane, audience)
//   varint count, 16 each             refs: causes
//   8      nonce
//   varint length, bytes              body: fields by tag, see module.h
// One value has one encoding: varints are minimal, nothing may follow the body. An audience other
// than 255 makes an opening. Which kinds open, name subjects or are signed: content_check_form.
//
// RID        = first 16 bytes of BLAKE2b-256 of the content.
// SIGNATURE  = Ed25519 of the content by the person's key on that device (absent: sealed only).
// PLACE      = author, lane, audience, seq (from 1). Author = first 16 bytes of
//              BLAKE2b-256("davy/author/1" | suite | device public key | 16 random bytes).
// CHAIN      h(0) = BLAKE2b-256("davy/chain/1" | suite | site | author | lane | audience); the
//              site is the rid of the genesis also in the chain that holds the genesis itself
//              h(i) = BLAKE2b-256(h(i-1) | u8 type | varint len | bytes | signature or nothing)
//              type 0 = record (bytes = content), type 1 = admit (bytes = admit; then, instead of a
//              signature, the 32-byte chain hash of the admitted record, hashed in and not sent).
// SEAL       = Sign("davy/seal/1" | suite | site | author | lane | audience | u64 seq | h(seq)) by
//              the device's key; covers everything before it.
// ADMIT      = a hub's statement about a record of another author:
//              16 author (not zero) | u8 lane 0..3 | u8 audience 0..2 | varint seq (from 1) |
//              u8 verdict 1..4 | varint rule (16 bits) | signed hub time | varint roster version |
//              varint rules version | varint n (from 1)
// Domain strings stand without length or NUL; suite, lane and audience are one byte; u64 is
// little-endian; a signed number is zigzag, then varint.
// Decoding never allocates: a decoded content borrows the bytes.
#ifndef DAVY_RECORD_RECORD_H
#define DAVY_RECORD_RECORD_H

#include "davy/base/bytes.h"
#include "davy/base/id.h"
#include "davy/base/limits.h"
#include "davy/keys/keys.h"

#define RECORD_DOMAIN "davy/record/1"
#define CHAIN_DOMAIN "davy/chain/1"
#define SEAL_DOMAIN "davy/seal/1"
#define AUTHOR_DOMAIN "davy/author/1"
#define NONCE_BYTES 8
#define SEEN_HASH_BYTES 8
#define AUTHOR_RANDOM_BYTES 16

// The opening statement of an author (domain/roster), which every replica must read to know the key
// that seals the author's chains: lane 0, seq 1, sealed.
#define RECORD_KIND_AUTHOR_OPEN 1
#define RECORD_AUTHOR_OPEN_RANDOM 1
#define RECORD_AUTHOR_OPEN_KEY 2

// A lane's number is its urgency. Blobs travel apart.
enum lane { LANE_CONTROL = 0, LANE_SAFETY = 1, LANE_DANGER = 2, LANE_NORMAL = 3, LANE_COUNT = 4 };
enum audience {
    AUDIENCE_SITE = 0,
    AUDIENCE_PARK = 1,
    AUDIENCE_CITY = 2,
    AUDIENCE_COUNT = 3,
    AUDIENCE_NONE = 255
};
enum entry_type { ENTRY_RECORD = 0, ENTRY_ADMIT = 1 };
// Stored in admits; never renumbered.
enum verdict {
    VERDICT_NONE = 0,
    VERDICT_ACCEPTED = 1,
    VERDICT_REFUSED = 2,
    VERDICT_REPEAT = 3,
    VERDICT_HELD = 4
};

// One chain of one author.
struct chain_id {
    struct author_id author;
    uint8_t lane;
    uint8_t audience;
};
struct place {
    struct chain_id chain;
    uint64_t seq;
};
// What is known of a chain's end.
struct chain_head {
    uint64_t seq; // 0: empty
    struct hash32 hash;
};

struct seen_mark {
    uint8_t lane;
    uint8_t audience;
    uint64_t seq;
    uint8_t hash[SEEN_HASH_BYTES];
};
struct seen {
    struct author_id hub; // zero: the author knew no log
    uint8_t count;
    struct seen_mark marks[LIMIT_RECORD_SEEN];
};

// A decoded content. Slices and arrays borrow the encoded bytes.
struct content {
    uint8_t suite;
    struct site_id site;
    uint16_t kind;
    const struct rid *subjects;
    uint16_t subject_count;
    uint8_t audience;
    struct rid person;
    struct key_id key;
    struct rid device;
    uint64_t session;
    struct utc_ms time;
    uint32_t time_error_ms;
    uint64_t boot_id;
    struct mono_ms mono;
    struct seen seen;
    const struct rid *refs;
    uint16_t ref_count;
    uint8_t nonce[NONCE_BYTES];
    struct slice body;
};

// Appends the canonical bytes. RC_INVALID, RC_TOO_LARGE for what breaks the form or a limit,
// RC_UNSUPPORTED for a suite other than KEYS_SUITE_ED25519; these append nothing.
DAVY_MUST_USE enum rc content_encode(const struct content *content, struct buf *out);
// Strict inverse: every accepted input re-encodes to the same bytes. RC_INVALID, RC_TRUNCATED,
// RC_TOO_LARGE, RC_UNSUPPORTED (unknown suite).
DAVY_MUST_USE enum rc content_decode(struct slice bytes, struct content *out_content);
struct rid content_rid(struct slice bytes);
// The subjects that a record speaks of: its list, or its own rid in an opening record.
uint16_t content_subject_count(const struct content *content);
struct rid content_subject(const struct content *content, struct rid own, uint16_t index);

struct author_id author_of(const struct public_key *device_key,
                           const uint8_t random[AUTHOR_RANDOM_BYTES]);
void chain_start(struct site_id site, struct chain_id chain, struct chain_head *out_head);
// Moves the head on by one record. sig NULL: sealed only. The content must not be empty.
void chain_add_record(struct chain_head *head, struct slice content, const struct signature *sig);
// Moves the head on by one admit of the record whose chain hash is given.
void chain_add_admit(struct chain_head *head, struct slice admit, const struct hash32 *record_hash);
bool chain_id_equal(struct chain_id a, struct chain_id b);

void seal_sign(struct site_id site, struct chain_id chain, const struct chain_head *head,
               const struct keypair *device, struct signature *out_seal);
bool seal_verify( // tidy: allow parameters, because a seal covers all of these
    const struct keys_scheme *scheme, struct site_id site, struct chain_id chain,
    const struct chain_head *head, const struct public_key *device, const struct signature *seal);

struct admit {
    struct place place; // of the admitted record
    enum verdict verdict;
    uint16_t rule; // enum refusal_code; 0 if accepted, unless it flags an accepted fact
    struct utc_ms hub_time;
    uint64_t roster_version; // the hub's position in lane 0 when it judged
    uint64_t rules_version;
    uint64_t n; // the hub's counter: the fold order
};
// As content_encode and content_decode, for admits.
DAVY_MUST_USE enum rc admit_encode(const struct admit *admit, struct buf *out);
DAVY_MUST_USE enum rc admit_decode(struct slice bytes, struct admit *out_admit);

// True if the record at `own` covers the one at `other`: its seen covers it, it is earlier in the
// record's own chain, or refs name its rid. `log` is the place of the other record's admit (or of
// the record itself if the hub wrote it) in the hub's log. A place that is not known is NULL.
bool content_covers(const struct content *content, const struct place *own,
                    const struct place *other, const struct place *log, struct rid other_rid);

#endif
