// The console and field kit without its screen: what a person can ask and do on this device.
//
// The only door for screens and CLI. An app owns the device's store, keys, roster, sign-ins, its
// side of sync and the live values; it knows no terminal and no network: messages and time come in
// (app_receive, app_step), frames go out through `send`. ACTS build a record (with *seen* and
// subjects), sign it with the key opened at sign-in, put it into the chain and commit; RC_OK means
// that the act is durable here. Every refusal is a struct refusal and leaves nothing behind.
// Queries never write. Borrowed pointers are valid until the next app_step or act.
#ifndef DAVY_APP_APP_H
#define DAVY_APP_APP_H

#include "davy/domain/alarm/alarm.h"
#include "davy/domain/roster/roster.h"
#include "davy/domain/site/define.h"
#include "davy/keys/keyfile.h"
#include "davy/store/store.h"
#include "davy/sync/device.h"

struct app;

// All modules of the product; one line a module (src/app/registry.c).
const struct registry *app_registry(void);

struct app_options {
    const char *folder; // records.db, davy.lock, keys/, device.ini
    const char *vfs;    // NULL; simulation passes its own
    const struct keys_scheme *scheme;
    bool read_only; // queries only; no lock, no sync (a CLI reader beside the owner)
    void *ctx;
    enum rc (*send)(void *ctx, uint8_t lane, struct slice frame); // NULL: no link
    void (*random)(void *ctx, void *out, size_t len);             // NULL: the operating system
    // Set: acts are handed to the owner of the store instead of being appended here.
    enum rc (*submit)(void *ctx, uint8_t lane, const struct signed_record *record,
                      struct refusal *out_refusal);
};
// Opens a joined device's (or hub's) folder. RC_NOT_FOUND: no store there; other codes as
// store_open.
DAVY_MUST_USE enum rc app_open(const struct app_options *options, struct moment now,
                               struct app **out_app, struct refusal *out_refusal);
void app_close(struct app *app);
struct store *app_store(struct app *app);
const struct roster *app_roster(const struct app *app);
// Why a query since the app was opened gave less than there is (memory, a damaged store); RC_OK:
// none did. Queries that return a count cannot say it themselves.
DAVY_MUST_USE enum rc app_incomplete(const struct app *app);

// ---- Loop ----
void app_link(struct app *app, bool up, struct moment now);
// One MQTT payload of the hub (down or digest topic). Queued; handled by app_step.
DAVY_MUST_USE enum rc app_receive(struct app *app, struct slice frame);
// Handles what is queued in one transaction, commits, sends. RC_IO: end the process and recover.
// out_changed: something that a screen shows may differ.
DAVY_MUST_USE enum rc app_step(struct app *app, struct moment now, bool *out_changed,
                               struct mono_ms *out_next);

// ---- People on this device ----
struct app_person {
    struct rid person;
    char name[LIMIT_NAME_BYTES + 1];
    char number[LIMIT_TAG_BYTES + 1];
    bool has_key; // a certified key on this device
    bool waiting; // a key made here waits for the hub's certificate
    bool signed_in;
    bool active; // the one who acts now
};
// Everyone on the roster who holds a role, people with a key here first. Returns how many were
// written.
uint32_t app_people(struct app *app, struct app_person *out_people, uint32_t max);
// Opens the person's key. PIN_WRONG, PIN_WAIT, PIN_LOCKED, PERSON_UNKNOWN, KEY_UNKNOWN (use the
// first-use code).
DAVY_MUST_USE enum rc app_sign_in(struct app *app, const char *number, const char *pin,
                                  struct moment now, struct refusal *out_refusal);
void app_sign_out(struct app *app, struct rid person);
// Which of the signed-in people acts. False if that person is not signed in.
bool app_set_active(struct app *app, struct rid person);
bool app_active(const struct app *app, struct app_person *out_person);
uint32_t app_signed_in_count(const struct app *app);
// Lock: closes all keys; alarms go on showing. Any enrolled person unlocks with a PIN and acts from
// then on; the others sign in again.
void app_lock(struct app *app);
bool app_is_locked(const struct app *app);
DAVY_MUST_USE enum rc app_unlock(struct app *app, const char *number, const char *pin,
                                 struct moment now, struct refusal *out_refusal);
// Any key press; app_step locks after LIMIT_SESSION_IDLE_MS without one.
void app_touch(struct app *app, struct moment now);
// First use on this device: makes and wraps a key, asks the hub to certify it by the one-time code.
// The answer arrives later (app_people: waiting, then has_key; or app_message).
DAVY_MUST_USE enum rc app_first_use(struct app *app, const char *number, const char *code,
                                    const char *pin, struct moment now,
                                    struct refusal *out_refusal);

// ---- Connection ----
struct app_status {
    struct sync_device_status sync;
    bool linked;            // the broker connection is up
    int64_t picture_age_ms; // since the last authenticated word of the hub; -1: never
    bool stale;             // picture older than LIMIT_PICTURE_STALE_MS, or not live
    uint32_t waiting;       // own acts not yet handed to the link
    uint32_t sent;          // handed over, no receipt
    uint32_t at_hub;        // receipt, no verdict yet
    uint32_t refused;       // refused or held, not yet looked at (app_outbox_seen)
    int64_t oldest_age_ms;  // of the oldest act without a receipt; -1: none
    uint64_t unsent_bytes;
    int64_t clock_offset_ms; // hub's clock minus mine, as last heard
    int64_t roster_age_ms;   // since the hub last confirmed the roster here; -1: never
    struct site_id site;
    char site_name[LIMIT_NAME_BYTES + 1];
    char device_name[LIMIT_NAME_BYTES + 1];
    bool demo;
};
void app_status(struct app *app, struct moment now, struct app_status *out_status);

enum act_stage {
    STAGE_DRAFT,
    STAGE_WAITING,
    STAGE_SENT,
    STAGE_AT_HUB,
    STAGE_ACCEPTED,
    STAGE_REFUSED,
    STAGE_HELD
};
struct outbox_row {
    struct rid rid;
    struct place place;
    uint16_t kind;
    enum act_stage stage;
    uint16_t rule; // why refused or held
    struct utc_ms time;
    struct rid person;
    uint32_t bytes;
    uint16_t subject_count;
    struct rid subject; // the first
};
// Own acts: all that are not accepted, then the newest accepted ones, at most max. Returns the
// count.
uint32_t app_outbox(struct app *app, struct outbox_row *out_rows, uint32_t max);

// The refused ones were looked at.
void app_outbox_seen(struct app *app);
// The owner's side of another process's act: judged, appended and committed like one's own.
DAVY_MUST_USE enum rc app_submit_signed(struct app *app, uint8_t lane,
                                        const struct signed_record *record, struct moment now,
                                        struct refusal *out_refusal);
// Answers one control request (app/control.h).
void app_control(struct app *app, struct slice request, struct moment now, struct buf *out_answer);

// ---- Alarms ----
struct alarm_row {
    struct rid subject;
    struct alarm_state state; // with own pending acts folded on top
};
struct alarm_filter {
    const char *area;     // NULL: all
    uint8_t priority_max; // 0: all; 2: priorities 1 and 2
    bool unacked_only;
    bool include_closed; // newest closed ones after the open ones
};
// In alarm_compare order. Returns the rows written; *out_total counts all that match.
uint32_t app_alarm_list(struct app *app, const struct alarm_filter *filter,
                        struct alarm_row *out_rows, uint32_t max, uint32_t *out_total);
struct alarm_detail {
    struct alarm_row row;
    char consequence[LIMIT_TEXT_BYTES + 1];
    char action[LIMIT_TEXT_BYTES + 1];
    char equipment[LIMIT_TAG_BYTES + 1];
    uint32_t respond_s;
    char acked_by[LIMIT_NAME_BYTES + 1];
};
DAVY_MUST_USE enum rc app_alarm_detail(struct app *app, struct rid subject,
                                       struct alarm_detail *out_detail);
// One record that names each occurrence. Only rows that still stand as painted are taken: pass what
// the screen showed (changed_n); others are left out and counted. RC_REFUSED: NOTHING,
// NOT_SIGNED_IN, LOCKED, RIGHT_MISSING, ROLE_AREA.
struct painted_row {
    struct rid subject;
    uint64_t changed_n;
};
DAVY_MUST_USE enum rc app_alarm_ack(struct app *app, const struct painted_row *rows, uint32_t count,
                                    const char *comment, struct moment now, uint32_t *out_taken,
                                    struct refusal *out_refusal);
DAVY_MUST_USE enum rc app_alarm_comment(struct app *app, struct rid subject, const char *text,
                                        struct moment now, struct refusal *out_refusal);

// ---- Overview ----
struct area_row {
    char code[LIMIT_TAG_BYTES + 1];
    char name[LIMIT_NAME_BYTES + 1];
    uint32_t unacked[5];  // by priority 1..4; [0] = sum
    uint32_t standing[5]; // acknowledged and active
    uint32_t returned;    // returned, unacknowledged
    uint8_t worst;        // priority of the worst open alarm, 0 if none
    char letter;          // state letter of the worst
    struct rid worst_subject;
    uint32_t tags;
    uint32_t tags_unknown; // bad, stale or never heard
};
// Areas in site order, then "" for alarms of no known area if there are any.
uint32_t app_areas(struct app *app, struct moment now, struct area_row *out_rows, uint32_t max);

// ---- Tags and live values ----
struct tag_row {
    struct define_state def;
    bool has_value;
    double value;
    uint8_t quality; // 0 good, 1 uncertain, 2 bad
    int64_t age_ms;  // of the reading, by the hub's clock
    bool stale;      // unknown: no live picture, bad quality, or too old
};
uint32_t app_tag_count(struct app *app);
// By name order of the site; first..first+max.
uint32_t app_tags(struct app *app, const char *area, struct moment now, struct tag_row *out_rows,
                  uint32_t max);
bool app_tag(struct app *app, const char *tag, struct moment now, struct tag_row *out_row);
struct trend_point {
    struct utc_ms time;
    double value;
    uint8_t quality;
};
// Live values heard since the console started, oldest first, at most max (the newest). Few are kept
// of every tag, hundreds of those with an open alarm or asked for more than few. Returns the count.
uint32_t app_trend(struct app *app, const char *tag, struct trend_point *out_points, uint32_t max);

// ---- Log ----
struct log_row {
    struct rid rid;
    struct place place;
    uint16_t kind;
    struct utc_ms time;
    char person[LIMIT_NAME_BYTES + 1];
    char device[LIMIT_NAME_BYTES + 1];
    bool signed_by_person;
    bool sealed;
    bool logged;
    enum verdict verdict;
    uint16_t rule;
    uint64_t n;
    bool disputed;  // accepted, from a withdrawn device or key
    uint8_t review; // enum review_decision
};
// Everything about a subject (or, for a zero subject, the newest records), oldest first.
uint32_t app_log(struct app *app, struct rid subject, struct log_row *out_rows, uint32_t max);
// A record's JSON line or text. RC_NOT_FOUND.
DAVY_MUST_USE enum rc app_record_export(struct app *app, struct rid rid, bool json,
                                        struct buf *out);
// Full id from 8 or more hex digits, or "latest" alarm of a tag name. RC_NOT_FOUND, RC_INVALID
// (ambiguous).
DAVY_MUST_USE enum rc app_find_subject(struct app *app, const char *text, struct rid *out_subject);

// ---- Administration, signed by an admin ----
// Records of lane 0. They travel like every other act. On a hub's own folder they go through
// options.submit: to the running davyd, or to a hub that the caller opened (hub/hub.h).
struct person_spec {
    const char *name;
    const char *number;
    const char *employer; // NULL: none
    const char *job;
};
DAVY_MUST_USE enum rc app_person_add(struct app *app, const struct person_spec *spec,
                                     struct moment now, struct rid *out_person,
                                     struct refusal *out_refusal);
DAVY_MUST_USE enum rc app_role_grant(struct app *app, struct rid person, enum role role,
                                     const char *area, struct moment now,
                                     struct refusal *out_refusal);
DAVY_MUST_USE enum rc app_device_add( // tidy: allow parameters, because a device is these things
    struct app *app, const char *name, enum device_kind kind, const struct public_key *key,
    const char *account, struct moment now, struct rid *out_device, struct refusal *out_refusal);

// A message for the person that did not fit an answer (an act refused later, a key certified): the
// oldest unread; false if there is none.
struct app_message {
    enum refusal_code code; // REFUSAL_NONE: good news of `kind`
    uint16_t kind;
    struct rid subject;
    struct utc_ms time;
};
bool app_next_message(struct app *app, struct app_message *out_message);

#endif
