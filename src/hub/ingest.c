// Telemetry in. A payload is refused whole or taken whole; a reading of it is dropped and counted
// if
// its tag is unknown or its time cannot be; a value outside the tag's range is uncertain: it can
// raise an alarm but never clear one.
#include "hub_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void note_bad(struct hub *hub, const char *topic, const char *why, uint32_t position) {
    char clean[64];
    (void)text_clean(slice_text(topic), clean, sizeof clean);
    (void)snprintf(hub->status.last_bad, sizeof hub->status.last_bad, "%s: byte %u: %s", clean,
                   position, why);
}

static bool in_range(const struct site_tag *tag, double value) {
    return !tag->has_range || (value >= tag->range_lo && value <= tag->range_hi);
}

static void put_history(struct hub *hub, uint32_t tag, const struct alarm_reading *reading) {
    if (!hub->history || hub->live[tag].history == 0) {
        return;
    }
    struct history_reading row = {
        .time = reading->time, .value = reading->value, .quality = (uint8_t)reading->quality};
    enum rc rc = history_put(hub->history, hub->live[tag].history, &row);
    if (rc == RC_OK) {
        hub->readings_wait = true;
    } else {
        hub->status.readings_bad++;
    }
}

static void take_reading(struct hub *hub, uint32_t tag, const struct feed_reading *reading) {
    struct hub_live *live = &hub->live[tag];
    struct alarm_reading now = {.tag = tag,
                                .value = reading->has_value ? reading->value : live->value,
                                .time = reading->has_time ? reading->time : hub->now.utc,
                                .quality = (enum alarm_quality)reading->quality};
    if (now.quality == ALARM_QUALITY_GOOD && !in_range(&hub->site->tags[tag], now.value)) {
        now.quality = ALARM_QUALITY_UNCERTAIN;
    }
    if (now.time.v > hub->now.utc.v + LIMIT_READING_FUTURE_MS ||
        now.time.v < hub->now.utc.v - LIMIT_READING_PAST_MS) {
        hub->status.readings_bad++;
        return;
    }
    struct alarm_sink sink = {.emit = hub_event, .context = hub};
    enum alarm_reading_use use = alarm_eval_reading(hub->eval, &now, hub->now, &sink);
    hub->status.readings++;
    if (use != ALARM_HISTORY_ONLY) {
        live->value = now.value;
        live->time = now.time;
        live->quality = (uint8_t)now.quality;
        live->heard = true;
        live->changed = true;
    }
    put_history(hub, tag, &now);
}

void hub_telemetry(struct hub *hub, const char *topic, struct slice payload, struct moment now) {
    hub->now = now;
    if (!hub->feed) {
        return;
    }
    struct feed_batch batch;
    struct feed_error error = {0};
    if (feed_read(hub->feed, slice_text(topic), payload, &batch, &error) != RC_OK) {
        hub->status.payloads_bad++;
        note_bad(hub, topic, feed_fault_text(error.fault), error.position);
        return;
    }
    for (uint32_t i = 0; i < batch.count; i++) {
        uint32_t tag;
        if (site_tag_find(hub->site, batch.readings[i].tag, &tag)) {
            take_reading(hub, tag, &batch.readings[i]);
        } else {
            hub->status.readings_bad++;
            note_bad(hub, topic, "unknown tag", 0);
        }
    }
}

// Saved with the boot clock's time: a delay runs on while the hub is down, as long as that clock
// does.
// A gateway's silence starts anew, because the time it was last heard is not saved.
static enum rc restore_item(void *ctx, const char *key, struct slice value) {
    struct hub *hub = ctx;
    struct moment then = hub->now;
    struct reader in = reader_of(value);
    uint64_t boot_id = reader_u64(&in);
    int64_t saved_ms = reader_signed(&in);
    struct alarm_eval_item item = {.source =
                                       key[0] == 't' ? ALARM_SOURCE_TAG : ALARM_SOURCE_GATEWAY};
    if ((key[0] != 't' && key[0] != 'g') || key[1] != ':') {
        return RC_OK;
    }
    struct slice name = slice_text(key + 2);
    bool known = item.source == ALARM_SOURCE_TAG ? site_tag_find(hub->site, name, &item.index)
                                                 : site_gateway_find(hub->site, name, &item.index);
    bool same_boot = boot_id == then.boot_id && saved_ms <= then.mono.v;
    if (item.source == ALARM_SOURCE_TAG && same_boot) {
        then.mono.v = saved_ms;
    }
    struct slice state = reader_take(&in, reader_left(&in));
    if (known && alarm_eval_item_decode(hub->eval, item, state, then) != RC_OK) {
        hub_log(hub, LOG_WARNING, "saved alarm timer of %s is damaged and starts anew", key + 2);
    }
    return RC_OK;
}

// Gives every tag that is new its number in history, and takes back timers and newest values.
enum rc hub_ingest_open(struct hub *hub, bool first) {
    if (!hub->history) {
        return RC_OK;
    }
    for (uint32_t i = 0; i < hub->site->tag_count; i++) {
        if (hub->live[i].history != 0) {
            continue;
        }
        struct history_reading last;
        enum rc rc = history_tag(hub->history, hub->site->tags[i].tag, &hub->live[i].history);
        if (rc != RC_OK) {
            return rc;
        }
        if (history_last(hub->history, hub->live[i].history, &last) == RC_OK) {
            alarm_eval_tag_seen(hub->eval, i, last.value, last.time);
        }
    }
    return first ? history_state_each(hub->history, restore_item, hub) : RC_OK;
}

// Saves what changed in the evaluator together with the readings that changed it.
enum rc hub_ingest_save(struct hub *hub) {
    if (!hub->history || !hub->readings_wait || hub->now.mono.v < hub->full_until.v) {
        return RC_OK;
    }
    struct alarm_eval_item item;
    while (hub->eval && alarm_eval_changed_next(hub->eval, &item)) {
        bool tag = item.source == ALARM_SOURCE_TAG;
        char key[LIMIT_TAG_BYTES + 4];
        (void)snprintf(key, sizeof key, "%c:%s", tag ? 't' : 'g',
                       tag ? hub->site->tags[item.index].tag
                           : hub->site->gateways[item.index].code);
        buf_reset(&hub->scratch);
        buf_put_u64(&hub->scratch, hub->now.boot_id);
        buf_put_signed(&hub->scratch, hub->now.mono.v);
        alarm_eval_item_encode(hub->eval, item, hub->now, &hub->scratch);
        enum rc rc = buf_rc(&hub->scratch);
        if (rc == RC_OK) {
            rc = history_state_set(hub->history, key, buf_slice(&hub->scratch));
        }
        if (rc != RC_OK) {
            return rc;
        }
    }
    struct history_status status;
    enum rc rc = history_commit(hub->history);
    if (rc == RC_FULL) {
        hub_log(hub, LOG_ERROR, "the disk is full: readings wait in memory");
        hub->full_until.v = hub->now.mono.v + 2000;
        return RC_OK;
    }
    if (rc == RC_OK) {
        hub->readings_wait = false;
        hub->status.readings_stored = hub->status.readings;
        history_status(hub->history, &status);
        hub->readings_wait = status.waiting > 0;
    }
    return rc;
}
