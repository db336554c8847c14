#include "cli/cli_priv.h"

#include <stdlib.h>

#define SHOWN_DIGITS 12

static const struct cli_column columns[] = {
    {"time", N_("Time"), false},  {"hash", N_("Attachment"), false},
    {"media", N_("Type"), false}, {"size", N_("Bytes"), true},
    {"held", N_("Here"), true},   {"state", N_("State"), false},
    {"rule", N_("Rule"), false},  {"named", NULL, false},
};

static const char *state_of(const struct store_blob *blob, bool at_hub, const char **out_shown) {
    if (blob->refused != 0) {
        *out_shown = _("refused");
        return "refused";
    }
    if (blob->whole) {
        bool own = rid_is_zero(blob->origin);
        bool waits = own && !at_hub && !blob->at_hub;
        *out_shown = waits ? _("not yet at the hub") : _("whole");
        return waits ? "waiting" : "whole";
    }
    *out_shown = blob->wanted ? _("asked for") : _("arriving");
    return blob->wanted ? "wanted" : "arriving";
}

struct blob_list {
    struct cli_list list;
    bool is_hub;
};

static enum rc put_row(void *ctx, const struct store_blob *blob) {
    struct blob_list *rows = ctx;
    struct cli_list *list = &rows->list;
    char hex[CLI_HASH_BYTES];
    char json[CLI_HASH_BYTES + 2];
    const char *shown = "";
    const char *state = state_of(blob, rows->is_hub, &shown);
    list_time(list, blob->time);
    (void)snprintf(json, sizeof json, "\"%s\"", cli_hash_hex(&blob->hash, hex));
    hex[SHOWN_DIGITS] = '\0';
    list_put(list, json, hex);
    list_text(list, blob_media_name(blob->media));
    list_uint(list, blob->size);
    list_uint(list, blob->held);
    list_word(list, state, shown);
    if (blob->refused != 0) {
        list_word(list, refusal_name((enum refusal_code)blob->refused), say_rule(blob->refused));
    } else {
        list_put(list, NULL, "");
    }
    list_bool(list, blob->named, "");
    list_row(list);
    return RC_OK;
}

int cmd_blob_list(struct cli *cli) {
    struct session session;
    int code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK) {
        struct blob_list rows = {.is_hub = session_is_hub(&session)};
        list_start(&rows.list, cli, columns, COUNT_OF(columns));
        enum rc rc = store_blob_each(app_store(session.app), put_row, &rows);
        code = rc == RC_OK ? CLI_OK : cli_fail_rc(cli, rc, NULL);
        if (code == CLI_OK && rows.list.rows == 0) {
            cli_say(cli, "%s", _("no attachments"));
        }
        int printed = list_finish(&rows.list);
        code = code == CLI_OK ? printed : code;
    }
    session_close(&session);
    return code;
}
