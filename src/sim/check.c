#include "world_priv.h"

#include <sqlite3.h>
#include <string.h>

static const char *const checker_names[] = {
    [SIM_NONE] = "none", [SIM_S1] = "S1",   [SIM_S2] = "S2",   [SIM_S3] = "S3",
    [SIM_S4] = "S4",     [SIM_S5] = "S5",   [SIM_S6] = "S6",   [SIM_S7] = "S7",
    [SIM_S12] = "S12",   [SIM_S13] = "S13", [SIM_S14] = "S14", [SIM_S15] = "S15"};

const char *sim_checker_name(enum sim_checker checker) {
    return checker_names[checker];
}

static struct chain_id chain_of(struct author_id author, uint8_t index) {
    return (struct chain_id){.author = author,
                             .lane = (uint8_t)(index / AUDIENCE_COUNT),
                             .audience = (uint8_t)(index % AUDIENCE_COUNT)};
}

static uint64_t head_of(struct store *store, struct author_id author, uint8_t index) {
    struct store_chain chain;
    return store_chain_get(store, chain_of(author, index), &chain) == RC_OK ? chain.head.seq : 0;
}

// The incarnation under which the hub writes now.
static struct author_id hub_author(struct world *world) {
    struct store_own own = {.author = world->hub_config.author};
    (void)!store_own_get(hub_store(world->hub), &own);
    return own.author;
}

bool check_hub_kept(struct world *world) {
    struct author_id author = hub_author(world);
    if (!author_equal(author, world->hub_committed_author)) {
        world->hub_committed_author = author;
        memset(world->hub_committed, 0, sizeof world->hub_committed);
    }
    for (uint8_t i = 0; i < FRAME_CHAINS_MAX; i++) {
        uint64_t head = head_of(hub_store(world->hub), author, i);
        if (head < world->hub_committed[i]) {
            return violated(world, SIM_S1,
                            "hub chain %u: %llu entries were durable, %llu are there", i,
                            (unsigned long long)world->hub_committed[i], (unsigned long long)head);
        }
        world->hub_committed[i] = head;
    }
    return true;
}

bool check_node_kept(struct node *node) {
    struct author_id author = node_author(node);
    for (uint8_t i = 0; author_equal(author, node->committed_author) && i < FRAME_CHAINS_MAX; i++) {
        uint64_t head = head_of(node->store, author, i);
        if (head < node->committed[i]) {
            return violated(node->world, SIM_S1,
                            "device %u chain %u: %llu entries were durable, %llu are there",
                            node->index, i, (unsigned long long)node->committed[i],
                            (unsigned long long)head);
        }
    }
    return true;
}

// ---- After each step of the hub ----

// Rows of the log after the withdrawal, and where their records stand.
static const char rows_sql[] =
    "SELECT l.id & 1099511627775, a.author, c.lane, c.audience, l.place & 1099511627775"
    " FROM log AS l JOIN chain AS c ON c.id = l.place >> 40 JOIN author AS a ON a.id = c.author"
    " WHERE l.verdict = 1 AND l.id & 1099511627775 > ?1";

struct row {
    uint64_t n;
    struct place place;
};

static bool good_row(struct world *world, const struct row *row) {
    struct store *store = hub_store(world->hub);
    struct buf bytes;
    struct content content;
    bool has_sig = false;
    struct signature sig;
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    bool good = true;
    if (store_entry_get(store, &row->place, &bytes, &has_sig, &sig) == RC_OK &&
        content_decode(buf_slice(&bytes), &content) == RC_OK) {
        good = roster_after_good(hub_roster(world->hub), &content, &row->place) == REFUSAL_NONE;
    }
    buf_fini(&bytes);
    return good ||
           violated(world, SIM_S13, "log n %llu accepts lane %u seq %llu of what was withdrawn",
                    (unsigned long long)row->n, row->place.chain.lane,
                    (unsigned long long)row->place.seq);
}

static bool check_withdrawn(struct world *world) {
    struct store *store = hub_store(world->hub);
    uint64_t last = store_log_last_n(store, hub_author(world));
    uint64_t from = world->judged_n > world->revoked_n ? world->judged_n : world->revoked_n;
    if (world->revoked_n == 0 || last <= from || world->hub_went_back) {
        return true;
    }
    sqlite3_stmt *query = NULL;
    bool good = sqlite3_prepare_v2(store_sqlite(store), rows_sql, -1, &query, NULL) == SQLITE_OK ||
                violated(world, SIM_S13, "the log cannot be asked");
    if (good) {
        (void)sqlite3_bind_int64(query, 1, (sqlite3_int64)from);
    }
    while (good && sqlite3_step(query) == SQLITE_ROW) {
        struct row row = {.n = (uint64_t)sqlite3_column_int64(query, 0)};
        memcpy(row.place.chain.author.id.b, sqlite3_column_blob(query, 1), ID_BYTES);
        row.place.chain.lane = (uint8_t)sqlite3_column_int(query, 2);
        row.place.chain.audience = (uint8_t)sqlite3_column_int(query, 3);
        row.place.seq = (uint64_t)sqlite3_column_int64(query, 4);
        good = good_row(world, &row);
    }
    (void)sqlite3_finalize(query);
    world->judged_n = last;
    return good;
}

bool check_hub_step(struct world *world) {
    sim_disk_hold(world->hub_disk, true);
    bool good = check_hub_kept(world) && check_withdrawn(world);
    sim_disk_hold(world->hub_disk, false);
    return good;
}

// ---- Every so often ----

// A verdict beyond one that is missing: a record of an author was left out.
static const char left_out_sql[] =
    "SELECT c.lane, c.logged_seq, max(l.place & 1099511627775) AS high FROM log AS l"
    " JOIN chain AS c ON c.id = l.place >> 40 GROUP BY c.id HAVING high > c.logged_seq LIMIT 1";

static bool in_order(struct world *world, struct store *store, const char *who) {
    sqlite3_stmt *query = NULL;
    bool good = true;
    if (sqlite3_prepare_v2(store_sqlite(store), left_out_sql, -1, &query, NULL) == SQLITE_OK &&
        sqlite3_step(query) == SQLITE_ROW) {
        good =
            violated(world, SIM_S4, "%s: lane %d has verdicts up to %lld, but none for %lld", who,
                     sqlite3_column_int(query, 0), (long long)sqlite3_column_int64(query, 2),
                     (long long)sqlite3_column_int64(query, 1) + 1);
    }
    (void)sqlite3_finalize(query);
    return good;
}

struct compare {
    struct world *world;
    struct store *other;
    uint8_t node;
};

// Both hold the same at the last place that both hold.
static enum rc compare_chain(void *ctx, const struct store_chain *mine) {
    struct compare *compare = ctx;
    struct store_chain theirs;
    struct hash32 a, b;
    if (store_chain_get(compare->other, mine->id, &theirs) != RC_OK) {
        return RC_OK;
    }
    uint64_t seq = mine->head.seq < theirs.head.seq ? mine->head.seq : theirs.head.seq;
    struct store *node = compare->world->nodes[compare->node].store;
    if (seq > 0 && store_chain_hash(node, mine->id, seq, &a) == RC_OK &&
        store_chain_hash(compare->other, mine->id, seq, &b) == RC_OK && !hash32_equal(&a, &b)) {
        violated(compare->world, SIM_S3, "device %u and the hub differ in lane %u at %llu",
                 compare->node, mine->id.lane, (unsigned long long)seq);
        return RC_FULL;
    }
    return RC_OK;
}

bool check_often(struct world *world) {
    for (uint8_t d = 0; d < world->node_count && world->result->violated == SIM_NONE; d++) {
        struct node *node = &world->nodes[d];
        struct compare compare = {.world = world, .node = d};
        compare.other = world->hub ? hub_store(world->hub) : NULL;
        if (!node->store || node->retired) {
            continue;
        }
        sim_disk_hold(node->disk, true);
        sim_disk_hold(world->hub_disk, true);
        (void)in_order(world, node->store, "a device");
        // Two branches may stand until the fork is known.
        if (compare.other && !world->forked) {
            (void)!store_chains(node->store, compare_chain, &compare);
        }
        sim_disk_hold(node->disk, false);
        sim_disk_hold(world->hub_disk, false);
    }
    return world->result->violated == SIM_NONE;
}

// ---- The end: equal, verified, counted once ----

static bool key_of_hub(void *ctx, const struct content *content, struct public_key *out_key) {
    return judge_key_of(hub_roster(((struct world *)ctx)->hub), content, out_key);
}

static bool verified(struct world *world, struct store *store, const char *who) {
    struct store_verify_report report = {0};
    enum rc rc = store_verify(store, keys_stub(), key_of_hub, world, &report);
    if (rc != RC_OK || report.what[0] != '\0') {
        enum sim_checker checker = strncmp(report.what, "view", 4) == 0 ? SIM_S14 : SIM_S3;
        return violated(world, checker, "%s: %s at lane %u seq %llu (%s)", who, report.what,
                        report.broken.chain.lane, (unsigned long long)report.broken.seq,
                        rc_name(rc));
    }
    return true;
}

struct sum {
    struct hasher hasher;
    uint64_t comments;
    uint64_t count;
};

static enum rc sum_state(void *ctx, struct rid subject, const void *state) {
    struct sum *sum = ctx;
    const struct alarm_state *alarm = state;
    hasher_add(&sum->hasher, subject.id.b, ID_BYTES);
    hasher_add(&sum->hasher, alarm, sizeof *alarm);
    sum->comments += alarm->comment_count;
    sum->count++;
    return RC_OK;
}

static void sum_alarms(struct store *store, struct hash32 *out_hash, struct sum *sum) {
    struct view_query query = {.limit = UINT32_MAX, .order = "raised_ms, tag, limit_kind"};
    memset(sum, 0, sizeof *sum);
    hasher_init(&sum->hasher);
    if (store_view_each(store, &alarm_module, &query, sum_state, sum) != RC_OK) {
        sum->count = UINT64_MAX;
    }
    hasher_done(&sum->hasher, out_hash);
}

static bool same_chain(struct world *world, struct node *node, struct author_id author,
                       uint8_t index) {
    struct store *hub = hub_store(world->hub);
    struct chain_id id = {.author = author,
                          .lane = (uint8_t)(index / AUDIENCE_COUNT),
                          .audience = (uint8_t)(index % AUDIENCE_COUNT)};
    struct store_chain mine, theirs;
    if (store_chain_get(node->store, id, &mine) != RC_OK ||
        store_chain_get(hub, id, &theirs) != RC_OK) {
        return violated(world, SIM_S6, "device %u: a chain cannot be read", node->index);
    }
    if (mine.head.seq != theirs.head.seq) {
        return violated(world, SIM_S6, "device %u lane %u: %llu entries, the hub %llu", node->index,
                        id.lane, (unsigned long long)mine.head.seq,
                        (unsigned long long)theirs.head.seq);
    }
    if (!hash32_equal(&mine.head.hash, &theirs.head.hash)) {
        return violated(world, SIM_S3, "device %u lane %u: another chain than the hub's",
                        node->index, id.lane);
    }
    return true;
}

// ---- Folded again ----

struct all_views {
    struct hasher hasher;
    size_t state_bytes;
};

static enum rc add_view(void *ctx, struct rid subject, const void *state) {
    struct all_views *views = ctx;
    hasher_add(&views->hasher, subject.id.b, ID_BYTES);
    hasher_add(&views->hasher, state, views->state_bytes);
    return RC_OK;
}

static enum rc sum_views(struct store *store, struct hash32 *out_hash) {
    struct all_views views;
    const struct registry *registry = app_registry();
    enum rc rc = RC_OK;
    hasher_init(&views.hasher);
    for (uint16_t i = 0; i < registry->count && rc == RC_OK; i++) {
        struct view_query all = {.limit = UINT32_MAX};
        views.state_bytes = registry->modules[i]->state_bytes;
        rc = store_view_each(store, registry->modules[i], &all, add_view, &views);
    }
    hasher_done(&views.hasher, out_hash);
    return rc;
}

static bool rebuilt_equal(struct world *world, struct store *store, const char *who) {
    struct hash32 before, after;
    if (sum_views(store, &before) != RC_OK || store_rebuild(store, NULL, NULL) != RC_OK ||
        sum_views(store, &after) != RC_OK) {
        return violated(world, SIM_S14, "%s: the views cannot be rebuilt", who);
    }
    return hash32_equal(&before, &after) ||
           violated(world, SIM_S14, "%s: a fresh fold of the log gives other views", who);
}

// A view that nobody's record changed.
static void touch_view(struct store *store) {
    (void)sqlite3_exec(store_sqlite(store), "UPDATE view_alarm SET state = zeroblob(length(state))",
                       NULL, NULL, NULL);
}

// ---- What clocks and ids do not change ----

static const char outcome_sql[] =
    "SELECT c.lane, c.audience, l.place & 1099511627775, l.verdict, l.rule FROM log AS l"
    " JOIN chain AS c ON c.id = l.place >> 40 ORDER BY l.id";

static uint64_t mix(uint64_t hash, uint64_t value) {
    return (hash ^ value) * UINT64_C(0x100000001B3) + (hash >> 29);
}

static enum rc mix_alarm(void *ctx, struct rid subject, const void *state) {
    uint64_t *outcome = ctx;
    const struct alarm_state *alarm = state;
    (void)subject;
    *outcome = mix(*outcome, (uint64_t)alarm->limit << 8 | (uint64_t)alarm->active << 1 |
                                 (uint64_t)alarm->acked);
    *outcome = mix(*outcome, (uint64_t)alarm->ack_count << 16 | alarm->comment_count);
    *outcome = mix(*outcome, (uint64_t)alarm->raised_time.v);
    return RC_OK;
}

static void outcome(struct world *world) {
    sqlite3_stmt *query = NULL;
    uint64_t hash = 1;
    struct store *store = hub_store(world->hub);
    if (sqlite3_prepare_v2(store_sqlite(store), outcome_sql, -1, &query, NULL) == SQLITE_OK) {
        while (sqlite3_step(query) == SQLITE_ROW) {
            for (int i = 0; i < 5; i++) {
                hash = mix(hash, (uint64_t)sqlite3_column_int64(query, i));
            }
        }
    }
    (void)sqlite3_finalize(query);
    struct view_query all = {.limit = UINT32_MAX, .order = "raised_ms, tag, limit_kind"};
    (void)!store_view_each(store, &alarm_module, &all, mix_alarm, &hash);
    world->result->outcome = hash;
}

// ---- All at the end ----

static bool check_replica(struct world *world, struct node *node, const struct hash32 *alarms) {
    struct hash32 hash;
    struct sum sum;
    for (uint8_t i = 0; i < FRAME_CHAINS_MAX; i++) {
        if (!same_chain(world, node, hub_author(world), i) ||
            !same_chain(world, node, node_author(node), i)) {
            return false;
        }
    }
    if (!verified(world, node->store, "a device") || !in_order(world, node->store, "a device") ||
        !ledger_check_log(world, node->store, "a device's copy")) {
        return false;
    }
    sum_alarms(node->store, &hash, &sum);
    if (!hash32_equal(&hash, alarms)) {
        return violated(world, SIM_S6, "device %u shows other alarms than the hub", node->index);
    }
    return rebuilt_equal(world, node->store, "a device");
}

bool check_end(struct world *world) {
    struct hash32 alarms;
    struct sum sum;
    struct store *store = hub_store(world->hub);
    if (world->options.planted == SIM_PLANT_VIEW) {
        touch_view(store);
    }
    if (!check_hub_step(world) || !watch_claims(world) || !verified(world, store, "the hub") ||
        !ledger_check_log(world, store, "the hub")) {
        return false;
    }
    sum_alarms(store, &alarms, &sum);
    world->result->alarms = sum.count;
    outcome(world);
    for (uint8_t d = 0; d < world->node_count; d++) {
        struct node *node = &world->nodes[d];
        if (node_counts(node) && !check_replica(world, node, &alarms)) {
            return false;
        }
    }
    return ledger_check_once(world, sum.comments) && rebuilt_equal(world, store, "the hub");
}
