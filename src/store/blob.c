#include "davy/store/blob.h"

#include "davy/base/ensure.h"
#include "davy/keys/keys.h"
#include "store/store_priv.h"

#include <stdio.h>
#include <string.h>

#define CHUNK_BITS 16
#define HEX_DIGITS_MIN 8
_Static_assert(BLOB_UNITS_MAX <= 1 << CHUNK_BITS, "a unit fits into a chunk's id");
_Static_assert(BLOB_UNITS_MAX % 8 == 0, "a map is whole bytes");
_Static_assert(LIMIT_BLOB_CHUNK_BYTES % BLOB_UNIT_BYTES == 0, "a row holds whole units");

static const char *const media_names[BLOB_MEDIA_COUNT] = {
    [BLOB_UNKNOWN] = "unknown", [BLOB_JPEG] = "jpeg", [BLOB_PNG] = "png",
    [BLOB_PDF] = "pdf",         [BLOB_TEXT] = "text",
};

const char *blob_media_name(enum blob_media media) {
    unsigned index = (unsigned)media;
    return media_names[index < BLOB_MEDIA_COUNT ? index : BLOB_UNKNOWN];
}

uint32_t blob_units(uint32_t size) {
    return size / BLOB_UNIT_BYTES + (size % BLOB_UNIT_BYTES != 0);
}

static int64_t chunk_id(int64_t row, uint32_t unit) {
    return row << CHUNK_BITS | (int64_t)unit;
}

static uint32_t chunk_unit(int64_t id) {
    return (uint32_t)(id & ((1 << CHUNK_BITS) - 1));
}

static int64_t chunk_last(int64_t row) {
    return chunk_id(row, (1 << CHUNK_BITS) - 1);
}

// ---- Rows ----

static bool blob_read_row(sqlite3_stmt *statement, struct store_blob *out_blob) {
    struct store_blob blob = {.row = sqlite3_column_int64(statement, 0)};
    int64_t size = sqlite3_column_int64(statement, 2);
    int64_t media = sqlite3_column_int64(statement, 3);
    int64_t held = sqlite3_column_int64(statement, 9);
    int64_t refused = sqlite3_column_int64(statement, 8);
    if (!column_copy(statement, 1, blob.hash.b, HASH_BYTES) ||
        !column_copy(statement, 4, blob.origin.id.b, ID_BYTES) || size < 0 ||
        size > LIMIT_BLOB_BYTES || media < 0 || media >= BLOB_MEDIA_COUNT || held < 0 ||
        held > size || refused < 0 || refused > UINT16_MAX) {
        return false;
    }
    blob.size = (uint32_t)size;
    blob.media = (enum blob_media)media;
    blob.held = (uint32_t)held;
    blob.refused = (uint16_t)refused;
    blob.wanted = sqlite3_column_int(statement, 5) != 0;
    blob.whole = sqlite3_column_int(statement, 6) != 0;
    blob.at_hub = sqlite3_column_int(statement, 7) != 0;
    blob.time.v = sqlite3_column_int64(statement, 10);
    blob.named = sqlite3_column_int(statement, 11) != 0;
    *out_blob = blob;
    return true;
}

// One row of a statement whose parameters are the site and a hash or a row.
static enum rc blob_row(struct store *store, enum statement which, const struct hash32 *hash,
                        int64_t after, struct store_blob *out_blob) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, which, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, store->site_row);
    if (hash != NULL) {
        bind_bytes(statement, 2, hash->b, HASH_BYTES);
    } else {
        sqlite3_bind_int64(statement, 2, after);
    }
    rc = db_row(store, statement);
    if (rc == RC_OK && !blob_read_row(statement, out_blob)) {
        rc = RC_CORRUPT;
    }
    db_give(store, which, statement);
    return rc;
}

enum rc store_blob_get(struct store *store, const struct hash32 *hash,
                       struct store_blob *out_blob) {
    store_refresh(store);
    return blob_row(store, STATEMENT_BLOB_GET, hash, 0, out_blob);
}

enum rc store_blob_next_offer(struct store *store, int64_t after, struct store_blob *out_blob) {
    return blob_row(store, STATEMENT_BLOB_NEXT_OFFER, NULL, after, out_blob);
}

enum rc store_blob_next_wanted(struct store *store, int64_t after, struct store_blob *out_blob) {
    return blob_row(store, STATEMENT_BLOB_NEXT_WANTED, NULL, after, out_blob);
}

enum rc store_blob_each(struct store *store,
                        enum rc (*visit)(void *ctx, const struct store_blob *blob), void *ctx) {
    struct store_blob blob = {0};
    enum rc rc = RC_OK;
    store_refresh(store);
    while (rc == RC_OK) {
        rc = blob_row(store, STATEMENT_BLOB_NEXT, NULL, blob.row, &blob);
        if (rc == RC_OK) {
            rc = visit(ctx, &blob);
        } else if (rc == RC_NOT_FOUND) {
            return RC_OK;
        }
    }
    return rc == RC_FULL ? RC_OK : rc;
}

// Runs a statement whose parameters are the numbers, in their order.
static enum rc run_numbers(struct store *store, enum statement which, const int64_t *numbers,
                           int count) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_ready(store);
    if (rc == RC_OK) {
        rc = db_take(store, which, &statement);
    }
    if (rc != RC_OK) {
        return rc;
    }
    for (int i = 0; i < count; i++) {
        sqlite3_bind_int64(statement, i + 1, numbers[i]);
    }
    rc = db_run(store, statement);
    db_give(store, which, statement);
    return rc;
}
#define RUN(store, which, ...)                                                                     \
    run_numbers((store), STATEMENT_##which, (const int64_t[]){__VA_ARGS__},                        \
                (int)COUNT_OF(((const int64_t[]){__VA_ARGS__})))

static enum rc row_make(struct store *store, const struct blob_spec *spec, bool wanted) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_ready(store);
    if (rc == RC_OK) {
        rc = db_take(store, STATEMENT_BLOB_MAKE, &statement);
    }
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, store->site_row);
    bind_bytes(statement, 2, spec->hash.b, HASH_BYTES);
    sqlite3_bind_int64(statement, 3, spec->size);
    sqlite3_bind_int(statement, 4, (int)spec->media);
    bind_bytes(statement, 5, spec->origin.id.b, ID_BYTES);
    sqlite3_bind_int(statement, 6, wanted);
    sqlite3_bind_int64(statement, 7, spec->now.v);
    rc = db_run(store, statement);
    db_give(store, STATEMENT_BLOB_MAKE, statement);
    return rc;
}

static enum rc row_begin(struct store *store, int64_t row, const struct blob_spec *spec) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = RUN(store, CHUNK_DROP, chunk_id(row, 0), chunk_last(row));
    if (rc == RC_OK) {
        rc = db_take(store, STATEMENT_BLOB_BEGIN, &statement);
    }
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, row);
    sqlite3_bind_int64(statement, 2, spec->size);
    sqlite3_bind_int(statement, 3, (int)spec->media);
    bind_bytes(statement, 4, spec->origin.id.b, ID_BYTES);
    sqlite3_bind_int64(statement, 5, spec->now.v);
    rc = db_run(store, statement);
    db_give(store, STATEMENT_BLOB_BEGIN, statement);
    return rc;
}

static enum rc row_drop(struct store *store, int64_t row) {
    enum rc rc = RUN(store, CHUNK_DROP, chunk_id(row, 0), chunk_last(row));
    return rc == RC_OK ? RUN(store, BLOB_DROP, row) : rc;
}

enum rc store_blob_drop(struct store *store, const struct hash32 *hash) {
    struct store_blob blob;
    enum rc rc = store_blob_get(store, hash, &blob);
    return rc == RC_OK ? row_drop(store, blob.row) : rc;
}

enum rc store_blob_want(struct store *store, const struct hash32 *hash, struct utc_ms now) {
    struct store_blob blob;
    enum rc rc = store_blob_get(store, hash, &blob);
    if (rc == RC_NOT_FOUND) {
        struct blob_spec spec = {.hash = *hash, .now = now};
        memset(spec.origin.id.b, 0xFF, ID_BYTES); // not put here; who gives it is not known yet
        return row_make(store, &spec, true);
    }
    if (rc == RC_OK && blob.whole) {
        return RC_EXISTS;
    }
    return rc == RC_OK ? RUN(store, BLOB_WANT, blob.row, now.v) : rc;
}

enum rc store_blob_said(struct store *store, const struct hash32 *hash, enum refusal_code code) {
    struct store_blob blob;
    enum rc rc = store_blob_get(store, hash, &blob);
    return rc == RC_OK
               ? RUN(store, BLOB_SAID, blob.row, code == REFUSAL_NONE && blob.whole, (int64_t)code)
               : rc;
}

enum rc store_blob_ask_again(struct store *store, bool other_hub) {
    return RUN(store, BLOB_AGAIN, other_hub ? 0 : 1);
}

// ---- What names a blob ----

static bool field_names_blob(const struct field *field) {
    return field->type == FIELD_BYTES && field->min == HASH_BYTES && field->max == HASH_BYTES &&
           strcmp(field->name, BLOB_FIELD) == 0;
}

static enum rc named_put(struct store *store, struct slice hash, struct rid rid) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_BLOB_NAMED_PUT, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, store->site_row);
    bind_bytes(statement, 2, hash.data, hash.len);
    bind_bytes(statement, 3, rid.id.b, ID_BYTES);
    rc = db_run(store, statement);
    db_give(store, STATEMENT_BLOB_NAMED_PUT, statement);
    return rc;
}

enum rc blob_index(struct store *store, const struct content *content, struct rid rid) {
    const struct kind *kind = registry_kind(store->registry, content->kind, NULL);
    enum rc rc = RC_OK;
    for (uint16_t i = 0; kind != NULL && i < kind->field_count && rc == RC_OK; i++) {
        if (!field_names_blob(&kind->fields[i])) {
            continue;
        }
        struct body_reader body = body_read(content->body);
        struct field_value value;
        while (rc == RC_OK && body_next(&body, &value)) {
            if (value.tag == kind->fields[i].tag && value.bytes.len == HASH_BYTES) {
                rc = named_put(store, value.bytes, rid);
            }
        }
    }
    return rc;
}

static enum rc named_next(struct store *store, const struct hash32 *hash, struct rid after,
                          struct rid *out_rid) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_BLOB_NAMED, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, store->site_row);
    bind_bytes(statement, 2, hash->b, HASH_BYTES);
    bind_bytes(statement, 3, after.id.b, ID_BYTES);
    rc = db_row(store, statement);
    if (rc == RC_OK && !column_copy(statement, 0, out_rid->id.b, ID_BYTES)) {
        rc = RC_CORRUPT;
    }
    db_give(store, STATEMENT_BLOB_NAMED, statement);
    return rc;
}

bool store_blob_is_named(struct store *store, const struct hash32 *hash) {
    struct rid rid = {{{0}}};
    store_refresh(store);
    return named_next(store, hash, rid, &rid) == RC_OK;
}

enum rc store_blob_records(struct store *store, const struct hash32 *hash,
                           enum rc (*visit)(void *ctx, struct rid record), void *ctx) {
    struct rid rid = {{{0}}};
    enum rc rc = RC_OK;
    store_refresh(store);
    while (rc == RC_OK && (rc = named_next(store, hash, rid, &rid)) == RC_OK) {
        rc = visit(ctx, rid);
    }
    return rc == RC_FULL || rc == RC_NOT_FOUND ? RC_OK : rc;
}

static int hex_value(char digit) {
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

// The lowest and the highest hash that begin with these digits.
static bool hex_range(const char *hex, struct hash32 *out_low, struct hash32 *out_high) {
    size_t len = strlen(hex);
    if (len < HEX_DIGITS_MIN || len > 2 * HASH_BYTES) {
        return false;
    }
    memset(out_low->b, 0, HASH_BYTES);
    memset(out_high->b, 0xFF, HASH_BYTES);
    for (size_t i = 0; i < len; i++) {
        int value = hex_value(hex[i]);
        if (value < 0) {
            return false;
        }
        unsigned shift = i % 2 == 0 ? 4 : 0;
        uint8_t keep = (uint8_t)(0xF0u >> shift);
        uint8_t digit = (uint8_t)((unsigned)value << shift);
        out_low->b[i / 2] = (uint8_t)((out_low->b[i / 2] & keep) | digit);
        out_high->b[i / 2] = (uint8_t)((out_high->b[i / 2] & keep) | digit);
    }
    return true;
}

enum rc store_blob_find(struct store *store, const char *hex, struct hash32 *out_hash) {
    struct hash32 low, high, found;
    sqlite3_stmt *statement = NULL;
    if (!hex_range(hex, &low, &high)) {
        return RC_INVALID;
    }
    store_refresh(store);
    enum rc rc = db_take(store, STATEMENT_BLOB_FIND, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, store->site_row);
    bind_bytes(statement, 2, low.b, HASH_BYTES);
    bind_bytes(statement, 3, high.b, HASH_BYTES);
    rc = db_row(store, statement);
    if (rc == RC_OK && !column_copy(statement, 0, found.b, HASH_BYTES)) {
        rc = RC_CORRUPT;
    }
    if (rc == RC_OK) {
        enum rc more = db_row(store, statement);
        rc = more == RC_NOT_FOUND ? RC_OK : more == RC_OK ? RC_INVALID : more;
    }
    db_give(store, STATEMENT_BLOB_FIND, statement);
    if (rc == RC_OK) {
        *out_hash = found;
    }
    return rc;
}

// ---- Room ----

struct sums {
    int64_t bytes;
    int64_t begun;
};

// Without the row itself: what it takes is counted by its new size.
static enum rc sums_of(struct store *store, struct rid origin, int64_t row, struct sums *out_sums) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_BLOB_SUM, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    bind_bytes(statement, 1, origin.id.b, ID_BYTES);
    sqlite3_bind_int64(statement, 2, row);
    rc = db_row(store, statement);
    if (rc == RC_OK) {
        out_sums->bytes = sqlite3_column_int64(statement, 0);
        out_sums->begun = sqlite3_column_int64(statement, 1);
    }
    db_give(store, STATEMENT_BLOB_SUM, statement);
    return rc;
}

static enum rc sum_all(struct store *store, int64_t row, int64_t *out_bytes) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_BLOB_SUM_ALL, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, row);
    rc = db_row(store, statement);
    if (rc == RC_OK) {
        *out_bytes = sqlite3_column_int64(statement, 0);
    }
    db_give(store, STATEMENT_BLOB_SUM_ALL, statement);
    return rc;
}

static enum rc refuse_full(struct refusal *out_refusal, int64_t bytes) {
    char room[REFUSAL_ARG_BYTES];
    (void)snprintf(room, sizeof room, "%lld MB", (long long)(bytes / (1024 * 1024)));
    return REFUSE(out_refusal, REFUSAL_BLOB_FULL, room);
}

static enum rc quota(struct store *store, const struct blob_spec *spec, int64_t row,
                     struct refusal *out_refusal) {
    struct sums sums;
    int64_t all = 0;
    enum rc rc = sums_of(store, spec->origin, row, &sums);
    if (rc == RC_OK) {
        rc = sum_all(store, row, &all);
    }
    if (rc != RC_OK) {
        return rc;
    }
    if (sums.bytes + spec->size > LIMIT_BLOBS_DEVICE_BYTES) {
        return refuse_full(out_refusal, LIMIT_BLOBS_DEVICE_BYTES);
    }
    if (sums.begun >= LIMIT_BLOBS_PENDING) {
        return refuse_full(out_refusal, (int64_t)LIMIT_BLOBS_PENDING * LIMIT_BLOB_BYTES);
    }
    return all + spec->size > LIMIT_BLOBS_BYTES ? refuse_full(out_refusal, LIMIT_BLOBS_BYTES)
                                                : RC_OK;
}

// Begun with another size, and still alive.
static bool is_held_by_other(const struct store_blob *blob, const struct blob_spec *spec) {
    return blob->size != 0 && blob->size != spec->size &&
           spec->now.v - blob->time.v < LIMIT_BLOB_OFFER_MS;
}

// Also looks up the row; row 0 if there is none.
static enum rc room_for(struct store *store, const struct blob_spec *spec,
                        struct store_blob *out_blob, struct refusal *out_refusal) {
    if (spec->size == 0 || spec->media == BLOB_UNKNOWN || spec->media >= BLOB_MEDIA_COUNT) {
        return REFUSE(out_refusal, REFUSAL_FORM, BLOB_FIELD);
    }
    if (spec->size > LIMIT_BLOB_BYTES) {
        return REFUSE(out_refusal, REFUSAL_TOO_LARGE, BLOB_FIELD);
    }
    *out_blob = (struct store_blob){0};
    enum rc rc = store_blob_get(store, &spec->hash, out_blob);
    if (rc == RC_NOT_FOUND) {
        return RC_OK;
    }
    if (rc == RC_OK && out_blob->whole) {
        return RC_EXISTS;
    }
    return rc == RC_OK && is_held_by_other(out_blob, spec) ? RC_FORK : rc;
}

enum rc store_blob_room(struct store *store, const struct blob_spec *spec,
                        struct refusal *out_refusal) {
    struct store_blob blob;
    enum rc rc = room_for(store, spec, &blob, out_refusal);
    if (rc != RC_OK || blob.size == spec->size || spec->cache) {
        return rc;
    }
    return quota(store, spec, blob.row, out_refusal);
}

static enum rc drop_one(struct store *store, enum statement which, struct rid origin,
                        int64_t before) {
    sqlite3_stmt *statement = NULL;
    struct hash32 hash;
    enum rc rc = db_take(store, which, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    bind_bytes(statement, 1, origin.id.b, ID_BYTES);
    if (which == STATEMENT_BLOB_LEFT) {
        sqlite3_bind_int64(statement, 2, before);
    }
    rc = db_row(store, statement);
    if (rc == RC_OK && !column_copy(statement, 0, hash.b, HASH_BYTES)) {
        rc = RC_CORRUPT;
    }
    db_give(store, which, statement);
    return rc == RC_OK ? store_blob_drop(store, &hash) : rc;
}

static enum rc make_room(struct store *store, const struct blob_spec *spec, int64_t row,
                         struct refusal *out_refusal) {
    enum rc rc;
    do {
        rc =
            drop_one(store, STATEMENT_BLOB_LEFT, spec->origin, spec->now.v - LIMIT_BLOB_PENDING_MS);
    } while (rc == RC_OK);
    while (rc == RC_NOT_FOUND && (rc = quota(store, spec, row, out_refusal)) == RC_REFUSED &&
           spec->cache) {
        rc = drop_one(store, STATEMENT_BLOB_OLDEST, spec->origin, 0);
        if (rc == RC_NOT_FOUND) {
            return RC_REFUSED; // nothing is left to drop, and the refusal says what is missing
        }
        rc = rc == RC_OK ? RC_NOT_FOUND : rc; // look again
    }
    return rc;
}

enum rc store_blob_expect(struct store *store, const struct blob_spec *spec,
                          struct refusal *out_refusal) {
    struct store_blob blob;
    enum rc rc = db_ready(store);
    if (rc == RC_OK) {
        rc = room_for(store, spec, &blob, out_refusal);
    }
    if (rc != RC_OK || blob.size == spec->size) {
        return rc;
    }
    rc = make_room(store, spec, blob.row, out_refusal);
    if (rc == RC_OK && blob.row != 0) {
        // What was begun may just have been dropped as left.
        rc = store_blob_get(store, &spec->hash, &blob);
        blob.row = rc == RC_NOT_FOUND ? 0 : blob.row;
        rc = rc == RC_NOT_FOUND ? RC_OK : rc;
    }
    if (rc != RC_OK) {
        return rc;
    }
    return blob.row == 0 ? row_make(store, spec, false) : row_begin(store, blob.row, spec);
}

// ---- Bytes ----

// The chunk next to a unit, before or after it. RC_NOT_FOUND.
static enum rc chunk_near(struct store *store, enum statement which, int64_t low, int64_t high,
                          uint32_t *out_unit, uint32_t *out_units) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, which, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, low);
    sqlite3_bind_int64(statement, 2, high);
    rc = db_row(store, statement);
    if (rc == RC_OK) {
        *out_unit = chunk_unit(sqlite3_column_int64(statement, 0));
        *out_units = (uint32_t)sqlite3_column_int64(statement, 1);
        rc = *out_units > 0 && *out_units <= BLOB_UNITS_MAX ? RC_OK : RC_CORRUPT;
    }
    db_give(store, which, statement);
    return rc;
}

// The first gap of from..end (units): out_from == end if there is none.
static enum rc gap_find(struct store *store, int64_t row, uint32_t from, uint32_t end,
                        uint32_t *out_from, uint32_t *out_end) {
    uint32_t unit = 0, units = 0, next = end;
    enum rc rc = chunk_near(store, STATEMENT_CHUNK_BEFORE, chunk_id(row, 0), chunk_id(row, from),
                            &unit, &units);
    if (rc == RC_OK && unit + units > from) {
        from = unit + units;
    }
    rc = rc == RC_NOT_FOUND ? RC_OK : rc;
    while (rc == RC_OK && from < end) {
        rc = chunk_near(store, STATEMENT_CHUNK_AFTER, chunk_id(row, from), chunk_last(row), &unit,
                        &units);
        if (rc == RC_OK && unit != from) {
            next = unit < end ? unit : end;
            break;
        }
        from += rc == RC_OK ? units : 0;
    }
    if (rc != RC_OK && rc != RC_NOT_FOUND) {
        return rc;
    }
    *out_from = from < end ? from : end;
    *out_end = next;
    return RC_OK;
}

static enum rc chunk_put(struct store *store, int64_t id, struct slice bytes) {
    sqlite3_stmt *statement = NULL;
    enum rc rc = db_take(store, STATEMENT_CHUNK_PUT, &statement);
    if (rc != RC_OK) {
        return rc;
    }
    sqlite3_bind_int64(statement, 1, id);
    sqlite3_bind_int64(statement, 2, blob_units((uint32_t)bytes.len));
    bind_bytes(statement, 3, bytes.data, bytes.len);
    rc = db_run(store, statement);
    db_give(store, STATEMENT_CHUNK_PUT, statement);
    return rc;
}

// Puts what is missing of the bytes; counts it.
static enum rc gaps_put(struct store *store, const struct store_blob *blob, uint32_t unit,
                        struct slice bytes, uint32_t *inout_held) {
    uint32_t end = unit + blob_units((uint32_t)bytes.len);
    uint32_t at = unit;
    enum rc rc = RC_OK;
    while (rc == RC_OK && at < end) {
        uint32_t from = 0, to = 0;
        rc = gap_find(store, blob->row, at, end, &from, &to);
        if (rc == RC_OK && from < to) {
            // Short rows: a piece is read again without all that was given with it.
            uint32_t most = from + LIMIT_BLOB_CHUNK_BYTES / BLOB_UNIT_BYTES;
            to = to < most ? to : most;
            size_t skip = (size_t)(from - unit) * BLOB_UNIT_BYTES;
            size_t len = (size_t)(to - from) * BLOB_UNIT_BYTES;
            len = len < bytes.len - skip ? len : bytes.len - skip;
            rc = chunk_put(store, chunk_id(blob->row, from), slice_of(bytes.data + skip, len));
            *inout_held += (uint32_t)len;
        }
        at = to > from ? to : end;
    }
    return rc;
}

// Hands every chunk to a visit and says whether they follow each other without a gap.
static enum rc chunks_walk(struct store *store, const struct store_blob *blob, uint32_t offset,
                           bool (*visit)(void *ctx, uint32_t at, struct slice bytes), void *ctx) {
    uint32_t unit = offset / BLOB_UNIT_BYTES, first = 0, units = 0;
    enum rc rc = chunk_near(store, STATEMENT_CHUNK_BEFORE, chunk_id(blob->row, 0),
                            chunk_id(blob->row, unit), &first, &units);
    sqlite3_stmt *statement = NULL;
    if (rc == RC_OK) {
        rc = db_take(store, STATEMENT_CHUNKS, &statement);
    }
    if (rc != RC_OK) {
        return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
    }
    sqlite3_bind_int64(statement, 1, chunk_id(blob->row, first));
    sqlite3_bind_int64(statement, 2, chunk_last(blob->row));
    uint64_t at = (uint64_t)first * BLOB_UNIT_BYTES;
    bool more = true;
    while (more && at < blob->size && (rc = db_row(store, statement)) == RC_OK) {
        struct slice bytes = column_slice(statement, 2);
        uint64_t begins =
            (uint64_t)chunk_unit(sqlite3_column_int64(statement, 0)) * BLOB_UNIT_BYTES;
        if (begins != at || bytes.len == 0 || bytes.len > blob->size - at) {
            rc = RC_CORRUPT;
            break;
        }
        more = visit(ctx, (uint32_t)at, bytes);
        at += bytes.len;
    }
    db_give(store, STATEMENT_CHUNKS, statement);
    return rc == RC_NOT_FOUND ? RC_CORRUPT : rc;
}

static bool hash_chunk(void *ctx, uint32_t at, struct slice bytes) {
    (void)at;
    hasher_add(ctx, bytes.data, bytes.len);
    return true;
}

static enum rc hash_matches(struct store *store, const struct store_blob *blob, bool *out_matches) {
    struct hasher hasher;
    struct hash32 hash;
    hasher_init(&hasher);
    enum rc rc = chunks_walk(store, blob, 0, hash_chunk, &hasher);
    if (rc == RC_OK) {
        hasher_done(&hasher, &hash);
        *out_matches = hash32_equal(&hash, &blob->hash);
    }
    return rc;
}

// All bytes are there: is it the blob?
static enum rc finish(struct store *store, const struct store_blob *blob, struct utc_ms now,
                      enum blob_taken *out_taken) {
    bool matches = false;
    enum rc rc = hash_matches(store, blob, &matches);
    if (rc != RC_OK) {
        return rc;
    }
    if (matches) {
        rc = RUN(store, BLOB_HELD, blob->row, blob->size, 1, now.v);
    } else if (blob->wanted) {
        struct blob_spec nothing = {.origin = blob->origin, .now = now};
        rc = row_begin(store, blob->row, &nothing);
    } else {
        rc = row_drop(store, blob->row);
    }
    if (rc == RC_OK) {
        *out_taken = matches ? BLOB_WHOLE : BLOB_WRONG;
    }
    return rc;
}

enum rc store_blob_put(struct store *store, const struct hash32 *hash, uint32_t unit,
                       struct slice bytes, struct utc_ms now, enum blob_taken *out_taken) {
    struct store_blob blob;
    enum rc rc = db_ready(store);
    if (rc == RC_OK) {
        rc = store_blob_get(store, hash, &blob);
    }
    if (rc != RC_OK) {
        return rc;
    }
    uint64_t begins = (uint64_t)unit * BLOB_UNIT_BYTES;
    uint64_t ends = begins + bytes.len;
    if (bytes.len == 0 || bytes.len > LIMIT_BLOB_BYTES || ends > blob.size ||
        (bytes.len % BLOB_UNIT_BYTES != 0 && ends != blob.size)) {
        return RC_INVALID;
    }
    if (blob.whole) {
        *out_taken = BLOB_WHOLE;
        return RC_OK;
    }
    uint32_t held = blob.held;
    rc = gaps_put(store, &blob, unit, bytes, &held);
    if (rc != RC_OK) {
        return rc;
    }
    blob.held = held;
    if (held == blob.size) {
        return finish(store, &blob, now, out_taken);
    }
    rc = RUN(store, BLOB_HELD, blob.row, held, 0, now.v);
    if (rc == RC_OK) {
        *out_taken = BLOB_TAKEN;
    }
    return rc;
}

enum rc store_blob_map(struct store *store, const struct hash32 *hash,
                       uint8_t out_map[static BLOB_MAP_BYTES]) {
    struct store_blob blob;
    enum rc rc = store_blob_get(store, hash, &blob);
    if (rc != RC_OK) {
        return rc;
    }
    memset(out_map, 0, BLOB_MAP_BYTES);
    uint32_t unit = 0, units = 0;
    while ((rc = chunk_near(store, STATEMENT_CHUNK_AFTER, chunk_id(blob.row, unit),
                            chunk_last(blob.row), &unit, &units)) == RC_OK) {
        uint32_t end = unit + units;
        for (; unit < end && unit < BLOB_UNITS_MAX; unit++) {
            out_map[unit / 8] |= (uint8_t)(1u << unit % 8);
        }
        if (unit >= BLOB_UNITS_MAX || units == 0) {
            return RC_OK;
        }
    }
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

struct part {
    uint32_t offset, len;
    struct buf *out;
};

static bool part_add(void *ctx, uint32_t at, struct slice bytes) {
    struct part *part = ctx;
    uint32_t skip = part->offset > at ? part->offset - at : 0;
    if (skip < bytes.len) {
        size_t len = bytes.len - skip < part->len ? bytes.len - skip : part->len;
        buf_put(part->out, bytes.data + skip, len);
        part->offset += (uint32_t)len;
        part->len -= (uint32_t)len;
    }
    return part->len > 0;
}

enum rc store_blob_read(struct store *store, const struct hash32 *hash, uint32_t offset,
                        uint32_t len, struct buf *out) {
    struct store_blob blob;
    enum rc rc = store_blob_get(store, hash, &blob);
    if (rc == RC_OK && (!blob.whole || len == 0 || (uint64_t)offset + len > blob.size)) {
        rc = RC_NOT_FOUND;
    }
    if (rc != RC_OK) {
        return rc;
    }
    struct part part = {.offset = offset, .len = len, .out = out};
    size_t before = out->len;
    rc = chunks_walk(store, &blob, offset, part_add, &part);
    if (rc == RC_OK) {
        rc = buf_rc(out);
    }
    if (rc != RC_OK) {
        out->len = before;
    }
    return rc;
}

// ---- Verify ----

struct verify_walk {
    struct store *store;
    uint64_t count;
    struct hash32 broken;
};

static enum rc verify_one(void *ctx, const struct store_blob *blob) {
    struct verify_walk *walk = ctx;
    bool matches = true;
    if (!blob->whole) {
        return RC_OK;
    }
    walk->count++;
    walk->broken = blob->hash;
    enum rc rc = hash_matches(walk->store, blob, &matches);
    return rc == RC_OK && !matches ? RC_CORRUPT : rc;
}

enum rc store_blob_verify(struct store *store, uint64_t *out_count, struct hash32 *out_broken) {
    struct verify_walk walk = {.store = store};
    enum rc rc = store_blob_each(store, verify_one, &walk);
    *out_count = walk.count;
    if (rc != RC_OK) {
        *out_broken = walk.broken;
    }
    return rc;
}
