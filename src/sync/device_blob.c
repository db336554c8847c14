#include "device_priv.h"

#define META_BLOB_HUB "sync.blob_hub" // whose word it is that it holds a blob

static bool emit(void *ctx, enum blob_message type) {
    return sync_device_queue_keyed(ctx, (enum frame_type)type, LANE_NORMAL, 0);
}

// Another log may be that of a hub that lost what it held.
static enum rc is_other_hub(struct sync_device *device, bool *out_other) {
    struct slice hub = slice_of(device->status.hub.id.b, ID_BYTES);
    struct buf known;
    buf_init(&known, ID_BYTES);
    enum rc rc = store_meta_get(device->options.store, META_BLOB_HUB, &known);
    bool other = rc == RC_NOT_FOUND || !slice_equal(buf_slice(&known), hub);
    buf_fini(&known);
    if (rc == RC_OK || rc == RC_NOT_FOUND) {
        rc = other ? store_meta_set(device->options.store, META_BLOB_HUB, hub) : RC_OK;
    }
    if (rc == RC_OK) {
        *out_other = other;
    }
    return rc;
}

static enum rc begin(struct sync_device *device) {
    struct sync_blob_options options = {.store = device->options.store,
                                        .body = &device->body,
                                        .message_bytes_max = device->options.message_bytes_max,
                                        .ctx = device,
                                        .emit = emit};
    bool other = false;
    sync_blob_free(device->blob);
    device->blob = NULL;
    enum rc rc = is_other_hub(device, &other);
    if (rc == RC_OK) {
        rc = store_blob_ask_again(device->options.store, other);
    }
    if (rc == RC_OK) {
        rc = sync_blob_new(&options, &device->blob);
    }
    if (rc == RC_OK) {
        device->blob_session = device->session;
    }
    return rc;
}

enum rc sync_device_take_blob(struct sync_device *device, const struct frame *frame,
                              struct moment now) {
    if (!device->blob || device->blob_session != device->session) {
        return RC_OK;
    }
    return sync_blob_receive(device->blob, (enum blob_message)frame->type, frame->body, now);
}

enum rc sync_device_send_blobs(struct sync_device *device, struct moment now,
                               struct mono_ms *inout_next) {
    if (device->phase != SYNC_LIVE) {
        return RC_OK; // the records first
    }
    enum rc rc = RC_OK;
    if (!device->blob || device->blob_session != device->session) {
        rc = begin(device);
    }
    return rc == RC_OK ? sync_blob_send(device->blob, now, inout_next) : rc;
}
