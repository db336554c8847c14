// Records, chains, keys, frames and their maps without memory.
#include "../unit/record_test_util.h"
#include "fault.h"

#include "davy/app/control.h"
#include "davy/base/map.h"
#include "davy/base/text.h"
#include "davy/sync/frame.h"

struct world {
    struct buf body, bytes, text;
    struct keypair *pair;
    struct signed_record record;
    struct hash32 hash;
    struct frame_codec *codec;
    struct map *map;
};

static void *world_setup(void) {
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    test_keys_start();
    buf_init(&w->body, LIMIT_RECORD_BODY_BYTES);
    buf_init(&w->bytes, LIMIT_FRAME_INFLATED_BYTES);
    buf_init(&w->text, 1 << 20);
    w->pair = test_keypair(7);
    return w;
}

static void world_teardown(void *world) {
    struct world *w = world;
    buf_fini(&w->body);
    buf_fini(&w->bytes);
    buf_fini(&w->text);
    keypair_free(w->pair);
    frame_codec_free(w->codec);
    map_free(w->map);
    free(w);
}

// ---- Record ----

static enum rc record_run(void *world) {
    struct world *w = world;
    buf_fini(&w->body);
    buf_init(&w->body, LIMIT_RECORD_BODY_BYTES);
    buf_fini(&w->bytes);
    buf_init(&w->bytes, LIMIT_RECORD_CONTENT_BYTES);
    struct body body = body_start(&test_kinds[1], &w->body);
    char note[21] = "a note of twenty let";
    body_put_uint(&body, ALL_COUNT, 7);
    body_put_text(&body, ALL_NOTE, note);
    for (uint64_t i = 0; i < 9; i++) {
        body_put_uint(&body, ALL_PART, i);
    }
    enum rc rc = buf_rc(&w->body);
    if (rc != RC_OK) {
        return rc;
    }
    struct content content = test_content();
    content.body = buf_slice(&w->body);
    content.key = key_id_of(keypair_public(w->pair));
    fault_paint(&w->record, sizeof w->record);
    return record_make(&content, w->pair, &w->bytes, &w->record);
}

static void record_check(void *world, enum rc rc) {
    struct world *w = world;
    struct content content;
    if (rc != RC_OK) {
        return;
    }
    assert_int_equal(content_decode(w->record.content, &content), RC_OK);
    assert_int_equal(content_check_form(&test_registry, &content, 1, NULL), RC_OK);
    assert_true(
        keys_verify(keys_ed25519(), keypair_public(w->pair), w->record.content, &w->record.sig));
}

static void *record_setup(void) {
    struct world *w = world_setup();
    assert_int_equal(record_run(w), RC_OK);
    return w;
}

static enum rc decode_run(void *world) {
    struct world *w = world;
    struct content content;
    enum rc rc = content_decode(w->record.content, &content);
    struct buf again;
    buf_init(&again, LIMIT_RECORD_CONTENT_BYTES);
    if (rc == RC_OK) {
        rc = content_encode(&content, &again);
    }
    if (rc == RC_OK && !slice_equal(buf_slice(&again), w->record.content)) {
        fault_fail("decoded and encoded, the content has other bytes");
    }
    buf_fini(&again);
    return rc;
}

static enum rc export_run(struct world *w, bool json) {
    buf_fini(&w->text);
    buf_init(&w->text, 1 << 20);
    struct export_item item = {.content = w->record.content,
                               .sig = &w->record.sig,
                               .place = {{{test_id(0x90)}, 1, AUDIENCE_SITE}, 9},
                               .verdict = VERDICT_ACCEPTED,
                               .n = 3};
    return json ? export_json(&test_registry, &item, &w->text)
                : export_text(&test_registry, &item, &w->text);
}

static enum rc export_json_run(void *world) {
    return export_run(world, true);
}

static enum rc export_text_run(void *world) {
    return export_run(world, false);
}

static void export_check(void *world, enum rc rc) {
    struct world *w = world;
    if (rc == RC_OK) {
        assert_non_null(strstr(buf_cstr(&w->text), "a note of twenty let"));
        assert_int_equal(buf_rc(&w->text), RC_OK);
    }
}

static enum rc admit_run(void *world) {
    struct world *w = world;
    struct admit admit = {
        .place = {{{test_id(0x90)}, 1, 0}, 77}, .verdict = VERDICT_ACCEPTED, .n = 5};
    struct admit read;
    buf_fini(&w->text);
    buf_init(&w->text, 1 << 20);
    enum rc rc = admit_encode(&admit, &w->text);
    if (rc == RC_OK) {
        assert_int_equal(admit_decode(buf_slice(&w->text), &read), RC_OK);
        assert_int_equal(read.place.seq, 77);
    }
    return rc;
}

// Verification and chain hashes need no memory at all.
static enum rc verify_run(void *world) {
    struct world *w = world;
    struct chain_id id = {{test_id(1)}, LANE_SAFETY, AUDIENCE_SITE};
    struct chain_head head;
    struct signature seal;
    chain_start((struct site_id){test_id(2)}, id, &head);
    chain_add_record(&head, w->record.content, &w->record.sig);
    seal_sign((struct site_id){test_id(2)}, id, &head, w->pair, &seal);
    bool good =
        seal_verify(keys_ed25519(), (struct site_id){test_id(2)}, id, &head,
                    keypair_public(w->pair), &seal) &&
        keys_verify(keys_ed25519(), keypair_public(w->pair), w->record.content, &w->record.sig);
    return good && !fault_happened() ? RC_OK : RC_BAD_SIGNATURE;
}

static enum rc keypair_run(void *world) {
    (void)world;
    uint8_t seed[SEED_BYTES];
    struct keypair *pair = NULL;
    test_keys_start();
    test_seed(3, seed);
    enum rc rc = keypair_from_seed(keys_ed25519(), seed, &pair);
    if ((rc == RC_OK) != (pair != NULL)) {
        fault_fail("a pair and an error, or neither");
    }
    keypair_free(pair);
    return rc;
}

// ---- Map ----

#define MAP_KEYS 200

static void *map_setup(void) {
    struct world *w = world_setup();
    assert_int_equal(map_new(MAP_KEYS, 5, &w->map), RC_OK);
    return w;
}

static enum rc map_run(void *world) {
    struct world *w = world;
    for (uint32_t i = map_count(w->map); i < MAP_KEYS; i++) {
        char key[64];
        int len = snprintf(key, sizeof key, "a key that does not fit into a slot by itself %u", i);
        enum rc rc = map_put(w->map, slice_of(key, (size_t)len), i);
        if (rc != RC_OK) {
            return rc;
        }
    }
    return RC_OK;
}

static void map_check(void *world, enum rc rc) {
    struct world *w = world;
    uint32_t count = map_count(w->map);
    assert_true(rc != RC_OK || count == MAP_KEYS);
    for (uint32_t i = 0; i < MAP_KEYS; i++) {
        char key[64];
        uint32_t value = UINT32_MAX;
        int len = snprintf(key, sizeof key, "a key that does not fit into a slot by itself %u", i);
        bool there = map_get(w->map, slice_of(key, (size_t)len), &value);
        assert_true(there == (i < count) && (!there || value == i));
    }
}

static enum rc map_new_run(void *world) {
    struct map *map = NULL;
    (void)world;
    enum rc rc = map_new(8, 1, &map);
    map_free(map);
    return rc;
}

// ---- Frames ----

static void *frame_setup(void) {
    struct world *w = record_setup();
    assert_int_equal(frame_codec_new(&w->codec), RC_OK);
    return w;
}

static enum rc codec_run(void *world) {
    struct frame_codec *codec = NULL;
    (void)world;
    enum rc rc = frame_codec_new(&codec);
    frame_codec_free(codec);
    return rc;
}

static enum rc frame_run(void *world) {
    struct world *w = world;
    uint8_t text[2000];
    uint8_t key[SESSION_KEY_BYTES] = {1};
    memset(text, 'x', sizeof text);
    buf_fini(&w->text);
    buf_init(&w->text, LIMIT_FRAME_INFLATED_BYTES);
    struct frame head = {.type = FRAME_BATCH, .session = 1, .number = 1};
    struct frame_seal seal = {.direction = FRAME_UP, .keyed = key};
    enum rc rc = frame_build(w->codec, &head, slice_of(text, sizeof text), &seal, &w->text);
    struct frame frame = {0};
    if (rc == RC_OK) {
        assert_int_equal(frame_open(buf_slice(&w->text), &frame), RC_OK);
        assert_true(frame_keyed_ok(buf_slice(&w->text), &frame, FRAME_UP, key));
        rc = frame_inflate(w->codec, &frame);
    }
    if (rc == RC_OK && !slice_equal(frame.body, slice_of(text, sizeof text))) {
        fault_fail("another body came out");
    }
    return rc;
}

// Every message of a session, into buffers that grow.
static enum rc message_run(void *world) {
    struct world *w = world;
    static struct hello hello, hello_read;
    static struct welcome welcome;
    static struct fack fack;
    hello.site = (struct site_id){test_id(1)};
    hello.message_bytes_max = LIMIT_MESSAGE_BYTES;
    hello.held_count = 3;
    for (uint8_t i = 0; i < 3; i++) {
        hello.held[i] = (struct frame_chain){.id = {.lane = i}, .seq = 5};
    }
    welcome.message_bytes_max = LIMIT_MESSAGE_BYTES;
    fack.hub = (struct author_id){test_id(3)};
    struct ack ack = {.lane = 1, .seq = 3};
    struct joined joined = {.confirmed = 1, .site = {test_id(1)}, .device = {test_id(9)}};
    buf_fini(&w->text);
    buf_init(&w->text, 1 << 16);
    enum rc rc = hello_encode(&hello, &w->text);
    if (rc == RC_OK) {
        assert_int_equal(hello_decode(buf_slice(&w->text), &hello_read), RC_OK);
    }
    buf_fini(&w->text);
    buf_init(&w->text, 1 << 16);
    rc = rc == RC_OK ? welcome_encode(&welcome, &w->text) : rc;
    rc = rc == RC_OK ? fack_encode(&fack, &w->text) : rc;
    rc = rc == RC_OK ? ack_encode(&ack, &w->text) : rc;
    return rc == RC_OK ? joined_encode(&joined, &w->text) : rc;
}

static enum rc invite_run(void *world) {
    struct world *w = world;
    struct invite invite = {.site = {test_id(1)}, .secret = {3}, .kind = 2};
    static struct invite read;
    (void)snprintf(invite.broker, sizeof invite.broker, "hub.example:8883");
    (void)snprintf(invite.account, sizeof invite.account, "c1");
    (void)snprintf(invite.password, sizeof invite.password, "a long password");
    (void)snprintf(invite.name, sizeof invite.name, "控制台 1");
    buf_fini(&w->text);
    buf_init(&w->text, 4096);
    enum rc rc = invite_encode(&invite, &w->text);
    if (rc != RC_OK) {
        return rc;
    }
    fault_paint(&read, sizeof read);
    const char *text = buf_cstr(&w->text);
    rc = buf_rc(&w->text);
    rc = rc == RC_OK ? invite_decode(text, &read) : rc;
    if (rc != RC_OK) {
        fault_painted(&read, sizeof read, "the invite");
    }
    return rc;
}

static enum rc control_run(void *world) {
    struct world *w = world;
    struct control_answer answer = {.rc = RC_OK, .payload = w->record.content};
    struct control_answer read;
    buf_fini(&w->text);
    buf_init(&w->text, LIMIT_CONTROL_MESSAGE_BYTES);
    buf_fini(&w->body);
    buf_init(&w->body, LIMIT_CONTROL_MESSAGE_BYTES);
    control_submit_encode(1, &w->record, &w->body);
    control_answer_encode(&answer, &w->text);
    enum rc rc = buf_rc(&w->body) != RC_OK ? buf_rc(&w->body) : buf_rc(&w->text);
    if (rc == RC_OK) {
        assert_int_equal(control_answer_decode(buf_slice(&w->text), &read), RC_OK);
        assert_true(slice_equal(read.payload, w->record.content));
    }
    return rc;
}

static enum rc text_run(void *world) {
    (void)world;
    char folded[64];
    fault_paint(folded, sizeof folded);
    enum rc rc = text_fold("Überdruck im REAKTOR １２ 反应器", folded, sizeof folded);
    if (rc != RC_OK) {
        fault_painted(folded, sizeof folded, "the folded text");
    }
    return rc;
}

static const struct fault_op ops[] = {
    {.name = "record build",
     .setup = world_setup,
     .run = record_run,
     .check = record_check,
     .teardown = world_teardown},
    {.name = "record decode and encode",
     .setup = record_setup,
     .run = decode_run,
     .teardown = world_teardown},
    {.name = "record export json",
     .setup = record_setup,
     .run = export_json_run,
     .check = export_check,
     .teardown = world_teardown},
    {.name = "record export text",
     .setup = record_setup,
     .run = export_text_run,
     .check = export_check,
     .teardown = world_teardown},
    {.name = "admit encode and decode",
     .setup = world_setup,
     .run = admit_run,
     .teardown = world_teardown},
    {.name = "record verify, chain, seal",
     .setup = record_setup,
     .run = verify_run,
     .teardown = world_teardown},
    {.name = "key pair", .run = keypair_run},
    {.name = "map new", .run = map_new_run},
    {.name = "map fill",
     .setup = map_setup,
     .run = map_run,
     .check = map_check,
     .teardown = world_teardown,
     .most = 250},
    {.name = "frame codec", .run = codec_run},
    {.name = "frame build, open, inflate",
     .setup = frame_setup,
     .run = frame_run,
     .teardown = world_teardown},
    {.name = "messages of a session",
     .setup = world_setup,
     .run = message_run,
     .teardown = world_teardown},
    {.name = "invite encode and decode",
     .setup = world_setup,
     .run = invite_run,
     .teardown = world_teardown},
    {.name = "control request and answer",
     .setup = record_setup,
     .run = control_run,
     .teardown = world_teardown},
    {.name = "text fold", .run = text_run},
};

int main(int argc, char **argv) {
    return fault_main(argc, argv, ops, COUNT_OF(ops));
}
