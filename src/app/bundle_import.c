// A file into a device's store.
#include "bundle_priv.h"

#include "davy/sync/file.h"
#include "davy/sync/take.h"

#include <stdio.h>
#include <string.h>

static void step(const struct bundle_progress *progress, uint64_t done, uint64_t total) {
    if (progress) {
        progress->step(progress->ctx, done, total);
    }
}

// A body that its frame's signature covers may still be no body of its kind.
static enum rc body_check(const struct bundle_part *part) {
    struct batch batch;
    struct feed feed;
    return part->type == FRAME_BATCH ? batch_decode(part->body, &batch)
                                     : feed_decode(part->body, &feed);
}

static bool is_for(const struct app *app, enum frame_type type) {
    return (type == FRAME_BATCH) == app_is_hub(app);
}

static enum rc check_parts(struct app *app, struct bundle_reader *reader, uint64_t file_bytes,
                           const struct bundle_progress *progress, uint32_t *out_mine,
                           struct refusal *out_refusal) {
    struct bundle_part part;
    for (;;) {
        enum rc rc = bundle_reader_next(reader, &part, out_refusal);
        if (rc != RC_OK) {
            return rc == RC_NOT_FOUND ? RC_OK : rc;
        }
        rc = body_check(&part);
        if (rc != RC_OK) {
            return bundle_refuse(part.at, rc, out_refusal);
        }
        *out_mine += is_for(app, part.type);
        step(progress, reader->at, file_bytes);
    }
}

enum rc app_import_check(struct app *app, FILE *file, uint64_t file_bytes,
                         const struct bundle_progress *progress, struct refusal *out_refusal) {
    struct bundle_reader reader;
    uint32_t mine = 0;
    enum rc rc = bundle_reader_open(&reader, file, app->options.scheme, out_refusal);
    if (rc == RC_OK) {
        rc = bundle_trust(app->roster, store_site(app->store), &app->config.hub_key, &reader.head,
                          out_refusal);
    }
    if (rc == RC_OK) {
        rc = check_parts(app, &reader, file_bytes, progress, &mine, out_refusal);
    }
    if (rc == RC_OK && mine == 0) {
        rc = REFUSE(out_refusal, REFUSAL_NOTHING, "");
    }
    bundle_reader_close(&reader);
    return rc;
}

// ---- The log ----

enum rc app_import_begin(struct app *app) {
    return store_begin(app->store);
}

static bool key_of(void *ctx, const struct content *content, struct public_key *out_key) {
    return judge_key_of(((struct app *)ctx)->roster, content, out_key);
}

// The hub that the invite named, or one that the roster knows.
static bool is_hub_key(const struct app *app, const struct public_key *key) {
    struct rid device;
    if (memcmp(key->b, app->config.hub_key.b, PUBLIC_KEY_BYTES) == 0) {
        return true;
    }
    const struct roster_device *row =
        roster_device_by_key(app->roster, key, &device) ? roster_device(app->roster, device) : NULL;
    return row && row->kind == DEVICE_HUB;
}

static enum rc refuse_gap(struct app *app, const struct chain_id *chain, const struct feed *feed,
                          uint64_t at, struct refusal *out_refusal) {
    struct store_chain held;
    char lane[16], first[24], last[24];
    enum rc rc = store_chain_get(app->store, *chain, &held);
    if (rc != RC_OK) {
        return rc;
    }
    if (feed->first_seq <= held.head.seq + 1) {
        return bundle_refuse(at, RC_GAP, out_refusal); // lane 0 is behind
    }
    (void)snprintf(lane, sizeof lane, "%u", chain->lane);
    (void)snprintf(first, sizeof first, "%llu", (unsigned long long)feed->first_seq);
    (void)snprintf(last, sizeof last, "%llu", (unsigned long long)held.head.seq);
    return REFUSE(out_refusal, REFUSAL_BUNDLE_GAP, lane, first, last);
}

// On the wire a seal of another author that does not verify is left out; a file is refused for it,
// because somebody made it so.
static enum rc seals_held(struct app *app, const struct feed *feed) {
    struct reader items = reader_of(feed->items);
    struct feed_item item;
    for (uint32_t i = 0; i < feed->count; i++) {
        uint64_t at = 0;
        struct signature sig;
        if (feed_next(&items, &item) != RC_OK) {
            return RC_INVALID;
        }
        if (item.type != FEED_AUTHOR_SEAL) {
            continue;
        }
        enum rc rc = store_seal_get(app->store, item.sealed.chain, item.sealed.seq, &at, &sig);
        bool held =
            rc == RC_OK && at == item.sealed.seq && memcmp(sig.b, item.sig.b, SIGNATURE_BYTES) == 0;
        if (!held) {
            return rc == RC_OK || rc == RC_NOT_FOUND || rc == RC_INVALID ? RC_BAD_SIGNATURE : rc;
        }
    }
    return RC_OK;
}

static bool is_store_fault(enum rc rc) {
    return rc == RC_IO || rc == RC_FULL || rc == RC_CORRUPT || rc == RC_NO_MEMORY;
}

static enum rc take_feed(struct app *app, const struct bundle_part *part, const struct feed *feed,
                         struct bundle_report *report, struct refusal *out_refusal) {
    struct log_reader reader = {.store = app->store,
                                .scheme = app->options.scheme,
                                .seal_key = part->author->key,
                                .ctx = app,
                                .key_of = key_of};
    struct chain_id chain = {part->author->author, feed->lane, feed->audience};
    struct take_result result;
    if (!author_equal(feed->hub, part->author->author)) {
        return bundle_refuse(part->at, RC_INVALID, out_refusal);
    }
    enum rc rc = log_take(&reader, feed, &app->scratch, &result);
    if (rc != RC_OK) {
        return is_store_fault(rc) ? rc : bundle_refuse(part->at, rc, out_refusal);
    }
    if (result.taken == TAKEN_GAP) {
        return refuse_gap(app, &chain, feed, part->at, out_refusal);
    }
    if (result.taken == TAKEN_KNOWN) {
        report->known++;
        return RC_OK;
    }
    bool differs = result.taken == TAKEN_ELSEWHERE || result.taken == TAKEN_FORK;
    rc = result.taken == TAKEN_BAD ? result.why : differs ? RC_FORK : seals_held(app, feed);
    if (rc == RC_OK && result.not_verified > 0) {
        rc = RC_BAD_SIGNATURE;
    }
    if (rc != RC_OK) {
        return is_store_fault(rc) ? rc : bundle_refuse(part->at, rc, out_refusal);
    }
    report->records += (uint32_t)(feed->last_seq - feed->first_seq + 1);
    return RC_OK;
}

enum rc app_import_part(struct app *app, const struct bundle_head *head,
                        const struct bundle_part *part, struct moment now,
                        struct bundle_report *report, struct refusal *out_refusal) {
    struct feed feed;
    app->now = now;
    report->frames++;
    if (part->type != FRAME_FEED) {
        report->other++;
        return RC_OK;
    }
    enum rc rc =
        bundle_trust(app->roster, store_site(app->store), &app->config.hub_key, head, out_refusal);
    if (rc != RC_OK) {
        return rc;
    }
    if (!is_hub_key(app, &part->author->key)) {
        char code[ID_SHORT_BYTES];
        id16_short(part->author->author.id, code);
        return REFUSE(out_refusal, REFUSAL_BUNDLE_SIGNER, code);
    }
    rc = feed_decode(part->body, &feed);
    if (rc != RC_OK) {
        return bundle_refuse(part->at, rc, out_refusal);
    }
    return take_feed(app, part, &feed, report, out_refusal);
}

enum rc app_import_end(struct app *app, enum rc rc) {
    if (rc == RC_OK) {
        rc = store_commit(app->store);
    }
    app->changed = true;
    if (rc == RC_OK) {
        app_judged(app);
        return RC_OK;
    }
    enum rc undone = app_undo(app);
    return undone == RC_OK ? rc : undone;
}

enum rc app_import_control(struct app *app, struct slice payload, struct buf *out,
                           struct refusal *out_refusal) {
    struct slice head_bytes;
    struct slice frame;
    struct bundle_head head;
    struct bundle_part part;
    struct bundle_report report = {0};
    enum rc rc = control_import_decode(payload, &head_bytes, &frame);
    rc = rc == RC_OK ? bundle_head_decode(app->options.scheme, head_bytes, &head) : rc;
    rc = rc == RC_OK ? bundle_part_open(app->options.scheme, &head, frame, &part) : rc;
    if (rc != RC_OK) {
        return bundle_refuse(0, rc, out_refusal);
    }
    rc = app_import_begin(app);
    if (rc == RC_OK) {
        rc = app_import_part(app, &head, &part, app->now, &report, out_refusal);
        rc = app_import_end(app, rc);
    }
    if (rc == RC_OK) {
        buf_put_varint(out, report.records);
        rc = buf_rc(out);
    }
    return rc;
}
