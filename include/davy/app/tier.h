// Hubs of other tiers as this site's people see them: enrolling one, and what was ordered from
// above.
#ifndef DAVY_APP_TIER_H
#define DAVY_APP_TIER_H

#include "davy/app/app.h"
#include "davy/domain/carry/carry.h"

struct tier_spec {
    const char *name; // of the other site
    const char *account;
    enum device_kind kind;  // DEVICE_CHILD or DEVICE_PARENT
    struct public_key key;  // of its hub
    struct site_id site;    // of a child
    uint8_t audience;       // a parent reads from this audience on: AUDIENCE_PARK or AUDIENCE_CITY
    const uint16_t *orders; // kinds that a parent may order; at most ROSTER_ORDERS_MAX
    uint8_t order_count;
};
// Signed by the active admin. SUBJECT_EXISTS: the account is taken; and what app_device_add
// refuses.
DAVY_MUST_USE enum rc app_tier_add(struct app *app, const struct tier_spec *spec, struct moment now,
                                   struct rid *out_device, struct refusal *out_refusal);
// Kinds that a parent may order, from their names with commas between them. ORDER_KIND names the
// one that is none: unknown, or of lane 0, which every site rules alone.
DAVY_MUST_USE enum rc app_order_kinds(const char *names, uint16_t out_kinds[ROSTER_ORDERS_MAX],
                                      uint8_t *out_count, struct refusal *out_refusal);
// The device of kind child that stands for this site and was not withdrawn.
bool app_tier_child(const struct app *app, struct site_id site, struct rid *out_device);

struct order_row {
    struct rid order; // the record of the parent
    struct carry_state state;
};
// The newest first, at most max. Returns how many.
uint32_t app_orders(struct app *app, struct order_row *out_rows, uint32_t max);

#endif
