#include "davy/base/id.h"

#include "davy/base/ensure.h"
#include "test_util.h"

static const char sample[] = "00112233445566778899aabbccddeeff";

static void hex_comes_back(void **state) {
    (void)state;
    struct id16 id;
    assert_int_equal(id16_parse(sample, &id), RC_OK);
    char hex[ID_HEX_BYTES];
    id16_hex(id, hex);
    assert_string_equal(hex, sample);
    char code[ID_SHORT_BYTES];
    id16_short(id, code);
    assert_string_equal(code, "00112233");
    struct id16 upper;
    assert_int_equal(id16_parse("00112233445566778899AABBCCDDEEFF", &upper), RC_OK);
    assert_true(id16_equal(id, upper));
}

static void bad_hex_is_refused_and_changes_nothing(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "0011",
        "00112233445566778899aabbccddeef",
        "00112233445566778899aabbccddeeff0",
        "00112233445566778899aabbccddeefg",
        " 0112233445566778899aabbccddeeff",
        "0x112233445566778899aabbccddeeff",
        "-0112233445566778899aabbccddeeff",
    };
    struct id16 id = {{42}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_int_equal(id16_parse(bad[i], &id), RC_INVALID);
        assert_int_equal(id.b[0], 42);
    }
}

static void ids_compare_as_bytes(void **state) {
    (void)state;
    struct id16 zero = {{0}};
    struct id16 last = {{0}};
    last.b[ID_BYTES - 1] = 1;
    struct id16 first = {{0x80}};
    assert_true(id16_is_zero(zero));
    assert_false(id16_is_zero(last));
    assert_true(id16_compare(zero, last) < 0);
    assert_true(id16_compare(first, last) > 0);
    assert_int_equal(id16_compare(last, last), 0);
    assert_true(rid_equal((struct rid){last}, (struct rid){last}));
    assert_false(rid_equal((struct rid){last}, (struct rid){zero}));
    assert_true(rid_is_zero((struct rid){zero}));
    assert_true(author_equal((struct author_id){first}, (struct author_id){first}));
    assert_false(author_equal((struct author_id){first}, (struct author_id){last}));
    struct hash32 a = {{0}};
    struct hash32 b = {{0}};
    assert_true(hash32_equal(&a, &b));
    b.b[HASH_BYTES - 1] = 1;
    assert_false(hash32_equal(&a, &b));
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex_comes_back),
        cmocka_unit_test(bad_hex_is_refused_and_changes_nothing),
        cmocka_unit_test(ids_compare_as_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
