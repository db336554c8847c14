// Planted bugs: the simulation switches one on and its checker must catch it. The product passes
// NULL.
#ifndef DAVY_SYNC_MUTANT_H
#define DAVY_SYNC_MUTANT_H

#include <stdbool.h>

struct sync_mutants {
    bool ack_before_commit; // the hub acknowledges what it has not committed
    bool rid_unchecked;     // the hub judges a known act again
    bool wrong_bytes;       // the hub keeps other bytes than it was given
    bool no_resend;         // the device sends everything once
};
#define MUTANT(options, name) ((options)->mutants && (options)->mutants->name)

#endif
