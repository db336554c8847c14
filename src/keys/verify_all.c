#include "davy/keys/keys.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#define CLAIMS_FOR_A_CORE 8 // fewer take less time than starting a thread
#define STACK_BYTES (256 * 1024)

struct work {
    const struct keys_scheme *scheme;
    struct keys_claim *claims;
    size_t count;
    atomic_size_t next;
};

static void *work_take(void *ctx) {
    struct work *work = ctx;
    size_t at;
    while ((at = atomic_fetch_add(&work->next, 1)) < work->count) {
        struct keys_claim *claim = &work->claims[at];
        claim->good = keys_verify(work->scheme, &claim->key, claim->message, &claim->sig);
    }
    return NULL;
}

// Signals stay with the threads that wait for them.
static unsigned threads_start(struct work *work, unsigned wanted, pthread_t *out_threads) {
    pthread_attr_t attr;
    sigset_t all, before;
    unsigned started = 0;
    (void)sigfillset(&all);
    if (pthread_attr_init(&attr) != 0) {
        return 0;
    }
    if (pthread_sigmask(SIG_BLOCK, &all, &before) == 0) {
        (void)pthread_attr_setstacksize(&attr, STACK_BYTES);
        while (started < wanted &&
               pthread_create(&out_threads[started], &attr, work_take, work) == 0) {
            started++;
        }
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    }
    (void)pthread_attr_destroy(&attr);
    return started;
}

void keys_verify_all(const struct keys_scheme *scheme, struct keys_claim *claims, size_t count) {
    struct work work = {.scheme = scheme, .claims = claims, .count = count};
    pthread_t threads[KEYS_CORES_MAX - 1];
    unsigned started = 0;
    atomic_init(&work.next, 0);
    // The stub's hashes cost less than a thread.
    if (scheme == keys_ed25519() && count >= 2 * CLAIMS_FOR_A_CORE) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        size_t most = count / CLAIMS_FOR_A_CORE;
        cores = cores < KEYS_CORES_MAX ? cores : KEYS_CORES_MAX;
        cores = (size_t)cores < most ? cores : (long)most;
        started = cores > 1 ? threads_start(&work, (unsigned)cores - 1, threads) : 0;
    }
    (void)work_take(&work); // this thread takes its part, or all if no other could be started
    for (unsigned i = 0; i < started; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}
