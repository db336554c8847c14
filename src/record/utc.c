#include "davy/record/export.h"

#include <string.h>

// Proleptic Gregorian calendar. Years count from March, so that the leap day is the last.
#define MS_DAY INT64_C(86400000)
#define MS_HOUR INT64_C(3600000)
#define MS_MINUTE INT64_C(60000)
#define DAYS_ERA 146097                       // 400 years
#define DAYS_TO_1970 719468                   // from 0000-03-01
#define UTC_MIN_MS (-INT64_C(62167219200000)) // 0000-01-01
#define UTC_MAX_MS INT64_C(253402300799999)   // 9999-12-31T23:59:59.999

struct civil {
    int year;
    int month;
    int day;
};

static struct civil civil_from_days(int64_t days_1970) {
    int64_t days = days_1970 + DAYS_TO_1970;
    int64_t era = (days >= 0 ? days : days - (DAYS_ERA - 1)) / DAYS_ERA;
    int day_era = (int)(days - era * DAYS_ERA);
    int year_era = (day_era - day_era / 1460 + day_era / 36524 - day_era / 146096) / 365;
    int day_year = day_era - (365 * year_era + year_era / 4 - year_era / 100);
    int month_march = (5 * day_year + 2) / 153;
    int month = month_march < 10 ? month_march + 3 : month_march - 9;
    return (struct civil){
        .year = (int)(era * 400) + year_era + (month <= 2 ? 1 : 0),
        .month = month,
        .day = day_year - (153 * month_march + 2) / 5 + 1,
    };
}

static int64_t days_from_civil(struct civil date) {
    int year = date.month <= 2 ? date.year - 1 : date.year;
    int era = (year >= 0 ? year : year - 399) / 400;
    int year_era = year - era * 400;
    int month_march = date.month > 2 ? date.month - 3 : date.month + 9;
    int day_year = (153 * month_march + 2) / 5 + date.day - 1;
    int day_era = year_era * 365 + year_era / 4 - year_era / 100 + day_year;
    return (int64_t)era * DAYS_ERA + day_era - DAYS_TO_1970;
}

static char *digits_write(char *at, int64_t value, int count) {
    for (int i = count - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + count;
}

void utc_format(struct utc_ms time, char out_text[static UTC_TEXT_BYTES]) {
    int64_t ms = time.v < UTC_MIN_MS ? UTC_MIN_MS : time.v > UTC_MAX_MS ? UTC_MAX_MS : time.v;
    int64_t days = (ms >= 0 ? ms : ms - (MS_DAY - 1)) / MS_DAY;
    int64_t rest = ms - days * MS_DAY;
    struct civil date = civil_from_days(days);
    char *at = digits_write(out_text, date.year, 4);
    *at++ = '-';
    at = digits_write(at, date.month, 2);
    *at++ = '-';
    at = digits_write(at, date.day, 2);
    *at++ = 'T';
    at = digits_write(at, rest / MS_HOUR, 2);
    *at++ = ':';
    at = digits_write(at, rest / MS_MINUTE % 60, 2);
    *at++ = ':';
    at = digits_write(at, rest / 1000 % 60, 2);
    *at++ = '.';
    at = digits_write(at, rest % 1000, 3);
    *at++ = 'Z';
    *at = '\0';
}

// Exactly `count` digits; -1 if there are others.
static int digits_read(const char **inout_at, int count) {
    int value = 0;
    for (int i = 0; i < count; i++) {
        char c = **inout_at;
        if (c < '0' || c > '9') {
            return -1;
        }
        value = value * 10 + (c - '0');
        (*inout_at)++;
    }
    return value;
}

static bool char_read(const char **inout_at, char expected) {
    if (**inout_at != expected) {
        return false;
    }
    (*inout_at)++;
    return true;
}

static int days_of_month(int year, int month) {
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

static bool date_read(const char **inout_at, int64_t *out_days) {
    struct civil date = {.year = digits_read(inout_at, 4)};
    bool ok = date.year >= 0 && char_read(inout_at, '-');
    date.month = ok ? digits_read(inout_at, 2) : -1;
    ok = date.month >= 1 && date.month <= 12 && char_read(inout_at, '-');
    date.day = ok ? digits_read(inout_at, 2) : -1;
    if (date.day < 1 || date.day > days_of_month(date.year, date.month)) {
        return false;
    }
    *out_days = days_from_civil(date);
    return true;
}

static bool clock_read(const char **inout_at, int64_t *out_ms) {
    int hour = digits_read(inout_at, 2);
    bool ok = hour >= 0 && hour <= 23 && char_read(inout_at, ':');
    int minute = ok ? digits_read(inout_at, 2) : -1;
    ok = minute >= 0 && minute <= 59 && char_read(inout_at, ':');
    int second = ok ? digits_read(inout_at, 2) : -1;
    if (second < 0 || second > 59) {
        return false;
    }
    *out_ms = hour * MS_HOUR + minute * MS_MINUTE + second * 1000;
    return true;
}

static bool fraction_read(const char **inout_at, int64_t *out_ms) {
    int64_t ms = 0;
    int count = 0;
    if (char_read(inout_at, '.')) {
        for (int scale = 100; count < 9 && **inout_at >= '0' && **inout_at <= '9'; count++) {
            ms += (**inout_at - '0') * scale;
            scale /= 10;
            (*inout_at)++;
        }
        if (count == 0) {
            return false;
        }
    }
    *out_ms = ms;
    return true;
}

static bool offset_read(const char **inout_at, int64_t *out_ms) {
    if (char_read(inout_at, 'Z')) {
        *out_ms = 0;
        return true;
    }
    bool east = char_read(inout_at, '+');
    if (!east && !char_read(inout_at, '-')) {
        return false;
    }
    int hours = digits_read(inout_at, 2);
    int minutes = hours >= 0 && char_read(inout_at, ':') ? digits_read(inout_at, 2) : -1;
    if (hours > 23 || minutes < 0 || minutes > 59) {
        return false;
    }
    int64_t ms = hours * MS_HOUR + minutes * MS_MINUTE;
    *out_ms = east ? ms : -ms;
    return true;
}

enum rc utc_parse(const char *text, struct utc_ms *out_time) {
    const char *at = text;
    int64_t days = 0;
    int64_t clock_ms = 0;
    int64_t fraction_ms = 0;
    int64_t offset_ms = 0;
    bool ok = date_read(&at, &days) && char_read(&at, 'T') && clock_read(&at, &clock_ms) &&
              fraction_read(&at, &fraction_ms) && offset_read(&at, &offset_ms);
    if (!ok || *at != '\0') {
        return RC_INVALID;
    }
    out_time->v = days * MS_DAY + clock_ms + fraction_ms - offset_ms;
    return RC_OK;
}
