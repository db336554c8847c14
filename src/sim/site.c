// The simulated site's beginning: its hub, the admin at the hub's keyboard, people and devices.
#include "world_priv.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

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

static enum rc hub_send(void *ctx, const char *account, uint8_t lane, struct slice frame) {
    (void)lane;
    struct world *world = ctx;
    (void)watch_down(world, account, frame);
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

enum rc site_open_hub(struct world *world) {
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
    if (world->options.planted == SIM_PLANT_UNSYNCED) {
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

enum rc site_admin_act(struct world *world, uint16_t kind_number, const struct rid *subject,
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

enum rc site_grant(struct world *world, struct rid person, bool take) {
    struct buf text;
    const struct module *module;
    uint16_t kind = take ? KIND_ROLE_REVOKE : KIND_ROLE_GRANT;
    buf_init(&text, 512);
    struct body body = body_start(registry_kind(app_registry(), kind, &module), &text);
    body_put_uint(&body, ROLE_ROLE, ROLE_OPERATOR);
    body_put_text(&body, ROLE_AREA, "");
    enum rc rc = site_admin_act(world, kind, &person, buf_slice(&text), NULL);
    buf_fini(&text);
    return rc;
}

enum rc site_revoke(struct world *world, struct node *node, bool key) {
    struct buf text;
    const struct module *module;
    uint16_t kind = key ? KIND_KEY_REVOKE : KIND_DEVICE_REVOKE;
    struct key_id id = key_id_of(keypair_public(node->person));
    buf_init(&text, 512);
    struct body body = body_start(registry_kind(app_registry(), kind, &module), &text);
    body_put_text(&body, REVOKE_REASON, "丢失 lost");
    if (key) {
        body_put_bytes(&body, REVOKE_KEY, id.id.b, ID_BYTES);
    }
    const struct rid *subject = key ? &node->person_rid : &node->device;
    enum rc rc = site_admin_act(world, kind, subject, buf_slice(&text), NULL);
    buf_fini(&text);
    return rc;
}

static enum rc enrol_person(struct world *world, struct node *node) {
    struct buf text;
    const struct module *module;
    buf_init(&text, 512);
    struct body body = body_start(registry_kind(app_registry(), KIND_PERSON_ADD, &module), &text);
    body_put_text(&body, PERSON_NAME, node->account);
    body_put_text(&body, PERSON_NUMBER, node->account);
    enum rc rc = site_admin_act(world, KIND_PERSON_ADD, NULL, buf_slice(&text), &node->person_rid);
    buf_fini(&text);
    // The grant covers the opening: both stand in the admin's own chain, the hub's.
    return rc == RC_OK ? site_grant(world, node->person_rid, false) : rc;
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
    enum rc rc = site_admin_act(world, KIND_DEVICE_ADD, NULL, buf_slice(&text), &node->device);
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
    faults_clock(node);
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

enum rc site_set_up(struct world *world) {
    uint8_t devices = (uint8_t)(2 + sim_below(&world->random, SIM_DEVICES_MAX - 1));
    uint32_t drawn = menu_draw(&world->random);
    world->faults = world->options.faults == SIM_FAULTS_DRAWN ? drawn : world->options.faults;
    world->result->faults = world->faults;
    world->loss = sim_below(&world->random, 300);
    world->repeat = sim_below(&world->random, 200);
    world->slow = sim_below(&world->random, 200);
    enum rc rc = sim_disk_new(sim_next(&world->random), &world->hub_disk);
    rc = rc == RC_OK ? found_site(world) : rc;
    rc = rc == RC_OK ? site_open_hub(world) : rc;
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
