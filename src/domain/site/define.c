#include "davy/domain/site/define.h"

#include "davy/base/ensure.h"

#include <string.h>

#define DEFINE_DOMAIN "davy/define/1"
#define REQ FIELD_REQUIRED

// clang-format off
static const struct field area_fields[] = {
    {AREA_CODE,    "code",    FIELD_TEXT, REQ, 1, LIMIT_TAG_BYTES, NULL},
    {AREA_NAME,    "name",    FIELD_TEXT, 0,   0, LIMIT_NAME_BYTES, NULL},
    {AREA_ORDER,   "order",   FIELD_UINT, 0,   0, LIMIT_SITE_AREAS, NULL},
    {AREA_REMOVED, "removed", FIELD_UINT, 0,   0, 1, NULL},
};
static const struct field tag_fields[] = {
    {TAG_TAG,       "tag",       FIELD_TEXT,    REQ, 1, LIMIT_TAG_BYTES, NULL},
    {TAG_AREA,      "area",      FIELD_TEXT,    REQ, 0, LIMIT_TAG_BYTES, NULL},
    {TAG_NAME,      "name",      FIELD_TEXT,    0,   0, LIMIT_NAME_BYTES, NULL},
    {TAG_UNIT,      "unit",      FIELD_TEXT,    0,   0, LIMIT_UNIT_BYTES, NULL},
    {TAG_LOW,       "low",       FIELD_DECIMAL, 0,   0, 0, NULL},
    {TAG_HIGH,      "high",      FIELD_DECIMAL, 0,   0, 0, NULL},
    {TAG_HH,        "limit_hh",  FIELD_DECIMAL, 0,   0, 0, NULL},
    {TAG_H,         "limit_h",   FIELD_DECIMAL, 0,   0, 0, NULL},
    {TAG_L,         "limit_l",   FIELD_DECIMAL, 0,   0, 0, NULL},
    {TAG_LL,        "limit_ll",  FIELD_DECIMAL, 0,   0, 0, NULL},
    {TAG_EQUIPMENT, "equipment", FIELD_TEXT,    0,   0, LIMIT_TAG_BYTES, NULL},
    {TAG_REMOVED,   "removed",   FIELD_UINT,    0,   0, 1, NULL},
    {TAG_ORDER,     "order",     FIELD_UINT,    0,   0, LIMIT_SITE_TAGS, NULL},
    {TAG_STALE,     "stale_s",   FIELD_UINT,    0,   0, LIMIT_STALE_S_MAX, NULL},
};

static const struct kind kinds[] = {
    {KIND_SITE_AREA, "site.area", EFFECT_FACT, LANE_NORMAL, KIND_SEALED | KIND_HUB, 0,
     area_fields, COUNT_OF(area_fields)},
    {KIND_SITE_TAG, "site.tag", EFFECT_FACT, LANE_NORMAL, KIND_SEALED | KIND_HUB, 0,
     tag_fields, COUNT_OF(tag_fields)},
};
// clang-format on

static const struct {
    uint16_t tag;
    uint8_t has;
} limits[] = {
    {TAG_HH, DEFINE_HAS_HH},
    {TAG_H, DEFINE_HAS_H},
    {TAG_L, DEFINE_HAS_L},
    {TAG_LL, DEFINE_HAS_LL},
};

struct rid define_subject(struct site_id site, enum define_what what, const char *code) {
    ENSURE(what == DEFINE_AREA || what == DEFINE_TAG);
    const struct slice parts[] = {
        slice_text(DEFINE_DOMAIN),
        slice_of(site.id.b, ID_BYTES),
        slice_text(what == DEFINE_AREA ? "area" : "tag"),
        slice_text(code),
    };
    struct hash32 hash;
    hash_parts(parts, COUNT_OF(parts), &hash);
    struct rid subject;
    memcpy(subject.id.b, hash.b, ID_BYTES);
    return subject;
}

static enum define_what what_of(uint16_t kind) {
    return kind == KIND_SITE_AREA  ? DEFINE_AREA
           : kind == KIND_SITE_TAG ? DEFINE_TAG
                                   : DEFINE_NOTHING;
}

static const struct kind *kind_of(enum define_what what) {
    return &kinds[what == DEFINE_AREA ? 0 : 1];
}

static bool subject_is_own(const struct content *content, struct rid subject) {
    enum define_what what = what_of(content->kind);
    char code[LIMIT_TAG_BYTES + 1];
    body_text(content->body, what == DEFINE_AREA ? AREA_CODE : TAG_TAG, code, sizeof(code));
    return rid_equal(subject, define_subject(content->site, what, code));
}

static bool decimal_take(struct slice body, uint16_t tag, struct decimal *out_value) {
    struct decimal value;
    if (!body_decimal(body, tag, &value)) {
        return false;
    }
    out_value->mantissa = value.mantissa;
    out_value->exponent = value.exponent;
    return true;
}

static void take_area(struct define_state *state, struct slice body) {
    uint64_t number = 0;
    body_text(body, AREA_CODE, state->code, sizeof(state->code));
    body_text(body, AREA_NAME, state->name, sizeof(state->name));
    state->order = body_uint(body, AREA_ORDER, &number) ? (uint32_t)number : 0;
    state->removed = body_uint(body, AREA_REMOVED, &number) && number != 0;
}

static void take_tag(struct define_state *state, struct slice body) {
    uint64_t number = 0;
    body_text(body, TAG_TAG, state->code, sizeof(state->code));
    body_text(body, TAG_AREA, state->area, sizeof(state->area));
    body_text(body, TAG_NAME, state->name, sizeof(state->name));
    body_text(body, TAG_UNIT, state->unit, sizeof(state->unit));
    body_text(body, TAG_EQUIPMENT, state->equipment, sizeof(state->equipment));
    state->order = body_uint(body, TAG_ORDER, &number) ? (uint32_t)number : 0;
    state->stale_s = body_uint(body, TAG_STALE, &number) ? (uint32_t)number : 0;
    state->removed = body_uint(body, TAG_REMOVED, &number) && number != 0;
    for (size_t i = 0; i < COUNT_OF(limits); i++) {
        if (decimal_take(body, limits[i].tag, &state->limits[i])) {
            state->has |= limits[i].has;
        }
    }
    if (decimal_take(body, TAG_LOW, &state->low) && decimal_take(body, TAG_HIGH, &state->high)) {
        state->has |= DEFINE_HAS_RANGE;
    }
}

// The latest statement stands alone: what it leaves out is gone.
static void define_fold(void *state, struct rid subject, const struct fold_entry *entry) {
    struct define_state *define = state;
    const struct content *content = entry->content;
    enum define_what what = what_of(content->kind);
    bool valid = entry->pending || entry->verdict == VERDICT_ACCEPTED;
    if (!valid || what == DEFINE_NOTHING || !subject_is_own(content, subject) ||
        body_needs_newer(kind_of(what), content->body)) {
        return;
    }
    memset(define, 0, sizeof(*define));
    define->what = (uint8_t)what;
    if (what == DEFINE_AREA) {
        take_area(define, content->body);
    } else {
        take_tag(define, content->body);
    }
}

static enum verdict define_check(const struct check_input *input, struct refusal *out_refusal) {
    enum define_what what = what_of(input->content->kind);
    if (what == DEFINE_NOTHING) {
        (void)REFUSE(out_refusal, REFUSAL_KIND_UNKNOWN, "");
        return VERDICT_REFUSED;
    }
    if (!subject_is_own(input->content, input->subject)) {
        (void)REFUSE(out_refusal, REFUSAL_FORM, kind_of(what)->name, "subjects");
        return VERDICT_REFUSED;
    }
    return VERDICT_ACCEPTED;
}

static const struct index_column columns[] = {
    {"what", INDEX_INT},  {"removed", INDEX_INT}, {"position", INDEX_INT},
    {"code", INDEX_TEXT}, {"area", INDEX_TEXT},
};

static void define_index(const void *state, struct index_value *out_values) {
    const struct define_state *define = state;
    const struct index_value values[] = {
        {.number = define->what},  {.number = define->removed ? 1 : 0},
        {.number = define->order}, {.text = define->code},
        {.text = define->area},
    };
    memcpy(out_values, values, sizeof(values));
}

static const char *define_area(const void *state) {
    const struct define_state *define = state;
    return define->area;
}

const struct module define_module = {
    .name = "define",
    .fold_version = 2,
    .kinds = kinds,
    .kind_count = COUNT_OF(kinds),
    .state_bytes = sizeof(struct define_state),
    .fold = define_fold,
    .check = define_check,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .index = define_index,
    .area = define_area,
};
