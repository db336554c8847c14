// Hub and devices over a link that loses, repeats, reorders and lies: nothing is lost, nothing
// counts
// twice, and what is not authentic changes nothing.
#include "hub_sync_util.h"

static void devices_come_live_and_agree(void **state) {
    struct world *w = *state;
    for (int i = 0; i < DEVS; i++) {
        struct sync_device_status status = dev_status(&w->devs[i]);
        assert_int_equal(status.phase, SYNC_LIVE);
        assert_int_equal(status.not_verified, 0);
        assert_true(author_equal(status.hub, w->config.author));
        assert_int_equal(status.log_seq[LANE_SAFETY], hub_sync_status(w).head_seq[LANE_SAFETY]);
        assert_int_equal(roster_person_count(w->devs[i].roster),
                         roster_person_count(hub_roster(w->hub)));
    }
    assert_int_equal(hub_sync_status(w).sessions, DEVS + 1);
    assert_true(alarm_everywhere(w, occurrence_of(w, "T0")).active);
}

static void an_act_is_pending_until_the_log_has_it(void **state) {
    struct world *w = *state;
    struct rid subject = occurrence_of(w, "T0");
    struct alarm_state mine;
    struct place place = dev_act(&w->devs[0], KIND_ALARM_ACK, subject, NULL);
    assert_int_equal(store_view_get(w->devs[0].store, &alarm_module, subject, true, &mine), RC_OK);
    assert_true(mine.acked && mine.acked_pending);
    run(w, 1000);
    verdict_everywhere(w, place, VERDICT_ACCEPTED, REFUSAL_NONE);
    struct alarm_state after = alarm_everywhere(w, subject);
    assert_true(after.acked && !after.acked_pending);
    assert_true(rid_equal(after.acked_by, w->devs[0].person_rid));
}

static void three_hundred_acts_arrive_once(void **state) {
    struct world *w = *state;
    struct rid subject = occurrence_of(w, "T0");
    write_comments(w, subject, 300);
    run(w, 3000);
    assert_comments(w, subject, 300);
    assert_int_equal(dev_status(&w->devs[0]).resent_bytes, 0);
}

static void a_bad_link_only_delays(void **state) {
    struct world *w = *state;
    struct rid subject = occurrence_of(w, "T0");
    w->link.lose = 300;
    w->link.repeat = 300;
    w->link.shuffle = 800;
    w->link.flip = 50;
    for (int i = 0; i < 10; i++) {
        write_comments(w, subject, 30);
        run(w, 2000);
    }
    w->link.lose = w->link.flip = 0;
    run(w, 150000);
    assert_comments(w, subject, 300);
    assert_true(w->link.sent > w->link.delivered / 2);
    for (int i = 0; i < DEVS; i++) {
        assert_int_equal(dev_status(&w->devs[i]).phase, SYNC_LIVE);
    }
}

static void a_broker_that_drops_everything_loses_nothing(void **state) {
    struct world *w = *state;
    struct rid subject = occurrence_of(w, "T1");
    uint64_t n = hub_sync_status(w).n;
    w->link.away = true;
    write_comments(w, subject, 40);
    run(w, 120000);
    assert_int_equal(hub_sync_status(w).n, n);
    assert_int_equal(dev_status(&w->devs[0]).phase, SYNC_GREETING); // it knows that it is alone
    reading(w, "T0", 50);                                           // and the plant goes on
    w->link.away = false;
    run(w, 130000);
    assert_comments(w, subject, 40);
    assert_false(alarm_everywhere(w, occurrence_of(w, "T0")).active);
}

static void a_hub_may_restart_at_any_time(void **state) {
    struct world *w = *state;
    struct rid subject = occurrence_of(w, "T0");
    for (int i = 0; i < 6; i++) {
        write_comments(w, subject, 20);
        run(w, i % 3 == 0 ? 100 : 300);
        hub_stop(w, i % 2 == 0);
        run(w, 500);
        hub_start(w);
        assert_int_equal(hub_sync_status(w).phase, HUB_ASKING);
        run(w, 5000);
        assert_int_equal(hub_sync_status(w).phase, HUB_SERVING);
    }
    run(w, 70000);
    assert_comments(w, subject, 120);
    assert_int_equal(hub_sync_status(w).forks, 0);
}

static void a_device_may_restart_at_any_time(void **state) {
    struct world *w = *state;
    struct rid subject = occurrence_of(w, "T0");
    for (int i = 0; i < 6; i++) {
        struct dev *d = &w->devs[i % DEVS];
        write_comments(w, subject, 20);
        run(w, 100);
        dev_close(d);
        sim_disk_kill(d->disk);
        link_deliver(w);
        dev_open(d, false);
        sync_device_link(d->sync, true, w->now);
        run(w, 3000);
    }
    assert_comments(w, subject, 120);
}

// ---- Greetings ----

static void a_replayed_greeting_ends_no_session(void **state) {
    struct world *w = *state;
    struct dev *d = &w->devs[0];
    struct slice hello = d->last_hello;
    assert_true(hello.len > 0);
    for (int i = 0; i < 5; i++) {
        hub_takes(w, d->account, hello);
        run(w, 200);
    }
    assert_int_equal(hub_sync_status(w).sessions, DEVS + 1);
    assert_int_equal(dev_status(d).phase, SYNC_LIVE);
    assert_ptr_equal(d->last_hello.data, hello.data); // it was not made to greet again
    struct place place = dev_act(d, KIND_ALARM_ACK, occurrence_of(w, "T0"), NULL);
    run(w, 300);
    verdict_everywhere(w, place, VERDICT_ACCEPTED, REFUSAL_NONE);
}

static void a_forged_greeting_is_refused(void **state) {
    struct world *w = *state;
    struct rogue *r = &w->rogue;
    struct buf frame;
    buf_init(&frame, 4096);
    uint32_t welcomes = r->received[FRAME_WELCOME];
    uint64_t bad = hub_sync_status(w).not_verified;
    rogue_prepare(w);
    rogue_hello(w, w->devs[0].key, &frame); // another device's key
    hub_takes(w, r->account, buf_slice(&frame));
    assert_int_equal(hub_sync_status(w).not_verified, ++bad);
    rogue_hello(w, r->key, &frame); // on another's account, and on none
    hub_takes(w, w->devs[0].account, buf_slice(&frame));
    assert_int_equal(hub_sync_status(w).not_verified, ++bad);
    hub_takes(w, "nobody", buf_slice(&frame));
    assert_int_equal(hub_sync_status(w).not_verified, ++bad);
    hub_takes(w, "hub", buf_slice(&frame));
    assert_int_equal(hub_sync_status(w).not_verified, ++bad);
    r->hello.site.id.b[0] ^= 1; // another site
    rogue_hello(w, r->key, &frame);
    hub_takes(w, r->account, buf_slice(&frame));
    assert_int_equal(hub_sync_status(w).not_verified, ++bad);
    rogue_prepare(w);
    r->hello.author = w->devs[0].author; // another's incarnation
    rogue_hello(w, r->key, &frame);
    hub_takes(w, r->account, buf_slice(&frame));
    assert_int_equal(hub_sync_status(w).not_verified, ++bad);
    rogue_prepare(w);
    r->hello.device = w->devs[0].rid; // another's name
    rogue_hello(w, r->key, &frame);
    hub_takes(w, r->account, buf_slice(&frame));
    assert_int_equal(hub_sync_status(w).not_verified, ++bad);
    rogue_prepare(w);
    memset(r->hello.kx_public, 0, 32); // a key that makes every session's key the same
    rogue_hello(w, r->key, &frame);
    hub_takes(w, r->account, buf_slice(&frame));
    assert_int_equal(hub_sync_status(w).not_verified, ++bad);
    assert_int_equal(r->received[FRAME_WELCOME], welcomes);
    assert_int_equal(hub_sync_status(w).sessions, DEVS + 1);
    buf_fini(&frame);
}

static void a_false_hub_is_not_believed(void **state) {
    struct world *w = *state;
    struct dev *d = &w->devs[0];
    struct buf body, frame;
    buf_init(&body, 1024);
    buf_init(&frame, 2048);
    struct start start = {.hub = w->config.author, .time = w->now.utc};
    assert_int_equal(start_encode(&start, &body), RC_OK);
    struct frame head = {.type = FRAME_START};
    struct frame_seal seal = {
        .direction = FRAME_DOWN, .signer = w->rogue.key, .site = w->config.site};
    assert_int_equal(frame_build(w->codec, &head, buf_slice(&body), &seal, &frame), RC_OK);
    run(w, 2000);
    struct slice bytes = buf_slice(&frame);
    dev_round(d, &bytes);
    assert_int_equal(dev_status(d).phase, SYNC_LIVE);
    assert_int_equal(dev_status(d).not_verified, 1);
    buf_fini(&body);
    buf_fini(&frame);
}

// ---- Frames in a session ----

static void make_ack(struct world *w, struct rid subject, struct buf *bytes,
                     struct signed_record *out) {
    struct content content = content_by(w, KIND_ALARM_ACK, w->rogue.rid, slice_of(NULL, 0));
    content.subjects = &subject;
    content.subject_count = 1;
    content.person = w->rogue.person_rid;
    content.key = key_id_of(keypair_public(w->rogue.person));
    buf_reset(bytes);
    assert_int_equal(record_make(&content, w->rogue.person, bytes, out), RC_OK);
}

static void frames_without_proof_do_nothing(void **state) {
    struct world *w = *state;
    struct rogue *r = &w->rogue;
    struct buf bytes, body, frame;
    struct signed_record record;
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    buf_init(&body, LIMIT_FRAME_INFLATED_BYTES);
    buf_init(&frame, LIMIT_FRAME_INFLATED_BYTES);
    make_ack(w, occurrence_of(w, "T0"), &bytes, &record);
    struct chain_head head = r->heads[LANE_SAFETY];
    rogue_batch_body(w, LANE_SAFETY, &head, &record, 1, &body);
    struct frame front = {.type = FRAME_BATCH, .session = r->session, .number = ++r->number};
    struct frame_seal seal = {.direction = FRAME_UP, .keyed = r->up};
    assert_int_equal(frame_build(w->codec, &front, buf_slice(&body), &seal, &frame), RC_OK);
    struct sync_hub_status before = hub_sync_status(w);
    for (size_t at = 0; at < frame.len; at++) {
        frame.data[at] ^= 0x10;
        hub_takes(w, r->account, buf_slice(&frame));
        frame.data[at] ^= 0x10;
        hub_takes(w, r->account, slice_of(frame.data, at));
    }
    hub_takes(w, w->devs[0].account, buf_slice(&frame)); // on another's account
    uint8_t wrong[SESSION_KEY_BYTES] = {1};
    struct buf other;
    buf_init(&other, LIMIT_FRAME_INFLATED_BYTES);
    seal.keyed = wrong;
    assert_int_equal(frame_build(w->codec, &front, buf_slice(&body), &seal, &other), RC_OK);
    hub_takes(w, r->account, buf_slice(&other));
    seal = (struct frame_seal){.direction = FRAME_DOWN, .keyed = r->up}; // reflected
    assert_int_equal(frame_build(w->codec, &front, buf_slice(&body), &seal, &other), RC_OK);
    hub_takes(w, r->account, buf_slice(&other));
    assert_int_equal(hub_sync_status(w).n, before.n);
    hub_takes(w, r->account, buf_slice(&frame)); // whole, it is taken, and once
    assert_int_equal(hub_sync_status(w).n, before.n + 1);
    hub_takes(w, r->account, buf_slice(&frame));
    assert_int_equal(hub_sync_status(w).n, before.n + 1);
    buf_fini(&other);
    buf_fini(&frame);
    buf_fini(&body);
    buf_fini(&bytes);
}

static void a_seal_must_fit_the_chain(void **state) {
    struct world *w = *state;
    struct rogue *r = &w->rogue;
    struct buf bytes, body;
    struct signed_record record;
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    buf_init(&body, LIMIT_FRAME_INFLATED_BYTES);
    make_ack(w, occurrence_of(w, "T0"), &bytes, &record);
    uint64_t n = hub_sync_status(w).n;
    struct chain_head head = r->heads[LANE_SAFETY];
    rogue_batch_body(w, LANE_SAFETY, &head, &record, 1, &body);
    for (size_t at = 0; at < body.len; at++) { // proven frame, damaged content
        body.data[at] ^= 0x40;
        rogue_send(w, FRAME_BATCH, buf_slice(&body));
        body.data[at] ^= 0x40;
    }
    assert_int_equal(hub_sync_status(w).n, n);
    assert_true(store_quarantine_count(hub_store(w->hub)) > 0);
    rogue_send(w, FRAME_BATCH, buf_slice(&body));
    assert_int_equal(hub_sync_status(w).n, n + 1);
    // A second branch from the same place is a fork: it is told and not taken.
    head = r->heads[LANE_SAFETY];
    make_ack(w, occurrence_of(w, "T1"), &bytes, &record);
    buf_reset(&body);
    rogue_batch_body(w, LANE_SAFETY, &head, &record, 1, &body);
    rogue_send(w, FRAME_BATCH, buf_slice(&body));
    assert_int_equal(hub_sync_status(w).n, n + 2); // the hub states it
    assert_int_equal(hub_sync_status(w).forks, 1);
    assert_int_equal(roster_device(hub_roster(w->hub), r->rid)->forks, 1);
    buf_fini(&body);
    buf_fini(&bytes);
}

// ---- Records ----

struct act {
    uint16_t kind;
    uint8_t lane;
    struct rid subject;
    struct rid person, device;
    const struct keypair *signer; // NULL: sealed only
    bool forged;
};

static struct act rogue_ack(struct world *w) {
    return (struct act){.kind = KIND_ALARM_ACK,
                        .lane = LANE_SAFETY,
                        .subject = occurrence_of(w, "T0"),
                        .person = w->rogue.person_rid,
                        .device = w->rogue.rid,
                        .signer = w->rogue.person};
}

static struct place put_act(struct world *w, const struct act *act) {
    struct buf bytes;
    struct signed_record record;
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    struct content content = content_by(w, act->kind, act->device, slice_of(NULL, 0));
    content.subjects = &act->subject;
    content.subject_count = 1;
    content.person = act->person;
    if (act->signer) {
        content.key = key_id_of(keypair_public(act->signer));
    }
    assert_int_equal(record_make(&content, act->signer, &bytes, &record), RC_OK);
    record.sig.b[5] ^= act->forged ? 1 : 0;
    struct place place = rogue_put(w, act->lane, &record);
    buf_fini(&bytes);
    return place;
}

// The act gets this verdict on hub and devices, changes no view, and the next one flows.
static void expect(struct world *w, const struct act *act, enum verdict verdict,
                   enum refusal_code rule) {
    struct rid one = occurrence_of(w, "T0");
    struct rid two = occurrence_of(w, "T1");
    struct alarm_state before_one = alarm_everywhere(w, one);
    struct alarm_state before_two = alarm_everywhere(w, two);
    struct place place = put_act(w, act);
    run(w, 500);
    verdict_everywhere(w, place, verdict, rule);
    struct alarm_state after = alarm_everywhere(w, two);
    assert_memory_equal(&after, &before_two, sizeof after);
    after = alarm_everywhere(w, one);
    assert_int_equal(after.acked, before_one.acked);
    assert_int_equal(after.active, before_one.active);
    assert_int_equal(after.comment_count, before_one.comment_count);
    for (int i = 0; i < DEVS; i++) {
        assert_int_equal(dev_status(&w->devs[i]).not_verified, 0);
        assert_int_equal(dev_status(&w->devs[i]).phase, SYNC_LIVE);
    }
}

static void expect_flow(struct world *w) {
    struct act good = rogue_ack(w);
    struct place place = put_act(w, &good);
    run(w, 500);
    verdict_everywhere(w, place, VERDICT_ACCEPTED, REFUSAL_NONE);
    assert_true(alarm_everywhere(w, good.subject).acked);
}

static void a_forged_signature_is_refused(void **state) {
    struct world *w = *state;
    struct act act = rogue_ack(w);
    act.forged = true;
    expect(w, &act, VERDICT_REFUSED, REFUSAL_SIGNATURE);
    expect_flow(w);
}

static void another_persons_key_or_name_is_refused(void **state) {
    struct world *w = *state;
    struct act act = rogue_ack(w);
    act.person = w->devs[0].person_rid; // whole and theirs, but made on another device
    act.signer = w->devs[0].person;
    expect(w, &act, VERDICT_REFUSED, REFUSAL_DEVICE_MISMATCH);
    act.device = w->devs[0].rid;
    expect(w, &act, VERDICT_REFUSED, REFUSAL_DEVICE_MISMATCH);
    act = rogue_ack(w);
    act.person = w->devs[0].person_rid; // my key, their name
    expect(w, &act, VERDICT_REFUSED, REFUSAL_KEY_UNKNOWN);
    act = rogue_ack(w);
    act.signer = w->rogue.key; // a key of nobody
    expect(w, &act, VERDICT_REFUSED, REFUSAL_KEY_UNKNOWN);
    expect_flow(w);
}

static void a_right_must_be_held_in_the_area(void **state) {
    struct world *w = *state;
    struct act act = rogue_ack(w);
    act.person = w->rogue.viewer_rid;
    act.signer = w->rogue.viewer;
    expect(w, &act, VERDICT_REFUSED, REFUSAL_RIGHT_MISSING);
    act = rogue_ack(w); // an operator of A
    act.subject = occurrence_of(w, "T1");
    struct place place = put_act(w, &act);
    run(w, 500);
    verdict_everywhere(w, place, VERDICT_REFUSED, REFUSAL_ROLE_AREA);
    assert_false(alarm_everywhere(w, act.subject).acked);
    expect_flow(w);
}

static void a_device_states_nothing_for_the_hub(void **state) {
    struct world *w = *state;
    struct buf text, bytes;
    struct signed_record record;
    struct roster_key_owner owner;
    buf_init(&text, 512);
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    struct rid subject = occurrence_of(w, "T0");
    struct body body = body_of(KIND_ALARM_RETURN, &text);
    body_put_int(&body, RETURN_TIME, w->now.utc.v);
    struct content content = content_by(w, KIND_ALARM_RETURN, w->rogue.rid, buf_slice(&text));
    content.subjects = &subject;
    content.subject_count = 1;
    assert_int_equal(record_make(&content, NULL, &bytes, &record), RC_OK);
    struct place place = rogue_put(w, LANE_SAFETY, &record);
    // A key of its own for the admin.
    body = body_of(KIND_KEY_CERTIFY, &text);
    body_put_bytes(&body, CERTIFY_KEY, keypair_public(w->rogue.key)->b, PUBLIC_KEY_BYTES);
    body_put_bytes(&body, CERTIFY_DEVICE, w->rogue.rid.id.b, ID_BYTES);
    content = content_by(w, KIND_KEY_CERTIFY, w->rogue.rid, buf_slice(&text));
    content.subjects = &w->admin_rid;
    content.subject_count = 1;
    buf_reset(&bytes);
    assert_int_equal(record_make(&content, NULL, &bytes, &record), RC_OK);
    struct place certify = rogue_put(w, LANE_CONTROL, &record);
    run(w, 500);
    verdict_everywhere(w, place, VERDICT_REFUSED, REFUSAL_RIGHT_MISSING);
    verdict_everywhere(w, certify, VERDICT_REFUSED, REFUSAL_RIGHT_MISSING);
    assert_true(alarm_everywhere(w, subject).active);
    struct key_id key = key_id_of(keypair_public(w->rogue.key));
    assert_false(roster_key(hub_roster(w->hub), key, &owner));
    assert_false(roster_key(w->devs[0].roster, key, &owner));
    expect_flow(w);
    buf_fini(&text);
    buf_fini(&bytes);
}

static void a_repeated_record_counts_once(void **state) {
    struct world *w = *state;
    struct rid subject = occurrence_of(w, "T0");
    struct place first = dev_act(&w->devs[0], KIND_ALARM_ACK, subject, NULL);
    run(w, 500);
    struct alarm_state before = alarm_everywhere(w, subject);
    struct buf bytes;
    struct signed_record record = {0};
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    assert_int_equal(
        store_entry_get(hub_store(w->hub), &first, &bytes, &record.has_sig, &record.sig), RC_OK);
    record.content = buf_slice(&bytes);
    struct place second = rogue_put(w, LANE_SAFETY, &record);
    struct place third = rogue_put(w, LANE_SAFETY, &record);
    run(w, 500);
    verdict_everywhere(w, first, VERDICT_ACCEPTED, REFUSAL_NONE);
    verdict_everywhere(w, second, VERDICT_REFUSED, REFUSAL_DEVICE_MISMATCH);
    verdict_everywhere(w, third, VERDICT_REFUSED, REFUSAL_DEVICE_MISMATCH);
    struct alarm_state after = alarm_everywhere(w, subject);
    assert_memory_equal(&after, &before, sizeof after);
    buf_fini(&bytes);
}

static void what_is_not_known_yet_is_held(void **state) {
    struct world *w = *state;
    struct rid known = occurrence_of(w, "T0");
    uint64_t rows = 0, after = 0;
    struct view_query all = {0};
    assert_int_equal(store_view_count(hub_store(w->hub), &alarm_module, &all, &rows), RC_OK);
    struct act act = rogue_ack(w);
    act.kind = 999; // of a newer Davy
    expect(w, &act, VERDICT_HELD, REFUSAL_KIND_UNKNOWN);
    act = rogue_ack(w);
    act.subject = (struct rid){{{1, 2, 3}}};
    expect(w, &act, VERDICT_HELD, REFUSAL_SUBJECT_UNKNOWN);
    act.subject = w->admin_rid; // a person is no alarm
    expect(w, &act, VERDICT_HELD, REFUSAL_SUBJECT_UNKNOWN);
    assert_int_equal(store_view_count(hub_store(w->hub), &alarm_module, &all, &after), RC_OK);
    assert_int_equal(after, rows);
    const struct roster_person *admin = roster_person(w->devs[0].roster, w->admin_rid);
    assert_non_null(admin);
    assert_string_equal(admin->number, "A");
    expect_flow(w);
    assert_int_equal(alarm_everywhere(w, known).ack_count, 1);
}

// One unknown subject of many holds up none of the others; it is flagged.
static void a_bulk_fact_counts_for_what_is_known(void **state) {
    struct world *w = *state;
    struct rid subjects[2] = {{{{7, 7, 7}}}, occurrence_of(w, "T0")};
    struct buf bytes;
    struct signed_record record;
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    struct content content = content_by(w, KIND_ALARM_ACK, w->rogue.rid, slice_of(NULL, 0));
    content.subjects = subjects;
    content.subject_count = 2;
    content.person = w->rogue.person_rid;
    content.key = key_id_of(keypair_public(w->rogue.person));
    assert_int_equal(record_make(&content, w->rogue.person, &bytes, &record), RC_OK);
    struct place place = rogue_put(w, LANE_SAFETY, &record);
    run(w, 500);
    verdict_everywhere(w, place, VERDICT_ACCEPTED, REFUSAL_SUBJECT_UNKNOWN);
    assert_true(alarm_everywhere(w, subjects[1]).acked);
    buf_fini(&bytes);
}

// What the hub does not even hold: the chain stays where it was, and its author hears why. `others`
// records of other devices are taken in the same round.
static void expect_not_held(struct world *w, const struct content *content, uint8_t lane,
                            uint64_t others) {
    struct buf bytes;
    struct signed_record record;
    struct frame frame;
    struct ack ack;
    struct rogue *r = &w->rogue;
    struct chain_head before = r->heads[lane];
    struct sync_hub_status status = hub_sync_status(w);
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    assert_int_equal(record_make(content, r->person, &bytes, &record), RC_OK);
    buf_reset(&r->inbox[FRAME_ACK]);
    (void)rogue_put(w, lane, &record);
    assert_int_equal(r->heads[lane].seq, before.seq);
    assert_int_equal(hub_sync_status(w).n, status.n + others);
    assert_int_equal(hub_sync_status(w).not_verified, status.not_verified + 1);
    assert_int_equal(frame_open(buf_slice(&r->inbox[FRAME_ACK]), &frame), RC_OK);
    assert_int_equal(frame_inflate(w->codec, &frame), RC_OK);
    assert_int_equal(ack_decode(frame.body, &ack), RC_OK);
    assert_int_equal(ack.reason, ACK_FORM);
    buf_fini(&bytes);
}

static void a_record_of_another_site_stops_nobody(void **state) {
    struct world *w = *state;
    struct rid subject = occurrence_of(w, "T0");
    struct content content = content_by(w, KIND_ALARM_ACK, w->rogue.rid, slice_of(NULL, 0));
    content.subjects = &subject;
    content.subject_count = 1;
    content.person = w->rogue.person_rid;
    content.key = key_id_of(keypair_public(w->rogue.person));
    content.site.id.b[3] ^= 1;
    expect_not_held(w, &content, LANE_SAFETY, 0);
    // No site at all: only the genesis may say so. The round must go on for all others.
    content.site = (struct site_id){{{0}}};
    struct place place = dev_act(&w->devs[0], KIND_ALARM_COMMENT, subject, "seen");
    dev_round(&w->devs[0], NULL);
    link_deliver(w);
    expect_not_held(w, &content, LANE_SAFETY, 1);
    content.kind = KIND_SITE_GENESIS;
    content.subject_count = 0;
    content.audience = AUDIENCE_SITE;
    expect_not_held(w, &content, LANE_CONTROL, 0);
    run(w, 200);
    verdict_everywhere(w, place, VERDICT_ACCEPTED, REFUSAL_NONE);
    expect_flow(w);
}

static void a_sealed_record_carries_no_signature(void **state) {
    struct world *w = *state;
    struct buf bytes;
    struct signed_record record;
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    open_statement(w, w->rogue.rid, w->rogue.key, w->rogue.author_random, &bytes, &record);
    record.has_sig = true;
    struct place place = rogue_put(w, LANE_CONTROL, &record);
    run(w, 500);
    verdict_everywhere(w, place, VERDICT_REFUSED, REFUSAL_FORM);
    expect_flow(w);
    buf_fini(&bytes);
}

// ---- Disk and backups ----

static void a_full_disk_refuses_and_recovers(void **state) {
    struct world *w = *state;
    struct rid subject = occurrence_of(w, "T0");
    hub_idle(w->hub);
    sim_disk_limit(w->hub_disk, sim_disk_bytes(w->hub_disk));
    uint64_t n = hub_sync_status(w).n;
    write_comments(w, subject, 40);
    reading(w, "T1", 50);
    run(w, 20000);
    assert_int_equal(hub_sync_status(w).n, n);
    assert_int_equal(alarm_at(hub_store(w->hub), subject).comment_count, 0);
    assert_true(alarm_at(hub_store(w->hub), occurrence_of(w, "T1")).active);
    struct store_chain mine;
    struct chain_id id = {.author = w->devs[0].author, .lane = LANE_SAFETY};
    assert_int_equal(store_chain_get(w->devs[0].store, id, &mine), RC_OK);
    assert_int_equal(mine.acked_seq, 0); // nobody was told that it is kept
    sim_disk_limit(w->hub_disk, 0);
    run(w, 90000);
    assert_comments(w, subject, 40);
    assert_false(alarm_everywhere(w, occurrence_of(w, "T1")).active);
}

#define LIVE(test) cmocka_unit_test_setup_teardown(test, live_setup, world_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        LIVE(devices_come_live_and_agree),
        LIVE(an_act_is_pending_until_the_log_has_it),
        LIVE(three_hundred_acts_arrive_once),
        LIVE(a_bad_link_only_delays),
        LIVE(a_broker_that_drops_everything_loses_nothing),
        LIVE(a_hub_may_restart_at_any_time),
        LIVE(a_device_may_restart_at_any_time),
        LIVE(a_replayed_greeting_ends_no_session),
        LIVE(a_forged_greeting_is_refused),
        LIVE(a_false_hub_is_not_believed),
        LIVE(frames_without_proof_do_nothing),
        LIVE(a_seal_must_fit_the_chain),
        LIVE(a_forged_signature_is_refused),
        LIVE(another_persons_key_or_name_is_refused),
        LIVE(a_right_must_be_held_in_the_area),
        LIVE(a_device_states_nothing_for_the_hub),
        LIVE(a_repeated_record_counts_once),
        LIVE(what_is_not_known_yet_is_held),
        LIVE(a_bulk_fact_counts_for_what_is_known),
        LIVE(a_record_of_another_site_stops_nobody),
        LIVE(a_sealed_record_carries_no_signature),
        LIVE(a_full_disk_refuses_and_recovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
