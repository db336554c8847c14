#include "cli/cli_priv.h"

static const struct cli_column columns[] = {
    {"number", N_("Number"), false}, {"name", N_("Name"), false}, {"roles", N_("Roles"), false},
    {"keys", N_("Keys"), true},      {"id", N_("Id"), false},
};

// JSON: [{"role":"operator","area":"R1"}]; people: "operator R1, viewer".
static void put_proposals(struct buf *shown, const struct roster *roster, struct rid id) {
    const struct roster_proposal *rows = NULL;
    uint8_t count = roster_proposals(roster, id, &rows);
    for (uint8_t i = 0; i < count; i++) {
        bool role = rows[i].kind == KIND_ROLE_GRANT;
        buf_printf(shown, "%s%s%s%s (%s %u/%u)", shown->len > 0 ? ", " : "",
                   role ? say_role((enum role)rows[i].role.role) : say_kind(rows[i].kind),
                   rows[i].role.area[0] != '\0' ? " " : "", rows[i].role.area, _("proposed"),
                   rows[i].signer_count, rows[i].needs);
    }
}

static void put_roles(struct cli_list *list, const struct roster *roster, struct rid id) {
    const struct roster_person *person = roster_person(roster, id);
    struct buf json;
    struct buf shown;
    buf_init(&json, 16384);
    buf_init(&shown, 16384);
    buf_put_u8(&json, '[');
    for (uint8_t i = 0; i < person->role_count; i++) {
        const struct roster_role *role = &person->roles[i];
        buf_printf(&json, "%s{\"role\":\"%s\",\"area\":", i > 0 ? "," : "",
                   role_name((enum role)role->role));
        json_put_text(&json, slice_text(role->area));
        buf_put_u8(&json, '}');
        buf_printf(&shown, "%s%s%s%s", i > 0 ? ", " : "", say_role((enum role)role->role),
                   role->area[0] != '\0' ? " " : "", role->area);
    }
    buf_put_u8(&json, ']');
    put_proposals(&shown, roster, id);
    list_put_bufs(list, &json, &shown);
}

int cmd_person_list(struct cli *cli) {
    struct session session;
    int code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK) {
        struct cli_list list;
        struct rid id;
        const struct roster *roster = app_roster(session.app);
        list_start(&list, cli, columns, COUNT_OF(columns));
        for (uint32_t i = 0; roster_person_at(roster, i, &id); i++) {
            const struct roster_person *person = roster_person(roster, id);
            if (person) {
                list_text(&list, person->number);
                list_text(&list, person->name);
                put_roles(&list, roster, id);
                list_uint(&list, person->key_count);
                list_id(&list, id.id);
                list_row(&list);
            }
        }
        code = list_finish(&list);
    }
    session_close(&session);
    return code;
}
