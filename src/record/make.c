#include "davy/record/module.h"

static bool key_is_of(const struct content *content, const struct keypair *signer) {
    if (signer == NULL) {
        return id16_is_zero(content->key.id);
    }
    return id16_equal(content->key.id, key_id_of(keypair_public(signer)).id);
}

enum rc record_make(const struct content *content, const struct keypair *signer, struct buf *buf,
                    struct signed_record *out_record) {
    if (!key_is_of(content, signer)) {
        return RC_INVALID;
    }
    size_t start = buf->len;
    enum rc rc = content_encode(content, buf);
    if (rc != RC_OK) {
        return rc;
    }
    struct signed_record record = {.content = slice_of(buf->data + start, buf->len - start)};
    record.rid = content_rid(record.content);
    if (signer != NULL) {
        record.has_sig = true;
        keypair_sign(signer, record.content, &record.sig);
    }
    *out_record = record;
    return RC_OK;
}
