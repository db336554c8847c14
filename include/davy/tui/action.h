// The action table: one row is read by keys, hints, help, palette and menu, so that they cannot
// disagree.
//
// A context is a bit; an action holds in every context of its mask. Rows stand in the order in
// which hints show them: the most used first. The tables are the user's, static, borrowed.
#ifndef DAVY_TUI_ACTION_H
#define DAVY_TUI_ACTION_H

#include "davy/tui/canvas.h"
#include <stddef.h>

#define TUI_LABEL_COLS 8
#define TUI_ACTIONS_MAX 128
#define TUI_IN_ALL UINT32_MAX

struct tui_action {
    int id;            // the user's number, above 0, unique
    const char *name;  // stable, for scripts and the palette: "alarm.ack"
    uint32_t letter;   // a character or a TUI_KEY_*; 0: none
    int fkey;          // 1-12; 0: none
    const char *label; // msgid, at most TUI_LABEL_COLS columns in every language
    const char *help;  // msgid, one sentence
    uint32_t contexts;
    bool quiet; // works, and stands in help, but not among the hints
};

struct tui_actions {
    const struct tui_action *rows;
    size_t count;
};

// The action of this key in this context; NULL: none.
const struct tui_action *tui_action_of_key(struct tui_actions actions, uint32_t context,
                                           uint32_t key);
const struct tui_action *tui_action_of_id(struct tui_actions actions, int id);
const struct tui_action *tui_action_of_name(struct tui_actions actions, const char *name);
// "F8 a", "F8", "a" or "".
#define TUI_ACTION_KEYS_BYTES 32
void tui_action_keys(const struct tui_action *action, char out_keys[static TUI_ACTION_KEYS_BYTES]);
// Hints of the context into one row, whole ones only, cut from the right.
void tui_action_draw_hints(struct tui_actions actions, uint32_t context, struct tui_canvas *canvas,
                           struct tui_rect rect);
// What is wrong with a table: two rows with the same id, name, or key in a common context, a label
// too wide in the present language, a missing text. NULL: nothing. Meant for tests.
const char *tui_action_fault(struct tui_actions actions, const struct tui_action **out_row);

#endif
