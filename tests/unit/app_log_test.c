// What can be asked about records, what admins do, and what another process may ask the owner.
#include "app_fixture.h"

static void the_log_of_a_subject(void **state) {
    struct fixture *f = *state;
    struct refusal refusal = {0};
    struct log_row rows[16];
    struct rid alarm = hub_raise(f, "PT-1", "R1", 1);
    fixture_settle(f);
    fixture_sign_in(f, "101", PIN_LI);
    assert_int_equal(app_alarm_comment(f->app, alarm, "seen", f->now, &refusal), RC_OK);
    assert_int_equal(app_log(f->app, alarm, rows, 16), 2);
    assert_int_equal(rows[0].kind, KIND_ALARM_RAISE);
    assert_true(rows[0].sealed && rows[0].logged && !rows[0].signed_by_person);
    assert_string_equal(rows[0].device, "hub");
    assert_string_equal(rows[0].person, "");
    assert_int_equal(rows[1].kind, KIND_ALARM_COMMENT);
    assert_true(rows[1].signed_by_person);
    assert_false(rows[1].logged);
    assert_int_equal(rows[1].verdict, VERDICT_NONE);
    assert_string_equal(rows[1].person, "李伟 Li Wei");
    assert_string_equal(rows[1].device, "控制台 1");
    fixture_settle(f);
    assert_int_equal(app_log(f->app, alarm, rows, 16), 2);
    assert_int_equal(rows[1].verdict, VERDICT_ACCEPTED);
    assert_true(rows[1].n > rows[0].n);
    assert_int_equal(app_log(f->app, (struct rid){{{0}}}, rows, 3), 3);
    assert_int_equal(rows[2].kind, KIND_ALARM_COMMENT); // the newest stands last
    assert_int_equal(app_log(f->app, (struct rid){{{9}}}, rows, 3), 0);
}

static void exports(void **state) {
    struct fixture *f = *state;
    struct buf out;
    buf_init(&out, 65536);
    struct rid alarm = hub_raise(f, "PT-1", "R1", 1);
    fixture_settle(f);
    assert_int_equal(app_record_export(f->app, alarm, true, &out), RC_OK);
    assert_non_null(strstr(buf_cstr(&out), "\"alarm.raise\""));
    assert_non_null(strstr(buf_cstr(&out), "\"accepted\""));
    buf_reset(&out);
    assert_int_equal(app_record_export(f->app, alarm, false, &out), RC_OK);
    assert_non_null(strstr(buf_cstr(&out), "泄压 Relief"));
    assert_int_equal(app_record_export(f->app, (struct rid){{{9}}}, true, &out), RC_NOT_FOUND);
    buf_fini(&out);
}

static void subjects_are_found(void **state) {
    struct fixture *f = *state;
    struct rid found;
    struct rid first = hub_raise(f, "PT-1", "R1", 1);
    fixture_later(f, 1000);
    struct rid second = hub_raise(f, "PT-1", "R1", 1);
    fixture_settle(f);
    char hex[ID_HEX_BYTES];
    id16_hex(first.id, hex);
    assert_int_equal(app_find_subject(f->app, hex, &found), RC_OK);
    assert_true(rid_equal(found, first));
    hex[8] = '\0';
    assert_int_equal(app_find_subject(f->app, hex, &found), RC_OK);
    assert_true(rid_equal(found, first));
    assert_int_equal(app_find_subject(f->app, "PT-1", &found), RC_OK);
    assert_true(rid_equal(found, second)); // the latest alarm of the tag
    static const char *const unknown[] = {"", "PT", "PT-2", "ffffffff", "' OR 1=1 --", "%"};
    for (size_t i = 0; i < COUNT_OF(unknown); i++) {
        assert_int_equal(app_find_subject(f->app, unknown[i], &found), RC_NOT_FOUND);
    }
}

static void an_admin_enrols(void **state) {
    struct fixture *f = *state;
    struct refusal refusal = {0};
    struct rid person;
    struct person_spec spec = {.name = "新人 Newcomer", .number = "105"};
    assert_int_equal(app_person_add(f->app, &spec, f->now, &person, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_NOT_SIGNED_IN);
    fixture_sign_in(f, "101", PIN_LI);
    assert_int_equal(app_person_add(f->app, &spec, f->now, &person, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_RIGHT_MISSING);
    fixture_sign_in(f, "104", PIN_CHEN);
    assert_int_equal(app_person_add(f->app, &spec, f->now, &person, &refusal), RC_OK);
    fixture_settle(f);
    assert_string_equal(roster_person(app_roster(f->app), person)->name, "新人 Newcomer");
    assert_int_equal(app_person_add(f->app, &spec, f->now, &person, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_SUBJECT_EXISTS);
    assert_int_equal(app_role_grant(f->app, person, ROLE_OPERATOR, "R1", f->now, &refusal), RC_OK);
    fixture_settle(f);
    assert_true(
        roster_holds(app_roster(f->app), person, ROLE_BIT(ROLE_OPERATOR), "R1", f->now.utc));
    assert_false(
        roster_holds(app_roster(f->app), person, ROLE_BIT(ROLE_OPERATOR), "S1", f->now.utc));
    static const struct {
        const char *name, *number;
    } bad[] = {{"", "106"}, {"x", ""}, {"\x1b[2J", "106"}, {"x", "1\n2"}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        spec = (struct person_spec){.name = bad[i].name, .number = bad[i].number};
        assert_int_equal(app_person_add(f->app, &spec, f->now, &person, &refusal), RC_REFUSED);
    }
    struct public_key key = *keypair_public(f->root);
    struct rid device;
    assert_int_equal(
        app_device_add(f->app, "手持 1", DEVICE_HANDHELD, &key, "h1", f->now, &device, &refusal),
        RC_OK);
    fixture_settle(f);
    assert_string_equal(roster_device(app_roster(f->app), device)->account, "h1");
    assert_int_equal(
        app_device_add(f->app, "x", DEVICE_HANDHELD, &key, ACCOUNT, f->now, &device, &refusal),
        RC_REFUSED);
}

// ---- The owner's side of the control socket ----

static enum rc ask(struct fixture *f, enum control_verb verb, struct slice payload,
                   struct refusal *out_refusal, struct buf *out_payload) {
    struct buf request, answer;
    struct control_answer decoded;
    buf_init(&request, LIMIT_CONTROL_MESSAGE_BYTES);
    buf_init(&answer, LIMIT_CONTROL_MESSAGE_BYTES);
    control_request(verb, payload, &request);
    app_control(f->app, buf_slice(&request), f->now, &answer);
    assert_int_equal(control_answer_decode(buf_slice(&answer), &decoded), RC_OK);
    *out_refusal = decoded.refusal;
    buf_reset(out_payload);
    buf_put(out_payload, decoded.payload.data, decoded.payload.len);
    buf_fini(&request);
    buf_fini(&answer);
    return decoded.rc;
}

static enum rc submit_to_owner(void *ctx, uint8_t lane, const struct signed_record *record,
                               struct refusal *out_refusal) {
    struct fixture *f = ctx;
    struct buf payload, answer;
    struct refusal refusal;
    buf_init(&payload, LIMIT_CONTROL_MESSAGE_BYTES);
    buf_init(&answer, LIMIT_CONTROL_MESSAGE_BYTES);
    control_submit_encode(lane, record, &payload);
    enum rc rc = ask(f, CONTROL_SUBMIT, buf_slice(&payload), &refusal, &answer);
    if (rc == RC_OK) {
        assert_int_equal(answer.len, ID_BYTES);
        assert_memory_equal(answer.data, record->rid.id.b, ID_BYTES);
    }
    if (out_refusal) {
        *out_refusal = refusal;
    }
    buf_fini(&payload);
    buf_fini(&answer);
    return rc;
}

// A command beside a running console signs by itself and hands the record over.
static void another_process_acts_through_the_owner(void **state) {
    struct fixture *f = *state;
    struct refusal refusal = {0};
    struct app *reader = NULL;
    struct rid alarm = hub_raise(f, "PT-1", "R1", 1);
    fixture_settle(f);
    const struct app_options options = {.folder = f->folder,
                                        .scheme = keys_ed25519(),
                                        .read_only = true,
                                        .ctx = f,
                                        .random = fixture_random,
                                        .submit = submit_to_owner};
    assert_int_equal(app_open(&options, f->now, &reader, &refusal), RC_OK);
    assert_int_equal(app_sign_in(reader, "101", PIN_LI, f->now, &refusal), RC_OK);
    assert_int_equal(app_alarm_comment(reader, alarm, "by hand", f->now, &refusal), RC_OK);
    struct log_row rows[8];
    assert_int_equal(app_log(f->app, alarm, rows, 8), 2);
    assert_int_equal(app_log(reader, alarm, rows, 8), 2);
    fixture_settle(f);
    assert_int_equal(app_log(f->app, alarm, rows, 8), 2);
    assert_int_equal(rows[1].verdict, VERDICT_ACCEPTED);
    app_close(reader);
    // Without the owner's word a reader writes nothing.
    struct app_options alone = options;
    alone.submit = NULL;
    assert_int_equal(app_open(&alone, f->now, &reader, &refusal), RC_OK);
    assert_int_equal(app_sign_in(reader, "101", PIN_LI, f->now, &refusal), RC_OK);
    assert_int_equal(app_alarm_comment(reader, alarm, "x", f->now, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_STORE_BUSY);
    app_close(reader);
}

// Builds what a hostile process might hand over.
static struct signed_record forged(struct fixture *f, uint16_t kind_number, struct rid subject,
                                   const struct keypair *signer, struct rid device) {
    const struct module *module;
    const struct kind *kind = registry_kind(app_registry(), kind_number, &module);
    static uint8_t text[] = "x";
    struct body body = hub_body(f, kind_number);
    if (kind_number == KIND_AUTHOR_OPEN) {
        body_put_bytes(&body, AUTHOR_OPEN_RANDOM, f->hub_random, AUTHOR_RANDOM_BYTES);
        body_put_bytes(&body, AUTHOR_OPEN_DEVICE_KEY, f->config.hub_key.b, PUBLIC_KEY_BYTES);
    } else {
        body_put_text(&body, COMMENT_TEXT, (char *)text);
    }
    bool sealed = (kind->flags & KIND_SEALED) != 0;
    struct content content = {.suite = KEYS_SUITE_ED25519,
                              .site = f->config.site,
                              .kind = kind_number,
                              .subjects = &subject,
                              .subject_count = sealed ? 0 : 1,
                              .audience = AUDIENCE_NONE,
                              .person = f->people[0],
                              .device = device,
                              .time = f->now.utc,
                              .boot_id = 7,
                              .body = buf_slice(&f->body)};
    if (sealed) {
        content.person = (struct rid){{{0}}};
    } else {
        content.key = key_id_of(keypair_public(signer));
    }
    struct signed_record record;
    buf_reset(&f->content);
    assert_int_equal(record_make(&content, sealed ? NULL : signer, &f->content, &record), RC_OK);
    record.has_sig = true;
    return record;
}

static void the_owner_believes_nothing(void **state) {
    struct fixture *f = *state;
    struct refusal refusal = {0};
    struct buf out;
    buf_init(&out, LIMIT_CONTROL_MESSAGE_BYTES);
    struct rid alarm = hub_raise(f, "PT-1", "R1", 1);
    fixture_settle(f);
    // A key that nobody certified.
    struct signed_record record =
        forged(f, KIND_ALARM_COMMENT, alarm, f->hub_key, f->config.device);
    assert_int_equal(app_submit_signed(f->app, LANE_SAFETY, &record, f->now, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_KEY_UNKNOWN);
    // Another device's record.
    record = forged(f, KIND_ALARM_COMMENT, alarm, f->hub_key, f->hub_device);
    assert_int_equal(app_submit_signed(f->app, LANE_SAFETY, &record, f->now, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_DEVICE_MISMATCH);
    // What only the device itself may state.
    record = forged(f, KIND_AUTHOR_OPEN, alarm, f->hub_key, f->config.device);
    assert_int_equal(app_submit_signed(f->app, LANE_CONTROL, &record, f->now, &refusal),
                     RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_NOT_SIGNED);
    // A good record with another signature, in another lane, or cut short.
    struct outbox_row rows[4];
    fixture_cut(f, true);
    fixture_sign_in(f, "101", PIN_LI);
    assert_int_equal(app_alarm_comment(f->app, alarm, "good", f->now, &refusal), RC_OK);
    assert_int_equal(app_outbox(f->app, rows, 4), 1);
    struct place place;
    bool has_sig;
    struct buf bytes;
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    assert_int_equal(store_record_place(app_store(f->app), rows[0].rid, &place), RC_OK);
    assert_int_equal(store_entry_get(app_store(f->app), &place, &bytes, &has_sig, &record.sig),
                     RC_OK);
    record.content = buf_slice(&bytes);
    record.rid = rows[0].rid;
    assert_int_equal(app_submit_signed(f->app, LANE_CONTROL, &record, f->now, &refusal),
                     RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_LANE);
    record.sig.b[0] ^= 1;
    assert_int_equal(app_submit_signed(f->app, LANE_SAFETY, &record, f->now, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_SIGNATURE);
    record.content.len--;
    assert_int_equal(app_submit_signed(f->app, LANE_SAFETY, &record, f->now, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_FORM);
    assert_int_equal(app_outbox(f->app, rows, 4), 1);
    buf_fini(&bytes);
    buf_fini(&out);
}

static void requests(void **state) {
    struct fixture *f = *state;
    struct refusal refusal;
    struct buf out;
    buf_init(&out, LIMIT_CONTROL_MESSAGE_BYTES);
    assert_int_equal(ask(f, CONTROL_STATUS, slice_of(NULL, 0), &refusal, &out), RC_OK);
    assert_non_null(strstr(buf_cstr(&out), "\"phase\":\"live\""));
    assert_non_null(strstr(buf_cstr(&out), "\"device\":\"控制台 1\""));
    struct buf tag;
    buf_init(&tag, 128);
    buf_put_text(&tag, "PT-1");
    assert_int_equal(ask(f, CONTROL_DIGEST, buf_slice(&tag), &refusal, &out), RC_OK);
    assert_int_equal(out.len, 1); // nothing heard yet
    static const struct {
        uint8_t verb;
        const char *payload;
        size_t len;
    } bad[] = {{0, "", 0},
               {99, "", 0},
               {CONTROL_SUBMIT, "", 0},
               {CONTROL_SUBMIT, "\x01\xff\xff\xff\xff\x0f", 6},
               {CONTROL_DIGEST, "\x50x", 2},
               {CONTROL_DIGEST, "", 0},
               {CONTROL_INVITE, "", 0},
               {CONTROL_JOINS, "", 0}};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        enum rc rc = ask(f, (enum control_verb)bad[i].verb, slice_of(bad[i].payload, bad[i].len),
                         &refusal, &out);
        assert_int_not_equal(rc, RC_OK);
        assert_int_equal(out.len, 0);
    }
    struct buf answer;
    buf_init(&answer, 256);
    app_control(f->app, slice_of(NULL, 0), f->now, &answer); // not even a verb
    assert_true(answer.len > 0 && answer.data[0] != RC_OK);
    buf_fini(&answer);
    buf_fini(&tag);
    buf_fini(&out);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_log_of_a_subject),
        TEST(exports),
        TEST(subjects_are_found),
        TEST(an_admin_enrols),
        TEST(another_process_acts_through_the_owner),
        TEST(the_owner_believes_nothing),
        TEST(requests),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
