#include "device_link.h"

#include "davy/link/os.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool broker_split(const char *address, char out_host[static LIMIT_TAG_BYTES + 1],
                  uint16_t *out_port) {
    const char *colon = strrchr(address, ':');
    char *end = NULL;
    if (!colon || colon == address || (size_t)(colon - address) > LIMIT_TAG_BYTES) {
        return false;
    }
    long port = strtol(colon + 1, &end, 10);
    if (end == colon + 1 || *end != '\0' || port < 1 || port > 65535) {
        return false;
    }
    memcpy(out_host, address, (size_t)(colon - address));
    out_host[colon - address] = '\0';
    *out_port = (uint16_t)port;
    return true;
}

static enum rc on_send(void *ctx, uint8_t lane, struct slice frame) {
    (void)lane;
    struct device_link *link = ctx;
    return link->mqtt ? mqtt_publish(link->mqtt, link->up, frame, 1) : RC_OFFLINE;
}

static enum rc connect_broker(struct device_link *link, const struct device_config *config) {
    uint16_t port;
    char hex[ID_SHORT_BYTES];
    if (!broker_split(config->broker, link->host, &port)) {
        return RC_OK; // works with no network
    }
    id16_short(config->device.id, hex);
    (void)snprintf(link->client_id, sizeof link->client_id, "davy-%s", hex);
    (void)snprintf(link->account, sizeof link->account, "%s", config->account);
    (void)snprintf(link->password, sizeof link->password, "%s", config->password);
    topic_up(config->site, config->account, link->up);
    topic_down(config->site, config->account, link->down);
    topic_digest(config->site, link->digest);
    link->topics[0] = link->down;
    link->topics[1] = link->digest;
    struct mqtt_options options = {.host = link->host,
                                   .port = port,
                                   .client_id = link->client_id,
                                   .account = link->account,
                                   .password = link->password,
                                   .keepalive_s = 15,
                                   .topics = link->topics,
                                   .qos = 1,
                                   .inbox_bytes_max = LIMIT_INBOX_BYTES,
                                   .out_bytes_max = 4 * LIMIT_WINDOW_BYTES,
                                   .log = &link->log};
    keys_random(&options.seed, sizeof options.seed);
    return mqtt_new(&options, &link->mqtt);
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
        rc = connect_broker(link, &config);
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
