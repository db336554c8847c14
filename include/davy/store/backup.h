// Copies of SQLite files (records.db, history) while their owner goes on writing, and their check.
//
// A copy is one read transaction of a maintenance connection, compacted (VACUUM INTO): whole, as
// it was committed at one moment, and without what was deleted. Never a copy of the file's bytes:
// what the WAL holds would be missing. Paths are absolute.
#ifndef DAVY_STORE_BACKUP_H
#define DAVY_STORE_BACKUP_H

#include "davy/base/rc.h"

// `to` must not exist; it is made for its owner alone, and is gone after a failure. The copy has
// passed SQLite's quick check. RC_NOT_FOUND, RC_BUSY, RC_CORRUPT, RC_FULL, RC_IO, RC_INVALID.
DAVY_MUST_USE enum rc store_file_copy(const char *from, const char *to);
// SQLite's quick check of a file that nobody writes. RC_CORRUPT.
DAVY_MUST_USE enum rc store_file_check(const char *path);

#endif
