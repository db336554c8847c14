// What the toolkit's tests share: a canvas to draw on, its dump to compare with, keys.
#ifndef DAVY_TUI_UTIL_H
#define DAVY_TUI_UTIL_H

#include "test_util.h"

#include "davy/tui/tui.h"

#include <locale.h>

static inline struct mono_ms test_ms(int64_t ms) {
    return (struct mono_ms){ms};
}

static inline struct tui_look test_look(enum tui_charset charset) {
    struct tui_theme theme;
    tui_theme_builtin(&theme);
    return tui_look_of(&theme, charset);
}

static inline struct tui_canvas *test_canvas(int rows, int cols) {
    struct tui_look look = test_look(TUI_UTF8);
    struct tui_canvas *canvas = tui_canvas_new(rows, cols, &look);
    assert_non_null(canvas);
    return canvas;
}

// Fails the test unless the dump of the canvas begins with the expected text.
static inline void test_dump_is(const struct tui_canvas *canvas, const char *expected) {
    struct buf dump;
    buf_init(&dump, 1 << 20);
    tui_canvas_dump(canvas, &dump);
    const char *text = buf_cstr(&dump);
    if (strncmp(text, expected, strlen(expected)) != 0) {
        print_error("drawn:\n%s\nexpected:\n%s\n", text, expected);
        fail();
    }
    buf_fini(&dump);
}

static inline bool test_dump_has(const struct tui_canvas *canvas, const char *text) {
    struct buf dump;
    buf_init(&dump, 1 << 20);
    tui_canvas_dump(canvas, &dump);
    bool has = strstr(buf_cstr(&dump), text) != NULL;
    buf_fini(&dump);
    return has;
}

static inline int test_utf8_setup(void **state) {
    (void)state;
    return setlocale(LC_CTYPE, "C.UTF-8") != NULL ? 0 : -1;
}

#endif
