#include "davy/domain/roster/roster.h"

#include "davy/base/ensure.h"
#include "davy/base/map.h"
#include "roster_priv.h"

#include <stdlib.h>
#include <string.h>

// Every key of these maps is chosen by the site's own administrators or is a hash.
#define MAP_SEED UINT64_C(0x64617679)
#define KEY_SLOT_BITS 5 // a key's value: person index and place among that person's keys
#define KEY_SLOT_MASK ((1u << KEY_SLOT_BITS) - 1)
_Static_assert(ROSTER_PERSON_KEYS_MAX <= KEY_SLOT_MASK, "a key's place fits its bits");

// Proposals are few, and most people have none.
struct proposal_rows {
    struct roster_proposal *rows;
    uint8_t count;
};
struct person_row {
    struct rid rid;
    bool needs_newer;
    bool proposed;
    struct proposal_rows proposals;
    struct roster_person person;
};
struct device_row {
    struct rid rid;
    struct proposal_rows proposals;
    struct roster_device device;
};

// Rows of persons are allocated one by one, as most of their room is empty; pointers to them hold.
struct roster {
    bool has_site;
    struct rid site_subject;
    struct roster_site site;
    struct person_row **persons;
    struct device_row **devices;
    uint32_t person_count;
    uint32_t device_count;
    uint32_t role_count;
    uint32_t key_count;
    struct map *person_by_rid;
    struct map *person_by_number;
    struct map *person_by_key;
    struct map *device_by_rid;
    struct map *device_by_key;
    struct map *device_by_account;
};

enum rc roster_new(struct roster **out_roster) {
    struct roster *roster = calloc(1, sizeof(*roster));
    if (roster == NULL) {
        return RC_NO_MEMORY;
    }
    const struct {
        uint32_t count_max;
        struct map **map;
    } maps[] = {
        {LIMIT_ROSTER_PERSONS, &roster->person_by_rid},
        {LIMIT_ROSTER_PERSONS, &roster->person_by_number},
        {LIMIT_ROSTER_KEYS, &roster->person_by_key},
        {LIMIT_ROSTER_DEVICES, &roster->device_by_rid},
        {LIMIT_ROSTER_DEVICES, &roster->device_by_key},
        {LIMIT_ROSTER_DEVICES, &roster->device_by_account},
    };
    enum rc rc = RC_OK;
    for (size_t i = 0; i < COUNT_OF(maps) && rc == RC_OK; i++) {
        rc = map_new(maps[i].count_max, MAP_SEED, maps[i].map);
    }
    roster->persons = calloc(LIMIT_ROSTER_PERSONS, sizeof(*roster->persons));
    roster->devices = calloc(LIMIT_ROSTER_DEVICES, sizeof(*roster->devices));
    if (roster->persons == NULL || roster->devices == NULL) {
        rc = RC_NO_MEMORY;
    }
    if (rc != RC_OK) {
        roster_free(roster);
        return rc;
    }
    *out_roster = roster;
    return RC_OK;
}

void roster_free(struct roster *roster) {
    if (roster == NULL) {
        return;
    }
    for (uint32_t i = 0; i < roster->person_count; i++) {
        free(roster->persons[i]->proposals.rows);
        free(roster->persons[i]);
    }
    for (uint32_t i = 0; i < roster->device_count; i++) {
        free(roster->devices[i]->proposals.rows);
        free(roster->devices[i]);
    }
    free(roster->persons);
    free(roster->devices);
    map_free(roster->person_by_rid);
    map_free(roster->person_by_number);
    map_free(roster->person_by_key);
    map_free(roster->device_by_rid);
    map_free(roster->device_by_key);
    map_free(roster->device_by_account);
    free(roster);
}

static struct slice id_slice(const struct id16 *id) {
    return slice_of(id->b, ID_BYTES);
}

static struct rid person_rid(const struct roster *roster, uint32_t value) {
    return roster->persons[value]->rid;
}

static struct rid device_rid(const struct roster *roster, uint32_t value) {
    return roster->devices[value]->rid;
}

// Two subjects may claim one name or key. Who is enrolled goes before who is proposed, what is in
// use before what was revoked, and then the lower id, in whatever order they come, so that every
// replica finds the same one.
static bool person_first(const struct roster *roster, uint32_t a, uint32_t b) {
    const struct person_row *left = roster->persons[a];
    const struct person_row *right = roster->persons[b];
    if (left->proposed != right->proposed) {
        return right->proposed;
    }
    return id16_compare(left->rid.id, right->rid.id) < 0;
}

static bool key_first(const struct roster *roster, uint32_t a, uint32_t b) {
    return person_first(roster, a >> KEY_SLOT_BITS, b >> KEY_SLOT_BITS);
}

static bool device_first(const struct roster *roster, uint32_t a, uint32_t b) {
    const struct device_row *left = roster->devices[a];
    const struct device_row *right = roster->devices[b];
    if (left->device.revoked != right->device.revoked) {
        return right->device.revoked;
    }
    return id16_compare(left->rid.id, right->rid.id) < 0;
}

static enum rc claim(const struct roster *roster, struct map *map, struct slice key, uint32_t value,
                     bool (*first)(const struct roster *roster, uint32_t a, uint32_t b)) {
    uint32_t other = 0;
    if (key.len == 0) {
        return RC_OK;
    }
    if (map_get(map, key, &other) && other != value && first(roster, other, value)) {
        return RC_OK;
    }
    return map_set(map, key, value);
}

static enum rc proposals_set(struct proposal_rows *out, const struct roster_state *state) {
    struct roster_proposal *rows = NULL;
    if (state->proposal_count > 0) {
        rows = calloc(state->proposal_count, sizeof(*rows));
        if (rows == NULL) {
            return RC_NO_MEMORY;
        }
        memcpy(rows, state->proposals, state->proposal_count * sizeof(*rows));
    }
    free(out->rows);
    out->rows = rows;
    out->count = state->proposal_count;
    return RC_OK;
}

static enum rc site_set(struct roster *roster, struct rid subject, const struct roster_site *site) {
    if (roster->has_site && !rid_equal(roster->site_subject, subject)) {
        return RC_WRONG_SITE;
    }
    roster->has_site = true;
    roster->site_subject = subject;
    roster->site = *site;
    return RC_OK;
}

static enum rc person_claim(struct roster *roster, uint32_t index) {
    const struct roster_person *person = &roster->persons[index]->person;
    enum rc rc =
        claim(roster, roster->person_by_number, slice_text(person->number), index, person_first);
    for (uint8_t i = 0; i < person->key_count && rc == RC_OK; i++) {
        struct key_id id = key_id_of(&person->keys[i].key);
        rc = claim(roster, roster->person_by_key, id_slice(&id.id), index << KEY_SLOT_BITS | i,
                   key_first);
    }
    return rc;
}

// A new row at the end of the table, not yet counted.
static enum rc person_append(struct roster *roster, struct rid subject, uint32_t *out_index) {
    if (roster->person_count == LIMIT_ROSTER_PERSONS) {
        return RC_FULL;
    }
    struct person_row *row = calloc(1, sizeof(*row));
    if (row == NULL) {
        return RC_NO_MEMORY;
    }
    enum rc rc = map_set(roster->person_by_rid, id_slice(&subject.id), roster->person_count);
    if (rc != RC_OK) {
        free(row);
        return rc;
    }
    row->rid = subject;
    roster->persons[roster->person_count] = row;
    *out_index = roster->person_count++;
    return RC_OK;
}

static enum rc person_set(struct roster *roster, struct rid subject,
                          const struct roster_state *state) {
    const struct roster_person *person = &state->as.person;
    uint32_t index = 0;
    bool known = map_get(roster->person_by_rid, id_slice(&subject.id), &index);
    const struct roster_person *old = known ? &roster->persons[index]->person : NULL;
    uint32_t roles = roster->role_count - (known ? old->role_count : 0) + person->role_count;
    uint32_t keys = roster->key_count - (known ? old->key_count : 0) + person->key_count;
    if (roles > LIMIT_ROSTER_ROLES || keys > LIMIT_ROSTER_KEYS) {
        return RC_FULL;
    }
    enum rc rc = known ? RC_OK : person_append(roster, subject, &index);
    if (rc != RC_OK) {
        return rc;
    }
    roster->role_count = roles;
    roster->key_count = keys;
    roster->persons[index]->person = *person;
    roster->persons[index]->needs_newer = state->needs_newer;
    roster->persons[index]->proposed = state->proposed;
    rc = proposals_set(&roster->persons[index]->proposals, state);
    return rc == RC_OK ? person_claim(roster, index) : rc;
}

static enum rc device_append(struct roster *roster, struct rid subject, uint32_t *out_index) {
    if (roster->device_count == LIMIT_ROSTER_DEVICES) {
        return RC_FULL;
    }
    struct device_row *row = calloc(1, sizeof(*row));
    if (row == NULL) {
        return RC_NO_MEMORY;
    }
    enum rc rc = map_set(roster->device_by_rid, id_slice(&subject.id), roster->device_count);
    if (rc != RC_OK) {
        free(row);
        return rc;
    }
    row->rid = subject;
    roster->devices[roster->device_count] = row;
    *out_index = roster->device_count++;
    return RC_OK;
}

// A device that is only proposed is none.
static enum rc device_set(struct roster *roster, struct rid subject,
                          const struct roster_state *state) {
    const struct roster_device *device = &state->as.device;
    uint32_t index = 0;
    if (state->proposed) {
        return RC_OK;
    }
    bool known = map_get(roster->device_by_rid, id_slice(&subject.id), &index);
    enum rc rc = known ? RC_OK : device_append(roster, subject, &index);
    if (rc != RC_OK) {
        return rc;
    }
    struct device_row *row = roster->devices[index];
    row->device = *device;
    rc = proposals_set(&row->proposals, state);
    if (rc == RC_OK) {
        rc = claim(roster, roster->device_by_key, slice_of(device->key.b, PUBLIC_KEY_BYTES), index,
                   device_first);
    }
    if (rc != RC_OK) {
        return rc;
    }
    return claim(roster, roster->device_by_account, slice_text(device->account), index,
                 device_first);
}

enum rc roster_set(struct roster *roster, struct rid subject, const struct roster_state *state) {
    switch ((enum roster_what)state->what) {
    case ROSTER_NOTHING:
    case ROSTER_REVIEW:
        return RC_OK;
    case ROSTER_SITE:
        return site_set(roster, subject, &state->as.site);
    case ROSTER_PERSON:
        return person_set(roster, subject, state);
    case ROSTER_DEVICE:
        return device_set(roster, subject, state);
    }
    return RC_INVALID;
}

const struct roster_site *roster_site(const struct roster *roster) {
    return roster->has_site ? &roster->site : NULL;
}

const struct roster_person *roster_person(const struct roster *roster, struct rid person) {
    uint32_t index = 0;
    bool known = map_get(roster->person_by_rid, id_slice(&person.id), &index);
    return known ? &roster->persons[index]->person : NULL;
}

bool roster_needs_newer(const struct roster *roster, struct rid person) {
    uint32_t index = 0;
    return map_get(roster->person_by_rid, id_slice(&person.id), &index) &&
           roster->persons[index]->needs_newer;
}

const struct roster_device *roster_device(const struct roster *roster, struct rid device) {
    uint32_t index = 0;
    bool known = map_get(roster->device_by_rid, id_slice(&device.id), &index);
    return known ? &roster->devices[index]->device : NULL;
}

bool roster_person_by_number(const struct roster *roster, const char *number,
                             struct rid *out_person) {
    uint32_t index = 0;
    if (!map_get(roster->person_by_number, slice_text(number), &index)) {
        return false;
    }
    *out_person = person_rid(roster, index);
    return true;
}

bool roster_device_by_key(const struct roster *roster, const struct public_key *key,
                          struct rid *out_device) {
    uint32_t index = 0;
    if (!map_get(roster->device_by_key, slice_of(key->b, PUBLIC_KEY_BYTES), &index)) {
        return false;
    }
    *out_device = device_rid(roster, index);
    return true;
}

bool roster_device_by_account(const struct roster *roster, const char *account,
                              struct rid *out_device) {
    uint32_t index = 0;
    if (!map_get(roster->device_by_account, slice_text(account), &index)) {
        return false;
    }
    *out_device = device_rid(roster, index);
    return true;
}

uint32_t roster_person_count(const struct roster *roster) {
    return roster->person_count;
}

bool roster_person_at(const struct roster *roster, uint32_t index, struct rid *out_person) {
    if (index >= roster->person_count) {
        return false;
    }
    *out_person = person_rid(roster, index);
    return true;
}

uint32_t roster_device_count(const struct roster *roster) {
    return roster->device_count;
}

bool roster_device_at(const struct roster *roster, uint32_t index, struct rid *out_device) {
    if (index >= roster->device_count) {
        return false;
    }
    *out_device = device_rid(roster, index);
    return true;
}

bool roster_person_is_proposed(const struct roster *roster, struct rid person) {
    uint32_t index = 0;
    return map_get(roster->person_by_rid, id_slice(&person.id), &index) &&
           roster->persons[index]->proposed;
}

uint8_t roster_proposals(const struct roster *roster, struct rid subject,
                         const struct roster_proposal **out_rows) {
    uint32_t index = 0;
    const struct proposal_rows *rows = NULL;
    if (map_get(roster->person_by_rid, id_slice(&subject.id), &index)) {
        rows = &roster->persons[index]->proposals;
    } else if (map_get(roster->device_by_rid, id_slice(&subject.id), &index)) {
        rows = &roster->devices[index]->proposals;
    }
    if (rows == NULL || rows->count == 0) {
        return 0;
    }
    *out_rows = rows->rows;
    return rows->count;
}

// ---- Keys ----

static bool root_key(const struct roster *roster, struct key_id key,
                     struct roster_key_owner *out_owner) {
    const struct roster_site *site = &roster->site;
    const struct {
        const struct public_key *keys;
        uint8_t count;
        enum roster_root which;
    } sets[] = {
        {site->roots, site->root_count, ROOT_NOW},
        {site->next.keys, site->next.count, ROOT_NEXT},
        {site->retired, site->retired_count, ROOT_RETIRED},
    };
    for (size_t s = 0; roster->has_site && s < COUNT_OF(sets); s++) {
        for (uint8_t i = 0; i < sets[s].count; i++) {
            if (id16_equal(key_id_of(&sets[s].keys[i]).id, key.id)) {
                *out_owner = (struct roster_key_owner){
                    .key = sets[s].keys[i], .root = true, .which = sets[s].which};
                return true;
            }
        }
    }
    return false;
}

static const struct person_row *key_row(const struct roster *roster, struct key_id key,
                                        uint8_t *out_slot) {
    uint32_t value = 0;
    if (!map_get(roster->person_by_key, id_slice(&key.id), &value)) {
        return NULL;
    }
    *out_slot = (uint8_t)(value & KEY_SLOT_MASK);
    return roster->persons[value >> KEY_SLOT_BITS];
}

// A person's key first: there are many, and a root key signs rarely.
bool roster_key(const struct roster *roster, struct key_id key,
                struct roster_key_owner *out_owner) {
    uint8_t slot = 0;
    const struct person_row *row = key_row(roster, key, &slot);
    if (row == NULL || row->proposed) {
        struct roster_key_owner root;
        if (root_key(roster, key, &root)) {
            *out_owner = root;
            return true;
        }
    }
    if (row == NULL) {
        return false;
    }
    const struct roster_key *found = &row->person.keys[slot];
    *out_owner = (struct roster_key_owner){
        .person = row->rid,
        .device = found->device,
        .key = found->key,
        .revoked = found->revoked,
    };
    return true;
}

// ---- Revocation ----

bool roster_device_revoked(const struct roster *roster, struct rid device) {
    const struct roster_device *row = roster_device(roster, device);
    return row != NULL && row->revoked;
}

enum refusal_code roster_after_good(const struct roster *roster, const struct content *content,
                                    const struct place *place) {
    const struct roster_device *device = roster_device(roster, content->device);
    uint8_t slot = 0;
    if (device != NULL && device->revoked && !roster_place_is_good(&device->goods, 0, place)) {
        return REFUSAL_DEVICE_REVOKED;
    }
    if (id16_is_zero(content->key.id)) {
        return REFUSAL_NONE;
    }
    const struct person_row *row = key_row(roster, content->key, &slot);
    if (row != NULL && row->person.keys[slot].revoked &&
        !roster_place_is_good(&row->person.goods, slot, place)) {
        return REFUSAL_KEY_REVOKED;
    }
    return REFUSAL_NONE;
}
