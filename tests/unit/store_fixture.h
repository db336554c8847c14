// What the tests of src/store share: a module of notes, people who write them, a hub that admits
// them.
//
// The fold of a note depends on the order of its records, so that a copy that folded in another
// order shows. Keys are stubs: signatures that fail for any other message, made in no time.
#ifndef DAVY_TEST_STORE_FIXTURE_H
#define DAVY_TEST_STORE_FIXTURE_H

#include "test_util.h"

#include "davy/store/store.h"

#include <sqlite3.h>

enum { NOTE_OPEN = 900, NOTE_ADD = 901, NOTE_CLOSE = 902, NOTE_HELLO = 903, NOTE_NEWER = 999 };
enum { NOTE_TITLE = 1, NOTE_VALUE = 1 };

struct note_state {
    uint8_t known;
    uint8_t open;
    uint8_t needs_newer;
    uint8_t pending;
    uint16_t refused;
    uint16_t held;
    uint64_t sum;
    uint64_t order; // of everything folded, refusals too
    uint64_t changed_n;
    char title[64];
};

static void note_fold(void *state, struct rid subject, const struct fold_entry *entry) {
    struct note_state *note = state;
    (void)subject;
    note->order = note->order * 1000003 + entry->n * 31 + (uint64_t)entry->verdict;
    note->refused = (uint16_t)(note->refused + (entry->verdict == VERDICT_REFUSED));
    note->held = (uint16_t)(note->held + (entry->verdict == VERDICT_HELD));
    note->pending = note->pending || entry->pending;
    if (entry->verdict != VERDICT_ACCEPTED && !entry->pending) {
        return;
    }
    uint64_t value = 0;
    note->changed_n = entry->n;
    switch (entry->content->kind) {
    case NOTE_OPEN:
        note->known = 1;
        note->open = 1;
        body_text(entry->content->body, NOTE_TITLE, note->title, sizeof(note->title));
        break;
    case NOTE_ADD:
        (void)body_uint(entry->content->body, NOTE_VALUE, &value);
        note->sum += value;
        break;
    case NOTE_CLOSE:
        note->open = 0;
        break;
    default:
        note->needs_newer = 1;
        break;
    }
}

static void note_index(const void *state, struct index_value *out_values) {
    const struct note_state *note = state;
    out_values[0].text = note->title;
    out_values[1].number = note->open;
    out_values[2].number = (int64_t)note->sum;
}

static const struct field note_open_fields[] = {
    {NOTE_TITLE, "title", FIELD_TEXT, FIELD_REQUIRED, 1, 60, NULL}};
static const struct field note_add_fields[] = {
    {NOTE_VALUE, "value", FIELD_UINT, 0, 0, 1000000, NULL}};
static const struct kind note_kinds[] = {
    {NOTE_OPEN, "note.open", EFFECT_CHANGE, LANE_SAFETY, KIND_OPENS, 0, note_open_fields, 1},
    {NOTE_ADD, "note.add", EFFECT_FACT, LANE_SAFETY, KIND_MANY, 0, note_add_fields, 1},
    {NOTE_CLOSE, "note.close", EFFECT_RESTRICT, LANE_SAFETY, 0, 0, NULL, 0},
    {NOTE_HELLO, "note.hello", EFFECT_FACT, LANE_CONTROL, KIND_NO_SUBJECT | KIND_SEALED, 0, NULL,
     0},
};
// A kind of the next version, known to writers here and to no registry.
static const struct kind note_newer = {
    NOTE_NEWER, "note.newer", EFFECT_FACT, LANE_SAFETY, KIND_MANY, 0, note_add_fields, 1};
static const struct index_column note_columns[] = {
    {"title", INDEX_TEXT}, {"open", INDEX_INT}, {"sum", INDEX_INT}};
static const struct module note_module = {
    .name = "note",
    .fold_version = 1,
    .kinds = note_kinds,
    .kind_count = 4,
    .state_bytes = sizeof(struct note_state),
    .fold = note_fold,
    .columns = note_columns,
    .column_count = 3,
    .index = note_index,
};
static const struct module *const note_modules[] = {&note_module};
static const struct registry note_registry = {note_modules, 1};

static inline const struct kind *note_kind(uint16_t number) {
    return number == NOTE_NEWER ? &note_newer : &note_kinds[number - NOTE_OPEN];
}

struct writer {
    struct keypair *pair;
    struct author_id author;
};

struct fixture {
    char folder[TEST_PATH_BYTES]; // "" on a simulated disk
    const char *vfs;
    const struct registry *registry;
    struct store *store;
    struct site_id site;
    struct writer device;
    struct writer hub;
    uint64_t n;
    uint64_t nonce;
    int64_t now;
    struct buf buf; // of the last record made
};

static inline void writer_make(struct writer *writer, uint8_t number) {
    uint8_t seed[SEED_BYTES] = {number};
    uint8_t random[AUTHOR_RANDOM_BYTES] = {number};
    assert_int_equal(keypair_from_seed(keys_stub(), seed, &writer->pair), RC_OK);
    writer->author = author_of(keypair_public(writer->pair), random);
}

static inline enum rc fixture_reopen(struct fixture *fx, struct refusal *out_refusal) {
    const struct store_options options = {
        .folder = fx->folder, .vfs = fx->vfs, .registry = fx->registry, .create = true};
    return store_open(&options, &fx->store, out_refusal);
}

static inline void fixture_people(struct fixture *fx) {
    assert_int_equal(keys_init(), RC_OK);
    buf_init(&fx->buf, 65536);
    writer_make(&fx->device, 1);
    writer_make(&fx->hub, 2);
    memset(fx->site.id.b, 0x5A, ID_BYTES);
    fx->registry = &note_registry;
    fx->now = 1700000000000;
}

// `own`: whose store it is. Site and authors are known.
static inline enum rc fixture_site(struct fixture *fx, bool hub_is_own) {
    struct store_author authors[2] = {
        {fx->device.author, *keypair_public(fx->device.pair), !hub_is_own},
        {fx->hub.author, *keypair_public(fx->hub.pair), hub_is_own},
    };
    enum rc rc = store_begin(fx->store);
    if (rc == RC_OK) {
        rc = store_site_set(fx->store, fx->site);
        for (int i = 0; i < 2 && rc == RC_OK; i++) {
            rc = store_author_put(fx->store, &authors[i]);
            rc = rc == RC_EXISTS ? RC_OK : rc;
        }
        if (rc == RC_OK) {
            return store_commit(fx->store);
        }
        store_rollback(fx->store);
    }
    return rc;
}

static inline void fixture_open(struct fixture *fx, bool hub_is_own) {
    *fx = (struct fixture){0};
    fixture_people(fx);
    test_folder_make(fx->folder);
    assert_int_equal(fixture_reopen(fx, NULL), RC_OK);
    assert_int_equal(fixture_site(fx, hub_is_own), RC_OK);
}

static inline void fixture_close(struct fixture *fx) {
    store_close(fx->store);
    keypair_free(fx->device.pair);
    keypair_free(fx->hub.pair);
    buf_fini(&fx->buf);
    if (fx->folder[0] != '\0') {
        test_folder_remove(fx->folder);
    }
}

static inline struct chain_id chain_of(const struct writer *writer, uint8_t lane) {
    return (struct chain_id){writer->author, lane, AUDIENCE_SITE};
}

struct note {
    uint16_t kind;
    const struct rid *subjects;
    uint16_t subject_count;
    uint64_t value;
    const char *title;
};

// The record lies in fx->buf until the next one is made.
static inline void note_make(struct fixture *fx, const struct writer *writer,
                             const struct note *note, struct signed_record *out_record) {
    struct buf body_bytes;
    buf_init(&body_bytes, 4096);
    const struct kind *kind = note_kind(note->kind);
    struct body body = body_start(kind, &body_bytes);
    if (note->kind == NOTE_OPEN) {
        body_put_text(&body, NOTE_TITLE, note->title != NULL ? note->title : "a note");
    } else if (kind->field_count > 0) {
        body_put_uint(&body, NOTE_VALUE, note->value);
    }
    bool sealed = (kind->flags & KIND_SEALED) != 0;
    struct content content = {.suite = KEYS_SUITE_ED25519,
                              .site = fx->site,
                              .kind = note->kind,
                              .subjects = note->subjects,
                              .subject_count = note->subject_count,
                              .audience = note->kind == NOTE_OPEN ? AUDIENCE_SITE : AUDIENCE_NONE,
                              .time = {fx->now++},
                              .boot_id = 7,
                              .body = buf_slice(&body_bytes)};
    if (!sealed) {
        memset(content.person.id.b, 3, ID_BYTES);
        content.key = key_id_of(keypair_public(writer->pair));
    }
    memset(content.device.id.b, 4, ID_BYTES);
    fx->nonce++;
    memcpy(content.nonce, &fx->nonce, sizeof(fx->nonce));
    buf_reset(&fx->buf);
    assert_int_equal(record_make(&content, sealed ? NULL : writer->pair, &fx->buf, out_record),
                     RC_OK);
    buf_fini(&body_bytes);
}

static inline enum rc note_append(struct fixture *fx, const struct writer *writer,
                                  const struct note *note, struct place *out_place,
                                  struct rid *out_rid) {
    struct signed_record record;
    uint64_t seq = 0;
    bool first = false;
    struct chain_id chain = chain_of(writer, note_kind(note->kind)->lane);
    note_make(fx, writer, note, &record);
    enum rc rc = store_append_record(fx->store, chain, &record, &seq, &first);
    if (rc == RC_OK) {
        *out_place = (struct place){chain, seq};
        *out_rid = record.rid;
    }
    return rc;
}

static inline enum rc note_log_at(struct fixture *fx, const struct place *place,
                                  enum verdict verdict, uint64_t n) {
    struct admit admit = {.place = *place,
                          .verdict = verdict,
                          .rule = verdict == VERDICT_ACCEPTED ? 0 : REFUSAL_STATE,
                          .hub_time = {fx->now++},
                          .roster_version = 1,
                          .rules_version = 1,
                          .n = n};
    struct chain_id chain = chain_of(&fx->hub, place->chain.lane);
    uint64_t seq = 0;
    enum rc rc = store_append_admit(fx->store, chain, &admit, &seq);
    if (rc != RC_OK) {
        return rc;
    }
    struct store_log log = {.hub = fx->hub.author,
                            .n = n,
                            .place = *place,
                            .admit_place = {chain, seq},
                            .verdict = verdict,
                            .rule = admit.rule,
                            .hub_time = admit.hub_time,
                            .roster_version = 1};
    return store_log_put(fx->store, &log);
}

static inline enum rc note_log(struct fixture *fx, const struct place *place,
                               enum verdict verdict) {
    return note_log_at(fx, place, verdict, ++fx->n);
}

// Seals the head of a chain by its writer's key.
static inline enum rc note_seal(struct fixture *fx, const struct writer *writer, uint8_t lane) {
    struct store_chain chain;
    struct signature seal;
    enum rc rc = store_chain_get(fx->store, chain_of(writer, lane), &chain);
    if (rc != RC_OK || chain.head.seq == chain.sealed.seq) {
        return rc;
    }
    seal_sign(fx->site, chain.id, &chain.head, writer->pair, &seal);
    return store_seal_put(fx->store, chain.id, chain.head.seq, &seal);
}

// For store_verify: which of the two wrote it?
static inline bool note_key_of(void *ctx, const struct content *content,
                               struct public_key *out_key) {
    const struct fixture *fx = ctx;
    const struct writer *writers[] = {&fx->device, &fx->hub};
    for (int i = 0; i < 2; i++) {
        const struct public_key *key = keypair_public(writers[i]->pair);
        struct key_id id = key_id_of(key);
        if (id16_equal(id.id, content->key.id)) {
            *out_key = *key;
            return true;
        }
    }
    return false;
}

#endif
