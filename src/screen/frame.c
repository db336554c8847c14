#include "screen_priv.h"

#include "davy/base/ensure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The loop's face: start, keys in, data in, frames out.
#define SLOW_DATA_MS 1000   // a thin line gets changes of data no more often
#define TYPING_DATA_MS 1000 // nor does a person who types
#define TICK_MS 1000        // ages move on
#define SLOW_TICK_MS 10000

static void collect_actions(struct screen *screen, const struct screen_action *actions,
                            size_t count) {
    for (size_t i = 0; i < count; i++) {
        ENSURE(screen->action_count < TUI_ACTIONS_MAX);
        screen->actions[screen->action_count] = actions[i].row;
        screen->signs[screen->action_count] = actions[i].signs;
        screen->action_count++;
    }
}

static enum rc start_screens(struct screen *screen) {
    for (int id = 0; id < SCREEN_COUNT; id++) {
        const struct screen_ops *ops = screen_table[id];
        collect_actions(screen, ops->actions, ops->action_count);
        if (ops->state_bytes > 0) {
            screen->state[id] = calloc(1, ops->state_bytes);
            if (screen->state[id] == NULL) {
                return RC_NO_MEMORY;
            }
        }
        enum rc rc = ops->init != NULL ? ops->init(screen) : RC_OK;
        if (rc != RC_OK) {
            return rc;
        }
    }
    collect_actions(screen, frame_actions, frame_action_count);
    return RC_OK;
}

static void load_theme(struct screen *screen, const char *path) {
    struct tui_theme_report report = {0};
    tui_theme_builtin(&screen->theme);
    if (path == NULL || path[0] == '\0') {
        return;
    }
    (void)tui_theme_load(path, &screen->theme, &report);
    if (report.count > 0) {
        char text[256];
        tui_theme_report_text(&report, text, sizeof text);
        screen_note(screen, TUI_TEXT, text);
    }
}

void screen_set_theme(struct screen *screen, const char *path) {
    load_theme(screen, path);
    tui_term_set_theme(screen->term, &screen->theme);
    screen_touch(screen);
}

void screen_set_language(struct screen *screen, const char *language) {
    say_language(language);
    screen_touch(screen);
}

static enum rc start(struct screen *screen) {
    const char *language = screen->env.language;
    if (language == NULL || language[0] == '\0') {
        language = screen->settings.language;
    }
    say_language(language[0] != '\0' ? language : say_language_now());
    load_theme(screen,
               screen->env.theme_path != NULL ? screen->env.theme_path : screen->settings.theme);
    screen->input = tui_input_new();
    screen->modal = tui_modal_new();
    if (screen->input == NULL || screen->modal == NULL) {
        return RC_NO_MEMORY;
    }
    enum rc rc = tui_term_start(&screen->env.term, &screen->theme, &screen->term);
    if (rc != RC_OK) {
        return rc;
    }
    screen->canvas = tui_term_canvas(screen->term);
    const struct tui_caps *caps = tui_term_caps(screen->term);
    if (!caps->hanzi && strcmp(say_language_now(), "en") != 0) {
        say_language("en");
        screen_note(screen, TUI_TEXT, _("This terminal cannot show Chinese."));
    }
    tui_input_set_esc_wait(screen->input, caps->slow ? 1000 : TUI_INPUT_ESC_MS);
    return start_screens(screen);
}

enum rc screen_new(const struct screen_env *env, struct moment now, struct screen **out_screen) {
    struct screen *screen = calloc(1, sizeof *screen);
    if (screen == NULL) {
        return RC_NO_MEMORY;
    }
    screen->env = *env;
    screen->app = env->app;
    screen->observe = env->observe;
    screen->now = now;
    settings_load(&screen->settings, env->settings_path);
    enum rc rc = start(screen);
    if (rc != RC_OK) {
        screen_free(screen);
        return rc;
    }
    screen->data_changed = true;
    screen->must_paint = true;
    screen_load(screen);
    bool may_look = screen->observe || app_signed_in_count(screen->app) > 0;
    screen_home(screen, may_look ? SCREEN_OVERVIEW : SCREEN_PEOPLE);
    *out_screen = screen;
    return RC_OK;
}

void screen_free(struct screen *screen) {
    if (screen == NULL) {
        return;
    }
    for (int id = 0; id < SCREEN_COUNT; id++) {
        if (screen->state[id] != NULL && screen_table[id]->fini != NULL) {
            screen_table[id]->fini(screen);
        }
        free(screen->state[id]);
    }
    tui_term_stop(screen->term);
    tui_modal_free(screen->modal);
    tui_input_free(screen->input);
    alarm_list_free(&screen->unacked);
    bell_fini(&screen->bell);
    free(screen);
}

int screen_in_fd(const struct screen *screen) {
    return tui_term_in_fd(screen->term);
}

int screen_out_fd(const struct screen *screen) {
    return tui_term_out_fd(screen->term);
}

bool screen_wants_write(const struct screen *screen) {
    return tui_term_wants_write(screen->term);
}

enum rc screen_flush(struct screen *screen) {
    return tui_term_flush(screen->term);
}

enum rc screen_input(struct screen *screen, struct moment now) {
    screen->now = now;
    enum rc rc = tui_term_read(screen->term, screen->input, now.mono);
    struct tui_event event;
    while (tui_input_next(screen->input, now.mono, &event)) {
        screen_event(screen, &event);
    }
    return rc;
}

enum rc screen_resize(struct screen *screen, struct moment now) {
    screen->now = now;
    screen->must_paint = true;
    return tui_term_resize(screen->term, 0, 0);
}

void screen_suspend(struct screen *screen) {
    tui_term_suspend(screen->term);
}

void screen_resume(struct screen *screen) {
    tui_term_resume(screen->term);
    screen->must_paint = true;
}

void screen_changed(struct screen *screen, struct moment now) {
    screen->now = now;
    screen->data_changed = true;
}

void screen_say(struct screen *screen, struct moment now, const char *text) {
    screen->now = now;
    screen_note(screen, TUI_TEXT, text);
}

bool screen_wants_exit(const struct screen *screen) {
    return screen->exit;
}

static void sum_areas(struct screen *screen) {
    struct screen_counts counts = {.returned = 0};
    for (uint32_t i = 0; i < screen->area_count; i++) {
        const struct area_row *area = &screen->areas[i];
        for (int p = 0; p <= 4; p++) {
            counts.unacked[p] += area->unacked[p];
            counts.standing[p] += area->standing[p];
        }
        counts.returned += area->returned;
        counts.tags_unknown += area->tags_unknown;
        counts.tags += area->tags;
    }
    screen->counts = counts;
}

static void take_messages(struct screen *screen) {
    struct app_message message;
    while (app_next_message(screen->app, &message)) {
        char text[512];
        if (message.code == REFUSAL_NONE) {
            screen_note(screen, TUI_TEXT, say_kind(message.kind));
            continue;
        }
        struct refusal refusal = {.code = message.code, .subject = message.subject};
        char why[384];
        (void)say_refusal(&refusal, why, sizeof why);
        (void)snprintf(text, sizeof text, "%s: %s", say_kind(message.kind), why);
        screen_note(screen, TUI_REFUSED, text);
    }
}

static void follow_lock(struct screen *screen) {
    bool locked = app_is_locked(screen->app);
    if (locked && screen->at != SCREEN_LOCK) {
        tui_modal_close(screen->modal);
        screen_go(screen, SCREEN_LOCK);
    } else if (!locked && screen->at == SCREEN_LOCK) {
        tui_modal_close(screen->modal);
        screen_back(screen);
    }
}

// Asks app for everything that the frame and the screen in sight show.
void screen_short(struct screen *screen) {
    screen->is_short = true;
    screen_note(screen, TUI_REFUSED, say_rc(RC_NO_MEMORY));
}

void screen_load(struct screen *screen) {
    screen->is_short = false;
    struct app *app = screen->app;
    app_status(app, screen->now, &screen->status);
    screen->area_count = app_areas(app, screen->now, screen->areas, LIMIT_SITE_AREAS + 1);
    sum_areas(screen);
    struct alarm_filter filter = {.unacked_only = true};
    if (!alarm_list_load(&screen->unacked, app, &filter)) {
        screen_short(screen);
    }
    bell_see(&screen->bell, screen->unacked.rows, screen->unacked.count, screen->settings.bell);
    take_messages(screen);
    if (screen_table[screen->at]->refresh != NULL) {
        screen_table[screen->at]->refresh(screen);
    }
    screen->loaded = true;
    screen->loaded_ms = screen->now.mono.v;
    screen->data_changed = screen->is_short;
}

static bool is_typing(const struct screen *screen) {
    return tui_modal_is_open(screen->modal) || screen_table[screen->at]->type != NULL;
}

// Milliseconds until data should be loaded anew.
static int64_t load_wait(const struct screen *screen, struct moment now) {
    const struct tui_caps *caps = tui_term_caps(screen->term);
    int64_t since = now.mono.v - screen->loaded_ms;
    int64_t tick = caps->slow ? SLOW_TICK_MS : TICK_MS;
    int64_t gap = !screen->data_changed ? tick
                  : caps->slow          ? SLOW_DATA_MS
                  : is_typing(screen)   ? TYPING_DATA_MS
                                        : caps->frame_ms;
    return !screen->loaded || since >= gap || since < 0 ? 0 : gap - since;
}

// What happened last; when there is nothing to say, that the picture is not live.
static void draw_message(struct screen *screen) {
    const struct app_status *status = &screen->status;
    struct tui_rect rect = screen->layout.message;
    int wait = tui_message_wait_ms(&screen->message, screen->now.mono);
    bool said = screen->message.text[0] != '\0' && (wait > 0 || screen->message.hold_ms == 0);
    if (said || !status->stale || rect.rows < 1) {
        tui_message_draw(&screen->message, screen->now.mono, screen->canvas, rect);
        return;
    }
    char age[WORD_BYTES];
    char text[256];
    if (status->picture_age_ms < 0) {
        (void)snprintf(text, sizeof text, "%s",
                       _("No picture yet: what is shown is what this device knew."));
    } else {
        (void)snprintf(text, sizeof text,
                       screen->layout.size == TUI_COMPACT
                           ? _("NOT LIVE: picture %s old")
                           : _("NOT LIVE: picture %s old, values with ? are not current. "
                               "Acts are kept and sent later."),
                       word_age(status->picture_age_ms, age));
    }
    tui_put(screen->canvas, tui_span(rect.row, rect.col, rect.cols), TUI_OFFLINE, text);
}

void screen_compose(struct screen *screen) {
    struct tui_canvas *canvas = screen->canvas;
    struct tui_rect whole = tui_canvas_rect(canvas);
    screen->layout = tui_layout_of(whole, screen->settings.hide_hints);
    tui_canvas_clear(canvas);
    if (screen->layout.size == TUI_TINY) {
        tui_layout_draw_tiny(canvas);
        struct tui_rect row = tui_rect_bottom(&whole, 1);
        tui_fill(canvas, row, TUI_TEXT);
        screen_draw_status(screen, row);
        return;
    }
    screen_table[screen->at]->draw(screen, screen->layout.body);
    draw_message(screen);
    tui_action_draw_hints(screen_actions(screen), screen_context(screen), canvas,
                          screen->layout.hints);
    tui_modal_draw(screen->modal, canvas, &screen->layout);
    screen_draw_status(screen, screen->layout.status); // whatever lies over it
}

static enum rc paint(struct screen *screen) {
    screen_compose(screen);
    screen->must_paint = false;
    screen->painted_ms = screen->now.mono.v;
    return tui_term_paint(screen->term, screen->now.mono);
}

void screen_paint_now(struct screen *screen) {
    // A terminal that is gone is reported by the next flush or read.
    (void)paint(screen);
    (void)!tui_term_flush(screen->term);
}

// Bells go out behind the frame that shows what they are for.
static enum rc ring(struct screen *screen) {
    if (!bell_ring(&screen->bell, screen->now.mono)) {
        return RC_OK;
    }
    tui_term_bell(screen->term);
    return tui_term_flush(screen->term);
}

enum rc screen_draw(struct screen *screen, struct moment now) {
    screen->now = now;
    if (load_wait(screen, now) == 0) {
        follow_lock(screen);
        screen_load(screen);
        screen->must_paint = true;
    }
    bool said = screen->message.text[0] != '\0' && screen->message.hold_ms > 0;
    if (said && tui_message_wait_ms(&screen->message, now.mono) <= 0) {
        tui_message_clear(&screen->message);
        screen->must_paint = true;
    }
    enum rc rc = tui_term_flush(screen->term);
    if (rc == RC_OK && screen->must_paint && tui_term_frame_wait_ms(screen->term, now.mono) == 0) {
        rc = paint(screen);
    }
    return rc == RC_OK ? ring(screen) : rc;
}

static int earlier(int a, int64_t b) {
    int limited = b > 60000 ? 60000 : (int)b;
    return a < 0 || (b >= 0 && limited < a) ? (b < 0 ? a : limited) : a;
}

int screen_timeout_ms(const struct screen *screen, struct moment now) {
    int wait = earlier(-1, load_wait(screen, now));
    wait = earlier(wait, tui_input_wait_ms(screen->input, now.mono));
    wait = earlier(wait, bell_wait_ms(&screen->bell, now.mono));
    wait = earlier(wait, tui_message_wait_ms(&screen->message, now.mono));
    if (screen->must_paint) {
        wait = earlier(wait, tui_term_frame_wait_ms(screen->term, now.mono));
    }
    return wait;
}
