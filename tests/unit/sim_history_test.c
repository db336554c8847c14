// History on a bad disk: whatever fails, each acknowledged reading is there once, with its state.
#include "test_util.h"

#include "davy/sim/vfs.h"
#include "store/history_priv.h"

#define OK(call) assert_int_equal((call), RC_OK)
#define T0 INT64_C(1701388700000) // 100 s before a month ends
#define TAGS 4
#define ROUNDS 24

// Round i puts i + 1 readings of each tag, a second apart; its state is i. Few fit into buffers,
// so that
// blocks are written all the time.
static enum rc one_round(struct history *history, int round) {
    char state[16];
    uint32_t tag = 0;
    enum rc rc = RC_OK;
    for (int t = 0; t < TAGS && rc == RC_OK; t++) {
        char name[16];
        snprintf(name, sizeof(name), "t%d", t);
        rc = history_tag(history, name, &tag);
        for (int k = 0; k <= round && rc == RC_OK; k++) {
            int64_t at = (int64_t)round * (round + 1) / 2 + k;
            rc = history_put(history, tag,
                             &(struct history_reading){{T0 + at * 1000}, (double)at, 0});
        }
    }
    snprintf(state, sizeof(state), "%d", round);
    if (rc == RC_OK) {
        rc = history_state_set(history, "round", slice_text(state));
    }
    return rc == RC_OK ? history_commit(history) : rc;
}

static enum rc open_with(struct sim_disk *disk, uint32_t buffer_readings_max,
                         struct history **out_history) {
    const struct history_options options = {.folder = "",
                                            .vfs = sim_disk_vfs_name(disk),
                                            .buffer_readings_max = buffer_readings_max,
                                            .create = true};
    return history_open(&options, out_history, NULL);
}

static enum rc open_on(struct sim_disk *disk, struct history **out_history) {
    return open_with(disk, 150, out_history);
}

// Returns the rounds that were acknowledged; out_rc: how it ended.
static int whole_life(struct sim_disk *disk, int from, enum rc *out_rc) {
    struct history *history = NULL;
    int done = from;
    enum rc rc = open_on(disk, &history);
    for (int i = from; i < ROUNDS && rc == RC_OK; i++) {
        rc = one_round(history, i);
        done += rc == RC_OK;
        if (rc == RC_OK && i == 11) {
            history_checkpoint(history);
            rc = history_flush(history);
        }
    }
    history_close(history);
    *out_rc = rc;
    return done;
}

// The last round may be there without having been acknowledged; half a round may not.
static int rounds_held(struct sim_disk *disk) {
    struct history *history = NULL;
    struct buf state;
    uint32_t tag = 0;
    int held = -1;
    buf_init(&state, 100);
    OK(open_on(disk, &history));
    int rounds = history_state_get(history, "round", &state) == RC_OK
                     ? (int)strtol(buf_cstr(&state), NULL, 10) + 1
                     : 0;
    uint32_t expected = (uint32_t)(rounds * (rounds + 1) / 2);
    for (int t = 0; t < TAGS && rounds > 0; t++) {
        static struct history_reading readings[ROUNDS * ROUNDS];
        char name[16];
        uint32_t count = 0;
        snprintf(name, sizeof(name), "t%d", t);
        OK(history_tag_find(history, name, &tag));
        const struct history_select select = {{tag, {0}, {HISTORY_TIME_MAX_MS}}, 500, false};
        OK(history_readings(history, &select, readings, &count));
        assert_int_equal(count, expected);
        for (uint32_t i = 0; i < count; i++) {
            assert_true(readings[i].value == (double)i && readings[i].time.v == T0 + i * 1000);
        }
    }
    held = rounds;
    history_close(history);
    buf_fini(&state);
    return held;
}

static void expect_held(struct sim_disk *disk, int acked, const char *what, uint64_t nth) {
    int held = rounds_held(disk);
    if (held < acked || held > acked + 1) {
        fail_msg("%s at %llu: %d rounds acknowledged, %d held", what, (unsigned long long)nth,
                 acked, held);
    }
    // It goes on from there.
    enum rc rc = RC_OK;
    assert_int_equal(whole_life(disk, held, &rc), ROUNDS);
    OK(rc);
    assert_int_equal(rounds_held(disk), ROUNDS);
}

static void test_power_cuts(void **state) {
    (void)state;
    int cuts = 0;
    bool struck = true;
    for (uint64_t nth = 1; struck; nth += 2) {
        struct sim_disk *disk = NULL;
        enum rc rc = RC_OK;
        OK(sim_disk_new(nth, &disk));
        sim_disk_cut(disk, nth);
        int acked = whole_life(disk, 0, &rc);
        struck = sim_disk_struck(disk);
        sim_disk_crash(disk);
        expect_held(disk, acked, "power cut", nth);
        cuts += struck;
        sim_disk_free(disk);
    }
    assert_true(cuts > 150);
}

static void test_faults(void **state) {
    (void)state;
    static const struct {
        struct sim_fault fault;
        uint64_t step;
    } kinds[] = {
        {{SIM_WRITE, 0, false, false}, 3},
        {{SIM_SYNC, 0, false, false}, 1},
        {{SIM_WRITE, 0, false, true}, 5},
        {{SIM_WRITE, 0, true, true}, 11},
    };
    for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
        bool struck = true;
        for (uint64_t nth = 1; struck; nth += kinds[kind].step) {
            struct sim_disk *disk = NULL;
            struct sim_fault fault = kinds[kind].fault;
            enum rc rc = RC_OK;
            fault.nth = nth;
            OK(sim_disk_new(nth, &disk));
            sim_disk_fail(disk, &fault);
            int acked = whole_life(disk, 0, &rc);
            struck = sim_disk_struck(disk);
            assert_true(rc == RC_OK || rc == RC_IO || rc == RC_FULL);
            sim_disk_crash(disk);
            expect_held(disk, acked, "fault", nth);
            sim_disk_free(disk);
        }
    }
}

// Blocks of two months cannot be written together: whatever of it fails, a process that goes on
// shows each reading once.
static void test_full_between_two_months(void **state) {
    (void)state;
    bool struck = true;
    for (uint64_t nth = 1; struck; nth++) {
        struct sim_disk *disk = NULL;
        struct history *history = NULL;
        OK(sim_disk_new(nth, &disk));
        OK(open_with(disk, 100000, &history));
        for (int round = 0; round < 16; round++) {
            OK(one_round(history, round));
        }
        sim_disk_fail(disk, &(struct sim_fault){SIM_WRITE, nth, false, true});
        enum rc rc = history_flush(history);
        struck = sim_disk_struck(disk);
        assert_int_equal(rc, struck ? RC_FULL : RC_OK);
        sim_disk_fail(disk, &(struct sim_fault){.nth = 0});
        struct history_bucket bucket;
        const struct history_range range = {1, {T0}, {T0 + 100000000}};
        OK(history_buckets(history, &range, 1, &bucket));
        assert_int_equal(bucket.count, 16 * 17 / 2);
        OK(one_round(history, 16));
        OK(history_flush(history));
        OK(history_buckets(history, &range, 1, &bucket));
        assert_int_equal(bucket.count, 17 * 18 / 2);
        history_close(history);
        assert_int_equal(rounds_held(disk), 17);
        sim_disk_free(disk);
    }
}

// A full disk: readings wait in memory, then go out when there is room; nothing is doubled.
static void test_a_full_disk_heals(void **state) {
    (void)state;
    struct sim_disk *disk = NULL;
    struct history *history = NULL;
    struct history_status status;
    OK(sim_disk_new(3, &disk));
    OK(open_on(disk, &history));
    int round = 0;
    for (; round < 6; round++) {
        OK(one_round(history, round));
    }
    sim_disk_limit(disk, sim_disk_bytes(disk) + 5000);
    enum rc rc = RC_OK;
    while (rc == RC_OK && round < ROUNDS) {
        rc = one_round(history, round++);
    }
    assert_int_equal(rc, RC_FULL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(history_commit(history), RC_FULL);
    }
    history_status(history, &status);
    assert_true(status.waiting > 0);
    struct history_bucket bucket;
    const struct history_range range = {1, {T0}, {T0 + 100000000}};
    OK(history_buckets(history, &range, 1, &bucket));
    assert_int_equal(bucket.count, round * (round + 1) / 2); // also what waits is shown
    sim_disk_limit(disk, 0);
    OK(history_commit(history));
    for (; round < ROUNDS; round++) {
        OK(one_round(history, round));
    }
    history_close(history);
    sim_disk_crash(disk);
    assert_int_equal(rounds_held(disk), ROUNDS);
    sim_disk_free(disk);
}

// Memory has an end: a disk that stays full makes history refuse, not grow.
static void test_a_disk_that_stays_full(void **state) {
    (void)state;
    struct sim_disk *disk = NULL;
    struct history *history = NULL;
    struct history_status status;
    uint32_t tag = 0;
    OK(sim_disk_new(4, &disk));
    OK(open_on(disk, &history));
    OK(history_tag(history, "a", &tag));
    OK(history_commit(history));
    sim_disk_limit(disk, sim_disk_bytes(disk));
    enum rc rc = RC_OK;
    int taken = 0;
    while (rc == RC_OK) {
        rc = history_put(history, tag, &(struct history_reading){{T0 + taken}, 1, 0});
        taken += rc == RC_OK;
        if (taken % 10 == 0) {
            assert_int_equal(history_commit(history), RC_FULL);
        }
    }
    assert_int_equal(rc, RC_FULL);
    history_status(history, &status);
    assert_int_equal(status.buffered, 2 * 150);
    sim_disk_limit(disk, 0);
    OK(history_commit(history));
    OK(history_put(history, tag, &(struct history_reading){{T0 + taken}, 1, 0}));
    OK(history_commit(history));
    history_close(history);
    sim_disk_free(disk);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power_cuts),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_full_between_two_months),
        cmocka_unit_test(test_a_full_disk_heals),
        cmocka_unit_test(test_a_disk_that_stays_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
