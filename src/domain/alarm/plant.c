#include "davy/domain/alarm/plant.h"

#include "davy/base/ensure.h"
#include "davy/base/map.h"
#include "davy/base/text.h"
#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_SEED 0x706c616e746e616du
#define KEYS_MAX 16

// One object under check: where issues about it go, and what was seen of it.
struct scope {
    struct plant_error *error;
    const char *tag;    // for errors
    const char *prefix; // "limits.HH." before a key
};

enum key {
    KEY_IGNORED, // for people: any value
    KEY_META,
    KEY_TAGS,
    KEY_TAG,
    KEY_COLUMN,
    KEY_NOMINAL,
    KEY_LIMITS,
    KEY_LIMIT,
    KEY_VALUE,
    KEY_PRIORITY,
    KEY_ON_DELAY,
    KEY_OFF_DELAY,
    KEY_DEADBAND,
};

struct key_row {
    const char *name;
    enum key key;
    bool required;
};
struct key_table {
    const struct key_row *rows;
    uint32_t count;
};
#define KEY_TABLE(rows)                                                                            \
    { rows, COUNT_OF(rows) }

static const struct key_row file_keys[] = {{"meta", KEY_META, false}, {"tags", KEY_TAGS, true}};
static const struct key_row tag_keys[] = {
    {"tag", KEY_TAG, true},
    {"column", KEY_COLUMN, true},
    {"limits", KEY_LIMITS, true},
    {"nominal", KEY_NOMINAL, false},
    {"name", KEY_IGNORED, false},
    {"unit", KEY_IGNORED, false},
    {"signal_type", KEY_IGNORED, false},
    {"sample_s", KEY_IGNORED, false},
    {"sd", KEY_IGNORED, false},
    {"trip", KEY_IGNORED, false},
    {"consequence", KEY_IGNORED, false},
    {"action", KEY_IGNORED, false},
    {"respond_within_s", KEY_IGNORED, false},
};
// In the order of enum alarm_limit, from ALARM_HH.
static const struct key_row limits_keys[] = {{"HH", KEY_LIMIT, false},
                                             {"H", KEY_LIMIT, false},
                                             {"L", KEY_LIMIT, false},
                                             {"LL", KEY_LIMIT, false}};
static const struct key_row limit_keys[] = {
    {"value", KEY_VALUE, true},          {"priority", KEY_PRIORITY, true},
    {"on_delay_s", KEY_ON_DELAY, false}, {"off_delay_s", KEY_OFF_DELAY, false},
    {"deadband", KEY_DEADBAND, false},   {"basis", KEY_IGNORED, false},
};
static const struct key_table file_table = KEY_TABLE(file_keys);
static const struct key_table tag_table = KEY_TABLE(tag_keys);
static const struct key_table limits_table = KEY_TABLE(limits_keys);
static const struct key_table limit_table = KEY_TABLE(limit_keys);

const char *plant_limit_name(enum alarm_limit limit) {
    bool is_known = limit >= ALARM_HH && limit <= ALARM_LL;
    return is_known ? limits_keys[limit - ALARM_HH].name : "";
}

// ---- errors -------------------------------------------------------------------------------------

static bool fail(const struct scope *scope, const char *key, enum plant_fault fault,
                 const char *detail) {
    struct plant_error *error = scope->error;
    char field[2 * sizeof error->field];
    *error = (struct plant_error){.fault = fault};
    int prefix_len = (int)strlen(scope->prefix) - (key[0] == '\0' && scope->prefix[0] != '\0');
    (void)snprintf(field, sizeof field, "%.*s%.32s", prefix_len, scope->prefix, key);
    (void)text_clean(slice_text(field), error->field, sizeof error->field);
    (void)text_clean(slice_text(scope->tag), error->tag, sizeof error->tag);
    (void)text_clean(slice_text(detail), error->detail, sizeof error->detail);
    return false;
}

static bool fail_count(const struct scope *scope, const char *key, enum plant_fault fault,
                       size_t count) {
    char detail[24];
    (void)snprintf(detail, sizeof detail, "%zu", count);
    return fail(scope, key, fault, detail);
}

static bool fail_number(const struct scope *scope, const char *key, enum plant_fault fault,
                        double number) {
    char detail[32];
    (void)snprintf(detail, sizeof detail, "%.10g", number);
    return fail(scope, key, fault, detail);
}

void plant_error_text(const struct plant_error *error, const char *file,
                      char out_text[static PLANT_ERROR_BYTES]) {
    static const char *const forms[PLANT_FAULT_COUNT] = {
#define PLANT_FAULT_FORM(fault, text) [fault] = text,
        PLANT_FAULT_TABLE(PLANT_FAULT_FORM)
#undef PLANT_FAULT_FORM
    };
    static const char mark[] = "%1$s";
    struct buf line;
    buf_init(&line, 4096);
    const char *form = (unsigned)error->fault < PLANT_FAULT_COUNT ? forms[error->fault] : "";
    const char *at = strstr(form, mark);
    bool has_place = error->tag[0] != '\0' || error->field[0] != '\0';
    buf_printf(&line, "%s: %s%s%s%s", file, error->tag,
               error->tag[0] != '\0' && error->field[0] != '\0' ? ", " : "", error->field,
               has_place ? ": " : "");
    if (at == NULL) {
        buf_printf(&line, "%s", form);
    } else {
        buf_printf(&line, "%.*s%s%s", (int)(at - form), form, error->detail, at + sizeof mark - 1);
    }
    (void)text_clean(buf_slice(&line), out_text, PLANT_ERROR_BYTES);
    buf_fini(&line);
}

// ---- objects and values -------------------------------------------------------------------------

static const struct key_row *find_key(struct key_table table, const char *name) {
    for (uint32_t i = 0; i < table.count; i++) {
        if (strcmp(table.rows[i].name, name) == 0) {
            return &table.rows[i];
        }
    }
    return NULL;
}

// An object with every required key, no unknown one and none twice.
static bool check_keys(const struct scope *scope, const cJSON *object, struct key_table table) {
    bool seen[KEYS_MAX] = {false};
    ENSURE(table.count <= KEYS_MAX);
    if (!cJSON_IsObject(object)) {
        return fail(scope, "", PLANT_TYPE, "an object");
    }
    for (const cJSON *child = object->child; child != NULL; child = child->next) {
        const struct key_row *row = find_key(table, child->string);
        if (row == NULL) {
            return fail(scope, child->string, PLANT_UNKNOWN, "");
        }
        if (seen[row - table.rows]) {
            return fail(scope, child->string, PLANT_TWICE, "");
        }
        seen[row - table.rows] = true;
    }
    for (uint32_t i = 0; i < table.count; i++) {
        if (table.rows[i].required && !seen[i]) {
            return fail(scope, table.rows[i].name, PLANT_MISSING, "");
        }
    }
    return true;
}

static bool read_text(const struct scope *scope, const cJSON *item, size_t max, char *out_text) {
    if (!cJSON_IsString(item)) {
        return fail(scope, item->string, PLANT_TYPE, "a text");
    }
    size_t len = strlen(item->valuestring);
    if (len == 0 || len > max) {
        return fail_count(scope, item->string, PLANT_TEXT_SIZE, max);
    }
    if (text_check(slice_text(item->valuestring), max) != RC_OK) {
        return fail(scope, item->string, PLANT_TEXT, "");
    }
    memcpy(out_text, item->valuestring, len + 1);
    return true;
}

static bool read_number(const struct scope *scope, const cJSON *item, double *out_number) {
    if (!cJSON_IsNumber(item) || !isfinite(item->valuedouble)) {
        return fail(scope, item->string, PLANT_TYPE, "a number");
    }
    *out_number = item->valuedouble;
    return true;
}

static bool read_whole(const struct scope *scope, const cJSON *item, uint32_t lo, uint32_t hi,
                       uint32_t *out_number) {
    double number = 0;
    if (!read_number(scope, item, &number)) {
        return false;
    }
    if (!(number >= lo && number <= hi) || number != floor(number)) {
        char range[48];
        (void)snprintf(range, sizeof range, "%u .. %u, whole", lo, hi);
        return fail(scope, item->string, PLANT_RANGE, range);
    }
    *out_number = (uint32_t)number;
    return true;
}

// ---- limits -------------------------------------------------------------------------------------

static bool read_limit_field(const struct scope *scope, const cJSON *item, enum key key,
                             struct plant_limit *out) {
    switch (key) {
    case KEY_VALUE:
        return read_number(scope, item, &out->value);
    case KEY_PRIORITY:
        return read_text(scope, item, PLANT_PRIORITY_BYTES, out->priority);
    case KEY_ON_DELAY:
        return read_whole(scope, item, 0, LIMIT_ALARM_DELAY_S, &out->on_delay_s);
    case KEY_OFF_DELAY:
        return read_whole(scope, item, 0, LIMIT_ALARM_DELAY_S, &out->off_delay_s);
    case KEY_DEADBAND:
        if (!read_number(scope, item, &out->deadband)) {
            return false;
        }
        return (out->deadband >= 0 && out->deadband <= 1e18) ||
               fail(scope, item->string, PLANT_RANGE, "0 .. 1e18");
    case KEY_IGNORED:
    case KEY_META:
    case KEY_TAGS:
    case KEY_TAG:
    case KEY_COLUMN:
    case KEY_NOMINAL:
    case KEY_LIMITS:
    case KEY_LIMIT:
        break;
    }
    return true;
}

static bool read_limit(const struct scope *outer, const cJSON *object, struct plant_limit *out) {
    char prefix[32];
    (void)snprintf(prefix, sizeof prefix, "limits.%s.", object->string);
    const struct scope scope = {outer->error, outer->tag, prefix};
    out->limit = (enum alarm_limit)(find_key(limits_table, object->string) - limits_keys) +
                 (unsigned)ALARM_HH;
    if (!check_keys(&scope, object, limit_table)) {
        return false;
    }
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        if (!read_limit_field(&scope, item, find_key(limit_table, item->string)->key, out)) {
            return false;
        }
    }
    return true;
}

static bool is_high(enum alarm_limit limit) {
    return limit <= ALARM_H;
}

static bool check_order(const struct scope *scope, const struct plant_tag *tag) {
    for (uint32_t i = 0; i < tag->limit_count; i++) {
        for (uint32_t j = 0; j < tag->limit_count; j++) {
            const struct plant_limit *upper = &tag->limits[i];
            const struct plant_limit *lower = &tag->limits[j];
            if (upper->limit >= lower->limit) {
                continue;
            }
            bool may_equal = is_high(upper->limit) == is_high(lower->limit);
            if (may_equal ? upper->value < lower->value : upper->value <= lower->value) {
                return fail(scope, plant_limit_name(upper->limit), PLANT_ORDER, "");
            }
        }
    }
    return true;
}

static bool check_nominal(const struct scope *scope, const struct plant_tag *tag, double nominal) {
    for (uint32_t i = 0; i < tag->limit_count; i++) {
        const struct plant_limit *limit = &tag->limits[i];
        double distance = is_high(limit->limit) ? limit->value - nominal : nominal - limit->value;
        if (distance <= 0) {
            return fail_number(scope, plant_limit_name(limit->limit), PLANT_NOMINAL, nominal);
        }
        if (limit->deadband >= distance) {
            return fail_number(scope, plant_limit_name(limit->limit), PLANT_DEADBAND, nominal);
        }
    }
    return true;
}

static bool read_limits(const struct scope *outer, const cJSON *object, struct plant_tag *out) {
    const struct scope scope = {outer->error, outer->tag, "limits."};
    if (!cJSON_IsObject(object)) {
        return fail(outer, "limits", PLANT_TYPE, "an object");
    }
    if (!check_keys(&scope, object, limits_table)) {
        return false;
    }
    for (const cJSON *item = object->child; item != NULL; item = item->next) {
        if (!read_limit(outer, item, &out->limits[out->limit_count])) {
            return false;
        }
        out->limit_count++;
    }
    return check_order(&scope, out);
}

// ---- tags ---------------------------------------------------------------------------------------

static bool read_column(const struct scope *scope, const cJSON *item, struct plant_tag *out) {
    if (cJSON_IsString(item)) {
        return read_text(scope, item, LIMIT_TAG_BYTES, out->column_name);
    }
    if (!cJSON_IsNumber(item)) {
        return fail(scope, "column", PLANT_TYPE, "a number or a text");
    }
    return read_whole(scope, item, 1, PLANT_COLUMNS, &out->column);
}

static bool read_tag(struct plant_error *error, const cJSON *object, uint32_t index,
                     struct plant_tag *out) {
    char place[32];
    double nominal = 0;
    (void)snprintf(place, sizeof place, "tags[%u]", index);
    struct scope scope = {error, place, ""};
    *out = (struct plant_tag){.limit_count = 0};
    if (!check_keys(&scope, object, tag_table) ||
        !read_text(&scope, cJSON_GetObjectItemCaseSensitive(object, "tag"), LIMIT_TAG_BYTES,
                   out->tag)) {
        return false;
    }
    scope.tag = out->tag;
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, "nominal");
    bool has_nominal = item != NULL && !cJSON_IsNull(item);
    if (!read_column(&scope, cJSON_GetObjectItemCaseSensitive(object, "column"), out) ||
        !read_limits(&scope, cJSON_GetObjectItemCaseSensitive(object, "limits"), out) ||
        (has_nominal && !read_number(&scope, item, &nominal))) {
        return false;
    }
    scope.prefix = "limits.";
    return !has_nominal || check_nominal(&scope, out, nominal);
}

static bool check_names(struct plant_error *error, const struct plant *plant) {
    struct map *names = NULL;
    struct scope scope = {error, "", ""};
    if (map_new(plant->tag_count + 1, NAMES_SEED, &names) != RC_OK) {
        return fail(&scope, "", PLANT_NO_MEMORY, "");
    }
    bool ok = true;
    for (uint32_t i = 0; ok && i < plant->tag_count; i++) {
        scope.tag = plant->tags[i].tag;
        enum rc rc = map_put(names, slice_text(scope.tag), i);
        if (rc != RC_OK) {
            ok = fail(&scope, "", rc == RC_EXISTS ? PLANT_TWICE : PLANT_NO_MEMORY, "");
        }
    }
    map_free(names);
    return ok;
}

static bool read_tags(struct plant_error *error, const cJSON *array, struct plant *out) {
    const struct scope scope = {error, "", ""};
    if (!cJSON_IsArray(array)) {
        return fail(&scope, "tags", PLANT_TYPE, "an array");
    }
    size_t count = 0;
    for (const cJSON *item = array->child; item != NULL; item = item->next) {
        count++;
    }
    if (count > LIMIT_SITE_TAGS) {
        return fail_count(&scope, "tags", PLANT_TOO_MANY, LIMIT_SITE_TAGS);
    }
    out->tags = calloc(count + 1, sizeof *out->tags);
    if (out->tags == NULL) {
        return fail(&scope, "", PLANT_NO_MEMORY, "");
    }
    for (const cJSON *item = array->child; item != NULL; item = item->next) {
        if (!read_tag(error, item, out->tag_count, &out->tags[out->tag_count])) {
            return false;
        }
        out->tag_count++;
    }
    return check_names(error, out);
}

static bool read_meta(struct plant_error *error, const cJSON *meta, struct plant *out) {
    const struct scope scope = {error, "", "meta."};
    const char *const key = "replay_sample_interval_s";
    uint32_t count = 0;
    if (!cJSON_IsObject(meta)) {
        return fail(&scope, "", PLANT_TYPE, "an object");
    }
    for (const cJSON *item = meta->child; item != NULL; item = item->next) {
        if (strcmp(item->string, key) != 0) {
            continue;
        }
        if (++count > 1) {
            return fail(&scope, key, PLANT_TWICE, "");
        }
        if (!read_whole(&scope, item, 1, PLANT_SAMPLE_S_MAX, &out->sample_s)) {
            return false;
        }
    }
    return true;
}

// ---- file ---------------------------------------------------------------------------------------

// cJSON cuts strings at a NUL, takes bad UTF-8 and recurses a thousand deep: all that ends here.
static bool check_bytes(const struct scope *scope, struct slice text) {
    static const char nul[] = "\\u0000";
    uint32_t depth = 0;
    bool in_string = false;
    if (text.len > PLANT_FILE_BYTES) {
        return fail_count(scope, "", PLANT_TOO_LARGE, PLANT_FILE_BYTES);
    }
    if (!text_is_valid(text)) {
        return fail(scope, "", PLANT_TEXT, "");
    }
    for (size_t i = 0; i < text.len; i++) {
        uint8_t byte = text.data[i];
        bool is_nul = byte == 0 || (byte == '\\' && text.len - i >= sizeof nul - 1 &&
                                    memcmp(text.data + i, nul, sizeof nul - 1) == 0);
        if (is_nul) {
            return fail(scope, "", PLANT_TEXT, "");
        }
        if (in_string) {
            i += byte == '\\';
            in_string = byte != '"';
        } else if (byte == '"') {
            in_string = true;
        } else if (byte == '[' || byte == '{') {
            if (++depth > PLANT_DEPTH) {
                return fail(scope, "", PLANT_DEEP, "");
            }
        } else if ((byte == ']' || byte == '}') && depth > 0) {
            depth--;
        }
    }
    return true;
}

static bool fail_syntax(const struct scope *scope, const char *text, const char *at) {
    size_t line = 1;
    for (const char *c = text; at != NULL && c < at; c++) {
        line += *c == '\n';
    }
    return fail_count(scope, "", PLANT_SYNTAX, line);
}

static bool parse_json(const struct scope *scope, struct slice text, cJSON **out_root) {
    const char *from = (const char *)text.data;
    const char *end = NULL;
    errno = 0;
    cJSON *root = text.len == 0 ? NULL : cJSON_ParseWithLengthOpts(from, text.len, &end, false);
    if (root == NULL) {
        // cJSON says no more than that it failed; only malloc() leaves this error.
        return errno == ENOMEM ? fail(scope, "", PLANT_NO_MEMORY, "")
                               : fail_syntax(scope, from, end);
    }
    for (const char *c = end; c < from + text.len; c++) {
        if (strchr(" \t\r\n", *c) == NULL) {
            cJSON_Delete(root);
            return fail_syntax(scope, from, c);
        }
    }
    *out_root = root;
    return true;
}

static enum rc fault_rc(enum plant_fault fault) {
    if (fault == PLANT_NO_MEMORY) {
        return RC_NO_MEMORY;
    }
    return fault == PLANT_TOO_LARGE || fault == PLANT_TOO_MANY ? RC_TOO_LARGE : RC_INVALID;
}

enum rc plant_parse(struct slice text, struct plant **out_plant, struct plant_error *error) {
    const struct scope scope = {error, "", ""};
    cJSON *root = NULL;
    *error = (struct plant_error){.fault = PLANT_OK};
    struct plant *plant = calloc(1, sizeof *plant);
    bool ok = plant != NULL || fail(&scope, "", PLANT_NO_MEMORY, "");
    ok = ok && check_bytes(&scope, text) && parse_json(&scope, text, &root) &&
         check_keys(&scope, root, file_table);
    if (ok) {
        const cJSON *meta = cJSON_GetObjectItemCaseSensitive(root, "meta");
        ok = (meta == NULL || read_meta(error, meta, plant)) &&
             read_tags(error, cJSON_GetObjectItemCaseSensitive(root, "tags"), plant);
    }
    cJSON_Delete(root);
    if (!ok) {
        plant_free(plant);
        return fault_rc(error->fault);
    }
    *out_plant = plant;
    return RC_OK;
}

void plant_free(struct plant *plant) {
    if (plant != NULL) {
        free(plant->tags);
        free(plant);
    }
}
