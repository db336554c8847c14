// The owner's socket: requests and answers, and peers that do not behave.
#include "test_util.h"

#include "davy/base/limits.h"
#include "davy/link/control.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define FDS (LIMIT_CONTROL_CLIENTS + 1)

static char folder[TEST_PATH_BYTES];
static struct control_server *server;
static int answered;

static void turn_round(void *ctx, struct slice request, struct buf *out) {
    (void)ctx;
    answered++;
    if (request.len == 5 && memcmp(request.data, "large", 5) == 0) {
        static uint8_t bytes[LIMIT_CONTROL_MESSAGE_BYTES];
        buf_put(out, bytes, sizeof(bytes));
        return;
    }
    if (request.len == 8 && memcmp(request.data, "toolarge", 8) == 0) {
        static uint8_t bytes[LIMIT_CONTROL_MESSAGE_BYTES + 1];
        buf_put(out, bytes, sizeof(bytes));
        return;
    }
    for (size_t i = request.len; i > 0; i--) {
        buf_put_u8(out, request.data[i - 1]);
    }
}

// Rounds of the owner's loop; false if nothing came for 2 s.
static bool round_once(int timeout_ms) {
    struct pollfd fds[FDS];
    size_t count = control_server_poll(server, fds, FDS);
    int ready = poll(fds, count, timeout_ms);
    if (ready <= 0) {
        return false;
    }
    control_server_step(server, fds, count, turn_round, NULL);
    return true;
}

static int setup(void **state) {
    (void)state;
    test_folder_make(folder);
    answered = 0;
    return control_server_new(folder, &server) == RC_OK ? 0 : -1;
}

static int teardown(void **state) {
    (void)state;
    control_server_free(server);
    server = NULL;
    test_folder_remove(folder);
    return 0;
}

// control_call blocks, so it runs in a child; its exit code is the result.
static pid_t call_in_child(const char *in_folder, const char *request, const char *expected,
                           enum rc rc) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0) {
        return pid;
    }
    struct buf answer;
    buf_init(&answer, LIMIT_CONTROL_MESSAGE_BYTES);
    enum rc got = control_call(in_folder, slice_text(request), 2000, &answer);
    bool same = expected == NULL ||
                (answer.len == strlen(expected) && memcmp(answer.data, expected, answer.len) == 0);
    _exit(got == rc && same ? 0 : 1);
}

static int child_code(pid_t pid) {
    int status = 0;
    while (waitpid(pid, &status, WNOHANG) == 0) {
        (void)round_once(20);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void answers(void **state) {
    (void)state;
    assert_int_equal(child_code(call_in_child(folder, "abc", "cba", RC_OK)), 0);
    assert_int_equal(child_code(call_in_child(folder, "large", NULL, RC_OK)), 0);
    assert_int_equal(child_code(call_in_child(folder, "toolarge", NULL, RC_IO)), 0);
    assert_int_equal(child_code(call_in_child(folder, "again", "niaga", RC_OK)), 0);
    struct stat status;
    char path[TEST_PATH_BYTES];
    test_path(folder, "davy.sock", path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void nobody_owns(void **state) {
    (void)state;
    struct buf answer;
    buf_init(&answer, 64);
    char other[TEST_PATH_BYTES];
    test_folder_make(other);
    assert_int_equal(control_call(other, slice_text("x"), 100, &answer), RC_NOT_FOUND);
    assert_int_equal(control_call("/nonexistent/folder", slice_text("x"), 100, &answer),
                     RC_NOT_FOUND);
    assert_int_equal(control_call(other, slice_of("", 0), 100, &answer), RC_TOO_LARGE);
    test_folder_remove(other);
}

static void dead_owner_is_replaced(void **state) {
    (void)state;
    // A socket file that nobody listens on.
    char other[TEST_PATH_BYTES];
    test_folder_make(other);
    struct control_server *first = NULL;
    pid_t pid = fork();
    if (pid == 0) {
        _exit(control_server_new(other, &first) == RC_OK ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    char path[TEST_PATH_BYTES];
    test_path(other, "davy.sock", path);
    assert_int_equal(access(path, F_OK), 0);
    struct buf answer;
    buf_init(&answer, 64);
    assert_int_equal(control_call(other, slice_text("x"), 100, &answer), RC_NOT_FOUND);
    assert_int_equal(control_server_new(other, &first), RC_OK);
    control_server_free(first);
    assert_int_equal(access(path, F_OK), -1);
    test_folder_remove(other);
}

// Paths may be longer than the 108 bytes of a socket address.
static void long_path(void **state) {
    (void)state;
    char part[101], up[TEST_PATH_BYTES], deep[TEST_PATH_BYTES];
    memset(part, 'x', sizeof(part) - 1);
    part[sizeof(part) - 1] = '\0';
    test_path(folder, part, up);
    test_path(up, part, deep);
    assert_int_equal(mkdir(up, 0700), 0);
    assert_int_equal(mkdir(deep, 0700), 0);
    control_server_free(server);
    server = NULL;
    assert_int_equal(control_server_new(deep, &server), RC_OK);
    assert_int_equal(child_code(call_in_child(deep, "abc", "cba", RC_OK)), 0);
}

static int raw_connect(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_true(strlen(folder) + 11 < sizeof(address.sun_path));
    snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/davy.sock", folder);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void settle(void) {
    while (round_once(20)) {
    }
}

static bool is_closed(int fd) {
    uint8_t byte;
    ssize_t got = recv(fd, &byte, 1, 0);
    return got == 0 || (got < 0 && errno != EAGAIN);
}

static void hostile_input(void **state) {
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        bool closed;
        int answers;
    } rows[] = {
        {"\x00\x00\x00\x00", 4, true, 0}, // an empty request
        {"\xff\xff\xff\xff", 4, true, 0}, // 4 GB announced
        {"\x01\x00\x01\x00", 4, true, 0}, // one byte too many
        {"\x03\x00", 2, false, 0},        // half a header: waits
        {"\x03\x00\x00\x00"
         "ab",
         6, false, 0}, // half a request: waits
        {"\x01\x00\x00\x00"
         "a\x01\x00\x00\x00"
         "b",
         10, false, 2}, // two at once
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        answered = 0;
        int fd = raw_connect();
        settle();
        assert_int_equal(send(fd, rows[i].bytes, rows[i].len, MSG_NOSIGNAL), (ssize_t)rows[i].len);
        settle();
        assert_int_equal(answered, rows[i].answers);
        if (rows[i].closed) {
            assert_true(is_closed(fd));
        }
        close(fd);
        settle();
    }
    assert_int_equal(child_code(call_in_child(folder, "abc", "cba", RC_OK)), 0);
}

// A client that never takes its answers is not answered without end, and holds nobody up.
static void slow_reader(void **state) {
    (void)state;
    int fd = raw_connect();
    settle();
    uint8_t request[] = {5, 0, 0, 0, 'l', 'a', 'r', 'g', 'e'};
    for (int i = 0; i < 500; i++) {
        ssize_t put = send(fd, request, sizeof(request), MSG_NOSIGNAL);
        if (put < 0) {
            break;
        }
        (void)round_once(0);
    }
    assert_true(answered < 100);
    assert_int_equal(child_code(call_in_child(folder, "abc", "cba", RC_OK)), 0);
    close(fd);
    settle();
}

// More clients than places: the one that was silent longest gives way to a new one.
static void crowd(void **state) {
    (void)state;
    int fds[LIMIT_CONTROL_CLIENTS];
    for (size_t i = 0; i < LIMIT_CONTROL_CLIENTS; i++) {
        fds[i] = raw_connect();
        settle();
    }
    uint8_t byte[] = {9};
    for (size_t i = 1; i < LIMIT_CONTROL_CLIENTS; i++) {
        assert_int_equal(send(fds[i], byte, 1, MSG_NOSIGNAL), 1);
        settle();
    }
    assert_int_equal(child_code(call_in_child(folder, "abc", "cba", RC_OK)), 0);
    assert_true(is_closed(fds[0]));
    for (size_t i = 0; i < LIMIT_CONTROL_CLIENTS; i++) {
        close(fds[i]);
    }
}

static void other_user(void **state) {
    (void)state;
    if (geteuid() != 0) {
        skip(); // only root can become another user
    }
    assert_int_equal(chmod(folder, 0755), 0);
    char path[TEST_PATH_BYTES];
    test_path(folder, "davy.sock", path);
    assert_int_equal(chmod(path, 0777), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        // The owner is root, so the client trusts it; the owner does not take the client.
        struct buf answer;
        buf_init(&answer, 64);
        if (setuid(65534) != 0) {
            _exit(2);
        }
        enum rc rc = control_call(folder, slice_text("abc"), 500, &answer);
        _exit(rc == RC_IO ? 0 : 1);
    }
    assert_int_equal(child_code(pid), 0);
    assert_int_equal(answered, 0);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_owns, setup, teardown),
        cmocka_unit_test_setup_teardown(dead_owner_is_replaced, setup, teardown),
        cmocka_unit_test_setup_teardown(long_path, setup, teardown),
        cmocka_unit_test_setup_teardown(hostile_input, setup, teardown),
        cmocka_unit_test_setup_teardown(slow_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(crowd, setup, teardown),
        cmocka_unit_test_setup_teardown(other_user, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
