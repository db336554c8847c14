#include "cli/cli_priv.h"

#include "davy/hub/card.h"

int cli_tier_text(struct cli *cli, const char *key, struct slice text) {
    struct cli_column column[] = {{key, NULL, false}};
    struct cli_list list;
    char shown[CLI_CARD_BYTES];
    (void)text_clean(text, shown, sizeof shown);
    list_start(&list, cli, column, COUNT_OF(column));
    list_text(&list, shown);
    list_row(&list);
    if (!cli->json) {
        (void)fprintf(cli->io.out, "%s\n", shown);
    }
    keys_wipe(shown, sizeof shown);
    return list_finish(&list);
}

void cli_tier_card(struct session *session, struct tier_card *out_card) {
    const struct roster_site *site = roster_site(app_roster(session->app));
    *out_card =
        (struct tier_card){.site = session->config.site, .hub_key = session->config.hub_key};
    (void)snprintf(out_card->name, sizeof out_card->name, "%s", site ? site->name : "");
}

int cmd_child_card(struct cli *cli) {
    struct session session;
    struct tier_card card;
    struct buf text;
    buf_init(&text, CLI_CARD_BYTES);
    int code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK && !session_is_hub(&session)) {
        code = cli_fail(cli, _("this is not the hub's folder: run it on the hub"));
    }
    if (code == CLI_OK) {
        cli_tier_card(&session, &card);
        enum rc rc = tier_card_encode(&card, &text);
        code =
            rc == RC_OK ? cli_tier_text(cli, "card", buf_slice(&text)) : cli_fail_rc(cli, rc, NULL);
    }
    buf_fini(&text);
    session_close(&session);
    return code;
}
