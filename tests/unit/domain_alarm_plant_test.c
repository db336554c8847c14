#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "davy/base/ensure.h"
#include "davy/domain/alarm/plant.h"

static const char whole[] =
    "{\"meta\":{\"title\":\"t\",\"replay_sample_interval_s\":180,\"x\":{\"y\":[1]}},\n"
    " \"tags\":[\n"
    "  {\"tag\":\"XMEAS08\",\"column\":8,\"name\":\"液位 level\",\"unit\":\"%\",\"nominal\":75,"
    "\"trip\":null,\"limits\":{\"HH\":{\"value\":100,\"priority\":\"high\",\"on_delay_s\":0,"
    "\"off_delay_s\":60,\"deadband\":1.06,\"basis\":\"b\"},\"LL\":{\"value\":50,\"priority\":"
    "\"high\"},\"H\":{\"value\":80.267,\"priority\":\"medium\",\"on_delay_s\":60,\"deadband\":"
    "1.06}}},\n"
    "  {\"tag\":\"T2\",\"column\":\"value\",\"limits\":{}}\n"
    " ]}\n";

static void a_plant_is_read_in_the_order_of_its_file(void **state) {
    (void)state;
    struct plant *plant = NULL;
    struct plant_error error;
    assert_int_equal(plant_parse(slice_text(whole), &plant, &error), RC_OK);
    assert_int_equal(plant->sample_s, 180);
    assert_int_equal(plant->tag_count, 2);
    const struct plant_tag *tag = &plant->tags[0];
    assert_string_equal(tag->tag, "XMEAS08");
    assert_int_equal(tag->column, 8);
    assert_int_equal(tag->limit_count, 3);
    assert_int_equal(tag->limits[0].limit, ALARM_HH);
    assert_int_equal(tag->limits[1].limit, ALARM_LL);
    assert_int_equal(tag->limits[2].limit, ALARM_H);
    assert_true(tag->limits[2].value == 80.267 && tag->limits[2].deadband == 1.06);
    assert_int_equal(tag->limits[2].on_delay_s, 60);
    assert_int_equal(tag->limits[0].off_delay_s, 60);
    assert_string_equal(tag->limits[2].priority, "medium");
    assert_true(tag->limits[1].deadband == 0);
    assert_string_equal(plant->tags[1].column_name, "value");
    assert_int_equal(plant->tags[1].column, 0);
    plant_free(plant);
}

struct plant_case {
    const char *json;
    const char *expected;
};

#define TAG(rest) "{\"tags\":[{\"tag\":\"T\",\"column\":1," rest "}]}"
#define LIMIT(rest) TAG("\"limits\":{\"H\":{" rest "}}")

static const struct plant_case refused[] = {
    {"", "p.json: is not JSON (line 1)"},
    {"{\n\"tags\":[\n}", "p.json: is not JSON (line 3)"},
    {"{\"tags\":[]} x", "p.json: is not JSON (line 1)"},
    {"[]", "p.json: must be an object"},
    {"{}", "p.json: tags: is missing"},
    {"{\"tags\":{}}", "p.json: tags: must be an array"},
    {"{\"tags\":[],\"tags\":[]}", "p.json: tags: given twice"},
    {"{\"Tags\":[]}", "p.json: Tags: unknown key"},
    {"{\"tags\":[1]}", "p.json: tags[0]: must be an object"},
    {"{\"tags\":[],\"meta\":[]}", "p.json: meta: must be an object"},
    {"{\"tags\":[],\"meta\":{\"replay_sample_interval_s\":0}}",
     "p.json: meta.replay_sample_interval_s: must be within 1 .. 86400, whole"},
    {"{\"tags\":[{\"column\":1,\"limits\":{}}]}", "p.json: tags[0], tag: is missing"},
    {"{\"tags\":[{\"tag\":5,\"column\":1,\"limits\":{}}]}", "p.json: tags[0], tag: must be a text"},
    {"{\"tags\":[{\"tag\":\"\",\"column\":1,\"limits\":{}}]}",
     "p.json: tags[0], tag: must have 1 to 64 bytes"},
    {"{\"tags\":[{\"tag\":\"a\\u202eb\",\"column\":1,\"limits\":{}}]}",
     "p.json: tags[0], tag: is not clean UTF-8 text"},
    {"{\"tags\":[{\"tag\":\"a\\u0000b\",\"column\":1,\"limits\":{}}]}",
     "p.json: is not clean UTF-8 text"},
    {"{\"tags\":[{\"tag\":\"\xff\",\"column\":1,\"limits\":{}}]}",
     "p.json: is not clean UTF-8 text"},
    {"{\"tags\":[{\"tag\":\"T\",\"column\":0,\"limits\":{}}]}",
     "p.json: T, column: must be within 1 .. 1024, whole"},
    {"{\"tags\":[{\"tag\":\"T\",\"column\":1.5,\"limits\":{}}]}",
     "p.json: T, column: must be within 1 .. 1024, whole"},
    {"{\"tags\":[{\"tag\":\"T\",\"column\":null,\"limits\":{}}]}",
     "p.json: T, column: must be a number or a text"},
    {"{\"tags\":[{\"tag\":\"T\",\"column\":1,\"limits\":{}},{\"tag\":\"T\",\"column\":2,"
     "\"limits\":{}}]}",
     "p.json: T: given twice"},
    {TAG("\"limits\":[]"), "p.json: T, limits: must be an object"},
    {TAG("\"limits\":{\"HHH\":{}}"), "p.json: T, limits.HHH: unknown key"},
    {TAG("\"limits\":{\"h\":{}}"), "p.json: T, limits.h: unknown key"},
    {TAG("\"limits\":{},\"dead_band\":1"), "p.json: tags[0], dead_band: unknown key"},
    {LIMIT("\"priority\":\"low\""), "p.json: T, limits.H.value: is missing"},
    {LIMIT("\"value\":1"), "p.json: T, limits.H.priority: is missing"},
    {LIMIT("\"value\":1,\"value\":2,\"priority\":\"low\""),
     "p.json: T, limits.H.value: given twice"},
    {LIMIT("\"value\":\"1\",\"priority\":\"low\""), "p.json: T, limits.H.value: must be a number"},
    {LIMIT("\"value\":1e999,\"priority\":\"low\""), "p.json: T, limits.H.value: must be a number"},
    {LIMIT("\"value\":NaN,\"priority\":\"low\""), "p.json: is not JSON (line 1)"},
    {LIMIT("\"value\":1,\"priority\":2"), "p.json: T, limits.H.priority: must be a text"},
    {LIMIT("\"value\":1,\"priority\":\"low\",\"deadband\":-1"),
     "p.json: T, limits.H.deadband: must be within 0 .. 1e18"},
    {LIMIT("\"value\":1,\"priority\":\"low\",\"on_delay_s\":3601"),
     "p.json: T, limits.H.on_delay_s: must be within 0 .. 3600, whole"},
    {LIMIT("\"value\":1,\"priority\":\"low\",\"off_delay_s\":-1"),
     "p.json: T, limits.H.off_delay_s: must be within 0 .. 3600, whole"},
    {LIMIT("\"value\":1,\"priority\":\"low\",\"deadbnd\":1"),
     "p.json: T, limits.H.deadbnd: unknown key"},
    {TAG("\"limits\":{\"H\":{\"value\":1,\"priority\":\"a\"},\"HH\":{\"value\":0,\"priority\":"
         "\"a\"}}"),
     "p.json: T, limits.HH: breaks the order LL <= L < H <= HH"},
    {TAG("\"limits\":{\"LL\":{\"value\":1,\"priority\":\"a\"},\"H\":{\"value\":1,\"priority\":"
         "\"a\"}}"),
     "p.json: T, limits.H: breaks the order LL <= L < H <= HH"},
    {TAG("\"nominal\":5,\"limits\":{\"H\":{\"value\":5,\"priority\":\"a\"}}"),
     "p.json: T, limits.H: the nominal value 5 lies beyond it"},
    {TAG("\"nominal\":5,\"limits\":{\"L\":{\"value\":3,\"deadband\":2,\"priority\":\"a\"}}"),
     "p.json: T, limits.L: reaches beyond the nominal value 5: the alarm could not clear"},
    {"{\"meta\":{\"a\":[[[[[[[1]]]]]]]},\"tags\":[]}", "p.json: nested too deep"},
};

static void each_fault_names_tag_and_field(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct plant *plant = NULL;
        struct plant_error error;
        char text[PLANT_ERROR_BYTES];
        assert_int_equal(plant_parse(slice_text(refused[i].json), &plant, &error), RC_INVALID);
        assert_null(plant);
        plant_error_text(&error, "p.json", text);
        if (strcmp(text, refused[i].expected) != 0) {
            fail_msg("%s\n gives    %s\n expected %s", refused[i].json, text, refused[i].expected);
        }
    }
}

static void every_cut_is_refused(void **state) {
    (void)state;
    for (size_t len = 0; len < sizeof whole - 3; len++) {
        struct plant *plant = NULL;
        struct plant_error error;
        uint8_t *copy = malloc(len + 1);
        memcpy(copy, whole, len);
        assert_int_equal(plant_parse(slice_of(copy, len), &plant, &error), RC_INVALID);
        free(copy);
    }
}

static void bombs_are_refused_unread(void **state) {
    (void)state;
    struct plant *plant = NULL;
    struct plant_error error;
    char *bomb = malloc(PLANT_FILE_BYTES + 1);
    memset(bomb, '[', PLANT_FILE_BYTES + 1);
    assert_int_equal(plant_parse(slice_of(bomb, PLANT_FILE_BYTES + 1), &plant, &error),
                     RC_TOO_LARGE);
    assert_int_equal(plant_parse(slice_of(bomb, 100000), &plant, &error), RC_INVALID);
    assert_int_equal(error.fault, PLANT_DEEP);
    free(bomb);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plant_is_read_in_the_order_of_its_file),
        cmocka_unit_test(each_fault_names_tag_and_field),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(bombs_are_refused_unread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
