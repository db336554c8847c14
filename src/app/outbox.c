// How far own acts got. Nothing is stored for this but how far refusals were looked at: the outbox
// is what my copy of the log does not hold.
#include "app_priv.h"

#include "davy/app/authority.h"

#include <stdlib.h>
#include <string.h>

// Own chains by number: each lane's audiences one after another.
static struct chain_id own_chain(const struct app *app, uint8_t index) {
    return (struct chain_id){.author = app->config.author,
                             .lane = (uint8_t)(index / AUDIENCE_COUNT),
                             .audience = (uint8_t)(index % AUDIENCE_COUNT)};
}

static uint8_t own_index(struct chain_id chain) {
    return (uint8_t)(chain.lane * AUDIENCE_COUNT + chain.audience);
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
    bool sent =
        app->sync && sync_device_sent_seq(app->sync, chain->id.lane, chain->id.audience) >= seq;
    return sent && app->linked ? STAGE_SENT : STAGE_WAITING;
}

bool app_stage(struct app *app, const struct place *place, enum act_stage *out_stage,
               uint16_t *out_rule) {
    struct store_chain chain = {.id = place->chain};
    bool own = author_equal(place->chain.author, app->config.author);
    if (own && store_chain_get(app->store, place->chain, &chain) != RC_OK) {
        chain.acked_seq = 0;
    }
    *out_stage = stage_of(app, &chain, place->seq, out_rule);
    return own;
}

struct outbox_list {
    struct app *app;
    const struct store_chain *chain;
    struct outbox_row *rows;
    uint32_t count, max;
    uint64_t last;      // not beyond
    bool accepted_only; // what is not accepted was listed before
};

static enum rc outbox_add(void *ctx, const struct store_entry *entry) {
    struct outbox_list *list = ctx;
    struct content content;
    uint16_t rule;
    if (entry->place.seq > list->last) {
        return RC_FULL;
    }
    enum act_stage stage = stage_of(list->app, list->chain, entry->place.seq, &rule);
    if (list->accepted_only && stage != STAGE_ACCEPTED) {
        return RC_OK;
    }
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
    row->stage = stage;
    row->rule = rule;
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

// Refused or held acts that nobody has looked at yet.
static void outbox_refused(struct outbox_list *list, const struct store_chain *chain) {
    struct app *app = list->app;
    uint8_t own = own_index(chain->id);
    for (uint64_t seq = app->seen_seq[own] + 1; seq <= app->judged_seq[own]; seq++) {
        uint16_t rule;
        enum act_stage stage = stage_of(app, chain, seq, &rule);
        if (stage != STAGE_REFUSED && stage != STAGE_HELD) {
            continue;
        }
        list->last = seq;
        if (store_entries(app->store, chain->id, seq, outbox_add, list) != RC_OK) {
            return;
        }
    }
}

static enum rc outbox_chain(struct outbox_list *list, const struct store_chain *chain) {
    struct app *app = list->app;
    uint64_t accepted_max = list->max / 2;
    uint64_t from = chain->logged_seq > accepted_max ? chain->logged_seq - accepted_max + 1 : 1;
    list->chain = chain;
    list->last = UINT64_MAX;
    enum rc rc = store_entries(app->store, chain->id, chain->logged_seq + 1, outbox_add, list);
    if (rc == RC_OK && app->refused > 0) {
        outbox_refused(list, chain);
    }
    list->last = chain->logged_seq;
    list->accepted_only = true;
    if (rc == RC_OK) {
        rc = store_entries(app->store, chain->id, from, outbox_add, list);
    }
    list->accepted_only = false;
    return rc;
}

uint32_t app_outbox(struct app *app, struct outbox_row *out_rows, uint32_t max) {
    struct outbox_list list = {.app = app, .rows = out_rows, .max = max};
    for (uint8_t own = 0; own < FRAME_CHAINS_MAX; own++) {
        struct store_chain chain;
        enum rc rc = store_chain_get(app->store, own_chain(app, own), &chain);
        if (rc == RC_OK && chain.head.seq > 0) {
            rc = outbox_chain(&list, &chain);
        }
        app_missed(app, rc);
    }
    if (list.count > 1) {
        qsort(out_rows, list.count, sizeof *out_rows, outbox_compare);
    }
    return list.count;
}

// ---- Refusals ----

#define SEEN_KEY "app.seen"
#define SEEN_EVERY 64 // verdicts between two writes of the cursor

static enum rc seen_write(struct app *app) {
    uint8_t bytes[FRAME_CHAINS_MAX * 8];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(app->judged_seq[i / 8] >> (8 * (i % 8)));
    }
    enum rc rc = store_meta_set(app->store, SEEN_KEY, slice_of(bytes, sizeof bytes));
    if (rc == RC_OK) {
        memcpy(app->seen_seq, app->judged_seq, sizeof app->seen_seq);
    }
    return rc;
}

enum rc app_outbox_open(struct app *app) {
    struct buf bytes;
    buf_init(&bytes, FRAME_CHAINS_MAX * 8);
    enum rc rc = store_meta_get(app->store, SEEN_KEY, &bytes);
    struct reader in = reader_of(buf_slice(&bytes));
    // The first stores knew one chain a lane, the site's.
    uint8_t step = bytes.len < FRAME_CHAINS_MAX * 8 ? AUDIENCE_COUNT : 1;
    for (uint8_t own = 0; own < FRAME_CHAINS_MAX && rc == RC_OK; own = (uint8_t)(own + step)) {
        app->seen_seq[own] = reader_u64(&in);
        app->judged_seq[own] = app->seen_seq[own];
    }
    buf_fini(&bytes);
    if (rc == RC_OK || rc == RC_NOT_FOUND) {
        app_judged(app);
        app->message_count = 0; // told before; the rows are still in the outbox
        return RC_OK;
    }
    return rc;
}

void app_outbox_restart(struct app *app) {
    memset(app->judged_seq, 0, sizeof app->judged_seq);
    memset(app->seen_seq, 0, sizeof app->seen_seq);
    memset(app->unsent, 0, sizeof app->unsent);
    app->refused = 0;
}

enum rc app_outbox_save(struct app *app) {
    uint64_t ahead = 0;
    for (uint8_t own = 0; own < FRAME_CHAINS_MAX; own++) {
        ahead += app->judged_seq[own] - app->seen_seq[own];
    }
    return app->refused == 0 && ahead >= SEEN_EVERY ? seen_write(app) : RC_OK;
}

void app_outbox_seen(struct app *app) {
    app->refused = 0;
    app->changed = true;
    if (app->options.read_only || store_begin(app->store) != RC_OK) {
        return;
    }
    // If it cannot be kept, the rows are shown again after the next start.
    if (seen_write(app) != RC_OK || store_commit(app->store) != RC_OK) {
        if (store_in_transaction(app->store)) {
            store_rollback(app->store);
        }
    }
}

static void judged_one(struct app *app, const struct place *place, const struct store_log *log) {
    bool has_sig;
    struct signature sig;
    struct content content;
    struct app_message message = {.code = (enum refusal_code)log->rule, .time = log->hub_time};
    buf_reset(&app->scratch);
    if (store_entry_get(app->store, place, &app->scratch, &has_sig, &sig) == RC_OK &&
        content_decode(buf_slice(&app->scratch), &content) == RC_OK) {
        struct rid rid = content_rid(buf_slice(&app->scratch));
        message.kind = content.kind;
        message.subject = content_subject(&content, rid, 0);
    }
    app->refused++;
    app_push_message(app, &message);
}

// Tells the person of acts that were refused or held since the last round.
void app_judged(struct app *app) {
    for (uint8_t own = 0; own < FRAME_CHAINS_MAX && !app_is_hub(app); own++) {
        struct store_chain chain;
        if (store_chain_get(app->store, own_chain(app, own), &chain) != RC_OK) {
            continue;
        }
        while (app->judged_seq[own] < chain.logged_seq) {
            struct place place = {.chain = chain.id, .seq = app->judged_seq[own] + 1};
            struct store_log log;
            enum rc rc = store_log_of(app->store, &place, &log);
            if (rc != RC_OK && rc != RC_NOT_FOUND) {
                break; // with the next round
            }
            app->judged_seq[own]++;
            if (rc == RC_OK && (log.verdict == VERDICT_REFUSED || log.verdict == VERDICT_HELD)) {
                judged_one(app, &place, &log);
            }
        }
    }
}

// ---- Status ----

struct unsent_walk {
    uint64_t last;
    uint64_t bytes;
    int64_t first_time;
};

static enum rc unsent_add(void *ctx, const struct store_entry *entry) {
    struct unsent_walk *walk = ctx;
    struct content content;
    if (entry->place.seq > walk->last) {
        return RC_FULL;
    }
    walk->bytes += entry->bytes.len + (entry->sig ? SIGNATURE_BYTES : 0);
    if (walk->first_time == 0 && content_decode(entry->bytes, &content) == RC_OK) {
        walk->first_time = content.time.v;
    }
    return RC_OK;
}

static uint64_t unsent_bytes(struct app *app, struct chain_id chain, uint64_t first,
                             uint64_t last) {
    struct unsent_walk walk = {.last = last};
    return store_entries(app->store, chain, first, unsent_add, &walk) == RC_OK ? walk.bytes : 0;
}

// Each entry is read when it comes and when it is acknowledged, not at every question.
static void unsent_update(struct app *app, const struct store_chain *chain, uint64_t acked) {
    struct app_unsent *unsent = &app->unsent[own_index(chain->id)];
    uint64_t head = chain->head.seq;
    if (acked < unsent->acked || head < unsent->head || unsent->head < acked) {
        *unsent = (struct app_unsent){.head = acked, .acked = acked};
    }
    bool moved = acked != unsent->acked || unsent->oldest_time == 0;
    if (acked > unsent->acked) {
        uint64_t gone = unsent_bytes(app, chain->id, unsent->acked + 1, acked);
        unsent->bytes -= gone < unsent->bytes ? gone : unsent->bytes;
    }
    if (head > unsent->head) {
        unsent->bytes += unsent_bytes(app, chain->id, unsent->head + 1, head);
    }
    unsent->head = head;
    unsent->acked = acked;
    if (head == acked) {
        unsent->oldest_time = 0;
    } else if (moved) {
        struct unsent_walk first = {.last = acked + 1};
        bool read = store_entries(app->store, chain->id, acked + 1, unsent_add, &first) == RC_OK;
        unsent->oldest_time = read ? first.first_time : 0;
    }
}

static void count_stages(struct app *app, struct app_status *status) {
    int64_t oldest = 0;
    for (uint8_t own = 0; own < FRAME_CHAINS_MAX; own++) {
        struct chain_id id = own_chain(app, own);
        struct store_chain chain;
        if (app_is_hub(app) || store_chain_get(app->store, id, &chain) != RC_OK) {
            continue;
        }
        bool linked = app->sync && app->linked;
        uint64_t sent = linked ? sync_device_sent_seq(app->sync, id.lane, id.audience) : 0;
        uint64_t acked = chain.acked_seq > chain.logged_seq ? chain.acked_seq : chain.logged_seq;
        sent = sent > acked ? sent : acked;
        sent = sent < chain.head.seq ? sent : chain.head.seq;
        status->waiting += (uint32_t)(chain.head.seq - sent);
        status->sent += (uint32_t)(sent - acked);
        status->at_hub += (uint32_t)(acked - chain.logged_seq);
        unsent_update(app, &chain, acked);
        status->unsent_bytes += app->unsent[own].bytes;
        int64_t time = app->unsent[own].oldest_time;
        oldest = time > 0 && (oldest == 0 || time < oldest) ? time : oldest;
    }
    if (oldest > 0) {
        status->oldest_age_ms = app->now.utc.v > oldest ? app->now.utc.v - oldest : 0;
    }
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
    status.roster_age_ms = app_roster_age_ms(app, now);
    status.stale = app_picture_is_stale(app);
    count_stages(app, &status);
    status.refused = app->refused;
    status.site = app->config.site;
    memcpy(status.device_name, app->config.name, sizeof status.device_name);
    if (site) {
        memcpy(status.site_name, site->name, sizeof status.site_name);
        status.demo = site->demo;
    }
    *out_status = status;
}
