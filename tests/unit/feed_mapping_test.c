#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "davy/feed/mapping.h"

static struct feed *feed_of(const struct feed_mapping_text *texts, uint32_t count) {
    struct feed *feed = NULL;
    struct feed_mapping_fault fault = {NULL, NULL};
    uint32_t index = 0;
    enum rc rc = feed_new(texts, count, 7, &feed, &index, &fault);
    if (rc != RC_OK) {
        print_error("mapping %u, %s: %s\n", index, fault.field, fault.reason);
    }
    assert_int_equal(rc, RC_OK);
    return feed;
}

// "mapping: tag=value tag=value", or "!fault".
static const char *read_text(struct feed *feed, const char *topic, const char *payload) {
    static char out[512];
    struct feed_batch batch = {NULL, 0, 0};
    struct feed_error error = {FEED_OK, 0};
    enum rc rc = feed_read(feed, slice_text(topic), slice_text(payload), &batch, &error);
    if (rc != RC_OK) {
        assert_int_equal(batch.count, 0);
        assert_int_equal(rc == RC_NOT_FOUND, error.fault == FEED_FAULT_TOPIC);
        snprintf(out, sizeof out, "!%s", feed_fault_text(error.fault));
        return out;
    }
    size_t at = (size_t)snprintf(out, sizeof out, "%u:", batch.mapping);
    for (uint32_t i = 0; i < batch.count; i++) {
        at +=
            (size_t)snprintf(out + at, sizeof out - at, " %.*s=%g", (int)batch.readings[i].tag.len,
                             (const char *)batch.readings[i].tag.data, batch.readings[i].value);
    }
    return out;
}

static void topics_choose_the_mapping_and_name_the_tag(void **state) {
    (void)state;
    static const struct feed_mapping_text texts[] = {
        {.topic = "plant/{line}/{tag}", .form = "scalar"},
        {.topic = "/neuron/{app}/upload", .tag = "{app}.{key}", .form = "values"},
        {.topic = "gw/+/data/#"},
        {.topic = "plant/{line}/{tag}/row", .form = "rows", .tag = "{line}-{tag}"},
    };
    struct feed *feed = feed_of(texts, 4);
    assert_int_equal(feed_mapping_count(feed), 4);
    assert_string_equal(feed_mapping_filter(feed, 0), "plant/+/+");
    assert_string_equal(feed_mapping_filter(feed, 1), "/neuron/+/upload");
    assert_string_equal(feed_mapping_filter(feed, 2), "gw/+/data/#");

    assert_string_equal(read_text(feed, "plant/a/TI-1", "3.5"), "0: TI-1=3.5");
    assert_string_equal(read_text(feed, "/neuron/m1/upload", "{\"values\":{\"A\":1,\"B\":2}}"),
                        "1: m1.A=1 m1.B=2");
    assert_string_equal(read_text(feed, "gw/7/data", "{\"tag\":\"X\",\"v\":4}"), "2: X=4");
    assert_string_equal(read_text(feed, "gw/7/data/deep/er", "{\"tag\":\"X\",\"v\":4}"), "2: X=4");
    assert_string_equal(read_text(feed, "plant/a/T/row", "{\"rows\":[[1,2],[2,3]]}"),
                        "3: a-T=2 a-T=3");

    static const char *const unknown[] = {"",
                                          "plant",
                                          "plant/a",
                                          "plant//T",
                                          "plant/a/",
                                          "plant/a/T/x",
                                          "neuron/m1/upload",
                                          "gw/data",
                                          "x/plant/a/T",
                                          "/neuron//upload"};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_string_equal(read_text(feed, unknown[i], "1"), "!no mapping for this topic");
    }
    feed_free(feed);
}

static void the_first_mapping_wins(void **state) {
    (void)state;
    static const struct feed_mapping_text texts[] = {
        {.topic = "a/b", .form = "scalar", .tag = "one"},
        {.topic = "a/+", .form = "scalar", .tag = "other"},
    };
    struct feed *feed = feed_of(texts, 2);
    assert_string_equal(read_text(feed, "a/b", "1"), "0: one=1");
    assert_string_equal(read_text(feed, "a/c", "1"), "1: other=1");
    feed_free(feed);
}

// Readings that would all become one tag are a wrong mapping, not a value.
static void two_names_never_become_one_tag(void **state) {
    (void)state;
    static const struct feed_mapping_text texts[] = {{.topic = "a/{tag}"}};
    struct feed *feed = feed_of(texts, 1);
    assert_string_equal(read_text(feed, "a/T", "{\"v\":1}"), "0: T=1");
    assert_string_equal(read_text(feed, "a/T", "[{\"v\":1},{\"v\":2}]"), "0: T=1 T=2");
    assert_string_equal(read_text(feed, "a/T", "{\"values\":{\"x\":1,\"y\":2}}"),
                        "!not the shape of this mapping");
    feed_free(feed);
}

static void a_composed_name_has_a_limit(void **state) {
    (void)state;
    static const struct feed_mapping_text texts[] = {{.topic = "a/{b}", .tag = "{b}/{key}"}};
    struct feed *feed = feed_of(texts, 1);
    char topic[80];
    snprintf(topic, sizeof topic, "a/%062d", 0);
    assert_int_equal(read_text(feed, topic, "{\"tag\":\"X\",\"v\":1}")[0], '0');
    snprintf(topic, sizeof topic, "a/%063d", 0);
    assert_string_equal(read_text(feed, topic, "{\"tag\":\"X\",\"v\":1}"),
                        "!tag name empty or too long");
    feed_free(feed);
}

static void words_and_sentinels_of_a_mapping_hold(void **state) {
    (void)state;
    static const struct feed_mapping_text texts[] = {{.topic = "a",
                                                      .good = "0 ok",
                                                      .uncertain = "1",
                                                      .bad_values = "9999.9999 -1e3",
                                                      .time = "s"}};
    struct feed *feed = feed_of(texts, 1);
    static const struct {
        const char *payload;
        enum feed_quality quality;
    } cases[] = {
        {"{\"tag\":\"A\",\"v\":1,\"q\":0}", FEED_GOOD},
        {"{\"tag\":\"A\",\"v\":1,\"q\":\"ok\"}", FEED_GOOD},
        {"{\"tag\":\"A\",\"v\":1,\"q\":1}", FEED_UNCERTAIN},
        {"{\"tag\":\"A\",\"v\":1,\"q\":192}", FEED_BAD},
        {"{\"tag\":\"A\",\"v\":9999.9999,\"q\":0}", FEED_BAD},
        {"{\"tag\":\"A\",\"v\":-1000,\"q\":0}", FEED_BAD},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct feed_batch batch;
        assert_int_equal(
            feed_read(feed, slice_text("a"), slice_text(cases[i].payload), &batch, NULL), RC_OK);
        assert_int_equal(batch.readings[0].quality, cases[i].quality);
    }
    feed_free(feed);
}

static void bad_mappings_name_their_field(void **state) {
    (void)state;
    static const struct {
        struct feed_mapping_text text;
        const char *field;
    } cases[] = {
        {{.topic = NULL}, "topic"},
        {{.topic = ""}, "topic"},
        {{.topic = "a/#/b"}, "topic"},
        {{.topic = "a/b+"}, "topic"},
        {{.topic = "a/{b"}, "topic"},
        {{.topic = "a/x{b}"}, "topic"},
        {{.topic = "a/{}"}, "topic"},
        {{.topic = "a/{B}"}, "topic"},
        {{.topic = "a/{key}"}, "topic"},
        {{.topic = "{a}/{a}"}, "topic"},
        {{.topic = "1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"}, "topic"},
        {{.topic = "a\x1b[2J"}, "topic"},
        {{.topic = "a", .tag = "{b}"}, "tag"},
        {{.topic = "a", .tag = "{key"}, "tag"},
        {{.topic = "a", .tag = "key}"}, "tag"},
        {{.topic = "a", .form = "scalar"}, "tag"},
        {{.topic = "a/{tag}", .form = "values"}, "tag"},
        {{.topic = "a", .form = "xml"}, "form"},
        {{.topic = "a", .time = "h"}, "time"},
        {{.topic = "a", .good = "1 2", .bad = "2"}, "bad"},
        {{.topic = "a", .uncertain = "1 2 3 4 5 6 7 8 9"}, "uncertain"},
        {{.topic = "a", .good = "0123456789012345678901234"}, "good"},
        {{.topic = "a", .bad_values = "1 x"}, "bad_values"},
        {{.topic = "a", .bad_values = "1e999"}, "bad_values"},
        {{.topic = "a", .bad_values = "1 2 3 4 5 6 7 8 9"}, "bad_values"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct feed_mapping_fault fault = {"", ""};
        assert_int_equal(feed_mapping_check(&cases[i].text, &fault), RC_INVALID);
        assert_string_equal(fault.field, cases[i].field);
        assert_true(strlen(fault.reason) > 0);
    }
}

static void the_wrong_one_of_several_is_named(void **state) {
    (void)state;
    static const struct feed_mapping_text texts[] = {
        {.topic = "a/{x}", .tag = "{key}"}, {.topic = "b"}, {.topic = "a/+"}};
    struct feed *feed = NULL;
    struct feed_mapping_fault fault = {NULL, NULL};
    uint32_t index = 9;
    assert_int_equal(feed_new(texts, 3, 7, &feed, &index, &fault), RC_INVALID);
    assert_null(feed);
    assert_int_equal(index, 2);
    assert_string_equal(fault.field, "topic");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_choose_the_mapping_and_name_the_tag),
        cmocka_unit_test(the_first_mapping_wins),
        cmocka_unit_test(two_names_never_become_one_tag),
        cmocka_unit_test(a_composed_name_has_a_limit),
        cmocka_unit_test(words_and_sentinels_of_a_mapping_hold),
        cmocka_unit_test(bad_mappings_name_their_field),
        cmocka_unit_test(the_wrong_one_of_several_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
