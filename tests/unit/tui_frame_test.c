// The frame around every screen: layout, actions, message line.
#include "tui_util.h"

static void layout_follows_the_size(void **state) {
    (void)state;
    static const struct {
        int rows, cols;
        bool hide;
        enum tui_class size;
        int body_rows, hint_rows;
    } rows[] = {
        {16, 40, false, TUI_COMPACT, 13, 1}, {16, 40, true, TUI_COMPACT, 14, 0},
        {17, 40, true, TUI_COMPACT, 14, 1},  {24, 80, true, TUI_NORMAL, 21, 1},
        {50, 160, false, TUI_WIDE, 47, 1},   {19, 160, false, TUI_COMPACT, 16, 1},
        {20, 60, false, TUI_NORMAL, 17, 1},  {20, 59, false, TUI_COMPACT, 17, 1},
        {24, 119, false, TUI_NORMAL, 21, 1}, {5, 20, false, TUI_COMPACT, 2, 1},
        {4, 20, false, TUI_TINY, 1, 1},      {5, 19, false, TUI_TINY, 2, 1},
        {1, 1, false, TUI_TINY, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tui_rect screen = {0, 0, rows[i].rows, rows[i].cols};
        struct tui_layout layout = tui_layout_of(screen, rows[i].hide);
        assert_int_equal(layout.size, rows[i].size);
        assert_int_equal(layout.body.rows, rows[i].body_rows);
        assert_int_equal(layout.hints.rows, rows[i].hint_rows);
        assert_int_equal(layout.status.rows + layout.body.rows + layout.message.rows +
                             layout.hints.rows,
                         rows[i].rows);
        if (layout.size != TUI_TINY) {
            assert_int_equal(layout.hints.row + layout.hints.rows, rows[i].rows);
            assert_int_equal(layout.message.row, layout.hints.row - 1);
        }
    }
}

static void a_tiny_screen_says_so(void **state) {
    (void)state;
    struct tui_canvas *canvas = test_canvas(4, 19);
    tui_layout_draw_tiny(canvas);
    test_dump_is(canvas, "too small, need\n20x5\n");
    tui_canvas_free(canvas);
    canvas = test_canvas(1, 1);
    tui_layout_draw_tiny(canvas);
    test_dump_is(canvas, "t\n--");
    tui_canvas_free(canvas);
}

enum { IN_LIST = 1, IN_DETAIL = 2 };

static const struct tui_action rows[] = {
    {1, "row.confirm", 'a', 8, "确认", "Confirms the rows", IN_LIST | IN_DETAIL, false},
    {2, "row.open", TUI_KEY_ENTER, 0, "详情", "Opens the row", IN_LIST, false},
    {3, "list.find", '/', 3, "Find", "Finds text", IN_LIST, false},
    {4, "list.sort", 's', 6, "Sort", "Sorts by a column", IN_LIST, true},
    {5, "app.quit", 'q', 10, "Quit", "Leaves", TUI_IN_ALL, false},
};
static const struct tui_actions actions = {rows, sizeof rows / sizeof rows[0]};

static void keys_find_actions_of_their_context(void **state) {
    (void)state;
    assert_int_equal(tui_action_of_key(actions, IN_LIST, 'a')->id, 1);
    assert_int_equal(tui_action_of_key(actions, IN_DETAIL, TUI_KEY_F(8))->id, 1);
    assert_int_equal(tui_action_of_key(actions, IN_LIST, 's')->id, 4);
    assert_null(tui_action_of_key(actions, IN_DETAIL, 's'));
    assert_null(tui_action_of_key(actions, IN_LIST, 'A'));
    assert_null(tui_action_of_key(actions, IN_LIST, TUI_KEY_NONE));
    assert_null(tui_action_of_key(actions, 0, 'q'));
    assert_int_equal(tui_action_of_name(actions, "app.quit")->id, 5);
    assert_null(tui_action_of_name(actions, "app"));
    assert_int_equal(tui_action_of_id(actions, 3)->fkey, 3);
    assert_null(tui_action_of_id(actions, 99));
    char keys[TUI_ACTION_KEYS_BYTES];
    tui_action_keys(&rows[0], keys);
    assert_string_equal(keys, "F8 a");
    tui_action_keys(&rows[1], keys);
    assert_string_equal(keys, "Enter");
}

static void hints_are_whole_and_cut_from_the_right(void **state) {
    (void)state;
    static const struct {
        int cols;
        uint32_t context;
        const char *row;
    } cases[] = {
        {40, IN_LIST, "F8确认 Enter详情 F3 Find F10 Quit\n"},
        {25, IN_LIST, "F8确认 Enter详情 F3 Find\n"},
        {23, IN_LIST, "F8确认 Enter详情\n"},
        {16, IN_DETAIL, "F8确认 F10 Quit\n"},
        {5, IN_LIST, "\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tui_canvas *canvas = test_canvas(1, 40);
        tui_action_draw_hints(actions, cases[i].context, canvas,
                              (struct tui_rect){0, 0, 1, cases[i].cols});
        test_dump_is(canvas, cases[i].row);
        tui_canvas_free(canvas);
    }
}

static void a_wrong_action_table_is_found(void **state) {
    (void)state;
    const struct tui_action *row = NULL;
    assert_null(tui_action_fault(actions, &row));
    static const struct {
        struct tui_action row;
        const char *fault;
    } wrong[] = {
        {{1, "x", 'x', 0, "X", "X", IN_LIST, false}, "same id"},
        {{9, "row.open", 'x', 0, "X", "X", IN_LIST, false}, "same name"},
        {{9, "x", 'a', 0, "X", "X", IN_DETAIL, false}, "same key"},
        {{9, "x", 's', 0, "X", "X", IN_DETAIL, false}, NULL}, // another context
        {{9, "x", 'x', 8, "X", "X", IN_LIST, false}, "same key"},
        {{9, "x", 'x', 13, "X", "X", IN_LIST, false}, "no such function key"},
        {{9, "x", 'x', 0, "九个列宽的", "X", IN_LIST, false}, "label too wide"},
        {{9, "x", 'x', 0, "X", "", IN_LIST, false}, "no help"},
        {{9, "x", 'x', 0, "X", "X", 0, false}, "no context"},
        {{0, "x", 'x', 0, "X", "X", IN_LIST, false}, "id"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct tui_action copy[6];
        memcpy(copy, rows, sizeof rows);
        copy[5] = wrong[i].row;
        const char *fault = tui_action_fault((struct tui_actions){copy, 6}, &row);
        assert_true((fault == NULL) == (wrong[i].fault == NULL));
        if (fault != NULL) {
            assert_string_equal(fault, wrong[i].fault);
            assert_ptr_equal(row, &copy[5]);
        }
    }
}

static bool message_shows(const struct tui_message *message, int64_t now, const char *text) {
    struct tui_canvas *canvas = test_canvas(1, 30);
    tui_message_draw(message, test_ms(now), canvas, (struct tui_rect){0, 0, 1, 30});
    bool shows = test_dump_has(canvas, text);
    tui_canvas_free(canvas);
    return shows;
}

static void messages_hold_and_pass(void **state) {
    (void)state;
    struct tui_message message = {.text = ""};
    tui_message_set(&message, test_ms(0), TUI_TEXT, "saved");
    assert_true(message_shows(&message, 100, "saved"));
    assert_int_equal(tui_message_wait_ms(&message, test_ms(100)), TUI_MESSAGE_HOLD_MS - 100);
    assert_false(message_shows(&message, TUI_MESSAGE_HOLD_MS, "saved"));
    assert_int_equal(tui_message_wait_ms(&message, test_ms(TUI_MESSAGE_HOLD_MS)), -1);
    tui_message_set(&message, test_ms(0), TUI_REFUSED, "refused: no right");
    tui_message_set(&message, test_ms(500), TUI_TEXT, "synced");
    assert_true(message_shows(&message, 600, "refused"));
    tui_message_set(&message, test_ms(TUI_MESSAGE_GUARD_MS), TUI_TEXT, "synced");
    assert_true(message_shows(&message, 1600, "synced"));
    tui_message_pin(&message, test_ms(2000), TUI_OFFLINE, "offline\033[2J");
    assert_true(message_shows(&message, 2000 + 10 * TUI_MESSAGE_HOLD_MS, "offline [2J"));
    tui_message_clear(&message);
    assert_true(message_shows(&message, 3000, "\n--"));
    assert_false(message_shows(&message, 3000, "offline"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout_follows_the_size),
        cmocka_unit_test(a_tiny_screen_says_so),
        cmocka_unit_test(keys_find_actions_of_their_context),
        cmocka_unit_test(hints_are_whole_and_cut_from_the_right),
        cmocka_unit_test(a_wrong_action_table_is_found),
        cmocka_unit_test(messages_hold_and_pass),
    };
    return cmocka_run_group_tests(tests, test_utf8_setup, NULL);
}
