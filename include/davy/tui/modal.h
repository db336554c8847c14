// What lies over a screen and takes the keys: message, question, PIN, one-line prompt, menu,
// palette, help. One at a time; opening another replaces it. The user's tag comes back with the
// answer.
//
//     tui_modal_confirm(modal, ASK_SUBMIT, _("Submit?"), text);
//     ...
//     if (tui_modal_event(modal, &event, &answer)) {      // open: it takes every event
//         if (answer.tag == ASK_SUBMIT && answer.kind == TUI_ANSWER_YES) { ... }
//     } else { the screen's own keys }
#ifndef DAVY_TUI_MODAL_H
#define DAVY_TUI_MODAL_H

#include "davy/tui/action.h"
#include "davy/tui/input.h"
#include "davy/tui/layout.h"
#include "davy/tui/line.h"

#define TUI_MENU_ITEMS 64
#define TUI_MODAL_TEXT_BYTES 2048

enum tui_answer_kind {
    TUI_ANSWER_NONE = 0, // still open
    TUI_ANSWER_CANCEL,   // Esc; a closed message or help
    TUI_ANSWER_YES,
    TUI_ANSWER_NO,
    TUI_ANSWER_TEXT,   // PIN or prompt: text
    TUI_ANSWER_TYPING, // prompt that asked for it: text so far, still open
    TUI_ANSWER_PICKED, // menu: index; palette: action
};

struct tui_answer {
    enum tui_answer_kind kind;
    int tag;
    const char *text; // borrowed until the next call; PIN: wiped then
    size_t index;
    const struct tui_action *action;
};

struct tui_modal;

struct tui_modal *tui_modal_new(void);
// Wipes and frees.
void tui_modal_free(struct tui_modal *modal);
bool tui_modal_is_open(const struct tui_modal *modal);
void tui_modal_close(struct tui_modal *modal);

// Titles and texts are copied and shown as they come (translate them first).
void tui_modal_message(struct tui_modal *modal, int tag, const char *title, const char *text);
// Yes or no, default no: Enter answers what is focused, y and n at once.
void tui_modal_confirm(struct tui_modal *modal, int tag, const char *title, const char *text);
// text: what is signed, or why the last try failed ("" for none).
void tui_modal_pin(struct tui_modal *modal, int tag, const char *title, const char *text);
// One line at the message row's place: find, filter, comment. initial may be "".
struct tui_prompt {
    const char *label;
    const char *initial;
    size_t max_bytes; // 0: as much as there is room
    bool typing;      // every change answers TUI_ANSWER_TYPING (incremental find)
};
void tui_modal_prompt(struct tui_modal *modal, int tag, const struct tui_prompt *prompt);
// Numbered 1-9; arrows and Enter, or the digit. Items are copied (at most TUI_MENU_ITEMS).
struct tui_menu {
    const char *title;
    const char *const *items; // shown as they come
    size_t count;
    size_t selected;
};
void tui_modal_menu(struct tui_modal *modal, int tag, const struct tui_menu *menu);
// Every action of the context as a menu (F9): numbered, with its keys.
void tui_modal_actions(struct tui_modal *modal, int tag, struct tui_actions actions,
                       uint32_t context);
// Every action of the context by fuzzy search over name, label and help; shows the keys.
void tui_modal_palette(struct tui_modal *modal, int tag, struct tui_actions actions,
                       uint32_t context);
// The keys of the context as a searchable list. Answers CANCEL, or PICKED with Enter.
void tui_modal_help(struct tui_modal *modal, int tag, struct tui_actions actions, uint32_t context);

// False: nothing is open, the event is not taken. True: it was taken, and *out_answer says what
// came of it. An answer other than NONE and TYPING closes the modal first, so that another may be
// opened.
bool tui_modal_event(struct tui_modal *modal, const struct tui_event *event,
                     struct tui_answer *out_answer);
// Draws over the screen, if open, and places the cursor.
void tui_modal_draw(struct tui_modal *modal, struct tui_canvas *canvas,
                    const struct tui_layout *layout);

#endif
