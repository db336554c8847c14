// The files by which a mosquitto serves a site: accounts, rights, doors and certificates, written
// from what the hub knows. The broker carries and is never believed; these files keep strangers and
// withdrawn devices off the line, and every account to its own topics.
//
// A BROKER'S FOLDER, mode 0700:
//   broker.ini   the doors: where the broker listens (written here, read by people and programs)
//   accounts     the secrets' book: account, kind, password hash, pre-shared key, topics
//   mosquitto.conf, passwords, psk, acl, broker.crt, broker.key, ca.crt, ca.crl   for mosquitto
// The authority's key and certificate (site-ca.key, site-ca.crt) stand in the hub's keys/, where
// mosquitto cannot read them.
//
// DOORS. loopback: plain, passwords, this machine only. tls: certificates on both sides, TLS 1.2 or
// newer, the certificate's name is the account. psk: a pre-shared key, its identity is the account.
// RIGHTS. A device that is only invited may ask to join, nothing else; one that is enrolled has its
// own topics; one that is revoked has nothing: no right, no key, and its certificate is withdrawn.
// Every file is replaced as a whole; a broker that runs is told by SIGHUP through its pid file.
#ifndef DAVY_LINK_BROKER_H
#define DAVY_LINK_BROKER_H

#include "davy/base/bytes.h"
#include "davy/base/id.h"
#include "davy/base/limits.h"
#include "davy/link/pki.h"

#define BROKER_ADDRESS_BYTES 80 // HOST:PORT
#define BROKER_ACCOUNTS_MAX (2 * LIMIT_ROSTER_DEVICES)
#define BROKER_TOPICS_BYTES 160 // "plant/#,flare/#"

enum broker_kind { BROKER_HUB, BROKER_GATEWAY, BROKER_DEVICE };
struct broker_account {
    char name[PKI_NAME_BYTES_MAX + 1];
    enum broker_kind kind;
    char hash[PKI_PASSWORD_BYTES];    // "": no password
    char psk[PKI_PSK_BYTES];          // "": no pre-shared key
    char topics[BROKER_TOPICS_BYTES]; // of a gateway: what it may write
};
struct broker_doors {
    char loopback[BROKER_ADDRESS_BYTES];
    char tls[BROKER_ADDRESS_BYTES]; // "" for none
    char psk[BROKER_ADDRESS_BYTES]; // "" for none
};
struct broker_book {
    struct broker_doors doors;
    struct broker_account *accounts;
    uint32_t count;
};
void broker_book_fini(struct broker_book *book);
// Locks the folder against other writers (made if missing) and reads it; a folder without files is
// an empty book. RC_INVALID: a line of it is malformed. Close with broker_close in any case.
DAVY_MUST_USE enum rc broker_open(const char *folder, int *out_lock, struct broker_book *out_book);
void broker_close(int lock);
// Reads without a lock and without making anything. RC_NOT_FOUND.
DAVY_MUST_USE enum rc broker_read(const char *folder, struct broker_book *out_book);
// Writes broker.ini and accounts.
DAVY_MUST_USE enum rc broker_save(const char *folder, const struct broker_book *book);
struct broker_account *broker_account_find(const struct broker_book *book, const char *name);
// The account of that name, made if it is new. NULL beyond the maximum or for an unfit name:
// letters, digits, - and _.
struct broker_account *broker_account_add(struct broker_book *book, const char *name);
// Comma between them; MQTT filters without "davy/", which is the site's own. False if unfit.
bool broker_topics_are_good(const char *topics);

// An enrolled device, from the roster.
struct broker_device {
    const char *account;
    struct id16 id; // its certificate's serial
    bool child;     // a lower hub: also its replica's topics
    bool revoked;
};
struct broker_plan {
    const char *folder;
    const char *keys_folder; // of the hub
    const char *site;        // the first 8 digits of its id
    const struct broker_book *book;
    const struct broker_device *devices;
    uint32_t device_count;
    struct utc_ms now;
    bool doors_changed; // the broker's own certificate and configuration are made anew
};
// Writes what differs and tells the broker. out_changed: something differed. RC_INVALID: an address
// of a door is malformed, or stands open without encryption.
DAVY_MUST_USE enum rc broker_write(const struct broker_plan *plan, bool *out_changed);

// The site's authority, made if missing. PEM.
struct broker_authority {
    struct buf secret;
    struct buf certificate;
};
DAVY_MUST_USE enum rc broker_authority_open(const char *keys_folder, const char *site,
                                            struct broker_authority *out_authority);
void broker_authority_close(struct broker_authority *authority); // wipes

#endif
