// The hub's own side of a broker's folder: the doors, the book of accounts, mosquitto.conf.
#include "broker_priv.h"

#include "davy/base/ensure.h"
#include "davy/link/mqtt.h"
#include "davy/link/os.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define BOOK_BYTES_MAX (2 * 1024 * 1024)
#define PATH_BYTES 4096
#define NONE "-"

static const char *const kind_words[] = {
    [BROKER_HUB] = "hub", [BROKER_GATEWAY] = "gateway", [BROKER_DEVICE] = "device"};

static void path_of(const char *folder, const char *name, char out_path[static PATH_BYTES]) {
    (void)snprintf(out_path, PATH_BYTES, "%.3900s/%s", folder, name);
}

// ---- Accounts ----

void broker_book_fini(struct broker_book *book) {
    if (book->accounts != NULL) {
        explicit_bzero(book->accounts, book->count * sizeof *book->accounts);
    }
    free(book->accounts);
    book->accounts = NULL;
    book->count = 0;
}

struct broker_account *broker_account_find(const struct broker_book *book, const char *name) {
    for (uint32_t i = 0; i < book->count; i++) {
        if (strcmp(book->accounts[i].name, name) == 0) {
            return &book->accounts[i];
        }
    }
    return NULL;
}

static bool name_is_fit(const char *name) {
    size_t len = strlen(name);
    return len > 0 && len <= PKI_NAME_BYTES_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == len;
}

struct broker_account *broker_account_add(struct broker_book *book, const char *name) {
    struct broker_account *found = broker_account_find(book, name);
    if (found != NULL || !name_is_fit(name) || book->count == BROKER_ACCOUNTS_MAX) {
        return found;
    }
    struct broker_account *more =
        realloc(book->accounts, (book->count + 1u) * sizeof *book->accounts);
    if (more == NULL) {
        return NULL;
    }
    book->accounts = more;
    struct broker_account *made = &book->accounts[book->count++];
    memset(made, 0, sizeof *made);
    memcpy(made->name, name, strlen(name) + 1);
    made->kind = BROKER_DEVICE;
    return made;
}

bool broker_topics_are_good(const char *topics) {
    size_t len = strlen(topics);
    size_t fit = strspn(topics, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-_/+#,");
    bool own = strncmp(topics, "davy/", 5) == 0 || strstr(topics, ",davy/") != NULL;
    // A filter that begins with a wildcard would cover the site's own topics.
    bool wide = topics[0] == '#' || topics[0] == '+' || strstr(topics, ",#") != NULL ||
                strstr(topics, ",+") != NULL;
    return len > 0 && len < BROKER_TOPICS_BYTES && fit == len && !own && !wide;
}

// One word of a line; false if there is none or it does not fit.
static bool word_take(const char **inout_at, char *out, size_t out_bytes) {
    const char *at = *inout_at + strspn(*inout_at, " \t");
    size_t len = strcspn(at, " \t\n");
    if (len == 0 || len >= out_bytes) {
        return false;
    }
    memcpy(out, at, len);
    out[len] = '\0';
    if (strcmp(out, NONE) == 0) {
        out[0] = '\0';
    }
    *inout_at = at + len;
    return true;
}

static bool account_take(struct broker_book *book, const char *line) {
    struct broker_account account = {0};
    char kind[16];
    const char *at = line;
    size_t index = 0;
    bool good =
        word_take(&at, account.name, sizeof account.name) && word_take(&at, kind, sizeof kind) &&
        word_take(&at, account.hash, sizeof account.hash) &&
        word_take(&at, account.psk, sizeof account.psk) &&
        word_take(&at, account.topics, sizeof account.topics) && at[strspn(at, " \t")] == '\0';
    while (good && index < COUNT_OF(kind_words) && strcmp(kind_words[index], kind) != 0) {
        index++;
    }
    good = good && index < COUNT_OF(kind_words) &&
           (account.topics[0] == '\0' || broker_topics_are_good(account.topics)) &&
           strspn(account.psk, "0123456789abcdef") == strlen(account.psk) &&
           strpbrk(account.hash, ":") == NULL && broker_account_find(book, account.name) == NULL;
    struct broker_account *made = good ? broker_account_add(book, account.name) : NULL;
    if (made != NULL) {
        account.kind = (enum broker_kind)index;
        *made = account;
    }
    explicit_bzero(&account, sizeof account);
    return made != NULL;
}

static enum rc accounts_read(const char *folder, struct broker_book *book) {
    char path[PATH_BYTES];
    struct buf text;
    buf_init(&text, BOOK_BYTES_MAX);
    path_of(folder, "accounts", path);
    enum rc rc = os_file_read(path, &text);
    char *line = rc == RC_OK ? (char *)(uintptr_t)buf_cstr(&text) : NULL;
    while (rc == RC_OK && line != NULL && *line != '\0') {
        char *end = strchr(line, '\n');
        if (end != NULL) {
            *end = '\0';
        }
        if (line[0] != '#' && line[0] != '\0' && !account_take(book, line)) {
            rc = RC_INVALID;
        }
        line = end == NULL ? NULL : end + 1;
    }
    if (text.data != NULL) {
        explicit_bzero(text.data, text.len);
    }
    buf_fini(&text);
    return rc;
}

static const char *word_of(const char *text) {
    return text[0] == '\0' ? NONE : text;
}

static enum rc accounts_write(const char *folder, const struct broker_book *book) {
    char path[PATH_BYTES];
    struct buf text;
    buf_init(&text, BOOK_BYTES_MAX);
    buf_printf(&text, "# account, kind, password hash, pre-shared key, topics; written by davy\n");
    for (uint32_t i = 0; i < book->count; i++) {
        const struct broker_account *account = &book->accounts[i];
        buf_printf(&text, "%s %s %s %s %s\n", account->name, kind_words[account->kind],
                   word_of(account->hash), word_of(account->psk), word_of(account->topics));
    }
    path_of(folder, "accounts", path);
    enum rc rc = buf_rc(&text);
    if (rc == RC_OK) {
        rc = os_file_write(path, buf_slice(&text), 0600);
    }
    if (text.data != NULL) {
        explicit_bzero(text.data, text.len);
    }
    buf_fini(&text);
    return rc;
}

// ---- Doors ----

static int on_door(void *ctx, const char *section, const char *name, const char *value) {
    struct broker_doors *doors = ctx;
    const struct {
        const char *name;
        char *at;
    } keys[] = {{"loopback", doors->loopback}, {"tls", doors->tls}, {"psk", doors->psk}};
    if (value == NULL || strcmp(section, "doors") != 0) {
        return 0;
    }
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        if (strcmp(keys[i].name, name) == 0) {
            (void)snprintf(keys[i].at, BROKER_ADDRESS_BYTES, "%s", value);
            return strlen(value) < BROKER_ADDRESS_BYTES;
        }
    }
    return 0;
}

static enum rc doors_read(const char *folder, struct broker_doors *out_doors) {
    char path[PATH_BYTES];
    path_of(folder, "broker.ini", path);
    int line = ini_parse(path, on_door, out_doors);
    return line == -1 ? RC_NOT_FOUND : line == 0 ? RC_OK : RC_INVALID;
}

static enum rc doors_write(const char *folder, const struct broker_doors *doors) {
    char path[PATH_BYTES];
    struct buf text;
    buf_init(&text, 4096);
    buf_printf(&text,
               "; Where this site's broker listens. After a change: davy broker write\n"
               "[doors]\nloopback = %s\ntls = %s\npsk = %s\n",
               doors->loopback, doors->tls, doors->psk);
    path_of(folder, "broker.ini", path);
    enum rc rc = buf_rc(&text);
    if (rc == RC_OK) {
        rc = os_file_write(path, buf_slice(&text), 0600);
    }
    buf_fini(&text);
    return rc;
}

// ---- The book ----

enum rc broker_read(const char *folder, struct broker_book *out_book) {
    struct broker_book book = {0};
    enum rc rc = doors_read(folder, &book.doors);
    if (rc == RC_OK) {
        rc = accounts_read(folder, &book);
    }
    if (rc != RC_OK) {
        broker_book_fini(&book);
        return rc;
    }
    *out_book = book;
    return RC_OK;
}

enum rc broker_open(const char *folder, int *out_lock, struct broker_book *out_book) {
    enum rc rc = os_folder_make(folder);
    if (rc != RC_OK) {
        return rc;
    }
    int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (lock >= 0 && flock(lock, LOCK_EX) != 0) {
        if (errno != EINTR) {
            (void)close(lock);
            lock = -1;
        }
    }
    if (lock < 0) {
        return RC_IO;
    }
    struct broker_book book = {0};
    rc = broker_read(folder, &book);
    if (rc != RC_OK && rc != RC_NOT_FOUND) {
        (void)close(lock);
        return rc;
    }
    *out_lock = lock;
    *out_book = book;
    return RC_OK;
}

void broker_close(int lock) {
    if (lock >= 0) {
        (void)close(lock);
    }
}

// The doors last: a folder that has them has its accounts, too.
enum rc broker_save(const char *folder, const struct broker_book *book) {
    enum rc rc = accounts_write(folder, book);
    return rc == RC_OK ? doors_write(folder, &book->doors) : rc;
}

// ---- mosquitto.conf ----

// Persistence would keep what is acknowledged by nobody; retained messages would be of any age.
static const char conf_head[] = "# Written by davy; changes made here are lost.\n"
                                "per_listener_settings false\n"
                                "allow_anonymous false\n"
                                "persistence false\n"
                                "retain_available false\n"
                                "set_tcp_nodelay true\n"
                                "max_inflight_messages 1000\n"
                                "max_queued_messages 20000\n"
                                "max_queued_bytes 67108864\n"
                                "message_size_limit 300000\n"
                                "max_keepalive 300\n"
                                "sys_interval 0\n"
                                "log_dest stderr\n"
                                "log_type error\n"
                                "log_type warning\n"
                                "log_type notice\n";

static const char conf_tls[] = "require_certificate true\n"
                               "use_identity_as_username true\n"
                               "tls_version tlsv1.2\n"
                               "max_connections 2000\n";

static const char conf_psk[] = "psk_hint davy\n"
                               "use_identity_as_username true\n"
                               "tls_version tlsv1.2\n"
                               "ciphers ECDHE-PSK-CHACHA20-POLY1305:DHE-PSK-CHACHA20-POLY1305\n"
                               "max_connections 2000\n";

static bool listener_put(const char *address, struct buf *out) {
    struct mqtt_address door;
    if (!mqtt_address_parse(address, &door) || door.door != MQTT_LOOPBACK) {
        return false;
    }
    buf_printf(out, "\nlistener %u %s\n", door.port, door.host);
    return true;
}

enum rc broker_conf_put(const struct broker_doors *doors, const char *folder, struct buf *out) {
    struct mqtt_address loopback;
    if (!mqtt_address_parse(doors->loopback, &loopback) || loopback.door != MQTT_LOOPBACK ||
        !mqtt_address_is_safe(&loopback) || strpbrk(folder, "\n") != NULL) {
        return RC_INVALID;
    }
    buf_printf(out, "%s", conf_head);
    if (geteuid() == 0) {
        buf_printf(out, "user root\n"); // the folder is its owner's alone
    }
    buf_printf(out, "pid_file %s/mosquitto.pid\npassword_file %s/passwords\nacl_file %s/acl\n",
               folder, folder, folder);
    if (doors->psk[0] != '\0') {
        buf_printf(out, "psk_file %s/psk\n", folder);
    }
    bool good = listener_put(doors->loopback, out);
    buf_printf(out, "max_connections 256\n");
    if (good && doors->tls[0] != '\0') {
        good = listener_put(doors->tls, out);
        buf_printf(out,
                   "cafile %s/ca.crt\ncertfile %s/broker.crt\nkeyfile %s/broker.key\n"
                   "crlfile %s/ca.crl\n%s",
                   folder, folder, folder, folder, conf_tls);
    }
    if (good && doors->psk[0] != '\0') {
        good = listener_put(doors->psk, out);
        buf_printf(out, "%s", conf_psk);
    }
    return good ? buf_rc(out) : RC_INVALID;
}
