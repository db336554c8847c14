// History without memory: a reading is put or it is not, and what was committed is there once.
#include "../unit/test_util.h"
#include "fault.h"

#include "davy/store/block.h"
#include "davy/store/history.h"

#define T0 INT64_C(1700000000000) // 2023-11-14
#define TAGS 3
#define PUT_A_RUN 700 // beyond one block of one tag, and enough to make buffers grow

struct world {
    char folder[TEST_PATH_BYTES];
    struct history *history;
    struct refusal refusal;
    uint64_t taken[TAGS]; // readings that were taken, and not dropped by a crash
    uint64_t committed[TAGS];
    int64_t next; // time of the next reading
    struct block_codec *codec;
    struct buf block;
};

static enum rc open_as(struct world *w, bool read_only) {
    struct history_options options = {
        .folder = w->folder, .create = !read_only, .read_only = read_only};
    options.buffer_readings_max = 60000;
    struct history *history = NULL;
    w->refusal = (struct refusal){0};
    fault_paint(&history, sizeof history);
    enum rc rc = history_open(&options, &history, &w->refusal);
    if (rc == RC_OK) {
        w->history = history;
    } else {
        fault_painted(&history, sizeof history, "the history");
        assert_int_equal(w->refusal.code, REFUSAL_NONE);
    }
    return rc;
}

static struct world *world_new(void) {
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    test_folder_make(w->folder);
    buf_init(&w->block, BLOCK_BYTES_MAX);
    w->next = T0;
    return w;
}

static void world_free(void *world) {
    struct world *w = world;
    history_close(w->history);
    block_codec_free(w->codec);
    buf_fini(&w->block);
    test_folder_remove(w->folder);
    free(w);
}

static void reopen(struct world *w) {
    history_close(w->history);
    w->history = NULL;
    assert_int_equal(open_as(w, false), RC_OK);
    memcpy(w->taken, w->committed, sizeof w->taken);
}

// One reading of every tag at each step; counts what was taken.
static enum rc put_some(struct world *w, uint32_t steps) {
    for (uint32_t i = 0; i < steps; i++) {
        w->next += 1000;
        for (uint32_t tag = 1; tag <= TAGS; tag++) {
            const struct history_reading reading = {{w->next}, (double)tag, 0};
            enum rc rc = history_put(w->history, tag, &reading);
            if (rc != RC_OK) {
                return rc;
            }
            w->taken[tag - 1]++;
        }
    }
    return RC_OK;
}

static enum rc commit(struct world *w) {
    enum rc rc = history_commit(w->history);
    if (rc == RC_OK) {
        memcpy(w->committed, w->taken, sizeof w->committed);
    }
    return rc;
}

static void assert_counts(struct world *w, const uint64_t *least, const uint64_t *most) {
    for (uint32_t tag = 1; tag <= TAGS; tag++) {
        const struct history_range range = {tag, {T0}, {w->next + 1}};
        struct history_bucket bucket;
        assert_int_equal(history_buckets(w->history, &range, 1, &bucket), RC_OK);
        if (bucket.count < least[tag - 1] || bucket.count > most[tag - 1]) {
            fail_msg("tag %u: %u readings, %llu to %llu expected", tag, bucket.count,
                     (unsigned long long)least[tag - 1], (unsigned long long)most[tag - 1]);
        }
        assert_true(bucket.usable_count == 0 || bucket.min == (double)tag);
    }
}

static void *filled(void) {
    static const char *const names[TAGS] = {"TI-1", "温度 2", "TI-3"};
    struct world *w = world_new();
    assert_int_equal(open_as(w, false), RC_OK);
    for (uint32_t i = 0; i < TAGS; i++) {
        uint32_t tag = 0;
        assert_int_equal(history_tag(w->history, names[i], &tag), RC_OK);
        assert_int_equal(tag, i + 1);
    }
    assert_int_equal(put_some(w, 1000), RC_OK);
    assert_int_equal(history_state_set(w->history, "t:TI-1", slice_text("state")), RC_OK);
    assert_int_equal(commit(w), RC_OK);
    return w;
}

static void *flushed(void) {
    struct world *w = filled();
    assert_int_equal(history_flush(w->history), RC_OK);
    assert_int_equal(put_some(w, 50), RC_OK);
    assert_int_equal(commit(w), RC_OK);
    return w;
}

// ---- Open ----

static void *closed(void) {
    struct world *w = flushed();
    history_close(w->history);
    w->history = NULL;
    return w;
}

static enum rc open_run(void *world) {
    return open_as(world, false);
}

static enum rc open_read_only_run(void *world) {
    return open_as(world, true);
}

static void open_check(void *world, enum rc rc) {
    struct world *w = world;
    if (rc == RC_OK) {
        assert_counts(w, w->committed, w->committed);
        history_close(w->history);
        w->history = NULL;
    }
}

static void *nothing(void) {
    return world_new();
}

static void make_check(void *world, enum rc rc) {
    if (rc == RC_OK) {
        assert_int_equal(history_tag_count(((struct world *)world)->history), 0);
    }
}

// ---- Put and commit ----

static enum rc put_run(void *world) {
    struct world *w = world;
    enum rc rc = put_some(w, PUT_A_RUN);
    enum rc state = history_state_set(w->history, "t:TI-1", slice_text("a longer state of a tag"));
    enum rc saved = commit(w);
    if (rc == RC_OK) {
        rc = state;
    }
    return rc == RC_OK ? saved : rc;
}

static void put_check(void *world, enum rc rc) {
    struct world *w = world;
    struct history_status status;
    (void)rc;
    assert_counts(w, w->taken, w->taken);
    // What waits is committed by the next one.
    assert_int_equal(commit(w), RC_OK);
    history_status(w->history, &status);
    assert_int_equal(status.waiting, 0);
    reopen(w);
    assert_counts(w, w->committed, w->committed);
    struct buf state;
    buf_init(&state, 100);
    assert_int_equal(history_state_get(w->history, "t:TI-1", &state), RC_OK);
    const char *text = buf_cstr(&state);
    assert_true(strcmp(text, "state") == 0 || strcmp(text, "a longer state of a tag") == 0);
    buf_fini(&state);
}

static enum rc flush_run(void *world) {
    struct world *w = world;
    return history_flush(w->history);
}

static void flush_check(void *world, enum rc rc) {
    struct world *w = world;
    struct history_status status;
    history_status(w->history, &status);
    assert_true(rc != RC_OK || status.buffered == 0);
    assert_counts(w, w->committed, w->committed);
    reopen(w);
    assert_counts(w, w->committed, w->committed);
    if (rc == RC_OK) { // something for the next time
        assert_int_equal(put_some(w, 20), RC_OK);
        assert_int_equal(commit(w), RC_OK);
    }
}

static enum rc tag_run(void *world) {
    struct world *w = world;
    for (int i = 0; i < 40; i++) {
        char name[32];
        uint32_t tag = 0;
        (void)snprintf(name, sizeof name, "another tag %d", i);
        enum rc rc = history_tag(w->history, name, &tag);
        if (rc != RC_OK) {
            return rc;
        }
        assert_int_equal(tag, TAGS + i + 1);
    }
    return history_commit(w->history);
}

static void tag_check(void *world, enum rc rc) {
    struct world *w = world;
    if (rc != RC_OK) {
        assert_int_equal(history_commit(w->history), RC_OK);
    }
    uint32_t count = history_tag_count(w->history);
    assert_true(rc != RC_OK || count == TAGS + 40);
    reopen(w);
    assert_int_equal(history_tag_count(w->history), count);
    assert_string_equal(history_tag_name(w->history, 2), "温度 2");
}

static enum rc drop_run(void *world) {
    struct world *w = world;
    return history_drop_before(w->history, 2023, 11);
}

// Nothing of that month is dropped.
static void drop_check(void *world, enum rc rc) {
    struct world *w = world;
    (void)rc;
    assert_int_equal(put_some(w, 5), RC_OK);
    assert_int_equal(commit(w), RC_OK);
    assert_counts(w, w->committed, w->committed);
    reopen(w);
    assert_counts(w, w->committed, w->committed);
}

// ---- Queries ----

static enum rc query_run(void *world) {
    struct world *w = world;
    static struct history_bucket buckets[100];
    static struct history_reading readings[500];
    struct history_reading last;
    uint32_t count = 0;
    const struct history_range range = {2, {T0}, {w->next + 1}};
    const struct history_select select = {range, 500, true};
    fault_paint(&count, sizeof count);
    enum rc rc = history_readings(w->history, &select, readings, &count);
    if (rc != RC_OK) {
        fault_painted(&count, sizeof count, "the count");
        return rc;
    }
    assert_int_equal(count, 500);
    rc = history_buckets(w->history, &range, 100, buckets);
    uint64_t sum = 0;
    for (int i = 0; rc == RC_OK && i < 100; i++) {
        sum += buckets[i].count;
    }
    assert_true(rc != RC_OK || sum == w->committed[1]);
    if (rc == RC_OK) {
        rc = history_last(w->history, 2, &last);
    }
    assert_true(rc != RC_OK || last.time.v == w->next);
    return rc;
}

static void *queries(void) {
    struct world *w = closed();
    assert_int_equal(open_as(w, true), RC_OK);
    return w;
}

static enum rc count_state(void *ctx, const char *key, struct slice value) {
    (void)key;
    (void)value;
    ++*(uint32_t *)ctx;
    return RC_OK;
}

static enum rc state_run(void *world) {
    struct world *w = world;
    uint32_t count = 0;
    struct buf state;
    buf_init(&state, 100);
    enum rc rc = history_state_each(w->history, count_state, &count);
    assert_true(rc != RC_OK || count == 1);
    if (rc == RC_OK) {
        rc = history_state_get(w->history, "t:TI-1", &state);
    }
    buf_fini(&state);
    return rc;
}

// ---- Blocks ----

static enum rc codec_run(void *world) {
    (void)world;
    struct block_codec *codec = NULL;
    enum rc rc = block_codec_new(&codec);
    block_codec_free(codec);
    return rc;
}

static void *codec_setup(void) {
    struct world *w = world_new();
    assert_int_equal(block_codec_new(&w->codec), RC_OK);
    return w;
}

static enum rc block_run(void *world) {
    struct world *w = world;
    static int64_t times[500], times_out[500];
    static double values[500], values_out[500];
    static uint8_t qualities[500], qualities_out[500];
    struct block_summary summary;
    uint32_t count = 0;
    for (int i = 0; i < 500; i++) {
        times[i] = T0 + i * 997;
        values[i] = 20.25 + i % 7;
    }
    struct block_columns columns = {times, values, qualities, 500};
    buf_fini(&w->block);
    buf_init(&w->block, BLOCK_BYTES_MAX);
    enum rc rc = block_encode(w->codec, &columns, &w->block, &summary);
    if (rc == RC_OK) {
        rc = block_decode(w->codec, buf_slice(&w->block), times_out, values_out, qualities_out, 500,
                          &count);
    }
    if (rc == RC_OK) {
        assert_int_equal(count, 500);
        assert_memory_equal(times, times_out, sizeof times);
        assert_memory_equal(values, values_out, sizeof values);
    }
    return rc;
}

static const struct fault_op ops[] = {
    {.name = "history: make",
     .setup = nothing,
     .run = open_run,
     .check = make_check,
     .teardown = world_free,
     .most = 40},
    {.name = "history: open",
     .setup = closed,
     .run = open_run,
     .check = open_check,
     .teardown = world_free,
     .keep = true,
     .most = 80},
    {.name = "history: open read-only",
     .setup = closed,
     .run = open_read_only_run,
     .check = open_check,
     .teardown = world_free,
     .keep = true},
    {.name = "history: put, state, commit",
     .setup = filled,
     .run = put_run,
     .check = put_check,
     .teardown = world_free},
    {.name = "history: flush to blocks",
     .setup = filled,
     .run = flush_run,
     .check = flush_check,
     .teardown = world_free,
     .keep = true},
    {.name = "history: new tags",
     .setup = filled,
     .run = tag_run,
     .check = tag_check,
     .teardown = world_free},
    {.name = "history: drop",
     .setup = filled,
     .run = drop_run,
     .check = drop_check,
     .teardown = world_free,
     .keep = true},
    {.name = "history: readings, buckets, last",
     .setup = queries,
     .run = query_run,
     .teardown = world_free,
     .keep = true},
    {.name = "history: saved states",
     .setup = queries,
     .run = state_run,
     .teardown = world_free,
     .keep = true},
    {.name = "block codec", .run = codec_run},
    {.name = "block encode and decode",
     .setup = codec_setup,
     .run = block_run,
     .teardown = world_free},
};

int main(int argc, char **argv) {
    return fault_main(argc, argv, ops, COUNT_OF(ops));
}
