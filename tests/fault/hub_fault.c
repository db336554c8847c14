// The hub without memory: telemetry, records of people and devices, questions over the socket. A
// round stands whole or not at all, and nothing that memory failed at is judged or refused.
#include "hub_world.h"

// ---- Open and site file ----

static void *open_setup(void) {
    struct hub_world *h = hub_live();
    hub_close(h->w->hub);
    h->w->hub = NULL;
    return h;
}

static enum rc open_run(void *world) {
    struct hub_world *h = world;
    struct world *w = h->w;
    struct refusal refusal = {0};
    struct hub *hub = NULL;
    struct hub_options options = {.folder = "",
                                  .vfs = sim_disk_vfs_name(w->hub_disk),
                                  .scheme = keys_stub(),
                                  .config = &w->config,
                                  .keys = &w->keys.device,
                                  .history = true,
                                  .ctx = w,
                                  .send = world_send,
                                  .random = world_random};
    fault_paint(&hub, sizeof hub);
    enum rc rc = hub_open(&options, w->now, &hub, &refusal);
    if (rc == RC_OK) {
        w->hub = hub;
        return rc;
    }
    fault_painted(&hub, sizeof hub, "the hub");
    assert_int_equal(refusal.code, REFUSAL_NONE);
    return rc;
}

static void open_check(void *world, enum rc rc) {
    struct hub_world *h = world;
    if (rc == RC_OK) {
        roster_agrees(hub_store(h->w->hub), hub_roster(h->w->hub));
        hub_close(h->w->hub);
        h->w->hub = NULL;
    }
}

static void *site_setup(void) {
    struct hub_world *h = open_setup();
    assert_int_equal(open_run(h), RC_OK);
    return h;
}

static enum rc site_run(void *world) {
    struct hub_world *h = world;
    struct refusal refusal = {0};
    enum rc rc = hub_site(h->w->hub, slice_text(site_text), h->w->now, &refusal);
    assert_true(rc == RC_OK || refusal.code == REFUSAL_NONE);
    return rc;
}

static void site_check(void *world, enum rc rc) {
    struct hub_world *h = world;
    struct hub_status status;
    hub_status(h->w->hub, &status);
    assert_int_equal(status.tags, rc == RC_OK ? 2 : 0);
    if (rc == RC_OK) {
        assert_int_equal(status.alarms_active, 2);
    }
}

// Another file comes in the middle of the day; the running one stays until it can be taken.
static const char more_text[] = "[site]\nname = T\n[area A]\nname = A\n[area B]\nname = B\n"
                                "[gateway g]\nname = g\nstale_s = 3600\n"
                                "[tag T0]\nname = T0\narea = A\ngateway = g\n"
                                "H = 100 deadband=2 priority=1\n"
                                "[tag T1]\nname = T1\narea = B\ngateway = g\n"
                                "H = 100 deadband=2 priority=2\n"
                                "[tag T2]\nname = T2\narea = B\ngateway = g\n"
                                "[mapping m]\ntopic = plant/#\n";

static enum rc reload_run(void *world) {
    struct hub_world *h = world;
    struct refusal refusal = {0};
    const char *text = h->second ? site_text : more_text;
    return hub_site(h->w->hub, slice_text(text), h->w->now, &refusal);
}

static void reload_check(void *world, enum rc rc) {
    struct hub_world *h = world;
    struct hub_status status;
    hub_status(h->w->hub, &status);
    bool more = rc == RC_OK ? !h->second : h->second;
    assert_int_equal(status.tags, more ? 3 : 2);
    assert_int_equal(status.alarms_active, 2);
    h->second = more;
    // Telemetry goes on with the one that runs.
    uint64_t before = status.readings;
    reading(h->w, "T1", 150);
    hub_status(h->w->hub, &status);
    assert_int_equal(status.readings, before + 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(hub_later_step(h->w), RC_OK);
    }
}

// ---- Telemetry ----

// T0 goes beyond its limit and comes back by turns.
static enum rc alarm_run(void *world) {
    struct hub_world *h = world;
    char payload[128];
    h->w->now.utc.v += 10;
    (void)snprintf(payload, sizeof payload, "{\"tag\":\"T0\",\"t\":%lld,\"v\":%.1f}",
                   (long long)h->w->now.utc.v, h->value);
    hub_telemetry(h->w->hub, "plant/g", slice_text(payload), h->w->now);
    return hub_later_step(h->w);
}

static void alarm_check(void *world, enum rc rc) {
    struct hub_world *h = world;
    struct open_count count = hub_occurrences(h->w, "T0");
    bool active = h->value > 100;
    uint64_t all = h->seq + (active ? 1 : 0);
    if (count.active == (active ? 1u : 0u) && count.all == all) {
        if (!fault_happened()) { // the next one
            h->seq = all;
            h->value = active ? 50 : 150;
        }
        return;
    }
    assert_true(fault_happened() || rc != RC_OK);
    assert_true(count.all == h->seq && count.active == (active ? 0u : 1u));
}

static void *alarm_setup(void) {
    struct hub_world *h = hub_live();
    struct open_count count = hub_occurrences(h->w, "T0");
    assert_int_equal(count.active, 1);
    h->seq = count.all;
    h->value = 50;
    return h;
}

static void alarm_teardown(void *world) {
    struct hub_world *h = world;
    hub_sound(h->w);
    run(h->w, 3000);
    hub_world_free(h);
}

// ---- Acts of the admin at the hub ----

static void person_make(struct hub_world *h) {
    struct world *w = h->w;
    char name[32];
    h->people = roster_person_count(hub_roster(w->hub));
    (void)snprintf(name, sizeof name, "P%u", h->people);
    struct body body = body_of(KIND_PERSON_ADD, &h->body);
    body_put_text(&body, PERSON_NAME, name);
    body_put_text(&body, PERSON_NUMBER, name);
    struct content content = content_by(w, KIND_PERSON_ADD, w->config.device, buf_slice(&h->body));
    content.audience = AUDIENCE_SITE;
    content.person = w->admin_rid;
    content.key = key_id_of(keypair_public(w->admin));
    buf_reset(&h->bytes);
    assert_int_equal(record_make(&content, w->admin, &h->bytes, &h->record), RC_OK);
}

static void *submit_setup(void) {
    struct hub_world *h = hub_live();
    person_make(h);
    return h;
}

static enum rc submit_run(void *world) {
    struct hub_world *h = world;
    struct refusal refusal = {0};
    enum rc rc = hub_submit(h->w->hub, LANE_CONTROL, &h->record, h->w->now, &refusal);
    assert_true(rc == RC_OK || refusal.code == REFUSAL_NONE);
    return rc;
}

static void submit_check(void *world, enum rc rc) {
    struct hub_world *h = world;
    if (rc != RC_OK) { // what could not be undone at once is, before anything else is done
        assert_int_equal(hub_later_step(h->w), RC_OK);
    }
    roster_agrees(hub_store(h->w->hub), hub_roster(h->w->hub));
    uint32_t people = roster_person_count(hub_roster(h->w->hub));
    assert_int_equal(people, h->people + (rc == RC_OK ? 1 : 0));
    if (rc == RC_OK) {
        person_make(h);
    }
}

// ---- Questions over the socket ----

static enum rc ask(struct hub_world *h, enum control_verb verb) {
    struct control_answer answer = {0};
    buf_reset(&h->answer);
    hub_control(h->w->hub, buf_slice(&h->bytes), h->w->now, &h->answer);
    (void)verb;
    if (buf_rc(&h->answer) != RC_OK) {
        return buf_rc(&h->answer);
    }
    assert_int_equal(control_answer_decode(buf_slice(&h->answer), &answer), RC_OK);
    assert_true(answer.rc == RC_OK || answer.refusal.code == REFUSAL_NONE);
    assert_true(answer.rc != RC_OK || answer.payload.len > 0);
    return answer.rc;
}

static void *ask_setup(enum control_verb verb, struct slice payload) {
    struct hub_world *h = hub_live();
    if (verb == CONTROL_CODE) {
        payload = slice_of(h->w->admin_rid.id.b, ID_BYTES);
    }
    control_request(verb, payload, &h->bytes);
    assert_int_equal(buf_rc(&h->bytes), RC_OK);
    return h;
}

static void *status_setup(void) {
    return ask_setup(CONTROL_STATUS, slice_of(NULL, 0));
}

static void *joins_setup(void) {
    return ask_setup(CONTROL_JOINS, slice_of(NULL, 0));
}

static void *code_setup(void) {
    return ask_setup(CONTROL_CODE, slice_of(NULL, 0));
}

static void *invite_setup(void) {
    struct buf payload;
    buf_init(&payload, 1000);
    buf_put_text(&payload, "控制台");
    buf_put_u8(&payload, DEVICE_CONSOLE);
    buf_put_text(&payload, "hub:8883");
    buf_put_text(&payload, "new");
    buf_put_text(&payload, "password");
    void *world = ask_setup(CONTROL_INVITE, buf_slice(&payload));
    buf_fini(&payload);
    return world;
}

static enum rc status_run(void *world) {
    return ask(world, CONTROL_STATUS);
}

static enum rc joins_run(void *world) {
    return ask(world, CONTROL_JOINS);
}

static enum rc code_run(void *world) {
    return ask(world, CONTROL_CODE);
}

static enum rc invite_run(void *world) {
    return ask(world, CONTROL_INVITE);
}

// ---- A device's records ----

static void batch_make(struct hub_world *h) {
    struct world *w = h->w;
    struct rogue *r = &w->rogue;
    struct body body = body_of(KIND_ALARM_COMMENT, &h->body);
    body_put_text(&body, COMMENT_TEXT, "看过 seen");
    struct content content = content_by(w, KIND_ALARM_COMMENT, r->rid, buf_slice(&h->body));
    content.subjects = &h->subject;
    content.subject_count = 1;
    content.person = r->person_rid;
    content.key = key_id_of(keypair_public(r->person));
    struct buf bytes, batch;
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    buf_init(&batch, LIMIT_FRAME_INFLATED_BYTES);
    assert_int_equal(record_make(&content, r->person, &bytes, &h->record), RC_OK);
    struct chain_head head = r->heads[LANE_SAFETY];
    h->seq = head.seq;
    rogue_batch_body(w, LANE_SAFETY, &head, &h->record, 1, &batch);
    buf_reset(&h->bytes);
    buf_put(&h->bytes, batch.data, batch.len);
    buf_fini(&bytes);
    buf_fini(&batch);
}

static void *batch_setup(void) {
    struct hub_world *h = hub_live();
    h->subject = occurrence_of(h->w, "T0");
    batch_make(h);
    return h;
}

// A new frame each time: what was dropped is sent again under another number.
static enum rc batch_run(void *world) {
    struct hub_world *h = world;
    struct rogue *r = &h->w->rogue;
    struct frame head = {.type = FRAME_BATCH, .session = r->session, .number = ++r->number};
    struct frame_seal seal = {.direction = FRAME_UP, .keyed = r->up};
    enum rc rc = frame_build(h->w->codec, &head, buf_slice(&h->bytes), &seal, &h->answer);
    if (rc == RC_OK) {
        rc = hub_receive(h->w->hub, r->account, buf_slice(&h->answer));
    }
    return rc == RC_OK ? hub_later_step(h->w) : rc;
}

static void batch_check(void *world, enum rc rc) {
    struct hub_world *h = world;
    struct chain_id id = rogue_chain(h->w, LANE_SAFETY);
    struct store_chain chain;
    struct store_log log;
    assert_int_equal(store_chain_get(hub_store(h->w->hub), id, &chain), RC_OK);
    bool taken = chain.head.seq == h->seq + 1;
    assert_true(taken || (chain.head.seq == h->seq && (rc != RC_OK || fault_happened())));
    if (taken) {
        struct place place = {id, h->seq + 1};
        assert_int_equal(store_log_of(hub_store(h->w->hub), &place, &log), RC_OK);
        if (log.verdict != VERDICT_ACCEPTED) {
            fail_msg("judged %d %s", log.verdict, refusal_name((enum refusal_code)log.rule));
        }
        h->w->rogue.heads[LANE_SAFETY] = chain.head;
    }
    if (taken && !fault_happened()) {
        batch_make(h);
    }
}

// ---- A greeting ----

static enum rc greet_run(void *world) {
    struct hub_world *h = world;
    struct world *w = h->w;
    buf_reset(&h->answer);
    rogue_prepare(w);
    w->rogue.received[FRAME_WELCOME] = 0;
    struct rogue *r = &w->rogue;
    buf_reset(&h->body);
    enum rc rc = hello_encode(&r->hello, &h->body);
    struct frame head = {.type = FRAME_HELLO};
    struct frame_seal seal = {.direction = FRAME_UP, .signer = r->key, .site = w->config.site};
    if (rc == RC_OK) {
        rc = frame_build(w->codec, &head, buf_slice(&h->body), &seal, &h->bytes);
    }
    if (rc == RC_OK) {
        rc = hub_receive(w->hub, r->account, buf_slice(&h->bytes));
    }
    return rc == RC_OK ? hub_later_step(w) : rc;
}

static void greet_check(void *world, enum rc rc) {
    struct hub_world *h = world;
    bool welcomed = h->w->rogue.received[FRAME_WELCOME] > 0 && rogue_welcomed(h->w);
    assert_true(welcomed || rc != RC_OK || fault_happened());
}

static const struct fault_op ops[] = {
    {.name = "hub: open",
     .setup = open_setup,
     .run = open_run,
     .check = open_check,
     .teardown = hub_world_free,
     .keep = true,
     .most = 40},
    {.name = "hub: first site file",
     .setup = site_setup,
     .run = site_run,
     .check = site_check,
     .teardown = hub_world_free,
     .most = 16},
    {.name = "hub: another site file",
     .setup = hub_live,
     .run = reload_run,
     .check = reload_check,
     .teardown = hub_world_free,
     .keep = true,
     .most = 60},
    {.name = "hub: an alarm is raised and returns",
     .setup = alarm_setup,
     .run = alarm_run,
     .check = alarm_check,
     .teardown = alarm_teardown,
     .keep = true,
     .lossy = true,
     .most = 60},
    {.name = "hub: an act of the admin",
     .setup = submit_setup,
     .run = submit_run,
     .check = submit_check,
     .teardown = alarm_teardown,
     .keep = true,
     .most = 120},
    {.name = "hub: status",
     .setup = status_setup,
     .run = status_run,
     .teardown = hub_world_free,
     .keep = true},
    {.name = "hub: joins",
     .setup = joins_setup,
     .run = joins_run,
     .teardown = hub_world_free,
     .keep = true},
    {.name = "hub: one-time code",
     .setup = code_setup,
     .run = code_run,
     .teardown = hub_world_free,
     .keep = true},
    {.name = "hub: invite",
     .setup = invite_setup,
     .run = invite_run,
     .teardown = hub_world_free,
     .keep = true},
    {.name = "hub: a device's records",
     .setup = batch_setup,
     .run = batch_run,
     .check = batch_check,
     .teardown = alarm_teardown,
     .keep = true,
     .lossy = true,
     .most = 80},
    {.name = "hub: a greeting",
     .setup = hub_live,
     .run = greet_run,
     .check = greet_check,
     .teardown = hub_world_free,
     .keep = true,
     .lossy = true,
     .most = 40},
};

int main(int argc, char **argv) {
    return fault_main(argc, argv, ops, COUNT_OF(ops));
}
