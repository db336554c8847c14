// Remarks of one console: said with and without a link, listed with how far each got.
#include "app_fixture.h"

#include "davy/app/remark.h"

static struct rid say(struct fixture *f, const char *text, uint8_t audience) {
    struct refusal refusal = {0};
    struct rid remark = {{{0}}};
    struct remark_spec spec = {.text = text, .audience = audience};
    assert_int_equal(app_remark_add(f->app, &spec, f->now, &remark, &refusal), RC_OK);
    assert_false(rid_is_zero(remark));
    return remark;
}

static struct remark_row find(struct fixture *f, struct rid remark) {
    static struct remark_row rows[32];
    uint32_t count = app_remark_list(f->app, rows, COUNT_OF(rows));
    for (uint32_t i = 0; i < count; i++) {
        if (rid_equal(rows[i].remark, remark)) {
            return rows[i];
        }
    }
    fail_msg("the remark is not listed");
    return rows[0];
}

static struct app_status status_of(struct fixture *f) {
    struct app_status status;
    app_status(f->app, f->now, &status);
    return status;
}

static void said_while_cut_off(void **state) {
    struct fixture *f = *state;
    fixture_settle(f);
    fixture_sign_in(f, "101", PIN_LI);
    fixture_cut(f, true);
    struct rid alarm = hub_raise(f, "PT-1", "R1", 1);
    struct refusal refusal = {0};
    struct rid remark;
    struct remark_spec spec = {.text = "法兰渗漏 flange weeps",
                               .about = alarm, // which this console has never heard of
                               .place = "三层 level 3",
                               .equipment = "E-101",
                               .area = "R1"};
    assert_int_equal(app_remark_add(f->app, &spec, f->now, &remark, &refusal), RC_OK);
    struct remark_row row = find(f, remark);
    assert_int_equal(row.stage, STAGE_WAITING);
    assert_true(row.own && row.state.known && row.state.pending);
    assert_string_equal(row.state.text, spec.text);
    assert_string_equal(row.person, "李伟 Li Wei");
    assert_string_equal(row.device, "控制台 1");
    assert_int_equal(status_of(f).waiting, 1);
    fixture_cut(f, false);
    fixture_settle(f);
    row = find(f, remark);
    assert_int_equal(row.stage, STAGE_ACCEPTED);
    assert_true(row.state.known && !row.state.pending);
    assert_string_equal(row.state.equipment, "E-101");
    char hex[ID_HEX_BYTES];
    id16_hex(alarm.id, hex);
    assert_string_equal(row.state.about, hex);
    struct remark_state hub;
    assert_int_equal(store_view_get(f->hub_store, &remark_module, remark, false, &hub), RC_OK);
    assert_memory_equal(&hub, &row.state, sizeof hub);
}

// Each audience has chains of its own: the site's do not carry what the city gets, and all are
// counted until the hub holds them.
static void audiences_go_apart(void **state) {
    struct fixture *f = *state;
    struct rid remarks[AUDIENCE_COUNT];
    struct outbox_row rows[16];
    fixture_settle(f);
    fixture_sign_in(f, "102", PIN_WANG);
    fixture_cut(f, true);
    for (uint8_t audience = 0; audience < AUDIENCE_COUNT; audience++) {
        struct place place;
        remarks[audience] = say(f, "x", audience);
        assert_int_equal(store_record_place(app_store(f->app), remarks[audience], &place), RC_OK);
        assert_int_equal(place.chain.audience, audience);
        assert_int_equal(place.chain.lane, LANE_DANGER);
        assert_int_equal(place.seq, 1);
    }
    assert_int_equal(status_of(f).waiting, AUDIENCE_COUNT);
    assert_in_range(status_of(f).unsent_bytes, 3 * 150, 3 * 500);
    assert_int_equal(app_outbox(f->app, rows, COUNT_OF(rows)), AUDIENCE_COUNT);
    fixture_cut(f, false);
    fixture_settle(f);
    for (uint8_t audience = 0; audience < AUDIENCE_COUNT; audience++) {
        struct remark_row row = find(f, remarks[audience]);
        assert_int_equal(row.stage, STAGE_ACCEPTED);
        assert_int_equal(row.state.audience, audience);
        struct store_chain chain;
        struct chain_id id = {f->hub_author, LANE_DANGER, audience};
        assert_int_equal(store_chain_get(f->hub_store, id, &chain), RC_OK);
        assert_int_equal(chain.sealed.seq, 1);
    }
    struct app_status status = status_of(f);
    assert_int_equal(status.waiting + status.sent + status.at_hub + status.refused, 0);
    assert_int_equal(status.unsent_bytes, 0);
}

// Refused at the hub, in a chain that is not the site's: the row says so and why, the person hears
// of it, and hears of it again after a restart until it was looked at.
static void refused_at_the_hub(void **state) {
    struct fixture *f = *state;
    struct app_message message;
    fixture_settle(f);
    fixture_sign_in(f, "101", PIN_LI);
    fixture_cut(f, true);
    struct rid remark = say(f, "x", AUDIENCE_CITY);
    struct body body = hub_body(f, KIND_ROLE_REVOKE);
    body_put_uint(&body, ROLE_ROLE, ROLE_OPERATOR);
    body_put_text(&body, ROLE_AREA, "R1");
    (void)hub_append(f, KIND_ROLE_REVOKE, &f->people[0]);
    fixture_cut(f, false);
    fixture_settle(f);
    struct remark_row row = find(f, remark);
    assert_int_equal(row.stage, STAGE_REFUSED);
    assert_int_equal(row.rule, REFUSAL_RIGHT_MISSING);
    assert_false(row.state.known);
    assert_int_equal(status_of(f).refused, 1);
    assert_true(app_next_message(f->app, &message));
    assert_int_equal(message.kind, KIND_REMARK_ADD);
    app_close(f->app);
    fixture_app_open(f);
    assert_int_equal(status_of(f).refused, 1);
    app_outbox_seen(f->app);
    app_close(f->app);
    fixture_app_open(f);
    assert_int_equal(status_of(f).refused, 0);
}

static void what_is_not_taken(void **state) {
    struct fixture *f = *state;
    static char longest[LIMIT_COMMENT_BYTES + 2];
    memset(longest, 'x', sizeof longest - 1);
    const struct {
        struct remark_spec spec;
        enum refusal_code code;
        const char *field;
    } rows[] = {
        {{.text = ""}, REFUSAL_FIELD_TEXT, "text"},
        {{.text = NULL}, REFUSAL_FIELD_TEXT, "text"},
        {{.text = longest}, REFUSAL_FIELD_TEXT, "text"},
        {{.text = "a\nb"}, REFUSAL_FIELD_TEXT, "text"},
        {{.text = "x", .place = "\033[31m"}, REFUSAL_FIELD_TEXT, "place"},
        {{.text = "x", .equipment = longest}, REFUSAL_FIELD_TEXT, "equipment"},
        {{.text = "x", .area = "\xFF"}, REFUSAL_FIELD_TEXT, "area"},
        {{.text = "x", .audience = AUDIENCE_COUNT}, REFUSAL_FIELD_RANGE, "audience"},
    };
    fixture_settle(f);
    fixture_sign_in(f, "103", PIN_ZHAO); // a viewer may say something, too
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct refusal refusal = {0};
        struct rid remark = {{{9}}};
        assert_int_equal(app_remark_add(f->app, &rows[i].spec, f->now, &remark, &refusal),
                         RC_REFUSED);
        assert_int_equal(refusal.code, rows[i].code);
        assert_string_equal(refusal.args[1], rows[i].field);
        assert_int_equal(remark.id.b[0], 9);
    }
    struct remark_row row;
    assert_int_equal(app_remark_list(f->app, &row, 1), 0);
    (void)say(f, longest + 1, AUDIENCE_SITE);
    assert_int_equal(app_remark_list(f->app, &row, 1), 1);
}

static void nobody_says_nothing(void **state) {
    struct fixture *f = *state;
    struct refusal refusal = {0};
    struct rid remark;
    struct remark_spec spec = {.text = "x"};
    assert_int_equal(app_remark_add(f->app, &spec, f->now, &remark, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_NOT_SIGNED_IN);
}

// A short list shows the newest, pending ones among them.
static void the_newest_are_listed(void **state) {
    struct fixture *f = *state;
    struct remark_row rows[3];
    fixture_settle(f);
    fixture_sign_in(f, "102", PIN_WANG);
    struct rid said[6];
    for (int i = 0; i < 6; i++) {
        if (i == 3) {
            fixture_settle(f);
            fixture_cut(f, true);
        }
        fixture_later(f, 1000);
        said[i] = say(f, "x", AUDIENCE_SITE);
    }
    assert_int_equal(app_remark_list(f->app, rows, 3), 3);
    for (int i = 0; i < 3; i++) {
        assert_true(rid_equal(rows[i].remark, said[5 - i]));
        assert_int_equal(rows[i].stage, STAGE_WAITING);
    }
    struct remark_row all[8];
    assert_int_equal(app_remark_list(f->app, all, 8), 6);
    assert_int_equal(all[3].stage, STAGE_ACCEPTED);
    assert_true(rid_equal(all[5].remark, said[0]));
}

// An opening that lies about its chain is refused where it is judged.
static void the_chain_must_be_the_audiences(void **state) {
    struct fixture *f = *state;
    struct judge judge = {.store = f->hub_store,
                          .registry = app_registry(),
                          .scheme = keys_ed25519(),
                          .roster = f->hub_roster,
                          .author_device = f->config.device,
                          .check_signature = true,
                          .now = f->now};
    fixture_settle(f);
    fixture_sign_in(f, "102", PIN_WANG);
    struct rid remark = say(f, "x", AUDIENCE_SITE);
    struct place place;
    struct buf bytes;
    bool has_sig;
    struct signed_record record = {.has_sig = true, .rid = remark};
    struct content content;
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    assert_int_equal(store_record_place(app_store(f->app), remark, &place), RC_OK);
    assert_int_equal(store_entry_get(app_store(f->app), &place, &bytes, &has_sig, &record.sig),
                     RC_OK);
    record.content = buf_slice(&bytes);
    assert_int_equal(content_decode(record.content, &content), RC_OK);
    for (uint8_t audience = 0; audience < AUDIENCE_COUNT; audience++) {
        struct refusal refusal = {0};
        enum verdict verdict = VERDICT_NONE;
        place.chain.audience = audience;
        assert_int_equal(judge_record(&judge, &content, &place, &record, &verdict, &refusal),
                         RC_OK);
        assert_int_equal(verdict, audience == AUDIENCE_SITE ? VERDICT_ACCEPTED : VERDICT_REFUSED);
        assert_int_equal(refusal.code, audience == AUDIENCE_SITE ? REFUSAL_NONE : REFUSAL_AUDIENCE);
    }
    buf_fini(&bytes);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(said_while_cut_off),
        TEST(audiences_go_apart),
        TEST(refused_at_the_hub),
        TEST(what_is_not_taken),
        TEST(nobody_says_nothing),
        TEST(the_newest_are_listed),
        TEST(the_chain_must_be_the_audiences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
