#include "davy/hub/tiers.h"

#include "carry_priv.h"
#include "hub_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIERS_LOOK_MS 2000 // a new row of the roster is seen that late at most
#define FOLDER_BYTES 1200

struct tier_child {
    char account[LIMIT_TAG_BYTES + 1]; // on this hub's broker
    struct site_id site;               // of the log
    struct site_id via;                // of the child that relays it; zero: it is the child's own
    struct public_key peer_key, seal_key;
    struct replica *replica; // NULL: cannot be kept
    bool listed;             // still in the roster
};
struct tier_parent {
    struct device_config config;
    char account[LIMIT_TAG_BYTES + 1]; // in this hub's roster
    struct replica *replica;
    bool linked;
    bool orders_due; // its log has something new
};
struct tiers {
    struct tiers_options options;
    struct tier_child children[TIERS_CHILDREN_MAX];
    uint32_t child_count;
    struct tier_parent parents[TIERS_PARENTS_MAX];
    uint32_t parent_count;
    bool linked;
    struct mono_ms look_at;
};

static bool is_site(struct site_id site, const char *digits) {
    char hex[ID_HEX_BYTES];
    id16_hex(site.id, hex);
    return strncmp(hex, digits, TIER_SITE_DIGITS) == 0 && strlen(digits) == TIER_SITE_DIGITS;
}

void tiers_parent_account(struct site_id parent, char out_account[static LIMIT_TAG_BYTES + 1]) {
    char hex[ID_HEX_BYTES];
    id16_hex(parent.id, hex);
    (void)snprintf(out_account, LIMIT_TAG_BYTES + 1, TIERS_PARENT_PREFIX "%.*s", TIER_SITE_DIGITS,
                   hex);
}

enum rc tiers_open(const struct tiers_options *options, struct moment now,
                   struct tiers **out_tiers) {
    struct tiers *tiers = calloc(1, sizeof *tiers);
    if (!tiers) {
        return RC_NO_MEMORY;
    }
    tiers->options = *options;
    tiers->look_at = now.mono;
    *out_tiers = tiers;
    return RC_OK;
}

void tiers_close(struct tiers *tiers) {
    if (!tiers) {
        return;
    }
    for (uint32_t i = 0; i < tiers->child_count; i++) {
        replica_close(tiers->children[i].replica);
    }
    for (uint32_t i = 0; i < tiers->parent_count; i++) {
        replica_close(tiers->parents[i].replica);
        keys_wipe(&tiers->parents[i].config, sizeof tiers->parents[i].config);
    }
    free(tiers);
}

// ---- What replicas ask and send ----

static struct tier_child *child_of_log(struct tiers *tiers, struct site_id site) {
    for (uint32_t i = 0; i < tiers->child_count; i++) {
        if (id16_equal(tiers->children[i].site.id, site.id)) {
            return &tiers->children[i];
        }
    }
    return NULL;
}

static struct tier_parent *parent_of(struct tiers *tiers, struct site_id site) {
    for (uint32_t i = 0; i < tiers->parent_count; i++) {
        if (id16_equal(tiers->parents[i].config.site.id, site.id)) {
            return &tiers->parents[i];
        }
    }
    return NULL;
}

static struct tier_parent *parent_by_account(struct tiers *tiers, const char *account) {
    for (uint32_t i = 0; i < tiers->parent_count; i++) {
        if (strcmp(tiers->parents[i].account, account) == 0) {
            return &tiers->parents[i];
        }
    }
    return NULL;
}

static void parent_taken(void *ctx, struct site_id site) {
    struct tier_parent *parent = parent_of(ctx, site);
    if (parent) {
        parent->orders_due = true;
    }
}

static void random_of(void *ctx, void *out, size_t len) {
    const struct tiers *tiers = ctx;
    tiers->options.random(tiers->options.ctx, out, len);
}

static enum rc send_child(void *ctx, struct site_id site, struct slice frame) {
    struct tiers *tiers = ctx;
    const struct tier_child *child = child_of_log(tiers, site);
    return child ? tiers->options.send_child(tiers->options.ctx, child->account, site, frame)
                 : RC_NOT_FOUND;
}

static enum rc send_reader(void *ctx, struct site_id site, struct slice frame) {
    struct tiers *tiers = ctx;
    return tiers->options.send_reader(tiers->options.ctx, site, frame);
}

static enum rc send_up(void *ctx, struct site_id log, const char *account, struct slice frame) {
    struct tiers *tiers = ctx;
    const struct tier_parent *parent = parent_by_account(tiers, account);
    return parent && parent->linked
               ? tiers->options.send_parent(tiers->options.ctx, parent->config.site, log, frame)
               : RC_OFFLINE;
}

static bool upper_of(void *ctx, const char *account, struct sync_peer *out_peer) {
    struct tiers *tiers = ctx;
    return parent_by_account(tiers, account) &&
           hub_device_of(tiers->options.hub, account, out_peer);
}

static enum rc open_replica(struct tiers *tiers, struct replica_options *options, const char *kind,
                            struct moment now, struct replica **out_replica,
                            struct refusal *out_refusal) {
    char folder[FOLDER_BYTES];
    if (!tiers->options.place_of(tiers->options.ctx, kind, options->site, folder, &options->vfs)) {
        return REFUSE(out_refusal, REFUSAL_STORE_FOREIGN, kind);
    }
    options->folder = folder;
    options->scheme = tiers->options.hub->options.scheme;
    options->hub = tiers->options.hub->keys.pair;
    options->log = tiers->options.log;
    options->ctx = tiers;
    options->random = random_of;
    return replica_open(options, now, out_replica, out_refusal);
}

// ---- Children ----

static void child_open(struct tiers *tiers, struct tier_child *child, struct moment now) {
    struct refusal refusal = {0};
    struct replica_options options = {.site = child->site,
                                      .peer_key = child->peer_key,
                                      .seal_key = child->seal_key,
                                      .send = send_child,
                                      .upper_of = upper_of,
                                      .send_up = send_up};
    enum rc rc = open_replica(tiers, &options, "children", now, &child->replica, &refusal);
    if (rc != RC_OK) {
        log_write(tiers->options.log, LOG_ERROR, "the log of %s cannot be kept: %s", child->account,
                  rc == RC_REFUSED ? refusal_name(refusal.code) : rc_name(rc));
        return;
    }
    replica_link(child->replica, tiers->linked, now);
}

static bool same_key(const struct public_key *a, const struct public_key *b) {
    return memcmp(a->b, b->b, PUBLIC_KEY_BYTES) == 0;
}

// A row of a roster that names a log below. `via` is zero for this hub's own roster.
static void child_list(struct tiers *tiers, const struct tier_child *found, struct moment now) {
    struct tier_child *child = child_of_log(tiers, found->site);
    if (id16_equal(found->site.id, tiers->options.hub->config.site.id) ||
        (child && child->listed)) {
        return; // itself, or the shorter way is listed already
    }
    if (child && same_key(&child->peer_key, &found->peer_key) &&
        same_key(&child->seal_key, &found->seal_key) &&
        strcmp(child->account, found->account) == 0) {
        child->listed = true;
        return;
    }
    if (child) {
        replica_close(child->replica); // other keys, or another way there
    } else if (tiers->child_count == TIERS_CHILDREN_MAX) {
        return;
    } else {
        child = &tiers->children[tiers->child_count++];
    }
    *child = *found;
    child->listed = true;
    child_open(tiers, child, now);
}

static void list_roster(struct tiers *tiers, const struct roster *roster,
                        const struct tier_child *via, struct moment now) {
    for (uint32_t i = 0; i < roster_device_count(roster); i++) {
        struct rid rid;
        const struct roster_device *device =
            roster_device_at(roster, i, &rid) ? roster_device(roster, rid) : NULL;
        if (!device || device->kind != DEVICE_CHILD || device->revoked) {
            continue;
        }
        struct tier_child found = {.site = device->site,
                                   .via = via ? via->site : (struct site_id){{{0}}},
                                   .peer_key = via ? via->peer_key : device->key,
                                   .seal_key = device->key};
        (void)snprintf(found.account, sizeof found.account, "%s",
                       via ? via->account : device->account);
        child_list(tiers, &found, now);
    }
}

// Brings the list of logs below in line with the rosters. A child that was withdrawn is read no
// more; what was taken stays in its folder.
static void children_look(struct tiers *tiers, struct moment now) {
    for (uint32_t i = 0; i < tiers->child_count; i++) {
        tiers->children[i].listed = false;
    }
    list_roster(tiers, hub_roster(tiers->options.hub), NULL, now);
    uint32_t own = tiers->child_count;
    for (uint32_t i = 0; i < own; i++) {
        const struct tier_child via = tiers->children[i];
        if (via.listed && via.replica && id16_is_zero(via.via.id)) {
            list_roster(tiers, replica_roster(via.replica), &via, now);
        }
    }
    for (uint32_t i = tiers->child_count; i-- > 0;) {
        if (!tiers->children[i].listed) {
            replica_close(tiers->children[i].replica);
            tiers->children[i] = tiers->children[--tiers->child_count];
        }
    }
}

// ---- Parents ----

enum rc tiers_parent_add(struct tiers *tiers, const struct device_config *config, struct moment now,
                         struct refusal *out_refusal) {
    if (id16_equal(config->site.id, tiers->options.hub->config.site.id)) {
        return RC_WRONG_SITE;
    }
    if (parent_of(tiers, config->site)) {
        return RC_EXISTS;
    }
    if (tiers->parent_count == TIERS_PARENTS_MAX) {
        return RC_FULL;
    }
    struct tier_parent *parent = &tiers->parents[tiers->parent_count];
    *parent = (struct tier_parent){.config = *config};
    tiers_parent_account(config->site, parent->account);
    struct replica_options options = {.site = config->site,
                                      .device_rid = config->device,
                                      .peer_key = config->hub_key,
                                      .seal_key = config->hub_key,
                                      .send = send_reader,
                                      .taken = parent_taken};
    enum rc rc = open_replica(tiers, &options, "parents", now, &parent->replica, out_refusal);
    if (rc == RC_OK) {
        tiers->parent_count++;
    }
    return rc;
}

void tiers_link(struct tiers *tiers, bool up, struct moment now) {
    tiers->linked = up;
    for (uint32_t i = 0; i < tiers->child_count; i++) {
        if (tiers->children[i].replica) {
            replica_link(tiers->children[i].replica, up, now);
        }
    }
}

void tiers_parent_link(struct tiers *tiers, struct site_id site, bool up, struct moment now) {
    struct tier_parent *parent = parent_of(tiers, site);
    if (!parent) {
        return;
    }
    parent->linked = up;
    replica_link(parent->replica, up, now);
    if (!up) {
        return;
    }
    sync_hub_greet(tiers->options.hub->sync, parent->account, now);
    for (uint32_t i = 0; i < tiers->child_count; i++) {
        if (tiers->children[i].replica) {
            replica_greet(tiers->children[i].replica, parent->account, now);
        }
    }
}

// ---- Frames ----

enum rc tiers_from_child(struct tiers *tiers, const char *account, const char *log,
                         struct slice frame) {
    for (uint32_t i = 0; i < tiers->child_count; i++) {
        struct tier_child *child = &tiers->children[i];
        if (child->replica && is_site(child->site, log) && strcmp(child->account, account) == 0) {
            return replica_receive(child->replica, frame);
        }
    }
    return RC_NOT_FOUND;
}

enum rc tiers_from_parent(struct tiers *tiers, struct site_id site, const char *log,
                          struct slice frame) {
    const struct tier_parent *parent = parent_of(tiers, site);
    if (!parent) {
        return RC_NOT_FOUND;
    }
    if (is_site(tiers->options.hub->config.site, log)) {
        return hub_receive(tiers->options.hub, parent->account, frame);
    }
    for (uint32_t i = 0; i < tiers->child_count; i++) {
        struct tier_child *child = &tiers->children[i];
        if (child->replica && is_site(child->site, log)) {
            return replica_receive_up(child->replica, parent->account, frame);
        }
    }
    return RC_NOT_FOUND;
}

enum rc tiers_from_parent_reader(struct tiers *tiers, struct site_id site, struct slice frame) {
    const struct tier_parent *parent = parent_of(tiers, site);
    return parent ? replica_receive(parent->replica, frame) : RC_NOT_FOUND;
}

bool tiers_send(struct tiers *tiers, const char *account, struct slice frame, enum rc *out_rc) {
    const struct tier_parent *parent = parent_by_account(tiers, account);
    if (!parent) {
        return false;
    }
    *out_rc = parent->linked ? tiers->options.send_parent(tiers->options.ctx, parent->config.site,
                                                          tiers->options.hub->config.site, frame)
                             : RC_OFFLINE;
    return true;
}

// ---- Steps ----

static void step_one(struct replica *replica, struct moment now, struct mono_ms *inout_next) {
    struct mono_ms next;
    if (replica) {
        replica_step(replica, now, &next);
        inout_next->v = next.v < inout_next->v ? next.v : inout_next->v;
    }
}

static void step_orders(struct tiers *tiers, struct tier_parent *parent, struct moment now,
                        struct mono_ms *inout_next) {
    if (!parent->orders_due) {
        return;
    }
    bool more = false;
    enum rc rc = carry_orders(tiers->options.hub, parent->replica, parent->account, now, &more);
    if (rc != RC_OK) {
        log_write(tiers->options.log, LOG_ERROR, "orders from above were not taken: %s",
                  rc_name(rc));
    }
    parent->orders_due = more || rc != RC_OK; // looked for again with the next step
    if (more) {
        inout_next->v = now.mono.v;
    }
}

void tiers_step(struct tiers *tiers, struct moment now, struct mono_ms *inout_next) {
    if (now.mono.v >= tiers->look_at.v) {
        tiers->look_at.v = now.mono.v + TIERS_LOOK_MS;
        children_look(tiers, now);
    }
    for (uint32_t i = 0; i < tiers->child_count; i++) {
        step_one(tiers->children[i].replica, now, inout_next);
    }
    for (uint32_t i = 0; i < tiers->parent_count; i++) {
        step_one(tiers->parents[i].replica, now, inout_next);
        step_orders(tiers, &tiers->parents[i], now, inout_next);
    }
}

bool tiers_have_work(const struct tiers *tiers) {
    for (uint32_t i = 0; i < tiers->child_count; i++) {
        if (tiers->children[i].replica && replica_has_work(tiers->children[i].replica)) {
            return true;
        }
    }
    for (uint32_t i = 0; i < tiers->parent_count; i++) {
        if (replica_has_work(tiers->parents[i].replica)) {
            return true;
        }
    }
    return false;
}

// ---- For people ----

static void row_fill(struct replica *replica, struct tier_row *row) {
    if (!replica) {
        return;
    }
    const struct roster_site *site = roster_site(replica_roster(replica));
    (void)snprintf(row->name, sizeof row->name, "%s", site ? site->name : "");
    replica_status(replica, &row->status);
    row->readable = row->status.trouble == RC_OK;
}

uint32_t tiers_rows(struct tiers *tiers, struct tier_row *out_rows, uint32_t max) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < tiers->child_count && count < max; i++) {
        const struct tier_child *child = &tiers->children[i];
        struct tier_row *row = &out_rows[count++];
        *row = (struct tier_row){
            .relayed = !id16_is_zero(child->via.id), .linked = tiers->linked, .site = child->site};
        (void)snprintf(row->account, sizeof row->account, "%s", child->account);
        row_fill(child->replica, row);
    }
    for (uint32_t i = 0; i < tiers->parent_count && count < max; i++) {
        const struct tier_parent *parent = &tiers->parents[i];
        struct tier_row *row = &out_rows[count++];
        *row = (struct tier_row){
            .parent = true, .linked = parent->linked, .site = parent->config.site};
        (void)snprintf(row->account, sizeof row->account, "%s", parent->config.account);
        row_fill(parent->replica, row);
    }
    return count;
}

enum { ROW_PARENT = 1, ROW_RELAYED = 2, ROW_LINKED = 4, ROW_READABLE = 8, ROW_FLAGS = 15 };

void tier_row_put(const struct tier_row *row, struct buf *out) {
    unsigned flags = (row->parent ? ROW_PARENT : 0u) | (row->relayed ? ROW_RELAYED : 0u) |
                     (row->linked ? ROW_LINKED : 0u) | (row->readable ? ROW_READABLE : 0u);
    buf_put_u8(out, (uint8_t)flags);
    buf_put_text(out, row->name);
    buf_put_text(out, row->account);
    buf_put(out, row->site.id.b, ID_BYTES);
    buf_put_varint(out, row->status.entries);
    buf_put_varint(out, row->status.sync.behind);
    buf_put_signed(out, row->status.heard.v);
    buf_put_u8(out, (uint8_t)row->status.sync.phase);
    buf_put_u8(out, (uint8_t)row->status.trouble);
}

static void get_text(struct reader *in, char *out, size_t max) {
    struct slice text = reader_bytes(in, max);
    if (in->rc == RC_OK && text_check(text, max) != RC_OK) {
        reader_fail(in, RC_INVALID);
    }
    if (in->rc == RC_OK) {
        memcpy(out, text.data, text.len);
        out[text.len] = '\0';
    }
}

void tier_row_get(struct reader *in, struct tier_row *out_row) {
    struct tier_row row = {0};
    uint8_t flags = reader_u8(in);
    get_text(in, row.name, LIMIT_NAME_BYTES);
    get_text(in, row.account, LIMIT_TAG_BYTES);
    reader_copy(in, row.site.id.b, ID_BYTES);
    row.status.entries = reader_varint(in);
    row.status.sync.behind = reader_varint(in);
    row.status.heard.v = reader_signed(in);
    uint8_t phase = reader_u8(in);
    uint8_t trouble = reader_u8(in);
    if (flags > ROW_FLAGS || phase > SYNC_LIVE || trouble >= RC_COUNT) {
        reader_fail(in, RC_INVALID);
    }
    row.parent = (flags & ROW_PARENT) != 0;
    row.relayed = (flags & ROW_RELAYED) != 0;
    row.linked = (flags & ROW_LINKED) != 0;
    row.readable = (flags & ROW_READABLE) != 0;
    row.status.sync.phase = (enum sync_phase)phase;
    row.status.trouble = (enum rc)trouble;
    if (in->rc == RC_OK) {
        *out_row = row;
    }
}

struct replica *tiers_replica(struct tiers *tiers, struct site_id site, bool parent) {
    struct tier_parent *above = parent ? parent_of(tiers, site) : NULL;
    struct tier_child *below = parent ? NULL : child_of_log(tiers, site);
    return above ? above->replica : below ? below->replica : NULL;
}
