#include "device_priv.h"

#include <string.h>

// Another branch of an incarnation that ended is no fault: the hub sees from my cursor that it must
// begin earlier.
static bool is_stepping_back(struct sync_device *device, const struct feed *feed,
                             const struct take_result *result) {
    return result->taken == TAKEN_ELSEWHERE && !author_equal(feed->hub, device->status.hub);
}

// The hub began a new incarnation within this session.
static void follow(struct sync_device *device, const struct feed *feed) {
    struct store *store = device->options.store;
    if (store_hub_rank(store, feed->hub) > store_hub_rank(store, device->status.hub)) {
        device->status.hub = feed->hub;
        memset(device->status.hub_log_seq, 0, sizeof device->status.hub_log_seq);
        memset(device->hub_heads, 0, sizeof device->hub_heads);
        sync_device_hub_head(device, feed->lane, feed->audience, feed->head_seq);
    }
}

enum rc sync_device_take_feed(struct sync_device *device, const struct frame *frame,
                              struct moment now) {
    struct feed feed;
    if (feed_decode(frame->body, &feed) != RC_OK) {
        device->status.not_verified++;
        return RC_OK;
    }
    device->fack_due = true;
    if (author_equal(feed.hub, device->status.hub)) {
        sync_device_hub_head(device, feed.lane, feed.audience, feed.head_seq);
    }
    struct log_reader reader = {.store = device->options.store,
                                .scheme = device->options.scheme,
                                .seal_key = device->options.seal_key,
                                .own = device->author,
                                .mutants = device->options.mutants,
                                .ctx = device->options.ctx,
                                .key_of = device->options.key_of};
    struct take_result result;
    enum rc rc = log_take(&reader, &feed, &device->items, &result);
    if (rc != RC_OK) {
        return rc;
    }
    device->status.not_verified += result.not_verified;
    device->status.voided += result.voided;
    if (result.not_verified > 0) {
        sync_device_trouble(device, "a record of the log does not verify");
    }
    if (result.taken == TAKEN_NEW) {
        follow(device, &feed);
        sync_device_update_live(device);
    }
    if (result.taken == TAKEN_NEW || result.taken == TAKEN_KNOWN || result.taken == TAKEN_GAP ||
        is_stepping_back(device, &feed, &result)) {
        return RC_OK;
    }
    device->status.not_verified++;
    bool differs = result.taken != TAKEN_BAD;
    sync_device_trouble(device, differs ? "the hub's log differs from my copy of it"
                                        : "a part of the hub's log does not verify");
    return store_quarantine_put(device->options.store, "feed", differs ? RC_FORK : result.why,
                                feed.items, now.utc);
}
