#include "davy/record/record.h"

#include "record/record_priv.h"

static bool admit_is_valid(const struct admit *admit) {
    const struct place *place = &admit->place;
    return !id16_is_zero(place->chain.author.id) && lane_is_known(place->chain.lane) &&
           audience_is_known(place->chain.audience) && place->seq > 0 && admit->n > 0 &&
           admit->verdict >= VERDICT_ACCEPTED && admit->verdict <= VERDICT_HELD;
}

enum rc admit_encode(const struct admit *admit, struct buf *out) {
    if (!admit_is_valid(admit)) {
        return RC_INVALID;
    }
    buf_put(out, admit->place.chain.author.id.b, ID_BYTES);
    buf_put_u8(out, admit->place.chain.lane);
    buf_put_u8(out, admit->place.chain.audience);
    buf_put_varint(out, admit->place.seq);
    buf_put_u8(out, (uint8_t)admit->verdict);
    buf_put_varint(out, admit->rule);
    buf_put_signed(out, admit->hub_time.v);
    buf_put_varint(out, admit->roster_version);
    buf_put_varint(out, admit->rules_version);
    buf_put_varint(out, admit->n);
    return buf_rc(out);
}

enum rc admit_decode(struct slice bytes, struct admit *out_admit) {
    struct reader reader = reader_of(bytes);
    struct admit admit = {0};
    reader_copy(&reader, admit.place.chain.author.id.b, ID_BYTES);
    admit.place.chain.lane = reader_u8(&reader);
    admit.place.chain.audience = reader_u8(&reader);
    admit.place.seq = reader_varint(&reader);
    uint8_t verdict = reader_u8(&reader);
    uint64_t rule = reader_varint(&reader);
    admit.hub_time.v = reader_signed(&reader);
    admit.roster_version = reader_varint(&reader);
    admit.rules_version = reader_varint(&reader);
    admit.n = reader_varint(&reader);
    enum rc rc = reader_done(&reader);
    if (rc != RC_OK) {
        return rc;
    }
    admit.verdict = (enum verdict)verdict;
    admit.rule = (uint16_t)rule;
    if (rule > UINT16_MAX || !admit_is_valid(&admit)) {
        return RC_INVALID;
    }
    *out_admit = admit;
    return RC_OK;
}
