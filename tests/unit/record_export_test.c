#include "davy/record/export.h"

#include "record_test_util.h"

#include <cjson/cJSON.h>

static const uint8_t full_body[] = {
    0x08, 0x07,                               // count 7
    0x11, 0x09,                               // delta -5
    0x18, 0x03,                               // colour blue
    0x21, 0x00,                               // when 1970
    0x2b, 0x86, 0x03, 0x01,                   // share 19.5
    0x3a, 0x05, 'a',  '"',  0x1b, 0xff, '\n', // a note that nobody checked
    0x42, 0x02, 0xab, 0xcd,                   // blob
    0x50, 0x01, 0x50, 0x02,                   // parts
    0x5e, 0x01, 'm',                          // must
    0xc4, 0x02, 0x05,                         // an unknown critical field
    0xc2, 0x02, 0x01, 0xee,                   // an unknown one
};

struct sample {
    struct content content;
    struct buf bytes;
    struct signature sig;
    struct export_item item;
};

static void sample_make(struct sample *sample) {
    sample->content.body = slice_of(full_body, sizeof(full_body));
    buf_init(&sample->bytes, LIMIT_RECORD_CONTENT_BYTES);
    assert_int_equal(content_encode(&sample->content, &sample->bytes), RC_OK);
    sample->sig = (struct signature){{1, 2, 3}};
    sample->item = (struct export_item){
        .content = buf_slice(&sample->bytes),
        .sig = &sample->sig,
        .place = {{{test_id(0x90)}, 1, AUDIENCE_PARK}, 9007199254740993},
        .verdict = VERDICT_REFUSED,
        .rule = REFUSAL_NOT_COVERED,
        .n = 17,
    };
}

static const char *member(const cJSON *object, const char *name) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    assert_non_null(item);
    return cJSON_IsString(item) ? item->valuestring : "(no text)";
}

static double number(const cJSON *object, const char *name) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

static const cJSON *at(const cJSON *object, const char *name, int index) {
    const cJSON *item = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(object, name), index);
    assert_non_null(item);
    return item;
}

static cJSON *exported(const struct export_item *item) {
    struct buf out;
    buf_init(&out, 65536);
    assert_int_equal(export_json(&test_registry, item, &out), RC_OK);
    assert_null(memchr(out.data, '\n', out.len));
    const char *end = NULL;
    cJSON *json = cJSON_ParseWithOpts(buf_cstr(&out), &end, true);
    assert_non_null(json);
    buf_fini(&out);
    return json;
}

static void json_names_every_part(void **state) {
    (void)state;
    struct sample sample = {.content = test_content()};
    sample_make(&sample);
    cJSON *json = exported(&sample.item);
    assert_string_equal(member(json, "kind"), "test.all");
    assert_true(number(json, "kind_number") == TEST_ALL);
    assert_string_equal(member(json, "site"), "404142434445464748494a4b4c4d4e4f");
    assert_string_equal(at(json, "subjects", 1)->valuestring, "200102030405060708090a0b0c0d0e0f");
    assert_string_equal(member(json, "person"), "505152535455565758595a5b5c5d5e5f");
    assert_string_equal(member(json, "time"), "2026-11-24T16:30:00.123Z");
    assert_true(number(json, "time_ms") == 1795537800123.0);
    assert_true(number(json, "time_error_ms") == 250);
    assert_string_equal(member(json, "boot"), "0123456789abcdef");
    assert_string_equal(member(json, "author"), "909192939495969798999a9b9c9d9e9f");
    assert_true(number(json, "lane") == 1);
    assert_string_equal(member(json, "audience"), "park");
    assert_string_equal(member(json, "seq"), "9007199254740993"); // beyond a double
    assert_string_equal(member(json, "verdict"), "refused");
    assert_string_equal(member(json, "rule"), "not-covered");
    assert_true(number(json, "n") == 17);
    const cJSON *seen = cJSON_GetObjectItemCaseSensitive(json, "seen");
    assert_string_equal(member(seen, "hub"), "808182838485868788898a8b8c8d8e8f");
    assert_true(number(at(seen, "marks", 1), "seq") == 4711);
    assert_string_equal(member(at(seen, "marks", 1), "hash"), "0807060504030201");
    assert_string_equal(at(json, "refs", 0)->valuestring, "300102030405060708090a0b0c0d0e0f");
    assert_string_equal(member(json, "nonce"), "0908070605040302");
    cJSON_Delete(json);
    buf_fini(&sample.bytes);
}

static void json_shows_the_body_by_its_table(void **state) {
    (void)state;
    struct sample sample = {.content = test_content()};
    sample_make(&sample);
    cJSON *json = exported(&sample.item);
    const cJSON *body = cJSON_GetObjectItemCaseSensitive(json, "body");
    assert_true(number(body, "count") == 7 && number(body, "delta") == -5);
    assert_string_equal(member(body, "colour"), "blue");
    assert_string_equal(member(body, "when"), "1970-01-01T00:00:00.000Z");
    assert_string_equal(member(body, "share"), "19.5");
    assert_string_equal(member(body, "note"), "a\"\x1b\xef\xbf\xbd\n");
    assert_string_equal(member(body, "blob"), "abcd");
    assert_true(at(body, "part", 0)->valuedouble == 1 && at(body, "part", 1)->valuedouble == 2);
    assert_string_equal(member(body, "must"), "m");
    const cJSON *unknown = at(json, "unknown", 0);
    assert_true(number(unknown, "tag") == 40 && number(unknown, "value") == 5);
    assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(unknown, "critical")));
    assert_string_equal(member(at(json, "unknown", 1), "value"), "ee");
    assert_null(cJSON_GetObjectItemCaseSensitive(json, "body_error"));
    cJSON_Delete(json);
    buf_fini(&sample.bytes);
}

static void json_of_an_opening_has_nulls(void **state) {
    (void)state;
    struct sample sample = {
        .content = {
            .suite = 1, .kind = 999, .audience = AUDIENCE_SITE, .time_error_ms = UINT32_MAX}};
    sample_make(&sample);
    sample.item.sig = NULL;
    cJSON *json = exported(&sample.item);
    static const char *const nulls[] = {"site", "person",        "key", "device",
                                        "seen", "time_error_ms", "sig"};
    for (size_t i = 0; i < COUNT_OF(nulls); i++) {
        assert_true(cJSON_IsNull(cJSON_GetObjectItemCaseSensitive(json, nulls[i])));
    }
    assert_string_equal(member(json, "kind"), "unknown");
    assert_true(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "opens")));
    const cJSON *subjects = cJSON_GetObjectItemCaseSensitive(json, "subjects");
    assert_int_equal(cJSON_GetArraySize(subjects), 0);
    const cJSON *unknown = cJSON_GetObjectItemCaseSensitive(json, "unknown");
    assert_int_equal(cJSON_GetArraySize(unknown), 12);
    cJSON_Delete(json);
    buf_fini(&sample.bytes);
}

static void a_broken_body_is_shown_as_far_as_it_reads(void **state) {
    (void)state;
    const uint8_t body[] = {0x08, 0x07, 0x50, 0x01, 0x50};
    struct sample sample = {.content = test_content()};
    sample_make(&sample);
    buf_reset(&sample.bytes);
    sample.content.body = slice_of(body, sizeof(body));
    assert_int_equal(content_encode(&sample.content, &sample.bytes), RC_OK);
    sample.item.content = buf_slice(&sample.bytes);
    cJSON *json = exported(&sample.item);
    assert_string_equal(member(json, "body_error"), "truncated");
    assert_true(number(cJSON_GetObjectItemCaseSensitive(json, "body"), "count") == 7);
    cJSON_Delete(json);
    buf_fini(&sample.bytes);
}

static void content_that_does_not_decode_is_not_exported(void **state) {
    (void)state;
    struct sample sample = {.content = test_content()};
    sample_make(&sample);
    sample.item.content.len--;
    struct buf out;
    buf_init(&out, 65536);
    assert_int_equal(export_json(&test_registry, &sample.item, &out), RC_TRUNCATED);
    assert_int_equal(export_text(&test_registry, &sample.item, &out), RC_TRUNCATED);
    assert_int_equal(out.len, 0);
    sample.item.content.len++;
    struct buf tight;
    buf_init(&tight, 40);
    assert_int_equal(export_json(&test_registry, &sample.item, &tight), RC_TOO_LARGE);
    buf_fini(&tight);
    buf_fini(&out);
    buf_fini(&sample.bytes);
}

static void text_is_for_people(void **state) {
    (void)state;
    static const char *const lines[] = {
        "\nkind: test.all (11)\n",
        "\ntime: 2026-11-24T16:30:00.123Z (within 250 ms)\n",
        "\nsubject: 100102030405060708090a0b0c0d0e0f\n",
        "\ncount: 7\n",
        "\ncolour: blue\n",
        "\nshare: 19.5\n",
        "\nnote: a\" \xef\xbf\xbd \n", // no escape, no line break of its own
        "\npart: 1\npart: 2\n",
        "\nunknown 40 (critical): 5\n",
        "\nverdict: refused\nrule: not-covered (63)\nlog number: 17\n",
        "\nseen: lane 1 site to 4711 hash 0807060504030201\n",
        "\nsignature: yes\n",
    };
    struct sample sample = {.content = test_content()};
    sample_make(&sample);
    struct buf out;
    buf_init(&out, 65536);
    assert_int_equal(export_text(&test_registry, &sample.item, &out), RC_OK);
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        if (strstr(buf_cstr(&out), lines[i]) == NULL) {
            fail_msg("no line '%s' in\n%s", lines[i], buf_cstr(&out));
        }
    }
    assert_null(memchr(out.data, 0x1b, out.len));
    buf_fini(&out);
    buf_fini(&sample.bytes);
}

struct text_row {
    const char *bytes;
    size_t len;
    const char *json;
};
static const struct text_row text_rows[] = {
    {"", 0, "\"\""},
    {"abc", 3, "\"abc\""},
    {"a\"b\\c", 5, "\"a\\\"b\\\\c\""},
    {"\n\r\t\x01", 4, "\"\\n\\u000d\\u0009\\u0001\""},
    {"a\0b", 3,
     "\"a\xef\xbf\xbd"
     "b\""},
    {"\x7f", 1, "\"\\u007f\""},
    {"罐区", 6, "\"罐区\""},
    {"\xff\xfe", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
    {"\xe7\xbd", 2, "\"\xef\xbf\xbd\""},
    {"\xe2\x80\xae", 3, "\"\\u202e\""},
    {"\xe2\x80\x8b", 3, "\"\\u200b\""},
    {"\xf3\xa0\x80\xa0", 4, "\"\\udb40\\udc20\""},
    {"\xf0\x9f\x94\xa5", 4, "\"\xf0\x9f\x94\xa5\""},
};

static void json_text_is_always_safe(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(text_rows); i++) {
        struct buf out;
        buf_init(&out, 256);
        json_put_text(&out, slice_of(text_rows[i].bytes, text_rows[i].len));
        assert_string_equal(buf_cstr(&out), text_rows[i].json);
        buf_fini(&out);
    }
    struct buf out;
    buf_init(&out, 16);
    json_put_text(&out, slice_of(NULL, 0));
    assert_string_equal(buf_cstr(&out), "\"\"");
    buf_fini(&out);
}

static void json_numbers_stay_exact(void **state) {
    (void)state;
    struct buf out;
    buf_init(&out, 256);
    json_put_uint(&out, 0);
    json_put_uint(&out, 9007199254740992);
    json_put_uint(&out, 9007199254740993);
    json_put_uint(&out, UINT64_MAX);
    json_put_int(&out, -9007199254740992);
    json_put_int(&out, -9007199254740993);
    json_put_int(&out, INT64_MIN);
    assert_string_equal(buf_cstr(&out), "09007199254740992\"9007199254740993\""
                                        "\"18446744073709551615\"-9007199254740992"
                                        "\"-9007199254740993\"\"-9223372036854775808\"");
    buf_fini(&out);
}

static void base64_has_padding(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"", "\"\""},
        {"f", "\"Zg==\""},
        {"fo", "\"Zm8=\""},
        {"foo", "\"Zm9v\""},
        {"foob", "\"Zm9vYg==\""},
        {"foobar", "\"Zm9vYmFy\""},
        {"\xff\xfe\xfb", "\"//77\""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out;
        buf_init(&out, 64);
        json_put_base64(&out, slice_text(rows[i][0]));
        assert_string_equal(buf_cstr(&out), rows[i][1]);
        buf_fini(&out);
    }
}

struct utc_row {
    int64_t ms;
    const char *text;
};
static const struct utc_row utc_rows[] = {
    {0, "1970-01-01T00:00:00.000Z"},
    {-1, "1969-12-31T23:59:59.999Z"},
    {951782400000, "2000-02-29T00:00:00.000Z"},
    {951868799999, "2000-02-29T23:59:59.999Z"},
    {951868800000, "2000-03-01T00:00:00.000Z"},
    {-2203891200001, "1900-02-28T23:59:59.999Z"},
    {-2203891200000, "1900-03-01T00:00:00.000Z"}, // 1900 had no leap day
    {1795537800123, "2026-11-24T16:30:00.123Z"},
    {253402300799999, "9999-12-31T23:59:59.999Z"},
    {-62167219200000, "0000-01-01T00:00:00.000Z"},
};

static void utc_goes_both_ways(void **state) {
    (void)state;
    char text[UTC_TEXT_BYTES];
    for (size_t i = 0; i < COUNT_OF(utc_rows); i++) {
        struct utc_ms time = {utc_rows[i].ms};
        utc_format(time, text);
        assert_string_equal(text, utc_rows[i].text);
        assert_int_equal(utc_parse(text, &time), RC_OK);
        assert_true(time.v == utc_rows[i].ms);
    }
    // Every day of four centuries follows the day before.
    for (int64_t day = -25567; day < 120530; day++) {
        struct utc_ms time = {day * 86400000};
        utc_format(time, text);
        struct utc_ms back;
        assert_int_equal(utc_parse(text, &back), RC_OK);
        assert_true(back.v == time.v);
    }
    utc_format((struct utc_ms){INT64_MAX}, text);
    assert_string_equal(text, "9999-12-31T23:59:59.999Z");
    utc_format((struct utc_ms){INT64_MIN}, text);
    assert_string_equal(text, "0000-01-01T00:00:00.000Z");
}

static void utc_takes_zones_and_fractions(void **state) {
    (void)state;
    static const struct utc_row rows[] = {
        {1795537800000, "2026-11-24T16:30:00Z"},
        {1795537800100, "2026-11-24T16:30:00.1Z"},
        {1795537800123, "2026-11-24T16:30:00.123456789Z"},
        {1795537800000, "2026-11-25T00:30:00+08:00"},
        {1795537800000, "2026-11-24T11:00:00-05:30"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct utc_ms time;
        assert_int_equal(utc_parse(rows[i].text, &time), RC_OK);
        assert_true(time.v == rows[i].ms);
    }
    static const char *const bad[] = {
        "",
        "2026",
        "2026-11-24",
        "2026-11-24T16:30Z",
        "2026-11-24T16:30:00",
        "2026-11-24 16:30:00Z",
        "2026-13-24T16:30:00Z",
        "2026-00-24T16:30:00Z",
        "2026-11-31T16:30:00Z",
        "2026-11-00T16:30:00Z",
        "2025-02-29T16:30:00Z",
        "1900-02-29T16:30:00Z",
        "2026-11-24T24:00:00Z",
        "2026-11-24T16:60:00Z",
        "2026-11-24T16:30:60Z",
        "2026-11-24T16:30:00.Z",
        "2026-11-24T16:30:00.1234567890Z",
        "2026-11-24T16:30:00+08",
        "2026-11-24T16:30:00+24:00",
        "2026-11-24T16:30:00+08:60",
        "2026-11-24T16:30:00ZZ",
        "+026-11-24T16:30:00Z",
        "2026-1 -24T16:30:00Z",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct utc_ms time = {7};
        test_rc(bad[i], utc_parse(bad[i], &time), RC_INVALID);
        assert_true(time.v == 7);
    }
}

static void names_are_known(void **state) {
    (void)state;
    assert_string_equal(verdict_name(VERDICT_HELD), "held");
    assert_string_equal(verdict_name((enum verdict)9), "unknown");
    assert_string_equal(audience_name(AUDIENCE_CITY), "city");
    assert_string_equal(audience_name(AUDIENCE_NONE), "none");
    assert_string_equal(effect_name(EFFECT_RESTRICT), "restrict");
    assert_string_equal(effect_name((enum effect)9), "unknown");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_names_every_part),
        cmocka_unit_test(json_shows_the_body_by_its_table),
        cmocka_unit_test(json_of_an_opening_has_nulls),
        cmocka_unit_test(a_broken_body_is_shown_as_far_as_it_reads),
        cmocka_unit_test(content_that_does_not_decode_is_not_exported),
        cmocka_unit_test(text_is_for_people),
        cmocka_unit_test(json_text_is_always_safe),
        cmocka_unit_test(json_numbers_stay_exact),
        cmocka_unit_test(base64_has_padding),
        cmocka_unit_test(utc_goes_both_ways),
        cmocka_unit_test(utc_takes_zones_and_fractions),
        cmocka_unit_test(names_are_known),
    };
    test_keys_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
