// The site file: read, put into force, and stated as records where it changed.
#include "hub_priv.h"

#include <stdlib.h>
#include <string.h>

void hub_site_free(struct hub *hub) {
    alarm_eval_free(hub->eval);
    feed_free(hub->feed);
    site_free(hub->site);
    free(hub->live);
    free(hub->open_limits);
    free(hub->open_gateways);
    free(hub->topics);
    hub->eval = NULL;
    hub->feed = NULL;
    hub->site = NULL;
    hub->live = NULL;
    hub->open_limits = NULL;
    hub->open_gateways = NULL;
    hub->topics = NULL;
}

static void eval_tag(const struct site_tag *tag, struct alarm_eval_tag *out) {
    *out = (struct alarm_eval_tag){.name = tag->tag, .gateway = tag->gateway};
    for (int i = 0; i < SITE_LIMIT_COUNT; i++) {
        out->limits[i + ALARM_HH] =
            (struct alarm_eval_limit){.present = tag->limits[i].present,
                                      .value = tag->limits[i].value,
                                      .deadband = tag->limits[i].deadband,
                                      .on_delay_ms = tag->limits[i].on_delay_s * 1000,
                                      .off_delay_ms = tag->limits[i].off_delay_s * 1000};
    }
}

static enum rc new_eval(const struct site *site, struct moment now, struct alarm_eval **out_eval) {
    struct alarm_eval_tag *tags = calloc(site->tag_count + 1, sizeof *tags);
    struct alarm_eval_gateway *gateways = calloc(site->gateway_count + 1, sizeof *gateways);
    enum rc rc = tags && gateways ? RC_OK : RC_NO_MEMORY;
    if (rc == RC_OK) {
        for (uint32_t i = 0; i < site->tag_count; i++) {
            eval_tag(&site->tags[i], &tags[i]);
        }
        for (uint32_t i = 0; i < site->gateway_count; i++) {
            gateways[i].name = site->gateways[i].code;
            gateways[i].stale_ms = site->gateways[i].stale_s * 1000;
        }
        struct alarm_eval_config config = {.tags = tags,
                                           .gateways = gateways,
                                           .tag_count = site->tag_count,
                                           .gateway_count = site->gateway_count};
        rc = alarm_eval_new(&config, now, out_eval);
    }
    free(tags);
    free(gateways);
    return rc;
}

static enum rc new_feed(const struct site *site, uint64_t seed, struct feed **out_feed) {
    struct feed_mapping_text texts[LIMIT_SITE_MAPPINGS];
    uint32_t wrong = 0;
    struct feed_mapping_fault fault = {0};
    for (uint32_t i = 0; i < site->mapping_count; i++) {
        const struct site_mapping *mapping = &site->mappings[i];
        texts[i] = (struct feed_mapping_text){.topic = mapping->topic,
                                              .form = mapping->form,
                                              .tag = mapping->tag,
                                              .time = mapping->time,
                                              .good = mapping->good,
                                              .uncertain = mapping->uncertain,
                                              .bad = mapping->bad,
                                              .bad_values = mapping->bad_values};
    }
    return feed_new(texts, site->mapping_count, seed, out_feed, &wrong, &fault);
}

// Everything that hangs on the site, made anew beside the running one.
static enum rc build(struct hub *hub, struct hub *fresh) {
    uint64_t seed;
    hub_random(hub, &seed, sizeof seed);
    const struct site *site = fresh->site;
    fresh->live = calloc(site->tag_count + 1, sizeof *fresh->live);
    fresh->open_limits =
        calloc((size_t)(site->tag_count + 1) * SUMMARY_LIMITS, sizeof *fresh->open_limits);
    fresh->open_gateways = calloc(site->gateway_count + 1, sizeof *fresh->open_gateways);
    fresh->topics = calloc(site->mapping_count + 1, sizeof *fresh->topics);
    if (!fresh->live || !fresh->open_limits || !fresh->open_gateways || !fresh->topics) {
        return RC_NO_MEMORY;
    }
    enum rc rc = new_eval(site, hub->now, &fresh->eval);
    if (rc == RC_OK) {
        rc = new_feed(site, seed, &fresh->feed);
    }
    for (uint32_t i = 0; rc == RC_OK && i < feed_mapping_count(fresh->feed); i++) {
        fresh->topics[i] = feed_mapping_filter(fresh->feed, i);
    }
    return rc;
}

// Alarm timers and live values go on across a change of the file.
static enum rc carry_over(struct hub *hub, struct hub *fresh) {
    if (!hub->site) {
        return RC_OK;
    }
    struct buf state;
    uint32_t skipped = 0;
    buf_init(&state, ALARM_EVAL_STATE_BYTES);
    enum rc rc = alarm_eval_encode(hub->eval, hub->now, &state);
    if (rc == RC_OK) {
        rc = alarm_eval_decode(fresh->eval, buf_slice(&state), hub->now, &skipped);
    }
    buf_fini(&state);
    for (uint32_t i = 0; i < fresh->site->tag_count; i++) {
        uint32_t old;
        if (site_tag_find(hub->site, slice_text(fresh->site->tags[i].tag), &old)) {
            fresh->live[i] = hub->live[old];
        }
    }
    return rc;
}

// What the files know of the fresh site. Whatever can fail has then happened, and the running site
// stands untouched.
static enum rc fill(struct hub *hub, struct hub *fresh) {
    fresh->options = hub->options;
    fresh->store = hub->store;
    fresh->history = hub->history;
    fresh->now = hub->now;
    enum rc rc = hub_ingest_open(fresh, hub->site == NULL);
    if (rc == RC_OK) {
        rc = hub_alarms_load(fresh);
    }
    if (rc == RC_OK) {
        hub_alarms_force(fresh);
    }
    return rc;
}

static void take_over(struct hub *hub, struct hub *fresh) {
    hub_site_free(hub);
    hub->site = fresh->site;
    hub->feed = fresh->feed;
    hub->eval = fresh->eval;
    hub->live = fresh->live;
    hub->open_limits = fresh->open_limits;
    hub->open_gateways = fresh->open_gateways;
    hub->topics = fresh->topics;
    hub->event_count = 0;
    hub->define_due = true;
    hub->define_next = 0;
    hub->reconcile_due = true;
}

enum rc hub_site(struct hub *hub, struct slice text, struct moment now,
                 struct refusal *out_refusal) {
    hub->now = now;
    uint64_t seed;
    hub_random(hub, &seed, sizeof seed);
    struct site_issues *issues = calloc(1, sizeof *issues);
    struct hub *fresh = calloc(1, sizeof *fresh);
    enum rc rc = issues && fresh ? RC_OK : RC_NO_MEMORY;
    if (rc == RC_OK) {
        rc = site_parse(text, seed, &fresh->site, issues);
        for (uint32_t i = 0; i < issues->kept; i++) {
            char line[SITE_ISSUE_TEXT_BYTES];
            bool error = site_issue_is_error(issues->items[i].code);
            site_issue_text(&issues->items[i], "site.ini", line);
            hub_log(hub, error ? LOG_ERROR : LOG_WARNING, "%s", line);
            if (error && rc == RC_INVALID) {
                rc = site_issue_refuse(&issues->items[i], "site.ini", out_refusal);
            }
        }
    }
    if (rc == RC_OK) {
        rc = build(hub, fresh);
    }
    if (rc == RC_OK) {
        rc = carry_over(hub, fresh);
    }
    if (rc == RC_OK) {
        rc = fill(hub, fresh);
    }
    if (rc == RC_OK) {
        take_over(hub, fresh);
    } else if (fresh) {
        hub_site_free(fresh);
    }
    free(issues);
    free(fresh);
    return rc;
}

const char *const *hub_topics(const struct hub *hub) {
    static const char *const none[] = {NULL};
    return hub->topics ? (const char *const *)hub->topics : none;
}

// ---- Definitions as records ----

static void put_limits(struct body *body, const struct site_tag *tag) {
    for (uint16_t i = 0; i < SITE_LIMIT_COUNT; i++) {
        struct decimal value;
        if (tag->limits[i].present && decimal_from_double(tag->limits[i].value, &value) == RC_OK) {
            body_put_decimal(body, (uint16_t)(TAG_HH + i), value);
        }
    }
}

static void tag_body(struct hub *hub, uint32_t index, struct body *body) {
    const struct site_tag *tag = &hub->site->tags[index];
    struct decimal low, high;
    body_put_text(body, TAG_TAG, tag->tag);
    body_put_text(body, TAG_AREA, hub->site->areas[tag->area].code);
    body_put_text(body, TAG_NAME, tag->name);
    if (tag->unit[0] != '\0') {
        body_put_text(body, TAG_UNIT, tag->unit);
    }
    if (tag->has_range && decimal_from_double(tag->range_lo, &low) == RC_OK &&
        decimal_from_double(tag->range_hi, &high) == RC_OK) {
        body_put_decimal(body, TAG_LOW, low);
        body_put_decimal(body, TAG_HIGH, high);
    }
    put_limits(body, tag);
    if (tag->equipment != SITE_NONE) {
        body_put_text(body, TAG_EQUIPMENT, hub->site->equipment[tag->equipment].code);
    }
    body_put_uint(body, TAG_ORDER, index);
    body_put_uint(body, TAG_STALE, hub->site->gateways[tag->gateway].stale_s);
}

// States hub->body unless the log says the same already.
static enum rc state_if_new(struct hub *hub, uint16_t kind, struct rid subject) {
    struct define_state have = {0};
    struct define_state want = {0};
    struct content content = {
        .site = hub->config.site, .kind = kind, .subjects = &subject, .subject_count = 1};
    content.body = buf_slice(&hub->body);
    struct fold_entry entry = {.content = &content, .verdict = VERDICT_ACCEPTED, .n = 1};
    define_module.fold(&want, subject, &entry);
    enum rc rc = store_view_get(hub->store, &define_module, subject, false, &have);
    if (rc == RC_OK && memcmp(&have, &want, sizeof have) == 0) {
        return RC_OK;
    }
    if (rc != RC_OK && rc != RC_NOT_FOUND) {
        return rc;
    }
    return hub_state(hub, kind, &subject, NULL);
}

static enum rc define_area(struct hub *hub, uint32_t index) {
    const struct module *module;
    const struct site_area *area = &hub->site->areas[index];
    buf_reset(&hub->body);
    struct body body =
        body_start(registry_kind(app_registry(), KIND_SITE_AREA, &module), &hub->body);
    body_put_text(&body, AREA_CODE, area->code);
    body_put_text(&body, AREA_NAME, area->name);
    body_put_uint(&body, AREA_ORDER, index);
    return state_if_new(hub, KIND_SITE_AREA,
                        define_subject(hub->config.site, DEFINE_AREA, area->code));
}

static enum rc define_tag(struct hub *hub, uint32_t index) {
    const struct module *module;
    buf_reset(&hub->body);
    struct body body =
        body_start(registry_kind(app_registry(), KIND_SITE_TAG, &module), &hub->body);
    tag_body(hub, index, &body);
    return state_if_new(hub, KIND_SITE_TAG,
                        define_subject(hub->config.site, DEFINE_TAG, hub->site->tags[index].tag));
}

// What the log defines and the file no longer has.
struct removed {
    struct hub *hub;
    struct define_state gone[64];
    uint32_t count;
};

static enum rc find_removed(void *ctx, struct rid subject, const void *state) {
    (void)subject;
    struct removed *removed = ctx;
    const struct define_state *define = state;
    uint32_t index;
    struct slice code = slice_text(define->code);
    bool there = define->what == DEFINE_AREA ? site_area_find(removed->hub->site, code, &index)
                                             : site_tag_find(removed->hub->site, code, &index);
    if (!there && !define->removed && removed->count < COUNT_OF(removed->gone)) {
        removed->gone[removed->count++] = *define;
    }
    return RC_OK;
}

static enum rc define_removed(struct hub *hub, uint32_t *out_count) {
    struct removed removed = {.hub = hub};
    struct view_query all = {.limit = UINT32_MAX};
    enum rc rc = store_view_each(hub->store, &define_module, &all, find_removed, &removed);
    for (uint32_t i = 0; i < removed.count && rc == RC_OK; i++) {
        const struct define_state *gone = &removed.gone[i];
        const struct module *module;
        bool area = gone->what == DEFINE_AREA;
        uint16_t kind = area ? KIND_SITE_AREA : KIND_SITE_TAG;
        buf_reset(&hub->body);
        struct body body = body_start(registry_kind(app_registry(), kind, &module), &hub->body);
        body_put_text(&body, area ? AREA_CODE : TAG_TAG, gone->code);
        if (!area) {
            body_put_text(&body, TAG_AREA, gone->area);
        }
        body_put_text(&body, area ? AREA_NAME : TAG_NAME, gone->name);
        body_put_uint(&body, area ? AREA_REMOVED : TAG_REMOVED, 1);
        struct rid subject =
            define_subject(hub->config.site, (enum define_what)gone->what, gone->code);
        rc = hub_state(hub, kind, &subject, NULL);
    }
    *out_count = removed.count;
    return rc;
}

enum rc hub_define(struct hub *hub) {
    if (!hub->define_due || !hub->site || !sync_hub_serving(hub->sync)) {
        return RC_OK;
    }
    uint32_t total = hub->site->area_count + hub->site->tag_count;
    uint32_t end = hub->define_next + HUB_DEFINES_A_STEP;
    end = end < total ? end : total;
    enum rc rc = RC_OK;
    for (; hub->define_next < end && rc == RC_OK; hub->define_next++) {
        uint32_t i = hub->define_next;
        rc = i < hub->site->area_count ? define_area(hub, i)
                                       : define_tag(hub, i - hub->site->area_count);
    }
    if (rc == RC_OK && hub->define_next == total) {
        uint32_t removed = 0;
        rc = define_removed(hub, &removed);
        hub->define_due = removed > 0;
    }
    return rc;
}
