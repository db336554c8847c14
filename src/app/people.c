#include "app_priv.h"

#include "davy/app/authority.h"

#include <stdio.h>
#include <string.h>

// PINs that the demonstration prints. No real site takes them.
static const char *const demo_pins[] = {"13572468", "24681357", "11223344", "11111111", "22222222"};

static bool is_demo(const struct app *app) {
    const struct roster_site *site = roster_site(app->roster);
    return site && site->demo;
}

static enum rc check_new_pin(const struct app *app, const char *pin, struct refusal *out_refusal) {
    if (strspn(pin, "0123456789") != strlen(pin) || strlen(pin) < LIMIT_PIN_DIGITS_MIN_SIGNER ||
        strlen(pin) > LIMIT_PIN_DIGITS_MAX) {
        return REFUSE(out_refusal, REFUSAL_PIN_SHORT, "8");
    }
    for (size_t i = 0; i < COUNT_OF(demo_pins) && !is_demo(app); i++) {
        if (strcmp(demo_pins[i], pin) == 0) {
            return REFUSE(out_refusal, REFUSAL_PIN_DEMO, "");
        }
    }
    return RC_OK;
}

static int signed_index(const struct app *app, struct rid person) {
    for (uint32_t i = 0; i < app->people_count; i++) {
        if (rid_equal(app->people[i].person, person)) {
            return (int)i;
        }
    }
    return -1;
}

// The person's key on this device, certified and with its file here.
static bool key_here(const struct app *app, const struct roster_person *person,
                     struct key_id *out_key) {
    for (uint8_t i = person->key_count; i-- > 0;) {
        struct key_id key = key_id_of(&person->keys[i].key);
        if (rid_equal(person->keys[i].device, app->config.device) &&
            keyfile_person_exists(app->keys_folder, key) == RC_OK) {
            *out_key = key;
            return true;
        }
    }
    return false;
}

static void person_fill(struct app *app, struct rid id, const struct roster_person *person,
                        struct app_person *out) {
    struct key_id key;
    int index = signed_index(app, id);
    *out = (struct app_person){.person = id};
    memcpy(out->name, person->name, sizeof out->name);
    memcpy(out->number, person->number, sizeof out->number);
    out->has_key = key_here(app, person, &key);
    out->waiting = app->first_use.waits && rid_equal(app->first_use.person, id);
    out->signed_in = index >= 0;
    out->active = index >= 0 && (uint32_t)index == app->active;
}

uint32_t app_people(struct app *app, struct app_person *out_people, uint32_t max) {
    uint32_t count = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < roster_person_count(app->roster) && count < max; i++) {
            struct rid id;
            if (!roster_person_at(app->roster, i, &id)) {
                continue;
            }
            const struct roster_person *person = roster_person(app->roster, id);
            struct key_id key;
            if (person->role_count > 0 && key_here(app, person, &key) == (pass == 0)) {
                person_fill(app, id, person, &out_people[count++]);
            }
        }
    }
    return count;
}

// Numbers and PINs as people type them: an input method may leave full-width digits.
static enum rc fold_entry(const char *text, char *out, size_t out_bytes) {
    return text_fold(text, out, out_bytes);
}

static enum rc open_key(struct app *app, const char *number, const char *pin,
                        struct app_signed *out_signed, struct refusal *out_refusal) {
    struct rid id;
    struct key_id key;
    char folded[LIMIT_TAG_BYTES + 1];
    enum rc rc = fold_entry(number, folded, sizeof folded);
    if (rc == RC_NO_MEMORY) {
        return rc;
    }
    if (rc != RC_OK || !roster_person_by_number(app->roster, folded, &id)) {
        return REFUSE(out_refusal, REFUSAL_PERSON_UNKNOWN, number);
    }
    if (!key_here(app, roster_person(app->roster, id), &key)) {
        return REFUSE(out_refusal, REFUSAL_KEY_UNKNOWN, number);
    }
    struct roster_key_owner owner;
    if (roster_device_revoked(app->roster, app->config.device)) {
        return REFUSE(out_refusal, REFUSAL_DEVICE_REVOKED, "");
    }
    if (roster_key(app->roster, key, &owner) && owner.revoked) {
        return REFUSE(out_refusal, REFUSAL_KEY_REVOKED, number);
    }
    struct keypair *pair = NULL;
    char digits[LIMIT_PIN_DIGITS_MAX + 1] = "";
    rc = fold_entry(pin, digits, sizeof digits);
    if (rc == RC_NO_MEMORY) {
        return rc; // no try was made
    }
    // What is no PIN is a wrong one.
    rc = keyfile_person_open(app->keys_folder, &app->keys, key, digits, app->now, &pair,
                             out_refusal);
    keys_wipe(digits, sizeof digits);
    if (rc == RC_OK) {
        *out_signed = (struct app_signed){.person = id, .key = key, .pair = pair};
    }
    return rc;
}

// Those whose keys were closed by the lock sign in again themselves.
static void drop_closed(struct app *app, struct rid but) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < app->people_count; i++) {
        if (app->people[i].pair || rid_equal(app->people[i].person, but)) {
            app->people[kept++] = app->people[i];
        }
    }
    app->people_count = kept;
}

enum rc app_sign_in(struct app *app, const char *number, const char *pin, struct moment now,
                    struct refusal *out_refusal) {
    app->now = now;
    struct app_signed opened;
    enum rc rc = open_key(app, number, pin, &opened, out_refusal);
    if (rc != RC_OK) {
        return rc;
    }
    if (app->locked) {
        drop_closed(app, opened.person);
    }
    int index = signed_index(app, opened.person);
    if (index < 0 && app->people_count == LIMIT_SIGNED_IN) {
        keypair_free(opened.pair);
        return REFUSE(out_refusal, REFUSAL_TOO_LARGE, "8");
    }
    if (index < 0) {
        index = (int)app->people_count++;
    } else {
        keypair_free(app->people[index].pair);
    }
    app_random(app, &opened.session, sizeof opened.session);
    opened.session |= 1;
    app->people[index] = opened;
    app->active = (uint32_t)index;
    app->locked = false;
    app->touched = now.mono;
    app->changed = true;
    return RC_OK;
}

void app_sign_out(struct app *app, struct rid person) {
    int index = signed_index(app, person);
    if (index < 0) {
        return;
    }
    keypair_free(app->people[index].pair);
    for (uint32_t i = (uint32_t)index; i + 1 < app->people_count; i++) {
        app->people[i] = app->people[i + 1];
    }
    app->people_count--;
    if (app->active > (uint32_t)index || app->active >= app->people_count) {
        app->active = app->active > 0 ? app->active - 1 : 0;
    }
    app->locked = app->locked && app->people_count > 0;
    app->changed = true;
}

bool app_set_active(struct app *app, struct rid person) {
    int index = signed_index(app, person);
    if (index >= 0) {
        app->active = (uint32_t)index;
        app->changed = true;
    }
    return index >= 0;
}

bool app_active(const struct app *app, struct app_person *out_person) {
    if (app->people_count == 0) {
        return false;
    }
    struct rid id = app->people[app->active].person;
    const struct roster_person *person = roster_person(app->roster, id);
    if (!person) {
        return false;
    }
    person_fill((struct app *)(uintptr_t)app, id, person, out_person);
    return true;
}

uint32_t app_signed_in_count(const struct app *app) {
    return app->people_count;
}

void app_lock(struct app *app) {
    for (uint32_t i = 0; i < app->people_count; i++) {
        keypair_free(app->people[i].pair);
        app->people[i].pair = NULL;
    }
    app->locked = app->people_count > 0;
    app->changed = true;
}

bool app_is_locked(const struct app *app) {
    return app->locked;
}

enum rc app_unlock(struct app *app, const char *number, const char *pin, struct moment now,
                   struct refusal *out_refusal) {
    return app_sign_in(app, number, pin, now, out_refusal);
}

void app_touch(struct app *app, struct moment now) {
    app->touched = now.mono;
}

void app_idle(struct app *app) {
    if (!app->locked && app->people_count > 0 &&
        app->now.mono.v - app->touched.v >= LIMIT_SESSION_IDLE_MS) {
        app_lock(app);
    }
}

enum rc app_new_key(struct app *app, const char *pin, struct public_key *out_key,
                    struct refusal *out_refusal) {
    char digits[LIMIT_PIN_DIGITS_MAX + 1];
    enum rc rc = fold_entry(pin, digits, sizeof digits);
    if (rc != RC_OK) {
        return rc == RC_NO_MEMORY ? rc : REFUSE(out_refusal, REFUSAL_PIN_SHORT, "8");
    }
    rc = check_new_pin(app, digits, out_refusal);
    if (rc == RC_OK) {
        struct pin_cost cost = keyfile_test_costs() ? pin_cost_test : pin_cost_default;
        rc = keyfile_person_create(app->keys_folder, &app->keys, digits, cost, out_key);
    }
    keys_wipe(digits, sizeof digits);
    return rc;
}

enum rc app_first_use(struct app *app, const char *number, const char *code, const char *pin,
                      struct moment now, struct refusal *out_refusal) {
    app->now = now;
    struct rid id;
    char folded[LIMIT_TAG_BYTES + 1];
    char digits[LIMIT_PIN_DIGITS_MAX + 1] = "";
    char one_time[32];
    enum rc rc = fold_entry(number, folded, sizeof folded);
    if (rc == RC_NO_MEMORY) {
        return rc;
    }
    if (rc != RC_OK || !roster_person_by_number(app->roster, folded, &id)) {
        return REFUSE(out_refusal, REFUSAL_PERSON_UNKNOWN, number);
    }
    rc = fold_entry(code, one_time, sizeof one_time);
    if (rc != RC_OK) {
        return rc == RC_NO_MEMORY ? rc : REFUSE(out_refusal, REFUSAL_CODE_MISMATCH, "");
    }
    rc = fold_entry(pin, digits, sizeof digits);
    if (rc == RC_NO_MEMORY) {
        return rc;
    }
    // What is no PIN is too short.
    rc = check_new_pin(app, digits, out_refusal);
    keys_wipe(digits, sizeof digits);
    if (rc != RC_OK) {
        return rc;
    }
    struct sync_device_status status = {.phase = SYNC_OFFLINE};
    if (app->sync) {
        sync_device_status(app->sync, &status);
    }
    if (status.phase != SYNC_LIVE && status.phase != SYNC_CATCHING_UP) {
        return REFUSE(out_refusal, REFUSAL_OFFLINE, "");
    }
    struct public_key key;
    rc = app_new_key(app, pin, &key, out_refusal);
    if (rc == RC_OK) {
        rc = sync_device_enrol(app->sync, id, &key, one_time, now);
    }
    if (rc == RC_OK) {
        sync_device_flush(app->sync, now);
        app->first_use.person = id;
        app->first_use.key = key_id_of(&key);
        app->first_use.waits = true;
        app->changed = true;
    }
    return rc == RC_OFFLINE || rc == RC_BUSY ? REFUSE(out_refusal, REFUSAL_OFFLINE, "") : rc;
}

// The keys that this person held here before: their PIN was forgotten, or the device came back.
static void wipe_older(struct app *app, struct rid id, struct key_id but) {
    const struct roster_person *person = roster_person(app->roster, id);
    for (uint8_t i = 0; person && i < person->key_count; i++) {
        struct key_id key = key_id_of(&person->keys[i].key);
        if (!id16_equal(key.id, but.id) && rid_equal(person->keys[i].device, app->config.device)) {
            (void)!keyfile_person_wipe(app->keys_folder, key);
        }
    }
}

void app_enrolled(void *ctx, struct key_id key, enum refusal_code code) {
    struct app *app = ctx;
    if (!app->first_use.waits || !id16_equal(app->first_use.key.id, key.id)) {
        return;
    }
    app->first_use.waits = false;
    if (code == REFUSAL_NONE) {
        wipe_older(app, app->first_use.person, key);
    } else {
        (void)!keyfile_person_wipe(app->keys_folder, key);
    }
    struct app_message message = {.code = code,
                                  .kind = KIND_KEY_CERTIFY,
                                  .subject = app->first_use.person,
                                  .time = app->now.utc};
    app_push_message(app, &message);
}

// ---- Signing in front of the active person ----

enum rc app_sign_once(struct app *app, const char *number, const char *pin, struct moment now,
                      struct refusal *out_refusal) {
    struct app_signed opened;
    app->now = now;
    app_sign_end(app);
    enum rc rc = open_key(app, number, pin, &opened, out_refusal);
    if (rc == RC_OK) {
        app_random(app, &opened.session, sizeof opened.session);
        opened.session |= 1;
        app->once = opened;
    }
    return rc;
}

enum rc app_sign_root(struct app *app, const char *path, const char *pin) {
    char folder[1024] = ".";
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    if (slash && (size_t)(slash - path) >= sizeof folder) {
        return RC_TOO_LARGE;
    }
    if (slash) {
        (void)snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path),
                       path);
    }
    struct keypair *pair = NULL;
    enum rc rc = keyfile_root_open(folder, name, pin, &pair);
    if (rc == RC_OK) {
        app_sign_end(app);
        app->once = (struct app_signed){.key = key_id_of(keypair_public(pair)), .pair = pair};
        app->once_stays = true;
    }
    return rc;
}

void app_sign_end(struct app *app) {
    keypair_free(app->once.pair);
    app->once = (struct app_signed){.pair = NULL};
    app->once_stays = false;
}

void app_signed_once(struct app *app) {
    if (!app->once_stays) {
        app_sign_end(app);
    }
}

bool app_signs_as_root(const struct app *app) {
    return app->once.pair && rid_is_zero(app->once.person);
}

void app_people_close(struct app *app) {
    app_sign_end(app);
    for (uint32_t i = 0; i < app->people_count; i++) {
        keypair_free(app->people[i].pair);
    }
    app->people_count = 0;
}
