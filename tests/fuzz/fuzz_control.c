// Requests and answers of the owner's socket: what decodes encodes to the same bytes.
#include "davy/app/control.h"
#include "davy/base/ensure.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_submit(struct slice bytes, struct buf *out) {
    uint8_t lane = 0;
    struct signed_record record;
    if (control_submit_decode(bytes, &lane, &record) != RC_OK) {
        return;
    }
    ENSURE(lane < LANE_COUNT && record.has_sig);
    buf_reset(out);
    control_submit_encode(lane, &record, out);
    ENSURE(buf_rc(out) == RC_OK && slice_equal(buf_slice(out), bytes));
}

// Arguments after an empty one are not sent, so an answer is compared by what it says.
static void fuzz_answer(struct slice bytes, struct buf *out) {
    struct control_answer answer, again;
    if (control_answer_decode(bytes, &answer) != RC_OK) {
        return;
    }
    ENSURE(answer.rc < RC_COUNT);
    for (int i = 0; i < LIMIT_REFUSAL_ARGS; i++) {
        ENSURE(memchr(answer.refusal.args[i], '\0', REFUSAL_ARG_BYTES) != NULL);
    }
    buf_reset(out);
    control_answer_encode(&answer, out);
    ENSURE(buf_rc(out) == RC_OK);
    ENSURE(control_answer_decode(buf_slice(out), &again) == RC_OK);
    ENSURE(again.rc == answer.rc && again.refusal.code == answer.refusal.code);
    ENSURE(slice_equal(again.payload, answer.payload));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct buf out;
    buf_init(&out, 1 << 20);
    fuzz_submit(slice_of(data, size), &out);
    fuzz_answer(slice_of(data, size), &out);
    buf_fini(&out);
    return 0;
}
