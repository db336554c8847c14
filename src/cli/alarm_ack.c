#include "cli/cli_priv.h"

#include "davy/link/os.h"

#include <string.h>

static const struct cli_column columns[] = {{"asked", NULL, false}, {"taken", NULL, false}};

// Names the rows as they stand now: what changes between this look and the signature is left out
// by app.
static int paint(struct session *session, struct painted_row *rows, uint32_t *out_count) {
    struct cli *cli = session->cli;
    uint32_t count = 0;
    for (int i = 0; i < cli->arg_count; i++) {
        struct alarm_detail detail;
        struct rid subject;
        int code = session_subject(session, cli->args[i], &subject);
        if (code != CLI_OK) {
            return code;
        }
        if (app_alarm_detail(session->app, subject, &detail) != RC_OK) {
            return cli_fail(cli, _("%s is no alarm; davy alarm list names them"), cli->args[i]);
        }
        bool twice = false;
        for (uint32_t j = 0; j < count; j++) {
            twice |= rid_equal(rows[j].subject, subject);
        }
        if (!twice) {
            rows[count++] = (struct painted_row){subject, detail.row.state.changed_n};
        }
    }
    *out_count = count;
    return CLI_OK;
}

static int acknowledge(struct session *session, const struct painted_row *rows, uint32_t count) {
    struct cli *cli = session->cli;
    struct cli_list list;
    uint32_t taken = 0;
    enum rc rc = app_alarm_ack(session->app, rows, count, cli->value[OPT_COMMENT], os_now(), &taken,
                               &session->refusal);
    if (rc != RC_OK) {
        return cli_fail_rc(cli, rc, &session->refusal);
    }
    list_start(&list, cli, columns, COUNT_OF(columns));
    list_uint(&list, count);
    list_uint(&list, taken);
    list_row(&list);
    cli_say(cli, _("%u of %u alarms acknowledged"), taken, count);
    int code = list_finish(&list);
    return taken > 0 ? code : CLI_FAILED;
}

int cmd_alarm_ack(struct cli *cli) {
    struct session session;
    struct painted_row rows[LIMIT_RECORD_SUBJECTS];
    uint32_t count = 0;
    const char *comment = cli->value[OPT_COMMENT];
    if (cli->arg_count > LIMIT_RECORD_SUBJECTS) {
        return cli_fail_usage(cli, _("at most %d alarms at once"), LIMIT_RECORD_SUBJECTS);
    }
    if (comment && text_check(slice_text(comment), LIMIT_COMMENT_BYTES) != RC_OK) {
        return cli_fail_usage(
            cli, _("the comment is too long or holds characters that cannot be shown"));
    }
    int code = session_open(cli, SESSION_ACT, &session);
    if (code == CLI_OK) {
        code = paint(&session, rows, &count);
    }
    if (code == CLI_OK) {
        code = session_sign_in(&session, false);
    }
    if (code == CLI_OK) {
        code = acknowledge(&session, rows, count);
    }
    session_close(&session);
    return code;
}
