// A hub that starts or is told that it lost something: it asks its readers, takes back what they
// can prove, and goes on as a new incarnation.
//
// A reader's cursor beyond what the hub holds is a claim. Only the hub's own seal proves it: the
// hub PULLs the entries and takes them as any reader does. A claim that nothing comes of is counted
// and forgotten; it never stops the hub.
#include "hub_session_priv.h"

#include "davy/sync/take.h"

#include <string.h>

#define ASK_GRACE_MS 1000  // after the first answer and after every news
#define PULL_EVERY_MS 2000 // without progress
#define PULL_TRIES_MAX 5
#define TICK_MS 200

bool sync_hub_serving(const struct sync_hub *hub) {
    return hub->phase == HUB_SERVING;
}

void sync_hub_confirm(struct sync_hub *hub) {
    hub->confirmed = true;
}

static void queue_pull(struct sync_hub *hub, struct session *session, struct chain_id id,
                       uint64_t from) {
    struct pull pull = {.chain = id, .from = from};
    buf_reset(&hub->body);
    if (pull_encode(&pull, &hub->body) == RC_OK) {
        session_send_keyed(hub, session, FRAME_PULL, id.lane);
    }
}

// ---- Claims ----

static void claim(struct sync_hub *hub, struct session *session, const struct frame_chain *cursor) {
    struct claim *claim = &session->claims[chain_index(cursor->id.lane, cursor->id.audience)];
    if (session->claims_refused ||
        (claim->seq >= cursor->seq && author_equal(claim->author, cursor->id.author))) {
        return;
    }
    *claim = (struct claim){.author = cursor->id.author, .seq = cursor->seq};
    hub->status.claims++;
    hub->status.ahead = session->device;
    if (MUTANT(&hub->options, claim_believed)) {
        hub->behind = true;
        hub->phase = HUB_BEHIND;
    }
}

static bool cursor_is_mine(struct sync_hub *hub, const struct frame_chain *cursor) {
    struct hash32 hash;
    struct store_chain chain;
    return store_chain_get(hub->options.store, cursor->id, &chain) == RC_OK &&
           cursor->seq <= chain.sealed.seq &&
           store_chain_hash(hub->options.store, cursor->id, cursor->seq, &hash) == RC_OK &&
           memcmp(hash.b, cursor->hash, SEEN_HASH_BYTES) == 0;
}

// An incarnation of mine that I do not know: its lane 0 tells.
static void claim_unknown(struct sync_hub *hub, struct session *session, struct author_id author) {
    struct frame_chain cursor = {.id = {.author = author}, .seq = 1};
    session->unknown_log = true;
    claim(hub, session, &cursor);
}

bool session_claims(struct sync_hub *hub, struct session *session, const struct fack *fack) {
    bool ahead = false;
    if (id16_is_zero(fack->hub.id) || hub->options.relay) {
        return false;
    }
    uint32_t rank = store_hub_rank(hub->options.store, fack->hub);
    if (rank == 0) {
        claim_unknown(hub, session, fack->hub);
        return true;
    }
    session->unknown_log = false;
    bool current = author_equal(fack->hub, hub->author);
    for (uint8_t i = 0; i < fack->count; i++) {
        // What an old incarnation said beyond its adopted heads is no claim: the reader gives it.
        if (current && !cursor_is_mine(hub, &fack->cursors[i])) {
            ahead = true;
            claim(hub, session, &fack->cursors[i]);
        }
    }
    return ahead;
}

static enum rc refuse_claim(struct sync_hub *hub, struct session *session, struct claim *claim,
                            struct moment now) {
    hub->status.claims_refused++;
    session->claims_refused = true;
    enum rc rc = store_quarantine_put(hub->options.store, session->account, RC_GAP,
                                      slice_of(claim->author.id.b, ID_BYTES), now.utc);
    *claim = (struct claim){0};
    return rc;
}

static enum rc tick_claim(struct sync_hub *hub, struct session *session, uint8_t index,
                          struct moment now) {
    struct claim *claim = &session->claims[index];
    struct chain_id id = chain_of(claim->author, index);
    struct store_chain chain;
    if (claim->seq == 0) {
        return RC_OK;
    }
    enum rc rc = store_chain_get(hub->options.store, id, &chain);
    if (rc != RC_OK) {
        return rc;
    }
    if (claim->from == 0 && chain.sealed.seq >= claim->seq && claim->tries > 0) {
        *claim = (struct claim){0};
        return RC_OK;
    }
    if (claim->tries > 0 && now.mono.v - claim->asked.v < PULL_EVERY_MS) {
        return RC_OK;
    }
    if (claim->tries == PULL_TRIES_MAX || MUTANT(&hub->options, no_take_back)) {
        return refuse_claim(hub, session, claim, now);
    }
    claim->tries++;
    claim->asked = now.mono;
    // A claim about what I hold is about another branch of it: look at its end first.
    uint64_t from = chain.sealed.seq < claim->seq ? chain.sealed.seq + 1 : claim->seq;
    queue_pull(hub, session, id, claim->from > 0 ? claim->from : from);
    return RC_OK;
}

// ---- Taking back ----

static bool take_key_of(void *ctx, const struct content *content, struct public_key *out_key) {
    struct sync_hub *hub = ctx;
    return hub->options.key_of && hub->options.key_of(hub->options.ctx, content, out_key);
}

static struct log_reader own_reader(struct sync_hub *hub) {
    return (struct log_reader){.store = hub->options.store,
                               .scheme = hub->options.scheme,
                               .seal_key = *keypair_public(hub->options.device),
                               .mine = true,
                               .mutants = hub->options.mutants,
                               .ctx = hub,
                               .key_of = take_key_of};
}

static void news(struct sync_hub *hub, struct claim *claim, struct moment now) {
    hub->behind = true;
    hub->phase = HUB_BEHIND;
    hub->news_at = now.mono;
    claim->tries = 0;
    claim->asked = (struct mono_ms){0};
    claim->from = 0;
}

// Adopted heads of an incarnation before the last that I do not hold: any reader may have them.
static enum rc claim_adopted(struct sync_hub *hub, struct session *session) {
    struct store *store = hub->options.store;
    for (uint32_t rank = 1; rank < store_hub_last(store); rank++) {
        struct author_id author, next;
        struct store_opening opening;
        if (log_is_complete(store, rank)) {
            continue;
        }
        enum rc rc = store_hub_at(store, rank, &author);
        rc = rc == RC_OK ? store_hub_at(store, rank + 1, &next) : rc;
        rc = rc == RC_OK ? store_opening_get(store, next, &opening) : rc;
        for (uint8_t i = 0; rc == RC_OK && i < opening.head_count; i++) {
            struct chain_id id = {author, opening.heads[i].lane, opening.heads[i].audience};
            struct claim *claim = &session->claims[chain_index(id.lane, id.audience)];
            struct store_chain chain;
            rc = store_chain_get(store, id, &chain);
            if (rc == RC_OK && chain.sealed.seq < opening.heads[i].head.seq && claim->seq == 0) {
                *claim = (struct claim){.author = author, .seq = opening.heads[i].head.seq};
            }
        }
        return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
    }
    return RC_OK;
}

static enum rc taken_back(struct sync_hub *hub, struct session *session, const struct feed *feed,
                          struct moment now) {
    struct claim *claim = &session->claims[chain_index(feed->lane, feed->audience)];
    struct log_reader reader = own_reader(hub);
    struct take_result result;
    enum rc rc = log_take(&reader, feed, &hub->record, &result);
    if (rc != RC_OK) {
        return rc;
    }
    hub->status.not_verified += result.not_verified + (result.taken == TAKEN_BAD);
    hub->status.voided += result.voided;
    switch (result.taken) {
    case TAKEN_NEW:
        hub->status.taken_back++;
        news(hub, claim, now);
        return store_hub_at(hub->options.store, store_hub_last(hub->options.store), &hub->author);
    case TAKEN_ELSEWHERE: // another branch: nearer to where they part
        claim->from = feed->first_seq > 2 ? feed->first_seq / 2 : 1;
        claim->asked = (struct mono_ms){0};
        claim->tries = 0;
        return RC_OK;
    case TAKEN_FORK: // sealed by me, and I hold something else: both stand until I begin anew
        hub->status.own_forks++;
        *claim = (struct claim){0};
        hub->behind = true;
        rc = sync_hub_open_rank(hub, now);
        return rc == RC_OK ? session_salvage(hub, session, feed, now) : rc;
    case TAKEN_KNOWN:
        *claim = (struct claim){0};
        return RC_OK;
    case TAKEN_GAP:
        return RC_OK;
    case TAKEN_BAD:
        break;
    }
    return store_quarantine_put(hub->options.store, session->account, result.why, feed->items,
                                now.utc);
}

// ---- What an old incarnation said and nobody adopted ----

static enum rc verify_surplus(struct sync_hub *hub, struct session *session,
                              const struct feed *feed, bool *out_verified) {
    struct chain_id id = {feed->hub, feed->lane, feed->audience};
    struct chain_head *known = &session->surplus[chain_index(id.lane, id.audience)];
    struct log_reader reader = own_reader(hub);
    struct chain_head head = {.seq = feed->first_seq - 1};
    *out_verified = false;
    bool follows = author_equal(session->surplus_hub, feed->hub) && known->seq == head.seq;
    if (follows) {
        head = *known;
    } else if (store_chain_hash(hub->options.store, id, head.seq, &head.hash) != RC_OK) {
        return RC_OK;
    }
    if (!log_verify(&reader, feed, &head)) {
        return RC_OK;
    }
    if (!author_equal(session->surplus_hub, feed->hub)) {
        memset(session->surplus, 0, sizeof session->surplus);
        session->surplus_hub = feed->hub;
    }
    *known = head;
    *out_verified = true;
    return RC_OK;
}

enum rc session_on_give(struct sync_hub *hub, struct session *session, const struct frame *frame,
                        struct moment now) {
    struct feed feed;
    if (feed_decode(frame->body, &feed) != RC_OK) {
        hub->status.not_verified++;
        return RC_OK;
    }
    uint32_t rank = store_hub_rank(hub->options.store, feed.hub);
    struct claim *claim = &session->claims[chain_index(feed.lane, feed.audience)];
    bool asked = claim->seq > 0 && author_equal(claim->author, feed.hub);
    if (rank == 0 || rank == store_hub_last(hub->options.store) ||
        (hub->phase != HUB_SERVING && asked)) {
        return asked ? taken_back(hub, session, &feed, now) : RC_OK;
    }
    bool verified = false;
    enum rc rc = RC_OK;
    if (hub->phase == HUB_SERVING) {
        rc = verify_surplus(hub, session, &feed, &verified);
    }
    return rc == RC_OK && verified ? session_salvage(hub, session, &feed, now) : rc;
}

// ---- The next rank ----

enum rc sync_hub_open_rank(struct sync_hub *hub, struct moment now) {
    struct store *store = hub->options.store;
    struct incarnation next;
    struct signed_record record;
    uint8_t random[AUTHOR_RANDOM_BYTES];
    uint32_t rank = store_hub_rank(store, hub->author);
    enum rc rc = sync_hub_seal(hub, now);
    if (rc != RC_OK || MUTANT(&hub->options, no_rank) || !hub->options.incarnate) {
        hub->phase = HUB_SERVING;
        return rc;
    }
    hub->options.random(hub->options.ctx, random, sizeof random);
    rc = incarnation_begin(store, keypair_public(hub->options.device), hub->author, random, &next);
    if (rc == RC_OK) {
        rc = store_hub_put(store, next.own.author, (rank == 0 ? 1 : rank) + 1);
    }
    if (rc == RC_OK) {
        rc = hub->options.incarnate(hub->options.ctx, &next, now, &record);
    }
    if (rc != RC_OK) {
        return rc;
    }
    hub->author = next.own.author;
    hub->phase = HUB_SERVING;
    hub->behind = hub->restored = hub->confirmed = false;
    hub->status.ranks++;
    rc = store_meta_set(store, META_RESTORED, slice_of(NULL, 0));
    return rc == RC_OK ? sync_hub_append(hub, LANE_CONTROL, AUDIENCE_SITE, &record, now, NULL) : rc;
}

static bool claims_wait(const struct sync_hub *hub) {
    for (uint32_t i = 0; i < hub->session_count; i++) {
        for (uint8_t c = 0; hub->sessions[i]->live && c < FRAME_CHAINS_MAX; c++) {
            if (hub->sessions[i]->claims[c].seq > 0) {
                return true;
            }
        }
    }
    return false;
}

static bool lower_ranks_whole(struct sync_hub *hub) {
    uint32_t last = store_hub_last(hub->options.store);
    for (uint32_t rank = 1; rank < last; rank++) {
        if (!log_is_complete(hub->options.store, rank)) {
            return false;
        }
    }
    return true;
}

// Asked, answered, nothing open: serve. What was lost may be known to nobody, so that only a hub
// that was not behind goes on under its old name.
static enum rc finish_asking(struct sync_hub *hub, struct moment now) {
    bool quiet = hub->answered && now.mono.v - hub->news_at.v >= ASK_GRACE_MS &&
                 !claims_wait(hub) && lower_ranks_whole(hub);
    if (!quiet && !hub->confirmed) {
        return RC_OK;
    }
    if (hub->behind || hub->restored || hub->confirmed) {
        return sync_hub_open_rank(hub, now);
    }
    hub->phase = HUB_SERVING;
    return RC_OK;
}

bool sync_hub_due(const struct sync_hub *hub, struct moment now) {
    if (hub->options.relay) {
        return false;
    }
    bool busy = hub->phase != HUB_SERVING || claims_wait(hub);
    return (busy && now.mono.v >= hub->tick_at.v) || hub_again_due(hub, now);
}

enum rc sync_hub_tick(struct sync_hub *hub, struct moment now) {
    enum rc rc = RC_OK;
    hub->tick_at.v = now.mono.v + TICK_MS;
    for (uint32_t i = 0; i < hub->session_count && rc == RC_OK; i++) {
        struct session *session = hub->sessions[i];
        if (session->live && hub->phase == HUB_BEHIND) {
            rc = claim_adopted(hub, session);
        }
        for (uint8_t c = 0; session->live && c < FRAME_CHAINS_MAX && rc == RC_OK; c++) {
            rc = tick_claim(hub, session, c, now);
        }
    }
    if (rc == RC_OK && hub->phase != HUB_SERVING) {
        rc = finish_asking(hub, now);
    }
    return rc == RC_OK && hub->phase == HUB_SERVING ? hub_again_tick(hub, now) : rc;
}

// After a rollback: the store knows which incarnation stands.
void sync_hub_author_load(struct sync_hub *hub) {
    struct store_own own;
    struct author_id before = hub->author;
    hub->author = hub->options.author;
    if (hub->options.relay) {
        (void)!store_hub_at(hub->options.store, store_hub_last(hub->options.store), &hub->author);
        return;
    }
    if (store_own_get(hub->options.store, &own) == RC_OK) {
        hub->author = own.author;
    }
    uint32_t last = store_hub_last(hub->options.store);
    if (last > store_hub_rank(hub->options.store, hub->author)) {
        // Taken back, and not yet continued.
        (void)!store_hub_at(hub->options.store, last, &hub->author);
        hub->behind = true;
        hub->phase = HUB_BEHIND;
    }
    if (!id16_is_zero(before.id) && !author_equal(before, hub->author)) {
        hub->behind = true;
        hub->phase = HUB_BEHIND;
    }
}
