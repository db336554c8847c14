// Byte slices, a growing output buffer with a hard maximum, and a bounded reader.
//
// All integers are little-endian; varints are LEB128, at most 10 bytes, minimal form only (a longer
// form of the same number is RC_INVALID, so that every value has one encoding). A buffer owns its
// memory; a slice and a reader borrow it. Once a put fails the buffer stays failed (sticky): check
// buf_rc once at the end.
#ifndef DAVY_BASE_BYTES_H
#define DAVY_BASE_BYTES_H

#include "davy/base/rc.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
    const uint8_t *data;
    size_t len;
};

struct buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t max; // never grows beyond
    enum rc rc; // first failure, sticky
};

void buf_init(struct buf *buf, size_t max);
void buf_fini(struct buf *buf);
// Forgets the content, keeps the memory, clears the sticky failure.
void buf_reset(struct buf *buf);
DAVY_MUST_USE enum rc buf_rc(const struct buf *buf);
struct slice buf_slice(const struct buf *buf);
void buf_put(struct buf *buf, const void *data, size_t len);
void buf_put_u8(struct buf *buf, uint8_t value);
void buf_put_u16(struct buf *buf, uint16_t value);
void buf_put_u32(struct buf *buf, uint32_t value);
void buf_put_u64(struct buf *buf, uint64_t value);
void buf_put_varint(struct buf *buf, uint64_t value);
// Zigzag, then varint.
void buf_put_signed(struct buf *buf, int64_t value);
// Varint length, then the bytes.
void buf_put_bytes(struct buf *buf, const void *data, size_t len);
void buf_put_text(struct buf *buf, const char *text);
void buf_printf(struct buf *buf, const char *format, ...) DAVY_PRINTF(2, 3);
// Appends a NUL without counting it and returns the text ("" if the buffer failed).
const char *buf_cstr(struct buf *buf);

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    enum rc rc; // first failure, sticky; every get returns zero after it
};

struct reader reader_of(struct slice slice);
size_t reader_left(const struct reader *reader);
uint8_t reader_u8(struct reader *reader);
uint16_t reader_u16(struct reader *reader);
uint32_t reader_u32(struct reader *reader);
uint64_t reader_u64(struct reader *reader);
uint64_t reader_varint(struct reader *reader);
int64_t reader_signed(struct reader *reader);
// Varint length, then that many bytes, borrowed. RC_TOO_LARGE above max.
struct slice reader_bytes(struct reader *reader, size_t max);
// Exactly len bytes copied into out (zeroed on failure).
void reader_copy(struct reader *reader, void *out, size_t len);
// Exactly len bytes, borrowed.
struct slice reader_take(struct reader *reader, size_t len);
void reader_fail(struct reader *reader, enum rc rc);
// RC_OK only if nothing failed and nothing is left over.
DAVY_MUST_USE enum rc reader_done(const struct reader *reader);

bool slice_equal(struct slice a, struct slice b);
struct slice slice_of(const void *data, size_t len);
struct slice slice_text(const char *text);

#endif
