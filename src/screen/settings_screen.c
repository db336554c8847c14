#include "screen_priv.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Language, theme, bell, hint row; and what this terminal can do.
enum { ACT_CHANGE = SCREEN_ACT(SCREEN_SETTINGS, 1) };
enum { ROW_LANGUAGE, ROW_THEME, ROW_BELL, ROW_HINTS, ROW_COUNT };
enum { COL_NAME, COL_VALUE };
#define THEMES_MAX 16
#define TEXT_BYTES 256

struct settings_view {
    struct tui_table *table;
    char themes[THEMES_MAX][64]; // file names; the built-in one stands before them
    size_t theme_count;
};

static const struct screen_action actions[] = {
    {{ACT_CHANGE, "settings.change", TUI_KEY_ENTER, 0, N_("Change"),
      N_("The next value of this setting; it is kept."), SCREEN_BIT(SCREEN_SETTINGS), false},
     false},
};

static const struct tui_column columns[] = {
    [COL_NAME] = {N_("Setting"), 14, 0, TUI_LEFT, false, 0},
    [COL_VALUE] = {N_("Value"), 12, 0, TUI_LEFT, true, 0},
};

static struct settings_view *state_of(const struct screen *screen) {
    return screen_state(screen, SCREEN_SETTINGS);
}

static size_t row_count(void *context) {
    (void)context;
    return ROW_COUNT;
}

static struct id16 row_id(void *context, size_t row) {
    struct id16 id = {{0}};
    (void)context;
    id.b[0] = (uint8_t)(row + 1);
    return id;
}

static const char *bell_word(uint8_t bell) {
    static const char *const words[] = {N_("never"), N_("priority 1 only"),
                                        N_("priorities 1 and 2"), N_("priorities 1 to 3"),
                                        N_("every priority")};
    return gettext(words[bell <= 4 ? bell : 0]);
}

static const char *file_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static void row_cell(void *context, size_t row, size_t column, struct tui_cell *out_cell) {
    static const char *const names[ROW_COUNT] = {N_("Language"), N_("Theme"), N_("Bell rings"),
                                                 N_("Hint row")};
    const struct screen *screen = context;
    const char *theme = screen->settings.theme;
    if (column == COL_NAME) {
        tui_cell_set(out_cell, TUI_TEXT, "%s", gettext(names[row]));
        return;
    }
    switch (row) {
    case ROW_LANGUAGE:
        tui_cell_set(out_cell, TUI_TITLE, "%s",
                     strcmp(say_language_now(), "zh_CN") == 0 ? "中文" : "English");
        break;
    case ROW_THEME:
        tui_cell_set(out_cell, TUI_TITLE, "%s", theme[0] != '\0' ? file_of(theme) : _("built in"));
        break;
    case ROW_BELL:
        tui_cell_set(out_cell, TUI_TITLE, "%s", bell_word(screen->settings.bell));
        break;
    default:
        tui_cell_set(out_cell, TUI_TITLE, "%s",
                     screen->settings.hide_hints ? _("hidden on small screens") : _("shown"));
        break;
    }
}

static enum rc init(struct screen *screen) {
    struct tui_table_spec spec = {
        .columns = columns,
        .column_count = sizeof columns / sizeof columns[0],
        .source = {.context = screen, .count = row_count, .id = row_id, .cell = row_cell},
    };
    state_of(screen)->table = tui_table_new(&spec);
    return state_of(screen)->table != NULL ? RC_OK : RC_NO_MEMORY;
}

static void fini(struct screen *screen) {
    tui_table_free(state_of(screen)->table);
}

static int compare_names(const void *a, const void *b) {
    return strcmp(a, b);
}

static void enter(struct screen *screen) {
    struct settings_view *view = state_of(screen);
    view->theme_count = 0;
    DIR *folder = screen->env.theme_folder != NULL ? opendir(screen->env.theme_folder) : NULL;
    if (folder == NULL) {
        return;
    }
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL && view->theme_count < THEMES_MAX) {
        size_t len = strlen(entry->d_name);
        if (len > 4 && len < sizeof view->themes[0] &&
            strcmp(entry->d_name + len - 4, ".ini") == 0) {
            memcpy(view->themes[view->theme_count++], entry->d_name, len + 1);
        }
    }
    (void)closedir(folder);
    qsort(view->themes, view->theme_count, sizeof view->themes[0], compare_names);
}

static void draw_terminal(struct screen *screen, struct tui_rect rect) {
    const struct tui_caps *caps = tui_term_caps(screen->term);
    char terminal[TEXT_BYTES];
    (void)snprintf(terminal, sizeof terminal, _("%s, %d colours, %s"), caps->name,
                   caps->colors > 0 ? caps->colors : 0, caps->utf8 ? "UTF-8" : "ASCII");
    const struct pair pairs[] = {
        {_("Terminal"), terminal, TUI_TEXT},
        {_("Line"), caps->slow ? _("slow: fewer repaints") : _("fast"), TUI_TEXT},
        {_("Site"), screen->status.site_name, TUI_TEXT},
        {_("Device"), screen->status.device_name, TUI_TEXT},
    };
    struct pair_view shape = {pairs_label_cols(pairs, 4, rect.cols), 0};
    (void)pairs_draw(screen->canvas, rect, shape, pairs, 4);
}

static void draw(struct screen *screen, struct tui_rect body) {
    draw_title(screen, &body, _("Settings"));
    int rows = ROW_COUNT + (screen->layout.size > TUI_COMPACT ? 1 : 0);
    struct tui_rect list = tui_rect_top(&body, rows);
    (void)tui_rect_top(&body, 1);
    draw_terminal(screen, body);
    struct tui_table_frame frame = {list, screen->layout.size, {NULL, NULL, 0}, true};
    tui_table_draw(state_of(screen)->table, screen->canvas, &frame);
}

static void next_theme(struct screen *screen) {
    struct settings_view *view = state_of(screen);
    struct settings *settings = &screen->settings;
    size_t at = 0; // 0: the built-in one
    for (size_t i = 0; i < view->theme_count; i++) {
        at = strcmp(view->themes[i], file_of(settings->theme)) == 0 ? i + 1 : at;
    }
    at = (at + 1) % (view->theme_count + 1);
    char path[SETTINGS_TEXT_BYTES] = "";
    if (at > 0 && snprintf(path, sizeof path, "%s/%s", screen->env.theme_folder,
                           view->themes[at - 1]) >= (int)sizeof path) {
        screen_note(screen, TUI_REFUSED, say_rc(RC_TOO_LARGE));
        return;
    }
    memcpy(settings->theme, path, sizeof settings->theme);
    screen_set_theme(screen, path);
    if (view->theme_count == 0) {
        screen_note(screen, TUI_TEXT, _("There are no theme files."));
    }
}

static void change(struct screen *screen, size_t row) {
    struct settings *settings = &screen->settings;
    switch (row) {
    case ROW_LANGUAGE: {
        const char *next = strcmp(say_language_now(), "zh_CN") == 0 ? "en" : "zh_CN";
        (void)snprintf(settings->language, sizeof settings->language, "%s", next);
        screen_set_language(screen, next);
        break;
    }
    case ROW_THEME:
        next_theme(screen);
        break;
    case ROW_BELL:
        settings->bell = (uint8_t)((settings->bell + 1) % 5);
        screen_reload(screen);
        break;
    default:
        settings->hide_hints = !settings->hide_hints;
        break;
    }
    enum rc rc = settings_save(settings, screen->env.settings_path);
    if (rc != RC_OK) {
        screen_note(screen, TUI_REFUSED, _("The settings could not be kept."));
    }
}

static void act(struct screen *screen, int action) {
    struct id16 id;
    if (action == ACT_CHANGE && tui_table_selected(state_of(screen)->table, &id)) {
        change(screen, (size_t)id.b[0] - 1);
    }
}

static enum tui_result move(struct screen *screen, const struct tui_event *event) {
    if (event->key == ' ' || event->key == TUI_KEY_RIGHT) {
        act(screen, ACT_CHANGE);
        return TUI_HANDLED;
    }
    return tui_table_event(state_of(screen)->table, event);
}

static struct tui_table *table(struct screen *screen) {
    return state_of(screen)->table;
}

const struct screen_ops settings_screen = {
    .name = "settings",
    .title = N_("Settings"),
    .actions = actions,
    .action_count = sizeof actions / sizeof actions[0],
    .state_bytes = sizeof(struct settings_view),
    .init = init,
    .fini = fini,
    .enter = enter,
    .draw = draw,
    .move = move,
    .act = act,
    .table = table,
};
