// Any text as a decimal: what is accepted is canonical and comes back from its own text form; any
// eight bytes as a double: the decimal is near, and equal where all digits fit.
#include "davy/base/decimal.h"
#include "davy/base/ensure.h"

#include <math.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_text(const char *text) {
    struct decimal value = {1, 99};
    enum rc rc = decimal_parse(text, &value);
    if (rc != RC_OK) {
        ENSURE(rc == RC_INVALID || rc == RC_TOO_LARGE);
        ENSURE(value.mantissa == 1 && value.exponent == 99);
        return;
    }
    ENSURE(decimal_is_canonical(value));
    char shown[DECIMAL_TEXT_BYTES];
    decimal_format(value, shown);
    struct decimal again;
    ENSURE(decimal_parse(shown, &again) == RC_OK);
    ENSURE(again.mantissa == value.mantissa && again.exponent == value.exponent);
    ENSURE(decimal_compare(value, again) == 0);
}

static void check_double(double number) {
    struct decimal value;
    enum rc rc = decimal_from_double(number, &value);
    ENSURE(isfinite(number) || rc == RC_INVALID);
    if (rc != RC_OK) {
        ENSURE(!isfinite(number) || fabs(number) > 1e18);
        return;
    }
    ENSURE(decimal_is_canonical(value));
    double back = decimal_to_double(value);
    ENSURE(fabs(back - number) <= 1e-18 && (fabs(number) < 0.1 || back == number));
}

// Bytes as two decimals of any form: the order is the same from both sides.
static void check_order(const uint8_t bytes[18]) {
    struct decimal a;
    struct decimal b;
    memcpy(&a.mantissa, bytes, 8);
    memcpy(&b.mantissa, bytes + 8, 8);
    a.exponent = (int8_t)bytes[16];
    b.exponent = (int8_t)bytes[17];
    ENSURE(decimal_compare(a, b) == -decimal_compare(b, a));
    ENSURE(decimal_compare(a, decimal_canonical(a)) == 0);
    double left = decimal_to_double(a);
    double right = decimal_to_double(b);
    ENSURE(decimal_compare(a, b) >= 0 || left <= right);
    char shown[DECIMAL_TEXT_BYTES];
    decimal_format(a, shown);
    ENSURE(strlen(shown) < DECIMAL_TEXT_BYTES - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    char text[100] = "";
    memcpy(text, data, len < sizeof(text) - 1 ? len : sizeof(text) - 1);
    check_text(text);
    if (len >= 8) {
        double number;
        memcpy(&number, data, 8);
        check_double(number);
    }
    if (len >= 18) {
        check_order(data);
    }
    return 0;
}
