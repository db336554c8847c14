// The console: every screen on one terminal, from app's queries and acts to the toolkit's widgets.
//
// One console a process. It owns the terminal (tui_term), the keys and what is painted; it borrows
// the app and never outlives it. It reads no clock, sets no signal handler and never waits: the
// program's loop calls it and passes the time.
//
// One round of the loop:
//     poll(screen_in_fd() for POLLIN, screen_out_fd() for POLLOUT if screen_wants_write(), link,
//          signals; timeout = the least of screen_timeout_ms(), app_step's next, the link's)
//     POLLIN  -> screen_input()            POLLOUT  -> screen_flush()
//     SIGWINCH -> screen_resize()          SIGTSTP  -> screen_suspend(), stop, screen_resume()
//     app_step(app, now, &changed, &next); if (changed) screen_changed()
//     screen_draw(); if (screen_wants_exit()) leave
// Acts are made inside screen_input(); app_step() of the same round sends them.
//
// Painting: the first change after a quiet moment is painted at once, later ones at the terminal's
// frame time; a slow line gets changes of data at most once a second; while a person types, data
// repaint at most once a second too. The bell rings also when the terminal is too small to show
// anything.
#ifndef DAVY_SCREEN_SCREEN_H
#define DAVY_SCREEN_SCREEN_H

#include "davy/app/app.h"
#include "davy/tui/term.h"

struct screen;

struct screen_env {
    struct app *app;              // borrowed
    struct tui_term_options term; // fds, slow line, ASCII, colours; see tui_term_defaults()
    const char *language;         // "zh_CN", "en"; NULL: of the settings, else as it is
    const char *theme_path;       // NULL: what the settings say, else the built-in theme
    const char *theme_folder;     // where the settings look for *.ini; NULL: none to choose from
    const char *settings_path;    // one small INI file of this console; NULL: nothing is kept
    int utc_offset_min;           // local time of the site
    bool observe;                 // nothing can be signed; no sign-in is asked for
};

// Starts the terminal and shows the first screen (sign-in, or Overview when observing). setlocale()
// was called and SIGWINCH is blocked. RC_NOT_FOUND: unknown terminal type. RC_IO, RC_NO_MEMORY.
DAVY_MUST_USE enum rc screen_new(const struct screen_env *env, struct moment now,
                                 struct screen **out_screen);
// Restores the terminal. NULL is fine.
void screen_free(struct screen *screen);

int screen_in_fd(const struct screen *screen);
int screen_out_fd(const struct screen *screen);
bool screen_wants_write(const struct screen *screen);

// Reads what the terminal sent and does it. RC_IO: the terminal is gone.
DAVY_MUST_USE enum rc screen_input(struct screen *screen, struct moment now);
// Writes what waits. RC_IO: the terminal is gone.
DAVY_MUST_USE enum rc screen_flush(struct screen *screen);
// The terminal has a new size.
DAVY_MUST_USE enum rc screen_resize(struct screen *screen, struct moment now);
void screen_suspend(struct screen *screen);
void screen_resume(struct screen *screen);

// What app shows may have changed (app_step said so, or the link went up or down).
void screen_changed(struct screen *screen, struct moment now);
// One line for the person that does not come from app: a theme with faults, a broker refused.
void screen_say(struct screen *screen, struct moment now, const char *text);
// Composes and paints one frame if one is due; rings the bell if it is due.
DAVY_MUST_USE enum rc screen_draw(struct screen *screen, struct moment now);
// Milliseconds until screen_draw() or screen_input() has something to do by itself; -1: never.
int screen_timeout_ms(const struct screen *screen, struct moment now);
// A person left the program.
bool screen_wants_exit(const struct screen *screen);

#endif
