// A live console (app_fixture.h) with two open alarms, and what an operation compares.
#ifndef DAVY_FAULT_APP_WORLD_H
#define DAVY_FAULT_APP_WORLD_H

#include "../unit/app_fixture.h"
#include "fault.h"

struct app_world {
    struct fixture *f;
    struct rid alarm;
    uint32_t comments;
    uint32_t open;
    struct painted_row painted[2];
    struct refusal refusal;
    struct buf out;
};

static inline void *app_live(void) {
    struct app_world *a = calloc(1, sizeof *a);
    void *state = NULL;
    assert_non_null(a);
    assert_int_equal(fixture_setup(&state), 0);
    a->f = state;
    buf_init(&a->out, 1 << 20);
    a->alarm = hub_raise(a->f, "PT-1", "R1", 2);
    (void)hub_raise(a->f, "LT-1", "S1", 3);
    fixture_settle(a->f);
    a->open = 2;
    return a;
}

static inline void *app_signed_in(void) {
    struct app_world *a = app_live();
    fixture_sign_in(a->f, "102", PIN_WANG);
    return a;
}

static inline void app_world_free(void *world) {
    struct app_world *a = world;
    void *state = a->f;
    buf_fini(&a->out);
    assert_int_equal(fixture_teardown(&state), 0);
    free(a);
}

#endif
