#include "plant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char site_text[] = "[site]\nname = T\n[area A]\nname = A\n"
                                "[gateway g]\nname = g\nstale_s = 86400\n"
                                "[tag T0]\nname = T0\narea = A\ngateway = g\n"
                                "H = 100 deadband=2 priority=1\n"
                                "[tag T1]\nname = T1\narea = A\ngateway = g\n"
                                "H = 100 deadband=2 priority=2\n"
                                "[mapping m]\ntopic = plant/#\n";

void bench_must(enum rc rc, const char *what, const char *file, int line) {
    if (rc != RC_OK) {
        (void)fprintf(stderr, "%s:%d: %s: %s\n", file, line, what, rc_name(rc));
        exit(1);
    }
}

void bench_check(bool good, const char *what, const char *file, int line) {
    if (!good) {
        (void)fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
        exit(1);
    }
}

double bench_seconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// ---- Randomness of a seed ----

uint64_t plant_random(struct plant *plant) {
    plant->dice += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = plant->dice;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static void random_fill(void *ctx, void *out, size_t len) {
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)out)[i] = (uint8_t)plant_random(ctx);
    }
}

static struct keypair *make_pair(struct plant *plant) {
    uint8_t seed[SEED_BYTES];
    struct keypair *pair = NULL;
    random_fill(plant, seed, sizeof seed);
    MUST(keypair_from_seed(plant->scheme, seed, &pair));
    return pair;
}

// ---- The hub ----

static enum rc hub_send(void *ctx, const char *account, uint8_t lane, struct slice frame) {
    struct plant *plant = ctx;
    (void)lane;
    for (uint32_t i = 0; i < plant->unit_count; i++) {
        if (!account || strcmp(account, plant->units[i].account) == 0) {
            plant->down(plant->ctx, &plant->units[i], frame);
            if (account) {
                break;
            }
        }
    }
    return RC_OK;
}

void plant_step(struct plant *plant) {
    MUST(hub_step(plant->hub, plant->now, &plant->next));
}

void plant_at_hub(struct plant *plant, struct unit *unit, struct slice frame) {
    MUST(hub_receive(plant->hub, unit->account, frame));
}

static struct rid admin_act(struct plant *plant, uint16_t number, const struct rid *subject,
                            struct slice body) {
    const struct kind *kind = registry_kind(app_registry(), number, NULL);
    struct buf bytes;
    struct signed_record record;
    struct refusal refusal = {0};
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    struct content content = {.suite = KEYS_SUITE_ED25519,
                              .site = plant->config.site,
                              .kind = number,
                              .subjects = subject,
                              .subject_count = subject ? 1 : 0,
                              .audience = kind->flags & KIND_OPENS ? AUDIENCE_SITE : AUDIENCE_NONE,
                              .person = plant->admin_rid,
                              .key = key_id_of(keypair_public(plant->admin)),
                              .device = plant->config.device,
                              .time = plant->now.utc,
                              .body = body};
    random_fill(plant, content.nonce, NONCE_BYTES);
    MUST(record_make(&content, plant->admin, &bytes, &record));
    MUST(hub_submit(plant->hub, kind->lane, &record, plant->now, &refusal));
    buf_fini(&bytes);
    return record.rid;
}

static struct body body_of(uint16_t kind, struct buf *out) {
    buf_reset(out);
    return body_start(registry_kind(app_registry(), kind, NULL), out);
}

static void add_operator(struct plant *plant) {
    struct buf text;
    buf_init(&text, 512);
    struct body body = body_of(KIND_PERSON_ADD, &text);
    body_put_text(&body, PERSON_NAME, "Operator");
    body_put_text(&body, PERSON_NUMBER, "11");
    plant->person = admin_act(plant, KIND_PERSON_ADD, NULL, buf_slice(&text));
    body = body_of(KIND_ROLE_GRANT, &text);
    body_put_uint(&body, ROLE_ROLE, ROLE_OPERATOR);
    body_put_text(&body, ROLE_AREA, "");
    (void)admin_act(plant, KIND_ROLE_GRANT, &plant->person, buf_slice(&text));
    buf_fini(&text);
}

void plant_open(struct plant *plant, const struct keys_scheme *scheme, const char *folder) {
    struct refusal refusal = {0};
    struct site_id site;
    *plant = (struct plant){.scheme = scheme, .folder = folder ? folder : "", .dice = 1};
    plant->now = (struct moment){.utc = {1790000000000}, .mono = {5000000}, .boot_id = 7};
    if (!folder) {
        MUST(sim_disk_new(99, &plant->disk));
    }
    const char *vfs = plant->disk ? sim_disk_vfs_name(plant->disk) : NULL;
    plant->keys.device.pair = make_pair(plant);
    plant->keys.root = make_pair(plant);
    plant->admin = make_pair(plant);
    plant->keys.admin = *keypair_public(plant->admin);
    struct site_init init = {.folder = plant->folder,
                             .vfs = vfs,
                             .name = "T",
                             .admin_name = "admin",
                             .admin_number = "A",
                             .keys = &plant->keys,
                             .out_config = &plant->config,
                             .scheme = scheme,
                             .ctx = plant,
                             .random = random_fill};
    MUST(hub_site_init(&init, plant->now, &site, &refusal));
    struct hub_options options = {.folder = plant->folder,
                                  .vfs = vfs,
                                  .scheme = scheme,
                                  .config = &plant->config,
                                  .keys = &plant->keys.device,
                                  .ctx = plant,
                                  .send = hub_send,
                                  .random = random_fill};
    MUST(hub_open(&options, plant->now, &plant->hub, &refusal));
    MUST(hub_site(plant->hub, slice_text(site_text), plant->now, &refusal));
    plant_step(plant);
    CHECK(roster_person_by_number(hub_roster(plant->hub), "A", &plant->admin_rid));
    add_operator(plant);
    plant_reading(plant, "T0", true);
}

struct sync_hub_status plant_status(struct plant *plant) {
    struct hub_status status;
    hub_status(plant->hub, &status);
    return status.sync;
}

void plant_reading(struct plant *plant, const char *tag, bool high) {
    char payload[128];
    (void)snprintf(payload, sizeof payload, "{\"tag\":\"%s\",\"t\":%lld,\"v\":%d}", tag,
                   (long long)plant->now.utc.v, high ? 150 : 50);
    hub_telemetry(plant->hub, "plant/g", slice_text(payload), plant->now);
    plant_step(plant);
}

static enum rc take_alarm(void *ctx, struct rid subject, const void *state) {
    (void)state;
    *(struct rid *)ctx = subject;
    return RC_OK;
}

struct rid plant_alarm(struct plant *plant) {
    struct rid alarm = {{{0}}};
    struct view_query one = {.limit = 1};
    MUST(store_view_each(hub_store(plant->hub), &alarm_module, &one, take_alarm, &alarm));
    CHECK(!rid_is_zero(alarm));
    return alarm;
}

void plant_code(struct plant *plant, char out_code[32]) {
    struct buf request, bytes;
    struct control_answer answer;
    buf_init(&request, 64);
    buf_init(&bytes, 4096);
    control_request(CONTROL_CODE, slice_of(plant->person.id.b, ID_BYTES), &request);
    hub_control(plant->hub, buf_slice(&request), plant->now, &bytes);
    MUST(control_answer_decode(buf_slice(&bytes), &answer));
    MUST(answer.rc);
    CHECK(answer.payload.len > 0 && answer.payload.len < 32);
    memset(out_code, 0, 32);
    memcpy(out_code, answer.payload.data, answer.payload.len);
    buf_fini(&request);
    buf_fini(&bytes);
}

// ---- Devices ----

static void unit_fold(void *ctx, const struct module *module, struct rid subject,
                      const void *state) {
    struct unit *unit = ctx;
    if (module == &roster_module) {
        MUST(roster_set(unit->roster, subject, state));
    }
}

static bool unit_key_of(void *ctx, const struct content *content, struct public_key *out_key) {
    return judge_key_of(((struct unit *)ctx)->roster, content, out_key);
}

static void unit_random(void *ctx, void *out, size_t len) {
    random_fill(((struct unit *)ctx)->plant, out, len);
}

static enum rc unit_send(void *ctx, uint8_t lane, struct slice frame) {
    struct unit *unit = ctx;
    (void)lane;
    unit->plant->up(unit->plant->ctx, unit, frame);
    return RC_OK;
}

static void unit_enrolled(void *ctx, struct key_id key, enum refusal_code code) {
    (void)key;
    ((struct unit *)ctx)->enrolled = code == REFUSAL_NONE;
}

static struct content content_by(struct unit *unit, uint16_t kind, struct slice body) {
    struct content content = {.suite = KEYS_SUITE_ED25519,
                              .site = unit->plant->config.site,
                              .kind = kind,
                              .audience = AUDIENCE_NONE,
                              .device = unit->rid,
                              .time = unit->plant->now.utc,
                              .boot_id = 1,
                              .mono = unit->plant->now.mono,
                              .body = body};
    random_fill(unit->plant, content.nonce, NONCE_BYTES);
    return content;
}

static uint64_t unit_append(struct unit *unit, uint8_t lane, const struct signed_record *record) {
    struct chain_id id = {.author = unit->author, .lane = lane};
    uint64_t seq = 0;
    bool first = false;
    MUST(store_begin(unit->store));
    MUST(store_append_record(unit->store, id, record, &seq, &first));
    MUST(store_commit(unit->store));
    unit->next.v = 0;
    return seq;
}

static void unit_state_author(struct unit *unit) {
    struct buf text, bytes;
    struct signed_record record;
    buf_init(&text, 256);
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    struct body body = body_of(KIND_AUTHOR_OPEN, &text);
    body_put_bytes(&body, AUTHOR_OPEN_RANDOM, unit->author_random, AUTHOR_RANDOM_BYTES);
    body_put_bytes(&body, AUTHOR_OPEN_DEVICE_KEY, keypair_public(unit->key)->b, PUBLIC_KEY_BYTES);
    struct content content = content_by(unit, KIND_AUTHOR_OPEN, buf_slice(&text));
    MUST(record_make(&content, NULL, &bytes, &record));
    (void)unit_append(unit, LANE_CONTROL, &record);
    buf_fini(&text);
    buf_fini(&bytes);
}

static void unit_engine(struct unit *unit) {
    struct plant *plant = unit->plant;
    struct public_key hub_key = *keypair_public(plant->keys.device.pair);
    struct sync_device_options options = {.store = unit->store,
                                          .scheme = plant->scheme,
                                          .device = unit->key,
                                          .device_rid = unit->rid,
                                          .peer_key = hub_key,
                                          .seal_key = hub_key,
                                          .author = unit->author,
                                          .message_bytes_max = LIMIT_MESSAGE_BYTES,
                                          .seed = plant_random(plant),
                                          .ctx = unit,
                                          .key_of = unit_key_of,
                                          .random = unit_random,
                                          .send = unit_send,
                                          .enrolled = unit_enrolled};
    memcpy(options.author_random, unit->author_random, AUTHOR_RANDOM_BYTES);
    MUST(sync_device_new(&options, &unit->sync));
}

static void unit_found(struct plant *plant, struct unit *unit, uint32_t index) {
    struct buf text;
    struct refusal refusal = {0};
    *unit = (struct unit){.plant = plant, .index = index};
    (void)snprintf(unit->account, sizeof unit->account, "c%u", index);
    unit->key = make_pair(plant);
    unit->person = make_pair(plant);
    random_fill(plant, unit->author_random, AUTHOR_RANDOM_BYTES);
    unit->author = author_of(keypair_public(unit->key), unit->author_random);
    buf_init(&text, 512);
    struct body body = body_of(KIND_DEVICE_ADD, &text);
    body_put_text(&body, DEVICE_NAME, unit->account);
    body_put_uint(&body, DEVICE_KIND, DEVICE_CONSOLE);
    body_put_bytes(&body, DEVICE_KEY, keypair_public(unit->key)->b, PUBLIC_KEY_BYTES);
    body_put_text(&body, DEVICE_ACCOUNT, unit->account);
    unit->rid = admin_act(plant, KIND_DEVICE_ADD, NULL, buf_slice(&text));
    buf_fini(&text);
    MUST(sim_disk_new(index + 1u, &unit->disk));
    struct store_options store = {.folder = "",
                                  .vfs = sim_disk_vfs_name(unit->disk),
                                  .registry = app_registry(),
                                  .create = true};
    MUST(store_open(&store, &unit->store, &refusal));
    MUST(roster_new(&unit->roster));
    store_on_fold(unit->store, unit_fold, unit);
    struct store_author author = {
        .author = unit->author, .device_key = *keypair_public(unit->key), .own = true};
    MUST(store_begin(unit->store));
    MUST(store_site_set(unit->store, plant->config.site));
    MUST(store_author_put(unit->store, &author));
    MUST(store_commit(unit->store));
    unit_state_author(unit);
    unit_engine(unit);
}

void plant_add_units(struct plant *plant, uint32_t count) {
    plant->units = calloc(count, sizeof *plant->units);
    CHECK(plant->units != NULL);
    for (uint32_t i = 0; i < count; i++) {
        unit_found(plant, &plant->units[i], i);
    }
    plant->unit_count = count;
}

void plant_close(struct plant *plant) {
    hub_close(plant->hub);
    for (uint32_t i = 0; i < plant->unit_count; i++) {
        struct unit *unit = &plant->units[i];
        sync_device_free(unit->sync);
        store_close(unit->store);
        roster_free(unit->roster);
        sim_disk_free(unit->disk);
        keypair_free(unit->key);
        keypair_free(unit->person);
    }
    free(plant->units);
    keypair_free(plant->keys.device.pair);
    keypair_free(plant->keys.root);
    keypair_free(plant->admin);
    sim_disk_free(plant->disk);
}

void unit_link(struct unit *unit, bool up) {
    sync_device_link(unit->sync, up, unit->plant->now);
    unit->next.v = 0;
}

void unit_receive(struct unit *unit, struct slice frame) {
    if (!store_in_transaction(unit->store)) {
        MUST(store_begin(unit->store));
    }
    MUST(sync_device_receive(unit->sync, frame, unit->plant->now));
    unit->next.v = 0;
}

void unit_tick(struct unit *unit) {
    if (!store_in_transaction(unit->store)) {
        MUST(store_begin(unit->store));
    }
    MUST(sync_device_tick(unit->sync, unit->plant->now, &unit->next));
    MUST(store_commit(unit->store));
    sync_device_flush(unit->sync, unit->plant->now);
}

void unit_enrol(struct unit *unit) {
    char code[32];
    plant_code(unit->plant, code);
    MUST(store_begin(unit->store));
    MUST(sync_device_enrol(unit->sync, unit->plant->person, keypair_public(unit->person), code,
                           unit->plant->now));
    MUST(store_commit(unit->store));
    sync_device_flush(unit->sync, unit->plant->now);
}

struct place unit_comment(struct unit *unit, const char *text) {
    struct rid alarm = plant_alarm(unit->plant);
    struct buf body_bytes, bytes;
    struct signed_record record;
    buf_init(&body_bytes, LIMIT_RECORD_BODY_BYTES);
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    struct body body = body_of(KIND_ALARM_COMMENT, &body_bytes);
    body_put_text(&body, COMMENT_TEXT, text);
    struct content content = content_by(unit, KIND_ALARM_COMMENT, buf_slice(&body_bytes));
    content.subjects = &alarm;
    content.subject_count = 1;
    content.person = unit->plant->person;
    content.key = key_id_of(keypair_public(unit->person));
    MUST(sync_device_seen(unit->sync, LANE_SAFETY, &content.seen));
    MUST(record_make(&content, unit->person, &bytes, &record));
    struct place place = {.chain = {.author = unit->author, .lane = LANE_SAFETY}};
    place.seq = unit_append(unit, LANE_SAFETY, &record);
    buf_fini(&body_bytes);
    buf_fini(&bytes);
    return place;
}

struct store_chain unit_chain(struct unit *unit, uint8_t lane) {
    struct store_chain chain;
    struct chain_id id = {.author = unit->author, .lane = lane};
    MUST(store_chain_get(unit->store, id, &chain));
    return chain;
}

bool unit_is_quiet(struct unit *unit) {
    struct sync_device_status status;
    sync_device_status(unit->sync, &status);
    for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
        struct store_chain chain = unit_chain(unit, lane);
        if (chain.acked_seq != chain.head.seq || chain.logged_seq != chain.head.seq) {
            return false;
        }
    }
    struct sync_hub_status hub = plant_status(unit->plant);
    return status.phase == SYNC_LIVE && status.behind == 0 &&
           status.log_seq[LANE_CONTROL] == hub.head_seq[LANE_CONTROL] &&
           status.log_seq[LANE_SAFETY] == hub.head_seq[LANE_SAFETY];
}
