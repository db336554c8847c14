#include "davy/tui/table.h"

#include "davy/base/ensure.h"
#include "davy/base/text.h"
#include "table_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tui_cell_set(struct tui_cell *cell, enum tui_style style, const char *format, ...) {
    va_list args;
    va_start(args, format);
    (void)vsnprintf(cell->buf, sizeof cell->buf, format, args);
    va_end(args);
    cell->text = cell->buf;
    cell->style = style;
}

struct tui_table *tui_table_new(const struct tui_table_spec *spec) {
    ENSURE(spec->column_count > 0 && spec->column_count <= TUI_TABLE_COLUMNS);
    struct tui_table *table = calloc(1, sizeof *table);
    if (table != NULL) {
        table->spec = *spec;
        table->page = 1;
    }
    return table;
}

void tui_table_free(struct tui_table *table) {
    free(table);
}

size_t tui_table_count(const struct tui_table *table) {
    return table->spec.source.count(table->spec.source.context);
}

struct id16 tui_table_id(const struct tui_table *table, size_t row) {
    return table->spec.source.id(table->spec.source.context, row);
}

static bool is_at(const struct tui_table *table, struct id16 id, size_t row) {
    return id16_equal(tui_table_id(table, row), id);
}

bool tui_table_locate(const struct tui_table *table, struct id16 id, size_t *out_row) {
    const struct tui_source *source = &table->spec.source;
    size_t count = tui_table_count(table);
    if (source->find != NULL) {
        size_t row;
        bool found = source->find(source->context, id, &row) && row < count;
        if (found) {
            *out_row = row;
        }
        return found;
    }
    // Rows rarely move far: outwards from where the cursor was.
    size_t from = count > 0 && table->at >= count ? count - 1 : table->at;
    for (size_t step = 0; step < count; step++) {
        if (from + step < count && is_at(table, id, from + step)) {
            *out_row = from + step;
            return true;
        }
        if (step <= from && is_at(table, id, from - step)) {
            *out_row = from - step;
            return true;
        }
    }
    return false;
}

static void place(struct tui_table *table, size_t row) {
    // Rows that come or go above do not move what is being read, except at the very top, where new
    // rows are wanted in sight.
    if (table->top > 0 && row != table->at) {
        size_t down = row > table->at ? row - table->at : 0;
        size_t up = row < table->at ? table->at - row : 0;
        table->top = table->top + down > up ? table->top + down - up : 0;
    }
    table->at = row;
}

void tui_table_resolve(struct tui_table *table) {
    size_t count = tui_table_count(table);
    size_t row;
    if (table->has_wanted && tui_table_locate(table, table->wanted, &row)) {
        table->selected = table->wanted;
        table->has_selected = true;
        table->has_wanted = false;
        table->at = row;
        return;
    }
    if (count == 0) {
        if (table->has_selected && !table->has_wanted) {
            table->wanted = table->selected;
            table->has_wanted = true;
        }
        table->has_selected = false;
        table->at = 0;
        table->top = 0;
        return;
    }
    if (table->has_selected && tui_table_locate(table, table->selected, &row)) {
        place(table, row);
        return;
    }
    table->slipped = table->slipped || table->has_selected || table->has_wanted;
    table->at = table->at < count ? table->at : count - 1;
    table->selected = tui_table_id(table, table->at);
    table->has_selected = true;
}

void tui_table_go(struct tui_table *table, size_t row) {
    size_t count = tui_table_count(table);
    if (count == 0) {
        return;
    }
    table->at = row < count ? row : count - 1;
    table->selected = tui_table_id(table, table->at);
    table->has_selected = true;
    table->has_wanted = false;
    table->slipped = false;
}

bool tui_table_selected(const struct tui_table *table, struct id16 *out_id) {
    if (table->has_selected) {
        *out_id = table->selected;
    }
    return table->has_selected;
}

bool tui_table_slipped(const struct tui_table *table) {
    return table->slipped;
}

void tui_table_select(struct tui_table *table, struct id16 id) {
    table->wanted = id;
    table->has_wanted = true;
    table->slipped = false;
}

static size_t mark_index(const struct tui_table *table, struct id16 id) {
    for (size_t i = 0; i < table->mark_count; i++) {
        if (id16_equal(table->marks[i], id)) {
            return i;
        }
    }
    return table->mark_count;
}

bool tui_table_is_marked(const struct tui_table *table, struct id16 id) {
    return mark_index(table, id) < table->mark_count;
}

static void mark(struct tui_table *table, struct id16 id) {
    if (!tui_table_is_marked(table, id) && table->mark_count < TUI_TABLE_MARKS) {
        table->marks[table->mark_count++] = id;
    }
}

static void toggle_mark(struct tui_table *table) {
    size_t index = mark_index(table, table->selected);
    if (index < table->mark_count) {
        table->marks[index] = table->marks[--table->mark_count];
    } else {
        mark(table, table->selected);
    }
}

static void mark_all(struct tui_table *table) {
    size_t count = tui_table_count(table);
    for (size_t row = 0; row < count && table->mark_count < TUI_TABLE_MARKS; row++) {
        mark(table, tui_table_id(table, row));
    }
}

void tui_table_unmark_all(struct tui_table *table) {
    table->mark_count = 0;
}

size_t tui_table_mark_count(const struct tui_table *table) {
    return table->mark_count;
}

size_t tui_table_targets(const struct tui_table *table, struct id16 *out_ids, size_t max) {
    size_t count = 0;
    for (size_t i = 0; i < table->mark_count && count < max; i++) {
        size_t row;
        if (tui_table_locate(table, table->marks[i], &row)) {
            out_ids[count++] = table->marks[i];
        }
    }
    if (table->mark_count == 0 && table->has_selected && max > 0) {
        out_ids[count++] = table->selected;
    }
    return count;
}

size_t tui_table_painted(const struct tui_table *table, const struct id16 **out_ids) {
    *out_ids = table->painted;
    return table->painted_count;
}

static size_t back(size_t from, size_t steps) {
    return from > steps ? from - steps : 0;
}

static bool move(struct tui_table *table, uint32_t key) {
    size_t last = tui_table_count(table);
    switch (key) {
    case TUI_KEY_UP:
    case 'k':
        tui_table_go(table, back(table->at, 1));
        return true;
    case TUI_KEY_DOWN:
    case 'j':
        tui_table_go(table, table->at + 1);
        return true;
    case TUI_KEY_PAGE_UP:
        tui_table_go(table, back(table->at, table->page));
        return true;
    case TUI_KEY_PAGE_DOWN:
        tui_table_go(table, table->at + table->page);
        return true;
    case TUI_KEY_HOME:
        tui_table_go(table, 0);
        return true;
    case TUI_KEY_END:
        tui_table_go(table, last);
        return true;
    default:
        return false;
    }
}

enum tui_result tui_table_event(struct tui_table *table, const struct tui_event *event) {
    if (event->kind != TUI_EVENT_KEY) {
        return TUI_IGNORED;
    }
    // The key was pressed at what the person saw: the selected row may have moved since.
    size_t row;
    if (table->has_selected && tui_table_locate(table, table->selected, &row)) {
        place(table, row);
    }
    if (move(table, event->key)) {
        return TUI_HANDLED;
    }
    switch (event->key) {
    case ' ':
        if (table->has_selected) {
            toggle_mark(table);
            tui_table_go(table, table->at + 1);
        }
        return TUI_HANDLED;
    case '*':
        mark_all(table);
        return TUI_HANDLED;
    case 'u':
        tui_table_unmark_all(table);
        return TUI_HANDLED;
    default:
        return TUI_IGNORED;
    }
}
