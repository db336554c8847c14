// Records that come without a place in the log: what an incarnation of this hub said and its
// successor did not adopt. Only the records count; they are admitted anew.
#include "hub_session_priv.h"

#include <string.h>

// The records of one author in a frame, up to one of the author's seals.
struct salvage {
    struct chain_id chain;
    struct chain_head head; // walked
    uint64_t held;
};

static enum rc salvage_item(struct sync_hub *hub, const struct feed_item *item,
                            struct salvage *salvage, bool admit, struct moment now) {
    struct admit old;
    struct content content;
    if (item->type != FEED_ADMIT || admit_decode(item->admit, &old) != RC_OK ||
        !chain_id_equal(old.place.chain, salvage->chain) ||
        old.place.seq != salvage->head.seq + 1 ||
        content_decode(item->content, &content) != RC_OK) {
        return RC_OK;
    }
    chain_add_record(&salvage->head, item->content, item->has_sig ? &item->sig : NULL);
    if (!admit) {
        return RC_OK;
    }
    struct signed_record record = {
        .content = item->content, .has_sig = item->has_sig, .sig = item->sig};
    return hub_admit_record(hub, &old.place, &content, &record, now);
}

// Walks (or admits) the author's records behind what is held, up to `last`.
static enum rc salvage_walk(struct sync_hub *hub, const struct feed *feed, struct salvage *salvage,
                            uint64_t last, struct moment *admit_at) {
    struct reader items = reader_of(feed->items);
    enum rc rc = RC_OK;
    for (uint32_t i = 0; i < feed->count && rc == RC_OK && salvage->head.seq < last; i++) {
        struct feed_item item;
        rc = feed_next(&items, &item);
        if (rc == RC_OK) {
            rc = salvage_item(hub, &item, salvage, admit_at != NULL,
                              admit_at ? *admit_at : (struct moment){0});
        }
    }
    return rc;
}

static enum rc salvage_author(struct sync_hub *hub, const struct feed *feed,
                              const struct feed_item *seal, struct moment now) {
    struct store *store = hub->options.store;
    struct store_author author;
    struct store_chain chain;
    enum rc rc = store_author_get(store, seal->sealed.chain.author, &author);
    if (rc == RC_OK) {
        rc = store_chain_get(store, seal->sealed.chain, &chain);
    }
    if (rc != RC_OK) {
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    }
    if (author_equal(author.author, hub->author) || store_hub_rank(store, author.author) > 0 ||
        seal->sealed.seq <= chain.head.seq) {
        return RC_OK;
    }
    struct salvage salvage = {.chain = chain.id, .head = chain.head};
    rc = salvage_walk(hub, feed, &salvage, seal->sealed.seq, NULL);
    if (rc != RC_OK || salvage.head.seq != seal->sealed.seq ||
        !seal_verify(hub->options.scheme, store_site(store), chain.id, &salvage.head,
                     &author.device_key, &seal->sig)) {
        return rc;
    }
    salvage.head = chain.head;
    rc = salvage_walk(hub, feed, &salvage, seal->sealed.seq, &now);
    if (rc == RC_OK) {
        hub->status.salvaged += salvage.head.seq - chain.head.seq;
        rc = store_seal_put(store, chain.id, seal->sealed.seq, &seal->sig);
    }
    return rc == RC_EXISTS ? RC_OK : rc;
}

// An author that is opened in the frame is known by its statement.
static enum rc salvage_opening(struct sync_hub *hub, const struct feed_item *item) {
    struct admit old;
    struct content content;
    struct incarnation opening;
    if (item->type != FEED_ADMIT || admit_decode(item->admit, &old) != RC_OK ||
        content_decode(item->content, &content) != RC_OK ||
        !incarnation_read(&content, old.place.chain.author, &opening)) {
        return RC_OK;
    }
    struct store_author author = {.author = opening.own.author, .device_key = opening.device_key};
    enum rc rc = store_author_put(hub->options.store, &author);
    return rc == RC_EXISTS ? RC_OK : rc;
}

// My own statement of then, said again.
static enum rc salvage_own(struct sync_hub *hub, const struct feed *feed,
                           const struct feed_item *item, struct moment now) {
    struct content content;
    struct place known;
    struct signed_record record = {.content = item->content,
                                   .has_sig = item->has_sig,
                                   .sig = item->sig,
                                   .rid = content_rid(item->content)};
    if (content_decode(item->content, &content) != RC_OK ||
        content.kind == RECORD_KIND_AUTHOR_OPEN ||
        store_record_place(hub->options.store, record.rid, &known) == RC_OK) {
        return RC_OK;
    }
    hub->status.salvaged++;
    return hub_append_judged(hub, feed->lane, feed->audience, &record, now);
}

enum rc session_salvage(struct sync_hub *hub, struct session *session, const struct feed *feed,
                        struct moment now) {
    (void)session;
    enum rc rc = RC_OK;
    for (int pass = 0; pass < 2 && rc == RC_OK; pass++) {
        struct reader items = reader_of(feed->items);
        for (uint32_t i = 0; i < feed->count && rc == RC_OK; i++) {
            struct feed_item item;
            rc = feed_next(&items, &item);
            if (rc != RC_OK) {
                return rc;
            }
            if (pass == 0) {
                rc = salvage_opening(hub, &item);
            } else if (item.type == FEED_AUTHOR_SEAL) {
                rc = salvage_author(hub, feed, &item, now);
            } else if (item.type == FEED_OWN) {
                rc = salvage_own(hub, feed, &item, now);
            }
        }
    }
    return rc;
}
