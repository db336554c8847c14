#include "davy/base/bytes.h"

#include "davy/base/ensure.h"
#include "test_util.h"

static void integers_are_little_endian(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, 100);
    buf_put_u8(&buf, 0x01);
    buf_put_u16(&buf, 0x0203);
    buf_put_u32(&buf, 0x04050607);
    buf_put_u64(&buf, 0x08090A0B0C0D0E0F);
    assert_int_equal(buf_rc(&buf), RC_OK);
    char hex[64];
    test_hex(buf.data, buf.len, hex);
    assert_string_equal(hex, "010302070605040f0e0d0c0b0a0908");
    struct reader reader = reader_of(buf_slice(&buf));
    assert_int_equal(reader_u8(&reader), 0x01);
    assert_int_equal(reader_u16(&reader), 0x0203);
    assert_int_equal(reader_u32(&reader), 0x04050607);
    assert_true(reader_u64(&reader) == 0x08090A0B0C0D0E0F);
    assert_int_equal(reader_done(&reader), RC_OK);
    buf_fini(&buf);
}

struct varint_row {
    uint64_t value;
    const char *hex;
};

static const struct varint_row varints[] = {
    {0, "00"},
    {1, "01"},
    {127, "7f"},
    {128, "8001"},
    {300, "ac02"},
    {16383, "ff7f"},
    {16384, "808001"},
    {UINT32_MAX, "ffffffff0f"},
    {(uint64_t)1 << 63, "80808080808080808001"},
    {UINT64_MAX, "ffffffffffffffffff01"},
};

static void varints_have_one_form(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(varints); i++) {
        struct buf buf;
        buf_init(&buf, 10);
        buf_put_varint(&buf, varints[i].value);
        assert_int_equal(buf_rc(&buf), RC_OK);
        char hex[32];
        test_hex(buf.data, buf.len, hex);
        assert_string_equal(hex, varints[i].hex);
        struct reader reader = reader_of(buf_slice(&buf));
        assert_true(reader_varint(&reader) == varints[i].value);
        assert_int_equal(reader_done(&reader), RC_OK);
        buf_fini(&buf);
    }
}

struct bad_row {
    const char *hex;
    enum rc rc;
};

static void bad_varints_are_refused(void **state) {
    (void)state;
    static const struct bad_row rows[] = {
        {"", RC_TRUNCATED},
        {"80", RC_TRUNCATED},
        {"ffffff", RC_TRUNCATED},
        {"8000", RC_INVALID},
        {"ff00", RC_INVALID},
        {"80808000", RC_INVALID},
        {"ffffffffffffffffff02", RC_INVALID},
        {"ffffffffffffffffff7f", RC_INVALID},
        {"80808080808080808080", RC_INVALID},
        {"8080808080808080808001", RC_INVALID},
        {"0000", RC_INVALID}, // one byte is left over
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t bytes[16];
        size_t len = test_unhex(rows[i].hex, bytes, sizeof(bytes));
        struct reader reader = reader_of(slice_of(bytes, len));
        assert_true(reader_varint(&reader) == 0);
        assert_int_equal(reader_done(&reader), rows[i].rc);
    }
}

static void signed_numbers_come_back(void **state) {
    (void)state;
    static const int64_t values[] = {0, -1, 1, -64, 64, INT32_MIN, INT64_MIN, INT64_MAX};
    struct buf buf;
    buf_init(&buf, 100);
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        buf_put_signed(&buf, values[i]);
    }
    assert_int_equal(buf.data[1], 1); // -1 is one small byte
    struct reader reader = reader_of(buf_slice(&buf));
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        assert_true(reader_signed(&reader) == values[i]);
    }
    assert_int_equal(reader_done(&reader), RC_OK);
    buf_fini(&buf);
}

static void buffer_stops_at_its_maximum(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, 4);
    buf_put(&buf, "abcd", 4);
    assert_int_equal(buf_rc(&buf), RC_OK);
    assert_string_equal(buf_cstr(&buf), "abcd");
    buf_put_u8(&buf, 'e');
    assert_int_equal(buf_rc(&buf), RC_TOO_LARGE);
    assert_int_equal(buf.len, 4);
    buf_put(&buf, "", 0);
    assert_int_equal(buf_rc(&buf), RC_TOO_LARGE);
    assert_string_equal(buf_cstr(&buf), "");
    buf_reset(&buf);
    buf_put_u16(&buf, 7);
    assert_int_equal(buf_rc(&buf), RC_OK);
    assert_int_equal(buf.len, 2);
    buf_fini(&buf);
    buf_fini(&buf);
    buf_fini(NULL);
}

static void printf_counts_text_without_its_nul(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, 8);
    buf_printf(&buf, "%s-%d", "ab", 12);
    buf_printf(&buf, "%s", "xyz");
    assert_int_equal(buf_rc(&buf), RC_OK);
    assert_string_equal(buf_cstr(&buf), "ab-12xyz");
    buf_printf(&buf, "!");
    assert_int_equal(buf_rc(&buf), RC_TOO_LARGE);
    buf_fini(&buf);
}

static void growth_keeps_what_was_there(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, 100000);
    for (uint32_t i = 0; i < 25000; i++) {
        buf_put_u32(&buf, i);
    }
    assert_int_equal(buf_rc(&buf), RC_OK);
    struct reader reader = reader_of(buf_slice(&buf));
    for (uint32_t i = 0; i < 25000; i++) {
        assert_int_equal(reader_u32(&reader), i);
    }
    assert_int_equal(reader_done(&reader), RC_OK);
    buf_fini(&buf);
}

static void empty_parts_are_fine(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, 10);
    assert_int_equal(buf_slice(&buf).len, 0);
    buf_put(&buf, NULL, 0);
    assert_string_equal(buf_cstr(&buf), "");
    buf_put_bytes(&buf, NULL, 0);
    buf_put_text(&buf, "");
    struct reader reader = reader_of(buf_slice(&buf));
    assert_int_equal(reader_bytes(&reader, 0).len, 0);
    assert_int_equal(reader_bytes(&reader, 0).len, 0);
    assert_int_equal(reader_done(&reader), RC_OK);
    buf_fini(&buf);
    struct reader none = reader_of((struct slice){0});
    assert_int_equal(reader_take(&none, 0).len, 0);
    assert_int_equal(reader_done(&none), RC_OK);
    assert_true(slice_equal((struct slice){0}, slice_text("")));
    assert_false(slice_equal(slice_text("a"), slice_text("b")));
    assert_false(slice_equal(slice_text("a"), slice_text("ab")));
}

static void reader_stays_failed(void **state) {
    (void)state;
    struct reader reader = reader_of(slice_of("\x05\x61\x62", 3));
    assert_int_equal(reader_bytes(&reader, 10).len, 0);
    assert_int_equal(reader_left(&reader), 0);
    uint8_t copy[2] = {9, 9};
    reader_copy(&reader, copy, 2);
    assert_int_equal(copy[0] + copy[1], 0);
    assert_int_equal(reader_u32(&reader), 0);
    reader_fail(&reader, RC_CORRUPT);
    assert_int_equal(reader_done(&reader), RC_TRUNCATED);
}

static void reader_refuses_what_is_too_large(void **state) {
    (void)state;
    struct reader reader = reader_of(slice_of("\x03\x61\x62\x63", 4));
    assert_null(reader_bytes(&reader, 2).data);
    assert_int_equal(reader_done(&reader), RC_TOO_LARGE);
    // A length of 2^64 - 1 is not added to anything.
    reader = reader_of(slice_of("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10));
    assert_null(reader_bytes(&reader, SIZE_MAX).data);
    assert_int_equal(reader_done(&reader), RC_TRUNCATED);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_little_endian),
        cmocka_unit_test(varints_have_one_form),
        cmocka_unit_test(bad_varints_are_refused),
        cmocka_unit_test(signed_numbers_come_back),
        cmocka_unit_test(buffer_stops_at_its_maximum),
        cmocka_unit_test(printf_counts_text_without_its_nul),
        cmocka_unit_test(growth_keeps_what_was_there),
        cmocka_unit_test(empty_parts_are_fine),
        cmocka_unit_test(reader_stays_failed),
        cmocka_unit_test(reader_refuses_what_is_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
