// davy export and import on a console's folder: files that are none change nothing and are named.
#include "app_fixture.h"

#include "cli_util.h"

#include "davy/link/os.h"

#include <fcntl.h>
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

static void close_console(struct fixture *f) {
    fixture_settle(f);
    app_close(f->app);
    f->app = NULL;
}

static char *log_of(struct fixture *f) {
    struct said said = run("log --dir %s --json --limit 1000", f->folder);
    free(said.err);
    return said.out;
}

static void make_file(const char *folder, const char *name, const void *bytes, size_t len) {
    char path[TEST_PATH_BYTES];
    test_path(folder, name, path);
    assert_int_equal(os_file_write(path, slice_of(bytes, len), 0600), RC_OK);
}

static void written_once_and_taken(void **state) {
    struct fixture *f = *state;
    char path[TEST_PATH_BYTES];
    close_console(f);
    test_path(f->folder, "all.bundle", path);
    expect(run("export %s --dir %s", path, f->folder), CLI_FAILED, "", "--all");
    assert_int_equal(access(path, F_OK), -1); // nothing half is left
    expect(run("export %s --all --dir %s --json", path, f->folder), CLI_OK, "\"frames\":", "");
    expect(run("export %s --all --dir %s", path, f->folder), CLI_FAILED, "", "exists already");
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    char *before = log_of(f);
    expect(run("import %s --dir %s", path, f->folder), CLI_OK, "Held before", "");
    expect(run("import %s --dir %s --json", path, f->folder), CLI_OK, "\"taken\":0", "");
    char *after = log_of(f);
    assert_string_equal(before, after);
    free(before);
    free(after);
    // Never through a link, and never a link's target.
    char link[TEST_PATH_BYTES];
    test_path(f->folder, "link.bundle", link);
    assert_int_equal(symlink("nowhere.bundle", link), 0);
    expect(run("export %s --all --dir %s", link, f->folder), CLI_FAILED, "", "exists already");
    test_path(f->folder, "nowhere.bundle", link);
    assert_int_equal(access(link, F_OK), -1);
    expect(run("export %s/no/where --all --dir %s", f->folder, f->folder), CLI_FAILED, "",
           "cannot be written");
    fixture_app_open(f);
}

static void usage(void **state) {
    struct fixture *f = *state;
    close_console(f);
    expect(run("export x --chain 2 --dir %s", f->folder), CLI_USAGE, "", "2/site");
    expect(run("export x --chain 4/site --dir %s", f->folder), CLI_USAGE, "", "2/site");
    expect(run("export x --chain 2/town --dir %s", f->folder), CLI_USAGE, "", "2/site");
    expect(run("export x --from 0 --dir %s", f->folder), CLI_USAGE, "", "--from");
    expect(run("export --dir %s", f->folder), CLI_USAGE, "", "export");
    expect(run("import --dir %s", f->folder), CLI_USAGE, "", "import");
    expect(run("import a b --dir %s", f->folder), CLI_USAGE, "", "import");
    fixture_app_open(f);
}

static void files_that_are_none(void **state) {
    struct fixture *f = *state;
    char path[TEST_PATH_BYTES];
    static char zeros[100000];
    close_console(f);
    test_path(f->folder, "good", path);
    expect(run("export %s --all --dir %s", path, f->folder), CLI_OK, "Frames", "");
    struct buf good;
    buf_init(&good, 1 << 24);
    assert_int_equal(os_file_read(path, &good), RC_OK);
    make_file(f->folder, "zeros", zeros, sizeof zeros);
    make_file(f->folder, "empty", zeros, 0);
    make_file(f->folder, "cut", good.data, good.len - 1);
    buf_put_u8(&good, 0);
    make_file(f->folder, "longer", good.data, good.len);
    good.data[good.len / 2] ^= 4;
    make_file(f->folder, "changed", good.data, good.len - 1);
    good.data[good.len / 2] ^= 4;
    good.data[13] ^= 4; // the site, with its signature
    make_file(f->folder, "foreign", good.data, good.len - 1);
    buf_fini(&good);
    test_path(f->folder, "pipe", path);
    assert_int_equal(mkfifo(path, 0600), 0);
    test_path(f->folder, "link", path);
    assert_int_equal(symlink("good", path), 0);
    test_path(f->folder, "dangling", path);
    assert_int_equal(symlink("/etc/nowhere", path), 0);
    test_path(f->folder, "sparse", path);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, LIMIT_BUNDLE_BYTES + 1), 0);
    assert_int_equal(close(fd), 0);
    static const struct {
        const char *name;
        const char *err;
    } rows[] = {
        {"zeros", "at byte 0"},
        {"empty", "ends too early"},
        {"cut", "ends too early"},
        {"longer", "malformed"},
        {"changed", "at byte"},
        {"foreign", "does not verify"},
        {"pipe", "no regular file"},
        {"link", "no regular file"},
        {"keys", "no regular file"},
        {"dangling", "no regular file"},
        {"sparse", "too large"},
        {"nothing", "cannot be opened"},
        {"records.db", "at byte 0"},
        {"device.ini", "at byte 0"},
        {"../../../../dev/zero", "no regular file"},
    };
    char *before = log_of(f);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct said said = run("import %s/%s --dir %s", f->folder, rows[i].name, f->folder);
        assert_said(said.err, rows[i].name);
        expect(said, CLI_FAILED, "", rows[i].err);
    }
    char *after = log_of(f);
    assert_string_equal(before, after);
    free(before);
    free(after);
    expect(run("verify --dir %s", f->folder), CLI_OK, "nothing", "");
    fixture_app_open(f);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    say_language("en");
    const struct CMUnitTest tests[] = {TEST(written_once_and_taken), TEST(usage),
                                       TEST(files_that_are_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
