// Founds a site in a folder: asks what is not given, makes the keys, writes genesis and first
// admin, and leaves a site file and a configuration to fill in.
#include "cli/cli_priv.h"

#include "davy/keys/keys.h"
#include "davy/link/os.h"

#include <string.h>
#include <unistd.h>

#define DEMO_ADMIN_NAME "管理员 Admin"
#define DEMO_ADMIN_NUMBER "100"
#define PIN_ROUNDS 5

static const char site_template[] =
    "# 厂区文件，改后用 davy site check 检查。The site: what davyd evaluates. Check it with\n"
    "#   davy site check site.ini\n"
    "# One line a value, no comments behind it. Send davyd a SIGHUP to read it again.\n"
    "\n"
    "[site]\n"
    "name = %s\n"
    "\n"
    "# Areas, in the order in which screens list them.\n"
    "[area A1]\n"
    "name = 一号装置 Unit 1\n"
    "\n"
    "# A source of readings; silence longer than stale_s seconds is an alarm of its own.\n"
    "[gateway gw1]\n"
    "name = DCS\n"
    "stale_s = 60\n"
    "\n"
    "# Limits: value deadband=N on=seconds off=seconds priority=1 (highest) to 4\n"
    "[tag TI-101]\n"
    "name = 反应器温度 Reactor temperature\n"
    "area = A1\n"
    "gateway = gw1\n"
    "unit = degC\n"
    "range = 0 .. 250\n"
    "H = 180 deadband=2 on=15 off=15 priority=2\n"
    "HH = 200 deadband=2 priority=1\n"
    "consequence = 超温分解 Decomposition\n"
    "action = 停止进料，加大冷却 Stop feed, raise cooling\n"
    "respond_s = 300\n"
    "\n"
    "# Topics of the broker: {\"tag\":\"TI-101\",\"t\":1790000000000,\"v\":123.4}\n"
    "[mapping plant]\n"
    "topic = plant/#\n";

static const char conf_template[] = "# davyd --dir THIS_FOLDER reads this file.\n"
                                    "[broker]\n"
                                    "host = 127.0.0.1\n"
                                    "port = 1883\n"
                                    "account = hub\n"
                                    "; one line with the account's password, mode 0600\n"
                                    "password_file = /etc/davy/hub.password\n"
                                    "\n"
                                    "; without [site] file: site.ini in this folder\n";

struct founder {
    struct cli *cli;
    bool demo;
    char name[LIMIT_NAME_BYTES + 1];
    char admin[LIMIT_NAME_BYTES + 1];
    char number[LIMIT_TAG_BYTES + 1];
    char root_pins[ROSTER_ROOTS_MAX][CLI_PIN_BYTES];
    uint8_t roots, threshold;
    char admin_pin[CLI_PIN_BYTES];
};

// ---- What must be known ----

struct text_need {
    enum cli_opt option;
    const char *question;
    const char *demo; // NULL: a demonstration needs it, too
    char *out;
    size_t max;
};

static int take_text(struct founder *founder, const struct text_need *need) {
    struct cli *cli = founder->cli;
    const char *given = cli->value[need->option];
    if (!given && founder->demo && need->demo) {
        given = need->demo;
    }
    if (!given && !ask_line(need->question, need->out, need->max + 1)) {
        return cli_fail_usage(cli, _("--%s is needed"), cli_options[need->option].name);
    }
    if (given && (given[0] == '\0' || text_check(slice_text(given), need->max) != RC_OK)) {
        return cli_fail_usage(cli,
                              _("--%s is empty, too long or holds characters that cannot be "
                                "shown"),
                              cli_options[need->option].name);
    }
    if (given) {
        (void)snprintf(need->out, need->max + 1, "%s", given);
    }
    return CLI_OK;
}

static int take_texts(struct founder *founder) {
    const struct text_need needs[] = {
        {OPT_NAME, _("Name of the site: "), NULL, founder->name, LIMIT_NAME_BYTES},
        {OPT_ADMIN, _("Name of the first admin: "), DEMO_ADMIN_NAME, founder->admin,
         LIMIT_NAME_BYTES},
        {OPT_NUMBER_NEW, _("The admin's badge number: "), DEMO_ADMIN_NUMBER, founder->number,
         LIMIT_TAG_BYTES},
    };
    int code = CLI_OK;
    for (size_t i = 0; i < COUNT_OF(needs) && code == CLI_OK; i++) {
        code = take_text(founder, &needs[i]);
    }
    return code;
}

// Asks twice until both agree and the PIN is fit.
static int ask_pin_twice(struct founder *founder, const char *question,
                         char out_pin[static CLI_PIN_BYTES]) {
    struct cli *cli = founder->cli;
    for (int round = 0; round < PIN_ROUNDS; round++) {
        struct refusal refusal = {0};
        char again[CLI_PIN_BYTES];
        if (!ask_pin(question, out_pin)) {
            return cli_fail_usage(cli, "%s",
                                  _("no PIN was given; a script gives both with --pin-file FILE"));
        }
        if (!pin_is_fit(out_pin, founder->demo, &refusal)) {
            (void)cli_fail_rc(cli, RC_REFUSED, &refusal);
            continue;
        }
        bool same = ask_pin(_("The same once more: "), again) && strcmp(again, out_pin) == 0;
        keys_wipe(again, sizeof again);
        if (same) {
            return CLI_OK;
        }
        (void)cli_fail(cli, "%s", _("the two differ"));
    }
    return cli_fail(cli, "%s", _("no PIN was agreed on; nothing was made"));
}

static int take_roots(struct founder *founder) {
    uint64_t roots = 1;
    uint64_t threshold = 1;
    int code = cli_option_uint(founder->cli, OPT_ROOTS, 1, ROSTER_ROOTS_MAX, &roots);
    if (code == CLI_OK) {
        code = cli_option_uint(founder->cli, OPT_THRESHOLD, 1, roots, &threshold);
    }
    founder->roots = (uint8_t)roots;
    founder->threshold = (uint8_t)threshold;
    return code;
}

static int take_pins(struct founder *founder) {
    struct cli *cli = founder->cli;
    struct refusal refusal = {0};
    const char *file = cli->value[OPT_PIN_FILE_TWO];
    if (file) {
        int code = CLI_OK;
        for (uint8_t i = 0; i <= founder->roots && code == CLI_OK; i++) {
            char *pin = i < founder->roots ? founder->root_pins[i] : founder->admin_pin;
            code = ask_file_line(cli, file, i, pin, CLI_PIN_BYTES);
            if (code == CLI_OK && !pin_is_fit(pin, founder->demo, &refusal)) {
                code = cli_fail_rc(cli, RC_REFUSED, &refusal);
            }
        }
        return code;
    }
    if (founder->demo) {
        for (uint8_t i = 0; i < founder->roots; i++) {
            (void)snprintf(founder->root_pins[i], CLI_PIN_BYTES, "%s", DEMO_PIN_ROOT);
        }
        (void)snprintf(founder->admin_pin, CLI_PIN_BYTES, "%s", DEMO_PIN_ADMIN);
        return CLI_OK;
    }
    cli_say(cli, "%s",
            _("The root key founds the site and replaces lost admins. Its PIN belongs in "
              "a safe. A PIN has at least 8 digits."));
    int code = CLI_OK;
    for (uint8_t i = 0; i < founder->roots && code == CLI_OK; i++) {
        char question[128];
        (void)snprintf(question, sizeof question, _("PIN of root key %u: "), i + 1u);
        code = ask_pin_twice(founder, founder->roots > 1 ? question : _("PIN of the root key: "),
                             founder->root_pins[i]);
    }
    return code == CLI_OK ? ask_pin_twice(founder, _("The admin's PIN: "), founder->admin_pin)
                          : code;
}

// ---- Files ----

static int write_new(struct cli *cli, const char *name, struct slice text) {
    char path[PATH_MAX + 32];
    (void)snprintf(path, sizeof path, "%s/%s", cli->dir, name);
    if (access(path, F_OK) == 0) {
        return CLI_OK; // what a person wrote stays
    }
    enum rc rc = os_file_write(path, text, 0600);
    return rc == RC_OK ? CLI_OK : cli_fail(cli, _("%s cannot be written: %s"), path, say_rc(rc));
}

static int write_files(struct founder *founder, const struct buf *site) {
    struct buf text;
    buf_init(&text, LIMIT_SITE_FILE_BYTES);
    if (site->len > 0) {
        buf_put(&text, site->data, site->len);
    } else {
        buf_printf(&text, site_template, founder->name);
    }
    int code = write_new(founder->cli, "site.ini", buf_slice(&text));
    if (code == CLI_OK && !founder->demo) {
        code = write_new(founder->cli, "davyd.conf", slice_text(conf_template));
    }
    buf_fini(&text);
    return code;
}

// ---- Founding ----

static const struct cli_column columns[] = {{"site", NULL, false},
                                            {"topic_id", NULL, false},
                                            {"admin_number", NULL, false},
                                            {"demo", NULL, false}};

static int report(struct founder *founder, struct site_id site) {
    struct cli *cli = founder->cli;
    struct cli_list list;
    char hex[ID_HEX_BYTES];
    char brief[ID_SHORT_BYTES];
    id16_hex(site.id, hex);
    id16_short(site.id, brief);
    list_start(&list, cli, columns, COUNT_OF(columns));
    list_text(&list, hex);
    list_text(&list, brief);
    list_text(&list, founder->number);
    list_bool(&list, founder->demo, "");
    list_row(&list);
    if (founder->demo) {
        cli_say(cli, _("demonstration site %s; these PINs work on no real site:"), founder->name);
        cli_say(cli, _("  root key                      PIN %s"), founder->root_pins[0]);
        cli_say(cli, _("  %s, number %s  PIN %s"), founder->admin, founder->number,
                founder->admin_pin);
    } else {
        cli_say(cli, _("site %s founded, id %s (topics davy/%s/)"), founder->name, hex, brief);
        cli_say(cli, _("root keys: %s/roots; take them away and keep them apart"), cli->dir);
        cli_say(cli, "%s", _("Next:"));
        cli_say(cli, _("  1. write %s/site.ini and check it with davy site check"), cli->dir);
        cli_say(cli, _("  2. name the broker in %s/davyd.conf"), cli->dir);
        cli_say(cli, "%s", _("  3. enrol people: davy person add"));
        cli_say(cli, _("  4. start davyd --dir %s, then invite consoles: davy device invite"),
                cli->dir);
    }
    return list_finish(&list);
}

static int found(struct founder *founder, const struct buf *site_text) {
    struct cli *cli = founder->cli;
    struct refusal refusal = {0};
    struct site_id site;
    const char *root_pins[ROSTER_ROOTS_MAX];
    for (uint8_t i = 0; i < founder->roots; i++) {
        root_pins[i] = founder->root_pins[i];
    }
    struct site_init init = {.folder = cli->dir,
                             .name = founder->name,
                             .admin_name = founder->admin,
                             .admin_number = founder->number,
                             .root_pins = root_pins,
                             .root_count = founder->roots,
                             .threshold = founder->threshold,
                             .admin_pin = founder->admin_pin,
                             .demo = founder->demo,
                             .cost = cli->io.cost,
                             .scheme = keys_ed25519()};
    enum rc rc = os_folder_make(cli->dir);
    if (rc != RC_OK) {
        return cli_fail(cli, _("%s cannot be made: %s"), cli->dir, say_rc(rc));
    }
    rc = hub_site_init(&init, os_now(), &site, &refusal);
    if (rc == RC_EXISTS || (rc == RC_REFUSED && refusal.code == REFUSAL_SUBJECT_EXISTS)) {
        return cli_fail(cli, _("%s holds a site already: choose another folder"), cli->dir);
    }
    if (rc != RC_OK) {
        return cli_fail_rc(cli, rc, &refusal);
    }
    int code = write_files(founder, site_text);
    return code == CLI_OK ? report(founder, site) : code;
}

int cmd_site_init(struct cli *cli) {
    struct founder founder = {.cli = cli, .demo = cli->value[OPT_DEMO] != NULL};
    struct buf site_text;
    buf_init(&site_text, LIMIT_SITE_FILE_BYTES);
    int code = take_roots(&founder);
    if (code == CLI_OK && cli->value[OPT_SITE]) {
        code = site_file_check(cli, cli->value[OPT_SITE], &site_text);
    }
    if (code == CLI_OK) {
        code = take_texts(&founder);
    }
    if (code == CLI_OK) {
        code = take_pins(&founder);
    }
    if (code == CLI_OK) {
        code = found(&founder, &site_text);
    }
    keys_wipe(founder.root_pins, sizeof founder.root_pins);
    keys_wipe(founder.admin_pin, sizeof founder.admin_pin);
    buf_fini(&site_text);
    return code;
}
