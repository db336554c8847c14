#include "davy/domain/segment/segment.h"

#include "davy/base/ensure.h"

#include <string.h>

// clang-format off
static const struct field add_fields[] = {
    {SEGMENT_TIME,     "first",    FIELD_TIME,  FIELD_REQUIRED, 0, 0, NULL},
    {SEGMENT_READINGS, "readings", FIELD_BYTES, FIELD_REQUIRED, 1, SEGMENT_PACK_BYTES, NULL},
    {SEGMENT_ROUND,    "round",    FIELD_ID,    0, ID_BYTES, ID_BYTES, NULL},
    {SEGMENT_PART,     "part",     FIELD_UINT,  0, 0, SEGMENT_PART_MAX, NULL},
    {SEGMENT_AREA,     "area",     FIELD_TEXT,  0, 1, LIMIT_TAG_BYTES, NULL},
};
static const struct kind kinds[] = {
    {KIND_SEGMENT_ADD, "segment.add", EFFECT_FACT, LANE_NORMAL, KIND_OPENS | KIND_SEALED, 0,
     add_fields, COUNT_OF(add_fields)},
};
// clang-format on

static void take_readings(struct segment_state *state, const struct segment *segment) {
    state->points = segment->point_count;
    state->readings = segment->reading_count;
    state->first = segment->readings[0].time;
    state->last = segment->readings[0].time;
    for (uint16_t i = 1; i < segment->reading_count; i++) {
        struct utc_ms time = segment->readings[i].time;
        state->first = time.v < state->first.v ? time : state->first;
        state->last = time.v > state->last.v ? time : state->last;
    }
    memcpy(state->tag, segment->points[0].tag, sizeof(state->tag));
}

static void take_add(struct segment_state *state, const struct fold_entry *entry,
                     const struct segment *segment) {
    struct slice body = entry->content->body;
    struct slice round;
    uint64_t part = 0;
    state->known = true;
    state->pending = entry->pending;
    state->device = entry->content->device;
    take_readings(state, segment);
    if (body_bytes(body, SEGMENT_ROUND, &round) && round.len == ID_BYTES) {
        struct id16 id;
        memcpy(id.b, round.data, ID_BYTES);
        id16_hex(id, state->round);
    }
    (void)body_uint(body, SEGMENT_PART, &part);
    state->part = (uint16_t)part;
    body_text(body, SEGMENT_AREA, state->area, sizeof(state->area));
}

static void segment_fold(void *state, struct rid subject, const struct fold_entry *entry) {
    (void)subject;
    struct segment_state *known = state;
    struct segment segment;
    if (entry->content->kind != KIND_SEGMENT_ADD || known->known ||
        entry->verdict == VERDICT_REPEAT) {
        return;
    }
    known->verdict = (uint8_t)entry->verdict;
    known->rule = entry->rule;
    known->time = entry->content->time;
    if (entry->verdict != VERDICT_ACCEPTED && !entry->pending) {
        return;
    }
    if (body_needs_newer(&kinds[0], entry->content->body)) {
        known->needs_newer = true;
        return;
    }
    if (segment_of_body(entry->content->body, &segment) == RC_OK) {
        take_add(known, entry, &segment);
    }
}

static enum verdict refuse(const struct check_input *input, struct refusal *out,
                           enum refusal_code code, const char *field) {
    (void)REFUSE(out, code, kinds[0].name, field);
    if (out != NULL) {
        out->subject = input->subject;
    }
    return VERDICT_REFUSED;
}

static enum verdict segment_check(const struct check_input *input, struct refusal *out_refusal) {
    static const uint8_t zero[ID_BYTES];
    const struct segment_state *state = input->state;
    struct segment segment;
    struct slice round;
    if (input->content->kind != KIND_SEGMENT_ADD) {
        (void)REFUSE(out_refusal, REFUSAL_KIND_UNKNOWN, "");
        return VERDICT_REFUSED;
    }
    if (state != NULL && state->known) {
        return refuse(input, out_refusal, REFUSAL_SUBJECT_EXISTS, "");
    }
    if (segment_of_body(input->content->body, &segment) != RC_OK) {
        return refuse(input, out_refusal, REFUSAL_FORM, "readings");
    }
    if (body_bytes(input->content->body, SEGMENT_ROUND, &round) &&
        memcmp(round.data, zero, ID_BYTES) == 0) {
        return refuse(input, out_refusal, REFUSAL_FIELD_RANGE, "round");
    }
    return VERDICT_ACCEPTED;
}

static const struct index_column columns[] = {
    {"area", INDEX_TEXT},    {"round", INDEX_TEXT},   {"tag", INDEX_TEXT},
    {"time_ms", INDEX_INT},  {"first_ms", INDEX_INT}, {"last_ms", INDEX_INT},
    {"accepted", INDEX_INT},
};
_Static_assert(COUNT_OF(columns) <= MODULE_INDEX_MAX, "a view has so many columns at most");

static void segment_index(const void *state, struct index_value *out_values) {
    const struct segment_state *segment = state;
    const struct index_value values[] = {
        {.text = segment->area},
        {.text = segment->round},
        {.text = segment->tag},
        {.number = segment->time.v},
        {.number = segment->first.v},
        {.number = segment->last.v},
        {.number = segment->known ? 1 : 0},
    };
    memcpy(out_values, values, sizeof(values));
}

static const char *segment_area(const void *state) {
    const struct segment_state *segment = state;
    return segment->area;
}

const struct module segment_module = {
    .name = "segment",
    .fold_version = 1,
    .kinds = kinds,
    .kind_count = COUNT_OF(kinds),
    .state_bytes = sizeof(struct segment_state),
    .fold = segment_fold,
    .check = segment_check,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .index = segment_index,
    .area = segment_area,
};
