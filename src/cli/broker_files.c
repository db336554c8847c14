#include "davy/cli/broker.h"

#include <stdio.h>
#include <stdlib.h>

static uint32_t devices_of(const struct roster *roster, struct broker_device *out_devices) {
    uint32_t count = 0;
    struct rid id;
    for (uint32_t i = 0; roster_device_at(roster, i, &id); i++) {
        const struct roster_device *device = roster_device(roster, id);
        if (device && device->kind != DEVICE_HUB && device->kind != DEVICE_PARENT) {
            out_devices[count++] =
                (struct broker_device){.account = device->account,
                                       .id = id.id,
                                       .child = device->kind == DEVICE_CHILD,
                                       .revoked = roster_device_revoked(roster, id)};
        }
    }
    return count;
}

enum rc broker_refresh_book(const struct broker_site *site, const struct broker_book *book,
                            bool *out_changed) {
    char keys[1200];
    char hex[ID_SHORT_BYTES];
    struct broker_device *devices = calloc(roster_device_count(site->roster) + 1u, sizeof *devices);
    if (!devices) {
        return RC_NO_MEMORY;
    }
    (void)snprintf(keys, sizeof keys, "%.1100s/keys", site->hub_folder);
    id16_short(site->site.id, hex);
    struct broker_plan plan = {.folder = site->folder,
                               .keys_folder = keys,
                               .site = hex,
                               .book = book,
                               .devices = devices,
                               .device_count = devices_of(site->roster, devices),
                               .now = site->now,
                               .doors_changed = site->doors_changed};
    enum rc rc = broker_write(&plan, out_changed);
    free(devices);
    return rc;
}

enum rc broker_refresh(const struct broker_site *site, bool *out_changed) {
    struct broker_book book = {0};
    int lock = -1;
    // A folder that is not there is not made by a refresh.
    enum rc rc = broker_read(site->folder, &book);
    if (rc != RC_OK) {
        return rc;
    }
    broker_book_fini(&book);
    rc = broker_open(site->folder, &lock, &book);
    if (rc == RC_OK) {
        rc = broker_refresh_book(site, &book, out_changed);
    }
    broker_book_fini(&book);
    broker_close(lock);
    return rc;
}
