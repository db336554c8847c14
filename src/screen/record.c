#include "screen_priv.h"

#include <stdio.h>
#include <string.h>

// One record, word for word, as text for people or as its JSON line.
enum { ACT_FORM = SCREEN_ACT(SCREEN_RECORD, 1) };
#define TEXT_MAX 65536

struct record_view {
    struct rid rid;
    bool json;
    int scroll;
    struct buf text;
};

static const struct screen_action actions[] = {
    {{ACT_FORM, "record.form", 't', 0, N_("Format"), N_("Between text and the JSON line."),
      SCREEN_BIT(SCREEN_RECORD), false},
     false},
};

static struct record_view *state_of(const struct screen *screen) {
    return screen_state(screen, SCREEN_RECORD);
}

static enum rc init(struct screen *screen) {
    buf_init(&state_of(screen)->text, TEXT_MAX);
    return RC_OK;
}

static void fini(struct screen *screen) {
    buf_fini(&state_of(screen)->text);
}

static void load(struct screen *screen) {
    struct record_view *view = state_of(screen);
    buf_reset(&view->text);
    enum rc rc = app_record_export(screen->app, view->rid, view->json, &view->text);
    if (rc != RC_OK) {
        buf_reset(&view->text);
        buf_printf(&view->text, "%s", say_rc(rc));
    }
}

static void draw(struct screen *screen, struct tui_rect body) {
    struct record_view *view = state_of(screen);
    struct tui_rect whole = body;
    char title[96];
    char code[ID_SHORT_BYTES];
    (void)snprintf(title, sizeof title, _("Record %s"), word_short(view->rid, code));
    draw_title(screen, &body, title);
    const char *text = buf_cstr(&view->text);
    int lines = tui_put_wrapped(NULL, body, (struct tui_wrap){TUI_TEXT, 0}, text);
    int most = lines > body.rows ? lines - body.rows : 0;
    view->scroll = view->scroll > most ? most : view->scroll < 0 ? 0 : view->scroll;
    (void)tui_put_wrapped(screen->canvas, body, (struct tui_wrap){TUI_TEXT, view->scroll}, text);
    if (view->scroll < most) {
        tui_glyph(screen->canvas, body.row + body.rows - 1, body.col + body.cols - 1, TUI_HINT_KEY,
                  TUI_GLYPH_DOWN);
    }
    draw_tabs(screen, whole);
    tui_cursor(screen->canvas, whole.row, whole.col, false);
}

static void act(struct screen *screen, int action) {
    if (action == ACT_FORM) {
        state_of(screen)->json = !state_of(screen)->json;
        state_of(screen)->scroll = 0;
        load(screen);
    }
}

static enum tui_result move(struct screen *screen, const struct tui_event *event) {
    return scroll_move(event, &state_of(screen)->scroll) ? TUI_HANDLED : TUI_IGNORED;
}

void record_show(struct screen *screen, struct rid rid) {
    struct record_view *view = state_of(screen);
    view->rid = rid;
    view->scroll = 0;
    load(screen);
    screen_go(screen, SCREEN_RECORD);
}

const struct screen_ops record_screen = {
    .name = "record",
    .title = N_("Record"),
    .actions = actions,
    .action_count = sizeof actions / sizeof actions[0],
    .state_bytes = sizeof(struct record_view),
    .init = init,
    .fini = fini,
    .draw = draw,
    .move = move,
    .act = act,
};
