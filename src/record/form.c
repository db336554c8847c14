#include "davy/record/module.h"

#include "davy/base/ensure.h"
#include "davy/base/text.h"
#include "record/record_priv.h"

#include <inttypes.h>
#include <stdio.h>

#define NUMBER_TEXT_BYTES 24

// One record under judgement.
struct form {
    const struct kind *kind;
    const struct content *content;
    struct refusal *out;
};

static enum rc refuse(const struct form *form, enum refusal_code code, const char *field) {
    return REFUSE(form->out, code, form->kind->name, field);
}

static enum rc refuse_limit(const struct form *form, enum refusal_code code, const char *field,
                            int64_t limit) {
    char text[NUMBER_TEXT_BYTES];
    (void)snprintf(text, sizeof(text), "%" PRId64, limit);
    return REFUSE(form->out, code, form->kind->name, field, text);
}

static enum rc check_lane(const struct form *form, uint8_t lane) {
    if (lane != form->kind->lane) {
        return refuse_limit(form, REFUSAL_LANE, "lane", form->kind->lane);
    }
    return RC_OK;
}

static enum rc check_audience(const struct form *form) {
    bool opens = (form->kind->flags & KIND_OPENS) != 0;
    if (opens != (form->content->audience != AUDIENCE_NONE)) {
        return refuse(form, REFUSAL_AUDIENCE, "audience");
    }
    return RC_OK;
}

static enum rc check_subject_count(const struct form *form) {
    uint16_t count = form->content->subject_count;
    unsigned flags = form->kind->flags;
    if ((flags & (KIND_OPENS | KIND_NO_SUBJECT)) != 0) {
        return count == 0 ? RC_OK : refuse_limit(form, REFUSAL_SUBJECT_COUNT, "subjects", 0);
    }
    if (count == 0 || (count > 1 && (flags & KIND_MANY) == 0)) {
        return refuse_limit(form, REFUSAL_SUBJECT_COUNT, "subjects", 1);
    }
    return RC_OK;
}

static enum rc check_ids(const struct form *form, const char *field, const struct rid *ids,
                         uint16_t count) {
    for (uint16_t i = 0; i < count; i++) {
        bool bad = rid_is_zero(ids[i]);
        for (uint16_t k = 0; k < i && !bad; k++) {
            bad = rid_equal(ids[i], ids[k]);
        }
        if (bad) {
            return refuse(form, REFUSAL_FORM, field);
        }
    }
    return RC_OK;
}

static enum rc check_site(const struct form *form) {
    bool founds = (form->kind->flags & KIND_FOUNDS) != 0;
    if (founds != id16_is_zero(form->content->site.id)) {
        return refuse(form, REFUSAL_FORM, "site");
    }
    return RC_OK;
}

static enum rc check_key(const struct form *form) {
    bool sealed = (form->kind->flags & KIND_SEALED) != 0;
    bool keyless = id16_is_zero(form->content->key.id);
    if (sealed && !keyless) {
        return refuse(form, REFUSAL_FORM, "key");
    }
    if (!sealed && keyless) {
        return refuse(form, REFUSAL_NOT_SIGNED, "key");
    }
    return RC_OK;
}

static bool time_is_valid(int64_t utc_ms) {
    return utc_ms >= 0 && utc_ms <= RECORD_TIME_MAX_MS;
}

static enum rc check_time(const struct form *form) {
    if (!time_is_valid(form->content->time.v)) {
        return refuse(form, REFUSAL_TIME_RANGE, "time");
    }
    return RC_OK;
}

static enum rc check_range(const struct form *form, const struct field *field, int64_t value) {
    if (value < field->min) {
        return refuse_limit(form, REFUSAL_FIELD_RANGE, field->name, field->min);
    }
    if (value > field->max) {
        return refuse_limit(form, REFUSAL_FIELD_RANGE, field->name, field->max);
    }
    return RC_OK;
}

static enum rc check_uint(const struct form *form, const struct field *field,
                          const struct field_value *value) {
    if (value->number > INT64_MAX) {
        return refuse_limit(form, REFUSAL_FIELD_RANGE, field->name, field->max);
    }
    return check_range(form, field, (int64_t)value->number);
}

static enum rc check_int(const struct form *form, const struct field *field,
                         const struct field_value *value) {
    return check_range(form, field, value->integer);
}

static enum rc check_enum(const struct form *form, const struct field *field,
                          const struct field_value *value) {
    if (field_value_name(field, value->number) == NULL) {
        return refuse_limit(form, REFUSAL_FIELD_RANGE, field->name, field->max);
    }
    return RC_OK;
}

static enum rc check_utc(const struct form *form, const struct field *field,
                         const struct field_value *value) {
    if (!time_is_valid(value->integer)) {
        return refuse_limit(form, REFUSAL_FIELD_RANGE, field->name,
                            value->integer < 0 ? 0 : RECORD_TIME_MAX_MS);
    }
    return RC_OK;
}

static enum rc check_decimal(const struct form *form, const struct field *field,
                             const struct field_value *value) {
    if (field->min >= field->max) {
        return RC_OK;
    }
    struct decimal min = decimal_canonical((struct decimal){field->min, 0});
    struct decimal max = decimal_canonical((struct decimal){field->max, 0});
    if (decimal_compare(value->decimal, min) < 0) {
        return refuse_limit(form, REFUSAL_FIELD_RANGE, field->name, field->min);
    }
    if (decimal_compare(value->decimal, max) > 0) {
        return refuse_limit(form, REFUSAL_FIELD_RANGE, field->name, field->max);
    }
    return RC_OK;
}

static enum rc check_bytes(const struct form *form, const struct field *field,
                           const struct field_value *value) {
    return check_range(form, field, (int64_t)value->bytes.len);
}

static enum rc check_text(const struct form *form, const struct field *field,
                          const struct field_value *value) {
    enum rc rc = check_bytes(form, field, value);
    if (rc == RC_OK && text_check(value->bytes, (size_t)field->max) != RC_OK) {
        return refuse(form, REFUSAL_FIELD_TEXT, field->name);
    }
    return rc;
}

static enum rc check_id(const struct form *form, const struct field *field,
                        const struct field_value *value) {
    if (value->bytes.len != ID_BYTES) {
        return refuse_limit(form, REFUSAL_FIELD_RANGE, field->name, ID_BYTES);
    }
    return RC_OK;
}

static enum rc (*const field_checks[])(const struct form *form, const struct field *field,
                                       const struct field_value *value) = {
    [FIELD_UINT] = check_uint,   [FIELD_INT] = check_int,         [FIELD_ENUM] = check_enum,
    [FIELD_TIME] = check_utc,    [FIELD_DECIMAL] = check_decimal, [FIELD_TEXT] = check_text,
    [FIELD_BYTES] = check_bytes, [FIELD_ID] = check_id,
};

static enum rc refuse_critical(const struct form *form, uint16_t tag) {
    (void)refuse_limit(form, REFUSAL_FIELD_CRITICAL, "tag", tag);
    return RC_UNSUPPORTED;
}

static enum rc check_value(const struct form *form, const struct field_value *value,
                           uint16_t last_tag) {
    const struct field *field = kind_field(form->kind, value->tag);
    if (field == NULL) {
        return value->critical ? refuse_critical(form, value->tag) : RC_OK;
    }
    bool again = value->tag == last_tag && (field->flags & FIELD_REPEATED) == 0;
    if (again || value->wire != field_wire(field->type)) {
        return refuse(form, REFUSAL_FORM, field->name);
    }
    return field_checks[field->type](form, field, value);
}

// Tags ascend in the table as in the body, so one walk over both finds what is missing.
static enum rc check_required(const struct form *form) {
    struct body_reader reader = body_read(form->content->body);
    struct field_value value = {0};
    bool more = body_next(&reader, &value);
    for (uint16_t i = 0; i < form->kind->field_count; i++) {
        const struct field *field = &form->kind->fields[i];
        while (more && value.tag < field->tag) {
            more = body_next(&reader, &value);
        }
        bool there = more && value.tag == field->tag;
        if (!there && (field->flags & FIELD_REQUIRED) != 0) {
            return refuse(form, REFUSAL_FIELD_MISSING, field->name);
        }
    }
    return RC_OK;
}

static enum rc check_body(const struct form *form) {
    struct body_reader reader = body_read(form->content->body);
    struct field_value value;
    uint16_t last_tag = 0;
    for (unsigned count = 0; body_next(&reader, &value); count++) {
        if (count == LIMIT_RECORD_FIELDS) {
            return refuse_limit(form, REFUSAL_TOO_LARGE, "body", LIMIT_RECORD_FIELDS);
        }
        enum rc rc = check_value(form, &value, last_tag);
        if (rc != RC_OK) {
            return rc;
        }
        last_tag = value.tag;
    }
    if (reader_done(&reader.reader) != RC_OK) {
        return refuse(form, REFUSAL_FORM, "body");
    }
    return check_required(form);
}

static enum rc check_head(const struct form *form, uint8_t lane) {
    const struct content *content = form->content;
    enum rc rc = check_lane(form, lane);
    rc = rc == RC_OK ? check_audience(form) : rc;
    rc = rc == RC_OK ? check_subject_count(form) : rc;
    rc = rc == RC_OK ? check_ids(form, "subjects", content->subjects, content->subject_count) : rc;
    rc = rc == RC_OK ? check_ids(form, "refs", content->refs, content->ref_count) : rc;
    rc = rc == RC_OK ? check_site(form) : rc;
    rc = rc == RC_OK ? check_key(form) : rc;
    return rc == RC_OK ? check_time(form) : rc;
}

enum rc content_check_form(const struct registry *registry, const struct content *content,
                           uint8_t lane, struct refusal *out_refusal) {
    const struct kind *kind = registry_kind(registry, content->kind, NULL);
    if (kind == NULL) {
        char number[NUMBER_TEXT_BYTES];
        (void)snprintf(number, sizeof(number), "%u", content->kind);
        (void)REFUSE(out_refusal, REFUSAL_KIND_UNKNOWN, number);
        return RC_UNSUPPORTED;
    }
    struct form form = {kind, content, out_refusal};
    enum rc rc = check_head(&form, lane);
    return rc == RC_OK ? check_body(&form) : rc;
}
