// What sync asks the hub: who is this, may this record stand, may this key and device join.
#include "hub_priv.h"

#include <stdio.h>
#include <string.h>

#define ENROL_TRIES_MAX 5
#define CODE_DOMAIN "davy/code/1"

struct judge hub_judge_of(struct hub *hub) {
    return (struct judge){.store = hub->store,
                          .registry = app_registry(),
                          .scheme = hub->options.scheme,
                          .roster = hub->roster,
                          .author_device = hub->config.device,
                          .author_is_hub = true,
                          .check_signature = true,
                          .claims = hub->claims,
                          .claim_count = hub->claim_count,
                          .now = hub->now};
}

bool hub_key_of(void *ctx, const struct content *content, struct public_key *out_key) {
    struct hub *hub = ctx;
    return judge_key_of(hub->roster, content, out_key);
}

// A record in the chain of another device is no copy of the act, however often it was seen.
static bool is_foreign(const struct content *content, struct rid device) {
    return !rid_is_zero(content->device) && !rid_equal(content->device, device);
}

void hub_foresee(void *ctx, const struct signed_record *records, uint32_t count) {
    struct hub *hub = ctx;
    hub->claim_count = 0;
    for (uint32_t i = 0; i < count && hub->claim_count < HUB_CLAIMS_MAX; i++) {
        struct keys_claim *claim = &hub->claims[hub->claim_count];
        struct content content;
        if (content_decode(records[i].content, &content) == RC_OK &&
            judge_key_of(hub->roster, &content, &claim->key)) {
            claim->message = records[i].content;
            claim->sig = records[i].sig;
            hub->claim_count++;
        }
    }
    keys_verify_all(hub->options.scheme, hub->claims, hub->claim_count);
}

enum verdict hub_judge(void *ctx, const struct content *content, const struct place *place,
                       const struct signed_record *record, bool repeat, uint16_t *out_rule) {
    struct hub *hub = ctx;
    struct judge judge = hub_judge_of(hub);
    struct refusal refusal = {0};
    enum verdict verdict = VERDICT_HELD;
    struct store_author author;
    hub_revokes_look(hub);
    if (store_author_get(hub->store, place->chain.author, &author) != RC_OK ||
        !roster_device_by_key(hub->roster, &author.device_key, &judge.author_device)) {
        *out_rule = REFUSAL_DEVICE_UNKNOWN;
        return VERDICT_HELD;
    }
    const struct roster_device *device = roster_device(hub->roster, judge.author_device);
    judge.author_is_hub = device && device->kind == DEVICE_HUB;
    if (repeat) {
        bool foreign = is_foreign(content, judge.author_device);
        *out_rule = foreign ? REFUSAL_DEVICE_MISMATCH : REFUSAL_NONE;
        return foreign ? VERDICT_REFUSED : VERDICT_REPEAT;
    }
    enum rc rc = judge_record(&judge, content, place, record, &verdict, &refusal);
    if (rc != RC_OK) {
        // Without memory the round fails as a whole, and the device sends the record again.
        hub->trouble = rc == RC_NO_MEMORY ? rc : hub->trouble;
        // The store failed under the judgement: nothing is decided, a person or a later hub
        // decides.
        *out_rule = REFUSAL_STORE_CORRUPT;
        return VERDICT_HELD;
    }
    // An act that names this device and was put into another's chain is that other's forgery.
    bool foreign = verdict != VERDICT_ACCEPTED && is_foreign(content, judge.author_device);
    if (foreign) {
        verdict = VERDICT_REFUSED;
        refusal.code = REFUSAL_DEVICE_MISMATCH;
    }
    *out_rule = (uint16_t)refusal.code;
    if (verdict != VERDICT_ACCEPTED) {
        hub_log(hub, LOG_NOTICE, "record of kind %u from %s: %s", content->kind,
                device ? device->account : "?", refusal_name(refusal.code));
    }
    return verdict;
}

bool hub_device_of(void *ctx, const char *account, struct sync_peer *out_peer) {
    struct hub *hub = ctx;
    struct rid device;
    if (!roster_device_by_account(hub->roster, account, &device)) {
        return false;
    }
    const struct roster_device *found = roster_device(hub->roster, device);
    if (!found || found->kind == DEVICE_HUB || found->revoked) {
        return false;
    }
    *out_peer = (struct sync_peer){
        .device = device,
        .key = found->key,
        .tier = found->kind == DEVICE_CHILD || found->kind == DEVICE_PARENT,
        .audience = found->kind == DEVICE_PARENT ? found->audience : AUDIENCE_PARK};
    return true;
}

// A code's payload: 32-byte key, u8 wrong tries.
void hub_code_hash(struct rid person, struct rid device, struct hash32 *out_hash) {
    uint8_t both[2 * ID_BYTES];
    memcpy(both, person.id.b, ID_BYTES);
    memcpy(both + ID_BYTES, device.id.b, ID_BYTES);
    secret_hash(CODE_DOMAIN, slice_of(both, rid_is_zero(device) ? ID_BYTES : sizeof both),
                out_hash);
}

// A code for this device, or one that is good on any.
static bool code_find(struct hub *hub, struct rid person, struct rid device, struct moment now,
                      struct hash32 *out_hash) {
    const struct rid devices[] = {device, {{{0}}}};
    for (size_t i = 0; i < COUNT_OF(devices); i++) {
        hub_code_hash(person, devices[i], out_hash);
        buf_reset(&hub->scratch);
        enum rc rc = store_secret_get(hub->store, out_hash, now.utc, &hub->scratch);
        if (rc == RC_OK && hub->scratch.len == SESSION_KEY_BYTES + 1) {
            return true;
        }
        // Without memory the round fails as a whole: nobody is told that the code was wrong.
        hub->trouble = rc == RC_NO_MEMORY ? rc : hub->trouble;
    }
    return false;
}

enum refusal_code hub_enrol(void *ctx, struct rid device, const struct enrol *enrol,
                            struct moment now) {
    struct hub *hub = ctx;
    struct hash32 hash;
    enum refusal_code code = REFUSAL_CODE_MISMATCH;
    struct roster_key_owner owner;
    if (roster_key(hub->roster, key_id_of(&enrol->key), &owner) && !owner.root &&
        !rid_equal(owner.person, enrol->person)) {
        return code; // a key that somebody has already
    }
    if (!code_find(hub, enrol->person, device, now, &hash)) {
        return code;
    }
    uint8_t key[SESSION_KEY_BYTES];
    uint8_t proof[KEYED_HASH_BYTES];
    uint8_t tries = hub->scratch.data[SESSION_KEY_BYTES];
    memcpy(key, hub->scratch.data, sizeof key);
    enrol_prove_with(key, enrol->person, &enrol->key, proof);
    enum rc rc = store_secret_drop(hub->store, &hash);
    if (rc == RC_OK && keyed_hash_equal(proof, enrol->proof)) {
        const struct module *module;
        buf_reset(&hub->body);
        struct body body =
            body_start(registry_kind(app_registry(), KIND_KEY_CERTIFY, &module), &hub->body);
        body_put_bytes(&body, CERTIFY_KEY, enrol->key.b, PUBLIC_KEY_BYTES);
        body_put_bytes(&body, CERTIFY_DEVICE, device.id.b, ID_BYTES);
        rc = hub_state(hub, KIND_KEY_CERTIFY, &enrol->person, NULL);
        code = rc == RC_OK ? REFUSAL_NONE : REFUSAL_DISK_FULL;
    } else if (rc == RC_OK && tries + 1 < ENROL_TRIES_MAX) {
        hub->scratch.data[SESSION_KEY_BYTES] = (uint8_t)(tries + 1);
        struct utc_ms expires = {now.utc.v + LIMIT_INVITE_AGE_MS};
        rc = store_secret_put(hub->store, &hash, expires, buf_slice(&hub->scratch));
        if (rc != RC_OK) {
            hub_log(hub, LOG_ERROR, "a one-time code was lost: %s", rc_name(rc));
        }
    }
    // The code is used up together with what it was good for, or not at all.
    hub->trouble = rc == RC_NO_MEMORY ? rc : hub->trouble;
    keys_wipe(key, sizeof key);
    return code;
}

// An invite's payload: 16 secret, u8 kind, text name, text account.
struct invite_payload {
    uint8_t secret[16];
    uint8_t kind;
    char name[LIMIT_NAME_BYTES + 1];
    char account[LIMIT_TAG_BYTES + 1];
};

static bool invite_load(struct hub *hub, const uint8_t secret_id[16], struct moment now,
                        struct invite_payload *out) {
    struct hash32 hash;
    secret_hash("davy/invite-id/1", slice_of(secret_id, 16), &hash);
    buf_reset(&hub->scratch);
    if (store_secret_get(hub->store, &hash, now.utc, &hub->scratch) != RC_OK) {
        return false;
    }
    struct reader in = reader_of(buf_slice(&hub->scratch));
    memset(out, 0, sizeof *out);
    reader_copy(&in, out->secret, sizeof out->secret);
    out->kind = reader_u8(&in);
    struct slice name = reader_bytes(&in, LIMIT_NAME_BYTES);
    struct slice account = reader_bytes(&in, LIMIT_TAG_BYTES);
    if (reader_done(&in) != RC_OK) {
        return false;
    }
    memcpy(out->name, name.data, name.len);
    memcpy(out->account, account.data, account.len);
    return true;
}

bool hub_invite_secret(void *ctx, const uint8_t secret_id[16], struct moment now,
                       uint8_t out_secret[16]) {
    struct invite_payload invite;
    if (!invite_load(ctx, secret_id, now, &invite)) {
        return false;
    }
    memcpy(out_secret, invite.secret, 16);
    keys_wipe(&invite, sizeof invite);
    return true;
}

static void note_join(struct hub *hub, const char *account, const struct join *join,
                      const struct invite_payload *invite) {
    for (uint32_t i = 0; i < hub->join_count; i++) {
        if (strcmp(hub->joins[i].account, account) == 0) {
            hub->joins[i].key = join->device_key; // the newest asker with the secret
            return;
        }
    }
    if (hub->join_count == HUB_JOINS_MAX) {
        return;
    }
    struct hub_join *waiting = &hub->joins[hub->join_count++];
    waiting->key = join->device_key;
    waiting->kind = invite->kind;
    (void)snprintf(waiting->account, sizeof waiting->account, "%s", account);
    (void)snprintf(waiting->name, sizeof waiting->name, "%s", invite->name);
}

static void drop_join(struct hub *hub, const char *account) {
    for (uint32_t i = 0; i < hub->join_count; i++) {
        if (strcmp(hub->joins[i].account, account) == 0) {
            hub->joins[i] = hub->joins[--hub->join_count];
            return;
        }
    }
}

static void certify(struct hub *hub, struct rid device, const struct join *join,
                    const struct roster_device *enrolled, struct joined *out_joined) {
    struct hub_certified made = {0};
    struct hub_certify ask = {
        .device = device, .account = enrolled->account, .tls_key = join->tls_key};
    if (join->tls_key.len > 0 && !roster_device_revoked(hub->roster, device) &&
        hub->options.certify && hub->options.certify(hub->options.ctx, &ask, &made)) {
        out_joined->door = made.door;
        out_joined->certificate = made.certificate;
        out_joined->authority = made.authority;
    }
}

void hub_join(void *ctx, const char *account, const struct join *join, struct moment now,
              struct joined *out_joined) {
    struct hub *hub = ctx;
    struct rid device;
    struct invite_payload invite;
    if (roster_device_by_key(hub->roster, &join->device_key, &device)) {
        const struct roster_device *enrolled = roster_device(hub->roster, device);
        if (enrolled && strcmp(enrolled->account, account) == 0) {
            out_joined->confirmed = 1;
            out_joined->device = device;
            certify(hub, device, join, enrolled, out_joined);
            drop_join(hub, account);
        }
        return;
    }
    if (invite_load(hub, join->secret_id, now, &invite) && strcmp(invite.account, account) == 0 &&
        (!roster_device_by_account(hub->roster, account, &device) ||
         roster_device_revoked(hub->roster, device))) {
        note_join(hub, account, join, &invite);
    }
    keys_wipe(&invite, sizeof invite);
}

// ---- Incarnations ----

enum rc hub_incarnate(void *ctx, const struct incarnation *next, struct moment now,
                      struct signed_record *out_record) {
    struct hub *hub = ctx;
    struct author_open open = {.config = &hub->config,
                               .device_key = *keypair_public(hub->keys.pair),
                               .own = next->own,
                               .opening = &next->before,
                               .now = now};
    hub_random(hub, open.nonce, NONCE_BYTES);
    enum rc rc = author_open_make(&open, &hub->body, &hub->content, out_record);
    if (rc == RC_OK) {
        hub->config.author = next->own.author;
        memcpy(hub->config.author_random, next->own.random, AUTHOR_RANDOM_BYTES);
        hub_log(hub, LOG_WARNING, "this hub lost a part of its log: a new incarnation begins");
    }
    return rc;
}

enum rc hub_forked(void *ctx, struct rid device, const struct fork *fork, struct moment now) {
    struct hub *hub = ctx;
    const struct roster_device *known = roster_device(hub->roster, device);
    struct body body =
        body_start(registry_kind(app_registry(), KIND_AUTHOR_FORK, NULL), &hub->body);
    buf_reset(&hub->body);
    hub->now = now;
    body_put_bytes(&body, FORK_AUTHOR, fork->chain.author.id.b, ID_BYTES);
    body_put_uint(&body, FORK_LANE, fork->chain.lane);
    body_put_uint(&body, FORK_AUDIENCE, fork->chain.audience);
    body_put_uint(&body, FORK_SEQ, fork->seq);
    body_put_bytes(&body, FORK_HASH, fork->hash.b, HASH_BYTES);
    body_put_bytes(&body, FORK_SEAL, fork->seal.b, SIGNATURE_BYTES);
    hub_log(hub, LOG_WARNING, "device %s sealed two branches of its chain: was it copied?",
            known ? known->account : "?");
    return hub_state(hub, KIND_AUTHOR_FORK, &device, NULL);
}
