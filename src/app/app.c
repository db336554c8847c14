#include "app_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_MS_MAX 1000

void app_random(struct app *app, void *out, size_t len) {
    if (app->options.random) {
        app->options.random(app->options.ctx, out, len);
    } else {
        keys_random(out, len);
    }
}

static void random_of(void *ctx, void *out, size_t len) {
    app_random(ctx, out, len);
}

static enum rc send_of(void *ctx, uint8_t lane, struct slice frame) {
    struct app *app = ctx;
    return app->linked ? app->options.send(app->options.ctx, lane, frame) : RC_OFFLINE;
}

static bool key_of(void *ctx, const struct content *content, struct public_key *out_key) {
    return judge_key_of(((struct app *)ctx)->roster, content, out_key);
}

bool app_is_hub(const struct app *app) {
    return app->config.kind == DEVICE_HUB;
}

static void on_fold(void *ctx, const struct module *module, struct rid subject, const void *state) {
    struct app *app = ctx;
    app->changed = true;
    if (module == &roster_module) {
        // Beyond the roster's limits a person stays unknown here: refused, never passed. Without
        // memory the round fails, and the roster is built anew.
        app->short_of |= roster_set(app->roster, subject, state) == RC_NO_MEMORY;
    }
    app->alarms_dirty |= module == &alarm_module;
    if (module == &define_module) {
        app_def_fold(app, state);
    }
}

static enum rc load_roster(void *ctx, struct rid subject, const void *state) {
    return roster_set(((struct app *)ctx)->roster, subject, state);
}

// After a rollback the roster may know what the store does not.
static enum rc reload_roster(struct app *app) {
    struct roster *fresh = NULL;
    struct roster *old = app->roster;
    enum rc rc = roster_new(&fresh);
    app->reload_due = true;
    if (rc != RC_OK) {
        return rc;
    }
    app->roster = fresh;
    struct view_query all = {.limit = UINT32_MAX};
    rc = store_view_each(app->store, &roster_module, &all, load_roster, app);
    if (rc == RC_OK) {
        rc = app_pending_people(app);
    }
    app->reload_due = rc != RC_OK;
    app->roster = rc == RC_OK ? fresh : old;
    roster_free(rc == RC_OK ? old : fresh);
    return rc;
}

static enum rc set_site(struct app *app) {
    struct store_author author = {
        .author = app->config.author, .device_key = *keypair_public(app->keys.pair), .own = true};
    enum rc rc = store_begin(app->store);
    if (rc == RC_OK) {
        rc = store_site_set(app->store, app->config.site);
    }
    if (rc == RC_OK) {
        rc = author_keep(app->store, &app->config);
    }
    if (rc == RC_OK) {
        rc = store_author_put(app->store, &author);
        rc = rc == RC_EXISTS ? RC_OK : rc;
    }
    if (rc == RC_OK) {
        rc = app_open_author(app);
    }
    if (rc == RC_OK) {
        rc = store_commit(app->store);
    }
    if (rc != RC_OK && store_in_transaction(app->store)) {
        store_rollback(app->store);
    }
    return rc;
}

static enum rc open_store(struct app *app, struct refusal *out_refusal) {
    bool writer = !app->options.read_only;
    bool copy = device_is_copy(&app->config);
    struct store_options options = {.folder = app->options.folder,
                                    .vfs = app->options.vfs,
                                    .registry = app_registry(),
                                    .read_only = !writer,
                                    .create = writer && !app_is_hub(app)};
    enum rc rc = store_open(&options, &app->store, out_refusal);
    if (rc != RC_OK) {
        return rc;
    }
    app->founded = app->config;
    rc = copy ? RC_OK : author_load(app->store, keypair_public(app->keys.pair), &app->config);
    if (rc == RC_OK && writer && !app_is_hub(app)) {
        rc = set_site(app);
    }
    if (rc == RC_OK && !id16_equal(store_site(app->store).id, app->config.site.id)) {
        (void)!REFUSE(out_refusal, REFUSAL_STORE_FOREIGN, app->options.folder);
        return RC_WRONG_SITE;
    }
    if (rc == RC_OK) {
        rc = reload_roster(app);
        store_on_fold(app->store, on_fold, app);
    }
    if (rc == RC_OK && copy) {
        // What this hub is called in that site's roster, if it stands there yet.
        (void)roster_device_by_key(app->roster, keypair_public(app->keys.pair),
                                   &app->config.device);
    }
    return rc;
}

// Own acts stand in the chains of a new incarnation from here on.
static enum rc incarnate(void *ctx, const struct incarnation *next, struct moment now,
                         struct signed_record *out_record) {
    struct app *app = ctx;
    struct author_open open = {.config = &app->config,
                               .device_key = *keypair_public(app->keys.pair),
                               .own = next->own,
                               .opening = &next->before,
                               .now = now};
    app_random(app, open.nonce, NONCE_BYTES);
    enum rc rc = author_open_make(&open, &app->body, &app->content, out_record);
    if (rc == RC_OK) {
        app->config.author = next->own.author;
        memcpy(app->config.author_random, next->own.random, AUTHOR_RANDOM_BYTES);
        app_outbox_restart(app);
    }
    return rc;
}

static void load_author_again(struct app *app) {
    app->config.author = app->founded.author;
    memcpy(app->config.author_random, app->founded.author_random, AUTHOR_RANDOM_BYTES);
    // If the store cannot be read, nothing more is written to it.
    (void)!author_load(app->store, keypair_public(app->keys.pair), &app->config);
    app_outbox_restart(app);
}

static enum rc open_sync(struct app *app) {
    struct sync_device_options options = {.store = app->store,
                                          .scheme = app->options.scheme,
                                          .device = app->keys.pair,
                                          .device_rid = app->config.device,
                                          .peer_key = app->config.hub_key,
                                          .seal_key = app->config.hub_key,
                                          .author = app->config.author,
                                          .message_bytes_max = LIMIT_MESSAGE_BYTES,
                                          .ctx = app,
                                          .key_of = key_of,
                                          .incarnate = incarnate,
                                          .random = random_of,
                                          .send = send_of,
                                          .digest = app_digest,
                                          .enrolled = app_enrolled};
    memcpy(options.author_random, app->config.author_random, AUTHOR_RANDOM_BYTES);
    app_random(app, &options.seed, sizeof options.seed);
    return sync_device_new(&options, &app->sync);
}

static enum rc open_parts(struct app *app, struct refusal *out_refusal) {
    uint64_t seed;
    enum rc rc = device_config_load(app->options.folder, &app->config, out_refusal);
    if (rc != RC_OK) {
        return rc;
    }
    bool copy = device_is_copy(&app->config);
    if (copy && !app->options.read_only) {
        return RC_DENIED;
    }
    (void)snprintf(app->keys_folder, sizeof app->keys_folder, copy ? "%s/../../keys" : "%s/keys",
                   app->options.folder);
    rc = keyfile_device_load(app->keys_folder, &app->keys);
    app_random(app, &seed, sizeof seed);
    // A folder of keys and a device.ini that do not belong together would be refused by the hub.
    if (rc == RC_OK && !copy &&
        !author_equal(author_of(keypair_public(app->keys.pair), app->config.author_random),
                      app->config.author)) {
        return REFUSE(out_refusal, REFUSAL_FILE_LINE, "device.ini", "[device]", "author", "keys/");
    }
    if (rc == RC_OK) {
        rc = map_new(APP_TAGS_MAX, seed, &app->tag_map);
    }
    if (rc == RC_OK) {
        rc = open_store(app, out_refusal);
    }
    if (rc == RC_OK && app->options.send && !app->options.read_only && !app_is_hub(app)) {
        rc = open_sync(app);
    }
    if (rc == RC_OK) {
        app_age_open(app);
    }
    return rc == RC_OK ? app_outbox_open(app) : rc;
}

enum rc app_open(const struct app_options *options, struct moment now, struct app **out_app,
                 struct refusal *out_refusal) {
    struct app *app = calloc(1, sizeof *app);
    if (!app) {
        return RC_NO_MEMORY;
    }
    app->options = *options;
    app->now = now;
    app->touched = now.mono;
    app->alarms_dirty = true;
    app->defs_dirty = true;
    buf_init(&app->body, LIMIT_RECORD_BODY_BYTES);
    buf_init(&app->content, LIMIT_RECORD_CONTENT_BYTES);
    buf_init(&app->scratch, LIMIT_CONTROL_MESSAGE_BYTES);
    buf_init(&app->packed, sizeof(struct define_state) * 2);
    enum rc rc = open_parts(app, out_refusal);
    if (rc != RC_OK) {
        app_close(app);
        return rc;
    }
    *out_app = app;
    return RC_OK;
}

void app_close(struct app *app) {
    if (!app) {
        return;
    }
    app_people_close(app);
    app_defs_close(app);
    sync_device_free(app->sync);
    store_close(app->store);
    roster_free(app->roster);
    keyfile_device_fini(&app->keys);
    for (uint32_t i = 0; i < APP_INBOX_MAX; i++) {
        free(app->inbox[i].bytes);
    }
    free(app->alarms);
    map_free(app->tag_map);
    buf_fini(&app->body);
    buf_fini(&app->content);
    buf_fini(&app->scratch);
    buf_fini(&app->packed);
    free(app);
}

struct store *app_store(struct app *app) {
    return app->store;
}

enum rc app_incomplete(const struct app *app) {
    return app->incomplete;
}

void app_missed(struct app *app, enum rc rc) {
    if (app->incomplete == RC_OK) {
        app->incomplete = rc;
    }
}

const struct roster *app_roster(const struct app *app) {
    return app->roster;
}

void app_link(struct app *app, bool up, struct moment now) {
    app->now = now;
    app->linked = up;
    app->changed = true;
    app->tick_at.v = 0;
    if (app->sync) {
        sync_device_link(app->sync, up, now);
    }
}

enum rc app_receive(struct app *app, struct slice frame) {
    if (app->inbox_count == APP_INBOX_MAX || app->inbox_bytes + frame.len > LIMIT_INBOX_BYTES) {
        return RC_FULL; // the hub sends it again
    }
    uint8_t *bytes = malloc(frame.len ? frame.len : 1);
    if (!bytes) {
        return RC_NO_MEMORY;
    }
    memcpy(bytes, frame.data, frame.len);
    struct app_frame *slot = &app->inbox[(app->inbox_head + app->inbox_count++) % APP_INBOX_MAX];
    slot->bytes = bytes;
    slot->len = frame.len;
    app->inbox_bytes += frame.len;
    return RC_OK;
}

static void inbox_drop(struct app *app, uint32_t count) {
    for (; count > 0; count--) {
        struct app_frame *slot = &app->inbox[app->inbox_head];
        app->inbox_bytes -= slot->len;
        free(slot->bytes);
        slot->bytes = NULL;
        app->inbox_head = (app->inbox_head + 1) % APP_INBOX_MAX;
        app->inbox_count--;
    }
}

enum rc app_undo(struct app *app) {
    if (store_in_transaction(app->store)) {
        store_rollback(app->store);
    }
    if (app->sync) {
        load_author_again(app);
        sync_device_aborted(app->sync);
    }
    app->alarms_dirty = true;
    app->defs_dirty = true;
    app->short_of = false;
    return reload_roster(app);
}

static enum rc step_sync(struct app *app, struct mono_ms *out_next) {
    uint32_t frames = 0;
    size_t bytes = 0;
    enum rc rc = app->reload_due ? reload_roster(app) : RC_OK;
    if (rc != RC_OK) {
        return rc;
    }
    rc = store_begin(app->store);
    while (frames < app->inbox_count && bytes < APP_STEP_BYTES && rc == RC_OK) {
        struct app_frame *slot = &app->inbox[(app->inbox_head + frames++) % APP_INBOX_MAX];
        bytes += slot->len;
        rc = sync_device_receive(app->sync, slice_of(slot->bytes, slot->len), app->now);
    }
    if (rc == RC_OK) {
        rc = sync_device_tick(app->sync, app->now, out_next);
    }
    if (rc == RC_OK) {
        rc = app_outbox_save(app);
    }
    if (rc == RC_OK) {
        rc = app_age_step(app);
    }
    if (rc == RC_OK && app->short_of) {
        rc = RC_NO_MEMORY;
    }
    if (rc == RC_OK) {
        rc = store_commit(app->store);
    }
    inbox_drop(app, frames);
    app->changed |= frames > 0;
    if (rc == RC_OK) {
        sync_device_flush(app->sync, app->now);
        return RC_OK;
    }
    if (rc == RC_IO) {
        return rc;
    }
    // Nothing was taken and nothing was sent; the hub and this device will agree again.
    return app_undo(app);
}

enum rc app_step(struct app *app, struct moment now, bool *out_changed, struct mono_ms *out_next) {
    app->now = now;
    struct mono_ms next = {now.mono.v + STEP_MS_MAX};
    if (app->sync && (app->inbox_count > 0 || now.mono.v >= app->tick_at.v)) {
        struct sync_device_status before, after;
        sync_device_status(app->sync, &before);
        enum rc rc = step_sync(app, &next);
        if (rc != RC_OK) {
            return rc;
        }
        sync_device_status(app->sync, &after);
        app->changed |= before.phase != after.phase;
        if (before.voided != after.voided) {
            app->alarms_dirty = true;
            app->defs_dirty = true;
            rc = reload_roster(app);
            if (rc != RC_OK) {
                return rc;
            }
        }
        app->tick_at = next;
        app_judged(app);
    }
    if (app->tick_at.v > 0 && app->tick_at.v < next.v) {
        next = app->tick_at;
    }
    if (app->inbox_count > 0) {
        next = now.mono;
    }
    app_idle(app);
    *out_changed = app->changed;
    app->changed = false;
    *out_next = next;
    return RC_OK;
}

void app_push_message(struct app *app, const struct app_message *message) {
    if (app->message_count == APP_MESSAGES_MAX) {
        app->message_head = (app->message_head + 1) % APP_MESSAGES_MAX;
        app->message_count--;
    }
    app->messages[(app->message_head + app->message_count++) % APP_MESSAGES_MAX] = *message;
    app->changed = true;
}

bool app_next_message(struct app *app, struct app_message *out_message) {
    if (app->message_count == 0) {
        return false;
    }
    *out_message = app->messages[app->message_head];
    app->message_head = (app->message_head + 1) % APP_MESSAGES_MAX;
    app->message_count--;
    return true;
}
