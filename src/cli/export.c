#include "cli/cli_priv.h"

#include "davy/app/bundle.h"
#include "davy/link/os.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const struct cli_column columns[] = {
    {"frames", N_("Frames"), false},
    {"records", N_("Records"), false},
    {"bytes", N_("Bytes"), false},
};

// "2/park": a lane and an audience.
static bool parse_chain(const char *text, struct bundle_choice *choice) {
    if (text[0] < '0' || text[0] >= '0' + LANE_COUNT || text[1] != '/') {
        return false;
    }
    for (uint8_t audience = 0; audience < AUDIENCE_COUNT; audience++) {
        if (strcmp(text + 2, audience_name(audience)) == 0) {
            choice->one = true;
            choice->lane = (uint8_t)(text[0] - '0');
            choice->audience = audience;
            return true;
        }
    }
    return false;
}

static int choice_of(struct cli *cli, struct bundle_choice *out_choice) {
    const char *chain = cli->value[OPT_CHAIN];
    *out_choice = (struct bundle_choice){.all = cli->value[OPT_ALL_PLACES] != NULL};
    if (chain && !parse_chain(chain, out_choice)) {
        return cli_fail_usage(cli,
                              _("--chain takes a lane from 0 to 3 and site, park or city: 2/site"));
    }
    return cli_option_uint(cli, OPT_FROM_PLACE, 1, INT64_MAX, &out_choice->from);
}

// Never over a file that is there, never through a link.
static int create(struct cli *cli, const char *path, FILE **out_file) {
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (file) {
        *out_file = file;
        return CLI_OK;
    }
    int error = errno;
    if (fd >= 0) {
        (void)close(fd);
        (void)unlink(path);
    }
    return error == EEXIST ? cli_fail(cli, _("%s exists already; name another file"), path)
                           : cli_fail(cli, _("%s cannot be written: %s"), path, strerror(error));
}

static enum rc write_file(struct session *session, const struct bundle_choice *choice, FILE *file,
                          struct bundle_report *report) {
    struct cli_progress bar;
    struct bundle_progress progress = {progress_step, &bar};
    progress_start(&bar, session->cli, _("writing records"));
    enum rc rc =
        app_export(session->app, choice, file, &progress, os_now(), report, &session->refusal);
    if (rc == RC_OK && (fflush(file) != 0 || fsync(fileno(file)) != 0)) {
        rc = errno == ENOSPC || errno == EDQUOT ? RC_FULL : RC_IO;
    }
    progress_end(&bar);
    return rc;
}

static int export_to(struct session *session, const struct bundle_choice *choice,
                     const char *path) {
    struct cli *cli = session->cli;
    struct bundle_report report;
    FILE *file = NULL;
    int code = create(cli, path, &file);
    if (code != CLI_OK) {
        return code;
    }
    enum rc rc = write_file(session, choice, file, &report);
    if (fclose(file) != 0 && rc == RC_OK) {
        rc = RC_IO;
    }
    if (rc != RC_OK) {
        (void)unlink(path); // half a bundle is none
        if (rc == RC_REFUSED && session->refusal.code == REFUSAL_NOTHING) {
            return cli_fail(cli, "%s",
                            _("there is nothing to export: the hub holds all of this device; "
                              "--all exports it anyway"));
        }
        return cli_fail_rc(cli, rc, &session->refusal);
    }
    struct cli_list list;
    list_start(&list, cli, columns, COUNT_OF(columns));
    list_uint(&list, report.frames);
    list_uint(&list, report.records);
    list_uint(&list, report.bytes);
    list_row(&list);
    return list_finish_form(&list);
}

int cmd_export(struct cli *cli) {
    struct session session;
    struct bundle_choice choice;
    int code = choice_of(cli, &choice);
    if (code != CLI_OK) {
        return code;
    }
    code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK) {
        code = export_to(&session, &choice, cli->args[0]);
    }
    session_close(&session);
    return code;
}
