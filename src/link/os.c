#include "davy/link/os.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"
#define OS_PATH_BYTES 4096
#define OS_READ_BYTES 16384

static int64_t milliseconds(clockid_t clock) {
    struct timespec time = {0};
    (void)clock_gettime(clock, &time);
    return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

// The first 16 hex digits of the boot's random id.
static uint64_t boot_id_read(void) {
    char text[64] = "";
    int fd = open(BOOT_ID_PATH, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t got = read(fd, text, sizeof(text) - 1);
        text[got > 0 ? got : 0] = '\0';
        (void)close(fd);
    }
    uint64_t id = 0;
    int digits = 0;
    for (const char *at = text; *at != '\0' && digits < 16; at++) {
        if (*at == '-') {
            continue;
        }
        const char *hex = "0123456789abcdef";
        const char *found = strchr(hex, *at);
        if (found == NULL) {
            break;
        }
        id = id << 4 | (uint64_t)(found - hex);
        digits++;
    }
    return id;
}

// What the kernel knows of its clock's error; without a time source the clock is not trusted.
static uint32_t clock_error_ms(void) {
    struct timex state = {0};
    if (adjtimex(&state) == TIME_ERROR || (state.status & STA_UNSYNC) != 0) {
        return UINT32_MAX;
    }
    return state.maxerror < 0 ? UINT32_MAX : (uint32_t)(state.maxerror / 1000) + 1;
}

struct moment os_now(void) {
    // The boot id cannot change while this process lives, so it is read once.
    static uint64_t boot_id;
    static bool boot_id_known;
    if (!boot_id_known) {
        boot_id = boot_id_read();
        boot_id_known = true;
    }
    struct moment now = {.utc = {milliseconds(CLOCK_REALTIME)},
                         .mono = {milliseconds(CLOCK_BOOTTIME)},
                         .utc_error_ms = clock_error_ms(),
                         .boot_id = boot_id};
    return now;
}

int os_timezone_offset_min(struct utc_ms time) {
    time_t seconds = (time_t)(time.v / 1000);
    struct tm local;
    if (localtime_r(&seconds, &local) == NULL) {
        return 0;
    }
    return (int)(local.tm_gmtoff / 60);
}

// ---- Signals ----

int os_signals(const int *signals) {
    sigset_t set;
    (void)sigemptyset(&set);
    for (size_t i = 0; signals[i] != 0; i++) {
        (void)sigaddset(&set, signals[i]);
    }
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0) {
        return -1;
    }
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int os_signal_next(int fd) {
    struct signalfd_siginfo info;
    ssize_t got = read(fd, &info, sizeof(info));
    return got == (ssize_t)sizeof(info) ? (int)info.ssi_signo : 0;
}

// ---- Files ----

static enum rc rc_of_errno(int error) {
    if (error == ENOSPC || error == EDQUOT) {
        return RC_FULL;
    }
    return error == ENOENT ? RC_NOT_FOUND : RC_IO;
}

enum rc os_file_read(const char *path, struct buf *out) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return rc_of_errno(errno);
    }
    size_t before = out->len;
    enum rc rc = RC_OK;
    while (rc == RC_OK) {
        uint8_t chunk[OS_READ_BYTES];
        ssize_t got = read(fd, chunk, sizeof(chunk));
        if (got == 0) {
            break;
        }
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            rc = RC_IO;
        } else {
            buf_put(out, chunk, (size_t)got);
            rc = buf_rc(out);
        }
    }
    (void)close(fd);
    if (rc != RC_OK) {
        out->len = before;
    }
    return rc;
}

static enum rc write_all(int fd, struct slice content) {
    while (content.len > 0) {
        ssize_t put = write(fd, content.data, content.len);
        if (put < 0 && errno == EINTR) {
            continue;
        }
        if (put <= 0) {
            return rc_of_errno(errno) == RC_FULL ? RC_FULL : RC_IO;
        }
        content.data += put;
        content.len -= (size_t)put;
    }
    return RC_OK;
}

static enum rc folder_sync(const char *path) {
    char folder[OS_PATH_BYTES];
    const char *slash = strrchr(path, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - path);
    if (len >= sizeof(folder)) {
        return RC_IO;
    }
    if (slash == NULL) {
        folder[len++] = '.';
    } else if (len == 0) {
        folder[len++] = '/';
    } else {
        memcpy(folder, path, len);
    }
    folder[len] = '\0';
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return RC_IO;
    }
    enum rc rc = fsync(fd) == 0 ? RC_OK : RC_IO;
    (void)close(fd);
    return rc;
}

enum rc os_file_write(const char *path, struct slice content, unsigned mode) {
    char temporary[OS_PATH_BYTES];
    int len = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
    if (len < 0 || (size_t)len >= sizeof(temporary)) {
        return RC_IO;
    }
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0) {
        return rc_of_errno(errno) == RC_FULL ? RC_FULL : RC_IO;
    }
    enum rc rc = write_all(fd, content);
    if (rc == RC_OK && (fchmod(fd, (mode_t)mode) != 0 || fsync(fd) != 0)) {
        rc = errno == ENOSPC ? RC_FULL : RC_IO;
    }
    if (close(fd) != 0 && rc == RC_OK) {
        rc = RC_IO;
    }
    if (rc == RC_OK && rename(temporary, path) != 0) {
        rc = RC_IO;
    }
    if (rc != RC_OK) {
        (void)unlink(temporary);
        return rc;
    }
    return folder_sync(path);
}

enum rc os_folder_make(const char *path) {
    char part[OS_PATH_BYTES];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof(part)) {
        return RC_IO;
    }
    memcpy(part, path, len + 1);
    while (len > 1 && part[len - 1] == '/') {
        part[--len] = '\0';
    }
    for (size_t i = 1; i < len; i++) {
        if (part[i] == '/') {
            part[i] = '\0';
            if (mkdir(part, 0777) != 0 && errno != EEXIST) {
                return RC_IO;
            }
            part[i] = '/';
        }
    }
    if (mkdir(part, 0700) == 0) {
        return RC_OK;
    }
    struct stat status;
    bool there = errno == EEXIST && stat(part, &status) == 0 && S_ISDIR(status.st_mode);
    return there ? RC_OK : RC_IO;
}

// ---- The service manager, and what protects keys ----

void os_notify(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = path == NULL ? 0 : strlen(path);
    if (len == 0 || len >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@')) {
        return;
    }
    memcpy(address.sun_path, path, len);
    if (path[0] == '@') {
        address.sun_path[0] = '\0'; // an abstract address
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return;
    }
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&address, size);
    (void)close(fd);
}

void os_harden(void) {
    struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}
