// An act: what it says, what its author knew, who signed it; durable before it is reported.
#include "app_priv.h"

#include "davy/app/authority.h"

#include <string.h>

struct body app_body(struct app *app, uint16_t kind) {
    const struct module *module;
    buf_reset(&app->body);
    return body_start(registry_kind(app_registry(), kind, &module), &app->body);
}

// RC_OK, or why the store could not tell what this device has seen.
static enum rc content_of(struct app *app, const struct kind *kind, const struct act *act,
                          struct content *out_content) {
    struct content content = {.suite = KEYS_SUITE_ED25519,
                              .site = app->config.site,
                              .kind = kind->number,
                              .subjects = act->subjects,
                              .subject_count = act->subject_count,
                              .refs = act->refs,
                              .ref_count = act->ref_count,
                              .audience = kind->flags & KIND_OPENS ? act->audience : AUDIENCE_NONE,
                              .device = app->config.device,
                              .time = app->now.utc,
                              .time_error_ms = app->now.utc_error_ms,
                              .boot_id = app->now.boot_id,
                              .mono = app->now.mono,
                              .body = buf_slice(&app->body)};
    app_random(app, content.nonce, NONCE_BYTES);
    struct author_id hub = app->config.author;
    enum rc rc = app_is_hub(app) ? RC_OK : sync_hub_find(app->store, &hub);
    if (rc == RC_OK) {
        rc = sync_seen(app->store, hub, kind->lane, &content.seen);
    }
    *out_content = content;
    return rc;
}

enum rc app_open_author(struct app *app) {
    struct store_chain chain;
    struct chain_id id = {.author = app->config.author};
    enum rc rc = store_chain_get(app->store, id, &chain);
    if (rc != RC_OK || chain.head.seq > 0) {
        return rc;
    }
    struct author_open open = {.config = &app->config,
                               .device_key = *keypair_public(app->keys.pair),
                               .own.author = app->config.author,
                               .now = app->now};
    struct signed_record record;
    uint64_t seq;
    bool first;
    memcpy(open.own.random, app->config.author_random, AUTHOR_RANDOM_BYTES);
    app_random(app, open.nonce, NONCE_BYTES);
    rc = author_open_make(&open, &app->body, &app->content, &record);
    return rc == RC_OK ? store_append_record(app->store, id, &record, &seq, &first) : rc;
}

// The own chain that carries a record: an opening names its audience, all else is the site's.
static struct chain_id home_chain(const struct app *app, uint8_t lane,
                                  const struct content *content) {
    bool opens = content->audience < AUDIENCE_COUNT;
    return (struct chain_id){.author = app->config.author,
                             .lane = lane,
                             .audience = opens ? content->audience : (uint8_t)AUDIENCE_SITE};
}

static enum rc judge_act(struct app *app, uint8_t lane, const struct content *content,
                         const struct signed_record *record, bool check_signature,
                         struct refusal *out_refusal) {
    struct judge judge = {.store = app->store,
                          .registry = app_registry(),
                          .scheme = app->options.scheme,
                          .roster = app->roster,
                          .author_device = app->config.device,
                          .author_is_hub = app_is_hub(app),
                          .check_signature = check_signature,
                          .now = app->now};
    int64_t age_ms = app_roster_age_ms(app, app->now);
    judge.roster_age_ms = age_ms < 0 ? INT64_MAX : age_ms;
    struct chain_id id = home_chain(app, lane, content);
    struct store_chain chain;
    enum rc rc = store_chain_get(app->store, id, &chain);
    if (rc != RC_OK) {
        return rc;
    }
    struct place place = {.chain = id, .seq = chain.head.seq + 1};
    enum verdict verdict = VERDICT_NONE;
    struct refusal refusal = {0};
    rc = judge_record(&judge, content, &place, record, &verdict, &refusal);
    if (rc != RC_OK) {
        return rc;
    }
    // A witnessed worker acts here; the hub holds it until an admin seconds the witness.
    bool waits = verdict == VERDICT_HELD && refusal.code == REFUSAL_WITNESSED;
    if (verdict == VERDICT_ACCEPTED || waits) {
        return RC_OK;
    }
    if (out_refusal) {
        *out_refusal = refusal;
    }
    return RC_REFUSED;
}

static enum rc append(struct app *app, uint8_t lane, const struct signed_record *record) {
    struct content content;
    uint64_t seq;
    bool first;
    enum rc rc = content_decode(record->content, &content);
    return rc == RC_OK ? store_append_record(app->store, home_chain(app, lane, &content), record,
                                             &seq, &first)
                       : rc;
}

static bool appends_here(const struct app *app) {
    return !app->options.submit && !app->options.read_only && !app_is_hub(app);
}

enum rc app_acts_begin(struct app *app, struct refusal *out_refusal) {
    enum rc rc = appends_here(app) ? store_begin(app->store) : RC_OK;
    app->in_acts = rc == RC_OK;
    return rc == RC_FULL ? REFUSE(out_refusal, REFUSAL_DISK_FULL, "") : rc;
}

enum rc app_acts_end(struct app *app, enum rc rc, struct refusal *out_refusal) {
    app->in_acts = false;
    app_signed_once(app);
    app->alarms_dirty = true;
    app->changed = true;
    app->tick_at.v = 0; // it leaves with this round
    if (rc == RC_OK && appends_here(app)) {
        rc = store_commit(app->store);
    }
    if (rc != RC_OK && store_in_transaction(app->store)) {
        store_rollback(app->store);
    }
    return rc == RC_FULL ? REFUSE(out_refusal, REFUSAL_DISK_FULL, "") : rc;
}

static enum rc keep(struct app *app, uint8_t lane, const struct signed_record *record,
                    struct refusal *out_refusal) {
    if (app->options.submit) {
        return app->options.submit(app->options.ctx, lane, record, out_refusal);
    }
    if (!appends_here(app)) {
        return REFUSE(out_refusal, REFUSAL_STORE_BUSY, app->options.folder);
    }
    if (app->in_acts) {
        return append(app, lane, record);
    }
    enum rc rc = app_acts_begin(app, out_refusal);
    return rc == RC_OK ? app_acts_end(app, append(app, lane, record), out_refusal) : rc;
}

// Who signs: the one for this act alone, or the active person.
static enum rc signer_of(const struct app *app, const struct kind *kind,
                         const struct app_signed **out_signer, struct refusal *out_refusal) {
    if (app->once.pair) {
        *out_signer = &app->once;
        return RC_OK;
    }
    if (app->people_count == 0) {
        return REFUSE(out_refusal, REFUSAL_NOT_SIGNED_IN, kind->name);
    }
    if (app->locked) {
        return REFUSE(out_refusal, REFUSAL_LOCKED, kind->name);
    }
    *out_signer = &app->people[app->active];
    ENSURE((*out_signer)->pair != NULL);
    return RC_OK;
}

static enum rc sign_and_keep(struct app *app, const struct act *act, struct rid *out_rid,
                             struct refusal *out_refusal) {
    const struct module *module;
    const struct kind *kind = registry_kind(app_registry(), act->kind, &module);
    const struct app_signed *person = NULL;
    ENSURE(kind != NULL);
    enum rc rc = signer_of(app, kind, &person, out_refusal);
    if (rc != RC_OK) {
        return rc;
    }
    rc = buf_rc(&app->body);
    if (rc == RC_TOO_LARGE) {
        return REFUSE(out_refusal, REFUSAL_TOO_LARGE, kind->name);
    }
    struct content content;
    if (rc == RC_OK) {
        rc = content_of(app, kind, act, &content);
    }
    if (rc != RC_OK) {
        return rc;
    }
    content.person = person->person;
    content.key = person->key;
    content.session = person->session;
    struct signed_record record;
    buf_reset(&app->content);
    rc = record_make(&content, person->pair, &app->content, &record);
    if (rc == RC_OK) {
        rc = judge_act(app, kind->lane, &content, &record, false, out_refusal);
    }
    if (rc == RC_OK) {
        rc = keep(app, kind->lane, &record, out_refusal);
    }
    if (rc == RC_OK && out_rid) {
        *out_rid = record.rid;
    }
    return rc;
}

enum rc app_act(struct app *app, const struct act *act, struct rid *out_rid,
                struct refusal *out_refusal) {
    enum rc rc = sign_and_keep(app, act, out_rid, out_refusal);
    if (!app->in_acts) {
        app_signed_once(app);
    }
    return rc;
}

enum rc app_submit_signed(struct app *app, uint8_t lane, const struct signed_record *record,
                          struct moment now, struct refusal *out_refusal) {
    app->now = now;
    struct content content;
    if (content_decode(record->content, &content) != RC_OK) {
        return REFUSE(out_refusal, REFUSAL_FORM, "record");
    }
    // What only the seal carries is this device's own word, never another process's.
    const struct module *module;
    const struct kind *kind = registry_kind(app_registry(), content.kind, &module);
    if (kind && (kind->flags & KIND_SEALED)) {
        return REFUSE(out_refusal, REFUSAL_NOT_SIGNED, kind->name);
    }
    enum rc rc = judge_act(app, lane, &content, record, true, out_refusal);
    return rc == RC_OK ? keep(app, lane, record, out_refusal) : rc;
}
