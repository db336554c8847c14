// Any bytes as a content: what is accepted encodes to the same bytes again, its parts lie within
// the input, and form check and exports take it, whatever its body holds.
#include "davy/base/ensure.h"
#include "davy/base/text.h"
#include "davy/domain/alarm/alarm.h"
#include "davy/domain/remark/remark.h"
#include "davy/domain/roster/roster.h"
#include "davy/record/export.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct module *const modules[] = {&roster_module, &alarm_module, &remark_module};
static const struct registry registry = {modules, COUNT_OF(modules)};

static bool lies_within(struct slice outer, const void *part, size_t len) {
    const uint8_t *at = part;
    return len == 0 || (at >= outer.data && at + len <= outer.data + outer.len);
}

static void check_same_bytes(const struct content *content, struct slice input) {
    struct buf again;
    buf_init(&again, LIMIT_RECORD_CONTENT_BYTES);
    ENSURE(content_encode(content, &again) == RC_OK);
    ENSURE(slice_equal(buf_slice(&again), input));
    buf_fini(&again);
}

static void check_readers(const struct content *content, struct slice input) {
    const struct export_item item = {.content = input, .place = {.seq = 1}};
    struct refusal refusal;
    for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
        enum rc rc = content_check_form(&registry, content, lane, &refusal);
        ENSURE(rc == RC_OK || rc == RC_REFUSED || rc == RC_UNSUPPORTED);
    }
    struct buf out;
    buf_init(&out, 1024 * 1024);
    ENSURE(export_json(&registry, &item, &out) == RC_OK);
    ENSURE(text_is_valid(buf_slice(&out)) && memchr(out.data, '\n', out.len) == NULL);
    buf_reset(&out);
    ENSURE(export_text(&registry, &item, &out) == RC_OK);
    ENSURE(text_is_valid(buf_slice(&out)) && memchr(out.data, 0x1b, out.len) == NULL);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    struct slice input = slice_of(data, len);
    struct content content;
    if (content_decode(input, &content) != RC_OK) {
        return 0;
    }
    ENSURE(lies_within(input, content.subjects, (size_t)content.subject_count * ID_BYTES));
    ENSURE(lies_within(input, content.refs, (size_t)content.ref_count * ID_BYTES));
    ENSURE(lies_within(input, content.body.data, content.body.len));
    check_same_bytes(&content, input);
    check_readers(&content, input);
    return 0;
}
