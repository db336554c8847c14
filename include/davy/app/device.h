// device.ini: what a store's folder knows of itself. Written once when the device joins (or when
// the site is made), mode 0600, by temporary name, sync and rename.
//
//   [device] name, kind (hub, console, handheld; child, parent), site, id, author,
//            author_random (hex)
//   [hub]    key (hex)
//   [broker] address (host:port), account, password
//
// A hub's copy of another site's log has one, too: kind child in parents/<site> (this hub is a
// child there), kind parent in children/<site>. Such a folder is only read; its keys are the hub's.
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
// Between tiers, on the upper site's broker: the frames about one log. "+" for any of them.
#define TOPIC_LOG_DIGITS 8
struct topic_tier {
    struct site_id parent; // whose broker
    const char *account;   // the child's there
    const char *log;       // the log's site, TOPIC_LOG_DIGITS of it
};
void topic_child_up(const struct topic_tier *tier, char out_topic[static TOPIC_BYTES]);
void topic_child_down(const struct topic_tier *tier, char out_topic[static TOPIC_BYTES]);
// Live values: everyone reads them.
void topic_digest(struct site_id site, char out_topic[static TOPIC_BYTES]);

// A copy of another site's log, by its device.ini.
bool device_is_copy(const struct device_config *config);

#endif
