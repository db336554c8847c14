#include "cli/cli_priv.h"

#include "davy/keys/keys.h"

#include <string.h>
#include <unistd.h>

static const struct cli_column columns[] = {{"invite", NULL, false}};

static int print(struct cli *cli, struct slice text) {
    struct cli_list list;
    char invite[1024];
    (void)text_clean(text, invite, sizeof invite);
    list_start(&list, cli, columns, COUNT_OF(columns));
    list_text(&list, invite);
    list_row(&list);
    if (!cli->json) {
        (void)fprintf(cli->io.out, "%s\n", invite);
    }
    if (!cli->json && isatty(fileno(cli->io.out))) {
        qr_print(cli->io.out, invite, true);
        (void)fprintf(cli->io.err, "%s\n",
                      _("good for one device within a day; then: davy device joins"));
    }
    return list_finish(&list);
}

static int take_kind(struct cli *cli, uint8_t *out_kind) {
    const char *kind = cli->value[OPT_KIND];
    if (!kind || strcmp(kind, "console") == 0) {
        *out_kind = DEVICE_CONSOLE;
    } else if (strcmp(kind, "handheld") == 0) {
        *out_kind = DEVICE_HANDHELD;
    } else {
        return cli_fail_usage(cli, _("--kind takes console or handheld, not %s"), kind);
    }
    return CLI_OK;
}

// All three by hand, for a broker that others look after; or none of them but the account.
static int take_given_door(struct cli *cli, struct cli_door *out_door) {
    static const enum cli_opt needed[] = {OPT_ACCOUNT, OPT_PASSWORD_FILE};
    char host[LIMIT_TAG_BYTES + 1];
    uint16_t port = 0;
    for (size_t i = 0; i < COUNT_OF(needed); i++) {
        if (!cli->value[needed[i]]) {
            return cli_fail_usage(cli, _("--%s is needed"), cli_options[needed[i]].name);
        }
    }
    if (!cli_broker_parse(cli->value[OPT_BROKER], host, &port)) {
        return cli_fail_usage(cli, "%s", _("--broker takes HOST:PORT with a numeric address"));
    }
    (void)snprintf(out_door->broker, sizeof out_door->broker, "%s", cli->value[OPT_BROKER]);
    (void)snprintf(out_door->account, sizeof out_door->account, "%s", cli->value[OPT_ACCOUNT]);
    return ask_file_line(cli, cli->value[OPT_PASSWORD_FILE], 0, out_door->password,
                         sizeof out_door->password);
}

static int take_payload(struct cli *cli, struct buf *out) {
    struct cli_door door = {0};
    uint8_t kind = 0;
    if (!cli->value[OPT_NAME]) {
        return cli_fail_usage(cli, _("--%s is needed"), "name");
    }
    if (text_check(slice_text(cli->value[OPT_NAME]), LIMIT_NAME_BYTES) != RC_OK ||
        cli->value[OPT_NAME][0] == '\0') {
        return cli_fail_usage(cli,
                              _("--%s is empty, too long or holds characters that cannot be "
                                "shown"),
                              "name");
    }
    if (cli->value[OPT_ACCOUNT] && !cli_is_code(cli->value[OPT_ACCOUNT])) {
        return cli_fail_usage(cli, "%s", _("--account takes letters, digits, - and _"));
    }
    int code = take_kind(cli, &kind);
    if (code == CLI_OK) {
        code = cli->value[OPT_BROKER] ? take_given_door(cli, &door) : cli_broker_invite(cli, &door);
    }
    if (code == CLI_OK) {
        buf_put_text(out, cli->value[OPT_NAME]);
        buf_put_u8(out, kind);
        buf_put_text(out, door.broker);
        buf_put_text(out, door.account);
        buf_put_text(out, door.password);
    }
    keys_wipe(&door, sizeof door);
    return code;
}

int cmd_device_invite(struct cli *cli) {
    struct session session;
    struct buf payload;
    struct buf answer;
    struct slice text;
    buf_init(&payload, LIMIT_CONTROL_MESSAGE_BYTES / 2);
    buf_init(&answer, LIMIT_CONTROL_MESSAGE_BYTES);
    int code = take_payload(cli, &payload);
    if (code == CLI_OK) {
        code = session_open(cli, SESSION_HUB, &session);
        if (code == CLI_OK) {
            code = session_ask(&session, CONTROL_INVITE, buf_slice(&payload), &answer, &text);
        }
        if (code == CLI_OK) {
            code = print(cli, text);
        }
        session_close(&session);
    }
    keys_wipe(payload.data, payload.len);
    keys_wipe(answer.data, answer.len);
    buf_fini(&payload);
    buf_fini(&answer);
    return code;
}
