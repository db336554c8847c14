// From a reading on a topic to the occurrence in the log, across restarts.
#include "hub_fixture.h"

static void a_crossing_raises_once_and_returns(void **state) {
    struct fixture *f = *state;
    fixture_reading(f, "PT-1", 2700);
    assert_int_equal(fixture_occurrences(f, true).count, 0);
    fixture_later(f, 1000);
    fixture_reading(f, "PT-1", 2850.5);
    fixture_later(f, 1000);
    fixture_reading(f, "PT-1", 2860);
    struct occurrences all = fixture_occurrences(f, true);
    assert_int_equal(all.count, 1);
    assert_string_equal(all.state[0].tag, "PT-1");
    assert_string_equal(all.state[0].area, "R1");
    assert_int_equal(all.state[0].limit, ALARM_H);
    assert_int_equal(all.state[0].priority, 2);
    assert_true(decimal_to_double(all.state[0].value) == 2850.5);
    assert_true(decimal_to_double(all.state[0].limit_value) == 2800);
    fixture_later(f, 1000);
    fixture_reading(f, "PT-1", 2790);
    assert_int_equal(fixture_occurrences(f, true).count, 0);
    assert_int_equal(fixture_occurrences(f, false).count, 1);
    fixture_later(f, 1000);
    fixture_reading(f, "PT-1", 2801);
    all = fixture_occurrences(f, false);
    assert_int_equal(all.count, 2);
    assert_false(rid_equal(all.subject[0], all.subject[1]));
}

static void both_limits_have_their_own_occurrence(void **state) {
    struct fixture *f = *state;
    fixture_reading(f, "PT-1", 2950);
    struct occurrences all = fixture_occurrences(f, true);
    assert_int_equal(all.count, 2);
}

static void the_two_hundredth_alarm_is_raised_like_the_first(void **state) {
    struct fixture *f = *state;
    struct view_query all = {0};
    uint64_t count = 0;
    for (int i = 0; i < 200; i++) {
        fixture_later(f, 1000);
        fixture_reading(f, "PT-1", 2850);
        fixture_later(f, 1000);
        fixture_reading(f, "PT-1", 2700);
    }
    assert_int_equal(store_view_count(hub_store(f->hub), &alarm_module, &all, &count), RC_OK);
    assert_int_equal(count, 200);
}

static void a_delay_runs_on_without_new_data(void **state) {
    struct fixture *f = *state;
    fixture_reading(f, "LT-2", 10);
    assert_int_equal(fixture_occurrences(f, true).count, 0);
    fixture_later(f, 4999);
    fixture_step(f);
    assert_int_equal(fixture_occurrences(f, true).count, 0);
    fixture_later(f, 1);
    fixture_step(f);
    assert_int_equal(fixture_occurrences(f, true).count, 1);
}

static void a_restart_keeps_timers_and_raises_nothing_twice(void **state) {
    struct fixture *f = *state;
    fixture_reading(f, "PT-1", 2850);
    fixture_reading(f, "LT-2", 10);
    fixture_later(f, 3000);
    fixture_step(f);
    fixture_reopen(f);
    assert_int_equal(fixture_occurrences(f, true).count, 1);
    fixture_later(f, 2500);
    fixture_step(f);
    struct occurrences all = fixture_occurrences(f, true);
    assert_int_equal(all.count, 2); // the on-delay had 2 s left
    fixture_reading(f, "PT-1", 2700);
    assert_int_equal(fixture_occurrences(f, true).count, 1);
    fixture_reopen(f);
    assert_int_equal(fixture_occurrences(f, true).count, 1);
    assert_int_equal(fixture_occurrences(f, false).count, 2);
}

static void a_silent_gateway_is_an_alarm_of_its_own(void **state) {
    struct fixture *f = *state;
    fixture_reading(f, "PT-1", 2850);
    fixture_later(f, 31000);
    fixture_step(f);
    struct occurrences all = fixture_occurrences(f, true);
    assert_int_equal(all.count, 2); // the high pressure is not taken for normal
    assert_int_equal(all.state[1].limit, ALARM_STALE);
    assert_string_equal(all.state[1].tag, "gw1");
    fixture_reading(f, "LT-2", 50);
    all = fixture_occurrences(f, true);
    assert_int_equal(all.count, 1);
    assert_int_equal(all.state[0].limit, ALARM_H);
}

static void a_changed_limit_is_compared_with_the_log(void **state) {
    struct fixture *f = *state;
    fixture_reading(f, "PT-1", 2850);
    assert_int_equal(fixture_occurrences(f, true).count, 1);
    char *text = strdup(site_text);
    assert_non_null(text);
    memcpy(strstr(text, "H = 2800"), "H = 2880", 8);
    struct refusal refusal = {0};
    assert_int_equal(hub_site(f->hub, slice_text(text), f->now, &refusal), RC_OK);
    fixture_step(f);
    fixture_reading(f, "PT-1", 2850);
    assert_int_equal(fixture_occurrences(f, true).count, 0);
    free(text);
}

static void a_broken_site_file_is_refused_and_the_site_runs_on(void **state) {
    struct fixture *f = *state;
    char *text = strdup(site_text);
    assert_non_null(text);
    memcpy(strstr(text, "deadband=10 priority=2"), "deadband=xx priority=2", 22);
    struct refusal refusal = {0};
    assert_int_equal(hub_site(f->hub, slice_text(text), f->now, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_FILE_LINE);
    assert_non_null(strstr(refusal.args[0], "site.ini:16"));
    assert_non_null(strstr(refusal.args[1], "PT-1"));
    free(text);
    fixture_reading(f, "PT-1", 2850);
    assert_int_equal(fixture_occurrences(f, true).count, 1);
}

static void definitions_are_stated_once(void **state) {
    struct fixture *f = *state;
    struct view_query all = {0};
    uint64_t count = 0;
    assert_int_equal(store_view_count(hub_store(f->hub), &define_module, &all, &count), RC_OK);
    assert_int_equal(count, 4);
    struct define_state tag;
    struct rid subject = define_subject(store_site(hub_store(f->hub)), DEFINE_TAG, "PT-1");
    assert_int_equal(store_view_get(hub_store(f->hub), &define_module, subject, false, &tag),
                     RC_OK);
    assert_int_equal(tag.stale_s, 30); // of its gateway
    struct hub_status before, after;
    hub_status(f->hub, &before);
    fixture_reopen(f);
    hub_status(f->hub, &after);
    assert_int_equal(before.sync.n, after.sync.n);
}

static void hostile_telemetry_changes_nothing(void **state) {
    static const char *const payloads[] = {"",
                                           "{",
                                           "[]",
                                           "nul",
                                           "{\"tag\":\"PT-1\",\"v\":NaN}",
                                           "{\"tag\":\"PT-1\",\"v\":1e999}",
                                           "{\"tag\":\"PT-1\",\"v\":2950,\"v\":1}",
                                           "{\"tag\":\"PT-1\",\"v\":\"2950\"}",
                                           "{\"tag\":\"PT\\u0000\",\"v\":2950}",
                                           "{\"tag\":\"PT-1\",\"v\":2950}x",
                                           "{\"tag\":\"none\",\"v\":2950}",
                                           "{\"tag\":\"PT-1\",\"v\":2950,\"t\":1}",
                                           "{\"tag\":\"PT-1\",\"v\":2950,\"t\":4000000000000}",
                                           "[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        hub_telemetry(f->hub, "plant/gw1", slice_text(payloads[i]), f->now);
        fixture_step(f);
        assert_int_equal(fixture_occurrences(f, false).count, 0);
    }
    struct hub_status status;
    hub_status(f->hub, &status);
    assert_int_equal(status.payloads_bad + status.readings_bad, 14);
    assert_true(status.last_bad[0] != '\0');
    size_t len = 50u << 20;
    char *bomb = malloc(len);
    assert_non_null(bomb);
    memset(bomb, '[', len);
    hub_telemetry(f->hub, "plant/gw1", slice_of(bomb, len), f->now);
    free(bomb);
    hub_status(f->hub, &status);
    assert_int_equal(status.payloads_bad + status.readings_bad, 15);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_crossing_raises_once_and_returns, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(both_limits_have_their_own_occurrence, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(the_two_hundredth_alarm_is_raised_like_the_first,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_delay_runs_on_without_new_data, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_restart_keeps_timers_and_raises_nothing_twice,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_silent_gateway_is_an_alarm_of_its_own, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_changed_limit_is_compared_with_the_log, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_broken_site_file_is_refused_and_the_site_runs_on,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(definitions_are_stated_once, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(hostile_telemetry_changes_nothing, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
