#include "davy/cli/cli.h"

#include "cli/cli_priv.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define VERSION_TEXT "davy 0.1"
#define LONG_BASE 256 // getopt's values of our long options: LONG_BASE + enum cli_opt

bool cli_takes_next(const char *arg) {
    if (strncmp(arg, "--", 2) != 0 || strchr(arg, '=') || arg[2] == '\0') {
        return false;
    }
    for (int i = 1; i < OPT_COUNT; i++) {
        if (strcmp(cli_options[i].name, arg + 2) == 0) {
            return cli_options[i].value != NULL;
        }
    }
    return false;
}

// Index of the first argument that is neither an option nor an option's value; argc if there is
// none.
static int first_word(int argc, char *const *argv) {
    int at = 1;
    while (at < argc && argv[at][0] == '-') {
        at += cli_takes_next(argv[at]) ? 2 : 1;
    }
    return at < argc ? at : argc;
}

bool cli_wanted(int argc, char **argv) {
    int end = first_word(argc, argv);
    for (int i = 1; i < end; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "--version") == 0) {
            return true;
        }
    }
    return end < argc;
}

const struct cli_command *cli_command_find(int argc, char *const *argv, int *out_words) {
    char two[64] = "";
    if (argc > 1) {
        (void)snprintf(two, sizeof two, "%s %s", argv[0], argv[1]);
    }
    for (size_t i = 0; i < cli_command_count && argc > 0; i++) {
        const char *words = cli_commands[i].words;
        bool is_two = strchr(words, ' ') != NULL;
        if (strcmp(words, is_two ? two : argv[0]) == 0) {
            *out_words = is_two ? 2 : 1;
            return &cli_commands[i];
        }
    }
    return NULL;
}

enum cli_opt cli_option_find(const struct cli_command *command, const char *name) {
    for (int i = 0; i < CLI_COMMAND_OPTIONS && command->options[i] != OPT_NONE; i++) {
        if (strcmp(cli_options[command->options[i]].name, name) == 0) {
            return (enum cli_opt)command->options[i];
        }
    }
    for (int i = 1; i <= OPT_GLOBAL_LAST; i++) {
        if (strcmp(cli_options[i].name, name) == 0) {
            return (enum cli_opt)i;
        }
    }
    return OPT_NONE;
}

static void add_option(struct option *options, size_t *count, enum cli_opt id) {
    options[(*count)++] = (struct option){
        .name = cli_options[id].name,
        .has_arg = cli_options[id].value ? required_argument : no_argument,
        .val = LONG_BASE + (int)id,
    };
}

// The options of a command (NULL: only the global ones) in getopt's form.
static void options_of(const struct cli_command *command, struct option *options) {
    size_t count = 0;
    for (int i = 1; i <= OPT_GLOBAL_LAST; i++) {
        add_option(options, &count, (enum cli_opt)i);
    }
    for (int i = 0; command && i < CLI_COMMAND_OPTIONS && command->options[i] != OPT_NONE; i++) {
        add_option(options, &count, (enum cli_opt)command->options[i]);
    }
    options[count] = (struct option){0};
}

static int parse_options(struct cli *cli, int argc, char **argv) {
    struct option options[OPT_GLOBAL_LAST + CLI_COMMAND_OPTIONS + 1];
    options_of(cli->command, options);
    optind = 0;
    opterr = 0;
    for (;;) {
        int at = optind > 0 ? optind : 1;
        int found = getopt_long(argc, argv, ":", options, NULL);
        if (found == -1) {
            return CLI_OK;
        }
        if (found == ':') {
            return cli_fail_usage(cli, _("%s needs a value"), argv[optind - 1]);
        }
        if (found < LONG_BASE) {
            const char *arg = optind > at ? argv[optind - 1] : argv[at];
            return cli_fail_usage(cli, _("unknown option %s"), arg);
        }
        cli->value[found - LONG_BASE] = optarg ? optarg : "";
    }
}

// "zh_CN.UTF-8" -> zh_CN; everything that is not Chinese reads English.
static const char *language_of(const char *text) {
    return text && strncmp(text, "zh", 2) == 0 ? "zh_CN" : "en";
}

static int choose_language(struct cli *cli) {
    const char *given = cli->value[OPT_LANG];
    if (given && strcmp(given, "zh") != 0 && strcmp(given, "zh_CN") != 0 &&
        strcmp(given, "en") != 0) {
        return cli_fail_usage(cli, _("--lang takes zh or en, not %s"), given);
    }
    if (given) {
        say_language(language_of(given));
    }
    return CLI_OK;
}

static int choose_dir(struct cli *cli) {
    const char *given = cli->value[OPT_DIR] ? cli->value[OPT_DIR] : getenv("DAVY_DIR");
    const char *home = getenv("HOME");
    int len = given && given[0] != '\0'
                  ? snprintf(cli->dir, sizeof cli->dir, "%s", given)
                  : snprintf(cli->dir, sizeof cli->dir, "%s/.local/share/davy", home ? home : "");
    if (len < 0 || (size_t)len >= sizeof cli->dir - 32) {
        return cli_fail_usage(cli, _("the path of --dir is too long"));
    }
    return CLI_OK;
}

// Looked for before everything else: already a wrong option is named in the reader's language.
static void guess_language(int argc, char **argv) {
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--lang=", 7) == 0) {
            say_language(language_of(argv[i] + 7));
        } else if (strcmp(argv[i], "--lang") == 0 && i + 1 < argc) {
            say_language(language_of(argv[i + 1]));
        }
    }
}

static int no_command(struct cli *cli, int argc, char **argv, int at) {
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--version") == 0) {
            (void)fprintf(cli->io.out, "%s\n", VERSION_TEXT);
            return CLI_OK;
        }
        if (strcmp(argv[i], "--help") == 0) {
            help_group(cli->io.out, at < argc ? argv[at] : "");
            return CLI_OK;
        }
    }
    if (at >= argc) {
        help_all(cli->io.err);
        return CLI_USAGE;
    }
    bool two = help_has_group(argv[at]) && at + 1 < argc && argv[at + 1][0] != '-';
    (void)cli_fail(cli, _("there is no command %s%s%s"), argv[at], two ? " " : "",
                   two ? argv[at + 1] : "");
    if (help_has_group(argv[at])) {
        help_group(cli->io.err, argv[at]);
    } else {
        (void)fprintf(cli->io.err, "%s\n", _("davy help lists them"));
    }
    return CLI_USAGE;
}

static int run_command(struct cli *cli, int argc, char **argv, int words) {
    int code = parse_options(cli, argc, argv);
    if (code == CLI_OK) {
        code = choose_language(cli);
    }
    if (code == CLI_OK && cli->value[OPT_HELP]) {
        help_command(cli->io.out, cli->command);
        return CLI_OK;
    }
    if (code == CLI_OK && !cli->command->run) {
        code = cli_fail_usage(cli, _("%s must stand before its options"), cli->command->words);
    }
    if (code == CLI_OK) {
        code = choose_dir(cli);
    }
    if (code != CLI_OK) {
        return code;
    }
    cli->json = cli->value[OPT_JSON] != NULL;
    cli->args = argv + optind + words;
    cli->arg_count = argc - optind - words;
    if (cli->arg_count < cli->command->args_min) {
        return cli_fail_usage(cli, _("too few arguments"));
    }
    if (cli->arg_count > cli->command->args_max && cli->command->args_max != UINT8_MAX) {
        return cli_fail_usage(cli, _("too many arguments: %s"), cli->args[cli->command->args_max]);
    }
    code = cli->command->run(cli);
    return code == CLI_OK && cli->incomplete != RC_OK ? cli_fail_rc(cli, cli->incomplete, NULL)
                                                      : code;
}

int cli_run(const struct cli_io *io, int argc, char **argv) {
    struct cli *cli = calloc(1, sizeof *cli);
    char **own = calloc((size_t)argc + 1, sizeof *own); // getopt moves the arguments about
    int code = CLI_FAILED;
    if (!cli || !own) {
        (void)fprintf(io->err, "davy: %s\n", say_rc(RC_NO_MEMORY));
    } else {
        cli->io = *io;
        memcpy(own, argv, (size_t)argc * sizeof *own);
        guess_language(argc, own);
        int words = 0;
        int at = first_word(argc, own);
        cli->command = cli_command_find(argc - at, own + at, &words);
        code = cli->command ? run_command(cli, argc, own, words) : no_command(cli, argc, own, at);
        if (fflush(io->out) != 0 || ferror(io->out)) {
            code =
                code == CLI_OK ? cli_fail(cli, "%s", _("the output could not be written")) : code;
        }
    }
    free(own);
    free(cli);
    return code;
}

int cli_main(int argc, char **argv) {
    (void)umask(077);
    struct cli_io io = {.out = stdout, .err = stderr, .cost = pin_cost_default};
    return cli_run(&io, argc, argv);
}
