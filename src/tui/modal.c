#include "davy/tui/modal.h"

#include "davy/base/ensure.h"
#include "davy/base/text.h"
#include "modal_priv.h"
#include "tui_priv.h"

#include <stdlib.h>
#include <string.h>

struct tui_modal *tui_modal_new(void) {
    return calloc(1, sizeof(struct tui_modal));
}

void tui_modal_free(struct tui_modal *modal) {
    if (modal != NULL) {
        explicit_bzero(modal, sizeof *modal);
        free(modal);
    }
}

bool tui_modal_is_open(const struct tui_modal *modal) {
    return modal->kind != MODAL_NONE;
}

void tui_modal_close(struct tui_modal *modal) {
    modal->kind = MODAL_NONE;
    tui_line_wipe(&modal->line);
}

// Line breaks are the writer's own; everything else is made clean when it is drawn.
static void copy_text(const char *text, char *out, size_t out_bytes) {
    size_t len = strlen(text);
    if (len >= out_bytes) {
        len = out_bytes - 1;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    memcpy(out, text, len);
    out[len] = '\0';
}

static void open_modal(struct tui_modal *modal, enum modal_kind kind, int tag, const char *title) {
    modal->kind = kind;
    modal->tag = tag;
    copy_text(title, modal->title, sizeof modal->title);
    modal->text[0] = '\0';
    modal->scroll = 0;
    modal->yes = false;
    modal->typing = false;
    modal->hidden = false;
    modal->selected = 0;
    modal->top = 0;
    modal->page = 1;
    modal->item_count = 0;
    modal->hit_count = 0;
    tui_line_init(&modal->line, kind == MODAL_PIN ? TUI_LINE_PIN : TUI_LINE_TEXT, 0);
}

void tui_modal_message(struct tui_modal *modal, int tag, const char *title, const char *text) {
    open_modal(modal, MODAL_MESSAGE, tag, title);
    copy_text(text, modal->text, sizeof modal->text);
}

void tui_modal_confirm(struct tui_modal *modal, int tag, const char *title, const char *text) {
    open_modal(modal, MODAL_CONFIRM, tag, title);
    copy_text(text, modal->text, sizeof modal->text);
}

void tui_modal_pin(struct tui_modal *modal, int tag, const char *title, const char *text) {
    open_modal(modal, MODAL_PIN, tag, title);
    copy_text(text, modal->text, sizeof modal->text);
    modal->line.max = LIMIT_PIN_DIGITS_MAX;
}

void tui_modal_prompt(struct tui_modal *modal, int tag, const struct tui_prompt *prompt) {
    open_modal(modal, MODAL_PROMPT, tag, prompt->label);
    tui_line_init(&modal->line, TUI_LINE_TEXT, prompt->max_bytes);
    tui_line_set(&modal->line, prompt->initial != NULL ? prompt->initial : "");
    modal->typing = prompt->typing;
}

void tui_modal_menu(struct tui_modal *modal, int tag, const struct tui_menu *menu) {
    open_modal(modal, MODAL_MENU, tag, menu->title);
    for (size_t i = 0; i < menu->count && i < TUI_MENU_ITEMS; i++) {
        copy_text(menu->items[i], modal->items[i], MODAL_ITEM_BYTES);
        modal->item_count++;
    }
    modal->selected = menu->selected < modal->item_count ? menu->selected : 0;
}

static void open_actions(struct tui_modal *modal, enum modal_kind kind, int tag,
                         struct tui_actions actions, uint32_t context) {
    static const char *const titles[MODAL_KIND_COUNT] = {
        [MODAL_ACTIONS] = N_("Actions"),
        [MODAL_PALETTE] = N_("Command"),
        [MODAL_HELP] = N_("Help"),
    };
    open_modal(modal, kind, tag, tr(titles[kind]));
    modal->actions = actions;
    modal->context = context;
    tui_modal_search(modal);
}

void tui_modal_actions(struct tui_modal *modal, int tag, struct tui_actions actions,
                       uint32_t context) {
    open_actions(modal, MODAL_ACTIONS, tag, actions, context);
}

void tui_modal_palette(struct tui_modal *modal, int tag, struct tui_actions actions,
                       uint32_t context) {
    open_actions(modal, MODAL_PALETTE, tag, actions, context);
}

void tui_modal_help(struct tui_modal *modal, int tag, struct tui_actions actions,
                    uint32_t context) {
    open_actions(modal, MODAL_HELP, tag, actions, context);
}

static void answer_text(struct tui_modal *modal, enum tui_answer_kind kind,
                        struct tui_answer *answer) {
    memcpy(modal->answer, modal->line.text, modal->line.len + 1);
    answer->kind = kind;
    answer->text = modal->answer;
}

static void scroll_text(struct tui_modal *modal, uint32_t key) {
    int step = key == TUI_KEY_UP || key == 'k'     ? -1
               : key == TUI_KEY_DOWN || key == 'j' ? 1
               : key == TUI_KEY_PAGE_UP            ? -5
               : key == TUI_KEY_PAGE_DOWN          ? 5
                                                   : 0;
    modal->scroll = at_least(at_most(modal->scroll + step, modal->scroll_most), 0);
}

static void message_event(struct tui_modal *modal, const struct tui_event *event,
                          struct tui_answer *answer) {
    if (event->key == TUI_KEY_ENTER || event->key == TUI_KEY_ESC || event->key == 'q' ||
        event->key == ' ') {
        answer->kind = TUI_ANSWER_CANCEL;
    }
    scroll_text(modal, event->key);
}

static void confirm_event(struct tui_modal *modal, const struct tui_event *event,
                          struct tui_answer *answer) {
    switch (event->key) {
    case TUI_KEY_ENTER:
        answer->kind = modal->yes ? TUI_ANSWER_YES : TUI_ANSWER_NO;
        break;
    case 'y':
    case 'Y':
        answer->kind = TUI_ANSWER_YES;
        break;
    case 'n':
    case 'N':
        answer->kind = TUI_ANSWER_NO;
        break;
    case TUI_KEY_ESC:
    case 'q':
        answer->kind = TUI_ANSWER_CANCEL;
        break;
    case TUI_KEY_LEFT:
    case TUI_KEY_RIGHT:
    case TUI_KEY_TAB:
    case TUI_KEY_BACKTAB:
        modal->yes = !modal->yes;
        break;
    default:
        scroll_text(modal, event->key);
        break;
    }
}

static void line_event(struct tui_modal *modal, const struct tui_event *event,
                       struct tui_answer *answer) {
    if (event->key == TUI_KEY_ESC) {
        answer->kind = TUI_ANSWER_CANCEL;
    } else if (event->key == TUI_KEY_ENTER) {
        answer_text(modal, TUI_ANSWER_TEXT, answer);
    } else if (tui_line_event(&modal->line, event) == TUI_HANDLED && modal->typing) {
        answer_text(modal, TUI_ANSWER_TYPING, answer);
    }
}

static bool move(struct tui_modal *modal, uint32_t key) {
    size_t count = tui_modal_count(modal);
    size_t page = modal->page;
    size_t at = modal->selected;
    switch (key) {
    case TUI_KEY_UP:
        at = at > 0 ? at - 1 : 0;
        break;
    case TUI_KEY_DOWN:
        at++;
        break;
    case TUI_KEY_PAGE_UP:
        at = at > page ? at - page : 0;
        break;
    case TUI_KEY_PAGE_DOWN:
        at += page;
        break;
    default:
        return false;
    }
    modal->selected = count == 0 ? 0 : at < count ? at : count - 1;
    return true;
}

static void answer_picked(const struct tui_modal *modal, size_t index, struct tui_answer *answer) {
    if (index >= tui_modal_count(modal)) {
        return;
    }
    answer->kind = TUI_ANSWER_PICKED;
    answer->index = index;
    answer->action = modal->kind == MODAL_MENU ? NULL : modal->hits[index];
}

static void menu_event(struct tui_modal *modal, const struct tui_event *event,
                       struct tui_answer *answer) {
    uint32_t key = event->key == 'k' ? TUI_KEY_UP : event->key == 'j' ? TUI_KEY_DOWN : event->key;
    if (key == TUI_KEY_ESC || key == 'q') {
        answer->kind = TUI_ANSWER_CANCEL;
    } else if (key == TUI_KEY_ENTER) {
        answer_picked(modal, modal->selected, answer);
    } else if (key >= '1' && key <= '9') {
        answer_picked(modal, key - '1', answer);
    } else {
        (void)move(modal, key);
    }
}

static void search_event(struct tui_modal *modal, const struct tui_event *event,
                         struct tui_answer *answer) {
    if (event->key == TUI_KEY_ESC) {
        answer->kind = TUI_ANSWER_CANCEL;
    } else if (event->key == TUI_KEY_ENTER) {
        answer_picked(modal, modal->selected, answer);
    } else if (!move(modal, event->key) && tui_line_event(&modal->line, event) == TUI_HANDLED) {
        tui_modal_search(modal);
    }
}

typedef void event_taker(struct tui_modal *modal, const struct tui_event *event,
                         struct tui_answer *answer);

bool tui_modal_event(struct tui_modal *modal, const struct tui_event *event,
                     struct tui_answer *out_answer) {
    static event_taker *const takers[MODAL_KIND_COUNT] = {
        [MODAL_MESSAGE] = message_event, [MODAL_CONFIRM] = confirm_event,
        [MODAL_PIN] = line_event,        [MODAL_PROMPT] = line_event,
        [MODAL_MENU] = menu_event,       [MODAL_ACTIONS] = menu_event,
        [MODAL_PALETTE] = search_event,  [MODAL_HELP] = search_event,
    };
    explicit_bzero(modal->answer, sizeof modal->answer);
    *out_answer = (struct tui_answer){.tag = modal->tag, .text = ""};
    if (modal->kind == MODAL_NONE || event->kind == TUI_EVENT_RESIZE) {
        return false;
    }
    if (modal->hidden && event->key != TUI_KEY_ESC) {
        return true;
    }
    takers[modal->kind](modal, event, out_answer);
    if (out_answer->kind != TUI_ANSWER_NONE && out_answer->kind != TUI_ANSWER_TYPING) {
        tui_modal_close(modal);
    }
    return true;
}
