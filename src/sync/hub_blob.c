#include "hub_session_priv.h"

#include "davy/sync/blob.h"

static bool emit(void *ctx, enum blob_message type) {
    struct session *session = ctx;
    session_send_keyed(session->hub, session, (enum frame_type)type, LANE_NORMAL);
    return true; // what the link does not take is sent again
}

static enum rc begin(struct sync_hub *hub, struct session *session) {
    uint32_t mine = hub->options.message_bytes_max;
    uint32_t theirs = session->message_bytes_max;
    struct sync_blob_options options = {.store = hub->options.store,
                                        .body = &hub->body,
                                        .hub = true,
                                        .message_bytes_max = theirs < mine ? theirs : mine,
                                        .peer = session->device,
                                        .ctx = session,
                                        .emit = emit};
    session->hub = hub;
    return sync_blob_new(&options, &session->blob);
}

enum rc session_take_blob(struct sync_hub *hub, struct session *session, const struct frame *frame,
                          struct moment now) {
    enum blob_message type = (enum blob_message)frame->type;
    if (session->tier && (type == BLOB_OFFER || type == BLOB_CHUNK)) {
        hub->status.not_verified++; // it only reads
        return RC_OK;
    }
    enum rc rc = session->blob ? RC_OK : begin(hub, session);
    return rc == RC_OK ? sync_blob_receive(session->blob, type, frame->body, now) : rc;
}

void session_send_blobs(struct sync_hub *hub, struct session *session, struct moment now,
                        struct mono_ms *inout_next) {
    if (session->blob && hub->phase == HUB_SERVING) {
        // What cannot be read now is asked for again.
        (void)!sync_blob_send(session->blob, now, inout_next);
    }
}
