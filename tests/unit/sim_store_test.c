// The store on a bad disk: faults at every write and sync, power cuts at every change, full disks.
//
// "Acknowledged" is a note whose commit returned RC_OK; after whatever happened it must be there,
// with its verdict and view, and the store must verify.
#include "store_fixture.h"

#include "davy/sim/vfs.h"
#include "store/store_priv.h"

#include <time.h>

#define OK(call) assert_int_equal((call), RC_OK)
#define NOTES_MAX 64

struct bench {
    struct fixture fx;
    struct sim_disk *disk;
    struct rid acked[NOTES_MAX];
    int acked_count;
    bool weak; // synchronous=NORMAL: the planted bug
};

static void bench_open(struct bench *bench, uint64_t seed) {
    *bench = (struct bench){.acked_count = 0};
    OK(sim_disk_new(seed, &bench->disk));
    fixture_people(&bench->fx);
    bench->fx.vfs = sim_disk_vfs_name(bench->disk);
}

static void bench_close(struct bench *bench) {
    store_close(bench->fx.store);
    bench->fx.store = NULL;
    fixture_close(&bench->fx);
    sim_disk_free(bench->disk);
}

static enum rc bench_start(struct bench *bench) {
    enum rc rc = fixture_reopen(&bench->fx, NULL);
    if (rc == RC_OK && bench->weak) {
        sqlite3_exec(store_sqlite(bench->fx.store), "PRAGMA synchronous = NORMAL", NULL, NULL,
                     NULL);
    }
    return rc == RC_OK ? fixture_site(&bench->fx, true) : rc;
}

// One transaction of a hub: a note, its admit, another record about it, seals.
static enum rc one_note(struct bench *bench) {
    struct fixture *fx = &bench->fx;
    struct place place;
    struct rid subject;
    struct rid rid;
    enum rc rc = store_begin(fx->store);
    if (rc != RC_OK) {
        return rc;
    }
    fx->n = store_log_last_n(fx->store, fx->hub.author);
    rc = note_append(fx, &fx->device, &(struct note){.kind = NOTE_OPEN}, &place, &subject);
    if (rc == RC_OK) {
        rc = note_log(fx, &place, VERDICT_ACCEPTED);
    }
    if (rc == RC_OK) {
        rc = note_append(fx, &fx->device, &(struct note){NOTE_ADD, &subject, 1, 3, NULL}, &place,
                         &rid);
    }
    if (rc == RC_OK) {
        rc = note_log(fx, &place, VERDICT_ACCEPTED);
    }
    if (rc == RC_OK) {
        rc = note_seal(fx, &fx->device, LANE_SAFETY);
    }
    if (rc == RC_OK) {
        rc = note_seal(fx, &fx->hub, LANE_SAFETY);
    }
    if (rc == RC_OK) {
        rc = store_meta_set(fx->store, "last", slice_of(subject.id.b, ID_BYTES));
    }
    if (rc != RC_OK) {
        store_rollback(fx->store);
        return rc;
    }
    rc = store_commit(fx->store);
    if (rc == RC_OK) {
        assert_true(bench->acked_count < NOTES_MAX);
        bench->acked[bench->acked_count++] = subject;
    }
    return rc;
}

// A whole life: make the store, six notes, a checkpoint between, close.
static enum rc whole_life(struct bench *bench) {
    enum rc rc = bench_start(bench);
    for (int i = 0; i < 6 && rc == RC_OK; i++) {
        rc = one_note(bench);
        if (rc == RC_OK && i == 3) {
            store_checkpoint(bench->fx.store);
        }
    }
    store_close(bench->fx.store);
    bench->fx.store = NULL;
    return rc;
}

static int lost_notes(struct bench *bench) {
    int lost = 0;
    for (int i = 0; i < bench->acked_count; i++) {
        struct note_state note = {0};
        enum rc rc = store_view_get(bench->fx.store, &note_module, bench->acked[i], false, &note);
        lost += rc != RC_OK || note.sum != 3;
    }
    return lost;
}

static void expect_whole(struct bench *bench, const char *what, uint64_t nth) {
    struct store_verify_report report = {0};
    int lost = lost_notes(bench);
    OK(store_verify(bench->fx.store, keys_stub(), note_key_of, &bench->fx, &report));
    if (lost > 0 || report.what[0] != '\0') {
        fail_msg("%s at %llu: %d of %d acknowledged notes lost, '%s' broken", what,
                 (unsigned long long)nth, lost, bench->acked_count, report.what);
    }
}

static bool is_clean(enum rc rc) {
    return rc == RC_OK || rc == RC_FULL || rc == RC_IO || rc == RC_BUSY || rc == RC_CORRUPT;
}

// Every write and every sync of a life fails once as an I/O error; full disks and lasting faults
// strike at some of them.
static const struct {
    struct sim_fault fault;
    uint64_t step;
} fault_kinds[] = {
    {{SIM_WRITE, 0, false, false}, 1}, {{SIM_SYNC, 0, false, false}, 1},
    {{SIM_WRITE, 0, false, true}, 3},  {{SIM_WRITE, 0, true, false}, 7},
    {{SIM_WRITE, 0, true, true}, 5},   {{SIM_SYNC, 0, true, false}, 3},
};

static void test_every_fault_ends_clean(void **state) {
    (void)state;
    uint64_t faults = 0;
    for (size_t kind = 0; kind < sizeof(fault_kinds) / sizeof(fault_kinds[0]); kind++) {
        bool struck = true;
        for (uint64_t nth = 1; struck; nth += fault_kinds[kind].step) {
            struct bench bench;
            struct sim_fault fault = fault_kinds[kind].fault;
            fault.nth = nth;
            bench_open(&bench, nth);
            sim_disk_fail(bench.disk, &fault);
            enum rc rc = whole_life(&bench);
            struck = sim_disk_struck(bench.disk);
            if (!is_clean(rc) || (!struck && rc != RC_OK)) {
                fail_msg("kind %zu, operation %llu: %s", kind, (unsigned long long)nth,
                         rc_name(rc));
            }
            faults += struck;
            // The process ends; power may go, too.
            if (nth % 2 == 0) {
                sim_disk_crash(bench.disk);
            } else {
                sim_disk_kill(bench.disk);
            }
            OK(bench_start(&bench));
            expect_whole(&bench, "fault", nth);
            OK(one_note(&bench));
            bench_close(&bench);
        }
    }
    assert_true(faults > 100);
}

// On a full disk the store refuses and goes on; nothing has to be repaired when there is room
// again.
static void test_a_full_disk_heals(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, 5);
    OK(bench_start(&bench));
    OK(one_note(&bench));
    sim_disk_limit(bench.disk, sim_disk_bytes(bench.disk) + 30000);
    enum rc rc = RC_OK;
    while (rc == RC_OK) {
        rc = one_note(&bench);
    }
    assert_int_equal(rc, RC_FULL);
    int before = bench.acked_count;
    for (int i = 0; i < 5; i++) {
        assert_int_equal(one_note(&bench), RC_FULL);
        assert_int_equal(lost_notes(&bench), 0); // reading works
    }
    sim_disk_limit(bench.disk, 0);
    OK(one_note(&bench));
    assert_int_equal(bench.acked_count, before + 1);
    expect_whole(&bench, "full disk", 0);
    store_close(bench.fx.store);
    sim_disk_crash(bench.disk);
    OK(bench_start(&bench));
    expect_whole(&bench, "full disk, later", 0);
    bench_close(&bench);
}

// A failed sync is never tried again: the store stops writing until it is opened anew.
static void test_a_failed_sync_ends_it(void **state) {
    (void)state;
    struct bench bench;
    bench_open(&bench, 6);
    OK(bench_start(&bench));
    OK(one_note(&bench));
    sim_disk_fail(bench.disk, &(struct sim_fault){SIM_SYNC, 1, false, false});
    assert_int_equal(one_note(&bench), RC_IO);
    assert_int_equal(one_note(&bench), RC_IO);
    assert_int_equal(lost_notes(&bench), 0);
    store_close(bench.fx.store);
    sim_disk_crash(bench.disk);
    OK(bench_start(&bench));
    expect_whole(&bench, "failed sync", 0);
    bench_close(&bench);
}

// ---- Power cuts ----

struct cuts {
    int count;
    int lost;
};

static struct cuts cut_everywhere(bool weak, uint64_t seed, uint64_t step) {
    struct cuts cuts = {0};
    bool struck = true;
    for (uint64_t nth = 1; struck; nth += step) {
        struct bench bench;
        bench_open(&bench, seed * 1000 + nth);
        bench.weak = weak;
        sim_disk_cut(bench.disk, nth);
        (void)whole_life(&bench);
        struck = sim_disk_struck(bench.disk);
        sim_disk_crash(bench.disk);
        if (struck) {
            cuts.count++;
            OK(bench_start(&bench));
            int lost = lost_notes(&bench);
            cuts.lost += lost > 0;
            if (!weak) {
                expect_whole(&bench, "power cut", nth);
                OK(one_note(&bench));
            }
        }
        bench_close(&bench);
    }
    return cuts;
}

static void test_power_cuts_lose_nothing(void **state) {
    (void)state;
    struct cuts sum = {0};
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct cuts cuts = cut_everywhere(false, seed, seed);
        sum.count += cuts.count;
        sum.lost += cuts.lost;
    }
    assert_true(sum.count > 200);
    assert_int_equal(sum.lost, 0);
}

// The disk must be able to show the loss that synchronous=NORMAL risks, or the test above means
// nothing.
static void test_a_weak_sync_is_caught(void **state) {
    (void)state;
    struct cuts cuts = cut_everywhere(true, 9, 5);
    assert_true(cuts.lost > 0);
}

// ---- Migrations ----

static void start_at_version(struct bench *bench, int count) {
    sqlite3 *db = NULL;
    struct refusal refusal = {0};
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
    assert_int_equal(sqlite3_open_v2("records.db", &db, flags, bench->fx.vfs), SQLITE_OK);
    const struct schema_open open = {.schema = &store_schema, .count = count, .exclusive = true};
    OK(schema_prepare(db, &open, &refusal));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

// With sanitizers everything takes ten times as long: not every operation is cut then.
#ifdef __SANITIZE_ADDRESS__
#define MIGRATION_STEP 5
#else
#define MIGRATION_STEP 1
#endif

static void test_cuts_while_migrating(void **state) {
    (void)state;
    int cuts = 0;
    for (int version = 0; version < store_schema.count; version++) {
        bool struck = true;
        for (uint64_t nth = 1; struck; nth += MIGRATION_STEP) {
            struct bench bench;
            bench_open(&bench, nth);
            start_at_version(&bench, version);
            sim_disk_cut(bench.disk, nth);
            enum rc rc = fixture_reopen(&bench.fx, NULL);
            struck = sim_disk_struck(bench.disk);
            assert_true(struck || rc == RC_OK);
            store_close(rc == RC_OK ? bench.fx.store : NULL);
            bench.fx.store = NULL;
            if (nth % 3 == 0) {
                sim_disk_kill(bench.disk);
            } else {
                sim_disk_crash(bench.disk);
            }
            OK(bench_start(&bench));
            OK(one_note(&bench));
            expect_whole(&bench, "migration", nth);
            bench_close(&bench);
            cuts += struck;
        }
    }
    assert_true(cuts > 40);
}

// ---- Cost ----

// A simulation opens many stores: one may cost a few milliseconds.
static void test_stores_are_cheap_and_apart(void **state) {
    (void)state;
    enum { STORES = 20 };
    static struct bench benches[STORES];
    clock_t start = clock();
    for (int i = 0; i < STORES; i++) {
        bench_open(&benches[i], (uint64_t)i + 1);
        OK(bench_start(&benches[i]));
    }
    double each_ms = (double)(clock() - start) * 1000.0 / CLOCKS_PER_SEC / STORES;
    for (int i = 0; i < STORES; i++) {
        for (int k = 0; k < i % 3; k++) {
            OK(one_note(&benches[i]));
        }
    }
    for (int i = 0; i < STORES; i++) {
        struct store_chain chain;
        OK(store_chain_get(benches[i].fx.store, chain_of(&benches[i].fx.device, LANE_SAFETY),
                           &chain));
        assert_int_equal(chain.head.seq, (uint64_t)(i % 3) * 2);
        bench_close(&benches[i]);
    }
    print_message("a simulated store opens in %.1f ms\n", each_ms);
    assert_true(each_ms < 50.0);
}

// A process that dies at the n-th sync leaves a commit in the file that the next one finds. What
// the next one has seen must stay, also if the power goes at once.
static void test_what_a_restart_finds_stays(void **state) {
    (void)state;
    int found = 0;
    for (uint64_t nth = 1; nth <= 12; nth++) {
        struct bench bench;
        bench_open(&bench, 40 + nth);
        OK(bench_start(&bench));
        OK(one_note(&bench));
        struct sim_fault fault = {.op = SIM_SYNC, .nth = nth, .lasting = true};
        sim_disk_fail(bench.disk, &fault);
        for (int i = 0; i < 6 && one_note(&bench) == RC_OK; i++) {
        }
        sim_disk_kill(bench.disk);
        store_close(bench.fx.store);
        bench.fx.store = NULL;
        OK(bench_start(&bench));
        uint64_t seen = store_log_last_n(bench.fx.store, bench.fx.hub.author);
        found += seen > (uint64_t)bench.acked_count * 2;
        sim_disk_crash(bench.disk);
        store_close(bench.fx.store);
        bench.fx.store = NULL;
        OK(bench_start(&bench));
        assert_int_equal(store_log_last_n(bench.fx.store, bench.fx.hub.author), seen);
        assert_int_equal(lost_notes(&bench), 0);
        bench_close(&bench);
    }
    assert_true(found > 0); // a commit without its sync was met
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_fault_ends_clean),
        cmocka_unit_test(test_a_full_disk_heals),
        cmocka_unit_test(test_a_failed_sync_ends_it),
        cmocka_unit_test(test_what_a_restart_finds_stays),
        cmocka_unit_test(test_power_cuts_lose_nothing),
        cmocka_unit_test(test_a_weak_sync_is_caught),
        cmocka_unit_test(test_cuts_while_migrating),
        cmocka_unit_test(test_stores_are_cheap_and_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
