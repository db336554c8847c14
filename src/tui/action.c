#include "davy/tui/action.h"

#include "davy/base/text.h"
#include "davy/tui/input.h"
#include "tui_priv.h"

#include <stdio.h>
#include <string.h>

static bool has_key(const struct tui_action *action, uint32_t key) {
    return key != TUI_KEY_NONE &&
           (action->letter == key || (action->fkey > 0 && TUI_KEY_F(action->fkey) == key));
}

const struct tui_action *tui_action_of_key(struct tui_actions actions, uint32_t context,
                                           uint32_t key) {
    for (size_t i = 0; i < actions.count; i++) {
        const struct tui_action *action = &actions.rows[i];
        if ((action->contexts & context) != 0 && has_key(action, key)) {
            return action;
        }
    }
    return NULL;
}

const struct tui_action *tui_action_of_id(struct tui_actions actions, int id) {
    for (size_t i = 0; i < actions.count; i++) {
        if (actions.rows[i].id == id) {
            return &actions.rows[i];
        }
    }
    return NULL;
}

const struct tui_action *tui_action_of_name(struct tui_actions actions, const char *name) {
    for (size_t i = 0; i < actions.count; i++) {
        if (strcmp(actions.rows[i].name, name) == 0) {
            return &actions.rows[i];
        }
    }
    return NULL;
}

void tui_action_keys(const struct tui_action *action, char out_keys[static TUI_ACTION_KEYS_BYTES]) {
    char fkey[TUI_KEY_NAME_BYTES] = "";
    char letter[TUI_KEY_NAME_BYTES] = "";
    if (action->fkey > 0) {
        tui_key_name(TUI_KEY_F(action->fkey), fkey);
    }
    if (action->letter != TUI_KEY_NONE) {
        tui_key_name(action->letter, letter);
    }
    bool both = fkey[0] != '\0' && letter[0] != '\0';
    (void)snprintf(out_keys, TUI_ACTION_KEYS_BYTES, "%s%s%s", fkey, both ? " " : "", letter);
}

static void hint_key(const struct tui_action *action, char out_name[static TUI_KEY_NAME_BYTES]) {
    tui_key_name(action->fkey > 0 ? TUI_KEY_F(action->fkey) : action->letter, out_name);
}

void tui_action_draw_hints(struct tui_actions actions, uint32_t context, struct tui_canvas *canvas,
                           struct tui_rect rect) {
    struct tui_pen pen = tui_pen(canvas, tui_span(rect.row, rect.col, rect.cols));
    bool first = true;
    for (size_t i = 0; rect.rows > 0 && i < actions.count; i++) {
        const struct tui_action *action = &actions.rows[i];
        if ((action->contexts & context) == 0 || action->quiet) {
            continue;
        }
        char key[TUI_KEY_NAME_BYTES];
        hint_key(action, key);
        const char *label = tr(action->label);
        // A one-letter key runs into a Latin label: "aAck".
        bool apart = key[1] == '\0' || (unsigned char)label[0] < 0x80;
        int cols = (first ? 0 : 1) + text_cols(key) + (apart ? 1 : 0) + text_cols(label);
        if (cols > tui_pen_left(&pen)) {
            return;
        }
        tui_pen_put(&pen, TUI_TEXT, first ? "" : " ");
        tui_pen_put(&pen, TUI_HINT_KEY, key);
        tui_pen_put(&pen, TUI_HINT_TEXT, apart ? " " : "");
        tui_pen_put(&pen, TUI_HINT_TEXT, label);
        first = false;
    }
}

static const char *row_fault(const struct tui_action *action) {
    if (action->id <= 0) {
        return "id";
    }
    if (action->name == NULL || action->name[0] == '\0') {
        return "no name";
    }
    if (action->label == NULL || action->label[0] == '\0') {
        return "no label";
    }
    if (action->help == NULL || action->help[0] == '\0') {
        return "no help";
    }
    if (action->contexts == 0) {
        return "no context";
    }
    if (action->fkey < 0 || action->fkey > 12) {
        return "no such function key";
    }
    return text_cols(tr(action->label)) > TUI_LABEL_COLS ? "label too wide" : NULL;
}

static const char *pair_fault(const struct tui_action *a, const struct tui_action *b) {
    if (a->id == b->id) {
        return "same id";
    }
    if (strcmp(a->name, b->name) == 0) {
        return "same name";
    }
    bool meet = (a->contexts & b->contexts) != 0;
    bool same_f = a->fkey > 0 && a->fkey == b->fkey;
    bool same_letter = a->letter != TUI_KEY_NONE && a->letter == b->letter;
    return meet && (same_f || same_letter) ? "same key" : NULL;
}

const char *tui_action_fault(struct tui_actions actions, const struct tui_action **out_row) {
    if (actions.count > TUI_ACTIONS_MAX) {
        return "too many actions";
    }
    for (size_t i = 0; i < actions.count; i++) {
        const char *fault = row_fault(&actions.rows[i]);
        for (size_t j = 0; j < i && fault == NULL; j++) {
            fault = pair_fault(&actions.rows[j], &actions.rows[i]);
        }
        if (fault != NULL) {
            *out_row = &actions.rows[i];
            return fault;
        }
    }
    return NULL;
}
