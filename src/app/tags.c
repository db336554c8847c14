// Tags and their live values. A value is live only while the picture is: cut off,
// stale or of bad quality it is unknown, and says so. Digests state changes; after a lost one
// nothing that was heard before it is live until it is heard again.
#include "app_priv.h"

#include <stdlib.h>
#include <string.h>

#define AGE_MS_MAX INT64_C(1000000000000) // 30 years: more is nonsense
#define VALUE_STALE_MS 60000 // a value that old is no live value, unless its source may be slower

struct tag_entry *tag_find(const struct app *app, const char *tag) {
    uint32_t place;
    return map_get(app->tag_map, slice_text(tag), &place) ? &app->tags[place] : NULL;
}

struct tag_entry *tag_make(struct app *app, struct slice tag) {
    uint32_t place;
    if (map_get(app->tag_map, tag, &place)) {
        return &app->tags[place];
    }
    if (app->tag_count == app->tag_cap) {
        uint32_t cap = app->tag_cap ? app->tag_cap * 2 : 64;
        struct tag_entry *grown = realloc(app->tags, cap * sizeof *grown);
        if (!grown) {
            return NULL;
        }
        app->tags = grown;
        app->tag_cap = cap;
    }
    if (map_put(app->tag_map, tag, app->tag_count) != RC_OK) {
        return NULL;
    }
    app->tags[app->tag_count] = (struct tag_entry){.heard = false};
    return &app->tags[app->tag_count++];
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
        struct tag_entry *tag = tag_make(app, value.tag);
        if (!tag || value.age_ms > AGE_MS_MAX || value.age_ms < -AGE_MS_MAX) {
            continue;
        }
        struct utc_ms time = {digest->time.v - value.age_ms};
        bool fresh = time.v > tag->time.v || !tag->heard;
        tag->value = value.value;
        tag->quality = value.quality;
        tag->time = time;
        tag->picture = app->picture;
        tag->heard = true;
        if (fresh) {
            trend_put(&tag->trend, &(struct trend_point){time, value.value, value.quality});
        }
    }
    app->changed = true;
}

bool app_picture_is_stale(struct app *app) {
    struct sync_device_status status;
    if (!app->sync || app->alarms_behind) {
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

// A gateway that may be silent for longer reports on change: its values stay live that long.
static int64_t age_ms_max(const struct tag_entry *tag) {
    int64_t told = tag->def ? (int64_t)tag->def->stale_s * 1000 : 0;
    return told > VALUE_STALE_MS ? told : VALUE_STALE_MS;
}

bool tag_is_unknown(const struct app *app, const struct tag_entry *tag, struct picture picture) {
    return picture.stale || !tag->heard || tag->picture != app->picture || tag->quality >= 2 ||
           picture.hub_now - tag->time.v > age_ms_max(tag);
}

static void row_fill(const struct app *app, const struct tag_entry *tag, struct picture picture,
                     struct tag_row *out_row) {
    *out_row = (struct tag_row){.stale = true, .quality = 2};
    def_unpack(tag->def, DEFINE_TAG, &out_row->def);
    if (!tag->heard) {
        return;
    }
    out_row->has_value = true;
    out_row->value = tag->value;
    out_row->quality = tag->quality > 2 ? 2 : tag->quality;
    out_row->age_ms = picture.hub_now - tag->time.v;
    out_row->stale = tag_is_unknown(app, tag, picture);
}

static bool defs_ready(struct app *app) {
    enum rc rc = app_defs(app);
    app_missed(app, rc);
    return rc == RC_OK;
}

uint32_t app_tag_count(struct app *app) {
    return defs_ready(app) ? app->defined_count : 0;
}

uint32_t app_tags(struct app *app, const char *area, struct moment now, struct tag_row *out_rows,
                  uint32_t max) {
    uint32_t count = 0;
    app->now = now;
    if (!defs_ready(app)) {
        return 0;
    }
    struct picture picture = app_picture(app);
    for (uint32_t i = 0; i < app->defined_count && count < max; i++) {
        const struct tag_entry *tag = &app->tags[(uint32_t)app->tag_order[i]];
        if (!area || strcmp(def_area(tag->def), area) == 0) {
            row_fill(app, tag, picture, &out_rows[count++]);
        }
    }
    return count;
}

bool app_tag(struct app *app, const char *tag, struct moment now, struct tag_row *out_row) {
    app->now = now;
    if (!defs_ready(app)) {
        return false;
    }
    const struct tag_entry *entry = tag_find(app, tag);
    if (!entry || !entry->def) {
        return false;
    }
    row_fill(app, entry, app_picture(app), out_row);
    return true;
}

void app_tags_clear(struct app *app) {
    for (uint32_t i = 0; i < app->tag_count; i++) {
        free(app->tags[i].trend.values);
    }
    app->tag_count = 0;
    app->defined_count = 0;
    app->trend_long_count = 0;
    if (app->tag_map) {
        map_clear(app->tag_map);
    }
}
