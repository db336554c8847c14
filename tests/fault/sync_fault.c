// The device's side of sync, enrolment, joining and a new site, without memory: what arrives is
// stored whole or comes again, and what was written is sent in the end.
#include "hub_world.h"

// ---- One device beside the live world ----

struct side {
    struct hub_world *h;
    struct dev *d;
    bool short_of; // a fold met no memory: the round fails, as the app's does
    uint64_t log_seq;
    uint32_t comments;
    struct refusal refusal;
    struct site_init init;
    char folder[TEST_PATH_BYTES];
};

static void side_fold(void *ctx, const struct module *module, struct rid subject,
                      const void *state) {
    struct side *s = ctx;
    if (module == &roster_module && roster_set(s->d->roster, subject, state) != RC_OK) {
        s->short_of = true;
    }
}

static enum rc side_roster(struct side *s) {
    struct roster *fresh = NULL;
    struct view_query all = {.limit = UINT32_MAX};
    struct roster *old = s->d->roster;
    assert_int_equal(roster_new(&fresh), RC_OK);
    s->d->roster = fresh;
    roster_free(old);
    return store_view_each(s->d->store, &roster_module, &all, dev_load, s->d);
}

static struct side *side_new(struct hub_world *h) {
    struct side *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->h = h;
    s->d = &h->w->devs[0];
    if (s->d->store != NULL) {
        store_on_fold(s->d->store, side_fold, s);
    }
    return s;
}

static void *side_live(void) {
    return side_new(hub_live());
}

static void side_free(void *world) {
    struct side *s = world;
    hub_world_free(s->h);
    free(s);
}

// Everything that flies, one frame a transaction; the first that fails ends the round.
static enum rc side_round(struct side *s, bool tick) {
    struct world *w = s->h->w;
    struct dev *d = s->d;
    enum rc rc = store_begin(d->store);
    if (rc != RC_OK) {
        return rc;
    }
    struct mono_ms next;
    for (uint32_t i = 0; i < w->link.count && rc == RC_OK; i++) {
        struct flying *f = &w->link.flight[i];
        if (f->to == d->index) {
            rc = sync_device_receive(d->sync, slice_of(f->bytes, f->len), w->now);
        }
    }
    if (rc == RC_OK && tick) {
        rc = sync_device_tick(d->sync, w->now, &next);
    }
    rc = rc == RC_OK && s->short_of ? RC_NO_MEMORY : rc;
    if (rc == RC_OK) {
        rc = store_commit(d->store);
    }
    if (rc == RC_OK) {
        sync_device_flush(d->sync, w->now);
    }
    return rc;
}

// What a device does after a round that failed (app.c); then the world goes on until all agree.
static void side_settle(struct side *s, enum rc rc) {
    struct world *w = s->h->w;
    if (store_in_transaction(s->d->store)) {
        store_rollback(s->d->store);
    }
    if (rc != RC_OK) {
        sync_device_aborted(s->d->sync);
    }
    s->short_of = false;
    assert_int_equal(side_roster(s), RC_OK);
    for (int i = 0; i < 40; i++) {
        run(w, 2000);
        if (dev_status(s->d).log_seq[LANE_SAFETY] == hub_sync_status(w).head_seq[LANE_SAFETY] &&
            w->link.count == 0) {
            break;
        }
    }
    assert_int_equal(dev_status(s->d).log_seq[LANE_SAFETY],
                     hub_sync_status(w).head_seq[LANE_SAFETY]);
    struct alarm_state mine = alarm_at(s->d->store, occurrence_of(w, "T0"));
    struct alarm_state theirs = alarm_at(hub_store(w->hub), occurrence_of(w, "T0"));
    assert_memory_equal(&mine, &theirs, sizeof mine);
    roster_agrees(s->d->store, s->d->roster);
}

// The hub's log comes: an alarm of T0.
static void feed_prepare(struct side *s) {
    struct world *w = s->h->w;
    s->h->value = s->h->value > 100 ? 50 : 150;
    w->now.utc.v += 1000;
    w->now.mono.v += 1000;
    reading(w, "T0", s->h->value);
    hub_round(w);
}

static void *feed_setup(void) {
    struct side *s = side_live();
    feed_prepare(s);
    return s;
}

static enum rc feed_run(void *world) {
    return side_round(world, false);
}

static void feed_check(void *world, enum rc rc) {
    struct side *s = world;
    side_settle(s, rc);
    feed_prepare(s);
}

// An act is written, batched and sent.
static void act_prepare(struct side *s) {
    (void)dev_act(s->d, KIND_ALARM_COMMENT, occurrence_of(s->h->w, "T0"), "看过 seen");
    s->comments++;
}

static void *act_setup(void) {
    struct side *s = side_live();
    act_prepare(s);
    return s;
}

static enum rc act_run(void *world) {
    struct side *s = world;
    s->h->w->now.utc.v += 200;
    s->h->w->now.mono.v += 200;
    return side_round(s, true);
}

static void act_check(void *world, enum rc rc) {
    struct side *s = world;
    side_settle(s, rc);
    struct store_chain chain;
    struct chain_id id = {.author = s->d->author, .lane = LANE_SAFETY};
    assert_int_equal(store_chain_get(s->d->store, id, &chain), RC_OK);
    assert_int_equal(chain.logged_seq, chain.head.seq);
    assert_int_equal(alarm_at(hub_store(s->h->w->hub), occurrence_of(s->h->w, "T0")).comment_count,
                     s->comments);
    act_prepare(s);
}

// A new session: the greeting, its answer, what is missing.
static void greet_prepare(struct side *s) {
    link_forget(s->h->w);
    sync_device_link(s->d->sync, false, s->h->w->now);
    sync_device_link(s->d->sync, true, s->h->w->now);
}

static void *greet_setup(void) {
    struct side *s = side_live();
    greet_prepare(s);
    return s;
}

static void greet_check(void *world, enum rc rc) {
    struct side *s = world;
    side_settle(s, rc);
    assert_int_equal(dev_status(s->d).phase, SYNC_LIVE);
    greet_prepare(s);
}

static enum rc device_new_run(void *world) {
    struct side *s = world;
    struct sync_device *made = NULL;
    struct sync_device_options options = {.store = s->d->store,
                                          .scheme = keys_stub(),
                                          .device = s->d->key,
                                          .device_rid = s->d->rid,
                                          .author = s->d->author,
                                          .message_bytes_max = LIMIT_MESSAGE_BYTES,
                                          .ctx = s->d,
                                          .key_of = dev_key_of,
                                          .random = dev_random,
                                          .send = dev_send};
    enum rc rc = sync_device_new(&options, &made);
    assert_true((rc == RC_OK) == (made != NULL));
    sync_device_free(made);
    return rc;
}

static enum rc hub_new_run(void *world) {
    struct side *s = world;
    struct sync_hub *made = NULL;
    struct sync_hub_options options = {.store = hub_store(s->h->w->hub),
                                       .scheme = keys_stub(),
                                       .device = s->h->w->keys.device.pair,
                                       .author = s->h->w->config.author,
                                       .message_bytes_max = LIMIT_MESSAGE_BYTES,
                                       .ctx = s->h->w,
                                       .random = world_random,
                                       .send = world_send};
    enum rc rc = sync_hub_new(&options, &made);
    assert_true((rc == RC_OK) == (made != NULL));
    sync_hub_free(made);
    return rc;
}

// ---- Live values ----

static enum rc digest_run(void *world) {
    struct side *s = world;
    struct world *w = s->h->w;
    struct mono_ms next;
    w->now.utc.v += 21000;
    w->now.mono.v += 21000;
    return hub_step(w->hub, w->now, &next);
}

static void digest_check(void *world, enum rc rc) {
    struct side *s = world;
    (void)rc;
    run(s->h->w, 500);
}

// ---- Enrolment ----

static enum rc enrol_run(void *world) {
    struct side *s = world;
    struct rogue *r = &s->h->w->rogue;
    struct frame head = {.type = FRAME_ENROL, .session = r->session, .number = ++r->number};
    struct frame_seal seal = {.direction = FRAME_UP, .keyed = r->up};
    enum rc rc = frame_build(s->h->w->codec, &head, buf_slice(&s->h->bytes), &seal, &s->h->answer);
    if (rc == RC_OK) {
        rc = hub_receive(s->h->w->hub, r->account, buf_slice(&s->h->answer));
    }
    return rc == RC_OK ? hub_later_step(s->h->w) : rc;
}

static void enrol_prepare(struct side *s) {
    struct world *w = s->h->w;
    char code[32];
    struct keypair *pair = make_pair(w);
    struct enrol enrol = {.person = w->rogue.person_rid, .key = *keypair_public(pair)};
    keypair_free(pair);
    code_of(w, enrol.person, code);
    enrol_prove(code, enrol.person, &enrol.key, enrol.proof);
    buf_reset(&s->h->bytes);
    assert_int_equal(enrol_encode(&enrol, &s->h->bytes), RC_OK);
    s->h->people = roster_person(hub_roster(w->hub), enrol.person)->key_count;
}

static void *enrol_setup(void) {
    struct side *s = side_live();
    enrol_prepare(s);
    return s;
}

// The code is used up only if the key is certified; a failure is no wrong code.
static void enrol_check(void *world, enum rc rc) {
    struct side *s = world;
    struct world *w = s->h->w;
    uint8_t keys = roster_person(hub_roster(w->hub), w->rogue.person_rid)->key_count;
    bool certified = keys == s->h->people + 1u;
    assert_true(certified || keys == s->h->people);
    assert_true(certified || rc != RC_OK || fault_happened());
}

// ---- A new site ----

static void *init_setup(void) {
    struct side *s = calloc(1, sizeof *s);
    assert_non_null(s);
    assert_int_equal(keys_init(), RC_OK);
    test_folder_make(s->folder);
    s->init = (struct site_init){.folder = s->folder,
                                 .name = "试验 Test",
                                 .admin_name = "管理员 Admin",
                                 .admin_number = "A1",
                                 .root_pin = "13572468",
                                 .admin_pin = "24681357",
                                 .demo = true,
                                 .cost = pin_cost_test,
                                 .scheme = keys_ed25519()};
    return s;
}

static enum rc init_run(void *world) {
    struct side *s = world;
    struct site_id site;
    struct moment now = {.utc = {1790000000000}, .mono = {5000000}, .boot_id = 7};
    fault_paint(&site, sizeof site);
    s->refusal = (struct refusal){0};
    enum rc rc = hub_site_init(&s->init, now, &site, &s->refusal);
    if (rc != RC_OK) {
        fault_painted(&site, sizeof site, "the site");
        assert_int_equal(s->refusal.code, REFUSAL_NONE);
    }
    return rc;
}

static void init_check(void *world, enum rc rc) {
    struct side *s = world;
    struct hub *hub = NULL;
    struct hub_options options = {.folder = s->folder, .scheme = keys_ed25519()};
    struct moment now = {.utc = {1790000000000}, .mono = {5000000}, .boot_id = 7};
    if (rc == RC_OK) {
        assert_int_equal(hub_open(&options, now, &hub, &s->refusal), RC_OK);
        hub_close(hub);
    }
}

static void init_teardown(void *world) {
    struct side *s = world;
    test_folder_remove(s->folder);
    free(s);
}

bool keyfile_test_costs(void);
bool keyfile_test_costs(void) {
    return true;
}

static const struct fault_op ops[] = {
    {.name = "sync: device new",
     .setup = side_live,
     .run = device_new_run,
     .teardown = side_free,
     .keep = true},
    {.name = "sync: hub new",
     .setup = side_live,
     .run = hub_new_run,
     .teardown = side_free,
     .keep = true},
    {.name = "sync: a device takes the log",
     .setup = feed_setup,
     .run = feed_run,
     .check = feed_check,
     .teardown = side_free,
     .keep = true,
     .most = 36},
    {.name = "sync: a device sends an act",
     .setup = act_setup,
     .run = act_run,
     .check = act_check,
     .teardown = side_free,
     .keep = true,
     .most = 20},
    {.name = "sync: a device greets",
     .setup = greet_setup,
     .run = act_run,
     .check = greet_check,
     .teardown = side_free,
     .keep = true,
     .most = 16},
    {.name = "hub: live values",
     .setup = side_live,
     .run = digest_run,
     .check = digest_check,
     .teardown = side_free,
     .keep = true,
     .lossy = true},
    {.name = "hub: a key is certified",
     .setup = enrol_setup,
     .run = enrol_run,
     .check = enrol_check,
     .teardown = side_free,
     .lossy = true,
     .most = 16},
    {.name = "hub: a new site",
     .setup = init_setup,
     .run = init_run,
     .check = init_check,
     .teardown = init_teardown,
     .most = 24},
};

int main(int argc, char **argv) {
    return fault_main(argc, argv, ops, COUNT_OF(ops));
}
