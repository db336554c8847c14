// A console's folder without a running console: acts are signed and kept here until it is back.
#include "app_fixture.h"

#include "cli_util.h"

#include "davy/link/os.h"

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

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(acknowledged_offline),
        TEST(refused_offline),
        TEST(needs_another_place),
    };
    say_language("en");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
