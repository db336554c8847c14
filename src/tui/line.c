#include "davy/tui/line.h"

#include "canvas_priv.h"
#include "davy/base/text.h"
#include "tui_priv.h"

#include <string.h>

static bool is_masked(const struct tui_line *line) {
    return line->kind == TUI_LINE_PIN || line->kind == TUI_LINE_SECRET;
}

static bool is_numeric(const struct tui_line *line) {
    return line->kind == TUI_LINE_DIGITS || line->kind == TUI_LINE_NUMBER ||
           line->kind == TUI_LINE_PIN;
}

void tui_line_init(struct tui_line *line, enum tui_line_kind kind, size_t max) {
    memset(line, 0, sizeof *line);
    line->kind = kind;
    line->max = max == 0 || max >= TUI_LINE_BYTES ? TUI_LINE_BYTES - 1 : max;
}

void tui_line_wipe(struct tui_line *line) {
    explicit_bzero(line->text, sizeof line->text);
    line->len = 0;
    line->caret = 0;
    line->scroll = 0;
}

static bool takes(const struct tui_line *line, uint32_t point) {
    if (!is_numeric(line)) {
        return true;
    }
    bool digit = point >= '0' && point <= '9';
    bool sign = point == '.' || point == '-' || point == '+';
    return digit || (line->kind == TUI_LINE_NUMBER && sign);
}

// False if the whole would not be clean any more: marks typed one by one pile up, too.
static bool insert_one(struct tui_line *line, struct slice character) {
    char *at = line->text + line->caret;
    memmove(at + character.len, at, line->len - line->caret + 1);
    memcpy(at, character.data, character.len);
    if (text_check(slice_text(line->text), line->max) != RC_OK) {
        memmove(at, at + character.len, line->len - line->caret + 1);
        return false;
    }
    line->len += character.len;
    line->caret += character.len;
    return true;
}

// Inserts clean text at the caret, a character at a time, as far as there is room.
static bool insert(struct tui_line *line, const char *text) {
    const char *end = text + strlen(text);
    bool changed = false;
    while (text < end) {
        const char *from = text;
        uint32_t point = text_next(&text, end);
        size_t len = (size_t)(text - from);
        if (!takes(line, point)) {
            continue;
        }
        if (line->len + len > line->max) {
            break;
        }
        changed = insert_one(line, slice_of(from, len)) || changed;
    }
    return changed;
}

// Text from outside, or from an input method, made fit for the field.
static bool insert_foreign(struct tui_line *line, const char *text) {
    char clean[TUI_PASTE_BYTES + 1];
    char folded[TUI_PASTE_BYTES + 1];
    text_clean(slice_text(text), clean, sizeof clean);
    bool fold = is_numeric(line) && text_fold(clean, folded, sizeof folded) == RC_OK;
    bool changed = insert(line, fold ? folded : clean);
    explicit_bzero(clean, sizeof clean);
    explicit_bzero(folded, sizeof folded);
    return changed;
}

void tui_line_set(struct tui_line *line, const char *text) {
    tui_line_wipe(line);
    (void)insert_foreign(line, text);
}

// The caret stops before bases only: combining marks go with the character they stand on.
static size_t next_stop(const struct tui_line *line, size_t at) {
    const char *end = line->text + line->len;
    const char *next = line->text + at;
    (void)text_next(&next, end);
    while (next < end) {
        const char *after = next;
        uint32_t point = text_next(&after, end);
        if (point_width(point) > 0) {
            break;
        }
        next = after;
    }
    return (size_t)(next - line->text);
}

static size_t previous_stop(const struct tui_line *line, size_t at) {
    size_t stop = 0;
    for (size_t next = 0; next < at; next = next_stop(line, next)) {
        stop = next;
    }
    return stop;
}

static bool cut(struct tui_line *line, size_t from, size_t to) {
    if (from >= to) {
        return false;
    }
    memmove(line->text + from, line->text + to, line->len - to + 1);
    line->len -= to - from;
    line->caret = from;
    return true;
}

static size_t word_start(const struct tui_line *line) {
    size_t at = line->caret;
    while (at > 0 && line->text[at - 1] == ' ') {
        at--;
    }
    while (at > 0 && line->text[at - 1] != ' ') {
        at--;
    }
    return at;
}

// True if the key is one of the line's own, whether or not it changed anything.
static bool take_key(struct tui_line *line, uint32_t key) {
    switch (key) {
    case TUI_KEY_LEFT:
        line->caret = previous_stop(line, line->caret);
        return true;
    case TUI_KEY_RIGHT:
        line->caret = line->caret < line->len ? next_stop(line, line->caret) : line->len;
        return true;
    case TUI_KEY_HOME:
        line->caret = 0;
        return true;
    case TUI_KEY_END:
        line->caret = line->len;
        return true;
    case TUI_KEY_BACKSPACE:
        (void)cut(line, previous_stop(line, line->caret), line->caret);
        return true;
    case TUI_KEY_DELETE:
        (void)(line->caret < line->len && cut(line, line->caret, next_stop(line, line->caret)));
        return true;
    case TUI_KEY_CTRL('U'):
        tui_line_wipe(line);
        return true;
    case TUI_KEY_CTRL('W'):
        (void)cut(line, word_start(line), line->caret);
        return true;
    default:
        return false;
    }
}

enum tui_result tui_line_event(struct tui_line *line, const struct tui_event *event) {
    if (event->kind == TUI_EVENT_PASTE) {
        (void)insert_foreign(line, event->paste);
        return TUI_HANDLED;
    }
    if (event->kind != TUI_EVENT_KEY) {
        return TUI_IGNORED;
    }
    if (event->text[0] != '\0') {
        (void)insert_foreign(line, event->text);
        return TUI_HANDLED;
    }
    return take_key(line, event->key) ? TUI_HANDLED : TUI_IGNORED;
}

// Signs instead of the first `bytes` of text, one a character; returns their columns.
static int mask_text(const struct tui_line *line, size_t bytes, const char *sign, char *out) {
    const char *at = line->text;
    int count = 0;
    size_t len = 0;
    while (at < line->text + bytes && len + TUI_GLYPH_BYTES < TUI_SHOWN_BYTES) {
        (void)text_next(&at, line->text + bytes);
        memcpy(out + len, sign, strlen(sign));
        len += strlen(sign);
        count++;
    }
    out[len] = '\0';
    return count;
}

// What is shown of the first `bytes` of text; returns its columns.
static int shown_text(const struct tui_line *line, const struct tui_look *look, size_t bytes,
                      char out[static TUI_SHOWN_BYTES]) {
    if (is_masked(line)) {
        return mask_text(line, bytes, look->glyph[TUI_GLYPH_HIDDEN], out);
    }
    char part[TUI_LINE_BYTES];
    memcpy(part, line->text, bytes);
    part[bytes] = '\0';
    return tui_shown(look, part, out);
}

void tui_line_draw(struct tui_line *line, struct tui_canvas *canvas, struct tui_span span,
                   bool focused) {
    const struct tui_look *look = tui_canvas_look(canvas);
    char text[TUI_SHOWN_BYTES];
    int caret = shown_text(line, look, line->caret, text);
    (void)shown_text(line, look, line->len, text);
    int room = at_least(span.cols, 1);
    line->scroll = at_most(line->scroll, caret);
    line->scroll = at_least(line->scroll, caret - room + 1);
    int hidden;
    const char *from = text + text_fit(text, line->scroll, &hidden);
    int at = span.col;
    if (hidden < line->scroll && *from != '\0') {
        // A hanzi half of which is scrolled away is a blank.
        (void)text_next(&from, from + strlen(from));
        at++;
    }
    tui_pad(canvas, span, TUI_FIELD);
    (void)tui_put_shown(canvas, tui_span(span.row, at, span.col + span.cols - at), TUI_FIELD, from);
    explicit_bzero(text, sizeof text);
    if (focused) {
        tui_cursor(canvas, span.row, span.col + caret - line->scroll, true);
    }
}
