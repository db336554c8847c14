#include "cli/cli_priv.h"

#include "davy/app/tier.h"
#include "davy/hub/tiers.h"

#include <stdlib.h>

#define ROWS_DEFAULT 100
#define ROWS_MAX 5000

static const struct cli_column columns[] = {
    {"time", N_("Time"), false}, {"from", N_("From"), false}, {"kind", N_("What"), false},
    {"text", N_("Text"), false}, {"accepted", NULL, false},   {"site", NULL, false},
    {"id", N_("Record"), false},
};

// The parent's name, as the roster here knows it.
static const char *name_of(struct session *session, struct site_id site) {
    const struct roster *roster = app_roster(session->app);
    char account[LIMIT_TAG_BYTES + 1];
    struct rid rid;
    tiers_parent_account(site, account);
    const struct roster_device *device =
        roster_device_by_account(roster, account, &rid) ? roster_device(roster, rid) : NULL;
    return device ? device->name : "";
}

static void put_row(struct session *session, struct cli_list *list, const struct order_row *row) {
    const struct kind *kind = registry_kind(app_registry(), row->state.kind, NULL);
    list_time(list, row->state.time);
    list_text(list, name_of(session, row->state.site));
    list_word(list, kind ? kind->name : "unknown", say_kind(row->state.kind));
    list_text(list, row->state.text);
    list_time(list, row->state.hub_time);
    list_id(list, row->state.site.id);
    list_id(list, row->order.id);
    list_row(list);
}

int cmd_order_list(struct cli *cli) {
    struct session session;
    uint64_t max = ROWS_DEFAULT;
    int code = cli_option_uint(cli, OPT_LIMIT, 1, ROWS_MAX, &max);
    if (code != CLI_OK) {
        return code;
    }
    code = session_open(cli, SESSION_READ, &session);
    struct order_row *rows = code == CLI_OK ? calloc(max, sizeof *rows) : NULL;
    if (code == CLI_OK && !rows) {
        code = cli_fail_rc(cli, RC_NO_MEMORY, NULL);
    }
    if (code == CLI_OK) {
        struct cli_list list;
        uint32_t count = app_orders(session.app, rows, (uint32_t)max);
        list_start(&list, cli, columns, COUNT_OF(columns));
        for (uint32_t i = 0; i < count; i++) {
            put_row(&session, &list, &rows[i]);
        }
        code = list_finish(&list);
        if (count == 0) {
            cli_say(cli, "%s", _("no orders"));
        }
    }
    free(rows);
    session_close(&session);
    return code;
}
