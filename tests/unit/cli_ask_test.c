// Questions on a real terminal: what is typed as a PIN is never echoed, and the echo comes back.
#include "cli_util.h"

#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define SCREEN_BYTES 4096

struct terminal {
    int fd;
    pid_t child;
    char screen[SCREEN_BYTES]; // all that was written so far
    size_t len;
};

// The child asks for a PIN, then says "[pin]" or "none", and "[line]".
static void child(void) {
    char pin[CLI_PIN_BYTES] = "";
    char line[64] = "";
    bool got = ask_pin("PIN? ", pin);
    for (char *at = pin; *at != '\0'; at++) {
        *at = (char)('a' + (*at - '0')); // digits on the screen would be an echo
    }
    (void)dprintf(STDOUT_FILENO, got ? "[%s]" : "none", pin);
    (void)ask_line("Name? ", line, sizeof line);
    (void)dprintf(STDOUT_FILENO, "<%s>", line);
    _exit(0);
}

static void terminal_start(struct terminal *terminal) {
    *terminal = (struct terminal){.fd = -1};
    terminal->child = forkpty(&terminal->fd, NULL, NULL, NULL);
    if (terminal->child == 0) {
        child();
    }
    assert_true(terminal->child > 0);
}

static void await(struct terminal *terminal, const char *text) {
    for (int i = 0; i < 100 && !strstr(terminal->screen, text); i++) {
        struct pollfd entry = {.fd = terminal->fd, .events = POLLIN};
        if (poll(&entry, 1, 100) == 1) {
            ssize_t got = read(terminal->fd, terminal->screen + terminal->len,
                               SCREEN_BYTES - 1 - terminal->len);
            terminal->len += got > 0 ? (size_t)got : 0;
        }
    }
    assert_said(terminal->screen, text);
}

static void type(struct terminal *terminal, const char *text) {
    assert_int_equal(write(terminal->fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void terminal_end(struct terminal *terminal) {
    int status = -1;
    assert_int_equal(waitpid(terminal->child, &status, 0), terminal->child);
    assert_int_equal(status, 0);
    (void)close(terminal->fd);
}

static void test_typed(void **state) {
    (void)state;
    static const struct {
        const char *typed;
        const char *taken;
    } rows[] = {
        {"90817263\n", "[jaibhcgd]"},
        {"908\x7f\x08"
         "17\n",
         "[jbh]"}, // backspaces
        {"123\x15"
         "456\r",
         "[efg]"},                             // the line anew
        {"９０\xef\xbc\x98\x7f１\n", "[jab]"}, // full width, one character taken back
        {"12\x03", "none"},                    // ^C
        {"\x04", "none"},                      // ^D
        {"\n", "none"},
        {"1234567890123456789012345678901234567890\n", "none"}, // longer than any PIN
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct terminal terminal;
        struct termios mode;
        terminal_start(&terminal);
        await(&terminal, "PIN? ");
        type(&terminal, rows[i].typed);
        await(&terminal, rows[i].taken);
        assert_int_equal(strcspn(terminal.screen, "0123456789"), strlen(terminal.screen));
        await(&terminal, "Name? ");
        assert_int_equal(tcgetattr(terminal.fd, &mode), 0);
        assert_true((mode.c_lflag & ECHO) && (mode.c_lflag & ICANON) && (mode.c_lflag & ISIG));
        type(&terminal, "Li \033[2J\n");
        await(&terminal, "<Li  [2J>");
        terminal_end(&terminal);
    }
}

// Without a terminal nothing is asked and nothing is invented.
static void test_no_terminal(void **state) {
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        char text[64] = "";
        (void)setsid();
        _exit(ask_line("Name? ", text, sizeof text) || ask_pin("PIN? ", text) ? 1 : 0);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_typed),
        cmocka_unit_test(test_no_terminal),
    };
    say_language("en");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
