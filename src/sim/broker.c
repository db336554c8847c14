// The broker: it loses, repeats, delays and forgets, and never tells.
#include "world_priv.h"

#include <stdlib.h>
#include <string.h>

static void trace(struct world *world, struct slice frame) {
    uint64_t hash = world->result->trace;
    for (size_t i = 0; i < frame.len; i += 7) {
        hash = (hash ^ frame.data[i]) * UINT64_C(0x100000001B3);
    }
    world->result->trace = hash * 31 + frame.len;
}

static void fly(struct world *world, uint8_t to, const char *account, struct slice frame) {
    for (uint32_t i = 0; i < SIM_FLIGHT_MAX; i++) {
        struct flying *slot = &world->flight[i];
        if (slot->used) {
            continue;
        }
        slot->bytes = malloc(frame.len + 1);
        if (!slot->bytes) {
            return;
        }
        memcpy(slot->bytes, frame.data, frame.len);
        slot->len = frame.len;
        slot->used = true;
        slot->to = to;
        memcpy(slot->account, account, strnlen(account, sizeof slot->account - 1) + 1);
        uint32_t delay = 5 + sim_below(&world->random, 40);
        if (!world->healed && sim_chance(&world->random, world->slow)) {
            delay = sim_below(&world->random, 20000);
        }
        slot->due_ms = world->now_ms + delay;
        return;
    }
    world->result->lost++; // a queue limit: dropped after the receipt
}

void broker_send(struct world *world, uint8_t to, const char *account, struct slice frame) {
    trace(world, frame);
    world->result->messages++;
    if (!world->healed && (world->cut_off || sim_chance(&world->random, world->loss))) {
        world->result->lost++;
        return;
    }
    fly(world, to, account, frame);
    if (!world->healed && sim_chance(&world->random, world->repeat)) {
        fly(world, to, account, frame);
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
    free(slot->bytes);
    slot->bytes = NULL;
    slot->used = false;
}

void broker_deliver(struct world *world) {
    for (;;) {
        struct flying *next = NULL;
        for (uint32_t i = 0; i < SIM_FLIGHT_MAX; i++) {
            struct flying *slot = &world->flight[i];
            if (slot->used && slot->due_ms <= world->now_ms &&
                (!next || slot->due_ms < next->due_ms)) {
                next = slot;
            }
        }
        if (!next) {
            return;
        }
        deliver(world, next);
    }
}

void broker_forget(struct world *world, uint32_t per_mille) {
    for (uint32_t i = 0; i < SIM_FLIGHT_MAX; i++) {
        struct flying *slot = &world->flight[i];
        if (slot->used && sim_chance(&world->random, per_mille)) {
            free(slot->bytes);
            slot->bytes = NULL;
            slot->used = false;
            world->result->lost++;
        }
    }
}

void broker_free(struct world *world) {
    for (uint32_t i = 0; i < SIM_FLIGHT_MAX; i++) {
        free(world->flight[i].bytes);
    }
}
