#include "cli/cli_priv.h"

#include "davy/link/os.h"

#include <string.h>

static const struct cli_column columns[] = {
    {"number", N_("Number"), false}, {"key", N_("Key"), false}, {"device", N_("Device"), false}};

// Those that are still good, everywhere or on one device.
static uint8_t keys_of(struct session *session, struct rid person, const struct rid *device,
                       struct roster_key out[ROSTER_PERSON_KEYS_MAX]) {
    const struct roster_person *row = roster_person(app_roster(session->app), person);
    uint8_t count = 0;
    for (uint8_t i = 0; row && i < row->key_count; i++) {
        if (!row->keys[i].revoked && (!device || rid_equal(row->keys[i].device, *device))) {
            out[count++] = row->keys[i];
        }
    }
    return count;
}

static int revoke_one(struct session *session, struct rid person, const struct roster_key *key,
                      const struct revoke_spec *spec, struct cli_list *list) {
    struct key_id id = key_id_of(&key->key);
    const struct roster_device *device = roster_device(app_roster(session->app), key->device);
    enum rc rc = app_key_revoke(session->app, person, id, spec, os_now(), &session->refusal);
    if (rc != RC_OK) {
        return cli_fail_rc(session->cli, rc, &session->refusal);
    }
    list_text(list, session->cli->args[0]);
    list_id(list, id.id);
    list_text(list, device ? device->account : "");
    list_row(list);
    return CLI_OK;
}

static int revoke_keys(struct session *session, struct rid person, const struct rid *device,
                       const struct revoke_spec *spec) {
    struct cli *cli = session->cli;
    struct roster_key keys[ROSTER_PERSON_KEYS_MAX];
    struct cli_list list;
    uint8_t count = keys_of(session, person, device, keys);
    if (count == 0) {
        return cli_fail(cli, _("number %s has no key there"), cli->args[0]);
    }
    list_start(&list, cli, columns, COUNT_OF(columns));
    int code = CLI_OK;
    for (uint8_t i = 0; i < count && code == CLI_OK; i++) {
        code = revoke_one(session, person, &keys[i], spec, &list);
        if (code == CLI_OK && i + 1 < count) {
            code = session_again(session);
        }
    }
    int shown = list_finish(&list);
    return code == CLI_OK ? shown : code;
}

int cmd_person_revoke(struct cli *cli) {
    struct session session;
    struct rid person;
    struct rid device;
    struct revoke_spec spec = {.reason = NULL};
    int code = cli_reason(cli, &spec.reason);
    if (code == CLI_OK) {
        code = cli_when(cli, OPT_SINCE, false, &spec.since);
    }
    if (code != CLI_OK) {
        return code;
    }
    code = session_open(cli, SESSION_ACT, &session);
    if (code == CLI_OK) {
        code = cli_person(&session, cli->args[0], &person);
    }
    if (code == CLI_OK && cli->value[OPT_DEVICE]) {
        code = cli_device(&session, cli->value[OPT_DEVICE], &device);
    }
    if (code == CLI_OK) {
        code = session_sign_in_root(&session);
    }
    if (code == CLI_OK) {
        code = revoke_keys(&session, person, cli->value[OPT_DEVICE] ? &device : NULL, &spec);
    }
    session_close(&session);
    return code;
}
