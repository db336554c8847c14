#include "davy/base/decimal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANTISSA_LIMIT 1000000000000000000 // 10^18: mantissas stay below
#define EXPONENT_LIMIT 18
#define EXPONENT_CLAMP 1000 // exponents in text are counted up to here, far out of range
#define PARSE_BYTES_MAX 64  // longer text is no value that a person or a device means
#define PLAIN_MAGNITUDE 18  // larger numbers are written with an exponent,
#define PLAIN_SMALLEST (-6) // and so are those below 10^-6

static uint64_t magnitude_of(int64_t mantissa) {
    return mantissa < 0 ? 0 - (uint64_t)mantissa : (uint64_t)mantissa;
}

static int digits_of(uint64_t magnitude) {
    int digits = 0;
    for (; magnitude > 0; magnitude /= 10) {
        digits++;
    }
    return digits;
}

// A number as it is read: any exponent, up to 19 digits.
struct wide {
    uint64_t magnitude;
    int exponent;
    bool negative;
};

// Strips trailing zeros, then asks whether the canonical form is in range.
static enum rc wide_close(struct wide wide, struct decimal *out_value) {
    if (wide.magnitude == 0) {
        *out_value = (struct decimal){0, 0};
        return RC_OK;
    }
    while (wide.magnitude % 10 == 0) {
        wide.magnitude /= 10;
        wide.exponent++;
    }
    if (wide.magnitude >= MANTISSA_LIMIT || wide.exponent > EXPONENT_LIMIT ||
        wide.exponent < -EXPONENT_LIMIT) {
        return RC_TOO_LARGE;
    }
    int64_t mantissa = (int64_t)wide.magnitude;
    *out_value = (struct decimal){wide.negative ? -mantissa : mantissa, (int8_t)wide.exponent};
    return RC_OK;
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// Collects digits and the place of the point. Zeros are held back until a digit follows them, so
// that trailing zeros never fill the mantissa.
struct digit_reader {
    struct wide wide;
    int zeros;
    bool any;
    bool too_long;
};

static void digit_add(struct digit_reader *reader, char c, bool fraction) {
    reader->any = true;
    reader->wide.exponent -= fraction ? 1 : 0;
    if (c == '0') {
        reader->zeros += reader->wide.magnitude > 0 ? 1 : 0;
        return;
    }
    for (; reader->zeros >= 0; reader->zeros--) {
        if (reader->wide.magnitude >= MANTISSA_LIMIT / 10) {
            reader->too_long = true;
            reader->zeros = 0;
            return;
        }
        reader->wide.magnitude *= 10;
    }
    reader->zeros = 0;
    reader->wide.magnitude += (uint64_t)(c - '0');
}

static const char *exponent_read(const char *at, int *out_exponent) {
    bool negative = *at == '-';
    at += *at == '-' || *at == '+' ? 1 : 0;
    if (!is_digit(*at)) {
        return NULL;
    }
    int exponent = 0;
    for (; is_digit(*at); at++) {
        exponent = exponent < EXPONENT_CLAMP ? exponent * 10 + (*at - '0') : exponent;
    }
    *out_exponent = negative ? -exponent : exponent;
    return at;
}

enum rc decimal_parse(const char *text, struct decimal *out_value) {
    if (strlen(text) > PARSE_BYTES_MAX) {
        return RC_TOO_LARGE;
    }
    const char *at = text;
    struct digit_reader reader = {.wide.negative = *at == '-'};
    at += *at == '-' || *at == '+' ? 1 : 0;
    for (; is_digit(*at); at++) {
        digit_add(&reader, *at, false);
    }
    bool digits_before = reader.any;
    if (*at == '.') {
        reader.any = false;
        for (at++; is_digit(*at); at++) {
            digit_add(&reader, *at, true);
        }
    }
    if (!digits_before || !reader.any) {
        return RC_INVALID;
    }
    int exponent = 0;
    if (*at == 'e' || *at == 'E') {
        at = exponent_read(at + 1, &exponent);
    }
    if (at == NULL || *at != '\0') {
        return RC_INVALID;
    }
    if (reader.too_long) {
        return RC_TOO_LARGE;
    }
    reader.wide.exponent += reader.zeros + exponent;
    return wide_close(reader.wide, out_value);
}

static double wide_to_double(struct wide wide) {
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    double sign = wide.negative ? -1.0 : 1.0;
    // Both operands are exact, so that one operation rounds correctly.
    if (wide.magnitude <= (1ULL << 53) && wide.exponent >= -22 && wide.exponent <= 22) {
        double magnitude = (double)wide.magnitude;
        return sign * (wide.exponent < 0 ? magnitude / powers[-wide.exponent]
                                         : magnitude * powers[wide.exponent]);
    }
    // No decimal point in it: the result is the same in every locale.
    char text[DECIMAL_TEXT_BYTES];
    snprintf(text, sizeof(text), "%lluE%d", (unsigned long long)wide.magnitude, wide.exponent);
    return sign * strtod(text, NULL);
}

// Reads "%.*e" whatever the locale's decimal point is.
static struct wide wide_of_double(double value, int digits) {
    char text[DECIMAL_TEXT_BYTES];
    snprintf(text, sizeof(text), "%.*e", digits - 1, value);
    struct wide wide = {.negative = text[0] == '-'};
    const char *at = text;
    for (; *at != 'e' && *at != '\0'; at++) {
        if (is_digit(*at)) {
            wide.magnitude = wide.magnitude * 10 + (uint64_t)(*at - '0');
        }
    }
    int exponent = 0;
    if (*at == 'e') {
        (void)exponent_read(at + 1, &exponent);
    }
    wide.exponent = exponent - (digits - 1);
    return wide;
}

// Rounds half up to the last place that a decimal has.
static struct wide wide_round(struct wide wide) {
    bool up = false;
    while (wide.exponent < -EXPONENT_LIMIT) {
        up = wide.magnitude % 10 >= 5;
        wide.magnitude /= 10;
        wide.exponent++;
    }
    wide.magnitude += up ? 1 : 0;
    return wide;
}

enum rc decimal_from_double(double value, struct decimal *out_value) {
    if (!isfinite(value)) {
        return RC_INVALID;
    }
    // Any decimal of 15 digits survives the way through a double, so that 15 digits show every
    // shorter form too, with zeros behind.
    struct wide wide = {0};
    for (int digits = 15; digits <= 17; digits++) {
        wide = wide_of_double(value, digits);
        if (wide_to_double(wide) == value) {
            break;
        }
    }
    while (wide.magnitude > 0 && wide.magnitude % 10 == 0) {
        wide.magnitude /= 10;
        wide.exponent++;
    }
    return wide_close(wide_round(wide), out_value);
}

double decimal_to_double(struct decimal value) {
    return wide_to_double(
        (struct wide){magnitude_of(value.mantissa), value.exponent, value.mantissa < 0});
}

struct decimal decimal_canonical(struct decimal value) {
    if (value.mantissa == 0) {
        return (struct decimal){0, 0};
    }
    while (value.mantissa % 10 == 0 && value.exponent < EXPONENT_LIMIT) {
        value.mantissa /= 10;
        value.exponent++;
    }
    return value;
}

bool decimal_is_canonical(struct decimal value) {
    if (value.mantissa == 0) {
        return value.exponent == 0;
    }
    return value.mantissa % 10 != 0 && magnitude_of(value.mantissa) < MANTISSA_LIMIT &&
           value.exponent >= -EXPONENT_LIMIT && value.exponent <= EXPONENT_LIMIT;
}

static int compare_magnitudes(struct decimal a, struct decimal b) {
    uint64_t left = magnitude_of(a.mantissa);
    uint64_t right = magnitude_of(b.mantissa);
    int left_digits = digits_of(left);
    int right_digits = digits_of(right);
    int left_place = left_digits + a.exponent;
    int right_place = right_digits + b.exponent;
    if (left_place != right_place) {
        return left_place < right_place ? -1 : 1;
    }
    // The same leading place: with as many digits the mantissas compare as integers. 19 digits fit.
    for (; left_digits < right_digits; left_digits++) {
        left *= 10;
    }
    for (; right_digits < left_digits; right_digits++) {
        right *= 10;
    }
    return left < right ? -1 : left > right;
}

int decimal_compare(struct decimal a, struct decimal b) {
    int left_sign = (a.mantissa > 0) - (a.mantissa < 0);
    int right_sign = (b.mantissa > 0) - (b.mantissa < 0);
    if (left_sign != right_sign || left_sign == 0) {
        return left_sign - right_sign;
    }
    int order = compare_magnitudes(a, b);
    return left_sign < 0 ? -order : order;
}

// "1.5e-12": the digits with a point behind the first.
static void format_scientific(const char *sign, const char *digits, int place, char *out_text) {
    const char *point = digits[1] == '\0' ? "" : ".";
    snprintf(out_text, DECIMAL_TEXT_BYTES, "%s%c%s%se%d", sign, digits[0], point, digits + 1,
             place);
}

void decimal_format(struct decimal value, char out_text[static DECIMAL_TEXT_BYTES]) {
    struct decimal canonical = decimal_canonical(value);
    const char *sign = canonical.mantissa < 0 ? "-" : "";
    char digits[24];
    int count = snprintf(digits, sizeof(digits), "%llu",
                         (unsigned long long)magnitude_of(canonical.mantissa));
    int place = count - 1 + canonical.exponent; // power of ten of the first digit
    static const char zeros[] = "00000000000000000000";
    if (place >= PLAIN_MAGNITUDE || place < PLAIN_SMALLEST) {
        format_scientific(sign, digits, place, out_text);
    } else if (canonical.exponent >= 0) {
        snprintf(out_text, DECIMAL_TEXT_BYTES, "%s%s%.*s", sign, digits, canonical.exponent, zeros);
    } else if (place >= 0) {
        snprintf(out_text, DECIMAL_TEXT_BYTES, "%s%.*s.%s", sign, place + 1, digits,
                 digits + place + 1);
    } else {
        snprintf(out_text, DECIMAL_TEXT_BYTES, "%s0.%.*s%s", sign, -place - 1, zeros, digits);
    }
}
