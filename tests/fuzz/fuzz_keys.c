// What a terminal may send, byte by byte and at any time, into the key decoder, and from there into
// a field of a form. No byte may crash it, get a control or half a character into text, or keep the
// loop waiting for ever.
#include "davy/base/ensure.h"
#include "davy/base/text.h"
#include "davy/tui/input.h"
#include "davy/tui/line.h"

#include <locale.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_event(const struct tui_event *event) {
    if (event->kind == TUI_EVENT_PASTE) {
        ENSURE(strlen(event->paste) <= TUI_PASTE_BYTES);
        ENSURE(event->paste[0] == '\0' ||
               text_check(slice_text(event->paste), TUI_PASTE_BYTES) == RC_OK);
    } else if (event->kind == TUI_EVENT_KEY) {
        const char *at = event->text;
        const char *end = at + strlen(at);
        uint32_t point = text_next(&at, end);
        ENSURE(at == end); // one character or none
        ENSURE(point == 0 || (point == event->key && !text_is_unsafe(point)));
        char name[TUI_KEY_NAME_BYTES];
        tui_key_name(event->key, name);
        ENSURE(strlen(name) < TUI_KEY_NAME_BYTES);
    }
}

static void take(struct tui_input *input, struct tui_line *line, struct mono_ms now) {
    struct tui_event event;
    while (tui_input_next(input, now, &event)) {
        check_event(&event);
        (void)tui_line_event(line, &event);
        ENSURE(line->len == strlen(line->text) && line->len <= line->max);
        ENSURE(line->caret <= line->len);
        ENSURE(line->len == 0 || text_check(slice_text(line->text), line->max) == RC_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    struct tui_input *input = tui_input_new();
    struct tui_line line;
    struct mono_ms now = {0};
    ENSURE(input != NULL);
    tui_line_init(&line, len > 0 ? (enum tui_line_kind)(data[0] % 5) : TUI_LINE_TEXT, 40);
    for (size_t i = 1; i < len; i++) {
        // 0xf8 and above never occur in UTF-8: here they let time pass and curses speak.
        if (data[i] == 0xf8) {
            now.v += i + 1 < len ? data[i + 1] * 8 : 0;
        } else if (data[i] == 0xf9) {
            tui_input_feed_key(input, TUI_KEY_UP + (i + 1 < len ? data[i + 1] % 0x20u : 0), now);
        } else if (data[i] == 0xfa) {
            tui_input_feed_key(input, TUI_KEY_PASTE_BEGIN + (i + 1 < len ? data[i + 1] % 3u : 0),
                               now);
        } else {
            tui_input_feed(input, data[i], now);
        }
        if (data[i] >= 0xf8) {
            take(input, &line, now);
        }
    }
    take(input, &line, now);
    now.v += 10000;
    take(input, &line, now);
    ENSURE(tui_input_wait_ms(input, now) == -1);
    tui_input_free(input);
    return 0;
}
