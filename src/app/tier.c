#include "davy/app/tier.h"

#include "app_priv.h"

#include <stdio.h>
#include <string.h>

enum rc app_tier_add(struct app *app, const struct tier_spec *spec, struct moment now,
                     struct rid *out_device, struct refusal *out_refusal) {
    struct rid known;
    app->now = now;
    if (roster_device_by_account(app->roster, spec->account, &known) &&
        !roster_device_revoked(app->roster, known)) {
        return REFUSE(out_refusal, REFUSAL_SUBJECT_EXISTS, spec->account);
    }
    struct body body = app_body(app, KIND_DEVICE_ADD);
    body_put_text(&body, DEVICE_NAME, spec->name);
    body_put_uint(&body, DEVICE_KIND, (uint64_t)spec->kind);
    body_put_bytes(&body, DEVICE_KEY, spec->key.b, PUBLIC_KEY_BYTES);
    body_put_text(&body, DEVICE_ACCOUNT, spec->account);
    if (spec->kind == DEVICE_CHILD) {
        body_put_bytes(&body, DEVICE_SITE, spec->site.id.b, ID_BYTES);
    } else {
        body_put_uint(&body, DEVICE_AUDIENCE, spec->audience);
        for (uint8_t i = 0; i < spec->order_count; i++) {
            body_put_uint(&body, DEVICE_ORDERS, spec->orders[i]);
        }
    }
    struct act act = {.kind = KIND_DEVICE_ADD};
    return app_act(app, &act, out_device, out_refusal);
}

static bool may_be_ordered(const struct kind *kind) {
    return kind && kind->lane != LANE_CONTROL && !(kind->flags & KIND_HUB);
}

enum rc app_order_kinds(const char *names, uint16_t out_kinds[ROSTER_ORDERS_MAX],
                        uint8_t *out_count, struct refusal *out_refusal) {
    uint16_t kinds[ROSTER_ORDERS_MAX];
    uint8_t count = 0;
    char name[REFUSAL_ARG_BYTES];
    for (const char *at = names; *at != '\0';) {
        size_t len = strcspn(at, ",");
        (void)snprintf(name, sizeof name, "%.*s", (int)len, at);
        const struct kind *kind = registry_kind_named(app_registry(), name);
        if (!may_be_ordered(kind) || count == ROSTER_ORDERS_MAX) {
            return REFUSE(out_refusal, REFUSAL_ORDER_KIND, name);
        }
        kinds[count++] = kind->number;
        at += len + (at[len] == ',');
    }
    memcpy(out_kinds, kinds, count * sizeof kinds[0]);
    *out_count = count;
    return RC_OK;
}

bool app_tier_child(const struct app *app, struct site_id site, struct rid *out_device) {
    struct rid rid;
    for (uint32_t i = 0; roster_device_at(app->roster, i, &rid); i++) {
        const struct roster_device *device = roster_device(app->roster, rid);
        if (device && device->kind == DEVICE_CHILD && id16_equal(device->site.id, site.id) &&
            !roster_device_revoked(app->roster, rid)) {
            *out_device = rid;
            return true;
        }
    }
    return false;
}

// ---- Orders ----

struct order_list {
    struct order_row *rows;
    uint32_t count, max;
};

static enum rc order_add(void *ctx, struct rid subject, const void *state) {
    struct order_list *list = ctx;
    const struct carry_state *carry = state;
    if (carry->known && list->count < list->max) {
        list->rows[list->count++] = (struct order_row){.order = subject, .state = *carry};
    }
    return RC_OK;
}

uint32_t app_orders(struct app *app, struct order_row *out_rows, uint32_t max) {
    struct order_list list = {.rows = out_rows, .max = max};
    struct view_query query = {.order = "time_ms DESC", .limit = max};
    enum rc rc = store_view_each(app->store, &carry_module, &query, order_add, &list);
    return rc == RC_OK ? list.count : 0;
}
