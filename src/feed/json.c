#include "feed_priv.h"

#include "davy/base/text.h"
#include <string.h>

bool cursor_fail(struct cursor *cursor, enum feed_fault fault, const uint8_t *at) {
    if (cursor->error.fault == FEED_OK) {
        cursor->error.fault = fault;
        cursor->error.position = (uint32_t)(at - cursor->start);
    }
    return false;
}

bool cursor_fail_token(struct cursor *cursor) {
    if (cursor->at == cursor->end) {
        return cursor_fail(cursor, FEED_FAULT_END, cursor->at);
    }
    return cursor_fail(cursor, *cursor->at == 0 ? FEED_FAULT_NUL : FEED_FAULT_SYNTAX, cursor->at);
}

uint8_t cursor_peek_blank(struct cursor *cursor) {
    while (cursor->at < cursor->end) {
        uint8_t byte = *cursor->at;
        if (byte != ' ' && byte != '\t' && byte != '\n' && byte != '\r') {
            return byte;
        }
        cursor->at++;
    }
    return 0;
}

bool cursor_word(struct cursor *cursor, const char *word) {
    size_t len = strlen(word);
    if ((size_t)(cursor->end - cursor->at) < len) {
        return cursor_fail(cursor, FEED_FAULT_END, cursor->end);
    }
    if (memcmp(cursor->at, word, len) != 0) {
        return cursor_fail(cursor, FEED_FAULT_SYNTAX, cursor->at);
    }
    cursor->at += len;
    return true;
}

static bool hex4(struct cursor *cursor, const uint8_t *at, uint32_t *out_unit) {
    if (cursor->end - at < 4) {
        return cursor_fail(cursor, FEED_FAULT_END, cursor->end);
    }
    uint32_t unit = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t byte = at[i];
        uint32_t digit = 16;
        if (byte >= '0' && byte <= '9') {
            digit = (uint32_t)(byte - '0');
        } else if ((byte | 0x20) >= 'a' && (byte | 0x20) <= 'f') {
            digit = (uint32_t)((byte | 0x20) - 'a' + 10);
        }
        if (digit == 16) {
            return cursor_fail(cursor, FEED_FAULT_STRING, at + i);
        }
        unit = unit * 16 + digit;
    }
    *out_unit = unit;
    return true;
}

// cursor->at stands behind "\u"; a surrogate needs its other half.
static bool unicode_escape(struct cursor *cursor, uint32_t *out_code_point) {
    uint32_t unit = 0;
    if (!hex4(cursor, cursor->at, &unit)) {
        return false;
    }
    if (unit == 0) {
        return cursor_fail(cursor, FEED_FAULT_NUL, cursor->at);
    }
    cursor->at += 4;
    if (unit < 0xD800 || unit > 0xDFFF) {
        *out_code_point = unit;
        return true;
    }
    uint32_t low = 0;
    if (unit > 0xDBFF || cursor->end - cursor->at < 2 || cursor->at[0] != '\\' ||
        cursor->at[1] != 'u') {
        return cursor_fail(cursor, FEED_FAULT_UTF8, cursor->at);
    }
    if (!hex4(cursor, cursor->at + 2, &low)) {
        return false;
    }
    if (low < 0xDC00 || low > 0xDFFF) {
        return cursor_fail(cursor, FEED_FAULT_UTF8, cursor->at);
    }
    cursor->at += 6;
    *out_code_point = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    return true;
}

static bool escape(struct cursor *cursor, uint8_t *to, size_t *inout_len) {
    static const char from[] = "\"\\/bfnrt";
    static const char into[] = "\"\\/\b\f\n\r\t";
    cursor->at++;
    if (cursor->at == cursor->end) {
        return cursor_fail(cursor, FEED_FAULT_END, cursor->at);
    }
    uint8_t byte = *cursor->at++;
    if (byte == 'u') {
        uint32_t code_point = 0;
        if (!unicode_escape(cursor, &code_point)) {
            return false;
        }
        char utf8[4];
        size_t len = text_put(code_point, utf8);
        memcpy(to + *inout_len, utf8, len);
        *inout_len += len;
        return true;
    }
    const char *found = byte == 0 ? NULL : strchr(from, byte);
    if (found == NULL) {
        return cursor_fail(cursor, FEED_FAULT_STRING, cursor->at - 1);
    }
    to[(*inout_len)++] = (uint8_t)into[found - from];
    return true;
}

// Bytes that end a plain run: quote, backslash and controls.
static bool is_special(uint8_t byte) {
    return byte < 0x20 || byte == '"' || byte == '\\';
}

#define PLAIN_8(from)                                                                              \
    PLAIN(from), PLAIN((from) + 1), PLAIN((from) + 2), PLAIN((from) + 3), PLAIN((from) + 4),       \
        PLAIN((from) + 5), PLAIN((from) + 6), PLAIN((from) + 7)
#define PLAIN(byte) ((byte) >= 0x20 && (byte) < 0x80 && (byte) != '"' && (byte) != '\\')
// ASCII that stands for itself.
static const bool plain[256] = {
    PLAIN_8(0x00), PLAIN_8(0x08), PLAIN_8(0x10), PLAIN_8(0x18), PLAIN_8(0x20), PLAIN_8(0x28),
    PLAIN_8(0x30), PLAIN_8(0x38), PLAIN_8(0x40), PLAIN_8(0x48), PLAIN_8(0x50), PLAIN_8(0x58),
    PLAIN_8(0x60), PLAIN_8(0x68), PLAIN_8(0x70), PLAIN_8(0x78),
};

// The rest of a string that holds an escape, decoded into the text memory; `from` is its first
// byte.
static bool string_decode(struct cursor *cursor, const uint8_t *from, struct slice *out_text) {
    uint8_t *to = cursor->text + cursor->text_used;
    size_t len = (size_t)(cursor->at - from);
    memcpy(to, from, len);
    while (cursor->at < cursor->end) {
        uint8_t byte = *cursor->at;
        if (byte == '"') {
            cursor->at++;
            *out_text = slice_of(to, len);
            cursor->text_used += len;
            return true;
        }
        if (byte < 0x20) {
            return cursor_fail(cursor, byte == 0 ? FEED_FAULT_NUL : FEED_FAULT_STRING, cursor->at);
        }
        if (byte != '\\') {
            to[len++] = byte;
            cursor->at++;
        } else if (!escape(cursor, to, &len)) {
            return false;
        }
    }
    return cursor_fail(cursor, FEED_FAULT_END, cursor->at);
}

bool json_string(struct cursor *cursor, struct slice *out_text) {
    if (!cursor_take(cursor, '"')) {
        return false;
    }
    const uint8_t *from = cursor->at;
    const uint8_t *at = from;
    uint8_t high = 0;
    while (at < cursor->end && plain[*at]) {
        at++;
    }
    while (at < cursor->end && !is_special(*at)) {
        high |= *at++;
    }
    cursor->at = at;
    struct slice text = {from, (size_t)(at - from)};
    if (at < cursor->end && *at == '"') {
        cursor->at++;
    } else {
        high = 0x80;
        if (!string_decode(cursor, from, &text)) {
            return false;
        }
    }
    if ((high & 0x80) != 0 && !text_is_valid(text)) {
        return cursor_fail(cursor, FEED_FAULT_UTF8, from);
    }
    *out_text = text;
    return true;
}

bool json_key(struct cursor *cursor, struct slice *out_key) {
    return json_string(cursor, out_key) && cursor_take(cursor, ':');
}

bool key_set_add(struct key_set *set, struct cursor *cursor, struct slice key, const uint8_t *at) {
    for (uint32_t i = 0; i < set->count; i++) {
        if (slice_equal(set->keys[i], key)) {
            return cursor_fail(cursor, FEED_FAULT_DUPLICATE, at);
        }
    }
    if (set->count == FEED_UNKNOWN_KEYS) {
        return cursor_fail(cursor, FEED_FAULT_KEYS, at);
    }
    set->keys[set->count++] = key;
    return true;
}

static bool skip_array(struct cursor *cursor, uint32_t depth) {
    cursor->at++;
    if (cursor_peek(cursor) == ']') {
        cursor->at++;
        return true;
    }
    bool more = true;
    while (more) {
        if (!json_skip(cursor, depth + 1) || !cursor_next(cursor, ']', &more)) {
            return false;
        }
    }
    return true;
}

static bool skip_object(struct cursor *cursor, uint32_t depth) {
    struct key_set set;
    set.count = 0;
    cursor->at++;
    if (cursor_peek(cursor) == '}') {
        cursor->at++;
        return true;
    }
    bool more = true;
    while (more) {
        struct slice key;
        cursor_peek(cursor);
        const uint8_t *at = cursor->at;
        if (!json_key(cursor, &key) || !key_set_add(&set, cursor, key, at) ||
            !json_skip(cursor, depth + 1) || !cursor_next(cursor, '}', &more)) {
            return false;
        }
    }
    return true;
}

bool json_skip(struct cursor *cursor, uint32_t depth) {
    struct slice text;
    struct number number;
    double value = 0;
    uint8_t byte = cursor_peek(cursor);
    if ((byte == '[' || byte == '{') && depth > LIMIT_JSON_DEPTH) {
        return cursor_fail(cursor, FEED_FAULT_DEPTH, cursor->at);
    }
    switch (byte) {
    case '[':
        return skip_array(cursor, depth);
    case '{':
        return skip_object(cursor, depth);
    case '"':
        return json_string(cursor, &text);
    case 't':
        return cursor_word(cursor, "true");
    case 'f':
        return cursor_word(cursor, "false");
    case 'n':
        return cursor_word(cursor, "null");
    default:
        break;
    }
    const uint8_t *at = cursor->at;
    if (!json_number(cursor, &number)) {
        return false;
    }
    // At most 64 digits: with a small exponent the number is within a double's range.
    return number.exponent < 200 || number_double(&number, &value) ||
           cursor_fail(cursor, FEED_FAULT_RANGE, at);
}
