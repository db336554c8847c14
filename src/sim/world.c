#include "world_priv.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_UTC_MS INT64_C(1790000000000)
#define HEAL_STEPS 4000
#define HEAL_STEP_MS 250
#define QUIET_STEPS 200 // looks at the end every so many steps

static const char site_text[] = "[site]\nname = sim\n[area A]\nname = A\n"
                                "[gateway g]\nname = g\nstale_s = 60\n"
                                "[tag T0]\nname = T0\narea = A\ngateway = g\n"
                                "H = 100 deadband=2 priority=1\n"
                                "[tag T1]\nname = T1\narea = A\ngateway = g\n"
                                "H = 100 deadband=2 on=2 off=2 priority=2\n"
                                "[tag T2]\nname = T2\narea = A\ngateway = g\n"
                                "L = 20 deadband=2 priority=3\n"
                                "[tag T3]\nname = T3\narea = A\ngateway = g\n"
                                "HH = 120 deadband=2 priority=1\nH = 100 deadband=2 priority=2\n"
                                "[mapping m]\ntopic = plant/#\n";

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
    if (world->result->violated == SIM_NONE) {
        va_list args;
        va_start(args, format);
        (void)vsnprintf(world->result->what, sizeof world->result->what, format, args);
        va_end(args);
        world->result->violated = checker;
        world->result->step = world->step;
    }
    return false;
}

// ---- Set-up ----

static enum rc hub_send(void *ctx, const char *account, uint8_t lane, struct slice frame) {
    (void)lane;
    struct world *world = ctx;
    for (uint8_t d = 0; d < world->node_count; d++) {
        if (!account || strcmp(account, world->nodes[d].account) == 0) {
            broker_send(world, d, world->nodes[d].account, frame);
        }
    }
    return RC_OK;
}

static void secret_of(void *ctx, void *out, size_t len) {
    sim_fill(&((struct world *)ctx)->secret, out, len);
}

static enum rc make_pair(struct world *world, struct keypair **out_pair) {
    uint8_t seed[SEED_BYTES];
    sim_fill(&world->secret, seed, sizeof seed);
    return keypair_from_seed(keys_stub(), seed, out_pair);
}

static enum rc open_hub(struct world *world) {
    struct refusal refusal = {0};
    struct hub_options options = {.folder = "",
                                  .vfs = sim_disk_vfs_name(world->hub_disk),
                                  .scheme = keys_stub(),
                                  .config = &world->hub_config,
                                  .keys = &world->keys.device,
                                  .mutants = &world->options.mutants,
                                  .ctx = world,
                                  .send = hub_send,
                                  .random = secret_of};
    enum rc rc = hub_open(&options, world_now(world, 0), &world->hub, &refusal);
    if (rc != RC_OK) {
        return rc;
    }
    if (world->options.unsynced) {
        (void)sqlite3_exec(store_sqlite(hub_store(world->hub)), "PRAGMA synchronous=OFF", NULL,
                           NULL, NULL);
    }
    rc = hub_site(world->hub, slice_text(site_text), world_now(world, 0), &refusal);
    return rc;
}

static enum rc found_site(struct world *world) {
    struct refusal refusal = {0};
    struct site_id site;
    enum rc rc = make_pair(world, &world->keys.device.pair);
    rc = rc == RC_OK ? make_pair(world, &world->keys.root) : rc;
    rc = rc == RC_OK ? make_pair(world, &world->admin) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    world->keys.admin = *keypair_public(world->admin);
    struct site_init init = {.folder = "",
                             .vfs = sim_disk_vfs_name(world->hub_disk),
                             .name = "sim",
                             .admin_name = "admin",
                             .admin_number = "A",
                             .keys = &world->keys,
                             .out_config = &world->hub_config,
                             .scheme = keys_stub(),
                             .ctx = world,
                             .random = secret_of};
    return hub_site_init(&init, world_now(world, 0), &site, &refusal);
}

// One act of the admin at the hub's own keyboard.
static enum rc admin_act(struct world *world, uint16_t kind_number, const struct rid *subject,
                         struct slice body, struct rid *out_rid) {
    const struct module *module;
    const struct kind *kind = registry_kind(app_registry(), kind_number, &module);
    struct buf bytes;
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    struct content content = {.suite = KEYS_SUITE_ED25519,
                              .site = world->hub_config.site,
                              .kind = kind_number,
                              .subjects = subject,
                              .subject_count = subject ? 1 : 0,
                              .audience = kind->flags & KIND_OPENS ? AUDIENCE_SITE : AUDIENCE_NONE,
                              .person = world->admin_rid,
                              .key = key_id_of(keypair_public(world->admin)),
                              .device = world->hub_config.device,
                              .time = world_now(world, 0).utc,
                              .body = body};
    sim_fill(&world->secret, content.nonce, NONCE_BYTES);
    struct signed_record record;
    struct refusal refusal = {0};
    enum rc rc = record_make(&content, world->admin, &bytes, &record);
    if (rc == RC_OK) {
        rc = hub_submit(world->hub, kind->lane, &record, world_now(world, 0), &refusal);
    }
    if (rc == RC_OK && out_rid) {
        *out_rid = record.rid;
    }
    buf_fini(&bytes);
    return rc;
}

static enum rc enrol_person(struct world *world, struct node *node) {
    struct buf text;
    const struct module *module;
    buf_init(&text, 512);
    struct body body = body_start(registry_kind(app_registry(), KIND_PERSON_ADD, &module), &text);
    body_put_text(&body, PERSON_NAME, node->account);
    body_put_text(&body, PERSON_NUMBER, node->account);
    enum rc rc = admin_act(world, KIND_PERSON_ADD, NULL, buf_slice(&text), &node->person_rid);
    if (rc == RC_OK) {
        buf_reset(&text);
        body = body_start(registry_kind(app_registry(), KIND_ROLE_GRANT, &module), &text);
        body_put_uint(&body, ROLE_ROLE, ROLE_OPERATOR);
        body_put_text(&body, ROLE_AREA, "");
        // The grant covers the opening: both stand in the admin's own chain, the hub's.
        rc = admin_act(world, KIND_ROLE_GRANT, &node->person_rid, buf_slice(&text), NULL);
    }
    buf_fini(&text);
    return rc;
}

static enum rc enrol_device(struct world *world, struct node *node) {
    struct buf text;
    const struct module *module;
    buf_init(&text, 512);
    struct body body = body_start(registry_kind(app_registry(), KIND_DEVICE_ADD, &module), &text);
    body_put_text(&body, DEVICE_NAME, node->account);
    body_put_uint(&body, DEVICE_KIND, DEVICE_CONSOLE);
    body_put_bytes(&body, DEVICE_KEY, keypair_public(node->key)->b, PUBLIC_KEY_BYTES);
    body_put_text(&body, DEVICE_ACCOUNT, node->account);
    enum rc rc = admin_act(world, KIND_DEVICE_ADD, NULL, buf_slice(&text), &node->device);
    buf_fini(&text);
    return rc;
}

static enum rc get_code(struct world *world, struct node *node) {
    struct buf request, answer_bytes;
    struct control_answer answer;
    buf_init(&request, 64);
    buf_init(&answer_bytes, 512);
    control_request(CONTROL_CODE, slice_of(node->person_rid.id.b, ID_BYTES), &request);
    hub_control(world->hub, buf_slice(&request), world_now(world, 0), &answer_bytes);
    enum rc rc = control_answer_decode(buf_slice(&answer_bytes), &answer);
    rc = rc == RC_OK ? answer.rc : rc;
    if (rc == RC_OK && answer.payload.len < sizeof node->code) {
        memcpy(node->code, answer.payload.data, answer.payload.len);
    }
    buf_fini(&request);
    buf_fini(&answer_bytes);
    return rc;
}

static enum rc add_node(struct world *world, uint8_t index) {
    struct node *node = &world->nodes[index];
    node->world = world;
    node->index = index;
    (void)snprintf(node->account, sizeof node->account, "c%u", index);
    node->clock_skew_ms = (int64_t)sim_below(&world->random, 600000) - 300000;
    enum rc rc = sim_disk_new(sim_next(&world->random), &node->disk);
    rc = rc == RC_OK ? make_pair(world, &node->key) : rc;
    rc = rc == RC_OK ? make_pair(world, &node->person) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    sim_fill(&world->secret, node->author_random, AUTHOR_RANDOM_BYTES);
    node->author = author_of(keypair_public(node->key), node->author_random);
    rc = enrol_person(world, node);
    rc = rc == RC_OK ? enrol_device(world, node) : rc;
    rc = rc == RC_OK ? get_code(world, node) : rc;
    return rc == RC_OK ? node_found(node) : rc;
}

static enum rc set_up(struct world *world) {
    uint8_t devices = (uint8_t)(2 + sim_below(&world->random, SIM_DEVICES_MAX - 1));
    world->loss = sim_below(&world->random, 300);
    world->repeat = sim_below(&world->random, 200);
    world->slow = sim_below(&world->random, 200);
    enum rc rc = sim_disk_new(sim_next(&world->random), &world->hub_disk);
    rc = rc == RC_OK ? found_site(world) : rc;
    rc = rc == RC_OK ? open_hub(world) : rc;
    if (rc != RC_OK) {
        return rc;
    }
    if (!roster_person_by_number(hub_roster(world->hub), "A", &world->admin_rid)) {
        return RC_NOT_FOUND;
    }
    for (uint8_t d = 0; d < devices && rc == RC_OK; d++) {
        rc = add_node(world, d);
        world->node_count = (uint8_t)(d + 1);
    }
    return rc;
}

// ---- Faults ----

void hub_crash(struct world *world, bool power) {
    world->result->crashes++;
    power = power || sim_disk_struck(world->hub_disk);
    if (power && !sim_disk_struck(world->hub_disk)) {
        sim_disk_cut(world->hub_disk, 1); // what closing writes does not count
    }
    hub_close(world->hub);
    world->hub = NULL;
    if (power) {
        sim_disk_crash(world->hub_disk);
    } else {
        sim_disk_kill(world->hub_disk);
    }
    world->hub_down_until_ms = world->now_ms + sim_below(&world->random, 20000);
}

void node_crash(struct node *node, bool power) {
    struct world *world = node->world;
    world->result->crashes++;
    power = power || sim_disk_struck(node->disk);
    if (power && !sim_disk_struck(node->disk)) {
        sim_disk_cut(node->disk, 1);
    }
    node_close(node);
    if (power) {
        sim_disk_crash(node->disk);
    } else {
        sim_disk_kill(node->disk);
    }
    node->down_until_ms = world->now_ms + sim_below(&world->random, 20000);
}

// A write or sync that is about to fail, at any I/O.
static void break_disk(struct world *world, struct sim_disk *disk) {
    if (sim_chance(&world->random, 500)) {
        sim_disk_cut(disk, 1 + sim_below(&world->random, 30));
        return;
    }
    struct sim_fault fault = {.op = sim_chance(&world->random, 500) ? SIM_WRITE : SIM_SYNC,
                              .nth = 1 + sim_below(&world->random, 20),
                              .full = sim_chance(&world->random, 400)};
    sim_disk_fail(disk, &fault);
}

static void cause_faults(struct world *world) {
    uint32_t often = world->options.aimed ? 20 : 3;
    if (sim_chance(&world->random, 5)) {
        world->cut_off = !world->cut_off;
    }
    if (sim_chance(&world->random, 3)) {
        broker_forget(world, 1000); // restarted: nothing was kept
    }
    if (world->hub && sim_chance(&world->random, often)) {
        break_disk(world, world->hub_disk);
    }
    if (world->hub && sim_chance(&world->random, often)) {
        hub_crash(world, sim_chance(&world->random, 500));
    }
    struct node *node = &world->nodes[sim_below(&world->random, world->node_count)];
    if (node->store && sim_chance(&world->random, often)) {
        break_disk(world, node->disk);
    }
    if (node->store && sim_chance(&world->random, often)) {
        node_crash(node, sim_chance(&world->random, 500));
    }
    if (sim_chance(&world->random, 2)) {
        node->clock_skew_ms += (int64_t)sim_below(&world->random, 7200000) - 3600000;
    }
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

static void step_hub(struct world *world) {
    if (!world->hub) {
        if (world->now_ms >= world->hub_down_until_ms || world->healed) {
            enum rc rc = open_hub(world);
            if (rc != RC_OK) {
                violated(world, SIM_S1, "the hub cannot open its store: %s", rc_name(rc));
            } else {
                (void)check_hub_kept(world);
            }
        }
        return;
    }
    if (!world->healed || world->step % 8 == 0) {
        send_telemetry(world);
    }
    struct mono_ms next;
    enum rc rc = hub_step(world->hub, world_now(world, 0), &next);
    if (rc != RC_OK) {
        hub_crash(world, sim_disk_struck(world->hub_disk));
        return;
    }
    (void)check_hub_kept(world);
}

static void step(struct world *world) {
    world->step++;
    uint32_t wait = world->healed ? HEAL_STEP_MS : 1 + sim_below(&world->random, 400);
    if (!world->healed && sim_chance(&world->random, 2)) {
        wait = 60000 + sim_below(&world->random, 7200000); // a long quiet
    }
    world->now_ms += wait;
    broker_deliver(world);
    step_hub(world);
    for (uint8_t d = 0; d < world->node_count; d++) {
        node_step(&world->nodes[d]);
        if (!world->healed && sim_chance(&world->random, world->options.aimed ? 120 : 40)) {
            node_act(&world->nodes[d]);
        }
    }
    if (!world->healed) {
        cause_faults(world);
    }
}

static void heal(struct world *world) {
    struct sim_fault none = {0};
    world->healed = true;
    world->cut_off = false;
    sim_disk_fail(world->hub_disk, &none);
    sim_disk_cut(world->hub_disk, 0);
    for (uint8_t d = 0; d < world->node_count; d++) {
        sim_disk_fail(world->nodes[d].disk, &none);
        sim_disk_cut(world->nodes[d].disk, 0);
    }
}

// Nothing is left to send and every log is as long as the hub's.
static bool is_quiet(struct world *world) {
    if (!world->hub) {
        return false;
    }
    for (uint8_t d = 0; d < world->node_count; d++) {
        struct node *node = &world->nodes[d];
        if (!node->store) {
            return false;
        }
        for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
            struct store_chain own, log, hub;
            struct chain_id own_id = {.author = node->author, .lane = lane};
            struct chain_id log_id = {.author = world->hub_config.author, .lane = lane};
            if (store_chain_get(node->store, own_id, &own) != RC_OK ||
                store_chain_get(node->store, log_id, &log) != RC_OK ||
                store_chain_get(hub_store(world->hub), log_id, &hub) != RC_OK ||
                own.logged_seq != own.head.seq || log.head.seq != hub.head.seq) {
                return false;
            }
        }
    }
    return true;
}

static void run(struct world *world) {
    while (world->step < world->options.steps && world->result->violated == SIM_NONE) {
        step(world);
    }
    heal(world);
    uint64_t end = world->step + HEAL_STEPS;
    while (world->step < end && world->result->violated == SIM_NONE) {
        step(world);
        if (world->step % QUIET_STEPS == 0 && is_quiet(world)) {
            break;
        }
    }
    if (world->result->violated == SIM_NONE) {
        bool ready = world->hub != NULL;
        for (uint8_t d = 0; d < world->node_count; d++) {
            ready = ready && world->nodes[d].store;
        }
        if (ready) {
            (void)check_end(world);
        } else {
            violated(world, SIM_S6, "a node did not come back");
        }
    }
}

static void tear_down(struct world *world) {
    broker_free(world);
    hub_close(world->hub);
    for (uint8_t d = 0; d < SIM_DEVICES_MAX; d++) {
        struct node *node = &world->nodes[d];
        node_close(node);
        sim_disk_free(node->disk);
        keypair_free(node->key);
        keypair_free(node->person);
    }
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
    enum rc rc = set_up(world);
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
