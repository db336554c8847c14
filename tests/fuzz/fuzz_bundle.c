// Bundles as a stranger may write them: the reader, and a device's import with it. The input is the
// file; one whose first byte is odd is signed anew around whatever it holds, so that the fuzzer
// comes behind the signatures.
#include "davy/app/bundle.h"

#include "davy/base/ensure.h"

#include <stdlib.h>
#include <string.h>

static const uint8_t seed[SEED_BYTES] = {7};

// A bundle of frames whose bodies are the input, cut by its own bytes.
static void build(struct slice input, const struct keypair *pair, struct buf *out) {
    struct bundle_head head = {
        .site = {{{1}}}, .device = {{{2}}}, .key = *keypair_public(pair), .author_count = 1};
    head.authors[0].key = head.key;
    head.authors[0].author = author_of(&head.key, head.authors[0].random);
    struct buf frame;
    buf_init(&frame, LIMIT_FRAME_INFLATED_BYTES);
    ENSURE(bundle_head_encode(&head, pair, out) == RC_OK);
    for (uint32_t number = 1; input.len > 2; number++) {
        size_t len =
            (size_t)input.data[1] * 8 < input.len - 2 ? (size_t)input.data[1] * 8 : input.len - 2;
        bool batch = (input.data[0] & 2) != 0;
        struct frame kind = {.type = batch ? FRAME_BATCH : FRAME_FEED, .number = number};
        struct frame_seal seal = {
            .direction = batch ? FRAME_UP : FRAME_DOWN, .signer = pair, .site = head.site};
        ENSURE(frame_build(NULL, &kind, slice_of(input.data + 2, len), &seal, &frame) == RC_OK);
        buf_put_u32(out, (uint32_t)frame.len);
        buf_put(out, frame.data, frame.len);
        input = slice_of(input.data + 2 + len, input.len - 2 - len);
    }
    buf_fini(&frame);
}

static void read_all(struct slice bytes) {
    struct bundle_reader reader;
    struct bundle_part part;
    struct refusal refusal = {0};
    FILE *file = fmemopen((void *)(uintptr_t)bytes.data, bytes.len, "rb");
    if (!file) {
        return;
    }
    enum rc rc = bundle_reader_open(&reader, file, keys_ed25519(), &refusal);
    uint64_t last = 0;
    while (rc == RC_OK) {
        rc = bundle_reader_next(&reader, &part, &refusal);
        if (rc == RC_OK) {
            struct batch batch;
            struct feed feed;
            ENSURE(part.at >= last && reader.at <= bytes.len);
            ENSURE(part.author >= reader.head.authors &&
                   part.author < reader.head.authors + reader.head.author_count);
            last = part.at;
            (void)!(part.type == FRAME_BATCH ? batch_decode(part.body, &batch)
                                             : feed_decode(part.body, &feed));
        }
    }
    ENSURE(rc == RC_NOT_FOUND || rc == RC_REFUSED);
    ENSURE(rc == RC_NOT_FOUND || refusal.code == REFUSAL_BUNDLE);
    bundle_reader_close(&reader);
    (void)fclose(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct keypair *pair;
    if (size == 0 || keys_init() != RC_OK) {
        return 0;
    }
    if (!pair) {
        ENSURE(keypair_from_seed(keys_ed25519(), seed, &pair) == RC_OK);
    }
    read_all(slice_of(data, size));
    if ((data[0] & 1) != 0 && size < 8192) {
        struct buf out;
        buf_init(&out, 1 << 20);
        build(slice_of(data, size), pair, &out);
        read_all(buf_slice(&out));
        buf_fini(&out);
    }
    struct slice head;
    struct slice frame;
    (void)!control_import_decode(slice_of(data, size), &head, &frame);
    return 0;
}
