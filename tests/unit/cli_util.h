// Runs one command as the program would, with what it wrote.
#ifndef DAVY_TEST_CLI_UTIL_H
#define DAVY_TEST_CLI_UTIL_H

#include "test_util.h"

#include "cli/cli_priv.h"

#define CLI_TEST_ARGS 24

struct said {
    int code;
    char *out;
    char *err;
};

static inline void said_free(struct said *said) {
    free(said->out);
    free(said->err);
    *said = (struct said){0};
}

// Arguments in one text, parted by blanks; single quotes keep blanks.
static inline struct said run_text(const char *text) {
    char words[1024];
    char *argv[CLI_TEST_ARGS] = {"davy"};
    int argc = 1;
    size_t len = 0;
    assert_true(strlen(text) < sizeof words);
    for (const char *at = text; *at != '\0';) {
        at += strspn(at, " ");
        char quote = *at == '\'' ? '\'' : ' ';
        at += quote == '\'';
        size_t word = quote == '\'' ? strcspn(at, "'") : strcspn(at, " ");
        assert_true(argc + 1 < CLI_TEST_ARGS);
        memcpy(words + len, at, word);
        words[len + word] = '\0';
        argv[argc++] = words + len;
        len += word + 1;
        at += word + (quote == '\'');
    }
    struct said said = {0};
    size_t out_bytes = 0;
    size_t err_bytes = 0;
    struct cli_io io = {.out = open_memstream(&said.out, &out_bytes),
                        .err = open_memstream(&said.err, &err_bytes),
                        .cost = pin_cost_test};
    assert_non_null(io.out);
    assert_non_null(io.err);
    said.code = cli_run(&io, argc, argv);
    assert_int_equal(fclose(io.out), 0);
    assert_int_equal(fclose(io.err), 0);
    return said;
}

static inline struct said run(const char *format, ...) DAVY_PRINTF(1, 2);
static inline struct said run(const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    assert_true(vsnprintf(text, sizeof text, format, args) < (int)sizeof text);
    va_end(args);
    return run_text(text);
}

static inline void assert_said(const char *text, const char *part) {
    if (strstr(text, part) == NULL) {
        print_error("\"%s\" is not in:\n%s\n", part, text);
        fail();
    }
}

static inline void assert_silent(const char *text, const char *part) {
    if (strstr(text, part) != NULL) {
        print_error("\"%s\" is in:\n%s\n", part, text);
        fail();
    }
}

#endif
