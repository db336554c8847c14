// Rows as aligned text and as JSON, times and numbers as people give them.
#include "cli_util.h"

#include <locale.h>
#include <math.h>
#include <time.h>

static const struct cli_column columns[] = {
    {"name", "Name", false},
    {"count", "Count", true},
    {"only_json", NULL, false},
    {NULL, "Note", false},
};

struct captured {
    struct cli cli;
    char *out;
    size_t bytes;
};

static void capture(struct captured *captured, bool json) {
    *captured = (struct captured){.cli = {.json = json}};
    captured->cli.io.out = open_memstream(&captured->out, &captured->bytes);
    captured->cli.io.err = captured->cli.io.out;
    assert_non_null(captured->cli.io.out);
}

static void put(struct cli_list *list, const char *name, uint64_t count, const char *note) {
    list_text(list, name);
    list_uint(list, count);
    list_bool(list, true, "");
    list_text(list, note);
    list_row(list);
}

static void fill(struct captured *captured, struct cli_list *list) {
    list_start(list, &captured->cli, columns, COUNT_OF(columns));
    put(list, "李伟", 7, "x");
    put(list, "abc\033[2J\xe2\x80\xae", 1234567, "");
}

static void expect(struct captured *captured, const char *text) {
    assert_int_equal(fclose(captured->cli.io.out), 0);
    assert_string_equal(captured->out, text);
    free(captured->out);
}

// Columns count cells of the terminal: two for a hanzi. No blanks at a line's end, no escapes.
static void test_table(void **state) {
    (void)state;
    struct captured captured;
    struct cli_list list;
    capture(&captured, false);
    fill(&captured, &list);
    assert_int_equal(list_finish(&list), CLI_OK);
    expect(&captured, "Name       Count  Note\n"
                      "李伟           7  x\n"
                      "abc [2J  1234567\n");
}

static void test_json(void **state) {
    (void)state;
    struct captured captured;
    struct cli_list list;
    capture(&captured, true);
    fill(&captured, &list);
    assert_int_equal(list_finish(&list), CLI_OK);
    expect(&captured, "{\"name\":\"李伟\",\"count\":7,\"only_json\":true}\n"
                      "{\"name\":\"abc\\u001b[2J\\u202e\",\"count\":1234567,\"only_json\":true}\n");
}

static void test_form(void **state) {
    (void)state;
    struct captured captured;
    struct cli_list list;
    capture(&captured, false);
    list_start(&list, &captured.cli, columns, COUNT_OF(columns));
    list_text(&list, "a");
    list_null(&list);
    list_null(&list);
    list_text(&list, "");
    list_row(&list);
    assert_int_equal(list_finish_form(&list), CLI_OK);
    expect(&captured, "Name   a\n");
}

static void test_no_rows(void **state) {
    (void)state;
    struct captured captured;
    struct cli_list list;
    capture(&captured, false);
    list_start(&list, &captured.cli, columns, COUNT_OF(columns));
    assert_int_equal(list_finish(&list), CLI_OK);
    expect(&captured, "");
}

static void number_json(double value, char out[static 64]) {
    static const struct cli_column one[] = {{"v", "V", true}};
    struct captured captured;
    struct cli_list list;
    capture(&captured, true);
    list_start(&list, &captured.cli, one, 1);
    list_number(&list, value);
    list_row(&list);
    assert_int_equal(list_finish(&list), CLI_OK);
    assert_int_equal(fclose(captured.cli.io.out), 0);
    (void)snprintf(out, 64, "%s", captured.out);
    free(captured.out);
}

// Shortest form that reads back as the same double; what is no number is null.
static void test_numbers(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *json;
    } rows[] = {{0.1, "{\"v\":0.1}\n"},
                {2810, "{\"v\":2810}\n"},
                {2759.5, "{\"v\":2759.5}\n"},
                {-0.0, "{\"v\":0}\n"},
                {1.0 / 3, "{\"v\":0.3333333333333333}\n"},
                {5e-324, "{\"v\":4.9406564584124654e-324}\n"},
                {NAN, "{\"v\":null}\n"},
                {INFINITY, "{\"v\":null}\n"}};
    char json[64];
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        number_json(rows[i].value, json);
        assert_string_equal(json, rows[i].json);
    }
}

static void test_times(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t utc; // -1: no time
    } rows[] = {
        {"now", 1790000000000},
        {"-0s", 1790000000000},
        {"-90m", 1790000000000 - 5400000},
        {"-24h", 1790000000000 - 86400000},
        {"-7d", 1790000000000 - 604800000},
        {"2026-11-24T08:00:00Z", 1795507200000},
        {"2026-11-24T16:00:00+08:00", 1795507200000},
        {"2026-11-24 16:00", 1795507200000}, // local: TZ is eight hours ahead
        {"2026-11-24 16:00:30", 1795507230000},
        {"2026-11-24T16:00", 1795507200000},
        {"2026-11-24", 1795449600000},
        {"", -1},
        {"-", -1},
        {"-m", -1},
        {"-1", -1},
        {"-1y", -1},
        {"-1hh", -1},
        {"--1h", -1},
        {"-99999999999999999999s", -1},
        {"yesterday", -1},
        {"2026-13-24", -1},
        {"2026-11-24 25:00", -1},
        {"2026-11-24 16:00:30.5", -1},
        {"1790000000000", -1},
        {"2026-11-24 16:00 and more text than any time has", -1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct utc_ms time = {-7};
        enum rc rc = cli_time_parse(rows[i].text, (struct utc_ms){1790000000000}, &time);
        if ((rc == RC_OK) != (rows[i].utc >= 0) || (rc == RC_OK && time.v != rows[i].utc)) {
            print_error("%s: %d %lld\n", rows[i].text, rc, (long long)time.v);
            fail();
        }
    }
    char shown[CLI_TIME_BYTES];
    assert_string_equal(cli_local_time((struct utc_ms){1795507230000}, shown),
                        "2026-11-24 16:00:30");
}

static void test_brokers(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *host; // NULL: refused
        uint16_t port;
    } rows[] = {
        {"127.0.0.1:1883", "127.0.0.1", 1883},
        {"localhost:65535", "localhost", 65535},
        {"[::1]:1883", "::1", 1883},
        {"127.0.0.1", NULL, 0},
        {":1883", NULL, 0},
        {"[]:1883", NULL, 0},
        {"127.0.0.1:", NULL, 0},
        {"127.0.0.1:0", NULL, 0},
        {"127.0.0.1:65536", NULL, 0},
        {"127.0.0.1:18a", NULL, 0},
        {"", NULL, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char host[LIMIT_TAG_BYTES + 1] = "";
        uint16_t port = 0;
        bool ok = cli_broker_parse(rows[i].text, host, &port);
        assert_int_equal(ok, rows[i].host != NULL);
        if (ok) {
            assert_string_equal(host, rows[i].host);
            assert_int_equal(port, rows[i].port);
        }
    }
}

static void test_pins(void **state) {
    (void)state;
    static const struct {
        const char *pin;
        bool demo;
        enum refusal_code refused;
    } rows[] = {
        {"90817263", false, REFUSAL_NONE},
        {"9081726", false, REFUSAL_PIN_SHORT},
        {"", false, REFUSAL_PIN_SHORT},
        {"9081726x", false, REFUSAL_PIN_SHORT},
        {"13572468", false, REFUSAL_PIN_DEMO},
        {"24681357", false, REFUSAL_PIN_DEMO},
        {"11111111", false, REFUSAL_PIN_DEMO},
        {"24681357", true, REFUSAL_NONE},
        {"123456789012345678901234567890123", false, REFUSAL_PIN_SHORT},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct refusal refusal = {0};
        assert_int_equal(pin_is_fit(rows[i].pin, rows[i].demo, &refusal),
                         rows[i].refused == REFUSAL_NONE);
        assert_int_equal(refusal.code, rows[i].refused);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),   cmocka_unit_test(test_json),
        cmocka_unit_test(test_form),    cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_numbers), cmocka_unit_test(test_times),
        cmocka_unit_test(test_brokers), cmocka_unit_test(test_pins),
    };
    if (!setlocale(LC_CTYPE, "C.UTF-8") || setenv("TZ", "CST-8", 1) != 0) {
        return 1;
    }
    tzset();
    say_language("en");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
