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

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(values_are_heard),
        TEST(bad_and_stale_values_are_unknown),
        TEST(a_stale_picture_never_looks_live),
        TEST(a_lost_digest_shows),
        TEST(values_of_before_a_cut_are_not_live),
        TEST(trends),
        TEST(definitions_follow_the_hub),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
