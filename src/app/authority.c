#include "davy/app/authority.h"

#include "app_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- Roles and seconds ----

static void put_needs(struct app *app, struct body *body, uint16_t kind, enum role role) {
    uint8_t needs = roster_needs(app->roster, kind, role, app_signs_as_root(app));
    if (needs > 1) {
        body_put_uint(body, ROSTER_NEEDS, needs);
    }
}

enum rc app_role_give(struct app *app, struct rid person, const struct role_spec *spec,
                      struct moment now, struct refusal *out_refusal) {
    app->now = now;
    struct body body = app_body(app, KIND_ROLE_GRANT);
    body_put_uint(&body, ROLE_ROLE, (uint64_t)spec->role);
    body_put_text(&body, ROLE_AREA, spec->area ? spec->area : "");
    if (spec->from.v != 0) {
        body_put_int(&body, ROLE_FROM, spec->from.v);
    }
    if (spec->until.v != 0) {
        body_put_int(&body, ROLE_UNTIL, spec->until.v);
    }
    put_needs(app, &body, KIND_ROLE_GRANT, spec->role);
    struct act act = {.kind = KIND_ROLE_GRANT, .subjects = &person, .subject_count = 1};
    return app_act(app, &act, NULL, out_refusal);
}

enum rc app_role_take(struct app *app, struct rid person, enum role role, const char *area,
                      struct moment now, struct refusal *out_refusal) {
    app->now = now;
    struct body body = app_body(app, KIND_ROLE_REVOKE);
    body_put_uint(&body, ROLE_ROLE, (uint64_t)role);
    body_put_text(&body, ROLE_AREA, area ? area : "");
    put_needs(app, &body, KIND_ROLE_REVOKE, role);
    struct act act = {.kind = KIND_ROLE_REVOKE, .subjects = &person, .subject_count = 1};
    return app_act(app, &act, NULL, out_refusal);
}

enum rc app_second(struct app *app, struct rid subject, struct rid proposal, struct moment now,
                   struct refusal *out_refusal) {
    app->now = now;
    (void)app_body(app, KIND_ROSTER_SECOND);
    struct act act = {.kind = KIND_ROSTER_SECOND,
                      .subjects = &subject,
                      .subject_count = 1,
                      .refs = &proposal,
                      .ref_count = 1};
    return app_act(app, &act, NULL, out_refusal);
}

// ---- Withdrawing ----

struct good_search {
    struct app *app;
    struct public_key device_key;
    struct utc_ms since;
    struct body *body;
    uint32_t count;
    uint64_t seq; // of the chain in hand
};

static enum rc good_entry(void *ctx, const struct store_entry *entry) {
    struct good_search *search = ctx;
    struct store_log log;
    if (entry->type != ENTRY_RECORD) {
        return RC_OK;
    }
    enum rc rc = store_log_of(search->app->store, &entry->place, &log);
    if (rc != RC_OK) {
        return rc == RC_NOT_FOUND ? RC_FULL : rc;
    }
    if (log.hub_time.v > search->since.v) {
        return RC_FULL;
    }
    search->seq = entry->place.seq;
    return RC_OK;
}

static enum rc good_chain(void *ctx, const struct store_chain *chain) {
    struct good_search *search = ctx;
    struct store_author author;
    enum rc rc = store_author_get(search->app->store, chain->id.author, &author);
    if (rc != RC_OK || memcmp(author.device_key.b, search->device_key.b, PUBLIC_KEY_BYTES) != 0) {
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    }
    search->seq = 0;
    rc = store_entries(search->app->store, chain->id, 1, good_entry, search);
    if (rc == RC_OK && search->count < ROSTER_GOODS_MAX) {
        roster_good_put(search->body, &chain->id, search->seq);
        search->count++;
    }
    return rc;
}

// The list of a revocation that goes back: it names every chain that is known here, so that it is a
// list even where nothing of a chain was good.
static enum rc put_goods(struct app *app, struct body *body, struct rid device,
                         struct utc_ms since) {
    const struct roster_device *row = roster_device(app->roster, device);
    if (since.v == 0 || !row) {
        return RC_OK;
    }
    struct good_search search = {.app = app, .device_key = row->key, .since = since, .body = body};
    return store_chains(app->store, good_chain, &search);
}

enum rc app_device_revoke(struct app *app, struct rid device, const struct revoke_spec *spec,
                          struct moment now, struct refusal *out_refusal) {
    app->now = now;
    struct body body = app_body(app, KIND_DEVICE_REVOKE);
    body_put_text(&body, REVOKE_REASON, spec->reason);
    enum rc rc = put_goods(app, &body, device, spec->since);
    if (rc != RC_OK) {
        return rc;
    }
    put_needs(app, &body, KIND_DEVICE_REVOKE, ROLE_VIEWER);
    struct act act = {.kind = KIND_DEVICE_REVOKE, .subjects = &device, .subject_count = 1};
    return app_act(app, &act, NULL, out_refusal);
}

enum rc app_key_revoke(struct app *app, struct rid person, struct key_id key,
                       const struct revoke_spec *spec, struct moment now,
                       struct refusal *out_refusal) {
    app->now = now;
    struct roster_key_owner owner;
    if (!roster_key(app->roster, key, &owner) || !rid_equal(owner.person, person)) {
        return REFUSE(out_refusal, REFUSAL_KEY_UNKNOWN, "");
    }
    struct body body = app_body(app, KIND_KEY_REVOKE);
    body_put_text(&body, REVOKE_REASON, spec->reason);
    enum rc rc = put_goods(app, &body, owner.device, spec->since);
    if (rc != RC_OK) {
        return rc;
    }
    body_put_bytes(&body, REVOKE_KEY, key.id.b, ID_BYTES);
    put_needs(app, &body, KIND_KEY_REVOKE, ROLE_VIEWER);
    struct act act = {.kind = KIND_KEY_REVOKE, .subjects = &person, .subject_count = 1};
    return app_act(app, &act, NULL, out_refusal);
}

// ---- Review ----

struct review_list {
    struct app *app;
    struct review_row *rows;
    uint32_t count, max;
};

static bool holds_for_review(const struct store_item *item) {
    return item->logged && item->log.verdict == VERDICT_HELD &&
           (item->log.rule == REFUSAL_DEVICE_REVOKED || item->log.rule == REFUSAL_KEY_REVOKED);
}

static enum rc review_add(void *ctx, const struct store_item *item) {
    struct review_list *list = ctx;
    bool disputed = false;
    enum review_decision decision = REVIEW_NONE;
    enum rc rc = judge_disputed(list->app->store, list->app->roster, item, &disputed, &decision);
    if (rc != RC_OK) {
        return rc;
    }
    bool waits = (disputed && decision == REVIEW_NONE) || holds_for_review(item);
    if (waits && list->count < list->max) {
        list->rows[list->count++] = (struct review_row){.rid = item->entry.rid,
                                                        .kind = item->content.kind,
                                                        .time = item->content.time,
                                                        .person = item->content.person,
                                                        .device = item->content.device,
                                                        .disputed = disputed,
                                                        .rule = item->log.rule};
    }
    return RC_OK;
}

uint32_t app_reviews(struct app *app, struct review_row *out_rows, uint32_t max) {
    struct review_list list = {.app = app, .rows = out_rows, .max = max};
    if (store_recent_each(app->store, LIMIT_QUERY_ROWS, review_add, &list) != RC_OK) {
        return 0;
    }
    for (uint32_t i = 0; i < list.count / 2; i++) { // newest came first
        struct review_row swap = out_rows[i];
        out_rows[i] = out_rows[list.count - 1 - i];
        out_rows[list.count - 1 - i] = swap;
    }
    return list.count;
}

enum rc app_review(struct app *app, const struct review_act *review, struct moment now,
                   struct refusal *out_refusal) {
    struct rid subjects[ROSTER_REVIEW_RECORDS_MAX];
    app->now = now;
    if (review->count == 0 || review->count > ROSTER_REVIEW_RECORDS_MAX) {
        return REFUSE(out_refusal, REFUSAL_SUBJECT_COUNT, "review.decide");
    }
    struct body body = app_body(app, KIND_REVIEW_DECIDE);
    for (uint32_t i = 0; i < review->count; i++) {
        subjects[i] = roster_review_subject(review->records[i]);
        body_put_bytes(&body, REVIEW_RECORD, review->records[i].id.b, ID_BYTES);
    }
    body_put_uint(&body, REVIEW_DECISION, (uint64_t)review->decision);
    body_put_text(&body, REVIEW_REASON, review->reason);
    struct act act = {
        .kind = KIND_REVIEW_DECIDE, .subjects = subjects, .subject_count = (uint16_t)review->count};
    return app_act(app, &act, NULL, out_refusal);
}

// ---- Root keys ----

enum rc app_roots_change(struct app *app, const struct roster_roots *roots, struct moment now,
                         struct rid *out_proposal, struct refusal *out_refusal) {
    app->now = now;
    struct rid site = {app->config.site.id};
    struct body body = app_body(app, KIND_ROOTS_CHANGE);
    for (uint8_t i = 0; i < roots->count; i++) {
        body_put_bytes(&body, ROOTS_KEY, roots->keys[i].b, PUBLIC_KEY_BYTES);
    }
    body_put_uint(&body, ROOTS_THRESHOLD, roots->threshold);
    struct act act = {.kind = KIND_ROOTS_CHANGE, .subjects = &site, .subject_count = 1};
    return app_act(app, &act, out_proposal, out_refusal);
}

// ---- Workers of a job ----

static void put_optional(struct body *body, uint16_t tag, const char *text) {
    if (text && text[0] != '\0') {
        body_put_text(body, tag, text);
    }
}

static void witness_body(struct app *app, const struct witness_spec *spec,
                         const struct public_key *key) {
    struct body body = app_body(app, KIND_PERSON_WITNESS);
    body_put_text(&body, PERSON_NAME, spec->name);
    body_put_text(&body, PERSON_NUMBER, spec->number);
    put_optional(&body, PERSON_EMPLOYER, spec->employer);
    put_optional(&body, PERSON_JOB, spec->job);
    body_put_bytes(&body, WITNESS_KEY, key->b, PUBLIC_KEY_BYTES);
    body_put_uint(&body, WITNESS_ROLE, (uint64_t)spec->role);
    for (uint16_t i = 0; i < spec->area_count; i++) {
        body_put_text(&body, WITNESS_AREA, spec->areas[i]);
    }
    body_put_int(&body, WITNESS_FROM, spec->from.v);
    body_put_int(&body, WITNESS_UNTIL, spec->until.v);
}

enum rc app_witness(struct app *app, const struct witness_spec *spec, const char *pin,
                    struct moment now, struct rid *out_person, struct refusal *out_refusal) {
    struct rid known;
    struct public_key key;
    app->now = now;
    if (roster_person_by_number(app->roster, spec->number, &known)) {
        return REFUSE(out_refusal, REFUSAL_SUBJECT_EXISTS, spec->number);
    }
    enum rc rc = app_new_key(app, pin, &key, out_refusal);
    if (rc != RC_OK) {
        return rc;
    }
    witness_body(app, spec, &key);
    struct act act = {.kind = KIND_PERSON_WITNESS};
    rc = app_act(app, &act, out_person, out_refusal);
    if (rc == RC_OK) {
        rc = app_pending_people(app);
    } else {
        (void)!keyfile_person_wipe(app->keys_folder, key_id_of(&key));
    }
    return rc;
}

static enum rc pending_person(void *ctx, struct rid subject) {
    struct app *app = ctx;
    struct roster_state *state = calloc(1, sizeof *state);
    if (!state) {
        return RC_NO_MEMORY;
    }
    enum rc rc = store_view_get(app->store, &roster_module, subject, true, state);
    if (rc == RC_OK && state->what == ROSTER_PERSON && state->proposed &&
        !roster_person(app->roster, subject)) {
        rc = roster_set(app->roster, subject, state);
    }
    free(state);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc app_pending_people(struct app *app) {
    return store_pending_each(app->store, &roster_module, pending_person, app);
}

// ---- Age of the roster ----

#define AGE_META "roster.age"
#define AGE_SAVE_MS 60000
#define AGE_HEARD_MS 15000 // an authenticated word this fresh confirms

void app_age_open(struct app *app) {
    struct buf bytes;
    buf_init(&bytes, 64);
    app->age = (struct app_age){.base_ms = -1, .at = app->now.mono};
    if (store_meta_get(app->store, AGE_META, &bytes) == RC_OK) {
        struct reader in = reader_of(buf_slice(&bytes));
        int64_t confirmed = reader_signed(&in);
        int64_t newest = reader_signed(&in);
        if (reader_done(&in) == RC_OK) {
            int64_t now = app->now.utc.v > newest ? app->now.utc.v : newest;
            app->age.confirmed = confirmed;
            app->age.newest = newest;
            app->age.base_ms = now > confirmed ? now - confirmed : 0;
        }
    }
    buf_fini(&bytes);
}

int64_t app_roster_age_ms(const struct app *app, struct moment now) {
    if (app_is_hub(app)) {
        return 0;
    }
    if (app->age.base_ms < 0) {
        return -1;
    }
    int64_t run = now.mono.v > app->age.at.v ? now.mono.v - app->age.at.v : 0;
    return app->age.base_ms + run;
}

static bool confirmed_now(const struct app *app) {
    struct sync_device_status status;
    sync_device_status(app->sync, &status);
    return status.phase == SYNC_LIVE && status.heard.v > 0 &&
           status.log_seq[LANE_CONTROL] >= status.hub_log_seq[LANE_CONTROL] &&
           app->now.mono.v - status.heard.v < AGE_HEARD_MS;
}

enum rc app_age_step(struct app *app) {
    bool first = app->age.base_ms < 0;
    if (app->now.utc.v > app->age.newest) {
        app->age.newest = app->now.utc.v;
    }
    if (confirmed_now(app)) {
        app->age.base_ms = 0;
        app->age.at = app->now.mono;
        app->age.confirmed = app->age.newest;
    }
    bool due =
        app->now.mono.v - app->age.saved.v >= AGE_SAVE_MS || (first && app->age.base_ms >= 0);
    if (app->age.base_ms < 0 || !due) {
        return RC_OK;
    }
    struct buf bytes;
    buf_init(&bytes, 64);
    buf_put_signed(&bytes, app->age.confirmed);
    buf_put_signed(&bytes, app->age.newest);
    app->age.saved = app->now.mono;
    enum rc rc = store_meta_set(app->store, AGE_META, buf_slice(&bytes));
    buf_fini(&bytes);
    return rc;
}
