// Bodies of the messages about blobs: one form each, nothing left over.
#include "davy/sync/blob.h"

#include "davy/base/ensure.h"

#include <string.h>

static uint32_t get_number(struct reader *in, uint32_t max) {
    uint64_t value = reader_varint(in);
    if (value > max) {
        reader_fail(in, RC_INVALID);
        return 0;
    }
    return (uint32_t)value;
}

enum rc blob_offer_encode(const struct blob_offer *offer, struct buf *out) {
    buf_put(out, offer->hash.b, HASH_BYTES);
    buf_put_varint(out, offer->size);
    buf_put_u8(out, (uint8_t)offer->media);
    return buf_rc(out);
}

enum rc blob_offer_decode(struct slice body, struct blob_offer *out_offer) {
    struct reader in = reader_of(body);
    struct blob_offer offer = {0};
    reader_copy(&in, offer.hash.b, HASH_BYTES);
    offer.size = get_number(&in, LIMIT_BLOB_BYTES);
    uint8_t media = reader_u8(&in);
    if (offer.size == 0 || media == BLOB_UNKNOWN || media >= BLOB_MEDIA_COUNT) {
        reader_fail(&in, RC_INVALID);
    }
    enum rc rc = reader_done(&in);
    if (rc == RC_OK) {
        offer.media = (enum blob_media)media;
        *out_offer = offer;
    }
    return rc;
}

enum rc blob_need_encode(const struct blob_need *need, struct buf *out) {
    ENSURE(need->count <= BLOB_RANGES_MAX);
    buf_put(out, need->hash.b, HASH_BYTES);
    buf_put_varint(out, need->size);
    if (need->size == 0) {
        return buf_rc(out);
    }
    buf_put_varint(out, need->serial);
    buf_put_u8(out, need->more);
    buf_put_u8(out, need->count);
    uint32_t at = 0;
    for (uint8_t i = 0; i < need->count; i++) {
        buf_put_varint(out, need->ranges[i].first - at);
        buf_put_varint(out, need->ranges[i].end - need->ranges[i].first - 1);
        at = need->ranges[i].end + 1;
    }
    return buf_rc(out);
}

static void get_ranges(struct reader *in, struct blob_need *need) {
    uint32_t units = blob_units(need->size);
    uint32_t at = 0;
    for (uint8_t i = 0; i < need->count && in->rc == RC_OK; i++) {
        uint32_t first = at + get_number(in, BLOB_UNITS_MAX);
        uint32_t end = first + get_number(in, BLOB_UNITS_MAX) + 1;
        if (end > units) {
            reader_fail(in, RC_INVALID);
        }
        need->ranges[i] = (struct blob_range){first, end};
        at = end + 1;
    }
}

enum rc blob_need_decode(struct slice body, struct blob_need *out_need) {
    struct reader in = reader_of(body);
    struct blob_need need = {0};
    reader_copy(&in, need.hash.b, HASH_BYTES);
    need.size = get_number(&in, LIMIT_BLOB_BYTES);
    if (in.rc == RC_OK && need.size > 0) {
        need.serial = get_number(&in, UINT32_MAX);
        uint8_t more = reader_u8(&in);
        need.count = reader_u8(&in);
        if (more > 1 || need.count == 0 || need.count > BLOB_RANGES_MAX) {
            reader_fail(&in, RC_INVALID);
            need.count = 0;
        }
        need.more = more == 1;
        get_ranges(&in, &need);
    }
    enum rc rc = reader_done(&in);
    if (rc == RC_OK) {
        *out_need = need;
    }
    return rc;
}

enum rc blob_chunk_encode(const struct blob_chunk *chunk, struct buf *out) {
    buf_put(out, chunk->prefix, BLOB_PREFIX_BYTES);
    buf_put_varint(out, chunk->serial);
    buf_put_varint(out, chunk->unit);
    buf_put(out, chunk->bytes.data, chunk->bytes.len);
    return buf_rc(out);
}

enum rc blob_chunk_decode(struct slice body, struct blob_chunk *out_chunk) {
    struct reader in = reader_of(body);
    struct blob_chunk chunk = {0};
    reader_copy(&in, chunk.prefix, BLOB_PREFIX_BYTES);
    chunk.serial = get_number(&in, UINT32_MAX);
    chunk.unit = get_number(&in, BLOB_UNITS_MAX - 1);
    chunk.bytes = reader_take(&in, reader_left(&in));
    if (chunk.serial == 0 || chunk.bytes.len == 0 || chunk.bytes.len > LIMIT_BLOB_CHUNK_BYTES) {
        reader_fail(&in, RC_INVALID);
    }
    enum rc rc = reader_done(&in);
    if (rc == RC_OK) {
        *out_chunk = chunk;
    }
    return rc;
}

enum rc blob_state_encode(const struct blob_state *state, struct buf *out) {
    buf_put(out, state->hash.b, HASH_BYTES);
    buf_put_u8(out, (uint8_t)state->answer);
    return buf_rc(out);
}

enum rc blob_state_decode(struct slice body, struct blob_state *out_state) {
    struct reader in = reader_of(body);
    struct blob_state state = {0};
    reader_copy(&in, state.hash.b, HASH_BYTES);
    uint8_t answer = reader_u8(&in);
    if (answer >= BLOB_ANSWER_COUNT) {
        reader_fail(&in, RC_INVALID);
    }
    enum rc rc = reader_done(&in);
    if (rc == RC_OK) {
        state.answer = (enum blob_answer)answer;
        *out_state = state;
    }
    return rc;
}
