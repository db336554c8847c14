#include "davy/domain/carry/carry.h"

#include "davy/base/ensure.h"

#include <string.h>

#define CARRIED_TEXT 1 // by habit of all kinds the first field is what a person reads

// clang-format off
static const struct field fields[] = {
    {CARRY_SITE,      "site",      FIELD_ID,    FIELD_REQUIRED, ID_BYTES, ID_BYTES, NULL},
    {CARRY_KIND,      "kind",      FIELD_UINT,  FIELD_REQUIRED, 1, UINT16_MAX, NULL},
    {CARRY_CONTENT,   "content",   FIELD_BYTES, FIELD_REQUIRED, 1, CARRY_CONTENT_MAX, NULL},
    {CARRY_SIGNATURE, "signature", FIELD_BYTES, 0, SIGNATURE_BYTES, SIGNATURE_BYTES, NULL},
    {CARRY_KEY,       "key",       FIELD_BYTES, 0, PUBLIC_KEY_BYTES, PUBLIC_KEY_BYTES, NULL},
    {CARRY_HUB_TIME,  "hub_time",  FIELD_TIME,  FIELD_REQUIRED, 0, 0, NULL},
};
static const struct kind kinds[] = {
    {KIND_PARENT_CARRY, "parent.carry", EFFECT_FACT, LANE_DANGER, KIND_SEALED | KIND_HUB, 0,
     fields, COUNT_OF(fields)},
};
// clang-format on

static bool carried(struct slice body, struct content *out_content, struct rid *out_rid) {
    struct slice bytes;
    if (!body_bytes(body, CARRY_CONTENT, &bytes) || content_decode(bytes, out_content) != RC_OK) {
        return false;
    }
    *out_rid = content_rid(bytes);
    return true;
}

static void carry_fold(void *state, struct rid subject, const struct fold_entry *entry) {
    struct carry_state *carry = state;
    struct content content;
    struct rid rid;
    if (entry->content->kind != KIND_PARENT_CARRY || carry->known ||
        (entry->verdict != VERDICT_ACCEPTED && !entry->pending)) {
        return;
    }
    struct slice body = entry->content->body;
    if (body_needs_newer(&kinds[0], body)) {
        carry->needs_newer = true;
        return;
    }
    if (!carried(body, &content, &rid) || !rid_equal(rid, subject)) {
        return;
    }
    carry->known = true;
    carry->kind = content.kind;
    carry->site = content.site;
    carry->time = content.time;
    (void)body_int(body, CARRY_HUB_TIME, &carry->hub_time.v);
    body_text(content.body, CARRIED_TEXT, carry->text, sizeof carry->text);
}

static enum verdict refuse(const struct check_input *input, struct refusal *out,
                           enum refusal_code code, const char *field) {
    (void)REFUSE(out, code, kinds[0].name, field);
    if (out) {
        out->subject = input->subject;
    }
    return VERDICT_REFUSED;
}

static enum verdict carry_check(const struct check_input *input, struct refusal *out_refusal) {
    struct slice body = input->content->body;
    struct content content;
    struct rid rid;
    struct slice site;
    uint64_t kind = 0;
    if (!carried(body, &content, &rid)) {
        return refuse(input, out_refusal, REFUSAL_FIELD_RANGE, "content");
    }
    if (!rid_equal(rid, input->subject)) {
        return refuse(input, out_refusal, REFUSAL_FIELD_RANGE, "subjects");
    }
    if (!body_uint(body, CARRY_KIND, &kind) || kind != content.kind) {
        return refuse(input, out_refusal, REFUSAL_FIELD_RANGE, "kind");
    }
    // A record of this site needs no carrying: that would be a second way to say a thing.
    if (!body_bytes(body, CARRY_SITE, &site) || site.len != ID_BYTES ||
        memcmp(site.data, content.site.id.b, ID_BYTES) != 0 ||
        id16_equal(content.site.id, input->content->site.id)) {
        return refuse(input, out_refusal, REFUSAL_WRONG_SITE, "site");
    }
    return VERDICT_ACCEPTED;
}

static const struct index_column columns[] = {{"kind", INDEX_INT}, {"time_ms", INDEX_INT}};

static void carry_index(const void *state, struct index_value *out_values) {
    const struct carry_state *carry = state;
    out_values[0] = (struct index_value){.number = carry->kind};
    out_values[1] = (struct index_value){.number = carry->hub_time.v};
}

static const char *carry_area(const void *state) {
    (void)state;
    return "";
}

const struct module carry_module = {
    .name = "carry",
    .fold_version = 1,
    .kinds = kinds,
    .kind_count = COUNT_OF(kinds),
    .state_bytes = sizeof(struct carry_state),
    .fold = carry_fold,
    .check = carry_check,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .index = carry_index,
    .area = carry_area,
};
