// The ledger: every act that a person wrote, and what has become of it.
#include "world_priv.h"

#include <sqlite3.h>

void ledger_add(struct world *world, const struct node *node, struct rid rid, bool comment,
                bool sure) {
    if (world->act_count < SIM_ACTS_MAX) {
        world->acts[world->act_count++] =
            (struct act){.rid = rid, .node = node->index, .comment = comment, .sure = sure};
    }
}

// ---- After a disk went back ----

enum rc ledger_look_into(struct sim_disk *disk, struct store **out_store) {
    struct store_options options = {
        .folder = "", .vfs = sim_disk_vfs_name(disk), .registry = app_registry()};
    struct refusal refusal = {0};
    return store_open(&options, out_store, &refusal);
}

static void note_held(struct world *world, struct store *store, bool *held) {
    for (uint32_t i = 0; i < world->act_count; i++) {
        struct place place;
        held[i] = held[i] || store_record_place(store, world->acts[i].rid, &place) == RC_OK;
    }
}

static void note_held_by(struct world *world, struct sim_disk *disk, struct store *store,
                         bool *held) {
    struct store *opened = NULL;
    sim_disk_hold(disk, true);
    if (store) {
        note_held(world, store, held);
    } else if (ledger_look_into(disk, &opened) == RC_OK) {
        note_held(world, opened, held);
        store_close(opened);
    }
    sim_disk_hold(disk, false);
}

void ledger_settle(struct world *world) {
    static bool held[SIM_ACTS_MAX]; // one world at a time in a process
    for (uint32_t i = 0; i < SIM_ACTS_MAX; i++) {
        held[i] = false;
    }
    note_held_by(world, world->hub_disk, world->hub ? hub_store(world->hub) : NULL, held);
    for (uint8_t d = 0; d < world->node_count; d++) {
        if (node_counts(&world->nodes[d])) {
            note_held_by(world, world->nodes[d].disk, world->nodes[d].store, held);
        }
    }
    for (uint32_t i = 0; i < world->act_count; i++) {
        world->acts[i].lost = world->acts[i].lost || !held[i];
    }
}

// ---- At the end ----

static bool verdict_of(struct store *store, struct rid rid, struct store_log *out_log) {
    struct place place;
    return store_record_place(store, rid, &place) == RC_OK &&
           store_log_of(store, &place, out_log) == RC_OK;
}

bool ledger_check_log(struct world *world, struct store *store, const char *who) {
    for (uint32_t i = 0; i < world->act_count; i++) {
        const struct act *act = &world->acts[i];
        struct store_log log;
        if (act->sure && !act->lost && !world->nodes[act->node].revoked &&
            !verdict_of(store, act->rid, &log)) {
            return violated(world, world->forked ? SIM_S7 : SIM_S1,
                            "act %u of device %u is not in the log: %s", i, act->node, who);
        }
    }
    return true;
}

// Places of one rid with an accepting verdict.
static const char accepted_sql[] =
    "SELECT count(DISTINCT p.place) FROM (SELECT place FROM record WHERE rid = ?1 UNION"
    " SELECT place FROM again WHERE rid = ?1) AS p JOIN log ON log.place = p.place"
    " WHERE log.verdict = 1";

static bool accepted_once(struct world *world) {
    sqlite3_stmt *query = NULL;
    sqlite3 *db = store_sqlite(hub_store(world->hub));
    if (sqlite3_prepare_v2(db, accepted_sql, -1, &query, NULL) != SQLITE_OK) {
        return violated(world, SIM_S2, "the log cannot be asked: %s", sqlite3_errmsg(db));
    }
    int most = 0;
    for (uint32_t i = 0; i < world->act_count && most <= 1; i++) {
        (void)sqlite3_reset(query);
        (void)sqlite3_bind_blob(query, 1, world->acts[i].rid.id.b, ID_BYTES, SQLITE_STATIC);
        most = sqlite3_step(query) == SQLITE_ROW ? sqlite3_column_int(query, 0) : 0;
    }
    (void)sqlite3_finalize(query);
    return most <= 1 || violated(world, SIM_S2, "an act is accepted at %d places", most);
}

bool ledger_check_once(struct world *world, uint64_t comments_counted) {
    uint64_t comments = 0;
    for (uint32_t i = 0; i < world->act_count; i++) {
        struct store_log log;
        comments += world->acts[i].comment &&
                    verdict_of(hub_store(world->hub), world->acts[i].rid, &log) &&
                    (log.verdict == VERDICT_ACCEPTED || log.verdict == VERDICT_REFUSED) &&
                    !store_is_stray(log.verdict, log.rule);
    }
    if (world->act_count < SIM_ACTS_MAX && comments != comments_counted) {
        return violated(world, SIM_S2, "%llu comments in the log, %llu counted",
                        (unsigned long long)comments, (unsigned long long)comments_counted);
    }
    return accepted_once(world);
}
