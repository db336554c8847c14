// What unit tests share: cmocka with the headers it needs, a temporary folder, hex.
//
// test_folder_make() gives each test a folder of its own below $TMPDIR or /tmp;
// test_folder_remove() takes it away with everything in it.
#ifndef DAVY_TEST_UTIL_H
#define DAVY_TEST_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TEST_PATH_BYTES 512

static inline void test_folder_make(char out_folder[static TEST_PATH_BYTES]) {
    const char *base = getenv("TMPDIR");
    snprintf(out_folder, TEST_PATH_BYTES, "%s/davy-test-XXXXXX", base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(out_folder));
}

static inline int test_remove_one(const char *path, const struct stat *status, int kind,
                                  struct FTW *place) {
    (void)status;
    (void)kind;
    (void)place;
    return remove(path);
}

static inline void test_folder_remove(const char *folder) {
    assert_int_equal(nftw(folder, test_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static inline void test_path(const char *folder, const char *name,
                             char out_path[static TEST_PATH_BYTES]) {
    assert_true(snprintf(out_path, TEST_PATH_BYTES, "%s/%s", folder, name) < TEST_PATH_BYTES);
}

// Writes the bytes of `hex` and returns how many; fails the test on anything but pairs of digits.
static inline size_t test_unhex(const char *hex, uint8_t *out, size_t out_bytes) {
    size_t len = strlen(hex) / 2;
    assert_true(strlen(hex) % 2 == 0 && len <= out_bytes);
    for (size_t i = 0; i < len; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        char *end = NULL;
        out[i] = (uint8_t)strtoul(pair, &end, 16);
        assert_true(end == pair + 2);
    }
    return len;
}

static inline void test_hex(const void *data, size_t len, char *out_hex) {
    for (size_t i = 0; i < len; i++) {
        snprintf(out_hex + 2 * i, 3, "%02x", ((const uint8_t *)data)[i]);
    }
    out_hex[2 * len] = '\0';
}

#endif
