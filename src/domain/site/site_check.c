#include "site_priv.h"

#include <stdio.h>
#include <string.h>

#define NUMBER_BYTES 32
#define REF_AREA 0
#define REF_EQUIPMENT 1
#define REF_GATEWAY 2

// One tag under check.
struct tag_check {
    struct site_issues *issues;
    struct site_tag *tag;
    const struct item_notes *notes;
    char section[LIMIT_TAG_BYTES + 16];
};

static void number_text(double value, char out[static NUMBER_BYTES]) {
    (void)snprintf(out, NUMBER_BYTES, "%.10g", value);
}

static const char *limit_name(int kind) {
    return site_limit_name((enum site_limit_kind)kind);
}

static bool is_high(int kind) {
    return kind == SITE_HH || kind == SITE_H;
}

static struct site_place place_of(const struct tag_check *check, const char *field) {
    struct site_place place = {check->issues, check->tag->line, check->section, field};
    const struct section_row *row = &site_sections[SECTION_TAG];
    for (uint32_t i = 0; i < row->field_count; i++) {
        if (strcmp(row->fields[i].key, field) == 0 && check->notes->lines[i] != 0) {
            place.line = check->notes->lines[i];
        }
    }
    return place;
}

// ---- limits -------------------------------------------------------------------------------------

// LL <= L < H <= HH, each against the nearest above it that is given.
static void check_order(const struct tag_check *check) {
    const struct site_limit *limits = check->tag->limits;
    int below = -1;
    for (int kind = SITE_LL; kind >= SITE_HH; kind--) {
        if (!limits[kind].present) {
            continue;
        }
        bool equal_is_fine = below >= 0 && is_high(below) == is_high(kind);
        bool is_wrong = below >= 0 && (equal_is_fine ? limits[kind].value < limits[below].value
                                                     : limits[kind].value <= limits[below].value);
        if (is_wrong) {
            char upper[NUMBER_BYTES];
            char lower[NUMBER_BYTES];
            char pair[2 * NUMBER_BYTES + 16];
            number_text(limits[kind].value, upper);
            number_text(limits[below].value, lower);
            (void)snprintf(pair, sizeof pair, "%s %s, %s %s", limit_name(below), lower,
                           limit_name(kind), upper);
            struct site_place place = place_of(check, limit_name(kind));
            ISSUE(&place, SITE_LIMIT_ORDER, pair);
        }
        below = kind;
    }
}

static void check_range(const struct tag_check *check, double value, const char *field) {
    const struct site_tag *tag = check->tag;
    if (!tag->has_range || (value >= tag->range_lo && value <= tag->range_hi)) {
        return;
    }
    char number[NUMBER_BYTES];
    char lo[NUMBER_BYTES];
    char hi[NUMBER_BYTES];
    char range[2 * NUMBER_BYTES + 8];
    number_text(value, number);
    number_text(tag->range_lo, lo);
    number_text(tag->range_hi, hi);
    (void)snprintf(range, sizeof range, "%s .. %s", lo, hi);
    struct site_place place = place_of(check, field);
    ISSUE(&place, SITE_LIMIT_OUTSIDE, number, range);
}

// The nominal value must not itself be an alarm.
static void check_nominal(const struct tag_check *check) {
    const struct site_tag *tag = check->tag;
    for (int kind = SITE_HH; tag->has_nominal && kind < SITE_LIMIT_COUNT; kind++) {
        const struct site_limit *limit = &tag->limits[kind];
        bool is_beyond =
            is_high(kind) ? tag->nominal >= limit->value : tag->nominal <= limit->value;
        if (limit->present && is_beyond) {
            char number[NUMBER_BYTES];
            char value[NUMBER_BYTES];
            char bound[NUMBER_BYTES + 8];
            number_text(tag->nominal, number);
            number_text(limit->value, value);
            (void)snprintf(bound, sizeof bound, "%s %s", limit_name(kind), value);
            struct site_place place = place_of(check, "nominal");
            ISSUE(&place, SITE_NOMINAL_OUTSIDE, number, bound);
            return;
        }
    }
}

// What the value must come back to at least: nominal, else the nearest limit of the other side,
// else the end of the range. False if nothing is known.
static bool find_anchor(const struct site_tag *tag, int kind, double *out_value,
                        const char **out_name) {
    if (tag->has_nominal) {
        *out_value = tag->nominal;
        *out_name = "nominal";
        return true;
    }
    const int others[2][2] = {{SITE_H, SITE_HH}, {SITE_L, SITE_LL}};
    for (int i = 0; i < 2; i++) {
        int other = others[is_high(kind)][i];
        if (tag->limits[other].present) {
            *out_value = tag->limits[other].value;
            *out_name = limit_name(other);
            return true;
        }
    }
    *out_value = is_high(kind) ? tag->range_lo : tag->range_hi;
    *out_name = "range";
    return tag->has_range;
}

static void check_deadband(const struct tag_check *check, int kind) {
    const struct site_limit *limit = &check->tag->limits[kind];
    struct site_place place = place_of(check, limit_name(kind));
    double anchor = 0;
    const char *name = "";
    if (limit->deadband == 0) {
        ISSUE(&place, SITE_NO_DEADBAND, "");
        return;
    }
    if (!find_anchor(check->tag, kind, &anchor, &name)) {
        return;
    }
    double distance = is_high(kind) ? limit->value - anchor : anchor - limit->value;
    if (distance > 0 && limit->deadband >= distance) {
        char deadband[NUMBER_BYTES];
        char space[NUMBER_BYTES];
        char where[2 * NUMBER_BYTES];
        char value[NUMBER_BYTES];
        number_text(limit->deadband, deadband);
        number_text(distance, space);
        number_text(anchor, value);
        (void)snprintf(where, sizeof where, "%s %s", name, value);
        ISSUE(&place, SITE_DEADBAND_WIDE, deadband, space, where);
    }
}

static void check_delay(const struct tag_check *check, int kind) {
    const struct site_limit *limit = &check->tag->limits[kind];
    if (check->tag->respond_s > 0 && limit->on_delay_s >= check->tag->respond_s) {
        char delay[NUMBER_BYTES];
        char respond[NUMBER_BYTES];
        (void)snprintf(delay, sizeof delay, "%u", limit->on_delay_s);
        (void)snprintf(respond, sizeof respond, "%u", check->tag->respond_s);
        struct site_place place = place_of(check, limit_name(kind));
        ISSUE(&place, SITE_DELAY_RESPOND, delay, respond);
    }
}

static void check_guidance(const struct tag_check *check) {
    struct site_place place = place_of(check, "action");
    if (check->tag->action[0] == '\0') {
        ISSUE(&place, SITE_NO_ACTION, "");
    }
    place.field = "consequence";
    if (check->tag->consequence[0] == '\0') {
        ISSUE(&place, SITE_NO_CONSEQUENCE, "");
    }
    place.field = "respond_s";
    if (check->tag->respond_s == 0) {
        ISSUE(&place, SITE_NO_RESPOND, "");
    }
}

static void check_limits(const struct tag_check *check) {
    bool has_limit = false;
    check_order(check);
    check_nominal(check);
    if (check->tag->has_nominal) {
        check_range(check, check->tag->nominal, "nominal");
    }
    for (int kind = SITE_HH; kind < SITE_LIMIT_COUNT; kind++) {
        const struct site_limit *limit = &check->tag->limits[kind];
        if (limit->present) {
            has_limit = true;
            check_range(check, limit->value, limit_name(kind));
            check_deadband(check, kind);
            check_delay(check, kind);
        }
    }
    if (has_limit) {
        check_guidance(check);
    }
}

// ---- names --------------------------------------------------------------------------------------

static uint8_t *item_at(const struct site_reader *reader, enum section_kind kind, uint32_t index) {
    return reader->lists[kind].items + index * site_sections[kind].item_bytes;
}

static struct site_place item_place(const struct site_reader *reader, enum section_kind kind,
                                    uint32_t index, char *section, size_t section_bytes) {
    uint8_t *item = item_at(reader, kind, index);
    site_section_text(kind, *site_item_text(item, 0), section, section_bytes);
    return (struct site_place){reader->issues, site_item_line(kind, item), section, NULL};
}

static enum rc map_build(const struct site_reader *reader, struct site *site,
                         enum section_kind kind, uint64_t seed) {
    char section[LIMIT_TAG_BYTES + 16];
    char line[NUMBER_BYTES];
    uint32_t count = reader->lists[kind].count;
    enum rc rc = map_new(count + 1, seed, &site->priv->maps[kind]);
    for (uint32_t i = 0; rc == RC_OK && i < count; i++) {
        const char *code = *site_item_text(item_at(reader, kind, i), 0);
        uint32_t first = 0;
        rc = map_put(site->priv->maps[kind], slice_text(code), i);
        if (rc == RC_EXISTS) {
            struct site_place place = item_place(reader, kind, i, section, sizeof section);
            (void)map_get(site->priv->maps[kind], slice_text(code), &first);
            (void)snprintf(line, sizeof line, "%u",
                           site_item_line(kind, item_at(reader, kind, first)));
            ISSUE(&place, SITE_SECTION_TWICE, line);
            rc = RC_OK;
        }
    }
    return rc;
}

static void check_required(const struct site_reader *reader, enum section_kind kind) {
    const struct section_row *row = &site_sections[kind];
    char section[LIMIT_TAG_BYTES + 16];
    for (uint32_t i = 0; i < reader->lists[kind].count; i++) {
        for (uint32_t f = 0; f < row->field_count; f++) {
            if (row->fields[f].required && reader->lists[kind].notes[i].lines[f] == 0) {
                struct site_place place = item_place(reader, kind, i, section, sizeof section);
                place.field = row->fields[f].key;
                ISSUE(&place, SITE_MISSING, "");
            }
        }
    }
}

// Index of what a reference names; SITE_NONE if it is not given or does not exist.
static uint32_t resolve(const struct site_reader *reader, const struct site *site,
                        struct site_place place, const struct field_row *field,
                        const struct item_notes *notes) {
    static const enum site_issue_code unknown[SECTION_COUNT] = {
        [SECTION_AREA] = SITE_AREA_UNKNOWN,
        [SECTION_EQUIPMENT] = SITE_EQUIPMENT_UNKNOWN,
        [SECTION_GATEWAY] = SITE_GATEWAY_UNKNOWN,
    };
    uint32_t index = SITE_NONE;
    const char *name = notes->refs[field->lo];
    if (name == NULL || map_get(site->priv->maps[field->hi], slice_text(name), &index)) {
        return index;
    }
    place.issues = reader->issues;
    place.field = field->key;
    ISSUE(&place, unknown[field->hi], name);
    return SITE_NONE;
}

static void resolve_all(const struct site_reader *reader, const struct site *site,
                        enum section_kind kind, uint32_t index, uint32_t out_refs[SECTION_REFS]) {
    const struct section_row *row = &site_sections[kind];
    const struct item_notes *notes = &reader->lists[kind].notes[index];
    char section[LIMIT_TAG_BYTES + 16];
    struct site_place place = item_place(reader, kind, index, section, sizeof section);
    for (uint32_t f = 0; f < row->field_count; f++) {
        if (row->fields[f].type == VALUE_REF) {
            place.line = notes->lines[f];
            out_refs[row->fields[f].lo] = resolve(reader, site, place, &row->fields[f], notes);
        }
    }
}

static void check_equipment_area(const struct tag_check *check, const struct site *site) {
    const struct site_tag *tag = check->tag;
    if (tag->equipment == SITE_NONE || tag->area == SITE_NONE) {
        return;
    }
    const struct site_equipment *equipment = &site->equipment[tag->equipment];
    if (equipment->area != SITE_NONE && equipment->area != tag->area) {
        struct site_place place = place_of(check, "equipment");
        ISSUE(&place, SITE_EQUIPMENT_AREA, equipment->code, site->areas[equipment->area].code);
    }
}

static void check_tag(struct site_reader *reader, struct site *site, uint32_t index) {
    uint32_t refs[SECTION_REFS] = {SITE_NONE, SITE_NONE, SITE_NONE};
    struct tag_check check = {
        .issues = reader->issues,
        .tag = &site->tags[index],
        .notes = &reader->lists[SECTION_TAG].notes[index],
    };
    site_section_text(SECTION_TAG, check.tag->tag, check.section, sizeof check.section);
    resolve_all(reader, site, SECTION_TAG, index, refs);
    check.tag->area = refs[REF_AREA];
    check.tag->equipment = refs[REF_EQUIPMENT];
    check.tag->gateway = refs[REF_GATEWAY];
    check_equipment_area(&check, site);
    check_limits(&check);
}

static void check_topics(const struct site_reader *reader, const struct site *site) {
    char section[LIMIT_TAG_BYTES + 16];
    char line[NUMBER_BYTES];
    for (uint32_t i = 0; i < site->mapping_count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (strcmp(site->mappings[i].topic, site->mappings[j].topic) == 0) {
                struct site_place place =
                    item_place(reader, SECTION_MAPPING, i, section, sizeof section);
                (void)snprintf(line, sizeof line, "%u", site->mappings[j].line);
                place.field = "topic";
                ISSUE(&place, SITE_TOPIC_TWICE, line);
                break;
            }
        }
    }
}

enum rc site_check(struct site_reader *reader, struct site *site, uint64_t seed) {
    enum rc rc = RC_OK;
    for (enum section_kind kind = SECTION_SITE; rc == RC_OK && kind < SECTION_COUNT; kind++) {
        rc = map_build(reader, site, kind, seed);
        check_required(reader, kind);
    }
    if (rc != RC_OK) {
        return rc;
    }
    for (uint32_t i = 0; i < site->equipment_count; i++) {
        uint32_t refs[SECTION_REFS] = {SITE_NONE, SITE_NONE, SITE_NONE};
        resolve_all(reader, site, SECTION_EQUIPMENT, i, refs);
        site->equipment[i].area = refs[REF_AREA];
    }
    for (uint32_t i = 0; i < site->tag_count; i++) {
        check_tag(reader, site, i);
    }
    check_topics(reader, site);
    if (site->tag_count == 0) {
        const struct site_place place = {reader->issues, 0, NULL, NULL};
        ISSUE(&place, SITE_NO_TAGS, "");
    }
    return RC_OK;
}
