// What the parts of the site parser share: reading lines (site.c), reading values (site_value.c),
// checks across fields (site_check.c), issues (site_issue.c).
#ifndef DAVY_DOMAIN_SITE_PRIV_H
#define DAVY_DOMAIN_SITE_PRIV_H

#include "davy/base/map.h"
#include "davy/domain/site/site.h"

enum section_kind {
    SECTION_SITE,
    SECTION_AREA,
    SECTION_EQUIPMENT,
    SECTION_GATEWAY,
    SECTION_TAG,
    SECTION_MAPPING,
    SECTION_COUNT
};

#define SECTION_FIELDS 16
#define SECTION_REFS 3

enum value_type {
    VALUE_TEXT,    // const char * at offset
    VALUE_SECONDS, // uint32_t at offset, lo..hi
    VALUE_RANGE,   // of a tag
    VALUE_NOMINAL, // of a tag
    VALUE_LIMIT,   // of a tag; lo is the kind
    VALUE_REF      // name of a section of kind hi, kept as refs[lo]
};

struct field_row {
    const char *key;
    enum value_type type;
    bool required;
    size_t offset;
    size_t max_bytes;
    uint32_t lo;
    uint32_t hi;
};

// One kind of section. Every item begins with its code; other texts start as "".
struct section_row {
    const char *word;
    const struct field_row *fields;
    uint32_t field_count;
    uint32_t count_max;
    size_t item_bytes;
    size_t line_offset;
    size_t name_offset; // of the name that the code stands in for; 0 if there is none
    bool plain_code;    // [A-Za-z0-9_-] only
};
extern const struct section_row site_sections[SECTION_COUNT];

// What is known about an item while the file is read.
struct item_notes {
    const char *refs[SECTION_REFS];
    uint32_t lines[SECTION_FIELDS]; // line of each field, 0 if not given
};

struct section_list {
    uint8_t *items;
    struct item_notes *notes;
    uint32_t count;
    uint32_t room;
    bool is_full; // said once
};

struct site_private {
    char *text;
    struct map *maps[SECTION_COUNT];
};

struct site_reader {
    struct site_issues *issues;
    struct section_list lists[SECTION_COUNT];
    uint32_t line;
    bool has_section;
    enum section_kind kind; // of the section at work
    uint8_t *item;          // NULL: its lines are only looked at
    struct item_notes *notes;
    char section[LIMIT_TAG_BYTES + 16]; // for issues
    bool out_of_memory;
};

// Where an issue belongs.
struct site_place {
    struct site_issues *issues;
    uint32_t line;
    const char *section;
    const char *field;
};
#define ISSUE(place, code, ...) site_issue(place, code, (const char *const[]){__VA_ARGS__, NULL})
void site_issue(const struct site_place *place, enum site_issue_code code,
                const char *const args[]);
void site_section_text(enum section_kind kind, const char *code, char *out, size_t out_bytes);

// Reads one value into the item; false if an issue was noted.
bool site_value_read(const struct site_reader *reader, const struct field_row *field, char *value);
// Everything that concerns several fields or sections. Maps are made, references resolved.
DAVY_MUST_USE enum rc site_check(struct site_reader *reader, struct site *site, uint64_t seed);

const char **site_item_text(uint8_t *item, size_t offset);
uint32_t site_item_line(enum section_kind kind, const uint8_t *item);

#endif
