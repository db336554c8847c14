// davy blob: files in, files out, on a folder without a running console.
#include "app_fixture.h"

#include "cli_util.h"

#include "davy/link/os.h"

#include <sys/stat.h>
#include <unistd.h>

static void expect(struct said said, int code, const char *out_part, const char *err_part) {
    if (said.code != code) {
        print_error("exit code %d, not %d\n%s%s\n", said.code, code, said.out, said.err);
    }
    assert_int_equal(said.code, code);
    assert_said(said.out, out_part);
    assert_said(said.err, err_part);
    said_free(&said);
}

static void in_listed_and_out(void **state) {
    struct fixture *f = *state;
    char path[TEST_PATH_BYTES], out[TEST_PATH_BYTES], link[TEST_PATH_BYTES], hash[65];
    struct buf read;
    fixture_settle(f);
    app_close(f->app);
    f->app = NULL;
    test_path(f->folder, "巡检 1.txt", path);
    test_path(f->folder, "out.txt", out);
    test_path(f->folder, "link", link);
    struct slice text = slice_text("泵 P-101 漏油\n");
    assert_int_equal(os_file_write(path, text, 0600), RC_OK);
    expect(run("blob list --dir %s", f->folder), CLI_OK, "no attachments", "");
    struct said said = run("blob put '%s' --dir %s", path, f->folder);
    assert_int_equal(said.code, CLI_OK);
    assert_int_equal(strlen(said.out), 65);
    (void)snprintf(hash, sizeof hash, "%.64s", said.out);
    said_free(&said);
    expect(run("blob put '%s' --dir %s --json", path, f->folder), CLI_OK, hash, ""); // again
    expect(run("blob list --dir %s --json", f->folder), CLI_OK, "\"state\":\"waiting\"", "");
    said = run("blob list --dir %s --json", f->folder);
    assert_silent(said.out, "txt"); // nothing of the name is kept
    expect(said, CLI_OK, hash, "");
    expect(run("blob get %.8s %s --dir %s", hash, out, f->folder), CLI_OK, "written to", "");
    buf_init(&read, 4096);
    assert_int_equal(os_file_read(out, &read), RC_OK);
    assert_true(slice_equal(buf_slice(&read), text));
    buf_fini(&read);
    expect(run("blob get %s %s --dir %s", hash, out, f->folder), CLI_FAILED, "", "exists");
    assert_int_equal(symlink("/dev/null", link), 0);
    expect(run("blob get %s %s --dir %s", hash, link, f->folder), CLI_FAILED, "", "exists");
}

static void what_is_refused(void **state) {
    struct fixture *f = *state;
    char fifo[TEST_PATH_BYTES], link[TEST_PATH_BYTES], plain[TEST_PATH_BYTES];
    fixture_settle(f);
    app_close(f->app);
    f->app = NULL;
    test_path(f->folder, "fifo", fifo);
    test_path(f->folder, "link", link);
    test_path(f->folder, "plain", plain);
    assert_int_equal(os_file_write(plain, slice_text("x"), 0600), RC_OK);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_int_equal(symlink(plain, link), 0);
    const struct {
        const char *words, *arg, *more;
        int code;
        const char *err;
    } rows[] = {
        {"blob put", "", "", CLI_USAGE, "blob put"},
        {"blob put", fifo, "", CLI_FAILED, "no plain file"},
        {"blob put", link, "", CLI_FAILED, "no plain file"},
        {"blob put", "/dev/zero", "", CLI_FAILED, "no plain file"},
        {"blob put", "../../../nowhere/x", "", CLI_FAILED, "cannot be read"},
        {"blob put", "/proc/self/exe", "", CLI_FAILED, "no plain file"},
        {"blob put", "/bin/true", "", CLI_FAILED, ""},
        {"blob get", "../../etc/passwd", fifo, CLI_FAILED, "8 or more digits"},
        {"blob get", "0123", plain, CLI_FAILED, "8 or more digits"},
        {"blob get", "0123456789abcdef", plain, CLI_FAILED, "no attachment"},
        {"blob get", "0123456789abcdef", "", CLI_USAGE, "blob get"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect(run("%s %s %s --dir %s", rows[i].words, rows[i].arg, rows[i].more, f->folder),
               rows[i].code, "", rows[i].err);
    }
    expect(run("blob list --dir %s", f->folder), CLI_OK, "no attachments", "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(in_listed_and_out, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(what_is_refused, fixture_setup, fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
