#include "cli/cli_priv.h"

#include <unistd.h>

struct progress {
    struct cli *cli;
    bool shown;
    uint64_t total;
    unsigned percent;
};

static void on_progress(void *ctx, uint64_t done, uint64_t total) {
    struct progress *progress = ctx;
    progress->total = total;
    unsigned percent = total > 0 ? (unsigned)(done * 100 / total) : 100;
    if (progress->shown && percent != progress->percent) {
        progress->percent = percent;
        (void)fprintf(progress->cli->io.err, "\r%3u %%", percent);
        (void)fflush(progress->cli->io.err);
    }
}

static const struct cli_column columns[] = {{"entries", NULL, false}};

int cmd_rebuild(struct cli *cli) {
    struct store *store = NULL;
    struct refusal refusal = {0};
    struct progress progress = {.cli = cli, .shown = isatty(STDERR_FILENO), .percent = 101};
    struct store_options options = {.folder = cli->dir, .registry = app_registry()};
    enum rc rc = store_open(&options, &store, &refusal);
    if (rc == RC_BUSY) {
        return cli_fail(cli, "%s", _("davy or davyd runs on this store: end it, then repeat"));
    }
    if (rc == RC_NOT_FOUND) {
        return cli_fail(cli, _("there is no store in %s"), cli->dir);
    }
    if (rc == RC_OK) {
        rc = store_rebuild(store, on_progress, &progress);
    }
    store_close(store);
    if (progress.shown) {
        (void)fprintf(cli->io.err, "\r");
    }
    if (rc != RC_OK) {
        return cli_fail_rc(cli, rc, &refusal);
    }
    struct cli_list list;
    list_start(&list, cli, columns, COUNT_OF(columns));
    list_uint(&list, progress.total);
    list_row(&list);
    cli_say(cli, _("views rebuilt from %llu log entries"), (unsigned long long)progress.total);
    return list_finish(&list);
}
