#include "cli/cli_priv.h"

static const struct cli_column columns[] = {
    {"name", N_("Name"), false},       {"kind", N_("Kind"), false},
    {"account", N_("Account"), false}, {"revoked", N_("Withdrawn"), false},
    {"id", N_("Id"), false},
};

int cmd_device_list(struct cli *cli) {
    static const char *const kinds[] = {"unknown", "hub", "console", "handheld", "child", "parent"};
    static const char *const shown[] = {N_("unknown"),  N_("hub"),       N_("console"),
                                        N_("handheld"), N_("hub below"), N_("hub above")};
    struct session session;
    int code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK) {
        struct cli_list list;
        struct rid id;
        const struct roster *roster = app_roster(session.app);
        list_start(&list, cli, columns, COUNT_OF(columns));
        for (uint32_t i = 0; roster_device_at(roster, i, &id); i++) {
            const struct roster_device *device = roster_device(roster, id);
            if (device) {
                size_t kind = device->kind < COUNT_OF(kinds) ? device->kind : 0;
                list_text(&list, device->name);
                list_word(&list, kinds[kind], _(shown[kind]));
                list_text(&list, device->account);
                list_bool(&list, device->revoked, _("withdrawn"));
                list_id(&list, id.id);
                list_row(&list);
            }
        }
        code = list_finish(&list);
    }
    session_close(&session);
    return code;
}
