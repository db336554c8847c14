#include "cli/cli_priv.h"
#include "cli/joins_priv.h"

#include "davy/link/os.h"

#include <string.h>

static const struct cli_column columns[] = {
    {"device", NULL, false}, {"name", NULL, false}, {"account", NULL, false}};

static int find_join(struct session *session, const char *code_text, struct join_row *out_row) {
    struct cli *cli = session->cli;
    struct buf answer;
    struct slice text;
    bool found = false;
    buf_init(&answer, LIMIT_CONTROL_MESSAGE_BYTES);
    int code = session_ask(session, CONTROL_JOINS, slice_of(NULL, 0), &answer, &text);
    if (code == CLI_OK) {
        struct reader in = reader_of(text);
        uint64_t count = reader_varint(&in);
        for (uint64_t i = 0; i < count && !found && join_next(&in, out_row); i++) {
            found = strcmp(out_row->code, code_text) == 0;
        }
    }
    buf_fini(&answer);
    if (code == CLI_OK && !found) {
        code = cli_fail(cli,
                        _("no device shows the code %s: compare it with the device's screen and "
                          "with davy device joins"),
                        code_text);
    }
    return code;
}

static int confirm(struct session *session, const struct join_row *row) {
    struct cli *cli = session->cli;
    struct cli_list list;
    struct rid device;
    enum rc rc = app_device_add(session->app, row->name, (enum device_kind)row->kind, &row->key,
                                row->account, os_now(), &device, &session->refusal);
    if (rc != RC_OK) {
        return cli_fail_rc(cli, rc, &session->refusal);
    }
    list_start(&list, cli, columns, COUNT_OF(columns));
    list_id(&list, device.id);
    list_text(&list, row->name);
    list_text(&list, row->account);
    list_row(&list);
    cli_say(cli, _("%s is enrolled; people sign in there with a code: davy person code NUMBER"),
            row->name);
    return list_finish(&list);
}

int cmd_device_confirm(struct cli *cli) {
    struct session session;
    struct join_row row;
    char digits[16];
    if (text_fold(cli->args[0], digits, sizeof digits) != RC_OK || strlen(digits) != 6 ||
        strspn(digits, "0123456789") != 6) {
        return cli_fail_usage(cli, "%s", _("the code has six digits"));
    }
    int code = session_open(cli, SESSION_ACT, &session);
    if (code == CLI_OK && !session_is_hub(&session)) {
        code = cli_fail(cli, "%s", _("this is not the hub's folder: run it on the hub"));
    }
    if (code == CLI_OK) {
        code = find_join(&session, digits, &row);
    }
    if (code == CLI_OK) {
        code = session_sign_in(&session, true);
    }
    if (code == CLI_OK) {
        code = confirm(&session, &row);
    }
    session_close(&session);
    return code;
}
