#include "cli/cli_priv.h"

#include "davy/link/os.h"
#include "davy/store/history.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS_DEFAULT 24
#define READINGS_DEFAULT 1000
#define DAY_MS INT64_C(86400000)

static const struct cli_column reading_columns[] = {
    {"time", N_("Time"), false}, {"value", N_("Value"), true}, {"quality", N_("Quality"), false}};
static const struct cli_column bucket_columns[] = {
    {"from", N_("From"), false}, {"to", NULL, false},       {"count", N_("Readings"), true},
    {"usable", NULL, true},      {"min", N_("Min"), true},  {"max", N_("Max"), true},
    {"last", N_("Last"), true},  {"last_time", NULL, true}, {"last_quality", N_("Quality"), false},
};

static void put_quality(struct cli_list *list, uint8_t quality) {
    static const char *const words[] = {"good", "uncertain", "bad", "stale"};
    static const char *const shown[] = {N_("good"), N_("uncertain"), N_("bad"), N_("stale")};
    list_word(list, words[quality & 3], _(shown[quality & 3]));
}

static void put_reading(struct cli_list *list, const struct history_reading *reading) {
    list_time(list, reading->time);
    list_number(list, reading->value);
    put_quality(list, reading->quality);
    list_row(list);
}

// ---- The hub's history ----

static int print_raw(struct cli *cli, struct history *history, const struct history_range *range) {
    uint64_t max = READINGS_DEFAULT;
    int code = cli_option_uint(cli, OPT_LIMIT, 1, LIMIT_QUERY_ROWS, &max);
    if (code != CLI_OK) {
        return code;
    }
    struct history_reading *readings = calloc((size_t)max, sizeof *readings);
    struct history_select select = {.range = *range, .max = (uint32_t)max, .newest = true};
    uint32_t count = 0;
    enum rc rc = readings ? history_readings(history, &select, readings, &count) : RC_NO_MEMORY;
    if (rc == RC_OK) {
        struct cli_list list;
        list_start(&list, cli, reading_columns, COUNT_OF(reading_columns));
        for (uint32_t i = 0; i < count; i++) {
            put_reading(&list, &readings[i]);
        }
        code = list_finish(&list);
        if (count == max) {
            cli_say(cli, _("the newest %u readings; --limit shows more"), count);
        }
    } else {
        code = cli_fail_rc(cli, rc, NULL);
    }
    free(readings);
    return code;
}

static void put_bucket(struct cli_list *list, const struct history_bucket *bucket) {
    list_uint(list, bucket->count);
    list_uint(list, bucket->usable_count);
    if (bucket->usable_count > 0) {
        list_number(list, bucket->min);
        list_number(list, bucket->max);
    } else {
        list_null(list);
        list_null(list);
    }
    if (bucket->count > 0) {
        list_number(list, bucket->last);
        list_time(list, bucket->last_time);
        put_quality(list, bucket->last_quality);
    } else {
        list_null(list);
        list_null(list);
        list_null(list);
    }
    list_row(list);
}

static int print_buckets(struct cli *cli, struct history *history,
                         const struct history_range *range) {
    uint64_t count = BUCKETS_DEFAULT;
    int code = cli_option_uint(cli, OPT_BUCKETS, 1, LIMIT_QUERY_ROWS, &count);
    if (code != CLI_OK) {
        return code;
    }
    struct history_bucket *buckets = calloc((size_t)count, sizeof *buckets);
    enum rc rc = buckets ? history_buckets(history, range, (uint32_t)count, buckets) : RC_NO_MEMORY;
    if (rc == RC_OK) {
        struct cli_list list;
        int64_t span = range->to.v - range->from.v;
        list_start(&list, cli, bucket_columns, COUNT_OF(bucket_columns));
        for (int64_t i = 0; i < (int64_t)count; i++) {
            // span / count first would lose the remainder; both factors stay far below 2^63.
            list_time(&list, (struct utc_ms){range->from.v + span * i / (int64_t)count});
            list_time(&list, (struct utc_ms){range->from.v + span * (i + 1) / (int64_t)count});
            put_bucket(&list, &buckets[i]);
        }
        code = list_finish(&list);
    } else {
        code = cli_fail_rc(cli, rc, NULL);
    }
    free(buckets);
    return code;
}

static int take_range(struct cli *cli, struct utc_ms now, struct history_range *range) {
    range->to.v = now.v + 1; // the reading of this very millisecond, too
    if (cli->value[OPT_TO] && cli_time_parse(cli->value[OPT_TO], now, &range->to) != RC_OK) {
        return cli_fail_usage(cli, _("--to: %s is not a time"), cli->value[OPT_TO]);
    }
    range->from.v = range->to.v - DAY_MS;
    if (cli->value[OPT_FROM] && cli_time_parse(cli->value[OPT_FROM], now, &range->from) != RC_OK) {
        return cli_fail_usage(cli, _("--from: %s is not a time"), cli->value[OPT_FROM]);
    }
    if (range->from.v >= range->to.v || range->from.v < 0) {
        return cli_fail_usage(cli, "%s", _("--from must lie before --to, after 1970"));
    }
    return CLI_OK;
}

static int from_history(struct session *session) {
    struct cli *cli = session->cli;
    struct history *history = NULL;
    struct history_range range = {0};
    struct history_options options = {.folder = cli->dir, .read_only = true};
    int code = take_range(cli, session->now.utc, &range);
    if (code != CLI_OK) {
        return code;
    }
    enum rc rc = history_open(&options, &history, &session->refusal);
    if (rc == RC_OK) {
        rc = history_tag_find(history, cli->args[0], &range.tag);
    }
    if (rc == RC_NOT_FOUND) {
        code = cli_fail(cli, _("there is no history of %s; davy tag list names the tags"),
                        cli->args[0]);
    } else if (rc != RC_OK) {
        code = cli_fail_rc(cli, rc, &session->refusal);
    } else if (cli->value[OPT_RAW]) {
        code = print_raw(cli, history, &range);
    } else {
        code = print_buckets(cli, history, &range);
    }
    history_close(history);
    return code;
}

// ---- What a running console heard ----

static int from_console(struct session *session) {
    struct cli *cli = session->cli;
    struct buf payload;
    struct buf answer;
    struct slice heard;
    buf_init(&payload, LIMIT_CONTROL_MESSAGE_BYTES);
    buf_init(&answer, LIMIT_CONTROL_MESSAGE_BYTES);
    buf_put_text(&payload, cli->args[0]);
    int code = session_ask(session, CONTROL_DIGEST, buf_slice(&payload), &answer, &heard);
    if (code == CLI_OK) {
        struct cli_list list;
        struct reader in = reader_of(heard);
        uint64_t count = reader_varint(&in);
        list_start(&list, cli, reading_columns, COUNT_OF(reading_columns));
        for (uint64_t i = 0; i < count && in.rc == RC_OK; i++) {
            struct history_reading reading = {.time = {reader_signed(&in)}};
            uint64_t bits = reader_u64(&in);
            memcpy(&reading.value, &bits, sizeof bits);
            reading.quality = reader_u8(&in);
            if (in.rc == RC_OK) {
                put_reading(&list, &reading);
            }
        }
        code = list_finish(&list);
    }
    buf_fini(&payload);
    buf_fini(&answer);
    return code;
}

int cmd_tag_history(struct cli *cli) {
    struct session session;
    if (strlen(cli->args[0]) > LIMIT_TAG_BYTES) {
        return cli_fail_usage(cli, "%s", _("the tag's name is too long"));
    }
    if (cli->value[OPT_RAW] && cli->value[OPT_BUCKETS]) {
        return cli_fail_usage(cli, "%s", _("--raw and --buckets exclude each other"));
    }
    int code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK) {
        code = session_is_hub(&session) ? from_history(&session) : from_console(&session);
    }
    session_close(&session);
    return code;
}
