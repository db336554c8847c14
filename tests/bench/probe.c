// What the benchmark needs from inside: the machine's own limits, and many acts made offline.
//
//   probe limits FOLDER           sign_us, verify_us, commit_us of this machine, as JSON
//   probe acts DIR NUMBER PIN N   N signed comments on the newest alarm of a device's store,
//   offline; then
//                                 their JSON export lines to stdout
#include "davy/app/app.h"
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
    return fail("usage: probe limits FOLDER | probe acts DIR NUMBER PIN N");
}
