// davy: the console and field kit; with a sub-command the command line.
#include "davy/app/say.h"
#include "davy/base/ensure.h"
#include "davy/cli/cli.h"
#include "davy/link/control.h"
#include "davy/link/os.h"
#include "davy/screen/screen.h"
#include "device_link.h"

#include <getopt.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIN_BYTES (LIMIT_PIN_DIGITS_MAX + 3) // and an end of line
#define POLL_MAX (LIMIT_CONTROL_CLIENTS + 8)

struct console {
    const char *dir;
    struct screen_env env;
    char theme[PATH_MAX], themes[PATH_MAX], settings[PATH_MAX];
    struct device_link link;
    struct control_server *control;
    struct screen *screen;
    int signals;
    bool stop;
    const char *number, *pin_file; // who is signed in at the start; NULL: nobody
    const char *why;               // said instead of a refusal
};

// Without a person at the keys: what a script may do on a demonstration site, whose PINs are
// public, and nowhere else.
static enum rc sign_in(struct console *console, char out_pin[static PIN_BYTES],
                       struct refusal *refusal) {
    struct app_status status;
    struct buf text;
    app_status(console->link.app, console->link.now, &status);
    if (!status.demo) {
        console->why = _("--sign-in is for a demonstration site; here people sign in at the "
                         "screen");
        return RC_REFUSED;
    }
    buf_init(&text, PIN_BYTES);
    enum rc rc = os_file_read(console->pin_file, &text);
    if (rc == RC_OK) {
        (void)snprintf(out_pin, PIN_BYTES, "%s", buf_cstr(&text));
        out_pin[strcspn(out_pin, "\r\n")] = '\0';
        rc = app_sign_in(console->link.app, console->number, out_pin, console->link.now, refusal);
    } else {
        console->why = _("the file of --pin-file cannot be read");
    }
    keys_wipe(text.data, text.len);
    buf_fini(&text);
    return rc;
}

// The PIN is wanted again after the console locked itself.
static void greet(struct console *console, const char *pin) {
    struct app_person person;
    char text[256];
    if (pin_is_demo(pin) && app_active(console->link.app, &person)) {
        (void)snprintf(text, sizeof text, _("Demonstration: PIN %s, %s acts."), pin, person.name);
        screen_say(console->screen, console->link.now, text);
    }
}

static void on_control(void *ctx, struct slice request, struct buf *out) {
    struct console *console = ctx;
    app_control(console->link.app, request, console->link.now, out);
    screen_changed(console->screen, console->link.now);
}

// A crash must leave a usable terminal; only write(2) may run here.
static void on_crash(int number) {
    tui_term_restore_raw();
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static enum rc take_signals(struct console *console) {
    enum rc rc = RC_OK;
    for (int number = os_signal_next(console->signals); number != 0;
         number = os_signal_next(console->signals)) {
        switch (number) {
        case SIGWINCH:
            rc = screen_resize(console->screen, console->link.now);
            break;
        case SIGTSTP:
            screen_suspend(console->screen);
            (void)kill(getpid(), SIGSTOP);
            screen_resume(console->screen);
            break;
        case SIGCONT:
            break;
        default:
            console->stop = true;
            break;
        }
    }
    return rc;
}

static enum rc round_once(struct console *console, int timeout_ms, struct mono_ms *out_next) {
    struct device_link *link = &console->link;
    struct pollfd fds[POLL_MAX] = {
        {.fd = console->signals, .events = POLLIN},
        {.fd = screen_in_fd(console->screen), .events = POLLIN},
        {.fd = screen_wants_write(console->screen) ? screen_out_fd(console->screen) : -1,
         .events = POLLOUT},
        {.fd = -1}};
    if (link->mqtt) {
        (void)mqtt_poll(link->mqtt, &fds[3], link->now.mono, &timeout_ms);
    }
    size_t clients = control_server_poll(console->control, &fds[4], POLL_MAX - 4);
    (void)poll(fds, (nfds_t)(4 + clients), timeout_ms);
    bool changed = false;
    enum rc rc = take_signals(console);
    link->now = os_now();
    if (rc == RC_OK && fds[1].revents) {
        app_touch(link->app, link->now);
        rc = screen_input(console->screen, link->now);
    }
    if (rc == RC_OK && fds[2].revents) {
        rc = screen_flush(console->screen);
    }
    control_server_step(console->control, &fds[4], clients, on_control, console);
    if (rc == RC_OK) {
        rc = device_link_step(link, &fds[3], &changed, out_next);
    }
    if (rc == RC_OK && changed) {
        screen_changed(console->screen, link->now);
    }
    return rc == RC_OK ? screen_draw(console->screen, link->now) : rc;
}

static enum rc run(struct console *console) {
    struct mono_ms next = {0};
    enum rc rc = screen_draw(console->screen, console->link.now);
    while (rc == RC_OK && !console->stop && !screen_wants_exit(console->screen)) {
        int64_t wait = next.v - console->link.now.mono.v;
        int screen_ms = screen_timeout_ms(console->screen, console->link.now);
        int timeout_ms = wait < 0 ? 0 : wait > 1000 ? 1000 : (int)wait;
        timeout_ms = screen_ms >= 0 && screen_ms < timeout_ms ? screen_ms : timeout_ms;
        rc = round_once(console, timeout_ms, &next);
    }
    return rc;
}

static enum rc start(struct console *console, struct refusal *refusal) {
    static const int wanted[] = {SIGTERM, SIGINT, SIGHUP, SIGWINCH, SIGTSTP, SIGCONT, 0};
    static const int fatal[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
    char pin[PIN_BYTES] = "";
    enum rc rc = device_link_open(console->dir, &console->link, refusal);
    if (rc == RC_OK && console->number) {
        rc = sign_in(console, pin, refusal);
    }
    if (rc == RC_OK) {
        rc = control_server_new(console->dir, &console->control);
    }
    if (rc != RC_OK) {
        keys_wipe(pin, sizeof pin);
        return rc;
    }
    console->signals = os_signals(wanted);
    for (size_t i = 0; i < COUNT_OF(fatal); i++) {
        (void)signal(fatal[i], on_crash);
    }
    console->env.app = console->link.app;
    console->env.utc_offset_min = os_timezone_offset_min(console->link.now.utc);
    rc = screen_new(&console->env, console->link.now, &console->screen);
    if (rc == RC_OK) {
        greet(console, pin);
    }
    keys_wipe(pin, sizeof pin);
    return rc;
}

static void stop(struct console *console) {
    screen_free(console->screen);
    control_server_free(console->control);
    device_link_close(&console->link);
}

// Themes stand above the program when it runs from its build folder, in share/ where it was
// installed.
static void find_themes(struct console *console) {
    static const char *const places[] = {"/../themes", "/../share/davy/themes"};
    char program[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
    program[len > 0 ? len : 0] = '\0';
    char *slash = strrchr(program, '/');
    for (size_t i = 0; slash && i < COUNT_OF(places) && !console->env.theme_folder; i++) {
        *slash = '\0';
        (void)snprintf(console->themes, sizeof console->themes, "%.4000s%s", program, places[i]);
        if (access(console->themes, R_OK) == 0) {
            console->env.theme_folder = console->themes;
        }
    }
}

static int usage(void) {
    cli_console_usage(stderr);
    return 2;
}

static bool parse(int argc, char **argv, struct console *console) {
    static const struct option options[] = {{"dir", required_argument, NULL, 'd'},
                                            {"lang", required_argument, NULL, 'l'},
                                            {"theme", required_argument, NULL, 't'},
                                            {"slow", no_argument, NULL, 's'},
                                            {"ascii", no_argument, NULL, 'a'},
                                            {"observe", no_argument, NULL, 'o'},
                                            {"sign-in", required_argument, NULL, 'n'},
                                            {"pin-file", required_argument, NULL, 'p'},
                                            {0}};
    console->dir = getenv("DAVY_DIR");
    console->env.term = tui_term_defaults();
    for (int c = 0; c != -1;) {
        c = getopt_long(argc, argv, "", options, NULL);
        if (c == 'd') {
            console->dir = optarg;
        } else if (c == 'l') {
            console->env.language = strncmp(optarg, "zh", 2) == 0 ? "zh_CN" : "en";
            say_language(console->env.language); // also for what is said without a screen
        } else if (c == 't') {
            console->env.theme_path = optarg;
        } else if (c == 's') {
            console->env.term.slow = true;
        } else if (c == 'a') {
            console->env.term.ascii = true;
        } else if (c == 'o') {
            console->env.observe = true;
        } else if (c == 'n') {
            console->number = optarg;
        } else if (c == 'p') {
            console->pin_file = optarg;
        } else if (c == '?') {
            return false;
        }
    }
    return optind == argc && console->dir && !console->number == !console->pin_file;
}

static int console_main(int argc, char **argv) {
    struct console *console = calloc(1, sizeof *console);
    struct refusal refusal = {0};
    if (!console || !parse(argc, argv, console)) {
        free(console);
        return usage();
    }
    find_themes(console);
    (void)snprintf(console->settings, sizeof console->settings, "%.4000s/console.ini",
                   console->dir);
    console->env.settings_path = console->settings;
    enum rc rc = start(console, &refusal);
    if (rc == RC_OK) {
        rc = run(console);
    }
    const char *why = console->why;
    bool hung_up = rc == RC_IO && console->screen && console->stop;
    stop(console);
    free(console);
    if (rc != RC_OK && !hung_up) {
        char text[512];
        const char *said =
            refusal.code != REFUSAL_NONE ? say_refusal(&refusal, text, sizeof text) : say_rc(rc);
        (void)fprintf(stderr, "davy: %s\n", why ? why : said);
        return 1;
    }
    return 0;
}

// Every command's help comes from the command line's tables.
static bool wants_help(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv) {
    // A fixed threshold: the rows of a large list go back to the system when its screen closes.
    (void)mallopt(M_MMAP_THRESHOLD, 131072);
    // UTF-8 for width and input; numbers always with a point. gettext translates in no "C" locale.
    if (!setlocale(LC_ALL, "") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0) {
        (void)setlocale(LC_CTYPE, "C.UTF-8");
    }
    const char *messages = setlocale(LC_MESSAGES, NULL);
    if (!messages || strcmp(messages, "C") == 0 || strcmp(messages, "POSIX") == 0) {
        (void)setlocale(LC_MESSAGES, "C.UTF-8");
    }
    (void)setlocale(LC_NUMERIC, "C");
    const char *lang = getenv("LANGUAGE");
    lang = lang && *lang ? lang : getenv("LC_ALL");
    lang = lang && *lang ? lang : getenv("LANG");
    say_language(lang && strncmp(lang, "zh", 2) == 0 ? "zh_CN" : "en");
    os_harden();
    if (keys_init() != RC_OK) {
        (void)fprintf(stderr, "davy: libsodium cannot start\n");
        return 1;
    }
    if (argc > 1 && strcmp(argv[1], "join") == 0 && !wants_help(argc, argv)) {
        return main_join(argc - 1, argv + 1);
    }
    if (argc > 1 && strcmp(argv[1], "first-use") == 0 && !wants_help(argc, argv)) {
        return main_first_use(argc - 1, argv + 1);
    }
    return cli_wanted(argc, argv) ? cli_main(argc, argv) : console_main(argc, argv);
}
