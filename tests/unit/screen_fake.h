// A fixed site behind app's door, for tests of screens: every app_ function that screens call, over
// one struct of plain data. Linked instead of src/app, so that a golden never depends on time,
// store or network. Names come in the language of the test.
#ifndef DAVY_SCREEN_FAKE_H
#define DAVY_SCREEN_FAKE_H

#include "test_util.h"

#include "davy/app/remark.h"
#include "screen/screen_priv.h"

#include <locale.h>
#include <math.h>
#include <unistd.h>

#define FAKE_NOW_UTC INT64_C(1787380330000) // 2026-08-22 14:32:10 at +08:00
#define FAKE_NOW_MONO INT64_C(5000000)
#define FAKE_ALARMS_MAX 64
#define FAKE_TAGS 12
#define FAKE_AREAS 4
#define FAKE_PEOPLE 4

struct app {
    bool zh;
    bool cut_off;
    bool locked;
    struct app_person people[FAKE_PEOPLE];
    struct alarm_row alarms[FAKE_ALARMS_MAX];
    uint32_t alarm_count;
    struct roster *roster;
    // What was asked for.
    uint32_t acked; // rows of the last acknowledgement
    struct painted_row ack_rows[LIMIT_RECORD_SUBJECTS];
    char comment[LIMIT_COMMENT_BYTES + 1];
    uint8_t audience; // of the last remark
    const char *pin;  // the right one
    uint32_t touched;
    bool has_message;
    struct app_message message;
    enum refusal_code refuse; // every act is refused with it
};

struct fake_name {
    const char *code, *en, *zh;
};
static const struct fake_name fake_areas[FAKE_AREAS] = {
    {"100", "Reaction", "反应单元"},
    {"200", "Separation and compression", "分离压缩单元"},
    {"300", "Tank farm", "罐区"},
    {"400", "Utilities", "公用工程"},
};
static const struct fake_name fake_people[FAKE_PEOPLE] = {
    {"1001", "Zhang Wei", "张伟"},
    {"1002", "Li Na", "李娜"},
    {"1003", "Ouyang Zhiyuan", "欧阳志远"},
    {"9001", "Admin Chen", "陈管理员"},
};

static inline const char *fake_pick(const struct app *app, struct fake_name name) {
    return app->zh ? name.zh : name.en;
}

struct fake_tag {
    struct fake_name name;
    const char *area, *unit, *equipment;
    double value;
    struct decimal limits[4];
    uint8_t has;
    uint8_t quality;
    int64_t age_ms;
    bool silent;
};
#define DEC(mantissa, exponent)                                                                    \
    { mantissa, exponent }
static const struct fake_tag fake_tags[FAKE_TAGS] = {
    {{"PT-101", "Reactor pressure", "反应器压力"},
     "100",
     "kPa",
     "R-101",
     2912.4,
     {DEC(2950, 0), DEC(29, 2), DEC(0, 0), DEC(0, 0)},
     3,
     0,
     900,
     false},
    {{"TT-101", "Reactor temperature", "反应器温度"},
     "100",
     "℃",
     "R-101",
     122.86,
     {DEC(125, 0), DEC(1225, -1), DEC(118, 0), DEC(115, 0)},
     15,
     0,
     900,
     false},
    {{"LT-101", "Reactor level", "反应器液位"},
     "100",
     "%",
     "R-101",
     74.9,
     {DEC(90, 0), DEC(85, 0), DEC(55, 0), DEC(5, 1)},
     15,
     0,
     900,
     false},
    {{"FT-104", "Feed flow, streams A and C", "A、C 进料流量"},
     "100",
     "kscmh",
     "",
     9.35,
     {DEC(0, 0), DEC(0, 0), DEC(0, 0), DEC(0, 0)},
     0,
     0,
     900,
     false},
    {{"CT-201", "Compressor work", "一号循环压缩机功率"},
     "200",
     "kW",
     "C-201",
     341.4,
     {DEC(0, 0), DEC(350, 0), DEC(0, 0), DEC(0, 0)},
     2,
     0,
     900,
     false},
    {{"TT-202", "Compressor discharge temperature", "压缩机出口温度"},
     "200",
     "℃",
     "C-201",
     88.2,
     {DEC(95, 0), DEC(85, 0), DEC(0, 0), DEC(0, 0)},
     3,
     0,
     900,
     false},
    {{"LT-203", "Stripper level", "汽提塔液位"},
     "200",
     "%",
     "T-203",
     12.1,
     {DEC(0, 0), DEC(0, 0), DEC(2, 1), DEC(15, 0)},
     12,
     0,
     900,
     false},
    {{"AT-301", "Chlorine leak detector", "氯气泄漏检测"},
     "300",
     "ppm",
     "V-301",
     8.2,
     {DEC(5, 0), DEC(1, 0), DEC(0, 0), DEC(0, 0)},
     3,
     0,
     900,
     false},
    {{"LT-302", "Tank 2 level", "二号储罐液位"},
     "300",
     "%",
     "V-302",
     61.5,
     {DEC(95, 0), DEC(9, 1), DEC(1, 1), DEC(5, 0)},
     15,
     2,
     900,
     false},
    {{"PT-303", "Tank 3 pressure", "三号储罐压力"},
     "300",
     "kPa",
     "V-303",
     101.3,
     {DEC(0, 0), DEC(12, 1), DEC(0, 0), DEC(0, 0)},
     2,
     0,
     95000,
     false},
    {{"FT-401", "Cooling water flow", "循环冷却水流量"},
     "400",
     "m3/h",
     "",
     1250,
     {DEC(0, 0), DEC(0, 0), DEC(9, 2), DEC(8, 2)},
     12,
     1,
     900,
     false},
    {{"XV-402", "Instrument air pressure", "仪表空气压力"},
     "400",
     "MPa",
     "",
     0,
     {DEC(0, 0), DEC(0, 0), DEC(5, -1), DEC(4, -1)},
     12,
     0,
     0,
     true},
};

static inline struct rid fake_rid(uint8_t number) {
    struct rid rid = {{{0}}};
    for (size_t i = 0; i < ID_BYTES; i++) {
        rid.id.b[i] = (uint8_t)(number * 31 + i * 7 + 1);
    }
    return rid;
}

struct fake_alarm {
    int tag;
    uint8_t limit, priority;
    bool active, acked, pending;
    int64_t ago_s;
    struct decimal value;
    uint16_t comments;
};
static const struct fake_alarm fake_alarms[] = {
    {7, ALARM_HH, 1, true, false, false, 65, DEC(82, -1), 0},
    {0, ALARM_H, 1, true, true, false, 1260, DEC(29124, -1), 2},
    {5, ALARM_H, 2, true, false, false, 742, DEC(882, -1), 0},
    {6, ALARM_LL, 2, false, false, false, 3120, DEC(1495, -2), 0},
    {1, ALARM_H, 2, true, true, true, 300, DEC(122502, -3), 0},
    {9, ALARM_STALE, 3, true, false, false, 85, DEC(0, 0), 0},
    {4, ALARM_H, 3, false, false, false, 52000, DEC(3507, -1), 1},
    {10, ALARM_L, 4, true, false, false, 9000, DEC(8991, -1), 0},
};

static inline void fake_add_alarm(struct app *app, const struct fake_alarm *from) {
    const struct fake_tag *tag = &fake_tags[from->tag];
    struct alarm_row *row = &app->alarms[app->alarm_count];
    memset(row, 0, sizeof *row);
    row->subject = fake_rid((uint8_t)(app->alarm_count + 10));
    struct alarm_state *state = &row->state;
    state->known = true;
    state->active = from->active;
    state->acked = from->acked;
    state->acked_pending = from->pending;
    state->limit = from->limit;
    state->priority = from->priority;
    state->comment_count = from->comments;
    state->acked_by = fake_rid(1);
    state->acked_time = (struct utc_ms){FAKE_NOW_UTC - from->ago_s * 500};
    state->raised_time = (struct utc_ms){FAKE_NOW_UTC - from->ago_s * 1000};
    state->returned_time =
        (struct utc_ms){from->active ? 0 : FAKE_NOW_UTC - from->ago_s * 1000 + 30000};
    state->changed_n = 1000 + app->alarm_count;
    state->value = from->value;
    state->limit_value = from->limit >= ALARM_HH && from->limit <= ALARM_LL
                             ? tag->limits[from->limit - 1]
                             : (struct decimal){0, 0};
    snprintf(state->tag, sizeof state->tag, "%s", tag->name.code);
    snprintf(state->area, sizeof state->area, "%s", tag->area);
    snprintf(state->unit, sizeof state->unit, "%s", tag->unit);
    snprintf(state->name, sizeof state->name, "%s", fake_pick(app, tag->name));
    app->alarm_count++;
}

// Nobody is signed in yet; fake_sign_in() makes the first person act.
static inline void fake_init(struct app *app, bool zh) {
    memset(app, 0, sizeof *app);
    app->zh = zh;
    app->pin = "20260822";
    for (size_t i = 0; i < sizeof fake_alarms / sizeof fake_alarms[0]; i++) {
        fake_add_alarm(app, &fake_alarms[i]);
    }
    assert_int_equal(roster_new(&app->roster), RC_OK);
    for (uint8_t i = 0; i < FAKE_PEOPLE; i++) {
        struct app_person *person = &app->people[i];
        person->person = fake_rid((uint8_t)(i + 1));
        person->has_key = i < 2;
        person->waiting = i == 2;
        snprintf(person->name, sizeof person->name, "%s", fake_pick(app, fake_people[i]));
        snprintf(person->number, sizeof person->number, "%s", fake_people[i].code);
        struct roster_state state = {.what = ROSTER_PERSON};
        memcpy(state.as.person.name, person->name, sizeof person->name);
        memcpy(state.as.person.number, person->number, sizeof person->number);
        assert_int_equal(roster_set(app->roster, person->person, &state), RC_OK);
    }
}

static inline void fake_fini(struct app *app) {
    roster_free(app->roster);
}

static inline void fake_sign_in(struct app *app) {
    app->people[0].signed_in = true;
    app->people[0].active = true;
}

static inline struct moment fake_moment(int64_t after_ms) {
    return (struct moment){.utc = {FAKE_NOW_UTC + after_ms}, .mono = {FAKE_NOW_MONO + after_ms}};
}

// ---- app's door ----

const struct roster *app_roster(const struct app *app) {
    return app->roster;
}

uint32_t app_people(struct app *app, struct app_person *out_people, uint32_t max) {
    uint32_t count = max < FAKE_PEOPLE ? max : FAKE_PEOPLE;
    memcpy(out_people, app->people, count * sizeof *out_people);
    return count;
}

static inline struct app_person *fake_person(struct app *app, const char *number) {
    for (size_t i = 0; i < FAKE_PEOPLE; i++) {
        if (strcmp(app->people[i].number, number) == 0) {
            return &app->people[i];
        }
    }
    return NULL;
}

bool app_set_active(struct app *app, struct rid person) {
    bool found = false;
    for (size_t i = 0; i < FAKE_PEOPLE; i++) {
        bool here = app->people[i].signed_in && rid_equal(app->people[i].person, person);
        found = found || here;
    }
    for (size_t i = 0; found && i < FAKE_PEOPLE; i++) {
        app->people[i].active = rid_equal(app->people[i].person, person);
    }
    return found;
}

enum rc app_sign_in(struct app *app, const char *number, const char *pin, struct moment now,
                    struct refusal *out_refusal) {
    (void)now;
    struct app_person *person = fake_person(app, number);
    if (person == NULL) {
        return REFUSE(out_refusal, REFUSAL_PERSON_UNKNOWN, number);
    }
    if (strcmp(pin, app->pin) != 0) {
        return REFUSE(out_refusal, REFUSAL_PIN_WRONG, "4");
    }
    person->signed_in = true;
    (void)app_set_active(app, person->person);
    return RC_OK;
}

void app_sign_out(struct app *app, struct rid person) {
    for (size_t i = 0; i < FAKE_PEOPLE; i++) {
        if (rid_equal(app->people[i].person, person)) {
            app->people[i].signed_in = false;
            app->people[i].active = false;
        }
    }
}

bool app_active(const struct app *app, struct app_person *out_person) {
    for (size_t i = 0; i < FAKE_PEOPLE; i++) {
        if (app->people[i].active) {
            *out_person = app->people[i];
            return true;
        }
    }
    return false;
}

uint32_t app_signed_in_count(const struct app *app) {
    uint32_t count = 0;
    for (size_t i = 0; i < FAKE_PEOPLE; i++) {
        count += app->people[i].signed_in ? 1 : 0;
    }
    return count;
}

void app_lock(struct app *app) {
    app->locked = true;
}

bool app_is_locked(const struct app *app) {
    return app->locked;
}

enum rc app_unlock(struct app *app, const char *number, const char *pin, struct moment now,
                   struct refusal *out_refusal) {
    enum rc rc = app_sign_in(app, number, pin, now, out_refusal);
    app->locked = app->locked && rc != RC_OK;
    return rc;
}

void app_touch(struct app *app, struct moment now) {
    (void)now;
    app->touched++;
}

enum rc app_first_use(struct app *app, const char *number, const char *code, const char *pin,
                      struct moment now, struct refusal *out_refusal) {
    (void)now;
    struct app_person *person = fake_person(app, number);
    if (person == NULL) {
        return REFUSE(out_refusal, REFUSAL_PERSON_UNKNOWN, number);
    }
    if (strcmp(code, "K7M2") != 0) {
        return REFUSE(out_refusal, REFUSAL_CODE_MISMATCH, "");
    }
    if (strlen(pin) < 8) {
        return REFUSE(out_refusal, REFUSAL_PIN_SHORT, "8");
    }
    person->waiting = true;
    return RC_OK;
}

void app_status(struct app *app, struct moment now, struct app_status *out_status) {
    struct app_status status = {.linked = !app->cut_off};
    int64_t gone = now.utc.v - FAKE_NOW_UTC;
    status.sync.phase = app->cut_off ? SYNC_OFFLINE : SYNC_LIVE;
    for (int lane = 0; lane < LANE_COUNT; lane++) {
        status.sync.log_seq[lane] = (uint64_t)(40 + lane * 300);
        status.sync.hub_log_seq[lane] =
            (uint64_t)(app->cut_off ? 60 + lane * 500 : 40 + lane * 300);
    }
    status.sync.sent_bytes = 48213;
    status.sync.received_bytes = 1204551;
    status.sync.resent_bytes = 912;
    status.sync.rtt_ms = 14;
    status.picture_age_ms = (app->cut_off ? 734000 : 1000) + gone;
    status.stale = app->cut_off;
    status.waiting = app->cut_off ? 2 : 0;
    status.sent = app->cut_off ? 0 : 1;
    status.at_hub = app->cut_off ? 0 : 1;
    status.refused = 1;
    status.oldest_age_ms = app->cut_off ? 300000 : 2000;
    status.unsent_bytes = app->cut_off ? 612 : 204;
    status.clock_offset_ms = 1200;
    status.demo = true;
    snprintf(status.site_name, sizeof status.site_name, "%s",
             app->zh ? "东港化工一厂" : "Harbour Works 1");
    snprintf(status.device_name, sizeof status.device_name, "%s",
             app->zh ? "一号操作台" : "Console 1");
    *out_status = status;
}

uint32_t app_outbox(struct app *app, struct outbox_row *out_rows, uint32_t max) {
    const struct outbox_row rows[] = {
        {.rid = fake_rid(101),
         .kind = KIND_ALARM_ACK,
         .stage = STAGE_REFUSED,
         .rule = REFUSAL_ROLE_AREA,
         .time = {FAKE_NOW_UTC - 7000000},
         .bytes = 204,
         .subject_count = 1,
         .subject = fake_rid(13)},
        {.rid = fake_rid(102),
         .kind = KIND_ALARM_ACK,
         .stage = app->cut_off ? STAGE_WAITING : STAGE_SENT,
         .time = {FAKE_NOW_UTC - 4000},
         .bytes = 204,
         .subject_count = 1,
         .subject = fake_rid(14)},
        {.rid = fake_rid(103),
         .kind = KIND_ALARM_COMMENT,
         .stage = app->cut_off ? STAGE_WAITING : STAGE_AT_HUB,
         .time = {FAKE_NOW_UTC - 30000},
         .bytes = 261,
         .subject_count = 1,
         .subject = fake_rid(11)},
        {.rid = fake_rid(104),
         .kind = KIND_ALARM_ACK,
         .stage = STAGE_ACCEPTED,
         .time = {FAKE_NOW_UTC - 630000},
         .bytes = 396,
         .subject_count = 12,
         .subject = fake_rid(11)},
    };
    uint32_t count = sizeof rows / sizeof rows[0];
    count = count < max ? count : max;
    memcpy(out_rows, rows, count * sizeof rows[0]);
    return count;
}

static int fake_compare(const void *a, const void *b) {
    return alarm_compare(&((const struct alarm_row *)a)->state,
                         &((const struct alarm_row *)b)->state);
}

uint32_t app_alarm_list(struct app *app, const struct alarm_filter *filter,
                        struct alarm_row *out_rows, uint32_t max, uint32_t *out_total) {
    struct alarm_row sorted[FAKE_ALARMS_MAX];
    uint32_t count = 0;
    uint32_t total = 0;
    memcpy(sorted, app->alarms, app->alarm_count * sizeof sorted[0]);
    qsort(sorted, app->alarm_count, sizeof sorted[0], fake_compare);
    for (uint32_t i = 0; i < app->alarm_count; i++) {
        const struct alarm_state *state = &sorted[i].state;
        bool open = alarm_letter(state) != '-' || state->acked_pending;
        if ((open || filter->include_closed) && !(filter->unacked_only && state->acked) &&
            (filter->priority_max == 0 || state->priority <= filter->priority_max) &&
            (filter->area == NULL || strcmp(filter->area, state->area) == 0)) {
            total++;
            if (count < max) {
                out_rows[count++] = sorted[i];
            }
        }
    }
    *out_total = total;
    return count;
}

enum rc app_alarm_detail(struct app *app, struct rid subject, struct alarm_detail *out_detail) {
    for (uint32_t i = 0; i < app->alarm_count; i++) {
        if (rid_equal(app->alarms[i].subject, subject)) {
            struct alarm_detail detail = {.row = app->alarms[i], .respond_s = 600};
            snprintf(detail.consequence, sizeof detail.consequence, "%s",
                     app->zh ? "泄漏扩散将危及罐区及下风向人员，可能触发全厂疏散。"
                             : "The leak spreads over the tank farm and downwind; the works may "
                               "have to be evacuated.");
            snprintf(detail.action, sizeof detail.action, "%s",
                     app->zh ? "佩戴空气呼吸器，关闭 V-301 出口阀 XV-301，启动碱液喷淋，通知班长。"
                             : "Put on breathing apparatus, close outlet valve XV-301 of V-301, "
                               "start the caustic spray, call the shift leader.");
            snprintf(detail.equipment, sizeof detail.equipment, "V-301");
            snprintf(detail.acked_by, sizeof detail.acked_by, "%s", fake_pick(app, fake_people[0]));
            *out_detail = detail;
            return RC_OK;
        }
    }
    return RC_NOT_FOUND;
}

enum rc app_alarm_ack(struct app *app, const struct painted_row *rows, uint32_t count,
                      const char *comment, struct moment now, uint32_t *out_taken,
                      struct refusal *out_refusal) {
    (void)comment;
    uint32_t taken = 0;
    if (app->refuse != REFUSAL_NONE) {
        return REFUSE(out_refusal, app->refuse, "");
    }
    memcpy(app->ack_rows, rows, count * sizeof *rows);
    app->acked = count;
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < app->alarm_count; j++) {
            struct alarm_state *state = &app->alarms[j].state;
            if (rid_equal(app->alarms[j].subject, rows[i].subject) &&
                state->changed_n == rows[i].changed_n && !state->acked) {
                state->acked = true;
                state->acked_pending = true;
                state->acked_time = now.utc;
                taken++;
            }
        }
    }
    *out_taken = taken;
    return taken > 0 ? RC_OK : REFUSE(out_refusal, REFUSAL_NOTHING, "");
}

enum rc app_remark_add(struct app *app, const struct remark_spec *spec, struct moment now,
                       struct rid *out_remark, struct refusal *out_refusal) {
    (void)now;
    if (app->refuse != REFUSAL_NONE) {
        return REFUSE(out_refusal, app->refuse, "");
    }
    snprintf(app->comment, sizeof app->comment, "%s", spec->text);
    app->audience = spec->audience;
    *out_remark = fake_rid(90);
    return RC_OK;
}

uint32_t app_remark_list(struct app *app, struct remark_row *out_rows, uint32_t max) {
    const struct {
        enum act_stage stage;
        uint16_t rule;
        uint8_t audience;
        int person;
        int64_t ago_s;
        const char *text, *zh, *equipment;
    } rows[] = {
        {STAGE_WAITING, 0, AUDIENCE_SITE, 0, 95, "The flange of E-101 weeps again",
         "E-101 法兰又渗漏", "E-101"},
        {STAGE_ACCEPTED, 0, AUDIENCE_CITY, 1, 1900, "Smell at the north fence", "北侧围墙有异味",
         ""},
        {STAGE_REFUSED, REFUSAL_RIGHT_MISSING, AUDIENCE_SITE, 2, 5400, "", "", ""},
        {STAGE_ACCEPTED, 0, AUDIENCE_SITE, 2, 9000, "Insulation is back on", "保温已恢复", "R-101"},
    };
    uint32_t count = 0;
    for (; count < sizeof rows / sizeof rows[0] && count < max; count++) {
        struct remark_row *row = &out_rows[count];
        memset(row, 0, sizeof *row);
        row->remark = fake_rid((uint8_t)(90 + count));
        row->stage = rows[count].stage;
        row->rule = rows[count].rule;
        row->own = count == 0;
        row->state.known = rows[count].text[0] != '\0';
        row->state.audience = rows[count].audience;
        row->state.time.v = FAKE_NOW_UTC - rows[count].ago_s * 1000;
        snprintf(row->person, sizeof row->person, "%s", app->people[rows[count].person].name);
        snprintf(row->state.text, sizeof row->state.text, "%s",
                 app->zh ? rows[count].zh : rows[count].text);
        snprintf(row->state.equipment, sizeof row->state.equipment, "%s", rows[count].equipment);
    }
    return count;
}

enum rc app_alarm_comment(struct app *app, struct rid subject, const char *text, struct moment now,
                          struct refusal *out_refusal) {
    (void)subject;
    (void)now;
    if (app->refuse != REFUSAL_NONE) {
        return REFUSE(out_refusal, app->refuse, "");
    }
    snprintf(app->comment, sizeof app->comment, "%s", text);
    return RC_OK;
}

bool app_tag(struct app *app, const char *tag, struct moment now, struct tag_row *out_row) {
    for (uint32_t i = 0; i < FAKE_TAGS; i++) {
        const struct fake_tag *from = &fake_tags[i];
        if (strcmp(from->name.code, tag) != 0) {
            continue;
        }
        struct tag_row row = {.def = {.what = DEFINE_TAG, .order = i, .has = from->has}};
        snprintf(row.def.code, sizeof row.def.code, "%s", from->name.code);
        snprintf(row.def.area, sizeof row.def.area, "%s", from->area);
        snprintf(row.def.name, sizeof row.def.name, "%s", fake_pick(app, from->name));
        snprintf(row.def.unit, sizeof row.def.unit, "%s", from->unit);
        snprintf(row.def.equipment, sizeof row.def.equipment, "%s", from->equipment);
        memcpy(row.def.limits, from->limits, sizeof row.def.limits);
        row.has_value = !from->silent;
        row.value = from->value;
        row.quality = from->quality;
        row.age_ms = (app->cut_off ? 734000 : from->age_ms) + now.utc.v - FAKE_NOW_UTC;
        row.stale = app->cut_off || from->quality == 2 || from->age_ms > 60000 || from->silent;
        *out_row = row;
        return true;
    }
    return false;
}

uint32_t app_tag_count(struct app *app) {
    (void)app;
    return FAKE_TAGS;
}

uint32_t app_tags(struct app *app, const char *area, struct moment now, struct tag_row *out_rows,
                  uint32_t max) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < FAKE_TAGS && count < max; i++) {
        if (area == NULL || strcmp(area, fake_tags[i].area) == 0) {
            assert_true(app_tag(app, fake_tags[i].name.code, now, &out_rows[count]));
            count++;
        }
    }
    return count;
}

uint32_t app_trend(struct app *app, const char *tag, struct trend_point *out_points, uint32_t max) {
    struct tag_row row;
    uint32_t count = max < 240 ? max : 240;
    if (!app_tag(app, tag, fake_moment(0), &row) || !row.has_value) {
        return 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t back = count - 1 - i;
        double wave = 0.02 * row.value * sin(back / 9.0) - 0.0008 * row.value * back;
        out_points[i] = (struct trend_point){{FAKE_NOW_UTC - (int64_t)back * 5000},
                                             row.value + wave,
                                             row.quality == 2 && back < 8 ? 2 : 0};
    }
    return count;
}

static inline void fake_count(struct app *app, struct area_row *area) {
    for (uint32_t i = 0; i < app->alarm_count; i++) {
        const struct alarm_state *state = &app->alarms[i].state;
        char letter = alarm_letter(state);
        if (strcmp(state->area, area->code) != 0 || letter == '-') {
            continue;
        }
        uint32_t *counts = state->acked ? area->standing : area->unacked;
        counts[0]++;
        counts[state->priority]++;
        area->returned += letter == 'R' ? 1 : 0;
        bool worse = area->worst == 0 || state->priority < area->worst ||
                     (state->priority == area->worst && area->letter == 'A');
        if (worse) {
            area->worst = state->priority;
            area->letter = letter;
            area->worst_subject = app->alarms[i].subject;
        }
    }
}

uint32_t app_areas(struct app *app, struct moment now, struct area_row *out_rows, uint32_t max) {
    for (uint32_t i = 0; i < FAKE_AREAS && i < max; i++) {
        struct area_row area = {.letter = '-'};
        snprintf(area.code, sizeof area.code, "%s", fake_areas[i].code);
        snprintf(area.name, sizeof area.name, "%s", fake_pick(app, fake_areas[i]));
        fake_count(app, &area);
        struct tag_row tags[FAKE_TAGS];
        area.tags = app_tags(app, area.code, now, tags, FAKE_TAGS);
        for (uint32_t j = 0; j < area.tags; j++) {
            area.tags_unknown += tags[j].stale || !tags[j].has_value ? 1 : 0;
        }
        out_rows[i] = area;
    }
    return FAKE_AREAS;
}

uint32_t app_log(struct app *app, struct rid subject, struct log_row *out_rows, uint32_t max) {
    (void)subject;
    const char *hub = app->zh ? "中心" : "Hub";
    const char *console = app->zh ? "一号操作台" : "Console 1";
    const struct {
        uint16_t kind;
        int64_t ago_s;
        int person;
        bool logged;
        enum verdict verdict;
        uint16_t rule;
    } rows[] = {
        {KIND_ALARM_RAISE, 1260, -1, true, VERDICT_ACCEPTED, 0},
        {KIND_ALARM_ACK, 630, 0, true, VERDICT_ACCEPTED, 0},
        {KIND_ALARM_COMMENT, 400, 1, true, VERDICT_ACCEPTED, 0},
        {KIND_ALARM_ACK, 300, 2, true, VERDICT_REFUSED, REFUSAL_ROLE_AREA},
        {KIND_ALARM_COMMENT, 30, 0, false, VERDICT_NONE, 0},
    };
    uint32_t count = 0;
    for (uint32_t i = 0; i < sizeof rows / sizeof rows[0] && count < max; i++) {
        struct log_row row = {.rid = fake_rid((uint8_t)(60 + i)), .kind = rows[i].kind};
        row.time = (struct utc_ms){FAKE_NOW_UTC - rows[i].ago_s * 1000};
        if (rows[i].person >= 0) {
            snprintf(row.person, sizeof row.person, "%s",
                     fake_pick(app, fake_people[rows[i].person]));
        }
        snprintf(row.device, sizeof row.device, "%s", rows[i].person < 0 ? hub : console);
        row.signed_by_person = rows[i].person >= 0;
        row.sealed = rows[i].logged;
        row.logged = rows[i].logged;
        row.verdict = rows[i].verdict;
        row.rule = rows[i].rule;
        row.n = rows[i].logged ? 20410 + i * 7 : 0;
        out_rows[count++] = row;
    }
    return count;
}

enum rc app_record_export(struct app *app, struct rid rid, bool json, struct buf *out) {
    char hex[ID_HEX_BYTES];
    id16_hex(rid.id, hex);
    if (json) {
        buf_printf(out, "{\"rid\":\"%s\",\"kind\":\"alarm.ack\",\"lane\":1,\"comment\":\"%s\"}",
                   hex, app->zh ? "已派人现场查看" : "somebody is on the way");
    } else {
        buf_printf(out,
                   "record   %s\nkind     alarm.ack (22)\nlane     1\nperson   %s\n"
                   "time     2026-08-22T06:21:40.000Z\nsubjects 1\ncomment  %s\n",
                   hex, fake_pick(app, fake_people[0]),
                   app->zh ? "已派人现场查看" : "somebody is on the way");
    }
    return buf_rc(out);
}

enum rc app_find_subject(struct app *app, const char *text, struct rid *out_subject) {
    for (uint32_t i = 0; i < app->alarm_count; i++) {
        if (strcmp(app->alarms[i].state.tag, text) == 0) {
            *out_subject = app->alarms[i].subject;
            return RC_OK;
        }
    }
    return RC_NOT_FOUND;
}

bool app_next_message(struct app *app, struct app_message *out_message) {
    bool has = app->has_message;
    if (has) {
        *out_message = app->message;
        app->has_message = false;
    }
    return has;
}

// ---- A console on it ----

// Texts come from the catalogue beside the tests, wherever the build is.
static inline void fake_catalogue(void) {
    extern int _nl_msg_cat_cntr;
    char path[TEST_PATH_BYTES];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 32);
    assert_true(len > 0);
    path[len] = '\0';
    for (int i = 0; i < 2; i++) {
        *strrchr(path, '/') = '\0';
    }
    strncat(path, "/locale", 8);
    if (access(path, R_OK) != 0) {
        print_error("%s is missing: run make all first\n", path);
    }
    assert_int_equal(access(path, R_OK), 0);
    assert_non_null(bindtextdomain("davy", path));
    _nl_msg_cat_cntr++;
}

struct fake_size {
    const char *name;
    int rows, cols;
};
static const struct fake_size fake_sizes[] = {
    {"40x16", 16, 40}, {"80x24", 24, 80}, {"160x50", 50, 160}};

static inline struct screen *fake_screen(struct app *app, struct fake_size size, bool mono) {
    struct screen_env env = {.app = app,
                             .language = app->zh ? "zh_CN" : "en",
                             .utc_offset_min = 480,
                             .term = {.in_fd = -1,
                                      .out_fd = -1,
                                      .name = "xterm-256color",
                                      .rows = size.rows,
                                      .cols = size.cols,
                                      .color = mono ? TUI_COLOR_NEVER : TUI_COLOR_ALWAYS}};
    struct screen *screen = NULL;
    assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
    assert_int_equal(screen_new(&env, fake_moment(0), &screen), RC_OK);
    fake_catalogue();
    screen->must_paint = true;
    return screen;
}

static inline void fake_key(struct screen *screen, uint32_t key) {
    struct tui_event event = tui_event_key(key);
    screen_event(screen, &event);
}

static inline void fake_type(struct screen *screen, const char *text) {
    for (; *text != '\0'; text++) {
        fake_key(screen, (uint32_t)(uint8_t)*text);
    }
}

static inline void fake_frame(struct screen *screen, int64_t after_ms) {
    assert_int_equal(screen_draw(screen, fake_moment(after_ms)), RC_OK);
}

// The next frame, a moment later.
static inline void fake_step(struct screen *screen) {
    fake_frame(screen, screen->now.mono.v - FAKE_NOW_MONO + 100);
}

static inline bool fake_shows(struct screen *screen, const char *text) {
    struct buf dump;
    buf_init(&dump, 1 << 20);
    screen_compose(screen);
    tui_canvas_dump(screen->canvas, &dump);
    bool shows = strstr(buf_cstr(&dump), text) != NULL;
    buf_fini(&dump);
    return shows;
}

#endif
