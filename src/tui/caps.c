#include "term_priv.h"

#include "davy/base/ensure.h"
#include "tui_priv.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define SLOW_BPS 38400
#define FRAME_MS_LOCAL 33 // 30 frames a second
#define FRAME_MS_SLOW 500
// An arrow key whose bytes come 30 ms apart must not become Esc and letters; input.h puts later
// ones together.
#define ESC_DELAY_MS_LOCAL 25
#define ESC_DELAY_MS_SLOW 150

static const struct {
    speed_t code;
    unsigned bps;
} speeds[] = {
    {B300, 300},     {B600, 600},       {B1200, 1200},     {B2400, 2400},
    {B4800, 4800},   {B9600, 9600},     {B19200, 19200},   {B38400, 38400},
    {B57600, 57600}, {B115200, 115200}, {B230400, 230400},
};

// Pseudo terminals and the console report a speed that means nothing.
static bool is_serial(int fd) {
    struct stat status;
    if (fstat(fd, &status) != 0 || !S_ISCHR(status.st_mode)) {
        return false;
    }
    unsigned kind = major(status.st_rdev);
    bool pty = kind >= 136 && kind <= 143;
    bool console = kind == 5 || (kind == 4 && minor(status.st_rdev) < 64);
    return !pty && !console;
}

static unsigned line_bps(int fd) {
    struct termios mode;
    if (fd < 0 || !is_serial(fd) || tcgetattr(fd, &mode) != 0) {
        return 0;
    }
    for (size_t i = 0; i < COUNT_OF(speeds); i++) {
        if (speeds[i].code == cfgetospeed(&mode)) {
            return speeds[i].bps;
        }
    }
    return 0;
}

static enum tui_depth depth_of(enum tui_color_choice choice, int colors) {
    const char *no_color = getenv("NO_COLOR");
    bool refused = no_color != NULL && no_color[0] != '\0' && choice != TUI_COLOR_ALWAYS;
    if (colors < 8 || refused || choice == TUI_COLOR_NEVER) {
        return TUI_MONO;
    }
    return colors >= 256 ? TUI_COLORS_256 : TUI_COLORS_8;
}

void tui_caps_decide(const struct tui_term_options *options, const char *name, int colors,
                     struct tui_caps *out_caps) {
    struct tui_caps caps = {.colors = colors};
    size_t len = strlen(name);
    memcpy(caps.name, name, len < sizeof caps.name ? len : sizeof caps.name - 1);
    caps.line_bps = line_bps(options->out_fd);
    caps.slow = options->slow || (caps.line_bps > 0 && caps.line_bps <= SLOW_BPS);
    caps.utf8 = !options->ascii && strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    // The kernel's console has at most 512 glyphs.
    caps.hanzi = caps.utf8 && strcmp(name, "linux") != 0 && strcmp(name, "dumb") != 0;
    caps.depth = depth_of(options->color, colors);
    caps.esc_delay_ms = caps.slow ? ESC_DELAY_MS_SLOW : ESC_DELAY_MS_LOCAL;
    caps.frame_ms = caps.slow ? FRAME_MS_SLOW : FRAME_MS_LOCAL;
    *out_caps = caps;
}

// Line drawing and blocks: three bytes a sign on a thin line, unknown to old terminals, and of
// unsure width on some Chinese ones.
static bool plain_glyphs(const struct tui_caps *caps, bool ambiguous_wide) {
    return !caps->utf8 || !caps->hanzi || caps->slow || caps->colors < 8 || ambiguous_wide;
}

enum tui_plot_set tui_caps_plot(const struct tui_caps *caps, enum tui_plot_choice choice) {
    if (!caps->utf8) {
        return TUI_PLOT_ASCII;
    }
    switch (choice) {
    case TUI_PLOT_USE_ASCII:
        return TUI_PLOT_ASCII;
    case TUI_PLOT_USE_BLOCK:
        return TUI_PLOT_BLOCK;
    case TUI_PLOT_USE_BRAILLE:
        return TUI_PLOT_BRAILLE;
    case TUI_PLOT_AUTO:
        break;
    }
    return plain_glyphs(caps, false) ? TUI_PLOT_ASCII : TUI_PLOT_BLOCK;
}

struct tui_look tui_caps_look(const struct tui_caps *caps, const struct tui_term_options *options,
                              const struct tui_theme *theme) {
    bool plain = plain_glyphs(caps, options->ambiguous_wide);
    struct tui_look look = tui_look_of(theme, plain ? TUI_ASCII : TUI_UTF8);
    look.charset = caps->utf8 ? TUI_UTF8 : TUI_ASCII;
    look.ambiguous_wide = options->ambiguous_wide;
    look.slow = caps->slow;
    look.plot_set = options->ambiguous_wide && options->plot == TUI_PLOT_AUTO
                        ? TUI_PLOT_ASCII
                        : tui_caps_plot(caps, options->plot);
    return look;
}

static int env_size(const char *name) {
    const char *text = getenv(name);
    long size = text != NULL ? strtol(text, NULL, 10) : 0;
    return size > 0 && size <= TUI_CANVAS_MAX ? (int)size : 0;
}

void tui_caps_size(const struct tui_term_options *options, int *out_rows, int *out_cols) {
    int rows = options->rows;
    int cols = options->cols;
    struct winsize size;
    if ((rows <= 0 || cols <= 0) && options->out_fd >= 0 &&
        ioctl(options->out_fd, TIOCGWINSZ, &size) == 0) {
        rows = rows > 0 ? rows : size.ws_row;
        cols = cols > 0 ? cols : size.ws_col;
    }
    rows = rows > 0 ? rows : env_size("LINES");
    cols = cols > 0 ? cols : env_size("COLUMNS");
    *out_rows = at_most(rows > 0 ? rows : 24, TUI_CANVAS_MAX);
    *out_cols = at_most(cols > 0 ? cols : 80, TUI_CANVAS_MAX);
}
