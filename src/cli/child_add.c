#include "cli/cli_priv.h"

#include "davy/app/tier.h"
#include "davy/hub/card.h"
#include "davy/keys/keys.h"
#include "davy/link/os.h"

#include <string.h>

#define ACCOUNT_PREFIX "child-"

// Where the child will knock: by hand for a broker that others look after, else an account of the
// site's own broker.
static int take_door(struct cli *cli, struct cli_door *out_door) {
    char host[LIMIT_TAG_BYTES + 1];
    uint16_t port = 0;
    if (!cli->value[OPT_BROKER]) {
        return cli_broker_invite(cli, out_door);
    }
    if (!cli_broker_parse(cli->value[OPT_BROKER], host, &port)) {
        return cli_fail_usage(cli, "%s", _("--broker takes HOST:PORT with a numeric address"));
    }
    if (!cli->value[OPT_PASSWORD_FILE]) {
        return cli_fail_usage(cli, _("--%s is needed"), "password-file");
    }
    (void)snprintf(out_door->broker, sizeof out_door->broker, "%s", cli->value[OPT_BROKER]);
    (void)snprintf(out_door->account, sizeof out_door->account, "%s", cli->value[OPT_ACCOUNT]);
    return ask_file_line(cli, cli->value[OPT_PASSWORD_FILE], 0, out_door->password,
                         sizeof out_door->password);
}

static int take_card(struct session *session, struct tier_card *out_card) {
    struct cli *cli = session->cli;
    struct rid known;
    enum rc rc = tier_card_decode(cli->args[0], out_card, &session->refusal);
    if (rc == RC_OK && id16_equal(out_card->site.id, session->config.site.id)) {
        rc = REFUSE(&session->refusal, REFUSAL_TIER_OWN, "");
    }
    if (rc == RC_OK && app_tier_child(session->app, out_card->site, &known)) {
        rc = REFUSE(&session->refusal, REFUSAL_TIER_KNOWN, out_card->name);
    }
    return rc == RC_OK ? CLI_OK : cli_fail_rc(cli, rc, &session->refusal);
}

static int enrol(struct session *session, const struct tier_card *card, struct tier_pass *pass) {
    struct cli *cli = session->cli;
    struct cli_door door = {0};
    int code = take_door(cli, &door);
    if (code != CLI_OK) {
        return code;
    }
    struct tier_spec spec = {.name = card->name,
                             .account = pass->account,
                             .kind = DEVICE_CHILD,
                             .key = card->hub_key,
                             .site = card->site};
    cli_tier_card(session, &pass->parent);
    pass->child = card->site;
    (void)snprintf(pass->broker, sizeof pass->broker, "%s", door.broker);
    (void)snprintf(pass->account, sizeof pass->account, "%s", door.account);
    (void)snprintf(pass->password, sizeof pass->password, "%s", door.password);
    keys_wipe(&door, sizeof door);
    enum rc rc = app_tier_add(session->app, &spec, os_now(), &pass->device, &session->refusal);
    return rc == RC_OK ? CLI_OK : cli_fail_rc(cli, rc, &session->refusal);
}

static int print(struct cli *cli, const struct tier_pass *pass, const char *name) {
    struct buf text;
    buf_init(&text, CLI_CARD_BYTES);
    enum rc rc = tier_pass_encode(pass, &text);
    int code =
        rc == RC_OK ? cli_tier_text(cli, "pass", buf_slice(&text)) : cli_fail_rc(cli, rc, NULL);
    if (code == CLI_OK && !cli->json) {
        (void)fprintf(cli->io.err,
                      _("on the hub of %s: davy parent add PASS; the pass holds the "
                        "password, so keep it apart\n"),
                      name);
    }
    keys_wipe(text.data, text.len);
    buf_fini(&text);
    return code;
}

int cmd_child_add(struct cli *cli) {
    struct session session;
    struct tier_card card = {0};
    struct tier_pass pass = {0};
    char account[LIMIT_TAG_BYTES + 1];
    char hex[ID_SHORT_BYTES];
    if (cli->value[OPT_ACCOUNT] && !cli_is_code(cli->value[OPT_ACCOUNT])) {
        return cli_fail_usage(cli, "%s", _("--account takes letters, digits, - and _"));
    }
    int code = session_open(cli, SESSION_ACT, &session);
    if (code == CLI_OK && !session_is_hub(&session)) {
        code = cli_fail(cli, _("this is not the hub's folder: run it on the hub"));
    }
    if (code == CLI_OK) {
        code = take_card(&session, &card);
    }
    if (code == CLI_OK) {
        code = session_sign_in(&session, true);
    }
    if (code == CLI_OK) {
        id16_short(card.site.id, hex);
        (void)snprintf(account, sizeof account, ACCOUNT_PREFIX "%s", hex);
        cli->value[OPT_ACCOUNT] = cli->value[OPT_ACCOUNT] ? cli->value[OPT_ACCOUNT] : account;
        code = enrol(&session, &card, &pass);
    }
    if (code == CLI_OK) {
        code = print(cli, &pass, card.name);
    }
    keys_wipe(&pass, sizeof pass);
    session_close(&session);
    return code;
}
