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

static void put_usage(FILE *out) {
    (void)fprintf(
        out, "usage: davysim fuzz [--seed N] [--seeds K] [--steps N] [--jobs N] [--faults LIST]\n"
             "                    [--selftest] [--mutant NAME] [--verbose]\n"
             "       davysim replay --broker HOST:PORT --account A --password-file F --plant "
             "PLANT.json\n"
             "                      [--topic T] [--speed X] [--batch N] [--loop] DATA...\n"
             "\n"
             "  --speed X  times the data's speed (default 1)\n"
             "  --batch N  N readings a message, 1 to 1000 (default: a whole sample)\n"
             "  --loop     begins anew after the last file\n");
}

static int usage(void) {
    put_usage(stderr);
    return 2;
}

// ---- fuzz ----

static int run_fuzz(int argc, char **argv) {
    struct fuzz_options fuzz;
    return fuzz_parse(argc, argv, &fuzz) ? fuzz_run(&fuzz) : usage();
}

// ---- replay ----

struct replay {
    const char *broker, *account, *password_file, *plant_file, *topic;
    double speed;
    bool loop;
    uint32_t batch; // readings of one message; 0: a whole sample
    struct replay_row waiting[REPLAY_BATCH_MAX];
    uint32_t waiting_count;
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
    struct mqtt_options options = {.client_id = "davysim-replay",
                                   .account = replay->account,
                                   .password = replay->password,
                                   .keepalive_s = 15,
                                   .topics = replay->topics,
                                   .inbox_bytes_max = 65536,
                                   .out_bytes_max = 1 << 20,
                                   .log = &replay->log};
    if (!mqtt_address_parse(replay->broker, &options.address)) {
        return RC_INVALID;
    }
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

static enum rc replay_send(struct replay *replay, const struct replay_row *rows, uint32_t count,
                           int64_t *inout_at) {
    buf_reset(&replay->json);
    struct utc_ms time = rows[0].time.v != 0 ? rows[0].time : os_now().utc;
    enum rc rc = replay_batch_json(rows, count, time, &replay->json);
    if (rc == RC_OK &&
        mqtt_publish(replay->mqtt, replay->topic, buf_slice(&replay->json), 1) != RC_OK) {
        *inout_at = os_now().mono.v + 50; // the link is full or gone: these are skipped
    }
    return rc;
}

static enum rc replay_send_waiting(struct replay *replay, int64_t *inout_at) {
    uint32_t count = replay->waiting_count;
    replay->waiting_count = 0;
    return count > 0 ? replay_send(replay, replay->waiting, count, inout_at) : RC_OK;
}

// A message goes out as soon as it is full, whatever the samples: so do gateways that gather.
static enum rc replay_gather(struct replay *replay, const struct replay_row *rows, uint32_t count,
                             int64_t *inout_at) {
    struct utc_ms time = os_now().utc;
    enum rc rc = RC_OK;
    for (uint32_t i = 0; i < count && rc == RC_OK; i++) {
        struct replay_row *row = &replay->waiting[replay->waiting_count++];
        *row = rows[i];
        row->time = time;
        if (replay->waiting_count == replay->batch) {
            rc = replay_send_waiting(replay, inout_at);
        }
    }
    return rc;
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
        rc = replay->batch > 0 ? replay_gather(replay, rows, count, &at)
                               : replay_send(replay, rows, count, &at);
    }
    replay_source_close(source);
    return rc == RC_NOT_FOUND ? replay_send_waiting(replay, &at) : rc;
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

static bool take_batch(const char *text, uint32_t *out_batch) {
    char *end = NULL;
    unsigned long value = strtoul(text, &end, 10);
    bool good =
        text[0] >= '0' && text[0] <= '9' && *end == '\0' && value >= 1 && value <= REPLAY_BATCH_MAX;
    if (good) {
        *out_batch = (uint32_t)value;
    }
    return good;
}

static int run_replay(int argc, char **argv) {
    static const struct option options[] = {{"broker", required_argument, NULL, 'b'},
                                            {"account", required_argument, NULL, 'a'},
                                            {"password-file", required_argument, NULL, 'p'},
                                            {"plant", required_argument, NULL, 'P'},
                                            {"topic", required_argument, NULL, 't'},
                                            {"speed", required_argument, NULL, 's'},
                                            {"batch", required_argument, NULL, 'B'},
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
        } else if (c == 'B') {
            if (!take_batch(optarg, &replay.batch)) {
                return usage();
            }
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
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            put_usage(stdout);
            return 0;
        }
    }
    for (size_t i = 0; argc > 1 && i < COUNT_OF(verbs); i++) {
        if (strcmp(verbs[i].name, argv[1]) == 0) {
            return verbs[i].run(argc - 1, argv + 1);
        }
    }
    return usage();
}
