#include "davyd_config.h"

#include "davy/base/bytes.h"
#include "davy/base/ensure.h"
#include "davy/cli/broker.h"
#include "davy/link/os.h"

#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct parse {
    struct davyd_config config;
    struct refusal *refusal;
    const char *path;
    enum rc rc;
    int line; // of the key in hand: libinih counts, the handler does not see it
    char key[64];
    const char *why;
};

static bool fail(struct parse *parse, const char *section, const char *name, const char *why) {
    (void)snprintf(parse->key, sizeof parse->key, "[%s] %s", section, name);
    parse->why = why;
    return false;
}

static bool copy(const char *value, char *out, size_t out_bytes) {
    if (strlen(value) >= out_bytes) {
        return false;
    }
    memcpy(out, value, strlen(value) + 1);
    return true;
}

static bool read_password(const char *path, char out[static LIMIT_TAG_BYTES + 1]) {
    struct buf text;
    buf_init(&text, LIMIT_TAG_BYTES + 2);
    bool ok = os_file_read(path, &text) == RC_OK;
    size_t len = text.len;
    while (ok && len > 0 && (text.data[len - 1] == '\n' || text.data[len - 1] == '\r')) {
        len--;
    }
    ok = ok && len > 0 && len <= LIMIT_TAG_BYTES;
    if (ok) {
        memcpy(out, text.data, len);
        out[len] = '\0';
    }
    buf_fini(&text);
    return ok;
}

static bool read_port(const char *value, uint16_t *out_port) {
    char *end = NULL;
    long port = strtol(value, &end, 10);
    if (end == value || *end != '\0' || port < 1 || port > 65535) {
        return false;
    }
    *out_port = (uint16_t)port;
    return true;
}

static bool read_level(const char *value, enum log_level *out_level) {
    static const char *const names[] = {[LOG_ERROR] = "error",
                                        [LOG_WARNING] = "warning",
                                        [LOG_NOTICE] = "notice",
                                        [LOG_INFO] = "info",
                                        [LOG_DEBUG] = "debug"};
    for (size_t i = LOG_ERROR; i < COUNT_OF(names); i++) {
        if (strcmp(names[i], value) == 0) {
            *out_level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

static bool take_login(struct parse *parse, const char *section, const char *name,
                       const char *value, struct broker_login *login) {
    if (strcmp(name, "account") == 0) {
        return copy(value, login->account, sizeof login->account) ||
               fail(parse, section, name, "too long");
    }
    if (strcmp(name, "password_file") == 0) {
        return read_password(value, login->password) ||
               fail(parse, section, name, "cannot be read, empty or too long");
    }
    return fail(parse, section, name, "unknown key");
}

static bool take(struct parse *parse, const char *section, const char *name, const char *value) {
    struct davyd_config *config = &parse->config;
    if (strcmp(section, "broker") == 0) {
        if (strcmp(name, "folder") == 0) {
            return copy(value, config->folder, sizeof config->folder) ||
                   fail(parse, section, name, "too long");
        }
        if (strcmp(name, "address") == 0) {
            return (copy(value, config->address_text, sizeof config->address_text) &&
                    mqtt_address_parse(value, &config->address)) ||
                   fail(parse, section, name, "expected HOST:PORT, tls:…, psk:… or plain:…");
        }
        if (strcmp(name, "host") == 0) {
            return copy(value, config->address.host, sizeof config->address.host) ||
                   fail(parse, section, name, "too long");
        }
        if (strcmp(name, "port") == 0) {
            return read_port(value, &config->address.port) ||
                   fail(parse, section, name, "expected a port, 1 to 65535");
        }
        return take_login(parse, section, name, value, &config->records);
    }
    if (strcmp(section, "telemetry") == 0) {
        return take_login(parse, section, name, value, &config->telemetry);
    }
    if (strcmp(section, "site") == 0 && strcmp(name, "file") == 0) {
        return copy(value, config->site_file, sizeof config->site_file) ||
               fail(parse, section, name, "too long");
    }
    if (strcmp(section, "log") == 0 && strcmp(name, "level") == 0) {
        return read_level(value, &config->level) ||
               fail(parse, section, name, "expected error, warning, notice, info or debug");
    }
    return fail(parse, section, name, "unknown section or key");
}

static int on_key(void *ctx, const char *section, const char *name, const char *value) {
    struct parse *parse = ctx;
    if (parse->why) {
        return 0; // the first error is the one to mend
    }
    return value && take(parse, section, name, value) ? 1 : 0;
}

// Door, account and password as davy broker write left them.
static enum rc take_folder(struct davyd_config *config, struct refusal *out_refusal) {
    struct broker_book book = {0};
    char path[LIMIT_CONFIG_LINE_BYTES + 32];
    (void)snprintf(path, sizeof path, "%s/" BROKER_PASSWORD_FILE, config->folder);
    enum rc rc = broker_read(config->folder, &book);
    bool good = rc == RC_OK && mqtt_address_parse(book.doors.loopback, &config->address) &&
                read_password(path, config->records.password);
    (void)snprintf(config->records.account, sizeof config->records.account, BROKER_HUB_ACCOUNT);
    broker_book_fini(&book);
    return good ? RC_OK
                : REFUSE(out_refusal, REFUSAL_FILE_LINE, config->folder, "[broker] folder",
                         "no broker's files there; davy broker write makes them");
}

enum rc davyd_config_load(const char *path, struct davyd_config *out_config,
                          struct refusal *out_refusal) {
    struct parse parse = {.refusal = out_refusal, .path = path};
    parse.config.level = LOG_NOTICE;
    int line = ini_parse(path, on_key, &parse);
    if (line == -1) {
        return RC_NOT_FOUND;
    }
    if (line < 0) {
        return RC_IO;
    }
    char where[REFUSAL_ARG_BYTES];
    if (line > 0) {
        (void)snprintf(where, sizeof where, "%.80s:%d", path, line);
        return REFUSE(out_refusal, REFUSAL_FILE_LINE, where, parse.why ? parse.key : "",
                      parse.why ? parse.why : "not key = value, or longer than 180 bytes");
    }
    struct davyd_config *config = &parse.config;
    (void)snprintf(where, sizeof where, "%.90s", path);
    if (config->folder[0] != '\0' && config->address.host[0] == '\0') {
        enum rc rc = take_folder(config, out_refusal);
        if (rc != RC_OK) {
            return rc;
        }
    }
    if (config->address.host[0] == '\0' || config->address.port == 0 ||
        config->records.account[0] == '\0') {
        return REFUSE(out_refusal, REFUSAL_FILE_LINE, where, "[broker] folder, or address, account",
                      "missing");
    }
    if (config->address_text[0] == '\0') {
        (void)snprintf(config->address_text, sizeof config->address_text, "%.50s:%u",
                       config->address.host, config->address.port);
    }
    if (config->telemetry.account[0] == '\0') {
        config->telemetry = config->records;
    }
    *out_config = *config;
    return RC_OK;
}
