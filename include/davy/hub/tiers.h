// The hubs above and below this one: enterprise, park, city; the same program at each.
//
// CHILDREN. Each device of kind child in this hub's roster is another site's hub. Its log is read
// into a replica (children/<site>), pinned by the genesis and key that an admin signed.
// PARENTS. Each folder parents/<site> (device.ini) is a site above. Toward it this hub is two
// things: the writer of a log that the parent reads (the parent is a device of kind parent in this
// hub's own roster, with the account parent-<8 digits of its site>), and a reader of the parent's
// log, where orders come from. A group company is simply one more parent.
// RELAY. What a child lets go up to the city, this hub gives on to its own parents.
//
// TOPICS on a parent's broker (P: 8 digits of the parent's site, L: of a log's site)
//   davy/P/c/<account>/L/u   child to parent: frames about log L
//   davy/P/c/<account>/L/d   parent to child
//   davy/P/u|d/<account>     the child as a reader of the parent's log
// The lower hub connects, the upper one never does. Pure: frames and time come in, frames go out.
#ifndef DAVY_HUB_TIERS_H
#define DAVY_HUB_TIERS_H

#include "davy/hub/hub.h"
#include "davy/hub/replica.h"

#define TIER_SITE_DIGITS 8
#define TIERS_PARENT_PREFIX "parent-"
#define TIERS_PARENTS_MAX 4    // a park, a group company, and room
#define TIERS_CHILDREN_MAX 256 // logs below: children and what they relay
#define TIERS_ROWS_MAX (TIERS_PARENTS_MAX + TIERS_CHILDREN_MAX)

struct tiers;

struct tiers_options {
    const char *folder; // the hub's; "" in a simulation
    struct hub *hub;    // borrowed
    const struct log *log;
    void *ctx;
    // A replica's folder must exist, or be made; `vfs` is for simulation. False: it cannot be kept.
    bool (*place_of)(void *ctx, const char *kind, struct site_id site, char out_folder[1200],
                     const char **out_vfs);
    // To a child, about a log.
    enum rc (*send_child)(void *ctx, const char *account, struct site_id log, struct slice frame);
    // To a parent, about a log.
    enum rc (*send_parent)(void *ctx, struct site_id parent, struct site_id log,
                           struct slice frame);
    // To a parent, as a reader of its log.
    enum rc (*send_reader)(void *ctx, struct site_id parent, struct slice frame);
    void (*random)(void *ctx, void *out, size_t len);
};
DAVY_MUST_USE enum rc tiers_open(const struct tiers_options *options, struct moment now,
                                 struct tiers **out_tiers);
void tiers_close(struct tiers *tiers);
// A site above, as its device.ini says. RC_EXISTS, RC_FULL; RC_WRONG_SITE for this hub's own site.
DAVY_MUST_USE enum rc tiers_parent_add(struct tiers *tiers, const struct device_config *parent,
                                       struct moment now, struct refusal *out_refusal);

// The link to this hub's own broker, where its children come; the link to a parent's broker.
void tiers_link(struct tiers *tiers, bool up, struct moment now);
void tiers_parent_link(struct tiers *tiers, struct site_id parent, bool up, struct moment now);

// One frame. `log` is the 8 digits of the topic. RC_NOT_FOUND for what nobody here waits for.
DAVY_MUST_USE enum rc tiers_from_child(struct tiers *tiers, const char *account, const char *log,
                                       struct slice frame);
DAVY_MUST_USE enum rc tiers_from_parent(struct tiers *tiers, struct site_id parent, const char *log,
                                        struct slice frame);
DAVY_MUST_USE enum rc tiers_from_parent_reader(struct tiers *tiers, struct site_id parent,
                                               struct slice frame);
// Does a frame of the hub for this account go to a parent? Then it is sent there.
bool tiers_send(struct tiers *tiers, const char *account, struct slice frame, enum rc *out_rc);

// After each step of the hub.
void tiers_step(struct tiers *tiers, struct moment now, struct mono_ms *inout_next);
bool tiers_have_work(const struct tiers *tiers);

// Rows for people: children first, then parents.
struct tier_row {
    bool parent;
    bool relayed;  // a child's child
    bool linked;   // the way there is up
    bool readable; // the replica takes what comes
    char name[LIMIT_NAME_BYTES + 1];
    char account[LIMIT_TAG_BYTES + 1];
    struct site_id site;
    struct replica_status status;
};
uint32_t tiers_rows(struct tiers *tiers, struct tier_row *out_rows, uint32_t max);
// One row between two processes: u8 flags, text name, text account, 16 site, varint entries, varint
// behind, signed heard, u8 phase, u8 trouble.
void tier_row_put(const struct tier_row *row, struct buf *out);
void tier_row_get(struct reader *in, struct tier_row *out_row); // fails the reader
// NULL if there is none.
struct replica *tiers_replica(struct tiers *tiers, struct site_id site, bool parent);

// The account under which a parent stands in its child's roster.
void tiers_parent_account(struct site_id parent, char out_account[static LIMIT_TAG_BYTES + 1]);

#endif
