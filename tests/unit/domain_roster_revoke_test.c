// Revocation: last good places, lists that meet, what is after them; reviews.
#include "domain_roster_util.h"

#define CONSOLE rid_of(0x61)
#define PERSON rid_of(0x21)

static struct chain_id chain_of(uint8_t author, uint8_t lane) {
    return (struct chain_id){.author = {{{author}}}, .lane = lane};
}

struct list {
    uint8_t author, lane;
    uint64_t seq;
};

static void put_goods(struct body_test *test, const struct list *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct chain_id chain = chain_of(list[i].author, list[i].lane);
        roster_good_put(&test->body, &chain, list[i].seq);
    }
}

static void revoke(struct roster_state *state, uint16_t kind, const struct public_key *key,
                   const struct list *list, size_t count) {
    struct body_test test;
    body_begin(&test, kind);
    if (kind != KIND_REVOKE_HEADS) {
        body_put_text(&test.body, REVOKE_REASON, "丢失 lost");
    }
    put_goods(&test, list, count);
    if (key != NULL) {
        struct key_id id = key_id_of(key);
        body_put_bytes(&test.body, REVOKE_KEY, id.id.b, ID_BYTES);
    }
    fold_done(&test, state, kind, VERDICT_ACCEPTED);
}

static struct roster_state *device_state(void) {
    struct roster_state *state = state_new();
    struct body_test test;
    put_device(&test, "h1", DEVICE_HANDHELD, key_of(0x61));
    fold_done(&test, state, KIND_DEVICE_ADD, VERDICT_ACCEPTED);
    return state;
}

static enum refusal_code at( // tidy: allow parameters, because a place is these numbers
    const struct roster *roster, const struct public_key *key, struct rid device, uint8_t author,
    uint8_t lane, uint64_t seq) {
    struct content content = {.device = device};
    if (key != NULL) {
        content.key = key_id_of(key);
    }
    const struct place place = {.chain = chain_of(author, lane), .seq = seq};
    return roster_after_good(roster, &content, &place);
}

static void a_device_is_good_up_to_its_list(void **state) {
    (void)state;
    struct roster *roster = NULL;
    struct roster_state *device = device_state();
    assert_int_equal(roster_new(&roster), RC_OK);
    assert_int_equal(roster_set(roster, CONSOLE, device), RC_OK);
    assert_int_equal(at(roster, NULL, CONSOLE, 1, 1, 999), REFUSAL_NONE);
    // Without a list nothing is good, until the hub states what it holds.
    revoke(device, KIND_DEVICE_REVOKE, NULL, NULL, 0);
    assert_int_equal(roster_set(roster, CONSOLE, device), RC_OK);
    assert_true(roster_device_revoked(roster, CONSOLE));
    assert_int_equal(at(roster, NULL, CONSOLE, 1, 1, 1), REFUSAL_DEVICE_REVOKED);
    const struct list held[] = {{1, 1, 10}, {1, 0, 3}};
    revoke(device, KIND_REVOKE_HEADS, NULL, held, COUNT_OF(held));
    assert_int_equal(roster_set(roster, CONSOLE, device), RC_OK);
    static const struct {
        uint8_t author, lane;
        uint64_t seq;
        bool good;
    } rows[] = {{1, 1, 1, true},  {1, 1, 10, true}, {1, 1, 11, false}, {1, 0, 3, true},
                {1, 0, 4, false}, {1, 2, 1, false}, {2, 1, 1, false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(at(roster, NULL, CONSOLE, rows[i].author, rows[i].lane, rows[i].seq),
                         rows[i].good ? REFUSAL_NONE : REFUSAL_DEVICE_REVOKED);
    }
    assert_int_equal(at(roster, NULL, rid_of(0x62), 1, 1, 11), REFUSAL_NONE); // another device
    free(device);
    roster_free(roster);
}

// Whatever the order of three lists, good is what all of them call good, and the bytes are the same
// but for the order of the rows.
static void lists_meet(void **state) {
    (void)state;
    static const struct list lists[3][3] = {{{1, 1, 10}, {1, 0, 5}, {2, 1, 7}},
                                            {{1, 1, 6}, {2, 1, 9}, {3, 1, 4}},
                                            {{2, 1, 8}, {1, 1, 8}, {1, 0, 1}}};
    static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                         {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (size_t o = 0; o < COUNT_OF(orders); o++) {
        struct roster *roster = NULL;
        struct roster_state *device = device_state();
        assert_int_equal(roster_new(&roster), RC_OK);
        for (int i = 0; i < 3; i++) {
            revoke(device, KIND_DEVICE_REVOKE, NULL, lists[orders[o][i]], 3);
        }
        assert_int_equal(roster_set(roster, CONSOLE, device), RC_OK);
        assert_int_equal(device->as.device.goods.count, 2);
        assert_int_equal(at(roster, NULL, CONSOLE, 1, 1, 6), REFUSAL_NONE);
        assert_int_equal(at(roster, NULL, CONSOLE, 1, 1, 7), REFUSAL_DEVICE_REVOKED);
        assert_int_equal(at(roster, NULL, CONSOLE, 2, 1, 7), REFUSAL_NONE);
        assert_int_equal(at(roster, NULL, CONSOLE, 1, 0, 1), REFUSAL_DEVICE_REVOKED);
        assert_int_equal(at(roster, NULL, CONSOLE, 3, 1, 1), REFUSAL_DEVICE_REVOKED);
        free(device);
        roster_free(roster);
    }
}

static void a_key_alone_is_revoked(void **state) {
    (void)state;
    struct roster *roster = NULL;
    struct roster_state *person = person_state("王磊", "1007");
    const struct public_key lost = key_of(1);
    const struct public_key kept = key_of(2);
    const struct list held[] = {{1, 1, 4}};
    certify(person, lost, CONSOLE);
    certify(person, kept, rid_of(0x62));
    assert_int_equal(roster_new(&roster), RC_OK);
    revoke(person, KIND_KEY_REVOKE, &lost, held, 1);
    assert_int_equal(roster_set(roster, PERSON, person), RC_OK);
    assert_int_equal(at(roster, &lost, CONSOLE, 1, 1, 4), REFUSAL_NONE);
    assert_int_equal(at(roster, &lost, CONSOLE, 1, 1, 5), REFUSAL_KEY_REVOKED);
    // A copy of the key on another device, and the person's other key.
    assert_int_equal(at(roster, &lost, rid_of(0x62), 9, 1, 1), REFUSAL_KEY_REVOKED);
    assert_int_equal(at(roster, &kept, rid_of(0x62), 9, 1, 1), REFUSAL_NONE);
    free(person);
    roster_free(roster);
}

// A state full of goods gives those that do not fit no good place.
static void what_does_not_fit_is_not_good(void **state) {
    (void)state;
    struct roster *roster = NULL;
    struct roster_state *device = device_state();
    assert_int_equal(roster_new(&roster), RC_OK);
    struct list first[40];
    struct list rest[40];
    for (uint8_t i = 0; i < 40; i++) {
        first[i] = (struct list){(uint8_t)(1 + i), 1, 5};
        rest[i] = (struct list){(uint8_t)(41 + i), 1, 5};
    }
    struct body_test test;
    body_begin(&test, KIND_DEVICE_REVOKE);
    body_put_text(&test.body, REVOKE_REASON, "x");
    put_goods(&test, first, 40);
    put_goods(&test, rest, 40);
    fold_done(&test, device, KIND_DEVICE_REVOKE, VERDICT_ACCEPTED);
    assert_int_equal(device->as.device.goods.count, ROSTER_GOODS_MAX);
    assert_int_equal(roster_set(roster, CONSOLE, device), RC_OK);
    assert_int_equal(at(roster, NULL, CONSOLE, 60, 1, 5), REFUSAL_NONE);
    assert_int_equal(at(roster, NULL, CONSOLE, 61, 1, 5), REFUSAL_DEVICE_REVOKED);
    free(device);
    roster_free(roster);
}

// An account that was withdrawn may be given to a new device.
static void a_new_device_takes_the_account(void **state) {
    (void)state;
    for (int order = 0; order < 2; order++) {
        struct roster *roster = NULL;
        struct roster_state *old = device_state();
        struct roster_state *fresh = device_state();
        struct rid found;
        assert_int_equal(roster_new(&roster), RC_OK);
        revoke(old, KIND_DEVICE_REVOKE, NULL, NULL, 0);
        for (int i = 0; i < 2; i++) {
            bool is_old = i == order;
            assert_int_equal(
                roster_set(roster, is_old ? rid_of(1) : rid_of(2), is_old ? old : fresh), RC_OK);
        }
        assert_true(roster_device_by_account(roster, "h1", &found));
        assert_true(rid_equal(found, rid_of(2)));
        free(old);
        free(fresh);
        roster_free(roster);
    }
}

static enum verdict check(struct body_test *test, uint16_t kind, const struct roster_state *state,
                          const struct rid *subjects, uint16_t count, enum refusal_code *out_code) {
    struct refusal refusal = {0};
    const struct content content = {
        .kind = kind, .subjects = subjects, .subject_count = count, .body = buf_slice(&test->buf)};
    const struct check_input input = {.content = &content, .state = state};
    enum verdict verdict = roster_module.check(&input, &refusal);
    *out_code = refusal.code;
    buf_fini(&test->buf);
    return verdict;
}

static void revocations_are_checked(void **state) {
    (void)state;
    struct roster_state *device = device_state();
    struct roster_state *person = person_state("王磊", "1007");
    struct body_test test;
    enum refusal_code code;
    const struct public_key key = key_of(1);
    const struct key_id id = key_id_of(&key);
    body_begin(&test, KIND_DEVICE_REVOKE);
    assert_int_equal(check(&test, KIND_DEVICE_REVOKE, person, NULL, 0, &code), VERDICT_REFUSED);
    assert_int_equal(code, REFUSAL_SUBJECT_UNKNOWN);
    body_begin(&test, KIND_KEY_REVOKE);
    body_put_bytes(&test.body, REVOKE_KEY, id.id.b, ID_BYTES);
    assert_int_equal(check(&test, KIND_KEY_REVOKE, person, NULL, 0, &code), VERDICT_REFUSED);
    assert_int_equal(code, REFUSAL_KEY_UNKNOWN);
    // A list belongs to an act of one signer.
    body_begin(&test, KIND_DEVICE_REVOKE);
    put_goods(&test, &(const struct list){1, 1, 5}, 1);
    body_put_uint(&test.body, ROSTER_NEEDS, 2);
    assert_int_equal(check(&test, KIND_DEVICE_REVOKE, device, NULL, 0, &code), VERDICT_REFUSED);
    assert_int_equal(code, REFUSAL_FIELD_RANGE);
    body_begin(&test, KIND_DEVICE_REVOKE);
    put_goods(&test, &(const struct list){1, 7, 5}, 1); // no such lane
    assert_int_equal(check(&test, KIND_DEVICE_REVOKE, device, NULL, 0, &code), VERDICT_REFUSED);
    device->as.device.kind = DEVICE_HUB;
    body_begin(&test, KIND_DEVICE_REVOKE);
    assert_int_equal(check(&test, KIND_DEVICE_REVOKE, device, NULL, 0, &code), VERDICT_REFUSED);
    assert_int_equal(code, REFUSAL_STATE);
    free(device);
    free(person);
}

static void put_review(struct body_test *test, const uint8_t *records, size_t count,
                       enum review_decision decision) {
    body_begin(test, KIND_REVIEW_DECIDE);
    for (size_t i = 0; i < count; i++) {
        struct rid rid = rid_of(records[i]);
        body_put_bytes(&test->body, REVIEW_RECORD, rid.id.b, ID_BYTES);
    }
    body_put_uint(&test->body, REVIEW_DECISION, decision);
    body_put_text(&test->body, REVIEW_REASON, "核实 checked");
}

static void a_review_names_its_records(void **state) {
    (void)state;
    const struct rid both[] = {roster_review_subject(rid_of(1)), roster_review_subject(rid_of(2))};
    const uint8_t named[] = {1, 2};
    const uint8_t swapped[] = {2, 1};
    struct body_test test;
    enum refusal_code code;
    put_review(&test, named, 2, REVIEW_RELEASE);
    assert_int_equal(check(&test, KIND_REVIEW_DECIDE, NULL, both, 2, &code), VERDICT_ACCEPTED);
    static const struct {
        bool swap;
        size_t records;
        uint16_t subjects;
    } rows[] = {{true, 2, 2}, {false, 1, 2}, {false, 2, 1}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        put_review(&test, rows[i].swap ? swapped : named, rows[i].records, REVIEW_RELEASE);
        assert_int_equal(check(&test, KIND_REVIEW_DECIDE, NULL, both, rows[i].subjects, &code),
                         VERDICT_REFUSED);
        assert_int_equal(code, REFUSAL_SUBJECT_COUNT);
    }
}

static void the_first_review_stands(void **state) {
    (void)state;
    struct roster_state *review = state_new();
    struct body_test test;
    put_review(&test, (const uint8_t[]){1}, 1, REVIEW_REJECT);
    fold_done(&test, review, KIND_REVIEW_DECIDE, VERDICT_ACCEPTED);
    assert_int_equal(review->what, ROSTER_REVIEW);
    put_review(&test, (const uint8_t[]){1}, 1, REVIEW_RELEASE);
    fold_done(&test, review, KIND_REVIEW_DECIDE, VERDICT_ACCEPTED);
    assert_int_equal(review->as.review.decision, REVIEW_REJECT);
    free(review);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_is_good_up_to_its_list),
        cmocka_unit_test(lists_meet),
        cmocka_unit_test(a_key_alone_is_revoked),
        cmocka_unit_test(what_does_not_fit_is_not_good),
        cmocka_unit_test(a_new_device_takes_the_account),
        cmocka_unit_test(revocations_are_checked),
        cmocka_unit_test(a_review_names_its_records),
        cmocka_unit_test(the_first_review_stands),
    };
    assert_int_equal(keys_init(), RC_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
