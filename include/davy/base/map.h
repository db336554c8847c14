// A bounded hash map from byte keys (fixed length or text) to uint32 values (indexes into the
// caller's table). Open addressing; keys are copied into the map. Insertion fails with RC_FULL at
// the maximum given at init; nothing is ever evicted. The hash is keyed by a seed given at init, so
// that hostile names cannot be aimed at one bucket.
#ifndef DAVY_BASE_MAP_H
#define DAVY_BASE_MAP_H

#include "davy/base/bytes.h"

struct map;

// Owns its memory. RC_NO_MEMORY.
DAVY_MUST_USE enum rc map_new(uint32_t count_max, uint64_t seed, struct map **out_map);
void map_free(struct map *map);
// RC_EXISTS leaves the map as it was.
DAVY_MUST_USE enum rc map_put(struct map *map, struct slice key, uint32_t value);
// Replaces or inserts.
DAVY_MUST_USE enum rc map_set(struct map *map, struct slice key, uint32_t value);
bool map_get(const struct map *map, struct slice key, uint32_t *out_value);
bool map_remove(struct map *map, struct slice key);
uint32_t map_count(const struct map *map);
void map_clear(struct map *map);

#endif
