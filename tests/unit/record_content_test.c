#include "davy/record/record.h"

#include "record_test_util.h"

static struct buf encoded(const struct content *content) {
    struct buf buf;
    buf_init(&buf, LIMIT_RECORD_CONTENT_BYTES);
    assert_int_equal(content_encode(content, &buf), RC_OK);
    return buf;
}

static void every_part_comes_back(void **state) {
    (void)state;
    struct content in = test_content();
    struct buf buf = encoded(&in);
    struct content out;
    assert_int_equal(content_decode(buf_slice(&buf), &out), RC_OK);
    assert_int_equal(out.suite, in.suite);
    assert_memory_equal(&out.site, &in.site, ID_BYTES);
    assert_int_equal(out.kind, in.kind);
    assert_int_equal(out.subject_count, 2);
    assert_memory_equal(out.subjects, in.subjects, 2 * ID_BYTES);
    assert_int_equal(out.audience, AUDIENCE_NONE);
    assert_memory_equal(&out.person, &in.person, ID_BYTES);
    assert_memory_equal(&out.key, &in.key, ID_BYTES);
    assert_memory_equal(&out.device, &in.device, ID_BYTES);
    assert_true(out.session == 300 && out.time.v == 1795537800123 && out.time_error_ms == 250);
    assert_true(out.boot_id == in.boot_id && out.mono.v == in.mono.v);
    assert_memory_equal(&out.seen.hub, &in.seen.hub, ID_BYTES);
    assert_int_equal(out.seen.count, 2);
    assert_true(out.seen.marks[1].lane == 1 && out.seen.marks[1].seq == 4711);
    assert_memory_equal(out.seen.marks[1].hash, in.seen.marks[1].hash, SEEN_HASH_BYTES);
    assert_int_equal(out.ref_count, 1);
    assert_memory_equal(out.refs, in.refs, ID_BYTES);
    assert_memory_equal(out.nonce, in.nonce, NONCE_BYTES);
    assert_true(slice_equal(out.body, in.body));
    buf_fini(&buf);
}

static void the_bytes_are_the_header_s(void **state) {
    (void)state;
    struct content content = {.suite = 1, .kind = 300, .audience = 2, .time = {-1}};
    struct buf buf = encoded(&content);
    char hex[512];
    test_hex(buf.data, buf.len, hex);
    assert_string_equal(hex, "646176792f7265636f72642f31" // davy/record/1
                             "01"
                             "00000000000000000000000000000000" // site
                             "ac02"                             // kind
                             "00"                               // subjects
                             "02"                               // audience
                             "00000000000000000000000000000000" // person
                             "00000000000000000000000000000000" // key
                             "00000000000000000000000000000000" // device
                             "00"                               // session
                             "01"                               // time -1
                             "00"                               // error
                             "0000000000000000"                 // boot
                             "00"                               // mono
                             "00"                               // seen
                             "00"                               // refs
                             "0000000000000000"                 // nonce
                             "00");                             // body
    buf_fini(&buf);
}

static void every_cut_is_refused(void **state) {
    (void)state;
    struct content content = test_content();
    struct buf buf = encoded(&content);
    for (size_t len = 0; len < buf.len; len++) {
        // A copy of exactly that length lets the sanitizer see any read beyond.
        uint8_t *copy = malloc(len > 0 ? len : 1);
        memcpy(copy, buf.data, len);
        struct content out = {.kind = 999};
        assert_int_equal(content_decode(slice_of(copy, len), &out), RC_TRUNCATED);
        assert_int_equal(out.kind, 999);
        free(copy);
    }
    buf_fini(&buf);
}

static void nothing_may_follow(void **state) {
    (void)state;
    struct content content = test_content();
    struct buf buf;
    buf_init(&buf, LIMIT_RECORD_CONTENT_BYTES + 1);
    assert_int_equal(content_encode(&content, &buf), RC_OK);
    buf_put_u8(&buf, 0);
    struct content out;
    assert_int_equal(content_decode(buf_slice(&buf), &out), RC_INVALID);
    buf_fini(&buf);
}

// Any other bytes are no content, or another content with its own single encoding and rid.
static void every_flipped_bit_is_another_record(void **state) {
    (void)state;
    struct content content = test_content();
    struct buf buf = encoded(&content);
    struct rid rid = content_rid(buf_slice(&buf));
    unsigned accepted = 0;
    for (size_t bit = 0; bit < buf.len * 8; bit++) {
        buf.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct content out;
        if (content_decode(buf_slice(&buf), &out) == RC_OK) {
            struct buf again = encoded(&out);
            assert_true(slice_equal(buf_slice(&again), buf_slice(&buf)));
            buf_fini(&again);
            accepted++;
        }
        assert_false(rid_equal(content_rid(buf_slice(&buf)), rid));
        buf.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(accepted > 1000 && accepted < buf.len * 8);
    buf_fini(&buf);
}

struct bad_bytes {
    const char *what;
    size_t at;          // where in the sample's bytes
    const char *remove; // hex of what must stand there
    const char *insert;
    enum rc rc;
};

// Offsets in the bytes of test_content().
static const struct bad_bytes bad_bytes[] = {
    {"domain", 0, "64", "65", RC_INVALID},
    {"suite 0", 13, "01", "00", RC_UNSUPPORTED},
    {"suite 2", 13, "01", "02", RC_UNSUPPORTED},
    {"kind 0", 30, "0b", "00", RC_INVALID},
    {"kind in two bytes", 30, "0b", "8b00", RC_INVALID},
    {"kind 65536", 30, "0b", "808004", RC_INVALID},
    {"257 subjects", 31, "02", "8102", RC_TOO_LARGE},
    {"subject count beyond 64 bits", 31, "02", "ffffffffffffffffffff01", RC_INVALID},
    {"huge subject count", 31, "02", "ffffffffffffffffff01", RC_TOO_LARGE},
    {"audience 3", 64, "ff", "03", RC_INVALID},
    {"audience 254", 64, "ff", "fe", RC_INVALID},
    {"session in three bytes", 113, "ac02", "ac8200", RC_INVALID},
    {"time error beyond 32 bits", 121, "fa01", "8080808010", RC_INVALID},
    {"mono beyond 63 bits", 131, "80b89929", "ffffffffffffffffff01", RC_INVALID},
    {"seen flag 2", 135, "01", "02", RC_INVALID},
    {"seen without hub", 136, "808182838485868788898a8b8c8d8e8f",
     "00000000000000000000000000000000", RC_INVALID},
    {"25 marks", 152, "02", "19", RC_TOO_LARGE},
    {"mark of lane 4", 153, "00", "04", RC_INVALID},
    {"mark of audience 3", 154, "00", "03", RC_INVALID},
    {"mark at 0", 155, "0c", "00", RC_INVALID},
    {"marks not ascending", 164, "01", "00", RC_INVALID},
    {"17 refs", 176, "01", "11", RC_TOO_LARGE},
    {"body too long", 201, "02", "e15d", RC_TOO_LARGE},
};

static void bad_bytes_have_their_reason(void **state) {
    (void)state;
    struct content content = test_content();
    struct buf good = encoded(&content);
    for (size_t i = 0; i < COUNT_OF(bad_bytes); i++) {
        const struct bad_bytes *row = &bad_bytes[i];
        uint8_t remove[32];
        uint8_t insert[32];
        size_t remove_len = test_unhex(row->remove, remove, sizeof(remove));
        size_t insert_len = test_unhex(row->insert, insert, sizeof(insert));
        assert_memory_equal(good.data + row->at, remove, remove_len);
        struct buf bad;
        buf_init(&bad, LIMIT_RECORD_CONTENT_BYTES + 100);
        buf_put(&bad, good.data, row->at);
        buf_put(&bad, insert, insert_len);
        buf_put(&bad, good.data + row->at + remove_len, good.len - row->at - remove_len);
        struct content out = {.kind = 999};
        test_rc(row->what, content_decode(buf_slice(&bad), &out), row->rc);
        assert_int_equal(out.kind, 999);
        buf_fini(&bad);
    }
    buf_fini(&good);
}

static void an_empty_input_is_truncated(void **state) {
    (void)state;
    struct content out;
    assert_int_equal(content_decode(slice_of(NULL, 0), &out), RC_TRUNCATED);
}

struct bad_content {
    const char *what;
    void (*spoil)(struct content *content);
    enum rc rc;
};

static void spoil_suite(struct content *content) {
    content->suite = 2;
}
static void spoil_kind(struct content *content) {
    content->kind = 0;
}
static void spoil_audience(struct content *content) {
    content->audience = 3;
}
static void spoil_mono(struct content *content) {
    content->mono.v = -1;
}
static void spoil_subjects(struct content *content) {
    content->subject_count = LIMIT_RECORD_SUBJECTS + 1;
}
static void spoil_refs(struct content *content) {
    content->ref_count = LIMIT_RECORD_REFS + 1;
}
static void spoil_body(struct content *content) {
    content->body.len = LIMIT_RECORD_BODY_BYTES + 1;
}
static void spoil_seen_count(struct content *content) {
    content->seen.count = LIMIT_RECORD_SEEN + 1;
}
static void spoil_seen_hub(struct content *content) {
    memset(&content->seen.hub, 0, sizeof(content->seen.hub));
}
static void spoil_seen_order(struct content *content) {
    content->seen.marks[1] = content->seen.marks[0];
}
static void spoil_seen_lane(struct content *content) {
    content->seen.marks[1].lane = LANE_COUNT;
}
static void spoil_seen_audience(struct content *content) {
    content->seen.marks[1].audience = AUDIENCE_NONE;
}
static void spoil_seen_seq(struct content *content) {
    content->seen.marks[0].seq = 0;
}

static const struct bad_content bad_contents[] = {
    {"suite", spoil_suite, RC_UNSUPPORTED},     {"kind", spoil_kind, RC_INVALID},
    {"audience", spoil_audience, RC_INVALID},   {"mono", spoil_mono, RC_INVALID},
    {"subjects", spoil_subjects, RC_TOO_LARGE}, {"refs", spoil_refs, RC_TOO_LARGE},
    {"body", spoil_body, RC_TOO_LARGE},         {"seen count", spoil_seen_count, RC_TOO_LARGE},
    {"seen hub", spoil_seen_hub, RC_INVALID},   {"seen order", spoil_seen_order, RC_INVALID},
    {"seen lane", spoil_seen_lane, RC_INVALID}, {"seen audience", spoil_seen_audience, RC_INVALID},
    {"seen seq", spoil_seen_seq, RC_INVALID},
};

static void bad_contents_are_not_encoded(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad_contents); i++) {
        struct content content = test_content();
        bad_contents[i].spoil(&content);
        struct buf buf;
        buf_init(&buf, LIMIT_RECORD_CONTENT_BYTES);
        buf_put_u8(&buf, 0xEE);
        test_rc(bad_contents[i].what, content_encode(&content, &buf), bad_contents[i].rc);
        assert_int_equal(buf.len, 1);
        assert_int_equal(buf_rc(&buf), RC_OK);
        buf_fini(&buf);
    }
}

static void limits_hold_to_the_byte(void **state) {
    (void)state;
    static struct rid subjects[LIMIT_RECORD_SUBJECTS];
    static uint8_t body[LIMIT_RECORD_BODY_BYTES];
    struct content content = test_content();
    content.subjects = subjects;
    content.subject_count = LIMIT_RECORD_SUBJECTS;
    content.body = slice_of(NULL, 0);
    struct buf small = encoded(&content);
    size_t room =
        LIMIT_RECORD_CONTENT_BYTES - small.len - 1; // the body's length takes two bytes then
    buf_fini(&small);
    content.body = slice_of(body, room);
    struct buf full = encoded(&content);
    assert_int_equal(full.len, LIMIT_RECORD_CONTENT_BYTES);
    struct content out;
    assert_int_equal(content_decode(buf_slice(&full), &out), RC_OK);
    assert_int_equal(out.subject_count, LIMIT_RECORD_SUBJECTS);
    buf_fini(&full);
    content.body = slice_of(body, room + 1);
    struct buf buf;
    buf_init(&buf, 2 * LIMIT_RECORD_CONTENT_BYTES);
    assert_int_equal(content_encode(&content, &buf), RC_TOO_LARGE);
    assert_int_equal(buf.len, 0);
    buf_fini(&buf);
}

static void a_full_buffer_says_so(void **state) {
    (void)state;
    struct content content = test_content();
    struct buf buf;
    buf_init(&buf, 50);
    assert_int_equal(content_encode(&content, &buf), RC_TOO_LARGE);
    buf_fini(&buf);
}

static void subjects_are_the_list_or_the_record_itself(void **state) {
    (void)state;
    struct content content = test_content();
    struct rid own = test_rid(0xA0);
    assert_int_equal(content_subject_count(&content), 2);
    assert_true(rid_equal(content_subject(&content, own, 1), test_subjects[1]));
    content.subject_count = 0;
    assert_int_equal(content_subject_count(&content), 0);
    content.audience = AUDIENCE_SITE;
    assert_int_equal(content_subject_count(&content), 1);
    assert_true(rid_equal(content_subject(&content, own, 0), own));
}

struct cover_row {
    const char *what;
    struct place log; // seq 0: not in the log
    struct place other;
    uint8_t other_first; // id of the other record
    bool covers;
};

#define HUB_CHAIN(lane, audience)                                                                  \
    {                                                                                              \
        {{{0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x8B, 0x8C, 0x8D,     \
           0x8E, 0x8F}}},                                                                          \
            lane, audience                                                                         \
    }
#define OWN_CHAIN(lane)                                                                            \
    { {{{1}}}, lane, 0 }
#define OTHER_CHAIN                                                                                \
    { {{{2}}}, 1, 0 }

// The sample has seen lane 0 to 12 and lane 1 to 4711; it stands at 5 of its own chain in lane 1.
static const struct cover_row cover_rows[] = {
    {"seen, at the mark", {HUB_CHAIN(1, 0), 4711}, {OTHER_CHAIN, 9}, 1, true},
    {"seen, before the mark", {HUB_CHAIN(0, 0), 1}, {OTHER_CHAIN, 9}, 1, true},
    {"after the mark", {HUB_CHAIN(1, 0), 4712}, {OTHER_CHAIN, 9}, 1, false},
    {"a lane without mark", {HUB_CHAIN(2, 0), 1}, {OTHER_CHAIN, 9}, 1, false},
    {"an audience without mark", {HUB_CHAIN(1, 1), 1}, {OTHER_CHAIN, 9}, 1, false},
    {"another hub", {OTHER_CHAIN, 1}, {OTHER_CHAIN, 9}, 1, false},
    {"not in the log", {HUB_CHAIN(1, 0), 0}, {OTHER_CHAIN, 9}, 1, false},
    {"earlier in the own chain", {HUB_CHAIN(1, 0), 0}, {OWN_CHAIN(1), 4}, 1, true},
    {"itself", {HUB_CHAIN(1, 0), 0}, {OWN_CHAIN(1), 5}, 1, false},
    {"later in the own chain", {HUB_CHAIN(1, 0), 0}, {OWN_CHAIN(1), 6}, 1, false},
    {"own author, other lane", {HUB_CHAIN(1, 0), 0}, {OWN_CHAIN(0), 4}, 1, false},
    {"named in refs", {HUB_CHAIN(1, 0), 0}, {OTHER_CHAIN, 9}, 0x30, true},
};

static void covers_by_seen_chain_and_refs(void **state) {
    (void)state;
    const struct place own = {OWN_CHAIN(1), 5};
    struct content content = test_content();
    for (size_t i = 0; i < COUNT_OF(cover_rows); i++) {
        const struct cover_row *row = &cover_rows[i];
        struct rid other = {
            {{row->other_first, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}}};
        bool covers = content_covers(&content, &own, &row->other, &row->log, other);
        if (covers != row->covers) {
            fail_msg("%s: %d", row->what, covers);
        }
    }
    assert_false(content_covers(&content, NULL, NULL, NULL, test_rid(1)));
    content.seen.count = 0;
    memset(&content.seen.hub, 0, sizeof(content.seen.hub));
    struct place zero_hub = {.seq = 1};
    assert_false(content_covers(&content, NULL, NULL, &zero_hub, test_rid(1)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_comes_back),
        cmocka_unit_test(the_bytes_are_the_header_s),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(nothing_may_follow),
        cmocka_unit_test(every_flipped_bit_is_another_record),
        cmocka_unit_test(bad_bytes_have_their_reason),
        cmocka_unit_test(an_empty_input_is_truncated),
        cmocka_unit_test(bad_contents_are_not_encoded),
        cmocka_unit_test(limits_hold_to_the_byte),
        cmocka_unit_test(a_full_buffer_says_so),
        cmocka_unit_test(subjects_are_the_list_or_the_record_itself),
        cmocka_unit_test(covers_by_seen_chain_and_refs),
    };
    test_keys_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
