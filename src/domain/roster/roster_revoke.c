#include "roster_priv.h"

#include <string.h>

static bool same_chain(const struct roster_good *good, const struct chain_id *chain) {
    return author_equal(good->author, chain->author) && good->lane == chain->lane &&
           good->audience == chain->audience;
}

static struct roster_good *find(struct roster_goods *goods, uint8_t of,
                                const struct chain_id *chain) {
    for (uint8_t i = 0; i < goods->count; i++) {
        if (goods->good[i].of == of && same_chain(&goods->good[i], chain)) {
            return &goods->good[i];
        }
    }
    return NULL;
}

static void drop(struct roster_goods *goods, uint8_t at) {
    goods->count--;
    struct roster_good *slot = &goods->good[at];
    memmove(slot, slot + 1, (size_t)(goods->count - at) * sizeof(*slot));
    memset(&goods->good[goods->count], 0, sizeof(*slot));
}

// What does not fit has no good place: it is held or disputed, never passed.
static void add(struct roster_goods *goods, uint8_t of, const struct roster_good *good) {
    const struct chain_id chain = {good->author, good->lane, good->audience};
    struct roster_good *slot = find(goods, of, &chain);
    if (slot == NULL && goods->count < ROSTER_GOODS_MAX) {
        slot = &goods->good[goods->count++];
        slot->author = good->author;
        slot->seq = good->seq;
        slot->lane = good->lane;
        slot->audience = good->audience;
        slot->of = of;
    } else if (slot != NULL && good->seq > slot->seq) {
        slot->seq = good->seq;
    }
}

// The place of one chain in a list; 0 if the list does not name it.
static uint64_t listed_seq(struct slice body, const struct roster_good *of) {
    const struct chain_id chain = {of->author, of->lane, of->audience};
    struct body_reader reader = body_read(body);
    struct field_value value;
    uint64_t seq = 0;
    while (body_next(&reader, &value)) {
        struct roster_good good;
        if (value.tag == REVOKE_GOOD && roster_good_read(value.bytes, &good) &&
            same_chain(&good, &chain) && good.seq > seq) {
            seq = good.seq;
        }
    }
    return seq;
}

static void take_first(struct roster_goods *goods, uint8_t of, struct slice body) {
    struct body_reader reader = body_read(body);
    struct field_value value;
    while (body_next(&reader, &value)) {
        struct roster_good good;
        if (value.tag == REVOKE_GOOD && roster_good_read(value.bytes, &good)) {
            add(goods, of, &good);
        }
    }
}

// Good is what every list calls good, in whatever order they come.
static void take_list(struct roster_goods *goods, uint8_t of, bool listed, struct slice body) {
    if (!listed) {
        take_first(goods, of, body);
        return;
    }
    for (uint8_t i = goods->count; i-- > 0;) {
        struct roster_good *good = &goods->good[i];
        if (good->of == of) {
            uint64_t seq = listed_seq(body, good);
            good->seq = seq < good->seq ? seq : good->seq;
            if (good->seq == 0) {
                drop(goods, i);
            }
        }
    }
}

bool roster_place_is_good(const struct roster_goods *goods, uint8_t of, const struct place *place) {
    for (uint8_t i = 0; i < goods->count; i++) {
        const struct roster_good *good = &goods->good[i];
        if (good->of == of && same_chain(good, &place->chain)) {
            return place->seq <= good->seq;
        }
    }
    return false;
}

static uint8_t key_index(const struct roster_person *person, struct key_id key) {
    uint8_t i = 0;
    while (i < person->key_count && !id16_equal(key_id_of(&person->keys[i].key).id, key.id)) {
        i++;
    }
    return i;
}

void roster_key_revoke(struct roster_person *person, struct key_id key) {
    uint8_t at = key_index(person, key);
    if (at < person->key_count) {
        person->keys[at].revoked = true;
    }
}

static void take_device(struct roster_state *state, struct slice body) {
    struct roster_device *device = &state->as.device;
    take_list(&device->goods, 0, device->listed, body);
    device->listed = true;
}

static void take_key(struct roster_state *state, struct slice body) {
    struct roster_person *person = &state->as.person;
    struct key_id key;
    if (!roster_body_id(body, REVOKE_KEY, &key.id)) {
        return;
    }
    uint8_t at = key_index(person, key);
    if (at < person->key_count) {
        take_list(&person->goods, at, person->keys[at].listed, body);
        person->keys[at].listed = true;
    }
}

void roster_fold_device_revoke(struct roster_state *state, const struct fold_entry *entry) {
    struct slice body = entry->content->body;
    if (state->what != ROSTER_DEVICE || roster_propose(state, entry)) {
        return;
    }
    state->as.device.revoked = true;
    if (roster_body_count(body, REVOKE_GOOD) > 0) {
        take_device(state, body);
    }
}

void roster_fold_key_revoke(struct roster_state *state, const struct fold_entry *entry) {
    struct slice body = entry->content->body;
    struct key_id key;
    if (state->what != ROSTER_PERSON || !roster_body_id(body, REVOKE_KEY, &key.id) ||
        roster_propose(state, entry)) {
        return;
    }
    roster_key_revoke(&state->as.person, key);
    if (roster_body_count(body, REVOKE_GOOD) > 0) {
        take_key(state, body);
    }
}

void roster_fold_heads(struct roster_state *state, const struct fold_entry *entry) {
    if (state->what == ROSTER_DEVICE) {
        take_device(state, entry->content->body);
    } else if (state->what == ROSTER_PERSON) {
        take_key(state, entry->content->body);
    }
}
