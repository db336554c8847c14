// How far own acts got. Nothing is stored for this: the outbox is what my copy of the log does not hold.
#include "app_priv.h"

#include <stdlib.h>
#include <string.h>

static struct chain_id own_chain(const struct app *app, uint8_t lane) {
    return (struct chain_id){.author = app->config.author, .lane = lane};
}

static enum act_stage stage_of(struct app *app, const struct store_chain *chain, uint64_t seq,
                               uint16_t *out_rule) {
    struct place place = {.chain = chain->id, .seq = seq};
    struct store_log log;
    *out_rule = 0;
    if (store_log_of(app->store, &place, &log) == RC_OK) {
        *out_rule = log.rule;
        return log.verdict == VERDICT_REFUSED ? STAGE_REFUSED
               : log.verdict == VERDICT_HELD  ? STAGE_HELD
                                              : STAGE_ACCEPTED;
    }
    if (chain->acked_seq >= seq) {
        return STAGE_AT_HUB;
    }
    bool sent = app->sync && sync_device_sent_seq(app->sync, chain->id.lane, AUDIENCE_SITE) >= seq;
    return sent && app->linked ? STAGE_SENT : STAGE_WAITING;
}

struct outbox_list {
    struct app *app;
    const struct store_chain *chain;
    struct outbox_row *rows;
    uint32_t count, max;
};

static enum rc outbox_add(void *ctx, const struct store_entry *entry) {
    struct outbox_list *list = ctx;
    struct content content;
    if (entry->type != ENTRY_RECORD || content_decode(entry->bytes, &content) != RC_OK ||
        content.kind == KIND_AUTHOR_OPEN) {
        return RC_OK;
    }
    if (list->count == list->max) {
        return RC_FULL;
    }
    struct outbox_row *row = &list->rows[list->count++];
    *row = (struct outbox_row){.rid = entry->rid,
                               .place = entry->place,
                               .kind = content.kind,
                               .time = content.time,
                               .person = content.person,
                               .bytes = (uint32_t)entry->bytes.len,
                               .subject_count = content_subject_count(&content)};
    row->subject = content_subject(&content, entry->rid, 0);
    row->stage = stage_of(list->app, list->chain, entry->place.seq, &row->rule);
    return RC_OK;
}

// What waits first, oldest on top; then the accepted ones, newest on top.
static int outbox_compare(const void *a, const void *b) {
    const struct outbox_row *left = a;
    const struct outbox_row *right = b;
    bool done = left->stage == STAGE_ACCEPTED;
    if (done != (right->stage == STAGE_ACCEPTED)) {
        return done ? 1 : -1;
    }
    int order = (left->time.v > right->time.v) - (left->time.v < right->time.v);
    return done ? -order : order;
}

uint32_t app_outbox(struct app *app, struct outbox_row *out_rows, uint32_t max) {
    struct outbox_list list = {.app = app, .rows = out_rows, .max = max};
    for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
        struct store_chain chain;
        if (store_chain_get(app->store, own_chain(app, lane), &chain) != RC_OK ||
            chain.head.seq == 0) {
            continue;
        }
        list.chain = &chain;
        uint64_t from = chain.logged_seq + 1;
        uint64_t newest = chain.head.seq > max / 2 ? chain.head.seq - max / 2 : 1;
        from = from < newest ? from : newest;
        if (store_entries(app->store, chain.id, from, outbox_add, &list) != RC_OK) {
            break;
        }
    }
    if (list.count > 1) {
        qsort(out_rows, list.count, sizeof *out_rows, outbox_compare);
    }
    return list.count;
}

void app_outbox_seen(struct app *app) {
    app->refused = 0;
    app->changed = true;
}

// Tells the person of acts that were refused or held since the last round.
void app_judged(struct app *app) {
    for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
        struct store_chain chain;
        if (store_chain_get(app->store, own_chain(app, lane), &chain) != RC_OK) {
            continue;
        }
        while (app->judged_seq[lane] < chain.logged_seq) {
            struct place place = {.chain = chain.id, .seq = ++app->judged_seq[lane]};
            struct store_log log;
            if (store_log_of(app->store, &place, &log) != RC_OK ||
                (log.verdict != VERDICT_REFUSED && log.verdict != VERDICT_HELD)) {
                continue;
            }
            bool has_sig;
            struct signature sig;
            struct content content;
            struct app_message message = {.code = (enum refusal_code)log.rule,
                                          .time = log.hub_time};
            buf_reset(&app->scratch);
            if (store_entry_get(app->store, &place, &app->scratch, &has_sig, &sig) == RC_OK &&
                content_decode(buf_slice(&app->scratch), &content) == RC_OK) {
                message.kind = content.kind;
                message.subject =
                    content_subject(&content, content_rid(buf_slice(&app->scratch)), 0);
            }
            app->refused++;
            app_push_message(app, &message);
        }
    }
}

static enum rc unsent_add(void *ctx, const struct store_entry *entry) {
    struct app *app = ctx;
    struct content content;
    app->unsent.bytes += entry->bytes.len + (entry->sig ? SIGNATURE_BYTES : 0);
    if (content_decode(entry->bytes, &content) == RC_OK &&
        (app->unsent.oldest_time == 0 || content.time.v < app->unsent.oldest_time)) {
        app->unsent.oldest_time = content.time.v;
    }
    return RC_OK;
}

static void count_stages(struct app *app, struct app_status *status) {
    bool fresh = !app->unsent.known;
    if (fresh) {
        app->unsent.bytes = 0;
        app->unsent.oldest_time = 0;
    }
    for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
        struct store_chain chain;
        if (store_chain_get(app->store, own_chain(app, lane), &chain) != RC_OK || app_is_hub(app)) {
            continue;
        }
        uint64_t sent =
            app->sync && app->linked ? sync_device_sent_seq(app->sync, lane, AUDIENCE_SITE) : 0;
        uint64_t acked = chain.acked_seq > chain.logged_seq ? chain.acked_seq : chain.logged_seq;
        sent = sent > acked ? sent : acked;
        status->waiting += (uint32_t)(chain.head.seq - sent);
        status->sent += (uint32_t)(sent - acked);
        status->at_hub += (uint32_t)(acked - chain.logged_seq);
        if (fresh && chain.head.seq > acked) {
            fresh = store_entries(app->store, chain.id, acked + 1, unsent_add, app) == RC_OK;
        }
    }
    app->unsent.known = true;
}

void app_status(struct app *app, struct moment now, struct app_status *out_status) {
    struct app_status status = {.picture_age_ms = -1, .oldest_age_ms = -1, .linked = app->linked};
    const struct roster_site *site = roster_site(app->roster);
    app->now = now;
    if (app->sync) {
        sync_device_status(app->sync, &status.sync);
    }
    if (status.sync.heard.v > 0) {
        status.picture_age_ms = now.mono.v - status.sync.heard.v;
        status.clock_offset_ms = status.sync.hub_time.v + status.picture_age_ms - now.utc.v;
    }
    status.stale = app_picture_is_stale(app);
    count_stages(app, &status);
    status.refused = app->refused;
    status.unsent_bytes = app->unsent.bytes;
    if (app->unsent.oldest_time > 0) {
        status.oldest_age_ms = now.utc.v - app->unsent.oldest_time;
    }
    status.site = app->config.site;
    memcpy(status.device_name, app->config.name, sizeof status.device_name);
    if (site) {
        memcpy(status.site_name, site->name, sizeof status.site_name);
        status.demo = site->demo;
    }
    *out_status = status;
}
