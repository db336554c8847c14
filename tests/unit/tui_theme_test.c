#include "tui_util.h"

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
}

static void shipped_themes_have_no_fault(void **state) {
    (void)state;
    static const char *const paths[] = {"themes/calm.ini", "themes/high-contrast.ini",
                                        "themes/mono.ini", "themes/template.ini"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct tui_theme theme;
        struct tui_theme_report report;
        enum rc rc = tui_theme_load(paths[i], &theme, &report);
        if (rc != RC_OK || report.count != 0) {
            char text[200];
            tui_theme_report_text(&report, text, sizeof text);
            fail_msg("%s: %s", paths[i], text);
        }
    }
}

static void calm_is_what_is_compiled_in(void **state) {
    (void)state;
    struct tui_theme builtin;
    struct tui_theme calm;
    struct tui_theme_report report;
    tui_theme_builtin(&builtin);
    assert_int_equal(tui_theme_load("themes/calm.ini", &calm, &report), RC_OK);
    assert_memory_equal(&builtin, &calm, sizeof calm);
}

// Every token and glyph stands in calm.ini and, commented out, in template.ini.
static void template_names_everything(void **state) {
    (void)state;
    static char text[32768];
    FILE *file = fopen("themes/template.ini", "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text - 1, file);
    text[len] = '\0';
    fclose(file);
    for (int i = 0; i < TUI_STYLE_COUNT; i++) {
        char line[64];
        snprintf(line, sizeof line, "\n;%-10s = ", tui_style_name((enum tui_style)i));
        int found = 0;
        for (const char *at = strstr(text, line); at != NULL; at = strstr(at + 1, line)) {
            found++;
        }
        assert_int_equal(found, TUI_DEPTH_COUNT);
    }
    for (int i = 0; i < TUI_GLYPH_COUNT; i++) {
        char line[64];
        snprintf(line, sizeof line, "\n;%-12s = ", tui_glyph_name((enum tui_glyph)i));
        assert_non_null(strstr(text, line));
    }
}

static void letters_of_tokens_are_unique(void **state) {
    (void)state;
    for (int i = 0; i < TUI_STYLE_COUNT; i++) {
        for (int j = 0; j < i; j++) {
            assert_int_not_equal(tui_style_letter((enum tui_style)i),
                                 tui_style_letter((enum tui_style)j));
        }
    }
}

static void faults_are_named_with_their_line(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum rc rc;
        enum tui_theme_fault fault;
        int line;
        const char *name;
    } rows[] = {
        {"[mono]\np1 = reverse\n", RC_OK, TUI_THEME_GOOD, 0, ""},
        {"\xef\xbb\xbf[mono]\r\np1 = bold\r\n", RC_OK, TUI_THEME_GOOD, 0, ""},
        {"", RC_OK, TUI_THEME_GOOD, 0, ""},
        {"[mono]\n\np9 = bold\n", RC_INVALID, TUI_THEME_NAME, 3, "p9"},
        {"[mono]\np1 = sparkling\n", RC_INVALID, TUI_THEME_VALUE, 2, "p1"},
        {"[mono]\np1 = red\n", RC_INVALID, TUI_THEME_VALUE, 2, "p1"},
        {"[colors-8]\np1 = 8\n", RC_INVALID, TUI_THEME_VALUE, 2, "p1"},
        {"[colors-256]\np1 = 256\n", RC_INVALID, TUI_THEME_VALUE, 2, "p1"},
        {"[colors-256]\np1 = 1 on\n", RC_OK, TUI_THEME_GOOD, 0, ""},
        {"[colors-256]\np1 = -1\n", RC_INVALID, TUI_THEME_VALUE, 2, "p1"},
        {"[colors-256]\np1 = 99999999999999999999\n", RC_INVALID, TUI_THEME_VALUE, 2, "p1"},
        {"[colours]\np1 = bold\n", RC_INVALID, TUI_THEME_SECTION, 2, "colours"},
        {"p1 = bold\n", RC_INVALID, TUI_THEME_SECTION, 1, "p1"},
        {"[mono]\nnonsense\n", RC_INVALID, TUI_THEME_SYNTAX, 2, ""},
        {"[mono\n", RC_INVALID, TUI_THEME_SYNTAX, 1, ""},
        {"[mono]\nnonsense\np9 = bold\n", RC_INVALID, TUI_THEME_SYNTAX, 2, ""},
        {"[glyphs-utf8]\nhline = 氯\n", RC_INVALID, TUI_THEME_VALUE, 2, "hline"},
        {"[glyphs-utf8]\nhline = --\n", RC_INVALID, TUI_THEME_VALUE, 2, "hline"},
        {"[glyphs-utf8]\nhline =\n", RC_INVALID, TUI_THEME_VALUE, 2, "hline"},
        {"[glyphs-utf8]\nhline = \xff\n", RC_INVALID, TUI_THEME_VALUE, 2, "hline"},
        {"[glyphs-ascii]\nhline = ─\n", RC_INVALID, TUI_THEME_VALUE, 2, "hline"},
        {"[colors-256]\ntext = 160\n", RC_OK, TUI_THEME_ALARM_COLOUR, 0, "text"},
        {"[colors-256]\ntext = 160\np1 = x\n", RC_INVALID, TUI_THEME_VALUE, 3, "p1"},
    };
    char folder[TEST_PATH_BYTES];
    char path[TEST_PATH_BYTES];
    test_folder_make(folder);
    test_path(folder, "t.ini", path);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tui_theme theme;
        struct tui_theme_report report;
        write_file(path, rows[i].text);
        enum rc rc = tui_theme_load(path, &theme, &report);
        if (rc != rows[i].rc || report.fault != rows[i].fault || report.line != rows[i].line ||
            strcmp(report.name, rows[i].name) != 0) {
            fail_msg("row %zu: rc %d fault %d line %d name %s", i, (int)rc, (int)report.fault,
                     report.line, report.name);
        }
    }
    test_folder_remove(folder);
}

// libinih cuts a line at 200 bytes and takes the rest for another one: "p1 = bold" must not appear.
static void a_long_line_is_no_two_lines(void **state) {
    (void)state;
    char folder[TEST_PATH_BYTES];
    char path[TEST_PATH_BYTES];
    char text[800] = "[mono]\n;";
    test_folder_make(folder);
    test_path(folder, "t.ini", path);
    for (size_t len = strlen(text); len < 206; len++) {
        text[len] = 'x';
        text[len + 1] = '\0';
    }
    strncat(text,
            "\np1 = dim ; padding                                                         "
            "                                                                             "
            "                                                    p1 = bold\n\np2 = dim\n",
            400);
    write_file(path, text);
    struct tui_theme theme;
    struct tui_theme builtin;
    struct tui_theme_report report;
    tui_theme_builtin(&builtin);
    assert_int_equal(tui_theme_load(path, &theme, &report), RC_INVALID);
    assert_int_equal(report.fault, TUI_THEME_LINE_TOO_LONG);
    assert_int_equal(report.line, 2);
    assert_int_equal(report.count, 2);
    assert_int_equal(theme.paint[TUI_MONO][TUI_P1].attrs, builtin.paint[TUI_MONO][TUI_P1].attrs);
    assert_int_equal(theme.paint[TUI_MONO][TUI_P2].attrs, TUI_ATTR_DIM);
    test_folder_remove(folder);
}

static void a_broken_file_still_gives_a_theme(void **state) {
    (void)state;
    struct tui_theme theme;
    struct tui_theme builtin;
    struct tui_theme_report report;
    char text[200];
    tui_theme_builtin(&builtin);
    assert_int_equal(tui_theme_load("/nonexistent/x.ini", &theme, &report), RC_IO);
    assert_memory_equal(&theme, &builtin, sizeof theme);
    tui_theme_report_text(&report, text, sizeof text);
    assert_string_equal(text, "/nonexistent/x.ini: cannot be read");
    assert_int_equal(tui_theme_load("/", &theme, &report), RC_IO);
    report = (struct tui_theme_report){TUI_THEME_NAME, 12, "p9", 1};
    tui_theme_report_text(&report, text, sizeof text);
    assert_string_equal(text, "line 12: p9: no such name");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_themes_have_no_fault),
        cmocka_unit_test(calm_is_what_is_compiled_in),
        cmocka_unit_test(template_names_everything),
        cmocka_unit_test(letters_of_tokens_are_unique),
        cmocka_unit_test(faults_are_named_with_their_line),
        cmocka_unit_test(a_long_line_is_no_two_lines),
        cmocka_unit_test(a_broken_file_still_gives_a_theme),
    };
    return cmocka_run_group_tests(tests, test_utf8_setup, NULL);
}
