// Every screen in three sizes, two languages, with colours and without, beside what was agreed on.
// BLESS=1 writes tests/golden anew. A screen without a case, or a case without a file, fails.
#include "screen_fake.h"

#define FOLDER "tests/golden"

struct golden {
    const char *name;
    enum screen_id id;
    void (*prepare)(struct screen *screen);
};

static void nobody(struct screen *screen) {
    for (size_t i = 0; i < FAKE_PEOPLE; i++) {
        app_sign_out(screen->app, screen->app->people[i].person);
    }
    screen_home(screen, SCREEN_PEOPLE);
}

static void first_use(struct screen *screen) {
    nobody(screen);
    fake_key(screen, 'f');
    fake_type(screen, "1003");
}

static void lock(struct screen *screen) {
    app_lock(screen->app);
}

static void by_digit(struct screen *screen, uint32_t digit) {
    fake_key(screen, digit);
}

static void alarms(struct screen *screen) {
    by_digit(screen, '2');
}

static void one_alarm(struct screen *screen) {
    by_digit(screen, '2');
    fake_step(screen);
    fake_key(screen, TUI_KEY_ENTER);
}

static void tags(struct screen *screen) {
    by_digit(screen, '3');
}

static void tag(struct screen *screen) {
    by_digit(screen, '3');
    fake_step(screen);
    fake_key(screen, TUI_KEY_DOWN);
    fake_key(screen, TUI_KEY_ENTER);
}

static void sync_state(struct screen *screen) {
    by_digit(screen, '4');
}

static void records(struct screen *screen) {
    one_alarm(screen);
    fake_key(screen, 'l');
}

static void record(struct screen *screen) {
    records(screen);
    fake_step(screen);
    fake_key(screen, TUI_KEY_ENTER);
}

static void remarks(struct screen *screen) {
    fake_key(screen, 'e');
}

static void settings(struct screen *screen) {
    fake_key(screen, ',');
}

static void cut_off(struct screen *screen) {
    screen->app->cut_off = true;
    alarms(screen);
}

static void sync_cut_off(struct screen *screen) {
    screen->app->cut_off = true;
    sync_state(screen);
}

static void bulk_question(struct screen *screen) {
    alarms(screen);
    fake_step(screen);
    fake_type(screen, "  ");
    fake_key(screen, 'a');
}

static void pin(struct screen *screen) {
    nobody(screen);
    fake_key(screen, '1');
    fake_type(screen, "202");
}

static void palette(struct screen *screen) {
    alarms(screen);
    fake_key(screen, ':');
}

static void filter(struct screen *screen) {
    alarms(screen);
    fake_key(screen, 'U');
    fake_key(screen, 'P');
    fake_key(screen, '\\');
}

static const struct golden goldens[] = {
    {"people", SCREEN_PEOPLE, nobody},
    {"first_use", SCREEN_FIRST_USE, first_use},
    {"lock", SCREEN_LOCK, lock},
    {"overview", SCREEN_OVERVIEW, NULL},
    {"alarms", SCREEN_ALARMS, alarms},
    {"alarm", SCREEN_ALARM, one_alarm},
    {"tags", SCREEN_TAGS, tags},
    {"tag", SCREEN_TAG, tag},
    {"sync", SCREEN_SYNC, sync_state},
    {"log", SCREEN_LOG, records},
    {"record", SCREEN_RECORD, record},
    {"settings", SCREEN_SETTINGS, settings},
    {"remarks", SCREEN_REMARKS, remarks},
    {"alarms-cutoff", SCREEN_ALARMS, cut_off},
    {"sync-cutoff", SCREEN_SYNC, sync_cut_off},
    {"alarms-bulk", SCREEN_ALARMS, bulk_question},
    {"alarms-filter", SCREEN_ALARMS, filter},
    {"people-pin", SCREEN_PEOPLE, pin},
    {"palette", SCREEN_ALARMS, palette},
};

// What a monochrome terminal is told: . plain, b bold, u underline, r reverse; capitals with bold.
static char mono_letter(const struct screen *screen, enum tui_style style) {
    unsigned attrs = screen->theme.paint[TUI_MONO][style].attrs;
    bool bold = (attrs & TUI_ATTR_BOLD) != 0;
    if ((attrs & TUI_ATTR_REVERSE) != 0) {
        return bold ? 'R' : 'r';
    }
    if ((attrs & TUI_ATTR_UNDERLINE) != 0) {
        return bold ? 'U' : 'u';
    }
    return bold ? 'b' : '.';
}

static void dump_mono(struct screen *screen, struct buf *out) {
    struct tui_rect whole = tui_canvas_rect(screen->canvas);
    for (int row = 0; row < whole.rows; row++) {
        size_t keep = out->len;
        for (int col = 0; col < whole.cols; col++) {
            char letter = mono_letter(screen, tui_canvas_cell(screen->canvas, row, col).style);
            buf_put_u8(out, (uint8_t)letter);
            keep = letter != '.' ? out->len : keep;
        }
        out->len = keep;
        buf_put_u8(out, '\n');
    }
}

static void dump(struct screen *screen, bool mono, struct buf *out) {
    tui_canvas_dump(screen->canvas, out);
    if (!mono) {
        return;
    }
    const char *styles = strstr(buf_cstr(out), "\n--\n");
    assert_non_null(styles);
    out->len = (size_t)(styles + 4 - (const char *)out->data);
    dump_mono(screen, out);
}

static bool same(const char *path, struct slice now) {
    static char before[1 << 18];
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        print_error("%s is missing; BLESS=1 writes it after you looked at it\n", path);
        return false;
    }
    size_t len = fread(before, 1, sizeof before, file);
    fclose(file);
    if (len == now.len && memcmp(before, now.data, len) == 0) {
        return true;
    }
    print_error("%s differs; now:\n%.*s\n", path, (int)now.len, (const char *)now.data);
    return false;
}

static void bless(const char *path, struct slice now) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(now.data, 1, now.len, file), now.len);
    assert_int_equal(fclose(file), 0);
}

static bool draw_one(const struct golden *golden, struct fake_size size, bool zh, bool mono) {
    struct app app;
    char path[TEST_PATH_BYTES];
    struct buf out;
    buf_init(&out, 1 << 18);
    fake_init(&app, zh);
    fake_sign_in(&app);
    struct screen *screen = fake_screen(&app, size, mono);
    fake_frame(screen, 0);
    if (golden->prepare != NULL) {
        golden->prepare(screen);
    }
    screen_changed(screen, fake_moment(5000));
    fake_frame(screen, 5000);
    assert_int_equal(screen->at, golden->id);
    dump(screen, mono, &out);
    snprintf(path, sizeof path, FOLDER "/%s_%s_%s_%s.txt", golden->name, size.name,
             zh ? "zh" : "en", mono ? "mono" : "colour");
    bool good = true;
    if (getenv("BLESS") != NULL) {
        bless(path, buf_slice(&out));
    } else {
        good = same(path, buf_slice(&out));
    }
    screen_free(screen);
    fake_fini(&app);
    buf_fini(&out);
    return good;
}

static void screens_look_as_agreed(void **state) {
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof goldens / sizeof goldens[0]; i++) {
        for (size_t s = 0; s < sizeof fake_sizes / sizeof fake_sizes[0]; s++) {
            for (int variant = 0; variant < 4; variant++) {
                wrong +=
                    draw_one(&goldens[i], fake_sizes[s], (variant & 1) != 0, (variant & 2) != 0)
                        ? 0
                        : 1;
            }
        }
    }
    assert_int_equal(wrong, 0);
}

static void every_screen_has_a_golden(void **state) {
    (void)state;
    for (int id = 0; id < SCREEN_COUNT; id++) {
        bool found = false;
        for (size_t i = 0; i < sizeof goldens / sizeof goldens[0]; i++) {
            found = found || (strcmp(goldens[i].name, screen_table[id]->name) == 0 &&
                              goldens[i].id == (enum screen_id)id);
        }
        if (!found) {
            print_error("the screen \"%s\" has no golden\n", screen_table[id]->name);
        }
        assert_true(found);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_screen_has_a_golden),
        cmocka_unit_test(screens_look_as_agreed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
