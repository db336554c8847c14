// What the benchmark needs from inside: the machine's own limits, and many acts made offline.
//
//   probe limits FOLDER           sign_us, verify_us, commit_us of this machine, as JSON
//   probe acts DIR NUMBER PIN N   N signed comments on the newest alarm of a device's store,
//                                 offline; then their JSON export lines to stdout
//   probe segments DIR N          N readings of rounds in a device's store, sealed segments; then
//                                 the same readings as JSON lines to stdout
#include "davy/app/app.h"
#include "davy/app/device.h"
#include "davy/domain/segment/segment.h"
#include "davy/link/os.h"
#include "davy/record/export.h"

#include <locale.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 2000

static double seconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int fail(const char *what) {
    (void)fprintf(stderr, "probe: %s\n", what);
    return 1;
}

static double commit_us(const char *folder) {
    char path[1024];
    sqlite3 *db = NULL;
    (void)snprintf(path, sizeof path, "%s/probe.db", folder);
    if (sqlite3_open(path, &db) != SQLITE_OK ||
        sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t(a BLOB)",
                     NULL, NULL, NULL) != SQLITE_OK) {
        return 0;
    }
    double start = seconds();
    for (int i = 0; i < 500; i++) {
        (void)sqlite3_exec(db, "INSERT INTO t VALUES(randomblob(300))", NULL, NULL, NULL);
    }
    double took = (seconds() - start) / 500 * 1e6;
    (void)sqlite3_close(db);
    return took;
}

static int limits(const char *folder) {
    struct keypair *pair = NULL;
    uint8_t seed[SEED_BYTES] = {1};
    uint8_t message[300] = {0};
    struct signature sig;
    if (keypair_from_seed(keys_ed25519(), seed, &pair) != RC_OK) {
        return fail("no key");
    }
    double start = seconds();
    for (int i = 0; i < ROUNDS; i++) {
        message[0] = (uint8_t)i;
        keypair_sign(pair, slice_of(message, sizeof message), &sig);
    }
    double sign = (seconds() - start) / ROUNDS * 1e6;
    start = seconds();
    bool good = true;
    for (int i = 0; i < ROUNDS; i++) {
        good &= keys_verify(keys_ed25519(), keypair_public(pair), slice_of(message, sizeof message),
                            &sig);
    }
    double verify = (seconds() - start) / ROUNDS * 1e6;
    (void)printf("{\"sign_us\":%.2f,\"verify_us\":%.2f,\"commit_us\":%.2f}\n", sign, verify,
                 commit_us(folder));
    keypair_free(pair);
    return good ? 0 : fail("a signature does not verify");
}

static enum rc no_link(void *ctx, uint8_t lane, struct slice frame) {
    (void)ctx;
    (void)lane;
    (void)frame;
    return RC_OFFLINE;
}

static int acts(const char *dir, const char *number, const char *pin, long count) {
    struct app *app = NULL;
    struct refusal refusal = {0};
    struct alarm_row row;
    uint32_t total;
    struct app_options options = {.folder = dir, .scheme = keys_ed25519(), .send = no_link};
    if (app_open(&options, os_now(), &app, &refusal) != RC_OK ||
        app_sign_in(app, number, pin, os_now(), &refusal) != RC_OK) {
        return fail(refusal_name(refusal.code));
    }
    if (app_alarm_list(app, NULL, &row, 1, &total) != 1) {
        return fail("there is no alarm to comment");
    }
    for (long i = 0; i < count; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "现场已查看 seen on site, round %ld", i);
        if (app_alarm_comment(app, row.subject, text, os_now(), &refusal) != RC_OK) {
            return fail(refusal_name(refusal.code));
        }
    }
    static struct outbox_row rows[20000];
    uint32_t written = app_outbox(app, rows, 20000);
    struct buf line;
    buf_init(&line, 1 << 16);
    for (uint32_t i = 0; i < written; i++) {
        buf_reset(&line);
        if (app_record_export(app, rows[i].rid, true, &line) != RC_OK) {
            return fail("export");
        }
        (void)puts(buf_cstr(&line));
    }
    buf_fini(&line);
    app_close(app);
    return 0;
}

// ---- Readings ----

#define ROUND_POINTS 250
#define ROUND_EVERY_MS 3600000

// One round: a person walks from point to point and reads one each 15 to 35 seconds.
static void walk_round(struct segment *segment, int64_t start_ms, uint64_t *dice, long left) {
    static const char *const units[] = {"kPa", "\u00b0C", "m3/h", "mm"};
    uint16_t count = left < ROUND_POINTS ? (uint16_t)left : ROUND_POINTS;
    int64_t time = start_ms;
    segment->point_count = segment->reading_count = count;
    for (uint16_t i = 0; i < count; i++) {
        struct segment_point *point = &segment->points[i];
        *dice = *dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        (void)snprintf(point->tag, sizeof point->tag, "T%05u", i * 7u);
        (void)snprintf(point->unit, sizeof point->unit, "%s", units[i / 10 % 4]);
        point->count = 1;
        time += 15000 + (int64_t)(*dice >> 40) % 21 * 1000;
        int64_t tenths = 500 + i * 37 % 4000 + (int64_t)(*dice >> 50) % 100;
        segment->readings[i] = (struct segment_reading){
            .time = {time}, .value = decimal_canonical((struct decimal){tenths, -1})};
    }
}

static void put_json(const struct segment *segment) {
    for (uint16_t i = 0; i < segment->reading_count; i++) {
        char value[DECIMAL_TEXT_BYTES];
        decimal_format(segment->readings[i].value, value);
        (void)printf("{\"tag\":\"%s\",\"t\":%lld,\"v\":%s}\n", segment->points[i].tag,
                     (long long)segment->readings[i].time.v, value);
    }
}

static enum rc keep_segment(struct store *store, const struct device_config *config,
                            const struct segment *segment) {
    struct buf packed, text, bytes;
    struct signed_record record;
    struct store_own own;
    uint64_t seq;
    bool first;
    buf_init(&packed, SEGMENT_PACK_BYTES);
    buf_init(&text, LIMIT_RECORD_BODY_BYTES);
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    struct content content = {.suite = KEYS_SUITE_ED25519,
                              .site = store_site(store),
                              .kind = KIND_SEGMENT_ADD,
                              .audience = AUDIENCE_SITE,
                              .device = config->device,
                              .time = os_now().utc};
    keys_random(content.nonce, NONCE_BYTES);
    enum rc rc = segment_encode(segment, &packed);
    if (rc == RC_OK) {
        struct body body = body_start(&segment_module.kinds[0], &text);
        body_put_int(&body, SEGMENT_TIME, segment->readings[0].time.v);
        body_put_bytes(&body, SEGMENT_READINGS, packed.data, packed.len);
        content.body = buf_slice(&text);
        rc = sync_seen(store, sync_hub_of(store), LANE_NORMAL, &content.seen);
    }
    if (rc == RC_OK) {
        rc = record_make(&content, NULL, &bytes, &record);
    }
    struct chain_id chain = {.author = config->author, .lane = LANE_NORMAL};
    if (store_own_get(store, &own) == RC_OK) {
        chain.author = own.author;
    }
    rc = rc == RC_OK ? store_begin(store) : rc;
    rc = rc == RC_OK ? store_append_record(store, chain, &record, &seq, &first) : rc;
    rc = rc == RC_OK ? store_commit(store) : rc;
    buf_fini(&packed);
    buf_fini(&text);
    buf_fini(&bytes);
    return rc;
}

static int segments(const char *dir, long count) {
    static struct segment segment;
    struct app *app = NULL;
    struct refusal refusal = {0};
    struct device_config config;
    struct app_options options = {.folder = dir, .scheme = keys_ed25519(), .send = no_link};
    if (device_config_load(dir, &config, &refusal) != RC_OK ||
        app_open(&options, os_now(), &app, &refusal) != RC_OK) {
        return fail(refusal_name(refusal.code));
    }
    uint64_t dice = 1;
    int64_t start = os_now().utc.v / 1000 * 1000 - (count / ROUND_POINTS + 3) * ROUND_EVERY_MS;
    for (long left = count; left > 0; left -= segment.reading_count, start += ROUND_EVERY_MS) {
        walk_round(&segment, start, &dice, left);
        enum rc rc = keep_segment(app_store(app), &config, &segment);
        if (rc != RC_OK) {
            return fail(rc_name(rc));
        }
        put_json(&segment);
    }
    app_close(app);
    return 0;
}

int main(int argc, char **argv) {
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    if (keys_init() != RC_OK) {
        return fail("libsodium");
    }
    if (argc == 3 && strcmp(argv[1], "limits") == 0) {
        return limits(argv[2]);
    }
    if (argc == 6 && strcmp(argv[1], "acts") == 0) {
        return acts(argv[2], argv[3], argv[4], strtol(argv[5], NULL, 10));
    }
    if (argc == 4 && strcmp(argv[1], "segments") == 0) {
        return segments(argv[2], strtol(argv[3], NULL, 10));
    }
    return fail("usage: probe limits FOLDER | acts DIR NUMBER PIN N | segments DIR N");
}
