// The inbox of messages: order, wrapping, limits.
#include "test_util.h"

#include "link/inbox_priv.h"

static void order_and_content(void **state) {
    (void)state;
    struct inbox inbox;
    struct inbox_item item;
    assert_int_equal(inbox_init(&inbox, 4096), RC_OK);
    assert_false(inbox_next(&inbox, &item));
    assert_int_equal(inbox_put(&inbox, "a/b", slice_text("one"), false), RC_OK);
    assert_int_equal(inbox_put(&inbox, "c", slice_of(NULL, 0), true), RC_OK);
    assert_true(inbox_next(&inbox, &item));
    assert_string_equal(item.topic, "a/b");
    assert_int_equal(item.payload.len, 3);
    assert_memory_equal(item.payload.data, "one", 3);
    assert_false(item.retained);
    assert_true(inbox_next(&inbox, &item));
    assert_string_equal(item.topic, "c");
    assert_int_equal(item.payload.len, 0);
    assert_true(item.retained);
    assert_false(inbox_next(&inbox, &item));
    inbox_fini(&inbox);
}

static void large_is_refused(void **state) {
    (void)state;
    struct inbox inbox;
    static uint8_t bytes[5000];
    assert_int_equal(inbox_init(&inbox, 8192), RC_OK);
    assert_int_equal(inbox_put(&inbox, "t", slice_of(bytes, sizeof(bytes)), false), RC_TOO_LARGE);
    assert_int_equal(inbox_put(&inbox, "t", slice_of(bytes, 4000), false), RC_OK);
    inbox_fini(&inbox);
}

// Messages of every size go round the ring many times; each comes out as it went in, in order, and
// while less than the maximum is in use none is refused.
static void goes_round(void **state) {
    (void)state;
    enum { MAX = 2048 };
    struct inbox inbox;
    uint8_t bytes[MAX / 2];
    uint32_t in = 0, out = 0, seed = 7;
    assert_int_equal(inbox_init(&inbox, MAX), RC_OK);
    for (int i = 0; i < 20000; i++) {
        seed = seed * 1664525u + 1013904223u;
        if (inbox.used < MAX && (seed >> 16) % 3 != 0) {
            size_t len = (seed >> 8) % (MAX / 2 - 64);
            memset(bytes, (int)(in & 0xff), len);
            char topic[16];
            snprintf(topic, sizeof(topic), "t/%u", in);
            assert_int_equal(inbox_put(&inbox, topic, slice_of(bytes, len), false), RC_OK);
            in++;
        } else {
            struct inbox_item item;
            if (!inbox_next(&inbox, &item)) {
                assert_int_equal(in, out);
                continue;
            }
            char topic[16];
            snprintf(topic, sizeof(topic), "t/%u", out);
            assert_string_equal(item.topic, topic);
            for (size_t k = 0; k < item.payload.len; k++) {
                assert_int_equal(item.payload.data[k], out & 0xff);
            }
            out++;
        }
    }
    assert_true(in > 5000);
    inbox_fini(&inbox);
}

static void full_says_so(void **state) {
    (void)state;
    struct inbox inbox;
    uint8_t bytes[400] = {0};
    int count = 0;
    assert_int_equal(inbox_init(&inbox, 1024), RC_OK);
    while (inbox_put(&inbox, "t", slice_of(bytes, sizeof(bytes)), false) == RC_OK) {
        assert_true(++count < 10);
    }
    assert_int_equal(inbox_put(&inbox, "t", slice_of(bytes, sizeof(bytes)), false), RC_FULL);
    struct inbox_item item;
    while (inbox_next(&inbox, &item)) {
        count--;
    }
    assert_int_equal(count, 0);
    inbox_fini(&inbox);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_and_content),
        cmocka_unit_test(large_is_refused),
        cmocka_unit_test(goes_round),
        cmocka_unit_test(full_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
