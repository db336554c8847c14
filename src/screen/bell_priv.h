// When the console rings: for an unacknowledged alarm at or above the set priority that nobody has
// silenced, at most once in BELL_MIN_MS, again and again until it is acknowledged or silenced.
//
// Silencing names the alarms that are there now; a new occurrence rings again, the return of an old
// one does not. Pure.
#ifndef SCREEN_BELL_PRIV_H
#define SCREEN_BELL_PRIV_H

#include "davy/app/app.h"

#define BELL_MIN_MS 10000

struct bell {
    struct id16 *silenced; // ascending; owned
    uint32_t count, room;
    bool due_alarms;  // an alarm is there that should be heard
    bool has_silence; // an alarm is there that is silenced
    bool rung;
    int64_t rung_ms;
};
void bell_fini(struct bell *bell);
// What is unacknowledged now; priority_max 0: never ring. Forgets silenced alarms that are gone.
void bell_see(struct bell *bell, const struct alarm_row *rows, uint32_t count,
              uint8_t priority_max);
// Silences everything in rows that would ring. RC_NO_MEMORY: nothing is silenced.
DAVY_MUST_USE enum rc bell_silence(struct bell *bell, const struct alarm_row *rows, uint32_t count,
                                   uint8_t priority_max);
// True: ring now (and remembers it).
bool bell_ring(struct bell *bell, struct mono_ms now);
// Milliseconds until bell_ring() may be true; -1: not by itself.
int bell_wait_ms(const struct bell *bell, struct mono_ms now);

#endif
