#include "davy/record/export.h"

#include "record/record_priv.h"

#include <inttypes.h>

// One object being written.
struct json {
    struct buf *out;
    bool more; // a member stands before
};

static void put_key(struct json *json, const char *name) {
    if (json->more) {
        buf_put_u8(json->out, ',');
    }
    json->more = true;
    json_put_text(json->out, slice_text(name));
    buf_put_u8(json->out, ':');
}

static void put_name(struct json *json, const char *key, const char *value) {
    put_key(json, key);
    json_put_text(json->out, slice_text(value));
}

static void put_uint(struct json *json, const char *key, uint64_t value) {
    put_key(json, key);
    json_put_uint(json->out, value);
}

static void put_hex(struct buf *out, const void *data, size_t len) {
    buf_put_u8(out, '"');
    buf_put_hex(out, data, len);
    buf_put_u8(out, '"');
}

static void put_id(struct json *json, const char *key, struct id16 id) {
    put_key(json, key);
    if (id16_is_zero(id)) {
        buf_put(json->out, "null", 4);
    } else {
        put_hex(json->out, id.b, ID_BYTES);
    }
}

static void put_ids(struct json *json, const char *key, const struct rid *ids, uint16_t count) {
    put_key(json, key);
    for (uint16_t i = 0; i < count; i++) {
        buf_put_u8(json->out, i == 0 ? '[' : ',');
        put_hex(json->out, ids[i].id.b, ID_BYTES);
    }
    buf_put(json->out, count == 0 ? "[]" : "]", count == 0 ? 2 : 1);
}

static void put_time(struct buf *out, int64_t utc_ms) {
    char text[UTC_TEXT_BYTES];
    utc_format((struct utc_ms){utc_ms}, text);
    json_put_text(out, slice_text(text));
}

static void put_decimal(struct buf *out, struct decimal value) {
    char text[DECIMAL_TEXT_BYTES];
    decimal_format(value, text);
    json_put_text(out, slice_text(text));
}

// A value by its wire form alone, where no table says more.
static void put_raw(struct buf *out, const struct field_value *value) {
    switch ((enum wire)value->wire) {
    case WIRE_VARINT:
        json_put_uint(out, value->number);
        break;
    case WIRE_SIGNED:
        json_put_int(out, value->integer);
        break;
    case WIRE_BYTES:
        put_hex(out, value->bytes.data, value->bytes.len);
        break;
    case WIRE_DECIMAL:
        put_decimal(out, value->decimal);
        break;
    }
}

static void put_value(struct buf *out, const struct field *field, const struct field_value *value) {
    const char *name = NULL;
    if (field->type == FIELD_ENUM) {
        name = field_value_name(field, value->number);
    }
    if (name != NULL) {
        json_put_text(out, slice_text(name));
    } else if (field->type == FIELD_TEXT) {
        json_put_text(out, value->bytes);
    } else if (field->type == FIELD_TIME) {
        put_time(out, value->integer);
    } else {
        put_raw(out, value);
    }
}

// The table's row for a value; NULL if the table does not know it as it stands.
static const struct field *value_field(const struct kind *kind, const struct field_value *value) {
    const struct field *field = kind != NULL ? kind_field(kind, value->tag) : NULL;
    return field != NULL && value->wire == field_wire(field->type) ? field : NULL;
}

static void put_body(struct json *json, const struct kind *kind, struct slice body) {
    put_key(json, "body");
    buf_put_u8(json->out, '{');
    struct json inner = {.out = json->out};
    struct body_reader reader = body_read(body);
    struct field_value value;
    const struct field *open = NULL; // a repeated field whose array is open
    while (body_next(&reader, &value)) {
        const struct field *field = value_field(kind, &value);
        if (field == NULL) {
            continue;
        }
        bool repeats = (field->flags & FIELD_REPEATED) != 0;
        if (open != NULL && open != field) {
            buf_put_u8(json->out, ']');
            open = NULL;
        }
        if (open != NULL) {
            buf_put_u8(json->out, ',');
        } else {
            put_key(&inner, field->name);
            if (repeats) {
                buf_put_u8(json->out, '[');
                open = field;
            }
        }
        put_value(json->out, field, &value);
    }
    buf_put(json->out, open != NULL ? "]}" : "}", open != NULL ? 2 : 1);
    if (reader_done(&reader.reader) != RC_OK) {
        put_name(json, "body_error", rc_name(reader.reader.rc));
    }
}

static void put_unknown(struct json *json, const struct kind *kind, struct slice body) {
    struct body_reader reader = body_read(body);
    struct field_value value;
    bool any = false;
    while (body_next(&reader, &value)) {
        if (value_field(kind, &value) != NULL) {
            continue;
        }
        if (!any) {
            put_key(json, "unknown");
        }
        buf_put(json->out, any ? ",{" : "[{", 2);
        any = true;
        struct json item = {.out = json->out};
        put_uint(&item, "tag", value.tag);
        put_key(&item, "critical");
        buf_printf(json->out, "%s", value.critical ? "true" : "false");
        put_uint(&item, "wire", value.wire);
        put_key(&item, "value");
        put_raw(json->out, &value);
        buf_put_u8(json->out, '}');
    }
    if (any) {
        buf_put_u8(json->out, ']');
    }
}

static void put_seen(struct json *json, const struct seen *seen) {
    put_key(json, "seen");
    if (id16_is_zero(seen->hub.id)) {
        buf_put(json->out, "null", 4);
        return;
    }
    buf_put_u8(json->out, '{');
    struct json inner = {.out = json->out};
    put_id(&inner, "hub", seen->hub.id);
    put_key(&inner, "marks");
    buf_put_u8(json->out, '[');
    for (uint8_t i = 0; i < seen->count; i++) {
        const struct seen_mark *mark = &seen->marks[i];
        buf_put(json->out, i == 0 ? "{" : ",{", i == 0 ? 1 : 2);
        struct json item = {.out = json->out};
        put_uint(&item, "lane", mark->lane);
        put_name(&item, "audience", audience_name(mark->audience));
        put_uint(&item, "seq", mark->seq);
        put_key(&item, "hash");
        put_hex(json->out, mark->hash, SEEN_HASH_BYTES);
        buf_put_u8(json->out, '}');
    }
    buf_put(json->out, "]}", 2);
}

static void put_head(struct json *json, const struct kind *kind, const struct content *content,
                     struct rid rid) {
    put_id(json, "rid", rid.id);
    put_name(json, "kind", kind != NULL ? kind->name : "unknown");
    put_uint(json, "kind_number", content->kind);
    put_uint(json, "suite", content->suite);
    put_id(json, "site", content->site.id);
    put_ids(json, "subjects", content->subjects, content->subject_count);
    put_key(json, "opens");
    buf_printf(json->out, "%s", content->audience != AUDIENCE_NONE ? "true" : "false");
    put_id(json, "person", content->person.id);
    put_id(json, "key", content->key.id);
    put_id(json, "device", content->device.id);
    put_uint(json, "session", content->session);
    put_key(json, "time");
    put_time(json->out, content->time.v);
    put_key(json, "time_ms");
    json_put_int(json->out, content->time.v);
    put_key(json, "time_error_ms");
    if (content->time_error_ms == UINT32_MAX) {
        buf_put(json->out, "null", 4);
    } else {
        json_put_uint(json->out, content->time_error_ms);
    }
    put_key(json, "boot");
    buf_printf(json->out, "\"%016" PRIx64 "\"", content->boot_id);
    put_uint(json, "mono_ms", (uint64_t)content->mono.v);
}

static void put_place(struct json *json, const struct export_item *item) {
    put_id(json, "author", item->place.chain.author.id);
    put_uint(json, "lane", item->place.chain.lane);
    put_name(json, "audience", audience_name(item->place.chain.audience));
    put_uint(json, "seq", item->place.seq);
    put_name(json, "verdict", verdict_name(item->verdict));
    put_name(json, "rule", refusal_name((enum refusal_code)item->rule));
    put_uint(json, "rule_number", item->rule);
    put_uint(json, "n", item->n);
}

static void put_proof(struct json *json, const struct export_item *item) {
    put_key(json, "content");
    json_put_base64(json->out, item->content);
    put_key(json, "sig");
    if (item->sig == NULL) {
        buf_put(json->out, "null", 4);
    } else {
        json_put_base64(json->out, slice_of(item->sig->b, SIGNATURE_BYTES));
    }
}

enum rc export_json(const struct registry *registry, const struct export_item *item,
                    struct buf *out) {
    struct content content;
    enum rc rc = content_decode(item->content, &content);
    if (rc != RC_OK) {
        return rc;
    }
    const struct kind *kind = registry_kind(registry, content.kind, NULL);
    struct json json = {.out = out};
    buf_put_u8(out, '{');
    put_head(&json, kind, &content, content_rid(item->content));
    put_place(&json, item);
    put_seen(&json, &content.seen);
    put_ids(&json, "refs", content.refs, content.ref_count);
    put_key(&json, "nonce");
    put_hex(out, content.nonce, NONCE_BYTES);
    put_body(&json, kind, content.body);
    put_unknown(&json, kind, content.body);
    put_proof(&json, item);
    buf_put_u8(out, '}');
    return buf_rc(out);
}
