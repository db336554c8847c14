// The bell's policy, what settings keep, and how many bytes the console sends.
#include "screen_fake.h"

#include <fcntl.h>

static struct alarm_row row_of(uint8_t number, uint8_t priority) {
    struct alarm_row row = {.subject = fake_rid(number)};
    row.state.known = true;
    row.state.active = true;
    row.state.priority = priority;
    return row;
}

static struct mono_ms ms(int64_t at) {
    return (struct mono_ms){at};
}

static void rings_again_every_10_s_until_acknowledged(void **state) {
    (void)state;
    struct bell bell = {0};
    struct alarm_row rows[2] = {row_of(1, 1), row_of(2, 3)};
    bell_see(&bell, rows, 2, 2);
    assert_true(bell_ring(&bell, ms(1000)));
    assert_false(bell_ring(&bell, ms(1000)));
    assert_false(bell_ring(&bell, ms(10999)));
    assert_int_equal(bell_wait_ms(&bell, ms(10999)), 1);
    assert_true(bell_ring(&bell, ms(11000)));
    rows[0].state.acked = true;
    bell_see(&bell, rows, 2, 2);
    assert_false(bell_ring(&bell, ms(30000)));
    assert_int_equal(bell_wait_ms(&bell, ms(30000)), -1);
    bell_fini(&bell);
}

static void a_lesser_priority_or_never_is_silent(void **state) {
    (void)state;
    struct bell bell = {0};
    struct alarm_row rows[1] = {row_of(1, 3)};
    bell_see(&bell, rows, 1, 2);
    assert_false(bell_ring(&bell, ms(0)));
    rows[0].state.priority = 1;
    bell_see(&bell, rows, 1, 0);
    assert_false(bell_ring(&bell, ms(0)));
    bell_see(&bell, rows, 1, 4);
    assert_true(bell_ring(&bell, ms(0)));
    bell_fini(&bell);
}

static void silence_holds_for_what_was_there_only(void **state) {
    (void)state;
    struct bell bell = {0};
    struct alarm_row rows[3] = {row_of(9, 1), row_of(3, 2), row_of(5, 1)};
    bell_see(&bell, rows, 2, 2);
    assert_true(bell_ring(&bell, ms(0)));
    assert_int_equal(bell_silence(&bell, rows, 2, 2), RC_OK);
    assert_true(bell.has_silence);
    assert_false(bell_ring(&bell, ms(60000)));
    rows[0].state.active = false; // a return makes no new sound
    bell_see(&bell, rows, 2, 2);
    assert_false(bell_ring(&bell, ms(70000)));
    bell_see(&bell, rows, 3, 2); // a new occurrence does
    assert_true(bell_ring(&bell, ms(80000)));
    bell_see(&bell, rows, 0, 2);
    assert_false(bell.has_silence);
    assert_int_equal(bell_silence(&bell, rows, 0, 2), RC_OK);
    bell_fini(&bell);
}

static size_t bells_in(int fd) {
    static char bytes[1 << 20];
    ssize_t len = pread(fd, bytes, sizeof bytes, 0);
    size_t count = 0;
    for (ssize_t i = 0; i < len; i++) {
        count += bytes[i] == '\a' ? 1 : 0;
    }
    return count;
}

// Too small to show anything, or locked: it rings all the same.
static void the_console_rings_in_every_state(void **state) {
    (void)state;
    for (int round = 0; round < 2; round++) {
        char path[] = "/tmp/davy-test-XXXXXX";
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        struct app app;
        fake_init(&app, false);
        app.locked = round == 1;
        struct screen_env env = {.app = &app,
                                 .language = "en",
                                 .term = {.in_fd = -1,
                                          .out_fd = fd,
                                          .name = "vt100",
                                          .rows = round == 0 ? 3 : 24,
                                          .cols = round == 0 ? 12 : 80}};
        struct screen *screen = NULL;
        assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
        assert_int_equal(screen_new(&env, fake_moment(0), &screen), RC_OK);
        fake_frame(screen, 0);
        fake_frame(screen, 5000);
        assert_int_equal(bells_in(fd), 1);
        fake_frame(screen, 10000);
        assert_int_equal(bells_in(fd), 2);
        fake_key(screen, 'm');
        fake_frame(screen, 20000);
        assert_int_equal(bells_in(fd), 2);
        app.alarms[1].state.acked = false; // one more of priority 1
        screen_changed(screen, fake_moment(21000));
        fake_frame(screen, 21000);
        assert_int_equal(bells_in(fd), 3);
        screen_free(screen);
        fake_fini(&app);
        close(fd);
        unlink(path);
    }
}

static void settings_are_kept_and_a_broken_file_is_none(void **state) {
    (void)state;
    char folder[TEST_PATH_BYTES];
    char path[TEST_PATH_BYTES];
    struct settings settings;
    test_folder_make(folder);
    test_path(folder, "console.ini", path);
    settings_load(&settings, path);
    assert_int_equal(settings.bell, SETTINGS_BELL_DEFAULT);
    assert_string_equal(settings.language, "");
    settings.bell = 4;
    settings.hide_hints = true;
    snprintf(settings.language, sizeof settings.language, "zh_CN");
    snprintf(settings.theme, sizeof settings.theme, "themes/night.ini");
    assert_int_equal(settings_save(&settings, path), RC_OK);
    struct settings again;
    settings_load(&again, path);
    assert_memory_equal(&settings, &again, sizeof settings);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("bell = 9\nlanguage = tlh\n\x01\x02 = = =\nbell=\nhints = hidden\n", file);
    for (int i = 0; i < 5000; i++) {
        fputs("theme", file);
    }
    fclose(file);
    settings_load(&settings, path);
    assert_int_equal(settings.bell, SETTINGS_BELL_DEFAULT);
    assert_string_equal(settings.language, "");
    assert_true(settings.hide_hints);
    test_path(folder, "no/such/folder.ini", path);
    assert_int_equal(settings_save(&settings, path), RC_IO);
    settings_load(&settings, NULL);
    test_folder_remove(folder);
}

// ---- Bytes on the line ----

struct step {
    const char *what;
    uint32_t key; // 0: time goes by and data come
    uint64_t most_fast, most_slow;
};

// Budgets stand a third above what was measured; a change that breaks one sends more than it says.
static const struct step steps[] = {
    {"to the list", '2', 2000, 2000},       {"hardly anything", 1, 17, 0},
    {"cursor down", TUI_KEY_DOWN, 350, 11}, {"cursor down", TUI_KEY_DOWN, 350, 11},
    {"eleven seconds", 0, 72, 72},          {"mark", ' ', 390, 72},
    {"to the tags", '3', 3200, 2900},       {"eleven seconds", 0, 190, 170},
};

static void steps_keep_their_byte_budgets(void **state) {
    (void)state;
    int over = 0;
    for (int slow = 0; slow < 2; slow++) {
        struct app app;
        struct screen *screen = NULL;
        fake_init(&app, true);
        fake_sign_in(&app);
        struct screen_env env = {.app = &app,
                                 .language = "zh_CN",
                                 .utc_offset_min = 480,
                                 .term = {.in_fd = -1,
                                          .out_fd = open("/dev/null", O_WRONLY),
                                          .name = "xterm-256color",
                                          .rows = 24,
                                          .cols = 80,
                                          .slow = slow == 1}};
        assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
        assert_int_equal(screen_new(&env, fake_moment(0), &screen), RC_OK);
        fake_catalogue();
        fake_frame(screen, 0);
        assert_true(tui_term_bytes(screen->term) < 2600);
        screen->settings.bell = 0;
        int64_t at = 0;
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            uint64_t before = tui_term_bytes(screen->term);
            at += steps[i].key == 0 ? 11000 : 600;
            if (steps[i].key > 1) {
                screen->now = fake_moment(at);
                fake_key(screen, steps[i].key);
            } else if (steps[i].key == 0) {
                screen_changed(screen, fake_moment(at));
            }
            fake_frame(screen, at);
            uint64_t sent = tui_term_bytes(screen->term) - before;
            uint64_t most = slow == 1 ? steps[i].most_slow : steps[i].most_fast;
            if (sent > most || getenv("BUDGETS") != NULL) {
                print_error("%s, %s: %llu bytes, at most %llu\n", slow ? "slow" : "fast",
                            steps[i].what, (unsigned long long)sent, (unsigned long long)most);
            }
            over += sent > most ? 1 : 0;
        }
        screen_free(screen);
        fake_fini(&app);
        close(env.term.out_fd);
    }
    assert_int_equal(over, 0);
}

static void frames_wait_as_the_line_bears(void **state) {
    (void)state;
    struct app app;
    fake_init(&app, false);
    fake_sign_in(&app);
    struct screen *screen = fake_screen(&app, fake_sizes[1], false);
    fake_frame(screen, 0);
    fake_frame(screen, 500);
    int64_t painted = screen->painted_ms;
    screen_changed(screen, fake_moment(600)); // the first change after a quiet moment: at once
    assert_int_equal(screen_timeout_ms(screen, fake_moment(600)), 0);
    fake_frame(screen, 600);
    assert_int_not_equal(screen->painted_ms, painted);
    screen_changed(screen, fake_moment(605)); // the next one waits for its turn
    int wait = screen_timeout_ms(screen, fake_moment(605));
    assert_in_range(wait, 20, 33);
    painted = screen->painted_ms;
    fake_frame(screen, 605);
    assert_int_equal(screen->painted_ms, painted);
    fake_frame(screen, 640);
    assert_int_not_equal(screen->painted_ms, painted);
    fake_key(screen, ':'); // while somebody types, data come once a second
    fake_frame(screen, 700);
    painted = screen->painted_ms;
    screen_changed(screen, fake_moment(760));
    fake_frame(screen, 900);
    assert_int_equal(screen->painted_ms, painted);
    fake_frame(screen, 1700);
    assert_int_not_equal(screen->painted_ms, painted);
    screen_free(screen);
    fake_fini(&app);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rings_again_every_10_s_until_acknowledged),
        cmocka_unit_test(a_lesser_priority_or_never_is_silent),
        cmocka_unit_test(silence_holds_for_what_was_there_only),
        cmocka_unit_test(the_console_rings_in_every_state),
        cmocka_unit_test(settings_are_kept_and_a_broken_file_is_none),
        cmocka_unit_test(steps_keep_their_byte_budgets),
        cmocka_unit_test(frames_wait_as_the_line_bears),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
