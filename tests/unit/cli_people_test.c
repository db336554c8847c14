// People, devices and root keys of a site by commands alone: workers, tables, cards, withdrawing,
// reviews, rotation of the root keys.
#include "cli_util.h"
#include "hub_fixture.h"

#include "davy/link/os.h"

#include <sys/stat.h>
#include <unistd.h>

#define ADMIN_PIN "71625340"

struct site {
    char folder[TEST_PATH_BYTES];
    char dir[TEST_PATH_BYTES];
    char pins[TEST_PATH_BYTES];
    char admin[TEST_PATH_BYTES];
    char root[4][TEST_PATH_BYTES]; // PIN files of three root keys and of a new one
    char file[TEST_PATH_BYTES];    // scratch
};

static void write_file(struct site *site, const char *name, const char *text,
                       char out_path[static TEST_PATH_BYTES]) {
    test_path(site->folder, name, out_path);
    assert_int_equal(os_file_write(out_path, slice_text(text), 0600), RC_OK);
}

static void expect(struct said said, int code, const char *out_part, const char *err_part) {
    if (said.code != code) {
        print_error("exit code %d, not %d\n%s%s\n", said.code, code, said.out, said.err);
    }
    assert_int_equal(said.code, code);
    assert_said(said.out, out_part);
    assert_said(said.err, err_part);
    said_free(&said);
}

// Three root keys, of which two sign; one admin.
static int founded(void **state) {
    struct site *site = calloc(1, sizeof *site);
    char ini[TEST_PATH_BYTES];
    static const char *const pins[] = {"90817261", "90817262", "90817263", "90817264"};
    assert_non_null(site);
    assert_int_equal(keys_init(), RC_OK);
    test_folder_make(site->folder);
    test_path(site->folder, "hub", site->dir);
    write_file(site, "pins", "90817261\n90817262\n90817263\n" ADMIN_PIN "\n", site->pins);
    write_file(site, "admin", ADMIN_PIN "\n", site->admin);
    write_file(site, "site.ini", site_text, ini);
    for (size_t i = 0; i < 4; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "root%zu", i);
        write_file(site, name, pins[i], site->root[i]);
    }
    expect(run("site init --dir %s --name T --admin Admin --number A1 --pin-file %s --site %s "
               "--roots 3 --threshold 2",
               site->dir, site->pins, ini),
           CLI_OK, "roots", "");
    *state = site;
    return 0;
}

static int teardown(void **state) {
    struct site *site = *state;
    test_folder_remove(site->folder);
    free(site);
    return 0;
}

#define AS "--dir %s --as A1 --pin-file %s"
#define AS_OF(site) (site)->dir, (site)->admin

// ---- Several roots ----

static void enrolment_works_with_a_threshold(void **state) {
    struct site *site = *state;
    expect(run("roots show --dir %s", site->dir), CLI_OK, "2 of 3", "");
    expect(run("person add --name Li --number 101 --role operator " AS, AS_OF(site)), CLI_OK,
           "operator", "");
    expect(run("person grant 101 admin " AS, AS_OF(site)), CLI_OK, "proposed", "");
    expect(run("person second 101 --dir %s --root %s/roots/root-2.key --pin-file %s", site->dir,
               site->dir, site->root[1]),
           CLI_OK, "admin", "");
    expect(run("person list --dir %s", site->dir), CLI_OK, "operator, admin", "");
    // Two keys of the root make an admin without one: the first proposes, another one seconds.
    expect(run("person add --name W --number 102 --role viewer " AS, AS_OF(site)), CLI_OK, "", "");
    expect(run("person grant 102 admin --dir %s --root %s/roots/root-1.key --pin-file %s",
               site->dir, site->dir, site->root[0]),
           CLI_OK, "proposed", "");
    expect(run("person second 102 --dir %s --root %s/roots/root-1.key --pin-file %s", site->dir,
               site->dir, site->root[0]),
           CLI_FAILED, "", "second");
    expect(run("person second 102 " AS, AS_OF(site)), CLI_FAILED, "", "root");
    expect(run("person second 102 --dir %s --root %s/roots/root-3.key --pin-file %s", site->dir,
               site->dir, site->root[2]),
           CLI_OK, "admin", "");
    expect(run("person list --dir %s", site->dir), CLI_OK, "viewer, admin", "");
    expect(run("verify --dir %s", site->dir), CLI_OK, "", "");
}

// A rotation drill: new keys come into force by old and new, and an old one is refused everywhere.
static void root_keys_are_rotated(void **state) {
    struct site *site = *state;
    char key[8][80];
    for (int i = 0; i < 2; i++) {
        struct said said =
            run("roots make %s/new-%d.key --pin-file %s", site->folder, i, site->root[3]);
        assert_int_equal(said.code, CLI_OK);
        (void)snprintf(key[i], sizeof key[i], "%.64s", said.out);
        said_free(&said);
    }
    expect(run("roots change --threshold 1 %s zz --dir %s --root %s/roots/root-1.key --pin-file %s",
               key[0], site->dir, site->dir, site->root[0]),
           CLI_USAGE, "", "public key");
    expect(run("roots change --threshold 2 %s %s --dir %s --root %s/roots/root-1.key --pin-file %s",
               key[0], key[1], site->dir, site->dir, site->root[0]),
           CLI_OK, "", "");
    expect(run("roots show --dir %s", site->dir), CLI_OK, "proposed", "");
    const struct {
        const char *name;
        int pin;
    } seconds[] = {{"new-0.key", 3}, {"roots/root-2.key", 1}, {"new-1.key", 3}};
    for (size_t i = 0; i < 3; i++) {
        bool old = seconds[i].pin != 3;
        expect(run("roots second --dir %s --root %s/%s --pin-file %s", site->dir,
                   old ? site->dir : site->folder, seconds[i].name, site->root[seconds[i].pin]),
               CLI_OK, "", "");
    }
    struct said said = run("roots show --dir %s", site->dir);
    assert_said(said.out, "2 of 2");
    assert_said(said.out, "retired");
    assert_silent(said.out, "proposed");
    said_free(&said);
    // Every act of an old key is refused.
    static const char *const acts[] = {"person add --name X --number 109 --role viewer",
                                       "person grant A1 operator", "roots second",
                                       "device revoke hub --reason x"};
    for (size_t i = 1; i < 4; i++) {
        expect(run("%s --dir %s --root %s/roots/root-1.key --pin-file %s", acts[i], site->dir,
                   site->dir, site->root[0]),
               CLI_FAILED, "", i == 2 ? "proposed" : "withdrawn");
    }
    expect(run("roots change %s --dir %s --root %s/roots/root-3.key --pin-file %s", key[0],
               site->dir, site->dir, site->root[2]),
           CLI_FAILED, "", "withdrawn");
    // The admins go on, and what the old keys signed still verifies.
    expect(run("person add --name Li --number 101 --role operator " AS, AS_OF(site)), CLI_OK, "",
           "");
    expect(run("verify --dir %s", site->dir), CLI_OK, "", "");
}

// ---- Workers ----

static void a_worker_comes_for_a_job(void **state) {
    struct site *site = *state;
    expect(run("person admit --name Chen --number C1 --employer Acme --job Scaffold --areas R1,S1 "
               "--until 2099-01-02 " AS,
               AS_OF(site)),
           CLI_OK, "C1", "");
    expect(run("person list --dir %s", site->dir), CLI_OK, "operator R1, operator S1", "");
    expect(run("person admit --name Chen --number C2 --areas X/X " AS, AS_OF(site)), CLI_FAILED, "",
           "X/X");
    expect(run("person admit --name Chen --number C2 --from 2030-01-02 --until 2029-01-01 " AS,
               AS_OF(site)),
           CLI_USAGE, "", "--until");
    expect(run("person admit --number C2 " AS, AS_OF(site)), CLI_USAGE, "", "--name");
    expect(run("person code C1 --dir %s --device nowhere", site->dir), CLI_FAILED, "", "nowhere");
    expect(run("person code C1 --dir %s --device hub", site->dir), CLI_OK, "", "");
    expect(run("shift prepare C1 A1 --devices hub --dir %s", site->dir), CLI_OK, "C1", "");
    expect(run("person withdraw C1 operator --area R1 " AS, AS_OF(site)), CLI_OK, "C1", "");
    expect(run("person list --dir %s", site->dir), CLI_OK, "operator S1", "");
}

// ---- Tables ----

static void import_says(struct site *site, const char *text, int code, const char *err_part) {
    write_file(site, "people.csv", text, site->file);
    struct said said = run("person import %s --write " AS, site->file, AS_OF(site));
    if (said.code != code) {
        print_error("%s\n%s%s\n", text, said.out, said.err);
    }
    assert_int_equal(said.code, code);
    assert_said(said.err, err_part);
    said_free(&said);
}

static void a_table_enrols_many(void **state) {
    struct site *site = *state;
    static const char table[] = "\xef\xbb\xbfnumber,name,role,area,until\r\n"
                                "201,\"Wang, \"\"Big\"\" Fang\",operator,R1,2099-12-31\r\n"
                                "201,\"Wang, \"\"Big\"\" Fang\",inspector,,\r\n"
                                "202,李伟,shift_leader,,\r\n"
                                "203,Zhao,viewer,S1,\r\n";
    write_file(site, "people.csv", table, site->file);
    expect(run("person import %s --dir %s", site->file, site->dir), CLI_OK, "3 people", "");
    struct said said = run("person list --dir %s", site->dir);
    assert_silent(said.out, "201"); // only shown
    said_free(&said);
    expect(run("person import %s --write " AS, site->file, AS_OF(site)), CLI_OK, "3 people", "");
    expect(run("person list --dir %s", site->dir), CLI_OK, "operator R1, inspector", "");
    expect(run("person list --dir %s", site->dir), CLI_OK, "shift leader (proposed 1/2)", "");
    // A second time everybody is there already, and nothing is written.
    expect(run("person import %s --write " AS, site->file, AS_OF(site)), CLI_FAILED, "",
           "line 2, number");
}

static void a_bad_table_enrols_nobody(void **state) {
    struct site *site = *state;
    static const struct {
        const char *text;
        const char *err;
    } rows[] = {
        {"", "name"},
        {"number,name,role\n", "no row"},
        {"number,name\n1,a\n", "role"},
        {"number,name,role,wage\n1,a,viewer,9\n", "wage"},
        {"number,name,role,name\n1,a,viewer,9\n", "name"},
        {"number,name,role\n1,a,viewer\n2,b\n", "line 3"},
        {"number,name,role\n1,\"a,viewer\n", "line 2"},
        {"number,name,role\n1,a\"b,viewer\n", "line 2"},
        {"number,name,role\n1,a,viewer\n2,b,chief\n", "line 3, role"},
        {"number,name,role\n1,a,root\n", "line 2, role"},
        {"number,name,role\n1,,viewer\n", "line 2, name"},
        {"number,name,role,area\n1,a,viewer,X X\n", "line 2, area"},
        {"number,name,role\nA1,a,viewer\n", "line 2, number"},
        {"number,name,role\n1,a,viewer\n1,b,operator\n", "line 3, name"},
        {"number,name,role\n1,=cmd|'/c calc'!A1,viewer\n", "line 2, name"},
        {"number,name,role\n+1,a,viewer\n", "line 2, number"},
        {"number,name,role\n@1,a,viewer\n", "line 2, number"},
        {"number,name,role\n1,a\tb,viewer\n", "line 2, name"},
        {"number,name,role\n1,a\x1b[31m,viewer\n", "line 2, name"},
        {"number,name,role\n1,a\xe2\x80\xae,viewer\n", "line 2, name"},
        {"number,name,role\n1,\xff\xfe,viewer\n", "line 2, name"},
        {"number,name,role\n1,\"a\nb\",viewer\n", "line 2, name"},
        {"number,name,role,until\n1,a,viewer,never\n", "line 2, until"},
        {"number,name,role,from,until\n1,a,viewer,2030-01-02,2029-01-01\n", "line 2, until"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        import_says(site, rows[i].text, CLI_FAILED, rows[i].err);
    }
    struct said said = run("person list --json --dir %s", site->dir);
    assert_int_equal(said.code, CLI_OK);
    const char *first = strchr(said.out, '\n');
    assert_non_null(first);
    assert_string_equal(first, "\n"); // the admin alone
    said_free(&said);
}

static void a_table_has_its_limits(void **state) {
    struct site *site = *state;
    char path[TEST_PATH_BYTES];
    test_path(site->folder, "big.csv", path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    (void)fprintf(file, "number,name,role\n");
    for (int i = 0; i < CSV_ROWS_MAX + 1; i++) {
        (void)fprintf(file, "n%d,a,viewer\n", i);
    }
    assert_int_equal(fclose(file), 0);
    expect(run("person import %s --dir %s", path, site->dir), CLI_FAILED, "", "too many rows");
    assert_int_equal(truncate(path, CSV_BYTES_MAX + 1), 0);
    expect(run("person import %s --dir %s", path, site->dir), CLI_FAILED, "", "cannot be read");
    char text[CSV_FIELD_BYTES + 64];
    (void)snprintf(text, sizeof text, "number,name,role\n1,%0*d,viewer\n", CSV_FIELD_BYTES, 1);
    import_says(site, text, CLI_FAILED, "line 2, name");
}

static void cells_are_written_safely(void **state) {
    (void)state;
    static const struct {
        const char *text, *cell;
    } rows[] = {{"plain", "plain,"},
                {"a,b", "\"a,b\","},
                {"a\"b", "\"a\"\"b\","},
                {"=1+1", "\"'=1+1\","},
                {"@SUM(A1)", "\"'@SUM(A1)\","},
                {"-3", "\"'-3\","},
                {"", ","}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf out;
        buf_init(&out, 256);
        csv_put(&out, rows[i].text, false);
        assert_string_equal(buf_cstr(&out), rows[i].cell);
        buf_fini(&out);
    }
}

// ---- Cards ----

static void cards_are_made_in_one_go(void **state) {
    struct site *site = *state;
    char cards[TEST_PATH_BYTES];
    struct buf text;
    struct stat status;
    test_path(site->folder, "cards.txt", cards);
    write_file(site, "devices.csv",
               "name,kind,account,password\n"
               "手持 1,handheld,h1,secret-1\n控制台 2,console,c2,secret-2\n",
               site->file);
    expect(run("device enrol --batch %s --broker 127.0.0.1:1883 --out %s --dir %s", site->file,
               cards, site->dir),
           CLI_OK, "2 cards", "");
    assert_int_equal(stat(cards, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    buf_init(&text, 1024 * 1024);
    assert_int_equal(os_file_read(cards, &text), RC_OK);
    assert_said(buf_cstr(&text), "手持 1");
    assert_said(buf_cstr(&text), "c2  console");
    assert_said(buf_cstr(&text), "█"); // the code
    assert_silent(buf_cstr(&text), "\033");
    buf_fini(&text);
    // What is there is not written over, and a bad table makes no file.
    expect(run("device enrol --batch %s --broker 127.0.0.1:1883 --out %s --dir %s", site->file,
               cards, site->dir),
           CLI_FAILED, "", "exists");
    assert_int_equal(unlink(cards), 0);
    static const struct {
        const char *text, *err;
    } rows[] = {
        {"name,kind,account,password\na,tablet,h1,x\n", "line 2, kind"},
        {"name,kind,account,password\na,console,h 1,x\n", "line 2, account"},
        {"name,kind,account,password\na,console,hub,x\n", "line 2, account"},
        {"name,kind,account,password\na,console,h1,x\nb,console,h1,x\n", "line 3, account"},
        {"name,kind,account,password\na,console,h1,\n", "line 2, password"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        write_file(site, "devices.csv", rows[i].text, site->file);
        expect(run("device enrol --batch %s --broker 127.0.0.1:1883 --out %s --dir %s", site->file,
                   cards, site->dir),
               CLI_FAILED, "", rows[i].err);
        assert_int_equal(access(cards, F_OK), -1);
    }
}

// ---- Withdrawing ----

static void what_cannot_be_withdrawn(void **state) {
    struct site *site = *state;
    expect(run("device revoke hub --reason lost " AS, AS_OF(site)), CLI_FAILED, "", "state");
    expect(run("device revoke nowhere --reason lost " AS, AS_OF(site)), CLI_FAILED, "", "nowhere");
    expect(run("device revoke hub " AS, AS_OF(site)), CLI_USAGE, "", "--reason");
    expect(run("person add --name Li --number 101 --role operator " AS, AS_OF(site)), CLI_OK, "",
           "");
    expect(run("person revoke 101 --reason x " AS, AS_OF(site)), CLI_FAILED, "", "no key");
    expect(run("review list --dir %s", site->dir), CLI_OK, "nothing", "");
    expect(run("review decide 0123456789ab --decision release --reason x " AS, AS_OF(site)),
           CLI_FAILED, "", "0123456789ab");
    expect(run("review decide 0123456789ab --decision maybe --reason x " AS, AS_OF(site)),
           CLI_USAGE, "", "--decision");
}

// The admin's own key goes, signed by itself: from then on it opens nothing.
static void a_key_is_withdrawn_by_command(void **state) {
    struct site *site = *state;
    expect(run("person revoke A1 --reason 'PIN seen' " AS, AS_OF(site)), CLI_OK, "A1", "");
    expect(run("person add --name Li --number 101 --role operator " AS, AS_OF(site)), CLI_FAILED,
           "", "withdrawn");
    expect(run("log --dir %s", site->dir), CLI_OK, "key withdrawn", "");
    expect(run("log --dir %s", site->dir), CLI_OK, "last good records stated", "");
}

#define FOUNDED(test) cmocka_unit_test_setup_teardown(test, founded, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        FOUNDED(enrolment_works_with_a_threshold), FOUNDED(root_keys_are_rotated),
        FOUNDED(a_worker_comes_for_a_job),         FOUNDED(a_table_enrols_many),
        FOUNDED(a_bad_table_enrols_nobody),        FOUNDED(a_table_has_its_limits),
        FOUNDED(cells_are_written_safely),         FOUNDED(cards_are_made_in_one_go),
        FOUNDED(what_cannot_be_withdrawn),         FOUNDED(a_key_is_withdrawn_by_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
