#include "davy/base/ensure.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void ensure_failed(const char *file, int line, const char *condition) {
    // dprintf() needs no stdio buffer, which may be in any state by now.
    (void)dprintf(STDERR_FILENO, "<2>davy: stopped at %s:%d: %s does not hold\n", file, line,
                  condition);
    abort();
}
