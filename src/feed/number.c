#include "feed_priv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 19                 // digits that always fit into 64 bits
#define EXACT_DIGITS_MAX (1ull << 53) // integers up to here are doubles
#define EXACT_POWER_MAX 22            // 10^22 is the last power of ten that is a double
#define EXPONENT_CAP 100000           // further digits of an exponent change nothing

static const double powers[EXACT_POWER_MAX + 1] = {
    1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
};

static bool is_digit(uint8_t byte) {
    return byte >= '0' && byte <= '9';
}

// Takes a run of digits when there are so many that not all may fit; leading zeros do not count.
static const uint8_t *take_many_digits(const uint8_t *at, const uint8_t *end, struct number *number,
                                       uint32_t *inout_significant, bool is_fraction) {
    while (at < end && is_digit(*at)) {
        uint8_t digit = (uint8_t)(*at++ - '0');
        if (*inout_significant < DIGITS_MAX) {
            number->digits = number->digits * 10 + digit;
            *inout_significant += number->digits != 0;
            number->exponent -= is_fraction;
        } else {
            number->is_cut = true;
            number->exponent += !is_fraction;
        }
    }
    return at;
}

// Takes a run of digits. The usual short run is read without looking at each digit's place.
static const uint8_t *take_digits(const uint8_t *at, const uint8_t *end, struct number *number,
                                  uint32_t *inout_significant, bool is_fraction) {
    const uint8_t *from = at;
    uint64_t digits = number->digits;
    while (at < end && is_digit(*at)) {
        digits = digits * 10 + (uint64_t)(*at++ - '0');
    }
    if (*inout_significant + (size_t)(at - from) > DIGITS_MAX) {
        return take_many_digits(from, end, number, inout_significant, is_fraction);
    }
    number->digits = digits;
    *inout_significant += (uint32_t)(at - from);
    number->exponent -= is_fraction ? (int32_t)(at - from) : 0;
    return at;
}

static bool take_exponent(struct cursor *cursor, const uint8_t **inout_at, struct number *number) {
    const uint8_t *at = *inout_at + 1;
    bool negative = false;
    if (at < cursor->end && (*at == '+' || *at == '-')) {
        negative = *at++ == '-';
    }
    if (at == cursor->end || !is_digit(*at)) {
        return cursor_fail(cursor, at == cursor->end ? FEED_FAULT_END : FEED_FAULT_NUMBER, at);
    }
    int32_t exponent = 0;
    while (at < cursor->end && is_digit(*at)) {
        int32_t next = exponent * 10 + (*at++ - '0');
        exponent = next > EXPONENT_CAP ? EXPONENT_CAP : next;
    }
    number->exponent += negative ? -exponent : exponent;
    *inout_at = at;
    return true;
}

bool json_number(struct cursor *cursor, struct number *out_number) {
    const uint8_t *at = cursor->at;
    const uint8_t *end = cursor->end;
    struct number number = {.text = {at, 0}};
    uint32_t significant = 0;
    if (at < end && *at == '-') {
        number.negative = true;
        at++;
    }
    if (at == end) {
        return cursor_fail(cursor, FEED_FAULT_END, at);
    }
    if (!is_digit(*at)) {
        enum feed_fault fault = number.negative ? FEED_FAULT_NUMBER : FEED_FAULT_SYNTAX;
        return cursor_fail(cursor, *at == 0 ? FEED_FAULT_NUL : fault, at);
    }
    if (*at == '0' && end - at > 1 && is_digit(at[1])) {
        return cursor_fail(cursor, FEED_FAULT_NUMBER, at);
    }
    at = take_digits(at, end, &number, &significant, false);
    if (at < end && *at == '.') {
        at++;
        if (at == end || !is_digit(*at)) {
            return cursor_fail(cursor, at == end ? FEED_FAULT_END : FEED_FAULT_NUMBER, at);
        }
        at = take_digits(at, end, &number, &significant, true);
    }
    if (at < end && (*at | 0x20) == 'e' && !take_exponent(cursor, &at, &number)) {
        return false;
    }
    number.text.len = (size_t)(at - number.text.data);
    if (number.text.len > FEED_NUMBER_BYTES) {
        return cursor_fail(cursor, FEED_FAULT_RANGE, cursor->at);
    }
    cursor->at = at;
    *out_number = number;
    return true;
}

bool number_double(const struct number *number, double *out_value) {
    double value = 0;
    int32_t exponent = number->exponent;
    if (!number->is_cut && number->digits <= EXACT_DIGITS_MAX && exponent >= -EXACT_POWER_MAX &&
        exponent <= EXACT_POWER_MAX) {
        // Clinger: both operands are exact, so that the one operation rounds correctly.
        value = (double)number->digits;
        value = exponent < 0 ? value / powers[-exponent] : value * powers[exponent];
        value = number->negative ? -value : value;
    } else {
        char text[FEED_NUMBER_BYTES + 1];
        memcpy(text, number->text.data, number->text.len);
        text[number->text.len] = '\0';
        value = strtod(text, NULL);
    }
    if (!isfinite(value)) {
        return false;
    }
    *out_value = value;
    return true;
}

bool number_time(const struct number *number, enum feed_time_unit unit, int64_t *out_ms) {
    double value = 0;
    if (number->exponent == 0 && !number->is_cut && unit == FEED_TIME_MS) {
        if (number->digits > FEED_TIME_MAX_MS || (number->negative && number->digits > 0)) {
            return false;
        }
        *out_ms = (int64_t)number->digits;
        return true;
    }
    if (!number_double(number, &value)) {
        return false;
    }
    value = unit == FEED_TIME_S ? value * 1000 : unit == FEED_TIME_US ? value / 1000 : value;
    if (!(value >= 0 && value <= (double)FEED_TIME_MAX_MS)) {
        return false;
    }
    *out_ms = (int64_t)(value + 0.5);
    return true;
}
