// davy remark: said on a console's folder without a running console, listed, refused.
#include "app_fixture.h"

#include "cli_util.h"

#include "davy/link/os.h"

static void expect(struct said said, int code, const char *out_part, const char *err_part) {
    if (said.code != code) {
        print_error("exit code %d, not %d\n%s%s\n", said.code, code, said.out, said.err);
    }
    assert_int_equal(said.code, code);
    assert_said(said.out, out_part);
    assert_said(said.err, err_part);
    said_free(&said);
}

static void close_console(struct fixture *f, const char *pin, char out_pin[TEST_PATH_BYTES]) {
    app_close(f->app);
    f->app = NULL;
    test_path(f->folder, "pin", out_pin);
    assert_int_equal(os_file_write(out_pin, slice_text(pin), 0600), RC_OK);
}

static void said_and_listed(void **state) {
    struct fixture *f = *state;
    char pin[TEST_PATH_BYTES];
    char about[ID_HEX_BYTES];
    struct rid alarm = hub_raise(f, "PT-1", "R1", 2);
    fixture_settle(f);
    close_console(f, PIN_WANG "\n", pin);
    expect(run("remark list --dir %s", f->folder), CLI_OK, "no remarks", "");
    struct said said = run("remark list --dir %s --json", f->folder);
    assert_string_equal(said.out, "");
    expect(said, CLI_OK, "", "");
    expect(run("remark add 'flange weeps' --about PT-1 --area R1 --place 'level 3' --equipment "
               "E-101 --audience city --number 102 --pin-file %s --dir %s",
               pin, f->folder),
           CLI_OK, "remark signed", "");
    id16_hex(alarm.id, about);
    said = run("remark list --dir %s --json", f->folder);
    assert_said(said.out, "\"text\":\"flange weeps\"");
    assert_said(said.out, "\"stage\":\"waiting\"");
    assert_said(said.out, "\"audience\":\"city\"");
    assert_said(said.out, "\"equipment\":\"E-101\"");
    assert_said(said.out, about);
    expect(said, CLI_OK, "\"own\":true", "");
    expect(run("remark list --dir %s", f->folder), CLI_OK, "level 3 E-101 R1", "");
    expect(run("log --dir %s", f->folder), CLI_OK, "remark", "");
    fixture_app_open(f);
    app_link(f->app, true, f->now);
    fixture_settle(f);
    expect(run("remark list --dir %s --json", f->folder), CLI_OK, "\"stage\":\"accepted\"", "");
}

static void what_is_not_said(void **state) {
    struct fixture *f = *state;
    char pin[TEST_PATH_BYTES];
    fixture_settle(f);
    close_console(f, PIN_WANG "\n", pin);
    static const struct {
        const char *words;
        int code;
        const char *err;
    } rows[] = {
        {"remark add ''", CLI_USAGE, "empty"},
        {"remark add", CLI_USAGE, "remark add"},
        {"remark add a b", CLI_USAGE, "remark add"},
        {"remark add x --audience everybody", CLI_USAGE, "site, park or city"},
        {"remark add x --audience Site", CLI_USAGE, "site, park or city"},
        {"remark add x --area X9", CLI_FAILED, "X9"},
        {"remark add x --about 00000000", CLI_FAILED, "00000000"},
        {"remark list --limit 0", CLI_USAGE, "--limit"},
        {"remark list x", CLI_USAGE, "remark list"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool adds = strstr(rows[i].words, " add") != NULL;
        struct said said =
            adds ? run("%s --number 102 --pin-file %s --dir %s", rows[i].words, pin, f->folder)
                 : run("%s --dir %s", rows[i].words, f->folder);
        expect(said, rows[i].code, "", rows[i].err);
    }
    assert_int_equal(os_file_write(pin, slice_text("00000000\n"), 0600), RC_OK);
    expect(run("remark add x --number 102 --pin-file %s --dir %s", pin, f->folder), CLI_FAILED, "",
           "PIN");
    expect(run("remark list --dir %s", f->folder), CLI_OK, "no remarks", "");
    fixture_app_open(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    say_language("en");
    const struct CMUnitTest tests[] = {TEST(said_and_listed), TEST(what_is_not_said)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
