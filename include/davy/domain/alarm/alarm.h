// Alarm occurrences, folded from lane 1 (ISA-18.2 / IEC 62682: two axes, active and acknowledged).
//
//            raise                ack
//   (A) normal ----> (B) active, unacked ----> (C) active, acked
//                      | return                  | return
//                      v               ack       v
//                    (D) returned, unacked ----> closed
// A subject is one *occurrence*: the raise opens it, so an acknowledgement of an older occurrence
// can never touch a newer one. State D stays listed until someone acknowledges it. Nothing is ever
// acknowledged automatically. First acknowledgement wins; later ones are kept as marks. Facts are
// never refused: one about an occurrence that the hub does not know yet is held.
//
// kind (number)      effect   by                               body
// alarm.raise   (20) change   hub's seal (opens; lane 1)       see enum below
// alarm.return  (21) fact     hub's seal                       1 value, 2 time, 3 reason
// alarm.ack     (22) fact     operator or shift leader, area   1 comment (optional); many subjects
// alarm.comment (23) fact     any role but viewer, area        1 text
#ifndef DAVY_DOMAIN_ALARM_ALARM_H
#define DAVY_DOMAIN_ALARM_ALARM_H

#include "davy/record/module.h"

enum alarm_kind {
    KIND_ALARM_RAISE = 20,
    KIND_ALARM_RETURN = 21,
    KIND_ALARM_ACK = 22,
    KIND_ALARM_COMMENT = 23
};
enum alarm_limit { ALARM_HH = 1, ALARM_H = 2, ALARM_L = 3, ALARM_LL = 4, ALARM_STALE = 5 };
enum {
    RAISE_TAG = 1,
    RAISE_AREA = 2,
    RAISE_LIMIT = 3,
    RAISE_PRIORITY = 4,
    RAISE_VALUE = 5,
    RAISE_LIMIT_VALUE = 6,
    RAISE_UNIT = 7,
    RAISE_NAME = 8,
    RAISE_CONSEQUENCE = 9,
    RAISE_ACTION = 10,
    RAISE_RESPOND_S = 11,
    RAISE_TIME = 12,
    RAISE_QUALITY = 13, // enum alarm_quality (eval.h)
    RAISE_EQUIPMENT = 14,
    RETURN_VALUE = 1,
    RETURN_TIME = 2,
    RETURN_REASON = 3, // enum alarm_return
    ACK_COMMENT = 1,
    COMMENT_TEXT = 1,
};
enum alarm_return {
    ALARM_RETURN_NORMAL = 1,  // the value came back
    ALARM_RETURN_CHANGED = 2, // the limit or tag was changed or taken away
};
const char *alarm_limit_name(enum alarm_limit limit); // "HH"

struct alarm_state {
    bool known; // a raise was folded; marks may come first only while pending
    bool needs_newer;
    bool active;
    bool acked;
    bool acked_pending; // the acknowledgement is my own and not yet in the log
    uint8_t limit;      // enum alarm_limit
    uint8_t priority;   // 1 (highest) to 4
    uint16_t ack_count; // every acknowledgement with a final verdict, refused ones too
    uint16_t comment_count;
    struct rid acked_by; // person
    struct utc_ms acked_time;
    struct utc_ms raised_time;   // of the reading that crossed
    struct utc_ms returned_time; // 0 while active
    uint64_t changed_n;          // the log's n of the last entry that changed what a row shows
    struct decimal value;
    struct decimal limit_value;
    char tag[LIMIT_TAG_BYTES + 1];
    char area[LIMIT_TAG_BYTES + 1];
    char unit[LIMIT_UNIT_BYTES + 1];
    char name[LIMIT_NAME_BYTES + 1];
};
enum alarm_occurrence {
    ALARM_OCCURRENCE_NONE,     // no raise folded
    ALARM_OCCURRENCE_UNACKED,  // B
    ALARM_OCCURRENCE_ACKED,    // C
    ALARM_OCCURRENCE_RETURNED, // D
    ALARM_OCCURRENCE_CLOSED
};
enum alarm_occurrence alarm_occurrence(const struct alarm_state *state);
// Index columns: area, tag (text); priority, open (0/1: not closed), active, acked, raised_ms,
// limit_kind.
extern const struct module alarm_module;

// 'U' active unacknowledged, 'A' active acknowledged, 'R' returned unacknowledged, '-' closed.
char alarm_letter(const struct alarm_state *state);
// The list's order: unacknowledged first, then priority, then newest. <0 if a stands above b.
int alarm_compare(const struct alarm_state *a, const struct alarm_state *b);

#endif
