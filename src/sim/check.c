#include "world_priv.h"

#include <string.h>

static const char *const checker_names[] = {[SIM_NONE] = "none", [SIM_S1] = "S1", [SIM_S2] = "S2",
                                            [SIM_S3] = "S3",     [SIM_S5] = "S5", [SIM_S6] = "S6"};

const char *sim_checker_name(enum sim_checker checker) {
    return checker_names[checker];
}

static uint64_t head_of(struct store *store, struct author_id author, uint8_t index) {
    struct store_chain chain;
    struct chain_id id = {.author = author,
                          .lane = (uint8_t)(index / AUDIENCE_COUNT),
                          .audience = (uint8_t)(index % AUDIENCE_COUNT)};
    return store_chain_get(store, id, &chain) == RC_OK ? chain.head.seq : 0;
}

bool check_hub_kept(struct world *world) {
    for (uint8_t i = 0; i < FRAME_CHAINS_MAX; i++) {
        uint64_t head = head_of(hub_store(world->hub), world->hub_config.author, i);
        if (head < world->hub_committed[i]) {
            return violated(world, SIM_S1,
                            "hub chain %u: %llu entries were durable, %llu are there", i,
                            (unsigned long long)world->hub_committed[i], (unsigned long long)head);
        }
        world->hub_committed[i] = head;
    }
    return check_said(world);
}

bool check_node_kept(struct node *node) {
    for (uint8_t i = 0; i < FRAME_CHAINS_MAX; i++) {
        uint64_t head = head_of(node->store, node->author, i);
        if (head < node->committed[i]) {
            return violated(node->world, SIM_S1,
                            "device %u chain %u: %llu entries were durable, %llu are there",
                            node->index, i, (unsigned long long)node->committed[i],
                            (unsigned long long)head);
        }
    }
    return true;
}

bool check_said(struct world *world) {
    for (uint8_t d = 0; d < world->node_count && world->hub; d++) {
        struct node *node = &world->nodes[d];
        for (uint8_t i = 0; i < FRAME_CHAINS_MAX && node->store; i++) {
            struct store_chain chain;
            struct chain_id id = {.author = node->author, .lane = (uint8_t)(i / AUDIENCE_COUNT)};
            id.audience = (uint8_t)(i % AUDIENCE_COUNT);
            if (store_chain_get(node->store, id, &chain) != RC_OK) {
                continue;
            }
            uint64_t held = head_of(hub_store(world->hub), node->author, i);
            if (chain.acked_seq > held) {
                return violated(world, SIM_S5, "device %u chain %u: hub said %llu, holds %llu", d,
                                i, (unsigned long long)chain.acked_seq, (unsigned long long)held);
            }
        }
    }
    return true;
}

// ---- The end: equal, verified, counted once ----

static bool key_of_hub(void *ctx, const struct content *content, struct public_key *out_key) {
    return judge_key_of(hub_roster(((struct world *)ctx)->hub), content, out_key);
}

static bool verified(struct world *world, struct store *store, const char *who) {
    struct store_verify_report report = {0};
    enum rc rc = store_verify(store, keys_stub(), key_of_hub, world, &report);
    if (rc != RC_OK || report.what[0] != '\0') {
        return violated(world, SIM_S3, "%s: %s at lane %u seq %llu (%s)", who, report.what,
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

// Every act at every place where its author wrote it: accepted at most once.
struct accepted {
    struct world *world;
    struct rid rids[1024];
    uint32_t count;
};

static enum rc accept_once(void *ctx, const struct store_entry *entry) {
    struct accepted *accepted = ctx;
    struct store_log log;
    if (store_log_of(hub_store(accepted->world->hub), &entry->place, &log) != RC_OK ||
        log.verdict != VERDICT_ACCEPTED) {
        return RC_OK;
    }
    for (uint32_t i = 0; i < accepted->count; i++) {
        if (rid_equal(accepted->rids[i], entry->rid)) {
            violated(accepted->world, SIM_S2, "an act is accepted at two places, lane %u seq %llu",
                     entry->place.chain.lane, (unsigned long long)entry->place.seq);
            return RC_FULL;
        }
    }
    if (accepted->count < COUNT_OF(accepted->rids)) {
        accepted->rids[accepted->count++] = entry->rid;
    }
    return RC_OK;
}

static bool accepted_once(struct world *world) {
    for (uint8_t d = 0; d < world->node_count; d++) {
        struct accepted accepted = {.world = world};
        struct chain_id id = {.author = world->nodes[d].author, .lane = LANE_SAFETY};
        if (store_entries(hub_store(world->hub), id, 1, accept_once, &accepted) != RC_OK) {
            return violated(world, SIM_S6, "a device's chain cannot be read at the hub");
        }
    }
    return world->result->violated == SIM_NONE;
}

static bool counted_once(struct world *world, const struct sum *hub) {
    uint64_t written = 0;
    uint64_t unsure = 0;
    for (uint8_t d = 0; d < world->node_count; d++) {
        written += world->nodes[d].comments;
        unsure += world->nodes[d].comments_unsure;
    }
    if (hub->comments < written || hub->comments > written + unsure) {
        return violated(world, SIM_S2, "%llu comments written, %llu counted",
                        (unsigned long long)written, (unsigned long long)hub->comments);
    }
    return accepted_once(world);
}

static bool rebuilt_equal(struct world *world, const struct hash32 *before) {
    struct hash32 after;
    struct sum sum;
    if (store_rebuild(hub_store(world->hub), NULL, NULL) != RC_OK) {
        return violated(world, SIM_S3, "the views cannot be rebuilt");
    }
    sum_alarms(hub_store(world->hub), &after, &sum);
    return hash32_equal(before, &after) ||
           violated(world, SIM_S3, "a fresh fold of the log gives other alarms");
}

bool check_end(struct world *world) {
    struct hash32 hub_hash;
    struct sum hub_sum;
    if (!check_hub_kept(world) || !verified(world, hub_store(world->hub), "hub")) {
        return false;
    }
    sum_alarms(hub_store(world->hub), &hub_hash, &hub_sum);
    world->result->alarms = hub_sum.count;
    for (uint8_t d = 0; d < world->node_count; d++) {
        struct node *node = &world->nodes[d];
        struct hash32 hash;
        struct sum sum;
        for (uint8_t i = 0; i < FRAME_CHAINS_MAX; i++) {
            if (!same_chain(world, node, world->hub_config.author, i) ||
                !same_chain(world, node, node->author, i)) {
                return false;
            }
        }
        if (!verified(world, node->store, "device")) {
            return false;
        }
        sum_alarms(node->store, &hash, &sum);
        if (!hash32_equal(&hash, &hub_hash)) {
            return violated(world, SIM_S6, "device %u shows other alarms than the hub", d);
        }
    }
    return counted_once(world, &hub_sum) && rebuilt_equal(world, &hub_hash);
}
