#include "app_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct open_list {
    struct alarm_row *rows;
    uint32_t count, cap;
};

static enum rc row_add(void *ctx, struct rid subject, const void *state) {
    struct open_list *list = ctx;
    if (list->count == LIMIT_ALARMS_LISTED) {
        return RC_FULL;
    }
    if (list->count == list->cap) {
        uint32_t cap = list->cap ? list->cap * 2 : 256;
        struct alarm_row *rows = realloc(list->rows, cap * sizeof *rows);
        if (!rows) {
            return RC_NO_MEMORY;
        }
        list->rows = rows;
        list->cap = cap;
    }
    struct alarm_row *row = &list->rows[list->count];
    row->subject = subject;
    memcpy(&row->state, state, sizeof row->state);
    // An own acknowledgement on its way may close what the log still shows as open.
    list->count += row->state.active || !row->state.acked || row->state.acked_pending;
    return RC_OK;
}

static int row_compare(const void *a, const void *b) {
    const struct alarm_row *left = a;
    const struct alarm_row *right = b;
    int order = alarm_compare(&left->state, &right->state);
    return order ? order : id16_compare(left->subject.id, right->subject.id);
}

// Whoever opens an alarm later wants to see what led on from it.
static void keep_trends(struct app *app) {
    uint32_t count = app->alarm_count < TREND_ALARMS_MAX ? app->alarm_count : TREND_ALARMS_MAX;
    while (count-- > 0) {
        const struct tag_entry *tag = tag_find(app, app->alarms[count].state.tag);
        if (tag) {
            trend_lengthen(app, tag);
        }
    }
}

enum rc app_alarms(struct app *app) {
    if (!app->alarms_dirty) {
        return RC_OK;
    }
    struct view_filter open = {.column = "open", .op = '=', .value = {.number = 1}};
    struct view_query query = {.filters = &open,
                               .filter_count = 1,
                               .order = "priority, raised_ms DESC",
                               .limit = LIMIT_ALARMS_LISTED,
                               .with_pending = true};
    struct open_list list = {.rows = NULL};
    enum rc rc = store_view_each(app->store, &alarm_module, &query, row_add, &list);
    app->alarms_behind = rc != RC_OK && rc != RC_FULL;
    if (app->alarms_behind) {
        free(list.rows); // the older list stays, and the picture is called stale
        return rc;
    }
    free(app->alarms);
    app->alarms = list.rows;
    app->alarm_count = list.count;
    if (app->alarm_count > 1) {
        qsort(app->alarms, app->alarm_count, sizeof *app->alarms, row_compare);
    }
    keep_trends(app);
    app->alarms_dirty = false;
    return RC_OK;
}

static bool matches(const struct alarm_filter *filter, const struct alarm_state *state) {
    return !filter || ((!filter->area || strcmp(filter->area, state->area) == 0) &&
                       (!filter->priority_max || state->priority <= filter->priority_max) &&
                       (!filter->unacked_only || !state->acked));
}

struct closed_list {
    const struct alarm_filter *filter;
    struct alarm_row *rows;
    uint32_t count, max, total;
};

static enum rc closed_add(void *ctx, struct rid subject, const void *state) {
    struct closed_list *list = ctx;
    if (!matches(list->filter, state)) {
        return RC_OK;
    }
    list->total++;
    if (list->count < list->max) {
        list->rows[list->count].subject = subject;
        memcpy(&list->rows[list->count++].state, state, sizeof(struct alarm_state));
    }
    return RC_OK;
}

uint32_t app_alarm_list(struct app *app, const struct alarm_filter *filter,
                        struct alarm_row *out_rows, uint32_t max, uint32_t *out_total) {
    struct closed_list list = {.filter = filter, .rows = out_rows, .max = max};
    app_missed(app, app_alarms(app));
    for (uint32_t i = 0; i < app->alarm_count; i++) {
        (void)closed_add(&list, app->alarms[i].subject, &app->alarms[i].state);
    }
    if (filter && filter->include_closed && list.count < max) {
        struct view_filter closed = {.column = "open", .op = '=', .value = {.number = 0}};
        struct view_query query = {.filters = &closed,
                                   .filter_count = 1,
                                   .order = "raised_ms DESC",
                                   .limit = LIMIT_QUERY_ROWS,
                                   .with_pending = true};
        enum rc rc = store_view_each(app->store, &alarm_module, &query, closed_add, &list);
        if (rc != RC_OK) {
            app_missed(app, rc);
            list.total = list.count;
        }
    }
    *out_total = list.total;
    return list.count;
}

enum rc app_alarm_detail(struct app *app, struct rid subject, struct alarm_detail *out_detail) {
    struct alarm_detail detail = {.row = {.subject = subject}};
    struct place place;
    struct content content;
    bool has_sig;
    struct signature sig;
    enum rc rc = store_view_get(app->store, &alarm_module, subject, true, &detail.row.state);
    if (rc == RC_OK) {
        rc = store_record_place(app->store, subject, &place);
    }
    buf_reset(&app->scratch);
    if (rc == RC_OK) {
        rc = store_entry_get(app->store, &place, &app->scratch, &has_sig, &sig);
    }
    if (rc == RC_OK) {
        rc = content_decode(buf_slice(&app->scratch), &content);
    }
    if (rc != RC_OK) {
        return rc;
    }
    uint64_t respond = 0;
    body_text(content.body, RAISE_CONSEQUENCE, detail.consequence, sizeof detail.consequence);
    body_text(content.body, RAISE_ACTION, detail.action, sizeof detail.action);
    body_text(content.body, RAISE_EQUIPMENT, detail.equipment, sizeof detail.equipment);
    if (body_uint(content.body, RAISE_RESPOND_S, &respond)) {
        detail.respond_s = (uint32_t)respond;
    }
    const struct roster_person *person = roster_person(app->roster, detail.row.state.acked_by);
    if (person) {
        (void)snprintf(detail.acked_by, sizeof detail.acked_by, "%s", person->name);
    }
    *out_detail = detail;
    return RC_OK;
}

// A row still stands as it was painted, and there is something to acknowledge.
static enum rc stands(struct app *app, const struct painted_row *row, bool *out_stands) {
    struct alarm_state state;
    enum rc rc = store_view_get(app->store, &alarm_module, row->subject, true, &state);
    *out_stands = rc == RC_OK && state.known && !state.acked && state.changed_n == row->changed_n;
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc ack_some(struct app *app, const struct rid *subjects, uint16_t count,
                        const char *comment, struct refusal *out_refusal) {
    struct body body = app_body(app, KIND_ALARM_ACK);
    if (comment && comment[0] != '\0') {
        body_put_text(&body, ACK_COMMENT, comment);
    }
    struct act act = {.kind = KIND_ALARM_ACK, .subjects = subjects, .subject_count = count};
    return app_act(app, &act, NULL, out_refusal);
}

static bool named(const struct rid *subjects, uint16_t count, struct rid subject) {
    for (uint16_t i = 0; i < count; i++) {
        if (rid_equal(subjects[i], subject)) {
            return true;
        }
    }
    return false;
}

static enum rc ack_all(struct app *app, const struct painted_row *rows, uint32_t count,
                       const char *comment, uint32_t *out_taken, struct refusal *out_refusal) {
    struct rid subjects[LIMIT_RECORD_SUBJECTS];
    uint16_t some = 0;
    enum rc rc = RC_OK;
    for (uint32_t i = 0; i < count && rc == RC_OK; i++) {
        bool taken = false;
        rc = stands(app, &rows[i], &taken);
        if (rc != RC_OK) {
            return rc;
        }
        if (taken && !named(subjects, some, rows[i].subject)) {
            subjects[some++] = rows[i].subject;
        }
        if (some == LIMIT_RECORD_SUBJECTS || (some > 0 && i + 1 == count)) {
            rc = ack_some(app, subjects, some, comment, out_refusal);
            *out_taken += some;
            some = 0;
        }
    }
    return rc;
}

enum rc app_alarm_ack(struct app *app, const struct painted_row *rows, uint32_t count,
                      const char *comment, struct moment now, uint32_t *out_taken,
                      struct refusal *out_refusal) {
    app->now = now;
    uint32_t taken = 0;
    enum rc rc = app_acts_begin(app, out_refusal);
    if (rc == RC_OK) {
        rc = ack_all(app, rows, count, comment, &taken, out_refusal);
        rc = app_acts_end(app, rc, out_refusal);
    }
    if (rc == RC_OK && taken == 0) {
        return REFUSE(out_refusal, REFUSAL_NOTHING, "");
    }
    if (rc == RC_OK) {
        *out_taken = taken;
    }
    return rc;
}

enum rc app_alarm_comment(struct app *app, struct rid subject, const char *text, struct moment now,
                          struct refusal *out_refusal) {
    app->now = now;
    if (text_check(slice_text(text), LIMIT_COMMENT_BYTES) != RC_OK || text[0] == '\0') {
        return REFUSE(out_refusal, REFUSAL_FIELD_TEXT, "alarm.comment", "text");
    }
    struct body body = app_body(app, KIND_ALARM_COMMENT);
    body_put_text(&body, COMMENT_TEXT, text);
    struct act act = {.kind = KIND_ALARM_COMMENT, .subjects = &subject, .subject_count = 1};
    return app_act(app, &act, NULL, out_refusal);
}
