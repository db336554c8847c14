// What keys do on the console: signing in, acknowledging, silencing, finding the way; and what they
// must not do.
#include "screen_fake.h"

#include "davy/base/text.h"

static const struct fake_size normal = {"80x24", 24, 80};
static const struct fake_size small = {"40x16", 16, 40};

struct console {
    struct app app;
    struct screen *screen;
};

static struct console *open_console(bool signed_in, struct fake_size size) {
    struct console *console = calloc(1, sizeof *console);
    assert_non_null(console);
    fake_init(&console->app, false);
    if (signed_in) {
        fake_sign_in(&console->app);
    }
    console->screen = fake_screen(&console->app, size, false);
    fake_step(console->screen);
    return console;
}

static void close_console(struct console *console) {
    screen_free(console->screen);
    fake_fini(&console->app);
    free(console);
}

static void press(struct console *console, uint32_t key) {
    fake_key(console->screen, key);
    fake_step(console->screen);
}

static void reload(struct console *console) {
    screen_changed(console->screen, console->screen->now);
    fake_step(console->screen);
}

static struct alarm_state *alarm_of(struct console *console, const char *tag) {
    for (uint32_t i = 0; i < console->app.alarm_count; i++) {
        if (strcmp(console->app.alarms[i].state.tag, tag) == 0) {
            return &console->app.alarms[i].state;
        }
    }
    fail();
    return NULL;
}

static void later(struct console *console, int64_t ms) {
    fake_frame(console->screen, console->screen->now.mono.v - FAKE_NOW_MONO + ms);
}

// ---- Acknowledging ----

static void priority_1_asks_and_enter_means_no(void **state) {
    (void)state;
    struct console *console = open_console(true, normal);
    press(console, '2');
    press(console, 'a');
    assert_true(fake_shows(console->screen, "highest priority 1"));
    assert_true(fake_shows(console->screen, "AT-301"));
    press(console, TUI_KEY_ENTER);
    assert_int_equal(console->app.acked, 0);
    press(console, TUI_KEY_F(8));
    press(console, 'y');
    assert_int_equal(console->app.acked, 1);
    assert_true(alarm_of(console, "AT-301")->acked);
    assert_true(fake_shows(console->screen, "1 acknowledged. Signed and sent."));
    close_console(console);
}

static void lower_priority_is_acknowledged_at_once_and_the_cursor_stays(void **state) {
    (void)state;
    struct console *console = open_console(true, normal);
    press(console, '2');
    press(console, TUI_KEY_DOWN); // TT-202, priority 2
    press(console, 'a');
    assert_true(alarm_of(console, "TT-202")->acked);
    // The cursor is on the row that moved up, not on the one that went down the list.
    assert_true(fake_shows(console->screen, "> !2* R"));
    later(console, 1000);
    press(console, 'a');
    assert_true(alarm_of(console, "LT-203")->acked);
    assert_false(alarm_of(console, "PT-303")->acked);
    close_console(console);
}

static void a_bouncing_key_acknowledges_one_row(void **state) {
    (void)state;
    struct console *console = open_console(true, normal);
    press(console, '2');
    press(console, TUI_KEY_DOWN);
    fake_type(console->screen, "aa");
    assert_true(alarm_of(console, "TT-202")->acked);
    assert_false(alarm_of(console, "LT-203")->acked);
    close_console(console);
}

static void rows_are_taken_as_they_were_painted(void **state) {
    (void)state;
    struct console *console = open_console(true, normal);
    press(console, '2');
    press(console, TUI_KEY_DOWN);
    uint64_t painted = alarm_of(console, "TT-202")->changed_n;
    alarm_of(console, "TT-202")->changed_n = 5000; // changes behind the person's back
    press(console, 'a');
    assert_int_equal(console->app.acked, 1);
    assert_int_equal(console->app.ack_rows[0].changed_n, painted);
    assert_false(alarm_of(console, "TT-202")->acked);
    close_console(console);
}

static void marking_all_takes_only_what_was_shown(void **state) {
    (void)state;
    struct console *console = open_console(true, small);
    for (int i = 0; i < 40; i++) {
        fake_add_alarm(&console->app, &fake_alarms[2]);
    }
    press(console, '2');
    reload(console);
    press(console, '*');
    press(console, 'a');
    assert_true(fake_shows(console->screen, "highest priority 1"));
    press(console, 'y');
    assert_int_equal(console->app.acked, 6); // the rows of a 40x16 screen
    assert_true(fake_shows(console->screen, "left out"));
    close_console(console);
}

static void a_row_that_slipped_under_the_cursor_is_not_acknowledged(void **state) {
    (void)state;
    struct console *console = open_console(true, normal);
    press(console, '2');
    press(console, 'U');
    press(console, TUI_KEY_DOWN);
    alarm_of(console, "TT-202")->acked = true; // somebody else was faster
    reload(console);
    press(console, 'a');
    assert_int_equal(console->app.acked, 0);
    assert_true(fake_shows(console->screen, "went away"));
    press(console, TUI_KEY_UP);
    press(console, TUI_KEY_DOWN);
    press(console, 'a');
    assert_int_equal(console->app.acked, 1);
    close_console(console);
}

static void a_refusal_is_shown_and_changes_nothing(void **state) {
    (void)state;
    struct console *console = open_console(true, normal);
    console->app.refuse = REFUSAL_RIGHT_MISSING;
    press(console, '2');
    press(console, TUI_KEY_DOWN);
    press(console, 'a');
    assert_true(fake_shows(console->screen, "whose role allows it"));
    assert_false(alarm_of(console, "TT-202")->acked);
    close_console(console);
}

static void the_detail_acknowledges_what_it_shows(void **state) {
    (void)state;
    struct console *console = open_console(true, normal);
    press(console, '2');
    press(console, TUI_KEY_DOWN);
    press(console, TUI_KEY_ENTER);
    assert_true(fake_shows(console->screen, "within 10 min, OVERDUE"));
    press(console, 'a');
    assert_true(alarm_of(console, "TT-202")->acked);
    assert_true(fake_shows(console->screen, "not yet accepted"));
    close_console(console);
}

static void a_comment_is_signed(void **state) {
    (void)state;
    struct console *console = open_console(true, normal);
    press(console, '2');
    press(console, 'c');
    fake_type(console->screen, "valve shut");
    press(console, TUI_KEY_ENTER);
    assert_string_equal(console->app.comment, "valve shut");
    close_console(console);
}

// For the site unless told otherwise; an observer says nothing.
static void a_remark_is_signed(void **state) {
    (void)state;
    struct console *console = open_console(true, normal);
    press(console, 'e');
    assert_true(fake_shows(console->screen, "Smell at the north fence"));
    assert_true(fake_shows(console->screen, "waiting"));
    press(console, 'c');
    fake_type(console->screen, "drain is blocked");
    press(console, TUI_KEY_ENTER);
    assert_string_equal(console->app.comment, "drain is blocked");
    assert_int_equal(console->app.audience, AUDIENCE_SITE);
    press(console, 'v');
    press(console, 'v');
    assert_true(fake_shows(console->screen, "city"));
    press(console, 'c');
    fake_type(console->screen, "for the city");
    press(console, TUI_KEY_ENTER);
    assert_int_equal(console->app.audience, AUDIENCE_CITY);
    press(console, 'O');
    press(console, 'c');
    fake_type(console->screen, "x");
    press(console, TUI_KEY_ENTER);
    assert_string_equal(console->app.comment, "for the city");
    close_console(console);
}

static void an_observer_signs_nothing(void **state) {
    (void)state;
    struct console *console = open_console(true, normal);
    press(console, 'O');
    press(console, '2');
    press(console, TUI_KEY_DOWN);
    press(console, 'a');
    press(console, 'c');
    assert_int_equal(console->app.acked, 0);
    assert_true(fake_shows(console->screen, "only observes"));
    assert_true(fake_shows(console->screen, "observing"));
    close_console(console);
}

// ---- People ----

static void sign_in_by_digit_and_pin(void **state) {
    (void)state;
    struct console *console = open_console(false, normal);
    assert_int_equal(console->screen->at, SCREEN_PEOPLE);
    press(console, '2');
    fake_type(console->screen, "11111111");
    assert_false(fake_shows(console->screen, "11111111"));
    press(console, TUI_KEY_ENTER);
    assert_true(fake_shows(console->screen, "4 tries"));
    assert_int_equal(app_signed_in_count(&console->app), 0);
    fake_type(console->screen, "20260822");
    press(console, TUI_KEY_ENTER);
    assert_int_equal(console->screen->at, SCREEN_OVERVIEW);
    assert_true(fake_shows(console->screen, "Li Na"));
    close_console(console);
}

static void without_sign_in_there_is_no_way_in(void **state) {
    (void)state;
    struct console *console = open_console(false, normal);
    fake_type(console->screen, "x");
    press(console, TUI_KEY_ESC);
    fake_type(console->screen, "LOrq");
    assert_int_equal(console->screen->at, SCREEN_PEOPLE);
    press(console, 'n'); // no, do not leave
    press(console, ',');
    fake_type(console->screen, "OL");
    press(console, 'q');
    assert_int_equal(console->screen->at, SCREEN_PEOPLE);
    assert_false(screen_wants_exit(console->screen));
    close_console(console);
}

static void two_people_and_who_acts(void **state) {
    (void)state;
    struct console *console = open_console(true, normal);
    press(console, 'p');
    press(console, '2');
    fake_type(console->screen, "20260822");
    press(console, TUI_KEY_ENTER);
    assert_true(fake_shows(console->screen, "Li Na +1"));
    press(console, 'p');
    press(console, '1'); // signed in already: no PIN
    assert_true(fake_shows(console->screen, "Zhang Wei +1"));
    press(console, 'p');
    press(console, TUI_KEY_HOME);
    press(console, 'o');
    assert_int_equal(app_signed_in_count(&console->app), 1);
    close_console(console);
}

static void first_use_tells_what_is_wrong_at_the_field(void **state) {
    (void)state;
    struct console *console = open_console(false, normal);
    press(console, '4'); // no key here yet
    assert_int_equal(console->screen->at, SCREEN_FIRST_USE);
    assert_true(fake_shows(console->screen, "9001"));
    press(console, TUI_KEY_TAB);
    fake_type(console->screen, "K7M2\t12345678\t12345679");
    press(console, TUI_KEY_ENTER);
    assert_true(fake_shows(console->screen, "The two PINs differ."));
    fake_key(console->screen, TUI_KEY_BACKSPACE);
    fake_type(console->screen, "8");
    press(console, TUI_KEY_ENTER);
    assert_int_equal(console->screen->at, SCREEN_PEOPLE);
    assert_true(fake_shows(console->screen, "waits for hub"));
    close_console(console);
}

static void a_locked_console_shows_and_can_be_silenced_but_does_nothing(void **state) {
    (void)state;
    struct console *console = open_console(true, normal);
    press(console, '2');
    app_lock(&console->app); // nobody touched it for a while
    reload(console);
    assert_int_equal(console->screen->at, SCREEN_LOCK);
    assert_true(fake_shows(console->screen, "AT-301"));
    fake_type(console->screen, "a1345,:qQxL");
    fake_key(console->screen, TUI_KEY_ESC);
    assert_int_equal(console->screen->at, SCREEN_LOCK);
    assert_false(screen_wants_exit(console->screen));
    assert_int_equal(console->app.acked, 0);
    tui_modal_close(console->screen->modal); // '1' asked for the PIN
    press(console, 'm');
    assert_true(fake_shows(console->screen, "silenced"));
    press(console, TUI_KEY_ENTER);
    fake_type(console->screen, "20260822");
    press(console, TUI_KEY_ENTER);
    assert_int_equal(console->screen->at, SCREEN_ALARMS);
    close_console(console);
}

// ---- Scanner ----

static void scan(struct console *console, const char *text) {
    struct tui_event event = {.kind = TUI_EVENT_PASTE, .paste = text};
    screen_event(console->screen, &event);
    fake_step(console->screen);
}

static void scans_are_looked_up_and_never_typed(void **state) {
    (void)state;
    struct console *console = open_console(true, normal);
    scan(console, "LT-302\r");
    assert_int_equal(console->screen->at, SCREEN_TAG);
    scan(console, "aaaQy");
    assert_true(fake_shows(console->screen, "not known here"));
    assert_int_equal(console->app.acked, 0);
    assert_false(screen_wants_exit(console->screen));
    scan(console, "1002");
    assert_true(tui_modal_is_open(console->screen->modal));
    close_console(console);
    console = open_console(false, normal);
    scan(console, "LT-302"); // before sign-in only badges are taken
    assert_int_equal(console->screen->at, SCREEN_PEOPLE);
    close_console(console);
}

// ---- The way around ----

static void a_filter_that_hides_priority_1_says_so(void **state) {
    (void)state;
    struct console *console = open_console(true, normal);
    press(console, '2');
    press(console, 'A');
    press(console, '2'); // the first area after "every area"
    assert_true(fake_shows(console->screen, "!1 HIDDEN: 1"));
    assert_true(fake_shows(console->screen, "Reaction"));
    close_console(console);
}

static void an_area_leads_to_its_alarms_and_back(void **state) {
    (void)state;
    struct console *console = open_console(true, normal);
    press(console, TUI_KEY_DOWN);
    press(console, TUI_KEY_ENTER);
    assert_int_equal(console->screen->at, SCREEN_ALARMS);
    assert_true(fake_shows(console->screen, "3 of 8"));
    press(console, TUI_KEY_ENTER);
    press(console, 'l');
    press(console, TUI_KEY_ENTER);
    assert_int_equal(console->screen->at, SCREEN_RECORD);
    fake_type(console->screen, "qqqq");
    assert_int_equal(console->screen->at, SCREEN_OVERVIEW);
    press(console, 'q');
    assert_false(screen_wants_exit(console->screen));
    press(console, 'y');
    assert_true(screen_wants_exit(console->screen));
    close_console(console);
}

static void the_language_changes_while_running(void **state) {
    (void)state;
    struct console *console = open_console(true, normal);
    press(console, ',');
    press(console, TUI_KEY_ENTER);
    fake_catalogue();
    assert_true(fake_shows(console->screen, "语言"));
    press(console, TUI_KEY_ENTER);
    fake_catalogue();
    assert_true(fake_shows(console->screen, "Language"));
    close_console(console);
}

static void an_act_refused_later_is_told(void **state) {
    (void)state;
    struct console *console = open_console(true, normal);
    console->app.has_message = true;
    console->app.message = (struct app_message){
        .code = REFUSAL_RIGHT_MISSING, .kind = KIND_ALARM_ACK, .subject = fake_rid(10)};
    reload(console);
    assert_true(fake_shows(console->screen, "alarm acknowledged: "));
    close_console(console);
}

static void a_stale_picture_never_looks_live(void **state) {
    (void)state;
    struct console *console = open_console(true, normal);
    console->app.cut_off = true;
    reload(console);
    assert_true(fake_shows(console->screen, "CUT OFF 12 min"));
    assert_true(fake_shows(console->screen, "NOT LIVE: picture 12 min old"));
    press(console, '3');
    assert_true(fake_shows(console->screen, "?2912"));
    assert_true(fake_shows(console->screen, "not live"));
    press(console, TUI_KEY_ENTER);
    assert_true(fake_shows(console->screen, "?2912"));
    close_console(console);
}

static void find_goes_on_and_says_when_there_is_nothing(void **state) {
    (void)state;
    struct console *console = open_console(true, normal);
    press(console, '2');
    press(console, '/');
    fake_type(console->screen, "level");
    press(console, TUI_KEY_ENTER);
    assert_true(fake_shows(console->screen, "> !2* R"));
    press(console, '/');
    fake_type(console->screen, "zzz");
    press(console, TUI_KEY_ENTER);
    assert_true(fake_shows(console->screen, "is not in this list"));
    close_console(console);
}

// ---- Tables ----

static void every_action_has_its_keys_words_and_width(void **state) {
    (void)state;
    struct console *console = open_console(true, normal);
    const char *const languages[] = {"en", "zh_CN"};
    for (size_t i = 0; i < 2; i++) {
        const struct tui_action *row = NULL;
        say_language(languages[i]);
        fake_catalogue();
        const char *fault = tui_action_fault(screen_actions(console->screen), &row);
        if (fault != NULL) {
            print_error("%s: %s: %s\n", languages[i], row->name, fault);
        }
        assert_null(fault);
    }
    for (size_t i = 0; i < console->screen->action_count; i++) {
        const struct tui_action *action = &console->screen->actions[i];
        bool reachable = action->letter != TUI_KEY_NONE || action->fkey > 0;
        assert_true(reachable);
        // Keys that desktop terminals keep for themselves are never the only way.
        bool only_f = action->letter == TUI_KEY_NONE &&
                      (action->fkey == 1 || action->fkey == 10 || action->fkey == 11);
        assert_false(only_f);
    }
    close_console(console);
}

static void every_screen_survives_every_key_and_size(void **state) {
    (void)state;
    static const struct fake_size sizes[] = {{"1x1", 1, 1}, {"20x5", 5, 20}, {"120x30", 30, 120}};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        struct console *console = open_console(true, sizes[s]);
        for (int id = 0; id < SCREEN_COUNT; id++) {
            for (uint32_t key = ' '; key < 127; key++) {
                screen_home(console->screen, (enum screen_id)id);
                fake_key(console->screen, key);
                press(console, TUI_KEY_ENTER);
                tui_modal_close(console->screen->modal);
                console->app.locked = false;
                fake_sign_in(&console->app);
            }
        }
        close_console(console);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(priority_1_asks_and_enter_means_no),
        cmocka_unit_test(lower_priority_is_acknowledged_at_once_and_the_cursor_stays),
        cmocka_unit_test(a_bouncing_key_acknowledges_one_row),
        cmocka_unit_test(rows_are_taken_as_they_were_painted),
        cmocka_unit_test(marking_all_takes_only_what_was_shown),
        cmocka_unit_test(a_row_that_slipped_under_the_cursor_is_not_acknowledged),
        cmocka_unit_test(a_refusal_is_shown_and_changes_nothing),
        cmocka_unit_test(the_detail_acknowledges_what_it_shows),
        cmocka_unit_test(a_comment_is_signed),
        cmocka_unit_test(a_remark_is_signed),
        cmocka_unit_test(an_observer_signs_nothing),
        cmocka_unit_test(sign_in_by_digit_and_pin),
        cmocka_unit_test(without_sign_in_there_is_no_way_in),
        cmocka_unit_test(two_people_and_who_acts),
        cmocka_unit_test(first_use_tells_what_is_wrong_at_the_field),
        cmocka_unit_test(a_locked_console_shows_and_can_be_silenced_but_does_nothing),
        cmocka_unit_test(scans_are_looked_up_and_never_typed),
        cmocka_unit_test(a_filter_that_hides_priority_1_says_so),
        cmocka_unit_test(an_area_leads_to_its_alarms_and_back),
        cmocka_unit_test(the_language_changes_while_running),
        cmocka_unit_test(an_act_refused_later_is_told),
        cmocka_unit_test(a_stale_picture_never_looks_live),
        cmocka_unit_test(find_goes_on_and_says_when_there_is_nothing),
        cmocka_unit_test(every_action_has_its_keys_words_and_width),
        cmocka_unit_test(every_screen_survives_every_key_and_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
