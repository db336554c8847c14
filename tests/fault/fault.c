#include "fault.h"

#include "alloc_priv.h"

#include <setjmp.h>
#include <stdarg.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#define PAINT 0xA7
#define OP_SECONDS_MAX 60
#define OPS_MAX 64
// With sanitizers everything takes five times as long: fewer failures are tried, and other ones.
#ifdef __SANITIZE_ADDRESS__
#define MOST_DIVIDED 6
#define AT_FIRST 3
#else
#define MOST_DIVIDED 1
#define AT_FIRST 1
#endif
#define BEYOND_MAX 4000 // allocations more than were counted: then something grows without end

// What the process of an operation leaves for its parent, whatever becomes of it.
struct progress {
    uint64_t at;
    bool on;
    bool again; // the run after the failure
    uint64_t tried;
    uint64_t counted;
    bool done;
};

static struct {
    struct progress *progress; // of the operation at hand
    struct progress *shared;   // of all
    uint64_t only;             // one failure alone
    bool only_on;
    bool failed_here; // the present run met a failure
} run_state;

// ---- For operations ----

bool fault_happened(void) {
    return run_state.failed_here || alloc_failed() > 0;
}

void fault_fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    (void)vprintf(format, args);
    va_end(args);
    (void)printf("\n");
    fail();
    abort();
}

void fault_paint(void *out, size_t bytes) {
    memset(out, PAINT, bytes);
}

void fault_painted(const void *out, size_t bytes, const char *what) {
    for (size_t i = 0; i < bytes; i++) {
        if (((const uint8_t *)out)[i] != PAINT) {
            fault_fail("%s was touched by a call that failed (byte %zu)", what, i);
        }
    }
}

// ---- One operation, in the child ----

static void judge(const struct fault_op *op, enum rc rc, bool failed) {
    bool may = rc == RC_OK || (failed && (rc == RC_NO_MEMORY || (op->may & FAULT_MAY(rc)) != 0));
    if (!may) {
        fault_fail("returned %s", rc_name(rc));
    }
}

static void check(const struct fault_op *op, void *world, enum rc rc) {
    if (op->check != NULL) {
        op->check(world, rc);
    }
}

// Runs with the at-th allocation failing; then, if that failed, without. Returns whether any did.
static bool try(const struct fault_op *op, void *world, uint64_t at, bool on) {
    struct progress *progress = run_state.progress;
    progress->at = at;
    progress->on = on;
    progress->again = false;
    alloc_arm(at, on);
    enum rc rc = op->run(world);
    uint64_t count = alloc_disarm();
    bool failed = alloc_failed() > 0;
    if (at == 0) {
        progress->counted = count;
    }
    run_state.failed_here = failed;
    judge(op, rc, failed);
    check(op, world, rc);
    run_state.failed_here = false;
    if (rc != RC_OK || (failed && op->lossy)) {
        progress->again = true;
        alloc_arm(0, false);
        rc = op->run(world);
        (void)alloc_disarm();
        judge(op, rc, false);
        check(op, world, rc);
    }
    progress->tried += failed;
    return failed;
}

static bool run_once(const struct fault_op *op, void *world, uint64_t at, bool on) {
    void *own = op->keep || op->setup == NULL ? world : op->setup();
    bool failed = try(op, own, at, on);
    if (!op->keep && op->teardown != NULL) {
        op->teardown(own);
    }
    return failed;
}

// The n-th of the failures to try: all of them at first, later ones with growing steps.
static uint64_t next_at(uint64_t at, uint64_t counted, uint32_t most) {
    if (counted <= most || at < most / 2) {
        return at + 1;
    }
    uint64_t step = (counted - most / 2) / (most - most / 2) + 1;
    return at + step;
}

static void walk(const struct fault_op *op, void *world, bool on) {
    uint32_t most = (op->most > 0 ? op->most : FAULT_MOST) / MOST_DIVIDED + 1;
    uint64_t counted = run_state.progress->counted;
    int64_t live = alloc_live();
    uint64_t first = counted > most ? AT_FIRST : 1;
    for (uint64_t at = first;; at = next_at(at, counted, most)) {
        bool failed = run_once(op, world, at, on);
        if (!op->keep && alloc_live() > live) {
            fault_fail("%lld blocks are left", (long long)(alloc_live() - live));
        }
        if (!failed) {
            break;
        }
        if (at > counted + BEYOND_MAX) {
            fault_fail("allocates more and more");
        }
    }
}

static void operate(const struct fault_op *op) {
    void *world = op->keep && op->setup != NULL ? op->setup() : NULL;
    (void)run_once(op, world, 0, false);
    if (run_state.only > 0) {
        (void)run_once(op, world, run_state.only, run_state.only_on);
    } else {
        walk(op, world, false);
        walk(op, world, true);
    }
    if (op->keep && op->teardown != NULL) {
        op->teardown(world);
    }
    run_state.progress->done = true;
}

// The operations of one process; what each came to stands in `shared`.
struct batch {
    const struct fault_op *const *ops;
    uint32_t count;
};

static void operate_test(void **state) {
    const struct batch *batch = *state;
    for (uint32_t i = 0; i < batch->count; i++) {
        run_state.progress = &run_state.shared[i];
        (void)alarm(OP_SECONDS_MAX);
        operate(batch->ops[i]);
    }
}

// cmocka says what an assertion in a fixture or a check saw.
static void child(struct batch *batch, int out) {
    struct CMUnitTest test[] = {{.name = batch->ops[0]->name, .test_func = operate_test}};
    test[0].initial_state = batch;
    if (dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0) {
        _exit(2);
    }
    exit(cmocka_run_group_tests(test, NULL, NULL)); // LeakSanitizer looks on the way out
}

// ---- The parent ----

static bool ended_well(pid_t child_id) {
    int status = 0;
    return waitpid(child_id, &status, 0) == child_id && WIFEXITED(status) &&
           WEXITSTATUS(status) == 0;
}

static void tell(const struct fault_op *op, int out) {
    const struct progress *progress = run_state.progress;
    char line[1024];
    FILE *said = fdopen(dup(out), "r");
    (void)printf("# %s: allocation %llu of %llu%s%s\n", op->name, (unsigned long long)progress->at,
                 (unsigned long long)progress->counted, progress->on ? " and all after it" : "",
                 progress->again ? ", done again" : "");
    if (said != NULL) {
        rewind(said);
        while (fgets(line, sizeof line, said) != NULL) {
            (void)printf("# %s", line);
        }
        (void)fclose(said);
    }
}

// Runs a batch in a process of its own. *out_said: what it wrote, to be closed; -1 if nothing.
static bool batch_holds(struct batch *batch, int *out_said) {
    memset(run_state.shared, 0, sizeof *run_state.shared * batch->count);
    int out = memfd_create("fault", MFD_CLOEXEC);
    (void)fflush(stdout);
    pid_t pid = out >= 0 ? fork() : -1;
    if (pid == 0) {
        child(batch, out);
    }
    bool good = pid > 0 && ended_well(pid);
    for (uint32_t i = 0; i < batch->count; i++) {
        good = good && run_state.shared[i].done;
    }
    *out_said = out;
    return good;
}

bool fault_holds(const struct fault_op *op, bool quiet) {
    struct batch batch = {&op, 1};
    int said = -1;
    bool good = batch_holds(&batch, &said);
    if (!good && !quiet) {
        tell(op, said);
    }
    if (said >= 0) {
        (void)close(said);
    }
    return good;
}

bool fault_start(void) {
    run_state.shared = mmap(NULL, sizeof *run_state.shared * OPS_MAX, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (run_state.shared == MAP_FAILED) {
        return false;
    }
    run_state.progress = run_state.shared;
    alloc_start();
    return true;
}

// One line an operation. If not all hold, each runs alone, so that the line and its reason are its.
static int report(const struct batch *batch, bool all) {
    uint64_t tried = 0;
    int bad = 0;
    for (uint32_t i = 0; i < batch->count; i++) {
        bool good = all || fault_holds(batch->ops[i], false);
        const struct progress *progress = &run_state.shared[all ? i : 0];
        bad += !good;
        tried += progress->tried;
        (void)printf("%s - %s (%llu of %llu)\n", good ? "ok" : "not ok", batch->ops[i]->name,
                     (unsigned long long)progress->tried, (unsigned long long)progress->counted);
    }
    if (bad == 0 && !all && batch->count > 0) {
        (void)printf("not ok - all of them in one process\n");
        bad++;
    }
    (void)printf("# failures injected: %llu\n", (unsigned long long)tried);
    return bad == 0 ? 0 : 1;
}

int fault_main(int argc, char **argv, const struct fault_op *ops, uint32_t count) {
    long long only = argc > 2 ? strtoll(argv[2], NULL, 10) : 0;
    run_state.only = (uint64_t)(only < 0 ? -only : only);
    run_state.only_on = only < 0;
    if (!fault_start()) {
        return 2;
    }
    static const struct fault_op *list[OPS_MAX];
    struct batch chosen = {list, 0};
    for (uint32_t i = 0; i < count; i++) {
        if (argc < 2 || strstr(ops[i].name, argv[1]) != NULL) {
            ENSURE(chosen.count < OPS_MAX);
            list[chosen.count++] = &ops[i];
        }
    }
    int said = -1;
    bool all = chosen.count > 0 && batch_holds(&chosen, &said);
    if (said >= 0) {
        (void)close(said);
    }
    return report(&chosen, all);
}
