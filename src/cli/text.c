#include "cli/cli_priv.h"

#include "davy/link/mqtt.h"

#include "davy/link/os.h"

#include <string.h>

#define MINUTE_MS INT64_C(60000)

const char *cli_local_time(struct utc_ms time, char out[static CLI_TIME_BYTES]) {
    char text[UTC_TEXT_BYTES];
    struct utc_ms local = {time.v + os_timezone_offset_min(time) * MINUTE_MS};
    utc_format(local, text);
    text[10] = ' ';
    (void)snprintf(out, CLI_TIME_BYTES, "%.19s", text);
    return out;
}

// "-90m" and the like.
static enum rc parse_ago(const char *text, struct utc_ms now, struct utc_ms *out_time) {
    static const struct {
        char letter;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', MINUTE_MS}, {'h', 60 * MINUTE_MS}, {'d', 1440 * MINUTE_MS}};
    size_t digits = strspn(text + 1, "0123456789");
    char number[12];
    uint64_t value = 0;
    if (digits == 0 || digits > 9 || strlen(text) != digits + 2) {
        return RC_INVALID;
    }
    (void)snprintf(number, sizeof number, "%.*s", (int)digits, text + 1);
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (units[i].letter == text[digits + 1] && cli_uint_parse(number, 0, 999999999, &value)) {
            out_time->v = now.v - (int64_t)value * units[i].ms;
            return RC_OK;
        }
    }
    return RC_INVALID;
}

enum rc cli_time_parse(const char *text, struct utc_ms now, struct utc_ms *out_time) {
    if (strcmp(text, "now") == 0) {
        *out_time = now;
        return RC_OK;
    }
    if (text[0] == '-') {
        return parse_ago(text, now, out_time);
    }
    if (utc_parse(text, out_time) == RC_OK) {
        return RC_OK;
    }
    // Local time: as if it were UTC, then less the offset that holds there.
    static const char *const rest[] = {[10] = "T00:00:00Z", [16] = ":00Z", [19] = "Z"};
    size_t len = strlen(text);
    if (len >= COUNT_OF(rest) || !rest[len]) {
        return RC_INVALID;
    }
    char full[40];
    struct utc_ms time;
    (void)snprintf(full, sizeof full, "%s%s", text, rest[len]);
    if (len > 10 && full[10] == ' ') {
        full[10] = 'T';
    }
    enum rc rc = utc_parse(full, &time);
    if (rc == RC_OK) {
        out_time->v = time.v - os_timezone_offset_min(time) * MINUTE_MS;
    }
    return rc;
}

bool cli_uint_parse(const char *text, uint64_t min, uint64_t max, uint64_t *out_value) {
    uint64_t value = 0;
    size_t len = strlen(text);
    if (len == 0 || len > 18 || strspn(text, "0123456789") != len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        value = value * 10 + (uint64_t)(text[i] - '0');
    }
    if (value < min || value > max) {
        return false;
    }
    *out_value = value;
    return true;
}

int cli_option_uint(struct cli *cli, enum cli_opt option, uint64_t min, uint64_t max,
                    uint64_t *inout_value) {
    const char *text = cli->value[option];
    if (!text || cli_uint_parse(text, min, max, inout_value)) {
        return CLI_OK;
    }
    return cli_fail_usage(cli, _("--%s takes a whole number from %llu to %llu"),
                          cli_options[option].name, (unsigned long long)min,
                          (unsigned long long)max);
}

const char *cli_hash_hex(const struct hash32 *hash, char out_hex[static CLI_HASH_BYTES]) {
    for (size_t i = 0; i < HASH_BYTES; i++) {
        (void)snprintf(out_hex + 2 * i, 3, "%02x", hash->b[i]);
    }
    return out_hex;
}

bool cli_is_code(const char *text) {
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t len = strlen(text);
    return len > 0 && len <= LIMIT_TAG_BYTES && strspn(text, allowed) == len;
}

bool cli_broker_parse(const char *text, char out_host[static LIMIT_TAG_BYTES + 1],
                      uint16_t *out_port) {
    struct mqtt_address address;
    if (strlen(text) > LIMIT_TAG_BYTES || !mqtt_address_parse(text, &address)) {
        return false;
    }
    memcpy(out_host, address.host, LIMIT_TAG_BYTES + 1);
    *out_port = address.port;
    return true;
}
