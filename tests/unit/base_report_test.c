// What the core says of failures: result codes, refusals, the log, and ENSURE.
#include "davy/base/ensure.h"
#include "davy/base/log.h"
#include "davy/base/refusal.h"
#include "davy/base/text.h"

#include "test_util.h"

#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void every_code_has_a_name_of_its_own(void **state) {
    (void)state;
    for (int a = 0; a < RC_COUNT; a++) {
        assert_non_null(rc_name((enum rc)a));
        for (int b = 0; b < a; b++) {
            assert_string_not_equal(rc_name((enum rc)a), rc_name((enum rc)b));
        }
    }
    assert_string_equal(rc_name(RC_TRUNCATED), "truncated");
    assert_string_equal(rc_name(RC_COUNT), "unknown");
    assert_string_equal(rc_name((enum rc) - 1), "unknown");
}

static void refusal_names_follow_the_table(void **state) {
    (void)state;
#define CHECK_NAME(code, number, name)                                                             \
    assert_int_equal(code, number);                                                                \
    assert_string_equal(refusal_name(code), name);
    REFUSAL_TABLE(CHECK_NAME)
#undef CHECK_NAME
    assert_string_equal(refusal_name((enum refusal_code)59999), "unknown");
}

static void refusal_keeps_clean_arguments(void **state) {
    (void)state;
    struct refusal refusal = {.subject.id.b = {1}, .args = {"old", "older"}};
    assert_int_equal(REFUSE(&refusal, REFUSAL_ROLE_AREA, "R-101\x1b[2J"), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_ROLE_AREA);
    assert_true(rid_is_zero(refusal.subject));
    assert_string_equal(refusal.args[0], "R-101 [2J");
    assert_string_equal(refusal.args[1], "");
    assert_int_equal(REFUSE(NULL, REFUSAL_FORM, ""), RC_REFUSED);
    assert_int_equal(REFUSE(&refusal, REFUSAL_FORM, "1", "2", "3", "4", "5"), RC_REFUSED);
    assert_string_equal(refusal.args[3], "4");
    assert_int_equal(refusal_set(&refusal, REFUSAL_FORM, NULL), RC_REFUSED);
    assert_string_equal(refusal.args[0], "");
}

static void long_refusal_arguments_are_cut_at_a_character(void **state) {
    (void)state;
    char text[301] = "";
    for (int i = 0; i < 100; i++) {
        memcpy(text + 3 * i, "阀", 3);
    }
    struct refusal refusal;
    assert_int_equal(REFUSE(&refusal, REFUSAL_FORM, text), RC_REFUSED);
    assert_int_equal(strlen(refusal.args[0]), REFUSAL_ARG_BYTES / 3 * 3 - 3);
    assert_true(text_is_valid(slice_text(refusal.args[0])));
    // An argument may come from the refusal that is being replaced.
    assert_int_equal(REFUSE(&refusal, REFUSAL_STATE, "", refusal.args[0]), RC_REFUSED);
    assert_memory_equal(refusal.args[1], text, 93);
}

static size_t log_read(int fd, char *out, size_t out_bytes) {
    ssize_t got = read(fd, out, out_bytes - 1);
    assert_true(got >= 0);
    out[got] = '\0';
    return (size_t)got;
}

static void log_line_cannot_be_forged(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct log log = {.fd = ends[1], .level = LOG_NOTICE, .prefix = true};
    char line[8192];
    log_write(&log, LOG_WARNING, "%s", "a\n<3>b\r\x1b[31m\xff 阀\xe2\x80\xae");
    log_read(ends[0], line, sizeof(line));
    assert_string_equal(line, "<4>a\\n<3>b\\r\\x1b[31m\\xff 阀\\xe2\\x80\\xae\n");
    log.prefix = false;
    log_write(&log, LOG_INFO, "too quiet");
    log_write(NULL, LOG_ERROR, "nowhere");
    log_write(&(struct log){.fd = -1, .level = LOG_DEBUG}, LOG_ERROR, "nowhere");
    errno = ENOENT;
    log_write(&log, LOG_NOTICE, "n=%d", 5);
    assert_int_equal(errno, ENOENT);
    log_read(ends[0], line, sizeof(line));
    assert_string_equal(line, "n=5\n");
    close(ends[0]);
    close(ends[1]);
}

static void long_log_message_is_cut_and_marked(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct log log = {.fd = ends[1], .level = LOG_DEBUG};
    char text[3000];
    memset(text, 0x01, sizeof(text));
    text[sizeof(text) - 1] = '\0';
    log_write(&log, LOG_DEBUG, "%s", text);
    char line[8192];
    size_t len = log_read(ends[0], line, sizeof(line));
    assert_int_equal(len, 4 * 1023 + 4);
    assert_string_equal(line + len - 8, "\\x01...\n");
    close(ends[0]);
    close(ends[1]);
}

static void broken_promise_stops_the_program(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGABRT, SIG_DFL);
        (void)dup2(ends[1], STDERR_FILENO);
        ENSURE(1 + 1 == 2);
        ENSURE(1 + 1 == 3);
        _exit(0);
    }
    close(ends[1]);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    char line[512];
    log_read(ends[0], line, sizeof(line));
    assert_non_null(strstr(line, "1 + 1 == 3 does not hold\n"));
    assert_non_null(strstr(line, "base_report_test.c:"));
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    close(ends[0]);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_name_of_its_own),
        cmocka_unit_test(refusal_names_follow_the_table),
        cmocka_unit_test(refusal_keeps_clean_arguments),
        cmocka_unit_test(long_refusal_arguments_are_cut_at_a_character),
        cmocka_unit_test(log_line_cannot_be_forged),
        cmocka_unit_test(long_log_message_is_cut_and_marked),
        cmocka_unit_test(broken_promise_stops_the_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
