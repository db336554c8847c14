// A simulated disk: a SQLite VFS over files in memory that knows what a sync has made durable.
//
// Each file has its current content and its durable content. A sync makes the current one durable.
// A crash (power cut) throws the dice for every 512-byte sector that was written since its last
// sync: kept or lost, and a file's length, a new file's name and a deleted file likewise. Sectors
// that were synced never change, so a program that syncs where it must loses nothing, and one that
// does not is caught. All dice come from the seed.
//
// Faults: the n-th read, write or sync can be made to fail (once or from then on), also as a full
// disk; a cut lets the n-th change reach the disk unsynced and fails everything after it, until
// sim_disk_crash() makes what is left the new content. Handles from before a crash only fail.
//
// A disk is one simulated node's; many live side by side, each under a VFS name of its own. There
// is no shared memory: WAL works in exclusive locking mode only. Not for use by several threads.
#ifndef DAVY_SIM_VFS_H
#define DAVY_SIM_VFS_H

#include "davy/base/rc.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sim_disk;

enum sim_op { SIM_READ, SIM_WRITE, SIM_SYNC, SIM_OP_COUNT }; // write: also truncate and delete

// RC_NO_MEMORY. Every database of the disk must be closed before it is freed.
DAVY_MUST_USE enum rc sim_disk_new(uint64_t seed, struct sim_disk **out_disk);
void sim_disk_free(struct sim_disk *disk);
// For store_options.vfs and sqlite3_open_v2; valid while the disk lives.
const char *sim_disk_vfs_name(const struct sim_disk *disk);

// The n-th operation from now on (1 = the next) fails; with `lasting` so do all later ones of the
// kind. A failed write or sync changes nothing. `full`: as a full disk, otherwise as an I/O error.
struct sim_fault {
    enum sim_op op;
    uint64_t nth; // 0: no fault
    bool lasting;
    bool full;
};
void sim_disk_fail(struct sim_disk *disk, const struct sim_fault *fault);
// The power fails at the n-th change (write, truncate, delete or sync) from now on. 0: no cut.
void sim_disk_cut(struct sim_disk *disk, uint64_t nth);
// True once a fault or cut has struck.
bool sim_disk_struck(const struct sim_disk *disk);
// True once a cut has struck: nothing works before sim_disk_crash().
bool sim_disk_dead(const struct sim_disk *disk);
// While held, operations neither count nor fail: someone looks on from outside.
void sim_disk_hold(struct sim_disk *disk, bool held);
// A file of which something is not durable; NULL: everything that was written is. Borrowed.
const char *sim_disk_unsynced(const struct sim_disk *disk);
// At most this many bytes in all files together; a write beyond fails as on a full disk. 0: no
// limit.
void sim_disk_limit(struct sim_disk *disk, uint64_t bytes);

// Power off and on again: content becomes what the dice leave; faults and cuts are forgotten.
void sim_disk_crash(struct sim_disk *disk);
// The process dies, the system lives on: content stays, handles fail, faults are forgotten.
void sim_disk_kill(struct sim_disk *disk);

// Operations so far.
uint64_t sim_disk_count(const struct sim_disk *disk, enum sim_op op);
uint64_t sim_disk_bytes(const struct sim_disk *disk);

// Whole files: to plant, look at and damage them. Written content is durable at once. RC_NOT_FOUND.
DAVY_MUST_USE enum rc sim_disk_put(struct sim_disk *disk, const char *name, const void *data,
                                   size_t bytes);
// Borrowed until the next change of the disk.
DAVY_MUST_USE enum rc sim_disk_get(struct sim_disk *disk, const char *name,
                                   const uint8_t **out_data, size_t *out_bytes);
// A copy of all files as they are durable now (a backup, or a device that was cloned).
DAVY_MUST_USE enum rc sim_disk_clone(const struct sim_disk *disk, uint64_t seed,
                                     struct sim_disk **out_disk);

#endif
