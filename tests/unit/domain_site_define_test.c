#include "davy/domain/site/define.h"

#include "davy/base/ensure.h"
#include "test_util.h"

static const struct module *const modules[] = {&define_module};
static const struct registry registry = {modules, 1};
static const struct site_id site = {{{0x51}}};

static struct slice tag_body(struct buf *buf, const char *tag, bool full) {
    buf_reset(buf);
    struct body body = body_start(registry_kind(&registry, KIND_SITE_TAG, NULL), buf);
    body_put_text(&body, TAG_TAG, tag);
    body_put_text(&body, TAG_AREA, "reactor");
    if (full) {
        body_put_text(&body, TAG_NAME, "反应器压力");
        body_put_text(&body, TAG_UNIT, "kPa");
        body_put_decimal(&body, TAG_LOW, (struct decimal){0, 0});
        body_put_decimal(&body, TAG_HIGH, (struct decimal){3, 3});
        body_put_decimal(&body, TAG_HH, (struct decimal){2895, 0});
        body_put_decimal(&body, TAG_LL, (struct decimal){-195, -1});
        body_put_text(&body, TAG_EQUIPMENT, "R-101");
        body_put_uint(&body, TAG_ORDER, 7);
        body_put_uint(&body, TAG_STALE, 600);
    }
    return buf_slice(buf);
}

static void fold(struct define_state *state, struct rid subject, uint16_t kind, struct slice body,
                 enum verdict verdict) {
    const struct content content = {.site = site, .kind = kind, .body = body};
    const struct fold_entry entry = {
        .content = &content,
        .verdict = verdict,
        .n = 1,
        .pending = verdict == VERDICT_NONE,
    };
    define_module.fold(state, subject, &entry);
}

static void a_name_gives_the_subject(void **state) {
    (void)state;
    struct rid tag = define_subject(site, DEFINE_TAG, "XMEAS7");
    assert_true(rid_equal(tag, define_subject(site, DEFINE_TAG, "XMEAS7")));
    assert_false(rid_equal(tag, define_subject(site, DEFINE_AREA, "XMEAS7")));
    assert_false(rid_equal(tag, define_subject(site, DEFINE_TAG, "XMEAS8")));
    assert_false(rid_equal(tag, define_subject((struct site_id){{{1}}}, DEFINE_TAG, "XMEAS7")));
    // Fixed for ever: BLAKE2b-256("davy/define/1" | site | "tag" | "XMEAS7")
    char hex[ID_HEX_BYTES];
    id16_hex(tag.id, hex);
    assert_string_equal(hex, "5ebdb7f1a05e6e10186a00234b971c2d");
}

static void a_tag_is_told(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, 4096);
    struct define_state define = {0};
    struct rid subject = define_subject(site, DEFINE_TAG, "XMEAS7");
    fold(&define, subject, KIND_SITE_TAG, tag_body(&buf, "XMEAS7", true), VERDICT_ACCEPTED);
    assert_int_equal(define.what, DEFINE_TAG);
    assert_string_equal(define.code, "XMEAS7");
    assert_string_equal(define.area, "reactor");
    assert_string_equal(define.name, "反应器压力");
    assert_string_equal(define.unit, "kPa");
    assert_string_equal(define.equipment, "R-101");
    assert_int_equal(define.order, 7);
    assert_int_equal(define.stale_s, 600);
    assert_int_equal(define.has, DEFINE_HAS_HH | DEFINE_HAS_LL | DEFINE_HAS_RANGE);
    assert_true(decimal_compare(define.limits[0], (struct decimal){2895, 0}) == 0);
    assert_true(decimal_compare(define.limits[3], (struct decimal){-195, -1}) == 0);
    assert_true(decimal_compare(define.high, (struct decimal){3, 3}) == 0);
    assert_false(define.removed);
    assert_string_equal(define_module.area(&define), "reactor");
    struct index_value values[MODULE_INDEX_MAX];
    define_module.index(&define, values);
    assert_true(values[0].number == DEFINE_TAG && values[1].number == 0 && values[2].number == 7);
    assert_string_equal(values[3].text, "XMEAS7");
    assert_string_equal(values[4].text, "reactor");
    buf_fini(&buf);
}

static void a_later_statement_stands_alone(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, 4096);
    struct define_state define = {0};
    struct define_state fresh = {0};
    struct rid subject = define_subject(site, DEFINE_TAG, "XMEAS7");
    fold(&define, subject, KIND_SITE_TAG, tag_body(&buf, "XMEAS7", true), VERDICT_ACCEPTED);
    struct slice less = tag_body(&buf, "XMEAS7", false);
    fold(&define, subject, KIND_SITE_TAG, less, VERDICT_ACCEPTED);
    fold(&fresh, subject, KIND_SITE_TAG, less, VERDICT_ACCEPTED);
    assert_int_equal(define.has, 0);
    assert_string_equal(define.unit, "");
    assert_memory_equal(&define, &fresh, sizeof(define));
    buf_fini(&buf);
}

static void an_area_is_told_and_removed(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, 4096);
    struct body body = body_start(registry_kind(&registry, KIND_SITE_AREA, NULL), &buf);
    body_put_text(&body, AREA_CODE, "reactor");
    body_put_text(&body, AREA_NAME, "反应区");
    body_put_uint(&body, AREA_ORDER, 2);
    body_put_uint(&body, AREA_REMOVED, 1);
    struct define_state define = {0};
    struct rid subject = define_subject(site, DEFINE_AREA, "reactor");
    fold(&define, subject, KIND_SITE_AREA, buf_slice(&buf), VERDICT_ACCEPTED);
    assert_int_equal(define.what, DEFINE_AREA);
    assert_string_equal(define.code, "reactor");
    assert_string_equal(define.name, "反应区");
    assert_int_equal(define.order, 2);
    assert_true(define.removed);
    buf_fini(&buf);
}

static void what_is_not_accepted_or_not_its_own_changes_nothing(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, 4096);
    struct slice body = tag_body(&buf, "XMEAS7", true);
    struct rid own = define_subject(site, DEFINE_TAG, "XMEAS7");
    static const enum verdict verdicts[] = {VERDICT_REFUSED, VERDICT_REPEAT, VERDICT_HELD};
    const struct define_state zero = {0};
    struct define_state define = {0};
    for (size_t i = 0; i < COUNT_OF(verdicts); i++) {
        fold(&define, own, KIND_SITE_TAG, body, verdicts[i]);
        assert_memory_equal(&define, &zero, sizeof(zero));
    }
    fold(&define, define_subject(site, DEFINE_TAG, "XMEAS8"), KIND_SITE_TAG, body,
         VERDICT_ACCEPTED);
    fold(&define, own, KIND_SITE_AREA, body, VERDICT_ACCEPTED);
    fold(&define, own, 999, body, VERDICT_ACCEPTED);
    assert_memory_equal(&define, &zero, sizeof(zero));
    buf_put_varint(&buf, 40 << 3 | 4); // a critical field of a newer Davy
    buf_put_varint(&buf, 1);
    fold(&define, own, KIND_SITE_TAG, buf_slice(&buf), VERDICT_ACCEPTED);
    assert_memory_equal(&define, &zero, sizeof(zero));
    buf_fini(&buf);
}

static void a_foreign_subject_is_refused(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, 4096);
    struct content content = {
        .site = site, .kind = KIND_SITE_TAG, .body = tag_body(&buf, "XMEAS7", false)};
    struct check_input input = {
        .content = &content,
        .subject = define_subject(site, DEFINE_TAG, "XMEAS7"),
    };
    struct refusal refusal = {0};
    assert_int_equal(define_module.check(&input, &refusal), VERDICT_ACCEPTED);
    input.subject = define_subject(site, DEFINE_TAG, "XMEAS8");
    assert_int_equal(define_module.check(&input, &refusal), VERDICT_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_FORM);
    assert_string_equal(refusal.args[0], "site.tag");
    assert_string_equal(refusal.args[1], "subjects");
    content.kind = 999;
    assert_int_equal(define_module.check(&input, &refusal), VERDICT_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_KIND_UNKNOWN);
    buf_fini(&buf);
}

static void kinds_are_the_header_s(void **state) {
    (void)state;
    assert_int_equal(define_module.kind_count, 2);
    for (uint16_t i = 0; i < 2; i++) {
        const struct kind *kind = &define_module.kinds[i];
        assert_int_equal(kind->number, 40 + i);
        assert_int_equal(kind->effect, EFFECT_FACT);
        assert_int_equal(kind->lane, LANE_NORMAL);
        assert_int_equal(kind->flags, KIND_SEALED | KIND_HUB);
        for (uint16_t f = 0; f < kind->field_count; f++) {
            assert_int_equal(kind->fields[f].tag, f + 1);
        }
    }
    assert_string_equal(define_module.kinds[0].name, "site.area");
    assert_string_equal(define_module.kinds[1].name, "site.tag");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_gives_the_subject),
        cmocka_unit_test(a_tag_is_told),
        cmocka_unit_test(a_later_statement_stands_alone),
        cmocka_unit_test(an_area_is_told_and_removed),
        cmocka_unit_test(what_is_not_accepted_or_not_its_own_changes_nothing),
        cmocka_unit_test(a_foreign_subject_is_refused),
        cmocka_unit_test(kinds_are_the_header_s),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
