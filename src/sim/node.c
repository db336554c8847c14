// A device of the simulated site: the real store and sync, and a person who acknowledges and
// comments.
#include "world_priv.h"

#include <sqlite3.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_fold(void *ctx, const struct module *module, struct rid subject, const void *state) {
    struct node *node = ctx;
    if (module == &roster_module && roster_set(node->roster, subject, state) != RC_OK) {
        abort();
    }
}

static enum rc load_roster(void *ctx, struct rid subject, const void *state) {
    on_fold(ctx, &roster_module, subject, state);
    return RC_OK;
}

static bool key_of(void *ctx, const struct content *content, struct public_key *out_key) {
    return judge_key_of(((struct node *)ctx)->roster, content, out_key);
}

static enum rc on_send(void *ctx, uint8_t lane, struct slice frame) {
    (void)lane;
    struct node *node = ctx;
    (void)watch_up(node, frame);
    broker_send(node->world, SIM_TO_HUB, node->account, frame);
    return RC_OK;
}

static void on_random(void *ctx, void *out, size_t len) {
    sim_fill(&((struct node *)ctx)->world->secret, out, len);
}

static void on_enrolled(void *ctx, struct key_id key, enum refusal_code code) {
    (void)key;
    struct node *node = ctx;
    node->enrolled = node->enrolled || code == REFUSAL_NONE;
}

static struct moment node_now(const struct node *node) {
    return world_now(node->world, node->clock_skew_ms);
}

static enum rc open_store(struct node *node, bool create) {
    struct store_options options = {.folder = "",
                                    .vfs = sim_disk_vfs_name(node->disk),
                                    .registry = app_registry(),
                                    .create = create};
    struct refusal refusal = {0};
    enum rc rc = store_open(&options, &node->store, &refusal);
    if (rc != RC_OK) {
        return rc;
    }
    if (node->world->options.planted == SIM_PLANT_UNSYNCED) {
        (void)sqlite3_exec(store_sqlite(node->store), "PRAGMA synchronous=OFF", NULL, NULL, NULL);
    }
    struct view_query all = {.limit = UINT32_MAX};
    rc = roster_new(&node->roster);
    if (rc == RC_OK) {
        rc = store_view_each(node->store, &roster_module, &all, load_roster, node);
        store_on_fold(node->store, on_fold, node);
    }
    return rc;
}

static enum rc on_incarnate(void *ctx, const struct incarnation *next, struct moment now,
                            struct signed_record *out_record) {
    struct node *node = ctx;
    struct device_config config = {.site = store_site(node->store), .device = node->device};
    struct author_open open = {.config = &config,
                               .device_key = *keypair_public(node->key),
                               .own = next->own,
                               .opening = &next->before,
                               .now = now};
    on_random(node, open.nonce, NONCE_BYTES);
    return author_open_make(&open, &node->open_body, &node->open_content, out_record);
}

// The incarnation of now: the store knows it as soon as there is one but the first.
static struct store_own own_of(const struct node *node) {
    struct store_own own = {.author = node->author};
    memcpy(own.random, node->author_random, AUTHOR_RANDOM_BYTES);
    if (node->store) {
        (void)!store_own_get(node->store, &own);
    }
    return own;
}

struct author_id node_author(const struct node *node) {
    return own_of(node).author;
}

bool node_counts(const struct node *node) {
    return !node->retired && !node->revoked;
}

static enum rc open_sync(struct node *node) {
    struct store_own own = own_of(node);
    struct public_key hub_key = *keypair_public(node->world->keys.device.pair);
    struct sync_device_options options = {.store = node->store,
                                          .scheme = keys_stub(),
                                          .device = node->key,
                                          .device_rid = node->device,
                                          .peer_key = hub_key,
                                          .seal_key = hub_key,
                                          .author = own.author,
                                          .message_bytes_max = LIMIT_MESSAGE_BYTES,
                                          .seed = sim_next(&node->world->secret),
                                          .mutants = &node->world->options.mutants,
                                          .ctx = node,
                                          .key_of = key_of,
                                          .incarnate = on_incarnate,
                                          .random = on_random,
                                          .send = on_send,
                                          .enrolled = on_enrolled};
    memcpy(options.author_random, own.random, AUTHOR_RANDOM_BYTES);
    buf_init(&node->open_body, LIMIT_RECORD_BODY_BYTES);
    buf_init(&node->open_content, LIMIT_RECORD_CONTENT_BYTES);
    return sync_device_new(&options, &node->sync);
}

static struct content content_of(struct node *node, uint16_t kind, struct slice body) {
    struct moment now = node_now(node);
    struct content content = {.suite = KEYS_SUITE_ED25519,
                              .site = store_site(node->store),
                              .kind = kind,
                              .audience = AUDIENCE_NONE,
                              .device = node->device,
                              .time = now.utc,
                              .boot_id = now.boot_id,
                              .mono = now.mono,
                              .body = body};
    on_random(node, content.nonce, NONCE_BYTES);
    return content;
}

static enum rc append(struct node *node, uint8_t lane, const struct signed_record *record) {
    struct chain_id id = {.author = node_author(node), .lane = lane};
    uint64_t seq = 0;
    bool first = false;
    enum rc rc = store_begin(node->store);
    if (rc == RC_OK) {
        rc = store_append_record(node->store, id, record, &seq, &first);
    }
    if (rc == RC_OK) {
        rc = store_commit(node->store);
    }
    if (rc == RC_OK) {
        if (!author_equal(id.author, node->committed_author)) {
            memset(node->committed, 0, sizeof node->committed);
            node->committed_author = id.author;
        }
        node->committed[lane * AUDIENCE_COUNT] = seq;
    } else if (rc != RC_IO && store_in_transaction(node->store)) {
        store_rollback(node->store);
    }
    return rc;
}

static enum rc state_author(struct node *node) {
    struct buf body_bytes, bytes;
    const struct module *module;
    buf_init(&body_bytes, 256);
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    struct body body =
        body_start(registry_kind(app_registry(), KIND_AUTHOR_OPEN, &module), &body_bytes);
    body_put_bytes(&body, AUTHOR_OPEN_RANDOM, node->author_random, AUTHOR_RANDOM_BYTES);
    body_put_bytes(&body, AUTHOR_OPEN_DEVICE_KEY, keypair_public(node->key)->b, PUBLIC_KEY_BYTES);
    struct content content = content_of(node, KIND_AUTHOR_OPEN, buf_slice(&body_bytes));
    struct signed_record record;
    enum rc rc = record_make(&content, NULL, &bytes, &record);
    if (rc == RC_OK) {
        rc = append(node, LANE_CONTROL, &record);
    }
    buf_fini(&body_bytes);
    buf_fini(&bytes);
    return rc;
}

enum rc node_found(struct node *node) {
    enum rc rc = open_store(node, true);
    struct store_author author = {
        .author = node->author, .device_key = *keypair_public(node->key), .own = true};
    if (rc == RC_OK) {
        rc = store_begin(node->store);
    }
    if (rc == RC_OK) {
        rc = store_site_set(node->store, node->world->hub_config.site);
    }
    if (rc == RC_OK) {
        rc = store_author_put(node->store, &author);
    }
    struct store_own own = own_of(node);
    if (rc == RC_OK) {
        rc = store_own_set(node->store, &own);
    }
    if (rc == RC_OK) {
        rc = store_commit(node->store);
    }
    if (rc == RC_OK) {
        rc = state_author(node);
    }
    return rc == RC_OK ? open_sync(node) : rc;
}

enum rc node_open(struct node *node) {
    enum rc rc = open_store(node, false);
    return rc == RC_OK ? open_sync(node) : rc;
}

void node_close(struct node *node) {
    sync_device_free(node->sync);
    buf_fini(&node->open_body);
    buf_fini(&node->open_content);
    store_close(node->store);
    roster_free(node->roster);
    node->sync = NULL;
    node->store = NULL;
    node->roster = NULL;
    node->linked = false;
}

// Ends a round: commit and send, or undo. An I/O error ends the process.
static void finish(struct node *node, enum rc rc) {
    if (rc == RC_OK) {
        rc = store_commit(node->store);
    }
    if (rc == RC_OK) {
        sync_device_flush(node->sync, node_now(node));
    } else if (rc == RC_IO) {
        node_crash(node, false);
    } else {
        if (store_in_transaction(node->store)) {
            store_rollback(node->store);
        }
        sync_device_aborted(node->sync);
    }
}

void node_receive(struct node *node, struct slice frame) {
    if (!node->store || !node->linked) {
        return;
    }
    enum rc rc = store_begin(node->store);
    if (rc == RC_OK) {
        rc = sync_device_receive(node->sync, frame, node_now(node));
    }
    finish(node, rc);
}

static void enrol(struct node *node) {
    struct key_id id = key_id_of(keypair_public(node->person));
    struct roster_key_owner owner;
    if (roster_key(node->roster, id, &owner)) {
        node->enrolled = true;
    } else if (sim_chance(&node->world->random, 100)) {
        (void)!sync_device_enrol(node->sync, node->person_rid, keypair_public(node->person),
                                 node->code, node_now(node));
    }
}

static void start(struct node *node) {
    struct world *world = node->world;
    enum rc rc = node_open(node);
    if (rc == RC_OK) {
        sim_disk_hold(node->disk, true);
        (void)check_node_kept(node);
        sim_disk_hold(node->disk, false);
    } else if (sim_disk_struck(node->disk) || node->full_until_ms > 0) {
        node_crash(node, false);
    } else {
        violated(world, SIM_S1, "device %u cannot open its store: %s", node->index, rc_name(rc));
    }
}

void node_step(struct node *node) {
    struct world *world = node->world;
    if (node->retired) {
        return;
    }
    if (!node->store) {
        if (world->now_ms >= node->down_until_ms || world->healed) {
            start(node);
        }
        return;
    }
    bool up = !world->cut_off && !world_makes_way(world, node);
    if (up != node->linked) {
        node->linked = up;
        sync_device_link(node->sync, up, node_now(node));
    }
    struct mono_ms next;
    enum rc rc = store_begin(node->store);
    if (rc == RC_OK && !node->enrolled) {
        enrol(node);
    }
    if (rc == RC_OK) {
        rc = sync_device_tick(node->sync, node_now(node), &next);
    }
    finish(node, rc);
}

struct open_alarms {
    struct rid subjects[16];
    uint16_t count;
};

static enum rc open_add(void *ctx, struct rid subject, const void *state) {
    struct open_alarms *open = ctx;
    const struct alarm_state *alarm = state;
    if (!alarm->acked && open->count < COUNT_OF(open->subjects)) {
        open->subjects[open->count++] = subject;
    }
    return RC_OK;
}

static enum rc sign_act(struct node *node, uint16_t kind, const struct rid *subjects,
                        uint16_t count, struct slice body) {
    struct world *world = node->world;
    struct buf bytes;
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    struct content content = content_of(node, kind, body);
    content.subjects = subjects;
    content.subject_count = count;
    content.person = node->person_rid;
    content.key = key_id_of(keypair_public(node->person));
    sync_device_seen(node->sync, LANE_SAFETY, &content.seen);
    struct signed_record record;
    enum rc rc = record_make(&content, node->person, &bytes, &record);
    if (rc == RC_OK) {
        rc = append(node, LANE_SAFETY, &record);
        // A commit that failed may be on the disk all the same.
        ledger_add(world, node, record.rid, kind == KIND_ALARM_COMMENT, rc == RC_OK);
    }
    // A device that lost its way after a crash may write the same act at a second place.
    if (rc == RC_OK && !world->healed &&
        sim_chance(&world->random, world->options.preset == SIM_COMMITS ? 600 : 80)) {
        rc = append(node, LANE_SAFETY, &record);
    }
    buf_fini(&bytes);
    return rc;
}

// A long one does not compress well.
static struct slice comment_body(struct world *world, bool is_long, struct buf *out) {
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-";
    const struct module *module;
    char text[LIMIT_COMMENT_BYTES + 1] = "看过 seen";
    for (size_t i = 0; is_long && i < LIMIT_COMMENT_BYTES; i++) {
        text[i] = letters[sim_below(&world->random, 64)];
    }
    struct body body = body_start(registry_kind(app_registry(), KIND_ALARM_COMMENT, &module), out);
    body_put_text(&body, COMMENT_TEXT, text);
    return buf_slice(out);
}

void node_act(struct node *node) {
    struct world *world = node->world;
    struct open_alarms open = {0};
    struct view_query query = {.with_pending = true};
    if (!node->store || node->retired || !node->enrolled ||
        store_view_each(node->store, &alarm_module, &query, open_add, &open) != RC_OK ||
        open.count == 0) {
        return;
    }
    struct buf text;
    buf_init(&text, 2048);
    enum rc rc;
    bool bulk = world->options.preset == SIM_BULK;
    if (bulk || sim_chance(&world->random, 400)) {
        struct rid one = open.subjects[sim_below(&world->random, open.count)];
        rc = sign_act(node, KIND_ALARM_COMMENT, &one, 1, comment_body(world, bulk, &text));
    } else {
        uint16_t count = (uint16_t)(1 + sim_below(&world->random, open.count));
        rc = sign_act(node, KIND_ALARM_ACK, open.subjects, count, buf_slice(&text));
    }
    world->result->acts += rc == RC_OK;
    buf_fini(&text);
    if (rc == RC_IO) {
        node_crash(node, false);
    }
}
