// One simulated site from one seed: a hub, some devices with a person each, a broker that loses,
// repeats,
// delays and forgets, disks that fail and lose power, and a process whose readings cross limits.
// The real
// record, store, sync, hub and alarm code runs; keys are stubs, time is a number.
//
// CHECKERS (reference names)
//   S1  a committed record of a living device or hub is still there after any crash
//   S2  a record is accepted at most once in the log; what people said is counted once
//   S3  every chain held anywhere is the verified chain of its author, equal on all replicas
//   S5  what the hub said that it holds, it holds
//   S6  when faults stop, all replicas become equal and nothing is left to send
// A run ends at the first violation; the same seed gives the same trace hash.
#ifndef DAVY_SIM_WORLD_H
#define DAVY_SIM_WORLD_H

#include "davy/base/id.h"
#include "davy/base/rc.h"
#include "davy/sync/mutant.h"
#include <stdbool.h>
#include <stdint.h>

enum sim_checker { SIM_NONE, SIM_S1, SIM_S2, SIM_S3, SIM_S5, SIM_S6, SIM_CHECKER_COUNT };
const char *sim_checker_name(enum sim_checker checker);

struct sim_options {
    uint64_t seed;
    uint32_t steps;              // with faults; then the world is healed and must converge
    struct sync_mutants mutants; // planted bugs
    bool unsynced;               // planted bug: the disks' syncs are switched off
    bool aimed;                  // more faults around commits, for selftests
};
struct sim_result {
    enum sim_checker violated; // SIM_NONE: none
    char what[200];
    uint64_t step;  // of the violation, or of the end
    uint64_t trace; // hash of everything that was sent
    uint64_t acts, alarms, crashes, messages, lost;
    int64_t simulated_ms;
};
// RC_OK also for a violation; other codes only if the simulation itself could not run.
DAVY_MUST_USE enum rc sim_run(const struct sim_options *options, struct sim_result *out_result);

#endif
