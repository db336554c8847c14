// Any bytes as the evaluator's saved state, whole and as single items. What is accepted must be
// written again as a state that gives the same state; what is refused must change nothing.
#include <stdint.h>
#include <string.h>

#include "davy/base/ensure.h"
#include "davy/domain/alarm/eval.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct alarm_eval_gateway gateways[] = {{"G", 5000}};
static const struct alarm_eval_tag tags[] = {
    {"T",
     0,
     {[ALARM_HH] = {true, 20, 2, 0, 0},
      [ALARM_H] = {true, 10, 2, 60000, 30000},
      [ALARM_L] = {true, -10, 2, 1000, 3600000}}},
    {"U", ALARM_EVAL_NO_GATEWAY, {[ALARM_LL] = {true, 0, 1, 3600000, 0}}},
};
static const struct alarm_eval_config config = {tags, gateways, 2, 1};
static const struct moment now = {.utc = {1700000000000}, .mono = {100000}, .boot_id = 1};

static void ignore(void *context, const struct alarm_event *event) {
    (void)context;
    (void)event;
}

static void encode(const struct alarm_eval *eval, struct buf *out) {
    buf_reset(out);
    ENSURE(alarm_eval_encode(eval, now, out) == RC_OK);
}

// Readings and time after a restart must find a sound evaluator.
static void play_on(struct alarm_eval *eval) {
    const struct alarm_sink sink = {ignore, NULL};
    static const double values[] = {0, 11, 25, 5, -15, 0};
    struct moment later = now;
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        for (uint32_t tag = 0; tag < config.tag_count; tag++) {
            const struct alarm_reading reading = {
                .tag = tag, .value = values[i], .time = {INT64_MAX - 10 + (int64_t)i}};
            (void)alarm_eval_reading(eval, &reading, later, &sink);
        }
        later.mono.v += 40000;
        later.utc.v += 40000;
        (void)alarm_eval_tick(eval, later, &sink);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct alarm_eval *eval = NULL;
    struct alarm_eval *again = NULL;
    struct buf before;
    struct buf after;
    uint32_t skipped = 0;
    buf_init(&before, ALARM_EVAL_STATE_BYTES);
    buf_init(&after, ALARM_EVAL_STATE_BYTES);
    ENSURE(alarm_eval_new(&config, now, &eval) == RC_OK);
    ENSURE(alarm_eval_new(&config, now, &again) == RC_OK);
    encode(eval, &before);
    const struct alarm_eval_item items[] = {{ALARM_SOURCE_TAG, 0}, {ALARM_SOURCE_GATEWAY, 0}};
    enum rc rc = RC_OK;
    if (size == 0) {
        rc = alarm_eval_decode(eval, slice_of(data, 0), now, &skipped);
    } else if (data[0] < 2) {
        rc = alarm_eval_item_decode(eval, items[data[0]], slice_of(data + 1, size - 1), now);
    } else {
        rc = alarm_eval_decode(eval, slice_of(data + 1, size - 1), now, &skipped);
    }
    encode(eval, &after);
    if (rc != RC_OK) {
        ENSURE(slice_equal(buf_slice(&before), buf_slice(&after)));
    }
    ENSURE(alarm_eval_decode(again, buf_slice(&after), now, &skipped) == RC_OK && skipped == 0);
    encode(again, &before);
    ENSURE(slice_equal(buf_slice(&before), buf_slice(&after)));
    play_on(eval);
    alarm_eval_free(eval);
    alarm_eval_free(again);
    buf_fini(&before);
    buf_fini(&after);
    return 0;
}
