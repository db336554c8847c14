#include "term_priv.h"

#include "davy/base/ensure.h"

#include <signal.h>
#include <string.h>
#include <term.h>
#include <unistd.h>

#undef lines
#undef columns

static struct { // tidy: allow global, because a fatal signal handler has nothing else to go by
    volatile sig_atomic_t armed;
    int fd;
    bool has_mode;
    struct termios mode;
    char reset[256];
    size_t reset_len;
} restore;

// Terminfo strings may hold pauses "$<5>", which plain write() must not send.
static void add_reset(const char *text) {
    while (*text != '\0' && restore.reset_len < sizeof restore.reset) {
        if (text[0] == '$' && text[1] == '<' && strchr(text, '>') != NULL) {
            text = strchr(text, '>') + 1;
            continue;
        }
        restore.reset[restore.reset_len++] = *text++;
    }
}

static void add_capability(const char *name) {
    char copy[32];
    (void)snprintf(copy, sizeof copy, "%s", name);
    const char *text = tigetstr(copy);
    if (text != NULL && text != (char *)-1) {
        add_reset(text);
    }
}

void tui_restore_prepare(const struct tui_term *term) {
    restore.armed = 0;
    restore.fd = term->tty;
    restore.has_mode = tcgetattr(term->tty, &restore.mode) == 0;
    restore.reset_len = 0;
}

void tui_restore_arm(bool paste) {
    static const char *const names[] = {"sgr0", "rmkx", "cnorm", "rmcup"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        add_capability(names[i]);
    }
    if (paste) {
        add_reset("\033[?2004l");
    }
    add_reset("\r\n");
    restore.armed = 1;
}

void tui_restore_forget(void) {
    restore.armed = 0;
}

void tui_term_restore_raw(void) {
    if (restore.armed == 0) {
        return;
    }
    restore.armed = 0;
    ssize_t len = write(restore.fd, restore.reset, restore.reset_len);
    if (restore.has_mode && len != -2) {
        (void)tcsetattr(restore.fd, TCSANOW, &restore.mode);
    }
}
