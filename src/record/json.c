#include "davy/record/export.h"

#include "davy/base/text.h"

#include <inttypes.h>

#define EXACT_MAX (UINT64_C(1) << 53) // what every reader of JSON numbers keeps exactly

static void put_unit(struct buf *out, uint32_t unit) {
    buf_printf(out, "\\u%04x", (unsigned)unit);
}

static void put_escaped(struct buf *out, uint32_t code_point) {
    if (code_point < 0x10000) {
        put_unit(out, code_point);
        return;
    }
    uint32_t rest = code_point - 0x10000;
    put_unit(out, 0xD800 + (rest >> 10));
    put_unit(out, 0xDC00 + (rest & 0x3FF));
}

static void put_character(struct buf *out, uint32_t code_point) {
    if (code_point == '"' || code_point == '\\') {
        buf_put_u8(out, '\\');
        buf_put_u8(out, (uint8_t)code_point);
    } else if (code_point == '\n') {
        buf_put(out, "\\n", 2);
    } else if (text_is_unsafe(code_point)) {
        put_escaped(out, code_point);
    } else {
        char utf8[4];
        size_t len = text_put(code_point, utf8);
        buf_put(out, utf8, len);
    }
}

void json_put_text(struct buf *out, struct slice text) {
    buf_put_u8(out, '"');
    const char *at = text.len > 0 ? (const char *)text.data : "";
    const char *end = at + text.len;
    while (at < end) {
        put_character(out, text_next(&at, end));
    }
    buf_put_u8(out, '"');
}

void json_put_uint(struct buf *out, uint64_t value) {
    buf_printf(out, value > EXACT_MAX ? "\"%" PRIu64 "\"" : "%" PRIu64, value);
}

void json_put_int(struct buf *out, int64_t value) {
    bool exact = value <= (int64_t)EXACT_MAX && value >= -(int64_t)EXACT_MAX;
    buf_printf(out, exact ? "%" PRId64 : "\"%" PRId64 "\"", value);
}

void json_put_base64(struct buf *out, struct slice bytes) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    buf_put_u8(out, '"');
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t have = bytes.len - i < 3 ? bytes.len - i : 3;
        uint32_t group = 0;
        for (size_t k = 0; k < 3; k++) {
            group = group << 8 | (k < have ? bytes.data[i + k] : 0u);
        }
        char quad[4];
        for (size_t k = 0; k < 4; k++) {
            quad[k] = k <= have ? digits[group >> (18 - 6 * k) & 63] : '=';
        }
        buf_put(out, quad, sizeof(quad));
    }
    buf_put_u8(out, '"');
}

void buf_put_hex(struct buf *out, const void *data, size_t len) {
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i++) {
        buf_put_u8(out, (uint8_t)digits[bytes[i] >> 4]);
        buf_put_u8(out, (uint8_t)digits[bytes[i] & 15]);
    }
}
