#include "cli/cli_priv.h"

#include "davy/link/os.h"

static const struct cli_column columns[] = {{"subject", NULL, false}};

int cmd_alarm_comment(struct cli *cli) {
    struct session session;
    struct rid subject;
    const char *text = cli->args[1];
    if (text[0] == '\0' || text_check(slice_text(text), LIMIT_COMMENT_BYTES) != RC_OK) {
        return cli_fail_usage(
            cli, _("the comment is empty, too long or holds characters that cannot be shown"));
    }
    int code = session_open(cli, SESSION_ACT, &session);
    if (code == CLI_OK) {
        code = session_subject(&session, cli->args[0], &subject);
    }
    if (code == CLI_OK) {
        code = session_sign_in(&session, false);
    }
    if (code == CLI_OK) {
        enum rc rc = app_alarm_comment(session.app, subject, text, os_now(), &session.refusal);
        code = rc == RC_OK ? CLI_OK : cli_fail_rc(cli, rc, &session.refusal);
    }
    if (code == CLI_OK) {
        struct cli_list list;
        list_start(&list, cli, columns, COUNT_OF(columns));
        list_id(&list, subject.id);
        list_row(&list);
        cli_say(cli, "%s", _("comment signed"));
        code = list_finish(&list);
    }
    session_close(&session);
    return code;
}
