#include "davy/tui/input.h"

#include "davy/base/ensure.h"
#include "davy/base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASTES 4        // pastes not taken yet; more are dropped
#define SEQUENCE_MAX 24 // bytes of an escape sequence; longer ones are not for us
#define SAME_MS 20      // bytes this close were sent by one key

enum esc_state {
    ESC_NONE,
    ESC_SEEN, // Esc came, and nothing yet behind it
    ESC_CSI,  // inside ESC [
    ESC_SS3,  // inside ESC O
};

struct paste {
    size_t len;
    bool cut;
    bool full; // waits to be taken, or is the one taken last
    char raw[TUI_PASTE_BYTES + 1];
};

struct tui_input {
    int esc_wait_ms;
    enum esc_state esc;
    struct mono_ms esc_at;
    char sequence[SEQUENCE_MAX];
    size_t sequence_len;
    uint8_t partial[4]; // a character whose bytes are not all here
    size_t partial_len, partial_need;
    struct mono_ms partial_at;
    struct paste pastes[PASTES];
    int pasting; // index, -1: no paste going on; PASTES: one for which there is no room
    struct mono_ms paste_at;
    int given; // paste that the user holds, -1: none
    struct tui_event queue[TUI_INPUT_QUEUE];
    size_t queue_at, queue_len;
    char clean[TUI_PASTE_BYTES + 1];
};

struct tui_input *tui_input_new(void) {
    struct tui_input *input = calloc(1, sizeof *input);
    if (input != NULL) {
        input->esc_wait_ms = TUI_INPUT_ESC_MS;
        input->pasting = -1;
        input->given = -1;
    }
    return input;
}

void tui_input_free(struct tui_input *input) {
    if (input != NULL) {
        explicit_bzero(input, sizeof *input); // a PIN went through here
        free(input);
    }
}

void tui_input_set_esc_wait(struct tui_input *input, int esc_wait_ms) {
    input->esc_wait_ms = esc_wait_ms;
}

static void push(struct tui_input *input, const struct tui_event *event) {
    if (input->queue_len < TUI_INPUT_QUEUE) {
        input->queue[(input->queue_at + input->queue_len++) % TUI_INPUT_QUEUE] = *event;
    }
}

struct tui_event tui_event_key(uint32_t key) {
    struct tui_event event = {.kind = TUI_EVENT_KEY, .key = key};
    if (key >= ' ' && key < 0x110000 && key != TUI_KEY_BACKSPACE) {
        (void)text_put(key, event.text);
    }
    return event;
}

static void push_key(struct tui_input *input, uint32_t key) {
    struct tui_event event = tui_event_key(key);
    push(input, &event);
}

static void paste_begin(struct tui_input *input, struct mono_ms now) {
    input->pasting = PASTES;
    for (int i = PASTES - 1; i >= 0; i--) {
        if (!input->pastes[i].full) {
            input->pasting = i;
        }
    }
    if (input->pasting < PASTES) {
        input->pastes[input->pasting].len = 0;
        input->pastes[input->pasting].cut = false;
    }
    input->paste_at = now;
    input->esc = ESC_NONE;
    input->partial_len = 0;
}

static void paste_byte(struct tui_input *input, uint8_t byte, struct mono_ms now) {
    input->paste_at = now;
    if (input->pasting == PASTES) {
        return;
    }
    struct paste *paste = &input->pastes[input->pasting];
    if (paste->len < TUI_PASTE_BYTES) {
        paste->raw[paste->len++] = (char)byte;
    } else {
        paste->cut = true;
    }
}

static void paste_end(struct tui_input *input) {
    if (input->pasting >= 0 && input->pasting < PASTES) {
        struct paste *paste = &input->pastes[input->pasting];
        bool room = input->queue_len < TUI_INPUT_QUEUE;
        paste->full = room;
        // The index travels in the key until the event is taken.
        struct tui_event event = {.kind = TUI_EVENT_PASTE, .key = (uint32_t)input->pasting};
        push(input, &event);
    }
    input->pasting = -1;
    input->esc = ESC_NONE;
}

// Sequences that arrive in pieces, so that curses could not recognise them.
static const struct {
    const char *sequence; // behind ESC [ or ESC O
    uint32_t key;
} sequence_rows[] = {
    {"A", TUI_KEY_UP},        {"B", TUI_KEY_DOWN},           {"C", TUI_KEY_RIGHT},
    {"D", TUI_KEY_LEFT},      {"H", TUI_KEY_HOME},           {"F", TUI_KEY_END},
    {"M", TUI_KEY_ENTER},     {"P", TUI_KEY_F0 + 1},         {"Q", TUI_KEY_F0 + 2},
    {"R", TUI_KEY_F0 + 3},    {"S", TUI_KEY_F0 + 4},         {"Z", TUI_KEY_BACKTAB},
    {"1~", TUI_KEY_HOME},     {"2~", TUI_KEY_INSERT},        {"3~", TUI_KEY_DELETE},
    {"4~", TUI_KEY_END},      {"5~", TUI_KEY_PAGE_UP},       {"6~", TUI_KEY_PAGE_DOWN},
    {"7~", TUI_KEY_HOME},     {"8~", TUI_KEY_END},           {"11~", TUI_KEY_F0 + 1},
    {"12~", TUI_KEY_F0 + 2},  {"13~", TUI_KEY_F0 + 3},       {"14~", TUI_KEY_F0 + 4},
    {"15~", TUI_KEY_F0 + 5},  {"17~", TUI_KEY_F0 + 6},       {"18~", TUI_KEY_F0 + 7},
    {"19~", TUI_KEY_F0 + 8},  {"20~", TUI_KEY_F0 + 9},       {"21~", TUI_KEY_F0 + 10},
    {"23~", TUI_KEY_F0 + 11}, {"24~", TUI_KEY_F0 + 12},      {"[A", TUI_KEY_F0 + 1},
    {"[B", TUI_KEY_F0 + 2},   {"[C", TUI_KEY_F0 + 3},        {"[D", TUI_KEY_F0 + 4},
    {"[E", TUI_KEY_F0 + 5},   {"200~", TUI_KEY_PASTE_BEGIN}, {"201~", TUI_KEY_PASTE_END},
};

static void sequence_done(struct tui_input *input, struct mono_ms now) {
    input->esc = ESC_NONE;
    if (input->sequence_len >= SEQUENCE_MAX) {
        return;
    }
    input->sequence[input->sequence_len] = '\0';
    for (size_t i = 0; i < COUNT_OF(sequence_rows); i++) {
        if (strcmp(input->sequence, sequence_rows[i].sequence) == 0) {
            tui_input_feed_key(input, sequence_rows[i].key, now);
            return;
        }
    }
}

// Takes a byte of ESC [ ... or ESC O .; every byte up to the final one belongs to the sequence.
static void sequence_byte(struct tui_input *input, uint8_t byte, struct mono_ms now) {
    if (byte < ' ' || byte > '~') {
        input->esc = ESC_NONE; // broken off; a control is taken for itself
        if (byte != 0x7f) {
            tui_input_feed(input, byte, now);
        }
        return;
    }
    if (input->sequence_len < SEQUENCE_MAX - 1) {
        input->sequence[input->sequence_len++] = (char)byte;
    } else {
        input->sequence_len = SEQUENCE_MAX; // too long: swallowed up to its end
    }
    input->esc_at = now;
    bool console_key = input->sequence_len == 1 && byte == '['; // the Linux console's F1 to F5
    bool final = byte >= '@' && !console_key;
    if (final || (input->esc == ESC_SS3 && byte >= '@')) {
        sequence_done(input, now);
    }
}

static void sequence_begin(struct tui_input *input, enum esc_state esc, struct mono_ms now) {
    input->esc = esc;
    input->esc_at = now;
    input->sequence_len = 0;
}

// The byte behind Esc. True if it belongs to it.
static bool esc_byte(struct tui_input *input, uint8_t byte, struct mono_ms now) {
    bool same = now.v - input->esc_at.v <= SAME_MS;
    if (byte == '[' || byte == 'O') {
        sequence_begin(input, byte == '[' ? ESC_CSI : ESC_SS3, now);
        return true;
    }
    input->esc = ESC_NONE;
    if (input->pasting >= 0) {
        return false;
    }
    if (byte >= '0' && byte <= '9') {
        push_key(input, TUI_KEY_F(byte == '0' ? 10 : byte - '0'));
        return true;
    }
    if (same && byte >= ' ' && byte < 0x7f) {
        push_key(input, TUI_KEY_ALT + byte);
        return true;
    }
    if (!same) {
        push_key(input, TUI_KEY_ESC);
    }
    return false;
}

static size_t utf8_need(uint8_t lead) {
    return lead >= 0xf0 && lead <= 0xf4  ? 4
           : lead >= 0xe0 && lead < 0xf0 ? 3
           : lead >= 0xc2 && lead < 0xe0 ? 2
                                         : 0;
}

// Bytes above ASCII. What cannot become a character is dropped: it is noise of the line.
static void utf8_byte(struct tui_input *input, uint8_t byte, struct mono_ms now) {
    bool more = (byte & 0xc0) == 0x80;
    if (!more) {
        input->partial_len = 0;
        input->partial_need = utf8_need(byte);
    }
    if (input->partial_need == 0 || (more && input->partial_len == 0)) {
        return;
    }
    input->partial[input->partial_len++] = byte;
    input->partial_at = now;
    if (input->partial_len < input->partial_need) {
        return;
    }
    const char *at = (const char *)input->partial;
    const char *end = at + input->partial_len;
    uint32_t point = text_next(&at, end);
    input->partial_len = 0;
    if (at == end && point != TEXT_REPLACEMENT && !text_is_unsafe(point)) {
        push_key(input, point);
    }
}

// What time alone decides: a lone Esc, a torn sequence or character, a paste that never ended.
static void settle(struct tui_input *input, struct mono_ms now) {
    if (input->esc != ESC_NONE && now.v - input->esc_at.v >= input->esc_wait_ms) {
        if (input->esc == ESC_SEEN && input->pasting < 0) {
            push_key(input, TUI_KEY_ESC);
        }
        input->esc = ESC_NONE;
    }
    if (input->partial_len > 0 && now.v - input->partial_at.v >= TUI_INPUT_UTF8_MS) {
        input->partial_len = 0;
    }
    if (input->pasting >= 0 && now.v - input->paste_at.v >= TUI_INPUT_PASTE_MS) {
        paste_end(input);
    }
}

static void plain_byte(struct tui_input *input, uint8_t byte, struct mono_ms now) {
    if (byte >= 0x80) {
        utf8_byte(input, byte, now);
        return;
    }
    input->partial_len = 0;
    if (byte == '\r' || byte == '\n') {
        push_key(input, TUI_KEY_ENTER);
    } else if (byte == 0x08 || byte == 0x7f) {
        push_key(input, TUI_KEY_BACKSPACE);
    } else if (byte != 0) {
        push_key(input, byte);
    }
}

void tui_input_feed(struct tui_input *input, uint8_t byte, struct mono_ms now) {
    settle(input, now);
    if (byte == TUI_KEY_ESC) {
        bool twice = input->esc == ESC_SEEN && now.v - input->esc_at.v > SAME_MS;
        if (twice && input->pasting < 0) {
            push_key(input, TUI_KEY_ESC);
        }
        sequence_begin(input, ESC_SEEN, now);
        input->partial_len = 0;
        return;
    }
    if (input->esc == ESC_SEEN && esc_byte(input, byte, now)) {
        return;
    }
    if (input->esc == ESC_CSI || input->esc == ESC_SS3) {
        sequence_byte(input, byte, now);
    } else if (input->pasting >= 0) {
        paste_byte(input, byte, now);
    } else {
        plain_byte(input, byte, now);
    }
}

void tui_input_feed_key(struct tui_input *input, uint32_t key, struct mono_ms now) {
    settle(input, now);
    bool esc = input->esc == ESC_SEEN && now.v - input->esc_at.v > SAME_MS;
    input->esc = ESC_NONE;
    input->partial_len = 0;
    if (key == TUI_KEY_PASTE_BEGIN) {
        if (input->pasting < 0) {
            paste_begin(input, now);
        }
    } else if (key == TUI_KEY_PASTE_END) {
        paste_end(input);
    } else if (key == TUI_KEY_RESIZE) {
        struct tui_event event = {.kind = TUI_EVENT_RESIZE};
        push(input, &event);
    } else if (input->pasting < 0) {
        if (esc) {
            push_key(input, TUI_KEY_ESC);
        }
        push_key(input, key);
    }
}

static void give_paste(struct tui_input *input, struct tui_event *event) {
    struct paste *paste = &input->pastes[event->key];
    input->given = (int)event->key;
    event->key = TUI_KEY_NONE;
    bool whole = true;
    // A character cut in two by the limit is no text.
    while (paste->cut && paste->len > 0 && whole) {
        uint8_t last = (uint8_t)paste->raw[paste->len - 1];
        whole = last >= 0x80;
        paste->len -= whole ? 1 : 0;
        whole = whole && last < 0xc0;
    }
    text_clean(slice_of(paste->raw, paste->len), input->clean, sizeof input->clean);
    size_t len = strlen(input->clean);
    while (len > 0 && input->clean[len - 1] == ' ') {
        input->clean[--len] = '\0'; // the line's end that scanners send
    }
    event->paste = input->clean;
    event->paste_cut = paste->cut;
}

bool tui_input_next(struct tui_input *input, struct mono_ms now, struct tui_event *out_event) {
    settle(input, now);
    if (input->given >= 0) {
        input->pastes[input->given].full = false;
        explicit_bzero(input->clean, sizeof input->clean);
        input->given = -1;
    }
    if (input->queue_len == 0) {
        return false;
    }
    struct tui_event event = input->queue[input->queue_at];
    explicit_bzero(&input->queue[input->queue_at], sizeof event);
    input->queue_at = (input->queue_at + 1) % TUI_INPUT_QUEUE;
    input->queue_len--;
    if (event.kind == TUI_EVENT_PASTE) {
        give_paste(input, &event);
    }
    *out_event = event;
    return true;
}

static int64_t least(int64_t best, int64_t due) {
    return best < 0 || due < best ? due : best;
}

int tui_input_wait_ms(const struct tui_input *input, struct mono_ms now) {
    int64_t wait = -1;
    if (input->queue_len > 0) {
        return 0;
    }
    if (input->esc != ESC_NONE) {
        wait = least(wait, input->esc_at.v + input->esc_wait_ms - now.v);
    }
    if (input->partial_len > 0) {
        wait = least(wait, input->partial_at.v + TUI_INPUT_UTF8_MS - now.v);
    }
    if (input->pasting >= 0) {
        wait = least(wait, input->paste_at.v + TUI_INPUT_PASTE_MS - now.v);
    }
    bool pending = input->esc != ESC_NONE || input->partial_len > 0 || input->pasting >= 0;
    return !pending ? -1 : wait < 0 ? 0 : (int)wait;
}

static const struct {
    uint32_t key;
    const char *name;
} name_rows[] = {
    {TUI_KEY_TAB, "Tab"},        {TUI_KEY_ENTER, "Enter"}, {TUI_KEY_ESC, "Esc"},
    {TUI_KEY_BACKSPACE, "Bksp"}, {' ', "Space"},           {TUI_KEY_UP, "Up"},
    {TUI_KEY_DOWN, "Down"},      {TUI_KEY_LEFT, "Left"},   {TUI_KEY_RIGHT, "Right"},
    {TUI_KEY_HOME, "Home"},      {TUI_KEY_END, "End"},     {TUI_KEY_PAGE_UP, "PgUp"},
    {TUI_KEY_PAGE_DOWN, "PgDn"}, {TUI_KEY_INSERT, "Ins"},  {TUI_KEY_DELETE, "Del"},
    {TUI_KEY_BACKTAB, "S-Tab"},
};

void tui_key_name(uint32_t key, char out_name[static TUI_KEY_NAME_BYTES]) {
    memset(out_name, 0, TUI_KEY_NAME_BYTES);
    for (size_t i = 0; i < COUNT_OF(name_rows); i++) {
        if (name_rows[i].key == key) {
            memcpy(out_name, name_rows[i].name, strlen(name_rows[i].name));
            return;
        }
    }
    if (key > TUI_KEY_F0 && key <= TUI_KEY_F(24)) {
        (void)snprintf(out_name, TUI_KEY_NAME_BYTES, "F%u", (unsigned)(key - TUI_KEY_F0));
    } else if (key > TUI_KEY_ALT && key < TUI_KEY_ALT + 0x80) {
        (void)snprintf(out_name, TUI_KEY_NAME_BYTES, "Alt-%c", (char)(key - TUI_KEY_ALT));
    } else if (key > 0 && key < ' ') {
        (void)snprintf(out_name, TUI_KEY_NAME_BYTES, "^%c", (char)(key + '@'));
    } else if (key > ' ' && key < 0x110000) {
        (void)text_put(key, out_name);
    }
}
