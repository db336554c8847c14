#include "davy/domain/roster/roster.h"

#include "davy/base/ensure.h"
#include "roster_priv.h"

#include <string.h>

// A state is compared and stored as bytes: members are written one by one into zeroed memory, so
// that its padding stays zero.

static void fold_genesis(struct roster_state *state, const struct content *content) {
    if (state->what != ROSTER_NOTHING) {
        return;
    }
    struct roster_site *site = &state->as.site;
    uint64_t threshold = 0;
    uint64_t demo = 0;
    (void)body_uint(content->body, GENESIS_THRESHOLD, &threshold);
    (void)body_uint(content->body, GENESIS_DEMO, &demo);
    uint32_t roots = roster_body_roots(content->body, site->roots);
    state->what = ROSTER_SITE;
    body_text(content->body, GENESIS_NAME, site->name, sizeof(site->name));
    site->root_count = (uint8_t)(roots < ROSTER_ROOTS_MAX ? roots : ROSTER_ROOTS_MAX);
    site->threshold = (uint8_t)(threshold < ROSTER_ROOTS_MAX ? threshold : ROSTER_ROOTS_MAX);
    site->demo = demo != 0;
}

static void fold_person(struct roster_state *state, const struct content *content) {
    if (state->what != ROSTER_NOTHING) {
        return;
    }
    struct roster_person *person = &state->as.person;
    state->what = ROSTER_PERSON;
    body_text(content->body, PERSON_NAME, person->name, sizeof(person->name));
    body_text(content->body, PERSON_NUMBER, person->number, sizeof(person->number));
}

static void fold_device(struct roster_state *state, const struct content *content) {
    if (state->what != ROSTER_NOTHING) {
        return;
    }
    struct roster_device *device = &state->as.device;
    uint64_t kind = 0;
    (void)body_uint(content->body, DEVICE_KIND, &kind);
    state->what = ROSTER_DEVICE;
    body_text(content->body, DEVICE_NAME, device->name, sizeof(device->name));
    body_text(content->body, DEVICE_ACCOUNT, device->account, sizeof(device->account));
    device->kind = (uint8_t)(kind <= DEVICE_HANDHELD ? kind : 0);
    (void)roster_body_key(content->body, DEVICE_KEY, &device->key);
}

struct role_of {
    uint64_t role;
    char area[LIMIT_TAG_BYTES + 1];
};

// Root is a key of the genesis: no grant gives it, whatever a hub let pass.
static bool role_read(struct slice body, struct role_of *out_role) {
    body_text(body, ROLE_AREA, out_role->area, sizeof(out_role->area));
    return body_uint(body, ROLE_ROLE, &out_role->role) && out_role->role > ROLE_ROOT &&
           out_role->role < ROLE_COUNT;
}

static uint8_t role_find(const struct roster_person *person, const struct role_of *role) {
    uint8_t i = 0;
    while (i < person->role_count && (person->roles[i].role != role->role ||
                                      strcmp(person->roles[i].area, role->area) != 0)) {
        i++;
    }
    return i;
}

// A grant of the same role and area takes the place of the earlier one.
static void fold_grant(struct roster_state *state, const struct content *content) {
    struct roster_person *person = &state->as.person;
    struct role_of role;
    if (state->what != ROSTER_PERSON || !role_read(content->body, &role)) {
        return;
    }
    uint8_t at = role_find(person, &role);
    if (at == ROSTER_PERSON_ROLES_MAX) {
        return;
    }
    if (at == person->role_count) {
        person->role_count++;
    }
    struct roster_role *slot = &person->roles[at];
    memset(slot, 0, sizeof(*slot));
    slot->role = (uint8_t)role.role;
    memcpy(slot->area, role.area, strlen(role.area));
    (void)body_int(content->body, ROLE_FROM, &slot->from.v);
    (void)body_int(content->body, ROLE_UNTIL, &slot->until.v);
}

static void fold_revoke(struct roster_state *state, const struct content *content) {
    struct roster_person *person = &state->as.person;
    struct role_of role;
    if (state->what != ROSTER_PERSON || !role_read(content->body, &role)) {
        return;
    }
    uint8_t at = role_find(person, &role);
    if (at == person->role_count) {
        return;
    }
    person->role_count--;
    struct roster_role *slot = &person->roles[at];
    memmove(slot, slot + 1, (size_t)(person->role_count - at) * sizeof(*slot));
    memset(&person->roles[person->role_count], 0, sizeof(*slot));
}

// Keys are never dropped: signatures made by them must verify for ever.
static void fold_certify(struct roster_state *state, const struct content *content) {
    struct roster_person *person = &state->as.person;
    struct roster_key key;
    struct slice device;
    if (state->what != ROSTER_PERSON || person->key_count == ROSTER_PERSON_KEYS_MAX ||
        !roster_body_key(content->body, CERTIFY_KEY, &key.key) ||
        !body_bytes(content->body, CERTIFY_DEVICE, &device) || device.len != ID_BYTES) {
        return;
    }
    memcpy(key.device.id.b, device.data, ID_BYTES);
    for (uint8_t i = 0; i < person->key_count; i++) {
        if (public_key_equal(&person->keys[i].key, &key.key)) {
            return;
        }
    }
    person->keys[person->key_count++] = key;
}

static const struct {
    uint16_t kind;
    void (*fold)(struct roster_state *state, const struct content *content);
} folds[] = {
    {KIND_SITE_GENESIS, fold_genesis}, {KIND_PERSON_ADD, fold_person},
    {KIND_DEVICE_ADD, fold_device},    {KIND_ROLE_GRANT, fold_grant},
    {KIND_ROLE_REVOKE, fold_revoke},   {KIND_KEY_CERTIFY, fold_certify},
};

static void roster_fold(void *state, struct rid subject, const struct fold_entry *entry) {
    (void)subject;
    struct roster_state *roster = state;
    const struct kind *kind = roster_kind_row(entry->content->kind);
    if (kind == NULL || (entry->verdict != VERDICT_ACCEPTED && !entry->pending)) {
        return;
    }
    if (body_needs_newer(kind, entry->content->body)) {
        roster->needs_newer = true;
        return;
    }
    for (size_t i = 0; i < COUNT_OF(folds); i++) {
        if (folds[i].kind == kind->number) {
            folds[i].fold(roster, entry->content);
        }
    }
}

static const struct index_column columns[] = {
    {"what", INDEX_INT},
    {"name", INDEX_TEXT},
    {"number", INDEX_TEXT}, // badge of a person, account of a device
};

static void roster_index(const void *state, struct index_value *out_values) {
    const struct roster_state *roster = state;
    out_values[0] = (struct index_value){.number = roster->what};
    out_values[1] = (struct index_value){.text = ""};
    out_values[2] = (struct index_value){.text = ""};
    switch ((enum roster_what)roster->what) {
    case ROSTER_NOTHING:
        break;
    case ROSTER_SITE:
        out_values[1].text = roster->as.site.name;
        break;
    case ROSTER_PERSON:
        out_values[1].text = roster->as.person.name;
        out_values[2].text = roster->as.person.number;
        break;
    case ROSTER_DEVICE:
        out_values[1].text = roster->as.device.name;
        out_values[2].text = roster->as.device.account;
        break;
    }
}

static const char *roster_area(const void *state) {
    (void)state;
    return "";
}

const struct module roster_module = {
    .name = "roster",
    .fold_version = 1,
    .kinds = roster_kinds,
    .kind_count = ROSTER_KIND_COUNT,
    .state_bytes = sizeof(struct roster_state),
    .fold = roster_fold,
    .check = roster_check,
    .columns = columns,
    .column_count = COUNT_OF(columns),
    .index = roster_index,
    .area = roster_area,
};
