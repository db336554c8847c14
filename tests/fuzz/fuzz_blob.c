// Any bytes as the body of a message about blobs: what is taken encodes to the same bytes. And any
// sequence of messages to either side of a session: it goes on, and nothing is whole whose hash
// does not match.
#include "davy/base/ensure.h"
#include "davy/sim/vfs.h"
#include "davy/sync/blob.h"

#include <stdlib.h>
#include <string.h>

#define AGAIN(name)                                                                                \
    static enum rc again_##name(struct slice body, struct buf *out) {                              \
        struct blob_##name message;                                                                \
        enum rc rc = blob_##name##_decode(body, &message);                                         \
        return rc == RC_OK ? blob_##name##_encode(&message, out) : rc;                             \
    }
AGAIN(offer)
AGAIN(need)
AGAIN(chunk)
AGAIN(state)

static enum rc (*const messages[])(struct slice body, struct buf *out) = {
    [BLOB_OFFER - BLOB_OFFER] = again_offer,
    [BLOB_NEED - BLOB_OFFER] = again_need,
    [BLOB_CHUNK - BLOB_OFFER] = again_chunk,
    [BLOB_STATE - BLOB_OFFER] = again_state,
};

static void check_message(unsigned which, struct slice body) {
    struct buf again;
    buf_init(&again, LIMIT_FRAME_INFLATED_BYTES + 4096);
    if (messages[which](body, &again) == RC_OK) {
        ENSURE(slice_equal(body, buf_slice(&again)));
    }
    buf_fini(&again);
}

// ---- A session ----

// A blob of this side, known to whoever wrote the script: its hash is that of "davy".
static const char known[] = "davy";

static bool emit(void *ctx, enum blob_message type) {
    struct buf *body = ctx;
    check_message((unsigned)type - BLOB_OFFER, buf_slice(body));
    return body->len % 7 != 0; // now and then the link is full
}

static struct store *store_make(void) {
    struct sim_disk *disk = NULL;
    struct store *store = NULL;
    static const struct registry nothing = {NULL, 0};
    struct site_id site = {{{1}}};
    ENSURE(keys_init() == RC_OK && sim_disk_new(1, &disk) == RC_OK);
    struct store_options options = {
        .folder = "", .vfs = sim_disk_vfs_name(disk), .registry = &nothing, .create = true};
    ENSURE(store_open(&options, &store, NULL) == RC_OK);
    ENSURE(store_begin(store) == RC_OK && store_site_set(store, site) == RC_OK);
    ENSURE(store_commit(store) == RC_OK);
    return store;
}

static void known_put(struct store *store) {
    struct slice bytes = slice_of(known, sizeof known - 1);
    struct blob_spec spec = {.size = (uint32_t)bytes.len, .media = BLOB_TEXT};
    enum blob_taken taken = BLOB_TAKEN;
    struct hash32 wanted = {{7}};
    hash_parts(&bytes, 1, &spec.hash);
    ENSURE(store_blob_expect(store, &spec, NULL) == RC_OK);
    ENSURE(store_blob_put(store, &spec.hash, 0, bytes, spec.now, &taken) == RC_OK);
    ENSURE(taken == BLOB_WHOLE && store_blob_want(store, &wanted, spec.now) == RC_OK);
}

static void run_script(struct store *store, bool hub, struct reader *in) {
    struct buf body;
    struct sync_blob *blob = NULL;
    struct moment now = {.utc = {1}, .mono = {1}};
    struct mono_ms next = {INT64_MAX};
    struct hash32 broken;
    uint64_t count;
    buf_init(&body, LIMIT_FRAME_INFLATED_BYTES);
    struct sync_blob_options options = {.store = store,
                                        .body = &body,
                                        .hub = hub,
                                        .message_bytes_max = 512u << reader_u8(in) % 6,
                                        .ctx = &body,
                                        .emit = emit};
    ENSURE(sync_blob_new(&options, &blob) == RC_OK);
    for (int i = 0; i < 200 && reader_left(in) > 0; i++) {
        uint8_t what = reader_u8(in);
        struct slice bytes = reader_bytes(in, 16384);
        if (in->rc != RC_OK) {
            break;
        }
        if (what % 8 < 4) {
            enum blob_message type = (enum blob_message)(BLOB_OFFER + what % 4);
            ENSURE(sync_blob_receive(blob, type, bytes, now) == RC_OK);
        } else if (what % 8 == 4) {
            sync_blob_aborted(blob);
        }
        now.mono.v += (int64_t)(what >> 3) * 100;
        now.utc.v += (int64_t)(what >> 3) * 100;
        ENSURE(sync_blob_send(blob, now, &next) == RC_OK);
    }
    ENSURE(store_blob_verify(store, &count, &broken) == RC_OK);
    sync_blob_free(blob);
    buf_fini(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct store *store; // of the process; every script is rolled back
    if (size == 0) {
        return 0;
    }
    unsigned which = data[0] % 6;
    if (which < 4) {
        check_message(which, slice_of(data + 1, size - 1));
        return 0;
    }
    store = store ? store : store_make();
    struct reader in = reader_of(slice_of(data + 1, size - 1));
    ENSURE(store_begin(store) == RC_OK);
    known_put(store);
    run_script(store, which == 4, &in);
    store_rollback(store);
    return 0;
}
