// The app's inner parts: one file a concern, one struct that holds all.
//   app.c       open, close, one step       act.c       building, signing, appending a record
//   people.c    sign-in, lock, first use    alarm.c     list, detail, acknowledge, comment
//   overview.c  areas                       tags.c      definitions, live values, trends
//   outbox.c    stages of own acts          log.c       records of a subject, export, search
//   admin.c     people, roles, devices      say.c       sentences
#ifndef DAVY_APP_APP_PRIV_H
#define DAVY_APP_APP_PRIV_H

#include "davy/app/app.h"
#include "davy/app/control.h"
#include "davy/app/device.h"
#include "davy/app/judge.h"
#include "davy/base/ensure.h"
#include "davy/base/map.h"
#include "davy/base/text.h"

#define APP_MESSAGES_MAX 32
#define APP_INBOX_MAX 2048
#define TREND_POINTS_MAX 600 // of a tag that somebody looks at
#define TREND_POINTS_MIN 32  // of every tag: a sparkline

struct app_signed {
    struct rid person;
    struct key_id key;
    struct keypair *pair;
    uint64_t session;
};

struct app_live {
    char tag[LIMIT_TAG_BYTES + 1];
    double value;
    uint8_t quality; // 3: source stale
    struct utc_ms time;
    struct trend_point *points; // ring
    uint16_t cap, count, next;
};

struct app_frame {
    size_t len;
    uint8_t *bytes;
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
    struct define_state *defs; // in site order
    uint32_t def_count, def_cap;
    bool defs_dirty;
    struct app_live *live;
    uint32_t live_count, live_cap;
    struct map *live_map;

    struct app_message messages[APP_MESSAGES_MAX];
    uint32_t message_head, message_count;
    uint64_t judged_seq[LANE_COUNT]; // own records up to here were looked at for refusals
    uint32_t refused;
    struct {
        int64_t oldest_time;
        uint64_t bytes;
        bool known;
    } unsent;
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
};
// The body stands in app->body. Checks, signs with the active person's key, appends and commits.
DAVY_MUST_USE enum rc app_act(struct app *app, const struct act *act, struct rid *out_rid,
                              struct refusal *out_refusal);
struct body app_body(struct app *app, uint16_t kind);
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

// alarm.c
DAVY_MUST_USE enum rc app_alarms(struct app *app);

// outbox.c
void app_judged(struct app *app);

#endif
