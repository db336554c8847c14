// A device's connection: its store's app, its broker connection, the topics between them. Shared by
// the console, by joining and by first use.
#ifndef DAVY_MAIN_DEVICE_LINK_H
#define DAVY_MAIN_DEVICE_LINK_H

#include "davy/app/app.h"
#include "davy/app/device.h"
#include "davy/link/mqtt.h"

struct device_link {
    struct app *app;
    struct mqtt *mqtt; // NULL: the device has no broker
    struct log log;
    char host[LIMIT_TAG_BYTES + 1];
    char client_id[32];
    char account[LIMIT_TAG_BYTES + 1];
    char password[LIMIT_TAG_BYTES + 1];
    char up[TOPIC_BYTES], down[TOPIC_BYTES], digest[TOPIC_BYTES];
    const char *topics[3];
    struct moment now;
};
// "host:port". False if malformed.
bool broker_split(const char *address, char out_host[static LIMIT_TAG_BYTES + 1],
                  uint16_t *out_port);
// Opens the app of a folder and starts connecting.
DAVY_MUST_USE enum rc device_link_open(const char *folder, struct device_link *link,
                                       struct refusal *out_refusal);
void device_link_close(struct device_link *link);
// After poll: reads, hands to the app, steps it.
DAVY_MUST_USE enum rc device_link_step(struct device_link *link, const struct pollfd *fd,
                                       bool *out_changed, struct mono_ms *out_next);

// davy join --dir DIR --invite TEXT [--timeout S]: makes the device's key, asks the hub, shows the
// short code, waits until an admin confirms, writes device.ini. Returns the program's exit code.
int main_join(int argc, char **argv);
// davy first-use --dir DIR --number N (--code C --pin-file F): certifies a person's key on this
// device.
int main_first_use(int argc, char **argv);

#endif
