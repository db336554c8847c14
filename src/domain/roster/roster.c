#include "davy/domain/roster/roster.h"

#include "davy/base/ensure.h"
#include "roster_priv.h"

#include <string.h>

// A state is compared and stored as bytes: members are written one by one into zeroed memory, so
// that its padding stays zero.

static void fold_genesis(struct roster_state *state, const struct fold_entry *entry) {
    struct slice body = entry->content->body;
    if (state->what != ROSTER_NOTHING) {
        return;
    }
    struct roster_site *site = &state->as.site;
    uint64_t threshold = 0;
    uint64_t demo = 0;
    (void)body_uint(body, GENESIS_THRESHOLD, &threshold);
    (void)body_uint(body, GENESIS_DEMO, &demo);
    uint32_t roots = roster_body_roots(body, GENESIS_ROOT_KEY, site->roots);
    state->what = ROSTER_SITE;
    body_text(body, GENESIS_NAME, site->name, sizeof(site->name));
    site->root_count = (uint8_t)(roots < ROSTER_ROOTS_MAX ? roots : ROSTER_ROOTS_MAX);
    site->threshold = (uint8_t)(threshold < ROSTER_ROOTS_MAX ? threshold : ROSTER_ROOTS_MAX);
    site->demo = demo != 0;
}

static void person_texts(struct roster_person *person, struct slice body) {
    body_text(body, PERSON_NAME, person->name, sizeof(person->name));
    body_text(body, PERSON_NUMBER, person->number, sizeof(person->number));
    body_text(body, PERSON_EMPLOYER, person->employer, sizeof(person->employer));
    body_text(body, PERSON_JOB, person->job, sizeof(person->job));
}

static void fold_person(struct roster_state *state, const struct fold_entry *entry) {
    if (state->what != ROSTER_NOTHING) {
        return;
    }
    state->what = ROSTER_PERSON;
    person_texts(&state->as.person, entry->content->body);
    state->proposed = roster_propose(state, entry);
}

// What a device row says of a hub of another tier.
static void fold_tier(struct roster_device *device, struct slice body) {
    struct slice site;
    uint64_t audience = AUDIENCE_PARK;
    struct body_reader reader = body_read(body);
    struct field_value value;
    if (device->kind == DEVICE_CHILD && body_bytes(body, DEVICE_SITE, &site) &&
        site.len == ID_BYTES) {
        memcpy(device->site.id.b, site.data, ID_BYTES);
    }
    if (device->kind != DEVICE_PARENT) {
        return;
    }
    (void)body_uint(body, DEVICE_AUDIENCE, &audience);
    device->audience = audience == AUDIENCE_CITY ? AUDIENCE_CITY : AUDIENCE_PARK;
    while (body_next(&reader, &value)) {
        if (value.tag == DEVICE_ORDERS && device->order_count < ROSTER_ORDERS_MAX &&
            value.number <= UINT16_MAX) {
            device->orders[device->order_count++] = (uint16_t)value.number;
        }
    }
}

static void fold_device(struct roster_state *state, const struct fold_entry *entry) {
    struct slice body = entry->content->body;
    if (state->what != ROSTER_NOTHING) {
        return;
    }
    struct roster_device *device = &state->as.device;
    uint64_t kind = 0;
    (void)body_uint(body, DEVICE_KIND, &kind);
    state->what = ROSTER_DEVICE;
    body_text(body, DEVICE_NAME, device->name, sizeof(device->name));
    body_text(body, DEVICE_ACCOUNT, device->account, sizeof(device->account));
    device->kind = (uint8_t)(kind <= DEVICE_KIND_LAST ? kind : 0);
    (void)roster_body_key(body, DEVICE_KEY, &device->key);
    fold_tier(device, body);
    state->proposed = roster_propose(state, entry);
}

static bool role_of_body(struct slice body, struct roster_role *out_role) {
    struct role_of role;
    if (!roster_role_read(body, &role)) {
        return false;
    }
    memset(out_role, 0, sizeof(*out_role));
    out_role->role = (uint8_t)role.role;
    memcpy(out_role->area, role.area, strlen(role.area));
    (void)body_int(body, ROLE_FROM, &out_role->from.v);
    (void)body_int(body, ROLE_UNTIL, &out_role->until.v);
    return true;
}

static void fold_grant(struct roster_state *state, const struct fold_entry *entry) {
    struct roster_role role;
    if (state->what == ROSTER_PERSON && role_of_body(entry->content->body, &role) &&
        !roster_propose(state, entry)) {
        roster_role_grant(&state->as.person, &role);
    }
}

static void fold_revoke(struct roster_state *state, const struct fold_entry *entry) {
    struct roster_role role;
    if (state->what == ROSTER_PERSON && role_of_body(entry->content->body, &role) &&
        !roster_propose(state, entry)) {
        roster_role_revoke(state, &role);
    }
}

// Keys are never dropped: signatures made by them must verify for ever. A newer one of the same
// device takes the place of the older for new acts.
static void add_key(struct roster_person *person, const struct public_key *key, struct rid device) {
    if (person->key_count == ROSTER_PERSON_KEYS_MAX) {
        return;
    }
    for (uint8_t i = 0; i < person->key_count; i++) {
        if (public_key_equal(&person->keys[i].key, key)) {
            return;
        }
    }
    for (uint8_t i = 0; i < person->key_count; i++) {
        person->keys[i].replaced |= rid_equal(person->keys[i].device, device);
    }
    struct roster_key *slot = &person->keys[person->key_count++];
    slot->key = *key;
    slot->device = device;
}

static void fold_certify(struct roster_state *state, const struct fold_entry *entry) {
    struct slice body = entry->content->body;
    struct public_key key;
    struct rid device;
    if (state->what == ROSTER_PERSON && roster_body_key(body, CERTIFY_KEY, &key) &&
        roster_body_id(body, CERTIFY_DEVICE, &device.id)) {
        add_key(&state->as.person, &key, device);
    }
}

// The same role in every area that is named.
static void witness_roles(struct roster_person *person, struct slice body) {
    struct body_reader reader = body_read(body);
    struct field_value value;
    struct roster_role role;
    uint64_t number = 0;
    memset(&role, 0, sizeof(role));
    (void)body_uint(body, WITNESS_ROLE, &number);
    (void)body_int(body, WITNESS_FROM, &role.from.v);
    (void)body_int(body, WITNESS_UNTIL, &role.until.v);
    role.role = (uint8_t)(number < ROLE_COUNT ? number : ROLE_VIEWER);
    while (body_next(&reader, &value)) {
        if (value.tag == WITNESS_AREA && value.bytes.len <= LIMIT_TAG_BYTES) {
            memset(role.area, 0, sizeof(role.area));
            memcpy(role.area, value.bytes.data, value.bytes.len);
            roster_role_grant(person, &role);
        }
    }
}

static void fold_witness(struct roster_state *state, const struct fold_entry *entry) {
    struct slice body = entry->content->body;
    struct public_key key;
    if (state->what != ROSTER_NOTHING || !roster_body_key(body, WITNESS_KEY, &key)) {
        return;
    }
    state->what = ROSTER_PERSON;
    person_texts(&state->as.person, body);
    state->as.person.witnessed = true;
    witness_roles(&state->as.person, body);
    add_key(&state->as.person, &key, entry->content->device);
    state->proposed = roster_propose(state, entry);
}

// The first decision about a record stands, whoever comes later.
static void fold_review(struct roster_state *state, const struct fold_entry *entry) {
    uint64_t decision = 0;
    if (state->what != ROSTER_NOTHING ||
        !body_uint(entry->content->body, REVIEW_DECISION, &decision)) {
        return;
    }
    state->what = ROSTER_REVIEW;
    state->as.review.decision = (uint8_t)(decision == REVIEW_RELEASE ? decision : REVIEW_REJECT);
    state->as.review.person = entry->content->person;
    state->as.review.time = entry->content->time;
}

// Both branches are kept by the hub; here the device is only marked.
static void fold_fork(struct roster_state *state, const struct fold_entry *entry) {
    (void)entry;
    if (state->what == ROSTER_DEVICE && state->as.device.forks < UINT8_MAX) {
        state->as.device.forks++;
    }
}

static const struct {
    uint16_t kind;
    void (*fold)(struct roster_state *state, const struct fold_entry *entry);
} folds[] = {
    {KIND_SITE_GENESIS, fold_genesis},
    {KIND_PERSON_ADD, fold_person},
    {KIND_DEVICE_ADD, fold_device},
    {KIND_ROLE_GRANT, fold_grant},
    {KIND_ROLE_REVOKE, fold_revoke},
    {KIND_KEY_CERTIFY, fold_certify},
    {KIND_DEVICE_REVOKE, roster_fold_device_revoke},
    {KIND_KEY_REVOKE, roster_fold_key_revoke},
    {KIND_REVIEW_DECIDE, fold_review},
    {KIND_ROSTER_SECOND, roster_fold_second},
    {KIND_ROOTS_CHANGE, roster_fold_roots},
    {KIND_PERSON_WITNESS, fold_witness},
    {KIND_REVOKE_HEADS, roster_fold_heads},
    {KIND_AUTHOR_FORK, fold_fork},
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
            folds[i].fold(roster, entry);
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
    case ROSTER_REVIEW:
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
    .fold_version = 4,
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
