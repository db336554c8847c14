#include "davy/base/map.h"

#include "davy/base/ensure.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 16
#define INLINE_BYTES 16 // ids lie in the slot itself

struct slot {
    uint32_t hash;
    uint32_t len;
    uint32_t value;
    bool used;
    union {
        uint8_t inlined[INLINE_BYTES];
        uint8_t *owned;
    } key;
};

struct map {
    uint64_t seed[2];
    struct slot *slots;
    uint32_t mask; // slots - 1; slots are a power of two
    uint32_t count;
    uint32_t count_max;
};

static uint64_t rotate(uint64_t value, unsigned bits) {
    return value << bits | value >> (64 - bits);
}

static void sip_round(uint64_t v[4]) {
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

static uint64_t load_le(const uint8_t *bytes, size_t len) {
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++) {
        value |= (uint64_t)bytes[i] << (8 * i);
    }
    return value;
}

// SipHash-1-3: keyed, so that the bucket of a name cannot be known from outside.
static uint32_t map_hash(const struct map *map, struct slice key) {
    uint64_t v[4] = {map->seed[0] ^ 0x736f6d6570736575u, map->seed[1] ^ 0x646f72616e646f6du,
                     map->seed[0] ^ 0x6c7967656e657261u, map->seed[1] ^ 0x7465646279746573u};
    size_t whole = key.len - key.len % 8;
    for (size_t i = 0; i < whole; i += 8) {
        uint64_t word = load_le(key.data + i, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    uint64_t last = (uint64_t)key.len << 56;
    if (key.len > whole) {
        last |= load_le(key.data + whole, key.len - whole);
    }
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xFF;
    for (int i = 0; i < 3; i++) {
        sip_round(v);
    }
    uint64_t hash = v[0] ^ v[1] ^ v[2] ^ v[3];
    return (uint32_t)(hash ^ hash >> 32);
}

static const uint8_t *slot_key(const struct slot *slot) {
    return slot->len <= INLINE_BYTES ? slot->key.inlined : slot->key.owned;
}

static void slot_clear(struct slot *slot) {
    if (slot->used && slot->len > INLINE_BYTES) {
        free(slot->key.owned);
    }
    *slot = (struct slot){0};
}

// The slot that holds the key, or the free one where it belongs. There is always a free slot.
static uint32_t map_find(const struct map *map, struct slice key, uint32_t hash) {
    uint32_t index = hash & map->mask;
    while (map->slots[index].used) {
        const struct slot *slot = &map->slots[index];
        if (slot->hash == hash && slice_equal(slice_of(slot_key(slot), slot->len), key)) {
            break;
        }
        index = (index + 1) & map->mask;
    }
    return index;
}

enum rc map_new(uint32_t count_max, uint64_t seed, struct map **out_map) {
    struct map *map = calloc(1, sizeof(*map));
    struct slot *slots = calloc(SLOTS_FIRST, sizeof(*slots));
    if (map == NULL || slots == NULL) {
        free(map);
        free(slots);
        return RC_NO_MEMORY;
    }
    *map = (struct map){.seed = {seed, seed * 0x9E3779B97F4A7C15u + 1},
                        .slots = slots,
                        .mask = SLOTS_FIRST - 1,
                        .count_max = count_max};
    *out_map = map;
    return RC_OK;
}

void map_free(struct map *map) {
    if (map != NULL) {
        map_clear(map);
        free(map->slots);
        free(map);
    }
}

// Twice the slots, once three quarters are taken.
static enum rc map_grow(struct map *map) {
    size_t slots_old = (size_t)map->mask + 1;
    if (map->count + 1 <= slots_old / 4 * 3) {
        return RC_OK;
    }
    if (slots_old > UINT32_MAX / 2) {
        return RC_FULL;
    }
    struct slot *slots = calloc(slots_old * 2, sizeof(*slots));
    if (slots == NULL) {
        return RC_NO_MEMORY;
    }
    uint32_t mask = (uint32_t)(slots_old * 2 - 1);
    for (size_t i = 0; i < slots_old; i++) {
        if (map->slots[i].used) {
            uint32_t index = map->slots[i].hash & mask;
            while (slots[index].used) {
                index = (index + 1) & mask;
            }
            slots[index] = map->slots[i];
        }
    }
    free(map->slots);
    map->slots = slots;
    map->mask = mask;
    return RC_OK;
}

static enum rc slot_fill(struct slot *slot, struct slice key, uint32_t hash, uint32_t value) {
    struct slot filled = {.hash = hash, .len = (uint32_t)key.len, .value = value, .used = true};
    uint8_t *bytes = filled.key.inlined;
    if (key.len > INLINE_BYTES) {
        bytes = malloc(key.len);
        if (bytes == NULL) {
            return RC_NO_MEMORY;
        }
        filled.key.owned = bytes;
    }
    if (key.len > 0) {
        memcpy(bytes, key.data, key.len);
    }
    *slot = filled;
    return RC_OK;
}

static enum rc map_insert(struct map *map, struct slice key, uint32_t value, bool replace) {
    if (key.len > UINT32_MAX) {
        return RC_TOO_LARGE;
    }
    uint32_t hash = map_hash(map, key);
    struct slot *slot = &map->slots[map_find(map, key, hash)];
    if (slot->used) {
        slot->value = replace ? value : slot->value;
        return replace ? RC_OK : RC_EXISTS;
    }
    if (map->count >= map->count_max) {
        return RC_FULL;
    }
    enum rc rc = map_grow(map);
    if (rc != RC_OK) {
        return rc;
    }
    rc = slot_fill(&map->slots[map_find(map, key, hash)], key, hash, value);
    map->count += rc == RC_OK ? 1 : 0;
    return rc;
}

enum rc map_put(struct map *map, struct slice key, uint32_t value) {
    return map_insert(map, key, value, false);
}

enum rc map_set(struct map *map, struct slice key, uint32_t value) {
    return map_insert(map, key, value, true);
}

bool map_get(const struct map *map, struct slice key, uint32_t *out_value) {
    const struct slot *slot = &map->slots[map_find(map, key, map_hash(map, key))];
    if (slot->used) {
        *out_value = slot->value;
    }
    return slot->used;
}

bool map_remove(struct map *map, struct slice key) {
    uint32_t hole = map_find(map, key, map_hash(map, key));
    if (!map->slots[hole].used) {
        return false;
    }
    slot_clear(&map->slots[hole]);
    // Later slots of the run move up, unless they lie between their home and the hole.
    for (uint32_t i = (hole + 1) & map->mask; map->slots[i].used; i = (i + 1) & map->mask) {
        uint32_t home = map->slots[i].hash & map->mask;
        if (((i - home) & map->mask) >= ((i - hole) & map->mask)) {
            map->slots[hole] = map->slots[i];
            map->slots[i] = (struct slot){0};
            hole = i;
        }
    }
    ENSURE(map->count > 0);
    map->count--;
    return true;
}

uint32_t map_count(const struct map *map) {
    return map->count;
}

void map_clear(struct map *map) {
    for (size_t i = 0; i <= map->mask; i++) {
        slot_clear(&map->slots[i]);
    }
    map->count = 0;
}
