// The wire: messages, frames, invites. What a stranger can send is refused or means one thing only.
#include "test_util.h"

#include "davy/sync/frame.h"
#include "sync/sync_priv.h"

#include <math.h>
#include <zstd.h>

#define COUNT_IN(array) (sizeof(array) / sizeof((array)[0]))

static const uint8_t session_key[SESSION_KEY_BYTES] = {7, 7, 7};
static const struct site_id site = {{{5, 5}}};

static struct keypair *pair_of(uint8_t number) {
    uint8_t seed[SEED_BYTES] = {number};
    struct keypair *pair = NULL;
    assert_int_equal(keypair_from_seed(keys_ed25519(), seed, &pair), RC_OK);
    return pair;
}

static void fill(void *out, size_t len, uint8_t from) {
    for (size_t i = 0; i < len; i++) {
        ((uint8_t *)out)[i] = (uint8_t)(from + i);
    }
}

static void chains_fill(struct frame_chain *chains, uint8_t count) {
    for (uint8_t i = 0; i < count; i++) {
        chains[i].id = chain_of((struct author_id){{{0}}}, i);
        chains[i].seq = UINT64_C(1) << (5 * i);
        fill(chains[i].hash, SEEN_HASH_BYTES, i);
    }
}

// ---- A sample of every message ----

static void put_hello(struct buf *out) {
    struct hello hello = {.message_bytes_max = LIMIT_MESSAGE_BYTES_MIN,
                          .now = {.utc = {1790000000000}, .mono = {12}, .boot_id = 99},
                          .held_count = FRAME_CHAINS_MAX,
                          .cursor_count = 2};
    hello.site = site;
    fill(hello.author_random, AUTHOR_RANDOM_BYTES, 1);
    fill(hello.kx_public, sizeof hello.kx_public, 2);
    chains_fill(hello.held, hello.held_count);
    chains_fill(hello.cursors, hello.cursor_count);
    assert_int_equal(hello_encode(&hello, out), RC_OK);
}

static void put_welcome(struct buf *out) {
    struct welcome welcome = {.session = 0x01020304,
                              .message_bytes_max = LIMIT_FRAME_INFLATED_BYTES,
                              .time = {-5},
                              .starting = 1,
                              .digest = 300,
                              .held_count = 1,
                              .head_count = 3};
    chains_fill(welcome.held, welcome.held_count);
    chains_fill(welcome.heads, welcome.head_count);
    assert_int_equal(welcome_encode(&welcome, out), RC_OK);
}

static void put_ack(struct buf *out) {
    struct ack ack = {.lane = 3,
                      .audience = 2,
                      .seq = 10,
                      .reason = ACK_GAP,
                      .retry_ms = UINT32_MAX,
                      .range_count = 2,
                      .ranges = {{12, 13}, {15, 400}},
                      .time = {1790000000000}};
    assert_int_equal(ack_encode(&ack, out), RC_OK);
}

static void put_fack(struct buf *out) {
    struct fack fack = {.count = 4};
    chains_fill(fack.cursors, fack.count);
    assert_int_equal(fack_encode(&fack, out), RC_OK);
}

static void put_batch(struct buf *out) {
    struct buf items;
    struct signature sig;
    buf_init(&items, 4096);
    fill(&sig, sizeof sig, 9);
    batch_put_item(&items, slice_text("first"), &sig);
    batch_put_item(&items, slice_text("second"), NULL);
    struct batch batch = {
        .lane = 1, .first_seq = 7, .count = 2, .seal = sig, .items = buf_slice(&items)};
    assert_int_equal(batch_encode(&batch, out), RC_OK);
    buf_fini(&items);
}

static void put_feed(struct buf *out) {
    struct buf items;
    buf_init(&items, 4096);
    struct feed_item all[] = {{.type = FEED_OWN, .content = slice_text("own")},
                              {.type = FEED_ADMIT_HELD, .admit = slice_text("admit")},
                              {.type = FEED_ADMIT,
                               .admit = slice_text("admit"),
                               .content = slice_text("theirs"),
                               .has_sig = true},
                              {.type = FEED_AUTHOR_SEAL, .has_sig = true, .sealed = {.seq = 300}}};
    for (size_t i = 0; i < COUNT_IN(all); i++) {
        assert_int_equal(feed_put_item(&items, &all[i]), RC_OK);
    }
    struct feed feed = {.hub = {{{9}}},
                        .lane = 2,
                        .first_seq = 7,
                        .count = COUNT_IN(all),
                        .last_seq = 9,
                        .head_seq = 11,
                        .items = buf_slice(&items)};
    assert_int_equal(feed_encode(&feed, out), RC_OK);
    buf_fini(&items);
}

static void put_digest(struct buf *out) {
    struct buf items;
    buf_init(&items, 4096);
    struct digest_value values[] = {
        {.tag = slice_text("PT-1"), .value = -1.5e300, .quality = 3, .age_ms = -7},
        {.tag = slice_text("液位"), .value = 0}};
    for (size_t i = 0; i < COUNT_IN(values); i++) {
        digest_put_value(&items, &values[i]);
    }
    struct digest digest = {.number = 128,
                            .time = {1790000000000},
                            .area = slice_text("R1"),
                            .full = true,
                            .head_seq = {1, 2, 300, 4},
                            .count = COUNT_IN(values),
                            .items = buf_slice(&items)};
    assert_int_equal(digest_encode(&digest, out), RC_OK);
    buf_fini(&items);
}

static void put_start(struct buf *out) {
    struct start start = {.time = {1790000000000}};
    assert_int_equal(start_encode(&start, out), RC_OK);
}

static void put_join(struct buf *out) {
    struct join join = {{{1}}, {2}, {3}, slice_text("key")};
    assert_int_equal(join_encode(&join, out), RC_OK);
}

static void put_joined(struct buf *out) {
    struct joined joined = {
        .confirmed = 1, .door = slice_text("tls:10.0.0.5:8883"), .certificate = slice_text("c")};
    assert_int_equal(joined_encode(&joined, out), RC_OK);
}

static void put_enrol(struct buf *out) {
    struct enrol enrol = {.proof = {1}};
    assert_int_equal(enrol_encode(&enrol, out), RC_OK);
}

static void put_enrolled(struct buf *out) {
    struct enrolled enrolled = {.code = 39};
    assert_int_equal(enrolled_encode(&enrolled, out), RC_OK);
}

// Decodes and, if that was taken, encodes again.
#define AGAIN(name)                                                                                \
    static enum rc again_##name(struct slice body, struct buf *out) {                              \
        struct name message;                                                                       \
        enum rc rc = name##_decode(body, &message);                                                \
        return rc == RC_OK ? name##_encode(&message, out) : rc;                                    \
    }
AGAIN(hello)
AGAIN(welcome)
AGAIN(ack)
AGAIN(fack)
AGAIN(start)
AGAIN(join)
AGAIN(joined)
AGAIN(enrol)
AGAIN(enrolled)

static enum rc again_batch(struct slice body, struct buf *out) {
    struct batch batch;
    struct buf items;
    enum rc rc = batch_decode(body, &batch);
    if (rc != RC_OK) {
        return rc;
    }
    buf_init(&items, LIMIT_FRAME_INFLATED_BYTES);
    struct reader in = reader_of(batch.items);
    for (uint32_t i = 0; i < batch.count; i++) {
        struct batch_item item;
        assert_int_equal(batch_next(&in, &item), RC_OK);
        batch_put_item(&items, item.content, item.has_sig ? &item.sig : NULL);
    }
    batch.items = buf_slice(&items);
    rc = batch_encode(&batch, out);
    buf_fini(&items);
    return rc;
}

static enum rc again_feed(struct slice body, struct buf *out) {
    struct feed feed;
    struct buf items;
    enum rc rc = feed_decode(body, &feed);
    if (rc != RC_OK) {
        return rc;
    }
    buf_init(&items, LIMIT_FRAME_INFLATED_BYTES);
    struct reader in = reader_of(feed.items);
    for (uint32_t i = 0; i < feed.count; i++) {
        struct feed_item item;
        assert_int_equal(feed_next(&in, &item), RC_OK);
        assert_int_equal(feed_put_item(&items, &item), RC_OK);
    }
    feed.items = buf_slice(&items);
    rc = feed_encode(&feed, out);
    buf_fini(&items);
    return rc;
}

static enum rc again_digest(struct slice body, struct buf *out) {
    struct digest digest;
    struct buf items;
    enum rc rc = digest_decode(body, &digest);
    if (rc != RC_OK) {
        return rc;
    }
    buf_init(&items, LIMIT_FRAME_INFLATED_BYTES);
    struct reader in = reader_of(digest.items);
    for (uint32_t i = 0; i < digest.count; i++) {
        struct digest_value value;
        assert_int_equal(digest_next(&in, &value), RC_OK);
        digest_put_value(&items, &value);
    }
    digest.items = buf_slice(&items);
    rc = digest_encode(&digest, out);
    buf_fini(&items);
    return rc;
}

static const struct {
    const char *name;
    void (*put)(struct buf *out);
    enum rc (*again)(struct slice body, struct buf *out);
} messages[] = {
    {"hello", put_hello, again_hello},    {"welcome", put_welcome, again_welcome},
    {"batch", put_batch, again_batch},    {"ack", put_ack, again_ack},
    {"feed", put_feed, again_feed},       {"fack", put_fack, again_fack},
    {"digest", put_digest, again_digest}, {"start", put_start, again_start},
    {"join", put_join, again_join},       {"joined", put_joined, again_joined},
    {"enrol", put_enrol, again_enrol},    {"enrolled", put_enrolled, again_enrolled},
};

static void every_message_comes_back(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_IN(messages); i++) {
        struct buf first, second;
        buf_init(&first, LIMIT_FRAME_INFLATED_BYTES);
        buf_init(&second, LIMIT_FRAME_INFLATED_BYTES);
        messages[i].put(&first);
        assert_int_equal(messages[i].again(buf_slice(&first), &second), RC_OK);
        assert_true(slice_equal(buf_slice(&first), buf_slice(&second)));
        buf_fini(&first);
        buf_fini(&second);
    }
}

// Exact copies on the heap, so that a read past the end is seen by the sanitizer.
static void check_bytes(size_t message, const uint8_t *bytes, size_t len, bool may_pass) {
    struct buf again;
    uint8_t *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    buf_init(&again, LIMIT_FRAME_INFLATED_BYTES);
    if (messages[message].again(slice_of(copy, len), &again) == RC_OK) {
        assert_true(may_pass);
        assert_true(slice_equal(slice_of(copy, len), buf_slice(&again)));
    }
    buf_fini(&again);
    free(copy);
}

static void damage_is_refused_or_means_one_thing(void **state) {
    (void)state;
    for (size_t m = 0; m < COUNT_IN(messages); m++) {
        struct buf body;
        buf_init(&body, LIMIT_FRAME_INFLATED_BYTES);
        messages[m].put(&body);
        for (size_t len = 0; len < body.len; len++) {
            check_bytes(m, body.data, len, false);
        }
        for (size_t at = 0; at < body.len; at++) {
            for (unsigned flip = 1; flip < 256; flip++) {
                body.data[at] ^= (uint8_t)flip;
                check_bytes(m, body.data, body.len, true);
                body.data[at] ^= (uint8_t)flip;
            }
        }
        buf_put_u8(&body, 0);
        check_bytes(m, body.data, body.len, false);
        buf_fini(&body);
    }
}

// What each decoder must not let through, set by hand on the sample.
static void ranges_are_checked(void **state) {
    (void)state;
    struct buf body;
    buf_init(&body, LIMIT_FRAME_INFLATED_BYTES);
    struct ack ack = {.lane = LANE_COUNT};
    struct ack read;
    assert_int_equal(ack_encode(&ack, &body), RC_OK);
    assert_int_equal(ack_decode(buf_slice(&body), &read), RC_INVALID);
    ack = (struct ack){.seq = 9, .range_count = 1, .ranges = {{9, 10}}};
    buf_reset(&body);
    assert_int_equal(ack_encode(&ack, &body), RC_OK);
    assert_int_equal(ack_decode(buf_slice(&body), &read), RC_INVALID);
    struct feed feed = {.hub = {{{9}}}, .first_seq = 1, .count = 1, .last_seq = 2, .head_seq = 2},
                feed_read;
    struct buf items;
    buf_init(&items, 256);
    struct feed_item own = {.type = FEED_OWN, .content = slice_text("x")};
    assert_int_equal(feed_put_item(&items, &own), RC_OK);
    feed.items = buf_slice(&items);
    buf_reset(&body);
    assert_int_equal(feed_encode(&feed, &body), RC_OK);
    assert_int_equal(feed_decode(buf_slice(&body), &feed_read), RC_INVALID); // one entry too few
    struct digest digest = {.count = 1}, digest_read;
    struct digest_value nan = {.tag = slice_text("T"), .value = NAN};
    buf_reset(&items);
    digest_put_value(&items, &nan);
    digest.items = buf_slice(&items);
    buf_reset(&body);
    assert_int_equal(digest_encode(&digest, &body), RC_OK);
    assert_int_equal(digest_decode(buf_slice(&body), &digest_read), RC_INVALID);
    buf_fini(&items);
    buf_fini(&body);
}

// ---- Frames ----

struct wire {
    struct frame_codec *codec;
    struct keypair *pair;
    struct buf body, frame;
};

static int wire_setup(void **state) {
    struct wire *w = calloc(1, sizeof *w);
    assert_non_null(w);
    assert_int_equal(keys_init(), RC_OK);
    assert_int_equal(frame_codec_new(&w->codec), RC_OK);
    w->pair = pair_of(3);
    buf_init(&w->body, LIMIT_FRAME_INFLATED_BYTES + 16);
    buf_init(&w->frame, LIMIT_FRAME_INFLATED_BYTES + 1024);
    *state = w;
    return 0;
}

static int wire_teardown(void **state) {
    struct wire *w = *state;
    frame_codec_free(w->codec);
    keypair_free(w->pair);
    buf_fini(&w->body);
    buf_fini(&w->frame);
    free(w);
    return 0;
}

static void build(struct wire *w, bool keyed) {
    struct frame head = {.type = FRAME_BATCH, .session = 0x11223344, .number = 5};
    struct frame_seal seal = {.direction = FRAME_UP, .site = site};
    seal.keyed = keyed ? session_key : NULL;
    seal.signer = keyed ? NULL : w->pair;
    assert_int_equal(frame_build(w->codec, &head, buf_slice(&w->body), &seal, &w->frame), RC_OK);
}

static bool proven(struct wire *w, struct slice bytes, enum frame_direction direction) {
    struct frame frame;
    if (frame_open(bytes, &frame) != RC_OK) {
        return false;
    }
    struct frame_trust trust = {direction, site, keys_ed25519(), keypair_public(w->pair)};
    return frame_keyed_ok(bytes, &frame, direction, session_key) ||
           frame_signed_ok(bytes, &frame, &trust);
}

static void a_frame_comes_back_whole(void **state) {
    struct wire *w = *state;
    for (int keyed = 0; keyed < 2; keyed++) {
        for (size_t len = 0; len < 5000; len = len * 3 + 1) {
            buf_reset(&w->body);
            for (size_t i = 0; i < len; i++) {
                buf_put_u8(&w->body, (uint8_t)(i / 50));
            }
            build(w, keyed != 0);
            struct frame frame;
            struct slice bytes = buf_slice(&w->frame);
            assert_int_equal(frame_open(bytes, &frame), RC_OK);
            assert_true(proven(w, bytes, FRAME_UP));
            assert_false(proven(w, bytes, FRAME_DOWN)); // no reflection
            assert_int_equal(frame.flags & FRAME_ZSTD, len >= 100 ? FRAME_ZSTD : 0);
            assert_int_equal(frame_inflate(w->codec, &frame), RC_OK);
            assert_true(slice_equal(frame.body, buf_slice(&w->body)));
            assert_int_equal(frame.session, 0x11223344);
            assert_int_equal(frame.number, 5);
        }
    }
}

static void a_flipped_or_cut_frame_is_not_believed(void **state) {
    struct wire *w = *state;
    put_ack(&w->body);
    for (int keyed = 0; keyed < 2; keyed++) {
        build(w, keyed != 0);
        for (size_t len = 0; len < w->frame.len; len++) {
            assert_false(proven(w, slice_of(w->frame.data, len), FRAME_UP));
        }
        for (size_t at = 0; at < w->frame.len; at++) {
            for (unsigned bit = 0; bit < 8; bit++) {
                w->frame.data[at] ^= (uint8_t)(1u << bit);
                assert_false(proven(w, buf_slice(&w->frame), FRAME_UP));
                w->frame.data[at] ^= (uint8_t)(1u << bit);
            }
        }
        assert_true(proven(w, buf_slice(&w->frame), FRAME_UP));
    }
}

static void a_proof_holds_for_its_key_and_site_only(void **state) {
    struct wire *w = *state;
    struct frame frame;
    static const uint8_t other_key[SESSION_KEY_BYTES] = {7, 7, 8};
    struct keypair *other = pair_of(4);
    struct frame_trust mine = {FRAME_UP, site, keys_ed25519(), keypair_public(w->pair)};
    put_start(&w->body);
    build(w, true);
    assert_int_equal(frame_open(buf_slice(&w->frame), &frame), RC_OK);
    assert_false(frame_keyed_ok(buf_slice(&w->frame), &frame, FRAME_UP, other_key));
    assert_false(frame_signed_ok(buf_slice(&w->frame), &frame, &mine));
    build(w, false);
    assert_int_equal(frame_open(buf_slice(&w->frame), &frame), RC_OK);
    assert_true(frame_signed_ok(buf_slice(&w->frame), &frame, &mine));
    struct frame_trust wrong = mine;
    wrong.site.id.b[0] ^= 1;
    assert_false(frame_signed_ok(buf_slice(&w->frame), &frame, &wrong));
    wrong = mine;
    wrong.key = keypair_public(other);
    assert_false(frame_signed_ok(buf_slice(&w->frame), &frame, &wrong));
    keypair_free(other);
}

static void unknown_headers_are_named(void **state) {
    static const struct {
        uint8_t at, value;
        enum rc rc;
    } rows[] = {
        {0, 'X', RC_INVALID},
        {1, 'v', RC_INVALID},
        {2, 0, RC_UNSUPPORTED},
        {2, 2, RC_UNSUPPORTED},
        {3, 0, RC_UNSUPPORTED},
        {3, FRAME_TYPE_COUNT, RC_UNSUPPORTED},
        {3, 255, RC_UNSUPPORTED},
        {4, 0, RC_INVALID},
        {4, FRAME_ZSTD, RC_INVALID},
        {4, FRAME_KEYED | FRAME_SIGNED, RC_INVALID},
        {4, FRAME_KEYED | FRAME_BOXED, RC_UNSUPPORTED},
        {4, FRAME_KEYED | 128, RC_UNSUPPORTED},
    };
    struct wire *w = *state;
    put_start(&w->body);
    build(w, true);
    for (size_t i = 0; i < COUNT_IN(rows); i++) {
        struct frame frame;
        uint8_t was = w->frame.data[rows[i].at];
        w->frame.data[rows[i].at] = rows[i].value;
        assert_int_equal(frame_open(buf_slice(&w->frame), &frame), rows[i].rc);
        w->frame.data[rows[i].at] = was;
    }
    struct frame frame;
    assert_int_equal(frame_open(slice_of(w->frame.data, FRAME_HEADER_BYTES - 1), &frame),
                     RC_TRUNCATED);
    assert_int_equal(frame_open(slice_of(w->frame.data, FRAME_HEADER_BYTES + 15), &frame),
                     RC_TRUNCATED);
    w->frame.data[4] = FRAME_SIGNED;
    assert_int_equal(frame_open(slice_of(w->frame.data, FRAME_HEADER_BYTES + 63), &frame),
                     RC_TRUNCATED);
}

static void what_is_too_large_is_refused(void **state) {
    struct wire *w = *state;
    uint8_t *bytes = calloc(1, LIMIT_FRAME_INFLATED_BYTES + 200);
    assert_non_null(bytes);
    struct frame head = {.type = FRAME_BATCH};
    struct frame_seal seal = {.keyed = session_key};
    assert_int_equal(frame_build(w->codec, &head, slice_of(bytes, LIMIT_FRAME_INFLATED_BYTES + 1),
                                 &seal, &w->frame),
                     RC_TOO_LARGE);
    memcpy(bytes, "DV\1\3\2", 5);
    struct frame frame;
    size_t whole = FRAME_HEADER_BYTES + KEYED_HASH_BYTES + LIMIT_FRAME_INFLATED_BYTES;
    assert_int_equal(frame_open(slice_of(bytes, whole), &frame), RC_OK);
    assert_int_equal(frame_open(slice_of(bytes, whole + 1), &frame), RC_TOO_LARGE);
    free(bytes);
}

// A zstd body that a peer with the key made by hand.
static enum rc inflate(struct wire *w, const void *packed, size_t len, struct frame *out_frame) {
    *out_frame = (struct frame){
        .type = FRAME_BATCH, .flags = FRAME_ZSTD | FRAME_KEYED, .body = slice_of(packed, len)};
    return frame_inflate(w->codec, out_frame);
}

static void bombs_stay_small(void **state) {
    struct wire *w = *state;
    struct frame frame;
    size_t room = ZSTD_compressBound(LIMIT_FRAME_INFLATED_BYTES + 1);
    uint8_t *zeros = calloc(1, LIMIT_FRAME_INFLATED_BYTES + 1);
    uint8_t *packed = malloc(room);
    assert_true(zeros && packed);
    size_t len = ZSTD_compress(packed, room, zeros, LIMIT_FRAME_INFLATED_BYTES, 3);
    assert_int_equal(inflate(w, packed, len, &frame), RC_OK);
    assert_int_equal(frame.body.len, LIMIT_FRAME_INFLATED_BYTES);
    // One byte more than the limit, said openly.
    size_t bomb = ZSTD_compress(packed, room, zeros, LIMIT_FRAME_INFLATED_BYTES + 1, 3);
    assert_int_equal(inflate(w, packed, bomb, &frame), RC_TOO_LARGE);
    // A size that is a lie, larger and smaller than what follows. 200 zeros have a one-byte size.
    len = ZSTD_compress(packed, room, zeros, 200, 3);
    assert_int_equal(packed[5], 200);
    packed[5] = 199;
    assert_int_equal(inflate(w, packed, len, &frame), RC_INVALID);
    packed[5] = 201;
    assert_int_equal(inflate(w, packed, len, &frame), RC_INVALID);
    packed[5] = 200;
    assert_int_equal(inflate(w, packed, len, &frame), RC_OK);
    // A second frame behind the first is more than was said.
    memcpy(packed + len, packed, len);
    assert_int_equal(inflate(w, packed, 2 * len, &frame), RC_INVALID);
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_not_equal(inflate(w, packed, cut, &frame), RC_OK);
    }
    // No size at all.
    ZSTD_CCtx *cctx = ZSTD_createCCtx();
    (void)ZSTD_CCtx_setParameter(cctx, ZSTD_c_contentSizeFlag, 0);
    len = ZSTD_compress2(cctx, packed, room, zeros, 200);
    ZSTD_freeCCtx(cctx);
    assert_int_equal(inflate(w, packed, len, &frame), RC_INVALID);
    free(packed);
    free(zeros);
}

// ---- Numbers ----

static void a_number_is_taken_once(void **state) {
    (void)state;
    struct number_window window = {0};
    for (uint32_t i = 1; i <= 10; i++) {
        assert_true(number_window_take(&window, i));
        assert_false(number_window_take(&window, i));
    }
    assert_true(number_window_take(&window, 50));
    for (uint32_t i = 1; i <= 10; i++) {
        assert_false(number_window_take(&window, i));
    }
    for (uint32_t i = 49; i > 10; i--) { // late, but not seen yet
        assert_true(number_window_take(&window, i));
        assert_false(number_window_take(&window, i));
    }
    assert_true(number_window_take(&window, 200));
    assert_false(number_window_take(&window, 136)); // beyond the window
    assert_true(number_window_take(&window, 137));
    assert_true(number_window_take(&window, UINT32_MAX));
    assert_false(number_window_take(&window, UINT32_MAX));
    assert_false(number_window_take(&window, 200));
    assert_false(number_window_take(&window, 0)); // nothing wraps
}

// ---- Invites ----

static struct invite invite_sample(void) {
    struct invite invite = {.site = site,
                            .secret = {9, 8, 7},
                            .broker = "hub.example:8883",
                            .account = "c1",
                            .password = "p w",
                            .name = "控制室 Console",
                            .kind = 2};
    fill(&invite.hub_key, sizeof invite.hub_key, 200);
    return invite;
}

static void an_invite_comes_back(void **state) {
    (void)state;
    struct invite invite = invite_sample(), read;
    struct buf text, broken;
    buf_init(&text, 4096);
    buf_init(&broken, 4096);
    assert_int_equal(invite_encode(&invite, &text), RC_OK);
    assert_memory_equal(buf_cstr(&text), "DAVY1-", 6);
    assert_int_equal(invite_decode(buf_cstr(&text), &read), RC_OK);
    assert_memory_equal(&read, &invite, sizeof invite);
    for (size_t i = 0; i < text.len; i++) { // as it comes out of a mail, in lines
        buf_put_u8(&broken, text.data[i]);
        if (i % 20 == 19) {
            buf_put(&broken, "\r\n\t ", 4);
        }
    }
    assert_int_equal(invite_decode(buf_cstr(&broken), &read), RC_OK);
    assert_memory_equal(&read, &invite, sizeof invite);
    buf_fini(&text);
    buf_fini(&broken);
}

static void a_damaged_invite_is_refused(void **state) {
    (void)state;
    struct invite invite = invite_sample(), read;
    struct buf text, again;
    buf_init(&text, 4096);
    buf_init(&again, 4096);
    assert_int_equal(invite_encode(&invite, &text), RC_OK);
    char *copy = strdup(buf_cstr(&text));
    assert_non_null(copy);
    for (size_t len = 0; len < text.len; len++) {
        char was = copy[len];
        copy[len] = '\0';
        assert_int_not_equal(invite_decode(copy, &read), RC_OK);
        copy[len] = was;
    }
    static const char letters[] = "AZ27b0-=\x80";
    for (size_t at = 0; at < text.len; at++) {
        for (size_t i = 0; i < sizeof letters - 1; i++) {
            char was = copy[at];
            copy[at] = letters[i];
            if (invite_decode(copy, &read) == RC_OK) {
                buf_reset(&again);
                assert_int_equal(invite_encode(&read, &again), RC_OK);
                assert_string_equal(buf_cstr(&again), copy);
            }
            copy[at] = was;
        }
    }
    static const char *const bad[] = {"",       "DAVY1-",  "DAVY2-AAAA",
                                      "davy1-", "DAVY1-A", "DAVY1-AAAAAAAA"};
    for (size_t i = 0; i < COUNT_IN(bad); i++) {
        assert_int_not_equal(invite_decode(bad[i], &read), RC_OK);
    }
    size_t len = 100000;
    char *longest = malloc(len + 1);
    assert_non_null(longest);
    memset(longest, 'A', len);
    memcpy(longest, "DAVY1-", 6);
    longest[len] = '\0';
    assert_int_not_equal(invite_decode(longest, &read), RC_OK);
    free(longest);
    free(copy);
    buf_fini(&text);
    buf_fini(&again);
}

static void both_sides_show_the_same_six_digits(void **state) {
    (void)state;
    struct public_key device = {{1}}, hub = {{2}}, other = {{3}};
    char code[SHORT_CODE_BYTES], again[SHORT_CODE_BYTES], wrong[SHORT_CODE_BYTES];
    join_short_code(&device, &hub, site, code);
    join_short_code(&device, &hub, site, again);
    assert_string_equal(code, again);
    assert_int_equal(strspn(code, "0123456789"), 6);
    join_short_code(&other, &hub, site, wrong);
    assert_string_not_equal(code, wrong);
    join_short_code(&device, &other, site, wrong);
    assert_string_not_equal(code, wrong);
    join_short_code(&device, &hub, (struct site_id){{{9}}}, wrong);
    assert_string_not_equal(code, wrong);
}

static void a_code_proves_person_and_key(void **state) {
    (void)state;
    struct rid person = {{{1}}}, other = {{{2}}};
    struct public_key key = {{1}}, other_key = {{2}};
    uint8_t proof[KEYED_HASH_BYTES], again[KEYED_HASH_BYTES], secret[SESSION_KEY_BYTES];
    enrol_prove("12345678", person, &key, proof);
    enrol_key("12345678", secret);
    enrol_prove_with(secret, person, &key, again);
    assert_true(keyed_hash_equal(proof, again));
    enrol_prove("12345679", person, &key, again);
    assert_false(keyed_hash_equal(proof, again));
    enrol_prove("12345678", other, &key, again);
    assert_false(keyed_hash_equal(proof, again));
    enrol_prove("12345678", person, &other_key, again);
    assert_false(keyed_hash_equal(proof, again));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_comes_back),
        cmocka_unit_test(damage_is_refused_or_means_one_thing),
        cmocka_unit_test(ranges_are_checked),
        cmocka_unit_test_setup_teardown(a_frame_comes_back_whole, wire_setup, wire_teardown),
        cmocka_unit_test_setup_teardown(a_flipped_or_cut_frame_is_not_believed, wire_setup,
                                        wire_teardown),
        cmocka_unit_test_setup_teardown(a_proof_holds_for_its_key_and_site_only, wire_setup,
                                        wire_teardown),
        cmocka_unit_test_setup_teardown(unknown_headers_are_named, wire_setup, wire_teardown),
        cmocka_unit_test_setup_teardown(what_is_too_large_is_refused, wire_setup, wire_teardown),
        cmocka_unit_test_setup_teardown(bombs_stay_small, wire_setup, wire_teardown),
        cmocka_unit_test(a_number_is_taken_once),
        cmocka_unit_test(an_invite_comes_back),
        cmocka_unit_test(a_damaged_invite_is_refused),
        cmocka_unit_test(both_sides_show_the_same_six_digits),
        cmocka_unit_test(a_code_proves_person_and_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
