#include "store/store_priv.h"

#include "davy/base/ensure.h"

#include <stdlib.h>
#include <string.h>

// Own records above what the log holds, kept by subject so that a list of thousands of rows asks
// memory and not the file. Built at the first question; an item that got its verdict is passed
// over, and the whole is built anew once most items are such.
#define PENDING_NONE UINT32_MAX
#define PENDING_ITEMS_MAX (1u << 20)
#define PENDING_SLACK 4096

void pending_forget(struct store *store) {
    struct pending *pending = &store->pending;
    pending->built = false;
    pending->count = 0;
    if (pending->heads != NULL) {
        map_clear(pending->heads);
    }
    if (pending->rids != NULL) {
        map_clear(pending->rids);
    }
}

void pending_free(struct store *store) {
    free(store->pending.items);
    map_free(store->pending.heads);
    map_free(store->pending.rids);
    store->pending = (struct pending){0};
}

static enum rc item_room(struct pending *pending) {
    if (pending->count < pending->cap) {
        return RC_OK;
    }
    uint32_t cap = pending->cap == 0 ? 64 : pending->cap * 2;
    if (cap > PENDING_ITEMS_MAX) {
        return RC_FULL;
    }
    struct pending_item *items = realloc(pending->items, cap * sizeof(*items));
    if (items == NULL) {
        return RC_NO_MEMORY;
    }
    pending->items = items;
    pending->cap = cap;
    return RC_OK;
}

static enum rc item_add(struct pending *pending, const struct pending_item *item) {
    enum rc rc = item_room(pending);
    if (rc != RC_OK) {
        return rc;
    }
    uint32_t index = pending->count;
    uint32_t head = PENDING_NONE;
    struct slice key = slice_of(item->subject.id.b, ID_BYTES);
    struct pending_item added = *item;
    added.next = PENDING_NONE;
    added.last = index;
    if (map_get(pending->heads, key, &head)) {
        added.last = PENDING_NONE;
        pending->items[pending->items[head].last].next = index;
        pending->items[head].last = index;
    } else {
        rc = map_put(pending->heads, key, index);
    }
    if (rc == RC_OK) {
        pending->items[pending->count++] = added;
    }
    return rc;
}

// An act that a new incarnation says again waits once, at its newest place.
static bool record_known(struct pending *pending, const struct loaded *loaded) {
    uint32_t at = 0;
    if (!map_get(pending->rids, slice_of(loaded->rid.id.b, ID_BYTES), &at)) {
        return false;
    }
    for (; at < pending->count && rid_equal(pending->items[at].rid, loaded->rid); at++) {
        pending->items[at].place = loaded->place;
    }
    return true;
}

static enum rc record_add(struct store *store, const struct loaded *loaded) {
    if (record_known(&store->pending, loaded)) {
        return RC_OK;
    }
    const struct module *module = NULL;
    const struct kind *kind = registry_kind(store->registry, loaded->content.kind, &module);
    uint16_t count = content_subject_count(&loaded->content);
    bool speaks = kind != NULL && (kind->flags & KIND_NO_SUBJECT) == 0 && count > 0;
    struct pending_item item = {.place = loaded->place,
                                .time = loaded->content.time.v,
                                .module = speaks ? module : NULL,
                                .rid = loaded->rid,
                                .opens_record = true};
    enum rc rc =
        map_put(store->pending.rids, slice_of(item.rid.id.b, ID_BYTES), store->pending.count);
    if (rc == RC_OK && !speaks) {
        rc = item_add(&store->pending, &item);
    }
    for (uint16_t i = 0; speaks && i < count && rc == RC_OK; i++) {
        item.subject = content_subject(&loaded->content, loaded->rid, i);
        rc = item_add(&store->pending, &item);
        item.opens_record = false;
    }
    return rc;
}

void pending_added(struct store *store, const struct chain_row *chain,
                   const struct loaded *loaded) {
    if (store->pending.built && chain->author->author.own && record_add(store, loaded) != RC_OK) {
        // The next question builds it anew, or says that it cannot.
        pending_forget(store);
    }
}

static enum rc chain_scan(struct store *store, const struct chain_row *chain) {
    struct loaded loaded;
    loaded_init(&loaded);
    enum rc rc = RC_OK;
    for (uint64_t seq = chain->chain.logged_seq + 1; seq <= chain->chain.head.seq && rc == RC_OK;
         seq++) {
        rc = entry_load(store, place_pack(chain->id, seq), &loaded);
        if (rc == RC_OK && loaded.type == ENTRY_RECORD) {
            rc = record_add(store, &loaded);
        }
    }
    loaded_fini(&loaded);
    return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
}

static enum rc author_scan(struct store *store, struct author_id author) {
    for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
        for (uint8_t audience = 0; audience < AUDIENCE_COUNT; audience++) {
            struct chain_row *chain = NULL;
            enum rc rc = chain_find(store, (struct chain_id){author, lane, audience}, &chain);
            if (rc == RC_OK && chain->id != 0) {
                rc = chain_scan(store, chain);
            }
            if (rc != RC_OK) {
                return rc;
            }
        }
    }
    return RC_OK;
}

static enum rc pending_build(struct store *store) {
    struct pending *pending = &store->pending;
    sqlite3_stmt *statement = NULL;
    pending_forget(store);
    enum rc rc = RC_OK;
    if (pending->heads == NULL) {
        rc = map_new(PENDING_ITEMS_MAX, 4, &pending->heads);
    }
    if (rc == RC_OK && pending->rids == NULL) {
        rc = map_new(PENDING_ITEMS_MAX, 5, &pending->rids);
    }
    if (rc == RC_OK) {
        rc = db_take(store, STATEMENT_AUTHORS_OWN, &statement);
    }
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, store->site_row);
    while ((rc = db_row(store, statement)) == RC_OK) {
        struct author_id author;
        rc = column_copy(statement, 0, author.id.b, ID_BYTES) ? author_scan(store, author)
                                                              : RC_CORRUPT;
        if (rc != RC_OK) {
            break;
        }
    }
    db_give(store, STATEMENT_AUTHORS_OWN, statement);
    if (rc != RC_NOT_FOUND) {
        pending_forget(store);
        return rc;
    }
    pending->built = true;
    pending->built_count = pending->count;
    return RC_OK;
}

// Is the record still unknown to the log, at every one of its places?
static enum rc item_is_live(struct store *store, const struct pending_item *item, bool *out_live) {
    struct chain_row *chain = NULL;
    enum rc rc = chain_by_row(store, place_chain(item->place), &chain);
    if (rc != RC_OK) {
        return rc;
    }
    uint64_t seq = place_seq(item->place);
    bool live = seq > chain->chain.logged_seq;
    if (live && (seq <= chain->log_high || store->has_again)) {
        struct log_row row;
        rc = log_find_rid(store, item->place, item->rid, &row);
        live = rc == RC_NOT_FOUND;
        rc = live ? RC_OK : rc;
    }
    *out_live = live;
    return rc;
}

static enum rc pending_ready(struct store *store) {
    const struct pending *pending = &store->pending;
    bool stale = pending->count > pending->built_count * 2 + PENDING_SLACK;
    return pending->built && !stale ? RC_OK : pending_build(store);
}

struct pending_place {
    int64_t place;
    int64_t time;
};

static int compare_places(const void *a, const void *b) {
    const struct pending_place *left = a;
    const struct pending_place *right = b;
    if (left->time != right->time) {
        return left->time < right->time ? -1 : 1;
    }
    return (left->place > right->place) - (left->place < right->place);
}

static enum rc fold_place(struct store *store, const struct module *module, struct rid subject,
                          int64_t place, void *state) {
    struct loaded loaded;
    struct fold_entry entry = {.pending = true};
    loaded_init(&loaded);
    enum rc rc = entry_load(store, place, &loaded);
    if (rc == RC_OK) {
        rc = place_unpack(store, place, &entry.place);
    }
    if (rc == RC_OK) {
        entry.content = &loaded.content;
        entry.rid = loaded.rid;
        module->fold(state, subject, &entry);
    }
    loaded_fini(&loaded);
    return rc;
}

// Live items of one subject and module, each record once, by time.
static enum rc subject_pending(struct store *store, const struct module *module, uint32_t head,
                               struct pending_place **out_places, uint32_t *out_count) {
    struct pending *pending = &store->pending;
    uint32_t count = 0;
    for (uint32_t i = head; i != PENDING_NONE; i = pending->items[i].next) {
        count++;
    }
    struct pending_place *places = calloc(count, sizeof(*places));
    if (places == NULL) {
        return RC_NO_MEMORY;
    }
    uint32_t used = 0;
    for (uint32_t i = head; i != PENDING_NONE; i = pending->items[i].next) {
        const struct pending_item *item = &pending->items[i];
        bool live = false;
        enum rc rc = item->module == module ? item_is_live(store, item, &live) : RC_OK;
        if (rc != RC_OK) {
            free(places);
            return rc;
        }
        bool again = used > 0 && places[used - 1].place == item->place;
        if (live && !again) {
            places[used++] = (struct pending_place){item->place, item->time};
        }
    }
    qsort(places, used, sizeof(*places), compare_places);
    *out_places = places;
    *out_count = used;
    return RC_OK;
}

enum rc pending_fold(struct store *store, const struct module *module, struct rid subject,
                     void *state, bool *out_any) {
    uint32_t head = PENDING_NONE;
    enum rc rc = pending_ready(store);
    if (rc != RC_OK || !map_get(store->pending.heads, slice_of(subject.id.b, ID_BYTES), &head)) {
        return rc;
    }
    struct pending_place *places = NULL;
    uint32_t count = 0;
    rc = subject_pending(store, module, head, &places, &count);
    for (uint32_t i = 0; i < count && rc == RC_OK; i++) {
        rc = fold_place(store, module, subject, places[i].place, state);
    }
    free(places);
    if (rc == RC_OK && count > 0) {
        *out_any = true;
    }
    return rc;
}

enum rc store_pending_each(struct store *store, const struct module *module,
                           enum rc (*visit)(void *ctx, struct rid subject), void *ctx) {
    store_refresh(store);
    enum rc rc = pending_ready(store);
    const struct pending *pending = &store->pending;
    struct rid *subjects = rc == RC_OK ? calloc(pending->count + 1, sizeof(*subjects)) : NULL;
    if (rc == RC_OK && subjects == NULL) {
        rc = RC_NO_MEMORY;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; rc == RC_OK && i < pending->count; i++) {
        bool live = false;
        bool first = pending->items[i].last != PENDING_NONE;
        for (uint32_t at = i; first && !live && at != PENDING_NONE && rc == RC_OK;
             at = pending->items[at].next) {
            rc = pending->items[at].module == module
                     ? item_is_live(store, &pending->items[at], &live)
                     : RC_OK;
        }
        if (live) {
            subjects[count++] = pending->items[i].subject;
        }
    }
    // The visits see a copy: they may ask for views, which may build the items anew.
    for (uint32_t i = 0; i < count && rc == RC_OK; i++) {
        rc = visit(ctx, subjects[i]);
    }
    free(subjects);
    return rc == RC_FULL ? RC_OK : rc;
}

enum rc pending_places(struct store *store, struct place_list *list) {
    enum rc rc = pending_ready(store);
    const struct pending *pending = &store->pending;
    struct pending_place *places = rc == RC_OK ? calloc(pending->count + 1, sizeof(*places)) : NULL;
    if (rc == RC_OK && places == NULL) {
        rc = RC_NO_MEMORY;
    }
    uint32_t count = 0;
    for (uint32_t i = 0; rc == RC_OK && i < pending->count; i++) {
        bool live = false;
        if (pending->items[i].opens_record) {
            rc = item_is_live(store, &pending->items[i], &live);
        }
        if (live) {
            places[count++] =
                (struct pending_place){pending->items[i].place, pending->items[i].time};
        }
    }
    if (count > 1) {
        qsort(places, count, sizeof(*places), compare_places);
    }
    for (uint32_t i = 0; i < count && rc == RC_OK; i++) {
        rc = place_list_add(list, places[i].place);
    }
    free(places);
    return rc;
}
