#include "davy/tui/message.h"

#include "davy/base/text.h"
#include "tui_priv.h"

static bool is_serious(enum tui_style style) {
    return style == TUI_REFUSED || style == TUI_P1;
}

static bool is_over(const struct tui_message *message, struct mono_ms now) {
    return message->hold_ms > 0 && now.v - message->since.v >= message->hold_ms;
}

static bool is_guarded(const struct tui_message *message, struct mono_ms now) {
    return message->text[0] != '\0' && is_serious(message->style) &&
           now.v - message->since.v < TUI_MESSAGE_GUARD_MS;
}

static void replace(struct tui_message *message, struct mono_ms now, enum tui_style style,
                    const char *text) {
    if (is_guarded(message, now) && !is_serious(style)) {
        return;
    }
    text_clean(slice_text(text), message->text, sizeof message->text);
    message->style = style;
    message->since = now;
    message->hold_ms = TUI_MESSAGE_HOLD_MS;
}

void tui_message_set(struct tui_message *message, struct mono_ms now, enum tui_style style,
                     const char *text) {
    replace(message, now, style, text);
}

void tui_message_pin(struct tui_message *message, struct mono_ms now, enum tui_style style,
                     const char *text) {
    if (is_guarded(message, now) && !is_serious(style)) {
        return;
    }
    replace(message, now, style, text);
    message->hold_ms = 0;
}

void tui_message_clear(struct tui_message *message) {
    *message = (struct tui_message){.style = TUI_TEXT};
}

int tui_message_wait_ms(const struct tui_message *message, struct mono_ms now) {
    if (message->text[0] == '\0' || message->hold_ms == 0 || is_over(message, now)) {
        return -1;
    }
    return (int)(message->since.v + message->hold_ms - now.v);
}

void tui_message_draw(const struct tui_message *message, struct mono_ms now,
                      struct tui_canvas *canvas, struct tui_rect rect) {
    if (rect.rows > 0) {
        tui_put(canvas, tui_span(rect.row, rect.col, rect.cols), message->style,
                is_over(message, now) ? "" : message->text);
    }
}
