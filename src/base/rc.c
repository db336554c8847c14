#include "davy/base/rc.h"

#include "davy/base/ensure.h"

static const char *const rc_names[] = {
    [RC_OK] = "ok",
    [RC_INVALID] = "invalid",
    [RC_TRUNCATED] = "truncated",
    [RC_TOO_LARGE] = "too large",
    [RC_NOT_FOUND] = "not found",
    [RC_EXISTS] = "exists",
    [RC_DENIED] = "denied",
    [RC_REFUSED] = "refused",
    [RC_BAD_SIGNATURE] = "bad signature",
    [RC_WRONG_SITE] = "wrong site",
    [RC_UNSUPPORTED] = "unsupported",
    [RC_GAP] = "gap",
    [RC_FORK] = "fork",
    [RC_STALE] = "stale",
    [RC_BUSY] = "busy",
    [RC_FULL] = "full",
    [RC_IO] = "input/output error",
    [RC_CORRUPT] = "corrupt",
    [RC_NO_MEMORY] = "no memory",
    [RC_OFFLINE] = "offline",
};
_Static_assert(COUNT_OF(rc_names) == RC_COUNT, "every result code has a name");

const char *rc_name(enum rc rc) {
    unsigned index = (unsigned)rc;
    return index < RC_COUNT ? rc_names[index] : "unknown";
}
