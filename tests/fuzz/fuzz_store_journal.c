// Journal rows of history: strict decoding, and what was accepted encodes to the same bytes.
#include "store/history_priv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TAGS 300

struct again {
    struct buf bytes;
    int64_t previous_ms;
};

static enum rc encode_again(void *ctx, uint32_t tag, const struct history_reading *reading) {
    struct again *again = ctx;
    if (tag == 0 || tag > TAGS || reading->time.v < 0 || reading->time.v > HISTORY_TIME_MAX_MS) {
        abort();
    }
    journal_put(&again->bytes, tag, reading, again->previous_ms);
    again->previous_ms = reading->time.v;
    return RC_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct again again = {.previous_ms = 0};
    buf_init(&again.bytes, size + 64);
    // A copy without slack, so that a read past the end is seen.
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy != NULL && size > 0) {
        memcpy(copy, data, size);
    }
    enum rc rc = journal_decode(slice_of(copy, size), TAGS, encode_again, &again);
    if (rc == RC_OK && !slice_equal(buf_slice(&again.bytes), slice_of(data, size))) {
        abort();
    }
    if (rc != RC_OK && rc != RC_CORRUPT) {
        abort();
    }
    free(copy);
    buf_fini(&again.bytes);
    return 0;
}
