#include "cli/cli_priv.h"

#include "davy/link/os.h"

#include <string.h>

struct handing {
    struct rid device, gives, takes;
};

static const struct cli_column columns[] = {
    {"account", NULL, false}, {"takes", NULL, false}, {"code", NULL, false}};

static int find_all(struct session *session, struct handing *out) {
    struct cli *cli = session->cli;
    int code = cli_device(session, cli->args[0], &out->device);
    if (code == CLI_OK) {
        code = cli_person(session, cli->value[OPT_NUMBER_GIVES], &out->gives);
    }
    return code == CLI_OK ? cli_person(session, cli->value[OPT_NUMBER_TAKES], &out->takes) : code;
}

// The key of who gives the device ends there, signed by the admin: that is the trail.
static int end_keys(struct session *session, const struct handing *handing) {
    const struct roster_person *row = roster_person(app_roster(session->app), handing->gives);
    struct roster_key keys[ROSTER_PERSON_KEYS_MAX];
    uint8_t count = 0;
    int code = CLI_OK;
    for (uint8_t i = 0; row && i < row->key_count; i++) {
        if (!row->keys[i].revoked && rid_equal(row->keys[i].device, handing->device)) {
            keys[count++] = row->keys[i];
        }
    }
    for (uint8_t i = 0; i < count && code == CLI_OK; i++) {
        struct revoke_spec spec = {.reason = "handed over"};
        struct key_id key = key_id_of(&keys[i].key);
        enum rc rc =
            app_key_revoke(session->app, handing->gives, key, &spec, os_now(), &session->refusal);
        code = rc == RC_OK ? CLI_OK : cli_fail_rc(session->cli, rc, &session->refusal);
        if (code == CLI_OK && i + 1 < count) {
            code = session_again(session);
        }
    }
    return code;
}

static int report(struct cli *cli, const struct handing *handing) {
    struct cli_list list;
    char digits[32];
    int code = cli_code(cli, handing->takes, handing->device, digits);
    if (code != CLI_OK) {
        return code;
    }
    list_start(&list, cli, columns, COUNT_OF(columns));
    list_text(&list, cli->args[0]);
    list_text(&list, cli->value[OPT_NUMBER_TAKES]);
    list_text(&list, digits);
    list_row(&list);
    cli_say(cli, _("%s goes to number %s; the code for the first use there is %s"), cli->args[0],
            cli->value[OPT_NUMBER_TAKES], digits);
    keys_wipe(digits, sizeof digits);
    return list_finish(&list);
}

int cmd_device_hand(struct cli *cli) {
    struct session session;
    struct handing handing;
    if (!cli->value[OPT_NUMBER_GIVES] || !cli->value[OPT_NUMBER_TAKES]) {
        return cli_fail_usage(cli, _("--%s is needed"),
                              cli->value[OPT_NUMBER_GIVES] ? "takes" : "gives");
    }
    int code = session_open(cli, SESSION_ACT, &session);
    if (code == CLI_OK) {
        code = find_all(&session, &handing);
    }
    if (code == CLI_OK) {
        code = session_sign_in(&session, true);
    }
    if (code == CLI_OK) {
        code = end_keys(&session, &handing);
    }
    session_close(&session);
    return code == CLI_OK ? report(cli, &handing) : code;
}
