// Keys, text and pastes out of what the terminal sends.
//
// A key is one number: the code point of a character, or one of TUI_KEY_* (above Unicode). UTF-8 is
// assembled here, also when its bytes come in separate reads; a character that is not completed in
// TUI_INPUT_UTF8_MS is dropped. Esc then a digit is the function key of that digit (0 is F10); Esc
// alone is delivered after esc_wait_ms or at the next key. Torn and unknown escape sequences are
// put together or dropped, never turned into letters. Inside a bracketed paste everything is text:
// cleaned, cut at TUI_PASTE_BYTES, no key; a paste that never ends is ended after
// TUI_INPUT_PASTE_MS of silence.
//
// Pure: bytes and times come in as arguments.
#ifndef DAVY_TUI_INPUT_H
#define DAVY_TUI_INPUT_H

#include "davy/base/id.h"
#include <stdint.h>

#define TUI_PASTE_BYTES 4096
#define TUI_INPUT_UTF8_MS 500
#define TUI_INPUT_PASTE_MS 1000
#define TUI_INPUT_ESC_MS 400
#define TUI_INPUT_QUEUE 1024 // events not taken yet; more are dropped

enum tui_key {
    TUI_KEY_NONE = 0,
    TUI_KEY_TAB = 9,
    TUI_KEY_ENTER = 10,
    TUI_KEY_ESC = 27,
    TUI_KEY_BACKSPACE = 127,
    TUI_KEY_UP = 0x110000,
    TUI_KEY_DOWN,
    TUI_KEY_LEFT,
    TUI_KEY_RIGHT,
    TUI_KEY_HOME,
    TUI_KEY_END,
    TUI_KEY_PAGE_UP,
    TUI_KEY_PAGE_DOWN,
    TUI_KEY_INSERT,
    TUI_KEY_DELETE,
    TUI_KEY_BACKTAB,
    TUI_KEY_F0 = 0x110100,          // TUI_KEY_F0 + n is Fn, 1-24
    TUI_KEY_PASTE_BEGIN = 0x110200, // only into tui_input_feed_key
    TUI_KEY_PASTE_END,
    TUI_KEY_RESIZE,
    TUI_KEY_ALT = 0x200000, // Alt and a character: TUI_KEY_ALT + its code point
};
#define TUI_KEY_F(n) ((uint32_t)TUI_KEY_F0 + (uint32_t)(n))
#define TUI_KEY_CTRL(letter) ((uint32_t)(letter)&0x1fu)

enum tui_event_kind {
    TUI_EVENT_NONE = 0,
    TUI_EVENT_KEY,    // key; text is the character, or "" for a special key
    TUI_EVENT_PASTE,  // paste
    TUI_EVENT_RESIZE, // the terminal has a new size
};

struct tui_event {
    enum tui_event_kind kind;
    uint32_t key;
    char text[5];
    const char *paste; // borrowed until the next tui_input_next
    bool paste_cut;    // more than TUI_PASTE_BYTES came
};

struct tui_input;

struct tui_input *tui_input_new(void);
void tui_input_free(struct tui_input *input);
// How long a lone Esc waits for a digit; 0: not at all.
void tui_input_set_esc_wait(struct tui_input *input, int esc_wait_ms);
void tui_input_feed(struct tui_input *input, uint8_t byte, struct mono_ms now);
// A key that the terminal library has recognised already (TUI_KEY_UP and above).
void tui_input_feed_key(struct tui_input *input, uint32_t key, struct mono_ms now);
// True and the next event, false when there is none yet.
bool tui_input_next(struct tui_input *input, struct mono_ms now, struct tui_event *out_event);
// Milliseconds until tui_input_next may have something without new bytes; -1: never.
int tui_input_wait_ms(const struct tui_input *input, struct mono_ms now);

// An event for tests and scripts.
struct tui_event tui_event_key(uint32_t key);
// "F8", "Enter", "Space", "^L", "a": how a key is shown to people.
#define TUI_KEY_NAME_BYTES 16
void tui_key_name(uint32_t key, char out_name[static TUI_KEY_NAME_BYTES]);

// What a widget did with an event.
enum tui_result {
    TUI_IGNORED = 0, // not mine, pass it on
    TUI_HANDLED,     // paint again
};

#endif
