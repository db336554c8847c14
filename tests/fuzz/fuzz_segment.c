// Any bytes as packed readings: what decodes encodes to the same bytes again, and holds what the
// header promises. The first eight bytes are the time of the first reading.
#include "davy/base/ensure.h"
#include "davy/domain/segment/segment.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_segment(const struct segment *segment, struct slice packed) {
    uint32_t count = 0;
    ENSURE(segment->point_count > 0 && segment->point_count <= SEGMENT_POINTS_MAX);
    for (uint16_t p = 0; p < segment->point_count; p++) {
        ENSURE(segment->points[p].count > 0 && segment->points[p].tag[0] != '\0');
        count += segment->points[p].count;
    }
    ENSURE(count == segment->reading_count && count <= SEGMENT_READINGS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        ENSURE(decimal_is_canonical(segment->readings[i].value));
        ENSURE(segment->readings[i].quality <= SEGMENT_BAD && segment->readings[i].time.v >= 0);
    }
    struct buf again;
    buf_init(&again, SEGMENT_PACK_BYTES);
    ENSURE(segment_encode(segment, &again) == RC_OK);
    ENSURE(slice_equal(buf_slice(&again), packed));
    buf_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static struct segment segment;
    struct utc_ms first;
    if (len < sizeof(first.v)) {
        return 0;
    }
    memcpy(&first.v, data, sizeof(first.v));
    struct slice packed = slice_of(data + sizeof(first.v), len - sizeof(first.v));
    enum rc rc = segment_decode(packed, first, &segment);
    ENSURE(rc == RC_OK || rc == RC_INVALID || rc == RC_TRUNCATED || rc == RC_TOO_LARGE);
    if (rc == RC_OK) {
        check_segment(&segment, packed);
    }
    return 0;
}
