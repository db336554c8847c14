// Any bytes as the body of each message, the first byte says which: what is taken encodes to the
// same
// bytes.
#include "davy/base/ensure.h"
#include "davy/sync/frame.h"

#include <stdlib.h>
#include <string.h>

// Decodes and, if that was taken, encodes again.
#define AGAIN(name)                                                                                \
    static enum rc again_##name(struct slice body, struct buf *out) {                              \
        struct name message;                                                                       \
        enum rc rc = name##_decode(body, &message);                                                \
        return rc == RC_OK ? name##_encode(&message, out) : rc;                                    \
    }
AGAIN(hello)
AGAIN(welcome)
AGAIN(ack)
AGAIN(fack)
AGAIN(start)
AGAIN(join)
AGAIN(joined)
AGAIN(enrol)
AGAIN(enrolled)
AGAIN(fork)
AGAIN(pull)

static enum rc again_batch(struct slice body, struct buf *out) {
    struct batch batch;
    struct buf items;
    enum rc rc = batch_decode(body, &batch);
    if (rc != RC_OK) {
        return rc;
    }
    buf_init(&items, LIMIT_FRAME_INFLATED_BYTES);
    struct reader in = reader_of(batch.items);
    for (uint32_t i = 0; i < batch.count; i++) {
        struct batch_item item;
        rc = batch_next(&in, &item);
        ENSURE(rc == RC_OK);
        batch_put_item(&items, item.content, item.has_sig ? &item.sig : NULL);
    }
    batch.items = buf_slice(&items);
    rc = batch_encode(&batch, out);
    buf_fini(&items);
    return rc;
}

static enum rc again_feed(struct slice body, struct buf *out) {
    struct feed feed;
    struct buf items;
    enum rc rc = feed_decode(body, &feed);
    if (rc != RC_OK) {
        return rc;
    }
    buf_init(&items, LIMIT_FRAME_INFLATED_BYTES);
    struct reader in = reader_of(feed.items);
    for (uint32_t i = 0; i < feed.count; i++) {
        struct feed_item item;
        rc = feed_next(&in, &item);
        ENSURE(rc == RC_OK);
        rc = feed_put_item(&items, &item);
        ENSURE(rc == RC_OK);
    }
    feed.items = buf_slice(&items);
    rc = feed_encode(&feed, out);
    buf_fini(&items);
    return rc;
}

static enum rc again_digest(struct slice body, struct buf *out) {
    struct digest digest;
    struct buf items;
    enum rc rc = digest_decode(body, &digest);
    if (rc != RC_OK) {
        return rc;
    }
    buf_init(&items, LIMIT_FRAME_INFLATED_BYTES);
    struct reader in = reader_of(digest.items);
    for (uint32_t i = 0; i < digest.count; i++) {
        struct digest_value value;
        rc = digest_next(&in, &value);
        ENSURE(rc == RC_OK);
        digest_put_value(&items, &value);
    }
    digest.items = buf_slice(&items);
    rc = digest_encode(&digest, out);
    buf_fini(&items);
    return rc;
}

static enum rc (*const messages[])(struct slice body, struct buf *out) = {
    again_hello, again_welcome, again_batch,  again_ack,   again_feed,     again_fack, again_digest,
    again_start, again_join,    again_joined, again_enrol, again_enrolled, again_fork, again_pull,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) {
        return 0;
    }
    struct buf again;
    struct slice body = slice_of(data + 1, size - 1);
    buf_init(&again, LIMIT_FRAME_INFLATED_BYTES + 4096);
    if (messages[data[0] % COUNT_OF(messages)](body, &again) == RC_OK) {
        ENSURE(slice_equal(body, buf_slice(&again)));
    }
    buf_fini(&again);
    return 0;
}
