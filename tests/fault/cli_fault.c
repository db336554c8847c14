// Commands without memory: they fail with a sentence, or they print what they print with memory.
#include "../unit/cli_util.h"
#include "../unit/hub_fixture.h"
#include "fault.h"

#include "davy/link/os.h"

#define ROOT_PIN "90817263"
#define ADMIN_PIN "71625340"

struct site {
    struct fixture *f;
    char pins[TEST_PATH_BYTES], admin[TEST_PATH_BYTES], ini[TEST_PATH_BYTES];
    char fresh[TEST_PATH_BYTES]; // where a site is founded
    char alarm[ID_HEX_BYTES];
    char *expected; // what the command prints with memory
};

static const char *command; // of the operation at hand

static void write_file(struct site *s, const char *name, const char *text,
                       char out_path[static TEST_PATH_BYTES]) {
    test_path(s->f->folder, name, out_path);
    assert_int_equal(os_file_write(out_path, slice_text(text), 0600), RC_OK);
}

static void *site_setup(void) {
    struct site *s = calloc(1, sizeof *s);
    void *state = NULL;
    assert_non_null(s);
    assert_int_equal(fixture_setup(&state), 0);
    s->f = state;
    fixture_reading(s->f, "PT-1", 2950);
    fixture_reading(s->f, "LT-2", 50);
    fixture_later(s->f, 1000);
    fixture_step(s->f);
    id16_hex(fixture_occurrences(s->f, true).subject[0].id, s->alarm);
    hub_close(s->f->hub);
    s->f->hub = NULL;
    write_file(s, "pins", ROOT_PIN "\n" ADMIN_PIN "\n", s->pins);
    write_file(s, "admin", "24681357\n", s->admin);
    write_file(s, "site.ini", site_text, s->ini);
    test_path(s->f->folder, "fresh", s->fresh);
    return s;
}

static void site_free(void *world) {
    struct site *s = world;
    void *state = s->f;
    free(s->expected);
    assert_int_equal(fixture_teardown(&state), 0);
    free(s);
}

// Digits differ from run to run: times, ages, ids, counts of the log.
static void without_digits(char *text) {
    char *to = text;
    for (const char *at = text; *at != '\0'; at++) {
        if (strchr("0123456789abcdef ", *at) == NULL) {
            *to++ = *at;
        }
    }
    *to = '\0';
}

static struct said ask(struct site *s, const char *words) {
    char text[1024];
    const struct {
        const char *name;
        const char *value;
    } names[] = {{"@dir", s->f->folder}, {"@pins", s->pins},   {"@admin", s->admin},
                 {"@ini", s->ini},       {"@fresh", s->fresh}, {"@alarm", s->alarm}};
    size_t len = 0;
    for (const char *at = words; *at != '\0';) {
        size_t i = 0;
        while (i < COUNT_OF(names) && strncmp(at, names[i].name, strlen(names[i].name)) != 0) {
            i++;
        }
        const char *from = i < COUNT_OF(names) ? names[i].value : at;
        size_t bytes = i < COUNT_OF(names) ? strlen(from) : 1;
        assert_true(len + bytes < sizeof text);
        memcpy(text + len, from, bytes);
        len += bytes;
        at += i < COUNT_OF(names) ? strlen(names[i].name) : 1;
    }
    text[len] = '\0';
    return run_text(text);
}

static enum rc read_run(void *world) {
    struct site *s = world;
    struct said said = ask(s, command);
    // A site file's check says what is wrong on its output.
    bool told = strstr(said.err, "memory") != NULL || strstr(said.out, "memory") != NULL;
    without_digits(said.out);
    if (said.code == 0 && s->expected == NULL) {
        s->expected = strdup(said.out);
    }
    if (said.code == 0 && strcmp(said.out, s->expected) != 0) {
        fault_fail("printed, and said nothing of memory:\n%s\nnot\n%s", said.out, s->expected);
    }
    if (said.code != 0 && !told) {
        fault_fail("said: %s%s", said.out, said.err);
    }
    enum rc rc = said.code == 0 ? RC_OK : RC_NO_MEMORY;
    said_free(&said);
    return rc;
}

// What changes something: again after a failure, it is done or was done.
static enum rc act_run(void *world) {
    struct said said = ask(world, command);
    if (said.code != 0 && said.err[0] == '\0') {
        fault_fail("failed without a word");
    }
    if (said.code != 0 && !fault_happened()) {
        fault_fail("said: %s", said.err);
    }
    enum rc rc = said.code == 0 ? RC_OK : RC_NO_MEMORY;
    said_free(&said);
    return rc;
}

#define COMMAND(name, words)                                                                       \
    static void *setup_##name(void) {                                                              \
        command = words;                                                                           \
        return site_setup();                                                                       \
    }
COMMAND(show, "site show --dir @dir")
COMMAND(check, "site check @ini")
COMMAND(people, "person list --dir @dir --json")
COMMAND(devices, "device list --dir @dir")
COMMAND(alarms, "alarm list --dir @dir")
COMMAND(alarm, "alarm show @alarm --dir @dir")
COMMAND(tags, "tag list --dir @dir")
COMMAND(history, "tag history PT-1 --dir @dir --from 2026-09-01 --to 2026-11-01")
COMMAND(log, "log --dir @dir --json")
COMMAND(verify, "verify --dir @dir")
COMMAND(status, "sync status --dir @dir --json")
COMMAND(help, "help")
COMMAND(rebuild, "rebuild --dir @dir")
COMMAND(found, "site init --dir @fresh --name T --admin A --number A1 --pin-file @pins")

#define READS(label, which, n)                                                                     \
    {                                                                                              \
        .name = "davy " label, .setup = setup_##which, .run = read_run, .teardown = site_free,     \
        .keep = true, .most = n                                                                    \
    }

static const struct fault_op ops[] = {
    READS("site show", show, 24),
    READS("site check", check, 40),
    READS("person list", people, 20),
    READS("device list", devices, 24),
    READS("alarm list", alarms, 30),
    READS("alarm show", alarm, 24),
    READS("tag list", tags, 24),
    READS("tag history", history, 24),
    READS("log", log, 24),
    READS("verify", verify, 30),
    READS("sync status", status, 24),
    READS("help", help, 10),
    {.name = "davy rebuild",
     .setup = setup_rebuild,
     .run = act_run,
     .teardown = site_free,
     .keep = true,
     .most = 24},
    {.name = "davy site init",
     .setup = setup_found,
     .run = act_run,
     .teardown = site_free,
     .most = 10},
};

int main(int argc, char **argv) {
    return fault_main(argc, argv, ops, COUNT_OF(ops));
}
