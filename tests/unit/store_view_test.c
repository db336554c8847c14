// The log and what is folded from it: verdicts, views, pending records, lists.
#include "store_fixture.h"

#define OK(call) assert_int_equal((call), RC_OK)

static struct note_state view(struct fixture *fx, struct rid subject, bool with_pending) {
    struct note_state note;
    memset(&note, 0xEE, sizeof(note));
    OK(store_view_get(fx->store, &note_module, subject, with_pending, &note));
    return note;
}

static bool no_view(struct fixture *fx, struct rid subject, bool with_pending) {
    struct note_state note;
    return store_view_get(fx->store, &note_module, subject, with_pending, &note) == RC_NOT_FOUND;
}

static void append(struct fixture *fx, const struct note *note, struct place *out_place,
                   struct rid *out_rid) {
    OK(note_append(fx, &fx->device, note, out_place, out_rid));
}

static void add_to(struct fixture *fx, struct rid subject, uint64_t value,
                   struct place *out_place) {
    struct rid rid;
    append(fx, &(struct note){NOTE_ADD, &subject, 1, value, NULL}, out_place, &rid);
}

static void test_fold_follows_the_log(void **state) {
    (void)state;
    struct fixture fx;
    struct place opening;
    struct place adding;
    struct rid subject;
    fixture_open(&fx, true);
    OK(store_begin(fx.store));
    append(&fx, &(struct note){.kind = NOTE_OPEN, .title = "泄漏"}, &opening, &subject);
    assert_true(no_view(&fx, subject, false));
    OK(note_log(&fx, &opening, VERDICT_ACCEPTED));
    assert_string_equal(view(&fx, subject, false).title, "泄漏");
    add_to(&fx, subject, 5, &adding);
    OK(note_log(&fx, &adding, VERDICT_ACCEPTED));
    add_to(&fx, subject, 100, &adding);
    OK(note_log(&fx, &adding, VERDICT_REFUSED));
    OK(store_commit(fx.store));
    struct note_state note = view(&fx, subject, false);
    assert_int_equal(note.sum, 5);
    assert_int_equal(note.refused, 1);
    assert_int_equal(note.changed_n, 2);
    assert_int_equal(store_log_last_n(fx.store, fx.hub.author), 3);
    assert_int_equal(store_log_last_n(fx.store, fx.device.author), 0);
    struct store_log log;
    OK(store_log_of(fx.store, &adding, &log));
    assert_int_equal(log.verdict, VERDICT_REFUSED);
    assert_int_equal(log.rule, REFUSAL_STATE);
    assert_int_equal(log.n, 3);
    assert_true(author_equal(log.hub, fx.hub.author));
    assert_int_equal(log.admit_place.seq, 3);
    assert_true(chain_id_equal(log.admit_place.chain, chain_of(&fx.hub, LANE_SAFETY)));
    fixture_close(&fx);
}

static void test_verdicts_are_final_but_held(void **state) {
    (void)state;
    static const struct {
        enum verdict first, second;
        enum rc rc;
    } rows[] = {
        {VERDICT_ACCEPTED, VERDICT_ACCEPTED, RC_EXISTS},
        {VERDICT_ACCEPTED, VERDICT_REFUSED, RC_EXISTS},
        {VERDICT_REFUSED, VERDICT_ACCEPTED, RC_EXISTS},
        {VERDICT_REPEAT, VERDICT_ACCEPTED, RC_EXISTS},
        {VERDICT_HELD, VERDICT_ACCEPTED, RC_OK},
        {VERDICT_HELD, VERDICT_REFUSED, RC_OK},
        {VERDICT_HELD, VERDICT_HELD, RC_OK},
    };
    struct fixture fx;
    fixture_open(&fx, true);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct place place;
        struct rid subject;
        struct store_log log;
        OK(store_begin(fx.store));
        append(&fx, &(struct note){.kind = NOTE_OPEN}, &place, &subject);
        OK(note_log(&fx, &place, rows[i].first));
        assert_int_equal(note_log(&fx, &place, rows[i].second), rows[i].rc);
        OK(store_commit(fx.store));
        OK(store_log_of(fx.store, &place, &log));
        assert_int_equal(log.verdict, rows[i].rc == RC_OK ? rows[i].second : rows[i].first);
        if (rows[i].first == VERDICT_HELD && rows[i].second == VERDICT_ACCEPTED) {
            struct note_state note = view(&fx, subject, false);
            assert_int_equal(note.held, 1);
            assert_int_equal(note.open, 1);
            assert_int_equal(note.changed_n, log.n); // folds at the later n
        }
    }
    fixture_close(&fx);
}

static void test_log_refuses_nonsense(void **state) {
    (void)state;
    struct fixture fx;
    struct place place;
    struct place other;
    struct rid rid;
    fixture_open(&fx, true);
    OK(store_begin(fx.store));
    append(&fx, &(struct note){.kind = NOTE_OPEN}, &place, &rid);
    append(&fx, &(struct note){.kind = NOTE_OPEN}, &other, &rid);
    OK(note_log_at(&fx, &place, VERDICT_ACCEPTED, 7));
    assert_int_equal(note_log_at(&fx, &other, VERDICT_ACCEPTED, 7), RC_FORK);
    struct store_log log;
    OK(store_log_of(fx.store, &place, &log));
    log.place = other;
    log.n = 0;
    assert_int_equal(store_log_put(fx.store, &log), RC_INVALID);
    log.n = UINT64_MAX;
    assert_int_equal(store_log_put(fx.store, &log), RC_TOO_LARGE);
    log.n = 8;
    log.verdict = (enum verdict)9;
    assert_int_equal(store_log_put(fx.store, &log), RC_INVALID);
    log.verdict = VERDICT_ACCEPTED;
    log.place.seq = 3;
    assert_int_equal(store_log_put(fx.store, &log), RC_NOT_FOUND);
    log.place = log.admit_place; // an admit has no verdict
    assert_int_equal(store_log_put(fx.store, &log), RC_INVALID);
    log.place = other;
    OK(store_log_put(fx.store, &log));
    OK(store_commit(fx.store));
    struct admit admit = {.place = {place.chain, 55}, .verdict = VERDICT_ACCEPTED, .n = 9};
    uint64_t seq = 0;
    OK(store_begin(fx.store));
    assert_int_equal(store_append_admit(fx.store, chain_of(&fx.hub, 1), &admit, &seq),
                     RC_NOT_FOUND);
    store_rollback(fx.store);
    fixture_close(&fx);
}

// Lanes travel apart: whatever the order in which verdicts arrive, the state is that of the order
// of n.
static void test_order_of_arrival_does_not_matter(void **state) {
    (void)state;
    static const uint64_t orders[][4] = {
        {1, 2, 3, 4}, {4, 3, 2, 1}, {2, 1, 4, 3}, {3, 1, 2, 4}, {1, 4, 2, 3}};
    struct note_state first = {0};
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        struct fixture fx;
        struct place places[4];
        struct rid subject;
        fixture_open(&fx, true);
        OK(store_begin(fx.store));
        append(&fx, &(struct note){.kind = NOTE_OPEN}, &places[0], &subject);
        add_to(&fx, subject, 3, &places[1]);
        add_to(&fx, subject, 4, &places[2]);
        add_to(&fx, subject, 5, &places[3]);
        for (size_t k = 0; k < 4; k++) {
            uint64_t n = orders[i][k];
            OK(note_log_at(&fx, &places[n - 1], n == 3 ? VERDICT_REFUSED : VERDICT_ACCEPTED, n));
        }
        OK(store_commit(fx.store));
        struct note_state note = view(&fx, subject, false);
        assert_int_equal(note.sum, 8);
        if (i == 0) {
            first = note;
        }
        assert_memory_equal(&note, &first, sizeof(note));
        struct store_chain chain;
        OK(store_chain_get(fx.store, places[0].chain, &chain));
        assert_int_equal(chain.logged_seq, 4);
        fixture_close(&fx);
    }
}

struct items {
    struct rid rids[16];
    bool logged[16];
    enum verdict verdicts[16];
    bool sealed[16];
    int count;
};

static enum rc collect_item(void *ctx, const struct store_item *item) {
    struct items *items = ctx;
    assert_true(item->content.kind >= NOTE_OPEN);
    assert_true(rid_equal(content_rid(item->entry.bytes), item->entry.rid));
    items->rids[items->count] = item->entry.rid;
    items->logged[items->count] = item->logged;
    items->verdicts[items->count] = item->log.verdict;
    items->sealed[items->count++] = item->sealed;
    return RC_OK;
}

static void test_a_repeat_folds_once(void **state) {
    (void)state;
    struct fixture fx;
    struct signed_record record;
    struct rid subject;
    struct place places[2];
    uint64_t seq = 0;
    bool first = false;
    fixture_open(&fx, true);
    OK(store_begin(fx.store));
    append(&fx, &(struct note){.kind = NOTE_OPEN}, &places[0], &subject);
    OK(note_log(&fx, &places[0], VERDICT_ACCEPTED));
    note_make(&fx, &fx.device, &(struct note){NOTE_ADD, &subject, 1, 7, NULL}, &record);
    // The same record in an old and a new incarnation of the device.
    struct chain_id chains[2] = {chain_of(&fx.device, LANE_SAFETY),
                                 chain_of(&fx.device, LANE_SAFETY)};
    memset(chains[1].author.id.b, 0x77, ID_BYTES);
    for (int i = 0; i < 2; i++) {
        OK(store_append_record(fx.store, chains[i], &record, &seq, &first));
        assert_int_equal(first, i == 0);
        places[i] = (struct place){chains[i], seq};
    }
    OK(store_commit(fx.store));
    struct place found;
    OK(store_record_place(fx.store, record.rid, &found));
    assert_true(author_equal(found.chain.author, chains[0].author));
    // The hub judged the second place first, then met the first one.
    OK(store_begin(fx.store));
    OK(note_log(&fx, &places[1], VERDICT_ACCEPTED));
    OK(note_log(&fx, &places[0], VERDICT_REPEAT));
    OK(store_commit(fx.store));
    assert_int_equal(view(&fx, subject, false).sum, 7);
    struct note_state before = view(&fx, subject, false);
    OK(store_rebuild(fx.store, NULL, NULL));
    struct note_state after = view(&fx, subject, false);
    assert_memory_equal(&before, &after, sizeof(before));
    // It stands in the timeline once, with the verdict of whichever place was judged.
    struct items items = {.count = 0};
    OK(store_subject_each(fx.store, subject, collect_item, &items));
    assert_int_equal(items.count, 2);
    assert_true(rid_equal(items.rids[1], record.rid) && items.logged[1]);
    fixture_close(&fx);
}

// A restored hub may admit a rid anew at another place: it still counts once.
static void test_accepted_twice_counts_once(void **state) {
    (void)state;
    struct fixture fx;
    struct signed_record record;
    struct rid subject;
    struct place opening;
    uint64_t seq = 0;
    bool first = false;
    fixture_open(&fx, true);
    OK(store_begin(fx.store));
    append(&fx, &(struct note){.kind = NOTE_OPEN}, &opening, &subject);
    OK(note_log(&fx, &opening, VERDICT_ACCEPTED));
    note_make(&fx, &fx.device, &(struct note){NOTE_ADD, &subject, 1, 7, NULL}, &record);
    struct chain_id chain = chain_of(&fx.device, LANE_SAFETY);
    for (uint8_t i = 0; i < 3; i++) {
        chain.author.id.b[0] = i;
        OK(store_append_record(fx.store, chain, &record, &seq, &first));
        OK(note_log(&fx, &(struct place){chain, seq}, VERDICT_ACCEPTED));
    }
    OK(store_commit(fx.store));
    assert_int_equal(view(&fx, subject, false).sum, 7);
    OK(store_rebuild(fx.store, NULL, NULL));
    assert_int_equal(view(&fx, subject, false).sum, 7);
    fixture_close(&fx);
}

static void test_many_subjects(void **state) {
    (void)state;
    struct fixture fx;
    struct place place;
    struct rid subjects[4];
    struct rid rid;
    fixture_open(&fx, true);
    OK(store_begin(fx.store));
    for (int i = 0; i < 3; i++) {
        append(&fx, &(struct note){.kind = NOTE_OPEN}, &place, &subjects[i]);
        OK(note_log(&fx, &place, VERDICT_ACCEPTED));
    }
    memset(subjects[3].id.b, 0x31, ID_BYTES); // nobody opened this one
    append(&fx, &(struct note){NOTE_ADD, subjects, 4, 2, NULL}, &place, &rid);
    OK(note_log(&fx, &place, VERDICT_ACCEPTED));
    OK(store_commit(fx.store));
    for (int i = 0; i < 4; i++) {
        assert_int_equal(view(&fx, subjects[i], false).sum, 2);
    }
    assert_int_equal(view(&fx, subjects[3], false).known, 0);
    fixture_close(&fx);
}

// A subject may be named before the record that opens it is here.
static void test_named_before_it_is_known(void **state) {
    (void)state;
    struct fixture fx;
    struct signed_record opening;
    struct buf kept;
    struct place place;
    uint64_t seq = 0;
    bool first = false;
    fixture_open(&fx, true);
    note_make(&fx, &fx.hub, &(struct note){.kind = NOTE_OPEN}, &opening);
    buf_init(&kept, 65536);
    buf_put(&kept, opening.content.data, opening.content.len);
    opening.content = buf_slice(&kept);
    OK(store_begin(fx.store));
    add_to(&fx, opening.rid, 9, &place);
    OK(note_log_at(&fx, &place, VERDICT_ACCEPTED, 2));
    assert_int_equal(view(&fx, opening.rid, false).known, 0);
    OK(store_append_record(fx.store, chain_of(&fx.hub, LANE_SAFETY), &opening, &seq, &first));
    struct store_log log = {.hub = fx.hub.author,
                            .n = 1,
                            .place = {chain_of(&fx.hub, LANE_SAFETY), seq},
                            .admit_place = {chain_of(&fx.hub, LANE_SAFETY), seq},
                            .verdict = VERDICT_ACCEPTED};
    OK(store_log_put(fx.store, &log));
    OK(store_commit(fx.store));
    struct note_state before = view(&fx, opening.rid, false);
    assert_int_equal(before.known, 1);
    assert_int_equal(before.sum, 9);
    OK(store_rebuild(fx.store, NULL, NULL));
    struct note_state after = view(&fx, opening.rid, false);
    assert_memory_equal(&before, &after, sizeof(before));
    buf_fini(&kept);
    fixture_close(&fx);
}

static void test_unknown_kinds_reach_known_subjects(void **state) {
    (void)state;
    struct fixture fx;
    struct place place;
    struct rid subject;
    struct rid stranger = {{{8}}};
    struct rid rid;
    fixture_open(&fx, true);
    OK(store_begin(fx.store));
    append(&fx, &(struct note){.kind = NOTE_OPEN}, &place, &subject);
    OK(note_log(&fx, &place, VERDICT_ACCEPTED));
    append(&fx, &(struct note){NOTE_NEWER, &subject, 1, 1, NULL}, &place, &rid);
    OK(note_log(&fx, &place, VERDICT_ACCEPTED));
    append(&fx, &(struct note){NOTE_NEWER, &stranger, 1, 1, NULL}, &place, &rid);
    OK(note_log(&fx, &place, VERDICT_ACCEPTED));
    append(&fx, &(struct note){.kind = NOTE_HELLO}, &place, &rid);
    OK(note_log(&fx, &place, VERDICT_ACCEPTED));
    OK(store_commit(fx.store));
    assert_int_equal(view(&fx, subject, false).needs_newer, 1);
    assert_true(no_view(&fx, stranger, false));
    assert_true(no_view(&fx, rid, false));
    fixture_close(&fx);
}

// ---- Rebuilding ----

static uint64_t next_random(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static void random_history(struct fixture *fx, uint64_t seed, int steps) {
    struct rid subjects[8];
    int count = 0;
    OK(store_begin(fx->store));
    for (int i = 0; i < steps; i++) {
        struct place place;
        struct rid rid;
        enum verdict verdict = (enum verdict)(1 + next_random(&seed) % 4);
        if (count < 8 && (count == 0 || next_random(&seed) % 4 == 0)) {
            append(fx, &(struct note){.kind = NOTE_OPEN}, &place, &subjects[count++]);
        } else {
            uint16_t first = (uint16_t)(next_random(&seed) % (uint64_t)count);
            uint16_t many = (uint16_t)(1 + next_random(&seed) % (uint64_t)(count - first));
            uint16_t kind = next_random(&seed) % 8 == 0 ? NOTE_NEWER : NOTE_ADD;
            append(fx, &(struct note){kind, subjects + first, many, (uint64_t)i, NULL}, &place,
                   &rid);
        }
        OK(note_log(fx, &place, verdict == VERDICT_REPEAT ? VERDICT_ACCEPTED : verdict));
        if (verdict == VERDICT_HELD && next_random(&seed) % 2 == 0) {
            OK(note_log(fx, &place, VERDICT_ACCEPTED));
        }
    }
    OK(note_seal(fx, &fx->device, LANE_SAFETY));
    OK(note_seal(fx, &fx->hub, LANE_SAFETY));
    OK(store_commit(fx->store));
}

static void dump_views(struct fixture *fx, struct buf *out) {
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(store_sqlite(fx->store),
                                        "SELECT * FROM view_note ORDER BY view_id", -1, &statement,
                                        NULL),
                     SQLITE_OK);
    while (sqlite3_step(statement) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(statement); i++) {
            buf_put_bytes(out, sqlite3_column_blob(statement, i),
                          (size_t)sqlite3_column_bytes(statement, i));
        }
    }
    sqlite3_finalize(statement);
    OK(buf_rc(out));
}

static void count_progress(void *ctx, uint64_t done, uint64_t total) {
    uint64_t *last = ctx;
    assert_true(done > *last && done <= total);
    *last = done;
}

static void test_rebuild_equals_folding(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct fixture fx;
        struct buf before;
        struct buf after;
        uint64_t progress = 0;
        buf_init(&before, 1 << 24);
        buf_init(&after, 1 << 24);
        fixture_open(&fx, true);
        random_history(&fx, seed, 200);
        dump_views(&fx, &before);
        OK(store_rebuild(fx.store, count_progress, &progress));
        dump_views(&fx, &after);
        assert_true(progress >= 200);
        assert_int_equal(before.len, after.len);
        assert_memory_equal(before.data, after.data, before.len);
        struct store_verify_report report = {0};
        OK(store_verify(fx.store, keys_stub(), note_key_of, &fx, &report));
        assert_string_equal(report.what, "");
        assert_true(report.entries >= 400 && report.signatures > 50 && report.seals == 2);
        buf_fini(&before);
        buf_fini(&after);
        fixture_close(&fx);
    }
}

static void fold_of_another_version(void *state_bytes, struct rid subject,
                                    const struct fold_entry *entry) {
    note_fold(state_bytes, subject, entry);
    ((struct note_state *)state_bytes)->title[0] = '2';
}

static void test_a_new_fold_rebuilds_at_opening(void **state) {
    (void)state;
    struct fixture fx;
    struct place place;
    struct rid subject;
    struct module newer = note_module;
    const struct module *const modules[] = {&newer};
    const struct registry registry = {modules, 1};
    newer.fold_version = 2;
    newer.fold = fold_of_another_version;
    fixture_open(&fx, true);
    OK(store_begin(fx.store));
    append(&fx, &(struct note){.kind = NOTE_OPEN, .title = "x"}, &place, &subject);
    OK(note_log(&fx, &place, VERDICT_ACCEPTED));
    OK(store_commit(fx.store));
    store_close(fx.store);
    // A reader cannot fold anew; it says so and changes nothing.
    struct refusal refusal;
    struct store_options reader = {.folder = fx.folder, .registry = &registry, .read_only = true};
    struct store *store = NULL;
    assert_int_equal(store_open(&reader, &store, &refusal), RC_UNSUPPORTED);
    assert_int_equal(refusal.code, REFUSAL_STORE_NEWER);
    fx.registry = &registry;
    OK(fixture_reopen(&fx, NULL));
    struct note_state note;
    OK(store_view_get(fx.store, &newer, subject, false, &note));
    assert_string_equal(note.title, "2");
    fixture_close(&fx);
}

struct folds {
    int count;
    struct rid subject;
    uint64_t sum;
};

static void on_fold(void *ctx, const struct module *module, struct rid subject,
                    const void *note_state) {
    struct folds *folds = ctx;
    assert_ptr_equal(module, &note_module);
    folds->count++;
    folds->subject = subject;
    folds->sum = ((const struct note_state *)note_state)->sum;
}

static void test_folds_are_told(void **state) {
    (void)state;
    struct fixture fx;
    struct place place;
    struct rid subject;
    struct folds folds = {0};
    fixture_open(&fx, true);
    store_on_fold(fx.store, on_fold, &folds);
    OK(store_begin(fx.store));
    append(&fx, &(struct note){.kind = NOTE_OPEN}, &place, &subject);
    OK(note_log(&fx, &place, VERDICT_ACCEPTED));
    add_to(&fx, subject, 4, &place);
    OK(note_log(&fx, &place, VERDICT_ACCEPTED));
    OK(store_commit(fx.store));
    assert_int_equal(folds.count, 2);
    assert_int_equal(folds.sum, 4);
    assert_true(rid_equal(folds.subject, subject));
    fixture_close(&fx);
}

// ---- Lists ----

struct titles {
    char text[256];
    int count;
    int stop;
};

static enum rc collect(void *ctx, struct rid subject, const void *note_state) {
    struct titles *titles = ctx;
    const struct note_state *note = note_state;
    (void)subject;
    size_t len = strlen(titles->text);
    snprintf(titles->text + len, sizeof(titles->text) - len, "%s%s ", note->title,
             note->pending ? "*" : "");
    titles->count++;
    return titles->stop > 0 && titles->count >= titles->stop ? RC_FULL : RC_OK;
}

static void test_queries(void **state) {
    (void)state;
    static const struct {
        const char *title;
        uint64_t sum;
        bool closed;
    } notes[] = {
        {"d", 4, false}, {"a", 1, true}, {"c", 30, false}, {"b", 4, false}, {"e", 0, true}};
    struct fixture fx;
    fixture_open(&fx, true);
    OK(store_begin(fx.store));
    for (size_t i = 0; i < 5; i++) {
        struct place place;
        struct rid subject;
        struct rid rid;
        append(&fx, &(struct note){.kind = NOTE_OPEN, .title = notes[i].title}, &place, &subject);
        OK(note_log(&fx, &place, VERDICT_ACCEPTED));
        add_to(&fx, subject, notes[i].sum, &place);
        OK(note_log(&fx, &place, VERDICT_ACCEPTED));
        if (notes[i].closed) {
            append(&fx, &(struct note){NOTE_CLOSE, &subject, 1, 0, NULL}, &place, &rid);
            OK(note_log(&fx, &place, VERDICT_ACCEPTED));
        }
    }
    OK(store_commit(fx.store));
    const struct view_filter open = {"open", '=', {1, NULL}};
    const struct view_filter closed = {"open", '!', {1, NULL}};
    const struct view_filter many = {"sum", '>', {20, NULL}};
    const struct view_filter few[] = {{"sum", '<', {5, NULL}}, {"title", '!', {0, "b"}}};
    const struct view_filter named = {"title", '=', {0, "c"}};
    const struct {
        struct view_query query;
        const char *expected;
        uint64_t count;
    } rows[] = {
        {{.order = "title"}, "a b c d e ", 5},
        {{.order = "sum DESC, title", .limit = 3}, "c b d ", 5},
        {{.order = "title", .limit = 2, .offset = 3}, "d e ", 5},
        {{.filters = &open, .filter_count = 1, .order = "title"}, "b c d ", 3},
        {{.filters = &closed, .filter_count = 1, .order = "title"}, "a e ", 2},
        {{.filters = &many, .filter_count = 1}, "c ", 1},
        {{.filters = few, .filter_count = 2, .order = "title"}, "a d e ", 3},
        {{.filters = &named, .filter_count = 1}, "c ", 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct titles titles = {.count = 0};
        uint64_t count = 99;
        OK(store_view_each(fx.store, &note_module, &rows[i].query, collect, &titles));
        assert_string_equal(titles.text, rows[i].expected);
        OK(store_view_count(fx.store, &note_module, &rows[i].query, &count));
        assert_int_equal(count, rows[i].count);
    }
    struct titles titles = {.stop = 2};
    OK(store_view_each(fx.store, &note_module, &(struct view_query){.order = "title"}, collect,
                       &titles));
    assert_int_equal(titles.count, 2);
    // The list of what is open does not read what is closed.
    char plan[256] = "";
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_prepare_v2(store_sqlite(fx.store),
                                        "EXPLAIN QUERY PLAN SELECT subject, state FROM view_note "
                                        "WHERE site = ?1 AND length(state) > 0 AND \"open\" = 1",
                                        -1, &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    snprintf(plan, sizeof(plan), "%s", (const char *)sqlite3_column_text(statement, 3));
    sqlite3_finalize(statement);
    assert_non_null(strstr(plan, "view_note_open"));
    fixture_close(&fx);
}

// ---- Pending ----

static enum rc count_subject(void *ctx, struct rid subject) {
    (void)subject;
    (*(int *)ctx)++;
    return RC_OK;
}

static int pending_count(struct fixture *fx) {
    int count = 0;
    OK(store_pending_each(fx->store, &note_module, count_subject, &count));
    return count;
}

static struct items outbox(struct fixture *fx) {
    struct items items = {.count = 0};
    OK(store_outbox_each(fx->store, collect_item, &items));
    return items;
}

static void test_pending_lies_on_top(void **state) {
    (void)state;
    struct fixture fx;
    struct place places[4];
    struct rid logged;
    struct rid mine;
    struct rid rid;
    fixture_open(&fx, false);
    OK(store_begin(fx.store));
    append(&fx, &(struct note){.kind = NOTE_OPEN, .title = "old"}, &places[0], &logged);
    OK(note_log(&fx, &places[0], VERDICT_ACCEPTED));
    assert_int_equal(pending_count(&fx), 0);
    add_to(&fx, logged, 5, &places[1]);
    append(&fx, &(struct note){.kind = NOTE_OPEN, .title = "new"}, &places[2], &mine);
    append(&fx, &(struct note){NOTE_ADD, &mine, 1, 6, NULL}, &places[3], &rid);
    OK(store_commit(fx.store));
    assert_int_equal(pending_count(&fx), 2);
    assert_int_equal(outbox(&fx).count, 3);
    assert_true(rid_equal(outbox(&fx).rids[2], rid));
    assert_int_equal(view(&fx, logged, false).sum, 0);
    assert_int_equal(view(&fx, logged, true).sum, 5);
    assert_int_equal(view(&fx, logged, true).pending, 1);
    assert_true(no_view(&fx, mine, false));
    assert_int_equal(view(&fx, mine, true).sum, 6);
    struct titles titles = {.count = 0};
    OK(store_view_each(fx.store, &note_module,
                       &(struct view_query){.order = "title", .with_pending = true}, collect,
                       &titles));
    assert_string_equal(titles.text, "old* ");

    // Refused in the log: not pending any more, also while what is before it still waits.
    OK(store_begin(fx.store));
    OK(note_log(&fx, &places[3], VERDICT_REFUSED));
    OK(store_commit(fx.store));
    struct store_chain chain;
    OK(store_chain_get(fx.store, places[0].chain, &chain));
    assert_int_equal(chain.logged_seq, 1);
    assert_int_equal(outbox(&fx).count, 2);
    assert_int_equal(view(&fx, mine, true).sum, 0);
    assert_int_equal(view(&fx, mine, true).refused, 1);
    OK(store_begin(fx.store));
    OK(note_log(&fx, &places[1], VERDICT_ACCEPTED));
    OK(note_log(&fx, &places[2], VERDICT_ACCEPTED));
    OK(store_commit(fx.store));
    OK(store_chain_get(fx.store, places[0].chain, &chain));
    assert_int_equal(chain.logged_seq, 4); // over the verdict that came early
    assert_int_equal(pending_count(&fx), 0);
    assert_int_equal(outbox(&fx).count, 0);
    assert_int_equal(view(&fx, logged, true).pending, 0);
    fixture_close(&fx);
}

static void test_pending_survives_reopening_and_rollback(void **state) {
    (void)state;
    struct fixture fx;
    struct place place;
    struct rid subject;
    fixture_open(&fx, false);
    OK(store_begin(fx.store));
    append(&fx, &(struct note){.kind = NOTE_OPEN}, &place, &subject);
    append(&fx, &(struct note){.kind = NOTE_HELLO}, &place, &(struct rid){0});
    OK(store_commit(fx.store));
    assert_int_equal(outbox(&fx).count, 2);
    assert_int_equal(pending_count(&fx), 1);
    OK(store_begin(fx.store));
    add_to(&fx, subject, 4, &place);
    assert_int_equal(view(&fx, subject, true).sum, 4);
    store_rollback(fx.store);
    assert_int_equal(view(&fx, subject, true).sum, 0);
    store_close(fx.store);
    OK(fixture_reopen(&fx, NULL));
    assert_int_equal(outbox(&fx).count, 2);
    assert_int_equal(view(&fx, subject, true).open, 1);
    // The same rid logged at its place in a new incarnation is not pending at the old one.
    struct buf bytes;
    struct signed_record record = {0};
    struct store_author next = {.own = true};
    memset(next.author.id.b, 0x44, ID_BYTES);
    buf_init(&bytes, 65536);
    OK(store_record_place(fx.store, subject, &place));
    OK(store_entry_get(fx.store, &place, &bytes, &record.has_sig, &record.sig));
    record.content = buf_slice(&bytes);
    record.rid = subject;
    uint64_t seq = 0;
    bool first = true;
    struct chain_id chain = {next.author, LANE_SAFETY, AUDIENCE_SITE};
    OK(store_begin(fx.store));
    OK(store_author_put(fx.store, &next));
    OK(store_append_record(fx.store, chain, &record, &seq, &first));
    assert_false(first);
    OK(note_log(&fx, &(struct place){chain, seq}, VERDICT_ACCEPTED));
    OK(store_commit(fx.store));
    assert_int_equal(pending_count(&fx), 0);
    assert_int_equal(outbox(&fx).count, 1);
    buf_fini(&bytes);
    fixture_close(&fx);
}

static void test_timeline_of_a_subject(void **state) {
    (void)state;
    struct fixture fx;
    struct place places[5];
    struct rid rids[5];
    fixture_open(&fx, false);
    OK(store_begin(fx.store));
    append(&fx, &(struct note){.kind = NOTE_OPEN}, &places[0], &rids[0]);
    for (int i = 1; i < 5; i++) {
        append(&fx, &(struct note){NOTE_ADD, &rids[0], 1, 1, NULL}, &places[i], &rids[i]);
    }
    OK(note_seal(&fx, &fx.device, LANE_SAFETY));
    append(&fx, &(struct note){.kind = NOTE_OPEN}, &(struct place){0}, &(struct rid){0});
    OK(note_log_at(&fx, &places[0], VERDICT_ACCEPTED, 1));
    OK(note_log_at(&fx, &places[2], VERDICT_HELD, 2));
    OK(note_log_at(&fx, &places[1], VERDICT_REFUSED, 3));
    OK(note_log_at(&fx, &places[2], VERDICT_ACCEPTED, 4));
    OK(store_commit(fx.store));
    struct items items = {.count = 0};
    static const int order[] = {0, 1, 2, 3, 4};
    static const enum verdict verdicts[] = {VERDICT_ACCEPTED, VERDICT_REFUSED, VERDICT_ACCEPTED,
                                            VERDICT_NONE, VERDICT_NONE};
    OK(store_subject_each(fx.store, rids[0], collect_item, &items));
    assert_int_equal(items.count, 5);
    for (int i = 0; i < 5; i++) {
        assert_true(rid_equal(items.rids[i], rids[order[i]]));
        assert_int_equal(items.verdicts[i], verdicts[i]);
        assert_int_equal(items.logged[i], i < 3);
        assert_true(items.sealed[i]);
    }
    // Newest first: own ones that wait, then the log backwards, each record once.
    items = (struct items){.count = 0};
    OK(store_recent_each(fx.store, 5, collect_item, &items));
    assert_int_equal(items.count, 5);
    assert_false(items.sealed[0]);
    static const int recent[] = {4, 3, 2, 1};
    for (int i = 0; i < 4; i++) {
        assert_true(rid_equal(items.rids[i + 1], rids[recent[i]]));
    }
    items = (struct items){.count = 0};
    OK(store_subject_each(fx.store, (struct rid){{{9}}}, collect_item, &items));
    assert_int_equal(items.count, 0);
    fixture_close(&fx);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fold_follows_the_log),
        cmocka_unit_test(test_verdicts_are_final_but_held),
        cmocka_unit_test(test_log_refuses_nonsense),
        cmocka_unit_test(test_order_of_arrival_does_not_matter),
        cmocka_unit_test(test_a_repeat_folds_once),
        cmocka_unit_test(test_accepted_twice_counts_once),
        cmocka_unit_test(test_many_subjects),
        cmocka_unit_test(test_named_before_it_is_known),
        cmocka_unit_test(test_unknown_kinds_reach_known_subjects),
        cmocka_unit_test(test_rebuild_equals_folding),
        cmocka_unit_test(test_a_new_fold_rebuilds_at_opening),
        cmocka_unit_test(test_folds_are_told),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_pending_lies_on_top),
        cmocka_unit_test(test_pending_survives_reopening_and_rollback),
        cmocka_unit_test(test_timeline_of_a_subject),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
