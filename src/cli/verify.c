#include "cli/cli_priv.h"

#include "davy/app/judge.h"

static const struct cli_column columns[] = {
    {"ok", NULL, false},
    {"chains", N_("Chains"), false},
    {"entries", N_("Entries"), false},
    {"signatures", N_("Signatures"), false},
    {"seals", N_("Seals"), false},
    {"broken", N_("Broken"), false},
    {"author", N_("Author"), false},
    {"lane", N_("Lane"), false},
    {"audience", N_("Audience"), false},
    {"seq", N_("Place"), false},
};

static bool key_of(void *ctx, const struct content *content, struct public_key *out_key) {
    return judge_key_of(ctx, content, out_key);
}

static void put(struct cli_list *list, const struct store_verify_report *report) {
    bool broken = report->what[0] != '\0';
    bool placed = broken && report->broken.seq != 0;
    list_bool(list, !broken, "");
    list_uint(list, report->chains);
    list_uint(list, report->entries);
    list_uint(list, report->signatures);
    list_uint(list, report->seals);
    if (broken) {
        list_text(list, report->what);
    } else {
        list_put(list, NULL, _("nothing"));
    }
    if (!placed) {
        list_null(list);
        list_null(list);
        list_null(list);
        list_null(list);
    } else {
        list_id(list, report->broken.chain.author.id);
        list_uint(list, report->broken.chain.lane);
        list_text(list, audience_name(report->broken.chain.audience));
        list_uint(list, report->broken.seq);
    }
    list_row(list);
}

int cmd_verify(struct cli *cli) {
    struct session session;
    struct store_verify_report report = {0};
    int code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK) {
        struct cli_progress progress;
        struct store *store = app_store(session.app);
        progress_start(&progress, cli, _("checking every record"));
        store_verify_watch(store, progress_step, &progress);
        enum rc rc =
            store_verify(store, keys_ed25519(), key_of, (void *)app_roster(session.app), &report);
        progress_end(&progress);
        // A break is a finding, not a failure to look.
        if (rc != RC_OK && report.what[0] == '\0') {
            code = cli_fail_rc(cli, rc, NULL);
        }
    }
    if (code == CLI_OK) {
        struct cli_list list;
        list_start(&list, cli, columns, COUNT_OF(columns));
        put(&list, &report);
        code = list_finish_form(&list);
    }
    if (code == CLI_OK && report.what[0] != '\0') {
        code = cli_fail(cli, "%s",
                        _("this store is damaged or was changed: keep a copy of the "
                          "folder, then restore a backup or join the device anew"));
    }
    session_close(&session);
    return code;
}
