// Definitions of the site as the store has them: read once, then kept up to date fold by fold.
#include "app_priv.h"

#include <stdlib.h>
#include <string.h>

static void put_text(struct buf *out, const char *text) {
    buf_put(out, text, strlen(text) + 1);
}

static void put_decimal(struct buf *out, struct decimal value) {
    buf_put_signed(out, value.mantissa);
    buf_put_u8(out, (uint8_t)value.exponent);
}

static enum rc def_pack(struct app *app, const struct define_state *state,
                        struct app_def **out_def) {
    struct buf *out = &app->packed;
    buf_reset(out);
    put_text(out, state->code);
    put_text(out, state->area);
    put_text(out, state->name);
    put_text(out, state->unit);
    put_text(out, state->equipment);
    buf_put_u8(out, state->has);
    if (state->has & DEFINE_HAS_RANGE) {
        put_decimal(out, state->low);
        put_decimal(out, state->high);
    }
    for (unsigned i = 0; i < COUNT_OF(state->limits); i++) {
        if (state->has & DEFINE_HAS_HH << i) {
            put_decimal(out, state->limits[i]);
        }
    }
    struct app_def *def = buf_rc(out) == RC_OK ? malloc(sizeof *def + out->len) : NULL;
    if (!def) {
        return RC_NO_MEMORY;
    }
    def->order = state->order;
    def->stale_s = state->stale_s;
    def->bytes = (uint16_t)out->len;
    memcpy(def->packed, out->data, out->len);
    *out_def = def;
    return RC_OK;
}

static const char *text_after(const char *text) {
    return text + strlen(text) + 1;
}

const char *def_area(const struct app_def *def) {
    return text_after(def->packed);
}

static const char *take_text(const char *text, char *out) {
    const char *after = text_after(text);
    memcpy(out, text, (size_t)(after - text));
    return after;
}

static struct decimal take_decimal(struct reader *in) {
    int64_t mantissa = reader_signed(in);
    return (struct decimal){.mantissa = mantissa, .exponent = (int8_t)reader_u8(in)};
}

void def_unpack(const struct app_def *def, enum define_what what, struct define_state *out_state) {
    struct define_state state = {
        .what = (uint8_t)what, .order = def->order, .stale_s = def->stale_s};
    const char *at = take_text(def->packed, state.code);
    at = take_text(at, state.area);
    at = take_text(at, state.name);
    at = take_text(at, state.unit);
    at = take_text(at, state.equipment);
    struct reader in = reader_of(slice_of(at, (size_t)(def->packed + def->bytes - at)));
    state.has = reader_u8(&in);
    if (state.has & DEFINE_HAS_RANGE) {
        state.low = take_decimal(&in);
        state.high = take_decimal(&in);
    }
    for (unsigned i = 0; i < COUNT_OF(state.limits); i++) {
        if (state.has & DEFINE_HAS_HH << i) {
            state.limits[i] = take_decimal(&in);
        }
    }
    ENSURE(reader_done(&in) == RC_OK);
    *out_state = state;
}

// Where the area's definition belongs; NULL beyond the limit: its alarms stand in the row of no
// known area.
static struct app_def **area_place(struct app *app, const char *code) {
    uint32_t at = 0;
    uint32_t hole = app->area_count;
    for (; at < app->area_count; at++) {
        if (!app->areas[at]) {
            hole = at;
        } else if (strcmp(app->areas[at]->packed, code) == 0) {
            return &app->areas[at];
        }
    }
    if (hole == LIMIT_SITE_AREAS) {
        return NULL;
    }
    app->area_count += hole == app->area_count;
    return &app->areas[hole];
}

static enum rc def_set(struct app *app, const struct define_state *state) {
    struct app_def **place = NULL;
    struct app_def *def = NULL;
    if (state->what == DEFINE_AREA) {
        place = area_place(app, state->code);
    } else if (state->what == DEFINE_TAG) {
        struct tag_entry *tag =
            state->removed ? tag_find(app, state->code) : tag_make(app, slice_text(state->code));
        if (!tag && !state->removed) {
            // Not RC_FULL: to a walk of the store that would mean enough.
            return app->tag_count == APP_TAGS_MAX ? RC_TOO_LARGE : RC_NO_MEMORY;
        }
        place = tag ? &tag->def : NULL;
    }
    if (!place) {
        return RC_OK;
    }
    enum rc rc = state->removed ? RC_OK : def_pack(app, state, &def);
    if (rc == RC_OK) {
        app->defs_unsorted |= !def || !*place || def->order != (*place)->order;
        free(*place);
        *place = def;
    }
    return rc;
}

void app_def_fold(struct app *app, const struct define_state *state) {
    if (!app->defs_dirty) {
        app->defs_dirty = def_set(app, state) != RC_OK;
    }
}

static enum rc def_add(void *ctx, struct rid subject, const void *state) {
    (void)subject;
    const struct define_state *define = state;
    return define->removed ? RC_OK : def_set(ctx, define);
}

static void defs_forget(struct app *app) {
    for (uint32_t i = 0; i < app->area_count; i++) {
        free(app->areas[i]);
        app->areas[i] = NULL;
    }
    for (uint32_t i = 0; i < app->tag_count; i++) {
        free(app->tags[i].def);
        app->tags[i].def = NULL;
    }
    app->area_count = 0;
    app->defs_unsorted = true;
}

// What was heard stays; only a table that removed tags have filled is begun anew.
static enum rc defs_load(struct app *app) {
    struct view_query all = {.limit = UINT32_MAX};
    defs_forget(app);
    enum rc rc = store_view_each(app->store, &define_module, &all, def_add, app);
    if (rc == RC_TOO_LARGE) {
        defs_forget(app);
        app_tags_clear(app);
        rc = store_view_each(app->store, &define_module, &all, def_add, app);
    }
    return rc;
}

static int order_compare(const void *a, const void *b) {
    uint64_t left = *(const uint64_t *)a;
    uint64_t right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

// Holes last.
static int area_compare(const void *a, const void *b) {
    const struct app_def *left = *(struct app_def *const *)a;
    const struct app_def *right = *(struct app_def *const *)b;
    if (!left || !right) {
        return !left - !right;
    }
    return (left->order > right->order) - (left->order < right->order);
}

static enum rc defs_sort(struct app *app) {
    uint64_t *order = realloc(app->tag_order, (app->tag_count + 1) * sizeof *order);
    if (!order) {
        return RC_NO_MEMORY;
    }
    app->tag_order = order;
    app->defined_count = 0;
    for (uint32_t i = 0; i < app->tag_count; i++) {
        if (app->tags[i].def) {
            order[app->defined_count++] = (uint64_t)app->tags[i].def->order << 32 | i;
        }
    }
    qsort(order, app->defined_count, sizeof *order, order_compare);
    qsort(app->areas, app->area_count, sizeof(struct app_def *), area_compare);
    while (app->area_count > 0 && !app->areas[app->area_count - 1]) {
        app->area_count--;
    }
    return RC_OK;
}

enum rc app_defs(struct app *app) {
    enum rc rc = app->defs_dirty ? defs_load(app) : RC_OK;
    if (rc == RC_OK && (app->defs_dirty || app->defs_unsorted)) {
        app->defs_dirty = false;
        rc = defs_sort(app);
        app->defs_unsorted = rc != RC_OK;
    }
    return rc;
}

void app_defs_close(struct app *app) {
    defs_forget(app);
    app_tags_clear(app);
    free(app->tags);
    free(app->tag_order);
}
