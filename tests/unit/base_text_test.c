#include "davy/base/text.h"

#include "davy/base/ensure.h"
#include "test_util.h"

#include <locale.h>

// Every code point survives text_put and text_next; surrogates become U+FFFD.
static void every_code_point_comes_back(void **state) {
    (void)state;
    for (uint32_t code_point = 1; code_point < 0x110100; code_point++) {
        char utf8[4];
        size_t len = text_put(code_point, utf8);
        const char *at = utf8;
        bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
        bool known = !surrogate && code_point <= 0x10FFFF;
        uint32_t expected = known ? code_point : TEXT_REPLACEMENT;
        if (text_next(&at, utf8 + len) != expected || at != utf8 + len) {
            fail_msg("U+%04X does not come back", code_point);
        }
    }
}

struct next_row {
    const char *bytes;
    size_t steps; // code points that a reader sees
    bool valid;
};

static void invalid_bytes_are_counted_once_each_part(void **state) {
    (void)state;
    static const struct next_row rows[] = {
        {"", 0, true},
        {"abc", 3, true},
        {"阀门", 2, true},
        {"\xf0\x9f\x9a\xa8", 1, true},
        {"\x80", 1, false},
        {"\xbf\xbf", 2, false},
        {"\xe9\x98", 1, false},         // a hanzi cut off
        {"\xe9\x98z", 2, false},        // cut off before a letter, which stays
        {"\xe9\xe9\x98\x80", 2, false}, // a lead byte alone, then a hanzi
        {"\xc0\xaf", 2, false},         // long form of '/'
        {"\xe0\x80\xaf", 3, false},     // long form
        {"\xed\xa0\x80", 3, false},     // surrogate
        {"\xf4\x90\x80\x80", 4, false}, // above U+10FFFF
        {"\xf0\x9f\x9a", 1, false},
        {"\xff\xfe", 2, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *at = rows[i].bytes;
        const char *end = at + strlen(at);
        size_t steps = 0;
        while (text_next(&at, end) != 0) {
            steps++;
        }
        assert_ptr_equal(at, end);
        assert_int_equal(steps, rows[i].steps);
        assert_int_equal(text_is_valid(slice_text(rows[i].bytes)), rows[i].valid);
    }
}

static void nul_does_not_end_foreign_text(void **state) {
    (void)state;
    const char text[] = "a\0b";
    const char *at = text;
    assert_int_equal(text_next(&at, text + 3), 'a');
    assert_int_equal(text_next(&at, text + 3), TEXT_REPLACEMENT);
    assert_int_equal(text_next(&at, text + 3), 'b');
    assert_int_equal(text_next(&at, text + 3), 0);
    assert_false(text_is_valid(slice_of(text, 3)));
    assert_int_equal(text_check(slice_of(text, 3), 10), RC_INVALID);
    char out[8];
    assert_true(text_clean(slice_of(text, 3), out, sizeof(out)));
    assert_string_equal(out, "a b");
}

struct clean_row {
    const char *from;
    const char *to;
};

// Texts that text_clean() changes. text_check() refuses each of them.
static const struct clean_row dirty[] = {
    {"a\x1b]0;x\x07", "a ]0;x "},
    {"a\nb\tc\r", "a b c "},
    {"a\x7f", "a "},
    {"a\xc2\x9b"
     "31m",
     "a 31m"}, // C1 control sequence introducer
    {"\x9b"
     "31m",
     "\xef\xbf\xbd"
     "31m"}, // the same as a raw byte
    {"a\xe2\x80\xa8"
     "b\xe2\x80\xa9",
     "a b "}, // line and paragraph separator
    {"abc\xe2\x80\xae"
     "cba",
     "abccba"},                                 // right-to-left override
    {"\xe2\x81\xa6x\xe2\x81\xa9", "x"},         // isolates
    {"\xd8\x9cx\xe2\x80\x8e\xe2\x80\x8f", "x"}, // direction marks
    {"a\xe2\x80\x8b\xe2\x80\x8c\xe2\x80\x8d\xe2\x81\xa0\xef\xbb\xbf"
     "b",
     "ab"}, // zero width
    {"a\xc2\xad"
     "b",
     "ab"},                                 // soft hyphen
    {"a\xef\xb8\x8f\xf3\xa0\x84\x80", "a"}, // variation selectors
    {"a\xf3\xa0\x81\x81", "a"},             // tag
    {"\xef\xbf\xbf", "\xef\xbf\xbd"},       // noncharacter
    {"\xe3\x85\xa4", ""},                   // Hangul filler: a name that is nothing
    {"e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81.", "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81."},
    {"\xe9\x98", "\xef\xbf\xbd"},
};

static const char *const clean[] = {
    "",  "R-101", "进料流量",    "温度 19.5 ℃ ± 0.1", "e\xcc\x81t\xcc\xa3\xcc\x81", "\xef\xbf\xbd",
    "🚨", "ไม้",    "≥ 1.5 % LEL",
};

static void unsafe_text_is_cleaned_and_refused(void **state) {
    (void)state;
    char out[256];
    for (size_t i = 0; i < COUNT_OF(dirty); i++) {
        assert_true(text_clean(slice_text(dirty[i].from), out, sizeof(out)));
        assert_string_equal(out, dirty[i].to);
        assert_int_equal(text_check(slice_text(dirty[i].from), 256), RC_INVALID);
        assert_int_equal(text_check(slice_text(out), 256), RC_OK);
    }
    for (size_t i = 0; i < COUNT_OF(clean); i++) {
        assert_false(text_clean(slice_text(clean[i]), out, sizeof(out)));
        assert_string_equal(out, clean[i]);
        assert_int_equal(text_check(slice_text(clean[i]), 256), RC_OK);
    }
}

static void text_is_cut_at_a_character(void **state) {
    (void)state;
    char out[8] = "xxxxxxx";
    assert_true(text_clean(slice_text("阀门坏"), out, sizeof(out)));
    assert_string_equal(out, "阀门");
    assert_false(text_clean(slice_text("阀门!"), out, sizeof(out)));
    assert_true(text_clean(slice_text("a"), out, 1));
    assert_string_equal(out, "");
    assert_false(text_clean((struct slice){0}, out, sizeof(out)));
    assert_int_equal(text_check(slice_text("阀门"), 6), RC_OK);
    assert_int_equal(text_check(slice_text("阀门"), 5), RC_TOO_LARGE);
}

static void unsafe_ranges_end_where_they_should(void **state) {
    (void)state;
    static const uint32_t unsafe[] = {0x1F,   0x7F,   0x9F,   0xAD,   0x200B,  0x200F,   0x2028,
                                      0x202E, 0x2060, 0x206F, 0xFE0F, 0xFEFF,  0xE0001,  0xE007F,
                                      0xFFFE, 0xFFFF, 0xD800, 0xDFFF, 0x1FFFE, 0x10FFFF, 0x110000};
    static const uint32_t safe[] = {0x20,   0x7E,   0xA0,   0xAE,   0x200A, 0x2010, 0x2027,
                                    0x2030, 0x205F, 0x2070, 0x3000, 0x4E2D, 0xFE10, 0xFEFE,
                                    0xFFFC, 0xFFFD, 0xD7FF, 0xE000, 0x1F600};
    for (size_t i = 0; i < COUNT_OF(unsafe); i++) {
        assert_true(text_is_unsafe(unsafe[i]));
    }
    for (size_t i = 0; i < COUNT_OF(safe); i++) {
        assert_false(text_is_unsafe(safe[i]));
    }
}

struct cols_row {
    const char *text;
    int cols;
};

static const struct cols_row widths[] = {
    {"", 0},     {"abc", 3}, {"阀门", 4}, {"R-101 阀", 8}, {"e\xcc\x81", 1},    {"±℃①", 3},
    {"１２", 4}, {"🚨", 2},   {"\xff", 1}, {"─█", 2},       {"\xe3\x80\x80", 2},
};

static void width_is_what_the_terminal_draws(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(widths); i++) {
        assert_int_equal(text_cols(widths[i].text), widths[i].cols);
    }
    // Newer than the C library's tables: drawn as U+FFFD.
    assert_int_equal(text_cols("\xf0\xb1\x8d\x90"), 1);
}

static void width_needs_no_locale(void **state) {
    (void)state;
    assert_non_null(setlocale(LC_CTYPE, "C"));
    for (size_t i = 0; i < COUNT_OF(widths); i++) {
        assert_int_equal(text_cols(widths[i].text), widths[i].cols);
    }
    assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
}

struct fit_row {
    const char *text;
    int limit;
    size_t bytes;
    int cols;
};

static void fit_never_splits_a_character(void **state) {
    (void)state;
    static const struct fit_row rows[] = {
        {"abc", 2, 2, 2},      {"abc", 3, 3, 3},        {"abc", 9, 3, 3},  {"abc", 0, 0, 0},
        {"abc", -1, 0, 0},     {"阀门", 3, 3, 2},       {"阀门", 4, 6, 4}, {"阀门", 1, 0, 0},
        {"a阀", 2, 1, 1},      {"e\xcc\x81x", 1, 3, 1}, // the accent stays with its letter
        {"\xff\xff", 1, 1, 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int cols = -1;
        assert_int_equal(text_fit(rows[i].text, rows[i].limit, &cols), rows[i].bytes);
        assert_int_equal(cols, rows[i].cols);
    }
}

static void input_method_digits_are_folded(void **state) {
    (void)state;
    static const struct clean_row rows[] = {
        {"１９．５", "19.5"}, {"Ｒ－１０１", "R-101"}, {"１　２", "1 2"}, {"abc", "abc"}, {"", ""},
        {"阀门", "阀门"},     {"－３", "-3"},
    };
    char out[32];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(text_fold(rows[i].from, out, sizeof(out)), RC_OK);
        assert_string_equal(out, rows[i].to);
    }
    memcpy(out, "kept", 5);
    assert_int_equal(text_fold("１２３４", out, 4), RC_TOO_LARGE);
    assert_int_equal(text_fold("１２３", out + 8, 4), RC_OK);
    assert_int_equal(text_fold("\xff", out, sizeof(out)), RC_INVALID);
    assert_string_equal(out, "kept");
}

static int locale_set(void **state) {
    (void)state;
    return setlocale(LC_CTYPE, "C.UTF-8") == NULL;
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_comes_back),
        cmocka_unit_test(invalid_bytes_are_counted_once_each_part),
        cmocka_unit_test(nul_does_not_end_foreign_text),
        cmocka_unit_test(unsafe_text_is_cleaned_and_refused),
        cmocka_unit_test(text_is_cut_at_a_character),
        cmocka_unit_test(unsafe_ranges_end_where_they_should),
        cmocka_unit_test(width_is_what_the_terminal_draws),
        cmocka_unit_test(width_needs_no_locale),
        cmocka_unit_test(fit_never_splits_a_character),
        cmocka_unit_test(input_method_digits_are_folded),
    };
    return cmocka_run_group_tests(tests, locale_set, NULL);
}
