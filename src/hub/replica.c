#include "davy/hub/replica.h"

#include "davy/app/app.h"
#include "davy/app/judge.h"
#include "davy/base/ensure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define META_RANDOM "replica.random"
#define META_HEARD "replica.heard"
#define HEARD_EVERY_MS 60000 // kept that often, for those who look while no hub runs
#define REPLICA_INBOX_MAX 1024
#define REPLICA_STEP_BYTES 524288
#define REPLICA_RETRY_MS 5000 // after a full disk
#define REPLICA_STEP_MS 1000

struct replica_frame {
    char account[LIMIT_TAG_BYTES + 1]; // of a reader above; "": from the log's hub
    size_t len;
    uint8_t *bytes;
};

struct replica {
    struct replica_options options;
    struct store *store;
    struct roster *roster;
    struct sync_device *reader;
    struct sync_hub *relay; // NULL: nobody above, or the log's hub is not met yet
    struct author_id relayed;
    uint8_t random[AUTHOR_RANDOM_BYTES];
    struct replica_frame inbox[REPLICA_INBOX_MAX];
    uint32_t inbox_head, inbox_count;
    size_t inbox_bytes;
    struct mono_ms tick_at;
    struct mono_ms not_before;
    bool linked;
    bool folded; // since the last step
    enum rc trouble;
    struct moment now;
    struct utc_ms heard_kept;
};

static void on_fold(void *ctx, const struct module *module, struct rid subject, const void *state) {
    struct replica *replica = ctx;
    replica->folded = true;
    if (module == &roster_module && roster_set(replica->roster, subject, state) != RC_OK) {
        log_write(replica->options.log, LOG_ERROR, "another site's roster is beyond the limits");
    }
}

static enum rc load_roster(void *ctx, struct rid subject, const void *state) {
    return roster_set(ctx, subject, state);
}

static enum rc reload_roster(struct replica *replica) {
    struct roster *fresh = NULL;
    struct view_query all = {.limit = UINT32_MAX};
    enum rc rc = roster_new(&fresh);
    if (rc == RC_OK) {
        rc = store_view_each(replica->store, &roster_module, &all, load_roster, fresh);
    }
    if (rc != RC_OK) {
        roster_free(fresh);
        return rc;
    }
    roster_free(replica->roster);
    replica->roster = fresh;
    return RC_OK;
}

static bool key_of(void *ctx, const struct content *content, struct public_key *out_key) {
    return judge_key_of(((struct replica *)ctx)->roster, content, out_key);
}

static void random_of(void *ctx, void *out, size_t len) {
    const struct replica *replica = ctx;
    replica->options.random(replica->options.ctx, out, len);
}

static enum rc send_of(void *ctx, uint8_t lane, struct slice frame) {
    (void)lane;
    struct replica *replica = ctx;
    return replica->linked
               ? replica->options.send(replica->options.ctx, replica->options.site, frame)
               : RC_OFFLINE;
}

// The reader's name for sessions, kept so that a restart is no new reader.
static enum rc own_random(struct replica *replica) {
    struct buf value;
    buf_init(&value, AUTHOR_RANDOM_BYTES);
    enum rc rc = store_meta_get(replica->store, META_RANDOM, &value);
    if (rc == RC_OK && value.len == AUTHOR_RANDOM_BYTES) {
        memcpy(replica->random, value.data, AUTHOR_RANDOM_BYTES);
    } else if (rc == RC_NOT_FOUND) {
        random_of(replica, replica->random, sizeof replica->random);
        rc = store_meta_set(replica->store, META_RANDOM,
                            slice_of(replica->random, sizeof replica->random));
    }
    buf_fini(&value);
    return rc;
}

// Lane 0, and what leaves the site.
static uint16_t readable_chains(void) {
    uint16_t chains = 1;
    for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
        for (uint8_t audience = AUDIENCE_PARK; audience < AUDIENCE_COUNT; audience++) {
            chains |= (uint16_t)(1u << (lane * AUDIENCE_COUNT + audience));
        }
    }
    return chains;
}

static enum rc pin_site(struct replica *replica) {
    enum rc rc = store_begin(replica->store);
    if (rc == RC_OK) {
        rc = store_site_set(replica->store, replica->options.site);
    }
    if (rc == RC_OK) {
        rc = own_random(replica);
    }
    if (rc == RC_OK) {
        rc = log_readable_set(replica->store, readable_chains());
    }
    if (rc == RC_OK) {
        rc = store_commit(replica->store);
    }
    if (rc != RC_OK && store_in_transaction(replica->store)) {
        store_rollback(replica->store);
    }
    return rc;
}

static enum rc open_reader(struct replica *replica) {
    const struct public_key *own = keypair_public(replica->options.hub);
    struct sync_device_options options = {.store = replica->store,
                                          .scheme = replica->options.scheme,
                                          .device = replica->options.hub,
                                          .device_rid = replica->options.device_rid,
                                          .peer_key = replica->options.peer_key,
                                          .seal_key = replica->options.seal_key,
                                          .author = author_of(own, replica->random),
                                          .message_bytes_max = LIMIT_MESSAGE_BYTES,
                                          .ctx = replica,
                                          .key_of = key_of,
                                          .random = random_of,
                                          .send = send_of};
    memcpy(options.author_random, replica->random, AUTHOR_RANDOM_BYTES);
    random_of(replica, &options.seed, sizeof options.seed);
    return sync_device_new(&options, &replica->reader);
}

static enum rc open_parts(struct replica *replica, struct refusal *out_refusal) {
    struct store_options options = {.folder = replica->options.folder,
                                    .vfs = replica->options.vfs,
                                    .registry = app_registry(),
                                    .create = true};
    enum rc rc = store_open(&options, &replica->store, out_refusal);
    if (rc == RC_OK) {
        rc = pin_site(replica);
    }
    if (rc == RC_OK) {
        rc = reload_roster(replica);
    }
    if (rc == RC_OK) {
        store_on_fold(replica->store, on_fold, replica);
        rc = open_reader(replica);
    }
    return rc;
}

enum rc replica_open(const struct replica_options *options, struct moment now,
                     struct replica **out_replica, struct refusal *out_refusal) {
    struct replica *replica = calloc(1, sizeof *replica);
    if (!replica) {
        return RC_NO_MEMORY;
    }
    replica->options = *options;
    replica->now = now;
    replica->folded = true;
    enum rc rc = open_parts(replica, out_refusal);
    if (rc != RC_OK) {
        replica_close(replica);
        return rc;
    }
    *out_replica = replica;
    return RC_OK;
}

static void inbox_drop(struct replica *replica, uint32_t count) {
    for (; count > 0; count--) {
        struct replica_frame *slot = &replica->inbox[replica->inbox_head];
        replica->inbox_bytes -= slot->len;
        free(slot->bytes);
        slot->bytes = NULL;
        replica->inbox_head = (replica->inbox_head + 1) % REPLICA_INBOX_MAX;
        replica->inbox_count--;
    }
}

void replica_close(struct replica *replica) {
    if (!replica) {
        return;
    }
    inbox_drop(replica, replica->inbox_count);
    sync_hub_free(replica->relay);
    sync_device_free(replica->reader);
    store_close(replica->store);
    roster_free(replica->roster);
    free(replica);
}

void replica_link(struct replica *replica, bool up, struct moment now) {
    replica->linked = up;
    replica->tick_at.v = 0;
    sync_device_link(replica->reader, up, now);
}

static enum rc inbox_put(struct replica *replica, const char *account, struct slice frame) {
    if (replica->inbox_count == REPLICA_INBOX_MAX ||
        replica->inbox_bytes + frame.len > LIMIT_INBOX_BYTES) {
        return RC_FULL;
    }
    uint8_t *bytes = malloc(frame.len ? frame.len : 1);
    if (!bytes) {
        return RC_NO_MEMORY;
    }
    memcpy(bytes, frame.data, frame.len);
    uint32_t at = (replica->inbox_head + replica->inbox_count++) % REPLICA_INBOX_MAX;
    struct replica_frame *slot = &replica->inbox[at];
    (void)snprintf(slot->account, sizeof slot->account, "%s", account);
    slot->bytes = bytes;
    slot->len = frame.len;
    replica->inbox_bytes += frame.len;
    return RC_OK;
}

enum rc replica_receive(struct replica *replica, struct slice frame) {
    return inbox_put(replica, "", frame);
}

enum rc replica_receive_up(struct replica *replica, const char *account, struct slice frame) {
    return replica->relay && account[0] != '\0' ? inbox_put(replica, account, frame) : RC_NOT_FOUND;
}

// ---- The tier above ----

static bool upper_of(void *ctx, const char *account, struct sync_peer *out_peer) {
    struct replica *replica = ctx;
    if (!replica->options.upper_of(replica->options.ctx, account, out_peer) || !out_peer->tier) {
        return false;
    }
    // What this hub may read of another site, its own parent may not all read.
    out_peer->audience = AUDIENCE_CITY;
    return true;
}

static enum rc send_up(void *ctx, const char *account, uint8_t lane, struct slice frame) {
    (void)lane;
    struct replica *replica = ctx;
    return account ? replica->options.send_up(replica->options.ctx, replica->options.site, account,
                                              frame)
                   : RC_OK;
}

static bool relay_invite(void *ctx, const uint8_t secret_id[16], struct moment now,
                         uint8_t out_secret[16]) {
    (void)ctx;
    (void)secret_id;
    (void)now;
    (void)out_secret;
    return false; // nobody joins another site here
}

// A relay speaks of one incarnation of the log's hub.
static void relay_update(struct replica *replica) {
    struct author_id hub = sync_hub_of(replica->store);
    if (!replica->options.upper_of || id16_is_zero(hub.id) ||
        (replica->relay && author_equal(hub, replica->relayed))) {
        return;
    }
    struct sync_hub_options options = {.store = replica->store,
                                       .scheme = replica->options.scheme,
                                       .device = replica->options.hub,
                                       .author = hub,
                                       .relay = true,
                                       .message_bytes_max = LIMIT_MESSAGE_BYTES,
                                       .ctx = replica,
                                       .device_of = upper_of,
                                       .invite = relay_invite,
                                       .random = random_of,
                                       .send = send_up};
    random_of(replica, &options.seed, sizeof options.seed);
    struct sync_hub *relay = NULL;
    if (sync_hub_new(&options, &relay) == RC_OK) {
        sync_hub_free(replica->relay);
        replica->relay = relay;
        replica->relayed = hub;
    }
}

void replica_greet(struct replica *replica, const char *account, struct moment now) {
    if (replica->relay) {
        sync_hub_greet(replica->relay, account, now);
    }
}

// ---- One step ----

static enum rc take_frames(struct replica *replica, uint32_t *out_frames,
                           struct mono_ms *out_next) {
    size_t bytes = 0;
    enum rc rc = RC_OK;
    while (*out_frames < replica->inbox_count && bytes < REPLICA_STEP_BYTES && rc == RC_OK) {
        uint32_t at = (replica->inbox_head + (*out_frames)++) % REPLICA_INBOX_MAX;
        const struct replica_frame *slot = &replica->inbox[at];
        struct slice frame = slice_of(slot->bytes, slot->len);
        bytes += slot->len;
        if (slot->account[0] == '\0') {
            rc = sync_device_receive(replica->reader, frame, replica->now);
        } else if (replica->relay) {
            rc = sync_hub_receive(replica->relay, slot->account, frame, replica->now);
        }
    }
    return rc == RC_OK ? sync_device_tick(replica->reader, replica->now, out_next) : rc;
}

// The last word of that hub in this run; 0 if there was none.
static struct utc_ms heard_at(const struct replica *replica,
                              const struct sync_device_status *sync) {
    struct utc_ms heard = {replica->now.utc.v - (replica->now.mono.v - sync->heard.v)};
    return sync->heard.v > 0 ? heard : (struct utc_ms){0};
}

static enum rc keep_heard(struct replica *replica) {
    struct sync_device_status sync;
    struct buf value;
    sync_device_status(replica->reader, &sync);
    struct utc_ms heard = heard_at(replica, &sync);
    if (heard.v - replica->heard_kept.v < HEARD_EVERY_MS) {
        return RC_OK;
    }
    buf_init(&value, sizeof(uint64_t));
    buf_put_u64(&value, (uint64_t)heard.v);
    enum rc rc = buf_rc(&value);
    if (rc == RC_OK) {
        rc = store_meta_set(replica->store, META_HEARD, buf_slice(&value));
    }
    replica->heard_kept = rc == RC_OK ? heard : replica->heard_kept;
    buf_fini(&value);
    return rc;
}

// Nothing of the step stands; the peers agree again on what is held.
static void step_failed(struct replica *replica, enum rc rc) {
    if (store_in_transaction(replica->store)) {
        store_rollback(replica->store);
    }
    sync_device_aborted(replica->reader);
    if (replica->relay) {
        sync_hub_aborted(replica->relay);
    }
    enum rc loaded = reload_roster(replica);
    rc = loaded == RC_OK ? rc : loaded;
    replica->not_before.v = replica->now.mono.v + REPLICA_RETRY_MS;
    if (rc != replica->trouble) {
        char site[ID_SHORT_BYTES];
        id16_short(replica->options.site.id, site);
        log_write(replica->options.log, LOG_ERROR, "the copy of the log of %s takes nothing: %s",
                  site, rc_name(rc));
    }
    replica->trouble = rc;
}

void replica_step(struct replica *replica, struct moment now, struct mono_ms *out_next) {
    replica->now = now;
    struct mono_ms next = {now.mono.v + REPLICA_STEP_MS};
    out_next->v = next.v;
    // After a failed sync to disk only a new process, which reads the file anew, may go on.
    bool halted = replica->trouble == RC_IO || replica->trouble == RC_CORRUPT;
    bool due = replica->inbox_count > 0 || now.mono.v >= replica->tick_at.v;
    if (halted || now.mono.v < replica->not_before.v || !due) {
        return;
    }
    uint32_t frames = 0;
    enum rc rc = store_begin(replica->store);
    if (rc == RC_OK) {
        rc = take_frames(replica, &frames, &next);
    }
    if (rc == RC_OK) {
        rc = keep_heard(replica);
    }
    if (rc == RC_OK) {
        rc = store_commit(replica->store);
    }
    inbox_drop(replica, frames);
    if (rc != RC_OK) {
        step_failed(replica, rc);
        return;
    }
    replica->trouble = RC_OK;
    replica->tick_at = next;
    sync_device_flush(replica->reader, now);
    relay_update(replica);
    if (replica->relay) {
        struct mono_ms relay_next;
        sync_hub_flush(replica->relay, now, &relay_next);
        next.v = relay_next.v < next.v ? relay_next.v : next.v;
    }
    if (replica->folded && replica->options.taken) {
        replica->folded = false;
        replica->options.taken(replica->options.ctx, replica->options.site);
    }
    out_next->v = replica->inbox_count > 0 ? now.mono.v : next.v;
}

bool replica_has_work(const struct replica *replica) {
    return replica->inbox_count > 0 && replica->now.mono.v >= replica->not_before.v;
}

struct site_id replica_site(const struct replica *replica) {
    return replica->options.site;
}

struct store *replica_store(struct replica *replica) {
    return replica->store;
}

const struct roster *replica_roster(const struct replica *replica) {
    return replica->roster;
}

struct counting {
    struct author_id hub;
    uint64_t entries;
};

static enum rc count_entries(void *ctx, const struct store_chain *chain) {
    struct counting *counting = ctx;
    if (author_equal(chain->id.author, counting->hub)) {
        counting->entries += chain->sealed.seq;
    }
    return RC_OK;
}

enum rc replica_status_of(struct store *store, struct replica_status *out_status) {
    struct replica_status status = {.sync.phase = SYNC_OFFLINE};
    struct counting counting = {.entries = 0};
    struct buf value;
    buf_init(&value, sizeof(uint64_t));
    enum rc rc = sync_hub_find(store, &counting.hub);
    if (rc == RC_OK) {
        rc = store_chains(store, count_entries, &counting);
    }
    if (rc == RC_OK) {
        rc = store_meta_get(store, META_HEARD, &value);
    }
    if (rc == RC_OK) {
        struct reader in = reader_of(buf_slice(&value));
        status.heard.v = (int64_t)reader_u64(&in);
    }
    buf_fini(&value);
    if (rc != RC_OK && rc != RC_NOT_FOUND) {
        return rc;
    }
    status.entries = counting.entries;
    *out_status = status;
    return RC_OK;
}

void replica_status(struct replica *replica, struct replica_status *out_status) {
    struct replica_status status = {.trouble = RC_OK};
    enum rc rc = replica_status_of(replica->store, &status);
    sync_device_status(replica->reader, &status.sync);
    struct utc_ms heard = heard_at(replica, &status.sync);
    status.heard = heard.v > status.heard.v ? heard : status.heard;
    status.trouble = rc == RC_OK ? replica->trouble : rc;
    *out_status = status;
}
