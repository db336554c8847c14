#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "davy/feed/scan.h"

static struct feed_scanner *scanner;

static int setup(void **state) {
    (void)state;
    return feed_scanner_new(42, &scanner) == RC_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    feed_scanner_free(scanner);
    return 0;
}

// Readings as "tag@time=value/quality", blank-separated; or "!fault text@position".
static const char *scan_bytes(const struct feed_rules *rules, const void *data, size_t len) {
    static char out[4096];
    static const char quality[] = {'G', 'U', 'B'};
    const struct feed_reading *readings = NULL;
    uint32_t count = 0;
    struct feed_error error = {FEED_OK, 0};
    // An exact heap copy lets the sanitizer see a read past the end.
    uint8_t *copy = malloc(len + 1);
    memcpy(copy, data, len);
    enum rc rc = feed_scan(scanner, rules, slice_of(copy, len), &readings, &count, &error);
    size_t at = 0;
    out[0] = '\0';
    if (rc != RC_OK) {
        assert_null(readings);
        snprintf(out, sizeof out, "!%s@%u", feed_fault_text(error.fault), error.position);
    }
    for (uint32_t i = 0; i < count && at < sizeof out - 256; i++) {
        const struct feed_reading *reading = &readings[i];
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%.*s@", i == 0 ? "" : " ",
                               (int)reading->tag.len, (const char *)reading->tag.data);
        if (reading->has_time) {
            at += (size_t)snprintf(out + at, sizeof out - at, "%lld", (long long)reading->time.v);
        }
        at += (size_t)snprintf(out + at, sizeof out - at, reading->has_value ? "=%.17g" : "=-",
                               reading->value);
        at += (size_t)snprintf(out + at, sizeof out - at, "/%c", quality[reading->quality]);
    }
    free(copy);
    return out;
}

static const char *scan_text(const char *json) {
    static const struct feed_rules rules;
    return scan_bytes(&rules, json, strlen(json));
}

struct scan_case {
    const char *json;
    const char *expected;
};

static const struct scan_case accepted[] = {
    // single, aliases, any order
    {"{\"tag\":\"TI-101\",\"t\":1650006388943,\"v\":12.5,\"q\":192}",
     "TI-101@1650006388943=12.5/G"},
    {"{\"v\":1,\"tag\":\"A\"}", "A@=1/G"},
    {" { \"name\" : \"A\" , \"ts\" : 5 , \"value\" : -0 , \"quality\" : 64 } ", "A@5=-0/U"},
    {"{\"id\":\"A\",\"timestamp\":\"2014-07-11T15:26:37Z\",\"v\":1e3,\"q\":true}",
     "A@1405092397000=1000/G"},
    {"{\"id\":\"A\",\"t\":\"2014-07-11 23:26:37.250+08:00\",\"v\":1,\"q\":\"good\"}",
     "A@1405092397250=1/G"},
    {"{\"tag\":\"A\",\"v\":1,\"t\":0}", "A@=1/G"},
    {"{\"tag\":\"A\",\"v\":1,\"t\":null}", "A@=1/G"},
    {"{\"tag\":\"A\",\"v\":true,\"q\":0}", "A@=1/B"},
    {"{\"tag\":\"A\",\"v\":null}", "A@=-/B"},
    {"{\"tag\":\"A\",\"v\":\"NaN\",\"q\":192}", "A@=-/B"},
    {"{\"tag\":\"A\",\"error\":2014}", "A@=-/B"},
    {"{\"tag\":\"A\",\"v\":1,\"q\":\"uncertain\"}", "A@=1/U"},
    {"{\"tag\":\"A\",\"v\":1,\"q\":500}", "A@=1/B"},
    {"{\"tag\":\"A\",\"v\":1,\"q\":\"stale\"}", "A@=1/B"},
    {"{\"tag\":\"\\u6e29\\u5ea6\",\"v\":1}", "温度@=1/G"},
    {"{\"tag\":\"温度\",\"v\":1}", "温度@=1/G"},
    {"{\"tag\":\"a\\\"\\\\\\/\\ud83d\\ude00\",\"v\":1}", "a\"\\/😀@=1/G"},
    {"{\"\\u0074ag\":\"A\",\"v\":1}", "A@=1/G"},
    {"{\"tag\":\"A\",\"v\":1,\"x\":{\"y\":[1,{\"z\":\"a\"}],\"w\":null},\"u\":false}", "A@=1/G"},
    // arrays
    {"[{\"tag\":\"A\",\"v\":1},{\"tag\":\"A\",\"v\":2}]", "A@=1/G A@=2/G"},
    {"[{\"tagname\":\"C.D.42\",\"timestamp\":1651604184861,\"value\":1291}]",
     "C.D.42@1651604184861=1291/G"},
    // batch; the outer time and quality hold where a reading has none
    {"{\"values\":[{\"tag\":\"A\",\"v\":1,\"t\":7,\"q\":192},{\"tag\":\"B\",\"v\":2}],\"t\":5,"
     "\"q\":64}",
     "A@7=1/G B@5=2/U"},
    {"{\"timestamp\":1,\"node\":\"m\",\"tags\":[{\"name\":\"a\",\"value\":3},{\"name\":\"b\","
     "\"error\":9}]}",
     "a@1=3/G b@1=-/B"},
    // values
    {"{\"timestamp\":1650006388943,\"node\":\"m\",\"group\":\"g\",\"values\":{\"tag0\":123},"
     "\"errors\":{\"tag1\":2014},\"metas\":{}}",
     "tag0@1650006388943=123/G tag1@1650006388943=-/B"},
    {"{\"values\":{\"A\":1,\"tag\":2,\"t\":3}}", "A@=1/G tag@=2/G t@=3/G"},
    {"[{\"ts\":1,\"values\":{\"A\":1}},{\"ts\":2,\"values\":{\"A\":2}}]", "A@1=1/G A@2=2/G"},
    // rows
    {"{\"tag\":\"X\",\"rows\":[[1,2.5,192],[2,3,0],[3,4]]}", "X@1=2.5/G X@2=3/B X@3=4/G"},
    {"{\"rows\":[[null,2.5]],\"tag\":\"X\",\"t\":9}", "X@9=2.5/G"},
};

static const struct scan_case refused[] = {
    {"", "!unexpected end@0"},
    {"  ", "!unexpected end@2"},
    {"{\"tag\":\"A\",\"v\":1", "!unexpected end@16"},
    {"{\"tag\":\"A\",\"v\":", "!unexpected end@15"},
    {"{\"tag\":\"A", "!unexpected end@9"},
    {"{\"tag\":\"A\\", "!unexpected end@10"},
    {"{\"tag\":\"A\\u12", "!unexpected end@13"},
    {"[", "!unexpected end@1"},
    {"[{\"tag\":\"A\",\"v\":1},", "!unexpected end@19"},
    {"{\"tag\":\"A\",\"v\":tru", "!unexpected end@18"},
    {"{\"tag\":\"A\",\"v\":1} x", "!bytes after the end@18"},
    {"{\"tag\":\"A\",\"v\":1}{}", "!bytes after the end@17"},
    {"{\"tag\":\"A\",\"tag\":\"A\",\"v\":1}", "!duplicate key@11"},
    {"{\"tag\":\"A\",\"name\":\"B\",\"v\":1}", "!duplicate key@11"},
    {"{\"tag\":\"A\",\"\\u0074ag\":\"B\",\"v\":1}", "!duplicate key@11"},
    {"{\"tag\":\"A\",\"v\":1,\"value\":2}", "!duplicate key@17"},
    {"{\"tag\":\"A\",\"v\":1,\"x\":1,\"x\":2}", "!duplicate key@23"},
    {"{\"tag\":\"A\",\"v\":1,\"x\":{\"y\":1,\"y\":2}}", "!duplicate key@28"},
    {"{\"values\":{\"A\":1,\"A\":2}}", "!duplicate key@17"},
    {"{\"values\":{\"A\":1,\"\\u0041\":2}}", "!duplicate key@17"},
    {"{\"values\":{\"A\":1},\"errors\":{\"A\":2}}", "!duplicate key@28"},
    {"{\"tag\":\"A\",\"v\":NaN}", "!not JSON@15"},
    {"{\"tag\":\"A\",\"v\":Infinity}", "!not JSON@15"},
    {"{\"tag\":\"A\",\"v\":-Infinity}", "!malformed number@16"},
    {"{\"tag\":\"A\",\"v\":1e999}", "!number out of range@15"},
    {"{\"tag\":\"A\",\"v\":1,\"x\":-1e999}", "!number out of range@21"},
    {"{\"tag\":\"A\",\"v\":01}", "!malformed number@15"},
    {"{\"tag\":\"A\",\"v\":-01}", "!malformed number@16"},
    {"{\"tag\":\"A\",\"v\":1.}", "!malformed number@17"},
    {"{\"tag\":\"A\",\"v\":.5}", "!not JSON@15"},
    {"{\"tag\":\"A\",\"v\":+1}", "!not JSON@15"},
    {"{\"tag\":\"A\",\"v\":1e}", "!malformed number@17"},
    {"{\"tag\":\"A\",\"v\":0x10}", "!not JSON@16"},
    {"{\"tag\":\"A\",\"v\":\"1\"}", "!wrong type@15"},
    {"{\"tag\":\"A\",\"v\":[1]}", "!wrong type@15"},
    {"{\"tag\":\"A\",\"v\":{}}", "!wrong type@15"},
    {"{\"tag\":1,\"v\":1}", "!wrong type@7"},
    {"{\"tag\":null,\"v\":1}", "!wrong type@7"},
    {"{\"tag\":\"A\",\"v\":1,\"t\":[]}", "!wrong type@21"},
    {"{\"tag\":\"A\",\"v\":1,\"t\":true}", "!wrong type@21"},
    {"{\"tag\":\"A\",\"v\":1,\"q\":{}}", "!wrong type@21"},
    {"{\"values\":1}", "!wrong type@10"},
    {"{\"tag\":\"A\",\"rows\":{}}", "!wrong type@18"},
    {"{\"tag\":\"A\",\"rows\":[1]}", "!wrong type@19"},
    {"{\"values\":[1]}", "!wrong type@11"},
    {"[1]", "!wrong type@1"},
    {"{\"tag\":\"A\",\"v\":1,\"t\":-5}", "!malformed time@21"},
    {"{\"tag\":\"A\",\"v\":1,\"t\":4102444800001}", "!malformed time@21"},
    {"{\"tag\":\"A\",\"v\":1,\"t\":\"2014-02-30T00:00:00Z\"}", "!malformed time@21"},
    {"{\"tag\":\"A\",\"v\":1,\"t\":\"2014-07-11T15:26:37\"}", "!malformed time@21"},
    {"{\"tag\":\"\",\"v\":1}", "!tag name empty or too long@7"},
    {"{\"v\":1}", "!reading without a tag@0"},
    {"{\"tag\":\"A\"}", "!reading without a value@0"},
    {"{\"rows\":[[1,2]]}", "!reading without a tag@0"},
    {"{\"tag\":\"A\",\"rows\":[[]]}", "!reading without a value@21"},
    {"{\"tag\":\"A\",\"rows\":[[1]]}", "!reading without a value@22"},
    {"{\"tag\":\"A\",\"rows\":[[1,2,192,3]]}", "!not JSON@27"},
    {"{\"tag\":\"A\",\"v\":1,\"values\":{\"B\":1}}", "!two shapes in one object@17"},
    {"{\"values\":{\"B\":1},\"tag\":\"A\",\"v\":1}", "!two shapes in one object@0"},
    {"{\"values\":[{\"tag\":\"A\",\"values\":[]}]}", "!two shapes in one object@22"},
    {"{\"tag\":\"A\",\"rows\":[[1,2]],\"values\":{\"B\":1}}", "!two shapes in one object@0"},
    {"{}", "!reading without a value@0"},
    {"[]", "!no reading@2"},
    {"{\"values\":{}}", "!no reading@13"},
    {"{\"values\":[]}", "!no reading@13"},
    {"{\"tag\":\"A\\u0000\",\"v\":1}", "!NUL character@11"},
    {"{\"tag\":\"A\\ud800\",\"v\":1}", "!not UTF-8@15"},
    {"{\"tag\":\"A\\udc00\",\"v\":1}", "!not UTF-8@15"},
    {"{\"tag\":\"A\\ud800\\u0041\",\"v\":1}", "!not UTF-8@15"},
    {"{\"tag\":\"A\\x\",\"v\":1}", "!control character or bad escape in a string@10"},
    {"{\"tag\":\"A\n\",\"v\":1}", "!control character or bad escape in a string@9"},
    {"{\"tag\":\"\xc3(\",\"v\":1}", "!not UTF-8@8"},
    {"{\"tag\":\"\xed\xa0\x80\",\"v\":1}", "!not UTF-8@8"},
    {"{\"tag\":\"A\",\"v\":1,}", "!not JSON@17"},
    {"{\"tag\":\"A\" \"v\":1}", "!not JSON@11"},
    {"{tag:\"A\",\"v\":1}", "!not JSON@1"},
    {"\"text\"", "!not the shape of this mapping@0"},
    {"12.5", "!not the shape of this mapping@0"},
    {"null", "!not the shape of this mapping@0"},
    {"nul", "!unexpected end@3"},
    {"hello", "!not JSON@0"},
    {"{\"tag\":\"A\",\"v\":1,\"x\":[[[[[[[[1]]]]]]]]}", "!nested too deep@28"},
    {"\xef\xbb\xbf{\"tag\":\"A\",\"v\":1}", "!not JSON@0"},
};

static void payloads_are_read_as_the_header_says(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        assert_string_equal(scan_text(accepted[i].json), accepted[i].expected);
    }
}

static void bad_payloads_say_where_and_why(void **state) {
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        const char *got = scan_text(refused[i].json);
        if (strcmp(got, refused[i].expected) != 0) {
            print_error("%s gives %s, expected %s\n", refused[i].json, got, refused[i].expected);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

// Every cut of a good payload is refused, and no reading comes out.
static void every_truncation_is_refused(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        size_t len = strlen(accepted[i].json);
        while (len > 0 && accepted[i].json[len - 1] == ' ') {
            len--;
        }
        static const struct feed_rules rules;
        for (size_t cut = 0; cut < len; cut++) {
            assert_int_equal(scan_bytes(&rules, accepted[i].json, cut)[0], '!');
        }
    }
}

static void nul_bytes_are_refused(void **state) {
    (void)state;
    static const struct feed_rules rules;
    static const char trailing[] = "{\"tag\":\"A\",\"v\":1}\0";
    static const char inside[] = "{\"tag\":\"A\0\",\"v\":1}";
    assert_string_equal(scan_bytes(&rules, trailing, sizeof trailing - 1),
                        "!bytes after the end@17");
    assert_string_equal(scan_bytes(&rules, inside, sizeof inside - 1), "!NUL character@9");
    assert_string_equal(scan_bytes(&rules, "\0", 1), "!NUL character@0");
}

static void a_bad_reading_spoils_the_whole_payload(void **state) {
    (void)state;
    assert_string_equal(
        scan_text("{\"values\":[{\"tag\":\"A\",\"v\":1},{\"tag\":\"B\",\"v\":\"x\"}]}"),
        "!wrong type@44");
}

// `count` singles in an array.
static char *many(uint32_t count) {
    static const char one[] = "{\"tag\":\"A\",\"v\":1},";
    size_t len = sizeof one - 1;
    char *json = malloc(count * len + 3);
    json[0] = '[';
    for (uint32_t i = 0; i < count; i++) {
        memcpy(json + 1 + i * len, one, len);
    }
    memcpy(json + count * len, "]", 2);
    return json;
}

static void counts_and_sizes_have_limits(void **state) {
    (void)state;
    const struct feed_rules rules = {.form = FEED_AUTO};
    const struct feed_reading *readings = NULL;
    uint32_t count = 0;
    struct feed_error error;
    char *full = many(LIMIT_TELEMETRY_READINGS);
    char *over = many(LIMIT_TELEMETRY_READINGS + 1);
    assert_int_equal(feed_scan(scanner, &rules, slice_text(full), &readings, &count, &error),
                     RC_OK);
    assert_int_equal(count, LIMIT_TELEMETRY_READINGS);
    assert_int_equal(feed_scan(scanner, &rules, slice_text(over), &readings, &count, &error),
                     RC_TOO_LARGE);
    assert_int_equal(error.fault, FEED_FAULT_COUNT);
    free(full);
    free(over);

    char *huge = malloc(LIMIT_TELEMETRY_BYTES + 1);
    memset(huge, ' ', LIMIT_TELEMETRY_BYTES + 1);
    memcpy(huge, "{\"tag\":\"A\",\"v\":1}", 17);
    assert_int_equal(
        feed_scan(scanner, &rules, slice_of(huge, LIMIT_TELEMETRY_BYTES), &readings, &count, NULL),
        RC_OK);
    assert_int_equal(feed_scan(scanner, &rules, slice_of(huge, LIMIT_TELEMETRY_BYTES + 1),
                               &readings, &count, &error),
                     RC_TOO_LARGE);
    assert_int_equal(error.fault, FEED_FAULT_SIZE);
    free(huge);
}

static void bombs_of_brackets_and_keys_are_refused(void **state) {
    (void)state;
    const struct feed_rules rules = {.form = FEED_AUTO};
    char *bomb = malloc(100000);
    memset(bomb, '[', 100000);
    assert_string_equal(scan_bytes(&rules, bomb, 100000), "!wrong type@1");
    memcpy(bomb, "{\"x\":", 5);
    assert_string_equal(scan_bytes(&rules, bomb, 100000), "!nested too deep@12");
    size_t len = 1;
    bomb[0] = '{';
    for (int i = 0; i < 20; i++) {
        len += (size_t)snprintf(bomb + len, 100, "\"k%d\":1,", i);
    }
    memcpy(bomb + len, "\"tag\":\"A\",\"v\":1}", 17);
    assert_string_equal(scan_bytes(&rules, bomb, strlen(bomb)), "!too many unknown keys@119");
    free(bomb);
}

static void long_tag_names_are_refused(void **state) {
    (void)state;
    char json[256];
    snprintf(json, sizeof json, "{\"tag\":\"%064d\",\"v\":1}", 7);
    assert_int_equal(scan_text(json)[0], '0');
    snprintf(json, sizeof json, "{\"tag\":\"%065d\",\"v\":1}", 7);
    assert_string_equal(scan_text(json), "!tag name empty or too long@7");
    snprintf(json, sizeof json, "{\"values\":{\"%065d\":1}}", 7);
    assert_string_equal(scan_text(json), "!tag name empty or too long@11");
}

// The names of one object: the duplicate check must see a pair among thousands.
static void a_duplicate_among_thousands_is_found(void **state) {
    (void)state;
    char *json = malloc(LIMIT_TELEMETRY_BYTES);
    size_t len = (size_t)snprintf(json, 64, "{\"values\":{");
    for (int i = 0; i < 4000; i++) {
        len += (size_t)snprintf(json + len, 64, "\"tag-%d\":%d,", i, i);
    }
    size_t before_last = len;
    memcpy(json + len - 1, "}}", 3);
    const struct feed_rules rules = {.form = FEED_AUTO};
    const struct feed_reading *readings = NULL;
    uint32_t count = 0;
    struct feed_error error;
    assert_int_equal(feed_scan(scanner, &rules, slice_text(json), &readings, &count, NULL), RC_OK);
    assert_int_equal(count, 4000);
    assert_int_equal(readings[3999].value, 3999);
    snprintf(json + before_last - 1, 64, ",\"tag-17\":1}}");
    assert_int_equal(feed_scan(scanner, &rules, slice_text(json), &readings, &count, &error),
                     RC_INVALID);
    assert_int_equal(error.fault, FEED_FAULT_DUPLICATE);
    assert_int_equal(error.position, before_last);
    free(json);
}

static void rules_choose_form_time_quality_and_sentinels(void **state) {
    (void)state;
    struct feed_rules rules = {.form = FEED_SCALAR, .tag_optional = true};
    assert_string_equal(scan_bytes(&rules, " 32.5 ", 6), "@=32.5/G");
    assert_string_equal(scan_bytes(&rules, "null", 4), "@=-/B");
    assert_string_equal(scan_bytes(&rules, "{}", 2), "!wrong type@0");
    assert_string_equal(scan_bytes(&rules, "1 2", 3), "!bytes after the end@2");
    rules = (struct feed_rules){.form = FEED_BATCH};
    const char *single = "{\"tag\":\"A\",\"v\":1}";
    assert_string_equal(scan_bytes(&rules, single, strlen(single)),
                        "!not the shape of this mapping@0");
    rules = (struct feed_rules){.time_unit = FEED_TIME_S};
    const char *seconds = "{\"tag\":\"A\",\"v\":1,\"t\":1688606685.25}";
    assert_string_equal(scan_bytes(&rules, seconds, strlen(seconds)), "A@1688606685250=1/G");
    rules.time_unit = FEED_TIME_US;
    const char *micros = "{\"tag\":\"A\",\"v\":1,\"t\":1688606685000500}";
    assert_string_equal(scan_bytes(&rules, micros, strlen(micros)), "A@1688606685001=1/G");
    rules.time_unit = FEED_TIME_RECEIVE;
    assert_string_equal(scan_bytes(&rules, micros, strlen(micros)), "A@=1/G");
    rules = (struct feed_rules){.word_count = 2,
                                .words = {{"0", FEED_GOOD}, {"maybe", FEED_UNCERTAIN}},
                                .sentinel_count = 1,
                                .sentinels = {9999.9999}};
    const char *zero = "[{\"tag\":\"A\",\"v\":1,\"q\":0},{\"tag\":\"A\",\"v\":1,\"q\":\"maybe\"},"
                       "{\"tag\":\"A\",\"v\":1,\"q\":192},{\"tag\":\"A\",\"v\":9999.9999,\"q\":0}]";
    assert_string_equal(scan_bytes(&rules, zero, strlen(zero)), "A@=1/G A@=1/U A@=1/B A@=-/B");
}

// Against strtod, bit by bit: random digits and exponents, and the cases where rounding is hard.
static void numbers_are_correctly_rounded(void **state) {
    (void)state;
    static const char *const hard[] = {
        "9007199254740993",
        "9007199254740992.5",
        "1e22",
        "1e23",
        "123456789012345678",
        "0.1",
        "2.2250738585072011e-308",
        "5e-324",
        "1.7976931348623157e308",
        "8.41e21",
        "9.5367431640625e-7",
        "0.000000000000000000000000000001",
        "1e-999",
        "1234567890123456789012345678901234567890e-30",
    };
    static const struct feed_rules rules = {.form = FEED_SCALAR, .tag_optional = true};
    char text[80];
    uint64_t random = 88172645463325252u;
    for (size_t i = 0; i < 20000; i++) {
        if (i < sizeof hard / sizeof hard[0]) {
            snprintf(text, sizeof text, "%s", hard[i]);
        } else {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            uint64_t digits = random >> (random % 50);
            snprintf(text, sizeof text, "%s%llu.%llue%d", (random & 1) != 0 ? "-" : "",
                     (unsigned long long)(digits % 1000000000),
                     (unsigned long long)(digits / 1000000000), (int)(random % 61) - 30);
        }
        const struct feed_reading *readings = NULL;
        uint32_t count = 0;
        assert_int_equal(feed_scan(scanner, &rules, slice_text(text), &readings, &count, NULL),
                         RC_OK);
        double expected = strtod(text, NULL);
        assert_memory_equal(&readings[0].value, &expected, sizeof expected);
    }
}

static void times_of_iso_8601(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool zone_needed;
        int64_t ms; // -1: refused
    } cases[] = {
        {"1970-01-01T00:00:00Z", true, 0},
        {"2000-02-29T12:00:00Z", true, 951825600000},
        {"2024-12-31T23:59:60Z", true, 1735689600000},
        {"2099-12-31T23:59:59.999Z", true, 4102444799999},
        {"2013-12-02 21:15:00", false, 1386018900000},
        {"2013-12-02 21:15:00", true, -1},
        {"2013-12-02T21:15:00+0800", true, 1385990100000},
        {"2013-12-02T21:15:00-03", true, 1386029700000},
        {"2023-02-29T00:00:00Z", true, -1},
        {"2023-13-01T00:00:00Z", true, -1},
        {"2023-01-01T24:00:00Z", true, -1},
        {"1969-12-31T23:59:59Z", true, -1},
        {"1970-01-01T00:00:00+01:00", true, -1},
        {"2023-01-01T00:00:00.Z", true, -1},
        {"2023-01-01T00:00:00Zx", true, -1},
        {"2023-01-01", false, -1},
        {"", false, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct utc_ms time = {-1};
        enum rc rc = feed_time_parse(slice_text(cases[i].text), cases[i].zone_needed, &time);
        assert_int_equal(rc, cases[i].ms < 0 ? RC_INVALID : RC_OK);
        assert_int_equal(time.v, cases[i].ms);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payloads_are_read_as_the_header_says),
        cmocka_unit_test(bad_payloads_say_where_and_why),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(nul_bytes_are_refused),
        cmocka_unit_test(a_bad_reading_spoils_the_whole_payload),
        cmocka_unit_test(counts_and_sizes_have_limits),
        cmocka_unit_test(bombs_of_brackets_and_keys_are_refused),
        cmocka_unit_test(long_tag_names_are_refused),
        cmocka_unit_test(a_duplicate_among_thousands_is_found),
        cmocka_unit_test(rules_choose_form_time_quality_and_sentinels),
        cmocka_unit_test(numbers_are_correctly_rounded),
        cmocka_unit_test(times_of_iso_8601),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
