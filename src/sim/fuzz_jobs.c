// Processes that run seeds: process k of n runs every n-th index, and writes outcomes into its pipe
// in order. Reading the pipes in turn gives them in the order of the indices.
#include "fuzz_priv.h"

#include "davy/base/ensure.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct job {
    pid_t pid;
    int from;
};

static bool write_all(int fd, const void *data, size_t len) {
    for (size_t done = 0; done < len;) {
        ssize_t wrote = write(fd, (const char *)data + done, len - done);
        if (wrote < 0 && errno != EINTR) {
            return false;
        }
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    return true;
}

static bool read_all(int fd, void *out, size_t len) {
    for (size_t done = 0; done < len;) {
        ssize_t got = read(fd, (char *)out + done, len - done);
        if (got == 0 || (got < 0 && errno != EINTR)) {
            return false;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    return true;
}

static void job_work(const struct fuzz_work *work, uint32_t number, int to) {
    for (uint64_t i = number; i < work->count; i += work->jobs) {
        struct fuzz_outcome outcome = {.index = work->first + i};
        work->run(work->ctx, work->first + i, &outcome);
        if (!write_all(to, &outcome, sizeof outcome)) {
            return;
        }
    }
}

static enum rc job_start(const struct fuzz_work *work, uint32_t number, struct job *out_job) {
    int ends[2];
    if (pipe(ends) != 0) {
        return RC_IO;
    }
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        (void)signal(SIGPIPE, SIG_DFL);
        job_work(work, number, ends[1]);
        _exit(0);
    }
    (void)close(ends[1]);
    if (pid < 0) {
        (void)close(ends[0]);
        return RC_IO;
    }
    *out_job = (struct job){.pid = pid, .from = ends[0]};
    return RC_OK;
}

static enum rc spread_alone(const struct fuzz_work *work) {
    bool more = true;
    for (uint64_t i = 0; i < work->count && more; i++) {
        struct fuzz_outcome outcome = {.index = work->first + i};
        work->run(work->ctx, work->first + i, &outcome);
        more = work->take(work->ctx, &outcome);
    }
    return RC_OK;
}

enum rc fuzz_spread(const struct fuzz_work *work) {
    if (work->jobs <= 1) {
        return spread_alone(work);
    }
    ENSURE(work->jobs <= FUZZ_JOBS_MAX);
    struct job jobs[FUZZ_JOBS_MAX];
    uint32_t started = 0;
    enum rc rc = RC_OK;
    while (started < work->jobs && rc == RC_OK) {
        rc = job_start(work, started, &jobs[started]);
        started += rc == RC_OK;
    }
    bool more = rc == RC_OK;
    for (uint64_t i = 0; i < work->count && more; i++) {
        struct fuzz_outcome outcome;
        if (!read_all(jobs[i % work->jobs].from, &outcome, sizeof outcome)) {
            outcome = (struct fuzz_outcome){.index = work->first + i, .died = true};
            more = false;
        }
        more = work->take(work->ctx, &outcome) && more;
    }
    for (uint32_t k = 0; k < started; k++) {
        if (!more) {
            (void)kill(jobs[k].pid, SIGTERM);
        }
        (void)close(jobs[k].from);
        (void)waitpid(jobs[k].pid, NULL, 0);
    }
    return rc;
}
