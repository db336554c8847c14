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
    char client_id[48];
    char ca_file[1200], certificate_file[1200], key_file[1200];
    char account[LIMIT_TAG_BYTES + 1];
    char password[LIMIT_TAG_BYTES + 1];
    char up[TOPIC_BYTES], down[TOPIC_BYTES], digest[TOPIC_BYTES];
    const char *topics[3];
    struct moment now;
};
// A client id that nobody can guess, so that no other account can push this connection out.
void client_id_make(const char *prefix, char *out_id, size_t out_bytes);
// mqtt_new, with the refusal that a person understands. `address` is what the person wrote.
DAVY_MUST_USE enum rc broker_connect(const struct mqtt_options *options, const char *address,
                                     struct mqtt **out_mqtt, struct refusal *out_refusal);
// Where a device keeps what opens the broker's door, below its folder's keys/.
#define TLS_CA_FILE "site-ca.crt"
#define TLS_CERTIFICATE_FILE "tls.crt"
#define TLS_KEY_FILE "tls.key"
// Opens the app of a folder and starts connecting. REFUSED with PLAIN: the address leads to another
// machine, without encryption; with TLS: certificate or key is missing.
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
