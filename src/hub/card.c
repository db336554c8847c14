#include "davy/hub/card.h"

#include "davy/base/base32.h"
#include "davy/base/text.h"

#include <string.h>

#define CARD_VERSION 1
#define CARD_BYTES_MAX 600
#define CHECK_BYTES 4
#define CHECK_DOMAIN "davy/tier-card/1"

static void check_of(const char *prefix, struct slice bytes, uint8_t out_check[CHECK_BYTES]) {
    struct slice parts[] = {slice_text(CHECK_DOMAIN), slice_text(prefix), bytes};
    struct hash32 hash;
    hash_parts(parts, sizeof parts / sizeof parts[0], &hash);
    memcpy(out_check, hash.b, CHECK_BYTES);
}

static void put_card(const struct tier_card *card, struct buf *out) {
    buf_put_u8(out, CARD_VERSION);
    buf_put(out, card->site.id.b, ID_BYTES);
    buf_put(out, card->hub_key.b, PUBLIC_KEY_BYTES);
    buf_put_text(out, card->name);
}

// Prefix, bytes and their check as letters.
static enum rc put_letters(const char *prefix, struct buf *bytes, struct buf *out_text) {
    uint8_t check[CHECK_BYTES];
    check_of(prefix, buf_slice(bytes), check);
    buf_put(bytes, check, sizeof check);
    enum rc rc = buf_rc(bytes);
    if (rc == RC_OK) {
        buf_put(out_text, prefix, strlen(prefix));
        base32_put(buf_slice(bytes), out_text);
        rc = buf_rc(out_text);
    }
    return rc;
}

enum rc tier_card_encode(const struct tier_card *card, struct buf *out_text) {
    struct buf bytes;
    buf_init(&bytes, CARD_BYTES_MAX);
    put_card(card, &bytes);
    enum rc rc = put_letters(TIER_CARD_PREFIX, &bytes, out_text);
    buf_fini(&bytes);
    return rc;
}

enum rc tier_pass_encode(const struct tier_pass *pass, struct buf *out_text) {
    struct buf bytes;
    buf_init(&bytes, CARD_BYTES_MAX);
    put_card(&pass->parent, &bytes);
    buf_put(&bytes, pass->child.id.b, ID_BYTES);
    buf_put(&bytes, pass->device.id.b, ID_BYTES);
    buf_put_text(&bytes, pass->broker);
    buf_put_text(&bytes, pass->account);
    buf_put_text(&bytes, pass->password);
    enum rc rc = put_letters(TIER_PASS_PREFIX, &bytes, out_text);
    keys_wipe(bytes.data, bytes.len);
    buf_fini(&bytes);
    return rc;
}

// ---- Reading ----

static void get_text(struct reader *in, char *out, size_t max) {
    struct slice text = reader_bytes(in, max);
    if (in->rc == RC_OK && text_check(text, max) != RC_OK) {
        reader_fail(in, RC_INVALID);
    }
    if (in->rc == RC_OK) {
        memcpy(out, text.data, text.len);
        out[text.len] = '\0';
    }
}

static void get_card(struct reader *in, struct tier_card *card) {
    reader_copy(in, card->site.id.b, ID_BYTES);
    reader_copy(in, card->hub_key.b, PUBLIC_KEY_BYTES);
    get_text(in, card->name, LIMIT_NAME_BYTES);
}

// The bytes behind the prefix, the version taken off in front and the check at the end.
static enum rc get_letters(const char *prefix, const char *text, struct buf *bytes,
                           struct slice *out_fields, struct refusal *out_refusal) {
    uint8_t check[CHECK_BYTES];
    text += strspn(text, " \t\r\n");
    if (strncmp(text, prefix, strlen(prefix)) != 0) {
        bool known = strncmp(text, "DAVY", 4) == 0;
        return REFUSE(out_refusal, known ? REFUSAL_CARD_OTHER : REFUSAL_CARD, prefix);
    }
    enum rc rc = base32_get(text + strlen(prefix), bytes);
    if (rc == RC_NO_MEMORY) {
        return rc;
    }
    if (rc != RC_OK || bytes->len < 1 + CHECK_BYTES) {
        return REFUSE(out_refusal, REFUSAL_CARD, prefix);
    }
    struct slice whole = slice_of(bytes->data, bytes->len - CHECK_BYTES);
    check_of(prefix, whole, check);
    if (memcmp(check, bytes->data + whole.len, CHECK_BYTES) != 0) {
        return REFUSE(out_refusal, REFUSAL_CARD, prefix);
    }
    if (whole.data[0] != CARD_VERSION) {
        return REFUSE(out_refusal, REFUSAL_NEEDS_NEWER, prefix);
    }
    *out_fields = slice_of(whole.data + 1, whole.len - 1);
    return RC_OK;
}

enum rc tier_card_decode(const char *text, struct tier_card *out_card,
                         struct refusal *out_refusal) {
    struct tier_card card = {0};
    struct slice fields;
    struct buf bytes;
    buf_init(&bytes, CARD_BYTES_MAX);
    enum rc rc = get_letters(TIER_CARD_PREFIX, text, &bytes, &fields, out_refusal);
    if (rc == RC_OK) {
        struct reader in = reader_of(fields);
        get_card(&in, &card);
        rc = reader_done(&in);
        rc = rc == RC_OK ? rc : REFUSE(out_refusal, REFUSAL_CARD, TIER_CARD_PREFIX);
    }
    if (rc == RC_OK) {
        *out_card = card;
    }
    buf_fini(&bytes);
    return rc;
}

enum rc tier_pass_decode(const char *text, struct tier_pass *out_pass,
                         struct refusal *out_refusal) {
    struct tier_pass pass = {0};
    struct slice fields;
    struct buf bytes;
    buf_init(&bytes, CARD_BYTES_MAX);
    enum rc rc = get_letters(TIER_PASS_PREFIX, text, &bytes, &fields, out_refusal);
    if (rc == RC_OK) {
        struct reader in = reader_of(fields);
        get_card(&in, &pass.parent);
        reader_copy(&in, pass.child.id.b, ID_BYTES);
        reader_copy(&in, pass.device.id.b, ID_BYTES);
        get_text(&in, pass.broker, LIMIT_TAG_BYTES);
        get_text(&in, pass.account, LIMIT_TAG_BYTES);
        get_text(&in, pass.password, LIMIT_TAG_BYTES);
        rc = reader_done(&in);
        rc = rc == RC_OK ? rc : REFUSE(out_refusal, REFUSAL_CARD, TIER_PASS_PREFIX);
    }
    if (rc == RC_OK) {
        *out_pass = pass;
    }
    keys_wipe(bytes.data, bytes.len);
    keys_wipe(&pass, sizeof pass);
    buf_fini(&bytes);
    return rc;
}
