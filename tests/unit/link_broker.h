// A real mosquitto of a test's own: a free loopback port, an account "a" with password "p" that may
// write and read t/# and nothing else. Ended by its process id.
#ifndef LINK_BROKER_H
#define LINK_BROKER_H

#include "test_util.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct broker {
    pid_t pid;
    uint16_t port;
    char folder[TEST_PATH_BYTES];
};

static inline void broker_sleep_ms(int ms) {
    struct timespec time = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

static inline int broker_connect(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
        return fd;
    }
    close(fd);
    return -1;
}

static inline uint16_t broker_free_port(void) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

static inline void broker_file(const struct broker *broker, const char *name, const char *text) {
    char path[TEST_PATH_BYTES];
    test_path(broker->folder, name, path);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static inline pid_t broker_spawn(char *const arguments[]) {
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        int null = open("/dev/null", O_RDWR);
        if (getppid() != parent || null < 0) {
            _exit(126);
        }
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        execv(arguments[0], arguments);
        _exit(127);
    }
    return pid;
}

static inline const char *broker_program(const char *const paths[2]) {
    return access(paths[0], X_OK) == 0 ? paths[0] : access(paths[1], X_OK) == 0 ? paths[1] : NULL;
}

// Starts (again) on broker->port; returns when it answers.
static inline void broker_start(struct broker *broker) {
    static const char *const programs[] = {"/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"};
    char path[TEST_PATH_BYTES];
    test_path(broker->folder, "conf", path);
    char *const arguments[] = {(char *)(uintptr_t)broker_program(programs), "-c", path, NULL};
    broker->pid = broker_spawn(arguments);
    for (int tries = 0; tries < 500; tries++) {
        int fd = broker_connect(broker->port);
        if (fd >= 0) {
            close(fd);
            return;
        }
        assert_int_equal(waitpid(broker->pid, NULL, WNOHANG), 0);
        broker_sleep_ms(10);
    }
    fail_msg("mosquitto did not start");
}

static inline void broker_stop(struct broker *broker) {
    if (broker->pid > 0) {
        kill(broker->pid, SIGKILL);
        waitpid(broker->pid, NULL, 0);
        broker->pid = 0;
    }
}

// False if mosquitto is not installed.
static inline bool broker_new(struct broker *broker) {
    static const char *const programs[] = {"/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"};
    static const char *const hashers[] = {"/usr/bin/mosquitto_passwd",
                                          "/usr/local/bin/mosquitto_passwd"};
    if (broker_program(programs) == NULL || broker_program(hashers) == NULL) {
        print_message("mosquitto is not installed: skipped\n");
        return false;
    }
    test_folder_make(broker->folder);
    broker->port = broker_free_port();
    char passwords[TEST_PATH_BYTES], rights[TEST_PATH_BYTES], text[3 * TEST_PATH_BYTES];
    test_path(broker->folder, "passwords", passwords);
    test_path(broker->folder, "rights", rights);
    broker_file(broker, "passwords", "a:p\n");
    broker_file(broker, "rights", "user a\ntopic readwrite t/#\n");
    snprintf(text, sizeof(text),
             "listener %u 127.0.0.1\nallow_anonymous false\npersistence false\n%s"
             "password_file %.200s\nacl_file %.200s\nset_tcp_nodelay true\nsys_interval 0\n"
             "max_inflight_messages 1000\nmax_queued_messages 100000\n",
             broker->port, geteuid() == 0 ? "user root\n" : "", passwords, rights);
    broker_file(broker, "conf", text);
    char *const arguments[] = {(char *)(uintptr_t)broker_program(hashers), "-U", passwords, NULL};
    int status = 0;
    pid_t pid = broker_spawn(arguments);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    broker_start(broker);
    return true;
}

static inline void broker_end(struct broker *broker) {
    broker_stop(broker);
    test_folder_remove(broker->folder);
}

#endif
