#include "davy/record/module.h"

#include "davy/base/ensure.h"
#include "davy/base/text.h"
#include "record/record_priv.h"

#define KEY_WIRE_MASK 3u
#define KEY_CRITICAL 4u
#define KEY_TAG_SHIFT 3

struct body body_start(const struct kind *kind, struct buf *out) {
    return (struct body){.out = out, .kind = kind};
}

static const struct field *body_put_key(struct body *body, uint16_t tag, enum wire wire) {
    const struct field *field = kind_field(body->kind, tag);
    ENSURE(field != NULL && field_wire(field->type) == wire);
    ENSURE(tag > body->last_tag || (tag == body->last_tag && (field->flags & FIELD_REPEATED) != 0));
    body->last_tag = tag;
    uint64_t critical = (field->flags & FIELD_CRITICAL) != 0 ? KEY_CRITICAL : 0;
    buf_put_varint(body->out, (uint64_t)tag << KEY_TAG_SHIFT | critical | (uint64_t)wire);
    return field;
}

void body_put_uint(struct body *body, uint16_t tag, uint64_t value) {
    body_put_key(body, tag, WIRE_VARINT);
    buf_put_varint(body->out, value);
}

void body_put_int(struct body *body, uint16_t tag, int64_t value) {
    body_put_key(body, tag, WIRE_SIGNED);
    buf_put_signed(body->out, value);
}

void body_put_decimal(struct body *body, uint16_t tag, struct decimal value) {
    body_put_key(body, tag, WIRE_DECIMAL);
    struct decimal canonical = decimal_canonical(value);
    buf_put_signed(body->out, canonical.mantissa);
    buf_put_signed(body->out, canonical.exponent);
}

void body_put_text(struct body *body, uint16_t tag, const char *text) {
    const struct field *field = body_put_key(body, tag, WIRE_BYTES);
    ENSURE(field->type == FIELD_TEXT);
    buf_put_text(body->out, text);
}

void body_put_bytes(struct body *body, uint16_t tag, const void *data, size_t len) {
    const struct field *field = body_put_key(body, tag, WIRE_BYTES);
    ENSURE(field->type != FIELD_TEXT);
    ENSURE(field->type != FIELD_ID || len == ID_BYTES);
    buf_put_bytes(body->out, data, len);
}

struct body_reader body_read(struct slice body) {
    return (struct body_reader){.reader = reader_of(body)};
}

static struct decimal read_decimal(struct reader *reader) {
    int64_t mantissa = reader_signed(reader);
    int64_t exponent = reader_signed(reader);
    struct decimal value = {mantissa, (int8_t)exponent};
    bool fits = exponent >= INT8_MIN && exponent <= INT8_MAX;
    if (reader->rc == RC_OK && (!fits || !decimal_is_canonical(value))) {
        reader_fail(reader, RC_INVALID);
    }
    return value;
}

static void read_value(struct reader *reader, struct field_value *value) {
    switch ((enum wire)value->wire) {
    case WIRE_VARINT:
        value->number = reader_varint(reader);
        break;
    case WIRE_SIGNED:
        value->integer = reader_signed(reader);
        break;
    case WIRE_BYTES:
        value->bytes = reader_bytes(reader, LIMIT_RECORD_BODY_BYTES);
        break;
    case WIRE_DECIMAL:
        value->decimal = read_decimal(reader);
        break;
    }
}

bool body_next(struct body_reader *reader, struct field_value *out_value) {
    struct reader *in = &reader->reader;
    if (in->rc != RC_OK || reader_left(in) == 0) {
        return false;
    }
    uint64_t key = reader_varint(in);
    uint64_t tag = key >> KEY_TAG_SHIFT;
    if (in->rc == RC_OK && (tag == 0 || tag > UINT16_MAX || tag < reader->last_tag)) {
        reader_fail(in, RC_INVALID);
    }
    if (in->rc != RC_OK) {
        return false;
    }
    struct field_value value = {
        .tag = (uint16_t)tag,
        .critical = (key & KEY_CRITICAL) != 0,
        .wire = (uint8_t)(key & KEY_WIRE_MASK),
    };
    read_value(in, &value);
    if (in->rc != RC_OK) {
        return false;
    }
    reader->last_tag = value.tag;
    *out_value = value;
    return true;
}

static bool body_find(struct slice body, uint16_t tag, enum wire wire,
                      struct field_value *out_value) {
    struct body_reader reader = body_read(body);
    struct field_value value;
    while (body_next(&reader, &value) && value.tag <= tag) {
        if (value.tag == tag) {
            if (value.wire != wire) {
                return false;
            }
            *out_value = value;
            return true;
        }
    }
    return false;
}

bool body_uint(struct slice body, uint16_t tag, uint64_t *out_value) {
    struct field_value value;
    if (!body_find(body, tag, WIRE_VARINT, &value)) {
        return false;
    }
    *out_value = value.number;
    return true;
}

bool body_int(struct slice body, uint16_t tag, int64_t *out_value) {
    struct field_value value;
    if (!body_find(body, tag, WIRE_SIGNED, &value)) {
        return false;
    }
    *out_value = value.integer;
    return true;
}

bool body_decimal(struct slice body, uint16_t tag, struct decimal *out_value) {
    struct field_value value;
    if (!body_find(body, tag, WIRE_DECIMAL, &value)) {
        return false;
    }
    *out_value = value.decimal;
    return true;
}

bool body_bytes(struct slice body, uint16_t tag, struct slice *out_value) {
    struct field_value value;
    if (!body_find(body, tag, WIRE_BYTES, &value)) {
        return false;
    }
    *out_value = value.bytes;
    return true;
}

void body_text(struct slice body, uint16_t tag, char *out, size_t out_bytes) {
    struct slice text = {0};
    if (!body_bytes(body, tag, &text)) {
        out[0] = '\0';
        return;
    }
    (void)text_clean(text, out, out_bytes);
}

bool body_needs_newer(const struct kind *kind, struct slice body) {
    struct body_reader reader = body_read(body);
    struct field_value value;
    while (body_next(&reader, &value)) {
        if (value.critical && kind_field(kind, value.tag) == NULL) {
            return true;
        }
    }
    return false;
}
