// Authority on a console: one signature by badge and PIN, workers signed in by a witness, the age
// of the roster, withdrawn keys, disputes in the log.
#include "app_fixture.h"

#include "davy/app/authority.h"

static enum rc comment(struct fixture *f, struct rid alarm, const char *text,
                       struct refusal *refusal) {
    *refusal = (struct refusal){0};
    return app_alarm_comment(f->app, alarm, text, f->now, refusal);
}

static const char *last_signer(struct fixture *f, struct rid subject) {
    static struct log_row rows[32];
    uint32_t count = app_log(f->app, subject, rows, 32);
    assert_true(count > 0);
    return rows[count - 1].person;
}

static void one_step_is_signed_by_another(void **state) {
    struct fixture *f = *state;
    struct refusal refusal = {0};
    struct app_person active;
    struct rid alarm = hub_raise(f, "PT-1", "R1", 1);
    fixture_settle(f);
    // Nobody is signed in: badge and PIN are enough for one act.
    assert_int_equal(app_sign_once(f->app, "102", PIN_WANG, f->now, &refusal), RC_OK);
    assert_int_equal(comment(f, alarm, "a", &refusal), RC_OK);
    assert_int_equal(comment(f, alarm, "b", &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_NOT_SIGNED_IN);
    // The holder's session goes on.
    fixture_sign_in(f, "101", PIN_LI);
    assert_int_equal(app_sign_once(f->app, "102", PIN_WANG, f->now, &refusal), RC_OK);
    assert_int_equal(comment(f, alarm, "c", &refusal), RC_OK);
    assert_string_equal(last_signer(f, alarm), "王芳 Wang Fang");
    assert_int_equal(app_signed_in_count(f->app), 1);
    assert_true(app_active(f->app, &active));
    assert_string_equal(active.number, "101");
    assert_int_equal(comment(f, alarm, "d", &refusal), RC_OK);
    assert_string_equal(last_signer(f, alarm), "李伟 Li Wei");
    // A wrong PIN signs nothing, and nothing is left of the one before.
    assert_int_equal(app_sign_once(f->app, "102", PIN_LI, f->now, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_PIN_WRONG);
    assert_int_equal(comment(f, alarm, "e", &refusal), RC_OK);
    assert_string_equal(last_signer(f, alarm), "李伟 Li Wei");
    // An act that is refused closes the key, too: a viewer may not.
    assert_int_equal(app_sign_once(f->app, "103", PIN_ZHAO, f->now, &refusal), RC_OK);
    assert_int_equal(comment(f, alarm, "f", &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_RIGHT_MISSING);
    assert_int_equal(comment(f, alarm, "g", &refusal), RC_OK);
    assert_string_equal(last_signer(f, alarm), "李伟 Li Wei");
    // On a locked console one step, and it stays locked.
    app_lock(f->app);
    assert_int_equal(comment(f, alarm, "h", &refusal), RC_REFUSED);
    assert_int_equal(app_sign_once(f->app, "102", PIN_WANG, f->now, &refusal), RC_OK);
    assert_int_equal(comment(f, alarm, "i", &refusal), RC_OK);
    assert_true(app_is_locked(f->app));
    assert_int_equal(comment(f, alarm, "j", &refusal), RC_REFUSED);
}

// ---- Witness ----

#define PIN_WORKER "31415926"

static enum rc witness(struct fixture *f, const char *number, const char *pin, struct rid *out) {
    static const char *const areas[] = {"R1"};
    struct refusal refusal = {0};
    struct witness_spec spec = {.name = "外来工 Contractor",
                                .number = number,
                                .employer = "Acme",
                                .job = "Scaffold 7",
                                .role = ROLE_OPERATOR,
                                .areas = areas,
                                .area_count = 1,
                                .from = f->now.utc,
                                .until = {f->now.utc.v + 86400000}};
    return app_witness(f->app, &spec, pin, f->now, out, &refusal);
}

static void a_worker_is_signed_in_without_a_link(void **state) {
    struct fixture *f = *state;
    struct refusal refusal = {0};
    struct rid worker = {{{0}}};
    struct rid alarm = hub_raise(f, "PT-1", "R1", 1);
    hub_role(f, f->people[1], ROLE_SHIFT_LEADER, "");
    fixture_settle(f);
    fixture_cut(f, true);
    fixture_sign_in(f, "101", PIN_LI);
    assert_int_equal(witness(f, "C-17", PIN_WORKER, &worker), RC_REFUSED); // no shift leader
    fixture_sign_in(f, "102", PIN_WANG);
    assert_int_equal(witness(f, "101", PIN_WORKER, &worker), RC_REFUSED); // a number in use
    assert_int_equal(witness(f, "C-17", "123", &worker), RC_REFUSED);
    assert_int_equal(witness(f, "C-17", PIN_WORKER, &worker), RC_OK);
    // The worker acts at once, also after a restart of the device.
    fixture_sign_in(f, "C-17", PIN_WORKER);
    assert_int_equal(comment(f, alarm, "up", &refusal), RC_OK);
    app_close(f->app);
    fixture_app_open(f);
    fixture_sign_in(f, "C-17", PIN_WORKER);
    assert_int_equal(comment(f, alarm, "down", &refusal), RC_OK);
    // Back at the hub the person is proposed and the acts are held.
    fixture_cut(f, false);
    fixture_settle(f);
    assert_true(roster_person_is_proposed(f->hub_roster, worker));
    struct log_row rows[32];
    uint32_t count = app_log(f->app, alarm, rows, 32);
    uint32_t held = 0;
    for (uint32_t i = 0; i < count; i++) {
        held += rows[i].verdict == VERDICT_HELD && rows[i].rule == REFUSAL_WITNESSED;
    }
    assert_int_equal(held, 2);
    // The shift leader cannot second it, the admin can.
    fixture_sign_in(f, "102", PIN_WANG);
    assert_int_equal(app_second(f->app, worker, worker, f->now, &refusal), RC_REFUSED);
    fixture_sign_in(f, "104", PIN_CHEN);
    assert_int_equal(app_second(f->app, worker, worker, f->now, &refusal), RC_OK);
    fixture_settle(f);
    assert_false(roster_person_is_proposed(f->hub_roster, worker));
    fixture_sign_in(f, "C-17", PIN_WORKER);
    assert_int_equal(comment(f, alarm, "on", &refusal), RC_OK);
    fixture_settle(f);
    count = app_log(f->app, alarm, rows, 32);
    assert_int_equal(rows[count - 1].verdict, VERDICT_ACCEPTED);
}

// ---- Age of the roster ----

static void the_roster_grows_old(void **state) {
    struct fixture *f = *state;
    static const int64_t hour = 3600000;
    assert_true(app_roster_age_ms(f->app, f->now) >= 0);
    assert_true(app_roster_age_ms(f->app, f->now) < 60000);
    fixture_later(f, 60000); // it is noted
    fixture_settle(f);
    fixture_cut(f, true);
    fixture_later(f, 10 * hour);
    int64_t age = app_roster_age_ms(f->app, f->now);
    assert_true(age >= 10 * hour && age < 10 * hour + 120000);
    app_turn(f); // notes the newest time
    // A clock that is turned back, also over a restart, makes nothing younger.
    f->now.utc.v -= 1000 * hour;
    assert_true(app_roster_age_ms(f->app, f->now) >= age);
    app_close(f->app);
    f->now.boot_id++;
    f->now.mono.v = 5000;
    fixture_app_open(f);
    int64_t again = app_roster_age_ms(f->app, f->now);
    assert_true(again >= age - 120000);
    fixture_later(f, 70 * hour);
    assert_true(app_roster_age_ms(f->app, f->now) > LIMIT_ROSTER_AGE_MS);
    struct app_status status;
    app_status(f->app, f->now, &status);
    assert_true(status.roster_age_ms > LIMIT_ROSTER_AGE_MS);
    f->now.utc.v += 1000 * hour;
    fixture_cut(f, false);
    fixture_settle(f);
    assert_true(app_roster_age_ms(f->app, f->now) < 60000);
}

// ---- Withdrawing ----

static struct key_id key_of(struct fixture *f, struct rid person) {
    return key_id_of(&roster_person(f->hub_roster, person)->keys[0].key);
}

static void a_withdrawn_key_signs_nothing(void **state) {
    struct fixture *f = *state;
    struct refusal refusal = {0};
    struct rid alarm = hub_raise(f, "PT-1", "R1", 1);
    fixture_settle(f);
    fixture_sign_in(f, "101", PIN_LI);
    assert_int_equal(comment(f, alarm, "before", &refusal), RC_OK);
    fixture_settle(f);
    // A list that goes back behind that comment: it is disputed, here as everywhere.
    struct chain_id chain = {.author = f->config.author, .lane = LANE_SAFETY};
    struct key_id key = key_of(f, f->people[0]);
    struct body body = hub_body(f, KIND_KEY_REVOKE);
    body_put_text(&body, REVOKE_REASON, "PIN seen");
    roster_good_put(&body, &chain, 0);
    body_put_bytes(&body, REVOKE_KEY, key.id.b, ID_BYTES);
    (void)hub_append(f, KIND_KEY_REVOKE, &f->people[0]);
    fixture_settle(f);
    struct log_row rows[32];
    uint32_t count = app_log(f->app, alarm, rows, 32);
    assert_int_equal(rows[count - 1].verdict, VERDICT_ACCEPTED);
    assert_true(rows[count - 1].disputed);
    assert_int_equal(rows[count - 1].review, REVIEW_NONE);
    // The open session signs nothing more, and no new one begins.
    assert_int_equal(comment(f, alarm, "after", &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_KEY_REVOKED);
    app_sign_out(f->app, f->people[0]);
    assert_int_equal(app_sign_in(f->app, "101", PIN_LI, f->now, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_KEY_REVOKED);
    assert_int_equal(app_sign_once(f->app, "101", PIN_LI, f->now, &refusal), RC_REFUSED);
    // The admin finds it among the reviews and settles it.
    struct review_row reviews[8];
    assert_int_equal(app_reviews(f->app, reviews, 8), 1);
    assert_true(reviews[0].disputed);
    fixture_sign_in(f, "104", PIN_CHEN);
    struct review_act act = {
        .records = &reviews[0].rid, .count = 1, .decision = REVIEW_RELEASE, .reason = "核实"};
    assert_int_equal(app_review(f->app, &act, f->now, &refusal), RC_OK);
    fixture_settle(f);
    assert_int_equal(app_reviews(f->app, reviews, 8), 0);
    count = app_log(f->app, alarm, rows, 32);
    assert_int_equal(rows[count - 1].review, REVIEW_RELEASE);
}

static void a_withdrawal_can_go_back_in_time(void **state) {
    struct fixture *f = *state;
    struct refusal refusal = {0};
    struct rid alarm = hub_raise(f, "PT-1", "R1", 1);
    fixture_settle(f);
    fixture_sign_in(f, "101", PIN_LI);
    assert_int_equal(comment(f, alarm, "good", &refusal), RC_OK);
    fixture_settle(f);
    fixture_later(f, 60000);
    struct revoke_spec spec = {.reason = "stolen", .since = f->now.utc};
    fixture_later(f, 60000);
    assert_int_equal(comment(f, alarm, "bad", &refusal), RC_OK);
    fixture_settle(f);
    fixture_sign_in(f, "104", PIN_CHEN);
    assert_int_equal(
        app_key_revoke(f->app, f->people[0], key_of(f, f->people[0]), &spec, f->now, &refusal),
        RC_OK);
    fixture_settle(f);
    struct log_row rows[32];
    uint32_t count = app_log(f->app, alarm, rows, 32);
    assert_false(rows[count - 2].disputed);
    assert_true(rows[count - 1].disputed);
}

static void a_signing_role_waits_for_the_second_admin(void **state) {
    struct fixture *f = *state;
    struct refusal refusal = {0};
    const struct roster_proposal *rows = NULL;
    hub_role(f, f->people[1], ROLE_ADMIN, "");
    fixture_settle(f);
    fixture_sign_in(f, "104", PIN_CHEN);
    assert_int_equal(
        app_role_grant(f->app, f->people[0], ROLE_SHIFT_LEADER, "R1", f->now, &refusal), RC_OK);
    fixture_settle(f);
    const struct roster *roster = app_roster(f->app);
    uint32_t leader = ROLE_BIT(ROLE_SHIFT_LEADER);
    assert_false(roster_holds(roster, f->people[0], leader, NULL, f->now.utc));
    assert_int_equal(roster_proposals(roster, f->people[0], &rows), 1);
    struct rid proposal = rows[0].rid;
    assert_int_equal(app_second(f->app, f->people[0], proposal, f->now, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_TWO_PERSONS);
    fixture_sign_in(f, "102", PIN_WANG);
    assert_int_equal(app_second(f->app, f->people[0], proposal, f->now, &refusal), RC_OK);
    fixture_settle(f);
    assert_true(roster_holds(roster, f->people[0], leader, NULL, f->now.utc));
}

#define WITH_SITE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_SITE(one_step_is_signed_by_another),
        WITH_SITE(a_worker_is_signed_in_without_a_link),
        WITH_SITE(the_roster_grows_old),
        WITH_SITE(a_withdrawn_key_signs_nothing),
        WITH_SITE(a_withdrawal_can_go_back_in_time),
        WITH_SITE(a_signing_role_waits_for_the_second_admin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
