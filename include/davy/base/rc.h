// Result codes of every function that can fail, and the attributes they carry.
//
// RC_OK is 0. A function that fails leaves its out_* parameters untouched. A refusal that a person
// must understand also fills a `struct refusal` (refusal.h).
#ifndef DAVY_BASE_RC_H
#define DAVY_BASE_RC_H

#define DAVY_MUST_USE __attribute__((warn_unused_result))
#define DAVY_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))

enum rc {
    RC_OK = 0,
    RC_INVALID,       // the input breaks a rule of its format
    RC_TRUNCATED,     // the input ends too early
    RC_TOO_LARGE,     // a limit of limits.h is exceeded
    RC_NOT_FOUND,     // no such thing
    RC_EXISTS,        // it is there already
    RC_DENIED,        // the right, the PIN or the key is missing
    RC_REFUSED,       // a rule refuses; a struct refusal says which
    RC_BAD_SIGNATURE, // a signature, seal or keyed hash does not verify
    RC_WRONG_SITE,    // it belongs to another site
    RC_UNSUPPORTED,   // needs a newer Davy
    RC_GAP,           // something before it is missing
    RC_FORK,          // the same place already holds something else
    RC_STALE,         // older than what is held, or the session is over
    RC_BUSY,          // another process owns it; try again
    RC_FULL,          // the disk or a queue is full
    RC_IO,            // the operating system reported an error
    RC_CORRUPT,       // stored data does not verify
    RC_NO_MEMORY,     // an allocation failed
    RC_OFFLINE,       // there is no connection
    RC_COUNT
};

// A short English word for logs, e.g. "truncated".
const char *rc_name(enum rc rc);

#endif
