#include "davy/record/module.h"

#include "record_test_util.h"

static struct buf new_buf(void) {
    struct buf buf;
    buf_init(&buf, LIMIT_RECORD_BODY_BYTES);
    return buf;
}

static void every_type_comes_back(void **state) {
    (void)state;
    struct buf buf = new_buf();
    struct id16 link = test_id(0x33);
    struct body body = body_start(&test_kinds[1], &buf);
    body_put_uint(&body, ALL_COUNT, 42);
    body_put_int(&body, ALL_DELTA, -3);
    body_put_uint(&body, ALL_COLOUR, 3);
    body_put_int(&body, ALL_WHEN, 1795537800123);
    body_put_decimal(&body, ALL_SHARE, (struct decimal){1950, -2});
    body_put_text(&body, ALL_NOTE, "氧 19.5 %");
    body_put_bytes(&body, ALL_BLOB, "\1\2\3", 3);
    body_put_bytes(&body, ALL_LINK, link.b, ID_BYTES);
    body_put_uint(&body, ALL_PART, 1);
    body_put_uint(&body, ALL_PART, 2);
    body_put_text(&body, ALL_MUST, "");
    assert_int_equal(buf_rc(&buf), RC_OK);
    struct slice bytes = buf_slice(&buf);
    uint64_t number = 0;
    int64_t integer = 0;
    struct decimal decimal;
    struct slice slice;
    char text[32];
    assert_true(body_uint(bytes, ALL_COUNT, &number) && number == 42);
    assert_true(body_int(bytes, ALL_DELTA, &integer) && integer == -3);
    assert_true(body_uint(bytes, ALL_COLOUR, &number) && number == 3);
    assert_true(body_int(bytes, ALL_WHEN, &integer) && integer == 1795537800123);
    assert_true(body_decimal(bytes, ALL_SHARE, &decimal));
    assert_true(decimal.mantissa == 195 && decimal.exponent == -1);
    body_text(bytes, ALL_NOTE, text, sizeof(text));
    assert_string_equal(text, "氧 19.5 %");
    assert_true(body_bytes(bytes, ALL_BLOB, &slice) && slice.len == 3);
    assert_true(body_bytes(bytes, ALL_LINK, &slice) && slice.len == ID_BYTES);
    assert_memory_equal(slice.data, link.b, ID_BYTES);
    assert_true(body_uint(bytes, ALL_PART, &number) && number == 1);
    buf_fini(&buf);
}

static void the_bytes_are_the_header_s(void **state) {
    (void)state;
    struct buf buf = new_buf();
    struct body body = body_start(&test_kinds[1], &buf);
    body_put_uint(&body, ALL_COUNT, 300);
    body_put_int(&body, ALL_DELTA, -1);
    body_put_decimal(&body, ALL_SHARE, (struct decimal){195, -1});
    body_put_text(&body, ALL_MUST, "ab");
    char hex[64];
    test_hex(buf.data, buf.len, hex);
    assert_string_equal(hex, "08ac02"
                             "1101"
                             "2b860301"
                             "5e026162");
    buf_fini(&buf);
}

static void what_is_absent_leaves_the_result_alone(void **state) {
    (void)state;
    const uint8_t bytes[] = {ALL_COUNT << 3, 7, ALL_NOTE << 3 | 2, 1, 'x'};
    struct slice body = slice_of(bytes, sizeof(bytes));
    uint64_t number = 5;
    int64_t integer = 5;
    struct decimal decimal = {5, 0};
    struct slice slice = {bytes, 5};
    char text[8] = "before";
    assert_false(body_uint(body, ALL_COLOUR, &number));
    assert_false(body_uint(body, ALL_PART, &number));
    assert_false(body_int(body, ALL_COUNT, &integer)); // there, but of another type
    assert_false(body_decimal(body, ALL_SHARE, &decimal));
    assert_false(body_bytes(body, ALL_COUNT, &slice));
    body_text(body, ALL_MUST, text, sizeof(text));
    assert_true(number == 5 && integer == 5 && decimal.mantissa == 5 && slice.len == 5);
    assert_string_equal(text, "");
    body_text(slice_of(NULL, 0), ALL_NOTE, text, sizeof(text));
    assert_string_equal(text, "");
}

static void text_is_cut_at_a_character_and_cleaned(void **state) {
    (void)state;
    struct buf buf = new_buf();
    struct body body = body_start(&other_kinds[0], &buf);
    body_put_text(&body, 1, "阀门\x1b[2J");
    char text[32];
    body_text(buf_slice(&buf), 1, text, 6);
    assert_string_equal(text, "阀");
    body_text(buf_slice(&buf), 1, text, sizeof(text));
    assert_string_equal(text, "阀门 [2J");
    buf_fini(&buf);
}

struct bad_body {
    const char *what;
    const char *hex;
    unsigned fields; // read before it breaks
    enum rc rc;
};
static const struct bad_body bad_bodies[] = {
    {"empty", "", 0, RC_OK},
    {"one field", "0807", 1, RC_OK},
    {"unknown tags", "0807f80701", 2, RC_OK},
    {"tag 0", "0007", 0, RC_INVALID},
    {"tags descend", "10010801", 1, RC_INVALID},
    {"a tag again", "08010801", 2, RC_OK},
    {"tag 65535", "f8ff1f01", 1, RC_OK},
    {"tag 65536", "8080200a", 0, RC_INVALID},
    {"tag beyond 32 bits", "80808080808080800101", 0, RC_INVALID},
    {"key in two bytes", "880007", 0, RC_INVALID},
    {"key alone", "08", 0, RC_TRUNCATED},
    {"half a varint", "0880", 0, RC_TRUNCATED},
    {"varint in two bytes", "088700", 0, RC_INVALID},
    {"signed in two bytes", "098700", 0, RC_INVALID},
    {"text beyond the end", "0a0341", 0, RC_TRUNCATED},
    {"text of 2^63 bytes", "0a80808080808080808001", 0, RC_TOO_LARGE},
    {"decimal without exponent", "0b02", 0, RC_TRUNCATED},
    {"decimal 10e0, not canonical", "0b1400", 0, RC_INVALID},
    {"decimal 0e1, not canonical", "0b0002", 0, RC_INVALID},
    {"decimal 1e18", "0b0224", 1, RC_OK},
    {"decimal 1e19", "0b0226", 0, RC_INVALID},
    {"decimal 1e256", "0b028004", 0, RC_INVALID},
    {"decimal 1e-256", "0b02ff03", 0, RC_INVALID},
};

static void bad_bodies_stop_the_reader(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad_bodies); i++) {
        uint8_t bytes[32];
        size_t len = test_unhex(bad_bodies[i].hex, bytes, sizeof(bytes));
        struct body_reader reader = body_read(slice_of(bytes, len));
        struct field_value value;
        unsigned fields = 0;
        while (body_next(&reader, &value)) {
            fields++;
        }
        test_rc(bad_bodies[i].what, reader_done(&reader.reader), bad_bodies[i].rc);
        assert_int_equal(fields, bad_bodies[i].fields);
        assert_false(body_next(&reader, &value));
    }
}

static void a_newer_critical_field_is_noticed(void **state) {
    (void)state;
    const struct kind *kind = &test_kinds[1];
    const uint8_t known_critical[] = {ALL_MUST << 3 | 4 | 2, 0};
    const uint8_t unknown_plain[] = {0xA0, 0x06, 1};
    const uint8_t unknown_critical[] = {ALL_COUNT << 3, 1, 0xA4, 0x06, 1};
    assert_false(body_needs_newer(kind, slice_of(NULL, 0)));
    assert_false(body_needs_newer(kind, slice_of(known_critical, sizeof(known_critical))));
    assert_false(body_needs_newer(kind, slice_of(unknown_plain, sizeof(unknown_plain))));
    assert_true(body_needs_newer(kind, slice_of(unknown_critical, sizeof(unknown_critical))));
}

// ---- Registry, roles, making ----

static void kinds_are_found_by_number_and_name(void **state) {
    (void)state;
    for (size_t m = 0; m < COUNT_OF(test_modules); m++) {
        for (uint16_t i = 0; i < test_modules[m]->kind_count; i++) {
            const struct kind *kind = &test_modules[m]->kinds[i];
            const struct module *module = NULL;
            assert_ptr_equal(registry_kind(&test_registry, kind->number, &module), kind);
            assert_ptr_equal(module, test_modules[m]);
            assert_ptr_equal(registry_kind_named(&test_registry, kind->name), kind);
        }
    }
    static const uint16_t strangers[] = {0, 9, 15, 19, 21, 23, 65535};
    for (size_t i = 0; i < COUNT_OF(strangers); i++) {
        assert_null(registry_kind(&test_registry, strangers[i], NULL));
    }
    assert_null(registry_kind_named(&test_registry, "test"));
    assert_null(registry_kind(&(struct registry){0}, 10, NULL));
}

static void roles_have_names(void **state) {
    (void)state;
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        enum role role = ROLE_COUNT;
        assert_int_equal(role_parse(role_name((enum role)i), &role), RC_OK);
        assert_int_equal(role, i);
    }
    enum role role = ROLE_VIEWER;
    assert_int_equal(role_parse("chief", &role), RC_NOT_FOUND);
    assert_int_equal(role_parse("", &role), RC_NOT_FOUND);
    assert_int_equal(role, ROLE_VIEWER);
    assert_string_equal(role_name(ROLE_SHIFT_LEADER), "shift_leader");
    assert_string_equal(role_name(ROLE_COUNT), "unknown");
}

static void a_record_is_made_signed_or_sealed(void **state) {
    (void)state;
    struct keypair *pair = test_keypair(1);
    struct content content = test_content();
    content.key = key_id_of(keypair_public(pair));
    struct buf buf;
    buf_init(&buf, 4096);
    buf_put_u8(&buf, 0xEE); // a record may stand behind other bytes
    struct signed_record record;
    assert_int_equal(record_make(&content, pair, &buf, &record), RC_OK);
    assert_true(record.has_sig);
    assert_ptr_equal(record.content.data, buf.data + 1);
    assert_int_equal(record.content.len, buf.len - 1);
    assert_true(rid_equal(record.rid, content_rid(record.content)));
    assert_true(keys_verify(keys_ed25519(), keypair_public(pair), record.content, &record.sig));
    size_t len = buf.len;
    assert_int_equal(record_make(&content, NULL, &buf, &record), RC_INVALID);
    content.key.id.b[0] ^= 1;
    assert_int_equal(record_make(&content, pair, &buf, &record), RC_INVALID);
    memset(&content.key, 0, sizeof(content.key));
    assert_int_equal(record_make(&content, pair, &buf, &record), RC_INVALID);
    assert_int_equal(buf.len, len);
    assert_int_equal(record_make(&content, NULL, &buf, &record), RC_OK);
    assert_false(record.has_sig);
    content.kind = 0;
    assert_int_equal(record_make(&content, NULL, &buf, &record), RC_INVALID);
    buf_fini(&buf);
    keypair_free(pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_comes_back),
        cmocka_unit_test(the_bytes_are_the_header_s),
        cmocka_unit_test(what_is_absent_leaves_the_result_alone),
        cmocka_unit_test(text_is_cut_at_a_character_and_cleaned),
        cmocka_unit_test(bad_bodies_stop_the_reader),
        cmocka_unit_test(a_newer_critical_field_is_noticed),
        cmocka_unit_test(kinds_are_found_by_number_and_name),
        cmocka_unit_test(roles_have_names),
        cmocka_unit_test(a_record_is_made_signed_or_sealed),
    };
    test_keys_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
