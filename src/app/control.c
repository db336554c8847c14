#include "davy/app/control.h"

#include <string.h>

void control_request(enum control_verb verb, struct slice payload, struct buf *out) {
    buf_put_u8(out, (uint8_t)verb);
    buf_put(out, payload.data, payload.len);
}

void control_answer_encode(const struct control_answer *answer, struct buf *out) {
    buf_put_u8(out, (uint8_t)answer->rc);
    buf_put_varint(out, (uint64_t)answer->refusal.code);
    buf_put(out, answer->refusal.subject.id.b, ID_BYTES);
    uint8_t count = 0;
    while (count < LIMIT_REFUSAL_ARGS && answer->refusal.args[count][0] != '\0') {
        count++;
    }
    buf_put_varint(out, count);
    for (uint8_t i = 0; i < count; i++) {
        buf_put_text(out, answer->refusal.args[i]);
    }
    buf_put(out, answer->payload.data, answer->payload.len);
}

enum rc control_answer_decode(struct slice bytes, struct control_answer *out_answer) {
    struct reader in = reader_of(bytes);
    struct control_answer answer = {0};
    uint8_t code = reader_u8(&in);
    uint64_t refusal = reader_varint(&in);
    reader_copy(&in, answer.refusal.subject.id.b, ID_BYTES);
    uint64_t count = reader_varint(&in);
    if (code >= RC_COUNT || refusal > UINT16_MAX || count > LIMIT_REFUSAL_ARGS) {
        return RC_INVALID;
    }
    for (uint64_t i = 0; i < count; i++) {
        struct slice text = reader_bytes(&in, REFUSAL_ARG_BYTES - 1);
        if (in.rc == RC_OK) {
            memcpy(answer.refusal.args[i], text.data, text.len);
        }
    }
    answer.rc = (enum rc)code;
    answer.refusal.code = (enum refusal_code)refusal;
    answer.payload = reader_take(&in, reader_left(&in));
    if (in.rc != RC_OK) {
        return in.rc;
    }
    *out_answer = answer;
    return RC_OK;
}

void control_submit_encode(uint8_t lane, const struct signed_record *record,
                           struct buf *out_payload) {
    buf_put_u8(out_payload, lane);
    buf_put_bytes(out_payload, record->content.data, record->content.len);
    buf_put(out_payload, record->sig.b, SIGNATURE_BYTES);
}

enum rc control_submit_decode(struct slice payload, uint8_t *out_lane,
                              struct signed_record *out_record) {
    struct reader in = reader_of(payload);
    struct signed_record record = {.has_sig = true};
    uint8_t lane = reader_u8(&in);
    record.content = reader_bytes(&in, LIMIT_RECORD_CONTENT_BYTES);
    reader_copy(&in, record.sig.b, SIGNATURE_BYTES);
    enum rc rc = reader_done(&in);
    if (rc != RC_OK) {
        return rc;
    }
    if (lane >= LANE_COUNT) {
        return RC_INVALID;
    }
    record.rid = content_rid(record.content);
    *out_lane = lane;
    *out_record = record;
    return RC_OK;
}
