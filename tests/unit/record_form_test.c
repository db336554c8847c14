#include "davy/record/module.h"

#include "record_test_util.h"

// The head of a record: what must be changed of a good one, and what the refusal names.
struct head_row {
    const char *what;
    void (*change)(struct content *content);
    uint8_t lane;
    enum refusal_code code;
    const char *field;
    const char *limit;
};

static void none(struct content *content) {
    (void)content;
}
static void as_open(struct content *content) {
    content->kind = TEST_OPEN;
    content->subject_count = 0;
    content->audience = AUDIENCE_CITY;
    content->body.len = 0;
}
static void as_sealed(struct content *content) {
    content->kind = TEST_SEALED;
    content->subject_count = 1;
    content->body.len = 0;
    memset(&content->key, 0, sizeof(content->key));
}
static void as_hello(struct content *content) {
    as_sealed(content);
    content->kind = TEST_HELLO;
    content->subject_count = 0;
}
static void as_found(struct content *content) {
    as_open(content);
    content->kind = TEST_FOUND;
    memset(&content->site, 0, sizeof(content->site));
}
static void as_other(struct content *content) {
    content->kind = 20;
    content->subject_count = 1;
    content->body.len = 0;
}
static void kind_unknown(struct content *content) {
    content->kind = 999;
}
static void audience_given(struct content *content) {
    content->audience = AUDIENCE_SITE;
}
static void open_without_audience(struct content *content) {
    as_open(content);
    content->audience = AUDIENCE_NONE;
}
static void no_subject(struct content *content) {
    content->subject_count = 0;
}
static void two_subjects(struct content *content) {
    as_other(content);
    content->subject_count = 2;
}
static void open_with_subject(struct content *content) {
    as_open(content);
    content->subject_count = 1;
}
static void hello_with_subject(struct content *content) {
    as_hello(content);
    content->subject_count = 1;
}
static void same_subject_twice(struct content *content) {
    static const struct rid same[3] = {{{{1}}}, {{{2}}}, {{{1}}}};
    content->subjects = same;
    content->subject_count = 3;
}
static void zero_subject(struct content *content) {
    static const struct rid zero[1] = {{{{0}}}};
    content->subjects = zero;
    content->subject_count = 1;
}
static void same_ref_twice(struct content *content) {
    static const struct rid same[2] = {{{{1}}}, {{{1}}}};
    content->refs = same;
    content->ref_count = 2;
}
static void zero_ref(struct content *content) {
    static const struct rid zero[1] = {{{{0}}}};
    content->refs = zero;
}
static void zero_site(struct content *content) {
    memset(&content->site, 0, sizeof(content->site));
}
static void found_with_site(struct content *content) {
    as_found(content);
    content->site.id.b[5] = 1;
}
static void sealed_with_key(struct content *content) {
    as_sealed(content);
    content->key.id.b[0] = 1;
}
static void no_key(struct content *content) {
    memset(&content->key, 0, sizeof(content->key));
}
static void before_1970(struct content *content) {
    content->time.v = -1;
}
static void after_9999(struct content *content) {
    content->time.v = RECORD_TIME_MAX_MS + 1;
}
static void at_1970(struct content *content) {
    content->time.v = 0;
}
static void at_9999(struct content *content) {
    content->time.v = RECORD_TIME_MAX_MS;
}

static const struct head_row head_rows[] = {
    {"a good one", none, 1, REFUSAL_NONE, NULL, NULL},
    {"a good opening", as_open, 1, REFUSAL_NONE, NULL, NULL},
    {"a good sealed one", as_sealed, 2, REFUSAL_NONE, NULL, NULL},
    {"a good one of no subject", as_hello, 0, REFUSAL_NONE, NULL, NULL},
    {"a good founding one", as_found, 0, REFUSAL_NONE, NULL, NULL},
    {"a good one of another module", as_other, 3, REFUSAL_NONE, NULL, NULL},
    {"time 1970", at_1970, 1, REFUSAL_NONE, NULL, NULL},
    {"time 9999", at_9999, 1, REFUSAL_NONE, NULL, NULL},
    {"lane too urgent", none, 0, REFUSAL_LANE, "lane", "1"},
    {"lane too slow", none, 2, REFUSAL_LANE, "lane", "1"},
    {"lane of no chain", none, 255, REFUSAL_LANE, "lane", "1"},
    {"audience in no opening", audience_given, 1, REFUSAL_AUDIENCE, "audience", ""},
    {"opening without audience", open_without_audience, 1, REFUSAL_AUDIENCE, "audience", ""},
    {"no subject", no_subject, 1, REFUSAL_SUBJECT_COUNT, "subjects", "1"},
    {"two subjects", two_subjects, 3, REFUSAL_SUBJECT_COUNT, "subjects", "1"},
    {"opening with subject", open_with_subject, 1, REFUSAL_SUBJECT_COUNT, "subjects", "0"},
    {"statement with subject", hello_with_subject, 0, REFUSAL_SUBJECT_COUNT, "subjects", "0"},
    {"same subject twice", same_subject_twice, 1, REFUSAL_FORM, "subjects", ""},
    {"zero subject", zero_subject, 1, REFUSAL_FORM, "subjects", ""},
    {"same ref twice", same_ref_twice, 1, REFUSAL_FORM, "refs", ""},
    {"zero ref", zero_ref, 1, REFUSAL_FORM, "refs", ""},
    {"zero site", zero_site, 1, REFUSAL_FORM, "site", ""},
    {"founding with site", found_with_site, 0, REFUSAL_FORM, "site", ""},
    {"sealed with key", sealed_with_key, 2, REFUSAL_FORM, "key", ""},
    {"not signed", no_key, 1, REFUSAL_NOT_SIGNED, "key", ""},
    {"before 1970", before_1970, 1, REFUSAL_TIME_RANGE, "time", ""},
    {"after 9999", after_9999, 1, REFUSAL_TIME_RANGE, "time", ""},
};

static void check(const char *what, const struct content *content, uint8_t lane,
                  const struct refusal *expected) {
    struct refusal refusal = {.code = REFUSAL_NONE};
    enum rc rc = content_check_form(&test_registry, content, lane, &refusal);
    enum rc wanted = expected->code == REFUSAL_NONE             ? RC_OK
                     : expected->code == REFUSAL_FIELD_CRITICAL ? RC_UNSUPPORTED
                                                                : RC_REFUSED;
    test_rc(what, rc, wanted);
    if (refusal.code != expected->code) {
        fail_msg("%s: %s, expected %s", what, refusal_name(refusal.code),
                 refusal_name(expected->code));
    }
    for (size_t i = 0; i < LIMIT_REFUSAL_ARGS && rc != RC_OK; i++) {
        if (strcmp(refusal.args[i], expected->args[i]) != 0) {
            fail_msg("%s: argument %zu is '%s', not '%s'", what, i, refusal.args[i],
                     expected->args[i]);
        }
    }
    // Nobody has to ask for the reason.
    test_rc(what, content_check_form(&test_registry, content, lane, NULL), wanted);
}

static struct refusal expected(enum refusal_code code, const char *kind, const char *field,
                               const char *limit) {
    struct refusal refusal = {.code = code};
    snprintf(refusal.args[0], REFUSAL_ARG_BYTES, "%s", kind);
    snprintf(refusal.args[1], REFUSAL_ARG_BYTES, "%s", field != NULL ? field : "");
    snprintf(refusal.args[2], REFUSAL_ARG_BYTES, "%s", limit != NULL ? limit : "");
    return refusal;
}

static void heads_are_judged(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(head_rows); i++) {
        const struct head_row *row = &head_rows[i];
        struct content content = test_content();
        row->change(&content);
        const struct kind *kind = registry_kind(&test_registry, content.kind, NULL);
        struct refusal refusal = expected(row->code, kind->name, row->field, row->limit);
        check(row->what, &content, row->lane, &refusal);
    }
}

static void an_unknown_kind_needs_a_newer_davy(void **state) {
    (void)state;
    struct content content = test_content();
    kind_unknown(&content);
    struct refusal refusal = {0};
    assert_int_equal(content_check_form(&test_registry, &content, 1, &refusal), RC_UNSUPPORTED);
    assert_int_equal(refusal.code, REFUSAL_KIND_UNKNOWN);
    assert_string_equal(refusal.args[0], "999");
}

// Bodies of "test.all": hex, and what the refusal names.
struct body_row {
    const char *what;
    const char *hex;
    enum refusal_code code;
    const char *field;
    const char *limit;
};

#define COUNT_7 "0807"
static const struct body_row body_rows[] = {
    {"the least", COUNT_7, REFUSAL_NONE, NULL, NULL},
    {"everything",
     COUNT_7 "1109"
             "1801"
             "2100"
             "2b0204"
             "330202"
             "3a0141"
             "42020001"
             "4a1000000000000000000000000000000001"
             "5001"
             "5001"
             "5e0141",
     REFUSAL_NONE, NULL, NULL},
    {"an unknown field", COUNT_7 "c00201", REFUSAL_NONE, NULL, NULL},
    {"an unknown critical field", COUNT_7 "c40201", REFUSAL_FIELD_CRITICAL, "tag", "40"},
    {"an unknown critical field first of all", "c40201", REFUSAL_FIELD_CRITICAL, "tag", "40"},
    {"nothing", "", REFUSAL_FIELD_MISSING, "count", ""},
    {"the required one missing", "1109", REFUSAL_FIELD_MISSING, "count", ""},
    {"unsigned at its least", "0801", REFUSAL_NONE, NULL, NULL},
    {"unsigned at its most", "0864", REFUSAL_NONE, NULL, NULL},
    {"unsigned too small", "0800", REFUSAL_FIELD_RANGE, "count", "1"},
    {"unsigned too large", "0865", REFUSAL_FIELD_RANGE, "count", "100"},
    {"unsigned beyond 63 bits", "08ffffffffffffffffff01", REFUSAL_FIELD_RANGE, "count", "100"},
    {"signed at its least", COUNT_7 "1109", REFUSAL_NONE, NULL, NULL},
    {"signed at its most", COUNT_7 "110a", REFUSAL_NONE, NULL, NULL},
    {"signed too small", COUNT_7 "110b", REFUSAL_FIELD_RANGE, "delta", "-5"},
    {"signed too large", COUNT_7 "110c", REFUSAL_FIELD_RANGE, "delta", "5"},
    {"a name left out of the enum", COUNT_7 "1802", REFUSAL_FIELD_RANGE, "colour", "3"},
    {"the enum's nothing", COUNT_7 "1800", REFUSAL_FIELD_RANGE, "colour", "3"},
    {"beyond the enum", COUNT_7 "1804", REFUSAL_FIELD_RANGE, "colour", "3"},
    {"far beyond the enum", COUNT_7 "18ffffffffffffffffff01", REFUSAL_FIELD_RANGE, "colour", "3"},
    {"a time before 1970", COUNT_7 "2101", REFUSAL_FIELD_RANGE, "when", "0"},
    {"a time after 9999", COUNT_7 "2180c0c7efd8bf73", REFUSAL_FIELD_RANGE, "when",
     "253402300799999"},
    {"a decimal at its least", COUNT_7 "2b0000", REFUSAL_NONE, NULL, NULL},
    {"a decimal below", COUNT_7 "2b0123", REFUSAL_FIELD_RANGE, "share", "0"},
    {"a decimal above", COUNT_7 "2bd20f01", REFUSAL_FIELD_RANGE, "share", "100"},
    {"any decimal", COUNT_7 "330124", REFUSAL_NONE, NULL, NULL},
    {"a text too short", COUNT_7 "3a00", REFUSAL_FIELD_RANGE, "note", "1"},
    {"a text too long", COUNT_7 "3a15414141414141414141414141414141414141414141",
     REFUSAL_FIELD_RANGE, "note", "20"},
    {"a text with an escape", COUNT_7 "3a021b41", REFUSAL_FIELD_TEXT, "note", ""},
    {"a text with a line break", COUNT_7 "3a02410a", REFUSAL_FIELD_TEXT, "note", ""},
    {"a text with a direction mark", COUNT_7 "3a03e280ae", REFUSAL_FIELD_TEXT, "note", ""},
    {"a text with a zero-width mark", COUNT_7 "3a0441e2808b", REFUSAL_FIELD_TEXT, "note", ""},
    {"a text with a NUL", COUNT_7 "3a024100", REFUSAL_FIELD_TEXT, "note", ""},
    {"a text in no UTF-8", COUNT_7 "3a02c0af", REFUSAL_FIELD_TEXT, "note", ""},
    {"bytes too short", COUNT_7 "420100", REFUSAL_FIELD_RANGE, "blob", "2"},
    {"bytes too long", COUNT_7 "42050000000000", REFUSAL_FIELD_RANGE, "blob", "4"},
    {"an id too short", COUNT_7 "4a0100", REFUSAL_FIELD_RANGE, "link", "16"},
    {"a repeated field out of range", COUNT_7 "5001500a", REFUSAL_FIELD_RANGE, "part", "9"},
    {"a single field twice", "08070807", REFUSAL_FORM, "count", ""},
    {"a field of another type", "0907", REFUSAL_FORM, "count", ""},
    {"a text as a number", COUNT_7 "3801", REFUSAL_FORM, "note", ""},
    {"half a field", COUNT_7 "11", REFUSAL_FORM, "body", ""},
    {"fields that descend", COUNT_7 "18011109", REFUSAL_FORM, "body", ""},
    {"a decimal of two forms", COUNT_7 "2b1400", REFUSAL_FORM, "body", ""},
};

static void bodies_are_judged(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(body_rows); i++) {
        const struct body_row *row = &body_rows[i];
        uint8_t bytes[128];
        struct content content = test_content();
        content.body = slice_of(bytes, test_unhex(row->hex, bytes, sizeof(bytes)));
        struct refusal refusal = expected(row->code, "test.all", row->field, row->limit);
        check(row->what, &content, 1, &refusal);
    }
}

static void a_body_has_so_many_fields_at_most(void **state) {
    (void)state;
    uint8_t bytes[2 * (LIMIT_RECORD_FIELDS + 1)];
    bytes[0] = ALL_COUNT << 3;
    bytes[1] = 1;
    for (size_t i = 1; i <= LIMIT_RECORD_FIELDS; i++) {
        bytes[2 * i] = ALL_PART << 3;
        bytes[2 * i + 1] = 1;
    }
    struct content content = test_content();
    content.body = slice_of(bytes, sizeof(bytes) - 2);
    struct refusal refusal = expected(REFUSAL_NONE, "", NULL, NULL);
    check("64 fields", &content, 1, &refusal);
    content.body = slice_of(bytes, sizeof(bytes));
    refusal = expected(REFUSAL_TOO_LARGE, "test.all", "body", "64");
    check("65 fields", &content, 1, &refusal);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_are_judged),
        cmocka_unit_test(an_unknown_kind_needs_a_newer_davy),
        cmocka_unit_test(bodies_are_judged),
        cmocka_unit_test(a_body_has_so_many_fields_at_most),
    };
    test_keys_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
