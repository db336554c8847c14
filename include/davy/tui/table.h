// A list of rows that may move: selection, marks and scrolling by id, never by row number.
//
// Virtual: the source is asked only for the rows that are shown. Columns have a minimum width and a
// priority; those that do not fit are dropped, highest number first, never shrunk below the
// minimum; the text column takes what is left. In a compact rectangle a row may take two lines. The
// selected row has the cursor glyph in the gutter (and is reversed where the line can bear it), a
// marked row the mark.
//
// The row that vanishes under the cursor is replaced by its neighbour, and tui_table_slipped()
// tells so until the next movement: an act that follows at once was not meant for the neighbour.
#ifndef DAVY_TUI_TABLE_H
#define DAVY_TUI_TABLE_H

#include "davy/base/id.h"
#include "davy/tui/canvas.h"
#include "davy/tui/input.h"
#include "davy/tui/layout.h"

#define TUI_TABLE_COLUMNS 16
#define TUI_TABLE_MARKS 256 // a bulk act names each of them
#define TUI_TABLE_PAINTED 256

struct tui_column {
    const char *title; // msgid; "" for none
    int cols;          // minimum; the width of every column but the text column
    int priority;      // 0: always there; higher numbers are dropped first
    enum tui_align align;
    bool text; // takes what is left (one column of each line)
    int line;  // in two-line rows: 0 first line, 1 second, -1 not shown
};

// One cell: either print into buf, or point text at something that lives until the next call.
struct tui_cell {
    const char *text; // buf when the source is asked
    enum tui_style style;
    char buf[256];
};
void tui_cell_set(struct tui_cell *cell, enum tui_style style, const char *format, ...)
    DAVY_PRINTF(3, 4);

struct tui_source {
    void *context;
    size_t (*count)(void *context);
    // The id of row i < count. Ids are unique.
    struct id16 (*id)(void *context, size_t row);
    void (*cell)(void *context, size_t row, size_t column, struct tui_cell *out_cell);
    // Where an id is now; NULL: searched from where it was.
    bool (*find)(void *context, struct id16 id, size_t *out_row);
    // Whether a row matches a search text; NULL: its shown cells are searched, without case.
    bool (*match)(void *context, size_t row, const char *text);
};

struct tui_table_spec {
    const struct tui_column *columns; // borrowed, static
    size_t column_count;
    struct tui_source source; // copied
    bool two_lines;           // in compact layouts a row takes two lines if one leaves cells out
    const char *empty;        // msgid shown when there is no row; NULL: none
};

struct tui_table;

struct tui_table *tui_table_new(const struct tui_table_spec *spec);
void tui_table_free(struct tui_table *table);

// Title line (NULL title: none): "Alarms  12 of 340  filter"; then the header (not in compact),
// then the rows. total is the number before filtering; 0 or equal: only the count is shown.
struct tui_table_title {
    const char *title;  // shown as it comes
    const char *filter; // shown as it comes; NULL: none
    size_t total;
};
// focused: the cursor is shown here, and the terminal's cursor goes to the selected row.
struct tui_table_frame {
    struct tui_rect rect;
    enum tui_class size;
    struct tui_table_title title;
    bool focused;
};
void tui_table_draw(struct tui_table *table, struct tui_canvas *canvas,
                    const struct tui_table_frame *frame);

// Arrows, j k, PgUp PgDn, Home End: move. Space marks and goes down, '*' marks all, 'u' unmarks
// all.
enum tui_result tui_table_event(struct tui_table *table, const struct tui_event *event);

// The row under the cursor as it was painted last. False: no row.
bool tui_table_selected(const struct tui_table *table, struct id16 *out_id);
// True from the moment the row under the cursor vanished until the cursor is moved by a person.
bool tui_table_slipped(const struct tui_table *table);
// Selects an id; if it is not there, it is selected when it appears, until the cursor is moved.
void tui_table_select(struct tui_table *table, struct id16 id);
// What an act applies to: the marked rows that are in the source now, else the row under the
// cursor. Returns how many were written to out_ids.
size_t tui_table_targets(const struct tui_table *table, struct id16 *out_ids, size_t max);
size_t tui_table_mark_count(const struct tui_table *table);
void tui_table_unmark_all(struct tui_table *table);
// The ids of the last frame, top to bottom (at most TUI_TABLE_PAINTED).
size_t tui_table_painted(const struct tui_table *table, const struct id16 **out_ids);
// Moves to the next (step 1) or previous (-1) match, from the row after the cursor, around the end;
// step 0 starts at the cursor itself (while typing). False: no match, nothing moves.
bool tui_table_find(struct tui_table *table, const char *text, int step);

#endif
