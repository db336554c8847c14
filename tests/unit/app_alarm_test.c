// Alarms on a console: what is listed, what an acknowledgement takes, also while cut off.
#include "app_fixture.h"

static struct alarm_row row_of(struct fixture *f, struct rid subject) {
    struct alarm_filter all = {.include_closed = true};
    struct alarm_row rows[600];
    uint32_t total;
    uint32_t count = app_alarm_list(f->app, &all, rows, 600, &total);
    for (uint32_t i = 0; i < count; i++) {
        if (rid_equal(rows[i].subject, subject)) {
            return rows[i];
        }
    }
    fail_msg("the alarm is not listed");
    return rows[0];
}

static char letter_of(struct fixture *f, struct rid subject) {
    struct alarm_row row = row_of(f, subject);
    return alarm_letter(&row.state);
}

static struct painted_row painted(struct fixture *f, struct rid subject) {
    return (struct painted_row){.subject = subject,
                                .changed_n = row_of(f, subject).state.changed_n};
}

static uint32_t list(struct fixture *f, const struct alarm_filter *filter) {
    struct alarm_row rows[16];
    uint32_t total;
    uint32_t count = app_alarm_list(f->app, filter, rows, 16, &total);
    assert_int_equal(count, total);
    return count;
}

static enum refusal_code ack(struct fixture *f, const struct painted_row *rows, uint32_t count,
                             uint32_t *out_taken) {
    struct refusal refusal = {0};
    enum rc rc = app_alarm_ack(f->app, rows, count, NULL, f->now, out_taken, &refusal);
    assert_int_equal(rc, refusal.code == REFUSAL_NONE ? RC_OK : RC_REFUSED);
    return refusal.code;
}

static void listed_and_filtered(void **state) {
    struct fixture *f = *state;
    struct rid low = hub_raise(f, "PT-1", "R1", 3);
    struct rid high = hub_raise(f, "PT-2", "R1", 1);
    (void)hub_raise(f, "LT-1", "S1", 2);
    fixture_settle(f);
    struct alarm_row rows[8];
    uint32_t total;
    assert_int_equal(app_alarm_list(f->app, NULL, rows, 8, &total), 3);
    assert_true(rid_equal(rows[0].subject, high));
    assert_true(rid_equal(rows[2].subject, low));
    assert_int_equal(app_alarm_list(f->app, NULL, rows, 2, &total), 2);
    assert_int_equal(total, 3);
    assert_int_equal(list(f, &(struct alarm_filter){.area = "R1"}), 2);
    assert_int_equal(list(f, &(struct alarm_filter){.priority_max = 2}), 2);
    assert_int_equal(list(f, &(struct alarm_filter){.area = "S1", .priority_max = 1}), 0);
}

// Offline: the act is durable here, the row says so, the log knows it later.
static void acknowledged_while_cut_off(void **state) {
    struct fixture *f = *state;
    uint32_t taken = 0;
    struct rid alarm = hub_raise(f, "PT-1", "R1", 1);
    fixture_settle(f);
    fixture_cut(f, true);
    fixture_sign_in(f, "101", PIN_LI);
    struct painted_row row = painted(f, alarm);
    assert_int_equal(ack(f, &row, 1, &taken), REFUSAL_NONE);
    assert_int_equal(taken, 1);
    struct alarm_state now = row_of(f, alarm).state;
    assert_true(now.acked && now.acked_pending);
    assert_int_equal(list(f, &(struct alarm_filter){.unacked_only = true}), 0);
    // A second time there is nothing to do.
    assert_int_equal(ack(f, &row, 1, &taken), REFUSAL_NOTHING);
    // A restart loses nothing.
    app_close(f->app);
    fixture_app_open(f);
    now = row_of(f, alarm).state;
    assert_true(now.acked && now.acked_pending);
    fixture_cut(f, false);
    fixture_settle(f);
    now = row_of(f, alarm).state;
    assert_true(now.acked && !now.acked_pending);
    assert_true(rid_equal(now.acked_by, f->people[0]));
    struct alarm_detail detail;
    assert_int_equal(app_alarm_detail(f->app, alarm, &detail), RC_OK);
    assert_string_equal(detail.acked_by, "李伟 Li Wei");
    assert_string_equal(detail.consequence, "泄压 Relief");
    assert_string_equal(detail.action, "减料 Reduce feed");
    assert_int_equal(detail.respond_s, 300);
}

// An alarm that came again is another occurrence: the old row's acknowledgement does not touch it.
static void an_older_occurrence_never_touches_a_newer_one(void **state) {
    struct fixture *f = *state;
    uint32_t taken;
    struct rid first = hub_raise(f, "PT-1", "R1", 1);
    fixture_settle(f);
    fixture_sign_in(f, "101", PIN_LI);
    struct painted_row row = painted(f, first);
    fixture_cut(f, true);
    assert_int_equal(ack(f, &row, 1, &taken), REFUSAL_NONE);
    hub_return(f, first);
    struct rid second = hub_raise(f, "PT-1", "R1", 1);
    fixture_cut(f, false);
    fixture_settle(f);
    assert_true(row_of(f, first).state.acked);
    assert_false(row_of(f, second).state.acked);
    assert_int_equal(list(f, NULL), 1);
}

// Rows that changed since they were painted, are closed, unknown or named twice are left out.
static void only_rows_as_they_were_painted(void **state) {
    struct fixture *f = *state;
    uint32_t taken;
    struct rid alarms[3];
    struct painted_row rows[6];
    for (int i = 0; i < 3; i++) {
        alarms[i] = hub_raise(f, "PT-1", "R1", 2);
    }
    fixture_settle(f);
    for (int i = 0; i < 3; i++) {
        rows[i] = painted(f, alarms[i]);
    }
    rows[3] = rows[0];
    rows[4] = (struct painted_row){.subject = f->people[0], .changed_n = 1};
    rows[5] = (struct painted_row){.changed_n = 0};
    hub_return(f, alarms[1]); // it changed under the operator's eyes
    fixture_settle(f);
    fixture_sign_in(f, "102", PIN_WANG);
    assert_int_equal(ack(f, rows, 6, &taken), REFUSAL_NONE);
    assert_int_equal(taken, 2);
    assert_true(row_of(f, alarms[0]).state.acked);
    assert_false(row_of(f, alarms[1]).state.acked);
    assert_true(row_of(f, alarms[2]).state.acked);
    assert_int_equal(row_of(f, alarms[1]).state.changed_n > rows[1].changed_n, 1);
    // One record names both.
    struct outbox_row own[8];
    assert_int_equal(app_outbox(f->app, own, 8), 1);
    assert_int_equal(own[0].kind, KIND_ALARM_ACK);
    assert_int_equal(own[0].subject_count, 2);
}

// More rows than one record names: several records, together durable.
static void many_rows_several_records(void **state) {
    struct fixture *f = *state;
    enum { COUNT = LIMIT_RECORD_SUBJECTS + 44 };
    static struct painted_row rows[COUNT];
    uint32_t taken;
    assert_int_equal(store_begin(f->hub_store), RC_OK);
    for (int i = 0; i < COUNT; i++) {
        (void)hub_raise(f, "PT-1", "R1", 2);
    }
    assert_int_equal(sync_hub_seal(f->hub, f->now), RC_OK);
    assert_int_equal(store_commit(f->hub_store), RC_OK);
    fixture_settle(f);
    fixture_settle(f);
    static struct alarm_row listed[COUNT];
    uint32_t total;
    assert_int_equal(app_alarm_list(f->app, NULL, listed, COUNT, &total), COUNT);
    for (int i = 0; i < COUNT; i++) {
        rows[i].subject = listed[i].subject;
        rows[i].changed_n = listed[i].state.changed_n;
    }
    fixture_cut(f, true);
    fixture_sign_in(f, "102", PIN_WANG);
    assert_int_equal(ack(f, rows, COUNT, &taken), REFUSAL_NONE);
    assert_int_equal(taken, COUNT);
    struct outbox_row own[8];
    assert_int_equal(app_outbox(f->app, own, 8), 2);
    assert_int_equal(own[0].subject_count + own[1].subject_count, COUNT);
    fixture_cut(f, false);
    fixture_settle(f);
    assert_int_equal(list(f, &(struct alarm_filter){.unacked_only = true}), 0);
}

// Said at once, before anything is signed; nothing is left behind.
static void refusals(void **state) {
    struct fixture *f = *state;
    uint32_t taken = 77;
    struct refusal refusal = {0};
    struct rid here = hub_raise(f, "PT-1", "R1", 1);
    struct rid there = hub_raise(f, "LT-1", "S1", 1);
    fixture_settle(f);
    struct painted_row row = painted(f, here);
    struct painted_row both[2] = {painted(f, here), painted(f, there)};
    assert_int_equal(ack(f, &row, 1, &taken), REFUSAL_NOT_SIGNED_IN);
    fixture_sign_in(f, "103", PIN_ZHAO);
    assert_int_equal(ack(f, &row, 1, &taken), REFUSAL_RIGHT_MISSING);
    fixture_sign_in(f, "101", PIN_LI);
    assert_int_equal(ack(f, both, 2, &taken), REFUSAL_ROLE_AREA);
    assert_int_equal(ack(f, NULL, 0, &taken), REFUSAL_NOTHING);
    app_lock(f->app);
    assert_int_equal(ack(f, &row, 1, &taken), REFUSAL_LOCKED);
    assert_int_equal(app_unlock(f->app, "101", PIN_LI, f->now, &refusal), RC_OK);
    assert_int_equal(taken, 77); // untouched by all of these
    struct outbox_row own[8];
    assert_int_equal(app_outbox(f->app, own, 8), 0);
    assert_false(row_of(f, here).state.acked);
    assert_int_equal(ack(f, &row, 1, &taken), REFUSAL_NONE);
}

static void comments(void **state) {
    struct fixture *f = *state;
    struct refusal refusal = {0};
    char longest[LIMIT_COMMENT_BYTES + 2];
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    struct rid alarm = hub_raise(f, "PT-1", "R1", 1);
    fixture_settle(f);
    fixture_sign_in(f, "101", PIN_LI);
    static const char *const bad[] = {"", "\x1b[31m", "\xff\xfe",
                                      "a\xe2\x80\xae"
                                      "b"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(app_alarm_comment(f->app, alarm, bad[i], f->now, &refusal), RC_REFUSED);
        assert_int_equal(refusal.code, REFUSAL_FIELD_TEXT);
    }
    assert_int_equal(app_alarm_comment(f->app, alarm, longest, f->now, &refusal), RC_REFUSED);
    longest[LIMIT_COMMENT_BYTES] = '\0';
    assert_int_equal(app_alarm_comment(f->app, alarm, longest, f->now, &refusal), RC_OK);
    assert_int_equal(app_alarm_comment(f->app, f->people[0], "x", f->now, &refusal), RC_REFUSED);
    uint32_t taken;
    struct painted_row row = painted(f, alarm);
    assert_int_equal(app_alarm_ack(f->app, &row, 1, "\x1b", f->now, &taken, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_FIELD_TEXT);
    assert_int_equal(app_alarm_ack(f->app, &row, 1, "检查 checked", f->now, &taken, &refusal),
                     RC_OK);
    fixture_settle(f);
    assert_int_equal(row_of(f, alarm).state.comment_count, 1);
}

// The hub closes what it has; the console follows.
static void closed_alarms_leave_the_list(void **state) {
    struct fixture *f = *state;
    uint32_t taken;
    struct rid alarm = hub_raise(f, "PT-1", "R1", 1);
    fixture_settle(f);
    hub_return(f, alarm);
    fixture_settle(f);
    assert_int_equal(letter_of(f, alarm), 'R');
    fixture_sign_in(f, "101", PIN_LI);
    struct painted_row row = painted(f, alarm);
    fixture_cut(f, true);
    assert_int_equal(ack(f, &row, 1, &taken), REFUSAL_NONE);
    assert_int_equal(list(f, NULL), 1); // still shown while its acknowledgement is on its way
    fixture_cut(f, false);
    fixture_settle(f);
    assert_int_equal(list(f, NULL), 0);
    assert_int_equal(letter_of(f, alarm), '-');
    struct painted_row closed = painted(f, alarm);
    assert_int_equal(ack(f, &closed, 1, &taken), REFUSAL_NOTHING);
}

static void overview(void **state) {
    struct fixture *f = *state;
    struct area_row rows[8];
    assert_int_equal(app_areas(f->app, f->now, rows, 8), 2);
    assert_string_equal(rows[0].code, "R1");
    assert_string_equal(rows[1].name, "分离 Separation");
    assert_int_equal(rows[0].tags, 2);
    assert_int_equal(rows[0].tags_unknown, 2); // nothing heard is unknown, never normal
    assert_int_equal(rows[0].worst, 0);
    struct rid worst = hub_raise(f, "PT-1", "R1", 1);
    (void)hub_raise(f, "PT-2", "R1", 2);
    struct rid gone = hub_raise(f, "LT-1", "S1", 3);
    (void)hub_raise(f, "XX", "nowhere", 4);
    hub_return(f, gone);
    fixture_settle(f);
    assert_int_equal(app_areas(f->app, f->now, rows, 8), 3);
    assert_int_equal(rows[0].unacked[0], 2);
    assert_int_equal(rows[0].unacked[1], 1);
    assert_int_equal(rows[0].worst, 1);
    assert_int_equal(rows[0].letter, 'U');
    assert_true(rid_equal(rows[0].worst_subject, worst));
    assert_int_equal(rows[1].returned, 1);
    assert_int_equal(rows[1].letter, 'R');
    assert_string_equal(rows[2].code, "");
    assert_int_equal(rows[2].unacked[4], 1);
    uint32_t taken;
    fixture_sign_in(f, "101", PIN_LI);
    struct painted_row row = painted(f, worst);
    assert_int_equal(ack(f, &row, 1, &taken), REFUSAL_NONE);
    assert_int_equal(app_areas(f->app, f->now, rows, 8), 3);
    assert_int_equal(rows[0].unacked[0], 1);
    assert_int_equal(rows[0].standing[1], 1);
    assert_int_equal(rows[0].worst, 2); // unacknowledged stands above acknowledged
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(listed_and_filtered),
        TEST(acknowledged_while_cut_off),
        TEST(an_older_occurrence_never_touches_a_newer_one),
        TEST(only_rows_as_they_were_painted),
        TEST(many_rows_several_records),
        TEST(refusals),
        TEST(comments),
        TEST(closed_alarms_leave_the_list),
        TEST(overview),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
