#include "tui_util.h"

enum { TAG = 7 };

static const struct tui_action rows[] = {
    {1, "alarm.ack", 'a', 8, "确认", "Confirms the rows", 1, false},
    {2, "row.open", TUI_KEY_ENTER, 0, "Open", "Opens the row under the cursor", 1, false},
    {3, "list.find", '/', 3, "Find", "Finds text", 1, false},
    {4, "other.place", 'z', 0, "Other", "Not in this context", 2, false},
};
static const struct tui_actions actions = {rows, 4};

static struct tui_answer send(struct tui_modal *modal, uint32_t code) {
    struct tui_event event = tui_event_key(code);
    struct tui_answer answer;
    assert_true(tui_modal_event(modal, &event, &answer));
    return answer;
}

static struct tui_answer type(struct tui_modal *modal, const char *keys) {
    struct tui_answer answer = {.kind = TUI_ANSWER_NONE};
    for (; *keys != '\0'; keys++) {
        answer = send(modal, (uint32_t)(uint8_t)*keys);
    }
    return answer;
}

static struct tui_canvas *drawn(struct tui_modal *modal, int height, int width) {
    struct tui_canvas *canvas = test_canvas(height, width);
    struct tui_layout layout = tui_layout_of(tui_canvas_rect(canvas), false);
    tui_modal_draw(modal, canvas, &layout);
    return canvas;
}

static void a_question_is_answered_no_by_default(void **state) {
    (void)state;
    static const struct {
        uint32_t keys[3];
        enum tui_answer_kind kind;
    } cases[] = {
        {{TUI_KEY_ENTER}, TUI_ANSWER_NO},
        {{TUI_KEY_RIGHT, TUI_KEY_ENTER}, TUI_ANSWER_YES},
        {{TUI_KEY_TAB, TUI_KEY_LEFT, TUI_KEY_ENTER}, TUI_ANSWER_NO},
        {{'y'}, TUI_ANSWER_YES},
        {{'n'}, TUI_ANSWER_NO},
        {{TUI_KEY_ESC}, TUI_ANSWER_CANCEL},
        {{'a'}, TUI_ANSWER_NONE},
        {{TUI_KEY_F(8)}, TUI_ANSWER_NONE},
    };
    struct tui_modal *modal = tui_modal_new();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        tui_modal_confirm(modal, TAG, "Confirm 3 alarms", "The highest is priority 1.");
        struct tui_answer answer = {.kind = TUI_ANSWER_NONE};
        for (size_t k = 0; k < 3 && cases[i].keys[k] != 0; k++) {
            answer = send(modal, cases[i].keys[k]);
        }
        assert_int_equal(answer.kind, cases[i].kind);
        assert_int_equal(answer.tag, TAG);
        assert_int_equal(tui_modal_is_open(modal), answer.kind == TUI_ANSWER_NONE);
    }
    // A paste is no answer.
    struct tui_event paste = {.kind = TUI_EVENT_PASTE, .paste = "y"};
    struct tui_answer answer;
    tui_modal_confirm(modal, TAG, "?", "?");
    assert_true(tui_modal_event(modal, &paste, &answer));
    assert_int_equal(answer.kind, TUI_ANSWER_NONE);
    tui_modal_free(modal);
}

static void a_question_is_drawn_over_the_screen(void **state) {
    (void)state;
    struct tui_modal *modal = tui_modal_new();
    tui_modal_confirm(modal, TAG, "提交", "V-12 阀门");
    struct tui_canvas *canvas = drawn(modal, 16, 40);
    test_dump_is(canvas, "\n\n\n\n\n\n"
                         "┌─ 提交 ───────────────────────────────┐\n"
                         "│ V-12 阀门                            │\n"
                         "│                                      │\n"
                         "│ > No (n)     Yes (y)                 │\n"
                         "└──────────────────────────────────────┘\n");
    assert_true(test_dump_has(canvas, "\n-- cursor 9 2 shown\n"));
    tui_canvas_free(canvas);
    tui_modal_free(modal);
}

static void what_cannot_be_seen_cannot_be_answered(void **state) {
    (void)state;
    struct tui_modal *modal = tui_modal_new();
    tui_modal_confirm(modal, TAG, "?", "?");
    tui_canvas_free(drawn(modal, 4, 10));
    assert_int_equal(send(modal, 'y').kind, TUI_ANSWER_NONE);
    tui_canvas_free(drawn(modal, 24, 80));
    assert_int_equal(send(modal, 'y').kind, TUI_ANSWER_YES);
    tui_modal_confirm(modal, TAG, "?", "?");
    tui_canvas_free(drawn(modal, 4, 10));
    assert_int_equal(send(modal, TUI_KEY_ESC).kind, TUI_ANSWER_CANCEL);
    tui_modal_free(modal);
}

static void long_text_scrolls(void **state) {
    (void)state;
    struct tui_modal *modal = tui_modal_new();
    tui_modal_message(modal, TAG, "Long", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16");
    struct tui_canvas *canvas = drawn(modal, 10, 40);
    assert_true(test_dump_has(canvas, "│ 6  "));
    assert_false(test_dump_has(canvas, "│ 7  "));
    assert_true(test_dump_has(canvas, "↓"));
    tui_canvas_free(canvas);
    for (int i = 0; i < 40; i++) {
        (void)send(modal, TUI_KEY_DOWN);
    }
    canvas = drawn(modal, 10, 40);
    assert_true(test_dump_has(canvas, "│ 16 "));
    assert_true(test_dump_has(canvas, "↑"));
    assert_false(test_dump_has(canvas, "↓"));
    tui_canvas_free(canvas);
    assert_int_equal(send(modal, TUI_KEY_ENTER).kind, TUI_ANSWER_CANCEL);
    tui_modal_free(modal);
}

static void a_pin_is_given_once_and_never_shown(void **state) {
    (void)state;
    struct tui_modal *modal = tui_modal_new();
    tui_modal_pin(modal, TAG, "Sign", "3 alarms");
    assert_int_equal(type(modal, "12x34").kind, TUI_ANSWER_NONE);
    struct tui_canvas *canvas = drawn(modal, 16, 40);
    assert_true(test_dump_has(canvas, "PIN: ****"));
    assert_false(test_dump_has(canvas, "1234"));
    tui_canvas_free(canvas);
    struct tui_answer answer = send(modal, TUI_KEY_ENTER);
    assert_int_equal(answer.kind, TUI_ANSWER_TEXT);
    assert_string_equal(answer.text, "1234");
    assert_false(tui_modal_is_open(modal));
    const char *old = answer.text;
    struct tui_event event = tui_event_key('x');
    assert_false(tui_modal_event(modal, &event, &answer));
    assert_string_equal(old, ""); // wiped
    tui_modal_free(modal);
}

// Link and age of the picture stand in row 0: nothing lies over them.
static void the_status_line_stays_free(void **state) {
    (void)state;
    static const struct {
        int height, width;
    } sizes[] = {{5, 20}, {10, 40}, {16, 40}, {24, 80}, {50, 160}};
    static const char long_text[] =
        "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n"
        "19\n20\n21\n22\n23\n24\n25\n26\n27\n28\n29\n30\n31\n32\n33\n"
        "34\n35\n36\n37\n38\n39\n40\n41\n42\n43\n44\n45\n46\n47\n48\n";
    const char *items[TUI_MENU_ITEMS];
    for (size_t i = 0; i < TUI_MENU_ITEMS; i++) {
        items[i] = "an item";
    }
    struct tui_modal *modal = tui_modal_new();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int kind = 0; kind < 5; kind++) {
            switch (kind) {
            case 0:
                tui_modal_message(modal, TAG, "Title", long_text);
                break;
            case 1:
                tui_modal_confirm(modal, TAG, "Title", long_text);
                break;
            case 2:
                tui_modal_pin(modal, TAG, "Title", long_text);
                break;
            case 3:
                tui_modal_menu(modal, TAG, &(struct tui_menu){"Title", items, TUI_MENU_ITEMS, 0});
                break;
            default:
                tui_modal_palette(modal, TAG, actions, 1);
                break;
            }
            struct tui_canvas *canvas = drawn(modal, sizes[i].height, sizes[i].width);
            test_dump_is(canvas, "\n"); // row 0 is as it was
            assert_true(test_dump_has(canvas, "┌"));
            assert_true(test_dump_has(canvas, "└"));
            tui_canvas_free(canvas);
        }
    }
    tui_modal_free(modal);
}

static void a_prompt_tells_what_is_typed(void **state) {
    (void)state;
    struct tui_modal *modal = tui_modal_new();
    tui_modal_prompt(modal, TAG, &(struct tui_prompt){"Find", "v-", 0, true});
    struct tui_answer answer = send(modal, '1');
    assert_int_equal(answer.kind, TUI_ANSWER_TYPING);
    assert_string_equal(answer.text, "v-1");
    struct tui_canvas *canvas = drawn(modal, 16, 40);
    test_dump_is(canvas, "\n\n\n\n\n\n\n\n\n\n\n\n\n\nFind v-1\n");
    assert_true(test_dump_has(canvas, "\n-- cursor 14 8 shown\n"));
    tui_canvas_free(canvas);
    answer = send(modal, TUI_KEY_ENTER);
    assert_int_equal(answer.kind, TUI_ANSWER_TEXT);
    assert_string_equal(answer.text, "v-1");
    tui_modal_free(modal);
}

static void a_menu_is_picked_by_number_or_cursor(void **state) {
    (void)state;
    static const char *const items[] = {"English", "中文", "three"};
    struct tui_modal *modal = tui_modal_new();
    tui_modal_menu(modal, TAG, &(struct tui_menu){"Language", items, 3, 1});
    struct tui_canvas *canvas = drawn(modal, 16, 40);
    assert_true(test_dump_has(canvas, "│ 1 English"));
    assert_true(test_dump_has(canvas, "│>2 中文"));
    tui_canvas_free(canvas);
    assert_int_equal(send(modal, '9').kind, TUI_ANSWER_NONE); // no such row
    struct tui_answer answer = send(modal, '3');
    assert_int_equal(answer.kind, TUI_ANSWER_PICKED);
    assert_int_equal(answer.index, 2);
    tui_modal_menu(modal, TAG, &(struct tui_menu){"Language", items, 3, 1});
    (void)send(modal, TUI_KEY_UP);
    (void)send(modal, TUI_KEY_UP);
    assert_int_equal(send(modal, TUI_KEY_ENTER).index, 0);
    tui_modal_menu(modal, TAG, &(struct tui_menu){"Empty", items, 0, 0});
    assert_int_equal(send(modal, TUI_KEY_ENTER).kind, TUI_ANSWER_NONE);
    tui_modal_free(modal);
}

static void the_palette_finds_by_parts(void **state) {
    (void)state;
    static const struct {
        const char *typed;
        int id; // 0: nothing
    } cases[] = {{"", 1},     {"ack", 1},    {"aack", 1},  {"OPEN", 2}, {"确认", 1},
                 {"find", 3}, {"cursor", 2}, {"other", 0}, {"zzz", 0}};
    struct tui_modal *modal = tui_modal_new();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tui_event paste = {.kind = TUI_EVENT_PASTE, .paste = cases[i].typed};
        struct tui_answer answer;
        tui_modal_palette(modal, TAG, actions, 1);
        assert_true(tui_modal_event(modal, &paste, &answer));
        tui_canvas_free(drawn(modal, 24, 80));
        answer = send(modal, TUI_KEY_ENTER);
        assert_int_equal(answer.kind, cases[i].id != 0 ? TUI_ANSWER_PICKED : TUI_ANSWER_NONE);
        assert_int_equal(answer.action != NULL ? answer.action->id : 0, cases[i].id);
    }
    tui_modal_free(modal);
}

static void help_shows_keys_of_the_context(void **state) {
    (void)state;
    struct tui_modal *modal = tui_modal_new();
    tui_modal_help(modal, TAG, actions, 1);
    struct tui_canvas *canvas = drawn(modal, 24, 80);
    assert_true(test_dump_has(canvas, ">F8 a      确认     Confirms the rows"));
    assert_true(test_dump_has(canvas, " Enter     Open     Opens the row"));
    assert_false(test_dump_has(canvas, "Other"));
    tui_canvas_free(canvas);
    (void)type(modal, "text");
    canvas = drawn(modal, 16, 40);
    assert_true(test_dump_has(canvas, "F3 /"));
    assert_false(test_dump_has(canvas, "F8"));
    tui_canvas_free(canvas);
    tui_modal_actions(modal, TAG, actions, 1);
    canvas = drawn(modal, 24, 80);
    assert_true(test_dump_has(canvas, " 3 F3 /      Find     Finds text"));
    tui_canvas_free(canvas);
    assert_int_equal(send(modal, '2').action->id, 2);
    tui_modal_free(modal);
}

static void a_closed_modal_takes_nothing(void **state) {
    (void)state;
    struct tui_modal *modal = tui_modal_new();
    struct tui_event event = tui_event_key('y');
    struct tui_answer answer;
    assert_false(tui_modal_event(modal, &event, &answer));
    assert_int_equal(answer.kind, TUI_ANSWER_NONE);
    struct tui_canvas *canvas = drawn(modal, 5, 20);
    test_dump_is(canvas, "\n\n\n\n\n--");
    tui_canvas_free(canvas);
    tui_modal_free(modal);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_question_is_answered_no_by_default),
        cmocka_unit_test(a_question_is_drawn_over_the_screen),
        cmocka_unit_test(what_cannot_be_seen_cannot_be_answered),
        cmocka_unit_test(long_text_scrolls),
        cmocka_unit_test(a_pin_is_given_once_and_never_shown),
        cmocka_unit_test(the_status_line_stays_free),
        cmocka_unit_test(a_prompt_tells_what_is_typed),
        cmocka_unit_test(a_menu_is_picked_by_number_or_cursor),
        cmocka_unit_test(the_palette_finds_by_parts),
        cmocka_unit_test(help_shows_keys_of_the_context),
        cmocka_unit_test(a_closed_modal_takes_nothing),
    };
    return cmocka_run_group_tests(tests, test_utf8_setup, NULL);
}
