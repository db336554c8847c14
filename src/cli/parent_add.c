#include "cli/cli_priv.h"

#include "davy/app/tier.h"
#include "davy/hub/card.h"
#include "davy/hub/tiers.h"
#include "davy/keys/keys.h"
#include "davy/link/os.h"

#include <string.h>

static const struct cli_column columns[] = {
    {"site", N_("Site"), false},       {"name", N_("Name"), false},
    {"account", N_("Account"), false}, {"audience", N_("From audience"), false},
    {"orders", N_("Orders"), false},
};

struct parent {
    struct tier_pass pass;
    char folder[PATH_MAX + 64];
    char account[LIMIT_TAG_BYTES + 1]; // in this hub's roster
    uint16_t orders[ROSTER_ORDERS_MAX];
    uint8_t order_count;
    uint8_t audience;
    bool enrolled; // its device stands in the roster already
};

static int take_options(struct cli *cli, struct parent *parent) {
    struct refusal refusal = {0};
    const char *audience = cli->value[OPT_AUDIENCE_FROM];
    parent->audience = AUDIENCE_PARK;
    if (audience && strcmp(audience, audience_name(AUDIENCE_CITY)) == 0) {
        parent->audience = AUDIENCE_CITY;
    } else if (audience && strcmp(audience, audience_name(AUDIENCE_PARK)) != 0) {
        return cli_fail_usage(cli, "%s", _("--audience takes park or city"));
    }
    if (!cli->value[OPT_ORDERS]) {
        return CLI_OK;
    }
    enum rc rc =
        app_order_kinds(cli->value[OPT_ORDERS], parent->orders, &parent->order_count, &refusal);
    return rc == RC_OK ? CLI_OK : cli_fail_rc(cli, rc, &refusal);
}

// Is there a folder of it, and a device in the roster? Only both make it a known parent: what was
// begun and not finished is finished by the same command.
static int take_pass(struct session *session, struct parent *parent) {
    struct cli *cli = session->cli;
    struct device_config known;
    struct rid device;
    struct tier_pass *pass = &parent->pass;
    char hex[ID_HEX_BYTES];
    enum rc rc = tier_pass_decode(cli->args[0], pass, &session->refusal);
    if (rc == RC_OK && id16_equal(pass->parent.site.id, session->config.site.id)) {
        rc = REFUSE(&session->refusal, REFUSAL_TIER_OWN, "");
    }
    if (rc == RC_OK && !id16_equal(pass->child.id, session->config.site.id)) {
        rc = REFUSE(&session->refusal, REFUSAL_WRONG_SITE, pass->parent.name);
    }
    if (rc != RC_OK) {
        return cli_fail_rc(cli, rc, &session->refusal);
    }
    const struct roster *roster = app_roster(session->app);
    id16_hex(pass->parent.site.id, hex);
    tiers_parent_account(pass->parent.site, parent->account);
    (void)snprintf(parent->folder, sizeof parent->folder, "%s/parents/%s", cli->dir, hex);
    parent->enrolled = roster_device_by_account(roster, parent->account, &device) &&
                       !roster_device_revoked(roster, device);
    if (parent->enrolled && device_config_load(parent->folder, &known, NULL) == RC_OK) {
        keys_wipe(&known, sizeof known);
        rc = REFUSE(&session->refusal, REFUSAL_TIER_KNOWN, pass->parent.name);
    }
    return rc == RC_OK ? CLI_OK : cli_fail_rc(cli, rc, &session->refusal);
}

static int enrol(struct session *session, const struct parent *parent) {
    struct rid device;
    struct tier_spec spec = {.name = parent->pass.parent.name,
                             .account = parent->account,
                             .kind = DEVICE_PARENT,
                             .key = parent->pass.parent.hub_key,
                             .audience = parent->audience,
                             .orders = parent->orders,
                             .order_count = parent->order_count};
    if (parent->enrolled) {
        return CLI_OK;
    }
    int code = session_sign_in(session, true);
    if (code != CLI_OK) {
        return code;
    }
    enum rc rc = app_tier_add(session->app, &spec, os_now(), &device, &session->refusal);
    return rc == RC_OK ? CLI_OK : cli_fail_rc(session->cli, rc, &session->refusal);
}

static int write_folder(struct session *session, const struct parent *parent) {
    struct cli *cli = session->cli;
    char above[PATH_MAX + 16];
    const struct tier_pass *pass = &parent->pass;
    struct device_config config = {.kind = DEVICE_CHILD,
                                   .site = pass->parent.site,
                                   .device = pass->device,
                                   .hub_key = pass->parent.hub_key};
    (void)snprintf(config.name, sizeof config.name, "%s", pass->parent.name);
    (void)snprintf(config.broker, sizeof config.broker, "%s", pass->broker);
    (void)snprintf(config.account, sizeof config.account, "%s", pass->account);
    (void)snprintf(config.password, sizeof config.password, "%s", pass->password);
    (void)snprintf(above, sizeof above, "%s/parents", cli->dir);
    enum rc rc = os_folder_make(above);
    if (rc == RC_OK) {
        rc = os_folder_make(parent->folder);
    }
    if (rc == RC_OK) {
        rc = device_config_save(parent->folder, &config);
    }
    keys_wipe(&config, sizeof config);
    return rc == RC_OK ? CLI_OK
                       : cli_fail(cli, _("%s cannot be written: %s"), parent->folder, say_rc(rc));
}

// A davyd that runs takes the parent up at once.
static int tell_owner(struct session *session) {
    struct buf answer;
    struct slice rows;
    buf_init(&answer, LIMIT_CONTROL_MESSAGE_BYTES);
    int code = session->owned
                   ? session_ask(session, CONTROL_TIERS, slice_of(NULL, 0), &answer, &rows)
                   : CLI_OK;
    buf_fini(&answer);
    return code;
}

static int report(struct cli *cli, const struct parent *parent) {
    struct cli_list list;
    list_start(&list, cli, columns, COUNT_OF(columns));
    list_id(&list, parent->pass.parent.site.id);
    list_text(&list, parent->pass.parent.name);
    list_text(&list, parent->account);
    list_text(&list, audience_name(parent->audience));
    list_text(&list, cli->value[OPT_ORDERS] ? cli->value[OPT_ORDERS] : "");
    list_row(&list);
    return list_finish_form(&list);
}

int cmd_parent_add(struct cli *cli) {
    struct session session;
    struct parent parent = {.order_count = 0};
    int code = take_options(cli, &parent);
    if (code != CLI_OK) {
        return code;
    }
    code = session_open(cli, SESSION_ACT, &session);
    if (code == CLI_OK && !session_is_hub(&session)) {
        code = cli_fail(cli, _("this is not the hub's folder: run it on the hub"));
    }
    if (code == CLI_OK) {
        code = take_pass(&session, &parent);
    }
    if (code == CLI_OK) {
        code = enrol(&session, &parent);
    }
    if (code == CLI_OK) {
        code = write_folder(&session, &parent);
    }
    if (code == CLI_OK) {
        code = tell_owner(&session);
    }
    if (code == CLI_OK) {
        code = report(cli, &parent);
    }
    keys_wipe(&parent.pass, sizeof parent.pass);
    session_close(&session);
    return code;
}
