// Evaluator events become records; the log stays the authority. After a restart, a rollback or a
// change of
// the site file both are compared: what is open in the log is active here, what is active here
// and not open
// is raised.
#include "hub_priv.h"

#include <stdio.h>
#include <string.h>

#define STALE_PRIORITY 2

void hub_event(void *ctx, const struct alarm_event *event) {
    struct hub *hub = ctx;
    if (hub->event_count == HUB_EVENTS_MAX) {
        hub->reconcile_due = true; // the comparison finds what the queue could not hold
        return;
    }
    hub->events[hub->event_count++] = *event;
}

// Where an event's open occurrence is kept; NULL for what the site does not have.
static struct rid *open_of(struct hub *hub, const struct alarm_event *event) {
    if (event->source == ALARM_SOURCE_GATEWAY) {
        return &hub->open_gateways[event->index];
    }
    return &hub->open_limits[event->index * SUMMARY_LIMITS + (uint32_t)event->limit - ALARM_HH];
}

static void put_decimal(struct body *body, uint16_t tag, double value) {
    struct decimal decimal;
    if (decimal_from_double(value, &decimal) == RC_OK) {
        body_put_decimal(body, tag, decimal);
    }
}

static void put_text(struct body *body, uint16_t tag, const char *text) {
    if (text && text[0] != '\0') {
        body_put_text(body, tag, text);
    }
}

static void raise_tag_body(struct hub *hub, const struct alarm_event *event, struct body *body) {
    const struct site_tag *tag = &hub->site->tags[event->index];
    const struct site_limit *limit = &tag->limits[event->limit - ALARM_HH];
    body_put_text(body, RAISE_TAG, tag->tag);
    body_put_text(body, RAISE_AREA, hub->site->areas[tag->area].code);
    body_put_uint(body, RAISE_LIMIT, (uint64_t)event->limit);
    body_put_uint(body, RAISE_PRIORITY, limit->present ? limit->priority : STALE_PRIORITY);
    put_decimal(body, RAISE_VALUE, event->value);
    put_decimal(body, RAISE_LIMIT_VALUE, event->limit_value);
    put_text(body, RAISE_UNIT, tag->unit);
    put_text(body, RAISE_NAME, tag->name);
    put_text(body, RAISE_CONSEQUENCE, tag->consequence);
    put_text(body, RAISE_ACTION, tag->action);
    body_put_uint(body, RAISE_RESPOND_S, tag->respond_s);
    body_put_int(body, RAISE_TIME, event->time.v);
    body_put_uint(body, RAISE_QUALITY, hub->live[event->index].quality);
    if (tag->equipment != SITE_NONE) {
        body_put_text(body, RAISE_EQUIPMENT, hub->site->equipment[tag->equipment].code);
    }
}

static void raise_gateway_body(struct hub *hub, const struct alarm_event *event,
                               struct body *body) {
    const struct site_gateway *gateway = &hub->site->gateways[event->index];
    body_put_text(body, RAISE_TAG, gateway->code);
    body_put_text(body, RAISE_AREA, "");
    body_put_uint(body, RAISE_LIMIT, ALARM_STALE);
    body_put_uint(body, RAISE_PRIORITY, STALE_PRIORITY);
    put_decimal(body, RAISE_VALUE, event->value);
    put_decimal(body, RAISE_LIMIT_VALUE, event->limit_value);
    body_put_text(body, RAISE_UNIT, "s");
    put_text(body, RAISE_NAME, gateway->name);
    body_put_int(body, RAISE_TIME, event->time.v);
}

static enum rc write_raise(struct hub *hub, const struct alarm_event *event, struct rid *open) {
    const struct module *module;
    buf_reset(&hub->body);
    struct body body =
        body_start(registry_kind(app_registry(), KIND_ALARM_RAISE, &module), &hub->body);
    if (event->source == ALARM_SOURCE_TAG) {
        raise_tag_body(hub, event, &body);
    } else {
        raise_gateway_body(hub, event, &body);
    }
    return hub_state(hub, KIND_ALARM_RAISE, NULL, open);
}

// A limit that the site file no longer has did not return: it was taken away.
static enum alarm_return return_reason(const struct hub *hub, const struct alarm_event *event) {
    bool gone = event->source == ALARM_SOURCE_TAG &&
                !hub->site->tags[event->index].limits[event->limit - ALARM_HH].present;
    return gone ? ALARM_RETURN_CHANGED : ALARM_RETURN_NORMAL;
}

static enum rc write_return(struct hub *hub, const struct alarm_event *event, struct rid *open) {
    const struct module *module;
    buf_reset(&hub->body);
    struct body body =
        body_start(registry_kind(app_registry(), KIND_ALARM_RETURN, &module), &hub->body);
    put_decimal(&body, RETURN_VALUE, event->value);
    body_put_int(&body, RETURN_TIME, event->time.v);
    body_put_uint(&body, RETURN_REASON, (uint64_t)return_reason(hub, event));
    enum rc rc = hub_state(hub, KIND_ALARM_RETURN, open, NULL);
    if (rc == RC_OK) {
        *open = (struct rid){{{0}}};
    }
    return rc;
}

static enum rc write_event(struct hub *hub, const struct alarm_event *event) {
    struct rid *open = open_of(hub, event);
    bool is_open = !rid_is_zero(*open);
    if (event->kind == ALARM_EVENT_ACTIVATE) {
        return is_open ? RC_OK : write_raise(hub, event, open);
    }
    return is_open ? write_return(hub, event, open) : RC_OK;
}

static enum rc reconcile_one(struct hub *hub, struct alarm_event *event, bool active, bool known) {
    struct rid *open = open_of(hub, event);
    bool is_open = !rid_is_zero(*open);
    if (active && !is_open) {
        return write_raise(hub, event, open);
    }
    if (!active && is_open && known) {
        return write_return(hub, event, open);
    }
    return RC_OK;
}

static enum rc reconcile_tag(struct hub *hub, uint32_t tag) {
    enum rc rc = RC_OK;
    for (int limit = ALARM_HH; limit <= ALARM_LL && rc == RC_OK; limit++) {
        const struct site_limit *config = &hub->site->tags[tag].limits[limit - ALARM_HH];
        struct alarm_event event = {.source = ALARM_SOURCE_TAG,
                                    .index = tag,
                                    .limit = (enum alarm_limit)limit,
                                    .limit_value = config->value,
                                    .time = hub->now.utc};
        (void)alarm_eval_tag_last(hub->eval, tag, &event.value, &event.time);
        bool active =
            config->present && alarm_eval_limit_is_active(hub->eval, tag, (enum alarm_limit)limit);
        // An alarm whose limit is gone ends; otherwise only a known value ends it.
        bool known = !config->present || alarm_eval_tag_is_known(hub->eval, tag);
        rc = reconcile_one(hub, &event, active, known);
    }
    return rc;
}

static enum rc reconcile(struct hub *hub) {
    enum rc rc = RC_OK;
    for (uint32_t tag = 0; tag < hub->site->tag_count && rc == RC_OK; tag++) {
        rc = reconcile_tag(hub, tag);
    }
    for (uint32_t i = 0; i < hub->site->gateway_count && rc == RC_OK; i++) {
        struct alarm_event event = {.source = ALARM_SOURCE_GATEWAY,
                                    .index = i,
                                    .limit = ALARM_STALE,
                                    .limit_value = hub->site->gateways[i].stale_s,
                                    .value = hub->site->gateways[i].stale_s,
                                    .time = hub->now.utc};
        rc = reconcile_one(hub, &event, alarm_eval_gateway_is_stale(hub->eval, i), true);
    }
    return rc;
}

enum rc hub_alarms_write(struct hub *hub) {
    if (!hub->site || !sync_hub_serving(hub->sync)) {
        hub->reconcile_due |= hub->event_count > 0;
        return RC_OK;
    }
    enum rc rc = RC_OK;
    for (uint32_t i = 0; i < hub->event_count && rc == RC_OK; i++) {
        rc = write_event(hub, &hub->events[i]);
    }
    if (rc == RC_OK && hub->reconcile_due) {
        rc = reconcile(hub);
        hub->reconcile_due = rc != RC_OK;
    }
    return rc;
}

// Finds the place of an open occurrence of the log; an occurrence of a tag that the site no longer
// has stays open until a person acknowledges it.
static enum rc load_open(void *ctx, struct rid subject, const void *state) {
    struct hub *hub = ctx;
    const struct alarm_state *alarm = state;
    uint32_t index;
    if (alarm->limit == ALARM_STALE &&
        site_gateway_find(hub->site, slice_text(alarm->tag), &index)) {
        hub->open_gateways[index] = subject;
    } else if (alarm->limit >= ALARM_HH && alarm->limit <= ALARM_LL &&
               site_tag_find(hub->site, slice_text(alarm->tag), &index)) {
        hub->open_limits[index * SUMMARY_LIMITS + alarm->limit - ALARM_HH] = subject;
    }
    return RC_OK;
}

enum rc hub_alarms_load(struct hub *hub) {
    if (!hub->site) {
        return RC_OK;
    }
    memset(hub->open_limits, 0,
           sizeof *hub->open_limits * SUMMARY_LIMITS * (hub->site->tag_count + 1));
    memset(hub->open_gateways, 0, sizeof *hub->open_gateways * (hub->site->gateway_count + 1));
    struct view_filter active = {.column = "active", .op = '=', .value = {.number = 1}};
    struct view_query query = {.filters = &active, .filter_count = 1, .limit = UINT32_MAX};
    return store_view_each(hub->store, &alarm_module, &query, load_open, hub);
}

void hub_alarms_force(struct hub *hub) {
    for (uint32_t i = 0; i < hub->site->tag_count * SUMMARY_LIMITS; i++) {
        uint32_t tag = i / SUMMARY_LIMITS;
        uint32_t limit = i % SUMMARY_LIMITS;
        if (!rid_is_zero(hub->open_limits[i]) && hub->site->tags[tag].limits[limit].present) {
            alarm_eval_limit_force(hub->eval, tag, (enum alarm_limit)(ALARM_HH + limit), true);
        }
    }
    for (uint32_t i = 0; i < hub->site->gateway_count; i++) {
        if (!rid_is_zero(hub->open_gateways[i])) {
            alarm_eval_gateway_force(hub->eval, i, true);
        }
    }
}
