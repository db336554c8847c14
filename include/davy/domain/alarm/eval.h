// The alarm evaluator: readings and time in, activations and returns out. Pure: no clock, no I/O.
//
// Comparison (printed in the help):
//   HH, H   activate when value >  limit, clear when value <= limit - deadband
//   LL, L   activate when value <  limit, clear when value >= limit + deadband
// A value equal to the limit does not activate; a value equal to the clear point does clear. Each
// limit stands for itself: HH active leaves H active.
//
//               NORMAL       ON_DELAY       ACTIVE        OFF_DELAY
//   unknown     stays        timer held     stays         timer held
//   clear       stays        -> NORMAL      -> OFF_DELAY  timer runs
//   between     stays        -> NORMAL      stays         -> ACTIVE
//   beyond      -> ON_DELAY  timer runs     stays         -> ACTIVE
// A timer that runs out leads ON_DELAY -> ACTIVE (event ACTIVATE) and OFF_DELAY -> NORMAL (event
// RETURN); a delay of 0 leads there at once. "Between" lies between limit and clear point.
//
// Unknown is never normal. A bad reading, a value that is not a number, or a stale gateway makes a
// tag unknown until its next good reading. An uncertain reading counts only if it lies beyond a
// limit; for every other limit it is unknown.
//
// A gateway that is silent for longer than stale_ms is an alarm of its own; it returns with the
// next live reading of one of its tags, of any quality. Readings older than the newest of their
// tag, or flagged as historical, are for history only: they neither raise, clear nor count as life.
//
// Timers run on moment.mono, without new data, through alarm_eval_tick; an offline replay passes
// the data's own time in both clocks. Saved state keeps the time that was left. A tag that was
// known when it was saved stays known: a source that sends on change only must not lose its timer.
//
// Occurrences are not numbered here. Index order is the configuration's; within one reading events
// come in the order HH, H, L, LL. A quiet reading costs one compare with the interval within which
// nothing can change.
#ifndef DAVY_DOMAIN_ALARM_EVAL_H
#define DAVY_DOMAIN_ALARM_EVAL_H

#include "davy/base/bytes.h"
#include "davy/base/id.h"
#include "davy/base/limits.h"
#include "davy/domain/alarm/alarm.h"

#define ALARM_EVAL_NO_GATEWAY UINT32_MAX
#define ALARM_EVAL_NEVER INT64_MAX // no timer is running
// Largest saved state of one tag or gateway, without its name.
#define ALARM_EVAL_ITEM_BYTES 96
#define ALARM_EVAL_STATE_BYTES (8 * 1024 * 1024)

// Arrays over limits are indexed by enum alarm_limit, ALARM_HH .. ALARM_LL; element 0 is unused.
#define ALARM_EVAL_LIMITS 5

enum alarm_limit_state {
    ALARM_LIMIT_NORMAL,
    ALARM_LIMIT_ON_DELAY,
    ALARM_LIMIT_ACTIVE,
    ALARM_LIMIT_OFF_DELAY, // still active for everybody else
    ALARM_LIMIT_STATE_COUNT
};

enum alarm_quality { ALARM_QUALITY_GOOD, ALARM_QUALITY_UNCERTAIN, ALARM_QUALITY_BAD };

struct alarm_eval_limit {
    bool present;
    double value;
    double deadband; // >= 0
    uint32_t on_delay_ms;
    uint32_t off_delay_ms;
};

struct alarm_eval_tag {
    const char *name; // borrowed while the evaluator lives; key of the saved state
    uint32_t gateway; // index or ALARM_EVAL_NO_GATEWAY
    struct alarm_eval_limit limits[ALARM_EVAL_LIMITS];
};

struct alarm_eval_gateway {
    const char *name; // borrowed
    uint32_t stale_ms;
};

// The tables are copied except for the names.
struct alarm_eval_config {
    const struct alarm_eval_tag *tags;
    const struct alarm_eval_gateway *gateways;
    uint32_t tag_count;     // at most LIMIT_SITE_TAGS
    uint32_t gateway_count; // at most LIMIT_SITE_GATEWAYS
};

struct alarm_reading {
    uint32_t tag;
    double value;
    struct utc_ms time; // of the value; the receive time if the source gives none
    enum alarm_quality quality;
    bool historical; // buffered or retained by the source: history only
};

enum alarm_event_kind { ALARM_EVENT_ACTIVATE, ALARM_EVENT_RETURN };
enum alarm_event_source { ALARM_SOURCE_TAG, ALARM_SOURCE_GATEWAY };

struct alarm_event {
    enum alarm_event_kind kind;
    enum alarm_event_source source;
    uint32_t index;         // tag or gateway
    enum alarm_limit limit; // ALARM_STALE for a gateway
    double value;           // last value that is known; seconds of silence for a gateway
    double limit_value;     // the limit; stale seconds for a gateway
    struct utc_ms time;     // of the reading; of the timer's end where no reading caused it
};

// Called for every event, in order. Must not call the evaluator.
struct alarm_sink {
    void (*emit)(void *context, const struct alarm_event *event);
    void *context;
};

enum alarm_reading_use {
    ALARM_USED,         // live: evaluated
    ALARM_USED_UNKNOWN, // live, but its quality makes the tag unknown
    ALARM_HISTORY_ONLY  // older than the newest of its tag, or flagged
};

struct alarm_eval;

// RC_INVALID for a limit that is not finite, a negative deadband, an index out of range or a delay
// above LIMIT_ALARM_DELAY_S; RC_TOO_LARGE; RC_NO_MEMORY. Silence of gateways counts from now.
DAVY_MUST_USE enum rc alarm_eval_new(const struct alarm_eval_config *config, struct moment now,
                                     struct alarm_eval **out_eval);
void alarm_eval_free(struct alarm_eval *eval);

// Evaluates one reading; reading.tag must be below tag_count.
enum alarm_reading_use alarm_eval_reading(struct alarm_eval *eval,
                                          const struct alarm_reading *reading, struct moment now,
                                          const struct alarm_sink *sink);
// Lets timers run out and gateways go stale; events come in the order of their times. Returns when
// it has to be called again at the latest, ALARM_EVAL_NEVER if never. Readings that are at hand go
// first, so that a pause of the hub itself is not taken for the silence of its sources.
struct mono_ms alarm_eval_tick(struct alarm_eval *eval, struct moment now,
                               const struct alarm_sink *sink);
// A message of the gateway that holds no reading of a live tag (a heartbeat) counts as life, too.
void alarm_eval_gateway_alive(struct alarm_eval *eval, uint32_t gateway, struct moment now,
                              const struct alarm_sink *sink);

enum alarm_limit_state alarm_eval_limit_state(const struct alarm_eval *eval, uint32_t tag,
                                              enum alarm_limit limit);
bool alarm_eval_limit_is_active(const struct alarm_eval *eval, uint32_t tag,
                                enum alarm_limit limit); // ACTIVE or OFF_DELAY
bool alarm_eval_gateway_is_stale(const struct alarm_eval *eval, uint32_t gateway);
// False: no reading yet, not good, or behind a stale gateway. The last value is then only a memory.
bool alarm_eval_tag_is_known(const struct alarm_eval *eval, uint32_t tag);
// False if the tag has had no live reading.
bool alarm_eval_tag_last(const struct alarm_eval *eval, uint32_t tag, double *out_value,
                         struct utc_ms *out_time);
// What history knows of a tag after a restart: raises the newest time, never lowers it.
void alarm_eval_tag_seen(struct alarm_eval *eval, uint32_t tag, double value, struct utc_ms time);
// The occurrence ended by other means (the log holds a return that the saved state missed, or an
// active occurrence that it missed): sets the limit without an event.
void alarm_eval_limit_force(struct alarm_eval *eval, uint32_t tag, enum alarm_limit limit,
                            bool active);
void alarm_eval_gateway_force(struct alarm_eval *eval, uint32_t gateway, bool stale);

// Saved state. An item is one tag or gateway: what is to be stored under its name. Strict decoding:
// RC_INVALID or RC_TRUNCATED changes nothing.
struct alarm_eval_item {
    enum alarm_event_source source;
    uint32_t index;
};
// The next item whose limit or gateway state changed since it was last asked for; false when none
// is left. Values and newest times alone do not count: history holds them (alarm_eval_tag_seen).
bool alarm_eval_changed_next(struct alarm_eval *eval, struct alarm_eval_item *out_item);
void alarm_eval_item_encode(const struct alarm_eval *eval, struct alarm_eval_item item,
                            struct moment now, struct buf *out);
DAVY_MUST_USE enum rc alarm_eval_item_decode(struct alarm_eval *eval, struct alarm_eval_item item,
                                             struct slice bytes, struct moment now);
// All items with their names in one block of at most ALARM_EVAL_STATE_BYTES. Decoding skips names
// that the configuration no longer has and counts them.
DAVY_MUST_USE enum rc alarm_eval_encode(const struct alarm_eval *eval, struct moment now,
                                        struct buf *out);
DAVY_MUST_USE enum rc alarm_eval_decode(struct alarm_eval *eval, struct slice bytes,
                                        struct moment now, uint32_t *out_skipped);

#endif
