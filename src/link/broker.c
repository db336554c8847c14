#include "davy/link/broker.h"

#include "broker_priv.h"
#include "davy/base/ensure.h"
#include "davy/link/mqtt.h"
#include "davy/link/os.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define TEXT_BYTES_MAX (4 * 1024 * 1024) // rights of all accounts
#define PATH_BYTES 4096
#define CA_KEY_FILE "site-ca.key"
#define CA_FILE "site-ca.crt"

// ---- Files ----

static void path_of(const char *folder, const char *name, char out_path[static PATH_BYTES]) {
    (void)snprintf(out_path, PATH_BYTES, "%.3900s/%s", folder, name);
}

static enum rc file_read(const char *folder, const char *name, struct buf *out) {
    char path[PATH_BYTES];
    path_of(folder, name, path);
    return os_file_read(path, out);
}

static enum rc file_write(const char *folder, const char *name, const struct buf *text) {
    char path[PATH_BYTES];
    enum rc rc = buf_rc(text);
    path_of(folder, name, path);
    return rc == RC_OK ? os_file_write(path, buf_slice(text), 0600) : rc;
}

static void wipe(struct buf *secret) {
    if (secret->data) {
        explicit_bzero(secret->data, secret->len);
    }
    buf_fini(secret);
}

// Writes a file that differs.
static enum rc file_update(const char *folder, const char *name, const struct buf *text,
                           bool *inout_changed) {
    struct buf before;
    buf_init(&before, TEXT_BYTES_MAX);
    bool same = file_read(folder, name, &before) == RC_OK && buf_rc(text) == RC_OK &&
                slice_equal(buf_slice(&before), buf_slice(text));
    wipe(&before);
    if (same) {
        return RC_OK;
    }
    *inout_changed = true;
    return file_write(folder, name, text);
}

// ---- The authority ----

void broker_authority_close(struct broker_authority *authority) {
    if (authority->secret.data != NULL) {
        explicit_bzero(authority->secret.data, authority->secret.len);
    }
    buf_fini(&authority->secret);
    buf_fini(&authority->certificate);
}

// The key first: a certificate without its key would be of no use, and is made anew.
static enum rc authority_make(const char *keys_folder, const char *site,
                              struct broker_authority *authority) {
    char name[PKI_NAME_BYTES_MAX + 1];
    (void)snprintf(name, sizeof name, "davy-site-%.8s", site);
    buf_reset(&authority->secret);
    buf_reset(&authority->certificate);
    enum rc rc = pki_authority_make(name, &authority->secret, &authority->certificate);
    if (rc == RC_OK) {
        rc = file_write(keys_folder, CA_KEY_FILE, &authority->secret);
    }
    return rc == RC_OK ? file_write(keys_folder, CA_FILE, &authority->certificate) : rc;
}

enum rc broker_authority_open(const char *keys_folder, const char *site,
                              struct broker_authority *out_authority) {
    struct broker_authority authority;
    buf_init(&authority.secret, PKI_PEM_BYTES_MAX);
    buf_init(&authority.certificate, PKI_PEM_BYTES_MAX);
    enum rc rc = file_read(keys_folder, CA_FILE, &authority.certificate);
    if (rc == RC_OK) {
        rc = file_read(keys_folder, CA_KEY_FILE, &authority.secret);
    } else if (rc == RC_NOT_FOUND) {
        rc = authority_make(keys_folder, site, &authority);
    }
    if (rc != RC_OK) {
        broker_authority_close(&authority);
        return rc;
    }
    *out_authority = authority;
    return RC_OK;
}

// ---- What mosquitto reads ----

static const struct broker_device *device_of(const struct broker_plan *plan, const char *account) {
    for (uint32_t i = 0; i < plan->device_count; i++) {
        if (strcmp(plan->devices[i].account, account) == 0) {
            return &plan->devices[i];
        }
    }
    return NULL;
}

static bool is_revoked(const struct broker_plan *plan, const char *account) {
    const struct broker_device *device = device_of(plan, account);
    return device != NULL && device->revoked;
}

static void put_topics(struct buf *out, const char *right, const char *topics) {
    while (*topics != '\0') {
        size_t len = strcspn(topics, ",");
        buf_printf(out, "topic %s %.*s\n", right, (int)len, topics);
        topics += topics[len] == ',' ? len + 1 : len;
    }
}

static void put_hub(const struct broker_plan *plan, const char *name, struct buf *out) {
    static const char *const reads[] = {"u/#", "j/+/u", "c/+/+/u"};
    static const char *const writes[] = {"d/#", "j/+/d", "c/+/+/d", "v/#"};
    buf_printf(out, "\nuser %s\n", name);
    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++) {
        buf_printf(out, "topic read davy/%s/%s\n", plan->site, reads[i]);
    }
    for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
        buf_printf(out, "topic write davy/%s/%s\n", plan->site, writes[i]);
    }
    // The hub reads whatever a gateway may write.
    for (uint32_t i = 0; i < plan->book->count; i++) {
        if (plan->book->accounts[i].kind == BROKER_GATEWAY) {
            put_topics(out, "read", plan->book->accounts[i].topics);
        }
    }
}

static void put_device(const struct broker_plan *plan, const char *name, struct buf *out) {
    const struct broker_device *device = device_of(plan, name);
    const char *site = plan->site;
    if (device != NULL && device->revoked) {
        return;
    }
    buf_printf(out, "\nuser %s\n", name);
    buf_printf(out, "topic write davy/%s/j/%s/u\ntopic read davy/%s/j/%s/d\n", site, name, site,
               name);
    if (device == NULL) {
        return; // invited, not enrolled yet
    }
    buf_printf(out, "topic write davy/%s/u/%s\ntopic read davy/%s/d/%s\ntopic read davy/%s/v/#\n",
               site, name, site, name, site);
    if (device->child) {
        buf_printf(out, "topic write davy/%s/c/%s/+/u\ntopic read davy/%s/c/%s/+/d\n", site, name,
                   site, name);
    }
}

static enum rc write_rights(const struct broker_plan *plan, bool *inout_changed) {
    struct buf text;
    buf_init(&text, TEXT_BYTES_MAX);
    buf_printf(&text, "# Written by davy from the roster; changes made here are lost.\n");
    for (uint32_t i = 0; i < plan->book->count; i++) {
        const struct broker_account *account = &plan->book->accounts[i];
        switch (account->kind) {
        case BROKER_HUB:
            put_hub(plan, account->name, &text);
            break;
        case BROKER_GATEWAY:
            buf_printf(&text, "\nuser %s\n", account->name);
            put_topics(&text, "write", account->topics);
            break;
        case BROKER_DEVICE:
            put_device(plan, account->name, &text);
            break;
        }
    }
    for (uint32_t i = 0; i < plan->device_count; i++) {
        if (broker_account_find(plan->book, plan->devices[i].account) == NULL) {
            put_device(plan, plan->devices[i].account, &text);
        }
    }
    enum rc rc = file_update(plan->folder, "acl", &text, inout_changed);
    buf_fini(&text);
    return rc;
}

static enum rc write_secrets(const struct broker_plan *plan, bool *inout_changed) {
    struct buf passwords, psk;
    buf_init(&passwords, TEXT_BYTES_MAX);
    buf_init(&psk, TEXT_BYTES_MAX);
    for (uint32_t i = 0; i < plan->book->count; i++) {
        const struct broker_account *account = &plan->book->accounts[i];
        if (account->kind == BROKER_DEVICE && is_revoked(plan, account->name)) {
            continue;
        }
        if (account->hash[0] != '\0') {
            buf_printf(&passwords, "%s:%s\n", account->name, account->hash);
        }
        if (account->psk[0] != '\0') {
            buf_printf(&psk, "%s:%s\n", account->name, account->psk);
        }
    }
    enum rc rc = file_update(plan->folder, "passwords", &passwords, inout_changed);
    if (rc == RC_OK) {
        rc = file_update(plan->folder, "psk", &psk, inout_changed);
    }
    buf_fini(&passwords);
    wipe(&psk);
    return rc;
}

// The withdrawal list is made anew whenever the rights change: whoever is withdrawn lost them, too.
static enum rc write_withdrawn(const struct broker_plan *plan,
                               const struct pki_authority *authority) {
    struct buf before, list;
    struct id16 *serials = calloc(plan->device_count + 1u, sizeof *serials);
    if (serials == NULL) {
        return RC_NO_MEMORY;
    }
    struct pki_withdraw withdraw = {.serials = serials, .now = plan->now};
    for (uint32_t i = 0; i < plan->device_count; i++) {
        if (plan->devices[i].revoked) {
            serials[withdraw.count++] = plan->devices[i].id;
        }
    }
    buf_init(&before, PKI_PEM_BYTES_MAX);
    buf_init(&list, PKI_PEM_BYTES_MAX);
    if (file_read(plan->folder, "ca.crl", &before) == RC_OK) {
        withdraw.before = buf_slice(&before);
    }
    enum rc rc = pki_withdraw(authority, &withdraw, &list);
    if (rc == RC_OK) {
        rc = file_write(plan->folder, "ca.crl", &list);
    }
    buf_fini(&before);
    buf_fini(&list);
    free(serials);
    return rc;
}

// A fresh key and certificate for the broker, good for the addresses of its doors.
static enum rc write_certificate(const struct broker_plan *plan,
                                 const struct pki_authority *authority) {
    struct buf secret, public_key, certificate;
    struct mqtt_address door;
    if (!mqtt_address_parse(plan->book->doors.tls, &door)) {
        return RC_INVALID;
    }
    const char *addresses[] = {door.host, NULL};
    struct pki_issue issue = {.name = "broker", .addresses = addresses};
    buf_init(&secret, PKI_PEM_BYTES_MAX);
    buf_init(&public_key, PKI_PUBLIC_BYTES_MAX);
    buf_init(&certificate, PKI_PEM_BYTES_MAX);
    // A certificate has a number of its own; no device's id is made of the time alone.
    uint64_t number = (uint64_t)plan->now.v;
    memcpy(issue.serial.b, &number, sizeof number);
    enum rc rc = pki_key_make(&secret, &public_key);
    if (rc == RC_OK) {
        issue.public_key = buf_slice(&public_key);
        rc = pki_issue(authority, &issue, &certificate);
    }
    if (rc == RC_OK) {
        rc = file_write(plan->folder, "broker.key", &secret);
    }
    if (rc == RC_OK) {
        rc = file_write(plan->folder, "broker.crt", &certificate);
    }
    wipe(&secret);
    buf_fini(&public_key);
    buf_fini(&certificate);
    return rc;
}

static bool exists(const char *folder, const char *name) {
    char path[PATH_BYTES];
    path_of(folder, name, path);
    return access(path, F_OK) == 0;
}

static enum rc write_door_files(const struct broker_plan *plan, bool *inout_changed) {
    struct broker_authority authority;
    if (plan->book->doors.tls[0] == '\0') {
        return RC_OK;
    }
    bool complete = exists(plan->folder, "broker.crt") && exists(plan->folder, "ca.crl") &&
                    !plan->doors_changed;
    if (complete && !*inout_changed) {
        return RC_OK;
    }
    enum rc rc = broker_authority_open(plan->keys_folder, plan->site, &authority);
    if (rc != RC_OK) {
        return rc;
    }
    struct pki_authority pem = {.secret = buf_slice(&authority.secret),
                                .certificate = buf_slice(&authority.certificate)};
    rc = file_update(plan->folder, "ca.crt", &authority.certificate, inout_changed);
    if (rc == RC_OK && !complete) {
        *inout_changed = true;
        rc = write_certificate(plan, &pem);
    }
    if (rc == RC_OK) {
        rc = write_withdrawn(plan, &pem);
    }
    broker_authority_close(&authority);
    return rc;
}

// ---- The broker itself ----

// Only a process of that name: a number in an old file may be somebody else's by now.
static void tell_broker(const char *folder) {
    char path[64];
    struct buf text;
    buf_init(&text, 64);
    if (file_read(folder, "mosquitto.pid", &text) == RC_OK) {
        char *end = NULL;
        long pid = strtol(buf_cstr(&text), &end, 10);
        buf_reset(&text);
        (void)snprintf(path, sizeof path, "/proc/%ld/comm", pid);
        if (pid > 1 && os_file_read(path, &text) == RC_OK &&
            strcmp(buf_cstr(&text), "mosquitto\n") == 0) {
            (void)kill((pid_t)pid, SIGHUP);
        }
    }
    buf_fini(&text);
}

enum rc broker_write(const struct broker_plan *plan, bool *out_changed) {
    bool changed = false;
    struct buf conf;
    char folder[PATH_BYTES];
    if (realpath(plan->folder, folder) == NULL) {
        return RC_NOT_FOUND;
    }
    buf_init(&conf, TEXT_BYTES_MAX);
    enum rc rc = broker_conf_put(&plan->book->doors, folder, &conf);
    if (rc == RC_OK) {
        rc = write_secrets(plan, &changed);
    }
    if (rc == RC_OK) {
        rc = write_rights(plan, &changed);
    }
    if (rc == RC_OK) {
        rc = write_door_files(plan, &changed);
    }
    if (rc == RC_OK) {
        rc = file_update(plan->folder, "mosquitto.conf", &conf, &changed);
    }
    buf_fini(&conf);
    if (rc != RC_OK) {
        return rc;
    }
    if (changed) {
        tell_broker(plan->folder);
    }
    *out_changed = changed;
    return RC_OK;
}
