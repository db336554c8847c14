#include "davyd_broker.h"

#include "davy/cli/broker.h"
#include "davy/link/os.h"
#include "device_link.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 1300

void davyd_broker_init(struct davyd_broker *broker) {
    buf_init(&broker->certificate, LIMIT_JOIN_CERTIFICATE_BYTES);
    buf_init(&broker->authority, LIMIT_JOIN_CERTIFICATE_BYTES);
}

void davyd_broker_fini(struct davyd_broker *broker) {
    buf_fini(&broker->certificate);
    buf_fini(&broker->authority);
}

static enum rc issue(struct davyd_broker *broker, struct site_id site,
                     const struct pki_issue *what) {
    struct broker_authority authority;
    char keys[PATH_BYTES];
    char hex[ID_SHORT_BYTES];
    id16_short(site.id, hex);
    (void)snprintf(keys, sizeof keys, "%.1100s/keys", broker->dir);
    enum rc rc = broker_authority_open(keys, hex, &authority);
    if (rc != RC_OK) {
        return rc;
    }
    struct pki_authority pem = {.secret = buf_slice(&authority.secret),
                                .certificate = buf_slice(&authority.certificate)};
    buf_reset(&broker->certificate);
    buf_reset(&broker->authority);
    rc = pki_issue(&pem, what, &broker->certificate);
    if (rc == RC_OK) {
        buf_put(&broker->authority, pem.certificate.data, pem.certificate.len);
        rc = buf_rc(&broker->authority);
    }
    broker_authority_close(&authority);
    return rc;
}

bool davyd_broker_certify(void *ctx, const struct hub_certify *ask, struct hub_certified *out) {
    struct davyd_broker *broker = ctx;
    struct broker_book book = {0};
    if (broker->config->folder[0] == '\0' || broker_read(broker->config->folder, &book) != RC_OK) {
        return false;
    }
    (void)snprintf(broker->door, sizeof broker->door, "tls:%.60s", book.doors.tls);
    bool has_door = book.doors.tls[0] != '\0';
    broker_book_fini(&book);
    if (!has_door) {
        return false;
    }
    struct pki_issue what = {
        .name = ask->account, .serial = ask->device.id, .public_key = ask->tls_key};
    enum rc rc = issue(broker, store_site(hub_store(broker->hub)), &what);
    if (rc != RC_OK) {
        log_write(broker->log, LOG_WARNING, "no certificate for %s: %s", ask->account, rc_name(rc));
        return false;
    }
    log_write(broker->log, LOG_NOTICE, "a certificate was issued for %s", ask->account);
    *out = (struct hub_certified){.door = slice_text(broker->door),
                                  .certificate = buf_slice(&broker->certificate),
                                  .authority = buf_slice(&broker->authority)};
    return true;
}

void davyd_broker_step(struct davyd_broker *broker, struct moment now) {
    struct hub_status status;
    bool changed = false;
    if (broker->config->folder[0] == '\0') {
        return;
    }
    hub_status(broker->hub, &status);
    if (broker->written && status.sync.head_seq[LANE_CONTROL] == broker->roster_seq) {
        return;
    }
    broker->written = true;
    broker->roster_seq = status.sync.head_seq[LANE_CONTROL];
    struct broker_site site = {.folder = broker->config->folder,
                               .hub_folder = broker->dir,
                               .roster = hub_roster(broker->hub),
                               .site = store_site(hub_store(broker->hub)),
                               .now = now.utc};
    enum rc rc = broker_refresh(&site, &changed);
    if (rc != RC_OK) {
        log_write(broker->log, LOG_ERROR, "the broker's files in %s were not written: %s",
                  broker->config->folder, rc_name(rc));
    } else if (changed) {
        log_write(broker->log, LOG_NOTICE, "the broker's accounts and rights were written");
    }
}

// ---- A broker elsewhere ----

static enum rc own_key(const char *path, struct buf *secret, struct buf *public_key) {
    enum rc rc = os_file_read(path, secret);
    if (rc == RC_OK) {
        return pki_key_public(buf_slice(secret), public_key);
    }
    rc = rc == RC_NOT_FOUND ? pki_key_make(secret, public_key) : rc;
    return rc == RC_OK ? os_file_write(path, buf_slice(secret), 0600) : rc;
}

enum rc davyd_broker_own_certificate(struct davyd_broker *broker, struct site_id site) {
    char key[PATH_BYTES], certificate[PATH_BYTES];
    (void)snprintf(key, sizeof key, "%.1100s/keys/" TLS_KEY_FILE, broker->dir);
    (void)snprintf(certificate, sizeof certificate, "%.1100s/keys/" TLS_CERTIFICATE_FILE,
                   broker->dir);
    if (access(certificate, R_OK) == 0) {
        return RC_OK;
    }
    struct buf secret, public_key;
    buf_init(&secret, PKI_PEM_BYTES_MAX);
    buf_init(&public_key, PKI_PUBLIC_BYTES_MAX);
    enum rc rc = own_key(key, &secret, &public_key);
    if (rc == RC_OK) {
        struct pki_issue what = {.name = broker->config->records.account,
                                 .public_key = buf_slice(&public_key)};
        keys_random(what.serial.b, sizeof what.serial.b);
        rc = issue(broker, site, &what);
    }
    if (rc == RC_OK) {
        rc = os_file_write(certificate, buf_slice(&broker->certificate), 0600);
    }
    keys_wipe(secret.data, secret.len);
    buf_fini(&secret);
    buf_fini(&public_key);
    return rc;
}
