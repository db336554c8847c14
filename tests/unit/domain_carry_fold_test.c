// What is carried from above: taken once, only whole, only of another site, under its own rid.
#include "davy/domain/carry/carry.h"

#include "davy/domain/remark/remark.h"
#include "test_util.h"

static const struct site_id own = {{{0x01}}};
static const struct site_id park = {{{0x02}}};

struct order {
    struct buf content;
    struct rid rid;
};

static void order_make(struct order *order, struct site_id site, const char *text) {
    struct buf body_bytes;
    buf_init(&body_bytes, LIMIT_RECORD_BODY_BYTES);
    buf_init(&order->content, LIMIT_RECORD_CONTENT_BYTES);
    struct body body = body_start(&remark_module.kinds[0], &body_bytes);
    body_put_text(&body, REMARK_TEXT, text);
    struct content content = {.suite = KEYS_SUITE_ED25519,
                              .site = site,
                              .kind = KIND_REMARK_ADD,
                              .audience = AUDIENCE_PARK,
                              .device = {{{0xD1}}},
                              .time = {5000},
                              .body = buf_slice(&body_bytes)};
    struct signed_record record;
    assert_int_equal(record_make(&content, NULL, &order->content, &record), RC_OK);
    order->rid = record.rid;
    buf_fini(&body_bytes);
}

// The hub's statement; `site` and `kind` as it claims them.
static void body_make(const struct order *order, struct site_id site, uint16_t kind,
                      struct buf *out) {
    buf_init(out, LIMIT_RECORD_BODY_BYTES);
    struct body body = body_start(&carry_module.kinds[0], out);
    body_put_bytes(&body, CARRY_SITE, site.id.b, ID_BYTES);
    body_put_uint(&body, CARRY_KIND, kind);
    body_put_bytes(&body, CARRY_CONTENT, order->content.data, order->content.len);
    body_put_int(&body, CARRY_HUB_TIME, 6000);
    assert_int_equal(buf_rc(out), RC_OK);
}

static void fold(struct carry_state *state, struct rid subject, enum verdict verdict,
                 struct slice body) {
    const struct content content = {.kind = KIND_PARENT_CARRY, .site = own, .body = body};
    const struct fold_entry entry = {
        .content = &content, .verdict = verdict, .n = 7, .pending = verdict == VERDICT_NONE};
    carry_module.fold(state, subject, &entry);
}

static enum refusal_code check(struct rid subject, struct slice body) {
    struct refusal refusal = {0};
    const struct content content = {.kind = KIND_PARENT_CARRY, .site = own, .body = body};
    const struct check_input input = {.content = &content, .subject = subject};
    enum verdict verdict = carry_module.check(&input, &refusal);
    assert_int_equal(verdict == VERDICT_ACCEPTED, refusal.code == REFUSAL_NONE);
    return refusal.code;
}

static void an_order_is_kept_with_its_text(void **state) {
    (void)state;
    struct carry_state carry = {0};
    struct order order;
    struct buf body;
    struct index_value index[2];
    order_make(&order, park, "大风停止动火 no hot work in wind");
    body_make(&order, park, KIND_REMARK_ADD, &body);
    assert_int_equal(check(order.rid, buf_slice(&body)), REFUSAL_NONE);
    fold(&carry, order.rid, VERDICT_ACCEPTED, buf_slice(&body));
    assert_true(carry.known && !carry.needs_newer);
    assert_int_equal(carry.kind, KIND_REMARK_ADD);
    assert_true(id16_equal(carry.site.id, park.id));
    assert_int_equal(carry.time.v, 5000);
    assert_int_equal(carry.hub_time.v, 6000);
    assert_string_equal(carry.text, "大风停止动火 no hot work in wind");
    carry_module.index(&carry, index);
    assert_int_equal(index[0].number, KIND_REMARK_ADD);
    assert_int_equal(index[1].number, 6000);
    buf_fini(&body);
    buf_fini(&order.content);
}

static void the_first_statement_stands(void **state) {
    (void)state;
    struct carry_state carry = {0}, before;
    struct order order, other;
    struct buf body, other_body;
    order_make(&order, park, "first");
    order_make(&other, park, "second");
    body_make(&order, park, KIND_REMARK_ADD, &body);
    body_make(&other, park, KIND_REMARK_ADD, &other_body);
    fold(&carry, order.rid, VERDICT_ACCEPTED, buf_slice(&body));
    before = carry;
    fold(&carry, order.rid, VERDICT_ACCEPTED, buf_slice(&body));
    fold(&carry, order.rid, VERDICT_ACCEPTED, buf_slice(&other_body));
    assert_memory_equal(&carry, &before, sizeof carry);
    buf_fini(&body);
    buf_fini(&other_body);
    buf_fini(&order.content);
    buf_fini(&other.content);
}

static void what_is_not_accepted_is_not_known(void **state) {
    (void)state;
    static const enum verdict verdicts[] = {VERDICT_REFUSED, VERDICT_HELD};
    struct order order;
    struct buf body;
    order_make(&order, park, "x");
    body_make(&order, park, KIND_REMARK_ADD, &body);
    for (size_t i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++) {
        struct carry_state carry = {0};
        fold(&carry, order.rid, verdicts[i], buf_slice(&body));
        assert_false(carry.known);
    }
    struct carry_state carry = {0};
    fold(&carry, (struct rid){{{0x99}}}, VERDICT_ACCEPTED, buf_slice(&body)); // another subject
    assert_false(carry.known);
    buf_fini(&body);
    buf_fini(&order.content);
}

static void what_does_not_fit_is_refused(void **state) {
    (void)state;
    struct order theirs, ours;
    order_make(&theirs, park, "x");
    order_make(&ours, own, "x");
    const struct {
        const struct order *order;
        struct site_id site;
        uint16_t kind;
        struct rid subject;
        enum refusal_code code;
    } rows[] = {
        {&theirs, park, KIND_REMARK_ADD, theirs.rid, REFUSAL_NONE},
        {&theirs, park, KIND_REMARK_ADD, ours.rid, REFUSAL_FIELD_RANGE}, // another's rid
        {&theirs, park, KIND_REMARK_ADD + 1, theirs.rid, REFUSAL_FIELD_RANGE},
        {&theirs, own, KIND_REMARK_ADD, theirs.rid, REFUSAL_WRONG_SITE}, // not what it says
        {&ours, own, KIND_REMARK_ADD, ours.rid, REFUSAL_WRONG_SITE},     // needs no carrying
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct buf body;
        body_make(rows[i].order, rows[i].site, rows[i].kind, &body);
        assert_int_equal(check(rows[i].subject, buf_slice(&body)), rows[i].code);
        buf_fini(&body);
    }
    // Cut short anywhere, the content is none.
    struct order cut = theirs;
    for (size_t len = 0; len < theirs.content.len; len++) {
        struct buf body;
        cut.content.len = len;
        body_make(&cut, park, KIND_REMARK_ADD, &body);
        assert_int_not_equal(check(theirs.rid, buf_slice(&body)), REFUSAL_NONE);
        buf_fini(&body);
    }
    buf_fini(&theirs.content);
    buf_fini(&ours.content);
}

int main(void) {
    assert_int_equal(keys_init(), RC_OK);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_order_is_kept_with_its_text),
        cmocka_unit_test(the_first_statement_stands),
        cmocka_unit_test(what_is_not_accepted_is_not_known),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
