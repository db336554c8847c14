#include "davy/domain/alarm/alarm.h"

#include "davy/base/ensure.h"
#include "test_util.h"

#include <cjson/cJSON.h>

static const struct module *const modules[] = {&alarm_module};
static const struct registry registry = {modules, 1};

#define WANG ((struct rid){{{0xAA}}})
#define LIU ((struct rid){{{0xBB}}})

// An event of the log as a test writes it.
struct event {
    uint16_t kind;
    struct rid person;
    int64_t time_ms;
    enum verdict verdict; // VERDICT_NONE: pending
    uint64_t n;
};

static void body_write(struct buf *buf, uint16_t kind) {
    struct body body = body_start(registry_kind(&registry, kind, NULL), buf);
    switch (kind) {
    case KIND_ALARM_RAISE:
        body_put_text(&body, RAISE_TAG, "XMEAS7");
        body_put_text(&body, RAISE_AREA, "reactor");
        body_put_uint(&body, RAISE_LIMIT, ALARM_HH);
        body_put_uint(&body, RAISE_PRIORITY, 1);
        body_put_decimal(&body, RAISE_VALUE, (struct decimal){28955, -1});
        body_put_decimal(&body, RAISE_LIMIT_VALUE, (struct decimal){2895, 0});
        body_put_text(&body, RAISE_UNIT, "kPa");
        body_put_text(&body, RAISE_NAME, "反应器压力");
        body_put_int(&body, RAISE_TIME, 900);
        break;
    case KIND_ALARM_RETURN:
        body_put_int(&body, RETURN_TIME, 1900);
        body_put_uint(&body, RETURN_REASON, ALARM_RETURN_NORMAL);
        break;
    case KIND_ALARM_COMMENT:
        body_put_text(&body, COMMENT_TEXT, "已到现场");
        break;
    default:
        break;
    }
}

static void fold_body(struct alarm_state *state, const struct event *event, struct slice body) {
    const struct content content = {
        .kind = event->kind,
        .person = event->person,
        .time = {event->time_ms},
        .body = body,
    };
    const struct fold_entry entry = {
        .content = &content,
        .verdict = event->verdict,
        .n = event->n,
        .pending = event->verdict == VERDICT_NONE,
    };
    alarm_module.fold(state, (struct rid){{{1}}}, &entry);
}

static void fold(struct alarm_state *state, struct event event) {
    struct buf buf;
    buf_init(&buf, LIMIT_RECORD_BODY_BYTES);
    body_write(&buf, event.kind);
    fold_body(state, &event, buf_slice(&buf));
    buf_fini(&buf);
}

#define RAISE(n) ((struct event){KIND_ALARM_RAISE, {{{0}}}, 1000, VERDICT_ACCEPTED, n})
#define RETURN(n) ((struct event){KIND_ALARM_RETURN, {{{0}}}, 2000, VERDICT_ACCEPTED, n})
#define ACK(who, n) ((struct event){KIND_ALARM_ACK, who, 1500, VERDICT_ACCEPTED, n})
#define COMMENT(n) ((struct event){KIND_ALARM_COMMENT, WANG, 1600, VERDICT_ACCEPTED, n})
#define PENDING_ACK(who) ((struct event){KIND_ALARM_ACK, who, 1700, VERDICT_NONE, 0})

// ---- Every state with every event ----

static struct alarm_state state_in(enum alarm_occurrence occurrence) {
    struct alarm_state state = {0};
    if (occurrence != ALARM_OCCURRENCE_NONE) {
        fold(&state, RAISE(1));
    }
    if (occurrence == ALARM_OCCURRENCE_ACKED || occurrence == ALARM_OCCURRENCE_CLOSED) {
        fold(&state, ACK(WANG, 2));
    }
    if (occurrence == ALARM_OCCURRENCE_RETURNED || occurrence == ALARM_OCCURRENCE_CLOSED) {
        fold(&state, RETURN(3));
    }
    assert_int_equal(alarm_occurrence(&state), occurrence);
    return state;
}

struct step_row {
    enum alarm_occurrence from;
    uint16_t kind;
    enum alarm_occurrence to;
    bool changes; // changed_n moves: a painted row is no longer what it was
    char letter;
};
#define NONE ALARM_OCCURRENCE_NONE
#define UNACKED ALARM_OCCURRENCE_UNACKED
#define ACKED ALARM_OCCURRENCE_ACKED
#define RETURNED ALARM_OCCURRENCE_RETURNED
#define CLOSED ALARM_OCCURRENCE_CLOSED

static const struct step_row step_rows[] = {
    {NONE, KIND_ALARM_RAISE, UNACKED, true, 'U'},
    {NONE, KIND_ALARM_RETURN, NONE, false, '-'},
    {NONE, KIND_ALARM_ACK, NONE, true, '-'}, // a mark that waits for its raise
    {NONE, KIND_ALARM_COMMENT, NONE, false, '-'},
    {UNACKED, KIND_ALARM_RAISE, UNACKED, false, 'U'},
    {UNACKED, KIND_ALARM_RETURN, RETURNED, true, 'R'},
    {UNACKED, KIND_ALARM_ACK, ACKED, true, 'A'},
    {UNACKED, KIND_ALARM_COMMENT, UNACKED, false, 'U'},
    {ACKED, KIND_ALARM_RAISE, ACKED, false, 'A'},
    {ACKED, KIND_ALARM_RETURN, CLOSED, true, '-'},
    {ACKED, KIND_ALARM_ACK, ACKED, false, 'A'},
    {ACKED, KIND_ALARM_COMMENT, ACKED, false, 'A'},
    {RETURNED, KIND_ALARM_RAISE, RETURNED, false, 'R'},
    {RETURNED, KIND_ALARM_RETURN, RETURNED, false, 'R'},
    {RETURNED, KIND_ALARM_ACK, CLOSED, true, '-'},
    {RETURNED, KIND_ALARM_COMMENT, RETURNED, false, 'R'},
    {CLOSED, KIND_ALARM_RAISE, CLOSED, false, '-'},
    {CLOSED, KIND_ALARM_RETURN, CLOSED, false, '-'},
    {CLOSED, KIND_ALARM_ACK, CLOSED, false, '-'},
    {CLOSED, KIND_ALARM_COMMENT, CLOSED, false, '-'},
};
_Static_assert(COUNT_OF(step_rows) == 5 * 4, "every state with every event");

static void every_event_in_every_state(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(step_rows); i++) {
        const struct step_row *row = &step_rows[i];
        struct alarm_state alarm = state_in(row->from);
        uint64_t before = alarm.changed_n;
        fold(&alarm, (struct event){row->kind, LIU, 5000, VERDICT_ACCEPTED, 99});
        if (alarm_occurrence(&alarm) != row->to || alarm_letter(&alarm) != row->letter ||
            (alarm.changed_n != before) != row->changes) {
            fail_msg("state %d, kind %u: state %d, letter %c, changed %d", row->from, row->kind,
                     alarm_occurrence(&alarm), alarm_letter(&alarm), alarm.changed_n != before);
        }
    }
}

// Only an accepted or own pending record may change more than marks.
static void other_verdicts_change_no_state(void **state) {
    (void)state;
    static const enum verdict verdicts[] = {VERDICT_REFUSED, VERDICT_REPEAT, VERDICT_HELD};
    for (size_t i = 0; i < COUNT_OF(step_rows); i++) {
        for (size_t v = 0; v < COUNT_OF(verdicts); v++) {
            const struct step_row *row = &step_rows[i];
            struct alarm_state alarm = state_in(row->from);
            struct alarm_state before = alarm;
            fold(&alarm, (struct event){row->kind, LIU, 5000, verdicts[v], 99});
            bool counted = verdicts[v] == VERDICT_REFUSED;
            bool ack = row->kind == KIND_ALARM_ACK && counted;
            bool comment = row->kind == KIND_ALARM_COMMENT && counted;
            before.ack_count = (uint16_t)(before.ack_count + (ack ? 1 : 0));
            before.comment_count = (uint16_t)(before.comment_count + (comment ? 1 : 0));
            assert_memory_equal(&alarm, &before, sizeof(alarm));
        }
    }
}

static void a_raise_tells_the_occurrence(void **state) {
    (void)state;
    struct alarm_state alarm = state_in(UNACKED);
    assert_true(alarm.known && alarm.active && !alarm.acked);
    assert_string_equal(alarm.tag, "XMEAS7");
    assert_string_equal(alarm.area, "reactor");
    assert_string_equal(alarm.unit, "kPa");
    assert_string_equal(alarm.name, "反应器压力");
    assert_int_equal(alarm.limit, ALARM_HH);
    assert_int_equal(alarm.priority, 1);
    assert_true(alarm.value.mantissa == 28955 && alarm.value.exponent == -1);
    assert_true(alarm.limit_value.mantissa == 2895 && alarm.limit_value.exponent == 0);
    assert_true(alarm.raised_time.v == 900 && alarm.returned_time.v == 0);
    fold(&alarm, RETURN(2));
    assert_true(alarm.returned_time.v == 1900);
}

static void the_first_acknowledgement_wins(void **state) {
    (void)state;
    struct alarm_state alarm = state_in(UNACKED);
    fold(&alarm, ACK(LIU, 5));
    fold(&alarm, ACK(WANG, 6));
    assert_true(rid_equal(alarm.acked_by, LIU));
    assert_true(alarm.acked_time.v == 1500 && alarm.changed_n == 5);
    assert_int_equal(alarm.ack_count, 2);
    assert_false(alarm.acked_pending);
}

static void a_refused_acknowledgement_does_not_win(void **state) {
    (void)state;
    struct alarm_state alarm = state_in(UNACKED);
    fold(&alarm, (struct event){KIND_ALARM_ACK, LIU, 1400, VERDICT_REFUSED, 5});
    assert_int_equal(alarm_letter(&alarm), 'U');
    fold(&alarm, ACK(WANG, 6));
    assert_true(rid_equal(alarm.acked_by, WANG));
    assert_int_equal(alarm.ack_count, 2);
}

static void an_own_pending_acknowledgement_is_marked(void **state) {
    (void)state;
    struct alarm_state alarm = state_in(UNACKED);
    uint64_t before = alarm.changed_n;
    fold(&alarm, PENDING_ACK(WANG));
    assert_true(alarm.acked && alarm.acked_pending);
    assert_int_equal(alarm_letter(&alarm), 'A');
    assert_true(rid_equal(alarm.acked_by, WANG) && alarm.acked_time.v == 1700);
    assert_true(alarm.changed_n == before);
    // Folded on top of somebody else's acknowledgement in the log it changes nothing but the count.
    struct alarm_state other = state_in(UNACKED);
    fold(&other, ACK(LIU, 5));
    fold(&other, PENDING_ACK(WANG));
    assert_true(rid_equal(other.acked_by, LIU) && !other.acked_pending);
    assert_int_equal(other.ack_count, 2);
}

static void marks_may_come_before_the_raise(void **state) {
    (void)state;
    struct alarm_state alarm = {0};
    fold(&alarm, PENDING_ACK(WANG));
    fold(&alarm, PENDING_ACK(LIU));
    assert_int_equal(alarm_letter(&alarm), '-');
    fold(&alarm, RAISE(5));
    assert_int_equal(alarm_letter(&alarm), 'A');
    assert_true(rid_equal(alarm.acked_by, WANG) && alarm.acked_pending);
}

static void counts_stop_at_their_end(void **state) {
    (void)state;
    struct alarm_state alarm = state_in(UNACKED);
    alarm.ack_count = UINT16_MAX;
    alarm.comment_count = UINT16_MAX - 1;
    fold(&alarm, ACK(LIU, 5));
    fold(&alarm, COMMENT(6));
    fold(&alarm, COMMENT(7));
    assert_int_equal(alarm.ack_count, UINT16_MAX);
    assert_int_equal(alarm.comment_count, UINT16_MAX);
}

static void a_newer_critical_field_changes_only_the_mark(void **state) {
    (void)state;
    const uint8_t body[] = {0xC4, 0x02, 1};
    struct alarm_state alarm = state_in(UNACKED);
    struct event event = ACK(LIU, 5);
    fold_body(&alarm, &event, slice_of(body, sizeof(body)));
    assert_true(alarm.needs_newer && !alarm.acked && alarm.changed_n == 5);
    const uint8_t harmless[] = {0xC0, 0x02, 1};
    alarm = state_in(UNACKED);
    fold_body(&alarm, &event, slice_of(harmless, sizeof(harmless)));
    assert_true(!alarm.needs_newer && alarm.acked);
}

static void numbers_beyond_the_tables_are_not_cut_to_others(void **state) {
    (void)state;
    const uint8_t body[] = {0x18, 0x81, 0x02, 0x20, 0x81, 0x02}; // limit 257, priority 257
    struct alarm_state alarm = {0};
    struct event event = RAISE(1);
    fold_body(&alarm, &event, slice_of(body, sizeof(body)));
    assert_int_equal(alarm.limit, 0);
    assert_int_equal(alarm.priority, 4);
}

static void kinds_of_others_are_nothing(void **state) {
    (void)state;
    struct alarm_state alarm = state_in(UNACKED);
    struct alarm_state before = alarm;
    struct event event = {999, WANG, 1, VERDICT_ACCEPTED, 50};
    fold_body(&alarm, &event, slice_of(NULL, 0));
    assert_memory_equal(&alarm, &before, sizeof(alarm));
}

static void the_same_log_gives_the_same_bytes(void **state) {
    (void)state;
    struct alarm_state *states[2];
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        states[i] = calloc(1, sizeof(struct alarm_state));
        fold(states[i], RAISE(1));
        fold(states[i], COMMENT(2));
        fold(states[i], RETURN(3));
        fold(states[i], ACK(WANG, 4));
    }
    assert_memory_equal(states[0], states[1], sizeof(struct alarm_state));
    free(states[0]);
    free(states[1]);
}

// ---- Check ----

struct check_row {
    uint16_t kind;
    enum alarm_occurrence from;
    enum verdict verdict;
    enum refusal_code code;
};
static const struct check_row check_rows[] = {
    {KIND_ALARM_RAISE, NONE, VERDICT_ACCEPTED, REFUSAL_NONE},
    {KIND_ALARM_RAISE, UNACKED, VERDICT_REFUSED, REFUSAL_SUBJECT_EXISTS},
    {KIND_ALARM_RAISE, CLOSED, VERDICT_REFUSED, REFUSAL_SUBJECT_EXISTS},
    {KIND_ALARM_RETURN, NONE, VERDICT_HELD, REFUSAL_SUBJECT_UNKNOWN},
    {KIND_ALARM_RETURN, UNACKED, VERDICT_ACCEPTED, REFUSAL_NONE},
    {KIND_ALARM_RETURN, CLOSED, VERDICT_ACCEPTED, REFUSAL_NONE},
    {KIND_ALARM_ACK, NONE, VERDICT_HELD, REFUSAL_SUBJECT_UNKNOWN},
    {KIND_ALARM_ACK, UNACKED, VERDICT_ACCEPTED, REFUSAL_NONE},
    {KIND_ALARM_ACK, ACKED, VERDICT_ACCEPTED, REFUSAL_NONE},
    {KIND_ALARM_ACK, RETURNED, VERDICT_ACCEPTED, REFUSAL_NONE},
    {KIND_ALARM_ACK, CLOSED, VERDICT_ACCEPTED, REFUSAL_NONE},
    {KIND_ALARM_COMMENT, NONE, VERDICT_HELD, REFUSAL_SUBJECT_UNKNOWN},
    {KIND_ALARM_COMMENT, CLOSED, VERDICT_ACCEPTED, REFUSAL_NONE},
    {999, UNACKED, VERDICT_REFUSED, REFUSAL_KIND_UNKNOWN},
};

static void facts_are_taken_or_held(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(check_rows); i++) {
        const struct check_row *row = &check_rows[i];
        struct alarm_state alarm = state_in(row->from);
        const struct content content = {.kind = row->kind};
        struct check_input input = {
            .content = &content,
            .subject = {{{7}}},
            .state = &alarm,
        };
        struct refusal refusal = {0};
        assert_int_equal(alarm_module.check(&input, &refusal), row->verdict);
        assert_int_equal(refusal.code, row->code);
        if (row->code != REFUSAL_NONE && row->code != REFUSAL_KIND_UNKNOWN) {
            assert_true(rid_equal(refusal.subject, input.subject));
        }
        if (row->from == NONE) {
            input.state = NULL;
            assert_int_equal(alarm_module.check(&input, NULL), row->verdict);
        }
    }
}

// ---- Index, order ----

static void columns_tell_the_list(void **state) {
    (void)state;
    static const char *const names[] = {"area",   "tag",   "priority",  "open",
                                        "active", "acked", "raised_ms", "limit_kind"};
    assert_int_equal(alarm_module.column_count, COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_string_equal(alarm_module.columns[i].name, names[i]);
    }
    static const struct {
        enum alarm_occurrence occurrence;
        int open, active, acked;
    } rows[] = {{NONE, 0, 0, 0},
                {UNACKED, 1, 1, 0},
                {ACKED, 1, 1, 1},
                {RETURNED, 1, 0, 0},
                {CLOSED, 0, 0, 1}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct alarm_state alarm = state_in(rows[i].occurrence);
        struct index_value values[MODULE_INDEX_MAX];
        alarm_module.index(&alarm, values);
        assert_int_equal(values[3].number, rows[i].open);
        assert_int_equal(values[4].number, rows[i].active);
        assert_int_equal(values[5].number, rows[i].acked);
        assert_string_equal(values[0].text, alarm.area);
        assert_string_equal(values[1].text, alarm.tag);
        assert_true(values[6].number == alarm.raised_time.v);
        assert_string_equal(alarm_module.area(&alarm), alarm.area);
    }
}

static int by_compare(const void *a, const void *b) {
    return alarm_compare(a, b);
}

static void the_list_starts_with_what_wants_an_answer(void **state) {
    (void)state;
    static const struct {
        bool active, acked;
        uint8_t priority;
        int64_t raised;
        const char *tag;
    } wanted[] = {
        {true, false, 1, 200, "A"}, {false, false, 1, 100, "B"}, {true, false, 2, 900, "C"},
        {true, false, 2, 900, "D"}, {true, true, 1, 800, "E"},   {true, true, 3, 900, "F"},
        {false, true, 1, 999, "G"},
    };
    struct alarm_state rows[COUNT_OF(wanted)];
    memset(rows, 0, sizeof(rows));
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        struct alarm_state *row = &rows[(i * 3) % COUNT_OF(wanted)];
        row->known = true;
        row->active = wanted[i].active;
        row->acked = wanted[i].acked;
        row->priority = wanted[i].priority;
        row->raised_time.v = wanted[i].raised;
        snprintf(row->tag, sizeof(row->tag), "%s", wanted[i].tag);
    }
    qsort(rows, COUNT_OF(rows), sizeof(rows[0]), by_compare);
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        assert_string_equal(rows[i].tag, wanted[i].tag);
        assert_int_equal(alarm_compare(&rows[i], &rows[i]), 0);
        for (size_t k = 0; k < i; k++) {
            assert_true(alarm_compare(&rows[k], &rows[i]) < 0);
            assert_true(alarm_compare(&rows[i], &rows[k]) > 0);
        }
    }
    struct alarm_state limit = rows[0];
    limit.limit = ALARM_H;
    assert_true(alarm_compare(&rows[0], &limit) < 0);
}

static void limits_have_names(void **state) {
    (void)state;
    assert_string_equal(alarm_limit_name(ALARM_HH), "HH");
    assert_string_equal(alarm_limit_name(ALARM_LL), "LL");
    assert_string_equal(alarm_limit_name(ALARM_STALE), "stale");
    assert_string_equal(alarm_limit_name((enum alarm_limit)0), "?");
    assert_string_equal(alarm_limit_name((enum alarm_limit)6), "?");
}

// ---- Tables ----

struct kind_row {
    uint16_t number;
    const char *name;
    enum effect effect;
    uint8_t flags;
    uint32_t roles;
};
static const struct kind_row kind_rows[] = {
    {20, "alarm.raise", EFFECT_CHANGE, KIND_OPENS | KIND_SEALED | KIND_HUB, 0},
    {21, "alarm.return", EFFECT_FACT, KIND_SEALED | KIND_HUB, 0},
    {22, "alarm.ack", EFFECT_FACT, KIND_MANY | KIND_BY_AREA,
     ROLE_BIT(ROLE_OPERATOR) | ROLE_BIT(ROLE_SHIFT_LEADER)},
    {23, "alarm.comment", EFFECT_FACT, KIND_BY_AREA,
     ((1u << ROLE_COUNT) - 1) & ~ROLE_BIT(ROLE_ROOT) & ~ROLE_BIT(ROLE_VIEWER)},
};

static void kinds_are_the_header_s(void **state) {
    (void)state;
    assert_int_equal(alarm_module.kind_count, COUNT_OF(kind_rows));
    for (size_t i = 0; i < COUNT_OF(kind_rows); i++) {
        const struct kind *kind = &alarm_module.kinds[i];
        assert_int_equal(kind->number, kind_rows[i].number);
        assert_string_equal(kind->name, kind_rows[i].name);
        assert_int_equal(kind->effect, kind_rows[i].effect);
        assert_int_equal(kind->lane, LANE_SAFETY);
        assert_int_equal(kind->flags, kind_rows[i].flags);
        assert_int_equal(kind->roles, kind_rows[i].roles);
        for (uint16_t f = 1; f < kind->field_count; f++) {
            assert_true(kind->fields[f].tag > kind->fields[f - 1].tag);
        }
    }
}

static struct slice unhex(const cJSON *object, const char *name, uint8_t *out, size_t out_bytes) {
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return slice_of(out, test_unhex(item->valuestring, out, out_bytes));
}

// What was once recorded must pass for ever.
static void recorded_alarms_still_pass(void **state) {
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
        struct content content;
        struct refusal refusal = {0};
        struct slice slice = unhex(row, "content", bytes, sizeof(bytes));
        assert_int_equal(content_decode(slice, &content), RC_OK);
        if (registry_kind(&registry, content.kind, NULL) != NULL) {
            assert_int_equal(content_check_form(&registry, &content, LANE_SAFETY, &refusal), RC_OK);
            passed++;
        }
    }
    assert_int_equal(passed, 5);
    cJSON_Delete(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_in_every_state),
        cmocka_unit_test(other_verdicts_change_no_state),
        cmocka_unit_test(a_raise_tells_the_occurrence),
        cmocka_unit_test(the_first_acknowledgement_wins),
        cmocka_unit_test(a_refused_acknowledgement_does_not_win),
        cmocka_unit_test(an_own_pending_acknowledgement_is_marked),
        cmocka_unit_test(marks_may_come_before_the_raise),
        cmocka_unit_test(counts_stop_at_their_end),
        cmocka_unit_test(a_newer_critical_field_changes_only_the_mark),
        cmocka_unit_test(numbers_beyond_the_tables_are_not_cut_to_others),
        cmocka_unit_test(kinds_of_others_are_nothing),
        cmocka_unit_test(the_same_log_gives_the_same_bytes),
        cmocka_unit_test(facts_are_taken_or_held),
        cmocka_unit_test(columns_tell_the_list),
        cmocka_unit_test(the_list_starts_with_what_wants_an_answer),
        cmocka_unit_test(limits_have_names),
        cmocka_unit_test(kinds_are_the_header_s),
        cmocka_unit_test(recorded_alarms_still_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
