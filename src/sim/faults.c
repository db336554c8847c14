// What strikes the simulated site, and when: every row of the menu that the seed drew.
#include "world_priv.h"

#include <string.h>

#define MINUTE_MS INT64_C(60000)
#define DAY_MS (INT64_C(1440) * MINUTE_MS)

// ---- Clocks ----

// Draws always alike, so that other clocks leave the schedule as it is.
void faults_clock(struct node *node) {
    struct world *world = node->world;
    uint64_t roll = sim_next(&world->random) ^ world->options.clocks * UINT64_C(0x9E3779B97F4A7C15);
    struct sim_random dice = {.state = roll};
    node->clock_skew_ms = 0;
    if (world_has(world, SIM_CLOCK)) {
        node->clock_skew_ms = (int64_t)sim_below(&dice, 600001) - 5 * MINUTE_MS;
    }
    if (world_has(world, SIM_CLOCK_FAR) && sim_chance(&dice, 500)) {
        int64_t far[] = {30 * DAY_MS, -30 * DAY_MS, -20000 * DAY_MS, 400 * DAY_MS};
        node->clock_skew_ms += far[sim_below(&dice, COUNT_OF(far))];
    }
}

// ---- Processes and disks ----

// What closing the process's files writes comes too late.
static void disk_stop(struct sim_disk *disk, bool power) {
    if (power) {
        sim_disk_crash(disk);
    } else {
        sim_disk_kill(disk);
    }
}

void hub_crash(struct world *world, bool power) {
    world->result->crashes++;
    disk_stop(world->hub_disk, power || sim_disk_dead(world->hub_disk));
    hub_close(world->hub);
    world->hub = NULL;
    world->hub_down_until_ms = world->now_ms + sim_below(&world->random, 20000);
}

void node_crash(struct node *node, bool power) {
    struct world *world = node->world;
    world->result->crashes++;
    disk_stop(node->disk, power || sim_disk_dead(node->disk));
    node_close(node);
    node->down_until_ms = world->now_ms + sim_below(&world->random, 20000);
}

// A read, write or sync that is about to fail, at any I/O; or the power that goes there.
static void break_disk(struct world *world, struct sim_disk *disk) {
    static const enum sim_op ops[] = {SIM_WRITE, SIM_WRITE, SIM_SYNC, SIM_SYNC, SIM_READ};
    uint32_t nth = 1 + sim_below(&world->random, 30);
    bool cut = sim_chance(&world->random, 500);
    struct sim_fault fault = {.op = ops[sim_below(&world->random, COUNT_OF(ops))],
                              .nth = nth,
                              .lasting = sim_chance(&world->random, 200),
                              .full = sim_chance(&world->random, 400)};
    if (cut && world_has(world, SIM_POWER)) {
        sim_disk_cut(disk, nth);
    } else if (!cut && world_has(world, SIM_DISK)) {
        sim_disk_fail(disk, &fault);
    }
}

// No room for a while. What is there stays.
static void fill_disk(struct world *world, struct sim_disk *disk, int64_t *until_ms) {
    if (*until_ms > 0 && world->now_ms >= *until_ms) {
        *until_ms = 0;
        sim_disk_limit(disk, 0);
    } else if (*until_ms == 0 && sim_chance(&world->random, 6)) {
        *until_ms = world->now_ms + 1000 + sim_below(&world->random, 60000);
        sim_disk_limit(disk, sim_disk_bytes(disk) + sim_below(&world->random, 65536));
    }
}

static void strike_hub(struct world *world, uint32_t often) {
    if (!world->hub) {
        return;
    }
    if (sim_chance(&world->random, often)) {
        break_disk(world, world->hub_disk);
    }
    bool power = sim_chance(&world->random, 500);
    if (sim_chance(&world->random, often) && world_has(world, power ? SIM_POWER : SIM_KILL)) {
        hub_crash(world, power);
    }
    if (world_has(world, SIM_FULL)) {
        fill_disk(world, world->hub_disk, &world->hub_full_until_ms);
    }
}

static void strike_node(struct node *node, uint32_t often) {
    struct world *world = node->world;
    if (!node->store) {
        return;
    }
    if (sim_chance(&world->random, often)) {
        break_disk(world, node->disk);
    }
    bool power = sim_chance(&world->random, 500);
    if (sim_chance(&world->random, often) && world_has(world, power ? SIM_POWER : SIM_KILL)) {
        node_crash(node, power);
    }
    if (world_has(world, SIM_FULL)) {
        fill_disk(world, node->disk, &node->full_until_ms);
    }
}

// ---- Older disks and copies ----

// Takes the place of a disk whose process is down; the limit of a full one goes with it.
static bool go_back(struct world *world, struct sim_disk **disk, const struct sim_disk *older) {
    struct sim_disk *fresh = NULL;
    if (sim_disk_clone(older, sim_next(&world->random), &fresh) != RC_OK) {
        return false;
    }
    sim_disk_free(*disk);
    *disk = fresh;
    world->forked = true;
    world->result->restores++;
    return true;
}

static void keep_copy(struct world *world, const struct sim_disk *disk, struct sim_disk **older) {
    struct sim_disk *copy = NULL;
    if (sim_disk_clone(disk, sim_next(&world->random), &copy) == RC_OK) {
        sim_disk_free(*older);
        *older = copy;
    }
}

static void restore_node(struct node *node) {
    struct world *world = node->world;
    if (!node->older || sim_chance(&world->random, 500)) {
        keep_copy(world, node->disk, &node->older);
        return;
    }
    if (node->store) {
        node_crash(node, false);
    }
    if (go_back(world, &node->disk, node->older)) {
        node->full_until_ms = 0;
        node->durable_ops = 0;
        memset(node->committed, 0, sizeof node->committed);
        ledger_settle(world);
    }
}

static void restore_hub(struct world *world) {
    if (!world->hub_older || sim_chance(&world->random, 500)) {
        keep_copy(world, world->hub_disk, &world->hub_older);
        return;
    }
    if (world->hub) {
        hub_crash(world, false);
    }
    if (go_back(world, &world->hub_disk, world->hub_older)) {
        world->hub_full_until_ms = 0;
        world->hub_durable_ops = 0;
        world->hub_went_back = true;
        world->claim_count = 0;
        world->judged_n = 0;
        memset(world->hub_committed, 0, sizeof world->hub_committed);
        ledger_settle(world);
    }
}

static void clone_node(struct node *node) {
    struct world *world = node->world;
    struct node *clone = &world->nodes[world->node_count];
    if (world->node_count == SIM_NODES_MAX || world->nodes[world->node_count - 1].clone ||
        !node->enrolled) {
        return;
    }
    struct sim_disk *copy = NULL;
    if (sim_disk_clone(node->disk, sim_next(&world->random), &copy) != RC_OK) {
        return;
    }
    *clone = *node;
    clone->index = world->node_count++;
    clone->disk = copy;
    clone->older = NULL;
    clone->store = NULL;
    clone->roster = NULL;
    clone->sync = NULL;
    memset(&clone->open_body, 0, sizeof clone->open_body);
    memset(&clone->open_content, 0, sizeof clone->open_content);
    clone->clone = true;
    clone->linked = false;
    clone->down_until_ms = world->now_ms;
    clone->full_until_ms = 0;
    clone->durable_ops = 0;
    world->forked = true;
    world->result->restores++;
}

// ---- The roster ----

static void strike_roster(struct world *world, struct node *node) {
    bool key = sim_chance(&world->random, 500);
    if (!world->hub || !node->enrolled || world->node_count < 2) {
        return;
    }
    if (world_has(world, SIM_ROLE) && sim_chance(&world->random, 500)) {
        bool take = !world->role_taken;
        if (site_grant(world, world->nodes[0].person_rid, take) == RC_OK) {
            world->role_taken = take;
        }
    } else if (world->revoked_n == 0 && node->index > 0 && !node->clone &&
               world_has(world, key ? SIM_REVOKE_KEY : SIM_REVOKE_DEVICE) &&
               site_revoke(world, node, key) == RC_OK) {
        world->revoked_n = store_log_last_n(hub_store(world->hub), world->hub_config.author);
        for (uint8_t d = 0; d < world->node_count && !key; d++) {
            bool same = rid_equal(world->nodes[d].device, node->device); // its clone, too
            world->nodes[d].revoked = world->nodes[d].revoked || same;
        }
        world->result->revokes++;
    }
}

// ---- All of it ----

static void strike_broker(struct world *world) {
    if (world_has(world, SIM_CUT) && sim_chance(&world->random, world->cut_off ? 10 : 5)) {
        world->cut_off = !world->cut_off;
    }
    if (world_has(world, SIM_FORGET) && sim_chance(&world->random, 3)) {
        broker_forget(world);
    }
    if (world_has(world, SIM_LYING) && sim_chance(&world->random, 4)) {
        world->lying_until_ms = world->now_ms + sim_below(&world->random, 90000);
    }
    if (world_has(world, SIM_LYING) && sim_chance(&world->random, 20)) {
        broker_replay(world);
    }
}

void faults_cause(struct world *world) {
    uint32_t often = world->options.preset == SIM_COMMITS ? 20 : 3;
    struct node *node = &world->nodes[sim_below(&world->random, world->node_count)];
    strike_broker(world);
    strike_hub(world, often);
    strike_node(node, often);
    if (world_has(world, SIM_CLOCK_FAR) && sim_chance(&world->random, 4)) {
        faults_clock(node); // it steps
    }
    if (sim_chance(&world->random, 4)) {
        strike_roster(world, node);
    }
    if (world_has(world, SIM_RESTORE_DEVICE) && !node->clone && sim_chance(&world->random, 6)) {
        restore_node(node);
    }
    if (world_has(world, SIM_CLONE_DEVICE) && sim_chance(&world->random, 4)) {
        clone_node(node);
    }
    if (world_has(world, SIM_RESTORE_HUB) && sim_chance(&world->random, 4)) {
        restore_hub(world);
    }
}

static void mend_disk(struct sim_disk *disk) {
    struct sim_fault none = {0};
    sim_disk_fail(disk, &none);
    sim_disk_cut(disk, 0);
    sim_disk_limit(disk, 0);
}

void faults_stop(struct world *world) {
    world->healed = true;
    world->cut_off = false;
    world->lying_until_ms = 0;
    world->heal_messages = world->result->messages;
    mend_disk(world->hub_disk);
    for (uint8_t d = 0; d < world->node_count; d++) {
        mend_disk(world->nodes[d].disk);
    }
}
