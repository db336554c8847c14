// A hub and its devices in one process, for the benchmark: the product's own hub, stores and sync
// engines, on time that the benchmark moves.
//
// The hub's store stands in a folder of the real disk or on a simulated disk; devices have
// simulated disks. What hub and devices send is handed to the owner's two callbacks, which decide
// when it arrives (plant_at_hub, unit_receive). Anything that should not happen ends the program
// with a message: a benchmark of a broken product says nothing.
#ifndef DAVY_TESTS_BENCH_PLANT_H
#define DAVY_TESTS_BENCH_PLANT_H

#include "davy/app/control.h"
#include "davy/app/judge.h"
#include "davy/hub/hub.h"
#include "davy/sim/vfs.h"
#include "davy/sync/device.h"

#define MUST(call) bench_must((call), #call, __FILE__, __LINE__)
#define CHECK(test) bench_check((test), #test, __FILE__, __LINE__)
void bench_must(enum rc rc, const char *what, const char *file, int line);
void bench_check(bool good, const char *what, const char *file, int line);
double bench_seconds(void); // of the real clock

struct plant;

// A device with the person who signs on it.
struct unit {
    struct plant *plant;
    uint32_t index;
    char account[16];
    struct sim_disk *disk;
    struct store *store;
    struct roster *roster;
    struct sync_device *sync;
    struct keypair *key, *person;
    struct rid rid;
    struct author_id author;
    uint8_t author_random[AUTHOR_RANDOM_BYTES];
    bool enrolled;
    struct mono_ms next; // when its engine wants to be called again
};

struct plant {
    struct moment now;
    const struct keys_scheme *scheme;
    struct sim_disk *disk; // of the hub; NULL: `folder`
    const char *folder;
    struct hub *hub;
    struct device_config config;
    struct site_keys keys;
    struct keypair *admin;
    struct rid admin_rid;
    struct rid person; // the operator who signs on every device
    uint64_t dice;
    struct mono_ms next;
    struct unit *units;
    uint32_t unit_count;
    void *ctx;
    void (*down)(void *ctx, struct unit *unit, struct slice frame);
    void (*up)(void *ctx, struct unit *unit, struct slice frame);
};

// A site with one alarm raised and an operator; folder NULL: on a simulated disk.
void plant_open(struct plant *plant, const struct keys_scheme *scheme, const char *folder);
void plant_close(struct plant *plant);
// Devices on the roster, not linked yet.
void plant_add_units(struct plant *plant, uint32_t count);
uint64_t plant_random(struct plant *plant);
void plant_step(struct plant *plant); // the hub's
void plant_at_hub(struct plant *plant, struct unit *unit, struct slice frame);
// The alarm's occurrence.
struct rid plant_alarm(struct plant *plant);
// Another alarm raised or returned: `high` is its value beyond the limit.
void plant_reading(struct plant *plant, const char *tag, bool high);
struct sync_hub_status plant_status(struct plant *plant);
// A one-time code for the operator.
void plant_code(struct plant *plant, char out_code[32]);

void unit_link(struct unit *unit, bool up);
// Opens the unit's transaction, which the next tick commits before anything is sent.
void unit_receive(struct unit *unit, struct slice frame);
void unit_tick(struct unit *unit);
void unit_enrol(struct unit *unit); // asks; unit->enrolled once the answer came
// A signed comment on the alarm, durable on the device.
struct place unit_comment(struct unit *unit, const char *text);
struct store_chain unit_chain(struct unit *unit, uint8_t lane);
// Live, everything of its own acknowledged and in its copy of the log, nothing missing of it.
bool unit_is_quiet(struct unit *unit);

#endif
