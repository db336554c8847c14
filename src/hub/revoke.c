// What follows from a revocation at the hub: the statement of what it holds of a device or key that
// was withdrawn without a list, in the same commit, and the end of the device's session.
#include "hub_priv.h"

#include <string.h>

void hub_revoke_fold(struct hub *hub, struct rid subject, const struct roster_state *state) {
    struct hub_revoke revoke = {.subject = subject};
    bool due = false;
    if (state->what == ROSTER_DEVICE) {
        hub->sessions_due |= state->as.device.revoked;
        due = state->as.device.revoked && !state->as.device.listed;
        revoke.device = subject;
    }
    for (uint8_t i = 0; state->what == ROSTER_PERSON && i < state->as.person.key_count; i++) {
        const struct roster_key *key = &state->as.person.keys[i];
        if (key->revoked && !key->listed) {
            due = true;
            revoke.device = key->device;
            revoke.key = key_id_of(&key->key);
        }
    }
    for (uint32_t i = 0; i < hub->revoke_count; i++) {
        due &= !rid_equal(hub->revokes[i].subject, subject) ||
               !id16_equal(hub->revokes[i].key.id, revoke.key.id);
    }
    // One that finds no room goes without a statement: nothing later is good then.
    if (due && hub->revoke_count < HUB_REVOKES_MAX) {
        hub->revokes[hub->revoke_count++] = revoke;
    }
}

struct look {
    struct hub *hub;
    struct hub_revoke *revoke;
    struct public_key device_key;
};

static enum rc look_chain(void *ctx, const struct store_chain *chain) {
    struct look *look = ctx;
    struct store_author author;
    enum rc rc = store_author_get(look->hub->store, chain->id.author, &author);
    if (rc != RC_OK) {
        return rc == RC_NOT_FOUND ? RC_OK : rc;
    }
    if (chain->head.seq == 0 || look->revoke->count == ROSTER_GOODS_MAX ||
        memcmp(author.device_key.b, look->device_key.b, PUBLIC_KEY_BYTES) != 0) {
        return RC_OK;
    }
    look->revoke->chains[look->revoke->count] = chain->id;
    look->revoke->seqs[look->revoke->count++] = chain->head.seq;
    return RC_OK;
}

void hub_revokes_look(struct hub *hub) {
    for (uint32_t i = 0; i < hub->revoke_count; i++) {
        struct hub_revoke *revoke = &hub->revokes[i];
        const struct roster_device *device = roster_device(hub->roster, revoke->device);
        if (revoke->looked || !device) {
            continue;
        }
        struct look look = {.hub = hub, .revoke = revoke, .device_key = device->key};
        revoke->count = 0;
        enum rc rc = store_chains(hub->store, look_chain, &look);
        revoke->looked = rc == RC_OK;
        hub->trouble = rc == RC_NO_MEMORY ? rc : hub->trouble;
    }
}

enum rc hub_revokes_write(struct hub *hub) {
    enum rc rc = RC_OK;
    hub_revokes_look(hub);
    for (uint32_t i = 0; i < hub->revoke_count && rc == RC_OK; i++) {
        const struct hub_revoke *revoke = &hub->revokes[i];
        const struct module *module;
        if (!revoke->looked) {
            return hub->trouble != RC_OK ? hub->trouble : RC_IO;
        }
        buf_reset(&hub->body);
        struct body body =
            body_start(registry_kind(app_registry(), KIND_REVOKE_HEADS, &module), &hub->body);
        for (uint8_t k = 0; k < revoke->count; k++) {
            roster_good_put(&body, &revoke->chains[k], revoke->seqs[k]);
        }
        if (!id16_is_zero(revoke->key.id)) {
            body_put_bytes(&body, REVOKE_KEY, revoke->key.id.b, ID_BYTES);
        }
        rc = hub_state(hub, KIND_REVOKE_HEADS, &revoke->subject, NULL);
    }
    if (rc == RC_OK) {
        hub->revoke_count = 0;
    }
    return rc;
}

void hub_sessions_end(struct hub *hub) {
    struct rid device;
    for (uint32_t i = 0; hub->sessions_due && roster_device_at(hub->roster, i, &device); i++) {
        if (roster_device_revoked(hub->roster, device)) {
            sync_hub_drop(hub->sync, device);
        }
    }
    hub->sessions_due = false;
}
