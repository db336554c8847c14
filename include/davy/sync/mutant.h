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
    bool no_reauthor;       // a device whose chain lost goes on under its old incarnation
    bool no_carry;          // a new incarnation of a device leaves its unjudged acts behind
    bool no_void;           // verdicts beyond the adopted heads stand
    bool no_rank;           // a hub that is behind goes on under its old incarnation
    bool no_take_back;      // a hub that is behind takes nothing back from its readers
    bool claim_believed;    // a reader's word alone makes a hub be behind
    bool no_rejudge;        // held records stay held
    bool log_skipped;       // a reader leaves some verdicts out
    bool clock_judged;      // the hub refuses what a device's clock dates into the future
    bool held_accepted;     // the hub accepts what it should hold
    bool all_again;         // a device starts every session from its first record
    bool no_window;         // a device sends as much as it has
    bool foreign_copy;      // a record in another device's chain counts as its first place
};
#define MUTANT(options, name) ((options)->mutants && (options)->mutants->name)

#endif
