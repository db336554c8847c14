#include "device_link.h"

#include "davy/link/os.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void client_id_make(const char *prefix, char *out_id, size_t out_bytes) {
    uint32_t random;
    keys_random(&random, sizeof random);
    (void)snprintf(out_id, out_bytes, "%s-%08x", prefix, random);
}

static enum rc on_send(void *ctx, uint8_t lane, struct slice frame) {
    (void)lane;
    struct device_link *link = ctx;
    return link->mqtt ? mqtt_publish(link->mqtt, link->up, frame, 1) : RC_OFFLINE;
}

static enum rc connect_broker(struct device_link *link, const char *folder,
                              const struct device_config *config, struct refusal *out_refusal) {
    char prefix[32];
    char hex[ID_SHORT_BYTES];
    struct mqtt_options options = {.client_id = link->client_id,
                                   .account = link->account,
                                   .password = link->password,
                                   .psk = link->password,
                                   .ca_file = link->ca_file,
                                   .certificate_file = link->certificate_file,
                                   .key_file = link->key_file,
                                   .keepalive_s = 15,
                                   .topics = link->topics,
                                   .qos = 1,
                                   .inbox_bytes_max = LIMIT_INBOX_BYTES,
                                   .out_bytes_max = 4 * LIMIT_WINDOW_BYTES,
                                   .log = &link->log};
    if (!mqtt_address_parse(config->broker, &options.address)) {
        return RC_OK; // works with no network
    }
    id16_short(config->device.id, hex);
    (void)snprintf(prefix, sizeof prefix, "davy-%s", hex);
    client_id_make(prefix, link->client_id, sizeof link->client_id);
    (void)snprintf(link->account, sizeof link->account, "%s", config->account);
    (void)snprintf(link->password, sizeof link->password, "%s", config->password);
    (void)snprintf(link->ca_file, sizeof link->ca_file, "%.1100s/keys/" TLS_CA_FILE, folder);
    (void)snprintf(link->certificate_file, sizeof link->certificate_file,
                   "%.1100s/keys/" TLS_CERTIFICATE_FILE, folder);
    (void)snprintf(link->key_file, sizeof link->key_file, "%.1100s/keys/" TLS_KEY_FILE, folder);
    topic_up(config->site, config->account, link->up);
    topic_down(config->site, config->account, link->down);
    topic_digest(config->site, link->digest);
    link->topics[0] = link->down;
    link->topics[1] = link->digest;
    keys_random(&options.seed, sizeof options.seed);
    return broker_connect(&options, config->broker, &link->mqtt, out_refusal);
}

enum rc broker_connect(const struct mqtt_options *options, const char *address,
                       struct mqtt **out_mqtt, struct refusal *out_refusal) {
    enum rc rc = mqtt_new(options, out_mqtt);
    if (rc == RC_DENIED) {
        return REFUSE(out_refusal, REFUSAL_PLAIN, address);
    }
    if (rc == RC_NOT_FOUND || (rc == RC_INVALID && options->address.door != MQTT_LOOPBACK)) {
        return REFUSE(out_refusal, REFUSAL_TLS, address);
    }
    return rc;
}

enum rc device_link_open(const char *folder, struct device_link *link,
                         struct refusal *out_refusal) {
    struct device_config config;
    memset(link, 0, sizeof *link);
    link->log = (struct log){.fd = -1, .level = LOG_WARNING};
    link->now = os_now();
    struct app_options options = {
        .folder = folder, .scheme = keys_ed25519(), .ctx = link, .send = on_send};
    enum rc rc = device_config_load(folder, &config, out_refusal);
    if (rc == RC_OK) {
        rc = app_open(&options, link->now, &link->app, out_refusal);
    }
    if (rc == RC_OK) {
        rc = connect_broker(link, folder, &config, out_refusal);
    }
    keys_wipe(config.password, sizeof config.password);
    return rc;
}

void device_link_close(struct device_link *link) {
    mqtt_free(link->mqtt);
    app_close(link->app);
    keys_wipe(link->password, sizeof link->password);
    link->mqtt = NULL;
    link->app = NULL;
}

enum rc device_link_step(struct device_link *link, const struct pollfd *fd, bool *out_changed,
                         struct mono_ms *out_next) {
    struct moment now = os_now();
    struct mqtt_message message;
    // The boot clock ran on while the other one stood: the machine slept, the connection is dead.
    if (link->mqtt && now.mono.v - link->now.mono.v > 60000) {
        mqtt_reconnect(link->mqtt);
    }
    link->now = now;
    if (link->mqtt) {
        mqtt_step(link->mqtt, fd, now.mono);
        if (mqtt_link_changed(link->mqtt)) {
            app_link(link->app, mqtt_connected(link->mqtt), now);
        }
        while (mqtt_next(link->mqtt, &message)) {
            if (!message.retained && app_receive(link->app, message.payload) != RC_OK) {
                break; // full: the hub sends again what is not acknowledged
            }
        }
    }
    return app_step(link->app, now, out_changed, out_next);
}
