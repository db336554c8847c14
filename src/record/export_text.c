#include "davy/record/export.h"

#include "davy/base/text.h"
#include "record/record_priv.h"

#include <inttypes.h>

static void put_id(struct buf *out, const char *name, struct id16 id) {
    if (id16_is_zero(id)) {
        return;
    }
    char hex[ID_HEX_BYTES];
    id16_hex(id, hex);
    buf_printf(out, "%s: %s\n", name, hex);
}

static void put_hex_line(struct buf *out, struct slice bytes) {
    buf_put_hex(out, bytes.data, bytes.len);
    buf_put_u8(out, '\n');
}

static void put_clean_line(struct buf *out, struct slice text) {
    char clean[LIMIT_RECORD_BODY_BYTES + 1];
    (void)text_clean(text, clean, sizeof(clean));
    buf_printf(out, "%s\n", clean);
}

static void put_time_line(struct buf *out, int64_t utc_ms) {
    char text[UTC_TEXT_BYTES];
    utc_format((struct utc_ms){utc_ms}, text);
    buf_printf(out, "%s\n", text);
}

static void put_raw_line(struct buf *out, const struct field_value *value) {
    char text[DECIMAL_TEXT_BYTES];
    switch ((enum wire)value->wire) {
    case WIRE_VARINT:
        buf_printf(out, "%" PRIu64 "\n", value->number);
        break;
    case WIRE_SIGNED:
        buf_printf(out, "%" PRId64 "\n", value->integer);
        break;
    case WIRE_BYTES:
        put_hex_line(out, value->bytes);
        break;
    case WIRE_DECIMAL:
        decimal_format(value->decimal, text);
        buf_printf(out, "%s\n", text);
        break;
    }
}

static void put_value_line(struct buf *out, const struct field *field,
                           const struct field_value *value) {
    const char *name = NULL;
    if (field->type == FIELD_ENUM) {
        name = field_value_name(field, value->number);
    }
    buf_printf(out, "%s: ", field->name);
    if (name != NULL) {
        buf_printf(out, "%s\n", name);
    } else if (field->type == FIELD_TEXT) {
        put_clean_line(out, value->bytes);
    } else if (field->type == FIELD_TIME) {
        put_time_line(out, value->integer);
    } else {
        put_raw_line(out, value);
    }
}

static void put_body(struct buf *out, const struct kind *kind, struct slice body) {
    struct body_reader reader = body_read(body);
    struct field_value value;
    while (body_next(&reader, &value)) {
        const struct field *field = kind != NULL ? kind_field(kind, value.tag) : NULL;
        if (field != NULL && value.wire == field_wire(field->type)) {
            put_value_line(out, field, &value);
        } else {
            buf_printf(out, "unknown %u%s: ", value.tag, value.critical ? " (critical)" : "");
            put_raw_line(out, &value);
        }
    }
    if (reader_done(&reader.reader) != RC_OK) {
        buf_printf(out, "body error: %s\n", rc_name(reader.reader.rc));
    }
}

static void put_time(struct buf *out, const struct content *content) {
    char text[UTC_TEXT_BYTES];
    utc_format(content->time, text);
    if (content->time_error_ms == UINT32_MAX) {
        buf_printf(out, "time: %s (clock not trusted)\n", text);
    } else {
        buf_printf(out, "time: %s (within %" PRIu32 " ms)\n", text, content->time_error_ms);
    }
}

static void put_seen(struct buf *out, const struct seen *seen) {
    put_id(out, "seen hub", seen->hub.id);
    for (uint8_t i = 0; i < seen->count; i++) {
        const struct seen_mark *mark = &seen->marks[i];
        buf_printf(out, "seen: lane %u %s to %" PRIu64 " hash ", mark->lane,
                   audience_name(mark->audience), mark->seq);
        put_hex_line(out, slice_of(mark->hash, SEEN_HASH_BYTES));
    }
}

static void put_place(struct buf *out, const struct export_item *item) {
    put_id(out, "author", item->place.chain.author.id);
    buf_printf(out, "place: lane %u %s number %" PRIu64 "\n", item->place.chain.lane,
               audience_name(item->place.chain.audience), item->place.seq);
    buf_printf(out, "verdict: %s\n", verdict_name(item->verdict));
    if (item->rule != REFUSAL_NONE) {
        buf_printf(out, "rule: %s (%u)\n", refusal_name((enum refusal_code)item->rule), item->rule);
    }
    if (item->n > 0) {
        buf_printf(out, "log number: %" PRIu64 "\n", item->n);
    }
}

enum rc export_text(const struct registry *registry, const struct export_item *item,
                    struct buf *out) {
    struct content content;
    enum rc rc = content_decode(item->content, &content);
    if (rc != RC_OK) {
        return rc;
    }
    const struct kind *kind = registry_kind(registry, content.kind, NULL);
    put_id(out, "record", content_rid(item->content).id);
    buf_printf(out, "kind: %s (%u)\n", kind != NULL ? kind->name : "unknown", content.kind);
    put_id(out, "site", content.site.id);
    for (uint16_t i = 0; i < content.subject_count; i++) {
        put_id(out, "subject", content.subjects[i].id);
    }
    put_id(out, "person", content.person.id);
    put_id(out, "key", content.key.id);
    put_id(out, "device", content.device.id);
    put_time(out, &content);
    put_body(out, kind, content.body);
    put_place(out, item);
    put_seen(out, &content.seen);
    for (uint16_t i = 0; i < content.ref_count; i++) {
        put_id(out, "ref", content.refs[i].id);
    }
    buf_printf(out, "signature: %s\n", item->sig != NULL ? "yes" : "no (sealed by its device)");
    return buf_rc(out);
}
