// The hub's inner parts: one file a concern, one struct that holds all.
//
//   hub.c      open, close, one step (transaction, commit, send)
//   admit.c    what sync asks: judge, enrol, invite, join
//   ingest.c   telemetry in: mapping, range, evaluation, history, live values
//   alarms.c   evaluator events to records; reconciliation with the log
//   define.c   areas and tags of the site file as records
//   digest.c   live values out
//   backup.c   what the last backup holds
//   control.c  the socket beside the store
//   init.c     a new site
//   revoke.c   what follows from a revocation
//   import.c   devices' records that come by file
//   tiers.c, replica.c, carry.c, card.c   the hubs above and below
#ifndef DAVY_HUB_HUB_PRIV_H
#define DAVY_HUB_HUB_PRIV_H

#include "davy/app/author.h"
#include "davy/app/control.h"
#include "davy/app/device.h"
#include "davy/app/judge.h"
#include "davy/base/ensure.h"
#include "davy/base/log.h"
#include "davy/base/text.h"
#include "davy/domain/alarm/eval.h"
#include "davy/domain/site/site.h"
#include "davy/feed/mapping.h"
#include "davy/hub/hub.h"
#include "davy/store/history.h"

#define HUB_EVENTS_MAX 65536   // evaluator events waiting for a commit; beyond: reconcile instead
#define HUB_REVOKES_MAX 8      // revocations of one round that name no list
#define HUB_JOINS_MAX 32       // devices waiting for an admin
#define HUB_DEFINES_A_STEP 500 // definitions written in one transaction
#define HUB_INBOX_MAX 4096     // frames waiting for a step
#define HUB_CLAIMS_MAX 96      // signatures of one batch that are verified together
#define SUMMARY_LIMITS 4       // HH H L LL

struct hub_frame {
    char account[LIMIT_TAG_BYTES + 1];
    size_t len;
    uint8_t *bytes;
};

struct hub_join {
    struct public_key key;
    char account[LIMIT_TAG_BYTES + 1];
    char name[LIMIT_NAME_BYTES + 1];
    uint8_t kind;
};

// A device or key that was withdrawn without a list, and what the hub held of its device then.
struct hub_revoke {
    struct rid subject;
    struct rid device;
    struct key_id key; // zero: the device
    struct chain_id chains[ROSTER_GOODS_MAX];
    uint64_t seqs[ROSTER_GOODS_MAX];
    uint8_t count;
    bool looked;
};

// The newest live reading of a tag.
struct hub_live {
    double value;
    struct utc_ms time;
    uint8_t quality; // enum feed_quality
    bool heard;
    bool changed;     // since the last digest
    uint32_t history; // number of the tag there; 0: none
};

// What the last verified backup off this machine holds.
struct hub_head;
struct hub_backup {
    struct utc_ms time; // 0: none was made yet
    struct hub_head *heads;
    uint32_t count;
};
#define HUB_BACKUP_TOKEN_BYTES 8

struct hub {
    struct hub_options options;
    struct device_config config;  // with the incarnation that writes now
    struct device_config founded; // as the files say
    struct keyfile_device keys;
    struct store *store;
    struct history *history;
    struct roster *roster;
    struct sync_hub *sync;
    struct moment now; // of the call in progress

    struct hub_backup backup;
    struct buf backup_next; // heads of the backup that is being made; empty: none
    uint8_t backup_token[HUB_BACKUP_TOKEN_BYTES];

    struct site *site;
    struct feed *feed;
    struct alarm_eval *eval;
    struct hub_live *live;     // by tag
    struct rid *open_limits;   // by tag and limit: the open occurrence, zero if none
    struct rid *open_gateways; // by gateway
    const char **topics;
    bool define_due; // areas and tags of the site file are not all stated yet
    uint32_t define_next;
    bool reconcile_due;

    struct hub_frame *inbox;
    uint32_t inbox_head, inbox_count;
    size_t inbox_bytes;
    struct alarm_event *events;
    uint32_t event_count;
    struct hub_join joins[HUB_JOINS_MAX];
    uint32_t join_count;
    struct hub_revoke revokes[HUB_REVOKES_MAX];
    uint32_t revoke_count;
    bool sessions_due; // a device was withdrawn: its session ends

    uint64_t digest_sessions;
    struct mono_ms digest_at;      // the last round of digests
    struct mono_ms digest_full_at; // the last full one
    struct mono_ms eval_next;
    struct mono_ms sync_next;
    uint64_t voided, ranks;    // of sync, as far as they were looked at
    bool readings_wait;        // put into history, not yet committed
    bool undo_due;             // a rollback could not be finished: nothing else before it
    enum rc trouble;           // what a callback of this round could not return
    struct mono_ms full_until; // the disk was full: try again then
    struct hub_status status;
    struct keys_claim claims[HUB_CLAIMS_MAX]; // of the batch that is judged
    uint32_t claim_count;
    struct buf body, content, scratch;
};

// admit.c
void hub_foresee(void *ctx, const struct signed_record *records, uint32_t count);
enum verdict hub_judge(void *ctx, const struct content *content, const struct place *place,
                       const struct signed_record *record, bool repeat, uint16_t *out_rule);
enum rc hub_incarnate(void *ctx, const struct incarnation *next, struct moment now,
                      struct signed_record *out_record);
enum rc hub_forked(void *ctx, struct rid device, const struct fork *fork, struct moment now);
enum refusal_code hub_enrol(void *ctx, struct rid device, const struct enrol *enrol,
                            struct moment now);
bool hub_invite_secret(void *ctx, const uint8_t secret_id[16], struct moment now,
                       uint8_t out_secret[16]);
void hub_join(void *ctx, const char *account, const struct join *join, struct moment now,
              struct joined *out_joined);
bool hub_device_of(void *ctx, const char *account, struct sync_peer *out_peer);
bool hub_key_of(void *ctx, const struct content *content, struct public_key *out_key);
struct judge hub_judge_of(struct hub *hub);
// Under which a person's one-time code is kept; a zero device: good on any.
void hub_code_hash(struct rid person, struct rid device, struct hash32 *out_hash);

// hub.c: builds and appends one record of the hub itself. `body` was written into hub->body.
DAVY_MUST_USE enum rc hub_state(struct hub *hub, uint16_t kind, const struct rid *subject,
                                struct rid *out_rid);
// Rolls back; the store, the roster and the open alarms are as before.
DAVY_MUST_USE enum rc hub_undo(struct hub *hub);
// Opens a round; first ends what could not be undone. Before the commit `trouble` is looked at.
DAVY_MUST_USE enum rc hub_begin(struct hub *hub);
void hub_random(struct hub *hub, void *out, size_t len);
void hub_log(struct hub *hub, enum log_level level, const char *format, ...) DAVY_PRINTF(3, 4);

// ingest.c
// `first`: nothing of the evaluator was carried over from a running site.
DAVY_MUST_USE enum rc hub_ingest_open(struct hub *hub, bool first);
DAVY_MUST_USE enum rc hub_ingest_save(struct hub *hub);

// alarms.c
void hub_event(void *ctx, const struct alarm_event *event);
DAVY_MUST_USE enum rc hub_alarms_write(struct hub *hub);
// What is open in the log. The evaluator keeps what it knows of values.
DAVY_MUST_USE enum rc hub_alarms_load(struct hub *hub);
// A fresh evaluator takes what is open as active, until a reading tells otherwise.
void hub_alarms_force(struct hub *hub);

// define.c
DAVY_MUST_USE enum rc hub_define(struct hub *hub);
void hub_site_free(struct hub *hub);

// revoke.c
// A person's or device's new state: what of it is to be stated.
void hub_revoke_fold(struct hub *hub, struct rid subject, const struct roster_state *state);
// Takes note of what the hub holds, before anything more is admitted.
void hub_revokes_look(struct hub *hub);
// States it, in the open transaction.
DAVY_MUST_USE enum rc hub_revokes_write(struct hub *hub);
void hub_sessions_end(struct hub *hub);

// backup.c
DAVY_MUST_USE enum rc hub_backup_load(struct hub *hub);
void hub_backup_close(struct hub *hub);
uint64_t hub_backup_seq(void *ctx, struct chain_id chain);
DAVY_MUST_USE enum rc hub_backup_control(struct hub *hub, struct slice payload, struct buf *out,
                                         struct refusal *refusal);

// digest.c
void hub_digests(struct hub *hub);

#endif
