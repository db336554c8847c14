#include "davy/app/device.h"

#include "davy/base/bytes.h"
#include "davy/base/ensure.h"
#include "davy/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "device.ini"
#define PATH_BYTES 1200

static const char *const kind_names[] = {[DEVICE_HUB] = "hub",
                                         [DEVICE_CONSOLE] = "console",
                                         [DEVICE_HANDHELD] = "handheld",
                                         [DEVICE_CHILD] = "child",
                                         [DEVICE_PARENT] = "parent"};

// ---- Topics ----

static void topic_of(struct site_id site, const char *format, const char *account,
                     char out_topic[static TOPIC_BYTES]) {
    char hex[ID_SHORT_BYTES];
    id16_short(site.id, hex);
    (void)snprintf(out_topic, TOPIC_BYTES, "davy/%s/%.2s%s%s", hex, format, account, format + 2);
}

void topic_up(struct site_id site, const char *account, char out_topic[static TOPIC_BYTES]) {
    topic_of(site, "u/", account, out_topic);
}

void topic_down(struct site_id site, const char *account, char out_topic[static TOPIC_BYTES]) {
    topic_of(site, "d/", account, out_topic);
}

void topic_join_up(struct site_id site, const char *account, char out_topic[static TOPIC_BYTES]) {
    topic_of(site, "j//u", account, out_topic);
}

void topic_join_down(struct site_id site, const char *account, char out_topic[static TOPIC_BYTES]) {
    topic_of(site, "j//d", account, out_topic);
}

static void topic_tier_of(const struct topic_tier *tier, char way,
                          char out_topic[static TOPIC_BYTES]) {
    char hex[ID_SHORT_BYTES];
    id16_short(tier->parent.id, hex);
    (void)snprintf(out_topic, TOPIC_BYTES, "davy/%s/c/%s/%.*s/%c", hex, tier->account,
                   TOPIC_LOG_DIGITS, tier->log, way);
}

void topic_child_up(const struct topic_tier *tier, char out_topic[static TOPIC_BYTES]) {
    topic_tier_of(tier, 'u', out_topic);
}

void topic_child_down(const struct topic_tier *tier, char out_topic[static TOPIC_BYTES]) {
    topic_tier_of(tier, 'd', out_topic);
}

bool device_is_copy(const struct device_config *config) {
    return config->kind == DEVICE_CHILD || config->kind == DEVICE_PARENT;
}

void topic_digest(struct site_id site, char out_topic[static TOPIC_BYTES]) {
    topic_of(site, "v/", "all", out_topic);
}

// ---- Reading ----

enum key_type { KEY_TEXT, KEY_HEX, KEY_KIND };
static const struct {
    const char *section;
    const char *name;
    enum key_type type;
    size_t offset;
    size_t size; // bytes of the text with its end, or of the number
    bool required;
} keys[] = {
    {"device", "name", KEY_TEXT, offsetof(struct device_config, name), LIMIT_NAME_BYTES + 1, true},
    {"device", "kind", KEY_KIND, offsetof(struct device_config, kind), 0, true},
    {"device", "site", KEY_HEX, offsetof(struct device_config, site), ID_BYTES, true},
    {"device", "id", KEY_HEX, offsetof(struct device_config, device), ID_BYTES, true},
    {"device", "author", KEY_HEX, offsetof(struct device_config, author), ID_BYTES, true},
    {"device", "author_random", KEY_HEX, offsetof(struct device_config, author_random),
     AUTHOR_RANDOM_BYTES, true},
    {"hub", "key", KEY_HEX, offsetof(struct device_config, hub_key), PUBLIC_KEY_BYTES, true},
    {"broker", "address", KEY_TEXT, offsetof(struct device_config, broker), LIMIT_TAG_BYTES + 1,
     false},
    {"broker", "account", KEY_TEXT, offsetof(struct device_config, account), LIMIT_TAG_BYTES + 1,
     false},
    {"broker", "password", KEY_TEXT, offsetof(struct device_config, password), LIMIT_TAG_BYTES + 1,
     false},
};

struct parse {
    struct device_config config;
    uint32_t seen; // bit by key
    char wrong[64];
};

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_hex(const char *value, uint8_t *out, size_t size) {
    if (strlen(value) != 2 * size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        int high = hex_digit(value[2 * i]);
        int low = hex_digit(value[2 * i + 1]);
        if (high < 0 || low < 0) {
            return false;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool take_kind(const char *value, enum device_kind *out_kind) {
    for (size_t i = 1; i < COUNT_OF(kind_names); i++) {
        if (strcmp(kind_names[i], value) == 0) {
            *out_kind = (enum device_kind)i;
            return true;
        }
    }
    return false;
}

// libinih strips spaces at the ends and takes " ;" for a comment, so these stand as %XX.
static bool take_text(const char *value, char *out, size_t size) {
    size_t len = 0;
    for (const char *at = value; *at != '\0'; at++) {
        int high = at[0] == '%' ? hex_digit(at[1]) : -1;
        int low = high >= 0 ? hex_digit(at[2]) : -1;
        if ((at[0] == '%' && low < 0) || len + 1 >= size) {
            return false;
        }
        char c = *at;
        if (low >= 0) {
            c = (char)(high << 4 | low);
        }
        out[len++] = c;
        at += low >= 0 ? 2 : 0;
    }
    out[len] = '\0';
    return text_check(slice_of(out, len), size - 1) == RC_OK && strlen(out) == len;
}

static bool take(struct parse *parse, size_t key, const char *value) {
    uint8_t *at = (uint8_t *)&parse->config + keys[key].offset;
    switch (keys[key].type) {
    case KEY_HEX:
        return take_hex(value, at, keys[key].size);
    case KEY_KIND:
        return take_kind(value, &parse->config.kind);
    case KEY_TEXT:
        return take_text(value, (char *)at, keys[key].size);
    }
    return false;
}

static int on_key(void *ctx, const char *section, const char *name, const char *value) {
    struct parse *parse = ctx;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0) {
            bool twice = (parse->seen & 1u << i) != 0;
            parse->seen |= 1u << i;
            if (!twice && value && take(parse, i, value)) {
                return 1;
            }
            break;
        }
    }
    if (parse->wrong[0] == '\0') {
        (void)snprintf(parse->wrong, sizeof parse->wrong, "[%.20s] %.30s", section, name);
    }
    return 0;
}

static enum rc check(const struct parse *parse, int line, struct refusal *out_refusal) {
    char where[REFUSAL_ARG_BYTES];
    (void)snprintf(where, sizeof where, FILE_NAME ":%d", line);
    if (line > 0) {
        return REFUSE(out_refusal, REFUSAL_FILE_LINE, where, parse->wrong, "malformed");
    }
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        if (keys[i].required && !(parse->seen & 1u << i)) {
            (void)snprintf(where, sizeof where, "[%s] %s", keys[i].section, keys[i].name);
            return REFUSE(out_refusal, REFUSAL_FILE_LINE, FILE_NAME, where, "missing");
        }
    }
    return RC_OK;
}

enum rc device_config_load(const char *folder, struct device_config *out_config,
                           struct refusal *out_refusal) {
    char path[PATH_BYTES];
    struct parse parse = {.seen = 0};
    (void)snprintf(path, sizeof path, "%s/" FILE_NAME, folder);
    FILE *file = fopen(path, "re");
    if (!file) {
        return errno == ENOENT || errno == ENOTDIR ? RC_NOT_FOUND
               : errno == ENOMEM                   ? RC_NO_MEMORY
                                                   : RC_IO;
    }
    int line = ini_parse_file(file, on_key, &parse);
    (void)fclose(file);
    if (line < 0) {
        return RC_IO;
    }
    enum rc rc = check(&parse, line, out_refusal);
    if (rc == RC_OK) {
        *out_config = parse.config;
    }
    return rc;
}

// ---- Writing ----

static void put_hex(struct buf *out, const uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        buf_printf(out, "%02x", bytes[i]);
    }
}

static void put_text(struct buf *out, const char *text) {
    for (const char *at = text; *at != '\0'; at++) {
        bool end = at == text || at[1] == '\0';
        if (*at == '%' || *at == ';' || *at == '"' || (*at == ' ' && end)) {
            buf_printf(out, "%%%02x", (unsigned)*at);
        } else {
            buf_put_u8(out, (uint8_t)*at);
        }
    }
}

static void put_key(struct buf *out, const struct device_config *config, size_t key) {
    const uint8_t *at = (const uint8_t *)config + keys[key].offset;
    if (key == 0 || strcmp(keys[key].section, keys[key - 1].section) != 0) {
        buf_printf(out, "[%s]\n", keys[key].section);
    }
    if (keys[key].type == KEY_TEXT && at[0] == '\0' && !keys[key].required) {
        return;
    }
    buf_printf(out, "%s = ", keys[key].name);
    if (keys[key].type == KEY_HEX) {
        put_hex(out, at, keys[key].size);
    } else {
        put_text(out, keys[key].type == KEY_KIND ? kind_names[config->kind] : (const char *)at);
    }
    buf_put_u8(out, '\n');
}

static enum rc write_all(int fd, struct slice content) {
    size_t done = 0;
    while (done < content.len) {
        ssize_t wrote = write(fd, content.data + done, content.len - done);
        if (wrote < 0 && errno != EINTR) {
            return errno == ENOSPC || errno == EDQUOT ? RC_FULL : RC_IO;
        }
        done += wrote > 0 ? (size_t)wrote : 0;
    }
    return fsync(fd) == 0 ? RC_OK : RC_IO;
}

static enum rc replace(const char *folder, struct slice content) {
    char fresh[PATH_BYTES];
    char path[PATH_BYTES];
    (void)snprintf(path, sizeof path, "%s/" FILE_NAME, folder);
    (void)snprintf(fresh, sizeof fresh, "%s/" FILE_NAME ".new", folder);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (fd < 0) {
        return errno == ENOSPC ? RC_FULL : RC_IO;
    }
    enum rc rc = write_all(fd, content);
    if (close(fd) != 0 && rc == RC_OK) {
        rc = RC_IO;
    }
    if (rc == RC_OK && rename(fresh, path) != 0) {
        rc = RC_IO;
    }
    int dir = rc == RC_OK ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (rc == RC_OK) {
        rc = dir >= 0 && fsync(dir) == 0 ? RC_OK : RC_IO;
    }
    if (dir >= 0) {
        (void)close(dir);
    }
    return rc;
}

enum rc device_config_save(const char *folder, const struct device_config *config) {
    struct buf text;
    buf_init(&text, 4096);
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        put_key(&text, config, i);
    }
    enum rc rc = buf_rc(&text);
    if (rc == RC_OK) {
        rc = replace(folder, buf_slice(&text));
    }
    keys_wipe(text.data, text.len);
    buf_fini(&text);
    return rc;
}
