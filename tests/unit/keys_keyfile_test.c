#include "davy/keys/keyfile.h"

#include "davy/base/ensure.h"
#include "davy/base/limits.h"
#include "keys/tries_priv.h"
#include "test_util.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define GOOD_PIN "20260131"
#define BAD_PIN "20260132"

static bool cheap_costs = true;

bool keyfile_test_costs(void) {
    return cheap_costs;
}

// A device with one person's key.
struct fixture {
    char folder[TEST_PATH_BYTES];
    struct keyfile_device device;
    struct public_key person;
    struct key_id key;
    char person_path[TEST_PATH_BYTES];
    char tries_path[TEST_PATH_BYTES];
    struct moment now;
};

static int fixture_make(void **state) {
    struct fixture *fix = calloc(1, sizeof(*fix));
    assert_non_null(fix);
    cheap_costs = true;
    test_folder_make(fix->folder);
    assert_int_equal(keyfile_device_create(fix->folder, &fix->device), RC_OK);
    assert_int_equal(
        keyfile_person_create(fix->folder, &fix->device, GOOD_PIN, pin_cost_test, &fix->person),
        RC_OK);
    fix->key = key_id_of(&fix->person);
    char hex[ID_HEX_BYTES];
    id16_hex(fix->key.id, hex);
    char name[ID_HEX_BYTES + 8];
    snprintf(name, sizeof(name), "%s.person", hex);
    test_path(fix->folder, name, fix->person_path);
    snprintf(name, sizeof(name), "%s.tries", hex);
    test_path(fix->folder, name, fix->tries_path);
    fix->now = (struct moment){.mono.v = 1000000, .boot_id = 77};
    *state = fix;
    return 0;
}

static int fixture_remove(void **state) {
    struct fixture *fix = *state;
    keyfile_device_fini(&fix->device);
    test_folder_remove(fix->folder);
    free(fix);
    return 0;
}

static size_t file_read(const char *path, uint8_t *out, size_t out_bytes) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(out, 1, out_bytes, file);
    fclose(file);
    return len;
}

static void file_write(const char *path, const uint8_t *data, size_t len) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

// Opens with the PIN; the key pair is freed at once.
static enum rc try_pin(struct fixture *fix, const char *pin, struct refusal *out_refusal) {
    struct keypair *pair = NULL;
    memset(out_refusal, 0, sizeof(*out_refusal));
    enum rc rc =
        keyfile_person_open(fix->folder, &fix->device, fix->key, pin, fix->now, &pair, out_refusal);
    assert_int_equal(rc == RC_OK, pair != NULL);
    keypair_free(pair);
    return rc;
}

static void expect_refused(struct fixture *fix, const char *pin, enum refusal_code code,
                           const char *arg) {
    struct refusal refusal;
    assert_int_equal(try_pin(fix, pin, &refusal), RC_REFUSED);
    assert_string_equal(refusal_name(refusal.code), refusal_name(code));
    assert_string_equal(refusal.args[0], arg);
}

static void expect_open(struct fixture *fix) {
    struct refusal refusal;
    assert_int_equal(try_pin(fix, GOOD_PIN, &refusal), RC_OK);
    assert_int_equal(refusal.code, REFUSAL_NONE);
}

static void wrong_tries(struct fixture *fix, unsigned count) {
    struct refusal refusal;
    for (unsigned i = 0; i < count; i++) {
        fix->now.mono.v += LIMIT_PIN_WAIT_MS_MAX;
        assert_int_equal(try_pin(fix, BAD_PIN, &refusal), RC_REFUSED);
    }
}

static void device_key_survives_a_restart(void **state) {
    struct fixture *fix = *state;
    struct keyfile_device again = {0};
    assert_int_equal(keyfile_device_load(fix->folder, &again), RC_OK);
    assert_memory_equal(keypair_public(again.pair), keypair_public(fix->device.pair),
                        PUBLIC_KEY_BYTES);
    assert_memory_equal(again.secret, fix->device.secret, sizeof(again.secret));
    keyfile_device_fini(&again);
    assert_null(again.pair);
    keyfile_device_fini(&again);
    keyfile_device_fini(NULL);
    assert_int_equal(keyfile_device_create(fix->folder, &again), RC_EXISTS);
    assert_null(again.pair);
}

static void devices_differ(void **state) {
    struct fixture *fix = *state;
    char folder[TEST_PATH_BYTES];
    test_path(fix->folder, "other", folder); // made by the call
    struct keyfile_device other;
    assert_int_equal(keyfile_device_create(folder, &other), RC_OK);
    assert_memory_not_equal(keypair_public(other.pair), keypair_public(fix->device.pair),
                            PUBLIC_KEY_BYTES);
    assert_memory_not_equal(other.secret, fix->device.secret, sizeof(other.secret));
    struct stat status;
    assert_int_equal(stat(folder, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    keyfile_device_fini(&other);
    test_path(fix->folder, "none/deeper", folder);
    assert_int_equal(keyfile_device_create(folder, &other), RC_NOT_FOUND);
    assert_int_equal(keyfile_device_load(folder, &other), RC_NOT_FOUND);
}

static void files_are_for_one_user_alone(void **state) {
    struct fixture *fix = *state;
    char path[TEST_PATH_BYTES];
    test_path(fix->folder, "device.key", path);
    const char *const paths[] = {path, fix->person_path, fix->tries_path};
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        struct stat status;
        assert_int_equal(stat(paths[i], &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
    }
    struct keyfile_device device;
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(keyfile_device_load(fix->folder, &device), RC_DENIED);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(chmod(fix->folder, 0770), 0);
    assert_int_equal(keyfile_device_load(fix->folder, &device), RC_DENIED);
    assert_int_equal(chmod(fix->folder, 0700), 0);
    assert_int_equal(keyfile_device_load(fix->folder, &device), RC_OK);
    keyfile_device_fini(&device);
}

static void damaged_device_key_is_refused(void **state) {
    struct fixture *fix = *state;
    char path[TEST_PATH_BYTES];
    test_path(fix->folder, "device.key", path);
    uint8_t data[256];
    size_t len = file_read(path, data, sizeof(data));
    struct keyfile_device device;
    for (size_t i = 0; i < len; i++) {
        data[i] ^= 0x10;
        file_write(path, data, len);
        assert_int_equal(keyfile_device_load(fix->folder, &device), RC_CORRUPT);
        data[i] ^= 0x10;
    }
    file_write(path, data, len - 1);
    assert_int_equal(keyfile_device_load(fix->folder, &device), RC_CORRUPT);
    file_write(path, data, len + 1);
    assert_int_equal(keyfile_device_load(fix->folder, &device), RC_CORRUPT);
    file_write(path, data, 0);
    assert_int_equal(keyfile_device_load(fix->folder, &device), RC_CORRUPT);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(keyfile_device_load(fix->folder, &device), RC_NOT_FOUND);
    assert_int_equal(symlink("/dev/zero", path), 0);
    assert_int_equal(keyfile_device_load(fix->folder, &device), RC_CORRUPT);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(keyfile_device_load(fix->folder, &device), RC_CORRUPT);
}

static void right_pin_opens_the_key(void **state) {
    struct fixture *fix = *state;
    assert_int_equal(keyfile_person_exists(fix->folder, fix->key), RC_OK);
    struct keypair *pair = NULL;
    struct refusal refusal;
    assert_int_equal(keyfile_person_open(fix->folder, &fix->device, fix->key, GOOD_PIN, fix->now,
                                         &pair, &refusal),
                     RC_OK);
    struct signature sig;
    keypair_sign(pair, slice_text("ack"), &sig);
    assert_true(keys_verify(keys_ed25519(), &fix->person, slice_text("ack"), &sig));
    keypair_free(pair);
    struct key_id other = {{{1}}};
    assert_int_equal(keyfile_person_exists(fix->folder, other), RC_NOT_FOUND);
    assert_int_equal(keyfile_person_unlock(fix->folder, other), RC_NOT_FOUND);
    pair = NULL;
    assert_int_equal(
        keyfile_person_open(fix->folder, &fix->device, other, GOOD_PIN, fix->now, &pair, &refusal),
        RC_NOT_FOUND);
    assert_null(pair);
}

static void key_and_pin_are_nowhere_in_the_files(void **state) {
    struct fixture *fix = *state;
    struct public_key second;
    assert_int_equal(
        keyfile_person_create(fix->folder, &fix->device, GOOD_PIN, pin_cost_test, &second), RC_OK);
    assert_memory_not_equal(&second, &fix->person, sizeof(second));
    uint8_t data[512];
    size_t len = file_read(fix->person_path, data, sizeof(data));
    assert_null(memmem(data, len, GOOD_PIN, strlen(GOOD_PIN)));
    assert_null(memmem(data, len, fix->device.secret, sizeof(fix->device.secret)));
}

static void bad_pins_and_costs_make_no_key(void **state) {
    struct fixture *fix = *state;
    static const char *const pins[] = {
        "",
        "12345",
        "1234567a",
        "12345 678",
        "１２３４５６７８",
        "-1234567",
        "12345678\n",
        "123456789012345678901234567890123",
    };
    struct public_key key;
    for (size_t i = 0; i < COUNT_OF(pins); i++) {
        assert_int_equal(
            keyfile_person_create(fix->folder, &fix->device, pins[i], pin_cost_test, &key),
            RC_INVALID);
    }
    assert_int_equal(
        keyfile_person_create(fix->folder, &fix->device, "123456", pin_cost_test, &key), RC_OK);
    struct pin_cost huge = {.ops = 1, .mem_bytes = 1ULL << 60};
    assert_int_equal(keyfile_person_create(fix->folder, &fix->device, GOOD_PIN, huge, &key),
                     RC_NO_MEMORY);
    char folder[TEST_PATH_BYTES];
    test_path(fix->folder, "none", folder);
    assert_int_equal(keyfile_person_create(folder, &fix->device, GOOD_PIN, pin_cost_test, &key),
                     RC_NOT_FOUND);
}

static void cheap_keys_are_refused_outside_tests(void **state) {
    struct fixture *fix = *state;
    cheap_costs = false;
    struct public_key key;
    struct refusal refusal;
    assert_int_equal(
        keyfile_person_create(fix->folder, &fix->device, GOOD_PIN, pin_cost_test, &key),
        RC_INVALID);
    assert_int_equal(try_pin(fix, GOOD_PIN, &refusal), RC_CORRUPT);
    assert_int_equal(
        keyfile_person_create(fix->folder, &fix->device, GOOD_PIN, pin_cost_default, &key), RC_OK);
    fix->key = key_id_of(&key);
    expect_open(fix);
    expect_refused(fix, BAD_PIN, REFUSAL_PIN_WRONG, "9");
}

static void wrong_pins_cost_more_and_more(void **state) {
    struct fixture *fix = *state;
    static const struct {
        const char *left; // after this wrong try
        int64_t wait_ms;  // before the next one
    } steps[] = {
        {"9", 0},     {"8", 0},      {"7", 0},      {"6", 0},      {"5", 30000},
        {"4", 60000}, {"3", 120000}, {"2", 240000}, {"1", 480000},
    };
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        expect_refused(fix, BAD_PIN, REFUSAL_PIN_WRONG, steps[i].left);
        if (steps[i].wait_ms == 0) {
            continue;
        }
        char seconds[16];
        snprintf(seconds, sizeof(seconds), "%d", (int)(steps[i].wait_ms / 1000));
        expect_refused(fix, GOOD_PIN, REFUSAL_PIN_WAIT, seconds);
        fix->now.mono.v += steps[i].wait_ms - 1;
        expect_refused(fix, GOOD_PIN, REFUSAL_PIN_WAIT, "1");
        fix->now.mono.v += 1;
    }
    expect_refused(fix, BAD_PIN, REFUSAL_PIN_LOCKED, "");
    fix->now.mono.v += INT64_C(365) * 86400000;
    expect_refused(fix, GOOD_PIN, REFUSAL_PIN_LOCKED, "");
    fix->now.boot_id++;
    expect_refused(fix, GOOD_PIN, REFUSAL_PIN_LOCKED, "");
    assert_int_equal(keyfile_person_unlock(fix->folder, fix->key), RC_OK);
    expect_open(fix);
    expect_refused(fix, BAD_PIN, REFUSAL_PIN_WRONG, "9");
}

// Guessing at a locked key wipes it: the file is gone, also for the right PIN, and an unlock finds
// nothing to unlock.
static void guessing_on_wipes_the_key(void **state) {
    struct fixture *fix = *state;
    struct refusal refusal;
    wrong_tries(fix, LIMIT_PIN_TRIES_LOCK);
    for (unsigned i = LIMIT_PIN_TRIES_LOCK + 1; i < LIMIT_PIN_TRIES_WIPE; i++) {
        fix->now.mono.v -= 500000; // no clock helps
        fix->now.boot_id += i % 2;
        expect_refused(fix, i % 3 ? BAD_PIN : GOOD_PIN, REFUSAL_PIN_LOCKED, "");
        assert_int_equal(access(fix->person_path, F_OK), 0);
    }
    expect_refused(fix, GOOD_PIN, REFUSAL_PIN_WIPED, "");
    assert_int_equal(access(fix->person_path, F_OK), -1);
    assert_int_equal(try_pin(fix, GOOD_PIN, &refusal), RC_NOT_FOUND);
    assert_int_equal(keyfile_person_unlock(fix->folder, fix->key), RC_NOT_FOUND);
}

// An unlock before that starts the count anew.
static void an_unlock_stops_the_wiping(void **state) {
    struct fixture *fix = *state;
    wrong_tries(fix, LIMIT_PIN_TRIES_WIPE - 1);
    assert_int_equal(keyfile_person_unlock(fix->folder, fix->key), RC_OK);
    expect_open(fix);
}

static void root_keys_leave_the_machine(void **state) {
    struct fixture *fix = *state;
    char folder[TEST_PATH_BYTES];
    char copy[TEST_PATH_BYTES];
    char path[TEST_PATH_BYTES];
    struct public_key root;
    struct keypair *pair = NULL;
    uint8_t data[512];
    test_path(fix->folder, "roots", folder);
    assert_int_equal(keyfile_root_create(folder, "root-1.key", GOOD_PIN, pin_cost_test, &root),
                     RC_OK);
    assert_int_equal(keyfile_root_create(folder, "root-1.key", GOOD_PIN, pin_cost_test, &root),
                     RC_EXISTS);
    assert_int_equal(keyfile_root_create(folder, "root-2.key", "12345", pin_cost_test, &root),
                     RC_INVALID);
    // The copy opens in another folder, by its PIN alone.
    test_path(folder, "root-1.key", path);
    size_t len = file_read(path, data, sizeof(data));
    test_path(fix->folder, "usb", copy);
    assert_int_equal(mkdir(copy, 0700), 0);
    test_path(copy, "mine", path);
    file_write(path, data, len);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(keyfile_root_open(copy, "mine", GOOD_PIN, &pair), RC_DENIED);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(keyfile_root_open(copy, "mine", BAD_PIN, &pair), RC_BAD_SIGNATURE);
    assert_int_equal(keyfile_root_open(copy, "none", GOOD_PIN, &pair), RC_NOT_FOUND);
    assert_null(pair);
    assert_int_equal(keyfile_root_open(copy, "mine", GOOD_PIN, &pair), RC_OK);
    assert_memory_equal(keypair_public(pair)->b, root.b, PUBLIC_KEY_BYTES);
    keypair_free(pair);
    for (size_t i = 0; i < len; i++) {
        data[i] ^= 1;
        file_write(path, data, len);
        assert_int_equal(keyfile_root_open(copy, "mine", GOOD_PIN, &pair), RC_CORRUPT);
        data[i] ^= 1;
    }
    // A person's key is no root key.
    len = file_read(fix->person_path, data, sizeof(data));
    file_write(path, data, len);
    assert_int_equal(keyfile_root_open(copy, "mine", GOOD_PIN, &pair), RC_CORRUPT);
}

static void right_pin_resets_the_counter(void **state) {
    struct fixture *fix = *state;
    for (int round = 0; round < 3; round++) {
        wrong_tries(fix, 9);
        fix->now.mono.v += LIMIT_PIN_WAIT_MS_MAX;
        expect_open(fix);
    }
    expect_refused(fix, BAD_PIN, REFUSAL_PIN_WRONG, "9");
}

static void reboot_restarts_the_wait(void **state) {
    struct fixture *fix = *state;
    wrong_tries(fix, 6);
    fix->now.mono.v += 59000;
    expect_refused(fix, GOOD_PIN, REFUSAL_PIN_WAIT, "1");
    fix->now = (struct moment){.mono.v = 50000000, .boot_id = 78};
    expect_refused(fix, GOOD_PIN, REFUSAL_PIN_WAIT, "60");
    fix->now.mono.v += 59000; // it runs on from there
    expect_refused(fix, GOOD_PIN, REFUSAL_PIN_WAIT, "1");
    fix->now.mono.v += 1000;
    expect_refused(fix, BAD_PIN, REFUSAL_PIN_WRONG, "3");
    // Going back to a boot that was seen before is a change, too.
    fix->now = (struct moment){.mono.v = 50000000, .boot_id = 77};
    expect_refused(fix, GOOD_PIN, REFUSAL_PIN_WAIT, "120");
}

static void clock_going_backwards_shortens_nothing(void **state) {
    struct fixture *fix = *state;
    wrong_tries(fix, 5);
    fix->now.mono.v += 20000;
    expect_refused(fix, GOOD_PIN, REFUSAL_PIN_WAIT, "10");
    fix->now.mono.v -= 500000;
    expect_refused(fix, GOOD_PIN, REFUSAL_PIN_WAIT, "30");
    fix->now.mono.v = -5; // no value of the clock opens anything
    expect_refused(fix, GOOD_PIN, REFUSAL_PIN_WAIT, "30");
    fix->now.mono.v = INT64_MIN;
    expect_refused(fix, GOOD_PIN, REFUSAL_PIN_WAIT, "30");
    fix->now.mono.v += 29999;
    expect_refused(fix, GOOD_PIN, REFUSAL_PIN_WAIT, "1");
    // The wall clock has no say.
    fix->now.utc.v += INT64_C(365) * 86400000;
    expect_refused(fix, GOOD_PIN, REFUSAL_PIN_WAIT, "1");
    fix->now.mono.v += 1;
    expect_open(fix);
}

static void damaged_or_missing_counter_is_locked(void **state) {
    struct fixture *fix = *state;
    uint8_t data[256];
    size_t len = file_read(fix->tries_path, data, sizeof(data));
    for (size_t i = 0; i < len; i++) {
        data[i] ^= 0x01;
        file_write(fix->tries_path, data, len);
        expect_refused(fix, GOOD_PIN, REFUSAL_PIN_LOCKED, "");
        data[i] ^= 0x01;
    }
    file_write(fix->tries_path, data, len - 1);
    expect_refused(fix, GOOD_PIN, REFUSAL_PIN_LOCKED, "");
    file_write(fix->tries_path, data, 0);
    expect_refused(fix, GOOD_PIN, REFUSAL_PIN_LOCKED, "");
    assert_int_equal(unlink(fix->tries_path), 0);
    expect_refused(fix, GOOD_PIN, REFUSAL_PIN_LOCKED, "");
    assert_int_equal(access(fix->tries_path, F_OK), -1);
    assert_int_equal(symlink("/dev/null", fix->tries_path), 0);
    expect_refused(fix, GOOD_PIN, REFUSAL_PIN_LOCKED, "");
    assert_int_equal(keyfile_person_unlock(fix->folder, fix->key), RC_OK);
    expect_open(fix);
}

static void counter_of_another_key_is_locked(void **state) {
    struct fixture *fix = *state;
    uint8_t data[256];
    size_t len = file_read(fix->tries_path, data, sizeof(data));
    struct public_key second;
    assert_int_equal(
        keyfile_person_create(fix->folder, &fix->device, GOOD_PIN, pin_cost_test, &second), RC_OK);
    fix->key = key_id_of(&second);
    expect_open(fix);
    char hex[ID_HEX_BYTES];
    char name[ID_HEX_BYTES + 8];
    char path[TEST_PATH_BYTES];
    id16_hex(fix->key.id, hex);
    snprintf(name, sizeof(name), "%s.tries", hex);
    test_path(fix->folder, name, path);
    file_write(path, data, len);
    expect_refused(fix, GOOD_PIN, REFUSAL_PIN_LOCKED, "");
}

static void damaged_person_file_counts_no_try(void **state) {
    struct fixture *fix = *state;
    uint8_t data[512];
    size_t len = file_read(fix->person_path, data, sizeof(data));
    struct refusal refusal;
    for (size_t i = 0; i < len; i++) {
        data[i] ^= 0x80;
        file_write(fix->person_path, data, len);
        assert_int_equal(try_pin(fix, GOOD_PIN, &refusal), RC_CORRUPT);
        data[i] ^= 0x80;
    }
    file_write(fix->person_path, data, len + 1);
    assert_int_equal(try_pin(fix, GOOD_PIN, &refusal), RC_CORRUPT);
    file_write(fix->person_path, data, len);
    expect_refused(fix, BAD_PIN, REFUSAL_PIN_WRONG, "9");
    expect_open(fix);
}

static void key_opens_on_its_own_device_only(void **state) {
    struct fixture *fix = *state;
    fix->device.secret[0] ^= 1;
    struct refusal refusal;
    assert_int_equal(try_pin(fix, GOOD_PIN, &refusal), RC_CORRUPT);
    fix->device.secret[0] ^= 1;
    expect_open(fix);
}

// The counter cannot be written: then the PIN is not checked, not even the right one.
static void full_disk_checks_no_pin(void **state) {
    struct fixture *fix = *state;
    struct rlimit old;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    assert_true(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    struct rlimit none = {.rlim_cur = 0, .rlim_max = old.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    struct refusal refusal;
    enum rc good = try_pin(fix, GOOD_PIN, &refusal);
    enum rc bad = try_pin(fix, BAD_PIN, &refusal);
    enum rc unlock = keyfile_person_unlock(fix->folder, fix->key);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(good, RC_IO);
    assert_int_equal(bad, RC_IO);
    assert_int_equal(unlock, RC_IO);
    expect_refused(fix, BAD_PIN, REFUSAL_PIN_WRONG, "9");
    expect_open(fix);
}

// A key whose cost asks for more memory than there is: no cheaper check, and no try lost.
static void lack_of_memory_is_no_wrong_try(void **state) {
    struct fixture *fix = *state;
    wrong_tries(fix, 3);
    uint8_t data[512];
    size_t len = file_read(fix->person_path, data, sizeof(data));
    uint8_t costly[512];
    memcpy(costly, data, len);
    keyfile_put(costly + 56, 1ULL << 60, 8);
    keyfile_check(fix->device.secret, costly, len - 32, costly + len - 32);
    file_write(fix->person_path, costly, len);
    struct refusal refusal;
    for (int i = 0; i < 2 * LIMIT_PIN_TRIES_LOCK; i++) {
        assert_int_equal(try_pin(fix, GOOD_PIN, &refusal), RC_NO_MEMORY);
    }
    file_write(fix->person_path, data, len);
    expect_refused(fix, BAD_PIN, REFUSAL_PIN_WRONG, "6");
}

// The battery is pulled while the right PIN is being checked, as soon as the counter's file has
// changed: the try is on the disk already.
static void killed_try_counts(void **state) {
    struct fixture *fix = *state;
    struct public_key key;
    struct pin_cost slow = {.ops = 6, .mem_bytes = 64 * 1024 * 1024};
    assert_int_equal(keyfile_person_create(fix->folder, &fix->device, GOOD_PIN, slow, &key), RC_OK);
    fix->key = key_id_of(&key);
    char name[KEYFILE_NAME_BYTES];
    char path[TEST_PATH_BYTES];
    keyfile_name(fix->key, "tries", name);
    test_path(fix->folder, name, path);
    struct stat before;
    assert_int_equal(stat(path, &before), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct refusal refusal;
        (void)try_pin(fix, GOOD_PIN, &refusal);
        for (;;) {
            pause();
        }
    }
    struct stat after = before;
    while (after.st_ino == before.st_ino) {
        assert_int_equal(waitpid(child, NULL, WNOHANG), 0);
        assert_int_equal(stat(path, &after), 0);
    }
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    uint8_t data[256];
    assert_true(file_read(path, data, sizeof(data)) > 36);
    assert_int_equal(keyfile_get(data + 32, 4), 1);
}

static void leftovers_of_a_crash_do_not_hinder(void **state) {
    struct fixture *fix = *state;
    char path[TEST_PATH_BYTES + 8];
    snprintf(path, sizeof(path), "%s.new", fix->tries_path);
    file_write(path, (const uint8_t *)"half", 4);
    expect_refused(fix, BAD_PIN, REFUSAL_PIN_WRONG, "9");
    assert_int_equal(access(path, F_OK), -1);
    expect_open(fix);
}

static int start(void **state) {
    (void)state;
    return keys_init() != RC_OK;
}

#define WITH_DEVICE(test) cmocka_unit_test_setup_teardown(test, fixture_make, fixture_remove)

int main(void) {
    static const struct CMUnitTest tests[] = {
        WITH_DEVICE(device_key_survives_a_restart),
        WITH_DEVICE(devices_differ),
        WITH_DEVICE(files_are_for_one_user_alone),
        WITH_DEVICE(damaged_device_key_is_refused),
        WITH_DEVICE(right_pin_opens_the_key),
        WITH_DEVICE(key_and_pin_are_nowhere_in_the_files),
        WITH_DEVICE(bad_pins_and_costs_make_no_key),
        WITH_DEVICE(cheap_keys_are_refused_outside_tests),
        WITH_DEVICE(wrong_pins_cost_more_and_more),
        WITH_DEVICE(guessing_on_wipes_the_key),
        WITH_DEVICE(an_unlock_stops_the_wiping),
        WITH_DEVICE(root_keys_leave_the_machine),
        WITH_DEVICE(right_pin_resets_the_counter),
        WITH_DEVICE(reboot_restarts_the_wait),
        WITH_DEVICE(clock_going_backwards_shortens_nothing),
        WITH_DEVICE(damaged_or_missing_counter_is_locked),
        WITH_DEVICE(counter_of_another_key_is_locked),
        WITH_DEVICE(damaged_person_file_counts_no_try),
        WITH_DEVICE(key_opens_on_its_own_device_only),
        WITH_DEVICE(full_disk_checks_no_pin),
        WITH_DEVICE(lack_of_memory_is_no_wrong_try),
        WITH_DEVICE(killed_try_counts),
        WITH_DEVICE(leftovers_of_a_crash_do_not_hinder),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
