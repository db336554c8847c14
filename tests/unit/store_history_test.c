// History: what was committed is there, in blocks or in the journal, once; queries agree with a
// plain list of everything that was put.
#include "test_util.h"

#include "store/history_priv.h"

#include <math.h>
#include <unistd.h>

#define OK(call) assert_int_equal((call), RC_OK)
#define T0 INT64_C(1700000000000) // 2023-11-14

static enum rc open_as(const char *folder, const struct history_options *extra,
                       struct history **out_history, struct refusal *out_refusal) {
    struct history_options options = extra != NULL ? *extra : (struct history_options){0};
    options.folder = folder;
    options.create = !options.read_only;
    return history_open(&options, out_history, out_refusal);
}

static void put(struct history *history, uint32_t tag, int64_t time, double value) {
    OK(history_put(history, tag, &(struct history_reading){{time}, value, 0}));
}

static void test_put_commit_read(void **state) {
    (void)state;
    char folder[TEST_PATH_BYTES];
    struct history *history = NULL;
    struct history_reading got[8];
    struct history_status status;
    uint32_t tag = 0;
    uint32_t count = 0;
    test_folder_make(folder);
    OK(open_as(folder, NULL, &history, NULL));
    OK(history_commit(history)); // nothing to do
    OK(history_tag(history, "TI-101", &tag));
    assert_int_equal(tag, 1);
    put(history, tag, T0 + 2, 2.5);
    put(history, tag, T0 + 1, 1.5); // late
    put(history, tag, T0 + 2, 3.5); // again at the same time
    history_status(history, &status);
    assert_int_equal(status.waiting, 3);
    OK(history_commit(history));
    history_status(history, &status);
    assert_int_equal(status.waiting, 0);
    put(history, tag, T0 + 9, 99); // never committed
    for (int flushed = 0; flushed < 2; flushed++) {
        history_close(history);
        OK(open_as(folder, NULL, &history, NULL));
        const struct history_select select = {{tag, {T0}, {T0 + 10}}, 8, false};
        OK(history_readings(history, &select, got, &count));
        assert_int_equal(count, 3);
        assert_true(got[0].value == 1.5 && got[1].value == 2.5 && got[2].value == 3.5);
        struct history_reading last;
        OK(history_last(history, tag, &last));
        assert_true(last.value == 3.5);
        assert_string_equal(history_tag_name(history, tag), "TI-101");
        OK(history_flush(history));
        history_status(history, &status);
        assert_int_equal(status.buffered, 0);
    }
    history_close(history);
    test_folder_remove(folder);
}

static void test_bad_input(void **state) {
    (void)state;
    static const struct {
        int64_t time;
        double value;
        enum rc rc;
    } rows[] = {
        {-1, 1, RC_INVALID},
        {HISTORY_TIME_MAX_MS + 1, 1, RC_INVALID},
        {T0, NAN, RC_INVALID},
        {T0, INFINITY, RC_INVALID},
        {T0, -INFINITY, RC_INVALID},
        {0, 1, RC_OK},
        {HISTORY_TIME_MAX_MS, -0.0, RC_OK},
    };
    char folder[TEST_PATH_BYTES];
    struct history *history = NULL;
    uint32_t tag = 0;
    test_folder_make(folder);
    assert_int_equal(history_open(&(struct history_options){.folder = folder}, &history, NULL),
                     RC_NOT_FOUND);
    OK(open_as(folder, NULL, &history, NULL));
    OK(history_tag(history, "a", &tag));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct history_reading reading = {{rows[i].time}, rows[i].value, 0};
        assert_int_equal(history_put(history, tag, &reading), rows[i].rc);
    }
    const struct history_reading good = {{T0}, 1, 0};
    assert_int_equal(history_put(history, 0, &good), RC_NOT_FOUND);
    assert_int_equal(history_put(history, 2, &good), RC_NOT_FOUND);
    assert_int_equal(history_tag(history, "", &tag), RC_INVALID);
    char name[LIMIT_TAG_BYTES + 2];
    memset(name, 'x', sizeof(name));
    name[LIMIT_TAG_BYTES + 1] = '\0';
    assert_int_equal(history_tag(history, name, &tag), RC_TOO_LARGE);
    name[LIMIT_TAG_BYTES] = '\0';
    OK(history_tag(history, name, &tag));
    assert_int_equal(history_tag_find(history, "b", &tag), RC_NOT_FOUND);
    assert_null(history_tag_name(history, 0));
    assert_null(history_tag_name(history, 3));
    OK(history_commit(history));
    struct history_bucket bucket;
    const struct history_range range = {1, {T0}, {T0 + 1}};
    const struct history_range backwards = {1, {T0}, {T0 - 1}};
    const struct history_range unknown = {77, {T0}, {T0 + 1}};
    assert_int_equal(history_buckets(history, &backwards, 1, &bucket), RC_INVALID);
    assert_int_equal(history_buckets(history, &range, 0, &bucket), RC_INVALID);
    assert_int_equal(history_buckets(history, &range, LIMIT_QUERY_ROWS + 1, &bucket), RC_TOO_LARGE);
    assert_int_equal(history_buckets(history, &unknown, 1, &bucket), RC_NOT_FOUND);
    struct history_reading got[2];
    uint32_t count = 0;
    struct history_select all = {{1, {0}, {HISTORY_TIME_MAX_MS + 1}}, 2, false};
    OK(history_readings(history, &all, got, &count));
    assert_int_equal(count, 2);
    assert_true(got[1].time.v == HISTORY_TIME_MAX_MS && signbit(got[1].value));
    all.max = 0;
    assert_int_equal(history_readings(history, &all, got, &count), RC_INVALID);
    OK(history_flush(history)); // the first and the last month there are
    all.max = 2;
    all.newest = true;
    OK(history_readings(history, &all, got, &count));
    assert_int_equal(count, 2);
    assert_int_equal(got[0].time.v, 0);
    history_close(history);
    test_folder_remove(folder);
}

static void test_months(void **state) {
    (void)state;
    static const struct {
        int64_t time;
        int month;
    } rows[] = {
        {0, 197001},
        {INT64_C(31) * 86400000 - 1, 197001},
        {INT64_C(31) * 86400000, 197002},
        {INT64_C(951782400000), 200002}, // 2000-02-29
        {INT64_C(951868800000), 200003},
        {INT64_C(1709164800000), 202402}, // 2024-02-29
        {INT64_C(1709251199999), 202402},
        {INT64_C(1709251200000), 202403},
        {INT64_C(1767225599999), 202512},
        {INT64_C(1767225600000), 202601},
        {INT64_C(4107542399999), 210002}, // 2100 is no leap year
        {INT64_C(4107542400000), 210003},
        {HISTORY_TIME_MAX_MS, 999912},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(month_of(rows[i].time), rows[i].month);
    }
}

// ---- Against a plain list ----

#define MODEL_MAX 6000
#define MODEL_TAGS 5

struct model {
    struct {
        uint32_t tag;
        struct history_reading reading;
    } rows[MODEL_MAX];
    uint32_t count;
};

static uint64_t next_random(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static void model_put(struct model *model, struct history *history, uint32_t tag, int64_t time,
                      uint64_t *seed) {
    struct history_reading reading = {{time},
                                      (double)(int64_t)(next_random(seed) % 2000 - 1000) / 8.0,
                                      (uint8_t)(next_random(seed) % 8 == 0 ? 2 : 0)};
    OK(history_put(history, tag, &reading));
    assert_true(model->count < MODEL_MAX);
    model->rows[model->count].tag = tag;
    model->rows[model->count++].reading = reading;
}

static void model_buckets(const struct model *model, const struct history_range *range,
                          uint32_t count, struct history_bucket *out_buckets) {
    memset(out_buckets, 0, count * sizeof(*out_buckets));
    for (uint32_t i = 0; i < model->count; i++) {
        const struct history_reading *reading = &model->rows[i].reading;
        if (model->rows[i].tag != range->tag || reading->time.v < range->from.v ||
            reading->time.v >= range->to.v) {
            continue;
        }
        int64_t width = range->to.v - range->from.v;
        struct history_bucket *bucket =
            &out_buckets[(reading->time.v - range->from.v) * count / width];
        if (bucket->count == 0 || reading->time.v >= bucket->last_time.v) {
            bucket->last_time = reading->time;
            bucket->last = reading->value;
            bucket->last_quality = reading->quality;
        }
        bucket->count++;
        if (reading->quality != 2) {
            bool first = bucket->usable_count++ == 0;
            bucket->min = first || reading->value < bucket->min ? reading->value : bucket->min;
            bucket->max = first || reading->value > bucket->max ? reading->value : bucket->max;
        }
    }
}

static int compare_readings(const void *a, const void *b) {
    int64_t left = ((const struct history_reading *)a)->time.v;
    int64_t right = ((const struct history_reading *)b)->time.v;
    return (left > right) - (left < right);
}

static uint32_t model_readings(const struct model *model, const struct history_select *select,
                               struct history_reading *out) {
    static struct history_reading all[MODEL_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < model->count; i++) {
        const struct history_reading *reading = &model->rows[i].reading;
        if (model->rows[i].tag == select->range.tag && reading->time.v >= select->range.from.v &&
            reading->time.v < select->range.to.v) {
            all[count++] = *reading;
        }
    }
    qsort(all, count, sizeof(all[0]), compare_readings);
    uint32_t taken = count < select->max ? count : select->max;
    memcpy(out, select->newest ? all + (count - taken) : all, taken * sizeof(all[0]));
    return taken;
}

static void expect_equal(const struct model *model, struct history *history, uint64_t *seed) {
    static struct history_bucket expected[500];
    static struct history_bucket got[500];
    static struct history_reading expected_readings[MODEL_MAX];
    static struct history_reading got_readings[MODEL_MAX];
    for (uint32_t i = 0; i < 12; i++) {
        uint32_t tag = 1 + i % MODEL_TAGS;
        const struct history_reading *some = &model->rows[next_random(seed) % model->count].reading;
        int64_t width = 1 + (int64_t)(next_random(seed) % (i < 6 ? 20000000 : 5000000000));
        int64_t from = some->time.v - (int64_t)(next_random(seed) % (uint64_t)width);
        const struct history_range range = {tag, {from}, {from + width}};
        uint32_t count = 1 + (uint32_t)(next_random(seed) % 500);
        model_buckets(model, &range, count, expected);
        OK(history_buckets(history, &range, count, got));
        for (uint32_t k = 0; k < count; k++) {
            assert_int_equal(got[k].count, expected[k].count);
            assert_int_equal(got[k].usable_count, expected[k].usable_count);
            assert_true(got[k].min == expected[k].min && got[k].max == expected[k].max);
            assert_int_equal(got[k].last_time.v, expected[k].last_time.v);
            assert_true(got[k].last == expected[k].last);
        }
        const struct history_select select = {range, 1 + (uint32_t)(next_random(seed) % 700),
                                              i % 2 == 0};
        uint32_t got_count = 0;
        uint32_t expected_count = model_readings(model, &select, expected_readings);
        OK(history_readings(history, &select, got_readings, &got_count));
        assert_int_equal(got_count, expected_count);
        for (uint32_t k = 0; k < got_count; k++) {
            assert_int_equal(got_readings[k].time.v, expected_readings[k].time.v);
            assert_true(got_readings[k].value == expected_readings[k].value);
            assert_int_equal(got_readings[k].quality, expected_readings[k].quality);
        }
    }
}

// Times are all different, so that the order within one millisecond does not matter here.
static void test_queries_agree_with_a_list(void **state) {
    (void)state;
    static struct model model;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        char folder[TEST_PATH_BYTES];
        struct history *history = NULL;
        struct history_options options = {.buffer_readings_max = seed % 2 == 0 ? 300 : 0};
        uint64_t random = seed;
        int64_t now = T0;
        model.count = 0;
        test_folder_make(folder);
        OK(open_as(folder, &options, &history, NULL));
        for (uint32_t tag = 1; tag <= MODEL_TAGS; tag++) {
            char name[16];
            uint32_t number = 0;
            snprintf(name, sizeof(name), "tag-%u", tag);
            OK(history_tag(history, name, &number));
            assert_int_equal(number, tag);
        }
        for (int commit = 0; commit < 120; commit++) {
            int puts = (int)(next_random(&random) % 90);
            for (int i = 0; i < puts; i++) {
                // Mostly in order; some buffered by a gateway for days; months go by.
                bool late = next_random(&random) % 20 == 0;
                now += 1 + (int64_t)(next_random(&random) % 3000000);
                int64_t back = late ? (int64_t)(next_random(&random) % 400000000) : 0;
                uint32_t tag = 1 + (uint32_t)(next_random(&random) % MODEL_TAGS);
                model_put(&model, history, tag, (now - back) * 8 + model.count % 8 - T0 * 7,
                          &random);
            }
            OK(history_commit(history));
            if (commit % 40 == 13) {
                expect_equal(&model, history, &random);
                history_close(history); // as good as kill -9: nothing is written at closing
                OK(open_as(folder, &options, &history, NULL));
            }
            if (commit == 70) {
                OK(history_flush(history));
            }
        }
        expect_equal(&model, history, &random);
        history_close(history);
        OK(open_as(folder, &options, &history, NULL));
        expect_equal(&model, history, &random);
        history_close(history);
        options.read_only = true;
        OK(open_as(folder, &options, &history, NULL));
        expect_equal(&model, history, &random);
        history_close(history);
        test_folder_remove(folder);
    }
}

// ---- Blocks, journal, months ----

static void test_full_buffers_become_blocks(void **state) {
    (void)state;
    enum { TAGS = 50, ROUNDS = 1300 };
    char folder[TEST_PATH_BYTES];
    struct history *history = NULL;
    struct history_status status;
    test_folder_make(folder);
    OK(open_as(folder, NULL, &history, NULL));
    for (uint32_t i = 0; i < TAGS; i++) {
        char name[16];
        uint32_t tag = 0;
        snprintf(name, sizeof(name), "tag-%u", i);
        OK(history_tag(history, name, &tag));
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (uint32_t tag = 1; tag <= TAGS; tag++) {
            put(history, tag, T0 + round * 1000, (double)(round % 50) / 10.0 + tag);
        }
        OK(history_commit(history));
    }
    history_status(history, &status);
    assert_true(status.blocks_written >= TAGS * 2);
    assert_int_equal(status.block_readings + status.buffered, TAGS * ROUNDS);
    assert_true(status.journal_rows < 400); // what blocks hold is gone from it
    assert_true(status.block_bytes < status.block_readings * 6);
    struct history_bucket bucket;
    const struct history_range range = {7, {T0}, {T0 + ROUNDS * 1000}};
    OK(history_buckets(history, &range, 1, &bucket));
    assert_int_equal(bucket.count, ROUNDS);
    assert_true(bucket.min == 7.0 && bucket.max == 11.9);
    history_close(history);
    test_folder_remove(folder);
}

// One tag that speaks once an hour must not keep the whole journal.
static void test_a_slow_tag_does_not_hold_the_journal(void **state) {
    (void)state;
    char folder[TEST_PATH_BYTES];
    struct history *history = NULL;
    struct history_status status;
    uint32_t slow = 0;
    uint32_t fast[100];
    test_folder_make(folder);
    OK(open_as(folder, NULL, &history, NULL));
    OK(history_tag(history, "slow", &slow));
    for (uint32_t i = 0; i < 100; i++) {
        char name[16];
        snprintf(name, sizeof(name), "fast-%u", i);
        OK(history_tag(history, name, &fast[i]));
    }
    put(history, slow, T0, 1);
    uint64_t longest = 0;
    for (int i = 0; i < 240; i++) {
        for (int k = 0; k < 20000; k++) {
            put(history, fast[k % 100], T0 + i * 200 + k / 100, i);
        }
        OK(history_commit(history));
        history_status(history, &status);
        longest = status.journal_rows > longest ? status.journal_rows : longest;
    }
    assert_true(longest * 20000 * 12 > HISTORY_JOURNAL_BYTES_MAX / 2);
    assert_true(status.journal_rows * 20000 * 11 < HISTORY_JOURNAL_BYTES_MAX * 3 / 2);
    struct history_bucket bucket;
    const struct history_range range = {slow, {T0}, {T0 + 1}};
    OK(history_buckets(history, &range, 1, &bucket));
    assert_int_equal(bucket.count, 1);
    history_close(history);
    test_folder_remove(folder);
}

static bool file_exists(const char *folder, const char *name) {
    char path[TEST_PATH_BYTES];
    test_path(folder, name, path);
    return access(path, F_OK) == 0;
}

static void test_months_are_files(void **state) {
    (void)state;
    static const struct {
        int64_t time;
        const char *name;
    } months[] = {
        {INT64_C(1735700000000), "history-202501.db"},
        {INT64_C(1738400000000), "history-202502.db"},
        {INT64_C(1740900000000), "history-202503.db"},
        {INT64_C(1743500000000), "history-202504.db"},
        {INT64_C(1746200000000), "history-202505.db"},
    };
    char folder[TEST_PATH_BYTES];
    struct history *history = NULL;
    struct history_bucket bucket;
    uint32_t tag = 0;
    test_folder_make(folder);
    OK(open_as(folder, NULL, &history, NULL));
    OK(history_tag(history, "a", &tag));
    for (int i = 0; i < 5; i++) {
        put(history, tag, months[4 - i].time, 4 - i); // more months at once than may be open
    }
    OK(history_commit(history));
    OK(history_flush(history));
    const struct history_range all = {tag, {0}, {HISTORY_TIME_MAX_MS}};
    OK(history_buckets(history, &all, 1, &bucket));
    assert_int_equal(bucket.count, 5);
    assert_true(bucket.last == 4);
    for (int i = 0; i < 5; i++) {
        assert_true(file_exists(folder, months[i].name));
    }
    OK(history_drop_before(history, 2025, 4));
    for (int i = 0; i < 5; i++) {
        assert_int_equal(file_exists(folder, months[i].name), i >= 3);
    }
    OK(history_buckets(history, &all, 1, &bucket));
    assert_int_equal(bucket.count, 2);
    assert_true(bucket.min == 3);
    const struct history_reading late = {{months[2].time}, 1, 0};
    assert_int_equal(history_put(history, tag, &late), RC_STALE);
    history_close(history);
    OK(open_as(folder, NULL, &history, NULL));
    OK(history_buckets(history, &all, 1, &bucket));
    assert_int_equal(bucket.count, 2);
    history_close(history);
    test_folder_remove(folder);
}

// Journal rows count on after everything went into blocks: a row number is never given twice.
static void test_rows_count_on_after_a_flush(void **state) {
    (void)state;
    char folder[TEST_PATH_BYTES];
    struct history *history = NULL;
    struct history_bucket bucket;
    uint32_t tag = 0;
    test_folder_make(folder);
    for (int i = 0; i < 4; i++) {
        OK(open_as(folder, NULL, &history, NULL));
        OK(history_tag(history, "a", &tag));
        put(history, tag, T0 + i, i);
        OK(history_commit(history));
        if (i % 2 == 0) {
            OK(history_flush(history));
        }
        history_close(history);
    }
    OK(open_as(folder, NULL, &history, NULL));
    const struct history_range range = {tag, {T0}, {T0 + 10}};
    OK(history_buckets(history, &range, 1, &bucket));
    assert_int_equal(bucket.count, 4);
    history_close(history);
    test_folder_remove(folder);
}

// ---- State ----

static enum rc collect_state(void *ctx, const char *key, struct slice value) {
    struct buf *text = ctx;
    buf_printf(text, "%s=%.*s ", key, (int)value.len, (const char *)value.data);
    return RC_OK;
}

static void test_state_goes_with_readings(void **state) {
    (void)state;
    char folder[TEST_PATH_BYTES];
    struct history *history = NULL;
    struct buf text;
    uint32_t tag = 0;
    buf_init(&text, 1000);
    test_folder_make(folder);
    OK(open_as(folder, NULL, &history, NULL));
    OK(history_tag(history, "a", &tag));
    OK(history_state_set(history, "t:b", slice_text("1")));
    OK(history_state_set(history, "t:a", slice_text("old")));
    OK(history_state_set(history, "t:a", slice_text("new")));
    assert_int_equal(history_state_get(history, "t:a", &text), RC_NOT_FOUND); // as committed
    put(history, tag, T0, 1);
    OK(history_commit(history));
    OK(history_state_set(history, "t:a", slice_text("lost")));
    history_close(history);
    OK(open_as(folder, NULL, &history, NULL));
    OK(history_state_each(history, collect_state, &text));
    assert_string_equal(buf_cstr(&text), "t:a=new t:b=1 ");
    OK(history_state_set(history, "t:a", slice_of(NULL, 0)));
    OK(history_commit(history));
    buf_reset(&text);
    OK(history_state_each(history, collect_state, &text));
    assert_string_equal(buf_cstr(&text), "t:b=1 ");
    char key[HISTORY_KEY_BYTES_MAX + 2];
    memset(key, 'k', sizeof(key));
    key[HISTORY_KEY_BYTES_MAX + 1] = '\0';
    assert_int_equal(history_state_set(history, key, slice_text("x")), RC_TOO_LARGE);
    buf_fini(&text);
    history_close(history);
    test_folder_remove(folder);
}

// ---- A reader beside the owner ----

static void test_a_reader_follows(void **state) {
    (void)state;
    char folder[TEST_PATH_BYTES];
    struct history *owner = NULL;
    struct history *reader = NULL;
    uint32_t tag = 0;
    uint64_t count = 0;
    const struct history_options options = {.read_only = true};
    test_folder_make(folder);
    OK(open_as(folder, NULL, &owner, NULL));
    OK(history_tag(owner, "a", &tag));
    OK(history_commit(owner));
    OK(open_as(folder, &options, &reader, NULL));
    for (int i = 0; i < 60; i++) {
        for (int k = 0; k < 50; k++) {
            put(owner, tag, T0 + (i * 50 + k) * 1000, i);
        }
        OK(history_commit(owner));
        count += 50;
        if (i % 10 == 5) {
            // Blocks are written, and the reader has the same readings from the journal.
            OK(buffers_flush(owner, true));
        }
        struct history_bucket bucket;
        const struct history_range range = {tag, {T0}, {T0 + 100000000}};
        OK(history_buckets(reader, &range, 1, &bucket));
        assert_int_equal(bucket.count, count);
        struct history_reading last;
        OK(history_last(reader, tag, &last));
        assert_true(last.value == i);
    }
    uint32_t other = 0;
    OK(history_tag(owner, "new", &other));
    OK(history_commit(owner));
    struct history_reading last;
    assert_int_equal(history_last(reader, other, &last), RC_NOT_FOUND);
    OK(history_tag_find(reader, "new", &other));
    history_close(reader);
    history_close(owner);
    test_folder_remove(folder);
}

// ---- The journal's rows ----

static enum rc count_reading(void *ctx, uint32_t tag, const struct history_reading *reading) {
    (void)tag;
    (void)reading;
    (*(int *)ctx)++;
    return RC_OK;
}

static void test_journal_rows_are_strict(void **state) {
    (void)state;
    struct buf row;
    int count = 0;
    buf_init(&row, 4096);
    journal_put(&row, 1, &(struct history_reading){{T0}, 1.5, 0}, 0);
    journal_put(&row, 300, &(struct history_reading){{T0 - 5}, -2, 2}, T0);
    OK(journal_decode(buf_slice(&row), 300, count_reading, &count));
    assert_int_equal(count, 2);
    for (size_t len = 0; len < row.len; len++) {
        size_t first = 1 + 1 + 6 + 8 + 1; // version, tag, time, value, quality
        enum rc expected = len == first ? RC_OK : RC_CORRUPT;
        assert_int_equal(journal_decode(slice_of(row.data, len), 300, count_reading, &count),
                         expected);
    }
    assert_int_equal(journal_decode(buf_slice(&row), 299, count_reading, &count), RC_CORRUPT);
    static const struct {
        const char *hex;
        const char *why;
    } rows[] = {
        {"0201020000000000000000"
         "00",
         "version"},
        {"01000200000000000000f03f00", "tag 0"},
        {"01010100000000000000f03f00", "a time before 1970"},
        {"0101ffffffffffffffffff0100000000000000f03f00", "a time beyond the year 9999"},
        {"01010200000000000000f07f00", "infinity"},
        {"01010200000000000000f87f00", "not a number"},
        {"0181000200000000000000f03f00", "a tag not in its shortest form"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint8_t bytes[64];
        size_t len = test_unhex(rows[i].hex, bytes, sizeof(bytes));
        enum rc rc = journal_decode(slice_of(bytes, len), 300, count_reading, &count);
        if (rc != RC_CORRUPT) {
            fail_msg("%s was taken", rows[i].why);
        }
    }
    buf_fini(&row);
}

static void test_a_damaged_journal_is_refused(void **state) {
    (void)state;
    char folder[TEST_PATH_BYTES];
    char path[TEST_PATH_BYTES];
    struct history *history = NULL;
    struct refusal refusal;
    uint32_t tag = 0;
    sqlite3 *db = NULL;
    test_folder_make(folder);
    OK(open_as(folder, NULL, &history, NULL));
    OK(history_tag(history, "a", &tag));
    put(history, tag, T0, 1);
    OK(history_commit(history));
    history_close(history);
    test_path(folder, "history.db", path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE journal SET bytes = x'01ff'", NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(open_as(folder, NULL, &history, &refusal), RC_CORRUPT);
    assert_int_equal(refusal.code, REFUSAL_STORE_CORRUPT);
    test_folder_remove(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_commit_read),
        cmocka_unit_test(test_bad_input),
        cmocka_unit_test(test_months),
        cmocka_unit_test(test_queries_agree_with_a_list),
        cmocka_unit_test(test_full_buffers_become_blocks),
        cmocka_unit_test(test_a_slow_tag_does_not_hold_the_journal),
        cmocka_unit_test(test_months_are_files),
        cmocka_unit_test(test_rows_count_on_after_a_flush),
        cmocka_unit_test(test_state_goes_with_readings),
        cmocka_unit_test(test_a_reader_follows),
        cmocka_unit_test(test_journal_rows_are_strict),
        cmocka_unit_test(test_a_damaged_journal_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
