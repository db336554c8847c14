// Received messages in one ring of bytes: no allocation a message, a fixed amount of memory.
//
// While less than `bytes_max` is in use, a message of up to bytes_max / 2 always fits; a larger one
// is refused (RC_TOO_LARGE). An item stays where it is until the next inbox_next. When the ring
// runs empty it starts at its beginning again, so that a quiet inbox touches little memory.
#ifndef DAVY_LINK_INBOX_PRIV_H
#define DAVY_LINK_INBOX_PRIV_H

#include "davy/base/bytes.h"

struct inbox {
    uint8_t *bytes;
    size_t size;     // twice bytes_max
    size_t item_max; // bytes_max / 2
    size_t head;     // the oldest item
    size_t tail;     // where the next one goes
    size_t end;      // where the items before a wrap end; size if there is none
    size_t used;     // of items not handed out yet
    size_t count;
    size_t handed; // bytes of the item that was handed out last, still in place
};
struct inbox_item {
    const char *topic;
    struct slice payload;
    bool retained;
};

DAVY_MUST_USE enum rc inbox_init(struct inbox *inbox, size_t bytes_max);
void inbox_fini(struct inbox *inbox);
void inbox_clear(struct inbox *inbox);
// RC_TOO_LARGE, RC_FULL.
DAVY_MUST_USE enum rc inbox_put(struct inbox *inbox, const char *topic, struct slice payload,
                                bool retained);
bool inbox_next(struct inbox *inbox, struct inbox_item *out_item);

#endif
