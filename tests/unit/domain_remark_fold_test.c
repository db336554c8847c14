// What a remark's records make of its state, and which are refused.
#include "davy/domain/remark/remark.h"

#include "davy/base/ensure.h"
#include "test_util.h"

static const struct module *const modules[] = {&remark_module};
static const struct registry registry = {modules, 1};

#define WANG ((struct rid){{{0xAA}}})
#define CONSOLE ((struct rid){{{0xC1}}})
static const struct rid about = {{{0x0B, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xFF}}};

static void body_write(struct buf *buf, bool whole) {
    struct body body = body_start(&remark_module.kinds[0], buf);
    body_put_text(&body, REMARK_TEXT, "法兰渗漏 flange weeps");
    if (whole) {
        body_put_bytes(&body, REMARK_ABOUT, about.id.b, ID_BYTES);
        body_put_text(&body, REMARK_PLACE, "三层北侧 level 3 north");
        body_put_text(&body, REMARK_EQUIPMENT, "E-101");
        body_put_text(&body, REMARK_AREA, "R1");
    }
}

static void fold_body(struct remark_state *state, enum verdict verdict, uint16_t rule,
                      struct slice body) {
    const struct content content = {.kind = KIND_REMARK_ADD,
                                    .audience = AUDIENCE_PARK,
                                    .person = WANG,
                                    .device = CONSOLE,
                                    .time = {1000},
                                    .body = body};
    const struct fold_entry entry = {.content = &content,
                                     .verdict = verdict,
                                     .rule = rule,
                                     .n = verdict != VERDICT_NONE ? 7 : 0,
                                     .pending = verdict == VERDICT_NONE};
    remark_module.fold(state, (struct rid){{{1}}}, &entry);
}

static void fold(struct remark_state *state, enum verdict verdict, uint16_t rule, bool whole) {
    struct buf buf;
    buf_init(&buf, LIMIT_RECORD_BODY_BYTES);
    body_write(&buf, whole);
    fold_body(state, verdict, rule, buf_slice(&buf));
    buf_fini(&buf);
}

static void an_accepted_remark_is_whole(void **state) {
    (void)state;
    struct remark_state remark = {0};
    fold(&remark, VERDICT_ACCEPTED, 0, true);
    assert_true(remark.known && !remark.pending && !remark.needs_newer);
    assert_string_equal(remark.text, "法兰渗漏 flange weeps");
    assert_string_equal(remark.place, "三层北侧 level 3 north");
    assert_string_equal(remark.equipment, "E-101");
    assert_string_equal(remark.area, "R1");
    assert_string_equal(remark.about, "0b0102030405060708090a0b0c0d0eff");
    assert_int_equal(remark.audience, AUDIENCE_PARK);
    assert_int_equal(remark.time.v, 1000);
    assert_true(rid_equal(remark.person, WANG) && rid_equal(remark.device, CONSOLE));
}

static void a_short_remark_leaves_the_rest_empty(void **state) {
    (void)state;
    struct remark_state remark = {0};
    fold(&remark, VERDICT_ACCEPTED, 0, false);
    assert_true(remark.known);
    assert_string_equal(remark.about, "");
    assert_string_equal(remark.place, "");
    assert_string_equal(remark.area, "");
}

// Every state (nothing, pending, refused, held, accepted) with every verdict.
static void every_verdict_in_every_state(void **state) {
    (void)state;
    static const enum verdict verdicts[] = {VERDICT_NONE, VERDICT_ACCEPTED, VERDICT_REFUSED,
                                            VERDICT_REPEAT, VERDICT_HELD};
    for (size_t from = 0; from < COUNT_OF(verdicts); from++) {
        for (size_t to = 0; to < COUNT_OF(verdicts); to++) {
            struct remark_state remark = {0};
            fold(&remark, verdicts[from], 27, true);
            bool was_known = remark.known;
            fold(&remark, verdicts[to], 28, false);
            bool first = verdicts[from] == VERDICT_ACCEPTED || verdicts[from] == VERDICT_NONE;
            bool second = verdicts[to] == VERDICT_ACCEPTED || verdicts[to] == VERDICT_NONE;
            assert_int_equal(was_known, first);
            assert_int_equal(remark.known, first || second);
            // What is known first stays: the second record says less.
            assert_string_equal(remark.area, first ? "R1" : "");
            if (!first && verdicts[to] != VERDICT_REPEAT) {
                assert_int_equal(remark.verdict, verdicts[to]);
                assert_int_equal(remark.rule, 28);
            }
        }
    }
}

// A refused or held one is marked and ordered by its time, and says nothing.
static void a_refused_remark_says_nothing(void **state) {
    (void)state;
    struct remark_state remark = {0};
    struct remark_state marks = {.verdict = VERDICT_REFUSED, .rule = 27, .time = {1000}};
    fold(&remark, VERDICT_REFUSED, 27, true);
    assert_memory_equal(&remark, &marks, sizeof remark);
}

static void a_newer_critical_field_is_shown_as_such(void **state) {
    (void)state;
    struct remark_state remark = {0};
    struct buf buf;
    buf_init(&buf, LIMIT_RECORD_BODY_BYTES);
    body_write(&buf, false);
    buf_put_varint(&buf, 900 << 3 | 4);
    buf_put_varint(&buf, 1);
    fold_body(&remark, VERDICT_ACCEPTED, 0, buf_slice(&buf));
    assert_true(remark.needs_newer && !remark.known);
    assert_string_equal(remark.text, "");
    buf_fini(&buf);
}

// ---- Check ----

static enum verdict check_of(struct slice body, const struct remark_state *known,
                             enum refusal_code *out_code) {
    const struct content content = {
        .kind = KIND_REMARK_ADD, .audience = AUDIENCE_SITE, .body = body};
    const struct check_input input = {.content = &content, .state = known};
    struct refusal refusal = {0};
    enum verdict verdict = remark_module.check(&input, &refusal);
    assert_int_equal(remark_module.check(&input, NULL), verdict);
    *out_code = refusal.code;
    return verdict;
}

static void checks(void **state) {
    (void)state;
    struct remark_state known = {.known = true};
    struct remark_state held = {.verdict = VERDICT_HELD};
    enum refusal_code code = REFUSAL_NONE;
    struct buf buf;
    buf_init(&buf, LIMIT_RECORD_BODY_BYTES);
    body_write(&buf, true);
    assert_int_equal(check_of(buf_slice(&buf), NULL, &code), VERDICT_ACCEPTED);
    assert_int_equal(check_of(buf_slice(&buf), &held, &code), VERDICT_ACCEPTED);
    assert_int_equal(check_of(buf_slice(&buf), &known, &code), VERDICT_REFUSED);
    assert_int_equal(code, REFUSAL_SUBJECT_EXISTS);
    static const uint8_t zero[ID_BYTES];
    buf_reset(&buf);
    struct body body = body_start(&remark_module.kinds[0], &buf);
    body_put_text(&body, REMARK_TEXT, "x");
    body_put_bytes(&body, REMARK_ABOUT, zero, ID_BYTES);
    assert_int_equal(check_of(buf_slice(&buf), NULL, &code), VERDICT_REFUSED);
    assert_int_equal(code, REFUSAL_FIELD_RANGE);
    buf_fini(&buf);
}

// The form by the kind's table: which bodies, audiences and lanes pass.
static void forms(void **state) {
    (void)state;
    static char longest[LIMIT_COMMENT_BYTES + 2];
    memset(longest, 'x', sizeof longest - 1);
    const struct {
        const char *text;
        uint8_t audience, lane;
        enum refusal_code code;
    } rows[] = {
        {"x", AUDIENCE_SITE, LANE_DANGER, REFUSAL_NONE},
        {"x", AUDIENCE_CITY, LANE_DANGER, REFUSAL_NONE},
        {"x", AUDIENCE_NONE, LANE_DANGER, REFUSAL_AUDIENCE},
        {"x", AUDIENCE_SITE, LANE_SAFETY, REFUSAL_LANE},
        {"", AUDIENCE_SITE, LANE_DANGER, REFUSAL_FIELD_RANGE},
        {longest + 1, AUDIENCE_SITE, LANE_DANGER, REFUSAL_NONE},
        {longest, AUDIENCE_SITE, LANE_DANGER, REFUSAL_FIELD_RANGE},
        {"a\033[2Jb", AUDIENCE_SITE, LANE_DANGER, REFUSAL_FIELD_TEXT},
        {"a\xE2\x80\xAE"
         "b",
         AUDIENCE_SITE, LANE_DANGER, REFUSAL_FIELD_TEXT},
        {NULL, AUDIENCE_SITE, LANE_DANGER, REFUSAL_FIELD_MISSING},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct refusal refusal = {0};
        struct buf buf;
        buf_init(&buf, LIMIT_RECORD_BODY_BYTES);
        if (rows[i].text) {
            buf_put_varint(&buf, REMARK_TEXT << 3 | 2);
            buf_put_bytes(&buf, rows[i].text, strlen(rows[i].text));
        }
        const struct content content = {.suite = 1,
                                        .site = {{{1}}},
                                        .kind = KIND_REMARK_ADD,
                                        .audience = rows[i].audience,
                                        .person = WANG,
                                        .key = {{{2}}},
                                        .device = CONSOLE,
                                        .time = {1000},
                                        .body = buf_slice(&buf)};
        enum rc rc = content_check_form(&registry, &content, rows[i].lane, &refusal);
        assert_int_equal(refusal.code, rows[i].code);
        assert_int_equal(rc, rows[i].code == REFUSAL_NONE ? RC_OK : RC_REFUSED);
        buf_fini(&buf);
    }
}

static void the_index_and_the_area(void **state) {
    (void)state;
    static const char *const names[] = {"area", "about", "audience", "time_ms", "accepted"};
    struct remark_state remark = {0};
    struct index_value values[MODULE_INDEX_MAX] = {0};
    assert_int_equal(remark_module.column_count, COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_string_equal(remark_module.columns[i].name, names[i]);
    }
    fold(&remark, VERDICT_ACCEPTED, 0, true);
    remark_module.index(&remark, values);
    assert_string_equal(values[0].text, "R1");
    assert_string_equal(values[1].text, "0b0102030405060708090a0b0c0d0eff");
    assert_int_equal(values[2].number, AUDIENCE_PARK);
    assert_int_equal(values[3].number, 1000);
    assert_int_equal(values[4].number, 1);
    assert_string_equal(remark_module.area(&remark), "R1");
}

// Whoever holds a grant may sign one; a root key may not.
static void roles(void **state) {
    (void)state;
    const struct kind *kind = registry_kind(&registry, KIND_REMARK_ADD, NULL);
    assert_non_null(kind);
    assert_string_equal(kind->name, "remark.add");
    for (int role = ROLE_ROOT; role < ROLE_COUNT; role++) {
        assert_int_equal((kind->roles & ROLE_BIT(role)) != 0, role != ROLE_ROOT);
    }
    assert_int_equal(kind->flags & KIND_SEALED, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_accepted_remark_is_whole),
        cmocka_unit_test(a_short_remark_leaves_the_rest_empty),
        cmocka_unit_test(every_verdict_in_every_state),
        cmocka_unit_test(a_refused_remark_says_nothing),
        cmocka_unit_test(a_newer_critical_field_is_shown_as_such),
        cmocka_unit_test(checks),
        cmocka_unit_test(forms),
        cmocka_unit_test(the_index_and_the_area),
        cmocka_unit_test(roles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
