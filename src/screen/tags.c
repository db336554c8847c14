#include "screen_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Live values of the site. What is not known now has a question mark and the word for why.
enum { ACT_OPEN = SCREEN_ACT(SCREEN_TAGS, 1), ACT_AREA };
enum { ASK_AREA = ASK_SCREEN };
enum { COL_TAG, COL_NAME, COL_VALUE, COL_UNIT, COL_AGE, COL_NOTE };
#define SPARK_COLS_NORMAL 14
#define SPARK_COLS_WIDE 40

struct tags {
    struct tui_table *table;
    struct tag_row *rows;
    uint32_t count, room;
    char area[LIMIT_TAG_BYTES + 1];
};

static const struct screen_action actions[] = {
    {{ACT_OPEN, "tag.open", TUI_KEY_ENTER, 0, N_("Trend"), N_("This tag's values over time."),
      SCREEN_BIT(SCREEN_TAGS), false},
     false},
    {{ACT_AREA, "tag.area", '\\', 4, N_("Area"), N_("Only one area, or all."),
      SCREEN_BIT(SCREEN_TAGS), false},
     false},
};

static const struct tui_column columns[] = {
    [COL_TAG] = {N_("Tag"), 9, 0, TUI_LEFT, false, 0},
    [COL_NAME] = {N_("Name"), 11, 0, TUI_LEFT, true, 0},
    [COL_VALUE] = {N_("Value"), 9, 0, TUI_RIGHT, false, 0},
    [COL_UNIT] = {"", 6, 1, TUI_LEFT, false, 0},
    [COL_AGE] = {N_("Age"), 8, 2, TUI_RIGHT, false, 0},
    [COL_NOTE] = {"", 8, 3, TUI_LEFT, false, 0},
};

static struct tags *state_of(const struct screen *screen) {
    return screen_state(screen, SCREEN_TAGS);
}

static size_t row_count(void *context) {
    return state_of(context)->count;
}

static struct id16 row_id(void *context, size_t row) {
    return id_of_name(state_of(context)->rows[row].def.code);
}

const char *tag_note(const struct tag_row *tag) {
    if (!tag->has_value) {
        return _("unheard");
    }
    if (tag->quality == 2) {
        return _("bad");
    }
    if (tag->stale) {
        return _("not live");
    }
    return tag->quality == 1 ? _("unsure") : "";
}

static void row_cell(void *context, size_t row, size_t column, struct tui_cell *out_cell) {
    const struct tag_row *tag = &state_of(context)->rows[row];
    enum tui_style style = tag->stale || !tag->has_value ? TUI_STALE : TUI_TEXT;
    switch (column) {
    case COL_TAG:
        tui_cell_set(out_cell, TUI_TEXT, "%s", tag->def.code);
        break;
    case COL_NAME:
        tui_cell_set(out_cell, TUI_TEXT, "%s", tag->def.name);
        break;
    case COL_VALUE: {
        char number[TUI_NUMBER_BYTES] = "";
        bool doubtful = tag->stale || tag->quality == 2;
        if (tag->has_value) {
            tui_number(tag->value, number);
        }
        tui_cell_set(out_cell, style, "%s%s", doubtful || !tag->has_value ? "?" : "", number);
        break;
    }
    case COL_UNIT:
        tui_cell_set(out_cell, TUI_DIM, "%s", tag->def.unit);
        break;
    case COL_AGE:
        if (tag->has_value) {
            out_cell->text = word_age(tag->age_ms, out_cell->buf);
            out_cell->style = style;
        }
        break;
    default:
        tui_cell_set(out_cell, style, "%s", tag_note(tag));
        break;
    }
}

static enum rc init(struct screen *screen) {
    struct tui_table_spec spec = {
        .columns = columns,
        .column_count = sizeof columns / sizeof columns[0],
        .source = {.context = screen, .count = row_count, .id = row_id, .cell = row_cell},
        .empty = N_("No tags are known yet: they come with the hub's log."),
    };
    state_of(screen)->table = tui_table_new(&spec);
    return state_of(screen)->table != NULL ? RC_OK : RC_NO_MEMORY;
}

// A site of 20,000 tags takes megabytes: they are kept only while they are looked at.
static void drop_rows(struct screen *screen) {
    struct tags *tags = state_of(screen);
    free(tags->rows);
    tags->rows = NULL;
    tags->count = 0;
    tags->room = 0;
}

static void fini(struct screen *screen) {
    tui_table_free(state_of(screen)->table);
    drop_rows(screen);
}

static void refresh(struct screen *screen) {
    struct tags *tags = state_of(screen);
    uint32_t want = app_tag_count(screen->app);
    want = want < LIMIT_SITE_TAGS ? want : LIMIT_SITE_TAGS;
    if (want > tags->room) {
        struct tag_row *grown = realloc(tags->rows, want * sizeof *grown);
        if (grown == NULL) {
            screen_short(screen);
            return;
        }
        tags->rows = grown;
        tags->room = want;
    }
    tags->count = tags->room == 0 ? 0
                                  : app_tags(screen->app, tags->area[0] != '\0' ? tags->area : NULL,
                                             screen->now, tags->rows, tags->room);
}

static const struct tag_row *tag_of(const struct tags *tags, struct id16 id) {
    for (uint32_t i = 0; i < tags->count; i++) {
        if (id16_equal(id_of_name(tags->rows[i].def.code), id)) {
            return &tags->rows[i];
        }
    }
    return NULL;
}

// Sparklines right of the rows as they were painted.
static void draw_sparks(struct screen *screen, struct tui_rect rect, int head_rows) {
    const struct tags *tags = state_of(screen);
    const struct id16 *ids;
    size_t count = tui_table_painted(tags->table, &ids);
    for (size_t i = 0; i < count && head_rows + (int)i < rect.rows; i++) {
        const struct tag_row *tag = tag_of(tags, ids[i]);
        if (tag != NULL) {
            trend_spark(screen,
                        tui_span(rect.row + head_rows + (int)i, rect.col + 1, rect.cols - 1), tag);
        }
    }
}

static void draw(struct screen *screen, struct tui_rect body) {
    struct tags *tags = state_of(screen);
    struct tui_rect whole = body;
    struct tui_rect list = body;
    enum tui_class size = screen->layout.size;
    (void)tui_rect_top(&list, 1);
    struct tui_rect sparks = {0};
    if (size > TUI_COMPACT) {
        sparks = tui_rect_right(&list, size == TUI_WIDE ? SPARK_COLS_WIDE : SPARK_COLS_NORMAL);
    }
    const char *area = tags->area[0] != '\0' ? area_name(screen, tags->area) : NULL;
    char title[2 * LIMIT_NAME_BYTES];
    uint32_t total = app_tag_count(screen->app);
    if (area != NULL) {
        (void)snprintf(title, sizeof title, _("Tags  %u of %u  %s"), tags->count, total, area);
    } else {
        (void)snprintf(title, sizeof title, _("Tags  %u"), tags->count);
    }
    draw_title(screen, &body, title);
    struct tui_table_frame frame = {list, size, {NULL, NULL, 0}, true};
    tui_table_draw(tags->table, screen->canvas, &frame);
    int row = 0;
    int col = 0;
    bool visible = false;
    bool placed = tui_canvas_cursor(screen->canvas, &row, &col, &visible);
    if (sparks.cols > 0) {
        draw_sparks(screen, sparks, 1);
    }
    draw_tabs(screen, whole);
    if (placed) {
        tui_cursor(screen->canvas, row, col, visible);
    }
}

static struct tui_table *table(struct screen *screen) {
    return state_of(screen)->table;
}

static void ask_area(struct screen *screen) {
    const char *items[TUI_MENU_ITEMS];
    size_t count = 0;
    items[count++] = _("every area");
    for (uint32_t i = 0; i < screen->area_count && count < TUI_MENU_ITEMS; i++) {
        items[count++] = area_name(screen, screen->areas[i].code);
    }
    struct tui_menu menu = {_("Area"), items, count, 0};
    tui_modal_menu(screen->modal, ASK_AREA, &menu);
}

static void act(struct screen *screen, int action) {
    struct tags *tags = state_of(screen);
    struct id16 id;
    if (action == ACT_AREA) {
        ask_area(screen);
    } else if (action == ACT_OPEN && tui_table_selected(tags->table, &id)) {
        const struct tag_row *tag = tag_of(tags, id);
        if (tag != NULL) {
            char name[LIMIT_TAG_BYTES + 1];
            memcpy(name, tag->def.code, sizeof name);
            tag_show(screen, name);
        }
    }
}

static void answer(struct screen *screen, const struct tui_answer *given) {
    struct tags *tags = state_of(screen);
    if (given->tag == ASK_AREA && given->kind == TUI_ANSWER_PICKED) {
        bool all = given->index == 0 || given->index > screen->area_count;
        (void)snprintf(tags->area, sizeof tags->area, "%s",
                       all ? "" : screen->areas[given->index - 1].code);
        refresh(screen);
    }
}

const struct screen_ops tags_screen = {
    .name = "tags",
    .title = N_("Tags"),
    .actions = actions,
    .action_count = sizeof actions / sizeof actions[0],
    .state_bytes = sizeof(struct tags),
    .init = init,
    .fini = fini,
    .leave = drop_rows,
    .refresh = refresh,
    .draw = draw,
    .act = act,
    .answer = answer,
    .table = table,
};
