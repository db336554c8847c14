// What the store answers without memory: all of it or a failure, never less than there is.
#include "store_world.h"

#include "fault.h"

struct seen_rows {
    uint32_t count;
    uint64_t sum;
};

static enum rc count_state(void *ctx, struct rid subject, const void *state) {
    (void)subject;
    struct seen_rows *rows = ctx;
    rows->count++;
    rows->sum += ((const struct note_state *)state)->sum;
    return RC_OK;
}

static enum rc count_item(void *ctx, const struct store_item *item) {
    (void)item;
    ((struct seen_rows *)ctx)->count++;
    return RC_OK;
}

static enum rc count_entry(void *ctx, const struct store_entry *entry) {
    (void)entry;
    ((struct seen_rows *)ctx)->count++;
    return RC_OK;
}

static enum rc count_chain(void *ctx, const struct store_chain *chain) {
    (void)chain;
    ((struct seen_rows *)ctx)->count++;
    return RC_OK;
}

static enum rc count_subject(void *ctx, struct rid subject) {
    (void)subject;
    ((struct seen_rows *)ctx)->count++;
    return RC_OK;
}

// A device's store: notes of its own that no log holds yet, beside two that are logged.
static void *device_world(void) {
    struct world *w = world_new();
    struct place place;
    struct rid rid;
    fixture_open(&w->fx, false);
    struct fixture *fx = &w->fx;
    assert_int_equal(store_begin(fx->store), RC_OK);
    for (uint64_t i = 0; i < OWN_NOTES; i++) {
        struct note note = {.kind = NOTE_OPEN, .title = "the first"};
        assert_int_equal(note_append(fx, &fx->device, &note, &w->place, &w->subject), RC_OK);
        if (i < 2) {
            assert_int_equal(note_log(fx, &w->place, VERDICT_ACCEPTED), RC_OK);
        }
        for (int k = 0; k < 5; k++) {
            struct note add = {
                .kind = NOTE_ADD, .subjects = &w->subject, .subject_count = 1, .value = 7};
            assert_int_equal(note_append(fx, &fx->device, &add, &place, &rid), RC_OK);
        }
    }
    assert_int_equal(note_seal(fx, &fx->device, LANE_SAFETY), RC_OK);
    assert_int_equal(note_seal(fx, &fx->hub, LANE_SAFETY), RC_OK);
    assert_int_equal(store_commit(fx->store), RC_OK);
    world_reopen(w);
    return w;
}

static enum rc view_get_run(void *world) {
    struct world *w = world;
    struct note_state note;
    fault_paint(&note, sizeof note);
    enum rc rc = store_view_get(w->fx.store, &note_module, w->subject, true, &note);
    if (rc != RC_OK) {
        fault_painted(&note, sizeof note, "the state");
        return rc;
    }
    assert_int_equal(note.sum, 35);
    assert_string_equal(note.title, "the first");
    return rc;
}

static enum rc view_each_run(void *world) {
    struct world *w = world;
    struct seen_rows rows = {0};
    struct view_filter filter = {.column = "open", .op = '=', .value = {.number = 1}};
    struct view_query query = {
        .filters = &filter, .filter_count = 1, .order = "sum DESC", .with_pending = true};
    enum rc rc = store_view_each(w->fx.store, &note_module, &query, count_state, &rows);
    // Subjects that only pending records speak of come by store_pending_each.
    assert_true(rc != RC_OK || (rows.count == 2 && rows.sum == 70));
    return rc;
}

static enum rc view_count_run(void *world) {
    struct world *w = world;
    uint64_t count = 77;
    struct view_query all = {0};
    enum rc rc = store_view_count(w->fx.store, &note_module, &all, &count);
    assert_int_equal(count, rc == RC_OK ? 2 : 77);
    return rc;
}

static enum rc pending_run(void *world) {
    struct world *w = world;
    struct seen_rows rows = {0};
    enum rc rc = store_pending_each(w->fx.store, &note_module, count_subject, &rows);
    assert_true(rc != RC_OK || rows.count == OWN_NOTES);
    return rc;
}

static enum rc subject_run(void *world) {
    struct world *w = world;
    struct seen_rows rows = {0};
    enum rc rc = store_subject_each(w->fx.store, w->subject, count_item, &rows);
    assert_true(rc != RC_OK || rows.count == 6);
    return rc;
}

static enum rc recent_run(void *world) {
    struct world *w = world;
    struct seen_rows rows = {0};
    enum rc rc = store_recent_each(w->fx.store, 10, count_item, &rows);
    assert_true(rc != RC_OK || rows.count == 10);
    return rc;
}

static enum rc outbox_run(void *world) {
    struct world *w = world;
    struct seen_rows rows = {0};
    enum rc rc = store_outbox_each(w->fx.store, count_item, &rows);
    assert_true(rc != RC_OK || rows.count == OWN_NOTES * 6 - 2);
    return rc;
}

static enum rc entries_run(void *world) {
    struct world *w = world;
    struct seen_rows rows = {0};
    enum rc rc =
        store_entries(w->fx.store, chain_of(&w->fx.device, LANE_SAFETY), 3, count_entry, &rows);
    assert_true(rc != RC_OK || rows.count == OWN_NOTES * 6 - 2);
    if (rc == RC_OK) {
        rows.count = 0;
        rc = store_chains(w->fx.store, count_chain, &rows);
        assert_true(rc != RC_OK || rows.count == 2);
    }
    return rc;
}

// A fresh store each time: nothing is in memory yet.
static enum rc places_run(void *world) {
    struct world *w = world;
    struct store *store = w->fx.store;
    struct store_chain chain;
    struct store_author author;
    struct place place;
    struct hash32 hash;
    struct signature sig;
    uint64_t seq = 0;
    bool has_sig = false;
    struct buf bytes;
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    struct chain_id id = chain_of(&w->fx.device, LANE_SAFETY);
    enum rc rc = store_author_get(store, w->fx.device.author, &author);
    if (rc == RC_OK) {
        rc = store_chain_get(store, id, &chain);
    }
    if (rc == RC_OK) {
        rc = store_chain_hash(store, id, 4, &hash);
    }
    if (rc == RC_OK) {
        rc = store_seal_get(store, id, 1, &seq, &sig);
    }
    if (rc == RC_OK) {
        rc = store_record_place(store, w->subject, &place);
    }
    if (rc == RC_OK) {
        assert_int_equal(place.seq, w->place.seq);
        rc = store_entry_get(store, &place, &bytes, &has_sig, &sig);
    }
    if (rc == RC_OK) {
        assert_true(has_sig);
        assert_true(rid_equal(content_rid(buf_slice(&bytes)), w->subject));
        struct store_log log;
        place.seq = 1;
        rc = store_log_of(store, &place, &log);
    }
    buf_fini(&bytes);
    return rc;
}

static void places_check(void *world, enum rc rc) {
    (void)rc;
    world_reopen(world);
}

// In a transaction, nothing is decided on a read that failed.
static enum rc spoiled_run(void *world) {
    struct world *w = world;
    struct store *store = w->fx.store;
    struct place place;
    enum rc rc = store_begin(store);
    if (rc != RC_OK) {
        return rc;
    }
    enum rc read = store_record_place(store, w->subject, &place);
    uint64_t last = store_log_last_n(store, w->fx.hub.author);
    struct note_state note;
    enum rc got = store_view_get(store, &note_module, w->subject, true, &note);
    rc = store_meta_set(store, "test", slice_text("decided"));
    if (rc == RC_OK) {
        rc = store_commit(store);
    } else {
        store_rollback(store);
    }
    assert_true(rc != RC_OK || (read == RC_OK && last == 2 && got == RC_OK));
    return rc;
}

static const struct fault_op ops[] = {
    {.name = "store: state of a subject",
     .setup = device_world,
     .run = view_get_run,
     .check = places_check,
     .teardown = world_free,
     .keep = true,
     .most = 30},
    {.name = "store: states by a filter",
     .setup = device_world,
     .run = view_each_run,
     .check = places_check,
     .teardown = world_free,
     .keep = true,
     .most = 30},
    {.name = "store: count of states",
     .setup = device_world,
     .run = view_count_run,
     .check = places_check,
     .teardown = world_free,
     .keep = true,
     .most = 30},
    {.name = "store: pending subjects",
     .setup = device_world,
     .run = pending_run,
     .check = places_check,
     .teardown = world_free,
     .keep = true,
     .most = 30},
    {.name = "store: records of a subject",
     .setup = device_world,
     .run = subject_run,
     .check = places_check,
     .teardown = world_free,
     .keep = true,
     .most = 30},
    {.name = "store: newest records",
     .setup = device_world,
     .run = recent_run,
     .check = places_check,
     .teardown = world_free,
     .keep = true,
     .most = 30},
    {.name = "store: outbox",
     .setup = device_world,
     .run = outbox_run,
     .check = places_check,
     .teardown = world_free,
     .keep = true,
     .most = 30},
    {.name = "store: entries and chains",
     .setup = device_world,
     .run = entries_run,
     .check = places_check,
     .teardown = world_free,
     .keep = true,
     .most = 30},
    {.name = "store: places, hashes, seals",
     .setup = device_world,
     .run = places_run,
     .check = places_check,
     .teardown = world_free,
     .keep = true,
     .most = 40},
    {.name = "store: a decision on a read",
     .setup = device_world,
     .run = spoiled_run,
     .check = places_check,
     .teardown = world_free,
     .keep = true,
     .most = 40},
};

int main(int argc, char **argv) {
    return fault_main(argc, argv, ops, COUNT_OF(ops));
}
