#include "cli/cli_priv.h"

#include <stdlib.h>
#include <string.h>

#define ROWS_DEFAULT 100

static const struct cli_column columns[] = {
    {"n", N_("n"), true},
    {"time", N_("Time"), false},
    {"kind", N_("What"), false},
    {"person", N_("Who"), false},
    {"device", N_("Device"), false},
    {"signature", N_("Signature"), false},
    {"seal", N_("Seal"), false},
    {"verdict", N_("Verdict"), false},
    {"rule", N_("Rule"), false},
    {"review", N_("Review"), false},
    {"id", N_("Record"), false},
    {"author", NULL, false},
    {"lane", NULL, false},
    {"audience", NULL, false},
    {"seq", NULL, false},
};

// What stands beside the verdict of a record from a withdrawn device or key.
static void put_review(struct cli_list *list, const struct log_row *row) {
    static const char *const words[] = {
        [REVIEW_NONE] = N_("disputed"),
        [REVIEW_RELEASE] = N_("released"),
        [REVIEW_REJECT] = N_("rejected"),
    };
    if (row->disputed && row->review < COUNT_OF(words)) {
        list_word(list, words[row->review], _(words[row->review]));
    } else {
        list_put(list, NULL, "");
    }
}

static const char *kind_word(uint16_t number) {
    const struct kind *kind = registry_kind(app_registry(), number, NULL);
    return kind ? kind->name : "unknown";
}

static void put_row(struct cli_list *list, const struct log_row *row) {
    if (row->logged) {
        list_uint(list, row->n);
    } else {
        list_null(list);
    }
    list_time(list, row->time);
    list_word(list, kind_word(row->kind), say_kind(row->kind));
    list_text(list, row->person);
    list_text(list, row->device);
    list_bool(list, row->signed_by_person, _("signed"));
    list_bool(list, row->sealed, _("sealed"));
    if (row->logged) {
        list_word(list, verdict_name(row->verdict), say_verdict(row->verdict));
    } else {
        list_put(list, NULL, _("waiting"));
    }
    if (row->rule) {
        list_word(list, refusal_name((enum refusal_code)row->rule), say_rule(row->rule));
    } else {
        list_put(list, NULL, "");
    }
    put_review(list, row);
    list_id(list, row->rid.id);
    list_id(list, row->place.chain.author.id);
    list_uint(list, row->place.chain.lane);
    list_text(list, audience_name(row->place.chain.audience));
    list_uint(list, row->place.seq);
    list_row(list);
}

// text: the subject as it was given; NULL: the newest records of the site.
static int print(struct session *session, const char *text, uint32_t max) {
    struct rid subject = {{{0}}};
    struct cli *cli = session->cli;
    int code = text ? session_subject(session, text, &subject) : CLI_OK;
    if (code != CLI_OK) {
        return code;
    }
    struct log_row *rows = calloc(max, sizeof *rows);
    if (!rows) {
        return cli_fail_rc(cli, RC_NO_MEMORY, NULL);
    }
    struct cli_list list;
    uint32_t count = app_log(session->app, subject, rows, max);
    if (app_incomplete(session->app) != RC_OK) {
        free(rows);
        return cli_fail_rc(cli, app_incomplete(session->app), NULL);
    }
    if (count == 0 && text) {
        free(rows);
        return cli_fail(cli, _("no record is about %s; davy log --record ID shows one record"),
                        text);
    }
    list_start(&list, cli, columns, COUNT_OF(columns));
    for (uint32_t i = 0; i < count; i++) {
        put_row(&list, &rows[i]);
    }
    free(rows);
    code = list_finish(&list);
    if (count == 0) {
        cli_say(cli, "%s", _("no records"));
    }
    return code;
}

// A record by the first digits of its id: its own subject if it opens one, else among the newest.
static int find_record(struct session *session, const char *text, struct rid *out_rid) {
    size_t len = strlen(text);
    if (id16_parse(text, &out_rid->id) == RC_OK) {
        return CLI_OK;
    }
    struct log_row *rows = calloc(LIMIT_QUERY_ROWS, sizeof *rows);
    if (!rows) {
        return cli_fail_rc(session->cli, RC_NO_MEMORY, NULL);
    }
    uint32_t found = 0;
    uint32_t count =
        len >= 8 ? app_log(session->app, (struct rid){{{0}}}, rows, LIMIT_QUERY_ROWS) : 0;
    for (uint32_t i = 0; i < count; i++) {
        char hex[ID_HEX_BYTES];
        id16_hex(rows[i].rid.id, hex);
        if (strncmp(hex, text, len) == 0) {
            *out_rid = rows[i].rid;
            found++;
        }
    }
    free(rows);
    if (found > 1) {
        return cli_fail(session->cli, _("%s means more than one: give more digits"), text);
    }
    return found == 1
               ? CLI_OK
               : cli_fail(session->cli,
                          _("there is no record %s; davy log names them, older ones need all 32 "
                            "digits"),
                          text);
}

static int print_record(struct session *session, const char *text) {
    struct cli *cli = session->cli;
    struct rid rid;
    struct buf out;
    int code = find_record(session, text, &rid);
    if (code != CLI_OK) {
        return code;
    }
    buf_init(&out, LIMIT_CONTROL_MESSAGE_BYTES * 4);
    enum rc rc = app_record_export(session->app, rid, cli->json, &out);
    const char *shown = buf_cstr(&out);
    rc = rc == RC_OK ? buf_rc(&out) : rc;
    if (rc == RC_OK) {
        size_t len = strlen(shown);
        (void)fprintf(cli->io.out, "%s%s", shown, len > 0 && shown[len - 1] == '\n' ? "" : "\n");
    } else if (rc == RC_NOT_FOUND) {
        code = cli_fail(cli,
                        _("there is no record %s; davy log names them, older ones need all 32 "
                          "digits"),
                        text);
    } else {
        code = cli_fail_rc(cli, rc, NULL);
    }
    buf_fini(&out);
    return code;
}

int cmd_log(struct cli *cli) {
    struct session session;
    uint64_t max = ROWS_DEFAULT;
    int code = cli_option_uint(cli, OPT_LIMIT, 1, LIMIT_QUERY_ROWS, &max);
    if (code != CLI_OK) {
        return code;
    }
    if (cli->value[OPT_RECORD] && cli->arg_count > 0) {
        return cli_fail_usage(cli, "%s", _("a subject and --record exclude each other"));
    }
    code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK && cli->value[OPT_RECORD]) {
        code = print_record(&session, cli->value[OPT_RECORD]);
    } else if (code == CLI_OK) {
        code = print(&session, cli->arg_count > 0 ? cli->args[0] : NULL, (uint32_t)max);
    }
    session_close(&session);
    return code;
}
