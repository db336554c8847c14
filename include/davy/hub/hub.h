// davyd's logic without its network: telemetry in, alarms evaluated, records admitted, history
// kept, the
// log fed to devices. Pure steps: time and messages come in, frames go out through `send`.
//
// The hub's folder holds records.db, history-YYYYMM.db, keys/, hub.ini (written at site init) and
// the site
// file. Evaluator state is saved with the readings that changed it; at start it is reconciled
// with the open
// occurrences in the log, which are the authority: what is open there is active here, what is
// active here
// and not open there is raised.
// Unknown is never normal: a source that falls silent is its own alarm, grouped by gateway.
#ifndef DAVY_HUB_HUB_H
#define DAVY_HUB_HUB_H

#include "davy/app/app.h"
#include "davy/app/device.h"
#include "davy/sync/hub.h"

struct hub;

// All borrowed; what is certified must live until the next call.
struct hub_certify {
    struct rid device;
    const char *account;
    struct slice tls_key; // SubjectPublicKeyInfo, as it came
};
struct hub_certified {
    struct slice door;        // the broker's address, "tls:HOST:PORT"
    struct slice certificate; // PEM
    struct slice authority;   // PEM
};

struct hub_options {
    const char *folder;
    const char *vfs; // NULL; simulation passes its own
    const struct keys_scheme *scheme;
    bool history; // keep history files (simulation may leave them out)
    const struct log *log;
    // What is otherwise read from the folder's files (simulation has no files). Borrowed.
    const struct device_config *config;
    const struct keyfile_device *keys;
    const struct sync_mutants *mutants;
    void *ctx;
    enum rc (*send)(void *ctx, const char *account, uint8_t lane,
                    struct slice frame);              // as sync_hub; NULL: none
    void (*random)(void *ctx, void *out, size_t len); // NULL: the operating system
    // A certificate for the broker's door, for an enrolled device that has proven its invite; false
    // if the broker has no such door. NULL: none.
    bool (*certify)(void *ctx, const struct hub_certify *ask, struct hub_certified *out);
};
DAVY_MUST_USE enum rc hub_open(const struct hub_options *options, struct moment now,
                               struct hub **out_hub, struct refusal *out_refusal);
void hub_close(struct hub *hub);
// Takes a site file's text (domain/site): states areas and tags as records where they changed. A
// file with
// an error is refused with line and field, and the running site stays.
DAVY_MUST_USE enum rc hub_site(struct hub *hub, struct slice text, struct moment now,
                               struct refusal *out_refusal);
// Telemetry subscriptions of the site file, NULL-terminated, valid until the next hub_site.
const char *const *hub_topics(const struct hub *hub);

// One message on a device's up or join topic. Queued for the next step.
DAVY_MUST_USE enum rc hub_receive(struct hub *hub, const char *account, struct slice frame);
// One telemetry payload; evaluated at once, committed by the next step.
void hub_telemetry(struct hub *hub, const char *topic, struct slice payload, struct moment now);
// Timers, sync, commit, send. RC_IO: end the process. out_next: when to call again at the latest.
DAVY_MUST_USE enum rc hub_step(struct hub *hub, struct moment now, struct mono_ms *out_next);
// Nothing is to be done just now: checkpoints the files.
void hub_idle(struct hub *hub);
// True if something waits for a step.
bool hub_has_work(const struct hub *hub);

// A signed record of a person on the hub's own device: judged, appended, logged and committed.
DAVY_MUST_USE enum rc hub_submit(struct hub *hub, uint8_t lane, const struct signed_record *record,
                                 struct moment now, struct refusal *out_refusal);
// Parts of a bundle (app/bundle.h) from a file: BATCH parts are admitted as if they had come over a
// session, all between begin and end in one transaction. `end` with a code other than RC_OK undoes
// all. RC_REFUSED: BUNDLE (it does not verify), BUNDLE_GAP, BUNDLE_SIGNER, WRONG_SITE, OFFLINE
// (this hub does not serve yet).
struct bundle_head;
struct bundle_part;
struct bundle_report;
DAVY_MUST_USE enum rc hub_import_begin(struct hub *hub, struct moment now,
                                       struct refusal *out_refusal);
DAVY_MUST_USE enum rc hub_import_part(struct hub *hub, const struct bundle_head *head,
                                      const struct bundle_part *part, struct bundle_report *report,
                                      struct refusal *out_refusal);
DAVY_MUST_USE enum rc hub_import_end(struct hub *hub, enum rc rc);
// The owner's side of another process's part: begin, part, end.
DAVY_MUST_USE enum rc hub_import_control(struct hub *hub, struct slice payload, struct buf *out,
                                         struct refusal *out_refusal);
// Answers one control request (app/control.h).
void hub_control(struct hub *hub, struct slice request, struct moment now, struct buf *out_answer);

struct hub_status {
    struct sync_hub_status sync;
    uint64_t readings;        // taken since start
    uint64_t readings_bad;    // dropped: unknown tag, time or value out of range
    uint64_t payloads_bad;    // refused payloads
    uint64_t readings_stored; // durable
    uint32_t tags, areas;
    uint32_t alarms_active;
    char last_bad[160]; // topic, position and reason of the last refused payload
};
void hub_status(const struct hub *hub, struct hub_status *out_status);
struct store *hub_store(struct hub *hub);
const struct roster *hub_roster(const struct hub *hub);

// ---- A new site ----
struct site_keys {
    struct keyfile_device device;
    struct keypair *root; // the first
    struct public_key admin;
    struct keypair *const *more_roots; // root_count - 1 of them; NULL if there is one
};
struct site_init {
    const char *folder;
    const char *name; // of the site
    const char *admin_name;
    const char *admin_number;
    // Root keys: root_count of them (0: one), of which `threshold` (0: one) make a root act. Each
    // is wrapped by its own PIN; with one, root_pin. Their files are roots/root-1.key and so on, to
    // be taken away and kept apart.
    const char *root_pin;
    const char *const *root_pins;
    uint8_t root_count;
    uint8_t threshold;
    const char *admin_pin; // wraps the admin's key on the hub
    bool demo;             // a demonstration site: demo PINs are allowed here, and only here
    struct pin_cost cost;
    // Keys made by the caller, and where to leave the configuration; then nothing is written but
    // the
    // store (simulation). NULL: key files and device.ini in the folder.
    const struct site_keys *keys;
    struct device_config *out_config;
    const struct keys_scheme *scheme;
    const char *vfs;
    void *ctx;
    void (*random)(void *ctx, void *out, size_t len);
};
// Genesis, the hub's device and incarnation, the first admin. RC_EXISTS if there is
// a site.
DAVY_MUST_USE enum rc hub_site_init(const struct site_init *init, struct moment now,
                                    struct site_id *out_site, struct refusal *out_refusal);

#endif
