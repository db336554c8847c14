#include "cli/cli_priv.h"

#include "davy/link/os.h"

#include <string.h>

#define DAY_MS INT64_C(86400000)

struct worker {
    struct person_spec person;
    enum role role;
    struct utc_ms from, until;
    struct cli_areas areas;
};

static bool fit(const char *text, size_t max) {
    return text && text[0] != '\0' && text_check(slice_text(text), max) == RC_OK;
}

// Name, number, employer, job, role and dates of the options.
static int take_worker(struct cli *cli, const char *number, struct worker *out) {
    const struct {
        enum cli_opt option;
        const char *value;
        bool needed;
    } rows[] = {{OPT_NAME, cli->value[OPT_NAME], true},
                {OPT_NUMBER_NEW, number, true},
                {OPT_EMPLOYER, cli->value[OPT_EMPLOYER], false},
                {OPT_JOB, cli->value[OPT_JOB], false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t max = rows[i].option == OPT_NUMBER_NEW ? LIMIT_TAG_BYTES : LIMIT_NAME_BYTES;
        if (!rows[i].value && rows[i].needed) {
            return cli_fail_usage(cli, _("--%s is needed"), cli_options[rows[i].option].name);
        }
        if (rows[i].value && !fit(rows[i].value, max)) {
            return cli_fail_usage(cli,
                                  _("--%s is empty, too long or holds characters that cannot be "
                                    "shown"),
                                  cli_options[rows[i].option].name);
        }
    }
    out->person = (struct person_spec){.name = cli->value[OPT_NAME],
                                       .number = number,
                                       .employer = cli->value[OPT_EMPLOYER],
                                       .job = cli->value[OPT_JOB]};
    out->from = os_now().utc;
    out->until = (struct utc_ms){out->from.v + DAY_MS};
    int code = cli_when(cli, OPT_FROM, false, &out->from);
    if (code == CLI_OK) {
        code = cli_when(cli, OPT_UNTIL, true, &out->until);
    }
    if (code == CLI_OK && out->until.v <= out->from.v) {
        code = cli_fail_usage(cli, "%s", _("--until must be after --from"));
    }
    return code == CLI_OK
               ? person_role(cli, cli->value[OPT_ROLE] ? cli->value[OPT_ROLE] : "operator",
                             &out->role)
               : code;
}

static int admit(struct session *session, const struct worker *worker, struct rid *out_person) {
    enum rc rc =
        app_person_add(session->app, &worker->person, os_now(), out_person, &session->refusal);
    for (uint16_t i = 0; i < worker->areas.count && rc == RC_OK; i++) {
        struct role_spec spec = {.role = worker->role,
                                 .area = worker->areas.area[i],
                                 .from = worker->from,
                                 .until = worker->until};
        rc = session_again(session) == CLI_OK
                 ? app_role_give(session->app, *out_person, &spec, os_now(), &session->refusal)
                 : RC_IO;
    }
    return rc == RC_OK ? CLI_OK : cli_fail_rc(session->cli, rc, &session->refusal);
}

static const struct cli_column columns[] = {{"person", NULL, false},
                                            {"name", NULL, false},
                                            {"number", NULL, false},
                                            {"until", NULL, false},
                                            {"code", NULL, false}};

static int report(struct cli *cli, const struct worker *worker, struct rid person,
                  const char *digits) {
    struct cli_list list;
    char time[CLI_TIME_BYTES];
    list_start(&list, cli, columns, COUNT_OF(columns));
    list_id(&list, person.id);
    list_text(&list, worker->person.name);
    list_text(&list, worker->person.number);
    list_time(&list, worker->until);
    list_text(&list, digits);
    list_row(&list);
    cli_say(cli, _("%s, number %s, works as %s until %s"), worker->person.name,
            worker->person.number, say_role(worker->role), cli_local_time(worker->until, time));
    if (digits[0] != '\0') {
        cli_say(cli, _("code for the first use of a device: %s"), digits);
    }
    return list_finish(&list);
}

int cmd_person_admit(struct cli *cli) {
    struct session session;
    struct worker worker;
    struct rid person;
    char digits[32] = "";
    int code = take_worker(cli, cli->value[OPT_NUMBER_NEW], &worker);
    if (code != CLI_OK) {
        return code;
    }
    code = session_open(cli, SESSION_ACT, &session);
    bool hub = code == CLI_OK && session_is_hub(&session);
    if (code == CLI_OK) {
        code = cli_areas(&session, cli->value[OPT_AREAS], &worker.areas);
    }
    if (code == CLI_OK) {
        code = session_sign_in(&session, true);
    }
    if (code == CLI_OK) {
        code = admit(&session, &worker, &person);
    }
    session_close(&session);
    if (code == CLI_OK && hub) {
        code = cli_code(cli, person, (struct rid){{{0}}}, digits);
    }
    if (code == CLI_OK) {
        code = report(cli, &worker, person, digits);
    }
    keys_wipe(digits, sizeof digits);
    return code;
}

// ---- Witnessed ----

static int worker_pin(struct cli *cli, char out_pin[static CLI_PIN_BYTES]) {
    if (cli->value[OPT_WORKER_PIN_FILE]) {
        return ask_file_line(cli, cli->value[OPT_WORKER_PIN_FILE], 0, out_pin, CLI_PIN_BYTES);
    }
    return ask_pin(_("The worker's new PIN: "), out_pin)
               ? CLI_OK
               : cli_fail_usage(cli, _("--%s is needed"), "worker-pin-file");
}

static int witness(struct session *session, const struct worker *worker, const char *pin) {
    struct rid person;
    struct witness_spec spec = {.name = worker->person.name,
                                .number = worker->person.number,
                                .employer = worker->person.employer,
                                .job = worker->person.job,
                                .role = worker->role,
                                .areas = worker->areas.area,
                                .area_count = worker->areas.count,
                                .from = worker->from,
                                .until = worker->until};
    enum rc rc = app_witness(session->app, &spec, pin, os_now(), &person, &session->refusal);
    if (rc != RC_OK) {
        return cli_fail_rc(session->cli, rc, &session->refusal);
    }
    int code = report(session->cli, worker, person, "");
    cli_say(session->cli, "%s",
            _("what this worker signs is held at the hub until an admin runs davy person second"));
    return code;
}

int cmd_person_witness(struct cli *cli) {
    struct session session;
    struct worker worker;
    char pin[CLI_PIN_BYTES] = "";
    int code = take_worker(cli, cli->args[0], &worker);
    if (code != CLI_OK) {
        return code;
    }
    code = session_open(cli, SESSION_ACT, &session);
    if (code == CLI_OK) {
        code = cli_areas(&session, cli->value[OPT_AREAS], &worker.areas);
    }
    if (code == CLI_OK) {
        code = session_sign_in(&session, false);
    }
    if (code == CLI_OK) {
        code = worker_pin(cli, pin);
    }
    if (code == CLI_OK) {
        code = witness(&session, &worker, pin);
    }
    keys_wipe(pin, sizeof pin);
    session_close(&session);
    return code;
}
