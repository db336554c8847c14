#include "cli/cli_priv.h"

#include <string.h>

#define NAME_COLS 26

// Pads by columns: help is Chinese, too.
static void put_padded(FILE *out, const char *text, int cols) {
    int used = text_cols(text);
    (void)fprintf(out, "  %s%*s", text, used < cols ? cols - used : 1, "");
}

static void put_command(FILE *out, const struct cli_command *command) {
    char head[96];
    const char *args = command->args[0] != '\0' ? _(command->args) : "";
    (void)snprintf(head, sizeof head, "%s%s%s", command->words, args[0] != '\0' ? " " : "", args);
    put_padded(out, head, NAME_COLS);
    (void)fprintf(out, "%s\n", _(command->help));
}

static void put_option(FILE *out, enum cli_opt id) {
    const struct cli_option *option = &cli_options[id];
    char head[96];
    (void)snprintf(head, sizeof head, "--%s%s%s", option->name, option->value ? " " : "",
                   option->value ? _(option->value) : "");
    put_padded(out, head, NAME_COLS);
    (void)fprintf(out, "%s\n", _(option->help));
}

static void put_global_options(FILE *out) {
    for (int i = 1; i <= OPT_GLOBAL_LAST; i++) {
        put_option(out, (enum cli_opt)i);
    }
}

static void put_console_options(FILE *out) {
    for (const uint8_t *option = cli_console_options; *option != OPT_NONE; option++) {
        put_option(out, (enum cli_opt) * option);
    }
}

void help_usage_line(FILE *out, const struct cli_command *command) {
    (void)fprintf(out, _("usage: davy %s"), command->words);
    if (command->options[0] != OPT_NONE) {
        (void)fprintf(out, " [%s]", _("options"));
    }
    (void)fprintf(out, "%s%s\n", command->args[0] != '\0' ? " " : "",
                  command->args[0] != '\0' ? _(command->args) : "");
}

void help_command(FILE *out, const struct cli_command *command) {
    help_usage_line(out, command);
    (void)fprintf(out, "%s\n\n", _(command->help));
    for (int i = 0; i < CLI_COMMAND_OPTIONS && command->options[i] != OPT_NONE; i++) {
        put_option(out, (enum cli_opt)command->options[i]);
    }
    put_global_options(out);
}

static bool in_group(const struct cli_command *command, const char *word) {
    size_t len = strlen(word);
    return strncmp(command->words, word, len) == 0 &&
           (command->words[len] == ' ' || command->words[len] == '\0');
}

bool help_has_group(const char *word) {
    for (size_t i = 0; i < cli_command_count; i++) {
        if (!cli_commands[i].hidden && in_group(&cli_commands[i], word)) {
            return true;
        }
    }
    return false;
}

void help_group(FILE *out, const char *word) {
    if (!help_has_group(word)) {
        help_all(out);
        return;
    }
    for (size_t i = 0; i < cli_command_count; i++) {
        if (!cli_commands[i].hidden && in_group(&cli_commands[i], word)) {
            put_command(out, &cli_commands[i]);
        }
    }
}

void help_all(FILE *out) {
    (void)fprintf(out, "%s\n\n",
                  _("usage: davy [--dir DIR]                    opens the console\n"
                    "       davy COMMAND [options] [arguments]  does one thing"));
    for (size_t i = 0; i < cli_command_count; i++) {
        if (!cli_commands[i].hidden) {
            put_command(out, &cli_commands[i]);
        }
    }
    (void)fprintf(out, "\n");
    put_global_options(out);
    (void)fprintf(out, "\n%s\n", _("the console:"));
    put_console_options(out);
}

void cli_console_usage(FILE *out) {
    (void)fprintf(out, "%s\n\n", _("usage: davy --dir DIR [options]   opens the console"));
    put_console_options(out);
    put_global_options(out);
}

int cmd_help(struct cli *cli) {
    int words = 0;
    const struct cli_command *command = cli_command_find(cli->arg_count, cli->args, &words);
    if (command) {
        help_command(cli->io.out, command);
    } else if (cli->arg_count > 0) {
        help_group(cli->io.out, cli->args[0]);
    } else {
        help_all(cli->io.out);
    }
    return CLI_OK;
}

// ---- Completion: the words so far, the last one unfinished; one candidate a line ----

static void offer(FILE *out, const char *text, const char *begun) {
    if (strncmp(text, begun, strlen(begun)) == 0) {
        (void)fprintf(out, "%s\n", text);
    }
}

static void offer_option(FILE *out, enum cli_opt id, const char *begun) {
    char text[64];
    (void)snprintf(text, sizeof text, "--%s", cli_options[id].name);
    offer(out, text, begun);
}

static void offer_options(FILE *out, const struct cli_command *command, const char *begun) {
    for (int i = 0; i < CLI_COMMAND_OPTIONS && command->options[i] != OPT_NONE; i++) {
        offer_option(out, (enum cli_opt)command->options[i], begun);
    }
    for (int i = 1; i <= OPT_GLOBAL_LAST; i++) {
        offer_option(out, (enum cli_opt)i, begun);
    }
}

// First words (once each), or the second words of a group.
static void offer_words(FILE *out, const char *group, const char *begun) {
    const char *before = "";
    size_t before_len = 0;
    for (size_t i = 0; i < cli_command_count; i++) {
        const char *words = cli_commands[i].words;
        size_t first = strcspn(words, " ");
        if (cli_commands[i].hidden) {
            continue;
        }
        if (group) {
            if (words[first] == ' ' && strlen(group) == first &&
                strncmp(words, group, first) == 0) {
                offer(out, words + first + 1, begun);
            }
        } else if (first != before_len || strncmp(words, before, first) != 0) {
            char word[32];
            (void)snprintf(word, sizeof word, "%.*s", (int)first, words);
            offer(out, word, begun);
        }
        before = words;
        before_len = first;
    }
}

int cmd_complete(struct cli *cli) {
    int words = 0;
    int last = cli->arg_count > 0 ? cli->arg_count - 1 : 0;
    const char *begun = cli->arg_count > 0 ? cli->args[last] : "";
    int done = 0; // words that are neither options nor their values
    for (int i = 0; i < last; i++) {
        if (cli->args[i][0] != '-') {
            cli->args[done++] = cli->args[i];
        } else if (cli_takes_next(cli->args[i])) {
            i++;
        }
    }
    const struct cli_command *command = cli_command_find(done, cli->args, &words);
    if (command) {
        offer_options(cli->io.out, command, begun);
    } else if (done == 0 && begun[0] == '-') {
        for (const uint8_t *option = cli_console_options; *option != OPT_NONE; option++) {
            offer_option(cli->io.out, (enum cli_opt) * option, begun);
        }
        for (int i = 1; i <= OPT_GLOBAL_LAST; i++) {
            offer_option(cli->io.out, (enum cli_opt)i, begun);
        }
    } else if (done <= 1) {
        offer_words(cli->io.out, done == 1 ? cli->args[0] : NULL, begun);
    }
    return CLI_OK;
}
