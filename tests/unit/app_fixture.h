// A small site in memory of one test: a hub made of the real store and sync, and one console's app.
// Frames between them pass through two queues, so that a test cuts the link or loses what it wants.
// Time is the test's. People: 101 Li Wei (operator of area R1), 102 Wang Fang (operator
// everywhere), 103 Zhao Min (viewer), 104 Chen Jie (admin). 101, 102, 103 and 104 have keys on the
// console.
#ifndef DAVY_APP_FIXTURE_H
#define DAVY_APP_FIXTURE_H

#include "test_util.h"

#include "app/app_priv.h"
#include "davy/app/say.h"
#include "davy/record/export.h"
#include "davy/sync/hub.h"

#include <locale.h>
#include <sys/stat.h>

#define FIXTURE_FRAMES 4096
#define PIN_LI "57294081"
#define PIN_WANG "68305192"
#define PIN_ZHAO "79416203"
#define PIN_CHEN "80527314"
#define CODE_LI "44556677"
#define ACCOUNT "c1"

bool keyfile_test_costs(void);
bool keyfile_test_costs(void) {
    return true;
}

struct frames {
    struct {
        uint8_t *bytes;
        size_t len;
    } item[FIXTURE_FRAMES];
    uint32_t head, count;
};

struct fixture {
    char folder[TEST_PATH_BYTES], hub_folder[TEST_PATH_BYTES], keys[TEST_PATH_BYTES];
    struct moment now;
    uint64_t random;
    struct keypair *root, *hub_key;
    struct device_config config; // of the console
    struct rid hub_device;
    struct author_id hub_author;
    uint8_t hub_random[AUTHOR_RANDOM_BYTES];
    struct rid people[4];
    struct store *hub_store;
    struct roster *hub_roster;
    struct sync_hub *hub;
    struct app *app;
    struct frames up, down;
    bool cut;      // nothing passes
    uint32_t lose; // digests to lose
    struct buf body, content;
};

static inline void frames_put(struct frames *frames, struct slice frame) {
    assert_true(frames->count < FIXTURE_FRAMES);
    uint32_t at = (frames->head + frames->count++) % FIXTURE_FRAMES;
    frames->item[at].bytes = malloc(frame.len);
    memcpy(frames->item[at].bytes, frame.data, frame.len);
    frames->item[at].len = frame.len;
}

// The oldest frame; free its bytes. False if there is none.
static inline bool frames_take(struct frames *frames, uint8_t **out_bytes, size_t *out_len) {
    if (frames->count == 0) {
        return false;
    }
    *out_bytes = frames->item[frames->head].bytes;
    *out_len = frames->item[frames->head].len;
    frames->head = (frames->head + 1) % FIXTURE_FRAMES;
    frames->count--;
    return true;
}

static inline void frames_clear(struct frames *frames) {
    uint8_t *bytes;
    size_t len;
    while (frames_take(frames, &bytes, &len)) {
        free(bytes);
    }
}

static inline void fixture_random(void *ctx, void *out, size_t len) {
    struct fixture *f = ctx;
    for (size_t i = 0; i < len; i++) {
        f->random = f->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        ((uint8_t *)out)[i] = (uint8_t)(f->random >> 56);
    }
}

static inline enum rc fixture_up(void *ctx, uint8_t lane, struct slice frame) {
    (void)lane;
    struct fixture *f = ctx;
    if (f->cut) {
        return RC_OFFLINE;
    }
    frames_put(&f->up, frame);
    return RC_OK;
}

static inline enum rc fixture_down(void *ctx, const char *account, uint8_t lane,
                                   struct slice frame) {
    (void)lane;
    struct fixture *f = ctx;
    if (f->cut || (account && strcmp(account, ACCOUNT) != 0)) {
        return RC_OK;
    }
    if (!account && f->lose > 0) {
        f->lose--;
        return RC_OK;
    }
    frames_put(&f->down, frame);
    return RC_OK;
}

// ---- The hub's side ----

static inline void hub_fold(void *ctx, const struct module *module, struct rid subject,
                            const void *state) {
    struct fixture *f = ctx;
    if (module == &roster_module) {
        assert_int_equal(roster_set(f->hub_roster, subject, state), RC_OK);
    }
}

static inline bool hub_device_of(void *ctx, const char *account, struct sync_peer *out_peer) {
    struct fixture *f = ctx;
    if (!roster_device_by_account(f->hub_roster, account, &out_peer->device)) {
        return false;
    }
    out_peer->key = roster_device(f->hub_roster, out_peer->device)->key;
    return true;
}

static inline enum verdict hub_judge(void *ctx, const struct content *content,
                                     const struct place *place, const struct signed_record *record,
                                     bool repeat, uint16_t *out_rule) {
    struct fixture *f = ctx;
    if (repeat) {
        return VERDICT_REPEAT;
    }
    struct refusal refusal = {0};
    enum verdict verdict = VERDICT_NONE;
    struct judge judge = {.store = f->hub_store,
                          .registry = app_registry(),
                          .scheme = keys_ed25519(),
                          .roster = f->hub_roster,
                          .author_device = f->config.device,
                          .check_signature = true,
                          .now = f->now};
    assert_int_equal(judge_record(&judge, content, place, record, &verdict, &refusal), RC_OK);
    *out_rule = (uint16_t)refusal.code;
    return verdict;
}

static inline struct body hub_body(struct fixture *f, uint16_t kind) {
    const struct module *module;
    buf_reset(&f->body);
    return body_start(registry_kind(app_registry(), kind, &module), &f->body);
}

// Makes a record of the hub's chain (signed by the root key where the kind asks for it).
static inline struct signed_record hub_record(struct fixture *f, uint16_t kind_number,
                                              const struct rid *subject) {
    const struct module *module;
    const struct kind *kind = registry_kind(app_registry(), kind_number, &module);
    bool sealed = (kind->flags & KIND_SEALED) != 0;
    struct content content = {.suite = KEYS_SUITE_ED25519,
                              .site = f->config.site,
                              .kind = kind_number,
                              .subjects = subject,
                              .subject_count = subject ? 1 : 0,
                              .audience = kind->flags & KIND_OPENS ? AUDIENCE_SITE : AUDIENCE_NONE,
                              .device = sealed ? f->hub_device : (struct rid){{{0}}},
                              .time = f->now.utc,
                              .boot_id = f->now.boot_id,
                              .mono = f->now.mono,
                              .body = buf_slice(&f->body)};
    if (!sealed) {
        content.key = key_id_of(keypair_public(f->root));
    }
    fixture_random(f, content.nonce, NONCE_BYTES);
    struct signed_record record;
    buf_reset(&f->content);
    assert_int_equal(record_make(&content, sealed ? NULL : f->root, &f->content, &record), RC_OK);
    return record;
}

static inline struct rid hub_append(struct fixture *f, uint16_t kind, const struct rid *subject) {
    const struct module *module;
    struct signed_record record = hub_record(f, kind, subject);
    uint64_t n;
    bool begun = store_in_transaction(f->hub_store);
    if (!begun) {
        assert_int_equal(store_begin(f->hub_store), RC_OK);
    }
    assert_int_equal(sync_hub_append(f->hub, registry_kind(app_registry(), kind, &module)->lane,
                                     AUDIENCE_SITE, &record, f->now, &n),
                     RC_OK);
    if (!begun) {
        assert_int_equal(sync_hub_seal(f->hub, f->now), RC_OK);
        assert_int_equal(store_commit(f->hub_store), RC_OK);
    }
    return record.rid;
}

static inline void hub_certify(struct fixture *f, struct rid person, const struct public_key *key) {
    struct body body = hub_body(f, KIND_KEY_CERTIFY);
    body_put_bytes(&body, CERTIFY_KEY, key->b, PUBLIC_KEY_BYTES);
    body_put_bytes(&body, CERTIFY_DEVICE, f->config.device.id.b, ID_BYTES);
    (void)hub_append(f, KIND_KEY_CERTIFY, &person);
}

static inline enum refusal_code hub_enrol(void *ctx, struct rid device, const struct enrol *enrol,
                                          struct moment now) {
    (void)now;
    struct fixture *f = ctx;
    uint8_t proof[KEYED_HASH_BYTES];
    assert_true(rid_equal(device, f->config.device));
    enrol_prove(CODE_LI, enrol->person, &enrol->key, proof);
    if (!keyed_hash_equal(proof, enrol->proof)) {
        return REFUSAL_CODE_MISMATCH;
    }
    hub_certify(f, enrol->person, &enrol->key);
    return REFUSAL_NONE;
}

static inline struct rid hub_person(struct fixture *f, const char *name, const char *number) {
    struct body body = hub_body(f, KIND_PERSON_ADD);
    body_put_text(&body, PERSON_NAME, name);
    body_put_text(&body, PERSON_NUMBER, number);
    return hub_append(f, KIND_PERSON_ADD, NULL);
}

static inline void hub_role(struct fixture *f, struct rid person, enum role role,
                            const char *area) {
    struct body body = hub_body(f, KIND_ROLE_GRANT);
    body_put_uint(&body, ROLE_ROLE, (uint64_t)role);
    body_put_text(&body, ROLE_AREA, area);
    (void)hub_append(f, KIND_ROLE_GRANT, &person);
}

static inline void hub_key(struct fixture *f, struct rid person, const char *pin) {
    struct keyfile_device device;
    struct public_key key;
    assert_int_equal(keyfile_device_load(f->keys, &device), RC_OK);
    assert_int_equal(keyfile_person_create(f->keys, &device, pin, pin_cost_test, &key), RC_OK);
    keyfile_device_fini(&device);
    hub_certify(f, person, &key);
}

static inline struct rid hub_device(struct fixture *f, const char *name, enum device_kind kind,
                                    const struct public_key *key, const char *account) {
    struct body body = hub_body(f, KIND_DEVICE_ADD);
    body_put_text(&body, DEVICE_NAME, name);
    body_put_uint(&body, DEVICE_KIND, (uint64_t)kind);
    body_put_bytes(&body, DEVICE_KEY, key->b, PUBLIC_KEY_BYTES);
    body_put_text(&body, DEVICE_ACCOUNT, account);
    return hub_append(f, KIND_DEVICE_ADD, NULL);
}

static inline void hub_area(struct fixture *f, const char *code, const char *name, uint64_t order) {
    struct rid subject = define_subject(f->config.site, DEFINE_AREA, code);
    struct body body = hub_body(f, KIND_SITE_AREA);
    body_put_text(&body, AREA_CODE, code);
    body_put_text(&body, AREA_NAME, name);
    body_put_uint(&body, AREA_ORDER, order);
    (void)hub_append(f, KIND_SITE_AREA, &subject);
}

static inline void hub_tag(struct fixture *f, const char *tag, const char *area, uint64_t order) {
    struct rid subject = define_subject(f->config.site, DEFINE_TAG, tag);
    struct body body = hub_body(f, KIND_SITE_TAG);
    body_put_text(&body, TAG_TAG, tag);
    body_put_text(&body, TAG_AREA, area);
    body_put_text(&body, TAG_NAME, tag);
    body_put_text(&body, TAG_UNIT, "kPa");
    body_put_uint(&body, TAG_ORDER, order);
    (void)hub_append(f, KIND_SITE_TAG, &subject);
}

static inline struct rid hub_raise(struct fixture *f, const char *tag, const char *area,
                                   uint64_t priority) {
    struct body body = hub_body(f, KIND_ALARM_RAISE);
    body_put_text(&body, RAISE_TAG, tag);
    body_put_text(&body, RAISE_AREA, area);
    body_put_uint(&body, RAISE_LIMIT, ALARM_H);
    body_put_uint(&body, RAISE_PRIORITY, priority);
    body_put_decimal(&body, RAISE_VALUE, (struct decimal){2810, 0});
    body_put_decimal(&body, RAISE_LIMIT_VALUE, (struct decimal){28, 2});
    body_put_text(&body, RAISE_UNIT, "kPa");
    body_put_text(&body, RAISE_NAME, "反应器压力 Reactor pressure");
    body_put_text(&body, RAISE_CONSEQUENCE, "泄压 Relief");
    body_put_text(&body, RAISE_ACTION, "减料 Reduce feed");
    body_put_uint(&body, RAISE_RESPOND_S, 300);
    body_put_int(&body, RAISE_TIME, f->now.utc.v);
    return hub_append(f, KIND_ALARM_RAISE, NULL);
}

static inline void hub_return(struct fixture *f, struct rid alarm) {
    struct body body = hub_body(f, KIND_ALARM_RETURN);
    body_put_decimal(&body, RETURN_VALUE, (struct decimal){2790, 0});
    body_put_int(&body, RETURN_TIME, f->now.utc.v);
    (void)hub_append(f, KIND_ALARM_RETURN, &alarm);
}

// ---- Both ----

static inline void fixture_later(struct fixture *f, int64_t ms) {
    f->now.utc.v += ms;
    f->now.mono.v += ms;
}

static inline void hub_turn(struct fixture *f) {
    struct mono_ms next;
    uint8_t *bytes;
    size_t len;
    assert_int_equal(store_begin(f->hub_store), RC_OK);
    while (frames_take(&f->up, &bytes, &len)) {
        assert_int_equal(sync_hub_receive(f->hub, ACCOUNT, slice_of(bytes, len), f->now), RC_OK);
        free(bytes);
    }
    assert_int_equal(sync_hub_seal(f->hub, f->now), RC_OK);
    assert_int_equal(store_commit(f->hub_store), RC_OK);
    sync_hub_flush(f->hub, f->now, &next);
}

static inline void app_turn(struct fixture *f) {
    struct mono_ms next;
    bool changed;
    uint8_t *bytes;
    size_t len;
    while (frames_take(&f->down, &bytes, &len)) {
        assert_int_equal(app_receive(f->app, slice_of(bytes, len)), RC_OK);
        free(bytes);
    }
    assert_int_equal(app_step(f->app, f->now, &changed, &next), RC_OK);
}

// Turns of both sides until nothing passes any more.
static inline void fixture_settle(struct fixture *f) {
    for (int i = 0; i < 40; i++) {
        fixture_later(f, 50);
        app_turn(f);
        hub_turn(f);
        if (i > 4 && f->up.count == 0 && f->down.count == 0) {
            return;
        }
    }
}

static inline void fixture_cut(struct fixture *f, bool cut) {
    f->cut = cut;
    frames_clear(&f->up);
    frames_clear(&f->down);
    app_link(f->app, !cut, f->now);
}

static inline void fixture_app_open(struct fixture *f) {
    struct refusal refusal = {0};
    const struct app_options options = {.folder = f->folder,
                                        .scheme = keys_ed25519(),
                                        .ctx = f,
                                        .send = fixture_up,
                                        .random = fixture_random};
    assert_int_equal(app_open(&options, f->now, &f->app, &refusal), RC_OK);
}

static inline void fixture_sign_in(struct fixture *f, const char *number, const char *pin) {
    struct refusal refusal = {0};
    assert_int_equal(app_sign_in(f->app, number, pin, f->now, &refusal), RC_OK);
}

static inline void fixture_hub_open(struct fixture *f) {
    struct refusal refusal = {0};
    struct store_options options = {
        .folder = f->hub_folder, .registry = app_registry(), .create = true};
    assert_int_equal(store_open(&options, &f->hub_store, &refusal), RC_OK);
    assert_int_equal(roster_new(&f->hub_roster), RC_OK);
    store_on_fold(f->hub_store, hub_fold, f);
    struct sync_hub_options sync = {.store = f->hub_store,
                                    .scheme = keys_ed25519(),
                                    .device = f->hub_key,
                                    .author = f->hub_author,
                                    .seed = 5,
                                    .message_bytes_max = LIMIT_MESSAGE_BYTES,
                                    .ctx = f,
                                    .device_of = hub_device_of,
                                    .judge = hub_judge,
                                    .enrol = hub_enrol,
                                    .random = fixture_random,
                                    .send = fixture_down};
    memcpy(sync.author_random, f->hub_random, AUTHOR_RANDOM_BYTES);
    assert_int_equal(sync_hub_new(&sync, &f->hub), RC_OK);
}

// Genesis, the hub's incarnation and device, the console.
static inline void fixture_found(struct fixture *f) {
    struct keyfile_device device;
    struct body body = hub_body(f, KIND_SITE_GENESIS);
    body_put_text(&body, GENESIS_NAME, "试验 Test");
    body_put_bytes(&body, GENESIS_ROOT_KEY, keypair_public(f->root)->b, PUBLIC_KEY_BYTES);
    body_put_uint(&body, GENESIS_THRESHOLD, 1);
    body_put_uint(&body, GENESIS_DEMO, 0);
    struct signed_record genesis = hub_record(f, KIND_SITE_GENESIS, NULL);
    struct buf bytes;
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    buf_put(&bytes, genesis.content.data, genesis.content.len);
    genesis.content = buf_slice(&bytes);
    f->config.site = (struct site_id){genesis.rid.id};
    struct store_author author = {
        .author = f->hub_author, .device_key = *keypair_public(f->hub_key), .own = true};
    assert_int_equal(store_begin(f->hub_store), RC_OK);
    assert_int_equal(store_site_set(f->hub_store, f->config.site), RC_OK);
    assert_int_equal(store_author_put(f->hub_store, &author), RC_OK);
    body = hub_body(f, KIND_AUTHOR_OPEN);
    body_put_bytes(&body, AUTHOR_OPEN_RANDOM, f->hub_random, AUTHOR_RANDOM_BYTES);
    body_put_bytes(&body, AUTHOR_OPEN_DEVICE_KEY, keypair_public(f->hub_key)->b, PUBLIC_KEY_BYTES);
    (void)hub_append(f, KIND_AUTHOR_OPEN, NULL);
    uint64_t n;
    assert_int_equal(sync_hub_append(f->hub, LANE_CONTROL, AUDIENCE_SITE, &genesis, f->now, &n),
                     RC_OK);
    buf_fini(&bytes);
    f->hub_device = hub_device(f, "hub", DEVICE_HUB, keypair_public(f->hub_key), "hub");
    assert_int_equal(keyfile_device_create(f->keys, &device), RC_OK);
    f->config.device =
        hub_device(f, "控制台 1", DEVICE_CONSOLE, keypair_public(device.pair), ACCOUNT);
    f->config.kind = DEVICE_CONSOLE;
    f->config.hub_key = *keypair_public(f->hub_key);
    snprintf(f->config.name, sizeof(f->config.name), "控制台 1");
    snprintf(f->config.account, sizeof(f->config.account), ACCOUNT);
    fixture_random(f, f->config.author_random, AUTHOR_RANDOM_BYTES);
    f->config.author = author_of(keypair_public(device.pair), f->config.author_random);
    keyfile_device_fini(&device);
    assert_int_equal(device_config_save(f->folder, &f->config), RC_OK);
}

static inline void fixture_people(struct fixture *f) {
    f->people[0] = hub_person(f, "李伟 Li Wei", "101");
    f->people[1] = hub_person(f, "王芳 Wang Fang", "102");
    f->people[2] = hub_person(f, "赵敏 Zhao Min", "103");
    f->people[3] = hub_person(f, "陈洁 Chen Jie", "104");
    hub_role(f, f->people[0], ROLE_OPERATOR, "R1");
    hub_role(f, f->people[1], ROLE_OPERATOR, "");
    hub_role(f, f->people[2], ROLE_VIEWER, "");
    hub_role(f, f->people[3], ROLE_ADMIN, "");
    hub_key(f, f->people[0], PIN_LI);
    hub_key(f, f->people[1], PIN_WANG);
    hub_key(f, f->people[2], PIN_ZHAO);
    hub_key(f, f->people[3], PIN_CHEN);
    hub_area(f, "R1", "反应 Reaction", 0);
    hub_area(f, "S1", "分离 Separation", 1);
    hub_tag(f, "PT-1", "R1", 0);
    hub_tag(f, "PT-2", "R1", 1);
    hub_tag(f, "LT-1", "S1", 2);
}

static inline int fixture_setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    uint8_t seed[SEED_BYTES] = {1};
    assert_non_null(f);
    assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
    assert_int_equal(keys_init(), RC_OK);
    f->random = 42;
    f->now = (struct moment){.utc = {1790000000000}, .mono = {5000000}, .boot_id = 7};
    buf_init(&f->body, LIMIT_RECORD_BODY_BYTES);
    buf_init(&f->content, LIMIT_RECORD_CONTENT_BYTES);
    test_folder_make(f->folder);
    test_folder_make(f->hub_folder);
    test_path(f->folder, "keys", f->keys);
    assert_int_equal(keypair_from_seed(keys_ed25519(), seed, &f->root), RC_OK);
    seed[0] = 2;
    assert_int_equal(keypair_from_seed(keys_ed25519(), seed, &f->hub_key), RC_OK);
    fixture_random(f, f->hub_random, AUTHOR_RANDOM_BYTES);
    f->hub_author = author_of(keypair_public(f->hub_key), f->hub_random);
    fixture_hub_open(f);
    fixture_found(f);
    fixture_people(f);
    assert_int_equal(sync_hub_seal(f->hub, f->now), RC_OK);
    assert_int_equal(store_commit(f->hub_store), RC_OK);
    fixture_app_open(f);
    fixture_cut(f, false);
    fixture_settle(f);
    struct app_status status;
    app_status(f->app, f->now, &status);
    assert_int_equal(status.sync.phase, SYNC_LIVE);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state) {
    struct fixture *f = *state;
    app_close(f->app);
    sync_hub_free(f->hub);
    store_close(f->hub_store);
    roster_free(f->hub_roster);
    keypair_free(f->root);
    keypair_free(f->hub_key);
    frames_clear(&f->up);
    frames_clear(&f->down);
    buf_fini(&f->body);
    buf_fini(&f->content);
    test_folder_remove(f->folder);
    test_folder_remove(f->hub_folder);
    free(f);
    return 0;
}

#endif
