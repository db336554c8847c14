#include "davy/domain/remark/remark.h"

#include "davy/base/ensure.h"

#include <string.h>

// Whoever holds a grant may say what was seen, a viewer too; a root key is no person.
#define ANYONE                                                                                     \
    (ROLE_BIT(ROLE_ADMIN) | ROLE_BIT(ROLE_SHIFT_LEADER) | ROLE_BIT(ROLE_OPERATOR) |                \
     ROLE_BIT(ROLE_SAFETY) | ROLE_BIT(ROLE_INSPECTOR) | ROLE_BIT(ROLE_GUARDIAN) |                  \
     ROLE_BIT(ROLE_APPROVER) | ROLE_BIT(ROLE_VIEWER))

// clang-format off
static const struct field add_fields[] = {
    {REMARK_TEXT,      "text",      FIELD_TEXT, FIELD_REQUIRED, 1, LIMIT_COMMENT_BYTES, NULL},
    {REMARK_ABOUT,     "about",     FIELD_ID,   0, ID_BYTES, ID_BYTES, NULL},
    {REMARK_PLACE,     "place",     FIELD_TEXT, 0, 1, LIMIT_NAME_BYTES, NULL},
    {REMARK_EQUIPMENT, "equipment", FIELD_TEXT, 0, 1, LIMIT_TAG_BYTES, NULL},
    {REMARK_AREA,      "area",      FIELD_TEXT, 0, 1, LIMIT_TAG_BYTES, NULL},
    {REMARK_BLOB,      "blob",      FIELD_BYTES, FIELD_REPEATED, HASH_BYTES, HASH_BYTES, NULL},
};
static const struct kind kinds[] = {
    {KIND_REMARK_ADD, "remark.add", EFFECT_FACT, LANE_DANGER, KIND_OPENS, ANYONE,
     add_fields, COUNT_OF(add_fields)},
};
// clang-format on

static void take_add(struct remark_state *remark, const struct fold_entry *entry) {
    struct slice body = entry->content->body;
    struct slice about;
    remark->known = true;
    remark->pending = entry->pending;
    remark->audience = entry->content->audience;
    remark->person = entry->content->person;
    remark->device = entry->content->device;
    if (body_bytes(body, REMARK_ABOUT, &about) && about.len == ID_BYTES) {
        struct id16 id;
        memcpy(id.b, about.data, ID_BYTES);
        id16_hex(id, remark->about);
    }
    body_text(body, REMARK_TEXT, remark->text, sizeof(remark->text));
    body_text(body, REMARK_PLACE, remark->place, sizeof(remark->place));
    body_text(body, REMARK_EQUIPMENT, remark->equipment, sizeof(remark->equipment));
    body_text(body, REMARK_AREA, remark->area, sizeof(remark->area));
}

static void remark_fold(void *state, struct rid subject, const struct fold_entry *entry) {
    (void)subject;
    struct remark_state *remark = state;
    if (entry->content->kind != KIND_REMARK_ADD || remark->known ||
        entry->verdict == VERDICT_REPEAT) {
        return;
    }
    remark->verdict = (uint8_t)entry->verdict;
    remark->rule = entry->rule;
    remark->time = entry->content->time;
    if (entry->verdict != VERDICT_ACCEPTED && !entry->pending) {
        return;
    }
    if (body_needs_newer(&kinds[0], entry->content->body)) {
        remark->needs_newer = true;
        return;
    }
    take_add(remark, entry);
}

static enum verdict refuse(const struct check_input *input, struct refusal *out,
                           enum refusal_code code, const char *field) {
    (void)REFUSE(out, code, kinds[0].name, field);
    if (out != NULL) {
        out->subject = input->subject;
    }
    return VERDICT_REFUSED;
}

static enum verdict remark_check(const struct check_input *input, struct refusal *out_refusal) {
    static const uint8_t zero[ID_BYTES];
    const struct remark_state *state = input->state;
    struct slice about;
    if (input->content->kind != KIND_REMARK_ADD) {
        (void)REFUSE(out_refusal, REFUSAL_KIND_UNKNOWN, "");
        return VERDICT_REFUSED;
    }
    if (state != NULL && state->known) {
        return refuse(input, out_refusal, REFUSAL_SUBJECT_EXISTS, "");
    }
    if (body_bytes(input->content->body, REMARK_ABOUT, &about) &&
        (about.len != ID_BYTES || memcmp(about.data, zero, ID_BYTES) == 0)) {
        return refuse(input, out_refusal, REFUSAL_FIELD_RANGE, "about");
    }
    return VERDICT_ACCEPTED;
}

static const struct index_column columns[] = {
    {"area", INDEX_TEXT},   {"about", INDEX_TEXT},   {"audience", INDEX_INT},
    {"time_ms", INDEX_INT}, {"accepted", INDEX_INT},
};
_Static_assert(COUNT_OF(columns) <= MODULE_INDEX_MAX, "a view has so many columns at most");

static void remark_index(const void *state, struct index_value *out_values) {
    const struct remark_state *remark = state;
    const struct index_value values[] = {
        {.text = remark->area},     {.text = remark->about},           {.number = remark->audience},
        {.number = remark->time.v}, {.number = remark->known ? 1 : 0},
    };
    memcpy(out_values, values, sizeof(values));
}

static const char *remark_area(const void *state) {
    const struct remark_state *remark = state;
    return remark->area;
}

const struct module remark_module = {
    .name = "remark",
    .fold_version = 1,
    .kinds = kinds,
    .kind_count = COUNT_OF(kinds),
    .state_bytes = sizeof(struct remark_state),
    .fold = remark_fold,
    .check = remark_check,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .index = remark_index,
    .area = remark_area,
};
