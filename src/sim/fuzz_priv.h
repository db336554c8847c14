// Seeds spread over processes.
#ifndef DAVY_SIM_FUZZ_PRIV_H
#define DAVY_SIM_FUZZ_PRIV_H

#include "davy/sim/fuzz.h"

// One seed's run as it comes back from a process.
struct fuzz_outcome {
    uint64_t index;
    enum rc rc;   // of the simulation itself
    bool differs; // a second run left another trace
    bool died;    // the process ended while it ran this seed
    struct sim_result result;
};
struct fuzz_work {
    uint64_t first; // index
    uint64_t count;
    uint32_t jobs;
    void *ctx;
    void (*run)(void *ctx, uint64_t index, struct fuzz_outcome *out_outcome);
    // In order of index, whoever ran it; false: no more.
    bool (*take)(void *ctx, const struct fuzz_outcome *outcome);
};
// RC_OK, RC_NO_MEMORY, RC_IO (no process could be started).
DAVY_MUST_USE enum rc fuzz_spread(const struct fuzz_work *work);

#endif
