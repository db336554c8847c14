// One simulated site from one seed: a hub, some devices with a person each, a broker, disks, clocks
// and a process whose readings cross limits. The real record, store, sync, hub and alarm code runs;
// keys are stubs, time is a number.
//
// FAULTS. Each seed draws a subset of the menu (sim_menu) and how often its rows strike; a run can
// be told its subset instead. After `steps` the faults stop, and the site must become whole.
//
// CHECKERS (reference names); those marked * look all the time, the others at the end, too
//   S1 * what was durable or acknowledged is still there after any crash; after a restore it comes
//        back as long as any living store holds it; every act gets its place in the log
//   S2   an act is accepted at most once; what people said is counted once, by its rid
//   S3 * every chain held anywhere is the verified chain of its author, equal on all replicas
//   S4 * a reader's log holds every author's records in order, none left out
//   S5 * nothing leaves a hub or a device before it is durable there; an ACK names what is held
//   S6   when faults stop, all replicas become equal within a bounded number of messages
//   S7   of a fork one branch is in the log, the other is kept, and its acts reach the log
//   S12  other clocks on the devices give the same verdicts and the same alarms
//   S13* nothing beyond the last good place of what was withdrawn is accepted
//   S14  folding the log again gives the same bytes, on every replica
//   S15* what a session's hub said that it holds is not sent again; in flight is at most the window
// A run ends at the first violation; the same options give the same trace.
#ifndef DAVY_SIM_WORLD_H
#define DAVY_SIM_WORLD_H

#include "davy/base/id.h"
#include "davy/base/rc.h"
#include "davy/sync/mutant.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sim_checker {
    SIM_NONE,
    SIM_S1,
    SIM_S2,
    SIM_S3,
    SIM_S4,
    SIM_S5,
    SIM_S6,
    SIM_S7,
    SIM_S12,
    SIM_S13,
    SIM_S14,
    SIM_S15,
    SIM_CHECKER_COUNT
};
const char *sim_checker_name(enum sim_checker checker);

// The menu's rows are bits of a set.
enum sim_fault_row {
    SIM_LOSS,           // messages are lost
    SIM_REPEAT,         // and come twice
    SIM_REORDER,        // and overtake each other by up to 20 s
    SIM_LATE,           // and come up to 72 h later
    SIM_CUT,            // the broker is away
    SIM_FORGET,         // the broker restarts, its queues are gone
    SIM_BACKLOG,        // it drops what is beyond 1000 messages
    SIM_LYING,          // it takes and delivers nothing, and replays old frames
    SIM_KILL,           // processes die
    SIM_POWER,          // and lose power
    SIM_DISK,           // reads, writes, syncs fail, at any one of them
    SIM_FULL,           // disks stay full for a while
    SIM_CLOCK,          // clocks are 5 minutes off
    SIM_CLOCK_FAR,      // 30 days off, in 1970, and step
    SIM_REVOKE_DEVICE,  // a device is withdrawn, wherever it is
    SIM_REVOKE_KEY,     // a person's key is
    SIM_ROLE,           // a role is taken and given back
    SIM_RESTORE_DEVICE, // a device goes on from an older copy of its disk
    SIM_CLONE_DEVICE,   // a second device starts from a copy of another's disk
    SIM_RESTORE_HUB,    // the hub goes on from an older copy of its disk
    SIM_FAULT_ROWS
};
#define SIM_FAULT_BIT(row) (UINT32_C(1) << (row))
#define SIM_FAULTS_DRAWN 0 // the seed decides
const char *sim_fault_name(enum sim_fault_row row);
// "loss,cut" to a set; false if a name is unknown. "all" and "none" are names, too.
bool sim_faults_parse(const char *text, uint32_t *out_faults);
void sim_faults_print(uint32_t faults, char *out_text, size_t bytes);
#define SIM_FAULTS_NONE UINT32_C(0x80000000) // a set of its own: no fault at all

// Schedules that lead to where random ones seldom come.
enum sim_preset {
    SIM_RANDOM,
    SIM_COMMITS, // faults around commits
    SIM_BULK,    // long texts pile up while the broker is away
    SIM_PRESET_COUNT
};
// Bugs that the simulation plants around the product.
enum sim_planted {
    SIM_PLANT_NOTHING,
    SIM_PLANT_UNSYNCED, // the disks' syncs are switched off
    SIM_PLANT_VIEW,     // a view is changed behind the log
};

struct sim_options {
    uint64_t seed;
    uint32_t steps;  // with faults; then the world is healed and must converge
    uint32_t faults; // a set of the menu, or SIM_FAULTS_DRAWN
    enum sim_preset preset;
    struct sync_mutants mutants; // bugs planted in the product
    enum sim_planted planted;    // and around it
    uint32_t skip;               // checkers that do not look: bit by enum sim_checker
    uint64_t clocks;             // other clocks for the devices, all else alike
};
struct sim_result {
    enum sim_checker violated; // SIM_NONE: none
    char what[200];
    uint32_t faults;  // drawn
    uint64_t step;    // of the violation, or of the end
    uint64_t trace;   // hash of everything that was sent
    uint64_t outcome; // hash of verdicts and alarms without what clocks and ids make of them
    uint64_t acts, alarms, crashes, messages, lost;
    uint64_t acks, restores, revokes; // acknowledgements looked at, disks gone back, withdrawals
    uint64_t copies;                  // of disks, to see what is durable
    uint32_t heal_steps;              // until everything was quiet
    int64_t simulated_ms;
};
// RC_OK also for a violation; other codes only if the simulation itself could not run.
DAVY_MUST_USE enum rc sim_run(const struct sim_options *options, struct sim_result *out_result);
// The same seed with other clocks: S12 in *result if the outcome differs. For results without
// violation.
DAVY_MUST_USE enum rc sim_check_clocks(const struct sim_options *options,
                                       struct sim_result *result);

#endif
