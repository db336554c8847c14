#include "davy/tui/form.h"

#include "canvas_priv.h"
#include "davy/base/ensure.h"
#include "davy/base/text.h"
#include "tui_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_COLS_BESIDE 10 // wider labels stand above the field in compact layouts
#define LABEL_COLS_MAX 24
#define SHORT_FIELD_BYTES 24 // fields up to this length are drawn as wide as they are
#define ERROR_BYTES 200

struct tui_form {
    const struct tui_field *fields;
    size_t count;
    size_t focus;
    int scroll; // rows hidden above
    struct tui_line lines[TUI_FORM_FIELDS];
    char errors[TUI_FORM_FIELDS][ERROR_BYTES];
};

struct tui_form *tui_form_new(const struct tui_field *fields, size_t count) {
    ENSURE(count > 0 && count <= TUI_FORM_FIELDS);
    struct tui_form *form = calloc(1, sizeof *form);
    if (form == NULL) {
        return NULL;
    }
    form->fields = fields;
    form->count = count;
    for (size_t i = 0; i < count; i++) {
        tui_line_init(&form->lines[i], fields[i].kind, fields[i].max_bytes);
        if (fields[i].choice_count > 0) {
            tui_line_init(&form->lines[i], TUI_LINE_DIGITS, 3);
            tui_line_set(&form->lines[i], "0");
        }
    }
    return form;
}

void tui_form_free(struct tui_form *form) {
    if (form != NULL) {
        explicit_bzero(form, sizeof *form);
        free(form);
    }
}

static size_t index_of(const struct tui_form *form, int id) {
    size_t index = 0;
    while (index < form->count && form->fields[index].id != id) {
        index++;
    }
    ENSURE(index < form->count);
    return index;
}

const char *tui_form_value(const struct tui_form *form, int id) {
    return form->lines[index_of(form, id)].text;
}

int tui_form_choice(const struct tui_form *form, int id) {
    return (int)strtol(tui_form_value(form, id), NULL, 10);
}

void tui_form_set(struct tui_form *form, int id, const char *value) {
    size_t index = index_of(form, id);
    const struct tui_field *field = &form->fields[index];
    tui_line_set(&form->lines[index], value);
    if (field->choice_count > 0 && (size_t)tui_form_choice(form, id) >= field->choice_count) {
        tui_line_set(&form->lines[index], "0");
    }
}

static void set_error(struct tui_form *form, size_t index, const char *text) {
    text_clean(slice_text(text), form->errors[index], ERROR_BYTES);
    if (text[0] != '\0') {
        form->focus = index;
    }
}

void tui_form_set_error(struct tui_form *form, int id, const char *text) {
    set_error(form, index_of(form, id), text != NULL ? text : "");
}

static void pick(struct tui_form *form, size_t choice) {
    char number[8];
    (void)snprintf(number, sizeof number, "%u", (unsigned)choice);
    tui_line_set(&form->lines[form->focus], number);
}

static enum tui_result choice_event(struct tui_form *form, const struct tui_event *event) {
    const struct tui_field *field = &form->fields[form->focus];
    size_t count = field->choice_count;
    size_t now = (size_t)tui_form_choice(form, field->id);
    if (event->kind != TUI_EVENT_KEY) {
        return TUI_IGNORED;
    }
    if (event->key == TUI_KEY_RIGHT || event->key == ' ') {
        pick(form, (now + 1) % count);
    } else if (event->key == TUI_KEY_LEFT) {
        pick(form, (now + count - 1) % count);
    } else if (event->key >= '1' && event->key <= '9' && event->key - '1' < count) {
        pick(form, event->key - '1');
    } else {
        return TUI_IGNORED;
    }
    return TUI_HANDLED;
}

static enum tui_form_outcome edit(struct tui_form *form, const struct tui_event *event) {
    struct tui_line *line = &form->lines[form->focus];
    struct tui_line before = *line;
    bool is_choice = form->fields[form->focus].choice_count > 0;
    enum tui_result result = is_choice ? choice_event(form, event) : tui_line_event(line, event);
    bool changed = before.len != line->len || memcmp(before.text, line->text, line->len) != 0;
    explicit_bzero(&before, sizeof before);
    if (changed) {
        form->errors[form->focus][0] = '\0';
        return TUI_FORM_CHANGED;
    }
    return result == TUI_HANDLED ? TUI_FORM_HANDLED : TUI_FORM_IGNORED;
}

static enum tui_form_outcome submit(struct tui_form *form) {
    for (size_t i = 0; i < form->count; i++) {
        if (form->fields[i].required && form->lines[i].len == 0) {
            set_error(form, i, _("required"));
            return TUI_FORM_HANDLED;
        }
    }
    return TUI_FORM_SUBMIT;
}

enum tui_form_outcome tui_form_event(struct tui_form *form, const struct tui_event *event) {
    uint32_t key = event->kind == TUI_EVENT_KEY ? event->key : TUI_KEY_NONE;
    bool last = form->focus + 1 == form->count;
    switch (key) {
    case TUI_KEY_ESC:
        return TUI_FORM_CANCEL;
    case TUI_KEY_ENTER:
        if (last) {
            return submit(form);
        }
        form->focus++;
        return TUI_FORM_HANDLED;
    case TUI_KEY_TAB:
        form->focus = last ? 0 : form->focus + 1;
        return TUI_FORM_HANDLED;
    case TUI_KEY_DOWN:
        form->focus += last ? 0 : 1;
        return TUI_FORM_HANDLED;
    case TUI_KEY_BACKTAB:
        form->focus = form->focus > 0 ? form->focus - 1 : form->count - 1;
        return TUI_FORM_HANDLED;
    case TUI_KEY_UP:
        form->focus -= form->focus > 0 ? 1 : 0;
        return TUI_FORM_HANDLED;
    default:
        return edit(form, event);
    }
}

// Where the parts of the fields stand for one width.
struct form_shape {
    int label_cols; // beside; 0: labels above
    int cols;
};

static struct form_shape shape_of(const struct tui_form *form, int cols, enum tui_class size) {
    int widest = 0;
    for (size_t i = 0; i < form->count; i++) {
        widest = at_least(widest, text_cols(tr(form->fields[i].label)));
    }
    widest = at_most(widest, LABEL_COLS_MAX);
    bool above = (size == TUI_COMPACT && widest > LABEL_COLS_BESIDE) || widest * 2 > cols;
    return (struct form_shape){above ? 0 : widest, cols};
}

static int field_rows(const struct tui_form *form, struct form_shape shape, size_t index) {
    int error = form->errors[index][0] == '\0'
                    ? 0
                    : tui_put_wrapped(NULL, (struct tui_rect){0, 0, 0, shape.cols},
                                      (struct tui_wrap){TUI_TEXT, 0}, form->errors[index]);
    return (shape.label_cols == 0 ? 2 : 1) + error;
}

int tui_form_rows(const struct tui_form *form, int cols, enum tui_class size) {
    struct form_shape shape = shape_of(form, cols, size);
    int rows = 0;
    for (size_t i = 0; i < form->count; i++) {
        rows += field_rows(form, shape, i);
    }
    return rows;
}

static void draw_choice(const struct tui_form *form, struct tui_canvas *canvas,
                        struct tui_span span, size_t index) {
    const struct tui_field *field = &form->fields[index];
    size_t choice = (size_t)tui_form_choice(form, field->id);
    struct tui_pen pen = tui_pen(canvas, span);
    tui_pen_put(&pen, TUI_HINT_KEY, "< ");
    tui_pen_put(&pen, TUI_FIELD, tr(field->choices[choice]));
    tui_pen_put(&pen, TUI_HINT_KEY, " >");
    tui_pen_putf(&pen, TUI_DIM, " %zu/%zu", choice + 1, field->choice_count);
    if (index == form->focus) {
        tui_cursor(canvas, span.row, span.col, true);
    }
}

static void draw_value(struct tui_form *form, struct tui_canvas *canvas, struct tui_span span,
                       size_t index) {
    const struct tui_field *field = &form->fields[index];
    struct tui_line *line = &form->lines[index];
    const char *unit = field->unit != NULL ? field->unit : "";
    int unit_cols = unit[0] != '\0' ? text_cols(unit) + 1 : 0;
    int cols = at_least(span.cols - unit_cols, 1);
    if (line->max <= SHORT_FIELD_BYTES) {
        cols = at_most(cols, (int)line->max + 1);
    }
    struct tui_span place = tui_span(span.row, span.col, cols);
    tui_line_draw(line, canvas, place, index == form->focus);
    if (line->len == 0) {
        tui_put(canvas, place, TUI_FIELD, tr(field->hint));
    }
    if (form->errors[index][0] != '\0') {
        tui_restyle(canvas, (struct tui_rect){place.row, place.col, 1, place.cols}, TUI_FIELD_BAD);
    }
    (void)tui_add(canvas, tui_span(span.row, span.col + cols + 1, at_least(unit_cols - 1, 0)),
                  TUI_TEXT, unit);
}

static void draw_field(struct tui_form *form, struct tui_canvas *canvas, struct tui_rect rect,
                       struct form_shape shape, size_t index) {
    const struct tui_field *field = &form->fields[index];
    enum tui_style style = index == form->focus ? TUI_TITLE : TUI_TEXT;
    bool above = shape.label_cols == 0;
    struct tui_span label = tui_span(rect.row, rect.col, above ? rect.cols : shape.label_cols);
    tui_put(canvas, label, style, tr(field->label));
    struct tui_span span = tui_span(rect.row + 1, rect.col, rect.cols);
    if (!above) {
        span = tui_span(rect.row, rect.col + shape.label_cols + 1,
                        at_least(rect.cols - shape.label_cols - 1, 1));
    }
    if (field->choice_count > 0) {
        draw_choice(form, canvas, span, index);
    } else {
        draw_value(form, canvas, span, index);
    }
    if (form->errors[index][0] != '\0') {
        struct tui_rect error = {span.row + 1, rect.col, rect.rows - (span.row + 1 - rect.row),
                                 rect.cols};
        (void)tui_put_wrapped(canvas, error, (struct tui_wrap){TUI_REFUSED, 0},
                              form->errors[index]);
    }
}

void tui_form_draw(struct tui_form *form, struct tui_canvas *canvas, struct tui_rect rect,
                   enum tui_class size) {
    struct form_shape shape = shape_of(form, rect.cols, size);
    int tops[TUI_FORM_FIELDS + 1] = {0};
    for (size_t i = 0; i < form->count; i++) {
        tops[i + 1] = tops[i] + field_rows(form, shape, i);
    }
    form->scroll = at_least(form->scroll, tops[form->focus + 1] - rect.rows);
    form->scroll = at_most(form->scroll, tops[form->focus]);
    form->scroll = at_least(at_most(form->scroll, tops[form->count] - rect.rows), 0);
    struct tui_rect clip = tui_canvas_clip(canvas, rect);
    for (size_t i = 0; i < form->count; i++) {
        struct tui_rect place = {rect.row + tops[i] - form->scroll, rect.col, tops[i + 1] - tops[i],
                                 rect.cols};
        if (place.row + place.rows > rect.row && place.row < rect.row + rect.rows) {
            draw_field(form, canvas, place, shape, i);
        }
    }
    (void)tui_canvas_clip(canvas, clip);
}
