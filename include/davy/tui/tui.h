// The terminal toolkit of the console. Include this one header to get all of it.
//
// How the parts fit: `term` owns the terminal and a canvas of its size; `input` turns bytes into
// events; widgets (table, form, modal, plot, message) draw themselves on the canvas into a
// rectangle and take events; `action` is the one table behind keys, hints, help and palette. The
// toolkit knows no domain word: rows, ids, texts and styles come from its user. It never reads a
// clock (times are arguments), owns no signal, and never blocks longer than the terminal's Esc
// delay.
//
// One round of the program's loop:
//     poll(tui_term_in_fd() for POLLIN; tui_term_out_fd() for POLLOUT if tui_term_wants_write();
//          timeout = the least of tui_input_wait_ms(), tui_term_frame_wait_ms() and its own timers)
//     on SIGWINCH: tui_term_resize()
//     tui_term_flush(); tui_term_read(term, input, now);
//     while (tui_input_next(input, now, &event)): modal first, then the screen
//     if something changed and tui_term_frame_wait_ms(term, now) == 0:
//         tui_canvas_clear(canvas); draw status, body, message, hints, then the modal;
//         tui_term_paint(term, now);
//
// Labels are msgids: whatever is documented as "msgid" goes through gettext() when it is drawn;
// everything else is shown as it comes.
#ifndef DAVY_TUI_TUI_H
#define DAVY_TUI_TUI_H

#include "davy/tui/action.h"
#include "davy/tui/canvas.h"
#include "davy/tui/form.h"
#include "davy/tui/input.h"
#include "davy/tui/layout.h"
#include "davy/tui/line.h"
#include "davy/tui/message.h"
#include "davy/tui/modal.h"
#include "davy/tui/plot.h"
#include "davy/tui/table.h"
#include "davy/tui/term.h"
#include "davy/tui/theme.h"

#endif
