// The simulated disk: what a sync promises, what a crash takes, and how faults strike.
#include "test_util.h"

#include "davy/sim/vfs.h"

#include <sqlite3.h>

#define OK(call) assert_int_equal((call), RC_OK)

static sqlite3_vfs *vfs_of(struct sim_disk *disk) {
    return sqlite3_vfs_find(sim_disk_vfs_name(disk));
}

static sqlite3_file *file_open(struct sim_disk *disk, const char *name) {
    sqlite3_vfs *vfs = vfs_of(disk);
    sqlite3_file *file = calloc(1, (size_t)vfs->szOsFile);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    assert_int_equal(vfs->xOpen(vfs, name, file, flags, NULL), SQLITE_OK);
    return file;
}

static void file_close(sqlite3_file *file) {
    file->pMethods->xClose(file);
    free(file);
}

static int file_write(sqlite3_file *file, int at, uint8_t value, int bytes) {
    uint8_t data[8192];
    memset(data, value, sizeof(data));
    return file->pMethods->xWrite(file, data, bytes, at);
}

static int file_sync(sqlite3_file *file) {
    return file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
}

static const uint8_t *content(struct sim_disk *disk, const char *name, size_t *out_bytes) {
    const uint8_t *data = NULL;
    OK(sim_disk_get(disk, name, &data, out_bytes));
    return data;
}

static void test_synced_stays_unsynced_tears(void **state) {
    (void)state;
    int kept = 0;
    int lost = 0;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct sim_disk *disk = NULL;
        size_t bytes = 0;
        OK(sim_disk_new(seed, &disk));
        sqlite3_file *file = file_open(disk, "a");
        assert_int_equal(file_write(file, 0, 1, 4096), SQLITE_OK);
        assert_int_equal(file_sync(file), SQLITE_OK);
        assert_int_equal(file_write(file, 1024, 2, 2048), SQLITE_OK);
        sim_disk_crash(disk);
        assert_int_equal(file_write(file, 0, 9, 10), SQLITE_IOERR_WRITE); // of before the crash
        const uint8_t *data = content(disk, "a", &bytes);
        assert_int_equal(bytes, 4096);
        for (size_t i = 0; i < bytes; i++) {
            bool written = i >= 1024 && i < 3072;
            assert_true(data[i] == 1 || (written && data[i] == 2));
            assert_int_equal(data[i], data[i - i % 512]); // a sector is whole
            kept += data[i] == 2;
            lost += written && data[i] == 1;
        }
        file_close(file);
        sim_disk_free(disk);
    }
    assert_true(kept > 0 && lost > 0);
}

static void test_lengths_and_names(void **state) {
    (void)state;
    bool seen[2][2] = {{false, false}, {false, false}};
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct sim_disk *disk = NULL;
        size_t bytes = 0;
        const uint8_t *data = NULL;
        OK(sim_disk_new(seed, &disk));
        sqlite3_file *file = file_open(disk, "long");
        assert_int_equal(file_write(file, 0, 1, 512), SQLITE_OK);
        assert_int_equal(file_sync(file), SQLITE_OK);
        assert_int_equal(file_write(file, 512, 2, 2048), SQLITE_OK);
        sqlite3_file *fresh = file_open(disk, "fresh");
        assert_int_equal(file_write(fresh, 0, 3, 512), SQLITE_OK);
        sqlite3_file *old = file_open(disk, "old");
        assert_int_equal(file_write(old, 0, 4, 512), SQLITE_OK);
        assert_int_equal(file_sync(old), SQLITE_OK);
        file_close(old);
        assert_int_equal(vfs_of(disk)->xDelete(vfs_of(disk), "old", 0), SQLITE_OK);
        assert_int_equal(sim_disk_get(disk, "old", &data, &bytes), RC_NOT_FOUND);
        sim_disk_crash(disk);
        data = content(disk, "long", &bytes);
        assert_true(bytes >= 512 && bytes <= 2560);
        assert_int_equal(data[0], 1);
        seen[0][sim_disk_get(disk, "fresh", &data, &bytes) == RC_OK] = true;
        bool back = sim_disk_get(disk, "old", &data, &bytes) == RC_OK;
        seen[1][back] = true;
        assert_true(!back || (bytes == 512 && data[0] == 4));
        file_close(file);
        file_close(fresh);
        sim_disk_free(disk);
    }
    // A name that was never synced may be gone, a deleted one may be back.
    assert_true(seen[0][0] && seen[0][1] && seen[1][0] && seen[1][1]);
}

static void test_a_kill_loses_nothing(void **state) {
    (void)state;
    struct sim_disk *disk = NULL;
    size_t bytes = 0;
    OK(sim_disk_new(1, &disk));
    sqlite3_file *file = file_open(disk, "a");
    assert_int_equal(file_write(file, 0, 1, 3000), SQLITE_OK);
    sim_disk_kill(disk);
    assert_int_equal(file_sync(file), SQLITE_IOERR_FSYNC);
    content(disk, "a", &bytes);
    assert_int_equal(bytes, 3000);
    file_close(file);
    sim_disk_free(disk);
}

static void test_faults(void **state) {
    (void)state;
    struct sim_disk *disk = NULL;
    uint8_t out[10];
    OK(sim_disk_new(1, &disk));
    sqlite3_file *file = file_open(disk, "a");
    sim_disk_fail(disk, &(struct sim_fault){SIM_WRITE, 2, false, false});
    assert_int_equal(file_write(file, 0, 1, 10), SQLITE_OK);
    assert_false(sim_disk_struck(disk));
    assert_int_equal(file_write(file, 0, 2, 10), SQLITE_IOERR_WRITE);
    assert_true(sim_disk_struck(disk));
    assert_int_equal(file_write(file, 0, 3, 10), SQLITE_OK); // once
    sim_disk_fail(disk, &(struct sim_fault){SIM_WRITE, 1, true, true});
    assert_int_equal(file_write(file, 0, 4, 10), SQLITE_FULL);
    assert_int_equal(file_write(file, 0, 4, 10), SQLITE_FULL); // from then on
    sim_disk_fail(disk, &(struct sim_fault){SIM_SYNC, 1, false, false});
    assert_int_equal(file_sync(file), SQLITE_IOERR_FSYNC);
    sim_disk_fail(disk, &(struct sim_fault){SIM_READ, 1, false, false});
    assert_int_equal(file->pMethods->xRead(file, out, 10, 0), SQLITE_IOERR_READ);
    assert_int_equal(file->pMethods->xRead(file, out, 10, 0), SQLITE_OK);
    assert_int_equal(out[0], 3);
    sim_disk_limit(disk, 100);
    assert_int_equal(file_write(file, 95, 5, 10), SQLITE_FULL);
    assert_int_equal(file_write(file, 90, 5, 10), SQLITE_OK);
    assert_int_equal(sim_disk_bytes(disk), 100);
    sim_disk_limit(disk, 0);
    // The last change before the cut may reach the disk; nothing after it does.
    sim_disk_cut(disk, 2);
    assert_int_equal(file_write(file, 0, 6, 10), SQLITE_OK);
    assert_int_equal(file_sync(file), SQLITE_IOERR_FSYNC);
    assert_int_equal(file_write(file, 0, 7, 10), SQLITE_IOERR_WRITE);
    assert_true(sim_disk_struck(disk));
    file_close(file);
    sim_disk_free(disk);
}

static void test_disks_are_apart_and_seeds_replay(void **state) {
    (void)state;
    struct sim_disk *disks[3] = {NULL};
    for (int i = 0; i < 3; i++) {
        OK(sim_disk_new(i == 2 ? 8 : 7, &disks[i]));
        sqlite3_file *file = file_open(disks[i], "a");
        assert_int_equal(file_write(file, 0, 1, 8192), SQLITE_OK);
        assert_int_equal(file_sync(file), SQLITE_OK);
        assert_int_equal(file_write(file, 0, 2, 8192), SQLITE_OK);
        sim_disk_crash(disks[i]);
        file_close(file);
    }
    size_t bytes = 0;
    const uint8_t *first = content(disks[0], "a", &bytes);
    assert_memory_equal(first, content(disks[1], "a", &bytes), 8192);
    assert_int_not_equal(memcmp(first, content(disks[2], "a", &bytes), 8192), 0);
    struct sim_disk *clone = NULL;
    OK(sim_disk_clone(disks[0], 9, &clone));
    assert_memory_equal(first, content(clone, "a", &bytes), 8192);
    OK(sim_disk_put(clone, "a", "x", 1));
    content(disks[0], "a", &bytes);
    assert_int_equal(bytes, 8192);
    sim_disk_free(clone);
    for (int i = 0; i < 3; i++) {
        sim_disk_free(disks[i]);
    }
}

static void test_two_connections_exclude_each_other(void **state) {
    (void)state;
    struct sim_disk *disk = NULL;
    sqlite3 *db[2];
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    OK(sim_disk_new(1, &disk));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sqlite3_open_v2("t.db", &db[i], flags, sim_disk_vfs_name(disk)),
                         SQLITE_OK);
    }
    static const struct {
        int who;
        const char *sql;
        int code;
    } steps[] = {
        {0, "CREATE TABLE t(x)", SQLITE_OK},
        {0, "BEGIN IMMEDIATE; INSERT INTO t VALUES(1)", SQLITE_OK},
        {1, "SELECT count(*) FROM t", SQLITE_OK},
        {1, "BEGIN IMMEDIATE", SQLITE_BUSY},
        {0, "COMMIT", SQLITE_OK},
        {1, "INSERT INTO t VALUES(2)", SQLITE_OK},
        {0, "BEGIN EXCLUSIVE", SQLITE_OK},
        {1, "SELECT * FROM t", SQLITE_BUSY},
        {0, "ROLLBACK", SQLITE_OK},
        {1, "SELECT * FROM t", SQLITE_OK},
    };
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        int code = sqlite3_exec(db[steps[i].who], steps[i].sql, NULL, NULL, NULL);
        assert_int_equal(code & 0xFF, steps[i].code);
    }
    sqlite3_close(db[0]);
    sqlite3_close(db[1]);
    sim_disk_free(disk);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_synced_stays_unsynced_tears),
        cmocka_unit_test(test_lengths_and_names),
        cmocka_unit_test(test_a_kill_loses_nothing),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_disks_are_apart_and_seeds_replay),
        cmocka_unit_test(test_two_connections_exclude_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
