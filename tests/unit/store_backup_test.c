// A copy of a database in use holds what was committed at one moment, and nothing else is taken for
// one.
#include "test_util.h"

#include "davy/store/backup.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[TEST_PATH_BYTES], from[TEST_PATH_BYTES], to[TEST_PATH_BYTES];

static int setup(void **state) {
    (void)state;
    test_folder_make(folder);
    test_path(folder, "a.db", from);
    test_path(folder, "copy.db", to);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    test_folder_remove(folder);
    return 0;
}

static int64_t number(sqlite3 *db, const char *sql) {
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return value;
}

static void run(sqlite3 *db, const char *sql) {
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void a_copy_beside_a_writer(void **state) {
    (void)state;
    sqlite3 *db = NULL, *copy = NULL;
    struct stat status;
    assert_int_equal(sqlite3_open(from, &db), SQLITE_OK);
    run(db, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;"
            "PRAGMA application_id = 77; PRAGMA user_version = 5;"
            "CREATE TABLE t(id INTEGER PRIMARY KEY, x TEXT) STRICT;"
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
            " INSERT INTO t SELECT i * 3, 'row ' || i FROM n");
    run(db, "BEGIN; DELETE FROM t WHERE id < 3000"); // under way: not in the copy
    assert_int_equal(store_file_copy(from, to), RC_OK);
    run(db, "COMMIT");
    assert_int_equal(stat(to, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(store_file_check(to), RC_OK);
    assert_int_equal(sqlite3_open(to, &copy), SQLITE_OK);
    assert_int_equal(number(copy, "SELECT count(*) FROM t"), 5000);
    assert_int_equal(number(copy, "SELECT sum(id) FROM t"), 3 * 5000 * 5001 / 2);
    assert_int_equal(number(copy, "PRAGMA application_id"), 77);
    assert_int_equal(number(copy, "PRAGMA user_version"), 5);
    sqlite3_close(copy);
    assert_int_equal(store_file_copy(from, to), RC_IO); // it is there already
    sqlite3_close(db);
}

static void what_is_none(void **state) {
    (void)state;
    char other[TEST_PATH_BYTES], link[TEST_PATH_BYTES], none[TEST_PATH_BYTES];
    test_path(folder, "other.db", other);
    test_path(folder, "link.db", link);
    test_path(folder, "none.db", none);
    assert_int_not_equal(store_file_copy(none, other), RC_OK);
    assert_int_not_equal(access(other, F_OK), 0);
    assert_int_equal(symlink(from, link), 0);
    assert_int_not_equal(store_file_copy(link, other), RC_OK);
    assert_int_equal(store_file_copy("a.db", other), RC_INVALID);
    // A page in the middle is overwritten.
    int fd = open(to, O_RDWR);
    char junk[4096];
    memset(junk, 0x5a, sizeof junk);
    assert_int_equal(pwrite(fd, junk, sizeof junk, 4096 * 3), sizeof junk);
    close(fd);
    assert_int_equal(store_file_check(to), RC_CORRUPT);
    assert_int_not_equal(store_file_copy(to, other), RC_OK);
    assert_int_not_equal(access(other, F_OK), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_beside_a_writer),
        cmocka_unit_test(what_is_none),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
