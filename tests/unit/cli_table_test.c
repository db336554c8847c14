// The tables of commands and options, and what parsing, help and completion make of them.
#include "cli_util.h"

#include <locale.h>

static void test_rows_are_whole(void **state) {
    (void)state;
    for (int i = 1; i < OPT_COUNT; i++) {
        assert_non_null(cli_options[i].name);
        assert_true(cli_options[i].help[0] != '\0');
    }
    for (size_t i = 0; i < cli_command_count; i++) {
        const struct cli_command *command = &cli_commands[i];
        assert_true(command->args_max == UINT8_MAX || command->args_min <= command->args_max);
        assert_int_equal(command->args_max > 0 && !command->hidden, command->args[0] != '\0');
        assert_true(command->hidden || command->help[0] != '\0');
        for (size_t j = i + 1; j < cli_command_count; j++) {
            assert_string_not_equal(command->words, cli_commands[j].words);
        }
    }
}

// A name means one thing within a command.
static void test_names_are_unambiguous(void **state) {
    (void)state;
    for (size_t i = 0; i < cli_command_count; i++) {
        const uint8_t *options = cli_commands[i].options;
        for (int a = 0; a < CLI_COMMAND_OPTIONS && options[a] != OPT_NONE; a++) {
            assert_true(options[a] > OPT_GLOBAL_LAST && options[a] < OPT_COUNT);
            const char *name = cli_options[options[a]].name;
            assert_int_equal(cli_option_find(&cli_commands[i], name), options[a]);
            for (int b = a + 1; b < CLI_COMMAND_OPTIONS && options[b] != OPT_NONE; b++) {
                assert_string_not_equal(name, cli_options[options[b]].name);
            }
        }
        assert_int_equal(cli_option_find(&cli_commands[i], "json"), OPT_JSON);
        assert_int_equal(cli_option_find(&cli_commands[i], "nonsense"), OPT_NONE);
    }
}

static void test_every_command_is_found(void **state) {
    (void)state;
    for (size_t i = 0; i < cli_command_count; i++) {
        char words[64];
        char *argv[3] = {words, NULL, "rest"};
        int count = 0;
        (void)snprintf(words, sizeof words, "%s", cli_commands[i].words);
        char *blank = strchr(words, ' ');
        argv[1] = "rest";
        if (blank) {
            *blank = '\0';
            argv[1] = blank + 1;
        }
        assert_ptr_equal(cli_command_find(3, argv, &count), &cli_commands[i]);
        assert_int_equal(count, blank ? 2 : 1);
        if (blank) {
            assert_ptr_not_equal(cli_command_find(1, argv, &count), &cli_commands[i]);
        }
    }
}

// Help and completion name every command that is not hidden, in both languages alike.
static void test_help_names_all(void **state) {
    (void)state;
    struct said all = run("help");
    assert_int_equal(all.code, CLI_OK);
    for (size_t i = 0; i < cli_command_count; i++) {
        const struct cli_command *command = &cli_commands[i];
        if (command->hidden) {
            continue;
        }
        assert_said(all.out, command->words);
        struct said one = run("help %s", command->words);
        assert_int_equal(one.code, CLI_OK);
        assert_said(one.out, command->words);
        for (int o = 0; o < CLI_COMMAND_OPTIONS && command->options[o] != OPT_NONE; o++) {
            assert_said(one.out, cli_options[command->options[o]].name);
        }
        struct said same = run("%s --help", command->words);
        assert_int_equal(same.code, CLI_OK);
        assert_string_equal(same.out, one.out);
        said_free(&same);
        said_free(&one);
    }
    assert_silent(all.out, "  complete");
    said_free(&all);
}

static void test_completion(void **state) {
    (void)state;
    static const struct {
        const char *words;
        const char *out;
    } rows[] = {
        {"complete -- al", "alarm\n"},
        {"complete -- s", "sync\nsite\nshift\n"},
        {"complete -- alarm ''", "list\nshow\nack\ncomment\nreplay\n"},
        {"complete -- person c", "code\n"},
        {"complete -- alarm list --un", "--unacked\n"},
        {"complete -- verify --j", "--json\n"},
        {"complete -- --dir /x ta", "tag\n"},
        {"complete -- --dir=/x --json tag l", "list\n"},
        {"complete -- nonsense ''", ""},
        {"complete -- comp", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct said said = run_text(rows[i].words);
        assert_int_equal(said.code, CLI_OK);
        assert_string_equal(said.out, rows[i].out);
        said_free(&said);
    }
}

static void test_wanted(void **state) {
    (void)state;
    static const struct {
        const char *argv[5];
        bool wanted;
    } rows[] = {
        {{"davy"}, false},
        {{"davy", "--dir", "log"}, false}, // the folder's name
        {{"davy", "--dir=x", "--lang", "zh"}, false},
        {{"davy", "log"}, true},
        {{"davy", "--dir", "x", "log"}, true},
        {{"davy", "--help"}, true},
        {{"davy", "--version"}, true},
        {{"davy", "nonsense"}, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        int argc = 0;
        while (argc < 5 && rows[i].argv[argc]) {
            argc++;
        }
        assert_int_equal(cli_wanted(argc, (char **)rows[i].argv), rows[i].wanted);
    }
}

// Wrong usage: exit code 2, one sentence that names what is wrong, nothing on stdout.
static void test_wrong_usage(void **state) {
    (void)state;
    static const struct {
        const char *words;
        const char *named;
    } rows[] = {
        {"nonsense", "nonsense"},
        {"alarm lst", "alarm lst"},
        {"alarm", "alarm ack"},
        {"complet", "complet"},
        {"alarm list --bogus", "--bogus"},
        {"alarm list --area", "--area"},
        {"alarm list --priority 5", "--priority"},
        {"alarm list --priority -1", "--priority"},
        {"alarm list --priority 1e0", "--priority"},
        {"alarm list --limit 99999999999999999999", "--limit"},
        {"alarm list extra", "extra"},
        {"alarm show", "usage"},
        {"alarm show a b", "b"},
        {"alarm comment a", "usage"},
        {"alarm replay x.dat", "--plant"},
        {"alarm replay --sample-s 0 --plant p x.dat", "--sample-s"},
        {"tag history", "usage"},
        {"tag history T --raw --buckets 3", "--buckets"},
        {"log --record 1234 subject", "--record"},
        {"log --limit 0", "--limit"},
        {"verify --lang fr", "fr"},
        {"person grant 1 king", "king"},
        {"person grant 1 root", "root"},
        {"device confirm 12345", "six"},
        {"device confirm 12345a", "six"},
        {"device invite --name n --broker 1.2.3.4:1 --account a", "--password-file"},
        {"device invite --account a", "--name"},
        {"broker account", "few"},
        {"broker account a/b --topics x/#", "letters"},
        {"broker account a --topics '#'", "--topics"},
        {"broker account a --topics davy/x", "--topics"},
        {"broker account a", "--topics"},
        {"device invite --name n --broker nowhere --account a --password-file p", "--broker"},
        {"device invite --name n --broker h:0 --account a --password-file p", "--broker"},
        {"device invite --name n --broker 1.2.3.4:1 --account 'a/b' --password-file p",
         "--account"},
        {"device invite --name n --kind x --broker 1.2.3.4:1 --account a --password-file p",
         "--kind"},
        {"person add --demo-pin 1", "--demo-pin"},
        {"join --invite x --json", "join"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct said said = run_text(rows[i].words);
        if (said.code != CLI_USAGE) {
            print_error("%s: %d\n", rows[i].words, said.code);
        }
        assert_int_equal(said.code, CLI_USAGE);
        assert_string_equal(said.out, "");
        assert_said(said.err, rows[i].named);
        said_free(&said);
    }
}

// An argument's escapes never reach the terminal.
static void test_unclean_arguments(void **state) {
    (void)state;
    struct said said = run("verify '\033]0;evil\a\xe2\x80\xae'");
    assert_int_equal(said.code, CLI_USAGE);
    assert_silent(said.err, "\033");
    assert_silent(said.err, "\xe2\x80\xae");
    assert_said(said.err, "evil");
    said_free(&said);
    said = run("log --dir '/nonexistent/\033[31m'");
    assert_int_equal(said.code, CLI_FAILED);
    assert_silent(said.err, "\033");
    said_free(&said);
}

static void test_options_before_and_after(void **state) {
    (void)state;
    static const char *const forms[] = {"--dir /nonexistent/x verify",
                                        "verify --dir /nonexistent/x",
                                        "--dir=/nonexistent/x verify --json"};
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        struct said said = run_text(forms[i]);
        assert_int_equal(said.code, CLI_FAILED);
        assert_said(said.err, "/nonexistent/x");
        assert_string_equal(said.out, "");
        said_free(&said);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_whole),
        cmocka_unit_test(test_names_are_unambiguous),
        cmocka_unit_test(test_every_command_is_found),
        cmocka_unit_test(test_help_names_all),
        cmocka_unit_test(test_completion),
        cmocka_unit_test(test_wanted),
        cmocka_unit_test(test_wrong_usage),
        cmocka_unit_test(test_unclean_arguments),
        cmocka_unit_test(test_options_before_and_after),
    };
    if (!setlocale(LC_CTYPE, "C.UTF-8")) {
        return 1;
    }
    say_language("en");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
