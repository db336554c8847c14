// The lexer of telemetry JSON: a cursor over the payload that stops at the first fault.
#ifndef DAVY_FEED_PRIV_H
#define DAVY_FEED_PRIV_H

#include "davy/feed/scan.h"

#define FEED_UNKNOWN_KEYS 16 // unknown keys of one object that the duplicate check remembers
#define FEED_NUMBER_BYTES 64 // longest number
#define FEED_TIME_MAX_MS 4102444800000 // 2100-01-01

struct cursor {
    const uint8_t *start;
    const uint8_t *at;
    const uint8_t *end;
    uint8_t *text; // decoded strings; escapes only shrink, so payload size is always enough
    size_t text_used;
    struct feed_error error; // first fault
};

// A number as written: digits x 10^exponent, with the written form beside it.
struct number {
    struct slice text;
    uint64_t digits;
    int32_t exponent;
    bool negative;
    bool is_cut; // more than 19 significant digits: `digits` does not hold them all
};

// Keys seen in one object that have no meaning here.
struct key_set {
    struct slice keys[FEED_UNKNOWN_KEYS];
    uint32_t count;
};

// Notes the first fault at a place; always false.
bool cursor_fail(struct cursor *cursor, enum feed_fault fault, const uint8_t *at);
// What stands at the cursor is no token: the end, a NUL, or anything else. Always false.
bool cursor_fail_token(struct cursor *cursor);
uint8_t cursor_peek_blank(struct cursor *cursor);

// Skips blanks; the byte there, 0 at the end (a NUL byte in the payload is no token either).
static inline uint8_t cursor_peek(struct cursor *cursor) {
    if (cursor->at<cursor->end && * cursor->at> ' ') {
        return *cursor->at;
    }
    return cursor_peek_blank(cursor);
}

// Skips blanks and takes one expected byte.
static inline bool cursor_take(struct cursor *cursor, uint8_t byte) {
    if (cursor_peek(cursor) != byte || cursor->at == cursor->end) {
        return cursor_fail_token(cursor);
    }
    cursor->at++;
    return true;
}

// After an element: true with *out_more set by ',' or the closing byte.
static inline bool cursor_next(struct cursor *cursor, uint8_t close, bool *out_more) {
    uint8_t byte = cursor_peek(cursor);
    if (byte != ',' && byte != close) {
        return cursor_fail_token(cursor);
    }
    cursor->at++;
    *out_more = byte == ',';
    return true;
}

// "true", "false", "null".
bool cursor_word(struct cursor *cursor, const char *word);
// Key and colon; *out_key is decoded.
bool json_key(struct cursor *cursor, struct slice *out_key);
bool json_string(struct cursor *cursor, struct slice *out_text);
bool json_number(struct cursor *cursor, struct number *out_number);
// Checks any value and throws it away.
bool json_skip(struct cursor *cursor, uint32_t depth);
bool key_set_add(struct key_set *set, struct cursor *cursor, struct slice key, const uint8_t *at);

// Correctly rounded; false if it is beyond a double.
bool number_double(const struct number *number, double *out_value);
// Milliseconds; false if outside 1970 to 2100.
bool number_time(const struct number *number, enum feed_time_unit unit, int64_t *out_ms);

#endif
