// Shared by broker.c (what mosquitto reads) and broker_book.c (what the hub keeps).
#ifndef DAVY_LINK_BROKER_PRIV_H
#define DAVY_LINK_BROKER_PRIV_H

#include "davy/link/broker.h"

// mosquitto.conf for these doors; `folder` is absolute. RC_INVALID: an address is malformed, or the
// loopback door is not on this machine.
DAVY_MUST_USE enum rc broker_conf_put(const struct broker_doors *doors, const char *folder,
                                      struct buf *out);

#endif
