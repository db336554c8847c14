// davysim fuzz: many seeds over several processes, a line of counts, and the selftest that plants
// at least one bug for each checker. The result of a seed does not depend on how many work.
#ifndef DAVY_SIM_FUZZ_H
#define DAVY_SIM_FUZZ_H

#include "davy/sim/world.h"

#define FUZZ_JOBS_MAX 64
struct fuzz_options {
    uint64_t seed;
    uint64_t seeds;
    uint32_t steps;
    uint32_t faults;    // SIM_FAULTS_DRAWN: as the seed says
    uint32_t jobs;      // processes; 0: 1
    const char *mutant; // of the selftest, by its name: run the seeds with it. NULL: none
    bool selftest;
    bool verbose;
};
// 0: no violation (and, with selftest, every planted bug was caught). 1 otherwise, 2 for options
// that mean nothing. Prints to stdout.
int fuzz_run(const struct fuzz_options *options);
// The options after "fuzz" on a command line; false if one is unknown or malformed.
bool fuzz_parse(int argc, char **argv, struct fuzz_options *out_options);

#endif
