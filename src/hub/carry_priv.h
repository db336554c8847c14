// Orders from above.
#ifndef DAVY_HUB_CARRY_PRIV_H
#define DAVY_HUB_CARRY_PRIV_H

#include "davy/hub/replica.h"
#include "hub_priv.h"

// Restates what is new and allowed in a transaction of its own. `account` is the parent's in this
// hub's roster. out_more: not all yet, come again. RC_IO: as hub_step.
DAVY_MUST_USE enum rc carry_orders(struct hub *hub, struct replica *replica, const char *account,
                                   struct moment now, bool *out_more);

#endif
