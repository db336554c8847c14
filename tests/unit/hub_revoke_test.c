// A device or key is withdrawn: what the hub states, what is held, what is disputed, how a review
// ends it, and that the device is no longer spoken to.
#include "hub_sync_util.h"

#include "davy/base/ensure.h"

struct made {
    struct buf text, bytes;
    struct content content;
    struct signed_record record;
    struct rid subject;
};

static void made_fini(struct made *m) {
    buf_fini(&m->text);
    buf_fini(&m->bytes);
}

// An acknowledgement by the rogue's person on the rogue device.
static void made_ack(struct world *w, struct made *m, const char *tag) {
    memset(m, 0, sizeof *m);
    buf_init(&m->text, 512);
    buf_init(&m->bytes, LIMIT_RECORD_CONTENT_BYTES);
    struct content content = content_by(w, KIND_ALARM_ACK, w->rogue.rid, slice_of(NULL, 0));
    m->subject = occurrence_of(w, tag);
    content.subjects = &m->subject;
    content.subject_count = 1;
    content.person = w->rogue.person_rid;
    content.key = key_id_of(keypair_public(w->rogue.person));
    assert_int_equal(record_make(&content, w->rogue.person, &m->bytes, &m->record), RC_OK);
    assert_int_equal(content_decode(m->record.content, &m->content), RC_OK);
}

static enum verdict judged(struct world *w, const struct made *m, struct chain_id chain,
                           uint64_t seq, enum refusal_code *out_code) {
    struct judge judge = {.store = hub_store(w->hub),
                          .registry = app_registry(),
                          .scheme = keys_stub(),
                          .roster = hub_roster(w->hub),
                          .author_device = w->rogue.rid,
                          .check_signature = true,
                          .now = w->now};
    struct place place = {.chain = chain, .seq = seq};
    struct refusal refusal = {0};
    enum verdict verdict = VERDICT_NONE;
    assert_int_equal(judge_record(&judge, &m->content, &place, &m->record, &verdict, &refusal),
                     RC_OK);
    *out_code = refusal.code;
    return verdict;
}

#define JUDGED(w, m, chain, seq, wanted, wanted_code)                                              \
    do {                                                                                           \
        enum refusal_code code_;                                                                   \
        assert_int_equal(judged((w), (m), (chain), (seq), &code_), (wanted));                      \
        assert_string_equal(refusal_name(code_), refusal_name(wanted_code));                       \
    } while (0)

static void revoke_device(struct world *w, struct rid device, const struct place *good) {
    struct buf text;
    buf_init(&text, 1024);
    struct body body = body_of(KIND_DEVICE_REVOKE, &text);
    body_put_text(&body, REVOKE_REASON, "丢失 lost");
    if (good) {
        roster_good_put(&body, &good->chain, good->seq);
    }
    (void)admin_act(w, KIND_DEVICE_REVOKE, &device, buf_slice(&text));
    buf_fini(&text);
}

static void review(struct world *w, struct rid record, enum review_decision decision) {
    struct buf text;
    buf_init(&text, 1024);
    struct rid subject = roster_review_subject(record);
    struct body body = body_of(KIND_REVIEW_DECIDE, &text);
    body_put_bytes(&body, REVIEW_RECORD, record.id.b, ID_BYTES);
    body_put_uint(&body, REVIEW_DECISION, decision);
    body_put_text(&body, REVIEW_REASON, "核实 checked");
    (void)admin_act(w, KIND_REVIEW_DECIDE, &subject, buf_slice(&text));
    buf_fini(&text);
}

static uint64_t head_of(struct world *w, struct chain_id id) {
    struct store_chain chain;
    assert_int_equal(store_chain_get(hub_store(w->hub), id, &chain), RC_OK);
    return chain.head.seq;
}

static void the_hub_states_what_it_holds(void **state) {
    struct world *w = *state;
    struct made m;
    made_ack(w, &m, "T0");
    struct place ack = rogue_put(w, LANE_SAFETY, &m.record);
    made_fini(&m);
    assert_true(alarm_at(hub_store(w->hub), occurrence_of(w, "T0")).acked);
    revoke_device(w, w->rogue.rid, NULL);
    hub_round(w);
    run(w, 2000);
    // Every copy of the roster knows the device and its last good places, by lane 0 alone.
    const struct roster *rosters[] = {hub_roster(w->hub), w->devs[0].roster, w->devs[1].roster};
    for (size_t i = 0; i < COUNT_OF(rosters); i++) {
        const struct roster_device *device = roster_device(rosters[i], w->rogue.rid);
        assert_true(device->revoked && device->listed);
        assert_int_equal(device->goods.count, 2); // lane 0: its author's opening
        struct content content = {.device = w->rogue.rid};
        struct place after = ack;
        assert_int_equal(roster_after_good(rosters[i], &content, &ack), REFUSAL_NONE);
        after.seq++;
        assert_int_equal(roster_after_good(rosters[i], &content, &after), REFUSAL_DEVICE_REVOKED);
    }
    // Nobody speaks with it any more.
    made_ack(w, &m, "T1");
    (void)rogue_put(w, LANE_SAFETY, &m.record);
    assert_int_equal(head_of(w, ack.chain), ack.seq);
    made_fini(&m);
    assert_false(rogue_greet(w));
    // A restarted hub holds to it.
    hub_stop(w, false);
    hub_start(w);
    hub_round(w);
    assert_false(rogue_greet(w));
    assert_true(roster_device_revoked(hub_roster(w->hub), w->rogue.rid));
}

static void what_comes_later_is_held_until_reviewed(void **state) {
    struct world *w = *state;
    struct made early, late, bad;
    made_ack(w, &early, "T0");
    struct place ack = rogue_put(w, LANE_SAFETY, &early.record);
    made_ack(w, &late, "T0");
    made_ack(w, &bad, "T0");
    JUDGED(w, &late, ack.chain, ack.seq + 1, VERDICT_ACCEPTED, REFUSAL_NONE);
    revoke_device(w, w->rogue.rid, NULL);
    JUDGED(w, &late, ack.chain, ack.seq, VERDICT_ACCEPTED, REFUSAL_NONE);
    JUDGED(w, &late, ack.chain, ack.seq + 1, VERDICT_HELD, REFUSAL_DEVICE_REVOKED);
    // Wherever it sits: in another device's chain, and with what would be refused otherwise.
    struct chain_id other = {.author = w->devs[0].author, .lane = LANE_SAFETY};
    JUDGED(w, &late, other, 1, VERDICT_HELD, REFUSAL_DEVICE_REVOKED);
    late.record.sig.b[0] ^= 1;
    JUDGED(w, &late, ack.chain, ack.seq + 1, VERDICT_HELD, REFUSAL_DEVICE_REVOKED);
    late.record.sig.b[0] ^= 1;
    review(w, late.record.rid, REVIEW_RELEASE);
    review(w, bad.record.rid, REVIEW_REJECT);
    JUDGED(w, &late, ack.chain, ack.seq + 1, VERDICT_ACCEPTED, REFUSAL_NONE);
    JUDGED(w, &bad, ack.chain, ack.seq + 1, VERDICT_REFUSED, REFUSAL_REJECTED);
    late.record.sig.b[0] ^= 1; // released, it is judged like everything else
    JUDGED(w, &late, ack.chain, ack.seq + 1, VERDICT_REFUSED, REFUSAL_SIGNATURE);
    made_fini(&early);
    made_fini(&late);
    made_fini(&bad);
}

// ---- Disputes ----

static void grant_body(struct buf *text, enum role role) {
    struct body body = body_of(KIND_ROLE_GRANT, text);
    body_put_uint(&body, ROLE_ROLE, role);
    body_put_text(&body, ROLE_AREA, "A");
}

// A role act of a second admin, on the rogue device.
static void made_grant(struct world *w, struct made *m, uint16_t kind, struct rid person) {
    memset(m, 0, sizeof *m);
    buf_init(&m->text, 512);
    buf_init(&m->bytes, LIMIT_RECORD_CONTENT_BYTES);
    grant_body(&m->text, ROLE_INSPECTOR);
    struct content content = content_by(w, kind, w->rogue.rid, buf_slice(&m->text));
    m->subject = person;
    content.subjects = &m->subject;
    content.subject_count = 1;
    content.person = w->rogue.person_rid;
    content.key = key_id_of(keypair_public(w->rogue.person));
    sync_device_seen(w->devs[0].sync, LANE_CONTROL, &content.seen);
    assert_int_equal(record_make(&content, w->rogue.person, &m->bytes, &m->record), RC_OK);
    assert_int_equal(content_decode(m->record.content, &m->content), RC_OK);
}

// The rogue's person becomes an admin: proposed by the one admin, seconded by the root key.
static void make_admin(struct world *w) {
    struct buf text, bytes;
    struct signed_record record;
    struct refusal refusal = {0};
    buf_init(&text, 512);
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    struct body body = body_of(KIND_ROLE_GRANT, &text);
    body_put_uint(&body, ROLE_ROLE, ROLE_ADMIN);
    body_put_text(&body, ROLE_AREA, "");
    body_put_uint(&body, ROSTER_NEEDS, 2);
    struct rid grant = admin_act(w, KIND_ROLE_GRANT, &w->rogue.person_rid, buf_slice(&text));
    struct content content = content_by(w, KIND_ROSTER_SECOND, w->config.device, slice_of(NULL, 0));
    content.subjects = &w->rogue.person_rid;
    content.subject_count = 1;
    content.refs = &grant;
    content.ref_count = 1;
    content.key = key_id_of(keypair_public(w->keys.root));
    assert_int_equal(record_make(&content, w->keys.root, &bytes, &record), RC_OK);
    assert_int_equal(hub_submit(w->hub, LANE_CONTROL, &record, w->now, &refusal), RC_OK);
    assert_true(roster_holds(hub_roster(w->hub), w->rogue.person_rid, ROLE_BIT(ROLE_ADMIN), NULL,
                             w->now.utc));
    buf_fini(&text);
    buf_fini(&bytes);
}

// By the admin at the hub; the record is judged and nothing is kept.
static enum verdict try_by_admin(struct world *w, uint16_t kind, struct rid person,
                                 enum refusal_code *out_code) {
    struct made m = {.subject = person};
    buf_init(&m.text, 512);
    buf_init(&m.bytes, LIMIT_RECORD_CONTENT_BYTES);
    grant_body(&m.text, ROLE_VIEWER);
    struct content content = content_by(w, kind, w->config.device, buf_slice(&m.text));
    content.subjects = &m.subject;
    content.subject_count = 1;
    content.person = w->admin_rid;
    content.key = key_id_of(keypair_public(w->admin));
    run(w, 2000);
    sync_device_seen(w->devs[0].sync, LANE_CONTROL, &content.seen);
    assert_int_equal(record_make(&content, w->admin, &m.bytes, &m.record), RC_OK);
    assert_int_equal(content_decode(m.record.content, &m.content), RC_OK);
    struct judge judge = {.store = hub_store(w->hub),
                          .registry = app_registry(),
                          .scheme = keys_stub(),
                          .roster = hub_roster(w->hub),
                          .author_device = w->config.device,
                          .author_is_hub = true,
                          .check_signature = true,
                          .now = w->now};
    struct place place = {.chain = {.author = w->config.author}, .seq = 100000};
    struct refusal refusal = {0};
    enum verdict verdict = VERDICT_NONE;
    assert_int_equal(judge_record(&judge, &m.content, &place, &m.record, &verdict, &refusal),
                     RC_OK);
    *out_code = refusal.code;
    made_fini(&m);
    return verdict;
}

static void what_the_log_had_accepted_is_disputed(void **state) {
    struct world *w = *state;
    struct made grant;
    enum refusal_code code;
    struct rid person = w->rogue.viewer_rid;
    make_admin(w);
    run(w, 2000);
    made_grant(w, &grant, KIND_ROLE_GRANT, person);
    struct place place = rogue_put(w, LANE_CONTROL, &grant.record);
    assert_true(
        roster_holds(hub_roster(w->hub), person, ROLE_BIT(ROLE_INSPECTOR), "A", w->now.utc));
    assert_int_equal(try_by_admin(w, KIND_ROLE_GRANT, person, &code), VERDICT_ACCEPTED);
    // It was stolen before that grant: the last good record is the one before it.
    struct place good = place;
    good.seq--;
    revoke_device(w, w->rogue.rid, &good);
    struct store_item item = {.logged = true, .log = {.verdict = VERDICT_ACCEPTED}};
    item.entry.place = place;
    item.entry.rid = grant.record.rid;
    item.content = grant.content;
    bool disputed = false;
    enum review_decision decision = REVIEW_RELEASE;
    assert_int_equal(
        judge_disputed(hub_store(w->hub), hub_roster(w->hub), &item, &disputed, &decision), RC_OK);
    assert_true(disputed);
    assert_int_equal(decision, REVIEW_NONE);
    // Its subject takes restricts and facts, and no change.
    assert_int_equal(try_by_admin(w, KIND_ROLE_GRANT, person, &code), VERDICT_REFUSED);
    assert_string_equal(refusal_name(code), refusal_name(REFUSAL_DISPUTED));
    assert_int_equal(try_by_admin(w, KIND_ROLE_REVOKE, person, &code), VERDICT_ACCEPTED);
    assert_int_equal(try_by_admin(w, KIND_ROLE_GRANT, w->devs[0].person_rid, &code),
                     VERDICT_ACCEPTED);
    review(w, grant.record.rid, REVIEW_REJECT);
    assert_int_equal(try_by_admin(w, KIND_ROLE_GRANT, person, &code), VERDICT_ACCEPTED);
    made_fini(&grant);
}

static void a_key_alone_is_withdrawn(void **state) {
    struct world *w = *state;
    struct made m;
    struct buf text;
    struct key_id key = key_id_of(keypair_public(w->rogue.person));
    made_ack(w, &m, "T0");
    struct chain_id chain = rogue_chain(w, LANE_SAFETY);
    buf_init(&text, 1024);
    struct body body = body_of(KIND_KEY_REVOKE, &text);
    body_put_text(&body, REVOKE_REASON, "PIN seen");
    body_put_bytes(&body, REVOKE_KEY, key.id.b, ID_BYTES);
    (void)admin_act(w, KIND_KEY_REVOKE, &w->rogue.person_rid, buf_slice(&text));
    buf_fini(&text);
    JUDGED(w, &m, chain, 1, VERDICT_HELD, REFUSAL_KEY_REVOKED);
    // The device itself goes on: its greeting is answered, and another person's key is good there.
    assert_true(rogue_greet(w));
    assert_false(roster_device_revoked(hub_roster(w->hub), w->rogue.rid));
    // What arrives is kept and held, never dropped, and folds nothing.
    struct place place = rogue_put(w, LANE_SAFETY, &m.record);
    struct store_log log;
    assert_int_equal(store_log_of(hub_store(w->hub), &place, &log), RC_OK);
    assert_int_equal(log.verdict, VERDICT_HELD);
    assert_false(alarm_at(hub_store(w->hub), m.subject).acked);
    made_fini(&m);
}

// Beyond the limit of the roster's age nothing is allowed, and everything else goes on.
static void an_old_roster_allows_nothing(void **state) {
    struct world *w = *state;
    static const struct kind kinds[] = {
        {.number = 900,
         .name = "test.allow",
         .effect = EFFECT_ALLOW,
         .lane = LANE_SAFETY,
         .flags = KIND_NO_SUBJECT,
         .roles = ROLE_BIT(ROLE_OPERATOR)},
        {.number = 901,
         .name = "test.stop",
         .effect = EFFECT_RESTRICT,
         .lane = LANE_SAFETY,
         .flags = KIND_NO_SUBJECT,
         .roles = ROLE_BIT(ROLE_OPERATOR)},
    };
    static const struct {
        int64_t age_ms;
        enum refusal_code allow;
    } rows[] = {{0, REFUSAL_NONE},
                {LIMIT_ROSTER_AGE_MS, REFUSAL_NONE},
                {LIMIT_ROSTER_AGE_MS + 1, REFUSAL_ROSTER_OLD}};
    static const struct module module = {
        .name = "test", .kinds = kinds, .kind_count = 2, .state_bytes = 1};
    const struct module *modules[] = {&roster_module, &module};
    const struct registry registry = {modules, 2};
    struct made m;
    made_ack(w, &m, "T0");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t k = 0; k < COUNT_OF(kinds); k++) {
            struct judge judge = {.store = hub_store(w->hub),
                                  .registry = &registry,
                                  .scheme = keys_stub(),
                                  .roster = hub_roster(w->hub),
                                  .author_device = w->rogue.rid,
                                  .roster_age_ms = rows[i].age_ms,
                                  .now = w->now};
            struct content content = m.content;
            struct place place = {.chain = rogue_chain(w, LANE_SAFETY), .seq = 1};
            struct refusal refusal = {0};
            enum verdict verdict = VERDICT_NONE;
            content.kind = kinds[k].number;
            content.subject_count = 0;
            assert_int_equal(judge_record(&judge, &content, &place, &m.record, &verdict, &refusal),
                             RC_OK);
            assert_string_equal(refusal_name(refusal.code),
                                refusal_name(k == 0 ? rows[i].allow : REFUSAL_NONE));
        }
    }
    made_fini(&m);
}

#define LIVE(test) cmocka_unit_test_setup_teardown(test, live_setup, world_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        LIVE(the_hub_states_what_it_holds),          LIVE(what_comes_later_is_held_until_reviewed),
        LIVE(what_the_log_had_accepted_is_disputed), LIVE(a_key_alone_is_withdrawn),
        LIVE(an_old_roster_allows_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
