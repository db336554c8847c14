// Incarnations in the store: the fold follows (rank, n) in whatever order hubs are learned; what is
// taken back is kept aside, and views, indexes and the check of the store follow.
#include "store/store_priv.h"
#include "store_fixture.h"

#define OK(call) assert_int_equal((call), RC_OK)

static struct writer second_hub(void) {
    struct writer hub;
    assert_int_equal(keys_init(), RC_OK);
    writer_make(&hub, 9);
    return hub;
}

static void second_known(struct fixture *fx, const struct writer *hub) {
    struct store_author author = {hub->author, *keypair_public(hub->pair), false};
    enum rc rc = store_author_put(fx->store, &author);
    assert_true(rc == RC_OK || rc == RC_EXISTS);
}

// A verdict of another incarnation at its own n.
static void log_by(struct fixture *fx, const struct writer *hub, const struct place *place,
                   enum verdict verdict, uint64_t n) {
    struct writer first = fx->hub;
    fx->hub = *hub;
    OK(note_log_at(fx, place, verdict, n));
    fx->hub = first;
}

static void verify_clean(struct fixture *fx) {
    struct store_verify_report report = {0};
    OK(store_verify(fx->store, keys_stub(), note_key_of, fx, &report));
    assert_string_equal(report.what, "");
}

static struct note_state note_at(struct fixture *fx, struct rid subject, bool with_pending) {
    struct note_state note;
    OK(store_view_get(fx->store, &note_module, subject, with_pending, &note));
    return note;
}

static struct note_state folded_in_order(bool second_first) {
    struct fixture fx;
    struct writer second = second_hub();
    struct place places[4];
    struct rid rids[4];
    fixture_open(&fx, false);
    OK(store_begin(fx.store));
    second_known(&fx, &second);
    if (second_first) { // learned before the first one, with a smaller n
        OK(store_hub_put(fx.store, second.author, 2));
    }
    OK(store_hub_put(fx.store, fx.hub.author, 1));
    if (!second_first) {
        OK(store_hub_put(fx.store, second.author, 2));
    }
    assert_int_equal(store_hub_put(fx.store, second.author, 2), RC_EXISTS);
    assert_int_equal(store_hub_put(fx.store, second.author, 3), RC_FORK);
    assert_int_equal(store_hub_put(fx.store, fx.device.author, 1), RC_FORK);
    OK(note_append(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &places[0], &rids[0]));
    for (int i = 1; i < 4; i++) {
        struct note add = {NOTE_ADD, &rids[0], 1, (uint64_t)i, NULL};
        OK(note_append(&fx, &fx.device, &add, &places[i], &rids[i]));
    }
    if (second_first) {
        log_by(&fx, &second, &places[3], VERDICT_ACCEPTED, 1);
    }
    OK(note_log_at(&fx, &places[0], VERDICT_ACCEPTED, 7));
    OK(note_log_at(&fx, &places[1], VERDICT_ACCEPTED, 8));
    if (!second_first) {
        log_by(&fx, &second, &places[3], VERDICT_ACCEPTED, 1);
    }
    log_by(&fx, &second, &places[2], VERDICT_ACCEPTED, 2);
    OK(store_commit(fx.store));
    struct store_log log;
    OK(store_log_of(fx.store, &places[3], &log));
    assert_true(author_equal(log.hub, second.author));
    assert_int_equal(log.n, 1);
    assert_int_equal(store_log_last_n(fx.store, fx.hub.author), 8);
    assert_int_equal(store_log_last_n(fx.store, second.author), 2);
    assert_int_equal(store_hub_last(fx.store), 2);
    struct note_state note = note_at(&fx, rids[0], false);
    OK(store_rebuild(fx.store, NULL, NULL));
    struct note_state rebuilt = note_at(&fx, rids[0], false);
    assert_memory_equal(&note, &rebuilt, sizeof note);
    fixture_close(&fx);
    keypair_free(second.pair);
    return note;
}

static void test_fold_order_is_rank_and_n(void **state) {
    (void)state;
    struct note_state a = folded_in_order(false);
    struct note_state b = folded_in_order(true);
    assert_int_equal(a.sum, 6);
    assert_memory_equal(&a, &b, sizeof a);
}

// An older file knows hubs by the rows of their authors.
static void test_rows_of_an_older_file_are_ranked(void **state) {
    (void)state;
    struct fixture fx;
    struct place places[2];
    struct rid rids[2];
    fixture_open(&fx, false);
    OK(store_begin(fx.store));
    OK(note_append(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &places[0], &rids[0]));
    struct note add = {NOTE_ADD, &rids[0], 1, 5, NULL};
    OK(note_append(&fx, &fx.device, &add, &places[1], &rids[1]));
    OK(note_log(&fx, &places[0], VERDICT_ACCEPTED));
    OK(note_log(&fx, &places[1], VERDICT_ACCEPTED));
    OK(note_seal(&fx, &fx.device, LANE_SAFETY));
    OK(note_seal(&fx, &fx.hub, LANE_SAFETY));
    OK(store_commit(fx.store));
    struct note_state before = note_at(&fx, rids[0], false);
    store_close(fx.store);
    char path[TEST_PATH_BYTES];
    sqlite3 *db = NULL;
    test_path(fx.folder, "records.db", path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
                     "DROP TRIGGER log_keep; DROP TRIGGER log_stay; DROP TRIGGER entry_stay;"
                     "DROP TRIGGER seal_stay; DROP TABLE cut; DROP TABLE void; DROP TABLE opening;"
                     "DROP INDEX log_held; DROP TABLE blob_named; DROP TABLE blob_chunk;"
                     "DROP TABLE blob;"
                     "DROP TABLE hub; UPDATE log SET id = (2 << 40) | (id & ((1 << 40) - 1));"
                     "UPDATE view_note SET folded = (2 << 40) | (folded & ((1 << 40) - 1));"
                     "CREATE TRIGGER log_keep BEFORE UPDATE ON log BEGIN SELECT 1; END;"
                     "CREATE TRIGGER log_stay BEFORE DELETE ON log BEGIN SELECT 1; END;"
                     "CREATE TRIGGER entry_stay BEFORE DELETE ON entry BEGIN SELECT 1; END;"
                     "CREATE TRIGGER seal_stay BEFORE DELETE ON seal BEGIN SELECT 1; END;"
                     "PRAGMA user_version = 3",
                     NULL, NULL, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    OK(fixture_reopen(&fx, NULL));
    assert_int_equal(store_hub_rank(fx.store, fx.hub.author), 1);
    assert_int_equal(store_log_last_n(fx.store, fx.hub.author), 2);
    struct note_state after = note_at(&fx, rids[0], false);
    assert_memory_equal(&before, &after, sizeof after);
    verify_clean(&fx);
    fixture_close(&fx);
}

static void test_own_and_opening(void **state) {
    (void)state;
    struct fixture fx;
    struct store_own own = {.author = {{{1}}}, .random = {2}};
    struct store_own got;
    struct store_opening opening = {.previous = {{{3}}}, .head_count = 2};
    struct store_opening read;
    fixture_open(&fx, false);
    opening.heads[1].lane = 2;
    opening.heads[1].audience = 1;
    opening.heads[1].head = (struct chain_head){77, {{9}}};
    assert_int_equal(store_own_get(fx.store, &got), RC_NOT_FOUND);
    assert_int_equal(store_opening_get(fx.store, own.author, &read), RC_NOT_FOUND);
    OK(store_begin(fx.store));
    OK(store_own_set(fx.store, &own));
    OK(store_opening_put(fx.store, own.author, &opening));
    assert_int_equal(store_opening_put(fx.store, own.author, &opening), RC_EXISTS);
    store_rollback(fx.store);
    assert_int_equal(store_own_get(fx.store, &got), RC_NOT_FOUND);
    OK(store_begin(fx.store));
    OK(store_own_set(fx.store, &own));
    OK(store_opening_put(fx.store, own.author, &opening));
    OK(store_commit(fx.store));
    OK(store_own_get(fx.store, &got));
    assert_memory_equal(&got, &own, sizeof own);
    OK(store_opening_get(fx.store, own.author, &read));
    assert_true(author_equal(read.previous, opening.previous));
    assert_int_equal(store_opening_head(&read, 2, 1).seq, 77);
    assert_int_equal(store_opening_head(&read, 3, 1).seq, 0);
    fixture_close(&fx);
}

// A hub took its log back to seq 1: two verdicts are void, and their records wait again.
static void test_void_verdicts_leave_no_trace_in_views(void **state) {
    (void)state;
    struct fixture fx;
    struct writer second = second_hub();
    struct place places[3];
    struct rid rids[3];
    uint64_t count = 0;
    fixture_open(&fx, false);
    OK(store_begin(fx.store));
    second_known(&fx, &second);
    OK(note_append(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &places[0], &rids[0]));
    OK(note_append(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &places[1], &rids[1]));
    struct note add = {NOTE_ADD, rids, 2, 5, NULL};
    OK(note_append(&fx, &fx.device, &add, &places[2], &rids[2]));
    for (int i = 0; i < 3; i++) {
        OK(note_log(&fx, &places[i], VERDICT_ACCEPTED));
    }
    OK(note_seal(&fx, &fx.device, LANE_SAFETY));
    OK(note_seal(&fx, &fx.hub, LANE_SAFETY));
    OK(store_commit(fx.store));
    struct note_state before = note_at(&fx, rids[0], false);
    assert_int_equal(before.sum, 5);
    assert_int_not_equal(sqlite3_exec(store_sqlite(fx.store), "DELETE FROM log", NULL, NULL, NULL),
                         SQLITE_OK);
    OK(store_begin(fx.store));
    OK(store_log_void(fx.store, chain_of(&fx.hub, LANE_SAFETY), 1, &count));
    assert_int_equal(count, 2);
    OK(store_commit(fx.store));
    assert_int_equal(note_at(&fx, rids[0], false).sum, 0);
    struct note_state gone;
    assert_int_equal(store_view_get(fx.store, &note_module, rids[1], false, &gone), RC_NOT_FOUND);
    assert_int_equal(note_at(&fx, rids[1], true).sum, 5); // mine, and pending again
    struct store_log log;
    assert_int_equal(store_log_of(fx.store, &places[2], &log), RC_NOT_FOUND);
    struct store_chain chain;
    OK(store_chain_get(fx.store, places[0].chain, &chain));
    assert_int_equal(chain.logged_seq, 1);
    verify_clean(&fx);
    // The next incarnation admits them anew, in another order.
    OK(store_begin(fx.store));
    OK(store_hub_put(fx.store, second.author, 2));
    log_by(&fx, &second, &places[2], VERDICT_ACCEPTED, 1);
    log_by(&fx, &second, &places[1], VERDICT_ACCEPTED, 2);
    OK(store_commit(fx.store));
    assert_int_equal(note_at(&fx, rids[1], false).sum, 5);
    verify_clean(&fx);
    fixture_close(&fx);
    keypair_free(second.pair);
}

// A branch lost against the hub's: its acts stand again in another chain, its places get the other
// branch, and whatever was found by them still is.
static void test_a_cut_branch_is_found_elsewhere(void **state) {
    (void)state;
    struct fixture fx;
    struct signed_record record;
    struct writer again = second_hub();
    struct place opening, added, place;
    struct rid subject, rid;
    uint64_t seq = 0;
    bool first = false;
    fixture_open(&fx, false);
    again.pair = fx.device.pair; // the same device
    OK(store_begin(fx.store));
    struct store_author author = {again.author, *keypair_public(fx.device.pair), true};
    OK(store_author_put(fx.store, &author));
    OK(note_append(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &place, &rid));
    OK(note_log(&fx, &place, VERDICT_ACCEPTED));
    OK(note_seal(&fx, &fx.device, LANE_SAFETY));
    note_make(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &record);
    subject = record.rid;
    OK(store_append_record(fx.store, chain_of(&fx.device, LANE_SAFETY), &record, &seq, &first));
    OK(store_append_record(fx.store, chain_of(&again, LANE_SAFETY), &record, &seq, &first));
    assert_false(first);
    struct note add = {NOTE_ADD, &subject, 1, 5, NULL};
    OK(note_append(&fx, &fx.device, &add, &added, &rid));
    OK(note_seal(&fx, &fx.device, LANE_SAFETY));
    assert_int_equal(store_chain_cut(fx.store, chain_of(&fx.device, LANE_SAFETY), 0), RC_DENIED);
    OK(store_chain_cut(fx.store, chain_of(&fx.device, LANE_SAFETY), 1));
    OK(store_commit(fx.store));
    struct store_chain chain;
    OK(store_chain_get(fx.store, chain_of(&fx.device, LANE_SAFETY), &chain));
    assert_int_equal(chain.head.seq, 1);
    assert_int_equal(chain.sealed.seq, 1);
    OK(store_record_place(fx.store, subject, &opening));
    assert_true(author_equal(opening.chain.author, again.author));
    assert_int_equal(store_record_place(fx.store, rid, &place), RC_NOT_FOUND);
    assert_int_equal(note_at(&fx, subject, true).sum, 0);
    OK(store_begin(fx.store));
    // The other branch, and an act about the note that moved.
    OK(note_append(&fx, &fx.device, &add, &added, &rid));
    OK(note_log(&fx, &opening, VERDICT_ACCEPTED));
    OK(note_log(&fx, &added, VERDICT_ACCEPTED));
    OK(note_seal(&fx, &fx.device, LANE_SAFETY));
    OK(note_seal(&fx, &again, LANE_SAFETY));
    OK(store_commit(fx.store));
    assert_int_equal(note_at(&fx, subject, false).sum, 5);
    verify_clean(&fx);
    int64_t kept = 0;
    OK(db_integer(store_sqlite(fx.store), "SELECT count(*) FROM cut", &kept));
    assert_int_equal(kept, 2);
    fixture_close(&fx);
}

// A folded opening that is cut without a copy: its subject keeps its views under another number.
static void test_a_subject_outlives_its_opening(void **state) {
    (void)state;
    struct fixture fx;
    struct place opening, place;
    struct rid subject, rid;
    uint64_t count = 0;
    fixture_open(&fx, true);
    OK(store_begin(fx.store));
    OK(note_append(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &opening, &subject));
    struct note add = {NOTE_ADD, &subject, 1, 5, NULL};
    OK(note_append(&fx, &fx.hub, &add, &place, &rid));
    OK(note_log(&fx, &opening, VERDICT_ACCEPTED));
    OK(store_log_void(fx.store, chain_of(&fx.hub, LANE_SAFETY), 1, &count));
    assert_int_equal(count, 1);
    OK(store_chain_cut(fx.store, chain_of(&fx.hub, LANE_SAFETY), 1));
    OK(store_chain_cut(fx.store, chain_of(&fx.device, LANE_SAFETY), 0));
    OK(note_log(&fx, &place, VERDICT_ACCEPTED));
    OK(note_seal(&fx, &fx.hub, LANE_SAFETY));
    assert_int_equal(note_at(&fx, subject, false).sum, 5);
    assert_int_equal(note_at(&fx, subject, false).known, 0);
    OK(store_commit(fx.store));
    verify_clean(&fx);
    fixture_close(&fx);
}

static void test_a_stray_is_no_copy(void **state) {
    (void)state;
    struct fixture fx;
    struct signed_record record;
    struct place place;
    uint64_t seq = 0;
    bool first = false;
    fixture_open(&fx, false);
    OK(store_begin(fx.store));
    note_make(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &record);
    struct chain_id foreign = chain_of(&fx.hub, LANE_SAFETY);
    struct chain_id home = chain_of(&fx.device, LANE_SAFETY);
    OK(store_append_stray(fx.store, foreign, &record, &seq));
    assert_int_equal(store_record_place(fx.store, record.rid, &place), RC_NOT_FOUND);
    struct admit admit = {.place = {foreign, seq},
                          .verdict = VERDICT_REFUSED,
                          .rule = REFUSAL_DEVICE_MISMATCH,
                          .roster_version = 1,
                          .rules_version = 1,
                          .n = 1};
    struct store_log log = {.hub = fx.hub.author,
                            .n = 1,
                            .place = admit.place,
                            .admit_place.chain = foreign,
                            .verdict = admit.verdict,
                            .rule = admit.rule,
                            .roster_version = 1};
    OK(store_append_admit(fx.store, foreign, &admit, &log.admit_place.seq));
    OK(store_log_put(fx.store, &log));
    OK(store_append_record(fx.store, home, &record, &seq, &first));
    assert_true(first);
    place = (struct place){home, seq};
    OK(note_log_at(&fx, &place, VERDICT_ACCEPTED, 2));
    OK(note_seal(&fx, &fx.device, LANE_SAFETY));
    OK(note_seal(&fx, &fx.hub, LANE_SAFETY));
    OK(store_commit(fx.store));
    struct note_state note = note_at(&fx, record.rid, false);
    assert_int_equal(note.refused, 0);
    assert_int_equal(note.changed_n, 2);
    verify_clean(&fx);
    fixture_close(&fx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fold_order_is_rank_and_n),
        cmocka_unit_test(test_rows_of_an_older_file_are_ranked),
        cmocka_unit_test(test_own_and_opening),
        cmocka_unit_test(test_void_verdicts_leave_no_trace_in_views),
        cmocka_unit_test(test_a_cut_branch_is_found_elsewhere),
        cmocka_unit_test(test_a_subject_outlives_its_opening),
        cmocka_unit_test(test_a_stray_is_no_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
