#include "feed_priv.h"

#define YEAR_MIN 1970
#define YEAR_MAX 2099

// Days since 1970-01-01 of a date in the Gregorian calendar.
static int64_t days_from_date(int32_t year, int32_t month, int32_t day) {
    static const int16_t before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int32_t leap_years = (year - 1 - 1968) / 4; // 2000 is one; 1900 and 2100 are outside
    bool is_leap = year % 4 == 0;
    return (int64_t)(year - YEAR_MIN) * 365 + leap_years + before[month - 1] +
           (is_leap && month > 2 ? 1 : 0) + day - 1;
}

static int32_t days_in_month(int32_t year, int32_t month) {
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && year % 4 == 0 ? 1 : 0);
}

// Exactly `count` digits within lo..hi, then `stop` unless that is 0.
static bool take_part(struct slice *text, int count, int32_t lo, int32_t hi, int32_t *out_value) {
    int32_t value = 0;
    if (text->len < (size_t)count) {
        return false;
    }
    for (int i = 0; i < count; i++) {
        if (text->data[i] < '0' || text->data[i] > '9') {
            return false;
        }
        value = value * 10 + (text->data[i] - '0');
    }
    if (value < lo || value > hi) {
        return false;
    }
    text->data += count;
    text->len -= (size_t)count;
    *out_value = value;
    return true;
}

static bool take_byte(struct slice *text, char a, char b) {
    if (text->len == 0 || (text->data[0] != (uint8_t)a && text->data[0] != (uint8_t)b)) {
        return false;
    }
    text->data++;
    text->len--;
    return true;
}

static bool take_fraction(struct slice *text, int64_t *out_ms) {
    *out_ms = 0;
    if (!take_byte(text, '.', ',')) {
        return true;
    }
    int64_t scale = 100;
    size_t digits = 0;
    while (text->len > 0 && text->data[0] >= '0' && text->data[0] <= '9') {
        *out_ms += (text->data[0] - '0') * scale;
        scale /= 10;
        text->data++;
        text->len--;
        digits++;
    }
    return digits > 0 && digits <= 9;
}

// "Z", "+08:00", "+0800", "+08" or nothing.
static bool take_zone(struct slice *text, bool zone_needed, int64_t *out_minutes) {
    *out_minutes = 0;
    if (text->len == 0) {
        return !zone_needed;
    }
    if (take_byte(text, 'Z', 'z')) {
        return true;
    }
    int64_t sign = text->data[0] == '-' ? -1 : 1;
    int32_t hours = 0;
    int32_t minutes = 0;
    if (!take_byte(text, '+', '-') || !take_part(text, 2, 0, 14, &hours)) {
        return false;
    }
    if (text->len > 0) {
        (void)take_byte(text, ':', ':');
        if (!take_part(text, 2, 0, 59, &minutes)) {
            return false;
        }
    }
    *out_minutes = sign * (hours * 60 + minutes);
    return true;
}

enum rc feed_time_parse(struct slice text, bool zone_needed, struct utc_ms *out_time) {
    int32_t year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
    int64_t fraction_ms = 0;
    int64_t zone_minutes = 0;
    bool ok = take_part(&text, 4, YEAR_MIN, YEAR_MAX, &year) && take_byte(&text, '-', '-') &&
              take_part(&text, 2, 1, 12, &month) && take_byte(&text, '-', '-') &&
              take_part(&text, 2, 1, 31, &day) && day <= days_in_month(year, month) &&
              take_byte(&text, 'T', ' ') && take_part(&text, 2, 0, 23, &hour) &&
              take_byte(&text, ':', ':') && take_part(&text, 2, 0, 59, &minute) &&
              take_byte(&text, ':', ':') && take_part(&text, 2, 0, 60, &second) &&
              take_fraction(&text, &fraction_ms) && take_zone(&text, zone_needed, &zone_minutes) &&
              text.len == 0;
    if (!ok) {
        return RC_INVALID;
    }
    int64_t minutes = days_from_date(year, month, day) * 1440 + hour * 60 + minute - zone_minutes;
    int64_t ms = (minutes * 60 + second) * 1000 + fraction_ms;
    if (ms < 0) {
        return RC_INVALID;
    }
    out_time->v = ms;
    return RC_OK;
}
