#include "hub_priv.h"

#include "davy/base/ensure.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FULL_RETRY_MS 2000
#define STEP_EVERY_MS 500

void hub_random(struct hub *hub, void *out, size_t len) {
    if (hub->options.random) {
        hub->options.random(hub->options.ctx, out, len);
    } else {
        keys_random(out, len);
    }
}

void hub_log(struct hub *hub, enum log_level level, const char *format, ...) {
    char line[512];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    log_write(hub->options.log, level, "%s", line);
}

static void random_of(void *ctx, void *out, size_t len) {
    hub_random(ctx, out, len);
}

static enum rc send_of(void *ctx, const char *account, uint8_t lane, struct slice frame) {
    struct hub *hub = ctx;
    return hub->options.send ? hub->options.send(hub->options.ctx, account, lane, frame)
                             : RC_OFFLINE;
}

static void on_fold(void *ctx, const struct module *module, struct rid subject, const void *state) {
    struct hub *hub = ctx;
    if (module != &roster_module) {
        return;
    }
    enum rc rc = roster_set(hub->roster, subject, state);
    if (rc == RC_NO_MEMORY) {
        hub->trouble = rc; // no right is granted or kept that the roster does not know of
    } else if (rc != RC_OK) {
        hub_log(hub, LOG_ERROR, "the roster is full: limits of people, devices or keys");
    }
    hub_revoke_fold(hub, subject, state);
}

static enum rc load_roster(void *ctx, struct rid subject, const void *state) {
    return roster_set(ctx, subject, state);
}

// The look-up anew from the views: a rollback leaves no trace of a right that was not committed.
static enum rc reload_roster(struct hub *hub) {
    struct roster *fresh = NULL;
    struct view_query all = {.limit = UINT32_MAX};
    enum rc rc = roster_new(&fresh);
    if (rc == RC_OK) {
        rc = store_view_each(hub->store, &roster_module, &all, load_roster, fresh);
    }
    if (rc != RC_OK) {
        roster_free(fresh);
        return rc;
    }
    roster_free(hub->roster);
    hub->roster = fresh;
    return RC_OK;
}

// Nothing of the round stands: the store, the roster and the open alarms are as before it.
enum rc hub_undo(struct hub *hub) {
    store_rollback(hub->store);
    hub->config.author = hub->founded.author;
    memcpy(hub->config.author_random, hub->founded.author_random, AUTHOR_RANDOM_BYTES);
    // If the store cannot be read, nothing more is written to it.
    (void)!author_load(hub->store, keypair_public(hub->keys.pair), &hub->config);
    sync_hub_aborted(hub->sync);
    hub->revoke_count = 0;
    enum rc rc = reload_roster(hub);
    if (rc == RC_OK) {
        rc = hub_alarms_load(hub);
    }
    hub->undo_due = rc != RC_OK;
    hub->trouble = RC_OK;
    return rc;
}

// Opens a round, after what is left of one that could not be undone.
enum rc hub_begin(struct hub *hub) {
    enum rc rc = hub->undo_due ? hub_undo(hub) : RC_OK;
    return rc == RC_OK ? store_begin(hub->store) : rc;
}

static bool readers_exist(const struct hub *hub) {
    return roster_device_count(hub->roster) > 1;
}

static enum rc open_sync(struct hub *hub) {
    uint64_t seed;
    hub_random(hub, &seed, sizeof seed);
    struct sync_hub_options options = {.store = hub->store,
                                       .scheme = hub->options.scheme,
                                       .device = hub->keys.pair,
                                       .device_rid = hub->config.device,
                                       .author = hub->config.author,
                                       .seed = seed,
                                       .readers_exist = readers_exist(hub),
                                       .message_bytes_max = LIMIT_MESSAGE_BYTES,
                                       .mutants = hub->options.mutants,
                                       .ctx = hub,
                                       .device_of = hub_device_of,
                                       .foresee = hub_foresee,
                                       .judge = hub_judge,
                                       .key_of = hub_key_of,
                                       .incarnate = hub_incarnate,
                                       .forked = hub_forked,
                                       .enrol = hub_enrol,
                                       .invite = hub_invite_secret,
                                       .join = hub_join,
                                       .random = random_of,
                                       .up_seq = hub_backup_seq,
                                       .send = send_of};
    memcpy(options.author_random, hub->config.author_random, AUTHOR_RANDOM_BYTES);
    return sync_hub_new(&options, &hub->sync);
}

static enum rc open_store(struct hub *hub, struct refusal *out_refusal) {
    struct store_options options = {
        .folder = hub->options.folder, .vfs = hub->options.vfs, .registry = app_registry()};
    enum rc rc = store_open(&options, &hub->store, out_refusal);
    if (rc != RC_OK) {
        return rc;
    }
    if (!id16_equal(store_site(hub->store).id, hub->config.site.id)) {
        (void)REFUSE(out_refusal, REFUSAL_STORE_FOREIGN, hub->options.folder);
        return RC_WRONG_SITE;
    }
    hub->founded = hub->config;
    rc = author_load(hub->store, keypair_public(hub->keys.pair), &hub->config);
    if (rc == RC_OK) {
        rc = reload_roster(hub);
    }
    store_on_fold(hub->store, on_fold, hub);
    return rc;
}

static enum rc load_identity(struct hub *hub, struct refusal *out_refusal) {
    if (hub->options.config) {
        hub->config = *hub->options.config;
        hub->keys = *hub->options.keys;
        return RC_OK;
    }
    char keys[1024];
    enum rc rc = device_config_load(hub->options.folder, &hub->config, out_refusal);
    if (rc != RC_OK) {
        return rc;
    }
    (void)snprintf(keys, sizeof keys, "%s/keys", hub->options.folder);
    return keyfile_device_load(keys, &hub->keys);
}

static enum rc open_parts(struct hub *hub, struct refusal *out_refusal) {
    enum rc rc = load_identity(hub, out_refusal);
    if (rc == RC_OK) {
        rc = roster_new(&hub->roster);
    }
    if (rc == RC_OK) {
        rc = open_store(hub, out_refusal);
    }
    if (rc == RC_OK && hub->options.history) {
        struct history_options options = {
            .folder = hub->options.folder, .vfs = hub->options.vfs, .create = true};
        rc = history_open(&options, &hub->history, out_refusal);
    }
    if (rc == RC_OK) {
        rc = hub_backup_load(hub);
    }
    return rc == RC_OK ? open_sync(hub) : rc;
}

enum rc hub_open(const struct hub_options *options, struct moment now, struct hub **out_hub,
                 struct refusal *out_refusal) {
    struct hub *hub = calloc(1, sizeof *hub);
    if (!hub) {
        return RC_NO_MEMORY;
    }
    hub->options = *options;
    hub->now = now;
    buf_init(&hub->body, LIMIT_RECORD_BODY_BYTES);
    buf_init(&hub->content, LIMIT_RECORD_CONTENT_BYTES);
    buf_init(&hub->scratch, LIMIT_CONTROL_MESSAGE_BYTES);
    hub->inbox = calloc(HUB_INBOX_MAX, sizeof *hub->inbox);
    hub->events = calloc(HUB_EVENTS_MAX, sizeof *hub->events);
    enum rc rc = hub->inbox && hub->events ? open_parts(hub, out_refusal) : RC_NO_MEMORY;
    if (rc != RC_OK) {
        hub_close(hub);
        return rc;
    }
    *out_hub = hub;
    return RC_OK;
}

void hub_close(struct hub *hub) {
    if (!hub) {
        return;
    }
    hub_site_free(hub);
    hub_backup_close(hub);
    sync_hub_free(hub->sync);
    history_close(hub->history);
    store_close(hub->store);
    roster_free(hub->roster);
    if (!hub->options.keys) {
        keyfile_device_fini(&hub->keys);
    }
    for (uint32_t i = 0; hub->inbox && i < HUB_INBOX_MAX; i++) {
        free(hub->inbox[i].bytes);
    }
    free(hub->inbox);
    free(hub->events);
    buf_fini(&hub->body);
    buf_fini(&hub->content);
    buf_fini(&hub->scratch);
    free(hub);
}

struct store *hub_store(struct hub *hub) {
    return hub->store;
}

const struct roster *hub_roster(const struct hub *hub) {
    return hub->roster;
}

enum rc hub_state(struct hub *hub, uint16_t kind_number, const struct rid *subject,
                  struct rid *out_rid) {
    const struct module *module;
    const struct kind *kind = registry_kind(app_registry(), kind_number, &module);
    ENSURE(kind && (kind->flags & KIND_SEALED));
    enum rc rc = buf_rc(&hub->body);
    if (rc != RC_OK) {
        return rc;
    }
    struct content content = {.suite = KEYS_SUITE_ED25519,
                              .site = hub->config.site,
                              .kind = kind_number,
                              .subjects = subject,
                              .subject_count = subject ? 1 : 0,
                              .audience = kind->flags & KIND_OPENS ? AUDIENCE_SITE : AUDIENCE_NONE,
                              .device = hub->config.device,
                              .time = hub->now.utc,
                              .time_error_ms = hub->now.utc_error_ms,
                              .boot_id = hub->now.boot_id,
                              .mono = hub->now.mono,
                              .body = buf_slice(&hub->body)};
    hub_random(hub, content.nonce, NONCE_BYTES);
    rc = sync_hub_seen(hub->sync, kind->lane, &content.seen);
    struct signed_record record;
    struct refusal refusal = {0};
    if (rc != RC_OK) {
        return rc;
    }
    rc = content_check_form(app_registry(), &content, kind->lane, &refusal);
    if (rc != RC_OK) {
        hub_log(hub, LOG_ERROR, "%s: %s %s", kind->name, refusal_name(refusal.code),
                refusal.args[1]);
        return rc;
    }
    buf_reset(&hub->content);
    rc = record_make(&content, NULL, &hub->content, &record);
    if (rc == RC_OK) {
        rc = sync_hub_append(hub->sync, kind->lane, AUDIENCE_SITE, &record, hub->now, NULL);
    }
    if (rc == RC_OK && out_rid) {
        *out_rid = record.rid;
    }
    return rc;
}

enum rc hub_receive(struct hub *hub, const char *account, struct slice frame) {
    if (hub->inbox_count == HUB_INBOX_MAX || hub->inbox_bytes + frame.len > LIMIT_INBOX_BYTES) {
        return RC_FULL; // the device sends it again
    }
    uint8_t *bytes = malloc(frame.len ? frame.len : 1);
    if (!bytes) {
        return RC_NO_MEMORY;
    }
    memcpy(bytes, frame.data, frame.len);
    struct hub_frame *slot = &hub->inbox[(hub->inbox_head + hub->inbox_count) % HUB_INBOX_MAX];
    (void)snprintf(slot->account, sizeof slot->account, "%s", account);
    slot->bytes = bytes;
    slot->len = frame.len;
    hub->inbox_count++;
    hub->inbox_bytes += frame.len;
    return RC_OK;
}

void hub_idle(struct hub *hub) {
    store_checkpoint(hub->store);
    if (hub->history) {
        history_checkpoint(hub->history);
    }
}

bool hub_has_work(const struct hub *hub) {
    return hub->inbox_count > 0 || hub->event_count > 0 || hub->readings_wait;
}

// Everything of one round that writes records.
static enum rc step_records(struct hub *hub, uint32_t frames) {
    enum rc rc = RC_OK;
    for (uint32_t i = 0; i < frames && rc == RC_OK; i++) {
        struct hub_frame *frame = &hub->inbox[(hub->inbox_head + i) % HUB_INBOX_MAX];
        rc = sync_hub_receive(hub->sync, frame->account, slice_of(frame->bytes, frame->len),
                              hub->now);
    }
    if (rc == RC_OK) {
        rc = sync_hub_tick(hub->sync, hub->now);
    }
    if (rc == RC_OK) {
        rc = hub_define(hub);
    }
    if (rc == RC_OK) {
        rc = hub_alarms_write(hub);
    }
    if (rc == RC_OK) {
        rc = hub_revokes_write(hub);
    }
    if (rc == RC_OK) {
        rc = hub->trouble;
    }
    return rc == RC_OK ? sync_hub_seal(hub->sync, hub->now) : rc;
}

static void inbox_drop(struct hub *hub, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        struct hub_frame *frame = &hub->inbox[hub->inbox_head];
        hub->inbox_bytes -= frame->len;
        free(frame->bytes);
        frame->bytes = NULL;
        hub->inbox_head = (hub->inbox_head + 1) % HUB_INBOX_MAX;
        hub->inbox_count--;
    }
}

// After a rollback the log is the authority again: what is open, what is active.
static enum rc step_failed(struct hub *hub, enum rc rc) {
    enum rc loaded = hub_undo(hub);
    hub->reconcile_due = true;
    hub->define_due = hub->site != NULL;
    hub->define_next = 0;
    if (rc == RC_IO || rc == RC_CORRUPT || loaded != RC_OK) {
        return rc == RC_FULL ? loaded : rc;
    }
    hub->full_until.v = hub->now.mono.v + FULL_RETRY_MS;
    hub_log(hub, LOG_ERROR, "nothing was written: %s; trying again", rc_name(rc));
    return RC_OK;
}

// Verdicts were taken back: what was read from the views may stand no more.
static enum rc look_again(struct hub *hub) {
    struct sync_hub_status status;
    sync_hub_status(hub->sync, &status);
    if (status.voided == hub->voided && status.ranks == hub->ranks) {
        return RC_OK;
    }
    hub->voided = status.voided;
    hub->ranks = status.ranks;
    hub->reconcile_due = true;
    hub->define_due = hub->site != NULL;
    hub->define_next = 0;
    enum rc rc = reload_roster(hub);
    return rc == RC_OK ? hub_alarms_load(hub) : rc;
}

static enum rc step_store(struct hub *hub) {
    bool serving = sync_hub_serving(hub->sync);
    bool work = hub->inbox_count > 0 || hub->event_count > 0 || hub->undo_due ||
                sync_hub_due(hub->sync, hub->now) ||
                (serving && (hub->define_due || hub->reconcile_due));
    if (!work || hub->now.mono.v < hub->full_until.v) {
        return RC_OK;
    }
    uint32_t frames = hub->inbox_count;
    uint32_t events = hub->event_count;
    enum rc rc = hub_begin(hub);
    if (rc != RC_OK) {
        return rc;
    }
    rc = step_records(hub, frames);
    if (rc == RC_OK) {
        rc = store_commit(hub->store);
    }
    if (rc == RC_IO) {
        return rc;
    }
    // A frame that met a full disk is dropped: its device sends it again until it is acknowledged.
    inbox_drop(hub, frames);
    hub->event_count -= events;
    return rc == RC_OK ? look_again(hub) : step_failed(hub, rc);
}

enum rc hub_step(struct hub *hub, struct moment now, struct mono_ms *out_next) {
    hub->now = now;
    if (hub->eval) {
        struct alarm_sink sink = {.emit = hub_event, .context = hub};
        hub->eval_next = alarm_eval_tick(hub->eval, now, &sink);
    }
    bool served = sync_hub_serving(hub->sync);
    enum rc rc = step_store(hub);
    if (rc == RC_OK) {
        rc = hub_ingest_save(hub);
    }
    if (rc != RC_OK) {
        return rc;
    }
    if (!served && sync_hub_serving(hub->sync)) {
        hub->reconcile_due = true;
    }
    hub_sessions_end(hub);
    sync_hub_flush(hub->sync, now, &hub->sync_next);
    hub_digests(hub);
    int64_t next = now.mono.v + STEP_EVERY_MS;
    if (hub->eval && hub->eval_next.v < next) {
        next = hub->eval_next.v;
    }
    if (hub->define_due && sync_hub_serving(hub->sync) && hub->full_until.v <= now.mono.v) {
        next = now.mono.v;
    }
    out_next->v = next < hub->sync_next.v ? next : hub->sync_next.v;
    return RC_OK;
}

void hub_status(const struct hub *hub, struct hub_status *out_status) {
    *out_status = hub->status;
    sync_hub_status(hub->sync, &out_status->sync);
    out_status->tags = hub->site ? hub->site->tag_count : 0;
    out_status->areas = hub->site ? hub->site->area_count : 0;
    out_status->alarms_active = 0;
    for (uint32_t i = 0; hub->site && i < hub->site->tag_count * SUMMARY_LIMITS; i++) {
        out_status->alarms_active += !rid_is_zero(hub->open_limits[i]);
    }
    for (uint32_t i = 0; hub->site && i < hub->site->gateway_count; i++) {
        out_status->alarms_active += !rid_is_zero(hub->open_gateways[i]);
    }
}

enum rc hub_submit(struct hub *hub, uint8_t lane, const struct signed_record *record,
                   struct moment now, struct refusal *out_refusal) {
    hub->now = now;
    struct content content;
    enum rc rc = content_decode(record->content, &content);
    if (rc != RC_OK) {
        return REFUSE(out_refusal, REFUSAL_FORM, rc_name(rc));
    }
    if (!sync_hub_serving(hub->sync)) {
        return REFUSE(out_refusal, REFUSAL_OFFLINE, "hub");
    }
    rc = hub_begin(hub);
    if (rc != RC_OK) {
        return rc;
    }
    struct judge judge = hub_judge_of(hub);
    struct store_chain chain;
    uint8_t audience = content.audience < AUDIENCE_COUNT ? content.audience : AUDIENCE_SITE;
    struct chain_id id = {.author = hub->config.author, .lane = lane, .audience = audience};
    rc = store_chain_get(hub->store, id, &chain);
    struct place place = {.chain = id, .seq = chain.head.seq + 1};
    enum verdict verdict = VERDICT_NONE;
    if (rc == RC_OK) {
        rc = judge_record(&judge, &content, &place, record, &verdict, out_refusal);
    }
    if (rc == RC_OK && verdict != VERDICT_ACCEPTED) {
        rc = RC_REFUSED;
    }
    if (rc == RC_OK) {
        rc = sync_hub_append(hub->sync, lane, audience, record, now, NULL);
    }
    if (rc == RC_OK) {
        rc = hub_revokes_write(hub);
    }
    if (rc == RC_OK) {
        rc = hub->trouble;
    }
    if (rc == RC_OK) {
        rc = sync_hub_seal(hub->sync, now);
    }
    if (rc == RC_OK) {
        rc = store_commit(hub->store);
    }
    if (rc != RC_OK) {
        enum rc loaded = hub_undo(hub);
        return loaded == RC_OK ? rc : loaded;
    }
    return RC_OK;
}
