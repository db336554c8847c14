// What the spine does, measured in one process; prints one line of JSON.
//
//   spine admit FOLDER N      a hub on the real disk admits N signed acts; beside it, verifying
//                             their signatures alone. Real time.
//   spine line                a signed act on a line of 64 kbit/s and 600 ms, idle and while 1 MB
//                             goes in the bulk lane. Simulated time.
//   spine storm N LIMIT RATE  one device reconnects alone, then N at once, through a broker that
//                             keeps LIMIT messages for a subscriber, over a line of RATE bytes a
//                             second. Simulated time.
#include "davy/domain/segment/segment.h"
#include "davy/store/blob.h"
#include "davy/sync/blob.h"
#include "plant.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// A PUBLISH of QoS 1 with its topic, TCP and IP; its acknowledgement the other way.
#define PUBLISH_BYTES 70
#define PUBACK_BYTES 44

struct parcel {
    struct parcel *next;
    struct unit *unit;
    int kind; // 0: a frame of the session; else what the owner says
    int64_t at;
    size_t len;
    uint8_t bytes[];
};
struct parcels {
    struct parcel *head, **tail;
    uint32_t count;
};

static void parcels_put(struct parcels *parcels, struct parcel *parcel) {
    if (!parcels->head) {
        parcels->tail = &parcels->head;
    }
    parcel->next = NULL;
    *parcels->tail = parcel;
    parcels->tail = &parcel->next;
    parcels->count++;
}

static struct parcel *parcels_take(struct parcels *parcels) {
    struct parcel *parcel = parcels->head;
    if (parcel) {
        parcels->head = parcel->next;
        parcels->count--;
    }
    return parcel;
}

static struct parcel *parcel_of(struct unit *unit, int kind, struct slice bytes) {
    struct parcel *parcel = malloc(sizeof *parcel + bytes.len);
    CHECK(parcel != NULL);
    *parcel = (struct parcel){.unit = unit, .kind = kind, .len = bytes.len};
    memcpy(parcel->bytes, bytes.data, bytes.len);
    return parcel;
}

static void advance(struct plant *plant, int64_t ms) {
    plant->now.utc.v += ms;
    plant->now.mono.v += ms;
}

// ---- admit ----

struct ether {
    struct parcels up, down;
    double cpu; // seconds of the hub
};

static void admit_up(void *ctx, struct unit *unit, struct slice frame) {
    parcels_put(&((struct ether *)ctx)->up, parcel_of(unit, 0, frame));
}

static void admit_down(void *ctx, struct unit *unit, struct slice frame) {
    parcels_put(&((struct ether *)ctx)->down, parcel_of(unit, 0, frame));
}

static double cpu_seconds(void) {
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

// Everything that the device sent, in one round of the hub; seconds that the hub took.
static double admit_round(struct plant *plant, struct ether *ether) {
    struct parcel *parcel;
    double start = bench_seconds();
    double cpu = cpu_seconds();
    while ((parcel = parcels_take(&ether->up)) != NULL) {
        plant_at_hub(plant, parcel->unit, slice_of(parcel->bytes, parcel->len));
        free(parcel);
    }
    plant_step(plant);
    double took = bench_seconds() - start;
    ether->cpu += cpu_seconds() - cpu;
    while ((parcel = parcels_take(&ether->down)) != NULL) {
        unit_receive(parcel->unit, slice_of(parcel->bytes, parcel->len));
        free(parcel);
    }
    unit_tick(&plant->units[0]);
    advance(plant, 100);
    return took;
}

struct verifying {
    const struct keys_scheme *scheme;
    const struct public_key *key;
    uint32_t count;
    double seconds;
    double cpu;
};

static enum rc verify_one(void *ctx, const struct store_entry *entry) {
    struct verifying *verifying = ctx;
    double start = bench_seconds();
    CHECK(entry->sig && keys_verify(verifying->scheme, verifying->key, entry->bytes, entry->sig));
    verifying->seconds += bench_seconds() - start;
    verifying->count++;
    return RC_OK;
}

static void verify_all(struct unit *unit, struct verifying *verifying) {
    struct chain_id chain = {.author = unit->author, .lane = LANE_SAFETY};
    double cpu = cpu_seconds();
    MUST(store_entries(unit->store, chain, 1, verify_one, verifying));
    verifying->cpu += cpu_seconds() - cpu;
}

static int bench_admit(const char *folder, uint32_t acts) {
    static struct plant plant;
    static struct ether ether;
    plant_open(&plant, keys_ed25519(), folder);
    plant.ctx = &ether;
    plant.up = admit_up;
    plant.down = admit_down;
    plant_add_units(&plant, 1);
    struct unit *unit = &plant.units[0];
    unit_link(unit, true);
    while (!unit_is_quiet(unit)) {
        (void)admit_round(&plant, &ether);
    }
    unit_enrol(unit);
    while (!unit->enrolled || !unit_is_quiet(unit)) {
        (void)admit_round(&plant, &ether);
    }
    for (uint32_t i = 0; i < acts; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "现场已查看 seen on site, round %u", i);
        (void)unit_comment(unit, text);
    }
    struct verifying verifying = {keys_ed25519(), keypair_public(unit->person), 0, 0, 0};
    verify_all(unit, &verifying); // before and after: the machine's mood is in both
    uint64_t before = plant_status(&plant).admitted;
    double took = ether.cpu = 0;
    uint32_t rounds = 0;
    while (unit_chain(unit, LANE_SAFETY).acked_seq < acts) {
        took += admit_round(&plant, &ether);
        CHECK(++rounds < 100000);
    }
    verify_all(unit, &verifying);
    CHECK(plant_status(&plant).admitted - before == acts && verifying.count == 2 * acts);
    (void)printf("{\"acts\":%u,\"rounds\":%u,\"admit_per_s\":%.1f,\"verify_per_s\":%.1f,"
                 "\"admit_cpu_us\":%.1f,\"verify_cpu_us\":%.1f}\n",
                 acts, rounds, acts / took, verifying.count / verifying.seconds,
                 ether.cpu / acts * 1e6, verifying.cpu / verifying.count * 1e6);
    plant_close(&plant);
    return 0;
}

// ---- line ----

#define LINE_BYTES_PER_S 8000
#define LINE_DELAY_MS 300 // one way
#define LINE_BULK_BYTES 1000000
#define LINE_STEP_MS 5

enum { PICTURE_KIND = 910, PICTURE_BLOB = 1 };
static void picture_fold(void *state, struct rid subject, const struct fold_entry *entry) {
    (void)state;
    (void)subject;
    (void)entry;
}
static const struct field picture_fields[] = {
    {PICTURE_BLOB, BLOB_FIELD, FIELD_BYTES, 0, HASH_BYTES, HASH_BYTES, NULL}};
static const struct kind picture_kinds[] = {{PICTURE_KIND, "picture.add", EFFECT_FACT, LANE_DANGER,
                                             KIND_OPENS | KIND_SEALED, 0, picture_fields, 1}};
static const struct module picture_module = {.name = "picture",
                                             .fold_version = 1,
                                             .kinds = picture_kinds,
                                             .kind_count = 1,
                                             .state_bytes = 8,
                                             .fold = picture_fold};
static const struct module *const picture_modules[] = {&picture_module};
static const struct registry picture_registry = {picture_modules, 1};

// One end of the bulk transfer: the product's engine on a store of its own.
struct bulk {
    struct line *line;
    bool hub;
    struct sim_disk *disk;
    struct store *store;
    struct sync_blob *blob;
    struct buf body;
};
struct way {
    double free_at; // ms: when the line takes the next byte
    struct parcels parcels;
};
struct line {
    struct plant plant;
    struct way up, down;
    struct bulk ends[2];
    bool bulk;
};

static void line_busy(struct line *line, struct way *way, size_t bytes) {
    double now = (double)line->plant.now.mono.v;
    way->free_at =
        (way->free_at > now ? way->free_at : now) + (double)bytes * 1000 / LINE_BYTES_PER_S;
}

// A deep queue in front of the line: bytes leave one after another, arrive a delay later.
static void line_put(struct line *line, bool up, struct parcel *parcel) {
    struct way *way = up ? &line->up : &line->down;
    line_busy(line, way, parcel->len + PUBLISH_BYTES);
    line_busy(line, up ? &line->down : &line->up, PUBACK_BYTES);
    parcel->at = (int64_t)way->free_at + LINE_DELAY_MS;
    parcels_put(&way->parcels, parcel);
}

static void line_up(void *ctx, struct unit *unit, struct slice frame) {
    line_put(ctx, true, parcel_of(unit, 0, frame));
}

static void line_down(void *ctx, struct unit *unit, struct slice frame) {
    line_put(ctx, false, parcel_of(unit, 0, frame));
}

static bool bulk_emit(void *ctx, enum blob_message type) {
    struct bulk *end = ctx;
    // As a frame of the session: header and keyed hash.
    static const uint8_t head[FRAME_HEADER_BYTES + KEYED_HASH_BYTES];
    struct parcel *parcel = malloc(sizeof *parcel + end->body.len + sizeof head);
    CHECK(parcel != NULL);
    *parcel = (struct parcel){.kind = (int)type, .len = end->body.len + sizeof head};
    memcpy(parcel->bytes, head, sizeof head);
    memcpy(parcel->bytes + sizeof head, end->body.data, end->body.len);
    line_put(end->line, !end->hub, parcel);
    return true;
}

static void bulk_open(struct line *line, bool hub) {
    struct bulk *end = &line->ends[hub];
    struct refusal refusal = {0};
    *end = (struct bulk){.line = line, .hub = hub};
    MUST(sim_disk_new(hub ? 1001 : 1002, &end->disk));
    struct store_options store = {.folder = "",
                                  .vfs = sim_disk_vfs_name(end->disk),
                                  .registry = &picture_registry,
                                  .create = true};
    MUST(store_open(&store, &end->store, &refusal));
    struct store_author author = {.author = {{{1}}}, .own = true};
    MUST(store_begin(end->store));
    MUST(store_site_set(end->store, line->plant.config.site));
    MUST(store_author_put(end->store, &author));
    MUST(store_commit(end->store));
    buf_init(&end->body, LIMIT_MESSAGE_BYTES);
    struct sync_blob_options options = {.store = end->store,
                                        .body = &end->body,
                                        .hub = hub,
                                        .message_bytes_max = LIMIT_MESSAGE_BYTES,
                                        .peer = {{{0xD0}}},
                                        .ctx = end,
                                        .emit = bulk_emit};
    MUST(sync_blob_new(&options, &end->blob));
}

// The record that names the blob is at both ends before its bytes.
static void bulk_name(struct bulk *end, const struct hash32 *hash) {
    struct buf text, bytes;
    struct signed_record record;
    uint64_t seq;
    bool first;
    buf_init(&text, 256);
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    struct body body = body_start(&picture_kinds[0], &text);
    body_put_bytes(&body, PICTURE_BLOB, hash->b, HASH_BYTES);
    struct content content = {.suite = KEYS_SUITE_ED25519,
                              .site = store_site(end->store),
                              .kind = PICTURE_KIND,
                              .audience = AUDIENCE_SITE,
                              .device = {{{9}}},
                              .time = end->line->plant.now.utc,
                              .body = buf_slice(&text)};
    MUST(record_make(&content, NULL, &bytes, &record));
    struct chain_id chain = {.author = {{{1}}}, .lane = LANE_DANGER};
    MUST(store_append_record(end->store, chain, &record, &seq, &first));
    buf_fini(&text);
    buf_fini(&bytes);
}

static void bulk_start(struct line *line, struct hash32 *out_hash) {
    static uint8_t bytes[LINE_BULK_BYTES];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)plant_random(&line->plant);
    }
    static const uint8_t jpeg[] = {0xFF, 0xD8, 0xFF, 0xE0};
    memcpy(bytes, jpeg, sizeof jpeg);
    struct slice whole = slice_of(bytes, sizeof bytes);
    hash_parts(&whole, 1, out_hash);
    for (int i = 0; i < 2; i++) {
        bulk_open(line, i == 1);
        MUST(store_begin(line->ends[i].store));
        bulk_name(&line->ends[i], out_hash);
        if (i == 0) {
            struct blob_spec spec = {
                .hash = *out_hash, .size = LINE_BULK_BYTES, .media = BLOB_JPEG};
            enum blob_taken taken;
            spec.now = line->plant.now.utc;
            MUST(store_blob_expect(line->ends[0].store, &spec, NULL));
            MUST(store_blob_put(line->ends[0].store, out_hash, 0, whole, spec.now, &taken));
            CHECK(taken == BLOB_WHOLE);
        }
        MUST(store_commit(line->ends[i].store));
    }
    line->bulk = true;
}

static void bulk_round(struct bulk *end) {
    struct mono_ms next = {INT64_MAX};
    MUST(sync_blob_send(end->blob, end->line->plant.now, &next));
}

static bool bulk_is_whole(const struct bulk *end, const struct hash32 *hash) {
    struct store_blob blob;
    return store_blob_get(end->store, hash, &blob) == RC_OK && blob.whole;
}

static void line_arrives(struct line *line, bool up, struct parcel *parcel) {
    struct slice frame = slice_of(parcel->bytes, parcel->len);
    if (parcel->kind != 0) {
        struct bulk *end = &line->ends[up];
        size_t head = FRAME_HEADER_BYTES + KEYED_HASH_BYTES;
        MUST(store_begin(end->store));
        MUST(sync_blob_receive(end->blob, (enum blob_message)parcel->kind,
                               slice_of(parcel->bytes + head, parcel->len - head),
                               line->plant.now));
        MUST(store_commit(end->store));
    } else if (up) {
        plant_at_hub(&line->plant, parcel->unit, frame);
    } else {
        unit_receive(parcel->unit, frame);
    }
    free(parcel);
}

static void line_step(struct line *line) {
    struct way *ways[] = {&line->down, &line->up};
    advance(&line->plant, LINE_STEP_MS);
    for (int up = 0; up < 2; up++) {
        while (ways[up]->parcels.head && ways[up]->parcels.head->at <= line->plant.now.mono.v) {
            line_arrives(line, up == 1, parcels_take(&ways[up]->parcels));
        }
    }
    struct unit *unit = &line->plant.units[0];
    plant_step(&line->plant);
    if (unit->next.v <= line->plant.now.mono.v) {
        unit_tick(unit);
    }
    for (int i = 0; line->bulk && i < 2; i++) {
        bulk_round(&line->ends[i]);
    }
}

static void line_run(struct line *line, int64_t ms) {
    for (int64_t t = 0; t < ms; t += LINE_STEP_MS) {
        line_step(line);
    }
}

// From the key press to the hub's acknowledgement at the device.
static int64_t line_act(struct line *line) {
    struct unit *unit = &line->plant.units[0];
    int64_t start = line->plant.now.mono.v;
    uint64_t seq = unit_comment(unit, "现场已查看 seen on site").seq;
    while (unit_chain(unit, LANE_SAFETY).acked_seq < seq) {
        line_step(line);
        CHECK(line->plant.now.mono.v - start < 60000);
    }
    return line->plant.now.mono.v - start;
}

static void line_open(struct line *line) {
    plant_open(&line->plant, keys_stub(), NULL);
    line->plant.ctx = line;
    line->plant.up = line_up;
    line->plant.down = line_down;
    plant_add_units(&line->plant, 1);
    struct unit *unit = &line->plant.units[0];
    unit_link(unit, true);
    while (!unit_is_quiet(unit)) {
        line_step(line);
    }
    unit_enrol(unit);
    line_run(line, 5000);
    CHECK(unit->enrolled && unit_is_quiet(unit));
}

static int bench_line(void) {
    static struct line line;
    struct hash32 hash;
    int64_t idle = 0, worst = 0, sum = 0;
    uint32_t acts = 0;
    line_open(&line);
    for (int i = 0; i < 5; i++) {
        idle += line_act(&line);
        line_run(&line, 3000);
    }
    bulk_start(&line, &hash);
    int64_t start = line.plant.now.mono.v;
    line_run(&line, 500);
    while (!bulk_is_whole(&line.ends[1], &hash)) {
        int64_t took = line_act(&line);
        worst = took > worst ? took : worst;
        sum += took;
        acts++;
        line_run(&line, 500 + (int64_t)(plant_random(&line.plant) % 2000));
        CHECK(line.plant.now.mono.v - start < 1000000);
    }
    double seconds = (double)(line.plant.now.mono.v - start) / 1000;
    (void)printf("{\"idle_ms\":%.1f,\"worst_ms\":%lld,\"mean_ms\":%.1f,\"acts\":%u,"
                 "\"bulk_bytes_per_s\":%.0f,\"line_bytes_per_s\":%d}\n",
                 (double)idle / 5, (long long)worst, (double)sum / acts, acts,
                 LINE_BULK_BYTES / seconds, LINE_BYTES_PER_S);
    return 0;
}

// ---- storm ----

#define STORM_DELAY_MS 20
#define STORM_STEP_MS 10
#define STORM_QUIET_MS_MAX 3600000
#define STORM_POINTS 20

// A subscriber's queue at the broker, and what one direction of the line carries.
struct storm_way {
    struct parcels *queues; // one a subscriber
    uint32_t count, turn, waiting;
    double budget; // bytes that may leave now
    struct parcels moving;
    uint64_t bytes, messages, dropped;
    uint64_t watched_bytes; // of storm.watched
};
struct storm {
    struct plant plant;
    struct storm_way up, down;
    uint32_t limit;
    uint32_t rate;  // bytes a second, each way, between the broker and all devices
    bool unlimited; // the line takes everything at once
    const struct unit *watched;
};

static void storm_put(struct storm *storm, struct storm_way *way, uint32_t queue,
                      struct parcel *parcel) {
    if (way->queues[queue].count >= storm->limit) {
        way->dropped++;
        free(parcel);
        return;
    }
    parcels_put(&way->queues[queue], parcel);
    way->waiting++;
}

static void storm_up(void *ctx, struct unit *unit, struct slice frame) {
    struct storm *storm = ctx;
    storm_put(storm, &storm->up, 0, parcel_of(unit, 0, frame));
}

static void storm_down(void *ctx, struct unit *unit, struct slice frame) {
    struct storm *storm = ctx;
    storm_put(storm, &storm->down, unit->index, parcel_of(unit, 0, frame));
}

// Subscribers take turns; what leaves arrives a delay later.
static void storm_serve(struct storm *storm, struct storm_way *way) {
    double most = storm->rate * STORM_STEP_MS / 1000.0;
    way->budget = way->waiting > 0 && way->budget < 0 ? way->budget + most : most;
    while (way->waiting > 0 && (way->budget > 0 || storm->unlimited)) {
        struct parcel *parcel = parcels_take(&way->queues[way->turn]);
        way->turn = (way->turn + 1) % way->count;
        if (parcel) {
            size_t bytes = parcel->len + PUBLISH_BYTES + PUBACK_BYTES;
            way->waiting--;
            way->messages++;
            way->bytes += bytes;
            way->watched_bytes += parcel->unit == storm->watched ? bytes : 0;
            way->budget -= (double)bytes;
            parcel->at = storm->plant.now.mono.v + (storm->unlimited ? 0 : STORM_DELAY_MS);
            parcels_put(&way->moving, parcel);
        }
    }
}

static bool storm_arrives(struct storm *storm, bool up) {
    struct storm_way *way = up ? &storm->up : &storm->down;
    bool any = false;
    while (way->moving.head && way->moving.head->at <= storm->plant.now.mono.v) {
        struct parcel *parcel = parcels_take(&way->moving);
        struct slice frame = slice_of(parcel->bytes, parcel->len);
        if (up) {
            plant_at_hub(&storm->plant, parcel->unit, frame);
        } else {
            unit_receive(parcel->unit, frame);
        }
        free(parcel);
        any = true;
    }
    return any;
}

static void storm_step(struct storm *storm) {
    struct plant *plant = &storm->plant;
    advance(plant, STORM_STEP_MS);
    storm_serve(storm, &storm->up);
    storm_serve(storm, &storm->down);
    bool any = storm_arrives(storm, true);
    (void)storm_arrives(storm, false);
    if (any || plant->next.v <= plant->now.mono.v) {
        plant_step(plant);
    }
    for (uint32_t i = 0; i < plant->unit_count; i++) {
        if (plant->units[i].next.v <= plant->now.mono.v) {
            unit_tick(&plant->units[i]);
        }
    }
}

static bool storm_is_quiet(struct storm *storm, uint32_t units) {
    for (uint32_t i = units; i-- > 0;) {
        if (!unit_is_quiet(&storm->plant.units[i])) {
            return false;
        }
    }
    return storm->up.waiting + storm->down.waiting + storm->up.moving.count +
               storm->down.moving.count ==
           0;
}

// Milliseconds until the first `units` devices are quiet.
static int64_t storm_run(struct storm *storm, uint32_t units) {
    int64_t start = storm->plant.now.mono.v;
    do {
        for (int i = 0; i < 10; i++) {
            storm_step(storm);
        }
        CHECK(storm->plant.now.mono.v - start < STORM_QUIET_MS_MAX);
    } while (!storm_is_quiet(storm, units));
    return storm->plant.now.mono.v - start;
}

// A round of readings, sealed by the device.
static void storm_segment(struct storm *storm, struct unit *unit) {
    static struct segment segment;
    struct buf packed, text, bytes;
    struct signed_record record;
    uint64_t seq;
    bool first;
    buf_init(&packed, SEGMENT_PACK_BYTES);
    buf_init(&text, LIMIT_RECORD_BODY_BYTES);
    buf_init(&bytes, LIMIT_RECORD_CONTENT_BYTES);
    segment.point_count = segment.reading_count = STORM_POINTS;
    for (uint16_t i = 0; i < STORM_POINTS; i++) {
        struct segment_point *point = &segment.points[i];
        (void)snprintf(point->tag, sizeof point->tag, "T%05u", (unsigned)(unit->index * 20u + i));
        (void)snprintf(point->unit, sizeof point->unit, "kPa");
        point->count = 1;
        segment.readings[i] =
            (struct segment_reading){.time = {storm->plant.now.utc.v + 30000 * i},
                                     .value = decimal_canonical((struct decimal){
                                         (int64_t)(plant_random(&storm->plant) % 5000), -1})};
    }
    MUST(segment_encode(&segment, &packed));
    struct body body = body_start(&segment_module.kinds[0], &text);
    body_put_int(&body, SEGMENT_TIME, segment.readings[0].time.v);
    body_put_bytes(&body, SEGMENT_READINGS, packed.data, packed.len);
    struct content content = {.suite = KEYS_SUITE_ED25519,
                              .site = storm->plant.config.site,
                              .kind = KIND_SEGMENT_ADD,
                              .audience = AUDIENCE_SITE,
                              .device = unit->rid,
                              .time = storm->plant.now.utc,
                              .body = buf_slice(&text)};
    uint64_t nonce = plant_random(&storm->plant);
    memcpy(content.nonce, &nonce, NONCE_BYTES);
    MUST(sync_device_seen(unit->sync, LANE_NORMAL, &content.seen));
    MUST(record_make(&content, NULL, &bytes, &record));
    struct chain_id chain = {.author = unit->author, .lane = LANE_NORMAL};
    MUST(store_begin(unit->store));
    MUST(store_append_record(unit->store, chain, &record, &seq, &first));
    MUST(store_commit(unit->store));
    buf_fini(&packed);
    buf_fini(&text);
    buf_fini(&bytes);
}

// Everybody is away for an hour; each device reads its round, every tenth person signs something,
// alarms come and go at the hub.
static void storm_away(struct storm *storm) {
    struct plant *plant = &storm->plant;
    for (uint32_t i = 0; i < plant->unit_count; i++) {
        unit_link(&plant->units[i], false);
    }
    advance(plant, 3600000);
    plant_step(plant);
    for (uint32_t i = 0; i < plant->unit_count; i++) {
        storm_segment(storm, &plant->units[i]);
        if (i % 10 == 0) {
            (void)unit_comment(&plant->units[i], "离线时查看 seen while away");
        }
    }
    for (int i = 0; i < 20; i++) {
        advance(plant, 1000);
        plant_reading(plant, "T1", i % 2 == 0);
    }
    storm->up.bytes = storm->down.bytes = 0;
    storm->up.messages = storm->down.messages = 0;
    storm->up.dropped = storm->down.dropped = 0;
}

static void storm_open(struct storm *storm, uint32_t units) {
    storm->limit = UINT32_MAX;
    storm->unlimited = true;
    plant_open(&storm->plant, keys_stub(), NULL);
    storm->plant.ctx = storm;
    storm->plant.up = storm_up;
    storm->plant.down = storm_down;
    storm->up.count = 1;
    storm->down.count = units;
    storm->up.queues = calloc(1, sizeof *storm->up.queues);
    storm->down.queues = calloc(units, sizeof *storm->down.queues);
    CHECK(storm->up.queues && storm->down.queues);
    plant_add_units(&storm->plant, units);
    for (uint32_t i = 0; i < units; i++) {
        unit_link(&storm->plant.units[i], true);
    }
    (void)storm_run(storm, units);
    for (uint32_t i = 0; i < units; i += 10) {
        unit_enrol(&storm->plant.units[i]);
    }
    (void)storm_run(storm, units);
}

// What one device needs that comes alone and lacks everything, times all of them.
static double storm_alone_s(struct storm *storm, uint32_t units) {
    storm_away(storm);
    for (uint32_t i = 0; i + 1 < units; i++) {
        unit_link(&storm->plant.units[i], true);
    }
    (void)storm_run(storm, units - 1);
    storm->watched = &storm->plant.units[units - 1];
    unit_link(&storm->plant.units[units - 1], true);
    (void)storm_run(storm, units);
    uint64_t up = storm->up.watched_bytes, down = storm->down.watched_bytes;
    CHECK(storm->up.dropped + storm->down.dropped == 0 && up > 0 && down > 0);
    return (double)(up > down ? up : down) * units / storm->rate;
}

static int bench_storm(uint32_t units, uint32_t limit, uint32_t rate) {
    static struct storm storm;
    storm.rate = rate;
    storm_open(&storm, units);
    double alone = storm_alone_s(&storm, units);
    storm_away(&storm);
    storm.unlimited = false;
    storm.limit = limit;
    for (uint32_t i = 0; i < units; i++) {
        unit_link(&storm.plant.units[i], true);
    }
    int64_t quiet = storm_run(&storm, units);
    (void)printf("{\"units\":%u,\"quiet_s\":%.2f,\"alone_s\":%.3f,\"bytes\":[%llu,%llu],"
                 "\"messages\":[%llu,%llu],\"dropped\":[%llu,%llu]}\n",
                 units, (double)quiet / 1000, alone, (unsigned long long)storm.up.bytes,
                 (unsigned long long)storm.down.bytes, (unsigned long long)storm.up.messages,
                 (unsigned long long)storm.down.messages, (unsigned long long)storm.up.dropped,
                 (unsigned long long)storm.down.dropped);
    return 0;
}

int main(int argc, char **argv) {
    (void)setlocale(LC_CTYPE, "C.UTF-8");
    MUST(keys_init());
    if (argc == 4 && strcmp(argv[1], "admit") == 0) {
        return bench_admit(argv[2], (uint32_t)strtoul(argv[3], NULL, 10));
    }
    if (argc == 2 && strcmp(argv[1], "line") == 0) {
        return bench_line();
    }
    if (argc == 5 && strcmp(argv[1], "storm") == 0) {
        return bench_storm((uint32_t)strtoul(argv[2], NULL, 10),
                           (uint32_t)strtoul(argv[3], NULL, 10),
                           (uint32_t)strtoul(argv[4], NULL, 10));
    }
    (void)fputs("usage: spine admit FOLDER N | spine line | spine storm N LIMIT RATE\n", stderr);
    return 2;
}
