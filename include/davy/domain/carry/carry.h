// What a site above orders or finds, restated by this site's hub in its own log.
//
// Records of another site mean nothing here: this one carries such a record whole, with its
// signature, under the parent's name. The hub states it only if its roster names that parent and
// allows the kind, and after the copy of the parent's log had accepted it; each once.
//
// kind (number)      effect  signed by       body
// parent.carry (18)  fact    hub's seal      1 site, 2 kind, 3 content, 4 signature, 5 key,
//                                            6 hub_time (of the parent's hub)
// The subject is the rid of the record that is carried.
#ifndef DAVY_DOMAIN_CARRY_CARRY_H
#define DAVY_DOMAIN_CARRY_CARRY_H

#include "davy/record/module.h"

enum carry_kind { KIND_PARENT_CARRY = 18 };
enum {
    CARRY_SITE = 1,
    CARRY_KIND = 2,
    CARRY_CONTENT = 3,
    CARRY_SIGNATURE = 4,
    CARRY_KEY = 5,
    CARRY_HUB_TIME = 6,
};
#define CARRY_CONTENT_MAX 11000 // with the other fields it fits into one body

struct carry_state {
    bool known;
    bool needs_newer;
    uint16_t kind;                   // of the record that is carried
    struct site_id site;             // whose
    struct utc_ms time;              // of its author's clock
    struct utc_ms hub_time;          // when the parent's hub accepted it
    char text[LIMIT_TEXT_BYTES + 1]; // its first text
};
// Index columns: kind, time_ms (of the parent's hub).
extern const struct module carry_module;

#endif
