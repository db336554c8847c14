// What was not committed gives nobody a right.
#include "hub_fixture.h"

#include <sqlite3.h>

struct admin {
    struct keyfile_device keys;
    struct keypair *pair;
    struct rid person, device;
};

static void admin_open(struct fixture *f, struct admin *admin) {
    char folder[TEST_PATH_BYTES];
    struct refusal refusal = {0};
    const struct roster *roster = hub_roster(f->hub);
    test_path(f->folder, "keys", folder);
    assert_true(roster_person_by_number(roster, "A1", &admin->person));
    assert_true(roster_device_by_account(roster, "hub", &admin->device));
    struct key_id key = key_id_of(&roster_person(roster, admin->person)->keys[0].key);
    assert_int_equal(keyfile_device_load(folder, &admin->keys), RC_OK);
    assert_int_equal(
        keyfile_person_open(folder, &admin->keys, key, "24681357", f->now, &admin->pair, &refusal),
        RC_OK);
}

static enum rc add_person(struct fixture *f, const struct admin *admin, const char *number) {
    struct buf body_bytes, bytes;
    const struct module *module;
    struct signed_record record;
    struct refusal refusal = {0};
    buf_init(&body_bytes, 512);
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    struct body body =
        body_start(registry_kind(app_registry(), KIND_PERSON_ADD, &module), &body_bytes);
    body_put_text(&body, PERSON_NAME, "某人 Somebody");
    body_put_text(&body, PERSON_NUMBER, number);
    struct content content = {.suite = KEYS_SUITE_ED25519,
                              .site = f->site,
                              .kind = KIND_PERSON_ADD,
                              .audience = AUDIENCE_SITE,
                              .person = admin->person,
                              .key = key_id_of(keypair_public(admin->pair)),
                              .device = admin->device,
                              .time = f->now.utc,
                              .body = buf_slice(&body_bytes)};
    memcpy(content.nonce, number, strlen(number));
    assert_int_equal(record_make(&content, admin->pair, &bytes, &record), RC_OK);
    enum rc rc = hub_submit(f->hub, LANE_CONTROL, &record, f->now, &refusal);
    buf_fini(&body_bytes);
    buf_fini(&bytes);
    return rc;
}

// Everything of the round was done, and the commit does not happen.
static int refuse_commit(void *ctx) {
    (void)ctx;
    return 1;
}

static void a_commit_that_fails_enrols_nobody(void **state) {
    struct fixture *f = *state;
    struct admin admin = {.pair = NULL};
    struct rid person;
    sqlite3 *db = store_sqlite(hub_store(f->hub));
    admin_open(f, &admin);
    assert_int_equal(add_person(f, &admin, "1"), RC_OK);
    assert_true(roster_person_by_number(hub_roster(f->hub), "1", &person));
    (void)sqlite3_commit_hook(db, refuse_commit, NULL);
    assert_int_not_equal(add_person(f, &admin, "2"), RC_OK);
    assert_false(roster_person_by_number(hub_roster(f->hub), "2", &person));
    assert_true(roster_person_by_number(hub_roster(f->hub), "1", &person));
    (void)sqlite3_commit_hook(db, NULL, NULL);
    assert_int_equal(add_person(f, &admin, "2"), RC_OK);
    assert_true(roster_person_by_number(hub_roster(f->hub), "2", &person));
    keypair_free(admin.pair);
    keyfile_device_fini(&admin.keys);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_commit_that_fails_enrols_nobody, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
