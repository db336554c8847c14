// The hub's side of sync: sessions of devices, admission of their batches, the hub's log, its feed.
//
// Pure, like sync/device.h. One transaction a loop round:
//   sync_hub_receive …  sync_hub_append …  sync_hub_seal  -> commit ->  sync_hub_flush
// Only sync_hub_flush sends: nothing leaves before the commit. After a rollback call
// sync_hub_aborted.
// A batch is stored only up to its verified seal; each record is judged by the callback and
// admitted
// with its verdict; a record that is refused is held in the author's chain all the same.
// A hub that starts asks for its own heads (START) and admits nothing until a reader answers,
// unless no reader can exist yet. A reader that claims more of this log than the hub holds is asked
// for it (PULL); what this hub's own seal proves is taken back, and the hub goes on as its next
// incarnation. What an earlier one said and nobody adopted comes as records only. A restored store
// (meta sync.restored) goes this way in any case; where nobody answers, a person confirms.
#ifndef DAVY_SYNC_HUB_H
#define DAVY_SYNC_HUB_H

#include "davy/store/store.h"
#include "davy/sync/frame.h"
#include "davy/sync/incarnation.h"
#include "davy/sync/mutant.h"

struct sync_hub;

// Who uses a broker account.
struct sync_peer {
    struct rid device;
    struct public_key key;
    // A hub of another tier: it reads lane 0, and of the other chains those from this audience on.
    bool tier;
    uint8_t audience;
};

struct sync_hub_options {
    struct store *store;
    const struct keys_scheme *scheme;
    const struct keypair *device; // the hub's device key
    struct rid device_rid;
    struct author_id author; // the first incarnation; a later one is the store's (store_own)
    uint8_t author_random[AUTHOR_RANDOM_BYTES];
    uint64_t seed;
    bool readers_exist; // devices other than this hub are enrolled: ask before serving
    uint32_t message_bytes_max;
    const struct sync_mutants *mutants; // NULL but in the simulation
    void *ctx;
    // Gives on a log that another hub writes: nothing is admitted, a reader may well be ahead.
    bool relay;
    // The enrolled device that uses a broker account; false if none.
    bool (*device_of)(void *ctx, const char *account, struct sync_peer *out_peer);
    // The signed records of a batch, before they are judged one by one: their signatures may be
    // verified all at once. They are borrowed until the next call; a count of 0 ends the batch.
    // NULL: none.
    void (*foresee)(void *ctx, const struct signed_record *records, uint32_t count);
    // Judges one record (form, signature, right, effect, module). `repeat`: its rid is known, and
    // it is a repeat unless it is no copy of it at all (store_is_stray).
    enum verdict (*judge)(void *ctx, const struct content *content, const struct place *place,
                          const struct signed_record *record, bool repeat, uint16_t *out_rule);
    // The public key that should verify `content`; false if unknown.
    bool (*key_of)(void *ctx, const struct content *content, struct public_key *out_key);
    // As in sync/device.h, for the hub. NULL: a hub that is behind goes on under its old name.
    enum rc (*incarnate)(void *ctx, const struct incarnation *next, struct moment now,
                         struct signed_record *out_record);
    // States that a device sealed two branches; `fork` is the one that lost. NULL: not stated.
    enum rc (*forked)(void *ctx, struct rid device, const struct fork *fork, struct moment now);
    // Certifies a person's key for a device: checks the code and appends the record. REFUSAL_NONE
    // if done.
    enum refusal_code (*enrol)(void *ctx, struct rid device, const struct enrol *enrol,
                               struct moment now);
    // The secret of an open invite by its id; false if there is none (used up, expired, unknown).
    bool (*invite)(void *ctx, const uint8_t secret_id[16], struct moment now,
                   uint8_t out_secret[16]);
    // A proven JOIN: notes the waiting device, or says that it is enrolled.
    void (*join)(void *ctx, const char *account, const struct join *join, struct moment now,
                 struct joined *out_joined);
    // Up to where a device's chain is safe though this hub is lost: at the level above, or in the
    // last verified backup off the machine. NULL: nowhere.
    uint64_t (*up_seq)(void *ctx, struct chain_id chain);
    // Secret randomness (key exchange).
    void (*random)(void *ctx, void *out, size_t len);
    // Hands a frame to one account's down topic (or, account NULL, to the broadcast topic).
    enum rc (*send)(void *ctx, const char *account, uint8_t lane, struct slice frame);
};

enum hub_phase { HUB_ASKING, HUB_BEHIND, HUB_SERVING };
struct sync_hub_status {
    enum hub_phase phase;
    uint32_t sessions; // devices heard lately
    uint64_t sessions_started;
    uint64_t n;
    uint64_t head_seq[LANE_COUNT];
    uint64_t admitted, refused, not_verified, forks;
    struct rid ahead;        // the device that last claimed to hold more
    uint32_t rank;           // of the incarnation that writes now
    uint64_t claims;         // of readers that hold more
    uint64_t claims_refused; // nothing came of them
    uint64_t taken_back;     // frames of my own log
    uint64_t salvaged;       // records of what nobody adopted
    uint64_t voided;         // verdicts of mine that were taken back: read the views again
    uint64_t own_forks;      // seals of mine over two branches
    uint64_t ranks;          // incarnations begun in this run
    uint64_t released;       // held records that got another verdict
};

DAVY_MUST_USE enum rc sync_hub_new(const struct sync_hub_options *options,
                                   struct sync_hub **out_hub);
void sync_hub_free(struct sync_hub *hub);
// One message on an account's up topic (or its join topic).
DAVY_MUST_USE enum rc sync_hub_receive(struct sync_hub *hub, const char *account,
                                       struct slice frame, struct moment now);
// Pulls, recovery and held records; inside a transaction, when sync_hub_due says so.
bool sync_hub_due(const struct sync_hub *hub, struct moment now);
DAVY_MUST_USE enum rc sync_hub_tick(struct sync_hub *hub, struct moment now);
// Appends a record of the hub itself and logs it as accepted. RC_BUSY while not serving.
DAVY_MUST_USE enum rc sync_hub_append(struct sync_hub *hub, uint8_t lane, uint8_t audience,
                                      const struct signed_record *record, struct moment now,
                                      uint64_t *out_n);
// Seals every chain that grew. Last step before the commit.
DAVY_MUST_USE enum rc sync_hub_seal(struct sync_hub *hub, struct moment now);
// Sends acknowledgements, then feeds by lane. out_next: when to call again at the latest (resends).
void sync_hub_flush(struct sync_hub *hub, struct moment now, struct mono_ms *out_next);
void sync_hub_aborted(struct sync_hub *hub);
// Ends every session of a device; device_of refuses its next greeting.
void sync_hub_drop(struct sync_hub *hub, struct rid device);
// Asks one account for a greeting: a link to it came up.
void sync_hub_greet(struct sync_hub *hub, const char *account, struct moment now);
// A person confirms that this hub is not behind, or that it may start alone.
void sync_hub_confirm(struct sync_hub *hub);
// Broadcasts a signed digest of live values.
void sync_hub_digest(struct sync_hub *hub, struct digest *digest, struct moment now);
bool sync_hub_serving(const struct sync_hub *hub);
void sync_hub_status(const struct sync_hub *hub, struct sync_hub_status *out_status);
// The log as a *seen* for the hub's own records. If the store fails, marks are missing from it.
enum rc sync_hub_seen(struct sync_hub *hub, uint8_t lane, struct seen *out_seen);

#endif
