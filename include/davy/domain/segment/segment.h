// Segments: the readings of one round, or of one instrument, packed into one record.
//
// A segment is what a device measured or a person read there, sealed by the device with everything
// else in its chain: one record carries up to 256 readings, so that a reading costs a few bytes and
// no signature. It is a fact: authentic, it is never refused for its state, and nothing changes it.
// Each one opens a subject of its own. It travels in the lowest lane; an alarm never waits for it.
//
// kind (number)      effect  signed by       body
// segment.add (51)   fact    sealed (device) 1 time of the first reading, 2 readings (packed),
//                                            3 round (id), 4 part of the round, 5 area
//
// PACKED READINGS: varint count of points (1..256), varint step in ms, then each point:
//   varint bytes in common with the start of the name before, varint length and the rest of it
//   varint 0: the unit of the point before ("" at the first), else 1 + its length, then its bytes
//   signed exponent of ten of all its values, varint count of readings (from 1), and each reading:
//     varint steps << 2 | quality, signed difference from the mantissa before (0 at the first)
// Steps count from the reading before of the same point; at its first reading they are signed and
// count from the first reading of the point before. Readings of a point are in order of time, no
// name comes twice. One value has one encoding: the step is the greatest that divides all
// differences, exponents are the smallest of the canonical values, what can be shared is shared.
// Values are decimals, exactly as they were read.
#ifndef DAVY_DOMAIN_SEGMENT_SEGMENT_H
#define DAVY_DOMAIN_SEGMENT_SEGMENT_H

#include "davy/record/module.h"

enum segment_kind { KIND_SEGMENT_ADD = 51 };
enum {
    SEGMENT_TIME = 1,
    SEGMENT_READINGS = 2,
    SEGMENT_ROUND = 3,
    SEGMENT_PART = 4,
    SEGMENT_AREA = 5,
};

#define SEGMENT_READINGS_MAX 256                           // of one record
#define SEGMENT_POINTS_MAX 256                             // one reading each
#define SEGMENT_PACK_BYTES (LIMIT_RECORD_BODY_BYTES - 200) // leaves room for the other fields
#define SEGMENT_PART_MAX 65535

enum segment_quality { SEGMENT_GOOD = 0, SEGMENT_UNCERTAIN = 1, SEGMENT_BAD = 2 };

struct segment_reading {
    struct utc_ms time;
    struct decimal value; // canonical
    uint8_t quality;      // enum segment_quality
};
struct segment_point {
    char tag[LIMIT_TAG_BYTES + 1];
    char unit[LIMIT_UNIT_BYTES + 1]; // "" if it has none
    uint16_t count;                  // of its readings
};
// 33 KB: keep it off small stacks. The readings stand point after point.
struct segment {
    uint16_t point_count;
    uint16_t reading_count; // the sum of the points' counts
    struct segment_point points[SEGMENT_POINTS_MAX];
    struct segment_reading readings[SEGMENT_READINGS_MAX];
};

// Appends the packed readings; the time of the first one goes into SEGMENT_TIME. RC_INVALID for
// what breaks the form above; RC_TOO_LARGE if names take too many bytes or the values of one point
// lie further apart than a decimal holds: then divide the segment. These append nothing.
DAVY_MUST_USE enum rc segment_encode(const struct segment *segment, struct buf *out);
// Strict inverse, without an allocation. RC_INVALID, RC_TRUNCATED, RC_TOO_LARGE; *out_segment may
// be written on failure.
DAVY_MUST_USE enum rc segment_decode(struct slice packed, struct utc_ms first,
                                     struct segment *out_segment);
// The same from a record's body.
DAVY_MUST_USE enum rc segment_of_body(struct slice body, struct segment *out_segment);

struct segment_state {
    bool known; // accepted, or my own and pending
    bool needs_newer;
    bool pending;       // my own, not yet in the log
    uint8_t verdict;    // enum verdict: a mark, also of a segment that was refused or held
    uint16_t rule;      // why
    struct utc_ms time; // of the author's clock; a mark, too
    struct rid device;
    char round[ID_HEX_BYTES]; // "" if it belongs to none
    uint16_t part;
    uint16_t points, readings;
    struct utc_ms first, last;     // of its readings
    char tag[LIMIT_TAG_BYTES + 1]; // the first point
    char area[LIMIT_TAG_BYTES + 1];
};
// Index columns: area, round, tag (text); time_ms, first_ms, last_ms, accepted.
extern const struct module segment_module;

#endif
