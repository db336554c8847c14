#include "davy/domain/roster/roster.h"

#include "domain_roster_util.h"

// A site with two devices and four people.
#define HUB rid_of(0x60)
#define CONSOLE rid_of(0x61)
#define NOBODY rid_of(0x09)
#define ADMIN rid_of(0x20)    // everywhere, key 0x20 on the console
#define OPERATOR rid_of(0x21) // in the reactor area until 2000, key 0x21 on the console
#define VIEWER rid_of(0x22)   // key 0x22 on the console
#define NEWER rid_of(0x23)    // an operator's state that only a newer Davy understands

static struct roster *site_with(uint8_t threshold) {
    struct roster *roster = NULL;
    assert_int_equal(roster_new(&roster), RC_OK);
    set_site(roster, 3, threshold);
    set_device(roster, HUB, "hub", DEVICE_HUB, key_of(0x60));
    set_device(roster, CONSOLE, "console-1", DEVICE_CONSOLE, key_of(0x61));
    struct roster_state *person = person_state("管理员", "1");
    grant(person, ROLE_ADMIN, "");
    certify(person, key_of(0x20), CONSOLE);
    set_free(roster, ADMIN, person);
    person = person_state("王磊", "1007");
    struct body_test test;
    put_role(&test, KIND_ROLE_GRANT, ROLE_OPERATOR, "reactor");
    body_put_int(&test.body, ROLE_FROM, 1000);
    body_put_int(&test.body, ROLE_UNTIL, 2000);
    fold_done(&test, person, KIND_ROLE_GRANT, VERDICT_ACCEPTED);
    certify(person, key_of(0x21), CONSOLE);
    set_free(roster, OPERATOR, person);
    person = person_state("看", "3");
    grant(person, ROLE_VIEWER, "");
    certify(person, key_of(0x22), CONSOLE);
    set_free(roster, VIEWER, person);
    person = person_state("新", "4");
    grant(person, ROLE_OPERATOR, "");
    certify(person, key_of(0x23), CONSOLE);
    person->needs_newer = true;
    set_free(roster, NEWER, person);
    return roster;
}

// Kinds as other modules have them.
static const struct kind act_by_area = {
    .number = 22,
    .name = "alarm.ack",
    .flags = KIND_MANY | KIND_BY_AREA,
    .roles = ROLE_BIT(ROLE_OPERATOR) | ROLE_BIT(ROLE_SHIFT_LEADER),
};
static const struct kind act_anywhere = {
    .number = 50,
    .name = "note.add",
    .roles = ROLE_BIT(ROLE_OPERATOR),
};
static const struct kind machine = {.number = 51, .name = "point.read", .flags = KIND_SEALED};
static const struct kind hub_only = {
    .number = 20, .name = "alarm.raise", .flags = KIND_SEALED | KIND_HUB};

struct right_row {
    const char *what;
    const struct kind *kind; // NULL: of the roster, by number
    uint16_t number;
    uint8_t person; // first byte of the id; 0: none
    uint8_t key;
    uint8_t device;
    int64_t time_ms;
    const char *area;
    enum refusal_code code;
    const char *arg;
};

static const struct right_row right_rows[] = {
    {"an operator in the area", &act_by_area, 0, 0x21, 0x21, 0x61, 1500, "reactor", 0, ""},
    {"from the first moment", &act_by_area, 0, 0x21, 0x21, 0x61, 1000, "reactor", 0, ""},
    {"before the role begins", &act_by_area, 0, 0x21, 0x21, 0x61, 999, "reactor",
     REFUSAL_RIGHT_MISSING, "王磊"},
    {"after the role ended", &act_by_area, 0, 0x21, 0x21, 0x61, 2000, "reactor",
     REFUSAL_RIGHT_MISSING, "王磊"},
    {"in another area", &act_by_area, 0, 0x21, 0x21, 0x61, 1500, "tanks", REFUSAL_ROLE_AREA,
     "王磊"},
    {"in no area", &act_by_area, 0, 0x21, 0x21, 0x61, 1500, "", REFUSAL_ROLE_AREA, "王磊"},
    {"in an unknown area", &act_by_area, 0, 0x21, 0x21, 0x61, 1500, NULL, REFUSAL_ROLE_AREA,
     "王磊"},
    {"where the area does not matter", &act_anywhere, 0, 0x21, 0x21, 0x61, 1500, NULL, 0, ""},
    {"a viewer", &act_by_area, 0, 0x22, 0x22, 0x61, 1500, "reactor", REFUSAL_RIGHT_MISSING, "看"},
    {"an admin is no operator", &act_by_area, 0, 0x20, 0x20, 0x61, 1500, "reactor",
     REFUSAL_RIGHT_MISSING, "管理员"},
    {"rights that only a newer Davy knows", &act_anywhere, 0, 0x23, 0x23, 0x61, 1500, "",
     REFUSAL_NEEDS_NEWER, "新"},
    {"not signed", &act_by_area, 0, 0x21, 0, 0x61, 1500, "reactor", REFUSAL_NOT_SIGNED, ""},
    {"a key nobody knows", &act_by_area, 0, 0x21, 0x33, 0x61, 1500, "reactor", REFUSAL_KEY_UNKNOWN,
     NULL},
    {"another person's key", &act_by_area, 0, 0x21, 0x22, 0x61, 1500, "reactor",
     REFUSAL_KEY_UNKNOWN, NULL},
    {"a person nobody knows", &act_by_area, 0, 0x09, 0x21, 0x61, 1500, "reactor",
     REFUSAL_PERSON_UNKNOWN, "09ee0000"},
    {"no person", &act_by_area, 0, 0, 0x21, 0x61, 1500, "reactor", REFUSAL_PERSON_UNKNOWN,
     "00000000"},
    {"a device nobody knows", &act_by_area, 0, 0x21, 0x21, 0x09, 1500, "reactor",
     REFUSAL_DEVICE_UNKNOWN, "09ee0000"},
    {"the key on another device", &act_by_area, 0, 0x21, 0x21, 0x60, 1500, "reactor",
     REFUSAL_DEVICE_MISMATCH, "60ee0000"},
    {"a root key acts for no operator", &act_by_area, 0, 0, 0xF0, 0x61, 1500, "reactor",
     REFUSAL_RIGHT_MISSING, "root"},

    {"an admin enrols", NULL, KIND_PERSON_ADD, 0x20, 0x20, 0x61, 1500, "", 0, ""},
    {"an operator does not", NULL, KIND_PERSON_ADD, 0x21, 0x21, 0x61, 1500, "",
     REFUSAL_RIGHT_MISSING, "王磊"},
    {"the root enrols", NULL, KIND_DEVICE_ADD, 0, 0xF0, 0x60, 1500, "", 0, ""},
    {"every root key counts", NULL, KIND_ROLE_GRANT, 0, 0xF2, 0x60, 1500, "", 0, ""},
    {"the root before any device", NULL, KIND_DEVICE_ADD, 0, 0xF0, 0, 1500, "", 0, ""},
    {"the root on a strange device", NULL, KIND_DEVICE_ADD, 0, 0xF0, 0x09, 1500, "",
     REFUSAL_DEVICE_UNKNOWN, "09ee0000"},
    {"the root as a person", NULL, KIND_DEVICE_ADD, 0x20, 0xF0, 0x60, 1500, "", REFUSAL_KEY_UNKNOWN,
     NULL},
    {"a second genesis", NULL, KIND_SITE_GENESIS, 0, 0xF0, 0, 1500, "", REFUSAL_WRONG_SITE, ""},

    {"a known machine", &machine, 0, 0, 0, 0x61, 1500, "", 0, ""},
    {"an unknown machine", &machine, 0, 0, 0, 0x09, 1500, "", REFUSAL_DEVICE_UNKNOWN, "09ee0000"},
    {"no machine", &machine, 0, 0, 0, 0, 1500, "", REFUSAL_DEVICE_UNKNOWN, "00000000"},
    {"the hub", &hub_only, 0, 0, 0, 0x60, 1500, "", 0, ""},
    {"a console that plays hub", &hub_only, 0, 0, 0, 0x61, 1500, "", REFUSAL_RIGHT_MISSING,
     "console-1"},
    {"the hub certifies", NULL, KIND_KEY_CERTIFY, 0, 0, 0x60, 1500, "", 0, ""},
    {"a console certifies", NULL, KIND_KEY_CERTIFY, 0, 0, 0x61, 1500, "", REFUSAL_RIGHT_MISSING,
     "console-1"},
};

static struct rid id_or_zero(uint8_t first) {
    return first != 0 ? rid_of(first) : (struct rid){0};
}

static void rights_are_judged(void **state) {
    (void)state;
    struct roster *roster = site_with(1);
    for (size_t i = 0; i < COUNT_OF(right_rows); i++) {
        const struct right_row *row = &right_rows[i];
        const struct public_key key = key_of(row->key);
        const struct kind *kind =
            row->kind != NULL ? row->kind : registry_kind(&roster_registry, row->number, NULL);
        struct content content = {
            .kind = kind->number,
            .person = id_or_zero(row->person),
            .device = id_or_zero(row->device),
            .time = {row->time_ms},
        };
        if (row->key != 0) {
            content.key = key_id_of(&key);
        }
        struct refusal refusal = {0};
        enum rc rc = roster_check_right(roster, kind, &content, row->area, &refusal);
        if ((rc == RC_OK) != (row->code == REFUSAL_NONE) || refusal.code != row->code) {
            fail_msg("%s: %s %s", row->what, rc_name(rc), refusal_name(refusal.code));
        }
        if (rc != RC_OK) {
            assert_string_equal(refusal.args[0], kind->name);
        }
        if (rc != RC_OK && row->arg != NULL && strcmp(refusal.args[1], row->arg) != 0) {
            fail_msg("%s: argument '%s', not '%s'", row->what, refusal.args[1], row->arg);
        }
        assert_int_equal(roster_check_right(roster, kind, &content, row->area, NULL), rc);
    }
    roster_free(roster);
}

static void a_genesis_brings_its_own_right(void **state) {
    (void)state;
    struct roster *roster = NULL;
    assert_int_equal(roster_new(&roster), RC_OK);
    const struct kind *kind = registry_kind(&roster_registry, KIND_SITE_GENESIS, NULL);
    struct body_test test;
    put_genesis(&test, 2, 1);
    const struct public_key second = key_of(0xF1);
    const struct public_key stranger = key_of(0x21);
    struct content content = {
        .kind = KIND_SITE_GENESIS,
        .key = key_id_of(&second),
        .body = buf_slice(&test.buf),
    };
    struct refusal refusal = {0};
    assert_int_equal(roster_check_right(roster, kind, &content, "", &refusal), RC_OK);
    content.key = key_id_of(&stranger);
    assert_int_equal(roster_check_right(roster, kind, &content, "", &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_KEY_UNKNOWN);
    buf_fini(&test.buf);
    roster_free(roster);
}

static void an_author_opens_with_its_device_s_key(void **state) {
    (void)state;
    struct roster *roster = site_with(1);
    const struct kind *kind = registry_kind(&roster_registry, KIND_AUTHOR_OPEN, NULL);
    static const struct {
        uint8_t device, key;
        enum refusal_code code;
    } rows[] = {
        {0x61, 0x61, REFUSAL_NONE},
        {0x61, 0x60, REFUSAL_DEVICE_MISMATCH},
        {0x61, 0x21, REFUSAL_DEVICE_MISMATCH},
        {0x09, 0x61, REFUSAL_DEVICE_UNKNOWN},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct body_test test;
        const struct public_key key = key_of(rows[i].key);
        body_begin(&test, KIND_AUTHOR_OPEN);
        body_put_bytes(&test.body, AUTHOR_OPEN_DEVICE_KEY, key.b, PUBLIC_KEY_BYTES);
        const struct content content = {
            .kind = KIND_AUTHOR_OPEN,
            .device = rid_of(rows[i].device),
            .body = buf_slice(&test.buf),
        };
        struct refusal refusal = {0};
        (void)!roster_check_right(roster, kind, &content, NULL, &refusal);
        assert_int_equal(refusal.code, rows[i].code);
        buf_fini(&test.buf);
    }
    roster_free(roster);
}

static void roles_hold_by_area_and_time(void **state) {
    (void)state;
    struct roster *roster = site_with(1);
    const uint32_t operators = ROLE_BIT(ROLE_OPERATOR);
    static const struct {
        uint8_t person;
        const char *area;
        int64_t time_ms;
        bool holds;
    } rows[] = {
        {0x21, "reactor", 1000, true},  {0x21, "reactor", 1999, true},
        {0x21, "reactor", 2000, false}, {0x21, "reactor", 999, false},
        {0x21, "tanks", 1500, false},   {0x21, "", 1500, false},
        {0x21, NULL, 1500, true},       {0x22, NULL, 1500, false},
        {0x23, NULL, 1500, false},      {0x09, NULL, 1500, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(roster_holds(roster, rid_of(rows[i].person), operators, rows[i].area,
                                      (struct utc_ms){rows[i].time_ms}),
                         rows[i].holds);
    }
    assert_true(roster_holds(roster, ADMIN, ROLE_BIT(ROLE_ADMIN), "tanks", (struct utc_ms){0}));
    assert_true(roster_needs_newer(roster, NEWER));
    assert_false(roster_needs_newer(roster, ADMIN));
    assert_false(roster_needs_newer(roster, NOBODY));
    roster_free(roster);
}

// ---- Lookups ----

static void everything_is_found_again(void **state) {
    (void)state;
    struct roster *roster = site_with(1);
    struct rid found;
    assert_string_equal(roster_site(roster)->name, "示范站");
    assert_int_equal(roster_person_count(roster), 4);
    assert_int_equal(roster_device_count(roster), 2);
    assert_true(roster_person_by_number(roster, "1007", &found) && rid_equal(found, OPERATOR));
    assert_string_equal(roster_person(roster, found)->name, "王磊");
    assert_true(roster_device_by_account(roster, "console-1", &found));
    assert_true(rid_equal(found, CONSOLE));
    const struct public_key hub_key = key_of(0x60);
    assert_true(roster_device_by_key(roster, &hub_key, &found) && rid_equal(found, HUB));
    assert_int_equal(roster_device(roster, found)->kind, DEVICE_HUB);
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(roster_person_at(roster, i, &found));
        assert_non_null(roster_person(roster, found));
    }
    for (uint32_t i = 0; i < 2; i++) {
        assert_true(roster_device_at(roster, i, &found));
        assert_non_null(roster_device(roster, found));
    }
    struct roster_key_owner owner;
    const struct public_key key = key_of(0x21);
    assert_true(roster_key(roster, key_id_of(&key), &owner));
    assert_true(rid_equal(owner.person, OPERATOR) && rid_equal(owner.device, CONSOLE));
    assert_false(owner.root);
    assert_memory_equal(&owner.key, &key, sizeof(key));
    const struct public_key root = key_of(0xF2);
    assert_true(roster_key(roster, key_id_of(&root), &owner) && owner.root);
    assert_true(rid_is_zero(owner.person) && rid_is_zero(owner.device));
    roster_free(roster);
}

static void what_is_unknown_is_not_found(void **state) {
    (void)state;
    struct roster *roster = NULL;
    assert_int_equal(roster_new(&roster), RC_OK);
    struct rid found = rid_of(5);
    struct roster_key_owner owner;
    const struct public_key key = key_of(1);
    assert_null(roster_site(roster));
    assert_null(roster_person(roster, NOBODY));
    assert_null(roster_device(roster, NOBODY));
    assert_false(roster_person_by_number(roster, "1", &found));
    assert_false(roster_person_by_number(roster, "", &found));
    assert_false(roster_device_by_account(roster, "", &found));
    assert_false(roster_device_by_key(roster, &key, &found));
    assert_false(roster_person_at(roster, 0, &found));
    assert_false(roster_device_at(roster, 0, &found));
    assert_false(roster_key(roster, key_id_of(&key), &owner));
    assert_false(roster_key(roster, (struct key_id){0}, &owner));
    assert_true(rid_equal(found, rid_of(5)));
    struct roster_state *nothing = state_new();
    set_free(roster, NOBODY, nothing);
    assert_int_equal(roster_person_count(roster), 0);
    roster_free(roster);
    roster_free(NULL);
}

static void a_person_is_replaced_in_place(void **state) {
    (void)state;
    struct roster *roster = site_with(1);
    struct roster_state *person = person_state("王磊", "1007");
    certify(person, key_of(0x21), CONSOLE);
    certify(person, key_of(0x31), HUB);
    set_free(roster, OPERATOR, person);
    assert_int_equal(roster_person_count(roster), 4);
    assert_int_equal(roster_person(roster, OPERATOR)->role_count, 0);
    struct roster_key_owner owner;
    const struct public_key key = key_of(0x31);
    assert_true(roster_key(roster, key_id_of(&key), &owner));
    assert_true(rid_equal(owner.person, OPERATOR) && rid_equal(owner.device, HUB));
    roster_free(roster);
}

// Every replica must find the same one, in whatever order the records came.
static void of_two_claims_the_lower_id_has_it(void **state) {
    (void)state;
    for (int turn = 0; turn < 2; turn++) {
        struct roster *roster = NULL;
        assert_int_equal(roster_new(&roster), RC_OK);
        for (int i = 0; i < 2; i++) {
            bool low = (i == 0) == (turn == 0);
            struct roster_state *person = person_state("A", "77");
            certify(person, key_of(0x44), rid_of(low ? 0x61 : 0x62));
            set_free(roster, rid_of(low ? 0x10 : 0x11), person);
            set_device(roster, rid_of(low ? 0x61 : 0x62), "same", DEVICE_CONSOLE, key_of(0x55));
        }
        struct rid found;
        struct roster_key_owner owner;
        const struct public_key person_key = key_of(0x44);
        const struct public_key device_key = key_of(0x55);
        assert_true(roster_person_by_number(roster, "77", &found));
        assert_true(rid_equal(found, rid_of(0x10)));
        assert_true(roster_key(roster, key_id_of(&person_key), &owner));
        assert_true(rid_equal(owner.person, rid_of(0x10)));
        assert_true(roster_device_by_key(roster, &device_key, &found));
        assert_true(rid_equal(found, rid_of(0x61)));
        assert_true(roster_device_by_account(roster, "same", &found));
        assert_true(rid_equal(found, rid_of(0x61)));
        roster_free(roster);
    }
}

static void a_second_site_is_refused(void **state) {
    (void)state;
    struct roster *roster = site_with(1);
    struct roster_state *other = state_new();
    other->what = ROSTER_SITE;
    assert_int_equal(roster_set(roster, rid_of(0x52), other), RC_WRONG_SITE);
    assert_string_equal(roster_site(roster)->name, "示范站");
    other->what = 9;
    assert_int_equal(roster_set(roster, rid_of(0x52), other), RC_INVALID);
    free(other);
    roster_free(roster);
}

static struct rid numbered(uint32_t i) {
    return (struct rid){{{(uint8_t)(i >> 8), (uint8_t)i, 1}}};
}

static void a_full_roster_says_so(void **state) {
    (void)state;
    struct roster *roster = NULL;
    assert_int_equal(roster_new(&roster), RC_OK);
    struct roster_state *device = state_new();
    device->what = ROSTER_DEVICE;
    for (uint32_t i = 0; i < LIMIT_ROSTER_DEVICES; i++) {
        snprintf(device->as.device.account, LIMIT_TAG_BYTES, "d%u", i);
        memcpy(device->as.device.key.b, &i, sizeof(i));
        assert_int_equal(roster_set(roster, numbered(i), device), RC_OK);
    }
    assert_int_equal(roster_set(roster, numbered(LIMIT_ROSTER_DEVICES), device), RC_FULL);
    assert_int_equal(roster_set(roster, numbered(0), device), RC_OK); // a known one still fits
    assert_int_equal(roster_device_count(roster), LIMIT_ROSTER_DEVICES);
    free(device);
    // Roles and keys of all people together have limits of their own.
    struct roster_state *person = state_new();
    person->what = ROSTER_PERSON;
    person->as.person.role_count = ROSTER_PERSON_ROLES_MAX;
    uint32_t fit = LIMIT_ROSTER_ROLES / ROSTER_PERSON_ROLES_MAX;
    for (uint32_t i = 0; i < fit; i++) {
        assert_int_equal(roster_set(roster, numbered(i), person), RC_OK);
    }
    assert_int_equal(roster_set(roster, numbered(fit), person), RC_FULL);
    assert_int_equal(roster_person_count(roster), fit);
    assert_int_equal(roster_set(roster, numbered(0), person), RC_OK);
    person->as.person.role_count = 0;
    for (uint32_t i = fit; i < LIMIT_ROSTER_PERSONS; i++) {
        assert_int_equal(roster_set(roster, numbered(i), person), RC_OK);
    }
    assert_int_equal(roster_set(roster, numbered(LIMIT_ROSTER_PERSONS), person), RC_FULL);
    assert_null(roster_person(roster, numbered(LIMIT_ROSTER_PERSONS)));
    free(person);
    roster_free(roster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rights_are_judged),
        cmocka_unit_test(a_genesis_brings_its_own_right),
        cmocka_unit_test(an_author_opens_with_its_device_s_key),
        cmocka_unit_test(roles_hold_by_area_and_time),
        cmocka_unit_test(everything_is_found_again),
        cmocka_unit_test(what_is_unknown_is_not_found),
        cmocka_unit_test(a_person_is_replaced_in_place),
        cmocka_unit_test(of_two_claims_the_lower_id_has_it),
        cmocka_unit_test(a_second_site_is_refused),
        cmocka_unit_test(a_full_roster_says_so),
    };
    assert_int_equal(keys_init(), RC_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
