// Opening a store: owners, readers, files that are not ours, and the small tables of the device.
#include "store_fixture.h"

#include "store/store_priv.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OK(call) assert_int_equal((call), RC_OK)

static enum rc open_as(const char *folder, bool create, bool read_only, struct store **out_store,
                       struct refusal *out_refusal) {
    const struct store_options options = {
        .folder = folder, .registry = &note_registry, .create = create, .read_only = read_only};
    return store_open(&options, out_store, out_refusal);
}

static void test_nothing_there(void **state) {
    (void)state;
    char folder[TEST_PATH_BYTES];
    char path[TEST_PATH_BYTES];
    struct store *store = NULL;
    test_folder_make(folder);
    assert_int_equal(open_as(folder, false, false, &store, NULL), RC_NOT_FOUND);
    assert_int_equal(open_as(folder, false, true, &store, NULL), RC_NOT_FOUND);
    assert_null(store);
    test_path(folder, "davy.lock", path);
    assert_int_not_equal(access(path, F_OK), 0);
    test_path(folder, "sub", path);
    assert_int_equal(open_as(path, false, false, &store, NULL), RC_NOT_FOUND);
    OK(open_as(path, true, false, &store, NULL)); // makes the folder
    store_close(store);
    test_path(folder, "sub/records.db", path);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600); // nobody else may read it
    test_folder_remove(folder);
}

static void test_one_owner_many_readers(void **state) {
    (void)state;
    struct fixture fx;
    struct store *second = NULL;
    struct refusal refusal;
    struct place place;
    struct rid rid;
    fixture_open(&fx, true);
    assert_int_equal(open_as(fx.folder, false, false, &second, &refusal), RC_BUSY);
    assert_int_equal(refusal.code, REFUSAL_STORE_BUSY);
    OK(open_as(fx.folder, false, true, &second, NULL));
    struct note_state note;
    for (uint64_t i = 1; i <= 3; i++) {
        // The reader sees what was committed, and nothing of an open transaction.
        OK(store_begin(fx.store));
        OK(note_append(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &place, &rid));
        OK(note_log(&fx, &place, VERDICT_ACCEPTED));
        struct store_chain chain;
        OK(store_chain_get(second, place.chain, &chain));
        assert_int_equal(chain.head.seq, i - 1);
        OK(store_commit(fx.store));
        OK(store_chain_get(second, place.chain, &chain));
        assert_int_equal(chain.head.seq, i);
        OK(store_view_get(second, &note_module, rid, true, &note));
        assert_int_equal(note.open, 1);
    }
    assert_int_equal(store_begin(second), RC_DENIED);
    struct store_verify_report report = {0};
    OK(store_verify(second, keys_stub(), note_key_of, &fx, &report));
    assert_string_equal(report.what, "");
    assert_int_equal(report.entries, 6);
    store_close(second);
    fixture_close(&fx);
}

static void test_the_lock_ends_with_the_process(void **state) {
    (void)state;
    struct fixture fx;
    fixture_open(&fx, true);
    store_close(fx.store);
    fx.store = NULL;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct store *store = NULL;
        char answer = open_as(fx.folder, false, false, &store, NULL) == RC_OK ? 'y' : 'n';
        (void)!write(ready[1], &answer, 1);
        for (;;) {
            pause();
        }
    }
    char answer = 0;
    assert_int_equal(read(ready[0], &answer, 1), 1);
    assert_int_equal(answer, 'y');
    struct store *store = NULL;
    assert_int_equal(open_as(fx.folder, false, false, &store, NULL), RC_BUSY);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    OK(open_as(fx.folder, false, false, &store, NULL));
    store_close(store);
    close(ready[0]);
    close(ready[1]);
    fixture_close(&fx);
}

// ---- Files that are not ours ----

static void write_file(const char *path, const void *data, size_t bytes) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, bytes), (ssize_t)bytes);
    close(fd);
}

static size_t read_file(const char *path, uint8_t *out, size_t max) {
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t got = read(fd, out, max);
    close(fd);
    assert_true(got >= 0 && (size_t)got < max);
    return (size_t)got;
}

static void make_sqlite(const char *path, const char *sql) {
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void test_foreign_files_stay_as_they_are(void **state) {
    (void)state;
    static uint8_t before[1 << 20];
    static uint8_t after[1 << 20];
    static const struct {
        const char *name;
        const char *sql; // NULL: text
        enum rc rc;
        enum refusal_code code;
    } rows[] = {
        {"text", NULL, RC_CORRUPT, REFUSAL_STORE_FOREIGN},
        {"somebody else's", "CREATE TABLE t(x); INSERT INTO t VALUES(1)", RC_CORRUPT,
         REFUSAL_STORE_FOREIGN},
        {"somebody else's in WAL", "PRAGMA journal_mode=WAL; CREATE TABLE t(x)", RC_CORRUPT,
         REFUSAL_STORE_FOREIGN},
        {"another application", "PRAGMA application_id=77; CREATE TABLE t(x)", RC_CORRUPT,
         REFUSAL_STORE_FOREIGN},
        {"newer", "PRAGMA application_id=0x44617679; PRAGMA user_version=99", RC_UNSUPPORTED,
         REFUSAL_STORE_NEWER},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char folder[TEST_PATH_BYTES];
        char path[TEST_PATH_BYTES];
        struct store *store = NULL;
        struct refusal refusal;
        test_folder_make(folder);
        test_path(folder, "records.db", path);
        if (rows[i].sql == NULL) {
            write_file(path, "2026-01-17 shift report\n", 24);
        } else {
            make_sqlite(path, rows[i].sql);
        }
        size_t bytes = read_file(path, before, sizeof(before));
        for (int read_only = 0; read_only < 2; read_only++) {
            assert_int_equal(open_as(folder, !read_only, read_only, &store, &refusal), rows[i].rc);
            assert_int_equal(refusal.code, rows[i].code);
            assert_int_equal(read_file(path, after, sizeof(after)), bytes);
            assert_memory_equal(before, after, bytes);
        }
        test_path(folder, "records.db-wal", path);
        assert_int_not_equal(access(path, F_OK), 0);
        test_folder_remove(folder);
    }
}

static void test_a_truncated_file_is_refused(void **state) {
    (void)state;
    static const off_t lengths[] = {50, 99, 100, 4095, 4096, 12288, 20000};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct fixture fx;
        char path[TEST_PATH_BYTES];
        struct refusal refusal;
        fixture_open(&fx, true);
        store_close(fx.store);
        fx.store = NULL;
        test_path(fx.folder, "records.db", path);
        struct stat status;
        assert_int_equal(stat(path, &status), 0);
        assert_true(status.st_size > 20000);
        assert_int_equal(truncate(path, lengths[i]), 0);
        assert_int_equal(fixture_reopen(&fx, &refusal), RC_CORRUPT);
        assert_true(refusal.code == REFUSAL_STORE_CORRUPT || refusal.code == REFUSAL_STORE_FOREIGN);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_size, lengths[i]);
        fixture_close(&fx);
    }
}

static void test_links_are_not_followed(void **state) {
    (void)state;
    char folder[TEST_PATH_BYTES];
    char path[TEST_PATH_BYTES];
    char other[TEST_PATH_BYTES];
    struct store *store = NULL;
    test_folder_make(folder);
    test_path(folder, "records.db", path);
    test_path(folder, "elsewhere", other);
    assert_int_equal(symlink(other, path), 0);
    assert_int_not_equal(open_as(folder, true, false, &store, NULL), RC_OK);
    assert_int_not_equal(access(other, F_OK), 0);
    test_folder_remove(folder);
    // A link to the folder itself is the user's business.
    test_folder_make(folder);
    test_path(folder, "sub", other);
    test_path(folder, "link", path);
    assert_int_equal(mkdir(other, 0700), 0);
    assert_int_equal(symlink("sub", path), 0);
    OK(open_as(path, true, false, &store, NULL));
    store_close(store);
    test_folder_remove(folder);
}

// The head of a chain must be its last entry.
static void test_a_lost_entry_is_noticed(void **state) {
    (void)state;
    struct fixture fx;
    struct place place;
    struct rid rid;
    struct store_chain chain;
    fixture_open(&fx, true);
    OK(store_begin(fx.store));
    OK(note_append(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &place, &rid));
    OK(note_append(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &place, &rid));
    OK(store_commit(fx.store));
    assert_int_equal(sqlite3_exec(store_sqlite(fx.store),
                                  "DROP TRIGGER entry_stay;"
                                  "DELETE FROM entry WHERE place = (SELECT max(place) FROM entry)",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    store_close(fx.store);
    OK(fixture_reopen(&fx, NULL));
    assert_int_equal(store_chain_get(fx.store, place.chain, &chain), RC_CORRUPT);
    assert_int_equal(store_chain_get(fx.store, place.chain, &chain), RC_CORRUPT);
    fixture_close(&fx);
}

// ---- Settings ----

static void test_settings_hold(void **state) {
    (void)state;
    static const struct {
        const char *sql;
        const char *expected;
    } rows[] = {
        {"PRAGMA journal_mode", "wal"},
        {"PRAGMA synchronous", "2"},
        {"PRAGMA foreign_keys", "1"},
        {"PRAGMA trusted_schema", "0"},
        {"PRAGMA mmap_size", "0"},
        {"PRAGMA recursive_triggers", "1"},
        {"PRAGMA wal_autocheckpoint", "0"},
        {"PRAGMA application_id", "1147238009"},
        {"SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND type = 'table' "
         "AND strict = 0 AND name NOT LIKE 'sqlite%'",
         "0"},
    };
    struct fixture fx;
    fixture_open(&fx, true);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[64] = "";
        OK(db_text(store_sqlite(fx.store), rows[i].sql, text, sizeof(text)));
        assert_string_equal(text, rows[i].expected);
    }
    int64_t version = 0;
    OK(db_integer(store_sqlite(fx.store), "PRAGMA user_version", &version));
    assert_int_equal(version, store_schema.count);
    sqlite3 *db = store_sqlite(fx.store);
    assert_int_not_equal(sqlite3_exec(db,
                                      "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET "
                                      "sql = '' WHERE name = 'entry'",
                                      NULL, NULL, NULL),
                         SQLITE_OK);
    assert_int_not_equal(sqlite3_exec(db, "ATTACH ':memory:' AS other", NULL, NULL, NULL),
                         SQLITE_OK);
    fixture_close(&fx);
}

// ---- Migrations ----

static void test_every_earlier_version_opens(void **state) {
    (void)state;
    for (int count = 0; count < store_schema.count; count++) {
        struct fixture fx = {0};
        char path[TEST_PATH_BYTES];
        struct refusal refusal = {0};
        sqlite3 *db = NULL;
        fixture_people(&fx);
        test_folder_make(fx.folder);
        test_path(fx.folder, "records.db", path);
        assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
        const struct schema_open open = {.schema = &store_schema, .count = count};
        OK(schema_prepare(db, &open, &refusal));
        assert_int_equal(sqlite3_close(db), SQLITE_OK);
        if (count > 0) { // with nothing in it, there is nothing to bring up to date
            struct store *store = NULL;
            assert_int_equal(open_as(fx.folder, false, true, &store, &refusal), RC_UNSUPPORTED);
        }
        OK(fixture_reopen(&fx, NULL));
        OK(fixture_site(&fx, true));
        struct place place;
        struct rid rid;
        OK(store_begin(fx.store));
        OK(note_append(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &place, &rid));
        OK(note_log(&fx, &place, VERDICT_ACCEPTED));
        OK(store_meta_set(fx.store, "k", slice_text("v")));
        OK(store_commit(fx.store));
        fixture_close(&fx);
    }
}

// ---- The device's own ----

static void test_meta(void **state) {
    (void)state;
    struct fixture fx;
    struct buf value;
    fixture_open(&fx, true);
    buf_init(&value, 1000);
    assert_int_equal(store_meta_get(fx.store, "cursor", &value), RC_NOT_FOUND);
    OK(store_begin(fx.store));
    OK(store_meta_set(fx.store, "cursor", slice_text("one")));
    OK(store_meta_set(fx.store, "cursor", slice_text("two")));
    OK(store_meta_set(fx.store, "empty", slice_of(NULL, 0)));
    OK(store_commit(fx.store));
    store_close(fx.store);
    OK(fixture_reopen(&fx, NULL));
    OK(store_meta_get(fx.store, "cursor", &value));
    assert_string_equal(buf_cstr(&value), "two");
    buf_reset(&value);
    OK(store_meta_get(fx.store, "empty", &value));
    assert_int_equal(value.len, 0);
    buf_fini(&value);
    fixture_close(&fx);
}

static void test_secrets_expire(void **state) {
    (void)state;
    struct fixture fx;
    struct buf payload;
    const struct hash32 hash = {{1, 2, 3}};
    fixture_open(&fx, true);
    buf_init(&payload, 1000);
    OK(store_begin(fx.store));
    OK(store_secret_put(fx.store, &hash, (struct utc_ms){1000}, slice_text("invite")));
    OK(store_commit(fx.store));
    OK(store_secret_get(fx.store, &hash, (struct utc_ms){999}, &payload));
    assert_string_equal(buf_cstr(&payload), "invite");
    assert_int_equal(store_secret_get(fx.store, &hash, (struct utc_ms){1000}, &payload),
                     RC_NOT_FOUND);
    OK(store_begin(fx.store));
    OK(store_secret_drop(fx.store, &hash));
    OK(store_commit(fx.store));
    assert_int_equal(store_secret_get(fx.store, &hash, (struct utc_ms){999}, &payload),
                     RC_NOT_FOUND);
    // Never more than a thousand or so: the ones that expire first give way.
    OK(store_begin(fx.store));
    for (int i = 0; i < 1100; i++) {
        struct hash32 one = {{(uint8_t)i, (uint8_t)(i >> 8), 7}};
        OK(store_secret_put(fx.store, &one, (struct utc_ms){5000 + i}, slice_text("x")));
    }
    OK(store_commit(fx.store));
    const struct hash32 oldest = {{0, 0, 7}};
    const struct hash32 newest = {{1099 & 0xFF, 1099 >> 8, 7}};
    assert_int_equal(store_secret_get(fx.store, &oldest, (struct utc_ms){1}, &payload),
                     RC_NOT_FOUND);
    OK(store_secret_get(fx.store, &newest, (struct utc_ms){1}, &payload));
    buf_fini(&payload);
    fixture_close(&fx);
}

static void test_quarantine_is_bounded(void **state) {
    (void)state;
    static const uint8_t sample[20000] = {7};
    struct fixture fx;
    fixture_open(&fx, true);
    assert_int_equal(store_quarantine_count(fx.store), 0);
    OK(store_begin(fx.store));
    for (int i = 0; i < LIMIT_QUARANTINE_ROWS + 50; i++) {
        OK(store_quarantine_put(fx.store, "console-1", RC_BAD_SIGNATURE, slice_of(sample, 200),
                                (struct utc_ms){i}));
    }
    OK(store_quarantine_put(fx.store, "console-1", RC_BAD_SIGNATURE,
                            slice_of(sample, sizeof(sample)), (struct utc_ms){1}));
    OK(store_commit(fx.store));
    assert_int_equal(store_quarantine_count(fx.store), LIMIT_QUARANTINE_ROWS);
    int64_t longest = 0;
    OK(db_integer(store_sqlite(fx.store), "SELECT max(length(sample)) FROM quarantine", &longest));
    assert_int_equal(longest, 4096);
    fixture_close(&fx);
}

// A commit that makes the WAL long checkpoints; idle, it is emptied.
static void test_the_wal_stays_short(void **state) {
    (void)state;
    struct fixture fx;
    char path[TEST_PATH_BYTES];
    struct stat status;
    uint8_t *big = calloc(1, 900000);
    fixture_open(&fx, true);
    test_path(fx.folder, "records.db-wal", path);
    for (int i = 0; i < 40; i++) {
        OK(store_begin(fx.store));
        big[0] = (uint8_t)i;
        OK(store_meta_set(fx.store, "big", slice_of(big, 900000)));
        OK(store_commit(fx.store));
    }
    assert_int_equal(stat(path, &status), 0);
    assert_true(status.st_size < 20 * 1024 * 1024);
    assert_true(status.st_size > 0);
    store_checkpoint(fx.store);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 0);
    free(big);
    fixture_close(&fx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_there),
        cmocka_unit_test(test_one_owner_many_readers),
        cmocka_unit_test(test_the_lock_ends_with_the_process),
        cmocka_unit_test(test_foreign_files_stay_as_they_are),
        cmocka_unit_test(test_a_truncated_file_is_refused),
        cmocka_unit_test(test_links_are_not_followed),
        cmocka_unit_test(test_a_lost_entry_is_noticed),
        cmocka_unit_test(test_settings_hold),
        cmocka_unit_test(test_every_earlier_version_opens),
        cmocka_unit_test(test_meta),
        cmocka_unit_test(test_secrets_expire),
        cmocka_unit_test(test_quarantine_is_bounded),
        cmocka_unit_test(test_the_wal_stays_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
