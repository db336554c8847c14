#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "davy/base/ensure.h"
#include "davy/store/block.h"

#define MANY LIMIT_HISTORY_BLOCK_READINGS

static struct block_codec *codec;
static int64_t times[MANY];
static double values[MANY];
static uint8_t qualities[MANY];

static int setup(void **state) {
    (void)state;
    return block_codec_new(&codec) == RC_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    block_codec_free(codec);
    return 0;
}

// Encodes, decodes, compares bit by bit; gives the block's length.
static size_t round_trip(uint32_t count, struct block_summary *out_summary) {
    static int64_t times_back[MANY];
    static double values_back[MANY];
    static uint8_t qualities_back[MANY];
    const struct block_columns columns = {times, values, qualities, count};
    struct buf block;
    uint32_t count_back = 0;
    buf_init(&block, BLOCK_BYTES_MAX);
    assert_int_equal(block_encode(codec, &columns, &block, out_summary), RC_OK);
    // An exact heap copy lets the sanitizer see a read past the end.
    uint8_t *copy = malloc(block.len);
    memcpy(copy, block.data, block.len);
    assert_int_equal(block_decode(codec, slice_of(copy, block.len), times_back, values_back,
                                  qualities_back, MANY, &count_back),
                     RC_OK);
    assert_int_equal(count_back, count);
    assert_memory_equal(times_back, times, count * sizeof *times);
    assert_memory_equal(values_back, values, count * sizeof *values);
    assert_memory_equal(qualities_back, qualities, count);
    size_t len = block.len;
    free(copy);
    buf_fini(&block);
    return len;
}

static void fill(double (*value)(uint32_t), int64_t step_ms) {
    for (uint32_t i = 0; i < MANY; i++) {
        times[i] = 1700000000000 + (int64_t)i * step_ms;
        values[i] = value(i);
        qualities[i] = BLOCK_GOOD;
    }
}

static double two_decimals(uint32_t i) {
    return round(100 * (20 + 5 * sin(i * 0.01))) / 100;
}

static double irrational(uint32_t i) {
    return 20 + 5 * sin(i * 0.37);
}

static void a_regular_signal_costs_little_and_comes_back(void **state) {
    (void)state;
    struct block_summary summary;
    fill(two_decimals, 1000);
    size_t len = round_trip(MANY, &summary);
    assert_true(len < 2 * MANY);
    assert_int_equal(summary.count, MANY);
    assert_int_equal(summary.usable_count, MANY);
    assert_int_equal(summary.first_ms, times[0]);
    assert_int_equal(summary.last_ms, times[MANY - 1]);
    assert_true(summary.last == values[MANY - 1]);
    assert_true(summary.min == 15 && summary.max == 25);
    fill(irrational, 1000);
    assert_true(round_trip(MANY, &summary) < 9 * MANY);
}

static void every_double_comes_back(void **state) {
    (void)state;
    static const double odd[] = {0.0,     -0.0,        1,          -1,        0.1,
                                 -0.1,    1e-9,        1e9,        DBL_MAX,   -DBL_MAX,
                                 DBL_MIN, 5e-324,      -5e-324,    1e15,      9007199254740991.0,
                                 1e16,    1234567.891, 1e22,       0.3,       2.675,
                                 1.0 / 3, 1e-10,       99999.9999, 4503599.5, 9007199254740993.0};
    struct block_summary summary;
    for (size_t i = 0; i < COUNT_OF(odd); i++) {
        for (size_t j = 0; j < COUNT_OF(odd); j++) {
            times[0] = 0;
            times[1] = 1;
            values[0] = odd[i];
            values[1] = odd[j];
            qualities[0] = qualities[1] = BLOCK_GOOD;
            round_trip(2, &summary);
        }
    }
}

static void times_may_go_anywhere(void **state) {
    (void)state;
    static const int64_t odd[] = {0,         INT64_MAX, INT64_MIN, -1,  1,
                                  INT64_MAX, INT64_MAX, 0,         500, 499};
    struct block_summary summary;
    for (uint32_t i = 0; i < COUNT_OF(odd); i++) {
        times[i] = odd[i];
        values[i] = i;
        qualities[i] = BLOCK_GOOD;
    }
    round_trip(COUNT_OF(odd), &summary);
    assert_true(summary.first_ms == INT64_MIN && summary.last_ms == INT64_MAX);
    assert_true(summary.last == 6); // the later of the equal ones
}

static void bad_readings_do_not_count_in_the_summary(void **state) {
    (void)state;
    struct block_summary summary;
    fill(two_decimals, 1000);
    values[0] = -1000;
    qualities[0] = BLOCK_BAD | 4;
    qualities[1] = BLOCK_UNCERTAIN;
    values[1] = 1000;
    values[4] = -999;
    qualities[4] = BLOCK_BAD;
    round_trip(5, &summary);
    assert_int_equal(summary.usable_count, 3);
    assert_true(summary.max == 1000 && summary.min > 0);
    assert_int_equal(summary.last_quality, BLOCK_BAD);
    qualities[1] = qualities[2] = qualities[3] = BLOCK_BAD;
    round_trip(5, &summary);
    assert_int_equal(summary.usable_count, 0);
    assert_true(summary.min == 0 && summary.max == 0);
}

static void random_blocks_come_back(void **state) {
    (void)state;
    uint64_t random = 3;
    struct block_summary summary;
    for (int round = 0; round < 300; round++) {
        uint32_t count = 1 + (uint32_t)(round * 7 % MANY);
        for (uint32_t i = 0; i < count; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            times[i] = (int64_t)(random >> (round % 60));
            double value = 0;
            uint64_t bits = random ^ (random << 29);
            memcpy(&value, &bits, sizeof value);
            values[i] =
                round % 2 == 0 || !isfinite(value) ? (double)((random >> 40) % 10000) / 100 : value;
            qualities[i] = (uint8_t)((random >> 33) % 3 | ((random >> 36) % 3 << 2));
        }
        round_trip(count, &summary);
    }
}

static void what_is_no_column_is_refused(void **state) {
    (void)state;
    struct block_summary summary = {.count = 77};
    struct buf block;
    buf_init(&block, BLOCK_BYTES_MAX);
    fill(two_decimals, 1000);
    struct block_columns columns = {times, values, qualities, 0};
    assert_int_equal(block_encode(codec, &columns, &block, &summary), RC_INVALID);
    columns.count = MANY + 1;
    assert_int_equal(block_encode(codec, &columns, &block, &summary), RC_TOO_LARGE);
    columns.count = 3;
    values[2] = NAN;
    assert_int_equal(block_encode(codec, &columns, &block, &summary), RC_INVALID);
    values[2] = -INFINITY;
    assert_int_equal(block_encode(codec, &columns, &block, &summary), RC_INVALID);
    values[2] = 0;
    qualities[1] = 3;
    assert_int_equal(block_encode(codec, &columns, &block, &summary), RC_INVALID);
    assert_int_equal(block.len, 0);
    assert_int_equal(summary.count, 77);
    buf_fini(&block);
}

static void damage_is_found_or_harmless(void **state) {
    (void)state;
    static int64_t times_back[MANY];
    static double values_back[MANY];
    static uint8_t qualities_back[MANY];
    uint32_t count = 99;
    struct block_summary summary;
    struct buf block;
    buf_init(&block, BLOCK_BYTES_MAX);
    fill(irrational, 997);
    const struct block_columns columns = {times, values, qualities, 40};
    assert_int_equal(block_encode(codec, &columns, &block, &summary), RC_OK);
    for (size_t cut = 0; cut < block.len; cut++) {
        assert_int_equal(block_decode(codec, slice_of(block.data, cut), times_back, values_back,
                                      qualities_back, MANY, &count),
                         RC_CORRUPT);
    }
    assert_int_equal(count, 99);
    assert_int_equal(
        block_decode(codec, buf_slice(&block), times_back, values_back, qualities_back, 39, &count),
        RC_TOO_LARGE);
    for (size_t i = 0; i < block.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            block.data[i] ^= (uint8_t)(1 << bit);
            enum rc rc = block_decode(codec, buf_slice(&block), times_back, values_back,
                                      qualities_back, MANY, &count);
            assert_true(rc == RC_OK || rc == RC_CORRUPT || rc == RC_UNSUPPORTED);
            block.data[i] ^= (uint8_t)(1 << bit);
        }
    }
    buf_put_u8(&block, 0);
    assert_int_equal(block_decode(codec, buf_slice(&block), times_back, values_back, qualities_back,
                                  MANY, &count),
                     RC_CORRUPT);
    buf_fini(&block);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_regular_signal_costs_little_and_comes_back),
        cmocka_unit_test(every_double_comes_back),
        cmocka_unit_test(times_may_go_anywhere),
        cmocka_unit_test(bad_readings_do_not_count_in_the_summary),
        cmocka_unit_test(random_blocks_come_back),
        cmocka_unit_test(what_is_no_column_is_refused),
        cmocka_unit_test(damage_is_found_or_harmless),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
