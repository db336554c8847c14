// Allocations that fail on purpose: the n-th one, once or from then on.
//
// The product's objects are linked with their calls of malloc and its kin renamed (tests/fault/
// symbols); SQLite gets its memory through sqlite3_config. What the tests themselves allocate never
// fails. A program is a table of operations: each is done once untouched, which counts its
// allocations, then again and again, with the n-th one failing. After each failure the operation's
// check looks at what stands, the operation is done again and must succeed, and nothing may be left
// allocated. fault_main() runs the table in a process of its own; if anything is wrong with that,
// each operation in one of its own, so that the guilty one is named.
#ifndef DAVY_FAULT_H
#define DAVY_FAULT_H

#include "davy/base/ensure.h"
#include "davy/base/rc.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAULT_MAY(rc) (1u << (rc))

struct fault_op {
    const char *name;
    // The world of one run. Nothing fails in here.
    void *(*setup)(void);
    // The operation. Besides RC_OK it may return RC_NO_MEMORY and the codes of `may`.
    enum rc (*run)(void *world);
    // What holds after it: outputs untouched on failure, everything there on success, the store
    // wholly before or after. NULL: nothing beyond the code.
    void (*check)(void *world, enum rc rc);
    void (*teardown)(void *world);
    uint32_t may;
    uint32_t most; // failures tried in each of the two ways; 0: FAULT_MOST
    bool keep;     // one world for all runs: the operation can be done again and again
    bool lossy;    // may return RC_OK with less done; the check says what less is allowed
};
#define FAULT_MOST 60

// Prints one line "ok" or "not ok" an operation. An argument selects operations by part of a name,
// a second one the allocation that fails (negative: from that one on).
int fault_main(int argc, char **argv, const struct fault_op *ops, uint32_t count);
// What fault_main() does first; false if it cannot.
bool fault_start(void);
// What one operation came to; quiet: nothing is printed.
bool fault_holds(const struct fault_op *op, bool quiet);

// For checks and callbacks of an operation: true if an allocation was made to fail in this run.
bool fault_happened(void);
// Fails the run with the text.
__attribute__((noreturn)) void fault_fail(const char *format, ...) DAVY_PRINTF(1, 2);
// An output that a failure must leave alone: painted before, looked at afterwards.
void fault_paint(void *out, size_t bytes);
void fault_painted(const void *out, size_t bytes, const char *what);

#endif
