// davyd: the hub of a site. Ties the hub's logic to clock, broker, signals and the control socket.
#include "davy/app/device.h"
#include "davy/app/say.h"
#include "davy/base/ensure.h"
#include "davy/hub/hub.h"
#include "davy/link/control.h"
#include "davy/link/mqtt.h"
#include "davy/link/os.h"
#include "davyd_broker.h"
#include "davyd_config.h"
#include "davyd_tiers.h"
#include "device_link.h"

#include <getopt.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TELEMETRY_A_ROUND 4000 // payloads taken before the next commit
#define TELEMETRY_ROUND_MS 20  // and no longer than this
#define TELEMETRY_INBOX_BYTES (32 * 1024 * 1024)
#define POLL_MAX (LIMIT_CONTROL_CLIENTS + 8 + TIERS_PARENTS_MAX)
#define NOTIFY_EVERY_MS 5000

struct davyd {
    const char *dir;
    struct davyd_config config;
    struct davyd_broker broker;
    struct davyd_tiers tiers;
    struct log log;
    struct hub *hub;
    struct mqtt *records;
    struct mqtt *telemetry;
    struct control_server *control;
    int signals;
    char up_topic[TOPIC_BYTES], join_topic[TOPIC_BYTES];
    const char *record_topics[4];
    struct moment now;
    struct mono_ms notified;
    uint64_t boot_id;
    bool stop;
};

static enum rc on_send(void *ctx, const char *account, uint8_t lane, struct slice frame) {
    (void)lane;
    struct davyd *davyd = ctx;
    char topic[TOPIC_BYTES];
    struct site_id site = store_site(hub_store(davyd->hub));
    struct frame head;
    enum rc rc = RC_OK;
    if (davyd_tiers_send(&davyd->tiers, account, frame, &rc)) {
        return rc;
    }
    if (!account) {
        topic_digest(site, topic);
        return mqtt_publish(davyd->records, topic, frame, 0);
    }
    if (frame_open(frame, &head) == RC_OK && head.type == FRAME_JOINED) {
        topic_join_down(site, account, topic);
    } else {
        topic_down(site, account, topic);
    }
    return mqtt_publish(davyd->records, topic, frame, 1);
}

static bool on_certify(void *ctx, const struct hub_certify *ask, struct hub_certified *out) {
    struct davyd *davyd = ctx;
    return davyd_broker_certify(&davyd->broker, ask, out);
}

static enum rc load_site(struct davyd *davyd, struct refusal *refusal) {
    char path[1200];
    struct buf text;
    if (davyd->config.site_file[0] != '\0') {
        (void)snprintf(path, sizeof path, "%s", davyd->config.site_file);
    } else {
        (void)snprintf(path, sizeof path, "%s/site.ini", davyd->dir);
    }
    buf_init(&text, LIMIT_SITE_FILE_BYTES);
    enum rc rc = os_file_read(path, &text);
    if (rc != RC_OK) {
        char where[REFUSAL_ARG_BYTES];
        (void)snprintf(where, sizeof where, "%.90s", path);
        rc = REFUSE(refusal, REFUSAL_FILE_LINE, where, "", say_rc(rc));
    } else {
        rc = hub_site(davyd->hub, buf_slice(&text), os_now(), refusal);
    }
    buf_fini(&text);
    return rc;
}

static enum rc connect_broker(struct davyd *davyd, struct refusal *refusal) {
    struct site_id site = store_site(hub_store(davyd->hub));
    char id[64], prefix[32], hex[ID_SHORT_BYTES];
    char ca[1300], certificate[1300], key[1300];
    id16_short(site.id, hex);
    topic_up(site, "+", davyd->up_topic);
    topic_join_up(site, "+", davyd->join_topic);
    davyd->record_topics[0] = davyd->up_topic;
    davyd->record_topics[1] = davyd->join_topic;
    davyd->record_topics[2] = davyd->tiers.child_topic;
    (void)snprintf(ca, sizeof ca, "%.1100s/keys/" TLS_CA_FILE, davyd->dir);
    (void)snprintf(certificate, sizeof certificate, "%.1100s/keys/" TLS_CERTIFICATE_FILE,
                   davyd->dir);
    (void)snprintf(key, sizeof key, "%.1100s/keys/" TLS_KEY_FILE, davyd->dir);
    (void)snprintf(prefix, sizeof prefix, "davyd-%s", hex);
    client_id_make(prefix, id, sizeof id);
    struct mqtt_options options = {.address = davyd->config.address,
                                   .ca_file = ca,
                                   .certificate_file = certificate,
                                   .key_file = key,
                                   .psk = davyd->config.records.password,
                                   .client_id = id,
                                   .account = davyd->config.records.account,
                                   .password = davyd->config.records.password,
                                   .keepalive_s = 15,
                                   .topics = davyd->record_topics,
                                   .qos = 1,
                                   .inbox_bytes_max = LIMIT_INBOX_BYTES,
                                   .out_bytes_max = LIMIT_INBOX_BYTES,
                                   .log = &davyd->log};
    keys_random(&options.seed, sizeof options.seed);
    enum rc rc = options.address.door == MQTT_TLS
                     ? davyd_broker_own_certificate(&davyd->broker, site)
                     : RC_OK;
    if (rc == RC_OK) {
        rc = broker_connect(&options, davyd->config.address_text, &davyd->records, refusal);
    }
    if (rc != RC_OK || !hub_topics(davyd->hub)[0]) {
        return rc;
    }
    client_id_make(prefix, id, sizeof id);
    options.account = davyd->config.telemetry.account;
    options.password = options.psk = davyd->config.telemetry.password;
    options.topics = hub_topics(davyd->hub);
    options.inbox_bytes_max = TELEMETRY_INBOX_BYTES;
    return broker_connect(&options, davyd->config.address_text, &davyd->telemetry, refusal);
}

// The account of davy/<site8>/u/<account> or davy/<site8>/j/<account>/u.
static bool account_of(const char *topic, char out[static LIMIT_TAG_BYTES + 1]) {
    const char *at = topic;
    for (int level = 0; level < 3 && at; level++) {
        at = strchr(at, '/');
        at = at ? at + 1 : NULL;
    }
    if (!at) {
        return false;
    }
    size_t len = strcspn(at, "/");
    if (len == 0 || len > LIMIT_TAG_BYTES) {
        return false;
    }
    memcpy(out, at, len);
    out[len] = '\0';
    return true;
}

static void take_records(struct davyd *davyd) {
    struct mqtt_message message;
    char account[LIMIT_TAG_BYTES + 1];
    while (mqtt_next(davyd->records, &message)) {
        if (message.retained || davyd_tiers_take(&davyd->tiers, &message)) {
            continue;
        }
        if (account_of(message.topic, account) &&
            hub_receive(davyd->hub, account, message.payload) != RC_OK) {
            return; // full: the devices send again what was not acknowledged
        }
    }
}

static void take_telemetry(struct davyd *davyd) {
    struct mqtt_message message;
    int64_t end = davyd->now.mono.v + TELEMETRY_ROUND_MS;
    for (int i = 0; i < TELEMETRY_A_ROUND && davyd->now.mono.v < end; i++) {
        // Whatever is taken from the inbox is handled: the time is asked before, never in between.
        if (!mqtt_next(davyd->telemetry, &message)) {
            return;
        }
        // What the broker kept may be of any age: it is no live value.
        if (!message.retained) {
            hub_telemetry(davyd->hub, message.topic, message.payload, davyd->now);
        }
        if ((i & 255) == 255) {
            davyd->now = os_now();
        }
    }
}

static void on_control(void *ctx, struct slice request, struct buf *out) {
    struct davyd *davyd = ctx;
    if (!davyd_tiers_control(&davyd->tiers, request, out)) {
        hub_control(davyd->hub, request, davyd->now, out);
    }
}

static void take_signals(struct davyd *davyd) {
    for (int number = os_signal_next(davyd->signals); number != 0;
         number = os_signal_next(davyd->signals)) {
        struct refusal refusal = {0};
        char text[512];
        if (number != SIGHUP) {
            davyd->stop = true;
            continue;
        }
        davyd_tiers_look(&davyd->tiers);
        enum rc rc = load_site(davyd, &refusal);
        if (rc == RC_OK) {
            log_write(&davyd->log, LOG_NOTICE, "the site file was read again");
            mqtt_free(davyd->telemetry);
            davyd->telemetry = NULL;
            mqtt_free(davyd->records);
            davyd->records = NULL;
            rc = connect_broker(davyd, &refusal);
        }
        if (rc != RC_OK) {
            log_write(&davyd->log, LOG_ERROR, "the site file was not taken: %s",
                      rc == RC_REFUSED ? say_refusal(&refusal, text, sizeof text) : say_rc(rc));
        }
    }
}

static void step_link(struct mqtt *mqtt, const struct pollfd *fd, struct moment now) {
    if (mqtt) {
        mqtt_step(mqtt, fd, now.mono);
        (void)mqtt_link_changed(mqtt);
    }
}

static void notify(struct davyd *davyd) {
    if (davyd->now.mono.v - davyd->notified.v >= NOTIFY_EVERY_MS) {
        davyd->notified = davyd->now.mono;
        os_notify("WATCHDOG=1");
    }
}

// One round: wait, read, step, send.
static enum rc round_once(struct davyd *davyd, int timeout_ms, struct mono_ms *out_next) {
    struct pollfd fds[POLL_MAX] = {{.fd = davyd->signals, .events = POLLIN}};
    size_t records = 1, telemetry = 2, parents = 3, control = parents + TIERS_PARENTS_MAX;
    fds[records].fd = fds[telemetry].fd = -1;
    if (davyd->records) {
        (void)mqtt_poll(davyd->records, &fds[records], davyd->now.mono, &timeout_ms);
    }
    if (davyd->telemetry) {
        (void)mqtt_poll(davyd->telemetry, &fds[telemetry], davyd->now.mono, &timeout_ms);
    }
    davyd_tiers_poll(&davyd->tiers, &fds[parents], davyd->now, &timeout_ms);
    size_t clients = control_server_poll(davyd->control, &fds[control], POLL_MAX - control);
    int ready = poll(fds, (nfds_t)(control + clients), timeout_ms);
    davyd->now = os_now();
    step_link(davyd->records, &fds[records], davyd->now);
    step_link(davyd->telemetry, &fds[telemetry], davyd->now);
    davyd_tiers_read(&davyd->tiers, davyd->records, &fds[parents], davyd->now);
    control_server_step(davyd->control, &fds[control], clients, on_control, davyd);
    take_signals(davyd);
    if (davyd->records) {
        take_records(davyd);
    }
    if (davyd->telemetry) {
        take_telemetry(davyd);
    }
    enum rc rc = hub_step(davyd->hub, davyd->now, out_next);
    if (rc == RC_OK) {
        davyd_tiers_step(&davyd->tiers, davyd->records, out_next);
    }
    if (rc == RC_OK && ready == 0) {
        hub_idle(davyd->hub);
    }
    if (rc == RC_OK) {
        davyd_broker_step(&davyd->broker, davyd->now);
    }
    notify(davyd);
    return rc;
}

static enum rc run(struct davyd *davyd) {
    struct mono_ms next = davyd->now.mono;
    enum rc rc = RC_OK;
    while (rc == RC_OK && !davyd->stop) {
        int64_t wait = next.v - davyd->now.mono.v;
        bool busy = hub_has_work(davyd->hub);
        int timeout_ms = busy || wait < 0 ? 0 : (int)(wait < 1000 ? wait : 1000);
        rc = round_once(davyd, timeout_ms, &next);
    }
    return rc;
}

static enum rc start(struct davyd *davyd, const char *config, struct refusal *refusal) {
    static const int wanted[] = {SIGTERM, SIGINT, SIGHUP, 0};
    enum rc rc = davyd_config_load(config, &davyd->config, refusal);
    if (rc != RC_OK) {
        return rc;
    }
    davyd->log.level = davyd->config.level;
    davyd->now = os_now();
    struct hub_options options = {.folder = davyd->dir,
                                  .scheme = keys_ed25519(),
                                  .history = true,
                                  .log = &davyd->log,
                                  .ctx = davyd,
                                  .send = on_send,
                                  .certify = on_certify};
    davyd_broker_init(&davyd->broker);
    davyd->broker.config = &davyd->config;
    davyd->broker.dir = davyd->dir;
    davyd->broker.log = &davyd->log;
    rc = hub_open(&options, davyd->now, &davyd->hub, refusal);
    davyd->broker.hub = davyd->hub;
    if (rc == RC_OK) {
        rc = davyd_tiers_open(&davyd->tiers, davyd->dir, davyd->hub, &davyd->log);
    }
    if (rc == RC_OK) {
        rc = load_site(davyd, refusal);
    }
    if (rc == RC_OK) {
        davyd->signals = os_signals(wanted);
        rc = davyd->signals >= 0 ? control_server_new(davyd->dir, &davyd->control) : RC_IO;
    }
    return rc == RC_OK ? connect_broker(davyd, refusal) : rc;
}

static void stop(struct davyd *davyd) {
    os_notify("STOPPING=1");
    control_server_free(davyd->control);
    mqtt_free(davyd->telemetry);
    mqtt_free(davyd->records);
    davyd_tiers_close(&davyd->tiers);
    hub_close(davyd->hub);
    davyd_broker_fini(&davyd->broker);
    if (davyd->signals > 0) {
        (void)close(davyd->signals);
    }
}

static int usage(void) {
    (void)fprintf(stderr, "usage: davyd --dir DIR [--config FILE]\n"
                          "  --dir DIR      the hub's folder, made by davy site init\n"
                          "  --config FILE  default DIR/davyd.conf\n");
    return 2;
}

int main(int argc, char **argv) {
    static const struct option options[] = {{"dir", required_argument, NULL, 'd'},
                                            {"config", required_argument, NULL, 'c'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct davyd davyd = {.log = {.fd = STDERR_FILENO, .level = LOG_NOTICE, .prefix = true}};
    char config[1200] = "";
    for (int c = getopt_long(argc, argv, "", options, NULL); c != -1;
         c = getopt_long(argc, argv, "", options, NULL)) {
        if (c == 'd') {
            davyd.dir = optarg;
        } else if (c == 'c') {
            (void)snprintf(config, sizeof config, "%s", optarg);
        } else {
            return usage();
        }
    }
    if (!davyd.dir || optind != argc) {
        return usage();
    }
    if (config[0] == '\0') {
        (void)snprintf(config, sizeof config, "%s/davyd.conf", davyd.dir);
    }
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    os_harden();
    struct refusal refusal = {0};
    enum rc rc = keys_init();
    if (rc == RC_OK) {
        rc = start(&davyd, config, &refusal);
    }
    if (rc == RC_OK) {
        os_notify("READY=1");
        log_write(&davyd.log, LOG_NOTICE, "ready");
        rc = run(&davyd);
    }
    if (rc != RC_OK) {
        char text[512];
        log_write(&davyd.log, LOG_ERROR, "%s",
                  refusal.code != REFUSAL_NONE ? say_refusal(&refusal, text, sizeof text)
                                               : say_rc(rc));
    }
    stop(&davyd);
    return rc == RC_OK ? 0 : 1;
}
