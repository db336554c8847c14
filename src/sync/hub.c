#include "davy/sync/hub.h"

#include "davy/base/ensure.h"
#include "sync_priv.h"

#include <stdlib.h>
#include <string.h>

#define OUTBOX_MAX 4096
#define ADMIT_BYTES 64 // an encoded admit and its framing, at most
#define START_EVERY_MS 300
#define SESSION_SILENT_MS 120000 // six missed signs of life
#define META_SERVED "sync.served"

// An out-of-order batch that waits for the ones before it.
struct waiting_batch {
    struct waiting_batch *next;
    uint8_t chain;
    uint64_t first, last;
    size_t len;
    uint8_t body[];
};

struct feed_state {
    uint64_t sent;  // highest entry handed to the link
    uint64_t acked; // highest entry that the reader holds
    struct mono_ms sent_at;
    uint32_t retry_ms;
    uint32_t in_flight_bytes;
};

struct session {
    uint32_t id;
    bool live; // a keyed frame came back: the peer holds the session's keys
    char account[LIMIT_TAG_BYTES + 1];
    struct rid device;
    struct public_key device_key;
    struct author_id author;
    uint8_t up[SESSION_KEY_BYTES], down[SESSION_KEY_BYTES];
    struct number_window window;
    uint32_t number;
    struct mono_ms heard;
    uint16_t ack_due; // bit by chain index
    uint8_t ack_reason[FRAME_CHAINS_MAX];
    struct feed_state feeds[FRAME_CHAINS_MAX];
    struct waiting_batch *waiting;
    size_t waiting_bytes;
};

// A frame that leaves with the next flush.
struct outgoing {
    bool broadcast;
    char account[LIMIT_TAG_BYTES + 1];
    uint8_t lane;
    struct buf frame;
};

struct sync_hub {
    struct sync_hub_options options;
    struct frame_codec *codec;
    struct sync_random random;
    struct session *sessions[LIMIT_SESSION_COUNT];
    uint32_t session_count;
    uint32_t session_next;
    enum hub_phase phase;
    bool started;                         // START was broadcast
    bool served;                          // some reader holds a part of this log
    uint32_t ungrouped[FRAME_CHAINS_MAX]; // bytes of entries since the last seal
    uint64_t digest_number;
    struct mono_ms start_sent;
    struct outgoing *outbox;
    size_t outbox_count;
    struct buf body;
    struct buf frame;
    struct buf items;
    struct buf record;
    struct sync_hub_status status;
};

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
    struct buf served;
    buf_init(&served, 16);
    if (rc == RC_OK) {
        rc = store_meta_get(options->store, META_SERVED, &served);
        hub->served = rc == RC_OK;
        rc = rc == RC_NOT_FOUND ? RC_OK : rc;
    }
    buf_fini(&served);
    if (rc != RC_OK) {
        sync_hub_free(hub);
        return rc;
    }
    hub->phase = options->readers_exist && hub->served ? HUB_ASKING : HUB_SERVING;
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

bool sync_hub_serving(const struct sync_hub *hub) {
    return hub->phase == HUB_SERVING;
}

void sync_hub_confirm(struct sync_hub *hub) {
    hub->phase = HUB_SERVING;
}

void sync_hub_seen(struct sync_hub *hub, uint8_t lane, struct seen *out_seen) {
    seen_of(hub->options.store, hub->options.author, lane, out_seen);
}

// ---- The log ----

static enum rc seal_chain(struct sync_hub *hub, uint8_t index) {
    struct store_chain chain;
    struct chain_id id = chain_of(hub->options.author, index);
    enum rc rc = store_chain_get(hub->options.store, id, &chain);
    if (rc != RC_OK || chain.sealed.seq == chain.head.seq) {
        return rc;
    }
    struct signature seal;
    seal_sign(store_site(hub->options.store), id, &chain.head, hub->options.device, &seal);
    rc = store_seal_put(hub->options.store, id, chain.head.seq, &seal);
    if (rc == RC_OK) {
        hub->ungrouped[index] = 0;
    }
    return rc;
}

// Seals before an entry that would make the group larger than one message.
static enum rc make_room(struct sync_hub *hub, uint8_t index, size_t bytes) {
    if (hub->ungrouped[index] > 0 && hub->ungrouped[index] + bytes > SYNC_GROUP_BYTES) {
        return seal_chain(hub, index);
    }
    return RC_OK;
}

// States the verdict: an admit in the hub's chain of the record's lane, and the log's row.
static enum rc append_admit(struct sync_hub *hub, struct admit *admit, struct moment now) {
    struct store *store = hub->options.store;
    struct store_chain roster;
    struct chain_id control = {.author = hub->options.author};
    enum rc rc = store_chain_get(store, control, &roster);
    if (rc != RC_OK) {
        return rc;
    }
    admit->hub_time = now.utc;
    admit->roster_version = roster.head.seq;
    admit->n = store_log_last_n(store, hub->options.author) + 1;
    struct store_log log = {.hub = hub->options.author,
                            .n = admit->n,
                            .place = admit->place,
                            .verdict = admit->verdict,
                            .rule = admit->rule,
                            .hub_time = now.utc,
                            .roster_version = admit->roster_version};
    log.admit_place.chain = chain_of(
        hub->options.author, chain_index(admit->place.chain.lane, admit->place.chain.audience));
    rc = store_append_admit(store, log.admit_place.chain, admit, &log.admit_place.seq);
    if (rc != RC_OK) {
        return rc;
    }
    hub->status.admitted += log.verdict == VERDICT_ACCEPTED;
    hub->status.refused += log.verdict == VERDICT_REFUSED;
    return store_log_put(store, &log);
}

enum rc sync_hub_append(struct sync_hub *hub, uint8_t lane, uint8_t audience,
                        const struct signed_record *record, struct moment now, uint64_t *out_n) {
    if (hub->phase != HUB_SERVING) {
        return RC_BUSY;
    }
    uint8_t index = chain_index(lane, audience);
    size_t bytes = record->content.len + SIGNATURE_BYTES + ADMIT_BYTES;
    enum rc rc = make_room(hub, index, bytes);
    if (rc != RC_OK) {
        return rc;
    }
    struct admit admit = {.verdict = VERDICT_ACCEPTED};
    admit.place.chain = chain_of(hub->options.author, index);
    bool first = true;
    rc = store_append_record(hub->options.store, admit.place.chain, record, &admit.place.seq,
                             &first);
    if (rc != RC_OK) {
        return rc;
    }
    if (!first) {
        admit.verdict = VERDICT_REPEAT;
    }
    hub->ungrouped[index] += (uint32_t)bytes;
    rc = append_admit(hub, &admit, now);
    if (rc == RC_OK && out_n) {
        *out_n = admit.n;
    }
    return rc;
}

enum rc sync_hub_seal(struct sync_hub *hub, struct moment now) {
    (void)now;
    for (uint8_t i = 0; i < FRAME_CHAINS_MAX; i++) {
        if (hub->ungrouped[i] > 0) {
            enum rc rc = seal_chain(hub, i);
            if (rc != RC_OK) {
                return rc;
            }
        }
    }
    return RC_OK;
}

static void send_ack(struct sync_hub *hub, struct session *session, uint8_t index,
                     struct moment now);
static void flush_outbox(struct sync_hub *hub);

// ---- Admission ----

static enum rc admit_record(struct sync_hub *hub, const struct place *place,
                            const struct content *content, struct signed_record *record,
                            struct moment now) {
    struct admit admit = {.place = *place};
    record->rid = content_rid(record->content);
    struct place known;
    bool repeat = store_record_place(hub->options.store, record->rid, &known) == RC_OK &&
                  !MUTANT(&hub->options, rid_unchecked);
    admit.verdict = repeat
                        ? VERDICT_REPEAT
                        : hub->options.judge(hub->options.ctx, content, place, record, &admit.rule);
    uint64_t seq = 0;
    bool first = true;
    enum rc rc = store_append_record(hub->options.store, place->chain, record, &seq, &first);
    if (rc != RC_OK) {
        return rc;
    }
    ENSURE(seq == place->seq);
    uint8_t index = chain_index(place->chain.lane, place->chain.audience);
    size_t bytes = record->content.len + 2 * SIGNATURE_BYTES + ADMIT_BYTES;
    rc = make_room(hub, index, bytes);
    if (rc == RC_OK) {
        hub->ungrouped[index] += (uint32_t)bytes;
        rc = append_admit(hub, &admit, now);
    }
    return rc;
}

// What a batch says about a chain, before anything is stored.
enum batch_fit {
    BATCH_FITS,
    BATCH_KNOWN,
    BATCH_FORKS,
    BATCH_BAD_SEAL,
    BATCH_BAD_FORM,
    BATCH_STORE
};

static enum batch_fit batch_examine(struct sync_hub *hub, struct session *session,
                                    const struct batch *batch, const struct store_chain *chain,
                                    enum rc *out_rc) {
    struct store *store = hub->options.store;
    struct chain_head head = {.seq = batch->first_seq - 1};
    *out_rc = store_chain_hash(store, chain->id, head.seq, &head.hash);
    if (*out_rc != RC_OK) {
        return BATCH_STORE;
    }
    bool same = memcmp(head.hash.b, batch->before, SEEN_HASH_BYTES) == 0;
    bool overlap_same = head.seq != chain->head.seq || same;
    struct reader items = reader_of(batch->items);
    for (uint32_t i = 0; i < batch->count; i++) {
        struct batch_item item;
        struct content content;
        if (batch_next(&items, &item) != RC_OK || content_decode(item.content, &content) != RC_OK) {
            return BATCH_BAD_FORM;
        }
        // The genesis names no site, because it is the site; nothing else may leave it out.
        struct id16 site =
            id16_is_zero(content.site.id) ? content_rid(item.content).id : content.site.id;
        if (!id16_equal(site, store_site(store).id)) {
            return BATCH_BAD_FORM;
        }
        chain_add_record(&head, item.content, item.has_sig ? &item.sig : NULL);
        if (head.seq == chain->head.seq) {
            overlap_same = hash32_equal(&head.hash, &chain->head.hash);
        }
    }
    if (!same || !seal_verify(hub->options.scheme, store_site(store), chain->id, &head,
                              &session->device_key, &batch->seal)) {
        return BATCH_BAD_SEAL; // computed on my hash: a fork's seal cannot verify here
    }
    if (head.seq <= chain->head.seq) {
        struct hash32 mine;
        *out_rc = store_chain_hash(store, chain->id, head.seq, &mine);
        if (*out_rc != RC_OK) {
            return BATCH_STORE;
        }
        return hash32_equal(&mine, &head.hash) ? BATCH_KNOWN : BATCH_FORKS;
    }
    return overlap_same ? BATCH_FITS : BATCH_FORKS;
}

static enum rc batch_admit(struct sync_hub *hub, const struct batch *batch,
                           const struct store_chain *chain, struct moment now) {
    struct reader items = reader_of(batch->items);
    struct place place = {.chain = chain->id};
    for (uint32_t i = 0; i < batch->count; i++) {
        struct batch_item item;
        struct content content;
        enum rc rc = batch_next(&items, &item);
        if (rc == RC_OK) {
            rc = content_decode(item.content, &content);
        }
        if (rc != RC_OK) {
            return rc;
        }
        place.seq = batch->first_seq + i;
        if (place.seq <= chain->head.seq) {
            continue;
        }
        struct signed_record record = {
            .content = item.content, .has_sig = item.has_sig, .sig = item.sig};
        if (MUTANT(&hub->options, wrong_bytes)) {
            record.sig.b[0] ^= 1;
        }
        rc = admit_record(hub, &place, &content, &record, now);
        if (rc != RC_OK) {
            return rc;
        }
    }
    return store_seal_put(hub->options.store, chain->id, place.seq, &batch->seal);
}

static void ack_later(struct session *session, uint8_t index, enum ack_reason reason) {
    session->ack_due |= (uint16_t)(1u << index);
    if (reason != ACK_OK || session->ack_reason[index] == ACK_OK) {
        session->ack_reason[index] = (uint8_t)reason;
    }
}

static enum rc batch_take(struct sync_hub *hub, struct session *session, const struct batch *batch,
                          struct moment now) {
    uint8_t index = chain_index(batch->lane, batch->audience);
    struct store_chain chain;
    enum rc rc = store_chain_get(hub->options.store, chain_of(session->author, index), &chain);
    if (rc != RC_OK) {
        return rc;
    }
    static const enum ack_reason reasons[] = {
        [BATCH_FITS] = ACK_OK,       [BATCH_KNOWN] = ACK_OK,      [BATCH_FORKS] = ACK_FORK,
        [BATCH_BAD_SEAL] = ACK_SEAL, [BATCH_BAD_FORM] = ACK_FORM, [BATCH_STORE] = ACK_OK};
    enum batch_fit fit = batch_examine(hub, session, batch, &chain, &rc);
    switch (fit) {
    case BATCH_FITS:
        rc = batch_admit(hub, batch, &chain, now);
        break;
    case BATCH_STORE:
        return rc;
    case BATCH_FORKS:
    case BATCH_BAD_SEAL:
    case BATCH_BAD_FORM:
        hub->status.forks += fit == BATCH_FORKS;
        hub->status.not_verified += fit != BATCH_FORKS;
        rc = store_quarantine_put(hub->options.store, session->account,
                                  fit == BATCH_FORKS ? RC_FORK : RC_BAD_SIGNATURE, batch->items,
                                  now.utc);
        break;
    case BATCH_KNOWN:
        break;
    }
    ack_later(session, index, reasons[fit]);
    if (MUTANT(&hub->options, ack_before_commit)) {
        send_ack(hub, session, index, now);
        flush_outbox(hub);
    }
    return rc;
}

static void batch_wait(struct session *session, const struct batch *batch, struct slice body) {
    uint8_t index = chain_index(batch->lane, batch->audience);
    for (struct waiting_batch *w = session->waiting; w; w = w->next) {
        if (w->chain == index && w->first == batch->first_seq) {
            return;
        }
    }
    if (session->waiting_bytes + body.len > LIMIT_HELD_BYTES) {
        return; // the device sends it again
    }
    struct waiting_batch *waiting = malloc(sizeof *waiting + body.len);
    if (!waiting) {
        return;
    }
    waiting->chain = index;
    waiting->first = batch->first_seq;
    waiting->last = batch->first_seq + batch->count - 1;
    waiting->len = body.len;
    memcpy(waiting->body, body.data, body.len);
    waiting->next = session->waiting;
    session->waiting = waiting;
    session->waiting_bytes += body.len;
}

// Takes the waiting batches that fit now; each pass moves the head or ends.
static enum rc batch_take_waiting(struct sync_hub *hub, struct session *session, uint8_t index,
                                  struct moment now) {
    for (;;) {
        struct store_chain chain;
        enum rc rc = store_chain_get(hub->options.store, chain_of(session->author, index), &chain);
        if (rc != RC_OK) {
            return rc;
        }
        struct waiting_batch **at = &session->waiting;
        while (*at && ((*at)->chain != index || (*at)->first > chain.head.seq + 1)) {
            at = &(*at)->next;
        }
        if (!*at) {
            return RC_OK;
        }
        struct waiting_batch *waiting = *at;
        *at = waiting->next;
        session->waiting_bytes -= waiting->len;
        struct batch batch;
        rc = batch_decode(slice_of(waiting->body, waiting->len), &batch);
        if (rc == RC_OK) {
            rc = batch_take(hub, session, &batch, now);
        }
        free(waiting);
        if (rc != RC_OK) {
            return rc;
        }
    }
}

static enum rc on_batch(struct sync_hub *hub, struct session *session, const struct frame *frame,
                        struct moment now) {
    struct batch batch;
    if (batch_decode(frame->body, &batch) != RC_OK) {
        hub->status.not_verified++;
        return RC_OK;
    }
    uint8_t index = chain_index(batch.lane, batch.audience);
    if (hub->phase != HUB_SERVING) {
        ack_later(session, index, ACK_STARTING);
        return RC_OK;
    }
    struct store_chain chain;
    enum rc rc = store_chain_get(hub->options.store, chain_of(session->author, index), &chain);
    if (rc != RC_OK) {
        return rc;
    }
    if (batch.first_seq > chain.head.seq + 1) {
        batch_wait(session, &batch, frame->body);
        ack_later(session, index, ACK_GAP);
        return RC_OK;
    }
    rc = batch_take(hub, session, &batch, now);
    return rc == RC_OK ? batch_take_waiting(hub, session, index, now) : rc;
}

// ---- Sessions ----

// A reader that holds more of my log than I do, or something else at the same place.
static enum rc compare_cursors(struct sync_hub *hub, const struct frame_chain *cursors,
                               uint8_t count, bool *out_ahead) {
    *out_ahead = false;
    for (uint8_t i = 0; i < count; i++) {
        struct store_chain chain;
        enum rc rc = store_chain_get(hub->options.store, cursors[i].id, &chain);
        if (rc != RC_OK) {
            return rc;
        }
        if (cursors[i].seq > chain.sealed.seq) {
            *out_ahead = true;
            return RC_OK;
        }
        struct hash32 hash;
        rc = store_chain_hash(hub->options.store, cursors[i].id, cursors[i].seq, &hash);
        if (rc != RC_OK) {
            return rc;
        }
        if (memcmp(hash.b, cursors[i].hash, SEEN_HASH_BYTES) != 0) {
            *out_ahead = true;
            return RC_OK;
        }
    }
    return RC_OK;
}

static enum rc note_reader(struct sync_hub *hub, struct session *session,
                           const struct hello *hello) {
    if (!author_equal(hello->hub, hub->options.author)) {
        return RC_OK; // it has never met this log
    }
    bool ahead = false;
    enum rc rc = compare_cursors(hub, hello->cursors, hello->cursor_count, &ahead);
    if (rc != RC_OK) {
        return rc;
    }
    if (ahead) {
        hub->phase = HUB_BEHIND;
        hub->status.ahead = session->device;
        return RC_OK;
    }
    for (uint8_t i = 0; i < hello->cursor_count; i++) {
        struct feed_state *feed =
            &session->feeds[chain_index(hello->cursors[i].id.lane, hello->cursors[i].id.audience)];
        feed->sent = feed->acked = hello->cursors[i].seq;
    }
    return RC_OK;
}

static enum rc send_welcome(struct sync_hub *hub, struct session *session,
                            const struct hello *hello, const struct kx_pair *kx,
                            struct moment now) {
    struct welcome welcome = {.session = session->id,
                              .hub = hub->options.author,
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
        rc = chains_held(hub->options.store, hub->options.author, true, welcome.heads,
                         &welcome.head_count);
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
                             struct public_key *out_key) {
    struct rid device;
    struct frame_trust trust = {.direction = FRAME_UP,
                                .site = store_site(hub->options.store),
                                .scheme = hub->options.scheme,
                                .key = out_key};
    return hub->options.device_of(hub->options.ctx, account, &device, out_key) &&
           frame_signed_ok(bytes, frame, &trust) && frame_inflate(hub->codec, frame) == RC_OK &&
           hello_decode(frame->body, out_hello) == RC_OK &&
           id16_equal(out_hello->site.id, store_site(hub->options.store).id) &&
           rid_equal(out_hello->device, device) &&
           author_equal(out_hello->author, author_of(out_key, out_hello->author_random));
}

static enum rc on_hello(struct sync_hub *hub, const char *account, struct slice bytes,
                        struct frame *frame, struct moment now) {
    struct hello hello;
    struct public_key key;
    if (!hello_is_genuine(hub, account, bytes, frame, &hello, &key)) {
        hub->status.not_verified++;
        return RC_OK;
    }
    session_drop_unanswered(hub, hello.device);
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
    session->device = hello.device;
    session->device_key = key;
    session->author = hello.author;
    session->heard = now.mono;
    enum rc rc = RC_OK;
    if (kx_hub(&kx, hello.kx_public, session->up, session->down) == RC_OK) {
        struct store_author author = {.author = hello.author, .device_key = key};
        rc = store_author_put(hub->options.store, &author);
        rc = rc == RC_EXISTS ? RC_OK : rc;
        if (rc == RC_OK) {
            rc = note_reader(hub, session, &hello);
        }
        if (rc == RC_OK) {
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

static enum rc on_fack(struct sync_hub *hub, struct session *session, const struct frame *frame) {
    struct fack fack;
    if (fack_decode(frame->body, &fack) != RC_OK || !author_equal(fack.hub, hub->options.author)) {
        return RC_OK;
    }
    bool ahead = false;
    enum rc rc = compare_cursors(hub, fack.cursors, fack.count, &ahead);
    if (rc != RC_OK) {
        return rc;
    }
    if (ahead) {
        hub->phase = HUB_BEHIND;
        hub->status.ahead = session->device;
        return RC_OK;
    }
    for (uint8_t i = 0; i < fack.count; i++) {
        struct feed_state *feed =
            &session->feeds[chain_index(fack.cursors[i].id.lane, fack.cursors[i].id.audience)];
        if (fack.cursors[i].seq > feed->acked) {
            feed->retry_ms = 0;
        }
        feed->acked = fack.cursors[i].seq;
        if (feed->sent <= feed->acked) {
            feed->sent = feed->acked;
            feed->in_flight_bytes = 0;
        }
    }
    // Only what is proven by this session's keys counts as an answer: a greeting may be an old one.
    if (hub->phase == HUB_ASKING && fack.count > 0) {
        hub->phase = HUB_SERVING;
    }
    if (!hub->served && fack.count > 0) {
        hub->served = true;
        return store_meta_set(hub->options.store, META_SERVED, slice_text("1"));
    }
    return RC_OK;
}

static void send_keyed(struct sync_hub *hub, struct session *session, enum frame_type type,
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
        send_keyed(hub, session, FRAME_ENROLLED, LANE_CONTROL);
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
    struct start start = {.hub = hub->options.author, .time = now.utc};
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
    switch (frame->type) {
    case FRAME_BATCH:
        return on_batch(hub, session, frame, now);
    case FRAME_FACK:
        // Also the device's sign of life: it hears what is held.
        ack_later(session, chain_index(LANE_SAFETY, AUDIENCE_SITE), ACK_OK);
        return on_fack(hub, session, frame);
    case FRAME_ENROL:
        on_enrol(hub, session, frame, now);
        return RC_OK;
    case FRAME_HELLO:
    case FRAME_WELCOME:
    case FRAME_ACK:
    case FRAME_FEED:
    case FRAME_DIGEST:
    case FRAME_START:
    case FRAME_JOIN:
    case FRAME_JOINED:
    case FRAME_ENROLLED:
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

// ---- Sending ----

static void send_ack(struct sync_hub *hub, struct session *session, uint8_t index,
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
        send_keyed(hub, session, FRAME_ACK, id.lane);
    }
}

// Collects entries for a FEED up to the last seal that fits.
struct feed_pack {
    struct sync_hub *hub;
    const struct session *session;
    struct feed feed;
    uint32_t count; // items, seals of authors included
    // The end of the last whole sealed group.
    size_t cut_len;
    uint32_t cut_count;
    uint64_t cut_seq;
    struct signature cut_seal;
    uint64_t next_seal_seq;
    struct signature next_seal;
    // Author chains of the current group: first and last admitted seq.
    struct {
        struct chain_id chain;
        uint64_t first, last;
    } authors[96];
    uint32_t author_count;
};

static void pack_note_author(struct feed_pack *pack, const struct place *place) {
    for (uint32_t i = 0; i < pack->author_count; i++) {
        if (chain_id_equal(pack->authors[i].chain, place->chain)) {
            pack->authors[i].last = place->seq;
            return;
        }
    }
    if (pack->author_count < COUNT_OF(pack->authors)) {
        pack->authors[pack->author_count].chain = place->chain;
        pack->authors[pack->author_count].first = place->seq;
        pack->authors[pack->author_count++].last = place->seq;
    }
}

// The seals of authors whose batches end in this group.
static void pack_author_seals(struct feed_pack *pack) {
    struct store *store = pack->hub->options.store;
    for (uint32_t i = 0; i < pack->author_count; i++) {
        struct feed_item item = {.type = FEED_AUTHOR_SEAL, .has_sig = true};
        item.sealed.chain = pack->authors[i].chain;
        uint64_t from = pack->authors[i].first;
        while (from <= pack->authors[i].last) {
            struct signature sig;
            uint64_t at = 0;
            if (store_seal_get(store, item.sealed.chain, from, &at, &sig) != RC_OK ||
                at > pack->authors[i].last) {
                break;
            }
            item.sealed.seq = at;
            item.sig = sig;
            from = at + 1;
        }
        if (item.sealed.seq > 0 && feed_put_item(&pack->hub->items, &item) == RC_OK) {
            pack->count++;
        }
    }
    pack->author_count = 0;
}

static enum rc pack_admit(struct feed_pack *pack, const struct store_entry *entry) {
    struct sync_hub *hub = pack->hub;
    struct admit admit;
    enum rc rc = admit_decode(entry->bytes, &admit);
    if (rc != RC_OK) {
        return rc;
    }
    struct feed_item item = {.type = FEED_ADMIT_HELD, .admit = entry->bytes};
    if (!author_equal(admit.place.chain.author, pack->session->author) &&
        !author_equal(admit.place.chain.author, hub->options.author)) {
        item.type = FEED_ADMIT;
        buf_reset(&hub->record);
        rc = store_entry_get(hub->options.store, &admit.place, &hub->record, &item.has_sig,
                             &item.sig);
        if (rc != RC_OK) {
            return rc;
        }
        item.content = buf_slice(&hub->record);
        pack_note_author(pack, &admit.place);
    }
    return feed_put_item(&hub->items, &item);
}

static enum rc pack_entry(void *ctx, const struct store_entry *entry) {
    struct feed_pack *pack = ctx;
    struct sync_hub *hub = pack->hub;
    if (pack->cut_count > 0 && hub->items.len > SYNC_GROUP_BYTES) {
        return RC_FULL;
    }
    enum rc rc;
    if (entry->type == ENTRY_ADMIT) {
        rc = pack_admit(pack, entry);
    } else {
        struct feed_item item = {
            .type = FEED_OWN, .content = entry->bytes, .has_sig = entry->sig != NULL};
        if (entry->sig) {
            item.sig = *entry->sig;
        }
        rc = feed_put_item(&hub->items, &item);
    }
    if (rc != RC_OK) {
        return rc;
    }
    pack->count++;
    if (entry->place.seq != pack->next_seal_seq) {
        return RC_OK;
    }
    pack_author_seals(pack);
    if (pack->cut_count > 0 && hub->items.len > SYNC_GROUP_BYTES) {
        return RC_FULL;
    }
    pack->cut_len = hub->items.len;
    pack->cut_count = pack->count;
    pack->cut_seq = entry->place.seq;
    pack->cut_seal = pack->next_seal;
    rc = store_seal_get(hub->options.store, entry->place.chain, entry->place.seq + 1,
                        &pack->next_seal_seq, &pack->next_seal);
    return rc == RC_OK ? RC_OK : RC_FULL;
}

static enum rc build_feed(struct sync_hub *hub, struct session *session,
                          const struct store_chain *chain, uint64_t from, uint64_t *out_last) {
    struct feed_pack pack = {.hub = hub, .session = session};
    struct hash32 before;
    enum rc rc = store_chain_hash(hub->options.store, chain->id, from - 1, &before);
    if (rc == RC_OK) {
        rc = store_seal_get(hub->options.store, chain->id, from, &pack.next_seal_seq,
                            &pack.next_seal);
    }
    if (rc != RC_OK) {
        return rc;
    }
    buf_reset(&hub->items);
    rc = store_entries(hub->options.store, chain->id, from, pack_entry, &pack);
    if (rc != RC_OK) {
        return rc;
    }
    if (pack.cut_count == 0) {
        return RC_NOT_FOUND;
    }
    struct feed *feed = &pack.feed;
    feed->lane = chain->id.lane;
    feed->audience = chain->id.audience;
    feed->first_seq = from;
    memcpy(feed->before, before.b, SEEN_HASH_BYTES);
    feed->count = pack.cut_count;
    feed->last_seq = pack.cut_seq;
    feed->head_seq = chain->sealed.seq;
    feed->seal = pack.cut_seal;
    feed->items = slice_of(hub->items.data, pack.cut_len);
    buf_reset(&hub->body);
    rc = feed_encode(feed, &hub->body);
    if (rc == RC_OK) {
        *out_last = feed->last_seq;
    }
    return rc;
}

static void feed_chain(struct sync_hub *hub, struct session *session, uint8_t index,
                       struct moment now) {
    struct store_chain chain;
    struct feed_state *feed = &session->feeds[index];
    struct chain_id id = chain_of(hub->options.author, index);
    if (store_chain_get(hub->options.store, id, &chain) != RC_OK) {
        return;
    }
    if (feed->sent > feed->acked) {
        uint32_t wait = feed->retry_ms ? feed->retry_ms : SYNC_RETRY_MS_MIN;
        if (now.mono.v - feed->sent_at.v >= wait) {
            feed->sent = feed->acked;
            feed->in_flight_bytes = 0;
            feed->retry_ms = wait * 2 > SYNC_RETRY_MS_MAX ? SYNC_RETRY_MS_MAX : wait * 2;
        }
    }
    while (feed->sent < chain.sealed.seq && feed->in_flight_bytes < LIMIT_WINDOW_BYTES &&
           hub->outbox_count < OUTBOX_MAX) {
        uint64_t last = 0;
        if (build_feed(hub, session, &chain, feed->sent + 1, &last) != RC_OK) {
            return;
        }
        send_keyed(hub, session, FRAME_FEED, id.lane);
        feed->in_flight_bytes += (uint32_t)hub->frame.len;
        feed->sent = last;
        feed->sent_at = now.mono;
    }
}

static void flush_outbox(struct sync_hub *hub) {
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
    if (!hub->started) {
        hub->started = true;
        send_start(hub, NULL, now);
    }
    flush_outbox(hub);
    for (uint32_t i = hub->session_count; i-- > 0;) {
        if (now.mono.v - hub->sessions[i]->heard.v > SESSION_SILENT_MS) {
            session_drop(hub, i);
        }
    }
    int64_t next = now.mono.v + SYNC_RETRY_MS_MIN;
    for (uint8_t index = 0; index < FRAME_CHAINS_MAX; index++) {
        for (uint32_t i = 0; i < hub->session_count; i++) {
            struct session *session = hub->sessions[i];
            if (!session->live) {
                continue;
            }
            if (session->ack_due & (1u << index)) {
                session->ack_due &= (uint16_t) ~(1u << index);
                send_ack(hub, session, index, now);
            }
            if (hub->phase != HUB_BEHIND) {
                feed_chain(hub, session, index, now);
            }
        }
        flush_outbox(hub);
    }
    *out_next = (struct mono_ms){next};
}

void sync_hub_aborted(struct sync_hub *hub) {
    outbox_clear(hub);
    memset(hub->ungrouped, 0, sizeof hub->ungrouped);
}

void sync_hub_digest(struct sync_hub *hub, struct digest *digest, struct moment now) {
    digest->hub = hub->options.author;
    digest->number = ++hub->digest_number;
    digest->time = now.utc;
    for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
        struct store_chain chain;
        struct chain_id id = chain_of(hub->options.author, chain_index(lane, AUDIENCE_SITE));
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
    status.n = store_log_last_n(hub->options.store, hub->options.author);
    for (uint32_t i = 0; i < hub->session_count; i++) {
        status.sessions += hub->sessions[i]->live;
    }
    for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
        struct store_chain chain;
        struct chain_id id = chain_of(hub->options.author, chain_index(lane, AUDIENCE_SITE));
        if (store_chain_get(hub->options.store, id, &chain) == RC_OK) {
            status.head_seq[lane] = chain.sealed.seq;
        }
    }
    *out_status = status;
}
