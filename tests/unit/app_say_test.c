// Sentences at the edge: every code has one, in both languages, with its arguments in place.
#include "test_util.h"

#include "davy/app/say.h"
#include "davy/base/ensure.h"
#include "davy/base/text.h"

#include <locale.h>
#include <unistd.h>

static const enum refusal_code codes[] = {
#define CODE(code, number, name) code,
    REFUSAL_TABLE(CODE)
#undef CODE
};

static void every_refusal_has_a_sentence(void **state) {
    (void)state;
    char unknown[256], text[1024], before[1024] = "";
    struct refusal refusal = {.code = (enum refusal_code)9999};
    say_refusal(&refusal, unknown, sizeof(unknown));
    assert_string_equal(say_rule(9999), "unknown rule");
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        (void)REFUSE(&refusal, codes[i], "ARG1", "ARG2", "ARG3", "ARG4");
        say_refusal(&refusal, text, sizeof(text));
        assert_string_not_equal(text, unknown);
        assert_string_not_equal(text, before);
        assert_null(strchr(text, '%'));
        assert_int_equal(text[strlen(text) - 1], '.'); // a whole sentence
        assert_string_not_equal(say_rule((uint16_t)codes[i]), "unknown rule");
        assert_true(text_cols(say_rule((uint16_t)codes[i])) <= 16);
        memcpy(before, text, sizeof(text));
    }
}

static void arguments_stand_in_their_places(void **state) {
    (void)state;
    static const struct {
        enum refusal_code code;
        const char *args[4];
        const char *sentence;
    } rows[] = {
        {REFUSAL_ROLE_AREA,
         {"alarm.ack", "李伟", "R1", ""},
         "alarm acknowledged: the role of 李伟 does not hold in area R1; ask somebody of that "
         "area."},
        {REFUSAL_PIN_WAIT, {"30", "", "", ""}, "Too many wrong PINs; wait 30 s, then try again."},
        {REFUSAL_FILE_LINE,
         {"site.ini:17", "tag TI-101", "H", "deadband-wide"},
         "site.ini:17: tag TI-101: H: deadband-wide. Correct the file and repeat."},
        {REFUSAL_FILE_LINE,
         {"device.ini", "", "missing", ""},
         "device.ini: missing. Correct the file and repeat."},
        // What stands in an argument is text, whatever it looks like.
        {REFUSAL_SUBJECT_EXISTS,
         {"%1$s%n%s", "", "", ""},
         "%1$s%n%s exists already; choose another one."},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct refusal refusal;
        char text[512];
        (void)REFUSE(&refusal, rows[i].code, rows[i].args[0], rows[i].args[1], rows[i].args[2],
                     rows[i].args[3]);
        assert_string_equal(say_refusal(&refusal, text, sizeof(text)), rows[i].sentence);
    }
    // Cut at a character, never beyond the buffer.
    struct refusal refusal;
    char small[8];
    (void)REFUSE(&refusal, REFUSAL_SUBJECT_EXISTS, "李伟王芳");
    assert_string_equal(say_refusal(&refusal, small, sizeof(small)), "李伟");
}

static void every_kind_role_stage_and_code_has_a_word(void **state) {
    (void)state;
    const struct registry *registry = app_registry();
    for (uint16_t m = 0; m < registry->count; m++) {
        for (uint16_t k = 0; k < registry->modules[m]->kind_count; k++) {
            assert_string_not_equal(say_kind(registry->modules[m]->kinds[k].number),
                                    say_kind(65535));
        }
    }
    for (int i = 0; i < ROLE_COUNT; i++) {
        assert_string_not_equal(say_role((enum role)i), "?");
    }
    for (int i = STAGE_DRAFT; i <= STAGE_HELD; i++) {
        assert_string_not_equal(say_stage((enum act_stage)i), "?");
    }
    for (int i = 0; i < RC_COUNT; i++) {
        assert_string_not_equal(say_rc((enum rc)i), "?");
    }
    for (int i = VERDICT_NONE; i <= VERDICT_HELD; i++) {
        assert_string_not_equal(say_verdict((enum verdict)i), "?");
    }
    assert_string_equal(say_role((enum role)99), "?");
}

static void ages_and_times(void **state) {
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } ages[] = {{-5, "0 s"},         {0, "0 s"},          {59999, "59 s"},
                {60000, "1 min"},    {3599999, "59 min"}, {3600000, "1 h 00"},
                {7500000, "2 h 05"}, {86400000, "1 d"},   {INT64_MAX, "106751991167 d"}};
    char text[64];
    for (size_t i = 0; i < COUNT_OF(ages); i++) {
        assert_string_equal(say_age(ages[i].ms, text, sizeof(text)), ages[i].text);
    }
    struct utc_ms time = {1709164799000}; // 2024-02-28 23:59:59 UTC
    assert_string_equal(say_clock(time, 0, text, sizeof(text)), "23:59:59");
    assert_string_equal(say_date(time, 0, text, sizeof(text)), "2024-02-28 23:59");
    assert_string_equal(say_date(time, 480, text, sizeof(text)), "2024-02-29 07:59");
    assert_string_equal(say_clock(time, -300, text, sizeof(text)), "18:59:59");
    time.v = -1000;
    assert_string_equal(say_date(time, 0, text, sizeof(text)), "1969-12-31 23:59");
}

static void languages(void **state) {
    (void)state;
    struct refusal refusal = {.code = REFUSAL_NOT_SIGNED_IN};
    char english[256], text[256];
    assert_string_equal(say_language_now(), "en");
    say_refusal(&refusal, english, sizeof(english));
    say_language("zh_CN");
    assert_string_equal(say_language_now(), "zh_CN");
    say_refusal(&refusal, text, sizeof(text));
    // The catalogue is built with the programs; without it the texts stay English.
    if (strcmp(text, english) != 0) {
        assert_string_equal(text, "无人登录，请先登录。");
        (void)REFUSE(&refusal, REFUSAL_ROLE_AREA, "alarm.ack", "李伟", "R1");
        say_refusal(&refusal, text, sizeof(text));
        assert_non_null(strstr(text, "报警确认"));
        assert_non_null(strstr(text, "R1"));
    }
    say_language("en");
    refusal = (struct refusal){.code = REFUSAL_NOT_SIGNED_IN};
    assert_string_equal(say_refusal(&refusal, text, sizeof(text)), english);
}

int main(void) {
    assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_refusal_has_a_sentence),
        cmocka_unit_test(arguments_stand_in_their_places),
        cmocka_unit_test(every_kind_role_stage_and_code_has_a_word),
        cmocka_unit_test(ages_and_times),
        cmocka_unit_test(languages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
