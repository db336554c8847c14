#include "davy/base/map.h"

#include "davy/base/ensure.h"
#include "test_util.h"

#define MODEL_KEYS 400

static struct map *map_made(uint32_t count_max) {
    struct map *map = NULL;
    assert_int_equal(map_new(count_max, 42, &map), RC_OK);
    return map;
}

static void keys_are_found_again(void **state) {
    (void)state;
    struct map *map = map_made(10);
    uint32_t value = 99;
    assert_false(map_get(map, slice_text("T-101"), &value));
    assert_int_equal(value, 99);
    char name[] = "T-101";
    assert_int_equal(map_put(map, slice_text(name), 1), RC_OK);
    name[0] = 'X'; // the map has a copy
    assert_int_equal(map_put(map, slice_text("T-101"), 2), RC_EXISTS);
    assert_true(map_get(map, slice_text("T-101"), &value));
    assert_int_equal(value, 1);
    assert_int_equal(map_set(map, slice_text("T-101"), 3), RC_OK);
    assert_true(map_get(map, slice_text("T-101"), &value));
    assert_int_equal(value, 3);
    assert_int_equal(map_count(map), 1);
    assert_true(map_remove(map, slice_text("T-101")));
    assert_false(map_remove(map, slice_text("T-101")));
    assert_int_equal(map_count(map), 0);
    map_free(map);
    map_free(NULL);
}

static void keys_of_any_length_differ(void **state) {
    (void)state;
    struct map *map = map_made(100);
    uint8_t zeros[64] = {0};
    for (uint32_t len = 0; len < 64; len++) {
        assert_int_equal(map_put(map, slice_of(zeros, len), len), RC_OK);
    }
    for (uint32_t len = 0; len < 64; len++) {
        uint32_t value = 99;
        assert_true(map_get(map, slice_of(zeros, len), &value));
        assert_int_equal(value, len);
    }
    map_free(map);
}

static void full_map_refuses_and_evicts_nothing(void **state) {
    (void)state;
    struct map *map = map_made(3);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(map_put(map, slice_of(&i, sizeof(i)), i), RC_OK);
    }
    uint32_t fourth = 3;
    assert_int_equal(map_put(map, slice_of(&fourth, sizeof(fourth)), 3), RC_FULL);
    assert_int_equal(map_set(map, slice_of(&fourth, sizeof(fourth)), 3), RC_FULL);
    uint32_t first = 0;
    assert_int_equal(map_put(map, slice_of(&first, sizeof(first)), 9), RC_EXISTS);
    assert_int_equal(map_set(map, slice_of(&first, sizeof(first)), 9), RC_OK);
    assert_int_equal(map_count(map), 3);
    assert_true(map_remove(map, slice_of(&first, sizeof(first))));
    assert_int_equal(map_put(map, slice_of(&fourth, sizeof(fourth)), 3), RC_OK);
    map_clear(map);
    assert_int_equal(map_count(map), 0);
    assert_false(map_get(map, slice_of(&fourth, sizeof(fourth)), &first));
    assert_int_equal(map_put(map, slice_of(&fourth, sizeof(fourth)), 3), RC_OK);
    map_free(map);
}

// Puts and removes at random beside a plain table; both must always agree.
static void random_steps_agree_with_a_plain_table(void **state) {
    (void)state;
    struct map *map = map_made(MODEL_KEYS);
    int64_t model[MODEL_KEYS];
    memset(model, 0xFF, sizeof(model));
    uint64_t seed = 7;
    uint32_t count = 0;
    for (uint32_t step = 0; step < 40000; step++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint32_t key = (uint32_t)(seed >> 33) % MODEL_KEYS;
        char name[40];
        snprintf(name, sizeof(name), key % 2 == 0 ? "k%u" : "a key that is longer than a slot %u",
                 key);
        struct slice slice = slice_text(name);
        if ((seed >> 60) < 7) {
            assert_int_equal(map_remove(map, slice), model[key] >= 0);
            count -= model[key] >= 0 ? 1 : 0;
            model[key] = -1;
        } else {
            assert_int_equal(map_put(map, slice, step), model[key] >= 0 ? RC_EXISTS : RC_OK);
            count += model[key] < 0 ? 1 : 0;
            model[key] = model[key] < 0 ? (int64_t)step : model[key];
        }
        uint32_t value = 0;
        assert_int_equal(map_get(map, slice, &value), model[key] >= 0);
        assert_true(model[key] < 0 || model[key] == (int64_t)value);
        assert_int_equal(map_count(map), count);
    }
    map_free(map);
}

int main(void) {
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_found_again),
        cmocka_unit_test(keys_of_any_length_differ),
        cmocka_unit_test(full_map_refuses_and_evicts_nothing),
        cmocka_unit_test(random_steps_agree_with_a_plain_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
