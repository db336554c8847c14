#include "screen_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Sign-in, and later who acts: the people of this console, with a PIN or a badge.
#define ROOM_FIRST 128

enum { ACT_PICK = SCREEN_ACT(SCREEN_PEOPLE, 1), ACT_BADGE, ACT_FIRST_USE, ACT_SIGN_OUT, ACT_DIGIT };
enum { ASK_PIN = ASK_SCREEN, ASK_BADGE };
enum { COL_DIGIT, COL_NAME, COL_NUMBER, COL_STATE };

struct people {
    struct tui_table *table;
    struct app_person *rows;
    uint32_t count, room;
    char number[LIMIT_TAG_BYTES + 1]; // whose PIN is asked for
};

static const struct screen_action actions[] = {
    {{ACT_PICK, "people.pick", TUI_KEY_ENTER, 0, N_("Sign in"),
      N_("Sign in, or act as this person who is signed in already."), SCREEN_BIT(SCREEN_PEOPLE),
      false},
     false},
    {{ACT_BADGE, "people.badge", 'b', 8, N_("Badge"), N_("Type a badge number."),
      SCREEN_BIT(SCREEN_PEOPLE), false},
     false},
    {{ACT_FIRST_USE, "people.first", 'f', 7, N_("New PIN"),
      N_("First use of this device: make a key with a one-time code."), SCREEN_BIT(SCREEN_PEOPLE),
      false},
     false},
    {{ACT_SIGN_OUT, "people.out", 'o', 0, N_("Sign out"), N_("End this person's session."),
      SCREEN_BIT(SCREEN_PEOPLE), false},
     false},
    {{ACT_DIGIT, "people.digit", '1', 0, N_("1 to 9"), N_("The person with that number."),
      SCREEN_BIT(SCREEN_PEOPLE), true},
     false},
};

static const struct tui_column columns[] = {
    [COL_DIGIT] = {"", 1, 0, TUI_LEFT, false, 0},
    [COL_NAME] = {N_("Name"), 8, 0, TUI_LEFT, true, 0},
    [COL_NUMBER] = {N_("Badge"), 8, 1, TUI_LEFT, false, 0},
    [COL_STATE] = {N_("On this device"), 16, 0, TUI_LEFT, false, 0},
};

static struct people *state_of(const struct screen *screen) {
    return screen_state(screen, SCREEN_PEOPLE);
}

static size_t row_count(void *context) {
    return state_of(context)->count;
}

static struct id16 row_id(void *context, size_t row) {
    return state_of(context)->rows[row].person.id;
}

static const char *state_word(const struct app_person *person) {
    if (person->active) {
        return _("signed in, acts");
    }
    if (person->signed_in) {
        return _("signed in");
    }
    if (person->waiting) {
        return _("waits for hub");
    }
    return person->has_key ? _("PIN") : _("first use");
}

static void row_cell(void *context, size_t row, size_t column, struct tui_cell *out_cell) {
    const struct app_person *person = &state_of(context)->rows[row];
    switch (column) {
    case COL_DIGIT:
        if (row < 9) {
            tui_cell_set(out_cell, TUI_HINT_KEY, "%zu", row + 1);
        }
        break;
    case COL_NAME:
        tui_cell_set(out_cell, person->active ? TUI_TITLE : TUI_TEXT, "%s", person->name);
        break;
    case COL_NUMBER:
        tui_cell_set(out_cell, TUI_TEXT, "%s", person->number);
        break;
    default:
        tui_cell_set(out_cell, person->signed_in || person->has_key ? TUI_TEXT : TUI_DIM, "%s",
                     state_word(person));
        break;
    }
}

static enum rc init(struct screen *screen) {
    struct people *people = state_of(screen);
    struct tui_table_spec spec = {
        .columns = columns,
        .column_count = sizeof columns / sizeof columns[0],
        .source = {.context = screen, .count = row_count, .id = row_id, .cell = row_cell},
        .empty = N_("Nobody of this site holds a role here yet."),
    };
    people->table = tui_table_new(&spec);
    return people->table != NULL ? RC_OK : RC_NO_MEMORY;
}

static void fini(struct screen *screen) {
    tui_table_free(state_of(screen)->table);
    free(state_of(screen)->rows);
}

static void refresh(struct screen *screen) {
    struct people *people = state_of(screen);
    for (uint32_t want = people->room > 0 ? people->room : ROOM_FIRST; want <= LIMIT_ROSTER_PERSONS;
         want *= 2) {
        if (want > people->room) {
            struct app_person *grown = realloc(people->rows, want * sizeof *grown);
            if (grown == NULL) {
                screen_short(screen);
                return;
            }
            people->rows = grown;
            people->room = want;
        }
        people->count = app_people(screen->app, people->rows, people->room);
        if (people->count < people->room) {
            return;
        }
    }
}

static void draw(struct screen *screen, struct tui_rect body) {
    struct people *people = state_of(screen);
    char text[3 * LIMIT_NAME_BYTES];
    bool nobody = app_signed_in_count(screen->app) == 0;
    (void)snprintf(text, sizeof text, "%s   %s   %s", nobody ? _("Sign in") : _("People"),
                   screen->status.site_name, screen->status.device_name);
    draw_title(screen, &body, text);
    if (screen->status.demo) {
        struct tui_rect note = tui_rect_bottom(&body, screen->layout.size > TUI_COMPACT ? 1 : 0);
        if (note.rows > 0) {
            tui_put(screen->canvas, tui_span(note.row, note.col, note.cols), TUI_DIM,
                    _("Demonstration site: its PINs are public."));
        }
    }
    struct tui_table_frame frame = {body, screen->layout.size, {NULL, NULL, 0}, true};
    tui_table_draw(people->table, screen->canvas, &frame);
}

static const struct app_person *person_numbered(const struct people *people, const char *number) {
    for (uint32_t i = 0; i < people->count; i++) {
        if (strcmp(people->rows[i].number, number) == 0) {
            return &people->rows[i];
        }
    }
    return NULL;
}

static void ask_pin(struct screen *screen, const char *why) {
    struct people *people = state_of(screen);
    const struct app_person *person = person_numbered(people, people->number);
    tui_modal_pin(screen->modal, ASK_PIN, person != NULL ? person->name : people->number, why);
}

static void arrived(struct screen *screen, const char *name) {
    char note[192];
    (void)snprintf(note, sizeof note, _("%s acts now."), name);
    screen_note(screen, TUI_TEXT, note);
    if (screen->back_count > 0) {
        screen_back(screen);
    } else {
        screen_home(screen, SCREEN_OVERVIEW);
    }
    screen_reload(screen);
}

void people_pick(struct screen *screen, const char *number) {
    struct people *people = state_of(screen);
    refresh(screen);
    (void)snprintf(people->number, sizeof people->number, "%s", number);
    const struct app_person *person = person_numbered(people, number);
    if (screen->at != SCREEN_LOCK && screen->at != SCREEN_PEOPLE) {
        screen_go(screen, SCREEN_PEOPLE);
        person = person_numbered(people, number);
    }
    if (person == NULL) {
        struct refusal refusal = {.code = REFUSAL_PERSON_UNKNOWN};
        (void)snprintf(refusal.args[0], sizeof refusal.args[0], "%s", number);
        screen_refused(screen, RC_REFUSED, &refusal);
    } else if (screen->at != SCREEN_LOCK && person->signed_in) {
        char name[LIMIT_NAME_BYTES + 1];
        memcpy(name, person->name, sizeof name);
        if (app_set_active(screen->app, person->person)) {
            arrived(screen, name);
        }
    } else if (person->waiting) {
        screen_note(screen, TUI_TEXT,
                    _("The key is made; the hub has not certified it yet. It needs the link."));
    } else if (person->has_key) {
        ask_pin(screen, "");
    } else if (screen->at != SCREEN_LOCK) {
        screen_go(screen, SCREEN_FIRST_USE);
    } else {
        struct refusal refusal = {.code = REFUSAL_KEY_UNKNOWN};
        screen_refused(screen, RC_REFUSED, &refusal);
    }
}

static void take_pin(struct screen *screen, const char *pin) {
    struct people *people = state_of(screen);
    struct refusal refusal = {.code = REFUSAL_NONE};
    screen_note(screen, TUI_TEXT, _("Checking the PIN..."));
    screen_paint_now(screen);
    tui_message_clear(&screen->message);
    bool locked = screen->at == SCREEN_LOCK;
    enum rc rc = locked ? app_unlock(screen->app, people->number, pin, screen->now, &refusal)
                        : app_sign_in(screen->app, people->number, pin, screen->now, &refusal);
    if (rc == RC_OK) {
        const struct app_person *person = person_numbered(people, people->number);
        char name[LIMIT_NAME_BYTES + 1] = "";
        if (person != NULL) {
            memcpy(name, person->name, sizeof name);
        }
        arrived(screen, name);
        return;
    }
    if (rc == RC_REFUSED && refusal.code == REFUSAL_PIN_WRONG) {
        char why[384];
        ask_pin(screen, say_refusal(&refusal, why, sizeof why));
    } else {
        screen_refused(screen, rc, &refusal);
    }
}

// Also for the lock screen, which asks in the same way.
void people_answer(struct screen *screen, const struct tui_answer *answer) {
    if (answer->kind != TUI_ANSWER_TEXT) {
        return;
    }
    if (answer->tag == ASK_PIN) {
        take_pin(screen, answer->text);
    } else if (answer->tag == ASK_BADGE && answer->text[0] != '\0') {
        char number[LIMIT_TAG_BYTES + 1];
        (void)snprintf(number, sizeof number, "%.64s", answer->text);
        people_pick(screen, number);
    }
}

void people_ask_badge(struct screen *screen) {
    struct tui_prompt prompt = {_("Badge number:"), "", LIMIT_TAG_BYTES, false};
    tui_modal_prompt(screen->modal, ASK_BADGE, &prompt);
}

static void sign_out(struct screen *screen) {
    struct people *people = state_of(screen);
    struct id16 id;
    if (!tui_table_selected(people->table, &id)) {
        return;
    }
    for (uint32_t i = 0; i < people->count; i++) {
        if (id16_equal(people->rows[i].person.id, id) && people->rows[i].signed_in) {
            char note[192];
            (void)snprintf(note, sizeof note, _("%s is signed out."), people->rows[i].name);
            app_sign_out(screen->app, people->rows[i].person);
            screen->back_count = 0;
            screen_note(screen, TUI_TEXT, note);
            screen_reload(screen);
            return;
        }
    }
    screen_note(screen, TUI_TEXT, _("This person is not signed in."));
}

static void act(struct screen *screen, int action) {
    struct people *people = state_of(screen);
    struct id16 id;
    switch (action) {
    case ACT_PICK:
        for (uint32_t i = 0; tui_table_selected(people->table, &id) && i < people->count; i++) {
            if (id16_equal(people->rows[i].person.id, id)) {
                char number[LIMIT_TAG_BYTES + 1];
                memcpy(number, people->rows[i].number, sizeof number);
                people_pick(screen, number);
                return;
            }
        }
        break;
    case ACT_BADGE:
        people_ask_badge(screen);
        break;
    case ACT_FIRST_USE:
        people->number[0] = '\0';
        screen_go(screen, SCREEN_FIRST_USE);
        break;
    case ACT_SIGN_OUT:
        sign_out(screen);
        break;
    default:
        break;
    }
}

static enum tui_result type(struct screen *screen, const struct tui_event *event) {
    struct people *people = state_of(screen);
    if (event->key < '1' || event->key > '9' || event->key - '1' >= people->count) {
        return TUI_IGNORED;
    }
    char number[LIMIT_TAG_BYTES + 1];
    memcpy(number, people->rows[event->key - '1'].number, sizeof number);
    tui_table_select(people->table, people->rows[event->key - '1'].person.id);
    people_pick(screen, number);
    return TUI_HANDLED;
}

static struct tui_table *table(struct screen *screen) {
    return state_of(screen)->table;
}

const char *people_number(const struct screen *screen) {
    return state_of(screen)->number;
}

const struct screen_ops people_screen = {
    .name = "people",
    .title = N_("People"),
    .actions = actions,
    .action_count = sizeof actions / sizeof actions[0],
    .state_bytes = sizeof(struct people),
    .init = init,
    .fini = fini,
    .refresh = refresh,
    .draw = draw,
    .type = type,
    .act = act,
    .answer = people_answer,
    .table = table,
};
