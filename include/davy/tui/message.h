// The message line: what happened last, for a while.
//
// A value. A message with hold 0 stays until replaced. A message of a more serious style
// (refused, p1) is not replaced by a lesser one in its first second and a half.
#ifndef DAVY_TUI_MESSAGE_H
#define DAVY_TUI_MESSAGE_H

#include "davy/base/id.h"
#include "davy/tui/canvas.h"

#define TUI_MESSAGE_HOLD_MS 6000
#define TUI_MESSAGE_GUARD_MS 1500

struct tui_message {
    char text[512];
    enum tui_style style;
    struct mono_ms since;
    int hold_ms;
};

void tui_message_set(struct tui_message *message, struct mono_ms now, enum tui_style style,
                     const char *text);
// Like set, and stays until replaced.
void tui_message_pin(struct tui_message *message, struct mono_ms now, enum tui_style style,
                     const char *text);
void tui_message_clear(struct tui_message *message);
// Milliseconds until the line changes by itself; -1: never.
int tui_message_wait_ms(const struct tui_message *message, struct mono_ms now);
void tui_message_draw(const struct tui_message *message, struct mono_ms now,
                      struct tui_canvas *canvas, struct tui_rect rect);

#endif
