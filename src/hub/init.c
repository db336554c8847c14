// A new site: genesis, the hub's own device and incarnation, the first admin. Every record goes
// through the
// same judgement and the same log as all later ones.
#include "hub_priv.h"

#include "davy/base/ensure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct founding {
    const struct site_init *init;
    struct hub hub; // only the parts that appending needs
    struct keypair *roots[ROSTER_ROOTS_MAX];
    uint8_t root_count, threshold;
    const struct keypair *signer; // the root key in hand; NULL: the hub's seal
    struct public_key admin_key;
    uint8_t roots_made; // key files of this attempt
    bool admin_made;
    struct rid genesis, admin;
    struct rid ref; // what a second names; zero: none
    struct moment now;
};

static void random_of(void *ctx, void *out, size_t len) {
    hub_random(ctx, out, len);
}

static const char *root_pin(const struct founding *f, uint8_t index) {
    return f->init->root_pins ? f->init->root_pins[index] : f->init->root_pin;
}

static enum rc make_root(struct founding *f, uint8_t index) {
    char folder[1024];
    char name[32];
    struct public_key made;
    (void)snprintf(folder, sizeof folder, "%s/roots", f->init->folder);
    (void)snprintf(name, sizeof name, "root-%u.key", index + 1u);
    enum rc rc = keyfile_root_create(folder, name, root_pin(f, index), f->init->cost, &made);
    if (rc == RC_OK) {
        f->roots_made++;
        rc = keyfile_root_open(folder, name, root_pin(f, index), &f->roots[index]);
    }
    return rc;
}

static void forget(const struct founding *f, const char *name) {
    char path[1200];
    (void)snprintf(path, sizeof path, "%s/%s", f->init->folder, name);
    (void)unlink(path);
}

// No site came of these keys: the next attempt must not take them for those of one.
static void unmake_keys(const struct founding *f) {
    char name[128];
    char hex[ID_HEX_BYTES];
    if (f->hub.keys.pair) {
        forget(f, "keys/device.key");
    }
    for (uint8_t i = 0; i < f->roots_made; i++) {
        (void)snprintf(name, sizeof name, "roots/root-%u.key", i + 1u);
        forget(f, name);
    }
    if (f->admin_made) {
        id16_hex(key_id_of(&f->admin_key).id, hex);
        (void)snprintf(name, sizeof name, "keys/%s.person", hex);
        forget(f, name);
        (void)snprintf(name, sizeof name, "keys/%s.tries", hex);
        forget(f, name);
    }
}

static enum rc given_keys(struct founding *f) {
    const struct site_keys *keys = f->init->keys;
    f->hub.keys = keys->device;
    f->admin_key = keys->admin;
    f->roots[0] = keys->root;
    for (uint8_t i = 1; i < f->root_count; i++) {
        f->roots[i] = keys->more_roots[i - 1];
    }
    return RC_OK;
}

static enum rc make_keys(struct founding *f) {
    if (f->init->keys) {
        return given_keys(f);
    }
    char folder[1024];
    (void)snprintf(folder, sizeof folder, "%s/keys", f->init->folder);
    if (mkdir(folder, 0700) != 0) {
        struct stat st;
        if (stat(folder, &st) != 0 || !S_ISDIR(st.st_mode)) {
            return RC_IO;
        }
    }
    enum rc rc = keyfile_device_create(folder, &f->hub.keys);
    for (uint8_t i = 0; i < f->root_count && rc == RC_OK; i++) {
        rc = make_root(f, i);
    }
    if (rc == RC_OK) {
        rc = keyfile_person_create(folder, &f->hub.keys, f->init->admin_pin, f->init->cost,
                                   &f->admin_key);
        f->admin_made = rc == RC_OK;
    }
    return rc;
}

// Content by the root key in hand (signed, on no device) or by the hub's device (sealed).
static struct content content_of(struct founding *f, uint16_t kind_number,
                                 const struct rid *subject) {
    const struct module *module;
    const struct kind *kind = registry_kind(app_registry(), kind_number, &module);
    ENSURE(kind != NULL);
    struct content content = {.suite = KEYS_SUITE_ED25519,
                              .site = {f->genesis.id},
                              .kind = kind_number,
                              .subjects = subject,
                              .subject_count = subject ? 1 : 0,
                              .audience = kind->flags & KIND_OPENS ? AUDIENCE_SITE : AUDIENCE_NONE,
                              .time = f->now.utc,
                              .time_error_ms = f->now.utc_error_ms,
                              .boot_id = f->now.boot_id,
                              .mono = f->now.mono,
                              .body = buf_slice(&f->hub.body)};
    if (kind->flags & KIND_SEALED) {
        content.device = f->hub.config.device;
    } else {
        content.key = key_id_of(keypair_public(f->signer));
    }
    if (!rid_is_zero(f->ref)) {
        content.refs = &f->ref;
        content.ref_count = 1;
    }
    hub_random(&f->hub, content.nonce, NONCE_BYTES);
    return content;
}

static struct body body_of(struct founding *f, uint16_t kind) {
    const struct module *module;
    buf_reset(&f->hub.body);
    return body_start(registry_kind(app_registry(), kind, &module), &f->hub.body);
}

static enum rc make_record(struct founding *f, uint16_t kind, const struct rid *subject,
                           struct signed_record *out_record) {
    enum rc rc = buf_rc(&f->hub.body);
    if (rc != RC_OK) {
        return rc;
    }
    struct content content = content_of(f, kind, subject);
    buf_reset(&f->hub.content);
    return record_make(&content, id16_is_zero(content.key.id) ? NULL : f->signer, &f->hub.content,
                       out_record);
}

static enum rc append(struct founding *f, const struct signed_record *record,
                      struct refusal *out_refusal) {
    struct content content;
    enum rc rc = content_decode(record->content, &content);
    struct chain_id id = {.author = f->hub.config.author};
    struct store_chain chain;
    if (rc == RC_OK) {
        rc = store_chain_get(f->hub.store, id, &chain);
    }
    if (rc != RC_OK) {
        return rc;
    }
    struct place place = {.chain = id, .seq = chain.head.seq + 1};
    struct judge judge = hub_judge_of(&f->hub);
    enum verdict verdict = VERDICT_NONE;
    rc = judge_record(&judge, &content, &place, record, &verdict, out_refusal);
    if (rc == RC_OK && verdict != VERDICT_ACCEPTED) {
        return RC_REFUSED;
    }
    if (rc == RC_OK) {
        rc = sync_hub_append(f->hub.sync, LANE_CONTROL, AUDIENCE_SITE, record, f->now, NULL);
    }
    return rc == RC_OK ? f->hub.trouble : rc;
}

static enum rc state(struct founding *f, uint16_t kind, const struct rid *subject,
                     struct rid *out_rid, struct refusal *out_refusal) {
    struct signed_record record;
    enum rc rc = make_record(f, kind, subject, &record);
    if (rc == RC_OK) {
        rc = append(f, &record, out_refusal);
    }
    if (rc == RC_OK && out_rid) {
        *out_rid = record.rid;
    }
    return rc;
}

// An act of the root: as many keys as the threshold asks for, one record each.
static enum rc state_root(struct founding *f, uint16_t kind, const struct rid *subject,
                          struct rid *out_rid, struct refusal *out_refusal) {
    struct rid rid;
    f->signer = f->roots[0];
    enum rc rc = state(f, kind, subject, &rid, out_refusal);
    struct rid about = subject ? *subject : rid;
    for (uint8_t i = 1; i < f->threshold && rc == RC_OK; i++) {
        (void)body_of(f, KIND_ROSTER_SECOND);
        f->signer = f->roots[i];
        f->ref = rid;
        rc = state(f, KIND_ROSTER_SECOND, &about, NULL, out_refusal);
        f->ref = (struct rid){{{0}}};
    }
    if (rc == RC_OK && out_rid) {
        *out_rid = rid;
    }
    return rc;
}

static void put_needs(struct founding *f, struct body *body) {
    if (f->threshold > 1) {
        body_put_uint(body, ROSTER_NEEDS, f->threshold);
    }
}

static void genesis_body(struct founding *f) {
    struct body body = body_of(f, KIND_SITE_GENESIS);
    body_put_text(&body, GENESIS_NAME, f->init->name);
    for (uint8_t i = 0; i < f->root_count; i++) {
        body_put_bytes(&body, GENESIS_ROOT_KEY, keypair_public(f->roots[i])->b, PUBLIC_KEY_BYTES);
    }
    body_put_uint(&body, GENESIS_THRESHOLD, f->threshold);
    body_put_uint(&body, GENESIS_DEMO, f->init->demo);
}

static enum rc on_roster(struct founding *f) {
    return roster_new(&f->hub.roster);
}

static void on_fold(void *ctx, const struct module *module, struct rid subject, const void *state) {
    struct founding *f = ctx;
    if (module == &roster_module) {
        enum rc rc = roster_set(f->hub.roster, subject, state);
        f->hub.trouble = rc != RC_OK ? rc : f->hub.trouble;
    }
}

static enum rc open_store(struct founding *f, struct refusal *out_refusal) {
    struct store_options options = {
        .folder = f->init->folder, .vfs = f->init->vfs, .registry = app_registry(), .create = true};
    enum rc rc = store_open(&options, &f->hub.store, out_refusal);
    if (rc != RC_OK) {
        return rc;
    }
    if (!id16_is_zero(store_site(f->hub.store).id)) {
        return REFUSE(out_refusal, REFUSAL_SUBJECT_EXISTS, f->init->folder);
    }
    store_on_fold(f->hub.store, on_fold, f);
    return on_roster(f);
}

static enum rc open_log(struct founding *f) {
    struct hub *hub = &f->hub;
    struct store_author author = {
        .author = hub->config.author, .device_key = *keypair_public(hub->keys.pair), .own = true};
    enum rc rc = store_site_set(hub->store, hub->config.site);
    if (rc == RC_OK) {
        rc = store_author_put(hub->store, &author);
    }
    if (rc == RC_OK) {
        rc = author_keep(hub->store, &hub->config);
    }
    if (rc == RC_OK) {
        rc = store_hub_put(hub->store, hub->config.author, 1);
    }
    uint64_t seed;
    hub_random(hub, &seed, sizeof seed);
    struct sync_hub_options options = {.store = hub->store,
                                       .scheme = hub->options.scheme,
                                       .device = hub->keys.pair,
                                       .author = hub->config.author,
                                       .seed = seed,
                                       .message_bytes_max = LIMIT_MESSAGE_BYTES,
                                       .ctx = hub,
                                       .random = random_of};
    return rc == RC_OK ? sync_hub_new(&options, &hub->sync) : rc;
}

static enum rc state_author(struct founding *f, struct refusal *out_refusal) {
    struct body body = body_of(f, KIND_AUTHOR_OPEN);
    body_put_bytes(&body, AUTHOR_OPEN_RANDOM, f->hub.config.author_random, AUTHOR_RANDOM_BYTES);
    body_put_bytes(&body, AUTHOR_OPEN_DEVICE_KEY, keypair_public(f->hub.keys.pair)->b,
                   PUBLIC_KEY_BYTES);
    return state(f, KIND_AUTHOR_OPEN, NULL, NULL, out_refusal);
}

static enum rc state_hub(struct founding *f, struct refusal *out_refusal) {
    struct body body = body_of(f, KIND_DEVICE_ADD);
    body_put_text(&body, DEVICE_NAME, f->hub.config.name);
    body_put_uint(&body, DEVICE_KIND, DEVICE_HUB);
    body_put_bytes(&body, DEVICE_KEY, keypair_public(f->hub.keys.pair)->b, PUBLIC_KEY_BYTES);
    body_put_text(&body, DEVICE_ACCOUNT, f->hub.config.account);
    put_needs(f, &body);
    return state_root(f, KIND_DEVICE_ADD, NULL, &f->hub.config.device, out_refusal);
}

static enum rc state_admin(struct founding *f, struct refusal *out_refusal) {
    struct rid device = f->hub.config.device;
    struct body body = body_of(f, KIND_PERSON_ADD);
    body_put_text(&body, PERSON_NAME, f->init->admin_name);
    body_put_text(&body, PERSON_NUMBER, f->init->admin_number);
    put_needs(f, &body);
    enum rc rc = state_root(f, KIND_PERSON_ADD, NULL, &f->admin, out_refusal);
    if (rc == RC_OK) {
        body = body_of(f, KIND_ROLE_GRANT);
        body_put_uint(&body, ROLE_ROLE, ROLE_ADMIN);
        body_put_text(&body, ROLE_AREA, "");
        put_needs(f, &body);
        rc = state_root(f, KIND_ROLE_GRANT, &f->admin, NULL, out_refusal);
    }
    if (rc == RC_OK) {
        body = body_of(f, KIND_KEY_CERTIFY);
        body_put_bytes(&body, CERTIFY_KEY, f->admin_key.b, PUBLIC_KEY_BYTES);
        body_put_bytes(&body, CERTIFY_DEVICE, device.id.b, ID_BYTES);
        rc = state(f, KIND_KEY_CERTIFY, &f->admin, NULL, out_refusal);
    }
    return rc;
}

static enum rc found(struct founding *f, struct refusal *out_refusal) {
    struct hub *hub = &f->hub;
    struct signed_record genesis;
    struct buf genesis_bytes;
    buf_init(&genesis_bytes, LIMIT_RECORD_CONTENT_BYTES);
    genesis_body(f);
    f->signer = f->roots[0];
    enum rc rc = make_record(f, KIND_SITE_GENESIS, NULL, &genesis);
    if (rc == RC_OK) {
        buf_put(&genesis_bytes, genesis.content.data, genesis.content.len);
        rc = buf_rc(&genesis_bytes);
    }
    if (rc == RC_OK) {
        genesis.content = buf_slice(&genesis_bytes);
        f->genesis = genesis.rid;
        hub->config.site = (struct site_id){genesis.rid.id};
        rc = store_begin(hub->store);
    }
    if (rc == RC_OK) {
        rc = open_log(f);
    }
    if (rc == RC_OK) {
        rc = state_author(f, out_refusal);
    }
    if (rc == RC_OK) {
        rc = append(f, &genesis, out_refusal);
    }
    if (rc == RC_OK) {
        rc = state_hub(f, out_refusal);
    }
    if (rc == RC_OK) {
        rc = state_admin(f, out_refusal);
    }
    if (rc == RC_OK) {
        rc = sync_hub_seal(hub->sync, f->now);
    }
    if (rc == RC_OK && f->init->out_config) {
        *f->init->out_config = hub->config;
    }
    if (rc == RC_OK && !f->init->keys) {
        rc = device_config_save(f->init->folder, &hub->config);
    }
    rc = rc == RC_OK ? store_commit(hub->store) : rc;
    if (rc != RC_OK && store_in_transaction(hub->store)) {
        store_rollback(hub->store);
    }
    buf_fini(&genesis_bytes);
    return rc;
}

static void founding_fini(struct founding *f) {
    sync_hub_free(f->hub.sync);
    store_close(f->hub.store);
    roster_free(f->hub.roster);
    for (uint8_t i = 0; i < f->root_count && !f->init->keys; i++) {
        keypair_free(f->roots[i]);
    }
    if (!f->init->keys) {
        keyfile_device_fini(&f->hub.keys);
    }
    buf_fini(&f->hub.body);
    buf_fini(&f->hub.content);
    free(f);
}

enum rc hub_site_init(const struct site_init *init, struct moment now, struct site_id *out_site,
                      struct refusal *out_refusal) {
    struct founding *f = calloc(1, sizeof *f);
    if (!f) {
        return RC_NO_MEMORY;
    }
    f->init = init;
    f->root_count = init->root_count ? init->root_count : 1;
    f->threshold = init->threshold ? init->threshold : 1;
    ENSURE(f->root_count <= ROSTER_ROOTS_MAX && f->threshold <= f->root_count);
    f->now = now;
    f->hub.now = now;
    f->hub.options = (struct hub_options){
        .folder = init->folder, .scheme = init->scheme, .ctx = init->ctx, .random = init->random};
    buf_init(&f->hub.body, LIMIT_RECORD_BODY_BYTES);
    buf_init(&f->hub.content, LIMIT_RECORD_CONTENT_BYTES);
    f->hub.config.kind = DEVICE_HUB;
    (void)snprintf(f->hub.config.name, sizeof f->hub.config.name, "hub");
    (void)snprintf(f->hub.config.account, sizeof f->hub.config.account, "hub");
    enum rc rc = open_store(f, out_refusal);
    if (rc == RC_OK) {
        rc = make_keys(f);
    }
    if (rc == RC_OK) {
        hub_random(&f->hub, f->hub.config.author_random, AUTHOR_RANDOM_BYTES);
        f->hub.config.author =
            author_of(keypair_public(f->hub.keys.pair), f->hub.config.author_random);
        f->hub.config.hub_key = *keypair_public(f->hub.keys.pair);
        rc = found(f, out_refusal);
    }
    if (rc == RC_OK) {
        *out_site = f->hub.config.site;
    } else if (rc != RC_IO && !init->keys) { // after RC_IO nobody knows what the disk holds
        unmake_keys(f);
    }
    founding_fini(f);
    return rc;
}
