// The key folder: small files of fixed size, replaced as a whole and durable when a call returns.
//
// An open folder is locked against other processes, so that a counter cannot be read by two of them
// before either writes it. Files and folder must belong to one user alone: RC_DENIED otherwise.
#ifndef DAVY_KEYS_FOLDER_PRIV_H
#define DAVY_KEYS_FOLDER_PRIV_H

#include "davy/base/rc.h"
#include <stdbool.h>
#include <stddef.h>

// Opens and locks; with `create` a missing folder is made (its parent must exist). RC_NOT_FOUND,
// RC_DENIED (others may write into it), RC_IO.
DAVY_MUST_USE enum rc key_folder_open(const char *path, bool create, int *out_folder);
// Unlocks and closes; -1 is accepted.
void key_folder_close(int folder);
// RC_OK or RC_NOT_FOUND.
DAVY_MUST_USE enum rc key_folder_has(int folder, const char *name);
// Reads a file of exactly `len` bytes; `out_data` is wiped on failure. RC_NOT_FOUND, RC_DENIED
// (others have rights on it), RC_CORRUPT (another length, or no plain file), RC_IO.
DAVY_MUST_USE enum rc key_folder_read(int folder, const char *name, void *out_data, size_t len);
// Writes beside, syncs, renames, syncs the folder. RC_FULL, RC_IO: the old file is still there.
DAVY_MUST_USE enum rc key_folder_write(int folder, const char *name, const void *data, size_t len);

// Overwrites a file of that length in place, syncs, unlinks, syncs the folder. RC_NOT_FOUND.
DAVY_MUST_USE enum rc key_folder_wipe(int folder, const char *name, const void *data, size_t len);

#endif
