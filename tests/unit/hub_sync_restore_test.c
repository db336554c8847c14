// Devices and hubs that come back with less than they had, or twice: acts are not lost, not counted
// twice, and nobody is believed who cannot prove it.
#include "hub_sync_util.h"

static bool test_key_of(void *ctx, const struct content *content, struct public_key *out_key) {
    return judge_key_of(hub_roster(((struct world *)ctx)->hub), content, out_key);
}

static void verify_one(struct world *w, struct store *store) {
    struct store_verify_report report = {0};
    assert_int_equal(store_verify(store, keys_stub(), test_key_of, w, &report), RC_OK);
    assert_string_equal(report.what, "");
}

static void verify_all(struct world *w) {
    verify_one(w, hub_store(w->hub));
    for (int i = 0; i < DEVS; i++) {
        verify_one(w, w->devs[i].store);
    }
}

static void assert_same_logs(struct world *w) {
    uint32_t last = store_hub_last(hub_store(w->hub));
    for (uint32_t rank = 1; rank <= last; rank++) {
        for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
            struct chain_id id = {.lane = lane};
            struct store_chain mine, theirs;
            assert_int_equal(store_hub_at(hub_store(w->hub), rank, &id.author), RC_OK);
            assert_int_equal(store_chain_get(hub_store(w->hub), id, &mine), RC_OK);
            for (int i = 0; i < DEVS; i++) {
                assert_int_equal(store_hub_rank(w->devs[i].store, id.author), rank);
                assert_int_equal(store_chain_get(w->devs[i].store, id, &theirs), RC_OK);
                assert_true(theirs.head.seq >= mine.head.seq);
                if (theirs.head.seq == mine.head.seq) {
                    assert_true(hash32_equal(&mine.head.hash, &theirs.head.hash));
                }
            }
        }
    }
}

static void dev_swap(struct dev *d, struct sim_disk *disk) {
    dev_close(d);
    sim_disk_free(d->disk);
    d->disk = disk;
    dev_open(d, false);
    sync_device_link(d->sync, true, d->world->now);
}

static void hub_swap(struct world *w, struct sim_disk *disk) {
    hub_stop(w, false);
    sim_disk_free(w->hub_disk);
    w->hub_disk = disk;
    hub_start(w);
}

static struct sim_disk *clone_of(struct sim_disk *disk) {
    struct sim_disk *copy = NULL;
    assert_int_equal(sim_disk_clone(disk, 5, &copy), RC_OK);
    return copy;
}

static enum rc count_item(void *ctx, const struct store_item *item) {
    (void)item;
    ++*(uint32_t *)ctx;
    return RC_OK;
}

static uint32_t outbox_of(struct dev *d) {
    uint32_t count = 0;
    assert_int_equal(store_outbox_each(d->store, count_item, &count), RC_OK);
    return count;
}

static void comments(struct world *w, int dev, struct rid subject, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        (void)dev_act(&w->devs[dev], KIND_ALARM_COMMENT, subject, "看过 seen");
    }
}

// ---- Devices ----

static void a_device_from_an_old_backup_says_it_again(void **state) {
    struct world *w = *state;
    struct dev *d = &w->devs[0];
    struct rid subject = occurrence_of(w, "T0");
    comments(w, 0, subject, 5);
    run(w, 1000);
    struct sim_disk *old = clone_of(d->disk);
    comments(w, 0, subject, 5);
    run(w, 1000);
    struct author_id before = d->author;
    dev_swap(d, old);
    sync_device_link(d->sync, false, w->now);
    comments(w, 0, subject, 3); // it does not know yet
    assert_int_equal(outbox_of(d), 3);
    sync_device_link(d->sync, true, w->now);
    run(w, 10000);
    assert_int_equal(dev_status(d).reauthored, 1);
    assert_false(author_equal(before, d->author));
    assert_comments(w, subject, 13);
    assert_int_equal(outbox_of(d), 0);
    struct store_chain mine, theirs;
    struct chain_id id = {.author = before, .lane = LANE_SAFETY};
    assert_int_equal(store_chain_get(d->store, id, &mine), RC_OK);
    assert_int_equal(store_chain_get(hub_store(w->hub), id, &theirs), RC_OK);
    assert_true(hash32_equal(&mine.head.hash, &theirs.head.hash)); // the hub's branch, not mine
    // Nothing was sealed twice: it lost something, and was not copied.
    assert_int_equal(roster_device(hub_roster(w->hub), d->rid)->forks, 0);
    verify_all(w);
    // And again under the same name after a restart.
    struct author_id now = d->author;
    dev_swap(d, clone_of(d->disk));
    comments(w, 0, subject, 1);
    run(w, 5000);
    assert_true(author_equal(now, d->author));
    assert_comments(w, subject, 14);
}

static void an_act_waits_once_in_two_chains(void **state) {
    struct world *w = *state;
    struct dev *d = &w->devs[0];
    struct rid subject = occurrence_of(w, "T0");
    struct sim_disk *old = clone_of(d->disk);
    comments(w, 0, subject, 2);
    run(w, 1000);
    dev_swap(d, old);
    sync_device_link(d->sync, false, w->now);
    struct alarm_state pending;
    comments(w, 0, subject, 3);
    sync_device_link(d->sync, true, w->now);
    w->link.mute[0] = (1u << LANE_SAFETY); // it hears that it lost, and no verdict
    run(w, 1500);
    assert_int_equal(dev_status(d).reauthored, 1);
    assert_int_equal(outbox_of(d), 3);
    assert_int_equal(store_view_get(d->store, &alarm_module, subject, true, &pending), RC_OK);
    assert_int_equal(pending.comment_count, 3);
    w->link.mute[0] = 0;
    run(w, 40000);
    assert_comments(w, subject, 5);
    assert_int_equal(outbox_of(d), 0);
    verify_all(w);
}

static void two_copies_of_a_device_lose_no_act(void **state) {
    struct world *w = *state;
    struct dev *a = &w->devs[0];
    struct dev *b = &w->devs[1];
    struct rid subject = occurrence_of(w, "T0");
    struct sim_disk *copy = clone_of(a->disk);
    struct dev kept = *b;
    dev_close(b);
    b->last_hello = slice_of(NULL, 0);
    b->disk = copy;
    b->key = a->key;
    b->person = a->person;
    b->rid = a->rid;
    b->person_rid = a->person_rid;
    b->author = a->author;
    memcpy(b->author_random, a->author_random, AUTHOR_RANDOM_BYTES);
    memcpy(b->account, a->account, sizeof b->account);
    dev_open(b, false);
    sync_device_link(a->sync, false, w->now);
    comments(w, 0, subject, 4);
    comments(w, 1, subject, 3);
    sync_device_link(a->sync, true, w->now);
    run(w, 3000);
    sync_device_link(a->sync, false, w->now);
    sync_device_link(b->sync, true, w->now);
    run(w, 5000);
    sync_device_link(a->sync, true, w->now); // and both at once
    comments(w, 0, subject, 1);
    comments(w, 1, subject, 1);
    run(w, 5000);
    sync_device_link(a->sync, false, w->now);
    run(w, 60000);
    sync_device_link(b->sync, false, w->now);
    sync_device_link(a->sync, true, w->now);
    run(w, 60000);
    assert_false(author_equal(a->author, b->author));
    assert_int_equal(alarm_at(hub_store(w->hub), subject).comment_count, 9);
    assert_int_equal(outbox_of(a), 0);
    assert_int_equal(outbox_of(b), 0);
    verify_all(w);
    dev_close(b);
    sim_disk_free(copy);
    free((void *)(uintptr_t)b->last_hello.data);
    *b = kept;
    dev_open(b, false);
}

// The second copy sealed its own branch before it learned of the first.
static void a_second_seal_is_stated(void **state) {
    struct world *w = *state;
    struct dev *d = &w->devs[0];
    struct rid subject = occurrence_of(w, "T0");
    struct sim_disk *old = clone_of(d->disk);
    comments(w, 0, subject, 3);
    run(w, 1000);
    dev_swap(d, old);
    comments(w, 0, subject, 2);
    // Its batches leave and are lost; then it hears of the hub.
    struct signature seal;
    struct store_chain chain;
    struct chain_id id = {.author = d->author, .lane = LANE_SAFETY};
    assert_int_equal(store_begin(d->store), RC_OK);
    assert_int_equal(store_chain_get(d->store, id, &chain), RC_OK);
    seal_sign(w->config.site, id, &chain.head, d->key, &seal);
    assert_int_equal(store_seal_put(d->store, id, chain.head.seq, &seal), RC_OK);
    assert_int_equal(store_commit(d->store), RC_OK);
    run(w, 10000);
    assert_int_equal(dev_status(d).reauthored, 1);
    assert_int_equal(roster_device(hub_roster(w->hub), d->rid)->forks, 1);
    assert_int_equal(roster_device(w->devs[1].roster, d->rid)->forks, 1);
    assert_comments(w, subject, 5);
    sync_device_link(d->sync, true, w->now); // it is not told twice
    run(w, 5000);
    assert_int_equal(hub_sync_status(w).forks, 1);
    verify_all(w);
}

// ---- Hubs ----

static void a_hub_from_an_old_backup_takes_its_log_back(void **state) {
    struct world *w = *state;
    struct rid subject = occurrence_of(w, "T0");
    struct sim_disk *old = clone_of(w->hub_disk);
    write_comments(w, subject, 10);
    reading(w, "T1", 50);
    run(w, 1000);
    assert_comments(w, subject, 10);
    uint64_t n = hub_sync_status(w).n;
    hub_swap(w, old);
    reading(w, "T1", 50);
    run(w, 8000);
    assert_int_equal(hub_sync_status(w).phase, HUB_SERVING);
    assert_int_equal(hub_sync_status(w).rank, 2);
    assert_true(hub_sync_status(w).taken_back > 0);
    struct author_id first;
    assert_int_equal(store_hub_at(hub_store(w->hub), 1, &first), RC_OK);
    assert_int_equal(store_log_last_n(hub_store(w->hub), first), n);
    assert_comments(w, subject, 10);
    assert_false(alarm_everywhere(w, occurrence_of(w, "T1")).active);
    write_comments(w, subject, 10);
    run(w, 5000);
    assert_comments(w, subject, 20);
    assert_same_logs(w);
    verify_all(w);
    for (int i = 0; i < DEVS; i++) {
        assert_int_equal(dev_status(&w->devs[i]).phase, SYNC_LIVE);
        assert_int_equal(dev_status(&w->devs[i]).not_verified, 0);
    }
    // The same hub again: no third incarnation.
    hub_stop(w, true);
    hub_start(w);
    run(w, 8000);
    assert_int_equal(hub_sync_status(w).rank, 2);
    assert_comments(w, subject, 20);
}

static void two_readers_hold_different_parts(void **state) {
    struct world *w = *state;
    struct rid subject = occurrence_of(w, "T0");
    struct sim_disk *old = clone_of(w->hub_disk);
    w->link.mute[0] = 1u << LANE_CONTROL;
    w->link.mute[1] = 1u << LANE_SAFETY;
    reading(w, "T1", 50);
    reading(w, "T0", 50);
    run(w, 500);
    struct rid person = add_person(w, "new", ROLE_OPERATOR, "A");
    run(w, 1500);
    assert_false(alarm_at(w->devs[0].store, subject).active);
    assert_true(alarm_at(w->devs[1].store, subject).active);
    assert_null(roster_person(w->devs[0].roster, person));
    assert_non_null(roster_person(w->devs[1].roster, person));
    memset(w->link.mute, 0, sizeof w->link.mute);
    hub_swap(w, old);
    run(w, 10000);
    assert_int_equal(hub_sync_status(w).rank, 2);
    assert_non_null(roster_person(hub_roster(w->hub), person));
    assert_non_null(roster_person(w->devs[0].roster, person));
    assert_false(alarm_everywhere(w, subject).active);
    assert_same_logs(w);
    verify_all(w);
}

// What only a reader knows that was away: its verdicts are void, its records are not lost.
static void a_reader_that_was_away_gives_what_is_lost(void **state) {
    struct world *w = *state;
    struct rid subject = occurrence_of(w, "T0");
    struct dev *away = &w->devs[1];
    reading(w, "T1", 50);
    run(w, 500);
    struct sim_disk *old = clone_of(w->hub_disk);
    sync_device_link(w->devs[0].sync, false, w->now);
    reading(w, "T1", 150); // a new occurrence, and the answer to it
    run(w, 1000);
    struct rid lost = {{{0}}};
    struct found found = {.tag = "T1"};
    assert_int_equal(
        store_view_each(away->store, &alarm_module, &(struct view_query){0}, find_tag, &found),
        RC_OK);
    lost = found.subject;
    comments(w, 1, subject, 2);
    run(w, 1000);
    assert_int_equal(alarm_at(hub_store(w->hub), subject).comment_count, 2);
    sync_device_link(away->sync, false, w->now);
    sync_device_link(w->devs[0].sync, true, w->now);
    hub_swap(w, old);
    // The first reader holds nothing more than the backup: a person must know that it is one.
    char none[32];
    control(w, CONTROL_CONFIRM, slice_of(NULL, 0), none);
    run(w, 3000);
    assert_int_equal(hub_sync_status(w).rank, 2);
    comments(w, 0, subject, 1);
    struct place ack = dev_act(away, KIND_ALARM_ACK, lost, NULL);
    run(w, 1000);
    sync_device_link(away->sync, true, w->now);
    run(w, 40000);
    assert_true(dev_status(away).voided > 0);
    assert_true(hub_sync_status(w).salvaged > 0);
    assert_comments(w, subject, 3);
    assert_true(alarm_everywhere(w, lost).acked);
    verdict_everywhere(w, ack, VERDICT_ACCEPTED, REFUSAL_NONE);
    assert_same_logs(w);
    verify_all(w);
}

// A hub that was put back and did not know it: another reader answered first.
static void two_branches_of_one_log_become_one(void **state) {
    struct world *w = *state;
    struct rid subject = occurrence_of(w, "T0");
    struct dev *ahead = &w->devs[1];
    struct sim_disk *old = clone_of(w->hub_disk);
    sync_device_link(w->devs[0].sync, false, w->now);
    comments(w, 1, subject, 3);
    reading(w, "T1", 50);
    run(w, 1000);
    sync_device_link(ahead->sync, false, w->now);
    sync_device_link(w->devs[0].sync, true, w->now);
    hub_swap(w, old);
    comments(w, 0, subject, 2);
    run(w, 4000);
    reading(w, "T1", 160);
    run(w, 1000);
    assert_int_equal(hub_sync_status(w).rank, 1); // it could not know
    comments(w, 1, subject, 2);
    sync_device_link(ahead->sync, true, w->now);
    run(w, 60000);
    assert_int_equal(hub_sync_status(w).rank, 2);
    assert_true(hub_sync_status(w).own_forks > 0);
    assert_comments(w, subject, 7);
    assert_same_logs(w);
    verify_all(w);
}

// Back to before an incarnation that it does not remember.
static void a_hub_from_before_its_own_incarnation(void **state) {
    struct world *w = *state;
    struct rid subject = occurrence_of(w, "T0");
    struct sim_disk *first = clone_of(w->hub_disk);
    write_comments(w, subject, 4);
    run(w, 1000);
    struct sim_disk *second = clone_of(w->hub_disk);
    write_comments(w, subject, 4);
    run(w, 1000);
    hub_swap(w, second);
    run(w, 8000);
    assert_int_equal(hub_sync_status(w).rank, 2);
    write_comments(w, subject, 4);
    run(w, 3000);
    hub_swap(w, first);
    run(w, 15000);
    assert_int_equal(hub_sync_status(w).phase, HUB_SERVING);
    assert_int_equal(hub_sync_status(w).rank, 3);
    write_comments(w, subject, 4);
    run(w, 3000);
    assert_comments(w, subject, 16);
    assert_same_logs(w);
    verify_all(w);
}

static void a_restored_hub_goes_on_under_a_new_name(void **state) {
    struct world *w = *state;
    struct rid subject = occurrence_of(w, "T0");
    assert_int_equal(store_begin(hub_store(w->hub)), RC_OK);
    assert_int_equal(store_meta_set(hub_store(w->hub), "sync.restored", slice_text("1")), RC_OK);
    assert_int_equal(store_commit(hub_store(w->hub)), RC_OK);
    hub_stop(w, false);
    w->link.away = true;
    hub_start(w);
    run(w, 5000);
    assert_int_equal(hub_sync_status(w).phase, HUB_ASKING); // nobody answers
    w->link.away = false;
    run(w, 60000);
    assert_int_equal(hub_sync_status(w).rank, 2);
    write_comments(w, subject, 4);
    run(w, 3000);
    assert_comments(w, subject, 4);
    hub_stop(w, false); // once
    hub_start(w);
    run(w, 5000);
    assert_int_equal(hub_sync_status(w).rank, 2);
    assert_same_logs(w);
    verify_all(w);
}

static void an_old_greeting_lets_no_old_hub_serve(void **state) {
    struct world *w = *state;
    struct dev *d = &w->devs[0];
    struct rid subject = occurrence_of(w, "T0");
    dev_link(w, true); // a greeting from the time of the backup
    run(w, 500);
    size_t len = d->last_hello.len;
    uint8_t *hello = malloc(len);
    assert_non_null(hello);
    memcpy(hello, d->last_hello.data, len);
    struct sim_disk *old = clone_of(w->hub_disk);
    write_comments(w, subject, 10);
    run(w, 1000);
    hub_swap(w, old);
    w->link.away = true;
    hub_takes(w, d->account, slice_of(hello, len));
    run(w, 3000);
    assert_int_equal(hub_sync_status(w).phase, HUB_ASKING);
    w->link.away = false;
    run(w, 60000);
    assert_int_equal(hub_sync_status(w).rank, 2);
    assert_comments(w, subject, 10);
    free(hello);
}

static void a_claim_without_proof_stops_nobody(void **state) {
    struct world *w = *state;
    struct fack fack = {.hub = w->config.author, .count = 1};
    fack.cursors[0].id = (struct chain_id){.author = w->config.author, .lane = LANE_SAFETY};
    fack.cursors[0].seq = 1000;
    uint64_t samples = store_quarantine_count(hub_store(w->hub));
    rogue_fack(w, &fack);
    assert_int_equal(hub_sync_status(w).phase, HUB_SERVING);
    struct place place = dev_act(&w->devs[0], KIND_ALARM_ACK, occurrence_of(w, "T0"), NULL);
    run(w, 500);
    verdict_everywhere(w, place, VERDICT_ACCEPTED, REFUSAL_NONE);
    run(w, 15000);
    rogue_fack(w, &fack);
    run(w, 15000);
    assert_int_equal(hub_sync_status(w).claims_refused, 1);
    assert_int_equal(hub_sync_status(w).rank, 1);
    assert_int_equal(store_quarantine_count(hub_store(w->hub)), samples + 1);
    // Also while it starts: an honest reader's answer is enough.
    hub_stop(w, false);
    hub_start(w);
    run(w, 500);
    (void)rogue_greet(w);
    rogue_fack(w, &fack);
    run(w, 20000);
    assert_int_equal(hub_sync_status(w).phase, HUB_SERVING);
    assert_int_equal(hub_sync_status(w).rank, 1);
    // Another incarnation that nobody can show is no log of mine.
    fack.hub.id.b[0] ^= 1;
    fack.cursors[0].id.author = fack.hub;
    rogue_fack(w, &fack);
    run(w, 20000);
    assert_int_equal(hub_sync_status(w).phase, HUB_SERVING);
    assert_int_equal(hub_sync_status(w).rank, 1);
    verify_all(w);
}

#define LIVE(test) cmocka_unit_test_setup_teardown(test, live_setup, world_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        LIVE(a_device_from_an_old_backup_says_it_again),
        LIVE(an_act_waits_once_in_two_chains),
        LIVE(two_copies_of_a_device_lose_no_act),
        LIVE(a_second_seal_is_stated),
        LIVE(a_hub_from_an_old_backup_takes_its_log_back),
        LIVE(two_readers_hold_different_parts),
        LIVE(a_reader_that_was_away_gives_what_is_lost),
        LIVE(two_branches_of_one_log_become_one),
        LIVE(a_hub_from_before_its_own_incarnation),
        LIVE(a_restored_hub_goes_on_under_a_new_name),
        LIVE(an_old_greeting_lets_no_old_hub_serve),
        LIVE(a_claim_without_proof_stops_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
