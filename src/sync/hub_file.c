#include "davy/sync/file.h"

#include "hub_session_priv.h"

#include <stdlib.h>
#include <string.h>

static void forget_waiting(struct session *session) {
    while (session->waiting) {
        struct waiting_batch *next = session->waiting->next;
        free(session->waiting);
        session->waiting = next;
    }
}

static enum rc chain_held(struct sync_hub *hub, struct chain_id id, struct store_chain *out_chain) {
    return store_chain_get(hub->options.store, id, out_chain);
}

enum rc sync_hub_import(struct sync_hub *hub, const struct sync_file_author *author,
                        struct slice body, struct moment now, enum ack_reason *out_reason,
                        bool *out_new, uint64_t *out_held) {
    struct batch batch;
    struct store_author known = {.author = author->author, .device_key = author->key};
    struct store_chain before;
    struct store_chain after;
    if (batch_decode(body, &batch) != RC_OK) {
        return RC_INVALID;
    }
    struct session *session = calloc(1, sizeof *session);
    if (!session) {
        return RC_NO_MEMORY;
    }
    // A session that nothing is ever sent to.
    session->device = author->device;
    session->device_key = author->key;
    session->author = author->author;
    memcpy(session->account, "file", sizeof "file");
    struct chain_id id = {author->author, batch.lane, batch.audience};
    uint8_t index = chain_index(batch.lane, batch.audience);
    struct frame frame = {.type = FRAME_BATCH, .body = body};
    enum rc rc = store_author_put(hub->options.store, &known);
    rc = rc == RC_EXISTS ? RC_OK : rc;
    rc = rc == RC_OK ? chain_held(hub, id, &before) : rc;
    rc = rc == RC_OK ? session_take_batch(hub, session, &frame, now) : rc;
    rc = rc == RC_OK ? chain_held(hub, id, &after) : rc;
    if (rc == RC_OK) {
        *out_reason = (enum ack_reason)session->ack_reason[index];
        *out_new = after.sealed.seq > before.sealed.seq;
        *out_held = after.sealed.seq;
    }
    forget_waiting(session);
    keys_wipe(session, sizeof *session);
    free(session);
    return rc;
}
