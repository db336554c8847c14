// Who may act on a console: sign-in, lock-out, lock, first use.
#include "app_fixture.h"

static struct app_person person_of(struct fixture *f, const char *number) {
    struct app_person people[16];
    uint32_t count = app_people(f->app, people, 16);
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(people[i].number, number) == 0) {
            return people[i];
        }
    }
    fail_msg("nobody has the number %s", number);
    return people[0];
}

static void everyone_with_a_role_is_listed(void **state) {
    struct fixture *f = *state;
    struct app_person people[16];
    struct rid other = hub_person(f, "新人 Newcomer", "105");
    fixture_settle(f);
    assert_int_equal(app_people(f->app, people, 16), 4);
    hub_role(f, other, ROLE_OPERATOR, "");
    fixture_settle(f);
    assert_int_equal(app_people(f->app, people, 16), 5);
    assert_string_equal(people[4].number, "105"); // no key here: last
    assert_false(people[4].has_key);
    assert_true(people[0].has_key);
    assert_int_equal(app_people(f->app, people, 2), 2);
}

static void several_sign_in(void **state) {
    struct fixture *f = *state;
    struct app_person person;
    assert_false(app_active(f->app, &person));
    fixture_sign_in(f, "101", PIN_LI);
    fixture_sign_in(f, "１０２", "６８３０５１９２"); // full-width, as an input method leaves them
    assert_int_equal(app_signed_in_count(f->app), 2);
    assert_true(app_active(f->app, &person));
    assert_string_equal(person.name, "王芳 Wang Fang");
    assert_true(app_set_active(f->app, f->people[0]));
    assert_true(app_active(f->app, &person));
    assert_string_equal(person.number, "101");
    assert_false(app_set_active(f->app, f->people[3]));
    app_sign_out(f->app, f->people[0]);
    assert_int_equal(app_signed_in_count(f->app), 1);
    assert_true(app_active(f->app, &person));
    assert_string_equal(person.number, "102");
    fixture_sign_in(f, "102", PIN_WANG); // again: still one
    assert_int_equal(app_signed_in_count(f->app), 1);
}

static void wrong_entries_are_named(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *number, *pin;
        enum refusal_code code;
    } rows[] = {{"999", PIN_LI, REFUSAL_PERSON_UNKNOWN},
                {"", PIN_LI, REFUSAL_PERSON_UNKNOWN},
                {"101", PIN_WANG, REFUSAL_PIN_WRONG},
                {"101", "", REFUSAL_PIN_WRONG},
                {"101", "not digits", REFUSAL_PIN_WRONG},
                {"101", "999999999999999999999999999999999999999999", REFUSAL_PIN_WRONG}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct refusal refusal = {0};
        assert_int_equal(app_sign_in(f->app, rows[i].number, rows[i].pin, f->now, &refusal),
                         RC_REFUSED);
        assert_int_equal(refusal.code, rows[i].code);
        assert_int_equal(app_signed_in_count(f->app), 0);
    }
}

// Wrong tries first cost time, then the key; a restart does not give them back.
static void lock_out(void **state) {
    struct fixture *f = *state;
    struct refusal refusal = {0};
    int tries = 0;
    while (app_sign_in(f->app, "101", "00000000", f->now, &refusal) == RC_REFUSED &&
           refusal.code == REFUSAL_PIN_WRONG) {
        assert_true(++tries <= LIMIT_PIN_TRIES_LOCK);
    }
    assert_int_equal(refusal.code, REFUSAL_PIN_WAIT);
    assert_int_equal(tries, LIMIT_PIN_TRIES_FREE);
    app_close(f->app);
    fixture_app_open(f);
    assert_int_equal(app_sign_in(f->app, "101", PIN_LI, f->now, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_PIN_WAIT); // even the right one waits
    for (int i = 0; i < 20 && refusal.code != REFUSAL_PIN_LOCKED; i++) {
        fixture_later(f, LIMIT_PIN_WAIT_MS_MAX + 1000);
        assert_int_equal(app_sign_in(f->app, "101", "00000000", f->now, &refusal), RC_REFUSED);
    }
    assert_int_equal(refusal.code, REFUSAL_PIN_LOCKED);
    fixture_later(f, LIMIT_PIN_WAIT_MS_MAX * 10);
    assert_int_equal(app_sign_in(f->app, "101", PIN_LI, f->now, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_PIN_LOCKED);
    fixture_sign_in(f, "102", PIN_WANG); // another person's key is another counter
}

static void lock_closes_the_keys(void **state) {
    struct fixture *f = *state;
    struct refusal refusal = {0};
    struct rid alarm = hub_raise(f, "PT-1", "R1", 1);
    fixture_settle(f);
    fixture_sign_in(f, "101", PIN_LI);
    fixture_sign_in(f, "102", PIN_WANG);
    app_lock(f->app);
    assert_true(app_is_locked(f->app));
    assert_true(person_of(f, "102").active);
    assert_int_equal(app_alarm_comment(f->app, alarm, "x", f->now, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_LOCKED);
    struct alarm_row rows[4];
    uint32_t total;
    assert_int_equal(app_alarm_list(f->app, NULL, rows, 4, &total), 1); // alarms go on showing
    assert_int_equal(app_unlock(f->app, "102", "12345678", f->now, &refusal), RC_REFUSED);
    assert_true(app_is_locked(f->app));
    assert_int_equal(app_unlock(f->app, "102", PIN_WANG, f->now, &refusal), RC_OK);
    assert_false(app_is_locked(f->app));
    // The other one's key stays closed until her own PIN is given.
    assert_false(person_of(f, "101").signed_in);
    assert_false(app_set_active(f->app, f->people[0]));
    assert_int_equal(app_alarm_comment(f->app, alarm, "x", f->now, &refusal), RC_OK);
}

static void locks_by_itself(void **state) {
    struct fixture *f = *state;
    fixture_sign_in(f, "101", PIN_LI);
    fixture_later(f, LIMIT_SESSION_IDLE_MS - 1000);
    app_turn(f);
    assert_false(app_is_locked(f->app));
    app_touch(f->app, f->now);
    fixture_later(f, LIMIT_SESSION_IDLE_MS - 1000);
    app_turn(f);
    assert_false(app_is_locked(f->app));
    fixture_later(f, 1000);
    app_turn(f);
    assert_true(app_is_locked(f->app));
}

static void nobody_is_locked_out_of_nothing(void **state) {
    struct fixture *f = *state;
    app_lock(f->app);
    assert_false(app_is_locked(f->app));
    fixture_later(f, LIMIT_SESSION_IDLE_MS * 2);
    app_turn(f);
    assert_false(app_is_locked(f->app));
}

static void first_use(void **state) {
    struct fixture *f = *state;
    struct refusal refusal = {0};
    struct app_message message;
    struct rid other = hub_person(f, "新人 Newcomer", "105");
    hub_role(f, other, ROLE_OPERATOR, "");
    fixture_settle(f);
    assert_int_equal(app_sign_in(f->app, "105", "91827364", f->now, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_KEY_UNKNOWN);
    assert_int_equal(app_first_use(f->app, "105", "00000000", "91827364", f->now, &refusal), RC_OK);
    assert_true(person_of(f, "105").waiting);
    fixture_settle(f);
    assert_true(app_next_message(f->app, &message));
    assert_int_equal(message.code, REFUSAL_CODE_MISMATCH);
    assert_false(person_of(f, "105").waiting);
    assert_false(person_of(f, "105").has_key);
    assert_int_equal(app_first_use(f->app, "105", CODE_LI, "91827364", f->now, &refusal), RC_OK);
    fixture_settle(f);
    assert_true(app_next_message(f->app, &message));
    assert_int_equal(message.code, REFUSAL_NONE);
    assert_int_equal(message.kind, KIND_KEY_CERTIFY);
    assert_true(person_of(f, "105").has_key);
    fixture_sign_in(f, "105", "91827364");
}

static void first_use_refusals(void **state) {
    struct fixture *f = *state;
    static const struct {
        const char *number, *pin;
        enum refusal_code code;
    } rows[] = {
        {"999", "91827364", REFUSAL_PERSON_UNKNOWN}, {"101", "9182736", REFUSAL_PIN_SHORT},
        {"101", "9182736a", REFUSAL_PIN_SHORT},      {"101", "", REFUSAL_PIN_SHORT},
        {"101", "11111111", REFUSAL_PIN_DEMO},       {"101", "１３５７２４６８", REFUSAL_PIN_DEMO},
        {"101", "24681357", REFUSAL_PIN_DEMO},       {"101", "11223344", REFUSAL_PIN_DEMO}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct refusal refusal = {0};
        assert_int_equal(
            app_first_use(f->app, rows[i].number, CODE_LI, rows[i].pin, f->now, &refusal),
            RC_REFUSED);
        assert_int_equal(refusal.code, rows[i].code);
    }
    struct refusal refusal = {0};
    fixture_cut(f, true);
    assert_int_equal(app_first_use(f->app, "101", CODE_LI, "91827364", f->now, &refusal),
                     RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_OFFLINE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everyone_with_a_role_is_listed, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(several_sign_in, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(wrong_entries_are_named, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(lock_out, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(lock_closes_the_keys, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(locks_by_itself, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(nobody_is_locked_out_of_nothing, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(first_use, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(first_use_refusals, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
