// The simulated site's parts.
//   world.c   set-up, the loop, the end
//   broker.c  messages in flight
//   node.c    a device: store, sync, a person who acts
//   check.c   the checkers
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
#define SIM_TAGS 4
#define SIM_FLIGHT_MAX 512

struct sim_random {
    uint64_t state;
};
uint64_t sim_next(struct sim_random *random);
uint32_t sim_below(struct sim_random *random, uint32_t bound);
bool sim_chance(struct sim_random *random, uint32_t per_mille);
void sim_fill(struct sim_random *random, void *out, size_t len);

struct flying {
    bool used;
    uint8_t to; // device index; SIM_TO_HUB
    char account[16];
    int64_t due_ms;
    size_t len;
    uint8_t *bytes;
};
#define SIM_TO_HUB 255

struct node {
    struct world *world;
    uint8_t index;
    char account[16];
    struct sim_disk *disk;
    struct store *store; // NULL: down
    struct roster *roster;
    struct sync_device *sync;
    struct buf open_body, open_content; // of a new incarnation
    struct keypair *key;                // the device's
    struct keypair *person;             // the person's on this device
    struct rid device, person_rid;
    struct author_id author;
    uint8_t author_random[AUTHOR_RANDOM_BYTES];
    bool linked;
    bool enrolled;
    char code[16];
    int64_t clock_skew_ms;
    int64_t down_until_ms;
    uint64_t committed[FRAME_CHAINS_MAX]; // own heads that were durable
    uint64_t said[FRAME_CHAINS_MAX];      // what the hub last said that it holds
    uint32_t comments;                    // written by this person
    uint32_t comments_unsure;             // begun, with an error at the end
};

struct world {
    struct sim_options options;
    struct sim_result *result;
    struct sim_random random; // schedule
    struct sim_random secret; // keys and nonces of the nodes
    int64_t now_ms;
    uint64_t step;
    bool healed;
    struct sim_disk *hub_disk;
    struct hub *hub; // NULL: down
    struct device_config hub_config;
    struct site_keys keys;
    struct keypair *admin;
    struct rid admin_rid;
    int64_t hub_down_until_ms;
    uint64_t hub_committed[FRAME_CHAINS_MAX];
    struct node nodes[SIM_DEVICES_MAX];
    uint8_t node_count;
    struct flying flight[SIM_FLIGHT_MAX];
    double value[SIM_TAGS];
    uint32_t loss, repeat, slow; // per mille
    bool cut_off;                // the broker is away
};

struct moment world_now(const struct world *world, int64_t skew_ms);
bool violated(struct world *world, enum sim_checker checker, const char *format, ...)
    DAVY_PRINTF(3, 4);

// broker.c
void broker_send(struct world *world, uint8_t to, const char *account, struct slice frame);
void broker_deliver(struct world *world);
void broker_forget(struct world *world, uint32_t per_mille);
void broker_free(struct world *world);

// node.c
DAVY_MUST_USE enum rc node_found(struct node *node);
DAVY_MUST_USE enum rc node_open(struct node *node);
void node_close(struct node *node);
void node_receive(struct node *node, struct slice frame);
void node_step(struct node *node);
void node_act(struct node *node);

// world.c
void hub_crash(struct world *world, bool power);
void node_crash(struct node *node, bool power);

// check.c: false after a violation
bool check_hub_kept(struct world *world);
bool check_node_kept(struct node *node);
bool check_said(struct world *world);
bool check_end(struct world *world);

#endif
