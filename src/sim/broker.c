// The broker: it loses, repeats, delays, forgets and lies, and never tells.
#include "world_priv.h"

#include <stdlib.h>
#include <string.h>

#define LATE_MS 259200000 // 72 h

static void trace(struct world *world, struct slice frame) {
    uint64_t hash = world->result->trace;
    for (size_t i = 0; i < frame.len; i += 7) {
        hash = (hash ^ frame.data[i]) * UINT64_C(0x100000001B3);
    }
    world->result->trace = hash * 31 + frame.len;
}

static bool put(struct flying *slot, uint8_t to, const char *account, struct slice frame) {
    slot->bytes = malloc(frame.len + 1);
    if (!slot->bytes) {
        return false;
    }
    memcpy(slot->bytes, frame.data, frame.len);
    slot->len = frame.len;
    slot->to = to;
    memcpy(slot->account, account, strnlen(account, sizeof slot->account - 1) + 1);
    return true;
}

static int64_t delay(struct world *world) {
    int64_t ms = 5 + sim_below(&world->random, 40);
    if (world->healed) {
        return ms;
    }
    if (world_has(world, SIM_REORDER) && sim_chance(&world->random, world->slow)) {
        ms = sim_below(&world->random, 20000);
    }
    if (world_has(world, SIM_LATE) && sim_chance(&world->random, 10)) {
        ms = sim_below(&world->random, LATE_MS);
    }
    return ms;
}

static void fly(struct world *world, uint8_t to, const char *account, struct slice frame) {
    uint32_t most =
        world_has(world, SIM_BACKLOG) && !world->healed ? SIM_BACKLOG_MAX : SIM_FLIGHT_MAX;
    for (uint32_t i = 0; i < SIM_FLIGHT_MAX && world->flight_count < most; i++) {
        struct flying *slot = &world->flight[i];
        if (slot->bytes || !put(slot, to, account, frame)) {
            continue;
        }
        slot->due_ms = world->now_ms + delay(world);
        slot->order = world->flight_order++;
        world->flight_count++;
        world->flight_end = i >= world->flight_end ? i + 1 : world->flight_end;
        return;
    }
    world->result->lost++; // a queue limit: dropped after the receipt
}

// What a lying broker may send once more, at any time.
static void remember(struct world *world, uint8_t to, const char *account, struct slice frame) {
    if (world_has(world, SIM_LYING) && !world->healed && sim_chance(&world->random, 50)) {
        struct flying *slot = &world->old[world->old_count++ % SIM_OLD_MAX];
        free(slot->bytes);
        (void)put(slot, to, account, frame);
    }
}

void broker_send(struct world *world, uint8_t to, const char *account, struct slice frame) {
    trace(world, frame);
    world->result->messages++;
    remember(world, to, account, frame);
    bool loses = world_has(world, SIM_LOSS) && sim_chance(&world->random, world->loss);
    bool lies = world->now_ms < world->lying_until_ms;
    if (!world->healed && (world->cut_off || lies || loses)) {
        world->result->lost++;
        return;
    }
    fly(world, to, account, frame);
    if (!world->healed && world_has(world, SIM_REPEAT) &&
        sim_chance(&world->random, world->repeat)) {
        fly(world, to, account, frame);
    }
}

void broker_replay(struct world *world) {
    uint32_t count = world->old_count < SIM_OLD_MAX ? world->old_count : SIM_OLD_MAX;
    if (count > 0) {
        const struct flying *old = &world->old[sim_below(&world->random, count)];
        if (old->bytes) {
            fly(world, old->to, old->account, slice_of(old->bytes, old->len));
        }
    }
}

static void drop(struct world *world, struct flying *slot) {
    free(slot->bytes);
    slot->bytes = NULL;
    world->flight_count--;
    while (world->flight_end > 0 && !world->flight[world->flight_end - 1].bytes) {
        world->flight_end--;
    }
}

static void deliver(struct world *world, struct flying *slot) {
    struct slice frame = slice_of(slot->bytes, slot->len);
    if (slot->to == SIM_TO_HUB) {
        if (world->hub && hub_receive(world->hub, slot->account, frame) != RC_OK) {
            world->result->lost++;
        }
    } else {
        node_receive(&world->nodes[slot->to], frame);
    }
    drop(world, slot);
}

void broker_deliver(struct world *world) {
    for (;;) {
        struct flying *next = NULL;
        for (uint32_t i = 0; i < world->flight_end; i++) {
            struct flying *slot = &world->flight[i];
            if (slot->bytes && slot->due_ms <= world->now_ms &&
                (!next || slot->due_ms < next->due_ms ||
                 (slot->due_ms == next->due_ms && slot->order < next->order))) {
                next = slot;
            }
        }
        if (!next) {
            return;
        }
        deliver(world, next);
    }
}

void broker_forget(struct world *world) {
    for (uint32_t i = world->flight_end; i-- > 0;) {
        if (world->flight[i].bytes) {
            drop(world, &world->flight[i]);
            world->result->lost++;
        }
    }
}

void broker_free(struct world *world) {
    for (uint32_t i = 0; world->flight && i < SIM_FLIGHT_MAX; i++) {
        free(world->flight[i].bytes);
    }
    for (uint32_t i = 0; i < SIM_OLD_MAX; i++) {
        free(world->old[i].bytes);
    }
    free(world->flight);
}
