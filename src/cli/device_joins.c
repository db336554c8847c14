#include "cli/cli_priv.h"
#include "cli/joins_priv.h"

#include <string.h>

static const struct cli_column columns[] = {{"code", N_("Code"), false},
                                            {"name", N_("Name"), false},
                                            {"kind", N_("Kind"), false},
                                            {"account", N_("Account"), false}};

static void take_text(struct reader *in, char *out, size_t out_bytes) {
    struct slice text = reader_bytes(in, out_bytes - 1);
    memcpy(out, text.data ? (const char *)text.data : "", text.len);
    out[text.len] = '\0';
}

bool join_next(struct reader *in, struct join_row *out_row) {
    take_text(in, out_row->code, sizeof out_row->code);
    reader_copy(in, out_row->key.b, PUBLIC_KEY_BYTES);
    take_text(in, out_row->name, sizeof out_row->name);
    out_row->kind = reader_u8(in);
    take_text(in, out_row->account, sizeof out_row->account);
    return in->rc == RC_OK;
}

int cmd_device_joins(struct cli *cli) {
    struct session session;
    struct buf answer;
    struct slice text;
    buf_init(&answer, LIMIT_CONTROL_MESSAGE_BYTES);
    int code = session_open(cli, SESSION_HUB, &session);
    if (code == CLI_OK) {
        code = session_ask(&session, CONTROL_JOINS, slice_of(NULL, 0), &answer, &text);
    }
    if (code == CLI_OK) {
        struct cli_list list;
        struct join_row row;
        struct reader in = reader_of(text);
        uint64_t count = reader_varint(&in);
        list_start(&list, cli, columns, COUNT_OF(columns));
        for (uint64_t i = 0; i < count && join_next(&in, &row); i++) {
            bool handheld = row.kind == DEVICE_HANDHELD;
            list_text(&list, row.code);
            list_text(&list, row.name);
            list_word(&list, handheld ? "handheld" : "console",
                      handheld ? _("handheld") : _("console"));
            list_text(&list, row.account);
            list_row(&list);
        }
        code = list_finish(&list);
        cli_say(cli, "%s",
                count == 0 ? _("no device asks to be enrolled")
                           : _("compare the code with the device's screen, then: davy device "
                               "confirm CODE"));
    }
    buf_fini(&answer);
    session_close(&session);
    return code;
}
