#include "davy/tui/term.h"

#include "canvas_priv.h"
#include "davy/base/ensure.h"
#include "term_priv.h"
#include "tui_priv.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <term.h>
#include <unistd.h>

#undef lines
#undef columns

#define STOP_DRAIN_MS 200 // what waits is given this long at the end
#define PASTE_ON "\033[?2004h"
#define PASTE_OFF "\033[?2004l"

struct tui_term_options tui_term_defaults(void) {
    return (struct tui_term_options){.in_fd = STDIN_FILENO, .out_fd = STDOUT_FILENO};
}

static FILE *open_stream(int fd, const char *mode) {
    if (fd < 0) {
        return fopen("/dev/null", mode);
    }
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    FILE *stream = copy < 0 ? NULL : fdopen(copy, mode);
    if (stream == NULL && copy >= 0) {
        (void)close(copy);
    }
    return stream;
}

// newterm() leaks when it does not know the name, so the name is tried first.
static bool is_known(const char *name) {
    int problem;
    bool known = setupterm(name, STDOUT_FILENO, &problem) == OK;
    if (cur_term != NULL) {
        (void)del_curterm(cur_term);
    }
    return known;
}

// newterm() catches signals that are still at their default; the program's own handling stays.
static SCREEN *new_screen(const char *name, FILE *out, FILE *in) {
    static const int signals[] = {SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
    struct sigaction before[COUNT_OF(signals)];
    char copy[64];
    (void)snprintf(copy, sizeof copy, "%s", name);
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        (void)sigaction(signals[i], NULL, &before[i]);
    }
    SCREEN *screen = is_known(copy) ? newterm(copy, out, in) : NULL;
    for (size_t i = 0; i < COUNT_OF(signals); i++) {
        (void)sigaction(signals[i], &before[i], NULL);
    }
    return screen;
}

static bool has_capability(const char *name) {
    char copy[16];
    (void)snprintf(copy, sizeof copy, "%s", name);
    const char *text = tigetstr(copy);
    return text != NULL && text != (char *)-1;
}

static int number_capability(const char *name) {
    char copy[16];
    (void)snprintf(copy, sizeof copy, "%s", name);
    return tigetnum(copy);
}

// Sequences that terminfo does not name: it knows arrows of the application mode only, and gives no
// keys for the marks around a paste.
static void define_keys(void) {
    static const struct {
        const char *bytes;
        int code;
    } keys[] = {
        {"\033[A", KEY_UP},
        {"\033[B", KEY_DOWN},
        {"\033[C", KEY_RIGHT},
        {"\033[D", KEY_LEFT},
        {"\033[H", KEY_HOME},
        {"\033[F", KEY_END},
        {"\033[200~", CURSES_PASTE_BEGIN},
        {"\033[201~", CURSES_PASTE_END},
    };
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        (void)define_key(keys[i].bytes, keys[i].code);
    }
}

static void set_modes(const struct tui_caps *caps) {
    (void)cbreak(); // signals and flow control stay with the terminal
    (void)noecho();
    (void)nonl();
    (void)typeahead(-1); // a frame is painted whole, whatever is being typed
    (void)set_escdelay(caps->esc_delay_ms);
    (void)leaveok(stdscr, FALSE);
    (void)scrollok(stdscr, FALSE);
    (void)idlok(stdscr, TRUE);
    define_keys();
}

// Colours of the theme as curses pairs, one a token.
static void load_paints(struct tui_term *term, const struct tui_theme *theme) {
    bool defaults = term->default_colors;
    static const struct {
        uint16_t ours;
        attr_t theirs;
    } names[] = {
        {TUI_ATTR_BOLD, A_BOLD},
        {TUI_ATTR_UNDERLINE, A_UNDERLINE},
        {TUI_ATTR_REVERSE, A_REVERSE},
        {TUI_ATTR_DIM, A_DIM},
    };
    for (int style = 0; style < TUI_STYLE_COUNT; style++) {
        const struct tui_paint *paint = &theme->paint[term->caps.depth][style];
        term->attrs[style] = A_NORMAL;
        term->pairs[style] = 0;
        for (size_t i = 0; i < COUNT_OF(names); i++) {
            term->attrs[style] |= (paint->attrs & names[i].ours) != 0 ? names[i].theirs : A_NORMAL;
        }
        if (term->caps.depth != TUI_MONO && (paint->foreground >= 0 || paint->background >= 0)) {
            short foreground = paint->foreground < 0 && !defaults ? COLOR_WHITE : paint->foreground;
            short background = paint->background < 0 && !defaults ? COLOR_BLACK : paint->background;
            term->pairs[style] = (short)(style + 1);
            (void)init_pair(term->pairs[style], foreground, background);
        }
    }
}

static void start_paints(struct tui_term *term, const struct tui_theme *theme) {
    if (term->caps.depth != TUI_MONO) {
        (void)start_color();
        term->default_colors = use_default_colors() == OK;
    }
    load_paints(term, theme);
}

static enum rc start_screen(struct tui_term *term, const struct tui_term_options *options,
                            const struct tui_theme *theme) {
    const char *name = options->name != NULL ? options->name : getenv("TERM");
    name = name != NULL && name[0] != '\0' ? name : "dumb";
    tui_restore_prepare(term);
    term->screen = new_screen(name, term->out, term->in);
    if (term->screen == NULL) {
        return RC_NOT_FOUND;
    }
    tui_caps_decide(options, name, number_capability("colors"), &term->caps);
    set_modes(&term->caps);
    tui_term_capture(term,
                     true); // the modes are set, so the terminal itself is not needed any more
    start_paints(term, theme);
    int rows;
    int cols;
    tui_caps_size(options, &rows, &cols);
    (void)resize_term(rows, cols);
    term->look = tui_caps_look(&term->caps, options, theme);
    term->canvas = tui_canvas_new(rows, cols, &term->look);
    term->keys = newpad(1, 1);
    if (term->canvas == NULL || term->keys == NULL) {
        return RC_NO_MEMORY;
    }
    (void)keypad(term->keys, TRUE);
    (void)nodelay(term->keys, TRUE);
    term->caps.paste = options->out_fd >= 0 && has_capability("BE");
    return RC_OK;
}

enum rc tui_term_start(const struct tui_term_options *options, const struct tui_theme *theme,
                       struct tui_term **out_term) {
    struct tui_term *term = calloc(1, sizeof *term);
    if (term == NULL) {
        return RC_NO_MEMORY;
    }
    term->tty = term->writer = term->frame = -1;
    term->options = *options;
    term->in = open_stream(options->in_fd, "r");
    term->out = open_stream(options->out_fd, "w");
    enum rc rc = term->in == NULL || term->out == NULL ? RC_IO : tui_term_open_output(term);
    if (rc == RC_OK) {
        rc = start_screen(term, options, theme);
    }
    if (rc != RC_OK) {
        tui_term_stop(term);
        return rc;
    }
    tui_restore_arm(term->caps.paste);
    if (term->caps.paste) {
        tui_term_queue(term, PASTE_ON);
    }
    *out_term = term;
    return RC_OK;
}

// Gives the terminal the rest of what waits, but not for ever.
static void drain(struct tui_term *term) {
    for (int waited = 0; tui_term_wants_write(term) && waited < STOP_DRAIN_MS; waited += 20) {
        struct pollfd ready = {.fd = term->writer, .events = POLLOUT};
        if (tui_term_flush(term) != RC_OK || !tui_term_wants_write(term)) {
            return;
        }
        (void)poll(&ready, 1, 20);
    }
}

static void leave_screen(struct tui_term *term) {
    if (term->suspended) {
        return;
    }
    if (term->caps.paste) {
        tui_term_queue(term, PASTE_OFF);
    }
    drain(term);
    tui_term_capture(term, false);
    (void)endwin();
}

void tui_term_stop(struct tui_term *term) {
    if (term == NULL) {
        return;
    }
    if (term->screen != NULL) {
        leave_screen(term);
        tui_restore_forget();
        if (term->keys != NULL) {
            (void)delwin(term->keys);
        }
        delscreen(term->screen);
    }
    if (term->in != NULL) {
        (void)fclose(term->in); // only read from
    }
    if (term->out != NULL) {
        (void)fclose(term->out); // curses writes past the stream's buffer
    }
    tui_term_close_output(term);
    tui_canvas_free(term->canvas);
    free(term);
}

void tui_term_suspend(struct tui_term *term) {
    if (!term->suspended) {
        leave_screen(term);
        term->suspended = true;
    }
}

void tui_term_resume(struct tui_term *term) {
    if (!term->suspended) {
        return;
    }
    term->suspended = false;
    // The first refresh sets the terminal's mode, so it must reach the terminal itself.
    (void)clearok(curscr, TRUE);
    (void)refresh();
    tui_term_capture(term, true);
    if (term->caps.paste) {
        tui_term_queue(term, PASTE_ON);
    }
    term->repaint = true;
}

const struct tui_caps *tui_term_caps(const struct tui_term *term) {
    return &term->caps;
}

struct tui_canvas *tui_term_canvas(struct tui_term *term) {
    return term->canvas;
}

int tui_term_in_fd(const struct tui_term *term) {
    return term->options.in_fd;
}

int tui_term_out_fd(const struct tui_term *term) {
    return term->writer;
}

void tui_term_set_theme(struct tui_term *term, const struct tui_theme *theme) {
    load_paints(term, theme);
    term->look = tui_caps_look(&term->caps, &term->options, theme);
    tui_canvas_set_look(term->canvas, &term->look);
    term->repaint = true;
}

enum rc tui_term_resize(struct tui_term *term, int rows, int cols) {
    struct tui_term_options options = {.out_fd = term->options.out_fd, .rows = rows, .cols = cols};
    tui_caps_size(&options, &rows, &cols);
    enum rc rc = tui_canvas_resize(term->canvas, rows, cols);
    if (rc != RC_OK) {
        return rc;
    }
    if (resizeterm(rows, cols) == ERR) {
        return RC_NO_MEMORY;
    }
    term->repaint = true;
    return RC_OK;
}

void tui_term_repaint(struct tui_term *term) {
    term->repaint = true;
}

void tui_term_bell(struct tui_term *term) {
    tui_term_queue(term, "\a");
}
