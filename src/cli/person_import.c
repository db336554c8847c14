#include "cli/cli_priv.h"

#include "davy/base/map.h"
#include "davy/link/os.h"

#include <stdlib.h>
#include <string.h>

enum { NAME, NUMBER, ROLE, AREA, EMPLOYER, JOB, FROM, UNTIL, COLUMN_COUNT };
static const struct csv_column columns[COLUMN_COUNT] = {
    [NAME] = {"name", true, LIMIT_NAME_BYTES},
    [NUMBER] = {"number", true, LIMIT_TAG_BYTES},
    [ROLE] = {"role", true, 32},
    [AREA] = {"area", false, LIMIT_TAG_BYTES},
    [EMPLOYER] = {"employer", false, LIMIT_NAME_BYTES},
    [JOB] = {"job", false, LIMIT_NAME_BYTES},
    [FROM] = {"from", false, 32},
    [UNTIL] = {"until", false, 32},
};

// A row that passed: the first of a number enrols the person, each one grants a role.
struct entry {
    struct role_spec role;
    uint32_t first; // the row that enrols this person; its own index if it is that one
    struct rid person;
};
struct import {
    struct session *session;
    struct csv csv;
    struct entry *entries;
    struct map *numbers; // badge number to the first row
    struct area_row *areas;
    uint32_t area_count;
    uint32_t people;
};

#define DAY_MS INT64_C(86400000)

static void take_time(struct import *import, uint32_t row, size_t column, bool end,
                      struct utc_ms *out_time) {
    const char *text = csv_cell(&import->csv, row, column);
    if (text[0] == '\0') {
        return;
    }
    if (cli_time_parse(text, os_now().utc, out_time) != RC_OK || out_time->v <= 0) {
        csv_fault(import->session->cli, &import->csv, row, column,
                  _("is no day such as 2026-11-24"));
    } else if (end && strlen(text) == 10) {
        out_time->v += DAY_MS;
    }
}

// An area that the site defines, or any well-formed one while it defines none.
static bool area_is_known(const struct import *import, const char *area) {
    bool any = false;
    bool found = false;
    for (uint32_t i = 0; i < import->area_count; i++) {
        any |= import->areas[i].code[0] != '\0';
        found |= strcmp(import->areas[i].code, area) == 0;
    }
    return area[0] == '\0' || (cli_is_code(area) && (found || !any));
}

static void take_role(struct import *import, uint32_t row) {
    struct cli *cli = import->session->cli;
    struct entry *entry = &import->entries[row];
    const char *role = csv_cell(&import->csv, row, ROLE);
    if (role[0] != '\0' &&
        (role_parse(role, &entry->role.role) != RC_OK || entry->role.role == ROLE_ROOT)) {
        csv_fault(cli, &import->csv, row, ROLE, _("is no role"));
    }
    entry->role.area = csv_cell(&import->csv, row, AREA);
    if (!area_is_known(import, entry->role.area)) {
        csv_fault(cli, &import->csv, row, AREA, _("is no area of the site"));
    }
    take_time(import, row, FROM, false, &entry->role.from);
    take_time(import, row, UNTIL, true, &entry->role.until);
    if (entry->role.until.v != 0 && entry->role.until.v <= entry->role.from.v) {
        csv_fault(cli, &import->csv, row, UNTIL, _("is before the beginning"));
    }
}

static bool same_person(const struct import *import, uint32_t a, uint32_t b) {
    return strcmp(csv_cell(&import->csv, a, NAME), csv_cell(&import->csv, b, NAME)) == 0;
}

static int take_row(struct import *import, uint32_t row) {
    struct cli *cli = import->session->cli;
    const char *number = csv_cell(&import->csv, row, NUMBER);
    struct rid known;
    uint32_t first = row;
    if (roster_person_by_number(app_roster(import->session->app), number, &known)) {
        csv_fault(cli, &import->csv, row, NUMBER, _("is taken already"));
    }
    if (map_get(import->numbers, slice_text(number), &first)) {
        if (!same_person(import, first, row)) {
            csv_fault(cli, &import->csv, row, NAME, _("differs from the other row of this number"));
        }
    } else if (number[0] != '\0') {
        if (map_set(import->numbers, slice_text(number), row) != RC_OK) {
            return cli_fail_rc(cli, RC_NO_MEMORY, NULL);
        }
        import->people++;
    }
    import->entries[row].first = first;
    take_role(import, row);
    return CLI_OK;
}

static int take_rows(struct import *import, const char *path) {
    struct cli *cli = import->session->cli;
    int code = csv_read(cli, path, &import->csv);
    // Rows that could be read are looked at all the same: one run names every fault.
    if (code != CLI_OK && import->csv.rows == 0) {
        return code;
    }
    import->entries = calloc(import->csv.rows + 1, sizeof *import->entries);
    import->areas = calloc(LIMIT_SITE_AREAS + 1, sizeof *import->areas);
    if (!import->entries || !import->areas || map_new(CSV_ROWS_MAX, 7, &import->numbers) != RC_OK) {
        return cli_fail_rc(cli, RC_NO_MEMORY, NULL);
    }
    import->area_count =
        app_areas(import->session->app, import->session->now, import->areas, LIMIT_SITE_AREAS + 1);
    for (uint32_t i = 0; i < import->csv.rows; i++) {
        if (take_row(import, i) != CLI_OK) {
            return CLI_FAILED;
        }
    }
    return import->csv.faults == 0
               ? CLI_OK
               : cli_fail(cli, _("%u faults; nothing was written"), import->csv.faults);
}

static const struct cli_column shown[] = {
    {"line", N_("Line"), true},  {"number", N_("Number"), false}, {"name", N_("Name"), false},
    {"role", N_("Role"), false}, {"area", N_("Area"), false},     {"act", N_("Act"), false}};

static void show_row(struct import *import, struct cli_list *list, uint32_t row) {
    const struct entry *entry = &import->entries[row];
    bool proposed = roster_needs(app_roster(import->session->app), KIND_ROLE_GRANT,
                                 entry->role.role, false) > 1;
    list_uint(list, import->csv.line[row]);
    list_text(list, csv_cell(&import->csv, row, NUMBER));
    list_text(list, csv_cell(&import->csv, row, NAME));
    list_word(list, role_name(entry->role.role), say_role(entry->role.role));
    list_text(list, entry->role.area);
    list_word(list, proposed ? "propose" : "grant", proposed ? _("proposed") : _("granted"));
    list_row(list);
}

static enum rc write_row(struct import *import, uint32_t row) {
    struct session *session = import->session;
    struct entry *entry = &import->entries[row];
    enum rc rc = RC_OK;
    if (entry->first == row) {
        struct person_spec spec = {.name = csv_cell(&import->csv, row, NAME),
                                   .number = csv_cell(&import->csv, row, NUMBER),
                                   .employer = csv_cell(&import->csv, row, EMPLOYER),
                                   .job = csv_cell(&import->csv, row, JOB)};
        rc = app_person_add(session->app, &spec, os_now(), &entry->person, &session->refusal);
    } else {
        entry->person = import->entries[entry->first].person;
    }
    return rc == RC_OK ? app_role_give(session->app, entry->person, &entry->role, os_now(),
                                       &session->refusal)
                       : rc;
}

static int write_rows(struct import *import) {
    struct cli *cli = import->session->cli;
    int code = session_sign_in(import->session, true);
    struct cli_progress progress;
    if (code != CLI_OK) {
        return code;
    }
    progress_start(&progress, cli, _("enrolling"));
    for (uint32_t i = 0; i < import->csv.rows && code == CLI_OK; i++) {
        enum rc rc = write_row(import, i);
        progress_step(&progress, i, import->csv.rows);
        if (rc != RC_OK) {
            (void)cli_fail_rc(cli, rc, &import->session->refusal);
            code = cli_fail(cli, _("line %u was not written; the lines before it were"),
                            import->csv.line[i]);
        }
    }
    progress_end(&progress);
    return code;
}

static int show(struct import *import) {
    struct cli_list list;
    list_start(&list, import->session->cli, shown, COUNT_OF(shown));
    for (uint32_t i = 0; i < import->csv.rows; i++) {
        show_row(import, &list, i);
    }
    return list_finish(&list);
}

int cmd_person_import(struct cli *cli) {
    struct session session;
    struct import import = {.session = &session,
                            .csv = {.columns = columns, .column_count = COLUMN_COUNT}};
    bool write = cli->value[OPT_WRITE] != NULL;
    int code = session_open(cli, write ? SESSION_ACT : SESSION_READ, &session);
    if (code == CLI_OK) {
        code = take_rows(&import, cli->args[0]);
    }
    if (code == CLI_OK && write) {
        code = write_rows(&import);
    }
    if (code == CLI_OK) {
        code = show(&import);
        cli_say(cli, write ? _("%u people enrolled") : _("%u people; --write enrols them"),
                import.people);
    }
    csv_free(&import.csv);
    free(import.entries);
    free(import.areas);
    map_free(import.numbers);
    session_close(&session);
    return code;
}
