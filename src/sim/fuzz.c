#include "davy/sim/fuzz.h"

#include "davy/base/ensure.h"

#include <stdio.h>

#define SELFTEST_SEEDS_MAX                                                                         \
    300                  // a planted bug that no seed of these shows is a hole in the checkers
#define REPEAT_EVERY 100 // one seed in so many runs twice and must leave the same trace

struct totals {
    uint64_t seeds, violations, steps, acts, alarms, crashes, messages, lost;
    int64_t simulated_ms;
};

static void add(struct totals *totals, const struct sim_result *result) {
    totals->seeds++;
    totals->violations += result->violated != SIM_NONE;
    totals->steps += result->step;
    totals->acts += result->acts;
    totals->alarms += result->alarms;
    totals->crashes += result->crashes;
    totals->messages += result->messages;
    totals->lost += result->lost;
    totals->simulated_ms += result->simulated_ms;
}

static void print_violation(uint64_t seed, const struct sim_result *result) {
    (void)printf("seed %llu step %llu: %s: %s\n", (unsigned long long)seed,
                 (unsigned long long)result->step, sim_checker_name(result->violated),
                 result->what);
}

static bool run_one(const struct sim_options *options, struct sim_result *out_result) {
    enum rc rc = sim_run(options, out_result);
    if (rc != RC_OK) {
        (void)printf("seed %llu: the simulation could not run: %s\n",
                     (unsigned long long)options->seed, rc_name(rc));
    }
    return rc == RC_OK;
}

static int run_seeds(const struct fuzz_options *options) {
    struct totals totals = {0};
    bool ran = true;
    for (uint64_t i = 0; i < options->seeds && ran; i++) {
        struct sim_options sim = {.seed = options->seed + i, .steps = options->steps};
        struct sim_result result;
        ran = run_one(&sim, &result);
        if (!ran) {
            break;
        }
        add(&totals, &result);
        if (result.violated != SIM_NONE) {
            print_violation(sim.seed, &result);
        } else if (options->verbose) {
            (void)printf("seed %llu: trace %016llx\n", (unsigned long long)sim.seed,
                         (unsigned long long)result.trace);
        }
        if (i % REPEAT_EVERY == 0) {
            struct sim_result again;
            ran = run_one(&sim, &again);
            if (ran && again.trace != result.trace) {
                (void)printf("seed %llu: two runs differ: %016llx, %016llx\n",
                             (unsigned long long)sim.seed, (unsigned long long)result.trace,
                             (unsigned long long)again.trace);
                ran = false;
            }
        }
    }
    (void)printf("%llu acts, %llu alarms, %llu crashes, %llu messages, %llu of them lost\n",
                 (unsigned long long)totals.acts, (unsigned long long)totals.alarms,
                 (unsigned long long)totals.crashes, (unsigned long long)totals.messages,
                 (unsigned long long)totals.lost);
    (void)printf("simulation: %llu seeds, %llu violations, %llu steps, %lld simulated hours\n",
                 (unsigned long long)totals.seeds, (unsigned long long)totals.violations,
                 (unsigned long long)totals.steps, (long long)(totals.simulated_ms / 3600000));
    return ran && totals.violations == 0 ? 0 : 1;
}

struct planted {
    const char *name;
    enum sim_checker checker;
    struct sync_mutants mutants;
    bool unsynced;
};
static const struct planted bugs[] = {
    {"commits are not synced", SIM_S1, {0}, true},
    {"a known act is judged again", SIM_S2, {.rid_unchecked = true}, false},
    {"other bytes are kept than were given", SIM_S3, {.wrong_bytes = true}, false},
    {"acknowledged before the commit", SIM_S5, {.ack_before_commit = true}, false},
    {"nothing is sent again", SIM_S6, {.no_resend = true}, false},
};

static bool catches(const struct planted *bug, const struct fuzz_options *options) {
    for (uint64_t i = 0; i < SELFTEST_SEEDS_MAX; i++) {
        struct sim_options sim = {.seed = options->seed + i,
                                  .steps = options->steps,
                                  .mutants = bug->mutants,
                                  .unsynced = bug->unsynced,
                                  .aimed = true};
        struct sim_result result;
        if (!run_one(&sim, &result)) {
            return false;
        }
        if (options->verbose && result.violated != SIM_NONE) {
            print_violation(sim.seed, &result);
        }
        if (result.violated == bug->checker) {
            (void)printf("caught by %s at seed %llu: %s\n", sim_checker_name(bug->checker),
                         (unsigned long long)sim.seed, bug->name);
            return true;
        }
    }
    (void)printf("NOT CAUGHT by %s in %d seeds: %s\n", sim_checker_name(bug->checker),
                 SELFTEST_SEEDS_MAX, bug->name);
    return false;
}

int fuzz_run(const struct fuzz_options *options) {
    if (!options->selftest) {
        return run_seeds(options);
    }
    size_t caught = 0;
    for (size_t i = 0; i < COUNT_OF(bugs); i++) {
        caught += catches(&bugs[i], options);
    }
    (void)printf("selftest: %zu of %zu planted bugs caught\n", caught, COUNT_OF(bugs));
    return caught == COUNT_OF(bugs) ? 0 : 1;
}
