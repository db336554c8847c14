#include "cli/cli_priv.h"

#include <stdlib.h>
#include <string.h>

#define PAIRS_MAX 256 // people times devices of one shift

struct pair {
    struct rid person, device;
    const char *number;
    char account[LIMIT_TAG_BYTES + 1];
    char name[LIMIT_NAME_BYTES + 1];
};
struct shift {
    struct pair pairs[PAIRS_MAX];
    uint32_t count;
};

static const struct cli_column columns[] = {{"number", N_("Number"), false},
                                            {"name", N_("Name"), false},
                                            {"account", N_("Device"), false},
                                            {"code", N_("Code"), false}};

static bool holds_key(const struct roster_person *person, struct rid device) {
    for (uint8_t i = 0; i < person->key_count; i++) {
        if (!person->keys[i].revoked && rid_equal(person->keys[i].device, device)) {
            return true;
        }
    }
    return false;
}

// Everybody on one device, but those who have a key there.
static int take_device(struct session *session, const char *account, struct shift *shift) {
    struct cli *cli = session->cli;
    struct rid device;
    int code = cli_device(session, account, &device);
    for (int i = 0; i < cli->arg_count && code == CLI_OK; i++) {
        struct rid person;
        code = cli_person(session, cli->args[i], &person);
        const struct roster_person *row =
            code == CLI_OK ? roster_person(app_roster(session->app), person) : NULL;
        if (!row || holds_key(row, device)) {
            continue;
        }
        if (shift->count == PAIRS_MAX) {
            return cli_fail(cli, "%s", _("too many people and devices at once"));
        }
        struct pair *pair = &shift->pairs[shift->count++];
        *pair = (struct pair){.person = person, .device = device, .number = cli->args[i]};
        (void)snprintf(pair->account, sizeof pair->account, "%s", account);
        memcpy(pair->name, row->name, sizeof pair->name);
    }
    return code;
}

static int take_devices(struct session *session, struct shift *shift) {
    char text[1024];
    char *rest = text;
    int code = CLI_OK;
    (void)snprintf(text, sizeof text, "%s", session->cli->value[OPT_DEVICES]);
    for (char *at = strsep(&rest, ","); at && code == CLI_OK; at = strsep(&rest, ",")) {
        code = take_device(session, at, shift);
    }
    return code;
}

static int print(struct cli *cli, struct shift *shift) {
    struct cli_list list;
    int code = CLI_OK;
    list_start(&list, cli, columns, COUNT_OF(columns));
    for (uint32_t i = 0; i < shift->count && code == CLI_OK; i++) {
        const struct pair *pair = &shift->pairs[i];
        char digits[32];
        code = cli_code(cli, pair->person, pair->device, digits);
        if (code == CLI_OK) {
            list_text(&list, pair->number);
            list_text(&list, pair->name);
            list_text(&list, pair->account);
            list_text(&list, digits);
            list_row(&list);
        }
        keys_wipe(digits, sizeof digits);
    }
    int shown = list_finish(&list);
    if (shift->count == 0) {
        cli_say(cli, "%s", _("everybody has a key there already"));
    }
    return code == CLI_OK ? shown : code;
}

int cmd_shift_prepare(struct cli *cli) {
    struct session session;
    if (!cli->value[OPT_DEVICES] || strlen(cli->value[OPT_DEVICES]) >= 1024) {
        return cli_fail_usage(cli, _("--%s is needed"), "devices");
    }
    struct shift *shift = calloc(1, sizeof *shift);
    if (!shift) {
        return cli_fail_rc(cli, RC_NO_MEMORY, NULL);
    }
    int code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK) {
        code = take_devices(&session, shift);
    }
    session_close(&session);
    if (code == CLI_OK) {
        code = print(cli, shift);
    }
    free(shift);
    return code;
}
