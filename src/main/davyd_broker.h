// What davyd does for the broker's door: certificates for enrolled devices, its own certificate for
// a broker elsewhere, and the broker's files whenever the roster has changed.
#ifndef DAVY_MAIN_DAVYD_BROKER_H
#define DAVY_MAIN_DAVYD_BROKER_H

#include "davy/hub/hub.h"
#include "davyd_config.h"

struct davyd_broker {
    const struct davyd_config *config;
    const char *dir; // the hub's folder
    const struct log *log;
    struct hub *hub;
    struct buf certificate, authority; // of the last answer
    char door[LIMIT_TAG_BYTES + 1];
    uint64_t roster_seq; // lane 0 of the log when the files were written last
    bool written;
};
void davyd_broker_init(struct davyd_broker *broker);
void davyd_broker_fini(struct davyd_broker *broker);
// hub_options.certify
bool davyd_broker_certify(void *ctx, const struct hub_certify *ask, struct hub_certified *out);
// Once a round: writes the broker's files if the roster changed. A failure is logged and tried
// again at the next change.
void davyd_broker_step(struct davyd_broker *broker, struct moment now);
// The hub's own certificate, for a broker on another machine. RC_OK if there is one now.
DAVY_MUST_USE enum rc davyd_broker_own_certificate(struct davyd_broker *broker,
                                                   struct site_id site);

#endif
