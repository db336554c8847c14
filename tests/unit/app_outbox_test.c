// How far own acts got, and what a person hears of those that did not pass.
#include "app_fixture.h"

#include <sqlite3.h>

static struct app_status status_of(struct fixture *f) {
    struct app_status status;
    app_status(f->app, f->now, &status);
    return status;
}

static struct rid comment(struct fixture *f, struct rid alarm, const char *text) {
    struct refusal refusal = {0};
    struct outbox_row rows[64];
    assert_int_equal(app_alarm_comment(f->app, alarm, text, f->now, &refusal), RC_OK);
    uint32_t count = app_outbox(f->app, rows, 64);
    for (uint32_t i = count; i-- > 0;) {
        if (rows[i].stage == STAGE_WAITING) {
            return rows[i].rid; // waiting ones stand oldest first
        }
    }
    fail_msg("the act is not in the outbox");
    return alarm;
}

static enum act_stage stage_of(struct fixture *f, struct rid rid, uint16_t *out_rule) {
    struct outbox_row rows[64];
    uint32_t count = app_outbox(f->app, rows, 64);
    for (uint32_t i = 0; i < count; i++) {
        if (rid_equal(rows[i].rid, rid)) {
            *out_rule = rows[i].rule;
            return rows[i].stage;
        }
    }
    fail_msg("the act is not in the outbox");
    return STAGE_DRAFT;
}

static void deliver_up(struct fixture *f) {
    app_turn(f);
}

// waiting -> sent -> at hub -> accepted, one step after the other.
static void stages(void **state) {
    struct fixture *f = *state;
    uint16_t rule;
    struct rid alarm = hub_raise(f, "PT-1", "R1", 1);
    fixture_settle(f);
    fixture_sign_in(f, "101", PIN_LI);
    fixture_cut(f, true);
    struct rid act = comment(f, alarm, "one");
    app_turn(f);
    fixture_later(f, 7000);
    assert_int_equal(stage_of(f, act, &rule), STAGE_WAITING);
    struct app_status status = status_of(f);
    assert_int_equal(status.waiting, 1);
    assert_int_equal(status.sent, 0);
    assert_in_range(status.oldest_age_ms, 7000, 8000);
    assert_in_range(status.unsent_bytes, 150, 500);
    assert_false(status.linked);
    assert_true(status.stale);
    fixture_cut(f, false);
    fixture_later(f, 50);
    deliver_up(f); // HELLO
    hub_turn(f);   // WELCOME
    deliver_up(f); // the batch
    assert_int_equal(stage_of(f, act, &rule), STAGE_SENT);
    assert_int_equal(status_of(f).sent, 1);
    assert_int_equal(status_of(f).waiting, 0);
    // The hub answers: acknowledgement first, then the log. Only the first is let through.
    hub_turn(f);
    uint8_t *bytes;
    size_t len;
    struct mono_ms next;
    bool changed;
    while (f->down.count > 0) {
        struct frame frame;
        assert_true(frames_take(&f->down, &bytes, &len));
        assert_int_equal(frame_open(slice_of(bytes, len), &frame), RC_OK);
        if (frame.type == FRAME_ACK) {
            assert_int_equal(app_receive(f->app, slice_of(bytes, len)), RC_OK);
        }
        free(bytes);
    }
    assert_int_equal(app_step(f->app, f->now, &changed, &next), RC_OK);
    assert_int_equal(stage_of(f, act, &rule), STAGE_AT_HUB);
    assert_int_equal(status_of(f).at_hub, 1);
    assert_int_equal(status_of(f).unsent_bytes, 0);
    assert_int_equal(status_of(f).oldest_age_ms, -1);
    fixture_later(f, 60000);
    fixture_settle(f);
    fixture_settle(f);
    assert_int_equal(stage_of(f, act, &rule), STAGE_ACCEPTED);
    assert_int_equal(rule, 0);
    status = status_of(f);
    assert_int_equal(status.waiting + status.sent + status.at_hub + status.refused, 0);
}

// The hub's site changed while this console was cut off: the act is refused there, and the person
// hears why, also after a restart, until it was looked at.
static void refused_at_the_hub(void **state) {
    struct fixture *f = *state;
    uint16_t rule = 0;
    struct app_message message;
    struct rid alarm = hub_raise(f, "PT-1", "R1", 1);
    fixture_settle(f);
    fixture_sign_in(f, "101", PIN_LI);
    fixture_cut(f, true);
    struct rid act = comment(f, alarm, "one");
    struct body body = hub_body(f, KIND_ROLE_REVOKE);
    body_put_uint(&body, ROLE_ROLE, ROLE_OPERATOR);
    body_put_text(&body, ROLE_AREA, "R1");
    (void)hub_append(f, KIND_ROLE_REVOKE, &f->people[0]);
    fixture_cut(f, false);
    fixture_settle(f);
    assert_int_equal(stage_of(f, act, &rule), STAGE_REFUSED);
    assert_int_equal(rule, REFUSAL_RIGHT_MISSING);
    assert_int_equal(status_of(f).refused, 1);
    assert_true(app_next_message(f->app, &message));
    assert_int_equal(message.code, REFUSAL_RIGHT_MISSING);
    assert_int_equal(message.kind, KIND_ALARM_COMMENT);
    assert_true(rid_equal(message.subject, alarm));
    assert_false(app_next_message(f->app, &message));
    for (int restart = 0; restart < 2; restart++) {
        app_close(f->app);
        fixture_app_open(f);
        assert_int_equal(status_of(f).refused, 1);
        assert_int_equal(stage_of(f, act, &rule), STAGE_REFUSED);
        assert_false(app_next_message(f->app, &message)); // told once
    }
    app_outbox_seen(f->app);
    assert_int_equal(status_of(f).refused, 0);
    app_close(f->app);
    fixture_app_open(f);
    assert_int_equal(status_of(f).refused, 0);
}

// Refused rows stay in the list even when many newer ones were accepted.
static void refused_is_not_pushed_out(void **state) {
    struct fixture *f = *state;
    struct rid alarm = hub_raise(f, "PT-1", "R1", 1);
    fixture_settle(f);
    fixture_sign_in(f, "101", PIN_LI);
    fixture_cut(f, true);
    (void)comment(f, alarm, "refused");
    struct body body = hub_body(f, KIND_ROLE_REVOKE);
    body_put_uint(&body, ROLE_ROLE, ROLE_OPERATOR);
    body_put_text(&body, ROLE_AREA, "R1");
    (void)hub_append(f, KIND_ROLE_REVOKE, &f->people[0]);
    fixture_cut(f, false);
    fixture_settle(f);
    fixture_sign_in(f, "102", PIN_WANG);
    for (int i = 0; i < 100; i++) {
        struct refusal refusal = {0};
        assert_int_equal(app_alarm_comment(f->app, alarm, "later", f->now, &refusal), RC_OK);
    }
    fixture_settle(f);
    struct outbox_row rows[8];
    uint32_t count = app_outbox(f->app, rows, 8);
    assert_in_range(count, 2, 8);
    assert_int_equal(rows[0].stage, STAGE_REFUSED);
    assert_true(rid_equal(rows[0].person, f->people[0]));
    assert_int_equal(rows[1].stage, STAGE_ACCEPTED);
    for (uint32_t i = 2; i < count; i++) {
        assert_true(rows[i].time.v <= rows[i - 1].time.v); // newest accepted first
    }
}

// The bytes that wait are counted entry by entry, and agree with a count from the beginning.
static void unsent_bytes_agree(void **state) {
    struct fixture *f = *state;
    struct rid alarm = hub_raise(f, "PT-1", "R1", 1);
    fixture_settle(f);
    fixture_sign_in(f, "101", PIN_LI);
    for (int round = 0; round < 3; round++) {
        fixture_cut(f, true);
        uint64_t before = status_of(f).unsent_bytes;
        for (int i = 0; i < 10; i++) {
            (void)comment(f, alarm, "counted");
            assert_true(status_of(f).unsent_bytes > before);
            before = status_of(f).unsent_bytes;
        }
        app_close(f->app);
        fixture_app_open(f);
        assert_int_equal(status_of(f).unsent_bytes, before);
        fixture_sign_in(f, "101", PIN_LI);
        fixture_cut(f, false);
        fixture_settle(f);
        assert_int_equal(status_of(f).unsent_bytes, 0);
    }
}

// A full disk refuses the act with its name, changes nothing, and lets it pass when there is room.
static void disk_full(void **state) {
    struct fixture *f = *state;
    struct refusal refusal = {0};
    struct rid alarm = hub_raise(f, "PT-1", "R1", 1);
    fixture_settle(f);
    fixture_sign_in(f, "101", PIN_LI);
    fixture_cut(f, true);
    store_checkpoint(app_store(f->app));
    sqlite3 *db = store_sqlite(app_store(f->app));
    assert_int_equal(sqlite3_exec(db, "PRAGMA max_page_count=1", NULL, NULL, NULL), SQLITE_OK);
    char text[LIMIT_COMMENT_BYTES + 1];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    int taken = 0;
    enum rc rc = RC_OK;
    while (rc == RC_OK && taken < 100) {
        rc = app_alarm_comment(f->app, alarm, text, f->now, &refusal);
        taken += rc == RC_OK;
    }
    assert_int_equal(rc, RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_DISK_FULL);
    struct outbox_row rows[128];
    assert_int_equal(app_outbox(f->app, rows, 128), taken);
    assert_int_equal(status_of(f).waiting, taken);
    assert_int_equal(sqlite3_exec(db, "PRAGMA max_page_count=100000", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(app_alarm_comment(f->app, alarm, text, f->now, &refusal), RC_OK);
    fixture_cut(f, false);
    fixture_settle(f);
    assert_int_equal(status_of(f).waiting, 0);
}

// A disk that is full while the log comes in: nothing is lost, it comes again.
static void disk_full_while_receiving(void **state) {
    struct fixture *f = *state;
    sqlite3 *db = store_sqlite(app_store(f->app));
    store_checkpoint(app_store(f->app));
    assert_int_equal(sqlite3_exec(db, "PRAGMA max_page_count=1", NULL, NULL, NULL), SQLITE_OK);
    struct alarm_row rows[200];
    uint32_t total;
    assert_int_equal(store_begin(f->hub_store), RC_OK);
    for (int i = 0; i < 150; i++) {
        (void)hub_raise(f, "PT-1", "R1", 1);
    }
    assert_int_equal(sync_hub_seal(f->hub, f->now), RC_OK);
    assert_int_equal(store_commit(f->hub_store), RC_OK);
    fixture_settle(f);
    assert_true(app_alarm_list(f->app, NULL, rows, 200, &total) < 150);
    assert_int_equal(sqlite3_exec(db, "PRAGMA max_page_count=100000", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < 20 && app_alarm_list(f->app, NULL, rows, 200, &total) < 150; i++) {
        fixture_later(f, 10000);
        fixture_settle(f);
    }
    assert_int_equal(app_alarm_list(f->app, NULL, rows, 200, &total), 150);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(stages),
        TEST(refused_at_the_hub),
        TEST(refused_is_not_pushed_out),
        TEST(unsent_bytes_agree),
        TEST(disk_full),
        TEST(disk_full_while_receiving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
