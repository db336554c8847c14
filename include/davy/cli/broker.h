// The broker's files brought up to the roster: by davyd whenever its roster changes, and by the
// commands that change an account.
#ifndef DAVY_CLI_BROKER_H
#define DAVY_CLI_BROKER_H

#include "davy/domain/roster/roster.h"
#include "davy/link/broker.h"

#define BROKER_FOLDER "broker" // below the hub's folder, unless davyd.conf names another
#define BROKER_PASSWORD_FILE "hub.password"
#define BROKER_HUB_ACCOUNT "hub"

struct broker_site {
    const char *folder;          // of the broker
    const char *hub_folder;      // its keys/ hold the authority
    const struct roster *roster; // borrowed for the call
    struct site_id site;
    struct utc_ms now;
    bool doors_changed;
};
// With a book that the caller holds open (and its changes).
DAVY_MUST_USE enum rc broker_refresh_book(const struct broker_site *site,
                                          const struct broker_book *book, bool *out_changed);
// Opens, refreshes, closes. RC_NOT_FOUND: there are no broker files in that folder.
DAVY_MUST_USE enum rc broker_refresh(const struct broker_site *site, bool *out_changed);

#endif
