#include "screen_priv.h"

#include <stdio.h>
#include <string.h>

// One tag: its value now, its limits, its trend since the console started.
enum { ACT_ALARM = SCREEN_ACT(SCREEN_TAG, 1) };
#define TEXT_BYTES 256

struct tag_view {
    char tag[LIMIT_TAG_BYTES + 1];
};

static const struct screen_action actions[] = {
    {{ACT_ALARM, "tag.alarm", TUI_KEY_ENTER, 0, N_("Alarm"), N_("The newest alarm of this tag."),
      SCREEN_BIT(SCREEN_TAG), false},
     false},
};

static struct tag_view *state_of(const struct screen *screen) {
    return screen_state(screen, SCREEN_TAG);
}

static void limits_text(const struct tag_row *tag, char *out, size_t out_bytes) {
    static const struct {
        uint8_t bit;
        const char *name;
    } rows[4] = {
        {DEFINE_HAS_HH, "HH"}, {DEFINE_HAS_H, "H"}, {DEFINE_HAS_L, "L"}, {DEFINE_HAS_LL, "LL"}};
    struct buf text;
    buf_init(&text, 512);
    for (size_t i = 0; i < 4; i++) {
        if ((tag->def.has & rows[i].bit) != 0) {
            char number[DECIMAL_TEXT_BYTES];
            decimal_format(tag->def.limits[i], number);
            buf_printf(&text, "%s%s %s", text.len > 0 ? "  " : "", rows[i].name, number);
        }
    }
    (void)snprintf(out, out_bytes, "%s", text.len > 0 ? buf_cstr(&text) : "-");
    buf_fini(&text);
}

static void draw_text(struct screen *screen, struct tui_rect *inout_rect,
                      const struct tag_row *tag) {
    char value[WORD_BYTES];
    char age[WORD_BYTES];
    char now[TEXT_BYTES];
    char limits[TEXT_BYTES];
    char where[TEXT_BYTES];
    (void)snprintf(now, sizeof now, _("%s  (%s old)  %s"), word_live(tag, value),
                   word_age(tag->has_value ? tag->age_ms : -1, age), tag_note(tag));
    limits_text(tag, limits, sizeof limits);
    (void)snprintf(where, sizeof where, "%s %s", area_name(screen, tag->def.area),
                   tag->def.equipment);
    const struct pair pairs[] = {
        {_("Now"), now, tag->stale ? TUI_STALE : TUI_TITLE},
        {_("Limits"), limits, TUI_TEXT},
        {_("Where"), where, TUI_TEXT},
    };
    struct pair_view view = {pairs_label_cols(pairs, 3, inout_rect->cols), 0};
    int lines = pairs_draw(NULL, *inout_rect, view, pairs, 3);
    (void)pairs_draw(screen->canvas, tui_rect_top(inout_rect, lines), view, pairs, 3);
}

static void draw(struct screen *screen, struct tui_rect body) {
    struct tui_rect whole = body;
    struct tag_row tag;
    char title[LIMIT_TAG_BYTES + LIMIT_NAME_BYTES + 8];
    if (!app_tag(screen->app, state_of(screen)->tag, screen->now, &tag)) {
        draw_title(screen, &body, _("This tag is not known here."));
        return;
    }
    (void)snprintf(title, sizeof title, "%s  %s", tag.def.code, tag.def.name);
    draw_title(screen, &body, title);
    draw_text(screen, &body, &tag);
    if (screen->layout.size > TUI_COMPACT) {
        (void)tui_rect_top(&body, 1);
    }
    trend_draw(screen, body, &tag);
    draw_tabs(screen, whole);
    tui_cursor(screen->canvas, whole.row, whole.col, false);
}

static void act(struct screen *screen, int action) {
    struct rid subject;
    if (action != ACT_ALARM) {
        return;
    }
    if (app_find_subject(screen->app, state_of(screen)->tag, &subject) == RC_OK) {
        alarm_show(screen, subject);
    } else {
        screen_note(screen, TUI_TEXT, _("This tag has had no alarm."));
    }
}

void tag_show(struct screen *screen, const char *tag) {
    (void)snprintf(state_of(screen)->tag, sizeof state_of(screen)->tag, "%s", tag);
    screen_go(screen, SCREEN_TAG);
}

const struct screen_ops tag_screen = {
    .name = "tag",
    .title = N_("Tag"),
    .actions = actions,
    .action_count = sizeof actions / sizeof actions[0],
    .state_bytes = sizeof(struct tag_view),
    .draw = draw,
    .act = act,
};
