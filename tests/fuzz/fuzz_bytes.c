// Any bytes read as a script of reader calls: nothing is read past the end, a failure is sticky,
// and what was read encodes to the same bytes again.
#include "davy/base/bytes.h"
#include "davy/base/ensure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define FIELDS_MAX 64

// Reads one field of the kind that `step` names and puts it again.
static void copy_field(struct reader *reader, struct buf *buf, uint8_t step) {
    uint8_t fixed[3];
    struct slice slice;
    switch (step % 9) {
    case 0:
        buf_put_u8(buf, reader_u8(reader));
        break;
    case 1:
        buf_put_u16(buf, reader_u16(reader));
        break;
    case 2:
        buf_put_u32(buf, reader_u32(reader));
        break;
    case 3:
        buf_put_u64(buf, reader_u64(reader));
        break;
    case 4:
        buf_put_varint(buf, reader_varint(reader));
        break;
    case 5:
        buf_put_signed(buf, reader_signed(reader));
        break;
    case 6:
        slice = reader_bytes(reader, 40);
        buf_put_bytes(buf, slice.data, slice.len);
        break;
    case 7:
        reader_copy(reader, fixed, sizeof(fixed));
        buf_put(buf, fixed, sizeof(fixed));
        break;
    default:
        slice = reader_take(reader, step / 9);
        buf_put(buf, slice.data, slice.len);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    size_t steps = len < FIELDS_MAX ? len / 2 : FIELDS_MAX;
    struct slice rest = slice_of(data + steps, len - steps);
    struct reader reader = reader_of(rest);
    struct buf buf;
    buf_init(&buf, len + 16 * FIELDS_MAX);
    for (size_t i = 0; i < steps; i++) {
        size_t left = reader_left(&reader);
        size_t sure = buf.len;
        copy_field(&reader, &buf, data[i]);
        if (reader.rc != RC_OK) {
            ENSURE(reader_left(&reader) == 0 && reader_done(&reader) == reader.rc);
            break;
        }
        ENSURE(buf.len - sure == left - reader_left(&reader));
        ENSURE(slice_equal(buf_slice(&buf), slice_of(rest.data, buf.len)));
    }
    ENSURE(buf_rc(&buf) == RC_OK);
    buf_fini(&buf);
    return 0;
}
