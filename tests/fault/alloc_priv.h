// The failing allocator behind fault.h.
#ifndef DAVY_FAULT_ALLOC_PRIV_H
#define DAVY_FAULT_ALLOC_PRIV_H

#include <stdbool.h>
#include <stdint.h>

// Before anything of SQLite.
void alloc_start(void);
// From here on the at-th allocation fails (0: none), and with `on` all that follow.
void alloc_arm(uint64_t at, bool on);
// Returns how many allocations were asked for since alloc_arm.
uint64_t alloc_disarm(void);
// How many of them failed.
uint64_t alloc_failed(void);
// Blocks that the product and SQLite hold.
int64_t alloc_live(void);

#endif
