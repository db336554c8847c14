#include "davy/app/author.h"

#include "davy/app/app.h"

#include <string.h>

enum rc author_load(struct store *store, const struct public_key *device_key,
                    struct device_config *config) {
    struct store_own own;
    enum rc rc = store_own_get(store, &own);
    if (rc != RC_OK) {
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    }
    if (!author_equal(author_of(device_key, own.random), own.author)) {
        return RC_CORRUPT;
    }
    config->author = own.author;
    memcpy(config->author_random, own.random, AUTHOR_RANDOM_BYTES);
    return RC_OK;
}

enum rc author_keep(struct store *store, const struct device_config *config) {
    struct store_own own = {.author = config->author};
    memcpy(own.random, config->author_random, AUTHOR_RANDOM_BYTES);
    return store_own_set(store, &own);
}

static void put_opening(struct body *body, const struct store_opening *opening) {
    body_put_bytes(body, AUTHOR_OPEN_PREVIOUS, opening->previous.id.b, ID_BYTES);
    for (uint8_t i = 0; i < opening->head_count; i++) {
        struct buf head;
        buf_init(&head, AUTHOR_HEAD_BYTES);
        buf_put_u8(&head, opening->heads[i].lane);
        buf_put_u8(&head, opening->heads[i].audience);
        buf_put_u64(&head, opening->heads[i].head.seq);
        buf_put(&head, opening->heads[i].head.hash.b, HASH_BYTES);
        body_put_bytes(body, AUTHOR_OPEN_HEAD, head.data, head.len);
        buf_fini(&head);
    }
}

enum rc author_open_make(const struct author_open *open, struct buf *body_bytes,
                         struct buf *content_bytes, struct signed_record *out_record) {
    buf_reset(body_bytes);
    struct body body =
        body_start(registry_kind(app_registry(), KIND_AUTHOR_OPEN, NULL), body_bytes);
    body_put_bytes(&body, AUTHOR_OPEN_RANDOM, open->own.random, AUTHOR_RANDOM_BYTES);
    body_put_bytes(&body, AUTHOR_OPEN_DEVICE_KEY, open->device_key.b, PUBLIC_KEY_BYTES);
    if (open->opening) {
        put_opening(&body, open->opening);
    }
    enum rc rc = buf_rc(body_bytes);
    if (rc != RC_OK) {
        return rc;
    }
    struct content content = {.suite = KEYS_SUITE_ED25519,
                              .site = open->config->site,
                              .kind = KIND_AUTHOR_OPEN,
                              .audience = AUDIENCE_NONE,
                              .device = open->config->device,
                              .time = open->now.utc,
                              .time_error_ms = open->now.utc_error_ms,
                              .boot_id = open->now.boot_id,
                              .mono = open->now.mono,
                              .body = buf_slice(body_bytes)};
    memcpy(content.nonce, open->nonce, NONCE_BYTES);
    buf_reset(content_bytes);
    return record_make(&content, NULL, content_bytes, out_record);
}
