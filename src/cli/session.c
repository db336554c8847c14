// Who owns the store decides the way of an act: the owner takes it over the socket beside the
// store; a hub's folder without davyd is opened here as a hub; a console's folder without a console
// is opened by the app.
#include "cli/cli_priv.h"

#include "davy/keys/keys.h"
#include "davy/link/control.h"
#include "davy/link/os.h"

#include <stdlib.h>
#include <string.h>

#define CALL_MS 15000 // an owner in a long commit still answers
#define PROBE_MS 2000 // enough to know that somebody listens: a late answer is one, too

static enum rc call(const char *dir, enum control_verb verb, struct slice payload,
                    struct buf *answer) {
    struct buf request;
    int timeout_ms = verb == CONTROL_STATUS ? PROBE_MS : CALL_MS;
    buf_init(&request, LIMIT_CONTROL_MESSAGE_BYTES);
    control_request(verb, payload, &request);
    enum rc rc = buf_rc(&request);
    if (rc == RC_OK) {
        rc = control_call(dir, buf_slice(&request), timeout_ms, answer);
    }
    buf_fini(&request);
    return rc;
}

static enum rc owner_call(const char *dir) {
    struct buf answer;
    buf_init(&answer, LIMIT_CONTROL_MESSAGE_BYTES);
    enum rc rc = call(dir, CONTROL_STATUS, slice_of(NULL, 0), &answer);
    buf_fini(&answer);
    return rc;
}

bool owner_answers(const char *dir) {
    return owner_call(dir) != RC_NOT_FOUND;
}

bool session_is_hub(const struct session *session) {
    return session->config.kind == DEVICE_HUB;
}

// ---- Acts ----

static enum rc submit_owner(void *ctx, uint8_t lane, const struct signed_record *record,
                            struct refusal *out_refusal) {
    struct session *session = ctx;
    struct control_answer decoded = {0};
    struct buf payload;
    struct buf answer;
    buf_init(&payload, LIMIT_CONTROL_MESSAGE_BYTES);
    buf_init(&answer, LIMIT_CONTROL_MESSAGE_BYTES);
    control_submit_encode(lane, record, &payload);
    enum rc rc = buf_rc(&payload);
    if (rc == RC_OK) {
        rc = call(session->cli->dir, CONTROL_SUBMIT, buf_slice(&payload), &answer);
    }
    if (rc == RC_OK) {
        rc = control_answer_decode(buf_slice(&answer), &decoded);
    }
    if (rc == RC_OK) {
        rc = decoded.rc;
        if (out_refusal && decoded.refusal.code != REFUSAL_NONE) {
            *out_refusal = decoded.refusal;
        }
    }
    buf_fini(&payload);
    buf_fini(&answer);
    return rc;
}

static enum rc submit_hub(void *ctx, uint8_t lane, const struct signed_record *record,
                          struct refusal *out_refusal) {
    struct session *session = ctx;
    return hub_submit(session->hub, lane, record, os_now(), out_refusal);
}

// ---- Opening ----

static int open_hub(struct session *session) {
    struct cli *cli = session->cli;
    struct hub_options options = {.folder = cli->dir, .scheme = keys_ed25519()};
    enum rc rc = hub_open(&options, session->now, &session->hub, &session->refusal);
    if (rc != RC_OK) {
        return cli_fail_rc(cli, rc, &session->refusal);
    }
    struct hub_status status;
    hub_status(session->hub, &status);
    if (status.sync.phase != HUB_SERVING) {
        return cli_fail(cli, _("this hub must first hear from its devices that it is not behind; "
                               "start davyd, then repeat"));
    }
    return CLI_OK;
}

static int open_app(struct session *session, bool act) {
    struct cli *cli = session->cli;
    bool elsewhere = session->owned || session->hub;
    struct app_options options = {.folder = cli->dir,
                                  .scheme = keys_ed25519(),
                                  .read_only = !act || elsewhere,
                                  .ctx = session};
    if (act && elsewhere) {
        options.submit = session->owned ? submit_owner : submit_hub;
    }
    enum rc rc = app_open(&options, os_now(), &session->app, &session->refusal);
    return rc == RC_OK ? CLI_OK : cli_fail_rc(cli, rc, &session->refusal);
}

int session_open(struct cli *cli, enum session_need need, struct session *out_session) {
    struct session *session = out_session;
    memset(session, 0, sizeof *session);
    session->cli = cli;
    session->now = os_now();
    enum rc rc = device_config_load(cli->dir, &session->config, &session->refusal);
    if (rc == RC_NOT_FOUND) {
        return cli_fail(cli,
                        _("there is no store in %s: name its folder with --dir, found a site with "
                          "davy site init, or join one with an invite"),
                        cli->dir);
    }
    if (rc != RC_OK) {
        return cli_fail_rc(cli, rc, &session->refusal);
    }
    if (need == SESSION_ACT && device_is_copy(&session->config)) {
        return cli_fail(cli, _("this is a copy of another site's log: it is only read"));
    }
    rc = owner_call(cli->dir);
    if (rc == RC_NO_MEMORY) {
        return cli_fail_rc(cli, rc, NULL);
    }
    session->owned = rc != RC_NOT_FOUND;
    if (need == SESSION_HUB && !session_is_hub(session)) {
        return cli_fail(cli, _("this is not the hub's folder: run it on the hub"));
    }
    int code = CLI_OK;
    if (need != SESSION_READ && session_is_hub(session) && !session->owned) {
        code = open_hub(session);
    }
    if (code == CLI_OK && need != SESSION_HUB) {
        code = open_app(session, need == SESSION_ACT);
    }
    return code;
}

void session_close(struct session *session) {
    if (session->app && session->cli->incomplete == RC_OK) {
        session->cli->incomplete = app_incomplete(session->app);
    }
    app_close(session->app);
    hub_close(session->hub);
    keys_wipe(session->pin, sizeof session->pin);
    keys_wipe(&session->config, sizeof session->config);
    session->app = NULL;
    session->hub = NULL;
}

// ---- Who signs ----

static bool first_admin(const struct session *session, char *out_number, size_t out_bytes) {
    const struct roster *roster = app_roster(session->app);
    struct rid person;
    for (uint32_t i = 0; roster_person_at(roster, i, &person); i++) {
        const struct roster_person *found = roster_person(roster, person);
        if (found && roster_holds(roster, person, ROLE_BIT(ROLE_ADMIN), NULL, session->now.utc)) {
            (void)snprintf(out_number, out_bytes, "%s", found->number);
            return true;
        }
    }
    return false;
}

static int take_number(struct session *session, bool demo) {
    struct cli *cli = session->cli;
    const char *given = cli->value[OPT_AS] ? cli->value[OPT_AS] : cli->value[OPT_NUMBER_OWN];
    size_t room = sizeof session->number;
    if (given) {
        if (strlen(given) >= room) {
            return cli_fail_usage(cli, _("the badge number is too long"));
        }
        (void)snprintf(session->number, room, "%s", given);
        return CLI_OK;
    }
    if (demo && first_admin(session, session->number, room)) {
        return CLI_OK;
    }
    return ask_line(_("Badge number: "), session->number, room)
               ? CLI_OK
               : cli_fail_usage(cli, _("who signs? Give the badge number and --pin-file FILE"));
}

static int take_pin(struct session *session, bool demo) {
    struct cli *cli = session->cli;
    const char *file = cli->value[OPT_PIN_FILE];
    if (file) {
        return ask_file_line(cli, file, 0, session->pin, sizeof session->pin);
    }
    if (demo) {
        (void)snprintf(session->pin, sizeof session->pin, "%s", DEMO_PIN_ADMIN);
        return CLI_OK;
    }
    return ask_pin(_("Your PIN: "), session->pin)
               ? CLI_OK
               : cli_fail_usage(cli, _("no PIN was given; a script gives it with --pin-file FILE"));
}

int session_sign_in(struct session *session, bool admin) {
    struct cli *cli = session->cli;
    bool demo = admin && (cli->value[OPT_DEMO] || cli->value[OPT_DEMO_PIN]);
    const struct roster_site *site = roster_site(app_roster(session->app));
    if (demo && !(site && site->demo)) {
        (void)REFUSE(&session->refusal, REFUSAL_PIN_DEMO, "");
        return cli_fail_rc(cli, RC_REFUSED, &session->refusal);
    }
    int code = take_number(session, demo);
    if (code == CLI_OK) {
        code = take_pin(session, demo);
    }
    if (code != CLI_OK) {
        return code;
    }
    enum rc rc =
        app_sign_in(session->app, session->number, session->pin, os_now(), &session->refusal);
    return rc == RC_OK ? CLI_OK : cli_fail_rc(cli, rc, &session->refusal);
}

// The PIN of --pin-file, or asked for.
static int sign_root(struct session *session) {
    struct cli *cli = session->cli;
    enum rc rc = app_sign_root(session->app, session->root, session->pin);
    if (rc == RC_BAD_SIGNATURE) {
        return cli_fail(cli, "%s", _("that is not the PIN of this root key"));
    }
    if (rc == RC_DENIED) {
        return cli_fail(cli, _("%s can be read by others: chmod 600"), session->root);
    }
    if (rc == RC_NOT_FOUND || rc == RC_CORRUPT) {
        return cli_fail(cli, _("%s is no root key's file"), session->root);
    }
    return rc == RC_OK ? CLI_OK : cli_fail_rc(cli, rc, NULL);
}

int session_sign_in_root(struct session *session) {
    session->root = session->cli->value[OPT_ROOT];
    if (!session->root) {
        return session_sign_in(session, true);
    }
    int code = take_pin(session, false);
    return code == CLI_OK ? sign_root(session) : code;
}

int session_again(struct session *session) {
    app_close(session->app);
    session->app = NULL;
    int code = open_app(session, true);
    if (code != CLI_OK) {
        return code;
    }
    if (session->root) {
        return sign_root(session);
    }
    enum rc rc =
        app_sign_in(session->app, session->number, session->pin, os_now(), &session->refusal);
    return rc == RC_OK ? CLI_OK : cli_fail_rc(session->cli, rc, &session->refusal);
}

// ---- The owner's services ----

int session_ask(struct session *session, enum control_verb verb, struct slice payload,
                struct buf *answer, struct slice *out_payload) {
    struct cli *cli = session->cli;
    struct control_answer decoded = {0};
    enum rc rc = RC_NOT_FOUND;
    if (session->owned) {
        rc = call(cli->dir, verb, payload, answer);
    } else if (session->hub) {
        struct buf request;
        buf_init(&request, LIMIT_CONTROL_MESSAGE_BYTES);
        control_request(verb, payload, &request);
        rc = buf_rc(&request);
        if (rc == RC_OK) {
            hub_control(session->hub, buf_slice(&request), os_now(), answer);
            rc = buf_rc(answer);
        }
        buf_fini(&request);
    }
    if (rc == RC_NOT_FOUND) {
        return cli_fail(cli, session_is_hub(session)
                                 ? _("no davyd runs here: start davyd, then repeat")
                                 : _("no console runs here: start davy, then repeat"));
    }
    if (rc == RC_OK) {
        rc = control_answer_decode(buf_slice(answer), &decoded);
    }
    if (rc == RC_OK) {
        rc = decoded.rc;
    }
    if (rc != RC_OK) {
        return cli_fail_rc(cli, rc, &decoded.refusal);
    }
    *out_payload = decoded.payload;
    return CLI_OK;
}

// ---- Subjects ----

int session_subject(struct session *session, const char *text, struct rid *out_subject) {
    const struct roster *roster = app_roster(session->app);
    if (strcmp(text, "site") == 0) {
        *out_subject = (struct rid){store_site(app_store(session->app)).id};
        return CLI_OK;
    }
    if (roster_person_by_number(roster, text, out_subject) ||
        roster_device_by_account(roster, text, out_subject)) {
        return CLI_OK;
    }
    enum rc rc = app_find_subject(session->app, text, out_subject);
    if (rc == RC_INVALID) {
        return cli_fail(session->cli, _("%s means more than one: give more digits"), text);
    }
    if (rc == RC_NOT_FOUND) {
        return cli_fail(session->cli,
                        _("%s is not known here: give 8 or more digits of an id, a tag, a badge "
                          "number or an account"),
                        text);
    }
    return rc == RC_OK ? CLI_OK : cli_fail_rc(session->cli, rc, NULL);
}

int session_area(struct session *session, const char *area) {
    struct area_row *rows = calloc(LIMIT_SITE_AREAS + 1, sizeof *rows);
    if (!rows) {
        return cli_fail_rc(session->cli, RC_NO_MEMORY, NULL);
    }
    uint32_t count = app_areas(session->app, session->now, rows, LIMIT_SITE_AREAS + 1);
    bool any = false;
    bool found = false;
    for (uint32_t i = 0; i < count; i++) {
        any |= rows[i].code[0] != '\0';
        found |= strcmp(rows[i].code, area) == 0;
    }
    free(rows);
    if (app_incomplete(session->app) != RC_OK) {
        return cli_fail_rc(session->cli, app_incomplete(session->app), NULL);
    }
    if (!cli_is_code(area) || (any && !found)) {
        return cli_fail(session->cli, _("the site has no area %s; site.ini names them"), area);
    }
    return CLI_OK;
}
