#include "term_priv.h"

#include "canvas_priv.h"
#include "davy/base/text.h"
#include "tui_priv.h"

#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <wchar.h>

#define READ_MAX 65536 // keys taken in one round
#define RUN_CHARS 1024 // characters handed to curses at once

int tui_term_frame_wait_ms(const struct tui_term *term, struct mono_ms now) {
    if (tui_term_wants_write(term)) {
        return -1;
    }
    int64_t since = now.v - term->painted_at.v;
    if (!term->painted || since >= term->caps.frame_ms || since < 0) {
        return 0;
    }
    return term->caps.frame_ms - (int)since;
}

static void flush_run(const struct tui_term *term, const wchar_t *run, int len,
                      enum tui_style style) {
    if (len > 0) {
        (void)attr_set(term->attrs[style], term->pairs[style], NULL);
        (void)addnwstr(run, len);
    }
}

// Cells of one style go out together. A hanzi at the last column cannot occur: the canvas cuts it.
static void paint_row(const struct tui_term *term, int row, int cols) {
    wchar_t run[RUN_CHARS];
    int len = 0;
    enum tui_style style = TUI_TEXT;
    (void)wmove(stdscr, row, 0);
    for (int col = 0; col < cols; col++) {
        struct tui_cell_view view = tui_canvas_cell(term->canvas, row, col);
        if (view.cols == 0) {
            continue;
        }
        if (view.style != style || len > RUN_CHARS - TUI_CELL_TEXT_BYTES) {
            flush_run(term, run, len, style);
            len = 0;
            style = view.style;
        }
        const char *at = view.text;
        const char *end = at + strlen(at);
        for (uint32_t point = text_next(&at, end); point != 0; point = text_next(&at, end)) {
            run[len++] = wcwidth((wchar_t)point) < 0 ? L'?' : (wchar_t)point;
        }
    }
    flush_run(term, run, len, style);
}

static void place_cursor(const struct tui_term *term) {
    int row = 0;
    int col = 0;
    bool visible = false;
    (void)tui_canvas_cursor(term->canvas, &row, &col, &visible);
    (void)wmove(stdscr, row, col);
    (void)curs_set(visible ? 1 : 0);
}

enum rc tui_term_paint(struct tui_term *term, struct mono_ms now) {
    if (term->gone) {
        return RC_IO;
    }
    if (term->suspended) {
        return RC_OK;
    }
    struct tui_rect screen = tui_canvas_rect(term->canvas);
    (void)werase(stdscr);
    for (int row = 0; row < screen.rows; row++) {
        paint_row(term, row, screen.cols);
    }
    (void)attr_set(A_NORMAL, 0, NULL);
    place_cursor(term);
    if (term->repaint) {
        (void)clearok(curscr, TRUE);
        term->repaint = false;
    }
    (void)wrefresh(stdscr);
    tui_term_collect(term);
    term->painted = true;
    term->painted_at = now;
    return tui_term_flush(term);
}

static const struct {
    int code;
    uint32_t key;
} key_rows[] = {
    {KEY_UP, TUI_KEY_UP},
    {KEY_DOWN, TUI_KEY_DOWN},
    {KEY_LEFT, TUI_KEY_LEFT},
    {KEY_RIGHT, TUI_KEY_RIGHT},
    {KEY_HOME, TUI_KEY_HOME},
    {KEY_FIND, TUI_KEY_HOME},
    {KEY_END, TUI_KEY_END},
    {KEY_SELECT, TUI_KEY_END},
    {KEY_PPAGE, TUI_KEY_PAGE_UP},
    {KEY_NPAGE, TUI_KEY_PAGE_DOWN},
    {KEY_IC, TUI_KEY_INSERT},
    {KEY_DC, TUI_KEY_DELETE},
    {KEY_BTAB, TUI_KEY_BACKTAB},
    {KEY_BACKSPACE, TUI_KEY_BACKSPACE},
    {KEY_ENTER, TUI_KEY_ENTER},
    {KEY_RESIZE, TUI_KEY_RESIZE},
    {CURSES_PASTE_BEGIN, TUI_KEY_PASTE_BEGIN},
    {CURSES_PASTE_END, TUI_KEY_PASTE_END},
};

static uint32_t key_of_code(int code) {
    if (code >= KEY_F(1) && code <= KEY_F(24)) {
        return TUI_KEY_F(code - KEY_F0);
    }
    for (size_t i = 0; i < sizeof key_rows / sizeof key_rows[0]; i++) {
        if (key_rows[i].code == code) {
            return key_rows[i].key;
        }
    }
    return TUI_KEY_NONE;
}

// Readable with nothing to read is the end of the terminal.
static bool is_gone(int fd) {
    struct pollfd state = {.fd = fd, .events = POLLIN};
    int waiting = 0;
    if (poll(&state, 1, 0) <= 0) {
        return false;
    }
    if ((state.revents & (POLLERR | POLLNVAL)) != 0) {
        return true;
    }
    return ioctl(fd, FIONREAD, &waiting) == 0 && waiting == 0;
}

enum rc tui_term_read(struct tui_term *term, struct tui_input *input, struct mono_ms now) {
    if (term->suspended) {
        return RC_OK;
    }
    for (int i = 0; i < READ_MAX; i++) {
        int code = wgetch(term->keys);
        if (code == ERR) {
            break;
        }
        if (code <= 0xff) {
            tui_input_feed(input, (uint8_t)code, now);
        } else if (key_of_code(code) != TUI_KEY_NONE) {
            tui_input_feed_key(input, key_of_code(code), now);
        }
    }
    tui_term_collect(term); // the first read switches the keypad on
    bool gone = term->options.in_fd >= 0 && is_gone(term->options.in_fd);
    return gone ? RC_IO : RC_OK;
}

static void dump_row(WINDOW *window, int row, int cols, struct buf *out) {
    size_t keep = out->len;
    for (int col = 0; col < cols; col++) {
        cchar_t cell;
        wchar_t text[CCHARW_MAX + 1] = L"";
        attr_t attrs;
        short pair;
        (void)mvwin_wch(window, row, col, &cell);
        (void)getcchar(&cell, text, &attrs, &pair, NULL);
        for (int i = 0; text[i] != L'\0'; i++) {
            char utf8[4];
            buf_put(out, utf8, text_put((uint32_t)text[i], utf8));
        }
        keep = text[0] != L' ' ? out->len : keep;
        col += wcwidth(text[0]) == 2 ? 1 : 0;
    }
    out->len = keep;
    buf_put_u8(out, '\n');
}

void tui_term_dump(const struct tui_term *term, struct buf *out) {
    struct tui_rect screen = tui_canvas_rect(term->canvas);
    int row;
    int col;
    getyx(newscr, row, col);
    for (int i = 0; i < screen.rows; i++) {
        dump_row(newscr, i, screen.cols, out);
    }
    (void)wmove(newscr, row, col);
}
