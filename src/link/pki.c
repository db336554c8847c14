#include "davy/link/pki.h"

#include "davy/base/ensure.h"

#include <arpa/inet.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HASH_ROUNDS 101 // mosquitto's own number: the password is random and not worth more
#define HASH_SALT_BYTES 12
#define HASH_OUT_BYTES 64
#define ADDRESSES_TEXT_BYTES 1024
#define BEGINNING "19700101000000Z"
#define NO_END "99991231235959Z" // RFC 5280 4.1.2.5: no expiration
#define SERIAL_LEAD 1            // before the id, so that the number is positive

// ---- PEM and keys ----

static BIO *bio_of(struct slice pem) {
    return pem.len == 0 || pem.len > INT_MAX ? NULL : BIO_new_mem_buf(pem.data, (int)pem.len);
}

static EVP_PKEY *secret_read(struct slice pem) {
    BIO *bio = bio_of(pem);
    // A password is never asked for on the terminal: an empty one is given.
    char none[] = "";
    EVP_PKEY *key = bio == NULL ? NULL : PEM_read_bio_PrivateKey(bio, NULL, NULL, none);
    BIO_free(bio);
    return key;
}

static X509 *certificate_read(struct slice pem) {
    BIO *bio = bio_of(pem);
    char none[] = "";
    X509 *certificate = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, none);
    BIO_free(bio);
    return certificate;
}

static enum rc bio_take(BIO *bio, bool written, struct buf *out) {
    char *data = NULL;
    long len = written ? BIO_get_mem_data(bio, &data) : 0;
    enum rc rc = len > 0 ? RC_OK : RC_NO_MEMORY;
    if (rc == RC_OK) {
        buf_put(out, data, (size_t)len);
        rc = buf_rc(out);
        OPENSSL_cleanse(data, (size_t)len);
    }
    BIO_free(bio);
    return rc;
}

static enum rc secret_write(EVP_PKEY *key, struct buf *out) {
    BIO *bio = BIO_new(BIO_s_mem());
    bool written =
        bio != NULL && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;
    return bio_take(bio, written, out);
}

static enum rc certificate_write(X509 *certificate, struct buf *out) {
    BIO *bio = BIO_new(BIO_s_mem());
    bool written = bio != NULL && PEM_write_bio_X509(bio, certificate) == 1;
    return bio_take(bio, written, out);
}

static enum rc public_write(EVP_PKEY *key, struct buf *out) {
    uint8_t *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    if (len <= 0) {
        return RC_NO_MEMORY;
    }
    buf_put(out, der, (size_t)len);
    OPENSSL_free(der);
    return buf_rc(out);
}

static bool is_p256(EVP_PKEY *key) {
    char group[64] = "";
    size_t len = 0;
    return EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
           EVP_PKEY_get_group_name(key, group, sizeof group, &len) == 1 &&
           (strcmp(group, "prime256v1") == 0 || strcmp(group, "P-256") == 0);
}

static EVP_PKEY *public_read(struct slice der) {
    if (der.len == 0 || der.len > PKI_PUBLIC_BYTES_MAX) {
        return NULL;
    }
    const uint8_t *at = der.data;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)der.len);
    if (key != NULL && (at != der.data + der.len || !is_p256(key))) {
        EVP_PKEY_free(key);
        key = NULL;
    }
    return key;
}

enum rc pki_key_make(struct buf *out_secret, struct buf *out_public) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    if (key == NULL) {
        return RC_NO_MEMORY;
    }
    enum rc rc = secret_write(key, out_secret);
    if (rc == RC_OK) {
        rc = public_write(key, out_public);
    }
    EVP_PKEY_free(key);
    return rc;
}

enum rc pki_key_public(struct slice secret, struct buf *out_public) {
    EVP_PKEY *key = secret_read(secret);
    enum rc rc = key == NULL || !is_p256(key) ? RC_INVALID : public_write(key, out_public);
    EVP_PKEY_free(key);
    return rc;
}

// ---- Certificates ----

// Letters that need no thought in a DN, an ACL or a password file.
static bool name_is_fit(const char *name) {
    size_t len = strlen(name);
    return len > 0 && len <= PKI_NAME_BYTES_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == len;
}

static bool extension_add(X509 *certificate, X509 *issuer, int nid, const char *value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool added = extension != NULL && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

static bool serial_set(ASN1_INTEGER *out, struct id16 serial) {
    uint8_t bytes[1 + ID_BYTES] = {SERIAL_LEAD};
    memcpy(bytes + 1, serial.b, ID_BYTES);
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool set = number != NULL && BN_to_ASN1_INTEGER(number, out) != NULL;
    BN_free(number);
    return set;
}

// Everything but the extensions and the signature. issuer NULL: it is its own.
static X509 *certificate_start(const char *name, struct id16 serial, EVP_PKEY *holder,
                               X509 *issuer) {
    X509 *made = X509_new();
    if (made == NULL) {
        return NULL;
    }
    X509_NAME *subject = X509_get_subject_name(made);
    bool good =
        X509_set_version(made, X509_VERSION_3) == 1 &&
        serial_set(X509_get_serialNumber(made), serial) &&
        ASN1_TIME_set_string_X509(X509_getm_notBefore(made), BEGINNING) == 1 &&
        ASN1_TIME_set_string_X509(X509_getm_notAfter(made), NO_END) == 1 &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0) ==
            1 &&
        X509_set_issuer_name(made, issuer == NULL ? subject : X509_get_subject_name(issuer)) == 1 &&
        X509_set_pubkey(made, holder) == 1;
    if (!good) {
        X509_free(made);
        made = NULL;
    }
    return made;
}

enum rc pki_authority_make(const char *name, struct buf *out_secret, struct buf *out_certificate) {
    if (!name_is_fit(name)) {
        return RC_INVALID;
    }
    struct id16 serial;
    ENSURE(RAND_bytes(serial.b, ID_BYTES) == 1);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *made = key == NULL ? NULL : certificate_start(name, serial, key, NULL);
    bool good = made != NULL &&
                extension_add(made, made, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                extension_add(made, made, NID_key_usage, "critical,keyCertSign,cRLSign") &&
                extension_add(made, made, NID_subject_key_identifier, "hash") &&
                X509_sign(made, key, EVP_sha256()) > 0;
    enum rc rc = good ? secret_write(key, out_secret) : RC_NO_MEMORY;
    if (rc == RC_OK) {
        rc = certificate_write(made, out_certificate);
    }
    X509_free(made);
    EVP_PKEY_free(key);
    return rc;
}

struct authority {
    EVP_PKEY *key;
    X509 *certificate;
};

static void authority_close(struct authority *authority) {
    X509_free(authority->certificate);
    EVP_PKEY_free(authority->key);
}

static enum rc authority_open(const struct pki_authority *pem, struct authority *out) {
    out->key = secret_read(pem->secret);
    out->certificate = certificate_read(pem->certificate);
    if (out->key == NULL || out->certificate == NULL ||
        X509_check_private_key(out->certificate, out->key) != 1) {
        authority_close(out);
        return RC_INVALID;
    }
    return RC_OK;
}

// "IP:10.0.0.1,DNS:broker". RC_INVALID for what is neither.
static enum rc addresses_text(const char *const *addresses, char *out, size_t out_bytes) {
    size_t len = 0;
    for (; *addresses != NULL; addresses++) {
        uint8_t numeric[16];
        const char *address = *addresses;
        bool is_ip =
            inet_pton(AF_INET, address, numeric) == 1 || inet_pton(AF_INET6, address, numeric) == 1;
        size_t letters = strspn(address, "abcdefghijklmnopqrstuvwxyz0123456789-.");
        if (!is_ip && (address[0] == '\0' || address[letters] != '\0')) {
            return RC_INVALID;
        }
        int put = snprintf(out + len, out_bytes - len, "%s%s%s", len > 0 ? "," : "",
                           is_ip ? "IP:" : "DNS:", address);
        if (put < 0 || (size_t)put >= out_bytes - len) {
            return RC_TOO_LARGE;
        }
        len += (size_t)put;
    }
    return len > 0 ? RC_OK : RC_INVALID;
}

static enum rc issue_with(const struct authority *authority, const struct pki_issue *issue,
                          EVP_PKEY *holder, struct buf *out) {
    char addresses[ADDRESSES_TEXT_BYTES] = "";
    bool server = issue->addresses != NULL;
    enum rc rc = server ? addresses_text(issue->addresses, addresses, sizeof addresses) : RC_OK;
    if (rc != RC_OK) {
        return rc;
    }
    X509 *issuer = authority->certificate;
    X509 *made = certificate_start(issue->name, issue->serial, holder, issuer);
    bool good =
        made != NULL && extension_add(made, issuer, NID_basic_constraints, "critical,CA:FALSE") &&
        extension_add(made, issuer, NID_key_usage, "critical,digitalSignature") &&
        extension_add(made, issuer, NID_ext_key_usage, server ? "serverAuth" : "clientAuth") &&
        (!server || extension_add(made, issuer, NID_subject_alt_name, addresses)) &&
        X509_sign(made, authority->key, EVP_sha256()) > 0;
    rc = good ? certificate_write(made, out) : RC_NO_MEMORY;
    X509_free(made);
    return rc;
}

enum rc pki_issue(const struct pki_authority *authority, const struct pki_issue *issue,
                  struct buf *out_certificate) {
    struct authority open;
    if (!name_is_fit(issue->name)) {
        return RC_INVALID;
    }
    EVP_PKEY *holder = public_read(issue->public_key);
    if (holder == NULL) {
        return RC_INVALID;
    }
    enum rc rc = authority_open(authority, &open);
    if (rc == RC_OK) {
        rc = issue_with(&open, issue, holder, out_certificate);
        authority_close(&open);
    }
    EVP_PKEY_free(holder);
    return rc;
}

bool pki_certificate_is(struct slice certificate, struct slice authority_certificate,
                        const char *name, struct slice public_key) {
    X509 *made = certificate_read(certificate);
    X509 *issuer = certificate_read(authority_certificate);
    EVP_PKEY *holder = public_read(public_key);
    char common[PKI_NAME_BYTES_MAX + 2] = "";
    bool is = made != NULL && issuer != NULL && holder != NULL &&
              X509_verify(made, X509_get0_pubkey(issuer)) == 1 &&
              X509_NAME_get_text_by_NID(X509_get_subject_name(made), NID_commonName, common,
                                        sizeof common) > 0 &&
              strcmp(common, name) == 0 && EVP_PKEY_eq(X509_get0_pubkey(made), holder) == 1;
    EVP_PKEY_free(holder);
    X509_free(issuer);
    X509_free(made);
    return is;
}

enum rc pki_fingerprint(struct slice certificate, char out_hex[static PKI_FINGERPRINT_BYTES]) {
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    X509 *read = certificate_read(certificate);
    if (read == NULL || X509_digest(read, EVP_sha256(), hash, &len) != 1 || len != HASH_BYTES) {
        X509_free(read);
        return RC_INVALID;
    }
    for (unsigned i = 0; i < len; i++) {
        (void)snprintf(out_hex + 2 * i, 3, "%02x", hash[i]);
    }
    X509_free(read);
    return RC_OK;
}

// ---- The withdrawal list ----

static bool withdraw_one(X509_CRL *list, struct id16 serial, const ASN1_TIME *when) {
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    X509_REVOKED *entry = X509_REVOKED_new();
    bool added = number != NULL && entry != NULL && serial_set(number, serial) &&
                 X509_REVOKED_set_serialNumber(entry, number) == 1 &&
                 X509_REVOKED_set_revocationDate(entry, (ASN1_TIME *)(uintptr_t)when) == 1 &&
                 X509_CRL_add0_revoked(list, entry) == 1;
    if (!added) {
        X509_REVOKED_free(entry);
    }
    ASN1_INTEGER_free(number);
    return added;
}

// Seconds since 1970; 0 if there is no list before.
static int64_t list_time(struct slice pem) {
    BIO *bio = bio_of(pem);
    X509_CRL *list = bio == NULL ? NULL : PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0;
    int seconds = 0;
    int64_t time = 0;
    if (list != NULL && epoch != NULL &&
        ASN1_TIME_diff(&days, &seconds, epoch, X509_CRL_get0_lastUpdate(list)) == 1) {
        time = (int64_t)days * 86400 + seconds;
    }
    ASN1_TIME_free(epoch);
    X509_CRL_free(list);
    BIO_free(bio);
    return time;
}

static X509_CRL *list_make(const struct authority *authority, const struct pki_withdraw *withdraw) {
    int64_t before_s = list_time(withdraw->before);
    int64_t now_s = withdraw->now.v / 1000;
    ASN1_TIME *when = ASN1_TIME_set(NULL, now_s > before_s ? now_s : before_s + 1);
    ASN1_TIME *end = ASN1_TIME_new();
    X509_CRL *list = X509_CRL_new();
    bool good =
        when != NULL && end != NULL && list != NULL &&
        ASN1_TIME_set_string_X509(end, NO_END) == 1 &&
        X509_CRL_set_version(list, X509_CRL_VERSION_2) == 1 &&
        X509_CRL_set_issuer_name(list, X509_get_subject_name(authority->certificate)) == 1 &&
        X509_CRL_set1_lastUpdate(list, when) == 1 && X509_CRL_set1_nextUpdate(list, end) == 1;
    for (size_t i = 0; good && i < withdraw->count; i++) {
        good = withdraw_one(list, withdraw->serials[i], when);
    }
    good =
        good && X509_CRL_sort(list) == 1 && X509_CRL_sign(list, authority->key, EVP_sha256()) > 0;
    if (!good) {
        X509_CRL_free(list);
        list = NULL;
    }
    ASN1_TIME_free(when);
    ASN1_TIME_free(end);
    return list;
}

enum rc pki_withdraw(const struct pki_authority *authority, const struct pki_withdraw *withdraw,
                     struct buf *out_list) {
    struct authority open;
    enum rc rc = authority_open(authority, &open);
    if (rc != RC_OK) {
        return rc;
    }
    X509_CRL *list = list_make(&open, withdraw);
    BIO *bio = BIO_new(BIO_s_mem());
    bool written = list != NULL && bio != NULL && PEM_write_bio_X509_CRL(bio, list) == 1;
    rc = bio_take(bio, written, out_list);
    X509_CRL_free(list);
    authority_close(&open);
    return rc;
}

// ---- Passwords ----

static bool hash_with(const char *password, const uint8_t *salt, int rounds,
                      uint8_t out[HASH_OUT_BYTES]) {
    return PKCS5_PBKDF2_HMAC(password, (int)strlen(password), salt, HASH_SALT_BYTES, rounds,
                             EVP_sha512(), HASH_OUT_BYTES, out) == 1;
}

static void hash_text(const uint8_t *salt, const uint8_t *hash, char *out) {
    uint8_t salt_text[HASH_SALT_BYTES * 2];
    uint8_t hash_base64[HASH_OUT_BYTES * 2];
    (void)EVP_EncodeBlock(salt_text, salt, HASH_SALT_BYTES);
    (void)EVP_EncodeBlock(hash_base64, hash, HASH_OUT_BYTES);
    (void)snprintf(out, PKI_PASSWORD_BYTES, "$7$%d$%s$%s", HASH_ROUNDS, (char *)salt_text,
                   (char *)hash_base64);
}

enum rc pki_password_hash(const char *password, char out_hash[static PKI_PASSWORD_BYTES]) {
    uint8_t salt[HASH_SALT_BYTES];
    uint8_t hash[HASH_OUT_BYTES];
    if (password[0] == '\0' || strlen(password) > PKI_PASSWORD_BYTES) {
        return RC_INVALID;
    }
    if (RAND_bytes(salt, sizeof salt) != 1 || !hash_with(password, salt, HASH_ROUNDS, hash)) {
        return RC_NO_MEMORY;
    }
    hash_text(salt, hash, out_hash);
    return RC_OK;
}

bool pki_password_is(const char *password, const char *hash) {
    // 16 letters of base 64 are 12 bytes; the decoder wants them copied.
    static const char lead[] = "$7$101$";
    uint8_t salt[HASH_SALT_BYTES + 4];
    uint8_t made[HASH_OUT_BYTES];
    char text[PKI_PASSWORD_BYTES];
    size_t lead_len = sizeof lead - 1;
    if (strncmp(hash, lead, lead_len) != 0 || strlen(hash) < lead_len + 17 ||
        EVP_DecodeBlock(salt, (const uint8_t *)hash + lead_len, 16) != HASH_SALT_BYTES ||
        !hash_with(password, salt, HASH_ROUNDS, made)) {
        return false;
    }
    hash_text(salt, made, text);
    return strlen(text) == strlen(hash) && CRYPTO_memcmp(text, hash, strlen(text)) == 0;
}

void pki_psk_make(char out_psk[static PKI_PSK_BYTES]) {
    uint8_t bytes[32];
    ENSURE(RAND_bytes(bytes, sizeof bytes) == 1);
    for (size_t i = 0; i < sizeof bytes; i++) {
        (void)snprintf(out_psk + 2 * i, 3, "%02x", bytes[i]);
    }
    OPENSSL_cleanse(bytes, sizeof bytes);
}
