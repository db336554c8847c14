#include "cli/cli_priv.h"

#include "davy/domain/site/site.h"
#include "davy/feed/mapping.h"
#include "davy/link/os.h"

#include <stdlib.h>
#include <string.h>

static const struct cli_column columns[] = {
    {"file", NULL, false},  {"line", NULL, false}, {"level", NULL, false}, {"section", NULL, false},
    {"field", NULL, false}, {"code", NULL, false}, {"text", NULL, false},
};

// %1$s .. %3$s become the arguments; nothing else in a form is special.
static void put_form(struct buf *out, const char *form, const struct site_issue *issue) {
    for (const char *at = form; *at != '\0'; at++) {
        if (at[0] == '%' && at[1] >= '1' && at[1] <= '3' && at[2] == '$' && at[3] == 's') {
            const char *arg = issue->args[at[1] - '1'];
            buf_put(out, arg, strlen(arg));
            at += 3;
        } else {
            buf_put_u8(out, (uint8_t)*at);
        }
    }
}

// site.ini:17: tag TI-101, H: error: text
static void print_issue(struct cli *cli, struct cli_list *list, const char *file,
                        const struct site_issue *issue) {
    struct buf text;
    bool error = site_issue_is_error(issue->code);
    buf_init(&text, SITE_ISSUE_TEXT_BYTES * 2);
    put_form(&text, cli->json ? site_issue_form(issue->code) : _(site_issue_form(issue->code)),
             issue);
    const char *shown = buf_cstr(&text);
    cli->incomplete = buf_rc(&text) != RC_OK ? buf_rc(&text) : cli->incomplete;
    list_text(list, file);
    list_uint(list, issue->line);
    list_text(list, error ? "error" : "warning");
    list_text(list, issue->section);
    list_text(list, issue->field);
    list_text(list, site_issue_name(issue->code));
    list_text(list, shown);
    list_row(list);
    cli_say(cli, "%s:%u: %s%s%s%s%s: %s", file, issue->line, issue->section,
            issue->section[0] != '\0' && issue->field[0] != '\0' ? ", " : "", issue->field,
            issue->section[0] != '\0' || issue->field[0] != '\0' ? ": " : "",
            error ? _("error") : _("warning"), shown);
    buf_fini(&text);
}

static enum rc check_mappings(const struct site *site, struct site_issues *issues) {
    for (uint32_t i = 0; i < site->mapping_count; i++) {
        const struct site_mapping *mapping = &site->mappings[i];
        struct feed_mapping_text text = {.topic = mapping->topic,
                                         .form = mapping->form,
                                         .tag = mapping->tag,
                                         .time = mapping->time,
                                         .good = mapping->good,
                                         .uncertain = mapping->uncertain,
                                         .bad = mapping->bad,
                                         .bad_values = mapping->bad_values};
        struct feed_mapping_fault fault = {0};
        enum rc rc = feed_mapping_check(&text, &fault);
        if (rc == RC_NO_MEMORY) {
            return rc;
        }
        if (rc != RC_OK) {
            struct site_issue issue;
            site_mapping_issue(mapping, fault.field, fault.reason, &issue);
            site_issues_add(issues, &issue);
        }
    }
    return RC_OK;
}

static int report(struct cli *cli, const char *file, const struct site_issues *issues) {
    struct cli_list list;
    list_start(&list, cli, columns, COUNT_OF(columns));
    for (uint32_t i = 0; i < issues->kept; i++) {
        print_issue(cli, &list, file, &issues->items[i]);
    }
    int code = list_finish(&list);
    if (issues->error_count + issues->warning_count > issues->kept) {
        cli_say(cli, _("%u more"), issues->error_count + issues->warning_count - issues->kept);
    }
    return issues->error_count > 0 ? CLI_FAILED : code;
}

int site_file_check(struct cli *cli, const char *path, struct buf *out_text) {
    struct site_issues *issues = calloc(1, sizeof *issues);
    struct site *site = NULL;
    enum rc rc = issues ? os_file_read(path, out_text) : RC_NO_MEMORY;
    if (rc != RC_OK) {
        free(issues);
        return cli_fail(cli, _("%s cannot be read: %s"), path, say_rc(rc));
    }
    rc = site_parse(buf_slice(out_text), 1, &site, issues);
    if (rc == RC_OK) {
        rc = check_mappings(site, issues);
    }
    int code = report(cli, path, issues);
    if (code == CLI_OK && rc != RC_OK) {
        code = cli_fail_rc(cli, rc, NULL);
    }
    if (code == CLI_OK && cli->command->run == cmd_site_check) {
        cli_say(cli, _("%s: %u areas, %u tags, %u gateways, %u warnings"), path, site->area_count,
                site->tag_count, site->gateway_count, issues->warning_count);
    }
    site_free(site);
    free(issues);
    return code;
}

int cmd_site_check(struct cli *cli) {
    struct buf text;
    buf_init(&text, LIMIT_SITE_FILE_BYTES);
    int code = site_file_check(cli, cli->args[0], &text);
    buf_fini(&text);
    return code;
}
