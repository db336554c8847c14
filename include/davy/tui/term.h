// The terminal: start, capabilities, painting, restoring.
//
// One terminal at a time in a process (curses keeps global state). The toolkit blocks no signal and
// installs no handler: the program takes SIGWINCH, SIGTERM, SIGHUP, SIGINT, SIGTSTP, SIGCONT by
// signalfd (blocked before tui_term_start) and calls resize, suspend, resume, stop.
//
// Output never blocks: a painted frame becomes bytes in a queue, written as far as the terminal
// takes them; while bytes wait no new frame is composed, so that on a slow line frames are dropped,
// not queued. Every byte is counted.
#ifndef DAVY_TUI_TERM_H
#define DAVY_TUI_TERM_H

#include "davy/base/id.h"
#include "davy/tui/canvas.h"

struct tui_input;
struct tui_term;

enum tui_color_choice { TUI_COLOR_AUTO = 0, TUI_COLOR_NEVER, TUI_COLOR_ALWAYS };
enum tui_plot_choice {
    TUI_PLOT_AUTO = 0,
    TUI_PLOT_USE_ASCII,
    TUI_PLOT_USE_BLOCK,
    TUI_PLOT_USE_BRAILLE
};

struct tui_term_options {
    int in_fd; // borrowed; -1: /dev/null
    int out_fd;
    const char *name; // terminal type; NULL: $TERM
    int rows, cols;   // 0: ask the terminal (then 24x80)
    bool slow;        // --slow; otherwise by line speed (38400 baud and below)
    bool ascii;       // no UTF-8 whatever the locale says
    bool ambiguous_wide;
    enum tui_color_choice color; // auto: NO_COLOR and the terminal type decide
    enum tui_plot_choice plot;
};

// Decided once at the start, shown to people on request.
struct tui_caps {
    char name[32];
    bool utf8;
    bool hanzi; // false on the Linux console: choose English
    bool slow;
    bool paste; // bracketed paste is on
    enum tui_depth depth;
    int colors;
    int esc_delay_ms;
    int frame_ms;      // shortest time between two frames
    unsigned line_bps; // 0: not a serial line
};

// Options for standard input and output, all else automatic.
struct tui_term_options tui_term_defaults(void);
// Needs a locale (setlocale was called). RC_NOT_FOUND: unknown terminal type. RC_IO, RC_NO_MEMORY.
DAVY_MUST_USE enum rc tui_term_start(const struct tui_term_options *options,
                                     const struct tui_theme *theme, struct tui_term **out_term);
// Restores the terminal and frees everything. NULL is fine.
void tui_term_stop(struct tui_term *term);

const struct tui_caps *tui_term_caps(const struct tui_term *term);
// The canvas of this terminal, of its size; valid until stop (resize changes it in place).
struct tui_canvas *tui_term_canvas(struct tui_term *term);
// Looks change with the next frame, which is painted whole.
void tui_term_set_theme(struct tui_term *term, const struct tui_theme *theme);

int tui_term_in_fd(const struct tui_term *term);
int tui_term_out_fd(const struct tui_term *term);
bool tui_term_wants_write(const struct tui_term *term);
// Writes what waits, as far as the terminal takes it. RC_IO: the terminal is gone.
DAVY_MUST_USE enum rc tui_term_flush(struct tui_term *term);
// Reads everything that is there and feeds it to input. RC_IO: the terminal is gone.
DAVY_MUST_USE enum rc tui_term_read(struct tui_term *term, struct tui_input *input,
                                    struct mono_ms now);

// Milliseconds until a frame may be composed: 0 now, -1 when the output has to drain first.
int tui_term_frame_wait_ms(const struct tui_term *term, struct mono_ms now);
// Paints the canvas: only what changed since the last frame goes out. Cursor last.
DAVY_MUST_USE enum rc tui_term_paint(struct tui_term *term, struct mono_ms now);
// The next frame is painted whole (Ctrl-L).
void tui_term_repaint(struct tui_term *term);
// After SIGWINCH: rows and cols 0 ask the terminal. The canvas is blank afterwards.
DAVY_MUST_USE enum rc tui_term_resize(struct tui_term *term, int rows, int cols);
// One BEL. How often is the caller's rule.
void tui_term_bell(struct tui_term *term);
// Gives the terminal back (before stopping oneself or running an editor), and takes it again.
void tui_term_suspend(struct tui_term *term);
void tui_term_resume(struct tui_term *term);
// For fatal signal handlers: only write() and tcsetattr() on the terminal that was started last.
void tui_term_restore_raw(void);

// Bytes sent since the start.
uint64_t tui_term_bytes(const struct tui_term *term);
// The screen as curses believes it to be: text rows as in tui_canvas_dump. For tests.
void tui_term_dump(const struct tui_term *term, struct buf *out);

#endif
