// The driver proves itself: each planted bug must make its operation fail, and a good one pass.
//
// The operation keeps a list of texts. Its allocations are the product's (buf, map).
#include "fault.h"

#include "davy/base/map.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum planted {
    PLANTED_NOTHING,
    PLANTED_IGNORED, // a failed allocation is ignored: done, it says, and something is lost
    PLANTED_CRASH,
    PLANTED_STOPPED, // an assertion of the program stops it
    PLANTED_LEAK,
    PLANTED_OUTPUT, // an output is touched
    PLANTED_CODE,   // another code than that of memory
    PLANTED_BROKEN, // nothing works after the failure
    PLANTED_HALF,   // half of it stands
    PLANTED_COUNT
};
static const char *const planted_names[PLANTED_COUNT] = {
    "nothing",          "an ignored failure", "a crash",           "a stop",   "a leak",
    "a touched output", "a wrong code",       "broken afterwards", "half done"};

struct world {
    enum planted planted;
    bool broken;
    uint32_t out;
    struct map *map;
};

#define KEYS 30

static struct world *world_new(enum planted planted) {
    struct world *w = calloc(1, sizeof *w);
    ENSURE(w != NULL && map_new(KEYS, 1, &w->map) == RC_OK);
    w->planted = planted;
    return w;
}

static enum rc run_good(struct world *w, bool *out_failed) {
    struct map *fresh = NULL;
    enum rc rc = map_new(KEYS, 1, &fresh);
    for (uint32_t i = 0; i < KEYS && rc == RC_OK; i++) {
        char key[64];
        int len = snprintf(key, sizeof key, "a key that the map has to keep elsewhere %u", i);
        rc = map_put(fresh, slice_of(key, (size_t)len), i);
    }
    *out_failed = rc != RC_OK;
    bool half = w->planted == PLANTED_HALF || w->planted == PLANTED_IGNORED;
    if (rc == RC_OK || (half && fresh != NULL)) {
        map_free(w->map);
        w->map = fresh;
    } else if (w->planted != PLANTED_LEAK) {
        map_free(fresh);
    }
    return rc;
}

static enum rc run(void *world) {
    struct world *w = world;
    bool failed = false;
    if (w->broken) {
        return RC_IO;
    }
    fault_paint(&w->out, sizeof w->out);
    enum rc rc = run_good(w, &failed);
    if (!failed) {
        w->out = 1;
        return RC_OK;
    }
    switch (w->planted) {
    case PLANTED_IGNORED:
        w->out = 1;
        return RC_OK;
    case PLANTED_CRASH:
        (void)raise(SIGSEGV);
        break;
    case PLANTED_STOPPED:
        ENSURE(!failed);
        break;
    case PLANTED_OUTPUT:
        w->out = 0;
        break;
    case PLANTED_CODE:
        return RC_CORRUPT;
    case PLANTED_BROKEN:
        w->broken = true;
        break;
    case PLANTED_NOTHING:
    case PLANTED_LEAK:
    case PLANTED_HALF:
    case PLANTED_COUNT:
        break;
    }
    return rc;
}

static void check(void *world, enum rc rc) {
    struct world *w = world;
    uint32_t count = map_count(w->map);
    if (rc != RC_OK) {
        fault_painted(&w->out, sizeof w->out, "the output");
    }
    if (rc == RC_OK ? count != KEYS : count != 0) {
        fault_fail("%u of %u stand", count, KEYS);
    }
}

static void teardown(void *world) {
    struct world *w = world;
    map_free(w->map);
    free(w);
}

#define SETUP(planted)                                                                             \
    static void *setup_##planted(void) {                                                           \
        return world_new(planted);                                                                 \
    }
SETUP(PLANTED_NOTHING)
SETUP(PLANTED_IGNORED)
SETUP(PLANTED_CRASH)
SETUP(PLANTED_STOPPED)
SETUP(PLANTED_LEAK)
SETUP(PLANTED_OUTPUT)
SETUP(PLANTED_CODE)
SETUP(PLANTED_BROKEN)
SETUP(PLANTED_HALF)

static void *(*const setups[PLANTED_COUNT])(void) = {
    setup_PLANTED_NOTHING, setup_PLANTED_IGNORED, setup_PLANTED_CRASH,
    setup_PLANTED_STOPPED, setup_PLANTED_LEAK,    setup_PLANTED_OUTPUT,
    setup_PLANTED_CODE,    setup_PLANTED_BROKEN,  setup_PLANTED_HALF};

int main(void) {
    if (!fault_start()) {
        return 2;
    }
    int bad = 0;
    for (int i = 0; i < PLANTED_COUNT; i++) {
        struct fault_op op = {.name = planted_names[i],
                              .setup = setups[i],
                              .run = run,
                              .check = check,
                              .teardown = teardown};
        bool good = fault_holds(&op, true) == (i == PLANTED_NOTHING);
        bad += !good;
        (void)printf("%s - planted: %s\n", good ? "ok" : "not ok", planted_names[i]);
    }
    return bad == 0 ? 0 : 1;
}
