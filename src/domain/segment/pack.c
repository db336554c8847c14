#include "davy/domain/segment/segment.h"

#include "davy/base/ensure.h"
#include "davy/base/text.h"

#include <string.h>

#define MANTISSA_END INT64_C(1000000000000000000)
#define QUALITY_BITS 2u
#define QUALITY_MASK 3u
#define EXPONENT_MIN (-18)
#define EXPONENT_MAX 18

static uint64_t zigzag(int64_t value) {
    return ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
}

static int64_t unzigzag(uint64_t value) {
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

// ---- Encoding ----

static bool reading_is_valid(const struct segment_reading *reading) {
    return reading->quality <= SEGMENT_BAD && decimal_is_canonical(reading->value) &&
           reading->time.v >= 0 && reading->time.v <= RECORD_TIME_MAX_MS;
}

static bool name_is_new(const struct segment *segment, uint16_t index) {
    for (uint16_t i = 0; i < index; i++) {
        if (strcmp(segment->points[i].tag, segment->points[index].tag) == 0) {
            return false;
        }
    }
    return true;
}

static bool text_is_clean(const char *text, size_t bytes_min, size_t bytes_max) {
    size_t len = strnlen(text, bytes_max + 1);
    return len >= bytes_min && text_check(slice_of(text, len), bytes_max) == RC_OK;
}

static enum rc segment_check(const struct segment *segment) {
    uint32_t at = 0;
    if (segment->point_count == 0 || segment->point_count > SEGMENT_POINTS_MAX ||
        segment->reading_count > SEGMENT_READINGS_MAX) {
        return RC_INVALID;
    }
    for (uint16_t p = 0; p < segment->point_count; p++) {
        const struct segment_point *point = &segment->points[p];
        if (point->count == 0 || at + point->count > segment->reading_count ||
            !text_is_clean(point->tag, 1, LIMIT_TAG_BYTES) ||
            !text_is_clean(point->unit, 0, LIMIT_UNIT_BYTES) || !name_is_new(segment, p)) {
            return RC_INVALID;
        }
        for (uint16_t i = 0; i < point->count; i++, at++) {
            const struct segment_reading *reading = &segment->readings[at];
            if (!reading_is_valid(reading) || (i > 0 && reading->time.v < reading[-1].time.v)) {
                return RC_INVALID;
            }
        }
    }
    return at == segment->reading_count ? RC_OK : RC_INVALID;
}

static uint64_t common_divisor(uint64_t a, uint64_t b) {
    while (b != 0) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

// Of the differences in time: from the reading before, or from the first one of the point before.
static uint64_t step_of(const struct segment *segment) {
    uint64_t step = 0;
    uint32_t at = 0;
    int64_t before = segment->readings[0].time.v;
    for (uint16_t p = 0; p < segment->point_count; p++) {
        int64_t first = segment->readings[at].time.v;
        for (uint16_t i = 0; i < segment->points[p].count; i++, at++) {
            int64_t off = segment->readings[at].time.v - before;
            step = common_divisor(step, (uint64_t)(off < 0 ? -off : off));
            before = segment->readings[at].time.v;
        }
        before = first;
    }
    return step == 0 ? 1 : step;
}

static int8_t exponent_of(const struct segment_reading *readings, uint16_t count) {
    int8_t least = readings[0].value.exponent;
    for (uint16_t i = 1; i < count; i++) {
        least = readings[i].value.exponent < least ? readings[i].value.exponent : least;
    }
    return least;
}

// The mantissa at a smaller exponent. RC_TOO_LARGE if it does not fit.
static enum rc mantissa_at(struct decimal value, int8_t exponent, int64_t *out_mantissa) {
    int64_t mantissa = value.mantissa;
    for (int e = value.exponent; e > exponent && mantissa != 0; e--) {
        if (mantissa >= MANTISSA_END / 10 || mantissa <= -(MANTISSA_END / 10)) {
            return RC_TOO_LARGE;
        }
        mantissa *= 10;
    }
    *out_mantissa = mantissa;
    return RC_OK;
}

static void put_names(struct buf *out, const struct segment_point *point,
                      const struct segment_point *before) {
    size_t shared = 0;
    while (before && point->tag[shared] != '\0' && point->tag[shared] == before->tag[shared]) {
        shared++;
    }
    buf_put_varint(out, shared);
    buf_put_text(out, point->tag + shared);
    if (strcmp(point->unit, before ? before->unit : "") == 0) {
        buf_put_varint(out, 0);
        return;
    }
    size_t len = strlen(point->unit);
    buf_put_varint(out, len + 1);
    buf_put(out, point->unit, len);
}

static enum rc put_readings(struct buf *out, const struct segment_reading *readings, uint16_t count,
                            int64_t step, int64_t before) {
    int8_t exponent = exponent_of(readings, count);
    int64_t last = 0;
    buf_put_signed(out, exponent);
    buf_put_varint(out, count);
    for (uint16_t i = 0; i < count; i++) {
        int64_t mantissa = 0;
        enum rc rc = mantissa_at(readings[i].value, exponent, &mantissa);
        if (rc != RC_OK) {
            return rc;
        }
        int64_t steps = (readings[i].time.v - before) / step;
        uint64_t counted = i == 0 ? zigzag(steps) : (uint64_t)steps;
        buf_put_varint(out, counted << QUALITY_BITS | readings[i].quality);
        buf_put_signed(out, mantissa - last);
        before = readings[i].time.v;
        last = mantissa;
    }
    return RC_OK;
}

static enum rc put_points(const struct segment *segment, struct buf *out) {
    int64_t step = (int64_t)step_of(segment);
    const struct segment_reading *readings = segment->readings;
    int64_t before = readings->time.v;
    enum rc rc = RC_OK;
    buf_put_varint(out, segment->point_count);
    buf_put_varint(out, (uint64_t)step);
    for (uint16_t p = 0; p < segment->point_count && rc == RC_OK; p++) {
        const struct segment_point *point = &segment->points[p];
        put_names(out, point, p > 0 ? point - 1 : NULL);
        rc = put_readings(out, readings, point->count, step, before);
        before = readings->time.v;
        readings += point->count;
    }
    return rc == RC_OK ? buf_rc(out) : rc;
}

enum rc segment_encode(const struct segment *segment, struct buf *out) {
    struct buf packed;
    enum rc rc = segment_check(segment);
    if (rc != RC_OK) {
        return rc;
    }
    buf_init(&packed, SEGMENT_PACK_BYTES);
    rc = put_points(segment, &packed);
    if (rc == RC_OK) {
        buf_put(out, packed.data, packed.len);
        rc = buf_rc(out);
    }
    buf_fini(&packed);
    return rc;
}

// ---- Decoding ----

static void take_text(struct reader *in, char *text, size_t start, size_t len, size_t len_max) {
    if (start + len > len_max) {
        reader_fail(in, RC_INVALID);
        return;
    }
    reader_copy(in, text + start, len);
    text[start + len] = '\0';
    if (memchr(text, '\0', start + len) != NULL) {
        reader_fail(in, RC_INVALID);
    }
}

static void take_unit(struct reader *in, char unit[static LIMIT_UNIT_BYTES + 1],
                      const char *before) {
    uint64_t len = reader_varint(in);
    if (len == 0) {
        memcpy(unit, before, strlen(before) + 1);
    } else if (len <= LIMIT_UNIT_BYTES + 1) {
        take_text(in, unit, 0, (size_t)len - 1, LIMIT_UNIT_BYTES);
        if (strcmp(unit, before) == 0) {
            reader_fail(in, RC_INVALID); // shared, then
        }
    } else {
        reader_fail(in, RC_INVALID);
    }
}

static void take_names(struct reader *in, struct segment_point *point,
                       const struct segment_point *before) {
    uint64_t shared = reader_varint(in);
    uint64_t rest = reader_varint(in);
    if (shared > (before ? strlen(before->tag) : 0) || rest > LIMIT_TAG_BYTES) {
        reader_fail(in, RC_INVALID);
        return;
    }
    memcpy(point->tag, before ? before->tag : "", (size_t)shared);
    take_text(in, point->tag, (size_t)shared, (size_t)rest, LIMIT_TAG_BYTES);
    if (in->rc == RC_OK && before && rest > 0 && point->tag[shared] == before->tag[shared]) {
        reader_fail(in, RC_INVALID); // one more could be shared
    }
    take_unit(in, point->unit, before ? before->unit : "");
}

struct packed_point {
    int64_t step;
    int64_t before; // the time that the first reading counts from
    int8_t exponent;
};

static void take_reading(struct reader *in, const struct packed_point *point, bool first,
                         int64_t *inout_mantissa, struct segment_reading *out) {
    uint64_t head = reader_varint(in);
    int64_t off = reader_signed(in);
    uint64_t counted = head >> QUALITY_BITS;
    int64_t steps = first ? unzigzag(counted) : (int64_t)counted;
    int64_t steps_max = RECORD_TIME_MAX_MS / point->step;
    if (steps > steps_max || steps < -steps_max || off <= -2 * MANTISSA_END ||
        off >= 2 * MANTISSA_END) {
        reader_fail(in, RC_INVALID);
        return;
    }
    int64_t mantissa = *inout_mantissa + off;
    if (mantissa >= MANTISSA_END || mantissa <= -MANTISSA_END) {
        reader_fail(in, RC_INVALID);
        return;
    }
    *inout_mantissa = mantissa;
    out->time.v = (first ? point->before : out[-1].time.v) + steps * point->step;
    out->quality = (uint8_t)(head & QUALITY_MASK);
    out->value = decimal_canonical((struct decimal){mantissa, point->exponent});
    if (!reading_is_valid(out)) {
        reader_fail(in, RC_INVALID);
    }
}

static uint16_t take_readings(struct reader *in, int64_t step, int64_t before,
                              struct segment_reading *readings, uint32_t room) {
    int64_t exponent = reader_signed(in);
    uint64_t count = reader_varint(in);
    int64_t mantissa = 0;
    if (exponent < EXPONENT_MIN || exponent > EXPONENT_MAX || count == 0 || count > room) {
        reader_fail(in, RC_INVALID);
        return 0;
    }
    const struct packed_point point = {step, before, (int8_t)exponent};
    for (uint64_t i = 0; i < count && in->rc == RC_OK; i++) {
        take_reading(in, &point, i == 0, &mantissa, &readings[i]);
    }
    if (in->rc == RC_OK && exponent_of(readings, (uint16_t)count) != exponent) {
        reader_fail(in, RC_INVALID);
    }
    return (uint16_t)count;
}

static enum rc take_points(struct slice packed, struct utc_ms first, struct segment *out) {
    struct reader in = reader_of(packed);
    uint64_t points = reader_varint(&in);
    uint64_t step = reader_varint(&in);
    int64_t before = first.v;
    if (in.rc == RC_OK &&
        (points == 0 || points > SEGMENT_POINTS_MAX || step == 0 ||
         step > (uint64_t)RECORD_TIME_MAX_MS || first.v < 0 || first.v > RECORD_TIME_MAX_MS)) {
        return RC_INVALID;
    }
    out->point_count = (uint16_t)points;
    out->reading_count = 0;
    for (uint16_t p = 0; p < points && in.rc == RC_OK; p++) {
        struct segment_reading *readings = &out->readings[out->reading_count];
        uint32_t room = SEGMENT_READINGS_MAX - out->reading_count;
        take_names(&in, &out->points[p], p > 0 ? &out->points[p - 1] : NULL);
        out->points[p].count = take_readings(&in, (int64_t)step, before, readings, room);
        if (in.rc == RC_OK) {
            out->reading_count = (uint16_t)(out->reading_count + out->points[p].count);
            before = readings->time.v;
        }
    }
    enum rc rc = reader_done(&in);
    return rc == RC_OK && step_of(out) != step ? RC_INVALID : rc;
}

// The parts were checked as they came; left over is what a segment must be as a whole.
enum rc segment_decode(struct slice packed, struct utc_ms first, struct segment *out_segment) {
    if (packed.len > SEGMENT_PACK_BYTES) {
        return RC_TOO_LARGE;
    }
    enum rc rc = take_points(packed, first, out_segment);
    if (rc == RC_OK && out_segment->readings[0].time.v != first.v) {
        rc = RC_INVALID;
    }
    return rc == RC_OK ? segment_check(out_segment) : rc;
}

enum rc segment_of_body(struct slice body, struct segment *out_segment) {
    int64_t first = 0;
    struct slice packed;
    if (!body_int(body, SEGMENT_TIME, &first) || !body_bytes(body, SEGMENT_READINGS, &packed)) {
        return RC_INVALID;
    }
    return segment_decode(packed, (struct utc_ms){first}, out_segment);
}
