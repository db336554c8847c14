#include "cli/cli_priv.h"

static const struct cli_column columns[] = {{"number", NULL, false}, {"code", NULL, false}};

// The roster is looked up beside the owner; the hub keeps the code as a key only.
static int find_person(struct cli *cli, struct rid *out_person) {
    struct session session;
    int code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK &&
        !roster_person_by_number(app_roster(session.app), cli->args[0], out_person)) {
        code = cli_fail(cli, _("nobody has the badge number %s; davy person list shows them"),
                        cli->args[0]);
    }
    session_close(&session);
    return code;
}

static int print(struct cli *cli, struct slice text) {
    struct cli_list list;
    char digits[32];
    (void)text_clean(text, digits, sizeof digits);
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
    struct session session;
    struct rid person;
    struct buf answer;
    struct slice text;
    int code = find_person(cli, &person);
    if (code != CLI_OK) {
        return code;
    }
    buf_init(&answer, LIMIT_CONTROL_MESSAGE_BYTES);
    code = session_open(cli, SESSION_HUB, &session);
    if (code == CLI_OK) {
        code = session_ask(&session, CONTROL_CODE, slice_of(person.id.b, ID_BYTES), &answer, &text);
    }
    if (code == CLI_OK) {
        code = print(cli, text);
    }
    buf_fini(&answer);
    session_close(&session);
    return code;
}
