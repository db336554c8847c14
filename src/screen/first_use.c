#include "screen_priv.h"

#include <string.h>

// First use of a person on this device: a one-time code from the admin, and a PIN of one's own.
enum { FIELD_NUMBER = 1, FIELD_CODE, FIELD_PIN, FIELD_AGAIN };
enum { ACT_SUBMIT = SCREEN_ACT(SCREEN_FIRST_USE, 1) };

struct first_use {
    struct tui_form *form;
};

static const struct screen_action actions[] = {
    {{ACT_SUBMIT, "first.submit", TUI_KEY_NONE, 8, N_("Make key"),
      N_("Make the key and ask the hub to certify it."), SCREEN_BIT(SCREEN_FIRST_USE), false},
     false},
};

static const struct tui_field fields[] = {
    {.id = FIELD_NUMBER,
     .label = N_("Badge number"),
     .kind = TUI_LINE_TEXT,
     .max_bytes = 24,
     .required = true},
    {.id = FIELD_CODE,
     .label = N_("One-time code"),
     .kind = TUI_LINE_TEXT,
     .max_bytes = 24,
     .hint = N_("from the admin"),
     .required = true},
    {.id = FIELD_PIN,
     .label = N_("New PIN"),
     .kind = TUI_LINE_PIN,
     .max_bytes = LIMIT_PIN_DIGITS_MAX,
     .hint = N_("8 digits or more"),
     .required = true},
    {.id = FIELD_AGAIN,
     .label = N_("PIN again"),
     .kind = TUI_LINE_PIN,
     .max_bytes = LIMIT_PIN_DIGITS_MAX,
     .required = true},
};

static struct first_use *state_of(const struct screen *screen) {
    return screen_state(screen, SCREEN_FIRST_USE);
}

static enum rc init(struct screen *screen) {
    state_of(screen)->form = tui_form_new(fields, sizeof fields / sizeof fields[0]);
    return state_of(screen)->form != NULL ? RC_OK : RC_NO_MEMORY;
}

static void fini(struct screen *screen) {
    tui_form_free(state_of(screen)->form);
}

static void wipe(struct screen *screen) {
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        tui_form_set(state_of(screen)->form, fields[i].id, "");
        tui_form_set_error(state_of(screen)->form, fields[i].id, NULL);
    }
}

static void enter(struct screen *screen) {
    wipe(screen);
    tui_form_set(state_of(screen)->form, FIELD_NUMBER, people_number(screen));
}

static void draw(struct screen *screen, struct tui_rect body) {
    draw_title(screen, &body, _("First use of this device"));
    if (screen->layout.size > TUI_COMPACT) {
        struct tui_rect text = tui_rect_top(&body, 3);
        (void)tui_put_wrapped(
            screen->canvas, text, (struct tui_wrap){TUI_DIM, 0},
            _("A key is made on this device and wrapped by the PIN. The code proves "
              "to the hub who you are; it is good once and needs the link."));
    }
    if (body.cols > 72) {
        body.cols = 72;
    }
    tui_form_draw(state_of(screen)->form, screen->canvas, body, screen->layout.size);
}

static int field_of(enum refusal_code code) {
    switch ((int)code) {
    case REFUSAL_PERSON_UNKNOWN:
        return FIELD_NUMBER;
    case REFUSAL_CODE_MISMATCH:
        return FIELD_CODE;
    case REFUSAL_PIN_SHORT:
    case REFUSAL_PIN_DEMO:
        return FIELD_PIN;
    default:
        return 0;
    }
}

static void submit(struct screen *screen) {
    struct tui_form *form = state_of(screen)->form;
    struct refusal refusal = {.code = REFUSAL_NONE};
    if (strcmp(tui_form_value(form, FIELD_PIN), tui_form_value(form, FIELD_AGAIN)) != 0) {
        tui_form_set_error(form, FIELD_AGAIN, _("The two PINs differ."));
        return;
    }
    screen_note(screen, TUI_TEXT, _("Making the key..."));
    screen_paint_now(screen);
    tui_message_clear(&screen->message);
    enum rc rc = app_first_use(screen->app, tui_form_value(form, FIELD_NUMBER),
                               tui_form_value(form, FIELD_CODE), tui_form_value(form, FIELD_PIN),
                               screen->now, &refusal);
    if (rc == RC_OK) {
        screen_note(screen, TUI_TEXT,
                    _("The key is made. When the hub has certified it, sign in with the PIN."));
        screen_back(screen);
        return;
    }
    int field = rc == RC_REFUSED ? field_of(refusal.code) : 0;
    if (field == 0) {
        screen_refused(screen, rc, &refusal);
        return;
    }
    char why[384];
    tui_form_set_error(form, field, say_refusal(&refusal, why, sizeof why));
}

static enum tui_result type(struct screen *screen, const struct tui_event *event) {
    switch (tui_form_event(state_of(screen)->form, event)) {
    case TUI_FORM_SUBMIT:
        submit(screen);
        return TUI_HANDLED;
    case TUI_FORM_CANCEL:
        screen_back(screen);
        return TUI_HANDLED;
    case TUI_FORM_HANDLED:
    case TUI_FORM_CHANGED:
        return TUI_HANDLED;
    case TUI_FORM_IGNORED:
    default:
        return TUI_IGNORED;
    }
}

// F8 says what Enter in the last field says.
static void act(struct screen *screen, int action) {
    if (action != ACT_SUBMIT) {
        return;
    }
    struct tui_event enter_key = tui_event_key(TUI_KEY_ENTER);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0] && screen->at == SCREEN_FIRST_USE;
         i++) {
        if (tui_form_event(state_of(screen)->form, &enter_key) == TUI_FORM_SUBMIT) {
            submit(screen);
            return;
        }
    }
}

const struct screen_ops first_use_screen = {
    .name = "first_use",
    .title = N_("First use"),
    .actions = actions,
    .action_count = sizeof actions / sizeof actions[0],
    .state_bytes = sizeof(struct first_use),
    .init = init,
    .fini = fini,
    .enter = enter,
    .leave = wipe,
    .draw = draw,
    .type = type,
    .act = act,
};
