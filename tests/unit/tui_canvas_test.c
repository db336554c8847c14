#include "tui_util.h"

static void text_is_cut_and_padded_to_columns(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int cols;
        enum tui_align align;
        const char *row;
    } rows[] = {
        {"abc", 5, TUI_LEFT, "abc  |"},
        {"abc", 5, TUI_RIGHT, "  abc|"},
        {"abc", 6, TUI_CENTER, " abc  |"},
        {"abcdef", 4, TUI_LEFT, "abc…|"},
        {"abcd", 4, TUI_LEFT, "abcd|"},
        {"氯气泄漏", 8, TUI_LEFT, "氯气泄漏|"},
        {"氯气泄漏", 7, TUI_LEFT, "氯气泄…|"},
        {"氯气泄漏", 6, TUI_LEFT, "氯气… |"}, // a hanzi is not split: one column early, padded
        {"氯气", 1, TUI_LEFT, "…|"},
        {"", 3, TUI_LEFT, "   |"},
        {"x", 0, TUI_LEFT, "|"},
    };
    struct tui_canvas *canvas = test_canvas(1, 12);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        tui_canvas_clear(canvas);
        tui_put_aligned(canvas, tui_span(0, 0, rows[i].cols), TUI_TEXT, rows[i].align,
                        rows[i].text);
        tui_put(canvas, tui_span(0, rows[i].cols, 1), TUI_TEXT, "|");
        char expected[64];
        snprintf(expected, sizeof expected, "%s\n--", rows[i].row);
        test_dump_is(canvas, expected);
    }
    tui_canvas_free(canvas);
}

static void half_covered_hanzi_leaves_a_blank(void **state) {
    (void)state;
    struct tui_canvas *canvas = test_canvas(3, 8);
    tui_put(canvas, tui_span(2, 0, 8), TUI_TEXT, "氯气泄漏");
    tui_put(canvas, tui_span(2, 1, 2), TUI_TEXT, "阀"); // covers half of two
    tui_put(canvas, tui_span(0, 0, 8), TUI_TEXT, "氯气泄漏");
    tui_put(canvas, tui_span(0, 1, 1), TUI_P1, "X");
    tui_put(canvas, tui_span(0, 4, 1), TUI_P1, "Y");
    tui_put(canvas, tui_span(1, 0, 8), TUI_TEXT, "a氯b");
    tui_put(canvas, tui_span(1, 2, 2), TUI_TEXT, "气");
    test_dump_is(canvas, " X气Y 漏\na 气\n 阀 泄漏\n--\n.1..1\n");
    tui_canvas_free(canvas);
}

static void hanzi_at_the_last_column_is_cut(void **state) {
    (void)state;
    struct tui_canvas *canvas = test_canvas(2, 5);
    (void)tui_add(canvas, tui_span(0, 0, 5), TUI_TEXT, "氯气泄");
    (void)tui_add(canvas, tui_span(0, 4, 9), TUI_TEXT, "漏x"); // a span beyond the edge
    test_dump_is(canvas, "氯气\n\n--");
    tui_canvas_free(canvas);
}

static void nothing_is_drawn_outside_the_clip(void **state) {
    (void)state;
    struct tui_canvas *canvas = test_canvas(3, 8);
    tui_fill(canvas, (struct tui_rect){-5, -5, 100, 100}, TUI_TEXT);
    struct tui_rect before = tui_canvas_clip(canvas, (struct tui_rect){1, 2, 1, 3});
    for (int row = -2; row < 6; row++) {
        (void)tui_add(canvas, tui_span(row, -1, 40), TUI_TEXT, "氯气泄漏氯气泄漏");
    }
    (void)tui_canvas_clip(canvas, before);
    test_dump_is(canvas, "\n   泄\n\n--");
    tui_canvas_free(canvas);
}

static void foreign_text_cannot_fake_anything(void **state) {
    (void)state;
    struct tui_canvas *canvas = test_canvas(1, 24);
    tui_put(canvas, tui_span(0, 0, 24), TUI_TEXT,
            "a\033[2Jb\nc\xff\xe2\x80\xae"
            "d\xe2\x80\x8b"
            "e\tf");
    test_dump_is(canvas, "a [2Jb c\xef\xbf\xbd"
                         "de f\n--");
    tui_canvas_free(canvas);
}

static void combining_marks_stay_on_their_base(void **state) {
    (void)state;
    struct tui_canvas *canvas = test_canvas(1, 4);
    tui_put(canvas, tui_span(0, 0, 4), TUI_TEXT, "e\xcc\x81x");
    struct tui_cell_view cell = tui_canvas_cell(canvas, 0, 0);
    assert_string_equal(cell.text, "e\xcc\x81");
    assert_string_equal(tui_canvas_cell(canvas, 0, 1).text, "x");
    tui_canvas_free(canvas);
}

static void unshowable_signs_are_spelt(void **state) {
    (void)state;
    struct tui_look look = test_look(TUI_UTF8);
    look.ambiguous_wide = true;
    struct tui_canvas *canvas = tui_canvas_new(1, 30, &look);
    tui_put(canvas, tui_span(0, 0, 30), TUI_TEXT, "① 5±1 ℃ 氯 →");
    test_dump_is(canvas, "(1) 5+/-1 C 氯 ->\n--");
    tui_canvas_free(canvas);
    look = test_look(TUI_ASCII);
    canvas = tui_canvas_new(1, 30, &look);
    tui_put(canvas, tui_span(0, 0, 30), TUI_TEXT, "⑳ 氯é|");
    test_dump_is(canvas, "(20) ???|\n--");
    tui_canvas_free(canvas);
}

static void a_pen_writes_on_and_keeps_the_right(void **state) {
    (void)state;
    struct tui_canvas *canvas = test_canvas(1, 12);
    struct tui_pen pen = tui_pen(canvas, tui_span(0, 0, 12));
    tui_pen_right(&pen, TUI_DIM, "14:32");
    tui_pen_put(&pen, TUI_P1, "!1");
    tui_pen_putf(&pen, TUI_TEXT, ":%d 断网", 2);
    assert_int_equal(tui_pen_left(&pen), 0);
    tui_pen_right(&pen, TUI_DIM, "nothing");
    test_dump_is(canvas, "!1:2 断14:32\n--\n11.....ddddd\n");
    tui_canvas_free(canvas);
}

static void text_wraps_by_words_hanzi_and_punctuation(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int cols;
        const char *rows;
        int lines;
    } rows[] = {
        {"one two three", 8, "one two\nthree\n", 2},
        {"氯气泄漏，停车。", 8, "氯气泄\n漏，停\n车。\n", 3},
        {"unbreakableword x", 6, "unbrea\nkablew\nord x\n", 3},
        {"a\n\nb", 4, "a\n\nb\n", 3},
        {"检查V-12阀门", 7, "检查\nV-12阀\n门\n", 3},
        {"", 4, "\n", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tui_canvas *canvas = test_canvas(4, 10);
        struct tui_rect rect = {0, 0, 4, rows[i].cols};
        int lines = tui_put_wrapped(canvas, rect, (struct tui_wrap){TUI_TEXT, 0}, rows[i].text);
        test_dump_is(canvas, rows[i].rows);
        assert_int_equal(lines, rows[i].lines);
        assert_int_equal(tui_put_wrapped(NULL, rect, (struct tui_wrap){TUI_TEXT, 0}, rows[i].text),
                         lines);
        tui_canvas_free(canvas);
    }
}

static void a_box_has_a_title_and_an_inside(void **state) {
    (void)state;
    struct tui_canvas *canvas = test_canvas(3, 12);
    struct tui_rect inside = tui_box(canvas, (struct tui_rect){0, 0, 3, 12}, TUI_TEXT, "报警");
    tui_put(canvas, tui_span(inside.row, inside.col, inside.cols), TUI_TEXT, "0123456789");
    test_dump_is(canvas, "┌─ 报警 ───┐\n│0123456789│\n└──────────┘\n--\n..tttttt\n");
    tui_canvas_free(canvas);
}

static void rectangles_are_cut_without_going_negative(void **state) {
    (void)state;
    struct tui_rect rest = {2, 3, 5, 10};
    struct tui_rect top = tui_rect_top(&rest, 2);
    struct tui_rect right = tui_rect_right(&rest, 4);
    struct tui_rect all = tui_rect_left(&rest, 99);
    assert_memory_equal(&top, (&(struct tui_rect){2, 3, 2, 10}), sizeof top);
    assert_memory_equal(&right, (&(struct tui_rect){4, 9, 3, 4}), sizeof right);
    assert_memory_equal(&all, (&(struct tui_rect){4, 3, 3, 6}), sizeof all);
    assert_memory_equal(&rest, (&(struct tui_rect){4, 9, 3, 0}), sizeof rest);
}

static void sizes_are_clamped(void **state) {
    (void)state;
    struct tui_canvas *canvas = test_canvas(0, -7);
    tui_put(canvas, tui_span(0, 0, 80), TUI_TEXT, "x氯");
    tui_cursor(canvas, 40, 40, true);
    test_dump_is(canvas, "x\n--\n\n-- cursor 0 0 shown\n");
    assert_int_equal(tui_canvas_resize(canvas, 5000, 2), RC_OK);
    assert_int_equal(tui_canvas_rect(canvas).rows, TUI_CANVAS_MAX);
    tui_canvas_free(canvas);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_cut_and_padded_to_columns),
        cmocka_unit_test(half_covered_hanzi_leaves_a_blank),
        cmocka_unit_test(hanzi_at_the_last_column_is_cut),
        cmocka_unit_test(nothing_is_drawn_outside_the_clip),
        cmocka_unit_test(foreign_text_cannot_fake_anything),
        cmocka_unit_test(combining_marks_stay_on_their_base),
        cmocka_unit_test(unshowable_signs_are_spelt),
        cmocka_unit_test(a_pen_writes_on_and_keeps_the_right),
        cmocka_unit_test(text_wraps_by_words_hanzi_and_punctuation),
        cmocka_unit_test(a_box_has_a_title_and_an_inside),
        cmocka_unit_test(rectangles_are_cut_without_going_negative),
        cmocka_unit_test(sizes_are_clamped),
    };
    return cmocka_run_group_tests(tests, test_utf8_setup, NULL);
}
