// Definitions of the site and live values. A value is live only while the picture is: cut off,
// stale or of bad quality it is unknown, and says so. Digests state changes; after a lost one
// nothing that was heard before it is live until it is heard again.
#include "app_priv.h"

#include <stdlib.h>
#include <string.h>

#define AGE_MS_MAX INT64_C(1000000000000) // 30 years: more is nonsense
#define VALUE_STALE_MS 60000 // a value that old is no live value, whatever its source promised

static enum rc def_add(void *ctx, struct rid subject, const void *state) {
    (void)subject;
    struct app *app = ctx;
    if (((const struct define_state *)state)->removed) {
        return RC_OK;
    }
    if (app->def_count == app->def_cap) {
        uint32_t cap = app->def_cap ? app->def_cap * 2 : 64;
        struct define_state *defs = realloc(app->defs, cap * sizeof *defs);
        if (!defs) {
            return RC_NO_MEMORY;
        }
        app->defs = defs;
        app->def_cap = cap;
    }
    memcpy(&app->defs[app->def_count++], state, sizeof *app->defs);
    return RC_OK;
}

static int def_compare(const void *a, const void *b) {
    const struct define_state *left = a;
    const struct define_state *right = b;
    if (left->what != right->what) {
        return left->what < right->what ? -1 : 1;
    }
    return (left->order > right->order) - (left->order < right->order);
}

enum rc app_defs(struct app *app) {
    if (!app->defs_dirty) {
        return RC_OK;
    }
    struct view_query all = {.limit = UINT32_MAX};
    app->def_count = 0;
    enum rc rc = store_view_each(app->store, &define_module, &all, def_add, app);
    if (rc != RC_OK) {
        return rc;
    }
    if (app->def_count > 1) {
        qsort(app->defs, app->def_count, sizeof *app->defs, def_compare);
    }
    map_clear(app->def_map);
    for (uint32_t i = 0; i < app->def_count && rc == RC_OK; i++) {
        if (app->defs[i].what == DEFINE_TAG) {
            rc = map_set(app->def_map, slice_text(app->defs[i].code), i);
        }
    }
    if (rc != RC_OK) {
        return rc;
    }
    app->defs_dirty = false;
    return RC_OK;
}

static struct app_live *live_find(const struct app *app, struct slice tag) {
    uint32_t index;
    return map_get(app->live_map, tag, &index) ? &app->live[index] : NULL;
}

static struct app_live *live_make(struct app *app, struct slice tag) {
    struct app_live *live = live_find(app, tag);
    if (live) {
        return live;
    }
    if (app->live_count == app->live_cap) {
        uint32_t cap = app->live_cap ? app->live_cap * 2 : 64;
        struct app_live *grown = realloc(app->live, cap * sizeof *grown);
        if (!grown) {
            return NULL;
        }
        app->live = grown;
        app->live_cap = cap;
    }
    if (map_put(app->live_map, tag, app->live_count) != RC_OK) {
        return NULL;
    }
    live = &app->live[app->live_count++];
    *live = (struct app_live){.value = 0};
    memcpy(live->tag, tag.data, tag.len);
    return live;
}

static bool ring_grow(struct app_live *live, uint16_t cap) {
    struct trend_point *points = calloc(cap, sizeof *points);
    if (!points) {
        return false;
    }
    for (uint16_t i = 0; i < live->count; i++) {
        points[i] = live->points[(live->next + live->cap - live->count + i) % live->cap];
    }
    free(live->points);
    live->points = points;
    live->cap = cap;
    live->next = live->count % cap;
    return true;
}

static void ring_put(struct app_live *live) {
    if (!live->points && !ring_grow(live, TREND_POINTS_MIN)) {
        return;
    }
    live->points[live->next] =
        (struct trend_point){.time = live->time, .value = live->value, .quality = live->quality};
    live->next = (uint16_t)((live->next + 1) % live->cap);
    live->count = live->count < live->cap ? (uint16_t)(live->count + 1) : live->cap;
}

void app_digest(void *ctx, const struct digest *digest) {
    struct app *app = ctx;
    struct reader items = reader_of(digest->items);
    if (digest->number != app->digest_number + 1) {
        app->picture++;
    }
    app->digest_number = digest->number;
    for (uint32_t i = 0; i < digest->count; i++) {
        struct digest_value value;
        if (digest_next(&items, &value) != RC_OK) {
            return;
        }
        struct app_live *live = live_make(app, value.tag);
        if (!live || value.age_ms > AGE_MS_MAX || value.age_ms < -AGE_MS_MAX) {
            continue;
        }
        struct utc_ms time = {digest->time.v - value.age_ms};
        bool fresh = time.v > live->time.v || live->count == 0;
        live->value = value.value;
        live->quality = value.quality;
        live->time = time;
        live->picture = app->picture;
        if (fresh) {
            ring_put(live);
        }
    }
    app->changed = true;
}

bool app_picture_is_stale(struct app *app) {
    struct sync_device_status status;
    if (!app->sync) {
        return true;
    }
    sync_device_status(app->sync, &status);
    return status.phase != SYNC_LIVE || status.heard.v == 0 ||
           app->now.mono.v - status.heard.v > LIMIT_PICTURE_STALE_MS;
}

// The hub's clock as far as it is known here: ages are counted by it.
static int64_t hub_now(struct app *app) {
    struct sync_device_status status;
    if (!app->sync) {
        return app->now.utc.v;
    }
    sync_device_status(app->sync, &status);
    return status.heard.v ? status.hub_time.v + app->now.mono.v - status.heard.v : app->now.utc.v;
}

struct picture app_picture(struct app *app) {
    return (struct picture){.stale = app_picture_is_stale(app), .hub_now = hub_now(app)};
}

static bool value_is_unknown(const struct app *app, const struct app_live *live, int64_t age_ms) {
    return live->picture != app->picture || live->quality >= 2 || age_ms > VALUE_STALE_MS;
}

bool app_tag_is_unknown(struct app *app, const char *tag, struct picture picture) {
    const struct app_live *live = live_find(app, slice_text(tag));
    return picture.stale || !live || live->count == 0 ||
           value_is_unknown(app, live, picture.hub_now - live->time.v);
}

static void row_fill(struct app *app, const struct define_state *def, struct picture picture,
                     struct tag_row *out_row) {
    *out_row = (struct tag_row){.def = *def, .stale = true, .quality = 2};
    const struct app_live *live = live_find(app, slice_text(def->code));
    if (!live || live->count == 0) {
        return;
    }
    out_row->has_value = true;
    out_row->value = live->value;
    out_row->quality = live->quality > 2 ? 2 : live->quality;
    out_row->age_ms = picture.hub_now - live->time.v;
    out_row->stale = picture.stale || value_is_unknown(app, live, out_row->age_ms);
}

uint32_t app_tag_count(struct app *app) {
    uint32_t count = 0;
    if (app_defs(app) != RC_OK) {
        return 0;
    }
    for (uint32_t i = 0; i < app->def_count; i++) {
        count += app->defs[i].what == DEFINE_TAG;
    }
    return count;
}

uint32_t app_tags(struct app *app, const char *area, struct moment now, struct tag_row *out_rows,
                  uint32_t max) {
    uint32_t count = 0;
    app->now = now;
    if (app_defs(app) != RC_OK) {
        return 0;
    }
    struct picture picture = app_picture(app);
    for (uint32_t i = 0; i < app->def_count && count < max; i++) {
        const struct define_state *def = &app->defs[i];
        if (def->what == DEFINE_TAG && (!area || strcmp(def->area, area) == 0)) {
            row_fill(app, def, picture, &out_rows[count++]);
        }
    }
    return count;
}

bool app_tag(struct app *app, const char *tag, struct moment now, struct tag_row *out_row) {
    app->now = now;
    if (app_defs(app) != RC_OK) {
        return false;
    }
    uint32_t index;
    if (!map_get(app->def_map, slice_text(tag), &index)) {
        return false;
    }
    row_fill(app, &app->defs[index], app_picture(app), out_row);
    return true;
}

uint32_t app_trend(struct app *app, const char *tag, struct trend_point *out_points, uint32_t max) {
    struct app_live *live = live_find(app, slice_text(tag));
    if (!live || live->count == 0) {
        return 0;
    }
    if (live->cap < TREND_POINTS_MAX && max > live->cap) {
        (void)ring_grow(live, TREND_POINTS_MAX);
    }
    uint32_t count = live->count < max ? live->count : max;
    for (uint32_t i = 0; i < count; i++) {
        out_points[i] = live->points[(live->next + live->cap - count + i) % live->cap];
    }
    return count;
}

void app_tags_close(struct app *app) {
    for (uint32_t i = 0; i < app->live_count; i++) {
        free(app->live[i].points);
    }
    free(app->live);
    app->live = NULL;
    app->live_count = 0;
}
