#include "screen_priv.h"

#include "davy/base/text.h"

#include <stdio.h>
#include <string.h>

// Keys to actions, actions to what they do, and the way between screens.

void *screen_state(const struct screen *screen, enum screen_id id) {
    return screen->state[id];
}

static const struct screen_ops *ops_of(const struct screen *screen) {
    return screen_table[screen->at];
}

static void show(struct screen *screen, enum screen_id id) {
    if (ops_of(screen)->leave != NULL && screen->at != id) {
        ops_of(screen)->leave(screen);
    }
    screen->at = id;
    if (ops_of(screen)->enter != NULL) {
        ops_of(screen)->enter(screen);
    }
    if (ops_of(screen)->refresh != NULL) {
        ops_of(screen)->refresh(screen);
    }
    screen->must_paint = true;
}

void screen_go(struct screen *screen, enum screen_id id) {
    if (screen->at != id) {
        if (screen->back_count == SCREEN_BACK_MAX) {
            memmove(screen->back, screen->back + 1, sizeof screen->back - sizeof screen->back[0]);
            screen->back_count--;
        }
        screen->back[screen->back_count++] = screen->at;
    }
    show(screen, id);
}

void screen_home(struct screen *screen, enum screen_id id) {
    screen->back_count = 0;
    show(screen, id);
}

static void ask_quit(struct screen *screen) {
    tui_modal_confirm(screen->modal, ASK_QUIT, _("Leave Davy?"),
                      _("This console stops showing alarms and stops ringing."));
}

static bool may_look(const struct screen *screen) {
    return screen->env.observe || app_signed_in_count(screen->app) > 0;
}

void screen_back(struct screen *screen) {
    if (screen->back_count > 0) {
        show(screen, screen->back[--screen->back_count]);
    } else if (screen->at != SCREEN_OVERVIEW && may_look(screen)) {
        show(screen, SCREEN_OVERVIEW);
    } else if (screen->at == SCREEN_OVERVIEW || screen->at == SCREEN_PEOPLE) {
        ask_quit(screen);
    } else {
        show(screen, SCREEN_PEOPLE);
    }
}

void screen_touch(struct screen *screen) {
    screen->must_paint = true;
}

void screen_reload(struct screen *screen) {
    screen_load(screen);
    screen->must_paint = true;
}

void screen_note(struct screen *screen, enum tui_style style, const char *text) {
    tui_message_set(&screen->message, screen->now.mono, style, text);
    screen->must_paint = true;
}

void screen_refused(struct screen *screen, enum rc rc, const struct refusal *refusal) {
    char text[512];
    if (rc == RC_REFUSED && refusal->code != REFUSAL_NONE) {
        screen_note(screen, TUI_REFUSED, say_refusal(refusal, text, sizeof text));
    } else {
        screen_note(screen, TUI_REFUSED, say_rc(rc));
    }
}

struct tui_actions screen_actions(const struct screen *screen) {
    return (struct tui_actions){screen->actions, screen->action_count};
}

uint32_t screen_context(const struct screen *screen) {
    return SCREEN_BIT(screen->at);
}

bool screen_may_sign(struct screen *screen) {
    struct app_person person;
    if (screen->observe) {
        screen_note(screen, TUI_REFUSED,
                    _("This console only observes. O switches that off where it is allowed."));
        return false;
    }
    if (!app_active(screen->app, &person)) {
        struct refusal refusal = {.code = REFUSAL_NOT_SIGNED_IN};
        screen_refused(screen, RC_REFUSED, &refusal);
        screen_go(screen, SCREEN_PEOPLE);
        return false;
    }
    return true;
}

static struct tui_table *table_of(struct screen *screen) {
    return ops_of(screen)->table != NULL ? ops_of(screen)->table(screen) : NULL;
}

static void find(struct screen *screen, const char *text, int step) {
    struct tui_table *table = table_of(screen);
    if (table == NULL || text[0] == '\0') {
        return;
    }
    if (!tui_table_find(table, text, step)) {
        char note[192];
        (void)snprintf(note, sizeof note, _("\"%s\" is not in this list."), text);
        screen_note(screen, TUI_TEXT, note);
    }
    screen->must_paint = true;
}

static void press(struct screen *screen, uint32_t key) {
    struct tui_event event = tui_event_key(key);
    struct tui_table *table = table_of(screen);
    if (table != NULL) {
        (void)tui_table_event(table, &event);
    }
}

static void silence(struct screen *screen) {
    enum rc rc = bell_silence(&screen->bell, screen->unacked.rows, screen->unacked.count,
                              screen->settings.bell);
    if (rc != RC_OK) {
        screen_note(screen, TUI_REFUSED, say_rc(rc));
    } else if (screen->bell.count > 0) {
        screen_note(screen, TUI_TEXT,
                    _("Silenced. Nothing is acknowledged; new alarms ring again."));
    } else {
        screen_note(screen, TUI_TEXT, _("Nothing rings."));
    }
}

static void toggle_observe(struct screen *screen) {
    if (screen->env.observe) {
        screen_note(screen, TUI_REFUSED, _("Davy was started to observe only."));
        return;
    }
    screen->observe = !screen->observe;
    screen_note(screen, TUI_TEXT,
                screen->observe ? _("Observing: nothing can be signed.")
                                : _("Acts can be signed again."));
}

static void open_find(struct screen *screen) {
    struct tui_prompt prompt = {_("Find:"), screen->find, sizeof screen->find - 1, true};
    tui_modal_prompt(screen->modal, ASK_FIND, &prompt);
}

// The frame's actions that lead to a screen.
static bool go_by_action(struct screen *screen, int action) {
    switch (action) {
    case ACT_OVERVIEW:
        screen_home(screen, SCREEN_OVERVIEW);
        return true;
    case ACT_ALARMS:
        screen_home(screen, SCREEN_ALARMS);
        return true;
    case ACT_TAGS:
        screen_home(screen, SCREEN_TAGS);
        return true;
    case ACT_SYNC:
        screen_home(screen, SCREEN_SYNC);
        return true;
    case ACT_REMARKS:
        screen_home(screen, SCREEN_REMARKS);
        return true;
    case ACT_LOG:
        screen->back_count = 0;
        log_show(screen, (struct rid){{{0}}}, "");
        screen->back_count = 0;
        return true;
    case ACT_PEOPLE:
        screen_go(screen, SCREEN_PEOPLE);
        return true;
    case ACT_SETTINGS:
        screen_go(screen, SCREEN_SETTINGS);
        return true;
    default:
        return false;
    }
}

static bool open_modal(struct screen *screen, int action) {
    struct tui_actions actions = screen_actions(screen);
    uint32_t context = screen_context(screen);
    switch (action) {
    case ACT_HELP:
        tui_modal_help(screen->modal, ASK_ACTION, actions, context);
        return true;
    case ACT_PALETTE:
        tui_modal_palette(screen->modal, ASK_ACTION, actions, context);
        return true;
    case ACT_MENU:
        tui_modal_actions(screen->modal, ASK_ACTION, actions, context);
        return true;
    case ACT_FIND:
        open_find(screen);
        return true;
    case ACT_QUIT:
        ask_quit(screen);
        return true;
    default:
        return false;
    }
}

static void list_action(struct screen *screen, int action) {
    static const struct {
        int action;
        uint32_t key;
    } rows[] = {{ACT_MARK, ' '}, {ACT_MARK_ALL, '*'}, {ACT_UNMARK, 'u'}, {ACT_MOVE, TUI_KEY_DOWN}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (rows[i].action == action) {
            press(screen, rows[i].key);
        }
    }
    if (action == ACT_FIND_NEXT || action == ACT_FIND_BACK) {
        find(screen, screen->find, action == ACT_FIND_NEXT ? 1 : -1);
    }
}

static void frame_act(struct screen *screen, int action) {
    if (go_by_action(screen, action) || open_modal(screen, action)) {
        return;
    }
    switch (action) {
    case ACT_SILENCE:
        silence(screen);
        break;
    case ACT_LOCK:
        if (app_signed_in_count(screen->app) > 0) {
            app_lock(screen->app);
            screen_go(screen, SCREEN_LOCK);
        } else {
            screen_note(screen, TUI_TEXT, _("Nobody is signed in."));
        }
        break;
    case ACT_OBSERVE:
        toggle_observe(screen);
        break;
    case ACT_REFRESH:
        screen_reload(screen);
        break;
    case ACT_REPAINT:
        tui_term_repaint(screen->term);
        break;
    case ACT_HINTS:
        screen->settings.hide_hints = !screen->settings.hide_hints;
        break;
    case ACT_BACK:
        screen_back(screen);
        break;
    default:
        list_action(screen, action);
        break;
    }
}

static bool signs(const struct screen *screen, int action) {
    for (size_t i = 0; i < screen->action_count; i++) {
        if (screen->actions[i].id == action) {
            return screen->signs[i];
        }
    }
    return false;
}

void screen_act(struct screen *screen, int action) {
    screen->must_paint = true;
    if (signs(screen, action) && !screen_may_sign(screen)) {
        return;
    }
    if (action < SCREEN_ACT(0, 0)) {
        frame_act(screen, action);
    } else if (ops_of(screen)->act != NULL) {
        ops_of(screen)->act(screen, action);
    }
}

static void take_answer(struct screen *screen, const struct tui_answer *answer) {
    if (answer->kind == TUI_ANSWER_NONE) {
        return;
    }
    if (answer->tag == ASK_QUIT) {
        screen->exit = answer->kind == TUI_ANSWER_YES;
    } else if (answer->tag == ASK_ACTION && answer->kind == TUI_ANSWER_PICKED) {
        screen_act(screen, answer->action->id);
    } else if (answer->tag == ASK_FIND &&
               (answer->kind == TUI_ANSWER_TYPING || answer->kind == TUI_ANSWER_TEXT)) {
        (void)snprintf(screen->find, sizeof screen->find, "%s", answer->text);
        find(screen, screen->find, 0);
    } else if (!ack_answer(screen, answer) && answer->tag >= ASK_SCREEN &&
               ops_of(screen)->answer != NULL) {
        ops_of(screen)->answer(screen, answer);
    }
}

// A scanner's burst comes as a paste: it is looked up, never typed into anything or taken as keys.
static void route_scan(struct screen *screen, const char *paste) {
    char text[LIMIT_TAG_BYTES + 1];
    struct tag_row tag;
    struct rid subject;
    struct rid person;
    (void)text_clean(slice_text(paste), text, sizeof text);
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == ' ') {
        text[--len] = '\0';
    }
    if (roster_person_by_number(app_roster(screen->app), text, &person)) {
        people_pick(screen, text);
    } else if (!may_look(screen) || screen->at == SCREEN_LOCK) {
        screen_note(screen, TUI_TEXT, _("This is no badge of the site."));
    } else if (app_tag(screen->app, text, screen->now, &tag)) {
        tag_show(screen, text);
    } else if (app_find_subject(screen->app, text, &subject) == RC_OK) {
        alarm_show(screen, subject);
    } else {
        char note[192];
        (void)snprintf(note, sizeof note, _("Scanned \"%s\": not known here."), text);
        screen_note(screen, TUI_TEXT, note);
    }
}

static void take_key(struct screen *screen, const struct tui_event *event) {
    const struct screen_ops *ops = ops_of(screen);
    if (ops->type != NULL && ops->type(screen, event) == TUI_HANDLED) {
        return;
    }
    uint32_t key = event->key == TUI_KEY_ESC ? (uint32_t)'q' : event->key;
    const struct tui_action *action =
        tui_action_of_key(screen_actions(screen), screen_context(screen), key);
    if (action != NULL && action->id != ACT_MOVE) {
        screen_act(screen, action->id);
    } else if (ops->move != NULL) {
        (void)ops->move(screen, event);
    } else if (table_of(screen) != NULL) {
        (void)tui_table_event(table_of(screen), event);
    }
}

void screen_event(struct screen *screen, const struct tui_event *event) {
    struct tui_answer answer;
    screen->must_paint = true;
    if (event->kind == TUI_EVENT_RESIZE) {
        return;
    }
    app_touch(screen->app, screen->now);
    if (tui_modal_event(screen->modal, event, &answer)) {
        take_answer(screen, &answer);
    } else if (event->kind == TUI_EVENT_PASTE) {
        route_scan(screen, event->paste);
    } else {
        take_key(screen, event);
    }
}
