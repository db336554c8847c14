#include "cli/cli_priv.h"

#include "davy/link/os.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { NAME, KIND, ACCOUNT, PASSWORD, COLUMN_COUNT };
static const struct csv_column columns[COLUMN_COUNT] = {
    [NAME] = {"name", true, LIMIT_NAME_BYTES},
    [KIND] = {"kind", true, 16},
    [ACCOUNT] = {"account", true, LIMIT_TAG_BYTES},
    [PASSWORD] = {"password", true, LIMIT_TAG_BYTES},
};
#define CARDS_MAX 500

static bool kind_of(const char *text, uint8_t *out_kind) {
    *out_kind = strcmp(text, "handheld") == 0 ? DEVICE_HANDHELD : DEVICE_CONSOLE;
    return *out_kind == DEVICE_HANDHELD || strcmp(text, "console") == 0;
}

static void check_row(struct session *session, struct csv *csv, uint32_t row) {
    struct cli *cli = session->cli;
    const char *account = csv_cell(csv, row, ACCOUNT);
    uint8_t kind;
    struct rid known;
    if (!kind_of(csv_cell(csv, row, KIND), &kind)) {
        csv_fault(cli, csv, row, KIND, _("is neither console nor handheld"));
    }
    if (account[0] != '\0' && !cli_is_code(account)) {
        csv_fault(cli, csv, row, ACCOUNT, _("may hold letters, digits, - and _"));
    }
    if (roster_device_by_account(app_roster(session->app), account, &known) &&
        !roster_device_revoked(app_roster(session->app), known)) {
        csv_fault(cli, csv, row, ACCOUNT, _("is taken already"));
    }
    for (uint32_t i = 0; i < row; i++) {
        if (strcmp(csv_cell(csv, i, ACCOUNT), account) == 0) {
            csv_fault(cli, csv, row, ACCOUNT, _("stands twice"));
            break;
        }
    }
}

static int check(struct cli *cli, struct csv *csv) {
    struct session session;
    int code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK) {
        code = csv_read(cli, cli->value[OPT_BATCH], csv);
        for (uint32_t i = 0; i < csv->rows; i++) {
            check_row(&session, csv, i);
        }
        if (csv->rows > CARDS_MAX) {
            code = cli_fail(cli, _("at most %d cards at once"), CARDS_MAX);
        }
    }
    session_close(&session);
    if (code == CLI_OK && csv->faults > 0) {
        code = cli_fail(cli, _("%u faults; nothing was written"), csv->faults);
    }
    return code;
}

static int card(struct session *session, const struct csv *csv, uint32_t row, FILE *out) {
    struct cli *cli = session->cli;
    struct buf payload;
    struct buf answer;
    struct slice text;
    char invite[1024];
    char until[CLI_TIME_BYTES];
    uint8_t kind = 0;
    (void)kind_of(csv_cell(csv, row, KIND), &kind);
    buf_init(&payload, LIMIT_CONTROL_MESSAGE_BYTES / 2);
    buf_init(&answer, LIMIT_CONTROL_MESSAGE_BYTES);
    buf_put_text(&payload, csv_cell(csv, row, NAME));
    buf_put_u8(&payload, kind);
    buf_put_text(&payload, cli->value[OPT_BROKER]);
    buf_put_text(&payload, csv_cell(csv, row, ACCOUNT));
    buf_put_text(&payload, csv_cell(csv, row, PASSWORD));
    int code = session_ask(session, CONTROL_INVITE, buf_slice(&payload), &answer, &text);
    if (code == CLI_OK) {
        struct utc_ms end = {os_now().utc.v + LIMIT_INVITE_AGE_MS};
        (void)text_clean(text, invite, sizeof invite);
        (void)fprintf(out, "%s\n%s  %s\n", csv_cell(csv, row, NAME), csv_cell(csv, row, ACCOUNT),
                      csv_cell(csv, row, KIND));
        (void)fprintf(out, _("good for one device until %s"), cli_local_time(end, until));
        (void)fprintf(out, "\n\n");
        qr_print(out, invite, false);
        (void)fprintf(out, "\n%s\n\f", invite);
    }
    keys_wipe(invite, sizeof invite);
    keys_wipe(payload.data, payload.len);
    keys_wipe(answer.data, answer.len);
    buf_fini(&payload);
    buf_fini(&answer);
    return code;
}

static int write_cards(struct cli *cli, const struct csv *csv, FILE *out) {
    struct session session;
    int code = session_open(cli, SESSION_HUB, &session);
    for (uint32_t i = 0; i < csv->rows && code == CLI_OK; i++) {
        code = card(&session, csv, i, out);
    }
    session_close(&session);
    return code;
}

// The cards hold secrets: the file is for its owner alone, and what is there is never written over.
static int write_file(struct cli *cli, const struct csv *csv) {
    const char *path = cli->value[OPT_OUT];
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
    if (!out) {
        if (fd >= 0) {
            (void)close(fd);
        }
        return cli_fail(cli, _("%s cannot be made, or exists already"), path);
    }
    int code = write_cards(cli, csv, out);
    bool good = fflush(out) == 0 && fsync(fd) == 0;
    good &= fclose(out) == 0;
    if (code == CLI_OK && !good) {
        code = cli_fail(cli, _("%s cannot be written: %s"), path, say_rc(RC_IO));
    }
    if (code != CLI_OK) {
        (void)unlink(path);
    }
    return code;
}

int cmd_device_enrol(struct cli *cli) {
    static const enum cli_opt needed[] = {OPT_BATCH, OPT_BROKER, OPT_OUT};
    struct csv csv = {.columns = columns, .column_count = COLUMN_COUNT};
    for (size_t i = 0; i < COUNT_OF(needed); i++) {
        if (!cli->value[needed[i]]) {
            return cli_fail_usage(cli, _("--%s is needed"), cli_options[needed[i]].name);
        }
    }
    char host[LIMIT_TAG_BYTES + 1];
    uint16_t port = 0;
    if (!cli_broker_parse(cli->value[OPT_BROKER], host, &port)) {
        return cli_fail_usage(cli, "%s", _("--broker takes HOST:PORT with a numeric address"));
    }
    int code = check(cli, &csv);
    if (code == CLI_OK) {
        code = write_file(cli, &csv);
    }
    if (code == CLI_OK) {
        cli_say(cli, _("%u cards in %s; then: davy device joins"), csv.rows, cli->value[OPT_OUT]);
    }
    csv_free(&csv);
    return code;
}
