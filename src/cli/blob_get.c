#include "cli/cli_priv.h"

#include "davy/link/os.h"

static int find(struct session *session, const char *text, struct hash32 *out_hash) {
    struct cli *cli = session->cli;
    enum rc rc = store_blob_find(app_store(session->app), text, out_hash);
    if (rc == RC_INVALID) {
        return cli_fail(cli,
                        _("%s: give 8 or more digits of one attachment; davy blob list shows "
                          "them"),
                        text);
    }
    if (rc == RC_NOT_FOUND) {
        return cli_fail(cli, _("no attachment %s is known here; davy blob list shows them"), text);
    }
    return rc == RC_OK ? CLI_OK : cli_fail_rc(cli, rc, NULL);
}

// Asks for it: a device fetches it from the hub as soon as there is a link.
static int want(struct session *session, const struct hash32 *hash) {
    struct cli *cli = session->cli;
    struct slice payload = slice_of(hash->b, HASH_BYTES);
    if (session_is_hub(session)) {
        return cli_fail(cli, "%s", _("its bytes have not arrived at the hub yet; try again later"));
    }
    if (session->owned) {
        struct slice unused;
        struct buf answer;
        buf_init(&answer, LIMIT_CONTROL_MESSAGE_BYTES);
        int code = session_ask(session, CONTROL_BLOB_WANT, payload, &answer, &unused);
        buf_fini(&answer);
        if (code != CLI_OK) {
            return code;
        }
    } else {
        enum rc rc = blob_want_take(app_store(session->app), payload, os_now());
        if (rc != RC_OK) {
            return cli_fail_rc(cli, rc, NULL);
        }
    }
    return cli_fail(
        cli, "%s",
        _("its bytes are not here yet; they were asked for and come when the link has time"));
}

static int save(struct session *session, const struct hash32 *hash, const char *path) {
    struct cli *cli = session->cli;
    struct store_blob blob = {0};
    enum rc rc = store_blob_get(app_store(session->app), hash, &blob);
    if (rc != RC_OK && rc != RC_NOT_FOUND) {
        return cli_fail_rc(cli, rc, NULL);
    }
    if (!blob.whole) {
        return want(session, hash);
    }
    rc = blob_save(app_store(session->app), hash, path);
    if (rc == RC_OK) {
        cli_say(cli, _("written to %s"), path);
        return CLI_OK;
    }
    return cli_fail(cli, _("%s cannot be written: %s"), path, say_rc(rc));
}

int cmd_blob_get(struct cli *cli) {
    struct session session;
    struct hash32 hash;
    int code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK && !session.owned && !session_is_hub(&session)) {
        // Nobody else would write down that it is wanted.
        session_close(&session);
        code = session_open(cli, SESSION_ACT, &session);
    }
    if (code == CLI_OK) {
        code = find(&session, cli->args[0], &hash);
    }
    if (code == CLI_OK) {
        code = save(&session, &hash, cli->args[1]);
    }
    session_close(&session);
    return code;
}
