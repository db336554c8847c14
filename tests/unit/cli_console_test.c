// A console's folder without a running console: acts are signed and kept here until it is back.
#include "app_fixture.h"

#include "cli_util.h"

#include "davy/link/os.h"

#include <fcntl.h>
#include <unistd.h>

// The program is closed; what follows are commands on its folder.
static void close_console(struct fixture *f) {
    app_close(f->app);
    f->app = NULL;
}

static void write_pin(struct fixture *f, const char *pin, char out_path[static TEST_PATH_BYTES]) {
    test_path(f->folder, "pin", out_path);
    assert_int_equal(os_file_write(out_path, slice_text(pin), 0600), RC_OK);
}

static void expect(struct said said, int code, const char *out_part, const char *err_part) {
    if (said.code != code) {
        print_error("exit code %d, not %d\n%s%s\n", said.code, code, said.out, said.err);
    }
    assert_int_equal(said.code, code);
    assert_said(said.out, out_part);
    assert_said(said.err, err_part);
    said_free(&said);
}

// Signed on the folder, it travels when the console runs again, and the hub accepts it.
static void acknowledged_offline(void **state) {
    struct fixture *f = *state;
    char pin[TEST_PATH_BYTES];
    struct rid alarm = hub_raise(f, "PT-1", "R1", 2);
    fixture_settle(f);
    close_console(f);
    write_pin(f, PIN_WANG "\n", pin);
    expect(run("alarm list --dir %s --json", f->folder), CLI_OK, "\"tag\":\"PT-1\"", "");
    expect(run("alarm ack PT-1 --comment ok --number 102 --pin-file %s --dir %s", pin, f->folder),
           CLI_OK, "1 of 1", "");
    expect(run("sync status --dir %s --json", f->folder), CLI_OK, "\"waiting\":", "");
    expect(run("sync status --dir %s", f->folder), CLI_OK, "alarm acknowledged", "");
    expect(run("alarm list --unacked --dir %s", f->folder), CLI_OK, "no alarms", "");
    expect(run("log PT-1 --dir %s", f->folder), CLI_OK, "waiting", "");
    fixture_app_open(f);
    app_link(f->app, true, f->now);
    fixture_settle(f);
    struct alarm_detail detail;
    assert_int_equal(app_alarm_detail(f->app, alarm, &detail), RC_OK);
    assert_true(detail.row.state.acked);
    assert_false(detail.row.state.acked_pending);
}

static void refused_offline(void **state) {
    struct fixture *f = *state;
    char pin[TEST_PATH_BYTES];
    (void)hub_raise(f, "LT-1", "S1", 2);
    fixture_settle(f);
    close_console(f);
    write_pin(f, PIN_LI "\n", pin);
    expect(run("alarm ack LT-1 --number 101 --pin-file %s --dir %s", pin, f->folder), CLI_FAILED,
           "", "S1");
    expect(run("alarm ack LT-1 --number 102 --pin-file %s --dir %s", pin, f->folder), CLI_FAILED,
           "", "PIN");
    expect(run("alarm ack 00000000 --number 102 --pin-file %s --dir %s", pin, f->folder),
           CLI_FAILED, "", "00000000");
    expect(run("alarm list --unacked --dir %s", f->folder), CLI_OK, "LT-1", "");
    fixture_app_open(f);
    struct app_status status;
    app_status(f->app, f->now, &status);
    assert_int_equal(status.waiting, 0);
}

static void needs_another_place(void **state) {
    struct fixture *f = *state;
    char pin[TEST_PATH_BYTES];
    close_console(f);
    write_pin(f, PIN_CHEN "\n", pin);
    expect(run("person code 101 --dir %s", f->folder), CLI_FAILED, "", "hub");
    expect(run("device joins --dir %s", f->folder), CLI_FAILED, "", "hub");
    expect(run("device confirm 123456 --as 104 --pin-file %s --dir %s", pin, f->folder), CLI_FAILED,
           "", "hub");
    expect(run("tag history PT-1 --dir %s", f->folder), CLI_FAILED, "", "start davy");
    expect(run("verify --dir %s", f->folder), CLI_OK, "nothing", "");
    fixture_app_open(f);
}

// A script must not take a typing error for a quiet alarm.
static void unknown_subject(void **state) {
    static const char id[] = "0123456789abcdef0123456789abcdef";
    static const char *const flags[] = {"", "--json"};
    struct fixture *f = *state;
    (void)hub_raise(f, "PT-1", "R1", 2);
    fixture_settle(f);
    close_console(f);
    for (size_t i = 0; i < COUNT_OF(flags); i++) {
        const char *texts[] = {id, "01234567", "PT-9"};
        for (size_t k = 0; k < COUNT_OF(texts); k++) {
            struct said said = run("log %s %s --dir %s", texts[k], flags[i], f->folder);
            assert_string_equal(said.out, "");
            expect(said, CLI_FAILED, "", texts[k]);
        }
        expect(run("log PT-1 %s --dir %s", flags[i], f->folder), CLI_OK, "alarm", "");
        expect(run("log --record %s %s --dir %s", id, flags[i], f->folder), CLI_FAILED, "", id);
    }
    fixture_app_open(f);
}

// What the command says on a terminal.
static size_t verify_on_terminal(const struct fixture *f, bool json, char *out, size_t out_bytes) {
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0);
    FILE *err = fopen(ptsname(terminal), "w");
    FILE *nowhere = fopen("/dev/null", "w");
    assert_true(err != NULL && nowhere != NULL);
    char folder[TEST_PATH_BYTES];
    memcpy(folder, f->folder, sizeof folder);
    char *argv[] = {"davy", "verify", "--dir", folder, "--json", NULL};
    struct cli_io io = {.out = nowhere, .err = err, .cost = pin_cost_test};
    assert_int_equal(cli_run(&io, json ? 5 : 4, argv), CLI_OK);
    assert_int_equal(fcntl(terminal, F_SETFL, O_NONBLOCK), 0);
    (void)fflush(err);
    size_t len = 0;
    for (ssize_t got = 1; got > 0 && len + 1 < out_bytes;) {
        got = read(terminal, out + len, out_bytes - 1 - len);
        len += got > 0 ? (size_t)got : 0;
    }
    out[len] = '\0';
    assert_int_equal(fclose(err), 0);
    assert_int_equal(fclose(nowhere), 0);
    assert_int_equal(close(terminal), 0);
    return strlen(out);
}

static void verify_tells_how_far(void **state) {
    struct fixture *f = *state;
    static char said[65536];
    for (int i = 0; i < 3; i++) {
        (void)hub_raise(f, "PT-1", "R1", 2);
    }
    fixture_settle(f);
    close_console(f);
    assert_true(verify_on_terminal(f, false, said, sizeof said) > 0);
    assert_said(said, "\rchecking every record   0 %");
    assert_said(said, "\rchecking every record 100 %");
    assert_int_equal(said[strlen(said) - 1], '\r'); // the line is free again
    assert_int_equal(verify_on_terminal(f, true, said, sizeof said), 0);
    expect(run("verify --dir %s", f->folder), CLI_OK, "nothing", "");
    struct said piped = run("verify --dir %s", f->folder);
    assert_string_equal(piped.err, "");
    said_free(&piped);
    fixture_app_open(f);
}

static void every_command_has_help(void **state) {
    (void)state;
    for (size_t i = 0; i < cli_command_count; i++) {
        if (!cli_commands[i].hidden) {
            struct said said = run("%s --help", cli_commands[i].words);
            assert_string_equal(said.err, "");
            assert_said(said.out, "--dir");
            expect(said, CLI_OK, cli_commands[i].words, "");
        }
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(acknowledged_offline), TEST(refused_offline),
        TEST(needs_another_place),  TEST(unknown_subject),
        TEST(verify_tells_how_far), cmocka_unit_test(every_command_has_help),
    };
    say_language("en");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
