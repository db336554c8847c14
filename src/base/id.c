#include "davy/base/id.h"

#include <string.h>

static const char hex_digits[] = "0123456789abcdef";

bool id16_is_zero(struct id16 id) {
    static const struct id16 zero;
    return id16_equal(id, zero);
}

bool id16_equal(struct id16 a, struct id16 b) {
    return memcmp(a.b, b.b, ID_BYTES) == 0;
}

int id16_compare(struct id16 a, struct id16 b) {
    return memcmp(a.b, b.b, ID_BYTES);
}

static void hex_write(const uint8_t *bytes, size_t len, char *out_hex) {
    for (size_t i = 0; i < len; i++) {
        out_hex[2 * i] = hex_digits[bytes[i] >> 4];
        out_hex[2 * i + 1] = hex_digits[bytes[i] & 0x0F];
    }
    out_hex[2 * len] = '\0';
}

void id16_hex(struct id16 id, char out_hex[static ID_HEX_BYTES]) {
    hex_write(id.b, ID_BYTES, out_hex);
}

void id16_short(struct id16 id, char out_hex[static ID_SHORT_BYTES]) {
    hex_write(id.b, (ID_SHORT_BYTES - 1) / 2, out_hex);
}

static int hex_value(char digit) {
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    if (digit >= 'A' && digit <= 'F') {
        return digit - 'A' + 10;
    }
    return -1;
}

enum rc id16_parse(const char *text, struct id16 *out_id) {
    if (strlen(text) != 2 * ID_BYTES) {
        return RC_INVALID;
    }
    struct id16 id;
    for (size_t i = 0; i < ID_BYTES; i++) {
        int high = hex_value(text[2 * i]);
        int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0) {
            return RC_INVALID;
        }
        id.b[i] = (uint8_t)(high * 16 + low);
    }
    *out_id = id;
    return RC_OK;
}

bool hash32_equal(const struct hash32 *a, const struct hash32 *b) {
    return memcmp(a->b, b->b, HASH_BYTES) == 0;
}

bool rid_equal(struct rid a, struct rid b) {
    return id16_equal(a.id, b.id);
}

bool rid_is_zero(struct rid rid) {
    return id16_is_zero(rid.id);
}

bool author_equal(struct author_id a, struct author_id b) {
    return id16_equal(a.id, b.id);
}
