// A hub's folder from its founding on, by commands alone: without davyd, beside a running hub, and
// after damage.
#include "cli_util.h"
#include "hub_fixture.h"

#include "davy/link/control.h"
#include "davy/link/os.h"
#include "davy/store/history.h"

#include <cjson/cJSON.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOT_PIN "90817263"
#define ADMIN_PIN "71625340"

struct site {
    char folder[TEST_PATH_BYTES]; // of the test; the hub lives in folder/hub
    char dir[TEST_PATH_BYTES];
    char pins[TEST_PATH_BYTES];
    char admin[TEST_PATH_BYTES];
    char wrong[TEST_PATH_BYTES];
    char ini[TEST_PATH_BYTES];
};

static void write_file(struct site *site, const char *name, const char *text,
                       char out_path[static TEST_PATH_BYTES]) {
    test_path(site->folder, name, out_path);
    assert_int_equal(os_file_write(out_path, slice_text(text), 0600), RC_OK);
}

static int setup(void **state) {
    struct site *site = calloc(1, sizeof *site);
    assert_non_null(site);
    test_folder_make(site->folder);
    test_path(site->folder, "hub", site->dir);
    write_file(site, "pins", ROOT_PIN "\n" ADMIN_PIN "\n", site->pins);
    write_file(site, "admin", ADMIN_PIN "\n", site->admin);
    write_file(site, "wrong", "55555555\n", site->wrong);
    write_file(site, "site.ini", site_text, site->ini);
    *state = site;
    return 0;
}

static int teardown(void **state) {
    struct site *site = *state;
    test_folder_remove(site->folder);
    free(site);
    return 0;
}

static int founded(void **state) {
    (void)setup(state);
    struct site *site = *state;
    struct said said =
        run("site init --dir %s --name '试验 Test' --admin '管理员 Admin' --number A1 "
            "--pin-file %s --site %s",
            site->dir, site->pins, site->ini);
    assert_string_equal(said.err, "");
    assert_int_equal(said.code, CLI_OK);
    assert_said(said.out, "试验 Test");
    assert_silent(said.out, ROOT_PIN);
    assert_silent(said.out, ADMIN_PIN);
    said_free(&said);
    return 0;
}

static void expect(struct said said, int code, const char *out_part, const char *err_part) {
    if (said.code != code) {
        print_error("exit code %d, not %d\n%s%s\n", said.code, code, said.out, said.err);
    }
    assert_int_equal(said.code, code);
    assert_said(said.out, out_part);
    assert_said(said.err, err_part);
    assert_silent(said.err, ADMIN_PIN);
    said_free(&said);
}

// Every line is one JSON object with the same keys; returns how many.
static int json_lines(const char *text, const char *const *keys) {
    int count = 0;
    while (*text != '\0') {
        const char *end = strchr(text, '\n');
        assert_non_null(end);
        cJSON *row = cJSON_ParseWithLength(text, (size_t)(end - text));
        assert_true(cJSON_IsObject(row));
        for (int i = 0; keys[i]; i++) {
            if (!cJSON_GetObjectItemCaseSensitive(row, keys[i])) {
                print_error("%s is not in %.*s\n", keys[i], (int)(end - text), text);
                fail();
            }
        }
        cJSON_Delete(row);
        text = end + 1;
        count++;
    }
    return count;
}

// ---- Founding ----

static void test_init_refuses(void **state) {
    struct site *site = *state;
    char path[TEST_PATH_BYTES];
    write_file(site, "short", "1234567\n1234567\n", path);
    expect(run("site init --dir %s --name a --admin b --number c --pin-file %s", site->dir, path),
           CLI_FAILED, "", "8");
    write_file(site, "known", ROOT_PIN "\n24681357\n", path);
    expect(run("site init --dir %s --name a --admin b --number c --pin-file %s", site->dir, path),
           CLI_FAILED, "", "demonstration");
    expect(run("site init --dir %s --name a --admin b --number c --pin-file %s", site->dir,
               site->admin),
           CLI_FAILED, "", "line");
    expect(run("site init --dir %s --name '' --admin b --number c --pin-file %s", site->dir,
               site->pins),
           CLI_USAGE, "", "--name");
    expect(run("site init --dir %s --name 'a\xe2\x80\xae' --admin b --number c --pin-file %s",
               site->dir, site->pins),
           CLI_USAGE, "", "--name");
    write_file(site, "bad.ini", "[site]\nname = a\n[tag X]\nH = zz\n", path);
    expect(run("site init --dir %s --name a --admin b --number c --pin-file %s --site %s",
               site->dir, site->pins, path),
           CLI_FAILED, "bad.ini:4: tag X, H", "");
    // Nothing of it left a site behind.
    assert_int_equal(access(site->dir, F_OK), -1);
}

static void test_init_twice(void **state) {
    struct site *site = *state;
    expect(run("site init --dir %s --name a --admin b --number c --pin-file %s", site->dir,
               site->pins),
           CLI_FAILED, "", "already");
    expect(run("site show --dir %s", site->dir), CLI_OK, "试验 Test", "");
}

static void test_show(void **state) {
    struct site *site = *state;
    static const char *const keys[] = {"site",   "name",   "topic",   "demo",
                                       "device", "people", "devices", NULL};
    struct said whole = run("site show --dir %s --json", site->dir);
    struct said id = run("site show --dir %s --id", site->dir);
    assert_int_equal(json_lines(whole.out, keys), 1);
    assert_int_equal(strlen(id.out), 9);
    id.out[8] = '\0';
    assert_said(whole.out, id.out);
    assert_said(whole.out, "\"demo\":false");
    said_free(&whole);
    said_free(&id);
}

static void test_site_check(void **state) {
    struct site *site = *state;
    static const char *const keys[] = {"file", "line", "level", "section", "field", "text", NULL};
    char path[TEST_PATH_BYTES];
    expect(run("site check %s", site->ini), CLI_OK, "2 areas", "");
    expect(run("site check %s/nothing", site->folder), CLI_FAILED, "", "nothing");
    write_file(site, "mapping.ini",
               "[site]\nname = a\n[mapping m]\ntopic = plant/#/x\nform = cube\n", path);
    expect(run("site check %s", path), CLI_FAILED, "mapping m", "");
    write_file(site, "bad.ini", "[site]\nname = a\nnome = b\n[tag X]\nH = zz\n", path);
    struct said said = run("site check %s --json", path);
    assert_int_equal(said.code, CLI_FAILED);
    assert_true(json_lines(said.out, keys) >= 2);
    assert_said(said.out, "\"line\":3,\"level\":\"error\",\"section\":\"site\",\"field\":\"nome\"");
    said_free(&said);
}

// ---- People, without davyd ----

static void test_people(void **state) {
    struct site *site = *state;
    static const char *const keys[] = {"number", "name", "roles", "keys", "id", NULL};
    expect(run("person add --dir %s --name '李伟 Li Wei' --number 101 --role operator --as A1 "
               "--pin-file %s",
               site->dir, site->admin),
           CLI_OK, "李伟 Li Wei", "");
    struct said said = run("person list --dir %s --json", site->dir);
    assert_int_equal(json_lines(said.out, keys), 2);
    assert_said(said.out, "\"roles\":[{\"role\":\"operator\",\"area\":\"\"}]");
    said_free(&said);
    expect(run("person add --dir %s --name x --number 101 --role viewer --as A1 --pin-file %s",
               site->dir, site->admin),
           CLI_FAILED, "", "101");
    expect(
        run("person grant 101 shift_leader --dir %s --as A1 --pin-file %s", site->dir, site->admin),
        CLI_OK, "101", "");
    expect(run("person grant 102 operator --dir %s --as A1 --pin-file %s", site->dir, site->admin),
           CLI_FAILED, "", "102");
    expect(run("person grant 101 operator --area 'a b' --dir %s --as A1 --pin-file %s", site->dir,
               site->admin),
           CLI_FAILED, "", "a b");
    // A role that signs for others waits for a second; the one admin of a site is seconded by a
    // root.
    expect(run("person list --dir %s", site->dir), CLI_OK, "operator, shift leader (proposed 1/2)",
           "");
    expect(run("person second 101 --dir %s --as A1 --pin-file %s", site->dir, site->admin),
           CLI_FAILED, "", "second person");
    expect(run("person second 101 --dir %s --root %s/roots/root-1.key --pin-file %s", site->dir,
               site->dir, site->wrong),
           CLI_FAILED, "", "PIN");
    expect(run("person second 101 --dir %s --root %s/roots/root-1.key --pin-file %s", site->dir,
               site->dir, site->pins),
           CLI_OK, "101", "");
    expect(run("person list --dir %s", site->dir), CLI_OK, "operator, shift leader", "");
    expect(run("person second 101 --dir %s --as A1 --pin-file %s", site->dir, site->admin),
           CLI_FAILED, "", "proposed");
}

// A wrong PIN costs a try and changes nothing; nobody else can sign; a real site takes no demo PIN.
static void test_who_may_sign(void **state) {
    struct site *site = *state;
    char text[TEST_PATH_BYTES * 2];
    (void)snprintf(text, sizeof text, "person add --dir %s --name x --number 7 --role viewer",
                   site->dir);
    expect(run("%s --as A1 --pin-file %s", text, site->wrong), CLI_FAILED, "", "PIN");
    expect(run("%s --as A9 --pin-file %s", text, site->admin), CLI_FAILED, "", "number");
    expect(run("%s --as A1 --pin-file %s/none", text, site->folder), CLI_FAILED, "", "none");
    expect(run("%s --demo", text), CLI_FAILED, "", "demonstration");
    expect(run("%s --demo-pin 11111111", text), CLI_FAILED, "", "demonstration");
    struct said said = run("person list --dir %s --json", site->dir);
    assert_silent(said.out, "\"number\":\"7\"");
    said_free(&said);
}

// An operator is no admin.
static void test_rights(void **state) {
    struct site *site = *state;
    expect(run("device confirm 123456 --dir %s --as A1 --pin-file %s", site->dir, site->admin),
           CLI_FAILED, "", "123456");
    expect(run("device list --dir %s", site->dir), CLI_OK, "hub", "");
    expect(run("device joins --dir %s", site->dir), CLI_OK, "no device", "");
    expect(run("hub confirm --dir %s", site->dir), CLI_FAILED, "", "davyd");
}

static void test_code_and_invite(void **state) {
    struct site *site = *state;
    char path[TEST_PATH_BYTES];
    struct said said = run("person code A1 --dir %s --json", site->dir);
    static const char *const keys[] = {"number", "code", NULL};
    assert_int_equal(said.code, CLI_OK);
    assert_int_equal(json_lines(said.out, keys), 1);
    said_free(&said);
    expect(run("person code nobody --dir %s", site->dir), CLI_FAILED, "", "nobody");
    write_file(site, "password", "secret word\n", path);
    said =
        run("device invite --name 控制台 --broker 127.0.0.1:1883 --account c1 --password-file %s "
            "--dir %s",
            path, site->dir);
    assert_int_equal(said.code, CLI_OK);
    assert_int_equal(strncmp(said.out, "DAVY1-", 6), 0);
    assert_silent(said.out, "\033"); // no picture of a code where nobody scans it
    struct invite invite;
    said.out[strcspn(said.out, "\n")] = '\0';
    assert_int_equal(invite_decode(said.out, &invite), RC_OK);
    assert_string_equal(invite.password, "secret word");
    assert_string_equal(invite.account, "c1");
    said_free(&said);
    expect(run("device invite --name x --broker 127.0.0.1:1883 --account hub --password-file %s "
               "--dir %s",
               path, site->dir),
           CLI_FAILED, "", "hub");
}

// ---- The log and its checks ----

static void test_log(void **state) {
    struct site *site = *state;
    static const char *const keys[] = {"n",         "time", "kind",     "person", "device",
                                       "signature", "seal", "verdict",  "rule",   "id",
                                       "author",    "lane", "audience", "seq",    NULL};
    struct said all = run("log --dir %s --json", site->dir);
    int count = json_lines(all.out, keys);
    assert_true(count >= 6);
    assert_said(all.out, "\"kind\":\"site.genesis\"");
    assert_said(all.out, "\"verdict\":\"accepted\"");
    struct said two = run("log --dir %s --json --limit 2", site->dir);
    assert_int_equal(json_lines(two.out, keys), 2);
    // The newest ones, in the order of the log.
    assert_string_equal(two.out, strstr(all.out, two.out));
    said_free(&two);
    struct said person = run("log A1 --dir %s --json", site->dir);
    assert_said(person.out, "person.add");
    assert_silent(person.out, "site.genesis");
    cJSON *row = cJSON_Parse(person.out);
    char id[ID_HEX_BYTES];
    (void)snprintf(id, sizeof id, "%s",
                   cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(row, "id")));
    cJSON_Delete(row);
    expect(run("log --record %s --dir %s", id, site->dir), CLI_OK, "管理员 Admin", "");
    expect(run("log --record %.8s --dir %s --json", id, site->dir), CLI_OK, "\"person.add\"", "");
    expect(run("log --record 00000000 --dir %s", site->dir), CLI_FAILED, "", "00000000");
    expect(run("log no-such-tag --dir %s", site->dir), CLI_FAILED, "", "no-such-tag");
    expect(run("log --dir %s", site->dir), CLI_OK, "sealed", "");
    said_free(&person);
    said_free(&all);
}

static void test_verify_and_rebuild(void **state) {
    struct site *site = *state;
    static const char *const keys[] = {"ok",    "chains", "entries", "signatures",
                                       "seals", "broken", NULL};
    struct said said = run("verify --dir %s --json", site->dir);
    assert_int_equal(said.code, CLI_OK);
    assert_int_equal(json_lines(said.out, keys), 1);
    assert_said(said.out, "\"ok\":true");
    said_free(&said);
    expect(run("rebuild --dir %s", site->dir), CLI_OK, "rebuilt", "");
    expect(run("verify --dir %s", site->dir), CLI_OK, "nothing", "");
    expect(run("person list --dir %s", site->dir), CLI_OK, "管理员 Admin", "");
    expect(run("rebuild --dir %s/none", site->folder), CLI_FAILED, "", "none");
}

// One changed bit in the badge number: verify fails and says where.
static void test_verify_finds_a_change(void **state) {
    struct site *site = *state;
    char path[TEST_PATH_BYTES];
    struct buf file;
    test_path(site->dir, "records.db", path);
    expect(run("rebuild --dir %s", site->dir), CLI_OK, "rebuilt", ""); // all is in the file
    buf_init(&file, 64u * 1024 * 1024);
    assert_int_equal(os_file_read(path, &file), RC_OK);
    bool changed = false;
    const char *name = "管理员 Admin\x12"; // in the record's body, before the next field's head
    for (size_t i = 0; i + strlen(name) < file.len; i++) {
        if (memcmp(file.data + i, name, strlen(name) - 1) == 0 && file.data[i - 1] == 15) {
            file.data[i + strlen(name) - 2] ^= 1;
            changed = true;
        }
    }
    assert_true(changed);
    assert_int_equal(os_file_write(path, buf_slice(&file), 0600), RC_OK);
    buf_fini(&file);
    struct said said = run("verify --dir %s --json", site->dir);
    assert_int_equal(said.code, CLI_FAILED);
    assert_said(said.out, "\"ok\":false");
    assert_silent(said.out, "\"broken\":null");
    assert_said(said.out, "\"lane\":0");
    assert_said(said.err, "copy");
    said_free(&said);
    expect(run("doctor --dir %s", site->dir), CLI_FAILED, "bad", "");
}

static void test_foreign_store(void **state) {
    struct site *site = *state;
    char path[TEST_PATH_BYTES];
    test_path(site->dir, "records.db", path);
    assert_int_equal(os_file_write(path, slice_text("this is no store, only some text"), 0600),
                     RC_OK);
    static const char *const commands[] = {"log",         "verify",  "alarm list",
                                           "person list", "rebuild", "doctor"};
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        struct said said = run("%s --dir %s", commands[i], site->dir);
        assert_int_equal(said.code, CLI_FAILED);
        assert_true(said.err[0] != '\0');
        said_free(&said);
    }
}

static void test_doctor(void **state) {
    struct site *site = *state;
    static const char *const keys[] = {"check", "state", "found", "todo", NULL};
    char path[TEST_PATH_BYTES];
    struct said said = run("doctor --dir %s --json --broker 127.0.0.1:1", site->dir);
    assert_true(json_lines(said.out, keys) >= 8);
    assert_said(said.out, "{\"check\":\"store\",\"state\":\"ok\"");
    assert_said(said.out, "{\"check\":\"keys\",\"state\":\"ok\"");
    assert_said(said.out, "{\"check\":\"broker\",\"state\":\"bad\"");
    assert_int_equal(said.code, CLI_FAILED);
    said_free(&said);
    test_path(site->dir, "keys/device.key", path);
    assert_int_equal(chmod(path, 0644), 0);
    expect(run("doctor --dir %s", site->dir), CLI_FAILED, "644", "");
}

static void test_demo(void **state) {
    struct site *site = *state;
    expect(run("site init --dir %s --name demo --demo", site->dir), CLI_OK, "24681357", "");
    expect(run("person add --dir %s --name 李伟 --role operator --demo-pin 11111111", site->dir),
           CLI_OK, "11111111", "");
    expect(
        run("person add --dir %s --name 王芳 --number 12 --role operator --demo --json", site->dir),
        CLI_OK, "\"number\":\"12\"", "");
    expect(run("person list --dir %s --lang zh", site->dir), CLI_OK, "李伟", "");
    say_language("en");
}

// ---- Beside a running hub ----

static volatile sig_atomic_t stopped;
static void on_stop(int signal_number) {
    (void)signal_number;
    stopped = 1;
}

static void answer(void *ctx, struct slice request, struct buf *out) {
    hub_control(ctx, request, os_now(), out);
}

// The owner: what davyd does, without its broker. A reading has crossed a limit.
static void own(const char *dir) {
    struct hub *hub = NULL;
    struct control_server *server = NULL;
    struct refusal refusal = {0};
    struct mono_ms next;
    struct hub_options options = {.folder = dir, .scheme = keys_ed25519(), .history = true};
    char payload[96];
    if (hub_open(&options, os_now(), &hub, &refusal) != RC_OK ||
        hub_site(hub, slice_text(site_text), os_now(), &refusal) != RC_OK ||
        hub_step(hub, os_now(), &next) != RC_OK || control_server_new(dir, &server) != RC_OK) {
        _exit(1);
    }
    (void)snprintf(payload, sizeof payload, "{\"tag\":\"PT-1\",\"t\":%lld,\"v\":2810}",
                   (long long)os_now().utc.v);
    hub_telemetry(hub, "plant/gw1", slice_text(payload), os_now());
    while (!stopped) {
        struct pollfd fds[LIMIT_CONTROL_CLIENTS + 2];
        if (hub_step(hub, os_now(), &next) != RC_OK) {
            _exit(1);
        }
        size_t count = control_server_poll(server, fds, COUNT_OF(fds));
        (void)poll(fds, (nfds_t)count, 20);
        control_server_step(server, fds, count, answer, hub);
    }
    control_server_free(server);
    hub_close(hub);
    _exit(0);
}

static pid_t owner_start(const char *dir) {
    pid_t owner = fork();
    if (owner == 0) {
        (void)signal(SIGTERM, on_stop);
        (void)alarm(20); // an orphan ends, too
        own(dir);
    }
    assert_true(owner > 0);
    for (int i = 0; i < 1500; i++) {
        struct said said = {0};
        if (owner_answers(dir)) {
            said = run("alarm list --dir %s --json", dir);
        }
        bool ready = said.out && strstr(said.out, "PT-1");
        said_free(&said);
        if (ready) {
            return owner;
        }
        (void)poll(NULL, 0, 10);
    }
    fail_msg("the hub did not start");
    return owner;
}

static void owner_stop(pid_t owner) {
    int status = -1;
    assert_int_equal(kill(owner, SIGTERM), 0);
    assert_int_equal(waitpid(owner, &status, 0), owner);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

// Acts sign here and reach the owner; each is refused or taken by it.
static void acts_beside_owner(struct site *site) {
    static const char *const keys[] = {"id",    "state", "priority", "raised",    "tag",
                                       "limit", "value", "area",     "changed_n", NULL};
    const char *sign = "--number A1 --pin-file";
    struct said said = run("alarm list --dir %s --json", site->dir);
    assert_int_equal(json_lines(said.out, keys), 1);
    assert_said(said.out, "\"state\":\"U\"");
    assert_said(said.out, "\"value\":2810");
    said_free(&said);
    expect(run("alarm ack PT-1 --dir %s %s %s", site->dir, sign, site->admin), CLI_FAILED, "",
           "allow");
    expect(run("person grant A1 operator --area R1 --dir %s --as A1 --pin-file %s", site->dir,
               site->admin),
           CLI_OK, "operator", "");
    expect(run("person grant A1 operator --area NOWHERE --dir %s --as A1 --pin-file %s", site->dir,
               site->admin),
           CLI_FAILED, "", "NOWHERE");
    expect(run("alarm ack PT-1 PT-1 --comment '看过 seen' --dir %s %s %s", site->dir, sign,
               site->admin),
           CLI_OK, "1 of 1", "");
    expect(run("alarm ack PT-1 --dir %s %s %s", site->dir, sign, site->admin), CLI_FAILED, "",
           "nothing");
    expect(run("alarm comment PT-1 '泵 A' --dir %s %s %s", site->dir, sign, site->admin), CLI_OK,
           "signed", "");
    expect(run("alarm ack LT-2 --dir %s %s %s", site->dir, sign, site->admin), CLI_FAILED, "",
           "LT-2");
    expect(run("alarm list --unacked --dir %s", site->dir), CLI_OK, "no alarms", "");
    expect(run("alarm list --dir %s --area S1", site->dir), CLI_OK, "no alarms", "");
    expect(run("alarm show PT-1 --dir %s", site->dir), CLI_OK, "减料 Reduce feed", "");
    expect(run("alarm show PT-1 --dir %s --json", site->dir), CLI_OK,
           "\"acked_by\":\"管理员 Admin\"", "");
    said = run("log PT-1 --dir %s --json", site->dir);
    assert_said(said.out, "alarm.raise");
    assert_said(said.out, "alarm.ack");
    assert_said(said.out, "alarm.comment");
    said_free(&said);
}

static void test_beside_owner(void **state) {
    struct site *site = *state;
    pid_t owner = owner_start(site->dir);
    acts_beside_owner(site);
    expect(run("sync status --dir %s", site->dir), CLI_OK, "Log entries", "");
    expect(run("sync status --dir %s --json", site->dir), CLI_OK, "\"phase\":\"serving\"", "");
    expect(run("tag list --dir %s", site->dir), CLI_OK, "2810", "");
    expect(run("tag list --area S1 --dir %s --json", site->dir), CLI_OK, "\"value\":null", "");
    expect(run("tag history PT-1 --raw --dir %s --json", site->dir), CLI_OK, "\"value\":2810", "");
    expect(run("tag history PT-1 --from -1h --buckets 2 --dir %s", site->dir), CLI_OK, "2810", "");
    expect(run("tag history NO --dir %s", site->dir), CLI_FAILED, "", "NO");
    expect(run("tag history PT-1 --from now --to -1h --dir %s", site->dir), CLI_USAGE, "",
           "--from");
    expect(run("rebuild --dir %s", site->dir), CLI_FAILED, "", "davyd");
    expect(run("verify --dir %s", site->dir), CLI_OK, "nothing", "");
    expect(run("hub confirm --dir %s", site->dir), CLI_OK, "serves", "");
    owner_stop(owner);
    expect(run("sync status --dir %s", site->dir), CLI_OK, "nobody", "");
    expect(run("sync status --dir %s --json", site->dir), CLI_OK, "\"running\":false", "");
    expect(run("alarm list --dir %s", site->dir), CLI_OK, "PT-1", "");
    expect(run("verify --dir %s", site->dir), CLI_OK, "nothing", "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_init_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_demo, setup, teardown),
        cmocka_unit_test_setup_teardown(test_site_check, setup, teardown),
        cmocka_unit_test_setup_teardown(test_init_twice, founded, teardown),
        cmocka_unit_test_setup_teardown(test_show, founded, teardown),
        cmocka_unit_test_setup_teardown(test_people, founded, teardown),
        cmocka_unit_test_setup_teardown(test_who_may_sign, founded, teardown),
        cmocka_unit_test_setup_teardown(test_rights, founded, teardown),
        cmocka_unit_test_setup_teardown(test_code_and_invite, founded, teardown),
        cmocka_unit_test_setup_teardown(test_log, founded, teardown),
        cmocka_unit_test_setup_teardown(test_verify_and_rebuild, founded, teardown),
        cmocka_unit_test_setup_teardown(test_verify_finds_a_change, founded, teardown),
        cmocka_unit_test_setup_teardown(test_foreign_store, founded, teardown),
        cmocka_unit_test_setup_teardown(test_doctor, founded, teardown),
        cmocka_unit_test_setup_teardown(test_beside_owner, founded, teardown),
    };
    if (!setlocale(LC_CTYPE, "C.UTF-8") || keys_init() != RC_OK) {
        return 1;
    }
    say_language("en");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
