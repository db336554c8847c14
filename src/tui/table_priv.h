// Between the table's files.
#ifndef DAVY_TUI_TABLE_PRIV_H
#define DAVY_TUI_TABLE_PRIV_H

#include "davy/tui/table.h"

#define TABLE_GUTTER_COLS 2 // cursor, mark

struct tui_table {
    struct tui_table_spec spec;
    struct id16 selected;
    bool has_selected;
    bool slipped;
    struct id16 wanted; // to be selected when it appears
    bool has_wanted;
    size_t at;   // where the selected row was found last
    size_t top;  // first row shown
    size_t page; // rows of the last frame
    struct id16 marks[TUI_TABLE_MARKS];
    size_t mark_count;
    struct id16 painted[TUI_TABLE_PAINTED];
    size_t painted_count;
};

size_t tui_table_count(const struct tui_table *table);
struct id16 tui_table_id(const struct tui_table *table, size_t row);
bool tui_table_locate(const struct tui_table *table, struct id16 id, size_t *out_row);
bool tui_table_is_marked(const struct tui_table *table, struct id16 id);
// Finds the selected row in what the source holds now, or its neighbour.
void tui_table_resolve(struct tui_table *table);
// Selects a row by number: a movement of a person.
void tui_table_go(struct tui_table *table, size_t row);

#endif
