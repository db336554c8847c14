#include "app_priv.h"

#include <string.h>

static void count_alarm(struct area_row *row, const struct alarm_row *alarm) {
    const struct alarm_state *state = &alarm->state;
    uint8_t priority = state->priority >= 1 && state->priority <= 4 ? state->priority : 4;
    if (!state->acked) {
        row->unacked[0]++;
        row->unacked[priority]++;
        row->returned += !state->active;
    } else if (state->active) {
        row->standing[0]++;
        row->standing[priority]++;
    } else {
        return; // closed here, on its way to the hub
    }
    // The rows come in order: the first of an area is its worst.
    if (row->worst == 0) {
        row->worst = priority;
        row->letter = alarm_letter(state);
        row->worst_subject = alarm->subject;
    }
}

static struct area_row *area_of(struct area_row *rows, uint32_t *count, uint32_t max,
                                const char *code) {
    for (uint32_t i = 0; i < *count; i++) {
        if (strcmp(rows[i].code, code) == 0) {
            return &rows[i];
        }
    }
    // Alarms of no known area stand in a row of their own, the last.
    for (uint32_t i = 0; i < *count; i++) {
        if (rows[i].code[0] == '\0') {
            return &rows[i];
        }
    }
    if (*count == max) {
        return NULL;
    }
    rows[*count] = (struct area_row){.letter = '-'};
    return &rows[(*count)++];
}

static void count_tags(struct app *app, struct area_row *rows, uint32_t count) {
    struct picture picture = app_picture(app);
    for (uint32_t i = 0; i < app->tag_count; i++) {
        const struct tag_entry *tag = &app->tags[i];
        if (!tag->def) {
            continue;
        }
        const char *area = def_area(tag->def);
        for (uint32_t k = 0; k < count; k++) {
            if (strcmp(rows[k].code, area) == 0) {
                rows[k].tags++;
                rows[k].tags_unknown += tag_is_unknown(app, tag, picture);
                break;
            }
        }
    }
}

uint32_t app_areas(struct app *app, struct moment now, struct area_row *out_rows, uint32_t max) {
    uint32_t count = 0;
    app->now = now;
    // Without memory: the alarms as they were, if need be below no area, rather than none.
    enum rc rc = app_defs(app);
    bool known = rc == RC_OK;
    app_missed(app, rc);
    app_missed(app, app_alarms(app));
    app->alarms_behind |= !known;
    for (; known && count < app->area_count && count < max; count++) {
        struct define_state area;
        struct area_row *row = &out_rows[count];
        def_unpack(app->areas[count], DEFINE_AREA, &area);
        *row = (struct area_row){.letter = '-'};
        memcpy(row->code, area.code, sizeof row->code);
        memcpy(row->name, area.name, sizeof row->name);
    }
    for (uint32_t i = 0; i < app->alarm_count; i++) {
        struct area_row *row = area_of(out_rows, &count, max, app->alarms[i].state.area);
        if (row) {
            count_alarm(row, &app->alarms[i]);
        }
    }
    count_tags(app, out_rows, count);
    return count;
}
