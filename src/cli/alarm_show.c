#include "cli/cli_priv.h"

static const struct cli_column columns[] = {
    {"id", N_("Id"), false},
    {"state", N_("State"), false},
    {"priority", N_("Priority"), false},
    {"tag", N_("Tag"), false},
    {"name", N_("Name"), false},
    {"area", N_("Area"), false},
    {"equipment", N_("Equipment"), false},
    {"limit", N_("Limit"), false},
    {"limit_value", N_("Set at"), false},
    {"value", N_("Value"), false},
    {"unit", N_("Unit"), false},
    {"raised", N_("Raised"), false},
    {"returned", N_("Returned"), false},
    {"acked", NULL, false},
    {"acked_time", N_("Acknowledged"), false},
    {"acked_by", N_("By"), false},
    {"acked_by_id", NULL, false},
    {"respond_s", N_("Respond in"), false},
    {"consequence", N_("Consequence"), false},
    {"action", N_("Action"), false},
    {"comments", N_("Comments"), false},
    {"changed_n", NULL, false},
};

static const char *state_word(const struct alarm_state *state) {
    static const char *const words[] = {
        [ALARM_OCCURRENCE_NONE] = N_("unknown"),
        [ALARM_OCCURRENCE_UNACKED] = N_("U active, unacknowledged"),
        [ALARM_OCCURRENCE_ACKED] = N_("A active, acknowledged"),
        [ALARM_OCCURRENCE_RETURNED] = N_("R returned, unacknowledged"),
        [ALARM_OCCURRENCE_CLOSED] = N_("- closed"),
    };
    return _(words[alarm_occurrence(state)]);
}

static void put(struct cli_list *list, const struct alarm_detail *detail) {
    const struct alarm_state *state = &detail->row.state;
    char letter[2] = {alarm_letter(state), '\0'};
    char age[32];
    char respond[16];
    list_id(list, detail->row.subject.id);
    list_word(list, letter, state_word(state));
    list_uint(list, state->priority);
    list_text(list, state->tag);
    list_text(list, state->name);
    list_text(list, state->area);
    list_text(list, detail->equipment);
    list_text(list, alarm_limit_name((enum alarm_limit)state->limit));
    list_decimal(list, state->limit_value);
    list_decimal(list, state->value);
    list_text(list, state->unit);
    list_time(list, state->raised_time);
    list_time(list, state->returned_time);
    list_bool(list, state->acked, "");
    list_time(list, state->acked_time);
    list_text(list, detail->acked_by);
    list_id(list, state->acked_by.id);
    (void)snprintf(respond, sizeof respond, "%u", detail->respond_s);
    list_put(list, respond, say_age((int64_t)detail->respond_s * 1000, age, sizeof age));
    list_text(list, detail->consequence);
    list_text(list, detail->action);
    list_uint(list, state->comment_count);
    list_uint(list, state->changed_n);
    list_row(list);
}

int cmd_alarm_show(struct cli *cli) {
    struct session session;
    struct rid subject;
    struct alarm_detail detail;
    int code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK) {
        code = session_subject(&session, cli->args[0], &subject);
    }
    enum rc rc = code == CLI_OK ? app_alarm_detail(session.app, subject, &detail) : RC_OK;
    if (rc == RC_NO_MEMORY) {
        code = cli_fail_rc(cli, rc, NULL);
    } else if (rc != RC_OK) {
        code = cli_fail(cli, _("%s is no alarm; davy alarm list names them"), cli->args[0]);
    }
    if (code == CLI_OK) {
        struct cli_list list;
        list_start(&list, cli, columns, COUNT_OF(columns));
        put(&list, &detail);
        code = list_finish_form(&list);
    }
    session_close(&session);
    return code;
}
