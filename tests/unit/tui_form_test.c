#include "tui_util.h"

#include "davy/base/text.h"

static void type(struct tui_line *line, const char *text) {
    const char *end = text + strlen(text);
    while (text < end) {
        uint32_t point = text_next(&text, end);
        struct tui_event event = tui_event_key(point);
        (void)tui_line_event(line, &event);
    }
}

static void key(struct tui_line *line, uint32_t code) {
    struct tui_event event = tui_event_key(code);
    assert_int_equal(tui_line_event(line, &event), TUI_HANDLED);
}

static void paste(struct tui_line *line, const char *text) {
    struct tui_event event = {.kind = TUI_EVENT_PASTE, .paste = text};
    assert_int_equal(tui_line_event(line, &event), TUI_HANDLED);
}

static void text_is_edited_by_characters(void **state) {
    (void)state;
    struct tui_line line;
    tui_line_init(&line, TUI_LINE_TEXT, 0);
    type(&line, "氯气e\xcc\x81x");
    key(&line, TUI_KEY_LEFT);
    key(&line, TUI_KEY_LEFT); // over e and its accent at once
    type(&line, "阀");
    assert_string_equal(line.text, "氯气阀e\xcc\x81x");
    key(&line, TUI_KEY_DELETE);
    assert_string_equal(line.text, "氯气阀x");
    key(&line, TUI_KEY_HOME);
    key(&line, TUI_KEY_BACKSPACE);
    key(&line, TUI_KEY_RIGHT);
    key(&line, TUI_KEY_BACKSPACE);
    assert_string_equal(line.text, "气阀x");
    key(&line, TUI_KEY_END);
    key(&line, TUI_KEY_DELETE);
    key(&line, TUI_KEY_RIGHT);
    type(&line, " two");
    key(&line, TUI_KEY_CTRL('W'));
    assert_string_equal(line.text, "气阀x ");
    key(&line, TUI_KEY_CTRL('U'));
    assert_string_equal(line.text, "");
    struct tui_event f8 = tui_event_key(TUI_KEY_F(8));
    assert_int_equal(tui_line_event(&line, &f8), TUI_IGNORED);
}

static void marks_do_not_pile_up(void **state) {
    (void)state;
    struct tui_line line;
    tui_line_init(&line, TUI_LINE_TEXT, 0);
    type(&line, "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81x");
    assert_string_equal(line.text, "e\xcc\x81\xcc\x81\xcc\x81\xcc\x81x");
}

static void kinds_take_what_fits_them(void **state) {
    (void)state;
    static const struct {
        enum tui_line_kind kind;
        size_t max;
        const char *typed, *text;
    } rows[] = {
        {TUI_LINE_TEXT, 7, "氯气泄漏", "氯气"}, // never half a hanzi
        {TUI_LINE_TEXT, 0, "a\033[2Jb\n", "a [2Jb "},
        {TUI_LINE_DIGITS, 4, "12ab-3.456", "1234"},
        {TUI_LINE_DIGITS, 9, "１２３　4", "1234"}, // full-width digits of an input method
        {TUI_LINE_NUMBER, 9, "-１9．5%", "-19.5"},
        {TUI_LINE_PIN, 8, "1a2b3c4d5e6f7g8h9", "12345678"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tui_line line;
        tui_line_init(&line, rows[i].kind, rows[i].max);
        paste(&line, rows[i].typed);
        assert_string_equal(line.text, rows[i].text);
        tui_line_init(&line, rows[i].kind, rows[i].max);
        tui_line_set(&line, rows[i].typed);
        assert_string_equal(line.text, rows[i].text);
    }
}

static void a_line_scrolls_with_its_caret(void **state) {
    (void)state;
    struct tui_canvas *canvas = test_canvas(1, 8);
    struct tui_line line;
    tui_line_init(&line, TUI_LINE_TEXT, 0);
    type(&line, "氯气泄漏abcd"); // half a hanzi scrolled away is a blank
    tui_line_draw(&line, canvas, tui_span(0, 1, 6), true);
    test_dump_is(canvas, "  abcd\n--\n.iiiiii\n-- cursor 0 6 shown\n");
    key(&line, TUI_KEY_HOME);
    tui_line_draw(&line, canvas, tui_span(0, 1, 6), true);
    test_dump_is(canvas, " 氯气泄\n--\n.iiiiii\n-- cursor 0 1 shown\n");
    tui_canvas_free(canvas);
}

static void a_pin_is_never_shown_and_wiped(void **state) {
    (void)state;
    struct tui_canvas *canvas = test_canvas(1, 12);
    struct tui_line line;
    tui_line_init(&line, TUI_LINE_PIN, 8);
    type(&line, "1234");
    tui_line_draw(&line, canvas, tui_span(0, 0, 9), true);
    test_dump_is(canvas, "****\n--\niiiiiiiii\n-- cursor 0 4 shown\n");
    tui_line_wipe(&line);
    for (size_t i = 0; i < sizeof line.text; i++) {
        assert_int_equal(line.text[i], 0);
    }
    tui_canvas_free(canvas);
}

enum { F_WHERE = 1, F_VALUE, F_KIND, F_PIN };

static const char *const kinds[] = {"low", "high", "other"};
static const struct tui_field fields[] = {
    {F_WHERE, "Where", TUI_LINE_TEXT, 0, NULL, "area or tag", true, NULL, 0},
    {F_VALUE, "Value", TUI_LINE_NUMBER, 8, "ppm", NULL, false, NULL, 0},
    {F_KIND, "Kind", TUI_LINE_TEXT, 0, NULL, NULL, false, kinds, 3},
    {F_PIN, "PIN", TUI_LINE_PIN, 8, NULL, NULL, true, NULL, 0},
};

static enum tui_form_outcome send(struct tui_form *form, uint32_t code) {
    struct tui_event event = tui_event_key(code);
    return tui_form_event(form, &event);
}

static void a_form_is_filled_field_by_field(void **state) {
    (void)state;
    struct tui_form *form = tui_form_new(fields, 4);
    assert_int_equal(send(form, 0x6c2f), TUI_FORM_CHANGED);
    assert_int_equal(send(form, TUI_KEY_LEFT), TUI_FORM_HANDLED);
    assert_int_equal(send(form, TUI_KEY_ENTER), TUI_FORM_HANDLED);
    assert_int_equal(send(form, '8'), TUI_FORM_CHANGED);
    assert_int_equal(send(form, 'x'), TUI_FORM_HANDLED); // no number, no change
    assert_int_equal(send(form, TUI_KEY_TAB), TUI_FORM_HANDLED);
    assert_int_equal(send(form, '3'), TUI_FORM_CHANGED);
    assert_int_equal(send(form, '4'), TUI_FORM_IGNORED);
    assert_int_equal(send(form, ' '), TUI_FORM_CHANGED);
    assert_int_equal(tui_form_choice(form, F_KIND), 0);
    assert_int_equal(send(form, TUI_KEY_LEFT), TUI_FORM_CHANGED);
    assert_int_equal(tui_form_choice(form, F_KIND), 2);
    assert_int_equal(send(form, TUI_KEY_ENTER), TUI_FORM_HANDLED);
    assert_int_equal(send(form, TUI_KEY_ENTER), TUI_FORM_HANDLED); // the PIN is required
    assert_int_equal(send(form, '1'), TUI_FORM_CHANGED);
    assert_int_equal(send(form, TUI_KEY_ENTER), TUI_FORM_SUBMIT);
    assert_string_equal(tui_form_value(form, F_WHERE), "氯");
    assert_string_equal(tui_form_value(form, F_VALUE), "8");
    assert_string_equal(tui_form_value(form, F_PIN), "1");
    assert_int_equal(send(form, TUI_KEY_F(8)), TUI_FORM_IGNORED);
    assert_int_equal(send(form, TUI_KEY_ESC), TUI_FORM_CANCEL);
    tui_form_set(form, F_KIND, "7");
    assert_int_equal(tui_form_choice(form, F_KIND), 0);
    tui_form_free(form);
}

static void an_error_stands_at_its_field(void **state) {
    (void)state;
    struct tui_form *form = tui_form_new(fields, 4);
    struct tui_canvas *canvas = test_canvas(7, 40);
    tui_form_set(form, F_VALUE, "99");
    tui_form_set_error(form, F_VALUE, "above 50");
    tui_form_draw(form, canvas, tui_canvas_rect(canvas), TUI_COMPACT);
    test_dump_is(canvas, "Where area or tag\n"
                         "Value 99        ppm\n"
                         "above 50\n"
                         "Kind  < low > 1/3\n"
                         "PIN\n");
    assert_true(test_dump_has(canvas, "\nttttt.bbbbbbbbb\nxxxxxxxx\n"));
    assert_true(test_dump_has(canvas, "\n-- cursor 1 8 shown\n"));
    assert_int_equal(tui_form_rows(form, 40, TUI_COMPACT), 5);
    (void)send(form, '9'); // a change takes it away
    assert_int_equal(tui_form_rows(form, 40, TUI_COMPACT), 4);
    tui_canvas_free(canvas);
    tui_form_free(form);
}

static void long_labels_stand_above_and_the_focus_is_in_sight(void **state) {
    (void)state;
    static const struct tui_field wide[] = {
        {1, "Where it happened", TUI_LINE_TEXT, 0, NULL, NULL, false, NULL, 0},
        {2, "What was done", TUI_LINE_TEXT, 0, NULL, NULL, false, NULL, 0},
        {3, "Who", TUI_LINE_TEXT, 0, NULL, NULL, false, NULL, 0},
    };
    struct tui_form *form = tui_form_new(wide, 3);
    struct tui_canvas *canvas = test_canvas(3, 40);
    assert_int_equal(tui_form_rows(form, 40, TUI_COMPACT), 6);
    assert_int_equal(tui_form_rows(form, 80, TUI_NORMAL), 3);
    (void)send(form, TUI_KEY_BACKTAB);
    (void)send(form, 'x');
    tui_form_draw(form, canvas, tui_canvas_rect(canvas), TUI_COMPACT);
    test_dump_is(canvas, "\nWho\nx\n--");
    assert_true(test_dump_has(canvas, "\n-- cursor 2 1 shown\n"));
    tui_canvas_free(canvas);
    tui_form_free(form);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_edited_by_characters),
        cmocka_unit_test(marks_do_not_pile_up),
        cmocka_unit_test(kinds_take_what_fits_them),
        cmocka_unit_test(a_line_scrolls_with_its_caret),
        cmocka_unit_test(a_pin_is_never_shown_and_wiped),
        cmocka_unit_test(a_form_is_filled_field_by_field),
        cmocka_unit_test(an_error_stands_at_its_field),
        cmocka_unit_test(long_labels_stand_above_and_the_focus_is_in_sight),
    };
    return cmocka_run_group_tests(tests, test_utf8_setup, NULL);
}
