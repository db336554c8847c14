// What the commands about people and devices share.
#include "cli/cli_priv.h"

#include "davy/link/os.h"

#include <string.h>

#define DAY_MS INT64_C(86400000)
#define DAY_TEXT_LEN 10 // "2026-11-24"

int cli_person(struct session *session, const char *number, struct rid *out_person) {
    if (roster_person_by_number(app_roster(session->app), number, out_person)) {
        return CLI_OK;
    }
    return cli_fail(session->cli, _("nobody has the badge number %s; davy person list shows them"),
                    number);
}

int cli_device(struct session *session, const char *account, struct rid *out_device) {
    if (roster_device_by_account(app_roster(session->app), account, out_device)) {
        return CLI_OK;
    }
    return cli_fail(session->cli, _("no device has the account %s; davy device list shows them"),
                    account);
}

int cli_reason(struct cli *cli, const char **out_reason) {
    const char *reason = cli->value[OPT_REASON];
    if (!reason) {
        return cli_fail_usage(cli, _("--%s is needed"), "reason");
    }
    if (reason[0] == '\0' || text_check(slice_text(reason), LIMIT_COMMENT_BYTES) != RC_OK) {
        return cli_fail_usage(cli,
                              _("--%s is empty, too long or holds characters that cannot be "
                                "shown"),
                              "reason");
    }
    *out_reason = reason;
    return CLI_OK;
}

int cli_when(struct cli *cli, enum cli_opt option, bool end, struct utc_ms *inout_time) {
    const char *text = cli->value[option];
    struct utc_ms time;
    if (!text) {
        return CLI_OK;
    }
    if (cli_time_parse(text, os_now().utc, &time) != RC_OK || time.v <= 0) {
        return cli_fail_usage(cli, _("--%s takes a day such as 2026-11-24 or a time, not %s"),
                              cli_options[option].name, text);
    }
    if (end && strlen(text) == DAY_TEXT_LEN && text[0] != '-') {
        time.v += DAY_MS;
    }
    *inout_time = time;
    return CLI_OK;
}

int cli_areas(struct session *session, const char *text, struct cli_areas *out_areas) {
    struct cli *cli = session->cli;
    if (!text || text[0] == '\0') {
        out_areas->area[0] = "";
        out_areas->count = 1;
        return CLI_OK;
    }
    if (strlen(text) >= sizeof out_areas->text) {
        return cli_fail_usage(cli, "%s", _("--areas is too long"));
    }
    (void)snprintf(out_areas->text, sizeof out_areas->text, "%s", text);
    out_areas->count = 0;
    char *rest = out_areas->text;
    for (char *at = strsep(&rest, ","); at; at = strsep(&rest, ",")) {
        if (out_areas->count == CLI_AREAS_MAX) {
            return cli_fail_usage(cli, "%s", _("--areas is too long"));
        }
        int code = session_area(session, at);
        if (code != CLI_OK) {
            return code;
        }
        out_areas->area[out_areas->count++] = at;
    }
    return out_areas->count > 0 ? CLI_OK : cli_fail_usage(cli, _("--%s is needed"), "areas");
}

int cli_code(struct cli *cli, struct rid person, struct rid device, char out_code[static 32]) {
    struct session session;
    struct buf answer;
    struct slice text;
    uint8_t both[2 * ID_BYTES];
    memcpy(both, person.id.b, ID_BYTES);
    memcpy(both + ID_BYTES, device.id.b, ID_BYTES);
    buf_init(&answer, LIMIT_CONTROL_MESSAGE_BYTES);
    int code = session_open(cli, SESSION_HUB, &session);
    if (code == CLI_OK) {
        size_t len = rid_is_zero(device) ? ID_BYTES : sizeof both;
        code = session_ask(&session, CONTROL_CODE, slice_of(both, len), &answer, &text);
    }
    if (code == CLI_OK) {
        (void)text_clean(text, out_code, 32);
    }
    keys_wipe(answer.data, answer.len);
    buf_fini(&answer);
    session_close(&session);
    return code;
}
