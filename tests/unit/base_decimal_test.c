#include "davy/base/decimal.h"

#include "davy/base/ensure.h"
#include "test_util.h"

#include <float.h>
#include <math.h>

struct parse_row {
    const char *text;
    int64_t mantissa;
    int exponent;
    const char *shown;
};

static const struct parse_row good[] = {
    {"0", 0, 0, "0"},
    {"-0.00", 0, 0, "0"},
    {"0e999", 0, 0, "0"},
    {"19.5", 195, -1, "19.5"},
    {"19.500", 195, -1, "19.5"},
    {"+0.2", 2, -1, "0.2"},
    {"-0.002", -2, -3, "-0.002"},
    {"1200", 12, 2, "1200"},
    {"007", 7, 0, "7"},
    {"1.5e-12", 15, -13, "1.5e-12"},
    {"1.5E3", 15, 2, "1500"},
    {"0.000001", 1, -6, "0.000001"},
    {"0.0000001", 1, -7, "1e-7"},
    {"1e17", 1, 17, "100000000000000000"},
    {"1e18", 1, 18, "1e18"},
    {"1e-18", 1, -18, "1e-18"},
    {"999999999999999999", 999999999999999999, 0, "999999999999999999"},
    {"-999999999999999999e18", -999999999999999999, 18, "-9.99999999999999999e35"},
    {"0.999999999999999999", 999999999999999999, -18, "0.999999999999999999"},
    {"100000000000000000.000", 1, 17, "100000000000000000"},
    {"0.0000000000000000000000000001e28", 1, 0, "1"},
    {"123456.789", 123456789, -3, "123456.789"},
};

static void text_is_read_exactly_and_shown_plainly(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct decimal value = {99, 99};
        assert_int_equal(decimal_parse(good[i].text, &value), RC_OK);
        assert_true(value.mantissa == good[i].mantissa);
        assert_int_equal(value.exponent, good[i].exponent);
        assert_true(decimal_is_canonical(value));
        char shown[DECIMAL_TEXT_BYTES];
        decimal_format(value, shown);
        assert_string_equal(shown, good[i].shown);
        struct decimal again;
        assert_int_equal(decimal_parse(shown, &again), RC_OK);
        assert_int_equal(decimal_compare(value, again), 0);
    }
}

struct bad_row {
    const char *text;
    enum rc rc;
};

static void bad_text_is_refused_and_changes_nothing(void **state) {
    (void)state;
    static const struct bad_row rows[] = {
        {"", RC_INVALID},
        {"-", RC_INVALID},
        {".", RC_INVALID},
        {".5", RC_INVALID},
        {"5.", RC_INVALID},
        {" 5", RC_INVALID},
        {"5 ", RC_INVALID},
        {"5e", RC_INVALID},
        {"5e+", RC_INVALID},
        {"1,5", RC_INVALID},
        {"0x10", RC_INVALID},
        {"nan", RC_INVALID},
        {"inf", RC_INVALID},
        {"1.2.3", RC_INVALID},
        {"--1", RC_INVALID},
        {"+-1", RC_INVALID},
        {"1e2.5", RC_INVALID},
        {"1e5x", RC_INVALID},
        {"１", RC_INVALID},
        {"1e999", RC_TOO_LARGE},
        {"1e-19", RC_TOO_LARGE},
        {"1e19", RC_TOO_LARGE},
        {"1000000000000000001", RC_TOO_LARGE},
        {"9999999999999999999", RC_TOO_LARGE},
        {"0.1234567890123456789", RC_TOO_LARGE},
        {"1e99999999999999999999", RC_TOO_LARGE},
        {"1e-99999999999999999999", RC_TOO_LARGE},
        {"99999999999999999999999999999999999999999999999999999999999999999", RC_TOO_LARGE},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct decimal value = {7, 7};
        assert_int_equal(decimal_parse(rows[i].text, &value), rows[i].rc);
        assert_true(value.mantissa == 7 && value.exponent == 7);
    }
}

struct double_row {
    double value;
    const char *shown;
};

static void doubles_take_their_shortest_form(void **state) {
    (void)state;
    static const struct double_row rows[] = {
        {0.0, "0"},
        {-0.0, "0"},
        {0.1, "0.1"},
        {19.5, "19.5"},
        {0.25052, "0.25052"},
        {3674.0, "3674"},
        {-40.0, "-40"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3, "0.3333333333333333"},
        {5e-324, "0"}, // below the last place
        {4e-19, "0"},
        {6e-19, "1e-18"},
        {7e-25, "0"},
        {1.0 / 3000, "0.000333333333333333"}, // rounded to the last place
        {9007199254740993.0, "9007199254740992"},
        {1e22, NULL},
        {123456789012345680000.0, "1.2345678901234568e20"},
        {DBL_MAX, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct decimal value = {7, 7};
        enum rc rc = decimal_from_double(rows[i].value, &value);
        if (rows[i].shown == NULL) {
            assert_int_equal(rc, RC_TOO_LARGE);
            assert_true(value.mantissa == 7 && value.exponent == 7);
            continue;
        }
        assert_int_equal(rc, RC_OK);
        assert_true(decimal_is_canonical(value));
        char shown[DECIMAL_TEXT_BYTES];
        decimal_format(value, shown);
        assert_string_equal(shown, rows[i].shown);
    }
    struct decimal value = {7, 7};
    assert_int_equal(decimal_from_double(NAN, &value), RC_INVALID);
    assert_int_equal(decimal_from_double(INFINITY, &value), RC_INVALID);
    assert_int_equal(decimal_from_double(-INFINITY, &value), RC_INVALID);
    assert_int_equal(value.mantissa, 7);
}

// Doubles of everyday size come back bit by bit.
static void doubles_come_back(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 20000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        double fraction = (double)(seed >> 11) / (double)(1ULL << 53);
        double value = ldexp(fraction + 0.5, (int)(seed % 40));
        struct decimal decimal;
        assert_int_equal(decimal_from_double(value, &decimal), RC_OK);
        assert_true(decimal_to_double(decimal) == value);
        assert_int_equal(decimal_from_double(-value, &decimal), RC_OK);
        assert_true(decimal_to_double(decimal) == -value);
    }
}

static void comparison_is_exact(void **state) {
    (void)state;
    static const struct decimal rising[] = {
        {-999999999999999999, 18},
        {-195, -1},
        {-19, 0},
        {-1, -18},
        {0, 0},
        {1, -18},
        {199999999999999999, -18},
        {2, -1},
        {200000000000000001, -18},
        {195, -1},
        {19500000000000001, -15},
        {20, 0},
        {999999999999999999, 0},
        {1, 18},
        {999999999999999999, 18},
    };
    for (size_t a = 0; a < COUNT_OF(rising); a++) {
        for (size_t b = 0; b < COUNT_OF(rising); b++) {
            int got = decimal_compare(rising[a], rising[b]);
            assert_int_equal((got > 0) - (got < 0), (a > b) - (a < b));
        }
    }
    assert_int_equal(decimal_compare((struct decimal){1950, -2}, (struct decimal){195, -1}), 0);
    assert_int_equal(decimal_compare((struct decimal){0, 9}, (struct decimal){0, -9}), 0);
}

static void other_forms_are_not_canonical(void **state) {
    (void)state;
    static const struct decimal rows[] = {
        {0, 1}, {10, 0}, {1, 19}, {1, -19}, {1000000000000000001, 0}, {INT64_MIN, 0}, {100, 18},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_false(decimal_is_canonical(rows[i]));
    }
    struct decimal value = decimal_canonical((struct decimal){-19500, -3});
    assert_true(value.mantissa == -195 && value.exponent == -1);
    value = decimal_canonical((struct decimal){0, 12});
    assert_true(value.mantissa == 0 && value.exponent == 0);
    char shown[DECIMAL_TEXT_BYTES];
    decimal_format((struct decimal){INT64_MIN, INT8_MIN}, shown);
    assert_string_equal(shown, "-9.223372036854775808e-110");
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_read_exactly_and_shown_plainly),
        cmocka_unit_test(bad_text_is_refused_and_changes_nothing),
        cmocka_unit_test(doubles_take_their_shortest_form),
        cmocka_unit_test(doubles_come_back),
        cmocka_unit_test(comparison_is_exact),
        cmocka_unit_test(other_forms_are_not_canonical),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
