// Decimals: mantissa x 10^exponent. Values that people enter or that a rule compares are decimals,
// never doubles, because 19.5 % and 0.2 % are boundaries.
//
// Canonical form: the mantissa has no trailing zero unless it is 0, then the exponent is 0.
// |mantissa| < 10^18, exponent in [-18, 18].
#ifndef DAVY_BASE_DECIMAL_H
#define DAVY_BASE_DECIMAL_H

#include "davy/base/rc.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DECIMAL_TEXT_BYTES 48

struct decimal {
    int64_t mantissa;
    int8_t exponent;
};

// Accepts [+-]digits[.digits][e[+-]digits], nothing around it. RC_INVALID, RC_TOO_LARGE.
DAVY_MUST_USE enum rc decimal_parse(const char *text, struct decimal *out_value);
// RC_INVALID for NaN and infinities, RC_TOO_LARGE above the range; keeps 17 significant digits at
// most, the shortest form that reads back as the same double. What lies below 10^-18 is rounded, so
// that a measured value is never refused for being small.
DAVY_MUST_USE enum rc decimal_from_double(double value, struct decimal *out_value);
double decimal_to_double(struct decimal value);
struct decimal decimal_canonical(struct decimal value);
bool decimal_is_canonical(struct decimal value);
// <0, 0, >0; exact.
int decimal_compare(struct decimal a, struct decimal b);
// Plain digits where they fit ("19.5", "-0.002", "1200"), otherwise "1.5e-12".
void decimal_format(struct decimal value, char out_text[static DECIMAL_TEXT_BYTES]);

#endif
