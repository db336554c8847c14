// The hubs below and above: from davyd while it runs, else from the folders of their copies.
#include "cli/cli_priv.h"

#include "davy/hub/tiers.h"
#include "davy/link/os.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static const struct cli_column columns[] = {
    {"site", N_("Site"), false},       {"name", N_("Name"), false},
    {"account", N_("Account"), false}, {"relayed", N_("Way"), false},
    {"link", N_("Connection"), false}, {"entries", N_("Entries"), true},
    {"behind", N_("Behind"), true},    {"heard", N_("Last heard"), false},
    {"trouble", N_("Trouble"), false},
};

static const struct {
    const char *word;
    const char *shown;
} phases[] = {
    [SYNC_OFFLINE] = {"offline", N_("offline")},
    [SYNC_GREETING] = {"greeting", N_("greeting")},
    [SYNC_CATCHING_UP] = {"catching-up", N_("catching up")},
    [SYNC_LIVE] = {"live", N_("live")},
};

struct listing {
    struct cli_list list;
    bool parent;
    bool asked; // of davyd: how far a copy is behind is known
    uint32_t count;
};

static void put_row(struct listing *listing, const struct tier_row *row) {
    struct cli_list *list = &listing->list;
    const struct replica_status *status = &row->status;
    enum sync_phase phase = row->linked ? status->sync.phase : SYNC_OFFLINE;
    listing->count++;
    list_id(list, row->site.id);
    list_text(list, row->name);
    list_text(list, row->account);
    list_put(list, row->relayed ? "true" : "false",
             row->relayed ? _("through another") : _("straight"));
    list_word(list, phases[phase].word, _(phases[phase].shown));
    list_uint(list, status->entries);
    if (listing->asked && status->sync.phase >= SYNC_CATCHING_UP) {
        list_uint(list, status->sync.behind);
    } else {
        list_put(list, NULL, "?");
    }
    list_time(list, status->heard);
    if (status->trouble == RC_OK) {
        list_put(list, NULL, "");
    } else {
        list_word(list, rc_name(status->trouble), say_rc(status->trouble));
    }
    list_row(list);
}

static int from_owner(struct session *session, struct listing *listing) {
    struct buf answer;
    struct slice rows;
    buf_init(&answer, LIMIT_CONTROL_MESSAGE_BYTES);
    int code = session_ask(session, CONTROL_TIERS, slice_of(NULL, 0), &answer, &rows);
    struct reader in = reader_of(code == CLI_OK ? rows : slice_of(NULL, 0));
    listing->asked = true;
    while (reader_left(&in) > 0 && in.rc == RC_OK) {
        struct tier_row row;
        tier_row_get(&in, &row);
        if (in.rc == RC_OK && row.parent == listing->parent) {
            put_row(listing, &row);
        }
    }
    if (code == CLI_OK && in.rc != RC_OK) {
        code = cli_fail_rc(session->cli, in.rc, NULL);
    }
    buf_fini(&answer);
    return code;
}

// What the copy in a folder tells; a folder without a copy tells nothing.
static void read_copy(const char *folder, struct tier_row *row) {
    struct app *app = NULL;
    struct refusal refusal = {0};
    struct app_options options = {.folder = folder, .scheme = keys_ed25519(), .read_only = true};
    enum rc rc = app_open(&options, os_now(), &app, &refusal);
    if (rc == RC_OK) {
        const struct roster_site *site = roster_site(app_roster(app));
        if (site) {
            (void)snprintf(row->name, sizeof row->name, "%s", site->name);
        }
        rc = replica_status_of(app_store(app), &row->status);
    }
    row->status.trouble = rc == RC_NOT_FOUND ? RC_OK : rc;
    app_close(app);
}

static void folder_of(const struct cli *cli, const char *kind, struct site_id site,
                      char out_folder[static PATH_MAX + 64]) {
    char hex[ID_HEX_BYTES];
    id16_hex(site.id, hex);
    (void)snprintf(out_folder, PATH_MAX + 64, "%s/%s/%s", cli->dir, kind, hex);
}

static void children_from_folders(struct session *session, struct listing *listing) {
    const struct roster *roster = app_roster(session->app);
    struct rid rid;
    for (uint32_t i = 0; roster_device_at(roster, i, &rid); i++) {
        const struct roster_device *device = roster_device(roster, rid);
        char folder[PATH_MAX + 64];
        if (!device || device->kind != DEVICE_CHILD || roster_device_revoked(roster, rid)) {
            continue;
        }
        struct tier_row row = {.site = device->site};
        (void)snprintf(row.name, sizeof row.name, "%s", device->name);
        (void)snprintf(row.account, sizeof row.account, "%s", device->account);
        folder_of(session->cli, "children", device->site, folder);
        read_copy(folder, &row);
        put_row(listing, &row);
    }
}

static void parents_from_folders(struct session *session, struct listing *listing) {
    char above[PATH_MAX + 16];
    (void)snprintf(above, sizeof above, "%s/parents", session->cli->dir);
    DIR *dir = opendir(above);
    for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
        struct tier_row row = {.parent = true};
        struct device_config config;
        char folder[PATH_MAX + 64];
        if (id16_parse(entry->d_name, &row.site.id) != RC_OK) {
            continue;
        }
        folder_of(session->cli, "parents", row.site, folder);
        if (device_config_load(folder, &config, NULL) == RC_OK) {
            (void)snprintf(row.name, sizeof row.name, "%s", config.name);
            (void)snprintf(row.account, sizeof row.account, "%s", config.account);
            keys_wipe(&config, sizeof config);
            read_copy(folder, &row);
            put_row(listing, &row);
        }
    }
    if (dir) {
        (void)closedir(dir);
    }
}

static int list_tiers(struct cli *cli, bool parent) {
    struct session session;
    struct listing listing = {.parent = parent};
    int code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK && !session_is_hub(&session)) {
        code = cli_fail(cli, _("this is not the hub's folder: run it on the hub"));
    }
    if (code == CLI_OK) {
        list_start(&listing.list, cli, columns, COUNT_OF(columns));
        if (session.owned) {
            code = from_owner(&session, &listing);
        } else if (parent) {
            parents_from_folders(&session, &listing);
        } else {
            children_from_folders(&session, &listing);
        }
        int shown = list_finish(&listing.list);
        code = code == CLI_OK ? shown : code;
    }
    if (code == CLI_OK && listing.count == 0) {
        cli_say(cli, "%s", parent ? _("no hub above") : _("no hubs below"));
    }
    session_close(&session);
    return code;
}

int cmd_child_list(struct cli *cli) {
    return list_tiers(cli, false);
}

int cmd_parent_list(struct cli *cli) {
    return list_tiers(cli, true);
}
