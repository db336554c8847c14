// store_verify: a whole store passes, and one changed byte in any table is found and named.
#include "store_fixture.h"

#define OK(call) assert_int_equal((call), RC_OK)

// Two notes, adds and a refusal, a hub's own record; everything sealed.
static void fill(struct fixture *fx) {
    struct place place;
    struct rid subjects[2];
    struct rid rid;
    OK(store_begin(fx->store));
    for (int i = 0; i < 2; i++) {
        OK(note_append(fx, &fx->device, &(struct note){.kind = NOTE_OPEN}, &place, &subjects[i]));
        OK(note_log(fx, &place, VERDICT_ACCEPTED));
    }
    OK(note_append(fx, &fx->device, &(struct note){NOTE_ADD, subjects, 2, 5, NULL}, &place, &rid));
    OK(note_log(fx, &place, VERDICT_ACCEPTED));
    OK(note_append(fx, &fx->device, &(struct note){NOTE_ADD, subjects, 1, 6, NULL}, &place, &rid));
    OK(note_log(fx, &place, VERDICT_REFUSED));
    OK(note_append(fx, &fx->hub, &(struct note){.kind = NOTE_HELLO}, &place, &rid));
    struct store_log log = {.hub = fx->hub.author,
                            .n = ++fx->n,
                            .place = place,
                            .admit_place = place,
                            .verdict = VERDICT_ACCEPTED};
    OK(store_log_put(fx->store, &log));
    OK(note_seal(fx, &fx->device, LANE_SAFETY));
    OK(note_seal(fx, &fx->hub, LANE_SAFETY));
    OK(note_seal(fx, &fx->hub, LANE_CONTROL));
    OK(store_commit(fx->store));
}

static struct store_verify_report verify(struct fixture *fx) {
    struct store_verify_report report = {0};
    OK(store_verify(fx->store, keys_stub(), note_key_of, fx, &report));
    return report;
}

static void test_a_whole_store_passes(void **state) {
    (void)state;
    struct fixture fx;
    fixture_open(&fx, true);
    fill(&fx);
    for (int i = 0; i < 2; i++) {
        struct store_verify_report report = verify(&fx);
        assert_string_equal(report.what, "");
        assert_int_equal(report.entries, 9);
        assert_int_equal(report.chains, 3);
        assert_int_equal(report.seals, 3);
        assert_int_equal(report.signatures, 3); // a refused one proves nothing
        assert_int_equal(report.broken.seq, 0);
    }
    // The store goes on after it.
    struct place place;
    struct rid rid;
    OK(store_begin(fx.store));
    OK(note_append(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &place, &rid));
    OK(note_log(&fx, &place, VERDICT_ACCEPTED));
    OK(store_commit(fx.store));
    assert_string_equal(verify(&fx).what, "");
    fixture_close(&fx);
}

static const struct {
    const char *sql;
    const char *what; // how the finding begins
    uint64_t seq;     // 0: any
} damages[] = {
    {"UPDATE entry SET bytes = CAST(substr(bytes, 1, length(bytes) - 1) || x'7f' AS BLOB) "
     "WHERE place & 255 = 2 AND type = 0 AND length(bytes) > 0",
     "", 2},
    {"UPDATE entry SET hash = CAST(x'00' || substr(hash, 2) AS BLOB) WHERE place & 255 = 3 "
     "AND type = 0",
     "chain", 3},
    {"UPDATE entry SET sig = CAST(x'00' || substr(sig, 2) AS BLOB) WHERE place & 255 = 1 "
     "AND type = 0",
     "chain hash", 1},
    {"UPDATE entry SET sig = NULL WHERE place & 255 = 3 AND type = 0", "chain hash", 3},
    {"DELETE FROM entry WHERE place & 255 = 2 AND type = 1", "entry missing", 2},
    {"UPDATE entry SET type = 1 WHERE place & 255 = 2 AND type = 0", "", 2},
    {"UPDATE seal SET sig = CAST(substr(sig, 1, 63) || x'00' AS BLOB)", "seal", 0},
    {"DELETE FROM seal WHERE place = (SELECT max(place) FROM seal)", "seal missing", 0},
    {"DELETE FROM record WHERE place & 255 = 2", "index of records", 2},
    {"UPDATE record SET place = place + 1 WHERE place & 255 = 1", "index of records", 1},
    {"DELETE FROM subject WHERE place & 255 = 3", "index of subjects", 3},
    {"UPDATE log SET verdict = 1 WHERE verdict = 2", "", 4},
    {"UPDATE log SET rule = 5 WHERE verdict = 2", "log", 4},
    {"UPDATE log SET hub_time = hub_time + 1 WHERE id & 255 = 1", "log", 1},
    {"UPDATE log SET admit = place WHERE id & 255 = 2", "log", 2},
    {"UPDATE view_note SET state = CAST(state || x'01' AS BLOB) "
     "WHERE view_id = (SELECT max(view_id) FROM view_note)",
     "view note", 0},
    {"UPDATE view_note SET sum = sum + 1", "view note", 0},
    {"DELETE FROM view_note WHERE view_id = (SELECT min(view_id) FROM view_note)", "view note", 0},
    {"INSERT INTO view_note(view_id, site, subject, folded, state) VALUES(-5, 1, x'aa', 1, x'01')",
     "view note", 0},
    {"UPDATE chain SET head_hash = CAST(x'00' || substr(head_hash, 2) AS BLOB)", "chain", 0},
    {"UPDATE chain SET head_seq = head_seq - 1 WHERE head_seq = 4", "chain", 0},
    {"UPDATE chain SET sealed_hash = CAST(x'00' || substr(sealed_hash, 2) AS BLOB)", "sealed head",
     0},
    {"UPDATE author SET device_key = CAST(x'00' || substr(device_key, 2) AS BLOB)", "", 0},
    {"UPDATE site SET site = CAST(x'00' || substr(site, 2) AS BLOB)", "chain hash", 1},
};

static void test_each_damage_is_found(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        struct fixture fx;
        fixture_open(&fx, true);
        fill(&fx);
        sqlite3 *db = store_sqlite(fx.store);
        static const char *const triggers = "DROP TRIGGER entry_keep; DROP TRIGGER entry_stay;"
                                            "DROP TRIGGER seal_keep; DROP TRIGGER seal_stay;"
                                            "DROP TRIGGER log_keep; DROP TRIGGER log_stay;";
        assert_int_equal(sqlite3_exec(db, triggers, NULL, NULL, NULL), SQLITE_OK);
        int code = sqlite3_exec(db, damages[i].sql, NULL, NULL, NULL);
        assert_int_equal(code, SQLITE_OK);
        assert_true(sqlite3_changes(db) > 0);
        store_close(fx.store);
        OK(fixture_reopen(&fx, NULL));
        struct store_verify_report report = verify(&fx);
        if (report.what[0] == '\0' ||
            strncmp(report.what, damages[i].what, strlen(damages[i].what)) != 0 ||
            (damages[i].seq != 0 && report.broken.seq != damages[i].seq)) {
            fail_msg("%s: found '%s' at %llu", damages[i].sql, report.what,
                     (unsigned long long)report.broken.seq);
        }
        fixture_close(&fx);
    }
}

struct heard {
    uint64_t calls, last, total;
    bool back;
};

static void hear(void *ctx, uint64_t done, uint64_t total) {
    struct heard *heard = ctx;
    heard->back = heard->back || done <= heard->last || total == 0;
    heard->last = done;
    heard->total = total;
    heard->calls++;
}

static void test_how_far_it_is_goes_up_to_the_end(void **state) {
    (void)state;
    struct fixture fx;
    struct heard heard = {.calls = 0};
    fixture_open(&fx, true);
    fill(&fx);
    store_verify_watch(fx.store, hear, &heard);
    assert_string_equal(verify(&fx).what, "");
    assert_true(heard.calls > 3);
    assert_false(heard.back);
    assert_true(heard.total > 9); // entries, and the log
    assert_int_equal(heard.last, heard.total);
    store_verify_watch(fx.store, NULL, NULL);
    uint64_t calls = heard.calls;
    assert_string_equal(verify(&fx).what, "");
    assert_int_equal(heard.calls, calls);
    fixture_close(&fx);
}

static bool no_key(void *ctx, const struct content *content, struct public_key *out_key) {
    (void)ctx;
    (void)content;
    (void)out_key;
    return false;
}

static void test_keys_that_are_not_known(void **state) {
    (void)state;
    struct fixture fx;
    struct store_verify_report report = {0};
    fixture_open(&fx, true);
    fill(&fx);
    OK(store_verify(fx.store, keys_stub(), no_key, NULL, &report));
    assert_string_equal(report.what, "signature: unknown key");
    assert_int_equal(report.broken.seq, 1);
    fixture_close(&fx);
}

// Somebody who can write the file but has no key re-signs nothing: a forged record with right
// hashes.
static void test_a_forged_signature_is_found(void **state) {
    (void)state;
    struct fixture fx;
    struct signed_record record;
    uint64_t seq = 0;
    bool first = false;
    fixture_open(&fx, true);
    fill(&fx);
    note_make(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &record);
    record.sig.b[5] ^= 1;
    OK(store_begin(fx.store));
    OK(store_append_record(fx.store, chain_of(&fx.device, LANE_SAFETY), &record, &seq, &first));
    OK(note_log(&fx, &(struct place){chain_of(&fx.device, LANE_SAFETY), seq}, VERDICT_ACCEPTED));
    OK(store_commit(fx.store));
    struct store_verify_report report = verify(&fx);
    assert_string_equal(report.what, "signature");
    assert_int_equal(report.broken.seq, 5);
    fixture_close(&fx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_store_passes),
        cmocka_unit_test(test_each_damage_is_found),
        cmocka_unit_test(test_how_far_it_is_goes_up_to_the_end),
        cmocka_unit_test(test_keys_that_are_not_known),
        cmocka_unit_test(test_a_forged_signature_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
