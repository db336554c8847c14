// The simulated site's parts.
//   world.c   the loop, the end
//   site.c    set-up: the hub, its keyboard, the devices
//   menu.c    the fault menu
//   faults.c  what strikes, and when
//   broker.c  messages in flight
//   node.c    a device: store, sync, a person who acts
//   ledger.c  every act that was written, and where it still is
//   watch.c   what passes on the wire
//   check.c   what is held, all the time and at the end
#ifndef DAVY_SIM_WORLD_PRIV_H
#define DAVY_SIM_WORLD_PRIV_H

#include "davy/app/author.h"
#include "davy/app/control.h"
#include "davy/app/judge.h"
#include "davy/base/ensure.h"
#include "davy/hub/hub.h"
#include "davy/sim/vfs.h"
#include "davy/sim/world.h"
#include "davy/sync/device.h"

#define SIM_DEVICES_MAX 3
#define SIM_NODES_MAX (SIM_DEVICES_MAX + 1) // and one clone
#define SIM_TAGS 4
#define SIM_FLIGHT_MAX 4096
#define SIM_BACKLOG_MAX 1000
#define SIM_OLD_MAX 32      // frames that a lying broker keeps
#define SIM_ACTS_MAX 4096   // in the ledger
#define SIM_CLAIMS_MAX 256  // chains that the hub acknowledged
#define SIM_SESSIONS_MAX 64 // watched
#define SIM_COPIES_MAX 3    // older disks, to go back to

struct sim_random {
    uint64_t state;
};
uint64_t sim_next(struct sim_random *random);
uint32_t sim_below(struct sim_random *random, uint32_t bound);
bool sim_chance(struct sim_random *random, uint32_t per_mille);
void sim_fill(struct sim_random *random, void *out, size_t len);

struct flying {
    uint8_t to; // node index; SIM_TO_HUB
    char account[16];
    int64_t due_ms;
    uint64_t order; // of two that are due at the same time, the earlier sent first
    size_t len;
    uint8_t *bytes; // NULL: free
};
#define SIM_TO_HUB 255

struct node {
    struct world *world;
    uint8_t index;
    char account[16];
    struct sim_disk *disk;
    struct sim_disk *older; // a copy of it, to go back to
    uint64_t durable_ops;   // operations of its disk when all was durable
    struct store *store;    // NULL: down
    struct roster *roster;
    struct sync_device *sync;
    struct buf open_body, open_content; // of a new incarnation
    struct keypair *key;                // the device's
    struct keypair *person;             // the person's on this device
    struct rid device, person_rid;
    struct author_id author; // the first; the store knows the one of now
    uint8_t author_random[AUTHOR_RANDOM_BYTES];
    bool clone;   // shares the keys of another node
    bool retired; // a clone that was found
    bool revoked; // the hub speaks with it no more
    bool linked;
    bool enrolled;
    char code[16];
    int64_t clock_skew_ms;
    int64_t down_until_ms;
    int64_t full_until_ms; // its disk has no room
    struct author_id committed_author;
    uint64_t committed[FRAME_CHAINS_MAX]; // own heads that were durable
};

// An act that a person was told is durable, or whose commit failed without telling which way.
struct act {
    struct rid rid;
    uint8_t node;
    bool comment;
    bool sure;
    bool lost; // no living store holds it after a disk went back
};

// What the hub acknowledged of a chain.
struct claim {
    struct chain_id id;
    uint64_t seq;
    uint8_t hash[SEEN_HASH_BYTES];
};

// A greeting, and the session that answered it.
struct watched {
    uint8_t nonce[FRAME_NONCE_BYTES];
    uint32_t id;
    struct author_id author;
    bool welcomed;
    uint64_t held[FRAME_CHAINS_MAX]; // as the WELCOME says
    uint64_t sent[FRAME_CHAINS_MAX]; // highest
    uint32_t in_flight[FRAME_CHAINS_MAX];
};

struct world {
    struct sim_options options;
    uint32_t faults;
    struct sim_result *result;
    struct sim_random random; // schedule
    struct sim_random secret; // keys and nonces of the nodes
    int64_t now_ms;
    uint64_t step;
    bool healed;
    uint64_t heal_messages; // sent before the faults stopped

    struct sim_disk *hub_disk;
    struct sim_disk *hub_older;
    uint64_t hub_durable_ops;
    struct hub *hub; // NULL: down
    struct device_config hub_config;
    struct site_keys keys;
    struct keypair *admin;
    struct rid admin_rid;
    int64_t hub_down_until_ms;
    int64_t hub_full_until_ms;
    struct author_id hub_committed_author;
    uint64_t hub_committed[FRAME_CHAINS_MAX];
    bool forked; // a disk went back or was copied: chains may have two branches
    bool hub_went_back;
    uint64_t revoked_n; // the log when something was withdrawn; 0: nothing was
    uint64_t judged_n;  // looked at for S13
    bool role_taken;

    struct node nodes[SIM_NODES_MAX];
    uint8_t node_count;
    struct flying *flight;
    uint32_t flight_end; // none used beyond
    uint64_t flight_order;
    uint32_t flight_count;
    struct flying old[SIM_OLD_MAX];
    uint32_t old_count;
    double value[SIM_TAGS];
    uint32_t loss, repeat, slow; // per mille
    bool cut_off;                // the broker is away
    int64_t lying_until_ms;

    struct act *acts;
    uint32_t act_count;
    struct claim claims[SIM_CLAIMS_MAX];
    uint32_t claim_count;
    struct watched watched[SIM_SESSIONS_MAX];
    uint32_t watched_next;
    struct frame_codec *codec;
};

static inline bool world_has(const struct world *world, enum sim_fault_row row) {
    return (world->faults & SIM_FAULT_BIT(row)) != 0;
}
// While a clone delivers what it has, the device that it was copied from stays away.
bool world_makes_way(const struct world *world, const struct node *node);
struct moment world_now(const struct world *world, int64_t skew_ms);
bool violated(struct world *world, enum sim_checker checker, const char *format, ...)
    DAVY_PRINTF(3, 4);

// menu.c
uint32_t menu_draw(struct sim_random *random);

// site.c
DAVY_MUST_USE enum rc site_set_up(struct world *world);
DAVY_MUST_USE enum rc site_open_hub(struct world *world);
// One act of the admin at the hub's own keyboard.
DAVY_MUST_USE enum rc site_admin_act(struct world *world, uint16_t kind, const struct rid *subject,
                                     struct slice body, struct rid *out_rid);
DAVY_MUST_USE enum rc site_grant(struct world *world, struct rid person, bool take);
DAVY_MUST_USE enum rc site_revoke(struct world *world, struct node *node, bool key);

// faults.c
void faults_cause(struct world *world);
void faults_stop(struct world *world);
// A device's clock, as far off as the menu lets it.
void faults_clock(struct node *node);
void hub_crash(struct world *world, bool power);
void node_crash(struct node *node, bool power);

// broker.c
void broker_send(struct world *world, uint8_t to, const char *account, struct slice frame);
void broker_deliver(struct world *world);
void broker_forget(struct world *world);
void broker_replay(struct world *world);
void broker_free(struct world *world);

// node.c
DAVY_MUST_USE enum rc node_found(struct node *node);
DAVY_MUST_USE enum rc node_open(struct node *node);
void node_close(struct node *node);
void node_receive(struct node *node, struct slice frame);
void node_step(struct node *node);
void node_act(struct node *node);
struct author_id node_author(const struct node *node);
// In service: not a clone that was found, not withdrawn.
bool node_counts(const struct node *node);

// ledger.c
void ledger_add(struct world *world, const struct node *node, struct rid rid, bool comment,
                bool sure);
// After a disk went back: what no living store holds any more cannot come back.
void ledger_settle(struct world *world);
// The store on a disk whose process is down, or on a copy of a disk.
DAVY_MUST_USE enum rc ledger_look_into(struct sim_disk *disk, struct store **out_store);
bool ledger_check_log(struct world *world, struct store *store, const char *who);
bool ledger_check_once(struct world *world, uint64_t comments_counted);

// watch.c: false after a violation
bool watch_up(struct node *node, struct slice frame);
bool watch_down(struct world *world, const char *account, struct slice frame);
bool watch_claims(struct world *world);

// check.c: false after a violation
bool check_hub_kept(struct world *world);
bool check_hub_step(struct world *world);
bool check_node_kept(struct node *node);
bool check_often(struct world *world);
bool check_end(struct world *world);

#endif
