// Key files without memory: a key is there whole or not at all, and no try of a PIN is counted.
#include "../unit/test_util.h"
#include "fault.h"

#include "davy/keys/keyfile.h"

#define PIN "24681357"

bool keyfile_test_costs(void);
bool keyfile_test_costs(void) {
    return true;
}

struct world {
    char folder[TEST_PATH_BYTES], keys[TEST_PATH_BYTES];
    struct keyfile_device device;
    struct public_key person;
};

static void world_teardown(void *world) {
    struct world *w = world;
    keyfile_device_fini(&w->device);
    test_folder_remove(w->folder);
    free(w);
}

static void *folder_setup(void) {
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    assert_int_equal(keys_init(), RC_OK);
    test_folder_make(w->folder);
    test_path(w->folder, "keys", w->keys);
    return w;
}

static enum rc device_create_run(void *world) {
    struct world *w = world;
    fault_paint(&w->device, sizeof w->device);
    enum rc rc = keyfile_device_create(w->keys, &w->device);
    if (rc != RC_OK) {
        fault_painted(&w->device, sizeof w->device, "the device's key");
        w->device = (struct keyfile_device){0};
    }
    return rc;
}

static void device_create_check(void *world, enum rc rc) {
    struct world *w = world;
    struct keyfile_device device;
    assert_int_equal(keyfile_device_load(w->keys, &device), rc == RC_OK ? RC_OK : RC_NOT_FOUND);
    if (rc == RC_OK) {
        keyfile_device_fini(&device);
    }
}

static void *device_setup(void) {
    struct world *w = folder_setup();
    assert_int_equal(keyfile_device_create(w->keys, &w->device), RC_OK);
    return w;
}

static enum rc device_load_run(void *world) {
    struct world *w = world;
    struct keyfile_device device = {0};
    enum rc rc = keyfile_device_load(w->keys, &device);
    if (rc != RC_OK && device.pair != NULL) {
        fault_fail("a key and an error");
    }
    keyfile_device_fini(&device);
    return rc;
}

static enum rc person_create_run(void *world) {
    struct world *w = world;
    fault_paint(&w->person, sizeof w->person);
    enum rc rc = keyfile_person_create(w->keys, &w->device, PIN, pin_cost_test, &w->person);
    if (rc != RC_OK) {
        fault_painted(&w->person, sizeof w->person, "the person's key");
    }
    return rc;
}

static void person_create_check(void *world, enum rc rc) {
    struct world *w = world;
    if (rc == RC_OK) {
        assert_int_equal(keyfile_person_exists(w->keys, key_id_of(&w->person)), RC_OK);
    }
}

static void *person_setup(void) {
    struct world *w = device_setup();
    assert_int_equal(person_create_run(w), RC_OK);
    return w;
}

static enum rc open_person(struct world *w, const char *pin, struct refusal *out_refusal) {
    struct keypair *pair = NULL;
    struct moment now = {.mono = {1000}, .boot_id = 1};
    enum rc rc = keyfile_person_open(w->keys, &w->device, key_id_of(&w->person), pin, now, &pair,
                                     out_refusal);
    assert_true((rc == RC_OK) == (pair != NULL));
    keypair_free(pair);
    return rc;
}

static enum rc person_open_run(void *world) {
    struct refusal refusal = {0};
    return open_person(world, PIN, &refusal);
}

// Without memory nothing was tried: all tries are left.
static void person_open_check(void *world, enum rc rc) {
    (void)rc;
    struct refusal refusal = {0};
    assert_int_equal(open_person(world, "11111111", &refusal), RC_REFUSED);
    assert_int_equal(refusal.code, REFUSAL_PIN_WRONG);
    assert_string_equal(refusal.args[0], "9");
    assert_int_equal(open_person(world, PIN, &refusal), RC_OK);
}

static enum rc person_unlock_run(void *world) {
    struct world *w = world;
    return keyfile_person_unlock(w->keys, key_id_of(&w->person));
}

static const struct fault_op ops[] = {
    {.name = "key of a device: make",
     .setup = folder_setup,
     .run = device_create_run,
     .check = device_create_check,
     .teardown = world_teardown},
    {.name = "key of a device: load",
     .setup = device_setup,
     .run = device_load_run,
     .teardown = world_teardown},
    {.name = "key of a person: make",
     .setup = device_setup,
     .run = person_create_run,
     .check = person_create_check,
     .teardown = world_teardown},
    {.name = "key of a person: open",
     .setup = person_setup,
     .run = person_open_run,
     .check = person_open_check,
     .teardown = world_teardown},
    {.name = "key of a person: unlock",
     .setup = person_setup,
     .run = person_unlock_run,
     .check = person_open_check,
     .teardown = world_teardown},
};

int main(int argc, char **argv) {
    return fault_main(argc, argv, ops, COUNT_OF(ops));
}
