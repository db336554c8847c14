#include "eval_priv.h"

#include "davy/base/ensure.h"
#include "davy/base/map.h"
#include <math.h>
#include <string.h>

#define STATE_VERSION 1
#define NO_READING INT64_MIN
#define FLAG_KNOWN 1u
#define FLAG_READING 2u
#define FLAG_STALE 1u
#define NAMES_SEED 0x6576616c6e616d65u

// A decoded item, checked before it is applied.
struct item {
    bool flag; // known, or stale
    bool has_reading;
    int64_t newest_ms;
    int64_t silence_ms;
    double last;
    uint8_t states[LIMITS_A_TAG];
    bool held[LIMITS_A_TAG];
    uint32_t left_ms[LIMITS_A_TAG];
};

bool alarm_eval_changed_next(struct alarm_eval *eval, struct alarm_eval_item *out_item) {
    if (eval->changed_count == 0) {
        return false;
    }
    uint32_t item = eval->changed[--eval->changed_count];
    eval->is_changed[item] = false;
    bool is_tag = item < eval->tag_count;
    *out_item = (struct alarm_eval_item){is_tag ? ALARM_SOURCE_TAG : ALARM_SOURCE_GATEWAY,
                                         is_tag ? item : item - eval->tag_count};
    return true;
}

static int64_t left_of(const struct eval_limit *limit, int64_t now_ms) {
    int64_t left_ms = limit->place == NO_PLACE ? limit->due_ms : limit->due_ms - now_ms;
    return left_ms > 0 ? left_ms : 0;
}

static void tag_encode(const struct alarm_eval *eval, uint32_t tag, int64_t now_ms,
                       struct buf *out) {
    bool has_reading = eval->newest_ms[tag] != NO_READING;
    uint64_t bits = 0;
    uint8_t count = 0;
    const struct eval_limit *limits = &eval->limits[tag * LIMITS_A_TAG];
    memcpy(&bits, &eval->last[tag], sizeof bits);
    buf_put_u8(out,
               (uint8_t)((eval->known[tag] ? FLAG_KNOWN : 0) | (has_reading ? FLAG_READING : 0)));
    if (has_reading) {
        buf_put_signed(out, eval->newest_ms[tag]);
        buf_put_u64(out, bits);
    }
    for (uint32_t slot = 0; slot < LIMITS_A_TAG; slot++) {
        count = (uint8_t)(count + (limits[slot].state != ALARM_LIMIT_NORMAL));
    }
    buf_put_u8(out, count);
    for (uint32_t slot = 0; slot < LIMITS_A_TAG; slot++) {
        if (limits[slot].state == ALARM_LIMIT_NORMAL) {
            continue;
        }
        buf_put_u8(out, (uint8_t)slot);
        buf_put_u8(out, limits[slot].state);
        if (limits[slot].state != ALARM_LIMIT_ACTIVE) {
            buf_put_u8(out, limits[slot].place == NO_PLACE);
            buf_put_varint(out, (uint64_t)left_of(&limits[slot], now_ms));
        }
    }
}

void alarm_eval_item_encode(const struct alarm_eval *eval, struct alarm_eval_item item,
                            struct moment now, struct buf *out) {
    buf_put_u8(out, STATE_VERSION);
    if (item.source == ALARM_SOURCE_TAG) {
        ENSURE(item.index < eval->tag_count);
        tag_encode(eval, item.index, now.mono.v, out);
        return;
    }
    ENSURE(item.index < eval->gateway_count);
    const struct eval_gateway *gateway = &eval->gateways[item.index];
    int64_t silence_ms = now.mono.v - gateway->heard_ms;
    buf_put_u8(out, gateway->stale ? FLAG_STALE : 0);
    buf_put_varint(out, gateway->stale && silence_ms > 0 ? (uint64_t)silence_ms : 0);
}

static void limits_read(struct reader *reader, struct item *out) {
    uint8_t count = reader_u8(reader);
    int last_slot = -1;
    for (uint8_t i = 0; i < count; i++) {
        uint8_t slot = reader_u8(reader);
        uint8_t state = reader_u8(reader);
        if (slot >= LIMITS_A_TAG || (int)slot <= last_slot || state == ALARM_LIMIT_NORMAL ||
            state >= ALARM_LIMIT_STATE_COUNT) {
            reader_fail(reader, RC_INVALID);
            return;
        }
        last_slot = slot;
        out->states[slot] = state;
        if (state == ALARM_LIMIT_ACTIVE) {
            continue;
        }
        uint8_t held = reader_u8(reader);
        uint64_t left_ms = reader_varint(reader);
        if (held > 1 || left_ms > LIMIT_ALARM_DELAY_S * 1000u) {
            reader_fail(reader, RC_INVALID);
            return;
        }
        out->held[slot] = held == 1;
        out->left_ms[slot] = (uint32_t)left_ms;
    }
}

static void tag_read(struct reader *reader, struct item *out) {
    uint8_t flags = reader_u8(reader);
    if (flags > (FLAG_KNOWN | FLAG_READING) || flags == FLAG_KNOWN) {
        reader_fail(reader, RC_INVALID);
    }
    out->flag = (flags & FLAG_KNOWN) != 0;
    out->has_reading = (flags & FLAG_READING) != 0;
    if (out->has_reading) {
        out->newest_ms = reader_signed(reader);
        uint64_t bits = reader_u64(reader);
        memcpy(&out->last, &bits, sizeof bits);
        if (!isfinite(out->last) || out->newest_ms == NO_READING) {
            reader_fail(reader, RC_INVALID);
        }
    }
    limits_read(reader, out);
}

static void gateway_read(struct reader *reader, struct item *out) {
    uint8_t flags = reader_u8(reader);
    uint64_t silence_ms = reader_varint(reader);
    if (flags > FLAG_STALE || silence_ms > INT64_MAX / 2 || (flags == 0 && silence_ms != 0)) {
        reader_fail(reader, RC_INVALID);
    }
    out->flag = flags == FLAG_STALE;
    out->silence_ms = (int64_t)silence_ms;
}

static enum rc item_read(struct slice bytes, enum alarm_event_source source, struct item *out) {
    struct reader reader = reader_of(bytes);
    *out = (struct item){.flag = false};
    uint8_t version = reader_u8(&reader);
    if (reader_left(&reader) > 0 && version != STATE_VERSION) {
        return RC_UNSUPPORTED;
    }
    if (source == ALARM_SOURCE_TAG) {
        tag_read(&reader, out);
    } else {
        gateway_read(&reader, out);
    }
    return reader_done(&reader);
}

static void tag_apply(struct alarm_eval *eval, uint32_t tag, const struct item *item,
                      int64_t now_ms) {
    eval->known[tag] = item->flag;
    // History may know a later reading than the state that was saved before it.
    if (item->has_reading && item->newest_ms >= eval->newest_ms[tag]) {
        eval->newest_ms[tag] = item->newest_ms;
        eval->last[tag] = item->last;
    }
    for (uint32_t slot = 0; slot < LIMITS_A_TAG; slot++) {
        uint32_t index = tag * LIMITS_A_TAG + slot;
        struct eval_limit *limit = &eval->limits[index];
        eval_timer_stop(eval, index);
        limit->state = limit->present ? item->states[slot] : ALARM_LIMIT_NORMAL;
        if (limit->state != ALARM_LIMIT_ON_DELAY && limit->state != ALARM_LIMIT_OFF_DELAY) {
            continue;
        }
        // A delay that was shortened meanwhile counts.
        uint32_t delay_ms = limit->state == ALARM_LIMIT_ON_DELAY ? limit->on_ms : limit->off_ms;
        int64_t left_ms = item->left_ms[slot] < delay_ms ? item->left_ms[slot] : delay_ms;
        if (item->held[slot]) {
            limit->due_ms = left_ms;
        } else {
            eval_timer_run(eval, index, now_ms + left_ms);
        }
    }
    eval_quiet(eval, tag);
}

static void item_apply(struct alarm_eval *eval, struct alarm_eval_item at, const struct item *item,
                       int64_t now_ms) {
    if (at.source == ALARM_SOURCE_TAG) {
        tag_apply(eval, at.index, item, now_ms);
        return;
    }
    struct eval_gateway *gateway = &eval->gateways[at.index];
    gateway->stale = item->flag;
    gateway->heard_ms = now_ms - item->silence_ms;
}

enum rc alarm_eval_item_decode(struct alarm_eval *eval, struct alarm_eval_item item,
                               struct slice bytes, struct moment now) {
    struct item read;
    ENSURE(item.index < (item.source == ALARM_SOURCE_TAG ? eval->tag_count : eval->gateway_count));
    enum rc rc = item_read(bytes, item.source, &read);
    if (rc == RC_OK) {
        item_apply(eval, item, &read, now.mono.v);
    }
    return rc;
}

// ---- all items ----------------------------------------------------------------------------------

static bool tag_is_blank(const struct alarm_eval *eval, uint32_t tag) {
    bool is_blank = eval->newest_ms[tag] == NO_READING;
    for (uint32_t slot = 0; slot < LIMITS_A_TAG; slot++) {
        is_blank = is_blank && eval->limits[tag * LIMITS_A_TAG + slot].state == ALARM_LIMIT_NORMAL;
    }
    return is_blank;
}

static enum rc entry_encode(const struct alarm_eval *eval, struct alarm_eval_item item,
                            struct moment now, struct buf *out) {
    struct buf bytes;
    buf_init(&bytes, ALARM_EVAL_ITEM_BYTES);
    alarm_eval_item_encode(eval, item, now, &bytes);
    enum rc rc = buf_rc(&bytes);
    bool is_tag = item.source == ALARM_SOURCE_TAG;
    const char *name = is_tag ? eval->names[item.index] : eval->gateways[item.index].name;
    buf_put_u8(out, is_tag ? 0 : 1);
    buf_put_text(out, name);
    buf_put_bytes(out, bytes.data, bytes.len);
    buf_fini(&bytes);
    return rc;
}

enum rc alarm_eval_encode(const struct alarm_eval *eval, struct moment now, struct buf *out) {
    uint32_t count = eval->gateway_count;
    for (uint32_t tag = 0; tag < eval->tag_count; tag++) {
        count += !tag_is_blank(eval, tag);
    }
    buf_put_u8(out, STATE_VERSION);
    buf_put_varint(out, count);
    enum rc rc = RC_OK;
    for (uint32_t tag = 0; rc == RC_OK && tag < eval->tag_count; tag++) {
        if (!tag_is_blank(eval, tag)) {
            rc = entry_encode(eval, (struct alarm_eval_item){ALARM_SOURCE_TAG, tag}, now, out);
        }
    }
    for (uint32_t i = 0; rc == RC_OK && i < eval->gateway_count; i++) {
        rc = entry_encode(eval, (struct alarm_eval_item){ALARM_SOURCE_GATEWAY, i}, now, out);
    }
    return rc == RC_OK ? buf_rc(out) : rc;
}

struct names {
    struct map *tags;
    struct map *gateways;
};

static enum rc names_build(const struct alarm_eval *eval, struct names *names) {
    enum rc rc = map_new(eval->tag_count + 1, NAMES_SEED, &names->tags);
    if (rc == RC_OK) {
        rc = map_new(eval->gateway_count + 1, NAMES_SEED, &names->gateways);
    }
    for (uint32_t i = 0; rc == RC_OK && i < eval->tag_count; i++) {
        rc = map_set(names->tags, slice_text(eval->names[i]), i);
    }
    for (uint32_t i = 0; rc == RC_OK && i < eval->gateway_count; i++) {
        rc = map_set(names->gateways, slice_text(eval->gateways[i].name), i);
    }
    return rc;
}

// One pass over all entries; the first only checks, so that a bad block changes nothing.
static enum rc block_read(struct alarm_eval *eval, const struct names *names, struct slice bytes,
                          const struct moment *apply_at, uint32_t *out_skipped) {
    struct reader reader = reader_of(bytes);
    uint8_t version = reader_u8(&reader);
    uint64_t count = reader_varint(&reader);
    uint32_t skipped = 0;
    if (version != STATE_VERSION && bytes.len > 0) {
        return RC_UNSUPPORTED;
    }
    for (uint64_t i = 0; i < count && reader.rc == RC_OK; i++) {
        struct item item;
        struct alarm_eval_item at = {ALARM_SOURCE_TAG, 0};
        uint8_t source = reader_u8(&reader);
        struct slice name = reader_bytes(&reader, LIMIT_TAG_BYTES);
        struct slice state = reader_bytes(&reader, ALARM_EVAL_ITEM_BYTES);
        if (source > 1) {
            reader_fail(&reader, RC_INVALID);
        }
        at.source = source == 0 ? ALARM_SOURCE_TAG : ALARM_SOURCE_GATEWAY;
        enum rc rc = reader.rc == RC_OK ? item_read(state, at.source, &item) : reader.rc;
        if (rc != RC_OK) {
            return rc == RC_TRUNCATED && reader.rc == RC_OK ? RC_INVALID : rc;
        }
        if (!map_get(source == 0 ? names->tags : names->gateways, name, &at.index)) {
            skipped++;
        } else if (apply_at != NULL) {
            item_apply(eval, at, &item, apply_at->mono.v);
        }
    }
    *out_skipped = skipped;
    return reader_done(&reader);
}

enum rc alarm_eval_decode(struct alarm_eval *eval, struct slice bytes, struct moment now,
                          uint32_t *out_skipped) {
    struct names names = {NULL, NULL};
    uint32_t skipped = 0;
    if (bytes.len > ALARM_EVAL_STATE_BYTES) {
        return RC_TOO_LARGE;
    }
    enum rc rc = names_build(eval, &names);
    if (rc == RC_OK) {
        rc = block_read(eval, &names, bytes, NULL, &skipped);
    }
    if (rc == RC_OK) {
        rc = block_read(eval, &names, bytes, &now, &skipped);
    }
    if (rc == RC_OK) {
        *out_skipped = skipped;
    }
    map_free(names.tags);
    map_free(names.gateways);
    return rc;
}
