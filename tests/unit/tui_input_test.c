#include "tui_util.h"

// One feed: bytes at a time. Time runs from row to row within a case.
struct feed {
    const char *bytes;
    int64_t at_ms;
};

// Events as text: "<F8>" for special keys, the character for text, "{paste}" for a paste.
static int event_text(const struct tui_event *event, char *out, size_t out_bytes) {
    char name[TUI_KEY_NAME_BYTES];
    if (event->kind == TUI_EVENT_PASTE) {
        return snprintf(out, out_bytes, "{%s}", event->paste);
    }
    if (event->text[0] != '\0') {
        return snprintf(out, out_bytes, "%s", event->text);
    }
    tui_key_name(event->key, name);
    return snprintf(out, out_bytes, "<%s>", name);
}

static void events_of(struct tui_input *input, int64_t now, char *out, size_t out_bytes) {
    struct tui_event event;
    size_t len = strlen(out);
    while (tui_input_next(input, test_ms(now), &event)) {
        len += (size_t)event_text(&event, out + len, out_bytes - len);
    }
}

static void bytes_become_events(void **state) {
    (void)state;
    static const struct {
        struct feed feeds[6];
        const char *events; // after all feeds and a long wait
    } cases[] = {
        {{{"ab \r\n", 0}}, "ab <Enter><Enter>"},
        {{{"\t\x7f\x08\x0c\x01", 0}}, "<Tab><Bksp><Bksp><^L><^A>"},
        {{{"氯气é😀", 0}}, "氯气é😀"},
        // A hanzi whose bytes come in separate reads, as on a serial line.
        {{{"\xe6", 0}, {"\xb0", 100}, {"\xaf", 300}}, "氯"},
        {{{"\xe6\xb0", 0}, {"\xaf", 600}}, ""}, // too late: noise
        {{{"\xe6\xb0"
           "a",
           0}},
         "a"},                                             // broken off
        {{{"\xe6\xe6\xb0\xaf", 0}}, "氯"},                 // a new start
        {{{"\xff\xfe\x80\xc0\xaf\xed\xa0\x80z", 0}}, "z"}, // never UTF-8, overlong, surrogate
        {{{"\xc2\x9b\xe2\x80\x8b\xe2\x80\xaez", 0}}, "z"}, // C1 control, zero width, bidi
        {{{"\033", 0}}, "<Esc>"},
        {{{"\033", 0}, {"8", 100}}, "<F8>"},
        {{{"\0338", 0}}, "<F8>"},
        {{{"\033", 0}, {"0", 300}}, "<F10>"},
        {{{"\033", 0}, {"8", 450}}, "<Esc>8"},
        {{{"\033", 0}, {"\033", 200}}, "<Esc><Esc>"},
        {{{"\033", 0}, {"q", 200}}, "<Esc>q"},
        {{{"\033x", 0}}, "<Alt-x>"}, // never a letter
        {{{"\033\xe6\xb0\xaf", 0}}, "氯"},
        {{{"\033[A\033[B\033OC\033[D", 0}}, "<Up><Down><Right><Left>"},
        // An arrow torn in three: never Esc and letters.
        {{{"\033", 0}, {"O", 60}, {"A", 120}}, "<Up>"},
        {{{"\033", 0}, {"[", 200}, {"1", 400}, {"9", 600}, {"~", 800}}, "<F8>"},
        {{{"\033[3~\033[5~\033[6~\033[1~\033[4~\033[Z\033[[A", 0}},
         "<Del><PgUp><PgDn><Home><End><S-Tab><F1>"},
        {{{"\033[1;5A", 0}, {"\033[99~", 5}, {"\033[>0;276;0c", 10}, {"k", 15}}, "k"}, // unknown
        {{{"\033[", 0}, {"A", 500}}, "A"}, // the rest came after it was given up
        {{{"\033[12", 0}, {"\n", 10}}, "<Enter>"},
        {{{"\033[1111111111111111111111111111111111111111A", 0}, {"k", 1}}, "k"},
        {{{"\033[200~ab\nc\033[201~d", 0}}, "{ab c}d"},
        {{{"\033[200~aqs\033[A\03382\0338\x03\033[201~d", 0}}, "{aqs828}d"}, // no key acts inside
        {{{"\033[20", 0}, {"0~氯\xe6", 100}, {"\xb0\xaf\033", 200}, {"[201~", 300}}, "{氯氯}"},
        {{{"\033[200~scan\r", 0}, {"x", 500}}, "{scan x}"},
        {{{"\033[200~scan", 0}, {"x", 1500}}, "{scan}x"}, // never ended
        {{{"\033[200~a\033[200~b\033[201~\033[201~c", 0}}, "{ab}c"},
        {{{"\033[200~\xff\xe2\x80\xae\033]0;evil\007\033[201~", 0}}, "{\xef\xbf\xbd]0;evil}"},
        {{{"\033[200~\033[201~", 0}}, "{}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tui_input *input = tui_input_new();
        char events[512] = "";
        for (size_t j = 0; j < 6 && cases[i].feeds[j].bytes != NULL; j++) {
            const struct feed *feed = &cases[i].feeds[j];
            for (const char *at = feed->bytes; *at != '\0'; at++) {
                tui_input_feed(input, (uint8_t)*at, test_ms(feed->at_ms));
            }
            events_of(input, feed->at_ms, events, sizeof events);
        }
        events_of(input, 100000, events, sizeof events);
        if (strcmp(events, cases[i].events) != 0) {
            fail_msg("case %zu: %s, expected %s", i, events, cases[i].events);
        }
        assert_int_equal(tui_input_wait_ms(input, test_ms(100000)), -1);
        tui_input_free(input);
    }
}

static void the_loop_is_told_when_to_come_back(void **state) {
    (void)state;
    struct tui_input *input = tui_input_new();
    struct tui_event event;
    assert_int_equal(tui_input_wait_ms(input, test_ms(0)), -1);
    tui_input_feed(input, 27, test_ms(1000));
    assert_false(tui_input_next(input, test_ms(1000), &event));
    assert_int_equal(tui_input_wait_ms(input, test_ms(1100)), TUI_INPUT_ESC_MS - 100);
    assert_int_equal(tui_input_wait_ms(input, test_ms(5000)), 0);
    assert_true(tui_input_next(input, test_ms(1000 + TUI_INPUT_ESC_MS), &event));
    assert_int_equal(event.key, TUI_KEY_ESC);
    tui_input_feed(input, 'a', test_ms(2000));
    assert_int_equal(tui_input_wait_ms(input, test_ms(2000)), 0);
    tui_input_free(input);
}

static void esc_need_not_wait(void **state) {
    (void)state;
    struct tui_input *input = tui_input_new();
    struct tui_event event;
    tui_input_set_esc_wait(input, 0);
    tui_input_feed(input, 27, test_ms(5));
    assert_true(tui_input_next(input, test_ms(5), &event));
    assert_int_equal(event.key, TUI_KEY_ESC);
    tui_input_free(input);
}

static void paste_bombs_are_cut(void **state) {
    (void)state;
    struct tui_input *input = tui_input_new();
    struct tui_event event;
    tui_input_feed_key(input, TUI_KEY_PASTE_BEGIN, test_ms(0));
    for (int i = 0; i < 500000; i++) {
        tui_input_feed(input, (uint8_t) "\xe6\xb0\xaf"[i % 3], test_ms(0));
        if (i % 1000 == 0) {
            tui_input_feed_key(input, TUI_KEY_F(8), test_ms(0));
        }
    }
    tui_input_feed_key(input, TUI_KEY_PASTE_END, test_ms(0));
    assert_true(tui_input_next(input, test_ms(0), &event));
    assert_int_equal(event.kind, TUI_EVENT_PASTE);
    assert_true(event.paste_cut);
    assert_int_equal(strlen(event.paste), TUI_PASTE_BYTES / 3 * 3);
    assert_null(strstr(event.paste, "\xef\xbf\xbd")); // no half hanzi at the end
    assert_false(tui_input_next(input, test_ms(0), &event));
    tui_input_free(input);
}

// More than the queue and the paste buffers hold: dropped, never mixed up.
static void floods_are_bounded(void **state) {
    (void)state;
    struct tui_input *input = tui_input_new();
    struct tui_event event;
    for (int i = 0; i < 9; i++) {
        tui_input_feed_key(input, TUI_KEY_PASTE_BEGIN, test_ms(0));
        tui_input_feed(input, (uint8_t)('a' + i), test_ms(0));
        tui_input_feed_key(input, TUI_KEY_PASTE_END, test_ms(0));
    }
    for (int i = 0; i < 3000; i++) {
        tui_input_feed(input, 'x', test_ms(0));
    }
    char expected[2] = "a";
    int pastes = 0;
    int keys = 0;
    while (tui_input_next(input, test_ms(0), &event)) {
        if (event.kind == TUI_EVENT_PASTE) {
            assert_string_equal(event.paste, expected);
            expected[0]++;
            pastes++;
        } else {
            keys++;
        }
    }
    assert_int_equal(pastes, 4);
    assert_int_equal(keys, TUI_INPUT_QUEUE - 4);
    tui_input_feed(input, 'y', test_ms(0));
    assert_true(tui_input_next(input, test_ms(0), &event));
    assert_int_equal(event.key, 'y');
    tui_input_free(input);
}

static void keys_have_names(void **state) {
    (void)state;
    static const struct {
        uint32_t key;
        const char *name;
    } rows[] = {
        {TUI_KEY_F(1), "F1"},
        {TUI_KEY_F(12), "F12"},
        {'a', "a"},
        {' ', "Space"},
        {0x6c2f, "氯"},
        {TUI_KEY_CTRL('L'), "^L"},
        {TUI_KEY_PAGE_DOWN, "PgDn"},
        {TUI_KEY_NONE, ""},
        {TUI_KEY_ALT + 'x', "Alt-x"},
        {TUI_KEY_RESIZE, ""},
        {0xffffffff, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char name[TUI_KEY_NAME_BYTES];
        tui_key_name(rows[i].key, name);
        assert_string_equal(name, rows[i].name);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_become_events), cmocka_unit_test(the_loop_is_told_when_to_come_back),
        cmocka_unit_test(esc_need_not_wait),   cmocka_unit_test(paste_bombs_are_cut),
        cmocka_unit_test(floods_are_bounded),  cmocka_unit_test(keys_have_names),
    };
    return cmocka_run_group_tests(tests, test_utf8_setup, NULL);
}
