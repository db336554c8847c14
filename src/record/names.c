#include "davy/record/export.h"

#include "davy/base/ensure.h"

static const char *const verdict_names[] = {
    [VERDICT_NONE] = "none",     [VERDICT_ACCEPTED] = "accepted", [VERDICT_REFUSED] = "refused",
    [VERDICT_REPEAT] = "repeat", [VERDICT_HELD] = "held",
};
static const char *const audience_names[] = {
    [AUDIENCE_SITE] = "site",
    [AUDIENCE_PARK] = "park",
    [AUDIENCE_CITY] = "city",
};
static const char *const effect_names[] = {
    [EFFECT_FACT] = "fact",
    [EFFECT_RESTRICT] = "restrict",
    [EFFECT_CHANGE] = "change",
    [EFFECT_ALLOW] = "allow",
};

const char *verdict_name(enum verdict verdict) {
    return (size_t)verdict < COUNT_OF(verdict_names) ? verdict_names[verdict] : "unknown";
}

const char *audience_name(uint8_t audience) {
    return audience < COUNT_OF(audience_names) ? audience_names[audience] : "none";
}

const char *effect_name(enum effect effect) {
    return (size_t)effect < COUNT_OF(effect_names) ? effect_names[effect] : "unknown";
}
