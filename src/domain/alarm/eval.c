#include "davy/domain/alarm/eval.h"

#include "davy/base/ensure.h"
#include "eval_priv.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>

#define NO_READING INT64_MIN

// Where a value lies, seen from one limit.
enum sight { SIGHT_UNKNOWN, SIGHT_CLEAR, SIGHT_BETWEEN, SIGHT_BEYOND, SIGHT_COUNT };
enum step { STEP_STAY, STEP_HOLD, STEP_RUN, STEP_NORMAL, STEP_ON, STEP_OFF, STEP_ACTIVE };

static const enum step steps[ALARM_LIMIT_STATE_COUNT][SIGHT_COUNT] = {
    //                       unknown    clear        between      beyond
    [ALARM_LIMIT_NORMAL] = {STEP_STAY, STEP_STAY, STEP_STAY, STEP_ON},
    [ALARM_LIMIT_ON_DELAY] = {STEP_HOLD, STEP_NORMAL, STEP_NORMAL, STEP_RUN},
    [ALARM_LIMIT_ACTIVE] = {STEP_STAY, STEP_OFF, STEP_STAY, STEP_STAY},
    [ALARM_LIMIT_OFF_DELAY] = {STEP_HOLD, STEP_RUN, STEP_ACTIVE, STEP_ACTIVE},
};

// What one call works with.
struct turn {
    struct alarm_eval *eval;
    struct moment now;
    const struct alarm_sink *sink;
};

// ---- making -------------------------------------------------------------------------------------

static bool limit_is_valid(const struct alarm_eval_limit *limit, bool is_high) {
    const uint32_t delay_max = LIMIT_ALARM_DELAY_S * 1000u;
    if (!limit->present) {
        return true;
    }
    double clear = is_high ? limit->value - limit->deadband : limit->value + limit->deadband;
    return isfinite(limit->value) && isfinite(limit->deadband) && limit->deadband >= 0 &&
           isfinite(clear) && limit->on_delay_ms <= delay_max && limit->off_delay_ms <= delay_max;
}

static enum rc config_check(const struct alarm_eval_config *config) {
    if (config->tag_count > LIMIT_SITE_TAGS || config->gateway_count > LIMIT_SITE_GATEWAYS) {
        return RC_TOO_LARGE;
    }
    for (uint32_t i = 0; i < config->tag_count; i++) {
        const struct alarm_eval_tag *tag = &config->tags[i];
        if (tag->gateway != ALARM_EVAL_NO_GATEWAY && tag->gateway >= config->gateway_count) {
            return RC_INVALID;
        }
        for (uint32_t slot = 0; slot < LIMITS_A_TAG; slot++) {
            if (!limit_is_valid(&tag->limits[slot + ALARM_HH], eval_slot_is_high(slot))) {
                return RC_INVALID;
            }
        }
    }
    return RC_OK;
}

static bool allocate(struct alarm_eval *eval) {
    size_t tags = eval->tag_count + 1u;
    size_t items = tags + eval->gateway_count;
    eval->quiet_lo = calloc(tags, sizeof *eval->quiet_lo);
    eval->quiet_hi = calloc(tags, sizeof *eval->quiet_hi);
    eval->last = calloc(tags, sizeof *eval->last);
    eval->newest_ms = calloc(tags, sizeof *eval->newest_ms);
    eval->gateway_of = calloc(tags, sizeof *eval->gateway_of);
    eval->known = calloc(tags, sizeof *eval->known);
    eval->names = calloc(tags, sizeof *eval->names);
    eval->limits = calloc(tags * LIMITS_A_TAG, sizeof *eval->limits);
    eval->running = calloc(tags * LIMITS_A_TAG, sizeof *eval->running);
    eval->gateways = calloc(eval->gateway_count + 1u, sizeof *eval->gateways);
    eval->changed = calloc(items, sizeof *eval->changed);
    eval->is_changed = calloc(items, sizeof *eval->is_changed);
    eval->due = calloc(tags * LIMITS_A_TAG + eval->gateway_count, sizeof *eval->due);
    return eval->quiet_lo != NULL && eval->quiet_hi != NULL && eval->last != NULL &&
           eval->newest_ms != NULL && eval->gateway_of != NULL && eval->known != NULL &&
           eval->names != NULL && eval->limits != NULL && eval->running != NULL &&
           eval->gateways != NULL && eval->changed != NULL && eval->is_changed != NULL &&
           eval->due != NULL;
}

static void fill_tag(struct alarm_eval *eval, uint32_t tag, const struct alarm_eval_tag *from) {
    eval->names[tag] = from->name;
    eval->gateway_of[tag] = from->gateway;
    eval->newest_ms[tag] = NO_READING;
    for (uint32_t slot = 0; slot < LIMITS_A_TAG; slot++) {
        const struct alarm_eval_limit *limit = &from->limits[slot + ALARM_HH];
        bool is_high = eval_slot_is_high(slot);
        eval->limits[tag * LIMITS_A_TAG + slot] = (struct eval_limit){
            .present = limit->present,
            .trip = limit->value,
            .clear = is_high ? limit->value - limit->deadband : limit->value + limit->deadband,
            .on_ms = limit->on_delay_ms,
            .off_ms = limit->off_delay_ms,
            .place = NO_PLACE,
        };
    }
    eval_quiet(eval, tag);
}

enum rc alarm_eval_new(const struct alarm_eval_config *config, struct moment now,
                       struct alarm_eval **out_eval) {
    enum rc rc = config_check(config);
    if (rc != RC_OK) {
        return rc;
    }
    struct alarm_eval *eval = calloc(1, sizeof *eval);
    if (eval == NULL) {
        return RC_NO_MEMORY;
    }
    eval->tag_count = config->tag_count;
    eval->gateway_count = config->gateway_count;
    eval->next_due_ms = ALARM_EVAL_NEVER;
    if (!allocate(eval)) {
        alarm_eval_free(eval);
        return RC_NO_MEMORY;
    }
    for (uint32_t i = 0; i < config->tag_count; i++) {
        fill_tag(eval, i, &config->tags[i]);
    }
    for (uint32_t i = 0; i < config->gateway_count; i++) {
        eval->gateways[i] = (struct eval_gateway){.name = config->gateways[i].name,
                                                  .stale_ms = config->gateways[i].stale_ms,
                                                  .heard_ms = now.mono.v};
    }
    *out_eval = eval;
    return RC_OK;
}

void alarm_eval_free(struct alarm_eval *eval) {
    if (eval == NULL) {
        return;
    }
    free(eval->quiet_lo);
    free(eval->quiet_hi);
    free(eval->last);
    free(eval->newest_ms);
    free(eval->gateway_of);
    free(eval->known);
    free(eval->names);
    free(eval->limits);
    free(eval->running);
    free(eval->gateways);
    free(eval->changed);
    free(eval->is_changed);
    free(eval->due);
    free(eval);
}

// ---- timers and marks ---------------------------------------------------------------------------

bool eval_slot_is_high(uint32_t slot) {
    return slot + ALARM_HH <= ALARM_H;
}

void eval_changed(struct alarm_eval *eval, uint32_t item) {
    if (!eval->is_changed[item]) {
        eval->is_changed[item] = true;
        eval->changed[eval->changed_count++] = item;
    }
}

void eval_timer_stop(struct alarm_eval *eval, uint32_t limit) {
    uint32_t place = eval->limits[limit].place;
    if (place != NO_PLACE) {
        uint32_t moved = eval->running[--eval->running_count];
        eval->running[place] = moved;
        eval->limits[moved].place = place;
    }
    eval->limits[limit].place = NO_PLACE;
    eval->limits[limit].due_ms = 0;
}

void eval_timer_run(struct alarm_eval *eval, uint32_t limit, int64_t due_ms) {
    eval_timer_stop(eval, limit);
    eval->limits[limit].due_ms = due_ms;
    eval->limits[limit].place = eval->running_count;
    eval->running[eval->running_count++] = limit;
    if (due_ms < eval->next_due_ms) {
        eval->next_due_ms = due_ms;
    }
}

void eval_timer_hold(struct alarm_eval *eval, uint32_t limit, int64_t at_ms) {
    int64_t left_ms = eval->limits[limit].due_ms - at_ms;
    eval_timer_stop(eval, limit);
    eval->limits[limit].due_ms = left_ms > 0 ? left_ms : 0;
}

void eval_quiet(struct alarm_eval *eval, uint32_t tag) {
    double lo = -DBL_MAX;
    double hi = DBL_MAX;
    for (uint32_t slot = 0; slot < LIMITS_A_TAG && eval->known[tag]; slot++) {
        const struct eval_limit *limit = &eval->limits[tag * LIMITS_A_TAG + slot];
        if (!limit->present) {
            continue;
        }
        // The next change lies beyond the limit if the state is normal, beyond the clear point if
        // it is active; the waiting states end on the same side as they began.
        bool is_beyond = limit->state == ALARM_LIMIT_ON_DELAY || limit->state == ALARM_LIMIT_ACTIVE;
        bool at_trip = limit->state == ALARM_LIMIT_NORMAL || limit->state == ALARM_LIMIT_ON_DELAY;
        double edge = at_trip ? limit->trip : limit->clear;
        if (eval_slot_is_high(slot) != is_beyond) {
            edge = is_beyond ? nextafter(edge, -DBL_MAX) : edge;
            hi = edge < hi ? edge : hi;
        } else {
            edge = is_beyond ? nextafter(edge, DBL_MAX) : edge;
            lo = edge > lo ? edge : lo;
        }
    }
    eval->quiet_lo[tag] = eval->known[tag] ? lo : DBL_MAX;
    eval->quiet_hi[tag] = eval->known[tag] ? hi : -DBL_MAX;
}

// ---- events -------------------------------------------------------------------------------------

static struct utc_ms utc_at(const struct turn *turn, int64_t mono_ms) {
    return (struct utc_ms){turn->now.utc.v - (turn->now.mono.v - mono_ms)};
}

static void emit_limit(const struct turn *turn, uint32_t limit, enum alarm_event_kind kind,
                       struct utc_ms time) {
    uint32_t tag = limit / LIMITS_A_TAG;
    struct alarm_event event = {
        .kind = kind,
        .source = ALARM_SOURCE_TAG,
        .index = tag,
        .limit = (enum alarm_limit)(limit % LIMITS_A_TAG + ALARM_HH),
        .value = turn->eval->last[tag],
        .limit_value = turn->eval->limits[limit].trip,
        .time = time,
    };
    turn->sink->emit(turn->sink->context, &event);
}

static void emit_gateway(const struct turn *turn, uint32_t index, enum alarm_event_kind kind,
                         int64_t at_ms) {
    const struct eval_gateway *gateway = &turn->eval->gateways[index];
    struct alarm_event event = {
        .kind = kind,
        .source = ALARM_SOURCE_GATEWAY,
        .index = index,
        .limit = ALARM_STALE,
        .value = (double)(at_ms - gateway->heard_ms) / 1000,
        .limit_value = (double)gateway->stale_ms / 1000,
        .time = utc_at(turn, at_ms),
    };
    turn->sink->emit(turn->sink->context, &event);
}

static void limit_set(const struct turn *turn, uint32_t limit, enum alarm_limit_state state) {
    eval_timer_stop(turn->eval, limit);
    turn->eval->limits[limit].state = (uint8_t)state;
    eval_changed(turn->eval, limit / LIMITS_A_TAG);
}

// The end of a delay, or of none.
static void limit_settle(const struct turn *turn, uint32_t limit, struct utc_ms time) {
    bool activates = turn->eval->limits[limit].state == ALARM_LIMIT_ON_DELAY;
    limit_set(turn, limit, activates ? ALARM_LIMIT_ACTIVE : ALARM_LIMIT_NORMAL);
    emit_limit(turn, limit, activates ? ALARM_EVENT_ACTIVATE : ALARM_EVENT_RETURN, time);
}

static void limit_wait(const struct turn *turn, uint32_t limit, bool is_on, struct utc_ms time) {
    struct eval_limit *it = &turn->eval->limits[limit];
    uint32_t delay_ms = is_on ? it->on_ms : it->off_ms;
    limit_set(turn, limit, is_on ? ALARM_LIMIT_ON_DELAY : ALARM_LIMIT_OFF_DELAY);
    if (delay_ms == 0) {
        limit_settle(turn, limit, time);
    } else {
        eval_timer_run(turn->eval, limit, turn->now.mono.v + delay_ms);
    }
}

static void limit_hold(struct alarm_eval *eval, uint32_t limit, int64_t at_ms) {
    if (eval->limits[limit].place != NO_PLACE) {
        eval_timer_hold(eval, limit, at_ms);
        eval_changed(eval, limit / LIMITS_A_TAG);
    }
}

static void limit_step(const struct turn *turn, uint32_t limit, enum sight sight,
                       struct utc_ms time) {
    struct eval_limit *it = &turn->eval->limits[limit];
    switch (steps[it->state][sight]) {
    case STEP_STAY:
        return;
    case STEP_HOLD:
        limit_hold(turn->eval, limit, turn->now.mono.v);
        return;
    case STEP_RUN:
        if (it->place == NO_PLACE) {
            eval_timer_run(turn->eval, limit, turn->now.mono.v + it->due_ms);
            eval_changed(turn->eval, limit / LIMITS_A_TAG);
        }
        return;
    case STEP_NORMAL:
        limit_set(turn, limit, ALARM_LIMIT_NORMAL);
        return;
    case STEP_ACTIVE:
        limit_set(turn, limit, ALARM_LIMIT_ACTIVE);
        return;
    case STEP_ON:
        limit_wait(turn, limit, true, time);
        return;
    case STEP_OFF:
        limit_wait(turn, limit, false, time);
        return;
    }
}

// ---- readings -----------------------------------------------------------------------------------

static enum sight sight_of(const struct eval_limit *limit, bool is_high, double value,
                           enum alarm_quality quality) {
    if (quality == ALARM_QUALITY_BAD) {
        return SIGHT_UNKNOWN;
    }
    if (is_high ? value > limit->trip : value < limit->trip) {
        return SIGHT_BEYOND;
    }
    if (quality == ALARM_QUALITY_UNCERTAIN) {
        return SIGHT_UNKNOWN;
    }
    bool is_clear = is_high ? value <= limit->clear : value >= limit->clear;
    return is_clear ? SIGHT_CLEAR : SIGHT_BETWEEN;
}

// Timers of this tag that ran out before the reading, the earliest first.
static void settle_due(const struct turn *turn, uint32_t tag) {
    for (;;) {
        uint32_t first = NO_PLACE;
        for (uint32_t slot = 0; slot < LIMITS_A_TAG; slot++) {
            uint32_t limit = tag * LIMITS_A_TAG + slot;
            const struct eval_limit *it = &turn->eval->limits[limit];
            bool is_due = it->place != NO_PLACE && it->due_ms <= turn->now.mono.v;
            if (is_due && (first == NO_PLACE || it->due_ms < turn->eval->limits[first].due_ms)) {
                first = limit;
            }
        }
        if (first == NO_PLACE) {
            return;
        }
        limit_settle(turn, first, utc_at(turn, turn->eval->limits[first].due_ms));
    }
}

static void gateway_heard(const struct turn *turn, uint32_t index) {
    if (index == ALARM_EVAL_NO_GATEWAY) {
        return;
    }
    struct eval_gateway *gateway = &turn->eval->gateways[index];
    if (gateway->stale) {
        gateway->stale = false;
        eval_changed(turn->eval, turn->eval->tag_count + index);
        emit_gateway(turn, index, ALARM_EVENT_RETURN, turn->now.mono.v);
    }
    gateway->heard_ms = turn->now.mono.v;
}

static void reading_apply(const struct turn *turn, const struct alarm_reading *reading,
                          enum alarm_quality quality) {
    struct alarm_eval *eval = turn->eval;
    uint32_t tag = reading->tag;
    settle_due(turn, tag);
    if (quality != ALARM_QUALITY_BAD) {
        eval->last[tag] = reading->value;
    }
    eval->known[tag] = quality == ALARM_QUALITY_GOOD;
    for (uint32_t slot = 0; slot < LIMITS_A_TAG; slot++) {
        uint32_t limit = tag * LIMITS_A_TAG + slot;
        if (eval->limits[limit].present) {
            enum sight sight =
                sight_of(&eval->limits[limit], eval_slot_is_high(slot), reading->value, quality);
            limit_step(turn, limit, sight, reading->time);
        }
    }
    eval_quiet(eval, tag);
}

enum alarm_reading_use alarm_eval_reading(struct alarm_eval *eval,
                                          const struct alarm_reading *reading, struct moment now,
                                          const struct alarm_sink *sink) {
    uint32_t tag = reading->tag;
    ENSURE(tag < eval->tag_count);
    if (reading->historical || reading->time.v < eval->newest_ms[tag]) {
        return ALARM_HISTORY_ONLY;
    }
    const struct turn turn = {eval, now, sink};
    gateway_heard(&turn, eval->gateway_of[tag]);
    eval->newest_ms[tag] = reading->time.v;
    if (reading->quality == ALARM_QUALITY_GOOD && reading->value >= eval->quiet_lo[tag] &&
        reading->value <= eval->quiet_hi[tag]) {
        eval->last[tag] = reading->value;
        return ALARM_USED;
    }
    enum alarm_quality quality = isfinite(reading->value) ? reading->quality : ALARM_QUALITY_BAD;
    reading_apply(&turn, reading, quality);
    return quality == ALARM_QUALITY_BAD ? ALARM_USED_UNKNOWN : ALARM_USED;
}

void alarm_eval_gateway_alive(struct alarm_eval *eval, uint32_t gateway, struct moment now,
                              const struct alarm_sink *sink) {
    ENSURE(gateway < eval->gateway_count);
    const struct turn turn = {eval, now, sink};
    gateway_heard(&turn, gateway);
}

// ---- time ---------------------------------------------------------------------------------------

// A gateway is stale once the silence is longer than stale_ms.
static int64_t gateway_due(const struct eval_gateway *gateway) {
    return gateway->stale ? ALARM_EVAL_NEVER : gateway->heard_ms + gateway->stale_ms + 1;
}

static void gateway_silent(const struct turn *turn, uint32_t index, int64_t at_ms) {
    struct alarm_eval *eval = turn->eval;
    eval->gateways[index].stale = true;
    eval_changed(eval, eval->tag_count + index);
    emit_gateway(turn, index, ALARM_EVENT_ACTIVATE, at_ms);
    for (uint32_t tag = 0; tag < eval->tag_count; tag++) {
        if (eval->gateway_of[tag] != index) {
            continue;
        }
        eval->known[tag] = false;
        for (uint32_t slot = 0; slot < LIMITS_A_TAG; slot++) {
            limit_hold(eval, tag * LIMITS_A_TAG + slot, at_ms);
        }
        eval_quiet(eval, tag);
    }
}

static int due_compare(const void *a, const void *b) {
    const struct eval_due *x = a;
    const struct eval_due *y = b;
    if (x->due_ms != y->due_ms) {
        return x->due_ms < y->due_ms ? -1 : 1;
    }
    return x->index < y->index ? -1 : x->index > y->index;
}

static uint32_t due_collect(struct alarm_eval *eval, int64_t now_ms) {
    uint32_t count = 0;
    if (eval->next_due_ms <= now_ms) {
        for (uint32_t i = 0; i < eval->running_count; i++) {
            uint32_t limit = eval->running[i];
            if (eval->limits[limit].due_ms <= now_ms) {
                eval->due[count++] = (struct eval_due){eval->limits[limit].due_ms, limit};
            }
        }
    }
    for (uint32_t i = 0; i < eval->gateway_count; i++) {
        int64_t due_ms = gateway_due(&eval->gateways[i]);
        if (due_ms <= now_ms) {
            eval->due[count++] = (struct eval_due){due_ms, eval->tag_count * LIMITS_A_TAG + i};
        }
    }
    qsort(eval->due, count, sizeof *eval->due, due_compare);
    return count;
}

static struct mono_ms next_call(struct alarm_eval *eval) {
    int64_t next_ms = ALARM_EVAL_NEVER;
    for (uint32_t i = 0; i < eval->running_count; i++) {
        int64_t due_ms = eval->limits[eval->running[i]].due_ms;
        next_ms = due_ms < next_ms ? due_ms : next_ms;
    }
    eval->next_due_ms = next_ms;
    for (uint32_t i = 0; i < eval->gateway_count; i++) {
        int64_t due_ms = gateway_due(&eval->gateways[i]);
        next_ms = due_ms < next_ms ? due_ms : next_ms;
    }
    return (struct mono_ms){next_ms};
}

struct mono_ms alarm_eval_tick(struct alarm_eval *eval, struct moment now,
                               const struct alarm_sink *sink) {
    const struct turn turn = {eval, now, sink};
    uint32_t limit_count = eval->tag_count * LIMITS_A_TAG;
    uint32_t count = due_collect(eval, now.mono.v);
    for (uint32_t i = 0; i < count; i++) {
        const struct eval_due *due = &eval->due[i];
        if (due->index >= limit_count) {
            gateway_silent(&turn, due->index - limit_count, due->due_ms);
        } else if (eval->limits[due->index].place != NO_PLACE) {
            // Not held meanwhile by a gateway that fell silent before.
            limit_settle(&turn, due->index, utc_at(&turn, due->due_ms));
            eval_quiet(eval, due->index / LIMITS_A_TAG);
        }
    }
    return next_call(eval);
}

// ---- questions ----------------------------------------------------------------------------------

static struct eval_limit *limit_at(const struct alarm_eval *eval, uint32_t tag,
                                   enum alarm_limit limit) {
    ENSURE(tag < eval->tag_count && limit >= ALARM_HH && limit <= ALARM_LL);
    return &eval->limits[tag * LIMITS_A_TAG + (uint32_t)limit - ALARM_HH];
}

enum alarm_limit_state alarm_eval_limit_state(const struct alarm_eval *eval, uint32_t tag,
                                              enum alarm_limit limit) {
    return (enum alarm_limit_state)limit_at(eval, tag, limit)->state;
}

bool alarm_eval_limit_is_active(const struct alarm_eval *eval, uint32_t tag,
                                enum alarm_limit limit) {
    enum alarm_limit_state state = alarm_eval_limit_state(eval, tag, limit);
    return state == ALARM_LIMIT_ACTIVE || state == ALARM_LIMIT_OFF_DELAY;
}

bool alarm_eval_gateway_is_stale(const struct alarm_eval *eval, uint32_t gateway) {
    ENSURE(gateway < eval->gateway_count);
    return eval->gateways[gateway].stale;
}

bool alarm_eval_tag_is_known(const struct alarm_eval *eval, uint32_t tag) {
    ENSURE(tag < eval->tag_count);
    return eval->known[tag];
}

bool alarm_eval_tag_last(const struct alarm_eval *eval, uint32_t tag, double *out_value,
                         struct utc_ms *out_time) {
    ENSURE(tag < eval->tag_count);
    if (eval->newest_ms[tag] == NO_READING) {
        return false;
    }
    *out_value = eval->last[tag];
    *out_time = (struct utc_ms){eval->newest_ms[tag]};
    return true;
}

void alarm_eval_tag_seen(struct alarm_eval *eval, uint32_t tag, double value, struct utc_ms time) {
    ENSURE(tag < eval->tag_count);
    if (time.v > eval->newest_ms[tag]) {
        eval->newest_ms[tag] = time.v;
        eval->last[tag] = isfinite(value) ? value : eval->last[tag];
    }
}

void alarm_eval_limit_force(struct alarm_eval *eval, uint32_t tag, enum alarm_limit limit,
                            bool active) {
    struct eval_limit *it = limit_at(eval, tag, limit);
    if (!it->present || active == alarm_eval_limit_is_active(eval, tag, limit)) {
        return;
    }
    eval_timer_stop(eval, (uint32_t)(it - eval->limits));
    it->state = active ? ALARM_LIMIT_ACTIVE : ALARM_LIMIT_NORMAL;
    eval_changed(eval, tag);
    eval_quiet(eval, tag);
}

void alarm_eval_gateway_force(struct alarm_eval *eval, uint32_t gateway, bool stale) {
    ENSURE(gateway < eval->gateway_count);
    if (eval->gateways[gateway].stale != stale) {
        eval->gateways[gateway].stale = stale;
        eval_changed(eval, eval->tag_count + gateway);
    }
}
