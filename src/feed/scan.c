#include "davy/feed/scan.h"

#include "feed_priv.h"
#include <stdlib.h>
#include <string.h>

// Open addressing over the names of one object, at most half full.
#define NAME_SLOTS (2 * LIMIT_TELEMETRY_READINGS)

struct name_slot {
    uint32_t round; // of the object that wrote it; older slots are free
    uint32_t index;
};

struct feed_scanner {
    uint64_t seed;
    uint32_t round;
    uint32_t count;
    struct feed_reading readings[LIMIT_TELEMETRY_READINGS];
    bool quality_open[LIMIT_TELEMETRY_READINGS]; // takes the outer object's quality
    struct name_slot slots[NAME_SLOTS];
    struct key_set unknown[2]; // of the outer and the inner object at work
    uint8_t text[LIMIT_TELEMETRY_BYTES];
};

struct scan {
    struct cursor cursor;
    struct feed_scanner *out;
    const struct feed_rules *rules;
};

enum key {
    KEY_NONE,
    KEY_TAG,
    KEY_TIME,
    KEY_VALUE,
    KEY_QUALITY,
    KEY_VALUES,
    KEY_ROWS,
    KEY_ERRORS,
    KEY_ERROR
};

struct key_name {
    const char *name;
    uint8_t len;
    enum key key;
};

// Sorted by length; key_first[len] is where a length begins.
static const struct key_name key_names[] = {
    {"t", 1, KEY_TIME},         {"v", 1, KEY_VALUE},         {"q", 1, KEY_QUALITY},
    {"id", 2, KEY_TAG},         {"ts", 2, KEY_TIME},         {"tag", 3, KEY_TAG},
    {"name", 4, KEY_TAG},       {"rows", 4, KEY_ROWS},       {"tags", 4, KEY_VALUES},
    {"value", 5, KEY_VALUE},    {"error", 5, KEY_ERROR},     {"values", 6, KEY_VALUES},
    {"errors", 6, KEY_ERRORS},  {"quality", 7, KEY_QUALITY}, {"tagname", 7, KEY_TAG},
    {"timestamp", 9, KEY_TIME},
};
#define KEY_LEN_MAX 9
static const uint8_t key_first[KEY_LEN_MAX + 2] = {0, 0, 3, 5, 6, 9, 11, 13, 15, 15, 16};

// What one object said so far.
struct shape {
    uint32_t first; // readings from here on are its own
    uint32_t seen;  // bit per key
    enum feed_form values_form;
    bool is_inner;
    bool has_time;
    bool has_quality;
    bool has_value;
    enum feed_quality quality;
    struct utc_ms time;
    double value;
    struct slice tag;
};

static const char *const fault_texts[FEED_FAULT_KIND_COUNT] = {
#define FEED_FAULT_TEXT(fault, text) [fault] = text,
    FEED_FAULT_TABLE(FEED_FAULT_TEXT)
#undef FEED_FAULT_TEXT
};

const char *feed_fault_text(enum feed_fault fault) {
    return (unsigned)fault < FEED_FAULT_KIND_COUNT ? fault_texts[fault] : "unknown";
}

enum rc feed_scanner_new(uint64_t seed, struct feed_scanner **out_scanner) {
    struct feed_scanner *scanner = calloc(1, sizeof *scanner);
    if (scanner == NULL) {
        return RC_NO_MEMORY;
    }
    scanner->seed = seed;
    *out_scanner = scanner;
    return RC_OK;
}

void feed_scanner_free(struct feed_scanner *scanner) {
    free(scanner);
}

static bool same_bytes(const char *name, const uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if ((uint8_t)name[i] != bytes[i]) {
            return false;
        }
    }
    return true;
}

static enum key key_of(struct slice text) {
    if (text.len > KEY_LEN_MAX) {
        return KEY_NONE;
    }
    for (size_t i = key_first[text.len]; i < key_first[text.len + 1]; i++) {
        if (same_bytes(key_names[i].name, text.data, text.len)) {
            return key_names[i].key;
        }
    }
    return KEY_NONE;
}

// Something else stands here than what must.
static bool fail_type(struct cursor *cursor) {
    enum feed_fault fault = cursor->at == cursor->end ? FEED_FAULT_END : FEED_FAULT_TYPE;
    return cursor_fail(cursor, fault, cursor->at);
}

// ---- single fields ------------------------------------------------------------------------------

static bool read_tag(struct scan *scan, struct slice *out_tag) {
    struct cursor *cursor = &scan->cursor;
    if (cursor_peek(cursor) != '"') {
        return fail_type(cursor);
    }
    const uint8_t *at = cursor->at;
    if (!json_string(cursor, out_tag)) {
        return false;
    }
    if (out_tag->len == 0 || out_tag->len > LIMIT_TAG_BYTES) {
        return cursor_fail(cursor, FEED_FAULT_TAG, at);
    }
    return true;
}

static bool read_time(struct scan *scan, bool *out_has, struct utc_ms *out_time) {
    struct cursor *cursor = &scan->cursor;
    const uint8_t *at = cursor->at;
    struct number number;
    struct slice text;
    uint8_t byte = cursor_peek(cursor);
    *out_has = false;
    at = cursor->at;
    if (byte == 'n') {
        return cursor_word(cursor, "null");
    }
    if (byte == '"') {
        if (!json_string(cursor, &text)) {
            return false;
        }
        if (feed_time_parse(text, true, out_time) != RC_OK) {
            return cursor_fail(cursor, FEED_FAULT_TIME, at);
        }
    } else if (byte == '-' || (byte >= '0' && byte <= '9')) {
        if (!json_number(cursor, &number)) {
            return false;
        }
        enum feed_time_unit unit = scan->rules->time_unit;
        if (!number_time(&number, unit == FEED_TIME_RECEIVE ? FEED_TIME_MS : unit, &out_time->v) &&
            unit != FEED_TIME_RECEIVE) {
            return cursor_fail(cursor, FEED_FAULT_TIME, at);
        }
    } else {
        return fail_type(cursor);
    }
    *out_has = scan->rules->time_unit != FEED_TIME_RECEIVE && out_time->v != 0;
    return true;
}

static bool is_sentinel(const struct feed_rules *rules, double value) {
    for (uint32_t i = 0; i < rules->sentinel_count; i++) {
        if (rules->sentinels[i] == value) {
            return true;
        }
    }
    return false;
}

// A number, true, false; null and "NaN" are no value.
static bool read_value(struct scan *scan, bool *out_has, double *out_value) {
    struct cursor *cursor = &scan->cursor;
    struct number number;
    struct slice text;
    uint8_t byte = cursor_peek(cursor);
    const uint8_t *at = cursor->at;
    *out_has = byte != 'n';
    *out_value = 0;
    switch (byte) {
    case 't':
        *out_value = 1;
        return cursor_word(cursor, "true");
    case 'f':
        return cursor_word(cursor, "false");
    case 'n':
        return cursor_word(cursor, "null");
    case '"':
        *out_has = false;
        return json_string(cursor, &text) &&
               (slice_equal(text, slice_text("NaN")) || cursor_fail(cursor, FEED_FAULT_TYPE, at));
    case '[':
    case '{':
        return cursor_fail(cursor, FEED_FAULT_TYPE, at);
    default:
        break;
    }
    if (!json_number(cursor, &number)) {
        return false;
    }
    if (!number_double(&number, out_value)) {
        return cursor_fail(cursor, FEED_FAULT_RANGE, at);
    }
    if (is_sentinel(scan->rules, *out_value)) {
        *out_has = false;
        *out_value = 0;
    }
    return true;
}

// OPC DA: the two high bits of the low byte.
static enum feed_quality quality_of_number(const struct number *number) {
    if (number->exponent != 0 || number->negative || number->is_cut || number->digits > 255) {
        return FEED_BAD;
    }
    static const enum feed_quality by_bits[4] = {FEED_BAD, FEED_UNCERTAIN, FEED_BAD, FEED_GOOD};
    return by_bits[number->digits >> 6];
}

static enum feed_quality quality_of_word(struct slice word) {
    if (slice_equal(word, slice_text("true")) || slice_equal(word, slice_text("good"))) {
        return FEED_GOOD;
    }
    return slice_equal(word, slice_text("uncertain")) ? FEED_UNCERTAIN : FEED_BAD;
}

static enum feed_quality quality_of_table(const struct feed_rules *rules, struct slice word) {
    for (uint32_t i = 0; i < rules->word_count; i++) {
        if (slice_equal(word, slice_text(rules->words[i].word))) {
            return rules->words[i].quality;
        }
    }
    return FEED_BAD;
}

static bool read_quality(struct scan *scan, bool *out_has, enum feed_quality *out_quality) {
    struct cursor *cursor = &scan->cursor;
    struct number number = {.digits = 0};
    struct slice word;
    uint8_t byte = cursor_peek(cursor);
    const uint8_t *at = cursor->at;
    bool is_number = false;
    bool ok = false;
    *out_has = byte != 'n';
    if (byte == '"') {
        ok = json_string(cursor, &word);
    } else if (byte == 't' || byte == 'f' || byte == 'n') {
        ok = cursor_word(cursor, byte == 't' ? "true" : byte == 'f' ? "false" : "null");
        word = slice_of(at, (size_t)(cursor->at - at));
    } else if (byte == '[' || byte == '{') {
        return cursor_fail(cursor, FEED_FAULT_TYPE, at);
    } else {
        is_number = true;
        ok = json_number(cursor, &number);
        word = number.text;
    }
    if (!ok) {
        return false;
    }
    if (scan->rules->word_count > 0) {
        *out_quality = quality_of_table(scan->rules, word);
    } else {
        *out_quality = is_number ? quality_of_number(&number) : quality_of_word(word);
    }
    return true;
}

// ---- readings -----------------------------------------------------------------------------------

static bool add(struct scan *scan, const struct feed_reading *reading, bool quality_open) {
    struct feed_scanner *out = scan->out;
    if (out->count == LIMIT_TELEMETRY_READINGS) {
        return cursor_fail(&scan->cursor, FEED_FAULT_COUNT, scan->cursor.at);
    }
    out->readings[out->count] = *reading;
    out->quality_open[out->count] = quality_open && reading->has_value;
    if (!reading->has_value) {
        out->readings[out->count].quality = FEED_BAD;
    }
    out->count++;
    return true;
}

static uint64_t name_hash(uint64_t seed, struct slice name) {
    uint64_t hash = seed ^ 0xcbf29ce484222325u;
    for (size_t i = 0; i < name.len; i++) {
        hash = (hash ^ name.data[i]) * 0x100000001b3u;
    }
    hash ^= hash >> 32;
    hash *= 0x9e3779b97f4a7c15u;
    return hash >> 32;
}

// A new object begins: all slots are free again.
static void names_reset(struct feed_scanner *out) {
    if (++out->round == 0) {
        memset(out->slots, 0, sizeof out->slots);
        out->round = 1;
    }
}

// Notes that the next reading has this name; false if the object gave it before.
static bool names_add(struct scan *scan, struct slice name, const uint8_t *at) {
    struct feed_scanner *out = scan->out;
    if (out->count == LIMIT_TELEMETRY_READINGS) {
        return cursor_fail(&scan->cursor, FEED_FAULT_COUNT, at);
    }
    size_t slot = name_hash(out->seed, name) % NAME_SLOTS;
    while (out->slots[slot].round == out->round) {
        if (slice_equal(out->readings[out->slots[slot].index].tag, name)) {
            return cursor_fail(&scan->cursor, FEED_FAULT_DUPLICATE, at);
        }
        slot = (slot + 1) % NAME_SLOTS;
    }
    out->slots[slot] = (struct name_slot){out->round, out->count};
    return true;
}

static bool enter(struct scan *scan, uint32_t depth, uint8_t close, bool *out_any) {
    struct cursor *cursor = &scan->cursor;
    if (depth > LIMIT_JSON_DEPTH) {
        return cursor_fail(cursor, FEED_FAULT_DEPTH, cursor->at);
    }
    cursor->at++;
    *out_any = cursor_peek(cursor) != close;
    if (!*out_any) {
        cursor->at++;
    }
    return true;
}

// {"TI-101":123,…}; for "errors" the values are codes, and the readings are bad.
static bool read_members(struct scan *scan, uint32_t depth, bool are_errors) {
    struct cursor *cursor = &scan->cursor;
    bool more = false;
    if (!enter(scan, depth, '}', &more)) {
        return false;
    }
    while (more) {
        struct feed_reading reading = {.has_value = false};
        cursor_peek(cursor);
        const uint8_t *at = cursor->at;
        if (!read_tag(scan, &reading.tag) || !names_add(scan, reading.tag, at) ||
            !cursor_take(cursor, ':')) {
            return false;
        }
        bool ok = are_errors ? json_skip(cursor, depth + 1)
                             : read_value(scan, &reading.has_value, &reading.value);
        if (!ok || !add(scan, &reading, true) || !cursor_next(cursor, '}', &more)) {
            return false;
        }
    }
    return true;
}

// [t,v] or [t,v,q]; the tag is filled in at the end of the object.
static bool read_row(struct scan *scan, uint32_t depth) {
    struct cursor *cursor = &scan->cursor;
    struct feed_reading reading = {.has_value = false};
    bool has_quality = false;
    bool more = false;
    if (cursor_peek(cursor) != '[') {
        return fail_type(cursor);
    }
    if (!enter(scan, depth, ']', &more)) {
        return false;
    }
    if (!more) {
        return cursor_fail(cursor, FEED_FAULT_NO_VALUE, cursor->at);
    }
    if (!read_time(scan, &reading.has_time, &reading.time) || !cursor_next(cursor, ']', &more)) {
        return false;
    }
    if (!more) {
        return cursor_fail(cursor, FEED_FAULT_NO_VALUE, cursor->at);
    }
    if (!read_value(scan, &reading.has_value, &reading.value) || !cursor_next(cursor, ']', &more)) {
        return false;
    }
    if (more &&
        (!read_quality(scan, &has_quality, &reading.quality) || !cursor_take(cursor, ']'))) {
        return false;
    }
    return add(scan, &reading, !has_quality);
}

static bool read_rows(struct scan *scan, uint32_t depth) {
    bool more = false;
    if (cursor_peek(&scan->cursor) != '[') {
        return fail_type(&scan->cursor);
    }
    if (!enter(scan, depth, ']', &more)) {
        return false;
    }
    while (more) {
        if (!read_row(scan, depth + 1) || !cursor_next(&scan->cursor, ']', &more)) {
            return false;
        }
    }
    return true;
}

static bool read_object(struct scan *scan, uint32_t depth, bool is_inner);

static bool read_objects(struct scan *scan, uint32_t depth, bool are_inner) {
    bool more = false;
    if (!enter(scan, depth, ']', &more)) {
        return false;
    }
    while (more) {
        if (!read_object(scan, depth + 1, are_inner) || !cursor_next(&scan->cursor, ']', &more)) {
            return false;
        }
    }
    return true;
}

static bool read_values(struct scan *scan, struct shape *shape, uint32_t depth) {
    uint8_t byte = cursor_peek(&scan->cursor);
    if (byte == '[') {
        shape->values_form = FEED_BATCH;
        return read_objects(scan, depth, true);
    }
    if (byte == '{') {
        shape->values_form = FEED_VALUES;
        return read_members(scan, depth, false);
    }
    return fail_type(&scan->cursor);
}

static bool read_errors(struct scan *scan, uint32_t depth) {
    if (cursor_peek(&scan->cursor) != '{') {
        return fail_type(&scan->cursor);
    }
    return read_members(scan, depth, true);
}

static bool read_field(struct scan *scan, struct shape *shape, enum key key, uint32_t depth) {
    switch (key) {
    case KEY_TAG:
        return read_tag(scan, &shape->tag);
    case KEY_TIME:
        return read_time(scan, &shape->has_time, &shape->time);
    case KEY_VALUE:
        return read_value(scan, &shape->has_value, &shape->value);
    case KEY_QUALITY:
        return read_quality(scan, &shape->has_quality, &shape->quality);
    case KEY_VALUES:
        return read_values(scan, shape, depth);
    case KEY_ROWS:
        return read_rows(scan, depth);
    case KEY_ERRORS:
        return read_errors(scan, depth);
    case KEY_ERROR:
    case KEY_NONE:
        break;
    }
    return json_skip(&scan->cursor, depth);
}

#define CONTAINERS ((1u << KEY_VALUES) | (1u << KEY_ROWS) | (1u << KEY_ERRORS))
#define SINGLES ((1u << KEY_VALUE) | (1u << KEY_ERROR))

static bool read_pair(struct scan *scan, struct shape *shape, uint32_t depth) {
    struct cursor *cursor = &scan->cursor;
    struct slice text;
    cursor_peek(cursor);
    const uint8_t *at = cursor->at;
    if (!json_key(cursor, &text)) {
        return false;
    }
    enum key key = key_of(text);
    if (key == KEY_VALUES && text.len == 4 && cursor_peek(cursor) != '[') {
        key = KEY_NONE; // "tags" with an object is a label set elsewhere
    }
    if (key == KEY_NONE && !key_set_add(&scan->out->unknown[shape->is_inner], cursor, text, at)) {
        return false;
    }
    uint32_t bit = 1u << key;
    if (key != KEY_NONE && (shape->seen & bit) != 0) {
        return cursor_fail(cursor, FEED_FAULT_DUPLICATE, at);
    }
    shape->seen |= bit;
    if ((bit & CONTAINERS) != 0 && (shape->is_inner || (shape->seen & SINGLES) != 0)) {
        return cursor_fail(cursor, FEED_FAULT_MIXED, at);
    }
    return read_field(scan, shape, key, depth + 1);
}

static enum feed_form shape_form(const struct shape *shape) {
    if ((shape->seen & (1u << KEY_ROWS)) != 0) {
        return FEED_ROWS;
    }
    if ((shape->seen & (1u << KEY_VALUES)) != 0) {
        return shape->values_form;
    }
    return (shape->seen & (1u << KEY_ERRORS)) != 0 ? FEED_VALUES : FEED_SINGLE;
}

static bool finish_single(struct scan *scan, const struct shape *shape, const uint8_t *at) {
    if ((shape->seen & SINGLES) == 0) {
        return cursor_fail(&scan->cursor, FEED_FAULT_NO_VALUE, at);
    }
    if (shape->tag.len == 0 && !scan->rules->tag_optional) {
        return cursor_fail(&scan->cursor, FEED_FAULT_NO_TAG, at);
    }
    struct feed_reading reading = {
        .tag = shape->tag,
        .value = shape->value,
        .time = shape->time,
        .has_time = shape->has_time,
        .has_value = shape->has_value && (shape->seen & (1u << KEY_ERROR)) == 0,
        .quality = shape->has_quality ? shape->quality : FEED_GOOD,
    };
    reading.value = reading.has_value ? reading.value : 0;
    return add(scan, &reading, !shape->has_quality);
}

// Gives time, quality and, for rows, the tag of the object to its readings.
static bool finish_container(struct scan *scan, const struct shape *shape, const uint8_t *at) {
    struct feed_scanner *out = scan->out;
    bool is_rows = (shape->seen & (1u << KEY_ROWS)) != 0;
    if ((shape->seen & SINGLES) != 0 || (is_rows && (shape->seen & (1u << KEY_VALUES)) != 0) ||
        (shape->values_form == FEED_BATCH && (shape->seen & (1u << KEY_ERRORS)) != 0)) {
        return cursor_fail(&scan->cursor, FEED_FAULT_MIXED, at);
    }
    if (is_rows && shape->tag.len == 0 && !scan->rules->tag_optional) {
        return cursor_fail(&scan->cursor, FEED_FAULT_NO_TAG, at);
    }
    for (uint32_t i = shape->first; i < out->count; i++) {
        struct feed_reading *reading = &out->readings[i];
        if (!reading->has_time && shape->has_time) {
            reading->has_time = true;
            reading->time = shape->time;
        }
        if (out->quality_open[i]) {
            reading->quality = shape->has_quality ? shape->quality : FEED_GOOD;
        }
        if (is_rows) {
            reading->tag = shape->tag;
        }
    }
    return true;
}

static bool read_object(struct scan *scan, uint32_t depth, bool is_inner) {
    struct cursor *cursor = &scan->cursor;
    struct shape shape = {.first = scan->out->count, .is_inner = is_inner};
    scan->out->unknown[is_inner].count = 0;
    if (cursor_peek(cursor) != '{') {
        return fail_type(cursor);
    }
    const uint8_t *at = cursor->at;
    bool more = false;
    if (!is_inner) {
        names_reset(scan->out);
    }
    if (!enter(scan, depth, '}', &more)) {
        return false;
    }
    while (more) {
        if (!read_pair(scan, &shape, depth) || !cursor_next(cursor, '}', &more)) {
            return false;
        }
    }
    enum feed_form form = is_inner ? FEED_BATCH : shape_form(&shape);
    if (scan->rules->form != FEED_AUTO && scan->rules->form != form) {
        return cursor_fail(cursor, FEED_FAULT_FORM, at);
    }
    return (shape.seen & CONTAINERS) != 0 ? finish_container(scan, &shape, at)
                                          : finish_single(scan, &shape, at);
}

static bool read_scalar(struct scan *scan) {
    struct feed_reading reading = {.quality = FEED_GOOD};
    return read_value(scan, &reading.has_value, &reading.value) && add(scan, &reading, false);
}

static bool read_root(struct scan *scan) {
    struct cursor *cursor = &scan->cursor;
    uint8_t byte = cursor_peek(cursor);
    bool ok = false;
    if (scan->rules->form == FEED_SCALAR) {
        ok = read_scalar(scan);
    } else if (byte == '[') {
        ok = read_objects(scan, 1, false);
    } else if (byte == '{') {
        ok = read_object(scan, 1, false);
    } else {
        // Bare values are told apart from rubbish, so that the operator sees which of both it is.
        ok = json_skip(cursor, 1) && cursor_fail(cursor, FEED_FAULT_FORM, cursor->start);
    }
    if (!ok) {
        return false;
    }
    cursor_peek(cursor);
    if (cursor->at != cursor->end) {
        return cursor_fail(cursor, FEED_FAULT_TRAILING, cursor->at);
    }
    return scan->out->count > 0 || cursor_fail(cursor, FEED_FAULT_EMPTY, cursor->at);
}

static enum rc fault_rc(enum feed_fault fault) {
    if (fault == FEED_FAULT_SIZE || fault == FEED_FAULT_COUNT) {
        return RC_TOO_LARGE;
    }
    return fault == FEED_FAULT_END ? RC_TRUNCATED : RC_INVALID;
}

enum rc feed_scan(struct feed_scanner *scanner, const struct feed_rules *rules,
                  struct slice payload, const struct feed_reading **out_readings,
                  uint32_t *out_count, struct feed_error *error) {
    struct scan scan = {
        .cursor = {.start = payload.data,
                   .at = payload.data,
                   .end = payload.data + payload.len,
                   .text = scanner->text},
        .out = scanner,
        .rules = rules,
    };
    scanner->count = 0;
    bool ok = payload.len <= LIMIT_TELEMETRY_BYTES
                  ? read_root(&scan)
                  : cursor_fail(&scan.cursor, FEED_FAULT_SIZE, payload.data);
    if (!ok) {
        if (error != NULL) {
            *error = scan.cursor.error;
        }
        return fault_rc(scan.cursor.error.fault);
    }
    *out_readings = scanner->readings;
    *out_count = scanner->count;
    return RC_OK;
}
