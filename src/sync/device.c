#include "davy/sync/device.h"

#include "davy/base/ensure.h"
#include "device_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sync_device_trouble(struct sync_device *device, const char *what) {
    (void)snprintf(device->status.trouble, sizeof device->status.trouble, "%s", what);
}

bool sync_device_in_session(const struct sync_device *device) {
    return device->phase == SYNC_CATCHING_UP || device->phase == SYNC_LIVE;
}

enum rc sync_device_new(const struct sync_device_options *options,
                        struct sync_device **out_device) {
    struct sync_device *device = calloc(1, sizeof *device);
    if (!device) {
        return RC_NO_MEMORY;
    }
    device->options = *options;
    device->random.state = options->seed;
    buf_init(&device->body, LIMIT_FRAME_INFLATED_BYTES);
    buf_init(&device->frame, LIMIT_FRAME_INFLATED_BYTES);
    buf_init(&device->items, LIMIT_FRAME_INFLATED_BYTES);
    buf_init(&device->record, LIMIT_RECORD_CONTENT_BYTES);
    enum rc rc = frame_codec_new(&device->codec);
    sync_device_author_load(device);
    device->status.hub = log_reading(options->store);
    if (rc != RC_OK) {
        sync_device_free(device);
        return rc;
    }
    *out_device = device;
    return RC_OK;
}

static void outbox_clear(struct sync_device *device) {
    for (size_t i = 0; i < device->outbox_count; i++) {
        buf_fini(&device->outbox[i].frame);
    }
    device->outbox_count = 0;
}

void sync_device_free(struct sync_device *device) {
    if (!device) {
        return;
    }
    outbox_clear(device);
    buf_fini(&device->body);
    buf_fini(&device->frame);
    buf_fini(&device->items);
    buf_fini(&device->record);
    frame_codec_free(device->codec);
    sync_blob_free(device->blob);
    keys_wipe(device, sizeof *device);
    free(device);
}

// Takes device->frame over into the queue that the next flush sends.
bool sync_device_queue(struct sync_device *device, uint8_t lane, uint8_t own) {
    if (device->outbox_count == OUTBOX_MAX) {
        return false;
    }
    struct outgoing *out = &device->outbox[device->outbox_count++];
    out->lane = lane;
    out->own = own;
    buf_init(&out->frame, LIMIT_FRAME_INFLATED_BYTES);
    buf_put(&out->frame, device->frame.data, device->frame.len);
    if (buf_rc(&out->frame) != RC_OK) {
        buf_fini(&out->frame);
        device->outbox_count--;
        return false;
    }
    return true;
}

bool sync_device_queue_keyed(struct sync_device *device, enum frame_type type, uint8_t lane,
                             uint8_t own) {
    struct frame head = {.type = type, .session = device->session, .number = device->number + 1};
    struct frame_seal seal = {.direction = FRAME_UP, .keyed = device->up};
    if (buf_rc(&device->body) != RC_OK ||
        frame_build(device->codec, &head, buf_slice(&device->body), &seal, &device->frame) !=
            RC_OK ||
        !sync_device_queue(device, lane, own)) {
        return false;
    }
    device->number++;
    return true;
}

// ---- The link and how far the log is ----

void sync_device_link(struct sync_device *device, bool up, struct moment now) {
    (void)now;
    outbox_clear(device);
    if (up) {
        sync_device_greet(device);
        return;
    }
    device->phase = SYNC_OFFLINE;
    device->session = 0;
    for (uint8_t i = 0; i < FRAME_CHAINS_MAX; i++) {
        device->own[i] = (struct own_chain){0};
    }
}

void sync_device_update_live(struct sync_device *device) {
    bool behind = !author_equal(log_reading(device->options.store), device->status.hub);
    for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
        struct store_chain chain;
        struct chain_id id = {.author = device->status.hub, .lane = lane};
        if (store_chain_get(device->options.store, id, &chain) == RC_OK) {
            device->status.log_seq[lane] = chain.sealed.seq;
            behind |= chain.sealed.seq < device->status.hub_log_seq[lane];
        }
    }
    if (sync_device_in_session(device)) {
        device->phase = behind ? SYNC_CATCHING_UP : SYNC_LIVE;
    }
}

void sync_device_hub_head(struct sync_device *device, uint8_t lane, uint8_t audience,
                          uint64_t seq) {
    uint64_t *head = &device->hub_heads[chain_index(lane, audience)];
    *head = seq > *head ? seq : *head;
    if (audience == AUDIENCE_SITE) {
        device->status.hub_log_seq[lane] = *head;
    }
}

// ---- Other messages ----

static enum rc on_ack(struct sync_device *device, const struct frame *frame, struct moment now) {
    struct ack ack;
    if (ack_decode(frame->body, &ack) != RC_OK) {
        device->status.not_verified++;
        return RC_OK;
    }
    device->status.hub_time = ack.time;
    uint8_t index = chain_index(ack.lane, ack.audience);
    struct own_chain *own = &device->own[index];
    struct chain_id id = chain_of(device->author, index);
    struct store_chain chain;
    enum rc rc = store_chain_get(device->options.store, id, &chain);
    if (rc != RC_OK) {
        return rc;
    }
    device->status.hub_starting = ack.reason == ACK_STARTING;
    if (ack.seq > chain.acked_seq && own->sent_at.v > 0) {
        int64_t rtt = now.mono.v - own->sent_at.v;
        device->status.rtt_ms = rtt > 0 && rtt < UINT32_MAX ? (uint32_t)rtt : 0;
        own->retry_ms = 0;
    }
    if (ack.seq != chain.acked_seq || ack.reason == ACK_FORK || ack.reason == ACK_SEAL) {
        rc = sync_device_take_held(device, id, ack.seq, ack.hash);
        if (rc == RC_OK && device->lost) {
            return sync_device_reauthor(device, now);
        }
        if (rc != RC_OK) {
            return rc;
        }
    }
    if (ack.seq >= own->sent || ack.reason == ACK_STARTING || ack.reason == ACK_SEAL) {
        own->sent = ack.seq;
        own->in_flight_bytes = 0;
        own->not_before.v = ack.retry_ms ? now.mono.v + ack.retry_ms : 0;
    }
    if (ack.reason == ACK_SEAL || ack.reason == ACK_FORM || ack.reason == ACK_FORK) {
        own->not_before.v = now.mono.v + SYNC_RETRY_MS_MAX;
        sync_device_trouble(device, ack.reason == ACK_FORK
                                        ? "the hub refuses this device's chain: a fork"
                                        : "the hub cannot verify this device's chain");
    }
    if (ack.reason == ACK_GAP && now.mono.v - own->gap_at.v >= device->status.rtt_ms) {
        own->gap_first = ack.seq + 1;
        own->gap_last = ack.range_count > 0 ? ack.ranges[0].first - 1 : own->sent;
    }
    return RC_OK;
}

static void on_digest(struct sync_device *device, struct slice bytes, struct frame *frame,
                      struct moment now) {
    struct digest digest;
    if (!sync_device_in_session(device)) {
        return;
    }
    if (!sync_device_from_hub(device, bytes, frame) ||
        frame_inflate(device->codec, frame) != RC_OK ||
        digest_decode(frame->body, &digest) != RC_OK) {
        device->status.not_verified++;
        return;
    }
    if (!author_equal(digest.hub, device->status.hub) || digest.number <= device->digest_number) {
        return; // another incarnation's, or an old one again
    }
    device->digest_number = digest.number;
    device->status.hub_time = digest.time;
    device->status.heard = now.mono;
    for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
        sync_device_hub_head(device, lane, AUDIENCE_SITE, digest.head_seq[lane]);
    }
    sync_device_update_live(device);
    if (device->options.digest) {
        device->options.digest(device->options.ctx, &digest);
    }
}

static void on_enrolled(struct sync_device *device, const struct frame *frame) {
    struct enrolled enrolled;
    if (enrolled_decode(frame->body, &enrolled) != RC_OK || device->enrol_tries == 0) {
        return;
    }
    struct key_id key = key_id_of(&device->enrol.key);
    if (!id16_equal(key.id, enrolled.key.id)) {
        return;
    }
    device->enrol_tries = 0;
    if (device->options.enrolled) {
        device->options.enrolled(device->options.ctx, key, (enum refusal_code)enrolled.code);
    }
}

static enum rc on_keyed(struct sync_device *device, struct slice bytes, struct frame *frame,
                        struct moment now) {
    if (!sync_device_in_session(device) || frame->session != device->session) {
        return RC_OK;
    }
    if (!frame_keyed_ok(bytes, frame, FRAME_DOWN, device->down)) {
        device->status.not_verified++;
        return RC_OK;
    }
    if (!number_window_take(&device->window, frame->number) ||
        frame_inflate(device->codec, frame) != RC_OK) {
        return RC_OK;
    }
    device->status.heard = now.mono;
    if (frame->type == FRAME_ACK) {
        return on_ack(device, frame, now);
    }
    if (frame->type == FRAME_FEED) {
        return sync_device_take_feed(device, frame, now);
    }
    if (frame->type == FRAME_PULL) {
        return sync_device_on_pull(device, frame);
    }
    if (frame->type == FRAME_FORK) {
        return sync_device_fork_known(device, frame);
    }
    if (is_blob_message(frame->type)) {
        return sync_device_take_blob(device, frame, now);
    }
    if (frame->type == FRAME_ENROLLED) {
        on_enrolled(device, frame);
    }
    return RC_OK;
}

enum rc sync_device_receive(struct sync_device *device, struct slice bytes, struct moment now) {
    struct frame frame;
    device->status.received_bytes += bytes.len;
    if (frame_open(bytes, &frame) != RC_OK) {
        device->status.not_verified++;
        return RC_OK;
    }
    if (frame.type == FRAME_WELCOME) {
        return sync_device_on_welcome(device, bytes, &frame, now);
    }
    if (frame.type == FRAME_START) {
        sync_device_on_start(device, bytes, &frame, now);
        return RC_OK;
    }
    if (frame.type == FRAME_DIGEST) {
        on_digest(device, bytes, &frame, now);
        return RC_OK;
    }
    return on_keyed(device, bytes, &frame, now);
}

// ---- Sending ----

struct batch_pack {
    struct sync_device *device;
    struct chain_head head;
    uint64_t last; // do not go beyond
    uint32_t count;
};

static enum rc pack_entry(void *ctx, const struct store_entry *entry) {
    struct batch_pack *pack = ctx;
    size_t next = pack->device->items.len + entry->bytes.len + SIGNATURE_BYTES + 4;
    if (entry->place.seq > pack->last || (pack->count > 0 && next > SYNC_GROUP_BYTES)) {
        return RC_FULL;
    }
    batch_put_item(&pack->device->items, entry->bytes, entry->sig);
    chain_add_record(&pack->head, entry->bytes, entry->sig);
    pack->count++;
    return buf_rc(&pack->device->items);
}

// One BATCH of a chain from first on; seals where it ends.
static enum rc send_batch(struct sync_device *device, uint8_t index, uint64_t first, uint64_t last,
                          uint64_t *out_last) {
    struct store *store = device->options.store;
    struct chain_id id = chain_of(device->author, index);
    struct batch_pack pack = {.device = device, .last = last, .head = {.seq = first - 1}};
    enum rc rc = store_chain_hash(store, id, first - 1, &pack.head.hash);
    if (rc != RC_OK) {
        return rc;
    }
    struct batch batch = {.lane = id.lane, .audience = id.audience, .first_seq = first};
    memcpy(batch.before, pack.head.hash.b, SEEN_HASH_BYTES);
    buf_reset(&device->items);
    rc = store_entries(store, id, first, pack_entry, &pack);
    if (rc != RC_OK) {
        return rc;
    }
    if (pack.count == 0) {
        return RC_NOT_FOUND;
    }
    uint64_t sealed = 0;
    if (store_seal_get(store, id, pack.head.seq, &sealed, &batch.seal) != RC_OK ||
        sealed != pack.head.seq) {
        seal_sign(store_site(store), id, &pack.head, device->options.device, &batch.seal);
        rc = store_seal_put(store, id, pack.head.seq, &batch.seal);
        if (rc != RC_OK && rc != RC_EXISTS) {
            return rc;
        }
    }
    batch.count = pack.count;
    batch.items = buf_slice(&device->items);
    buf_reset(&device->body);
    rc = batch_encode(&batch, &device->body);
    if (rc != RC_OK) {
        return rc;
    }
    if (!sync_device_queue_keyed(device, FRAME_BATCH, id.lane, (uint8_t)(index + 1))) {
        return RC_BUSY;
    }
    *out_last = pack.head.seq;
    return RC_OK;
}

static uint32_t retry_after(const struct sync_device *device, const struct own_chain *own) {
    if (own->retry_ms) {
        return own->retry_ms;
    }
    // A round trip may span a long silence: it must not make the next one as long.
    if (device->status.rtt_ms > SYNC_RETRY_MS_MAX / 4) {
        return SYNC_RETRY_MS_MAX;
    }
    uint32_t rto = device->status.rtt_ms * 4;
    return rto > SYNC_RETRY_MS_MIN ? rto : SYNC_RETRY_MS_MIN;
}

static enum rc send_chain(struct sync_device *device, uint8_t index, struct moment now) {
    struct own_chain *own = &device->own[index];
    struct chain_id id = chain_of(device->author, index);
    struct store_chain chain;
    enum rc rc = store_chain_get(device->options.store, id, &chain);
    if (rc != RC_OK || now.mono.v < own->not_before.v) {
        return rc;
    }
    if (own->sent < chain.acked_seq && !MUTANT(&device->options, all_again)) {
        own->sent = chain.acked_seq;
    }
    if (own->sent > chain.acked_seq && now.mono.v - own->sent_at.v >= retry_after(device, own) &&
        !MUTANT(&device->options, no_resend)) {
        uint32_t wait = retry_after(device, own) * 2;
        own->retry_ms = wait > SYNC_RETRY_MS_MAX ? SYNC_RETRY_MS_MAX : wait;
        own->sent = chain.acked_seq;
        device->status.resent_bytes += own->in_flight_bytes;
        own->in_flight_bytes = 0;
    }
    uint64_t last = 0;
    if (own->gap_first > 0) {
        rc = send_batch(device, index, own->gap_first, own->gap_last, &last);
        own->gap_at = now.mono;
        own->gap_first = 0;
        if (rc != RC_OK && rc != RC_NOT_FOUND && rc != RC_BUSY) {
            return rc;
        }
        device->status.resent_bytes += device->frame.len;
    }
    uint32_t window = MUTANT(&device->options, no_window) ? UINT32_MAX : LIMIT_WINDOW_BYTES;
    while (own->sent < chain.head.seq && own->in_flight_bytes < window) {
        rc = send_batch(device, index, own->sent + 1, chain.head.seq, &last);
        if (rc == RC_BUSY) {
            return RC_OK;
        }
        if (rc != RC_OK) {
            return rc;
        }
        own->in_flight_bytes += (uint32_t)device->frame.len;
        own->sent = last;
        own->sent_at = now.mono;
    }
    return RC_OK;
}

static enum rc send_fack(struct sync_device *device, struct moment now) {
    struct fack fack = {.hub = log_reading(device->options.store)};
    enum rc rc = log_cursors(device->options.store, fack.hub, fack.cursors, &fack.count);
    if (rc != RC_OK) {
        return rc;
    }
    buf_reset(&device->body);
    if (fack_encode(&fack, &device->body) == RC_OK &&
        sync_device_queue_keyed(device, FRAME_FACK, LANE_CONTROL, 0)) {
        device->fack_due = false;
        device->fack_at = now.mono;
    }
    return RC_OK;
}

static void send_enrol(struct sync_device *device, struct moment now) {
    buf_reset(&device->body);
    if (enrol_encode(&device->enrol, &device->body) == RC_OK &&
        sync_device_queue_keyed(device, FRAME_ENROL, LANE_CONTROL, 0)) {
        device->enrol_at = now.mono;
        device->enrol_tries++;
    }
}

enum rc sync_device_enrol(struct sync_device *device, struct rid person,
                          const struct public_key *key, const char *code, struct moment now) {
    if (!sync_device_in_session(device)) {
        return RC_OFFLINE;
    }
    device->enrol.person = person;
    device->enrol.key = *key;
    enrol_prove(code, person, key, device->enrol.proof);
    device->enrol_tries = 0;
    send_enrol(device, now);
    return device->enrol_tries > 0 ? RC_OK : RC_BUSY;
}

static enum rc tick_greeting(struct sync_device *device, struct moment now) {
    bool retry = now.mono.v - device->hello_at.v >= device->hello_retry_ms;
    if (!device->hello_due && !retry) {
        return RC_OK;
    }
    if (!device->hello_due) {
        uint32_t wait = device->hello_retry_ms * 2;
        uint32_t jitter = (uint32_t)(sync_random_next(&device->random) % 1000);
        device->hello_retry_ms = (wait > SYNC_RETRY_MS_MAX ? SYNC_RETRY_MS_MAX : wait) + jitter;
    }
    return sync_device_send_hello(device, now);
}

static enum rc tick_session(struct sync_device *device, struct moment now) {
    if (now.mono.v - device->status.heard.v >= HUB_SILENT_MS) {
        sync_device_greet(device);
        return sync_device_send_hello(device, now);
    }
    enum rc rc = RC_OK;
    // First what I hold of the hub's log: a hub that starts waits for it before it takes records.
    if (device->fack_due || now.mono.v - device->fack_at.v >= KEEPALIVE_MS) {
        rc = send_fack(device, now);
    }
    if (device->forks_due) {
        device->forks_due = false;
        sync_device_send_forks(device);
    }
    for (uint8_t i = 0; i < FRAME_CHAINS_MAX && rc == RC_OK; i++) {
        rc = send_chain(device, i, now);
    }
    if (rc == RC_OK && device->give_due && device->phase == SYNC_LIVE) {
        device->give_due = false;
        rc = sync_device_give_surplus(device);
    }
    if (device->enrol_tries > 0 && now.mono.v - device->enrol_at.v >= SYNC_RETRY_MS_MIN) {
        if (device->enrol_tries >= ENROL_TRIES) {
            device->enrol_tries = 0;
            if (device->options.enrolled) {
                device->options.enrolled(device->options.ctx, key_id_of(&device->enrol.key),
                                         REFUSAL_OFFLINE);
            }
        } else {
            send_enrol(device, now);
        }
    }
    return rc;
}

enum rc sync_device_tick(struct sync_device *device, struct moment now, struct mono_ms *out_next) {
    enum rc rc = RC_OK;
    if (device->start_due && now.mono.v - device->hello_at.v >= HELLO_EVERY_MS) {
        sync_device_greet(device);
    }
    if (device->phase == SYNC_GREETING) {
        rc = tick_greeting(device, now);
    } else if (sync_device_in_session(device)) {
        rc = tick_session(device, now);
    }
    // Nothing here is due sooner than the shortest retry, but for what a message brings.
    out_next->v = now.mono.v + (device->phase == SYNC_OFFLINE ? SYNC_RETRY_MS_MAX : 1000);
    return rc == RC_OK ? sync_device_send_blobs(device, now, out_next) : rc;
}

void sync_device_flush(struct sync_device *device, struct moment now) {
    (void)now;
    for (size_t i = 0; i < device->outbox_count; i++) {
        struct outgoing *out = &device->outbox[i];
        enum rc rc = device->options.send(device->options.ctx, out->lane, buf_slice(&out->frame));
        if (rc == RC_OK) {
            device->status.sent_bytes += out->frame.len;
        } else if (out->own > 0) {
            // The link is full: this chain goes on from what the hub holds, at the next tick.
            struct own_chain *own = &device->own[out->own - 1];
            struct store_chain chain;
            struct chain_id id = chain_of(device->author, (uint8_t)(out->own - 1));
            if (store_chain_get(device->options.store, id, &chain) == RC_OK) {
                own->sent = chain.acked_seq;
                own->in_flight_bytes = 0;
            }
        }
    }
    outbox_clear(device);
}

void sync_device_aborted(struct sync_device *device) {
    outbox_clear(device);
    sync_device_author_load(device);
    device->lost = false;
    device->blob_session = 0; // begun anew: what was taken is not there
    for (uint8_t i = 0; i < FRAME_CHAINS_MAX; i++) {
        device->own[i] = (struct own_chain){0};
    }
    if (device->phase != SYNC_OFFLINE) {
        sync_device_greet(device); // the hub and I agree again on what is held
    }
}

void sync_device_status(const struct sync_device *device, struct sync_device_status *out_status) {
    *out_status = device->status;
    out_status->phase = device->phase;
    out_status->behind = 0;
    for (uint8_t i = 0; i < LANE_COUNT * AUDIENCE_COUNT; i++) {
        struct chain_id id = {.author = device->status.hub,
                              .lane = (uint8_t)(i / AUDIENCE_COUNT),
                              .audience = (uint8_t)(i % AUDIENCE_COUNT)};
        uint64_t head = device->hub_heads[chain_index(id.lane, id.audience)];
        struct store_chain chain;
        if (store_chain_get(device->options.store, id, &chain) != RC_OK) {
            chain.sealed.seq = 0;
        } else if (id.audience == AUDIENCE_SITE) {
            out_status->log_seq[id.lane] = chain.sealed.seq;
        }
        out_status->behind += head > chain.sealed.seq ? head - chain.sealed.seq : 0;
    }
}

uint64_t sync_device_sent_seq(const struct sync_device *device, uint8_t lane, uint8_t audience) {
    return device->own[chain_index(lane, audience)].sent;
}

enum rc sync_seen(struct store *store, struct author_id hub, uint8_t lane, struct seen *out_seen) {
    if (id16_is_zero(hub.id)) {
        *out_seen = (struct seen){0};
        return RC_OK;
    }
    return seen_of(store, hub, lane, out_seen);
}

enum rc sync_hub_find(struct store *store, struct author_id *out_hub) {
    return log_reading_find(store, out_hub);
}

struct author_id sync_hub_of(struct store *store) {
    struct author_id hub = {{{0}}};
    return sync_hub_find(store, &hub) == RC_OK ? hub : (struct author_id){{{0}}};
}

enum rc sync_device_seen(struct sync_device *device, uint8_t lane, struct seen *out_seen) {
    return sync_seen(device->options.store, log_reading(device->options.store), lane, out_seen);
}
