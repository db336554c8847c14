// Files become blobs and blobs become files: only plain, whole, known ones; nothing is overwritten.
#include "blob_util.h"

#include "davy/app/blob.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct moment now = {.utc = {1700000000000}};

struct desk {
    struct blob_store s;
    char folder[TEST_PATH_BYTES];
};

static int setup(void **state) {
    struct desk *d = calloc(1, sizeof *d);
    assert_non_null(d);
    blob_store_open(&d->s, 1);
    test_folder_make(d->folder);
    *state = d;
    return 0;
}

static int teardown(void **state) {
    struct desk *d = *state;
    test_folder_remove(d->folder);
    blob_store_close(&d->s);
    free(d);
    return 0;
}

static void write_file(const char *path, const void *bytes, size_t len) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static enum rc look(const char *path, enum refusal_code *out_code) {
    struct blob_file file;
    struct refusal refusal = {0};
    enum rc rc = blob_file_read(path, &file, &refusal);
    blob_file_free(&file);
    *out_code = refusal.code;
    return rc;
}

static void types_are_told_by_bytes(void **state) {
    struct desk *d = *state;
    static const struct {
        const char *bytes;
        size_t len;
        enum blob_media media;
    } rows[] = {
        {"\xFF\xD8\xFF\xE0 any", 8, BLOB_JPEG},
        {"\x89PNG\r\n\x1A\n", 8, BLOB_PNG},
        {"%PDF-1.7\n\x80\x81", 11, BLOB_PDF},
        {"18:05 巡检 R1：泵 P-101 漏油\r\n\t二次", 43, BLOB_TEXT},
        {"\xEF\xBB\xBF# BOM", 8, BLOB_TEXT},
        {"a", 1, BLOB_TEXT},
        {"\xFF\xD8", 2, BLOB_UNKNOWN},
        {"\x7F"
         "ELF\x02\x01\x01",
         7, BLOB_UNKNOWN},
        {"PK\x03\x04zip", 7, BLOB_UNKNOWN},
        {"MZ\x90\x00", 4, BLOB_UNKNOWN},
        {"text\0more", 9, BLOB_UNKNOWN},
        {"\x1B[31mred", 8, BLOB_UNKNOWN},
        {"SQLite format 3\0", 16, BLOB_UNKNOWN},
        {"gb \xC4\xE3\xBA\xC3", 7, BLOB_UNKNOWN},
    };
    char path[TEST_PATH_BYTES];
    test_path(d->folder, "file", path);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum refusal_code code;
        struct blob_file file;
        struct refusal refusal;
        assert_int_equal(blob_media_of(slice_of(rows[i].bytes, rows[i].len)), rows[i].media);
        write_file(path, rows[i].bytes, rows[i].len);
        if (rows[i].media == BLOB_UNKNOWN) {
            assert_int_equal(look(path, &code), RC_REFUSED);
            assert_int_equal(code, REFUSAL_BLOB_MEDIA);
            continue;
        }
        assert_int_equal(blob_file_read(path, &file, &refusal), RC_OK);
        assert_int_equal(file.media, rows[i].media);
        assert_int_equal(file.size, rows[i].len);
        assert_int_equal(blob_file_put(d->s.store, &file, now, &refusal), RC_OK);
        assert_int_equal(blob_file_put(d->s.store, &file, now, &refusal), RC_OK); // again
        blob_assert_whole(d->s.store, &file.hash, file.bytes.data, file.size);
        blob_file_free(&file);
    }
}

static void what_is_no_plain_file_is_refused(void **state) {
    struct desk *d = *state;
    char plain[TEST_PATH_BYTES], link[TEST_PATH_BYTES], fifo[TEST_PATH_BYTES];
    char empty[TEST_PATH_BYTES], large[TEST_PATH_BYTES], none[TEST_PATH_BYTES];
    char dangling[TEST_PATH_BYTES];
    enum refusal_code code;
    test_path(d->folder, "plain.txt", plain);
    test_path(d->folder, "link", link);
    test_path(d->folder, "dangling", dangling);
    test_path(d->folder, "fifo", fifo);
    test_path(d->folder, "empty", empty);
    test_path(d->folder, "large", large);
    test_path(d->folder, "none", none);
    write_file(plain, "text", 4);
    write_file(empty, "", 0);
    write_file(large, "%PDF-", 5);
    assert_int_equal(truncate(large, (off_t)LIMIT_BLOB_BYTES + 1), 0);
    assert_int_equal(symlink(plain, link), 0);
    assert_int_equal(symlink("/nowhere", dangling), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    const struct {
        const char *path;
        enum rc rc;
        enum refusal_code code;
    } rows[] = {
        {plain, RC_OK, REFUSAL_NONE},
        {link, RC_REFUSED, REFUSAL_BLOB_FILE},
        {dangling, RC_REFUSED, REFUSAL_BLOB_FILE},
        {fifo, RC_REFUSED, REFUSAL_BLOB_FILE}, // and nobody waits for a writer
        {empty, RC_REFUSED, REFUSAL_BLOB_FILE},
        {large, RC_REFUSED, REFUSAL_TOO_LARGE},
        {none, RC_NOT_FOUND, REFUSAL_NONE},
        {d->folder, RC_REFUSED, REFUSAL_BLOB_FILE},
        {"/dev/zero", RC_REFUSED, REFUSAL_BLOB_FILE},
        {"/dev/null", RC_REFUSED, REFUSAL_BLOB_FILE},
        {"/proc/self/status", RC_REFUSED, REFUSAL_BLOB_FILE},
        {"", RC_NOT_FOUND, REFUSAL_NONE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(look(rows[i].path, &code), rows[i].rc);
        assert_int_equal(code, rows[i].code);
    }
    assert_int_equal(truncate(large, LIMIT_BLOB_BYTES), 0);
    assert_int_equal(look(large, &code), RC_OK);
}

struct racer {
    const char *path, *other;
    volatile bool stop;
};

// Grows and shrinks the file, or puts a link in its place.
static void *race(void *ctx) {
    struct racer *racer = ctx;
    for (unsigned i = 0; !racer->stop; i++) {
        if (racer->other) {
            (void)unlink(racer->path);
            (void)!symlink(racer->other, racer->path);
            (void)unlink(racer->path);
            int fd = open(racer->path, O_WRONLY | O_CREAT | O_EXCL, 0600);
            (void)!write(fd, "good", 4);
            (void)close(fd);
        } else {
            (void)!truncate(racer->path, 100000 + (i % 5) * 5000);
        }
    }
    return NULL;
}

// A file that changes is either taken as it stood at one moment, or refused.
static void a_file_that_changes_is_refused(void **state) {
    struct desk *d = *state;
    char path[TEST_PATH_BYTES];
    uint32_t refused = 0;
    test_path(d->folder, "growing.pdf", path);
    write_file(path, "%PDF-", 5);
    struct racer racer = {.path = path};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, race, &racer), 0);
    for (int i = 0; i < 200000 && refused < 3; i++) {
        struct blob_file file;
        struct refusal refusal = {0};
        enum rc rc = blob_file_read(path, &file, &refusal);
        if (rc == RC_OK) {
            assert_true(file.size == 5 || (file.size >= 100000 && file.size % 5000 == 0));
        } else {
            assert_int_equal(rc, RC_REFUSED);
            assert_int_equal(refusal.code, REFUSAL_BLOB_FILE);
            refused++;
        }
        blob_file_free(&file);
    }
    racer.stop = true;
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(refused > 0);
}

// While a link and a file take turns under one name, what the link points to is never read.
static void a_link_is_never_followed(void **state) {
    struct desk *d = *state;
    char path[TEST_PATH_BYTES], secret[TEST_PATH_BYTES];
    test_path(d->folder, "turns", path);
    test_path(d->folder, "secret", secret);
    write_file(secret, "bad!", 4);
    write_file(path, "good", 4);
    struct racer racer = {.path = path, .other = secret};
    pthread_t thread;
    uint32_t good = 0;
    assert_int_equal(pthread_create(&thread, NULL, race, &racer), 0);
    for (int i = 0; i < 10000; i++) {
        struct blob_file file;
        enum rc rc = blob_file_read(path, &file, NULL);
        if (rc == RC_OK) {
            assert_memory_equal(file.bytes.data, "good", 4);
            good++;
        }
        blob_file_free(&file);
    }
    racer.stop = true;
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(good > 0);
}

static void a_blob_takes_nobodys_place(void **state) {
    struct desk *d = *state;
    char path[TEST_PATH_BYTES], other[TEST_PATH_BYTES], link[TEST_PATH_BYTES];
    char missing[TEST_PATH_BYTES];
    struct hash32 hash, unknown = {{1}};
    uint8_t *bytes = blob_bytes(1, 150000, &hash);
    struct stat status;
    struct blob_file file;
    test_path(d->folder, "out.jpg", path);
    test_path(d->folder, "other", other);
    test_path(d->folder, "link", link);
    test_path(d->folder, "missing/out.jpg", missing);
    blob_put_own(&d->s, bytes, 150000, &hash);
    assert_int_equal(blob_save(d->s.store, &hash, path), RC_OK);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(blob_file_read(path, &file, NULL), RC_OK);
    assert_true(hash32_equal(&file.hash, &hash));
    blob_file_free(&file);
    assert_int_equal(blob_save(d->s.store, &hash, path), RC_EXISTS);
    write_file(other, "mine", 4);
    assert_int_equal(symlink(other, link), 0);
    assert_int_equal(blob_save(d->s.store, &hash, link), RC_EXISTS);
    assert_int_equal(stat(other, &status), 0);
    assert_int_equal(status.st_size, 4);
    assert_int_equal(blob_save(d->s.store, &hash, missing), RC_NOT_FOUND);
    assert_int_equal(blob_save(d->s.store, &hash, d->folder), RC_EXISTS);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(blob_save(d->s.store, &unknown, path), RC_NOT_FOUND);
    assert_int_equal(stat(path, &status), -1);
    // Damage leaves no file.
    assert_int_equal(sqlite3_exec(store_sqlite(d->s.store),
                                  "UPDATE blob_chunk SET bytes = zeroblob(length(bytes)) "
                                  "WHERE (id & 65535) > 300",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(blob_save(d->s.store, &hash, path), RC_CORRUPT);
    assert_int_equal(stat(path, &status), -1);
    free(bytes);
}

// Another process hands a file over in parts; the owner believes the hash only.
static void parts_reach_the_owner(void **state) {
    struct desk *d = *state;
    char path[TEST_PATH_BYTES];
    struct hash32 hash;
    struct store_blob blob;
    struct refusal refusal = {0};
    struct buf payload;
    struct blob_file file;
    uint8_t *bytes = blob_bytes(2, 100001, &hash);
    test_path(d->folder, "a.jpg", path);
    write_file(path, bytes, 100001);
    buf_init(&payload, LIMIT_CONTROL_MESSAGE_BYTES / 2);
    assert_int_equal(blob_file_read(path, &file, NULL), RC_OK);
    for (int wrong = 1; wrong >= 0; wrong--) {
        uint32_t offset = 0;
        enum rc rc = RC_OK;
        while (offset < file.size && rc == RC_OK) {
            buf_reset(&payload);
            blob_part_encode(&file, &offset, &payload);
            assert_int_equal(buf_rc(&payload), RC_OK);
            payload.data[payload.len - 1] ^= (uint8_t)wrong;
            rc = blob_part_take(d->s.store, buf_slice(&payload), now, &refusal);
        }
        assert_int_equal(rc, wrong ? RC_REFUSED : RC_OK);
        assert_int_equal(refusal.code, REFUSAL_BLOB_FILE);
    }
    blob_assert_whole(d->s.store, &hash, bytes, 100001);
    // Cut and odd payloads change nothing.
    for (size_t len = 0; len <= 36; len++) {
        assert_int_not_equal(blob_part_take(d->s.store, slice_of(payload.data, len), now, NULL),
                             RC_OK);
        assert_false(store_in_transaction(d->s.store));
    }
    // Wanted is only what a record names.
    struct hash32 other = {{7}};
    assert_int_equal(blob_want_take(d->s.store, slice_of(other.b, HASH_BYTES), now), RC_NOT_FOUND);
    blob_name(&d->s, &other, 1);
    assert_int_equal(blob_want_take(d->s.store, slice_of(other.b, HASH_BYTES), now), RC_OK);
    assert_int_not_equal(blob_want_take(d->s.store, slice_of(other.b, 31), now), RC_OK);
    assert_int_equal(store_blob_get(d->s.store, &other, &blob), RC_OK);
    assert_true(blob.wanted && blob.named && !blob.whole);
    blob_file_free(&file);
    buf_fini(&payload);
    free(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(types_are_told_by_bytes, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_plain_file_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_changes_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_link_is_never_followed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_blob_takes_nobodys_place, setup, teardown),
        cmocka_unit_test_setup_teardown(parts_reach_the_owner, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
