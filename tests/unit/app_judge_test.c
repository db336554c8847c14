// One judgement for console, hub and replica: every code that it can give, and which of two faults
// is told.
#include "hub_sync_util.h"

// A record under trial and who judges it. Starts as an acknowledgement that stands.
struct trial {
    struct world *world;
    struct judge judge;
    struct content content;
    struct rid subjects[2];
    struct buf body;
    const struct keypair *signer; // NULL: sealed
    struct place place;
    uint8_t lane;
    bool no_sig, forged;
};

static void trial_init(struct world *w, struct trial *t) {
    struct rogue *r = &w->rogue;
    *t = (struct trial){.world = w,
                        .judge = {.store = hub_store(w->hub),
                                  .registry = app_registry(),
                                  .scheme = keys_stub(),
                                  .roster = hub_roster(w->hub),
                                  .author_device = r->rid,
                                  .check_signature = true,
                                  .now = w->now},
                        .signer = r->person,
                        .place = {.chain = rogue_chain(w, LANE_SAFETY), .seq = 1},
                        .lane = LANE_SAFETY};
    buf_init(&t->body, LIMIT_RECORD_BODY_BYTES);
    t->content = content_by(w, KIND_ALARM_ACK, r->rid, slice_of(NULL, 0));
    t->content.person = r->person_rid;
    t->content.subject_count = 1;
    t->subjects[0] = occurrence_of(w, "T0");
}

// The same for an act of the admin at the hub that changes a person's roles.
static void grant_init(struct world *w, struct trial *t) {
    trial_init(w, t);
    t->judge.author_device = w->config.device;
    t->judge.author_is_hub = true;
    t->content = content_by(w, KIND_ROLE_GRANT, w->config.device, slice_of(NULL, 0));
    t->content.person = w->admin_rid;
    t->content.subject_count = 1;
    t->subjects[0] = w->rogue.person_rid;
    t->signer = w->admin;
    t->lane = LANE_CONTROL;
    t->place =
        (struct place){.chain = {.author = w->config.author, .lane = LANE_CONTROL}, .seq = 1000};
    struct body body = body_of(KIND_ROLE_GRANT, &t->body);
    body_put_uint(&body, ROLE_ROLE, ROLE_INSPECTOR);
    body_put_text(&body, ROLE_AREA, "");
}

static void judged(struct trial *t, enum verdict verdict, enum refusal_code code) {
    struct buf bytes;
    struct signed_record record;
    struct content content;
    struct refusal refusal = {0};
    enum verdict given = VERDICT_NONE;
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    t->content.subjects = t->subjects;
    t->content.body = buf_slice(&t->body);
    t->content.key = (struct key_id){{{0}}};
    if (t->signer) {
        t->content.key = key_id_of(keypair_public(t->signer));
    }
    assert_int_equal(record_make(&t->content, t->signer, &bytes, &record), RC_OK);
    record.has_sig = record.has_sig && !t->no_sig;
    record.sig.b[0] ^= t->forged ? 1 : 0;
    t->place.chain.lane = t->lane;
    assert_int_equal(content_decode(record.content, &content), RC_OK);
    assert_int_equal(judge_record(&t->judge, &content, &t->place, &record, &given, &refusal),
                     RC_OK);
    assert_string_equal(refusal_name(refusal.code), refusal_name(code));
    assert_int_equal(given, verdict);
    enum verdict again = VERDICT_NONE; // who only wants the verdict gets the same
    assert_int_equal(judge_record(&t->judge, &content, &t->place, &record, &again, NULL), RC_OK);
    assert_int_equal(again, given);
    buf_fini(&bytes);
    buf_fini(&t->body);
}

#define REFUSED(trial, code) judged((trial), VERDICT_REFUSED, (code))
#define HELD(trial, code) judged((trial), VERDICT_HELD, (code))
#define ACCEPTED(trial) judged((trial), VERDICT_ACCEPTED, REFUSAL_NONE)

static void what_is_right_stands(void **state) {
    struct trial t;
    trial_init(*state, &t);
    ACCEPTED(&t);
    grant_init(*state, &t);
    ACCEPTED(&t);
}

// ---- Form ----

static void head_lane(struct trial *t) {
    t->lane = LANE_NORMAL;
}
static void head_audience(struct trial *t) {
    t->content.audience = AUDIENCE_SITE;
    t->content.subject_count = 0;
}
static void head_no_subject(struct trial *t) {
    t->content.subject_count = 0;
}
static void head_two_subjects(struct trial *t) {
    t->content.kind = KIND_ALARM_COMMENT;
    t->content.subject_count = 2;
    t->subjects[1] = occurrence_of(t->world, "T1");
}
static void head_same_subject(struct trial *t) {
    t->content.subject_count = 2;
    t->subjects[1] = t->subjects[0];
}
static void head_time(struct trial *t) {
    t->content.time.v = -1;
}
static void head_no_key(struct trial *t) {
    t->signer = NULL;
}
static void body_missing(struct trial *t) {
    t->content.kind = KIND_ALARM_COMMENT;
}
static void body_text_unclean(struct trial *t) {
    t->content.kind = KIND_ALARM_COMMENT;
    buf_put_varint(&t->body, COMMENT_TEXT << 3 | 2);
    buf_put_text(&t->body, "\033[2J");
}
static void body_text_long(struct trial *t) {
    char text[LIMIT_COMMENT_BYTES + 2];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    buf_put_varint(&t->body, ACK_COMMENT << 3 | 2);
    buf_put_text(&t->body, text);
}
static void body_broken(struct trial *t) {
    buf_put_u8(&t->body, 0xff);
}
static void body_many(struct trial *t) {
    for (unsigned i = 0; i <= LIMIT_RECORD_FIELDS; i++) {
        buf_put_varint(&t->body, (100 + i) << 3);
        buf_put_varint(&t->body, 1);
    }
}

static void the_form_comes_first(void **state) {
    static const struct {
        void (*spoil)(struct trial *t);
        enum refusal_code code;
    } rows[] = {
        {head_lane, REFUSAL_LANE},
        {head_audience, REFUSAL_AUDIENCE},
        {head_no_subject, REFUSAL_SUBJECT_COUNT},
        {head_two_subjects, REFUSAL_SUBJECT_COUNT},
        {head_same_subject, REFUSAL_FORM},
        {head_time, REFUSAL_TIME_RANGE},
        {head_no_key, REFUSAL_NOT_SIGNED},
        {body_missing, REFUSAL_FIELD_MISSING},
        {body_text_unclean, REFUSAL_FIELD_TEXT},
        {body_text_long, REFUSAL_FIELD_RANGE},
        {body_broken, REFUSAL_FORM},
        {body_many, REFUSAL_TOO_LARGE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct trial t;
        trial_init(*state, &t);
        t.content.site.id.b[0] ^= 1; // a later fault that must not be told
        t.forged = true;
        rows[i].spoil(&t);
        REFUSED(&t, rows[i].code);
    }
}

static void what_is_newer_is_held(void **state) {
    struct trial t;
    trial_init(*state, &t);
    t.content.kind = 4000;
    HELD(&t, REFUSAL_KIND_UNKNOWN);
    trial_init(*state, &t);
    buf_put_varint(&t.body, 900 << 3 | 4); // a critical field that is not known here
    buf_put_varint(&t.body, 1);
    HELD(&t, REFUSAL_FIELD_CRITICAL);
    trial_init(*state, &t);
    buf_put_varint(&t.body, 900 << 3); // one that may be passed over
    buf_put_varint(&t.body, 1);
    ACCEPTED(&t);
}

// ---- Site, device, key, signature ----

static void one_fault_after_the_other_is_told(void **state) {
    struct world *w = *state;
    struct trial t;
    // Spoiled in every way; each step mends the fault that was told.
    for (int mended = 0; mended <= 7; mended++) {
        trial_init(w, &t);
        struct keypair *stranger = w->rogue.key;
        t.lane = mended > 0 ? LANE_SAFETY : LANE_DANGER;
        t.content.site.id.b[0] ^= mended > 1 ? 0 : 1;
        t.content.device = mended > 2 ? w->rogue.rid : w->devs[0].rid;
        t.no_sig = mended <= 3;
        t.signer = mended > 4 ? w->rogue.person : stranger;
        t.forged = mended <= 5;
        t.content.person = mended > 6 ? w->rogue.person_rid : w->devs[0].person_rid;
        t.subjects[0] = mended > 7 ? t.subjects[0] : (struct rid){{{1}}};
        static const enum refusal_code codes[] = {
            REFUSAL_LANE,        REFUSAL_WRONG_SITE,     REFUSAL_DEVICE_MISMATCH,
            REFUSAL_NOT_SIGNED,  REFUSAL_KEY_UNKNOWN,    REFUSAL_SIGNATURE,
            REFUSAL_KEY_UNKNOWN, REFUSAL_SUBJECT_UNKNOWN};
        judged(&t, mended < 7 ? VERDICT_REFUSED : VERDICT_HELD, codes[mended]);
    }
}

static void the_site_is_named_but_by_its_genesis(void **state) {
    struct world *w = *state;
    struct trial t;
    grant_init(w, &t);
    t.content.site.id.b[15] ^= 1;
    REFUSED(&t, REFUSAL_WRONG_SITE);
    // Another genesis, well formed and signed by its own key, founds another site.
    grant_init(w, &t);
    t.content = content_by(w, KIND_SITE_GENESIS, (struct rid){{{0}}}, slice_of(NULL, 0));
    t.content.site = (struct site_id){{{0}}};
    t.content.audience = AUDIENCE_SITE;
    t.signer = w->rogue.key;
    struct body body = body_of(KIND_SITE_GENESIS, &t.body);
    body_put_text(&body, GENESIS_NAME, "mine");
    body_put_bytes(&body, GENESIS_ROOT_KEY, keypair_public(t.signer)->b, PUBLIC_KEY_BYTES);
    body_put_uint(&body, GENESIS_THRESHOLD, 1);
    REFUSED(&t, REFUSAL_WRONG_SITE);
}

static void only_a_hub_writes_what_hubs_write(void **state) {
    struct world *w = *state;
    for (int hub = 0; hub < 2; hub++) {
        struct trial t;
        trial_init(w, &t);
        t.judge.author_is_hub = hub == 1;
        t.content = content_by(w, KIND_ALARM_RETURN, w->rogue.rid, slice_of(NULL, 0));
        t.content.subject_count = 1;
        t.signer = NULL;
        struct body body = body_of(KIND_ALARM_RETURN, &t.body);
        body_put_int(&body, RETURN_TIME, w->now.utc.v);
        if (hub) {
            ACCEPTED(&t);
        } else {
            REFUSED(&t, REFUSAL_RIGHT_MISSING);
        }
    }
}

static void a_record_without_device_is_the_hubs_alone(void **state) {
    struct world *w = *state;
    struct trial t;
    trial_init(w, &t);
    t.content.device = (struct rid){{{0}}};
    REFUSED(&t, REFUSAL_DEVICE_MISMATCH);
    trial_init(w, &t); // older than the hub's device, but of a person: no key is on no device
    t.judge.author_is_hub = true;
    t.content.device = (struct rid){{{0}}};
    REFUSED(&t, REFUSAL_DEVICE_UNKNOWN);
}

static void a_signature_may_be_taken_as_made(void **state) {
    struct trial t;
    trial_init(*state, &t);
    t.judge.check_signature = false;
    t.forged = true;
    ACCEPTED(&t);
    trial_init(*state, &t);
    t.judge.check_signature = false;
    t.no_sig = true;
    REFUSED(&t, REFUSAL_NOT_SIGNED);
}

// ---- Right ----

static void the_right_is_of_person_key_device_and_area(void **state) {
    struct world *w = *state;
    struct trial t;
    trial_init(w, &t); // a person of nobody
    t.content.person = (struct rid){{{7}}};
    REFUSED(&t, REFUSAL_PERSON_UNKNOWN);
    trial_init(w, &t); // the key of one, the name of another
    t.content.person = w->devs[0].person_rid;
    REFUSED(&t, REFUSAL_KEY_UNKNOWN);
    trial_init(w, &t); // a key that lives on another device
    t.content.person = w->devs[0].person_rid;
    t.signer = w->devs[0].person;
    REFUSED(&t, REFUSAL_DEVICE_MISMATCH);
    trial_init(w, &t); // a device that is not enrolled
    t.judge.author_device = t.content.device = (struct rid){{{8}}};
    REFUSED(&t, REFUSAL_DEVICE_UNKNOWN);
    trial_init(w, &t);
    t.content.person = w->rogue.viewer_rid;
    t.signer = w->rogue.viewer;
    REFUSED(&t, REFUSAL_RIGHT_MISSING);
    trial_init(w, &t); // an operator of area A
    t.subjects[0] = occurrence_of(w, "T1");
    REFUSED(&t, REFUSAL_ROLE_AREA);
    trial_init(w, &t); // one of two is enough to refuse all
    t.content.subject_count = 2;
    t.subjects[1] = occurrence_of(w, "T1");
    REFUSED(&t, REFUSAL_ROLE_AREA);
    trial_init(w, &t); // a root key is no operator
    t.content.person = (struct rid){{{0}}};
    t.signer = w->keys.root;
    REFUSED(&t, REFUSAL_RIGHT_MISSING);
}

static void a_roster_that_needs_more_takes_less(void **state) {
    struct world *w = *state;
    struct roster *roster = w->devs[0].roster;
    struct roster_state person, site;
    struct trial t;
    struct rid genesis = {w->config.site.id};
    assert_int_equal(store_view_get(w->devs[0].store, &roster_module, w->admin_rid, false, &person),
                     RC_OK);
    assert_int_equal(store_view_get(w->devs[0].store, &roster_module, genesis, false, &site),
                     RC_OK);
    person.needs_newer = true;
    assert_int_equal(roster_set(roster, w->admin_rid, &person), RC_OK);
    grant_init(w, &t);
    t.judge.roster = roster;
    REFUSED(&t, REFUSAL_NEEDS_NEWER);
    grant_init(w, &t); // the root alone
    t.content.person = (struct rid){{{0}}};
    t.signer = w->keys.root;
    ACCEPTED(&t);
    site.as.site.threshold = 2;
    assert_int_equal(roster_set(roster, genesis, &site), RC_OK);
    grant_init(w, &t);
    t.judge.roster = roster;
    t.content.person = (struct rid){{{0}}};
    t.signer = w->keys.root;
    REFUSED(&t, REFUSAL_TWO_PERSONS);
}

// ---- Subjects and effect ----

static void facts_wait_for_their_subject_and_changes_do_not(void **state) {
    struct world *w = *state;
    struct trial t;
    trial_init(w, &t);
    t.subjects[0] = (struct rid){{{1}}};
    HELD(&t, REFUSAL_SUBJECT_UNKNOWN);
    trial_init(w, &t);
    t.subjects[0] = w->admin_rid; // no alarm
    HELD(&t, REFUSAL_SUBJECT_UNKNOWN);
    trial_init(w, &t); // without the right it does not wait
    t.subjects[0] = (struct rid){{{1}}};
    t.content.person = w->rogue.viewer_rid;
    t.signer = w->rogue.viewer;
    REFUSED(&t, REFUSAL_RIGHT_MISSING);
    grant_init(w, &t);
    t.subjects[0] = (struct rid){{{1}}};
    REFUSED(&t, REFUSAL_SUBJECT_UNKNOWN);
    grant_init(w, &t);
    t.subjects[0] = w->rogue.rid; // a device holds no role
    REFUSED(&t, REFUSAL_SUBJECT_UNKNOWN);
}

static void a_subject_opens_once(void **state) {
    struct world *w = *state;
    struct rid genesis = {w->config.site.id};
    struct place place;
    struct signed_record record = {.rid = genesis};
    struct content content;
    struct refusal refusal = {0};
    enum verdict verdict = VERDICT_NONE;
    struct trial t;
    struct buf bytes;
    grant_init(w, &t);
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    assert_int_equal(store_record_place(t.judge.store, genesis, &place), RC_OK);
    assert_int_equal(store_entry_get(t.judge.store, &place, &bytes, &record.has_sig, &record.sig),
                     RC_OK);
    record.content = buf_slice(&bytes);
    assert_int_equal(content_decode(record.content, &content), RC_OK);
    assert_int_equal(judge_record(&t.judge, &content, &place, &record, &verdict, &refusal), RC_OK);
    assert_int_equal(verdict, VERDICT_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_SUBJECT_EXISTS);
    buf_fini(&bytes);
    buf_fini(&t.body);
}

static void a_change_must_know_what_it_changes(void **state) {
    struct world *w = *state;
    struct trial t;
    grant_init(w, &t); // written by somebody who saw nothing
    t.place.chain.author = w->rogue.author;
    REFUSED(&t, REFUSAL_NOT_COVERED);
    grant_init(w, &t); // who saw the hub's log
    t.place.chain.author = w->rogue.author;
    sync_device_seen(w->devs[0].sync, LANE_CONTROL, &t.content.seen);
    ACCEPTED(&t);
    grant_init(w, &t); // that it exists is asked before
    t.place.chain.author = w->rogue.author;
    t.subjects[0] = (struct rid){{{1}}};
    REFUSED(&t, REFUSAL_SUBJECT_UNKNOWN);
    grant_init(w, &t); // taking away needs to have seen nothing
    t.place.chain.author = w->rogue.author;
    t.content.kind = KIND_ROLE_REVOKE;
    ACCEPTED(&t);
}

static void the_modules_own_check_is_asked(void **state) {
    struct trial t;
    grant_init(*state, &t);
    struct body body = body_of(KIND_ROLE_GRANT, &t.body);
    body_put_uint(&body, ROLE_ROLE, ROLE_INSPECTOR);
    body_put_text(&body, ROLE_AREA, "");
    body_put_int(&body, ROLE_FROM, 2000);
    body_put_int(&body, ROLE_UNTIL, 1000);
    REFUSED(&t, REFUSAL_FIELD_RANGE);
}

#define LIVE(test) cmocka_unit_test_setup_teardown(test, live_setup, world_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        LIVE(what_is_right_stands),
        LIVE(the_form_comes_first),
        LIVE(what_is_newer_is_held),
        LIVE(one_fault_after_the_other_is_told),
        LIVE(the_site_is_named_but_by_its_genesis),
        LIVE(only_a_hub_writes_what_hubs_write),
        LIVE(a_record_without_device_is_the_hubs_alone),
        LIVE(a_signature_may_be_taken_as_made),
        LIVE(the_right_is_of_person_key_device_and_area),
        LIVE(a_roster_that_needs_more_takes_less),
        LIVE(facts_wait_for_their_subject_and_changes_do_not),
        LIVE(a_subject_opens_once),
        LIVE(a_change_must_know_what_it_changes),
        LIVE(the_modules_own_check_is_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
