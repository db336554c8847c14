// The site's authority: what it issues is what it says, what it withdraws is on the list, and the
// secrets stand as mosquitto and openssl read them.
#include "test_util.h"

#include "davy/link/pki.h"

#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

struct parts {
    struct buf ca_secret, ca, secret, public_key, certificate, list;
};
static struct parts parts;

static int setup(void **state) {
    (void)state;
    struct buf *all[] = {&parts.ca_secret,  &parts.ca,          &parts.secret,
                         &parts.public_key, &parts.certificate, &parts.list};
    for (size_t i = 0; i < 6; i++) {
        buf_init(all[i], PKI_PEM_BYTES_MAX);
    }
    assert_int_equal(pki_authority_make("davy-site-0a0b0c0d", &parts.ca_secret, &parts.ca), RC_OK);
    assert_int_equal(pki_key_make(&parts.secret, &parts.public_key), RC_OK);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    struct buf *all[] = {&parts.ca_secret,  &parts.ca,          &parts.secret,
                         &parts.public_key, &parts.certificate, &parts.list};
    for (size_t i = 0; i < 6; i++) {
        buf_fini(all[i]);
    }
    return 0;
}

static struct pki_authority authority(void) {
    return (struct pki_authority){.secret = buf_slice(&parts.ca_secret),
                                  .certificate = buf_slice(&parts.ca)};
}

static struct pki_issue issue_of(const char *name) {
    return (struct pki_issue){
        .name = name, .serial = {{1, 2, 3}}, .public_key = buf_slice(&parts.public_key)};
}

static X509 *certificate_of(const struct buf *pem) {
    BIO *bio = BIO_new_mem_buf(pem->data, (int)pem->len);
    X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    assert_non_null(certificate);
    return certificate;
}

// OpenSSL's own judgement, as a broker makes it. Returns X509_V_OK or why not.
static int judge(int purpose, time_t when) {
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *context = X509_STORE_CTX_new();
    X509 *ca = certificate_of(&parts.ca);
    X509 *leaf = certificate_of(&parts.certificate);
    assert_int_equal(X509_STORE_add_cert(store, ca), 1);
    if (parts.list.len > 0) {
        BIO *bio = BIO_new_mem_buf(parts.list.data, (int)parts.list.len);
        X509_CRL *list = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
        assert_int_equal(X509_STORE_add_crl(store, list), 1);
        X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
        X509_CRL_free(list);
        BIO_free(bio);
    }
    assert_int_equal(X509_STORE_CTX_init(context, store, leaf, NULL), 1);
    X509_STORE_CTX_set_purpose(context, purpose);
    X509_STORE_CTX_set_time(context, 0, when);
    int code = X509_verify_cert(context) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context);
    X509_STORE_CTX_free(context);
    X509_free(leaf);
    X509_free(ca);
    X509_STORE_free(store);
    return code;
}

static void a_device_is_certified(void **state) {
    (void)state;
    struct pki_authority ca = authority();
    struct pki_issue issue = issue_of("c-1");
    assert_int_equal(pki_issue(&ca, &issue, &parts.certificate), RC_OK);
    assert_true(pki_certificate_is(buf_slice(&parts.certificate), buf_slice(&parts.ca), "c-1",
                                   buf_slice(&parts.public_key)));
    assert_false(pki_certificate_is(buf_slice(&parts.certificate), buf_slice(&parts.ca), "c-2",
                                    buf_slice(&parts.public_key)));
    // A client's, no server's; good at a reset clock and in a hundred years.
    assert_int_equal(judge(X509_PURPOSE_SSL_CLIENT, 1), X509_V_OK);
    assert_int_equal(judge(X509_PURPOSE_SSL_CLIENT, 4900000000), X509_V_OK);
    assert_int_equal(judge(X509_PURPOSE_SSL_SERVER, 1800000000), X509_V_ERR_INVALID_PURPOSE);
}

static void a_broker_is_certified_for_its_address(void **state) {
    (void)state;
    static const char *const addresses[] = {"10.20.0.5", "broker.site", NULL};
    struct pki_authority ca = authority();
    struct pki_issue issue = issue_of("broker");
    issue.addresses = addresses;
    assert_int_equal(pki_issue(&ca, &issue, &parts.certificate), RC_OK);
    assert_int_equal(judge(X509_PURPOSE_SSL_SERVER, 1800000000), X509_V_OK);
    X509 *made = certificate_of(&parts.certificate);
    assert_int_equal(X509_check_ip_asc(made, "10.20.0.5", 0), 1);
    assert_int_equal(X509_check_ip_asc(made, "10.20.0.6", 0), 0);
    assert_int_equal(X509_check_host(made, "broker.site", 0, 0, NULL), 1);
    X509_free(made);
}

static void a_withdrawn_one_is_on_the_list(void **state) {
    (void)state;
    static const struct id16 serials[] = {{{9}}, {{1, 2, 3}}};
    struct pki_authority ca = authority();
    struct pki_issue issue = issue_of("c-1");
    struct pki_withdraw withdraw = {.serials = serials, .count = 1, .now = {1800000000000}};
    assert_int_equal(pki_issue(&ca, &issue, &parts.certificate), RC_OK);
    assert_int_equal(pki_withdraw(&ca, &withdraw, &parts.list), RC_OK);
    assert_int_equal(judge(X509_PURPOSE_SSL_CLIENT, 1800000001), X509_V_OK);
    // The next list is younger even if the clock went back.
    struct buf before;
    buf_init(&before, PKI_PEM_BYTES_MAX);
    buf_put(&before, parts.list.data, parts.list.len);
    buf_reset(&parts.list);
    withdraw.count = 2;
    withdraw.now.v = 1700000000000;
    withdraw.before = buf_slice(&before);
    assert_int_equal(pki_withdraw(&ca, &withdraw, &parts.list), RC_OK);
    assert_int_equal(judge(X509_PURPOSE_SSL_CLIENT, 1800000001), X509_V_ERR_CERT_REVOKED);
    BIO *bio = BIO_new_mem_buf(parts.list.data, (int)parts.list.len);
    X509_CRL *list = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
    ASN1_TIME *young = ASN1_TIME_set(NULL, 1800000001);
    assert_int_equal(ASN1_TIME_compare(X509_CRL_get0_lastUpdate(list), young), 0);
    ASN1_TIME_free(young);
    X509_CRL_free(list);
    BIO_free(bio);
    buf_fini(&before);
}

static void bad_input_is_refused(void **state) {
    (void)state;
    static const char *const bad_names[] = {"", "a b", "a/b", "a=b", "a\nb", "\xe6\x9d\x8e"};
    static const char *const bad_addresses[][2] = {
        {"10.0.0.5,DNS:evil", NULL}, {"", NULL}, {"a b", NULL}, {"email:x", NULL}, {NULL, NULL}};
    struct pki_authority ca = authority();
    for (size_t i = 0; i < sizeof bad_names / sizeof bad_names[0]; i++) {
        struct pki_issue issue = issue_of(bad_names[i]);
        assert_int_equal(pki_issue(&ca, &issue, &parts.certificate), RC_INVALID);
    }
    for (size_t i = 0; i < sizeof bad_addresses / sizeof bad_addresses[0]; i++) {
        struct pki_issue issue = issue_of("broker");
        issue.addresses = bad_addresses[i];
        assert_int_equal(pki_issue(&ca, &issue, &parts.certificate), RC_INVALID);
    }
    // Every cut and every flipped byte of a public key: refused, or a key of the right kind.
    for (size_t len = 0; len < parts.public_key.len; len++) {
        struct pki_issue issue = issue_of("c-1");
        issue.public_key.len = len;
        assert_int_equal(pki_issue(&ca, &issue, &parts.certificate), RC_INVALID);
    }
    EVP_PKEY *rsa = EVP_RSA_gen(2048);
    uint8_t *der = NULL;
    int der_len = i2d_PUBKEY(rsa, &der);
    struct pki_issue issue = issue_of("c-1");
    issue.public_key = slice_of(der, (size_t)der_len);
    assert_int_equal(pki_issue(&ca, &issue, &parts.certificate), RC_INVALID);
    OPENSSL_free(der);
    EVP_PKEY_free(rsa);
    assert_int_equal(parts.certificate.len, 0);
    // Two halves of two authorities.
    struct pki_authority mixed = {.secret = buf_slice(&parts.secret),
                                  .certificate = buf_slice(&parts.ca)};
    issue = issue_of("c-1");
    assert_int_equal(pki_issue(&mixed, &issue, &parts.certificate), RC_INVALID);
    assert_false(pki_certificate_is(slice_text("-----BEGIN CERTIFICATE-----\nAAAA\n"),
                                    buf_slice(&parts.ca), "c-1", buf_slice(&parts.public_key)));
}

static void passwords_are_as_mosquitto_makes_them(void **state) {
    (void)state;
    // Made by mosquitto_passwd -U of "a:p".
    static const char made[] =
        "$7$101$9qNlMoNNnIAxIGka$DwKI6t3oj/ZKdMFoKdaUZRqqEGpHIPKQYfaG0RxWrAoi7XUnQxsFxg4799HC5DXm"
        "8ozKffgOGGiSYmtfnL9Z8w==";
    char hash[PKI_PASSWORD_BYTES], again[PKI_PASSWORD_BYTES];
    assert_true(pki_password_is("p", made));
    assert_false(pki_password_is("q", made));
    assert_int_equal(pki_password_hash("p", hash), RC_OK);
    assert_int_equal(strlen(hash), strlen(made));
    assert_true(pki_password_is("p", hash));
    assert_int_equal(pki_password_hash("p", again), RC_OK);
    assert_string_not_equal(hash, again); // salted
    assert_int_equal(pki_password_hash("", hash), RC_INVALID);
    assert_false(pki_password_is("p", ""));
    assert_false(pki_password_is("p", "$7$101$short"));
    char one[PKI_PSK_BYTES], two[PKI_PSK_BYTES];
    pki_psk_make(one);
    pki_psk_make(two);
    assert_int_equal(strlen(one), 64);
    assert_string_not_equal(one, two);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_device_is_certified, setup, teardown),
        cmocka_unit_test_setup_teardown(a_broker_is_certified_for_its_address, setup, teardown),
        cmocka_unit_test_setup_teardown(a_withdrawn_one_is_on_the_list, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_input_is_refused, setup, teardown),
        cmocka_unit_test(passwords_are_as_mosquitto_makes_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
