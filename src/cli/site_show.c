#include "cli/cli_priv.h"

static const struct cli_column columns[] = {
    {"site", N_("Site"), false},          {"name", N_("Name"), false},
    {"topic", N_("Topics"), false},       {"demo", N_("Demonstration"), false},
    {"device", N_("This device"), false}, {"kind", N_("Kind"), false},
    {"device_id", NULL, false},           {"author", NULL, false},
    {"broker", N_("Broker"), false},      {"people", N_("People"), false},
    {"devices", N_("Devices"), false},    {"tags", N_("Tags"), false},
};

static int show(struct session *session) {
    static const char *const kinds[] = {"", "hub", "console", "handheld", "child", "parent"};
    static const char *const shown[] = {
        "", N_("hub"), N_("console"), N_("handheld"), N_("hub below"), N_("hub above")};
    struct cli *cli = session->cli;
    struct cli_list list;
    const struct device_config *config = &session->config;
    const struct roster *roster = app_roster(session->app);
    const struct roster_site *site = roster_site(roster);
    char hex[ID_HEX_BYTES];
    char brief[ID_SHORT_BYTES];
    char topic[32];
    size_t kind = (size_t)config->kind < COUNT_OF(kinds) ? (size_t)config->kind : 0;
    id16_hex(config->site.id, hex);
    id16_short(config->site.id, brief);
    (void)snprintf(topic, sizeof topic, "davy/%s/", brief);
    list_start(&list, cli, columns, COUNT_OF(columns));
    list_text(&list, hex);
    list_text(&list, site ? site->name : "");
    list_text(&list, topic);
    list_put(&list, site && site->demo ? "true" : "false", site && site->demo ? _("yes") : _("no"));
    list_text(&list, config->name);
    list_word(&list, kinds[kind], kind > 0 ? _(shown[kind]) : "");
    list_id(&list, config->device.id);
    list_id(&list, config->author.id);
    list_text(&list, config->broker);
    list_uint(&list, roster_person_count(roster));
    list_uint(&list, roster_device_count(roster));
    list_uint(&list, app_tag_count(session->app));
    list_row(&list);
    return list_finish_form(&list);
}

int cmd_site_show(struct cli *cli) {
    struct session session;
    int code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK && cli->value[OPT_ID]) {
        char brief[ID_SHORT_BYTES];
        id16_short(session.config.site.id, brief);
        (void)fprintf(cli->io.out, cli->json ? "{\"topic_id\":\"%s\"}\n" : "%s\n", brief);
    } else if (code == CLI_OK) {
        code = show(&session);
    }
    session_close(&session);
    return code;
}
