#include "bell_priv.h"

#include <stdlib.h>
#include <string.h>

static int compare_ids(const void *a, const void *b) {
    return memcmp(a, b, sizeof(struct id16));
}

static bool is_silenced(const struct bell *bell, struct id16 id) {
    return bell->count > 0 &&
           bsearch(&id, bell->silenced, bell->count, sizeof id, compare_ids) != NULL;
}

static bool would_ring(const struct alarm_row *row, uint8_t priority_max) {
    return !row->state.acked && row->state.priority <= priority_max;
}

void bell_fini(struct bell *bell) {
    free(bell->silenced);
    *bell = (struct bell){0};
}

void bell_see(struct bell *bell, const struct alarm_row *rows, uint32_t count,
              uint8_t priority_max) {
    bell->due_alarms = false;
    bell->has_silence = false;
    for (uint32_t i = 0; i < count; i++) {
        if (would_ring(&rows[i], priority_max)) {
            bool silenced = is_silenced(bell, rows[i].subject.id);
            bell->has_silence = bell->has_silence || silenced;
            bell->due_alarms = bell->due_alarms || !silenced;
        }
    }
    if (!bell->has_silence) {
        bell->count = 0;
    }
}

enum rc bell_silence(struct bell *bell, const struct alarm_row *rows, uint32_t count,
                     uint8_t priority_max) {
    if (count > bell->room) {
        struct id16 *grown = realloc(bell->silenced, count * sizeof *grown);
        if (grown == NULL) {
            return RC_NO_MEMORY;
        }
        bell->silenced = grown;
        bell->room = count;
    }
    bell->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (would_ring(&rows[i], priority_max)) {
            bell->silenced[bell->count++] = rows[i].subject.id;
        }
    }
    if (bell->count > 0) {
        qsort(bell->silenced, bell->count, sizeof(struct id16), compare_ids);
    }
    bell_see(bell, rows, count, priority_max);
    return RC_OK;
}

bool bell_ring(struct bell *bell, struct mono_ms now) {
    if (bell_wait_ms(bell, now) != 0) {
        return false;
    }
    bell->rung = true;
    bell->rung_ms = now.v;
    return true;
}

int bell_wait_ms(const struct bell *bell, struct mono_ms now) {
    if (!bell->due_alarms) {
        return -1;
    }
    int64_t since = now.v - bell->rung_ms;
    return !bell->rung || since >= BELL_MIN_MS || since < 0 ? 0 : (int)(BELL_MIN_MS - since);
}
