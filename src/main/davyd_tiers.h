// davyd between its tiers: the folders of copies (children/, parents/), one connection to each
// parent's broker, the topics of hub/tiers.h, and the rows that people ask for.
//
// Parents are read from parents/<site>/device.ini at the start, on SIGHUP and whenever somebody
// asks for the rows. A parent that cannot be reached, or whose files are unfit, is logged and
// stops nothing.
#ifndef DAVY_MAIN_DAVYD_TIERS_H
#define DAVY_MAIN_DAVYD_TIERS_H

#include "davy/app/device.h"
#include "davy/hub/tiers.h"
#include "davy/link/mqtt.h"

struct davyd_parent {
    struct device_config config;
    struct mqtt *mqtt; // NULL: its address or its keys are unfit
    bool linked;
    char client_id[64];
    char ca_file[1300], certificate_file[1300], key_file[1300];
    char reader_up[TOPIC_BYTES], reader_down[TOPIC_BYTES], down[TOPIC_BYTES];
    const char *topics[3];
};
struct davyd_tiers {
    const char *dir; // the hub's folder
    const struct log *log;
    struct hub *hub;
    struct tiers *tiers;
    struct mqtt *own; // to the hub's own broker; borrowed for a step
    bool linked;
    struct moment now;
    char child_topic[TOPIC_BYTES]; // what is to be read on the own broker, too
    struct davyd_parent parents[TIERS_PARENTS_MAX];
    uint32_t parent_count;
};

DAVY_MUST_USE enum rc davyd_tiers_open(struct davyd_tiers *tiers, const char *dir, struct hub *hub,
                                       const struct log *log);
void davyd_tiers_close(struct davyd_tiers *tiers); // zeroed memory is fine
// Takes up parents that were added since.
void davyd_tiers_look(struct davyd_tiers *tiers);
// A frame of the hub for one of its readers: true if the reader is a parent.
bool davyd_tiers_send(struct davyd_tiers *tiers, const char *account, struct slice frame,
                      enum rc *out_rc);
// A message of the own broker: true if it is one of a child about a log.
bool davyd_tiers_take(struct davyd_tiers *tiers, const struct mqtt_message *message);
// Exactly TIERS_PARENTS_MAX poll entries.
void davyd_tiers_poll(struct davyd_tiers *tiers, struct pollfd *out_fds, struct moment now,
                      int *inout_timeout_ms);
// After poll: reads what the parents sent. `own` may be NULL.
void davyd_tiers_read(struct davyd_tiers *tiers, struct mqtt *own, const struct pollfd *fds,
                      struct moment now);
// After the hub's step. `own` may be NULL.
void davyd_tiers_step(struct davyd_tiers *tiers, struct mqtt *own, struct mono_ms *inout_next);
// Answers CONTROL_TIERS; false for every other request.
bool davyd_tiers_control(struct davyd_tiers *tiers, struct slice request, struct buf *out);

#endif
