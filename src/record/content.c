#include "davy/record/record.h"

#include "davy/base/ensure.h"
#include "record/record_priv.h"

#include <string.h>

// A decoded content points at ids where they stand in the bytes.
_Static_assert(sizeof(struct rid) == ID_BYTES, "an id in memory is its bytes");
_Static_assert(_Alignof(struct rid) == 1, "an id may stand at any address");

#define SEEN_NONE 0
#define SEEN_MARKS 1

static bool mark_is_before(const struct seen_mark *a, const struct seen_mark *b) {
    return a->lane != b->lane ? a->lane < b->lane : a->audience < b->audience;
}

static enum rc seen_check(const struct seen *seen) {
    if (seen->count > LIMIT_RECORD_SEEN) {
        return RC_TOO_LARGE;
    }
    if (id16_is_zero(seen->hub.id)) {
        return seen->count == 0 ? RC_OK : RC_INVALID;
    }
    for (uint8_t i = 0; i < seen->count; i++) {
        const struct seen_mark *mark = &seen->marks[i];
        if (!lane_is_known(mark->lane) || !audience_is_known(mark->audience) || mark->seq == 0) {
            return RC_INVALID;
        }
        if (i > 0 && !mark_is_before(mark - 1, mark)) {
            return RC_INVALID;
        }
    }
    return RC_OK;
}

// The rules that hold for every content, whatever its kind; the same on the way out and in.
static enum rc content_check(const struct content *content) {
    if (content->suite != KEYS_SUITE_ED25519) {
        return RC_UNSUPPORTED;
    }
    if (content->subject_count > LIMIT_RECORD_SUBJECTS || content->ref_count > LIMIT_RECORD_REFS ||
        content->body.len > LIMIT_RECORD_BODY_BYTES) {
        return RC_TOO_LARGE;
    }
    if (content->kind == 0 || content->mono.v < 0) {
        return RC_INVALID;
    }
    if (!audience_is_known(content->audience) && content->audience != AUDIENCE_NONE) {
        return RC_INVALID;
    }
    return seen_check(&content->seen);
}

static void seen_put(const struct seen *seen, struct buf *out) {
    if (id16_is_zero(seen->hub.id)) {
        buf_put_u8(out, SEEN_NONE);
        return;
    }
    buf_put_u8(out, SEEN_MARKS);
    buf_put(out, seen->hub.id.b, ID_BYTES);
    buf_put_varint(out, seen->count);
    for (uint8_t i = 0; i < seen->count; i++) {
        const struct seen_mark *mark = &seen->marks[i];
        buf_put_u8(out, mark->lane);
        buf_put_u8(out, mark->audience);
        buf_put_varint(out, mark->seq);
        buf_put(out, mark->hash, SEEN_HASH_BYTES);
    }
}

static void ids_put(const struct rid *ids, uint16_t count, struct buf *out) {
    buf_put_varint(out, count);
    if (count > 0) {
        buf_put(out, ids, (size_t)count * ID_BYTES);
    }
}

enum rc content_encode(const struct content *content, struct buf *out) {
    enum rc rc = content_check(content);
    if (rc != RC_OK) {
        return rc;
    }
    size_t start = out->len;
    buf_put(out, RECORD_DOMAIN, DOMAIN_BYTES(RECORD_DOMAIN));
    buf_put_u8(out, content->suite);
    buf_put(out, content->site.id.b, ID_BYTES);
    buf_put_varint(out, content->kind);
    ids_put(content->subjects, content->subject_count, out);
    buf_put_u8(out, content->audience);
    buf_put(out, content->person.id.b, ID_BYTES);
    buf_put(out, content->key.id.b, ID_BYTES);
    buf_put(out, content->device.id.b, ID_BYTES);
    buf_put_varint(out, content->session);
    buf_put_signed(out, content->time.v);
    buf_put_varint(out, content->time_error_ms);
    buf_put_u64(out, content->boot_id);
    buf_put_varint(out, (uint64_t)content->mono.v);
    seen_put(&content->seen, out);
    ids_put(content->refs, content->ref_count, out);
    buf_put(out, content->nonce, NONCE_BYTES);
    buf_put_bytes(out, content->body.data, content->body.len);
    if (buf_rc(out) == RC_OK && out->len - start > LIMIT_RECORD_CONTENT_BYTES) {
        out->len = start;
        return RC_TOO_LARGE;
    }
    return buf_rc(out);
}

static uint64_t varint_up_to(struct reader *reader, uint64_t max, enum rc above) {
    uint64_t value = reader_varint(reader);
    if (value > max) {
        reader_fail(reader, above);
        return 0;
    }
    return value;
}

static const struct rid *ids_read(struct reader *reader, uint64_t max, uint16_t *out_count) {
    uint16_t count = (uint16_t)varint_up_to(reader, max, RC_TOO_LARGE);
    struct slice bytes = reader_take(reader, (size_t)count * ID_BYTES);
    *out_count = count;
    return count > 0 ? (const struct rid *)(const void *)bytes.data : NULL;
}

static void seen_read(struct reader *reader, struct seen *seen) {
    uint8_t flag = reader_u8(reader);
    if (flag > SEEN_MARKS) {
        reader_fail(reader, RC_INVALID);
    }
    if (flag != SEEN_MARKS || reader->rc != RC_OK) {
        return;
    }
    reader_copy(reader, seen->hub.id.b, ID_BYTES);
    if (id16_is_zero(seen->hub.id)) {
        reader_fail(reader, RC_INVALID);
    }
    seen->count = (uint8_t)varint_up_to(reader, LIMIT_RECORD_SEEN, RC_TOO_LARGE);
    for (uint8_t i = 0; i < seen->count; i++) {
        struct seen_mark *mark = &seen->marks[i];
        mark->lane = reader_u8(reader);
        mark->audience = reader_u8(reader);
        mark->seq = reader_varint(reader);
        reader_copy(reader, mark->hash, SEEN_HASH_BYTES);
    }
}

static void content_read(struct reader *reader, struct content *content) {
    reader_copy(reader, content->site.id.b, ID_BYTES);
    content->kind = (uint16_t)varint_up_to(reader, UINT16_MAX, RC_INVALID);
    content->subjects = ids_read(reader, LIMIT_RECORD_SUBJECTS, &content->subject_count);
    content->audience = reader_u8(reader);
    reader_copy(reader, content->person.id.b, ID_BYTES);
    reader_copy(reader, content->key.id.b, ID_BYTES);
    reader_copy(reader, content->device.id.b, ID_BYTES);
    content->session = reader_varint(reader);
    content->time.v = reader_signed(reader);
    content->time_error_ms = (uint32_t)varint_up_to(reader, UINT32_MAX, RC_INVALID);
    content->boot_id = reader_u64(reader);
    content->mono.v = (int64_t)varint_up_to(reader, INT64_MAX, RC_INVALID);
    seen_read(reader, &content->seen);
    content->refs = ids_read(reader, LIMIT_RECORD_REFS, &content->ref_count);
    reader_copy(reader, content->nonce, NONCE_BYTES);
    content->body = reader_bytes(reader, LIMIT_RECORD_BODY_BYTES);
}

enum rc content_decode(struct slice bytes, struct content *out_content) {
    if (bytes.len > LIMIT_RECORD_CONTENT_BYTES) {
        return RC_TOO_LARGE;
    }
    struct reader reader = reader_of(bytes);
    struct content content = {0};
    struct slice domain = reader_take(&reader, DOMAIN_BYTES(RECORD_DOMAIN));
    if (reader.rc == RC_OK && !slice_equal(domain, slice_text(RECORD_DOMAIN))) {
        return RC_INVALID;
    }
    content.suite = reader_u8(&reader);
    if (reader.rc == RC_OK && content.suite != KEYS_SUITE_ED25519) {
        return RC_UNSUPPORTED;
    }
    content_read(&reader, &content);
    enum rc rc = reader_done(&reader);
    if (rc == RC_OK) {
        rc = content_check(&content);
    }
    if (rc == RC_OK) {
        *out_content = content;
    }
    return rc;
}

struct rid content_rid(struct slice bytes) {
    struct hash32 hash;
    hash_parts(&bytes, 1, &hash);
    struct rid rid;
    memcpy(rid.id.b, hash.b, ID_BYTES);
    return rid;
}

uint16_t content_subject_count(const struct content *content) {
    if (content->subject_count > 0) {
        return content->subject_count;
    }
    return content->audience == AUDIENCE_NONE ? 0 : 1;
}

struct rid content_subject(const struct content *content, struct rid own, uint16_t index) {
    ENSURE(index < content_subject_count(content));
    return content->subject_count > 0 ? content->subjects[index] : own;
}

static bool seen_covers(const struct seen *seen, const struct place *log) {
    if (id16_is_zero(seen->hub.id) || !author_equal(seen->hub, log->chain.author)) {
        return false;
    }
    for (uint8_t i = 0; i < seen->count; i++) {
        const struct seen_mark *mark = &seen->marks[i];
        if (mark->lane == log->chain.lane && mark->audience == log->chain.audience) {
            return log->seq > 0 && log->seq <= mark->seq;
        }
    }
    return false;
}

bool content_covers(const struct content *content, const struct place *own,
                    const struct place *other, const struct place *log, struct rid other_rid) {
    if (log != NULL && seen_covers(&content->seen, log)) {
        return true;
    }
    if (own != NULL && other != NULL && chain_id_equal(own->chain, other->chain) &&
        other->seq < own->seq) {
        return true;
    }
    for (uint16_t i = 0; i < content->ref_count; i++) {
        if (rid_equal(content->refs[i], other_rid)) {
            return true;
        }
    }
    return false;
}
