#include "app_priv.h"

#include "davy/record/export.h"

#include <stdio.h>
#include <string.h>

struct log_list {
    struct app *app;
    struct log_row *rows;
    uint32_t count, max;
};

static enum rc log_add(void *ctx, const struct store_item *item) {
    struct log_list *list = ctx;
    if (list->count == list->max) {
        return RC_FULL;
    }
    struct log_row *row = &list->rows[list->count++];
    *row = (struct log_row){.rid = item->entry.rid,
                            .place = item->entry.place,
                            .kind = item->content.kind,
                            .time = item->content.time,
                            .signed_by_person = item->entry.sig != NULL,
                            .sealed = item->sealed,
                            .logged = item->logged,
                            .verdict = item->logged ? item->log.verdict : VERDICT_NONE,
                            .rule = item->logged ? item->log.rule : 0,
                            .n = item->logged ? item->log.n : 0};
    enum review_decision review = REVIEW_NONE;
    enum rc rc = judge_disputed(list->app->store, list->app->roster, item, &row->disputed, &review);
    if (rc != RC_OK) {
        return rc;
    }
    row->review = (uint8_t)review;
    const struct roster_person *person = roster_person(list->app->roster, item->content.person);
    const struct roster_device *device = roster_device(list->app->roster, item->content.device);
    (void)snprintf(row->person, sizeof row->person, "%s", person ? person->name : "");
    (void)snprintf(row->device, sizeof row->device, "%s", device ? device->name : "");
    return RC_OK;
}

uint32_t app_log(struct app *app, struct rid subject, struct log_row *out_rows, uint32_t max) {
    struct log_list list = {.app = app, .rows = out_rows, .max = max};
    bool newest = rid_is_zero(subject);
    enum rc rc = newest ? store_recent_each(app->store, max, log_add, &list)
                        : store_subject_each(app->store, subject, log_add, &list);
    app_missed(app, rc);
    if (rc != RC_OK || !newest) {
        return rc == RC_OK ? list.count : 0;
    }
    for (uint32_t i = 0; i < list.count / 2; i++) { // newest came first
        struct log_row swap = out_rows[i];
        out_rows[i] = out_rows[list.count - 1 - i];
        out_rows[list.count - 1 - i] = swap;
    }
    return list.count;
}

enum rc app_record_export(struct app *app, struct rid rid, bool json, struct buf *out) {
    struct export_item item = {.n = 0};
    bool has_sig;
    struct signature sig;
    struct store_log log;
    enum rc rc = store_record_place(app->store, rid, &item.place);
    buf_reset(&app->scratch);
    if (rc == RC_OK) {
        rc = store_entry_get(app->store, &item.place, &app->scratch, &has_sig, &sig);
    }
    if (rc != RC_OK) {
        return rc;
    }
    item.content = buf_slice(&app->scratch);
    item.sig = has_sig ? &sig : NULL;
    rc = store_log_of(app->store, &item.place, &log);
    if (rc == RC_OK) {
        item.verdict = log.verdict;
        item.rule = log.rule;
        item.n = log.n;
    } else if (rc != RC_NOT_FOUND) {
        return rc;
    }
    return json ? export_json(app_registry(), &item, out) : export_text(app_registry(), &item, out);
}

// ---- Search ----

struct prefix_search {
    const char *prefix;
    struct rid found;
    uint32_t count;
};

static enum rc prefix_match(void *ctx, struct rid subject, const void *state) {
    (void)state;
    struct prefix_search *search = ctx;
    char hex[ID_HEX_BYTES];
    id16_hex(subject.id, hex);
    if (strncmp(hex, search->prefix, strlen(search->prefix)) == 0) {
        search->found = subject;
        search->count++;
    }
    return RC_OK;
}

static enum rc latest_alarm(struct app *app, const char *tag, struct prefix_search *search) {
    struct view_filter by_tag = {.column = "tag", .op = '=', .value = {.text = tag}};
    struct view_query query = {
        .filters = &by_tag, .filter_count = 1, .order = "raised_ms DESC", .limit = 1};
    search->prefix = "";
    return store_view_each(app->store, &alarm_module, &query, prefix_match, search);
}

enum rc app_find_subject(struct app *app, const char *text, struct rid *out_subject) {
    struct prefix_search search = {.prefix = text};
    size_t digits = strspn(text, "0123456789abcdef");
    enum rc rc = RC_OK;
    if (id16_parse(text, &search.found.id) == RC_OK) {
        search.count = 1;
    } else if (text[digits] == '\0' && digits >= 8 && digits < ID_HEX_BYTES - 1) {
        const struct registry *registry = app_registry();
        struct view_query all = {.limit = UINT32_MAX};
        for (uint16_t i = 0; i < registry->count && rc == RC_OK; i++) {
            rc = store_view_each(app->store, registry->modules[i], &all, prefix_match, &search);
        }
    }
    if (rc == RC_OK && search.count == 0) {
        rc = latest_alarm(app, text, &search);
    }
    if (rc != RC_OK) {
        return rc;
    }
    if (search.count == 1) {
        *out_subject = search.found;
    }
    return search.count == 0 ? RC_NOT_FOUND : search.count == 1 ? RC_OK : RC_INVALID;
}
