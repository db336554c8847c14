// The evaluator's memory, shared by evaluation (eval.c) and saved state (eval_state.c).
#ifndef DAVY_DOMAIN_ALARM_EVAL_PRIV_H
#define DAVY_DOMAIN_ALARM_EVAL_PRIV_H

#include "davy/domain/alarm/eval.h"

#define LIMITS_A_TAG 4 // slot 0 is HH, 3 is LL
#define NO_PLACE UINT32_MAX

// One limit of one tag. A timer runs if `place` is one; held, it keeps what is left of it.
struct eval_limit {
    double trip;
    double clear;
    int64_t due_ms; // boot clock while the timer runs, what is left while it is held
    uint32_t on_ms;
    uint32_t off_ms;
    uint32_t place; // in the list of running timers
    uint8_t state;  // enum alarm_limit_state
    bool present;
};

struct eval_gateway {
    const char *name;
    uint32_t stale_ms;
    int64_t heard_ms; // boot clock
    bool stale;
};

// Arrays by tag, so that a quiet reading touches little memory.
struct alarm_eval {
    uint32_t tag_count;
    uint32_t gateway_count;
    double *quiet_lo; // a good value within changes nothing; empty while the tag is unknown
    double *quiet_hi;
    double *last;
    int64_t *newest_ms; // INT64_MIN: no live reading yet
    uint32_t *gateway_of;
    bool *known;
    const char **names;
    struct eval_limit *limits; // LIMITS_A_TAG each
    struct eval_gateway *gateways;
    uint32_t *running; // limits whose timer runs
    uint32_t running_count;
    int64_t next_due_ms; // no running timer is due earlier
    uint32_t *changed;   // tags, then tag_count + gateway
    uint32_t changed_count;
    bool *is_changed;
    struct eval_due *due; // scratch of a tick
};

struct eval_due {
    int64_t due_ms;
    uint32_t index; // limit, or (limit count + gateway)
};

bool eval_slot_is_high(uint32_t slot);
void eval_changed(struct alarm_eval *eval, uint32_t item);
void eval_timer_run(struct alarm_eval *eval, uint32_t limit, int64_t due_ms);
// Stops a running timer and keeps what is left of it at `at_ms`.
void eval_timer_hold(struct alarm_eval *eval, uint32_t limit, int64_t at_ms);
void eval_timer_stop(struct alarm_eval *eval, uint32_t limit);
// Recomputes the interval in which nothing can change.
void eval_quiet(struct alarm_eval *eval, uint32_t tag);

#endif
