// Any bytes as a plant file. A plant that comes out must keep what the header promises, and an
// error must be clean text.
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "davy/base/ensure.h"
#include "davy/base/text.h"
#include "davy/domain/alarm/plant.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_tag(const struct plant_tag *tag) {
    ENSURE(text_check(slice_text(tag->tag), LIMIT_TAG_BYTES) == RC_OK && tag->tag[0] != '\0');
    ENSURE((tag->column >= 1 && tag->column <= PLANT_COLUMNS) != (tag->column_name[0] != '\0'));
    ENSURE(tag->limit_count <= PLANT_LIMITS);
    for (uint32_t i = 0; i < tag->limit_count; i++) {
        const struct plant_limit *limit = &tag->limits[i];
        ENSURE(limit->limit >= ALARM_HH && limit->limit <= ALARM_LL);
        ENSURE(isfinite(limit->value) && isfinite(limit->deadband) && limit->deadband >= 0);
        ENSURE(limit->on_delay_s <= LIMIT_ALARM_DELAY_S);
        ENSURE(limit->off_delay_s <= LIMIT_ALARM_DELAY_S);
        ENSURE(limit->priority[0] != '\0');
        for (uint32_t j = 0; j < i; j++) {
            ENSURE(tag->limits[j].limit != limit->limit);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct plant *plant = NULL;
    struct plant_error error;
    char text[PLANT_ERROR_BYTES];
    enum rc rc = plant_parse(slice_of(data, size), &plant, &error);
    ENSURE((rc == RC_OK) == (plant != NULL) && (rc == RC_OK) == (error.fault == PLANT_OK));
    plant_error_text(&error, "plant.json", text);
    ENSURE(text_check(slice_text(text), PLANT_ERROR_BYTES) == RC_OK);
    for (uint32_t i = 0; plant != NULL && i < plant->tag_count; i++) {
        check_tag(&plant->tags[i]);
    }
    plant_free(plant);
    return 0;
}
