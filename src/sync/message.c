// Bodies of the messages: field after field as frame.h lists them, nothing left over.
#include "davy/sync/frame.h"

#include "davy/base/ensure.h"
#include "davy/base/text.h"

#include <math.h>
#include <string.h>

static void put_chain(struct buf *out, const struct frame_chain *chain) {
    buf_put_u8(out, chain->id.lane);
    buf_put_u8(out, chain->id.audience);
    buf_put_varint(out, chain->seq);
    buf_put(out, chain->hash, SEEN_HASH_BYTES);
}

static void put_chains(struct buf *out, const struct frame_chain *chains, uint8_t count) {
    ENSURE(count <= FRAME_CHAINS_MAX);
    buf_put_u8(out, count);
    for (uint8_t i = 0; i < count; i++) {
        put_chain(out, &chains[i]);
    }
}

// Strictly ascending by (lane, audience): one form, no chain twice.
static uint8_t get_chains(struct reader *in, struct author_id author, struct frame_chain *out) {
    uint8_t count = reader_u8(in);
    if (count > FRAME_CHAINS_MAX) {
        reader_fail(in, RC_TOO_LARGE);
        return 0;
    }
    int last = -1;
    for (uint8_t i = 0; i < count; i++) {
        out[i].id.author = author;
        out[i].id.lane = reader_u8(in);
        out[i].id.audience = reader_u8(in);
        out[i].seq = reader_varint(in);
        reader_copy(in, out[i].hash, SEEN_HASH_BYTES);
        int order = out[i].id.lane * AUDIENCE_COUNT + out[i].id.audience;
        if (out[i].id.lane >= LANE_COUNT || out[i].id.audience >= AUDIENCE_COUNT || order <= last) {
            reader_fail(in, RC_INVALID);
            return 0;
        }
        last = order;
    }
    return count;
}

static void get_lane(struct reader *in, uint8_t *out_lane, uint8_t *out_audience) {
    *out_lane = reader_u8(in);
    *out_audience = reader_u8(in);
    if (*out_lane >= LANE_COUNT || *out_audience >= AUDIENCE_COUNT) {
        reader_fail(in, RC_INVALID);
    }
}

enum rc hello_encode(const struct hello *hello, struct buf *out) {
    buf_put(out, hello->site.id.b, ID_BYTES);
    buf_put(out, hello->device.id.b, ID_BYTES);
    buf_put(out, hello->author.id.b, ID_BYTES);
    buf_put(out, hello->author_random, AUTHOR_RANDOM_BYTES);
    buf_put(out, hello->nonce, FRAME_NONCE_BYTES);
    buf_put(out, hello->kx_public, sizeof hello->kx_public);
    buf_put_varint(out, hello->message_bytes_max);
    buf_put_signed(out, hello->now.utc.v);
    buf_put_signed(out, hello->now.mono.v);
    buf_put_varint(out, hello->now.utc_error_ms);
    buf_put_u64(out, hello->now.boot_id);
    buf_put(out, hello->hub.id.b, ID_BYTES);
    put_chains(out, hello->held, hello->held_count);
    put_chains(out, hello->cursors, hello->cursor_count);
    return buf_rc(out);
}

enum rc hello_decode(struct slice body, struct hello *out_hello) {
    struct reader in = reader_of(body);
    struct hello hello = {0};
    reader_copy(&in, hello.site.id.b, ID_BYTES);
    reader_copy(&in, hello.device.id.b, ID_BYTES);
    reader_copy(&in, hello.author.id.b, ID_BYTES);
    reader_copy(&in, hello.author_random, AUTHOR_RANDOM_BYTES);
    reader_copy(&in, hello.nonce, FRAME_NONCE_BYTES);
    reader_copy(&in, hello.kx_public, sizeof hello.kx_public);
    uint64_t bytes_max = reader_varint(&in);
    hello.now.utc.v = reader_signed(&in);
    hello.now.mono.v = reader_signed(&in);
    uint64_t error = reader_varint(&in);
    hello.now.boot_id = reader_u64(&in);
    reader_copy(&in, hello.hub.id.b, ID_BYTES);
    hello.held_count = get_chains(&in, hello.author, hello.held);
    hello.cursor_count = get_chains(&in, hello.hub, hello.cursors);
    if (bytes_max < LIMIT_MESSAGE_BYTES_MIN || bytes_max > LIMIT_FRAME_INFLATED_BYTES ||
        error > UINT32_MAX) {
        reader_fail(&in, RC_INVALID);
    }
    enum rc rc = reader_done(&in);
    if (rc == RC_OK) {
        hello.message_bytes_max = (uint32_t)bytes_max;
        hello.now.utc_error_ms = (uint32_t)error;
        *out_hello = hello;
    }
    return rc;
}

enum rc welcome_encode(const struct welcome *welcome, struct buf *out) {
    buf_put(out, welcome->hello_nonce, FRAME_NONCE_BYTES);
    buf_put(out, welcome->nonce, FRAME_NONCE_BYTES);
    buf_put(out, welcome->kx_public, sizeof welcome->kx_public);
    buf_put_u32(out, welcome->session);
    buf_put(out, welcome->hub.id.b, ID_BYTES);
    buf_put(out, welcome->hub_device.id.b, ID_BYTES);
    buf_put_varint(out, welcome->message_bytes_max);
    buf_put_signed(out, welcome->time.v);
    buf_put_u8(out, welcome->starting);
    buf_put_varint(out, welcome->digest);
    put_chains(out, welcome->held, welcome->held_count);
    put_chains(out, welcome->heads, welcome->head_count);
    return buf_rc(out);
}

enum rc welcome_decode(struct slice body, struct welcome *out_welcome) {
    struct reader in = reader_of(body);
    struct welcome welcome = {0};
    struct author_id reader_author = {{{0}}};
    reader_copy(&in, welcome.hello_nonce, FRAME_NONCE_BYTES);
    reader_copy(&in, welcome.nonce, FRAME_NONCE_BYTES);
    reader_copy(&in, welcome.kx_public, sizeof welcome.kx_public);
    welcome.session = reader_u32(&in);
    reader_copy(&in, welcome.hub.id.b, ID_BYTES);
    reader_copy(&in, welcome.hub_device.id.b, ID_BYTES);
    uint64_t bytes_max = reader_varint(&in);
    welcome.time.v = reader_signed(&in);
    welcome.starting = reader_u8(&in);
    welcome.digest = reader_varint(&in);
    welcome.held_count = get_chains(&in, reader_author, welcome.held);
    welcome.head_count = get_chains(&in, welcome.hub, welcome.heads);
    if (bytes_max < LIMIT_MESSAGE_BYTES_MIN || bytes_max > LIMIT_FRAME_INFLATED_BYTES ||
        welcome.starting > 1) {
        reader_fail(&in, RC_INVALID);
    }
    enum rc rc = reader_done(&in);
    if (rc == RC_OK) {
        welcome.message_bytes_max = (uint32_t)bytes_max;
        *out_welcome = welcome;
    }
    return rc;
}

enum rc ack_encode(const struct ack *ack, struct buf *out) {
    ENSURE(ack->range_count <= COUNT_OF(ack->ranges));
    buf_put_u8(out, ack->lane);
    buf_put_u8(out, ack->audience);
    buf_put_varint(out, ack->seq);
    buf_put(out, ack->hash, SEEN_HASH_BYTES);
    buf_put_varint(out, ack->up_seq);
    buf_put_u8(out, (uint8_t)ack->reason);
    buf_put_varint(out, ack->retry_ms);
    buf_put_u8(out, ack->range_count);
    for (uint8_t i = 0; i < ack->range_count; i++) {
        buf_put_varint(out, ack->ranges[i].first);
        buf_put_varint(out, ack->ranges[i].last);
    }
    buf_put_signed(out, ack->time.v);
    return buf_rc(out);
}

enum rc ack_decode(struct slice body, struct ack *out_ack) {
    struct reader in = reader_of(body);
    struct ack ack = {0};
    get_lane(&in, &ack.lane, &ack.audience);
    ack.seq = reader_varint(&in);
    reader_copy(&in, ack.hash, SEEN_HASH_BYTES);
    ack.up_seq = reader_varint(&in);
    uint8_t reason = reader_u8(&in);
    uint64_t retry = reader_varint(&in);
    ack.range_count = reader_u8(&in);
    if (reason > ACK_STARTING || retry > UINT32_MAX || ack.range_count > COUNT_OF(ack.ranges)) {
        reader_fail(&in, RC_INVALID);
        ack.range_count = 0;
    }
    uint64_t last = ack.seq;
    for (uint8_t i = 0; i < ack.range_count; i++) {
        ack.ranges[i].first = reader_varint(&in);
        ack.ranges[i].last = reader_varint(&in);
        if (ack.ranges[i].first <= last || ack.ranges[i].last < ack.ranges[i].first) {
            reader_fail(&in, RC_INVALID);
        }
        last = ack.ranges[i].last;
    }
    ack.time.v = reader_signed(&in);
    enum rc rc = reader_done(&in);
    if (rc == RC_OK) {
        ack.reason = (enum ack_reason)reason;
        ack.retry_ms = (uint32_t)retry;
        *out_ack = ack;
    }
    return rc;
}

enum rc fack_encode(const struct fack *fack, struct buf *out) {
    buf_put(out, fack->hub.id.b, ID_BYTES);
    put_chains(out, fack->cursors, fack->count);
    return buf_rc(out);
}

enum rc fack_decode(struct slice body, struct fack *out_fack) {
    struct reader in = reader_of(body);
    struct fack fack = {0};
    reader_copy(&in, fack.hub.id.b, ID_BYTES);
    fack.count = get_chains(&in, fack.hub, fack.cursors);
    enum rc rc = reader_done(&in);
    if (rc == RC_OK) {
        *out_fack = fack;
    }
    return rc;
}

static void put_record(struct buf *out, struct slice content, const struct signature *sig) {
    buf_put_u8(out, sig != NULL);
    if (sig) {
        buf_put(out, sig->b, SIGNATURE_BYTES);
    }
    buf_put_bytes(out, content.data, content.len);
}

static struct slice get_record(struct reader *in, bool *out_has_sig, struct signature *out_sig) {
    uint8_t has = reader_u8(in);
    if (has > 1) {
        reader_fail(in, RC_INVALID);
    }
    *out_has_sig = has == 1 && in->rc == RC_OK;
    if (*out_has_sig) {
        reader_copy(in, out_sig->b, SIGNATURE_BYTES);
    }
    return reader_bytes(in, LIMIT_RECORD_CONTENT_BYTES);
}

void batch_put_item(struct buf *items, struct slice content, const struct signature *sig) {
    put_record(items, content, sig);
}

enum rc batch_encode(const struct batch *batch, struct buf *out) {
    buf_put_u8(out, batch->lane);
    buf_put_u8(out, batch->audience);
    buf_put_varint(out, batch->first_seq);
    buf_put(out, batch->before, SEEN_HASH_BYTES);
    buf_put_varint(out, batch->count);
    buf_put(out, batch->seal.b, SIGNATURE_BYTES);
    buf_put(out, batch->items.data, batch->items.len);
    return buf_rc(out);
}

enum rc batch_decode(struct slice body, struct batch *out_batch) {
    struct reader in = reader_of(body);
    struct batch batch = {0};
    get_lane(&in, &batch.lane, &batch.audience);
    batch.first_seq = reader_varint(&in);
    reader_copy(&in, batch.before, SEEN_HASH_BYTES);
    uint64_t count = reader_varint(&in);
    reader_copy(&in, batch.seal.b, SIGNATURE_BYTES);
    batch.items = reader_take(&in, reader_left(&in));
    if (batch.first_seq == 0 || count == 0 || count > batch.items.len ||
        batch.first_seq > INT64_MAX - count) {
        reader_fail(&in, RC_INVALID);
    }
    if (in.rc != RC_OK) {
        return in.rc;
    }
    batch.count = (uint32_t)count;
    // Every item must be whole, and nothing may follow the last.
    struct reader items = reader_of(batch.items);
    struct batch_item item;
    for (uint32_t i = 0; i < batch.count; i++) {
        enum rc rc = batch_next(&items, &item);
        if (rc != RC_OK) {
            return rc;
        }
    }
    enum rc rc = reader_done(&items);
    if (rc == RC_OK) {
        *out_batch = batch;
    }
    return rc;
}

enum rc batch_next(struct reader *items, struct batch_item *out_item) {
    struct batch_item item = {0};
    item.content = get_record(items, &item.has_sig, &item.sig);
    if (items->rc == RC_OK) {
        *out_item = item;
    }
    return items->rc;
}

enum rc feed_put_item(struct buf *items, const struct feed_item *item) {
    buf_put_u8(items, (uint8_t)item->type);
    switch (item->type) {
    case FEED_OWN:
        put_record(items, item->content, item->has_sig ? &item->sig : NULL);
        break;
    case FEED_ADMIT:
        buf_put_bytes(items, item->admit.data, item->admit.len);
        put_record(items, item->content, item->has_sig ? &item->sig : NULL);
        break;
    case FEED_ADMIT_HELD:
        buf_put_bytes(items, item->admit.data, item->admit.len);
        break;
    case FEED_AUTHOR_SEAL:
        buf_put(items, item->sealed.chain.author.id.b, ID_BYTES);
        buf_put_u8(items, item->sealed.chain.lane);
        buf_put_u8(items, item->sealed.chain.audience);
        buf_put_varint(items, item->sealed.seq);
        buf_put(items, item->sig.b, SIGNATURE_BYTES);
        break;
    }
    return buf_rc(items);
}

enum rc feed_next(struct reader *items, struct feed_item *out_item) {
    struct feed_item item = {0};
    uint8_t type = reader_u8(items);
    item.type = (enum feed_item_type)type;
    switch (type) {
    case FEED_OWN:
        item.content = get_record(items, &item.has_sig, &item.sig);
        break;
    case FEED_ADMIT:
        item.admit = reader_bytes(items, 128);
        item.content = get_record(items, &item.has_sig, &item.sig);
        break;
    case FEED_ADMIT_HELD:
        item.admit = reader_bytes(items, 128);
        break;
    case FEED_AUTHOR_SEAL:
        reader_copy(items, item.sealed.chain.author.id.b, ID_BYTES);
        get_lane(items, &item.sealed.chain.lane, &item.sealed.chain.audience);
        item.sealed.seq = reader_varint(items);
        reader_copy(items, item.sig.b, SIGNATURE_BYTES);
        item.has_sig = true;
        break;
    default:
        reader_fail(items, RC_INVALID);
        break;
    }
    if (items->rc == RC_OK) {
        *out_item = item;
    }
    return items->rc;
}

enum rc feed_encode(const struct feed *feed, struct buf *out) {
    buf_put(out, feed->hub.id.b, ID_BYTES);
    buf_put_u8(out, feed->lane);
    buf_put_u8(out, feed->audience);
    buf_put_varint(out, feed->first_seq);
    buf_put(out, feed->before, SEEN_HASH_BYTES);
    buf_put_varint(out, feed->count);
    buf_put_varint(out, feed->last_seq);
    buf_put_varint(out, feed->head_seq);
    buf_put(out, feed->seal.b, SIGNATURE_BYTES);
    buf_put(out, feed->items.data, feed->items.len);
    return buf_rc(out);
}

enum rc feed_decode(struct slice body, struct feed *out_feed) {
    struct reader in = reader_of(body);
    struct feed feed = {0};
    reader_copy(&in, feed.hub.id.b, ID_BYTES);
    get_lane(&in, &feed.lane, &feed.audience);
    feed.first_seq = reader_varint(&in);
    reader_copy(&in, feed.before, SEEN_HASH_BYTES);
    uint64_t count = reader_varint(&in);
    feed.last_seq = reader_varint(&in);
    feed.head_seq = reader_varint(&in);
    reader_copy(&in, feed.seal.b, SIGNATURE_BYTES);
    feed.items = reader_take(&in, reader_left(&in));
    if (id16_is_zero(feed.hub.id) || feed.first_seq == 0 || count == 0 || count > feed.items.len ||
        feed.last_seq < feed.first_seq || feed.head_seq < feed.last_seq ||
        feed.head_seq > INT64_MAX) {
        reader_fail(&in, RC_INVALID);
    }
    if (in.rc != RC_OK) {
        return in.rc;
    }
    feed.count = (uint32_t)count;
    struct reader items = reader_of(feed.items);
    struct feed_item item;
    uint64_t entries = 0;
    for (uint32_t i = 0; i < feed.count; i++) {
        enum rc rc = feed_next(&items, &item);
        if (rc != RC_OK) {
            return rc;
        }
        entries += item.type != FEED_AUTHOR_SEAL;
    }
    if (entries != feed.last_seq - feed.first_seq + 1) {
        return RC_INVALID;
    }
    enum rc rc = reader_done(&items);
    if (rc == RC_OK) {
        *out_feed = feed;
    }
    return rc;
}

static void put_chain_id(struct buf *out, struct chain_id id) {
    buf_put(out, id.author.id.b, ID_BYTES);
    buf_put_u8(out, id.lane);
    buf_put_u8(out, id.audience);
}

static struct chain_id get_chain_id(struct reader *in) {
    struct chain_id id = {0};
    reader_copy(in, id.author.id.b, ID_BYTES);
    get_lane(in, &id.lane, &id.audience);
    if (id16_is_zero(id.author.id)) {
        reader_fail(in, RC_INVALID);
    }
    return id;
}

static uint64_t get_seq(struct reader *in) {
    uint64_t seq = reader_varint(in);
    if (seq == 0 || seq > INT64_MAX) {
        reader_fail(in, RC_INVALID);
    }
    return seq;
}

enum rc fork_encode(const struct fork *fork, struct buf *out) {
    put_chain_id(out, fork->chain);
    buf_put_varint(out, fork->seq);
    buf_put(out, fork->hash.b, HASH_BYTES);
    buf_put(out, fork->seal.b, SIGNATURE_BYTES);
    return buf_rc(out);
}

enum rc fork_decode(struct slice body, struct fork *out_fork) {
    struct reader in = reader_of(body);
    struct fork fork = {.chain = get_chain_id(&in)};
    fork.seq = get_seq(&in);
    reader_copy(&in, fork.hash.b, HASH_BYTES);
    reader_copy(&in, fork.seal.b, SIGNATURE_BYTES);
    enum rc rc = reader_done(&in);
    if (rc == RC_OK) {
        *out_fork = fork;
    }
    return rc;
}

enum rc pull_encode(const struct pull *pull, struct buf *out) {
    put_chain_id(out, pull->chain);
    buf_put_varint(out, pull->from);
    return buf_rc(out);
}

enum rc pull_decode(struct slice body, struct pull *out_pull) {
    struct reader in = reader_of(body);
    struct pull pull = {.chain = get_chain_id(&in)};
    pull.from = get_seq(&in);
    enum rc rc = reader_done(&in);
    if (rc == RC_OK) {
        *out_pull = pull;
    }
    return rc;
}

void digest_put_value(struct buf *items, const struct digest_value *value) {
    uint64_t bits;
    memcpy(&bits, &value->value, sizeof bits);
    buf_put_bytes(items, value->tag.data, value->tag.len);
    buf_put_u64(items, bits);
    buf_put_u8(items, value->quality);
    buf_put_signed(items, value->age_ms);
}

enum rc digest_next(struct reader *items, struct digest_value *out_value) {
    struct digest_value value = {0};
    value.tag = reader_bytes(items, LIMIT_TAG_BYTES);
    uint64_t bits = reader_u64(items);
    value.quality = reader_u8(items);
    value.age_ms = reader_signed(items);
    memcpy(&value.value, &bits, sizeof bits);
    if (items->rc == RC_OK && (!isfinite(value.value) || value.quality > 3 ||
                               text_check(value.tag, LIMIT_TAG_BYTES) != RC_OK)) {
        reader_fail(items, RC_INVALID);
    }
    if (items->rc == RC_OK) {
        *out_value = value;
    }
    return items->rc;
}

enum rc digest_encode(const struct digest *digest, struct buf *out) {
    buf_put(out, digest->hub.id.b, ID_BYTES);
    buf_put_varint(out, digest->number);
    buf_put_signed(out, digest->time.v);
    buf_put_bytes(out, digest->area.data, digest->area.len);
    buf_put_u8(out, digest->full);
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        buf_put_varint(out, digest->head_seq[lane]);
    }
    buf_put_varint(out, digest->count);
    buf_put(out, digest->items.data, digest->items.len);
    return buf_rc(out);
}

enum rc digest_decode(struct slice body, struct digest *out_digest) {
    struct reader in = reader_of(body);
    struct digest digest = {0};
    reader_copy(&in, digest.hub.id.b, ID_BYTES);
    digest.number = reader_varint(&in);
    digest.time.v = reader_signed(&in);
    digest.area = reader_bytes(&in, LIMIT_TAG_BYTES);
    uint8_t full = reader_u8(&in);
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        digest.head_seq[lane] = reader_varint(&in);
    }
    uint64_t count = reader_varint(&in);
    digest.items = reader_take(&in, reader_left(&in));
    if (full > 1 || count > DIGEST_VALUES_MAX ||
        text_check(digest.area, LIMIT_TAG_BYTES) != RC_OK) {
        reader_fail(&in, RC_INVALID);
    }
    if (in.rc != RC_OK) {
        return in.rc;
    }
    digest.full = full == 1;
    digest.count = (uint32_t)count;
    struct reader items = reader_of(digest.items);
    struct digest_value value;
    for (uint32_t i = 0; i < digest.count; i++) {
        enum rc rc = digest_next(&items, &value);
        if (rc != RC_OK) {
            return rc;
        }
    }
    enum rc rc = reader_done(&items);
    if (rc == RC_OK) {
        *out_digest = digest;
    }
    return rc;
}

enum rc start_encode(const struct start *start, struct buf *out) {
    buf_put(out, start->hub.id.b, ID_BYTES);
    buf_put(out, start->nonce, FRAME_NONCE_BYTES);
    buf_put_signed(out, start->time.v);
    return buf_rc(out);
}

enum rc start_decode(struct slice body, struct start *out_start) {
    struct reader in = reader_of(body);
    struct start start = {0};
    reader_copy(&in, start.hub.id.b, ID_BYTES);
    reader_copy(&in, start.nonce, FRAME_NONCE_BYTES);
    start.time.v = reader_signed(&in);
    enum rc rc = reader_done(&in);
    if (rc == RC_OK) {
        *out_start = start;
    }
    return rc;
}
