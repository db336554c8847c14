// The telemetry scanner: one strict pass over a flat JSON payload, without allocation.
//
// Shapes (keys in any order, unknown keys are checked and skipped):
//   single   {"tag":"TI-101","t":1650006388943,"v":12.5,"q":192}      also an array of these
//   batch    {"t":…,"values":[{"tag":…,"v":…,"t":…,"q":…},…]}         also "tags" for "values"
//   values   {"timestamp":…,"values":{"TI-101":123,…},"errors":{"TI-102":2014}}
//   rows     {"tag":"TI-101","rows":[[t,v,q],…]}                      q may be left out
//   scalar   12.5                                                     only where the rules say so
// Aliases: tag|name|id|tagname, t|ts|timestamp, v|value, q|quality; two of a group are duplicates.
// t and q of the outer object hold for the readings that have none of their own.
//
// Values: numbers; true and false are 1 and 0; null and a key of "errors" (or an "error" beside a
// tag) are a bad reading of value 0. Times: a number in the unit of the rules or ISO 8601 with a
// zone in a string; 0, null or none means that there is no time.
//
// Refused, with position and reason: anything that RFC 8259 forbids, trailing bytes, duplicate keys
// (also written with escapes), nesting above LIMIT_JSON_DEPTH, numbers beyond a double, bad UTF-8,
// U+0000, wrong types, names above LIMIT_TAG_BYTES, more than LIMIT_TELEMETRY_READINGS readings or
// LIMIT_TELEMETRY_BYTES bytes, a payload without any reading. A refused payload yields no reading.
//
// Numbers are correctly rounded (Clinger's fast path, otherwise strtod with LC_NUMERIC "C").
#ifndef DAVY_FEED_SCAN_H
#define DAVY_FEED_SCAN_H

#include "davy/base/bytes.h"
#include "davy/base/id.h"
#include "davy/base/limits.h"

#define FEED_QUALITY_WORDS 8
#define FEED_QUALITY_WORD_BYTES 24
#define FEED_SENTINELS 8

enum feed_quality { FEED_GOOD, FEED_UNCERTAIN, FEED_BAD };
#define FEED_QUALITY_COUNT 3

struct feed_reading {
    struct slice tag; // into the payload or the scanner; empty if the payload names none
    double value;     // finite
    struct utc_ms time;
    bool has_time;
    bool has_value; // false: null or an error in its place (quality is then bad)
    enum feed_quality quality;
};

enum feed_form { FEED_AUTO, FEED_SINGLE, FEED_BATCH, FEED_VALUES, FEED_ROWS, FEED_SCALAR };
#define FEED_FORM_COUNT 6
enum feed_time_unit { FEED_TIME_MS, FEED_TIME_S, FEED_TIME_US, FEED_TIME_RECEIVE };
#define FEED_TIME_UNIT_COUNT 4

// One word of a quality table: a number or a text, compared exactly.
struct feed_quality_word {
    char word[FEED_QUALITY_WORD_BYTES];
    enum feed_quality quality;
};

// What a mapping decides about the payload. Zeroed memory is the default: any shape but scalar,
// milliseconds, qualities 192..255 / true / "good" good, 64..127 / "uncertain" uncertain, all else
// bad. With words of its own, what is not among them is bad.
struct feed_rules {
    enum feed_form form;
    enum feed_time_unit time_unit;
    bool tag_optional; // the topic names the tag
    uint32_t word_count;
    struct feed_quality_word words[FEED_QUALITY_WORDS * FEED_QUALITY_COUNT];
    uint32_t sentinel_count;
    double sentinels[FEED_SENTINELS]; // values that mean "no value": quality bad
};

// X(fault, text for logs)
#define FEED_FAULT_TABLE(X)                                                                        \
    X(FEED_OK, "ok")                                                                               \
    X(FEED_FAULT_SIZE, "payload too large")                                                        \
    X(FEED_FAULT_END, "unexpected end")                                                            \
    X(FEED_FAULT_SYNTAX, "not JSON")                                                               \
    X(FEED_FAULT_TRAILING, "bytes after the end")                                                  \
    X(FEED_FAULT_DEPTH, "nested too deep")                                                         \
    X(FEED_FAULT_STRING, "control character or bad escape in a string")                            \
    X(FEED_FAULT_UTF8, "not UTF-8")                                                                \
    X(FEED_FAULT_NUL, "NUL character")                                                             \
    X(FEED_FAULT_NUMBER, "malformed number")                                                       \
    X(FEED_FAULT_RANGE, "number out of range")                                                     \
    X(FEED_FAULT_TYPE, "wrong type")                                                               \
    X(FEED_FAULT_DUPLICATE, "duplicate key")                                                       \
    X(FEED_FAULT_KEYS, "too many unknown keys")                                                    \
    X(FEED_FAULT_TAG, "tag name empty or too long")                                                \
    X(FEED_FAULT_NO_TAG, "reading without a tag")                                                  \
    X(FEED_FAULT_NO_VALUE, "reading without a value")                                              \
    X(FEED_FAULT_TIME, "malformed time")                                                           \
    X(FEED_FAULT_MIXED, "two shapes in one object")                                                \
    X(FEED_FAULT_FORM, "not the shape of this mapping")                                            \
    X(FEED_FAULT_COUNT, "too many readings")                                                       \
    X(FEED_FAULT_EMPTY, "no reading")                                                              \
    X(FEED_FAULT_TOPIC, "no mapping for this topic")

enum feed_fault {
#define FEED_FAULT_ENUM(fault, text) fault,
    FEED_FAULT_TABLE(FEED_FAULT_ENUM)
#undef FEED_FAULT_ENUM
        FEED_FAULT_KIND_COUNT
};

struct feed_error {
    enum feed_fault fault;
    uint32_t position; // byte of the payload
};

const char *feed_fault_text(enum feed_fault fault);

struct feed_scanner;

// About 1 MB, made once. seed keys the duplicate check.
DAVY_MUST_USE enum rc feed_scanner_new(uint64_t seed, struct feed_scanner **out_scanner);
void feed_scanner_free(struct feed_scanner *scanner);

// On RC_OK *out_readings and *out_count are valid until the next scan and while payload lives. On
// RC_INVALID, RC_TRUNCATED or RC_TOO_LARGE *error (may be NULL) says where and why.
DAVY_MUST_USE enum rc feed_scan(struct feed_scanner *scanner, const struct feed_rules *rules,
                                struct slice payload, const struct feed_reading **out_readings,
                                uint32_t *out_count, struct feed_error *error);

// "2014-07-11T15:26:37Z", also with a fraction, a blank for T, or an offset "+08:00". Without a
// zone it is UTC if zone_needed is false. RC_INVALID; years 1970 to 2099.
DAVY_MUST_USE enum rc feed_time_parse(struct slice text, bool zone_needed, struct utc_ms *out_time);

#endif
