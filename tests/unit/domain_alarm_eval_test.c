#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "davy/base/ensure.h"
#include "davy/domain/alarm/eval.h"

#define WALL 1700000000000 // wall time at boot time 0

// One evaluator with what it said: "+TI.H=11@1000 " for an activation, "-" for a return, ":" for
// the value, "@" for the boot time that matches the event's wall time.
struct bench {
    struct alarm_eval *eval;
    char said[4096];
    size_t len;
};

static const char *const limit_names[] = {"", "HH", "H", "L", "LL", "STALE"};

static void hear(void *context, const struct alarm_event *event) {
    struct bench *bench = context;
    bench->len += (size_t)snprintf(
        bench->said + bench->len, sizeof bench->said - bench->len, "%c%c%u.%s=%g/%g@%lld ",
        event->kind == ALARM_EVENT_ACTIVATE ? '+' : '-',
        event->source == ALARM_SOURCE_TAG ? 't' : 'g', event->index, limit_names[event->limit],
        event->value, event->limit_value, (long long)(event->time.v - WALL));
}

static struct moment at(int64_t ms) {
    return (struct moment){.utc = {WALL + ms}, .mono = {ms}, .boot_id = 1};
}

// What was said since the last call.
static const char *said(struct bench *bench) {
    static char out[4096];
    snprintf(out, sizeof out, "%s", bench->said);
    bench->said[0] = '\0';
    bench->len = 0;
    return out;
}

static const struct alarm_eval_gateway gateways[] = {{"GW1", 30000}, {"GW2", 5000}};

// Tag 0: all four limits without delays. Tag 1: H with delays. Tag 2: no limits, another gateway.
static const struct alarm_eval_tag tags[] = {
    {"TI",
     0,
     {[ALARM_HH] = {true, 20, 2, 0, 0},
      [ALARM_H] = {true, 10, 2, 0, 0},
      [ALARM_L] = {true, -10, 2, 0, 0},
      [ALARM_LL] = {true, -20, 2, 0, 0}}},
    {"PI", 0, {[ALARM_H] = {true, 100, 10, 60000, 30000}}},
    {"FI", 1, {[ALARM_L] = {false, 0, 0, 0, 0}}},
};
static const struct alarm_eval_config config = {tags, gateways, 3, 2};

static void start(struct bench *bench) {
    memset(bench, 0, sizeof *bench);
    assert_int_equal(alarm_eval_new(&config, at(0), &bench->eval), RC_OK);
}

static enum alarm_reading_use read_as(struct bench *bench, struct alarm_reading reading,
                                      int64_t now_ms) {
    const struct alarm_sink sink = {hear, bench};
    return alarm_eval_reading(bench->eval, &reading, at(now_ms), &sink);
}

static enum alarm_reading_use read_value(struct bench *bench, uint32_t tag, double value,
                                         int64_t ms) {
    return read_as(bench, (struct alarm_reading){.tag = tag, .value = value, .time = {WALL + ms}},
                   ms);
}

static int64_t tick(struct bench *bench, int64_t ms) {
    const struct alarm_sink sink = {hear, bench};
    return alarm_eval_tick(bench->eval, at(ms), &sink).v;
}

// ---- comparison ---------------------------------------------------------------------------------

static void limits_compare_as_printed(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *expected;
    } walk[] = {
        {0, ""},
        {10, ""}, // equal does not activate
        {nextafter(10, 11), "+t0.H=10/10@"},
        {8.5, ""},                          // inside the deadband
        {nextafter(8, 9), ""},              // not yet
        {8, "-t0.H=8/10@"},                 // equal clears
        {25, "+t0.HH=25/20@ +t0.H=25/10@"}, // both in one step, HH first
        {18, "-t0.HH=18/20@"},              // H stays
        {19, ""},                           // between
        {20.5, "+t0.HH=20.5/20@"},
        {-25, "-t0.HH=-25/20@ -t0.H=-25/10@ +t0.L=-25/-10@ +t0.LL=-25/-20@"},
        {-18, "-t0.LL=-18/-20@"},
        {-8, "-t0.L=-8/-10@"},
        {-10, ""},
        {nextafter(-10, -11), "+t0.L=-10/-10@"},
        {nextafter(-8, -9), ""},
        {-8, "-t0.L=-8/-10@"},
        {DBL_MAX, "+t0.HH=1.79769e+308/20@ +t0.H=1.79769e+308/10@"},
        {-DBL_MAX, "-t0.HH=-1.79769e+308/20@ -t0.H=-1.79769e+308/10@ "
                   "+t0.L=-1.79769e+308/-10@ +t0.LL=-1.79769e+308/-20@"},
    };
    struct bench bench;
    start(&bench);
    for (size_t i = 0; i < sizeof walk / sizeof walk[0]; i++) {
        char expected[512] = "";
        size_t len = 0;
        // The times of all events are that of the reading.
        for (const char *c = walk[i].expected; *c != '\0'; c++) {
            expected[len++] = *c;
            if (*c == '@') {
                len += (size_t)snprintf(expected + len, sizeof expected - len, "%zu", i + 1);
            }
        }
        len += (size_t)snprintf(expected + len, sizeof expected - len, "%s", len > 0 ? " " : "");
        assert_int_equal(read_value(&bench, 0, walk[i].value, (int64_t)i + 1), ALARM_USED);
        assert_string_equal(said(&bench), expected);
    }
    alarm_eval_free(bench.eval);
}

// ---- delays -------------------------------------------------------------------------------------

static void timers_run_without_new_data(void **state) {
    (void)state;
    struct bench bench;
    start(&bench);
    read_value(&bench, 1, 101, 1000);
    assert_string_equal(said(&bench), "");
    assert_int_equal(alarm_eval_limit_state(bench.eval, 1, ALARM_H), ALARM_LIMIT_ON_DELAY);
    for (int64_t ms = 2000; ms < 30000; ms += 10000) {
        read_value(&bench, 0, 0, ms); // keeps the gateway alive
    }
    assert_int_equal(tick(&bench, 5000), 5001); // GW2 was never heard: stale after 5 s
    assert_string_equal(said(&bench), "");
    tick(&bench, 5001);
    assert_string_equal(said(&bench), "+g1.STALE=5.001/5@5001 ");
    read_value(&bench, 0, 0, 32000);
    read_value(&bench, 0, 0, 60999);
    assert_int_equal(tick(&bench, 60999), 61000);
    assert_string_equal(said(&bench), "");
    tick(&bench, 61500); // late, yet the event carries the time at which it was due
    assert_string_equal(said(&bench), "+t1.H=101/100@61000 ");
    assert_true(alarm_eval_limit_is_active(bench.eval, 1, ALARM_H));

    read_value(&bench, 1, 90, 62000);
    assert_int_equal(alarm_eval_limit_state(bench.eval, 1, ALARM_H), ALARM_LIMIT_OFF_DELAY);
    assert_true(alarm_eval_limit_is_active(bench.eval, 1, ALARM_H));
    read_value(&bench, 0, 0, 80000);
    assert_int_equal(tick(&bench, 91999), 92000);
    assert_string_equal(said(&bench), "");
    tick(&bench, 92000);
    assert_string_equal(said(&bench), "-t1.H=90/100@92000 ");
    alarm_eval_free(bench.eval);
}

static void a_delay_is_cancelled_by_the_other_side(void **state) {
    (void)state;
    struct bench bench;
    start(&bench);
    read_value(&bench, 1, 101, 1000);
    read_value(&bench, 1, 100, 2000); // not beyond any more, though not clear
    assert_int_equal(alarm_eval_limit_state(bench.eval, 1, ALARM_H), ALARM_LIMIT_NORMAL);
    read_value(&bench, 1, 101, 3000);
    read_value(&bench, 1, 200, 30000); // still beyond: the delay counts from 3000
    read_value(&bench, 1, 102, 62000);
    tick(&bench, 63000);
    said(&bench);
    assert_int_equal(alarm_eval_limit_state(bench.eval, 1, ALARM_H), ALARM_LIMIT_ACTIVE);
    read_value(&bench, 1, 90, 64000);
    read_value(&bench, 1, 91, 65000); // back into the deadband: the off-delay is over
    assert_int_equal(alarm_eval_limit_state(bench.eval, 1, ALARM_H), ALARM_LIMIT_ACTIVE);
    read_value(&bench, 1, 91, 90000);
    tick(&bench, 110000);
    assert_string_equal(said(&bench), "");
    alarm_eval_free(bench.eval);
}

// A reading that comes late ends no delay that had run out before it.
static void a_delay_that_ran_out_counts_before_the_reading(void **state) {
    (void)state;
    struct bench bench;
    start(&bench);
    read_value(&bench, 1, 101, 1000);
    read_value(&bench, 1, 50, 181000);
    assert_string_equal(said(&bench), "+t1.H=101/100@61000 ");
    assert_int_equal(alarm_eval_limit_state(bench.eval, 1, ALARM_H), ALARM_LIMIT_OFF_DELAY);
    alarm_eval_free(bench.eval);
}

// ---- unknown ------------------------------------------------------------------------------------

static void unknown_is_never_normal(void **state) {
    (void)state;
    struct bench bench;
    start(&bench);
    read_value(&bench, 0, 11, 1000);
    said(&bench);
    const double bad_values[] = {0, NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < COUNT_OF(bad_values); i++) {
        struct alarm_reading reading = {.tag = 0,
                                        .value = bad_values[i],
                                        .time = {WALL + 2000},
                                        .quality = i == 0 ? ALARM_QUALITY_BAD : ALARM_QUALITY_GOOD};
        assert_int_equal(read_as(&bench, reading, 2000), ALARM_USED_UNKNOWN);
        assert_string_equal(said(&bench), "");
        assert_true(alarm_eval_limit_is_active(bench.eval, 0, ALARM_H));
        assert_false(alarm_eval_tag_is_known(bench.eval, 0));
    }
    double value = 0;
    struct utc_ms time;
    assert_true(alarm_eval_tag_last(bench.eval, 0, &value, &time));
    assert_true(value == 11);
    read_value(&bench, 0, 5, 3000);
    assert_string_equal(said(&bench), "-t0.H=5/10@3000 ");
    alarm_eval_free(bench.eval);
}

static void bad_quality_holds_a_delay(void **state) {
    (void)state;
    struct bench bench;
    start(&bench);
    read_value(&bench, 1, 101, 0);
    read_as(&bench,
            (struct alarm_reading){
                .tag = 1, .value = 1, .time = {WALL + 20000}, .quality = ALARM_QUALITY_BAD},
            20000);
    for (int64_t ms = 40000; ms <= 200000; ms += 20000) {
        read_value(&bench, 0, 0, ms);
        tick(&bench, ms);
    }
    said(&bench);
    read_value(&bench, 1, 105, 210000); // 40 s were left
    read_value(&bench, 0, 0, 235000);
    tick(&bench, 249999);
    assert_string_equal(said(&bench), "");
    tick(&bench, 250000);
    assert_string_equal(said(&bench), "+t1.H=105/100@250000 ");
    alarm_eval_free(bench.eval);
}

static void an_uncertain_reading_raises_and_never_clears(void **state) {
    (void)state;
    struct bench bench;
    start(&bench);
    struct alarm_reading reading = {
        .tag = 0, .value = 11, .time = {WALL + 1}, .quality = ALARM_QUALITY_UNCERTAIN};
    assert_int_equal(read_as(&bench, reading, 1), ALARM_USED);
    assert_string_equal(said(&bench), "+t0.H=11/10@1 ");
    reading.value = 0;
    read_as(&bench, reading, 1);
    assert_string_equal(said(&bench), "");
    reading.quality = ALARM_QUALITY_GOOD;
    read_as(&bench, reading, 1);
    assert_string_equal(said(&bench), "-t0.H=0/10@1 ");
    alarm_eval_free(bench.eval);
}

static void a_silent_gateway_is_an_alarm_of_its_own(void **state) {
    (void)state;
    struct bench bench;
    start(&bench);
    read_value(&bench, 1, 101, 10000); // on-delay until 70000
    read_value(&bench, 0, 11, 10000);
    read_value(&bench, 2, 1, 10000);
    said(&bench);
    // One late tick: GW2 at 15001, GW1 at 40001; the on-delay had 29999 ms left when GW1 fell
    // silent.
    tick(&bench, 100000);
    assert_string_equal(said(&bench), "+g1.STALE=5.001/5@15001 +g0.STALE=30.001/30@40001 ");
    assert_true(alarm_eval_gateway_is_stale(bench.eval, 0));
    assert_true(alarm_eval_limit_is_active(bench.eval, 0, ALARM_H));
    assert_false(alarm_eval_tag_is_known(bench.eval, 0));
    assert_true(tick(&bench, 100001) == ALARM_EVAL_NEVER);
    // Buffered data is no life.
    struct alarm_reading old = {.tag = 0, .value = 0, .time = {WALL + 5000}};
    assert_int_equal(read_as(&bench, old, 100002), ALARM_HISTORY_ONLY);
    assert_string_equal(said(&bench), "");
    // Life comes back with a reading of any tag, also a bad one; the others stay unknown.
    struct alarm_reading bad = {
        .tag = 0, .value = 0, .time = {WALL + 120000}, .quality = ALARM_QUALITY_BAD};
    read_as(&bench, bad, 120000);
    assert_string_equal(said(&bench), "-g0.STALE=110/30@120000 ");
    assert_true(alarm_eval_limit_is_active(bench.eval, 0, ALARM_H));
    assert_false(alarm_eval_tag_is_known(bench.eval, 1));
    read_value(&bench, 1, 102, 130000);
    read_value(&bench, 0, 11, 150000);
    said(&bench);
    tick(&bench, 159998);
    assert_string_equal(said(&bench), "");
    tick(&bench, 159999);
    assert_string_equal(said(&bench), "+t1.H=102/100@159999 ");
    alarm_eval_free(bench.eval);
}

static void a_heartbeat_is_life(void **state) {
    (void)state;
    struct bench bench;
    start(&bench);
    const struct alarm_sink sink = {hear, &bench};
    for (int64_t ms = 0; ms < 100000; ms += 4000) {
        alarm_eval_gateway_alive(bench.eval, 1, at(ms), &sink);
        alarm_eval_gateway_alive(bench.eval, 0, at(ms), &sink);
        tick(&bench, ms);
    }
    assert_string_equal(said(&bench), "");
    alarm_eval_free(bench.eval);
}

static void old_readings_are_history_only(void **state) {
    (void)state;
    struct bench bench;
    start(&bench);
    assert_int_equal(read_value(&bench, 0, 0, 5000), ALARM_USED);
    struct alarm_reading old = {.tag = 0, .value = 50, .time = {WALL + 4999}};
    assert_int_equal(read_as(&bench, old, 6000), ALARM_HISTORY_ONLY);
    struct alarm_reading flagged = {
        .tag = 0, .value = 50, .time = {WALL + 7000}, .historical = true};
    assert_int_equal(read_as(&bench, flagged, 7000), ALARM_HISTORY_ONLY);
    assert_string_equal(said(&bench), "");
    alarm_eval_tag_seen(bench.eval, 0, 1, (struct utc_ms){WALL + 9000});
    alarm_eval_tag_seen(bench.eval, 0, 1, (struct utc_ms){WALL + 100}); // never lowers
    assert_int_equal(read_value(&bench, 0, 50, 8999), ALARM_HISTORY_ONLY);
    assert_int_equal(read_value(&bench, 0, 50, 9000), ALARM_USED);
    alarm_eval_free(bench.eval);
}

// ---- against a plain model ----------------------------------------------------------------------

// The rules once more, written without tables, lists or intervals.
struct model_limit {
    int state; // 0 normal, 1 on-delay, 2 active, 3 off-delay
    int64_t due;
};

static bool model_step(struct model_limit *it, const struct alarm_eval_limit *limit, bool high,
                       double value, int64_t now) {
    double v = high ? value : -value;
    double trip = high ? limit->value : -limit->value;
    bool beyond = v > trip;
    bool clear = v <= trip - limit->deadband;
    bool was = it->state >= 2;
    if ((it->state == 1 || it->state == 3) && it->due <= now) {
        it->state = it->state == 1 ? 2 : 0;
    }
    if (it->state <= 1) {
        if (!beyond) {
            it->state = 0;
        } else if (it->state == 0) {
            it->state = limit->on_delay_ms == 0 ? 2 : 1;
            it->due = now + limit->on_delay_ms;
        }
    }
    if (it->state >= 2) {
        if (!clear) {
            it->state = 2;
        } else if (it->state == 2) {
            it->state = limit->off_delay_ms == 0 ? 0 : 3;
            it->due = now + limit->off_delay_ms;
        }
    }
    return was != (it->state >= 2);
}

static uint32_t next_random(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

static void random_walks_agree_with_the_model(void **state) {
    (void)state;
    uint64_t seed = 11;
    for (int round = 0; round < 200; round++) {
        struct alarm_eval_tag tag = {"T", ALARM_EVAL_NO_GATEWAY, {{.present = false}}};
        struct model_limit model[ALARM_EVAL_LIMITS] = {{0, 0}};
        static const double values[] = {0, 15, 8, -8, -15};
        for (int k = ALARM_HH; k <= ALARM_LL; k++) {
            tag.limits[k] = (struct alarm_eval_limit){
                next_random(&seed) % 4 != 0, values[k], next_random(&seed) % 4,
                next_random(&seed) % 3 * 5, next_random(&seed) % 3 * 5};
        }
        const struct alarm_eval_config one = {&tag, NULL, 1, 0};
        struct bench bench = {.len = 0};
        assert_int_equal(alarm_eval_new(&one, at(0), &bench.eval), RC_OK);
        int64_t now = 0;
        for (int i = 0; i < 300; i++) {
            now += next_random(&seed) % 4;
            double value = (double)(next_random(&seed) % 41) - 20;
            if (next_random(&seed) % 2 == 0) {
                tick(&bench, now);
            }
            read_value(&bench, 0, value, now);
            tick(&bench, now); // a quiet reading leaves the timers to the tick
            said(&bench);
            for (int k = ALARM_HH; k <= ALARM_LL; k++) {
                if (tag.limits[k].present) {
                    model_step(&model[k], &tag.limits[k], k <= ALARM_H, value, now);
                    assert_int_equal(alarm_eval_limit_state(bench.eval, 0, (enum alarm_limit)k),
                                     model[k].state);
                }
            }
        }
        alarm_eval_free(bench.eval);
    }
}

// ---- saved state --------------------------------------------------------------------------------

static void a_restart_keeps_what_was_left(void **state) {
    (void)state;
    struct bench old;
    struct bench new;
    start(&old);
    read_value(&old, 0, 11, 1000);
    read_value(&old, 1, 101, 10000); // 60 s
    read_value(&old, 2, 7, 11000);
    tick(&old, 20000); // GW2 is stale
    struct buf bytes;
    buf_init(&bytes, ALARM_EVAL_STATE_BYTES);
    assert_int_equal(alarm_eval_encode(old.eval, at(30000), &bytes), RC_OK);
    alarm_eval_free(old.eval);

    // A new boot: the clock begins again at 500.
    memset(&new, 0, sizeof new);
    assert_int_equal(alarm_eval_new(&config, at(500), &new.eval), RC_OK);
    uint32_t skipped = 9;
    assert_int_equal(alarm_eval_decode(new.eval, buf_slice(&bytes), at(500), &skipped), RC_OK);
    assert_int_equal(skipped, 0);
    assert_true(alarm_eval_limit_is_active(new.eval, 0, ALARM_H));
    assert_true(alarm_eval_gateway_is_stale(new.eval, 1));
    assert_true(alarm_eval_tag_is_known(new.eval, 1));
    const struct alarm_sink sink = {hear, &new};
    alarm_eval_gateway_alive(new.eval, 0, at(20000), &sink);
    assert_int_equal(tick(&new, 40499), 40500); // 40 s were left
    assert_string_equal(said(&new), "");
    tick(&new, 40500);
    assert_string_equal(said(&new), "+t1.H=101/100@40500 ");
    // What is older than the newest reading before the restart is still history.
    assert_int_equal(read_value(&new, 1, 0, 9999), ALARM_HISTORY_ONLY);
    alarm_eval_free(new.eval);
    buf_fini(&bytes);
}

// The saved state may be older than what history holds, whichever is restored first.
static void a_restart_never_forgets_the_newest_reading(void **state) {
    (void)state;
    const struct alarm_eval_item item = {ALARM_SOURCE_TAG, 0};
    struct bench bench;
    struct buf bytes;
    start(&bench);
    read_value(&bench, 0, 11, 1000);
    buf_init(&bytes, ALARM_EVAL_ITEM_BYTES);
    alarm_eval_item_encode(bench.eval, item, at(1000), &bytes);
    alarm_eval_free(bench.eval);
    for (int order = 0; order < 2; order++) {
        start(&bench);
        if (order == 0) {
            alarm_eval_tag_seen(bench.eval, 0, 12, (struct utc_ms){WALL + 5000});
        }
        assert_int_equal(alarm_eval_item_decode(bench.eval, item, buf_slice(&bytes), at(0)), RC_OK);
        if (order == 1) {
            alarm_eval_tag_seen(bench.eval, 0, 12, (struct utc_ms){WALL + 5000});
        }
        double value = 0;
        struct utc_ms time;
        assert_true(alarm_eval_tag_last(bench.eval, 0, &value, &time));
        assert_true(value == 12 && time.v == WALL + 5000);
        assert_int_equal(read_value(&bench, 0, 0, 4999), ALARM_HISTORY_ONLY);
        assert_true(alarm_eval_limit_is_active(bench.eval, 0, ALARM_H));
        alarm_eval_free(bench.eval);
    }
    buf_fini(&bytes);
}

static void items_are_listed_once_when_they_change(void **state) {
    (void)state;
    struct bench bench;
    struct alarm_eval_item item;
    start(&bench);
    read_value(&bench, 0, 1, 1);
    read_value(&bench, 0, 2, 2);
    assert_false(alarm_eval_changed_next(bench.eval, &item));
    read_value(&bench, 1, 101, 3);
    read_value(&bench, 0, 50, 3);
    read_value(&bench, 0, 0, 4);
    int count = 0;
    while (alarm_eval_changed_next(bench.eval, &item)) {
        assert_int_equal(item.source, ALARM_SOURCE_TAG);
        assert_true(item.index < 2);
        count++;
    }
    assert_int_equal(count, 2);
    tick(&bench, 10000);
    assert_true(alarm_eval_changed_next(bench.eval, &item));
    assert_int_equal(item.source, ALARM_SOURCE_GATEWAY);
    assert_int_equal(item.index, 1);
    assert_false(alarm_eval_changed_next(bench.eval, &item));
    alarm_eval_free(bench.eval);
}

static void saved_items_are_read_strictly(void **state) {
    (void)state;
    struct bench bench;
    start(&bench);
    read_value(&bench, 1, 101, 10);
    read_as(&bench,
            (struct alarm_reading){
                .tag = 1, .value = 1, .time = {WALL + 20}, .quality = ALARM_QUALITY_BAD},
            20);
    const struct alarm_eval_item item = {ALARM_SOURCE_TAG, 1};
    struct buf bytes;
    buf_init(&bytes, ALARM_EVAL_ITEM_BYTES);
    alarm_eval_item_encode(bench.eval, item, at(25), &bytes);
    assert_int_equal(buf_rc(&bytes), RC_OK);
    for (size_t cut = 0; cut < bytes.len; cut++) {
        assert_int_not_equal(
            alarm_eval_item_decode(bench.eval, item, slice_of(bytes.data, cut), at(0)), RC_OK);
    }
    buf_put_u8(&bytes, 0);
    assert_int_equal(alarm_eval_item_decode(bench.eval, item, buf_slice(&bytes), at(0)),
                     RC_INVALID);
    bytes.len--;
    assert_int_equal(alarm_eval_item_decode(bench.eval, item, buf_slice(&bytes), at(0)), RC_OK);
    bytes.data[0] = 2;
    assert_int_equal(alarm_eval_item_decode(bench.eval, item, buf_slice(&bytes), at(0)),
                     RC_UNSUPPORTED);
    assert_int_equal(alarm_eval_limit_state(bench.eval, 1, ALARM_H), ALARM_LIMIT_ON_DELAY);
    buf_fini(&bytes);
    alarm_eval_free(bench.eval);
}

static void a_changed_configuration_takes_what_fits(void **state) {
    (void)state;
    struct bench bench;
    start(&bench);
    read_value(&bench, 0, 30, 1);
    read_value(&bench, 1, 101, 1);
    struct buf bytes;
    buf_init(&bytes, ALARM_EVAL_STATE_BYTES);
    assert_int_equal(alarm_eval_encode(bench.eval, at(2), &bytes), RC_OK);
    alarm_eval_free(bench.eval);
    // TI lost its HH, PI is gone, the order changed, a tag and a gateway are new.
    const struct alarm_eval_tag fewer[] = {
        {"NEW", 0, {[ALARM_H] = {true, 1, 0, 0, 0}}},
        {"TI", 0, {[ALARM_H] = {true, 10, 2, 0, 0}}},
    };
    const struct alarm_eval_gateway other[] = {{"GW3", 1000}};
    const struct alarm_eval_config changed = {fewer, other, 2, 1};
    uint32_t skipped = 0;
    memset(&bench, 0, sizeof bench);
    assert_int_equal(alarm_eval_new(&changed, at(0), &bench.eval), RC_OK);
    assert_int_equal(alarm_eval_decode(bench.eval, buf_slice(&bytes), at(0), &skipped), RC_OK);
    assert_int_equal(skipped, 3); // PI, GW1, GW2
    assert_true(alarm_eval_limit_is_active(bench.eval, 1, ALARM_H));
    assert_false(alarm_eval_limit_is_active(bench.eval, 1, ALARM_HH));
    assert_false(alarm_eval_limit_is_active(bench.eval, 0, ALARM_H));
    alarm_eval_free(bench.eval);
    buf_fini(&bytes);
}

static void an_occurrence_can_be_forced(void **state) {
    (void)state;
    struct bench bench;
    start(&bench);
    alarm_eval_limit_force(bench.eval, 0, ALARM_H, true);
    assert_string_equal(said(&bench), "");
    read_value(&bench, 0, 11, 1);
    assert_string_equal(said(&bench), ""); // it is active already
    read_value(&bench, 0, 0, 2);
    assert_string_equal(said(&bench), "-t0.H=0/10@2 ");
    read_value(&bench, 0, 11, 3);
    alarm_eval_limit_force(bench.eval, 0, ALARM_H, false);
    said(&bench);
    read_value(&bench, 0, 11, 4);
    assert_string_equal(said(&bench), "+t0.H=11/10@4 ");
    alarm_eval_limit_force(bench.eval, 1, ALARM_LL, true); // no such limit
    assert_false(alarm_eval_limit_is_active(bench.eval, 1, ALARM_LL));
    alarm_eval_free(bench.eval);
}

static void bad_configurations_are_refused(void **state) {
    (void)state;
    const struct alarm_eval_limit bad[] = {
        {true, NAN, 1, 0, 0},
        {true, INFINITY, 1, 0, 0},
        {true, 1, -1, 0, 0},
        {true, 1, NAN, 0, 0},
        {true, DBL_MAX, DBL_MAX, 0, 0},
        {true, 1, 1, LIMIT_ALARM_DELAY_S * 1000 + 1, 0},
        {true, 1, 1, 0, UINT32_MAX},
    };
    struct alarm_eval *eval = NULL;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct alarm_eval_tag tag = {"T", ALARM_EVAL_NO_GATEWAY, {[ALARM_L] = bad[i]}};
        const struct alarm_eval_config one = {&tag, NULL, 1, 0};
        assert_int_equal(alarm_eval_new(&one, at(0), &eval), RC_INVALID);
    }
    struct alarm_eval_tag lost = {"T", 1, {{.present = false}}};
    const struct alarm_eval_config no_gateway = {&lost, gateways, 1, 1};
    assert_int_equal(alarm_eval_new(&no_gateway, at(0), &eval), RC_INVALID);
    const struct alarm_eval_config huge = {&lost, gateways, LIMIT_SITE_TAGS + 1, 1};
    assert_int_equal(alarm_eval_new(&huge, at(0), &eval), RC_TOO_LARGE);
    assert_null(eval);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_compare_as_printed),
        cmocka_unit_test(timers_run_without_new_data),
        cmocka_unit_test(a_delay_is_cancelled_by_the_other_side),
        cmocka_unit_test(a_delay_that_ran_out_counts_before_the_reading),
        cmocka_unit_test(unknown_is_never_normal),
        cmocka_unit_test(bad_quality_holds_a_delay),
        cmocka_unit_test(an_uncertain_reading_raises_and_never_clears),
        cmocka_unit_test(a_silent_gateway_is_an_alarm_of_its_own),
        cmocka_unit_test(a_heartbeat_is_life),
        cmocka_unit_test(old_readings_are_history_only),
        cmocka_unit_test(random_walks_agree_with_the_model),
        cmocka_unit_test(a_restart_keeps_what_was_left),
        cmocka_unit_test(a_restart_never_forgets_the_newest_reading),
        cmocka_unit_test(items_are_listed_once_when_they_change),
        cmocka_unit_test(saved_items_are_read_strictly),
        cmocka_unit_test(a_changed_configuration_takes_what_fits),
        cmocka_unit_test(an_occurrence_can_be_forced),
        cmocka_unit_test(bad_configurations_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
