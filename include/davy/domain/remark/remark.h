// Remarks: what a person saw and says, signed, for the site or for those above it.
//
// A remark is a fact: authentic, it is never refused for its state, and nothing changes it. Each
// one opens a subject of its own; what it speaks of (an alarm, a device, another remark) it only
// cites, because that may be known later here, or never. Its audience decides which chains carry
// it: site, park or city. It travels in the lane of dangers.
//
// kind (number)    effect  signed by              body
// remark.add (50)  fact    anyone with a role     1 text, 2 about (id), 3 place, 4 equipment,
//                                                 5 area, 6 blob (hash, repeated)
#ifndef DAVY_DOMAIN_REMARK_REMARK_H
#define DAVY_DOMAIN_REMARK_REMARK_H

#include "davy/record/module.h"

enum remark_kind { KIND_REMARK_ADD = 50 };
enum {
    REMARK_TEXT = 1,
    REMARK_ABOUT = 2,
    REMARK_PLACE = 3,
    REMARK_EQUIPMENT = 4,
    REMARK_AREA = 5,
    REMARK_BLOB = 6, // the hash of an attachment, which comes by itself (store/blob.h)
};

struct remark_state {
    bool known; // accepted, or my own and pending
    bool needs_newer;
    bool pending;       // my own, not yet in the log
    uint8_t audience;   // enum audience
    uint8_t verdict;    // enum verdict: a mark, also of a remark that was refused or held
    uint16_t rule;      // why
    struct utc_ms time; // of the author's clock; a mark, too: a list is ordered by it
    struct rid person;
    struct rid device;
    char about[ID_HEX_BYTES]; // "" if it speaks of nothing that has a record
    char text[LIMIT_COMMENT_BYTES + 1];
    char place[LIMIT_NAME_BYTES + 1];
    char equipment[LIMIT_TAG_BYTES + 1];
    char area[LIMIT_TAG_BYTES + 1];
};
// Index columns: area, about (text); audience, time_ms, accepted.
extern const struct module remark_module;

#endif
