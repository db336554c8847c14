#include "davy/sync/file.h"

#include "davy/sync/device.h"
#include "device_priv.h"

#include <stdlib.h>

enum rc sync_follow(struct store *store, struct author_id hub) {
    struct author_id known = sync_hub_of(store);
    if (!id16_is_zero(known.id) && store_hub_rank(store, hub) <= store_hub_rank(store, known)) {
        return RC_OK;
    }
    return store_meta_set(store, META_HUB, slice_of(hub.id.b, ID_BYTES));
}
