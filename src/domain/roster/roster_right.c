#include "davy/domain/roster/roster.h"

#include "davy/base/ensure.h"
#include "roster_priv.h"

#include <string.h>

// One question: may this record be written?
struct right {
    const struct roster *roster;
    const struct kind *kind;
    const struct content *content;
    const char *area;
    struct refusal *out;
};

static enum rc refuse_id(const struct right *right, enum refusal_code code, struct id16 id) {
    char text[ID_SHORT_BYTES];
    id16_short(id, text);
    return REFUSE(right->out, code, right->kind->name, text);
}

static bool role_is_now(const struct roster_role *role, struct utc_ms time) {
    return time.v >= role->from.v && (role->until.v == 0 || time.v < role->until.v);
}

static bool role_is_in(const struct roster_role *role, const char *area) {
    return area == NULL || role->area[0] == '\0' || strcmp(role->area, area) == 0;
}

bool roster_holds(const struct roster *roster, struct rid person, uint32_t roles, const char *area,
                  struct utc_ms time) {
    const struct roster_person *row = roster_person(roster, person);
    if (row == NULL || roster_needs_newer(roster, person)) {
        return false;
    }
    // A witnessed worker's roles are those that the witness named: acts by them are held, not
    // refused.
    if (roster_person_is_proposed(roster, person) && !row->witnessed) {
        return false;
    }
    for (uint8_t i = 0; i < row->role_count; i++) {
        const struct roster_role *role = &row->roles[i];
        if ((roles & ROLE_BIT(role->role)) != 0 && role_is_now(role, time) &&
            role_is_in(role, area)) {
            return true;
        }
    }
    return false;
}

static enum rc check_device(const struct right *right, const struct roster_device **out_device) {
    const struct roster_device *device = roster_device(right->roster, right->content->device);
    if (device == NULL) {
        return refuse_id(right, REFUSAL_DEVICE_UNKNOWN, right->content->device.id);
    }
    if ((right->kind->flags & KIND_HUB) != 0 && device->kind != DEVICE_HUB) {
        return REFUSE(right->out, REFUSAL_RIGHT_MISSING, right->kind->name, device->name);
    }
    *out_device = device;
    return RC_OK;
}

// What the device's seal carries; whether the seal is that device's is the caller's to verify.
static enum rc check_sealed(const struct right *right) {
    const struct roster_device *device = NULL;
    enum rc rc = check_device(right, &device);
    if (rc != RC_OK || right->kind->number != KIND_AUTHOR_OPEN) {
        return rc;
    }
    struct public_key key;
    if (!roster_body_key(right->content->body, AUTHOR_OPEN_DEVICE_KEY, &key) ||
        !public_key_equal(&key, &device->key)) {
        return refuse_id(right, REFUSAL_DEVICE_MISMATCH, right->content->device.id);
    }
    return RC_OK;
}

// A root key stands above people. Whether it acts alone is a matter of the act
// (roster_check_facts). The keys of a proposed change sign for that change and nothing else;
// retired ones sign nothing.
static enum rc check_root(const struct right *right, const struct roster_key_owner *owner) {
    const struct content *content = right->content;
    if ((right->kind->roles & ROLE_BIT(ROLE_ROOT)) == 0) {
        return REFUSE(right->out, REFUSAL_RIGHT_MISSING, right->kind->name, role_name(ROLE_ROOT));
    }
    if (owner->which == ROOT_RETIRED) {
        return refuse_id(right, REFUSAL_KEY_REVOKED, content->key.id);
    }
    if (!rid_is_zero(content->person) ||
        (owner->which == ROOT_NEXT && right->kind->number != KIND_ROSTER_SECOND)) {
        return refuse_id(right, REFUSAL_KEY_UNKNOWN, content->key.id);
    }
    const struct roster_device *device = NULL;
    return rid_is_zero(content->device) ? RC_OK : check_device(right, &device);
}

static enum rc check_role(const struct right *right) {
    const struct content *content = right->content;
    const char *name = roster_person(right->roster, content->person)->name;
    bool by_area = (right->kind->flags & KIND_BY_AREA) != 0;
    const char *area = right->area != NULL ? right->area : "";
    if (roster_needs_newer(right->roster, content->person)) {
        return REFUSE(right->out, REFUSAL_NEEDS_NEWER, right->kind->name, name);
    }
    if (!roster_holds(right->roster, content->person, right->kind->roles, NULL, content->time)) {
        return REFUSE(right->out, REFUSAL_RIGHT_MISSING, right->kind->name, name);
    }
    if (by_area &&
        !roster_holds(right->roster, content->person, right->kind->roles, area, content->time)) {
        return REFUSE(right->out, REFUSAL_ROLE_AREA, right->kind->name, name, area);
    }
    return RC_OK;
}

static enum rc check_person(const struct right *right, const struct roster_key_owner *owner) {
    const struct content *content = right->content;
    const struct roster_device *device = NULL;
    if (roster_person(right->roster, content->person) == NULL) {
        return refuse_id(right, REFUSAL_PERSON_UNKNOWN, content->person.id);
    }
    if (!rid_equal(owner->person, content->person)) {
        return refuse_id(right, REFUSAL_KEY_UNKNOWN, content->key.id);
    }
    enum rc rc = check_device(right, &device);
    if (rc != RC_OK) {
        return rc;
    }
    if (!rid_equal(owner->device, content->device)) {
        return refuse_id(right, REFUSAL_DEVICE_MISMATCH, content->device.id);
    }
    return check_role(right);
}

// A genesis founds its own site and brings its own keys.
static enum rc check_genesis(const struct right *right) {
    if (roster_site(right->roster) != NULL) {
        return REFUSE(right->out, REFUSAL_WRONG_SITE, right->kind->name);
    }
    struct public_key roots[ROSTER_ROOTS_MAX];
    uint32_t count = roster_body_roots(right->content->body, GENESIS_ROOT_KEY, roots);
    for (uint32_t i = 0; i < count && i < ROSTER_ROOTS_MAX; i++) {
        if (id16_equal(key_id_of(&roots[i]).id, right->content->key.id)) {
            return RC_OK;
        }
    }
    return refuse_id(right, REFUSAL_KEY_UNKNOWN, right->content->key.id);
}

enum rc roster_check_right(const struct roster *roster, const struct kind *kind,
                           const struct content *content, const char *area,
                           struct refusal *out_refusal) {
    struct right right = {roster, kind, content, area, out_refusal};
    if ((kind->flags & KIND_SEALED) != 0) {
        return check_sealed(&right);
    }
    if (id16_is_zero(content->key.id)) {
        return REFUSE(out_refusal, REFUSAL_NOT_SIGNED, kind->name);
    }
    if ((kind->flags & KIND_FOUNDS) != 0) {
        return check_genesis(&right);
    }
    struct roster_key_owner owner;
    if (!roster_key(roster, content->key, &owner)) {
        return refuse_id(&right, REFUSAL_KEY_UNKNOWN, content->key.id);
    }
    return owner.root ? check_root(&right, &owner) : check_person(&right, &owner);
}
