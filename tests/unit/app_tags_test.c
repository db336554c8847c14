// Live values: what is heard, how old it is, and when it must not look live.
#include "app_fixture.h"

#include <math.h>

struct value {
    const char *tag;
    double value;
    uint8_t quality;
    int64_t age_ms;
};

static void say(struct fixture *f, const char *area, bool full, const struct value *values,
                uint32_t count) {
    struct buf items;
    buf_init(&items, LIMIT_MESSAGE_BYTES);
    for (uint32_t i = 0; i < count; i++) {
        struct digest_value value = {.tag = slice_text(values[i].tag),
                                     .value = values[i].value,
                                     .quality = values[i].quality,
                                     .age_ms = values[i].age_ms};
        digest_put_value(&items, &value);
    }
    struct digest digest = {
        .area = slice_text(area), .full = full, .count = count, .items = buf_slice(&items)};
    sync_hub_digest(f->hub, &digest, f->now);
    buf_fini(&items);
}

static void say_one(struct fixture *f, const char *tag, double value, uint8_t quality,
                    int64_t age_ms) {
    struct value one = {tag, value, quality, age_ms};
    say(f, "R1", false, &one, 1);
    app_turn(f);
}

static struct tag_row tag_of(struct fixture *f, const char *tag) {
    struct tag_row row;
    assert_true(app_tag(f->app, tag, f->now, &row));
    return row;
}

static void values_are_heard(void **state) {
    struct fixture *f = *state;
    struct tag_row rows[8];
    assert_int_equal(app_tag_count(f->app), 3);
    assert_false(app_tag(f->app, "XX", f->now, rows));
    struct tag_row row = tag_of(f, "PT-1");
    assert_false(row.has_value);
    assert_true(row.stale);
    say_one(f, "PT-1", 2800.5, 0, 1500);
    row = tag_of(f, "PT-1");
    assert_true(row.has_value);
    assert_false(row.stale);
    assert_true(fabs(row.value - 2800.5) < 1e-9);
    assert_int_equal(row.age_ms, 1500);
    fixture_later(f, 700);
    assert_int_equal(tag_of(f, "PT-1").age_ms, 2200);
    assert_int_equal(app_tags(f->app, "R1", f->now, rows, 8), 2);
    assert_string_equal(rows[0].def.code, "PT-1");
    assert_string_equal(rows[1].def.code, "PT-2");
    assert_true(rows[1].stale);
    assert_int_equal(app_tags(f->app, NULL, f->now, rows, 2), 2);
}

static void bad_and_stale_values_are_unknown(void **state) {
    struct fixture *f = *state;
    say_one(f, "PT-1", 1, 0, 0);
    assert_false(tag_of(f, "PT-1").stale);
    say_one(f, "PT-1", 1, 1, 0); // uncertain is shown, with its quality
    assert_false(tag_of(f, "PT-1").stale);
    assert_int_equal(tag_of(f, "PT-1").quality, 1);
    say_one(f, "PT-1", 1, 2, 0);
    assert_true(tag_of(f, "PT-1").stale);
    say_one(f, "PT-1", 1, 3, 0); // its source is silent
    assert_true(tag_of(f, "PT-1").stale);
    say_one(f, "PT-1", 1, 0, 61000); // an old reading, though nobody said so
    assert_true(tag_of(f, "PT-1").stale);
    assert_true(tag_of(f, "PT-1").has_value);
}

// A source that reports on change is silent for as long as the site lets it be.
static void the_site_says_how_old_a_value_may_be(void **state) {
    struct fixture *f = *state;
    static const struct {
        uint64_t stale_s;
        int64_t age_ms;
        bool unknown;
    } cases[] = {{600, 61000, false}, {600, 599000, false},   {600, 601000, true},
                 {30, 45000, false},  {30, 61000, true},      {0, 59000, false},
                 {0, 61000, true},    {86400, 3600000, false}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct rid subject = define_subject(f->config.site, DEFINE_TAG, "PT-1");
        struct body body = hub_body(f, KIND_SITE_TAG);
        body_put_text(&body, TAG_TAG, "PT-1");
        body_put_text(&body, TAG_AREA, "R1");
        if (cases[i].stale_s > 0) {
            body_put_uint(&body, TAG_STALE, cases[i].stale_s);
        }
        (void)hub_append(f, KIND_SITE_TAG, &subject);
        fixture_settle(f);
        say_one(f, "PT-1", 1, 0, cases[i].age_ms);
        assert_int_equal(tag_of(f, "PT-1").def.stale_s, cases[i].stale_s);
        assert_int_equal(tag_of(f, "PT-1").stale, cases[i].unknown);
        say_one(f, "PT-1", 1, 3, 0); // what the hub knows goes first
        assert_true(tag_of(f, "PT-1").stale);
    }
}

// Cut off, or a hub that says nothing: the picture ages, and nothing in it is live.
static void a_stale_picture_never_looks_live(void **state) {
    struct fixture *f = *state;
    struct app_status status;
    struct area_row areas[4];
    say_one(f, "PT-1", 1, 0, 0);
    app_status(f->app, f->now, &status);
    assert_false(status.stale);
    assert_int_equal(app_areas(f->app, f->now, areas, 4), 2);
    assert_int_equal(areas[0].tags_unknown, 1);
    fixture_later(f, LIMIT_PICTURE_STALE_MS + 1);
    app_status(f->app, f->now, &status);
    assert_true(status.stale);
    assert_int_equal(status.picture_age_ms, LIMIT_PICTURE_STALE_MS + 1);
    assert_true(tag_of(f, "PT-1").stale);
    assert_int_equal(app_areas(f->app, f->now, areas, 4), 2);
    assert_int_equal(areas[0].tags_unknown, 2);
    say_one(f, "PT-2", 1, 0, 0);
    app_status(f->app, f->now, &status);
    assert_false(status.stale);
    fixture_cut(f, true);
    app_status(f->app, f->now, &status);
    assert_true(status.stale); // at once, not after 10 s
    assert_true(tag_of(f, "PT-2").stale);
}

// Digests state changes. When one is lost, what it might have changed is unknown until it is heard.
static void a_lost_digest_shows(void **state) {
    struct fixture *f = *state;
    say_one(f, "PT-1", 1, 0, 0);
    say_one(f, "PT-2", 2, 0, 0);
    assert_false(tag_of(f, "PT-1").stale);
    f->lose = 1;
    say_one(f, "PT-1", 99, 0, 0); // never arrives
    say_one(f, "PT-2", 3, 0, 0);
    assert_true(tag_of(f, "PT-1").stale);
    assert_false(tag_of(f, "PT-2").stale);
    struct value all[] = {{"PT-1", 99, 0, 0}, {"PT-2", 3, 0, 0}};
    say(f, "R1", true, all, 2);
    app_turn(f);
    assert_false(tag_of(f, "PT-1").stale);
    assert_true(tag_of(f, "PT-1").value > 98);
}

// After a cut nothing of before is live, even though the link is back.
static void values_of_before_a_cut_are_not_live(void **state) {
    struct fixture *f = *state;
    say_one(f, "PT-1", 1, 0, 0);
    fixture_cut(f, true);
    say_one(f, "PT-1", 50, 0, 0);
    fixture_later(f, 500);
    fixture_cut(f, false);
    fixture_settle(f);
    say_one(f, "PT-2", 2, 0, 0);
    struct app_status status;
    app_status(f->app, f->now, &status);
    assert_false(status.stale);
    assert_true(tag_of(f, "PT-1").stale);
    assert_false(tag_of(f, "PT-2").stale);
}

static void trends(void **state) {
    struct fixture *f = *state;
    struct trend_point points[TREND_POINTS_MAX];
    assert_int_equal(app_trend(f->app, "PT-1", points, 10), 0);
    assert_int_equal(app_trend(f->app, "XX", points, 10), 0);
    for (int i = 0; i < 40; i++) {
        fixture_later(f, 1000);
        say_one(f, "PT-1", i, 0, 0);
    }
    assert_int_equal(app_trend(f->app, "PT-1", points, 10), 10);
    assert_int_equal((int)points[9].value, 39);
    assert_int_equal((int)points[0].value, 30);
    assert_true(points[9].time.v == f->now.utc.v);
    // Somebody looks at it: from now on more is kept.
    (void)app_trend(f->app, "PT-1", points, TREND_POINTS_MAX);
    for (int i = 40; i < 700; i++) {
        fixture_later(f, 1000);
        say_one(f, "PT-1", i, 0, 0);
    }
    assert_int_equal(app_trend(f->app, "PT-1", points, TREND_POINTS_MAX), TREND_POINTS_MAX);
    for (int i = 0; i < TREND_POINTS_MAX; i++) {
        assert_int_equal((int)points[i].value, 700 - TREND_POINTS_MAX + i);
    }
    say_one(f, "PT-1", 5, 0, 0); // the same reading again is one point
    assert_int_equal(app_trend(f->app, "PT-1", points, 2), 2);
    assert_int_equal((int)points[1].value, 699);
}

static void definitions_follow_the_hub(void **state) {
    struct fixture *f = *state;
    hub_tag(f, "NEW-1", "S1", 0);
    fixture_settle(f);
    assert_int_equal(app_tag_count(f->app), 4);
    assert_string_equal(tag_of(f, "NEW-1").def.area, "S1");
    struct rid subject = define_subject(f->config.site, DEFINE_TAG, "PT-1");
    struct body body = hub_body(f, KIND_SITE_TAG);
    body_put_text(&body, TAG_TAG, "PT-1");
    body_put_text(&body, TAG_AREA, "R1");
    body_put_text(&body, TAG_NAME, "PT-1");
    body_put_uint(&body, TAG_REMOVED, 1);
    (void)hub_append(f, KIND_SITE_TAG, &subject);
    fixture_settle(f);
    struct tag_row row;
    assert_int_equal(app_tag_count(f->app), 3);
    assert_false(app_tag(f->app, "PT-1", f->now, &row));
}

// What a point was is given back exactly, however it is kept.
static void points_are_exact(void **state) {
    struct fixture *f = *state;
    static const struct {
        double value;
        uint8_t quality;
        int64_t later_ms;
    } said[] = {{1234567.875, 0, 1},
                {-0.001, 1, 999},
                {1e300, 2, 86400000},
                {0, 3, INT64_C(12) * 86400000},
                {2801.27, 0, 1}};
    struct trend_point points[TREND_POINTS_MIN];
    int64_t times[COUNT_OF(said)];
    for (size_t i = 0; i < COUNT_OF(said); i++) {
        f->now.utc.v += said[i].later_ms;
        times[i] = f->now.utc.v - 7;
        say_one(f, "PT-1", said[i].value, said[i].quality, 7);
    }
    assert_int_equal(app_trend(f->app, "PT-1", points, TREND_POINTS_MIN), COUNT_OF(said));
    for (size_t i = 0; i < COUNT_OF(said); i++) {
        assert_int_equal(points[i].time.v, times[i]);
        assert_true(memcmp(&points[i].value, &said[i].value, sizeof(double)) == 0);
        assert_int_equal(points[i].quality, said[i].quality);
    }
    f->now.utc.v += INT64_C(13) * 86400000; // what was before so long a silence is no trend
    say_one(f, "PT-1", 5, 0, 0);
    assert_int_equal(app_trend(f->app, "PT-1", points, TREND_POINTS_MIN), 1);
    assert_int_equal(points[0].time.v, f->now.utc.v);
}

static uint32_t points_of(struct fixture *f, const char *tag, uint32_t max) {
    struct trend_point points[TREND_POINTS_MAX];
    return app_trend(f->app, tag, points, max);
}

static void say_often(struct fixture *f, const char *tag, int count) {
    for (int i = 0; i < count; i++) {
        fixture_later(f, 1000);
        say_one(f, tag, i, 0, 0);
    }
}

// Every tag has a short past. A long one is kept for those that somebody looks at, as many as stand
// on a screen, and for open alarms.
static void long_trends_have_a_limit(void **state) {
    struct fixture *f = *state;
    char name[16];
    say_often(f, "PT-1", 40);
    assert_int_equal(points_of(f, "PT-1", TREND_POINTS_MIN), TREND_POINTS_MIN);
    assert_int_equal(points_of(f, "PT-1", TREND_POINTS_MAX), TREND_POINTS_MIN);
    say_often(f, "PT-1", 40);
    assert_int_equal(points_of(f, "PT-1", TREND_POINTS_MAX), TREND_POINTS_MIN + 40);
    for (uint32_t i = 0; i < TREND_LONG_MAX; i++) {
        assert_int_equal(points_of(f, "PT-1", TREND_POINTS_MAX), TREND_POINTS_MIN + 40);
        (void)snprintf(name, sizeof name, "X-%u", i);
        say_one(f, name, 1, 0, 0);
        assert_int_equal(points_of(f, name, TREND_POINTS_MAX), 1);
    }
    // Looked at all the time, it is kept; X-0 is what nobody has asked for longest.
    say_often(f, "X-0", 40);
    assert_int_equal(points_of(f, "X-0", TREND_POINTS_MAX), TREND_POINTS_MIN);
    for (uint32_t i = 1; i < TREND_LONG_MAX; i++) {
        (void)snprintf(name, sizeof name, "X-%u", i);
        (void)points_of(f, name, TREND_POINTS_MAX);
    }
    assert_int_equal(points_of(f, "PT-1", TREND_POINTS_MAX), TREND_POINTS_MIN);
    struct trend_point points[TREND_POINTS_MIN];
    assert_int_equal(app_trend(f->app, "PT-1", points, TREND_POINTS_MIN), TREND_POINTS_MIN);
    assert_int_equal((int)points[TREND_POINTS_MIN - 1].value, 39);
    assert_int_equal((int)points[0].value, 40 - TREND_POINTS_MIN);
}

static void an_open_alarm_keeps_its_trend(void **state) {
    struct fixture *f = *state;
    struct alarm_row rows[4];
    uint32_t total;
    assert_int_equal(app_tag_count(f->app), 3);
    (void)hub_raise(f, "PT-2", "R1", 2);
    fixture_settle(f);
    assert_int_equal(app_alarm_list(f->app, NULL, rows, 4, &total), 1);
    say_often(f, "PT-2", 60);
    assert_int_equal(points_of(f, "PT-2", TREND_POINTS_MAX), 60);
}

// One tag's definition, with everything or with nothing in it.
static const struct define_state defined[] = {
    {.what = DEFINE_TAG,
     .order = 9,
     .has = DEFINE_HAS_HH | DEFINE_HAS_L | DEFINE_HAS_RANGE,
     .code = "PT-9",
     .area = "S1",
     .name = "分离压力 Separator pressure",
     .unit = "kPa",
     .equipment = "V-101",
     .low = {-15, -1},
     .high = {6, 17},
     .limits = {{295, 1}, {0, 0}, {-1, 0}, {0, 0}}},
    {.what = DEFINE_TAG,
     .order = 8,
     .has = DEFINE_HAS_H | DEFINE_HAS_LL,
     .code = "PT-9",
     .area = "R1",
     .limits = {{0, 0}, {INT64_C(999999999999999999), -18}, {0, 0}, {1, -18}}},
    {.what = DEFINE_TAG, .code = "PT-9"},
};

static void definitions_are_whole(void **state) {
    struct fixture *f = *state;
    assert_int_equal(app_tag_count(f->app), 3);
    for (size_t i = 0; i < COUNT_OF(defined); i++) {
        const struct define_state *want = &defined[i];
        app_def_fold(f->app, want);
        struct define_state have = tag_of(f, "PT-9").def;
        assert_int_equal(have.what, DEFINE_TAG);
        assert_int_equal(have.order, want->order);
        assert_int_equal(have.has, want->has);
        assert_string_equal(have.area, want->area);
        assert_string_equal(have.name, want->name);
        assert_string_equal(have.unit, want->unit);
        assert_string_equal(have.equipment, want->equipment);
        assert_int_equal(decimal_compare(have.low, want->low), 0);
        assert_int_equal(decimal_compare(have.high, want->high), 0);
        for (size_t k = 0; k < COUNT_OF(want->limits); k++) {
            assert_int_equal(decimal_compare(have.limits[k], want->limits[k]), 0);
        }
    }
}

static void definitions_keep_the_order_of_the_site(void **state) {
    struct fixture *f = *state;
    struct tag_row rows[4];
    struct area_row areas[4];
    hub_tag(f, "LT-1", "R1", 0);
    hub_tag(f, "PT-1", "R1", 7);
    hub_area(f, "R1", "Reaction", 3);
    fixture_settle(f);
    assert_int_equal(app_tags(f->app, NULL, f->now, rows, 4), 3);
    assert_string_equal(rows[0].def.code, "LT-1");
    assert_string_equal(rows[1].def.code, "PT-2");
    assert_string_equal(rows[2].def.code, "PT-1");
    assert_int_equal(app_tags(f->app, "S1", f->now, rows, 4), 0);
    assert_int_equal(app_areas(f->app, f->now, areas, 4), 2);
    assert_string_equal(areas[0].code, "S1");
    assert_string_equal(areas[1].name, "Reaction");
    assert_int_equal(areas[1].tags, 3);
    struct define_state gone = {.what = DEFINE_AREA, .code = "S1", .removed = true};
    app_def_fold(f->app, &gone);
    assert_int_equal(app_areas(f->app, f->now, areas, 4), 1);
    assert_string_equal(areas[0].code, "R1");
}

// More areas than a site may have are not listed; nothing else suffers.
static void areas_have_a_limit(void **state) {
    struct fixture *f = *state;
    static struct area_row areas[LIMIT_SITE_AREAS + 8];
    assert_int_equal(app_areas(f->app, f->now, areas, COUNT_OF(areas)), 2);
    for (uint32_t i = 0; i < LIMIT_SITE_AREAS; i++) {
        struct define_state area = {.what = DEFINE_AREA, .order = 2 + i};
        (void)snprintf(area.code, sizeof area.code, "Z%u", i);
        app_def_fold(f->app, &area);
    }
    assert_int_equal(app_areas(f->app, f->now, areas, COUNT_OF(areas)), LIMIT_SITE_AREAS);
    assert_string_equal(areas[0].code, "R1");
    assert_int_equal(areas[0].tags, 2);
}

// A transaction that was rolled back makes the definitions be read again. What was heard stays.
static void values_outlive_reading_again(void **state) {
    struct fixture *f = *state;
    say_often(f, "PT-1", 5);
    assert_int_equal(app_tag_count(f->app), 3);
    app_def_fold(f->app, &defined[0]);
    assert_int_equal(app_tag_count(f->app), 4);
    f->app->defs_dirty = true;
    assert_int_equal(app_tag_count(f->app), 3);
    assert_false(tag_of(f, "PT-1").stale);
    assert_int_equal(points_of(f, "PT-1", 8), 5);
}

// Tags of years ago have filled the table.
static void a_full_table_is_begun_anew(void **state) {
    struct fixture *f = *state;
    char name[16];
    assert_int_equal(app_tag_count(f->app), 3);
    for (uint32_t i = f->app->tag_count; i < APP_TAGS_MAX; i++) {
        (void)snprintf(name, sizeof name, "OLD-%u", i);
        assert_non_null(tag_make(f->app, slice_text(name)));
    }
    assert_null(tag_make(f->app, slice_text("one more")));
    hub_tag(f, "NEW-1", "S1", 0);
    fixture_settle(f);
    assert_int_equal(app_tag_count(f->app), 4);
    assert_string_equal(tag_of(f, "NEW-1").def.area, "S1");
    say_one(f, "NEW-1", 1, 0, 0);
    assert_false(tag_of(f, "NEW-1").stale);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(values_are_heard),
        TEST(bad_and_stale_values_are_unknown),
        TEST(the_site_says_how_old_a_value_may_be),
        TEST(a_stale_picture_never_looks_live),
        TEST(a_lost_digest_shows),
        TEST(values_of_before_a_cut_are_not_live),
        TEST(trends),
        TEST(points_are_exact),
        TEST(long_trends_have_a_limit),
        TEST(an_open_alarm_keeps_its_trend),
        TEST(definitions_follow_the_hub),
        TEST(definitions_are_whole),
        TEST(definitions_keep_the_order_of_the_site),
        TEST(areas_have_a_limit),
        TEST(values_outlive_reading_again),
        TEST(a_full_table_is_begun_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
