#include "davy/base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_CAP_FIRST 64
#define VARINT_BYTES_MAX 10

void buf_init(struct buf *buf, size_t max) {
    // One byte of address space stays free for the NUL of buf_cstr().
    *buf = (struct buf){.max = max < SIZE_MAX / 2 ? max : SIZE_MAX / 2};
}

void buf_fini(struct buf *buf) {
    if (buf != NULL) {
        free(buf->data);
        *buf = (struct buf){0};
    }
}

void buf_reset(struct buf *buf) {
    buf->len = 0;
    buf->rc = RC_OK;
}

enum rc buf_rc(const struct buf *buf) {
    return buf->rc;
}

struct slice buf_slice(const struct buf *buf) {
    return (struct slice){buf->data, buf->len};
}

// Makes room for `need` bytes in all; `need` may be one more than the maximum (a final NUL).
static bool buf_grow(struct buf *buf, size_t need) {
    if (need <= buf->cap) {
        return true;
    }
    size_t cap = buf->cap < BUF_CAP_FIRST ? BUF_CAP_FIRST : buf->cap * 2;
    cap = cap < need ? need : cap;
    cap = cap > buf->max + 1 ? buf->max + 1 : cap;
    uint8_t *data = realloc(buf->data, cap);
    if (data == NULL) {
        buf->rc = RC_NO_MEMORY;
        return false;
    }
    buf->data = data;
    buf->cap = cap;
    return true;
}

// The place for `len` more bytes, counted already; NULL if the buffer has failed.
static uint8_t *buf_extend(struct buf *buf, size_t len) {
    if (buf->rc != RC_OK) {
        return NULL;
    }
    if (len > buf->max - buf->len) {
        buf->rc = RC_TOO_LARGE;
        return NULL;
    }
    if (!buf_grow(buf, buf->len + len)) {
        return NULL;
    }
    uint8_t *at = buf->data + buf->len;
    buf->len += len;
    return at;
}

void buf_put(struct buf *buf, const void *data, size_t len) {
    if (len == 0) {
        return;
    }
    uint8_t *at = buf_extend(buf, len);
    if (at != NULL) {
        memcpy(at, data, len);
    }
}

static void buf_put_le(struct buf *buf, uint64_t value, size_t bytes) {
    uint8_t *at = buf_extend(buf, bytes);
    for (size_t i = 0; at != NULL && i < bytes; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
}

void buf_put_u8(struct buf *buf, uint8_t value) {
    buf_put_le(buf, value, 1);
}

void buf_put_u16(struct buf *buf, uint16_t value) {
    buf_put_le(buf, value, 2);
}

void buf_put_u32(struct buf *buf, uint32_t value) {
    buf_put_le(buf, value, 4);
}

void buf_put_u64(struct buf *buf, uint64_t value) {
    buf_put_le(buf, value, 8);
}

void buf_put_varint(struct buf *buf, uint64_t value) {
    uint8_t bytes[VARINT_BYTES_MAX];
    size_t len = 0;
    while (value >= 0x80) {
        bytes[len++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    bytes[len++] = (uint8_t)value;
    buf_put(buf, bytes, len);
}

void buf_put_signed(struct buf *buf, int64_t value) {
    uint64_t zigzag = (uint64_t)value << 1;
    buf_put_varint(buf, value < 0 ? ~zigzag : zigzag);
}

void buf_put_bytes(struct buf *buf, const void *data, size_t len) {
    buf_put_varint(buf, len);
    buf_put(buf, data, len);
}

void buf_put_text(struct buf *buf, const char *text) {
    buf_put_bytes(buf, text, strlen(text));
}

void buf_printf(struct buf *buf, const char *format, ...) {
    if (buf->rc != RC_OK) {
        return;
    }
    va_list args;
    va_start(args, format);
    int need = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (need < 0) {
        buf->rc = RC_INVALID;
        return;
    }
    size_t len = (size_t)need;
    if (len > buf->max - buf->len) {
        buf->rc = RC_TOO_LARGE;
        return;
    }
    // vsnprintf() writes a NUL behind the text.
    if (!buf_grow(buf, buf->len + len + 1)) {
        return;
    }
    va_start(args, format);
    vsnprintf((char *)buf->data + buf->len, len + 1, format, args);
    va_end(args);
    buf->len += len;
}

const char *buf_cstr(struct buf *buf) {
    if (buf->rc != RC_OK || !buf_grow(buf, buf->len + 1)) {
        return "";
    }
    buf->data[buf->len] = 0;
    return (const char *)buf->data;
}

struct reader reader_of(struct slice slice) {
    const uint8_t *end = slice.len == 0 ? slice.data : slice.data + slice.len;
    return (struct reader){.at = slice.data, .end = end};
}

size_t reader_left(const struct reader *reader) {
    return (size_t)(reader->end - reader->at);
}

void reader_fail(struct reader *reader, enum rc rc) {
    if (reader->rc == RC_OK) {
        reader->rc = rc;
    }
    // Nothing is left after a failure, so that a loop over what is left ends.
    reader->at = reader->end;
}

// The next `len` bytes, or NULL after a failure.
static const uint8_t *reader_next(struct reader *reader, size_t len) {
    if (reader->rc != RC_OK) {
        return NULL;
    }
    if (len > reader_left(reader)) {
        reader_fail(reader, RC_TRUNCATED);
        return NULL;
    }
    const uint8_t *at = reader->at;
    reader->at = len == 0 ? at : at + len;
    return at;
}

static uint64_t reader_le(struct reader *reader, size_t bytes) {
    const uint8_t *at = reader_next(reader, bytes);
    uint64_t value = 0;
    for (size_t i = 0; at != NULL && i < bytes; i++) {
        value |= (uint64_t)at[i] << (8 * i);
    }
    return value;
}

uint8_t reader_u8(struct reader *reader) {
    return (uint8_t)reader_le(reader, 1);
}

uint16_t reader_u16(struct reader *reader) {
    return (uint16_t)reader_le(reader, 2);
}

uint32_t reader_u32(struct reader *reader) {
    return (uint32_t)reader_le(reader, 4);
}

uint64_t reader_u64(struct reader *reader) {
    return reader_le(reader, 8);
}

uint64_t reader_varint(struct reader *reader) {
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_BYTES_MAX; i++) {
        const uint8_t *at = reader_next(reader, 1);
        if (at == NULL) {
            return 0;
        }
        bool last = (*at & 0x80) == 0;
        // A last byte of zero is a longer form of a shorter number; the tenth byte holds one bit.
        if ((i > 0 && *at == 0) || (i == VARINT_BYTES_MAX - 1 && *at > 1)) {
            break;
        }
        value |= (uint64_t)(*at & 0x7F) << (7 * i);
        if (last) {
            return value;
        }
    }
    reader_fail(reader, RC_INVALID);
    return 0;
}

int64_t reader_signed(struct reader *reader) {
    uint64_t zigzag = reader_varint(reader);
    uint64_t half = zigzag >> 1;
    return (zigzag & 1) != 0 ? -(int64_t)half - 1 : (int64_t)half;
}

struct slice reader_bytes(struct reader *reader, size_t max) {
    uint64_t len = reader_varint(reader);
    if (len > max) {
        reader_fail(reader, RC_TOO_LARGE);
        return (struct slice){0};
    }
    return reader_take(reader, (size_t)len);
}

void reader_copy(struct reader *reader, void *out, size_t len) {
    if (len == 0) {
        return;
    }
    const uint8_t *at = reader_next(reader, len);
    if (at != NULL) {
        memcpy(out, at, len);
    } else {
        memset(out, 0, len);
    }
}

struct slice reader_take(struct reader *reader, size_t len) {
    const uint8_t *at = reader_next(reader, len);
    return at == NULL ? (struct slice){0} : (struct slice){at, len};
}

enum rc reader_done(const struct reader *reader) {
    if (reader->rc != RC_OK) {
        return reader->rc;
    }
    return reader->at == reader->end ? RC_OK : RC_INVALID;
}

bool slice_equal(struct slice a, struct slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

struct slice slice_of(const void *data, size_t len) {
    return (struct slice){data, len};
}

struct slice slice_text(const char *text) {
    return (struct slice){(const uint8_t *)text, strlen(text)};
}
