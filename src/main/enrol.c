// Joining a site and a person's first use of a device: both need the hub, neither needs a screen.
#include "device_link.h"

#include "davy/app/say.h"
#include "davy/base/ensure.h"
#include "davy/link/os.h"
#include "davy/link/pki.h"

#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JOIN_EVERY_MS 1000
#define ENROL_TIMEOUT_S 600

static int fail(enum rc rc, const struct refusal *refusal) {
    char text[512];
    (void)fprintf(stderr, "davy: %s\n",
                  refusal && refusal->code != REFUSAL_NONE ? say_refusal(refusal, text, sizeof text)
                                                           : say_rc(rc));
    return 1;
}

// ---- Joining ----

struct joining {
    const char *dir;
    char keys_folder[1200];
    struct invite invite;
    struct keyfile_device keys;
    struct mqtt *mqtt;
    struct frame_codec *codec;
    struct log log;
    uint8_t key[SESSION_KEY_BYTES];
    uint8_t nonce[FRAME_NONCE_BYTES];
    char up[TOPIC_BYTES], down[TOPIC_BYTES];
    const char *topics[2];
    bool thin; // a line on which every byte counts: the pre-shared key stays in use
    bool joined;
    struct rid device;
    struct buf body, frame;
    struct buf tls_key;                      // public
    struct buf door, certificate, authority; // of the answer; empty: no door for certificates
};

static enum rc join_connect(struct joining *join, struct refusal *out_refusal) {
    char client_id[LIMIT_TAG_BYTES + 16];
    struct mqtt_options options = {.client_id = client_id,
                                   .account = join->invite.account,
                                   .password = join->invite.password,
                                   .psk = join->invite.password,
                                   .keepalive_s = 15,
                                   .topics = join->topics,
                                   .qos = 1,
                                   .inbox_bytes_max = LIMIT_MESSAGE_BYTES * 8,
                                   .out_bytes_max = LIMIT_MESSAGE_BYTES * 8,
                                   .log = &join->log};
    if (!mqtt_address_parse(join->invite.broker, &options.address)) {
        return REFUSE(out_refusal, REFUSAL_INVITE, "");
    }
    client_id_make(join->invite.account, client_id, sizeof client_id);
    topic_join_up(join->invite.site, join->invite.account, join->up);
    topic_join_down(join->invite.site, join->invite.account, join->down);
    join->topics[0] = join->down;
    keys_random(&options.seed, sizeof options.seed);
    return broker_connect(&options, join->invite.broker, &join->mqtt, out_refusal);
}

static void join_ask(struct joining *join) {
    struct join ask = {.device_key = *keypair_public(join->keys.pair),
                       .tls_key = buf_slice(&join->tls_key)};
    struct frame head = {.type = FRAME_JOIN};
    struct frame_seal seal = {.direction = FRAME_UP, .keyed = join->key};
    invite_id(join->invite.secret, ask.secret_id);
    memcpy(ask.nonce, join->nonce, sizeof ask.nonce);
    buf_reset(&join->body);
    if (join_encode(&ask, &join->body) == RC_OK &&
        frame_build(join->codec, &head, buf_slice(&join->body), &seal, &join->frame) == RC_OK &&
        mqtt_publish(join->mqtt, join->up, buf_slice(&join->frame), 1) != RC_OK) {
        return; // asked again in a second
    }
}

static void join_answer(struct joining *join, struct slice bytes) {
    struct frame frame;
    struct joined joined;
    if (frame_open(bytes, &frame) != RC_OK || frame.type != FRAME_JOINED ||
        !frame_keyed_ok(bytes, &frame, FRAME_DOWN, join->key) ||
        frame_inflate(join->codec, &frame) != RC_OK ||
        joined_decode(frame.body, &joined) != RC_OK ||
        memcmp(joined.nonce, join->nonce, sizeof join->nonce) != 0 ||
        !id16_equal(joined.site.id, join->invite.site.id) ||
        memcmp(joined.hub_key.b, join->invite.hub_key.b, PUBLIC_KEY_BYTES) != 0) {
        return;
    }
    if (joined.confirmed) {
        join->joined = true;
        join->device = joined.device;
        if (pki_certificate_is(joined.certificate, joined.authority, join->invite.account,
                               buf_slice(&join->tls_key))) {
            buf_put(&join->door, joined.door.data, joined.door.len);
            buf_put(&join->certificate, joined.certificate.data, joined.certificate.len);
            buf_put(&join->authority, joined.authority.data, joined.authority.len);
        }
    }
}

static enum rc join_wait(struct joining *join, int timeout_s) {
    struct moment now = os_now();
    int64_t end = now.mono.v + (int64_t)timeout_s * 1000;
    int64_t ask_at = 0;
    while (!join->joined && now.mono.v < end) {
        struct pollfd fd = {.fd = -1};
        struct mqtt_message message;
        int timeout = 200;
        (void)mqtt_poll(join->mqtt, &fd, now.mono, &timeout);
        (void)poll(&fd, 1, timeout);
        now = os_now();
        mqtt_step(join->mqtt, &fd, now.mono);
        while (mqtt_next(join->mqtt, &message)) {
            join_answer(join, message.payload);
        }
        if (mqtt_connected(join->mqtt) && now.mono.v >= ask_at) {
            ask_at = now.mono.v + JOIN_EVERY_MS;
            join_ask(join);
        }
    }
    return join->joined ? RC_OK : RC_OFFLINE;
}

// The key of the broker's door is another one than the device's own: it signs no record.
static enum rc join_tls_key(struct joining *join) {
    char path[1300];
    struct buf secret;
    buf_init(&secret, PKI_PEM_BYTES_MAX);
    (void)snprintf(path, sizeof path, "%s/" TLS_KEY_FILE, join->keys_folder);
    enum rc rc = os_file_read(path, &secret);
    if (rc == RC_OK) {
        rc = pki_key_public(buf_slice(&secret), &join->tls_key);
    } else if (rc == RC_NOT_FOUND) {
        rc = pki_key_make(&secret, &join->tls_key);
        if (rc == RC_OK) {
            rc = os_file_write(path, buf_slice(&secret), 0600);
        }
    }
    keys_wipe(secret.data, secret.len);
    buf_fini(&secret);
    return rc;
}

static enum rc join_keys(struct joining *join) {
    enum rc rc = os_folder_make(join->dir);
    (void)snprintf(join->keys_folder, sizeof join->keys_folder, "%s/keys", join->dir);
    if (rc == RC_OK) {
        rc = os_folder_make(join->keys_folder);
    }
    if (rc == RC_OK) {
        rc = keyfile_device_create(join->keys_folder, &join->keys);
    }
    // An earlier try that was not finished made the key already.
    rc = rc == RC_EXISTS ? keyfile_device_load(join->keys_folder, &join->keys) : rc;
    return rc == RC_OK ? join_tls_key(join) : rc;
}

static enum rc save_key_file(struct joining *join, const char *name, const struct buf *text) {
    char path[1300];
    (void)snprintf(path, sizeof path, "%s/%s", join->keys_folder, name);
    return os_file_write(path, buf_slice(text), 0600);
}

// The certificates first: a device.ini that speaks of them finds them.
static enum rc join_save_door(struct joining *join, struct device_config *config) {
    struct mqtt_address address;
    const char *door = buf_cstr(&join->door);
    if (join->door.len == 0 || !mqtt_address_parse(door, &address) || address.door != MQTT_TLS) {
        return RC_OK;
    }
    enum rc rc = save_key_file(join, TLS_CA_FILE, &join->authority);
    if (rc == RC_OK) {
        rc = save_key_file(join, TLS_CERTIFICATE_FILE, &join->certificate);
    }
    if (rc == RC_OK && !join->thin) {
        (void)snprintf(config->broker, sizeof config->broker, "%s", door);
    }
    return rc;
}

static enum rc join_save(struct joining *join) {
    struct device_config config = {.kind = (enum device_kind)join->invite.kind,
                                   .site = join->invite.site,
                                   .device = join->device,
                                   .hub_key = join->invite.hub_key};
    (void)snprintf(config.name, sizeof config.name, "%s", join->invite.name);
    (void)snprintf(config.broker, sizeof config.broker, "%s", join->invite.broker);
    (void)snprintf(config.account, sizeof config.account, "%s", join->invite.account);
    (void)snprintf(config.password, sizeof config.password, "%s", join->invite.password);
    keys_random(config.author_random, sizeof config.author_random);
    config.author = author_of(keypair_public(join->keys.pair), config.author_random);
    enum rc rc = join_save_door(join, &config);
    if (rc == RC_OK) {
        rc = device_config_save(join->dir, &config);
    }
    keys_wipe(&config, sizeof config);
    return rc;
}

static int join_run(struct joining *join, const char *text, int timeout_s) {
    struct refusal refusal = {0};
    struct device_config known;
    char code[SHORT_CODE_BYTES];
    if (invite_decode(text, &join->invite) != RC_OK) {
        (void)!REFUSE(&refusal, REFUSAL_INVITE, "");
        return fail(RC_REFUSED, &refusal);
    }
    if (device_config_load(join->dir, &known, &refusal) == RC_OK) {
        (void)!REFUSE(&refusal, REFUSAL_SUBJECT_EXISTS, join->dir);
        return fail(RC_REFUSED, &refusal);
    }
    refusal = (struct refusal){0};
    join_key(join->invite.secret, join->key);
    keys_random(join->nonce, sizeof join->nonce);
    enum rc rc = join_keys(join);
    if (rc == RC_OK) {
        rc = frame_codec_new(&join->codec);
    }
    if (rc == RC_OK) {
        rc = join_connect(join, &refusal);
    }
    if (rc == RC_OK) {
        join_short_code(keypair_public(join->keys.pair), &join->invite.hub_key, join->invite.site,
                        code);
        (void)printf(_("Short code: %s\nCompare it with the hub's: davy device confirm %s\n"), code,
                     code);
        (void)fflush(stdout);
        rc = join_wait(join, timeout_s);
    }
    if (rc == RC_OK) {
        rc = join_save(join);
    }
    if (rc != RC_OK) {
        return fail(rc, rc == RC_OFFLINE ? NULL : &refusal);
    }
    (void)printf(_("This device has joined the site.\n"));
    return 0;
}

int main_join(int argc, char **argv) {
    static const struct option options[] = {
        {"dir", required_argument, NULL, 'd'},     {"invite", required_argument, NULL, 'i'},
        {"timeout", required_argument, NULL, 't'}, {"thin", no_argument, NULL, 'T'},
        {"lang", required_argument, NULL, 'l'},    {0}};
    struct joining *join = calloc(1, sizeof *join);
    const char *invite = NULL;
    int timeout_s = ENROL_TIMEOUT_S;
    bool bad = join == NULL;
    for (int c = 0; !bad && c != -1;) {
        c = getopt_long(argc, argv, "", options, NULL);
        bad = c == '?';
        if (c == 'd') {
            join->dir = optarg;
        } else if (c == 'i') {
            invite = optarg;
        } else if (c == 'T') {
            join->thin = true;
        } else if (c == 't') {
            timeout_s = (int)strtol(optarg, NULL, 10);
        } else if (c == 'l') {
            say_language(strncmp(optarg, "zh", 2) == 0 ? "zh_CN" : "en");
        }
    }
    if (bad || !join->dir || !invite) {
        (void)fprintf(stderr, "%s",
                      _("usage: davy join --dir DIR --invite TEXT [--thin] [--timeout S]\n"));
        free(join);
        return 2;
    }
    join->log = (struct log){.fd = STDERR_FILENO, .level = LOG_WARNING};
    buf_init(&join->body, LIMIT_MESSAGE_BYTES);
    buf_init(&join->frame, LIMIT_MESSAGE_BYTES);
    buf_init(&join->tls_key, LIMIT_JOIN_KEY_BYTES);
    buf_init(&join->door, LIMIT_TAG_BYTES + 1);
    buf_init(&join->certificate, LIMIT_JOIN_CERTIFICATE_BYTES);
    buf_init(&join->authority, LIMIT_JOIN_CERTIFICATE_BYTES);
    int code = join_run(join, invite, timeout_s);
    mqtt_free(join->mqtt);
    frame_codec_free(join->codec);
    keyfile_device_fini(&join->keys);
    buf_fini(&join->body);
    buf_fini(&join->frame);
    buf_fini(&join->tls_key);
    buf_fini(&join->door);
    buf_fini(&join->certificate);
    buf_fini(&join->authority);
    keys_wipe(join, sizeof *join);
    free(join);
    return code;
}

// ---- First use ----

struct first_use {
    const char *dir, *number, *code, *pin_file;
};

static enum rc first_use_wait(struct device_link *link, const struct first_use *use,
                              const char *pin, struct refusal *refusal) {
    int64_t end = link->now.mono.v + 30000;
    bool asked = false;
    while (link->now.mono.v < end) {
        struct pollfd fd = {.fd = -1};
        struct mono_ms next;
        struct app_status status;
        struct app_message message;
        bool changed;
        int timeout = 50;
        if (link->mqtt) {
            (void)mqtt_poll(link->mqtt, &fd, link->now.mono, &timeout);
        }
        (void)poll(&fd, 1, timeout < 50 ? timeout : 50);
        enum rc rc = device_link_step(link, &fd, &changed, &next);
        if (rc != RC_OK) {
            return rc;
        }
        app_status(link->app, link->now, &status);
        if (!asked && status.sync.phase == SYNC_LIVE) {
            rc = app_first_use(link->app, use->number, use->code, pin, link->now, refusal);
            if (rc != RC_OK) {
                return rc;
            }
            asked = true;
        }
        if (app_next_message(link->app, &message) && message.kind == KIND_KEY_CERTIFY) {
            return message.code == REFUSAL_NONE ? RC_OK
                                                : REFUSE(refusal, message.code, use->number);
        }
    }
    return REFUSE(refusal, REFUSAL_OFFLINE, "");
}

// Until the certificate itself is here: the key opens from then on without a connection.
static void first_use_settle(struct device_link *link, const char *number) {
    for (int round = 0; round < 100; round++) {
        struct app_person people[64];
        struct pollfd fd = {.fd = -1};
        struct mono_ms next;
        bool changed;
        int timeout = 50;
        uint32_t count = app_people(link->app, people, COUNT_OF(people));
        for (uint32_t i = 0; i < count; i++) {
            if (people[i].has_key && strcmp(people[i].number, number) == 0) {
                return;
            }
        }
        (void)mqtt_poll(link->mqtt, &fd, link->now.mono, &timeout);
        (void)poll(&fd, 1, timeout < 50 ? timeout : 50);
        if (device_link_step(link, &fd, &changed, &next) != RC_OK) {
            return;
        }
    }
}

static int first_use_run(const struct first_use *use) {
    struct refusal refusal = {0};
    struct device_link link;
    struct buf pin;
    buf_init(&pin, LIMIT_PIN_DIGITS_MAX + 2);
    enum rc rc = os_file_read(use->pin_file, &pin);
    char text[LIMIT_PIN_DIGITS_MAX + 3] = "";
    if (rc == RC_OK) {
        memcpy(text, pin.data, pin.len);
        text[strcspn(text, "\r\n")] = '\0';
        rc = device_link_open(use->dir, &link, &refusal);
        if (rc == RC_OK) {
            rc = first_use_wait(&link, use, text, &refusal);
        }
        if (rc == RC_OK) {
            first_use_settle(&link, use->number);
        }
        device_link_close(&link);
    }
    keys_wipe(text, sizeof text);
    keys_wipe(pin.data, pin.len);
    buf_fini(&pin);
    if (rc != RC_OK) {
        return fail(rc, &refusal);
    }
    (void)printf(_("The key of %s is certified on this device.\n"), use->number);
    return 0;
}

int main_first_use(int argc, char **argv) {
    static const struct option options[] = {{"dir", required_argument, NULL, 'd'},
                                            {"number", required_argument, NULL, 'n'},
                                            {"code", required_argument, NULL, 'c'},
                                            {"pin-file", required_argument, NULL, 'p'},
                                            {0}};
    struct first_use use = {.dir = NULL};
    bool bad = false;
    for (int c = 0; !bad && c != -1;) {
        c = getopt_long(argc, argv, "", options, NULL);
        bad = c == '?';
        if (c == 'd') {
            use.dir = optarg;
        } else if (c == 'n') {
            use.number = optarg;
        } else if (c == 'c') {
            use.code = optarg;
        } else if (c == 'p') {
            use.pin_file = optarg;
        }
    }
    if (bad || !use.dir || !use.number || !use.code || !use.pin_file) {
        (void)fprintf(
            stderr, "%s",
            _("usage: davy first-use --dir DIR --number N --code CODE --pin-file FILE\n"));
        return 2;
    }
    return first_use_run(&use);
}
