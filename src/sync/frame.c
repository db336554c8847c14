#include "davy/sync/frame.h"

#include "davy/base/ensure.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define FRAME_DOMAIN "davy/frame/1"
#define FRAME_VERSION 1
#define FRAME_ZSTD_LEVEL 3
#define FLAGS_KNOWN (FRAME_ZSTD | FRAME_KEYED | FRAME_SIGNED)

struct frame_codec {
    ZSTD_CCtx *deflate;
    ZSTD_DCtx *inflate;
    struct buf packed;
    struct buf inflated;
};

enum rc frame_codec_new(struct frame_codec **out_codec) {
    struct frame_codec *codec = calloc(1, sizeof *codec);
    if (!codec) {
        return RC_NO_MEMORY;
    }
    codec->deflate = ZSTD_createCCtx();
    codec->inflate = ZSTD_createDCtx();
    buf_init(&codec->packed, LIMIT_FRAME_INFLATED_BYTES);
    buf_init(&codec->inflated, LIMIT_FRAME_INFLATED_BYTES);
    if (!codec->deflate || !codec->inflate) {
        frame_codec_free(codec);
        return RC_NO_MEMORY;
    }
    *out_codec = codec;
    return RC_OK;
}

void frame_codec_free(struct frame_codec *codec) {
    if (!codec) {
        return;
    }
    ZSTD_freeCCtx(codec->deflate);
    ZSTD_freeDCtx(codec->inflate);
    buf_fini(&codec->packed);
    buf_fini(&codec->inflated);
    free(codec);
}

// Fills codec->packed; false if compression does not pay.
static bool deflate_body(struct frame_codec *codec, struct slice body) {
    if (!codec || body.len < 64) {
        return false;
    }
    uint8_t *out = malloc(body.len);
    if (!out) {
        return false;
    }
    // A result that does not fit below the input's size is an error of zstd: then it does not pay.
    size_t len =
        ZSTD_compressCCtx(codec->deflate, out, body.len - 1, body.data, body.len, FRAME_ZSTD_LEVEL);
    bool pays = !ZSTD_isError(len);
    if (pays) {
        buf_reset(&codec->packed);
        buf_put(&codec->packed, out, len);
        pays = buf_rc(&codec->packed) == RC_OK;
    }
    free(out);
    return pays;
}

static size_t proof_bytes(uint8_t flags) {
    if (flags & FRAME_KEYED) {
        return KEYED_HASH_BYTES;
    }
    return flags & FRAME_SIGNED ? SIGNATURE_BYTES : 0;
}

static void proof_message(enum frame_direction direction, struct site_id site, struct slice header,
                          struct slice body, struct buf *out) {
    buf_put(out, FRAME_DOMAIN, sizeof FRAME_DOMAIN - 1);
    buf_put(out, site.id.b, ID_BYTES);
    buf_put_u8(out, (uint8_t)direction);
    buf_put(out, header.data, header.len);
    buf_put(out, body.data, body.len);
}

static void keyed_proof(const uint8_t key[SESSION_KEY_BYTES], enum frame_direction direction,
                        struct slice header, struct slice body, uint8_t out_tag[KEYED_HASH_BYTES]) {
    uint8_t way = (uint8_t)direction;
    struct slice parts[] = {slice_of(&way, 1), header, body};
    keyed_hash(key, parts, COUNT_OF(parts), out_tag);
}

static enum rc put_signature(const struct frame_seal *seal, struct slice header, struct slice body,
                             struct buf *out) {
    struct buf message;
    buf_init(&message, LIMIT_FRAME_INFLATED_BYTES + 256);
    proof_message(seal->direction, seal->site, header, body, &message);
    enum rc rc = buf_rc(&message);
    if (rc == RC_OK) {
        struct signature sig;
        keypair_sign(seal->signer, buf_slice(&message), &sig);
        buf_put(out, sig.b, SIGNATURE_BYTES);
    }
    buf_fini(&message);
    return rc;
}

enum rc frame_build(struct frame_codec *codec, const struct frame *head, struct slice body,
                    const struct frame_seal *seal, struct buf *out) {
    ENSURE((seal->keyed != NULL) != (seal->signer != NULL));
    if (body.len > LIMIT_FRAME_INFLATED_BYTES) {
        return RC_TOO_LARGE;
    }
    uint8_t flags = seal->keyed ? FRAME_KEYED : FRAME_SIGNED;
    if (deflate_body(codec, body)) {
        flags |= FRAME_ZSTD;
        body = buf_slice(&codec->packed);
    }
    buf_reset(out);
    buf_put(out, "DV", 2);
    buf_put_u8(out, FRAME_VERSION);
    buf_put_u8(out, (uint8_t)head->type);
    buf_put_u8(out, flags);
    buf_put_u32(out, head->session);
    buf_put_u32(out, head->number);
    if (buf_rc(out) != RC_OK) {
        return buf_rc(out);
    }
    uint8_t header[FRAME_HEADER_BYTES];
    memcpy(header, out->data, sizeof header);
    if (seal->keyed) {
        uint8_t tag[KEYED_HASH_BYTES];
        keyed_proof(seal->keyed, seal->direction, slice_of(header, sizeof header), body, tag);
        buf_put(out, tag, sizeof tag);
    } else {
        enum rc rc = put_signature(seal, slice_of(header, sizeof header), body, out);
        if (rc != RC_OK) {
            return rc;
        }
    }
    buf_put(out, body.data, body.len);
    return buf_rc(out);
}

enum rc frame_open(struct slice bytes, struct frame *out_frame) {
    struct reader reader = reader_of(bytes);
    struct slice magic = reader_take(&reader, 2);
    uint8_t version = reader_u8(&reader);
    uint8_t type = reader_u8(&reader);
    uint8_t flags = reader_u8(&reader);
    struct frame frame = {.type = (enum frame_type)type, .flags = flags};
    frame.session = reader_u32(&reader);
    frame.number = reader_u32(&reader);
    if (reader.rc != RC_OK) {
        return reader.rc;
    }
    if (memcmp(magic.data, "DV", 2) != 0) {
        return RC_INVALID;
    }
    if (version != FRAME_VERSION || type == 0 || type >= FRAME_TYPE_COUNT ||
        (flags & ~FLAGS_KNOWN) != 0) {
        return RC_UNSUPPORTED;
    }
    if (((flags & FRAME_KEYED) != 0) == ((flags & FRAME_SIGNED) != 0)) {
        return RC_INVALID;
    }
    frame.proof = reader_take(&reader, proof_bytes(flags));
    frame.body = reader_take(&reader, reader_left(&reader));
    if (reader.rc != RC_OK) {
        return reader.rc;
    }
    if (frame.body.len > LIMIT_FRAME_INFLATED_BYTES) {
        return RC_TOO_LARGE;
    }
    *out_frame = frame;
    return RC_OK;
}

// The body exactly as it came, whether or not it was inflated since.
static struct slice raw_body(struct slice bytes, const struct frame *frame) {
    size_t start = FRAME_HEADER_BYTES + frame->proof.len;
    return slice_of(bytes.data + start, bytes.len - start);
}

bool frame_keyed_ok(struct slice bytes, const struct frame *frame, enum frame_direction direction,
                    const uint8_t key[SESSION_KEY_BYTES]) {
    if (!(frame->flags & FRAME_KEYED)) {
        return false;
    }
    uint8_t tag[KEYED_HASH_BYTES];
    keyed_proof(key, direction, slice_of(bytes.data, FRAME_HEADER_BYTES), raw_body(bytes, frame),
                tag);
    return keyed_hash_equal(tag, frame->proof.data);
}

bool frame_signed_ok(struct slice bytes, const struct frame *frame,
                     const struct frame_trust *trust) {
    if (!(frame->flags & FRAME_SIGNED)) {
        return false;
    }
    struct buf message;
    buf_init(&message, LIMIT_FRAME_INFLATED_BYTES + 256);
    proof_message(trust->direction, trust->site, slice_of(bytes.data, FRAME_HEADER_BYTES),
                  raw_body(bytes, frame), &message);
    struct signature sig;
    memcpy(sig.b, frame->proof.data, SIGNATURE_BYTES);
    bool ok = buf_rc(&message) == RC_OK &&
              keys_verify(trust->scheme, trust->key, buf_slice(&message), &sig);
    buf_fini(&message);
    return ok;
}

enum rc frame_inflate(struct frame_codec *codec, struct frame *frame) {
    if (!(frame->flags & FRAME_ZSTD)) {
        return RC_OK;
    }
    unsigned long long size = ZSTD_getFrameContentSize(frame->body.data, frame->body.len);
    if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR) {
        return RC_INVALID;
    }
    if (size > LIMIT_FRAME_INFLATED_BYTES) {
        return RC_TOO_LARGE;
    }
    static const uint8_t zeros[4096];
    buf_reset(&codec->inflated);
    while (codec->inflated.len < size && buf_rc(&codec->inflated) == RC_OK) {
        size_t left = (size_t)size - codec->inflated.len;
        buf_put(&codec->inflated, zeros, left < sizeof zeros ? left : sizeof zeros);
    }
    if (buf_rc(&codec->inflated) != RC_OK) {
        return buf_rc(&codec->inflated);
    }
    size_t len = ZSTD_decompressDCtx(codec->inflate, codec->inflated.data, (size_t)size,
                                     frame->body.data, frame->body.len);
    if (ZSTD_isError(len) || len != size) {
        return RC_INVALID;
    }
    frame->body = slice_of(codec->inflated.data, len);
    frame->flags &= (uint8_t)~FRAME_ZSTD;
    return RC_OK;
}
