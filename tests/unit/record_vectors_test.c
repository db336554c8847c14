// The bytes of records may never change once a site holds some: this test makes fixed records,
// chains, seals and admits and compares them with tests/data/vectors/record.json, which
// scripts/vectors.py rebuilds in another language. BLESS=1 writes the file; that is right only when
// rows were added.
#include "davy/record/module.h"

#include "record_test_util.h"

#define VECTORS_PATH "tests/data/vectors/record.json"
#define OUT_BYTES (256 * 1024)
#define RECORDS_MAX 32
#define BODY_FIELDS_MAX 16

struct raw_field {
    uint16_t tag;
    bool critical;
    uint8_t wire; // 0 varint, 1 signed, 2 bytes, 3 decimal
    uint64_t number;
    int64_t integer; // also a decimal's mantissa
    int8_t exponent;
    struct slice bytes;
};

#define UINT_FIELD(t, n) ((struct raw_field){.tag = (t), .wire = 0, .number = (n)})
#define TIME_FIELD(t, n) ((struct raw_field){.tag = (t), .wire = 1, .integer = (n)})
#define TEXT_FIELD(t, s) ((struct raw_field){.tag = (t), .wire = 2, .bytes = slice_text(s)})
#define DATA_FIELD(t, d, n) ((struct raw_field){.tag = (t), .wire = 2, .bytes = slice_of(d, n)})
#define DECIMAL_FIELD(t, m, e)                                                                     \
    ((struct raw_field){.tag = (t), .wire = 3, .integer = (m), .exponent = (e)})
#define CRITICAL(field) critical_field(field)

static struct raw_field critical_field(struct raw_field field) {
    field.critical = true;
    return field;
}

struct vector {
    const char *name;
    const struct keypair *signer;
    struct content content;
    struct raw_field fields[BODY_FIELDS_MAX];
    size_t field_count;
    struct buf body;
    struct buf bytes;
    struct signed_record record;
};

enum key_name { KEY_ROOT, KEY_HUB, KEY_CONSOLE, KEY_OPERATOR, KEY_NAMES };
static const char *const key_names[] = {"root", "hub", "console", "operator"};

static uint8_t key_seed(enum key_name name) {
    return (uint8_t)((unsigned)name * 32 + 1);
}

struct world {
    struct keypair *keys[KEY_NAMES];
    struct vector vectors[RECORDS_MAX];
    size_t count;
    struct site_id site;
    struct author_id hub_author;
    struct author_id console_author;
    struct rid operator_person;
    struct rid hub_device;
    struct rid occurrences[2];
    struct buf json;
};

// ---- Making ----

static void body_write(struct vector *vector) {
    buf_init(&vector->body, LIMIT_RECORD_BODY_BYTES);
    for (size_t i = 0; i < vector->field_count; i++) {
        const struct raw_field *field = &vector->fields[i];
        uint64_t critical = field->critical ? 4 : 0;
        buf_put_varint(&vector->body, (uint64_t)field->tag << 3 | critical | field->wire);
        if (field->wire == 0) {
            buf_put_varint(&vector->body, field->number);
        } else if (field->wire == 2) {
            buf_put_bytes(&vector->body, field->bytes.data, field->bytes.len);
        } else {
            buf_put_signed(&vector->body, field->integer);
            if (field->wire == 3) {
                buf_put_signed(&vector->body, field->exponent);
            }
        }
    }
    vector->content.body = buf_slice(&vector->body);
}

static struct vector *vector_start(struct world *world, const char *name, uint16_t kind,
                                   const struct keypair *signer) {
    assert_true(world->count < RECORDS_MAX);
    struct vector *vector = &world->vectors[world->count];
    vector->name = name;
    vector->signer = signer;
    vector->content = (struct content){
        .suite = KEYS_SUITE_ED25519,
        .site = world->site,
        .kind = kind,
        .audience = AUDIENCE_NONE,
        .time = {1795537800000 + (int64_t)world->count * 1000},
        .time_error_ms = 50,
        .boot_id = 0x1122334455667788,
        .mono = {1000 * (int64_t)world->count},
        .nonce = {(uint8_t)world->count, 0xA5, 0x5A, 1, 2, 3, 4, 5},
    };
    if (signer != NULL) {
        vector->content.key = key_id_of(keypair_public(signer));
    }
    world->count++;
    return vector;
}

static void field_add(struct vector *vector, struct raw_field field) {
    assert_true(vector->field_count < BODY_FIELDS_MAX);
    vector->fields[vector->field_count++] = field;
}

static struct rid vector_finish(struct vector *vector) {
    body_write(vector);
    buf_init(&vector->bytes, LIMIT_RECORD_CONTENT_BYTES);
    assert_int_equal(record_make(&vector->content, vector->signer, &vector->bytes, &vector->record),
                     RC_OK);
    return vector->record.rid;
}

static const uint8_t *public_bytes(const struct world *world, enum key_name name) {
    return keypair_public(world->keys[name])->b;
}

static const uint8_t hub_random[AUTHOR_RANDOM_BYTES] = {0xF0, 1, 2, 3, 4, 5, 6, 7};
static const uint8_t console_random[AUTHOR_RANDOM_BYTES] = {0xF1, 1, 2, 3, 4, 5, 6, 7};
static const uint8_t hub_head[42] = {1, 0, 3};

// Lane 0: a site with one person and one hub device.
static void roster_make(struct world *world) {
    struct vector *v = vector_start(world, "genesis", 2, world->keys[KEY_ROOT]);
    v->content.audience = AUDIENCE_SITE;
    field_add(v, TEXT_FIELD(1, "示范站"));
    field_add(v, CRITICAL(DATA_FIELD(2, public_bytes(world, KEY_ROOT), PUBLIC_KEY_BYTES)));
    field_add(v, CRITICAL(UINT_FIELD(3, 1)));
    field_add(v, UINT_FIELD(4, 1));
    world->site.id = vector_finish(v).id;

    v = vector_start(world, "author_open", 1, NULL);
    field_add(v, DATA_FIELD(1, hub_random, AUTHOR_RANDOM_BYTES));
    field_add(v, DATA_FIELD(2, public_bytes(world, KEY_HUB), PUBLIC_KEY_BYTES));
    field_add(v, DATA_FIELD(3, world->hub_author.id.b, ID_BYTES));
    field_add(v, DATA_FIELD(4, hub_head, sizeof(hub_head)));
    vector_finish(v);

    v = vector_start(world, "person_add", 3, world->keys[KEY_ROOT]);
    v->content.audience = AUDIENCE_SITE;
    field_add(v, TEXT_FIELD(1, "王磊"));
    field_add(v, TEXT_FIELD(2, "1007"));
    world->operator_person = vector_finish(v);

    v = vector_start(world, "device_add", 4, world->keys[KEY_ROOT]);
    v->content.audience = AUDIENCE_SITE;
    field_add(v, TEXT_FIELD(1, "hub"));
    field_add(v, UINT_FIELD(2, 1));
    field_add(v, DATA_FIELD(3, public_bytes(world, KEY_HUB), PUBLIC_KEY_BYTES));
    field_add(v, TEXT_FIELD(4, "hub"));
    world->hub_device = vector_finish(v);

    v = vector_start(world, "role_grant", 5, world->keys[KEY_ROOT]);
    v->content.subjects = &world->operator_person;
    v->content.subject_count = 1;
    field_add(v, CRITICAL(UINT_FIELD(1, 3)));
    field_add(v, CRITICAL(TEXT_FIELD(2, "reactor")));
    field_add(v, CRITICAL(TIME_FIELD(4, 1827073800000)));
    vector_finish(v);

    v = vector_start(world, "key_certify", 7, NULL);
    v->content.subjects = &world->operator_person;
    v->content.subject_count = 1;
    v->content.device = world->hub_device;
    field_add(v, DATA_FIELD(1, public_bytes(world, KEY_OPERATOR), PUBLIC_KEY_BYTES));
    field_add(v, DATA_FIELD(2, world->hub_device.id.b, ID_BYTES));
    vector_finish(v);
}

static struct rid raise_make(struct world *world, const char *name, uint8_t limit) {
    struct vector *v = vector_start(world, name, 20, NULL);
    v->content.audience = AUDIENCE_SITE;
    v->content.device = world->hub_device;
    field_add(v, TEXT_FIELD(1, "XMEAS7"));
    field_add(v, TEXT_FIELD(2, "reactor"));
    field_add(v, UINT_FIELD(3, limit));
    field_add(v, UINT_FIELD(4, 1));
    field_add(v, DECIMAL_FIELD(5, 28955, -1));
    field_add(v, DECIMAL_FIELD(6, 2895, 0));
    field_add(v, TEXT_FIELD(7, "kPa"));
    field_add(v, TEXT_FIELD(8, "反应器压力"));
    field_add(v, TEXT_FIELD(9, "安全阀起跳"));
    field_add(v, TEXT_FIELD(10, "开大放空阀"));
    field_add(v, UINT_FIELD(11, 300));
    field_add(v, TIME_FIELD(12, 1795537799999));
    field_add(v, UINT_FIELD(13, 0));
    return vector_finish(v);
}

static void alarm_make(struct world *world) {
    struct rid *subjects = world->occurrences;
    subjects[0] = raise_make(world, "alarm_raise_hh", 1);
    subjects[1] = raise_make(world, "alarm_raise_h", 2);

    struct vector *v = vector_start(world, "alarm_return", 21, NULL);
    v->content.subjects = subjects;
    v->content.subject_count = 1;
    v->content.device = world->hub_device;
    field_add(v, DECIMAL_FIELD(1, -19, -1));
    field_add(v, TIME_FIELD(2, 1795537805000));
    field_add(v, UINT_FIELD(3, 1));
    vector_finish(v);

    v = vector_start(world, "alarm_ack_bulk", 22, world->keys[KEY_OPERATOR]);
    v->content.subjects = subjects;
    v->content.subject_count = 2;
    v->content.person = world->operator_person;
    v->content.device = world->hub_device;
    v->content.session = 77;
    v->content.seen = (struct seen){
        .hub = world->hub_author,
        .count = 2,
        .marks = {{0, 0, 6, {1, 1, 2, 3, 5, 8, 13, 21}}, {1, 0, 300, {2, 7, 1, 8, 2, 8, 1, 8}}},
    };
    v->content.refs = &subjects[1];
    v->content.ref_count = 1;
    field_add(v, TEXT_FIELD(1, "已开放空阀"));
    vector_finish(v);

    v = vector_start(world, "alarm_comment_untrusted_clock", 23, world->keys[KEY_OPERATOR]);
    v->content.subjects = subjects;
    v->content.subject_count = 1;
    v->content.person = world->operator_person;
    v->content.device = world->hub_device;
    v->content.time_error_ms = UINT32_MAX;
    v->content.seen.hub = world->hub_author; // a log without entries
    field_add(v, TEXT_FIELD(1, "checked on site"));
    vector_finish(v);
}

// What no kind of today needs, but the form allows.
static void extremes_make(struct world *world) {
    struct vector *v = vector_start(world, "extremes", 65535, NULL);
    v->content.subjects = world->occurrences;
    v->content.subject_count = 1;
    v->content.session = UINT64_MAX;
    v->content.time.v = INT64_MIN;
    v->content.boot_id = UINT64_MAX;
    v->content.mono.v = INT64_MAX;
    v->content.seen = (struct seen){
        .hub = world->hub_author,
        .count = 1,
        .marks = {{3, 2, UINT64_MAX, {255}}},
    };
    field_add(v, UINT_FIELD(1, UINT64_MAX));
    field_add(v, TIME_FIELD(2, INT64_MAX));
    field_add(v, TIME_FIELD(3, INT64_MIN));
    field_add(v, DECIMAL_FIELD(4, 999999999999999999, 18));
    field_add(v, DECIMAL_FIELD(5, -999999999999999999, -18));
    field_add(v, DECIMAL_FIELD(6, 0, 0));
    field_add(v, TEXT_FIELD(6, ""));
    field_add(v, CRITICAL(UINT_FIELD(65535, 0)));
    vector_finish(v);

    v = vector_start(world, "opening_for_the_city", 300, NULL);
    v->content.audience = AUDIENCE_CITY;
    vector_finish(v);
}

// ---- Writing ----

static void put_hex(struct buf *out, const char *name, const void *data, size_t len) {
    buf_printf(out, "\"%s\":\"", name);
    for (size_t i = 0; i < len; i++) {
        buf_printf(out, "%02x", ((const uint8_t *)data)[i]);
    }
    buf_put(out, "\"", 1);
}

static void put_ids(struct buf *out, const char *name, const struct rid *ids, uint16_t count) {
    buf_printf(out, "\"%s\":[", name);
    for (uint16_t i = 0; i < count; i++) {
        char hex[ID_HEX_BYTES];
        id16_hex(ids[i].id, hex);
        buf_printf(out, "%s\"%s\"", i > 0 ? "," : "", hex);
    }
    buf_put(out, "]", 1);
}

static void put_field(struct buf *out, const struct raw_field *field) {
    buf_printf(out, "{\"tag\":%u,\"critical\":%s,\"wire\":%u,", field->tag,
               field->critical ? "true" : "false", field->wire);
    if (field->wire == 0) {
        buf_printf(out, "\"value\":%llu}", (unsigned long long)field->number);
    } else if (field->wire == 2) {
        put_hex(out, "value", field->bytes.data, field->bytes.len);
        buf_put(out, "}", 1);
    } else if (field->wire == 1) {
        buf_printf(out, "\"value\":%lld}", (long long)field->integer);
    } else {
        buf_printf(out, "\"mantissa\":%lld,\"exponent\":%d}", (long long)field->integer,
                   field->exponent);
    }
}

static void put_seen(struct buf *out, const struct seen *seen) {
    if (id16_is_zero(seen->hub.id)) {
        buf_printf(out, "\"seen\":null,");
        return;
    }
    buf_printf(out, "\"seen\":{");
    put_hex(out, "hub", seen->hub.id.b, ID_BYTES);
    buf_printf(out, ",\"marks\":[");
    for (uint8_t i = 0; i < seen->count; i++) {
        const struct seen_mark *mark = &seen->marks[i];
        buf_printf(out, "%s{\"lane\":%u,\"audience\":%u,\"seq\":%llu,", i > 0 ? "," : "",
                   mark->lane, mark->audience, (unsigned long long)mark->seq);
        put_hex(out, "hash", mark->hash, SEEN_HASH_BYTES);
        buf_put(out, "}", 1);
    }
    buf_printf(out, "]},");
}

static void put_content(struct buf *out, const struct vector *vector) {
    const struct content *content = &vector->content;
    buf_printf(out, "\"fields\":{\"suite\":%u,", content->suite);
    put_hex(out, "site", content->site.id.b, ID_BYTES);
    buf_printf(out, ",\"kind\":%u,", content->kind);
    put_ids(out, "subjects", content->subjects, content->subject_count);
    buf_printf(out, ",\"audience\":%u,", content->audience);
    put_hex(out, "person", content->person.id.b, ID_BYTES);
    buf_put(out, ",", 1);
    put_hex(out, "key", content->key.id.b, ID_BYTES);
    buf_put(out, ",", 1);
    put_hex(out, "device", content->device.id.b, ID_BYTES);
    buf_printf(out, ",\"session\":%llu,\"time_ms\":%lld,\"time_error_ms\":%llu,\"boot\":%llu,",
               (unsigned long long)content->session, (long long)content->time.v,
               (unsigned long long)content->time_error_ms, (unsigned long long)content->boot_id);
    buf_printf(out, "\"mono_ms\":%lld,", (long long)content->mono.v);
    put_seen(out, &content->seen);
    put_ids(out, "refs", content->refs, content->ref_count);
    buf_put(out, ",", 1);
    put_hex(out, "nonce", content->nonce, NONCE_BYTES);
    buf_printf(out, ",\"body\":[");
    for (size_t i = 0; i < vector->field_count; i++) {
        buf_put(out, ",", i > 0 ? 1 : 0);
        put_field(out, &vector->fields[i]);
    }
    buf_printf(out, "]},\n   ");
}

static const char *signer_name(const struct world *world, const struct keypair *signer) {
    for (size_t i = 0; i < KEY_NAMES; i++) {
        if (world->keys[i] == signer) {
            return key_names[i];
        }
    }
    return "";
}

static void put_records(struct world *world) {
    struct buf *out = &world->json;
    buf_printf(out, " \"records\":[\n");
    for (size_t i = 0; i < world->count; i++) {
        const struct vector *vector = &world->vectors[i];
        buf_printf(out, "  {\"name\":\"%s\",\"signer\":\"%s\",\n   ", vector->name,
                   signer_name(world, vector->signer));
        put_content(out, vector);
        put_hex(out, "content", vector->record.content.data, vector->record.content.len);
        buf_printf(out, ",\n   ");
        put_hex(out, "rid", vector->record.rid.id.b, ID_BYTES);
        buf_put(out, ",", 1);
        put_hex(out, "sig", vector->record.sig.b, vector->record.has_sig ? SIGNATURE_BYTES : 0);
        buf_printf(out, "}%s\n", i + 1 < world->count ? "," : "");
    }
    buf_printf(out, " ],\n");
}

static void put_keys(struct world *world) {
    struct buf *out = &world->json;
    buf_printf(out, " \"keys\":[\n");
    for (size_t i = 0; i < KEY_NAMES; i++) {
        struct key_id id = key_id_of(keypair_public(world->keys[i]));
        buf_printf(out, "  {\"name\":\"%s\",", key_names[i]);
        uint8_t seed[SEED_BYTES];
        test_seed(key_seed((enum key_name)i), seed);
        put_hex(out, "seed", seed, SEED_BYTES);
        buf_put(out, ",", 1);
        put_hex(out, "public", public_bytes(world, (enum key_name)i), PUBLIC_KEY_BYTES);
        buf_put(out, ",", 1);
        put_hex(out, "key_id", id.id.b, ID_BYTES);
        buf_printf(out, "}%s\n", i + 1 < KEY_NAMES ? "," : "");
    }
    buf_printf(out, " ],\n \"authors\":[\n");
    const struct {
        const char *key;
        const uint8_t *random;
        struct author_id author;
    } rows[] = {{"hub", hub_random, world->hub_author},
                {"console", console_random, world->console_author}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        buf_printf(out, "  {\"key\":\"%s\",", rows[i].key);
        put_hex(out, "random", rows[i].random, AUTHOR_RANDOM_BYTES);
        buf_put(out, ",", 1);
        put_hex(out, "author", rows[i].author.id.b, ID_BYTES);
        buf_printf(out, "}%s\n", i + 1 < COUNT_OF(rows) ? "," : "");
    }
    buf_printf(out, " ],\n");
}

static const struct vector *vector_named(const struct world *world, const char *name) {
    for (size_t i = 0; i < world->count; i++) {
        if (strcmp(world->vectors[i].name, name) == 0) {
            return &world->vectors[i];
        }
    }
    fail_msg("no vector %s", name);
    return NULL;
}

static void put_hash(struct buf *out, const struct chain_head *head) {
    put_hex(out, "hash", head->hash.b, HASH_BYTES);
    buf_put(out, "}", 1);
}

static void chain_open(struct world *world, struct chain_id id, struct chain_head *head) {
    struct buf *out = &world->json;
    buf_printf(out, "  {");
    put_hex(out, "site", world->site.id.b, ID_BYTES);
    buf_put(out, ",", 1);
    put_hex(out, "author", id.author.id.b, ID_BYTES);
    buf_printf(out, ",\"lane\":%u,\"audience\":%u,\n   ", id.lane, id.audience);
    chain_start(world->site, id, head);
    put_hex(out, "start", head->hash.b, HASH_BYTES);
    buf_printf(out, ",\n   \"entries\":[");
}

static void chain_put_record(struct world *world, const char *name, struct chain_head *head) {
    const struct signed_record *record = &vector_named(world, name)->record;
    struct buf *out = &world->json;
    buf_printf(out, "%s\n    {\"record\":\"%s\",", head->seq > 0 ? "," : "", name);
    chain_add_record(head, record->content, record->has_sig ? &record->sig : NULL);
    put_hash(out, head);
}

static void put_admit_fields(struct buf *out, const struct admit *admit) {
    buf_printf(out, "{");
    put_hex(out, "author", admit->place.chain.author.id.b, ID_BYTES);
    buf_printf(out, ",\"lane\":%u,\"audience\":%u,\"seq\":%llu,\"verdict\":%u,\"rule\":%u,",
               admit->place.chain.lane, admit->place.chain.audience,
               (unsigned long long)admit->place.seq, (unsigned)admit->verdict, admit->rule);
    buf_printf(out,
               "\"hub_time_ms\":%lld,\"roster_version\":%llu,\"rules_version\":%llu,\"n\":%llu}",
               (long long)admit->hub_time.v, (unsigned long long)admit->roster_version,
               (unsigned long long)admit->rules_version, (unsigned long long)admit->n);
}

static void chain_put_admit(struct world *world, const struct admit *admit,
                            const struct hash32 *record_hash, struct chain_head *head) {
    struct buf bytes;
    buf_init(&bytes, 256);
    assert_int_equal(admit_encode(admit, &bytes), RC_OK);
    struct buf *out = &world->json;
    buf_printf(out, "%s\n    {\"admit\":", head->seq > 0 ? "," : "");
    put_admit_fields(out, admit);
    buf_put(out, ",", 1);
    put_hex(out, "bytes", bytes.data, bytes.len);
    buf_put(out, ",", 1);
    put_hex(out, "record_hash", record_hash->b, HASH_BYTES);
    buf_put(out, ",", 1);
    chain_add_admit(head, buf_slice(&bytes), record_hash);
    put_hash(out, head);
    buf_fini(&bytes);
}

// The seal's message is put together here once more, so that the vector shows it.
static void chain_close(struct world *world, struct chain_id id, const struct chain_head *head,
                        enum key_name device) {
    struct buf message;
    buf_init(&message, 256);
    buf_put(&message, "davy/seal/1", 11);
    buf_put_u8(&message, 1);
    buf_put(&message, world->site.id.b, ID_BYTES);
    buf_put(&message, id.author.id.b, ID_BYTES);
    buf_put_u8(&message, id.lane);
    buf_put_u8(&message, id.audience);
    buf_put_u64(&message, head->seq);
    buf_put(&message, head->hash.b, HASH_BYTES);
    struct signature seal;
    seal_sign(world->site, id, head, world->keys[device], &seal);
    assert_true(keys_verify(keys_ed25519(), keypair_public(world->keys[device]),
                            buf_slice(&message), &seal));
    struct buf *out = &world->json;
    buf_printf(out, "],\n   \"sealed_by\":\"%s\",", key_names[device]);
    put_hex(out, "seal_message", message.data, message.len);
    buf_printf(out, ",\n   ");
    put_hex(out, "seal", seal.b, SIGNATURE_BYTES);
    buf_put(out, "}", 1);
    buf_fini(&message);
}

static void put_chains(struct world *world) {
    static const char *const roster[] = {"author_open", "genesis",    "person_add",
                                         "device_add",  "role_grant", "key_certify"};
    struct chain_id control = {world->hub_author, LANE_CONTROL, AUDIENCE_SITE};
    struct chain_id console = {world->console_author, LANE_SAFETY, AUDIENCE_SITE};
    struct chain_id hub = {world->hub_author, LANE_SAFETY, AUDIENCE_SITE};
    struct chain_head head;
    buf_printf(&world->json, " \"chains\":[\n");
    chain_open(world, control, &head);
    for (size_t i = 0; i < COUNT_OF(roster); i++) {
        chain_put_record(world, roster[i], &head);
    }
    chain_close(world, control, &head, KEY_HUB);
    buf_printf(&world->json, ",\n");

    chain_open(world, console, &head);
    chain_put_record(world, "alarm_ack_bulk", &head);
    struct hash32 ack_hash = head.hash;
    chain_put_record(world, "alarm_comment_untrusted_clock", &head);
    struct hash32 comment_hash = head.hash;
    chain_close(world, console, &head, KEY_CONSOLE);
    buf_printf(&world->json, ",\n");

    const struct admit accepted = {{console, 1}, VERDICT_ACCEPTED, 0, {1795537812345}, 6, 1, 9};
    const struct admit refused = {{console, 2}, VERDICT_REFUSED, UINT16_MAX, {-1},
                                  UINT64_MAX,   UINT64_MAX,      UINT64_MAX};
    chain_open(world, hub, &head);
    chain_put_record(world, "alarm_raise_hh", &head);
    chain_put_record(world, "alarm_raise_h", &head);
    chain_put_admit(world, &accepted, &ack_hash, &head);
    chain_put_record(world, "alarm_return", &head);
    chain_put_admit(world, &refused, &comment_hash, &head);
    chain_close(world, hub, &head, KEY_HUB);
    buf_printf(&world->json, "\n ]\n}\n");
}

static void compare_or_bless(const struct buf *json) {
    if (getenv("BLESS") != NULL) {
        FILE *file = fopen(VECTORS_PATH, "wb");
        assert_non_null(file);
        assert_int_equal(fwrite(json->data, 1, json->len, file), json->len);
        assert_int_equal(fclose(file), 0);
        return;
    }
    static char kept[OUT_BYTES];
    FILE *file = fopen(VECTORS_PATH, "rb");
    assert_non_null(file);
    size_t len = fread(kept, 1, sizeof(kept), file);
    fclose(file);
    size_t same = 0;
    while (same < len && same < json->len && kept[same] == (char)json->data[same]) {
        same++;
    }
    if (same != len || same != json->len) {
        fail_msg("the bytes of records changed: %s differs at byte %zu", VECTORS_PATH, same);
    }
}

static void the_bytes_never_change(void **state) {
    (void)state;
    struct world *world = calloc(1, sizeof(*world));
    for (uint8_t i = 0; i < KEY_NAMES; i++) {
        world->keys[i] = test_keypair(key_seed((enum key_name)i));
    }
    world->hub_author = author_of(keypair_public(world->keys[KEY_HUB]), hub_random);
    world->console_author = author_of(keypair_public(world->keys[KEY_CONSOLE]), console_random);
    roster_make(world);
    alarm_make(world);
    extremes_make(world);
    buf_init(&world->json, OUT_BYTES);
    buf_printf(&world->json, "{\n \"format\":\"davy record vectors 1\",\n");
    put_keys(world);
    put_records(world);
    put_chains(world);
    assert_int_equal(buf_rc(&world->json), RC_OK);
    for (size_t i = 0; i < world->count; i++) {
        struct content content;
        assert_int_equal(content_decode(world->vectors[i].record.content, &content), RC_OK);
    }
    compare_or_bless(&world->json);
    for (size_t i = 0; i < world->count; i++) {
        buf_fini(&world->vectors[i].body);
        buf_fini(&world->vectors[i].bytes);
    }
    for (size_t i = 0; i < KEY_NAMES; i++) {
        keypair_free(world->keys[i]);
    }
    buf_fini(&world->json);
    free(world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_never_change),
    };
    test_keys_start();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
