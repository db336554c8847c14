#include "cli/cli_priv.h"

#include "davy/app/bundle.h"
#include "davy/link/control.h"
#include "davy/link/os.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CALL_MS 15000 // an owner in a long commit still answers

static const struct cli_column columns[] = {
    {"frames", N_("Frames"), false},
    {"taken", N_("Taken"), false},
    {"known", N_("Held before"), false},
    {"other", N_("Not for this device"), false},
};

// A file that somebody brought: only a regular one, never through a link, never waiting for a pipe.
static int open_file(struct cli *cli, const char *path, FILE **out_file, uint64_t *out_bytes) {
    struct stat status;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno != ELOOP && errno != ENXIO) {
        return cli_fail(cli, _("%s cannot be opened: %s"), path, strerror(errno));
    }
    if (fd < 0 || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return cli_fail(cli,
                        _("%s is no regular file (a folder, link, pipe or device): name the "
                          "bundle itself"),
                        path);
    }
    if (status.st_size > LIMIT_BUNDLE_BYTES) {
        (void)close(fd);
        return cli_fail(cli, _("%s is too large for a bundle"), path);
    }
    FILE *file = fdopen(fd, "rb");
    if (!file) {
        (void)close(fd);
        return cli_fail_rc(cli, RC_NO_MEMORY, NULL);
    }
    *out_file = file;
    *out_bytes = (uint64_t)status.st_size;
    return CLI_OK;
}

static int fail_file(struct session *session, const char *path, enum rc rc) {
    char text[512];
    if (rc != RC_REFUSED) {
        return cli_fail_rc(session->cli, rc, &session->refusal);
    }
    if (session->refusal.code == REFUSAL_NOTHING) {
        return cli_fail(session->cli,
                        _("%s holds nothing for this kind of device: the hub takes what devices "
                          "export, a device what the hub exports"),
                        path);
    }
    return cli_fail(session->cli, _("%s: %s"), path,
                    say_refusal(&session->refusal, text, sizeof text));
}

// ---- Parts, to whoever owns the store ----

static enum rc hand_over(struct session *session, const struct bundle_reader *reader,
                         const struct bundle_part *part, struct bundle_report *report) {
    struct control_answer said = {0};
    struct buf payload;
    struct buf request;
    struct buf answer;
    buf_init(&payload, LIMIT_CONTROL_MESSAGE_BYTES);
    buf_init(&request, LIMIT_CONTROL_MESSAGE_BYTES);
    buf_init(&answer, LIMIT_CONTROL_MESSAGE_BYTES);
    control_import_encode(buf_slice(&reader->head_bytes), part->frame, &payload);
    control_request(CONTROL_IMPORT, buf_slice(&payload), &request);
    enum rc rc = buf_rc(&payload) == RC_OK ? buf_rc(&request) : buf_rc(&payload);
    if (rc == RC_OK) {
        rc = control_call(session->cli->dir, buf_slice(&request), CALL_MS, &answer);
    }
    if (rc == RC_OK) {
        rc = control_answer_decode(buf_slice(&answer), &said);
    }
    if (rc == RC_OK) {
        rc = said.rc;
        session->refusal = said.refusal;
    }
    if (rc == RC_OK) {
        struct reader in = reader_of(said.payload);
        uint64_t records = reader_varint(&in);
        report->frames++;
        report->records += (uint32_t)records;
        report->known += records == 0;
    }
    buf_fini(&payload);
    buf_fini(&request);
    buf_fini(&answer);
    return rc;
}

static bool is_mine(const struct session *session, const struct bundle_part *part) {
    return (part->type == FRAME_BATCH) == session_is_hub(session);
}

static enum rc take_part(struct session *session, const struct bundle_reader *reader,
                         const struct bundle_part *part, struct bundle_report *report) {
    if (!is_mine(session, part)) {
        report->frames++;
        report->other++;
        return RC_OK;
    }
    if (session->owned) {
        return hand_over(session, reader, part, report);
    }
    return session->hub
               ? hub_import_part(session->hub, &reader->head, part, report, &session->refusal)
               : app_import_part(session->app, &reader->head, part, os_now(), report,
                                 &session->refusal);
}

static enum rc begin(struct session *session) {
    if (session->owned) {
        return RC_OK;
    }
    return session->hub ? hub_import_begin(session->hub, os_now(), &session->refusal)
                        : app_import_begin(session->app);
}

static enum rc end(struct session *session, enum rc rc) {
    if (session->owned) {
        return rc;
    }
    return session->hub ? hub_import_end(session->hub, rc) : app_import_end(session->app, rc);
}

static enum rc take_all(struct session *session, FILE *file, uint64_t bytes,
                        struct bundle_report *report) {
    struct bundle_reader reader;
    struct bundle_part part;
    struct cli_progress bar;
    progress_start(&bar, session->cli, _("reading records"));
    enum rc rc = bundle_reader_open(&reader, file, keys_ed25519(), &session->refusal);
    if (rc == RC_OK) {
        rc = begin(session);
        while (rc == RC_OK) {
            rc = bundle_reader_next(&reader, &part, &session->refusal);
            if (rc == RC_OK) {
                rc = take_part(session, &reader, &part, report);
                progress_step(&bar, reader.at, bytes);
            }
        }
        rc = end(session, rc == RC_NOT_FOUND ? RC_OK : rc);
    }
    bundle_reader_close(&reader);
    progress_end(&bar);
    return rc;
}

static enum rc check_all(struct session *session, FILE *file, uint64_t bytes) {
    struct cli_progress bar;
    struct bundle_progress progress = {progress_step, &bar};
    progress_start(&bar, session->cli, _("checking the file"));
    enum rc rc = app_import_check(session->app, file, bytes, &progress, &session->refusal);
    progress_end(&bar);
    return rc;
}

static int print(struct cli *cli, const struct bundle_report *report) {
    struct cli_list list;
    list_start(&list, cli, columns, COUNT_OF(columns));
    list_uint(&list, report->frames);
    list_uint(&list, report->records);
    list_uint(&list, report->known);
    list_uint(&list, report->other);
    list_row(&list);
    return list_finish_form(&list);
}

int cmd_import(struct cli *cli) {
    struct session session = {.cli = cli};
    struct bundle_report report = {0};
    const char *path = cli->args[0];
    FILE *file = NULL;
    uint64_t bytes = 0;
    int code = open_file(cli, path, &file, &bytes);
    if (code != CLI_OK) {
        return code;
    }
    code = session_open(cli, SESSION_ACT, &session);
    if (code == CLI_OK) {
        enum rc rc = check_all(&session, file, bytes);
        if (rc == RC_OK) {
            rc = take_all(&session, file, bytes, &report);
        }
        code = rc == RC_OK ? print(cli, &report) : fail_file(&session, path, rc);
    }
    (void)fclose(file);
    session_close(&session);
    return code;
}
