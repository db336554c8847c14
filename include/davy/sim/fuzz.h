// davysim fuzz: many seeds, a line of counts, and the selftest that plants one bug for each
// checker.
#ifndef DAVY_SIM_FUZZ_H
#define DAVY_SIM_FUZZ_H

#include "davy/sim/world.h"

struct fuzz_options {
    uint64_t seed;
    uint64_t seeds;
    uint32_t steps;
    bool selftest;
    bool verbose;
};
// 0: no violation (and, with selftest, every planted bug was caught). 1 otherwise. Prints to
// stdout.
int fuzz_run(const struct fuzz_options *options);

#endif
