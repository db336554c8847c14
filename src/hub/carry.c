// Orders from above: accepted records of a parent's log, restated in this hub's own.
#include "carry_priv.h"

#include "davy/domain/carry/carry.h"

#include <stdio.h>
#include <string.h>

#define CARRY_A_STEP 32
#define CURSOR_BYTES (ID_BYTES + 8)

// How far one chain of the parent's log was looked through. A new incarnation starts anew: what was
// carried is known by its subject.
struct cursor {
    char key[40];
    struct author_id hub;
    uint64_t seq;
};

struct carrying {
    struct hub *hub;
    struct replica *replica;
    const struct roster_device *parent;
    struct cursor cursor;
    uint32_t stated;
    uint32_t looked;
};

static enum rc cursor_load(struct carrying *carrying, struct chain_id chain) {
    struct cursor *cursor = &carrying->cursor;
    struct buf value;
    char site[ID_HEX_BYTES];
    id16_hex(replica_site(carrying->replica).id, site);
    *cursor = (struct cursor){.hub = chain.author};
    (void)snprintf(cursor->key, sizeof cursor->key, "carry.%.16s.%u.%u", site, chain.lane,
                   chain.audience);
    buf_init(&value, CURSOR_BYTES);
    enum rc rc = store_meta_get(carrying->hub->store, cursor->key, &value);
    if (rc == RC_OK && value.len == CURSOR_BYTES) {
        struct reader in = reader_of(buf_slice(&value));
        struct author_id hub;
        reader_copy(&in, hub.id.b, ID_BYTES);
        cursor->seq = author_equal(hub, chain.author) ? reader_u64(&in) : 0;
    }
    buf_fini(&value);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static enum rc cursor_save(struct carrying *carrying) {
    struct buf value;
    buf_init(&value, CURSOR_BYTES);
    buf_put(&value, carrying->cursor.hub.id.b, ID_BYTES);
    buf_put_u64(&value, carrying->cursor.seq);
    enum rc rc = buf_rc(&value);
    if (rc == RC_OK) {
        rc = store_meta_set(carrying->hub->store, carrying->cursor.key, buf_slice(&value));
    }
    buf_fini(&value);
    return rc;
}

static bool may_order(const struct roster_device *parent, uint16_t kind) {
    for (uint8_t i = 0; i < parent->order_count; i++) {
        if (parent->orders[i] == kind) {
            return true;
        }
    }
    return false;
}

static enum rc state_order(struct carrying *carrying, struct slice bytes,
                           const struct signature *sig, const struct content *content,
                           struct utc_ms hub_time) {
    struct hub *hub = carrying->hub;
    struct public_key key;
    struct rid rid = content_rid(bytes);
    bool has_key = judge_key_of(replica_roster(carrying->replica), content, &key);
    buf_reset(&hub->body);
    struct body body =
        body_start(registry_kind(app_registry(), KIND_PARENT_CARRY, NULL), &hub->body);
    body_put_bytes(&body, CARRY_SITE, content->site.id.b, ID_BYTES);
    body_put_uint(&body, CARRY_KIND, content->kind);
    body_put_bytes(&body, CARRY_CONTENT, bytes.data, bytes.len);
    if (sig) {
        body_put_bytes(&body, CARRY_SIGNATURE, sig->b, SIGNATURE_BYTES);
    }
    if (sig && has_key) {
        body_put_bytes(&body, CARRY_KEY, key.b, PUBLIC_KEY_BYTES);
    }
    body_put_int(&body, CARRY_HUB_TIME, hub_time.v);
    carrying->stated++;
    return hub_state(hub, KIND_PARENT_CARRY, &rid, NULL);
}

// One admitted record of the parent's log.
static enum rc look_at(struct carrying *carrying, const struct place *place) {
    struct store *above = replica_store(carrying->replica);
    struct store_log log;
    struct content content;
    struct carry_state known;
    struct signature sig;
    struct buf bytes;
    bool has_sig = false;
    enum rc rc = store_log_of(above, place, &log);
    if (rc != RC_OK || log.verdict != VERDICT_ACCEPTED) {
        return rc == RC_NOT_FOUND ? RC_OK : rc; // not what its own check calls accepted
    }
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    rc = store_entry_get(above, place, &bytes, &has_sig, &sig);
    struct slice slice = buf_slice(&bytes);
    bool wanted = rc == RC_OK && content_decode(slice, &content) == RC_OK &&
                  may_order(carrying->parent, content.kind) && slice.len <= CARRY_CONTENT_MAX;
    if (wanted) {
        enum rc found =
            store_view_get(carrying->hub->store, &carry_module, content_rid(slice), false, &known);
        rc = found == RC_NOT_FOUND
                 ? state_order(carrying, slice, has_sig ? &sig : NULL, &content, log.hub_time)
                 : found;
    }
    buf_fini(&bytes);
    return rc;
}

static enum rc look_at_entry(void *ctx, const struct store_entry *entry) {
    struct carrying *carrying = ctx;
    struct admit admit;
    if (carrying->stated == CARRY_A_STEP) {
        return RC_FULL;
    }
    enum rc rc = RC_OK;
    if (entry->type == ENTRY_ADMIT && admit_decode(entry->bytes, &admit) == RC_OK) {
        rc = look_at(carrying, &admit.place);
    }
    if (rc == RC_OK) {
        carrying->cursor.seq = entry->place.seq;
        carrying->looked++;
    }
    return rc;
}

static enum rc look_at_chains(struct carrying *carrying) {
    struct store *above = replica_store(carrying->replica);
    struct author_id author = sync_hub_of(above);
    enum rc rc = RC_OK;
    for (uint8_t lane = 0; lane < LANE_COUNT && rc == RC_OK; lane++) {
        for (uint8_t audience = AUDIENCE_PARK; audience < AUDIENCE_COUNT && rc == RC_OK;
             audience++) {
            struct chain_id chain = {.author = author, .lane = lane, .audience = audience};
            struct store_chain held;
            rc = store_chain_get(above, chain, &held);
            if (rc == RC_OK) {
                rc = cursor_load(carrying, chain);
            }
            if (rc != RC_OK || held.sealed.seq <= carrying->cursor.seq) {
                continue;
            }
            carrying->looked = 0;
            rc = store_entries(above, chain, carrying->cursor.seq + 1, look_at_entry, carrying);
            if (rc == RC_OK && carrying->looked > 0) {
                rc = cursor_save(carrying);
            }
        }
    }
    return rc;
}

enum rc carry_orders(struct hub *hub, struct replica *replica, const char *account,
                     struct moment now, bool *out_more) {
    struct rid rid;
    hub->now = now;
    *out_more = false;
    if (id16_is_zero(sync_hub_of(replica_store(replica)).id) ||
        !roster_device_by_account(hub->roster, account, &rid)) {
        return RC_OK;
    }
    if (!sync_hub_serving(hub->sync)) {
        *out_more = true;
        return RC_OK;
    }
    const struct roster_device *row = roster_device(hub->roster, rid);
    if (row->kind != DEVICE_PARENT || row->revoked || row->order_count == 0) {
        return RC_OK;
    }
    struct roster_device parent = *row; // the round may fold into the roster
    struct carrying carrying = {.hub = hub, .replica = replica, .parent = &parent};
    enum rc rc = hub_begin(hub);
    if (rc != RC_OK) {
        return rc;
    }
    rc = look_at_chains(&carrying);
    if (rc == RC_OK) {
        rc = sync_hub_seal(hub->sync, now);
    }
    if (rc == RC_OK) {
        rc = store_commit(hub->store);
    }
    if (rc != RC_OK) {
        enum rc undone = hub_undo(hub);
        return undone == RC_OK ? rc : undone;
    }
    *out_more = carrying.stated == CARRY_A_STEP;
    return RC_OK;
}
