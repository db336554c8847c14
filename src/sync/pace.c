#include "pace_priv.h"

#include "davy/base/limits.h"

#include <string.h>

#define RATE_PERIOD_MS 5000
#define DRAIN_EVERY_MS 30000
#define QUEUE_MS_MIN 40 // a target below the jitter of a busy hub would only starve the line
#define QUEUE_MS_MAX 200
#define AHEAD_MS 1000 // of link time, never more in front of an urgent message
#define RETRY_MS_MIN 1000
#define RETRY_MS_MAX 60000
#define PIECE_PER_S 4

void pace_start(struct pace *pace) {
    memset(pace, 0, sizeof *pace);
    pace->window = PACE_FLOOR_BYTES;
    pace->growing = true;
}

uint32_t pace_rate(const struct pace *pace) {
    return pace->rates[0] > pace->rates[1] ? pace->rates[0] : pace->rates[1];
}

static uint32_t queue_target_ms(const struct pace *pace) {
    uint32_t target = pace->base_ms / 4;
    target = target > QUEUE_MS_MIN ? target : QUEUE_MS_MIN;
    return target < QUEUE_MS_MAX ? target : QUEUE_MS_MAX;
}

uint32_t pace_limit(const struct pace *pace, struct mono_ms now) {
    uint64_t limit = pace->window < LIMIT_WINDOW_BYTES ? pace->window : LIMIT_WINDOW_BYTES;
    uint64_t rate = pace_rate(pace);
    if (pace->base_ms > 0 && now.v - pace->alone_at.v >= DRAIN_EVERY_MS) {
        return 0; // one alone
    }
    if (rate > 0 && pace->base_ms > 0) {
        uint64_t twice = 2 * rate * pace->base_ms / 1000;
        uint64_t ahead = rate * (pace->base_ms + AHEAD_MS) / 1000;
        twice = twice > PACE_FLOOR_BYTES ? twice : PACE_FLOOR_BYTES;
        limit = limit < twice ? limit : twice;
        limit = limit < ahead ? limit : ahead;
    }
    return (uint32_t)limit;
}

bool pace_may_send(const struct pace *pace, uint32_t bytes, struct mono_ms now) {
    return pace->in_flight == 0 || pace->in_flight + bytes <= pace_limit(pace, now);
}

uint32_t pace_piece(const struct pace *pace) {
    uint32_t rate = pace_rate(pace);
    if (rate == 0) {
        return PACE_FLOOR_BYTES;
    }
    uint32_t piece = rate / PIECE_PER_S / PACE_UNIT_BYTES * PACE_UNIT_BYTES;
    uint32_t window = pace->window / PACE_UNIT_BYTES * PACE_UNIT_BYTES;
    piece = piece < window ? piece : window;
    piece = piece > PACE_UNIT_BYTES ? piece : PACE_UNIT_BYTES;
    return piece < LIMIT_BLOB_CHUNK_BYTES ? piece : LIMIT_BLOB_CHUNK_BYTES;
}

void pace_sent(struct pace *pace, uint32_t bytes, struct mono_ms now, struct pace_mark *out_mark) {
    bool alone = pace->in_flight == 0;
    if (alone) {
        pace->delivered_at = now;
        pace->first_sent = now;
    }
    *out_mark = (struct pace_mark){.bytes = bytes,
                                   .alone = alone,
                                   .delivered = pace->delivered,
                                   .sent_at = now,
                                   .delivered_at = pace->delivered_at,
                                   .first_sent = pace->first_sent};
    pace->in_flight += bytes;
}

static int64_t longer(int64_t a, int64_t b) {
    return a > b ? a : b;
}

// Delivered since it left, over the longer one of the times of sending and of acknowledging: two
// acknowledgements that came at once say nothing.
static void rate_sample(struct pace *pace, const struct pace_mark *mark, struct mono_ms now) {
    int64_t ms = longer(now.v - mark->delivered_at.v, mark->sent_at.v - mark->first_sent.v);
    if (ms <= 0 || ms < (int64_t)pace->base_ms) {
        return;
    }
    uint64_t rate = (pace->delivered - mark->delivered) * 1000 / (uint64_t)ms;
    if (now.v - pace->rates_at.v >= RATE_PERIOD_MS) {
        pace->rates[1] = pace->rates[0];
        pace->rates[0] = 0;
        pace->rates_at = now;
    }
    uint32_t sample = rate < UINT32_MAX ? (uint32_t)rate : UINT32_MAX;
    pace->rates[0] = sample > pace->rates[0] ? sample : pace->rates[0];
}

// By how far the queue is from its target, at most one piece a round trip.
static void window_steer(struct pace *pace, uint32_t bytes, uint32_t queue_ms) {
    uint32_t target = queue_target_ms(pace);
    if (pace->growing && queue_ms <= target) {
        pace->window += bytes;
    } else {
        pace->growing = false;
        int64_t off = (int64_t)target - (int64_t)queue_ms;
        off = off < -(int64_t)target ? -(int64_t)target : off;
        int64_t step = off * bytes / target * PACE_FLOOR_BYTES / pace->window;
        int64_t window = (int64_t)pace->window + step;
        pace->window = window > PACE_UNIT_BYTES ? (uint32_t)window : PACE_UNIT_BYTES;
    }
    pace->window = pace->window < LIMIT_WINDOW_BYTES ? pace->window : LIMIT_WINDOW_BYTES;
}

static void round_trip(struct pace *pace, const struct pace_mark *mark, struct mono_ms now) {
    int64_t ms = now.v - mark->sent_at.v;
    uint32_t rtt = ms < 1 ? 1 : ms > RETRY_MS_MAX ? RETRY_MS_MAX : (uint32_t)ms;
    pace->rtt_ms = pace->rtt_ms ? (pace->rtt_ms * 7 + rtt) / 8 : rtt;
    if (mark->alone) {
        pace->alone_at = now;
    }
    if (mark->alone || pace->base_ms == 0 || rtt < pace->base_ms) {
        pace->base_ms = rtt;
    }
    // A window that was not used says nothing about a larger one.
    bool used = pace->in_flight + 2 * mark->bytes >= pace->window;
    if (used || rtt > pace->base_ms + queue_target_ms(pace)) {
        window_steer(pace, mark->bytes, rtt - pace->base_ms);
    }
}

void pace_acked(struct pace *pace, const struct pace_mark *mark, bool timed, struct mono_ms now) {
    pace->expired = 0;
    pace->delivered += mark->bytes;
    pace->delivered_at = now;
    pace->first_sent = mark->sent_at;
    if (timed) {
        round_trip(pace, mark, now);
    } else if (pace->growing) {
        pace->window += mark->bytes;
    }
    rate_sample(pace, mark, now);
    pace->in_flight -= mark->bytes < pace->in_flight ? mark->bytes : pace->in_flight;
}

void pace_lost(struct pace *pace, const struct pace_mark *mark, struct mono_ms now) {
    pace->in_flight -= mark->bytes < pace->in_flight ? mark->bytes : pace->in_flight;
    pace->growing = false;
    if (now.v - pace->cut_at.v >= (int64_t)pace->rtt_ms) {
        pace->cut_at = now;
        pace->window = pace->window / 2 > PACE_FLOOR_BYTES ? pace->window / 2 : PACE_FLOOR_BYTES;
    }
}

void pace_expire(struct pace *pace, struct mono_ms now) {
    pace->in_flight = 0;
    pace->window = PACE_FLOOR_BYTES;
    pace->growing = true;
    pace->cut_at = now;
    if (pace->expired < UINT8_MAX) {
        pace->expired++;
    }
}

void pace_heard(struct pace *pace) {
    pace->expired = 0;
}

uint32_t pace_retry_ms(const struct pace *pace) {
    uint64_t wait = 2 * (uint64_t)pace->rtt_ms + RETRY_MS_MIN;
    wait <<= pace->expired < 8 ? pace->expired : 8;
    return wait < RETRY_MS_MAX ? (uint32_t)wait : RETRY_MS_MAX;
}
