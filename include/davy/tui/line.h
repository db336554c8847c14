// One line of text being edited: UTF-8, a caret, a limit in bytes; also masked (PIN) and digits
// only.
//
// A value without pointers. It holds only clean text. Full-width digits typed by an input method
// become ASCII in number fields. Wipe a masked line after use.
#ifndef DAVY_TUI_LINE_H
#define DAVY_TUI_LINE_H

#include "davy/base/limits.h"
#include "davy/tui/canvas.h"
#include "davy/tui/input.h"

#define TUI_LINE_BYTES (LIMIT_COMMENT_BYTES + 1)

enum tui_line_kind {
    TUI_LINE_TEXT = 0,
    TUI_LINE_DIGITS, // 0-9 only
    TUI_LINE_NUMBER, // digits, sign, decimal point
    TUI_LINE_PIN,    // digits, shown masked
    TUI_LINE_SECRET, // text, shown masked
};

struct tui_line {
    enum tui_line_kind kind;
    size_t max; // bytes, without NUL
    size_t len;
    size_t caret; // byte offset, on a character's boundary
    int scroll;   // columns hidden at the left
    char text[TUI_LINE_BYTES];
};

// max 0 or too large: as much as there is room.
void tui_line_init(struct tui_line *line, enum tui_line_kind kind, size_t max);
// Replaces the text (cleaned, cut), caret at the end.
void tui_line_set(struct tui_line *line, const char *text);
void tui_line_wipe(struct tui_line *line);
// Takes characters, pastes, Backspace, Delete, arrows, Home, End, ^U (empties), ^W (word).
enum tui_result tui_line_event(struct tui_line *line, const struct tui_event *event);
// Draws in the span; focused: places the visible cursor at the caret.
void tui_line_draw(struct tui_line *line, struct tui_canvas *canvas, struct tui_span span,
                   bool focused);

#endif
