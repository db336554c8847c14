// One MQTT 3.1.1 connection on our own poll loop (libmosquitto): QoS 0/1, clean session, no
// threads.
//
// Reconnecting is ours: back-off 0.2 s doubling to 30 s with jitter. Publishing works only while
// connected (RC_OFFLINE otherwise) and never leaves more than a bounded number of bytes in the
// library (RC_FULL: come again). Received messages are copied into a bounded inbox; mqtt_next hands
// them out. The library is destroyed and made anew for each connection; numeric addresses only
// (names are resolved through /etc/hosts at most, never by a blocking look-up in the loop).
//
// DOORS. What leaves this machine is encrypted, TLS 1.2 or newer: with certificates on both sides,
// or with a pre-shared key (TLS 1.2, for thin lines). A plain connection to another machine is
// refused unless the address says so itself ("plain:"). A line that goes down soon after it came
// up is tried again less and less often: two clients that push each other out do so rarely.
#ifndef DAVY_LINK_MQTT_H
#define DAVY_LINK_MQTT_H

#include "davy/base/bytes.h"
#include "davy/base/id.h"
#include "davy/base/log.h"
#include <poll.h>

#define MQTT_HOST_BYTES 65

enum mqtt_door {
    MQTT_LOOPBACK, // plain, this machine only
    MQTT_PLAIN,    // plain, anywhere: the address asked for it by its word
    MQTT_TLS,      // certificates on both sides
    MQTT_PSK       // a pre-shared key
};
struct mqtt_address {
    enum mqtt_door door;
    char host[MQTT_HOST_BYTES]; // numeric, "localhost" or a name of /etc/hosts
    uint16_t port;
};
// "HOST:PORT", "plain:HOST:PORT", "tls:HOST:PORT" or "psk:HOST:PORT". False if malformed.
bool mqtt_address_parse(const char *text, struct mqtt_address *out_address);
// Is the connection encrypted, or does it stay on this machine, or was plain asked for?
bool mqtt_address_is_safe(const struct mqtt_address *address);

struct mqtt;
struct mqtt_options {
    struct mqtt_address address;
    // MQTT_TLS: PEM files of the site's authority, of this client's certificate and its key.
    const char *ca_file;
    const char *certificate_file;
    const char *key_file;
    const char *psk; // MQTT_PSK: hex; the identity is the account
    const char *client_id;
    const char *account;
    const char *password;
    uint16_t keepalive_s; // at least 5
    const char *const
        *topics;            // filters to subscribe to, NULL-terminated, borrowed for the lifetime
    uint8_t qos;            // of the subscriptions
    size_t inbox_bytes_max; // beyond it reading from the socket pauses (back-pressure)
    size_t out_bytes_max;   // unacknowledged bytes in the library
    uint64_t seed;
    const struct log *log;
};
// RC_DENIED: plain to another machine. RC_NOT_FOUND: a TLS file is missing. RC_INVALID.
DAVY_MUST_USE enum rc mqtt_new(const struct mqtt_options *options, struct mqtt **out_mqtt);
void mqtt_free(struct mqtt *mqtt); // waits up to 2 s for receipts of what was published
// Poll entry for now: recomputed every round. False if there is nothing to poll.
bool mqtt_poll(struct mqtt *mqtt, struct pollfd *out_fd, struct mono_ms now, int *inout_timeout_ms);
// Reads and writes what is ready, pings, reconnects when due.
void mqtt_step(struct mqtt *mqtt, const struct pollfd *fd, struct mono_ms now);
bool mqtt_connected(const struct mqtt *mqtt); // CONNACK and SUBACKs arrived
// True once after each change of mqtt_connected.
bool mqtt_link_changed(struct mqtt *mqtt);
DAVY_MUST_USE enum rc mqtt_publish(struct mqtt *mqtt, const char *topic, struct slice payload,
                                   uint8_t qos);
// The oldest received message, borrowed until the next call; false if there is none.
struct mqtt_message {
    const char *topic;
    struct slice payload;
    bool retained; // the broker kept it: it may be old
};
bool mqtt_next(struct mqtt *mqtt, struct mqtt_message *out_message);
// Boot clock ran ahead of the monotonic clock (suspend): drop the connection and make a new one.
void mqtt_reconnect(struct mqtt *mqtt);
const char *mqtt_trouble(const struct mqtt *mqtt); // last error in English, "" if none

#endif
