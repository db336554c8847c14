// The console's app without memory: acts are durable whole or not at all, nobody's PIN counts as
// wrong, and no alarm vanishes from a list that does not say that it is old.
#include "app_world.h"

static bool key_of_person(void *ctx, const struct content *content, struct public_key *out_key) {
    return judge_key_of(app_roster(((struct fixture *)ctx)->app), content, out_key);
}

static void app_sound(struct app_world *a) {
    struct store_verify_report report = {0};
    enum rc rc = store_verify(app_store(a->f->app), keys_ed25519(), key_of_person, a->f, &report);
    if (rc != RC_OK || report.what[0] != '\0') {
        fail_msg("the app's store: %s %s", rc_name(rc), report.what);
    }
}

static void memory_only(struct app_world *a, enum rc rc) {
    if (rc != RC_OK && a->refusal.code != REFUSAL_NONE) {
        fault_fail("refused: %s", refusal_name(a->refusal.code));
    }
}

// ---- Open ----

static void *open_setup(void) {
    struct app_world *a = app_live();
    app_close(a->f->app);
    a->f->app = NULL;
    return a;
}

static enum rc open_run(void *world) {
    struct app_world *a = world;
    struct fixture *f = a->f;
    struct app *app = NULL;
    a->refusal = (struct refusal){0};
    const struct app_options options = {.folder = f->folder,
                                        .scheme = keys_ed25519(),
                                        .ctx = f,
                                        .send = fixture_up,
                                        .random = fixture_random};
    fault_paint(&app, sizeof app);
    enum rc rc = app_open(&options, f->now, &app, &a->refusal);
    if (rc == RC_OK) {
        f->app = app;
    } else {
        fault_painted(&app, sizeof app, "the app");
    }
    memory_only(a, rc);
    return rc;
}

static void open_check(void *world, enum rc rc) {
    struct app_world *a = world;
    if (rc == RC_OK) {
        assert_int_equal(roster_person_count(app_roster(a->f->app)), 4);
        app_close(a->f->app);
        a->f->app = NULL;
    }
}

static void open_teardown(void *world) {
    struct app_world *a = world;
    fixture_app_open(a->f);
    app_sound(a);
    app_world_free(a);
}

// ---- People ----

static enum rc sign_in_run(void *world) {
    struct app_world *a = world;
    a->refusal = (struct refusal){0};
    enum rc rc = app_sign_in(a->f->app, "１０２", PIN_WANG, a->f->now, &a->refusal);
    memory_only(a, rc);
    return rc;
}

// Every try is still there.
static void sign_in_check(void *world, enum rc rc) {
    struct app_world *a = world;
    assert_int_equal(app_signed_in_count(a->f->app), rc == RC_OK ? 1 : 0);
    app_lock(a->f->app);
    assert_int_equal(app_sign_in(a->f->app, "102", "99999999", a->f->now, &a->refusal), RC_REFUSED);
    assert_string_equal(a->refusal.args[0], "9");
    assert_int_equal(app_sign_in(a->f->app, "102", PIN_WANG, a->f->now, &a->refusal), RC_OK);
    app_sign_out(a->f->app, a->f->people[1]);
}

static enum rc first_use_run(void *world) {
    struct app_world *a = world;
    a->refusal = (struct refusal){0};
    enum rc rc = app_first_use(a->f->app, "101", CODE_LI, "86420975", a->f->now, &a->refusal);
    // A frame that could not be made is the same as a link that takes none.
    if (rc == RC_REFUSED && a->refusal.code == REFUSAL_OFFLINE && fault_happened()) {
        return RC_NO_MEMORY;
    }
    memory_only(a, rc);
    return rc;
}

static void first_use_check(void *world, enum rc rc) {
    struct app_world *a = world;
    if (rc == RC_OK) {
        fixture_settle(a->f);
        struct app_message message;
        assert_true(app_next_message(a->f->app, &message));
        assert_int_equal(message.code, REFUSAL_NONE);
    }
}

static enum rc people_run(void *world) {
    struct app_world *a = world;
    struct app_person people[8];
    return app_people(a->f->app, people, 8) == 4 && !fault_happened() ? RC_OK : RC_INVALID;
}

// ---- Acts ----

static enum rc comment_run(void *world) {
    struct app_world *a = world;
    a->refusal = (struct refusal){0};
    enum rc rc = app_alarm_comment(a->f->app, a->alarm, "看过 seen", a->f->now, &a->refusal);
    memory_only(a, rc);
    return rc;
}

static void comment_check(void *world, enum rc rc) {
    struct app_world *a = world;
    struct alarm_detail detail;
    a->comments += rc == RC_OK;
    fixture_settle(a->f);
    assert_int_equal(app_alarm_detail(a->f->app, a->alarm, &detail), RC_OK);
    assert_int_equal(detail.row.state.comment_count, a->comments);
    struct app_status status;
    app_status(a->f->app, a->f->now, &status);
    assert_int_equal(status.refused, 0);
}

static void sound_teardown(void *world) {
    app_sound(world);
    app_world_free(world);
}

static enum rc ack_run(void *world) {
    struct app_world *a = world;
    uint32_t taken = 77;
    a->refusal = (struct refusal){0};
    enum rc rc = app_alarm_ack(a->f->app, a->painted, 2, "已知", a->f->now, &taken, &a->refusal);
    if (rc != RC_OK) {
        assert_int_equal(taken, 77);
    }
    memory_only(a, rc);
    assert_true(rc != RC_OK || taken == 2);
    return rc;
}

static void *ack_setup(void) {
    struct app_world *a = app_signed_in();
    struct alarm_row rows[8];
    uint32_t total = 0;
    assert_int_equal(app_alarm_list(a->f->app, NULL, rows, 8, &total), 2);
    for (uint32_t i = 0; i < 2; i++) {
        a->painted[i] = (struct painted_row){rows[i].subject, rows[i].state.changed_n};
    }
    return a;
}

static void ack_check(void *world, enum rc rc) {
    struct app_world *a = world;
    struct alarm_row rows[8];
    uint32_t total = 0;
    struct alarm_filter filter = {.unacked_only = true};
    assert_int_equal(app_alarm_list(a->f->app, &filter, rows, 8, &total), rc == RC_OK ? 0 : 2);
}

static enum rc person_add_run(void *world) {
    struct app_world *a = world;
    struct rid person;
    struct person_spec spec = {.name = "新人 New", .number = "900"};
    a->refusal = (struct refusal){0};
    fault_paint(&person, sizeof person);
    enum rc rc = app_person_add(a->f->app, &spec, a->f->now, &person, &a->refusal);
    if (rc != RC_OK) {
        fault_painted(&person, sizeof person, "the person");
    }
    memory_only(a, rc);
    return rc;
}

static void person_add_check(void *world, enum rc rc) {
    struct app_world *a = world;
    struct rid found;
    if (rc == RC_OK) {
        fixture_settle(a->f);
        assert_true(roster_person_by_number(app_roster(a->f->app), "900", &found));
    }
}

static void *admin_setup(void) {
    struct app_world *a = app_live();
    fixture_sign_in(a->f, "104", PIN_CHEN);
    return a;
}

// ---- The log arrives ----

static void step_prepare(struct app_world *a) {
    (void)hub_raise(a->f, a->open % 2 ? "PT-1" : "PT-2", "R1", 2);
    a->open++;
    hub_turn(a->f);
}

static void *step_setup(void) {
    struct app_world *a = app_signed_in();
    step_prepare(a);
    return a;
}

static enum rc step_run(void *world) {
    struct app_world *a = world;
    struct fixture *f = a->f;
    struct mono_ms next;
    bool changed;
    fixture_later(f, 100);
    for (uint32_t i = 0; i < f->down.count; i++) {
        uint32_t at = (f->down.head + i) % FIXTURE_FRAMES;
        enum rc rc = app_receive(f->app, slice_of(f->down.item[at].bytes, f->down.item[at].len));
        if (rc != RC_OK) {
            return rc;
        }
    }
    return app_step(f->app, f->now, &changed, &next);
}

static void step_check(void *world, enum rc rc) {
    struct app_world *a = world;
    struct alarm_row rows[256];
    uint32_t total = 0;
    struct mono_ms next;
    bool changed;
    (void)rc;
    for (int i = 0; i < 12 && total != a->open; i++) {
        fixture_later(a->f, 1000);
        assert_int_equal(app_step(a->f->app, a->f->now, &changed, &next), RC_OK);
        fixture_settle(a->f);
        (void)app_alarm_list(a->f->app, NULL, rows, 256, &total);
    }
    assert_int_equal(total, a->open);
    assert_int_equal(roster_person_count(app_roster(a->f->app)), 4);
    if (a->open < 200) {
        step_prepare(a);
    }
}

// ---- Questions ----

// All of it, or a picture that is called stale.
static enum rc list_run(void *world) {
    struct app_world *a = world;
    struct alarm_row rows[16];
    struct area_row areas[8];
    struct app_status status;
    uint32_t total = 0;
    struct alarm_filter filter = {.include_closed = true};
    a->f->app->alarms_dirty = true;
    uint32_t count = app_alarm_list(a->f->app, &filter, rows, 16, &total);
    uint32_t area_count = app_areas(a->f->app, a->f->now, areas, 8);
    uint32_t unacked = 0;
    for (uint32_t i = 0; i < area_count; i++) {
        unacked += areas[i].unacked[0];
    }
    app_status(a->f->app, a->f->now, &status);
    if (count != 2 || unacked != 2) {
        fault_fail("%u alarms, %u in areas", count, unacked);
    }
    return status.stale || area_count != 2 ? RC_NO_MEMORY : RC_OK;
}

static enum rc detail_run(void *world) {
    struct app_world *a = world;
    static struct alarm_detail detail;
    struct rid found;
    fault_paint(&detail, sizeof detail);
    enum rc rc = app_alarm_detail(a->f->app, a->alarm, &detail);
    if (rc != RC_OK) {
        fault_painted(&detail, sizeof detail, "the detail");
        return rc;
    }
    assert_string_equal(detail.consequence, "泄压 Relief");
    return app_find_subject(a->f->app, "PT-1", &found);
}

static enum rc tags_run(void *world) {
    struct app_world *a = world;
    struct tag_row rows[8];
    a->f->app->defs_dirty = true;
    uint32_t count = app_tag_count(a->f->app);
    uint32_t given = app_tags(a->f->app, NULL, a->f->now, rows, 8);
    assert_true(given == 0 || given == 3);
    return count == 3 && given == 3 ? RC_OK : RC_NO_MEMORY;
}

static enum rc log_run(void *world) {
    struct app_world *a = world;
    static struct log_row rows[64];
    uint32_t count = app_log(a->f->app, a->alarm, rows, 64);
    uint32_t all = app_log(a->f->app, (struct rid){{{0}}}, rows, 64);
    return count == 1 && all > 10 ? RC_OK : RC_NO_MEMORY;
}

static enum rc export_run(void *world) {
    struct app_world *a = world;
    buf_fini(&a->out);
    buf_init(&a->out, 1 << 16);
    enum rc rc = app_record_export(a->f->app, a->alarm, true, &a->out);
    if (rc == RC_OK) {
        assert_non_null(strstr(buf_cstr(&a->out), "\"accepted\""));
    }
    return rc;
}

static void *outbox_setup(void) {
    struct app_world *a = app_signed_in();
    fixture_cut(a->f, true);
    assert_int_equal(comment_run(a), RC_OK);
    return a;
}

static enum rc outbox_run(void *world) {
    struct app_world *a = world;
    static struct outbox_row rows[32];
    return app_outbox(a->f->app, rows, 32) == 1 ? RC_OK : RC_NO_MEMORY;
}

static enum rc control_run(void *world) {
    struct app_world *a = world;
    struct control_answer answer;
    uint8_t verb = CONTROL_STATUS;
    buf_fini(&a->out);
    buf_init(&a->out, LIMIT_CONTROL_MESSAGE_BYTES);
    app_control(a->f->app, slice_of(&verb, 1), a->f->now, &a->out);
    if (buf_rc(&a->out) != RC_OK) {
        return buf_rc(&a->out);
    }
    assert_int_equal(control_answer_decode(buf_slice(&a->out), &answer), RC_OK);
    return answer.rc;
}

static enum rc config_run(void *world) {
    struct app_world *a = world;
    struct device_config config;
    fault_paint(&config, sizeof config);
    enum rc rc = device_config_save(a->f->folder, &a->f->config);
    if (rc == RC_OK) {
        rc = device_config_load(a->f->folder, &config, &a->refusal);
        if (rc != RC_OK) {
            fault_painted(&config, sizeof config, "the configuration");
        }
    }
    return rc;
}

static void config_check(void *world, enum rc rc) {
    struct app_world *a = world;
    struct device_config config;
    (void)rc;
    assert_int_equal(device_config_load(a->f->folder, &config, &a->refusal), RC_OK);
    assert_string_equal(config.name, a->f->config.name);
}

static const struct fault_op ops[] = {
    {.name = "app: open",
     .setup = open_setup,
     .run = open_run,
     .check = open_check,
     .teardown = open_teardown,
     .keep = true,
     .most = 24},
    {.name = "app: sign in",
     .setup = app_live,
     .run = sign_in_run,
     .check = sign_in_check,
     .teardown = app_world_free,
     .keep = true},
    {.name = "app: first use",
     .setup = app_live,
     .run = first_use_run,
     .check = first_use_check,
     .teardown = app_world_free,
     .most = 8},
    {.name = "app: people",
     .setup = app_live,
     .run = people_run,
     .teardown = app_world_free,
     .keep = true},
    {.name = "app: comment",
     .setup = app_signed_in,
     .run = comment_run,
     .check = comment_check,
     .teardown = sound_teardown,
     .keep = true,
     .most = 100},
    {.name = "app: acknowledge",
     .setup = ack_setup,
     .run = ack_run,
     .check = ack_check,
     .teardown = sound_teardown,
     .most = 12},
    {.name = "app: person",
     .setup = admin_setup,
     .run = person_add_run,
     .check = person_add_check,
     .teardown = sound_teardown,
     .most = 10},
    {.name = "app: the log arrives",
     .setup = step_setup,
     .run = step_run,
     .check = step_check,
     .teardown = sound_teardown,
     .keep = true,
     .most = 60},
    {.name = "app: alarms and areas",
     .setup = app_live,
     .run = list_run,
     .teardown = app_world_free,
     .keep = true},
    {.name = "app: detail and search",
     .setup = app_live,
     .run = detail_run,
     .teardown = app_world_free,
     .keep = true},
    {.name = "app: tags",
     .setup = app_live,
     .run = tags_run,
     .teardown = app_world_free,
     .keep = true},
    {.name = "app: records of a subject",
     .setup = app_live,
     .run = log_run,
     .teardown = app_world_free,
     .keep = true},
    {.name = "app: export",
     .setup = app_live,
     .run = export_run,
     .teardown = app_world_free,
     .keep = true},
    {.name = "app: outbox",
     .setup = outbox_setup,
     .run = outbox_run,
     .teardown = app_world_free,
     .keep = true},
    {.name = "app: questions of another process",
     .setup = app_live,
     .run = control_run,
     .teardown = app_world_free,
     .keep = true},
    {.name = "device.ini",
     .setup = app_live,
     .run = config_run,
     .check = config_check,
     .teardown = app_world_free,
     .keep = true,
     .may = FAULT_MAY(RC_IO)},
};

int main(int argc, char **argv) {
    return fault_main(argc, argv, ops, COUNT_OF(ops));
}
