// The operating system: clocks, boot id, signals as a descriptor, small files, service
// notification.
#ifndef DAVY_LINK_OS_H
#define DAVY_LINK_OS_H

#include "davy/base/bytes.h"
#include "davy/base/id.h"
#include <signal.h>

struct moment os_now(void);
int os_timezone_offset_min(struct utc_ms time);
// Blocks the signals and returns a signalfd (close-on-exec), -1 on failure. The list ends in 0.
int os_signals(const int *signals);
// Next pending signal number, 0 if none.
int os_signal_next(int fd);
// A whole file, at most buf->max bytes. RC_NOT_FOUND, RC_TOO_LARGE, RC_IO.
DAVY_MUST_USE enum rc os_file_read(const char *path, struct buf *out);
// Temporary name, sync, rename, sync of the folder. RC_IO, RC_FULL.
DAVY_MUST_USE enum rc os_file_write(const char *path, struct slice content, unsigned mode);
// mkdir -p with mode 0700 for the last part. RC_IO.
DAVY_MUST_USE enum rc os_folder_make(const char *path);
// sd_notify: one datagram to $NOTIFY_SOCKET; does nothing without it.
void os_notify(const char *state);
// No core dumps, not dumpable: keys live here.
void os_harden(void);

#endif
