// Between the terminal's files.
#ifndef DAVY_TUI_TERM_PRIV_H
#define DAVY_TUI_TERM_PRIV_H

#include "davy/tui/input.h"
#include "davy/tui/term.h"

#include <curses.h>
#include <stdio.h>
#include <termios.h>

#undef box
#undef clear
#undef erase
#undef move
#undef timeout

// Key codes of our own for curses; 0x200 to 0x249 are taken by its extended keys.
#define CURSES_PASTE_BEGIN 0x300
#define CURSES_PASTE_END 0x301

// curses writes to a file descriptor and would block on a slow line. After the start, its
// descriptor is exchanged for a file in memory (`frame`), from which each frame is taken into
// `queue` and written by `writer`, which does not block. For endwin() the terminal is put back
// under the descriptor.
struct tui_term {
    struct tui_caps caps;
    struct tui_look look;
    struct tui_canvas *canvas;
    SCREEN *screen;
    WINDOW *keys; // a pad that is never shown: wgetch() on it paints nothing
    FILE *in, *out;
    struct tui_term_options options;
    bool default_colors; // the terminal knows "its own colour"
    int tty;             // the terminal, kept while `out` is exchanged
    int writer;
    int frame;
    struct buf queue;
    size_t queue_sent;
    uint64_t bytes;
    struct mono_ms painted_at;
    bool painted, repaint, suspended, gone;
    attr_t attrs[TUI_STYLE_COUNT];
    short pairs[TUI_STYLE_COUNT];
};

void tui_caps_decide(const struct tui_term_options *options, const char *name, int colors,
                     struct tui_caps *out_caps);
// The look that fits the capabilities.
struct tui_look tui_caps_look(const struct tui_caps *caps, const struct tui_term_options *options,
                              const struct tui_theme *theme);
enum tui_plot_set tui_caps_plot(const struct tui_caps *caps, enum tui_plot_choice choice);
void tui_caps_size(const struct tui_term_options *options, int *out_rows, int *out_cols);

// Puts bytes of our own behind what waits.
void tui_term_queue(struct tui_term *term, const char *text);
// Takes what curses wrote since the last call into the queue.
void tui_term_collect(struct tui_term *term);
DAVY_MUST_USE enum rc tui_term_open_output(struct tui_term *term);
void tui_term_close_output(struct tui_term *term);
// curses writes to memory (true) or to the terminal itself (false).
void tui_term_capture(struct tui_term *term, bool on);
// For tui_term_restore_raw(): prepared before curses changes the mode, armed when all else is done.
void tui_restore_prepare(const struct tui_term *term);
void tui_restore_arm(bool paste);
void tui_restore_forget(void);

#endif
