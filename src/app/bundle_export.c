// Chains of a store as frames of a file.
#include "bundle_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GROUP_BYTES 13000 // raw bytes of entries in one frame, as on the wire
#define CHAINS_MAX 4096   // of all authors together

// One chain that leaves, and as what.
struct leaving {
    struct chain_id id;
    uint64_t from, last;
    enum frame_type type;
    uint16_t author; // in the header's list
    uint32_t rank;   // of the hub's incarnation
};

struct exporter {
    struct app *app;
    const struct bundle_choice *choice;
    FILE *out;
    struct bundle_head head;
    struct leaving *chains;
    uint32_t chain_count, chain_cap;
    struct hasher hasher;
    struct buf items, record, body, frame;
    const struct bundle_progress *progress;
    uint64_t done, total; // entries
    struct bundle_report report;
};

static void step(struct exporter *ex, uint64_t entries) {
    ex->done += entries;
    if (ex->progress) {
        ex->progress->step(ex->progress->ctx, ex->done, ex->total);
    }
}

// ---- What leaves ----

// The random of an incarnation stands in its opening statement.
static enum rc author_random_of(struct exporter *ex, struct author_id author,
                                uint8_t out_random[AUTHOR_RANDOM_BYTES]) {
    struct place place = {.chain = {.author = author}, .seq = 1};
    struct content content;
    struct signature sig;
    struct slice random;
    bool has_sig;
    buf_reset(&ex->record);
    enum rc rc = store_entry_get(ex->app->store, &place, &ex->record, &has_sig, &sig);
    if (rc == RC_OK) {
        rc = content_decode(buf_slice(&ex->record), &content);
    }
    if (rc != RC_OK) {
        return rc;
    }
    if (content.kind != KIND_AUTHOR_OPEN ||
        !body_bytes(content.body, AUTHOR_OPEN_RANDOM, &random) ||
        random.len != AUTHOR_RANDOM_BYTES) {
        return RC_CORRUPT;
    }
    memcpy(out_random, random.data, AUTHOR_RANDOM_BYTES);
    return RC_OK;
}

static enum rc author_number(struct exporter *ex, const struct store_author *author,
                             uint16_t *out_number) {
    struct bundle_head *head = &ex->head;
    for (uint16_t i = 0; i < head->author_count; i++) {
        if (author_equal(head->authors[i].author, author->author)) {
            *out_number = i;
            return RC_OK;
        }
    }
    if (head->author_count == LIMIT_BUNDLE_AUTHORS) {
        return RC_TOO_LARGE;
    }
    struct bundle_author *added = &head->authors[head->author_count];
    added->author = author->author;
    added->key = author->device_key;
    enum rc rc = author_random_of(ex, author->author, added->random);
    if (rc == RC_OK) {
        *out_number = head->author_count++;
    }
    return rc;
}

static bool is_chosen(const struct exporter *ex, struct chain_id id) {
    const struct bundle_choice *choice = ex->choice;
    return !choice->one || (id.lane == choice->lane && id.audience == choice->audience);
}

static bool seals_logs(const struct exporter *ex, const struct store_author *author) {
    struct rid device;
    if (memcmp(author->device_key.b, ex->app->config.hub_key.b, PUBLIC_KEY_BYTES) == 0) {
        return true;
    }
    const struct roster *roster = ex->app->roster;
    const struct roster_device *row = roster_device_by_key(roster, &author->device_key, &device)
                                          ? roster_device(roster, device)
                                          : NULL;
    return row && row->kind == DEVICE_HUB;
}

static enum rc leaves(struct exporter *ex, const struct store_chain *chain,
                      const struct store_author *author, enum frame_type type) {
    uint64_t handled = chain->acked_seq > chain->logged_seq ? chain->acked_seq : chain->logged_seq;
    bool rest = type == FRAME_BATCH && !ex->choice->all && ex->choice->from == 0;
    struct leaving leaving = {.id = chain->id,
                              .from = rest ? handled + 1 : 1,
                              .last = type == FRAME_FEED ? chain->sealed.seq : chain->head.seq,
                              .type = type,
                              .rank = store_hub_rank(ex->app->store, chain->id.author)};
    leaving.from = ex->choice->from > 0 ? ex->choice->from : leaving.from;
    if (leaving.from > leaving.last) {
        return RC_OK;
    }
    if (ex->chain_count == ex->chain_cap) {
        uint32_t cap = ex->chain_cap ? ex->chain_cap * 2 : 16;
        struct leaving *grown = cap <= CHAINS_MAX ? realloc(ex->chains, cap * sizeof *grown) : NULL;
        if (!grown) {
            return cap <= CHAINS_MAX ? RC_NO_MEMORY : RC_TOO_LARGE;
        }
        ex->chains = grown;
        ex->chain_cap = cap;
    }
    enum rc rc = author_number(ex, author, &leaving.author);
    if (rc == RC_OK) {
        ex->chains[ex->chain_count++] = leaving;
        ex->total += leaving.last - leaving.from + 1;
    }
    return rc;
}

// A hub gives its log; a device what the hub lacks of its own, and with `all` its copy of the log.
static enum rc choose(void *ctx, const struct store_chain *chain) {
    struct exporter *ex = ctx;
    struct store_author author;
    if (!is_chosen(ex, chain->id)) {
        return RC_OK;
    }
    enum rc rc = store_author_get(ex->app->store, chain->id.author, &author);
    if (rc != RC_OK) {
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    }
    bool hub = app_is_hub(ex->app);
    if (author.own && !hub) {
        // An earlier incarnation's records without a verdict stand in this one's chains, too.
        bool now = author_equal(author.author, ex->app->config.author);
        return now ? leaves(ex, chain, &author, FRAME_BATCH) : RC_OK;
    }
    bool log = (hub && author.own) || (!hub && ex->choice->all && seals_logs(ex, &author));
    return log ? leaves(ex, chain, &author, FRAME_FEED) : RC_OK;
}

// The log before own records, one incarnation of the hub after another, lane 0 first.
static int chain_compare(const void *a, const void *b) {
    const struct leaving *left = a;
    const struct leaving *right = b;
    const int64_t orders[][2] = {
        {left->type == FRAME_BATCH, right->type == FRAME_BATCH},
        {left->rank, right->rank},
        {left->id.lane, right->id.lane},
        {left->id.audience, right->id.audience},
        {left->author, right->author},
    };
    for (size_t i = 0; i < COUNT_OF(orders); i++) {
        if (orders[i][0] != orders[i][1]) {
            return orders[i][0] < orders[i][1] ? -1 : 1;
        }
    }
    return 0;
}

// ---- Writing ----

static enum rc put_bytes(struct exporter *ex, struct slice bytes) {
    if (ex->report.bytes + bytes.len > LIMIT_BUNDLE_BYTES) {
        return RC_TOO_LARGE;
    }
    hasher_add(&ex->hasher, bytes.data, bytes.len);
    ex->report.bytes += bytes.len;
    errno = 0;
    if (fwrite(bytes.data, 1, bytes.len, ex->out) == bytes.len) {
        return RC_OK;
    }
    return errno == ENOSPC || errno == EDQUOT ? RC_FULL : RC_IO;
}

static enum rc put_frame(struct exporter *ex, const struct leaving *chain) {
    struct frame head = {
        .type = chain->type, .session = chain->author, .number = ex->report.frames + 1};
    struct frame_seal seal = {.direction = chain->type == FRAME_BATCH ? FRAME_UP : FRAME_DOWN,
                              .signer = ex->app->keys.pair,
                              .site = ex->head.site};
    enum rc rc = frame_build(NULL, &head, buf_slice(&ex->body), &seal, &ex->frame);
    if (rc != RC_OK) {
        return rc;
    }
    if (ex->frame.len > LIMIT_BUNDLE_FRAME_BYTES) {
        return RC_TOO_LARGE;
    }
    struct buf len;
    buf_init(&len, sizeof(uint32_t));
    buf_put_u32(&len, (uint32_t)ex->frame.len);
    rc = buf_rc(&len) == RC_OK ? put_bytes(ex, buf_slice(&len)) : buf_rc(&len);
    buf_fini(&len);
    if (rc == RC_OK) {
        rc = put_bytes(ex, buf_slice(&ex->frame));
    }
    ex->report.frames++;
    return rc;
}

static enum rc put_end(struct exporter *ex) {
    struct buf message;
    struct buf end;
    struct hash32 hash;
    struct signature sig;
    hasher_done(&ex->hasher, &hash);
    hasher_init(&ex->hasher);
    bundle_end_message(&hash, ex->report.frames, &message);
    buf_init(&end, 2 * sizeof(uint32_t) + SIGNATURE_BYTES);
    enum rc rc = buf_rc(&message);
    if (rc == RC_OK) {
        keypair_sign(ex->app->keys.pair, buf_slice(&message), &sig);
        buf_put_u32(&end, 0);
        buf_put_u32(&end, ex->report.frames);
        buf_put(&end, sig.b, SIGNATURE_BYTES);
        rc = buf_rc(&end) == RC_OK ? put_bytes(ex, buf_slice(&end)) : buf_rc(&end);
    }
    buf_fini(&message);
    buf_fini(&end);
    return rc;
}

// ---- Own chains ----

struct batch_pack {
    struct exporter *ex;
    struct chain_head head;
    uint64_t last;
    uint32_t count;
};

static enum rc pack_own(void *ctx, const struct store_entry *entry) {
    struct batch_pack *pack = ctx;
    struct buf *items = &pack->ex->items;
    size_t bytes = entry->bytes.len + SIGNATURE_BYTES;
    if (entry->place.seq > pack->last || (pack->count > 0 && items->len + bytes > GROUP_BYTES)) {
        return RC_FULL;
    }
    batch_put_item(items, entry->bytes, entry->sig);
    chain_add_record(&pack->head, entry->bytes, entry->sig);
    pack->count++;
    return buf_rc(items);
}

// A seal is a statement about bytes that are durable here already: it may be made at any head.
static enum rc export_own(struct exporter *ex, const struct leaving *chain, uint64_t from,
                          uint64_t *out_last) {
    struct store *store = ex->app->store;
    struct batch_pack pack = {.ex = ex, .head = {.seq = from - 1}, .last = chain->last};
    struct batch batch = {
        .lane = chain->id.lane, .audience = chain->id.audience, .first_seq = from};
    enum rc rc = store_chain_hash(store, chain->id, from - 1, &pack.head.hash);
    if (rc != RC_OK) {
        return rc;
    }
    memcpy(batch.before, pack.head.hash.b, SEEN_HASH_BYTES);
    buf_reset(&ex->items);
    rc = store_entries(store, chain->id, from, pack_own, &pack);
    if (rc == RC_OK && pack.count == 0) {
        rc = RC_CORRUPT;
    }
    if (rc != RC_OK) {
        return rc;
    }
    seal_sign(ex->head.site, chain->id, &pack.head, ex->app->keys.pair, &batch.seal);
    batch.count = pack.count;
    batch.items = buf_slice(&ex->items);
    buf_reset(&ex->body);
    rc = batch_encode(&batch, &ex->body);
    if (rc == RC_OK) {
        rc = put_frame(ex, chain);
    }
    *out_last = pack.head.seq;
    return rc;
}

// ---- The log ----

struct feed_group {
    struct exporter *ex;
    struct author_id hub;
    uint64_t seal_seq; // the group ends there
    struct signature seal;
    uint32_t count; // items
    size_t cut_len; // of the last whole group
    uint32_t cut_count;
    uint64_t cut_seq;
    struct signature cut_seal;
    uint32_t place_count; // admitted records of other authors in this group
    struct place places[1024];
};

// Seals of other authors that end at records of this group, once each.
static enum rc put_author_seals(struct feed_group *group) {
    struct exporter *ex = group->ex;
    for (uint32_t i = 0; i < group->place_count; i++) {
        struct feed_item item = {
            .type = FEED_AUTHOR_SEAL, .has_sig = true, .sealed = group->places[i]};
        uint64_t at = 0;
        enum rc rc =
            store_seal_get(ex->app->store, item.sealed.chain, item.sealed.seq, &at, &item.sig);
        if (rc == RC_OK && at == item.sealed.seq) {
            rc = feed_put_item(&ex->items, &item);
            group->count++;
        }
        if (rc != RC_OK && rc != RC_NOT_FOUND) {
            return rc;
        }
    }
    group->place_count = 0;
    return RC_OK;
}

static enum rc put_admit(struct feed_group *group, const struct store_entry *entry) {
    struct exporter *ex = group->ex;
    struct admit admit;
    struct feed_item item = {.type = FEED_ADMIT_HELD, .admit = entry->bytes};
    enum rc rc = admit_decode(entry->bytes, &admit);
    if (rc != RC_OK) {
        return rc;
    }
    if (!author_equal(admit.place.chain.author, group->hub)) {
        item.type = FEED_ADMIT;
        buf_reset(&ex->record);
        rc = store_entry_get(ex->app->store, &admit.place, &ex->record, &item.has_sig, &item.sig);
        if (rc != RC_OK) {
            return rc;
        }
        item.content = buf_slice(&ex->record);
        if (group->place_count == COUNT_OF(group->places)) {
            return RC_TOO_LARGE;
        }
        group->places[group->place_count++] = admit.place;
    }
    return feed_put_item(&ex->items, &item);
}

static enum rc pack_log(void *ctx, const struct store_entry *entry) {
    struct feed_group *group = ctx;
    struct exporter *ex = group->ex;
    if (group->cut_count > 0 && ex->items.len > GROUP_BYTES) {
        return RC_FULL;
    }
    enum rc rc = RC_OK;
    if (entry->type == ENTRY_ADMIT) {
        rc = put_admit(group, entry);
    } else {
        struct feed_item item = {
            .type = FEED_OWN, .content = entry->bytes, .has_sig = entry->sig != NULL};
        if (entry->sig) {
            item.sig = *entry->sig;
        }
        rc = feed_put_item(&ex->items, &item);
    }
    group->count++;
    if (rc != RC_OK || entry->place.seq != group->seal_seq) {
        return rc;
    }
    rc = put_author_seals(group);
    if (rc != RC_OK || (group->cut_count > 0 && ex->items.len > GROUP_BYTES)) {
        return rc == RC_OK ? RC_FULL : rc;
    }
    group->cut_len = ex->items.len;
    group->cut_count = group->count;
    group->cut_seq = entry->place.seq;
    group->cut_seal = group->seal;
    rc = store_seal_get(ex->app->store, entry->place.chain, entry->place.seq + 1, &group->seal_seq,
                        &group->seal);
    return rc == RC_NOT_FOUND ? RC_FULL : rc;
}

static enum rc export_log(struct exporter *ex, const struct leaving *chain, uint64_t from,
                          uint64_t *out_last) {
    struct store *store = ex->app->store;
    struct feed_group *group = calloc(1, sizeof *group);
    struct feed feed = {.hub = chain->id.author,
                        .lane = chain->id.lane,
                        .audience = chain->id.audience,
                        .first_seq = from,
                        .head_seq = chain->last};
    struct hash32 before;
    if (!group) {
        return RC_NO_MEMORY;
    }
    group->ex = ex;
    group->hub = chain->id.author;
    buf_reset(&ex->items);
    enum rc rc = store_chain_hash(store, chain->id, from - 1, &before);
    if (rc == RC_OK) {
        rc = store_seal_get(store, chain->id, from, &group->seal_seq, &group->seal);
    }
    if (rc == RC_OK) {
        rc = store_entries(store, chain->id, from, pack_log, group);
    }
    if (rc == RC_OK && group->cut_count == 0) {
        rc = RC_CORRUPT;
    }
    if (rc == RC_OK) {
        memcpy(feed.before, before.b, SEEN_HASH_BYTES);
        feed.count = group->cut_count;
        feed.last_seq = group->cut_seq;
        feed.seal = group->cut_seal;
        feed.items = slice_of(ex->items.data, group->cut_len);
        buf_reset(&ex->body);
        rc = feed_encode(&feed, &ex->body);
    }
    if (rc == RC_OK) {
        rc = put_frame(ex, chain);
    }
    if (rc == RC_OK) {
        *out_last = feed.last_seq;
    }
    free(group);
    return rc;
}

static enum rc export_chain(struct exporter *ex, const struct leaving *chain) {
    uint64_t from = chain->from;
    while (from <= chain->last) {
        uint64_t last = 0;
        enum rc rc = chain->type == FRAME_BATCH ? export_own(ex, chain, from, &last)
                                                : export_log(ex, chain, from, &last);
        if (rc != RC_OK) {
            return rc;
        }
        ex->report.records += (uint32_t)(last - from + 1);
        step(ex, last - from + 1);
        from = last + 1;
    }
    return RC_OK;
}

// ---- All ----

static enum rc export_all(struct exporter *ex, struct moment now) {
    struct app *app = ex->app;
    ex->head.site = store_site(app->store);
    ex->head.device = app->config.device;
    ex->head.key = *keypair_public(app->keys.pair);
    ex->head.time = now.utc;
    app_random(app, ex->head.random, sizeof ex->head.random);
    enum rc rc = store_chains(app->store, choose, ex);
    if (rc != RC_OK) {
        return rc;
    }
    if (ex->chain_count == 0) {
        return RC_NOT_FOUND;
    }
    qsort(ex->chains, ex->chain_count, sizeof *ex->chains, chain_compare);
    buf_reset(&ex->frame);
    rc = bundle_head_encode(&ex->head, app->keys.pair, &ex->frame);
    if (rc == RC_OK) {
        rc = put_bytes(ex, buf_slice(&ex->frame));
    }
    for (uint32_t i = 0; i < ex->chain_count && rc == RC_OK; i++) {
        rc = export_chain(ex, &ex->chains[i]);
    }
    if (rc == RC_OK) {
        rc = put_end(ex);
    }
    if (rc == RC_OK && fflush(ex->out) != 0) {
        rc = errno == ENOSPC || errno == EDQUOT ? RC_FULL : RC_IO;
    }
    return rc;
}

enum rc app_export(struct app *app, const struct bundle_choice *choice, FILE *out,
                   const struct bundle_progress *progress, struct moment now,
                   struct bundle_report *out_report, struct refusal *out_refusal) {
    struct exporter ex = {.app = app, .choice = choice, .out = out, .progress = progress};
    hasher_init(&ex.hasher);
    buf_init(&ex.items, LIMIT_FRAME_INFLATED_BYTES);
    buf_init(&ex.record, LIMIT_RECORD_CONTENT_BYTES);
    buf_init(&ex.body, LIMIT_FRAME_INFLATED_BYTES);
    buf_init(&ex.frame, LIMIT_FRAME_INFLATED_BYTES);
    enum rc rc = export_all(&ex, now);
    free(ex.chains);
    buf_fini(&ex.items);
    buf_fini(&ex.record);
    buf_fini(&ex.body);
    buf_fini(&ex.frame);
    if (rc == RC_OK) {
        *out_report = ex.report;
    } else if (rc == RC_NOT_FOUND) {
        rc = REFUSE(out_refusal, REFUSAL_NOTHING, "");
    } else if (rc == RC_TOO_LARGE) {
        rc = REFUSE(out_refusal, REFUSAL_TOO_LARGE, "bundle");
    }
    return rc;
}
