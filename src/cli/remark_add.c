#include "cli/cli_priv.h"

#include "davy/app/remark.h"
#include "davy/link/os.h"

#include <string.h>

static const struct cli_column columns[] = {{"remark", NULL, false}};

static bool parse_audience(const char *text, uint8_t *out_audience) {
    for (uint8_t audience = 0; audience < AUDIENCE_COUNT; audience++) {
        if (strcmp(text, audience_name(audience)) == 0) {
            *out_audience = audience;
            return true;
        }
    }
    return false;
}

static int spec_of(struct cli *cli, struct remark_spec *out_spec) {
    const char *audience = cli->value[OPT_AUDIENCE];
    *out_spec = (struct remark_spec){.text = cli->args[0],
                                     .place = cli->value[OPT_PLACE],
                                     .equipment = cli->value[OPT_EQUIPMENT],
                                     .area = cli->value[OPT_AREA_OF]};
    if (out_spec->text[0] == '\0' ||
        text_check(slice_text(out_spec->text), LIMIT_COMMENT_BYTES) != RC_OK) {
        return cli_fail_usage(
            cli, _("the remark is empty, too long or holds characters that cannot be shown"));
    }
    if (audience && !parse_audience(audience, &out_spec->audience)) {
        return cli_fail_usage(cli, _("--audience takes site, park or city"));
    }
    return CLI_OK;
}

int cmd_remark_add(struct cli *cli) {
    struct session session;
    struct remark_spec spec;
    struct rid remark;
    int code = spec_of(cli, &spec);
    if (code != CLI_OK) {
        return code;
    }
    code = session_open(cli, SESSION_ACT, &session);
    if (code == CLI_OK && spec.area) {
        code = session_area(&session, spec.area);
    }
    if (code == CLI_OK && cli->value[OPT_ABOUT]) {
        code = session_subject(&session, cli->value[OPT_ABOUT], &spec.about);
    }
    if (code == CLI_OK) {
        code = session_sign_in(&session, false);
    }
    if (code == CLI_OK) {
        enum rc rc = app_remark_add(session.app, &spec, os_now(), &remark, &session.refusal);
        code = rc == RC_OK ? CLI_OK : cli_fail_rc(cli, rc, &session.refusal);
    }
    if (code == CLI_OK) {
        struct cli_list list;
        list_start(&list, cli, columns, COUNT_OF(columns));
        list_id(&list, remark.id);
        list_row(&list);
        cli_say(cli, "%s", _("remark signed"));
        code = list_finish(&list);
    }
    session_close(&session);
    return code;
}
