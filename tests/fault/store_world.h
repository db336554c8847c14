// A hub's store with two notes in it, and the records of the next transaction, made beforehand.
#ifndef DAVY_FAULT_STORE_WORLD_H
#define DAVY_FAULT_STORE_WORLD_H

#include "../unit/store_fixture.h"

#define NEXT_RECORDS 2
#define OWN_NOTES 3

struct made {
    struct signed_record record;
    uint8_t bytes[1024];
};

struct world {
    struct fixture fx;
    struct refusal refusal;
    struct rid subject; // the first note
    struct place place;
    uint64_t seq;      // of the hub's chain
    uint64_t n_before; // of the log
    uint64_t entries;
    const struct module *module;
    struct made next[NEXT_RECORDS];
    uint32_t visits;
};

static inline struct world *world_new(void) {
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    return w;
}

static inline void world_make(struct world *w, const struct note *note, struct made *out) {
    struct signed_record record;
    note_make(&w->fx, &w->fx.device, note, &record);
    assert_true(record.content.len <= sizeof out->bytes);
    memcpy(out->bytes, record.content.data, record.content.len);
    record.content.data = out->bytes;
    out->record = record;
}

// The records of the next transaction.
static inline void world_next(struct world *w) {
    world_make(w, &(struct note){.kind = NOTE_OPEN, .title = "another"}, &w->next[0]);
    struct rid subjects[2] = {w->next[0].record.rid, w->subject};
    world_make(
        w, &(struct note){.kind = NOTE_ADD, .subjects = subjects, .subject_count = 2, .value = 5},
        &w->next[1]);
    w->n_before = w->fx.n;
}

static inline enum rc world_append(struct world *w, int which) {
    uint64_t seq = 0;
    bool first = false;
    struct chain_id id = chain_of(&w->fx.device, LANE_SAFETY);
    enum rc rc = store_append_record(w->fx.store, id, &w->next[which].record, &seq, &first);
    struct place place = {id, seq};
    rc = rc == RC_OK ? note_log(&w->fx, &place, VERDICT_ACCEPTED) : rc;
    uint64_t own = 0;
    return rc == RC_OK ? store_append_record(w->fx.store, chain_of(&w->fx.hub, LANE_SAFETY),
                                             &w->next[which].record, &own, &first)
                       : rc;
}

static inline void world_sound(struct world *w) {
    struct store_verify_report report;
    enum rc rc = store_verify(w->fx.store, keys_stub(), note_key_of, &w->fx, &report);
    if (rc != RC_OK || report.what[0] != '\0') {
        fail_msg("verify: %s %s", rc_name(rc), report.what);
    }
    w->entries = report.entries;
}

// The first note is there as it was folded.
static inline void world_note(struct world *w) {
    struct note_state note;
    const struct module *module = w->module != NULL ? w->module : &note_module;
    assert_int_equal(store_view_get(w->fx.store, module, w->subject, false, &note), RC_OK);
    assert_string_equal(note.title, "the first");
    assert_true(note.sum >= 7);
}

static inline void world_reopen(struct world *w) {
    store_close(w->fx.store);
    w->fx.store = NULL;
    assert_int_equal(fixture_reopen(&w->fx, &w->refusal), RC_OK);
}

static inline void *world_filled(void) {
    struct world *w = world_new();
    struct place place;
    struct rid rid;
    fixture_open(&w->fx, true);
    struct fixture *fx = &w->fx;
    assert_int_equal(store_begin(fx->store), RC_OK);
    struct note first = {.kind = NOTE_OPEN, .title = "the first"};
    assert_int_equal(note_append(fx, &fx->device, &first, &w->place, &w->subject), RC_OK);
    assert_int_equal(note_log(fx, &w->place, VERDICT_ACCEPTED), RC_OK);
    struct note add = {.kind = NOTE_ADD, .subjects = &w->subject, .subject_count = 1, .value = 7};
    assert_int_equal(note_append(fx, &fx->device, &add, &place, &rid), RC_OK);
    assert_int_equal(note_log(fx, &place, VERDICT_ACCEPTED), RC_OK);
    assert_int_equal(note_seal(fx, &fx->device, LANE_SAFETY), RC_OK);
    assert_int_equal(note_seal(fx, &fx->hub, LANE_SAFETY), RC_OK);
    assert_int_equal(store_commit(fx->store), RC_OK);
    struct store_chain chain;
    assert_int_equal(store_chain_get(fx->store, chain_of(&fx->hub, LANE_SAFETY), &chain), RC_OK);
    w->seq = chain.head.seq;
    world_sound(w);
    world_next(w);
    return w;
}

static inline void world_free(void *world) {
    struct world *w = world;
    fixture_close(&w->fx);
    free(w);
}

#endif
