// Fields under each other, filled in one after the other.
//
// Enter and Tab go to the next field, Backtab and Up to the one before; Enter in the last field
// submits, Esc cancels. An error stands at its field until the field changes. In compact
// layouts a long label stands above its field, one field a row.
#ifndef DAVY_TUI_FORM_H
#define DAVY_TUI_FORM_H

#include "davy/tui/layout.h"
#include "davy/tui/line.h"

#define TUI_FORM_FIELDS 16

struct tui_field {
    int id;            // the user's number
    const char *label; // msgid
    enum tui_line_kind kind;
    size_t max_bytes; // 0: as much as there is room
    const char *unit; // shown after the field as it comes; NULL: none
    const char *hint; // msgid, shown in the empty field ("0 - 100"); NULL: none
    bool required;
    // A picker: msgids, picked with left and right, Space or 1-9; the value is the index in digits.
    const char *const *choices;
    size_t choice_count;
};

enum tui_form_outcome {
    TUI_FORM_IGNORED = 0,
    TUI_FORM_HANDLED, // moved
    TUI_FORM_CHANGED, // a value changed: save the draft
    TUI_FORM_SUBMIT,  // every required field is filled
    TUI_FORM_CANCEL,
};

struct tui_form;

// fields: borrowed, static.
struct tui_form *tui_form_new(const struct tui_field *fields, size_t count);
// Wipes and frees.
void tui_form_free(struct tui_form *form);
const char *tui_form_value(const struct tui_form *form, int id);
int tui_form_choice(const struct tui_form *form, int id);
void tui_form_set(struct tui_form *form, int id, const char *value);
// Copied; shown at the field, which gets the focus. NULL or "" removes it.
void tui_form_set_error(struct tui_form *form, int id, const char *text);
enum tui_form_outcome tui_form_event(struct tui_form *form, const struct tui_event *event);
void tui_form_draw(struct tui_form *form, struct tui_canvas *canvas, struct tui_rect rect,
                   enum tui_class size);
// Rows that the form takes at this width.
int tui_form_rows(const struct tui_form *form, int cols, enum tui_class size);

#endif
