// Between the modal's files.
#ifndef DAVY_TUI_MODAL_PRIV_H
#define DAVY_TUI_MODAL_PRIV_H

#include "davy/tui/modal.h"

#define MODAL_TITLE_BYTES 256
#define MODAL_ITEM_BYTES 160

enum modal_kind {
    MODAL_NONE = 0,
    MODAL_MESSAGE,
    MODAL_CONFIRM,
    MODAL_PIN,
    MODAL_PROMPT,
    MODAL_MENU,    // items of the user
    MODAL_ACTIONS, // numbered actions
    MODAL_PALETTE, // actions by search, the best match first
    MODAL_HELP,    // actions by search, in the order of the table
    MODAL_KIND_COUNT
};

struct tui_modal {
    enum modal_kind kind;
    int tag;
    char title[MODAL_TITLE_BYTES];
    char text[TUI_MODAL_TEXT_BYTES];
    int scroll;      // lines of text hidden above
    int scroll_most; // as of the last frame
    bool yes;        // the focused button
    bool typing;
    bool hidden; // the screen is too small to show it: nothing can be answered but Esc
    struct tui_line line;
    char items[TUI_MENU_ITEMS][MODAL_ITEM_BYTES];
    size_t item_count;
    struct tui_actions actions;
    uint32_t context;
    const struct tui_action *hits[TUI_ACTIONS_MAX];
    size_t hit_count;
    size_t selected, top, page;
    char answer[TUI_LINE_BYTES];
};

// The actions of the context that match what is typed.
void tui_modal_search(struct tui_modal *modal);
// Rows of the list that is open.
size_t tui_modal_count(const struct tui_modal *modal);

#endif
