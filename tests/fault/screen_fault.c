// Toolkit and screens without memory: nothing crashes, what cannot be drawn is said or drawn
// again, and with memory back the console shows what it showed before.
#include "../unit/screen_fake.h"
#include "fault.h"

#include "davy/base/text.h"
#include "davy/tui/tui.h"

struct fault_screen {
    struct app app;
    struct screen *screen;
    struct buf dump; // of the first screen, with memory
    int64_t time;    // never goes back
};

static const struct fake_size size = {"80x24", 24, 80};

static struct screen_env env_of(struct fault_screen *s) {
    struct screen_env env = {.app = &s->app, .language = "en", .utc_offset_min = 480};
    env.term = tui_term_defaults();
    env.term.in_fd = -1;
    env.term.out_fd = -1;
    env.term.name = "xterm-256color";
    env.term.rows = size.rows;
    env.term.cols = size.cols;
    return env;
}

static struct fault_screen *world_new(void) {
    struct fault_screen *s = calloc(1, sizeof *s);
    assert_non_null(s);
    assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
    fake_init(&s->app, false);
    fake_sign_in(&s->app);
    buf_init(&s->dump, 1 << 20);
    return s;
}

static void world_free(void *world) {
    struct fault_screen *s = world;
    screen_free(s->screen);
    fake_fini(&s->app);
    buf_fini(&s->dump);
    free(s);
}

static void dump_home(struct fault_screen *s, struct buf *out) {
    fake_key(s->screen, TUI_KEY_ESC);
    fake_key(s->screen, TUI_KEY_ESC);
    fake_key(s->screen, '1');
    for (int i = 0; i < 2; i++) {
        s->time += 30000;
        screen_changed(s->screen, fake_moment(s->time));
        fake_frame(s->screen, s->time);
    }
    screen_compose(s->screen);
    tui_canvas_dump(s->screen->canvas, out);
}

static void *console_setup(void) {
    struct fault_screen *s = world_new();
    s->screen = fake_screen(&s->app, size, false);
    fake_frame(s->screen, 0);
    return s;
}

// ---- Start ----

static void *start_setup(void) {
    return world_new();
}

static enum rc start_run(void *world) {
    struct fault_screen *s = world;
    struct screen *screen = NULL;
    struct screen_env env = env_of(s);
    fault_paint(&screen, sizeof screen);
    enum rc rc = screen_new(&env, fake_moment(0), &screen);
    if (rc == RC_OK) {
        screen_free(screen);
    } else {
        fault_painted(&screen, sizeof screen, "the screen");
    }
    return rc;
}

// ---- Each screen in turn, with what one does there ----

static const char *const walks[] = {"1", "2", "2\r", "2a", "3", "3\r",
                                    "4", "5", "5\r", "6",  "?", "/"};

static enum rc walk_run(void *world) {
    struct fault_screen *s = world;
    enum rc rc = RC_OK;
    for (size_t i = 0; i < COUNT_OF(walks) && rc == RC_OK; i++) {
        fake_key(s->screen, TUI_KEY_ESC);
        for (const char *at = walks[i]; *at != '\0'; at++) {
            fake_key(s->screen, *at == '\r' ? TUI_KEY_ENTER : (uint32_t)(uint8_t)*at);
            s->time += 100;
            screen_changed(s->screen, fake_moment(s->time));
            rc = rc == RC_OK ? screen_draw(s->screen, fake_moment(s->time)) : rc;
        }
    }
    return rc;
}

// With memory the overview says everything, not that it lacked some.
static void walk_check(void *world, enum rc rc) {
    (void)rc;
    struct fault_screen *s = world;
    struct buf dump;
    buf_init(&dump, 1 << 20);
    dump_home(s, &dump);
    const char *text = buf_cstr(&dump);
    assert_int_equal(buf_rc(&dump), RC_OK);
    for (size_t i = 0; i < FAKE_AREAS; i++) {
        assert_non_null(strstr(text, fake_areas[i].en));
    }
    assert_null(strstr(text, say_rc(RC_NO_MEMORY)));
    buf_fini(&dump);
}

// ---- Widgets ----

static size_t source_count(void *context) {
    (void)context;
    return 40;
}

static struct id16 source_id(void *context, size_t row) {
    (void)context;
    return (struct id16){{(uint8_t)row, 7}};
}

static void source_cell(void *context, size_t row, size_t column, struct tui_cell *out_cell) {
    (void)context;
    tui_cell_set(out_cell, TUI_TEXT, "cell %zu %zu", row, column);
}

static const struct tui_column columns[] = {{.title = "A", .cols = 12},
                                            {.title = "B", .cols = 10, .text = true}};
static const struct tui_field fields[] = {
    {.id = 1, .label = "Number", .kind = TUI_LINE_DIGITS, .required = true},
    {.id = 2, .label = "Comment", .kind = TUI_LINE_TEXT}};

static void widgets_draw(struct tui_canvas *canvas, struct tui_table *table, struct tui_form *form,
                         struct tui_modal *modal) {
    struct tui_layout layout = tui_layout_of(tui_canvas_rect(canvas), false);
    struct tui_table_frame frame = {layout.body, layout.size, {"Rows", NULL, 0}, true};
    struct tui_event down = tui_event_key(TUI_KEY_DOWN);
    struct tui_event digit = tui_event_key('7');
    tui_canvas_clear(canvas);
    tui_table_draw(table, canvas, &frame);
    (void)tui_table_event(table, &down);
    (void)tui_table_find(table, "cell 9", 1);
    tui_table_draw(table, canvas, &frame);
    (void)tui_form_event(form, &digit);
    tui_form_set_error(form, 1, "too short");
    tui_form_draw(form, canvas, layout.body, layout.size);
    tui_modal_confirm(modal, 1, "Title", "Really?");
    tui_modal_draw(modal, canvas, &layout);
    (void)tui_put_wrapped(canvas, layout.body, (struct tui_wrap){TUI_TEXT, 0},
                          "反应器压力高, reactor pressure is high");
}

static enum rc widgets_run(void *world) {
    (void)world;
    struct tui_theme theme;
    struct buf dump;
    tui_theme_builtin(&theme);
    struct tui_look look = tui_look_of(&theme, TUI_UTF8);
    struct tui_table_spec spec = {.columns = columns, .column_count = 2};
    spec.source = (struct tui_source){.count = source_count, .id = source_id, .cell = source_cell};
    struct tui_canvas *canvas = tui_canvas_new(24, 80, &look);
    struct tui_table *table = tui_table_new(&spec);
    struct tui_form *form = tui_form_new(fields, COUNT_OF(fields));
    struct tui_modal *modal = tui_modal_new();
    buf_init(&dump, 1 << 20);
    enum rc rc = canvas && table && form && modal ? RC_OK : RC_NO_MEMORY;
    if (rc == RC_OK) {
        widgets_draw(canvas, table, form, modal);
        rc = tui_canvas_resize(canvas, 50, 160);
        struct tui_rect rect = tui_canvas_rect(canvas);
        assert_int_equal(rect.rows, rc == RC_OK ? 50 : 24);
        widgets_draw(canvas, table, form, modal);
        tui_canvas_dump(canvas, &dump);
        rc = rc == RC_OK ? buf_rc(&dump) : rc;
    }
    buf_fini(&dump);
    tui_modal_free(modal);
    tui_form_free(form);
    tui_table_free(table);
    tui_canvas_free(canvas);
    return rc;
}

static enum rc input_run(void *world) {
    (void)world;
    struct tui_input *input = tui_input_new();
    enum rc rc = input != NULL ? RC_OK : RC_NO_MEMORY;
    tui_input_free(input);
    return rc;
}

static enum rc theme_run(void *world) {
    (void)world;
    struct tui_theme theme;
    struct tui_theme_report report;
    enum rc rc = tui_theme_load("themes/calm.ini", &theme, &report);
    assert_true(rc != RC_OK || report.fault == TUI_THEME_GOOD);
    // Whatever happened, the theme can be used.
    assert_true(theme.glyph[TUI_UTF8][TUI_GLYPH_HLINE][0] != '\0');
    return rc;
}

static const struct fault_op ops[] = {
    {.name = "tui: table, form, modal, canvas", .run = widgets_run, .most = 60},
    {.name = "tui: input", .run = input_run},
    {.name = "tui: theme", .run = theme_run, .may = FAULT_MAY(RC_IO)},
    {.name = "screen: start",
     .setup = start_setup,
     .run = start_run,
     .teardown = world_free,
     .keep = true,
     .may = FAULT_MAY(RC_IO) | FAULT_MAY(RC_NOT_FOUND)},
    {.name = "screen: all of them",
     .setup = console_setup,
     .run = walk_run,
     .check = walk_check,
     .teardown = world_free,
     .keep = true,
     .lossy = true},
};

int main(int argc, char **argv) {
    return fault_main(argc, argv, ops, COUNT_OF(ops));
}
