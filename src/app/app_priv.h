// The app's inner parts: one file a concern, one struct that holds all.
//   app.c       open, close, one step       act.c       building, signing, appending a record
//   people.c    sign-in, lock, first use    alarm.c     list, detail, acknowledge, comment
//   overview.c  areas                       tags.c      definitions, live values, trends
//   outbox.c    stages of own acts          log.c       records of a subject, export, search
//   admin.c     people, roles, devices      say.c       sentences
//   remark.c    remarks
#ifndef DAVY_APP_APP_PRIV_H
#define DAVY_APP_APP_PRIV_H

#include "davy/app/app.h"
#include "davy/app/author.h"
#include "davy/app/control.h"
#include "davy/app/device.h"
#include "davy/app/judge.h"
#include "davy/base/ensure.h"
#include "davy/base/map.h"
#include "davy/base/text.h"

#define APP_MESSAGES_MAX 32
#define APP_INBOX_MAX 2048
#define APP_STEP_BYTES 262144 // frames of one transaction: the screen must not stand still
#define TREND_POINTS_MAX 600  // of a tag that somebody looks at
#define TREND_POINTS_MIN 32   // of every tag: a sparkline

struct app_signed {
    struct rid person;
    struct key_id key;
    struct keypair *pair; // NULL while locked
    uint64_t session;
};

struct app_live {
    char tag[LIMIT_TAG_BYTES + 1];
    double value;
    uint8_t quality; // 3: source stale
    struct utc_ms time;
    uint32_t picture;           // app->picture when it was heard
    struct trend_point *points; // ring
    uint16_t cap, count, next;
};

struct app_frame {
    size_t len;
    uint8_t *bytes;
};

// What of an own chain the hub does not hold yet, kept up to date entry by entry.
struct app_unsent {
    uint64_t head, acked;
    uint64_t bytes;      // of acked + 1 .. head
    int64_t oldest_time; // of acked + 1; 0: nothing
};

struct app {
    struct app_options options;
    struct device_config config;
    struct keyfile_device keys;
    char keys_folder[1200];
    struct store *store;
    struct roster *roster;
    struct sync_device *sync; // NULL: no link (reader, hub's folder)
    struct moment now;
    bool linked;

    struct app_frame inbox[APP_INBOX_MAX];
    uint32_t inbox_head, inbox_count;
    size_t inbox_bytes;
    struct mono_ms tick_at;

    struct app_signed people[LIMIT_SIGNED_IN];
    uint32_t people_count;
    uint32_t active; // index
    bool locked;
    struct mono_ms touched;
    struct {
        struct rid person;
        struct key_id key;
        bool waits;
    } first_use;

    struct alarm_row *alarms; // open ones, in order
    uint32_t alarm_count, alarm_cap;
    bool alarms_dirty;
    struct define_state *defs; // areas, then tags, in site order
    uint32_t def_count, def_cap;
    struct map *def_map; // tag name to index
    bool defs_dirty;
    struct app_live *live;
    uint32_t live_count, live_cap;
    struct map *live_map;
    uint64_t digest_number; // of the newest digest
    uint32_t picture;       // counts up when a digest was missed: what is older is no longer live

    struct app_message messages[APP_MESSAGES_MAX];
    uint32_t message_head, message_count;
    // By own chain (lane and audience): records up to here were looked at for refusals; up to here
    // a person has seen them, kept in the store; how many are between the two.
    uint64_t judged_seq[FRAME_CHAINS_MAX];
    uint64_t seen_seq[FRAME_CHAINS_MAX];
    uint32_t refused;
    struct app_unsent unsent[FRAME_CHAINS_MAX];
    bool in_acts; // several records of one act share a transaction
    bool changed;
    struct buf body, content, scratch;
};

void app_random(struct app *app, void *out, size_t len);
void app_push_message(struct app *app, const struct app_message *message);
bool app_is_hub(const struct app *app);

// act.c
struct act {
    uint16_t kind;
    const struct rid *subjects;
    uint16_t subject_count;
    uint8_t audience; // of an opening
};
// The body stands in app->body. Checks, signs with the active person's key, appends and commits.
DAVY_MUST_USE enum rc app_act(struct app *app, const struct act *act, struct rid *out_rid,
                              struct refusal *out_refusal);
struct body app_body(struct app *app, uint16_t kind);
// Between these two several records become durable together, or none does.
DAVY_MUST_USE enum rc app_acts_begin(struct app *app, struct refusal *out_refusal);
DAVY_MUST_USE enum rc app_acts_end(struct app *app, enum rc rc, struct refusal *out_refusal);
DAVY_MUST_USE enum rc
app_open_author(struct app *app); // states the incarnation if that is not done

// people.c
void app_people_close(struct app *app);
void app_idle(struct app *app);
void app_enrolled(void *ctx, struct key_id key, enum refusal_code code);

// tags.c
void app_digest(void *ctx, const struct digest *digest);
DAVY_MUST_USE enum rc app_defs(struct app *app);
void app_tags_close(struct app *app);
bool app_picture_is_stale(struct app *app);
struct picture {
    bool stale;
    int64_t hub_now; // the hub's clock
};
struct picture app_picture(struct app *app);
// Never heard, missed, bad, too old, or the picture is stale.
bool app_tag_is_unknown(struct app *app, const char *tag, struct picture picture);

// alarm.c
DAVY_MUST_USE enum rc app_alarms(struct app *app);

// outbox.c
DAVY_MUST_USE enum rc app_outbox_open(struct app *app);
// How far a record got. False: it is not this device's own, so it came with its verdict.
bool app_stage(struct app *app, const struct place *place, enum act_stage *out_stage,
               uint16_t *out_rule);
void app_judged(struct app *app);
// Writes how far refusals were seen, if that is worth a write. In an open transaction.
DAVY_MUST_USE enum rc app_outbox_save(struct app *app);

#endif
