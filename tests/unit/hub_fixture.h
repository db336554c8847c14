// A new site in a folder of its own, its hub, and a small site file; time is the test's.
#ifndef DAVY_HUB_FIXTURE_H
#define DAVY_HUB_FIXTURE_H

#include "test_util.h"

#include "davy/hub/hub.h"
#include "davy/keys/keyfile.h"

#include <locale.h>

bool keyfile_test_costs(void);
bool keyfile_test_costs(void) {
    return true;
}

static const char site_text[] = "[site]\n"
                                "name = 试验装置 Test unit\n"
                                "[area R1]\n"
                                "name = 反应 Reaction\n"
                                "[area S1]\n"
                                "name = 分离 Separation\n"
                                "[gateway gw1]\n"
                                "name = PLC 1\n"
                                "stale_s = 30\n"
                                "[tag PT-1]\n"
                                "name = 反应器压力 Reactor pressure\n"
                                "area = R1\n"
                                "gateway = gw1\n"
                                "unit = kPa\n"
                                "range = 0 .. 4000\n"
                                "H = 2800 deadband=10 priority=2\n"
                                "HH = 2900 deadband=10 priority=1\n"
                                "consequence = 泄压 Relief\n"
                                "action = 减料 Reduce feed\n"
                                "respond_s = 300\n"
                                "[tag LT-2]\n"
                                "name = 液位 Level\n"
                                "area = S1\n"
                                "gateway = gw1\n"
                                "unit = %\n"
                                "range = 0 .. 100\n"
                                "L = 20 deadband=2 on=5 off=5 priority=3\n"
                                "consequence = 抽空 Pump runs dry\n"
                                "action = 停泵 Stop pump\n"
                                "respond_s = 600\n"
                                "[mapping plant]\n"
                                "topic = plant/#\n";

struct fixture {
    char folder[TEST_PATH_BYTES];
    struct moment now;
    struct hub *hub;
    struct site_id site;
    uint32_t frames; // handed to `send`
};

static enum rc fixture_send(void *ctx, const char *account, uint8_t lane, struct slice frame) {
    (void)account;
    (void)lane;
    (void)frame;
    ((struct fixture *)ctx)->frames++;
    return RC_OK;
}

static inline void fixture_later(struct fixture *f, int64_t ms) {
    f->now.utc.v += ms;
    f->now.mono.v += ms;
}

static inline void fixture_step(struct fixture *f) {
    struct mono_ms next;
    assert_int_equal(hub_step(f->hub, f->now, &next), RC_OK);
}

static inline void fixture_open(struct fixture *f) {
    struct refusal refusal = {0};
    struct hub_options options = {.folder = f->folder,
                                  .scheme = keys_ed25519(),
                                  .history = true,
                                  .ctx = f,
                                  .send = fixture_send};
    assert_int_equal(hub_open(&options, f->now, &f->hub, &refusal), RC_OK);
    assert_int_equal(hub_site(f->hub, slice_text(site_text), f->now, &refusal), RC_OK);
    fixture_step(f);
}

static inline void fixture_reopen(struct fixture *f) {
    hub_close(f->hub);
    fixture_open(f);
}

static inline int fixture_setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
    assert_int_equal(keys_init(), RC_OK);
    test_folder_make(f->folder);
    f->now = (struct moment){.utc = {1790000000000}, .mono = {5000000}, .boot_id = 7};
    struct site_init init = {.folder = f->folder,
                             .name = "试验 Test",
                             .admin_name = "管理员 Admin",
                             .admin_number = "A1",
                             .root_pin = "13572468",
                             .admin_pin = "24681357",
                             .demo = true,
                             .cost = pin_cost_test,
                             .scheme = keys_ed25519()};
    struct refusal refusal = {0};
    assert_int_equal(hub_site_init(&init, f->now, &f->site, &refusal), RC_OK);
    fixture_open(f);
    *state = f;
    return 0;
}

static inline int fixture_teardown(void **state) {
    struct fixture *f = *state;
    hub_close(f->hub);
    test_folder_remove(f->folder);
    free(f);
    return 0;
}

static inline void fixture_reading(struct fixture *f, const char *tag, double value) {
    char payload[128];
    (void)snprintf(payload, sizeof payload, "{\"tag\":\"%s\",\"t\":%lld,\"v\":%.10g}", tag,
                   (long long)f->now.utc.v, value);
    hub_telemetry(f->hub, "plant/gw1", slice_text(payload), f->now);
    fixture_step(f);
}

// Open occurrences of the log, by the view.
struct occurrences {
    uint32_t count;
    struct rid subject[8];
    struct alarm_state state[8];
};

static enum rc occurrence_add(void *ctx, struct rid subject, const void *state) {
    struct occurrences *all = ctx;
    assert_true(all->count < 8);
    all->subject[all->count] = subject;
    memcpy(&all->state[all->count++], state, sizeof all->state[0]);
    return RC_OK;
}

static inline struct occurrences fixture_occurrences(struct fixture *f, bool active_only) {
    struct occurrences all = {0};
    struct view_filter active = {.column = "active", .op = '=', .value = {.number = 1}};
    struct view_query query = {
        .filters = &active, .filter_count = active_only ? 1 : 0, .order = "raised_ms"};
    assert_int_equal(
        store_view_each(hub_store(f->hub), &alarm_module, &query, occurrence_add, &all), RC_OK);
    return all;
}

#endif
