#include "davy/keys/keyfile.h"

#include "davy/base/ensure.h"
#include "davy/base/limits.h"
#include "keys/folder_priv.h"
#include "keys/tries_priv.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define DEVICE_NAME "device.key"
#define WRAP_KEY_BYTES crypto_aead_xchacha20poly1305_ietf_KEYBYTES
#define SEALED_BYTES (SEED_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES)
#define CHECK_BYTES 32

const struct pin_cost pin_cost_default = {.ops = 2, .mem_bytes = 64 * 1024 * 1024};
const struct pin_cost pin_cost_test = {.ops = crypto_pwhash_OPSLIMIT_MIN,
                                       .mem_bytes = crypto_pwhash_MEMLIMIT_MIN};
// The least that OWASP's password storage sheet names for Argon2id.
static const struct pin_cost pin_cost_floor = {.ops = 2, .mem_bytes = 19 * 1024 * 1024};

static const uint8_t device_magic[16] = "davy/device/1";
static const uint8_t person_magic[16] = "davy/person/1";

// The files' bytes; integers little-endian.
struct device_file {
    uint8_t magic[16];
    uint8_t seed[SEED_BYTES];
    uint8_t secret[32];
    uint8_t check[CHECK_BYTES];
};

struct person_file {
    uint8_t magic[16];
    uint8_t public_key[PUBLIC_KEY_BYTES];
    uint8_t ops[8];
    uint8_t mem_bytes[8];
    uint8_t salt[crypto_pwhash_SALTBYTES];
    uint8_t nonce[crypto_aead_xchacha20poly1305_ietf_NPUBBYTES];
    uint8_t sealed[SEALED_BYTES]; // the seed; everything before it is authenticated with it
    uint8_t check[CHECK_BYTES];   // keyed by the device secret: damage is told from a wrong PIN
};

#define DEVICE_CHECKED_BYTES offsetof(struct device_file, check)
#define PERSON_HEADER_BYTES offsetof(struct person_file, sealed)
#define PERSON_CHECKED_BYTES offsetof(struct person_file, check)
_Static_assert(sizeof(struct device_file) == 112, "no padding");
_Static_assert(sizeof(struct person_file) == 184, "no padding");

__attribute__((weak)) bool keyfile_test_costs(void) {
    return false;
}

void keyfile_name(struct key_id key, const char *suffix, char out_name[static KEYFILE_NAME_BYTES]) {
    char hex[ID_HEX_BYTES];
    id16_hex(key.id, hex);
    int need = snprintf(out_name, KEYFILE_NAME_BYTES, "%s.%s", hex, suffix);
    ENSURE(need > 0 && need < KEYFILE_NAME_BYTES);
}

void keyfile_check(const uint8_t *device_secret, const void *data, size_t len,
                   uint8_t out_check[CHECK_BYTES]) {
    size_t key_bytes = device_secret == NULL ? 0 : 32;
    ENSURE(crypto_generichash(out_check, CHECK_BYTES, data, len, device_secret, key_bytes) == 0);
}

void keyfile_put(uint8_t *out, uint64_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        out[i] = (uint8_t)(value >> (8 * i));
    }
}

uint64_t keyfile_get(const uint8_t *data, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++) {
        value |= (uint64_t)data[i] << (8 * i);
    }
    return value;
}

// ---- device.key

static enum rc device_of_file(const struct device_file *file, struct keyfile_device *out_device) {
    struct keyfile_device device = {0};
    enum rc rc = keypair_from_seed(keys_ed25519(), file->seed, &device.pair);
    if (rc == RC_OK) {
        memcpy(device.secret, file->secret, sizeof(device.secret));
        *out_device = device;
        keys_wipe(&device, sizeof(device));
    }
    return rc;
}

enum rc keyfile_device_create(const char *folder, struct keyfile_device *out_device) {
    int dir = -1;
    enum rc rc = key_folder_open(folder, true, &dir);
    if (rc != RC_OK) {
        return rc;
    }
    struct device_file file = {0};
    struct keyfile_device device = {0};
    rc = key_folder_has(dir, DEVICE_NAME);
    if (rc != RC_NOT_FOUND) {
        rc = rc == RC_OK ? RC_EXISTS : rc;
        goto done;
    }
    memcpy(file.magic, device_magic, sizeof(device_magic));
    keys_random(file.seed, sizeof(file.seed));
    keys_random(file.secret, sizeof(file.secret));
    keyfile_check(NULL, &file, DEVICE_CHECKED_BYTES, file.check);
    rc = device_of_file(&file, &device);
    if (rc != RC_OK) {
        goto done;
    }
    rc = key_folder_write(dir, DEVICE_NAME, &file, sizeof(file));
    if (rc == RC_OK) {
        *out_device = device;
    } else {
        keyfile_device_fini(&device);
    }
done:
    keys_wipe(&file, sizeof(file));
    keys_wipe(&device, sizeof(device));
    key_folder_close(dir);
    return rc;
}

static enum rc device_read(int dir, struct keyfile_device *out_device) {
    struct device_file file;
    enum rc rc = key_folder_read(dir, DEVICE_NAME, &file, sizeof(file));
    if (rc != RC_OK) {
        return rc;
    }
    uint8_t check[CHECK_BYTES];
    keyfile_check(NULL, &file, DEVICE_CHECKED_BYTES, check);
    if (memcmp(check, file.check, sizeof(check)) != 0 ||
        memcmp(file.magic, device_magic, sizeof(device_magic)) != 0) {
        rc = RC_CORRUPT;
    } else {
        rc = device_of_file(&file, out_device);
    }
    keys_wipe(&file, sizeof(file));
    return rc;
}

enum rc keyfile_device_load(const char *folder, struct keyfile_device *out_device) {
    int dir = -1;
    enum rc rc = key_folder_open(folder, false, &dir);
    if (rc == RC_OK) {
        rc = device_read(dir, out_device);
    }
    key_folder_close(dir);
    return rc;
}

void keyfile_device_fini(struct keyfile_device *device) {
    if (device != NULL) {
        keypair_free(device->pair);
        keys_wipe(device, sizeof(*device));
    }
}

// ---- <key id>.person

static bool pin_is_well_formed(const char *pin) {
    size_t digits = strspn(pin, "0123456789");
    return pin[digits] == '\0' && digits >= LIMIT_PIN_DIGITS_MIN && digits <= LIMIT_PIN_DIGITS_MAX;
}

static bool cost_is_enough(struct pin_cost cost) {
    return keyfile_test_costs() ||
           (cost.ops >= pin_cost_floor.ops && cost.mem_bytes >= pin_cost_floor.mem_bytes);
}

// Argon2id of the PIN, mixed with the device secret. RC_NO_MEMORY: never a cheaper cost instead.
static enum rc wrap_key_make(const struct person_file *file, const uint8_t *device_secret,
                             const char *pin, uint8_t out_key[WRAP_KEY_BYTES]) {
    static const char domain[] = "davy/person-wrap/1";
    uint8_t mixed[sizeof(domain) + WRAP_KEY_BYTES];
    memcpy(mixed, domain, sizeof(domain));
    int result = crypto_pwhash(mixed + sizeof(domain), WRAP_KEY_BYTES, pin, strlen(pin), file->salt,
                               keyfile_get(file->ops, sizeof(file->ops)),
                               keyfile_get(file->mem_bytes, sizeof(file->mem_bytes)),
                               crypto_pwhash_ALG_ARGON2ID13);
    if (result == 0) {
        keyfile_check(device_secret, mixed, sizeof(mixed), out_key);
    }
    keys_wipe(mixed, sizeof(mixed));
    return result == 0 ? RC_OK : RC_NO_MEMORY;
}

static enum rc person_wrap(struct person_file *file, const uint8_t *device_secret, const char *pin,
                           const uint8_t seed[SEED_BYTES]) {
    uint8_t key[WRAP_KEY_BYTES];
    enum rc rc = wrap_key_make(file, device_secret, pin, key);
    if (rc != RC_OK) {
        return rc;
    }
    ENSURE(crypto_aead_xchacha20poly1305_ietf_encrypt(file->sealed, NULL, seed, SEED_BYTES,
                                                      (const uint8_t *)file, PERSON_HEADER_BYTES,
                                                      NULL, file->nonce, key) == 0);
    keyfile_check(device_secret, file, PERSON_CHECKED_BYTES, file->check);
    keys_wipe(key, sizeof(key));
    return RC_OK;
}

// RC_DENIED for a wrong PIN.
static enum rc person_unwrap(const struct person_file *file, const uint8_t *device_secret,
                             const char *pin, struct keypair **out_pair) {
    uint8_t key[WRAP_KEY_BYTES];
    enum rc rc = wrap_key_make(file, device_secret, pin, key);
    if (rc != RC_OK) {
        return rc;
    }
    uint8_t seed[SEED_BYTES];
    struct keypair *pair = NULL;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(seed, NULL, NULL, file->sealed, SEALED_BYTES,
                                                   (const uint8_t *)file, PERSON_HEADER_BYTES,
                                                   file->nonce, key) != 0) {
        rc = RC_DENIED;
    } else {
        rc = keypair_from_seed(keys_ed25519(), seed, &pair);
    }
    keys_wipe(key, sizeof(key));
    keys_wipe(seed, sizeof(seed));
    if (rc == RC_OK && memcmp(keypair_public(pair)->b, file->public_key, PUBLIC_KEY_BYTES) != 0) {
        keypair_free(pair);
        rc = RC_CORRUPT;
    }
    if (rc == RC_OK) {
        *out_pair = pair;
    }
    return rc;
}

// A fresh key's file, wrapped.
static enum rc person_make_as(const uint8_t magic[16], const struct keyfile_device *device,
                              const char *pin, struct pin_cost cost, struct person_file *out_file) {
    uint8_t seed[SEED_BYTES];
    keys_random(seed, sizeof(seed));
    struct keypair *pair = NULL;
    enum rc rc = keypair_from_seed(keys_ed25519(), seed, &pair);
    if (rc == RC_OK) {
        struct person_file file = {0};
        memcpy(file.magic, magic, sizeof(file.magic));
        memcpy(file.public_key, keypair_public(pair)->b, PUBLIC_KEY_BYTES);
        keyfile_put(file.ops, cost.ops, sizeof(file.ops));
        keyfile_put(file.mem_bytes, cost.mem_bytes, sizeof(file.mem_bytes));
        keys_random(file.salt, sizeof(file.salt));
        keys_random(file.nonce, sizeof(file.nonce));
        rc = person_wrap(&file, device->secret, pin, seed);
        *out_file = rc == RC_OK ? file : *out_file;
    }
    keypair_free(pair);
    keys_wipe(seed, sizeof(seed));
    return rc;
}

static struct public_key person_public(const struct person_file *file) {
    struct public_key key;
    memcpy(key.b, file->public_key, PUBLIC_KEY_BYTES);
    return key;
}

enum rc keyfile_person_create(const char *folder, const struct keyfile_device *device,
                              const char *pin, struct pin_cost cost,
                              struct public_key *out_public) {
    if (!pin_is_well_formed(pin) || !cost_is_enough(cost)) {
        return RC_INVALID;
    }
    struct person_file file;
    enum rc rc = person_make_as(person_magic, device, pin, cost, &file);
    if (rc != RC_OK) {
        return rc;
    }
    int dir = -1;
    rc = key_folder_open(folder, false, &dir);
    if (rc != RC_OK) {
        return rc;
    }
    struct public_key public_key = person_public(&file);
    struct pin_counter counter = {dir, device->secret, key_id_of(&public_key)};
    // The counter first: a key without one counts as locked.
    rc = pin_tries_write(&counter, (struct pin_tries){0});
    if (rc == RC_OK) {
        char name[KEYFILE_NAME_BYTES];
        keyfile_name(counter.key, "person", name);
        rc = key_folder_write(dir, name, &file, sizeof(file));
    }
    if (rc == RC_OK) {
        *out_public = public_key;
    }
    key_folder_close(dir);
    return rc;
}

static enum rc person_read(const struct pin_counter *counter, struct person_file *out_file) {
    char name[KEYFILE_NAME_BYTES];
    keyfile_name(counter->key, "person", name);
    struct person_file file;
    enum rc rc = key_folder_read(counter->folder, name, &file, sizeof(file));
    if (rc != RC_OK) {
        return rc;
    }
    uint8_t check[CHECK_BYTES];
    keyfile_check(counter->device_secret, &file, PERSON_CHECKED_BYTES, check);
    struct public_key public_key = person_public(&file);
    struct pin_cost cost = {keyfile_get(file.ops, sizeof(file.ops)),
                            keyfile_get(file.mem_bytes, sizeof(file.mem_bytes))};
    if (memcmp(check, file.check, sizeof(check)) != 0 ||
        memcmp(file.magic, person_magic, sizeof(person_magic)) != 0 ||
        !id16_equal(key_id_of(&public_key).id, counter->key.id) || !cost_is_enough(cost)) {
        return RC_CORRUPT;
    }
    *out_file = file;
    return RC_OK;
}

// Overwritten before it is unlinked: then only what the medium itself keeps is left.
static enum rc person_wipe(const struct pin_counter *counter) {
    char name[KEYFILE_NAME_BYTES];
    struct person_file nothing = {0};
    keyfile_name(counter->key, "person", name);
    enum rc rc = key_folder_wipe(counter->folder, name, &nothing, sizeof(nothing));
    return rc == RC_NOT_FOUND ? RC_OK : rc;
}

// One counted try at an authentic file.
static enum rc person_try(const struct pin_counter *counter, const struct person_file *file,
                          const char *pin, struct moment now, struct keypair **out_pair,
                          struct refusal *out_refusal) {
    struct pin_tries before;
    struct refusal refusal = {0};
    enum rc rc = pin_tries_begin(counter, now, &before, &refusal);
    if (rc != RC_OK && out_refusal != NULL) {
        *out_refusal = refusal;
    }
    if (rc == RC_REFUSED && refusal.code == REFUSAL_PIN_WIPED) {
        enum rc wiped = person_wipe(counter);
        rc = wiped == RC_OK ? rc : wiped;
    }
    if (rc != RC_OK) {
        return rc;
    }
    rc = person_unwrap(file, counter->device_secret, pin, out_pair);
    if (rc == RC_DENIED) {
        return pin_tries_wrong(before, out_refusal);
    }
    // A good PIN stands even if its reset cannot be written: the counter is then only stricter. A
    // PIN that could not be checked was no try.
    struct pin_tries after = rc == RC_OK ? (struct pin_tries){0} : before;
    (void)!pin_tries_write(counter, after);
    return rc;
}

enum rc keyfile_person_open(const char *folder, const struct keyfile_device *device,
                            struct key_id key, const char *pin, struct moment now,
                            struct keypair **out_pair, struct refusal *out_refusal) {
    int dir = -1;
    enum rc rc = key_folder_open(folder, false, &dir);
    if (rc != RC_OK) {
        return rc;
    }
    struct pin_counter counter = {dir, device->secret, key};
    struct person_file file;
    rc = person_read(&counter, &file);
    if (rc == RC_OK) {
        rc = person_try(&counter, &file, pin, now, out_pair, out_refusal);
    }
    key_folder_close(dir);
    return rc;
}

enum rc keyfile_person_exists(const char *folder, struct key_id key) {
    int dir = -1;
    enum rc rc = key_folder_open(folder, false, &dir);
    if (rc == RC_OK) {
        char name[KEYFILE_NAME_BYTES];
        keyfile_name(key, "person", name);
        rc = key_folder_has(dir, name);
    }
    key_folder_close(dir);
    return rc;
}

enum rc keyfile_person_unlock(const char *folder, struct key_id key) {
    int dir = -1;
    enum rc rc = key_folder_open(folder, false, &dir);
    if (rc != RC_OK) {
        return rc;
    }
    struct keyfile_device device = {0};
    rc = device_read(dir, &device);
    if (rc == RC_OK) {
        struct pin_counter counter = {dir, device.secret, key};
        char name[KEYFILE_NAME_BYTES];
        keyfile_name(key, "person", name);
        rc = key_folder_has(dir, name);
        rc = rc == RC_OK ? pin_tries_write(&counter, (struct pin_tries){0}) : rc;
    }
    keyfile_device_fini(&device);
    key_folder_close(dir);
    return rc;
}

enum rc keyfile_person_wipe(const char *folder, struct key_id key) {
    int dir = -1;
    enum rc rc = key_folder_open(folder, false, &dir);
    if (rc == RC_OK) {
        struct pin_counter counter = {dir, NULL, key};
        rc = person_wipe(&counter);
    }
    key_folder_close(dir);
    return rc;
}

// ---- Root keys: a file that leaves the machine, wrapped by its PIN alone

static const uint8_t root_magic[16] = "davy/root/1";
static const uint8_t no_secret[32];

enum rc keyfile_root_create(const char *folder, const char *name, const char *pin,
                            struct pin_cost cost, struct public_key *out_public) {
    if (!pin_is_well_formed(pin) || !cost_is_enough(cost)) {
        return RC_INVALID;
    }
    struct keyfile_device nowhere = {0};
    struct person_file file;
    int dir = -1;
    enum rc rc = person_make_as(root_magic, &nowhere, pin, cost, &file);
    if (rc != RC_OK) {
        return rc;
    }
    rc = key_folder_open(folder, true, &dir);
    if (rc == RC_OK) {
        rc = key_folder_has(dir, name);
        rc = rc == RC_OK ? RC_EXISTS : rc;
    }
    if (rc == RC_NOT_FOUND) {
        rc = key_folder_write(dir, name, &file, sizeof(file));
    }
    if (rc == RC_OK) {
        *out_public = person_public(&file);
    }
    key_folder_close(dir);
    return rc;
}

enum rc keyfile_root_open(const char *folder, const char *name, const char *pin,
                          struct keypair **out_pair) {
    int dir = -1;
    struct person_file file;
    enum rc rc = key_folder_open(folder, false, &dir);
    if (rc == RC_OK) {
        rc = key_folder_read(dir, name, &file, sizeof(file));
    }
    key_folder_close(dir);
    if (rc != RC_OK) {
        return rc;
    }
    uint8_t check[CHECK_BYTES];
    struct pin_cost cost = {keyfile_get(file.ops, sizeof(file.ops)),
                            keyfile_get(file.mem_bytes, sizeof(file.mem_bytes))};
    keyfile_check(no_secret, &file, PERSON_CHECKED_BYTES, check);
    if (memcmp(check, file.check, sizeof(check)) != 0 ||
        memcmp(file.magic, root_magic, sizeof(root_magic)) != 0 || !cost_is_enough(cost)) {
        return RC_CORRUPT;
    }
    rc = person_unwrap(&file, no_secret, pin, out_pair);
    return rc == RC_DENIED ? RC_BAD_SIGNATURE : rc;
}
