// Any bytes as an admit: what is accepted keeps the rules of the header and encodes to the same
// bytes again.
#include "davy/base/ensure.h"
#include "davy/record/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct slice input = slice_of(data, len);
    struct admit admit;
    if (admit_decode(input, &admit) != RC_OK) {
        return 0;
    }
    ENSURE(admit.place.seq > 0 && admit.n > 0);
    ENSURE(admit.place.chain.lane < LANE_COUNT && admit.place.chain.audience < AUDIENCE_COUNT);
    ENSURE(admit.verdict >= VERDICT_ACCEPTED && admit.verdict <= VERDICT_HELD);
    struct buf again;
    buf_init(&again, 256);
    ENSURE(admit_encode(&admit, &again) == RC_OK);
    ENSURE(slice_equal(buf_slice(&again), input));
    buf_fini(&again);
    return 0;
}
