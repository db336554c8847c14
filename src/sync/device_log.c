#include "device_priv.h"

enum rc sync_device_take_feed(struct sync_device *device, const struct frame *frame,
                              struct moment now) {
    struct feed feed;
    if (feed_decode(frame->body, &feed) != RC_OK) {
        device->status.not_verified++;
        return RC_OK;
    }
    device->fack_due = true;
    if (feed.audience == AUDIENCE_SITE && feed.head_seq > device->status.hub_log_seq[feed.lane]) {
        device->status.hub_log_seq[feed.lane] = feed.head_seq;
    }
    struct log_reader reader = {.store = device->options.store,
                                .scheme = device->options.scheme,
                                .hub = device->status.hub,
                                .seal_key = device->options.seal_key,
                                .own = device->options.author,
                                .ctx = device->options.ctx,
                                .key_of = device->options.key_of};
    struct take_result result;
    enum rc rc = log_take(&reader, &feed, &device->items, &result);
    if (rc != RC_OK) {
        return rc;
    }
    device->status.not_verified += result.not_verified;
    if (result.not_verified > 0) {
        sync_device_trouble(device, "a record of the log does not verify");
    }
    if (result.taken == TAKEN_NEW) {
        sync_device_update_live(device);
    }
    if (result.taken != TAKEN_BAD) {
        return RC_OK;
    }
    device->status.not_verified++;
    sync_device_trouble(device, result.why == RC_FORK ? "the hub's log differs from my copy of it"
                                                      : "a part of the hub's log does not verify");
    return store_quarantine_put(device->options.store, "feed", result.why, feed.items, now.utc);
}
