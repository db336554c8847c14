// Bundles: what is written is read, what was touched is refused, a file is taken as the wire is.
#include "app_fixture.h"

#include "davy/app/bundle.h"
#include "davy/app/remark.h"
#include "davy/sync/file.h"

// ---- Making bundles ----

struct file {
    char *bytes;
    size_t len;
};

static void file_free(struct file *file) {
    free(file->bytes);
    *file = (struct file){0};
}

static enum rc export_file(struct app *app, const struct bundle_choice *choice, struct moment now,
                           struct file *out_file, struct refusal *out_refusal) {
    struct bundle_report report;
    FILE *out = open_memstream(&out_file->bytes, &out_file->len);
    assert_non_null(out);
    enum rc rc = app_export(app, choice, out, NULL, now, &report, out_refusal);
    assert_int_equal(fclose(out), 0);
    if (rc == RC_OK) {
        assert_int_equal(report.bytes, out_file->len);
    }
    return rc;
}

static struct file export_of(struct fixture *f, bool all) {
    struct bundle_choice choice = {.all = all};
    struct refusal refusal = {0};
    struct file file = {0};
    assert_int_equal(export_file(f->app, &choice, f->now, &file, &refusal), RC_OK);
    return file;
}

// A bundle made by hand: any header, any frames.
struct maker {
    struct keypair *pair;
    struct bundle_head head;
    struct buf file, frame;
    uint32_t count;
};

static void maker_start(struct maker *maker, const struct bundle_head *head, struct keypair *pair) {
    *maker = (struct maker){.pair = pair, .head = *head};
    maker->head.key = *keypair_public(pair);
    buf_init(&maker->file, 1 << 24);
    buf_init(&maker->frame, 1 << 20);
    assert_int_equal(bundle_head_encode(&maker->head, pair, &maker->file), RC_OK);
}

static void maker_add_bytes(struct maker *maker, struct slice frame) {
    buf_put_u32(&maker->file, (uint32_t)frame.len);
    buf_put(&maker->file, frame.data, frame.len);
    maker->count++;
}

static void maker_add(struct maker *maker, enum frame_type type, uint32_t session,
                      struct slice body) {
    struct frame head = {.type = type, .session = session, .number = maker->count + 1};
    struct frame_seal seal = {.direction = type == FRAME_BATCH ? FRAME_UP : FRAME_DOWN,
                              .signer = maker->pair,
                              .site = maker->head.site};
    assert_int_equal(frame_build(NULL, &head, body, &seal, &maker->frame), RC_OK);
    maker_add_bytes(maker, buf_slice(&maker->frame));
}

static struct file maker_end(struct maker *maker) {
    struct hasher hasher;
    struct hash32 hash;
    struct signature sig;
    struct buf message;
    hasher_init(&hasher);
    hasher_add(&hasher, maker->file.data, maker->file.len);
    hasher_done(&hasher, &hash);
    buf_init(&message, 256);
    buf_put(&message, "davy/bundle-end/1", strlen("davy/bundle-end/1"));
    buf_put_u32(&message, maker->count);
    buf_put(&message, hash.b, HASH_BYTES);
    keypair_sign(maker->pair, buf_slice(&message), &sig);
    buf_fini(&message);
    buf_put_u32(&maker->file, 0);
    buf_put_u32(&maker->file, maker->count);
    buf_put(&maker->file, sig.b, SIGNATURE_BYTES);
    assert_int_equal(buf_rc(&maker->file), RC_OK);
    struct file file = {malloc(maker->file.len), maker->file.len};
    memcpy(file.bytes, maker->file.data, file.len);
    buf_fini(&maker->file);
    buf_fini(&maker->frame);
    return file;
}

// ---- Reading ----

struct seen_parts {
    uint32_t count, batches, feeds;
    enum rc rc;
    struct refusal refusal;
};

static struct seen_parts read_file(const void *bytes, size_t len) {
    struct seen_parts seen = {0};
    struct bundle_reader reader;
    struct bundle_part part;
    // A stream of no bytes cannot be made; one more that the reader never asks for can.
    FILE *file = len > 0 ? fmemopen((void *)(uintptr_t)bytes, len, "rb") : fopen("/dev/null", "rb");
    assert_non_null(file);
    seen.rc = bundle_reader_open(&reader, file, keys_ed25519(), &seen.refusal);
    while (seen.rc == RC_OK) {
        seen.rc = bundle_reader_next(&reader, &part, &seen.refusal);
        if (seen.rc == RC_OK) {
            seen.count++;
            seen.batches += part.type == FRAME_BATCH;
            seen.feeds += part.type == FRAME_FEED;
        }
    }
    bundle_reader_close(&reader);
    assert_int_equal(fclose(file), 0);
    return seen;
}

static struct bundle_head head_of(const struct file *file) {
    struct bundle_reader reader;
    struct refusal refusal = {0};
    FILE *stream = fmemopen(file->bytes, file->len, "rb");
    assert_int_equal(bundle_reader_open(&reader, stream, keys_ed25519(), &refusal), RC_OK);
    struct bundle_head head = reader.head;
    bundle_reader_close(&reader);
    (void)fclose(stream);
    return head;
}

// Bodies of a file, one after another.
struct bodies {
    struct {
        enum frame_type type;
        uint32_t session;
        struct buf body;
    } rows[64];
    uint32_t count;
};

static void bodies_of(const struct file *file, struct bodies *out) {
    struct bundle_reader reader;
    struct bundle_part part;
    struct refusal refusal = {0};
    FILE *stream = fmemopen(file->bytes, file->len, "rb");
    out->count = 0;
    assert_int_equal(bundle_reader_open(&reader, stream, keys_ed25519(), &refusal), RC_OK);
    while (bundle_reader_next(&reader, &part, &refusal) == RC_OK) {
        assert_true(out->count < COUNT_OF(out->rows));
        struct buf *body = &out->rows[out->count].body;
        out->rows[out->count].type = part.type;
        out->rows[out->count++].session = (uint32_t)(part.author - reader.head.authors);
        buf_init(body, 1 << 20);
        buf_put(body, part.body.data, part.body.len);
    }
    bundle_reader_close(&reader);
    (void)fclose(stream);
}

static void bodies_free(struct bodies *bodies) {
    for (uint32_t i = 0; i < bodies->count; i++) {
        buf_fini(&bodies->rows[i].body);
    }
}

// The same frames, written by somebody else.
static struct file written_by(const struct file *file, struct rid device, struct keypair *pair) {
    struct bodies bodies;
    struct maker maker;
    struct bundle_head head = head_of(file);
    bodies_of(file, &bodies);
    head.device = device;
    maker_start(&maker, &head, pair);
    for (uint32_t i = 0; i < bodies.count; i++) {
        maker_add(&maker, bodies.rows[i].type, bodies.rows[i].session,
                  buf_slice(&bodies.rows[i].body));
    }
    bodies_free(&bodies);
    return maker_end(&maker);
}

// ---- A second device, that never had a line ----

struct reader_device {
    char folder[TEST_PATH_BYTES];
    struct app *app;
};

static void reader_start(struct fixture *f, struct reader_device *device) {
    struct keyfile_device keys;
    char path[TEST_PATH_BYTES];
    struct device_config config = f->config;
    struct refusal refusal = {0};
    test_folder_make(device->folder);
    test_path(device->folder, "keys", path);
    assert_int_equal(keyfile_device_create(path, &keys), RC_OK);
    config.device = (struct rid){{{0x77}}};
    config.author = author_of(keypair_public(keys.pair), config.author_random);
    keyfile_device_fini(&keys);
    assert_int_equal(device_config_save(device->folder, &config), RC_OK);
    struct app_options options = {
        .folder = device->folder, .scheme = keys_ed25519(), .ctx = f, .random = fixture_random};
    assert_int_equal(app_open(&options, f->now, &device->app, &refusal), RC_OK);
}

static void reader_end(struct reader_device *device) {
    app_close(device->app);
    test_folder_remove(device->folder);
}

static uint64_t log_entries(struct app *app) {
    static struct log_row rows[200];
    return app_log(app, (struct rid){{{0}}}, rows, COUNT_OF(rows));
}

// As the command does it: first the whole file, then its parts.
static enum rc import_file(struct fixture *f, struct app *app, const struct file *file,
                           struct bundle_report *out_report, struct refusal *out_refusal) {
    struct bundle_reader reader;
    struct bundle_part part;
    struct bundle_report report = {0};
    FILE *stream = fmemopen(file->bytes, file->len, "rb");
    assert_non_null(stream);
    memset(out_refusal, 0, sizeof *out_refusal);
    enum rc rc = app_import_check(app, stream, file->len, NULL, out_refusal);
    if (rc == RC_OK) {
        assert_int_equal(bundle_reader_open(&reader, stream, keys_ed25519(), out_refusal), RC_OK);
        assert_int_equal(app_import_begin(app), RC_OK);
        while (rc == RC_OK) {
            rc = bundle_reader_next(&reader, &part, out_refusal);
            if (rc == RC_OK) {
                rc = app_import_part(app, &reader.head, &part, f->now, &report, out_refusal);
            }
        }
        rc = app_import_end(app, rc == RC_NOT_FOUND ? RC_OK : rc);
        bundle_reader_close(&reader);
    }
    assert_int_equal(fclose(stream), 0);
    *out_report = report;
    return rc;
}

// The console has met the hub, and said something that the hub holds and something that it lacks.
static struct rid said(struct fixture *f) {
    struct refusal refusal = {0};
    struct rid remark;
    struct remark_spec spec = {.text = "held by the hub"};
    fixture_settle(f);
    fixture_sign_in(f, "102", PIN_WANG);
    assert_int_equal(app_remark_add(f->app, &spec, f->now, &remark, &refusal), RC_OK);
    fixture_settle(f);
    fixture_cut(f, true);
    spec.text = "法兰渗漏 not yet";
    assert_int_equal(app_remark_add(f->app, &spec, f->now, &remark, &refusal), RC_OK);
    return remark;
}

// ---- Tests ----

static void what_is_written_is_read(void **state) {
    struct fixture *f = *state;
    (void)said(f);
    struct file own = export_of(f, false);
    struct file all = export_of(f, true);
    struct seen_parts seen = read_file(own.bytes, own.len);
    assert_int_equal(seen.rc, RC_NOT_FOUND);
    assert_int_equal(seen.batches, 1); // only what the hub lacks
    assert_int_equal(seen.feeds, 0);
    seen = read_file(all.bytes, all.len);
    assert_int_equal(seen.rc, RC_NOT_FOUND);
    assert_int_equal(seen.batches, 2); // lanes 0 and 2
    assert_in_range(seen.feeds, 2, 10);
    struct bundle_head head = head_of(&own);
    assert_true(rid_equal(head.device, f->config.device));
    assert_true(id16_equal(head.site.id, f->config.site.id));
    assert_int_equal(head.author_count, 1);
    assert_true(author_equal(head.authors[0].author, f->config.author));
    file_free(&own);
    file_free(&all);
}

static void nothing_to_export(void **state) {
    struct fixture *f = *state;
    struct refusal refusal = {0};
    struct file file = {0};
    fixture_settle(f);
    struct bundle_choice choices[] = {{.all = false},
                                      {.one = true, .lane = 3, .audience = 2},
                                      {.from = 1000000},
                                      {.all = true, .from = 1000000}};
    for (size_t i = 0; i < COUNT_OF(choices); i++) {
        assert_int_equal(export_file(f->app, &choices[i], f->now, &file, &refusal), RC_REFUSED);
        assert_int_equal(refusal.code, REFUSAL_NOTHING);
        file_free(&file);
    }
}

static void one_chain_from_a_place(void **state) {
    struct fixture *f = *state;
    struct bundle_choice choice = {.all = true, .one = true, .lane = LANE_DANGER, .from = 2};
    struct refusal refusal = {0};
    struct file file = {0};
    struct bodies bodies;
    struct batch batch;
    (void)said(f);
    assert_int_equal(export_file(f->app, &choice, f->now, &file, &refusal), RC_OK);
    bodies_of(&file, &bodies);
    // The hub's own chain of that lane is not that long.
    assert_int_equal(bodies.count, 1);
    assert_int_equal(bodies.rows[0].type, FRAME_BATCH);
    assert_int_equal(batch_decode(buf_slice(&bodies.rows[0].body), &batch), RC_OK);
    assert_int_equal(batch.first_seq, 2);
    assert_int_equal(batch.count, 1);
    bodies_free(&bodies);
    file_free(&file);
}

// Every place where a file may end too early.
static void every_cut_is_refused(void **state) {
    struct fixture *f = *state;
    (void)said(f);
    struct file file = export_of(f, false);
    for (size_t len = 0; len < file.len; len++) {
        struct seen_parts seen = read_file(file.bytes, len);
        assert_int_equal(seen.rc, RC_REFUSED);
        assert_int_equal(seen.refusal.code, REFUSAL_BUNDLE);
        char at[24];
        (void)snprintf(at, sizeof at, "%zu", len);
        assert_string_equal(seen.refusal.args[0], at);
        assert_string_equal(seen.refusal.args[1], rc_name(RC_TRUNCATED));
    }
    file_free(&file);
}

static void every_changed_byte_is_refused(void **state) {
    struct fixture *f = *state;
    (void)said(f);
    struct file file = export_of(f, false);
    for (size_t at = 0; at < file.len; at++) {
        file.bytes[at] ^= (char)(1 << at % 8);
        struct seen_parts seen = read_file(file.bytes, file.len);
        if (seen.rc != RC_REFUSED || seen.refusal.code != REFUSAL_BUNDLE) {
            fail_msg("byte %zu: %s", at, rc_name(seen.rc));
        }
        file.bytes[at] ^= (char)(1 << at % 8);
    }
    assert_int_equal(read_file(file.bytes, file.len).rc, RC_NOT_FOUND);
    file_free(&file);
}

static void what_no_bundle_is(void **state) {
    (void)state;
    static char zeros[1 << 20];
    static const struct {
        const char *bytes;
        size_t len;
        enum rc why;
    } rows[] = {
        {zeros, sizeof zeros, RC_INVALID},
        {"SQLite format 3", 16, RC_INVALID},
        {"DAVYBND", 7, RC_TRUNCATED},
        {"DAVYBNDX", 8, RC_INVALID},
        {"D", 1, RC_TRUNCATED},
        {"x", 1, RC_INVALID},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct seen_parts seen = read_file(rows[i].bytes, rows[i].len);
        assert_int_equal(seen.rc, RC_REFUSED);
        assert_string_equal(seen.refusal.args[1], rc_name(rows[i].why));
    }
    // Sizes that a header or a frame only claims take no memory.
    char head[112 + 4] = "DAVYBNDL\1\0\xFF\xFF";
    struct seen_parts seen = read_file(head, sizeof head);
    assert_string_equal(seen.refusal.args[1], rc_name(RC_TOO_LARGE));
    head[8] = 2;
    seen = read_file(head, sizeof head);
    assert_string_equal(seen.refusal.args[1], rc_name(RC_UNSUPPORTED));
}

// Frames that a device signed and that no bundle may hold.
static void frames_that_do_not_belong(void **state) {
    struct fixture *f = *state;
    (void)said(f);
    struct file file = export_of(f, false);
    struct bundle_head head = head_of(&file);
    struct bodies bodies;
    bodies_of(&file, &bodies);
    struct slice body = buf_slice(&bodies.rows[0].body);
    struct keyfile_device keys;
    assert_int_equal(keyfile_device_load(f->keys, &keys), RC_OK);
    static const struct {
        enum frame_type type;
        uint32_t session;
        enum rc why;
    } rows[] = {{FRAME_ACK, 0, RC_INVALID},
                {FRAME_HELLO, 0, RC_INVALID},
                {FRAME_BATCH, 1, RC_INVALID},
                {FRAME_BATCH, UINT32_MAX, RC_INVALID}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct maker maker;
        maker_start(&maker, &head, keys.pair);
        maker_add(&maker, rows[i].type, rows[i].session, body);
        struct file made = maker_end(&maker);
        struct seen_parts seen = read_file(made.bytes, made.len);
        assert_int_equal(seen.rc, RC_REFUSED);
        assert_string_equal(seen.refusal.args[1], rc_name(rows[i].why));
        file_free(&made);
    }
    // A compressed one may be a bomb: none is ever inflated.
    struct frame_codec *codec;
    struct maker maker;
    struct frame kind = {.type = FRAME_BATCH, .number = 1};
    struct frame_seal seal = {.direction = FRAME_UP, .signer = keys.pair, .site = head.site};
    static uint8_t bomb[LIMIT_FRAME_INFLATED_BYTES];
    assert_int_equal(frame_codec_new(&codec), RC_OK);
    maker_start(&maker, &head, keys.pair);
    assert_int_equal(frame_build(codec, &kind, slice_of(bomb, sizeof bomb), &seal, &maker.frame),
                     RC_OK);
    assert_true(maker.frame.len < 1000);
    maker_add_bytes(&maker, buf_slice(&maker.frame));
    struct file made = maker_end(&maker);
    struct seen_parts seen = read_file(made.bytes, made.len);
    assert_string_equal(seen.refusal.args[1], rc_name(RC_INVALID));
    frame_codec_free(codec);
    file_free(&made);
    // One frame twice, and one that claims four gigabytes.
    maker_start(&maker, &head, keys.pair);
    maker_add(&maker, FRAME_BATCH, 0, body);
    maker_add_bytes(&maker, buf_slice(&maker.frame));
    made = maker_end(&maker);
    assert_string_equal(read_file(made.bytes, made.len).refusal.args[1], rc_name(RC_GAP));
    file_free(&made);
    maker_start(&maker, &head, keys.pair);
    buf_put_u32(&maker.file, UINT32_MAX);
    made = maker_end(&maker);
    assert_string_equal(read_file(made.bytes, made.len).refusal.args[1], rc_name(RC_TOO_LARGE));
    file_free(&made);
    keyfile_device_fini(&keys);
    bodies_free(&bodies);
    file_free(&file);
}

// A new device believes the hub's own file, and no other that it cannot judge; then it has the log,
// follows that hub, and takes a neighbour's file.
static void a_log_by_file(void **state) {
    struct fixture *f = *state;
    struct reader_device device;
    struct bundle_report report;
    struct refusal refusal;
    (void)said(f);
    struct file file = export_of(f, true);
    reader_start(f, &device);
    uint64_t before = log_entries(device.app);
    assert_int_equal(import_file(f, device.app, &file, &report, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_BUNDLE_SIGNER);
    assert_int_equal(log_entries(device.app), before);
    struct file hubs = written_by(&file, f->hub_device, f->hub_key);
    assert_int_equal(import_file(f, device.app, &hubs, &report, &refusal), RC_OK);
    assert_true(report.records > 10);
    assert_int_equal(report.other, 2); // records for the hub
    assert_true(author_equal(sync_hub_of(app_store(device.app)), f->hub_author));
    for (uint8_t lane = 0; lane < LANE_COUNT; lane++) {
        struct store_chain mine, copy;
        struct chain_id id = {.author = f->hub_author, .lane = lane};
        assert_int_equal(store_chain_get(app_store(device.app), id, &mine), RC_OK);
        assert_int_equal(store_chain_get(app_store(f->app), id, &copy), RC_OK);
        assert_int_equal(mine.sealed.seq, copy.sealed.seq);
        assert_memory_equal(&mine.sealed.hash, &copy.sealed.hash, HASH_BYTES);
    }
    assert_true(roster_person_count(app_roster(device.app)) == 4);
    assert_int_equal(import_file(f, device.app, &file, &report, &refusal), RC_OK);
    assert_int_equal(report.records, 0);
    assert_true(report.known > 0);
    file_free(&hubs);
    file_free(&file);
    reader_end(&device);
}

// A writer that is trusted, and one byte inside of a frame that is not as it was: nothing of the
// whole file stays.
static void all_or_nothing(void **state) {
    struct fixture *f = *state;
    struct reader_device device;
    struct bundle_report report;
    struct refusal refusal;
    (void)said(f);
    struct file file = export_of(f, true);
    reader_start(f, &device);
    struct bodies bodies;
    struct bundle_head head = head_of(&file);
    bodies_of(&file, &bodies);
    head.device = f->hub_device;
    uint64_t before = log_entries(device.app);
    uint32_t tried = 0;
    for (uint32_t which = 0; which < bodies.count; which++) {
        struct buf *body = &bodies.rows[which].body;
        if (bodies.rows[which].type != FRAME_FEED) {
            continue;
        }
        for (size_t at = 10; at < body->len; at += 97) {
            struct maker maker;
            body->data[at] ^= 0x10;
            maker_start(&maker, &head, f->hub_key);
            for (uint32_t i = 0; i < bodies.count; i++) {
                maker_add(&maker, bodies.rows[i].type, bodies.rows[i].session,
                          buf_slice(&bodies.rows[i].body));
            }
            struct file made = maker_end(&maker);
            body->data[at] ^= 0x10;
            assert_int_equal(import_file(f, device.app, &made, &report, &refusal), RC_REFUSED);
            if (refusal.code != REFUSAL_BUNDLE && refusal.code != REFUSAL_BUNDLE_GAP) {
                fail_msg("frame %u byte %zu: %s", which, at, refusal_name(refusal.code));
            }
            assert_int_equal(log_entries(device.app), before);
            assert_int_equal(roster_person_count(app_roster(device.app)), 0);
            file_free(&made);
            tried++;
        }
    }
    assert_true(tried > 30);
    struct file good = written_by(&file, f->hub_device, f->hub_key);
    assert_int_equal(import_file(f, device.app, &good, &report, &refusal), RC_OK);
    file_free(&good);
    bodies_free(&bodies);
    file_free(&file);
    reader_end(&device);
}

// A part that leaves something out says which place it needs.
static void a_gap_is_named(void **state) {
    struct fixture *f = *state;
    struct reader_device device;
    struct bundle_report report;
    struct refusal refusal = {0};
    struct bundle_choice choice = {.all = true, .one = true, .lane = LANE_CONTROL, .from = 5};
    struct file file = {0};
    (void)said(f);
    assert_int_equal(export_file(f->app, &choice, f->now, &file, &refusal), RC_OK);
    struct file hubs = written_by(&file, f->hub_device, f->hub_key);
    reader_start(f, &device);
    assert_int_equal(import_file(f, device.app, &hubs, &report, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_BUNDLE_GAP);
    assert_string_equal(refusal.args[0], "0");
    assert_string_equal(refusal.args[1], "5");
    assert_string_equal(refusal.args[2], "0");
    file_free(&hubs);
    file_free(&file);
    reader_end(&device);
}

static void another_site(void **state) {
    struct fixture *f = *state;
    struct bundle_report report;
    struct refusal refusal;
    (void)said(f);
    struct file file = export_of(f, true);
    struct bundle_head head = head_of(&file);
    struct maker maker;
    head.site.id.b[0] ^= 1;
    maker_start(&maker, &head, f->hub_key);
    struct file made = maker_end(&maker);
    assert_int_equal(import_file(f, f->app, &made, &report, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_WRONG_SITE);
    file_free(&made);
    file_free(&file);
}

// A log that no hub sealed, in a file that an enrolled device signed.
static void a_device_is_no_hub(void **state) {
    struct fixture *f = *state;
    struct bundle_report report;
    struct refusal refusal;
    struct keyfile_device keys;
    (void)said(f);
    struct file file = export_of(f, true);
    struct bundle_head head = head_of(&file);
    struct bodies bodies;
    struct maker maker;
    bodies_of(&file, &bodies);
    assert_int_equal(keyfile_device_load(f->keys, &keys), RC_OK);
    for (uint16_t i = 0; i < head.author_count; i++) {
        head.authors[i].key = *keypair_public(keys.pair);
        head.authors[i].author = author_of(&head.authors[i].key, head.authors[i].random);
    }
    maker_start(&maker, &head, keys.pair);
    maker_add(&maker, FRAME_FEED, 0, buf_slice(&bodies.rows[0].body));
    struct file made = maker_end(&maker);
    assert_int_equal(import_file(f, f->app, &made, &report, &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_BUNDLE_SIGNER);
    keyfile_device_fini(&keys);
    bodies_free(&bodies);
    file_free(&made);
    file_free(&file);
}

// ---- The hub's side ----

static enum rc hub_take(struct fixture *f, const struct sync_file_author *author, struct slice body,
                        enum ack_reason *out_reason, bool *out_new, uint64_t *out_held) {
    assert_int_equal(store_begin(f->hub_store), RC_OK);
    enum rc rc = sync_hub_import(f->hub, author, body, f->now, out_reason, out_new, out_held);
    if (rc == RC_OK && *out_reason == ACK_OK) {
        assert_int_equal(sync_hub_seal(f->hub, f->now), RC_OK);
        assert_int_equal(store_commit(f->hub_store), RC_OK);
    } else {
        store_rollback(f->hub_store);
    }
    return rc;
}

// By file to the hub, and its verdict back by the line.
static void records_by_file(void **state) {
    struct fixture *f = *state;
    struct rid remark = said(f);
    struct file file = export_of(f, false);
    struct bundle_head head = head_of(&file);
    struct bodies bodies;
    struct place place;
    struct store_log log;
    enum ack_reason reason = ACK_FULL;
    bool fresh = false;
    uint64_t held = 0;
    bodies_of(&file, &bodies);
    struct slice body = buf_slice(&bodies.rows[0].body);
    struct sync_file_author author = {head.device, head.key, head.authors[0].author};
    assert_int_equal(hub_take(f, &author, body, &reason, &fresh, &held), RC_OK);
    assert_int_equal(reason, ACK_OK);
    assert_true(fresh && held == 2);
    assert_int_equal(store_record_place(f->hub_store, remark, &place), RC_OK);
    assert_int_equal(store_log_of(f->hub_store, &place, &log), RC_OK);
    assert_int_equal(log.verdict, VERDICT_ACCEPTED);
    assert_int_equal(hub_take(f, &author, body, &reason, &fresh, &held), RC_OK);
    assert_int_equal(reason, ACK_OK);
    assert_false(fresh);
    fixture_cut(f, false);
    fixture_settle(f);
    struct remark_row row;
    assert_int_equal(app_remark_list(f->app, &row, 1), 1);
    assert_int_equal(row.stage, STAGE_ACCEPTED);
    bodies_free(&bodies);
    file_free(&file);
}

static void what_the_hub_does_not_take(void **state) {
    struct fixture *f = *state;
    struct rid remark = said(f);
    struct file file = export_of(f, false);
    struct bundle_head head = head_of(&file);
    struct bodies bodies;
    struct place place;
    enum ack_reason reason = ACK_OK;
    bool fresh = false;
    uint64_t held = 0;
    bodies_of(&file, &bodies);
    struct buf *body = &bodies.rows[0].body;
    struct sync_file_author author = {head.device, head.key, head.authors[0].author};
    assert_int_equal(hub_take(f, &author, slice_of("x", 1), &reason, &fresh, &held), RC_INVALID);
    // Every byte of a batch stands under its seal.
    for (size_t at = 0; at < body->len; at += 3) {
        body->data[at] ^= 1;
        enum rc rc = hub_take(f, &author, buf_slice(body), &reason, &fresh, &held);
        body->data[at] ^= 1;
        assert_true(rc == RC_INVALID || (rc == RC_OK && reason != ACK_OK));
        assert_int_equal(store_record_place(f->hub_store, remark, &place), RC_NOT_FOUND);
    }
    // Another device's key, and an incarnation that the hub has never seen.
    struct sync_file_author other = author;
    other.key = *keypair_public(f->root);
    assert_int_equal(hub_take(f, &other, buf_slice(body), &reason, &fresh, &held), RC_OK);
    assert_int_equal(reason, ACK_SEAL);
    other = author;
    other.author.id.b[0] ^= 1;
    assert_int_equal(hub_take(f, &other, buf_slice(body), &reason, &fresh, &held), RC_OK);
    assert_int_equal(reason, ACK_GAP);
    assert_int_equal(held, 0);
    assert_int_equal(hub_take(f, &author, buf_slice(body), &reason, &fresh, &held), RC_OK);
    assert_int_equal(reason, ACK_OK);
    bodies_free(&bodies);
    file_free(&file);
}

static void one_part_over_the_socket(void **state) {
    struct fixture *f = *state;
    struct reader_device device;
    struct refusal refusal = {0};
    (void)said(f);
    struct file file = export_of(f, true);
    struct file hubs = written_by(&file, f->hub_device, f->hub_key);
    reader_start(f, &device);
    struct bundle_reader reader;
    struct bundle_part part;
    struct buf payload, out;
    uint64_t records = 0;
    FILE *stream = fmemopen(hubs.bytes, hubs.len, "rb");
    buf_init(&payload, LIMIT_CONTROL_MESSAGE_BYTES);
    buf_init(&out, 64);
    assert_int_equal(bundle_reader_open(&reader, stream, keys_ed25519(), &refusal), RC_OK);
    while (bundle_reader_next(&reader, &part, &refusal) == RC_OK) {
        buf_reset(&payload);
        buf_reset(&out);
        control_import_encode(buf_slice(&reader.head_bytes), part.frame, &payload);
        assert_int_equal(app_import_control(device.app, buf_slice(&payload), &out, &refusal),
                         RC_OK);
        struct reader in = reader_of(buf_slice(&out));
        records += reader_varint(&in);
        assert_int_equal(reader_done(&in), RC_OK);
    }
    assert_true(records > 10);
    assert_int_equal(roster_person_count(app_roster(device.app)), 4);
    // A part that was changed, and no part at all.
    payload.data[payload.len - 1] ^= 1;
    assert_int_equal(app_import_control(device.app, buf_slice(&payload), &out, &refusal),
                     RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_BUNDLE);
    assert_int_equal(app_import_control(device.app, slice_text("nonsense"), &out, &refusal),
                     RC_REFUSED);
    bundle_reader_close(&reader);
    (void)fclose(stream);
    buf_fini(&payload);
    buf_fini(&out);
    file_free(&hubs);
    file_free(&file);
    reader_end(&device);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read),
        TEST(nothing_to_export),
        TEST(one_chain_from_a_place),
        TEST(every_cut_is_refused),
        TEST(every_changed_byte_is_refused),
        cmocka_unit_test(what_no_bundle_is),
        TEST(frames_that_do_not_belong),
        TEST(a_log_by_file),
        TEST(all_or_nothing),
        TEST(a_gap_is_named),
        TEST(another_site),
        TEST(a_device_is_no_hub),
        TEST(records_by_file),
        TEST(what_the_hub_does_not_take),
        TEST(one_part_over_the_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
