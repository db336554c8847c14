#include "davy/domain/roster/roster.h"

#include "domain_roster_util.h"

#include <cjson/cJSON.h>

static void a_genesis_makes_the_site(void **state) {
    (void)state;
    struct roster_state *site = state_new();
    struct body_test test;
    put_genesis(&test, 3, 2);
    fold_done(&test, site, KIND_SITE_GENESIS, VERDICT_ACCEPTED);
    assert_int_equal(site->what, ROSTER_SITE);
    assert_string_equal(site->as.site.name, "示范站");
    assert_int_equal(site->as.site.root_count, 3);
    assert_int_equal(site->as.site.threshold, 2);
    assert_true(site->as.site.demo);
    assert_int_equal(site->as.site.roots[2].b[0], 0xF2);
    struct roster_state before = *site;
    put_genesis(&test, 1, 1);
    fold_done(&test, site, KIND_SITE_GENESIS, VERDICT_ACCEPTED);
    assert_memory_equal(site, &before, sizeof(before));
    free(site);
}

static void people_and_devices_are_told(void **state) {
    (void)state;
    struct roster_state *person = person_state("王磊", "1007");
    assert_int_equal(person->what, ROSTER_PERSON);
    assert_string_equal(person->as.person.name, "王磊");
    assert_string_equal(person->as.person.number, "1007");
    free(person);
    struct roster_state *device = state_new();
    struct body_test test;
    put_device(&test, "console-1", DEVICE_CONSOLE, key_of(0x70));
    fold_done(&test, device, KIND_DEVICE_ADD, VERDICT_ACCEPTED);
    assert_int_equal(device->what, ROSTER_DEVICE);
    assert_string_equal(device->as.device.name, "console-1");
    assert_string_equal(device->as.device.account, "console-1");
    assert_int_equal(device->as.device.kind, DEVICE_CONSOLE);
    assert_int_equal(device->as.device.key.b[0], 0x70);
    free(device);
}

static void roles_come_and_go_by_area(void **state) {
    (void)state;
    struct roster_state *state_of = person_state("王磊", "1007");
    struct roster_person *person = &state_of->as.person;
    grant(state_of, ROLE_OPERATOR, "reactor");
    grant(state_of, ROLE_OPERATOR, "tanks");
    grant(state_of, ROLE_SAFETY, "");
    assert_int_equal(person->role_count, 3);
    struct body_test test;
    put_role(&test, KIND_ROLE_GRANT, ROLE_OPERATOR, "tanks");
    body_put_int(&test.body, ROLE_FROM, 100);
    body_put_int(&test.body, ROLE_UNTIL, 200);
    fold_done(&test, state_of, KIND_ROLE_GRANT, VERDICT_ACCEPTED);
    assert_int_equal(person->role_count, 3);
    assert_true(person->roles[1].from.v == 100 && person->roles[1].until.v == 200);
    put_role(&test, KIND_ROLE_REVOKE, ROLE_OPERATOR, "nowhere");
    fold_done(&test, state_of, KIND_ROLE_REVOKE, VERDICT_ACCEPTED);
    assert_int_equal(person->role_count, 3);
    put_role(&test, KIND_ROLE_REVOKE, ROLE_OPERATOR, "reactor");
    fold_done(&test, state_of, KIND_ROLE_REVOKE, VERDICT_ACCEPTED);
    assert_int_equal(person->role_count, 2);
    assert_string_equal(person->roles[0].area, "tanks");
    assert_int_equal(person->roles[1].role, ROLE_SAFETY);
    // The freed slot is zero again, so that the state's bytes depend on its meaning alone.
    static const struct roster_role zero;
    assert_memory_equal(&person->roles[2], &zero, sizeof(zero));
    free(state_of);
}

static void what_is_full_takes_no_more(void **state) {
    (void)state;
    struct roster_state *state_of = person_state("王磊", "1007");
    for (unsigned i = 0; i < ROSTER_PERSON_ROLES_MAX + 2; i++) {
        char area[16];
        snprintf(area, sizeof(area), "area-%u", i);
        grant(state_of, ROLE_OPERATOR, area);
    }
    for (unsigned i = 0; i < ROSTER_PERSON_KEYS_MAX + 2; i++) {
        certify(state_of, key_of((uint8_t)(1 + i)), rid_of(0x70));
    }
    assert_int_equal(state_of->as.person.role_count, ROSTER_PERSON_ROLES_MAX);
    assert_int_equal(state_of->as.person.key_count, ROSTER_PERSON_KEYS_MAX);
    assert_string_equal(state_of->as.person.roles[0].area, "area-0");
    assert_int_equal(state_of->as.person.keys[0].key.b[0], 1);
    free(state_of);
}

static void a_key_is_certified_once(void **state) {
    (void)state;
    struct roster_state *state_of = person_state("王磊", "1007");
    certify(state_of, key_of(1), rid_of(0x70));
    certify(state_of, key_of(2), rid_of(0x70));
    certify(state_of, key_of(1), rid_of(0x71));
    assert_int_equal(state_of->as.person.key_count, 2);
    assert_true(rid_equal(state_of->as.person.keys[0].device, rid_of(0x70)));
    free(state_of);
}

// Each kind on a state of each sort: an opening fills an empty one, person kinds change a person.
static void a_kind_changes_only_its_own_sort(void **state) {
    (void)state;
    for (enum roster_what what = ROSTER_NOTHING; what <= ROSTER_DEVICE; what++) {
        for (uint16_t kind = KIND_AUTHOR_OPEN; kind <= KIND_KEY_CERTIFY; kind++) {
            struct roster_state *state_of = state_new();
            state_of->what = (uint8_t)what;
            struct body_test test;
            if (kind == KIND_SITE_GENESIS) {
                put_genesis(&test, 1, 1);
            } else if (kind == KIND_PERSON_ADD) {
                put_person(&test, "A", "1");
            } else if (kind == KIND_DEVICE_ADD) {
                put_device(&test, "A", DEVICE_HUB, key_of(1));
            } else if (kind == KIND_KEY_CERTIFY) {
                put_certify(&test, key_of(1), rid_of(1));
            } else if (kind == KIND_AUTHOR_OPEN) {
                body_begin(&test, kind);
            } else {
                put_role(&test, kind, ROLE_OPERATOR, "");
            }
            struct roster_state before = *state_of;
            fold_done(&test, state_of, kind, VERDICT_ACCEPTED);
            bool changed = memcmp(state_of, &before, sizeof(before)) != 0;
            bool opening = kind >= KIND_SITE_GENESIS && kind <= KIND_DEVICE_ADD;
            bool on_person = kind == KIND_ROLE_GRANT || kind == KIND_KEY_CERTIFY;
            bool expected = what == ROSTER_NOTHING ? opening : what == ROSTER_PERSON && on_person;
            if (changed != expected) {
                fail_msg("kind %u on sort %d: changed %d", kind, what, changed);
            }
            free(state_of);
        }
    }
}

static void only_accepted_and_pending_count(void **state) {
    (void)state;
    static const struct {
        enum verdict verdict;
        bool counts;
    } rows[] = {
        {VERDICT_NONE, true},    {VERDICT_ACCEPTED, true}, {VERDICT_REFUSED, false},
        {VERDICT_REPEAT, false}, {VERDICT_HELD, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct roster_state *state_of = state_new();
        struct body_test test;
        put_person(&test, "王磊", "1007");
        fold_done(&test, state_of, KIND_PERSON_ADD, rows[i].verdict);
        assert_int_equal(state_of->what == ROSTER_PERSON, rows[i].counts);
        free(state_of);
    }
}

static void a_newer_critical_field_marks_the_subject(void **state) {
    (void)state;
    struct roster_state *state_of = person_state("王磊", "1007");
    struct body_test test;
    put_role(&test, KIND_ROLE_GRANT, ROLE_OPERATOR, "");
    buf_put_varint(&test.buf, 40 << 3 | 4);
    buf_put_varint(&test.buf, 1);
    fold_done(&test, state_of, KIND_ROLE_GRANT, VERDICT_ACCEPTED);
    assert_true(state_of->needs_newer);
    assert_int_equal(state_of->as.person.role_count, 0);
    free(state_of);
}

static void root_cannot_be_granted(void **state) {
    (void)state;
    static const enum role roles[] = {ROLE_ROOT, ROLE_COUNT};
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        struct roster_state *state_of = person_state("王磊", "1007");
        grant(state_of, roles[i], "");
        assert_int_equal(state_of->as.person.role_count, 0);
        free(state_of);
    }
}

static void a_strange_device_is_no_hub(void **state) {
    (void)state;
    struct roster_state *device = state_new();
    struct body_test test;
    put_device(&test, "console-1", (enum device_kind)(256 + DEVICE_HUB), key_of(0x70));
    fold_done(&test, device, KIND_DEVICE_ADD, VERDICT_ACCEPTED);
    assert_int_equal(device->as.device.kind, 0);
    free(device);
}

static void broken_bodies_do_no_harm(void **state) {
    (void)state;
    static const uint8_t bodies[][8] = {{0x08}, {0x0c, 0x7f}, {0x12, 0x05, 'a'}, {0x0a, 0x01, 1}};
    for (uint16_t kind = 0; kind <= KIND_KEY_CERTIFY + 1; kind++) {
        for (size_t i = 0; i < COUNT_OF(bodies); i++) {
            struct roster_state *state_of = person_state("王磊", "1007");
            fold_slice(state_of, kind, slice_of(bodies[i], i == 0 ? 1 : 3), VERDICT_ACCEPTED);
            assert_int_equal(state_of->as.person.role_count, 0);
            assert_int_equal(state_of->as.person.key_count, 0);
            free(state_of);
        }
    }
}

static void columns_find_a_subject(void **state) {
    (void)state;
    struct index_value values[MODULE_INDEX_MAX];
    struct roster_state *state_of = person_state("王磊", "1007");
    roster_module.index(state_of, values);
    assert_true(values[0].number == ROSTER_PERSON);
    assert_string_equal(values[1].text, "王磊");
    assert_string_equal(values[2].text, "1007");
    assert_string_equal(roster_module.area(state_of), "");
    memset(state_of, 0, sizeof(*state_of));
    roster_module.index(state_of, values);
    assert_true(values[0].number == ROSTER_NOTHING);
    assert_string_equal(values[1].text, "");
    free(state_of);
}

// ---- Check ----

static enum verdict check_done(struct body_test *test, uint16_t kind,
                               const struct roster_state *state, struct refusal *out_refusal) {
    const struct public_key root = key_of(0xF0);
    const struct content content = {
        .kind = kind,
        .key = key_id_of(&root),
        .body = buf_slice(&test->buf),
    };
    const struct check_input input = {.content = &content, .subject = rid_of(9), .state = state};
    memset(out_refusal, 0, sizeof(*out_refusal));
    enum verdict verdict = roster_module.check(&input, out_refusal);
    assert_int_equal(roster_module.check(&input, NULL), verdict);
    buf_fini(&test->buf);
    return verdict;
}

static void expect(enum verdict verdict, const struct refusal *refusal, enum verdict wanted,
                   enum refusal_code code, const char *field) {
    assert_int_equal(verdict, wanted);
    assert_int_equal(refusal->code, code);
    if (code != REFUSAL_NONE) {
        assert_string_equal(refusal->args[1], field);
    }
}

struct genesis_row {
    uint8_t roots;
    uint8_t threshold;
    enum refusal_code code;
    const char *field;
};
static const struct genesis_row genesis_rows[] = {
    {1, 1, REFUSAL_NONE, ""},
    {8, 8, REFUSAL_NONE, ""},
    {3, 2, REFUSAL_NONE, ""},
    {0, 1, REFUSAL_FIELD_RANGE, "root_key"},
    {9, 1, REFUSAL_FIELD_RANGE, "root_key"},
    {1, 0, REFUSAL_FIELD_RANGE, "threshold"},
    {2, 3, REFUSAL_FIELD_RANGE, "threshold"},
};

static void a_genesis_needs_valid_roots(void **state) {
    (void)state;
    struct body_test test;
    struct refusal refusal;
    for (size_t i = 0; i < COUNT_OF(genesis_rows); i++) {
        const struct genesis_row *row = &genesis_rows[i];
        put_genesis(&test, row->roots, row->threshold);
        enum verdict verdict = check_done(&test, KIND_SITE_GENESIS, NULL, &refusal);
        expect(verdict, &refusal, row->code == REFUSAL_NONE ? VERDICT_ACCEPTED : VERDICT_REFUSED,
               row->code, row->field);
    }
    static const struct public_key bad[][2] = {{{{0xF0, 0xCC}}, {{0xF0, 0xCC}}},
                                               {{{0xF0, 0xCC}}, {{0}}}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) { // one root twice, a root of zeros
        body_begin(&test, KIND_SITE_GENESIS);
        body_put_text(&test.body, GENESIS_NAME, "A");
        body_put_bytes(&test.body, GENESIS_ROOT_KEY, bad[i][0].b, PUBLIC_KEY_BYTES);
        body_put_bytes(&test.body, GENESIS_ROOT_KEY, bad[i][1].b, PUBLIC_KEY_BYTES);
        body_put_uint(&test.body, GENESIS_THRESHOLD, 1);
        enum verdict verdict = check_done(&test, KIND_SITE_GENESIS, NULL, &refusal);
        expect(verdict, &refusal, VERDICT_REFUSED, REFUSAL_FIELD_RANGE, "root_key");
    }
}

static void a_genesis_is_signed_by_its_own_root(void **state) {
    (void)state;
    struct body_test test;
    put_genesis(&test, 2, 1);
    struct public_key stranger = key_of(0x01);
    struct content content = {
        .kind = KIND_SITE_GENESIS,
        .key = key_id_of(&stranger),
        .body = buf_slice(&test.buf),
    };
    const struct check_input input = {.content = &content};
    struct refusal refusal = {0};
    enum verdict verdict = roster_module.check(&input, &refusal);
    expect(verdict, &refusal, VERDICT_REFUSED, REFUSAL_KEY_UNKNOWN, "key");
    struct public_key second = key_of(0xF1);
    content.key = key_id_of(&second);
    assert_int_equal(roster_module.check(&input, &refusal), VERDICT_ACCEPTED);
    content.person = rid_of(3);
    verdict = roster_module.check(&input, &refusal);
    expect(verdict, &refusal, VERDICT_REFUSED, REFUSAL_FORM, "person");
    buf_fini(&test.buf);
}

static void an_opening_happens_once(void **state) {
    (void)state;
    struct roster_state *person = person_state("王磊", "1007");
    struct body_test test;
    struct refusal refusal;
    put_person(&test, "王磊", "1007");
    expect(check_done(&test, KIND_PERSON_ADD, person, &refusal), &refusal, VERDICT_REFUSED,
           REFUSAL_SUBJECT_EXISTS, "");
    assert_true(rid_equal(refusal.subject, rid_of(9)));
    put_person(&test, "王磊", "1007");
    expect(check_done(&test, KIND_PERSON_ADD, NULL, &refusal), &refusal, VERDICT_ACCEPTED,
           REFUSAL_NONE, "");
    free(person);
}

static void devices_and_authors_need_a_key(void **state) {
    (void)state;
    struct body_test test;
    struct refusal refusal;
    put_device(&test, "A", DEVICE_HUB, (struct public_key){{0}});
    expect(check_done(&test, KIND_DEVICE_ADD, NULL, &refusal), &refusal, VERDICT_REFUSED,
           REFUSAL_FIELD_RANGE, "key");
    put_device(&test, "A", DEVICE_HUB, key_of(1));
    expect(check_done(&test, KIND_DEVICE_ADD, NULL, &refusal), &refusal, VERDICT_ACCEPTED,
           REFUSAL_NONE, "");
    body_begin(&test, KIND_AUTHOR_OPEN);
    expect(check_done(&test, KIND_AUTHOR_OPEN, NULL, &refusal), &refusal, VERDICT_REFUSED,
           REFUSAL_FIELD_RANGE, "device_key");
    struct public_key key = key_of(1);
    body_begin(&test, KIND_AUTHOR_OPEN);
    body_put_bytes(&test.body, AUTHOR_OPEN_DEVICE_KEY, key.b, PUBLIC_KEY_BYTES);
    expect(check_done(&test, KIND_AUTHOR_OPEN, NULL, &refusal), &refusal, VERDICT_ACCEPTED,
           REFUSAL_NONE, "");
}

static void roles_need_a_person_and_an_order_of_times(void **state) {
    (void)state;
    static const uint16_t kinds[] = {KIND_ROLE_GRANT, KIND_ROLE_REVOKE};
    struct body_test test;
    struct refusal refusal;
    struct roster_state *device = state_new();
    device->what = ROSTER_DEVICE;
    const struct roster_state *wrong[] = {NULL, device};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        for (size_t k = 0; k < COUNT_OF(wrong); k++) {
            put_role(&test, kinds[i], ROLE_OPERATOR, "");
            expect(check_done(&test, kinds[i], wrong[k], &refusal), &refusal, VERDICT_REFUSED,
                   REFUSAL_SUBJECT_UNKNOWN, "subjects");
        }
    }
    struct roster_state *person = person_state("王磊", "1007");
    static const struct {
        int64_t from, until;
        bool accepted;
    } times[] = {{0, 0, true}, {5, 0, true},  {5, 6, true},
                 {0, 1, true}, {5, 5, false}, {6, 5, false}};
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        put_role(&test, KIND_ROLE_GRANT, ROLE_OPERATOR, "");
        body_put_int(&test.body, ROLE_FROM, times[i].from);
        body_put_int(&test.body, ROLE_UNTIL, times[i].until);
        enum verdict verdict = check_done(&test, KIND_ROLE_GRANT, person, &refusal);
        expect(verdict, &refusal, times[i].accepted ? VERDICT_ACCEPTED : VERDICT_REFUSED,
               times[i].accepted ? REFUSAL_NONE : REFUSAL_FIELD_RANGE, "until");
    }
    free(person);
    free(device);
}

static void a_full_person_is_refused(void **state) {
    (void)state;
    struct body_test test;
    struct refusal refusal;
    struct roster_state *person = person_state("王磊", "1007");
    for (unsigned i = 0; i < ROSTER_PERSON_ROLES_MAX; i++) {
        char area[16];
        snprintf(area, sizeof(area), "area-%u", i);
        grant(person, ROLE_OPERATOR, area);
    }
    put_role(&test, KIND_ROLE_GRANT, ROLE_OPERATOR, "more");
    expect(check_done(&test, KIND_ROLE_GRANT, person, &refusal), &refusal, VERDICT_REFUSED,
           REFUSAL_TOO_LARGE, "role");
    put_role(&test, KIND_ROLE_GRANT, ROLE_OPERATOR, "area-3"); // takes the place of the old one
    expect(check_done(&test, KIND_ROLE_GRANT, person, &refusal), &refusal, VERDICT_ACCEPTED,
           REFUSAL_NONE, "");
    for (unsigned i = 0; i < ROSTER_PERSON_KEYS_MAX; i++) {
        certify(person, key_of((uint8_t)(1 + i)), rid_of(0x70));
    }
    put_certify(&test, key_of(0x99), rid_of(0x70));
    expect(check_done(&test, KIND_KEY_CERTIFY, person, &refusal), &refusal, VERDICT_REFUSED,
           REFUSAL_TOO_LARGE, "key");
    free(person);
}

static void a_certificate_waits_for_its_person(void **state) {
    (void)state;
    struct body_test test;
    struct refusal refusal;
    put_certify(&test, key_of(1), rid_of(0x70));
    expect(check_done(&test, KIND_KEY_CERTIFY, NULL, &refusal), &refusal, VERDICT_HELD,
           REFUSAL_SUBJECT_UNKNOWN, "");
    put_certify(&test, (struct public_key){{0}}, rid_of(0x70));
    expect(check_done(&test, KIND_KEY_CERTIFY, NULL, &refusal), &refusal, VERDICT_REFUSED,
           REFUSAL_FIELD_RANGE, "key");
}

static void a_subject_of_a_newer_davy_takes_only_restricts(void **state) {
    (void)state;
    struct body_test test;
    struct refusal refusal;
    struct roster_state *person = person_state("王磊", "1007");
    person->needs_newer = true;
    put_role(&test, KIND_ROLE_GRANT, ROLE_OPERATOR, "");
    expect(check_done(&test, KIND_ROLE_GRANT, person, &refusal), &refusal, VERDICT_HELD,
           REFUSAL_NEEDS_NEWER, "");
    put_role(&test, KIND_ROLE_REVOKE, ROLE_OPERATOR, "");
    expect(check_done(&test, KIND_ROLE_REVOKE, person, &refusal), &refusal, VERDICT_ACCEPTED,
           REFUSAL_NONE, "");
    free(person);
}

static void kinds_of_others_are_refused(void **state) {
    (void)state;
    const struct content content = {.kind = 999};
    const struct check_input input = {.content = &content};
    struct refusal refusal = {0};
    assert_int_equal(roster_module.check(&input, &refusal), VERDICT_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_KIND_UNKNOWN);
}

// ---- Tables ----

static void kinds_are_the_header_s(void **state) {
    (void)state;
    static const struct {
        uint16_t number;
        const char *name;
        enum effect effect;
        uint8_t flags;
        uint32_t roles;
    } rows[] = {
        {1, "author.open", EFFECT_FACT, KIND_SEALED | KIND_NO_SUBJECT, 0},
        {2, "site.genesis", EFFECT_CHANGE, KIND_OPENS | KIND_FOUNDS, ROLE_BIT(ROLE_ROOT)},
        {3, "person.add", EFFECT_CHANGE, KIND_OPENS, ROLE_BIT(ROLE_ROOT) | ROLE_BIT(ROLE_ADMIN)},
        {4, "device.add", EFFECT_CHANGE, KIND_OPENS, ROLE_BIT(ROLE_ROOT) | ROLE_BIT(ROLE_ADMIN)},
        {5, "role.grant", EFFECT_CHANGE, 0, ROLE_BIT(ROLE_ROOT) | ROLE_BIT(ROLE_ADMIN)},
        {6, "role.revoke", EFFECT_RESTRICT, 0, ROLE_BIT(ROLE_ROOT) | ROLE_BIT(ROLE_ADMIN)},
        {7, "key.certify", EFFECT_FACT, KIND_SEALED | KIND_HUB, 0},
        {8, "device.revoke", EFFECT_RESTRICT, 0, ROLE_BIT(ROLE_ROOT) | ROLE_BIT(ROLE_ADMIN)},
        {9, "key.revoke", EFFECT_RESTRICT, 0, ROLE_BIT(ROLE_ROOT) | ROLE_BIT(ROLE_ADMIN)},
        {10, "review.decide", EFFECT_FACT, KIND_MANY | KIND_NAMED,
         ROLE_BIT(ROLE_ADMIN) | ROLE_BIT(ROLE_SAFETY)},
        {11, "roster.second", EFFECT_CHANGE, 0, ROLE_BIT(ROLE_ROOT) | ROLE_BIT(ROLE_ADMIN)},
        {12, "roots.change", EFFECT_CHANGE, 0, ROLE_BIT(ROLE_ROOT)},
        {13, "person.witness", EFFECT_CHANGE, KIND_OPENS, ROLE_BIT(ROLE_SHIFT_LEADER)},
        {14, "revoke.heads", EFFECT_FACT, KIND_SEALED | KIND_HUB, 0},
        {16, "author.fork", EFFECT_FACT, KIND_SEALED | KIND_HUB, 0},
    };
    assert_int_equal(roster_module.kind_count, COUNT_OF(rows));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct kind *kind = &roster_module.kinds[i];
        assert_int_equal(kind->number, rows[i].number);
        assert_string_equal(kind->name, rows[i].name);
        assert_int_equal(kind->effect, rows[i].effect);
        assert_int_equal(kind->lane, LANE_CONTROL);
        assert_int_equal(kind->flags, rows[i].flags);
        assert_int_equal(kind->roles, rows[i].roles);
        for (uint16_t f = 1; f < kind->field_count; f++) {
            assert_true(kind->fields[f].tag > kind->fields[f - 1].tag);
        }
    }
}

static void grants_are_named_as_roles(void **state) {
    (void)state;
    const struct field *field = &roster_module.kinds[4].fields[0];
    assert_null(field->names[ROLE_ROOT]);
    for (unsigned role = ROLE_ADMIN; role < ROLE_COUNT; role++) {
        assert_string_equal(field->names[role], role_name((enum role)role));
    }
}

// What was once recorded must pass for ever.
static void recorded_rosters_still_pass(void **state) {
    (void)state;
    static char text[256 * 1024];
    FILE *file = fopen("tests/data/vectors/record.json", "rb");
    assert_non_null(file);
    text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
    fclose(file);
    cJSON *json = cJSON_Parse(text);
    const cJSON *row = NULL;
    unsigned passed = 0;
    cJSON_ArrayForEach(row, cJSON_GetObjectItemCaseSensitive(json, "records")) {
        static uint8_t bytes[LIMIT_RECORD_CONTENT_BYTES];
        const cJSON *hex = cJSON_GetObjectItemCaseSensitive(row, "content");
        size_t len = test_unhex(hex->valuestring, bytes, sizeof(bytes));
        struct content content;
        assert_int_equal(content_decode(slice_of(bytes, len), &content), RC_OK);
        if (registry_kind(&roster_registry, content.kind, NULL) != NULL) {
            assert_int_equal(content_check_form(&roster_registry, &content, LANE_CONTROL, NULL),
                             RC_OK);
            passed++;
        }
    }
    assert_int_equal(passed, 6);
    cJSON_Delete(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_genesis_makes_the_site),
        cmocka_unit_test(people_and_devices_are_told),
        cmocka_unit_test(roles_come_and_go_by_area),
        cmocka_unit_test(what_is_full_takes_no_more),
        cmocka_unit_test(a_key_is_certified_once),
        cmocka_unit_test(a_kind_changes_only_its_own_sort),
        cmocka_unit_test(only_accepted_and_pending_count),
        cmocka_unit_test(a_newer_critical_field_marks_the_subject),
        cmocka_unit_test(root_cannot_be_granted),
        cmocka_unit_test(a_strange_device_is_no_hub),
        cmocka_unit_test(broken_bodies_do_no_harm),
        cmocka_unit_test(columns_find_a_subject),
        cmocka_unit_test(a_genesis_needs_valid_roots),
        cmocka_unit_test(a_genesis_is_signed_by_its_own_root),
        cmocka_unit_test(an_opening_happens_once),
        cmocka_unit_test(devices_and_authors_need_a_key),
        cmocka_unit_test(roles_need_a_person_and_an_order_of_times),
        cmocka_unit_test(a_full_person_is_refused),
        cmocka_unit_test(a_certificate_waits_for_its_person),
        cmocka_unit_test(a_subject_of_a_newer_davy_takes_only_restricts),
        cmocka_unit_test(kinds_of_others_are_refused),
        cmocka_unit_test(kinds_are_the_header_s),
        cmocka_unit_test(grants_are_named_as_roles),
        cmocka_unit_test(recorded_rosters_still_pass),
    };
    assert_int_equal(keys_init(), RC_OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
