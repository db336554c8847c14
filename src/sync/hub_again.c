// Held records are judged again once something changed that may decide them: the roster's version,
// or a new record that may be what they wait for. A few at a time, a pass at most every few
// seconds.
#include "hub_session_priv.h"

#include <string.h>

#define AGAIN_EVERY_MS 5000
#define AGAIN_RECORDS 16 // of one step

bool hub_again_due(const struct sync_hub *hub, struct moment now) {
    return hub->phase == HUB_SERVING && hub->held_dirty && now.mono.v >= hub->again_at.v &&
           hub->options.judge && !MUTANT(&hub->options, no_rejudge);
}

struct held_list {
    struct store_log rows[AGAIN_RECORDS];
    uint32_t count;
};

static enum rc held_add(void *ctx, const struct store_log *log) {
    struct held_list *list = ctx;
    list->rows[list->count++] = *log;
    return list->count == AGAIN_RECORDS ? RC_FULL : RC_OK;
}

static enum rc judge_again(struct sync_hub *hub, const struct store_log *held, struct moment now) {
    struct signed_record record = {0};
    struct content content;
    buf_reset(&hub->record);
    enum rc rc = store_entry_get(hub->options.store, &held->place, &hub->record, &record.has_sig,
                                 &record.sig);
    if (rc == RC_OK) {
        rc = content_decode(buf_slice(&hub->record), &content);
    }
    if (rc != RC_OK) {
        return rc;
    }
    record.content = buf_slice(&hub->record);
    record.rid = content_rid(record.content);
    struct admit admit = {.place = held->place};
    admit.verdict =
        hub->options.judge(hub->options.ctx, &content, &held->place, &record, false, &admit.rule);
    if (admit.verdict == VERDICT_HELD) {
        return RC_OK;
    }
    hub->status.released++;
    return hub_append_verdict(hub, &admit, now);
}

enum rc hub_again_tick(struct sync_hub *hub, struct moment now) {
    struct held_list list = {.count = 0};
    struct store *store = hub->options.store;
    if (!hub_again_due(hub, now)) {
        return RC_OK;
    }
    enum rc rc = store_held_each(store, hub->again_from, held_add, &list);
    for (uint32_t i = 0; i < list.count && rc == RC_OK; i++) {
        rc = judge_again(hub, &list.rows[i], now);
    }
    if (list.count == AGAIN_RECORDS) {
        hub->again_from = list.rows[list.count - 1];
        return rc;
    }
    hub->again_from = (struct store_log){0};
    hub->again_at.v = now.mono.v + AGAIN_EVERY_MS;
    hub->held_dirty = false; // set again by the next record that is accepted
    return rc;
}
