// The site definition: areas, equipment, gateways, tags with their limits, and telemetry mappings.
//
// A site is read from one text that people write (INI sections, below). The text is copied; every
// string of the tables points into that copy and lives as long as the site. The tables are
// read-only after parsing, in the order of the file; names are found through maps.
//
// Parsing reads the whole text and collects all issues, each with line, section and field, so that
// an operator mends a file in one go. Any error means that there is no site; warnings do not. The
// limits of base/limits.h hold; text must be clean (valid UTF-8, no controls, bidi or zero-width).
//
//   [site]                      name
//   [area CODE]                 name
//   [equipment CODE]            name, area
//   [gateway CODE]              name, stale_s
//   [tag NAME]                  name, area, equipment, gateway, unit, range (LO .. HI), nominal,
//                               HH H L LL, consequence, action, respond_s
//   [mapping CODE]              topic, form, tag, time, good, uncertain, bad, bad_values
//
//   H = 2758 deadband=10.5 on=15 off=15 priority=2      (on and off in seconds; priority 1..4)
//
// Lines are `key = value`; a line that starts with # or ; is a comment; there are no continuation
// lines and no comments behind a value. Order of sections is free. A line has at most 2048 bytes.
// Limits must hold LL <= L < H <= HH, inside the range, with the nominal value between L and H.
#ifndef DAVY_DOMAIN_SITE_SITE_H
#define DAVY_DOMAIN_SITE_SITE_H

#include "davy/base/bytes.h"
#include "davy/base/limits.h"
#include "davy/base/refusal.h"

#define SITE_LINE_BYTES 2048
#define SITE_ISSUES_KEPT 100
#define SITE_ISSUE_ARG_BYTES 96
#define SITE_ISSUE_TEXT_BYTES 512
#define SITE_NONE UINT32_MAX // an index that points nowhere

enum site_limit_kind { SITE_HH, SITE_H, SITE_L, SITE_LL, SITE_LIMIT_COUNT };

struct site_limit {
    bool present;
    uint8_t priority; // 1 (highest) .. 4
    uint32_t line;
    double value;
    double deadband;
    uint32_t on_delay_s;
    uint32_t off_delay_s;
};

struct site_area {
    const char *code; // [A-Za-z0-9_-]
    const char *name; // never NULL, the code if the file gives none
    uint32_t line;
};

struct site_equipment {
    const char *code;
    const char *name;
    uint32_t area; // index
    uint32_t line;
};

struct site_gateway {
    const char *code; // [A-Za-z0-9_-]
    const char *name;
    uint32_t stale_s; // silence that makes it stale
    uint32_t line;
};

struct site_tag {
    const char *tag;  // the name that telemetry uses
    const char *name; // what it is, for people
    const char *unit; // "" if none
    const char *consequence;
    const char *action;
    uint32_t area;
    uint32_t equipment; // SITE_NONE if none
    uint32_t gateway;
    uint32_t respond_s; // 0 if not given
    uint32_t line;
    bool has_range;
    bool has_nominal;
    double range_lo;
    double range_hi;
    double nominal;
    struct site_limit limits[SITE_LIMIT_COUNT];
};

// Texts of one telemetry mapping; feed/mapping.h gives them their meaning. "" where not given.
struct site_mapping {
    const char *code;
    const char *topic;
    const char *form;
    const char *tag;
    const char *time;
    const char *good;
    const char *uncertain;
    const char *bad;
    const char *bad_values;
    uint32_t line;
};

struct site {
    const char *name;
    struct site_area *areas;
    struct site_equipment *equipment;
    struct site_gateway *gateways;
    struct site_tag *tags;
    struct site_mapping *mappings;
    uint32_t area_count;
    uint32_t equipment_count;
    uint32_t gateway_count;
    uint32_t tag_count;
    uint32_t mapping_count;
    struct site_private *priv; // the text and the maps
};

// X(code, is an error, short name, English form with positions for the arguments). Marked SITE_MSG
// so that the forms can be collected for translation.
#define SITE_MSG(text) text
#define SITE_ISSUE_TABLE(X)                                                                        \
    X(SITE_OK, 0, "ok", SITE_MSG("ok"))                                                            \
    X(SITE_TOO_LARGE, 1, "too-large", SITE_MSG("the file is larger than %1$s bytes"))              \
    X(SITE_NO_MEMORY, 1, "no-memory", SITE_MSG("not enough memory"))                               \
    X(SITE_LINE_LONG, 1, "line-long", SITE_MSG("the line is longer than %1$s bytes"))              \
    X(SITE_TEXT_BAD, 1, "text-bad",                                                                \
      SITE_MSG("the text is not valid UTF-8, or holds control, bidi or zero-width characters"))    \
    X(SITE_SYNTAX, 1, "syntax", SITE_MSG("expected [section name] or key = value"))                \
    X(SITE_NO_SECTION, 1, "no-section", SITE_MSG("a key must stand below a [section]"))            \
    X(SITE_SECTION_UNKNOWN, 1, "section-unknown", SITE_MSG("unknown kind of section \"%1$s\""))    \
    X(SITE_SECTION_NAME, 1, "section-name",                                                        \
      SITE_MSG("the section's name \"%1$s\" is missing, too long or holds a forbidden character")) \
    X(SITE_SECTION_TWICE, 1, "section-twice", SITE_MSG("defined already in line %1$s"))            \
    X(SITE_TOO_MANY, 1, "too-many", SITE_MSG("more than %1$s sections of this kind"))              \
    X(SITE_KEY_UNKNOWN, 1, "key-unknown", SITE_MSG("unknown key"))                                 \
    X(SITE_KEY_TWICE, 1, "key-twice", SITE_MSG("given twice in this section"))                     \
    X(SITE_MISSING, 1, "missing", SITE_MSG("is missing"))                                          \
    X(SITE_TEXT_LONG, 1, "text-long", SITE_MSG("longer than %1$s bytes"))                          \
    X(SITE_TEXT_EMPTY, 1, "text-empty", SITE_MSG("is empty"))                                      \
    X(SITE_NUMBER, 1, "number", SITE_MSG("\"%1$s\" is not a number"))                              \
    X(SITE_NUMBER_RANGE, 1, "number-range", SITE_MSG("%1$s is not within %2$s"))                   \
    X(SITE_RANGE, 1, "range", SITE_MSG("\"%1$s\" is not a range LO .. HI with LO below HI"))       \
    X(SITE_LIMIT_WORD, 1, "limit-word",                                                            \
      SITE_MSG("\"%1$s\": expected VALUE deadband=N on=N off=N priority=1..4"))                    \
    X(SITE_LIMIT_PRIORITY, 1, "limit-priority", SITE_MSG("priority=1..4 is missing"))              \
    X(SITE_AREA_UNKNOWN, 1, "area-unknown", SITE_MSG("there is no [area %1$s]"))                   \
    X(SITE_EQUIPMENT_UNKNOWN, 1, "equipment-unknown", SITE_MSG("there is no [equipment %1$s]"))    \
    X(SITE_GATEWAY_UNKNOWN, 1, "gateway-unknown", SITE_MSG("there is no [gateway %1$s]"))          \
    X(SITE_EQUIPMENT_AREA, 0, "equipment-area",                                                    \
      SITE_MSG("equipment %1$s belongs to another area (%2$s)"))                                   \
    X(SITE_LIMIT_ORDER, 1, "limit-order", SITE_MSG("%1$s breaks the order LL <= L < H <= HH"))     \
    X(SITE_LIMIT_OUTSIDE, 1, "limit-outside", SITE_MSG("%1$s is outside the range %2$s"))          \
    X(SITE_NOMINAL_OUTSIDE, 1, "nominal-outside", SITE_MSG("%1$s is outside %2$s"))                \
    X(SITE_DEADBAND_WIDE, 1, "deadband-wide",                                                      \
      SITE_MSG("deadband %1$s is not smaller than the distance %2$s to %3$s: "                     \
               "the alarm could not clear"))                                                       \
    X(SITE_DELAY_RESPOND, 1, "delay-respond",                                                      \
      SITE_MSG("on-delay %1$s s is not shorter than the time to respond, %2$s s"))                 \
    X(SITE_TOPIC_TWICE, 1, "topic-twice", SITE_MSG("the same topics as the mapping in line %1$s")) \
    X(SITE_MAPPING, 1, "mapping", SITE_MSG("\"%1$s\": %2$s"))                                      \
    X(SITE_NO_TAGS, 0, "no-tags", SITE_MSG("the file defines no tag"))                             \
    X(SITE_NO_ACTION, 0, "no-action", SITE_MSG("no action text for a tag with limits"))            \
    X(SITE_NO_CONSEQUENCE, 0, "no-consequence",                                                    \
      SITE_MSG("no consequence text for a tag with limits"))                                       \
    X(SITE_NO_RESPOND, 0, "no-respond", SITE_MSG("no time to respond for a tag with limits"))      \
    X(SITE_NO_DEADBAND, 0, "no-deadband", SITE_MSG("no deadband: the alarm may chatter"))

enum site_issue_code {
#define SITE_ISSUE_ENUM(code, error, name, text) code,
    SITE_ISSUE_TABLE(SITE_ISSUE_ENUM)
#undef SITE_ISSUE_ENUM
        SITE_ISSUE_CODE_COUNT
};

struct site_issue {
    enum site_issue_code code;
    uint32_t line;                      // 1-based; 0 if the whole file is meant
    char section[LIMIT_TAG_BYTES + 16]; // "tag TI-101"; "" if none
    char field[24];                     // "H", "range"; "" if none
    char args[3][SITE_ISSUE_ARG_BYTES]; // clean text, cut to fit
};

// Fixed size; further issues are counted and not kept.
struct site_issues {
    struct site_issue items[SITE_ISSUES_KEPT];
    uint32_t kept;
    uint32_t error_count;
    uint32_t warning_count;
};

bool site_issue_is_error(enum site_issue_code code);
const char *site_issue_name(enum site_issue_code code);
// The English form of the table, with %1$s .. %3$s for the arguments.
const char *site_issue_form(enum site_issue_code code);
// One English line for logs: "site.ini:17: tag TI-101, H: deadband 80 is not smaller than …".
void site_issue_text(const struct site_issue *issue, const char *file,
                     char out_text[static SITE_ISSUE_TEXT_BYTES]);
// Adds one issue: kept if there is room, counted always.
void site_issues_add(struct site_issues *issues, const struct site_issue *issue);
// What feed/mapping.h says about a mapping, as an issue of the file (SITE_MAPPING).
void site_mapping_issue(const struct site_mapping *mapping, const char *field, const char *reason,
                        struct site_issue *out_issue);
// REFUSAL_FILE_LINE with the arguments: "site.ini:17", "tag TI-101", "H", short name. Always
// RC_REFUSED.
enum rc site_issue_refuse(const struct site_issue *issue, const char *file, struct refusal *out);

// Reads text (copied). *issues is cleared and filled in every case. RC_INVALID if there is an error
// among the issues, RC_TOO_LARGE, RC_NO_MEMORY. seed keys the name maps.
DAVY_MUST_USE enum rc site_parse(struct slice text, uint64_t seed, struct site **out_site,
                                 struct site_issues *issues);
void site_free(struct site *site);

bool site_tag_find(const struct site *site, struct slice tag, uint32_t *out_index);
bool site_area_find(const struct site *site, struct slice code, uint32_t *out_index);
bool site_equipment_find(const struct site *site, struct slice code, uint32_t *out_index);
bool site_gateway_find(const struct site *site, struct slice code, uint32_t *out_index);
// "HH", "H", "L", "LL".
const char *site_limit_name(enum site_limit_kind kind);

#endif
