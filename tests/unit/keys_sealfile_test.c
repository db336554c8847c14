// Sealed files: every cut and every turned bit is found, no other key opens one, a PIN guards the
// secret half, and a restored key folder gives no try back.
#include "test_util.h"

#include "davy/base/limits.h"
#include "davy/keys/sealfile.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

bool keyfile_test_costs(void) {
    return true;
}

static char folder[TEST_PATH_BYTES], key_path[TEST_PATH_BYTES], path[TEST_PATH_BYTES];
static uint8_t to[32];
static struct sealfile_key key;

static int setup(void **state) {
    (void)state;
    assert_int_equal(keys_init(), RC_OK);
    test_folder_make(folder);
    test_path(folder, "safe.key", key_path);
    test_path(folder, "file", path);
    assert_int_equal(sealfile_key_make(key_path, "12345678", pin_cost_test, to), RC_OK);
    assert_int_equal(sealfile_key_open(key_path, "12345678", &key), RC_OK);
    assert_memory_equal(key.public_part, to, sizeof to);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    sealfile_key_fini(&key);
    test_folder_remove(folder);
    return 0;
}

static void write_sealed(size_t len) {
    struct sealfile_writer *writer = NULL;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(sealfile_begin(fd, to, &writer), RC_OK);
    for (size_t i = 0; i < len; i++) {
        uint8_t byte = (uint8_t)(i * 7);
        assert_int_equal(sealfile_put(writer, &byte, 1), RC_OK);
    }
    assert_int_equal(sealfile_end(writer), RC_OK);
    sealfile_writer_free(writer);
    close(fd);
}

// What reading a whole file of `len` bytes ends with.
static enum rc read_sealed(const struct sealfile_key *with, size_t len) {
    struct sealfile_reader *reader = NULL;
    int fd = open(path, O_RDONLY);
    enum rc rc = sealfile_open(fd, with, &reader);
    for (size_t i = 0; rc == RC_OK && i < len; i++) {
        uint8_t byte = 0;
        rc = sealfile_get(reader, &byte, 1);
        if (rc == RC_OK) {
            assert_int_equal(byte, (uint8_t)(i * 7));
        }
    }
    rc = rc == RC_OK ? sealfile_finished(reader) : rc;
    sealfile_reader_free(reader);
    close(fd);
    return rc;
}

static void every_length_comes_back(void **state) {
    (void)state;
    static const size_t lengths[] = {0, 1, 65535, 65536, 65537, 131072, 200000};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        write_sealed(lengths[i]);
        assert_int_equal(read_sealed(&key, lengths[i]), RC_OK);
        if (lengths[i] > 0) {
            assert_int_not_equal(read_sealed(&key, lengths[i] - 1), RC_OK); // there is more
        }
        assert_int_equal(read_sealed(&key, lengths[i] + 1), RC_TRUNCATED);
    }
}

static void every_cut_and_bit_is_found(void **state) {
    (void)state;
    uint8_t bytes[512];
    write_sealed(60);
    int fd = open(path, O_RDWR);
    ssize_t got = read(fd, bytes, sizeof bytes);
    size_t len = got > 0 ? (size_t)got : 0;
    assert_in_range(len, 200, 400);
    for (size_t at = 0; at < len; at++) {
        bytes[at] ^= 0x10;
        assert_int_equal(pwrite(fd, bytes, len, 0), len);
        enum rc rc = read_sealed(&key, 60);
        assert_true(rc == RC_CORRUPT || rc == RC_INVALID || rc == RC_DENIED);
        bytes[at] ^= 0x10;
    }
    assert_int_equal(pwrite(fd, bytes, len, 0), len);
    assert_int_equal(read_sealed(&key, 60), RC_OK);
    for (size_t cut = len; cut-- > 0;) {
        assert_int_equal(ftruncate(fd, (off_t)cut), 0);
        enum rc rc = read_sealed(&key, 60);
        assert_true(rc == RC_CORRUPT || rc == RC_INVALID || rc == RC_TRUNCATED);
    }
    close(fd);
}

// Two files of the same key: the end of one does not fit the other.
static void two_files_do_not_mix(void **state) {
    (void)state;
    static uint8_t one[80000], two[80000];
    write_sealed(70000);
    int fd = open(path, O_RDWR);
    ssize_t len = read(fd, one, sizeof one);
    close(fd);
    assert_in_range(len, 70000, 71000);
    write_sealed(70000);
    fd = open(path, O_RDWR);
    assert_int_equal(read(fd, two, sizeof two), len);
    ssize_t first = 152 + 65536 + 17;
    size_t rest = len > first ? (size_t)(len - first) : 0;
    assert_int_equal(pwrite(fd, one + first, rest, first), rest);
    assert_int_equal(read_sealed(&key, 70000), RC_CORRUPT);
    close(fd);
}

static void another_key_opens_nothing(void **state) {
    (void)state;
    char other_path[TEST_PATH_BYTES];
    uint8_t other_public[32];
    struct sealfile_key other;
    struct stat status;
    test_path(folder, "other.key", other_path);
    assert_int_equal(sealfile_key_make(other_path, "87654321", pin_cost_test, other_public), RC_OK);
    assert_int_equal(sealfile_key_make(other_path, "87654321", pin_cost_test, other_public),
                     RC_EXISTS);
    assert_int_equal(sealfile_key_open(other_path, "87654322", &other), RC_DENIED);
    assert_int_equal(sealfile_key_open(other_path, "87654321", &other), RC_OK);
    write_sealed(10);
    assert_int_equal(read_sealed(&other, 10), RC_DENIED);
    assert_int_equal(stat(other_path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(truncate(other_path, status.st_size - 1), 0);
    assert_int_equal(sealfile_key_open(other_path, "87654321", &other), RC_CORRUPT);
    sealfile_key_fini(&other);
    static const char *const unfit[] = {"", "1234567", "abcdefgh", "1234567 "};
    test_path(folder, "third.key", other_path);
    for (size_t i = 0; i < sizeof unfit / sizeof unfit[0]; i++) {
        assert_int_equal(sealfile_key_make(other_path, unfit[i], pin_cost_test, other_public),
                         RC_INVALID);
    }
    char text[SEALFILE_TEXT_BYTES];
    uint8_t parsed[32];
    sealfile_public_text(to, text);
    assert_int_equal(sealfile_public_parse(text, parsed), RC_OK);
    assert_memory_equal(parsed, to, sizeof to);
    text[20] = 'x';
    assert_int_equal(sealfile_public_parse(text, parsed), RC_INVALID);
    assert_int_equal(sealfile_public_parse("", parsed), RC_INVALID);
}

static void wrong_pins(const char *keys, const struct keyfile_device *device, struct key_id id,
                       int count) {
    struct moment now = {.mono = {1000}, .boot_id = 7};
    for (int i = 0; i < count; i++) {
        struct keypair *pair = NULL;
        struct refusal refusal = {0};
        assert_int_equal(keyfile_person_open(keys, device, id, "00000000", now, &pair, &refusal),
                         RC_REFUSED);
        now.mono.v += 2 * LIMIT_PIN_WAIT_MS_MAX;
    }
}

// The backup knew of no wrong PIN; the folder that it replaces had counted eight.
static void no_try_comes_back(void **state) {
    (void)state;
    char old[TEST_PATH_BYTES], fresh[TEST_PATH_BYTES], name[64], from[TEST_PATH_BYTES + 64],
        into[TEST_PATH_BYTES + 64], hex[ID_HEX_BYTES];
    struct keyfile_device device;
    struct public_key person;
    struct keypair *pair = NULL;
    struct refusal refusal = {0};
    struct moment now = {.mono = {1000}, .boot_id = 9};
    test_path(folder, "old", old);
    test_path(folder, "fresh", fresh);
    assert_int_equal(keyfile_device_create(old, &device), RC_OK);
    assert_int_equal(keyfile_person_create(old, &device, "12345678", pin_cost_test, &person),
                     RC_OK);
    struct key_id id = key_id_of(&person);
    assert_int_equal(mkdir(fresh, 0700), 0);
    id16_hex(id.id, hex);
    static const char *const names[] = {"device.key", "%s.person", "%s.tries"};
    for (size_t i = 0; i < 3; i++) {
        char bytes[512];
        snprintf(name, sizeof name,
                 i == 0   ? "%s"
                 : i == 1 ? "%s.person"
                          : "%s.tries",
                 i == 0 ? names[0] : hex);
        snprintf(from, sizeof from, "%s/%s", old, name);
        snprintf(into, sizeof into, "%s/%s", fresh, name);
        int in = open(from, O_RDONLY), out = open(into, O_WRONLY | O_CREAT, 0600);
        ssize_t len = read(in, bytes, sizeof bytes);
        assert_int_equal(write(out, bytes, (size_t)len), len);
        close(in);
        close(out);
    }
    wrong_pins(old, &device, id, 8);
    assert_int_equal(keyfile_restored(fresh, NULL), RC_OK);
    assert_int_equal(keyfile_person_open(fresh, &device, id, "12345678", now, &pair, &refusal),
                     RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_PIN_WAIT);
    assert_int_equal(keyfile_restored(fresh, old), RC_OK);
    now.mono.v += 2 * LIMIT_PIN_WAIT_MS_MAX;
    now.boot_id = 10;
    assert_int_equal(keyfile_person_open(fresh, &device, id, "99999999", now, &pair, &refusal),
                     RC_REFUSED);
    now.mono.v += 2 * LIMIT_PIN_WAIT_MS_MAX;
    assert_int_equal(keyfile_person_open(fresh, &device, id, "99999999", now, &pair, &refusal),
                     RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_PIN_WRONG); // the ninth
    assert_string_equal(refusal.args[0], "1");
    keyfile_device_fini(&device);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_length_comes_back), cmocka_unit_test(every_cut_and_bit_is_found),
        cmocka_unit_test(two_files_do_not_mix),    cmocka_unit_test(another_key_opens_nothing),
        cmocka_unit_test(no_try_comes_back),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
