// The store without memory: what was committed stands, what was not leaves no trace, and a file is
// never called damaged for want of memory.
#include "../unit/store_fixture.h"
#include "fault.h"

#include "store_world.h"

// ---- Open ----

static void *new_setup(void) {
    struct world *w = world_new();
    fixture_people(&w->fx);
    test_folder_make(w->fx.folder);
    return w;
}

// Opens, or fails and leaves *out_store alone.
static enum rc open_with(struct world *w, const struct store_options *options) {
    struct store *store = NULL;
    fault_paint(&store, sizeof store);
    enum rc rc = store_open(options, &store, &w->refusal);
    if (rc == RC_OK) {
        w->fx.store = store;
    } else {
        fault_painted(&store, sizeof store, "the store");
    }
    return rc;
}

static enum rc create_run(void *world) {
    struct world *w = world;
    struct store_options options = {
        .folder = w->fx.folder, .registry = &note_registry, .create = true};
    return open_with(w, &options);
}

static void create_check(void *world, enum rc rc) {
    struct world *w = world;
    if (rc == RC_OK) {
        assert_int_equal(fixture_site(&w->fx, true), RC_OK);
    } else {
        assert_int_not_equal(w->refusal.code, REFUSAL_STORE_CORRUPT);
        assert_int_not_equal(w->refusal.code, REFUSAL_STORE_FOREIGN);
    }
}

static enum rc open_run(void *world) {
    struct world *w = world;
    struct store_options options = {.folder = w->fx.folder, .registry = &note_registry};
    return open_with(w, &options);
}

static void open_check(void *world, enum rc rc) {
    struct world *w = world;
    if (rc == RC_OK) {
        world_sound(w);
        world_note(w);
        store_close(w->fx.store);
        w->fx.store = NULL;
    } else {
        assert_int_equal(w->refusal.code, REFUSAL_NONE);
    }
}

static void *open_setup(void) {
    struct world *w = world_filled();
    store_close(w->fx.store);
    w->fx.store = NULL;
    return w;
}

static enum rc read_only_run(void *world) {
    struct world *w = world;
    struct store_options options = {
        .folder = w->fx.folder, .registry = &note_registry, .read_only = true};
    return open_with(w, &options);
}

static void read_only_check(void *world, enum rc rc) {
    struct world *w = world;
    if (rc == RC_OK) {
        world_note(w);
        store_close(w->fx.store);
        w->fx.store = NULL;
    }
}

// The next version of the module: opening folds everything anew.
static enum rc migrate_run(void *world) {
    static struct module next[2];
    static const struct module *modules[2][1] = {{&next[0]}, {&next[1]}};
    static struct registry registries[2];
    static uint16_t version = 1;
    struct world *w = world;
    // The same module with another number: each run migrates.
    int which = version % 2;
    next[which] = note_module;
    next[which].fold_version = (uint16_t)(version + 1);
    registries[which] = (struct registry){modules[which], 1};
    struct store_options options = {.folder = w->fx.folder, .registry = &registries[which]};
    w->module = &next[which];
    enum rc rc = open_with(w, &options);
    version = (uint16_t)(version + (rc == RC_OK));
    return rc;
}

// ---- Transactions ----

static enum rc give_up(struct world *w, enum rc rc) {
    store_rollback(w->fx.store);
    return rc;
}

// One round of a hub: a note and an addition to it, logged, sealed, committed.
static enum rc append_run(void *world) {
    struct world *w = world;
    struct store *store = w->fx.store;
    enum rc rc = store_begin(store);
    if (rc != RC_OK) {
        return rc;
    }
    for (int i = 0; i < NEXT_RECORDS; i++) {
        rc = world_append(w, i);
        if (rc != RC_OK) {
            return give_up(w, rc);
        }
    }
    rc = note_seal(&w->fx, &w->fx.hub, LANE_SAFETY);
    return rc == RC_OK ? store_commit(store) : give_up(w, rc);
}

static void append_check(void *world, enum rc rc) {
    struct world *w = world;
    struct store_chain chain;
    struct chain_id id = chain_of(&w->fx.hub, LANE_SAFETY);
    // A commit that failed may be on the disk or not; so says the file.
    uint64_t after = w->seq + 2 * NEXT_RECORDS;
    world_reopen(w);
    assert_int_equal(store_chain_get(w->fx.store, id, &chain), RC_OK);
    assert_true(chain.head.seq == after || (rc != RC_OK && chain.head.seq == w->seq));
    world_sound(w);
    if (chain.head.seq == after) {
        w->seq = after;
        world_next(w);
    } else {
        w->fx.n = w->n_before;
    }
}

// The same without a new store each time: it goes on after the failure.
static void append_on_check(void *world, enum rc rc) {
    struct world *w = world;
    struct store_chain chain;
    struct chain_id id = chain_of(&w->fx.hub, LANE_SAFETY);
    uint64_t after = w->seq + 2 * NEXT_RECORDS;
    assert_false(store_in_transaction(w->fx.store));
    assert_int_equal(store_chain_get(w->fx.store, id, &chain), RC_OK);
    assert_int_equal(chain.head.seq, rc == RC_OK ? after : w->seq);
    if (rc == RC_OK) {
        w->seq = after;
        world_next(w);
    } else {
        w->fx.n = w->n_before;
    }
}

static void *append_on_setup(void) {
    return world_filled();
}

static void append_on_teardown(void *world) {
    world_sound(world);
    world_reopen(world);
    world_sound(world);
    world_free(world);
}

static enum rc small_run(void *world) {
    struct world *w = world;
    struct store *store = w->fx.store;
    const struct hash32 hash = {{1, 2, 3}};
    struct slice value = slice_text("a value of some length, to be found again");
    enum rc rc = store_begin(store);
    if (rc != RC_OK) {
        return rc;
    }
    rc = store_meta_set(store, "test", value);
    if (rc == RC_OK) {
        rc = store_secret_put(store, &hash, (struct utc_ms){INT64_MAX}, value);
    }
    if (rc == RC_OK) {
        rc = store_quarantine_put(store, "test", RC_BAD_SIGNATURE, value, (struct utc_ms){5});
    }
    if (rc == RC_OK) {
        rc = store_chain_set_acked(store, chain_of(&w->fx.hub, LANE_SAFETY), 2);
    }
    return rc == RC_OK ? store_commit(store) : give_up(w, rc);
}

static void small_check(void *world, enum rc rc) {
    struct world *w = world;
    struct buf value;
    const struct hash32 hash = {{1, 2, 3}};
    buf_init(&value, 1000);
    enum rc meta = store_meta_get(w->fx.store, "test", &value);
    assert_true(meta == RC_OK || (meta == RC_NOT_FOUND && rc != RC_OK));
    enum rc secret = store_secret_get(w->fx.store, &hash, (struct utc_ms){1}, &value);
    assert_int_equal(secret, meta); // both or neither
    buf_fini(&value);
}

static enum rc small_get_run(void *world) {
    struct world *w = world;
    struct buf value;
    const struct hash32 hash = {{1, 2, 3}};
    buf_init(&value, 1000);
    enum rc rc = store_meta_get(w->fx.store, "test", &value);
    if (rc == RC_OK) {
        rc = store_secret_get(w->fx.store, &hash, (struct utc_ms){1}, &value);
    }
    buf_fini(&value);
    return rc;
}

static void *small_get_setup(void) {
    struct world *w = world_filled();
    assert_int_equal(small_run(w), RC_OK);
    world_reopen(w);
    return w;
}

static enum rc checkpoint_run(void *world) {
    struct world *w = world;
    store_checkpoint(w->fx.store);
    return RC_OK;
}

static void checkpoint_check(void *world, enum rc rc) {
    struct world *w = world;
    (void)rc;
    world_sound(w);
    // There is something to checkpoint the next time.
    w->fx.n = w->n_before;
    assert_int_equal(append_run(w), RC_OK);
    w->seq += 2 * NEXT_RECORDS;
    world_next(w);
}

static enum rc rebuild_run(void *world) {
    return store_rebuild(((struct world *)world)->fx.store, NULL, NULL);
}

static void rebuild_check(void *world, enum rc rc) {
    (void)rc;
    world_note(world);
    world_sound(world);
}

static enum rc verify_run(void *world) {
    struct world *w = world;
    struct store_verify_report report = {0};
    enum rc rc = store_verify(w->fx.store, keys_stub(), note_key_of, &w->fx, &report);
    // Want of memory is not damage, and an incomplete look is no clean bill.
    assert_true(rc != RC_OK || (report.what[0] == '\0' && report.entries == w->entries));
    return rc;
}

static const struct fault_op ops[] = {
    {.name = "store: make",
     .setup = new_setup,
     .run = create_run,
     .check = create_check,
     .teardown = world_free,
     .most = 30},
    {.name = "store: open",
     .setup = open_setup,
     .run = open_run,
     .check = open_check,
     .teardown = world_free,
     .keep = true,
     .most = 60},
    {.name = "store: open read-only",
     .setup = open_setup,
     .run = read_only_run,
     .check = read_only_check,
     .teardown = world_free,
     .keep = true,
     .most = 40},
    {.name = "store: open with a new fold",
     .setup = open_setup,
     .run = migrate_run,
     .check = open_check,
     .teardown = world_free,
     .keep = true,
     .most = 40},
    {.name = "store: append, admit, log, seal, commit, new each time",
     .setup = world_filled,
     .run = append_run,
     .check = append_check,
     .teardown = world_free,
     .keep = true,
     .most = 16},
    {.name = "store: append, admit, log, seal, commit, going on",
     .setup = append_on_setup,
     .run = append_run,
     .check = append_on_check,
     .teardown = append_on_teardown,
     .keep = true,
     .most = 200},
    {.name = "store: meta, secret, quarantine, acknowledged",
     .setup = world_filled,
     .run = small_run,
     .check = small_check,
     .teardown = world_free,
     .keep = true},
    {.name = "store: meta and secret read",
     .setup = small_get_setup,
     .run = small_get_run,
     .teardown = world_free,
     .keep = true},
    {.name = "store: checkpoint",
     .setup = world_filled,
     .run = checkpoint_run,
     .check = checkpoint_check,
     .teardown = world_free,
     .keep = true},
    {.name = "store: rebuild",
     .setup = world_filled,
     .run = rebuild_run,
     .check = rebuild_check,
     .teardown = world_free,
     .keep = true,
     .most = 80},
    {.name = "store: verify",
     .setup = world_filled,
     .run = verify_run,
     .teardown = world_free,
     .keep = true,
     .most = 100},
};

int main(int argc, char **argv) {
    return fault_main(argc, argv, ops, COUNT_OF(ops));
}
