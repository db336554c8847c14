// Blobs over a session, both sides, on a line that loses, repeats and reorders, or that is thin.
#include "blob_util.h"

#include "davy/sync/blob.h"
#include "sync/pace_priv.h"

#define FRAME_BYTES 29 // header and keyed hash
#define START INT64_C(1700000000000)
#define FLIGHTS 4096

struct letter {
    uint8_t to; // side; 2, 3: an urgent one up, its answer down
    uint8_t type;
    int64_t at;
    size_t len;
    uint8_t *bytes;
};

struct side {
    struct blob_store s;
    struct sync_blob *blob;
    struct buf body;
    struct run *run;
    uint8_t index; // 0 device, 1 hub
    uint64_t frames, bytes;
    uint32_t longest;
};

struct run {
    struct side sides[2];
    struct moment now;
    uint64_t dice;
    uint32_t lose, repeat, reorder; // per mille
    int64_t delay_ms;               // one way
    uint32_t line;                  // bytes a second; 0: no limit
    int64_t line_free[2];           // when the line takes the next one, by direction
    struct letter letters[FLIGHTS];
    uint32_t count;
    int64_t answered; // of the urgent one; 0: not yet
    int64_t urgent_at;
    uint32_t queue_most;
};

static uint32_t roll(struct run *r, uint32_t sides) {
    r->dice = r->dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(r->dice >> 33) % sides;
}

// A line with a deep queue: bytes leave one after another, arrive a delay later.
static void post(struct run *r, uint8_t to, uint8_t type, struct slice body) {
    int way = to == 1 || to == 2 ? 0 : 1;
    if (type != 0 && roll(r, 1000) < r->lose) {
        return;
    }
    uint32_t copies = type != 0 && roll(r, 1000) < r->repeat ? 2 : 1;
    for (uint32_t i = 0; i < copies; i++) {
        assert_true(r->count < FLIGHTS);
        struct letter *l = &r->letters[r->count++];
        int64_t leaves = r->now.mono.v > r->line_free[way] ? r->now.mono.v : r->line_free[way];
        leaves += r->line ? (int64_t)(body.len + FRAME_BYTES) * 1000 / r->line : 0;
        r->line_free[way] = leaves;
        *l = (struct letter){.to = to, .type = type, .at = leaves + r->delay_ms, .len = body.len};
        if (type != 0 && roll(r, 1000) < r->reorder) {
            l->at += roll(r, 400);
        }
        l->bytes = malloc(body.len ? body.len : 1);
        assert_non_null(l->bytes);
        memcpy(l->bytes, body.data, body.len);
    }
}

static bool emit(void *ctx, enum blob_message type) {
    struct side *side = ctx;
    side->frames++;
    side->bytes += side->body.len;
    side->longest = side->body.len > side->longest ? (uint32_t)side->body.len : side->longest;
    post(side->run, (uint8_t)(1 - side->index), (uint8_t)type, buf_slice(&side->body));
    return true;
}

static void session(struct side *side, uint32_t message_bytes_max) {
    struct sync_blob_options options = {.store = side->s.store,
                                        .body = &side->body,
                                        .hub = side->index == 1,
                                        .message_bytes_max = message_bytes_max,
                                        .ctx = side,
                                        .emit = emit};
    options.peer.id.b[0] = (uint8_t)(0xD0 + side->index);
    sync_blob_free(side->blob);
    side->blob = NULL;
    assert_int_equal(sync_blob_new(&options, &side->blob), RC_OK);
}

static void sessions(struct run *r, uint32_t message_bytes_max) {
    for (uint32_t i = 0; i < r->count; i++) {
        free(r->letters[i].bytes);
    }
    r->count = 0;
    session(&r->sides[0], message_bytes_max);
    session(&r->sides[1], message_bytes_max);
}

static int setup(void **state) {
    struct run *r = calloc(1, sizeof *r);
    assert_non_null(r);
    for (uint8_t i = 0; i < 2; i++) {
        struct side *side = &r->sides[i];
        side->run = r;
        side->index = i;
        blob_store_open(&side->s, (uint8_t)(i + 1));
        buf_init(&side->body, LIMIT_MESSAGE_BYTES);
    }
    r->now = (struct moment){.utc = {START}, .mono = {1000}};
    r->dice = 99;
    r->delay_ms = 5;
    sessions(r, LIMIT_MESSAGE_BYTES);
    *state = r;
    return 0;
}

static int teardown(void **state) {
    struct run *r = *state;
    for (uint32_t i = 0; i < r->count; i++) {
        free(r->letters[i].bytes);
    }
    for (int i = 0; i < 2; i++) {
        sync_blob_free(r->sides[i].blob);
        blob_store_close(&r->sides[i].s);
        buf_fini(&r->sides[i].body);
    }
    free(r);
    return 0;
}

// Everything that has arrived, in one transaction a side, then what is due.
static void side_round(struct side *side) {
    struct run *r = side->run;
    struct mono_ms next = {INT64_MAX};
    assert_int_equal(store_begin(side->s.store), RC_OK);
    for (;;) {
        uint32_t first = r->count;
        for (uint32_t i = 0; i < r->count; i++) {
            if (r->letters[i].to == side->index && r->letters[i].at <= r->now.mono.v &&
                (first == r->count || r->letters[i].at < r->letters[first].at)) {
                first = i;
            }
        }
        if (first == r->count) {
            break;
        }
        struct letter l = r->letters[first];
        memmove(r->letters + first, r->letters + first + 1,
                (--r->count - first) * sizeof r->letters[0]);
        assert_int_equal(sync_blob_receive(side->blob, (enum blob_message)l.type,
                                           slice_of(l.bytes, l.len), r->now),
                         RC_OK);
        free(l.bytes);
    }
    assert_int_equal(store_commit(side->s.store), RC_OK);
    assert_int_equal(sync_blob_send(side->blob, r->now, &next), RC_OK);
    assert_true(next.v > r->now.mono.v || next.v == INT64_MAX);
}

static void urgent(struct run *r) {
    static const uint8_t act[271];
    for (uint32_t i = r->count; i-- > 0;) {
        struct letter l = r->letters[i];
        if (l.to < 2 || l.at > r->now.mono.v) {
            continue;
        }
        free(l.bytes);
        r->letters[i] = r->letters[--r->count];
        if (l.to == 2) {
            post(r, 3, 0, slice_of(act, 71));
        } else {
            r->answered = l.at;
        }
    }
}

static void tick(struct run *r, int64_t ms) {
    r->now.utc.v += ms;
    r->now.mono.v += ms;
    side_round(&r->sides[1]);
    side_round(&r->sides[0]);
    urgent(r);
}

static bool whole(struct side *side, const struct hash32 *hash) {
    struct store_blob blob;
    return store_blob_get(side->s.store, hash, &blob) == RC_OK && blob.whole;
}

static int64_t until_whole(struct run *r, struct side *side, const struct hash32 *hash,
                           int64_t most_ms) {
    int64_t began = r->now.mono.v;
    while (!whole(side, hash)) {
        tick(r, 10);
        assert_true(r->now.mono.v - began <= most_ms);
    }
    return r->now.mono.v - began;
}

static void run_for(struct run *r, int64_t ms) {
    for (int64_t t = 0; t < ms; t += 20) {
        tick(r, 20);
    }
}

// ---- What a user notices ----

static void a_photo_goes_up_and_another_device_sees_it(void **state) {
    struct run *r = *state;
    struct hash32 hash;
    struct store_blob blob;
    struct sync_blob_status status;
    uint8_t *bytes = blob_bytes(1, 300001, &hash);
    blob_put_own(&r->sides[0].s, bytes, 300001, &hash);
    blob_name(&r->sides[0].s, &hash, 1);
    blob_name(&r->sides[1].s, &hash, 1); // the record arrived first
    until_whole(r, &r->sides[1], &hash, 5000);
    run_for(r, 200);
    blob_assert_whole(r->sides[1].s.store, &hash, bytes, 300001);
    assert_int_equal(store_blob_get(r->sides[0].s.store, &hash, &blob), RC_OK);
    assert_true(blob.at_hub);
    sync_blob_status(r->sides[0].blob, &status);
    assert_false(status.giving);
    assert_int_equal(status.given_bytes, 300001); // each byte once
    assert_int_equal(status.again_bytes, 0);
    // The hub's room is the device's.
    assert_int_equal(store_blob_get(r->sides[1].s.store, &hash, &blob), RC_OK);
    assert_int_equal(blob.origin.id.b[0], 0xD1);
    // Nothing more is said about it.
    uint64_t frames = r->sides[0].frames + r->sides[1].frames;
    run_for(r, 5000);
    assert_int_equal(r->sides[0].frames + r->sides[1].frames, frames);
    free(bytes);
}

static void a_blob_is_fetched_on_demand_only(void **state) {
    struct run *r = *state;
    struct hash32 hash;
    struct store_blob blob;
    uint8_t *bytes = blob_bytes(2, 70000, &hash);
    blob_put_own(&r->sides[1].s, bytes, 70000, &hash);
    blob_name(&r->sides[1].s, &hash, 1);
    blob_name(&r->sides[0].s, &hash, 1);
    run_for(r, 3000);
    assert_int_equal(r->sides[0].frames + r->sides[1].frames, 0);
    assert_int_equal(store_begin(r->sides[0].s.store), RC_OK);
    assert_int_equal(store_blob_want(r->sides[0].s.store, &hash, r->now.utc), RC_OK);
    assert_int_equal(store_commit(r->sides[0].s.store), RC_OK);
    until_whole(r, &r->sides[0], &hash, 5000);
    blob_assert_whole(r->sides[0].s.store, &hash, bytes, 70000);
    // A fetched one is not offered back.
    run_for(r, 3000);
    assert_int_equal(store_blob_next_offer(r->sides[0].s.store, 0, &blob), RC_NOT_FOUND);
    // One that the hub does not hold is asked for now and then, and found when it comes.
    free(bytes);
    bytes = blob_bytes(3, 5000, &hash);
    assert_int_equal(store_begin(r->sides[0].s.store), RC_OK);
    assert_int_equal(store_blob_want(r->sides[0].s.store, &hash, r->now.utc), RC_OK);
    assert_int_equal(store_commit(r->sides[0].s.store), RC_OK);
    run_for(r, 10000);
    assert_false(whole(&r->sides[0], &hash));
    blob_put_own(&r->sides[1].s, bytes, 5000, &hash);
    until_whole(r, &r->sides[0], &hash, 70000);
    free(bytes);
}

static void bad_lines_lose_nothing(void **state) {
    struct run *r = *state;
    static const struct {
        uint32_t lose, repeat, reorder, message;
    } lines[] = {{100, 0, 0, 16384},
                 {0, 300, 500, 16384},
                 {200, 200, 300, 2048},
                 {50, 100, 100, 512},
                 {400, 100, 400, 16384}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct hash32 up, down;
        uint8_t *a = blob_bytes(10 + i, 40000, &up), *b = blob_bytes(20 + i, 30001, &down);
        blob_put_own(&r->sides[0].s, a, 40000, &up);
        blob_name(&r->sides[0].s, &up, 1);
        blob_name(&r->sides[1].s, &up, 1);
        blob_put_own(&r->sides[1].s, b, 30001, &down);
        assert_int_equal(store_begin(r->sides[0].s.store), RC_OK);
        assert_int_equal(store_blob_want(r->sides[0].s.store, &down, r->now.utc), RC_OK);
        assert_int_equal(store_commit(r->sides[0].s.store), RC_OK);
        r->lose = lines[i].lose;
        r->repeat = lines[i].repeat;
        r->reorder = lines[i].reorder;
        r->sides[0].longest = r->sides[1].longest = 0;
        sessions(r, lines[i].message);
        until_whole(r, &r->sides[1], &up, 1200000);
        until_whole(r, &r->sides[0], &down, 1200000);
        blob_assert_whole(r->sides[1].s.store, &up, a, 40000);
        blob_assert_whole(r->sides[0].s.store, &down, b, 30001);
        assert_true(r->sides[0].longest + FRAME_BYTES <= lines[i].message);
        assert_true(r->sides[1].longest + FRAME_BYTES <= lines[i].message);
        free(a);
        free(b);
    }
}

// The line is cut again and again, by a restart of both sides: what arrived is not sent again.
static void a_cut_line_goes_on_where_it_was(void **state) {
    struct run *r = *state;
    struct hash32 hash;
    struct sync_blob_status status;
    uint64_t given = 0, lost = 0;
    uint8_t *bytes = blob_bytes(4, 400000, &hash);
    blob_put_own(&r->sides[0].s, bytes, 400000, &hash);
    blob_name(&r->sides[0].s, &hash, 1);
    blob_name(&r->sides[1].s, &hash, 1);
    r->line = 20000;
    for (int cut = 0; !whole(&r->sides[1], &hash); cut++) {
        assert_true(cut < 40);
        run_for(r, 3000);
        sync_blob_status(r->sides[0].blob, &status);
        given += status.given_bytes;
        lost += status.in_flight_bytes;
        blob_store_reopen(&r->sides[0].s);
        blob_store_reopen(&r->sides[1].s);
        sessions(r, cut % 2 ? 2048 : LIMIT_MESSAGE_BYTES); // over another link, too
    }
    blob_assert_whole(r->sides[1].s.store, &hash, bytes, 400000);
    assert_true(given <= 400000 + lost);
    free(bytes);
}

// On a thin line with a deep queue an act is acknowledged within two idle round trips while 1 MB
// goes; and the megabyte still fills the line.
static void bulk_does_not_delay_an_act(void **state) {
    struct run *r = *state;
    static const struct {
        uint32_t line, message;
        int64_t delay;
    } lines[] = {{8000, 16384, 300}, {8000, 2048, 300}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct hash32 hash;
        uint8_t *bytes = blob_bytes(50 + i, 1000000, &hash);
        static const uint8_t act[271];
        r->line = lines[i].line;
        r->delay_ms = lines[i].delay;
        sessions(r, lines[i].message);
        // Idle.
        int64_t idle, worst = 0;
        r->answered = 0;
        r->urgent_at = r->now.mono.v;
        post(r, 2, 0, slice_of(act, sizeof act));
        while (r->answered == 0) {
            tick(r, 10);
        }
        idle = r->answered - r->urgent_at;
        blob_put_own(&r->sides[0].s, bytes, 1000000, &hash);
        blob_name(&r->sides[0].s, &hash, 1);
        blob_name(&r->sides[1].s, &hash, 1);
        int64_t began = r->now.mono.v, sum = 0;
        uint32_t acts = 0;
        r->answered = 1;
        while (!whole(&r->sides[1], &hash)) {
            if (r->answered > 0 && r->now.mono.v > r->urgent_at + 1700) {
                r->answered = 0;
                r->urgent_at = r->now.mono.v;
                post(r, 2, 0, slice_of(act, sizeof act));
            }
            tick(r, 10);
            if (r->answered > 1 && r->urgent_at > began) {
                int64_t took = r->answered - r->urgent_at;
                sum += took;
                acts++;
                worst = took > worst ? took : worst;
                r->answered = 1;
            }
            assert_true(r->now.mono.v - began < 400000);
        }
        double rate = 1000000.0 * 1000 / (double)(r->now.mono.v - began);
        print_message("line %u B/s: idle %lld ms, mean %lld, worst %lld of %u, bulk %.0f B/s\n",
                      r->line, (long long)idle, (long long)(sum / acts), (long long)worst, acts,
                      rate);
        assert_true(acts > 40);
        assert_true(worst <= 2 * idle);
        assert_true(rate >= 0.8 * r->line);
        free(bytes);
    }
}

// Bounds of the window, whatever is measured.
static void the_window_keeps_its_bounds(void **state) {
    (void)state;
    struct pace pace;
    uint64_t dice = 5;
    struct mono_ms now = {1000};
    struct pace_mark marks[256];
    uint32_t count = 0;
    pace_start(&pace);
    assert_int_equal(pace_piece(&pace), 2048);
    assert_true(pace_may_send(&pace, 2048, now));
    assert_true(pace_may_send(&pace, 100000, now)); // one alone always
    for (int i = 0; i < 200000; i++) {
        dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint32_t kind = (uint32_t)(dice >> 60);
        now.v += (int64_t)(dice >> 40 & 0x1FF);
        uint32_t piece = pace_piece(&pace);
        assert_true(piece >= 256 && piece <= LIMIT_BLOB_CHUNK_BYTES && piece % 256 == 0);
        uint64_t rate = pace_rate(&pace), limit = pace_limit(&pace, now);
        assert_true(limit <= LIMIT_WINDOW_BYTES);
        if (rate > 0 && pace.base_ms > 0) {
            uint64_t twice = 2 * rate * pace.base_ms / 1000;
            assert_true(limit <= (twice > 2048 ? twice : 2048));
            assert_true(limit <= rate * (pace.base_ms + 1000) / 1000);
        }
        if (kind < 8 && count < 256 && pace_may_send(&pace, piece, now)) {
            pace_sent(&pace, piece, now, &marks[count++]);
        } else if (kind < 14 && count > 0) {
            pace_acked(&pace, &marks[--count], kind < 12, now);
        } else if (kind == 14 && count > 0) {
            pace_lost(&pace, &marks[--count], now);
        } else if (kind == 15 && (dice >> 20 & 63) == 0) {
            pace_expire(&pace, now);
            count = 0;
        }
        uint32_t sum = 0;
        for (uint32_t k = 0; k < count; k++) {
            sum += marks[k].bytes;
        }
        assert_int_equal(sum, pace.in_flight);
        assert_true(pace_retry_ms(&pace) >= 1000 && pace_retry_ms(&pace) <= 60000);
    }
}

// ---- Who may fill a hub ----

static void a_hub_takes_only_what_a_record_names(void **state) {
    struct run *r = *state;
    struct hash32 junk, late;
    struct store_blob blob;
    uint8_t *a = blob_bytes(60, 9000, &junk), *b = blob_bytes(61, 9000, &late);
    blob_put_own(&r->sides[0].s, a, 9000, &junk);
    blob_put_own(&r->sides[0].s, b, 9000, &late);
    struct hash32 both[2] = {junk, late};
    blob_name(&r->sides[0].s, both, 2);
    run_for(r, 5000);
    assert_int_equal(store_blob_get(r->sides[1].s.store, &junk, &blob), RC_NOT_FOUND);
    assert_int_equal(store_blob_get(r->sides[1].s.store, &late, &blob), RC_NOT_FOUND);
    // The record comes within ten minutes: the offer is remembered.
    run_for(r, 20000);
    uint64_t frames = r->sides[0].frames;
    blob_name(&r->sides[1].s, &late, 1);
    until_whole(r, &r->sides[1], &late, 2000);
    assert_true(r->sides[0].frames - frames < 20);
    run_for(r, 60000);
    assert_int_equal(store_blob_get(r->sides[1].s.store, &junk, &blob), RC_NOT_FOUND);
    // A peer that sends pieces unasked fills nothing either.
    struct blob_chunk chunk = {.serial = 1, .bytes = slice_of(a, 9000)};
    memcpy(chunk.prefix, junk.b, BLOB_PREFIX_BYTES);
    struct buf body;
    buf_init(&body, 16384);
    assert_int_equal(blob_chunk_encode(&chunk, &body), RC_OK);
    post(r, 1, BLOB_CHUNK, buf_slice(&body));
    run_for(r, 1000);
    assert_int_equal(store_blob_get(r->sides[1].s.store, &junk, &blob), RC_NOT_FOUND);
    struct sync_blob_status status;
    sync_blob_status(r->sides[1].blob, &status);
    assert_int_equal(status.bad, 1);
    buf_fini(&body);
    free(a);
    free(b);
}

static void a_full_hub_says_why(void **state) {
    struct run *r = *state;
    struct hash32 hash, small;
    struct store_blob blob;
    struct store *hub = r->sides[1].s.store;
    uint8_t *a = blob_bytes(70, 9000, &hash), *b = blob_bytes(71, 100, &small);
    assert_int_equal(store_begin(hub), RC_OK);
    for (int i = 0; i < LIMIT_BLOBS_PENDING; i++) {
        struct hash32 other = {{(uint8_t)i, 1}};
        struct blob_spec spec = blob_spec_of(&other, 500, 0xD1, START);
        assert_int_equal(store_blob_expect(hub, &spec, NULL), RC_OK);
    }
    assert_int_equal(store_commit(hub), RC_OK);
    blob_put_own(&r->sides[0].s, a, 9000, &hash);
    blob_name(&r->sides[0].s, &hash, 1);
    blob_name(&r->sides[1].s, &hash, 1);
    run_for(r, 5000);
    assert_int_equal(store_blob_get(r->sides[0].s.store, &hash, &blob), RC_OK);
    assert_int_equal(blob.refused, REFUSAL_BLOB_FULL);
    assert_false(blob.at_hub);
    assert_false(whole(&r->sides[1], &hash));
    // In the next session it is offered again.
    assert_int_equal(store_begin(hub), RC_OK);
    for (int i = 0; i < 4; i++) {
        struct hash32 other = {{(uint8_t)i, 1}};
        assert_int_equal(store_blob_drop(hub, &other), RC_OK);
    }
    assert_int_equal(store_commit(hub), RC_OK);
    assert_int_equal(store_begin(r->sides[0].s.store), RC_OK);
    assert_int_equal(store_blob_ask_again(r->sides[0].s.store, false), RC_OK);
    assert_int_equal(store_commit(r->sides[0].s.store), RC_OK);
    sessions(r, LIMIT_MESSAGE_BYTES);
    until_whole(r, &r->sides[1], &hash, 3000);
    free(a);
    free(b);
}

// Bytes that are wrong on the giver's disk never show; after three tries it is left.
static void wrong_bytes_are_asked_for_again_and_then_left(void **state) {
    struct run *r = *state;
    struct hash32 hash, good;
    struct store_blob blob;
    struct sync_blob_status status;
    uint8_t *a = blob_bytes(80, 20000, &hash), *b = blob_bytes(81, 20000, &good);
    struct hash32 both[2] = {hash, good};
    blob_put_own(&r->sides[0].s, a, 20000, &hash);
    blob_put_own(&r->sides[0].s, b, 20000, &good);
    blob_name(&r->sides[0].s, both, 2);
    blob_name(&r->sides[1].s, both, 2);
    assert_int_equal(sqlite3_exec(store_sqlite(r->sides[0].s.store),
                                  "UPDATE blob_chunk SET bytes = zeroblob(length(bytes)) "
                                  "WHERE id >> 16 = 1",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    until_whole(r, &r->sides[1], &good, 20000);
    sync_blob_status(r->sides[1].blob, &status);
    assert_int_equal(status.wrong, 3);
    assert_int_equal(store_blob_get(r->sides[1].s.store, &hash, &blob), RC_NOT_FOUND);
    assert_int_equal(store_blob_get(r->sides[0].s.store, &hash, &blob), RC_OK);
    assert_int_equal(blob.refused, REFUSAL_FORM);
    free(a);
    free(b);
}

// A transaction that fails takes nothing: it is asked for again and nothing is missing in the end.
static void a_rollback_is_survived(void **state) {
    struct run *r = *state;
    struct hash32 hash;
    struct side *hub = &r->sides[1];
    struct mono_ms next = {INT64_MAX};
    uint8_t *bytes = blob_bytes(90, 200000, &hash);
    blob_put_own(&r->sides[0].s, bytes, 200000, &hash);
    blob_name(&r->sides[0].s, &hash, 1);
    blob_name(&r->sides[1].s, &hash, 1);
    r->line = 100000;
    for (int i = 0; !whole(hub, &hash); i++) {
        assert_true(i < 3000);
        if (i % 9 == 8) {
            r->now.mono.v += 20;
            assert_int_equal(store_begin(hub->s.store), RC_OK);
            for (uint32_t k = 0; k < r->count; k++) {
                if (r->letters[k].to == 1 && r->letters[k].at <= r->now.mono.v) {
                    struct letter l = r->letters[k];
                    r->letters[k--] = r->letters[--r->count];
                    assert_int_equal(sync_blob_receive(hub->blob, (enum blob_message)l.type,
                                                       slice_of(l.bytes, l.len), r->now),
                                     RC_OK);
                    free(l.bytes);
                }
            }
            store_rollback(hub->s.store);
            sync_blob_aborted(hub->blob);
            assert_int_equal(sync_blob_send(hub->blob, r->now, &next), RC_OK);
        }
        tick(r, 20);
    }
    blob_assert_whole(hub->s.store, &hash, bytes, 200000);
    free(bytes);
}

// ---- Messages ----

static void check_need(const struct blob_need *need, enum rc expected) {
    struct buf body;
    struct blob_need read;
    buf_init(&body, 1024);
    assert_int_equal(blob_need_encode(need, &body), RC_OK);
    assert_true(body.len <= 300);
    assert_int_equal(blob_need_decode(buf_slice(&body), &read), expected);
    if (expected == RC_OK) {
        assert_int_equal(read.size, need->size);
        assert_int_equal(read.count, need->count);
        assert_int_equal(read.more, need->more);
        assert_memory_equal(read.ranges, need->ranges, need->count * sizeof need->ranges[0]);
        for (size_t len = 0; len < body.len; len++) {
            assert_int_not_equal(blob_need_decode(slice_of(body.data, len), &read), RC_OK);
        }
        buf_put_u8(&body, 0);
        assert_int_not_equal(blob_need_decode(buf_slice(&body), &read), RC_OK);
    }
    buf_fini(&body);
}

static void messages_mean_one_thing(void **state) {
    (void)state;
    struct buf body;
    buf_init(&body, 65536);
    struct blob_need need = {.size = LIMIT_BLOB_BYTES, .serial = UINT32_MAX, .more = true};
    need.count = BLOB_RANGES_MAX;
    for (uint32_t i = 0; i < BLOB_RANGES_MAX; i++) {
        need.ranges[i] = (struct blob_range){1300 * i, 1300 * i + 700};
    }
    check_need(&need, RC_OK);
    need = (struct blob_need){.size = 257, .count = 1, .ranges = {{0, 2}}};
    check_need(&need, RC_OK);
    need.size = 256; // one unit
    check_need(&need, RC_INVALID);
    need.size = LIMIT_BLOB_BYTES + 1;
    check_need(&need, RC_INVALID);
    need = (struct blob_need){.size = 1000, .count = 0};
    check_need(&need, RC_INVALID);
    need = (struct blob_need){.size = 0};
    check_need(&need, RC_OK);
    static const struct {
        uint32_t size;
        enum blob_media media;
        enum rc rc;
    } offers[] = {{1, BLOB_PNG, RC_OK},          {LIMIT_BLOB_BYTES, BLOB_TEXT, RC_OK},
                  {0, BLOB_PNG, RC_INVALID},     {LIMIT_BLOB_BYTES + 1, BLOB_PNG, RC_INVALID},
                  {1, BLOB_UNKNOWN, RC_INVALID}, {1, BLOB_MEDIA_COUNT, RC_INVALID}};
    for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
        struct blob_offer offer = {.size = offers[i].size, .media = offers[i].media}, read;
        buf_reset(&body);
        assert_int_equal(blob_offer_encode(&offer, &body), RC_OK);
        assert_int_equal(blob_offer_decode(buf_slice(&body), &read), offers[i].rc);
    }
    static const uint8_t zeros[LIMIT_BLOB_CHUNK_BYTES + 1];
    static const struct {
        uint32_t serial, unit, len;
        enum rc rc;
    } chunks[] = {
        {1, 0, 1, RC_OK},      {UINT32_MAX, BLOB_UNITS_MAX - 1, LIMIT_BLOB_CHUNK_BYTES, RC_OK},
        {0, 0, 1, RC_INVALID}, {1, BLOB_UNITS_MAX, 1, RC_INVALID},
        {1, 0, 0, RC_INVALID}, {1, 0, LIMIT_BLOB_CHUNK_BYTES + 1, RC_INVALID}};
    for (size_t i = 0; i < sizeof chunks / sizeof chunks[0]; i++) {
        struct blob_chunk chunk = {.serial = chunks[i].serial,
                                   .unit = chunks[i].unit,
                                   .bytes = slice_of(zeros, chunks[i].len)},
                          read;
        buf_reset(&body);
        assert_int_equal(blob_chunk_encode(&chunk, &body), RC_OK);
        assert_int_equal(blob_chunk_decode(buf_slice(&body), &read), chunks[i].rc);
    }
    struct blob_state said = {.answer = BLOB_ANSWER_COUNT}, read;
    buf_reset(&body);
    assert_int_equal(blob_state_encode(&said, &body), RC_OK);
    assert_int_equal(blob_state_decode(buf_slice(&body), &read), RC_INVALID);
    buf_fini(&body);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_mean_one_thing),
        cmocka_unit_test(the_window_keeps_its_bounds),
        cmocka_unit_test_setup_teardown(a_photo_goes_up_and_another_device_sees_it, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_blob_is_fetched_on_demand_only, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_lines_lose_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cut_line_goes_on_where_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(bulk_does_not_delay_an_act, setup, teardown),
        cmocka_unit_test_setup_teardown(a_hub_takes_only_what_a_record_names, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_hub_says_why, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_bytes_are_asked_for_again_and_then_left, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_rollback_is_survived, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
