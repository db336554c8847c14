#include "davy/sync/incarnation.h"

#include "davy/base/ensure.h"
#include "sync_priv.h"

#include <string.h>

#define OPENING_PREVIOUS 3
#define OPENING_HEAD 4
#define OPENING_HEAD_BYTES (2 + 8 + HASH_BYTES)

static bool read_head(struct slice bytes, struct store_opening *opening) {
    struct reader in = reader_of(bytes);
    if (opening->head_count == COUNT_OF(opening->heads)) {
        return false;
    }
    uint8_t at = opening->head_count++;
    opening->heads[at].lane = reader_u8(&in);
    opening->heads[at].audience = reader_u8(&in);
    opening->heads[at].head.seq = reader_u64(&in);
    reader_copy(&in, opening->heads[at].head.hash.b, HASH_BYTES);
    return reader_done(&in) == RC_OK && opening->heads[at].lane < LANE_COUNT &&
           opening->heads[at].audience < AUDIENCE_COUNT;
}

bool incarnation_read(const struct content *content, struct author_id author,
                      struct incarnation *out) {
    struct incarnation read = {.own.author = author};
    struct slice random;
    struct slice key;
    if (content->kind != RECORD_KIND_AUTHOR_OPEN ||
        !body_bytes(content->body, RECORD_AUTHOR_OPEN_RANDOM, &random) ||
        !body_bytes(content->body, RECORD_AUTHOR_OPEN_KEY, &key) ||
        random.len != AUTHOR_RANDOM_BYTES || key.len != PUBLIC_KEY_BYTES) {
        return false;
    }
    memcpy(read.device_key.b, key.data, PUBLIC_KEY_BYTES);
    memcpy(read.own.random, random.data, AUTHOR_RANDOM_BYTES);
    if (!author_equal(author_of(&read.device_key, read.own.random), author)) {
        return false;
    }
    struct body_reader fields = body_read(content->body);
    struct field_value value;
    while (body_next(&fields, &value)) {
        if (value.tag == OPENING_PREVIOUS && value.bytes.len == ID_BYTES) {
            memcpy(read.before.previous.id.b, value.bytes.data, ID_BYTES);
        }
        if (value.tag == OPENING_HEAD &&
            (value.bytes.len != OPENING_HEAD_BYTES || !read_head(value.bytes, &read.before))) {
            return false;
        }
    }
    *out = read;
    return true;
}

enum rc incarnation_begin(struct store *store, const struct public_key *device_key,
                          struct author_id previous, const uint8_t random[AUTHOR_RANDOM_BYTES],
                          struct incarnation *out) {
    struct incarnation next = {.before.previous = previous, .device_key = *device_key};
    memcpy(next.own.random, random, AUTHOR_RANDOM_BYTES);
    next.own.author = author_of(device_key, random);
    for (uint8_t i = 0; i < FRAME_CHAINS_MAX; i++) {
        struct store_chain chain;
        enum rc rc = store_chain_get(store, chain_of(previous, i), &chain);
        if (rc != RC_OK) {
            return rc;
        }
        if (chain.head.seq > 0) {
            uint8_t at = next.before.head_count++;
            next.before.heads[at].lane = chain.id.lane;
            next.before.heads[at].audience = chain.id.audience;
            next.before.heads[at].head = chain.head;
        }
    }
    struct store_author author = {
        .author = next.own.author, .device_key = *device_key, .own = true};
    enum rc rc = store_author_put(store, &author);
    if (rc == RC_OK) {
        rc = store_opening_put(store, next.own.author, &next.before);
    }
    if (rc == RC_OK) {
        rc = store_own_set(store, &next.own);
    }
    if (rc == RC_OK) {
        *out = next;
    }
    return rc;
}

static bool holds(struct store *store, struct chain_id id, const struct chain_head *head) {
    struct hash32 hash;
    return head->seq == 0 || (store_chain_hash(store, id, head->seq, &hash) == RC_OK &&
                              hash32_equal(&hash, &head->hash));
}

#define META_READABLE "log.chains"

enum rc log_readable_set(struct store *store, uint16_t readable) {
    uint8_t value[2] = {(uint8_t)readable, (uint8_t)(readable >> 8)};
    return store_meta_set(store, META_READABLE, slice_of(value, sizeof value));
}

static uint16_t log_readable(struct store *store) {
    uint16_t readable = UINT16_MAX;
    struct buf value;
    buf_init(&value, 2);
    if (store_meta_get(store, META_READABLE, &value) == RC_OK && value.len == 2) {
        readable = (uint16_t)(value.data[0] | value.data[1] << 8);
    }
    buf_fini(&value);
    return readable;
}

bool log_is_complete(struct store *store, uint32_t rank) {
    struct author_id hub, next;
    struct store_opening opening;
    if (store_hub_at(store, rank, &hub) != RC_OK || store_hub_at(store, rank + 1, &next) != RC_OK ||
        store_opening_get(store, next, &opening) != RC_OK) {
        return false;
    }
    uint16_t readable = log_readable(store);
    for (uint8_t i = 0; i < opening.head_count; i++) {
        if (!(readable & (1u << chain_index(opening.heads[i].lane, opening.heads[i].audience)))) {
            continue;
        }
        struct chain_id id = {hub, opening.heads[i].lane, opening.heads[i].audience};
        if (!holds(store, id, &opening.heads[i].head)) {
            return false;
        }
    }
    return true;
}

enum rc log_reading_find(struct store *store, struct author_id *out_hub) {
    struct author_id hub = {{{0}}};
    uint32_t last = store_hub_last(store);
    enum rc rc = RC_OK;
    for (uint32_t rank = 1; rank <= last; rank++) {
        if (rank == last || !log_is_complete(store, rank)) {
            rc = store_hub_at(store, rank, &hub);
            break;
        }
    }
    if (rc == RC_OK) {
        *out_hub = hub;
    }
    return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
}

struct author_id log_reading(struct store *store) {
    struct author_id hub = {{{0}}};
    return log_reading_find(store, &hub) == RC_OK ? hub : (struct author_id){{{0}}};
}

enum rc log_cursors(struct store *store, struct author_id hub, struct frame_chain *out_chains,
                    uint8_t *out_count) {
    struct author_id next;
    struct store_opening opening;
    uint8_t count = 0;
    *out_count = 0;
    if (id16_is_zero(hub.id)) {
        return RC_OK;
    }
    enum rc rc = chains_held(store, hub, true, out_chains, &count);
    bool ended = store_hub_at(store, store_hub_rank(store, hub) + 1, &next) == RC_OK &&
                 store_opening_get(store, next, &opening) == RC_OK;
    for (uint8_t i = 0; rc == RC_OK && i < count; i++) {
        struct chain_head head = {.seq = out_chains[i].seq};
        if (ended) {
            struct chain_id id = out_chains[i].id;
            uint64_t adopted = store_opening_head(&opening, id.lane, id.audience).seq;
            head.seq = head.seq > adopted ? adopted : head.seq;
        }
        if (head.seq < out_chains[i].seq && head.seq > 0) {
            rc = store_chain_hash(store, out_chains[i].id, head.seq, &head.hash);
            chain_mark(out_chains[i].id, &head, &out_chains[i]);
        }
        if (rc == RC_OK && head.seq > 0) {
            out_chains[(*out_count)++] = out_chains[i];
        }
    }
    return rc;
}
