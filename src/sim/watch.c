// What passes on the wire, looked at in the moment when it leaves.
#include "world_priv.h"

#include <string.h>

// ---- Durable before it leaves ----

struct against {
    struct store *durable;
    bool differs;
};

static enum rc compare_head(void *ctx, const struct store_chain *chain) {
    struct against *against = ctx;
    struct store_chain durable;
    against->differs |= store_chain_get(against->durable, chain->id, &durable) != RC_OK ||
                        durable.head.seq != chain->head.seq ||
                        durable.sealed.seq != chain->sealed.seq ||
                        !hash32_equal(&durable.head.hash, &chain->head.hash);
    return RC_OK;
}

// A power cut now would leave a store with the same chains.
static bool copy_is_equal(struct world *world, struct store *store, const struct sim_disk *disk) {
    struct sim_disk *copy = NULL;
    struct against against = {0};
    if (sim_disk_clone(disk, 1, &copy) != RC_OK) {
        return true;
    }
    bool equal = ledger_look_into(copy, &against.durable) == RC_OK &&
                 store_chains(store, compare_head, &against) == RC_OK && !against.differs;
    store_close(against.durable);
    sim_disk_free(copy);
    world->result->copies++;
    return equal;
}

static uint64_t changes(const struct sim_disk *disk) {
    return sim_disk_count(disk, SIM_WRITE) + sim_disk_count(disk, SIM_SYNC);
}

static bool durable(struct world *world, struct store *store, const struct sim_disk *disk,
                    uint64_t *ops, const char *who) {
    if (store_in_transaction(store)) {
        return violated(world, SIM_S5, "%s sends before it has committed", who);
    }
    if (changes(disk) == *ops) {
        return true;
    }
    const char *unsynced = sim_disk_unsynced(disk);
    if (unsynced && !copy_is_equal(world, store, disk)) {
        return violated(world, SIM_S5, "%s sends what its disk would lose: %s", who, unsynced);
    }
    *ops = changes(disk);
    return true;
}

// ---- Sessions ----

static struct watched *greeted(struct world *world, const uint8_t nonce[FRAME_NONCE_BYTES]) {
    for (uint32_t i = 0; i < SIM_SESSIONS_MAX; i++) {
        if (memcmp(world->watched[i].nonce, nonce, FRAME_NONCE_BYTES) == 0) {
            return &world->watched[i];
        }
    }
    return NULL;
}

static struct watched *session(struct world *world, uint32_t id) {
    for (uint32_t i = 0; i < SIM_SESSIONS_MAX; i++) {
        if (world->watched[i].welcomed && world->watched[i].id == id) {
            return &world->watched[i];
        }
    }
    return NULL;
}

static uint8_t index_of(uint8_t lane, uint8_t audience) {
    return (uint8_t)(lane * AUDIENCE_COUNT + audience);
}

static void see_hello(struct world *world, const struct frame *frame) {
    struct hello hello;
    if (hello_decode(frame->body, &hello) == RC_OK) {
        struct watched *watched = &world->watched[world->watched_next++ % SIM_SESSIONS_MAX];
        memset(watched, 0, sizeof *watched);
        memcpy(watched->nonce, hello.nonce, FRAME_NONCE_BYTES);
        watched->author = hello.author;
    }
}

static void see_welcome(struct world *world, const struct frame *frame) {
    struct welcome welcome;
    struct watched *watched;
    if (welcome_decode(frame->body, &welcome) != RC_OK ||
        !(watched = greeted(world, welcome.hello_nonce))) {
        return;
    }
    struct watched *older = session(world, welcome.session); // of an earlier run of the hub
    if (older) {
        older->welcomed = false;
    }
    watched->welcomed = true;
    watched->id = welcome.session;
    for (uint8_t i = 0; i < welcome.held_count; i++) {
        uint8_t index = index_of(welcome.held[i].id.lane, welcome.held[i].id.audience);
        watched->held[index] = watched->sent[index] = welcome.held[i].seq;
    }
}

// ---- Up ----

static bool see_batch(struct node *node, const struct frame *frame) {
    struct world *world = node->world;
    struct watched *watched = session(world, frame->session);
    struct batch batch;
    if (!watched || world->forked || batch_decode(frame->body, &batch) != RC_OK) {
        return true;
    }
    uint8_t index = index_of(batch.lane, batch.audience);
    struct chain_id id = {.author = watched->author, .lane = batch.lane};
    id.audience = batch.audience;
    struct store_chain chain;
    if (batch.first_seq <= watched->held[index]) {
        return violated(world, SIM_S15, "device %u sends %llu again, its session's hub holds %llu",
                        node->index, (unsigned long long)batch.first_seq,
                        (unsigned long long)watched->held[index]);
    }
    if (store_chain_get(node->store, id, &chain) != RC_OK) {
        return true;
    }
    // From what the hub holds: the first try, or all of it once more.
    if (batch.first_seq == chain.acked_seq + 1) {
        watched->in_flight[index] = 0;
        watched->sent[index] = chain.acked_seq;
    }
    if (batch.first_seq > watched->sent[index]) {
        watched->in_flight[index] += (uint32_t)frame->body.len;
        watched->sent[index] = batch.first_seq + batch.count - 1;
    }
    return true;
}

bool watch_up(struct node *node, struct slice bytes) {
    struct world *world = node->world;
    char who[16] = "device ";
    who[7] = (char)('0' + node->index);
    struct frame frame;
    sim_disk_hold(node->disk, true);
    bool good = durable(world, node->store, node->disk, &node->durable_ops, who);
    sim_disk_hold(node->disk, false);
    if (!good) {
        return false;
    }
    if (frame_open(bytes, &frame) != RC_OK || frame_inflate(world->codec, &frame) != RC_OK) {
        return violated(world, SIM_S3, "device %u sends a frame that cannot be read", node->index);
    }
    if (frame.type == FRAME_HELLO) {
        see_hello(world, &frame);
    }
    if (frame.type != FRAME_BATCH) {
        return true;
    }
    if (!see_batch(node, &frame)) {
        return false;
    }
    struct watched *watched = session(world, frame.session);
    for (uint8_t i = 0; watched && !world->forked && i < FRAME_CHAINS_MAX; i++) {
        if (watched->in_flight[i] > LIMIT_WINDOW_BYTES + LIMIT_MESSAGE_BYTES) {
            return violated(world, SIM_S15, "device %u: %u bytes in flight", node->index,
                            watched->in_flight[i]);
        }
    }
    return true;
}

// ---- Down ----

static void claim(struct world *world, struct chain_id id, const struct ack *ack) {
    for (uint32_t i = 0; i < world->claim_count; i++) {
        struct claim *claim = &world->claims[i];
        if (chain_id_equal(claim->id, id)) {
            if (ack->seq > claim->seq) {
                claim->seq = ack->seq;
                memcpy(claim->hash, ack->hash, SEEN_HASH_BYTES);
            }
            return;
        }
    }
    if (world->claim_count < SIM_CLAIMS_MAX) {
        struct claim *claim = &world->claims[world->claim_count++];
        *claim = (struct claim){.id = id, .seq = ack->seq};
        memcpy(claim->hash, ack->hash, SEEN_HASH_BYTES);
    }
}

static bool holds(struct world *world, struct chain_id id, uint64_t seq, const uint8_t *hash) {
    struct store_chain chain;
    struct hash32 mine;
    return store_chain_get(hub_store(world->hub), id, &chain) == RC_OK && chain.head.seq >= seq &&
           store_chain_hash(hub_store(world->hub), id, seq, &mine) == RC_OK &&
           memcmp(mine.b, hash, SEEN_HASH_BYTES) == 0;
}

static bool see_ack(struct world *world, const struct frame *frame) {
    struct watched *watched = session(world, frame->session);
    struct ack ack;
    if (!watched || ack_decode(frame->body, &ack) != RC_OK || ack.seq == 0) {
        return true;
    }
    struct chain_id id = {.author = watched->author, .lane = ack.lane, .audience = ack.audience};
    world->result->acks++;
    claim(world, id, &ack);
    return holds(world, id, ack.seq, ack.hash) ||
           violated(world, SIM_S5, "the hub says that it holds lane %u seq %llu, and does not",
                    ack.lane, (unsigned long long)ack.seq);
}

bool watch_down(struct world *world, const char *account, struct slice bytes) {
    struct frame frame;
    (void)account;
    if (!world->hub) {
        return true;
    }
    sim_disk_hold(world->hub_disk, true);
    bool good =
        durable(world, hub_store(world->hub), world->hub_disk, &world->hub_durable_ops, "the hub");
    if (good &&
        (frame_open(bytes, &frame) != RC_OK || frame_inflate(world->codec, &frame) != RC_OK)) {
        good = violated(world, SIM_S3, "the hub sends a frame that cannot be read");
    }
    if (good && frame.type == FRAME_WELCOME) {
        see_welcome(world, &frame);
    }
    good = good && (frame.type != FRAME_ACK || see_ack(world, &frame));
    sim_disk_hold(world->hub_disk, false);
    return good;
}

bool watch_claims(struct world *world) {
    for (uint32_t i = 0; i < world->claim_count; i++) {
        const struct claim *claim = &world->claims[i];
        if (!holds(world, claim->id, claim->seq, claim->hash)) {
            return violated(world, SIM_S1, "the hub has lost lane %u seq %llu, acknowledged before",
                            claim->id.lane, (unsigned long long)claim->seq);
        }
    }
    return true;
}
