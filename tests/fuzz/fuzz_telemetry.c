// Any bytes into the telemetry scanner under several rules. What it accepts must be finite, bounded
// and the same in a second pass; what it refuses must be refused again with a blank in front, one
// byte later.
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "davy/base/ensure.h"
#include "davy/base/text.h"
#include "davy/feed/mapping.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct feed_rules rules[] = {
    {.form = FEED_AUTO},
    {.form = FEED_SCALAR, .tag_optional = true, .time_unit = FEED_TIME_S},
    {.form = FEED_AUTO,
     .tag_optional = true,
     .time_unit = FEED_TIME_RECEIVE,
     .word_count = 1,
     .words = {{"0", FEED_GOOD}},
     .sentinel_count = 1,
     .sentinels = {-1}},
};

static void check_reading(const struct feed_reading *reading, const struct feed_rules *rule) {
    ENSURE(isfinite(reading->value));
    ENSURE(reading->tag.len <= LIMIT_TAG_BYTES);
    ENSURE(reading->tag.len > 0 || rule->tag_optional);
    ENSURE(text_is_valid(reading->tag));
    ENSURE(reading->tag.len == 0 || memchr(reading->tag.data, 0, reading->tag.len) == NULL);
    ENSURE(reading->has_value || (reading->quality == FEED_BAD && reading->value == 0));
    ENSURE(reading->quality <= FEED_BAD);
    ENSURE(!reading->has_time || reading->time.v > 0);
}

static void scan_all(struct feed_scanner *scanner, const struct feed_rules *rule,
                     struct slice payload, struct slice shifted) {
    const struct feed_reading *readings = NULL;
    uint32_t count = 0;
    uint32_t again = 0;
    struct feed_error error = {FEED_OK, 0};
    struct feed_error error_again = {FEED_OK, 0};
    enum rc rc = feed_scan(scanner, rule, payload, &readings, &count, &error);
    if (rc == RC_OK) {
        ENSURE(count > 0 && count <= LIMIT_TELEMETRY_READINGS);
        for (uint32_t i = 0; i < count; i++) {
            check_reading(&readings[i], rule);
        }
    } else {
        ENSURE(readings == NULL && error.fault != FEED_OK && error.position <= payload.len);
    }
    enum rc rc_again = feed_scan(scanner, rule, shifted, &readings, &again, &error_again);
    ENSURE(rc == rc_again || shifted.len > LIMIT_TELEMETRY_BYTES);
    ENSURE(rc != RC_OK || count == again);
    ENSURE(error.fault == error_again.fault);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct feed_scanner *scanner;
    if (size >= LIMIT_TELEMETRY_BYTES) {
        return 0;
    }
    if (scanner == NULL) {
        ENSURE(feed_scanner_new(1, &scanner) == RC_OK);
    }
    uint8_t *copy = malloc(size + 1);
    ENSURE(copy != NULL);
    copy[0] = ' ';
    memcpy(copy + 1, data, size);
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        scan_all(scanner, &rules[i], slice_of(data, size), slice_of(copy, size + 1));
    }
    free(copy);
    return 0;
}
