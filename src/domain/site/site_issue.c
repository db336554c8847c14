#include "site_priv.h"

#include "davy/base/text.h"
#include <stdio.h>
#include <string.h>

static const struct {
    bool is_error;
    const char *name;
    const char *form;
} issues_by_code[SITE_ISSUE_CODE_COUNT] = {
#define SITE_ISSUE_ROW(code, error, name, text) [code] = {(error) == 1, name, text},
    SITE_ISSUE_TABLE(SITE_ISSUE_ROW)
#undef SITE_ISSUE_ROW
};

bool site_issue_is_error(enum site_issue_code code) {
    return (unsigned)code >= SITE_ISSUE_CODE_COUNT || issues_by_code[code].is_error;
}

const char *site_issue_name(enum site_issue_code code) {
    return (unsigned)code < SITE_ISSUE_CODE_COUNT ? issues_by_code[code].name : "unknown";
}

const char *site_issue_form(enum site_issue_code code) {
    return (unsigned)code < SITE_ISSUE_CODE_COUNT ? issues_by_code[code].form : "unknown";
}

void site_issues_add(struct site_issues *issues, const struct site_issue *issue) {
    if (issues->kept < SITE_ISSUES_KEPT) {
        issues->items[issues->kept++] = *issue;
    }
    if (site_issue_is_error(issue->code)) {
        issues->error_count++;
    } else {
        issues->warning_count++;
    }
}

void site_issue(const struct site_place *place, enum site_issue_code code,
                const char *const args[]) {
    struct site_issue issue = {.code = code, .line = place->line};
    if (place->section != NULL) {
        (void)text_clean(slice_text(place->section), issue.section, sizeof issue.section);
    }
    if (place->field != NULL) {
        (void)text_clean(slice_text(place->field), issue.field, sizeof issue.field);
    }
    for (size_t i = 0; i < sizeof issue.args / sizeof issue.args[0] && args[i] != NULL; i++) {
        (void)text_clean(slice_text(args[i]), issue.args[i], sizeof issue.args[i]);
    }
    site_issues_add(place->issues, &issue);
}

void site_section_text(enum section_kind kind, const char *code, char *out, size_t out_bytes) {
    int written = snprintf(out, out_bytes, "%s%s%s", site_sections[kind].word,
                           code[0] == '\0' ? "" : " ", code);
    if (written < 0 || (size_t)written >= out_bytes) {
        (void)text_clean(slice_text(code), out, out_bytes);
    }
}

void site_mapping_issue(const struct site_mapping *mapping, const char *field, const char *reason,
                        struct site_issue *out_issue) {
    struct site_issues one = {.kept = 0};
    char section[LIMIT_TAG_BYTES + 16];
    site_section_text(SECTION_MAPPING, mapping->code, section, sizeof section);
    const struct site_place place = {&one, mapping->line, section, field};
    const struct {
        const char *field;
        const char *text;
    } texts[] = {
        {"topic", mapping->topic}, {"form", mapping->form},
        {"tag", mapping->tag},     {"time", mapping->time},
        {"good", mapping->good},   {"uncertain", mapping->uncertain},
        {"bad", mapping->bad},     {"bad_values", mapping->bad_values},
    };
    const char *value = "";
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        value = strcmp(texts[i].field, field) == 0 ? texts[i].text : value;
    }
    ISSUE(&place, SITE_MAPPING, value, reason);
    *out_issue = one.items[0];
}

// Puts the arguments into the form's %1$s .. %3$s.
static void form_fill(const struct site_issue *issue, struct buf *out) {
    const char *at = site_issue_form(issue->code);
    while (*at != '\0') {
        bool is_arg = at[0] == '%' && at[1] >= '1' && at[1] <= '3' && at[2] == '$' && at[3] == 's';
        if (is_arg) {
            const char *arg = issue->args[at[1] - '1'];
            buf_put(out, arg, strlen(arg));
            at += 4;
        } else {
            buf_put_u8(out, (uint8_t)*at++);
        }
    }
}

void site_issue_text(const struct site_issue *issue, const char *file,
                     char out_text[static SITE_ISSUE_TEXT_BYTES]) {
    struct buf line;
    buf_init(&line, 4096);
    buf_printf(&line, "%s:", file);
    if (issue->line > 0) {
        buf_printf(&line, "%u:", issue->line);
    }
    buf_printf(&line, "%s%s",
               site_issue_is_error(issue->code) ? " " : " warning: ", issue->section);
    buf_printf(&line, "%s%s", issue->section[0] != '\0' && issue->field[0] != '\0' ? ", " : "",
               issue->field);
    bool has_place = issue->section[0] != '\0' || issue->field[0] != '\0';
    buf_printf(&line, "%s", has_place ? ": " : "");
    form_fill(issue, &line);
    (void)text_clean(buf_slice(&line), out_text, SITE_ISSUE_TEXT_BYTES);
    buf_fini(&line);
}

enum rc site_issue_refuse(const struct site_issue *issue, const char *file, struct refusal *out) {
    char place[REFUSAL_ARG_BYTES];
    char name[REFUSAL_ARG_BYTES];
    (void)snprintf(name, sizeof name, "%.64s", file);
    (void)snprintf(place, sizeof place, "%.64s:%u", name, issue->line);
    return REFUSE(out, REFUSAL_FILE_LINE, place, issue->section, issue->field,
                  site_issue_name(issue->code));
}
