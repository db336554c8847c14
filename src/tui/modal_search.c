#include "modal_priv.h"

#include "davy/base/text.h"
#include "tui_priv.h"

#include <string.h>
#include <strings.h>

#define SCORE_NONE 0
#define SCORE_HELP 10   // somewhere in the sentence
#define SCORE_SPREAD 20 // all characters in order, in the name
#define SCORE_INSIDE 50 // in one piece in name or label
#define SCORE_START 100

// All characters of needle in order; bytes will do, for a match only has to be likely.
static bool is_spread(const char *text, const char *needle) {
    for (; *needle != '\0'; needle++) {
        char wanted[2] = {*needle, '\0'};
        text = strcasestr(text, wanted);
        if (text == NULL) {
            return false;
        }
        text++;
    }
    return true;
}

static int score_in(const char *text, const char *needle) {
    const char *found = strcasestr(text, needle);
    return found == NULL ? SCORE_NONE : found == text ? SCORE_START : SCORE_INSIDE;
}

static int score_of(const struct tui_action *action, const char *needle) {
    if (needle[0] == '\0') {
        return SCORE_START;
    }
    int score = at_least(score_in(action->name, needle), score_in(tr(action->label), needle));
    if (score == SCORE_NONE && is_spread(action->name, needle)) {
        score = SCORE_SPREAD;
    }
    if (score == SCORE_NONE && strcasestr(tr(action->help), needle) != NULL) {
        score = SCORE_HELP;
    }
    return score;
}

void tui_modal_search(struct tui_modal *modal) {
    int scores[TUI_ACTIONS_MAX];
    bool ranked = modal->kind == MODAL_PALETTE;
    modal->hit_count = 0;
    modal->selected = 0;
    modal->top = 0;
    for (size_t i = 0; i < modal->actions.count && modal->hit_count < TUI_ACTIONS_MAX; i++) {
        const struct tui_action *action = &modal->actions.rows[i];
        int score = score_of(action, modal->line.text);
        if ((action->contexts & modal->context) == 0 || score == SCORE_NONE) {
            continue;
        }
        size_t at = modal->hit_count++;
        for (; ranked && at > 0 && scores[at - 1] < score; at--) {
            scores[at] = scores[at - 1];
            modal->hits[at] = modal->hits[at - 1];
        }
        scores[at] = score;
        modal->hits[at] = action;
    }
}

size_t tui_modal_count(const struct tui_modal *modal) {
    return modal->kind == MODAL_MENU ? modal->item_count : modal->hit_count;
}
