// Any bytes as a frame: header, proofs, inflation. What is inflated keeps to its limit, and what
// was
// built here comes back.
#include "davy/base/ensure.h"
#include "davy/sync/frame.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t key[SESSION_KEY_BYTES] = {1};

static struct frame_codec *codec_once(void) {
    static struct frame_codec *codec;
    if (!codec) {
        enum rc rc = keys_init();
        ENSURE(rc == RC_OK);
        rc = frame_codec_new(&codec);
        ENSURE(rc == RC_OK);
    }
    return codec;
}

static void check_opened(struct slice bytes) {
    struct frame frame;
    struct public_key nobody = {{2}};
    struct frame_trust trust = {FRAME_UP, {{{0}}}, keys_ed25519(), &nobody};
    if (frame_open(bytes, &frame) != RC_OK) {
        return;
    }
    ENSURE(FRAME_HEADER_BYTES + frame.proof.len + frame.body.len == bytes.len);
    ENSURE(!(frame_keyed_ok(bytes, &frame, FRAME_UP, key) &&
             frame_keyed_ok(bytes, &frame, FRAME_DOWN, key)));
    ENSURE(!frame_signed_ok(bytes, &frame, &trust));
    if (frame_inflate(codec_once(), &frame) == RC_OK) {
        ENSURE(frame.body.len <= LIMIT_FRAME_INFLATED_BYTES);
        ENSURE(!(frame.flags & FRAME_ZSTD));
    }
}

static void check_built(struct slice body) {
    struct buf bytes;
    struct frame head = {.type = FRAME_BATCH, .session = 1, .number = 2};
    struct frame_seal seal = {.direction = FRAME_UP, .keyed = key};
    buf_init(&bytes, LIMIT_FRAME_INFLATED_BYTES + FRAME_OVERHEAD_BYTES);
    if (frame_build(codec_once(), &head, body, &seal, &bytes) == RC_OK) {
        struct frame frame;
        enum rc rc = frame_open(buf_slice(&bytes), &frame);
        ENSURE(rc == RC_OK);
        ENSURE(frame_keyed_ok(buf_slice(&bytes), &frame, FRAME_UP, key));
        rc = frame_inflate(codec_once(), &frame);
        ENSURE(rc == RC_OK && slice_equal(frame.body, body));
    }
    buf_fini(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    check_opened(slice_of(data, size));
    check_built(slice_of(data, size));
    return 0;
}
