// davyd's configuration file: which broker, with which accounts, and where the site file is.
//
//   [broker]     folder                      (davy broker write made it: nothing else is needed)
//                address, account, password_file  (address: "HOST:PORT", "tls:HOST:PORT", …)
//                host (numeric), port              (instead of an address, on this machine)
//   [telemetry]  account, password_file      (without: the broker's)
//   [site]       file                        (without: site.ini in the hub's folder)
//   [log]        level (error, warning, notice, info, debug)
// Paths are taken as they stand. Every error names the line and the key.
#ifndef DAVY_MAIN_DAVYD_CONFIG_H
#define DAVY_MAIN_DAVYD_CONFIG_H

#include "davy/base/limits.h"
#include "davy/base/log.h"
#include "davy/base/refusal.h"
#include "davy/link/mqtt.h"

struct broker_login {
    char account[LIMIT_TAG_BYTES + 1];
    char password[LIMIT_TAG_BYTES + 1];
};
struct davyd_config {
    char folder[LIMIT_CONFIG_LINE_BYTES + 1]; // of the broker's files; "" if others write them
    struct mqtt_address address;
    char address_text[LIMIT_TAG_BYTES + 1];
    struct broker_login records;
    struct broker_login telemetry;
    char site_file[LIMIT_CONFIG_LINE_BYTES + 1];
    enum log_level level;
};
// RC_NOT_FOUND, RC_IO; RC_REFUSED with FILE_LINE: "davyd.conf:3", key, what.
DAVY_MUST_USE enum rc davyd_config_load(const char *path, struct davyd_config *out_config,
                                        struct refusal *out_refusal);

#endif
