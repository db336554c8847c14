// The app's inner parts: one file a concern, one struct that holds all.
//   app.c       open, close, one step       act.c       building, signing, appending a record
//   people.c    sign-in, lock, first use    alarm.c     list, detail, acknowledge, comment
//   overview.c  areas                       tags.c      tags and their live values
//   defs.c      definitions, packed         trend.c     points of a tag over time
//   outbox.c    stages of own acts          log.c       records of a subject, export, search
//   admin.c     people, roles, devices      say.c       sentences
//   authority.c withdrawing, seconds, roots, witnesses, age of the roster
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
#define TREND_POINTS_MAX 600  // of a tag that somebody looks at, or that has an open alarm
#define TREND_POINTS_MIN 20   // of every tag: a sparkline
#define TREND_LONG_MAX 96   // tags with more at one time: what stands on a wide screen, and alarms
#define TREND_ALARMS_MAX 32 // of these, for alarms that nobody looks at yet
#define APP_TAGS_MAX (2 * LIMIT_SITE_TAGS) // removed tags and those only heard of count, too

struct app_signed {
    struct rid person;
    struct key_id key;
    struct keypair *pair; // NULL while locked
    uint64_t session;
};

// A definition, packed: a site has thousands, and most of a define_state is empty. Texts with their
// NULs (code, area, name, unit, equipment), then which numbers there are, then these.
struct app_def {
    uint32_t order;
    uint32_t stale_s;
    uint16_t bytes;
    char packed[];
};

// The newest points of one tag. A time is kept as its low bits, which count back from the newest.
struct trend {
    double *values; // ring of cap; behind them, as many uint32: time << 2 | quality
    int64_t newest; // ms
    uint16_t cap, count, next;
};

// A tag that is defined, or heard of, or both. Its place in the table stays while the app is open.
struct tag_entry {
    struct app_def *def; // NULL: not defined
    double value;
    struct utc_ms time;
    uint32_t picture; // app->picture when it was heard
    uint8_t quality;  // 3: source stale
    bool heard;
    struct trend trend;
};

// How old the roster is: `base_ms` at `at` on the boot clock; -1: never confirmed. What is kept
// over a restart is the wall time of the last word and the newest wall time ever seen.
struct app_age {
    int64_t base_ms;
    struct mono_ms at;
    int64_t confirmed, newest;
    struct mono_ms saved;
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
    struct device_config config;  // with the incarnation that writes now
    struct device_config founded; // as device.ini says
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
    struct app_signed once; // signs in front of the active person; pair NULL: nobody
    bool once_stays;        // a root key: for more than one act
    struct app_age age;
    struct {
        struct rid person;
        struct key_id key;
        bool waits;
    } first_use;

    struct alarm_row *alarms; // open ones, in order
    uint32_t alarm_count;
    bool alarms_dirty;
    bool alarms_behind; // what is listed is older than the store, for want of memory
    struct tag_entry *tags;
    uint32_t tag_count, tag_cap;
    struct map *tag_map; // name to place in tags
    uint64_t *tag_order; // defined ones in site order: order << 32 | place in tags
    uint32_t defined_count;
    struct app_def *areas[LIMIT_SITE_AREAS]; // in site order
    uint32_t area_count;
    bool defs_dirty;                     // to be read from the store
    bool defs_unsorted;                  // tag_order and areas are to be made anew
    uint32_t trend_long[TREND_LONG_MAX]; // places in tags, the last asked for first
    uint32_t trend_long_count;
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
    enum rc incomplete; // why a query gave less than there is
    bool short_of;      // a fold of this round met no memory
    bool reload_due;    // the roster is to be built anew before the next round
    struct buf body, content, scratch, packed;
};

void app_random(struct app *app, void *out, size_t len);
// Rolls back what is open; what memory knows is then what the store holds.
DAVY_MUST_USE enum rc app_undo(struct app *app);
void app_push_message(struct app *app, const struct app_message *message);
bool app_is_hub(const struct app *app);
// Notes for app_incomplete why a query could not give all; RC_OK notes nothing.
void app_missed(struct app *app, enum rc rc);

// act.c
struct act {
    uint16_t kind;
    const struct rid *subjects;
    uint16_t subject_count;
    uint8_t audience; // of an opening
    const struct rid *refs;
    uint16_t ref_count;
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
// A key of its own under a new PIN, not yet certified.
DAVY_MUST_USE enum rc app_new_key(struct app *app, const char *pin, struct public_key *out_key,
                                  struct refusal *out_refusal);
bool app_signs_as_root(const struct app *app);
// The key of a single act is closed; a root key stays.
void app_signed_once(struct app *app);

// authority.c
// Workers whom a pending witness names act on this device.
DAVY_MUST_USE enum rc app_pending_people(struct app *app);
void app_age_open(struct app *app);
// In an open transaction.
DAVY_MUST_USE enum rc app_age_step(struct app *app);

// defs.c
// Reads and sorts what is not up to date.
DAVY_MUST_USE enum rc app_defs(struct app *app);
// A definition changed in the store.
void app_def_fold(struct app *app, const struct define_state *state);
void app_defs_close(struct app *app);
void def_unpack(const struct app_def *def, enum define_what what, struct define_state *out_state);
const char *def_area(const struct app_def *def); // borrowed

// tags.c
void app_digest(void *ctx, const struct digest *digest);
struct tag_entry *tag_find(const struct app *app, const char *tag);
// NULL: no room.
struct tag_entry *tag_make(struct app *app, struct slice tag);
// Forgets all tags: definitions, values, trends.
void app_tags_clear(struct app *app);
bool app_picture_is_stale(struct app *app);
struct picture {
    bool stale;
    int64_t hub_now; // the hub's clock
};
struct picture app_picture(struct app *app);
// Never heard, missed, bad, too old, or the picture is stale.
bool tag_is_unknown(const struct app *app, const struct tag_entry *tag, struct picture picture);

// trend.c
void trend_put(struct trend *trend, const struct trend_point *point);
// From now on many points of this tag are kept; the one not asked for longest goes back to few.
void trend_lengthen(struct app *app, const struct tag_entry *tag);

// alarm.c
DAVY_MUST_USE enum rc app_alarms(struct app *app);

// outbox.c
DAVY_MUST_USE enum rc app_outbox_open(struct app *app);
// How far a record got. False: it is not this device's own, so it came with its verdict.
bool app_stage(struct app *app, const struct place *place, enum act_stage *out_stage,
               uint16_t *out_rule);
void app_judged(struct app *app);
// Another incarnation: its chains are looked at from their start.
void app_outbox_restart(struct app *app);
// Writes how far refusals were seen, if that is worth a write. In an open transaction.
DAVY_MUST_USE enum rc app_outbox_save(struct app *app);

#endif
