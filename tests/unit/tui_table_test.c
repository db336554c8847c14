#include "tui_util.h"

// A list of rows named by one byte of their id.
struct model {
    uint8_t ids[64];
    size_t count;
};

static size_t model_count(void *context) {
    return ((struct model *)context)->count;
}

static struct id16 id_of(uint8_t name) {
    struct id16 id = {{name}};
    return id;
}

static struct id16 model_id(void *context, size_t row) {
    return id_of(((struct model *)context)->ids[row]);
}

static void model_cell(void *context, size_t row, size_t column, struct tui_cell *out_cell) {
    uint8_t name = ((struct model *)context)->ids[row];
    switch (column) {
    case 0:
        tui_cell_set(out_cell, name == 'p' ? TUI_P1 : TUI_TEXT, "!%d", name % 4);
        break;
    case 1:
        tui_cell_set(out_cell, TUI_TEXT, "氯气泄漏-%c", name);
        break;
    case 2:
        out_cell->text = "8.2";
        break;
    default:
        out_cell->text = "U";
        break;
    }
}

static const struct tui_column columns[] = {
    {"P", 2, 0, TUI_LEFT, false, 0},
    {"Text", 8, 0, TUI_LEFT, true, 0},
    {"Value", 6, 2, TUI_RIGHT, false, 1},
    {"S", 1, 1, TUI_LEFT, false, 0},
};

static struct tui_table *new_table(struct model *model, const char *names) {
    model->count = strlen(names);
    memcpy(model->ids, names, model->count);
    struct tui_table_spec spec = {
        columns, 4, {model, model_count, model_id, model_cell, NULL, NULL}, true, "nothing here"};
    struct tui_table *table = tui_table_new(&spec);
    assert_non_null(table);
    return table;
}

static void set_rows(struct model *model, const char *names) {
    model->count = strlen(names);
    memcpy(model->ids, names, model->count);
}

static struct tui_table_frame frame_of(int rows, int cols) {
    struct tui_rect rect = {0, 0, rows, cols};
    return (struct tui_table_frame){rect, tui_layout_of(rect, false).size, {NULL, NULL, 0}, true};
}

static void draw(struct tui_table *table, struct tui_canvas *canvas) {
    struct tui_rect rect = tui_canvas_rect(canvas);
    struct tui_table_frame frame = frame_of(rect.rows, rect.cols);
    tui_canvas_clear(canvas);
    tui_table_draw(table, canvas, &frame);
}

static void press(struct tui_table *table, const char *keys) {
    for (; *keys != '\0'; keys++) {
        static const struct {
            char name;
            uint32_t key;
        } names[] = {{'v', TUI_KEY_DOWN},    {'^', TUI_KEY_UP},   {'D', TUI_KEY_PAGE_DOWN},
                     {'U', TUI_KEY_PAGE_UP}, {'H', TUI_KEY_HOME}, {'E', TUI_KEY_END}};
        struct tui_event event = tui_event_key((uint32_t)(uint8_t)*keys);
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            event = names[i].name == *keys ? tui_event_key(names[i].key) : event;
        }
        assert_int_equal(tui_table_event(table, &event), TUI_HANDLED);
    }
}

static char selected(const struct tui_table *table) {
    struct id16 id = {{'-'}};
    (void)tui_table_selected(table, &id);
    return (char)id.b[0];
}

static void columns_drop_by_priority(void **state) {
    (void)state;
    static const struct {
        int rows, cols;
        const char *dump;
    } cases[] = {
        {24, 64,
         "  P  Text                                                Value S\n"
         "> !1 氯气泄漏-a                                            8.2 U\n"},
        {3, 22, "> !1 氯气泄…     8.2 U\n"},              // one line holds everything
        {3, 21, "> !1 氯气泄漏-a     U\n         8.2\n"}, // the second stands in
        {3, 17, "> !1 氯气泄漏-a U\n"},
        {3, 16, "> !1 氯气泄漏… U\n"},
        {3, 15, "> !1 氯气泄…  U\n"}, // eight columns: the text is never narrower beside the state
        {3, 14, "> !1 氯气泄漏…\n"},  // so the state is dropped
        {3, 6, "> !1 …\n"},
        {3, 2, ">\n"},
    };
    struct model model;
    struct tui_table *table = new_table(&model, "a");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tui_canvas *canvas = test_canvas(cases[i].rows, cases[i].cols);
        draw(table, canvas);
        test_dump_is(canvas, cases[i].dump);
        tui_canvas_free(canvas);
    }
    tui_table_free(table);
}

static void selection_stays_with_its_row(void **state) {
    (void)state;
    struct model model;
    struct tui_table *table = new_table(&model, "abcdef");
    struct tui_canvas *canvas = test_canvas(3, 64);
    draw(table, canvas);
    press(table, "vv");
    assert_int_equal(selected(table), 'c');
    set_rows(&model, "xyzabcdef"); // new rows come in above
    draw(table, canvas);
    assert_int_equal(selected(table), 'c');
    set_rows(&model, "fcab"); // sorted anew, some gone
    draw(table, canvas);
    assert_int_equal(selected(table), 'c');
    assert_false(tui_table_slipped(table));
    press(table, "v");
    assert_int_equal(selected(table), 'a');
    tui_canvas_free(canvas);
    tui_table_free(table);
}

static void a_key_counts_from_the_row_that_was_seen(void **state) {
    (void)state;
    struct model model;
    struct tui_table *table = new_table(&model, "abcdef");
    struct tui_canvas *canvas = test_canvas(10, 64);
    draw(table, canvas);
    press(table, "v");
    set_rows(&model, "xyabcdef"); // moved, not painted yet
    press(table, "v");
    assert_int_equal(selected(table), 'c');
    tui_canvas_free(canvas);
    tui_table_free(table);
}

static void a_vanished_row_slips_to_its_neighbour_and_says_so(void **state) {
    (void)state;
    struct model model;
    struct tui_table *table = new_table(&model, "abc");
    struct tui_canvas *canvas = test_canvas(10, 64);
    draw(table, canvas);
    press(table, "v");
    set_rows(&model, "ac");
    assert_int_equal(selected(table), 'b'); // until the next frame: what the person sees
    draw(table, canvas);
    assert_int_equal(selected(table), 'c');
    assert_true(tui_table_slipped(table));
    press(table, "^");
    assert_false(tui_table_slipped(table));
    assert_int_equal(selected(table), 'a');
    set_rows(&model, "");
    draw(table, canvas);
    assert_int_equal(selected(table), '-');
    assert_true(test_dump_has(canvas, "nothing here"));
    set_rows(&model, "xab"); // the row is back after an empty moment
    draw(table, canvas);
    assert_int_equal(selected(table), 'a');
    tui_canvas_free(canvas);
    tui_table_free(table);
}

static void an_id_is_selected_when_it_appears(void **state) {
    (void)state;
    struct model model;
    struct tui_table *table = new_table(&model, "abc");
    struct tui_canvas *canvas = test_canvas(10, 64);
    tui_table_select(table, id_of('z'));
    draw(table, canvas);
    assert_int_equal(selected(table), 'a');
    set_rows(&model, "abcz");
    draw(table, canvas);
    assert_int_equal(selected(table), 'z');
    tui_table_select(table, id_of('y'));
    press(table, "^"); // a person decides otherwise
    set_rows(&model, "yabcz");
    draw(table, canvas);
    assert_int_equal(selected(table), 'c');
    tui_canvas_free(canvas);
    tui_table_free(table);
}

static void movement_and_scrolling(void **state) {
    (void)state;
    struct model model;
    struct tui_table *table = new_table(&model, "abcdefghijklmnopqrstuvwxyz");
    struct tui_canvas *canvas = test_canvas(6, 21); // compact and narrow: 3 rows of two lines
    draw(table, canvas);
    static const struct {
        const char *keys;
        char selected, first;
    } steps[] = {{"^", 'a', 'a'}, {"D", 'd', 'b'}, {"j", 'e', 'c'}, {"kk", 'c', 'c'},
                 {"E", 'z', 'x'}, {"v", 'z', 'x'}, {"U", 'w', 'w'}, {"H", 'a', 'a'}};
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        press(table, steps[i].keys);
        draw(table, canvas);
        const struct id16 *painted;
        assert_int_equal(tui_table_painted(table, &painted), 3);
        assert_int_equal(selected(table), steps[i].selected);
        assert_int_equal(painted[0].b[0], steps[i].first);
    }
    // Scrolled down, what is being read stays in place when rows come in above.
    press(table, "DDD");
    draw(table, canvas);
    const struct id16 *painted;
    (void)tui_table_painted(table, &painted);
    uint8_t first = painted[0].b[0];
    set_rows(&model, "12abcdefghijklmnopqrstuvwxyz");
    draw(table, canvas);
    (void)tui_table_painted(table, &painted);
    assert_int_equal(painted[0].b[0], first);
    tui_canvas_free(canvas);
    tui_table_free(table);
}

// Both lines of the row under the cursor are reversed: the value belongs to it.
static void a_row_of_two_lines_is_one_row(void **state) {
    (void)state;
    struct model model;
    struct tui_table *table = new_table(&model, "ab");
    struct tui_canvas *canvas = test_canvas(4, 21);
    draw(table, canvas);
    press(table, "v");
    draw(table, canvas);
    test_dump_is(canvas, "  !1 氯气泄漏-a     U\n"
                         "         8.2\n"
                         "> !2 氯气泄漏-b     U\n"
                         "         8.2\n"
                         "--\n\n\nfffffffffffffffffffff\nfffffffffffffffffffff\n");
    tui_canvas_free(canvas);
    tui_table_free(table);
}

static void marks_decide_what_an_act_is_for(void **state) {
    (void)state;
    struct model model;
    struct tui_table *table = new_table(&model, "abcdef");
    struct tui_canvas *canvas = test_canvas(22, 64);
    struct id16 ids[8];
    draw(table, canvas);
    assert_int_equal(tui_table_targets(table, ids, 8), 1);
    assert_int_equal(ids[0].b[0], 'a');
    press(table, " v ");
    assert_int_equal(tui_table_mark_count(table), 2);
    draw(table, canvas);
    assert_true(test_dump_has(canvas, "\n +!3 氯"));
    set_rows(&model, "bcdef"); // a marked row is filtered away: the act obeys the filter
    assert_int_equal(tui_table_targets(table, ids, 8), 1);
    assert_int_equal(ids[0].b[0], 'c');
    set_rows(&model, "def"); // no marked row in sight: nothing, not the cursor's row
    assert_int_equal(tui_table_targets(table, ids, 8), 0);
    press(table, "u");
    assert_int_equal(tui_table_mark_count(table), 0);
    press(table, "*");
    assert_int_equal(tui_table_mark_count(table), 3);
    press(table, "H ");
    assert_int_equal(tui_table_mark_count(table), 2);
    tui_canvas_free(canvas);
    tui_table_free(table);
}

static size_t many_count(void *context) {
    (void)context;
    return 20000;
}

static struct id16 many_id(void *context, size_t row) {
    (void)context;
    struct id16 id = {{(uint8_t)row, (uint8_t)(row >> 8), 1}};
    return id;
}

static void many_cell(void *context, size_t row, size_t column, struct tui_cell *out_cell) {
    (*(size_t *)context)++;
    tui_cell_set(out_cell, TUI_TEXT, "%zu", row + column);
}

static void only_shown_rows_are_asked_for(void **state) {
    (void)state;
    size_t asked = 0;
    struct tui_table_spec spec = {
        columns, 4, {&asked, many_count, many_id, many_cell, NULL, NULL}, false, NULL};
    struct tui_table *table = tui_table_new(&spec);
    struct tui_canvas *canvas = test_canvas(24, 80);
    draw(table, canvas);
    assert_int_equal(asked, 23 * 4);
    press(table, "*");
    assert_int_equal(tui_table_mark_count(table), TUI_TABLE_MARKS); // bounded
    tui_canvas_free(canvas);
    tui_table_free(table);
}

static void find_goes_round(void **state) {
    (void)state;
    struct model model;
    struct tui_table *table = new_table(&model, "abcAb");
    model.ids[4] = 'B';
    struct tui_canvas *canvas = test_canvas(22, 64);
    draw(table, canvas);
    assert_true(tui_table_find(table, "-A", 0)); // where the cursor is, without case
    assert_int_equal(selected(table), 'a');
    assert_true(tui_table_find(table, "-a", 1));
    assert_int_equal(selected(table), 'A');
    assert_true(tui_table_find(table, "-b", 1));
    assert_int_equal(selected(table), 'B');
    assert_true(tui_table_find(table, "-b", 1));
    assert_int_equal(selected(table), 'b');
    assert_true(tui_table_find(table, "泄漏-c", -1));
    assert_int_equal(selected(table), 'c');
    assert_false(tui_table_find(table, "zzz", 1));
    assert_false(tui_table_find(table, "", 1));
    assert_int_equal(selected(table), 'c');
    tui_canvas_free(canvas);
    tui_table_free(table);
}

static void the_title_counts_what_is_hidden(void **state) {
    (void)state;
    struct model model;
    struct tui_table *table = new_table(&model, "ap");
    struct tui_canvas *canvas = test_canvas(4, 40);
    struct tui_table_frame frame = frame_of(4, 40);
    frame.title = (struct tui_table_title){"报警", "氯", 340};
    tui_table_draw(table, canvas, &frame);
    test_dump_is(canvas, "报警  2 of 340  \\氯\n> !1 氯气泄漏-a                    8.2 U\n");
    // The cursor is at the selected row's first cell; the row is reversed, the alarm keeps its
    // colour.
    assert_true(test_dump_has(canvas, "\n-- cursor 1 0 hidden\n"));
    press(table, "v");
    frame.title.total = 2;
    tui_canvas_clear(canvas);
    tui_table_draw(table, canvas, &frame);
    test_dump_is(canvas, "报警  2  \\氯\n");
    assert_true(test_dump_has(canvas, "\nff"));
    tui_canvas_free(canvas);
    tui_table_free(table);
}

static void on_a_thin_line_the_cursor_is_one_sign(void **state) {
    (void)state;
    struct model model;
    struct tui_table *table = new_table(&model, "ab");
    struct tui_look look = test_look(TUI_UTF8);
    look.slow = true;
    struct tui_canvas *canvas = tui_canvas_new(4, 30, &look);
    draw(table, canvas);
    assert_true(test_dump_has(canvas, "--\n\n\n\n\n-- cursor 0 0 hidden\n"));
    tui_canvas_free(canvas);
    tui_table_free(table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_drop_by_priority),
        cmocka_unit_test(selection_stays_with_its_row),
        cmocka_unit_test(a_key_counts_from_the_row_that_was_seen),
        cmocka_unit_test(a_vanished_row_slips_to_its_neighbour_and_says_so),
        cmocka_unit_test(an_id_is_selected_when_it_appears),
        cmocka_unit_test(movement_and_scrolling),
        cmocka_unit_test(a_row_of_two_lines_is_one_row),
        cmocka_unit_test(marks_decide_what_an_act_is_for),
        cmocka_unit_test(only_shown_rows_are_asked_for),
        cmocka_unit_test(find_goes_round),
        cmocka_unit_test(the_title_counts_what_is_hidden),
        cmocka_unit_test(on_a_thin_line_the_cursor_is_one_sign),
    };
    return cmocka_run_group_tests(tests, test_utf8_setup, NULL);
}
