#include "cli/cli_priv.h"

static const struct cli_column columns[] = {{"number", NULL, false}, {"code", NULL, false}};

// The roster is looked up beside the owner; the hub keeps the code as a key only.
static int find_person(struct cli *cli, struct rid *out_person, struct rid *out_device) {
    struct session session;
    int code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK) {
        code = cli_person(&session, cli->args[0], out_person);
    }
    if (code == CLI_OK && cli->value[OPT_DEVICE]) {
        code = cli_device(&session, cli->value[OPT_DEVICE], out_device);
    }
    session_close(&session);
    return code;
}

static int print(struct cli *cli, const char *digits) {
    struct cli_list list;
    list_start(&list, cli, columns, COUNT_OF(columns));
    list_text(&list, cli->args[0]);
    list_text(&list, digits);
    list_row(&list);
    cli_say(cli, "%s", digits);
    if (!cli->json) {
        (void)fprintf(cli->io.err, "%s\n",
                      _("good for one first use within a day; tell it to that person alone"));
    }
    return list_finish(&list);
}

int cmd_person_code(struct cli *cli) {
    struct rid person;
    struct rid device = {{{0}}};
    char digits[32];
    int code = find_person(cli, &person, &device);
    if (code == CLI_OK) {
        code = cli_code(cli, person, device, digits);
    }
    if (code == CLI_OK) {
        code = print(cli, digits);
    }
    keys_wipe(digits, sizeof digits);
    return code;
}
