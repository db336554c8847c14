// A plant file: the alarm limits that an offline replay evaluates (JSON, at the edge only).
//
//   {"meta":{"replay_sample_interval_s":180,…},
//    "tags":[{"tag":"XMEAS07","column":7,"nominal":2705.4,
//             "limits":{"HH":{"value":2895.0,"priority":"high","on_delay_s":0,"off_delay_s":15,
//                             "deadband":10.5},…}},…]}
//
// `column` is a number (from 1) or a column's name. `limits` keeps the order of the file, which is
// the order of events within one reading. `priority` is a word that is printed as it stands. What
// is for people (name, unit, basis, consequence, …) is checked for its name only; an unknown key is
// refused, because a misspelt limit that counts for nothing is worse than a refusal.
//
// Refused with tag and field: unknown, missing and duplicate keys, wrong types, numbers beyond
// their range, unclean text, limits out of the order LL <= L < H <= HH, a deadband that reaches
// beyond the nominal value, two tags of one name; files above PLANT_FILE_BYTES or deeper than
// PLANT_DEPTH.
#ifndef DAVY_DOMAIN_ALARM_PLANT_H
#define DAVY_DOMAIN_ALARM_PLANT_H

#include "davy/base/bytes.h"
#include "davy/base/limits.h"
#include "davy/domain/alarm/alarm.h"

#define PLANT_FILE_BYTES (8 * 1024 * 1024)
#define PLANT_DEPTH 8
#define PLANT_COLUMNS 1024 // largest column number
#define PLANT_PRIORITY_BYTES 16
#define PLANT_SAMPLE_S_MAX 86400
#define PLANT_LIMITS 4
#define PLANT_ERROR_BYTES 256

struct plant_limit {
    enum alarm_limit limit; // ALARM_HH .. ALARM_LL
    double value;
    double deadband;
    uint32_t on_delay_s;
    uint32_t off_delay_s;
    char priority[PLANT_PRIORITY_BYTES + 1];
};

struct plant_tag {
    char tag[LIMIT_TAG_BYTES + 1];
    uint32_t column;                         // 0 if it is named
    char column_name[LIMIT_TAG_BYTES + 1];   // "" if it is a number
    struct plant_limit limits[PLANT_LIMITS]; // in the order of the file
    uint32_t limit_count;
};

struct plant {
    struct plant_tag *tags;
    uint32_t tag_count;
    uint32_t sample_s; // 0 if the file gives none
};

// X(fault, English form; %1$s is the detail)
#define PLANT_FAULT_TABLE(X)                                                                       \
    X(PLANT_OK, "ok")                                                                              \
    X(PLANT_TOO_LARGE, "larger than %1$s bytes")                                                   \
    X(PLANT_NO_MEMORY, "not enough memory")                                                        \
    X(PLANT_TEXT, "is not clean UTF-8 text")                                                       \
    X(PLANT_DEEP, "nested too deep")                                                               \
    X(PLANT_SYNTAX, "is not JSON (line %1$s)")                                                     \
    X(PLANT_TYPE, "must be %1$s")                                                                  \
    X(PLANT_UNKNOWN, "unknown key")                                                                \
    X(PLANT_TWICE, "given twice")                                                                  \
    X(PLANT_MISSING, "is missing")                                                                 \
    X(PLANT_TOO_MANY, "more than %1$s")                                                            \
    X(PLANT_TEXT_SIZE, "must have 1 to %1$s bytes")                                                \
    X(PLANT_RANGE, "must be within %1$s")                                                          \
    X(PLANT_ORDER, "breaks the order LL <= L < H <= HH")                                           \
    X(PLANT_NOMINAL, "the nominal value %1$s lies beyond it")                                      \
    X(PLANT_DEADBAND, "reaches beyond the nominal value %1$s: the alarm could not clear")

enum plant_fault {
#define PLANT_FAULT_ENUM(fault, text) fault,
    PLANT_FAULT_TABLE(PLANT_FAULT_ENUM)
#undef PLANT_FAULT_ENUM
        PLANT_FAULT_COUNT
};

struct plant_error {
    enum plant_fault fault;
    char tag[LIMIT_TAG_BYTES + 16]; // "XMEAS07" or "tags[3]"; "" for the file
    char field[48];                 // "limits.HH.value"; "" for the tag
    char detail[64];
};

// One English line: "plant.json: XMEAS07, limits.HH.value: must be a number".
void plant_error_text(const struct plant_error *error, const char *file,
                      char out_text[static PLANT_ERROR_BYTES]);

// RC_INVALID, RC_TOO_LARGE or RC_NO_MEMORY with *error filled; the plant owns its memory.
DAVY_MUST_USE enum rc plant_parse(struct slice text, struct plant **out_plant,
                                  struct plant_error *error);
void plant_free(struct plant *plant);
// "HH", "H", "L", "LL".
const char *plant_limit_name(enum alarm_limit limit);

#endif
