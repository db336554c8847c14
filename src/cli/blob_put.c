#include "cli/cli_priv.h"

#include "davy/link/os.h"

static const struct cli_column columns[] = {
    {"hash", NULL, false}, {"size", NULL, true}, {"media", NULL, false}};

static int give_parts(struct session *session, const struct blob_file *file) {
    struct buf payload;
    struct buf answer;
    struct slice unused;
    uint32_t offset = 0;
    int code = CLI_OK;
    buf_init(&payload, LIMIT_CONTROL_MESSAGE_BYTES / 2);
    buf_init(&answer, LIMIT_CONTROL_MESSAGE_BYTES);
    while (offset < file->size && code == CLI_OK) {
        buf_reset(&payload);
        buf_reset(&answer);
        blob_part_encode(file, &offset, &payload);
        code = buf_rc(&payload) == RC_OK
                   ? session_ask(session, CONTROL_BLOB_PUT, buf_slice(&payload), &answer, &unused)
                   : cli_fail_rc(session->cli, buf_rc(&payload), NULL);
    }
    buf_fini(&payload);
    buf_fini(&answer);
    return code;
}

int session_blob_put(struct session *session, const char *path, struct blob_file *out_file) {
    enum rc rc = blob_file_read(path, out_file, &session->refusal);
    if (rc == RC_NOT_FOUND || rc == RC_DENIED || rc == RC_IO) {
        return cli_fail(session->cli, _("%s cannot be read: %s"), path, say_rc(rc));
    }
    if (rc == RC_OK && (session->owned || session->hub)) {
        return give_parts(session, out_file);
    }
    if (rc == RC_OK) {
        rc = blob_file_put(app_store(session->app), out_file, os_now(), &session->refusal);
    }
    return rc == RC_OK ? CLI_OK : cli_fail_rc(session->cli, rc, &session->refusal);
}

int cmd_blob_put(struct cli *cli) {
    struct session session;
    struct blob_file file = {0};
    int code = session_open(cli, SESSION_ACT, &session);
    if (code == CLI_OK) {
        code = session_blob_put(&session, cli->args[0], &file);
        if (code == CLI_OK) {
            struct cli_list list;
            char hex[CLI_HASH_BYTES];
            list_start(&list, cli, columns, COUNT_OF(columns));
            list_text(&list, cli_hash_hex(&file.hash, hex));
            list_uint(&list, file.size);
            list_text(&list, blob_media_name(file.media));
            list_row(&list);
            cli_say(cli, "%s", hex);
            code = list_finish(&list);
        }
        blob_file_free(&file);
    }
    session_close(&session);
    return code;
}
