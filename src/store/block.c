#include "davy/store/block.h"

#include "davy/base/ensure.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define BLOCK_VERSION 1
#define FLAG_PACKED 1u // columns are a zstd frame
#define FLAG_XOR 2u    // values are shuffled XOR, not scaled integers
#define FLAGS_KNOWN (FLAG_PACKED | FLAG_XOR)

#define COLUMNS_BYTES_MAX (LIMIT_HISTORY_BLOCK_READINGS * 24)
#define PACKED_BYTES_MAX (COLUMNS_BYTES_MAX + COLUMNS_BYTES_MAX / 128 + 512)
#define PACK_BYTES_MIN 64 // below, a frame only costs
#define PACK_LEVEL 1      // 3 and 9 gain less than 3 %
#define SCALE_MAX 9
#define SCALED_MAX 9007199254740992.0 // 2^53: integers below are exact doubles
#define QUALITY_CLASSES 3

static const double powers[SCALE_MAX + 1] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};

struct block_codec {
    ZSTD_CCtx *pack;
    ZSTD_DCtx *unpack;
    int64_t scaled[LIMIT_HISTORY_BLOCK_READINGS];
    uint8_t columns[COLUMNS_BYTES_MAX];
    uint8_t packed[PACKED_BYTES_MAX];
};

enum rc block_codec_new(struct block_codec **out_codec) {
    struct block_codec *codec = calloc(1, sizeof *codec);
    if (codec == NULL) {
        return RC_NO_MEMORY;
    }
    codec->pack = ZSTD_createCCtx();
    codec->unpack = ZSTD_createDCtx();
    if (codec->pack == NULL || codec->unpack == NULL) {
        block_codec_free(codec);
        return RC_NO_MEMORY;
    }
    *out_codec = codec;
    return RC_OK;
}

void block_codec_free(struct block_codec *codec) {
    if (codec != NULL) {
        ZSTD_freeCCtx(codec->pack);
        ZSTD_freeDCtx(codec->unpack);
        free(codec);
    }
}

static uint64_t bits_of(double value) {
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

// ---- encode -------------------------------------------------------------------------------------

// The integer m with m / 10^scale == value bit by bit; false if there is none.
static bool scale_value(double value, uint32_t scale, int64_t *out_scaled) {
    double scaled = value * powers[scale];
    if (!(fabs(scaled) < SCALED_MAX)) {
        return false;
    }
    int64_t rounded = (int64_t)(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    *out_scaled = rounded;
    return bits_of((double)rounded / powers[scale]) == bits_of(value);
}

// The smallest scale at which every value is exact. A value that is exact at one scale is exact at
// all larger ones while the integer fits, so that one pass finds the candidate.
static bool find_scale(struct block_codec *codec, const struct block_columns *columns,
                       uint32_t *out_scale) {
    uint32_t scale = 0;
    int64_t scaled = 0;
    for (uint32_t i = 0; i < columns->count; i++) {
        while (!scale_value(columns->values[i], scale, &scaled)) {
            if (++scale > SCALE_MAX) {
                return false;
            }
        }
    }
    for (uint32_t i = 0; i < columns->count; i++) {
        if (!scale_value(columns->values[i], scale, &codec->scaled[i])) {
            return false;
        }
    }
    *out_scale = scale;
    return true;
}

static void put_times(const struct block_columns *columns, struct buf *out) {
    uint64_t last = 0;
    uint64_t last_delta = 0;
    for (uint32_t i = 0; i < columns->count; i++) {
        uint64_t delta = (uint64_t)columns->times[i] - last;
        buf_put_signed(out, (int64_t)(i < 2 ? delta : delta - last_delta));
        last = (uint64_t)columns->times[i];
        last_delta = delta;
    }
}

static void put_scaled(const struct block_codec *codec, uint32_t count, uint32_t scale,
                       struct buf *out) {
    int64_t last = 0;
    buf_put_u8(out, (uint8_t)scale);
    for (uint32_t i = 0; i < count; i++) {
        buf_put_signed(out, codec->scaled[i] - last);
        last = codec->scaled[i];
    }
}

// All lowest bytes, then all second bytes, …: the high bytes of neighbours are mostly zero.
static void put_xor(const struct block_columns *columns, struct buf *out) {
    for (uint32_t plane = 0; plane < 8; plane++) {
        uint64_t last = 0;
        for (uint32_t i = 0; i < columns->count; i++) {
            uint64_t bits = bits_of(columns->values[i]);
            buf_put_u8(out, (uint8_t)((bits ^ last) >> (8 * plane)));
            last = bits;
        }
    }
}

static void put_qualities(const struct block_columns *columns, struct buf *out) {
    uint32_t i = 0;
    while (i < columns->count) {
        uint32_t from = i;
        while (i < columns->count && columns->qualities[i] == columns->qualities[from]) {
            i++;
        }
        buf_put_u8(out, columns->qualities[from]);
        buf_put_varint(out, i - from);
    }
}

static enum rc columns_check(const struct block_columns *columns) {
    if (columns->count == 0) {
        return RC_INVALID;
    }
    if (columns->count > LIMIT_HISTORY_BLOCK_READINGS) {
        return RC_TOO_LARGE;
    }
    for (uint32_t i = 0; i < columns->count; i++) {
        if (!isfinite(columns->values[i]) ||
            (columns->qualities[i] & BLOCK_QUALITY_MASK) >= QUALITY_CLASSES) {
            return RC_INVALID;
        }
    }
    return RC_OK;
}

static void put_block(struct block_codec *codec, uint8_t flags, uint32_t count,
                      const struct buf *plain, struct buf *out) {
    const uint8_t *body = plain->data;
    size_t body_len = plain->len;
    if (plain->len >= PACK_BYTES_MIN) {
        size_t packed_len = ZSTD_compressCCtx(codec->pack, codec->packed, sizeof codec->packed,
                                              plain->data, plain->len, PACK_LEVEL);
        if (!ZSTD_isError(packed_len) && packed_len < plain->len) {
            flags |= FLAG_PACKED;
            body = codec->packed;
            body_len = packed_len;
        }
    }
    buf_put_u8(out, BLOCK_VERSION);
    buf_put_u8(out, flags);
    buf_put_varint(out, count);
    buf_put_varint(out, plain->len);
    buf_put(out, body, body_len);
}

enum rc block_encode(struct block_codec *codec, const struct block_columns *columns,
                     struct buf *out, struct block_summary *out_summary) {
    uint32_t scale = 0;
    enum rc rc = columns_check(columns);
    if (rc != RC_OK) {
        return rc;
    }
    struct buf plain;
    buf_init(&plain, COLUMNS_BYTES_MAX);
    bool is_scaled = find_scale(codec, columns, &scale);
    put_times(columns, &plain);
    if (is_scaled) {
        put_scaled(codec, columns->count, scale, &plain);
    } else {
        put_xor(columns, &plain);
    }
    put_qualities(columns, &plain);
    rc = buf_rc(&plain);
    if (rc == RC_OK) {
        put_block(codec, is_scaled ? 0 : FLAG_XOR, columns->count, &plain, out);
        rc = buf_rc(out);
    }
    buf_fini(&plain);
    if (rc == RC_OK) {
        block_summarise(columns, out_summary);
    }
    return rc;
}

// ---- decode -------------------------------------------------------------------------------------

static void get_times(struct reader *reader, int64_t *out_times, uint32_t count) {
    uint64_t last = 0;
    uint64_t last_delta = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t delta = (uint64_t)reader_signed(reader) + (i < 2 ? 0 : last_delta);
        last += delta;
        last_delta = delta;
        out_times[i] = (int64_t)last;
    }
}

static void get_scaled(struct reader *reader, double *out_values, uint32_t count) {
    uint8_t scale = reader_u8(reader);
    int64_t last = 0;
    if (scale > SCALE_MAX) {
        reader_fail(reader, RC_CORRUPT);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        int64_t delta = reader_signed(reader);
        if (!(fabs((double)delta) < 2 * SCALED_MAX) ||
            !(fabs((double)(last + delta)) < SCALED_MAX)) {
            reader_fail(reader, RC_CORRUPT);
            return;
        }
        last += delta;
        out_values[i] = (double)last / powers[scale];
    }
}

static void get_xor(struct reader *reader, double *out_values, uint32_t count) {
    struct slice planes = reader_take(reader, (size_t)count * 8);
    uint64_t last = 0;
    for (uint32_t i = 0; i < count && reader->rc == RC_OK; i++) {
        uint64_t bits = 0;
        for (uint32_t plane = 0; plane < 8; plane++) {
            bits |= (uint64_t)planes.data[plane * count + i] << (8 * plane);
        }
        last ^= bits;
        memcpy(&out_values[i], &last, sizeof last);
        if (!isfinite(out_values[i])) {
            reader_fail(reader, RC_CORRUPT);
        }
    }
}

static void get_qualities(struct reader *reader, uint8_t *out_qualities, uint32_t count) {
    uint32_t at = 0;
    int before = -1;
    while (at < count && reader->rc == RC_OK) {
        uint8_t quality = reader_u8(reader);
        uint64_t run = reader_varint(reader);
        if (run == 0 || run > count - at || quality == before ||
            (quality & BLOCK_QUALITY_MASK) >= QUALITY_CLASSES) {
            reader_fail(reader, RC_CORRUPT);
            return;
        }
        memset(out_qualities + at, quality, (size_t)run);
        at += (uint32_t)run;
        before = quality;
    }
}

// The columns of a block, inflated into the codec's memory if they are packed.
static enum rc body_of(struct block_codec *codec, uint8_t flags, size_t plain_len,
                       struct slice body, struct slice *out_plain) {
    if ((flags & FLAG_PACKED) == 0) {
        *out_plain = body;
        return body.len == plain_len ? RC_OK : RC_CORRUPT;
    }
    size_t len = ZSTD_decompressDCtx(codec->unpack, codec->columns, plain_len, body.data, body.len);
    *out_plain = slice_of(codec->columns, plain_len);
    return !ZSTD_isError(len) && len == plain_len ? RC_OK : RC_CORRUPT;
}

enum rc block_decode(struct block_codec *codec, struct slice block, int64_t *out_times,
                     double *out_values, uint8_t *out_qualities, uint32_t cap,
                     uint32_t *out_count) {
    struct reader head = reader_of(block);
    uint8_t version = reader_u8(&head);
    uint8_t flags = reader_u8(&head);
    uint64_t count = reader_varint(&head);
    uint64_t plain_len = reader_varint(&head);
    if (head.rc != RC_OK || count == 0 || count > LIMIT_HISTORY_BLOCK_READINGS ||
        plain_len > COLUMNS_BYTES_MAX || flags > FLAGS_KNOWN) {
        return RC_CORRUPT;
    }
    if (version != BLOCK_VERSION) {
        return RC_UNSUPPORTED;
    }
    if (count > cap) {
        return RC_TOO_LARGE;
    }
    struct slice body = reader_take(&head, reader_left(&head));
    struct slice plain;
    enum rc rc = body_of(codec, flags, (size_t)plain_len, body, &plain);
    if (rc != RC_OK) {
        return rc;
    }
    struct reader reader = reader_of(plain);
    get_times(&reader, out_times, (uint32_t)count);
    if ((flags & FLAG_XOR) != 0) {
        get_xor(&reader, out_values, (uint32_t)count);
    } else {
        get_scaled(&reader, out_values, (uint32_t)count);
    }
    get_qualities(&reader, out_qualities, (uint32_t)count);
    if (reader_done(&reader) != RC_OK) {
        return RC_CORRUPT;
    }
    *out_count = (uint32_t)count;
    return RC_OK;
}

// ---- summary ------------------------------------------------------------------------------------

void block_summarise(const struct block_columns *columns, struct block_summary *out_summary) {
    struct block_summary summary = {.count = columns->count};
    ENSURE(columns->count > 0);
    summary.first_ms = columns->times[0];
    summary.last_ms = columns->times[0];
    for (uint32_t i = 0; i < columns->count; i++) {
        double value = columns->values[i];
        if (columns->times[i] < summary.first_ms) {
            summary.first_ms = columns->times[i];
        }
        if (columns->times[i] >= summary.last_ms) {
            summary.last_ms = columns->times[i];
            summary.last = value;
            summary.last_quality = columns->qualities[i];
        }
        if ((columns->qualities[i] & BLOCK_QUALITY_MASK) == BLOCK_BAD) {
            continue;
        }
        bool is_first = summary.usable_count++ == 0;
        summary.min = is_first || value < summary.min ? value : summary.min;
        summary.max = is_first || value > summary.max ? value : summary.max;
    }
    *out_summary = summary;
}
