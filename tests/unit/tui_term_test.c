// The terminal itself: on /dev/null, and on a pseudo terminal whose other end counts the bytes.
#include "tui_util.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static struct tui_theme calm(void) {
    struct tui_theme theme;
    tui_theme_builtin(&theme);
    return theme;
}

static struct tui_term *start(const struct tui_term_options *options) {
    struct tui_theme theme = calm();
    struct tui_term *term = NULL;
    assert_int_equal(tui_term_start(options, &theme, &term), RC_OK);
    return term;
}

static struct tui_term_options null_options(int rows, int cols) {
    return (struct tui_term_options){
        .in_fd = -1, .out_fd = -1, .name = "xterm-256color", .rows = rows, .cols = cols};
}

static void assert_screen_is_canvas(struct tui_term *term) {
    struct buf screen;
    struct buf canvas;
    buf_init(&screen, 1 << 20);
    buf_init(&canvas, 1 << 20);
    tui_term_dump(term, &screen);
    tui_canvas_dump(tui_term_canvas(term), &canvas);
    assert_true(screen.len > 0 && canvas.len > screen.len);
    if (memcmp(screen.data, canvas.data, screen.len) != 0) {
        fail_msg("screen:\n%s\ncanvas:\n%s\n", buf_cstr(&screen), buf_cstr(&canvas));
    }
    buf_fini(&screen);
    buf_fini(&canvas);
}

// Every cell of the screen, hanzi across every edge, popups over them.
static void draw_wild(struct tui_canvas *canvas, int shift) {
    struct tui_rect screen = tui_canvas_rect(canvas);
    tui_canvas_clear(canvas);
    for (int row = 0; row < screen.rows; row++) {
        (void)tui_add(canvas, tui_span(row, (row + shift) % 3 - 1, screen.cols + 9),
                      (enum tui_style)((row + shift) % TUI_STYLE_COUNT),
                      "氯气泄漏检测仪报警氯气泄漏检测仪报警氯气泄漏检测仪报警氯气泄漏检测仪报警");
    }
    struct tui_rect popup = tui_rect_center(screen, screen.rows / 2, screen.cols / 2);
    (void)tui_box(canvas, popup, TUI_TEXT, "e\xcc\x81 弹窗");
}

static void curses_shows_what_the_canvas_says(void **state) {
    (void)state;
    static const int sizes[][2] = {{16, 40}, {24, 80}, {50, 160}, {1, 1}, {2, 3}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct tui_term_options options = null_options(sizes[i][0], sizes[i][1]);
        struct tui_term *term = start(&options);
        struct tui_canvas *canvas = tui_term_canvas(term);
        assert_int_equal(tui_canvas_rect(canvas).rows, sizes[i][0]);
        assert_int_equal(tui_canvas_rect(canvas).cols, sizes[i][1]);
        for (int shift = 0; shift < 4; shift++) {
            draw_wild(canvas, shift);
            assert_int_equal(tui_term_paint(term, test_ms(0)), RC_OK);
            assert_screen_is_canvas(term);
        }
        assert_true(tui_term_bytes(term) > 0);
        tui_term_stop(term);
    }
}

static void resize_storms_down_to_one_cell(void **state) {
    (void)state;
    static const int sizes[][2] = {{1, 1}, {50, 160}, {5, 20}, {1, 200}, {99, 1}, {16, 40}};
    struct tui_term_options options = null_options(24, 80);
    struct tui_term *term = start(&options);
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        assert_int_equal(tui_term_resize(term, sizes[i][0], sizes[i][1]), RC_OK);
        draw_wild(tui_term_canvas(term), (int)i);
        assert_int_equal(tui_term_paint(term, test_ms(0)), RC_OK);
        assert_screen_is_canvas(term);
    }
    struct tui_input *input = tui_input_new();
    struct tui_event event;
    assert_int_equal(tui_term_read(term, input, test_ms(0)), RC_OK);
    assert_true(tui_input_next(input, test_ms(0), &event));
    assert_int_equal(event.kind, TUI_EVENT_RESIZE);
    tui_input_free(input);
    tui_term_stop(term);
}

static void capabilities_follow_terminal_and_wishes(void **state) {
    (void)state;
    static const struct {
        const char *name, *no_color;
        enum tui_color_choice color;
        bool slow, ascii;
        enum tui_depth depth;
        enum tui_charset charset;
        const char *hline;
        enum tui_plot_set plot;
    } rows[] = {
        {"xterm-256color", "", TUI_COLOR_AUTO, false, false, TUI_COLORS_256, TUI_UTF8, "─",
         TUI_PLOT_BLOCK},
        {"xterm-256color", "1", TUI_COLOR_AUTO, false, false, TUI_MONO, TUI_UTF8, "─",
         TUI_PLOT_BLOCK},
        {"xterm-256color", "1", TUI_COLOR_ALWAYS, false, false, TUI_COLORS_256, TUI_UTF8, "─",
         TUI_PLOT_BLOCK},
        {"xterm-256color", "", TUI_COLOR_NEVER, false, false, TUI_MONO, TUI_UTF8, "─",
         TUI_PLOT_BLOCK},
        {"xterm", "", TUI_COLOR_AUTO, false, false, TUI_COLORS_8, TUI_UTF8, "─", TUI_PLOT_BLOCK},
        {"xterm-256color", "", TUI_COLOR_AUTO, true, false, TUI_COLORS_256, TUI_UTF8, "-",
         TUI_PLOT_ASCII},
        {"xterm-256color", "", TUI_COLOR_AUTO, false, true, TUI_COLORS_256, TUI_ASCII, "-",
         TUI_PLOT_ASCII},
        {"linux", "", TUI_COLOR_AUTO, false, false, TUI_COLORS_8, TUI_UTF8, "-", TUI_PLOT_ASCII},
        {"vt100", "", TUI_COLOR_ALWAYS, false, false, TUI_MONO, TUI_UTF8, "-", TUI_PLOT_ASCII},
        {"dumb", "", TUI_COLOR_AUTO, false, false, TUI_MONO, TUI_UTF8, "-", TUI_PLOT_ASCII},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct tui_term_options options = null_options(24, 80);
        options.name = rows[i].name;
        options.color = rows[i].color;
        options.slow = rows[i].slow;
        options.ascii = rows[i].ascii;
        assert_int_equal(setenv("NO_COLOR", rows[i].no_color, 1), 0);
        struct tui_term *term = start(&options);
        const struct tui_caps *caps = tui_term_caps(term);
        const struct tui_look *look = tui_canvas_look(tui_term_canvas(term));
        assert_string_equal(caps->name, rows[i].name);
        assert_int_equal(caps->depth, rows[i].depth);
        assert_int_equal(look->charset, rows[i].charset);
        assert_string_equal(look->glyph[TUI_GLYPH_HLINE], rows[i].hline);
        assert_int_equal(look->plot_set, rows[i].plot);
        assert_int_equal(caps->hanzi, caps->utf8 && strcmp(rows[i].name, "linux") != 0 &&
                                          strcmp(rows[i].name, "dumb") != 0);
        assert_true(caps->slow ? caps->esc_delay_ms >= 100 : caps->esc_delay_ms <= 50);
        draw_wild(tui_term_canvas(term), 0);
        assert_int_equal(tui_term_paint(term, test_ms(0)), RC_OK);
        assert_screen_is_canvas(term);
        tui_term_stop(term);
    }
    assert_int_equal(unsetenv("NO_COLOR"), 0);
}

static void an_unknown_terminal_is_refused(void **state) {
    (void)state;
    struct tui_term_options options = null_options(24, 80);
    struct tui_theme theme = calm();
    struct tui_term *term = NULL;
    options.name = "no-such-terminal";
    assert_int_equal(tui_term_start(&options, &theme, &term), RC_NOT_FOUND);
    assert_null(term);
    options = null_options(24, 80);
    options.out_fd = 999;
    assert_int_equal(tui_term_start(&options, &theme, &term), RC_IO);
}

static void frames_keep_their_distance(void **state) {
    (void)state;
    struct tui_term_options options = null_options(24, 80);
    options.slow = true;
    struct tui_term *term = start(&options);
    assert_int_equal(tui_term_frame_wait_ms(term, test_ms(10000)), 0); // the first at once
    assert_int_equal(tui_term_paint(term, test_ms(10000)), RC_OK);
    assert_int_equal(tui_term_frame_wait_ms(term, test_ms(10100)),
                     tui_term_caps(term)->frame_ms - 100);
    assert_int_equal(tui_term_frame_wait_ms(term, test_ms(60000)), 0); // after idle at once
    tui_term_stop(term);
}

static int setup_pty(struct tui_term_options *options, int *out_main) {
    struct winsize size = {24, 80, 0, 0};
    int other = -1;
    assert_int_equal(openpty(out_main, &other, NULL, NULL, &size), 0);
    assert_int_equal(fcntl(*out_main, F_SETFL, O_NONBLOCK), 0);
    *options = (struct tui_term_options){.in_fd = other, .out_fd = other, .name = "xterm-256color"};
    return other;
}

// Everything the terminal got until it has been quiet.
static size_t received(int fd, char *out, size_t out_bytes) {
    size_t len = 0;
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    while (len < out_bytes - 1 && poll(&ready, 1, 20) > 0) {
        ssize_t got = read(fd, out + len, out_bytes - 1 - len);
        if (got <= 0) {
            break;
        }
        len += (size_t)got;
    }
    out[len] = '\0';
    return len;
}

struct list {
    int value, cursor;
    bool slow;
};

static size_t list_count(void *context) {
    (void)context;
    return 20;
}

static struct id16 list_id(void *context, size_t row) {
    (void)context;
    struct id16 id = {{(uint8_t)(row + 1)}};
    return id;
}

static void list_cell(void *context, size_t row, size_t column, struct tui_cell *out_cell) {
    struct list *list = context;
    if (column == 0) {
        tui_cell_set(out_cell, row == 1 ? TUI_P1 : TUI_TEXT, "!%zu", row % 4 + 1);
    } else if (column == 1) {
        out_cell->text = "AT-101 氯气泄漏检测";
    } else {
        tui_cell_set(out_cell, TUI_TEXT, "%6.1f", row == 9 ? list->value / 10.0 : 8.2);
    }
}

// Bytes that one step costs on a line of this kind.
struct budget {
    struct tui_term *term;
    struct tui_table *table;
    int main, now;
    char bytes[65536];
};

static size_t step(struct budget *budget) {
    struct tui_canvas *canvas = tui_term_canvas(budget->term);
    struct tui_table_frame frame = {tui_canvas_rect(canvas), TUI_NORMAL, {"报警", NULL, 0}, true};
    uint64_t before = tui_term_bytes(budget->term);
    tui_canvas_clear(canvas);
    tui_table_draw(budget->table, canvas, &frame);
    budget->now += 1000;
    assert_int_equal(tui_term_paint(budget->term, test_ms(budget->now)), RC_OK);
    size_t len = received(budget->main, budget->bytes, sizeof budget->bytes);
    assert_int_equal(tui_term_bytes(budget->term) - before, len); // every byte is counted
    return len;
}

static void steps_keep_to_their_bytes(void **state) {
    (void)state;
    static const struct tui_column columns[] = {{"P", 3, 0, TUI_LEFT, false, 0},
                                                {"Text", 20, 0, TUI_LEFT, true, 0},
                                                {"Value", 8, 0, TUI_RIGHT, false, 0}};
    struct list list = {.value = 82};
    struct tui_table_spec spec = {
        columns, 3, {&list, list_count, list_id, list_cell, NULL, NULL}, false, NULL};
    struct tui_term_options options;
    static struct budget budget;
    int other = setup_pty(&options, &budget.main);
    options.slow = true;
    budget.term = start(&options);
    budget.table = tui_table_new(&spec);
    size_t first = step(&budget);
    assert_in_range(first, 800, 1600);
    assert_int_equal(step(&budget), 0); // the same again
    list.value = 83;
    assert_in_range(step(&budget), 1, 20);
    struct tui_event down = tui_event_key(TUI_KEY_DOWN);
    for (int i = 0; i < 5; i++) {
        (void)tui_table_event(budget.table, &down);
        assert_in_range(step(&budget), 1, 20);
    }
    tui_term_repaint(budget.term);
    assert_in_range(step(&budget), first / 2, first * 2);
    tui_table_free(budget.table);
    tui_term_stop(budget.term);
    close(budget.main);
    close(other);
}

static void the_terminal_is_given_back(void **state) {
    (void)state;
    struct tui_term_options options;
    struct termios before;
    struct termios inside;
    struct termios after;
    char bytes[8192];
    int main_fd;
    int other = setup_pty(&options, &main_fd);
    assert_int_equal(tcgetattr(other, &before), 0);
    struct sigaction winch;
    assert_int_equal(sigaction(SIGWINCH, NULL, &winch), 0);
    struct tui_term *term = start(&options);
    struct sigaction winch_now;
    assert_int_equal(sigaction(SIGWINCH, NULL, &winch_now), 0);
    assert_ptr_equal(winch.sa_handler, winch_now.sa_handler); // signals stay the program's
    assert_int_equal(tcgetattr(other, &inside), 0);
    assert_int_equal(inside.c_lflag & (ICANON | ECHO), 0);
    assert_int_equal(tui_term_paint(term, test_ms(0)), RC_OK);
    (void)received(main_fd, bytes, sizeof bytes);
    assert_non_null(strstr(bytes, "\033[?2004h"));
    assert_non_null(strstr(bytes, "\033[?1049h"));
    assert_int_equal(fcntl(other, F_GETFL) & O_NONBLOCK, 0); // the shell's description is untouched

    tui_term_suspend(term);
    (void)received(main_fd, bytes, sizeof bytes);
    assert_non_null(strstr(bytes, "\033[?2004l"));
    assert_non_null(strstr(bytes, "\033[?1049l"));
    assert_int_equal(tcgetattr(other, &after), 0);
    assert_int_equal(after.c_lflag, before.c_lflag);
    assert_int_equal(tui_term_paint(term, test_ms(50)), RC_OK);
    assert_int_equal(received(main_fd, bytes, sizeof bytes), 0);
    tui_term_resume(term);
    tui_put(tui_term_canvas(term), tui_span(3, 3, 10), TUI_TEXT, "back again");
    assert_int_equal(tui_term_paint(term, test_ms(100)), RC_OK);
    (void)received(main_fd, bytes, sizeof bytes);
    assert_non_null(strstr(bytes, "back again"));
    assert_non_null(strstr(bytes, "\033[?2004h"));
    assert_int_equal(tcgetattr(other, &after), 0);
    assert_int_equal(after.c_lflag & (ICANON | ECHO), 0);

    tui_term_stop(term);
    (void)received(main_fd, bytes, sizeof bytes);
    assert_non_null(strstr(bytes, "\033[?2004l"));
    assert_non_null(strstr(bytes, "\033[?1049l"));
    assert_int_equal(tcgetattr(other, &after), 0);
    assert_int_equal(after.c_lflag, before.c_lflag);
    tui_term_restore_raw(); // nothing any more
    assert_int_equal(received(main_fd, bytes, sizeof bytes), 0);
    close(main_fd);
    close(other);
}

static void a_crash_gives_the_terminal_back(void **state) {
    (void)state;
    struct tui_term_options options;
    struct termios before;
    struct termios after;
    char bytes[8192];
    int main_fd;
    int other = setup_pty(&options, &main_fd);
    assert_int_equal(tcgetattr(other, &before), 0);
    pid_t child = fork();
    if (child == 0) {
        struct tui_term *term = start(&options);
        (void)!tui_term_paint(term, test_ms(0));
        tui_term_restore_raw();
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    (void)received(main_fd, bytes, sizeof bytes);
    assert_non_null(strstr(bytes, "\033[?1049l"));
    assert_non_null(strstr(bytes, "\033[?2004l"));
    assert_null(strstr(bytes, "$<")); // no terminfo pauses
    assert_int_equal(tcgetattr(other, &after), 0);
    assert_int_equal(after.c_lflag, before.c_lflag);
    close(main_fd);
    close(other);
}

static void keys_come_through_the_terminal(void **state) {
    (void)state;
    struct tui_term_options options;
    int main_fd;
    int other = setup_pty(&options, &main_fd);
    struct tui_term *term = start(&options);
    struct tui_input *input = tui_input_new();
    assert_int_equal(tui_term_read(term, input, test_ms(0)), RC_OK);
    static const struct {
        const char *bytes;
        uint32_t keys[5];
    } rows[] = {
        {"a\033OA\033[B\033[19~", {'a', TUI_KEY_UP, TUI_KEY_DOWN, TUI_KEY_F(8)}},
        {"\xe6\xb0", {0}},
        {"\xaf\r", {0x6c2f, TUI_KEY_ENTER}},
        {"\033OP\033[3~\033[Z\x7f\t",
         {TUI_KEY_F(1), TUI_KEY_DELETE, TUI_KEY_BACKTAB, TUI_KEY_BACKSPACE, TUI_KEY_TAB}},
        {"\0338", {TUI_KEY_F(8)}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(write(main_fd, rows[i].bytes, strlen(rows[i].bytes)),
                         strlen(rows[i].bytes));
        struct pollfd ready = {.fd = other, .events = POLLIN};
        assert_int_equal(poll(&ready, 1, 1000), 1);
        int64_t now = (int64_t)i * 100;
        assert_int_equal(tui_term_read(term, input, test_ms(now)), RC_OK);
        struct tui_event event;
        for (size_t k = 0; k < 5 && rows[i].keys[k] != 0; k++) {
            assert_true(tui_input_next(input, test_ms(now), &event));
            assert_int_equal(event.key, rows[i].keys[k]);
        }
        assert_false(tui_input_next(input, test_ms(now), &event));
    }
    assert_int_equal(write(main_fd, "\033[200~q\033OAx\033[201~", 17), 17);
    struct pollfd ready = {.fd = other, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 1000), 1);
    assert_int_equal(tui_term_read(term, input, test_ms(900)), RC_OK);
    struct tui_event event;
    assert_true(tui_input_next(input, test_ms(900), &event));
    assert_int_equal(event.kind, TUI_EVENT_PASTE);
    assert_string_equal(event.paste, "qx");
    close(main_fd); // the line is lost
    assert_int_equal(tui_term_read(term, input, test_ms(1000)), RC_IO);
    tui_put(tui_term_canvas(term), tui_span(0, 0, 9), TUI_TEXT, "gone");
    assert_int_equal(tui_term_paint(term, test_ms(1000)), RC_IO);
    tui_input_free(input);
    tui_term_stop(term);
    close(other);
}

// Keys that wait do not cut a frame short: on a thin line the rest would come a second later.
static void a_frame_is_whole_while_someone_types(void **state) {
    (void)state;
    struct tui_term_options options;
    static char bytes[65536];
    int main_fd;
    int other = setup_pty(&options, &main_fd);
    struct tui_term *term = start(&options);
    assert_int_equal(tui_term_paint(term, test_ms(0)), RC_OK);
    (void)received(main_fd, bytes, sizeof bytes);
    assert_int_equal(write(main_fd, "typed ahead", 11), 11);
    struct pollfd ready = {.fd = other, .events = POLLIN};
    assert_int_equal(poll(&ready, 1, 1000), 1);
    draw_wild(tui_term_canvas(term), 0);
    tui_put(tui_term_canvas(term), tui_span(23, 0, 8), TUI_TEXT, "last row");
    assert_int_equal(tui_term_paint(term, test_ms(0)), RC_OK);
    (void)received(main_fd, bytes, sizeof bytes);
    assert_non_null(strstr(bytes, "last row"));
    tui_term_stop(term);
    close(main_fd);
    close(other);
}

// A terminal that takes nothing: painting returns, the frame waits, nothing is lost.
static void a_stuck_line_does_not_block(void **state) {
    (void)state;
    struct tui_term_options options;
    static char bytes[262144];
    int main_fd;
    int other = setup_pty(&options, &main_fd);
    struct tui_term *term = start(&options);
    assert_int_equal(tui_term_resize(term, 200, 300), RC_OK);
    draw_wild(tui_term_canvas(term), 0);
    assert_int_equal(tui_term_paint(term, test_ms(0)), RC_OK);
    assert_true(tui_term_wants_write(term));
    assert_int_equal(tui_term_frame_wait_ms(term, test_ms(5000)), -1);
    size_t len = 0;
    while (tui_term_wants_write(term)) {
        len += received(main_fd, bytes, sizeof bytes);
        assert_int_equal(tui_term_flush(term), RC_OK);
    }
    len += received(main_fd, bytes, sizeof bytes);
    assert_int_equal(len, tui_term_bytes(term));
    assert_int_equal(tui_term_frame_wait_ms(term, test_ms(5000)), 0);
    tui_term_stop(term);
    close(main_fd);
    close(other);
}

static void the_terminal_knows_its_size(void **state) {
    (void)state;
    struct tui_term_options options;
    int main_fd;
    int other = setup_pty(&options, &main_fd);
    struct tui_term *term = start(&options);
    assert_int_equal(tui_canvas_rect(tui_term_canvas(term)).cols, 80);
    assert_false(tui_term_caps(term)->slow); // a pty's 38400 baud mean nothing
    struct winsize size = {16, 40, 0, 0};
    assert_int_equal(ioctl(main_fd, TIOCSWINSZ, &size), 0);
    assert_int_equal(tui_term_resize(term, 0, 0), RC_OK);
    assert_int_equal(tui_canvas_rect(tui_term_canvas(term)).rows, 16);
    assert_int_equal(tui_canvas_rect(tui_term_canvas(term)).cols, 40);
    tui_term_bell(term);
    struct tui_theme theme = calm();
    theme.glyph[TUI_UTF8][TUI_GLYPH_CURSOR][0] = '#';
    tui_term_set_theme(term, &theme);
    assert_string_equal(tui_canvas_look(tui_term_canvas(term))->glyph[TUI_GLYPH_CURSOR], "#");
    char bytes[8192];
    assert_int_equal(tui_term_paint(term, test_ms(0)), RC_OK);
    (void)received(main_fd, bytes, sizeof bytes);
    assert_non_null(strchr(bytes, '\a'));
    tui_term_stop(term);
    close(main_fd);
    close(other);
}

static int setup(void **state) {
    (void)unsetenv("NO_COLOR");
    (void)unsetenv("LINES");
    (void)unsetenv("COLUMNS");
    (void)signal(SIGHUP, SIG_IGN);
    return test_utf8_setup(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(curses_shows_what_the_canvas_says),
        cmocka_unit_test(resize_storms_down_to_one_cell),
        cmocka_unit_test(capabilities_follow_terminal_and_wishes),
        cmocka_unit_test(an_unknown_terminal_is_refused),
        cmocka_unit_test(frames_keep_their_distance),
        cmocka_unit_test(steps_keep_to_their_bytes),
        cmocka_unit_test(the_terminal_is_given_back),
        cmocka_unit_test(a_crash_gives_the_terminal_back),
        cmocka_unit_test(keys_come_through_the_terminal),
        cmocka_unit_test(a_frame_is_whole_while_someone_types),
        cmocka_unit_test(a_stuck_line_does_not_block),
        cmocka_unit_test(the_terminal_knows_its_size),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
