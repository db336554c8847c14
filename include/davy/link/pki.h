// Certificates for the broker's door: a site's own small authority, what it issues, what it
// withdraws. They open a connection and prove nothing else: records carry signatures of their own.
//
// Keys are EC P-256, because the TLS of gateways and PLCs knows it. Everything is PEM text; the
// caller keeps it in files. Certificates carry no dates that end them: a clock that was reset must
// not cut a handheld off, and no plant stops because ten years are over. A certificate ends by the
// withdrawal list. Its serial number is the device's id, so that the roster alone says which
// numbers are withdrawn.
#ifndef DAVY_LINK_PKI_H
#define DAVY_LINK_PKI_H

#include "davy/base/bytes.h"
#include "davy/base/id.h"

#define PKI_PEM_BYTES_MAX (256 * 1024) // a withdrawal list of a thousand devices
#define PKI_PUBLIC_BYTES_MAX 128       // a P-256 key takes 91
#define PKI_NAME_BYTES_MAX 64          // X.509's upper bound of a common name
#define PKI_FINGERPRINT_BYTES 65       // 64 hex digits and NUL
#define PKI_PASSWORD_BYTES 160         // a hashed password in mosquitto's form
#define PKI_PSK_BYTES 65               // 64 hex digits and NUL

// A fresh key pair: the secret as PEM, the public part as DER (SubjectPublicKeyInfo).
DAVY_MUST_USE enum rc pki_key_make(struct buf *out_secret, struct buf *out_public);
// The public part of a secret that is kept already.
DAVY_MUST_USE enum rc pki_key_public(struct slice secret, struct buf *out_public);
// A self-signed authority.
DAVY_MUST_USE enum rc pki_authority_make(const char *name, struct buf *out_secret,
                                         struct buf *out_certificate);

struct pki_authority {
    struct slice secret;      // PEM
    struct slice certificate; // PEM
};
struct pki_issue {
    const char *name; // becomes the broker account
    struct id16 serial;
    struct slice public_key;      // DER, of this holder alone
    const char *const *addresses; // numeric or names, NULL-terminated; NULL: a client
};
// RC_INVALID for a public key that is not P-256, a bad name or address, or an authority whose two
// halves do not belong together.
DAVY_MUST_USE enum rc pki_issue(const struct pki_authority *authority,
                                const struct pki_issue *issue, struct buf *out_certificate);
// The withdrawal list of these serials. `before`: the list that it replaces ("" if none); the new
// one is always dated after it, because a broker takes the younger one.
struct pki_withdraw {
    const struct id16 *serials;
    size_t count;
    struct utc_ms now;
    struct slice before;
};
DAVY_MUST_USE enum rc pki_withdraw(const struct pki_authority *authority,
                                   const struct pki_withdraw *withdraw, struct buf *out_list);
// Is this a certificate of that authority, with that name, over that public key?
bool pki_certificate_is(struct slice certificate, struct slice authority_certificate,
                        const char *name, struct slice public_key);
// SHA-256 of the certificate's DER, as every other tool prints it.
DAVY_MUST_USE enum rc pki_fingerprint(struct slice certificate,
                                      char out_hex[static PKI_FINGERPRINT_BYTES]);

// A password as mosquitto's password file holds it: "$7$rounds$salt$hash", PBKDF2-SHA512.
DAVY_MUST_USE enum rc pki_password_hash(const char *password,
                                        char out_hash[static PKI_PASSWORD_BYTES]);
bool pki_password_is(const char *password, const char *hash);
// 256 random bits as hex: a pre-shared key.
void pki_psk_make(char out_psk[static PKI_PSK_BYTES]);

#endif
