// Any bytes as a site file. A site that comes out must keep what the header promises: clean texts,
// indexes within the tables, limits in order, every name found.
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "davy/base/ensure.h"
#include "davy/base/text.h"
#include "davy/domain/site/site.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t max) {
    ENSURE(text != NULL && text_check(slice_text(text), max) == RC_OK);
}

static void check_tag(const struct site *site, uint32_t index) {
    const struct site_tag *tag = &site->tags[index];
    uint32_t found = SITE_NONE;
    check_text(tag->tag, LIMIT_TAG_BYTES);
    check_text(tag->name, LIMIT_NAME_BYTES);
    check_text(tag->unit, LIMIT_UNIT_BYTES);
    check_text(tag->consequence, LIMIT_TEXT_BYTES);
    check_text(tag->action, LIMIT_TEXT_BYTES);
    ENSURE(site_tag_find(site, slice_text(tag->tag), &found) && found == index);
    ENSURE(tag->area < site->area_count && tag->gateway < site->gateway_count);
    ENSURE(tag->equipment == SITE_NONE || tag->equipment < site->equipment_count);
    ENSURE(!tag->has_range || tag->range_lo < tag->range_hi);
    for (int kind = 0; kind < SITE_LIMIT_COUNT; kind++) {
        const struct site_limit *limit = &tag->limits[kind];
        if (limit->present) {
            ENSURE(isfinite(limit->value) && isfinite(limit->deadband) && limit->deadband >= 0);
            ENSURE(limit->priority >= 1 && limit->priority <= 4);
            ENSURE(limit->on_delay_s <= LIMIT_ALARM_DELAY_S);
        }
        for (int above = 0; above < kind; above++) {
            ENSURE(!limit->present || !tag->limits[above].present ||
                   limit->value <= tag->limits[above].value);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct site_issues issues;
    struct site *site = NULL;
    enum rc rc = site_parse(slice_of(data, size), 3, &site, &issues);
    ENSURE((rc == RC_OK) == (issues.error_count == 0) && (rc == RC_OK) == (site != NULL));
    for (uint32_t i = 0; i < issues.kept; i++) {
        char text[SITE_ISSUE_TEXT_BYTES];
        site_issue_text(&issues.items[i], "site.ini", text);
        ENSURE(text_check(slice_text(text), SITE_ISSUE_TEXT_BYTES) == RC_OK);
    }
    for (uint32_t i = 0; site != NULL && i < site->tag_count; i++) {
        check_tag(site, i);
    }
    site_free(site);
    return 0;
}
