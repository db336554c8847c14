// One line a message to stderr, with journald's "<level>" prefix; escapes line breaks and controls.
// The only place where the core may speak; it never writes text from outside unescaped.
#ifndef DAVY_BASE_LOG_H
#define DAVY_BASE_LOG_H

#include "davy/base/rc.h"
#include <stdbool.h>

enum log_level { LOG_ERROR = 3, LOG_WARNING = 4, LOG_NOTICE = 5, LOG_INFO = 6, LOG_DEBUG = 7 };

struct log {
    int fd;               // -1 discards
    enum log_level level; // messages above are dropped
    bool prefix;          // "<6>" before the text
};

// NULL discards.
void log_write(const struct log *log, enum log_level level, const char *format, ...)
    DAVY_PRINTF(3, 4);

#endif
