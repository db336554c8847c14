#include "davy/sync/hub.h"

#include "davy/base/ensure.h"
#include "hub_session_priv.h"

#include <stdlib.h>
#include <string.h>

static struct frame_seal signed_by_hub(const struct sync_hub *hub) {
    return (struct frame_seal){.direction = FRAME_DOWN,
                               .signer = hub->options.device,
                               .site = store_site(hub->options.store)};
}

static void queue_frame(struct sync_hub *hub, const char *account, uint8_t lane) {
    if (buf_rc(&hub->frame) != RC_OK || hub->outbox_count == OUTBOX_MAX) {
        return; // everything that is queued is asked for again by its reader
    }
    struct outgoing *out = &hub->outbox[hub->outbox_count];
    memset(out, 0, sizeof *out);
    out->broadcast = account == NULL;
    if (account) {
        memcpy(out->account, account, strnlen(account, LIMIT_TAG_BYTES));
    }
    out->lane = lane;
    buf_init(&out->frame, LIMIT_FRAME_INFLATED_BYTES);
    buf_put(&out->frame, hub->frame.data, hub->frame.len);
    if (buf_rc(&out->frame) != RC_OK) {
        buf_fini(&out->frame);
        return;
    }
    hub->outbox_count++;
}

static void outbox_clear(struct sync_hub *hub) {
    for (size_t i = 0; i < hub->outbox_count; i++) {
        buf_fini(&hub->outbox[i].frame);
    }
    hub->outbox_count = 0;
}

static void session_free(struct session *session) {
    while (session->waiting) {
        struct waiting_batch *next = session->waiting->next;
        free(session->waiting);
        session->waiting = next;
    }
    sync_blob_free(session->blob);
    keys_wipe(session, sizeof *session);
    free(session);
}

static void session_drop(struct sync_hub *hub, uint32_t index) {
    session_free(hub->sessions[index]);
    hub->sessions[index] = hub->sessions[--hub->session_count];
    hub->sessions[hub->session_count] = NULL;
}

static struct session *session_find(struct sync_hub *hub, uint32_t id) {
    for (uint32_t i = 0; i < hub->session_count; i++) {
        if (hub->sessions[i]->id == id) {
            return hub->sessions[i];
        }
    }
    return NULL;
}

static void session_evict(struct sync_hub *hub) {
    uint32_t oldest = 0;
    for (uint32_t i = 1; i < hub->session_count; i++) {
        if (hub->sessions[i]->heard.v < hub->sessions[oldest]->heard.v) {
            oldest = i;
        }
    }
    session_drop(hub, oldest);
}

// A session becomes live with its first keyed frame; older ones of the device end then, so that a
// replayed greeting cannot throw out a living device.
static void session_goes_live(struct sync_hub *hub, struct session *session) {
    session->live = true;
    hub->status.sessions_started++;
    for (uint32_t i = hub->session_count; i-- > 0;) {
        struct session *other = hub->sessions[i];
        if (other != session && rid_equal(other->device, session->device)) {
            session_drop(hub, i);
        }
    }
}

// A greeting that was never answered keeps at most one waiting session per device.
static void session_drop_unanswered(struct sync_hub *hub, struct rid device) {
    for (uint32_t i = hub->session_count; i-- > 0;) {
        if (!hub->sessions[i]->live && rid_equal(hub->sessions[i]->device, device)) {
            session_drop(hub, i);
        }
    }
}

void sync_hub_drop(struct sync_hub *hub, struct rid device) {
    for (uint32_t i = hub->session_count; i-- > 0;) {
        if (rid_equal(hub->sessions[i]->device, device)) {
            session_drop(hub, i);
        }
    }
}

static enum rc load_mark(struct store *store, const char *key, bool *out_set) {
    struct buf value;
    buf_init(&value, 64);
    enum rc rc = store_meta_get(store, key, &value);
    *out_set = rc == RC_OK && value.len > 0;
    buf_fini(&value);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc load_marks(struct sync_hub *hub) {
    enum rc rc = load_mark(hub->options.store, META_SERVED, &hub->served);
    return rc == RC_OK ? load_mark(hub->options.store, META_RESTORED, &hub->restored) : rc;
}

enum rc sync_hub_new(const struct sync_hub_options *options, struct sync_hub **out_hub) {
    struct sync_hub *hub = calloc(1, sizeof *hub);
    if (!hub) {
        return RC_NO_MEMORY;
    }
    hub->options = *options;
    hub->random.state = options->seed;
    hub->session_next = (uint32_t)(sync_random_next(&hub->random) >> 40) + 1;
    hub->outbox = calloc(OUTBOX_MAX, sizeof *hub->outbox);
    buf_init(&hub->body, LIMIT_FRAME_INFLATED_BYTES);
    buf_init(&hub->frame, LIMIT_FRAME_INFLATED_BYTES);
    buf_init(&hub->items, LIMIT_FRAME_INFLATED_BYTES);
    buf_init(&hub->record, LIMIT_RECORD_CONTENT_BYTES);
    enum rc rc = hub->outbox ? frame_codec_new(&hub->codec) : RC_NO_MEMORY;
    if (rc == RC_OK) {
        rc = load_marks(hub);
    }
    if (rc != RC_OK) {
        sync_hub_free(hub);
        return rc;
    }
    bool asks = options->readers_exist && (hub->served || hub->restored);
    hub->phase = asks ? HUB_ASKING : HUB_SERVING;
    if (hub->restored && !asks) {
        hub->phase = HUB_BEHIND; // nobody can know more: the next incarnation opens at once
        hub->confirmed = true;
    }
    hub->held_dirty = true;
    sync_hub_author_load(hub);
    *out_hub = hub;
    return RC_OK;
}

void sync_hub_free(struct sync_hub *hub) {
    if (!hub) {
        return;
    }
    while (hub->session_count > 0) {
        session_drop(hub, 0);
    }
    if (hub->outbox) {
        outbox_clear(hub);
    }
    free(hub->outbox);
    buf_fini(&hub->body);
    buf_fini(&hub->frame);
    buf_fini(&hub->items);
    buf_fini(&hub->record);
    frame_codec_free(hub->codec);
    free(hub);
}

enum rc sync_hub_seen(struct sync_hub *hub, uint8_t lane, struct seen *out_seen) {
    return seen_of(hub->options.store, hub->author, lane, out_seen);
}

// ---- Sessions ----

// A greeting may be an old one: it says only where to go on feeding, never that I am behind.
static void note_reader(struct sync_hub *hub, struct session *session, const struct hello *hello) {
    struct author_id first = hub->author;
    if (store_hub_rank(hub->options.store, hello->hub) > 0) {
        session_feed_from(hub, session, hello->hub, hello->cursors, hello->cursor_count);
        return;
    }
    // It has met no log of this site, or one that I do not know: from the beginning.
    (void)!store_hub_at(hub->options.store, 1, &first);
    session_feed_from(hub, session, first, NULL, 0);
}

static void heads_keep_readable(struct welcome *welcome, uint16_t readable) {
    uint8_t kept = 0;
    for (uint8_t i = 0; i < welcome->head_count; i++) {
        const struct chain_id *id = &welcome->heads[i].id;
        if (readable & (1u << chain_index(id->lane, id->audience))) {
            welcome->heads[kept++] = welcome->heads[i];
        }
    }
    welcome->head_count = kept;
}

static enum rc send_welcome(struct sync_hub *hub, struct session *session,
                            const struct hello *hello, const struct kx_pair *kx,
                            struct moment now) {
    struct welcome welcome = {.session = session->id,
                              .hub = hub->author,
                              .hub_device = hub->options.device_rid,
                              .message_bytes_max = hub->options.message_bytes_max,
                              .time = now.utc,
                              .starting = hub->phase != HUB_SERVING,
                              .digest = hub->digest_number};
    memcpy(welcome.hello_nonce, hello->nonce, FRAME_NONCE_BYTES);
    sync_random_fill(&hub->random, welcome.nonce, FRAME_NONCE_BYTES);
    memcpy(welcome.kx_public, kx->public_part, sizeof welcome.kx_public);
    enum rc rc =
        chains_held(hub->options.store, session->author, false, welcome.held, &welcome.held_count);
    if (rc == RC_OK) {
        rc = chains_held(hub->options.store, hub->author, true, welcome.heads, &welcome.head_count);
        heads_keep_readable(&welcome, session->readable);
    }
    if (rc != RC_OK) {
        return rc;
    }
    buf_reset(&hub->body);
    struct frame head = {.type = FRAME_WELCOME};
    struct frame_seal seal = signed_by_hub(hub);
    if (welcome_encode(&welcome, &hub->body) == RC_OK &&
        frame_build(hub->codec, &head, buf_slice(&hub->body), &seal, &hub->frame) == RC_OK) {
        queue_frame(hub, session->account, LANE_CONTROL);
    }
    return RC_OK;
}

static bool hello_is_genuine(struct sync_hub *hub, const char *account, struct slice bytes,
                             struct frame *frame, struct hello *out_hello,
                             struct sync_peer *out_peer) {
    struct frame_trust trust = {.direction = FRAME_UP,
                                .site = store_site(hub->options.store),
                                .scheme = hub->options.scheme,
                                .key = &out_peer->key};
    return hub->options.device_of(hub->options.ctx, account, out_peer) &&
           frame_signed_ok(bytes, frame, &trust) && frame_inflate(hub->codec, frame) == RC_OK &&
           hello_decode(frame->body, out_hello) == RC_OK &&
           id16_equal(out_hello->site.id, store_site(hub->options.store).id) &&
           // A hub of another tier does not know its own row in this roster.
           (rid_equal(out_hello->device, out_peer->device) ||
            (out_peer->tier && rid_is_zero(out_hello->device))) &&
           author_equal(out_hello->author, author_of(&out_peer->key, out_hello->author_random));
}

// Lane 0 is for everyone; a hub of another tier takes no chain that is the site's own.
static uint16_t readable_chains(const struct sync_peer *peer) {
    uint16_t chains = 0;
    for (uint8_t i = 0; i < FRAME_CHAINS_MAX; i++) {
        struct chain_id id = chain_of((struct author_id){0}, i);
        bool control = id.lane == LANE_CONTROL && id.audience == AUDIENCE_SITE;
        bool own = !peer->tier || (id.audience != AUDIENCE_SITE && id.audience >= peer->audience);
        if (control || own) {
            chains = (uint16_t)(chains | 1u << i);
        }
    }
    return chains;
}

static enum rc on_hello(struct sync_hub *hub, const char *account, struct slice bytes,
                        struct frame *frame, struct moment now) {
    struct hello hello;
    struct sync_peer peer = {0};
    if (!hello_is_genuine(hub, account, bytes, frame, &hello, &peer)) {
        hub->status.not_verified++;
        return RC_OK;
    }
    session_drop_unanswered(hub, peer.device);
    if (hub->session_count == LIMIT_SESSION_COUNT) {
        session_evict(hub);
    }
    struct session *session = calloc(1, sizeof *session);
    if (!session) {
        return RC_NO_MEMORY;
    }
    uint8_t seed[SEED_BYTES];
    struct kx_pair kx;
    hub->options.random(hub->options.ctx, seed, sizeof seed);
    kx_from_seed(seed, &kx);
    session->id = hub->session_next++;
    memcpy(session->account, account, strnlen(account, LIMIT_TAG_BYTES));
    session->device = peer.device;
    session->device_key = peer.key;
    session->tier = peer.tier;
    session->readable = readable_chains(&peer);
    session->author = hello.author;
    session->message_bytes_max = hello.message_bytes_max;
    session->heard = now.mono;
    enum rc rc = RC_OK;
    if (kx_hub(&kx, hello.kx_public, session->up, session->down) == RC_OK) {
        struct store_author author = {.author = hello.author, .device_key = peer.key};
        rc = peer.tier ? RC_OK : store_author_put(hub->options.store, &author);
        rc = rc == RC_EXISTS ? RC_OK : rc;
        if (rc == RC_OK) {
            note_reader(hub, session, &hello);
            rc = send_welcome(hub, session, &hello, &kx, now);
        }
        hub->sessions[hub->session_count++] = session;
    } else {
        hub->status.not_verified++;
        session_free(session);
    }
    keys_wipe(&kx, sizeof kx);
    keys_wipe(seed, sizeof seed);
    return rc;
}

// A reader of an incarnation that I do not know, and that is not in my way back: it is shown the
// one that stands now.
static void feed_stranger(struct sync_hub *hub, struct session *session) {
    if (hub->phase == HUB_SERVING && session->claims_refused) {
        session_feed_from(hub, session, hub->author, NULL, 0);
    }
}

static enum rc on_fack(struct sync_hub *hub, struct session *session, const struct frame *frame,
                       struct moment now) {
    struct fack fack;
    if (fack_decode(frame->body, &fack) != RC_OK) {
        return RC_OK;
    }
    // Only what is proven by this session's keys counts as an answer: a greeting may be an old one.
    bool ahead = session_claims(hub, session, &fack);
    if (session->unknown_log) {
        feed_stranger(hub, session);
    } else if (store_hub_rank(hub->options.store, fack.hub) > 0 && !ahead) {
        session_feed_from(hub, session, fack.hub, fack.cursors, fack.count);
    }
    if (!hub->answered && fack.count > 0) {
        hub->answered = true;
        hub->news_at = now.mono;
    }
    if (!hub->served && fack.count > 0) {
        hub->served = true;
        return store_meta_set(hub->options.store, META_SERVED, slice_text("1"));
    }
    return RC_OK;
}

void session_send_keyed(struct sync_hub *hub, struct session *session, enum frame_type type,
                        uint8_t lane) {
    struct frame head = {.type = type, .session = session->id, .number = ++session->number};
    struct frame_seal seal = {.direction = FRAME_DOWN, .keyed = session->down};
    if (buf_rc(&hub->body) == RC_OK &&
        frame_build(hub->codec, &head, buf_slice(&hub->body), &seal, &hub->frame) == RC_OK) {
        queue_frame(hub, session->account, lane);
    }
}

static void on_enrol(struct sync_hub *hub, struct session *session, const struct frame *frame,
                     struct moment now) {
    struct enrol enrol;
    if (enrol_decode(frame->body, &enrol) != RC_OK) {
        return;
    }
    struct enrolled enrolled = {.key = key_id_of(&enrol.key), .code = REFUSAL_OFFLINE};
    if (hub->phase == HUB_SERVING) {
        enrolled.code =
            (uint16_t)hub->options.enrol(hub->options.ctx, session->device, &enrol, now);
    }
    buf_reset(&hub->body);
    if (enrolled_encode(&enrolled, &hub->body) == RC_OK) {
        session_send_keyed(hub, session, FRAME_ENROLLED, LANE_CONTROL);
    }
}

static void on_join(struct sync_hub *hub, const char *account, struct slice bytes,
                    struct frame *frame, struct moment now) {
    struct join join;
    uint8_t secret[16];
    uint8_t key[SESSION_KEY_BYTES];
    if (frame_inflate(hub->codec, frame) != RC_OK || join_decode(frame->body, &join) != RC_OK ||
        !hub->options.invite(hub->options.ctx, join.secret_id, now, secret)) {
        hub->status.not_verified++;
        return;
    }
    join_key(secret, key);
    if (frame_keyed_ok(bytes, frame, FRAME_UP, key)) {
        struct joined joined = {.site = store_site(hub->options.store),
                                .hub_key = *keypair_public(hub->options.device)};
        memcpy(joined.nonce, join.nonce, FRAME_NONCE_BYTES);
        hub->options.join(hub->options.ctx, account, &join, now, &joined);
        buf_reset(&hub->body);
        struct frame head = {.type = FRAME_JOINED};
        struct frame_seal seal = {.direction = FRAME_DOWN, .keyed = key};
        if (joined_encode(&joined, &hub->body) == RC_OK &&
            frame_build(hub->codec, &head, buf_slice(&hub->body), &seal, &hub->frame) == RC_OK) {
            queue_frame(hub, account, LANE_CONTROL);
        }
    } else {
        hub->status.not_verified++;
    }
    keys_wipe(secret, sizeof secret);
    keys_wipe(key, sizeof key);
}

static void send_start(struct sync_hub *hub, const char *account, struct moment now) {
    struct start start = {.hub = hub->author, .time = now.utc};
    sync_random_fill(&hub->random, start.nonce, sizeof start.nonce);
    buf_reset(&hub->body);
    struct frame head = {.type = FRAME_START};
    struct frame_seal seal = signed_by_hub(hub);
    if (start_encode(&start, &hub->body) == RC_OK &&
        frame_build(hub->codec, &head, buf_slice(&hub->body), &seal, &hub->frame) == RC_OK) {
        queue_frame(hub, account, LANE_CONTROL);
    }
}

static enum rc on_keyed(struct sync_hub *hub, const char *account, struct slice bytes,
                        struct frame *frame, struct moment now) {
    struct session *session = session_find(hub, frame->session);
    if (!session || strcmp(session->account, account) != 0) {
        // An earlier run's session: ask the device to greet again, but never faster than this.
        if (now.mono.v - hub->start_sent.v >= START_EVERY_MS || hub->start_sent.v == 0) {
            hub->start_sent = now.mono;
            send_start(hub, account, now);
        }
        return RC_OK;
    }
    if (!frame_keyed_ok(bytes, frame, FRAME_UP, session->up)) {
        hub->status.not_verified++;
        return RC_OK;
    }
    if (!number_window_take(&session->window, frame->number) ||
        frame_inflate(hub->codec, frame) != RC_OK) {
        return RC_OK;
    }
    session->heard = now.mono;
    if (!session->live) {
        session_goes_live(hub, session);
    }
    if (session->tier && (frame->type == FRAME_BATCH || frame->type == FRAME_ENROL)) {
        hub->status.not_verified++; // it only reads
        return RC_OK;
    }
    switch (frame->type) {
    case FRAME_BATCH:
        return session_take_batch(hub, session, frame, now);
    case FRAME_FACK:
        // Also the device's sign of life: it hears what is held.
        session_ack_later(session, chain_index(LANE_SAFETY, AUDIENCE_SITE), ACK_OK);
        return on_fack(hub, session, frame, now);
    case FRAME_FORK:
        return session_on_fork(hub, session, frame, now);
    case FRAME_GIVE:
        return session_on_give(hub, session, frame, now);
    case FRAME_ENROL:
        on_enrol(hub, session, frame, now);
        return RC_OK;
    case FRAME_BLOB_OFFER:
    case FRAME_BLOB_NEED:
    case FRAME_BLOB_CHUNK:
    case FRAME_BLOB_STATE:
        return session_take_blob(hub, session, frame, now);
    case FRAME_HELLO:
    case FRAME_WELCOME:
    case FRAME_ACK:
    case FRAME_FEED:
    case FRAME_DIGEST:
    case FRAME_START:
    case FRAME_JOIN:
    case FRAME_JOINED:
    case FRAME_ENROLLED:
    case FRAME_PULL:
    case FRAME_TYPE_COUNT:
        break;
    }
    hub->status.not_verified++;
    return RC_OK;
}

enum rc sync_hub_receive(struct sync_hub *hub, const char *account, struct slice bytes,
                         struct moment now) {
    struct frame frame;
    if (frame_open(bytes, &frame) != RC_OK) {
        hub->status.not_verified++;
        return RC_OK;
    }
    if (frame.type == FRAME_HELLO) {
        return on_hello(hub, account, bytes, &frame, now);
    }
    if (frame.type == FRAME_JOIN) {
        on_join(hub, account, bytes, &frame, now);
        return RC_OK;
    }
    return on_keyed(hub, account, bytes, &frame, now);
}

void sync_hub_greet(struct sync_hub *hub, const char *account, struct moment now) {
    send_start(hub, account, now);
}

// ---- Sending ----

void session_send_ack(struct sync_hub *hub, struct session *session, uint8_t index,
                      struct moment now) {
    struct store_chain chain;
    struct chain_id id = chain_of(session->author, index);
    if (store_chain_get(hub->options.store, id, &chain) != RC_OK) {
        return;
    }
    struct ack ack = {.lane = id.lane,
                      .audience = id.audience,
                      .seq = chain.sealed.seq,
                      .reason = (enum ack_reason)session->ack_reason[index],
                      .time = now.utc};
    memcpy(ack.hash, chain.sealed.hash.b, SEEN_HASH_BYTES);
    ack.up_seq = hub->options.up_seq ? hub->options.up_seq(hub->options.ctx, id) : 0;
    ack.retry_ms = ack.reason == ACK_STARTING ? SYNC_RETRY_MS_MIN : 0;
    uint64_t last = ack.seq;
    while (ack.range_count < COUNT_OF(ack.ranges)) {
        const struct waiting_batch *lowest = NULL;
        for (const struct waiting_batch *w = session->waiting; w; w = w->next) {
            if (w->chain == index && w->first > last && (!lowest || w->first < lowest->first)) {
                lowest = w;
            }
        }
        if (!lowest) {
            break;
        }
        ack.ranges[ack.range_count].first = lowest->first;
        ack.ranges[ack.range_count++].last = lowest->last;
        last = lowest->last;
    }
    session->ack_reason[index] = ACK_OK;
    buf_reset(&hub->body);
    if (ack_encode(&ack, &hub->body) == RC_OK) {
        session_send_keyed(hub, session, FRAME_ACK, id.lane);
    }
}

void sync_hub_flush_outbox(struct sync_hub *hub) {
    for (size_t i = 0; i < hub->outbox_count; i++) {
        struct outgoing *out = &hub->outbox[i];
        // What the link cannot take is asked for again: every message is a statement of what is
        // held.
        (void)hub->options.send(hub->options.ctx, out->broadcast ? NULL : out->account, out->lane,
                                buf_slice(&out->frame));
    }
    outbox_clear(hub);
}

void sync_hub_flush(struct sync_hub *hub, struct moment now, struct mono_ms *out_next) {
    if (hub->options.relay) {
        sync_hub_author_load(hub); // the log may have gone on under another name
    }
    if (!hub->started) {
        hub->started = true;
        send_start(hub, NULL, now);
    }
    sync_hub_flush_outbox(hub);
    for (uint32_t i = hub->session_count; i-- > 0;) {
        if (now.mono.v - hub->sessions[i]->heard.v > SESSION_SILENT_MS) {
            session_drop(hub, i);
        }
    }
    int64_t next = now.mono.v + (hub->phase == HUB_SERVING ? SYNC_RETRY_MS_MIN : START_EVERY_MS);
    for (uint8_t index = 0; index < FRAME_CHAINS_MAX; index++) {
        for (uint32_t i = 0; i < hub->session_count; i++) {
            struct session *session = hub->sessions[i];
            if (!session->live) {
                continue;
            }
            if (session->ack_due & (1u << index)) {
                session->ack_due &= (uint16_t) ~(1u << index);
                session_send_ack(hub, session, index, now);
            }
            if (hub->phase == HUB_SERVING && (session->readable & (1u << index))) {
                session_feed(hub, session, index, now);
            }
        }
        sync_hub_flush_outbox(hub);
    }
    *out_next = (struct mono_ms){next};
    for (uint32_t i = 0; i < hub->session_count; i++) {
        session_send_blobs(hub, hub->sessions[i], now, out_next);
    }
    sync_hub_flush_outbox(hub);
}

void sync_hub_aborted(struct sync_hub *hub) {
    outbox_clear(hub);
    memset(hub->ungrouped, 0, sizeof hub->ungrouped);
    for (uint32_t i = 0; i < hub->session_count; i++) {
        memset(hub->sessions[i]->claims, 0, sizeof hub->sessions[i]->claims);
        if (hub->sessions[i]->blob) {
            sync_blob_aborted(hub->sessions[i]->blob);
        }
    }
    sync_hub_author_load(hub);
}

void sync_hub_digest(struct sync_hub *hub, struct digest *digest, struct moment now) {
    digest->hub = hub->author;
    digest->number = ++hub->digest_number;
    digest->time = now.utc;
    for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
        struct store_chain chain;
        struct chain_id id = chain_of(hub->author, chain_index(lane, AUDIENCE_SITE));
        if (store_chain_get(hub->options.store, id, &chain) == RC_OK) {
            digest->head_seq[lane] = chain.sealed.seq;
        }
    }
    buf_reset(&hub->body);
    struct frame head = {.type = FRAME_DIGEST, .number = (uint32_t)digest->number};
    struct frame_seal seal = signed_by_hub(hub);
    if (digest_encode(digest, &hub->body) == RC_OK &&
        frame_build(hub->codec, &head, buf_slice(&hub->body), &seal, &hub->frame) == RC_OK) {
        (void)hub->options.send(hub->options.ctx, NULL, LANE_NORMAL, buf_slice(&hub->frame));
    }
}

void sync_hub_status(const struct sync_hub *hub, struct sync_hub_status *out_status) {
    struct sync_hub_status status = hub->status;
    status.phase = hub->phase;
    status.rank = store_hub_rank(hub->options.store, hub->author);
    status.n = store_log_last_n(hub->options.store, hub->author);
    for (uint32_t i = 0; i < hub->session_count; i++) {
        status.sessions += hub->sessions[i]->live;
    }
    for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
        struct store_chain chain;
        struct chain_id id = chain_of(hub->author, chain_index(lane, AUDIENCE_SITE));
        if (store_chain_get(hub->options.store, id, &chain) == RC_OK) {
            status.head_seq[lane] = chain.sealed.seq;
        }
    }
    *out_status = status;
}
