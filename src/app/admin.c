// People, roles, devices; and what another process may ask the owner of this store.
#include "app_priv.h"
#include "davy/app/bundle.h"

#include "davy/app/authority.h"
#include "davy/app/blob.h"

#include "davy/record/export.h"

#include <string.h>

enum rc app_person_add(struct app *app, const struct person_spec *spec, struct moment now,
                       struct rid *out_person, struct refusal *out_refusal) {
    struct rid known;
    app->now = now;
    if (roster_person_by_number(app->roster, spec->number, &known)) {
        return REFUSE(out_refusal, REFUSAL_SUBJECT_EXISTS, spec->number);
    }
    struct body body = app_body(app, KIND_PERSON_ADD);
    body_put_text(&body, PERSON_NAME, spec->name);
    body_put_text(&body, PERSON_NUMBER, spec->number);
    if (spec->employer && spec->employer[0] != '\0') {
        body_put_text(&body, PERSON_EMPLOYER, spec->employer);
    }
    if (spec->job && spec->job[0] != '\0') {
        body_put_text(&body, PERSON_JOB, spec->job);
    }
    uint8_t needs = roster_needs(app->roster, KIND_PERSON_ADD, ROLE_VIEWER, app_signs_as_root(app));
    if (needs > 1) {
        body_put_uint(&body, ROSTER_NEEDS, needs);
    }
    struct act act = {.kind = KIND_PERSON_ADD};
    return app_act(app, &act, out_person, out_refusal);
}

enum rc app_role_grant(struct app *app, struct rid person, enum role role, const char *area,
                       struct moment now, struct refusal *out_refusal) {
    struct role_spec spec = {.role = role, .area = area};
    return app_role_give(app, person, &spec, now, out_refusal);
}

enum rc app_device_add( // tidy: allow parameters, because a device is these things
    struct app *app, const char *name, enum device_kind kind, const struct public_key *key,
    const char *account, struct moment now, struct rid *out_device, struct refusal *out_refusal) {
    struct rid known;
    app->now = now;
    if (roster_device_by_account(app->roster, account, &known) &&
        !roster_device_revoked(app->roster, known)) {
        return REFUSE(out_refusal, REFUSAL_SUBJECT_EXISTS, account);
    }
    struct body body = app_body(app, KIND_DEVICE_ADD);
    body_put_text(&body, DEVICE_NAME, name);
    body_put_uint(&body, DEVICE_KIND, (uint64_t)kind);
    body_put_bytes(&body, DEVICE_KEY, key->b, PUBLIC_KEY_BYTES);
    body_put_text(&body, DEVICE_ACCOUNT, account);
    struct act act = {.kind = KIND_DEVICE_ADD};
    return app_act(app, &act, out_device, out_refusal);
}

// ---- The owner's answers ----

static const char *const phase_names[] = {[SYNC_OFFLINE] = "offline",
                                          [SYNC_GREETING] = "greeting",
                                          [SYNC_CATCHING_UP] = "catching_up",
                                          [SYNC_LIVE] = "live"};

static void put_status(struct app *app, struct buf *out) {
    struct app_status status;
    app_status(app, app->now, &status);
    buf_printf(out, "{\"program\":\"davy\",\"phase\":\"%s\",\"linked\":%s,\"stale\":%s,",
               phase_names[status.sync.phase], status.linked ? "true" : "false",
               status.stale ? "true" : "false");
    buf_printf(out, "\"picture_age_ms\":%lld,\"waiting\":%u,\"sent\":%u,\"at_hub\":%u,",
               (long long)status.picture_age_ms, status.waiting, status.sent, status.at_hub);
    buf_printf(out, "\"refused\":%u,\"unsent_bytes\":%llu,\"oldest_age_ms\":%lld,", status.refused,
               (unsigned long long)status.unsent_bytes, (long long)status.oldest_age_ms);
    buf_printf(out, "\"sent_bytes\":%llu,\"received_bytes\":%llu,\"not_verified\":%llu,",
               (unsigned long long)status.sync.sent_bytes,
               (unsigned long long)status.sync.received_bytes,
               (unsigned long long)status.sync.not_verified);
    buf_printf(out, "\"clock_offset_ms\":%lld,\"log\":[%llu,%llu,%llu,%llu],",
               (long long)status.clock_offset_ms, (unsigned long long)status.sync.log_seq[0],
               (unsigned long long)status.sync.log_seq[1],
               (unsigned long long)status.sync.log_seq[2],
               (unsigned long long)status.sync.log_seq[3]);
    buf_printf(out, "\"roster_age_ms\":%lld,", (long long)status.roster_age_ms);
    buf_printf(out, "\"hub_log\":[%llu,%llu,%llu,%llu],\"device\":",
               (unsigned long long)status.sync.hub_log_seq[0],
               (unsigned long long)status.sync.hub_log_seq[1],
               (unsigned long long)status.sync.hub_log_seq[2],
               (unsigned long long)status.sync.hub_log_seq[3]);
    json_put_text(out, slice_text(status.device_name));
    buf_printf(out, ",\"trouble\":");
    json_put_text(out, slice_text(status.sync.trouble));
    buf_put_u8(out, '}');
}

static enum rc put_trend(struct app *app, struct slice payload, struct buf *out) {
    struct reader in = reader_of(payload);
    struct slice text = reader_bytes(&in, LIMIT_TAG_BYTES);
    struct trend_point points[TREND_POINTS_MAX];
    char tag[LIMIT_TAG_BYTES + 1] = "";
    if (reader_done(&in) != RC_OK) {
        return RC_INVALID;
    }
    memcpy(tag, text.data, text.len);
    uint32_t count = app_trend(app, tag, points, TREND_POINTS_MAX);
    buf_put_varint(out, count);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t bits;
        memcpy(&bits, &points[i].value, sizeof bits);
        buf_put_signed(out, points[i].time.v);
        buf_put_u64(out, bits);
        buf_put_u8(out, points[i].quality);
    }
    return buf_rc(out);
}

static enum rc submit(struct app *app, struct slice payload, struct buf *out,
                      struct refusal *refusal) {
    uint8_t lane = 0;
    struct signed_record record;
    if (control_submit_decode(payload, &lane, &record) != RC_OK) {
        return REFUSE(refusal, REFUSAL_FORM, "submit");
    }
    enum rc rc = app_submit_signed(app, lane, &record, app->now, refusal);
    if (rc == RC_OK) {
        buf_put(out, record.rid.id.b, ID_BYTES);
    }
    return rc;
}

void app_control(struct app *app, struct slice request, struct moment now, struct buf *out_answer) {
    struct control_answer answer = {.rc = RC_OK};
    struct buf payload;
    struct reader in = reader_of(request);
    app->now = now;
    buf_init(&payload, LIMIT_CONTROL_MESSAGE_BYTES / 2);
    uint8_t verb = reader_u8(&in);
    struct slice rest = reader_take(&in, reader_left(&in));
    switch (verb) {
    case CONTROL_SUBMIT:
        answer.rc = submit(app, rest, &payload, &answer.refusal);
        break;
    case CONTROL_STATUS:
        put_status(app, &payload);
        answer.rc = buf_rc(&payload);
        break;
    case CONTROL_DIGEST:
        answer.rc = put_trend(app, rest, &payload);
        break;
    case CONTROL_BLOB_PUT:
        answer.rc = blob_part_take(app->store, rest, now, &answer.refusal);
        break;
    case CONTROL_BLOB_WANT:
        answer.rc = blob_want_take(app->store, rest, now);
        app->tick_at.v = 0; // asked for with this round
        break;
    case CONTROL_IMPORT:
        answer.rc = app_import_control(app, rest, &payload, &answer.refusal);
        break;
    default:
        answer.rc = REFUSE(&answer.refusal, REFUSAL_USAGE, "verb");
        break;
    }
    answer.payload = answer.rc == RC_OK ? buf_slice(&payload) : slice_of(NULL, 0);
    control_answer_encode(&answer, out_answer);
    buf_fini(&payload);
}
