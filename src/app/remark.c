#include "davy/app/remark.h"

#include "app_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char remark_add[] = "remark.add";

// Optional texts of a body: NULL and "" are left out.
static bool given(const char *text) {
    return text && text[0] != '\0';
}

static bool text_fits(const char *text, size_t max) {
    return !given(text) || text_check(slice_text(text), max) == RC_OK;
}

static enum rc spec_check(const struct remark_spec *spec, struct refusal *out_refusal) {
    const struct {
        const char *name;
        bool good;
    } rows[] = {
        {"text", given(spec->text) && text_fits(spec->text, LIMIT_COMMENT_BYTES)},
        {"place", text_fits(spec->place, LIMIT_NAME_BYTES)},
        {"equipment", text_fits(spec->equipment, LIMIT_TAG_BYTES)},
        {"area", text_fits(spec->area, LIMIT_TAG_BYTES)},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (!rows[i].good) {
            return REFUSE(out_refusal, REFUSAL_FIELD_TEXT, remark_add, rows[i].name);
        }
    }
    return spec->audience < AUDIENCE_COUNT
               ? RC_OK
               : REFUSE(out_refusal, REFUSAL_FIELD_RANGE, remark_add, "audience", "2");
}

enum rc app_remark_add(struct app *app, const struct remark_spec *spec, struct moment now,
                       struct rid *out_remark, struct refusal *out_refusal) {
    app->now = now;
    enum rc rc = spec_check(spec, out_refusal);
    if (rc != RC_OK) {
        return rc;
    }
    struct body body = app_body(app, KIND_REMARK_ADD);
    body_put_text(&body, REMARK_TEXT, spec->text);
    if (!rid_is_zero(spec->about)) {
        body_put_bytes(&body, REMARK_ABOUT, spec->about.id.b, ID_BYTES);
    }
    if (given(spec->place)) {
        body_put_text(&body, REMARK_PLACE, spec->place);
    }
    if (given(spec->equipment)) {
        body_put_text(&body, REMARK_EQUIPMENT, spec->equipment);
    }
    if (given(spec->area)) {
        body_put_text(&body, REMARK_AREA, spec->area);
    }
    struct act act = {.kind = KIND_REMARK_ADD, .audience = spec->audience};
    return app_act(app, &act, out_remark, out_refusal);
}

// ---- List ----

struct remark_list {
    struct app *app;
    struct remark_row *rows;
    uint32_t count, max;
};

// The newest stay: a full list gives its oldest row away.
static struct remark_row *list_room(struct remark_list *list, int64_t time) {
    if (list->count < list->max) {
        return &list->rows[list->count++];
    }
    struct remark_row *oldest = NULL;
    for (uint32_t i = 0; i < list->count; i++) {
        if (!oldest || list->rows[i].state.time.v < oldest->state.time.v) {
            oldest = &list->rows[i];
        }
    }
    return oldest && oldest->state.time.v < time ? oldest : NULL;
}

static void list_names(struct remark_list *list, struct remark_row *row, struct rid person,
                       struct rid device) {
    const struct roster *roster = list->app->roster;
    const struct roster_person *who = roster_person(roster, person);
    const struct roster_device *where = roster_device(roster, device);
    (void)snprintf(row->person, sizeof row->person, "%s", who ? who->name : "");
    (void)snprintf(row->device, sizeof row->device, "%s", where ? where->name : "");
}

static enum rc list_add(void *ctx, struct rid subject, const void *state) {
    struct remark_list *list = ctx;
    const struct remark_state *remark = state;
    struct remark_row *row = list_room(list, remark->time.v);
    struct place place;
    if (!row) {
        return RC_OK;
    }
    enum rc rc = store_record_place(list->app->store, subject, &place);
    if (rc != RC_OK) {
        return rc;
    }
    memset(row, 0, sizeof *row);
    row->remark = subject;
    row->state = *remark;
    row->own = app_stage(list->app, &place, &row->stage, &row->rule);
    list_names(list, row, remark->person, remark->device);
    return RC_OK;
}

// What only pending records speak of has no view yet.
static enum rc list_pending(void *ctx, struct rid subject) {
    struct remark_list *list = ctx;
    struct remark_state state;
    enum rc rc = store_view_get(list->app->store, &remark_module, subject, true, &state);
    if (rc != RC_OK) {
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        if (rid_equal(list->rows[i].remark, subject)) {
            return RC_OK;
        }
    }
    return list_add(list, subject, &state);
}

static int newest_first(const void *a, const void *b) {
    const struct remark_row *left = a;
    const struct remark_row *right = b;
    if (left->state.time.v != right->state.time.v) {
        return left->state.time.v > right->state.time.v ? -1 : 1;
    }
    return id16_compare(left->remark.id, right->remark.id);
}

uint32_t app_remark_list(struct app *app, struct remark_row *out_rows, uint32_t max) {
    struct remark_list list = {.app = app, .rows = out_rows, .max = max};
    struct view_query query = {.order = "time_ms DESC", .limit = max};
    if (store_view_each(app->store, &remark_module, &query, list_add, &list) != RC_OK ||
        store_pending_each(app->store, &remark_module, list_pending, &list) != RC_OK) {
        return 0;
    }
    if (list.count > 1) {
        qsort(out_rows, list.count, sizeof *out_rows, newest_first);
    }
    return list.count;
}
