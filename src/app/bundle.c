#include "davy/app/bundle.h"

#include "bundle_priv.h"
#include "davy/base/ensure.h"

#include <string.h>

#define HEAD_DOMAIN "davy/bundle/1"
#define END_DOMAIN "davy/bundle-end/1"
#define BUNDLE_VERSION 1
#define HEAD_FIXED_BYTES (8 + 2 + 2 + 16 + 16 + 32 + 8 + 16)
#define AUTHOR_BYTES (ID_BYTES + AUTHOR_RANDOM_BYTES + PUBLIC_KEY_BYTES)

// ---- Header ----

static void head_message(struct slice head, struct buf *out) {
    buf_init(out, BUNDLE_HEAD_BYTES_MAX + sizeof HEAD_DOMAIN);
    buf_put(out, HEAD_DOMAIN, sizeof HEAD_DOMAIN - 1);
    buf_put(out, head.data, head.len);
}

enum rc bundle_head_encode(const struct bundle_head *head, const struct keypair *device,
                           struct buf *out) {
    struct buf message;
    struct signature sig;
    ENSURE(head->author_count <= LIMIT_BUNDLE_AUTHORS && out->len == 0);
    buf_put(out, BUNDLE_MAGIC, 8);
    buf_put_u8(out, BUNDLE_VERSION);
    buf_put_u8(out, 0);
    buf_put_u16(out, head->author_count);
    buf_put(out, head->site.id.b, ID_BYTES);
    buf_put(out, head->device.id.b, ID_BYTES);
    buf_put(out, head->key.b, PUBLIC_KEY_BYTES);
    buf_put_u64(out, (uint64_t)head->time.v);
    buf_put(out, head->random, sizeof head->random);
    for (uint16_t i = 0; i < head->author_count; i++) {
        buf_put(out, head->authors[i].author.id.b, ID_BYTES);
        buf_put(out, head->authors[i].random, AUTHOR_RANDOM_BYTES);
        buf_put(out, head->authors[i].key.b, PUBLIC_KEY_BYTES);
    }
    head_message(buf_slice(out), &message);
    if (buf_rc(out) == RC_OK && buf_rc(&message) == RC_OK) {
        keypair_sign(device, buf_slice(&message), &sig);
        buf_put(out, sig.b, SIGNATURE_BYTES);
    }
    enum rc rc = buf_rc(&message);
    buf_fini(&message);
    return rc == RC_OK ? buf_rc(out) : rc;
}

// How many authors a header names, by its first bytes.
static enum rc head_count(struct slice fixed, uint16_t *out_count) {
    struct reader in = reader_of(fixed);
    struct slice magic = reader_take(&in, 8);
    uint8_t version = reader_u8(&in);
    uint8_t flags = reader_u8(&in);
    uint16_t count = reader_u16(&in);
    if (in.rc != RC_OK) {
        return in.rc;
    }
    if (memcmp(magic.data, BUNDLE_MAGIC, 8) != 0) {
        return RC_INVALID;
    }
    if (version != BUNDLE_VERSION || flags != 0) {
        return RC_UNSUPPORTED;
    }
    if (count > LIMIT_BUNDLE_AUTHORS) {
        return RC_TOO_LARGE;
    }
    *out_count = count;
    return RC_OK;
}

static void head_read(struct reader *in, struct bundle_head *head) {
    reader_copy(in, head->site.id.b, ID_BYTES);
    reader_copy(in, head->device.id.b, ID_BYTES);
    reader_copy(in, head->key.b, PUBLIC_KEY_BYTES);
    uint64_t time = reader_u64(in);
    if (time > INT64_MAX) {
        reader_fail(in, RC_INVALID);
    }
    head->time.v = (int64_t)time;
    reader_copy(in, head->random, sizeof head->random);
    for (uint16_t i = 0; i < head->author_count; i++) {
        struct bundle_author *author = &head->authors[i];
        reader_copy(in, author->author.id.b, ID_BYTES);
        reader_copy(in, author->random, AUTHOR_RANDOM_BYTES);
        reader_copy(in, author->key.b, PUBLIC_KEY_BYTES);
        if (in->rc == RC_OK &&
            !author_equal(author->author, author_of(&author->key, author->random))) {
            reader_fail(in, RC_INVALID);
        }
    }
}

enum rc bundle_head_decode(const struct keys_scheme *scheme, struct slice bytes,
                           struct bundle_head *out_head) {
    struct bundle_head head = {.author_count = 0};
    struct signature sig;
    struct reader in = reader_of(bytes);
    enum rc rc = head_count(bytes, &head.author_count);
    if (rc != RC_OK) {
        return rc;
    }
    (void)reader_take(&in, 12);
    head_read(&in, &head);
    reader_copy(&in, sig.b, SIGNATURE_BYTES);
    rc = reader_done(&in);
    if (rc != RC_OK) {
        return rc;
    }
    struct buf message;
    head_message(slice_of(bytes.data, bytes.len - SIGNATURE_BYTES), &message);
    rc = buf_rc(&message);
    if (rc == RC_OK && !keys_verify(scheme, &head.key, buf_slice(&message), &sig)) {
        rc = RC_BAD_SIGNATURE;
    }
    buf_fini(&message);
    if (rc == RC_OK) {
        *out_head = head;
    }
    return rc;
}

// ---- Parts ----

enum rc bundle_part_open(const struct keys_scheme *scheme, const struct bundle_head *head,
                         struct slice bytes, struct bundle_part *out_part) {
    struct frame frame;
    if (bytes.len > LIMIT_BUNDLE_FRAME_BYTES) {
        return RC_TOO_LARGE;
    }
    enum rc rc = frame_open(bytes, &frame);
    if (rc != RC_OK) {
        return rc;
    }
    bool batch = frame.type == FRAME_BATCH;
    if ((!batch && frame.type != FRAME_FEED) || frame.flags != FRAME_SIGNED ||
        frame.session >= head->author_count) {
        return RC_INVALID;
    }
    struct frame_trust trust = {.direction = batch ? FRAME_UP : FRAME_DOWN,
                                .site = head->site,
                                .scheme = scheme,
                                .key = &head->key};
    if (!frame_signed_ok(bytes, &frame, &trust)) {
        return RC_BAD_SIGNATURE;
    }
    *out_part = (struct bundle_part){.author = &head->authors[frame.session],
                                     .type = frame.type,
                                     .number = frame.number,
                                     .frame = bytes,
                                     .body = frame.body};
    return RC_OK;
}

// ---- Reader ----

enum rc bundle_refuse(uint64_t at, enum rc why, struct refusal *out_refusal) {
    struct buf place;
    buf_init(&place, 32);
    buf_printf(&place, "%llu", (unsigned long long)at);
    (void)REFUSE(out_refusal, REFUSAL_BUNDLE, buf_cstr(&place), rc_name(why));
    buf_fini(&place);
    return RC_REFUSED;
}

// Exactly len more bytes behind what the buffer holds. Memory follows what is really there.
static enum rc read_more(struct bundle_reader *reader, struct buf *out, size_t len) {
    while (len > 0) {
        uint8_t chunk[4096];
        size_t want = len < sizeof chunk ? len : sizeof chunk;
        size_t got = fread(chunk, 1, want, reader->file);
        buf_put(out, chunk, got);
        hasher_add(&reader->hasher, chunk, got);
        reader->at += got;
        len -= got;
        if (buf_rc(out) != RC_OK) {
            return buf_rc(out);
        }
        if (got < want) {
            return ferror(reader->file) ? RC_IO : RC_TRUNCATED;
        }
    }
    return RC_OK;
}

static enum rc read_head(struct bundle_reader *reader) {
    uint16_t count = 0;
    struct buf *bytes = &reader->head_bytes;
    // A file of another kind is told by its first bytes, however short it is.
    enum rc rc = read_more(reader, bytes, 8);
    size_t magic = bytes->len < 8 ? bytes->len : 8;
    if (magic > 0 && memcmp(bytes->data, BUNDLE_MAGIC, magic) != 0) {
        return RC_INVALID;
    }
    rc = rc == RC_OK ? read_more(reader, bytes, HEAD_FIXED_BYTES - 8) : rc;
    rc = rc == RC_OK ? head_count(buf_slice(bytes), &count) : rc;
    rc =
        rc == RC_OK ? read_more(reader, bytes, (size_t)count * AUTHOR_BYTES + SIGNATURE_BYTES) : rc;
    return rc == RC_OK ? bundle_head_decode(reader->scheme, buf_slice(bytes), &reader->head) : rc;
}

enum rc bundle_reader_open(struct bundle_reader *reader, FILE *file,
                           const struct keys_scheme *scheme, struct refusal *out_refusal) {
    *reader = (struct bundle_reader){.file = file, .scheme = scheme};
    buf_init(&reader->head_bytes, BUNDLE_HEAD_BYTES_MAX);
    buf_init(&reader->frame, LIMIT_BUNDLE_FRAME_BYTES);
    hasher_init(&reader->hasher);
    if (fseek(file, 0, SEEK_SET) != 0) {
        return RC_IO;
    }
    enum rc rc = read_head(reader);
    if (rc == RC_OK || rc == RC_IO || rc == RC_NO_MEMORY) {
        return rc;
    }
    return bundle_refuse(rc == RC_TRUNCATED ? reader->at : 0, rc, out_refusal);
}

void bundle_reader_close(struct bundle_reader *reader) {
    buf_fini(&reader->head_bytes);
    buf_fini(&reader->frame);
}

void bundle_end_message(const struct hash32 *hash, uint32_t count, struct buf *out) {
    buf_init(out, sizeof END_DOMAIN + HASH_BYTES + sizeof count);
    buf_put(out, END_DOMAIN, sizeof END_DOMAIN - 1);
    buf_put_u32(out, count);
    buf_put(out, hash->b, HASH_BYTES);
}

static enum rc read_end(struct bundle_reader *reader, const struct hash32 *hash) {
    struct buf message;
    struct signature sig;
    buf_reset(&reader->frame);
    enum rc rc = read_more(reader, &reader->frame, sizeof(uint32_t) + SIGNATURE_BYTES);
    if (rc != RC_OK) {
        return rc;
    }
    struct reader in = reader_of(buf_slice(&reader->frame));
    uint32_t count = reader_u32(&in);
    reader_copy(&in, sig.b, SIGNATURE_BYTES);
    bundle_end_message(hash, count, &message);
    bool good = count == reader->count &&
                keys_verify(reader->scheme, &reader->head.key, buf_slice(&message), &sig);
    buf_fini(&message);
    if (!good) {
        return RC_BAD_SIGNATURE;
    }
    return fgetc(reader->file) == EOF ? RC_NOT_FOUND : RC_INVALID;
}

static enum rc read_part(struct bundle_reader *reader, struct bundle_part *out_part) {
    struct hasher before = reader->hasher;
    struct hash32 hash;
    buf_reset(&reader->frame);
    enum rc rc = read_more(reader, &reader->frame, sizeof(uint32_t));
    if (rc != RC_OK) {
        return rc;
    }
    struct reader in = reader_of(buf_slice(&reader->frame));
    uint32_t len = reader_u32(&in);
    if (len == 0) {
        hasher_done(&before, &hash);
        return read_end(reader, &hash);
    }
    if (len > LIMIT_BUNDLE_FRAME_BYTES) {
        return RC_TOO_LARGE;
    }
    buf_reset(&reader->frame);
    rc = read_more(reader, &reader->frame, len);
    if (rc == RC_OK) {
        rc = bundle_part_open(reader->scheme, &reader->head, buf_slice(&reader->frame), out_part);
    }
    if (rc == RC_OK && (reader->count == UINT32_MAX || out_part->number != reader->count + 1)) {
        rc = RC_GAP;
    }
    return rc;
}

enum rc bundle_reader_next(struct bundle_reader *reader, struct bundle_part *out_part,
                           struct refusal *out_refusal) {
    struct bundle_part part;
    uint64_t at = reader->at;
    if (reader->at > LIMIT_BUNDLE_BYTES) {
        return bundle_refuse(at, RC_TOO_LARGE, out_refusal);
    }
    enum rc rc = read_part(reader, &part);
    if (rc == RC_OK) {
        reader->count++;
        part.at = at;
        *out_part = part;
    }
    if (rc == RC_OK || rc == RC_NOT_FOUND || rc == RC_IO || rc == RC_NO_MEMORY) {
        return rc;
    }
    return bundle_refuse(rc == RC_TRUNCATED ? reader->at : at, rc, out_refusal);
}

// ---- Trust ----

static bool key_equal(const struct public_key *a, const struct public_key *b) {
    return memcmp(a->b, b->b, PUBLIC_KEY_BYTES) == 0;
}

enum rc bundle_trust(const struct roster *roster, struct site_id site,
                     const struct public_key *hub_key, const struct bundle_head *head,
                     struct refusal *out_refusal) {
    if (!id16_equal(head->site.id, site.id)) {
        return REFUSE(out_refusal, REFUSAL_WRONG_SITE, "bundle");
    }
    const struct roster_device *device = roster_device(roster, head->device);
    bool enrolled = device && key_equal(&device->key, &head->key);
    bool hub = hub_key && key_equal(hub_key, &head->key);
    if (!enrolled && !hub) {
        char code[ID_SHORT_BYTES];
        id16_short(head->device.id, code);
        return REFUSE(out_refusal, REFUSAL_BUNDLE_SIGNER, code);
    }
    return RC_OK;
}

// ---- The control socket ----

void control_import_encode(struct slice head, struct slice frame, struct buf *out_payload) {
    buf_put_bytes(out_payload, head.data, head.len);
    buf_put_bytes(out_payload, frame.data, frame.len);
}

enum rc control_import_decode(struct slice payload, struct slice *out_head,
                              struct slice *out_frame) {
    struct reader in = reader_of(payload);
    struct slice head = reader_bytes(&in, BUNDLE_HEAD_BYTES_MAX);
    struct slice frame = reader_bytes(&in, LIMIT_BUNDLE_FRAME_BYTES);
    enum rc rc = reader_done(&in);
    if (rc == RC_OK) {
        *out_head = head;
        *out_frame = frame;
    }
    return rc;
}
