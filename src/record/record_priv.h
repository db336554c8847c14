// Private to src/record: what codec, chain, body and form share.
#ifndef DAVY_RECORD_RECORD_PRIV_H
#define DAVY_RECORD_RECORD_PRIV_H

#include "davy/record/module.h"

// A text literal without its NUL.
#define DOMAIN_BYTES(text) (sizeof(text) - 1)

enum wire { WIRE_VARINT = 0, WIRE_SIGNED = 1, WIRE_BYTES = 2, WIRE_DECIMAL = 3 };

static inline bool lane_is_known(uint8_t lane) {
    return lane < LANE_COUNT;
}
static inline bool audience_is_known(uint8_t audience) {
    return audience < AUDIENCE_COUNT;
}
enum wire field_wire(enum field_type type);
// NULL if the kind has no such tag.
const struct field *kind_field(const struct kind *kind, uint16_t tag);
// The name of a FIELD_ENUM value; NULL if there is none.
const char *field_value_name(const struct field *field, uint64_t value);

#endif
