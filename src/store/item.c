#include "store/store_priv.h"

#include <stdlib.h>

// Reads a place with everything known about it and shows it to a visit.
struct item_walk {
    struct store *store;
    enum rc (*visit)(void *ctx, const struct store_item *item);
    void *ctx;
    struct loaded loaded;
};

static enum rc item_show(struct item_walk *walk, int64_t place) {
    struct store *store = walk->store;
    struct loaded *loaded = &walk->loaded;
    struct chain_row *chain = NULL;
    struct log_row row;
    enum rc rc = entry_load(store, place, loaded);
    if (rc == RC_OK) {
        rc = chain_by_row(store, place_chain(place), &chain);
    }
    if (rc != RC_OK) {
        return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
    }
    struct store_item item = {
        .entry = {.place = {chain->chain.id, place_seq(place)},
                  .type = loaded->type,
                  .bytes = buf_slice(&loaded->bytes),
                  .sig = loaded->has_sig ? &loaded->sig : NULL,
                  .rid = loaded->rid},
        .content = loaded->content,
        .sealed = place_seq(place) <= chain->chain.sealed.seq,
    };
    rc = log_find_rid(store, place, loaded->rid, &row);
    if (rc == RC_OK) {
        item.logged = true;
        rc = log_unpack(store, &row, &item.log);
    } else if (rc == RC_NOT_FOUND) {
        rc = RC_OK;
    }
    return rc == RC_OK ? walk->visit(walk->ctx, &item) : rc;
}

static enum rc items_show(struct item_walk *walk, const struct place_list *list) {
    enum rc rc = RC_OK;
    loaded_init(&walk->loaded);
    walk->store->walks++;
    for (uint32_t i = 0; i < list->count && rc == RC_OK; i++) {
        rc = item_show(walk, list->places[i]);
    }
    walk->store->walks--;
    loaded_fini(&walk->loaded);
    return rc == RC_FULL ? RC_OK : rc;
}

// ---- By subject ----

struct ordered {
    int64_t log_id; // INT64_MAX: not in the log
    int64_t time;
    int64_t place;
};

static int compare_ordered(const void *a, const void *b) {
    const struct ordered *left = a;
    const struct ordered *right = b;
    if (left->log_id != right->log_id) {
        return left->log_id < right->log_id ? -1 : 1;
    }
    if (left->time != right->time) {
        return left->time < right->time ? -1 : 1;
    }
    return (left->place > right->place) - (left->place < right->place);
}

static enum rc order_of(struct store *store, int64_t place, struct loaded *loaded,
                        struct ordered *out_ordered) {
    struct log_row row;
    enum rc rc = entry_load(store, place, loaded);
    if (rc != RC_OK) {
        return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
    }
    *out_ordered = (struct ordered){INT64_MAX, loaded->content.time.v, place};
    rc = log_find_rid(store, place, loaded->rid, &row);
    if (rc == RC_OK) {
        out_ordered->log_id = row.id;
    }
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc places_order(struct store *store, struct place_list *list) {
    struct ordered *ordered = calloc(list->count + 1, sizeof(*ordered));
    if (ordered == NULL) {
        return RC_NO_MEMORY;
    }
    struct loaded loaded;
    loaded_init(&loaded);
    enum rc rc = RC_OK;
    for (uint32_t i = 0; i < list->count && rc == RC_OK; i++) {
        rc = order_of(store, list->places[i], &loaded, &ordered[i]);
    }
    if (rc == RC_OK && list->count > 1) {
        qsort(ordered, list->count, sizeof(*ordered), compare_ordered);
    }
    for (uint32_t i = 0; i < list->count && rc == RC_OK; i++) {
        list->places[i] = ordered[i].place;
    }
    loaded_fini(&loaded);
    free(ordered);
    return rc;
}

enum rc store_subject_each(struct store *store, struct rid subject,
                           enum rc (*visit)(void *ctx, const struct store_item *item), void *ctx) {
    store_refresh(store);
    struct item_walk walk = {.store = store, .visit = visit, .ctx = ctx};
    struct place_list list = {0};
    enum rc rc = subject_places(store, subject, &list);
    if (rc == RC_OK) {
        rc = places_order(store, &list);
    }
    if (rc == RC_OK) {
        rc = items_show(&walk, &list);
    }
    place_list_free(&list);
    return db_short(store, rc);
}

// ---- Newest and not yet logged ----

static enum rc logged_before(struct store *store, int64_t before, int64_t *out_id,
                             int64_t *out_place) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_LOG_RECENT, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, before);
    rc = db_row(store, statement);
    if (rc == RC_OK) {
        *out_id = sqlite3_column_int64(statement, 0);
        *out_place = sqlite3_column_int64(statement, 1);
    }
    db_give(store, STATEMENT_LOG_RECENT, statement);
    return rc;
}

// A record whose verdict changed stands at its last verdict only.
static enum rc logged_newest(struct store *store, uint32_t limit, struct place_list *list) {
    int64_t id = INT64_MAX;
    int64_t place = 0;
    enum rc rc = RC_OK;
    while (list->count < limit && (rc = logged_before(store, id, &id, &place)) == RC_OK) {
        struct log_row newest;
        rc = log_find(store, place, &newest);
        if (rc == RC_OK && newest.id == id && newest.verdict != VERDICT_REPEAT) {
            rc = place_list_add(list, place);
        }
        if (rc != RC_OK) {
            return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
        }
    }
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

enum rc store_recent_each(struct store *store, uint32_t limit,
                          enum rc (*visit)(void *ctx, const struct store_item *item), void *ctx) {
    store_refresh(store);
    struct item_walk walk = {.store = store, .visit = visit, .ctx = ctx};
    struct place_list pending = {0};
    struct place_list list = {0};
    enum rc rc = pending_places(store, &pending);
    for (uint32_t i = pending.count; i > 0 && list.count < limit && rc == RC_OK; i--) {
        rc = place_list_add(&list, pending.places[i - 1]);
    }
    if (rc == RC_OK) {
        rc = logged_newest(store, limit, &list);
    }
    if (rc == RC_OK) {
        rc = items_show(&walk, &list);
    }
    place_list_free(&pending);
    place_list_free(&list);
    return rc;
}

enum rc store_outbox_each(struct store *store,
                          enum rc (*visit)(void *ctx, const struct store_item *item), void *ctx) {
    store_refresh(store);
    struct item_walk walk = {.store = store, .visit = visit, .ctx = ctx};
    struct place_list list = {0};
    enum rc rc = pending_places(store, &list);
    if (rc == RC_OK) {
        rc = items_show(&walk, &list);
    }
    place_list_free(&list);
    return rc;
}
