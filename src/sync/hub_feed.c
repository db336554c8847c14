#include "hub_session_priv.h"

#include "davy/sync/pack.h"

#include <string.h>

// Many readers may share one line: each has little in flight until round trips show that there is
// room, and gives way when a queue builds up; so nothing is sent again that still waits its turn.
#define FEED_WINDOW_MIN 4096
#define FEED_QUEUE_MS 1000 // more than that above the shortest round trip is a queue

static uint32_t retry_after(const struct sync_hub *hub, const struct session *session,
                            const struct feed_state *feed) {
    uint32_t rtt = session->rtt_ms > 0 ? session->rtt_ms : hub->feed_rtt_ms;
    uint32_t wait = feed->retry_ms > 0 ? feed->retry_ms : SYNC_RETRY_MS_MIN;
    wait = wait > 3 * rtt ? wait : 3 * rtt;
    return wait < SYNC_RETRY_MS_MAX ? wait : SYNC_RETRY_MS_MAX;
}

static void feed_measure(struct sync_hub *hub, struct session *session, struct feed_state *feed) {
    int64_t ms = session->heard.v - feed->marked_at.v;
    uint32_t rtt = ms < 1 ? 1 : ms > SYNC_RETRY_MS_MAX ? SYNC_RETRY_MS_MAX : (uint32_t)ms;
    feed->mark = 0;
    session->rtt_ms = session->rtt_ms > 0 ? (session->rtt_ms * 7 + rtt) / 8 : rtt;
    session->base_ms = session->base_ms == 0 || rtt < session->base_ms ? rtt : session->base_ms;
    hub->feed_rtt_ms = session->rtt_ms;
    bool queued = rtt > session->base_ms + FEED_QUEUE_MS;
    uint32_t window = queued ? feed->window_bytes / 2 : feed->window_bytes * 2;
    window = window > FEED_WINDOW_MIN ? window : FEED_WINDOW_MIN;
    feed->window_bytes = window < LIMIT_WINDOW_BYTES ? window : LIMIT_WINDOW_BYTES;
}

// What was sent is taken as lost: from here on again, carefully.
static void feed_expire(struct feed_state *feed, uint32_t waited_ms) {
    feed->sent = feed->acked;
    feed->in_flight_bytes = 0;
    feed->window_bytes = FEED_WINDOW_MIN;
    feed->mark = 0;
    feed->retry_ms = waited_ms * 2 > SYNC_RETRY_MS_MAX ? SYNC_RETRY_MS_MAX : waited_ms * 2;
}

// A cursor of another branch: begin nearer to where the two part, each time it comes again.
static uint64_t step_back(struct feed_state *feed, uint64_t seq) {
    uint64_t from = feed->probe > 0 && feed->probe <= seq ? feed->probe : seq;
    feed->probe = from / 2;
    return feed->probe;
}

// A reader that does not know yet where an incarnation ended may hold more of it.
static void feed_set(struct sync_hub *hub, struct session *session,
                     const struct frame_chain *cursor) {
    struct feed_state *feed = &session->feeds[chain_index(cursor->id.lane, cursor->id.audience)];
    struct hash32 hash;
    struct store_chain chain;
    uint64_t seq = cursor->seq;
    if (store_chain_get(hub->options.store, cursor->id, &chain) != RC_OK) {
        return;
    }
    bool ended = !author_equal(cursor->id.author, hub->author);
    bool beyond = seq > chain.sealed.seq && (ended || hub->options.relay);
    bool same = seq <= chain.sealed.seq &&
                store_chain_hash(hub->options.store, cursor->id, seq, &hash) == RC_OK &&
                memcmp(hash.b, cursor->hash, SEEN_HASH_BYTES) == 0;
    if (beyond) {
        seq = chain.sealed.seq;
    } else if (same) {
        feed->probe = 0;
    } else {
        seq = step_back(feed, seq > chain.sealed.seq ? chain.sealed.seq : seq);
        feed->sent = seq;
        session->tell_next = true;
    }
    if (seq > feed->acked) {
        feed->retry_ms = 0;
        feed->sent_at = session->heard;
        if (feed->mark > 0 && seq >= feed->mark) {
            feed_measure(hub, session, feed);
        }
    }
    feed->acked = seq;
    if (feed->sent <= seq) {
        feed->sent = seq;
        feed->in_flight_bytes = 0;
    }
}

void session_feed_from(struct sync_hub *hub, struct session *session, struct author_id hub_author,
                       const struct frame_chain *cursors, uint8_t count) {
    if (!author_equal(session->feed_hub, hub_author)) {
        memset(session->feeds, 0, sizeof session->feeds);
        session->feed_hub = hub_author;
    }
    for (uint8_t i = 0; i < count; i++) {
        feed_set(hub, session, &cursors[i]);
    }
}

// The reader holds all of an earlier incarnation: on with the next.
static void feed_advance(struct sync_hub *hub, struct session *session) {
    struct store *store = hub->options.store;
    struct author_id next;
    uint32_t rank = store_hub_rank(store, session->feed_hub);
    if (author_equal(session->feed_hub, hub->author) || rank == 0) {
        return;
    }
    for (uint8_t i = 0; i < FRAME_CHAINS_MAX; i++) {
        struct store_chain chain;
        bool readable = session->readable & (1u << i);
        if (readable && (store_chain_get(store, chain_of(session->feed_hub, i), &chain) != RC_OK ||
                         session->feeds[i].acked < chain.sealed.seq)) {
            return;
        }
    }
    if (store_hub_at(store, rank + 1, &next) == RC_OK) {
        session_feed_from(hub, session, next, NULL, 0);
    }
}

// A reader gives up a branch of an old incarnation only for the one that its successor adopted: it
// is shown the successor's opening first.
static void tell_next(struct sync_hub *hub, struct session *session, struct moment now) {
    struct store *store = hub->options.store;
    struct log_packer packer = {
        .store = store, .reader = session->author, .items = &hub->items, .record = &hub->record};
    struct chain_id id = {.lane = LANE_CONTROL};
    struct store_chain chain;
    uint64_t last = 0;
    uint32_t rank = store_hub_rank(store, session->feed_hub);
    if (!session->tell_next || rank == 0 ||
        (session->told_at.v > 0 && now.mono.v - session->told_at.v < SYNC_RETRY_MS_MIN)) {
        return;
    }
    session->tell_next = false;
    session->told_at = now.mono;
    if (store_hub_at(store, rank + 1, &id.author) == RC_OK &&
        store_chain_get(store, id, &chain) == RC_OK &&
        log_pack(&packer, &chain, 1, &hub->body, &last) == RC_OK) {
        session_send_keyed(hub, session, FRAME_FEED, id.lane);
    }
}

void session_feed(struct sync_hub *hub, struct session *session, uint8_t index, struct moment now) {
    struct store_chain chain;
    struct feed_state *feed = &session->feeds[index];
    if (index == 0) {
        feed_advance(hub, session);
        tell_next(hub, session, now);
    }
    struct chain_id id = chain_of(session->feed_hub, index);
    struct log_packer packer = {.store = hub->options.store,
                                .reader = session->author,
                                .items = &hub->items,
                                .record = &hub->record};
    if (id16_is_zero(session->feed_hub.id)) {
        return;
    }
    if (store_chain_get(hub->options.store, id, &chain) != RC_OK) {
        return;
    }
    uint32_t wait = retry_after(hub, session, feed);
    if (feed->sent > feed->acked && now.mono.v - feed->sent_at.v >= wait) {
        feed_expire(feed, wait);
    }
    if (feed->window_bytes == 0) {
        feed->window_bytes = FEED_WINDOW_MIN;
    }
    while (feed->sent < chain.sealed.seq && feed->in_flight_bytes < feed->window_bytes &&
           hub->outbox_count < OUTBOX_MAX) {
        uint64_t last = 0;
        if (log_pack(&packer, &chain, feed->sent + 1, &hub->body, &last) != RC_OK) {
            return;
        }
        session_send_keyed(hub, session, FRAME_FEED, id.lane);
        feed->in_flight_bytes += (uint32_t)hub->frame.len;
        feed->sent = last;
        feed->sent_at = now.mono;
        if (feed->mark == 0) {
            feed->mark = last;
            feed->marked_at = now.mono;
        }
    }
}
