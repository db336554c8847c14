#include "tui_util.h"

#include <math.h>

static const struct tui_sample ramp[] = {
    {0, 0, true},  {1, 1, true}, {2, 2, true}, {3, 3, true},
    {4, 0, false}, {5, 5, true}, {6, 6, true}, {7, 7, true},
};

static struct tui_canvas *canvas_with(enum tui_plot_set set, int rows, int cols) {
    struct tui_look look = test_look(TUI_UTF8);
    look.plot_set = set;
    return tui_canvas_new(rows, cols, &look);
}

static void a_sparkline_shows_values_and_gaps(void **state) {
    (void)state;
    struct tui_plot plot = {.samples = ramp, .count = 8};
    struct tui_canvas *canvas = canvas_with(TUI_PLOT_BLOCK, 1, 8);
    tui_plot_spark(&plot, canvas, tui_span(0, 0, 8));
    test_dump_is(canvas, "▁▂▃▄?▆▇█\n--\nrrrrsrrr\n");
    tui_canvas_free(canvas);
    canvas = canvas_with(TUI_PLOT_ASCII, 1, 8);
    tui_plot_spark(&plot, canvas, tui_span(0, 0, 8));
    test_dump_is(canvas, ".:-=?*#@\n");
    tui_canvas_free(canvas);
}

static void each_set_draws_the_same_line(void **state) {
    (void)state;
    static const struct {
        enum tui_plot_set set;
        const char *dump;
    } cases[] = {
        {TUI_PLOT_ASCII, "      **\n"
                         "     *\n"
                         "  **\n"
                         "**  ?\n"},
        {TUI_PLOT_BLOCK, "      ▄█\n"
                         "     ▇█\n"
                         "  ▂▆\n"
                         "▁▅█ ?\n"},
        {TUI_PLOT_BRAILLE, "      ⡤⠋\n"
                           "     ⠉\n"
                           "  ⣀⠖\n"
                           "⣀⠖⠁ ?\n"},
    };
    struct tui_plot plot = {.samples = ramp, .count = 8};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tui_canvas *canvas = canvas_with(cases[i].set, 4, 8);
        tui_plot_draw(&plot, canvas, (struct tui_rect){0, 0, 4, 8});
        test_dump_is(canvas, cases[i].dump);
        tui_canvas_free(canvas);
    }
}

static void limits_and_scale_are_named(void **state) {
    (void)state;
    static const struct tui_limit limits[] = {{6, "HH"}, {1, "L"}, {99, "out"}};
    struct tui_plot plot = {.samples = ramp, .count = 8, .low = 0, .high = 8, .unit = "ppm"};
    plot.limits = limits;
    plot.limit_count = 3;
    struct tui_canvas *canvas = canvas_with(TUI_PLOT_BLOCK, 4, 30);
    tui_plot_draw(&plot, canvas, (struct tui_rect){0, 0, 4, 30});
    assert_true(test_dump_has(canvas, " 8.00 "));
    assert_true(test_dump_has(canvas, "  ppm "));
    assert_true(test_dump_has(canvas, " HH\n"));
    assert_true(test_dump_has(canvas, "┄┄┄ L\n"));
    assert_false(test_dump_has(canvas, "out"));
    tui_canvas_free(canvas);
}

// Nothing of this may crash, hang or draw outside; the sanitizers look on.
static void bad_data_is_survived(void **state) {
    (void)state;
    static const struct tui_sample wild[] = {
        {INT64_MIN, 1, true}, {-5, NAN, true},   {0, INFINITY, true}, {1, -INFINITY, true},
        {2, 1e308, true},     {3, -1e308, true}, {4, 0, true},        {INT64_MAX - 1, 5, true},
    };
    static const struct tui_limit limits[] = {{NAN, "n"}, {INFINITY, "i"}, {0, ""}};
    struct tui_plot plots[] = {
        {.samples = wild, .count = 8},
        {.samples = wild, .count = 8, .from_ms = -10, .to_ms = 10, .hold_ms = 1},
        {.samples = wild, .count = 0},
        {.samples = wild, .count = 8, .from_ms = 10, .to_ms = -10},
        {.samples = wild, .count = 8, .low = 2, .high = 1, .limits = limits, .limit_count = 3},
        {.samples = ramp, .count = 1},
    };
    for (size_t i = 0; i < sizeof plots / sizeof plots[0]; i++) {
        for (int set = 0; set < 3; set++) {
            struct tui_canvas *canvas = canvas_with((enum tui_plot_set)set, 6, 50);
            tui_plot_draw(&plots[i], canvas, (struct tui_rect){1, 1, 4, 40});
            tui_plot_draw(&plots[i], canvas, (struct tui_rect){0, 0, 1, 1});
            tui_plot_draw(&plots[i], canvas, (struct tui_rect){0, 0, 0, 0});
            tui_plot_spark(&plots[i], canvas, tui_span(5, 0, 50));
            tui_canvas_free(canvas);
        }
    }
}

static void a_value_holds_only_so_long(void **state) {
    (void)state;
    static const struct tui_sample two[] = {{0, 1, true}, {8, 2, true}};
    struct tui_plot plot = {.samples = two, .count = 2, .from_ms = 0, .to_ms = 10, .hold_ms = 3};
    struct tui_canvas *canvas = canvas_with(TUI_PLOT_ASCII, 1, 10);
    tui_plot_spark(&plot, canvas, tui_span(0, 0, 10));
    test_dump_is(canvas, "...     @@\n");
    tui_canvas_free(canvas);
}

static void numbers_are_short(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } rows[] = {{8.2, "8.20"}, {1250, "1250"},          {-0.013, "-0.013"},    {19.55, "19.6"},
                {0, "0.000"},  {123456789, "1.23e+08"}, {0.00001, "1.00e-05"}, {NAN, "?"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[TUI_NUMBER_BYTES];
        tui_number(rows[i].value, text);
        assert_string_equal(text, rows[i].text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sparkline_shows_values_and_gaps),
        cmocka_unit_test(each_set_draws_the_same_line),
        cmocka_unit_test(limits_and_scale_are_named),
        cmocka_unit_test(bad_data_is_survived),
        cmocka_unit_test(a_value_holds_only_so_long),
        cmocka_unit_test(numbers_are_short),
    };
    return cmocka_run_group_tests(tests, test_utf8_setup, NULL);
}
