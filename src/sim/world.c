#include "world_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_UTC_MS INT64_C(1790000000000)
#define HEAL_STEPS 4000
#define HEAL_STEP_MS 250
#define QUIET_STEPS 40      // looks whether everything is quiet every so many steps
#define CLONE_STEPS 1500    // a clone has so many to deliver what it has
#define OFTEN_STEPS 64      // compares all replicas every so many steps
#define HEAL_MESSAGES 20000 // until everything is quiet

uint64_t sim_next(struct sim_random *random) {
    random->state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = random->state;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

uint32_t sim_below(struct sim_random *random, uint32_t bound) {
    return bound ? (uint32_t)(sim_next(random) % bound) : 0;
}

bool sim_chance(struct sim_random *random, uint32_t per_mille) {
    return sim_below(random, 1000) < per_mille;
}

void sim_fill(struct sim_random *random, void *out, size_t len) {
    uint8_t *at = out;
    for (size_t i = 0; i < len; i++) {
        at[i] = (uint8_t)sim_next(random);
    }
}

struct moment world_now(const struct world *world, int64_t skew_ms) {
    return (struct moment){.utc = {START_UTC_MS + world->now_ms + skew_ms},
                           .mono = {1000 + world->now_ms},
                           .boot_id = 1};
}

bool violated(struct world *world, enum sim_checker checker, const char *format, ...) {
    bool skipped = (world->options.skip >> checker & 1) != 0;
    if (world->result->violated == SIM_NONE && !skipped) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(world->result->what, sizeof world->result->what, format, args);
        va_end(args);
        world->result->violated = checker;
        world->result->step = world->step;
    }
    return skipped;
}

// ---- The loop ----

static void send_telemetry(struct world *world) {
    uint32_t tag = sim_below(&world->random, SIM_TAGS);
    char payload[128];
    if (sim_chance(&world->random, 100)) {
        world->value[tag] = sim_below(&world->random, 140);
    }
    (void)snprintf(payload, sizeof payload, "{\"tag\":\"T%u\",\"t\":%lld,\"v\":%.1f}", tag,
                   (long long)(START_UTC_MS + world->now_ms), world->value[tag]);
    hub_telemetry(world->hub, "plant/g", slice_text(payload), world_now(world, 0));
}

static void start_hub(struct world *world) {
    enum rc rc = site_open_hub(world);
    if (rc == RC_OK) {
        sim_disk_hold(world->hub_disk, true);
        (void)(check_hub_kept(world) && watch_claims(world));
        sim_disk_hold(world->hub_disk, false);
    } else if (sim_disk_struck(world->hub_disk) || world->hub_full_until_ms > 0) {
        if (world->hub) {
            hub_crash(world, false);
        }
        sim_disk_kill(world->hub_disk);
        world->hub_down_until_ms = world->now_ms + 1000;
    } else {
        violated(world, SIM_S1, "the hub cannot open its store: %s", rc_name(rc));
    }
}

static void step_hub(struct world *world) {
    if (!world->hub) {
        if (world->now_ms >= world->hub_down_until_ms || world->healed) {
            start_hub(world);
        }
        return;
    }
    if (!world->healed || world->step % 8 == 0) {
        send_telemetry(world);
    }
    struct mono_ms next;
    enum rc rc = hub_step(world->hub, world_now(world, 0), &next);
    if (rc != RC_OK) {
        hub_crash(world, sim_chance(&world->random, 500));
        return;
    }
    (void)check_hub_step(world);
}

static uint32_t wait_ms(struct world *world) {
    if (world->healed) {
        return HEAL_STEP_MS;
    }
    uint32_t ms = 1 + sim_below(&world->random, 400);
    if (sim_chance(&world->random, 2)) { // a long quiet
        ms = 60000 + sim_below(&world->random, world_has(world, SIM_LATE) ? 288000000 : 7200000);
    }
    return ms;
}

static void step(struct world *world) {
    bool commits = world->options.preset == SIM_COMMITS;
    uint32_t acts = world->options.preset == SIM_BULK ? 500 : commits ? 120 : 40;
    world->step++;
    world->now_ms += wait_ms(world);
    broker_deliver(world);
    step_hub(world);
    for (uint8_t d = 0; d < world->node_count; d++) {
        node_step(&world->nodes[d]);
        if (!world->healed && sim_chance(&world->random, acts)) {
            node_act(&world->nodes[d]);
        }
    }
    if (world->step % OFTEN_STEPS == 0) {
        (void)check_often(world);
    }
    if (!world->healed) {
        faults_cause(world);
    }
    if (world->options.preset == SIM_BULK) { // all of the middle without a link
        world->cut_off = world->step > 200 && world->step < world->options.steps;
    }
}

// ---- The end ----

static struct node *clone_of(struct world *world) {
    struct node *last = &world->nodes[world->node_count - 1];
    return last->clone && !last->retired ? last : NULL;
}

bool world_makes_way(const struct world *world, const struct node *node) {
    const struct node *last = &world->nodes[world->node_count - 1];
    return world->healed && last->clone && !last->retired && last != node &&
           strcmp(last->account, node->account) == 0;
}

static bool node_is_quiet(struct world *world, struct node *node) {
    for (uint8_t lane = 0; node->store && lane < LANE_COUNT; lane++) {
        struct store_chain own, log, hub;
        struct store_own hub_own = {.author = world->hub_config.author};
        (void)!store_own_get(hub_store(world->hub), &hub_own);
        struct chain_id own_id = {.author = node_author(node), .lane = lane};
        struct chain_id log_id = {.author = hub_own.author, .lane = lane};
        if (store_chain_get(node->store, own_id, &own) != RC_OK ||
            store_chain_get(node->store, log_id, &log) != RC_OK ||
            store_chain_get(hub_store(world->hub), log_id, &hub) != RC_OK ||
            own.logged_seq != own.head.seq || log.head.seq != hub.head.seq) {
            return false;
        }
    }
    return node->store != NULL;
}

// Nothing is left to send and every log is as long as the hub's.
static bool is_quiet(struct world *world) {
    bool quiet = world->hub != NULL;
    for (uint8_t d = 0; d < world->node_count && quiet; d++) {
        struct node *node = &world->nodes[d];
        quiet = !node_counts(node) || world_makes_way(world, node) || node_is_quiet(world, node);
    }
    return quiet;
}

static void heal(struct world *world) {
    uint64_t start = world->step;
    faults_stop(world);
    for (uint64_t end = start + HEAL_STEPS;
         world->step < end && world->result->violated == SIM_NONE;) {
        step(world);
        struct node *clone = clone_of(world);
        bool quiet = world->step % QUIET_STEPS == 0 && is_quiet(world);
        if (clone && (quiet || world->step - start >= CLONE_STEPS)) {
            node_close(clone);
            clone->retired = true;
        } else if (quiet) {
            break;
        }
    }
    world->result->heal_steps = (uint32_t)(world->step - start);
}

static void run(struct world *world) {
    while (world->step < world->options.steps && world->result->violated == SIM_NONE) {
        step(world);
    }
    if (world->result->violated != SIM_NONE) {
        return;
    }
    heal(world);
    bool ready = world->hub != NULL;
    for (uint8_t d = 0; d < world->node_count; d++) {
        ready = ready && (world->nodes[d].store || !node_counts(&world->nodes[d]));
    }
    if (!ready) {
        violated(world, SIM_S6, "a node did not come back");
    } else if (check_end(world) && world->result->messages - world->heal_messages > HEAL_MESSAGES) {
        violated(world, SIM_S6, "%llu messages until everything was quiet",
                 (unsigned long long)(world->result->messages - world->heal_messages));
    }
}

static void tear_down(struct world *world) {
    broker_free(world);
    hub_close(world->hub);
    for (uint8_t d = 0; d < SIM_NODES_MAX; d++) {
        struct node *node = &world->nodes[d];
        node_close(node);
        sim_disk_free(node->disk);
        sim_disk_free(node->older);
        if (!node->clone) {
            keypair_free(node->key);
            keypair_free(node->person);
        }
    }
    sim_disk_free(world->hub_older);
    frame_codec_free(world->codec);
    free(world->acts);
    sim_disk_free(world->hub_disk);
    keypair_free(world->keys.device.pair);
    keypair_free(world->keys.root);
    keypair_free(world->admin);
    free(world);
}

enum rc sim_run(const struct sim_options *options, struct sim_result *out_result) {
    struct world *world = calloc(1, sizeof *world);
    if (!world) {
        return RC_NO_MEMORY;
    }
    *out_result = (struct sim_result){.trace = options->seed};
    world->options = *options;
    world->result = out_result;
    world->random.state = options->seed * 2 + 1;
    world->secret.state = ~options->seed;
    for (int i = 0; i < SIM_TAGS; i++) {
        world->value[i] = 50;
    }
    world->flight = calloc(SIM_FLIGHT_MAX, sizeof *world->flight);
    world->acts = calloc(SIM_ACTS_MAX, sizeof *world->acts);
    enum rc rc = world->flight && world->acts ? frame_codec_new(&world->codec) : RC_NO_MEMORY;
    if (rc == RC_OK) {
        rc = site_set_up(world);
    }
    if (rc == RC_OK) {
        run(world);
    }
    if (out_result->violated == SIM_NONE) {
        out_result->step = world->step;
    }
    out_result->simulated_ms = world->now_ms;
    tear_down(world);
    return rc;
}

enum rc sim_check_clocks(const struct sim_options *options, struct sim_result *result) {
    struct sim_options other = *options;
    struct sim_result turned;
    other.clocks = options->clocks + 1;
    other.faults = result->faults ? result->faults : SIM_FAULTS_NONE;
    enum rc rc = sim_run(&other, &turned);
    if (rc == RC_OK && turned.violated == SIM_NONE && turned.outcome != result->outcome) {
        result->violated = SIM_S12;
        (void)snprintf(result->what, sizeof result->what,
                       "other clocks on the devices give other verdicts or alarms");
    }
    return rc;
}
