// What a console must know of the site: areas and tags, stated by the hub as records in lane 3.
//
// A definition's subject is derived from its name, so that a later statement replaces the earlier
// one; a statement whose subject is not derived from its own name is refused and never folded:
//   subject = first 16 bytes of BLAKE2b-256("davy/define/1" | site | "area" or "tag" | name)
// kind (number)     effect  by          body
// site.area    (40) fact    hub's seal  1 code, 2 name, 3 order, 4 removed
// site.tag     (41) fact    hub's seal  1 tag, 2 area, 3 name, 4 unit, 5 low, 6 high,
//                                       7..10 HH H L LL, 11 equipment, 12 removed, 13 order,
//                                       14 stale_s: silence of its gateway that makes it stale
#ifndef DAVY_DOMAIN_SITE_DEFINE_H
#define DAVY_DOMAIN_SITE_DEFINE_H

#include "davy/record/module.h"

enum define_kind { KIND_SITE_AREA = 40, KIND_SITE_TAG = 41 };
enum {
    AREA_CODE = 1,
    AREA_NAME = 2,
    AREA_ORDER = 3,
    AREA_REMOVED = 4,
    TAG_TAG = 1,
    TAG_AREA = 2,
    TAG_NAME = 3,
    TAG_UNIT = 4,
    TAG_LOW = 5,
    TAG_HIGH = 6,
    TAG_HH = 7,
    TAG_H = 8,
    TAG_L = 9,
    TAG_LL = 10,
    TAG_EQUIPMENT = 11,
    TAG_REMOVED = 12,
    TAG_ORDER = 13,
    TAG_STALE = 14,
};
enum define_what { DEFINE_NOTHING = 0, DEFINE_AREA = 1, DEFINE_TAG = 2 };
#define DEFINE_HAS_HH 1u
#define DEFINE_HAS_H 2u
#define DEFINE_HAS_L 4u
#define DEFINE_HAS_LL 8u
#define DEFINE_HAS_RANGE 16u

struct define_state {
    uint8_t what; // enum define_what
    bool removed;
    uint32_t order;                 // position in the site file
    uint8_t has;                    // DEFINE_HAS_*
    char code[LIMIT_TAG_BYTES + 1]; // area code or tag name
    char area[LIMIT_TAG_BYTES + 1];
    char name[LIMIT_NAME_BYTES + 1];
    char unit[LIMIT_UNIT_BYTES + 1];
    char equipment[LIMIT_TAG_BYTES + 1];
    uint32_t stale_s; // 0: not told
    struct decimal low, high;
    struct decimal limits[4]; // HH H L LL
};
// Index columns: what, removed, position (int); code, area (text).
extern const struct module define_module;
struct rid define_subject(struct site_id site, enum define_what what, const char *code);

#endif
