// Roster, alarm evaluator, plant and site files, telemetry without memory.
#include "../unit/domain_roster_util.h"
#include "fault.h"

#include "davy/domain/alarm/eval.h"
#include "davy/domain/alarm/plant.h"
#include "davy/domain/site/site.h"
#include "davy/feed/mapping.h"

// ---- Roster ----

#define PEOPLE 40

static void *roster_setup(void) {
    struct roster *roster = NULL;
    assert_int_equal(roster_new(&roster), RC_OK);
    set_site(roster, 1, 1);
    return roster;
}

static void roster_teardown(void *world) {
    roster_free(world);
}

static enum rc roster_new_run(void *world) {
    struct roster *roster = NULL;
    (void)world;
    enum rc rc = roster_new(&roster);
    roster_free(roster);
    return rc;
}

// People and devices of a site, each with a key and a role. After a failure the roster is built
// anew, as its contract says.
struct roster_world {
    struct roster *roster;
    struct roster_state *people[PEOPLE];
    struct roster_state *devices[PEOPLE];
};

static void *people_setup(void) {
    struct roster_world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    for (uint8_t i = 0; i < PEOPLE; i++) {
        char number[8];
        struct body_test test;
        (void)snprintf(number, sizeof number, "%u", i + 100u);
        w->people[i] = person_state("李伟", number);
        grant(w->people[i], ROLE_OPERATOR, "R1");
        certify(w->people[i], key_of(i), rid_of((uint8_t)(i + 100)));
        w->devices[i] = state_new();
        put_device(&test, number, DEVICE_CONSOLE, key_of((uint8_t)(i + 100)));
        fold_done(&test, w->devices[i], KIND_DEVICE_ADD, VERDICT_ACCEPTED);
    }
    return w;
}

static void people_teardown(void *world) {
    struct roster_world *w = world;
    roster_free(w->roster);
    for (int i = 0; i < PEOPLE; i++) {
        free(w->people[i]);
        free(w->devices[i]);
    }
    free(w);
}

static enum rc people_run(void *world) {
    struct roster_world *w = world;
    struct roster *roster = NULL;
    enum rc rc = roster_new(&roster);
    for (uint8_t i = 0; i < PEOPLE && rc == RC_OK; i++) {
        rc = roster_set(roster, rid_of(i), w->people[i]);
        if (rc == RC_OK) {
            rc = roster_set(roster, rid_of((uint8_t)(i + 100)), w->devices[i]);
        }
    }
    if (rc != RC_OK) {
        roster_free(roster);
        return rc;
    }
    roster_free(w->roster);
    w->roster = roster;
    return RC_OK;
}

static void people_check(void *world, enum rc rc) {
    struct roster_world *w = world;
    if (rc != RC_OK) {
        return;
    }
    struct roster_key_owner owner;
    struct rid found;
    assert_int_equal(roster_person_count(w->roster), PEOPLE);
    assert_int_equal(roster_device_count(w->roster), PEOPLE);
    for (uint8_t i = 0; i < PEOPLE; i++) {
        char number[8];
        struct public_key key = key_of(i);
        (void)snprintf(number, sizeof number, "%u", i + 100u);
        assert_true(roster_person_by_number(w->roster, number, &found));
        assert_true(rid_equal(found, rid_of(i)));
        assert_true(roster_key(w->roster, key_id_of(&key), &owner));
        assert_true(roster_device_by_account(w->roster, number, &found));
        assert_true(
            roster_holds(w->roster, rid_of(i), ROLE_BIT(ROLE_OPERATOR), "R1", (struct utc_ms){1}));
    }
}

// A role is taken away: the roster says so, or it says that it must be built anew.
static enum rc revoke_run(void *world) {
    struct roster_world *w = world;
    return roster_set(w->roster, rid_of(3), w->people[3]);
}

static void *revoke_setup(void) {
    struct roster_world *w = people_setup();
    struct body_test test;
    assert_int_equal(people_run(w), RC_OK);
    put_role(&test, KIND_ROLE_REVOKE, ROLE_OPERATOR, "R1");
    fold_done(&test, w->people[3], KIND_ROLE_REVOKE, VERDICT_ACCEPTED);
    return w;
}

static void revoke_check(void *world, enum rc rc) {
    struct roster_world *w = world;
    if (rc == RC_OK) {
        assert_false(
            roster_holds(w->roster, rid_of(3), ROLE_BIT(ROLE_OPERATOR), "R1", (struct utc_ms){1}));
    }
}

static enum rc right_run(void *world) {
    const struct kind *kind = registry_kind(&roster_registry, KIND_PERSON_ADD, NULL);
    const struct content content = {.kind = KIND_PERSON_ADD, .person = rid_of(1)};
    struct refusal refusal = {0};
    return roster_check_right(world, kind, &content, "", &refusal) == RC_REFUSED ? RC_OK
                                                                                 : RC_INVALID;
}

// ---- Evaluator ----

#define TAGS 12

struct eval_world {
    struct alarm_eval_tag tags[TAGS];
    struct alarm_eval_gateway gateway;
    struct alarm_eval *eval;
    struct buf state;
    uint32_t events;
    bool again; // done already: everything is active
};

static void on_event(void *context, const struct alarm_event *event) {
    (void)event;
    ((struct eval_world *)context)->events++;
}

static struct alarm_eval_config eval_config(struct eval_world *w) {
    static const char *const names[TAGS] = {"T0", "T1", "T2", "T3", "T4",  "T5",
                                            "T6", "T7", "T8", "T9", "T10", "T11"};
    for (int i = 0; i < TAGS; i++) {
        w->tags[i] = (struct alarm_eval_tag){.name = names[i]};
        w->tags[i].limits[ALARM_H] =
            (struct alarm_eval_limit){.present = true, .value = 100, .on_delay_ms = 1000};
    }
    w->gateway = (struct alarm_eval_gateway){.name = "g", .stale_ms = 5000};
    return (struct alarm_eval_config){
        .tags = w->tags, .gateways = &w->gateway, .tag_count = TAGS, .gateway_count = 1};
}

static void *eval_setup(void) {
    struct eval_world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    buf_init(&w->state, ALARM_EVAL_STATE_BYTES);
    return w;
}

static void eval_teardown(void *world) {
    struct eval_world *w = world;
    alarm_eval_free(w->eval);
    buf_fini(&w->state);
    free(w);
}

static enum rc eval_new_run(void *world) {
    struct eval_world *w = world;
    struct alarm_eval_config config = eval_config(w);
    struct alarm_eval *eval = NULL;
    enum rc rc = alarm_eval_new(&config, (struct moment){.utc = {1000}}, &eval);
    assert_true((rc == RC_OK) == (eval != NULL));
    alarm_eval_free(eval);
    return rc;
}

static void *eval_made(void) {
    struct eval_world *w = eval_setup();
    struct alarm_eval_config config = eval_config(w);
    assert_int_equal(alarm_eval_new(&config, (struct moment){.utc = {1000}}, &w->eval), RC_OK);
    return w;
}

// Readings, timers and the saved state: evaluation itself asks for no memory.
static enum rc eval_run(void *world) {
    struct eval_world *w = world;
    struct alarm_sink sink = {.emit = on_event, .context = w};
    struct moment now = {.utc = {2000}, .mono = {2000}};
    w->events = 0;
    for (uint32_t i = 0; i < TAGS; i++) {
        struct alarm_reading reading = {.tag = i, .value = 101, .time = now.utc};
        (void)alarm_eval_reading(w->eval, &reading, now, &sink);
    }
    now.utc.v += 2000;
    now.mono.v += 2000;
    (void)alarm_eval_tick(w->eval, now, &sink);
    assert_true(w->events == TAGS || w->again);
    w->again = true;
    buf_fini(&w->state);
    buf_init(&w->state, ALARM_EVAL_STATE_BYTES);
    enum rc rc = alarm_eval_encode(w->eval, now, &w->state);
    uint32_t skipped = 0;
    if (rc == RC_OK) {
        rc = alarm_eval_decode(w->eval, buf_slice(&w->state), now, &skipped);
    }
    return rc;
}

static void eval_check(void *world, enum rc rc) {
    struct eval_world *w = world;
    (void)rc;
    for (uint32_t i = 0; i < TAGS; i++) {
        assert_true(alarm_eval_limit_is_active(w->eval, i, ALARM_H));
    }
}

// ---- Plant ----

static const char plant_text[] =
    "{\"meta\":{\"title\":\"t\",\"replay_sample_interval_s\":180},\n"
    " \"tags\":[\n"
    "  {\"tag\":\"XMEAS08\",\"column\":8,\"name\":\"液位 level\",\"unit\":\"%\",\"nominal\":75,"
    "\"limits\":{\"HH\":{\"value\":100,\"priority\":\"high\"},"
    "\"H\":{\"value\":80.267,\"priority\":\"medium\",\"on_delay_s\":60,\"deadband\":1.06}}},\n"
    "  {\"tag\":\"T2\",\"column\":\"value\",\"limits\":{}}\n"
    " ]}\n";

static enum rc plant_run(void *world) {
    (void)world;
    struct plant *plant = NULL;
    struct plant_error error = {0};
    enum rc rc = plant_parse(slice_text(plant_text), &plant, &error);
    assert_true((rc == RC_OK) == (plant != NULL));
    if (rc == RC_OK) {
        assert_int_equal(plant->tag_count, 2);
        assert_int_equal(plant->tags[0].limit_count, 2);
    } else {
        assert_int_equal(error.fault, PLANT_NO_MEMORY);
    }
    plant_free(plant);
    return rc;
}

// ---- Site ----

static const char site_head[] = "[site]\nname = 试验装置 Test unit\n"
                                "[area R1]\nname = 反应 Reaction\n"
                                "[equipment E1]\nname = 釜\narea = R1\n"
                                "[gateway gw1]\nname = PLC 1\nstale_s = 30\n"
                                "[mapping plant]\ntopic = plant/#\nbad = 1 2 3\n";

static void *site_setup(void) {
    struct buf *text = calloc(1, sizeof *text);
    assert_non_null(text);
    buf_init(text, 1 << 20);
    buf_put(text, site_head, sizeof site_head - 1);
    for (int i = 0; i < 40; i++) {
        buf_printf(
            text,
            "[tag PT-%d]\nname = 压力\narea = R1\nequipment = E1\ngateway = gw1\nunit = kPa\n"
            "range = 0 .. 4000\nH = 2800 deadband=10 priority=2\nconsequence = c\n"
            "action = a\nrespond_s = 300\n",
            i);
    }
    assert_int_equal(buf_rc(text), RC_OK);
    return text;
}

static void site_teardown(void *world) {
    buf_fini(world);
    free(world);
}

static enum rc site_run(void *world) {
    struct site *site = NULL;
    static struct site_issues issues;
    enum rc rc = site_parse(buf_slice(world), 9, &site, &issues);
    assert_true((rc == RC_OK) == (site != NULL));
    if (rc == RC_OK) {
        uint32_t index = 0;
        assert_int_equal(site->tag_count, 40);
        assert_int_equal(issues.error_count, 0);
        assert_true(site_tag_find(site, slice_text("PT-39"), &index));
        assert_int_equal(index, 39);
    }
    site_free(site);
    return rc;
}

// ---- Telemetry ----

static const struct feed_mapping_text mapping_texts[] = {
    {.topic = "plant/{line}/{tag}", .good = "192 good", .bad_values = "9999.9999"}, {.topic = "#"}};

static enum rc feed_new_run(void *world) {
    (void)world;
    struct feed *feed = NULL;
    uint32_t index = UINT32_MAX;
    struct feed_mapping_fault wrong = {0};
    enum rc rc = feed_new(mapping_texts, COUNT_OF(mapping_texts), 5, &feed, &index, &wrong);
    assert_true((rc == RC_OK) == (feed != NULL));
    feed_free(feed);
    return rc;
}

static void *feed_setup(void) {
    struct feed *feed = NULL;
    uint32_t index;
    struct feed_mapping_fault wrong;
    assert_int_equal(feed_new(mapping_texts, COUNT_OF(mapping_texts), 5, &feed, &index, &wrong),
                     RC_OK);
    return feed;
}

static void feed_teardown(void *world) {
    feed_free(world);
}

static enum rc feed_run(void *world) {
    struct feed_batch batch = {0};
    struct feed_error error = {0};
    const char *payload = "[{\"tag\":\"A\",\"t\":1650006388943,\"v\":12.5},"
                          "{\"tag\":\"\\u0042\",\"t\":1650006388943,\"v\":1e3,\"q\":\"bad\"}]";
    enum rc rc = feed_read(world, slice_text("other/x"), slice_text(payload), &batch, &error);
    return rc == RC_OK && batch.count != 2 ? RC_INVALID : rc;
}

static enum rc scanner_run(void *world) {
    (void)world;
    struct feed_scanner *scanner = NULL;
    enum rc rc = feed_scanner_new(3, &scanner);
    feed_scanner_free(scanner);
    return rc;
}

static enum rc mapping_check_run(void *world) {
    (void)world;
    struct feed_mapping_fault wrong = {0};
    return feed_mapping_check(&mapping_texts[0], &wrong);
}

static const struct fault_op ops[] = {
    {.name = "roster new", .run = roster_new_run},
    {.name = "roster of people and devices",
     .setup = people_setup,
     .run = people_run,
     .check = people_check,
     .teardown = people_teardown,
     .most = 200},
    {.name = "roster: a role is revoked",
     .setup = revoke_setup,
     .run = revoke_run,
     .check = revoke_check,
     .teardown = people_teardown},
    {.name = "roster: check of a right",
     .setup = roster_setup,
     .run = right_run,
     .teardown = roster_teardown},
    {.name = "evaluator new", .setup = eval_setup, .run = eval_new_run, .teardown = eval_teardown},
    {.name = "evaluator: readings, timers, state",
     .setup = eval_made,
     .run = eval_run,
     .check = eval_check,
     .teardown = eval_teardown},
    {.name = "plant parse", .run = plant_run, .most = 200},
    {.name = "site parse",
     .setup = site_setup,
     .run = site_run,
     .teardown = site_teardown,
     .most = 200,
     .keep = true},
    {.name = "feed new", .run = feed_new_run},
    {.name = "feed read", .setup = feed_setup, .run = feed_run, .teardown = feed_teardown},
    {.name = "feed scanner new", .run = scanner_run},
    {.name = "mapping check", .run = mapping_check_run},
};

int main(int argc, char **argv) {
    return fault_main(argc, argv, ops, COUNT_OF(ops));
}
