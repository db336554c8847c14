// A store whose file was damaged: the input patches bytes of a good file (u24 offset, u8 value, …).
// Opening, listing and verifying must end with a code, whatever the bytes; nothing may crash.
#include "../unit/store_fixture.h"

#include "davy/sim/vfs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct image {
    struct fixture fx;
    uint8_t *bytes;
    size_t len;
};

static void require(bool good) {
    if (!good) {
        abort();
    }
}

// The fixture asserts with cmocka, which fuzz targets are not linked with. Its own names are
// reserved.
void _assert_int_equal(const LargestIntegralType a, const LargestIntegralType b,
                       const char *const file, const int line) {
    (void)file;
    (void)line;
    require(a == b);
}

// The good file: three notes, admitted, sealed.
static void image_fill(struct fixture *fx) {
    struct place place;
    struct rid subject;
    struct rid rid;
    require(store_begin(fx->store) == RC_OK);
    for (int i = 0; i < 3; i++) {
        require(note_append(fx, &fx->device, &(struct note){.kind = NOTE_OPEN}, &place, &subject) ==
                RC_OK);
        require(note_log(fx, &place, VERDICT_ACCEPTED) == RC_OK);
        require(note_append(fx, &fx->device, &(struct note){NOTE_ADD, &subject, 1, 4, NULL}, &place,
                            &rid) == RC_OK);
        require(note_log(fx, &place, i == 1 ? VERDICT_HELD : VERDICT_ACCEPTED) == RC_OK);
    }
    require(note_seal(fx, &fx->device, LANE_SAFETY) == RC_OK);
    require(note_seal(fx, &fx->hub, LANE_SAFETY) == RC_OK);
    require(store_commit(fx->store) == RC_OK);
}

static void image_make(struct image *image) {
    struct sim_disk *disk = NULL;
    const uint8_t *bytes = NULL;
    require(sim_disk_new(1, &disk) == RC_OK);
    fixture_people(&image->fx);
    image->fx.vfs = sim_disk_vfs_name(disk);
    require(fixture_reopen(&image->fx, NULL) == RC_OK && fixture_site(&image->fx, true) == RC_OK);
    image_fill(&image->fx);
    store_close(image->fx.store);
    require(sim_disk_get(disk, "records.db", &bytes, &image->len) == RC_OK);
    image->bytes = malloc(image->len);
    require(image->bytes != NULL);
    memcpy(image->bytes, bytes, image->len);
    sim_disk_free(disk);
}

static enum rc see_state(void *ctx, struct rid subject, const void *state) {
    struct fixture *fx = ctx;
    const struct note_state *note = state;
    (void)fx;
    (void)subject;
    return strlen(note->title) < sizeof(note->title) ? RC_OK : RC_INVALID;
}

static enum rc see_item(void *ctx, const struct store_item *item) {
    (void)ctx;
    return item->entry.bytes.len > 0 ? RC_OK : RC_INVALID;
}

static enum rc see_chain(void *ctx, const struct store_chain *chain) {
    (void)ctx;
    return chain->head.seq >= chain->sealed.seq ? RC_OK : RC_INVALID;
}

static void use(struct fixture *fx) {
    struct store_verify_report report = {0};
    struct place place;
    struct rid rid;
    (void)!store_view_each(fx->store, &note_module, &(struct view_query){.order = "title"},
                           see_state, fx);
    (void)!store_chains(fx->store, see_chain, fx);
    (void)!store_recent_each(fx->store, 20, see_item, fx);
    (void)!store_outbox_each(fx->store, see_item, fx);
    (void)!store_verify(fx->store, keys_stub(), note_key_of, fx, &report);
    if (store_begin(fx->store) == RC_OK) {
        enum rc rc = note_append(fx, &fx->device, &(struct note){.kind = NOTE_OPEN}, &place, &rid);
        if (rc == RC_OK) {
            rc = note_log_at(fx, &place, VERDICT_ACCEPTED, 1000);
        }
        (void)!store_commit(fx->store);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static struct image image;
    struct sim_disk *disk = NULL;
    if (image.bytes == NULL) {
        image_make(&image);
    }
    uint8_t *bytes = malloc(image.len);
    require(bytes != NULL && sim_disk_new(1, &disk) == RC_OK);
    memcpy(bytes, image.bytes, image.len);
    for (size_t at = 0; at + 4 <= size; at += 4) {
        size_t offset = (size_t)data[at] << 16 | (size_t)data[at + 1] << 8 | data[at + 2];
        bytes[offset % image.len] ^= data[at + 3];
    }
    struct fixture fx = image.fx;
    fx.store = NULL;
    fx.vfs = sim_disk_vfs_name(disk);
    require(sim_disk_put(disk, "records.db", bytes, image.len) == RC_OK);
    if (fixture_reopen(&fx, NULL) == RC_OK) {
        use(&fx);
        store_close(fx.store);
    }
    image.fx.buf = fx.buf; // its memory may have moved
    sim_disk_free(disk);
    free(bytes);
    return 0;
}
