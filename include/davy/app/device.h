// device.ini: what a store's folder knows of itself. Written once when the device joins (or when
// the site is made), mode 0600, by temporary name, sync and rename.
//
//   [device] name, kind (hub, console, handheld), site, id, author, author_random (hex)
//   [hub]    key (hex)
//   [broker] address (host:port), account, password
#ifndef DAVY_APP_DEVICE_H
#define DAVY_APP_DEVICE_H

#include "davy/base/refusal.h"
#include "davy/domain/roster/roster.h"
#include "davy/record/record.h"

struct device_config {
    char name[LIMIT_NAME_BYTES + 1];
    enum device_kind kind;
    struct site_id site;
    struct rid device;
    struct author_id author; // this incarnation
    uint8_t author_random[AUTHOR_RANDOM_BYTES];
    struct public_key hub_key;
    char broker[LIMIT_TAG_BYTES + 1]; // host:port; "" if none
    char account[LIMIT_TAG_BYTES + 1];
    char password[LIMIT_TAG_BYTES + 1];
};
// RC_NOT_FOUND, RC_IO; RC_REFUSED with FILE_LINE ("device.ini", key) for what is missing or
// malformed.
DAVY_MUST_USE enum rc device_config_load(const char *folder, struct device_config *out_config,
                                         struct refusal *out_refusal);
DAVY_MUST_USE enum rc device_config_save(const char *folder, const struct device_config *config);
// Topics of a site stand below davy/ and the first 8 digits of its id.
#define TOPIC_BYTES 128
void topic_up(struct site_id site, const char *account, char out_topic[static TOPIC_BYTES]);
void topic_down(struct site_id site, const char *account, char out_topic[static TOPIC_BYTES]);
void topic_join_up(struct site_id site, const char *account, char out_topic[static TOPIC_BYTES]);
void topic_join_down(struct site_id site, const char *account, char out_topic[static TOPIC_BYTES]);
// Live values: everyone reads them.
void topic_digest(struct site_id site, char out_topic[static TOPIC_BYTES]);

#endif
