// The operating system's side: clocks, files, signals, notification.
#include "test_util.h"

#include "davy/link/os.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static void clocks(void **state) {
    (void)state;
    struct moment a = os_now();
    struct moment b = os_now();
    assert_true(a.utc.v > INT64_C(1600000000000));
    assert_true(a.mono.v > 0 && b.mono.v >= a.mono.v);
    assert_true(a.boot_id != 0 && a.boot_id == b.boot_id);
    assert_int_equal(setenv("TZ", "Asia/Shanghai", 1), 0);
    tzset();
    assert_int_equal(os_timezone_offset_min(a.utc), 480);
    assert_int_equal(setenv("TZ", "UTC", 1), 0);
    tzset();
    assert_int_equal(os_timezone_offset_min(a.utc), 0);
}

static void files(void **state) {
    (void)state;
    char folder[TEST_PATH_BYTES], path[TEST_PATH_BYTES], deep[TEST_PATH_BYTES];
    test_folder_make(folder);
    test_path(folder, "file", path);
    struct buf bytes;
    buf_init(&bytes, 16);
    assert_int_equal(os_file_read(path, &bytes), RC_NOT_FOUND);
    assert_int_equal(os_file_write(path, slice_text("hello"), 0600), RC_OK);
    assert_int_equal(os_file_read(path, &bytes), RC_OK);
    assert_int_equal(bytes.len, 5);
    assert_memory_equal(bytes.data, "hello", 5);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    // A new content replaces the old one, and nothing else is left in the folder.
    assert_int_equal(os_file_write(path, slice_text("a longer content than 16"), 0644), RC_OK);
    buf_reset(&bytes);
    assert_int_equal(os_file_read(path, &bytes), RC_TOO_LARGE);
    assert_int_equal(bytes.len, 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(os_file_write("/nonexistent/x", slice_text("x"), 0600), RC_IO);
    test_path(folder, "a/b/中文 c//", deep);
    assert_int_equal(os_folder_make(deep), RC_OK);
    assert_int_equal(os_folder_make(deep), RC_OK);
    assert_int_equal(stat(deep, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    test_path(folder, "plain", path);
    assert_int_equal(os_file_write(path, slice_text("x"), 0600), RC_OK);
    assert_int_equal(os_folder_make(path), RC_IO);
    buf_fini(&bytes);
    test_folder_remove(folder);
}

static void failed_write(void **state) {
    (void)state;
    char folder[TEST_PATH_BYTES], path[TEST_PATH_BYTES];
    test_folder_make(folder);
    test_path(folder, "target", path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(os_file_write(path, slice_text("x"), 0600), RC_IO);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(rmdir(folder), 0); // the temporary file is gone
}

static void signals(void **state) {
    (void)state;
    static const int list[] = {SIGUSR1, SIGUSR2, 0};
    int fd = os_signals(list);
    assert_true(fd >= 0);
    assert_int_equal(os_signal_next(fd), 0);
    assert_int_equal(raise(SIGUSR2), 0);
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&entry, 1, 1000), 1);
    assert_int_equal(os_signal_next(fd), SIGUSR2);
    assert_int_equal(os_signal_next(fd), 0);
    close(fd);
}

static void notify(void **state) {
    (void)state;
    unsetenv("NOTIFY_SOCKET");
    os_notify("READY=1"); // nobody listens
    char folder[TEST_PATH_BYTES];
    test_folder_make(folder);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof(address.sun_path), "%.90s/n", folder);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
    os_notify("READY=1");
    char text[32] = "";
    assert_int_equal(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT), 7);
    assert_string_equal(text, "READY=1");
    unsetenv("NOTIFY_SOCKET");
    close(fd);
    test_folder_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks),  cmocka_unit_test(files),  cmocka_unit_test(failed_write),
        cmocka_unit_test(signals), cmocka_unit_test(notify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
