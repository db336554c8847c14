// A hub's copy of another hub's log: a folder with a store of its own, in that site's namespace.
//
// An upper hub keeps one for each child (children/<site>), a child one for each parent
// (parents/<site>). It is a reader like any device, without chains of its own: what it takes is
// verified against the pinned genesis, hub key and roster of that site, never judged again. It gets
// lane 0 and the audiences that leave the site. A replica whose disk is full or damaged says so
// and stops; it never stops the hub.
// A replica can give its log on to the tier above (replica_serve): the log's own bytes and seals in
// frames that this hub proves; audience city only.
#ifndef DAVY_HUB_REPLICA_H
#define DAVY_HUB_REPLICA_H

#include "davy/base/log.h"
#include "davy/domain/roster/roster.h"
#include "davy/store/store.h"
#include "davy/sync/device.h"
#include "davy/sync/hub.h"

struct replica;

struct replica_options {
    const char *folder; // exists
    const char *vfs;    // NULL; simulation passes its own
    const struct keys_scheme *scheme;
    struct site_id site;        // whose log: pinned
    const struct keypair *hub;  // this hub's device key; borrowed
    struct rid device_rid;      // this hub in that roster; zero: found by account
    struct public_key peer_key; // proves the frames
    struct public_key seal_key; // seals the log
    const struct log *log;      // borrowed
    void *ctx;
    enum rc (*send)(void *ctx, struct site_id site, struct slice frame);
    void (*random)(void *ctx, void *out, size_t len);
    // A record of the log, or another verdict about one, was taken: look for orders. May be NULL.
    void (*taken)(void *ctx, struct site_id site);
    // Toward the tier above: who reads on an account, and where its frames go. NULL: no relay.
    bool (*upper_of)(void *ctx, const char *account, struct sync_peer *out_peer);
    enum rc (*send_up)(void *ctx, struct site_id site, const char *account, struct slice frame);
};
// RC_WRONG_SITE if the folder holds another site's log; else as store_open.
DAVY_MUST_USE enum rc replica_open(const struct replica_options *options, struct moment now,
                                   struct replica **out_replica, struct refusal *out_refusal);
void replica_close(struct replica *replica); // NULL is fine

void replica_link(struct replica *replica, bool up, struct moment now);
// One frame of that hub, or of a relay. Queued for the next step; RC_FULL: it comes again.
DAVY_MUST_USE enum rc replica_receive(struct replica *replica, struct slice frame);
// One frame of a reader above, on its account.
DAVY_MUST_USE enum rc replica_receive_up(struct replica *replica, const char *account,
                                         struct slice frame);
// A reader above can be reached: it is asked to greet.
void replica_greet(struct replica *replica, const char *account, struct moment now);
// Takes what waits, commits, sends. out_next: when to call again at the latest.
void replica_step(struct replica *replica, struct moment now, struct mono_ms *out_next);
bool replica_has_work(const struct replica *replica);

struct site_id replica_site(const struct replica *replica);
struct store *replica_store(struct replica *replica);
const struct roster *replica_roster(const struct replica *replica);
struct replica_status {
    struct sync_device_status sync;
    uint64_t entries;    // of the log, held here
    enum rc trouble;     // RC_OK, or why nothing is taken at the moment
    struct utc_ms heard; // the last authenticated word of that hub, by this hub's clock; 0: never
};
// What the folder's store alone tells: entries and, to the minute, when the hub was heard.
DAVY_MUST_USE enum rc replica_status_of(struct store *store, struct replica_status *out_status);
void replica_status(struct replica *replica, struct replica_status *out_status);

#endif
