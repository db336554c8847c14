// Enrolment: invites, joins, one-time codes.
#include "davy/sync/frame.h"

#include "davy/base/base32.h"
#include "davy/base/ensure.h"
#include "davy/base/text.h"

#include <stdio.h>
#include <string.h>

#define ENROL_DOMAIN "davy/enrol/1"
#define JOIN_DOMAIN "davy/join/1"
#define INVITE_DOMAIN "davy/invite/1"
#define SHORT_CODE_DOMAIN "davy/short-code/1"
#define INVITE_PREFIX "DAVY1-"
#define INVITE_BYTES_MAX 512

enum rc enrol_encode(const struct enrol *enrol, struct buf *out) {
    buf_put(out, enrol->person.id.b, ID_BYTES);
    buf_put(out, enrol->key.b, PUBLIC_KEY_BYTES);
    buf_put(out, enrol->proof, KEYED_HASH_BYTES);
    return buf_rc(out);
}

enum rc enrol_decode(struct slice body, struct enrol *out_enrol) {
    struct reader in = reader_of(body);
    struct enrol enrol = {0};
    reader_copy(&in, enrol.person.id.b, ID_BYTES);
    reader_copy(&in, enrol.key.b, PUBLIC_KEY_BYTES);
    reader_copy(&in, enrol.proof, KEYED_HASH_BYTES);
    enum rc rc = reader_done(&in);
    if (rc == RC_OK) {
        *out_enrol = enrol;
    }
    return rc;
}

enum rc enrolled_encode(const struct enrolled *enrolled, struct buf *out) {
    buf_put(out, enrolled->key.id.b, ID_BYTES);
    buf_put_u16(out, enrolled->code);
    return buf_rc(out);
}

enum rc enrolled_decode(struct slice body, struct enrolled *out_enrolled) {
    struct reader in = reader_of(body);
    struct enrolled enrolled = {0};
    reader_copy(&in, enrolled.key.id.b, ID_BYTES);
    enrolled.code = reader_u16(&in);
    enum rc rc = reader_done(&in);
    if (rc == RC_OK) {
        *out_enrolled = enrolled;
    }
    return rc;
}

void secret_hash(const char *domain, struct slice secret, struct hash32 *out_hash) {
    struct slice parts[] = {slice_text(domain), secret};
    hash_parts(parts, COUNT_OF(parts), out_hash);
}

void enrol_key(const char *code, uint8_t out_key[SESSION_KEY_BYTES]) {
    struct hash32 secret;
    secret_hash(ENROL_DOMAIN, slice_text(code), &secret);
    memcpy(out_key, secret.b, SESSION_KEY_BYTES);
    keys_wipe(&secret, sizeof secret);
}

void enrol_prove_with(const uint8_t key[SESSION_KEY_BYTES], struct rid person,
                      const struct public_key *device_key, uint8_t out_proof[KEYED_HASH_BYTES]) {
    struct slice parts[] = {slice_of(person.id.b, ID_BYTES),
                            slice_of(device_key->b, PUBLIC_KEY_BYTES)};
    keyed_hash(key, parts, COUNT_OF(parts), out_proof);
}

void enrol_prove(const char *code, struct rid person, const struct public_key *key,
                 uint8_t out_proof[KEYED_HASH_BYTES]) {
    uint8_t secret[SESSION_KEY_BYTES];
    enrol_key(code, secret);
    enrol_prove_with(secret, person, key, out_proof);
    keys_wipe(secret, sizeof secret);
}

enum rc join_encode(const struct join *join, struct buf *out) {
    buf_put(out, join->device_key.b, PUBLIC_KEY_BYTES);
    buf_put(out, join->secret_id, sizeof join->secret_id);
    buf_put(out, join->nonce, FRAME_NONCE_BYTES);
    buf_put_bytes(out, join->tls_key.data, join->tls_key.len);
    return buf_rc(out);
}

enum rc join_decode(struct slice body, struct join *out_join) {
    struct reader in = reader_of(body);
    struct join join = {0};
    reader_copy(&in, join.device_key.b, PUBLIC_KEY_BYTES);
    reader_copy(&in, join.secret_id, sizeof join.secret_id);
    reader_copy(&in, join.nonce, FRAME_NONCE_BYTES);
    join.tls_key = reader_bytes(&in, LIMIT_JOIN_KEY_BYTES);
    enum rc rc = reader_done(&in);
    if (rc == RC_OK) {
        *out_join = join;
    }
    return rc;
}

enum rc joined_encode(const struct joined *joined, struct buf *out) {
    buf_put(out, joined->nonce, FRAME_NONCE_BYTES);
    buf_put(out, joined->site.id.b, ID_BYTES);
    buf_put(out, joined->hub_key.b, PUBLIC_KEY_BYTES);
    buf_put_u8(out, joined->confirmed);
    buf_put(out, joined->device.id.b, ID_BYTES);
    buf_put_bytes(out, joined->door.data, joined->door.len);
    buf_put_bytes(out, joined->certificate.data, joined->certificate.len);
    buf_put_bytes(out, joined->authority.data, joined->authority.len);
    return buf_rc(out);
}

enum rc joined_decode(struct slice body, struct joined *out_joined) {
    struct reader in = reader_of(body);
    struct joined joined = {0};
    reader_copy(&in, joined.nonce, FRAME_NONCE_BYTES);
    reader_copy(&in, joined.site.id.b, ID_BYTES);
    reader_copy(&in, joined.hub_key.b, PUBLIC_KEY_BYTES);
    joined.confirmed = reader_u8(&in);
    reader_copy(&in, joined.device.id.b, ID_BYTES);
    joined.door = reader_bytes(&in, LIMIT_TAG_BYTES);
    joined.certificate = reader_bytes(&in, LIMIT_JOIN_CERTIFICATE_BYTES);
    joined.authority = reader_bytes(&in, LIMIT_JOIN_CERTIFICATE_BYTES);
    if (joined.confirmed > 1) {
        reader_fail(&in, RC_INVALID);
    }
    enum rc rc = reader_done(&in);
    if (rc == RC_OK) {
        *out_joined = joined;
    }
    return rc;
}

void join_key(const uint8_t secret[16], uint8_t out_key[SESSION_KEY_BYTES]) {
    struct hash32 hash;
    secret_hash(JOIN_DOMAIN, slice_of(secret, 16), &hash);
    memcpy(out_key, hash.b, SESSION_KEY_BYTES);
}

void invite_id(const uint8_t secret[16], uint8_t out_id[16]) {
    struct hash32 hash;
    secret_hash(INVITE_DOMAIN, slice_of(secret, 16), &hash);
    memcpy(out_id, hash.b, 16);
}

void join_short_code(const struct public_key *device_key, const struct public_key *hub_key,
                     struct site_id site, char out_code[static SHORT_CODE_BYTES]) {
    struct slice parts[] = {slice_text(SHORT_CODE_DOMAIN),
                            slice_of(device_key->b, PUBLIC_KEY_BYTES),
                            slice_of(hub_key->b, PUBLIC_KEY_BYTES), slice_of(site.id.b, ID_BYTES)};
    struct hash32 hash;
    hash_parts(parts, COUNT_OF(parts), &hash);
    uint32_t number = 0;
    for (int i = 0; i < 4; i++) {
        number = number << 8 | hash.b[i];
    }
    (void)snprintf(out_code, SHORT_CODE_BYTES, "%06u", number % 1000000u);
}

enum rc invite_encode(const struct invite *invite, struct buf *out_text) {
    struct buf bytes;
    buf_init(&bytes, INVITE_BYTES_MAX);
    buf_put_u8(&bytes, 1);
    buf_put(&bytes, invite->site.id.b, ID_BYTES);
    buf_put(&bytes, invite->hub_key.b, PUBLIC_KEY_BYTES);
    buf_put(&bytes, invite->secret, sizeof invite->secret);
    buf_put_text(&bytes, invite->broker);
    buf_put_text(&bytes, invite->account);
    buf_put_text(&bytes, invite->password);
    buf_put_text(&bytes, invite->name);
    buf_put_u8(&bytes, invite->kind);
    enum rc rc = buf_rc(&bytes);
    if (rc == RC_OK) {
        buf_put(out_text, INVITE_PREFIX, sizeof INVITE_PREFIX - 1);
        base32_put(buf_slice(&bytes), out_text);
        rc = buf_rc(out_text);
        keys_wipe(bytes.data, bytes.len);
    }
    buf_fini(&bytes);
    return rc;
}

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

static enum rc invite_read(struct slice bytes, struct invite *out_invite) {
    struct reader in = reader_of(bytes);
    struct invite invite = {0};
    uint8_t version = reader_u8(&in);
    reader_copy(&in, invite.site.id.b, ID_BYTES);
    reader_copy(&in, invite.hub_key.b, PUBLIC_KEY_BYTES);
    reader_copy(&in, invite.secret, sizeof invite.secret);
    get_text(&in, invite.broker, LIMIT_TAG_BYTES);
    get_text(&in, invite.account, LIMIT_TAG_BYTES);
    get_text(&in, invite.password, LIMIT_TAG_BYTES);
    get_text(&in, invite.name, LIMIT_NAME_BYTES);
    invite.kind = reader_u8(&in);
    if (in.rc == RC_OK && version != 1) {
        return RC_UNSUPPORTED;
    }
    enum rc rc = reader_done(&in);
    if (rc == RC_OK) {
        *out_invite = invite;
    }
    keys_wipe(&invite, sizeof invite);
    return rc;
}

enum rc invite_decode(const char *text, struct invite *out_invite) {
    size_t prefix = sizeof INVITE_PREFIX - 1;
    if (strncmp(text, INVITE_PREFIX, prefix) != 0) {
        return RC_INVALID;
    }
    struct buf bytes;
    buf_init(&bytes, INVITE_BYTES_MAX);
    enum rc rc = base32_get(text + prefix, &bytes);
    if (rc == RC_OK) {
        rc = invite_read(buf_slice(&bytes), out_invite);
    }
    keys_wipe(bytes.data, bytes.len);
    buf_fini(&bytes);
    return rc;
}
