// RFC 4648 base 32 in capitals without padding: one case, dense in a QR code, fit for dictation.
#ifndef DAVY_BASE_BASE32_H
#define DAVY_BASE_BASE32_H

#include "davy/base/bytes.h"

void base32_put(struct slice bytes, struct buf *out);
// White space between the letters is skipped: a long text may come in several lines. RC_INVALID: a
// letter of another kind, or bits behind the end.
DAVY_MUST_USE enum rc base32_get(const char *text, struct buf *out);

#endif
