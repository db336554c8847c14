#include "cli/cli_priv.h"

struct rebuilding {
    struct cli_progress progress;
    uint64_t total;
};

static void on_progress(void *ctx, uint64_t done, uint64_t total) {
    struct rebuilding *rebuilding = ctx;
    rebuilding->total = total;
    progress_step(&rebuilding->progress, done, total);
}

static const struct cli_column columns[] = {{"entries", NULL, false}};

int cmd_rebuild(struct cli *cli) {
    struct store *store = NULL;
    struct refusal refusal = {0};
    struct rebuilding rebuilding = {.total = 0};
    struct store_options options = {.folder = cli->dir, .registry = app_registry()};
    enum rc rc = store_open(&options, &store, &refusal);
    if (rc == RC_BUSY) {
        return cli_fail(cli, "%s", _("davy or davyd runs on this store: end it, then repeat"));
    }
    if (rc == RC_NOT_FOUND) {
        return cli_fail(cli, _("there is no store in %s"), cli->dir);
    }
    if (rc == RC_OK) {
        progress_start(&rebuilding.progress, cli, _("folding the log"));
        rc = store_rebuild(store, on_progress, &rebuilding);
        progress_end(&rebuilding.progress);
    }
    store_close(store);
    if (rc != RC_OK) {
        return cli_fail_rc(cli, rc, &refusal);
    }
    struct cli_list list;
    list_start(&list, cli, columns, COUNT_OF(columns));
    list_uint(&list, rebuilding.total);
    list_row(&list);
    cli_say(cli, _("views rebuilt from %llu log entries"), (unsigned long long)rebuilding.total);
    return list_finish(&list);
}
