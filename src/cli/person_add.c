#include "cli/cli_priv.h"

#include "davy/link/os.h"

#include <string.h>

#define DEMO_NUMBER_FIRST 101
#define DEMO_NUMBER_LAST 999

struct newcomer {
    char name[LIMIT_NAME_BYTES + 1];
    char number[LIMIT_TAG_BYTES + 1];
    enum role role;
    const char *area; // NULL: all
    bool proposed;    // the role waits for a second admin
};

int person_role(struct cli *cli, const char *name, enum role *out_role) {
    enum role role;
    if (role_parse(name, &role) == RC_OK && role != ROLE_ROOT) {
        *out_role = role;
        return CLI_OK;
    }
    struct buf names;
    buf_init(&names, 512);
    for (int i = ROLE_ADMIN; i < ROLE_COUNT; i++) {
        buf_printf(&names, "%s%s", i > ROLE_ADMIN ? ", " : "", role_name((enum role)i));
    }
    int code = cli_fail_usage(cli, _("there is no role %s; roles are %s"), name, buf_cstr(&names));
    buf_fini(&names);
    return code;
}

static int take(struct cli *cli, enum cli_opt option, const char *question, char *out, size_t max) {
    const char *given = cli->value[option];
    if (!given && ask_line(question, out, max + 1)) {
        return CLI_OK;
    }
    if (!given) {
        return cli_fail_usage(cli, _("--%s is needed"), cli_options[option].name);
    }
    if (given[0] == '\0' || text_check(slice_text(given), max) != RC_OK) {
        return cli_fail_usage(cli,
                              _("--%s is empty, too long or holds characters that cannot be "
                                "shown"),
                              cli_options[option].name);
    }
    (void)snprintf(out, max + 1, "%s", given);
    return CLI_OK;
}

// A demonstration numbers its people itself.
static bool free_number(struct session *session, char *out, size_t out_bytes) {
    struct rid person;
    for (int i = DEMO_NUMBER_FIRST; i <= DEMO_NUMBER_LAST; i++) {
        (void)snprintf(out, out_bytes, "%d", i);
        if (!roster_person_by_number(app_roster(session->app), out, &person)) {
            return true;
        }
    }
    return false;
}

static int take_newcomer(struct session *session, struct newcomer *newcomer) {
    struct cli *cli = session->cli;
    struct rid known;
    char role[32];
    size_t room = sizeof newcomer->number;
    int code = take(cli, OPT_NAME, _("Name: "), newcomer->name, LIMIT_NAME_BYTES);
    bool numbered = code == CLI_OK && cli->value[OPT_DEMO_PIN] && !cli->value[OPT_NUMBER_NEW] &&
                    free_number(session, newcomer->number, room);
    if (code == CLI_OK && !numbered) {
        code =
            take(cli, OPT_NUMBER_NEW, _("New badge number: "), newcomer->number, LIMIT_TAG_BYTES);
    }
    if (code == CLI_OK) {
        code = take(cli, OPT_ROLE, _("Role: "), role, sizeof role - 1);
    }
    if (code == CLI_OK) {
        code = person_role(cli, role, &newcomer->role);
    }
    newcomer->area = cli->value[OPT_AREA];
    if (code == CLI_OK && newcomer->area) {
        code = session_area(session, newcomer->area);
    }
    if (code == CLI_OK &&
        roster_person_by_number(app_roster(session->app), newcomer->number, &known)) {
        code = cli_fail(cli, _("badge number %s is taken; davy person list shows by whom"),
                        newcomer->number);
    }
    return code;
}

static const struct cli_column columns[] = {{"person", NULL, false},
                                            {"name", NULL, false},
                                            {"number", NULL, false},
                                            {"role", NULL, false},
                                            {"area", NULL, false}};

static int report(struct cli *cli, const struct newcomer *newcomer, struct rid person) {
    struct cli_list list;
    list_start(&list, cli, columns, COUNT_OF(columns));
    list_id(&list, person.id);
    list_text(&list, newcomer->name);
    list_text(&list, newcomer->number);
    list_text(&list, role_name(newcomer->role));
    list_text(&list, newcomer->area ? newcomer->area : "");
    list_row(&list);
    if (cli->value[OPT_DEMO_PIN]) {
        cli_say(cli, _("  %s, number %s  PIN %s"), newcomer->name, newcomer->number,
                cli->value[OPT_DEMO_PIN]);
    } else {
        cli_say(cli,
                newcomer->proposed
                    ? _("%s, number %s, is enrolled and proposed as %s; a second admin signs with "
                        "davy person second")
                    : _("%s, number %s, is enrolled as %s"),
                newcomer->name, newcomer->number, say_role(newcomer->role));
        cli_say(cli, _("for the first use of a device: davy person code %s"), newcomer->number);
    }
    return list_finish(&list);
}

static int enrol(struct session *session, struct newcomer *newcomer) {
    struct cli *cli = session->cli;
    struct person_spec spec = {.name = newcomer->name, .number = newcomer->number};
    struct rid person;
    enum rc rc = app_person_add(session->app, &spec, os_now(), &person, &session->refusal);
    if (rc != RC_OK) {
        return cli_fail_rc(cli, rc, &session->refusal);
    }
    int code = session_again(session);
    if (code == CLI_OK) {
        rc = app_role_grant(session->app, person, newcomer->role,
                            newcomer->area ? newcomer->area : "", os_now(), &session->refusal);
        code = rc == RC_OK ? CLI_OK : cli_fail_rc(cli, rc, &session->refusal);
    }
    if (code != CLI_OK) {
        (void)cli_fail(cli, _("%s is enrolled without a role: repeat with davy person grant %s %s"),
                       newcomer->name, newcomer->number, role_name(newcomer->role));
        return code;
    }
    newcomer->proposed =
        roster_needs(app_roster(session->app), KIND_ROLE_GRANT, newcomer->role, false) > 1;
    return report(cli, newcomer, person);
}

int cmd_person_add(struct cli *cli) {
    struct session session;
    struct newcomer newcomer = {.area = NULL};
    const char *pin = cli->value[OPT_DEMO_PIN];
    if (pin && (strlen(pin) < LIMIT_PIN_DIGITS_MIN_SIGNER || !pin_is_demo(pin))) {
        return cli_fail_usage(cli, "%s",
                              _("--demo-pin takes one of the known PINs, 11111111 or 22222222"));
    }
    int code = session_open(cli, SESSION_ACT, &session);
    if (code == CLI_OK) {
        code = take_newcomer(&session, &newcomer);
    }
    if (code == CLI_OK) {
        code = session_sign_in(&session, true);
    }
    if (code == CLI_OK) {
        code = enrol(&session, &newcomer);
    }
    session_close(&session);
    return code;
}
