// The socket beside the hub's store: signed acts of people at the hub, invites, codes, status.
#include "hub_priv.h"

#include "davy/app/blob.h"
#include "davy/record/export.h"

#include <stdio.h>
#include <string.h>

#define CODE_DIGITS 8
#define INVITE_ID_DOMAIN "davy/invite-id/1"

static const char *const phase_names[] = {
    [HUB_ASKING] = "asking", [HUB_BEHIND] = "behind", [HUB_SERVING] = "serving"};

static void put_status(struct hub *hub, struct buf *out) {
    struct hub_status status;
    hub_status(hub, &status);
    buf_printf(out, "{\"program\":\"davyd\",\"phase\":\"%s\",\"sessions\":%u,\"n\":%llu,",
               phase_names[status.sync.phase], status.sync.sessions,
               (unsigned long long)status.sync.n);
    buf_printf(out, "\"tags\":%u,\"areas\":%u,\"alarms_active\":%u,\"readings\":%llu,", status.tags,
               status.areas, status.alarms_active, (unsigned long long)status.readings);
    buf_printf(out, "\"readings_stored\":%llu,\"readings_bad\":%llu,\"payloads_bad\":%llu,",
               (unsigned long long)status.readings_stored, (unsigned long long)status.readings_bad,
               (unsigned long long)status.payloads_bad);
    buf_printf(out, "\"admitted\":%llu,\"refused\":%llu,\"not_verified\":%llu,\"forks\":%llu,",
               (unsigned long long)status.sync.admitted, (unsigned long long)status.sync.refused,
               (unsigned long long)status.sync.not_verified, (unsigned long long)status.sync.forks);
    buf_printf(
        out,
        "\"log\":[%llu,%llu,%llu,%llu],\"last_bad\":", (unsigned long long)status.sync.head_seq[0],
        (unsigned long long)status.sync.head_seq[1], (unsigned long long)status.sync.head_seq[2],
        (unsigned long long)status.sync.head_seq[3]);
    json_put_text(out, slice_text(status.last_bad));
    buf_put_u8(out, '}');
}

static bool get_name(struct reader *in, char *out, size_t max) {
    struct slice text = reader_bytes(in, max);
    if (in->rc != RC_OK || text_check(text, max) != RC_OK) {
        reader_fail(in, RC_INVALID);
        return false;
    }
    memcpy(out, text.data, text.len);
    out[text.len] = '\0';
    return true;
}

static enum rc save_secret(struct hub *hub, const struct hash32 *hash) {
    enum rc rc = store_begin(hub->store);
    if (rc != RC_OK) {
        return rc;
    }
    struct utc_ms expires = {hub->now.utc.v + LIMIT_INVITE_AGE_MS};
    rc = store_secret_put(hub->store, hash, expires, buf_slice(&hub->scratch));
    if (rc == RC_OK) {
        rc = store_commit(hub->store);
    }
    if (rc != RC_OK) {
        store_rollback(hub->store);
    }
    return rc;
}

static enum rc make_invite(struct hub *hub, struct slice payload, struct buf *out,
                           struct refusal *refusal) {
    struct invite invite = {.site = hub->config.site, .hub_key = *keypair_public(hub->keys.pair)};
    struct reader in = reader_of(payload);
    struct rid known;
    (void)get_name(&in, invite.name, LIMIT_NAME_BYTES);
    invite.kind = reader_u8(&in);
    (void)get_name(&in, invite.broker, LIMIT_TAG_BYTES);
    (void)get_name(&in, invite.account, LIMIT_TAG_BYTES);
    (void)get_name(&in, invite.password, LIMIT_TAG_BYTES);
    if (reader_done(&in) != RC_OK || invite.name[0] == '\0' || invite.account[0] == '\0' ||
        (invite.kind != DEVICE_CONSOLE && invite.kind != DEVICE_HANDHELD)) {
        return REFUSE(refusal, REFUSAL_FORM, "invite");
    }
    if (roster_device_by_account(hub->roster, invite.account, &known) &&
        !roster_device_revoked(hub->roster, known)) {
        return REFUSE(refusal, REFUSAL_SUBJECT_EXISTS, invite.account);
    }
    uint8_t id[16];
    struct hash32 hash;
    hub_random(hub, invite.secret, sizeof invite.secret);
    invite_id(invite.secret, id);
    secret_hash(INVITE_ID_DOMAIN, slice_of(id, sizeof id), &hash);
    buf_reset(&hub->scratch);
    buf_put(&hub->scratch, invite.secret, sizeof invite.secret);
    buf_put_u8(&hub->scratch, invite.kind);
    buf_put_text(&hub->scratch, invite.name);
    buf_put_text(&hub->scratch, invite.account);
    enum rc rc = save_secret(hub, &hash);
    if (rc == RC_OK) {
        rc = invite_encode(&invite, out);
    }
    keys_wipe(&invite, sizeof invite);
    return rc;
}

static enum rc make_code(struct hub *hub, struct slice payload, struct buf *out,
                         struct refusal *refusal) {
    struct rid person;
    struct rid device = {{{0}}};
    struct reader in = reader_of(payload);
    reader_copy(&in, person.id.b, ID_BYTES);
    if (reader_left(&in) > 0) {
        reader_copy(&in, device.id.b, ID_BYTES);
    }
    if (reader_done(&in) != RC_OK || !roster_person(hub->roster, person)) {
        return REFUSE(refusal, REFUSAL_PERSON_UNKNOWN, "");
    }
    if (!rid_is_zero(device) && !roster_device(hub->roster, device)) {
        return REFUSE(refusal, REFUSAL_DEVICE_UNKNOWN, "");
    }
    uint64_t number;
    char code[CODE_DIGITS + 1];
    uint8_t key[SESSION_KEY_BYTES];
    struct hash32 hash;
    hub_random(hub, &number, sizeof number);
    (void)snprintf(code, sizeof code, "%08llu", (unsigned long long)(number % 100000000u));
    enrol_key(code, key);
    hub_code_hash(person, device, &hash);
    buf_reset(&hub->scratch);
    buf_put(&hub->scratch, key, sizeof key);
    buf_put_u8(&hub->scratch, 0);
    enum rc rc = save_secret(hub, &hash);
    if (rc == RC_OK) {
        buf_put(out, code, CODE_DIGITS);
        rc = buf_rc(out);
    }
    keys_wipe(key, sizeof key);
    keys_wipe(code, sizeof code);
    return rc;
}

static void put_joins(struct hub *hub, struct buf *out) {
    buf_put_varint(out, hub->join_count);
    for (uint32_t i = 0; i < hub->join_count; i++) {
        char code[SHORT_CODE_BYTES];
        const struct hub_join *join = &hub->joins[i];
        join_short_code(&join->key, keypair_public(hub->keys.pair), hub->config.site, code);
        buf_put_text(out, code);
        buf_put(out, join->key.b, PUBLIC_KEY_BYTES);
        buf_put_text(out, join->name);
        buf_put_u8(out, join->kind);
        buf_put_text(out, join->account);
    }
}

static enum rc submit(struct hub *hub, struct slice payload, struct moment now, struct buf *out,
                      struct refusal *refusal) {
    uint8_t lane = 0;
    struct signed_record record;
    if (control_submit_decode(payload, &lane, &record) != RC_OK) {
        return REFUSE(refusal, REFUSAL_FORM, "submit");
    }
    enum rc rc = hub_submit(hub, lane, &record, now, refusal);
    if (rc == RC_OK) {
        buf_put(out, record.rid.id.b, ID_BYTES);
    }
    return rc;
}

static enum rc answer_verb(struct hub *hub, uint8_t verb, struct slice payload, struct buf *out,
                           struct refusal *refusal) {
    switch (verb) {
    case CONTROL_SUBMIT:
        return submit(hub, payload, hub->now, out, refusal);
    case CONTROL_STATUS:
        put_status(hub, out);
        return buf_rc(out);
    case CONTROL_INVITE:
        return make_invite(hub, payload, out, refusal);
    case CONTROL_CODE:
        return make_code(hub, payload, out, refusal);
    case CONTROL_JOINS:
        put_joins(hub, out);
        return buf_rc(out);
    case CONTROL_BLOB_PUT:
        return blob_part_take(hub->store, payload, hub->now, refusal);
    case CONTROL_IMPORT:
        return hub_import_control(hub, payload, out, refusal);
    case CONTROL_BACKUP:
        return hub_backup_control(hub, payload, out, refusal);
    case CONTROL_CONFIRM:
        sync_hub_confirm(hub->sync);
        hub->reconcile_due = true;
        return RC_OK;
    default:
        return REFUSE(refusal, REFUSAL_USAGE, "verb");
    }
}

void hub_control(struct hub *hub, struct slice request, struct moment now, struct buf *out_answer) {
    struct control_answer answer = {0};
    struct buf payload;
    struct reader in = reader_of(request);
    buf_init(&payload, LIMIT_CONTROL_MESSAGE_BYTES / 2);
    hub->now = now;
    uint8_t verb = reader_u8(&in);
    answer.rc =
        answer_verb(hub, verb, reader_take(&in, reader_left(&in)), &payload, &answer.refusal);
    answer.payload = answer.rc == RC_OK ? buf_slice(&payload) : slice_of(NULL, 0);
    control_answer_encode(&answer, out_answer);
    buf_fini(&payload);
}
