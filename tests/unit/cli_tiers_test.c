// davy child, parent, order: cards and passes between two folders without davyd, lists, refusals.
#include "cli_util.h"

#include "davy/link/os.h"

#define TEXT_BYTES 1200

// The PINs here protect nothing: their keys are wrapped fast.
bool keyfile_test_costs(void);
bool keyfile_test_costs(void) {
    return true;
}

struct pair {
    char folder[TEST_PATH_BYTES], low[TEST_PATH_BYTES], high[TEST_PATH_BYTES],
        password[TEST_PATH_BYTES];
};

static void expect(struct said said, int code, const char *out_part, const char *err_part) {
    if (said.code != code) {
        print_error("exit code %d, not %d\n%s%s\n", said.code, code, said.out, said.err);
    }
    assert_int_equal(said.code, code);
    assert_said(said.out, out_part);
    assert_said(said.err, err_part);
    said_free(&said);
}

static void first_line(struct said said, char out[static TEXT_BYTES]) {
    assert_int_equal(said.code, CLI_OK);
    (void)snprintf(out, TEXT_BYTES, "%.*s", (int)strcspn(said.out, "\n"), said.out);
    said_free(&said);
}

static void card_of(const char *folder, char out[static TEXT_BYTES]) {
    first_line(run("child card --dir %s", folder), out);
}

static void pass_for(const struct pair *pair, char out[static TEXT_BYTES]) {
    char card[TEXT_BYTES];
    card_of(pair->low, card);
    first_line(run("child add %s --broker 127.0.0.1:1883 --account low --password-file %s --demo "
                   "--dir %s",
                   card, pair->password, pair->high),
               out);
}

static int setup(void **state) {
    struct pair *pair = calloc(1, sizeof *pair);
    assert_non_null(pair);
    test_folder_make(pair->folder);
    test_path(pair->folder, "low", pair->low);
    test_path(pair->folder, "high", pair->high);
    test_path(pair->folder, "password", pair->password);
    assert_int_equal(os_file_write(pair->password, slice_text("secret\n"), 0600), RC_OK);
    expect(run("site init --name Low --demo --dir %s", pair->low), CLI_OK, "", "");
    expect(run("site init --name High --demo --dir %s", pair->high), CLI_OK, "", "");
    *state = pair;
    return 0;
}

static int teardown(void **state) {
    struct pair *pair = *state;
    test_folder_remove(pair->folder);
    free(pair);
    return 0;
}

static void two_hubs_exchange_texts(void **state) {
    struct pair *pair = *state;
    char pass[TEXT_BYTES];
    expect(run("child list --dir %s", pair->high), CLI_OK, "no hubs below", "");
    expect(run("parent list --dir %s", pair->low), CLI_OK, "no hub above", "");
    pass_for(pair, pass);
    expect(run("parent add %s --orders remark.add --demo --dir %s", pass, pair->low), CLI_OK,
           "High", "");
    expect(run("parent list --json --dir %s", pair->low), CLI_OK,
           "\"name\":\"High\",\"account\":\"low\",\"relayed\":false,\"link\":\"offline\"", "");
    expect(run("child list --json --dir %s", pair->high), CLI_OK, "\"name\":\"Low\"", "");
    expect(run("device list --dir %s", pair->high), CLI_OK, "hub below", "");
    expect(run("device list --dir %s", pair->low), CLI_OK, "hub above", "");
    expect(run("order list --dir %s", pair->low), CLI_OK, "no orders", "");
    expect(run("parent add %s --demo --dir %s", pass, pair->low), CLI_FAILED, "", "already");
}

static void other_texts_are_refused(void **state) {
    struct pair *pair = *state;
    char card[TEXT_BYTES], own[TEXT_BYTES], pass[TEXT_BYTES];
    card_of(pair->low, card);
    card_of(pair->high, own);
    expect(run("child add %s --demo --dir %s", own, pair->high), CLI_FAILED, "", "itself");
    expect(run("child add %.40s --demo --dir %s", card, pair->high), CLI_FAILED, "", "not whole");
    expect(run("child add DAVY1-AA --demo --dir %s", pair->high), CLI_FAILED, "", "another text");
    expect(run("parent add %s --demo --dir %s", card, pair->low), CLI_FAILED, "", "another text");
    expect(run("child add %s --broker nowhere --demo --dir %s", card, pair->high), CLI_USAGE, "",
           "--broker");
    expect(run("child add %s --broker 127.0.0.1:1 --demo --dir %s", card, pair->high), CLI_USAGE,
           "", "password-file");
    pass_for(pair, pass);
    expect(run("child add %s --demo --dir %s", card, pair->high), CLI_FAILED, "", "already");
    expect(run("parent add %s --demo --dir %s", pass, pair->high), CLI_FAILED, "", "itself");
    expect(run("parent add %s --orders device.add --demo --dir %s", pass, pair->low), CLI_FAILED,
           "", "no kind of record");
    expect(run("parent add %s --orders remark.add,x --demo --dir %s", pass, pair->low), CLI_FAILED,
           "", "x is no kind");
    expect(run("parent add %s --audience site --demo --dir %s", pass, pair->low), CLI_USAGE, "",
           "park or city");
    expect(run("parent list --dir %s", pair->low), CLI_OK, "no hub above", "");
}

int main(void) {
    say_language("en");
    assert_int_equal(keys_init(), RC_OK);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(two_hubs_exchange_texts, setup, teardown),
        cmocka_unit_test_setup_teardown(other_texts_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
