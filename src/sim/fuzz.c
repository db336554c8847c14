#include "davy/sim/fuzz.h"

#include "davy/base/ensure.h"
#include "fuzz_priv.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SELFTEST_SEEDS_MAX 300 // a planted bug that none of these shows is a hole in the checkers
#define REPEAT_EVERY 100       // one seed in so many runs twice and must leave the same trace
#define CLOCKS_EVERY 25        // one in so many runs with other clocks and must end alike
#define TEXT_BYTES 256

// ---- Planted bugs ----

struct planted {
    const char *name;
    const char *what;
    enum sim_checker checker;
    enum sim_preset preset;
    uint32_t faults;
    struct sync_mutants mutants;
    enum sim_planted around;
    uint32_t skip; // checkers that would see it before
    bool clocks;   // seen only beside a run with other clocks
};
#define BIT(row) SIM_FAULT_BIT(row)
#define SKIP(checker) (1u << (checker))
#define AROUND_COMMITS                                                                             \
    (BIT(SIM_KILL) | BIT(SIM_POWER) | BIT(SIM_DISK) | BIT(SIM_LOSS) | BIT(SIM_CUT))
static const struct planted bugs[] = {
    {"unsynced",
     "commits are not synced",
     SIM_S1,
     SIM_COMMITS,
     AROUND_COMMITS,
     {0},
     SIM_PLANT_UNSYNCED,
     SKIP(SIM_S5),
     false},
    {"unsynced-sent",
     "what is not durable leaves",
     SIM_S5,
     SIM_RANDOM,
     SIM_FAULTS_DRAWN,
     {0},
     SIM_PLANT_UNSYNCED,
     0,
     false},
    {"rid-unchecked",
     "a known act is judged again",
     SIM_S2,
     SIM_COMMITS,
     AROUND_COMMITS,
     {.rid_unchecked = true},
     SIM_PLANT_NOTHING,
     0,
     false},
    {"wrong-bytes",
     "other bytes are kept than were given",
     SIM_S3,
     SIM_RANDOM,
     SIM_FAULTS_DRAWN,
     {.wrong_bytes = true},
     SIM_PLANT_NOTHING,
     SKIP(SIM_S5),
     false},
    {"log-skipped",
     "a reader leaves a record out",
     SIM_S4,
     SIM_RANDOM,
     SIM_FAULTS_DRAWN,
     {.log_skipped = true},
     SIM_PLANT_NOTHING,
     0,
     false},
    {"ack-before-commit",
     "acknowledged before the commit",
     SIM_S5,
     SIM_RANDOM,
     SIM_FAULTS_DRAWN,
     {.ack_before_commit = true},
     SIM_PLANT_NOTHING,
     0,
     false},
    {"no-resend",
     "nothing is sent again",
     SIM_S6,
     SIM_RANDOM,
     BIT(SIM_LOSS),
     {.no_resend = true},
     SIM_PLANT_NOTHING,
     0,
     false},
    {"clock-judged",
     "a device's clock decides",
     SIM_S12,
     SIM_RANDOM,
     BIT(SIM_CLOCK) | BIT(SIM_LOSS),
     {.clock_judged = true},
     SIM_PLANT_NOTHING,
     0,
     true},
    {"held-accepted",
     "what was withdrawn is accepted",
     SIM_S13,
     SIM_COMMITS,
     BIT(SIM_REVOKE_KEY) | BIT(SIM_CUT),
     {.held_accepted = true},
     SIM_PLANT_NOTHING,
     0,
     false},
    {"view-touched",
     "a view is changed behind the log",
     SIM_S14,
     SIM_RANDOM,
     SIM_FAULTS_DRAWN,
     {0},
     SIM_PLANT_VIEW,
     0,
     false},
    {"all-again",
     "each session sends everything again",
     SIM_S15,
     SIM_RANDOM,
     BIT(SIM_KILL),
     {.all_again = true},
     SIM_PLANT_NOTHING,
     0,
     false},
    {"no-window",
     "everything is in flight at once",
     SIM_S15,
     SIM_BULK,
     SIM_FAULTS_NONE,
     {.no_window = true},
     SIM_PLANT_NOTHING,
     0,
     false},
    {"no-reauthor",
     "a device whose chain lost goes on under its old name",
     SIM_S6,
     SIM_RANDOM,
     BIT(SIM_RESTORE_DEVICE) | BIT(SIM_CUT),
     {.no_reauthor = true},
     SIM_PLANT_NOTHING,
     0,
     false},
    {"no-carry",
     "a new incarnation leaves its unjudged acts behind",
     SIM_S7,
     SIM_RANDOM,
     BIT(SIM_CLONE_DEVICE) | BIT(SIM_CUT),
     {.no_carry = true},
     SIM_PLANT_NOTHING,
     0,
     false},
    {"no-take-back",
     "a hub that is behind takes nothing back",
     SIM_S6,
     SIM_RANDOM,
     BIT(SIM_RESTORE_HUB) | BIT(SIM_CUT),
     {.no_take_back = true},
     SIM_PLANT_NOTHING,
     0,
     false},
    {"no-void",
     "verdicts beyond the adopted heads stand",
     SIM_S6,
     SIM_RANDOM,
     BIT(SIM_RESTORE_HUB) | BIT(SIM_CUT),
     {.no_void = true},
     SIM_PLANT_NOTHING,
     0,
     false},
};

static const struct planted *planted_named(const char *name) {
    for (size_t i = 0; i < COUNT_OF(bugs); i++) {
        if (strcmp(bugs[i].name, name) == 0) {
            return &bugs[i];
        }
    }
    return NULL;
}

// ---- One seed ----

struct campaign {
    const struct fuzz_options *options;
    const struct planted *bug; // NULL: the product as it is
    bool repeat;               // some seeds twice, some with other clocks
    bool progress;
    bool failed;
    bool caught;
    uint64_t caught_seed;
    time_t started, printed;
    uint64_t seeds, violations, steps, acts, alarms, crashes, messages, lost, acks, restores;
    uint64_t revokes;
    uint32_t heal_steps;
    int64_t simulated_ms;
};

static struct sim_options sim_of(const struct campaign *campaign, uint64_t seed) {
    struct sim_options sim = {
        .seed = seed, .steps = campaign->options->steps, .faults = campaign->options->faults};
    if (campaign->bug) {
        sim.preset = campaign->bug->preset;
        sim.faults = sim.faults == SIM_FAULTS_DRAWN ? campaign->bug->faults : sim.faults;
        sim.mutants = campaign->bug->mutants;
        sim.planted = campaign->bug->around;
        sim.skip = campaign->bug->skip;
    }
    return sim;
}

static void run_seed(void *ctx, uint64_t seed, struct fuzz_outcome *out_outcome) {
    const struct campaign *campaign = ctx;
    struct sim_options sim = sim_of(campaign, seed);
    struct sim_result *result = &out_outcome->result;
    uint64_t nth = seed - campaign->options->seed;
    out_outcome->rc = sim_run(&sim, result);
    bool clocks =
        campaign->bug ? campaign->bug->clocks : campaign->repeat && nth % CLOCKS_EVERY == 0;
    if (out_outcome->rc == RC_OK && result->violated == SIM_NONE && clocks) {
        out_outcome->rc = sim_check_clocks(&sim, result);
    }
    if (out_outcome->rc == RC_OK && campaign->repeat && nth % REPEAT_EVERY == 0) {
        struct sim_result again;
        out_outcome->rc = sim_run(&sim, &again);
        out_outcome->differs = again.trace != result->trace;
    }
}

static void print_violation(const struct campaign *campaign, uint64_t seed,
                            const struct sim_result *result) {
    char faults[TEXT_BYTES];
    sim_faults_print(result->faults, faults, sizeof faults);
    (void)printf("seed %llu step %llu: %s: %s\n  faults: %s\n  again:  davysim fuzz --seed %llu"
                 " --steps %u",
                 (unsigned long long)seed, (unsigned long long)result->step,
                 sim_checker_name(result->violated), result->what, faults, (unsigned long long)seed,
                 campaign->options->steps);
    if (campaign->options->faults != SIM_FAULTS_DRAWN) {
        (void)printf(" --faults %s", faults);
    }
    (void)printf("%s%s\n", campaign->bug ? " --mutant " : "",
                 campaign->bug ? campaign->bug->name : "");
}

static void add(struct campaign *campaign, const struct sim_result *result) {
    campaign->seeds++;
    campaign->violations += result->violated != SIM_NONE;
    campaign->steps += result->step;
    campaign->acts += result->acts;
    campaign->alarms += result->alarms;
    campaign->crashes += result->crashes;
    campaign->messages += result->messages;
    campaign->lost += result->lost;
    campaign->acks += result->acks;
    campaign->restores += result->restores;
    campaign->revokes += result->revokes;
    campaign->simulated_ms += result->simulated_ms;
    if (result->heal_steps > campaign->heal_steps) {
        campaign->heal_steps = result->heal_steps;
    }
}

static void print_progress(struct campaign *campaign) {
    time_t now = time(NULL);
    if (campaign->progress && now != campaign->printed) {
        campaign->printed = now;
        double hours = (double)(now - campaign->started) / 3600;
        (void)fprintf(stderr, "\r%llu of %llu seeds, %llu violations, %.0f an hour ",
                      (unsigned long long)campaign->seeds,
                      (unsigned long long)campaign->options->seeds,
                      (unsigned long long)campaign->violations,
                      hours > 0 ? (double)campaign->seeds / hours : 0);
    }
}

// ---- A campaign ----

static bool ran(struct campaign *campaign, const struct fuzz_outcome *outcome) {
    if (outcome->died || outcome->rc != RC_OK) {
        (void)printf("seed %llu: the simulation %s\n", (unsigned long long)outcome->index,
                     outcome->died ? "died" : rc_name(outcome->rc));
        campaign->failed = true;
    }
    return !campaign->failed;
}

static bool take_seed(void *ctx, const struct fuzz_outcome *outcome) {
    struct campaign *campaign = ctx;
    if (!ran(campaign, outcome)) {
        return false;
    }
    const struct sim_result *result = &outcome->result;
    add(campaign, result);
    print_progress(campaign);
    if (result->violated != SIM_NONE) {
        print_violation(campaign, outcome->index, result);
    } else if (campaign->options->verbose) {
        char faults[TEXT_BYTES];
        sim_faults_print(result->faults, faults, sizeof faults);
        (void)printf("seed %llu: trace %016llx, quiet after %u steps, faults %s\n",
                     (unsigned long long)outcome->index, (unsigned long long)result->trace,
                     result->heal_steps, faults);
    }
    if (outcome->differs) {
        (void)printf("seed %llu: two runs differ\n", (unsigned long long)outcome->index);
        campaign->failed = true;
    }
    return !campaign->failed;
}

static void print_totals(const struct campaign *campaign) {
    if (campaign->progress) {
        (void)fprintf(stderr, "\r\033[K");
    }
    (void)printf("%llu acts, %llu alarms, %llu crashes, %llu restores, %llu revocations,"
                 " %llu messages, %llu of them lost, %llu acks\n",
                 (unsigned long long)campaign->acts, (unsigned long long)campaign->alarms,
                 (unsigned long long)campaign->crashes, (unsigned long long)campaign->restores,
                 (unsigned long long)campaign->revokes, (unsigned long long)campaign->messages,
                 (unsigned long long)campaign->lost, (unsigned long long)campaign->acks);
    (void)printf("simulation: %llu seeds, %llu violations, %llu steps, %lld simulated hours\n",
                 (unsigned long long)campaign->seeds, (unsigned long long)campaign->violations,
                 (unsigned long long)campaign->steps,
                 (long long)(campaign->simulated_ms / 3600000));
}

static int run_seeds(const struct fuzz_options *options) {
    struct campaign campaign = {.options = options, .repeat = !options->mutant};
    campaign.bug = options->mutant ? planted_named(options->mutant) : NULL;
    if (options->mutant && !campaign.bug) {
        (void)printf("no planted bug is called %s\n", options->mutant);
        return 2;
    }
    campaign.progress = isatty(STDERR_FILENO) != 0;
    campaign.started = time(NULL);
    struct fuzz_work work = {.first = options->seed,
                             .count = options->seeds,
                             .jobs = options->jobs,
                             .ctx = &campaign,
                             .run = run_seed,
                             .take = take_seed};
    enum rc rc = fuzz_spread(&work);
    print_totals(&campaign);
    return rc == RC_OK && !campaign.failed && campaign.violations == 0 ? 0 : 1;
}

// ---- Selftest ----

static bool take_try(void *ctx, const struct fuzz_outcome *outcome) {
    struct campaign *campaign = ctx;
    if (!ran(campaign, outcome)) {
        return false;
    }
    if (campaign->options->verbose && outcome->result.violated != SIM_NONE) {
        print_violation(campaign, outcome->index, &outcome->result);
    }
    campaign->caught = outcome->result.violated == campaign->bug->checker;
    campaign->caught_seed = outcome->index;
    return !campaign->caught;
}

static bool catches(const struct planted *bug, const struct fuzz_options *options) {
    struct campaign campaign = {.options = options, .bug = bug};
    struct fuzz_work work = {.first = options->seed,
                             .count = SELFTEST_SEEDS_MAX,
                             .jobs = options->jobs,
                             .ctx = &campaign,
                             .run = run_seed,
                             .take = take_try};
    enum rc rc = fuzz_spread(&work);
    if (rc == RC_OK && campaign.caught) {
        (void)printf("caught by %s at seed %llu: %s (%s)\n", sim_checker_name(bug->checker),
                     (unsigned long long)campaign.caught_seed, bug->what, bug->name);
    } else {
        (void)printf("NOT CAUGHT by %s in %d seeds: %s (%s)\n", sim_checker_name(bug->checker),
                     SELFTEST_SEEDS_MAX, bug->what, bug->name);
    }
    return rc == RC_OK && campaign.caught;
}

static int run_selftest(const struct fuzz_options *options) {
    size_t caught = 0;
    for (size_t i = 0; i < COUNT_OF(bugs); i++) {
        caught += catches(&bugs[i], options);
    }
    (void)printf("selftest: %zu of %zu planted bugs caught\n", caught, COUNT_OF(bugs));
    return caught == COUNT_OF(bugs) ? 0 : 1;
}

int fuzz_run(const struct fuzz_options *options) {
    return options->selftest ? run_selftest(options) : run_seeds(options);
}

// ---- Command line ----

static bool number(const char *text, uint64_t most, uint64_t *out_number) {
    char *end = NULL;
    unsigned long long value = strtoull(text, &end, 10);
    bool good = text[0] >= '0' && text[0] <= '9' && *end == '\0' && value <= most;
    if (good) {
        *out_number = value;
    }
    return good;
}

bool fuzz_parse(int argc, char **argv, struct fuzz_options *out_options) {
    static const struct option options[] = {{"seed", required_argument, NULL, 's'},
                                            {"seeds", required_argument, NULL, 'k'},
                                            {"steps", required_argument, NULL, 'n'},
                                            {"jobs", required_argument, NULL, 'j'},
                                            {"faults", required_argument, NULL, 'f'},
                                            {"mutant", required_argument, NULL, 'm'},
                                            {"selftest", no_argument, NULL, 't'},
                                            {"verbose", no_argument, NULL, 'v'},
                                            {0}};
    struct fuzz_options fuzz = {.seed = 1, .seeds = 1, .steps = 800, .jobs = 1};
    bool good = true;
    for (int c = 0; c != -1 && good;) {
        uint64_t value = 0;
        c = getopt_long(argc, argv, "", options, NULL);
        if (c == 's') {
            good = number(optarg, UINT64_MAX / 2, &fuzz.seed);
        } else if (c == 'k') {
            good = number(optarg, UINT64_MAX / 2, &fuzz.seeds);
        } else if (c == 'n') {
            good = number(optarg, UINT32_MAX / 2, &value);
            fuzz.steps = (uint32_t)value;
        } else if (c == 'j') {
            good = number(optarg, FUZZ_JOBS_MAX, &value) && value > 0;
            fuzz.jobs = (uint32_t)value;
        } else if (c == 'f') {
            good = sim_faults_parse(optarg, &fuzz.faults);
        } else if (c == 'm') {
            fuzz.mutant = optarg;
        } else if (c == 't') {
            fuzz.selftest = true;
        } else if (c == 'v') {
            fuzz.verbose = true;
        }
        good = good && c != '?';
    }
    if (good && optind == argc) {
        *out_options = fuzz;
    }
    return good && optind == argc;
}
