// How much bulk may be in flight, so that an urgent message waits little and a line is still full.
//
// Everything is measured by the other side's own acknowledgements. The least round trip, seen when
// a piece travels alone, is the line's; what later ones take longer is the queue in front of an
// alarm. The window grows while that queue is short and shrinks when it is long (as LEDBAT, RFC
// 6817, does), within two bounds: max(2 * rate * round trip, 2 KB), and what the line takes in a
// round trip and one second. Now and then the line is left to drain, so that a queue that always
// stands is not taken for the line.
// A piece is as long as the line needs for a quarter of a second.
#ifndef DAVY_SYNC_PACE_PRIV_H
#define DAVY_SYNC_PACE_PRIV_H

#include "davy/base/id.h"
#include <stdbool.h>

#define PACE_FLOOR_BYTES 2048
#define PACE_UNIT_BYTES 256

struct pace {
    uint32_t window; // bytes
    uint32_t in_flight;
    uint32_t base_ms;  // the line's own round trip; 0: not measured
    uint32_t rtt_ms;   // smoothed
    uint32_t rates[2]; // highest of this and the last period, bytes a second
    struct mono_ms rates_at;
    uint64_t delivered;
    struct mono_ms delivered_at;
    struct mono_ms first_sent; // of what was delivered last
    struct mono_ms alone_at;   // when a piece last travelled alone
    struct mono_ms cut_at;
    bool growing; // doubles each round trip, until a queue shows
    uint8_t expired;
};
// What a piece in flight remembers of the moment when it left.
struct pace_mark {
    uint32_t bytes;
    bool alone;
    uint64_t delivered;
    struct mono_ms sent_at, delivered_at, first_sent;
};

void pace_start(struct pace *pace);
uint32_t pace_rate(const struct pace *pace); // bytes a second; 0: not measured
// Bytes that may be in flight now.
uint32_t pace_limit(const struct pace *pace, struct mono_ms now);
bool pace_may_send(const struct pace *pace, uint32_t bytes, struct mono_ms now);
// How long a piece should be: a multiple of PACE_UNIT_BYTES.
uint32_t pace_piece(const struct pace *pace);
void pace_sent(struct pace *pace, uint32_t bytes, struct mono_ms now, struct pace_mark *out_mark);
// It arrived. `timed`: the acknowledgement is the answer to this very piece.
void pace_acked(struct pace *pace, const struct pace_mark *mark, bool timed, struct mono_ms now);
// It did not, but later ones did.
void pace_lost(struct pace *pace, const struct pace_mark *mark, struct mono_ms now);
// Nothing came back for pace_retry_ms: what was in flight counts as lost.
void pace_expire(struct pace *pace, struct mono_ms now);
// The other side lives, whatever it says: the next wait is not longer than the last.
void pace_heard(struct pace *pace);
uint32_t pace_retry_ms(const struct pace *pace);

#endif
