// Frames: what sync puts on the wire, also into a file. Encoding only; no state, no I/O.
//
// HEADER  "DV" | u8 version 1 | u8 type | u8 flags | u32 session | u32 number
// flags   1 body is zstd-compressed   2 a 16-byte keyed hash follows the header   4 a 64-byte
// signature
//         follows the header; bit 3 is reserved for boxed payloads (refused until known)
// BODY    the rest. Inflated size at most LIMIT_FRAME_INFLATED_BYTES.
// The keyed hash and the signature cover u8 direction (0 up, 1 down) and all frame bytes but
// themselves;
// a signature's message starts with "davy/frame/1" | site. Numbers count up per session and
// direction;
// a receiver takes each number once, within a window of 64.
//
// type      from    proof      body
// HELLO     device  signed     device, author, author random, nonce, kx key, max message, time,
// chains held,
//                              log cursors
// WELCOME   hub     signed     nonces, kx key, session, hub author and device, time, starting,
// chains held, heads
// BATCH     device  keyed      whole records of one chain, from first_seq, ending in a seal
// ACK       hub     keyed      what the hub holds now of a chain (after its commit); reason, retry
// FEED      hub     keyed      entries of one chain of the hub's log with the admitted records,
// ending in a seal
// FACK      device  keyed      log cursors held now (after the commit)
// DIGEST    hub     signed     live values of one area, changed ones only or all
// START     hub     signed     "I start: greet me" (broadcast, also the answer to an unknown
// session)
// JOIN      device  by secret  a new device asks to be enrolled
// JOINED    hub     by secret  site, hub key, and once confirmed the device's id
// ENROL     device  keyed      a person's new key, proven by a one-time code
// ENROLLED  hub     keyed      the answer
// FORK      device  keyed      a seal of my earlier incarnation over another branch than the hub's;
//                              the hub sends it back once it is settled
// PULL      hub     keyed      give me my own log back: a chain and a place
// GIVE      device  keyed      as FEED: entries of the hub's log that the hub lost
#ifndef DAVY_SYNC_FRAME_H
#define DAVY_SYNC_FRAME_H

#include "davy/record/record.h"

#define FRAME_HEADER_BYTES 13
#define FRAME_NONCE_BYTES 16
#define FRAME_OVERHEAD_BYTES (FRAME_HEADER_BYTES + SIGNATURE_BYTES)
#define FRAME_CHAINS_MAX (LANE_COUNT * AUDIENCE_COUNT)

enum frame_type {
    FRAME_HELLO = 1,
    FRAME_WELCOME = 2,
    FRAME_BATCH = 3,
    FRAME_ACK = 4,
    FRAME_FEED = 5,
    FRAME_FACK = 6,
    FRAME_DIGEST = 7,
    FRAME_START = 8,
    FRAME_JOIN = 9,
    FRAME_JOINED = 10,
    FRAME_ENROL = 11,
    FRAME_ENROLLED = 12,
    FRAME_FORK = 13,
    FRAME_PULL = 14,
    FRAME_GIVE = 15,
    FRAME_BLOB_OFFER = 16, // blobs: sync/blob.h
    FRAME_BLOB_NEED = 17,
    FRAME_BLOB_CHUNK = 18,
    FRAME_BLOB_STATE = 19,
    FRAME_TYPE_COUNT
};
enum frame_flag { FRAME_ZSTD = 1, FRAME_KEYED = 2, FRAME_SIGNED = 4, FRAME_BOXED = 8 };
enum frame_direction { FRAME_UP = 0, FRAME_DOWN = 1 };

struct frame {
    enum frame_type type;
    uint8_t flags;
    uint32_t session;
    uint32_t number;
    struct slice proof; // keyed hash or signature, as flags say
    struct slice body;  // inflated; borrowed from the frame or from the inflate buffer
};

// Compression state, one a process side (about 1 MB); NULL sends uncompressed.
struct frame_codec;
DAVY_MUST_USE enum rc frame_codec_new(struct frame_codec **out_codec);
void frame_codec_free(struct frame_codec *codec);

// How a frame is proven: exactly one of `keyed` and `signer` is set.
struct frame_seal {
    enum frame_direction direction;
    const uint8_t *keyed; // SESSION_KEY_BYTES
    const struct keypair *signer;
    struct site_id site;
};
// Builds a whole frame into out (reset first): compresses the body if that is shorter.
DAVY_MUST_USE enum rc frame_build(struct frame_codec *codec, const struct frame *head,
                                  struct slice body, const struct frame_seal *seal,
                                  struct buf *out);
// Header and proof only; the body is not touched. RC_TRUNCATED, RC_INVALID, RC_UNSUPPORTED,
// RC_TOO_LARGE.
DAVY_MUST_USE enum rc frame_open(struct slice bytes, struct frame *out_frame);
bool frame_keyed_ok(struct slice bytes, const struct frame *frame, enum frame_direction direction,
                    const uint8_t key[SESSION_KEY_BYTES]);
// Whose signature a frame should carry.
struct frame_trust {
    enum frame_direction direction;
    struct site_id site;
    const struct keys_scheme *scheme;
    const struct public_key *key;
};
bool frame_signed_ok(struct slice bytes, const struct frame *frame,
                     const struct frame_trust *trust);
// Inflates frame->body if compressed (after the proof was checked) into the codec's buffer.
DAVY_MUST_USE enum rc frame_inflate(struct frame_codec *codec, struct frame *frame);

// The state of one chain as a peer states it.
struct frame_chain {
    struct chain_id id; // author only where the message says so
    uint64_t seq;
    uint8_t hash[SEEN_HASH_BYTES];
};

struct hello {
    struct site_id site;
    struct rid device;
    struct author_id author;
    uint8_t author_random[AUTHOR_RANDOM_BYTES];
    uint8_t nonce[FRAME_NONCE_BYTES];
    uint8_t kx_public[32];
    uint32_t message_bytes_max;
    struct moment now;
    struct author_id hub; // whose log the cursors speak of; zero: none
    uint8_t held_count;   // own chains
    struct frame_chain held[FRAME_CHAINS_MAX];
    uint8_t cursor_count; // hub's chains
    struct frame_chain cursors[FRAME_CHAINS_MAX];
};
struct welcome {
    uint8_t hello_nonce[FRAME_NONCE_BYTES];
    uint8_t nonce[FRAME_NONCE_BYTES];
    uint8_t kx_public[32];
    uint32_t session;
    struct author_id hub;
    struct rid hub_device;
    uint32_t message_bytes_max;
    struct utc_ms time;
    uint8_t starting;   // 1: asks its neighbours for its own heads before it serves
    uint64_t digest;    // number of the last digest sent
    uint8_t held_count; // of the device's author
    struct frame_chain held[FRAME_CHAINS_MAX];
    uint8_t head_count; // the hub's own sealed heads
    struct frame_chain heads[FRAME_CHAINS_MAX];
};
enum ack_reason {
    ACK_OK = 0,
    ACK_GAP = 1,
    ACK_FORK = 2,
    ACK_SEAL = 3,
    ACK_FORM = 4,
    ACK_FULL = 5,
    ACK_STARTING = 6
};
struct ack {
    uint8_t lane;
    uint8_t audience;
    uint64_t seq; // held now
    uint8_t hash[SEEN_HASH_BYTES];
    uint64_t up_seq; // held by the level above, or by the last verified backup
    enum ack_reason reason;
    uint32_t retry_ms;
    uint8_t range_count; // held out of order, beyond seq
    struct {
        uint64_t first, last;
    } ranges[4];
    struct utc_ms time; // the hub's clock
};
struct fack {
    struct author_id hub;
    uint8_t count;
    struct frame_chain cursors[FRAME_CHAINS_MAX];
};

DAVY_MUST_USE enum rc hello_encode(const struct hello *hello, struct buf *out);
DAVY_MUST_USE enum rc hello_decode(struct slice body, struct hello *out_hello);
DAVY_MUST_USE enum rc welcome_encode(const struct welcome *welcome, struct buf *out);
DAVY_MUST_USE enum rc welcome_decode(struct slice body, struct welcome *out_welcome);
DAVY_MUST_USE enum rc ack_encode(const struct ack *ack, struct buf *out);
DAVY_MUST_USE enum rc ack_decode(struct slice body, struct ack *out_ack);
DAVY_MUST_USE enum rc fack_encode(const struct fack *fack, struct buf *out);
DAVY_MUST_USE enum rc fack_decode(struct slice body, struct fack *out_fack);

// BATCH: header, then `count` items, then the seal over first_seq + count - 1.
struct batch {
    uint8_t lane;
    uint8_t audience;
    uint64_t first_seq;
    uint8_t before[SEEN_HASH_BYTES]; // chain hash at first_seq - 1
    uint32_t count;
    struct signature seal;
    struct slice items;
};
struct batch_item {
    struct slice content;
    bool has_sig;
    struct signature sig;
};
void batch_put_item(struct buf *items, struct slice content, const struct signature *sig);
DAVY_MUST_USE enum rc batch_encode(const struct batch *batch, struct buf *out);
DAVY_MUST_USE enum rc batch_decode(struct slice body, struct batch *out_batch);
// One item from the items' reader; RC_OK, or the reader's error.
DAVY_MUST_USE enum rc batch_next(struct reader *items, struct batch_item *out_item);

// FEED: like a batch of the hub's own chain. An item is
//   0 the hub's own record: content, signature or not
//   1 an admit with the admitted record    2 an admit of a record that the reader holds: its own,
//   or the
//     hub's own that stands just before it
//   3 a seal of another author's chain (not part of the hub's chain; follows the admits it covers)
enum feed_item_type { FEED_OWN = 0, FEED_ADMIT = 1, FEED_ADMIT_HELD = 2, FEED_AUTHOR_SEAL = 3 };
struct feed {
    struct author_id hub; // the incarnation whose chain it is
    uint8_t lane;
    uint8_t audience;
    uint64_t first_seq;
    uint8_t before[SEEN_HASH_BYTES];
    uint32_t count; // items, seals of authors included
    uint64_t last_seq;
    uint64_t head_seq;     // the hub's sealed head: how far behind the reader is
    struct signature seal; // over last_seq
    struct slice items;
};
struct feed_item {
    enum feed_item_type type;
    struct slice admit;
    struct slice content;
    bool has_sig;
    struct signature sig; // of the record, or the author's seal
    struct place sealed;  // FEED_AUTHOR_SEAL
};
DAVY_MUST_USE enum rc feed_put_item(struct buf *items, const struct feed_item *item);
DAVY_MUST_USE enum rc feed_encode(const struct feed *feed, struct buf *out);
DAVY_MUST_USE enum rc feed_decode(struct slice body, struct feed *out_feed);
DAVY_MUST_USE enum rc feed_next(struct reader *items, struct feed_item *out_item);

// FORK: two seals of one chain disagree; this one is the sender's.
struct fork {
    struct chain_id chain;
    uint64_t seq;
    struct hash32 hash;
    struct signature seal;
};
DAVY_MUST_USE enum rc fork_encode(const struct fork *fork, struct buf *out);
DAVY_MUST_USE enum rc fork_decode(struct slice body, struct fork *out_fork);

// PULL: the hub asks a reader for entries of a chain of its own log.
struct pull {
    struct chain_id chain;
    uint64_t from;
};
DAVY_MUST_USE enum rc pull_encode(const struct pull *pull, struct buf *out);
DAVY_MUST_USE enum rc pull_decode(struct slice body, struct pull *out_pull);

// DIGEST: live values of one area.
#define DIGEST_VALUES_MAX 600
struct digest_value {
    struct slice tag; // name
    double value;
    uint8_t quality; // 0 good, 1 uncertain, 2 bad, 3 source stale
    int64_t age_ms;  // at the digest's time
};
struct digest {
    struct author_id hub;
    uint64_t number; // counts up over all areas
    struct utc_ms time;
    struct slice area;             // code
    bool full;                     // all tags of the area (or this part of them)
    uint64_t head_seq[LANE_COUNT]; // audience site: what a reader should hold
    uint32_t count;
    struct slice items;
};
void digest_put_value(struct buf *items, const struct digest_value *value);
DAVY_MUST_USE enum rc digest_encode(const struct digest *digest, struct buf *out);
DAVY_MUST_USE enum rc digest_decode(struct slice body, struct digest *out_digest);
DAVY_MUST_USE enum rc digest_next(struct reader *items, struct digest_value *out_value);

// START: the hub's author, a nonce and its time.
struct start {
    struct author_id hub;
    uint8_t nonce[FRAME_NONCE_BYTES];
    struct utc_ms time;
};
DAVY_MUST_USE enum rc start_encode(const struct start *start, struct buf *out);
DAVY_MUST_USE enum rc start_decode(struct slice body, struct start *out_start);

// ENROL and ENROLLED.
struct enrol {
    struct rid person;
    struct public_key key;
    uint8_t proof[KEYED_HASH_BYTES]; // keyed by the code, over person and key
};
struct enrolled {
    struct key_id key;
    uint16_t code; // enum refusal_code
};
DAVY_MUST_USE enum rc enrol_encode(const struct enrol *enrol, struct buf *out);
DAVY_MUST_USE enum rc enrol_decode(struct slice body, struct enrol *out_enrol);
DAVY_MUST_USE enum rc enrolled_encode(const struct enrolled *enrolled, struct buf *out);
DAVY_MUST_USE enum rc enrolled_decode(struct slice body, struct enrolled *out_enrolled);
// The one-time code's keyed hash, and the hash under which the hub keeps the code's payload.
void enrol_prove(const char *code, struct rid person, const struct public_key *key,
                 uint8_t out_proof[KEYED_HASH_BYTES]);
// The same, from the key that stands for the code (what the hub keeps).
void enrol_key(const char *code, uint8_t out_key[SESSION_KEY_BYTES]);
void enrol_prove_with(const uint8_t key[SESSION_KEY_BYTES], struct rid person,
                      const struct public_key *device_key, uint8_t out_proof[KEYED_HASH_BYTES]);
void secret_hash(const char *domain, struct slice secret, struct hash32 *out_hash);

// JOIN and JOINED: proven by a keyed hash under the invite's secret (in frame.proof, FRAME_KEYED,
// session 0).
struct join {
    struct public_key device_key;
    uint8_t secret_id[16]; // which invite: first half of secret_hash("davy/invite/1", secret)
    uint8_t nonce[FRAME_NONCE_BYTES];
    struct slice tls_key; // public, for the broker's door; empty: no certificate is asked for
};
#define LIMIT_JOIN_KEY_BYTES 128          // SubjectPublicKeyInfo of P-256 takes 91
#define LIMIT_JOIN_CERTIFICATE_BYTES 4096 // PEM
struct joined {
    uint8_t nonce[FRAME_NONCE_BYTES]; // of the JOIN
    struct site_id site;
    struct public_key hub_key;
    uint8_t confirmed;        // 0: waiting for the admin to compare the short code
    struct rid device;        // once confirmed
    struct slice door;        // the broker's address for certificates, "" if it has none
    struct slice certificate; // PEM, over the key that the JOIN carried
    struct slice authority;   // PEM
};
DAVY_MUST_USE enum rc join_encode(const struct join *join, struct buf *out);
DAVY_MUST_USE enum rc join_decode(struct slice body, struct join *out_join);
DAVY_MUST_USE enum rc joined_encode(const struct joined *joined, struct buf *out);
DAVY_MUST_USE enum rc joined_decode(struct slice body, struct joined *out_joined);
// The key of a JOIN's and JOINED's proof.
void join_key(const uint8_t secret[16], uint8_t out_key[SESSION_KEY_BYTES]);
// The id under which an invite's secret is known.
void invite_id(const uint8_t secret[16], uint8_t out_id[16]);
// Six digits that both sides show: of device key, hub key and site.
#define SHORT_CODE_BYTES 7
void join_short_code(const struct public_key *device_key, const struct public_key *hub_key,
                     struct site_id site, char out_code[static SHORT_CODE_BYTES]);

// INVITE as text for people, QR and files: "DAVY1-" and base 32 of site, hub key, secret and
// broker.
struct invite {
    struct site_id site;
    struct public_key hub_key;
    uint8_t secret[16];
    char broker[LIMIT_TAG_BYTES + 1]; // host:port
    char account[LIMIT_TAG_BYTES + 1];
    char password[LIMIT_TAG_BYTES + 1];
    char name[LIMIT_NAME_BYTES + 1]; // of the device
    uint8_t kind;                    // enum device_kind
};
DAVY_MUST_USE enum rc invite_encode(const struct invite *invite, struct buf *out_text);
DAVY_MUST_USE enum rc invite_decode(const char *text, struct invite *out_invite);

#endif
