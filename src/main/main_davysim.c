// davysim: replays recorded data into a broker, and runs the deterministic simulation.
#include "davy/base/ensure.h"
#include "davy/keys/keys.h"
#include "davy/link/mqtt.h"
#include "davy/link/os.h"
#include "davy/sim/fuzz.h"
#include "davy/sim/replay.h"
#include "device_link.h"

#include <getopt.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int usage(void) {
    (void)fprintf(
        stderr, "usage: davysim fuzz [--seed N] [--seeds K] [--steps N] [--selftest] [--verbose]\n"
                "       davysim replay --broker HOST:PORT --account A --password-file F --plant "
                "PLANT.json\n"
                "                      [--topic T] [--speed X] [--loop] DATA...\n");
    return 2;
}

// ---- fuzz ----

static int run_fuzz(int argc, char **argv) {
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},  {"seeds", required_argument, NULL, 'k'},
        {"steps", required_argument, NULL, 'n'}, {"selftest", no_argument, NULL, 't'},
        {"verbose", no_argument, NULL, 'v'},     {0}};
    struct fuzz_options fuzz = {.seed = 1, .seeds = 1, .steps = 800};
    for (int c = 0; c != -1;) {
        c = getopt_long(argc, argv, "", options, NULL);
        if (c == 's') {
            fuzz.seed = strtoull(optarg, NULL, 10);
        } else if (c == 'k') {
            fuzz.seeds = strtoull(optarg, NULL, 10);
        } else if (c == 'n') {
            fuzz.steps = (uint32_t)strtoul(optarg, NULL, 10);
        } else if (c == 't') {
            fuzz.selftest = true;
        } else if (c == 'v') {
            fuzz.verbose = true;
        } else if (c == '?') {
            return usage();
        }
    }
    return fuzz_run(&fuzz);
}

// ---- replay ----

struct replay {
    const char *broker, *account, *password_file, *plant_file, *topic;
    double speed;
    bool loop;
    struct plant *plant;
    struct mqtt *mqtt;
    struct log log;
    char password[LIMIT_TAG_BYTES + 3];
    const char *topics[1];
    int signals;
    bool stop;
    struct buf json;
    struct replay_error error;
};

static bool read_password(struct replay *replay) {
    struct buf text;
    buf_init(&text, LIMIT_TAG_BYTES + 2);
    bool ok = os_file_read(replay->password_file, &text) == RC_OK;
    if (ok) {
        memcpy(replay->password, text.data, text.len);
        replay->password[strcspn(replay->password, "\r\n")] = '\0';
    }
    buf_fini(&text);
    return ok;
}

static enum rc replay_connect(struct replay *replay) {
    char host[LIMIT_TAG_BYTES + 1];
    uint16_t port;
    if (!broker_split(replay->broker, host, &port)) {
        return RC_INVALID;
    }
    struct mqtt_options options = {.host = host,
                                   .port = port,
                                   .client_id = "davysim-replay",
                                   .account = replay->account,
                                   .password = replay->password,
                                   .keepalive_s = 15,
                                   .topics = replay->topics,
                                   .inbox_bytes_max = 65536,
                                   .out_bytes_max = 1 << 20,
                                   .log = &replay->log};
    keys_random(&options.seed, sizeof options.seed);
    return mqtt_new(&options, &replay->mqtt);
}

// Serves the connection until the time has come; false when told to stop.
static bool wait_until(struct replay *replay, int64_t until_ms) {
    struct moment now = os_now();
    while (!replay->stop && (now.mono.v < until_ms || !mqtt_connected(replay->mqtt))) {
        struct pollfd fds[2] = {{.fd = replay->signals, .events = POLLIN}, {.fd = -1}};
        struct mqtt_message message;
        int64_t left = until_ms - now.mono.v;
        int timeout = left > 0 && left < 500 ? (int)left : left > 0 ? 500 : 50;
        (void)mqtt_poll(replay->mqtt, &fds[1], now.mono, &timeout);
        (void)poll(fds, 2, timeout);
        now = os_now();
        mqtt_step(replay->mqtt, &fds[1], now.mono);
        while (mqtt_next(replay->mqtt, &message)) {
        }
        replay->stop = replay->stop || os_signal_next(replay->signals) != 0;
    }
    return !replay->stop;
}

static enum rc replay_file(struct replay *replay, const char *path) {
    struct replay_source *source = NULL;
    const struct replay_row *rows;
    uint32_t count = 0;
    enum rc rc = replay_source_open(path, replay->plant, 0, &source, &replay->error);
    int64_t start = os_now().mono.v;
    int64_t at = start;
    while (rc == RC_OK) {
        rc = replay_source_next(source, &rows, &count, &replay->error);
        if (rc != RC_OK || count == 0) {
            break;
        }
        // A clock that steps back in the data does not hold the replay up.
        int64_t due = start + (int64_t)((double)rows[0].offset_ms / replay->speed);
        at = due > at ? due : at;
        if (!wait_until(replay, at)) {
            break;
        }
        buf_reset(&replay->json);
        rc = replay_batch_json(rows, count, os_now().utc, &replay->json);
        if (rc == RC_OK &&
            mqtt_publish(replay->mqtt, replay->topic, buf_slice(&replay->json), 1) != RC_OK) {
            at = os_now().mono.v + 50; // the link is full or gone: this sample is skipped
        }
    }
    replay_source_close(source);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

static int replay_run(struct replay *replay, char **files, int count) {
    static const int wanted[] = {SIGTERM, SIGINT, SIGHUP, 0};
    if (!read_password(replay)) {
        (void)fprintf(stderr, "davysim: %s cannot be read\n", replay->password_file);
        return 1;
    }
    enum rc rc = replay_plant_read(replay->plant_file, &replay->plant, &replay->error);
    replay->signals = os_signals(wanted);
    if (rc == RC_OK) {
        rc = replay_connect(replay);
    }
    do {
        for (int i = 0; i < count && rc == RC_OK && !replay->stop; i++) {
            rc = replay_file(replay, files[i]);
        }
    } while (rc == RC_OK && replay->loop && !replay->stop);
    if (rc != RC_OK) {
        (void)fprintf(stderr, "davysim: %s\n",
                      replay->error.text[0] ? replay->error.text : rc_name(rc));
    }
    mqtt_free(replay->mqtt);
    plant_free(replay->plant);
    return rc == RC_OK ? 0 : 1;
}

static int run_replay(int argc, char **argv) {
    static const struct option options[] = {{"broker", required_argument, NULL, 'b'},
                                            {"account", required_argument, NULL, 'a'},
                                            {"password-file", required_argument, NULL, 'p'},
                                            {"plant", required_argument, NULL, 'P'},
                                            {"topic", required_argument, NULL, 't'},
                                            {"speed", required_argument, NULL, 's'},
                                            {"loop", no_argument, NULL, 'L'},
                                            {0}};
    struct replay replay = {.topic = "plant/replay", .speed = 1};
    replay.log = (struct log){.fd = STDERR_FILENO, .level = LOG_ERROR};
    for (int c = 0; c != -1;) {
        c = getopt_long(argc, argv, "", options, NULL);
        if (c == 'b') {
            replay.broker = optarg;
        } else if (c == 'a') {
            replay.account = optarg;
        } else if (c == 'p') {
            replay.password_file = optarg;
        } else if (c == 'P') {
            replay.plant_file = optarg;
        } else if (c == 't') {
            replay.topic = optarg;
        } else if (c == 's') {
            replay.speed = strtod(optarg, NULL);
        } else if (c == 'L') {
            replay.loop = true;
        } else if (c == '?') {
            return usage();
        }
    }
    if (!replay.broker || !replay.account || !replay.password_file || !replay.plant_file ||
        optind == argc || !(replay.speed > 0)) {
        return usage();
    }
    buf_init(&replay.json, LIMIT_TELEMETRY_BYTES);
    int code = replay_run(&replay, argv + optind, argc - optind);
    buf_fini(&replay.json);
    return code;
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } verbs[] = {{"fuzz", run_fuzz}, {"replay", run_replay}};
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    if (keys_init() != RC_OK) {
        return 1;
    }
    for (size_t i = 0; argc > 1 && i < COUNT_OF(verbs); i++) {
        if (strcmp(verbs[i].name, argv[1]) == 0) {
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    return usage();
}
