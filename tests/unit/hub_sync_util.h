// A hub and its devices in one process, on simulated disks, with a link between them that the test
// rules: it can drop, repeat, reorder and damage, and it keeps what passed.
//
// `dev` is the real device: store and sync. `rogue` is an enrolled device whose bytes the test
// makes by
// hand: it holds the session's keys and seals what it likes.
#ifndef DAVY_HUB_SYNC_UTIL_H
#define DAVY_HUB_SYNC_UTIL_H

#include "test_util.h"

#include "davy/app/author.h"
#include "davy/app/control.h"
#include "davy/app/judge.h"
#include "davy/hub/hub.h"
#include "davy/sim/vfs.h"
#include "davy/sync/device.h"

#include <locale.h>

#define DEVS 2
#define FLIGHT_MAX 4096
#define TO_HUB 255
#define STEP_MS 100

static const char site_text[] = "[site]\nname = T\n[area A]\nname = A\n[area B]\nname = B\n"
                                "[gateway g]\nname = g\nstale_s = 3600\n"
                                "[tag T0]\nname = T0\narea = A\ngateway = g\n"
                                "H = 100 deadband=2 priority=1\n"
                                "[tag T1]\nname = T1\narea = B\ngateway = g\n"
                                "H = 100 deadband=2 priority=2\n"
                                "[mapping m]\ntopic = plant/#\n";

struct flying {
    uint8_t to; // device, or TO_HUB
    char account[16];
    size_t len;
    uint8_t *bytes;
};

struct link {
    uint8_t mute[DEVS];                   // by lane: what the hub sends there is lost
    bool away;                            // the broker takes everything and delivers nothing
    uint32_t lose, repeat, flip, shuffle; // per mille
    struct flying flight[FLIGHT_MAX];
    uint32_t count;
    uint32_t sent, delivered;
    uint64_t state; // of the dice
};

struct dev {
    struct world *world;
    uint8_t index;
    char account[16];
    struct sim_disk *disk;
    struct store *store;
    struct roster *roster;
    struct sync_device *sync;
    struct keypair *key, *person;
    struct rid rid, person_rid;
    struct author_id author;
    uint8_t author_random[AUTHOR_RANDOM_BYTES];
    bool enrolled;
    struct buf open_body, open_content; // of a new incarnation
    struct slice last_hello;            // owned copy of the newest greeting
};

struct rogue {
    char account[16];
    struct keypair *key, *person, *viewer;
    struct rid rid, person_rid, viewer_rid;
    struct author_id author;
    uint8_t author_random[AUTHOR_RANDOM_BYTES];
    struct kx_pair kx;
    struct hello hello;
    uint32_t session, number;
    uint8_t up[SESSION_KEY_BYTES], down[SESSION_KEY_BYTES];
    struct chain_head heads[LANE_COUNT];
    struct buf inbox[FRAME_TYPE_COUNT]; // the newest frame of each type
    uint32_t received[FRAME_TYPE_COUNT];
};

struct world {
    struct moment now;
    struct sim_disk *hub_disk;
    struct hub *hub;
    struct device_config config;
    struct site_keys keys;
    struct keypair *admin;
    struct rid admin_rid;
    struct dev devs[DEVS];
    struct rogue rogue;
    struct link link;
    uint64_t secret;
    struct frame_codec *codec;
};

static inline uint64_t dice(uint64_t *state) {
    *state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static inline void secret_fill(struct world *w, void *out, size_t len) {
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)out)[i] = (uint8_t)dice(&w->secret);
    }
}

static inline struct keypair *make_pair(struct world *w) {
    uint8_t seed[SEED_BYTES];
    struct keypair *pair = NULL;
    secret_fill(w, seed, sizeof seed);
    assert_int_equal(keypair_from_seed(keys_stub(), seed, &pair), RC_OK);
    return pair;
}

// ---- The link ----

static inline void link_put(struct world *w, uint8_t to, const char *account, struct slice frame) {
    struct link *link = &w->link;
    link->sent++;
    if (link->away || dice(&link->state) % 1000 < link->lose) {
        return;
    }
    uint32_t copies = dice(&link->state) % 1000 < link->repeat ? 2 : 1;
    for (uint32_t i = 0; i < copies; i++) {
        assert_true(link->count < FLIGHT_MAX);
        struct flying *f = &link->flight[link->count++];
        f->to = to;
        (void)snprintf(f->account, sizeof f->account, "%s", account);
        f->len = frame.len;
        f->bytes = malloc(frame.len);
        assert_non_null(f->bytes);
        memcpy(f->bytes, frame.data, frame.len);
        if (dice(&link->state) % 1000 < link->flip) {
            f->bytes[dice(&link->state) % f->len] ^= (uint8_t)(1u << dice(&link->state) % 8);
        }
    }
    if (link->count > 1 && dice(&link->state) % 1000 < link->shuffle) {
        uint32_t other = (uint32_t)(dice(&link->state) % link->count);
        struct flying last = link->flight[link->count - 1];
        link->flight[link->count - 1] = link->flight[other];
        link->flight[other] = last;
    }
}

static inline void dev_round(struct dev *d, const struct slice *frame) {
    struct mono_ms next;
    assert_int_equal(store_begin(d->store), RC_OK);
    enum rc rc = frame ? sync_device_receive(d->sync, *frame, d->world->now)
                       : sync_device_tick(d->sync, d->world->now, &next);
    assert_int_equal(rc, RC_OK);
    assert_int_equal(store_commit(d->store), RC_OK);
    sync_device_flush(d->sync, d->world->now);
}

static inline void link_deliver(struct world *w) {
    struct link *link = &w->link;
    uint32_t count = link->count;
    for (uint32_t i = 0; i < count; i++) {
        struct flying f = link->flight[i];
        struct slice frame = slice_of(f.bytes, f.len);
        link->delivered++;
        if (f.to == TO_HUB) {
            if (w->hub) {
                assert_int_equal(hub_receive(w->hub, f.account, frame), RC_OK);
            }
        } else if (w->devs[f.to].sync) {
            dev_round(&w->devs[f.to], &frame);
        }
        free(f.bytes);
    }
    link->count -= count;
    memmove(link->flight, link->flight + count, link->count * sizeof link->flight[0]);
}

static inline void link_forget(struct world *w) {
    for (uint32_t i = 0; i < w->link.count; i++) {
        free(w->link.flight[i].bytes);
    }
    w->link.count = 0;
}

static inline void hub_round(struct world *w) {
    struct mono_ms next;
    if (w->hub) {
        assert_int_equal(hub_step(w->hub, w->now, &next), RC_OK);
    }
}

static inline void run(struct world *w, int64_t ms) {
    for (int64_t t = 0; t < ms; t += STEP_MS) {
        w->now.utc.v += STEP_MS;
        w->now.mono.v += STEP_MS;
        link_deliver(w);
        hub_round(w);
        for (int i = 0; i < DEVS; i++) {
            if (w->devs[i].sync) {
                dev_round(&w->devs[i], NULL);
            }
        }
    }
}

// ---- The hub ----

static inline enum rc world_send(void *ctx, const char *account, uint8_t lane, struct slice frame) {
    struct world *w = ctx;
    for (uint8_t i = 0; i < DEVS; i++) {
        if (w->link.mute[i] & (1u << lane)) {
            continue;
        }
        if (!account || strcmp(account, w->devs[i].account) == 0) {
            link_put(w, i, w->devs[i].account, frame);
        }
    }
    if (account && strcmp(account, w->rogue.account) == 0 && frame.len > 4) {
        struct buf *slot = &w->rogue.inbox[frame.data[3]];
        buf_reset(slot);
        buf_put(slot, frame.data, frame.len);
        w->rogue.received[frame.data[3]]++;
    }
    return RC_OK;
}

static inline void world_random(void *ctx, void *out, size_t len) {
    secret_fill(ctx, out, len);
}

static inline void hub_start(struct world *w) {
    struct refusal refusal = {0};
    struct hub_options options = {.folder = "",
                                  .vfs = sim_disk_vfs_name(w->hub_disk),
                                  .scheme = keys_stub(),
                                  .config = &w->config,
                                  .keys = &w->keys.device,
                                  .ctx = w,
                                  .send = world_send,
                                  .random = world_random};
    assert_int_equal(hub_open(&options, w->now, &w->hub, &refusal), RC_OK);
    assert_int_equal(hub_site(w->hub, slice_text(site_text), w->now, &refusal), RC_OK);
}

static inline void hub_stop(struct world *w, bool power) {
    if (power) {
        sim_disk_cut(w->hub_disk, 1);
    }
    hub_close(w->hub);
    w->hub = NULL;
    if (power) {
        sim_disk_crash(w->hub_disk);
    } else {
        sim_disk_kill(w->hub_disk);
    }
}

static inline void reading(struct world *w, const char *tag, double value) {
    char payload[128];
    (void)snprintf(payload, sizeof payload, "{\"tag\":\"%s\",\"t\":%lld,\"v\":%.1f}", tag,
                   (long long)w->now.utc.v, value);
    hub_telemetry(w->hub, "plant/g", slice_text(payload), w->now);
    hub_round(w);
}

static inline struct sync_hub_status hub_sync_status(struct world *w) {
    struct hub_status status;
    hub_status(w->hub, &status);
    return status.sync;
}

// ---- Acts of the admin at the hub ----

static inline struct rid admin_act(struct world *w, uint16_t number, const struct rid *subject,
                                   struct slice body) {
    const struct kind *kind = registry_kind(app_registry(), number, NULL);
    struct buf bytes;
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    struct content content = {.suite = KEYS_SUITE_ED25519,
                              .site = w->config.site,
                              .kind = number,
                              .subjects = subject,
                              .subject_count = subject ? 1 : 0,
                              .audience = kind->flags & KIND_OPENS ? AUDIENCE_SITE : AUDIENCE_NONE,
                              .person = w->admin_rid,
                              .key = key_id_of(keypair_public(w->admin)),
                              .device = w->config.device,
                              .time = w->now.utc,
                              .body = body};
    secret_fill(w, content.nonce, NONCE_BYTES);
    struct signed_record record;
    struct refusal refusal = {0};
    assert_int_equal(record_make(&content, w->admin, &bytes, &record), RC_OK);
    assert_int_equal(hub_submit(w->hub, kind->lane, &record, w->now, &refusal), RC_OK);
    buf_fini(&bytes);
    return record.rid;
}

static inline struct body body_of(uint16_t kind, struct buf *out) {
    buf_reset(out);
    return body_start(registry_kind(app_registry(), kind, NULL), out);
}

static inline struct rid add_person(struct world *w, const char *number, enum role role,
                                    const char *area) {
    struct buf text;
    buf_init(&text, 512);
    struct body body = body_of(KIND_PERSON_ADD, &text);
    body_put_text(&body, PERSON_NAME, number);
    body_put_text(&body, PERSON_NUMBER, number);
    struct rid rid = admin_act(w, KIND_PERSON_ADD, NULL, buf_slice(&text));
    body = body_of(KIND_ROLE_GRANT, &text);
    body_put_uint(&body, ROLE_ROLE, role);
    body_put_text(&body, ROLE_AREA, area);
    (void)admin_act(w, KIND_ROLE_GRANT, &rid, buf_slice(&text));
    buf_fini(&text);
    return rid;
}

static inline struct rid add_device(struct world *w, const char *account,
                                    const struct keypair *key) {
    struct buf text;
    buf_init(&text, 512);
    struct body body = body_of(KIND_DEVICE_ADD, &text);
    body_put_text(&body, DEVICE_NAME, account);
    body_put_uint(&body, DEVICE_KIND, DEVICE_CONSOLE);
    body_put_bytes(&body, DEVICE_KEY, keypair_public(key)->b, PUBLIC_KEY_BYTES);
    body_put_text(&body, DEVICE_ACCOUNT, account);
    struct rid rid = admin_act(w, KIND_DEVICE_ADD, NULL, buf_slice(&text));
    buf_fini(&text);
    return rid;
}

static inline void control(struct world *w, enum control_verb verb, struct slice payload,
                           char out_text[32]) {
    struct buf request, bytes;
    struct control_answer answer;
    buf_init(&request, 64);
    buf_init(&bytes, 4096);
    control_request(verb, payload, &request);
    hub_control(w->hub, buf_slice(&request), w->now, &bytes);
    assert_int_equal(control_answer_decode(buf_slice(&bytes), &answer), RC_OK);
    assert_int_equal(answer.rc, RC_OK);
    assert_true(answer.payload.len < 32);
    memset(out_text, 0, 32);
    if (answer.payload.len > 0) {
        memcpy(out_text, answer.payload.data, answer.payload.len);
    }
    buf_fini(&request);
    buf_fini(&bytes);
}

static inline void code_of(struct world *w, struct rid person, char out_code[32]) {
    control(w, CONTROL_CODE, slice_of(person.id.b, ID_BYTES), out_code);
}

// ---- A real device ----

static inline void dev_fold(void *ctx, const struct module *module, struct rid subject,
                            const void *state) {
    struct dev *d = ctx;
    if (module == &roster_module) {
        assert_int_equal(roster_set(d->roster, subject, state), RC_OK);
    }
}
static inline enum rc dev_load(void *ctx, struct rid subject, const void *state) {
    dev_fold(ctx, &roster_module, subject, state);
    return RC_OK;
}
static inline bool dev_key_of(void *ctx, const struct content *content, struct public_key *out) {
    return judge_key_of(((struct dev *)ctx)->roster, content, out);
}
static inline enum rc dev_send(void *ctx, uint8_t lane, struct slice frame) {
    (void)lane;
    struct dev *d = ctx;
    if (frame.data[3] == FRAME_HELLO) {
        uint8_t *copy = malloc(frame.len);
        assert_non_null(copy);
        memcpy(copy, frame.data, frame.len);
        free((void *)(uintptr_t)d->last_hello.data);
        d->last_hello = slice_of(copy, frame.len);
    }
    link_put(d->world, TO_HUB, d->account, frame);
    return RC_OK;
}
static inline void dev_random(void *ctx, void *out, size_t len) {
    secret_fill(((struct dev *)ctx)->world, out, len);
}
static inline void dev_enrolled(void *ctx, struct key_id key, enum refusal_code code) {
    (void)key;
    ((struct dev *)ctx)->enrolled = code == REFUSAL_NONE;
}

static inline enum rc dev_incarnate(void *ctx, const struct incarnation *next, struct moment now,
                                    struct signed_record *out_record) {
    struct dev *d = ctx;
    struct device_config config = {.site = d->world->config.site, .device = d->rid};
    struct author_open open = {.config = &config,
                               .device_key = *keypair_public(d->key),
                               .own = next->own,
                               .opening = &next->before,
                               .now = now};
    dev_random(d, open.nonce, NONCE_BYTES);
    d->author = next->own.author;
    memcpy(d->author_random, next->own.random, AUTHOR_RANDOM_BYTES);
    return author_open_make(&open, &d->open_body, &d->open_content, out_record);
}

static inline void dev_open(struct dev *d, bool create) {
    struct store_own own;
    struct refusal refusal = {0};
    struct store_options store = {.folder = "",
                                  .vfs = sim_disk_vfs_name(d->disk),
                                  .registry = app_registry(),
                                  .create = create};
    assert_int_equal(store_open(&store, &d->store, &refusal), RC_OK);
    if (store_own_get(d->store, &own) == RC_OK) {
        d->author = own.author;
        memcpy(d->author_random, own.random, AUTHOR_RANDOM_BYTES);
    }
    buf_init(&d->open_body, LIMIT_RECORD_BODY_BYTES);
    buf_init(&d->open_content, LIMIT_RECORD_CONTENT_BYTES);
    assert_int_equal(roster_new(&d->roster), RC_OK);
    struct view_query all = {.limit = UINT32_MAX};
    assert_int_equal(store_view_each(d->store, &roster_module, &all, dev_load, d), RC_OK);
    store_on_fold(d->store, dev_fold, d);
    struct public_key hub_key = *keypair_public(d->world->keys.device.pair);
    struct sync_device_options options = {.store = d->store,
                                          .scheme = keys_stub(),
                                          .device = d->key,
                                          .device_rid = d->rid,
                                          .peer_key = hub_key,
                                          .seal_key = hub_key,
                                          .author = d->author,
                                          .message_bytes_max = LIMIT_MESSAGE_BYTES,
                                          .seed = dice(&d->world->secret),
                                          .ctx = d,
                                          .key_of = dev_key_of,
                                          .incarnate = dev_incarnate,
                                          .random = dev_random,
                                          .send = dev_send,
                                          .enrolled = dev_enrolled};
    memcpy(options.author_random, d->author_random, AUTHOR_RANDOM_BYTES);
    assert_int_equal(sync_device_new(&options, &d->sync), RC_OK);
}

static inline uint64_t dev_append(struct dev *d, uint8_t lane, const struct signed_record *record) {
    struct chain_id id = {.author = d->author, .lane = lane};
    uint64_t seq = 0;
    bool first = false;
    assert_int_equal(store_begin(d->store), RC_OK);
    assert_int_equal(store_append_record(d->store, id, record, &seq, &first), RC_OK);
    assert_int_equal(store_commit(d->store), RC_OK);
    return seq;
}

static inline struct content content_by(struct world *w, uint16_t kind, struct rid device,
                                        struct slice body) {
    struct content content = {.suite = KEYS_SUITE_ED25519,
                              .site = w->config.site,
                              .kind = kind,
                              .audience = AUDIENCE_NONE,
                              .device = device,
                              .time = w->now.utc,
                              .boot_id = 1,
                              .mono = w->now.mono,
                              .body = body};
    secret_fill(w, content.nonce, NONCE_BYTES);
    return content;
}

// The author's opening statement, sealed.
static inline void open_statement( // tidy: allow parameters, because a rogue decides each of them
    struct world *w, struct rid device, const struct keypair *key, const uint8_t *random,
    struct buf *bytes, struct signed_record *out) {
    struct buf text;
    buf_init(&text, 256);
    struct body body = body_of(KIND_AUTHOR_OPEN, &text);
    body_put_bytes(&body, AUTHOR_OPEN_RANDOM, random, AUTHOR_RANDOM_BYTES);
    body_put_bytes(&body, AUTHOR_OPEN_DEVICE_KEY, keypair_public(key)->b, PUBLIC_KEY_BYTES);
    struct content content = content_by(w, KIND_AUTHOR_OPEN, device, buf_slice(&text));
    assert_int_equal(record_make(&content, NULL, bytes, out), RC_OK);
    buf_fini(&text);
}

static inline void dev_found(struct world *w, uint8_t index) {
    struct dev *d = &w->devs[index];
    struct buf bytes;
    d->world = w;
    d->index = index;
    (void)snprintf(d->account, sizeof d->account, "c%u", index);
    assert_int_equal(sim_disk_new(index + 1u, &d->disk), RC_OK);
    d->key = make_pair(w);
    d->person = make_pair(w);
    secret_fill(w, d->author_random, AUTHOR_RANDOM_BYTES);
    d->author = author_of(keypair_public(d->key), d->author_random);
    d->person_rid = add_person(w, d->account, ROLE_OPERATOR, "");
    d->rid = add_device(w, d->account, d->key);
    dev_open(d, true);
    struct store_author author = {
        .author = d->author, .device_key = *keypair_public(d->key), .own = true};
    assert_int_equal(store_begin(d->store), RC_OK);
    assert_int_equal(store_site_set(d->store, w->config.site), RC_OK);
    assert_int_equal(store_author_put(d->store, &author), RC_OK);
    assert_int_equal(store_commit(d->store), RC_OK);
    struct signed_record record;
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    open_statement(w, d->rid, d->key, d->author_random, &bytes, &record);
    (void)dev_append(d, LANE_CONTROL, &record);
    buf_fini(&bytes);
}

static inline void dev_close(struct dev *d) {
    sync_device_free(d->sync);
    buf_fini(&d->open_body);
    buf_fini(&d->open_content);
    store_close(d->store);
    roster_free(d->roster);
    d->sync = NULL;
    d->store = NULL;
    d->roster = NULL;
}

static inline void dev_link(struct world *w, bool up) {
    for (int i = 0; i < DEVS; i++) {
        if (w->devs[i].sync) {
            sync_device_link(w->devs[i].sync, up, w->now);
        }
    }
}

static inline void dev_enrol(struct dev *d) {
    char code[32];
    code_of(d->world, d->person_rid, code);
    assert_int_equal(store_begin(d->store), RC_OK);
    assert_int_equal(
        sync_device_enrol(d->sync, d->person_rid, keypair_public(d->person), code, d->world->now),
        RC_OK);
    assert_int_equal(store_commit(d->store), RC_OK);
    sync_device_flush(d->sync, d->world->now);
    run(d->world, 1000);
    assert_true(d->enrolled);
}

static inline struct sync_device_status dev_status(struct dev *d) {
    struct sync_device_status status;
    sync_device_status(d->sync, &status);
    return status;
}

// A signed act of the device's person; returns its place.
static inline struct place dev_act(struct dev *d, uint16_t kind, struct rid subject,
                                   const char *comment) {
    struct buf text, bytes;
    struct signed_record record;
    buf_init(&text, 1024);
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    struct body body = body_of(kind, &text);
    if (comment) {
        body_put_text(&body, COMMENT_TEXT, comment);
    }
    struct content content = content_by(d->world, kind, d->rid, buf_slice(&text));
    content.subjects = &subject;
    content.subject_count = 1;
    content.person = d->person_rid;
    content.key = key_id_of(keypair_public(d->person));
    sync_device_seen(d->sync, LANE_SAFETY, &content.seen);
    assert_int_equal(record_make(&content, d->person, &bytes, &record), RC_OK);
    struct place place = {.chain = {.author = d->author, .lane = LANE_SAFETY}};
    place.seq = dev_append(d, LANE_SAFETY, &record);
    buf_fini(&text);
    buf_fini(&bytes);
    return place;
}

// ---- A device made by hand ----

static inline void rogue_send(struct world *w, enum frame_type type, struct slice body) {
    struct buf frame;
    struct rogue *r = &w->rogue;
    buf_init(&frame, LIMIT_FRAME_INFLATED_BYTES);
    struct frame head = {.type = type, .session = r->session, .number = ++r->number};
    struct frame_seal seal = {.direction = FRAME_UP, .keyed = r->up};
    assert_int_equal(frame_build(w->codec, &head, body, &seal, &frame), RC_OK);
    assert_int_equal(hub_receive(w->hub, r->account, buf_slice(&frame)), RC_OK);
    hub_round(w);
    buf_fini(&frame);
}

static inline void rogue_fack(struct world *w, const struct fack *fack) {
    struct buf body;
    buf_init(&body, 1024);
    assert_int_equal(fack_encode(fack, &body), RC_OK);
    rogue_send(w, FRAME_FACK, buf_slice(&body));
    buf_fini(&body);
}

// The greeting's bytes, signed by `signer`.
static inline void rogue_hello(struct world *w, const struct keypair *signer, struct buf *out) {
    struct rogue *r = &w->rogue;
    struct buf body;
    buf_init(&body, 2048);
    assert_int_equal(hello_encode(&r->hello, &body), RC_OK);
    struct frame head = {.type = FRAME_HELLO};
    struct frame_seal seal = {.direction = FRAME_UP, .signer = signer, .site = w->config.site};
    assert_int_equal(frame_build(w->codec, &head, buf_slice(&body), &seal, out), RC_OK);
    buf_fini(&body);
}

static inline void rogue_prepare(struct world *w) {
    struct rogue *r = &w->rogue;
    uint8_t seed[SEED_BYTES];
    secret_fill(w, seed, sizeof seed);
    kx_from_seed(seed, &r->kx);
    r->hello = (struct hello){.site = w->config.site,
                              .device = r->rid,
                              .author = r->author,
                              .message_bytes_max = LIMIT_MESSAGE_BYTES,
                              .now = w->now,
                              .hub = w->config.author};
    memcpy(r->hello.author_random, r->author_random, AUTHOR_RANDOM_BYTES);
    memcpy(r->hello.kx_public, r->kx.public_part, 32);
    secret_fill(w, r->hello.nonce, FRAME_NONCE_BYTES);
}

static inline bool rogue_welcomed(struct world *w) {
    struct rogue *r = &w->rogue;
    struct frame frame;
    struct welcome welcome;
    if (frame_open(buf_slice(&r->inbox[FRAME_WELCOME]), &frame) != RC_OK ||
        frame_inflate(w->codec, &frame) != RC_OK || welcome_decode(frame.body, &welcome) != RC_OK ||
        memcmp(welcome.hello_nonce, r->hello.nonce, FRAME_NONCE_BYTES) != 0) {
        return false;
    }
    r->session = welcome.session;
    r->number = 0;
    return kx_device(&r->kx, welcome.kx_public, r->up, r->down) == RC_OK;
}

static inline bool rogue_greet(struct world *w) {
    struct buf frame;
    buf_init(&frame, 4096);
    rogue_prepare(w);
    rogue_hello(w, w->rogue.key, &frame);
    assert_int_equal(hub_receive(w->hub, w->rogue.account, buf_slice(&frame)), RC_OK);
    buf_fini(&frame);
    hub_round(w);
    if (!rogue_welcomed(w)) {
        return false;
    }
    struct fack none = {.hub = w->config.author};
    rogue_fack(w, &none);
    return true;
}

static inline struct chain_id rogue_chain(const struct world *w, uint8_t lane) {
    return (struct chain_id){.author = w->rogue.author, .lane = lane};
}

// The body of a BATCH of these records, sealed as if it followed `from`; moves `from` on.
static inline void rogue_batch_body( // tidy: allow parameters, because a rogue decides each of them
    struct world *w, uint8_t lane, struct chain_head *from, const struct signed_record *records,
    uint32_t count, struct buf *out) {
    struct buf items;
    buf_init(&items, LIMIT_FRAME_INFLATED_BYTES);
    struct batch batch = {.lane = lane, .first_seq = from->seq + 1, .count = count};
    memcpy(batch.before, from->hash.b, SEEN_HASH_BYTES);
    for (uint32_t i = 0; i < count; i++) {
        const struct signature *sig = records[i].has_sig ? &records[i].sig : NULL;
        batch_put_item(&items, records[i].content, sig);
        chain_add_record(from, records[i].content, sig);
    }
    seal_sign(w->config.site, rogue_chain(w, lane), from, w->rogue.key, &batch.seal);
    batch.items = buf_slice(&items);
    assert_int_equal(batch_encode(&batch, out), RC_OK);
    buf_fini(&items);
}

// One record in the rogue's chain; the place it takes if the hub holds it.
static inline struct place rogue_put(struct world *w, uint8_t lane,
                                     const struct signed_record *record) {
    struct buf body;
    struct chain_head head = w->rogue.heads[lane];
    struct store_chain chain;
    buf_init(&body, LIMIT_FRAME_INFLATED_BYTES);
    rogue_batch_body(w, lane, &head, record, 1, &body);
    rogue_send(w, FRAME_BATCH, buf_slice(&body));
    buf_fini(&body);
    struct place place = {.chain = rogue_chain(w, lane), .seq = head.seq};
    assert_int_equal(store_chain_get(hub_store(w->hub), place.chain, &chain), RC_OK);
    w->rogue.heads[lane] = chain.head;
    return place;
}

static inline void rogue_certify(struct world *w, struct rid person, const struct keypair *key) {
    char code[32];
    struct enrol enrol = {.person = person, .key = *keypair_public(key)};
    struct roster_key_owner owner;
    struct buf body;
    buf_init(&body, 256);
    code_of(w, person, code);
    enrol_prove(code, person, &enrol.key, enrol.proof);
    assert_int_equal(enrol_encode(&enrol, &body), RC_OK);
    rogue_send(w, FRAME_ENROL, buf_slice(&body));
    buf_fini(&body);
    assert_true(roster_key(hub_roster(w->hub), key_id_of(keypair_public(key)), &owner));
}

static inline void rogue_found(struct world *w) {
    struct rogue *r = &w->rogue;
    struct buf bytes;
    struct signed_record record;
    (void)snprintf(r->account, sizeof r->account, "rogue");
    for (int i = 0; i < FRAME_TYPE_COUNT; i++) {
        buf_init(&r->inbox[i], LIMIT_FRAME_INFLATED_BYTES);
    }
    r->key = make_pair(w);
    r->person = make_pair(w);
    r->viewer = make_pair(w);
    secret_fill(w, r->author_random, AUTHOR_RANDOM_BYTES);
    r->author = author_of(keypair_public(r->key), r->author_random);
    r->person_rid = add_person(w, "R", ROLE_OPERATOR, "A");
    r->viewer_rid = add_person(w, "V", ROLE_VIEWER, "");
    r->rid = add_device(w, r->account, r->key);
    for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
        chain_start(w->config.site, rogue_chain(w, lane), &r->heads[lane]);
    }
    assert_true(rogue_greet(w));
    rogue_certify(w, r->person_rid, r->person);
    rogue_certify(w, r->viewer_rid, r->viewer);
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    open_statement(w, r->rid, r->key, r->author_random, &bytes, &record);
    assert_int_equal(rogue_put(w, LANE_CONTROL, &record).seq, 1);
    buf_fini(&bytes);
}

// ---- Set-up ----

static inline int world_setup(void **state) {
    struct world *w = calloc(1, sizeof *w);
    struct refusal refusal = {0};
    struct site_id site;
    assert_non_null(w);
    assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
    assert_int_equal(keys_init(), RC_OK);
    w->now = (struct moment){.utc = {1790000000000}, .mono = {5000000}, .boot_id = 7};
    w->secret = 1;
    w->link.state = 2;
    assert_int_equal(frame_codec_new(&w->codec), RC_OK);
    assert_int_equal(sim_disk_new(99, &w->hub_disk), RC_OK);
    w->keys.device.pair = make_pair(w);
    w->keys.root = make_pair(w);
    w->admin = make_pair(w);
    w->keys.admin = *keypair_public(w->admin);
    struct site_init init = {.folder = "",
                             .vfs = sim_disk_vfs_name(w->hub_disk),
                             .name = "T",
                             .admin_name = "admin",
                             .admin_number = "A",
                             .keys = &w->keys,
                             .out_config = &w->config,
                             .scheme = keys_stub(),
                             .ctx = w,
                             .random = world_random};
    assert_int_equal(hub_site_init(&init, w->now, &site, &refusal), RC_OK);
    hub_start(w);
    hub_round(w);
    assert_true(roster_person_by_number(hub_roster(w->hub), "A", &w->admin_rid));
    for (uint8_t i = 0; i < DEVS; i++) {
        dev_found(w, i);
    }
    *state = w;
    return 0;
}

// The same with all devices live and their people enrolled.
static inline int live_setup(void **state) {
    assert_int_equal(world_setup(state), 0);
    struct world *w = *state;
    dev_link(w, true);
    run(w, 1000);
    for (uint8_t i = 0; i < DEVS; i++) {
        dev_enrol(&w->devs[i]);
    }
    rogue_found(w);
    reading(w, "T0", 150);
    reading(w, "T1", 150);
    run(w, 1000);
    return 0;
}

static inline int world_teardown(void **state) {
    struct world *w = *state;
    link_forget(w);
    hub_close(w->hub);
    for (int i = 0; i < DEVS; i++) {
        dev_close(&w->devs[i]);
        sim_disk_free(w->devs[i].disk);
        keypair_free(w->devs[i].key);
        keypair_free(w->devs[i].person);
        free((void *)(uintptr_t)w->devs[i].last_hello.data);
    }
    for (int i = 0; i < FRAME_TYPE_COUNT; i++) {
        buf_fini(&w->rogue.inbox[i]);
    }
    keypair_free(w->rogue.key);
    keypair_free(w->rogue.person);
    keypair_free(w->rogue.viewer);
    keypair_free(w->keys.device.pair);
    keypair_free(w->keys.root);
    keypair_free(w->admin);
    sim_disk_free(w->hub_disk);
    frame_codec_free(w->codec);
    free(w);
    return 0;
}

// ---- Looks ----

struct found {
    const char *tag;
    struct rid subject;
    bool any;
};
static inline enum rc find_tag(void *ctx, struct rid subject, const void *state) {
    struct found *found = ctx;
    if (strcmp(((const struct alarm_state *)state)->tag, found->tag) == 0) {
        found->subject = subject;
        found->any = true;
    }
    return RC_OK;
}
static inline struct rid occurrence_of(struct world *w, const char *tag) {
    struct found found = {.tag = tag};
    struct view_query all = {0};
    assert_int_equal(store_view_each(hub_store(w->hub), &alarm_module, &all, find_tag, &found),
                     RC_OK);
    assert_true(found.any);
    return found.subject;
}
static inline struct alarm_state alarm_at(struct store *store, struct rid subject) {
    struct alarm_state state;
    assert_int_equal(store_view_get(store, &alarm_module, subject, false, &state), RC_OK);
    return state;
}
// Hub and every device say the same of an occurrence.
static inline struct alarm_state alarm_everywhere(struct world *w, struct rid subject) {
    struct alarm_state state = alarm_at(hub_store(w->hub), subject);
    for (int i = 0; i < DEVS; i++) {
        struct alarm_state here = alarm_at(w->devs[i].store, subject);
        assert_memory_equal(&here, &state, sizeof state);
    }
    return state;
}
// Hub and devices hold the same verdict about a record.
static inline void verdict_everywhere(struct world *w, struct place place, enum verdict verdict,
                                      enum refusal_code rule) {
    for (int i = -1; i < DEVS; i++) {
        struct store_log log;
        struct store *store = i < 0 ? hub_store(w->hub) : w->devs[i].store;
        assert_int_equal(store_log_of(store, &place, &log), RC_OK);
        assert_string_equal(refusal_name((enum refusal_code)log.rule), refusal_name(rule));
        assert_int_equal(log.verdict, verdict);
    }
}

// Everything the devices wrote is in the log, once.
static inline void assert_comments(struct world *w, struct rid subject, uint32_t count) {
    struct alarm_state state = alarm_everywhere(w, subject);
    assert_int_equal(state.comment_count, count);
    for (int i = 0; i < DEVS; i++) {
        struct chain_id id = {.author = w->devs[i].author, .lane = LANE_SAFETY};
        struct store_chain mine, theirs;
        assert_int_equal(store_chain_get(w->devs[i].store, id, &mine), RC_OK);
        assert_int_equal(store_chain_get(hub_store(w->hub), id, &theirs), RC_OK);
        assert_int_equal(mine.head.seq, theirs.head.seq);
        assert_true(hash32_equal(&mine.head.hash, &theirs.head.hash));
        assert_int_equal(mine.acked_seq, mine.head.seq);
        assert_int_equal(mine.logged_seq, mine.head.seq);
    }
}

static inline void write_comments(struct world *w, struct rid subject, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        (void)dev_act(&w->devs[i % DEVS], KIND_ALARM_COMMENT, subject, "看过 seen, 150 kPa");
    }
}

static inline void hub_takes(struct world *w, const char *account, struct slice frame) {
    assert_int_equal(hub_receive(w->hub, account, frame), RC_OK);
    hub_round(w);
}

#endif
