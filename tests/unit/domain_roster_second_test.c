// Acts that need several signers: proposals, who may second them, rotation of the root keys.
#include "domain_roster_util.h"

#define HUB rid_of(0x60)
#define CONSOLE rid_of(0x61)
#define SUBJECT rid_of(0x40)

// Who signs: a person by the first byte of the id, or a root key.
struct signer {
    uint8_t person;
    uint8_t root;
};

struct act {
    struct body_test body;
    struct content content;
    struct rid rid;
    struct rid ref;
};

static void act_init(struct act *act, uint16_t kind, struct signer who, uint8_t rid) {
    memset(act, 0, sizeof *act);
    body_begin(&act->body, kind);
    act->content.kind = kind;
    act->content.time.v = 1500;
    act->rid = rid_of(rid);
    if (who.person) {
        struct public_key key = key_of(who.person);
        act->content.person = rid_of(who.person);
        act->content.key = key_id_of(&key);
        act->content.device = CONSOLE;
    } else {
        struct public_key key = key_of(who.root);
        act->content.key = key_id_of(&key);
    }
}

static void act_fold(struct act *act, struct roster_state *state) {
    act->content.body = buf_slice(&act->body.buf);
    const struct fold_entry entry = {
        .content = &act->content, .rid = act->rid, .verdict = VERDICT_ACCEPTED, .n = 1};
    roster_module.fold(state, SUBJECT, &entry);
}

// What the hub would say: right, module check, facts.
static enum refusal_code act_judge(struct act *act, const struct roster *roster,
                                   const struct roster_state *state) {
    struct refusal refusal = {0};
    const struct kind *kind = registry_kind(&roster_registry, act->content.kind, NULL);
    act->content.body = buf_slice(&act->body.buf);
    const struct check_input input = {
        .content = &act->content, .rid = act->rid, .subject = SUBJECT, .state = state};
    if (roster_check_right(roster, kind, &act->content, "", &refusal) != RC_OK ||
        roster_module.check(&input, &refusal) != VERDICT_ACCEPTED ||
        roster_check_facts(roster, &input, &refusal) != VERDICT_ACCEPTED) {
        assert_int_not_equal(refusal.code, REFUSAL_NONE);
        return refusal.code;
    }
    return REFUSAL_NONE;
}

static void act_done(struct act *act) {
    buf_fini(&act->body.buf);
}

static void put_grant(struct act *act, enum role role, uint8_t needs) {
    body_put_uint(&act->body.body, ROLE_ROLE, role);
    body_put_text(&act->body.body, ROLE_AREA, "");
    if (needs > 1) {
        body_put_uint(&act->body.body, ROSTER_NEEDS, needs);
    }
}

static void second(struct act *act, struct signer who, uint8_t rid, uint8_t of) {
    act_init(act, KIND_ROSTER_SECOND, who, rid);
    act->ref = rid_of(of);
    act->content.refs = &act->ref;
    act->content.ref_count = 1;
}

static void set_admin(struct roster *roster, uint8_t id) {
    char number[8];
    (void)snprintf(number, sizeof number, "%u", id);
    struct roster_state *person = person_state("管理员", number);
    grant(person, ROLE_ADMIN, "");
    certify(person, key_of(id), CONSOLE);
    set_free(roster, rid_of(id), person);
}

// A site that is no demonstration, with that many root keys (F0 on) and admins (20 on).
static struct roster *real_site(uint8_t roots, uint8_t threshold, uint8_t admins) {
    struct roster *roster = NULL;
    struct roster_state *site = state_new();
    struct body_test test;
    assert_int_equal(roster_new(&roster), RC_OK);
    put_genesis(&test, roots, threshold);
    fold_done(&test, site, KIND_SITE_GENESIS, VERDICT_ACCEPTED);
    site->as.site.demo = false;
    set_free(roster, rid_of(0x51), site);
    set_device(roster, HUB, "hub", DEVICE_HUB, key_of(0x60));
    set_device(roster, CONSOLE, "console-1", DEVICE_CONSOLE, key_of(0x61));
    for (uint8_t i = 0; i < admins; i++) {
        set_admin(roster, (uint8_t)(0x20 + i));
    }
    return roster;
}

// ---- Grants ----

static void a_signing_role_asks_for_two(void **state) {
    (void)state;
    static const struct {
        enum role role;
        struct signer who;
        uint8_t needs;
        enum refusal_code code;
    } rows[] = {
        {ROLE_OPERATOR, {.person = 0x20}, 1, REFUSAL_NONE},
        {ROLE_INSPECTOR, {.person = 0x20}, 1, REFUSAL_NONE},
        {ROLE_VIEWER, {.person = 0x20}, 1, REFUSAL_NONE},
        {ROLE_ADMIN, {.person = 0x20}, 1, REFUSAL_TWO_PERSONS},
        {ROLE_SHIFT_LEADER, {.person = 0x20}, 1, REFUSAL_TWO_PERSONS},
        {ROLE_SAFETY, {.person = 0x20}, 1, REFUSAL_TWO_PERSONS},
        {ROLE_GUARDIAN, {.person = 0x20}, 1, REFUSAL_TWO_PERSONS},
        {ROLE_APPROVER, {.person = 0x20}, 1, REFUSAL_TWO_PERSONS},
        {ROLE_APPROVER, {.person = 0x20}, 2, REFUSAL_NONE},
        {ROLE_APPROVER, {.person = 0x20}, 8, REFUSAL_NONE},
        {ROLE_OPERATOR, {.root = 0xF0}, 1, REFUSAL_TWO_PERSONS},
        {ROLE_ADMIN, {.root = 0xF0}, 1, REFUSAL_TWO_PERSONS},
        {ROLE_ADMIN, {.root = 0xF2}, 2, REFUSAL_NONE},
    };
    struct roster *roster = real_site(3, 2, 2);
    struct roster_state *person = person_state("王磊", "1007");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct act act;
        act_init(&act, KIND_ROLE_GRANT, rows[i].who, 0x70);
        put_grant(&act, rows[i].role, rows[i].needs);
        enum refusal_code code = act_judge(&act, roster, person);
        if (code != rows[i].code) {
            fail_msg("row %zu: %s", i, refusal_name(code));
        }
        act_done(&act);
    }
    free(person);
    roster_free(roster);
}

static void a_proposal_waits_for_another_person(void **state) {
    (void)state;
    struct roster *roster = real_site(1, 1, 2);
    struct roster_state *person = person_state("王磊", "1007");
    struct act act;
    act_init(&act, KIND_ROLE_GRANT, (struct signer){.person = 0x20}, 0x70);
    put_grant(&act, ROLE_APPROVER, 2);
    act_fold(&act, person);
    act_done(&act);
    assert_int_equal(person->as.person.role_count, 0);
    assert_int_equal(person->proposal_count, 1);
    static const struct {
        struct signer who;
        uint8_t of;
        enum refusal_code code;
        uint8_t roles;
    } rows[] = {
        {{.person = 0x20}, 0x70, REFUSAL_TWO_PERSONS, 0}, // the same person
        {{.person = 0x21}, 0x71, REFUSAL_REF_UNKNOWN, 0}, // another proposal
        {{.root = 0xF0}, 0x70, REFUSAL_TWO_PERSONS, 1},   // there is a second admin
        {{.person = 0x21}, 0x70, REFUSAL_NONE, 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        second(&act, rows[i].who, (uint8_t)(0x80 + i), rows[i].of);
        assert_int_equal(act_judge(&act, roster, person), rows[i].code);
        if (rows[i].code == REFUSAL_NONE || rows[i].roles == 0) {
            act_fold(&act, person); // what is refused would change nothing either
        }
        act_done(&act);
        assert_int_equal(person->as.person.role_count, rows[i].code == REFUSAL_NONE);
    }
    assert_int_equal(person->as.person.roles[0].role, ROLE_APPROVER);
    assert_int_equal(person->proposal_count, 0);
    second(&act, (struct signer){.person = 0x21}, 0x90, 0x70);
    assert_int_equal(act_judge(&act, roster, person), REFUSAL_REF_UNKNOWN); // it is done
    act_done(&act);
    free(person);
    roster_free(roster);
}

static void the_one_admin_is_seconded_by_a_root(void **state) {
    (void)state;
    struct roster *roster = real_site(3, 2, 1);
    struct roster_state *person = person_state("王磊", "1007");
    struct act act;
    act_init(&act, KIND_ROLE_GRANT, (struct signer){.person = 0x20}, 0x70);
    put_grant(&act, ROLE_ADMIN, 2);
    act_fold(&act, person);
    act_done(&act);
    second(&act, (struct signer){.root = 0xF1}, 0x80, 0x70);
    assert_int_equal(act_judge(&act, roster, person), REFUSAL_NONE);
    act_fold(&act, person);
    act_done(&act);
    assert_int_equal(person->as.person.role_count, 1);
    free(person);
    roster_free(roster);
}

static void root_acts_count_keys(void **state) {
    (void)state;
    struct roster *roster = real_site(3, 3, 1);
    struct roster_state *person = state_new();
    struct act act;
    act_init(&act, KIND_PERSON_ADD, (struct signer){.root = 0xF0}, 0x40);
    body_put_text(&act.body.body, PERSON_NAME, "王磊");
    body_put_text(&act.body.body, PERSON_NUMBER, "1007");
    body_put_uint(&act.body.body, ROSTER_NEEDS, 3);
    assert_int_equal(act_judge(&act, roster, NULL), REFUSAL_NONE);
    act_fold(&act, person);
    act_done(&act);
    assert_true(person->proposed);
    assert_int_equal(roster_set(roster, SUBJECT, person), RC_OK);
    assert_true(roster_person_is_proposed(roster, SUBJECT));
    // An admin is no root key, and one root key counts once.
    second(&act, (struct signer){.person = 0x20}, 0x80, 0x40);
    assert_int_equal(act_judge(&act, roster, person), REFUSAL_RIGHT_MISSING);
    act_done(&act);
    static const uint8_t keys[] = {0xF0, 0xF1, 0xF1, 0xF2};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        second(&act, (struct signer){.root = keys[i]}, (uint8_t)(0x81 + i), 0x40);
        bool again = keys[i] == 0xF0 || (i > 0 && keys[i] == keys[i - 1]);
        assert_int_equal(act_judge(&act, roster, person),
                         again ? REFUSAL_TWO_PERSONS : REFUSAL_NONE);
        act_fold(&act, person);
        act_done(&act);
        assert_int_equal(person->proposed, i + 1 < COUNT_OF(keys));
    }
    free(person);
    roster_free(roster);
}

static void a_withdrawn_role_ends_its_proposal(void **state) {
    (void)state;
    struct roster_state *person = person_state("王磊", "1007");
    struct act act;
    act_init(&act, KIND_ROLE_GRANT, (struct signer){.person = 0x20}, 0x70);
    put_grant(&act, ROLE_SAFETY, 2);
    act_fold(&act, person);
    act_done(&act);
    act_init(&act, KIND_ROLE_REVOKE, (struct signer){.person = 0x21}, 0x71);
    put_grant(&act, ROLE_SAFETY, 1);
    act_fold(&act, person);
    act_done(&act);
    assert_int_equal(person->proposal_count, 0);
    second(&act, (struct signer){.person = 0x22}, 0x72, 0x70);
    act_fold(&act, person);
    act_done(&act);
    assert_int_equal(person->as.person.role_count, 0);
    free(person);
}

static void proposals_are_bounded_and_renewed(void **state) {
    (void)state;
    struct roster_state *person = person_state("王磊", "1007");
    struct act act;
    for (uint8_t i = 0; i < ROSTER_PROPOSALS_MAX + 2; i++) {
        char area[8];
        (void)snprintf(area, sizeof area, "A%u", i);
        act_init(&act, KIND_ROLE_GRANT, (struct signer){.person = 0x20}, (uint8_t)(0x70 + i));
        body_put_uint(&act.body.body, ROLE_ROLE, ROLE_SAFETY);
        body_put_text(&act.body.body, ROLE_AREA, area);
        body_put_uint(&act.body.body, ROSTER_NEEDS, 2);
        act.content.body = buf_slice(&act.body.buf);
        const struct check_input input = {
            .content = &act.content, .rid = act.rid, .subject = SUBJECT, .state = person};
        assert_int_equal(roster_module.check(&input, NULL),
                         i < ROSTER_PROPOSALS_MAX ? VERDICT_ACCEPTED : VERDICT_REFUSED);
        act_fold(&act, person);
        act_done(&act);
    }
    assert_int_equal(person->proposal_count, ROSTER_PROPOSALS_MAX);
    // The same matter again takes the place of the older proposal.
    act_init(&act, KIND_ROLE_GRANT, (struct signer){.person = 0x21}, 0x7F);
    body_put_uint(&act.body.body, ROLE_ROLE, ROLE_SAFETY);
    body_put_text(&act.body.body, ROLE_AREA, "A0");
    body_put_uint(&act.body.body, ROSTER_NEEDS, 2);
    act_fold(&act, person);
    act_done(&act);
    assert_int_equal(person->proposal_count, ROSTER_PROPOSALS_MAX);
    assert_true(rid_equal(person->proposals[ROSTER_PROPOSALS_MAX - 1].rid, rid_of(0x7F)));
    free(person);
}

// ---- Roots ----

static void put_roots(struct act *act, const uint8_t *keys, size_t count, uint8_t threshold) {
    for (size_t i = 0; i < count; i++) {
        struct public_key key = key_of(keys[i]);
        body_put_bytes(&act->body.body, ROOTS_KEY, key.b, PUBLIC_KEY_BYTES);
    }
    body_put_uint(&act->body.body, ROOTS_THRESHOLD, threshold);
}

static struct roster_state *site_state(uint8_t roots, uint8_t threshold) {
    struct roster_state *site = state_new();
    struct body_test test;
    put_genesis(&test, roots, threshold);
    fold_done(&test, site, KIND_SITE_GENESIS, VERDICT_ACCEPTED);
    return site;
}

static void roots_change_by_old_and_new(void **state) {
    (void)state;
    struct roster *roster = NULL;
    struct roster_state *site = site_state(3, 2); // F0 F1 F2
    struct roster_key_owner owner;
    struct act act;
    assert_int_equal(roster_new(&roster), RC_OK);
    assert_int_equal(roster_set(roster, rid_of(0x51), site), RC_OK);
    static const uint8_t next[] = {0xF2, 0xE0, 0xE1};
    act_init(&act, KIND_ROOTS_CHANGE, (struct signer){.root = 0xF0}, 0x70);
    put_roots(&act, next, COUNT_OF(next), 2);
    assert_int_equal(act_judge(&act, roster, site), REFUSAL_NONE);
    act_fold(&act, site);
    act_done(&act);
    assert_int_equal(roster_set(roster, rid_of(0x51), site), RC_OK);
    static const struct {
        uint8_t key;
        enum refusal_code code;
        bool changed; // then
    } rows[] = {
        {0xF0, REFUSAL_TWO_PERSONS, false}, {0xD0, REFUSAL_KEY_UNKNOWN, false},
        {0xE0, REFUSAL_NONE, false},        {0xE1, REFUSAL_NONE, false}, // the new ones alone
        {0xF1, REFUSAL_NONE, true},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        second(&act, (struct signer){.root = rows[i].key}, (uint8_t)(0x80 + i), 0x70);
        assert_int_equal(act_judge(&act, roster, site), rows[i].code);
        if (rows[i].code == REFUSAL_NONE) {
            act_fold(&act, site);
            assert_int_equal(roster_set(roster, rid_of(0x51), site), RC_OK);
        }
        act_done(&act);
        assert_int_equal(site->as.site.retired_count, rows[i].changed ? 2 : 0);
    }
    assert_int_equal(site->as.site.root_count, 3);
    // Retired keys verify for ever and sign nothing.
    struct public_key old = key_of(0xF0);
    struct public_key kept = key_of(0xF2);
    assert_true(roster_key(roster, key_id_of(&old), &owner));
    assert_int_equal(owner.which, ROOT_RETIRED);
    assert_true(roster_key(roster, key_id_of(&kept), &owner));
    assert_int_equal(owner.which, ROOT_NOW);
    static const uint16_t kinds[] = {KIND_PERSON_ADD, KIND_ROLE_GRANT, KIND_ROOTS_CHANGE,
                                     KIND_ROSTER_SECOND, KIND_DEVICE_REVOKE};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        struct refusal refusal = {0};
        const struct content content = {.kind = kinds[i], .key = key_id_of(&old)};
        assert_int_equal(roster_check_right(roster, registry_kind(&roster_registry, kinds[i], NULL),
                                            &content, "", &refusal),
                         RC_REFUSED);
        assert_int_equal(refusal.code, REFUSAL_KEY_REVOKED);
    }
    free(site);
    roster_free(roster);
}

// The keys of a proposed change sign for that change alone.
static void the_next_roots_enrol_nobody(void **state) {
    (void)state;
    struct roster *roster = NULL;
    struct roster_state *site = site_state(1, 1);
    struct act act;
    assert_int_equal(roster_new(&roster), RC_OK);
    act_init(&act, KIND_ROOTS_CHANGE, (struct signer){.root = 0xF0}, 0x70);
    put_roots(&act, (const uint8_t[]){0xE0}, 1, 1);
    act_fold(&act, site);
    act_done(&act);
    assert_int_equal(roster_set(roster, rid_of(0x51), site), RC_OK);
    act_init(&act, KIND_PERSON_ADD, (struct signer){.root = 0xE0}, 0x40);
    body_put_text(&act.body.body, PERSON_NAME, "A");
    body_put_text(&act.body.body, PERSON_NUMBER, "1");
    assert_int_equal(act_judge(&act, roster, NULL), REFUSAL_KEY_UNKNOWN);
    act_done(&act);
    act_init(&act, KIND_ROOTS_CHANGE, (struct signer){.root = 0xE0}, 0x71);
    put_roots(&act, (const uint8_t[]){0xE0}, 1, 1);
    assert_int_equal(act_judge(&act, roster, site), REFUSAL_KEY_UNKNOWN);
    act_done(&act);
    free(site);
    roster_free(roster);
}

static void bad_roots_are_refused(void **state) {
    (void)state;
    static const struct {
        uint8_t keys[3];
        uint8_t count, threshold;
    } rows[] = {{{0xE0, 0xE0}, 2, 1}, {{0xE0, 0xE1}, 2, 3}, {{0xE0, 0xE1}, 2, 0}};
    struct roster *roster = real_site(1, 1, 1);
    struct roster_state *site = site_state(1, 1);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct act act;
        act_init(&act, KIND_ROOTS_CHANGE, (struct signer){.root = 0xF0}, 0x70);
        put_roots(&act, rows[i].keys, rows[i].count, rows[i].threshold);
        assert_int_equal(act_judge(&act, roster, site), REFUSAL_FIELD_RANGE);
        act_done(&act);
    }
    free(site);
    roster_free(roster);
}

// ---- Witnesses ----

static void put_witness(struct act *act, uint8_t key, enum role role, int64_t until) {
    struct body *body = &act->body.body;
    struct public_key public = key_of(key);
    body_put_text(body, PERSON_NAME, "临时工 Contractor");
    body_put_text(body, PERSON_NUMBER, "C-17");
    body_put_text(body, PERSON_EMPLOYER, "Acme");
    body_put_text(body, PERSON_JOB, "Scaffold");
    body_put_bytes(body, WITNESS_KEY, public.b, PUBLIC_KEY_BYTES);
    body_put_uint(body, WITNESS_ROLE, role);
    body_put_text(body, WITNESS_AREA, "R1");
    body_put_text(body, WITNESS_AREA, "R2");
    body_put_int(body, WITNESS_FROM, 1000);
    body_put_int(body, WITNESS_UNTIL, until);
}

static void set_leader(struct roster *roster) {
    struct roster_state *person = person_state("班长", "900");
    grant(person, ROLE_SHIFT_LEADER, "");
    certify(person, key_of(0x30), CONSOLE);
    set_free(roster, rid_of(0x30), person);
}

static void a_witnessed_worker_is_proposed(void **state) {
    (void)state;
    struct roster *roster = real_site(1, 1, 1);
    set_leader(roster);
    struct act act;
    act_init(&act, KIND_PERSON_WITNESS, (struct signer){.person = 0x30}, 0x40);
    put_witness(&act, 0x77, ROLE_OPERATOR, 2000);
    assert_int_equal(act_judge(&act, roster, NULL), REFUSAL_NONE);
    struct roster_state *worker = state_new();
    act_fold(&act, worker);
    act_done(&act);
    assert_true(worker->proposed);
    assert_int_equal(worker->as.person.role_count, 2);
    assert_string_equal(worker->as.person.job, "Scaffold");
    assert_int_equal(roster_set(roster, SUBJECT, worker), RC_OK);
    assert_true(roster_person_is_proposed(roster, SUBJECT));
    assert_true(
        roster_holds(roster, SUBJECT, ROLE_BIT(ROLE_OPERATOR), "R2", (struct utc_ms){1500}));
    second(&act, (struct signer){.person = 0x20}, 0x80, 0x40);
    assert_int_equal(act_judge(&act, roster, worker), REFUSAL_NONE);
    act_fold(&act, worker);
    act_done(&act);
    assert_int_equal(roster_set(roster, SUBJECT, worker), RC_OK);
    assert_false(roster_person_is_proposed(roster, SUBJECT));
    assert_false(
        roster_holds(roster, SUBJECT, ROLE_BIT(ROLE_OPERATOR), "R2", (struct utc_ms){2000}));
    free(worker);
    roster_free(roster);
}

static void what_no_witness_may_say(void **state) {
    (void)state;
    static const struct {
        uint8_t signer, key;
        enum role role;
        int64_t until;
        enum refusal_code code;
    } rows[] = {
        {0x30, 0x77, ROLE_OPERATOR, 2000, REFUSAL_NONE},
        {0x20, 0x77, ROLE_OPERATOR, 2000, REFUSAL_RIGHT_MISSING}, // an admin enrols instead
        {0x30, 0x77, ROLE_APPROVER, 2000, REFUSAL_FIELD_RANGE},
        {0x30, 0x77, ROLE_OPERATOR, 1000, REFUSAL_FIELD_RANGE},
        {0x30, 0x77, ROLE_OPERATOR, 1001 + LIMIT_WITNESS_MS, REFUSAL_FIELD_RANGE},
        {0x30, 0x20, ROLE_OPERATOR, 2000, REFUSAL_SUBJECT_EXISTS}, // the admin's own key
        {0x30, 0xF0, ROLE_OPERATOR, 2000, REFUSAL_SUBJECT_EXISTS}, // a root key
    };
    struct roster *roster = real_site(1, 1, 1);
    set_leader(roster);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct act act;
        act_init(&act, KIND_PERSON_WITNESS, (struct signer){.person = rows[i].signer}, 0x40);
        put_witness(&act, rows[i].key, rows[i].role, rows[i].until);
        enum refusal_code code = act_judge(&act, roster, NULL);
        if (code != rows[i].code) {
            fail_msg("row %zu: %s", i, refusal_name(code));
        }
        act_done(&act);
    }
    roster_free(roster);
}

// A worker who is only proposed takes neither number nor key from one who is enrolled, whichever
// comes first and whichever id is lower.
static void a_proposed_person_takes_nothing(void **state) {
    (void)state;
    for (int first = 0; first < 2; first++) {
        struct roster *roster = real_site(1, 1, 1);
        struct roster_state *worker = state_new();
        struct act act;
        act_init(&act, KIND_PERSON_WITNESS, (struct signer){.person = 0x30}, 0x02);
        put_witness(&act, 0x77, ROLE_OPERATOR, 2000);
        act_fold(&act, worker);
        act_done(&act);
        struct roster_state *person = person_state("王磊", "C-17");
        certify(person, key_of(0x77), CONSOLE);
        for (int i = 0; i < 2; i++) {
            bool proposed = i == first;
            assert_int_equal(
                roster_set(roster, proposed ? rid_of(2) : rid_of(0x90), proposed ? worker : person),
                RC_OK);
        }
        struct rid found;
        struct roster_key_owner owner;
        struct public_key key = key_of(0x77);
        assert_true(roster_person_by_number(roster, "C-17", &found));
        assert_true(rid_equal(found, rid_of(0x90)));
        assert_true(roster_key(roster, key_id_of(&key), &owner));
        assert_true(rid_equal(owner.person, rid_of(0x90)));
        free(worker);
        free(person);
        roster_free(roster);
    }
}

// ---- Everybody with everybody ----

// T6: who may propose and second a signing role, by all pairs of people and roles against a table
// written down apart from the code.
static void an_insider_finds_no_pair(void **state) {
    (void)state;
    struct roster *roster = real_site(2, 1, 0);
    unsigned pairs = 0;
    for (uint8_t role = ROLE_ADMIN; role < ROLE_COUNT; role++) {
        for (uint8_t twin = 0; twin < 2; twin++) { // two people of each role
            uint8_t id = (uint8_t)(0x20 + 2 * role + twin);
            char number[8];
            (void)snprintf(number, sizeof number, "%u", id);
            struct roster_state *person = person_state("人", number);
            grant(person, (enum role)role, "");
            certify(person, key_of(id), CONSOLE);
            set_free(roster, rid_of(id), person);
        }
    }
    // The ids of all signers: sixteen people, one unknown person, two root keys.
    struct signer signers[19];
    size_t count = 0;
    for (uint8_t id = 0x22; id < 0x22 + 16; id++) {
        signers[count++] = (struct signer){.person = id};
    }
    signers[count++] = (struct signer){.person = 0x77};
    signers[count++] = (struct signer){.root = 0xF0};
    signers[count++] = (struct signer){.root = 0xF1};
    static const enum role granted[] = {ROLE_ADMIN, ROLE_SHIFT_LEADER, ROLE_SAFETY, ROLE_GUARDIAN,
                                        ROLE_APPROVER};
    for (size_t g = 0; g < COUNT_OF(granted); g++) {
        for (size_t a = 0; a < count; a++) {
            for (size_t b = 0; b < count; b++) {
                bool admin_a = signers[a].person == 0x22 || signers[a].person == 0x23;
                bool admin_b = signers[b].person == 0x22 || signers[b].person == 0x23;
                bool root_a = signers[a].root != 0;
                bool root_b = signers[b].root != 0;
                bool expected = a != b && ((admin_a && admin_b) || (root_a && root_b));
                struct roster_state *person = person_state("王磊", "1007");
                struct act act;
                act_init(&act, KIND_ROLE_GRANT, signers[a], 0x70);
                put_grant(&act, granted[g], 2);
                if (act_judge(&act, roster, person) == REFUSAL_NONE) {
                    act_fold(&act, person);
                }
                act_done(&act);
                second(&act, signers[b], 0x80, 0x70);
                if (act_judge(&act, roster, person) == REFUSAL_NONE) {
                    act_fold(&act, person);
                }
                act_done(&act);
                bool granted_now = person->as.person.role_count == 1;
                if (granted_now != expected) {
                    fail_msg("%02x/%02x then %02x/%02x: %d", signers[a].person, signers[a].root,
                             signers[b].person, signers[b].root, granted_now);
                }
                free(person);
                pairs++;
            }
        }
    }
    assert_true(pairs >= 1000);
    roster_free(roster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signing_role_asks_for_two),
        cmocka_unit_test(a_proposal_waits_for_another_person),
        cmocka_unit_test(the_one_admin_is_seconded_by_a_root),
        cmocka_unit_test(root_acts_count_keys),
        cmocka_unit_test(a_withdrawn_role_ends_its_proposal),
        cmocka_unit_test(proposals_are_bounded_and_renewed),
        cmocka_unit_test(roots_change_by_old_and_new),
        cmocka_unit_test(the_next_roots_enrol_nobody),
        cmocka_unit_test(bad_roots_are_refused),
        cmocka_unit_test(a_witnessed_worker_is_proposed),
        cmocka_unit_test(what_no_witness_may_say),
        cmocka_unit_test(a_proposed_person_takes_nothing),
        cmocka_unit_test(an_insider_finds_no_pair),
    };
    assert_int_equal(keys_init(), RC_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
