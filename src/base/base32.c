#include "davy/base/base32.h"

#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

void base32_put(struct slice bytes, struct buf *out) {
    uint32_t bits = 0;
    int held = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        bits = bits << 8 | bytes.data[i];
        held += 8;
        while (held >= 5) {
            held -= 5;
            buf_put_u8(out, (uint8_t)letters[bits >> held & 31]);
        }
    }
    if (held > 0) {
        buf_put_u8(out, (uint8_t)letters[bits << (5 - held) & 31]);
    }
}

enum rc base32_get(const char *text, struct buf *out) {
    uint32_t bits = 0;
    int held = 0;
    for (; *text; text++) {
        if (strchr(" \t\r\n", *text)) {
            continue;
        }
        const char *at = strchr(letters, *text);
        if (!at) {
            return RC_INVALID;
        }
        bits = (bits << 5 | (uint32_t)(at - letters)) & 0xFFFu;
        held += 5;
        if (held >= 8) {
            held -= 8;
            buf_put_u8(out, (uint8_t)(bits >> held));
        }
    }
    // What is left over must be the zero bits of the last letter.
    bool clean = held < 5 && (bits & ((1u << held) - 1)) == 0;
    return clean ? buf_rc(out) : RC_INVALID;
}
