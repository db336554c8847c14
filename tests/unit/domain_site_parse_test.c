#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "davy/base/bytes.h"
#include "davy/base/ensure.h"
#include "davy/domain/site/site.h"

static const char head[] = "[area A1]\nname = Area\n[gateway G1]\nstale_s = 30\n";

// The issues of a text as lines of English.
static const char *issues_of(struct slice text, enum rc expected) {
    static char out[8192];
    struct site_issues *issues = malloc(sizeof *issues);
    struct site *site = NULL;
    size_t len = 0;
    assert_int_equal(site_parse(text, 5, &site, issues), expected);
    assert_int_equal(site != NULL, expected == RC_OK);
    out[0] = '\0';
    for (uint32_t i = 0; i < issues->kept && len < sizeof out - SITE_ISSUE_TEXT_BYTES; i++) {
        char line[SITE_ISSUE_TEXT_BYTES];
        site_issue_text(&issues->items[i], "s.ini", line);
        len += (size_t)snprintf(out + len, sizeof out - len, "%s%s", i == 0 ? "" : "\n", line);
    }
    site_free(site);
    free(issues);
    return out;
}

static const char whole[] = "\xef\xbb\xbf# 演示\r\n"
                            "[site]\r\n"
                            "name = 演示装置 Demo plant\r\n"
                            "\r\n"
                            "[tag TI-101]\r\n" // sections may come in any order
                            "name = 反应器温度 Reactor temperature\r\n"
                            "area = R1\r\n"
                            "equipment = R-101\r\n"
                            "gateway = GW-1\r\n"
                            "unit = degC\r\n"
                            "range = -20 .. 200\r\n"
                            "nominal = 120.4\r\n"
                            "HH = 150 deadband=1 off=60 priority=1\r\n"
                            "H = 140.5  deadband=0.5 on=15 off=60 priority=2\r\n"
                            "L = 100 deadband=1 priority=3\r\n"
                            "LL = 80 priority=4 deadband=2e0\r\n"
                            "consequence = 失控 # runaway; shutdown = yes\r\n"
                            "action\t=\tCheck cooling water\r\n"
                            "respond_s = 600\r\n"
                            "[area R1]\r\n"
                            "name = 反应 Reactor\r\n"
                            "[equipment R-101]\r\n"
                            "area = R1\r\n"
                            "[gateway GW-1]\r\n"
                            "stale_s = 30\r\n"
                            "[mapping m1]\r\n"
                            "topic = plant/{line}/data\r\n"
                            "form = values\r\n"
                            "tag = {key}\r\n"
                            "time = s\r\n"
                            "good = 192 ok\r\n"
                            "bad_values = 9999.9999";

static void a_whole_site_is_read(void **state) {
    (void)state;
    struct site *site = NULL;
    struct site_issues *issues = malloc(sizeof *issues);
    assert_int_equal(site_parse(slice_text(whole), 5, &site, issues), RC_OK);
    assert_int_equal(issues->error_count + issues->warning_count, 0);
    assert_string_equal(site->name, "演示装置 Demo plant");
    assert_int_equal(site->tag_count, 1);
    uint32_t index = 9;
    assert_true(site_tag_find(site, slice_text("TI-101"), &index));
    const struct site_tag *tag = &site->tags[index];
    assert_string_equal(tag->tag, "TI-101");
    assert_string_equal(tag->name, "反应器温度 Reactor temperature");
    assert_string_equal(tag->unit, "degC");
    assert_string_equal(tag->consequence, "失控 # runaway; shutdown = yes");
    assert_string_equal(tag->action, "Check cooling water");
    assert_int_equal(tag->line, 5);
    assert_int_equal(tag->respond_s, 600);
    assert_true(tag->has_range && tag->range_lo == -20 && tag->range_hi == 200);
    assert_true(tag->has_nominal && tag->nominal == 120.4);
    const struct site_limit *h = &tag->limits[SITE_H];
    assert_true(h->present && h->value == 140.5 && h->deadband == 0.5);
    assert_int_equal(h->on_delay_s, 15);
    assert_int_equal(h->off_delay_s, 60);
    assert_int_equal(h->priority, 2);
    assert_int_equal(h->line, 14);
    assert_true(tag->limits[SITE_LL].deadband == 2);
    assert_int_equal(tag->limits[SITE_LL].priority, 4);
    assert_string_equal(site->areas[tag->area].name, "反应 Reactor");
    assert_string_equal(site->equipment[tag->equipment].name, "R-101"); // the code stands in
    assert_int_equal(site->equipment[tag->equipment].area, tag->area);
    assert_int_equal(site->gateways[tag->gateway].stale_s, 30);
    assert_string_equal(site->mappings[0].topic, "plant/{line}/data");
    assert_string_equal(site->mappings[0].good, "192 ok");
    assert_string_equal(site->mappings[0].bad, "");
    assert_false(site_tag_find(site, slice_text("ti-101"), &index));
    assert_false(site_area_find(site, slice_text("R2"), &index));
    assert_true(site_gateway_find(site, slice_text("GW-1"), &index));
    assert_true(site_equipment_find(site, slice_text("R-101"), &index));
    site_free(site);
    free(issues);
}

struct line_case {
    const char *lines; // of the tag T, from line 9 on
    const char *expected;
};

// Every case stands below head and "[tag T]", "area = A1", "gateway = G1", a range and guidance.
static const struct line_case tag_cases[] = {
    {"H = 80 deadband=85 priority=2\nnominal = 10",
     "s.ini:12: tag T, H: deadband 85 is not smaller than the distance 70 to nominal 10: the alarm "
     "could not clear"},
    {"H = 80 deadband=70 priority=2\nnominal = 10",
     "s.ini:12: tag T, H: deadband 70 is not smaller than the distance 70 to nominal 10: the alarm "
     "could not clear"},
    {"H = 80 deadband=69.99 priority=2\nnominal = 10", ""},
    {"L = 5 deadband=6 priority=2\nnominal = 10",
     "s.ini:12: tag T, L: deadband 6 is not smaller than the distance 5 to nominal 10: the alarm "
     "could not clear"},
    {"H = 80 deadband=20 priority=2\nL = 60 deadband=1 priority=2",
     "s.ini:12: tag T, H: deadband 20 is not smaller than the distance 20 to L 60: the alarm could "
     "not clear"},
    {"H = 80 deadband=80 priority=2",
     "s.ini:12: tag T, H: deadband 80 is not smaller than the distance 80 to range 0: the alarm "
     "could not clear"},
    {"HH = 70 deadband=1 priority=1\nH = 80 deadband=1 priority=2",
     "s.ini:12: tag T, HH: H 80, HH 70 breaks the order LL <= L < H <= HH"},
    {"H = 60 deadband=1 priority=1\nL = 60 deadband=1 priority=2",
     "s.ini:12: tag T, H: L 60, H 60 breaks the order LL <= L < H <= HH"},
    {"HH = 80 deadband=1 priority=1\nH = 80 deadband=1 priority=2", ""},
    {"HH = 20 deadband=1 priority=1\nLL = 30 deadband=1 priority=2",
     "s.ini:12: tag T, HH: LL 30, HH 20 breaks the order LL <= L < H <= HH"},
    {"H = 101 deadband=1 priority=2", "s.ini:12: tag T, H: 101 is outside the range 0 .. 100"},
    {"H = 80 deadband=1 priority=2\nnominal = 80", "s.ini:13: tag T, nominal: 80 is outside H 80"},
    {"nominal = -3", "s.ini:12: tag T, nominal: -3 is outside the range 0 .. 100"},
    {"H = 80 deadband=1 on=300 priority=2",
     "s.ini:12: tag T, H: on-delay 300 s is not shorter than the time to respond, 300 s"},
    {"H = 80 deadband=1 on=299 priority=2", ""},
    {"H = 80 deadband=1 on=3601 priority=2", "s.ini:12: tag T, H: 3601 is not within 0 .. 3600"},
    {"H = 80 deadband=1 on=1.5 priority=2", "s.ini:12: tag T, H: \"1.5\" is not a number"},
    {"H = 80 deadband=-1 priority=2", "s.ini:12: tag T, H: -1 is not within 0 .. 1e18"},
    {"H = 80 deadband=1 priority=5", "s.ini:12: tag T, H: 5 is not within 1 .. 4"},
    {"H = 80 deadband=1", "s.ini:12: tag T, H: priority=1..4 is missing"},
    {"H = 80 dead=1 priority=2",
     "s.ini:12: tag T, H: \"dead=1\": expected VALUE deadband=N on=N off=N priority=1..4"},
    {"H = 80 priority=2 deadband=1 priority=3",
     "s.ini:12: tag T, H: \"priority=3\": expected VALUE deadband=N on=N off=N priority=1..4"},
    {"H = 80 priority=2", "s.ini:12: warning: tag T, H: no deadband: the alarm may chatter"},
    {"H = eighty priority=2", "s.ini:12: tag T, H: \"eighty\" is not a number"},
    {"H = NaN priority=2", "s.ini:12: tag T, H: \"NaN\" is not a number"},
    {"H = 1e999 priority=2", "s.ini:12: tag T, H: \"1e999\" is not a number"},
    {"H = 0x50 priority=2", "s.ini:12: tag T, H: \"0x50\" is not a number"},
    {"H =", "s.ini:12: tag T, H: is empty"},
    {"h = 80 priority=2", "s.ini:12: tag T, h: unknown key"},
    {"unit = bar\nunit = kPa", "s.ini:13: tag T, unit: given twice in this section"},
    {"unit = 0123456789012345678901234", "s.ini:12: tag T, unit: longer than 24 bytes"},
    {"equipment = R9", "s.ini:12: tag T, equipment: there is no [equipment R9]"},
    {"just words", "s.ini:12: tag T: expected [section name] or key = value"},
    {"= 5", "s.ini:12: tag T: expected [section name] or key = value"},
    {"[tag T", "s.ini:12: tag T: expected [section name] or key = value"},
    {"name = a\x1b[31mb", "s.ini:12: tag T: the text is not valid UTF-8, or holds control, bidi or "
                          "zero-width characters"},
    {"name = a\xe2\x80\xae"
     "b",
     "s.ini:12: tag T: the text is not valid UTF-8, or holds control, bidi or zero-width "
     "characters"},
    {"name = a\xe2\x80\x8b"
     "b",
     "s.ini:12: tag T: the text is not valid UTF-8, or holds control, bidi or zero-width "
     "characters"},
    {"name = \xff", "s.ini:12: tag T: the text is not valid UTF-8, or holds control, bidi or "
                    "zero-width characters"},
    {"[tag T]\narea = A1\ngateway = G1", "s.ini:12: tag T: defined already in line 5"},
};

static void each_fault_of_a_tag_names_line_and_field(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(tag_cases); i++) {
        char text[1024];
        snprintf(text, sizeof text,
                 "%s[tag T]\narea = A1\ngateway = G1\nrange = 0 .. 100\nconsequence = c\n"
                 "action = a\nrespond_s = 300\n%s\n",
                 head, tag_cases[i].lines);
        const char *expected = tag_cases[i].expected;
        bool is_error = expected[0] != '\0' && strstr(expected, "warning") == NULL;
        const char *got = issues_of(slice_text(text), is_error ? RC_INVALID : RC_OK);
        if (strcmp(got, expected) != 0) {
            fail_msg("%s\n gives    %s\n expected %s", tag_cases[i].lines, got, expected);
        }
    }
}

static const struct line_case file_cases[] = {
    {"", "s.ini: warning: the file defines no tag"},
    {"[tag T]\n", "s.ini:1: tag T, area: is missing\ns.ini:1: tag T, gateway: is missing"},
    {"[tag T]\narea = A9\ngateway = G9\n",
     "s.ini:2: tag T, area: there is no [area A9]\ns.ini:3: tag T, gateway: there is no [gateway "
     "G9]"},
    {"[tag]\n", "s.ini:1: tag: the section's name \"\" is missing, too long or holds a forbidden "
                "character\ns.ini: warning: the file defines no tag"},
    {"[area a b]\n", "s.ini:1: area a b: the section's name \"a b\" is missing, too long or holds "
                     "a forbidden character\ns.ini: warning: the file defines no tag"},
    {"[pump P1]\nname = x\n",
     "s.ini:1: unknown kind of section \"pump\"\ns.ini: warning: the file defines no tag"},
    {"name = x\n",
     "s.ini:1: name: a key must stand below a [section]\ns.ini: warning: the file defines no tag"},
    {"[gateway G]\nstale_s = 1\n",
     "s.ini:2: gateway G, stale_s: 1 is not within 2 .. 86400\ns.ini: warning: the file defines no "
     "tag"},
    {"[gateway G]\n",
     "s.ini:1: gateway G, stale_s: is missing\ns.ini: warning: the file defines no tag"},
    {"[mapping m]\n[mapping n]\ntopic = a\n[mapping o]\ntopic = a\n",
     "s.ini:1: mapping m, topic: is missing\ns.ini:4: mapping o, topic: the same topics as the "
     "mapping in line 2\ns.ini: warning: the file defines no tag"},
    {"[site]\nname = a\n[site]\nname = b\n",
     "s.ini:3: site: defined already in line 1\ns.ini: warning: the file defines no tag"},
};

static void each_fault_of_a_file_names_its_section(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(file_cases); i++) {
        char expected[1024];
        char got[1024];
        // Issues of the whole file have no line and stand first.
        const char *tail = strstr(file_cases[i].expected, "s.ini: warning");
        bool is_both = tail != NULL && tail != file_cases[i].expected;
        snprintf(expected, sizeof expected, "%s%s%.*s", is_both ? tail : "", is_both ? "\n" : "",
                 is_both ? (int)(tail - file_cases[i].expected) - 1 : 1000, file_cases[i].expected);
        snprintf(got, sizeof got, "%s",
                 issues_of(slice_text(file_cases[i].lines), i == 0 ? RC_OK : RC_INVALID));
        assert_string_equal(got, expected);
    }
}

static void missing_guidance_is_a_warning(void **state) {
    (void)state;
    char text[512];
    snprintf(text, sizeof text, "%s[tag T]\narea = A1\ngateway = G1\nH = 5 deadband=1 priority=1\n",
             head);
    assert_string_equal(issues_of(slice_text(text), RC_OK),
                        "s.ini:5: warning: tag T, action: no action text for a tag with limits\n"
                        "s.ini:5: warning: tag T, consequence: no consequence text for a tag with "
                        "limits\n"
                        "s.ini:5: warning: tag T, respond_s: no time to respond for a tag with "
                        "limits");
}

static void equipment_of_another_area_is_a_warning(void **state) {
    (void)state;
    char text[512];
    snprintf(text, sizeof text,
             "%s[area A2]\n[equipment E]\narea = A2\n[tag T]\narea = A1\ngateway = G1\n"
             "equipment = E\n",
             head);
    assert_string_equal(issues_of(slice_text(text), RC_OK),
                        "s.ini:11: warning: tag T, equipment: equipment E belongs to another area "
                        "(A2)");
}

static void lines_and_files_have_limits(void **state) {
    (void)state;
    char *text = malloc(LIMIT_SITE_FILE_BYTES + 1);
    memset(text, '#', LIMIT_SITE_FILE_BYTES + 1);
    assert_string_equal(issues_of(slice_of(text, SITE_LINE_BYTES), RC_OK),
                        "s.ini: warning: the file defines no tag");
    assert_non_null(strstr(issues_of(slice_of(text, SITE_LINE_BYTES + 1), RC_INVALID),
                           "s.ini:1: the line is longer than 2048 bytes"));
    assert_string_equal(issues_of(slice_of(text, LIMIT_SITE_FILE_BYTES + 1), RC_TOO_LARGE),
                        "s.ini: the file is larger than 16777216 bytes");
    free(text);
}

static void a_nul_byte_is_hostile_text(void **state) {
    (void)state;
    static const char text[] = "[area A]\nname = a\0b\n";
    assert_non_null(strstr(issues_of(slice_of(text, sizeof text - 1), RC_INVALID), "s.ini:2:"));
}

static void every_cut_of_a_file_is_safe(void **state) {
    (void)state;
    struct site_issues *issues = malloc(sizeof *issues);
    for (size_t len = 0; len < sizeof whole; len++) {
        struct site *site = NULL;
        char *copy = malloc(len + 1);
        memcpy(copy, whole, len);
        enum rc rc = site_parse(slice_of(copy, len), 5, &site, issues);
        assert_int_equal(rc == RC_OK, issues->error_count == 0);
        free(copy);
        site_free(site);
    }
    free(issues);
}

static void more_issues_than_kept_are_counted(void **state) {
    (void)state;
    struct buf text;
    buf_init(&text, 100000);
    for (int i = 0; i < 300; i++) {
        buf_printf(&text, "[tag T%d]\n", i);
    }
    struct site_issues *issues = malloc(sizeof *issues);
    struct site *site = NULL;
    assert_int_equal(site_parse(buf_slice(&text), 5, &site, issues), RC_INVALID);
    assert_int_equal(issues->kept, SITE_ISSUES_KEPT);
    assert_int_equal(issues->error_count, 600);
    buf_fini(&text);
    free(issues);
}

static void too_many_sections_are_refused(void **state) {
    (void)state;
    struct buf text;
    buf_init(&text, 1000000);
    for (int i = 0; i <= LIMIT_SITE_AREAS; i++) {
        buf_printf(&text, "[area A%d]\n", i);
    }
    assert_non_null(strstr(issues_of(buf_slice(&text), RC_INVALID),
                           "s.ini:257: area A256: more than 256 sections of this kind"));
    buf_fini(&text);
}

static void ten_thousand_tags_are_found(void **state) {
    (void)state;
    struct buf text;
    buf_init(&text, LIMIT_SITE_FILE_BYTES);
    buf_printf(&text, "%s", head);
    for (int i = 0; i < 10000; i++) {
        buf_printf(&text,
                   "[tag UNIT.TI-%d]\nname = 温度 temperature %d\narea = A1\ngateway = G1\n"
                   "unit = degC\nrange = 0 .. 200\nnominal = 50\n"
                   "HH = 150 deadband=2 priority=1\nH = 120 deadband=2 on=15 off=15 priority=2\n"
                   "L = 20 deadband=2 priority=3\nLL = 10 deadband=2 priority=3\n"
                   "consequence = 后果 something happens\naction = 检查 check it\n"
                   "respond_s = 600\n\n",
                   i, i);
    }
    struct site_issues *issues = malloc(sizeof *issues);
    struct site *site = NULL;
    assert_int_equal(site_parse(buf_slice(&text), 5, &site, issues), RC_OK);
    assert_int_equal(site->tag_count, 10000);
    uint32_t index = 0;
    assert_true(site_tag_find(site, slice_text("UNIT.TI-7777"), &index));
    assert_int_equal(index, 7777);
    site_free(site);
    free(issues);
    buf_fini(&text);
}

static void a_refusal_carries_the_place(void **state) {
    (void)state;
    const struct site_mapping mapping = {"m", "a/#/b", "", "", "", "", "", "", "", 17};
    struct site_issue issue;
    struct refusal refusal;
    char text[SITE_ISSUE_TEXT_BYTES];
    site_mapping_issue(&mapping, "topic", "# must be the last segment", &issue);
    site_issue_text(&issue, "site.ini", text);
    assert_string_equal(text,
                        "site.ini:17: mapping m, topic: \"a/#/b\": # must be the last segment");
    assert_int_equal(site_issue_refuse(&issue, "site.ini", &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_FILE_LINE);
    assert_string_equal(refusal.args[0], "site.ini:17");
    assert_string_equal(refusal.args[1], "mapping m");
    assert_string_equal(refusal.args[2], "topic");
    assert_string_equal(refusal.args[3], "mapping");
}

static void every_issue_has_a_name_of_its_own(void **state) {
    (void)state;
    for (int i = 0; i < SITE_ISSUE_CODE_COUNT; i++) {
        assert_true(strlen(site_issue_form((enum site_issue_code)i)) > 0);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(site_issue_name((enum site_issue_code)i),
                                    site_issue_name((enum site_issue_code)j));
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_site_is_read),
        cmocka_unit_test(each_fault_of_a_tag_names_line_and_field),
        cmocka_unit_test(each_fault_of_a_file_names_its_section),
        cmocka_unit_test(missing_guidance_is_a_warning),
        cmocka_unit_test(equipment_of_another_area_is_a_warning),
        cmocka_unit_test(lines_and_files_have_limits),
        cmocka_unit_test(a_nul_byte_is_hostile_text),
        cmocka_unit_test(every_cut_of_a_file_is_safe),
        cmocka_unit_test(more_issues_than_kept_are_counted),
        cmocka_unit_test(too_many_sections_are_refused),
        cmocka_unit_test(ten_thousand_tags_are_found),
        cmocka_unit_test(a_refusal_carries_the_place),
        cmocka_unit_test(every_issue_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
