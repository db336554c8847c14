// Packed readings: exact, small, with one encoding each; and what a segment's record makes of its
// state.
#include "davy/domain/segment/segment.h"

#include "davy/base/ensure.h"
#include "test_util.h"

static const struct module *const modules[] = {&segment_module};
static const struct registry registry = {modules, 1};
static struct segment segment, again;

static void add_point(const char *tag, const char *unit) {
    struct segment_point *point = &segment.points[segment.point_count++];
    *point = (struct segment_point){0};
    (void)snprintf(point->tag, sizeof point->tag, "%s", tag);
    (void)snprintf(point->unit, sizeof point->unit, "%s", unit);
}

static void add(int64_t time, const char *value, uint8_t quality) {
    struct segment_reading *reading = &segment.readings[segment.reading_count++];
    segment.points[segment.point_count - 1].count++;
    reading->time.v = time;
    reading->quality = quality;
    assert_int_equal(decimal_parse(value, &reading->value), RC_OK);
}

static void start(void) {
    memset(&segment, 0, sizeof segment);
}

// A round: four points, one instrument that was watched for a while.
static void make_round(void) {
    start();
    add_point("P-101.出口压力", "kPa");
    add(1790000000000, "101.5", SEGMENT_GOOD);
    add_point("P-101.入口压力", "kPa");
    add(1790000060000, "-0.002", SEGMENT_UNCERTAIN);
    add_point("TI-7", "°C");
    add(1790000120000, "20", SEGMENT_GOOD);
    add(1790000121000, "20.25", SEGMENT_GOOD);
    add(1790000121000, "0", SEGMENT_BAD);
    add_point("LI-7", "");
    add(1789999999000, "1e18", SEGMENT_GOOD);
}

static void assert_same(const struct segment *a, const struct segment *b) {
    assert_int_equal(a->point_count, b->point_count);
    assert_int_equal(a->reading_count, b->reading_count);
    for (uint16_t i = 0; i < a->point_count; i++) {
        assert_string_equal(a->points[i].tag, b->points[i].tag);
        assert_string_equal(a->points[i].unit, b->points[i].unit);
        assert_int_equal(a->points[i].count, b->points[i].count);
    }
    for (uint16_t i = 0; i < a->reading_count; i++) {
        assert_int_equal(a->readings[i].time.v, b->readings[i].time.v);
        assert_int_equal(a->readings[i].value.mantissa, b->readings[i].value.mantissa);
        assert_int_equal(a->readings[i].value.exponent, b->readings[i].value.exponent);
        assert_int_equal(a->readings[i].quality, b->readings[i].quality);
    }
}

static void readings_come_back_exactly(void **state) {
    (void)state;
    struct buf packed;
    buf_init(&packed, SEGMENT_PACK_BYTES);
    make_round();
    assert_int_equal(segment_encode(&segment, &packed), RC_OK);
    assert_int_equal(segment_decode(buf_slice(&packed), segment.readings[0].time, &again), RC_OK);
    assert_same(&segment, &again);
    buf_fini(&packed);
}

// Any other bytes are refused or are another segment, which has its own one encoding.
static void every_value_has_one_encoding(void **state) {
    (void)state;
    struct buf packed, other;
    buf_init(&packed, SEGMENT_PACK_BYTES);
    buf_init(&other, SEGMENT_PACK_BYTES);
    make_round();
    struct utc_ms first = segment.readings[0].time;
    assert_int_equal(segment_encode(&segment, &packed), RC_OK);
    uint32_t refused = 0;
    for (size_t at = 0; at < packed.len; at++) {
        assert_int_not_equal(segment_decode(slice_of(packed.data, at), first, &again), RC_OK);
        for (unsigned flip = 1; flip < 256; flip++) {
            packed.data[at] ^= (uint8_t)flip;
            if (segment_decode(buf_slice(&packed), first, &again) == RC_OK) {
                buf_reset(&other);
                assert_int_equal(segment_encode(&again, &other), RC_OK);
                assert_true(slice_equal(buf_slice(&other), buf_slice(&packed)));
            } else {
                refused++;
            }
            packed.data[at] ^= (uint8_t)flip;
        }
    }
    assert_true(refused > packed.len * 100);
    buf_put_u8(&packed, 0); // something follows
    assert_int_equal(segment_decode(buf_slice(&packed), first, &again), RC_INVALID);
    buf_fini(&other);
    buf_fini(&packed);
}

static void a_full_round_costs_few_bytes_a_reading(void **state) {
    (void)state;
    struct buf packed;
    buf_init(&packed, SEGMENT_PACK_BYTES);
    start();
    for (int i = 0; i < SEGMENT_POINTS_MAX; i++) {
        char tag[16], value[16];
        (void)snprintf(tag, sizeof tag, "T%05d", i);
        (void)snprintf(value, sizeof value, "%d.%d", 100 + i * 37 % 500, i % 10);
        add_point(tag, "kPa");
        add(1790000000000 + i * 20000, value, SEGMENT_GOOD);
    }
    assert_int_equal(segment_encode(&segment, &packed), RC_OK);
    assert_true(packed.len < 10 * SEGMENT_POINTS_MAX);
    buf_reset(&packed);
    start();
    add_point("T00001", "kPa");
    for (int i = 0; i < SEGMENT_READINGS_MAX; i++) {
        char value[16];
        (void)snprintf(value, sizeof value, "%d.%d", 100 + i % 3, i % 10);
        add(1790000000000 + i * 1000, value, SEGMENT_GOOD);
    }
    assert_int_equal(segment_encode(&segment, &packed), RC_OK);
    assert_true(packed.len < 3 * SEGMENT_READINGS_MAX);
    buf_fini(&packed);
}

static void spoil_none(void) {
    segment.points[0].count = 0;
}
static void spoil_sum(void) {
    segment.reading_count--;
}
static void spoil_order(void) {
    segment.readings[3].time.v = segment.readings[2].time.v - 1;
}
static void spoil_twice(void) {
    memcpy(segment.points[3].tag, segment.points[0].tag, sizeof segment.points[0].tag);
}
static void spoil_name(void) {
    segment.points[2].tag[1] = '\n';
}
static void spoil_no_name(void) {
    segment.points[2].tag[0] = '\0';
}
static void spoil_unit(void) {
    segment.points[2].unit[0] = '\x1b';
}
static void spoil_value(void) {
    segment.readings[1].value = (struct decimal){10, 0};
}
static void spoil_quality(void) {
    segment.readings[1].quality = 3;
}
static void spoil_time(void) {
    segment.readings[5].time.v = RECORD_TIME_MAX_MS + 1;
}
static void spoil_nothing(void) {
    segment.point_count = 0;
}
static void spoil_spread(void) {
    segment.readings[3].value = (struct decimal){1, 18};
    segment.readings[4].value = (struct decimal){1, -1};
}

static void what_breaks_the_form_is_refused(void **state) {
    (void)state;
    static const struct {
        void (*spoil)(void);
        enum rc rc;
    } rows[] = {
        {spoil_none, RC_INVALID},  {spoil_sum, RC_INVALID},     {spoil_order, RC_INVALID},
        {spoil_twice, RC_INVALID}, {spoil_name, RC_INVALID},    {spoil_no_name, RC_INVALID},
        {spoil_unit, RC_INVALID},  {spoil_value, RC_INVALID},   {spoil_quality, RC_INVALID},
        {spoil_time, RC_INVALID},  {spoil_nothing, RC_INVALID}, {spoil_spread, RC_TOO_LARGE}};
    struct buf packed;
    buf_init(&packed, SEGMENT_PACK_BYTES);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        make_round();
        rows[i].spoil();
        assert_int_equal(segment_encode(&segment, &packed), rows[i].rc);
        assert_int_equal(packed.len, 0);
    }
    start(); // names that leave no room
    for (int i = 0; i < SEGMENT_POINTS_MAX; i++) {
        char tag[LIMIT_TAG_BYTES + 1] = {(char)('A' + i % 16), (char)('A' + i / 16)};
        memset(tag + 2, 'x', LIMIT_TAG_BYTES - 2);
        add_point(tag, i % 2 ? "kPa" : "MPa");
        add(1790000000000, "1", SEGMENT_GOOD);
    }
    assert_int_equal(segment_encode(&segment, &packed), RC_TOO_LARGE);
    buf_fini(&packed);
}

// ---- Record ----

static void body_write(struct buf *out, const struct id16 *round) {
    struct buf packed;
    buf_init(&packed, SEGMENT_PACK_BYTES);
    make_round();
    assert_int_equal(segment_encode(&segment, &packed), RC_OK);
    struct body body = body_start(&segment_module.kinds[0], out);
    body_put_int(&body, SEGMENT_TIME, segment.readings[0].time.v);
    body_put_bytes(&body, SEGMENT_READINGS, packed.data, packed.len);
    if (round) {
        body_put_bytes(&body, SEGMENT_ROUND, round->b, ID_BYTES);
        body_put_uint(&body, SEGMENT_PART, 3);
        body_put_text(&body, SEGMENT_AREA, "R1");
    }
    buf_fini(&packed);
}

static void fold(struct segment_state *into, enum verdict verdict, struct slice body) {
    const struct content content = {
        .kind = KIND_SEGMENT_ADD, .device = {{{0xC1}}}, .time = {1790000130000}, .body = body};
    const struct fold_entry entry = {
        .content = &content, .verdict = verdict, .rule = 5, .pending = verdict == VERDICT_NONE};
    segment_module.fold(into, (struct rid){{{1}}}, &entry);
}

static void a_segment_says_what_it_spans(void **state) {
    (void)state;
    const struct id16 round = {{0x0B, 1}};
    struct segment_state known = {0};
    struct index_value values[MODULE_INDEX_MAX];
    struct buf body;
    buf_init(&body, LIMIT_RECORD_BODY_BYTES);
    body_write(&body, &round);
    fold(&known, VERDICT_HELD, buf_slice(&body)); // held says why, and nothing else
    assert_true(!known.known && known.rule == 5 && known.readings == 0);
    fold(&known, VERDICT_ACCEPTED, buf_slice(&body));
    assert_true(known.known && !known.pending && !known.needs_newer);
    assert_int_equal(known.points, 4);
    assert_int_equal(known.readings, 6);
    assert_int_equal(known.first.v, 1789999999000);
    assert_int_equal(known.last.v, 1790000121000);
    assert_int_equal(known.part, 3);
    assert_string_equal(known.tag, "P-101.出口压力");
    assert_string_equal(known.area, "R1");
    assert_string_equal(known.round, "0b010000000000000000000000000000");
    segment_module.index(&known, values);
    assert_string_equal(values[2].text, known.tag);
    assert_int_equal(values[4].number, known.first.v);
    assert_string_equal(segment_module.area(&known), "R1");
    struct segment_state mine = {0};
    fold(&mine, VERDICT_NONE, buf_slice(&body));
    assert_true(mine.known && mine.pending);
    fold(&mine, VERDICT_REPEAT, buf_slice(&body));
    assert_true(mine.known && mine.pending);
    buf_fini(&body);
}

static enum verdict check(struct slice body, const struct segment_state *known,
                          enum refusal_code *out_code) {
    const struct content content = {
        .kind = KIND_SEGMENT_ADD, .site = {{{1}}}, .audience = AUDIENCE_SITE, .body = body};
    const struct check_input input = {.content = &content, .state = known};
    struct refusal refusal = {0};
    enum verdict verdict = VERDICT_REFUSED;
    if (content_check_form(&registry, &content, LANE_NORMAL, &refusal) == RC_OK) {
        verdict = segment_module.check(&input, &refusal);
    }
    *out_code = refusal.code;
    return verdict;
}

static void a_bad_segment_is_refused(void **state) {
    (void)state;
    static const struct id16 zero;
    enum refusal_code code;
    struct segment_state known = {.known = true};
    struct buf body;
    buf_init(&body, LIMIT_RECORD_BODY_BYTES);
    body_write(&body, NULL);
    assert_int_equal(check(buf_slice(&body), NULL, &code), VERDICT_ACCEPTED);
    assert_int_equal(check(buf_slice(&body), &known, &code), VERDICT_REFUSED);
    assert_int_equal(code, REFUSAL_SUBJECT_EXISTS);
    body.data[body.len - 1] ^= 0x80; // breaks off
    assert_int_equal(check(buf_slice(&body), NULL, &code), VERDICT_REFUSED);
    assert_int_equal(code, REFUSAL_FORM);
    struct segment_state nothing = {0};
    fold(&nothing, VERDICT_ACCEPTED, buf_slice(&body)); // whatever a hub says
    assert_false(nothing.known);
    buf_reset(&body);
    body_write(&body, &zero);
    assert_int_equal(check(buf_slice(&body), NULL, &code), VERDICT_REFUSED);
    assert_int_equal(code, REFUSAL_FIELD_RANGE);
    assert_int_equal(check(slice_of(NULL, 0), NULL, &code), VERDICT_REFUSED);
    assert_int_equal(code, REFUSAL_FIELD_MISSING);
    buf_fini(&body);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readings_come_back_exactly),
        cmocka_unit_test(every_value_has_one_encoding),
        cmocka_unit_test(a_full_round_costs_few_bytes_a_reading),
        cmocka_unit_test(what_breaks_the_form_is_refused),
        cmocka_unit_test(a_segment_says_what_it_spans),
        cmocka_unit_test(a_bad_segment_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
