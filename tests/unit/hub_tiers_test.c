// Three tiers in one process: an enterprise under a park under a city, and a group company beside
// the park. Frames pass through a link that the test rules; time is a number.
#include "davy/domain/carry/carry.h"
#include "davy/domain/remark/remark.h"
#include "davy/hub/tiers.h"
#include "davy/sim/vfs.h"
#include "test_util.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SITES 4
#define FLIGHT_MAX 4096
#define STEP_MS 250

enum { ENTERPRISE, PARK, CITY, GROUP };

struct site {
    struct world *world;
    uint8_t index;
    struct sim_disk *disk;
    struct sim_disk *replica_disks[2 * SITES]; // children, then parents, by site index
    struct hub *hub;
    struct tiers *tiers;
    struct device_config config;
    struct site_keys keys;
    struct keypair *admin;
    struct rid admin_rid;
    struct device_config parents[SITES];
    uint8_t parent_count;
};

enum way { TO_CHILD, TO_PARENT, TO_PARENT_READER, TO_READER_BELOW };
struct flying {
    enum way way;
    uint8_t from, to; // site index
    char account[LIMIT_TAG_BYTES + 1];
    char log[TIER_SITE_DIGITS + 1];
    size_t len;
    uint8_t *bytes;
};
struct world {
    struct moment now;
    struct site sites[SITES];
    struct flying flight[FLIGHT_MAX];
    uint32_t count;
    uint32_t lose, repeat; // per mille
    bool cut;
    bool no_orders; // children allow none
    uint64_t secret, chance;
};

static uint64_t dice(uint64_t *state) {
    *state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = *state;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static void secret_fill(void *ctx, void *out, size_t len) {
    struct site *site = ctx;
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)out)[i] = (uint8_t)dice(&site->world->secret);
    }
}

static struct keypair *make_pair(struct site *site) {
    uint8_t seed[SEED_BYTES];
    struct keypair *pair = NULL;
    secret_fill(site, seed, sizeof seed);
    assert_int_equal(keypair_from_seed(keys_stub(), seed, &pair), RC_OK);
    return pair;
}

static int site_index(const struct world *w, struct site_id id) {
    for (int i = 0; i < SITES; i++) {
        if (id16_equal(w->sites[i].config.site.id, id.id)) {
            return i;
        }
    }
    return -1;
}

// `head` says which way; its bytes are made here.
static void put(struct site *from, const struct flying *head, struct site_id log,
                struct slice frame) {
    struct world *w = from->world;
    if (w->cut || dice(&w->chance) % 1000 < w->lose) {
        return;
    }
    for (uint32_t copies = dice(&w->chance) % 1000 < w->repeat ? 2 : 1; copies > 0; copies--) {
        assert_true(w->count < FLIGHT_MAX && head->to < SITES);
        struct flying *f = &w->flight[w->count++];
        char hex[ID_HEX_BYTES];
        id16_hex(log.id, hex);
        *f = *head;
        f->from = from->index;
        (void)snprintf(f->log, sizeof f->log, "%.8s", hex);
        f->len = frame.len;
        f->bytes = malloc(frame.len);
        assert_non_null(f->bytes);
        memcpy(f->bytes, frame.data, frame.len);
    }
}

static struct flying below(enum way way, const char *account) {
    struct flying f = {.way = way, .to = (uint8_t)(account[1] - '0')};
    (void)snprintf(f.account, sizeof f.account, "%s", account);
    return f;
}

static struct flying above(enum way way, const struct site *site, struct site_id parent) {
    struct flying f = {.way = way, .to = (uint8_t)site_index(site->world, parent)};
    (void)snprintf(f.account, sizeof f.account, "s%d", site->index);
    return f;
}

// Accounts of children are named after their site: "s0".
static enum rc send_child(void *ctx, const char *account, struct site_id log, struct slice frame) {
    struct flying head = below(TO_CHILD, account);
    put(ctx, &head, log, frame);
    return RC_OK;
}
static enum rc send_parent(void *ctx, struct site_id parent, struct site_id log,
                           struct slice frame) {
    struct flying head = above(TO_PARENT, ctx, parent);
    put(ctx, &head, log, frame);
    return RC_OK;
}
static enum rc send_reader(void *ctx, struct site_id parent, struct slice frame) {
    struct flying head = above(TO_PARENT_READER, ctx, parent);
    put(ctx, &head, parent, frame);
    return RC_OK;
}
static enum rc hub_send(void *ctx, const char *account, uint8_t lane, struct slice frame) {
    (void)lane;
    struct site *site = ctx;
    enum rc rc = RC_OK;
    if (account && site->tiers && !tiers_send(site->tiers, account, frame, &rc) &&
        account[0] == 's') {
        struct flying head = below(TO_READER_BELOW, account);
        put(site, &head, site->config.site, frame);
    }
    return rc;
}
static bool place_of(void *ctx, const char *kind, struct site_id log, char out_folder[1200],
                     const char **out_vfs) {
    struct site *site = ctx;
    int at = site_index(site->world, log) + (strcmp(kind, "parents") == 0 ? SITES : 0);
    out_folder[0] = '\0';
    if (!site->replica_disks[at] &&
        sim_disk_new((uint64_t)at + 100, &site->replica_disks[at]) != RC_OK) {
        return false;
    }
    *out_vfs = sim_disk_vfs_name(site->replica_disks[at]);
    return true;
}

static void site_start(struct site *site) {
    struct refusal refusal = {0};
    struct hub_options options = {.folder = "",
                                  .vfs = sim_disk_vfs_name(site->disk),
                                  .scheme = keys_stub(),
                                  .config = &site->config,
                                  .keys = &site->keys.device,
                                  .ctx = site,
                                  .send = hub_send,
                                  .random = secret_fill};
    assert_int_equal(hub_open(&options, site->world->now, &site->hub, &refusal), RC_OK);
    struct tiers_options tiers = {.folder = "",
                                  .hub = site->hub,
                                  .ctx = site,
                                  .place_of = place_of,
                                  .send_child = send_child,
                                  .send_parent = send_parent,
                                  .send_reader = send_reader,
                                  .random = secret_fill};
    assert_int_equal(tiers_open(&tiers, site->world->now, &site->tiers), RC_OK);
    for (uint8_t i = 0; i < site->parent_count; i++) {
        assert_int_equal(
            tiers_parent_add(site->tiers, &site->parents[i], site->world->now, &refusal), RC_OK);
    }
    tiers_link(site->tiers, true, site->world->now);
}

static void site_stop(struct site *site) {
    tiers_close(site->tiers);
    hub_close(site->hub);
    site->tiers = NULL;
    site->hub = NULL;
}

static void site_found(struct world *w, uint8_t index) {
    struct site *site = &w->sites[index];
    struct refusal refusal = {0};
    struct site_id id;
    char name[16];
    (void)snprintf(name, sizeof name, "site %u", index);
    site->world = w;
    site->index = index;
    assert_int_equal(sim_disk_new(index + 1u, &site->disk), RC_OK);
    site->keys.device.pair = make_pair(site);
    site->keys.root = make_pair(site);
    site->admin = make_pair(site);
    site->keys.admin = *keypair_public(site->admin);
    struct site_init init = {.folder = "",
                             .vfs = sim_disk_vfs_name(site->disk),
                             .name = name,
                             .admin_name = "admin",
                             .admin_number = "A",
                             .keys = &site->keys,
                             .out_config = &site->config,
                             .scheme = keys_stub(),
                             .ctx = site,
                             .random = secret_fill};
    assert_int_equal(hub_site_init(&init, w->now, &id, &refusal), RC_OK);
    site_start(site);
    assert_true(roster_person_by_number(hub_roster(site->hub), "A", &site->admin_rid));
}

static enum rc try_act(struct site *site, uint16_t number, uint8_t audience, struct slice body,
                       struct rid *out_rid) {
    const struct kind *kind = registry_kind(app_registry(), number, NULL);
    struct buf bytes;
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    struct content content = {.suite = KEYS_SUITE_ED25519,
                              .site = site->config.site,
                              .kind = number,
                              .audience = audience,
                              .person = site->admin_rid,
                              .key = key_id_of(keypair_public(site->admin)),
                              .device = site->config.device,
                              .time = site->world->now.utc,
                              .body = body};
    secret_fill(site, content.nonce, NONCE_BYTES);
    struct signed_record record;
    struct refusal refusal = {0};
    assert_int_equal(record_make(&content, site->admin, &bytes, &record), RC_OK);
    enum rc rc = hub_submit(site->hub, kind->lane, &record, site->world->now, &refusal);
    *out_rid = record.rid;
    buf_fini(&bytes);
    return rc;
}

static struct rid remark(struct site *site, enum audience audience, const char *text) {
    struct buf bytes;
    struct rid rid;
    buf_init(&bytes, 1024);
    struct body body = body_start(registry_kind(app_registry(), KIND_REMARK_ADD, NULL), &bytes);
    body_put_text(&body, REMARK_TEXT, text);
    assert_int_equal(try_act(site, KIND_REMARK_ADD, (uint8_t)audience, buf_slice(&bytes), &rid),
                     RC_OK);
    buf_fini(&bytes);
    return rid;
}

// Both sides sign: the parent's roster names the child, the child's roster the parent.
static void join_pinned(struct site *child, struct site *parent, enum audience audience,
                        const struct keypair *child_key, const struct keypair *parent_key) {
    struct buf bytes;
    struct refusal refusal = {0};
    char account[LIMIT_TAG_BYTES + 1];
    const struct kind *add = registry_kind(app_registry(), KIND_DEVICE_ADD, NULL);
    buf_init(&bytes, 1024);
    (void)snprintf(account, sizeof account, "s%u", child->index);
    struct body body = body_start(add, &bytes);
    body_put_text(&body, DEVICE_NAME, account);
    body_put_uint(&body, DEVICE_KIND, DEVICE_CHILD);
    body_put_bytes(&body, DEVICE_KEY, keypair_public(child_key)->b, PUBLIC_KEY_BYTES);
    body_put_text(&body, DEVICE_ACCOUNT, account);
    body_put_bytes(&body, DEVICE_SITE, child->config.site.id.b, ID_BYTES);
    struct device_config config = {.kind = DEVICE_CHILD,
                                   .site = parent->config.site,
                                   .hub_key = *keypair_public(parent->keys.device.pair)};
    (void)snprintf(config.account, sizeof config.account, "%s", account);
    assert_int_equal(
        try_act(parent, KIND_DEVICE_ADD, AUDIENCE_SITE, buf_slice(&bytes), &config.device), RC_OK);
    buf_reset(&bytes);
    struct rid rid;
    tiers_parent_account(parent->config.site, account);
    body = body_start(add, &bytes);
    body_put_text(&body, DEVICE_NAME, account);
    body_put_uint(&body, DEVICE_KIND, DEVICE_PARENT);
    body_put_bytes(&body, DEVICE_KEY, keypair_public(parent_key)->b, PUBLIC_KEY_BYTES);
    body_put_text(&body, DEVICE_ACCOUNT, account);
    body_put_uint(&body, DEVICE_AUDIENCE, audience);
    if (!child->world->no_orders) {
        body_put_uint(&body, DEVICE_ORDERS, KIND_REMARK_ADD);
    }
    assert_int_equal(try_act(child, KIND_DEVICE_ADD, AUDIENCE_SITE, buf_slice(&bytes), &rid),
                     RC_OK);
    buf_fini(&bytes);
    child->parents[child->parent_count++] = config;
    assert_int_equal(tiers_parent_add(child->tiers, &config, child->world->now, &refusal), RC_OK);
    tiers_parent_link(child->tiers, parent->config.site, true, child->world->now);
}

static void join(struct site *child, struct site *parent, enum audience audience) {
    join_pinned(child, parent, audience, child->keys.device.pair, parent->keys.device.pair);
}

static void deliver(struct world *w) {
    uint32_t count = w->count;
    for (uint32_t i = 0; i < count; i++) {
        struct flying f = w->flight[i];
        struct site *to = &w->sites[f.to];
        struct slice frame = slice_of(f.bytes, f.len);
        struct site_id from = w->sites[f.from].config.site;
        if (to->tiers) {
            // What nobody waits for yet is dropped, as a broker would.
            switch (f.way) {
            case TO_CHILD:
                (void)!tiers_from_parent(to->tiers, from, f.log, frame);
                break;
            case TO_PARENT:
                (void)!tiers_from_child(to->tiers, f.account, f.log, frame);
                break;
            case TO_PARENT_READER:
                (void)!hub_receive(to->hub, f.account, frame);
                break;
            case TO_READER_BELOW:
                (void)!tiers_from_parent_reader(to->tiers, from, frame);
                break;
            }
        }
        free(f.bytes);
    }
    w->count -= count;
    memmove(w->flight, w->flight + count, w->count * sizeof w->flight[0]);
}

static void run(struct world *w, int64_t ms) {
    for (int64_t t = 0; t < ms; t += STEP_MS) {
        struct mono_ms next = {0};
        w->now.utc.v += STEP_MS;
        w->now.mono.v += STEP_MS;
        deliver(w);
        for (int i = 0; i < SITES; i++) {
            if (w->sites[i].hub) {
                assert_int_equal(hub_step(w->sites[i].hub, w->now, &next), RC_OK);
                tiers_step(w->sites[i].tiers, w->now, &next);
            }
        }
    }
}

static void links(struct world *w, bool up) {
    w->cut = !up;
    for (int i = 0; i < SITES; i++) {
        struct site *site = &w->sites[i];
        if (!site->tiers) {
            continue;
        }
        tiers_link(site->tiers, up, w->now);
        for (int k = 0; k < site->parent_count; k++) {
            tiers_parent_link(site->tiers, site->parents[k].site, up, w->now);
        }
    }
}

static int setup(void **state) {
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->now = (struct moment){.utc = {INT64_C(1790000000000)}, .mono = {1000}, .boot_id = 1};
    for (uint8_t i = 0; i < SITES; i++) {
        site_found(w, i);
    }
    *state = w;
    return 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    for (uint32_t i = 0; i < w->count; i++) {
        free(w->flight[i].bytes);
    }
    for (int i = 0; i < SITES; i++) {
        struct site *site = &w->sites[i];
        site_stop(site);
        sim_disk_free(site->disk);
        for (int k = 0; k < 2 * SITES; k++) {
            sim_disk_free(site->replica_disks[k]);
        }
        keypair_free(site->keys.device.pair);
        keypair_free(site->keys.root);
        keypair_free(site->admin);
    }
    free(w);
    return 0;
}

static struct store *copy_at(struct site *site, struct site *of) {
    struct replica *replica = tiers_replica(site->tiers, of->config.site, false);
    return replica ? replica_store(replica) : NULL;
}

static bool has_remark(struct store *store, struct rid rid) {
    struct remark_state state;
    return store && store_view_get(store, &remark_module, rid, false, &state) == RC_OK &&
           state.known;
}

static enum rc no_site_audience(void *ctx, const struct store_chain *chain) {
    if (chain->id.audience == AUDIENCE_SITE && chain->id.lane != LANE_CONTROL) {
        *(bool *)ctx = true;
    }
    return RC_OK;
}

static void a_park_reads_what_leaves_the_site(void **state) {
    struct world *w = *state;
    struct site *low = &w->sites[ENTERPRISE], *park = &w->sites[PARK];
    struct rid own = remark(low, AUDIENCE_SITE, "ours");
    struct rid shared = remark(low, AUDIENCE_PARK, "for the park");
    join(low, park, AUDIENCE_PARK);
    run(w, 20000);
    assert_true(has_remark(copy_at(park, low), shared));
    assert_false(has_remark(copy_at(park, low), own));
    bool leaked = false;
    assert_int_equal(store_chains(copy_at(park, low), no_site_audience, &leaked), RC_OK);
    assert_false(leaked);
    // The child's people are known above, in the child's own namespace only.
    struct rid person;
    const struct roster *theirs =
        replica_roster(tiers_replica(park->tiers, low->config.site, false));
    assert_true(roster_person_by_number(theirs, "A", &person));
    assert_true(rid_equal(person, low->admin_rid));
    assert_null(roster_person(hub_roster(park->hub), low->admin_rid));
    // And while both are linked, the next one is there within seconds.
    struct rid later = remark(low, AUDIENCE_CITY, "later");
    run(w, 3000);
    assert_true(has_remark(copy_at(park, low), later));
}

static void a_city_reads_through_the_park(void **state) {
    struct world *w = *state;
    struct site *low = &w->sites[ENTERPRISE], *park = &w->sites[PARK], *city = &w->sites[CITY];
    join(low, park, AUDIENCE_PARK);
    join(park, city, AUDIENCE_PARK);
    struct rid parks = remark(low, AUDIENCE_PARK, "for the park");
    struct rid citys = remark(low, AUDIENCE_CITY, "for the city");
    run(w, 60000);
    assert_true(has_remark(copy_at(park, low), parks));
    assert_true(has_remark(copy_at(park, low), citys));
    assert_true(has_remark(copy_at(city, low), citys));
    assert_false(has_remark(copy_at(city, low), parks));
    struct tier_row rows[4];
    assert_int_equal(tiers_rows(city->tiers, rows, 4), 2);
    assert_true(rows[0].relayed != rows[1].relayed);
}

static void weeks_away_and_a_bad_line(void **state) {
    struct world *w = *state;
    struct site *low = &w->sites[ENTERPRISE], *park = &w->sites[PARK];
    join(low, park, AUDIENCE_PARK);
    run(w, 10000);
    links(w, false);
    struct rid rids[200];
    for (int i = 0; i < 200; i++) {
        char text[32];
        (void)snprintf(text, sizeof text, "remark %d", i);
        rids[i] = remark(low, AUDIENCE_PARK, text);
        w->now.utc.v += 3 * 3600 * 1000;
        w->now.mono.v += 3 * 3600 * 1000;
        run(w, STEP_MS);
    }
    // Both hubs restart before the line is back, and then it loses and repeats.
    site_stop(low);
    site_start(low);
    site_stop(park);
    site_start(park);
    w->lose = 250;
    w->repeat = 200;
    links(w, true);
    run(w, 900000);
    w->lose = w->repeat = 0;
    run(w, 120000);
    for (int i = 0; i < 200; i++) {
        assert_true(has_remark(copy_at(park, low), rids[i]));
    }
}

static void two_parents_at_once(void **state) {
    struct world *w = *state;
    struct site *low = &w->sites[ENTERPRISE], *park = &w->sites[PARK], *group = &w->sites[GROUP];
    join(low, park, AUDIENCE_PARK);
    join(low, group, AUDIENCE_CITY);
    struct rid parks = remark(low, AUDIENCE_PARK, "park");
    struct rid both = remark(low, AUDIENCE_CITY, "both");
    run(w, 30000);
    assert_true(has_remark(copy_at(park, low), parks));
    assert_true(has_remark(copy_at(park, low), both));
    assert_true(has_remark(copy_at(group, low), both));
    assert_false(has_remark(copy_at(group, low), parks));
}

static bool has_order(struct site *site, struct rid rid, struct carry_state *out_state) {
    return store_view_get(hub_store(site->hub), &carry_module, rid, false, out_state) == RC_OK &&
           out_state->known;
}

static enum rc count_carry(void *ctx, struct rid subject, const void *state) {
    (void)subject;
    (void)state;
    ++*(uint32_t *)ctx;
    return RC_OK;
}

static void orders_come_down_once(void **state) {
    struct world *w = *state;
    struct site *low = &w->sites[ENTERPRISE], *park = &w->sites[PARK];
    struct rid inner = remark(park, AUDIENCE_SITE, "the park's own");
    struct rid order = remark(park, AUDIENCE_PARK, "stop hot work in wind");
    join(low, park, AUDIENCE_PARK);
    run(w, 20000);
    struct carry_state carry;
    assert_true(has_order(low, order, &carry));
    assert_string_equal(carry.text, "stop hot work in wind");
    assert_true(id16_equal(carry.site.id, park->config.site.id));
    assert_int_equal(carry.kind, KIND_REMARK_ADD);
    assert_false(has_order(low, inner, &carry));
    // Restarts and repeated frames carry nothing twice.
    w->repeat = 500;
    for (int i = 0; i < 3; i++) {
        site_stop(low);
        site_start(low);
        links(w, true);
        run(w, 20000);
    }
    uint32_t count = 0;
    struct view_query all = {.limit = 100};
    assert_int_equal(store_view_each(hub_store(low->hub), &carry_module, &all, count_carry, &count),
                     RC_OK);
    assert_int_equal(count, 1);
    struct rid later = remark(park, AUDIENCE_CITY, "later");
    run(w, 20000);
    assert_true(has_order(low, later, &carry));
}

static void a_parent_orders_only_what_the_child_allows(void **state) {
    struct world *w = *state;
    struct site *low = &w->sites[ENTERPRISE], *park = &w->sites[PARK];
    struct carry_state carry;
    w->no_orders = true;
    join(low, park, AUDIENCE_PARK);
    struct rid order = remark(park, AUDIENCE_PARK, "not asked for");
    run(w, 30000);
    assert_true(
        has_remark(replica_store(tiers_replica(low->tiers, park->config.site, true)), order));
    assert_false(has_order(low, order, &carry));
}

// Each side pins the other's key: who comes with another one, on the right account, gets nothing.
static void strangers_get_nothing(void **state) {
    struct world *w = *state;
    struct site *low = &w->sites[ENTERPRISE], *park = &w->sites[PARK], *city = &w->sites[CITY];
    struct site *group = &w->sites[GROUP];
    struct refusal refusal = {0};
    struct rid shared = remark(low, AUDIENCE_CITY, "shared");
    join_pinned(low, park, AUDIENCE_PARK, low->keys.device.pair, group->keys.device.pair);
    join_pinned(low, city, AUDIENCE_PARK, group->keys.device.pair, city->keys.device.pair);
    run(w, 30000);
    assert_false(has_remark(copy_at(park, low), shared));
    assert_false(has_remark(copy_at(city, low), shared));
    struct hub_status status;
    hub_status(low->hub, &status);
    assert_true(status.sync.not_verified > 0); // the park's greeting
    struct replica_status copy;
    replica_status(tiers_replica(city->tiers, low->config.site, false), &copy);
    assert_true(copy.sync.not_verified > 0); // the enterprise's answer
    assert_int_equal(copy.entries, 0);
    struct device_config own = low->config;
    assert_int_equal(tiers_parent_add(low->tiers, &own, w->now, &refusal), RC_WRONG_SITE);
    assert_int_equal(tiers_parent_add(low->tiers, &low->parents[0], w->now, &refusal), RC_EXISTS);
}

int main(void) {
    assert_int_equal(keys_init(), RC_OK);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_park_reads_what_leaves_the_site, setup, teardown),
        cmocka_unit_test_setup_teardown(a_city_reads_through_the_park, setup, teardown),
        cmocka_unit_test_setup_teardown(weeks_away_and_a_bad_line, setup, teardown),
        cmocka_unit_test_setup_teardown(two_parents_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(orders_come_down_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_parent_orders_only_what_the_child_allows, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(strangers_get_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
