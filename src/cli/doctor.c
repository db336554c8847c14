// Looks at what a store stands on. One line a finding: ok, warn or bad, and what to do.
#include "cli/cli_priv.h"

#include "davy/app/judge.h"
#include "davy/link/control.h"
#include "davy/link/os.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <langinfo.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define SPACE_BAD_BYTES (64ull << 20) // a day of a small site
#define SPACE_WARN_BYTES (1024ull << 20)
#define CLOCK_LEAST_MS INT64_C(1704067200000) // 2024: before it the clock was never set
#define CONNECT_MS 2000

enum health { HEALTH_OK, HEALTH_WARN, HEALTH_BAD };

struct doctor {
    struct cli *cli;
    struct session session;
    struct cli_list list;
    bool opened;
    enum health worst;
};

static const struct cli_column columns[] = {{"check", N_("Check"), false},
                                            {"state", N_("State"), false},
                                            {"found", N_("Found"), false},
                                            {"todo", N_("What to do"), false}};

// check: stable word and its translation.
struct check {
    const char *word;
    const char *shown;
};

static void find(struct doctor *doctor, struct check check, enum health health, const char *found,
                 const char *todo) {
    static const char *const words[] = {"ok", "warn", "bad"};
    static const char *const shown[] = {N_("ok"), N_("warn"), N_("bad")};
    list_word(&doctor->list, check.word, _(check.shown));
    list_word(&doctor->list, words[health], _(shown[health]));
    list_text(&doctor->list, found);
    list_text(&doctor->list, health == HEALTH_OK ? "" : todo);
    list_row(&doctor->list);
    doctor->worst = health > doctor->worst ? health : doctor->worst;
}

// ---- Store ----

static bool key_of(void *ctx, const struct content *content, struct public_key *out_key) {
    return judge_key_of(ctx, content, out_key);
}

static void check_store(struct doctor *doctor) {
    static const struct check check = {"store", N_("store")};
    struct store_verify_report report = {0};
    char text[192];
    enum rc rc = store_verify(app_store(doctor->session.app), keys_ed25519(), key_of,
                              (void *)app_roster(doctor->session.app), &report);
    if (report.what[0] != '\0') {
        (void)snprintf(text, sizeof text, _("broken: %s"), report.what);
        find(doctor, check, HEALTH_BAD, text, _("davy verify names the place; keep a copy"));
    } else if (rc != RC_OK) {
        find(doctor, check, HEALTH_BAD, say_rc(rc), _("look at the disk and at the system's log"));
    } else {
        (void)snprintf(text, sizeof text, _("%llu entries, %llu signatures, %llu seals verify"),
                       (unsigned long long)report.entries, (unsigned long long)report.signatures,
                       (unsigned long long)report.seals);
        find(doctor, check, HEALTH_OK, text, "");
    }
}

// ---- Owner ----

static bool lock_is_held(const char *dir) {
    char path[PATH_MAX + 16];
    (void)snprintf(path, sizeof path, "%s/davy.lock", dir);
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    bool held = fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    if (fd >= 0) {
        (void)close(fd);
    }
    return held;
}

static void check_owner(struct doctor *doctor) {
    static const struct check check = {"owner", N_("owner")};
    if (doctor->session.owned) {
        find(doctor, check, HEALTH_OK,
             session_is_hub(&doctor->session) ? _("davyd runs") : _("davy runs"), "");
    } else if (lock_is_held(doctor->cli->dir)) {
        find(doctor, check, HEALTH_WARN, _("a process holds the lock but does not answer"),
             _("find it with: fuser davy.lock"));
    } else {
        find(doctor, check, session_is_hub(&doctor->session) ? HEALTH_WARN : HEALTH_OK,
             _("nobody runs on this store"), _("start davyd: without it nothing is taken in"));
    }
}

// ---- Disk, clock ----

static void check_space(struct doctor *doctor) {
    static const struct check check = {"space", N_("free space")};
    struct statvfs disk;
    char text[64];
    if (statvfs(doctor->cli->dir, &disk) != 0) {
        find(doctor, check, HEALTH_BAD, strerror(errno), _("look at the folder and its disk"));
        return;
    }
    unsigned long long bytes = (unsigned long long)disk.f_bavail * disk.f_frsize;
    (void)snprintf(text, sizeof text, "%llu MB", bytes >> 20);
    find(doctor, check,
         bytes < SPACE_BAD_BYTES    ? HEALTH_BAD
         : bytes < SPACE_WARN_BYTES ? HEALTH_WARN
                                    : HEALTH_OK,
         text, _("free some: a full disk stops every act"));
}

static void check_clock(struct doctor *doctor) {
    static const struct check check = {"clock", N_("system clock")};
    struct moment now = os_now();
    char text[96];
    char time[CLI_TIME_BYTES];
    struct log_row newest = {0};
    uint32_t count =
        doctor->opened ? app_log(doctor->session.app, (struct rid){{{0}}}, &newest, 1) : 0;
    (void)cli_local_time(now.utc, time);
    if (now.utc.v < CLOCK_LEAST_MS) {
        find(doctor, check, HEALTH_BAD, time, _("set the clock: records carry its time"));
    } else if (count > 0 && newest.time.v > now.utc.v + LIMIT_READING_FUTURE_MS) {
        find(doctor, check, HEALTH_BAD, _("earlier than the newest record"),
             _("set the clock: records carry its time"));
    } else if (now.utc_error_ms == UINT32_MAX) {
        (void)snprintf(text, sizeof text, _("%s, no time source"), time);
        find(doctor, check, HEALTH_WARN, text,
             _("let chrony or systemd-timesyncd keep it; some acts need a trusted clock"));
    } else {
        (void)snprintf(text, sizeof text, _("%s, within %u ms"), time, now.utc_error_ms);
        find(doctor, check, HEALTH_OK, text, "");
    }
}

// ---- Key files ----

static bool file_mode(const char *dir, const char *name, struct stat *out_status) {
    char path[PATH_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return lstat(path, out_status) == 0;
}

static void check_keys(struct doctor *doctor) {
    static const struct check check = {"keys", N_("key files")};
    static const struct {
        const char *name;
        mode_t forbidden;
        const char *todo;
    } files[] = {{"keys", 077, N_("chmod 700 keys; change the PINs if others could read it")},
                 {"keys/device.key", 077, N_("chmod 600 keys/device.key; others could read it")},
                 {"device.ini", 077, N_("chmod 600 device.ini; it holds the broker's password")}};
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        struct stat status;
        char text[96];
        if (!file_mode(doctor->cli->dir, files[i].name, &status)) {
            (void)snprintf(text, sizeof text, _("%s is missing"), files[i].name);
            find(doctor, check, HEALTH_BAD, text, _("restore a backup or join the device anew"));
            return;
        }
        if ((status.st_mode & files[i].forbidden) != 0) {
            (void)snprintf(text, sizeof text, _("%s has mode %03o"), files[i].name,
                           (unsigned)(status.st_mode & 0777));
            find(doctor, check, HEALTH_BAD, text, _(files[i].todo));
            return;
        }
    }
    find(doctor, check, HEALTH_OK, _("only their owner reads them"), "");
}

// ---- Terminal ----

static void check_terminal(struct doctor *doctor) {
    static const struct check locale_check = {"locale", N_("locale")};
    static const struct check terminal_check = {"terminal", N_("terminal")};
    const char *codeset = nl_langinfo(CODESET);
    const char *term = getenv("TERM");
    find(doctor, locale_check, strcmp(codeset, "UTF-8") == 0 ? HEALTH_OK : HEALTH_WARN, codeset,
         _("set LANG to zh_CN.UTF-8 or C.UTF-8"));
    if (!isatty(STDOUT_FILENO)) {
        find(doctor, terminal_check, HEALTH_OK, _("none: output goes to a file or pipe"), "");
    } else if (!term || term[0] == '\0' || strcmp(term, "dumb") == 0) {
        find(doctor, terminal_check, HEALTH_WARN, term ? term : "-",
             _("set TERM: the console needs a terminal with a cursor"));
    } else {
        find(doctor, terminal_check, HEALTH_OK, term, "");
    }
}

// ---- Broker ----

struct conf {
    char host[LIMIT_TAG_BYTES + 1];
    char port[8];
};

static int on_conf(void *ctx, const char *section, const char *name, const char *value) {
    struct conf *conf = ctx;
    if (value && strcmp(section, "broker") == 0 && strcmp(name, "host") == 0) {
        (void)snprintf(conf->host, sizeof conf->host, "%s", value);
    } else if (value && strcmp(section, "broker") == 0 && strcmp(name, "port") == 0) {
        (void)snprintf(conf->port, sizeof conf->port, "%s", value);
    }
    return 1;
}

// host:port from the option, from device.ini, or from the hub's davyd.conf.
static bool broker_of(struct doctor *doctor, char out[static 2 * LIMIT_TAG_BYTES]) {
    const char *given = doctor->cli->value[OPT_BROKER];
    const char *own = doctor->session.config.broker;
    if (given || own[0] != '\0') {
        (void)snprintf(out, 2 * LIMIT_TAG_BYTES, "%s", given ? given : own);
        return true;
    }
    char path[PATH_MAX + 16];
    struct conf conf = {{0}, {0}};
    (void)snprintf(path, sizeof path, "%s/davyd.conf", doctor->cli->dir);
    if (ini_parse(path, on_conf, &conf) != 0 || conf.host[0] == '\0') {
        return false;
    }
    (void)snprintf(out, 2 * LIMIT_TAG_BYTES, "%s:%s", conf.host, conf.port);
    return true;
}

static int connect_result(const struct addrinfo *address) {
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int error = fd < 0 || connect(fd, address->ai_addr, address->ai_addrlen) != 0 ? errno : 0;
    if (error == EINPROGRESS) {
        struct pollfd entry = {.fd = fd, .events = POLLOUT};
        socklen_t len = sizeof error;
        if (poll(&entry, 1, CONNECT_MS) != 1) {
            error = ETIMEDOUT;
        } else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
            error = errno;
        }
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return error;
}

static void check_broker(struct doctor *doctor) {
    static const struct check check = {"broker", N_("broker")};
    char broker[2 * LIMIT_TAG_BYTES];
    char host[LIMIT_TAG_BYTES + 1];
    char port[8];
    char text[192];
    uint16_t number = 0;
    if (!broker_of(doctor, broker)) {
        find(doctor, check, HEALTH_WARN, _("not known"), _("name it with --broker HOST:PORT"));
        return;
    }
    if (!cli_broker_parse(broker, host, &number)) {
        find(doctor, check, HEALTH_BAD, broker, _("it must be HOST:PORT with a numeric address"));
        return;
    }
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICSERV |
                                         (strcmp(host, "localhost") == 0 ? 0 : AI_NUMERICHOST)};
    struct addrinfo *address = NULL;
    (void)snprintf(port, sizeof port, "%u", number);
    if (getaddrinfo(host, port, &hints, &address) != 0) {
        find(doctor, check, HEALTH_BAD, broker, _("it must be HOST:PORT with a numeric address"));
        return;
    }
    int error = connect_result(address);
    freeaddrinfo(address);
    (void)snprintf(text, sizeof text, "%s: %s", broker,
                   error == 0 ? _("reachable") : strerror(error));
    find(doctor, check, error == 0 ? HEALTH_OK : HEALTH_BAD, text,
         _("start the broker, look at the cable and the firewall"));
}

int cmd_doctor(struct cli *cli) {
    static const struct check folder = {"folder", N_("folder")};
    struct doctor doctor = {.cli = cli};
    int code = session_open(cli, SESSION_READ, &doctor.session);
    doctor.opened = code == CLI_OK;
    list_start(&doctor.list, cli, columns, COUNT_OF(columns));
    if (doctor.opened) {
        find(&doctor, folder, HEALTH_OK, cli->dir, "");
        check_store(&doctor);
        check_owner(&doctor);
    } else {
        find(&doctor, folder, HEALTH_BAD, cli->dir, _("see the message above"));
    }
    if (access(cli->dir, F_OK) == 0) {
        check_keys(&doctor); // also where one of them is why the store was not opened
    }
    check_space(&doctor);
    check_clock(&doctor);
    check_terminal(&doctor);
    check_broker(&doctor);
    code = list_finish(&doctor.list);
    session_close(&doctor.session);
    return code == CLI_OK && doctor.worst == HEALTH_BAD ? CLI_FAILED : code;
}
