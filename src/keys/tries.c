#include "keys/tries_priv.h"

#include "davy/base/ensure.h"
#include "davy/base/limits.h"
#include "keys/folder_priv.h"

#include <stdio.h>
#include <string.h>

static const uint8_t tries_magic[16] = "davy/tries/1";

// The file's bytes; integers little-endian.
struct tries_file {
    uint8_t magic[16];
    uint8_t key[ID_BYTES];
    uint8_t wrong[4];
    uint8_t wait_ms[4];
    uint8_t boot_id[8];
    uint8_t start_ms[8];
    uint8_t check[32];
};

#define CHECKED_BYTES offsetof(struct tries_file, check)
_Static_assert(sizeof(struct tries_file) == 88, "no padding");

static void tries_name(const struct pin_counter *counter, char out_name[KEYFILE_NAME_BYTES]) {
    keyfile_name(counter->key, "tries", out_name);
}

static enum rc tries_decode(const struct pin_counter *counter, const struct tries_file *file,
                            struct pin_tries *out_tries) {
    uint8_t check[32];
    keyfile_check(counter->device_secret, file, CHECKED_BYTES, check);
    struct pin_tries tries = {
        .wrong = (uint32_t)keyfile_get(file->wrong, sizeof(file->wrong)),
        .wait_ms = (uint32_t)keyfile_get(file->wait_ms, sizeof(file->wait_ms)),
        .boot_id = keyfile_get(file->boot_id, sizeof(file->boot_id)),
        .start_ms = (int64_t)keyfile_get(file->start_ms, sizeof(file->start_ms)),
    };
    if (memcmp(check, file->check, sizeof(check)) != 0 ||
        memcmp(file->magic, tries_magic, sizeof(tries_magic)) != 0 ||
        memcmp(file->key, counter->key.id.b, ID_BYTES) != 0 ||
        tries.wait_ms > LIMIT_PIN_WAIT_MS_MAX) {
        return RC_CORRUPT;
    }
    *out_tries = tries;
    return RC_OK;
}

// A counter that is missing, damaged or open to others reads as locked; only a failing disk does
// not.
static enum rc tries_read(const struct pin_counter *counter, struct pin_tries *out_tries,
                          bool *out_authentic) {
    char name[KEYFILE_NAME_BYTES];
    tries_name(counter, name);
    struct tries_file file;
    enum rc rc = key_folder_read(counter->folder, name, &file, sizeof(file));
    if (rc == RC_IO) {
        return rc;
    }
    *out_authentic = rc == RC_OK && tries_decode(counter, &file, out_tries) == RC_OK;
    if (!*out_authentic) {
        *out_tries = (struct pin_tries){.wrong = LIMIT_PIN_TRIES_LOCK};
    }
    return RC_OK;
}

enum rc pin_tries_write(const struct pin_counter *counter, struct pin_tries tries) {
    struct tries_file file = {0};
    memcpy(file.magic, tries_magic, sizeof(tries_magic));
    memcpy(file.key, counter->key.id.b, ID_BYTES);
    keyfile_put(file.wrong, tries.wrong, sizeof(file.wrong));
    keyfile_put(file.wait_ms, tries.wait_ms, sizeof(file.wait_ms));
    keyfile_put(file.boot_id, tries.boot_id, sizeof(file.boot_id));
    keyfile_put(file.start_ms, (uint64_t)tries.start_ms, sizeof(file.start_ms));
    keyfile_check(counter->device_secret, &file, CHECKED_BYTES, file.check);
    char name[KEYFILE_NAME_BYTES];
    tries_name(counter, name);
    return key_folder_write(counter->folder, name, &file, sizeof(file));
}

static uint32_t wait_after(uint32_t wrong) {
    if (wrong < LIMIT_PIN_TRIES_FREE) {
        return 0;
    }
    uint32_t wait_ms = LIMIT_PIN_WAIT_MS;
    for (uint32_t i = LIMIT_PIN_TRIES_FREE; i < wrong && wait_ms < LIMIT_PIN_WAIT_MS_MAX; i++) {
        wait_ms *= 2;
    }
    return wait_ms < LIMIT_PIN_WAIT_MS_MAX ? wait_ms : LIMIT_PIN_WAIT_MS_MAX;
}

static enum rc refuse_wait(uint64_t left_ms, struct refusal *out_refusal) {
    char seconds[24];
    snprintf(seconds, sizeof(seconds), "%llu", (unsigned long long)((left_ms + 999) / 1000));
    return REFUSE(out_refusal, REFUSAL_PIN_WAIT, seconds);
}

// RC_REFUSED while the wait runs.
static enum rc wait_check(const struct pin_counter *counter, struct pin_tries tries,
                          struct moment now, struct refusal *out_refusal) {
    if (tries.wait_ms == 0) {
        return RC_OK;
    }
    if (tries.boot_id != now.boot_id || now.mono.v < tries.start_ms) {
        tries.boot_id = now.boot_id;
        tries.start_ms = now.mono.v;
        enum rc rc = pin_tries_write(counter, tries);
        return rc != RC_OK ? rc : refuse_wait(tries.wait_ms, out_refusal);
    }
    uint64_t elapsed_ms = (uint64_t)now.mono.v - (uint64_t)tries.start_ms;
    if (elapsed_ms < tries.wait_ms) {
        return refuse_wait(tries.wait_ms - elapsed_ms, out_refusal);
    }
    return RC_OK;
}

// A try at a locked key opens nothing, and is counted all the same: whoever goes on guessing loses
// the key. A counter that says nothing counts nothing.
static enum rc locked_try(const struct pin_counter *counter, struct pin_tries tries, bool authentic,
                          struct refusal *out_refusal) {
    if (authentic) {
        tries.wrong++;
        enum rc rc = pin_tries_write(counter, tries);
        if (rc != RC_OK) {
            return rc;
        }
    }
    return REFUSE(out_refusal,
                  tries.wrong >= LIMIT_PIN_TRIES_WIPE ? REFUSAL_PIN_WIPED : REFUSAL_PIN_LOCKED, "");
}

enum rc pin_tries_begin(const struct pin_counter *counter, struct moment now,
                        struct pin_tries *out_before, struct refusal *out_refusal) {
    struct pin_tries before;
    bool authentic = false;
    enum rc rc = tries_read(counter, &before, &authentic);
    if (rc != RC_OK) {
        return rc;
    }
    if (before.wrong >= LIMIT_PIN_TRIES_LOCK) {
        return locked_try(counter, before, authentic, out_refusal);
    }
    rc = wait_check(counter, before, now, out_refusal);
    if (rc != RC_OK) {
        return rc;
    }
    struct pin_tries counted = {
        .wrong = before.wrong + 1,
        .wait_ms = wait_after(before.wrong + 1),
        .boot_id = now.boot_id,
        .start_ms = now.mono.v,
    };
    rc = pin_tries_write(counter, counted);
    if (rc == RC_OK) {
        *out_before = before;
    }
    return rc;
}

enum rc pin_tries_wrong(struct pin_tries before, struct refusal *out_refusal) {
    uint32_t wrong = before.wrong + 1;
    if (wrong >= LIMIT_PIN_TRIES_LOCK) {
        return REFUSE(out_refusal, REFUSAL_PIN_LOCKED, "");
    }
    char left[12];
    snprintf(left, sizeof(left), "%u", LIMIT_PIN_TRIES_LOCK - wrong);
    return REFUSE(out_refusal, REFUSAL_PIN_WRONG, left);
}

uint32_t pin_tries_counted(const struct pin_counter *counter) {
    struct pin_tries tries;
    bool authentic = false;
    return tries_read(counter, &tries, &authentic) == RC_OK ? tries.wrong : LIMIT_PIN_TRIES_LOCK;
}

enum rc pin_tries_raise(const struct pin_counter *counter, uint32_t least) {
    struct pin_tries tries;
    bool authentic = false;
    enum rc rc = tries_read(counter, &tries, &authentic);
    // A counter that says nothing is locked already, and stays so.
    if (rc != RC_OK || !authentic || tries.wrong >= least) {
        return rc;
    }
    // No boot has this id: the wait begins with the first try.
    return pin_tries_write(counter,
                           (struct pin_tries){.wrong = least, .wait_ms = wait_after(least)});
}
