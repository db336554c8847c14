#include "davyd_tiers.h"

#include "davy/app/control.h"
#include "davy/app/say.h"
#include "davy/link/os.h"
#include "device_link.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 1200

// ---- Folders ----

static void folder_of(const struct davyd_tiers *tiers, const char *kind, struct site_id site,
                      char out_folder[static PATH_BYTES]) {
    char hex[ID_HEX_BYTES];
    id16_hex(site.id, hex);
    (void)snprintf(out_folder, PATH_BYTES, "%.1100s/%s/%s", tiers->dir, kind, hex);
}

// What readers of the folder need to know of it. A parent's was written when it was added.
static enum rc write_config(const struct davyd_tiers *tiers, const char *folder,
                            struct site_id site) {
    struct device_config config;
    struct refusal refusal = {0};
    enum rc rc = device_config_load(folder, &config, &refusal);
    if (rc != RC_NOT_FOUND) {
        return rc;
    }
    const struct roster_site *own = roster_site(hub_roster(tiers->hub));
    config = (struct device_config){.kind = DEVICE_PARENT, .site = site};
    (void)snprintf(config.name, sizeof config.name, "%s", own ? own->name : "");
    return device_config_save(folder, &config);
}

static bool place_of(void *ctx, const char *kind, struct site_id site, char out_folder[1200],
                     const char **out_vfs) {
    const struct davyd_tiers *tiers = ctx;
    char above[PATH_BYTES];
    *out_vfs = NULL;
    (void)snprintf(above, sizeof above, "%.1100s/%s", tiers->dir, kind);
    folder_of(tiers, kind, site, out_folder);
    enum rc rc = os_folder_make(above);
    if (rc == RC_OK) {
        rc = os_folder_make(out_folder);
    }
    if (rc == RC_OK) {
        rc = write_config(tiers, out_folder, site);
    }
    if (rc != RC_OK) {
        log_write(tiers->log, LOG_ERROR, "%s cannot be used: %s", out_folder, rc_name(rc));
    }
    return rc == RC_OK;
}

// ---- Sending ----

static struct davyd_parent *parent_of(struct davyd_tiers *tiers, struct site_id site) {
    for (uint32_t i = 0; i < tiers->parent_count; i++) {
        if (id16_equal(tiers->parents[i].config.site.id, site.id)) {
            return &tiers->parents[i];
        }
    }
    return NULL;
}

static enum rc publish(struct mqtt *mqtt, const char *topic, struct slice frame) {
    return mqtt ? mqtt_publish(mqtt, topic, frame, 1) : RC_OFFLINE;
}

static enum rc send_child(void *ctx, const char *account, struct site_id log, struct slice frame) {
    struct davyd_tiers *tiers = ctx;
    char topic[TOPIC_BYTES];
    char digits[ID_SHORT_BYTES];
    id16_short(log.id, digits);
    struct topic_tier tier = {
        .parent = store_site(hub_store(tiers->hub)), .account = account, .log = digits};
    topic_child_down(&tier, topic);
    return publish(tiers->own, topic, frame);
}

static enum rc send_parent(void *ctx, struct site_id parent, struct site_id log,
                           struct slice frame) {
    struct davyd_parent *above = parent_of(ctx, parent);
    char topic[TOPIC_BYTES];
    char digits[ID_SHORT_BYTES];
    if (!above) {
        return RC_NOT_FOUND;
    }
    id16_short(log.id, digits);
    struct topic_tier tier = {.parent = parent, .account = above->config.account, .log = digits};
    topic_child_up(&tier, topic);
    return publish(above->mqtt, topic, frame);
}

static enum rc send_reader(void *ctx, struct site_id parent, struct slice frame) {
    struct davyd_parent *above = parent_of(ctx, parent);
    return above ? publish(above->mqtt, above->reader_up, frame) : RC_NOT_FOUND;
}

static void random_of(void *ctx, void *out, size_t len) {
    (void)ctx;
    keys_random(out, len);
}

bool davyd_tiers_send(struct davyd_tiers *tiers, const char *account, struct slice frame,
                      enum rc *out_rc) {
    return tiers->tiers && account && tiers_send(tiers->tiers, account, frame, out_rc);
}

// ---- Parents ----

static enum rc parent_connect(const struct davyd_tiers *tiers, const char *folder,
                              struct davyd_parent *parent, struct refusal *out_refusal) {
    const struct device_config *config = &parent->config;
    char prefix[32];
    char hex[ID_SHORT_BYTES];
    struct mqtt_options options = {.client_id = parent->client_id,
                                   .account = config->account,
                                   .password = config->password,
                                   .psk = config->password,
                                   .ca_file = parent->ca_file,
                                   .certificate_file = parent->certificate_file,
                                   .key_file = parent->key_file,
                                   .keepalive_s = 15,
                                   .topics = parent->topics,
                                   .qos = 1,
                                   .inbox_bytes_max = LIMIT_INBOX_BYTES,
                                   .out_bytes_max = LIMIT_INBOX_BYTES,
                                   .log = tiers->log};
    if (!mqtt_address_parse(config->broker, &options.address)) {
        return RC_INVALID;
    }
    struct topic_tier any = {.parent = config->site, .account = config->account, .log = "+"};
    id16_short(store_site(hub_store(tiers->hub)).id, hex);
    (void)snprintf(prefix, sizeof prefix, "davyd-%s", hex);
    client_id_make(prefix, parent->client_id, sizeof parent->client_id);
    (void)snprintf(parent->ca_file, sizeof parent->ca_file, "%s/" TLS_CA_FILE, folder);
    (void)snprintf(parent->certificate_file, sizeof parent->certificate_file,
                   "%s/" TLS_CERTIFICATE_FILE, folder);
    (void)snprintf(parent->key_file, sizeof parent->key_file, "%s/" TLS_KEY_FILE, folder);
    topic_up(config->site, config->account, parent->reader_up);
    topic_down(config->site, config->account, parent->reader_down);
    topic_child_down(&any, parent->down);
    parent->topics[0] = parent->reader_down;
    parent->topics[1] = parent->down;
    keys_random(&options.seed, sizeof options.seed);
    return broker_connect(&options, config->broker, &parent->mqtt, out_refusal);
}

static void parent_open(struct davyd_tiers *tiers, const char *folder,
                        const struct device_config *config) {
    struct refusal refusal = {0};
    char text[512];
    if (tiers->parent_count == TIERS_PARENTS_MAX) {
        log_write(tiers->log, LOG_ERROR, "%s is left out: there are too many parents", folder);
        return;
    }
    enum rc rc = tiers_parent_add(tiers->tiers, config, tiers->now, &refusal);
    if (rc == RC_OK) {
        struct davyd_parent *parent = &tiers->parents[tiers->parent_count++];
        *parent = (struct davyd_parent){.config = *config};
        rc = parent_connect(tiers, folder, parent, &refusal);
    }
    if (rc != RC_OK) {
        log_write(tiers->log, LOG_ERROR, "the parent in %s is not read: %s", folder,
                  rc == RC_REFUSED ? say_refusal(&refusal, text, sizeof text) : say_rc(rc));
    }
}

static void parent_look(struct davyd_tiers *tiers, const char *above, const char *name) {
    struct device_config config;
    struct refusal refusal = {0};
    struct site_id site;
    char folder[PATH_BYTES];
    if (id16_parse(name, &site.id) != RC_OK || parent_of(tiers, site)) {
        return;
    }
    (void)snprintf(folder, sizeof folder, "%.1100s/%.40s", above, name);
    enum rc rc = device_config_load(folder, &config, &refusal);
    if (rc == RC_OK && (config.kind != DEVICE_CHILD || !id16_equal(config.site.id, site.id))) {
        rc = RC_WRONG_SITE;
    }
    if (rc == RC_OK) {
        parent_open(tiers, folder, &config);
    } else if (rc != RC_NOT_FOUND) {
        log_write(tiers->log, LOG_ERROR, "%s/device.ini is unfit: %s", folder, rc_name(rc));
    }
    keys_wipe(&config, sizeof config);
}

void davyd_tiers_look(struct davyd_tiers *tiers) {
    char above[PATH_BYTES];
    (void)snprintf(above, sizeof above, "%.1100s/parents", tiers->dir);
    DIR *dir = opendir(above);
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        parent_look(tiers, above, entry->d_name);
    }
    if (dir) {
        (void)closedir(dir);
    }
}

enum rc davyd_tiers_open(struct davyd_tiers *tiers, const char *dir, struct hub *hub,
                         const struct log *log) {
    struct tiers_options options = {.folder = dir,
                                    .hub = hub,
                                    .log = log,
                                    .ctx = tiers,
                                    .place_of = place_of,
                                    .send_child = send_child,
                                    .send_parent = send_parent,
                                    .send_reader = send_reader,
                                    .random = random_of};
    struct topic_tier any = {.parent = store_site(hub_store(hub)), .account = "+", .log = "+"};
    tiers->dir = dir;
    tiers->hub = hub;
    tiers->log = log;
    tiers->now = os_now();
    topic_child_up(&any, tiers->child_topic);
    enum rc rc = tiers_open(&options, tiers->now, &tiers->tiers);
    if (rc == RC_OK) {
        davyd_tiers_look(tiers);
    }
    return rc;
}

void davyd_tiers_close(struct davyd_tiers *tiers) {
    tiers_close(tiers->tiers);
    for (uint32_t i = 0; i < tiers->parent_count; i++) {
        mqtt_free(tiers->parents[i].mqtt);
        keys_wipe(&tiers->parents[i].config, sizeof tiers->parents[i].config);
    }
    *tiers = (struct davyd_tiers){0};
}

// ---- Reading ----

// The next level of a topic, at most max bytes; NULL if it is missing, empty or longer.
static const char *level(const char *at, char *out, size_t max) {
    size_t len = at ? strcspn(at, "/") : 0;
    if (len == 0 || len > max) {
        return NULL;
    }
    memcpy(out, at, len);
    out[len] = '\0';
    return at[len] == '/' ? at + len + 1 : at + len;
}

// davy/<site>/c/<account>/<log>/<way>
static bool topic_parts(const char *topic, char out_account[static LIMIT_TAG_BYTES + 1],
                        char out_log[static TIER_SITE_DIGITS + 1]) {
    char word[LIMIT_TAG_BYTES + 1];
    const char *at = level(level(topic, word, LIMIT_TAG_BYTES), word, LIMIT_TAG_BYTES);
    at = level(at, word, LIMIT_TAG_BYTES);
    if (!at || strcmp(word, "c") != 0) {
        return false;
    }
    at = level(at, out_account, LIMIT_TAG_BYTES);
    return level(at, out_log, TIER_SITE_DIGITS) != NULL;
}

bool davyd_tiers_take(struct davyd_tiers *tiers, const struct mqtt_message *message) {
    char account[LIMIT_TAG_BYTES + 1];
    char log[TIER_SITE_DIGITS + 1];
    if (!tiers->tiers || !topic_parts(message->topic, account, log)) {
        return false;
    }
    // What is not taken is sent again by the child, and what nobody waits for is nobody's.
    (void)!tiers_from_child(tiers->tiers, account, log, message->payload);
    return true;
}

void davyd_tiers_poll(struct davyd_tiers *tiers, struct pollfd *out_fds, struct moment now,
                      int *inout_timeout_ms) {
    for (uint32_t i = 0; i < TIERS_PARENTS_MAX; i++) {
        out_fds[i] = (struct pollfd){.fd = -1};
        if (i < tiers->parent_count && tiers->parents[i].mqtt) {
            (void)mqtt_poll(tiers->parents[i].mqtt, &out_fds[i], now.mono, inout_timeout_ms);
        }
    }
    if (tiers->tiers && tiers_have_work(tiers->tiers)) {
        *inout_timeout_ms = 0;
    }
}

static void parent_read(struct davyd_tiers *tiers, struct davyd_parent *parent,
                        const struct pollfd *fd) {
    struct mqtt_message message;
    char account[LIMIT_TAG_BYTES + 1];
    char log[TIER_SITE_DIGITS + 1];
    mqtt_step(parent->mqtt, fd, tiers->now.mono);
    if (mqtt_link_changed(parent->mqtt)) {
        parent->linked = mqtt_connected(parent->mqtt);
        tiers_parent_link(tiers->tiers, parent->config.site, parent->linked, tiers->now);
    }
    enum rc rc = RC_OK;
    while (rc != RC_FULL && mqtt_next(parent->mqtt, &message)) {
        if (message.retained) {
            continue;
        }
        rc = topic_parts(message.topic, account, log)
                 ? tiers_from_parent(tiers->tiers, parent->config.site, log, message.payload)
                 : tiers_from_parent_reader(tiers->tiers, parent->config.site, message.payload);
    }
}

void davyd_tiers_read(struct davyd_tiers *tiers, struct mqtt *own, const struct pollfd *fds,
                      struct moment now) {
    tiers->now = now;
    bool linked = own && mqtt_connected(own);
    if (linked != tiers->linked) {
        tiers->linked = linked;
        tiers_link(tiers->tiers, linked, now);
    }
    // A parent that was added since has no poll entry yet.
    for (uint32_t i = 0; i < tiers->parent_count; i++) {
        if (tiers->parents[i].mqtt) {
            parent_read(tiers, &tiers->parents[i], &fds[i]);
        }
    }
}

void davyd_tiers_step(struct davyd_tiers *tiers, struct mqtt *own, struct mono_ms *inout_next) {
    tiers->own = own;
    tiers_step(tiers->tiers, tiers->now, inout_next);
    tiers->own = NULL;
}

// ---- For people ----

bool davyd_tiers_control(struct davyd_tiers *tiers, struct slice request, struct buf *out) {
    struct control_answer answer = {.rc = RC_OK};
    struct buf payload;
    if (!tiers->tiers || request.len == 0 || request.data[0] != CONTROL_TIERS) {
        return false;
    }
    davyd_tiers_look(tiers);
    struct tier_row *rows = calloc(TIERS_ROWS_MAX, sizeof *rows);
    uint32_t count = rows ? tiers_rows(tiers->tiers, rows, TIERS_ROWS_MAX) : 0;
    buf_init(&payload, LIMIT_CONTROL_MESSAGE_BYTES - 256);
    for (uint32_t i = 0; i < count; i++) {
        tier_row_put(&rows[i], &payload);
    }
    free(rows);
    answer.rc = rows ? buf_rc(&payload) : RC_NO_MEMORY;
    answer.payload = answer.rc == RC_OK ? buf_slice(&payload) : slice_of(NULL, 0);
    control_answer_encode(&answer, out);
    buf_fini(&payload);
    return true;
}
