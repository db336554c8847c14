// Chains in the store: appending, heads, seals, entries, sites and rollback.
#include "store_fixture.h"

#define OK(call) assert_int_equal((call), RC_OK)

static void test_append_moves_the_head(void **state) {
    (void)state;
    struct fixture fx;
    struct place place;
    struct rid rid;
    struct store_chain chain;
    fixture_open(&fx, true);
    OK(store_begin(fx.store));
    for (uint64_t i = 1; i <= 3; i++) {
        OK(note_append(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &place, &rid));
        assert_int_equal(place.seq, i);
    }
    OK(store_commit(fx.store));
    OK(store_chain_get(fx.store, place.chain, &chain));
    assert_int_equal(chain.head.seq, 3);
    assert_int_equal(chain.sealed.seq, 0);
    assert_int_equal(chain.logged_seq, 0);

    // The head is what hashing the entries anew gives, also after opening the file again.
    store_close(fx.store);
    OK(fixture_reopen(&fx, NULL));
    struct chain_head head;
    struct buf bytes;
    bool has_sig = false;
    struct signature sig;
    buf_init(&bytes, 65536);
    chain_start(fx.site, place.chain, &head);
    for (uint64_t i = 1; i <= 3; i++) {
        struct hash32 hash;
        buf_reset(&bytes);
        OK(store_entry_get(fx.store, &(struct place){place.chain, i}, &bytes, &has_sig, &sig));
        chain_add_record(&head, buf_slice(&bytes), has_sig ? &sig : NULL);
        OK(store_chain_hash(fx.store, place.chain, i, &hash));
        assert_true(hash32_equal(&hash, &head.hash));
    }
    buf_fini(&bytes);
    struct store_chain again;
    OK(store_chain_get(fx.store, place.chain, &again));
    assert_int_equal(again.head.seq, 3);
    assert_true(hash32_equal(&again.head.hash, &head.hash));
    struct hash32 hash;
    assert_int_equal(store_chain_hash(fx.store, place.chain, 4, &hash), RC_NOT_FOUND);
    struct place first;
    OK(store_record_place(fx.store, rid, &first));
    assert_int_equal(first.seq, 3);
    rid.id.b[0] ^= 1;
    assert_int_equal(store_record_place(fx.store, rid, &first), RC_NOT_FOUND);
    fixture_close(&fx);
}

static void test_unknown_chain_is_its_start(void **state) {
    (void)state;
    struct fixture fx;
    struct store_chain chain;
    struct chain_head start;
    fixture_open(&fx, true);
    OK(store_chain_get(fx.store, chain_of(&fx.device, LANE_DANGER), &chain));
    chain_start(fx.site, chain.id, &start);
    assert_int_equal(chain.head.seq, 0);
    assert_true(hash32_equal(&chain.head.hash, &start.hash));
    const struct chain_id bad[] = {
        {fx.device.author, LANE_COUNT, AUDIENCE_SITE},
        {fx.device.author, LANE_SAFETY, AUDIENCE_COUNT},
        {{{{0}}}, LANE_SAFETY, AUDIENCE_SITE},
    };
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(store_chain_get(fx.store, bad[i], &chain), RC_INVALID);
    }
    fixture_close(&fx);
}

static void test_rollback_takes_heads_back(void **state) {
    (void)state;
    struct fixture fx;
    struct place place;
    struct rid rid;
    struct store_chain chain;
    fixture_open(&fx, true);
    OK(store_begin(fx.store));
    OK(note_append(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &place, &rid));
    OK(note_seal(&fx, &fx.device, LANE_SAFETY));
    OK(store_commit(fx.store));
    OK(store_begin(fx.store));
    assert_true(store_in_transaction(fx.store));
    OK(note_append(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &place, &rid));
    OK(note_seal(&fx, &fx.device, LANE_SAFETY));
    store_rollback(fx.store);
    assert_false(store_in_transaction(fx.store));
    OK(store_chain_get(fx.store, place.chain, &chain));
    assert_int_equal(chain.head.seq, 1);
    assert_int_equal(chain.sealed.seq, 1);
    struct place found;
    assert_int_equal(store_record_place(fx.store, rid, &found), RC_NOT_FOUND);
    // The place that was given back is taken by the next record.
    OK(store_begin(fx.store));
    OK(note_append(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &place, &rid));
    assert_int_equal(place.seq, 2);
    OK(store_commit(fx.store));
    fixture_close(&fx);
}

static void test_foreign_records_are_refused(void **state) {
    (void)state;
    struct fixture fx;
    struct signed_record record;
    uint64_t seq = 99;
    bool first = false;
    struct store_chain chain;
    fixture_open(&fx, true);
    struct site_id site = fx.site;
    struct chain_id id = chain_of(&fx.device, LANE_SAFETY);
    OK(store_begin(fx.store));
    fx.site.id.b[0] ^= 1;
    note_make(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &record);
    fx.site = site;
    assert_int_equal(store_append_record(fx.store, id, &record, &seq, &first), RC_WRONG_SITE);

    note_make(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &record);
    record.rid.id.b[3] ^= 1;
    assert_int_equal(store_append_record(fx.store, id, &record, &seq, &first), RC_INVALID);
    record.rid.id.b[3] ^= 1;
    record.content.len--;
    assert_int_not_equal(store_append_record(fx.store, id, &record, &seq, &first), RC_OK);
    record.content.len = 0;
    assert_int_not_equal(store_append_record(fx.store, id, &record, &seq, &first), RC_OK);
    assert_int_equal(seq, 99);
    // Refusals spoil nothing: the transaction goes on.
    note_make(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &record);
    OK(store_append_record(fx.store, id, &record, &seq, &first));
    OK(store_commit(fx.store));
    OK(store_chain_get(fx.store, id, &chain));
    assert_int_equal(chain.head.seq, 1);
    assert_int_equal(store_begin(fx.store), RC_OK);
    site.id.b[1] ^= 1;
    assert_int_equal(store_site_set(fx.store, site), RC_WRONG_SITE);
    OK(store_site_set(fx.store, fx.site));
    store_rollback(fx.store);
    assert_true(id16_equal(store_site(fx.store).id, fx.site.id));
    fixture_close(&fx);
}

static void test_no_site_takes_nothing(void **state) {
    (void)state;
    struct fixture fx = {0};
    struct signed_record record;
    uint64_t seq = 0;
    bool first = false;
    fixture_people(&fx);
    test_folder_make(fx.folder);
    OK(fixture_reopen(&fx, NULL));
    assert_true(id16_is_zero(store_site(fx.store).id));
    OK(store_begin(fx.store));
    note_make(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &record);
    assert_int_equal(store_append_record(fx.store, chain_of(&fx.device, 1), &record, &seq, &first),
                     RC_WRONG_SITE);
    OK(store_site_set(fx.store, fx.site));
    OK(store_append_record(fx.store, chain_of(&fx.device, 1), &record, &seq, &first));
    store_rollback(fx.store);
    assert_true(id16_is_zero(store_site(fx.store).id));
    fixture_close(&fx);
}

static void test_seals(void **state) {
    (void)state;
    struct fixture fx;
    struct place place;
    struct rid rid;
    struct store_chain chain;
    struct signature seal = {{1}};
    struct signature got;
    uint64_t seq = 0;
    fixture_open(&fx, true);
    struct chain_id id = chain_of(&fx.device, LANE_SAFETY);
    OK(store_begin(fx.store));
    assert_int_equal(store_seal_put(fx.store, id, 1, &seal), RC_NOT_FOUND);
    assert_int_equal(store_seal_get(fx.store, id, 1, &seq, &got), RC_NOT_FOUND);
    for (int i = 0; i < 5; i++) {
        OK(note_append(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &place, &rid));
    }
    OK(store_seal_put(fx.store, id, 4, &seal));
    seal.b[0] = 2;
    OK(store_seal_put(fx.store, id, 2, &seal)); // an earlier head, sealed on demand
    assert_int_equal(store_seal_put(fx.store, id, 2, &seal), RC_EXISTS);
    assert_int_equal(store_seal_put(fx.store, id, 6, &seal), RC_NOT_FOUND);
    assert_int_equal(store_seal_put(fx.store, id, 0, &seal), RC_NOT_FOUND);
    OK(store_commit(fx.store));
    OK(store_chain_get(fx.store, id, &chain));
    assert_int_equal(chain.sealed.seq, 4);
    struct hash32 hash;
    OK(store_chain_hash(fx.store, id, 4, &hash));
    assert_true(hash32_equal(&hash, &chain.sealed.hash));
    const struct {
        uint64_t from, seq;
        uint8_t mark;
    } rows[] = {{0, 2, 2}, {1, 2, 2}, {2, 2, 2}, {3, 4, 1}, {4, 4, 1}};
    for (size_t i = 0; i < 5; i++) {
        OK(store_seal_get(fx.store, id, rows[i].from, &seq, &got));
        assert_int_equal(seq, rows[i].seq);
        assert_int_equal(got.b[0], rows[i].mark);
    }
    assert_int_equal(store_seal_get(fx.store, id, 5, &seq, &got), RC_NOT_FOUND);
    fixture_close(&fx);
}

struct walk {
    struct fixture *fx;
    uint64_t seqs[16];
    enum entry_type types[16];
    size_t count;
    size_t stop_after;
};

static enum rc walk_visit(void *ctx, const struct store_entry *entry) {
    struct walk *walk = ctx;
    walk->types[walk->count] = entry->type;
    walk->seqs[walk->count++] = entry->place.seq;
    assert_true(entry->bytes.len > 0);
    assert_int_equal(entry->sig != NULL, entry->type == ENTRY_RECORD);
    assert_int_equal(rid_is_zero(entry->rid), entry->type == ENTRY_ADMIT);
    if (entry->type == ENTRY_RECORD) {
        // A visit may ask the store for the same things again.
        struct place place;
        struct walk inner = {.fx = walk->fx, .stop_after = 1};
        OK(store_record_place(walk->fx->store, entry->rid, &place));
        if (walk->stop_after == 0) {
            OK(store_entries(walk->fx->store, place.chain, place.seq, walk_visit, &inner));
            assert_int_equal(inner.seqs[0], entry->place.seq);
        }
    }
    return walk->stop_after > 0 && walk->count >= walk->stop_after ? RC_FULL : RC_OK;
}

static enum rc walk_fails(void *ctx, const struct store_entry *entry) {
    (void)ctx;
    (void)entry;
    return RC_STALE;
}

static void test_entries_in_order(void **state) {
    (void)state;
    struct fixture fx;
    struct place place;
    struct rid rid;
    fixture_open(&fx, true);
    OK(store_begin(fx.store));
    OK(note_append(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &place, &rid));
    OK(note_append(&fx, &fx.hub, &(struct note){.kind = NOTE_OPEN}, &place, &rid));
    OK(note_log(&fx, &(struct place){chain_of(&fx.device, LANE_SAFETY), 1}, VERDICT_ACCEPTED));
    OK(note_append(&fx, &fx.hub, &(struct note){.kind = NOTE_OPEN}, &place, &rid));
    OK(store_commit(fx.store));
    struct walk walk = {.fx = &fx};
    OK(store_entries(fx.store, place.chain, 1, walk_visit, &walk));
    assert_int_equal(walk.count, 3);
    assert_int_equal(walk.types[0], ENTRY_RECORD);
    assert_int_equal(walk.types[1], ENTRY_ADMIT);
    assert_int_equal(walk.types[2], ENTRY_RECORD);
    walk = (struct walk){.fx = &fx};
    OK(store_entries(fx.store, place.chain, 3, walk_visit, &walk));
    assert_int_equal(walk.count, 1);
    assert_int_equal(walk.seqs[0], 3);
    walk = (struct walk){.fx = &fx};
    OK(store_entries(fx.store, place.chain, 4, walk_visit, &walk));
    assert_int_equal(walk.count, 0);
    walk = (struct walk){.fx = &fx, .stop_after = 2};
    OK(store_entries(fx.store, place.chain, 1, walk_visit, &walk));
    assert_int_equal(walk.count, 2);
    assert_int_equal(store_entries(fx.store, place.chain, 1, walk_fails, NULL), RC_STALE);
    fixture_close(&fx);
}

static void test_authors(void **state) {
    (void)state;
    struct fixture fx;
    struct writer other;
    struct store_author got;
    fixture_open(&fx, false);
    writer_make(&other, 9);
    assert_int_equal(store_author_get(fx.store, other.author, &got), RC_NOT_FOUND);
    struct store_author put = {other.author, *keypair_public(other.pair), true};
    OK(store_begin(fx.store));
    OK(store_author_put(fx.store, &put));
    assert_int_equal(store_author_put(fx.store, &put), RC_EXISTS);
    OK(store_commit(fx.store));
    store_close(fx.store);
    OK(fixture_reopen(&fx, NULL));
    OK(store_author_get(fx.store, other.author, &got));
    assert_true(got.own);
    assert_memory_equal(got.device_key.b, put.device_key.b, PUBLIC_KEY_BYTES);
    OK(store_author_get(fx.store, fx.hub.author, &got));
    assert_false(got.own);
    keypair_free(other.pair);
    fixture_close(&fx);
}

struct chain_count {
    uint64_t chains;
    uint64_t entries;
};

static enum rc count_chain(void *ctx, const struct store_chain *chain) {
    struct chain_count *count = ctx;
    count->chains++;
    count->entries += chain->head.seq;
    return RC_OK;
}

static void test_chains_and_acks(void **state) {
    (void)state;
    struct fixture fx;
    struct place place;
    struct rid rid;
    struct store_chain chain;
    fixture_open(&fx, false);
    OK(store_begin(fx.store));
    OK(note_append(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &place, &rid));
    OK(note_append(&fx, &fx.device, &(struct note){.kind = NOTE_HELLO}, &place, &rid));
    OK(note_append(&fx, &fx.hub, &(struct note){.kind = NOTE_OPEN}, &place, &rid));
    // Heads that are not committed yet count, too.
    struct chain_count count = {0};
    OK(store_chains(fx.store, count_chain, &count));
    assert_int_equal(count.chains, 3);
    assert_int_equal(count.entries, 3);
    OK(store_chain_set_acked(fx.store, chain_of(&fx.device, LANE_SAFETY), 1));
    OK(store_commit(fx.store));
    OK(store_chain_get(fx.store, chain_of(&fx.device, LANE_SAFETY), &chain));
    assert_int_equal(chain.acked_seq, 1);
    OK(store_begin(fx.store));
    OK(store_chain_set_acked(fx.store, chain_of(&fx.device, LANE_SAFETY), 0)); // a restored hub
    OK(store_commit(fx.store));
    store_close(fx.store);
    OK(fixture_reopen(&fx, NULL));
    OK(store_chain_get(fx.store, chain_of(&fx.device, LANE_SAFETY), &chain));
    assert_int_equal(chain.acked_seq, 0);
    count = (struct chain_count){0};
    OK(store_chains(fx.store, count_chain, &count));
    assert_int_equal(count.chains, 3);
    fixture_close(&fx);
}

static void test_logs_are_append_only(void **state) {
    (void)state;
    struct fixture fx;
    struct place place;
    struct rid rid;
    fixture_open(&fx, true);
    OK(store_begin(fx.store));
    OK(note_append(&fx, &fx.device, &(struct note){.kind = NOTE_OPEN}, &place, &rid));
    OK(note_log(&fx, &place, VERDICT_ACCEPTED));
    OK(note_seal(&fx, &fx.device, LANE_SAFETY));
    OK(store_commit(fx.store));
    static const char *const attempts[] = {
        "UPDATE entry SET bytes = x'00'",
        "DELETE FROM entry",
        "REPLACE INTO entry SELECT place, type, hash, sig, x'00' FROM entry",
        "UPDATE seal SET sig = x'00'",
        "DELETE FROM seal",
        "UPDATE log SET verdict = 2",
        "DELETE FROM log",
    };
    for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
        int code = sqlite3_exec(store_sqlite(fx.store), attempts[i], NULL, NULL, NULL);
        assert_int_equal(code & 0xFF, SQLITE_CONSTRAINT);
    }
    fixture_close(&fx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append_moves_the_head),
        cmocka_unit_test(test_unknown_chain_is_its_start),
        cmocka_unit_test(test_rollback_takes_heads_back),
        cmocka_unit_test(test_foreign_records_are_refused),
        cmocka_unit_test(test_no_site_takes_nothing),
        cmocka_unit_test(test_seals),
        cmocka_unit_test(test_entries_in_order),
        cmocka_unit_test(test_authors),
        cmocka_unit_test(test_chains_and_acks),
        cmocka_unit_test(test_logs_are_append_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
