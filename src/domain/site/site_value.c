#include "site_priv.h"

#include "davy/base/decimal.h"
#include "davy/base/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The value at work, and where issues about it go.
struct value {
    struct site_place place;
    const struct field_row *field;
    uint8_t *item;
};

static bool fail(const struct value *value, enum site_issue_code code, const char *arg) {
    ISSUE(&value->place, code, arg);
    return false;
}

static bool fail_range(const struct value *value, const char *text, uint32_t lo, uint32_t hi) {
    char range[48];
    (void)snprintf(range, sizeof range, "%u .. %u", lo, hi);
    ISSUE(&value->place, SITE_NUMBER_RANGE, text, range);
    return false;
}

// Decimals on paper, doubles in the evaluator: what is written here is compared as telemetry comes.
static bool read_number(const struct value *value, const char *text, double *out_number) {
    struct decimal decimal;
    if (decimal_parse(text, &decimal) != RC_OK) {
        return fail(value, SITE_NUMBER, text);
    }
    *out_number = decimal_to_double(decimal);
    return true;
}

static bool read_whole(const struct value *value, const char *text, uint32_t lo, uint32_t hi,
                       uint32_t *out_number) {
    uint64_t number = 0;
    size_t len = strlen(text);
    if (len == 0 || len > 9 || strspn(text, "0123456789") != len) {
        return fail(value, SITE_NUMBER, text);
    }
    for (size_t i = 0; i < len; i++) {
        number = number * 10 + (uint64_t)(text[i] - '0');
    }
    if (number < lo || number > hi) {
        return fail_range(value, text, lo, hi);
    }
    *out_number = (uint32_t)number;
    return true;
}

// Cuts blanks off both ends, in place.
static char *trim(char *text) {
    text += strspn(text, " ");
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == ' ') {
        text[--len] = '\0';
    }
    return text;
}

static bool read_range(const struct value *value, char *text) {
    struct site_tag *tag = (struct site_tag *)(void *)value->item;
    char whole[SITE_ISSUE_ARG_BYTES];
    (void)text_clean(slice_text(text), whole, sizeof whole);
    char *dots = strstr(text, "..");
    if (dots == NULL) {
        return fail(value, SITE_RANGE, whole);
    }
    *dots = '\0';
    struct decimal lo;
    struct decimal hi;
    if (decimal_parse(trim(text), &lo) != RC_OK || decimal_parse(trim(dots + 2), &hi) != RC_OK ||
        decimal_compare(lo, hi) >= 0) {
        return fail(value, SITE_RANGE, whole);
    }
    tag->has_range = true;
    tag->range_lo = decimal_to_double(lo);
    tag->range_hi = decimal_to_double(hi);
    return true;
}

enum word { WORD_DEADBAND, WORD_ON, WORD_OFF, WORD_PRIORITY, WORD_COUNT };
static const char *const words[WORD_COUNT] = {"deadband", "on", "off", "priority"};

static bool read_word(const struct value *value, struct site_limit *limit, enum word word,
                      const char *text) {
    uint32_t priority = 0;
    switch (word) {
    case WORD_DEADBAND:
        if (!read_number(value, text, &limit->deadband)) {
            return false;
        }
        if (limit->deadband < 0) {
            ISSUE(&value->place, SITE_NUMBER_RANGE, text, "0 .. 1e18");
        }
        return limit->deadband >= 0;
    case WORD_ON:
        return read_whole(value, text, 0, LIMIT_ALARM_DELAY_S, &limit->on_delay_s);
    case WORD_OFF:
        return read_whole(value, text, 0, LIMIT_ALARM_DELAY_S, &limit->off_delay_s);
    case WORD_PRIORITY:
        if (!read_whole(value, text, 1, 4, &priority)) {
            return false;
        }
        limit->priority = (uint8_t)priority;
        return true;
    case WORD_COUNT:
        break;
    }
    return false;
}

// Which word "name=" is that text begins with; *out_rest is what follows.
static enum word find_word(const char *text, const char **out_rest) {
    for (int i = 0; i < WORD_COUNT; i++) {
        size_t len = strlen(words[i]);
        if (strncmp(text, words[i], len) == 0 && text[len] == '=') {
            *out_rest = text + len + 1;
            return (enum word)i;
        }
    }
    return WORD_COUNT;
}

// The next blank-separated word, cut off in place; NULL at the end.
static char *next_word(char **inout_at) {
    char *word = *inout_at + strspn(*inout_at, " ");
    size_t len = strcspn(word, " ");
    *inout_at = word + len;
    if (len == 0) {
        return NULL;
    }
    if (word[len] != '\0') {
        word[len] = '\0';
        *inout_at = word + len + 1;
    }
    return word;
}

static bool read_limit(const struct value *value, char *text) {
    struct site_tag *tag = (struct site_tag *)(void *)value->item;
    struct site_limit limit = {.present = true, .line = value->place.line};
    bool seen[WORD_COUNT] = {false};
    char *word = next_word(&text);
    if (word == NULL || !read_number(value, word, &limit.value)) {
        return false;
    }
    for (word = next_word(&text); word != NULL; word = next_word(&text)) {
        const char *rest = "";
        enum word which = find_word(word, &rest);
        if (which == WORD_COUNT || seen[which]) {
            return fail(value, SITE_LIMIT_WORD, word);
        }
        seen[which] = true;
        if (!read_word(value, &limit, which, rest)) {
            return false;
        }
    }
    if (!seen[WORD_PRIORITY]) {
        return fail(value, SITE_LIMIT_PRIORITY, "");
    }
    tag->limits[value->field->lo] = limit;
    return true;
}

static bool read_seconds(const struct value *value, const char *text) {
    uint32_t number = 0;
    if (!read_whole(value, text, value->field->lo, value->field->hi, &number)) {
        return false;
    }
    memcpy(value->item + value->field->offset, &number, sizeof number);
    return true;
}

bool site_value_read(const struct site_reader *reader, const struct field_row *field, char *text) {
    const struct value value = {
        {reader->issues, reader->line, reader->section, field->key}, field, reader->item};
    struct site_tag *tag = (struct site_tag *)(void *)reader->item;
    char most[24];
    if (text[0] == '\0') {
        return fail(&value, SITE_TEXT_EMPTY, "");
    }
    switch (field->type) {
    case VALUE_TEXT:
    case VALUE_REF:
        if (strlen(text) > field->max_bytes) {
            (void)snprintf(most, sizeof most, "%zu", field->max_bytes);
            return fail(&value, SITE_TEXT_LONG, most);
        }
        if (field->type == VALUE_REF) {
            reader->notes->refs[field->lo] = text;
        } else {
            *site_item_text(reader->item, field->offset) = text;
        }
        return true;
    case VALUE_SECONDS:
        return read_seconds(&value, text);
    case VALUE_RANGE:
        return read_range(&value, text);
    case VALUE_NOMINAL:
        tag->has_nominal = read_number(&value, text, &tag->nominal);
        return tag->has_nominal;
    case VALUE_LIMIT:
        return read_limit(&value, text);
    }
    return false;
}
