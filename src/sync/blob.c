#include "davy/sync/blob.h"

#include "davy/base/ensure.h"
#include "pace_priv.h"
#include "sync_priv.h"

#include <stdlib.h>
#include <string.h>

#define FLIGHT_MAX 64         // pieces in flight
#define OFFERS_MAX 8          // that a hub remembers of one session
#define SAYS_MAX 8            // answers that wait for the next send
#define LATER_SERIALS 3       // so many later ones came: this one is lost
#define WRONG_MAX 3           // so often wrong: no more of it in this session
#define LOOK_EVERY_MS 1000    // for what is new to offer, to want, to be named
#define AROUND_EVERY_MS 60000 // and again for what was put off
#define ASKS_MAX 3            // without an answer: the next one
// Frame header, keyed hash, and of a CHUNK prefix, serial and unit.
#define CHUNK_OVERHEAD (FRAME_HEADER_BYTES + KEYED_HASH_BYTES + BLOB_PREFIX_BYTES + 5 + 3)

// ---- State ----

struct flight {
    uint32_t serial;
    uint32_t first, end; // units
    struct pace_mark mark;
};

enum give_phase { GIVE_IDLE, GIVE_OFFERED, GIVE_ACTIVE };
struct giving {
    enum give_phase phase;
    struct hash32 hash;
    uint32_t size;
    enum blob_media media;
    uint8_t wants[BLOB_MAP_BYTES]; // units that the other side lacks and that are not in flight
    uint32_t held;                 // bytes that it holds, as far as it says
    struct flight flights[FLIGHT_MAX];
    uint32_t flight_count;
    uint32_t serial;
    struct mono_ms heard; // an answer, or the first sending after it
    // A device's look for what to offer.
    int64_t row;
    struct mono_ms offered_at, look_at, around_at;
    uint8_t offers;
};

enum take_phase { TAKE_IDLE, TAKE_ASKED, TAKE_ACTIVE };
struct taking {
    enum take_phase phase;
    struct hash32 hash;
    uint32_t size;
    enum blob_media media;
    uint8_t held[BLOB_MAP_BYTES];
    uint32_t held_bytes;
    uint32_t serial; // the highest that came in this session, kept or not
    bool row_made;
    bool need_due;
    struct mono_ms need_at;
    uint32_t retry_ms;
    struct hash32 wrong_hash;
    uint8_t wrong;
    bool done_any;
    struct hash32 done; // what became whole last: its pieces may still come
    // A device's look for what is wanted.
    int64_t row;
    struct mono_ms look_at, around_at;
    uint8_t asks;
};

struct remembered {
    struct blob_offer offer;
    struct mono_ms at;
    bool said; // that no record names it
};

struct sync_blob {
    struct sync_blob_options options;
    struct giving give;
    struct taking take;
    struct pace pace;
    struct remembered offers[OFFERS_MAX]; // of a hub, the newest last
    uint32_t offer_count;
    struct mono_ms offers_at; // looked through
    struct blob_state says[SAYS_MAX];
    uint32_t say_count;
    bool offer_asked; // the other side asks what it is
    struct blob_offer offer;
    struct sync_blob_status status;
};

static bool bit_of(const uint8_t *map, uint32_t unit) {
    return map[unit / 8] >> unit % 8 & 1;
}

static void bits_set(uint8_t *map, uint32_t first, uint32_t end, bool value) {
    for (uint32_t unit = first; unit < end; unit++) {
        uint8_t bit = (uint8_t)(1u << unit % 8);
        map[unit / 8] = (uint8_t)(value ? map[unit / 8] | bit : map[unit / 8] & ~bit);
    }
}

// The first unit at or after `from` whose bit is `value`; `end` if there is none.
static uint32_t bit_next(const uint8_t *map, uint32_t from, uint32_t end, bool value) {
    uint8_t all = value ? 0 : 0xFF;
    while (from < end) {
        if (from % 8 == 0 && map[from / 8] == all) {
            from += 8;
        } else if (bit_of(map, from) == value) {
            return from;
        } else {
            from++;
        }
    }
    return end;
}

static uint32_t bytes_of(uint32_t first, uint32_t end, uint32_t size) {
    uint64_t last = (uint64_t)end * BLOB_UNIT_BYTES;
    last = last < size ? last : size;
    return (uint32_t)(last - (uint64_t)first * BLOB_UNIT_BYTES);
}

static void say(struct sync_blob *blob, const struct hash32 *hash, enum blob_answer answer) {
    if (blob->say_count == SAYS_MAX) {
        memmove(blob->says, blob->says + 1, (SAYS_MAX - 1) * sizeof blob->says[0]);
        blob->say_count--;
    }
    blob->says[blob->say_count++] = (struct blob_state){*hash, answer};
}

enum rc sync_blob_new(const struct sync_blob_options *options, struct sync_blob **out_blob) {
    struct sync_blob *blob = calloc(1, sizeof *blob);
    if (!blob) {
        return RC_NO_MEMORY;
    }
    blob->options = *options;
    if (!options->hub) {
        memset(blob->options.peer.id.b, 0xFF, ID_BYTES); // what the hub holds takes no one's room
    }
    pace_start(&blob->pace);
    *out_blob = blob;
    return RC_OK;
}

void sync_blob_free(struct sync_blob *blob) {
    free(blob);
}

// It may have been dropped meanwhile.
static enum rc note(struct sync_blob *blob, const struct hash32 *hash, enum refusal_code code) {
    enum rc rc = store_blob_said(blob->options.store, hash, code);
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

// ---- Giving ----

static void give_end(struct sync_blob *blob) {
    struct giving *give = &blob->give;
    give->phase = GIVE_IDLE;
    give->flight_count = 0;
    give->offers = 0;
    give->look_at.v = 0;
    blob->pace.in_flight = 0;
}

static void flight_drop(struct giving *give, uint32_t index) {
    give->flights[index] = give->flights[--give->flight_count];
}

static bool in_ranges(const struct blob_need *need, const struct flight *flight) {
    for (uint8_t i = 0; i < need->count; i++) {
        if (flight->first < need->ranges[i].end && need->ranges[i].first < flight->end) {
            return true;
        }
    }
    return false;
}

// What the list says nothing about stays in flight.
static bool is_stated(const struct blob_need *need, const struct flight *flight) {
    return !need->more || flight->end <= need->ranges[need->count - 1].end;
}

static void give_acked(struct sync_blob *blob, const struct blob_need *need, struct moment now) {
    struct giving *give = &blob->give;
    // In the order of sending, so that rates are those of the line.
    for (;;) {
        uint32_t next = give->flight_count;
        for (uint32_t i = 0; i < give->flight_count; i++) {
            const struct flight *flight = &give->flights[i];
            if (is_stated(need, flight) && !in_ranges(need, flight) &&
                (next == give->flight_count || flight->serial < give->flights[next].serial)) {
                next = i;
            }
        }
        if (next == give->flight_count) {
            return;
        }
        const struct flight *flight = &give->flights[next];
        pace_acked(&blob->pace, &flight->mark, flight->serial == need->serial, now.mono);
        flight_drop(give, next);
        give->heard = now.mono;
    }
}

static void give_lost(struct sync_blob *blob, const struct blob_need *need, struct moment now) {
    struct giving *give = &blob->give;
    for (uint32_t i = give->flight_count; i-- > 0;) {
        const struct flight *flight = &give->flights[i];
        if (need->serial >= LATER_SERIALS && flight->serial <= need->serial - LATER_SERIALS &&
            in_ranges(need, flight)) {
            blob->status.again_bytes += flight->mark.bytes;
            pace_lost(&blob->pace, &flight->mark, now.mono);
            flight_drop(give, i);
        }
    }
}

static void give_take_need(struct sync_blob *blob, const struct blob_need *need,
                           struct moment now) {
    struct giving *give = &blob->give;
    uint32_t missing = 0;
    pace_heard(&blob->pace);
    give_acked(blob, need, now);
    give_lost(blob, need, now);
    memset(give->wants, 0, sizeof give->wants);
    for (uint8_t i = 0; i < need->count; i++) {
        bits_set(give->wants, need->ranges[i].first, need->ranges[i].end, true);
        missing += bytes_of(need->ranges[i].first, need->ranges[i].end, give->size);
    }
    for (uint32_t i = 0; i < give->flight_count; i++) {
        bits_set(give->wants, give->flights[i].first, give->flights[i].end, false);
    }
    give->held = need->more ? give->held : give->size - missing;
}

static enum rc on_need(struct sync_blob *blob, const struct blob_need *need, struct moment now) {
    struct giving *give = &blob->give;
    struct store_blob held;
    if (give->phase == GIVE_ACTIVE && hash32_equal(&give->hash, &need->hash) &&
        give->size == need->size) {
        give_take_need(blob, need, now);
        return RC_OK;
    }
    enum rc rc = store_blob_get(blob->options.store, &need->hash, &held);
    if (rc != RC_OK && rc != RC_NOT_FOUND) {
        return rc;
    }
    if (rc == RC_NOT_FOUND || !held.whole || (need->size != 0 && need->size != held.size)) {
        say(blob, &need->hash, rc == RC_OK && held.whole ? BLOB_OTHER_SIZE : BLOB_NOT_HELD);
        return RC_OK;
    }
    if (need->size == 0) {
        blob->offer_asked = true;
        blob->offer = (struct blob_offer){held.hash, held.size, held.media};
        return RC_OK;
    }
    // The other side decides which one is given.
    give_end(blob);
    give->phase = GIVE_ACTIVE;
    give->hash = held.hash;
    give->size = held.size;
    give->media = held.media;
    give->heard = now.mono;
    give->held = 0;
    give_take_need(blob, need, now);
    return RC_OK;
}

static enum rc emit_offer(struct sync_blob *blob, const struct blob_offer *offer, bool *out_gone) {
    buf_reset(blob->options.body);
    enum rc rc = blob_offer_encode(offer, blob->options.body);
    *out_gone = rc == RC_OK && blob->options.emit(blob->options.ctx, BLOB_OFFER);
    return rc;
}

// A device: the next blob of its own that the hub may not hold.
static enum rc give_look(struct sync_blob *blob, struct moment now) {
    struct giving *give = &blob->give;
    struct store_blob next;
    if (now.mono.v < give->look_at.v) {
        return RC_OK;
    }
    give->look_at.v = now.mono.v + LOOK_EVERY_MS;
    if (now.mono.v >= give->around_at.v) {
        give->around_at.v = now.mono.v + AROUND_EVERY_MS;
        give->row = 0;
    }
    enum rc rc = store_blob_next_offer(blob->options.store, give->row, &next);
    if (rc == RC_NOT_FOUND) {
        return RC_OK;
    }
    if (rc != RC_OK) {
        return rc;
    }
    give->row = next.row;
    give->phase = GIVE_OFFERED;
    give->hash = next.hash;
    give->size = next.size;
    give->media = next.media;
    give->held = 0;
    give->offers = 0;
    return RC_OK;
}

static enum rc give_offer(struct sync_blob *blob, struct moment now) {
    struct giving *give = &blob->give;
    uint32_t wait = (uint32_t)SYNC_RETRY_MS_MIN << give->offers;
    if (give->offers > 0 && now.mono.v - give->offered_at.v < (int64_t)wait) {
        return RC_OK;
    }
    if (give->offers == ASKS_MAX) {
        give_end(blob);
        return RC_OK;
    }
    struct blob_offer offer = {give->hash, give->size, give->media};
    bool gone = false;
    enum rc rc = emit_offer(blob, &offer, &gone);
    give->offers += gone;
    give->offered_at = now.mono;
    return rc;
}

static uint32_t piece_units(const struct sync_blob *blob) {
    uint32_t room = blob->options.message_bytes_max;
    room = room > CHUNK_OVERHEAD ? room - CHUNK_OVERHEAD : 0;
    uint32_t piece = pace_piece(&blob->pace);
    uint32_t units = (room < piece ? room : piece) / BLOB_UNIT_BYTES;
    return units > 0 ? units : 1;
}

static enum rc give_piece(struct sync_blob *blob, uint32_t first, uint32_t end, struct moment now) {
    struct giving *give = &blob->give;
    struct buf *body = blob->options.body;
    struct blob_chunk chunk = {.serial = give->serial + 1, .unit = first};
    uint32_t bytes = bytes_of(first, end, give->size);
    memcpy(chunk.prefix, give->hash.b, BLOB_PREFIX_BYTES);
    buf_reset(body);
    enum rc rc = blob_chunk_encode(&chunk, body);
    if (rc == RC_OK) {
        rc =
            store_blob_read(blob->options.store, &give->hash, first * BLOB_UNIT_BYTES, bytes, body);
    }
    if (rc != RC_OK) {
        return rc;
    }
    if (!blob->options.emit(blob->options.ctx, BLOB_CHUNK)) {
        return RC_BUSY;
    }
    give->serial++;
    if (give->flight_count == 0) {
        give->heard = now.mono;
    }
    struct flight *flight = &give->flights[give->flight_count++];
    *flight = (struct flight){.serial = give->serial, .first = first, .end = end};
    pace_sent(&blob->pace, bytes, now.mono, &flight->mark);
    bits_set(give->wants, first, end, false);
    blob->status.given_bytes += bytes;
    return RC_OK;
}

// Everything in flight is taken for lost; where nothing is known to be missing, the first unit
// stands for a question.
static void give_expire(struct sync_blob *blob, struct moment now) {
    struct giving *give = &blob->give;
    for (uint32_t i = 0; i < give->flight_count; i++) {
        bits_set(give->wants, give->flights[i].first, give->flights[i].end, true);
        blob->status.again_bytes += give->flights[i].mark.bytes;
    }
    give->flight_count = 0;
    give->heard = now.mono;
    pace_expire(&blob->pace, now.mono);
}

static enum rc give_pieces(struct sync_blob *blob, struct moment now) {
    struct giving *give = &blob->give;
    uint32_t units = blob_units(give->size);
    if (give->flight_count > 0 &&
        now.mono.v - give->heard.v >= (int64_t)pace_retry_ms(&blob->pace)) {
        give_expire(blob, now);
    }
    uint32_t first = bit_next(give->wants, 0, units, true);
    while (first < units && give->flight_count < FLIGHT_MAX) {
        uint32_t end = bit_next(give->wants, first, units, false);
        uint32_t most = first + piece_units(blob);
        end = end < most ? end : most;
        if (!pace_may_send(&blob->pace, bytes_of(first, end, give->size), now.mono)) {
            return RC_OK;
        }
        enum rc rc = give_piece(blob, first, end, now);
        if (rc == RC_NOT_FOUND || rc == RC_CORRUPT) {
            say(blob, &give->hash, BLOB_NOT_HELD); // dropped meanwhile, or damaged
            give_end(blob);
            return RC_OK;
        }
        if (rc != RC_OK) {
            return rc == RC_BUSY ? RC_OK : rc;
        }
        first = bit_next(give->wants, end, units, true);
    }
    return RC_OK;
}

static enum rc give_send(struct sync_blob *blob, struct moment now) {
    struct giving *give = &blob->give;
    enum rc rc = RC_OK;
    if (give->phase == GIVE_IDLE && !blob->options.hub) {
        rc = give_look(blob, now);
    }
    if (rc == RC_OK && give->phase == GIVE_OFFERED) {
        rc = give_offer(blob, now);
    }
    if (rc == RC_OK && give->phase == GIVE_ACTIVE) {
        rc = give_pieces(blob, now);
    }
    return rc;
}

// ---- Taking ----

static void take_end(struct sync_blob *blob) {
    blob->take.phase = TAKE_IDLE;
    blob->take.need_due = false;
    blob->take.asks = 0;
    blob->take.look_at.v = 0;
}

static uint32_t held_bytes(const struct taking *take) {
    uint32_t units = blob_units(take->size), bytes = 0, first = 0;
    while ((first = bit_next(take->held, first, units, true)) < units) {
        uint32_t end = bit_next(take->held, first, units, false);
        bytes += bytes_of(first, end, take->size);
        first = end;
    }
    return bytes;
}

// From here on pieces are taken: of a blob whose row may not be there yet.
static enum rc take_begin(struct sync_blob *blob, const struct blob_offer *offer) {
    struct taking *take = &blob->take;
    memset(take->held, 0, sizeof take->held);
    enum rc rc = store_blob_map(blob->options.store, &offer->hash, take->held);
    if (rc != RC_OK && rc != RC_NOT_FOUND) {
        return rc;
    }
    take->phase = TAKE_ACTIVE;
    take->hash = offer->hash;
    take->size = offer->size;
    take->media = offer->media;
    take->row_made = false;
    take->held_bytes = held_bytes(take);
    take->need_due = true;
    take->retry_ms = SYNC_RETRY_MS_MIN;
    return RC_OK;
}

static struct blob_spec spec_of(const struct sync_blob *blob, const struct blob_offer *offer,
                                struct moment now) {
    return (struct blob_spec){.hash = offer->hash,
                              .size = offer->size,
                              .media = offer->media,
                              .origin = blob->options.peer,
                              .cache = !blob->options.hub,
                              .now = now.utc};
}

static void offer_forget(struct sync_blob *blob, uint32_t index) {
    memmove(blob->offers + index, blob->offers + index + 1,
            (--blob->offer_count - index) * sizeof blob->offers[0]);
}

static void offer_drop(struct sync_blob *blob, const struct hash32 *hash) {
    for (uint32_t i = blob->offer_count; i-- > 0;) {
        if (hash32_equal(&blob->offers[i].offer.hash, hash)) {
            offer_forget(blob, i);
        }
    }
}

static void offer_remember(struct sync_blob *blob, const struct blob_offer *offer,
                           struct moment now) {
    offer_drop(blob, &offer->hash);
    if (blob->offer_count == OFFERS_MAX) {
        offer_forget(blob, 0);
    }
    blob->offers[blob->offer_count++] = (struct remembered){.offer = *offer, .at = now.mono};
    blob->offers_at.v = 0;
    // The device went on to this one: what it gave before is offered again when its turn comes.
    if (blob->take.phase == TAKE_ACTIVE && !hash32_equal(&blob->take.hash, &offer->hash)) {
        take_end(blob);
    }
}

static enum rc on_offer(struct sync_blob *blob, const struct blob_offer *offer, struct moment now) {
    struct taking *take = &blob->take;
    struct blob_spec spec = spec_of(blob, offer, now);
    struct refusal refusal = {0};
    if (blob->options.hub) {
        offer_remember(blob, offer, now);
        return RC_OK;
    }
    if (take->phase != TAKE_ASKED || !hash32_equal(&take->hash, &offer->hash)) {
        return RC_OK; // not asked for, or twice
    }
    enum rc rc = store_blob_expect(blob->options.store, &spec, &refusal);
    if (rc == RC_FORK) {
        // An earlier word about its size: the hub's word now is the one that counts.
        rc = store_blob_drop(blob->options.store, &offer->hash);
        rc = rc == RC_OK ? store_blob_want(blob->options.store, &offer->hash, now.utc) : rc;
        rc = rc == RC_OK ? store_blob_expect(blob->options.store, &spec, &refusal) : rc;
    }
    if (rc == RC_OK) {
        return take_begin(blob, offer);
    }
    take_end(blob);
    if (rc == RC_REFUSED) {
        return note(blob, &offer->hash, refusal.code);
    }
    return rc == RC_EXISTS ? RC_OK : rc;
}

// The blob is not the one that was named.
static enum rc take_wrong(struct sync_blob *blob) {
    struct taking *take = &blob->take;
    struct hash32 hash = take->hash;
    if (!hash32_equal(&take->wrong_hash, &hash)) {
        take->wrong_hash = hash;
        take->wrong = 0;
    }
    take->wrong++;
    blob->status.wrong++;
    if (take->wrong < WRONG_MAX) {
        struct blob_offer again = {hash, take->size, take->media};
        return take_begin(blob, &again);
    }
    say(blob, &hash, BLOB_BAD);
    offer_drop(blob, &hash);
    take_end(blob);
    return blob->options.hub ? RC_OK : note(blob, &hash, REFUSAL_FORM);
}

static void take_done(struct sync_blob *blob) {
    struct taking *take = &blob->take;
    take->done = take->hash;
    take->done_any = true;
    say(blob, &take->hash, BLOB_IS_WHOLE);
    offer_drop(blob, &take->hash);
    take_end(blob);
    blob->offers_at.v = 0;
}

static enum rc take_row(struct sync_blob *blob, struct moment now) {
    struct taking *take = &blob->take;
    if (take->row_made) {
        return RC_OK;
    }
    struct blob_offer offer = {take->hash, take->size, take->media};
    struct blob_spec spec = spec_of(blob, &offer, now);
    enum rc rc = store_blob_expect(blob->options.store, &spec, NULL);
    take->row_made = rc == RC_OK;
    return rc;
}

// Where no row can be made: why.
static enum rc take_refused(struct sync_blob *blob, enum rc rc) {
    struct hash32 hash = blob->take.hash;
    if (rc == RC_EXISTS) {
        take_done(blob);
        return RC_OK;
    }
    if (rc != RC_REFUSED && rc != RC_FORK) {
        return rc;
    }
    say(blob, &hash, rc == RC_FORK ? BLOB_OTHER_SIZE : BLOB_NO_ROOM);
    offer_drop(blob, &hash);
    take_end(blob);
    return RC_OK;
}

static enum rc take_piece(struct sync_blob *blob, const struct blob_chunk *chunk,
                          struct moment now) {
    struct taking *take = &blob->take;
    uint32_t end = chunk->unit + blob_units((uint32_t)chunk->bytes.len);
    uint32_t units = blob_units(take->size);
    if (end > units || chunk->bytes.len != bytes_of(chunk->unit, end, take->size)) {
        blob->status.bad++;
        return RC_OK;
    }
    take->need_due = true;
    take->retry_ms = SYNC_RETRY_MS_MIN;
    take->serial = chunk->serial > take->serial ? chunk->serial : take->serial;
    if (bit_next(take->held, chunk->unit, end, false) == end) {
        blob->status.twice_bytes += chunk->bytes.len;
        return RC_OK;
    }
    enum rc rc = take_row(blob, now);
    if (rc != RC_OK) {
        return take_refused(blob, rc);
    }
    enum blob_taken taken = BLOB_TAKEN;
    rc = store_blob_put(blob->options.store, &take->hash, chunk->unit, chunk->bytes, now.utc,
                        &taken);
    if (rc == RC_NOT_FOUND || rc == RC_INVALID) {
        take_end(blob); // its row was dropped, or begun anew by somebody else
        return RC_OK;
    }
    if (rc != RC_OK) {
        return rc;
    }
    if (taken == BLOB_WRONG) {
        return take_wrong(blob);
    }
    bits_set(take->held, chunk->unit, end, true);
    uint32_t held = held_bytes(take);
    blob->status.taken_bytes += held - take->held_bytes;
    take->held_bytes = held;
    if (taken == BLOB_WHOLE) {
        take_done(blob);
    } else if (held == take->size) {
        return take_begin(blob, &(struct blob_offer){take->hash, take->size, take->media});
    }
    return RC_OK;
}

static enum rc on_chunk(struct sync_blob *blob, const struct blob_chunk *chunk, struct moment now) {
    struct taking *take = &blob->take;
    if (take->phase == TAKE_ACTIVE && memcmp(chunk->prefix, take->hash.b, BLOB_PREFIX_BYTES) == 0) {
        return take_piece(blob, chunk, now);
    }
    if (take->done_any && memcmp(chunk->prefix, take->done.b, BLOB_PREFIX_BYTES) == 0) {
        blob->status.twice_bytes += chunk->bytes.len;
        say(blob, &take->done, BLOB_IS_WHOLE); // it did not hear that
        return RC_OK;
    }
    blob->status.bad++;
    return RC_OK;
}

// A hub: which of the offers is taken now. The newest that a record names.
static enum rc take_choose(struct sync_blob *blob, struct moment now) {
    if (blob->offer_count == 0 ||
        (blob->offers_at.v > 0 && now.mono.v - blob->offers_at.v < LOOK_EVERY_MS)) {
        return RC_OK;
    }
    blob->offers_at = now.mono;
    for (uint32_t i = blob->offer_count; i-- > 0;) {
        struct remembered *r = &blob->offers[i];
        if (!store_blob_is_named(blob->options.store, &r->offer.hash)) {
            if (!r->said) {
                say(blob, &r->offer.hash, BLOB_UNNAMED);
                r->said = true;
            }
            if (now.mono.v - r->at.v >= LIMIT_BLOB_OFFER_MS) {
                offer_forget(blob, i);
            }
            continue;
        }
        struct blob_offer offer = r->offer;
        struct blob_spec spec = spec_of(blob, &offer, now);
        enum rc rc = store_blob_room(blob->options.store, &spec, NULL);
        if (rc == RC_OK) {
            return take_begin(blob, &offer);
        }
        blob->take.hash = offer.hash;
        rc = take_refused(blob, rc);
        if (rc != RC_OK) {
            return rc;
        }
    }
    return RC_OK;
}

// A device: the next blob that somebody wants to see.
static enum rc take_look(struct sync_blob *blob, struct moment now) {
    struct taking *take = &blob->take;
    struct store_blob next;
    if (now.mono.v < take->look_at.v) {
        return RC_OK;
    }
    take->look_at.v = now.mono.v + LOOK_EVERY_MS;
    if (now.mono.v >= take->around_at.v) {
        take->around_at.v = now.mono.v + AROUND_EVERY_MS;
        take->row = 0;
    }
    enum rc rc = store_blob_next_wanted(blob->options.store, take->row, &next);
    if (rc == RC_NOT_FOUND) {
        return RC_OK;
    }
    if (rc != RC_OK) {
        return rc;
    }
    take->row = next.row;
    take->phase = TAKE_ASKED;
    take->hash = next.hash;
    take->asks = 0;
    return RC_OK;
}

static enum rc take_ask(struct sync_blob *blob, struct moment now) {
    struct taking *take = &blob->take;
    uint32_t wait = (uint32_t)SYNC_RETRY_MS_MIN << take->asks;
    if (take->asks > 0 && now.mono.v - take->need_at.v < (int64_t)wait) {
        return RC_OK;
    }
    if (take->asks == ASKS_MAX) {
        take_end(blob);
        return RC_OK;
    }
    struct blob_need ask = {.hash = take->hash};
    buf_reset(blob->options.body);
    enum rc rc = blob_need_encode(&ask, blob->options.body);
    if (rc == RC_OK && blob->options.emit(blob->options.ctx, BLOB_NEED)) {
        take->asks++;
    }
    take->need_at = now.mono;
    return rc;
}

static void need_of(const struct taking *take, struct blob_need *out_need) {
    uint32_t units = blob_units(take->size), first = 0;
    *out_need = (struct blob_need){.hash = take->hash, .size = take->size, .serial = take->serial};
    while ((first = bit_next(take->held, first, units, false)) < units) {
        if (out_need->count == BLOB_RANGES_MAX) {
            out_need->more = true;
            return;
        }
        uint32_t end = bit_next(take->held, first, units, true);
        out_need->ranges[out_need->count++] = (struct blob_range){first, end};
        first = end;
    }
}

static enum rc take_need(struct sync_blob *blob, struct moment now) {
    struct taking *take = &blob->take;
    bool late = now.mono.v - take->need_at.v >= (int64_t)take->retry_ms;
    if (!take->need_due && !late) {
        return RC_OK;
    }
    if (!take->need_due) {
        uint32_t wait = take->retry_ms * 2;
        take->retry_ms = wait < SYNC_RETRY_MS_MAX ? wait : SYNC_RETRY_MS_MAX;
    }
    struct blob_need need;
    need_of(take, &need);
    buf_reset(blob->options.body);
    enum rc rc = blob_need_encode(&need, blob->options.body);
    if (rc == RC_OK && blob->options.emit(blob->options.ctx, BLOB_NEED)) {
        take->need_due = false;
        take->need_at = now.mono;
    }
    return rc;
}

static enum rc take_send(struct sync_blob *blob, struct moment now) {
    struct taking *take = &blob->take;
    enum rc rc = RC_OK;
    if (take->phase == TAKE_IDLE) {
        rc = blob->options.hub ? take_choose(blob, now) : take_look(blob, now);
    }
    if (rc == RC_OK && take->phase == TAKE_ASKED) {
        rc = take_ask(blob, now);
    }
    if (rc == RC_OK && take->phase == TAKE_ACTIVE) {
        rc = take_need(blob, now);
    }
    return rc;
}

// ---- Answers ----

static enum refusal_code refusal_of(enum blob_answer answer) {
    static const enum refusal_code codes[BLOB_ANSWER_COUNT] = {
        [BLOB_IS_WHOLE] = REFUSAL_NONE,       [BLOB_NOT_HELD] = REFUSAL_SUBJECT_UNKNOWN,
        [BLOB_UNNAMED] = REFUSAL_REF_UNKNOWN, [BLOB_NO_ROOM] = REFUSAL_BLOB_FULL,
        [BLOB_OTHER_SIZE] = REFUSAL_FORM,     [BLOB_BAD] = REFUSAL_FORM,
    };
    return codes[answer];
}

static enum rc on_state(struct sync_blob *blob, const struct blob_state *state) {
    struct giving *give = &blob->give;
    struct taking *take = &blob->take;
    bool given = give->phase != GIVE_IDLE && hash32_equal(&give->hash, &state->hash);
    bool asked = take->phase != TAKE_IDLE && hash32_equal(&take->hash, &state->hash);
    if (asked && (state->answer == BLOB_NOT_HELD || state->answer == BLOB_OTHER_SIZE)) {
        offer_drop(blob, &state->hash);
        take_end(blob);
    }
    if (!given || state->answer == BLOB_NOT_HELD) {
        return RC_OK;
    }
    give_end(blob);
    if (blob->options.hub || state->answer == BLOB_UNNAMED) {
        return RC_OK; // offered again when the others had their turn
    }
    return note(blob, &state->hash, refusal_of(state->answer));
}

static enum rc says_send(struct sync_blob *blob) {
    enum rc rc = RC_OK;
    while (blob->say_count > 0 && rc == RC_OK) {
        buf_reset(blob->options.body);
        rc = blob_state_encode(&blob->says[0], blob->options.body);
        if (rc != RC_OK || !blob->options.emit(blob->options.ctx, BLOB_STATE)) {
            return rc;
        }
        memmove(blob->says, blob->says + 1, --blob->say_count * sizeof blob->says[0]);
    }
    if (rc == RC_OK && blob->offer_asked) {
        bool gone = false;
        rc = emit_offer(blob, &blob->offer, &gone);
        blob->offer_asked = !gone;
    }
    return rc;
}

// ---- In and out ----

enum rc sync_blob_receive(struct sync_blob *blob, enum blob_message type, struct slice body,
                          struct moment now) {
    union {
        struct blob_offer offer;
        struct blob_need need;
        struct blob_chunk chunk;
        struct blob_state state;
    } message;
    switch (type) {
    case BLOB_OFFER:
        if (blob_offer_decode(body, &message.offer) == RC_OK) {
            return on_offer(blob, &message.offer, now);
        }
        break;
    case BLOB_NEED:
        if (blob_need_decode(body, &message.need) == RC_OK) {
            return on_need(blob, &message.need, now);
        }
        break;
    case BLOB_CHUNK:
        if (blob_chunk_decode(body, &message.chunk) == RC_OK) {
            return on_chunk(blob, &message.chunk, now);
        }
        break;
    case BLOB_STATE:
        if (blob_state_decode(body, &message.state) == RC_OK) {
            return on_state(blob, &message.state);
        }
        break;
    }
    blob->status.bad++;
    return RC_OK;
}

static void sooner(struct mono_ms *next, int64_t at) {
    next->v = at < next->v ? at : next->v;
}

enum rc sync_blob_send(struct sync_blob *blob, struct moment now, struct mono_ms *inout_next) {
    enum rc rc = take_send(blob, now);
    if (rc == RC_OK) {
        rc = says_send(blob);
    }
    if (rc == RC_OK) {
        rc = give_send(blob, now);
    }
    if (blob->give.flight_count > 0) {
        sooner(inout_next, blob->give.heard.v + pace_retry_ms(&blob->pace));
    }
    if (blob->take.phase == TAKE_ACTIVE) {
        sooner(inout_next, blob->take.need_at.v + blob->take.retry_ms);
    }
    if (blob->take.phase == TAKE_ASKED || blob->give.phase == GIVE_OFFERED ||
        blob->offer_count > 0) {
        sooner(inout_next, now.mono.v + LOOK_EVERY_MS);
    }
    return rc;
}

void sync_blob_aborted(struct sync_blob *blob) {
    give_end(blob);
    take_end(blob);
    blob->give.row = 0;
    blob->take.row = 0;
    blob->take.done_any = false;
    blob->offers_at.v = 0;
    blob->say_count = 0;
    blob->offer_asked = false;
}

void sync_blob_status(const struct sync_blob *blob, struct sync_blob_status *out_status) {
    struct sync_blob_status status = blob->status;
    const struct giving *give = &blob->give;
    const struct taking *take = &blob->take;
    status.giving = give->phase == GIVE_ACTIVE;
    status.taking = take->phase == TAKE_ACTIVE;
    status.give = give->hash;
    status.give_size = give->size;
    status.give_held = give->held;
    status.take = take->hash;
    status.take_size = take->size;
    status.take_held = take->held_bytes;
    status.rate = pace_rate(&blob->pace);
    status.rtt_ms = blob->pace.rtt_ms;
    status.window_bytes = blob->pace.window;
    status.in_flight_bytes = blob->pace.in_flight;
    *out_status = status;
}
