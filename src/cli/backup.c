#include "cli/backup_priv.h"

#include "davy/link/os.h"

#include <string.h>
#include <sys/stat.h>

static const struct cli_column columns[] = {
    {"file", N_("File"), false},        {"device", N_("Device"), false},
    {"site", N_("Site"), false},        {"time", N_("Time"), false},
    {"files", N_("Files"), false},      {"bytes", N_("Bytes"), false},
    {"signer", N_("Sealed by"), false},
};

int backup_report(struct cli *cli, const char *path, const struct backup_info *info) {
    struct cli_list list;
    char site[ID_HEX_BYTES];
    char signer[ID_HEX_BYTES];
    id16_hex(info->head.site.id, site);
    id16_hex(key_id_of(&info->signer).id, signer);
    list_start(&list, cli, columns, COUNT_OF(columns));
    list_text(&list, path);
    list_text(&list, info->head.name);
    list_text(&list, site);
    list_time(&list, info->head.time);
    list_uint(&list, info->files);
    list_uint(&list, info->bytes);
    list_text(&list, signer);
    list_row(&list);
    return list_finish_form(&list);
}

static int take_pin(struct cli *cli, bool twice, char out_pin[static CLI_PIN_BYTES]) {
    char again[CLI_PIN_BYTES];
    if (cli->value[OPT_PIN_FILE]) {
        return ask_file_line(cli, cli->value[OPT_PIN_FILE], 0, out_pin, CLI_PIN_BYTES);
    }
    if (!ask_pin(_("PIN of the backup key: "), out_pin) ||
        (twice && !ask_pin(_("Once more: "), again))) {
        return cli_fail_usage(cli, _("no PIN was given; a script gives it with --pin-file FILE"));
    }
    int code = twice && strcmp(out_pin, again) != 0
                   ? cli_fail(cli, "%s", _("the two PINs are not the same"))
                   : CLI_OK;
    keys_wipe(again, sizeof again);
    return code;
}

int backup_key_open(struct cli *cli, struct sealfile_key *out_key) {
    char pin[CLI_PIN_BYTES] = "";
    struct refusal refusal = {0};
    if (!cli->value[OPT_KEY]) {
        return cli_fail_usage(cli, _("--%s is needed"), "key");
    }
    int code = take_pin(cli, false, pin);
    if (code == CLI_OK) {
        enum rc rc = sealfile_key_open(cli->value[OPT_KEY], pin, out_key);
        if (rc == RC_DENIED) {
            (void)!REFUSE(&refusal, REFUSAL_BACKUP_KEY, "");
            code = cli_fail_rc(cli, RC_REFUSED, &refusal);
        } else if (rc != RC_OK) {
            code = cli_fail(cli, _("%s cannot be read: %s"), cli->value[OPT_KEY], say_rc(rc));
        }
    }
    keys_wipe(pin, sizeof pin);
    return code;
}

// ---- davy backup key ----

static int make_key(struct cli *cli, const char *path, const char *pin) {
    char text[SEALFILE_TEXT_BYTES];
    char beside[PATH_MAX];
    struct buf line;
    uint8_t public_part[32];
    enum rc rc = sealfile_key_make(path, pin, cli->io.cost, public_part);
    if (rc == RC_INVALID) {
        return cli_fail(cli, "%s", _("the PIN has 8 to 32 digits"));
    }
    if (rc != RC_OK) {
        return cli_fail(cli, _("%s cannot be written: %s"), path, say_rc(rc));
    }
    sealfile_public_text(public_part, text);
    buf_init(&line, SEALFILE_TEXT_BYTES + 2);
    buf_printf(&line, "%s\n", text);
    (void)snprintf(beside, sizeof beside, "%.4000s.pub", path);
    rc = os_file_write(beside, buf_slice(&line), 0644);
    buf_fini(&line);
    if (rc != RC_OK) {
        return cli_fail(cli, _("%s cannot be written: %s"), beside, say_rc(rc));
    }
    cli_say(cli, _("%s opens every backup: keep it and its PIN away from the plant's machines"),
            path);
    cli_say(cli, _("copy %s to %s/backup.pub"), beside, cli->dir);
    return CLI_OK;
}

int cmd_backup_key(struct cli *cli) {
    char pin[CLI_PIN_BYTES] = "";
    int code = take_pin(cli, true, pin);
    if (code == CLI_OK) {
        code = make_key(cli, cli->args[0], pin);
    }
    keys_wipe(pin, sizeof pin);
    return code;
}

// ---- davy backup check ----

int cmd_backup_check(struct cli *cli) {
    struct sealfile_key key = {0};
    struct backup_info info;
    struct refusal refusal = {0};
    int code = backup_key_open(cli, &key);
    if (code == CLI_OK) {
        enum rc rc = backup_read(cli->args[0], &key, NULL, &info, &refusal);
        code =
            rc == RC_OK ? backup_report(cli, cli->args[0], &info) : cli_fail_rc(cli, rc, &refusal);
    }
    sealfile_key_fini(&key);
    return code;
}

// ---- davy backup ----

static int take_recipient(struct cli *cli, uint8_t out_to[32]) {
    char path[PATH_MAX + 32];
    char line[SEALFILE_TEXT_BYTES + 2];
    if (cli->value[OPT_KEY]) {
        (void)snprintf(path, sizeof path, "%s", cli->value[OPT_KEY]);
    } else {
        (void)snprintf(path, sizeof path, "%s/" BACKUP_KEY_FILE, cli->dir);
    }
    int code = ask_file_line(cli, path, 0, line, sizeof line);
    if (code == CLI_OK && sealfile_public_parse(line, out_to) != RC_OK) {
        code = cli_fail(cli, _("%s holds no public backup key; davy backup key makes one"), path);
    }
    return code;
}

// A file as it was named, or one with a name of its own in a folder.
static void name_file(const struct session *session, const char *given, char *out,
                      size_t out_bytes) {
    struct stat status;
    char site[ID_SHORT_BYTES];
    char device[ID_SHORT_BYTES];
    if (stat(given, &status) != 0 || !S_ISDIR(status.st_mode)) {
        (void)snprintf(out, out_bytes, "%s", given);
        return;
    }
    id16_short(session->config.site.id, site);
    id16_short(session->config.device.id, device);
    (void)snprintf(out, out_bytes, "%.3900s/davy-%s-%s-%lld.backup", given, site, device,
                   (long long)(session->now.utc.v / 1000));
}

// The hub notes what the backup holds at least, before the copy is taken.
static int note(struct session *session, uint8_t step, uint8_t token[8]) {
    struct cli *cli = session->cli;
    struct buf payload, answer;
    struct slice got;
    if (!cli->value[OPT_OFFSITE] || !session_is_hub(session)) {
        return CLI_OK;
    }
    if (!session->owned) {
        return step == 0 ? CLI_OK
                         : cli_fail(cli, "%s",
                                    _("the backup is whole, but no davyd runs here to "
                                      "note what it holds"));
    }
    buf_init(&payload, 64);
    buf_init(&answer, LIMIT_CONTROL_MESSAGE_BYTES);
    buf_put_u8(&payload, step);
    buf_put(&payload, token, step == 0 ? 0 : 8);
    int code = session_ask(session, CONTROL_BACKUP, buf_slice(&payload), &answer, &got);
    if (code == CLI_OK && step == 0) {
        code = got.len == 8 ? CLI_OK : cli_fail_rc(cli, RC_INVALID, NULL);
        memcpy(token, got.data, code == CLI_OK ? 8 : 0);
    }
    buf_fini(&payload);
    buf_fini(&answer);
    return code;
}

static int make(struct session *session, const uint8_t to[32], const char *path) {
    struct cli *cli = session->cli;
    struct keyfile_device device = {0};
    struct backup_info info;
    char keys[PATH_MAX + 16];
    uint8_t token[8] = {0};
    struct backup_head head = {.site = session->config.site,
                               .device = session->config.device,
                               .kind = (uint8_t)session->config.kind,
                               .time = session->now.utc};
    struct backup_source source = {.folder = cli->dir, .head = &head, .device = &device};
    memcpy(head.name, session->config.name, sizeof head.name);
    memcpy(source.to, to, sizeof source.to);
    (void)snprintf(keys, sizeof keys, "%s/keys", cli->dir);
    enum rc rc = keyfile_device_load(keys, &device);
    if (rc != RC_OK) {
        return cli_fail(cli, _("%s cannot be read: %s"), keys, say_rc(rc));
    }
    int code = note(session, 0, token);
    if (code == CLI_OK) {
        rc = backup_write(&source, path, &info);
        code = rc == RC_OK ? backup_report(cli, path, &info)
                           : cli_fail(cli, _("%s cannot be written: %s"), path, say_rc(rc));
    }
    keyfile_device_fini(&device);
    return code == CLI_OK ? note(session, 1, token) : code;
}

int cmd_backup(struct cli *cli) {
    struct session session;
    uint8_t to[32];
    char path[PATH_MAX];
    int code = session_open(cli, SESSION_READ, &session);
    if (code == CLI_OK) {
        code = take_recipient(cli, to);
    }
    if (code == CLI_OK) {
        name_file(&session, cli->args[0], path, sizeof path);
        code = make(&session, to, path);
    }
    session_close(&session);
    return code;
}
