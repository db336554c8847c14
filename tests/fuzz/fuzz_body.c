// Any bytes as a body, the first byte choosing the kind: what is read field by field encodes to the
// same bytes; a body that passes the form check can be read by tag and folded.
#include "davy/base/ensure.h"
#include "davy/domain/alarm/alarm.h"
#include "davy/domain/remark/remark.h"
#include "davy/domain/roster/roster.h"
#include "davy/record/module.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct module *const modules[] = {&roster_module, &alarm_module, &remark_module};
static const struct registry registry = {modules, COUNT_OF(modules)};

static void put_field(struct buf *out, const struct field_value *value) {
    uint64_t critical = value->critical ? 4 : 0;
    buf_put_varint(out, (uint64_t)value->tag << 3 | critical | value->wire);
    if (value->wire == 0) {
        buf_put_varint(out, value->number);
    } else if (value->wire == 1) {
        buf_put_signed(out, value->integer);
    } else if (value->wire == 2) {
        buf_put_bytes(out, value->bytes.data, value->bytes.len);
    } else {
        ENSURE(decimal_is_canonical(value->decimal));
        buf_put_signed(out, value->decimal.mantissa);
        buf_put_signed(out, value->decimal.exponent);
    }
}

static void check_same_bytes(struct slice body) {
    struct body_reader reader = body_read(body);
    struct field_value value;
    struct buf again;
    buf_init(&again, LIMIT_RECORD_BODY_BYTES);
    uint16_t last_tag = 0;
    while (body_next(&reader, &value)) {
        ENSURE(value.tag > 0 && value.tag >= last_tag);
        last_tag = value.tag;
        put_field(&again, &value);
    }
    ENSURE(buf_rc(&again) == RC_OK && again.len <= body.len);
    ENSURE(again.len == 0 || memcmp(again.data, body.data, again.len) == 0);
    ENSURE(reader_done(&reader.reader) != RC_OK || again.len == body.len);
    buf_fini(&again);
}

static void check_fold(const struct module *module, const struct content *content) {
    const struct fold_entry entry = {.content = content, .verdict = VERDICT_ACCEPTED, .n = 1};
    uint8_t *state = calloc(1, module->state_bytes);
    uint8_t *again = calloc(1, module->state_bytes);
    ENSURE(state != NULL && again != NULL);
    struct index_value values[MODULE_INDEX_MAX];
    struct refusal refusal;
    for (int i = 0; i < 2; i++) {
        const struct check_input input = {.content = content, .state = i > 0 ? state : NULL};
        enum verdict verdict = module->check(&input, &refusal);
        ENSURE(verdict >= VERDICT_ACCEPTED && verdict <= VERDICT_HELD);
        module->fold(state, (struct rid){0}, &entry);
        module->fold(again, (struct rid){0}, &entry);
        module->index(state, values);
    }
    ENSURE(memcmp(state, again, module->state_bytes) == 0);
    free(state);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len) {
    static const struct rid subject = {{{1}}};
    if (len == 0 || len > LIMIT_RECORD_BODY_BYTES) {
        return 0;
    }
    struct slice body = slice_of(data + 1, len - 1);
    check_same_bytes(body);
    const struct module *module = NULL;
    const struct kind *kind = registry_kind(&registry, data[0], &module);
    if (kind == NULL) {
        return 0;
    }
    bool listed = (kind->flags & (KIND_OPENS | KIND_NO_SUBJECT)) == 0;
    struct content content = {
        .suite = KEYS_SUITE_ED25519,
        .site = {{{(kind->flags & KIND_FOUNDS) == 0}}},
        .kind = kind->number,
        .subjects = listed ? &subject : NULL,
        .subject_count = listed ? 1 : 0,
        .audience = (kind->flags & KIND_OPENS) != 0 ? AUDIENCE_SITE : AUDIENCE_NONE,
        .key = {{{(kind->flags & KIND_SEALED) == 0}}},
        .body = body,
    };
    struct refusal refusal = {0};
    if (content_check_form(&registry, &content, kind->lane, &refusal) != RC_OK) {
        ENSURE(refusal.code != REFUSAL_NONE && refusal.args[0][0] != '\0');
    }
    // A replica folds by verdict, whatever its own form check says.
    check_fold(module, &content);
    return 0;
}
