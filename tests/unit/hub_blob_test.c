// Photos through the real hub and devices: the record first, the bytes after it, to whoever asks.
#include "hub_sync_util.h"

#include "davy/app/blob.h"
#include "davy/domain/remark/remark.h"
#include "davy/sync/blob.h"

#define PHOTO_BYTES 200000u

struct photo {
    struct hash32 hash;
    uint8_t *bytes;
};

static void photo_make(struct photo *photo, uint64_t seed) {
    photo->bytes = malloc(PHOTO_BYTES);
    assert_non_null(photo->bytes);
    for (uint32_t i = 0; i < PHOTO_BYTES; i++) {
        photo->bytes[i] = (uint8_t)dice(&seed);
    }
    struct slice part = slice_of(photo->bytes, PHOTO_BYTES);
    hash_parts(&part, 1, &photo->hash);
}

static void photo_take(struct dev *d, const struct photo *photo) {
    struct blob_spec spec = {
        .hash = photo->hash, .size = PHOTO_BYTES, .media = BLOB_JPEG, .now = d->world->now.utc};
    enum blob_taken taken = BLOB_TAKEN;
    assert_int_equal(store_begin(d->store), RC_OK);
    assert_int_equal(store_blob_expect(d->store, &spec, NULL), RC_OK);
    assert_int_equal(store_blob_put(d->store, &photo->hash, 0, slice_of(photo->bytes, PHOTO_BYTES),
                                    spec.now, &taken),
                     RC_OK);
    assert_int_equal(taken, BLOB_WHOLE);
    assert_int_equal(store_commit(d->store), RC_OK);
}

// A signed remark with the photo attached.
static struct place remark(struct dev *d, const struct photo *photo) {
    struct buf text, bytes;
    struct signed_record record;
    buf_init(&text, 1024);
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    struct body body = body_of(KIND_REMARK_ADD, &text);
    body_put_text(&body, REMARK_TEXT, "泵 P-101 漏油");
    body_put_bytes(&body, REMARK_BLOB, photo->hash.b, HASH_BYTES);
    struct content content = content_by(d->world, KIND_REMARK_ADD, d->rid, buf_slice(&text));
    content.audience = AUDIENCE_SITE;
    content.person = d->person_rid;
    content.key = key_id_of(keypair_public(d->person));
    assert_int_equal(sync_device_seen(d->sync, LANE_DANGER, &content.seen), RC_OK);
    assert_int_equal(record_make(&content, d->person, &bytes, &record), RC_OK);
    struct place place = {.chain = {.author = d->author, .lane = LANE_DANGER}};
    place.seq = dev_append(d, LANE_DANGER, &record);
    buf_fini(&text);
    buf_fini(&bytes);
    return place;
}

static bool whole(struct store *store, const struct photo *photo) {
    struct store_blob blob;
    return store_blob_get(store, &photo->hash, &blob) == RC_OK && blob.whole;
}

static bool accepted(struct store *store, const struct place *place) {
    struct store_log log;
    return store_log_of(store, place, &log) == RC_OK && log.verdict == VERDICT_ACCEPTED;
}

static void until(struct world *w, struct store *store, const struct photo *photo, int64_t ms) {
    int64_t end = w->now.mono.v + ms;
    while (!whole(store, photo)) {
        assert_true(w->now.mono.v < end);
        run(w, STEP_MS);
    }
}

static void same_bytes(struct store *store, const struct photo *photo) {
    struct buf read;
    buf_init(&read, PHOTO_BYTES);
    assert_int_equal(store_blob_read(store, &photo->hash, 0, PHOTO_BYTES, &read), RC_OK);
    assert_memory_equal(read.data, photo->bytes, PHOTO_BYTES);
    buf_fini(&read);
}

static void want(struct dev *d, const struct photo *photo) {
    assert_int_equal(blob_want_take(d->store, slice_of(photo->hash.b, HASH_BYTES), d->world->now),
                     RC_OK);
}

static void a_remark_comes_first_and_its_photo_after_it(void **state) {
    struct world *w = *state;
    struct photo photo;
    struct store_blob blob;
    photo_make(&photo, 11);
    photo_take(&w->devs[0], &photo);
    run(w, 2000);
    assert_int_equal(store_blob_get(hub_store(w->hub), &photo.hash, &blob), RC_NOT_FOUND);
    struct place place = remark(&w->devs[0], &photo);
    while (!accepted(w->devs[1].store, &place)) {
        run(w, STEP_MS);
    }
    // Everybody knows that there is evidence; it is on its way.
    assert_true(store_blob_is_named(w->devs[1].store, &photo.hash));
    assert_false(whole(hub_store(w->hub), &photo));
    until(w, hub_store(w->hub), &photo, 60000);
    same_bytes(hub_store(w->hub), &photo);
    run(w, 2000);
    assert_int_equal(store_blob_get(w->devs[0].store, &photo.hash, &blob), RC_OK);
    assert_true(blob.at_hub);
    // The other device fetches it only when somebody wants to see it.
    assert_false(whole(w->devs[1].store, &photo));
    want(&w->devs[1], &photo);
    until(w, w->devs[1].store, &photo, 60000);
    same_bytes(w->devs[1].store, &photo);
    free(photo.bytes);
}

static void a_bad_link_and_a_power_cut_lose_nothing(void **state) {
    struct world *w = *state;
    struct photo photos[3];
    w->link.lose = 100;
    w->link.repeat = 100;
    w->link.shuffle = 200;
    w->link.flip = 20;
    for (int i = 0; i < 3; i++) {
        photo_make(&photos[i], 20 + (uint64_t)i);
        photo_take(&w->devs[i % DEVS], &photos[i]);
        (void)remark(&w->devs[i % DEVS], &photos[i]);
    }
    run(w, 3000);
    hub_stop(w, true);
    run(w, 1000);
    hub_start(w);
    for (int i = 0; i < 3; i++) {
        until(w, hub_store(w->hub), &photos[i], 600000);
        same_bytes(hub_store(w->hub), &photos[i]);
        want(&w->devs[(i + 1) % DEVS], &photos[i]);
        until(w, w->devs[(i + 1) % DEVS].store, &photos[i], 600000);
        same_bytes(w->devs[(i + 1) % DEVS].store, &photos[i]);
        free(photos[i].bytes);
    }
}

static void a_withdrawn_device_fills_nothing(void **state) {
    struct world *w = *state;
    struct photo photo;
    struct store_blob blob;
    struct buf text;
    photo_make(&photo, 31);
    photo_take(&w->devs[0], &photo);
    struct place place = remark(&w->devs[0], &photo);
    while (!accepted(hub_store(w->hub), &place)) {
        run(w, STEP_MS);
    }
    buf_init(&text, 256);
    struct body body = body_of(KIND_DEVICE_REVOKE, &text);
    body_put_text(&body, REVOKE_REASON, "lost");
    (void)admin_act(w, KIND_DEVICE_REVOKE, &w->devs[0].rid, buf_slice(&text));
    buf_fini(&text);
    run(w, 500);
    bool any = store_blob_get(hub_store(w->hub), &photo.hash, &blob) == RC_OK;
    uint32_t held = any ? blob.held : 0;
    run(w, 60000);
    assert_false(whole(hub_store(w->hub), &photo));
    any = store_blob_get(hub_store(w->hub), &photo.hash, &blob) == RC_OK;
    assert_int_equal(any ? blob.held : 0, held);
    free(photo.bytes);
}

// An enrolled device made by hand: pieces that nobody asked for, offers that no record names.
static void junk_is_not_kept(void **state) {
    struct world *w = *state;
    struct buf body;
    struct photo photo;
    photo_make(&photo, 41);
    buf_init(&body, 65536);
    for (uint8_t i = 0; i < 40; i++) {
        struct blob_offer offer = {.hash = {{i, 9}}, .size = 100000, .media = BLOB_PDF};
        struct blob_chunk chunk = {.serial = i + 1u, .bytes = slice_of(photo.bytes, 4096)};
        struct store_blob blob;
        memcpy(chunk.prefix, offer.hash.b, BLOB_PREFIX_BYTES);
        buf_reset(&body);
        assert_int_equal(blob_offer_encode(&offer, &body), RC_OK);
        rogue_send(w, FRAME_BLOB_OFFER, buf_slice(&body));
        buf_reset(&body);
        assert_int_equal(blob_chunk_encode(&chunk, &body), RC_OK);
        rogue_send(w, FRAME_BLOB_CHUNK, buf_slice(&body));
        rogue_send(w, FRAME_BLOB_STATE, slice_of(photo.bytes, i));
        rogue_send(w, FRAME_BLOB_NEED, slice_of(photo.bytes, i));
        assert_int_equal(store_blob_get(hub_store(w->hub), &offer.hash, &blob), RC_NOT_FOUND);
    }
    assert_true(w->rogue.received[FRAME_BLOB_STATE] > 0); // told that no record names them
    assert_int_equal(w->rogue.received[FRAME_BLOB_NEED], 0);
    buf_fini(&body);
    free(photo.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_remark_comes_first_and_its_photo_after_it, live_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(a_bad_link_and_a_power_cut_lose_nothing, live_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(a_withdrawn_device_fills_nothing, live_setup,
                                        world_teardown),
        cmocka_unit_test_setup_teardown(junk_is_not_kept, live_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
