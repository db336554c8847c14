#include "device_priv.h"

#include <string.h>

enum rc sync_device_send_hello(struct sync_device *device, struct moment now) {
    struct hello *hello = &device->hello;
    memset(hello, 0, sizeof *hello);
    uint8_t seed[SEED_BYTES];
    device->options.random(device->options.ctx, seed, sizeof seed);
    kx_from_seed(seed, &device->kx);
    device->options.random(device->options.ctx, hello->nonce, sizeof hello->nonce);
    memcpy(hello->kx_public, device->kx.public_part, sizeof hello->kx_public);
    hello->site = store_site(device->options.store);
    hello->device = device->options.device_rid;
    hello->author = device->author;
    memcpy(hello->author_random, device->author_random, AUTHOR_RANDOM_BYTES);
    hello->message_bytes_max = device->options.message_bytes_max;
    hello->now = now;
    hello->hub = log_reading(device->options.store);
    enum rc rc =
        chains_held(device->options.store, hello->author, false, hello->held, &hello->held_count);
    if (rc == RC_OK) {
        rc = log_cursors(device->options.store, hello->hub, hello->cursors, &hello->cursor_count);
    }
    if (rc != RC_OK) {
        return rc;
    }
    buf_reset(&device->body);
    struct frame head = {.type = FRAME_HELLO};
    struct frame_seal seal = {
        .direction = FRAME_UP, .signer = device->options.device, .site = hello->site};
    rc = hello_encode(hello, &device->body);
    if (rc == RC_OK) {
        rc = frame_build(device->codec, &head, buf_slice(&device->body), &seal, &device->frame);
    }
    if (rc == RC_OK && sync_device_queue(device, LANE_CONTROL, 0)) {
        device->hello_at = now.mono;
        device->hello_due = false;
    }
    return rc;
}

void sync_device_greet(struct sync_device *device) {
    device->phase = SYNC_GREETING;
    device->hello_due = true;
    device->start_due = false;
    device->hello_retry_ms = SYNC_RETRY_MS_MIN;
    device->session = 0;
}

static enum rc take_welcome_held(struct sync_device *device, const struct welcome *welcome) {
    for (uint8_t i = 0; i < FRAME_CHAINS_MAX; i++) {
        struct chain_id id = chain_of(device->author, i);
        struct store_chain chain;
        enum rc rc = store_chain_get(device->options.store, id, &chain);
        if (rc != RC_OK) {
            return rc;
        }
        const struct frame_chain *held = NULL;
        for (uint8_t k = 0; k < welcome->held_count; k++) {
            if (welcome->held[k].id.lane == id.lane &&
                welcome->held[k].id.audience == id.audience) {
                held = &welcome->held[k];
            }
        }
        device->own[i] = (struct own_chain){0};
        if (held) {
            rc = sync_device_take_held(device, id, held->seq, held->hash);
            device->own[i].sent = MUTANT(&device->options, all_again) ? 0 : held->seq;
        } else if (chain.acked_seq > 0) {
            rc = store_chain_set_acked(device->options.store, id, 0);
        }
        if (rc != RC_OK) {
            return rc;
        }
    }
    return RC_OK;
}

bool sync_device_from_hub(const struct sync_device *device, struct slice bytes,
                          const struct frame *frame) {
    struct frame_trust trust = {.direction = FRAME_DOWN,
                                .site = store_site(device->options.store),
                                .scheme = device->options.scheme,
                                .key = &device->options.peer_key};
    return frame_signed_ok(bytes, frame, &trust);
}

enum rc sync_device_on_welcome(struct sync_device *device, struct slice bytes, struct frame *frame,
                               struct moment now) {
    struct welcome welcome;
    if (!sync_device_from_hub(device, bytes, frame) ||
        frame_inflate(device->codec, frame) != RC_OK ||
        welcome_decode(frame->body, &welcome) != RC_OK) {
        device->status.not_verified++;
        return RC_OK;
    }
    if (device->phase != SYNC_GREETING ||
        memcmp(welcome.hello_nonce, device->hello.nonce, FRAME_NONCE_BYTES) != 0) {
        return RC_OK; // an answer to an earlier greeting
    }
    if (kx_device(&device->kx, welcome.kx_public, device->up, device->down) != RC_OK) {
        device->status.not_verified++;
        return RC_OK;
    }
    device->status.hub = welcome.hub;
    device->session = welcome.session;
    device->number = 0;
    device->window = (struct number_window){0};
    device->digest_number = welcome.digest;
    device->status.hub_time = welcome.time;
    device->status.hub_starting = welcome.starting == 1;
    memset(device->status.hub_log_seq, 0, sizeof device->status.hub_log_seq);
    memset(device->hub_heads, 0, sizeof device->hub_heads);
    for (uint8_t i = 0; i < welcome.head_count; i++) {
        sync_device_hub_head(device, welcome.heads[i].id.lane, welcome.heads[i].id.audience,
                             welcome.heads[i].seq);
    }
    device->phase = SYNC_CATCHING_UP;
    device->status.trouble[0] = '\0';
    device->status.heard = now.mono;
    device->fack_due = true; // proves to the hub that I hold the session's keys
    device->start_due = false;
    device->forks_due = device->give_due = true;
    enum rc rc = take_welcome_held(device, &welcome);
    sync_device_update_live(device);
    return rc == RC_OK ? sync_device_reauthor(device, now) : rc;
}

void sync_device_on_start(struct sync_device *device, struct slice bytes, struct frame *frame,
                          struct moment now) {
    struct start start;
    if (!sync_device_from_hub(device, bytes, frame) ||
        frame_inflate(device->codec, frame) != RC_OK ||
        start_decode(frame->body, &start) != RC_OK) {
        device->status.not_verified++;
        return;
    }
    if (device->phase == SYNC_OFFLINE) {
        return;
    }
    if (now.mono.v - device->hello_at.v >= HELLO_EVERY_MS) {
        sync_device_greet(device);
    } else if (device->phase == SYNC_GREETING) {
        device->start_due = true;
    } else {
        device->fack_due = true; // it may have answered before it started: ask by a sign of life
    }
}
