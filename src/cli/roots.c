#include "cli/cli_priv.h"

#include "davy/link/os.h"

#include <string.h>

static const struct cli_column columns[] = {
    {"key", N_("Key"), false}, {"state", N_("State"), false}, {"signed", N_("Signed"), false}};

static void key_hex(const struct public_key *key, char out[static 2 * PUBLIC_KEY_BYTES + 1]) {
    for (size_t i = 0; i < PUBLIC_KEY_BYTES; i++) {
        (void)snprintf(out + 2 * i, 3, "%02x", key->b[i]);
    }
}

static bool key_parse(const char *text, struct public_key *out_key) {
    if (strlen(text) != 2 * PUBLIC_KEY_BYTES ||
        strspn(text, "0123456789abcdefABCDEF") != 2 * PUBLIC_KEY_BYTES) {
        return false;
    }
    for (size_t i = 0; i < PUBLIC_KEY_BYTES; i++) {
        unsigned byte = 0;
        (void)sscanf(text + 2 * i, "%2x", &byte);
        out_key->b[i] = (uint8_t)byte;
    }
    return true;
}

static void put_keys(struct cli_list *list, const struct roster_site *site,
                     const struct public_key *keys, uint8_t count, const char *state) {
    for (uint8_t i = 0; i < count; i++) {
        char hex[2 * PUBLIC_KEY_BYTES + 1];
        bool has_signed = false;
        for (uint8_t k = 0; k < site->next_signer_count; k++) {
            has_signed |= id16_equal(site->next_signers[k], key_id_of(&keys[i]).id);
        }
        key_hex(&keys[i], hex);
        list_text(list, hex);
        list_word(list, state, _(state));
        list_bool(list, has_signed, _("yes"));
        list_row(list);
    }
}

int cmd_roots_show(struct cli *cli) {
    struct session session;
    int code = session_open(cli, SESSION_READ, &session);
    const struct roster_site *site = code == CLI_OK ? roster_site(app_roster(session.app)) : NULL;
    if (site) {
        struct cli_list list;
        list_start(&list, cli, columns, COUNT_OF(columns));
        put_keys(&list, site, site->roots, site->root_count, N_("in force"));
        put_keys(&list, site, site->next.keys, site->next.count, N_("proposed"));
        put_keys(&list, site, site->retired, site->retired_count, N_("retired"));
        code = list_finish(&list);
        cli_say(cli, _("%u of %u root keys sign together"), site->threshold, site->root_count);
        if (site->next.count > 0) {
            cli_say(cli,
                    _("proposed: %u of %u; the old and the new ones sign it with davy roots "
                      "second"),
                    site->next.threshold, site->next.count);
        }
    }
    session_close(&session);
    return code;
}

int cmd_roots_make(struct cli *cli) {
    char pin[CLI_PIN_BYTES];
    char folder[PATH_MAX] = ".";
    char hex[2 * PUBLIC_KEY_BYTES + 1];
    struct public_key key;
    struct refusal refusal = {0};
    const char *slash = strrchr(cli->args[0], '/');
    const char *name = slash ? slash + 1 : cli->args[0];
    if (slash) {
        (void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - cli->args[0]), cli->args[0]);
    }
    int code = CLI_OK;
    if (cli->value[OPT_PIN_FILE]) {
        code = ask_file_line(cli, cli->value[OPT_PIN_FILE], 0, pin, sizeof pin);
    } else if (!ask_pin(_("PIN of the root key: "), pin)) {
        code = cli_fail_usage(cli, "%s",
                              _("no PIN was given; a script gives it with --pin-file FILE"));
    }
    if (code == CLI_OK && !pin_is_fit(pin, false, &refusal)) {
        code = cli_fail_rc(cli, RC_REFUSED, &refusal);
    }
    if (code == CLI_OK) {
        enum rc rc = keyfile_root_create(folder[0] ? folder : "/", name, pin, cli->io.cost, &key);
        code = rc == RC_OK ? CLI_OK
                           : cli_fail(cli, _("%s cannot be made: %s"), cli->args[0], say_rc(rc));
    }
    keys_wipe(pin, sizeof pin);
    if (code == CLI_OK) {
        key_hex(&key, hex);
        (void)fprintf(cli->io.out, "%s\n", hex);
    }
    return code;
}

static int take_roots(struct cli *cli, struct roster_roots *out_roots) {
    uint64_t threshold = 1;
    int code = cli_option_uint(cli, OPT_THRESHOLD, 1, (uint64_t)cli->arg_count, &threshold);
    out_roots->threshold = (uint8_t)threshold;
    for (int i = 0; i < cli->arg_count && code == CLI_OK; i++) {
        if (!key_parse(cli->args[i], &out_roots->keys[out_roots->count++])) {
            code = cli_fail_usage(cli, _("%s is no public key: davy roots make prints one"),
                                  cli->args[i]);
        }
    }
    if (code == CLI_OK && !cli->value[OPT_ROOT]) {
        code = cli_fail_usage(cli, _("--%s is needed"), "root");
    }
    return code;
}

int cmd_roots_change(struct cli *cli) {
    struct session session;
    struct roster_roots roots = {.count = 0};
    int code = take_roots(cli, &roots);
    if (code != CLI_OK) {
        return code;
    }
    code = session_open(cli, SESSION_ACT, &session);
    if (code == CLI_OK) {
        code = session_sign_in_root(&session);
    }
    if (code == CLI_OK) {
        enum rc rc = app_roots_change(session.app, &roots, os_now(), NULL, &session.refusal);
        code = rc == RC_OK ? CLI_OK : cli_fail_rc(cli, rc, &session.refusal);
    }
    session_close(&session);
    return code;
}

int cmd_roots_second(struct cli *cli) {
    struct session session;
    if (!cli->value[OPT_ROOT]) {
        return cli_fail_usage(cli, _("--%s is needed"), "root");
    }
    int code = session_open(cli, SESSION_ACT, &session);
    if (code == CLI_OK) {
        code = session_sign_in_root(&session);
    }
    if (code == CLI_OK) {
        const struct roster_site *site = roster_site(app_roster(session.app));
        struct rid subject = {session.config.site.id};
        struct rid proposal = site ? site->next_rid : (struct rid){{{0}}};
        if (rid_is_zero(proposal)) {
            code = cli_fail(cli, "%s", _("no change of root keys is proposed"));
        } else {
            enum rc rc = app_second(session.app, subject, proposal, os_now(), &session.refusal);
            code = rc == RC_OK ? CLI_OK : cli_fail_rc(cli, rc, &session.refusal);
        }
    }
    session_close(&session);
    return code;
}
