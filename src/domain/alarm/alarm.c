#include "davy/domain/alarm/alarm.h"

#include "davy/base/ensure.h"
#include "davy/domain/alarm/eval.h"

#include <string.h>

#define ALARM_RESPOND_S_MAX 86400
#define ALARM_PRIORITIES 4

static const char *const limit_names[] = {
    [ALARM_HH] = "HH", [ALARM_H] = "H", [ALARM_L] = "L", [ALARM_LL] = "LL", [ALARM_STALE] = "stale",
};
static const char *const qualities[] = {
    [ALARM_QUALITY_GOOD] = "good",
    [ALARM_QUALITY_UNCERTAIN] = "uncertain",
    [ALARM_QUALITY_BAD] = "bad",
};
static const char *const reasons[] = {
    [ALARM_RETURN_NORMAL] = "normal",
    [ALARM_RETURN_CHANGED] = "changed",
};

// Any grant but a viewer's.
#define COMMENTERS                                                                                 \
    (ROLE_BIT(ROLE_ADMIN) | ROLE_BIT(ROLE_SHIFT_LEADER) | ROLE_BIT(ROLE_OPERATOR) |                \
     ROLE_BIT(ROLE_SAFETY) | ROLE_BIT(ROLE_INSPECTOR) | ROLE_BIT(ROLE_GUARDIAN) |                  \
     ROLE_BIT(ROLE_APPROVER))
#define REQ FIELD_REQUIRED

// clang-format off
static const struct field raise_fields[] = {
    {RAISE_TAG,         "tag",         FIELD_TEXT,    REQ, 1, LIMIT_TAG_BYTES, NULL},
    {RAISE_AREA,        "area",        FIELD_TEXT,    REQ, 0, LIMIT_TAG_BYTES, NULL},
    {RAISE_LIMIT,       "limit",       FIELD_ENUM,    REQ, ALARM_HH, ALARM_STALE, limit_names},
    {RAISE_PRIORITY,    "priority",    FIELD_UINT,    REQ, 1, ALARM_PRIORITIES, NULL},
    {RAISE_VALUE,       "value",       FIELD_DECIMAL, 0,   0, 0, NULL},
    {RAISE_LIMIT_VALUE, "limit_value", FIELD_DECIMAL, 0,   0, 0, NULL},
    {RAISE_UNIT,        "unit",        FIELD_TEXT,    0,   0, LIMIT_UNIT_BYTES, NULL},
    {RAISE_NAME,        "name",        FIELD_TEXT,    0,   0, LIMIT_NAME_BYTES, NULL},
    {RAISE_CONSEQUENCE, "consequence", FIELD_TEXT,    0,   0, LIMIT_TEXT_BYTES, NULL},
    {RAISE_ACTION,      "action",      FIELD_TEXT,    0,   0, LIMIT_TEXT_BYTES, NULL},
    {RAISE_RESPOND_S,   "respond_s",   FIELD_UINT,    0,   0, ALARM_RESPOND_S_MAX, NULL},
    {RAISE_TIME,        "time",        FIELD_TIME,    REQ, 0, 0, NULL},
    {RAISE_QUALITY,     "quality",     FIELD_ENUM,    0,   0, ALARM_QUALITY_BAD, qualities},
    {RAISE_EQUIPMENT,   "equipment",   FIELD_TEXT,    0,   0, LIMIT_TAG_BYTES, NULL},
};
static const struct field return_fields[] = {
    {RETURN_VALUE,  "value",  FIELD_DECIMAL, 0,   0, 0, NULL},
    {RETURN_TIME,   "time",   FIELD_TIME,    REQ, 0, 0, NULL},
    {RETURN_REASON, "reason", FIELD_ENUM,    0,   1, ALARM_RETURN_CHANGED, reasons},
};
static const struct field ack_fields[] = {
    {ACK_COMMENT, "comment", FIELD_TEXT, 0, 1, LIMIT_COMMENT_BYTES, NULL},
};
static const struct field comment_fields[] = {
    {COMMENT_TEXT, "text", FIELD_TEXT, REQ, 1, LIMIT_COMMENT_BYTES, NULL},
};

#define FIELDS(rows) rows, COUNT_OF(rows)
static const struct kind kinds[] = {
    {KIND_ALARM_RAISE, "alarm.raise", EFFECT_CHANGE, LANE_SAFETY,
     KIND_OPENS | KIND_SEALED | KIND_HUB, 0, FIELDS(raise_fields)},
    {KIND_ALARM_RETURN, "alarm.return", EFFECT_FACT, LANE_SAFETY,
     KIND_SEALED | KIND_HUB, 0, FIELDS(return_fields)},
    {KIND_ALARM_ACK, "alarm.ack", EFFECT_FACT, LANE_SAFETY,
     KIND_MANY | KIND_BY_AREA, ROLE_BIT(ROLE_OPERATOR) | ROLE_BIT(ROLE_SHIFT_LEADER),
     FIELDS(ack_fields)},
    {KIND_ALARM_COMMENT, "alarm.comment", EFFECT_FACT, LANE_SAFETY,
     KIND_BY_AREA, COMMENTERS, FIELDS(comment_fields)},
};
// clang-format on

const char *alarm_limit_name(enum alarm_limit limit) {
    bool known = limit >= ALARM_HH && limit <= ALARM_STALE;
    return known ? limit_names[limit] : "?";
}

enum alarm_occurrence alarm_occurrence(const struct alarm_state *state) {
    if (!state->known) {
        return ALARM_OCCURRENCE_NONE;
    }
    if (state->active) {
        return state->acked ? ALARM_OCCURRENCE_ACKED : ALARM_OCCURRENCE_UNACKED;
    }
    return state->acked ? ALARM_OCCURRENCE_CLOSED : ALARM_OCCURRENCE_RETURNED;
}

// ---- Fold ----

static void take_raise(struct alarm_state *state, const struct fold_entry *entry) {
    struct slice body = entry->content->body;
    uint64_t limit = 0;
    uint64_t priority = 0;
    (void)body_uint(body, RAISE_LIMIT, &limit);
    (void)body_uint(body, RAISE_PRIORITY, &priority);
    state->known = true;
    state->active = true;
    state->limit = (uint8_t)(limit <= ALARM_STALE ? limit : 0);
    state->priority = (uint8_t)(priority <= ALARM_PRIORITIES ? priority : ALARM_PRIORITIES);
    state->raised_time = entry->content->time;
    (void)body_int(body, RAISE_TIME, &state->raised_time.v);
    struct decimal number = {0};
    if (body_decimal(body, RAISE_VALUE, &number)) {
        state->value.mantissa = number.mantissa;
        state->value.exponent = number.exponent;
    }
    if (body_decimal(body, RAISE_LIMIT_VALUE, &number)) {
        state->limit_value.mantissa = number.mantissa;
        state->limit_value.exponent = number.exponent;
    }
    body_text(body, RAISE_TAG, state->tag, sizeof(state->tag));
    body_text(body, RAISE_AREA, state->area, sizeof(state->area));
    body_text(body, RAISE_UNIT, state->unit, sizeof(state->unit));
    body_text(body, RAISE_NAME, state->name, sizeof(state->name));
}

static void take_return(struct alarm_state *state, const struct fold_entry *entry) {
    state->active = false;
    state->returned_time = entry->content->time;
    (void)body_int(entry->content->body, RETURN_TIME, &state->returned_time.v);
}

static void take_ack(struct alarm_state *state, const struct fold_entry *entry) {
    state->acked = true;
    state->acked_pending = entry->pending;
    state->acked_by = entry->content->person;
    state->acked_time = entry->content->time;
}

// What an event does in each state of the occurrence; no row: nothing. An acknowledgement before
// its raise can only be one's own pending act; it waits on the state as a mark.
static const struct {
    enum alarm_occurrence from;
    uint16_t kind;
    void (*take)(struct alarm_state *state, const struct fold_entry *entry);
} steps[] = {
    {ALARM_OCCURRENCE_NONE, KIND_ALARM_RAISE, take_raise},
    {ALARM_OCCURRENCE_NONE, KIND_ALARM_ACK, take_ack},
    {ALARM_OCCURRENCE_UNACKED, KIND_ALARM_ACK, take_ack},
    {ALARM_OCCURRENCE_UNACKED, KIND_ALARM_RETURN, take_return},
    {ALARM_OCCURRENCE_ACKED, KIND_ALARM_RETURN, take_return},
    {ALARM_OCCURRENCE_RETURNED, KIND_ALARM_ACK, take_ack},
};

static bool step(struct alarm_state *state, const struct fold_entry *entry) {
    enum alarm_occurrence from = alarm_occurrence(state);
    if (entry->content->kind == KIND_ALARM_ACK && state->acked) {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        if (steps[i].from == from && steps[i].kind == entry->content->kind) {
            steps[i].take(state, entry);
            return true;
        }
    }
    return false;
}

static void count_up(uint16_t *count) {
    *count = *count < UINT16_MAX ? (uint16_t)(*count + 1) : UINT16_MAX;
}

// Counts what speaks of the occurrence, refused or not, once its verdict is final.
static void count_mark(struct alarm_state *state, const struct fold_entry *entry) {
    if (entry->content->kind == KIND_ALARM_ACK) {
        count_up(&state->ack_count);
    } else if (entry->content->kind == KIND_ALARM_COMMENT) {
        count_up(&state->comment_count);
    }
}

static const struct kind *kind_of(const struct content *content) {
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (kinds[i].number == content->kind) {
            return &kinds[i];
        }
    }
    return NULL;
}

static void alarm_fold(void *state, struct rid subject, const struct fold_entry *entry) {
    (void)subject;
    struct alarm_state *alarm = state;
    const struct kind *kind = kind_of(entry->content);
    bool valid = entry->pending || entry->verdict == VERDICT_ACCEPTED;
    if (kind == NULL || (!valid && entry->verdict != VERDICT_REFUSED)) {
        return;
    }
    count_mark(alarm, entry);
    bool newer = valid && body_needs_newer(kind, entry->content->body);
    alarm->needs_newer = alarm->needs_newer || newer;
    bool changed = newer || (valid && step(alarm, entry));
    if (changed && entry->n > 0) {
        alarm->changed_n = entry->n;
    }
}

// ---- Check ----

static enum verdict answer(const struct check_input *input, struct refusal *out,
                           enum verdict verdict, enum refusal_code code) {
    (void)REFUSE(out, code, kind_of(input->content)->name);
    if (out != NULL) {
        out->subject = input->subject;
    }
    return verdict;
}

// Facts are never refused: one about an occurrence that is not known here yet waits for it.
static enum verdict alarm_check(const struct check_input *input, struct refusal *out_refusal) {
    const struct alarm_state *state = input->state;
    bool known = state != NULL && state->known;
    if (kind_of(input->content) == NULL) {
        (void)REFUSE(out_refusal, REFUSAL_KIND_UNKNOWN, "");
        return VERDICT_REFUSED;
    }
    if (input->content->kind == KIND_ALARM_RAISE) {
        return known ? answer(input, out_refusal, VERDICT_REFUSED, REFUSAL_SUBJECT_EXISTS)
                     : VERDICT_ACCEPTED;
    }
    return known ? VERDICT_ACCEPTED
                 : answer(input, out_refusal, VERDICT_HELD, REFUSAL_SUBJECT_UNKNOWN);
}

// ---- Index and order ----

static const struct index_column columns[] = {
    {"area", INDEX_TEXT},     {"tag", INDEX_TEXT},       {"priority", INDEX_INT},
    {"open", INDEX_INT},      {"active", INDEX_INT},     {"acked", INDEX_INT},
    {"raised_ms", INDEX_INT}, {"limit_kind", INDEX_INT},
};
_Static_assert(COUNT_OF(columns) <= MODULE_INDEX_MAX, "a view has so many columns at most");

static bool is_open(const struct alarm_state *state) {
    return state->known && (state->active || !state->acked);
}

static void alarm_index(const void *state, struct index_value *out_values) {
    const struct alarm_state *alarm = state;
    const struct index_value values[] = {
        {.text = alarm->area},
        {.text = alarm->tag},
        {.number = alarm->priority},
        {.number = is_open(alarm) ? 1 : 0},
        {.number = alarm->active ? 1 : 0},
        {.number = alarm->acked ? 1 : 0},
        {.number = alarm->raised_time.v},
        {.number = alarm->limit},
    };
    memcpy(out_values, values, sizeof(values));
}

static const char *alarm_area(const void *state) {
    const struct alarm_state *alarm = state;
    return alarm->area;
}

char alarm_letter(const struct alarm_state *state) {
    static const char letters[] = {
        [ALARM_OCCURRENCE_NONE] = '-',   [ALARM_OCCURRENCE_UNACKED] = 'U',
        [ALARM_OCCURRENCE_ACKED] = 'A',  [ALARM_OCCURRENCE_RETURNED] = 'R',
        [ALARM_OCCURRENCE_CLOSED] = '-',
    };
    return letters[alarm_occurrence(state)];
}

static int compare_int(int64_t a, int64_t b) {
    return a < b ? -1 : a > b ? 1 : 0;
}

// 0 wants an acknowledgement, 1 stands acknowledged, 2 is over.
static int alarm_rank(const struct alarm_state *state) {
    if (!is_open(state)) {
        return 2;
    }
    return state->acked ? 1 : 0;
}

int alarm_compare(const struct alarm_state *a, const struct alarm_state *b) {
    int order = compare_int(alarm_rank(a), alarm_rank(b));
    order = order != 0 ? order : compare_int(a->priority, b->priority);
    order = order != 0 ? order : compare_int(b->raised_time.v, a->raised_time.v);
    order = order != 0 ? order : strcmp(a->tag, b->tag);
    return order != 0 ? order : compare_int(a->limit, b->limit);
}

const struct module alarm_module = {
    .name = "alarm",
    .fold_version = 1,
    .kinds = kinds,
    .kind_count = COUNT_OF(kinds),
    .state_bytes = sizeof(struct alarm_state),
    .fold = alarm_fold,
    .check = alarm_check,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .index = alarm_index,
    .area = alarm_area,
};
