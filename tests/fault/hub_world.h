// A hub with two devices and a rogue (hub_sync_util.h), and what an operation compares.
#ifndef DAVY_FAULT_HUB_WORLD_H
#define DAVY_FAULT_HUB_WORLD_H

#include "../unit/hub_sync_util.h"
#include "fault.h"

struct hub_world {
    struct world *w;
    struct buf bytes, body, answer; // of the operation's input and output
    struct signed_record record;
    double value; // of T0
    uint64_t seq; // before the operation
    uint32_t people;
    struct rid subject;
    bool second; // the other of two site files
};

static inline struct hub_world *hub_world_of(int (*setup)(void **state)) {
    struct hub_world *h = calloc(1, sizeof *h);
    void *state = NULL;
    assert_non_null(h);
    assert_int_equal(setup(&state), 0);
    h->w = state;
    h->value = 150;
    buf_init(&h->bytes, LIMIT_FRAME_INFLATED_BYTES);
    buf_init(&h->body, LIMIT_FRAME_INFLATED_BYTES);
    buf_init(&h->answer, LIMIT_CONTROL_MESSAGE_BYTES);
    return h;
}

static inline void *hub_live(void) {
    return hub_world_of(live_setup);
}

static inline void hub_world_free(void *world) {
    struct hub_world *h = world;
    void *state = h->w;
    assert_int_equal(world_teardown(&state), 0);
    buf_fini(&h->bytes);
    buf_fini(&h->body);
    buf_fini(&h->answer);
    free(h);
}

// After a failure a hub waits two seconds before it writes again.
static inline enum rc hub_later_step(struct world *w) {
    struct mono_ms next;
    w->now.utc.v += 2500;
    w->now.mono.v += 2500;
    return hub_step(w->hub, w->now, &next);
}

static inline bool hub_world_key(void *ctx, const struct content *content,
                                 struct public_key *out_key) {
    struct world *w = ctx;
    return judge_key_of(hub_roster(w->hub), content, out_key);
}

static inline void hub_sound(struct world *w) {
    struct store_verify_report report = {0};
    enum rc rc = store_verify(hub_store(w->hub), keys_stub(), hub_world_key, w, &report);
    if (rc != RC_OK || report.what[0] != '\0') {
        fail_msg("the hub's store: %s %s", rc_name(rc), report.what);
    }
}

struct open_count {
    const char *tag;
    uint32_t active, all;
};

static inline enum rc open_count_add(void *ctx, struct rid subject, const void *state) {
    struct open_count *count = ctx;
    const struct alarm_state *alarm = state;
    (void)subject;
    if (strcmp(alarm->tag, count->tag) == 0) {
        count->active += alarm->active;
        count->all++;
    }
    return RC_OK;
}

static inline struct open_count hub_occurrences(struct world *w, const char *tag) {
    struct open_count count = {.tag = tag};
    struct view_query all = {.limit = UINT32_MAX};
    assert_int_equal(
        store_view_each(hub_store(w->hub), &alarm_module, &all, open_count_add, &count), RC_OK);
    return count;
}

// The roster in memory says what the store says.
static inline enum rc same_person(void *ctx, struct rid subject, const void *state) {
    const struct roster_state *stored = state;
    if (stored->what == ROSTER_PERSON) {
        const struct roster_person *person = roster_person(ctx, subject);
        assert_non_null(person);
        assert_int_equal(person->role_count, stored->as.person.role_count);
        assert_int_equal(person->key_count, stored->as.person.key_count);
    }
    return RC_OK;
}

static inline void roster_agrees(struct store *store, const struct roster *roster) {
    struct view_query all = {.limit = UINT32_MAX};
    assert_int_equal(
        store_view_each(store, &roster_module, &all, same_person, (void *)(uintptr_t)roster),
        RC_OK);
}

#endif
