#include "cli/cli_priv.h"

#include "davy/keys/keys.h"
#include "davy/link/os.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define LINE_BYTES 1024
// Control characters that a person types while the terminal passes every key on.
#define KEY_CANCEL 0x03     // ^C
#define KEY_END 0x04        // ^D
#define KEY_BACKSPACE 0x08  // ^H
#define KEY_ERASE_LINE 0x15 // ^U
#define KEY_DELETE 0x7f     // what most terminals send for backspace

static int terminal_open(void) {
    return open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static void terminal_say(int fd, const char *text) {
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t put = write(fd, text, len);
        if (put < 0 && errno != EINTR) {
            return;
        }
        if (put > 0) {
            text += put;
            len -= (size_t)put;
        }
    }
}

// Takes the last character off, which may have several bytes.
static size_t erase_one(const char *text, size_t len) {
    while (len > 0 && ((unsigned char)text[--len] & 0xC0) == 0x80) {
    }
    return len;
}

// Bytes up to the line's end, edited as a terminal would do it; false at the end of the input, at
// ^C and at ^D.
static bool terminal_line(int fd, char *out, size_t out_bytes) {
    size_t len = 0;
    for (;;) {
        char c = '\0';
        ssize_t got = read(fd, &c, 1);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0 || c == KEY_CANCEL || c == KEY_END) {
            return false;
        }
        if (c == '\n' || c == '\r') {
            out[len] = '\0';
            return true;
        }
        if (c == KEY_BACKSPACE || c == KEY_DELETE) {
            len = erase_one(out, len);
        } else if (c == KEY_ERASE_LINE) {
            len = 0;
        } else if (len + 1 < out_bytes) {
            out[len++] = c;
        }
    }
}

bool ask_line(const char *question, char *out, size_t out_bytes) {
    char line[LINE_BYTES];
    int fd = terminal_open();
    if (fd < 0) {
        return false;
    }
    terminal_say(fd, question);
    bool got = terminal_line(fd, line, sizeof line);
    (void)close(fd);
    if (got) {
        (void)text_clean(slice_text(line), out, out_bytes);
    }
    return got && out[0] != '\0';
}

bool ask_pin(const char *question, char out_pin[static CLI_PIN_BYTES]) {
    char line[LINE_BYTES];
    struct termios before;
    int fd = terminal_open();
    if (fd < 0 || tcgetattr(fd, &before) != 0) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return false;
    }
    struct termios quiet = before;
    // Without signals and line editing ^C arrives as a character, so that the echo comes back in
    // every case.
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL | ISIG | ICANON);
    quiet.c_cc[VMIN] = 1;
    quiet.c_cc[VTIME] = 0;
    bool got = tcsetattr(fd, TCSAFLUSH, &quiet) == 0;
    if (got) {
        terminal_say(fd, question);
        got = terminal_line(fd, line, sizeof line);
        terminal_say(fd, "\n");
        (void)tcsetattr(fd, TCSAFLUSH, &before);
    }
    (void)close(fd);
    got = got && text_fold(line, out_pin, CLI_PIN_BYTES) == RC_OK && out_pin[0] != '\0';
    keys_wipe(line, sizeof line);
    return got;
}

int ask_file_line(struct cli *cli, const char *path, int line, char *out, size_t out_bytes) {
    struct buf text;
    buf_init(&text, LINE_BYTES);
    enum rc rc = os_file_read(strcmp(path, "-") == 0 ? "/dev/stdin" : path, &text);
    if (rc != RC_OK) {
        buf_fini(&text);
        return cli_fail(cli, _("%s cannot be read: %s"), path, say_rc(rc));
    }
    const char *at = buf_cstr(&text);
    if (buf_rc(&text) != RC_OK) {
        rc = buf_rc(&text);
        buf_fini(&text);
        return cli_fail_rc(cli, rc, NULL);
    }
    for (; line > 0 && strchr(at, '\n'); line--) {
        at = strchr(at, '\n') + 1;
    }
    size_t len = strcspn(at, "\r\n");
    bool ok = line == 0 && len > 0 && len < out_bytes;
    if (ok) {
        memcpy(out, at, len);
        out[len] = '\0';
    }
    keys_wipe(text.data, text.len);
    buf_fini(&text);
    return ok ? CLI_OK
              : cli_fail(cli, _("%s: the line is missing, empty or longer than %zu bytes"), path,
                         out_bytes - 1);
}

bool pin_is_demo(const char *pin) {
    static const char *const known[] = {DEMO_PIN_ROOT, DEMO_PIN_ADMIN, "11111111", "22222222",
                                        "33333333",    "12345678",     "87654321"};
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (strcmp(known[i], pin) == 0) {
            return true;
        }
    }
    return false;
}

bool pin_is_fit(const char *pin, bool demo, struct refusal *out_refusal) {
    char least[8];
    size_t len = strlen(pin);
    if (len < LIMIT_PIN_DIGITS_MIN_SIGNER || len > LIMIT_PIN_DIGITS_MAX ||
        strspn(pin, "0123456789") != len) {
        (void)snprintf(least, sizeof least, "%d", LIMIT_PIN_DIGITS_MIN_SIGNER);
        (void)REFUSE(out_refusal, REFUSAL_PIN_SHORT, least);
        return false;
    }
    if (!demo && pin_is_demo(pin)) {
        (void)REFUSE(out_refusal, REFUSAL_PIN_DEMO, "");
        return false;
    }
    return true;
}
