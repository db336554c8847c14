// Any bytes as a history block. What decodes must encode again and give the same readings.
#include <stdint.h>
#include <string.h>

#include "davy/base/ensure.h"
#include "davy/store/block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MANY LIMIT_HISTORY_BLOCK_READINGS

struct arrays {
    int64_t times[MANY];
    double values[MANY];
    uint8_t qualities[MANY];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct block_codec *codec;
    static struct arrays first;
    static struct arrays second;
    uint32_t count = 0;
    uint32_t count_again = 0;
    if (codec == NULL) {
        ENSURE(block_codec_new(&codec) == RC_OK);
    }
    if (block_decode(codec, slice_of(data, size), first.times, first.values, first.qualities, MANY,
                     &count) != RC_OK) {
        return 0;
    }
    ENSURE(count > 0 && count <= MANY);
    const struct block_columns columns = {first.times, first.values, first.qualities, count};
    struct block_summary summary;
    struct buf block;
    buf_init(&block, BLOCK_BYTES_MAX);
    ENSURE(block_encode(codec, &columns, &block, &summary) == RC_OK);
    ENSURE(summary.count == count && summary.usable_count <= count);
    ENSURE(summary.min <= summary.max && summary.first_ms <= summary.last_ms);
    ENSURE(block_decode(codec, buf_slice(&block), second.times, second.values, second.qualities,
                        MANY, &count_again) == RC_OK);
    ENSURE(count == count_again);
    ENSURE(memcmp(first.times, second.times, count * sizeof first.times[0]) == 0);
    ENSURE(memcmp(first.values, second.values, count * sizeof first.values[0]) == 0);
    ENSURE(memcmp(first.qualities, second.qualities, count) == 0);
    buf_fini(&block);
    return 0;
}
