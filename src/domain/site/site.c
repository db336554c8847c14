#include "davy/domain/site/site.h"

#include "davy/base/ensure.h"
#include "davy/base/text.h"
#include "site_priv.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESPOND_S_MAX 86400
#define ITEMS_FIRST 64

#define TEXT_ROW(type, member, key, max)                                                           \
    { key, VALUE_TEXT, false, offsetof(struct type, member), max, 0, 0 }
#define REF_ROW(key, required, ref, kind)                                                          \
    { key, VALUE_REF, required, 0, LIMIT_TAG_BYTES, ref, kind }
#define LIMIT_ROW(key, kind)                                                                       \
    { key, VALUE_LIMIT, false, 0, 0, kind, 0 }

static const struct field_row area_fields[] = {TEXT_ROW(site_area, name, "name", LIMIT_NAME_BYTES)};
static const struct field_row equipment_fields[] = {
    TEXT_ROW(site_equipment, name, "name", LIMIT_NAME_BYTES),
    REF_ROW("area", true, 0, SECTION_AREA),
};
static const struct field_row gateway_fields[] = {
    TEXT_ROW(site_gateway, name, "name", LIMIT_NAME_BYTES),
    {"stale_s", VALUE_SECONDS, true, offsetof(struct site_gateway, stale_s), 0, LIMIT_STALE_S_MIN,
     LIMIT_STALE_S_MAX},
};
// site_check.c relies on the order of the references: area, equipment, gateway.
static const struct field_row tag_fields[] = {
    REF_ROW("area", true, 0, SECTION_AREA),
    REF_ROW("equipment", false, 1, SECTION_EQUIPMENT),
    REF_ROW("gateway", true, 2, SECTION_GATEWAY),
    TEXT_ROW(site_tag, name, "name", LIMIT_NAME_BYTES),
    TEXT_ROW(site_tag, unit, "unit", LIMIT_UNIT_BYTES),
    TEXT_ROW(site_tag, consequence, "consequence", LIMIT_TEXT_BYTES),
    TEXT_ROW(site_tag, action, "action", LIMIT_TEXT_BYTES),
    {"range", VALUE_RANGE, false, 0, 0, 0, 0},
    {"nominal", VALUE_NOMINAL, false, 0, 0, 0, 0},
    {"respond_s", VALUE_SECONDS, false, offsetof(struct site_tag, respond_s), 0, 1, RESPOND_S_MAX},
    LIMIT_ROW("HH", SITE_HH),
    LIMIT_ROW("H", SITE_H),
    LIMIT_ROW("L", SITE_L),
    LIMIT_ROW("LL", SITE_LL),
};
static const struct field_row mapping_fields[] = {
    {"topic", VALUE_TEXT, true, offsetof(struct site_mapping, topic), 256, 0, 0},
    TEXT_ROW(site_mapping, form, "form", LIMIT_TAG_BYTES),
    TEXT_ROW(site_mapping, tag, "tag", LIMIT_NAME_BYTES),
    TEXT_ROW(site_mapping, time, "time", LIMIT_TAG_BYTES),
    TEXT_ROW(site_mapping, good, "good", LIMIT_TEXT_BYTES),
    TEXT_ROW(site_mapping, uncertain, "uncertain", LIMIT_TEXT_BYTES),
    TEXT_ROW(site_mapping, bad, "bad", LIMIT_TEXT_BYTES),
    TEXT_ROW(site_mapping, bad_values, "bad_values", LIMIT_TEXT_BYTES),
};

// The [site] section is an item like the others; its name is moved over at the end.
struct site_section {
    const char *code;
    const char *name;
    uint32_t line;
};
static const struct field_row head_fields[] = {
    TEXT_ROW(site_section, name, "name", LIMIT_NAME_BYTES)};

const struct section_row site_sections[SECTION_COUNT] = {
    [SECTION_SITE] = {"site", head_fields, COUNT_OF(head_fields), 1, sizeof(struct site_section),
                      offsetof(struct site_section, line), offsetof(struct site_section, name),
                      false},
    [SECTION_AREA] = {"area", area_fields, COUNT_OF(area_fields), LIMIT_SITE_AREAS,
                      sizeof(struct site_area), offsetof(struct site_area, line),
                      offsetof(struct site_area, name), true},
    [SECTION_EQUIPMENT] = {"equipment", equipment_fields, COUNT_OF(equipment_fields),
                           LIMIT_SITE_EQUIPMENT, sizeof(struct site_equipment),
                           offsetof(struct site_equipment, line),
                           offsetof(struct site_equipment, name), false},
    [SECTION_GATEWAY] = {"gateway", gateway_fields, COUNT_OF(gateway_fields), LIMIT_SITE_GATEWAYS,
                         sizeof(struct site_gateway), offsetof(struct site_gateway, line),
                         offsetof(struct site_gateway, name), true},
    [SECTION_TAG] = {"tag", tag_fields, COUNT_OF(tag_fields), LIMIT_SITE_TAGS,
                     sizeof(struct site_tag), offsetof(struct site_tag, line),
                     offsetof(struct site_tag, name), false},
    [SECTION_MAPPING] = {"mapping", mapping_fields, COUNT_OF(mapping_fields), LIMIT_SITE_MAPPINGS,
                         sizeof(struct site_mapping), offsetof(struct site_mapping, line), 0, true},
};

const char **site_item_text(uint8_t *item, size_t offset) {
    return (const char **)(void *)(item + offset);
}

uint32_t site_item_line(enum section_kind kind, const uint8_t *item) {
    uint32_t line = 0;
    memcpy(&line, item + site_sections[kind].line_offset, sizeof line);
    return line;
}

// ---- lines --------------------------------------------------------------------------------------

static bool is_plain_code(const char *code) {
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    return code[0] != '\0' && code[strspn(code, plain)] == '\0';
}

static bool list_grow(struct section_list *list, size_t item_bytes) {
    uint32_t room = list->room == 0 ? ITEMS_FIRST : 2 * list->room;
    uint8_t *items = realloc(list->items, room * item_bytes);
    if (items == NULL) {
        return false;
    }
    list->items = items;
    struct item_notes *notes = realloc(list->notes, room * sizeof *notes);
    if (notes == NULL) {
        return false;
    }
    list->notes = notes;
    list->room = room;
    return true;
}

static void item_begin(struct site_reader *reader, enum section_kind kind, const char *code) {
    const struct section_row *row = &site_sections[kind];
    struct section_list *list = &reader->lists[kind];
    if (list->count == list->room && !list_grow(list, row->item_bytes)) {
        reader->out_of_memory = true;
        return;
    }
    reader->item = list->items + list->count * row->item_bytes;
    reader->notes = &list->notes[list->count];
    list->count++;
    memset(reader->item, 0, row->item_bytes);
    *reader->notes = (struct item_notes){.refs = {NULL}};
    *site_item_text(reader->item, 0) = code;
    memcpy(reader->item + row->line_offset, &reader->line, sizeof reader->line);
    for (uint32_t i = 0; i < row->field_count; i++) {
        if (row->fields[i].type == VALUE_TEXT) {
            *site_item_text(reader->item, row->fields[i].offset) = "";
        }
    }
}

// "[word code]", already cut to what stands between the brackets.
static void section_begin(struct site_reader *reader, char *word) {
    const struct site_place place = {reader->issues, reader->line, reader->section, NULL};
    char most[16];
    word += strspn(word, " ");
    size_t len = strcspn(word, " ");
    char *code = word + len + strspn(word + len, " ");
    word[len] = '\0';
    reader->has_section = true;
    reader->item = NULL;
    reader->section[0] = '\0';
    enum section_kind kind = SECTION_SITE;
    while (kind < SECTION_COUNT && strcmp(site_sections[kind].word, word) != 0) {
        kind++;
    }
    if (kind == SECTION_COUNT) {
        ISSUE(&place, SITE_SECTION_UNKNOWN, word);
        return;
    }
    const struct section_row *row = &site_sections[kind];
    reader->kind = kind;
    site_section_text(kind, code, reader->section, sizeof reader->section);
    bool is_named = kind == SECTION_SITE ? code[0] == '\0' : code[0] != '\0';
    if (!is_named || strlen(code) > LIMIT_TAG_BYTES || (row->plain_code && !is_plain_code(code))) {
        ISSUE(&place, SITE_SECTION_NAME, code);
        return;
    }
    if (reader->lists[kind].count < row->count_max || kind == SECTION_SITE) {
        item_begin(reader, kind, code);
    } else if (!reader->lists[kind].is_full) {
        reader->lists[kind].is_full = true;
        (void)snprintf(most, sizeof most, "%u", row->count_max);
        ISSUE(&place, SITE_TOO_MANY, most);
    }
}

static void pair_read(struct site_reader *reader, char *key, char *value) {
    struct site_place place = {reader->issues, reader->line, reader->section, key};
    if (!reader->has_section) {
        ISSUE(&place, SITE_NO_SECTION, "");
        return;
    }
    if (reader->item == NULL) {
        return; // the section itself is the fault
    }
    const struct section_row *row = &site_sections[reader->kind];
    uint32_t index = 0;
    while (index < row->field_count && strcmp(row->fields[index].key, key) != 0) {
        index++;
    }
    if (index == row->field_count) {
        ISSUE(&place, SITE_KEY_UNKNOWN, "");
    } else if (reader->notes->lines[index] != 0) {
        ISSUE(&place, SITE_KEY_TWICE, "");
    } else {
        reader->notes->lines[index] = reader->line;
        (void)site_value_read(reader, &row->fields[index], value);
    }
}

// Cuts blanks and the line's end off, in place.
static char *line_trim(char *line, size_t len) {
    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\r')) {
        len--;
    }
    line[len] = '\0';
    return line + strspn(line, " ");
}

// line[len] is the line's end and may be overwritten.
static void line_read(struct site_reader *reader, char *line, size_t len) {
    const struct site_place place = {reader->issues, reader->line, reader->section, NULL};
    char most[16];
    if (len > SITE_LINE_BYTES) {
        (void)snprintf(most, sizeof most, "%d", SITE_LINE_BYTES);
        ISSUE(&place, SITE_LINE_LONG, most);
        return;
    }
    if (len > 0 && line[len - 1] == '\r') {
        len--;
    }
    for (size_t i = 0; i < len; i++) {
        line[i] = line[i] == '\t' ? ' ' : line[i];
    }
    if (text_check(slice_of(line, len), SITE_LINE_BYTES) != RC_OK) {
        ISSUE(&place, SITE_TEXT_BAD, "");
        return;
    }
    line = line_trim(line, len);
    len = strlen(line);
    if (len == 0 || line[0] == '#' || line[0] == ';') {
        return;
    }
    char *equals = strchr(line, '=');
    if (line[0] == '[' && line[len - 1] == ']') {
        section_begin(reader, line_trim(line + 1, len - 2));
    } else if (line[0] == '[' || equals == NULL || equals == line) {
        ISSUE(&place, SITE_SYNTAX, "");
    } else {
        *equals = '\0';
        char *value = equals + 1 + strspn(equals + 1, " ");
        pair_read(reader, line_trim(line, (size_t)(equals - line)), value);
    }
}

static void lines_read(struct site_reader *reader, char *text, size_t len) {
    static const char mark[] = "\xef\xbb\xbf";
    char *at = text;
    char *end = text + len;
    if (len >= 3 && memcmp(text, mark, 3) == 0) {
        at += 3;
    }
    while (at < end && !reader->out_of_memory) {
        char *stop = memchr(at, '\n', (size_t)(end - at));
        stop = stop == NULL ? end : stop;
        reader->line++;
        line_read(reader, at, (size_t)(stop - at));
        at = stop + 1;
    }
}

// ---- site ---------------------------------------------------------------------------------------

// Moves the lists into the site; names that are not given become the code.
static void site_take(struct site *site, struct site_reader *reader) {
    for (enum section_kind kind = SECTION_SITE; kind < SECTION_COUNT; kind++) {
        const struct section_row *row = &site_sections[kind];
        struct section_list *list = &reader->lists[kind];
        for (uint32_t i = 0; row->name_offset != 0 && i < list->count; i++) {
            uint8_t *item = list->items + i * row->item_bytes;
            const char **name = site_item_text(item, row->name_offset);
            *name = (*name)[0] == '\0' ? *site_item_text(item, 0) : *name;
        }
    }
    struct section_list *lists = reader->lists;
    site->name = "";
    if (lists[SECTION_SITE].count > 0) {
        site->name =
            *site_item_text(lists[SECTION_SITE].items, offsetof(struct site_section, name));
    }
    site->areas = (struct site_area *)(void *)lists[SECTION_AREA].items;
    site->area_count = lists[SECTION_AREA].count;
    site->equipment = (struct site_equipment *)(void *)lists[SECTION_EQUIPMENT].items;
    site->equipment_count = lists[SECTION_EQUIPMENT].count;
    site->gateways = (struct site_gateway *)(void *)lists[SECTION_GATEWAY].items;
    site->gateway_count = lists[SECTION_GATEWAY].count;
    site->tags = (struct site_tag *)(void *)lists[SECTION_TAG].items;
    site->tag_count = lists[SECTION_TAG].count;
    site->mappings = (struct site_mapping *)(void *)lists[SECTION_MAPPING].items;
    site->mapping_count = lists[SECTION_MAPPING].count;
}

static int issue_compare(const void *a, const void *b) {
    const struct site_issue *x = a;
    const struct site_issue *y = b;
    if (x->line != y->line) {
        return x->line < y->line ? -1 : 1;
    }
    return (int)x->code - (int)y->code;
}

static struct site *site_new(struct slice text) {
    struct site *site = calloc(1, sizeof *site);
    struct site_private *priv = calloc(1, sizeof *priv);
    char *copy = malloc(text.len + 1);
    if (site == NULL || priv == NULL || copy == NULL) {
        free(site);
        free(priv);
        free(copy);
        return NULL;
    }
    if (text.len > 0) {
        memcpy(copy, text.data, text.len);
    }
    copy[text.len] = '\0';
    priv->text = copy;
    site->priv = priv;
    return site;
}

static enum rc text_issue(struct site_issues *issues, enum site_issue_code code, enum rc rc) {
    const struct site_place place = {issues, 0, NULL, NULL};
    char most[16];
    (void)snprintf(most, sizeof most, "%d", LIMIT_SITE_FILE_BYTES);
    ISSUE(&place, code, most);
    return rc;
}

enum rc site_parse(struct slice text, uint64_t seed, struct site **out_site,
                   struct site_issues *issues) {
    issues->kept = 0;
    issues->error_count = 0;
    issues->warning_count = 0;
    if (text.len > LIMIT_SITE_FILE_BYTES) {
        return text_issue(issues, SITE_TOO_LARGE, RC_TOO_LARGE);
    }
    struct site *site = site_new(text);
    if (site == NULL) {
        return text_issue(issues, SITE_NO_MEMORY, RC_NO_MEMORY);
    }
    struct site_reader reader = {.issues = issues};
    lines_read(&reader, site->priv->text, text.len);
    site_take(site, &reader);
    enum rc rc = reader.out_of_memory ? RC_NO_MEMORY : site_check(&reader, site, seed);
    for (int kind = 0; kind < SECTION_COUNT; kind++) {
        free(reader.lists[kind].notes);
    }
    free(reader.lists[SECTION_SITE].items);
    if (rc != RC_OK) {
        rc = text_issue(issues, SITE_NO_MEMORY, RC_NO_MEMORY);
    } else if (issues->error_count > 0) {
        rc = RC_INVALID;
    }
    qsort(issues->items, issues->kept, sizeof issues->items[0], issue_compare);
    if (rc != RC_OK) {
        site_free(site);
        return rc;
    }
    *out_site = site;
    return RC_OK;
}

void site_free(struct site *site) {
    if (site == NULL) {
        return;
    }
    for (int kind = 0; kind < SECTION_COUNT; kind++) {
        map_free(site->priv->maps[kind]);
    }
    free(site->areas);
    free(site->equipment);
    free(site->gateways);
    free(site->tags);
    free(site->mappings);
    free(site->priv->text);
    free(site->priv);
    free(site);
}

bool site_tag_find(const struct site *site, struct slice tag, uint32_t *out_index) {
    return map_get(site->priv->maps[SECTION_TAG], tag, out_index);
}

bool site_area_find(const struct site *site, struct slice code, uint32_t *out_index) {
    return map_get(site->priv->maps[SECTION_AREA], code, out_index);
}

bool site_equipment_find(const struct site *site, struct slice code, uint32_t *out_index) {
    return map_get(site->priv->maps[SECTION_EQUIPMENT], code, out_index);
}

bool site_gateway_find(const struct site *site, struct slice code, uint32_t *out_index) {
    return map_get(site->priv->maps[SECTION_GATEWAY], code, out_index);
}

const char *site_limit_name(enum site_limit_kind kind) {
    static const char *const names[SITE_LIMIT_COUNT] = {"HH", "H", "L", "LL"};
    return (unsigned)kind < SITE_LIMIT_COUNT ? names[kind] : "";
}
