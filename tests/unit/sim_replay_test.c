#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "davy/base/ensure.h"
#include "davy/domain/site/site.h"
#include "davy/feed/scan.h"
#include "davy/sim/replay.h"

static char folder[] = "/tmp/davy-replay-XXXXXX";
static char paths[4][64];

static int setup(void **state) {
    (void)state;
    if (mkdtemp(folder) == NULL) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/f%d", folder, i);
    }
    return 0;
}

static int teardown(void **state) {
    (void)state;
    for (int i = 0; i < 4; i++) {
        unlink(paths[i]);
    }
    return rmdir(folder);
}

static const char *file_of(int index, const char *text) {
    FILE *file = fopen(paths[index], "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return paths[index];
}

static struct plant *plant_of(const char *json) {
    struct plant *plant = NULL;
    struct plant_error error;
    enum rc rc = plant_parse(slice_text(json), &plant, &error);
    if (rc != RC_OK) {
        char text[PLANT_ERROR_BYTES];
        plant_error_text(&error, "plant", text);
        fail_msg("%s", text);
    }
    return plant;
}

static char *text_of(FILE *file) {
    long len = ftell(file);
    char *text = malloc((size_t)len + 1);
    rewind(file);
    assert_int_equal(fread(text, 1, (size_t)len, file), len);
    text[len] = '\0';
    return text;
}

// CSV of one file without its header, or "!" and the error.
static const char *replay_text(const struct plant *plant, const char *path,
                               struct replay_options options) {
    static char out[8192];
    struct replay_error error;
    const char *const list[] = {path};
    FILE *file = tmpfile();
    assert_non_null(file);
    if (replay_csv(plant, (struct replay_files){list, 1}, options, file, &error) != RC_OK) {
        snprintf(out, sizeof out, "!%s", error.text);
    } else {
        char *text = text_of(file);
        snprintf(out, sizeof out, "%s", strchr(text, '\n') + 1);
        free(text);
    }
    fclose(file);
    return out;
}

// ---- the demonstration --------------------------------------------------------------------------

static void the_demonstration_gives_the_events_of_a_second_implementation(void **state) {
    (void)state;
    const char *const data[] = {"scripts/demo/01_fault07.dat", "scripts/demo/02_fault13.dat",
                                "scripts/demo/03_fault05.dat"};
    struct plant *plant = NULL;
    struct replay_error error;
    struct buf expected;
    buf_init(&expected, 1000000);
    assert_int_equal(replay_plant_read("scripts/demo/plant.json", &plant, &error), RC_OK);
    assert_int_equal(replay_file_read("tests/data/replay/demo_events.csv", &expected, &error),
                     RC_OK);
    FILE *file = tmpfile();
    assert_int_equal(replay_csv(plant, (struct replay_files){data, 3},
                                (struct replay_options){.no_delays = true}, file, &error),
                     RC_OK);
    char *text = text_of(file);
    assert_string_equal(text, buf_cstr(&expected));
    free(text);
    fclose(file);
    buf_fini(&expected);
    plant_free(plant);
}

// The site's limits are the plant's, so that what the hub raises is what the replay prints.
static void the_demonstration_site_has_the_limits_of_the_plant(void **state) {
    (void)state;
    static const enum alarm_limit limits[SITE_LIMIT_COUNT] = {ALARM_HH, ALARM_H, ALARM_L, ALARM_LL};
    struct plant *plant = NULL;
    struct site *site = NULL;
    struct site_issues *issues = malloc(sizeof *issues);
    struct replay_error error;
    struct buf text;
    buf_init(&text, LIMIT_SITE_FILE_BYTES);
    assert_int_equal(replay_plant_read("scripts/demo/plant.json", &plant, &error), RC_OK);
    assert_int_equal(replay_file_read("scripts/demo/site.ini", &text, &error), RC_OK);
    assert_int_equal(site_parse(buf_slice(&text), 1, &site, issues), RC_OK);
    assert_int_equal(site->tag_count, plant->tag_count);
    for (uint32_t i = 0; i < plant->tag_count; i++) {
        uint32_t index = 0;
        assert_true(site_tag_find(site, slice_text(plant->tags[i].tag), &index));
        uint32_t present = 0;
        for (int kind = 0; kind < SITE_LIMIT_COUNT; kind++) {
            const struct site_limit *limit = &site->tags[index].limits[kind];
            present += limit->present;
            for (uint32_t k = 0; k < plant->tags[i].limit_count; k++) {
                if (plant->tags[i].limits[k].limit == limits[kind]) {
                    assert_true(limit->present);
                    assert_true(limit->value == plant->tags[i].limits[k].value);
                    assert_true(limit->deadband == plant->tags[i].limits[k].deadband);
                }
            }
        }
        assert_int_equal(present, plant->tags[i].limit_count);
    }
    site_free(site);
    plant_free(plant);
    buf_fini(&text);
    free(issues);
}

// ---- evaluation ---------------------------------------------------------------------------------

static const char two_tags[] =
    "{\"meta\":{\"replay_sample_interval_s\":10},\"tags\":["
    "{\"tag\":\"A\",\"column\":1,\"limits\":{"
    "\"LL\":{\"value\":-20,\"priority\":\"high\",\"deadband\":1},"
    "\"HH\":{\"value\":20,\"priority\":\"high\",\"deadband\":1},"
    "\"H\":{\"value\":10,\"priority\":\"low\",\"deadband\":1,\"on_delay_s\":15,"
    "\"off_delay_s\":5}}},"
    "{\"tag\":\"B,\\\"x\",\"column\":2,\"limits\":{"
    "\"L\":{\"value\":0,\"priority\":\"medium\",\"deadband\":0.5}}}]}";

static void events_come_in_the_order_of_the_plant(void **state) {
    (void)state;
    struct plant *plant = plant_of(two_tags);
    const char *path = file_of(0, "0 1\n1.23456789e1 -1\n25 -1\n-30 0.5\n\n5 0.4\n");
    // LL stands before HH and H in the file, and so do its events.
    assert_string_equal(replay_text(plant, path, (struct replay_options){.no_delays = true}),
                        "f0,2,ACT,A,H,low,12.3457\n"
                        "f0,2,ACT,\"B,\"\"x\",L,medium,-1\n"
                        "f0,3,ACT,A,HH,high,25\n"
                        "f0,4,ACT,A,LL,high,-30\n"
                        "f0,4,RTN,A,HH,high,-30\n"
                        "f0,4,RTN,A,H,low,-30\n"
                        "f0,4,RTN,\"B,\"\"x\",L,medium,0.5\n"
                        "f0,5,RTN,A,LL,high,5\n");
    plant_free(plant);
}

static void delays_run_on_the_data_time(void **state) {
    (void)state;
    struct plant *plant = plant_of(two_tags);
    // H: 15 s at 10 s a sample. Beyond at samples 2 and 3, active between 3 and 4; back at 5, and
    // returned between 5 and 6.
    const char *path = file_of(0, "0 1\n11 1\n12 1\n13 1\n0 1\n0 1\n11 1\n0 1\n");
    assert_string_equal(replay_text(plant, path, (struct replay_options){.no_delays = false}),
                        "f0,3,ACT,A,H,low,12\nf0,5,RTN,A,H,low,0\n");
    // At 60 s a sample one beyond is enough: the delay ends before the next sample.
    assert_string_equal(replay_text(plant, path, (struct replay_options){.sample_s = 60}),
                        "f0,2,ACT,A,H,low,11\nf0,5,RTN,A,H,low,0\n"
                        "f0,7,ACT,A,H,low,11\n");
    // At 15 s the delay ends together with the next sample.
    assert_string_equal(replay_text(plant, path, (struct replay_options){.sample_s = 15}),
                        "f0,2,ACT,A,H,low,11\nf0,5,RTN,A,H,low,0\n"
                        "f0,7,ACT,A,H,low,11\n");
    plant_free(plant);
}

static void every_file_begins_from_normal(void **state) {
    (void)state;
    struct plant *plant = plant_of(two_tags);
    const char *const list[] = {file_of(0, "25 1\n"), file_of(1, "25 1\n")};
    struct replay_error error;
    FILE *file = tmpfile();
    assert_int_equal(replay_csv(plant, (struct replay_files){list, 2},
                                (struct replay_options){.no_delays = true}, file, &error),
                     RC_OK);
    char *text = text_of(file);
    assert_string_equal(text, "file,sample,event,tag,limit,priority,value\n"
                              "f0,1,ACT,A,HH,high,25\nf0,1,ACT,A,H,low,25\n"
                              "f1,1,ACT,A,HH,high,25\nf1,1,ACT,A,H,low,25\n");
    free(text);
    fclose(file);
    plant_free(plant);
}

static void csv_files_are_read_by_name_and_time(void **state) {
    (void)state;
    struct plant *plant =
        plant_of("{\"tags\":[{\"tag\":\"T1\",\"column\":\"value\",\"limits\":{\"H\":{\"value\":10,"
                 "\"priority\":\"low\",\"on_delay_s\":60}}},"
                 "{\"tag\":\"T2\",\"column\":\"other\",\"limits\":{}}]}");
    const char *path = file_of(0, "\xef\xbb\xbf# a comment\n"
                                  "timestamp, \"value\",note\r\n"
                                  "2013-12-02 21:15:00,11,\"a, \"\"b\"\"\"\r\n"
                                  "2013-12-02 21:15:30,12,c\r\n"
                                  "2013-12-02 21:15:40,,bad\r\n" // held 20 s before its end
                                  "2013-12-02 21:20:00,13,c\r\n"
                                  "2013-12-02 21:20:10,14,c\r\n"
                                  "2013-12-02 21:19:00,0,\r\n" // the clock steps back: history only
                                  "2013-12-02 21:20:20,15,c\r\n"
                                  "2013-12-02 21:20:30,nan,c\r\n"
                                  "2013-12-02 21:20:40,9,c");
    assert_string_equal(replay_text(plant, path, (struct replay_options){.no_delays = false}),
                        "f0,6,ACT,T1,H,low,14\nf0,9,RTN,T1,H,low,9\n");
    // Times in seconds and in milliseconds.
    path = file_of(0, "t,value\n1700000000,11\n1700000061,12\n");
    assert_string_equal(replay_text(plant, path, (struct replay_options){.no_delays = false}),
                        "f0,1,ACT,T1,H,low,11\n");
    path = file_of(0, "value,ts\n11,1700000000000\n12,1700000060000\n");
    assert_string_equal(replay_text(plant, path, (struct replay_options){.no_delays = false}),
                        "f0,1,ACT,T1,H,low,11\n");
    plant_free(plant);
}

static const char named_tag[] = "{\"tags\":[{\"tag\":\"A\",\"column\":\"A\",\"limits\":{}}]}";

static void what_does_not_fit_is_refused_with_its_line(void **state) {
    (void)state;
    static const struct {
        const char *plant;
        const char *text;
        const char *expected; // behind the path
    } cases[] = {
        {two_tags, "", ": holds no data"},
        {two_tags, "# only a comment\n\n", ": holds no data"},
        {two_tags, "1 2\n3\n", ":2: the line has not 2 columns"},
        {two_tags, "1 2\n3 4 5\n", ":2: the line has not 2 columns"},
        {two_tags, "1 2\n3 x\n", ":2: \"x\" is not a number"},
        {two_tags, "1 2\n3 0x10\n", ":2: \"0x10\" is not a number"},
        {two_tags, "1 2\n3 1e999\n", ":2: \"1e999\" is not a number"},
        {two_tags, "1\n", ": tag B,\"x is column 2, but the file has 1 columns of values"},
        {two_tags, "A\n1\n", ": tag B,\"x is column 2, but the file has 1 columns of values"},
        {two_tags, "A,B\n1\n", ":2: the line has not 2 columns"},
        {named_tag, "time,A\n5,1\nyesterday,2\n", ":3: \"yesterday\" is not a time"},
        {named_tag, "time,A\n,1\n", ":2: \"\" is not a time"},
        {named_tag, "A\nx\n", ":2: \"x\" is not a number"},
        {named_tag, "x,y\n1,2\n", ": no tag of the plant has a column here"},
        {named_tag, "1 2\n", ": no tag of the plant has a column here"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct plant *plant = plant_of(cases[i].plant);
        char expected[256];
        snprintf(expected, sizeof expected, "!%s%s", paths[0], cases[i].expected);
        assert_string_equal(replay_text(plant, file_of(0, cases[i].text),
                                        (struct replay_options){.no_delays = true}),
                            expected);
        plant_free(plant);
    }
    struct plant *plant = plant_of(named_tag);
    assert_non_null(
        strstr(replay_text(plant, "/nowhere/file", (struct replay_options){.sample_s = 1}),
               "No such file"));
    plant_free(plant);
}

// The training files of the Tennessee Eastman set hold one variable a line.
static void a_transposed_file_is_refused(void **state) {
    (void)state;
    struct plant *plant = plant_of(two_tags);
    struct buf text;
    buf_init(&text, 10000);
    for (int i = 0; i < 500; i++) {
        buf_printf(&text, "%d ", i);
    }
    assert_non_null(strstr(
        replay_text(plant, file_of(0, buf_cstr(&text)), (struct replay_options){.no_delays = true}),
        "perhaps rows and columns are exchanged"));
    buf_fini(&text);
    plant_free(plant);
}

static void a_line_without_end_is_refused(void **state) {
    (void)state;
    struct plant *plant = plant_of(two_tags);
    FILE *file = fopen(paths[0], "w");
    for (int i = 0; i < 2 * REPLAY_LINE_BYTES; i++) {
        fputc('1', file);
    }
    fclose(file);
    assert_non_null(strstr(replay_text(plant, paths[0], (struct replay_options){.no_delays = true}),
                           ":1: the line is too long or holds a NUL"));
    plant_free(plant);
}

// ---- difference ---------------------------------------------------------------------------------

static void print_difference(void *context, const struct replay_difference *difference) {
    replay_diff_line(context, difference);
}

static void two_plants_differ_by_their_activations(void **state) {
    (void)state;
    struct plant *a = plant_of("{\"tags\":[{\"tag\":\"A\",\"column\":1,\"limits\":{\"H\":{"
                               "\"value\":10,\"priority\":\"low\"}}},"
                               "{\"tag\":\"B\",\"column\":2,\"limits\":{\"H\":{\"value\":10,"
                               "\"priority\":\"high\"}}}]}");
    struct plant *b = plant_of("{\"tags\":[{\"tag\":\"A\",\"column\":1,\"limits\":{\"H\":{"
                               "\"value\":12,\"priority\":\"medium\"},\"L\":{\"value\":0,"
                               "\"priority\":\"low\"}}}]}");
    const char *const list[] = {file_of(0, "1 1\n11 1\n13 1\n11 1\n9 1\n13 11\n9 1\n11 1\n-1 1\n"),
                                file_of(1, "13 1\n")};
    const struct replay_diff diff = {a, b, print_difference, tmpfile()};
    struct replay_counts counts;
    struct replay_error error;
    assert_int_equal(replay_diff(&diff, (struct replay_files){list, 2},
                                 (struct replay_options){.no_delays = true}, &counts, &error),
                     RC_OK);
    char *text = text_of(diff.context);
    assert_string_equal(text, "moved,f0,2,3,A,H,medium\n"
                              "only_a,f0,6,,B,H,high\n"
                              "only_a,f0,8,,A,H,low\n"
                              "only_b,f0,,9,A,L,low\n");
    free(text);
    fclose(diff.context);
    assert_int_equal(counts.activations_a, 5);
    assert_int_equal(counts.activations_b, 4);
    assert_int_equal(counts.moved, 1);
    assert_int_equal(counts.only_a, 2);
    assert_int_equal(counts.only_b, 1);
    // A plant against itself.
    const struct replay_diff same = {a, a, NULL, NULL};
    assert_int_equal(replay_diff(&same, (struct replay_files){list, 2},
                                 (struct replay_options){.no_delays = false}, &counts, &error),
                     RC_OK);
    assert_int_equal(counts.only_a + counts.only_b + counts.moved, 0);
    plant_free(a);
    plant_free(b);
}

// Activations far apart are not one that moved.
static void what_is_far_apart_did_not_move(void **state) {
    (void)state;
    struct plant *a = plant_of("{\"tags\":[{\"tag\":\"A\",\"column\":1,\"limits\":{\"H\":{"
                               "\"value\":10,\"priority\":\"low\"}}}]}");
    struct plant *b = plant_of("{\"tags\":[{\"tag\":\"A\",\"column\":1,\"limits\":{\"H\":{"
                               "\"value\":20,\"priority\":\"low\"}}}]}");
    struct buf text;
    buf_init(&text, 10000);
    for (int i = 0; i <= REPLAY_MOVED_SAMPLES; i++) {
        buf_printf(&text, "11\n");
    }
    buf_printf(&text, "21\n");
    const char *const list[] = {file_of(0, buf_cstr(&text))};
    const struct replay_diff diff = {a, b, NULL, NULL};
    struct replay_counts counts;
    struct replay_error error;
    assert_int_equal(replay_diff(&diff, (struct replay_files){list, 1},
                                 (struct replay_options){.no_delays = true}, &counts, &error),
                     RC_OK);
    assert_int_equal(counts.moved, 0);
    assert_int_equal(counts.only_a, 1);
    assert_int_equal(counts.only_b, 1);
    buf_fini(&text);
    plant_free(a);
    plant_free(b);
}

// ---- rows for a publisher -----------------------------------------------------------------------

static void rows_come_back_through_json(void **state) {
    (void)state;
    struct plant *plant = plant_of(two_tags);
    struct replay_source *source = NULL;
    struct replay_error error;
    const struct replay_row *rows = NULL;
    uint32_t count = 0;
    const char *path = file_of(0, "0.1 2.675\n-0 123456789.123456789\nnan 1e-300\n");
    // "nan" tells a CSV header apart only in the first line.
    assert_int_equal(replay_source_open(path, plant, 0, &source, &error), RC_OK);
    struct feed_scanner *scanner = NULL;
    assert_int_equal(feed_scanner_new(1, &scanner), RC_OK);
    for (int sample = 0; sample < 3; sample++) {
        static const struct feed_rules rules;
        const struct feed_reading *readings = NULL;
        uint32_t reading_count = 0;
        struct buf json;
        buf_init(&json, 4096);
        assert_int_equal(replay_source_next(source, &rows, &count, &error), RC_OK);
        assert_int_equal(count, 2);
        assert_int_equal(rows[0].offset_ms, sample * 10000);
        assert_int_equal(
            replay_batch_json(rows, count, (struct utc_ms){1700000000000 + sample}, &json), RC_OK);
        assert_int_equal(
            feed_scan(scanner, &rules, buf_slice(&json), &readings, &reading_count, NULL), RC_OK);
        assert_int_equal(reading_count, 2);
        for (uint32_t i = 0; i < count; i++) {
            assert_true(slice_equal(readings[i].tag, slice_text(rows[i].tag)));
            assert_int_equal(readings[i].time.v, 1700000000000 + sample);
            assert_int_equal(readings[i].has_value, !rows[i].bad);
            assert_memory_equal(&readings[i].value, &rows[i].value, sizeof(double));
        }
        buf_fini(&json);
    }
    assert_int_equal(replay_source_next(source, &rows, &count, &error), RC_NOT_FOUND);
    feed_scanner_free(scanner);
    replay_source_close(source);
    plant_free(plant);
}

// A batch of several samples: each row keeps its time.
static void rows_of_several_samples_share_a_batch(void **state) {
    (void)state;
    static const struct feed_rules rules;
    static const struct replay_row rows[] = {
        {.tag = "A", .value = 1, .time = {1700000000000}},
        {.tag = "B", .value = 2, .time = {1700000000000}},
        {.tag = "A", .value = 3, .time = {1700000003000}},
        {.tag = "B", .bad = true, .time = {1700000003000}},
        {.tag = "C", .value = 5}, // no time of its own: the batch's
    };
    const struct feed_reading *readings = NULL;
    uint32_t count = 0;
    struct feed_scanner *scanner = NULL;
    struct buf json;
    buf_init(&json, 4096);
    assert_int_equal(feed_scanner_new(1, &scanner), RC_OK);
    assert_int_equal(replay_batch_json(rows, COUNT_OF(rows), rows[0].time, &json), RC_OK);
    assert_int_equal(feed_scan(scanner, &rules, buf_slice(&json), &readings, &count, NULL), RC_OK);
    assert_int_equal(count, COUNT_OF(rows));
    for (uint32_t i = 0; i < count; i++) {
        assert_true(slice_equal(readings[i].tag, slice_text(rows[i].tag)));
        assert_int_equal(readings[i].time.v, i == 2 || i == 3 ? 1700000003000 : 1700000000000);
        assert_int_equal(readings[i].has_value, !rows[i].bad);
    }
    feed_scanner_free(scanner);
    buf_fini(&json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_demonstration_gives_the_events_of_a_second_implementation),
        cmocka_unit_test(the_demonstration_site_has_the_limits_of_the_plant),
        cmocka_unit_test(events_come_in_the_order_of_the_plant),
        cmocka_unit_test(delays_run_on_the_data_time),
        cmocka_unit_test(every_file_begins_from_normal),
        cmocka_unit_test(csv_files_are_read_by_name_and_time),
        cmocka_unit_test(what_does_not_fit_is_refused_with_its_line),
        cmocka_unit_test(a_transposed_file_is_refused),
        cmocka_unit_test(a_line_without_end_is_refused),
        cmocka_unit_test(two_plants_differ_by_their_activations),
        cmocka_unit_test(what_is_far_apart_did_not_move),
        cmocka_unit_test(rows_come_back_through_json),
        cmocka_unit_test(rows_of_several_samples_share_a_batch),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
