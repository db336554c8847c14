// Live values out: per area, changed ones only, at most one round a second; all of them now and
// then, and
// when a console has just come. A round with nothing to say still sends one, so that consoles
// know how old
// their picture is.
#include "hub_priv.h"

#define DIGEST_EVERY_MS 1000
#define DIGEST_FULL_MS 20000
#define DIGEST_CHUNK 300 // values in one message: half of the message limit with long names

static void put_tag(struct hub *hub, uint32_t tag) {
    const struct hub_live *live = &hub->live[tag];
    struct digest_value value = {.tag = slice_text(hub->site->tags[tag].tag),
                                 .value = live->value,
                                 .quality = live->quality,
                                 .age_ms = hub->now.utc.v - live->time.v};
    if (alarm_eval_gateway_is_stale(hub->eval, hub->site->tags[tag].gateway)) {
        value.quality = 3;
    }
    digest_put_value(&hub->scratch, &value);
}

static uint32_t send_chunk(struct hub *hub, const char *area, uint32_t count, bool full) {
    if (buf_rc(&hub->scratch) != RC_OK) {
        hub->digest_full_at.v = 0; // without memory nothing is said now, and all of it soon
        buf_reset(&hub->scratch);
        return 0;
    }
    struct digest digest = {
        .area = slice_text(area), .full = full, .count = count, .items = buf_slice(&hub->scratch)};
    sync_hub_digest(hub->sync, &digest, hub->now);
    buf_reset(&hub->scratch);
    return 0;
}

static uint32_t digest_area(struct hub *hub, uint32_t area, bool full) {
    uint32_t sent = 0;
    uint32_t count = 0;
    const char *code = hub->site->areas[area].code;
    buf_reset(&hub->scratch);
    for (uint32_t tag = 0; tag < hub->site->tag_count; tag++) {
        struct hub_live *live = &hub->live[tag];
        if (hub->site->tags[tag].area != area || !live->heard || !(full || live->changed)) {
            continue;
        }
        put_tag(hub, tag);
        live->changed = false;
        count++;
        sent++;
        if (count == DIGEST_CHUNK) {
            count = send_chunk(hub, code, count, full);
        }
    }
    if (count > 0) {
        (void)send_chunk(hub, code, count, full);
    }
    return sent;
}

void hub_digests(struct hub *hub) {
    struct sync_hub_status status;
    if (hub->now.mono.v - hub->digest_at.v < DIGEST_EVERY_MS) {
        return;
    }
    sync_hub_status(hub->sync, &status);
    bool full = status.sessions_started > hub->digest_sessions ||
                hub->now.mono.v - hub->digest_full_at.v >= DIGEST_FULL_MS;
    hub->digest_sessions = status.sessions_started;
    hub->digest_at = hub->now.mono;
    if (full) {
        hub->digest_full_at = hub->now.mono;
    }
    if (status.sessions == 0) {
        return;
    }
    uint32_t sent = 0;
    for (uint32_t area = 0; hub->site && area < hub->site->area_count; area++) {
        sent += digest_area(hub, area, full);
    }
    if (sent == 0) {
        buf_reset(&hub->scratch);
        (void)send_chunk(hub, "", 0, false);
    }
}
