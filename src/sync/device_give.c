// A reader gives a hub its own log back: what the hub asks for, and what it lost for good.
#include "device_priv.h"

#include "davy/sync/incarnation.h"
#include "davy/sync/pack.h"

#include <string.h>

#define GIVE_FRAMES_MAX 16 // of one answer; the hub asks again

// Packs sealed entries of one chain of the hub's log. *frames counts down.
static enum rc give_from(struct sync_device *device, const struct store_chain *chain, uint64_t from,
                         uint32_t *frames) {
    struct log_packer packer = {
        .store = device->options.store, .items = &device->items, .record = &device->record};
    while (from <= chain->sealed.seq && *frames > 0) {
        uint64_t last = 0;
        enum rc rc = log_pack(&packer, chain, from, &device->body, &last);
        if (rc != RC_OK) {
            return rc == RC_NOT_FOUND ? RC_OK : rc;
        }
        if (!sync_device_queue_keyed(device, FRAME_GIVE, chain->id.lane, 0)) {
            return RC_OK;
        }
        --*frames;
        from = last + 1;
    }
    return RC_OK;
}

enum rc sync_device_on_pull(struct sync_device *device, const struct frame *frame) {
    struct pull pull;
    struct store_chain chain;
    uint32_t frames = GIVE_FRAMES_MAX;
    if (pull_decode(frame->body, &pull) != RC_OK) {
        device->status.not_verified++;
        return RC_OK;
    }
    if (store_hub_rank(device->options.store, pull.chain.author) == 0) {
        return RC_OK; // no log of this site's hub
    }
    enum rc rc = store_chain_get(device->options.store, pull.chain, &chain);
    return rc == RC_OK ? give_from(device, &chain, pull.from, &frames) : rc;
}

struct unjudged_walk {
    struct store *store;
    uint64_t seq; // the first entry whose record nobody judged; 0: none
};

static enum rc find_unjudged(void *ctx, const struct store_entry *entry) {
    struct unjudged_walk *walk = ctx;
    struct store_log log;
    struct admit admit;
    enum rc rc;
    if (entry->type == ENTRY_RECORD) {
        rc = store_log_of_rid(walk->store, entry->rid, &log);
    } else {
        rc = admit_decode(entry->bytes, &admit);
        rc = rc == RC_OK ? store_log_of(walk->store, &admit.place, &log) : rc;
    }
    if (rc == RC_NOT_FOUND) {
        walk->seq = entry->place.seq;
        return RC_FULL;
    }
    return rc;
}

static enum rc give_surplus_of(struct sync_device *device, uint32_t rank, uint32_t *frames) {
    struct store *store = device->options.store;
    struct author_id hub, next;
    struct store_opening opening;
    if (store_hub_at(store, rank, &hub) != RC_OK || store_hub_at(store, rank + 1, &next) != RC_OK ||
        store_opening_get(store, next, &opening) != RC_OK) {
        return RC_OK;
    }
    for (uint8_t i = 0; i<FRAME_CHAINS_MAX && * frames> 0; i++) {
        struct store_chain chain;
        struct unjudged_walk walk = {.store = store};
        struct chain_id id = chain_of(hub, i);
        uint64_t adopted = store_opening_head(&opening, id.lane, id.audience).seq;
        enum rc rc = store_chain_get(store, id, &chain);
        if (rc == RC_OK && chain.sealed.seq > adopted) {
            rc = store_entries(store, id, adopted + 1, find_unjudged, &walk);
        }
        // The hub can check a chain of frames only from the head that it adopted.
        if (rc == RC_OK && walk.seq > 0 && walk.seq <= chain.sealed.seq) {
            rc = give_from(device, &chain, adopted + 1, frames);
        }
        if (rc != RC_OK) {
            return rc;
        }
    }
    return RC_OK;
}

enum rc sync_device_give_surplus(struct sync_device *device) {
    uint32_t frames = GIVE_FRAMES_MAX;
    uint32_t last = store_hub_last(device->options.store);
    enum rc rc = RC_OK;
    for (uint32_t rank = 1; rank < last && rc == RC_OK; rank++) {
        rc = give_surplus_of(device, rank, &frames);
    }
    return rc;
}
